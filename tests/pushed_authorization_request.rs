//! Pushed authorization requests (RFC 9126): what is pushed, what may come back, and for how long it is good.

use keyfob_core::{
    client::{Client, ResponseMode},
    client_authentication::ClientAuthentication,
    error::{Check, Error, ErrorCode, Name},
    flow::{Action, AuthorizationCode, Flow},
    secret::Secret,
    time::Now,
};
use keyfob_tests::{
    answer::Answer,
    clients::{BACKEND, BACKEND_SECRET, PUSH_SERVER, PUSHED, PUSHED_BACKEND, SERVER},
    clock::{NOW, later},
    form, seeds,
    server::{Received, Return, refusal},
    stations::{ENOUGH, Hand, Happening, Station, Step},
};
use serde_json::json;
use sha2::{Digest, Sha256};

type Code = AuthorizationCode<'static, 128>;

fn new(client: &'static Client<'static>) -> Code {
    AuthorizationCode::new(client, seeds::seed(1), NOW).expect("the settings are right")
}

fn pushed(flow: &dyn Flow) -> Received {
    Hand::default().request(flow).expect("the flow goes on").expect("there is a request").0
}

/// What the flow does at this time: a push's body, or a URL.
fn next(flow: &dyn Flow, now: Now) -> String {
    match flow.poll(now, &mut [0; ENOUGH]) {
        Ok(Action::Send(request)) => String::from_utf8(request.body().to_vec()).expect("a form"),
        Ok(Action::Authorize(url)) => url.to_owned(),
        other => panic!("{other:?}"),
    }
}

fn taken(request_uri: &str) -> Happening {
    Happening::Response(Answer::json(201, &json!({ "request_uri": request_uri, "expires_in": 60 })))
}

/// The response to the request with this body.
fn response(body: &str) -> Happening {
    let state = form::in_body(body.as_bytes(), "state");
    Happening::Redirect(Return::Url(format!(
        "https://app.example/cb?code=abc&state={state}&iss=https%3A%2F%2Fop.example"
    )))
}

// REQ: PAR-01
#[test]
fn who_pushes() {
    static ASKED: Client<'static> = Client::new(PUSH_SERVER, "a").redirect_uri("https://app.example/cb");
    static REQUIRED: Client<'static> =
        Client::new(PUSH_SERVER.require_pushed_authorization_requests(true), "a")
            .redirect_uri("https://app.example/cb");
    let request = |client: &'static Client<'static>| {
        let request = Hand::default().request(&new(client)).expect("the flow goes on");
        request.map(|(request, _)| (request.method, request.url))
    };
    let push = Some(("POST".to_owned(), "https://op.example/par".to_owned()));
    assert_eq!(request(&ASKED), None, "the server offers it, and nobody asks for it");
    assert_eq!(request(&REQUIRED), push);
    assert_eq!(request(&PUSHED), push);
    let missing = Err(Error::Check(Check::MissingMember(Name::PushedAuthorizationRequestEndpoint)));
    for client in [
        Client::new(SERVER, "a").pushed_authorization_request(),
        Client::new(SERVER.require_pushed_authorization_requests(true), "a"),
    ] {
        let client = client.redirect_uri("https://app.example/cb");
        assert_eq!(AuthorizationCode::<8>::new(&client, seeds::seed(1), NOW).map(drop), missing);
    }
    let plain = PUSH_SERVER.pushed_authorization_request_endpoint("http://op.example/par");
    let client = Client::new(plain, "a").redirect_uri("https://app.example/cb");
    let insecure = Err(Error::Check(Check::InsecureUrl(Name::PushedAuthorizationRequestEndpoint)));
    assert_eq!(AuthorizationCode::<8>::new(&client, seeds::seed(1), NOW).map(drop), insecure);
}

// REQ: PAR-02, AUTHZ-12
#[test]
fn what_is_pushed() {
    static POST: Client<'static> = Client::new(PUSH_SERVER, "pushed")
        .redirect_uri("https://app.example/cb")
        .pushed_authorization_request()
        .authentication(ClientAuthentication::ClientSecretPost(Secret::new("s")));
    let challenge = |flow: &Code| {
        let body = next(flow, NOW);
        let value = |name| form::in_body(body.as_bytes(), name);
        (value("state"), value("code_challenge"), value("nonce"))
    };
    let flow = new(&PUSHED);
    let (state, digest, nonce) = challenge(&flow);
    let public = pushed(&flow);
    assert_eq!(
        public.body,
        format!(
            "response_type=code&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&scope=openid+email+offline_access\
             &state={state}&code_challenge={digest}&code_challenge_method=S256&nonce={nonce}&prompt=consent\
             &client_id=pushed"
        )
    );
    let names = |request: &Received| request.headers.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&public), ["Accept", "Content-Type"]);
    let basic = pushed(&new(&PUSHED_BACKEND));
    assert_eq!(
        basic.body,
        format!(
            "response_type=code&client_id=back+end&redirect_uri=https%3A%2F%2Fapp.example%2Fcb%3Ffrom%3Dop\
             &scope=openid&state={state}&code_challenge={digest}&code_challenge_method=S256&nonce={nonce}"
        ),
        "the identifier is there with Basic too, and once"
    );
    assert_eq!(names(&basic), ["Accept", "Content-Type", "Authorization"]);
    assert!(!basic.body.contains(&form::encode(BACKEND_SECRET)));
    let post = pushed(&new(&POST)).body;
    assert!(post.ends_with("&client_id=pushed&client_secret=s"), "{post}");
    assert_eq!(post.matches("client_id=").count(), 1);
}

// REQ: PAR-02, AUTHZ-11
#[test]
fn everything_a_client_asks_for_goes_into_the_push() {
    static DETAILS: &str = r#"[{"type":"account_information","actions":["read"]}]"#;
    static LONG: [u8; 4000] = [b'x'; 4000];
    static ALL: Client<'static> = PUSHED
        .response_mode(ResponseMode::FormPost)
        .resource(&["https://a.example", "https://b.example"])
        .authorization_details(DETAILS)
        .audience("https://api.example");
    let body = next(&new(&ALL), NOW);
    let wanted = "&response_mode=form_post&prompt=consent&resource=https%3A%2F%2Fa.example\
                  &resource=https%3A%2F%2Fb.example&authorization_details=%5B%7B%22type%22%3A%22\
                  account_information%22%2C%22actions%22%3A%5B%22read%22%5D%7D%5D&audience=https%3A%2F%2Fapi.example";
    assert!(body.contains(wanted), "{body}");
    // What is too long for any address bar is not too long for a body.
    let hint = std::str::from_utf8(&LONG).expect("ASCII");
    let long = PUSHED.id_token_hint(hint);
    let flow = AuthorizationCode::<128>::new(&long, seeds::seed(1), NOW).expect("right");
    assert!(next(&flow, NOW).contains(hint));
    // And the form comes back as one.
    let hand = Hand::default();
    let mut flow = new(&ALL);
    hand.push(&mut flow);
    let redirect = hand.visit(&flow);
    assert!(matches!(redirect, Return::Form(_)));
    hand.redirect(&mut flow, &redirect).expect("right");
    let resources = form::pairs(&next(&flow, NOW)).into_iter().filter(|(name, _)| name == "resource");
    assert_eq!(resources.count(), 2, "the token request repeats them (RFC 8707 §2.2)");
}

// REQ: PAR-04
#[test]
fn the_user_carries_a_reference_only() {
    let mut flow = new(&PUSHED_BACKEND);
    let hand = Hand::default();
    assert_eq!(
        hand.tell(&mut flow, &taken("urn:a b")).map(drop),
        Err(Error::Check(Check::BadMember(Name::RequestUri)))
    );
    assert_eq!(hand.tell(&mut flow, &taken("urn:a:/?&=%+")), Ok(None));
    assert_eq!(
        next(&flow, NOW),
        "https://op.example/authorize?client_id=back%20end&request_uri=urn%3Aa%3A%2F%3F%26%3D%25%2B"
    );
}

// REQ: PAR-03, PAR-07
#[test]
fn answers_to_a_push() {
    let refused = |code| Err(Error::Refused(code));
    let missing = |name| Err(Error::Check(Check::MissingMember(name)));
    let wrong = |name| Err(Error::Check(Check::WrongType(name)));
    let bad = |name| Err(Error::Check(Check::BadMember(name)));
    let (uri, time) = (Name::RequestUri, Name::ExpiresIn);
    for (status, body, expected) in [
        (201, r#"{"request_uri":"urn:x","expires_in":60}"#, Ok(None)),
        (200, r#"{"request_uri":"urn:x","expires_in":60}"#, Ok(None)),
        (201, r#"{"request_uri":"urn:x","expires_in":"60"}"#, Ok(None)),
        (201, r#"{"request_uri":"urn:x","expires_in":6e1,"error":null,"more":[{}]}"#, Ok(None)),
        (201, r#"{"request_uri":"urn:x","expires_in":1}"#, Ok(None)),
        (201, r#"{"request_uri":"urn:x","expires_in":1e30}"#, Ok(None)),
        (201, r#"{"request_uri":"urn:x","expires_in":0}"#, bad(time)),
        (201, r#"{"request_uri":"urn:x","expires_in":0.9}"#, bad(time)),
        (201, r#"{"request_uri":"urn:x","expires_in":-1}"#, wrong(time)),
        (201, r#"{"request_uri":"urn:x","expires_in":true}"#, wrong(time)),
        (201, r#"{"request_uri":"urn:x","expires_in":"soon"}"#, wrong(time)),
        (201, r#"{"request_uri":"urn:x","expires_in":null}"#, missing(time)),
        (201, r#"{"request_uri":"urn:x"}"#, missing(time)),
        (201, r#"{"expires_in":60}"#, missing(uri)),
        (201, r#"{"request_uri":"","expires_in":60}"#, missing(uri)),
        (201, r#"{"request_uri":null,"expires_in":60}"#, missing(uri)),
        (201, r#"{"request_uri":5,"expires_in":60}"#, wrong(uri)),
        (201, r#"{"request_uri":["urn:x"],"expires_in":60}"#, wrong(uri)),
        (201, r#"{"request_uri":"urn:\n","expires_in":60}"#, bad(uri)),
        (201, r#"{"request_uri":"urn:é","expires_in":60}"#, bad(uri)),
        (201, r#"{"request_uri":"a","request_uri":"b"}"#, Err(Error::Check(Check::DuplicateMember(uri)))),
        (201, r#"{"request_uri":"urn:x","#, Err(Error::Check(Check::JsonEof))),
        (
            200,
            r#"{"request_uri":"urn:x","error":"invalid_request"}"#,
            Err(Error::Check(Check::ConflictingResponse)),
        ),
        (
            201,
            r#"{"request_uri":"urn:x","error":"invalid_request"}"#,
            Err(Error::Check(Check::ConflictingResponse)),
        ),
        (202, r#"{"request_uri":"urn:x","expires_in":60}"#, Err(Error::Check(Check::HttpStatus(202)))),
        (302, r#"{"request_uri":"urn:x","expires_in":60}"#, Err(Error::Check(Check::HttpRedirect))),
        (400, r#"{"request_uri":"urn:x","expires_in":60}"#, Err(Error::Check(Check::HttpStatus(400)))),
        (413, "", Err(Error::Check(Check::HttpStatus(413)))),
        (429, "{}", Err(Error::Check(Check::HttpStatus(429)))),
        (400, r#"{"error":"invalid_request"}"#, refused(ErrorCode::InvalidRequest)),
        (401, r#"{"error":"invalid_client"}"#, refused(ErrorCode::InvalidClient)),
        (400, r#"{"error":"never_heard_of"}"#, refused(ErrorCode::Other)),
    ] {
        let hand = Hand::default();
        let mut flow = new(&PUSHED);
        let before = hand.shown(&flow);
        let answer = Happening::Response(Answer::new(status, "application/json", body));
        let outcome = hand.tell(&mut flow, &answer);
        assert_eq!(outcome, expected, "{status} {body}");
        let after = hand.shown(&flow);
        match outcome {
            Ok(_) => assert!(after.next.is_ok_and(|next| next.contains("request_uri=urn%3Ax"))),
            Err(Error::Refused(code)) => assert_eq!(after.next, Err(Error::Refused(code))),
            Err(_) => assert_eq!(after, before, "{status} {body}: the flow is as it was"),
        }
    }
    let html = Happening::Response(Answer::new(201, "text/html", "<h1>Hotel"));
    let outcome = Hand::default().tell(&mut new(&PUSHED), &html);
    assert_eq!(outcome, Err(Error::Check(Check::ContentType)));
}

// REQ: PAR-07
#[test]
fn a_refusal_tells_its_reason() {
    let mut flow = new(&PUSHED);
    let answer = Happening::Response(refusal(400, "invalid_request_object"));
    let code = ErrorCode::Other;
    assert_eq!(Hand::default().tell(&mut flow, &answer), Err(Error::Refused(code)));
    let refusal = flow.refusal().expect("there was one");
    assert_eq!((refusal.code(), refusal.description()), ("invalid_request_object", "No."));
    assert_eq!(flow.save(NOW, &mut [0; ENOUGH]), Err(Error::Misuse));
}

// REQ: PAR-03
#[test]
fn a_request_uri_needs_its_room() {
    let long = format!("urn:{}", "x".repeat(124));
    let hand = Hand::default();
    let mut flow = new(&PUSHED);
    assert_eq!(
        hand.tell(&mut flow, &taken(&format!("{long}x"))),
        Err(Error::InputTooLarge(Name::RequestUri))
    );
    assert_eq!(hand.tell(&mut flow, &taken(&long)), Ok(None));
    let mut snapshot = [0; ENOUGH];
    let length = flow.save(NOW, &mut snapshot).expect("the flow goes on");
    let small = AuthorizationCode::<127>::restore(&PUSHED, &snapshot[..length], NOW);
    assert_eq!(small.err(), Some(Error::InputTooLarge(Name::RequestUri)));
}

// REQ: PAR-05, AUTHZ-17
#[test]
fn a_request_uri_is_not_used_after_its_time() {
    let hand = Hand::default();
    let mut flow = new(&PUSHED);
    let mut bodies = vec![next(&flow, NOW)];
    assert_eq!(hand.tell(&mut flow, &taken("urn:1")), Ok(None));
    for (number, start) in [(2, 0), (3, 60_000), (4, 120_000)] {
        let (good, over) = (later(start + 59_999), later(start + 60_000));
        assert!(next(&flow, good).ends_with(&format!("request_uri=urn%3A{}", number - 1)));
        let body = next(&flow, over);
        assert_eq!(body, next(&flow, later(start + 70_000)), "the same octets until it is answered");
        for name in ["state", "nonce", "code_challenge"] {
            let value = |body: &String| form::in_body(body.as_bytes(), name);
            assert!(bodies.iter().all(|before| value(before) != value(&body)), "{name}");
        }
        let rest = |body: &str| {
            let pairs = form::pairs(body).into_iter();
            pairs.filter(|(_, value)| value.len() != 43).collect::<Vec<_>>()
        };
        assert_eq!(rest(&body), rest(&bodies[0]), "all else is the same");
        bodies.push(body);
        // It is no time for an answer before.
        let early = hand.tell_at(&mut flow, &taken("urn:x"), good);
        assert_eq!(early, Err(Error::Misuse));
        assert_eq!(hand.tell_at(&mut flow, &taken(&format!("urn:{number}")), over), Ok(None));
    }
    // The values are those of the seed and the attempt: another flow has others.
    let other = AuthorizationCode::<128>::new(&PUSHED, seeds::seed(2), NOW).expect("right");
    let other = next(&other, NOW);
    for name in ["state", "nonce", "code_challenge"] {
        let value = |body: &String| form::in_body(body.as_bytes(), name);
        assert!(bodies.iter().all(|body| value(body) != value(&other)), "{name}");
    }
}

// REQ: PAR-05, PAR-06, PKCE-04
#[test]
fn a_user_who_followed_the_address_may_take_longer() {
    let over = later(60_001);
    let hand = Hand::default();
    let mut flow = new(&PUSHED);
    let first = next(&flow, NOW);
    assert_eq!(hand.tell(&mut flow, &taken("urn:1")), Ok(None));
    let second = next(&flow, over);
    let verifier = |flow: &Code| form::in_body(next(flow, over).as_bytes(), "code_verifier");
    let challenge = |verifier: String| keyfob_tests::keys::base64url(Sha256::digest(verifier));
    let saved = |flow: &Code| {
        let mut snapshot = [0; ENOUGH];
        let length = flow.save(over, &mut snapshot).expect("the flow goes on");
        snapshot[..length].to_vec()
    };
    let again = |snapshot: &[u8]| Code::restore(&PUSHED, snapshot, over).expect("nothing was changed");
    // Before the next push, and after it: also across a power cut.
    let mut early = again(&saved(&flow));
    assert_eq!(hand.tell_at(&mut early, &response(&second), over), Err(Error::Check(Check::StateMismatch)));
    assert_eq!(early.rejected_redirects(), 1);
    assert_eq!(hand.tell_at(&mut early, &response(&first), over), Ok(None));
    assert_eq!(challenge(verifier(&early)), form::in_body(first.as_bytes(), "code_challenge"));
    assert_eq!(hand.tell_at(&mut flow, &taken("urn:2"), over), Ok(None));
    for body in [&first, &second] {
        let mut flow = again(&saved(&flow));
        assert_eq!(hand.tell_at(&mut flow, &response(body), over), Ok(None));
        let flow = again(&saved(&flow));
        assert_eq!(challenge(verifier(&flow)), form::in_body(body.as_bytes(), "code_challenge"));
        let mut flow = flow;
        let repeated = hand.tell_at(&mut flow, &response(body), over);
        assert_eq!(repeated, Err(Error::AlreadyCompleted), "once is enough");
    }
    // Two pushes later nobody comes from the first one.
    let much_later = later(130_000);
    assert_eq!(hand.tell_at(&mut flow, &taken("urn:3"), much_later), Ok(None));
    let stray = hand.tell_at(&mut flow, &response(&first), much_later);
    assert_eq!(stray, Err(Error::Check(Check::StateMismatch)));
    assert_eq!(flow.rejected_redirects(), 1);
    assert_eq!(hand.tell_at(&mut flow, &response(&second), much_later), Ok(None));
}

// REQ: PAR-05, AUTHZ-13
#[test]
fn pushing_again_wins_no_time() {
    let hand = Hand::default();
    let mut flow = new(&PUSHED);
    let answer = Happening::Response(Answer::json(201, &json!({ "request_uri": "urn:x", "expires_in": 1 })));
    let mut bodies = Vec::new();
    for second in 0..=253 {
        let now = later(second * 1001);
        bodies.push(next(&flow, now));
        assert_eq!(hand.tell_at(&mut flow, &answer, now), Ok(None), "{second}");
    }
    bodies.sort();
    bodies.dedup();
    assert_eq!(bodies.len(), 254);
    let now = later(254 * 1001);
    assert_eq!(hand.tell_at(&mut flow, &answer, now), Ok(None));
    let worn_out = flow.poll(later(256 * 1001), &mut [0; ENOUGH]).map(drop);
    assert_eq!(worn_out, Err(Error::Expired), "no values come twice");
    let flow = new(&PUSHED);
    assert!(flow.poll(later(600_000), &mut [0; ENOUGH]).is_ok());
    assert_eq!(flow.poll(later(600_001), &mut [0; ENOUGH]).map(drop), Err(Error::Expired));
}

// REQ: HTTP-17, HTTP-18
#[test]
fn a_lost_push_is_repeated() {
    for again in [false, true] {
        let hand = Hand::default();
        let mut flow = new(&PUSHED);
        let (now, step) = if again { (later(60_001), "Authorize") } else { (NOW, "Push") };
        if again {
            assert_eq!(hand.tell(&mut flow, &taken("urn:1")), Ok(None));
        }
        let body = next(&flow, now);
        for happening in [Happening::NotSent, Happening::NotSent, Happening::Timeout, Happening::NotSent] {
            assert_eq!(hand.tell_at(&mut flow, &happening, now), Ok(None), "{happening:?}");
            assert_eq!(next(&flow, now), body);
            assert_eq!(format!("{flow:?}"), format!("AuthorizationCode({step})"));
        }
        // An answer between them makes the next loss the first one.
        let mut calm = Code::restore(&PUSHED, &saved(&flow, now), now).expect("whole");
        assert_eq!(next(&calm, now), body);
        assert_eq!(hand.tell_at(&mut calm, &taken("urn:x"), now), Ok(None));
        assert_eq!(hand.tell_at(&mut flow, &Happening::Timeout, now), Err(Error::AnswerLost));
        assert_eq!(flow.poll(now, &mut [0; ENOUGH]).map(drop), Err(Error::AnswerLost));
    }
}

fn saved(flow: &Code, now: Now) -> Vec<u8> {
    let mut snapshot = [0; ENOUGH];
    let length = flow.save(now, &mut snapshot).expect("the flow goes on");
    snapshot[..length].to_vec()
}

// REQ: SM-14, PAR-05
#[test]
fn a_snapshot_keeps_the_time_of_the_request_uri() {
    let hand = Hand::default();
    let mut flow = new(&PUSHED);
    assert_eq!(hand.tell(&mut flow, &taken("urn:1")), Ok(None));
    let snapshot = saved(&flow, later(20_000));
    for start in [0, 7_000_000_000] {
        let flow = Code::restore(&PUSHED, &snapshot, later(start)).expect("whole");
        assert!(next(&flow, later(start + 39_999)).starts_with("https://"));
        assert!(next(&flow, later(start + 40_000)).starts_with("response_type"));
    }
    let late = Code::restore(&PUSHED, &saved(&flow, later(70_000)), NOW).expect("whole");
    assert!(next(&late, later(1)).starts_with("response_type"));
}

// REQ: SM-14
#[test]
fn a_snapshot_is_of_a_client_that_pushes_or_of_one_that_does_not() {
    for step in [Step::Push, Step::Authorize, Step::Exchange] {
        let snapshot =
            |client| Station::code(client, step).hand.shown(&*Station::code(client, step).flow).saved;
        let pushed = snapshot(&PUSHED_BACKEND).expect("the flow goes on");
        assert_eq!(Code::restore(&BACKEND, &pushed, NOW).err(), Some(Error::Snapshot), "{step:?}");
        if step != Step::Push {
            let plain = snapshot(&BACKEND).expect("the flow goes on");
            assert_eq!(Code::restore(&PUSHED_BACKEND, &plain, NOW).err(), Some(Error::Snapshot), "{step:?}");
        }
    }
}

/// The octets that a QR code of version 10 holds at level M (ISO/IEC 18004, table 7).
const VERSION_10_M: usize = 213;

// REQ: PAR-08
#[test]
fn a_pushed_request_fits_a_small_qr_code() {
    // As long as those of `oidc-provider`.
    let uri = format!("urn:ietf:params:oauth:request_uri:{}", "x".repeat(43));
    assert_eq!(uri.len(), 77);
    let mut flow = new(&PUSHED);
    let plain = format!("https://op.example/authorize?{}", next(&flow, NOW));
    assert!(plain.len() > VERSION_10_M, "{}", plain.len());
    assert_eq!(Hand::default().tell(&mut flow, &taken(&uri)), Ok(None));
    let url = next(&flow, NOW);
    assert!(url.len() <= VERSION_10_M, "{} {url}", url.len());
    println!("{} octets instead of {}", url.len(), plain.len());
}
