//! Which ID tokens pass, and which keys are asked for.

use keyfob_core::{
    error::{Check, Error},
    flow::{AuthorizationCode, Event, Flow},
    jwk::KeySet,
    time::Now,
};
use keyfob_tests::{
    answer::Answer,
    clients::{KIOSK, ROBOT},
    clock::NOW,
    forgeries::FORGERIES,
    keys::{FIRST, SECOND, STRANGE, TestKey, VERIFIERS, jwk_set},
    outcome::Tokens,
    seeds::seed,
    server::SUBJECT,
    stations::{ENOUGH, Hand, Happening, Station, Step},
};
use serde_json::json;

// REQ: TOKEN-14, IDT-24, CLOCK-02
#[test]
fn there_are_no_tokens_without_a_good_id_token() {
    for (what, forge, error) in FORGERIES {
        let mut station = Station::code(&KIOSK, Step::Exchange);
        station.hand.link.server().forge = Some(*forge);
        let answer = Happening::Response(station.hand.answer(&*station.flow).0);
        assert_eq!(station.hand.tell(&mut *station.flow, &answer), Err(*error), "{what}");
    }
    let mut station = Station::code(&KIOSK, Step::Exchange);
    let answer = Happening::Response(station.hand.answer(&*station.flow).0);
    let outcome = station.hand.tell_at(&mut *station.flow, &answer, Now::unknown(0));
    assert_eq!(outcome, Err(Check::ClockNotSet.into()));
}

// REQ: CFG-07
#[test]
fn a_client_without_openid_does_not_look_at_id_tokens() {
    for id_token in [json!("x"), json!("é"), json!(1), json!("x".repeat(9000))] {
        let mut station = Station::code(&ROBOT, Step::Exchange);
        let body = json!({ "access_token": "a", "token_type": "Bearer", "id_token": id_token });
        let answer = Happening::Response(Answer::json(200, &body));
        let outcome = station.hand.tell(&mut *station.flow, &answer);
        assert_eq!(outcome.map(|tokens| tokens.expect("tokens").id_token), Ok(None), "{body:.80}");
    }
}

/// A sign-in with keys that are known already: what comes of it, and how often keys were fetched.
fn with_keys(
    known: &[TestKey],
    published: &[TestKey],
    signer: TestKey,
) -> (Result<Option<Tokens>, Error>, usize) {
    let known = jwk_set(known).to_string();
    let mut room = [0; 1024];
    let keys = KeySet::from_json(known.as_bytes(), VERIFIERS, &mut room).expect("a key set");
    let client = KIOSK.keys(keys);
    let mut flow = AuthorizationCode::<64>::new(&client, seed(1), NOW).expect("right");
    let hand = Hand::default();
    hand.link.server().signer = signer;
    let redirect = hand.visit(&flow);
    hand.redirect(&mut flow, &redirect).expect("right");
    let (answer, keep) = hand.answer(&flow);
    let mut buffer = [0; ENOUGH];
    let (response, rest) = answer.read(keep, &mut buffer);
    let mut fetches = 0;
    let outcome = match flow.handle(NOW, Event::Response(response)) {
        Err(Error::KeysNeeded) => {
            fetches += 1;
            let request = flow.keys(&response).expect("keys are missing");
            assert_eq!(request.url(), "https://op.example/jwks", "it asks its own server");
            let answer = Answer::json(200, &jwk_set(published)).read(request.keep(), rest).0;
            let keys = answer.keys().expect("a key set");
            flow.handle(NOW, Event::Response(response.with_keys(keys)))
        }
        outcome => outcome,
    };
    (outcome.map(|tokens| tokens.as_ref().map(Tokens::of)), fetches)
}

// REQ: JWKS-03, JWKS-06, JWKS-13, JWKS-20, IDT-25
#[test]
fn keys_change() {
    let ok = |(outcome, fetches): (Result<Option<Tokens>, Error>, usize)| {
        assert_eq!(outcome.expect("a good token").expect("tokens").subject.as_deref(), Some(SUBJECT));
        fetches
    };
    let check = |(outcome, fetches): (Result<Option<Tokens>, Error>, usize)| {
        assert_eq!(fetches, 1);
        outcome.expect_err("no key verifies it")
    };
    // Known, pinned: nothing is fetched.
    assert_eq!(ok(with_keys(&[FIRST], &[], FIRST)), 0);
    // None known; rotated; rotated under the old name.
    assert_eq!(ok(with_keys(&[], &[FIRST], FIRST)), 1);
    assert_eq!(ok(with_keys(&[FIRST], &[FIRST, SECOND], SECOND)), 1);
    let renewed = SECOND.named(FIRST.kid);
    assert_eq!(ok(with_keys(&[FIRST], &[renewed], renewed)), 1);
    // After one fetch it is over.
    assert_eq!(check(with_keys(&[FIRST], &[FIRST, SECOND], STRANGE)), Check::UnknownKey.into());
    assert_eq!(check(with_keys(&[FIRST], &[FIRST], renewed)), Check::BadSignature.into());
    // Tokens or keys without a name.
    let nameless = SECOND.named(None);
    assert_eq!(ok(with_keys(&[FIRST, SECOND], &[], nameless)), 0);
    assert_eq!(ok(with_keys(&[nameless], &[], nameless)), 0);
    assert_eq!(ok(with_keys(&[FIRST], &[FIRST, SECOND, STRANGE], nameless)), 1);
    assert_eq!(check(with_keys(&[FIRST], &[nameless], SECOND)), Check::UnknownKey.into());
    let crowd: Vec<_> = (10..15).map(|octet| TestKey { kid: None, octet }).collect();
    assert_eq!(check(with_keys(&[], &crowd, nameless)), Check::AmbiguousKey.into());
}

// REQ: JWKS-19
#[test]
fn a_key_of_another_server_verifies_nothing() {
    // What the second server signs with, under its own name, under the first one's, and under none.
    for (signer, check) in [
        (STRANGE, Check::UnknownKey),
        (STRANGE.named(FIRST.kid), Check::BadSignature),
        (STRANGE.named(None), Check::BadSignature),
    ] {
        for known in [&[FIRST][..], &[]] {
            let (outcome, fetches) = with_keys(known, &[FIRST], signer);
            assert_eq!((outcome, fetches), (Err(check.into()), 1));
        }
    }
}
