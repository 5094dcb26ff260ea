//! A proof for a request of the application's own, the nonce of its server, and that server's challenges.

#![no_std]
#![no_main]

use keyfob_core::{
    dpop::{Dpop, Nonces, Proof},
    error::Error,
    http::Challenges,
};
use keyfob_link::{Given, OpaqueSigner, entry, now};

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> Result<usize, Error> {
    let now = now(&given);
    let Given { text, bytes, buffer, .. } = given;
    let mut nonces = Nonces::<2>::new();
    nonces.put(text, text);
    for challenge in Challenges::read(bytes) {
        if let Some(text) = challenge?.parameter(text, buffer)? {
            nonces.put(text, text);
        }
    }
    let dpop = Dpop::new(&OpaqueSigner);
    let proof = Proof::new(&dpop, text, text, text).nonce(nonces.get(text));
    proof.write(now, buffer).map(str::len)
}
