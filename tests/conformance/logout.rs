//! The plan RP-Initiated Logout.

use keyfob_core::{
    end_session::{EndSession, LogoutState},
    error::{Check, Error},
};
use keyfob_tests::{
    clients::ISSUER,
    form, seeds,
    suite::{CLIENT_ID, SUITE_ISSUER},
};

use crate::party::{ALL, Party, every};

const BYE: &str = "https://app.example/bye?rp=keyfob";

/// The suite at the end of a session: it looks at what came, and sends the browser back with `state` if there is one.
fn end_session(url: &str, id_token: &str, state: impl Fn(String) -> Option<String>) -> String {
    let (endpoint, query) = url.split_once('?').expect("a query");
    assert_eq!(endpoint, format!("{ISSUER}/test/a/keyfob/end_session_endpoint"));
    let pairs = form::pairs(query);
    let names: Vec<_> = pairs.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"]);
    let need = |name| form::value(&pairs, name).expect("it is there");
    assert_eq!((need("id_token_hint").as_str(), need("client_id").as_str()), (id_token, CLIENT_ID));
    let state = state(need("state")).map(|state| format!("&state={state}")).unwrap_or_default();
    need("post_logout_redirect_uri") + &state
}

/// A sign-in, a sign-out at the server, and what is made of the way back.
fn signs_out(party: &Party, state: impl Fn(String) -> Option<String>) -> Result<(), Error> {
    let mut room = [0; 2048];
    let metadata = party.discover(&mut room).expect("it is right");
    assert_eq!(metadata.issuer(), SUITE_ISSUER);
    let done = party.sign_in().expect("all goes well");
    let id_token = done.tokens.id_token.expect("an ID token");
    let client = party.client(metadata);
    let expected = LogoutState::new(&seeds::seed(3));
    let mut out = [0; 2048];
    let end = EndSession::new(&client).id_token_hint(&id_token);
    let url = end.post_logout_redirect_uri(BYE, expected.as_str()).url(&mut out).expect("there is room");
    let back = end_session(url, &id_token, state);
    assert!(back.starts_with(BYE));
    // No request of the client's own.
    assert_eq!(party.requests()[1..], ALL);
    expected.check(&back)
}

/// The browser comes back with the `state` that was sent.
// REQ: LOGOUT-01, LOGOUT-05
#[test]
fn oidcc_client_test_rp_init_logout() {
    every(|_| {}, |party| assert_eq!(signs_out(party, Some), Ok(())));
}

/// It comes back with another: the user is signed out on this side anyway, and the mismatch is told.
// REQ: LOGOUT-05
#[test]
fn oidcc_client_test_rp_init_logout_other_state() {
    every(
        |_| {},
        |party| {
            let outcome = signs_out(party, |state| Some(state + "1"));
            assert_eq!(outcome, Err(Check::StateMismatch.into()));
        },
    );
}

/// It comes back without one.
// REQ: LOGOUT-05
#[test]
fn oidcc_client_test_rp_init_logout_no_state() {
    every(|_| {}, |party| assert_eq!(signs_out(party, |_| None), Err(Check::StateMismatch.into())));
}
