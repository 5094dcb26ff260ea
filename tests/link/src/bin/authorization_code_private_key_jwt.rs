//! The code flow with an ID token, of a client that signs for itself by opaque code.

#![no_std]
#![no_main]

use keyfob_core::{
    client::Client, client_authentication::ClientAuthentication, error::Error, flow::AuthorizationCode,
    secret::Seed,
};
use keyfob_link::{Given, Opaque, OpaqueSigner, SERVER, drive, entry, now, seed};

static CLIENT: Client<'static> = Client::new(SERVER, "client")
    .redirect_uri("https://client.example/cb")
    .algorithms(&[&Opaque])
    .authentication(ClientAuthentication::private_key_jwt(&OpaqueSigner));

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> Result<usize, Error> {
    let mut flow = AuthorizationCode::<256>::new(&CLIENT, Seed::new(seed(&given))?, now(&given))?;
    drive(&mut flow, given)
}
