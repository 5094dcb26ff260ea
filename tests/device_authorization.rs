//! Signing in on another device: what is asked, what is shown, and for how long.

use keyfob_core::{
    Keep,
    client::Client,
    client_authentication::ClientAuthentication,
    error::{Check, Error, ErrorCode, Name},
    flow::{Action, DeviceAuthorization, Event, Flow, UserCode},
    http::Incoming,
    metadata::Metadata,
    qr::QrCode,
    quirks::Quirks,
    secret::Secret,
    time::{Now, UnixTime},
};
use keyfob_tests::{
    answer::Answer,
    clients::{BACKEND, KIOSK, ROBOT, SERVER},
    clock::{NOW, later},
    form,
    id_token::Forgery,
    outcome::Tokens,
    process_memory::read,
    seeds,
    server::{SUBJECT, refusal},
    stations::{ENOUGH, Hand, Happening, Kind, Station, Step},
};
use serde_json::{Value, json};

type Device = DeviceAuthorization<'static, 512>;

const URI: &str = "https://op.example/device";

fn new(client: &'static Client<'static>) -> Device {
    Device::new(client, seeds::seed(1), NOW).expect("the settings are right")
}

/// Codes as a server gives them, with some members changed.
fn codes(more: Value) -> Answer {
    let mut codes = json!({
        "device_code": "DEVICE-CODE", "user_code": "WDJB-MJHT", "verification_uri": URI, "expires_in": 600,
    });
    for (name, value) in more.as_object().expect("members") {
        codes[name] = value.clone();
    }
    Answer::json(200, &codes)
}

/// A device that shows these codes.
fn shows(client: &'static Client<'static>, more: Value) -> Device {
    let mut flow = new(client);
    assert_eq!(tell(&mut flow, NOW, codes(more)), Ok(None));
    flow
}

fn tell(flow: &mut Device, now: Now, answer: Answer) -> Result<Option<Tokens>, Error> {
    let mut buffer = [0; ENOUGH];
    let (response, _) = answer.read(keep(flow, now), &mut buffer);
    flow.handle(now, Event::Response(response)).map(|tokens| tokens.as_ref().map(Tokens::of))
}

fn keep(flow: &Device, now: Now) -> Keep {
    match flow.poll(now, &mut [0; ENOUGH]) {
        Ok(Action::Send(request)) => request.keep(),
        other => panic!("no request: {other:?}"),
    }
}

fn shown(flow: &Device, now: Now) -> UserCode<'_> {
    match flow.poll(now, &mut []) {
        Ok(Action::Display(code)) => code,
        other => panic!("nothing to show: {other:?}"),
    }
}

/// URL and body of the request.
fn sent(flow: &Device, now: Now) -> (String, String) {
    match flow.poll(now, &mut [0; ENOUGH]) {
        Ok(Action::Send(request)) => {
            let body = String::from_utf8(request.body().to_vec()).expect("ASCII");
            (request.url().into(), body)
        }
        other => panic!("no request: {other:?}"),
    }
}

fn tokens() -> Answer {
    Answer::json(200, &json!({ "access_token": "access-1", "token_type": "Bearer" }))
}

// REQ: DEV-01, DEV-12, DEV-27, DEV-33, INTEROP-07
#[test]
fn requests_of_every_kind_of_client() {
    static NARROW: Client<'static> = KIOSK.scope(&["openid"]);
    static FULL: Client<'static> = ROBOT
        .audience("https://api.example")
        .resource(&["https://api.example/a"])
        .parameters(&[("x", "y z")]);
    // A device of Google's has a secret that is none, and sends it in the body.
    static POST: Client<'static> = Client::oauth(SERVER, "tv")
        .scope(&["email"])
        .authentication(ClientAuthentication::ClientSecretPost(Secret::new("known to all")));
    const DEVICE: &str =
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&device_code=DEVICE-CODE";
    for (client, start, poll) in [
        (&KIOSK, "scope=openid+email+offline_access&client_id=kiosk", "&client_id=kiosk"),
        (&NARROW, "scope=openid&client_id=kiosk", "&client_id=kiosk"),
        (&BACKEND, "scope=openid", ""),
        (
            &FULL,
            "scope=read+write&resource=https%3A%2F%2Fapi.example%2Fa&audience=https%3A%2F%2Fapi.example&x=y+z&client_id=robot",
            "&resource=https%3A%2F%2Fapi.example%2Fa&client_id=robot",
        ),
        (
            &POST,
            "scope=email&client_id=tv&client_secret=known+to+all",
            "&client_id=tv&client_secret=known+to+all",
        ),
    ] {
        let flow = new(client);
        assert_eq!(sent(&flow, NOW), ("https://op.example/device_authorization".into(), start.into()));
        let flow = shows(client, json!({}));
        let poll = format!("{DEVICE}{poll}");
        assert_eq!(sent(&flow, later(5100)), ("https://op.example/token".into(), poll));
    }
}

/// Each habit of a server is tolerated and told with the tokens; a strict client refuses it.
// REQ: INTEROP-08, INTEROP-10, INTEROP-02, INTEROP-06
#[test]
fn every_quirk_is_told_or_refused() {
    let start = json!({
        "device_code": "DEVICE-CODE", "user_code": "WDJB-MJHT", "verification_uri": URI, "expires_in": 600,
    });
    let with = |name: &str, value: Value, without: &str| {
        let mut start = start.clone();
        start.as_object_mut().expect("members").remove(without);
        start[name] = value;
        Answer::json(200, &start)
    };
    let error = |status, error: &str, more: Value| {
        let mut body = json!({ "error": error });
        for (name, value) in more.as_object().expect("members") {
            body[name] = value.clone();
        }
        Answer::json(status, &body)
    };
    type Row = (&'static str, Quirks, Answer, Option<Answer>, Result<u64, Error>);
    let plain = || Answer::json(200, &start);
    let none = json!({});
    let rows: [Row; 10] = [
        (
            "the address has another name",
            Quirks::VERIFICATION_URL,
            with("verification_url", URI.into(), "verification_uri"),
            None,
            Err(Check::MissingMember(Name::VerificationUri).into()),
        ),
        (
            "a lifetime as text",
            Quirks::LIFETIME_AS_TEXT,
            with("expires_in", "600".into(), ""),
            None,
            Err(Check::WrongType(Name::ExpiresIn).into()),
        ),
        (
            "an interval as text",
            Quirks::LIFETIME_AS_TEXT,
            with("interval", "5".into(), ""),
            None,
            Err(Check::WrongType(Name::Interval).into()),
        ),
        (
            "403 while it waits",
            Quirks::ERROR_STATUS,
            plain(),
            Some(error(403, "authorization_pending", none.clone())),
            Err(Check::HttpStatus(403).into()),
        ),
        (
            "428 while it waits",
            Quirks::ERROR_STATUS,
            plain(),
            Some(error(428, "authorization_pending", none.clone())),
            Err(Check::HttpStatus(428).into()),
        ),
        // For a strict client it is a busy server: it waits twice as long from then on, and not five seconds longer.
        (
            "429 and slow down",
            Quirks::ERROR_STATUS,
            plain(),
            Some(error(429, "slow_down", none.clone())),
            Ok(10_100),
        ),
        (
            "200 while it waits",
            Quirks::ERROR_WITH_STATUS_200,
            plain(),
            Some(error(200, "authorization_pending", none.clone())),
            Err(Check::BadMember(Name::Error).into()),
        ),
        (
            "text with line breaks",
            Quirks::ERROR_TEXT,
            plain(),
            Some(error(400, "authorization_pending", json!({ "error_description": "AADSTS70016:\r\nwait" }))),
            Err(Check::BadMember(Name::ErrorDescription).into()),
        ),
        // A strict client passes over the number.
        (
            "slow down to an interval",
            Quirks::INTERVAL_WITH_SLOW_DOWN,
            plain(),
            Some(error(400, "slow_down", json!({ "interval": 60 }))),
            Ok(10_100),
        ),
        ("none", Quirks::NONE, plain(), Some(error(400, "slow_down", none.clone())), Ok(10_100)),
    ];
    for (what, quirk, start, answer, refused) in rows {
        let run = |tolerated: Quirks| -> Result<(Quirks, u64), Error> {
            let client: &'static Client<'static> = Box::leak(Box::new(ROBOT.quirks(tolerated)));
            let mut flow = new(client);
            tell(&mut flow, NOW, start.clone())?;
            let mut time = shown(&flow, NOW).until();
            if let Some(answer) = &answer {
                assert_eq!(tell(&mut flow, later(time), answer.clone())?, None, "{what}");
                time = shown(&flow, later(time)).until();
            }
            // Told also after a power cut.
            let mut snapshot = [0; ENOUGH];
            let length = flow.save(later(time), &mut snapshot).expect("goes on");
            let mut flow = Device::restore(client, &snapshot[..length], later(time)).expect("whole");
            let mut buffer = [0; ENOUGH];
            let (response, _) = tokens().read(keep(&flow, later(time)), &mut buffer);
            let tokens = flow.handle(later(time), Event::Response(response))?.expect("tokens");
            Ok((tokens.quirks(), time - 5_100))
        };
        let tolerated = run(Quirks::ALL);
        assert_eq!(tolerated.map(|(met, _)| met), Ok(quirk), "{what}");
        assert_eq!(run(quirk).map(|(met, _)| met), Ok(quirk), "{what}: alone");
        for strict in [Quirks::NONE, Quirks::ALL.without(quirk)] {
            let expected = refused.map(|wait| (Quirks::NONE, wait));
            // What is no quirk is the same for all.
            assert_eq!(run(strict), expected, "{what}: strict");
        }
    }
    // Who said no, in other words.
    for (client, expected) in
        [(&ROBOT, ErrorCode::AccessDenied), (&*Box::leak(Box::new(ROBOT.strict())), ErrorCode::Other)]
    {
        let mut flow = shows(client, json!({}));
        let declined = error(400, "authorization_declined", none.clone());
        assert_eq!(tell(&mut flow, later(5100), declined), Err(Error::Refused(expected)));
    }
}

/// Keycloak takes PKCE in this grant.
// REQ: DEV-27
#[test]
fn pkce_is_a_choice() {
    let hand = Hand::default();
    let mut flow: Box<dyn Flow> =
        Box::new(DeviceAuthorization::<256>::new(&KIOSK, seeds::seed(1), NOW).expect("right").pkce());
    let (start, _) = hand.request(&*flow).expect("goes on").expect("a request");
    assert_eq!(form::in_body(start.body.as_bytes(), "code_challenge_method"), "S256");
    assert_eq!(form::in_body(start.body.as_bytes(), "code_challenge").len(), 43);
    hand.show_code(&mut *flow);
    // The choice survives a power cut, or the server would refuse.
    let mut flow = hand.let_pass(Kind::DeviceAuthorization, &KIOSK, &*flow);
    let (poll, _) = hand.request(&*flow).expect("goes on").expect("a request");
    assert_eq!(form::in_body(poll.body.as_bytes(), "code_verifier").len(), 43);
    let answer = Happening::Response(hand.answer(&*flow).0);
    let tokens = hand.tell(&mut *flow, &answer).expect("the verifier is right").expect("tokens");
    assert_eq!(tokens.subject.as_deref(), Some(SUBJECT));
}

#[test]
fn code_pairs_of_amazon() {
    let mut flow = new(&ROBOT).code_pairs();
    assert_eq!(sent(&flow, NOW).1, "response_type=device_code&scope=read+write&client_id=robot");
    assert_eq!(tell(&mut flow, NOW, codes(json!({ "interval": 30 }))), Ok(None));
    let mut snapshot = [0; 512];
    let length = flow.save(later(30_100), &mut snapshot).expect("goes on");
    let flow = Device::restore(&ROBOT, &snapshot[..length], NOW).expect("whole");
    assert_eq!(
        sent(&flow, NOW).1,
        "grant_type=device_code&device_code=DEVICE-CODE&user_code=WDJB-MJHT&client_id=robot"
    );
}

// REQ: DEV-28, DISC-06
#[test]
fn a_server_has_to_have_the_endpoints() {
    static PLAIN: Client<'static> = Client::oauth(
        Metadata::new("https://op.example").token_endpoint("https://op.example/token"),
        "robot",
    );
    static HALF: Client<'static> = Client::oauth(
        Metadata::new("https://op.example").device_authorization_endpoint("https://op.example/device"),
        "robot",
    );
    static OPEN: Client<'static> =
        Client::oauth(SERVER.device_authorization_endpoint("http://op.example/device"), "robot");
    let made = |client| Device::new(client, seeds::seed(1), NOW).err();
    let missing = |name| Some(Error::Check(Check::MissingMember(name)));
    assert_eq!(made(&PLAIN), missing(Name::DeviceAuthorizationEndpoint));
    assert_eq!(made(&HALF), missing(Name::TokenEndpoint));
    assert_eq!(made(&OPEN), Some(Check::InsecureUrl(Name::DeviceAuthorizationEndpoint).into()));
}

// REQ: DEV-03, DEV-04, DEV-05, DEV-06, DEV-07, DEV-08
#[test]
fn codes_that_pass_and_codes_that_do_not() {
    let missing = |name| Some(Error::from(Check::MissingMember(name)));
    let wrong = |name| Some(Error::from(Check::WrongType(name)));
    let insecure = |name| Some(Error::from(Check::InsecureUrl(name)));
    let long = |length: usize| format!("https://op.example/{}", "x".repeat(length - 19));
    let cases = [
        (json!({}), None),
        (json!({ "user_code": "aB 1-!~" }), None),
        (json!({ "user_code": "x".repeat(64) }), None),
        (json!({ "user_code": "x".repeat(65) }), Some(Error::InputTooLarge(Name::UserCode))),
        (json!({ "user_code": "é" }), Some(Check::BadMember(Name::UserCode).into())),
        (json!({ "user_code": null }), wrong(Name::UserCode)),
        (json!({ "user_code": 12345678 }), wrong(Name::UserCode)),
        (json!({ "device_code": "a\nb" }), Some(Check::BadMember(Name::DeviceCode).into())),
        (json!({ "device_code": ["a"] }), wrong(Name::DeviceCode)),
        (json!({ "device_code": "x".repeat(400) }), None),
        (json!({ "device_code": "x".repeat(513) }), Some(Error::InputTooLarge(Name::DeviceCode))),
        (json!({ "verification_uri": long(128) }), None),
        (json!({ "verification_uri": long(129) }), Some(Error::InputTooLarge(Name::VerificationUri))),
        (json!({ "verification_uri": "https://op.example/#/device" }), None),
        (json!({ "verification_uri": "HTTPS://op.example" }), None),
        (json!({ "verification_uri": "" }), missing(Name::VerificationUri)),
        (json!({ "verification_uri": "op.example/device" }), insecure(Name::VerificationUri)),
        (json!({ "verification_uri": "https://op.example/\"" }), insecure(Name::VerificationUri)),
        (json!({ "verification_uri": "https://op.exämple/" }), insecure(Name::VerificationUri)),
        (json!({ "verification_uri": true }), wrong(Name::VerificationUri)),
        // Both names: the standard's counts.
        (json!({ "verification_url": "http://elsewhere.example" }), None),
        (json!({ "verification_uri_complete": long(512) }), Some(Error::InputTooLarge(Name::DeviceCode))),
        (json!({ "verification_uri_complete": long(400) }), None),
        (
            json!({ "verification_uri_complete": long(513) }),
            Some(Error::InputTooLarge(Name::VerificationUriComplete)),
        ),
        (json!({ "verification_uri_complete": null }), None),
        (json!({ "verification_uri_complete": "javascript:x" }), insecure(Name::VerificationUriComplete)),
        (json!({ "verification_uri_complete": 1 }), wrong(Name::VerificationUriComplete)),
        (json!({ "expires_in": "600" }), None),
        (json!({ "expires_in": 0.5 }), None),
        (json!({ "expires_in": null }), missing(Name::ExpiresIn)),
        (json!({ "expires_in": "" }), wrong(Name::ExpiresIn)),
        (json!({ "expires_in": "0" }), Some(Error::Expired)),
        (json!({ "expires_in": -0.0 }), Some(Error::Expired)),
        (json!({ "interval": "" }), wrong(Name::Interval)),
        (json!({ "interval": "1.5" }), wrong(Name::Interval)),
        (json!({ "interval": {} }), wrong(Name::Interval)),
    ];
    for (more, expected) in cases {
        let mut flow = new(&ROBOT);
        let outcome = tell(&mut flow, NOW, codes(more.clone()));
        assert_eq!(outcome.err(), expected, "{more}");
        // No second request without a user (RFC 8628 §3.1).
        match expected {
            None => assert!(matches!(flow.poll(NOW, &mut []), Ok(Action::Display(_)))),
            Some(Error::Expired) => assert_eq!(flow.poll(NOW, &mut []).err(), Some(Error::Expired)),
            Some(_) => assert_eq!(flow.poll(NOW, &mut []).err(), Some(Error::AnswerLost)),
        }
    }
    for (interval, wait) in
        [(json!(0.001), 1000), (json!(1.0), 1000), (json!(4.0001), 5000), (json!(1e1), 10_000)]
    {
        let flow = shows(&ROBOT, json!({ "interval": interval }));
        assert_eq!(shown(&flow, NOW).until(), NOW.uptime + wait + 100, "{interval}");
    }
}

// REQ: DEV-03, DEV-02
#[test]
fn what_a_server_answers_in_place_of_codes() {
    let mut flow = new(&ROBOT);
    assert_eq!(
        tell(&mut flow, NOW, refusal(401, "invalid_client")),
        Err(Error::Refused(ErrorCode::InvalidClient))
    );
    assert_eq!(
        flow.refusal().map(|refusal| (refusal.code(), refusal.description())),
        Some(("invalid_client", "No."))
    );
    assert_eq!(flow.poll(NOW, &mut []).err(), Some(Error::Refused(ErrorCode::InvalidClient)));
    // A page says nothing of the request; whoever calls may try again.
    for (status, kind, error) in [
        (500, "text/html", Check::HttpStatus(500)),
        (200, "text/html", Check::ContentType),
        (302, "application/json", Check::HttpRedirect),
        (404, "application/json", Check::HttpStatus(404)),
    ] {
        let mut flow = new(&ROBOT);
        assert_eq!(tell(&mut flow, NOW, Answer::new(status, kind, "{}")), Err(error.into()));
        assert!(matches!(flow.poll(NOW, &mut [0; ENOUGH]), Ok(Action::Send(_))));
    }
    let mut flow = new(&ROBOT);
    assert!(matches!(flow.handle(NOW, Event::Timeout), Ok(None)));
    assert_eq!(flow.handle(NOW, Event::Timeout).err(), Some(Error::AnswerLost));
    // Nobody's request for codes waits for days.
    let flow = new(&ROBOT);
    assert!(flow.poll(later(599_999), &mut [0; ENOUGH]).is_ok());
    assert_eq!(flow.poll(later(600_000), &mut [0; ENOUGH]).err(), Some(Error::Expired));
}

// REQ: DEV-08, DEV-09, DEV-29, DEV-32
#[test]
fn what_is_shown() {
    let complete = "https://op.example/device?user_code=wD%20b";
    let flow = shows(&ROBOT, json!({ "user_code": "wD b-1", "verification_uri_complete": complete }));
    let code = shown(&flow, later(1));
    assert_eq!(code.user_code(), "wD b-1");
    assert_eq!((code.verification_uri(), code.host()), (URI, "op.example"));
    assert_eq!((code.verification_uri_complete(), code.scannable()), (Some(complete), complete));
    assert_eq!((code.seconds_left(), code.until(), code.next_poll()), (600, 5100, Some(5100)));
    assert_eq!(shown(&flow, later(1000)).seconds_left(), 599);
    assert_eq!(
        code.instructions("Keyfob TV").to_string(),
        "To sign in on Keyfob TV, open\n    https://op.example/device\non a phone or a computer, and enter the code\n    \
         wD b-1\nEnter it only if you started this yourself: it signs Keyfob TV in, as you."
    );
    assert_eq!(format!("{code:?}"), "UserCode(… at op.example, 600 s left)");
    assert_eq!(format!("{:?}", code.instructions("it")), "Instructions(…)");
    let plain = shows(&ROBOT, json!({}));
    let plain = shown(&plain, NOW);
    assert_eq!((plain.verification_uri_complete(), plain.scannable()), (None, URI));
    // Too little time for another poll: there is a moment to look again, and none to ask.
    let short = shows(&ROBOT, json!({ "expires_in": 4 }));
    assert_eq!((shown(&short, NOW).until(), shown(&short, NOW).next_poll()), (4000, None));
}

// REQ: DEV-10, SECRET-01, SECRET-02
#[test]
fn the_device_code_is_never_shown() {
    let flow = shows(&ROBOT, json!({ "device_code": "MARKER-7c1f" }));
    let code = shown(&flow, NOW);
    let action = flow.poll(NOW, &mut []);
    let mut texts =
        vec![format!("{flow:?} {flow:#?} {code:?} {action:?}"), code.instructions("it").to_string()];
    texts
        .extend([code.user_code(), code.verification_uri(), code.scannable(), code.host()].map(String::from));
    let mut out = [0; ENOUGH];
    let request = flow.poll(later(5100), &mut out);
    texts.push(format!("{request:?}"));
    for text in texts {
        assert!(!text.contains("MARKER") && !text.contains("7c1f"), "{text}");
    }
    let debug = format!("{flow:?} {action:?}");
    assert!(!debug.contains("WDJB"), "{debug}");
}

// REQ: DEV-31
#[test]
fn qr_codes_are_read_by_others() {
    let longest = "https://op.example/device?user_code=".to_owned() + &"aB3~".repeat(131);
    // Each version's fullest text, and one octet more, which needs the next.
    let capacities = [14, 26, 42, 62, 84, 106, 122, 152, 180, 213, 251, 287, 331, 362, 412, 450, 504, 560];
    for (place, capacity) in capacities.into_iter().enumerate() {
        for (length, version) in [(capacity, place + 1), (capacity + 1, place + 2)] {
            let Some(text) = longest.get(..length) else {
                assert_eq!(length, 561);
                let mut buffer = [0; QrCode::MAX_BUFFER];
                let long = QrCode::of(&"x".repeat(length), &mut buffer).map(drop);
                assert_eq!(long, Err(Error::InputTooLarge(Name::Url)));
                continue;
            };
            let needed = match QrCode::of(text, &mut []).map(drop) {
                Err(Error::BufferTooSmall { needed }) => needed,
                other => panic!("{other:?}"),
            };
            assert!(
                QrCode::of(text, &mut vec![0; needed - 1])
                    .is_err_and(|error| error == Error::BufferTooSmall { needed })
            );
            let mut buffer = vec![0; needed];
            let code = QrCode::of(text, &mut buffer).expect("it fits");
            assert_eq!(usize::from(code.width()), 17 + 4 * version + 8, "{length}");
            assert_eq!(scanned(&code), text);
        }
    }
    assert_eq!(QrCode::MAX_TEXT, 560);
    let mut buffer = [0; QrCode::MAX_BUFFER];
    let flow = shows(
        &ROBOT,
        json!({ "verification_uri_complete": "https://op.example/device?user_code=WDJB-MJHT" }),
    );
    let code = QrCode::of(shown(&flow, NOW).scannable(), &mut buffer).expect("it fits");
    assert_eq!(scanned(&code), "https://op.example/device?user_code=WDJB-MJHT");
    let width = code.width();
    let edge = |at: u8| at < QrCode::QUIET_ZONE || at >= width - QrCode::QUIET_ZONE;
    for (x, y) in
        (0..=width).flat_map(|x| (0..=width).map(move |y| (x, y))).filter(|(x, y)| edge(*x) || edge(*y))
    {
        assert!(!code.is_dark(x, y), "the quiet zone is light");
    }
    assert!(format!("{code:?}").contains('…'));
}

/// What another reader sees, four pixels to a module.
fn scanned(code: &QrCode<'_>) -> String {
    let width = usize::from(code.width()) * 4;
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, width, |x, y| {
        let [x, y] = [x, y].map(|at| u8::try_from(at / 4).expect("small"));
        if code.is_dark(x, y) { 0 } else { 255 }
    });
    let grids = image.detect_grids();
    assert_eq!(grids.len(), 1);
    let (meta, text) = grids[0].decode().expect("it can be read");
    assert_eq!(meta.ecc_level, 0, "level M, as the format writes it");
    text
}

// REQ: DEV-16, DEV-20, DEV-02, DEV-24, INTEROP-02
#[test]
fn every_refusal_ends_it() {
    for (status, error, code) in [
        (400, "access_denied", ErrorCode::AccessDenied),
        (200, "authorization_declined", ErrorCode::AccessDenied),
        (403, "expired_token", ErrorCode::ExpiredToken),
        (403, "invalid_grant", ErrorCode::InvalidGrant),
        (503, "temporarily_unavailable", ErrorCode::TemporarilyUnavailable),
        (400, "bad_verification_code", ErrorCode::Other),
    ] {
        let mut flow = shows(&ROBOT, json!({}));
        assert_eq!(tell(&mut flow, later(5100), refusal(status, error)), Err(Error::Refused(code)));
        assert_eq!(flow.refusal().map(|refusal| refusal.code()), Some(error));
        for time in [5100, 20_000, 1_000_000] {
            assert_eq!(flow.poll(later(time), &mut []).err(), Some(Error::Refused(code)), "{error}");
        }
        assert_eq!(flow.save(NOW, &mut [0; 512]), Err(Error::Misuse));
    }
}

/// What a success that does not pass has taken is not sent again.
// REQ: DEV-25
#[test]
fn a_code_that_was_taken_is_never_sent_again() {
    for (body, error) in [
        (r#"{"access_token":"a","token_type":"mac"}"#, Error::Check(Check::TokenType)),
        (r#"{"access_token":"a"}"#, Check::MissingMember(Name::TokenType).into()),
        (r#"{"access_token":"a","error":"slow_down"}"#, Check::ConflictingResponse.into()),
        (r#"{"access_token":"#, Check::JsonEof.into()),
        ("{}", Check::MissingMember(Name::AccessToken).into()),
    ] {
        let mut flow = shows(&ROBOT, json!({}));
        let answer = Answer::new(200, "application/json", body);
        assert_eq!(tell(&mut flow, later(5100), answer), Err(error), "{body}");
        assert_eq!(flow.poll(later(20_000), &mut []).err(), Some(Error::AnswerLost), "{body}");
    }
    for event in [Event::Timeout, Event::NotSent] {
        let mut station = Station::device(&KIOSK, Step::Poll);
        let (answer, keep) = station.hand.answer(&*station.flow);
        let mut buffer = [0; ENOUGH];
        let (response, _) = answer.read(keep, &mut buffer);
        let outcome = station.flow.handle(NOW, Event::Response(response)).map(drop);
        assert_eq!(outcome, Err(Error::KeysNeeded));
        assert_eq!(station.flow.poll(NOW, &mut []).err(), Some(Error::KeysNeeded));
        assert_eq!(station.flow.save(NOW, &mut [0; 512]), Err(Error::Misuse));
        assert_eq!(station.flow.handle(NOW, event).err(), Some(Error::AnswerLost));
        assert_eq!(station.flow.poll(NOW, &mut []).err(), Some(Error::AnswerLost));
    }
}

// REQ: DEV-25, TOKEN-14
#[test]
fn its_id_token_is_checked_in_full() {
    let forged = |forge: Forgery| {
        let mut station = Station::device(&KIOSK, Step::Poll);
        station.hand.link.server().forge = Some(forge);
        let answer = Happening::Response(station.hand.answer(&*station.flow).0);
        station.hand.tell(&mut *station.flow, &answer).map(|tokens| tokens.expect("tokens").subject)
    };
    assert_eq!(forged(|_| {}), Ok(Some(SUBJECT.into())));
    assert_eq!(forged(|draft| draft.claims["aud"] = "other".into()), Err(Check::AudienceMismatch.into()));
    assert_eq!(
        forged(|draft| draft.claims["iss"] = "https://evil.example".into()),
        Err(Check::IssMismatch.into())
    );
    assert_eq!(forged(|draft| draft.claims["nonce"] = "x".into()), Err(Check::NonceMismatch.into()));
    assert_eq!(forged(|draft| draft.claims["exp"] = 5.into()), Err(Check::Expired.into()));
}

/// Answers that say nothing of the code: the device waits, and does not hurry.
// REQ: DEV-19, DEV-18
#[test]
fn odd_answers_do_not_make_it_ask_at_once() {
    for (status, kind) in
        [(200, "text/html"), (404, "text/plain"), (400, "application/json"), (302, "text/html")]
    {
        let mut flow = shows(&ROBOT, json!({}));
        assert!(tell(&mut flow, later(5100), Answer::new(status, kind, "{}")).is_err() || status == 200);
        assert_eq!(shown(&flow, later(5100)).until(), 5100 + 5100, "{status}");
    }
    // A longer buffer mends it, and the same answer counts.
    let mut flow = shows(&ROBOT, json!({}));
    let keep = keep(&flow, later(5100));
    let answer = refusal(400, "authorization_pending");
    for length in 0..64 {
        let mut buffer = vec![0; length];
        let mut incoming = Incoming::new(keep, &mut buffer);
        answer.head(&mut incoming);
        incoming.body(&answer.body);
        match flow.handle(later(5100), Event::Response(incoming.finish().0)) {
            Ok(tokens) => {
                assert!(tokens.is_none() && length > 8);
                assert_eq!(shown(&flow, later(5100)).until(), 5100 + 5100);
                return;
            }
            Err(error) => {
                assert!(matches!(error, Error::BufferTooSmall { needed } if needed > length), "{error:?}");
                assert!(matches!(flow.poll(later(5100), &mut [0; ENOUGH]), Ok(Action::Send(_))));
            }
        }
    }
    panic!("no length does");
}

// REQ: DEV-30
#[test]
fn a_nudge_brings_the_poll_forward_and_never_too_far() {
    let mut flow = shows(&ROBOT, json!({}));
    assert!(matches!(flow.handle(later(1000), Event::Nudge), Ok(None)));
    assert_eq!(shown(&flow, later(1000)).until(), 5100);
    // Three failures of the network: 40 s, or 5 s with a nudge.
    for time in [5100, 5100 + 10_100, 5100 + 10_100 + 20_100] {
        assert!(matches!(flow.poll(later(time), &mut [0; ENOUGH]), Ok(Action::Send(_))));
        assert!(matches!(flow.handle(later(time), Event::Timeout), Ok(None)));
    }
    let begin = 5100 + 10_100 + 20_100;
    assert_eq!(shown(&flow, later(begin)).until(), begin + 40_100);
    assert!(matches!(flow.handle(later(begin + 2000), Event::Nudge), Ok(None)));
    assert_eq!(shown(&flow, later(begin + 2000)).until(), begin + 5100);
    assert!(matches!(flow.poll(later(begin + 5100), &mut [0; ENOUGH]), Ok(Action::Send(_))));
    // What the server asked for stays.
    let mut busy = Answer::new(503, "text/html", "");
    busy.headers.push(("Retry-After".into(), "30".into()));
    assert_eq!(tell(&mut flow, later(begin + 5100), busy), Ok(None));
    assert!(matches!(flow.handle(later(begin + 5100), Event::Nudge), Ok(None)));
    assert_eq!(shown(&flow, later(begin + 5100)).until(), begin + 5100 + 30_100);
}

// REQ: SM-05, DEV-20, CLOCK-05
#[test]
fn looking_at_random_times_changes_nothing() {
    let mut number = 1u64;
    let mut random = move |below: u64| {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (number >> 33) % below
    };
    for _ in 0..200 {
        let mut flow = shows(&ROBOT, json!({}));
        let mut begin = 0;
        for _ in 0..10 {
            let until = begin + 5100;
            for _ in 0..20 {
                let time = begin + random(until - begin);
                // Whatever the clock on the wall says.
                let date = UnixTime::from_seconds(random(4_000_000_000));
                assert_eq!(shown(&flow, Now::known(NOW.uptime + time, date)).until(), until);
            }
            // Late is harmless too.
            begin = until + random(3000);
            assert_eq!(tell(&mut flow, later(begin), refusal(400, "authorization_pending")), Ok(None));
        }
    }
}

/// A count that goes backwards stands still: no poll is early, none is lost, and the end comes all the same.
#[test]
fn time_that_goes_backwards_stands_still() {
    let mut flow = Device::new(&ROBOT, seeds::seed(1), later(50_000)).expect("right");
    assert_eq!(tell(&mut flow, later(50_000), codes(json!({}))), Ok(None));
    assert_eq!(shown(&flow, later(10_000)).until(), 15_100);
    assert_eq!(shown(&flow, later(10_000)).seconds_left(), 600);
    // The answer to a poll counts, whatever the count says.
    assert!(matches!(flow.poll(later(55_100), &mut [0; ENOUGH]), Ok(Action::Send(_))));
    assert!(matches!(flow.handle(later(20_000), Event::Timeout), Ok(None)));
    assert_eq!(shown(&flow, later(20_000)).until(), 20_000 + 10_100);
    assert_eq!(flow.poll(later(620_000), &mut []).err(), Some(Error::Expired));
}

// REQ: DEV-23, SM-14
#[test]
fn sleep_counts_if_the_uptime_goes_on() {
    let flow = shows(&ROBOT, json!({}));
    let mut snapshot = [0; 512];
    let length = flow.save(later(1000), &mut snapshot).expect("goes on");
    let awake = |saved: u64| Device::restore(&ROBOT, &snapshot[..length], later(saved)).expect("whole");
    // It slept until 100 s, and the count went on.
    assert!(matches!(awake(1000).poll(later(100_000), &mut [0; ENOUGH]), Ok(Action::Send(_))));
    assert_eq!(awake(1000).poll(later(600_000), &mut []).err(), Some(Error::Expired));
    // The count began anew.
    let flow = awake(0);
    assert_eq!((shown(&flow, NOW).until(), shown(&flow, NOW).seconds_left()), (4100, 599));
}

// REQ: DEV-23, DEV-24, SECRET-03, SM-04, SM-12
#[test]
fn every_end_wipes_the_codes() {
    let holds = |flow: &Device, text: &[u8]| {
        let octets = read(std::ptr::from_ref(flow) as usize, size_of::<Device>());
        octets.windows(text.len()).any(|window| window == text)
    };
    let wiped = |flow: &Device| {
        for text in [&b"DEVICE-CODE"[..], b"WDJB", b"op.example/device", &seeds::octets(1)] {
            assert!(!holds(flow, text), "{}", String::from_utf8_lossy(text));
        }
    };
    let fresh = || Box::new(shows(&ROBOT, json!({})));
    let mut flow = fresh();
    assert!(holds(&flow, b"DEVICE-CODE") && holds(&flow, &seeds::octets(1)));
    assert!(tell(&mut flow, later(5100), tokens()).is_ok());
    wiped(&flow);
    let mut flow = fresh();
    assert!(tell(&mut flow, later(5100), refusal(400, "access_denied")).is_err());
    wiped(&flow);
    let mut flow = fresh();
    assert!(tell(&mut flow, later(5100), Answer::new(200, "application/json", "{}")).is_err());
    wiped(&flow);
    let mut flow = fresh();
    assert!(matches!(flow.handle(later(600_000), Event::Timeout), Ok(None)));
    assert_eq!(flow.poll(later(600_000), &mut []).err(), Some(Error::Expired));
    wiped(&flow);
    // Given up, at the start, with a code on the screen, and with a poll on its way.
    for (time, shows) in [(0, false), (0, true), (5100, true)] {
        let mut flow = if shows { fresh() } else { Box::new(new(&ROBOT)) };
        assert!(flow.poll(later(time), &mut [0; ENOUGH]).is_ok());
        flow.cancel();
        wiped(&flow);
        assert!(matches!(flow.poll(later(time), &mut []), Ok(Action::Done)));
        assert_eq!(flow.handle(later(time), Event::Timeout).err(), Some(Error::Misuse));
        assert_eq!(flow.save(NOW, &mut [0; 512]), Err(Error::Misuse));
    }
}
