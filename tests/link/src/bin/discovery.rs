//! Fetching a server's metadata.

#![no_std]
#![no_main]

use keyfob_core::{error::Error, exchange::Discovery};
use keyfob_link::{Given, entry, fetch};

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> Result<usize, Error> {
    let discovery = Discovery::new(given.text)?;
    fetch(&discovery, given, |metadata| metadata.issuer().len())
}
