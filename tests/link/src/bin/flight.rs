//! A flow in the hands of a driver, drawn seed and all.

#![no_std]
#![no_main]

use core::hint::black_box;

use keyfob_core::{
    client::Client,
    entropy::Entropy,
    error::Error,
    flow::{Action, AuthorizationCode, Event, Flight, Redirect},
    secret::{Buffer, Seed},
};
use keyfob_link::{Given, SERVER, entry, now};

static CLIENT: Client<'static> = Client::oauth(SERVER, "client").redirect_uri("https://client.example/cb");

/// A generator of which the compiler knows nothing.
struct Generator;

impl Entropy for Generator {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        black_box(out);
        black_box(Ok(()))
    }
}

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> Result<usize, Error> {
    let now = now(&given);
    let mut buffer = Buffer::<512>::new();
    let mut flow = AuthorizationCode::<64>::new(&CLIENT, Seed::draw(&mut Generator)?, now)?;
    let mut flight = Flight::new(&mut flow, now);
    if let Action::Authorize(url) = flight.poll(now, &mut buffer)? {
        black_box(url);
    }
    let tokens = flight.handle(now, Event::Redirect(Redirect::Form(given.text)))?;
    black_box(flight.flow().refusal());
    drop(flight);
    Ok(usize::from(tokens.is_some()).max(usize::from(flow.rejected_redirects())))
}
