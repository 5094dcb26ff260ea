//! Revocation, and the URL that signs out at the server.

#![no_std]
#![no_main]

use core::hint::black_box;

use keyfob_core::{client::Client, end_session::EndSession, error::Error, exchange::Revocation};
use keyfob_link::{Given, SERVER, entry, fetch};

static CLIENT: Client<'static> = Client::oauth(
    SERVER.end_session_endpoint("https://op.example/logout").revocation_endpoint("https://op.example/revoke"),
    "client",
);

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> Result<usize, Error> {
    let end =
        EndSession::new(&CLIENT).id_token_hint(given.text).post_logout_redirect_uri(given.text, given.text);
    let mut room = [0; 512];
    black_box(end.url(black_box(&mut room))?);
    fetch(&Revocation::refresh_token(&CLIENT, given.text), given, |()| 0)
}
