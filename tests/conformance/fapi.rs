//! Modules of the FAPI 2.0 client plans that say something about every client: `iss`, `state`, odd token answers. The
//! names are without `fapi2-security-profile-final-client-test-`.

use keyfob_core::error::{Check, Error, Name};
use keyfob_tests::{clock::TODAY, server::Server, suite::SUITE_ISSUER};
use serde_json::json;

use crate::{
    basic::remove,
    party::{DISCOVERY, ES256, Party, TOKEN, every, passes, refuses, suite},
};

/// An authorization response that does not pass: this end, and no token request.
fn turns_away(setup: fn(&mut Server), response: fn(&str) -> String, error: impl Into<Error>) {
    let error = error.into();
    every(setup, |party| {
        party.response = response;
        assert_eq!(party.sign_in().err(), Some(error));
        assert_eq!(party.requests(), [DISCOVERY]);
    });
}

fn announces_iss(server: &mut Server) {
    suite(server).response_issuer = Some(SUITE_ISSUER);
}

#[test]
fn happy_path_with_iss() {
    passes(announces_iss);
}

// REQ: IDT-18
#[test]
fn invalid_missing_iss() {
    refuses(|server| server.forge = Some(|draft| remove(draft, "iss")), Check::ClaimMissing(Name::Iss));
}

// REQ: IDT-05
#[test]
fn invalid_secondary_aud() {
    refuses(
        |server| server.forge = Some(|draft| draft.claims["aud"] = json!([draft.claims["aud"], "stranger"])),
        Check::UntrustedAudience,
    );
}

// REQ: IDT-04
#[test]
fn valid_aud_as_array() {
    passes(|server| server.forge = Some(|draft| draft.claims["aud"] = json!([draft.claims["aud"]])));
}

// REQ: JOSE-06
#[test]
fn invalid_alternate_alg() {
    every(
        |_| {},
        |party| {
            party.algorithms = ES256;
            assert_eq!(party.sign_in().err(), Some(Check::AlgorithmNotAllowed.into()));
            assert_eq!(party.requests(), [DISCOVERY, TOKEN]);
        },
    );
}

// REQ: IDT-09
#[test]
fn invalid_expired_exp() {
    refuses(|server| server.forge = Some(|draft| draft.claims["exp"] = (TODAY - 301).into()), Check::Expired);
}

// REQ: IDT-18
#[test]
fn invalid_missing_exp() {
    refuses(|server| server.forge = Some(|draft| remove(draft, "exp")), Check::ClaimMissing(Name::Exp));
}

// REQ: IDT-13
#[test]
fn invalid_missing_nonce() {
    refuses(|server| server.forge = Some(|draft| remove(draft, "nonce")), Check::ClaimMissing(Name::Nonce));
}

// REQ: REDIR-11
#[test]
fn invalid_authorization_response_iss() {
    turns_away(announces_iss, |text| text.replace("a%2Fkeyfob", "a%2Fother"), Check::IssuerMismatch);
    turns_away(
        |server| suite(server).response_issuer = Some("https://op.example/test/a/keyfob"),
        str::to_owned,
        Check::IssuerMismatch,
    );
}

// REQ: REDIR-11
#[test]
fn remove_authorization_response_iss() {
    turns_away(
        announces_iss,
        |text| text.split_once("&iss=").expect("it is announced").0.to_owned(),
        Check::IssuerMissing,
    );
}

/// Nothing in it is ours, so the wait goes on until the time is over.
// REQ: REDIR-08
#[test]
fn ensure_authorization_response_with_invalid_state_fails() {
    turns_away(|_| {}, |text| format!("{text}1"), Error::Expired);
}

// REQ: REDIR-08
#[test]
fn ensure_authorization_response_with_invalid_missing_state_fails() {
    turns_away(|_| {}, |text| text.replace("&state=", "&estate="), Error::Expired);
}

// REQ: TOKEN-08
#[test]
fn token_endpoint_response_without_expires_in() {
    every(
        |server| {
            server.shape = Some(|answer| drop(answer.as_object_mut().map(|all| all.remove("expires_in"))))
        },
        |party: &mut Party| {
            assert_eq!(party.sign_in().expect("all goes well").tokens.expires_in, None);
        },
    );
}

// REQ: TOKEN-06
#[test]
fn token_type_case_insensitivity() {
    passes(|server| server.shape = Some(|answer| answer["token_type"] = "bEARER".into()));
}
