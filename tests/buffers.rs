//! Every request and every response, with every buffer length and every split.

use keyfob_core::{
    error::{Check, Error},
    exchange::{Discovery, Exchange, Jwks, UserInfo},
    flow::Action,
};
use keyfob_tests::{
    answer::{Answer, text},
    bodies::{Asked, Body, bodies},
    clients::KIOSK,
    clock::NOW,
    conversation::{self, Conversation, Report},
    keys::{FIRST, TestKey},
    outcome::Outcome,
    server::{SUBJECT, metadata},
    stations::{ENOUGH, Kind, stations},
};
use serde_json::json;

/// Tries every length from 0 until one does, and gives that one with what came of it: all shorter ones must
/// have named it, and left nothing of what they wrote.
#[track_caller]
fn exact(
    what: &str,
    mut write: impl FnMut(&mut [u8]) -> Result<String, Error>,
) -> (usize, Result<String, Error>) {
    let mut named = Vec::new();
    for length in 0..ENOUGH {
        let mut buffer = vec![0xAA; length];
        let outcome = write(&mut buffer);
        let Err(Error::BufferTooSmall { needed }) = outcome else {
            assert!(named.iter().all(|(_, needed)| *needed == length), "{what}: {length} do, but {named:?}");
            return (length, outcome);
        };
        let cleared = buffer.iter().all(|octet| *octet == 0) || buffer.iter().all(|octet| *octet == 0xAA);
        assert!(cleared, "{what}: something partial was left in {length} octets");
        if named.last().is_none_or(|(_, last)| *last != needed) {
            named.push((length, needed));
        }
    }
    panic!("{what}: no length does");
}

// REQ: SM-06, SM-07, MEM-04, ERR-09
#[test]
fn every_action_in_every_length() {
    for station in stations() {
        let place = format!("{:?} {:?}", station.client, station.step);
        let before = station.hand.shown(&*station.flow);
        let poll = |out: &mut [u8]| {
            Ok(match station.flow.poll(NOW, out)? {
                Action::Authorize(url) => url.to_owned(),
                Action::Display(code) => format!("{} {code:?}", code.instructions("it")),
                Action::Send(request) => {
                    let headers: Vec<_> = request.headers().collect();
                    format!("{request:?} {headers:?} {}", String::from_utf8_lossy(request.body()))
                }
                other => format!("{other:?}"),
            })
        };
        let (needed, outcome) = exact(&place, poll);
        assert_eq!(outcome.is_ok(), before.next.is_ok(), "{place}");
        assert_eq!(poll(&mut vec![0; needed]), outcome, "{place}: polled twice");
        assert_eq!(poll(&mut vec![0; needed + 1]), outcome, "{place}");
        assert_eq!(station.hand.shown(&*station.flow), before, "{place}");
    }
}

// REQ: SM-07, MEM-04, ERR-09, SM-14
#[test]
fn every_snapshot_in_every_length() {
    for station in stations().into_iter().filter(|station| !station.step.is_end()) {
        let before = station.hand.shown(&*station.flow);
        let save = |out: &mut [u8]| station.flow.save(NOW, out).map(|length| format!("{:?}", &out[..length]));
        let (needed, outcome) = exact("snapshot", save);
        assert_eq!(outcome, Ok(format!("{:?}", before.saved.clone().expect("the flow goes on"))));
        assert_eq!(before.saved.map(|saved| saved.len()), Ok(needed));
    }
}

// REQ: SM-07, MEM-04, ERR-09
#[test]
fn every_last_request_in_every_length() {
    let mut told = 0;
    for station in stations() {
        let closing = |out: &mut [u8]| {
            let request = station.flow.closing(NOW, out)?;
            let body = |request: keyfob_core::http::Request<'_>| {
                String::from_utf8_lossy(request.body()).into_owned()
            };
            Ok(format!("{request:?} {:?}", request.map(body)))
        };
        let (needed, outcome) = exact("closing", closing);
        told += usize::from(needed > 0);
        assert!(needed == 0 || station.kind == Kind::Relayed);
        assert_eq!(closing(&mut vec![0; needed + 1]), outcome);
    }
    assert!(told > 5, "{told}");
}

// REQ: SM-07, MEM-04, ERR-09, HTTP-23
#[test]
fn every_exchange_in_every_length() {
    fn check(what: &str, exchange: &impl Exchange) {
        let request = |out: &mut [u8]| {
            let request = exchange.request(NOW, out)?;
            let headers: Vec<_> = request.headers().collect();
            Ok(format!("{} {} {headers:?}", request.method().as_str(), request.url()))
        };
        let (needed, outcome) = exact(what, request);
        assert!(outcome.is_ok(), "{what}");
        assert_eq!(request(&mut vec![0; needed]), outcome);
    }
    let discovery = Discovery::new("https://op.example/tenant/").expect("the issuer is right");
    check("discovery", &discovery);
    check("discovery the OAuth way", &discovery.oauth_authorization_server());
    check("keys", &Jwks::new(&KIOSK));
    check("userinfo", &UserInfo::new(&KIOSK, "access-1", SUBJECT));
    let bad = UserInfo::new(&KIOSK, "access 1", SUBJECT);
    assert!(
        bad.request(NOW, &mut [0; 64]).is_err_and(|error| matches!(error, Error::Check(Check::BadMember(_))))
    );
}

// REQ: SM-07, MEM-04, ERR-09
#[test]
fn every_response_in_every_length() {
    for body in bodies() {
        let (needed, outcome) = exact(body.name, |buffer| body.read(buffer, &[]));
        assert_eq!(
            body.read(&mut [0; ENOUGH], &[]),
            outcome,
            "{}: the length makes no other difference",
            body.name
        );
        println!("{}: {} octets pass through {needed}: {outcome:.60?}", body.name, body.answer.body.len());
    }
}

// REQ: JSON-18, QA-06
#[test]
fn every_response_split_everywhere() {
    for body in bodies() {
        let length = body.answer.body.len();
        let whole = body.read(&mut [0; ENOUGH], &[]);
        for place in 0..=length {
            assert_eq!(body.read(&mut [0; ENOUGH], &[place]), whole, "{} split at {place}", body.name);
        }
        for piece in (1..length).filter(|piece| *piece < 10 || piece.is_power_of_two()) {
            let places: Vec<_> = (0..length).step_by(piece).collect();
            assert_eq!(body.read(&mut [0; ENOUGH], &places), whole, "{} in pieces of {piece}", body.name);
        }
    }
}

// REQ: JSON-18, QA-06, ERR-09
#[test]
fn a_short_buffer_is_short_in_every_split() {
    for body in bodies().into_iter().filter(|body| body.answer.body.len() < 1000) {
        let length = body.answer.body.len();
        let (needed, _) = exact(body.name, |buffer| body.read(buffer, &[]));
        for room in [0, needed.saturating_sub(1)] {
            let whole = body.read(&mut vec![0; room], &[]);
            for place in 0..=length {
                assert_eq!(body.read(&mut vec![0; room], &[place]), whole, "{} split at {place}", body.name);
            }
        }
    }
}

// REQ: JSON-04, HTTP-14
#[test]
fn every_good_response_cut_everywhere() {
    for body in bodies() {
        let Ok(whole) = body.read(&mut [0; ENOUGH], &[]) else { continue };
        let end = body.answer.body.iter().rposition(|octet| *octet == b'}').expect("an object") + 1;
        for length in 0..=body.answer.body.len() {
            let cut = Body { answer: body.answer.clone().short(length), ..body.clone() };
            let outcome = cut.read(&mut [0; ENOUGH], &[]);
            let expected = if length < end { Err(Check::JsonEof.into()) } else { Ok(whole.clone()) };
            // UserInfo is kept as it stands, with the space behind it.
            if length < end || body.asked != Asked::UserInfo {
                assert_eq!(outcome, expected, "{} cut to {length}", body.name);
            }
        }
    }
}

// REQ: JSON-02, JSON-05, JSON-08
#[test]
fn every_response_with_every_octet_changed() {
    for body in bodies().into_iter().filter(|body| body.answer.body.len() < 400) {
        for place in 0..body.answer.body.len() {
            for octet in [0x00, b'"', b'\\', b'{', b'}', b'0', b' ', 0x80, 0xC3, 0xFF] {
                let mut changed = body.clone();
                changed.answer.body[place] = octet;
                let whole = changed.read(&mut [0; ENOUGH], &[]);
                let split = changed.read(&mut [0; ENOUGH], &[place, place + 1]);
                assert_eq!(whole, split, "{} with {octet:#x} at {place}", body.name);
            }
        }
    }
}

// REQ: JWKS-16, JSON-18, DISC-16, TOKEN-15
#[test]
fn large_documents_pass_through_small_buffers() {
    let mut keys: Vec<_> = (0..1100)
        .map(|number: u32| {
            let mut key = TestKey { kid: None, octet: 1 + (number % 200) as u8 }.jwk();
            key["kid"] = format!("key {number}").into();
            key["x5t"] = "x".repeat(64).into();
            key
        })
        .collect();
    keys.push(FIRST.jwk());
    let set = Answer::json(200, &json!({ "keys": keys }));
    assert!((256 * 1024..300 * 1024).contains(&set.body.len()), "{}", set.body.len());
    let set = Body { name: "a large key set", asked: Asked::KeysForToken, answer: set };
    let one =
        Body { name: "one key", answer: Answer::json(200, &json!({ "keys": [FIRST.jwk()] })), ..set.clone() };
    assert_eq!(set.read(&mut [0; 1024], &[]), one.read(&mut [0; 1024], &[]));

    let tokens = bodies().swap_remove(0);
    let more = Body { answer: tokens.answer.clone().extra(100 * 1024), ..tokens.clone() };
    assert_eq!(more.read(&mut [0; 2048], &[]), tokens.read(&mut [0; 2048], &[]));
    assert!(tokens.read(&mut [0; 2048], &[]).is_ok());

    let plain = Body { name: "metadata", asked: Asked::Discovery, answer: Answer::json(200, &metadata()) };
    let mut document = metadata();
    for number in 0..300 {
        document[format!("scopes_{number}")] = json!(["openid", "x".repeat(200)]);
    }
    let large = text(&document);
    assert!(large.len() > 64 * 1024);
    let large = Body { answer: Answer::new(200, "application/json", large), ..plain.clone() };
    assert_eq!(large.read(&mut [0; 512], &[]), plain.read(&mut [0; 512], &[]));
    assert!(plain.read(&mut [0; 512], &[]).is_ok());
}

// REQ: JWKS-16, JWKS-02
#[test]
fn key_sets_keep_eight_keys() {
    let of = |count: u8| {
        let keys: Vec<_> = (1..=count).map(|octet| TestKey { kid: None, octet }.jwk()).collect();
        let answer = Answer::json(200, &json!({ "keys": keys }));
        Body { name: "keys", asked: Asked::Keys, answer }.read(&mut [0; ENOUGH], &[])
    };
    assert_ne!(of(7), of(8));
    assert_eq!(of(8), of(9));
}

// REQ: ERR-09, MEM-04
#[test]
fn drivers_name_the_length_that_does() {
    let drivers: [fn(&Conversation) -> Report; 2] = [Conversation::run_embassy, Conversation::run_std];
    let all = conversation::ALL.iter();
    for (conversation, driver) in all.flat_map(|each| drivers.iter().map(move |driver| (each, driver))) {
        let run = |buffer| driver(&Conversation { buffer, ..*conversation }).outcome;
        let mut length = 0;
        loop {
            match run(length) {
                Outcome::Tokens(_) => break,
                Outcome::Flow(Error::BufferTooSmall { needed }) => {
                    assert!(
                        needed > length,
                        "{}: {length} are not enough, {needed} would do",
                        conversation.name
                    );
                    let less = run(needed - 1);
                    assert!(!matches!(less, Outcome::Tokens(_)), "{}: fewer do too", conversation.name);
                    length = needed;
                }
                other => panic!("{}: {length} octets: {other:?}", conversation.name),
            }
        }
        println!("{} needs {length} octets", conversation.name);
    }
}
