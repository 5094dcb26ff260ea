//! Staying signed in, with ID tokens that must go on where the first one was.

#![no_std]
#![no_main]

use keyfob_core::{client::Client, error::Error};
use keyfob_link::{Given, Opaque, SERVER, entry, keep};

static CLIENT: Client<'static> =
    Client::new(SERVER.revocation_endpoint("https://op.example/revoke"), "client").algorithms(&[&Opaque]);

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> Result<usize, Error> {
    keep(&CLIENT, given)
}
