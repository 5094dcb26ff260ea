//! The code flow of a client that wants access and no sign-in: no ID token, no signature.

#![no_std]
#![no_main]

use keyfob_core::{client::Client, error::Error, flow::AuthorizationCode, secret::Seed};
use keyfob_link::{Given, SERVER, drive, entry, now, seed};

static CLIENT: Client<'static> =
    Client::oauth(SERVER, "client").redirect_uri("https://client.example/cb").scope(&["read"]);

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> Result<usize, Error> {
    let mut flow = AuthorizationCode::<256>::new(&CLIENT, Seed::new(seed(&given))?, now(&given))?;
    drive(&mut flow, given)
}
