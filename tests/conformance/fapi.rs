//! Modules of the FAPI 2.0 client plans that say something about every client: `iss`, `state`, odd token answers; and
//! those of a client with a key, which pushes, proves and signs. The names are without
//! `fapi2-security-profile-final-client-test-`.

use keyfob_core::{
    error::{Check, Error, Name},
    exchange::UserInfo,
    flow::AuthorizationCode,
};
use keyfob_tests::{
    clients::PUSHED_SIGNING,
    clock::{NOW, TODAY},
    executor::block_on,
    link::Link,
    outcome::Tokens,
    person::{Deed, Person},
    seeds,
    server::Server,
    suite::SUITE_ISSUER,
};
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

/// A whole sign-in of a client that pushes its requests, signs assertions and proves that it holds a key, and then
/// UserInfo, through both drivers: the requests that it took, and the server.
fn proves(setup: fn(&mut Server), requests: &[&str]) {
    for chip in [false, true] {
        let link = Link::default();
        setup(&mut link.server());
        let mut flow = AuthorizationCode::<256>::new(&PUSHED_SIGNING, seeds::seed(1), NOW).expect("right");
        let mut person = Person::new(link.clone(), &[Deed::Return]);
        let (mut http, mut clock) = (link.clone(), link.world().clock.clone());
        let mut buffer = [0; 8192];
        let done = |tokens: keyfob_core::token::TokenResponse<'_>| Tokens::of(&tokens);
        let tokens = if chip {
            let run = keyfob_embassy::run(&mut flow, &mut http, &mut person, &mut clock, &mut buffer, done);
            block_on(run).expect("all goes well")
        } else {
            keyfob_std::run(&mut flow, &mut http, &mut person, &mut clock, &mut buffer, done)
                .expect("all goes well")
        };
        let subject = tokens.subject.as_deref().expect("a user");
        let user_info = UserInfo::new(&PUSHED_SIGNING, &tokens.access_token, subject);
        let claims = if chip {
            block_on(keyfob_embassy::fetch(&user_info, &mut http, &mut clock, &mut buffer)).map(drop).is_ok()
        } else {
            keyfob_std::fetch(&user_info, &mut http, &mut clock, &mut buffer).map(drop).is_ok()
        };
        assert!(claims, "chip: {chip}");
        let server = link.server();
        let seen: Vec<_> = server.received.iter().map(|request| request.path()).collect();
        assert_eq!(seen, requests, "chip: {chip}");
        assert_eq!(server.guard.proofs.len(), 3, "push, token request, UserInfo");
        let nonces: Vec<_> = server.guard.proofs.iter().map(|proof| proof.claims["nonce"].as_str()).collect();
        assert_eq!(nonces, [server.guard.nonce; 3]);
        // Each request that went out signed had an assertion of its own.
        let signed = requests.iter().filter(|path| matches!(**path, "/par" | "/token")).count();
        assert_eq!(server.guard.assertions.len(), signed);
    }
}

/// PAR, `private_key_jwt`, and nonces at both servers: each demand costs one round trip.
// REQ: DPOP-08, DPOP-09, PAR-02
#[test]
fn happy_path() {
    proves(
        |server| server.guard.nonce = Some("a-nonce"),
        &["/par", "/par", "/token", "/jwks", "/userinfo", "/userinfo"],
    );
}

/// The same without nonces.
// REQ: DPOP-01
#[test]
fn happy_path_no_dpop_nonce() {
    proves(|_| {}, &["/par", "/token", "/jwks", "/userinfo"]);
}

/// The scheme of the demand is written in odd case; that of our server is so always.
// REQ: DPOP-09, HTTP-21
#[test]
fn rs_dpop_auth_scheme_case_insensitivity() {
    proves(
        |server| server.guard.nonce = Some("dPOP"),
        &["/par", "/par", "/token", "/jwks", "/userinfo", "/userinfo"],
    );
}
