//! The code flow with an ID token, whose signature an opaque verifier checks.

#![no_std]
#![no_main]

use keyfob_core::{client::Client, error::Error, flow::AuthorizationCode, secret::Seed};
use keyfob_link::{Given, Opaque, SERVER, drive, entry, now, seed};

static CLIENT: Client<'static> =
    Client::new(SERVER, "client").redirect_uri("https://client.example/cb").algorithms(&[&Opaque]);

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> Result<usize, Error> {
    let mut flow = AuthorizationCode::<256>::new(&CLIENT, Seed::new(seed(&given))?, now(&given))?;
    drive(&mut flow, given)
}
