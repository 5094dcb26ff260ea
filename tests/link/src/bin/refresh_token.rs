//! Refreshing, with an ID token that must go on where the last one was.

#![no_std]
#![no_main]

use keyfob_core::{
    client::Client,
    error::Error,
    flow::RefreshToken,
    id_token::{Audiences, Previous},
};
use keyfob_link::{Given, Opaque, SERVER, drive, entry};

static CLIENT: Client<'static> = Client::new(SERVER, "client").algorithms(&[&Opaque]);

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> Result<usize, Error> {
    let previous =
        Previous { subject: "subject", audiences: Audiences::CLIENT, auth_time: None, nonce: None };
    let mut flow = RefreshToken::<256>::new(&CLIENT, given.text, Some(previous))?;
    drive(&mut flow, given)
}
