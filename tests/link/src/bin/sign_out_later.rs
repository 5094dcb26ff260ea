//! What is owed to a server that is out of reach.

#![no_std]
#![no_main]

use core::hint::black_box;

use keyfob_core::{
    client::Client,
    error::Error,
    secret::Seed,
    session::Session,
    sign_out::{Action, SignOut},
};
use keyfob_link::{Given, SERVER, entry, happening, now, seed};

static CLIENT: Client<'static> =
    Client::oauth(SERVER.revocation_endpoint("https://op.example/revoke"), "client");

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> Result<usize, Error> {
    let now = now(&given);
    let seed = Seed::new(seed(&given))?;
    let session = Session::<256>::new(&CLIENT, &seed)?;
    let mut owed = SignOut::<256>::new(&CLIENT, &seed)?;
    let Given { text, bytes, buffer, .. } = given;
    loop {
        owed.owe(&session, black_box(true))?;
        owed.factory_reset(now);
        black_box((owed.owes(&session), owed.len()));
        let keep = match owed.poll(now, buffer)? {
            Action::Done(_) => return Ok(0),
            Action::Send(request) => Some(request.keep()),
            action => {
                black_box(&action);
                None
            }
        };
        owed.handle(now, happening(keep, buffer, bytes, text).0)?;
    }
}
