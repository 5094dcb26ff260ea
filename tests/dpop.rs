//! Tokens that serve only who holds a key (RFC 9449).

mod tables;

use std::sync::atomic::Ordering;

use keyfob_core::{
    client::Client,
    dpop::{Dpop, MAX_NONCE, Nonces, Proof},
    entropy::Entropy,
    error::{Check, Error, ErrorCode, Name},
    exchange::{Exchange, UserInfo},
    flow::{Action, AuthorizationCode, DeviceAuthorization, Event, Flow, RefreshToken},
    jws::{Algorithm, EdDsaSigner, Es256Signer, Key, MAX_SIGNATURE, SignError, Signer},
    time::{Date, Now, UnixTime},
    token::TokenType,
};
use keyfob_tests::{
    answer::Answer,
    clients::{HOLDING, KIOSK, PUSHED_SIGNING, SERVER, SIGNING},
    clock::{NOW, TODAY, later},
    executor::block_on,
    form,
    link::Link,
    outcome::Tokens,
    person::{Deed, Person},
    proofs::{HOLDER, HOLDER_SECRET, Jwt, Slow, thumbprint},
    seeds,
    server::{Received, SUBJECT, refusal},
    stations::{ENOUGH, Hand, Happening, Station, Step, stations},
};
use serde_json::{Value, json};

use crate::tables::{CLIENT_ID, discovered};

fn vectors() -> Value {
    serde_json::from_str::<Value>(include_str!("spec/vectors.json")).expect("vectors are JSON")["dpop"]
        .clone()
}

fn rows(name: &str) -> Vec<Value> {
    vectors()[name].as_array().expect("rows").clone()
}

fn text<'v>(row: &'v Value, name: &str) -> &'v str {
    row[name].as_str().expect("a text")
}

/// The proof of a request.
fn proof(request: &Received) -> Jwt {
    let mut proofs = request.headers.iter().filter(|(name, _)| name == "DPoP");
    let proof = Jwt::read(&proofs.next().expect("there is a proof").1);
    assert!(proofs.next().is_none(), "exactly one");
    proof
}

fn request(hand: &Hand, flow: &dyn Flow) -> Received {
    hand.request(flow).expect("goes on").expect("a request").0
}

fn written(url: &str, method: &str, token: &str, now: Now) -> Result<String, Error> {
    let dpop = Dpop::new(&*HOLDER);
    Proof::new(&dpop, method, url, token).write(now, &mut [0; 1024]).map(Into::into)
}

/// The published proofs verify by the code that judges ours.
// REQ: DPOP-01, DPOP-03, DPOP-04, DPOP-18
#[test]
fn known_answers() {
    for row in rows("proofs") {
        let proof = Jwt::read(text(&row, "proof"));
        assert_eq!((&proof.header, &proof.claims), (&row["header"], &row["claims"]));
        assert!(proof.is_signed_with(&proof.header["jwk"]), "{row}");
    }
    for row in rows("htu") {
        let proof = written(text(&row, "url"), "get", "token", NOW).expect("right");
        assert_eq!(Jwt::read(&proof).claims["htu"], row["htu"]);
    }
    for row in rows("ath") {
        let proof = written("https://api.example/", "GET", text(&row, "access_token"), NOW).expect("right");
        assert_eq!(Jwt::read(&proof).claims["ath"], row["ath"]);
    }
}

// REQ: DPOP-01, DPOP-02, DPOP-03
#[test]
fn a_proof_has_these_members() {
    let url = "https://api.example:8443/a%2Fb;c?d=e#f";
    let dpop = Dpop::new(&*HOLDER);
    let mut out = [0; 1024];
    let bare = Proof::new(&dpop, "delete", url, "access-1");
    let first = Jwt::read(bare.write(NOW, &mut out).expect("right"));
    assert_eq!(first.names(), (vec!["alg", "jwk", "typ"], vec!["ath", "htm", "htu", "iat", "jti"]));
    assert_eq!((&first.header["typ"], &first.header["alg"]), (&json!("dpop+jwt"), &json!("ES256")));
    let mut jwk: Vec<_> = first.header["jwk"].as_object().expect("a JWK").keys().collect();
    jwk.sort_unstable();
    assert_eq!(jwk, ["crv", "kty", "x", "y"]);
    assert!(first.is_signed_with(&first.header["jwk"]));
    assert_eq!(first.claims["htm"], "DELETE");
    assert_eq!(first.claims["htu"], "https://api.example:8443/a%2Fb;c");
    assert_eq!(first.claims["iat"], TODAY);
    assert_eq!(first.claims["jti"].as_str().map(str::len), Some(43), "256 bits");
    let with = Jwt::read(bare.nonce("!nonce~").write(NOW, &mut out).expect("right"));
    assert_eq!(with.claims["nonce"], "!nonce~");
    assert_ne!(with.claims["jti"], first.claims["jti"]);
    // What is no nonce goes nowhere.
    let bad = Jwt::read(bare.nonce("no\"nonce").write(NOW, &mut out).expect("right"));
    assert_eq!(bad.claims["nonce"], Value::Null);
    // Another algorithm.
    let ed_dsa = EdDsaSigner::new(&[7; 32]).expect("a key");
    let dpop = Dpop::new(&ed_dsa);
    let proof = Jwt::read(Proof::new(&dpop, "GET", url, "t").write(NOW, &mut out).expect("right"));
    assert_eq!(proof.header["alg"], "EdDSA");
    assert_eq!(
        (&proof.header["jwk"]["kty"], &proof.header["jwk"]["crv"]),
        (&json!("OKP"), &json!("Ed25519"))
    );
    for (method, url, name) in [
        ("GET", "ftp://a", Name::Url),
        ("", "https://a/", Name::Request),
        ("G T", "https://a/", Name::Request),
    ] {
        assert_eq!(written(url, method, "t", NOW), Err(Error::Config(name)));
    }
}

// REQ: DPOP-05, RNG-02
#[test]
fn every_request_has_its_own_proof() {
    let mut seen = Vec::new();
    let mut push = |proof: Jwt| seen.push(proof.claims["jti"].to_string());
    let url = "https://api.example/";
    for (token, url, now) in [
        ("a", url, NOW),
        ("b", url, NOW),
        ("a", "https://api.example/x", NOW),
        ("a", url, later(1)),
        ("a", url, Now { date: Date::AtLeast(UnixTime::from_seconds(TODAY)), ..NOW }),
        ("a", url, Now { date: Date::Known(UnixTime::from_seconds(TODAY + 1)), ..NOW }),
    ] {
        push(Jwt::read(&written(url, "GET", token, now).expect("right")));
    }
    let dpop = Dpop::new(&*HOLDER);
    for (method, number) in [("POST", 0), ("POST", 1), ("GET", 1)] {
        let proof = Proof::new(&dpop, method, url, "a").number(number);
        push(Jwt::read(proof.write(NOW, &mut [0; 1024]).expect("right")));
    }
    for number in 1..50 {
        let flow = RefreshToken::<64>::new(&HOLDING, &format!("refresh-{number}"), None).expect("right");
        push(proof(&request(&Hand::default(), &flow)));
    }
    let count = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), count);
    // The same moment, the same octets: a request can be asked for again.
    assert_eq!(written(url, "GET", "a", NOW), written(url, "GET", "a", NOW));
}

// REQ: DPOP-06, DPOP-07, UINFO-01
#[test]
fn golden_requests() {
    for (station, grant) in [
        (
            Station::code(&HOLDING, Step::Exchange),
            "authorization_code&code=code-1%2F%2B%3D%25%26+&redirect_uri=",
        ),
        (Station::refresh(&HOLDING, Step::Send), "refresh_token&refresh_token=refresh-1&client_id=holding"),
    ] {
        let request = request(&station.hand, &*station.flow);
        assert!(request.body.starts_with(&format!("grant_type={grant}")), "{}", request.body);
        let names: Vec<_> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["Accept", "Content-Type", "DPoP"]);
        let proof = proof(&request);
        assert_eq!(proof.names().1, ["htm", "htu", "iat", "jti"], "no access token is sent");
        assert_eq!(
            (&proof.claims["htm"], &proof.claims["htu"]),
            (&json!("POST"), &json!("https://op.example/token"))
        );
    }
    let mut out = [0; ENOUGH];
    let user_info = UserInfo::new(&HOLDING, "access-1", SUBJECT);
    let sent = user_info.request(NOW, &mut out).expect("right");
    let headers: Vec<_> = sent.headers().collect();
    assert_eq!(headers[..2], [("Accept", "application/json"), ("Authorization", "DPoP access-1")]);
    let proof = Jwt::read(headers[2].1);
    assert_eq!((headers.len(), headers[2].0), (3, "DPoP"));
    assert_eq!(proof.names().1, ["ath", "htm", "htu", "iat", "jti"]);
    assert_eq!(
        (&proof.claims["htm"], &proof.claims["htu"]),
        (&json!("GET"), &json!("https://op.example/userinfo"))
    );
    // A token that a server gave as a bearer token is shown as one.
    let bearer = user_info.token_type(TokenType::Bearer);
    let headers: Vec<_> =
        bearer.request(NOW, &mut out).expect("right").headers().map(|(_, value)| value.to_owned()).collect();
    assert_eq!(headers[1..], ["Bearer access-1"]);
    let keyless = UserInfo::new(&KIOSK, "access-1", SUBJECT).token_type(TokenType::Dpop);
    assert_eq!(keyless.request(NOW, &mut out).err(), Some(Error::Misuse));
}

// REQ: DPOP-17, DPOP-19
#[test]
fn the_code_is_bound_too() {
    let url = |client| Hand::default().url(&*Station::code(client, Step::Authorize).flow);
    let jkt = HOLDING_JKT.with(String::clone);
    assert_eq!(form::in_url(&url(&HOLDING), "dpop_jkt"), jkt);
    assert!(!url(&SIGNING).contains("dpop_jkt"), "only where it is asked for");
    assert_eq!(Dpop::new(&*HOLDER).thumbprint(&mut [0; 43]), Ok(&*jkt));
    let station = Station::code(&HOLDING, Step::Exchange);
    assert_eq!(thumbprint(&proof(&request(&station.hand, &*station.flow)).header["jwk"]), jkt);
}

/// Where a key is to serve one sign-in alone, it is drawn for it.
// REQ: DPOP-23
#[test]
fn a_key_for_each_sign_in() {
    struct Counting(u8);
    impl Entropy for Counting {
        fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
            out.iter_mut().for_each(|octet| (self.0, *octet) = (self.0.wrapping_add(7), self.0));
            Ok(())
        }
    }
    let mut source = Counting(1);
    let mut bound = || {
        let signer = Es256Signer::draw(&mut source).expect("a key");
        let client = HOLDING.dpop(Dpop::new(&signer).bind_code());
        let flow = AuthorizationCode::<64>::new(&client, seeds::seed(1), NOW).expect("right");
        form::in_url(&Hand::default().url(&flow), "dpop_jkt")
    };
    assert_ne!(bound(), bound());
}

thread_local! {
    static HOLDING_JKT: String = {
        let proof = written("https://a.example/", "GET", "t", NOW).expect("right");
        thumbprint(&Jwt::read(&proof).header["jwk"])
    };
}

/// Runs a flow to its end against a server that wants to see this nonce.
fn challenged(station: Station, nonce: &'static str) -> (Hand, Vec<Received>, Option<Tokens>) {
    let Station { hand, mut flow, .. } = station;
    hand.link.server().guard.nonce = Some(nonce);
    let mut sent = Vec::new();
    for _ in 0..2 {
        sent.push(request(&hand, &*flow));
        let answer = Happening::Response(hand.answer(&*flow).0);
        if let Some(tokens) = hand.tell(&mut *flow, &answer).expect("no error") {
            return (hand, sent, Some(tokens));
        }
    }
    (hand, sent, None)
}

// REQ: DPOP-02, DPOP-08, DPOP-13
#[test]
fn a_demand_is_answered_at_once() {
    for client in [&*HOLDING, &*SIGNING] {
        for station in [
            Station::code(client, Step::Exchange),
            Station::refresh(client, Step::Send),
            Station::device(client, Step::Poll),
        ] {
            let (hand, sent, tokens) = challenged(station, "first-nonce");
            assert!(tokens.is_some());
            let [first, second] = &sent[..] else { panic!("{} requests", sent.len()) };
            let plain = |body: &str| body.split("&client_assertion=").next().expect("one").to_owned();
            assert_eq!(plain(&first.body), plain(&second.body), "the same code, verifier, token");
            let (first, second) = (proof(first), proof(second));
            assert_eq!(first.claims["nonce"], Value::Null);
            assert_eq!(second.claims["nonce"], "first-nonce");
            assert_ne!(first.claims["jti"], second.claims["jti"]);
            assert_eq!(hand.link.server().guard.proofs.len(), 1);
        }
    }
}

/// A device that holds a key: each of its polls has a proof of its own, and a demand for a nonce is no answer to a
/// poll. It is met at once, and once.
// REQ: DEV-26, DPOP-05, DPOP-08
#[test]
fn every_poll_of_a_device_has_its_own_proof() {
    let hand = Hand::default();
    let new = DeviceAuthorization::<256>::new(&HOLDING, seeds::seed(1), NOW);
    let mut flow = new.expect("the settings are right");
    let start = request(&hand, &flow);
    assert!(start.header("DPoP").is_none(), "a proof belongs to requests for tokens");
    hand.show_code(&mut flow);
    let sent = |flow: &DeviceAuthorization<'_, 256>, now: Now| match flow.poll(now, &mut [0; ENOUGH]) {
        Ok(Action::Send(request)) => {
            let headers = request.headers().map(|(name, value)| (name.into(), value.into())).collect();
            let body = String::from_utf8(request.body().to_vec()).expect("ASCII");
            let received = Received { method: "POST".into(), url: request.url().into(), headers, body };
            Some((proof(&received), received))
        }
        Ok(Action::Display(_)) => None,
        other => panic!("{other:?}"),
    };
    let mut proofs = Vec::new();
    let mut time = 0;
    for poll in 0..3 {
        assert!(sent(&flow, later(time + 5_099)).is_none(), "{poll}: too early");
        time += 5_100;
        let (first, received) = sent(&flow, later(time)).expect("it is time");
        assert_eq!(first.claims["iat"], TODAY + time / 1000);
        if poll == 1 {
            // The demand: at once again, with the nonce, and the wait is what it was.
            assert_eq!(hand.tell_at(&mut flow, &demand(&["one"]), later(time)), Ok(None));
            let (second, again) = sent(&flow, later(time)).expect("at once");
            assert_eq!((received.body, second.claims["nonce"].as_str()), (again.body, Some("one")));
            assert_ne!(first.claims["jti"], second.claims["jti"]);
            proofs.push(second);
            // And once: the next demand waits as every odd answer does.
            let outcome = hand.tell_at(&mut flow, &demand(&["two"]), later(time));
            assert_eq!(outcome, Err(Check::DpopNonceLoop.into()));
            assert!(sent(&flow, later(time)).is_none(), "not in a circle");
            time += 5_100;
            let (third, _) = sent(&flow, later(time)).expect("an interval later");
            assert_eq!(third.claims["nonce"], "two");
            proofs.push(third);
        }
        proofs.push(first);
        let pending = Happening::Response(refusal(400, "authorization_pending"));
        assert_eq!(hand.tell_at(&mut flow, &pending, later(time)), Ok(None));
    }
    let mut seen: Vec<_> = proofs.iter().map(|proof| proof.claims["jti"].to_string()).collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 5, "five proofs in three polls and two demands");
}

/// The proof of a push is made with the key that its code is bound to.
// REQ: PAR-07, PAR-09, DPOP-17
#[test]
fn a_push_is_proven_with_the_key_of_the_code() {
    let mut station = Station::code(&PUSHED_SIGNING, Step::Push);
    let hand = &station.hand;
    hand.link.server().guard.nonce = Some("first-nonce");
    let first = request(hand, &*station.flow);
    let jkt = form::in_body(first.body.as_bytes(), "dpop_jkt");
    let shown = proof(&first);
    assert_eq!((thumbprint(&shown.header["jwk"]), &*jkt), (jkt.clone(), &*HOLDING_JKT.with(String::clone)));
    assert_eq!(shown.claims["htu"], "https://op.example/par");
    assert_eq!(shown.claims["nonce"], Value::Null);
    // The demand is met at once, with the same parameters; the code's exchange begins with the nonce.
    let demanded = Happening::Response(hand.answer(&*station.flow).0);
    assert_eq!(hand.tell(&mut *station.flow, &demanded), Ok(None));
    let second = request(hand, &*station.flow);
    let plain = |body: &str| body.split("&client_assertion=").next().expect("one").to_owned();
    assert_eq!(plain(&first.body), plain(&second.body));
    assert_eq!(proof(&second).claims["nonce"], "first-nonce");
    hand.push(&mut *station.flow);
    let redirect = hand.visit(&*station.flow);
    hand.redirect(&mut *station.flow, &redirect).expect("the response is right");
    let exchange = proof(&request(hand, &*station.flow));
    assert_eq!(
        (thumbprint(&exchange.header["jwk"]), &exchange.claims["nonce"]),
        (jkt, &json!("first-nonce"))
    );
    let answer = Happening::Response(hand.answer(&*station.flow).0);
    assert!(hand.tell(&mut *station.flow, &answer).expect("right").is_some());
    // A second demand in a row is an error, and the flow goes on.
    let mut station = Station::code(&PUSHED_SIGNING, Step::Push);
    assert_eq!(station.hand.tell(&mut *station.flow, &demand(&["one"])), Ok(None));
    let looped = station.hand.tell(&mut *station.flow, &demand(&["two"]));
    assert_eq!(looped, Err(Check::DpopNonceLoop.into()));
    assert_eq!(proof(&request(&station.hand, &*station.flow)).claims["nonce"], "two");
}

fn demand(headers: &[&str]) -> Happening {
    let mut answer = Answer::json(400, &json!({ "error": "use_dpop_nonce" }));
    answer.headers.extend(headers.iter().map(|value| ("dpop-nonce".into(), (*value).into())));
    Happening::Response(answer)
}

// REQ: DPOP-08, DPOP-12
#[test]
fn demands_that_cannot_be_met() {
    let station = || Station::refresh(&HOLDING, Step::Send);
    let Station { hand, mut flow, .. } = station();
    assert!(matches!(hand.tell(&mut *flow, &demand(&["one"])), Ok(None)));
    assert_eq!(hand.tell(&mut *flow, &demand(&["two"])).err(), Some(Check::DpopNonceLoop.into()));
    // The flow is where it was, and knows the newest.
    assert_eq!(proof(&request(&hand, &*flow)).claims["nonce"], "two");
    assert!(matches!(hand.tell(&mut *flow, &demand(&["three"])), Ok(None)));

    let long = "n".repeat(MAX_NONCE + 1);
    for (headers, expected) in [
        (&[][..], Error::from(Check::BadHeader)),
        (&[""], Check::BadHeader.into()),
        (&["a b"], Check::BadHeader.into()),
        (&["a\"b"], Check::BadHeader.into()),
        (&["a\\b"], Check::BadHeader.into()),
        (&["\u{e9}"], Check::BadHeader.into()),
        (&["one", "one"], Check::BadHeader.into()),
        (&[&*long], Error::InputTooLarge(Name::DpopNonce)),
        // The flow's own room is smaller.
        (&[&long[..60]], Error::InputTooLarge(Name::DpopNonce)),
    ] {
        let Station { hand, mut flow, .. } = station();
        let before = hand.shown(&*flow);
        assert_eq!(hand.tell(&mut *flow, &demand(headers)).err(), Some(expected), "{headers:?}");
        assert_eq!(hand.shown(&*flow), before);
    }
    let mut roomy = RefreshToken::<512>::new(&HOLDING, "refresh-1", None).expect("right");
    let hand = Hand::default();
    assert!(matches!(hand.tell(&mut roomy, &demand(&[&long[1..]])), Ok(None)));
    assert_eq!(proof(&request(&hand, &roomy)).claims["nonce"], long[1..]);
    // Who has no key was not meant.
    let mut station = Station::refresh(&KIOSK, Step::Send);
    let outcome = station.hand.tell(&mut *station.flow, &demand(&["one"]));
    assert_eq!(outcome.err(), Some(Error::Refused(ErrorCode::UseDpopNonce)));
}

// REQ: DPOP-10
#[test]
fn every_answer_may_bring_a_nonce() {
    let Station { hand, mut flow, .. } = Station::refresh(&HOLDING, Step::Send);
    let mut busy = Answer::new(503, "text/html", "");
    busy.headers.push(("DPoP-Nonce".into(), "from-503".into()));
    assert!(hand.tell(&mut *flow, &Happening::Response(busy)).is_err());
    assert_eq!(proof(&request(&hand, &*flow)).claims["nonce"], "from-503");
    // What is no nonce changes nothing.
    let mut busy = Answer::new(503, "text/html", "");
    busy.headers.push(("DPoP-Nonce".into(), "no nonce".into()));
    assert!(hand.tell(&mut *flow, &Happening::Response(busy)).is_err());
    assert_eq!(proof(&request(&hand, &*flow)).claims["nonce"], "from-503");
    // A success: for the next flow.
    let (mut answer, keep) = hand.answer(&*flow);
    answer.headers.push(("DPoP-Nonce".into(), "for-the-next".into()));
    let client = HOLDING.scope(&["email"]);
    let mut flow = RefreshToken::<64>::new(&client, "refresh-1", None).expect("right");
    let mut buffer = [0; ENOUGH];
    let (response, _) = answer.read(keep, &mut buffer);
    assert_eq!(response.demand().map(|_| ()), None);
    let tokens = flow.handle(NOW, Event::Response(response)).expect("right").expect("tokens");
    assert_eq!((tokens.dpop_nonce(), tokens.token_type()), (Some("for-the-next"), TokenType::Dpop));
    let nonce = tokens.dpop_nonce().expect("there is one");
    let next = RefreshToken::<64>::new(&HOLDING, "refresh-2", None).expect("right").dpop_nonce(nonce);
    assert_eq!(proof(&request(&hand, &next)).claims["nonce"], "for-the-next");
    let long = "n".repeat(65);
    for bad in ["", "no nonce", &long] {
        let flow = AuthorizationCode::<64>::new(&HOLDING, seeds::seed(1), NOW).expect("right");
        let before = hand.shown(&flow);
        assert_eq!(hand.shown(&flow.dpop_nonce(bad)), before);
    }
}

/// A nonce from before the sign-in is there when the code is, if there is room for both.
// REQ: DPOP-10, SM-14
#[test]
fn a_nonce_lives_beside_the_code() {
    for (nonce, expected) in [("early", json!("early")), (&"n".repeat(60), Value::Null)] {
        let hand = Hand::default();
        let flow = AuthorizationCode::<64>::new(&HOLDING, seeds::seed(1), NOW).expect("right");
        let mut flow = flow.dpop_nonce(nonce);
        let redirect = hand.visit(&flow);
        let mut snapshot = [0; ENOUGH];
        let length = flow.save(NOW, &mut snapshot).expect("goes on");
        let mut restored =
            AuthorizationCode::<64>::restore(&HOLDING, &snapshot[..length], NOW).expect("whole");
        for flow in [&mut flow, &mut restored] {
            hand.redirect(flow, &redirect).expect("right");
            assert_eq!(proof(&request(&hand, flow)).claims["nonce"], expected);
        }
        assert_eq!(hand.shown(&restored), hand.shown(&flow));
    }
}

/// Power is cut between the demand and its answer.
// REQ: SM-14, DPOP-08, REFRESH-13
#[test]
fn a_demand_survives_a_power_cut() {
    let running = stations().into_iter().filter(|station| {
        matches!(station.step, Step::Exchange | Step::Poll | Step::Push | Step::Send | Step::SendAgain)
            && format!("{:?}", station.client).contains("ing at")
    });
    let mut count = 0;
    for Station { kind, client, hand, mut flow, step, .. } in running {
        assert!(matches!(hand.tell(&mut *flow, &demand(&["nonce"])), Ok(None)));
        let shown = hand.shown(&*flow);
        let snapshot = shown.saved.clone().expect("goes on");
        drop(flow);
        let mut flow = kind.restore(client, &snapshot, NOW).expect("whole");
        assert_eq!(hand.shown(&*flow), shown, "{step:?}");
        assert_eq!(proof(&request(&hand, &*flow)).claims["nonce"], "nonce");
        let again = hand.tell(&mut *flow, &demand(&["other"]));
        assert_eq!(
            again.err(),
            Some(Check::DpopNonceLoop.into()),
            "that it was asked for once is remembered"
        );
        // With another key it is of no use.
        let keyless = client.scope(&["openid"]);
        assert!(kind.restore(Box::leak(Box::new(keyless)), &snapshot, NOW).is_err());
        count += 1;
    }
    assert_eq!(count, 13);
    let flow = RefreshToken::<64>::new(&HOLDING, "refresh-1", None).expect("right");
    let mut snapshot = [0; ENOUGH];
    let length = flow.save(NOW, &mut snapshot).expect("goes on");
    let other = EdDsaSigner::new(&[7; 32]).expect("a key");
    for dpop in [Some(Dpop::new(&other)), None] {
        let client = match dpop {
            Some(dpop) => HOLDING.dpop(dpop),
            None => Client::new(SERVER, "holding").redirect_uri("https://app.example/cb").scope(&[
                "openid",
                "email",
                "offline_access",
            ]),
        };
        let restored = RefreshToken::<64>::restore(&client, &snapshot[..length], None);
        assert_eq!(restored.err(), Some(Error::Snapshot));
    }
    assert!(RefreshToken::<64>::restore(&HOLDING, &snapshot[..length], None).is_ok());
}

// REQ: REFRESH-13
#[test]
fn another_key_is_told_before_any_request() {
    let jkt = HOLDING_JKT.with(String::clone);
    let bound = |client: &Client<'_>, thumbprint: &str| {
        RefreshToken::<64>::new(client, "refresh-1", None)
            .expect("right")
            .bound_to(thumbprint)
            .map(|_| ())
            .err()
    };
    let other = EdDsaSigner::new(&[7; 32]).expect("a key");
    let changed = Some(Check::DpopKeyChanged.into());
    assert_eq!(bound(&HOLDING, &jkt), None);
    assert_eq!(bound(&HOLDING.dpop(Dpop::new(&other)), &jkt), changed);
    assert_eq!(bound(&KIOSK, &jkt), changed);
    assert_eq!(bound(&HOLDING, ""), changed);
}

// REQ: DPOP-14
#[test]
fn a_proof_needs_a_date() {
    let url = "https://api.example/";
    assert_eq!(written(url, "GET", "t", Now::unknown(5)), Err(Check::ClockNotSet.into()));
    let flow = RefreshToken::<64>::new(&HOLDING, "refresh-1", None).expect("right").dpop_nonce("nonce");
    assert_eq!(flow.poll(Now::unknown(5), &mut [0; ENOUGH]).err(), Some(Check::ClockNotSet.into()));
    // A floor is good enough to ask with.
    let floor = Now { date: Date::AtLeast(UnixTime::from_seconds(1_700_000_000)), uptime: 5 };
    let rough = Jwt::read(&written(url, "GET", "t", floor).expect("right"));
    assert_eq!(rough.claims["iat"], 1_700_000_000);
}

/// A signer for an algorithm, that fails if it is asked.
struct Named(Algorithm);

impl Signer for Named {
    fn algorithm(&self) -> Algorithm {
        self.0
    }

    fn public_key(&self) -> Key<'_> {
        if self.0 == Algorithm::Hs256 { Key::Secret(b"a secret") } else { HOLDER.public_key() }
    }

    fn sign(&self, _: &[u8], _: &mut [u8; MAX_SIGNATURE]) -> Result<usize, SignError> {
        Err(SignError::Failed)
    }
}

// REQ: DPOP-15, DPOP-01
#[test]
fn the_server_must_take_the_algorithm() {
    let outcome = |document: Value, algorithm| {
        let mut buffer = [0; 2048];
        let server = discovered(document, &mut buffer);
        let signer = Named(algorithm);
        let client = Client::oauth(server, CLIENT_ID).dpop(Dpop::new(&signer));
        RefreshToken::<8>::new(&client, "RT", None).map(|_| ()).err()
    };
    let member = "dpop_signing_alg_values_supported";
    let unsupported = Some(Check::AlgorithmUnsupported.into());
    for (document, expected) in [
        (json!({}), None),
        (json!({ member: ["ES256"] }), None),
        (json!({ member: ["PS256", "ES256"] }), None),
        (json!({ member: ["EdDSA", "RS256"] }), unsupported),
        (json!({ member: [] }), unsupported),
    ] {
        assert_eq!(outcome(document.clone(), Algorithm::Es256), expected, "{document}");
    }
    // Nothing that the server could make too.
    assert_eq!(outcome(json!({}), Algorithm::Hs256), Some(Check::KeyMismatch.into()));
}

// REQ: DPOP-22
#[test]
fn the_length_is_known_before_anything_is_signed() {
    let slow = Slow::default();
    let dpop = Dpop::new(&slow);
    let proof = Proof::new(&dpop, "GET", "https://api.example/", "access-1").nonce("nonce");
    let needed = written_length(&proof);
    for length in 0..needed {
        let mut out = vec![0xAA; length];
        assert_eq!(proof.write(NOW, &mut out), Err(Error::BufferTooSmall { needed }));
        assert!(out.iter().all(|octet| *octet == 0));
    }
    assert_eq!(slow.begun.load(Ordering::Relaxed), 0);
    let mut out = vec![0; needed];
    for _ in 0..2 {
        assert_eq!(proof.write(NOW, &mut out), Err(Error::SignaturePending));
    }
    assert_eq!(proof.write(NOW, &mut out).map(str::len), Ok(needed));
    assert_eq!(slow.begun.load(Ordering::Relaxed), 1);
}

fn written_length(proof: &Proof<'_>) -> usize {
    match proof.write(NOW, &mut []) {
        Err(Error::BufferTooSmall { needed }) => needed,
        other => panic!("{other:?}"),
    }
}

// REQ: DPOP-10, DPOP-11, DPOP-12
#[test]
fn nonces_of_different_servers_never_mix() {
    let mut nonces = Nonces::<3>::new();
    let (one, two, three) =
        ("https://op.example/token", "https://api.example/x?y", "https://op.example:8443/");
    assert_eq!(nonces.get(one), "");
    for (url, nonce) in [(one, "1"), (two, "2"), (three, "3")] {
        nonces.put(url, nonce);
    }
    assert_eq!([one, two, three].map(|url| nonces.get(url)), ["1", "2", "3"]);
    nonces.put("HTTPS://OP.example:443/other", "11");
    assert_eq!([one, two, three].map(|url| nonces.get(url)), ["11", "2", "3"]);
    for other in
        ["http://op.example/", "https://op.example.evil/", "https://op.example:80/", "op.example", ""]
    {
        assert_eq!(nonces.get(other), "", "{other}");
    }
    let longest = "n".repeat(MAX_NONCE);
    for bad in ["", "a b", "a\"", "a\\", "\u{7f}", "é", &format!("{longest}n")] {
        nonces.put(one, bad);
        assert_eq!(nonces.get(one), "11", "{bad}");
    }
    nonces.put(one, &longest);
    assert_eq!(nonces.get(one), longest);
    // A fourth takes the place of the first.
    nonces.put("https://fourth.example", "4");
    assert_eq!([one, two, three, "https://fourth.example/"].map(|url| nonces.get(url)), ["", "2", "3", "4"]);
    nonces.put("no URL", "5");
    let mut none = Nonces::<0>::new();
    none.put(one, "1");
    assert_eq!(none.get(one), "");
}

/// UserInfo at a server that wants to see a nonce, through both drivers.
// REQ: DPOP-09, DPOP-05
#[test]
fn user_info_is_asked_for_once_more() {
    for chip in [false, true] {
        let link = Link::default();
        link.server().guard.nonce = Some("rs-nonce");
        let user_info = UserInfo::new(&HOLDING, "access-1", SUBJECT);
        let mut buffer = [0; 1024];
        let claims = fetch(chip, &user_info, &link, &mut buffer).expect("right");
        assert_eq!(claims, format!("{{\"sub\":\"{SUBJECT}\"}}"));
        let received = link.server().received.clone();
        let [first, second] = &received[..] else { panic!("{} requests", received.len()) };
        let (first, second) = (proof(first), proof(second));
        assert_eq!((&first.claims["nonce"], &second.claims["nonce"]), (&Value::Null, &json!("rs-nonce")));
        assert_ne!(first.claims["jti"], second.claims["jti"]);
        // Known from the start, it costs nothing.
        let known = user_info.dpop_nonce("rs-nonce");
        link.world().clock.advance(1);
        assert!(fetch(chip, &known, &link, &mut buffer).is_ok());
        assert_eq!(link.server().received.len(), 3);
        // Asked for twice, it is no use.
        link.server().received.clear();
        link.server().guard.nonce = None;
        let mut demand = Answer::new(401, "text/plain", "");
        demand.headers.push(("WWW-Authenticate".into(), "DPoP error=use_dpop_nonce".into()));
        assert!(matches!(refused(&demand), Error::Refused(ErrorCode::UseDpopNonce)));
    }
}

fn refused(answer: &Answer) -> Error {
    let user_info = UserInfo::new(&HOLDING, "access-1", SUBJECT);
    let keep = user_info.request(NOW, &mut [0; ENOUGH]).expect("right").keep();
    let mut buffer = [0; 64];
    let (response, _) = answer.read(keep, &mut buffer);
    assert!(response.demand().is_none(), "there is no nonce");
    user_info.response(response).expect_err("refused")
}

fn fetch(chip: bool, exchange: &UserInfo<'_>, link: &Link, buffer: &mut [u8]) -> Result<String, Error> {
    let (mut link, mut clock) = (link.clone(), link.world().clock.clone());
    let json = |claims: keyfob_core::claims::Claims<'_>| claims.json(&mut [0; 256]).expect("fits").to_owned();
    if chip {
        let claims = block_on(keyfob_embassy::fetch(exchange, &mut link, &mut clock, buffer));
        claims.map(json).map_err(|failure| match failure {
            keyfob_embassy::Failure::Flow(error) => error,
            other => panic!("{other:?}"),
        })
    } else {
        let claims = keyfob_std::fetch(exchange, &mut link, &mut clock, buffer);
        claims.map(json).map_err(|failure| match failure {
            keyfob_std::Failure::Flow(error) => error,
            other => panic!("{other:?}"),
        })
    }
}

/// The second answer lies behind the nonce of the first.
// REQ: DPOP-09, ERR-09, MEM-04
#[test]
fn drivers_name_the_length_that_does() {
    for chip in [false, true] {
        let mut length = 0;
        loop {
            let link = Link::default();
            link.server().guard.nonce = Some("a-nonce-of-some-length");
            let user_info = UserInfo::new(&HOLDING, "access-1", SUBJECT);
            match fetch(chip, &user_info, &link, &mut vec![0; length]) {
                Ok(_) => break,
                Err(Error::BufferTooSmall { needed }) => {
                    assert!(needed > length, "{length} are not enough, {needed} would do");
                    length = needed;
                }
                Err(other) => panic!("{length}: {other:?}"),
            }
        }
        assert!((300..1000).contains(&length), "{length}");
    }
}

/// A secure element takes its time: both drivers wait, and ask for the same octets.
// REQ: DPOP-21
#[test]
fn a_slow_signer_is_waited_for() {
    for chip in [false, true] {
        let slow = Slow::default();
        let client = HOLDING.dpop(Dpop::new(&slow));
        let link = Link::default();
        link.server().guard.nonce = Some("nonce");
        let mut flow = AuthorizationCode::<64>::new(&client, seeds::seed(1), NOW).expect("right");
        let mut person = Person::new(link.clone(), &[Deed::Return]);
        let mut clock = link.world().clock.clone();
        let (mut http, mut buffer) = (link.clone(), [0; 4096]);
        let done = |tokens: keyfob_core::token::TokenResponse<'_>| Tokens::of(&tokens);
        let ok = if chip {
            let run = keyfob_embassy::run(&mut flow, &mut http, &mut person, &mut clock, &mut buffer, done);
            block_on(run).is_ok()
        } else {
            keyfob_std::run(&mut flow, &mut http, &mut person, &mut clock, &mut buffer, done).is_ok()
        };
        assert!(ok, "chip: {chip}");
        assert_eq!(slow.begun.load(Ordering::Relaxed), 2, "one for each request");
        assert_eq!(link.world().clock.now().uptime, 40, "two naps for each signature");
        let user_info = UserInfo::new(&client, "access-1", SUBJECT);
        assert!(fetch(chip, &user_info, &link, &mut buffer).is_ok());
        assert_eq!(slow.begun.load(Ordering::Relaxed), 4);
    }
}

/// A signer that never comes to an end does not hold the program up for ever.
// REQ: DPOP-21
#[test]
fn a_dead_signer_is_given_up() {
    struct Dead;
    impl Signer for Dead {
        fn algorithm(&self) -> Algorithm {
            Algorithm::Es256
        }
        fn public_key(&self) -> Key<'_> {
            HOLDER.public_key()
        }
        fn sign(&self, _: &[u8], _: &mut [u8; MAX_SIGNATURE]) -> Result<usize, SignError> {
            Err(SignError::Pending)
        }
    }
    for chip in [false, true] {
        let client = HOLDING.dpop(Dpop::new(&Dead));
        let link = Link::default();
        let mut buffer = [0; 4096];
        let user_info = UserInfo::new(&client, "access-1", SUBJECT);
        assert_eq!(fetch(chip, &user_info, &link, &mut buffer), Err(Error::SignaturePending));
        let mut flow = RefreshToken::<64>::new(&client, "refresh-1", None).expect("right");
        let mut person = Person::new(link.clone(), &[]);
        let mut clock = link.world().clock.clone();
        let mut http = link.clone();
        let pending = if chip {
            let run = keyfob_embassy::run(&mut flow, &mut http, &mut person, &mut clock, &mut buffer, |_| ());
            matches!(block_on(run), Err(keyfob_embassy::Failure::Flow(Error::SignaturePending)))
        } else {
            let run = keyfob_std::run(&mut flow, &mut http, &mut person, &mut clock, &mut buffer, |_| ());
            matches!(run, Err(keyfob_std::Failure::Flow(Error::SignaturePending)))
        };
        assert!(pending, "chip: {chip}");
        assert_eq!(link.server().received.len(), 0);
    }
}

// REQ: DPOP-07, TOKEN-18
#[test]
fn a_bearer_token_in_its_place() {
    let body = json!({ "access_token": "AT", "token_type": "Bearer" });
    let keep = hand_keep();
    for (client, expected) in [
        (HOLDING.scope(&["email"]), Err(Error::Check(Check::DpopDowngrade))),
        (HOLDING.scope(&["email"]).dpop(Dpop::new(&*HOLDER).prefer()), Ok(TokenType::Bearer)),
    ] {
        let mut flow = RefreshToken::<64>::new(&client, "refresh-1", None).expect("right");
        let mut buffer = [0; 256];
        let (response, _) = Answer::json(200, &body).read(keep, &mut buffer);
        let outcome = flow.handle(NOW, Event::Response(response));
        assert_eq!(outcome.map(|tokens| tokens.expect("tokens").token_type()), expected);
    }
}

fn hand_keep() -> keyfob_core::Keep {
    let station = Station::refresh(&HOLDING, Step::Send);
    station.hand.request(&*station.flow).expect("goes on").expect("a request").1
}

/// What of a key, a token or a nonce could show.
// REQ: DPOP-01, DPOP-16, SECRET-01
#[test]
fn nothing_of_the_key_leaves() {
    let hidden: Vec<String> = [&HOLDER_SECRET[..], &[9; 32]]
        .iter()
        .flat_map(|secret| {
            [
                keyfob_tests::keys::base64url(secret),
                format!("{secret:?}"),
                "5a5a5a5a".into(),
                "ZZZZZZZZ".into(),
            ]
        })
        .collect();
    let mut seen = Vec::new();
    for client in [&*HOLDING, &*SIGNING] {
        for station in [Station::code(client, Step::Exchange), Station::refresh(client, Step::Send)] {
            seen.push(format!("{:?}", request(&station.hand, &*station.flow)));
            let shown = station.hand.shown(&*station.flow);
            let saved = shown.saved.expect("goes on");
            assert!(!saved.windows(8).any(|octets| octets == [0x5A; 8] || octets == [9; 8]));
            let (_, sent, _) = challenged(station, "first-nonce");
            for proof in sent.iter().map(proof) {
                let jwk = &proof.header["jwk"];
                assert_eq!((&jwk["d"], jwk.as_object().map(|jwk| jwk.len())), (&Value::Null, Some(4)));
                seen.push(format!("{:?}", (proof.header, proof.claims)));
            }
        }
        seen.push(format!("{client:?}"));
    }
    let dpop = Dpop::new(&*HOLDER);
    let mut nonces = Nonces::<1>::new();
    nonces.put("https://a.example/", "the-nonce");
    let proof = Proof::new(&dpop, "GET", "https://a.example/", "the-token").nonce("the-nonce");
    let mut station = Station::refresh(&HOLDING, Step::Send);
    assert!(matches!(station.hand.tell(&mut *station.flow, &demand(&["the-nonce"])), Ok(None)));
    let mut out = [0; ENOUGH];
    let action: Action<'_> = station.flow.poll(NOW, &mut out).expect("goes on");
    let shown =
        format!("{dpop:?} {nonces:?} {proof:?} {:?} {action:?}", UserInfo::new(&HOLDING, "the-token", "x"));
    assert!(!shown.contains("the-nonce") && !shown.contains("the-token"), "{shown}");
    seen.push(shown);
    for text in &seen {
        for secret in &hidden {
            assert!(!text.contains(secret.as_str()), "{text}");
        }
    }
}
