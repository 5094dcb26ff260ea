//! Clients that sign for themselves.

use keyfob_core::{
    client::Client,
    client_authentication::{ClientAssertion, ClientAuthentication},
    error::{Error, ErrorCode},
    exchange::Revocation,
    flow::ClientCredentials,
    jws::{Hs256, Signer},
    metadata::Metadata,
    secret::Secret,
};
use keyfob_interop::person::{Nobody, Program, Settings};
use keyfob_std::{fetch, run};

use crate::{EDDSA, ES256, PLAIN, STRANGE, alice, flow_error, introspect, seed, seen_of, signed_in};

const SECRET: Secret<'_> = Secret::new("a secret that is never sent itself");

fn es256(metadata: Metadata<'_>) -> Client<'_> {
    with_key(metadata, &*ES256)
}

fn eddsa(metadata: Metadata<'_>) -> Client<'_> {
    with_key(metadata, &*EDDSA)
}

fn with_key<'c>(metadata: Metadata<'c>, signer: &'c dyn Signer) -> Client<'c> {
    Client::new(metadata, "conf-pkjwt")
        .authentication(ClientAuthentication::private_key_jwt(signer))
        .scope(&["openid", "offline_access"])
}

fn shared(metadata: Metadata<'_>) -> Client<'_> {
    Client::new(metadata, "conf-secret-jwt")
        .authentication(ClientAuthentication::client_secret_jwt(SECRET))
        .algorithms(&[&Hs256])
}

/// One client with two keys, at every endpoint that wants to know who it is.
// REQ: AUTHC-06, AUTHC-09
#[test]
fn private_key_jwt_from_sign_in_to_revocation() {
    let mut program = Program::new(&PLAIN);
    let user = signed_in(program.sign_in(es256, alice));
    let fresh = program.refresh(&user, eddsa).expect("fresh tokens");
    assert_eq!(introspect(&PLAIN, &fresh.access_token)["active"], true);
    let token = fresh.refresh_token.expect("a new one");
    let revoked = program.with_client(es256, |client, http, clock| {
        fetch(&Revocation::refresh_token(client, &token), http, clock, &mut [0; 2048])
    });
    revoked.expect("it is taken back");
    assert_eq!(introspect(&PLAIN, &fresh.access_token)["active"], false);
    for path in ["/oauth/token", "/oauth/revoke"] {
        let seen = seen_of(&PLAIN, "conf-pkjwt", path);
        assert!(
            !seen.is_empty() && seen.iter().all(|request| request["authentication"] == "assertion"),
            "{seen:?}"
        );
    }
}

/// The secret is long enough for HMAC, and signs ID tokens as well.
// REQ: AUTHC-10, INTEROP-05
#[test]
fn client_secret_jwt_and_an_id_token_with_the_same_secret() {
    let user = signed_in(Program::new(&PLAIN).sign_in(shared, alice));
    assert_eq!(user.checked.algorithm.name(), "HS256");
    let token = &seen_of(&PLAIN, "conf-secret-jwt", "/oauth/token")[0];
    assert_eq!(token["authentication"], "assertion");
}

// REQ: AUTHC-07
#[test]
fn a_key_that_the_server_does_not_know() {
    let strange: Settings = |metadata| with_key(metadata, &*STRANGE).scope(&["api:read"]);
    let wrong: Settings = |metadata| {
        let secret = Secret::new("a secret that somebody else has set");
        shared(metadata).authentication(ClientAuthentication::client_secret_jwt(secret)).scope(&["api:read"])
    };
    for (client_id, settings) in [("conf-pkjwt", strange), ("conf-secret-jwt", wrong)] {
        let outcome = Program::new(&PLAIN).with_client(settings, |client, http, clock| {
            let mut flow: ClientCredentials<'_> = ClientCredentials::new(client, seed())?;
            run(&mut flow, http, &mut Nobody, clock, &mut [0; 4096], |_| ())
        });
        let error = flow_error(outcome.expect_err("another key"));
        assert!(matches!(error, Error::Refused(ErrorCode::InvalidClient)), "{error:?}");
        let refused = seen_of(&PLAIN, client_id, "/oauth/token");
        assert_eq!(refused.iter().filter(|request| request["status"] == 401).count(), 1, "{refused:?}");
    }
}

// REQ: AUTHC-09
#[test]
fn the_token_endpoint_as_audience() {
    let settings: Settings = |metadata| {
        let assertion = ClientAssertion::private_key(&*EDDSA).for_token_endpoint();
        Client::oauth(metadata, "conf-pkjwt")
            .authentication(ClientAuthentication::Assertion(assertion))
            .scope(&["api:read"])
            .resource(&["urn:api:things"])
    };
    let token = Program::new(&PLAIN).with_client(settings, |client, http, clock| {
        let mut flow: ClientCredentials<'_> = ClientCredentials::new(client, seed())?;
        run(&mut flow, http, &mut Nobody, clock, &mut [0; 4096], |tokens| tokens.access_token().to_string())
    });
    assert_eq!(crate::payload(&token.expect("a token"))["client_id"], "conf-pkjwt");
}
