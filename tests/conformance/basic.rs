//! The plans Basic and Form Post Basic.

use keyfob_core::error::{Check, Error, ErrorCode, Name};
use keyfob_tests::id_token::{Draft, break_signature};
use serde_json::json;

use crate::party::{ALL, TOKEN, every, passes, refuses, suite};

/// The suite's usual fault: something at the end of the right text.
pub fn append(draft: &mut Draft, claim: &str, fault: &str) {
    let right = draft.claims[claim].as_str().expect("a text");
    draft.claims[claim] = format!("{right}{fault}").into();
}

/// A claim is missing.
pub fn remove(draft: &mut Draft, claim: &str) {
    draft.claims.as_object_mut().expect("claims").remove(claim).expect("it was there");
}

/// The provider behaves well. The whole flow is done: authorization, token request, ID token, UserInfo.
// REQ: AUTHZ-02, TOKEN-01, IDT-01, UINFO-01
#[test]
fn oidcc_client_test() {
    passes(|_| {});
}

/// Accepts `client_secret_basic` alone, both parts form-encoded; each client is registered for its one way.
// REQ: AUTHC-02, AUTHC-03
#[test]
fn oidcc_client_test_client_secret_basic() {
    let registered = |party: &mut crate::party::Party| {
        party.server(|server| suite(server).authentication == "client_secret_basic")
    };
    every(
        |_| {},
        |party| {
            let basic = registered(party);
            party.server(|server| suite(server).authentication = "client_secret_basic");
            let done = party.sign_in();
            if basic {
                assert_eq!(done.expect("all goes well").tokens.subject.as_deref(), Some("alice"));
                assert_eq!(party.requests(), ALL);
            } else {
                // Who authenticates in another way is refused, and does not try a second one.
                assert_eq!(done.err(), Some(Error::Refused(ErrorCode::InvalidClient)));
                assert_eq!(party.requests().last().map(String::as_str), Some(TOKEN));
            }
        },
    );
}

/// UserInfo has the claims of the scopes `profile`, `email`, `phone` and `address`.
// REQ: AUTHZ-02, UINFO-01
#[test]
fn oidcc_client_test_scope_userinfo_claims() {
    every(
        |_| {},
        |party| {
            party.scope = &["openid", "profile", "email", "phone", "address"];
            let done = party.sign_in().expect("all goes well");
            assert_eq!(done.tokens.scope.as_deref(), Some("openid profile email phone address"));
            let claims = done.claims.expect("claims");
            assert_eq!(claims["name"], "Demo T. User");
            assert_eq!(claims["email_verified"], false);
            assert_eq!(claims["phone_number"], "+1 555 5550000");
            assert_eq!(claims["address"]["locality"], "Hollywood");
            assert_eq!(party.requests(), ALL);
        },
    );
}

/// `sub` of UserInfo is the right one and more: nothing of its claims is used.
// REQ: UINFO-03
#[test]
fn oidcc_client_test_userinfo_invalid_sub() {
    every(
        |server| suite(server).claims = |claims| claims["sub"] = "aliceinvalid".into(),
        |party| {
            let done = party.sign_in().expect("the sign-in itself is good");
            assert_eq!(done.claims.err(), Some(Check::SubjectMismatch.into()));
            assert_eq!(party.requests(), ALL);
        },
    );
}

/// `nonce` is the right one and more.
// REQ: IDT-13
#[test]
fn oidcc_client_test_nonce_invalid() {
    refuses(|server| server.forge = Some(|draft| append(draft, "nonce", "1")), Check::NonceMismatch);
}

/// `iss` is the right one and more.
// REQ: IDT-03
#[test]
fn oidcc_client_test_invalid_iss() {
    refuses(|server| server.forge = Some(|draft| append(draft, "iss", "1")), Check::IssMismatch);
}

/// `aud` is the right one and more.
// REQ: IDT-04
#[test]
fn oidcc_client_test_invalid_aud() {
    refuses(|server| server.forge = Some(|draft| append(draft, "aud", "1")), Check::AudienceMismatch);
}

/// There is no `iat`.
// REQ: IDT-10, IDT-18
#[test]
fn oidcc_client_test_missing_iat() {
    refuses(|server| server.forge = Some(|draft| remove(draft, "iat")), Check::ClaimMissing(Name::Iat));
}

/// There is no `sub`.
// REQ: IDT-07, IDT-18
#[test]
fn oidcc_client_test_missing_sub() {
    refuses(|server| server.forge = Some(|draft| remove(draft, "sub")), Check::ClaimMissing(Name::Sub));
}

/// RS256, with the first key and with the second.
// REQ: JOSE-14
#[test]
fn oidcc_client_test_idtoken_sig_rs256() {
    passes(|server| suite(server).signer = 0);
    passes(|server| suite(server).signer = 1);
}

/// No signature and `none`, though the metadata name it: refused, before any key is asked for.
// REQ: JOSE-07
#[test]
fn oidcc_client_test_idtoken_sig_none() {
    refuses(
        |server| {
            server.forge = Some(|draft| {
                draft.header = json!({ "alg": "none" });
                draft.after = |token| token.rsplit_once('.').expect("three parts").0.to_owned() + ".";
            });
        },
        Check::AlgorithmNone,
    );
}

/// The signature is damaged.
// REQ: JOSE-14, IDT-01
#[test]
fn oidcc_client_test_invalid_sig_rs256() {
    refuses(|server| server.forge = Some(|draft| draft.after = break_signature), Check::BadSignature);
}

/// One signing key of each type, and no `kid` anywhere.
// REQ: JWKS-06
#[test]
fn oidcc_client_test_kid_absent_single_jwks() {
    passes(|server| {
        let suite = suite(server);
        (suite.has_kid, suite.each) = (false, [1; 4]);
    });
}

/// Three signing keys of each type, and no `kid` anywhere: each that fits is tried.
// REQ: JWKS-06, JWKS-17
#[test]
fn oidcc_client_test_kid_absent_multiple_jwks() {
    fn unnamed(server: &mut keyfob_tests::server::Server, signer: usize) {
        let suite = suite(server);
        (suite.has_kid, suite.each, suite.signer) = (false, [3; 4], signer);
        assert_eq!(suite.jwk_set()["keys"].as_array().map(Vec::len), Some(14));
    }
    passes(|server| unnamed(server, 0));
    passes(|server| unnamed(server, 2));
    refuses(
        |server| {
            unnamed(server, 1);
            server.forge = Some(|draft| draft.after = break_signature);
        },
        Check::BadSignature,
    );
}
