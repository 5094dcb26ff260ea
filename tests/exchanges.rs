//! What is fetched from a server, whose it is, and what of it is believed.

use keyfob_core::{
    client::Client,
    error::{Check, Error, Name},
    exchange::{Discovery, Exchange, Jwks, UserInfo},
    flow::{AuthorizationCode, Event, Flow, RefreshToken},
    id_token::Previous,
    jws::Es256,
    metadata::Metadata,
};
use keyfob_tests::{
    answer::{Answer, text},
    clients::{ISSUER, KIOSK, ROBOT, SERVER},
    clock::NOW,
    conversation::{Conversation, SIGN_IN},
    forgeries::FORGERIES,
    id_token::Forgery,
    keys::{FIRST, jwk_set},
    outcome::Tokens,
    seeds::seed,
    server::{SUBJECT, metadata},
    stations::{ENOUGH, Hand, Happening, Station, Step},
};
use serde_json::{Value, json};

/// A second server, which has nothing to do with the first.
const ELSEWHERE: Metadata<'static> = Metadata::new("https://elsewhere.example")
    .authorization_endpoint("https://elsewhere.example/authorize")
    .token_endpoint("https://elsewhere.example/token")
    .jwks_uri("https://elsewhere.example/jwks");

/// What UserInfo says of `subject`.
fn claims_of(subject: &str, answer: &Answer) -> Result<String, Error> {
    let userinfo = UserInfo::new(&KIOSK, "access-1", subject);
    let keep = userinfo.request(NOW, &mut [0; ENOUGH])?.keep();
    let mut buffer = [0; ENOUGH];
    let claims = userinfo.response(answer.read(keep, &mut buffer).0)?;
    claims.json(&mut [0; ENOUGH]).map(Into::into)
}

// REQ: UINFO-02
#[test]
fn there_is_nothing_to_ask_with_before_the_id_token_has_passed() {
    for (what, forge, error) in FORGERIES {
        let mut station = Station::code(&KIOSK, Step::Exchange);
        station.hand.link.server().forge = Some(*forge);
        let answer = station.hand.answer(&*station.flow).0;
        // Neither the flow nor its errors give out the access token, without which no request can be made.
        let outcome = station.hand.tell(&mut *station.flow, &Happening::Response(answer));
        assert_eq!(outcome, Err(*error), "{what}");
        assert_ne!(station.hand.shown(&*station.flow).next, Ok("Done".into()), "{what}");
    }
    for run in [Conversation::run_embassy, Conversation::run_std] {
        let report = run(&Conversation { ..SIGN_IN });
        let server = report.link.server();
        assert_eq!((server.count("/token"), server.count("/userinfo")), (1, 0), "no flow asks by itself");
    }
}

// REQ: UINFO-04
#[test]
fn userinfo_is_json() {
    let good = json!({ "sub": SUBJECT, "name": "Alice" }).to_string();
    for media_type in ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON"] {
        assert_eq!(claims_of(SUBJECT, &Answer::new(200, media_type, good.as_str())).as_deref(), Ok(&*good));
    }
    for media_type in
        ["text/html", "text/plain", "application/jwt", "application/jwk-set+json", "application/jsonx", ""]
    {
        let outcome = claims_of(SUBJECT, &Answer::new(200, media_type, good.as_str()));
        assert_eq!(outcome, Err(Check::ContentType.into()), "{media_type}");
    }
    for (body, check) in [
        ("", Check::JsonEof),
        ("{\"sub\":\"alice\"", Check::JsonEof),
        ("{\"sub\":\"alice\",}", Check::JsonSyntax),
        ("{\"sub\":\"alice\"}{}", Check::JsonTrailing),
        ("[\"alice\"]", Check::JsonNotObject),
        ("{\"sub\":\"alice\",\"x\":\"\u{1}\"}", Check::JsonSyntax),
        ("{\"sub\":\"alice\",\"sub\":\"alice\"}", Check::DuplicateMember(Name::Sub)),
        ("{\"sub\":1}", Check::WrongType(Name::Sub)),
        ("{}", Check::MissingMember(Name::Sub)),
        ("{\"x\":{\"sub\":\"alice\"}}", Check::MissingMember(Name::Sub)),
        ("{\"sub\":\"bob\"}", Check::SubjectMismatch),
    ] {
        let outcome = claims_of(SUBJECT, &Answer::new(200, "application/json", body));
        assert_eq!(outcome, Err(check.into()), "{body}");
    }
    let outcome = claims_of(SUBJECT, &Answer::new(200, "application/json", b"{\"sub\":\"\xFF\"}"));
    assert_eq!(outcome, Err(Check::JsonUtf8.into()));
}

/// The row JWKS-18 wants 16 KiB as the limit unless set; DESIGN.md says why it is more.
#[test]
fn key_sets_have_two_media_types() {
    let jwks = Jwks::new(&KIOSK);
    let keep = jwks.request(NOW, &mut []).expect("no buffer is needed").keep();
    let of = |answer: &Answer| answer.read(keep, &mut [0; ENOUGH]).0.keys().map(|keys| keys.len());
    let set = text(&jwk_set(&[FIRST]));
    for media_type in ["application/json", "application/jwk-set+json", "Application/JWK-Set+JSON;x=y"] {
        assert_eq!(of(&Answer::new(200, media_type, set.as_str())), Ok(1), "{media_type}");
    }
    for media_type in ["text/html", "application/jose+json", "application/octet-stream", ""] {
        let outcome = of(&Answer::new(200, media_type, set.as_str()));
        assert_eq!(outcome, Err(Check::ContentType.into()), "{media_type}");
    }
    for (body, check) in [
        ("{\"keys\":[", Check::JsonEof),
        ("{\"keys\":[]}x", Check::JsonTrailing),
        ("{\"keys\":[],\"keys\":[]}", Check::DuplicateMember(Name::Keys)),
        ("[]", Check::JsonNotObject),
    ] {
        assert_eq!(of(&Answer::new(200, "application/json", body)), Err(check.into()), "{body}");
    }
}

// REQ: JWKS-01
#[test]
fn a_token_does_not_say_where_its_keys_are() {
    let places: [Forgery; 3] = [
        |draft| draft.header["jku"] = "https://evil.example/jwks".into(),
        |draft| draft.header["x5u"] = "https://evil.example/x5u".into(),
        |draft| draft.claims["jwks_uri"] = "https://evil.example/jwks".into(),
    ];
    for forge in places {
        let mut station = Station::code(&KIOSK, Step::Exchange);
        station.hand.link.server().forge = Some(forge);
        let (answer, keep) = station.hand.answer(&*station.flow);
        let mut buffer = [0; ENOUGH];
        let (response, _) = answer.read(keep, &mut buffer);
        let outcome = station.flow.handle(NOW, Event::Response(response)).map(drop);
        assert_eq!(outcome, Err(Error::KeysNeeded));
        let request = station.flow.keys(&response).expect("its key is missing");
        assert_eq!(request.url(), "https://op.example/jwks");
    }
    assert_eq!(Jwks::new(&KIOSK).request(NOW, &mut []).map(|request| request.url().to_owned()), {
        Ok("https://op.example/jwks".into())
    });
    // Nor is there another place when the server names none.
    let nowhere = Client::new(Metadata::new(ISSUER).token_endpoint("https://op.example/token"), "kiosk");
    let outcome = Jwks::new(&nowhere).request(NOW, &mut []).map(|request| request.url().to_owned());
    assert_eq!(outcome, Err(Check::MissingMember(Name::JwksUri).into()));
}

/// The row JWKS-19 names verification with another server's keys as well (id_token.rs).
#[test]
fn keys_are_asked_of_ones_own_server() {
    let other = Client::new(ELSEWHERE, "kiosk").algorithms(&[&Es256]);
    let outcome = Jwks::new(&other).request(NOW, &mut []).map(|request| request.url().to_owned());
    assert_eq!(outcome.as_deref(), Ok("https://elsewhere.example/jwks"));
}

/// The row DISC-06 names the device flow's endpoint as well.
#[test]
fn what_metadata_must_have() {
    let of = |without: &str| {
        let mut document = metadata();
        document.as_object_mut().expect("an object").remove(without).expect("it was there");
        let discovery = Discovery::new(ISSUER)?;
        let keep = discovery.request(NOW, &mut [0; ENOUGH])?.keep();
        let mut buffer = [0; ENOUGH];
        let server = discovery.response(Answer::json(200, &document).read(keep, &mut buffer).0)?;
        let client = |client: Client<'_>| AuthorizationCode::<8>::new(&client, seed(1), NOW).map(drop);
        let signs_in =
            client(Client::new(server, "a").redirect_uri("https://a.example/cb").algorithms(&[&Es256]));
        let oauth = client(Client::oauth(server, "a").redirect_uri("https://a.example/cb"));
        Ok::<_, Error>((signs_in, oauth))
    };
    let missing = |name| Error::from(Check::MissingMember(name));
    for (member, name) in [
        ("issuer", Name::Issuer),
        ("token_endpoint", Name::TokenEndpoint),
        ("response_types_supported", Name::ResponseTypesSupported),
    ] {
        assert_eq!(of(member), Err(missing(name)));
    }
    let both = missing(Name::AuthorizationEndpoint);
    assert_eq!(of("authorization_endpoint"), Ok((Err(both), Err(both))));
    assert_eq!(of("jwks_uri"), Ok((Err(missing(Name::JwksUri)), Ok(()))));
    assert_eq!(of("userinfo_endpoint"), Ok((Ok(()), Ok(()))));
}

// REQ: DISC-17
#[test]
fn metadata_is_taken_whole_or_not_at_all() {
    let discovery = Discovery::new(ISSUER).expect("right");
    let keep = discovery.request(NOW, &mut [0; ENOUGH]).expect("it fits").keep();
    let fetch = |answer: &Answer, buffer: &mut [u8]| {
        discovery.response(answer.read(keep, buffer).0).map(|metadata| format!("{metadata:?}"))
    };
    let good = Answer::json(200, &metadata());
    let mut buffer = [0; ENOUGH];
    let (response, _) = good.read(keep, &mut buffer);
    let stored = discovery.response(response).expect("right");
    let before = format!("{stored:?}");
    for length in 0..good.body.len() {
        assert!(fetch(&good.clone().short(length), &mut [0; ENOUGH]).is_err(), "{length}");
    }
    for (member, value) in [
        ("token_endpoint", json!("http://op.example/token")),
        ("jwks_uri", json!(1)),
        ("issuer", json!("https://OP.example")),
        ("end_session_endpoint", json!("javascript:x")),
    ] {
        let mut document = metadata();
        document[member] = value;
        assert!(fetch(&Answer::json(200, &document), &mut [0; ENOUGH]).is_err(), "{member}");
    }
    assert!(fetch(&Answer::new(503, "text/html", ""), &mut [0; ENOUGH]).is_err());
    assert_eq!(format!("{stored:?}"), before);
    assert_eq!(fetch(&good, &mut [0; ENOUGH]).as_deref(), Ok(&*before));
}

// REQ: DISC-18
#[test]
fn a_flow_keeps_the_server_it_started_with() {
    static ANOTHER_PORT: Client<'static> = KIOSK.redirect_uri("http://127.0.0.1:49152/callback");
    static MOVED: Client<'static> = Client::new(SERVER.token_endpoint("https://evil.example/token"), "kiosk")
        .redirect_uri("https://app.example/cb")
        .scope(&["openid", "email", "offline_access"])
        .algorithms(&[&Es256]);
    let mut stored = SERVER;
    let client = Client::new(stored, "kiosk").redirect_uri("https://app.example/cb").algorithms(&[&Es256]);
    let mut flow = AuthorizationCode::<64>::new(&client, seed(1), NOW).expect("right");
    let hand = Hand::default();
    let redirect = hand.visit(&flow);
    // The metadata is fetched anew, and is another one.
    stored = ELSEWHERE;
    assert_eq!(stored.issuer(), "https://elsewhere.example");
    hand.redirect(&mut flow, &redirect).expect("right");
    let (request, _) = hand.request(&flow).expect("goes on").expect("a request");
    assert_eq!(request.url, "https://op.example/token");
    // A flow from before the change is not continued at the new endpoint either.
    for step in [Step::Authorize, Step::Exchange] {
        let station = Station::code(&KIOSK, step);
        let saved = station.hand.shown(&*station.flow).saved.expect("the flow goes on");
        assert!(AuthorizationCode::<64>::restore(&KIOSK, &saved, NOW).is_ok());
        let outcome = AuthorizationCode::<64>::restore(&MOVED, &saved, NOW).map(drop);
        assert_eq!(outcome, Err(Error::Snapshot));
        // A code belongs to its redirect URI as well (RFC 6749 §4.1.3).
        let outcome = AuthorizationCode::<64>::restore(&ANOTHER_PORT, &saved, NOW).map(drop);
        assert_eq!(outcome, Err(Error::Snapshot));
    }
    // A refresh token does not.
    let flow = RefreshToken::<64>::new(&KIOSK, "refresh-1", None).expect("right");
    let saved = Hand::default().shown(&flow).saved.expect("the flow goes on");
    assert!(RefreshToken::<64>::restore(&ANOTHER_PORT, &saved, None).is_ok());
}

// REQ: REFRESH-14
#[test]
fn a_refresh_token_goes_to_its_own_server() {
    let theirs = Client::new(ELSEWHERE, "kiosk").algorithms(&[&Es256]);
    let first = RefreshToken::<64>::new(&KIOSK, "refresh-1", None).expect("right");
    let second = RefreshToken::<64>::new(&theirs, "refresh-2", None).expect("right");
    let hand = Hand::default();
    for (flow, url, token) in [
        (&first as &dyn Flow, "https://op.example/token", "refresh-1"),
        (&second, "https://elsewhere.example/token", "refresh-2"),
    ] {
        let (request, _) = hand.request(flow).expect("goes on").expect("a request");
        assert_eq!(request.url, url);
        assert!(
            request.body.contains(token) && request.headers.iter().all(|(_, value)| !value.contains(token))
        );
        let saved = hand.shown(flow).saved.expect("the flow goes on");
        // What was stored for one server or client is nothing to another.
        for client in [&KIOSK, &theirs, &ROBOT, &keyfob_tests::clients::OTHER] {
            let restored = RefreshToken::<64>::restore(client, &saved, None);
            let own = client.metadata().issuer() == url.trim_end_matches("/token")
                && format!("{client:?}").starts_with("Client(kiosk at");
            assert_eq!(restored.is_ok(), own, "{client:?} {url}");
        }
    }
    // A redirect of the endpoint is not followed.
    let mut station = Station::refresh(&KIOSK, Step::Send);
    let mut answer = Answer::new(307, "text/html", "");
    answer.headers.push(("Location".into(), "https://evil.example/token".into()));
    let outcome = station.hand.tell(&mut *station.flow, &Happening::Response(answer));
    assert_eq!(outcome, Err(Check::HttpRedirect.into()));
    let (request, _) = station.hand.request(&*station.flow).expect("goes on").expect("a request");
    assert_eq!(request.url, "https://op.example/token");
}

// REQ: TOKEN-19
#[test]
fn an_access_token_may_look_like_anything() {
    use keyfob_tests::keys::base64url;
    let claims = |claims: Value| {
        format!(
            "{}.{}.{}",
            base64url("{\"alg\":\"none\"}"),
            base64url(claims.to_string()),
            base64url([0; 64])
        )
    };
    let mut tokens: Vec<String> = vec![
        claims(json!({ "sub": "mallory", "iss": "https://evil.example", "exp": 0, "aud": "another" })),
        "..".into(),
        "{\"sub\":\"mallory\"}".into(),
        "not.a.jwt.at.all".into(),
        " ".into(),
        (' '..='~').collect(),
    ];
    let mut octet = 0x21u8;
    for length in 1..200usize {
        let random = |place: usize| {
            octet = octet.wrapping_mul(29).wrapping_add(place as u8 ^ 0x35);
            char::from(0x20 + octet % 95)
        };
        tokens.push((0..length).map(random).collect());
    }
    for token in tokens {
        let mut station = Station::code(&ROBOT, Step::Exchange);
        let body = json!({ "access_token": token, "token_type": "Bearer" });
        let outcome = station.hand.tell(&mut *station.flow, &Happening::Response(Answer::json(200, &body)));
        let found = outcome.expect("it is opaque").expect("tokens");
        assert_eq!((found.access_token, found.subject), (token, None));
    }
    // Beside an ID token the user is who that one says.
    let mut station = Station::code(&KIOSK, Step::Exchange);
    station.hand.link.server().forge =
        Some(|draft| drop(draft.claims.as_object_mut().expect("claims").remove("at_hash")));
    station.hand.link.server().shape = Some(|answer| {
        answer["access_token"] = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJtYWxsb3J5In0.".into();
    });
    let answer = Happening::Response(station.hand.answer(&*station.flow).0);
    let found = station.hand.tell(&mut *station.flow, &answer).expect("right").expect("tokens");
    assert_eq!(found.subject.as_deref(), Some(SUBJECT));
}

// REQ: HTTP-07
#[test]
fn no_header_can_be_smuggled_in() {
    for bad in ["a\r\nX: y", "a\nX: y", "a\rX: y", "a\0", "\r", "\n", "a\u{7F}", "a\u{85}b", "a\tb"] {
        for name in ["access_token", "refresh_token"] {
            let mut body = json!({ "access_token": "a", "token_type": "Bearer" });
            body[name] = bad.into();
            let mut station = Station::code(&ROBOT, Step::Exchange);
            let outcome =
                station.hand.tell(&mut *station.flow, &Happening::Response(Answer::json(200, &body)));
            let member = if name == "access_token" { Name::AccessToken } else { Name::RefreshToken };
            assert_eq!(outcome, Err(Check::BadMember(member).into()), "{bad:?}");
        }
        // A caller's own text comes no further.
        let userinfo = UserInfo::new(&KIOSK, bad, SUBJECT);
        let outcome = userinfo.request(NOW, &mut [0; ENOUGH]).map(|request| request.headers().count());
        assert_eq!(outcome, Err(Check::BadMember(Name::AccessToken).into()), "{bad:?}");
        let secret = keyfob_core::secret::Secret::new(bad);
        use keyfob_core::client_authentication::ClientAuthentication::{
            ClientSecretBasic, ClientSecretBasicRaw, ClientSecretPost,
        };
        for way in [ClientSecretBasic(secret), ClientSecretBasicRaw(secret), ClientSecretPost(secret)] {
            let client = KIOSK.authentication(way);
            let outcome = AuthorizationCode::<8>::new(&client, seed(1), NOW).map(drop);
            assert_eq!(outcome, Err(Error::Config(Name::ClientSecret)), "{bad:?}");
        }
    }
    // What is sent in headers is visible, whatever it was made of.
    for station in keyfob_tests::stations::stations() {
        let Ok(Some((request, _))) = station.hand.request(&*station.flow) else { continue };
        for (name, value) in request.headers {
            assert!(name.bytes().chain(value.bytes()).all(|octet| matches!(octet, 0x20..=0x7E)), "{name}");
        }
    }
}

/// A refresh of alice's session; the new ID token says this.
fn later(forge: Forgery) -> Result<Option<Tokens>, Error> {
    let hand = Hand::default();
    hand.link.server().forge = Some(forge);
    let token = hand.link.server().session("kiosk", "openid email");
    let previous = Previous {
        subject: SUBJECT,
        audiences: keyfob_core::id_token::Audiences::CLIENT,
        auth_time: None,
        nonce: None,
    };
    let mut flow = RefreshToken::<64>::new(&KIOSK, &token, Some(previous)).expect("right");
    let answer = Happening::Response(hand.answer(&flow).0);
    hand.tell(&mut flow, &answer)
}

// REQ: IDT-22
#[test]
fn a_user_is_issuer_and_sub_and_nothing_else() {
    // Who changes name and address is the same user.
    let same: Forgery = |draft| {
        for name in ["email", "name", "preferred_username", "nickname", "phone_number"] {
            draft.claims[name] = "mallory".into();
        }
    };
    assert_eq!(later(same).expect("the same").expect("tokens").subject.as_deref(), Some(SUBJECT));
    // Who has them and another `sub`, or another issuer, is not.
    let other: Forgery = |draft| {
        for name in ["email", "name", "preferred_username"] {
            draft.claims[name] = SUBJECT.into();
        }
        draft.claims["sub"] = "mallory".into();
    };
    assert_eq!(later(other), Err(Check::SubjectMismatch.into()));
    let elsewhere: Forgery = |draft| draft.claims["iss"] = "https://elsewhere.example".into();
    assert_eq!(later(elsewhere), Err(Check::IssMismatch.into()));
    let body = json!({ "sub": "mallory", "email": SUBJECT, "preferred_username": SUBJECT, "name": SUBJECT });
    assert_eq!(claims_of(SUBJECT, &Answer::json(200, &body)), Err(Check::SubjectMismatch.into()));
    let body = json!({ "sub": SUBJECT, "email": "mallory" });
    assert!(claims_of(SUBJECT, &Answer::json(200, &body)).is_ok());
    // The documentation says so where the name of a user is read.
    let source = include_str!("../core/src/id_token.rs");
    assert!(source.contains("with the issuer the only name of a user that never changes"));
}

/// The catalogue's marker for what does not fit is `BufferTooSmall` with the length that would do.
// REQ: IDT-26, UINFO-06
#[test]
fn claims_are_never_cut() {
    let odd = [
        "x".repeat(1000),
        "\u{1F511}".repeat(300),
        "<script>alert(1)</script>\r\nSet-Cookie: a=b\0".into(),
        "{\"sub\":\"mallory\",\"admin\":true}".into(),
        "\u{202E}\u{FEFF}\u{FFFF}".into(),
        String::new(),
    ];
    for value in odd {
        let body = json!({ "sub": SUBJECT, "name": value, "admin": true, "groups": ["root"] });
        let userinfo = UserInfo::new(&KIOSK, "access-1", SUBJECT);
        let keep = userinfo.request(NOW, &mut [0; ENOUGH]).expect("it fits").keep();
        let mut buffer = [0; ENOUGH];
        let answer = Answer::json(200, &body);
        let claims = userinfo.response(answer.read(keep, &mut buffer).0).expect("alice");
        for room in [0, 1, 64, value.len().saturating_sub(1), value.len(), value.len() + 1] {
            let mut out = vec![0xAA; room];
            let outcome = claims.text("name", &mut out).map(|text| text.map(str::to_owned));
            if room < value.len() {
                assert_eq!(outcome, Err(Error::BufferTooSmall { needed: value.len() }));
                assert!(out.iter().all(|octet| *octet == 0), "nothing of it is there");
            } else {
                assert_eq!(outcome, Ok(Some(value.clone())));
            }
        }
        assert_eq!(claims.text("email", &mut []), Ok(None));
        assert_eq!((claims.boolean("admin"), claims.number("admin")), (Some(true), None));
    }
    // The same of an ID token, and of its required claim.
    let mut station = Station::code(&KIOSK, Step::Exchange);
    station.hand.link.server().forge = Some(|draft| draft.claims["name"] = "x".repeat(1000).into());
    let (answer, keep) = station.hand.answer(&*station.flow);
    let mut buffer = [0; ENOUGH];
    let (response, rest) = answer.read(keep, &mut buffer);
    assert!(
        station.flow.handle(NOW, Event::Response(response)).is_err_and(|error| error == Error::KeysNeeded)
    );
    let keep = station.flow.keys(&response).expect("its key is missing").keep();
    let keys = Answer::json(200, &jwk_set(&[FIRST])).read(keep, rest).0.keys().expect("a set");
    let tokens = station.flow.handle(NOW, Event::Response(response.with_keys(keys)));
    let id_token = tokens.expect("right").expect("tokens").id_token().expect("there is one");
    let outcome = id_token.claims().text("name", &mut [0; 64]).map(drop);
    assert_eq!(outcome, Err(Error::BufferTooSmall { needed: 1000 }));
    assert_eq!(id_token.subject(&mut [0; 4]), Err(Error::BufferTooSmall { needed: SUBJECT.len() }));
    assert_eq!(id_token.subject(&mut [0; 5]), Ok(SUBJECT));
}
