//! Staying signed in without ID tokens.

#![no_std]
#![no_main]

use keyfob_core::{client::Client, error::Error};
use keyfob_link::{Given, SERVER, entry, keep};

static CLIENT: Client<'static> =
    Client::oauth(SERVER.revocation_endpoint("https://op.example/revoke"), "client");

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> Result<usize, Error> {
    keep(&CLIENT, given)
}
