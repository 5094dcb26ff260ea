//! Going on from a snapshot.

#![no_std]
#![no_main]

use keyfob_core::{client::Client, error::Error, flow::AuthorizationCode};
use keyfob_link::{Given, SERVER, drive, entry, now};

static CLIENT: Client<'static> = Client::oauth(SERVER, "client").redirect_uri("https://client.example/cb");

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> Result<usize, Error> {
    let mut flow = AuthorizationCode::<256>::restore(&CLIENT, given.bytes, now(&given))?;
    drive(&mut flow, given)
}
