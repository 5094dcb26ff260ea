//! The code flow without sign-in whose requests are pushed.

#![no_std]
#![no_main]

use keyfob_core::{client::Client, error::Error, flow::AuthorizationCode, metadata::Metadata, secret::Seed};
use keyfob_link::{Given, SERVER, drive, entry, now, seed};

const PUSH_SERVER: Metadata<'static> = SERVER.pushed_authorization_request_endpoint("https://op.example/par");

static CLIENT: Client<'static> = Client::oauth(PUSH_SERVER, "client")
    .redirect_uri("https://client.example/cb")
    .scope(&["read"])
    .pushed_authorization_request();

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> Result<usize, Error> {
    let mut flow = AuthorizationCode::<256>::new(&CLIENT, Seed::new(seed(&given))?, now(&given))?;
    drive(&mut flow, given)
}
