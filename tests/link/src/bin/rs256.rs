//! RS256, with keys of 2048 to 4096 bits.

#![no_std]
#![no_main]

use keyfob_core::{
    error::Check,
    jws::{Key, Rs256, Verifier},
};
use keyfob_link::{Given, entry};

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> Result<(), Check> {
    let key = Key::Rsa { modulus: given.bytes, exponent: given.text.as_bytes() };
    Rs256.verify(key, given.buffer, given.bytes)
}
