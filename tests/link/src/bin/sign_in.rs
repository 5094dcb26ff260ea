//! The code flow with ID tokens signed with RS256 or ES256.

#![no_std]
#![no_main]

use keyfob_core::{
    client::Client,
    error::Error,
    flow::AuthorizationCode,
    jws::{Es256, Rs256},
    secret::Seed,
};
use keyfob_link::{Given, SERVER, drive, entry, now, seed};

static CLIENT: Client<'static> =
    Client::new(SERVER, "client").redirect_uri("https://client.example/cb").algorithms(&[&Rs256, &Es256]);

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> Result<usize, Error> {
    let mut flow = AuthorizationCode::<256>::new(&CLIENT, Seed::new(seed(&given))?, now(&given))?;
    drive(&mut flow, given)
}
