//! Getting an authorization by way of another device, without ID tokens.

#![no_std]
#![no_main]

use keyfob_core::{client::Client, error::Error, flow::DeviceAuthorization, secret::Seed};
use keyfob_link::{Given, SERVER, drive, entry, now, seed};

static CLIENT: Client<'static> =
    Client::oauth(SERVER.device_authorization_endpoint("https://op.example/device"), "client");

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> Result<usize, Error> {
    let mut flow = DeviceAuthorization::<256>::new(&CLIENT, Seed::new(seed(&given))?, now(&given))?;
    drive(&mut flow, given)
}
