//! Every answer that a relay can give, and what is made of it.

use keyfob_core::error::{Check, Error, Name};
use keyfob_tests::{answer::Answer, relay::RELAYED, stations::Happening};
use serde_json::{Value, json};

use crate::{Device, Wants};

const JSON: &str = "application/json";

fn codes(change: impl FnOnce(&mut Value)) -> Answer {
    let mut codes = json!({
        "user_code": "BCDF-GHJK",
        "verification_uri": "https://relay.example/",
        "verification_uri_complete": "https://relay.example/?t=abc",
        "expires_in": 120,
        "interval": 1,
    });
    change(&mut codes);
    Answer::json(200, &codes)
}

/// The end of time for a flow that is not over is an error that leaves it as it was.
#[track_caller]
fn refused_as_it_is(mut device: Device, answer: Answer, expected: Error) {
    let before = device.request().body;
    assert_eq!(device.hear(answer), Err(expected));
    assert_eq!(device.request().body, before);
    // The right answer is good still.
    assert_eq!(device.ask(), Ok(None));
    assert_eq!(device.code(), "RLYB-0001");
}

// REQ: RELAY-03, RELAY-04
#[test]
fn answers_to_the_opening() {
    let set = |name: &'static str, value: Value| codes(|codes| codes[name] = value);
    let without = |name: &str| codes(|codes| drop(codes.as_object_mut().expect("an object").remove(name)));
    let long = |octets: usize| format!("https://relay.example/{}", "x".repeat(octets - 22));
    let error = |status, code| Answer::json(status, &json!({ "error": code }));
    let missing = |name| Check::MissingMember(name).into();
    let wrong = |name| Check::WrongType(name).into();
    for (answer, expected) in [
        (without("user_code"), missing(Name::UserCode)),
        (set("user_code", "".into()), missing(Name::UserCode)),
        (set("user_code", 7.into()), wrong(Name::UserCode)),
        (set("user_code", "a\u{1b}[2J".into()), Check::BadMember(Name::UserCode).into()),
        (set("user_code", "x".repeat(65).into()), Error::InputTooLarge(Name::UserCode)),
        (without("verification_uri"), missing(Name::VerificationUri)),
        (
            set("verification_uri", "http://relay.example/".into()),
            Check::InsecureUrl(Name::VerificationUri).into(),
        ),
        (
            set("verification_uri", "javascript:alert(1)".into()),
            Check::InsecureUrl(Name::VerificationUri).into(),
        ),
        (set("verification_uri", long(129).into()), Error::InputTooLarge(Name::VerificationUri)),
        (
            set("verification_uri_complete", "http://x.example".into()),
            Check::InsecureUrl(Name::VerificationUriComplete).into(),
        ),
        // Each may be as long, but not all of them in this room.
        (
            set("verification_uri_complete", long(512).into()),
            Error::InputTooLarge(Name::VerificationUriComplete),
        ),
        (without("expires_in"), missing(Name::ExpiresIn)),
        (set("expires_in", "120".into()), wrong(Name::ExpiresIn)),
        (set("expires_in", (-1).into()), wrong(Name::ExpiresIn)),
        (set("expires_in", 0.into()), Check::BadMember(Name::ExpiresIn).into()),
        (set("interval", "1".into()), wrong(Name::Interval)),
        (error(401, "device"), Error::Config(Name::DeviceSecret)),
        (error(403, "device"), Error::Config(Name::DeviceSecret)),
        (error(403, "authorization_url"), Error::Config(Name::AuthorizationEndpoint)),
        (error(400, "mailbox"), Check::HttpStatus(400).into()),
        (error(404, "mailbox"), Check::HttpStatus(404).into()),
        (error(409, "mailbox"), Check::HttpStatus(409).into()),
        (Answer::new(401, "text/plain", "no"), Check::HttpStatus(401).into()),
        (Answer::new(409, "text/html", "paired"), Check::HttpStatus(409).into()),
        (Answer::new(200, "text/html", "<h1>Hotel</h1>"), Check::ContentType.into()),
        (Answer::new(302, JSON, "{}"), Check::HttpRedirect.into()),
        (Answer::new(307, "text/html", ""), Check::HttpRedirect.into()),
        (Answer::new(201, JSON, codes(|_| ()).body), Check::HttpStatus(201).into()),
        (Answer::new(200, JSON, "[]"), Check::JsonNotObject.into()),
        (Answer::new(200, JSON, "{"), Check::JsonEof.into()),
        (
            Answer::new(200, JSON, r#"{"user_code":"a","user_code":"a"}"#),
            Check::DuplicateMember(Name::UserCode).into(),
        ),
    ] {
        refused_as_it_is(Device::new(&RELAYED), answer, expected);
    }
}

// REQ: RELAY-12, RELAY-10
#[test]
fn a_relay_in_trouble_ends_the_flow() {
    for answer in [
        Answer::json(429, &json!({ "error": "busy" })),
        Answer::new(500, "text/html", "<h1>Oops</h1>"),
        Answer::json(502, &json!({})),
        Answer::new(503, "text/plain", ""),
    ] {
        let mut device = Device::new(&RELAYED);
        assert_eq!(device.hear(answer), Err(Error::RelayUnavailable));
        assert!(matches!(device.wants(), Err(Error::RelayUnavailable)));
        assert_eq!(device.tell(&Happening::NotSent), Err(Error::Misuse));
        assert_eq!(device.closing(), None, "there is no mailbox");
    }
    let mut device = Device::new(&RELAYED);
    assert_eq!(device.tell(&Happening::NotSent), Ok(None));
    assert_eq!(device.tell(&Happening::Timeout), Ok(None));
    assert_eq!(device.tell(&Happening::Timeout), Err(Error::RelayUnavailable));
    // One lost answer does no harm: the relay gives other codes.
    let mut device = Device::new(&RELAYED);
    let request = device.request();
    device.server().answer(request.clone());
    assert_eq!(device.tell(&Happening::Timeout), Ok(None));
    assert_eq!(device.request().body, request.body);
    assert_eq!(device.ask(), Ok(None));
    assert_eq!(device.code(), "RLYB-0002");
}

// REQ: RELAY-05
#[test]
fn what_a_relay_gives_is_shown() {
    let mut device = Device::new(&RELAYED);
    let more = codes(|codes| {
        codes["device_code"] = json!(["nobody asks for it"]);
        codes["interval"] = json!(2.5);
        codes["verification_uri_complete"] = Value::Null;
    });
    assert_eq!(device.hear(more), Ok(None));
    let Ok(Wants::Show { code, complete, until, seconds }) = device.wants() else { panic!("no code") };
    assert_eq!((code.as_str(), complete, until, seconds), ("BCDF-GHJK", None, 3100, 120));
    // However long a relay wants to be left alone, it is asked once a minute.
    let mut device = Device::new(&RELAYED);
    assert_eq!(device.hear(codes(|codes| codes["interval"] = 1_000_000.into())), Ok(None));
    assert!(matches!(device.wants(), Ok(Wants::Show { until: 60_100, .. })));
    // A browser is in already, which came before the power failed.
    let mut device = Device::new(&RELAYED);
    assert_eq!(device.hear(Answer::json(409, &json!({ "error": "paired" }))), Ok(None));
    assert!(matches!(device.wants(), Ok(Wants::Connected { .. })));
}

// REQ: RELAY-03, RELAY-05, RELAY-10
#[test]
fn answers_to_the_question() {
    let error = |status, code| Answer::json(status, &json!({ "error": code }));
    let say = |body: Value| Answer::json(200, &body);
    let sealed = |length: usize| "A".repeat(length);
    for (answer, expected, taken_down) in [
        (say(json!({})), Check::MissingMember(Name::Status).into(), false),
        (say(json!({ "status": "ready" })), Check::BadMember(Name::Status).into(), false),
        (say(json!({ "status": "<b>paired</b>" })), Check::BadMember(Name::Status).into(), false),
        (say(json!({ "status": "Paired" })), Check::BadMember(Name::Status).into(), false),
        (say(json!({ "status": true })), Check::WrongType(Name::Status).into(), false),
        (say(json!({ "status": null })), Check::WrongType(Name::Status).into(), false),
        (say(json!({ "response": 1 })), Check::WrongType(Name::Response).into(), false),
        (say(json!({ "status": "paired", "response": "AAAA" })), Check::ConflictingResponse.into(), false),
        (say(json!({ "response": "" })), Check::SealBroken.into(), true),
        (say(json!({ "response": "AAAA" })), Check::SealBroken.into(), true),
        (say(json!({ "response": sealed(64) })), Check::SealBroken.into(), true),
        (say(json!({ "response": sealed(400) })), Check::SealBroken.into(), true),
        (say(json!({ "response": "AA=" })), Check::BadEncoding(Name::Response).into(), true),
        (say(json!({ "response": "A+/A" })), Check::BadEncoding(Name::Response).into(), true),
        (say(json!({ "response": sealed(684) })), Error::InputTooLarge(Name::Response), true),
        (error(401, "device"), Error::Config(Name::DeviceSecret), false),
        (error(403, "device"), Error::Config(Name::DeviceSecret), false),
        (error(400, "wait"), Check::HttpStatus(400).into(), false),
        (error(404, "nothing"), Check::HttpStatus(404).into(), false),
        (Answer::new(404, "text/html", "mailbox"), Check::HttpStatus(404).into(), false),
        (Answer::new(200, "text/html", "<h1>Hotel</h1>"), Check::ContentType.into(), false),
        (Answer::new(303, JSON, r#"{"status":"paired"}"#), Check::HttpRedirect.into(), false),
        (Answer::new(202, JSON, r#"{"status":"paired"}"#), Check::HttpStatus(202).into(), false),
        (Answer::new(200, JSON, r#"{"status":"paired""#), Check::JsonEof.into(), false),
    ] {
        let mut device = Device::entered(&RELAYED);
        device.wait();
        let now = device.time;
        let what = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(device.hear(answer), Err(expected), "{what}");
        // It is not asked again at once, and goes on.
        match device.wants() {
            Ok(Wants::Connected { until }) if taken_down => assert_eq!(until, now + 1100, "{what}"),
            Ok(Wants::Show { until, .. }) if !taken_down => assert_eq!(until, now + 1100, "{what}"),
            other => panic!("{what}: {other:?}"),
        }
        assert!(device.finish().is_ok(), "{what}");
    }
}

// REQ: RELAY-05
#[test]
fn news_that_end_the_wait() {
    let taken = Answer::json(200, &json!({ "status": "taken" }));
    let mut device = Device::entered(&RELAYED);
    device.wait();
    assert_eq!(device.hear(taken), Err(Error::AnswerLost));
    assert!(matches!(device.wants(), Err(Error::AnswerLost)));
    assert_eq!(device.closing().as_deref(), Some("failed"));
    // A relay that has forgotten: nobody was let in, so there is another code; somebody was, so it is over.
    let gone = || Answer::json(404, &json!({ "error": "mailbox" }));
    let mut device = Device::new(&RELAYED);
    assert_eq!(device.ask(), Ok(None));
    device.wait();
    assert_eq!(device.hear(gone()), Ok(None));
    assert_eq!(device.request().url, "https://relay.example/r1/mailbox");
    assert_eq!(device.ask(), Ok(None));
    assert_eq!(device.code(), "RLYB-0002");
    let mut device = Device::entered(&RELAYED);
    assert_eq!(device.ask(), Ok(None));
    device.wait();
    assert_eq!(device.hear(gone()), Err(Error::AnswerLost));
    // Who was let in is not put out again.
    let mut device = Device::entered(&RELAYED);
    assert_eq!(device.ask(), Ok(None));
    device.wait();
    assert_eq!(device.hear(Answer::json(200, &json!({ "status": "waiting" }))), Ok(None));
    assert!(matches!(device.wants(), Ok(Wants::Connected { .. })));
    assert!(device.finish().is_ok());
}

/// A response may come before anybody has heard of a browser.
// REQ: RELAY-05, RELAY-01
#[test]
fn a_hasty_response() {
    let mut device = Device::entered(&RELAYED);
    device.server().relay.hasty = true;
    assert!(device.finish().is_ok());
    assert_eq!(device.closing().as_deref(), Some("signed_in"));
    assert_eq!(
        device.server().relay.mailboxes.values().next().expect("one").ending.as_deref(),
        Some("signed_in")
    );
}

// REQ: RELAY-01
#[test]
fn the_server_refuses() {
    for (denial, ending) in [("access_denied", "refused"), ("server_error", "refused")] {
        let mut device = Device::new(&RELAYED);
        assert_eq!(device.ask(), Ok(None));
        device.server().denial = Some(denial);
        let code = device.code();
        device.server().enter(&code);
        assert_eq!(device.ask(), Ok(None));
        assert!(matches!(device.ask(), Err(Error::Refused(_))));
        assert!(matches!(device.wants(), Err(Error::Refused(_))));
        use keyfob_core::flow::Flow;
        let refusal = device.flow.refusal().expect("a reason");
        assert_eq!((refusal.code(), refusal.description()), (denial, "The user said no.?<b>"));
        assert_eq!(device.closing().as_deref(), Some(ending));
    }
}
