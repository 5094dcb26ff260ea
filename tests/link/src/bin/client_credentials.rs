//! Access for the client itself: no user, no ID token, no signature.

#![no_std]
#![no_main]

use keyfob_core::{
    client::Client,
    client_authentication::ClientAuthentication,
    error::Error,
    flow::ClientCredentials,
    secret::{Secret, Seed},
};
use keyfob_link::{Given, SERVER, drive, entry, seed};

static CLIENT: Client<'static> = Client::oauth(SERVER, "client")
    .scope(&["read"])
    .authentication(ClientAuthentication::ClientSecretBasic(Secret::new("secret")));

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> Result<usize, Error> {
    let mut flow = ClientCredentials::<64>::new(&CLIENT, Seed::new(seed(&given))?)?;
    drive(&mut flow, given)
}
