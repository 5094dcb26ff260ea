//! What a server wants to see before it does what was asked: the rows of `spec/cases-www-authenticate.json`, and what
//! becomes of them.

mod tables;

use keyfob_core::{
    error::{Check, Error, ErrorCode, Name},
    exchange::{Exchange, UserInfo},
    http::Challenges,
};
use keyfob_tests::{
    answer::Answer,
    clients::{HOLDING, KIOSK},
    clock::NOW,
    server::SUBJECT,
    stations::ENOUGH,
};
use serde_json::{Map, Value, json};

use crate::tables::outcome::{self, Step};

const TABLE: &str = include_str!("spec/cases-www-authenticate.json");

/// Parameters that the rows expect.
const PARAMETERS: [&str; 5] = ["algs", "error", "error_description", "realm", "scope"];

fn read(line: &[u8]) -> Value {
    let mut challenges = Vec::new();
    for challenge in Challenges::read(line) {
        let challenge = match challenge {
            Ok(challenge) => challenge,
            Err(error) => return outcome::of(error, Step::Token, None),
        };
        let mut seen = Map::new();
        seen.insert("scheme".into(), challenge.scheme().to_lowercase().into());
        for name in PARAMETERS {
            let mut out = [0; 256];
            if let Some(value) = challenge.parameter(name, &mut out).expect("it fits") {
                seen.insert(name.into(), value.into());
            }
        }
        challenges.push(Value::from(seen));
    }
    challenges.into()
}

// REQ: HTTP-21
#[test]
fn every_row_of_the_table() {
    let table: Value = serde_json::from_str(TABLE).expect("a table is JSON");
    let cases = table["cases"].as_array().expect("cases");
    assert_eq!(cases.len(), 18);
    for case in cases {
        let line = case["header"].as_str().expect("a text");
        assert_eq!(read(line.as_bytes()), case["expect"], "{case}");
    }
}

// REQ: HTTP-21
#[test]
fn what_is_no_such_header() {
    let bad = json!({ "err": "BadHeader" });
    for line in [
        "=",
        "Bearer=",
        "Bearer a=\"b\" c",
        "Bearer a=\"b\"c",
        "Bearer a=b c=d",
        "Bearer \"a\"",
        "Bearer a=\"\\\"",
        "Bearer a=\u{e9}",
        "@",
        "Bearer a=b, c d e",
        "Bearer;a=b",
    ] {
        assert_eq!(read(line.as_bytes()), bad, "{line}");
    }
    assert_eq!(read(b"Bearer a=\"\xFF\", error=x"), json!([{ "scheme": "bearer", "error": "x" }]));
    // A name twice in two challenges is two parameters; one that means nothing may come twice.
    let twice = read(b"Bearer error=a, DPoP error=b");
    assert_eq!(twice, json!([{ "scheme": "bearer", "error": "a" }, { "scheme": "dpop", "error": "b" }]));
    assert_eq!(read(b"Bearer x=1, x=2"), json!([{ "scheme": "bearer" }]));
    let max_age = read(b"Bearer MAX_AGE=1, max_age=2");
    assert_eq!(max_age, json!({ "err": "DuplicateParam", "arg": "max_age" }));
    let challenge = Challenges::read(b"Bearer realm=\"a\\\"b\xC3\"").next().expect("one").expect("good");
    assert_eq!(challenge.parameter("Realm", &mut [0; 8]), Ok(Some("a\"b?")));
    assert_eq!(challenge.parameter("realm", &mut [0; 3]), Err(Error::BufferTooSmall { needed: 4 }));
    assert_eq!(challenge.parameter("scope", &mut []), Ok(None));
}

/// Every octet anywhere: no panic, and an end.
// REQ: HTTP-21
#[test]
fn whatever_comes_ends() {
    let line = b"Negotiate ab==, Bearer realm = \"a\\\"b, c\" ,error=invalid_token, DPoP algs=\"ES256\"";
    let mut faults = 0;
    for place in 0..line.len() {
        for octet in 0..=u8::MAX {
            let mut changed = *line;
            changed[place] = octet;
            let challenges: Vec<_> = Challenges::read(&changed).collect();
            assert!(challenges.len() <= line.len());
            let fault = challenges.iter().position(Result::is_err);
            assert!(fault.is_none_or(|fault| fault + 1 == challenges.len()), "an error ends it");
            faults += usize::from(fault.is_some());
        }
        assert!(Challenges::read(&line[..place]).count() <= 3);
    }
    assert!((1000..20_000).contains(&faults), "{faults}");
}

/// What UserInfo says of an answer with these header lines.
fn user_info(status: u16, lines: &[&str], bound: bool) -> Error {
    let client = if bound { &*HOLDING } else { &KIOSK };
    let exchange = UserInfo::new(client, "access-1", SUBJECT);
    let keep = exchange.request(NOW, &mut [0; ENOUGH]).expect("it fits").keep();
    let mut answer = Answer::new(status, "text/plain", "");
    answer.headers.extend(lines.iter().map(|line| ("WWW-Authenticate".into(), (*line).into())));
    let mut buffer = [0; 512];
    let (response, _) = answer.read(keep, &mut buffer);
    exchange.response(response).expect_err("a refusal")
}

// REQ: UINFO-05, DPOP-20
#[test]
fn a_refusal_has_its_name() {
    use ErrorCode::{
        InsufficientScope, InsufficientUserAuthentication, InvalidDpopProof, InvalidToken, Other,
        UseDpopNonce,
    };
    for (status, lines, bound, expected) in [
        (401, &["Bearer error=\"invalid_token\""][..], false, Error::Refused(InvalidToken)),
        (403, &["bearer ERROR=insufficient_scope, scope=\"a b\""], false, Error::Refused(InsufficientScope)),
        (
            401,
            &["Bearer error=insufficient_user_authentication"],
            false,
            Error::Refused(InsufficientUserAuthentication),
        ),
        (400, &["Bearer error=\"no_such_word\""], false, Error::Refused(Other)),
        // As oidc-provider writes it: one line for each scheme.
        (401, &["Bearer realm=\"op\"", "DPoP error=\"use_dpop_nonce\""], true, Error::Refused(UseDpopNonce)),
        (401, &["Bearer, dPoP error=use_dpop_nonce"], true, Error::Refused(UseDpopNonce)),
        (401, &["DPoP error=\"invalid_dpop_proof\""], true, Error::Refused(InvalidDpopProof)),
        (
            401,
            &["Bearer error=invalid_token, DPoP error=\"invalid_dpop_proof\""],
            true,
            Error::Refused(InvalidDpopProof),
        ),
        (
            401,
            &["Bearer error=invalid_token, DPoP error=\"invalid_dpop_proof\""],
            false,
            Error::Refused(InvalidToken),
        ),
        (401, &["Bearer"], false, Check::HttpStatus(401).into()),
        (401, &[], false, Check::HttpStatus(401).into()),
        (500, &["Bearer error=invalid_token"], false, Check::HttpStatus(500).into()),
        (401, &["Bearer error=\"a"], false, Check::BadHeader.into()),
        (401, &["Bearer error=a, error=b"], false, Check::DuplicateParameter(Name::Error).into()),
        (401, &["Bearer error=invalid_token", "Bearer error=other"], false, Error::Refused(InvalidToken)),
    ] {
        assert_eq!(user_info(status, lines, bound), expected, "{status} {lines:?} {bound}");
    }
}
