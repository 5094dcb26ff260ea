//! Signing in by way of another device, with an ID token.

#![no_std]
#![no_main]

use keyfob_core::{client::Client, error::Error, flow::DeviceAuthorization, secret::Seed};
use keyfob_link::{Given, Opaque, SERVER, drive, entry, now, seed};

static CLIENT: Client<'static> =
    Client::new(SERVER.device_authorization_endpoint("https://op.example/device"), "client")
        .algorithms(&[&Opaque]);

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> Result<usize, Error> {
    let mut flow = DeviceAuthorization::<256>::new(&CLIENT, Seed::new(seed(&given))?, now(&given))?;
    drive(&mut flow, given)
}
