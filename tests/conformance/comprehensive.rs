//! What only the comprehensive plan has, and what is in no plan.

use keyfob_core::{
    client::Prompt,
    error::{Check, Error, ErrorCode, Name},
};
use keyfob_tests::{id_token::break_signature, server::Server};

use crate::{
    basic::remove,
    party::{DISCOVERY, ES256, HS256, KEYS, TOKEN, USERINFO, every, passes, refuses, suite},
};

/// Takes the access token from the `Authorization` header only.
// REQ: HTTP-22, UINFO-01
#[test]
fn oidcc_client_test_userinfo_bearer_header() {
    every(
        |_| {},
        |party| {
            party.sign_in().expect("all goes well").claims.expect("claims");
            party.server(|server| {
                let last = server.received.last().expect("UserInfo");
                assert_eq!((last.method.as_str(), last.body.as_str()), ("GET", ""));
                assert!(
                    last.header("Authorization").is_some_and(|value| value.starts_with("Bearer access-"))
                );
                assert!(!last.url.contains('?'));
            });
        },
    );
}

/// There is no `aud`.
// REQ: IDT-18
#[test]
fn oidcc_client_test_missing_aud() {
    refuses(|server| server.forge = Some(|draft| remove(draft, "aud")), Check::ClaimMissing(Name::Aud));
}

/// ES256, and the signature is damaged.
// REQ: JOSE-16
#[test]
fn oidcc_client_test_invalid_sig_es256() {
    fn es256(server: &mut Server) {
        suite(server).algorithm = "ES256";
    }
    every(es256, |party| {
        party.algorithms = ES256;
        assert!(party.sign_in().is_ok(), "undamaged it is good");
        party.server(|server| {
            server.received.clear();
            server.forge = Some(|draft| draft.after = break_signature);
        });
        assert_eq!(party.sign_in().err(), Some(Check::BadSignature.into()));
        assert_eq!(party.requests(), [DISCOVERY, TOKEN, KEYS]);
    });
}

/// HS256 under the client's secret, and the signature is damaged: no key is asked for. Who has no secret cannot sign
/// in so.
// REQ: JOSE-09
#[test]
fn oidcc_client_test_invalid_sig_hs256() {
    fn hs256(server: &mut Server) {
        suite(server).algorithm = "HS256";
    }
    every(hs256, |party| {
        party.algorithms = HS256;
        if party.server(|server| suite(server).authentication == "none") {
            assert_eq!(party.sign_in().err(), Some(Error::Config(Name::Alg)));
            assert_eq!(party.requests(), [DISCOVERY]);
            return;
        }
        assert!(party.sign_in().is_ok(), "undamaged it is good");
        assert_eq!(party.requests(), [DISCOVERY, TOKEN, USERINFO]);
        party.server(|server| {
            server.received.clear();
            server.forge = Some(|draft| draft.after = break_signature);
        });
        assert_eq!(party.sign_in().err(), Some(Check::BadSignature.into()));
        assert_eq!(party.requests(), [DISCOVERY, TOKEN]);
    });
}

/// Keys of unknown types and parameters stand beside the right one.
// REQ: JWKS-02
#[test]
fn oidcc_client_test_ignores_unparseable_key_in_jwks() {
    passes(|server| suite(server).has_unparseable_keys = true);
}

/// `max_age=0` and `prompt=none`: the provider answers `login_required`, as the client asked, by form or not.
// REQ: REDIR-01, REDIR-17, REDIR-20
#[test]
fn oidcc_client_test_form_post_error() {
    every(
        |server| server.denial = Some("login_required"),
        |party| {
            party.settings = |client| client.max_age(0).prompt(&[Prompt::None]);
            assert_eq!(party.sign_in().err(), Some(Error::Refused(ErrorCode::LoginRequired)));
            assert_eq!(party.requests(), [DISCOVERY]);
            assert_eq!(party.server(|server| suite(server).authorizations), 1);
        },
    );
}
