//! Fetching a server's keys.

#![no_std]
#![no_main]

use keyfob_core::{client::Client, error::Error, exchange::Jwks};
use keyfob_link::{Given, Opaque, SERVER, entry, fetch};

static CLIENT: Client<'static> = Client::new(SERVER, "client").algorithms(&[&Opaque]);

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> Result<usize, Error> {
    fetch(&Jwks::new(&CLIENT), given, |keys| keys.len())
}
