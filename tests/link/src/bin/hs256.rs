//! HS256.

#![no_std]
#![no_main]

use core::hint::black_box;

use keyfob_core::{
    error::Check,
    jws::{Hs256, Key, Verifier},
};
use keyfob_link::{Given, entry};

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> Result<(), Check> {
    // Each of another length, as far as the compiler knows.
    let key = Key::Secret(black_box(given.bytes));
    Hs256.verify(key, given.buffer, black_box(given.bytes))
}
