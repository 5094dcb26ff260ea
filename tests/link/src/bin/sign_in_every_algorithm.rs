//! The code flow with ID tokens of every algorithm.

#![no_std]
#![no_main]

use keyfob_core::{
    client::Client,
    client_authentication::ClientAuthentication,
    error::Error,
    flow::AuthorizationCode,
    jws::{Ed25519, EdDsa, Es256, Es384, Hs256, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512},
    secret::{Secret, Seed},
};
use keyfob_link::{Given, SERVER, drive, entry, now, seed};

static CLIENT: Client<'static> = Client::new(SERVER, "client")
    .redirect_uri("https://client.example/cb")
    .authentication(ClientAuthentication::ClientSecretPost(Secret::new("0123456789abcdef0123456789abcdef")))
    .algorithms(&[&Ed25519, &EdDsa, &Es256, &Es384, &Hs256, &Ps256, &Ps384, &Ps512, &Rs256, &Rs384, &Rs512]);

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> Result<usize, Error> {
    let mut flow = AuthorizationCode::<256>::new(&CLIENT, Seed::new(seed(&given))?, now(&given))?;
    drive(&mut flow, given)
}
