//! EdDSA on Ed25519.

#![no_std]
#![no_main]

use core::hint::black_box;

use keyfob_core::{
    error::Check,
    jws::{EdDsa, Key, Verifier},
};
use keyfob_link::{Given, entry};

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> Result<(), Check> {
    // Each of another length, as far as the compiler knows.
    let key = Key::Ed25519 { x: black_box(given.bytes) };
    EdDsa.verify(key, given.buffer, black_box(given.bytes))
}
