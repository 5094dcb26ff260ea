//! The ends of what is allowed: lengths, and time.

mod tables;

use std::{collections::BTreeSet, fs, path::Path};

use keyfob_core::client::Client;
use keyfob_core::error::{Check, Error, Name};
use keyfob_core::exchange::{Exchange, Jwks};
use keyfob_core::flow::{AuthorizationCode, Event, Flow, Redirect, RefreshToken};
use keyfob_core::http::{Incoming, MAX_BODY};
use keyfob_core::metadata::Metadata;
use keyfob_core::time::{Date, Now, UnixTime};
use keyfob_core::token::MAX_TOKEN;
use keyfob_tests::clients::{HASTY, KIOSK};
use keyfob_tests::clock::TODAY;
use keyfob_tests::seeds;
use keyfob_tests::stations::{ENOUGH, Happening, Kind, Station, Step, stations};
use serde_json::{Value, json};

use crate::tables::{
    Answer, CLIENT, Cut, NOW, OAUTH_CLIENT, at_authorize, at_exchange, authorization_url, jose, parameter,
    tokens,
};

/// What comes of a token response of a client that signs nobody in.
fn answered(body: &Value) -> Value {
    let body = body.to_string();
    tokens(&mut at_exchange(&OAUTH_CLIENT, "abc"), NOW, &Answer::json(body.as_bytes()), b"", Cut::Whole)
}

fn too_large(name: &str) -> Value {
    json!({ "err": "InputTooLarge", "arg": name })
}

/// A code of so many octets comes back.
fn code_of(length: usize) -> Result<(), Error> {
    let mut flow = at_authorize(&CLIENT);
    let state = parameter(&authorization_url(&flow), "state").expect("a state");
    let url = format!("https://kiosk.example/cb?code={}&state={state}", "x".repeat(length));
    flow.handle(NOW, Event::Redirect(Redirect::Url(&url))).map(drop)
}

// REQ: MEM-05
#[test]
fn each_limit_is_met_and_not_passed() {
    assert_eq!(code_of(2047), Ok(()));
    assert_eq!(code_of(2048), Ok(()));
    assert_eq!(code_of(2049), Err(Error::InputTooLarge(Name::Code)));

    assert_eq!(MAX_TOKEN, 4096);
    for name in ["access_token", "refresh_token"] {
        let with = |length: usize| {
            let mut body = json!({ "access_token": "AT", "token_type": "Bearer" });
            body[name] = "x".repeat(length).into();
            answered(&body)
        };
        for length in [MAX_TOKEN - 1, MAX_TOKEN] {
            assert_eq!(with(length)["ok"][name].as_str().map(str::len), Some(length), "{name}");
        }
        assert_eq!(with(MAX_TOKEN + 1), too_large(name));
    }
    let refresh = |length: usize| RefreshToken::<5000>::new(&CLIENT, &"x".repeat(length), None).map(drop);
    assert_eq!(refresh(MAX_TOKEN), Ok(()));
    assert_eq!(refresh(MAX_TOKEN + 1), Err(Error::InputTooLarge(Name::RefreshToken)));

    let id = |length: usize| {
        let id = "x".repeat(length);
        let client = Client::new(tables::SERVER, &id).redirect_uri(tables::REDIRECT_URI);
        AuthorizationCode::<8>::new(&client, tables::seed(), NOW).map(drop)
    };
    assert_eq!((id(256), id(257)), (Ok(()), Err(Error::Config(Name::ClientId))));

    let issuer = |length: usize| {
        let issuer = format!("https://{}", "x".repeat(length - 8));
        let server = Metadata::new(&issuer)
            .authorization_endpoint("https://op.example/authorize")
            .jwks_uri("https://op.example/jwks")
            .token_endpoint("https://op.example/token")
            .code_challenge_s256_supported();
        let client = Client::new(server, "client").redirect_uri(tables::REDIRECT_URI);
        AuthorizationCode::<8>::new(&client, tables::seed(), NOW).map(drop)
    };
    assert_eq!((issuer(256), issuer(257)), (Ok(()), Err(Error::Config(Name::Issuer))));
    let acr = |length: usize| {
        let values = ["x".repeat(length)];
        let values = [values[0].as_str()];
        let client = CLIENT.acr_values(&values);
        AuthorizationCode::<8>::new(&client, tables::seed(), NOW).map(drop)
    };
    assert_eq!((acr(256), acr(257)), (Ok(()), Err(Error::Config(Name::AcrValues))));

    // A key's name: RFC 7517 has no bound.
    let named = |length: usize| {
        let mut key = jose::jwk("ec1");
        let kid = "x".repeat(length);
        key["kid"] = kid.clone().into();
        let header = json!({ "alg": "ES256", "kid": kid }).to_string();
        let token = jose::token("ec1", header, "{}");
        let body = json!({ "access_token": "AT", "token_type": "Bearer", "id_token": token }).to_string();
        let client = CLIENT.algorithms(&[&keyfob_core::jws::Es256]);
        let keys = json!({ "keys": [key] }).to_string();
        let answer = Answer::json(body.as_bytes());
        tokens(&mut at_exchange(&client, "abc"), NOW, &answer, keys.as_bytes(), Cut::Whole)
    };
    let signature_is_good = json!({ "err": "ClaimMissing", "arg": "iss" });
    assert_eq!(named(127), signature_is_good);
    assert_eq!(named(128), signature_is_good);
    assert_ne!(named(129), signature_is_good);
}

/// The table in the crate's README is what the sources say, and has all of it.
// REQ: MEM-06
#[test]
fn each_limit_is_written_down() {
    let core = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the top folder").join("core");
    let readme = fs::read_to_string(core.join("README.md")).expect("a README");
    let section = readme.split("\n## ").find(|part| part.starts_with("Limits\n")).expect("a section");
    let mut written = BTreeSet::new();
    for row in section.lines().filter(|row| row.ends_with("` |")) {
        let [_, _, limit, place, _] = row.split('|').collect::<Vec<_>>()[..] else { panic!("{row}") };
        let [_, file, _, name, _] = place.split('`').collect::<Vec<_>>()[..] else { panic!("{row}") };
        let limit: u64 = limit.split_whitespace().next().and_then(|limit| limit.parse().ok()).expect(row);
        assert!(written.insert((file.to_owned(), name.to_owned(), limit)), "{row} is there twice");
    }
    let mut said = BTreeSet::new();
    let mut rest = vec![core.join("src")];
    while let Some(path) = rest.pop() {
        if path.is_dir() {
            rest.extend(fs::read_dir(path).expect("a folder").map(|entry| entry.expect("an entry").path()));
            continue;
        }
        let file = path.strip_prefix(core.join("src")).expect("below it").to_string_lossy().into_owned();
        for line in fs::read_to_string(&path).expect("a source").lines() {
            let Some((_, constant)) = line.split_once("const MAX_") else { continue };
            let Some((name, value)) = constant.split_once(" = ") else { continue };
            let (name, kind) = name.split_once(": ").expect(line);
            // Times are told where they are set. What is said by the name of another limit is that limit.
            let is_length = kind == "usize" || kind == "u8";
            let factors = value.trim_end_matches(';').replace('_', "");
            let factors: Result<Vec<u64>, _> = factors.split(" * ").map(str::parse).collect();
            if let (true, Ok(factors)) = (is_length, factors) {
                said.insert((file.clone(), format!("MAX_{name}"), factors.iter().product()));
            }
        }
    }
    assert_eq!(written, said);
}

// REQ: HTTP-13
#[test]
fn a_body_has_a_limit() {
    assert_eq!(MAX_BODY, 512 * 1024);
    let jwks = Jwks::new(&CLIENT);
    let keep = jwks.request(NOW, &mut []).expect("no buffer is needed").keep();
    let of = |length: usize, limit: Option<usize>| {
        let mut buffer = [0; 64];
        let mut incoming = Incoming::new(keep, &mut buffer);
        if let Some(limit) = limit {
            incoming = incoming.limit(limit);
        }
        incoming.status(200);
        incoming.header("Content-Type", b"application/json");
        let body = format!("{{\"keys\":[]{}}}", " ".repeat(length - 11));
        assert_eq!(body.len(), length);
        incoming.body(body.as_bytes());
        incoming.finish().0.keys().map(|keys| keys.len())
    };
    let too_large = Err(Error::InputTooLarge(Name::Body));
    assert_eq!(of(MAX_BODY - 1, None), Ok(0));
    assert_eq!(of(MAX_BODY, None), Ok(0));
    assert_eq!(of(MAX_BODY + 1, None), too_large);
    assert_eq!(of(16 * 1024, Some(16 * 1024)), Ok(0));
    assert_eq!(of(16 * 1024 + 1, Some(16 * 1024)), too_large);
    assert_eq!(of(MAX_BODY + 1, Some(usize::MAX)), Ok(0));
    assert_eq!(of(11, Some(0)), too_large);
}

/// Counts that a device may show.
const UPTIMES: [u64; 8] = [0, 1, u32::MAX as u64, 1 << 32, i64::MAX as u64, 1 << 63, u64::MAX - 1, u64::MAX];

/// Dates that a device may show.
fn dates() -> impl Iterator<Item = Date> {
    let seconds = [0, 1, TODAY, UnixTime::MAX.seconds(), i64::MAX as u64, u64::MAX - 60, u64::MAX];
    let dates = seconds.map(UnixTime::from_seconds);
    dates.into_iter().flat_map(|date| [Date::AtLeast(date), Date::Known(date)]).chain([Date::Unknown])
}

// REQ: CLOCK-04
#[test]
fn no_moment_is_too_much() {
    let moments: Vec<_> =
        UPTIMES.iter().flat_map(|&uptime| dates().map(move |date| Now { date, uptime })).collect();
    for &now in &moments {
        let code = |client| AuthorizationCode::<64>::new(client, seeds::seed(1), now).expect("right");
        // A deadline beyond all counts is the last of them.
        let deadline = now.uptime.saturating_add(600_000);
        let flow = code(&KIOSK);
        for &then in &moments {
            let outcome = flow.poll(then, &mut [0; ENOUGH]).map(drop);
            let expected = if then.uptime > deadline { Err(Error::Expired) } else { Ok(()) };
            assert_eq!(outcome, expected, "from {now:?} to {then:?}");
        }
        static ENDLESS: Client<'static> = KIOSK.lifetime(u32::MAX);
        let flow = code(&ENDLESS);
        let mut snapshot = [0; 256];
        let length = flow.save(now, &mut snapshot).expect("the flow goes on");
        for &then in &moments {
            let restored = AuthorizationCode::<64>::restore(&ENDLESS, &snapshot[..length], then);
            // At the end of all counts no time is left.
            let outcome = restored.and_then(|flow| flow.poll(then, &mut [0; ENOUGH]).map(drop));
            assert_eq!(outcome.err(), (now.uptime == u64::MAX).then_some(Error::Expired), "{then:?}");
        }
    }
    // Whatever is told at whatever moment has an outcome; overflow would end this test.
    for station in stations().into_iter().filter(|station| !station.step.is_end()) {
        // These bring no token, so no date is needed.
        let undated = matches!(
            station.step,
            Step::Authorize
                | Step::Connected
                | Step::Display
                | Step::Fetch
                | Step::Push
                | Step::Start
                | Step::StartAgain
        ) || (station.kind, station.step) == (Kind::Relayed, Step::Poll);
        let asks = !matches!(station.step, Step::Authorize | Step::Connected | Step::Display);
        let answer = asks.then(|| station.hand.answer(&*station.flow).0);
        let redirect = station.redirect.clone().filter(|_| station.step == Step::Authorize);
        let snapshot = station.hand.shown(&*station.flow).saved.expect("the flow goes on");
        for &now in &moments {
            let mut flow = station.kind.restore(station.client, &snapshot, now).expect("whole");
            let happening = match (&answer, &redirect) {
                (Some(answer), _) => Happening::Response(answer.clone()),
                (None, Some(redirect)) => Happening::Redirect(redirect.clone()),
                (None, None) => Happening::Nudge,
            };
            if flow.poll(now, &mut [0; ENOUGH]).err() == Some(Check::ClockNotSet.into()) {
                // Nothing can be signed, and so nothing was asked.
                assert_eq!(now.date, Date::Unknown);
                continue;
            }
            let over = flow.poll(now, &mut [0; ENOUGH]).err() == Some(Error::Expired);
            let outcome = station.hand.tell_at(&mut *flow, &happening, now);
            if over && station.kind == Kind::Relayed {
                // The code has run out, so that another one would have been asked for, and the answer is to something else.
                continue;
            }
            let today = now.date == Date::Known(UnixTime::from_seconds(TODAY));
            if today || undated {
                assert!(outcome.is_ok(), "{now:?} {outcome:?}");
            } else if outcome.is_ok() {
                // Nobody who asks for no sign-in needs a date.
                assert!(signs_nobody_in(&station), "{now:?}");
            } else {
                let expected = [
                    Check::ClockNotSet,
                    Check::Expired,
                    Check::IssuedInFuture,
                    Check::ClaimRange(Name::Iat),
                    Check::ClaimRange(Name::Exp),
                ];
                assert!(expected.iter().any(|check| outcome == Err((*check).into())), "{now:?} {outcome:?}");
            }
        }
    }
    for seconds in [u64::from(u32::MAX), u64::MAX] {
        let body = json!({ "access_token": "AT", "token_type": "Bearer", "expires_in": seconds });
        assert_eq!(answered(&body)["ok"]["expires_in"], 0x7FFF_FFFF);
    }
}

fn signs_nobody_in(station: &Station) -> bool {
    station.kind == Kind::ClientCredentials || keyfob_tests::stations::client_id(station.client) == "robot"
}

// REQ: AUTHZ-13, CLOCK-05
#[test]
fn a_user_has_ten_minutes_unless_set() {
    let at = |uptime: u64| Now { uptime, ..keyfob_tests::clock::NOW };
    let mut station = Station::code(&KIOSK, Step::Authorize);
    let redirect = Happening::Redirect(station.redirect.clone().expect("there is one"));
    let outcome = station.hand.tell_at(&mut *station.flow, &redirect, at(600_001));
    assert_eq!(outcome, Err(Error::Expired));
    assert!(station.flow.poll(at(600_001), &mut [0; ENOUGH]).is_err_and(|error| error == Error::Expired));
    // It is over, and its seed is gone.
    assert_eq!(station.hand.tell_at(&mut *station.flow, &redirect, at(600_000)), Err(Error::Expired));
    assert_eq!(station.flow.save(at(600_000), &mut [0; ENOUGH]), Err(Error::Misuse));
    let mut station = Station::code(&KIOSK, Step::Authorize);
    let redirect = Happening::Redirect(station.redirect.clone().expect("there is one"));
    assert_eq!(station.hand.tell_at(&mut *station.flow, &redirect, at(600_000)), Ok(None));
}

// REQ: CLOCK-06
#[test]
fn a_count_that_goes_backwards_takes_no_time() {
    let at = |uptime: u64| Now { uptime, ..keyfob_tests::clock::NOW };
    let flow = AuthorizationCode::<64>::new(&HASTY, seeds::seed(1), at(1000)).expect("right");
    let saved = |uptime: u64| {
        let mut snapshot = [0; 256];
        let length = flow.save(at(uptime), &mut snapshot).expect("the flow goes on");
        snapshot[..length].to_vec()
    };
    let before = saved(1100);
    assert!(flow.poll(at(900), &mut [0; ENOUGH]).is_ok());
    assert_eq!(saved(1100), before);
    // Saved while the count is lower than it was at the start: no time is won.
    let restored = Kind::AuthorizationCode.restore(&HASTY, &saved(900), at(0)).expect("whole");
    assert!(restored.poll(at(60_000), &mut [0; ENOUGH]).is_ok());
    assert!(restored.poll(at(60_001), &mut [0; ENOUGH]).is_err_and(|error| error == Error::Expired));
    // 100 ms are gone.
    let restored = Kind::AuthorizationCode.restore(&HASTY, &before, at(0)).expect("whole");
    assert!(restored.poll(at(59_900), &mut [0; ENOUGH]).is_ok());
    assert!(restored.poll(at(59_901), &mut [0; ENOUGH]).is_err_and(|error| error == Error::Expired));
}
