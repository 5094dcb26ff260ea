//! A sign-in with tokens bound to a key: ES256 in both directions.

#![no_std]
#![no_main]

use core::hint::black_box;

use keyfob_core::{
    client::Client,
    dpop::Dpop,
    error::Error,
    flow::AuthorizationCode,
    jws::{Es256, Es256Signer},
    secret::Seed,
};
use keyfob_link::{Given, SERVER, drive, entry, now, seed};

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> Result<usize, Error> {
    let signer = Es256Signer::new(&black_box(seed(&given)))?;
    let client = Client::new(SERVER, "client")
        .redirect_uri("https://client.example/cb")
        .algorithms(&[&Es256])
        .dpop(Dpop::new(&signer));
    let mut flow = AuthorizationCode::<256>::new(&client, Seed::new(seed(&given))?, now(&given))?;
    drive(&mut flow, given)
}
