//! The same as `relayed`, with the seal opened in software.

#![no_std]
#![no_main]

use keyfob_core::{client::Client, error::Error, flow::Relayed, relay::Relay, secret::Seed};
use keyfob_link::{Given, Opaque, SERVER, drive, entry, now, seed};

static RELAY: Relay<'static> = Relay::new("https://relay.example", "device", "secret");
static CLIENT: Client<'static> =
    Client::new(SERVER, "client").redirect_uri("https://relay.example/callback").algorithms(&[&Opaque]);

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> Result<usize, Error> {
    let mut flow = Relayed::<256>::new(&CLIENT, &RELAY, Seed::new(seed(&given))?, now(&given))?;
    drive(&mut flow, given)
}
