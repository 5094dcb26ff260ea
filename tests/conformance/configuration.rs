//! The plan Config; `idtoken-sig-none` is among the basic modules.

use keyfob_core::{error::Check, exchange::Jwks, jwk::KeySet};
use keyfob_tests::suite::SUITE_ISSUER;

use crate::party::{ALL, DISCOVERY, KEYS, TOKEN, USERINFO, every, suite};

/// The document is fetched, and nothing else. Its issuer ends with a slash: it is dropped from the address and from
/// nothing else.
// REQ: DISC-01
#[test]
fn oidcc_client_test_discovery_openid_config() {
    every(
        |_| {},
        |party| {
            let mut room = [0; 2048];
            assert_eq!(party.discover(&mut room).expect("it is right").issuer(), SUITE_ISSUER);
            assert_eq!(party.requests(), [DISCOVERY]);
            let url = party.server(|server| server.received[0].url.clone());
            assert_eq!(url, format!("{SUITE_ISSUER}.well-known/openid-configuration"));
        },
    );
}

/// The address of the keys is another one on each run: exactly that is asked.
// REQ: DISC-06, JWKS-01
#[test]
fn oidcc_client_test_discovery_jwks_uri_keys() {
    every(
        |_| {},
        |party| {
            let mut room = [0; 2048];
            let client = party.client(party.discover(&mut room).expect("it is right"));
            let mut keys = [0; 2048];
            let keys = party.fetch(&Jwks::new(&client), &mut keys).expect("a key set");
            assert_eq!(keys.len(), 2, "the RSA keys that sign");
            assert_eq!(party.requests(), [DISCOVERY, KEYS]);
        },
    );
}

/// The document's issuer is another one: no user is sent anywhere.
// REQ: DISC-04
#[test]
fn oidcc_client_test_discovery_issuer_mismatch() {
    every(
        |server| {
            suite(server).metadata = |document| document["issuer"] = format!("{SUITE_ISSUER}INVALID").into();
        },
        |party| {
            assert_eq!(party.sign_in().err(), Some(Check::IssuerMismatch.into()));
            assert_eq!(party.requests(), [DISCOVERY]);
            assert_eq!(party.server(|server| suite(server).authorizations), 0);
        },
    );
}

/// All keys are new before the second sign-in: they are fetched again, also by who keeps those of the first.
// REQ: JWKS-12
#[test]
fn oidcc_client_test_signing_key_rotation() {
    every(
        |_| {},
        |party| {
            let mut room = [0; 2048];
            let metadata = party.discover(&mut room).expect("it is right");
            let mut kept = [0; 2048];
            let client = party.client(metadata);
            let kept = party.fetch(&Jwks::new(&client), &mut kept).expect("a key set");
            for known in [KeySet::EMPTY, kept] {
                party.server(|server| {
                    suite(server).generation = 0;
                    server.received.clear();
                });
                assert!(party.sign_in_at(metadata, known).expect("all goes well").claims.is_ok());
                let asked =
                    if known.is_empty() { vec![TOKEN, KEYS, USERINFO] } else { vec![TOKEN, USERINFO] };
                assert_eq!(party.requests(), asked);
                party.server(|server| {
                    suite(server).generation = 1;
                    server.received.clear();
                });
                assert!(party.sign_in_at(metadata, known).expect("all goes well").claims.is_ok());
                assert_eq!(party.requests(), [TOKEN, KEYS, USERINFO]);
            }
        },
    );
}

/// All keys are new between the token request and the signature: what was fetched before is stale.
// REQ: JWKS-12
#[test]
fn oidcc_client_test_signing_key_rotation_just_before_signing() {
    every(
        |server| suite(server).rotates_before_signing = true,
        |party| {
            assert!(party.sign_in().expect("all goes well").claims.is_ok());
            assert_eq!(party.requests(), ALL);
            party.caches = true;
            party.server(|server| server.received.clear());
            assert!(party.sign_in().expect("all goes well").claims.is_ok());
            assert_eq!(party.requests(), [DISCOVERY, KEYS, TOKEN, KEYS, USERINFO]);
        },
    );
}
