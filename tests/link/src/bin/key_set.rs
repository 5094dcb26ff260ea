//! Reading a key set that is at hand.

#![no_std]
#![no_main]

use keyfob_core::{error::Error, jwk::KeySet};
use keyfob_link::{Given, Opaque, entry};

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> Result<usize, Error> {
    KeySet::from_json(given.bytes, &[&Opaque], given.buffer).map(|keys| keys.len())
}
