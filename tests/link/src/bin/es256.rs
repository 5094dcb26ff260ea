//! ES256.

#![no_std]
#![no_main]

use keyfob_core::{
    error::Check,
    jws::{Es256, Key, Verifier},
};
use keyfob_link::{Given, entry};

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> Result<(), Check> {
    Es256.verify(Key::P256 { x: given.bytes, y: given.bytes }, given.buffer, given.bytes)
}
