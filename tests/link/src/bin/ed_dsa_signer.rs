//! Signing with EdDSA on Ed25519.

#![no_std]
#![no_main]

use core::hint::black_box;

use keyfob_core::{
    error::Error,
    jws::{EdDsaSigner, MAX_SIGNATURE, Signer},
};
use keyfob_link::{Given, entry};

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> Result<usize, Error> {
    let secret = given.bytes.first_chunk().copied().unwrap_or_default();
    let mut signature = [0; MAX_SIGNATURE];
    let made =
        EdDsaSigner::new(&secret)?.sign(given.buffer, &mut signature).map_err(|_| Error::SignatureFailed);
    black_box(&signature);
    made
}
