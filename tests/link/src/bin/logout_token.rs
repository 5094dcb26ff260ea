//! A server that says that a user has signed out, and the way back from a logout.

#![no_std]
#![no_main]

use core::hint::black_box;

use keyfob_core::{
    client::Client,
    end_session::{LogoutState, front_channel_logout},
    error::Error,
    jwk::KeySet,
    logout_token::{LogoutToken, Replays},
    secret::Seed,
};
use keyfob_link::{Given, Opaque, SERVER, entry, now, seed};

static CLIENT: Client<'static> = Client::new(SERVER, "client").algorithms(&[&Opaque]);

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> Result<usize, Error> {
    let now = now(&given);
    let state = LogoutState::new(&Seed::new(seed(&given))?);
    state.check(given.text)?;
    front_channel_logout(&CLIENT, given.text, Some(state.as_str()))?;
    black_box(LogoutToken::keys(&CLIENT, given.text)?);
    let token = LogoutToken::in_form(given.text).unwrap_or_default();
    let token = LogoutToken::verify(&CLIENT, token, Some(KeySet::from_bytes(given.bytes)), now)?;
    let mut replays = black_box(Replays::<8>::new());
    replays.note(&token, now)?;
    black_box(token.session_id(given.buffer)?);
    Ok(token.subject(given.buffer)?.map_or(0, str::len))
}
