//! Tokens that serve only who holds a key.

use keyfob_core::{
    client::Client,
    dpop::{Dpop, Nonces, Proof},
    error::{Error, ErrorCode},
    metadata::Metadata,
    token::TokenType,
};
use keyfob_interop::{
    browser,
    clock::Paced,
    person::{Program, Settings, SignedIn},
    phone::Phone,
    provider::Provider,
};
use keyfob_std::{Clock, SystemClock};

use crate::{
    EDDSA, ES256, NONCES, PLAIN, STRANGE, alice, device_authorization, flow_error, introspect, seen_of,
    signed_in,
};

fn es256(metadata: Metadata<'_>) -> Client<'_> {
    bound(metadata, Dpop::new(&*ES256).bind_code())
}

fn eddsa(metadata: Metadata<'_>) -> Client<'_> {
    bound(metadata, Dpop::new(&*EDDSA))
}

fn strange(metadata: Metadata<'_>) -> Client<'_> {
    bound(metadata, Dpop::new(&*STRANGE))
}

fn bare(metadata: Metadata<'_>) -> Client<'_> {
    Client::new(metadata, "public-dpop").scope(&["openid", "offline_access", "profile"])
}

fn bound<'c>(metadata: Metadata<'c>, dpop: Dpop<'c>) -> Client<'c> {
    bare(metadata).dpop(dpop)
}

fn thumbprint(settings: Dpop<'_>) -> String {
    settings.thumbprint(&mut [0; 43]).expect("a key").to_string()
}

/// The user's tokens serve who has the key, and nobody else.
#[track_caller]
fn only_with_the_key(provider: &Provider, user: SignedIn, settings: Settings, dpop: &Dpop<'_>) {
    assert_eq!(user.token_type, TokenType::Dpop);
    let token = introspect(provider, &user.access_token);
    assert_eq!((&token["token_type"], &token["cnf"]["jkt"]), (&"DPoP".into(), &thumbprint(*dpop).into()));

    let mut program = Program::new(provider);
    let claims = program.userinfo(&user.access_token, &user.subject, settings).expect("claims");
    assert_eq!(claims["name"], "User alice Ünïcode 名前");
    for thief in [bare as Settings, strange] {
        let failure = program.userinfo(&user.access_token, &user.subject, thief).expect_err("no key");
        let error = flow_error(failure);
        assert!(matches!(error, Error::Refused(ErrorCode::InvalidToken)), "{error:?}");
    }

    let failure = program.refresh(&user, strange).expect_err("another key");
    let error = flow_error(failure);
    assert!(matches!(error, Error::Refused(ErrorCode::InvalidGrant)), "{error:?}");
    let fresh = program.refresh(&user, settings).expect("fresh tokens");
    assert_ne!(fresh.access_token, user.access_token);
    program.userinfo(&fresh.access_token, &user.subject, settings).expect("claims");
    own_call(provider, &fresh.access_token, dpop);
}

/// A call of the application's own, here by an HTTP client that knows nothing of Keyfob.
#[track_caller]
fn own_call(provider: &Provider, access_token: &str, dpop: &Dpop<'_>) {
    let url = format!("{}/userinfo", provider.issuer());
    let (mut nonces, mut clock) = (Nonces::<1>::new(), SystemClock::new());
    let mut call = |nonces: &mut Nonces<1>| {
        let mut room = [0; 1024];
        let proof = Proof::new(dpop, "GET", &url, access_token).nonce(nonces.get(&url));
        let proof = proof.write(clock.now(), &mut room).expect("a proof").to_string();
        let request = provider.agent().get(&url).header("authorization", format!("DPoP {access_token}"));
        let response = request.header("dpop", &proof).call().expect("an answer");
        if let Some(nonce) = response.headers().get("dpop-nonce") {
            nonces.put(&url, nonce.to_str().expect("a nonce"));
        }
        // The same proof again is taken for stolen.
        let again = provider.agent().get(&url).header("authorization", format!("DPoP {access_token}"));
        let replay = again.header("dpop", &proof).call().expect("an answer").status();
        (response.status().as_u16(), replay.as_u16())
    };
    if std::ptr::eq(provider, &*NONCES) {
        assert_eq!(call(&mut nonces), (401, 401));
        assert!(!nonces.get(&url).is_empty());
    }
    assert_eq!(call(&mut nonces), (200, 401));
}

// REQ: DPOP-01, DPOP-02, DPOP-04, DPOP-06, DPOP-07, DPOP-17, DPOP-18, DPOP-19
#[test]
fn code_flow_with_es256() {
    let user = signed_in(Program::new(&PLAIN).sign_in(es256, alice));
    let authorize = seen_of(&PLAIN, "public-dpop", "/authorize");
    let own = thumbprint(Dpop::new(&*ES256));
    assert!(authorize.iter().any(|request| request["query"]["dpop_jkt"] == own), "{authorize:?}");
    only_with_the_key(&PLAIN, user, es256, &Dpop::new(&*ES256));
}

// REQ: DPOP-05, DPOP-08, DPOP-09, DPOP-10, DPOP-13
#[test]
fn code_flow_with_nonces() {
    let user = signed_in(Program::new(&NONCES).sign_in(es256, alice));
    only_with_the_key(&NONCES, user, es256, &Dpop::new(&*ES256));
}

// REQ: DEV-26, DPOP-05, DPOP-06, DPOP-08
#[test]
fn device_grant_with_nonces_and_eddsa() {
    let mut phone = Phone::new(|browser, shown| {
        browser.open(&shown.scannable);
        browser::sign_in(browser, "alice");
    });
    let settings: Settings = |metadata| eddsa(metadata).scope(&["openid", "profile", "offline_access"]);
    let user = device_authorization::sign_in(&NONCES, settings, &mut phone, &mut Paced::new(20));
    only_with_the_key(&NONCES, user.expect("a sign-in"), settings, &Dpop::new(&*EDDSA));
    let polls: Vec<_> = NONCES
        .seen_at("/oauth/token")
        .into_iter()
        .filter(|poll| poll["body"].to_string().contains("device_code"))
        .collect();
    assert!(polls.iter().all(|poll| poll["dpop"] == true), "{polls:?}");
    // A demand for a nonce is no poll: it is followed at once.
    assert!(polls.len() > phone.polls.len(), "{polls:?}");
}

// REQ: DPOP-07
#[test]
fn a_server_that_binds_nothing() {
    // This client is not known to want bound tokens, and proves its key all the same: the token is bound.
    let settings: Settings = |metadata| Client::new(metadata, "public").dpop(Dpop::new(&*EDDSA));
    let user = signed_in(Program::new(&PLAIN).sign_in(settings, alice));
    assert_eq!(user.token_type, TokenType::Dpop);
    // The other way round the server refuses: it wants a proof from this one.
    let (outcome, _) = Program::new(&PLAIN).sign_in(bare, alice);
    let (failure, _) = outcome.expect_err("no proof");
    let error = flow_error(failure);
    assert!(matches!(error, Error::Refused(ErrorCode::InvalidGrant)), "{error:?}");
}
