//! What is read from errors, keys and settings.

#![no_std]
#![no_main]

use core::hint::black_box;

use keyfob_core::{
    client::Client,
    error::{Check, Error, ErrorCode, Name, Remedy},
    id_token::Audiences,
    jwk::KeySet,
    jws::{Algorithm, Verifier},
    provider::KEYCLOAK,
    quirks::Quirks,
    time::{Floor, UnixTime},
};
use keyfob_link::{Given, Opaque, SERVER, entry};

static CLIENT: Client<'static> = Client::oauth(SERVER, "client");

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> (usize, Remedy, bool) {
    let keys = KeySet::from_bytes(given.bytes);
    let error = black_box(Error::Check(Check::MissingMember(black_box(Name::Iss))));
    let code = black_box(ErrorCode::AccessDenied);
    black_box((code.as_str(), black_box(Name::Aud).as_str(), black_box(Algorithm::Es256).name()));
    black_box((Audiences::from_bits(black_box(3)).bits(), UnixTime::from_seconds(given.number).seconds()));
    black_box((CLIENT.metadata().issuer(), CLIENT.metadata().userinfo(), Opaque.algorithm()));
    let mut floor = Floor::new(UnixTime::from_seconds(given.number));
    floor.observe(UnixTime::from_seconds(black_box(5)), given.number);
    black_box((floor.now(black_box(7)), floor.judge(black_box(8), UnixTime::from_seconds(black_box(9)))));
    black_box(UnixTime::from_http_date(given.bytes));
    black_box(core::str::from_utf8(given.bytes).ok().and_then(UnixTime::from_rfc3339));
    black_box(KEYCLOAK.issuer(black_box(&["a", "b"]), &mut [0; 64])).ok();
    black_box(black_box(Quirks::ALL).names().last());
    (keys.len(), error.remedy(), error.is_stray_redirect() | keys.is_empty())
}
