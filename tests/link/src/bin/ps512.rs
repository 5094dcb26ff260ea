//! PS512, with keys of 2048 to 4096 bits.

#![no_std]
#![no_main]

use core::hint::black_box;

use keyfob_core::{
    error::Check,
    jws::{Key, Ps512, Verifier},
};
use keyfob_link::{Given, entry};

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> Result<(), Check> {
    // Each of another length, as far as the compiler knows.
    let key = Key::Rsa { modulus: black_box(given.bytes), exponent: black_box(given.bytes) };
    Ps512.verify(key, given.buffer, black_box(given.bytes))
}
