//! The code flow with an ID token and DPoP. Opaque code checks the one signature and makes the other.

#![no_std]
#![no_main]

use keyfob_core::{client::Client, dpop::Dpop, error::Error, flow::AuthorizationCode, secret::Seed};
use keyfob_link::{Given, Opaque, OpaqueSigner, SERVER, drive, entry, now, seed};

static CLIENT: Client<'static> = Client::new(SERVER, "client")
    .redirect_uri("https://client.example/cb")
    .algorithms(&[&Opaque])
    .dpop(Dpop::new(&OpaqueSigner));

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> Result<usize, Error> {
    let mut flow = AuthorizationCode::<256>::new(&CLIENT, Seed::new(seed(&given))?, now(&given))?;
    drive(&mut flow, given)
}
