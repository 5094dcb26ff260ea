//! ID tokens with other algorithms than RS256. ES256 is in `interop.rs`, HS256 in `client_assertion.rs`.

use keyfob_core::{
    client::Client,
    error::Error,
    jws::{Algorithm, EdDsa, Ps256, Rs256},
};
use keyfob_interop::person::{Program, Settings};

use crate::{PLAIN, alice, flow_error, signed_in};

// REQ: JOSE-17
#[test]
fn eddsa() {
    let settings: Settings = |metadata| Client::new(metadata, "public-eddsa").algorithms(&[&EdDsa]);
    assert_eq!(signed_in(Program::new(&PLAIN).sign_in(settings, alice)).checked.algorithm, Algorithm::EdDsa);
}

// REQ: JOSE-15
#[test]
fn ps256() {
    let mut program = Program::new(&PLAIN);
    let settings: Settings = |metadata| Client::new(metadata, "public-ps256").algorithms(&[&Ps256]);
    assert_eq!(signed_in(program.sign_in(settings, alice)).checked.algorithm, Algorithm::Ps256);

    // The same key under RS256 is another key.
    let settings: Settings = |metadata| Client::new(metadata, "public-ps256").algorithms(&[&Rs256]);
    let (outcome, page) = program.sign_in(settings, alice);
    let (failure, _) = outcome.expect_err("an algorithm that was not named");
    assert!(matches!(flow_error(failure), Error::Check(_)));
    assert!(!page.text.contains("You are signed in"), "{page:?}");
}
