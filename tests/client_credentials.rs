//! Access without a user: client credentials (RFC 6749 §4.4) and assertions (RFC 7523 §2.1).

use keyfob_core::{
    client::Client,
    client_authentication::ClientAuthentication,
    error::{Check, Error, ErrorCode, Name},
    flow::{Action, ClientCredentials, Flow},
    metadata::Metadata,
    secret::Secret,
};
use keyfob_tests::{
    answer::Answer,
    clients::{ASSERTION, BACKEND, DAEMON, KIOSK, ROBOT, SERVER},
    clock::NOW,
    seeds,
    server::refusal,
    stations::{ENOUGH, Hand, Happening, Kind, Station, Step},
};
use serde_json::json;

type Credentials<'c> = ClientCredentials<'c, 64>;

const SECRET: ClientAuthentication<'static> = ClientAuthentication::ClientSecretPost(Secret::new("s"));

fn body(flow: &dyn Flow) -> String {
    Hand::default().request(flow).expect("the flow goes on").expect("there is a request").0.body
}

// REQ: TOKEN-22, AUTHC-02
#[test]
fn a_client_asks_for_itself() {
    let mut station = Station::without_user(Kind::ClientCredentials, Step::Send);
    let (request, _) = station.hand.request(&*station.flow).expect("goes on").expect("a request");
    assert_eq!((request.method.as_str(), request.url.as_str()), ("POST", "https://op.example/token"));
    assert_eq!(
        request.body,
        "grant_type=client_credentials&scope=read+write&audience=https%3A%2F%2Fapi.example"
    );
    assert!(
        request.headers.iter().any(|(name, value)| name == "Authorization" && value.starts_with("Basic "))
    );
    let answer = Happening::Response(station.hand.answer(&*station.flow).0);
    let tokens = station.hand.tell(&mut *station.flow, &answer).expect("right").expect("tokens");
    assert_eq!((tokens.access_token.as_str(), tokens.expires_in), ("access-1", Some(3600)));
    assert_eq!((tokens.refresh_token, tokens.id_token), (None, None));
    assert!(matches!(station.flow.poll(NOW, &mut []), Ok(Action::Done)));
}

// REQ: TOKEN-22, AUTHC-04
#[test]
fn everything_that_narrows_a_token_is_sent() {
    let client = Client::oauth(SERVER, "robot")
        .authentication(SECRET)
        .resource(&["https://a.example", "urn:b"])
        .authorization_details(r#"[{"type":"x"}]"#);
    let flow = Credentials::new(&client, seeds::seed(1)).expect("right");
    assert_eq!(
        body(&flow),
        "grant_type=client_credentials&authorization_details=%5B%7B%22type%22%3A%22x%22%7D%5D\
         &resource=https%3A%2F%2Fa.example&resource=urn%3Ab&client_id=robot&client_secret=s"
    );
}

#[test]
fn an_assertion_is_sent_as_it_is() {
    let mut station = Station::without_user(Kind::JwtBearer, Step::Send);
    assert_eq!(
        body(&*station.flow),
        format!(
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={ASSERTION}\
             &scope=read+write&client_id=robot"
        )
    );
    let answer = Happening::Response(station.hand.answer(&*station.flow).0);
    let tokens = station.hand.tell(&mut *station.flow, &answer).expect("right").expect("tokens");
    assert_eq!(tokens.access_token, "access-1");
    for bad in ["", "a\n", "é"] {
        let made = Credentials::jwt_bearer(&ROBOT, bad, seeds::seed(1)).map(drop);
        assert_eq!(made, Err(Error::Config(Name::Assertion)), "{bad:?}");
    }
}

// REQ: TOKEN-22
#[test]
fn who_may_not_ask() {
    let made = |client: &Client<'_>| Credentials::new(client, seeds::seed(1)).map(drop);
    assert_eq!(made(&DAEMON), Ok(()));
    assert_eq!(made(&ROBOT), Err(Error::Config(Name::ClientSecret)), "a public client");
    assert_eq!(made(&KIOSK), Err(Error::Config(Name::ClientSecret)));
    assert_eq!(made(&BACKEND), Err(Error::Config(Name::Scope)), "nobody signs in");
    assert_eq!(
        Credentials::jwt_bearer(&KIOSK, ASSERTION, seeds::seed(1)).map(drop),
        Err(Error::Config(Name::Scope))
    );
    assert_eq!(made(&DAEMON.resource(&["x"])), Err(Error::Config(Name::Resource)));
    let details = |details| made(&DAEMON.authorization_details(details));
    assert_eq!(details("{}"), Err(Error::Config(Name::AuthorizationDetails)));
    assert_eq!(made(&DAEMON.scope(&["a b"])), Err(Error::Config(Name::Scope)));
    let nowhere = Client::oauth(Metadata::new("https://op.example"), "robot").authentication(SECRET);
    assert_eq!(made(&nowhere), Err(Error::Check(Check::MissingMember(Name::TokenEndpoint))));
}

// REQ: TOKEN-22, HTTP-17, ERR-10
#[test]
fn what_is_lost_is_asked_for_once_more() {
    for kind in [Kind::ClientCredentials, Kind::JwtBearer] {
        let mut station = Station::without_user(kind, Step::Send);
        let hand = &station.hand;
        let first = body(&*station.flow);
        assert_eq!(hand.tell(&mut *station.flow, &Happening::NotSent), Ok(None));
        assert_eq!(hand.tell(&mut *station.flow, &Happening::Timeout), Ok(None));
        assert_eq!(body(&*station.flow), first);
        let busy = Happening::Response(Answer::new(503, "text/html", ""));
        assert_eq!(hand.tell(&mut *station.flow, &busy), Err(Error::Check(Check::HttpStatus(503))));
        assert_eq!(body(&*station.flow), first);
        assert_eq!(hand.tell(&mut *station.flow, &Happening::Timeout), Err(Error::AnswerLost));
        assert_eq!(hand.shown(&*station.flow).next, Err(Error::AnswerLost));
    }
}

// REQ: TOKEN-22, ERR-06
#[test]
fn a_refusal_ends_it() {
    for (code, expected) in
        [("invalid_client", ErrorCode::InvalidClient), ("unauthorized_client", ErrorCode::UnauthorizedClient)]
    {
        let mut station = Station::without_user(Kind::ClientCredentials, Step::Send);
        let answer = Happening::Response(refusal(401, code));
        assert_eq!(station.hand.tell(&mut *station.flow, &answer), Err(Error::Refused(expected)));
        assert_eq!(station.flow.refusal().map(|refusal| refusal.code().to_owned()).as_deref(), Some(code));
        assert_eq!(station.hand.shown(&*station.flow).next, Err(Error::Refused(expected)));
        assert_eq!(station.flow.save(NOW, &mut [0; ENOUGH]), Err(Error::Misuse));
    }
}

// REQ: TOKEN-05, TOKEN-06, CFG-07
#[test]
fn tokens_pass_the_same_checks() {
    for (body, expected) in [
        (json!({ "token_type": "Bearer" }), Err(Error::Check(Check::MissingMember(Name::AccessToken)))),
        (json!({ "access_token": "a", "token_type": "mac" }), Err(Error::Check(Check::TokenType))),
        (json!({ "access_token": "a", "token_type": "bearer", "id_token": "x" }), Ok(None)),
    ] {
        let mut station = Station::without_user(Kind::ClientCredentials, Step::Send);
        let answer = Happening::Response(Answer::json(200, &body));
        let outcome = station.hand.tell(&mut *station.flow, &answer);
        assert_eq!(outcome.map(|tokens| tokens.and_then(|tokens| tokens.id_token)), expected, "{body}");
    }
}

// REQ: SM-14
#[test]
fn a_snapshot_says_whether_there_was_an_assertion() {
    let saved = |kind| {
        let station = Station::without_user(kind, Step::SendAgain);
        station.hand.shown(&*station.flow).saved.expect("the flow goes on")
    };
    let (own, assertion) = (saved(Kind::ClientCredentials), saved(Kind::JwtBearer));
    let restored = |client, snapshot: &[u8], assertion| {
        ClientCredentials::<64>::restore(client, snapshot, assertion).map(|flow| format!("{flow:?}"))
    };
    assert_eq!(restored(&DAEMON, &own, None), Ok("ClientCredentials(SendAgain)".into()));
    assert_eq!(restored(&DAEMON, &own, Some(ASSERTION)), Err(Error::Snapshot));
    assert_eq!(restored(&ROBOT, &assertion, Some("e30.e30.eA")), Ok("ClientCredentials(SendAgain)".into()));
    assert_eq!(restored(&ROBOT, &assertion, None), Err(Error::Snapshot));
    assert!(!own.windows(4).any(|octets| octets == b"s3cr"), "no secret is in it");
}
