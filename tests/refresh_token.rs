//! Staying signed in: rotation, lost answers, what a new ID token must repeat.

use keyfob_core::{
    error::{Check, Error, ErrorCode, Name, Remedy},
    flow::{Action, Flow, RefreshToken},
    id_token::{Audiences, Previous},
    time::UnixTime,
};
use keyfob_tests::{
    answer::Answer,
    clients::{BACKEND, KIOSK, ROBOT},
    clock::{NOW, TODAY},
    form,
    id_token::{Draft, Forgery},
    outcome::Tokens,
    server::{SUBJECT, refusal},
    stations::{ENOUGH, Hand, Happening, Station, Step},
};
use serde_json::{Value, json};

type Refresh = RefreshToken<'static, 64>;

const SCOPE: &str = "openid email offline_access";

fn new(token: &str, previous: Option<Previous<'static>>) -> Refresh {
    RefreshToken::new(&KIOSK, token, previous).expect("the settings are right")
}

/// Sends the request, and gives the tokens.
fn refreshed(hand: &Hand, flow: &mut dyn Flow) -> Result<Tokens, Error> {
    let answer = Happening::Response(hand.answer(flow).0);
    hand.tell(flow, &answer).map(|tokens| tokens.expect("tokens end the flow"))
}

// REQ: REFRESH-01, REFRESH-03, AUTHC-01, AUTHC-03
#[test]
fn rotation() {
    let hand = Hand::default();
    let mut token = hand.link.server().session("kiosk", SCOPE);
    for number in 1..=5 {
        let mut flow = new(&token, None);
        let (request, _) = hand.request(&flow).expect("goes on").expect("a request");
        let names: Vec<_> = form::pairs(&request.body).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["grant_type", "refresh_token", "client_id"]);
        assert_eq!(form::in_body(request.body.as_bytes(), "refresh_token"), format!("refresh-{number}"));
        let tokens = refreshed(&hand, &mut flow).expect("the token is new");
        token = tokens.refresh_token.expect("the server rotates");
        assert!(matches!(flow.poll(NOW, &mut []), Ok(Action::Done)));
    }
    assert_eq!(hand.link.server().reused, 0);
    let backend = Station::refresh(&BACKEND, Step::Send);
    let (request, _) = backend.hand.request(&*backend.flow).expect("goes on").expect("a request");
    assert_eq!(request.body, "grant_type=refresh_token&refresh_token=refresh-1");
    assert!(request.headers.iter().any(|(name, _)| name == "Authorization"));
}

// REQ: REFRESH-03, TOKEN-11, REFRESH-15
#[test]
fn no_new_token_means_the_old_one() {
    let hand = Hand::default();
    hand.link.server().rotation = false;
    let token = hand.link.server().session("kiosk", SCOPE);
    for _ in 0..3 {
        let tokens = refreshed(&hand, &mut new(&token, None)).expect("the server does not rotate");
        assert_eq!(tokens.refresh_token, None);
    }
    for none in [json!(null), json!("")] {
        let mut station = Station::refresh(&ROBOT, Step::Send);
        let body =
            json!({ "access_token": "a", "token_type": "bearer", "refresh_token": none, "scope": null });
        let answer = Happening::Response(Answer::json(200, &body));
        let tokens = station.hand.tell(&mut *station.flow, &answer).expect("right").expect("tokens");
        assert_eq!((tokens.refresh_token, tokens.scope), (None, None));
    }
}

// REQ: REFRESH-02, TOKEN-12, CFG-06
#[test]
fn narrowing() {
    let hand = Hand::default();
    let token = hand.link.server().session("kiosk", SCOPE);
    let mut flow = new(&token, None).narrow(&["openid", "openid"]).expect("it was granted");
    let (request, _) = hand.request(&flow).expect("goes on").expect("a request");
    assert_eq!(form::in_body(request.body.as_bytes(), "scope"), "openid");
    assert_eq!(refreshed(&hand, &mut flow).expect("less is fine").scope.as_deref(), Some("openid"));
    let more = new(&token, None).narrow(&["openid", "admin"]);
    assert_eq!(more.err(), Some(Error::Config(Name::Scope)));
}

// REQ: REFRESH-10, HTTP-17, ERR-10
#[test]
fn a_lost_answer_is_asked_for_once_more() {
    let mut station = Station::refresh(&KIOSK, Step::Send);
    let first = station.hand.request(&*station.flow).map(|request| format!("{request:?}"));
    assert_eq!(station.hand.tell(&mut *station.flow, &Happening::NotSent), Ok(None));
    assert_eq!(station.hand.tell(&mut *station.flow, &Happening::Timeout), Ok(None));
    let again = station.hand.request(&*station.flow).map(|request| format!("{request:?}"));
    assert_eq!(first, again);
    assert_eq!(station.hand.tell(&mut *station.flow, &Happening::NotSent), Ok(None));
    assert_eq!(station.hand.tell(&mut *station.flow, &Happening::Timeout), Err(Error::AnswerLost));
    assert_eq!(station.hand.shown(&*station.flow).next, Err(Error::AnswerLost));
}

// REQ: REFRESH-08, REFRESH-10, ERR-06
#[test]
fn invalid_grant_ends_the_session() {
    for step in [Step::Send, Step::SendAgain] {
        let mut station = Station::refresh(&KIOSK, step);
        let refusal = Happening::Response(refusal(400, "invalid_grant"));
        let outcome = station.hand.tell(&mut *station.flow, &refusal);
        assert_eq!(outcome, Err(Error::Refused(ErrorCode::InvalidGrant)));
        assert_eq!(station.hand.shown(&*station.flow).next, Err(Error::Refused(ErrorCode::InvalidGrant)));
    }
    assert_eq!(Error::Refused(ErrorCode::InvalidGrant).remedy(), Remedy::Restart);
}

// REQ: REFRESH-09, ERR-06, HTTP-11, HTTP-12
#[test]
fn a_server_in_trouble_keeps_the_token() {
    for answer in [
        Answer::new(503, "text/html", "<h1>Busy"),
        Answer::new(500, "application/json", "{}"),
        Answer::new(429, "text/plain", ""),
        Answer::new(302, "text/html", ""),
        Answer::new(200, "text/html", "<h1>Hotel"),
        refusal(503, "temporarily_unavailable"),
        refusal(500, "server_error"),
    ] {
        let mut station = Station::refresh(&KIOSK, Step::Send);
        let before = station.hand.shown(&*station.flow);
        let outcome = station.hand.tell(&mut *station.flow, &Happening::Response(answer.clone()));
        let error = outcome.expect_err("these are no tokens");
        assert!(matches!(error.remedy(), Remedy::RetryLater | Remedy::Restart), "{answer:?} {error:?}");
        assert_eq!(station.hand.shown(&*station.flow), before, "{answer:?}");
        refreshed(&station.hand, &mut *station.flow).expect("later it is well again");
    }
}

/// What the sign-in said.
const PREVIOUS: Previous<'static> = Previous {
    subject: SUBJECT,
    audiences: Audiences::CLIENT,
    auth_time: Some(UnixTime::from_seconds(TODAY - 1000)),
    nonce: Some("once"),
};

// REQ: REFRESH-06
#[test]
fn what_a_new_id_token_must_repeat() {
    let good: [Forgery; 4] = [
        |_| {},
        |draft| draft.claims["nonce"] = "once".into(),
        |draft| draft.claims["auth_time"] = (TODAY - 1000).into(),
        |draft| draft.claims["aud"] = json!(["kiosk"]),
    ];
    for forge in good {
        let hand = Hand::default();
        hand.link.server().forge = Some(forge);
        let token = hand.link.server().session("kiosk", SCOPE);
        refreshed(&hand, &mut new(&token, Some(PREVIOUS))).expect("it is the same session");
    }
    let faults: [(Forgery, Check); 7] = [
        (|draft| draft.claims["iss"] = "https://op.example/".into(), Check::IssMismatch),
        (|draft| draft.claims["sub"] = "bob".into(), Check::SubjectMismatch),
        (|draft| draft.claims["sub"] = "Alice".into(), Check::SubjectMismatch),
        (|draft| draft.claims["aud"] = "other".into(), Check::AudienceMismatch),
        (|draft| draft.claims["auth_time"] = TODAY.into(), Check::ClaimChanged(Name::AuthTime)),
        (|draft| draft.claims["nonce"] = "twice".into(), Check::NonceMismatch),
        (|draft| draft.claims["nonce"] = 1.into(), Check::ClaimType(Name::Nonce)),
    ];
    for (forge, check) in faults {
        let hand = Hand::default();
        hand.link.server().forge = Some(forge);
        let token = hand.link.server().session("kiosk", SCOPE);
        let outcome = refreshed(&hand, &mut new(&token, Some(PREVIOUS)));
        assert_eq!(outcome, Err(check.into()));
    }
}

// REQ: REFRESH-06
#[test]
fn the_set_of_audiences_must_stay() {
    static TRUSTING: keyfob_core::client::Client<'static> = KIOSK.trusted_audiences(&["api"]);
    let both: Forgery = |draft: &mut Draft| {
        draft.claims["aud"] = json!(["kiosk", "api"]);
        draft.claims["azp"] = "kiosk".into();
    };
    for (before, now, outcome) in [
        (1, None, Ok(())),
        (3, Some(both), Ok(())),
        (1, Some(both), Err(Check::ClaimChanged(Name::Aud))),
        (3, None, Err(Check::ClaimChanged(Name::Aud))),
    ] {
        let hand = Hand::default();
        hand.link.server().forge = now;
        let token = hand.link.server().session("kiosk", SCOPE);
        let previous = Previous { audiences: Audiences::from_bits(before), ..PREVIOUS };
        let mut flow = RefreshToken::<64>::new(&TRUSTING, &token, Some(previous)).expect("right");
        assert_eq!(refreshed(&hand, &mut flow).map(drop), outcome.map_err(Error::from));
    }
}

// REQ: REFRESH-06, TOKEN-14
#[test]
fn an_id_token_may_stay_away_but_not_be_bad() {
    let away: fn(&mut Value) = |answer| drop(answer.as_object_mut().expect("an object").remove("id_token"));
    let mut station = Station::refresh(&KIOSK, Step::Send);
    station.hand.link.server().shape = Some(away);
    assert_eq!(refreshed(&station.hand, &mut *station.flow).expect("right").id_token, None);
    for (what, forge, error) in keyfob_tests::forgeries::FORGERIES {
        if what.contains("nonce") || what.contains("c_hash") {
            continue;
        }
        let mut station = Station::refresh(&KIOSK, Step::Send);
        station.hand.link.server().forge = Some(*forge);
        assert_eq!(refreshed(&station.hand, &mut *station.flow), Err(*error), "{what}");
    }
}

// REQ: REFRESH-07, ERR-10
#[test]
fn a_session_whose_new_id_token_is_bad_is_over() {
    let mut station = Station::refresh(&KIOSK, Step::Send);
    station.hand.link.server().shape = Some(|answer| answer["id_token"] = "x".into());
    let outcome = refreshed(&station.hand, &mut *station.flow);
    assert!(outcome.is_err_and(|error| matches!(error, Error::Check(_))));
    let again = station.hand.request(&*station.flow);
    assert!(again.is_err(), "the refresh token would go out once more: {again:?}");
}

// REQ: MEM-05
#[test]
fn tokens_that_cannot_be() {
    for (token, error) in [
        ("", Error::Config(Name::RefreshToken)),
        ("a\r\nb", Error::Config(Name::RefreshToken)),
        ("é", Error::Config(Name::RefreshToken)),
        (&"x".repeat(65), Error::InputTooLarge(Name::RefreshToken)),
        (&"x".repeat(4097), Error::InputTooLarge(Name::RefreshToken)),
    ] {
        assert_eq!(RefreshToken::<64>::new(&KIOSK, token, None).err(), Some(error));
    }
    let longest = "x".repeat(64);
    assert!(RefreshToken::<64>::new(&KIOSK, &longest, None).is_ok_and(|flow| {
        let mut out = [0; ENOUGH];
        matches!(flow.poll(NOW, &mut out), Ok(Action::Send(request)) if request.url() == "https://op.example/token")
    }));
}
