//! A key as JWK, and its thumbprint.

#![no_std]
#![no_main]

use core::hint::black_box;

use keyfob_core::{error::Error, jwk::THUMBPRINT_LENGTH, jws::Key};
use keyfob_link::{Given, entry};

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> Result<usize, Error> {
    let key = match given.number {
        0 => Key::Rsa { modulus: black_box(given.bytes), exponent: black_box(given.bytes) },
        1 => Key::Ed25519 { x: given.bytes },
        _ => Key::P256 { x: black_box(given.bytes), y: black_box(given.bytes) },
    };
    let length = key.write_jwk(given.buffer)?.len();
    black_box(key.thumbprint(&mut [0; THUMBPRINT_LENGTH])?);
    Ok(length)
}
