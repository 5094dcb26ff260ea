//! What every way gives its user, and what it keeps to itself.

use keyfob_core::error::{Error, ErrorCode};
use keyfob_interop::{
    browser,
    person::{Program, SignedIn},
};
use keyfob_std::Failure;

use crate::{
    bench::Bench,
    hand::{Hand, Shown, Visit, user},
    way::{
        CODE, DEVICE, DEVICE_TYPED, Done, LOOPBACK, PASTE, PORTAL, PORTAL_TYPED, RELAY, RELAY_QUERY,
        RELAY_TYPED, TERMINAL, Way,
    },
};

/// A sign-in whose user does this.
pub fn attempt(
    way: &'static Way,
    bench: &Bench,
    act: impl FnOnce(&Hand, &Shown) + Send + 'static,
) -> (Done, Visit) {
    let (mut device, visit) = user(act);
    let done = (way.device)(bench, &mut device);
    drop(device);
    (done, visit.join().expect("the user came to the last page"))
}

/// A sign-in whose user signs in.
pub fn signed_in(way: &'static Way, bench: &Bench) -> (SignedIn, Done, Visit) {
    let (mut done, visit) = attempt(way, bench, |hand, shown| {
        way.go(hand, shown);
        browser::sign_in(&hand.browser, "alice");
        (way.leave)(hand, shown);
    });
    let user = std::mem::replace(&mut done.outcome, Err((Error::Misuse.into(), None)));
    (user.expect("a sign-in"), done, visit)
}

/// The one contract. Says how long it took, from what the device showed to the tokens, and what was done by hand.
#[track_caller]
fn is_kept_by(way: &'static Way) {
    let bench = Bench::new();
    let (user, done, visit) = signed_in(way, &bench);
    // To be copied from a run with `--nocapture --test-threads 1`.
    let seconds = done.ended.duration_since(visit.began).as_secs_f32();
    println!("| {} | {seconds:.1} | {} |", way.name, visit.taps);

    // The ID token was checked, and is about this user, for this client, in answer to this request.
    assert_eq!((user.subject.as_str(), &user.claims["sub"]), ("alice", &"alice".into()));
    assert_eq!(user.claims["iss"], bench.provider.issuer());
    assert_eq!(user.claims["aud"], way.client_id);
    assert_eq!(user.checked.nonce, way.grant == CODE);
    assert_eq!(user.scope.as_deref(), Some("openid offline_access profile"));

    // One code was used, once.
    assert_eq!(bench.tokens_given(way.grant), 1);
    assert_eq!(bench.codes_used(), usize::from(way.grant == CODE));

    // The user sees that all is well, at an address without the response.
    if let Some(words) = way.ends {
        assert!(visit.text.contains(words), "{}", visit.text);
        assert!(!visit.url.contains("code=") && !visit.url.contains("state="), "{}", visit.url);
    }

    // The tokens are good.
    let mut program = Program::new(&bench.provider);
    let claims = program.userinfo(&user.access_token, &user.subject, way.client).expect("claims");
    assert_eq!(claims["name"], "User alice Ünïcode 名前");
    let fresh = program.refresh(&user, way.client).expect("fresh tokens");
    assert!(fresh.has_id_token && fresh.access_token != user.access_token);

    // Nothing that is a secret has been on the phone.
    let refresh_token = user.refresh_token.as_deref().expect("a refresh token");
    let tokens = [user.access_token.as_str(), refresh_token, user.id_token.as_str()];
    assert!(!done.secrets.is_empty());
    let secrets = done.secrets.iter().map(String::as_str).chain(tokens);
    for secret in secrets {
        assert!(secret.len() > 16, "a marker");
        assert!(!visit.traffic.contains(secret), "a secret was on its way to the phone, or back");
        assert!(visit.pages.iter().all(|page| !page.contains(secret)), "a secret stands on a page");
    }
    // The code was, in an address or a form, and never on a page of ours or in a log.
    let log = bench.relay_log().unwrap_or_default();
    assert_eq!(!log.is_empty(), way.name.starts_with("relay"), "{log}");
    for name in ["code=", "state="] {
        for value in visit.traffic.split(name).skip(1).filter_map(|rest| rest.get(..43)) {
            assert!(visit.pages.iter().all(|page| !page.contains(value)), "{name} stands on a page");
            assert!(!log.contains(value), "{name} stands in the log");
        }
    }
}

// REQ: PORTAL-03, DEV-01
#[test]
fn device_grant() {
    is_kept_by(&DEVICE);
}

// REQ: PORTAL-03, DEV-01
#[test]
fn device_grant_without_a_camera() {
    is_kept_by(&DEVICE_TYPED);
}

// REQ: PORTAL-03, PORTAL-05
#[test]
fn redirected_to_the_portal_without_a_camera() {
    is_kept_by(&PORTAL_TYPED);
}

// REQ: PORTAL-03, RELAY-07
#[test]
fn posted_to_the_relay_without_a_camera() {
    is_kept_by(&RELAY_TYPED);
}

// REQ: PORTAL-03
#[test]
fn loopback() {
    is_kept_by(&LOOPBACK);
}

// REQ: PORTAL-03
#[test]
fn pasted_in_a_terminal() {
    is_kept_by(&TERMINAL);
}

// REQ: PORTAL-03, PORTAL-17
#[test]
fn pasted_at_the_portal() {
    is_kept_by(&PASTE);
}

// REQ: PORTAL-03, PORTAL-17
#[test]
fn redirected_to_the_portal() {
    is_kept_by(&PORTAL);
}

// REQ: PORTAL-03, RELAY-01, RELAY-03, RELAY-07
#[test]
fn posted_to_the_relay() {
    is_kept_by(&RELAY);
}

// REQ: PORTAL-03, RELAY-01, RELAY-07
#[test]
fn redirected_to_the_relay() {
    is_kept_by(&RELAY_QUERY);
}

/// The user says no at the server: that is the end, in every way, and nobody gets a token.
#[track_caller]
fn takes_no_for_an_answer(way: &'static Way) {
    let bench = Bench::new();
    let (done, visit) = attempt(way, &bench, |hand, shown| {
        way.go(hand, shown);
        browser::refuse(&hand.browser);
        (way.leave)(hand, shown);
    });
    let (failure, reason) = done.outcome.expect_err("a refusal");
    assert!(matches!(failure, Failure::Flow(Error::Refused(ErrorCode::AccessDenied))), "{failure:?}");
    assert!(reason.expect("the server's words").starts_with("access_denied"));
    assert!(!visit.text.contains("You are signed in"), "{}", visit.text);
    assert_eq!(bench.tokens_given(way.grant), 0);
}

/// All of them.
pub const EVERY: [&Way; 7] = [&DEVICE, &LOOPBACK, &RELAY, &RELAY_QUERY, &TERMINAL, &PASTE, &PORTAL];

// REQ: REDIR-10, DEV-16
#[test]
fn a_no_is_a_no_in_every_way() {
    for way in EVERY {
        takes_no_for_an_answer(way);
    }
}
