//! A relay that an attacker owns: it reads everything, and answers what it likes.

use keyfob_core::{
    error::{Check, Error, ErrorCode, Name},
    flow::Flow,
};
use keyfob_tests::{
    answer::Answer,
    clock::NOW,
    form,
    keys::base64url,
    relay::{BASE, QUERIED, RELAYED, RELAYED_SIGNING, parameters, seal},
    server::{Received, Return},
    stations::Happening,
};
use serde_json::json;

use crate::Device;

/// Takes a response from a relay that does this to it.
#[track_caller]
fn swapped(swap: fn(&Return) -> Return) -> (Device, Result<(), Error>) {
    let mut device = Device::new(&RELAYED);
    assert_eq!(device.ask(), Ok(None));
    device.server().relay.swap = Some(swap);
    let code = device.code();
    device.server().enter(&code);
    assert_eq!(device.ask(), Ok(None));
    let outcome = device.ask().map(|tokens| assert_eq!(tokens, None));
    (device, outcome)
}

fn form(change: impl Fn(&str) -> String, redirect: &Return) -> Return {
    Return::Form(change(parameters(redirect).1))
}

/// What the attacker sends to the token endpoint, with all that the relay has seen.
fn redeem(device: &Device, verifier: Option<&str>) -> Answer {
    let brought = device.server().relay.brought.last().expect("a response").clone();
    let code = form::value(&form::pairs(parameters(&brought).1), "code").expect("a code");
    let verifier = verifier.map(|verifier| format!("&code_verifier={verifier}")).unwrap_or_default();
    let body = format!(
        "grant_type=authorization_code&code={}&redirect_uri={}&client_id=kettle{verifier}",
        form::encode(&code),
        form::encode("https://relay.example/r1/callback"),
    );
    device.server().answer(Received {
        method: "POST".into(),
        url: "https://op.example/token".into(),
        headers: vec![("Content-Type".into(), "application/x-www-form-urlencoded".into())],
        body,
    })
}

/// Everything that the relay has ever seen, tried as what it lacks.
// REQ: RELAY-02
#[test]
fn what_a_relay_sees_redeems_nothing() {
    for client in [&RELAYED, &QUERIED] {
        let mut device = Device::entered(client);
        let seen: Vec<String> = {
            let server = device.server();
            let of_devices = server.relay.received.iter().flat_map(|request| form::pairs(&request.body));
            let urls = of_devices.clone().filter(|(name, _)| name == "authorization_url");
            let of_urls = urls.flat_map(|(_, url)| form::pairs(url.split_once('?').expect("a query").1));
            let brought =
                server.relay.brought.iter().flat_map(|redirect| form::pairs(parameters(redirect).1));
            of_devices.clone().chain(of_urls).chain(brought).map(|(_, value)| value).collect()
        };
        assert!(seen.len() > 12);
        for name in ["code_verifier", "client_secret", "refresh_token", "access_token"] {
            assert!(!device.server().relay.received.iter().any(|request| request.body.contains(name)));
        }
        let before = device.server().clone();
        for verifier in seen.iter().map(Some).chain([None]) {
            let answer = redeem(&device, verifier.map(|text| form::encode(text)).as_deref());
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            assert!(answer.status == 400 && text.contains("invalid_grant"), "{verifier:?}: {text}");
            // The next attempt meets the server as it was.
            *device.server() = before.clone();
        }
        // The one who has the verifier gets the tokens; and what the attacker burns, nobody gets.
        let mut device_of_victim = Device::entered(client);
        redeem(&device_of_victim, None);
        assert_eq!(device_of_victim.finish().err(), Some(Error::Refused(ErrorCode::InvalidGrant)));
        assert!(device.finish().is_ok());
    }
}

/// With a key for the code, even the verifier would not do.
// REQ: RELAY-09, RELAY-02
#[test]
fn the_code_of_a_key_serves_only_who_holds_it() {
    let mut device = Device::entered(&RELAYED_SIGNING);
    assert_eq!(device.ask(), Ok(None));
    assert_eq!(device.ask(), Ok(None));
    let mut request = device.request();
    assert_eq!(request.path(), "/token");
    let before = device.server().clone();
    // The whole request leaks, and the attacker proves another key, or none.
    request.headers.retain(|(name, _)| name != "DPoP");
    let answer = device.server().answer(request);
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(answer.status == 400 && text.contains("invalid_dpop_proof"), "{text}");
    *device.server() = before;
    assert!(device.finish().is_ok());
}

/// The attacker's own code, of the attacker's account: PKCE tells that it answers another request.
// REQ: RELAY-02, RELAY-03
#[test]
fn a_code_of_another_account_signs_nobody_in() {
    let (mut device, outcome) =
        swapped(|redirect| form(|text| text.replace("code%2D1", "code%2D2"), redirect));
    assert_eq!(outcome, Ok(()), "the flow cannot see it");
    // The attacker has signed in, with a challenge of a verifier of its own.
    let attacker = Device::new(&RELAYED);
    let url = form::in_body(attacker.request().body.as_bytes(), "authorization_url");
    let challenge = form::in_url(&url, "code_challenge");
    let url = url.replace(&challenge, &base64url([7; 32]));
    let own = device.server().authorize(&url);
    let code = form::value(&form::pairs(parameters(&own).1), "code").expect("a code");
    assert_eq!(form::in_body(device.request().body.as_bytes(), "code"), code);
    assert_eq!(device.ask(), Err(Error::Refused(ErrorCode::InvalidGrant)));
    assert_eq!(device.closing().as_deref(), Some("refused"));
}

// REQ: RELAY-03
#[test]
fn responses_that_were_changed() {
    type Case = (&'static str, fn(&Return) -> Return, Error);
    let cases: [Case; 12] = [
        (
            "another state",
            |redirect| form(|text| text.replace("state=", "state=x"), redirect),
            Check::StateMismatch.into(),
        ),
        (
            "no state",
            |redirect| form(|text| text.replace("state=", "stale="), redirect),
            Check::StateMismatch.into(),
        ),
        (
            "no iss",
            |redirect| form(|text| text.replace("&iss=", "&ins="), redirect),
            Check::IssuerMissing.into(),
        ),
        (
            "iss of another",
            |redirect| form(|text| text.replace("op%2E", "evil%2E"), redirect),
            Check::IssuerMismatch.into(),
        ),
        (
            "two codes",
            |redirect| form(|text| format!("{text}&code=mine"), redirect),
            Check::DuplicateParameter(Name::Code).into(),
        ),
        (
            "no code",
            |redirect| form(|text| text.replace("code=", "kode="), redirect),
            Check::MissingParameter(Name::Code).into(),
        ),
        (
            "a token too",
            |redirect| form(|text| format!("{text}&access_token=mine"), redirect),
            Check::UnexpectedParameter(Name::AccessToken).into(),
        ),
        (
            "code and error",
            |redirect| form(|text| format!("{text}&error=access_denied"), redirect),
            Check::ConflictingResponse.into(),
        ),
        (
            "the other method",
            |redirect| Return::Url(format!("x?{}", parameters(redirect).1)),
            Check::WrongMethod.into(),
        ),
        ("markup", |_| Return::Form("<script>alert(1)</script>".into()), Check::StateMismatch.into()),
        ("nothing", |_| Return::Form(String::new()), Check::StateMismatch.into()),
        ("too much", |_| Return::Form("&a=b".repeat(110)), Check::StateMismatch.into()),
    ];
    for (what, swap, expected) in cases {
        let (mut device, outcome) = swapped(swap);
        assert_eq!(outcome, Err(expected), "{what}");
        // The flow is not ended by it. An honest relay would say that the response was taken.
        let rejected = u8::from(expected == Check::StateMismatch.into());
        assert_eq!(device.flow.rejected_redirects(), rejected, "{what}");
        assert_eq!(device.ask(), Err(Error::AnswerLost), "{what}");
    }
}

/// Somebody's text, in a refusal that only `state` makes believable.
// REQ: RELAY-03
#[test]
fn markup_in_a_refusal_is_shown_as_text() {
    let (device, outcome) = swapped(|redirect| {
        let state = form::value(&form::pairs(parameters(redirect).1), "state").expect("a state");
        Return::Form(format!(
            "error=access_denied&error_description=%3Cimg+src%3Dx%3E%1B%5B2J%0D%0A&state={state}&iss=https%3A%2F%2Fop.example"
        ))
    });
    assert_eq!(outcome, Err(Error::Refused(ErrorCode::AccessDenied)));
    let description = device.flow.refusal().expect("a reason").description().to_owned();
    assert_eq!(description, "<img src=x>?[2J??");
}

// REQ: RELAY-11, RELAY-03
#[test]
fn a_response_that_was_sealed_for_another() {
    let plain = |device: &Device| {
        let brought = device.server().relay.brought.last().expect("a response").clone();
        let (kind, text) = parameters(&brought);
        format!("{kind}{text}")
    };
    let other_key = [9; 32];
    let random = [5; 32];
    for (what, info, own_key, own_mailbox) in [
        ("another key", "keyfob relay 1", false, true),
        ("another mailbox", "keyfob relay 1", true, false),
        ("another purpose", "keyfob relay 2", true, true),
        ("no purpose", "", true, true),
    ] {
        let mut device = Device::entered(&RELAYED);
        assert_eq!(device.ask(), Ok(None));
        let name = device.mailbox();
        let key = device.server().relay.mailboxes[&name].public_key.clone();
        let other_name = base64url([3; 32]);
        let sealed = seal(
            if own_key { &key } else { &other_key },
            info,
            if own_mailbox { &name } else { &other_name },
            plain(&device).as_bytes(),
            &random,
        );
        device.wait();
        let answer = Answer::json(200, &json!({ "response": base64url(&sealed) }));
        assert_eq!(device.hear(answer), Err(Check::SealBroken.into()), "{what}");
        // And sealed as it should be.
        let right = seal(&key, "keyfob relay 1", &name, plain(&device).as_bytes(), &random);
        device.wait();
        assert_eq!(
            device.hear(Answer::json(200, &json!({ "response": base64url(&right) }))),
            Ok(None),
            "{what}"
        );
        assert!(device.finish().is_ok());
    }
    // What was sealed is of no known kind, is no text, or is nothing.
    for (plain, expected) in [
        (&b"xcode=a"[..], Check::BadMember(Name::Response)),
        (b"Qcode=a", Check::BadMember(Name::Response)),
        (b"", Check::BadMember(Name::Response)),
        (b"fcode=\xff", Check::BadEncoding(Name::Response)),
        (b"f", Check::StateMismatch),
        (b"q", Check::WrongMethod),
    ] {
        let mut device = Device::entered(&RELAYED);
        assert_eq!(device.ask(), Ok(None));
        let name = device.mailbox();
        let key = device.server().relay.mailboxes[&name].public_key.clone();
        let sealed = seal(&key, "keyfob relay 1", &name, plain, &random);
        device.wait();
        let answer = Answer::json(200, &json!({ "response": base64url(&sealed) }));
        assert_eq!(device.hear(answer), Err(expected.into()), "{plain:?}");
    }
}

/// A response of an earlier sign-in, and the same response twice: one token request.
// REQ: RELAY-03, RELAY-05
#[test]
fn responses_that_come_again() {
    let mut first = Device::entered(&RELAYED);
    assert_eq!(first.ask(), Ok(None));
    first.wait();
    let request = first.request();
    let answer = first.server().answer(request.clone());
    assert_eq!(first.hear(answer.clone()), Ok(None));
    // The relay would give it once more, and nobody asks.
    let token_request = first.request();
    assert_eq!(token_request.path(), "/token");
    assert!(first.finish().is_ok());
    assert_eq!(first.server().count("/token"), 1);
    assert_eq!(first.tell(&Happening::Response(answer.clone())), Err(Error::Misuse));
    // In another sign-in, it is sealed for somebody else.
    let mut second = {
        let flow = keyfob_core::flow::Relayed::new(
            &RELAYED,
            &keyfob_tests::relay::RELAY,
            keyfob_tests::seeds::seed(2),
            NOW,
        );
        Device { flow: flow.expect("right"), hand: Default::default(), time: 0 }
    };
    assert_eq!(second.ask(), Ok(None));
    second.wait();
    assert_eq!(second.hear(answer), Err(Check::SealBroken.into()));
}

/// It says for ever that a browser was let in, or that nobody came; it never answers: the flow ends at its time.
// REQ: RELAY-10
#[test]
fn a_relay_that_plays_for_time() {
    for status in ["paired", "waiting"] {
        let mut device = Device::new(&RELAYED);
        assert_eq!(device.ask(), Ok(None));
        let mut requests = 0;
        let end = loop {
            device.wait();
            match device.wants() {
                Err(error) => break error,
                Ok(_) => requests += 1,
            }
            let request = device.request();
            let answer = if request.url.ends_with("/wait") {
                Answer::json(200, &json!({ "status": status }))
            } else {
                device.server().answer(request)
            };
            assert_eq!(device.hear(answer), Ok(None));
        };
        assert_eq!((end, device.time), (Error::Expired, 600_000));
        assert!(requests <= 600, "{requests}: once a second at the most");
        assert_eq!(device.server().count("/token"), 0);
    }
}

/// Wherever the relay sends the device, it goes to the base URL and nowhere else, and its secret with it.
// REQ: RELAY-04
#[test]
fn the_secret_of_the_device_goes_to_its_relay() {
    let mut device = Device::new(&RELAYED);
    for status in [301, 302, 303, 307, 308] {
        let mut answer = Answer::new(status, "application/json", "{}");
        answer.headers.push(("Location".into(), "https://evil.example/".into()));
        assert_eq!(device.hear(answer), Err(Check::HttpRedirect.into()));
    }
    assert!(device.finish_entered().is_ok());
    let server = device.server();
    assert!(server.relay.received.iter().all(|request| request.url.starts_with(BASE)));
    for request in &server.received {
        assert_eq!(request.header("Authorization"), None, "{}", request.url);
        assert!(!request.body.contains(keyfob_tests::relay::SECRET));
    }
}
