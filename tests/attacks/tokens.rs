//! Forged tokens, and forged keys.

use base64ct::{Base64, Encoding};
use keyfob_core::{
    error::{Check, Error, Name},
    flow::{AuthorizationCode, Event},
};
use keyfob_tests::{
    answer::Answer,
    clients::KIOSK,
    clock::NOW,
    form,
    id_token::Draft,
    keys::{FIRST, STRANGE, base64url},
    seeds,
    stations::{ENOUGH, Hand, Happening, Station, Step},
};
use ring::hmac;
use serde_json::{Value, json};

use crate::tables::jose;

/// What a sign-in makes of a forged token.
pub fn signed_in(forge: &dyn Fn(&Draft) -> String) -> Result<bool, Error> {
    let mut station = Station::code(&KIOSK, Step::Exchange);
    let mut answer = json!({ "access_token": "access-1", "token_type": "Bearer" });
    let nonce = nonce(&station.hand);
    answer["id_token"] = forge(&Draft::new(FIRST, "kiosk", "alice").nonce(Some(&nonce))).into();
    let answer = Happening::Response(Answer::json(200, &answer));
    station.hand.tell(&mut *station.flow, &answer).map(|tokens| tokens.is_some())
}

/// The nonce of the stations, whose seed is always the same.
fn nonce(hand: &Hand) -> String {
    let flow = AuthorizationCode::<64>::new(&KIOSK, seeds::seed(1), NOW).expect("right");
    form::in_url(&hand.url(&flow), "nonce")
}

fn refused(forge: impl Fn(&Draft) -> String, check: Check) {
    let told = signed_in(&forge);
    assert_eq!(told, Err(check.into()));
}

/// A compact token of these parts.
pub fn compact(header: &Value, claims: &Value, signature: impl AsRef<[u8]>) -> String {
    format!("{}.{}.{}", base64url(header.to_string()), base64url(claims.to_string()), base64url(signature))
}

/// What the others forge is good without the forgery.
#[test]
fn the_draft_is_good() {
    assert_eq!(signed_in(&|draft| draft.sign()), Ok(true));
}

/// A: CVE-2026-28802, CVE-2020-26244, CVE-2020-15240 and their like.
// REQ: JOSE-07
#[test]
fn none_in_every_spelling() {
    for alg in ["none", "None", "NONE", "nOnE", "none ", "\u{0}none", "", "null", "HS256", "es256", "ES256 "]
    {
        let none = alg.eq_ignore_ascii_case("none");
        let check = if none { Check::AlgorithmNone } else { Check::AlgorithmNotAllowed };
        let header = json!({ "alg": alg, "kid": "first" });
        for signature in [&[][..], &[0], &[0x5A; 64], &[0; 64]] {
            refused(|draft| compact(&header, &draft.claims, signature), check);
        }
    }
    let missing = json!({ "kid": "first" });
    let outcome = signed_in(&|draft| compact(&missing, &draft.claims, []));
    assert_eq!(outcome, Err(Check::MissingMember(Name::Alg).into()));
    // The signature of RFC 7515 with nothing in it: r = s = 0 (CVE-2022-21449).
    let right = json!({ "alg": "ES256", "kid": "first" });
    refused(|draft| compact(&right, &draft.claims, [0; 64]), Check::BadSignature);
    refused(|draft| compact(&right, &draft.claims, []), Check::BadSignature);
}

/// B: CVE-2015-9235, CVE-2022-29217, CVE-2024-33663, CVE-2024-54150 and their like: the server's public key, in any
/// form, as the secret of an HMAC.
// REQ: JOSE-08
#[test]
fn a_public_key_is_no_secret() {
    let jwk = FIRST.jwk();
    let coordinate = |name: &str| jose::decode(jwk[name].as_str().expect("a text")).expect("base64url");
    let point = [vec![4], coordinate("x"), coordinate("y")].concat();
    // SubjectPublicKeyInfo of a P-256 key (RFC 5480 §2).
    let head = [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86,
        0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
    ];
    let der = [&head[..], &point].concat();
    let pem =
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", Base64::encode_string(&der));
    let text = jwk.to_string();
    let blob = |text: &[u8]| [&(text.len() as u32).to_be_bytes()[..], text].concat();
    let ssh = [blob(b"ecdsa-sha2-nistp256"), blob(b"nistp256"), blob(&point)].concat();
    let forms: [&[u8]; 8] = [
        &point,
        &coordinate("x"),
        &der,
        pem.as_bytes(),
        pem.trim_end().as_bytes(),
        text.as_bytes(),
        &ssh,
        b"",
    ];
    for (alg, algorithm) in
        [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)]
    {
        for secret in forms {
            let forge = |draft: &Draft| {
                let header = json!({ "alg": alg, "kid": "first" });
                draft.clone().with_header(header).sign_with(|message| {
                    hmac::sign(&hmac::Key::new(algorithm, secret), message).as_ref().to_vec()
                })
            };
            refused(forge, Check::AlgorithmNotAllowed);
        }
    }
}

/// C: CVE-2018-0114, CVE-2026-27962 and the class of `jku`, `x5u`, `x5c`.
// REQ: JWKS-01, JOSE-10
#[test]
fn a_key_in_the_header_leads_nowhere() {
    let own = STRANGE.jwk();
    for (name, value) in [
        ("jwk", own.clone()),
        ("jku", "https://evil.example/jwks".into()),
        ("x5u", "https://evil.example/cert".into()),
        ("x5c", json!([base64url([1; 300])])),
        ("x5t", "AAAA".into()),
        ("epk", own),
    ] {
        for kid in [Some("first"), Some("strange"), Some("../../dev/null"), Some("' OR 1=1 --"), None] {
            let mut station = Station::code(&KIOSK, Step::Exchange);
            let nonce = nonce(&station.hand);
            let mut draft = Draft::new(STRANGE, "kiosk", "alice").nonce(Some(&nonce));
            draft.header = json!({ "alg": "ES256" });
            draft.header[name] = value.clone();
            if let Some(kid) = kid {
                draft.header["kid"] = kid.into();
            }
            let body = json!({ "access_token": "a", "token_type": "Bearer", "id_token": draft.sign() });
            let answer = Answer::json(200, &body);
            let keep = station.hand.request(&*station.flow).expect("goes on").expect("a request").1;
            let mut buffer = [0; ENOUGH];
            let (response, _) = answer.read(keep, &mut buffer);
            let asked = station.flow.keys(&response).map(|request| request.url().to_owned());
            if value.to_string().len() < 500 {
                assert_eq!(asked.as_deref(), Ok("https://op.example/jwks"), "{name}");
            }
            let expected = match kid {
                Some("first") | None => Check::BadSignature,
                _ => Check::UnknownKey,
            };
            let told = station.hand.tell(&mut *station.flow, &Happening::Response(answer));
            assert_eq!(told, Err(expected.into()), "{name} {kid:?}");
        }
    }
}

/// D: CVE-2022-39227, CVE-2026-96760, CVE-2023-51774, CVE-2025-59420 and their like.
// REQ: JOSE-01, JOSE-03
#[test]
fn other_forms_of_tokens() {
    let parts = |draft: &Draft| -> Vec<String> { draft.sign().split('.').map(str::to_owned).collect() };
    type Form = fn(&[String]) -> String;
    let forms: &[(&str, Form, Check)] = &[
        ("no part", |_| ".".into(), Check::JwtFormat),
        ("dots alone", |_| "..".into(), Check::JwtFormat),
        ("one part", |parts| parts[1].clone(), Check::JwtFormat),
        ("two parts", |parts| parts[..2].join("."), Check::JwtFormat),
        ("four parts", |parts| parts.join(".") + ".e30", Check::JwtFormat),
        ("five parts", |parts| parts.join(".") + ".e30.e30", Check::Encrypted),
        ("six parts", |parts| parts.join(".") + ".e30.e30.e30", Check::JwtFormat),
        ("an empty header", |parts| format!(".{}.{}", parts[1], parts[2]), Check::JwtFormat),
        ("an empty payload", |parts| format!("{}..{}", parts[0], parts[2]), Check::JwtFormat),
        ("an empty signature", |parts| format!("{}.{}.", parts[0], parts[1]), Check::BadSignature),
        ("padded", |parts| parts.join(".") + "==", Check::JwtFormat),
        ("a line end", |parts| parts.join(".") + "\n", Check::BadMember(Name::IdToken)),
        ("a space before it", |parts| format!(" {}", parts.join(".")), Check::JwtFormat),
        (
            "the other alphabet",
            |parts| format!("{}.{}.+/{}", parts[0], parts[1], &parts[2][2..]),
            Check::JwtFormat,
        ),
        ("bits behind the end", |parts| parts.join(".") + "B", Check::JwtFormat),
        (
            "JSON, flattened",
            |parts| json!({ "protected": parts[0], "payload": parts[1], "signature": parts[2] }).to_string(),
            Check::JwtFormat,
        ),
        (
            "JSON with signatures",
            |parts| json!({ "payload": parts[1], "signatures": [] }).to_string(),
            Check::JwtFormat,
        ),
        (
            "compact and JSON at once",
            |parts| format!("{{\"x\":\"{}\"}}.{}.{}", parts[0], parts[1], parts[2]),
            Check::JwtFormat,
        ),
    ];
    for (name, form, check) in forms {
        let told = signed_in(&|draft| form(&parts(draft)));
        assert_eq!(told, Err((*check).into()), "{name}");
    }
    // Headers.
    let with = |members: &str| {
        let members = members.to_owned();
        move |draft: &Draft| {
            let signed = format!(
                "{}.{}",
                base64url(format!("{{\"alg\":\"ES256\",\"kid\":\"first\",{members}}}")),
                base64url(draft.claims.to_string())
            );
            format!("{signed}.{}", base64url(FIRST.sign(signed.as_bytes())))
        }
    };
    refused(with(r#""crit":["b64"],"b64":false"#), Check::CriticalUnsupported);
    refused(with(r#""crit":["exp"]"#), Check::CriticalUnsupported);
    refused(with(r#""crit":[]"#), Check::CriticalUnsupported);
    refused(with(r#""crit":null"#), Check::CriticalUnsupported);
    refused(with(r#""alg":"none""#), Check::DuplicateMember(Name::Alg));
    refused(with(r#""\u0061lg":"none""#), Check::DuplicateMember(Name::Alg));
    refused(with(r#""kid":"x""#), Check::DuplicateMember(Name::Kid));
    refused(with(r#""typ":"at+jwt""#), Check::TypeMismatch);
    refused(with(r#""typ":"logout+jwt""#), Check::TypeMismatch);
    assert_eq!(
        signed_in(&with(r#""typ":"jwt","b64":true,"zip":"DEF""#)),
        Ok(true),
        "these mean nothing here"
    );
}

/// E: CVE-2026-25537 (a wrong type is not absence), CVE-2020-26160, CVE-2025-30144, RUSTSEC-2017-0005 and their like.
// REQ: IDT-18
#[test]
fn every_claim_with_every_value() {
    let values: &[(&str, &str)] = &[
        ("null", "null"),
        ("text", "\"x\""),
        ("empty", "\"\""),
        ("float", "1.5"),
        ("true", "true"),
        ("array", "[]"),
        ("array of numbers", "[1]"),
        ("object", "{\"a\":1}"),
        ("negative", "-1"),
        ("no number", "1e400"),
        ("u64 max", "18446744073709551615"),
        ("one more", "18446744073709551616"),
        ("i64 min", "-9223372036854775808"),
    ];
    // Where a value is good, or counts as absent, it is listed; everything else ends the sign-in.
    let good = [("azp", "null"), ("nbf", "null"), ("nbf", "1.5"), ("at_hash", "null"), ("c_hash", "null")];
    for claim in ["iss", "sub", "aud", "exp", "iat", "nbf", "nonce", "azp", "at_hash", "c_hash"] {
        for (name, value) in values {
            let told = signed_in(&|draft| {
                let mut claims = draft.claims.clone();
                claims.as_object_mut().expect("claims").remove(claim);
                let rest = claims.to_string();
                let text = format!("{{\"{claim}\":{value},{}", &rest[1..]);
                let signed = format!("{}.{}", base64url(draft.header.to_string()), base64url(text));
                format!("{signed}.{}", base64url(FIRST.sign(signed.as_bytes())))
            });
            let is_text = value.starts_with('"');
            let is_number = value.trim_start_matches('-').starts_with(|first: char| first.is_ascii_digit());
            let moment = matches!(claim, "exp" | "iat" | "nbf");
            let expected = match claim {
                _ if good.contains(&(claim, value)) => Ok(true),
                "sub" if *value == "\"x\"" => Ok(true),
                "sub" if is_text => Err(Check::ClaimRange(Name::Sub)),
                "exp" if *value == "1.5" => Err(Check::Expired),
                "iat" if *value == "1.5" => Ok(true),
                "iss" if is_text => Err(Check::IssMismatch),
                "nonce" if is_text => Err(Check::NonceMismatch),
                "azp" if is_text => Err(Check::AzpMismatch),
                "aud" if is_text => Err(Check::AudienceMismatch),
                "aud" if *name == "array" => Err(Check::AudienceMismatch),
                "at_hash" if is_text => Err(Check::HashMismatch(Name::AtHash)),
                "c_hash" if is_text => Err(Check::HashMismatch(Name::CHash)),
                _ if moment && is_number => Err(Check::ClaimRange(name_of(claim))),
                _ => Err(Check::ClaimType(name_of(claim))),
            };
            assert_eq!(told, expected.map_err(Error::from), "{claim}: {name}");
        }
    }
}

fn name_of(claim: &str) -> Name {
    [
        Name::Iss,
        Name::Sub,
        Name::Aud,
        Name::Exp,
        Name::Iat,
        Name::Nbf,
        Name::Nonce,
        Name::Azp,
        Name::AtHash,
        Name::CHash,
    ]
    .into_iter()
    .find(|name| name.to_string() == claim)
    .expect("a claim")
}

/// E: CVE-2024-53861 and its like: prefix, suffix, part, other case.
// REQ: IDT-03, IDT-04, IDT-13
#[test]
fn a_part_of_the_right_text_is_wrong() {
    for (claim, check) in [
        ("iss", Check::IssMismatch),
        ("aud", Check::AudienceMismatch),
        ("nonce", Check::NonceMismatch),
        ("azp", Check::AzpMismatch),
    ] {
        let changes: [fn(&str) -> String; 9] = [
            |text| text[1..].to_owned(),
            |text| text[..text.len() - 1].to_owned(),
            |text| format!("{text}x"),
            |text| format!("x{text}"),
            |text| format!("{text}\0"),
            |text| format!("{text}/"),
            |text| format!(" {text}"),
            |text| text[..1].to_owned(),
            |text| if text == text.to_uppercase() { text.to_lowercase() } else { text.to_uppercase() },
        ];
        for change in changes {
            let told = signed_in(&|draft| {
                let mut draft = draft.clone();
                draft.claims["azp"] = "kiosk".into();
                draft.claims[claim] = change(draft.claims[claim].as_str().expect("a text")).into();
                draft.sign()
            });
            assert_eq!(told, Err(check.into()), "{claim}");
        }
    }
    // A list in which the right one stands inside of another.
    let told = signed_in(&|draft| {
        let mut draft = draft.clone();
        draft.claims["aud"] = json!(["xkiosk", "kioskx", ["kiosk"]]);
        draft.sign()
    });
    assert!(
        matches!(told, Err(Error::Check(Check::ClaimType(Name::Aud) | Check::AudienceMismatch))),
        "{told:?}"
    );
}

/// F: CVE-2026-45363, CVE-2026-114616 and the keys of Wycheproof's JWK files.
// REQ: JWKS-08
#[test]
fn keys_that_are_none() {
    let good = FIRST.jwk();
    let with = |name: &str, value: Value| {
        let mut key = good.clone();
        key[name] = value;
        key
    };
    let zero = base64url([0; 32]);
    let field = base64url([0xFF; 32]);
    let keys = [
        ("an empty coordinate", with("x", "".into()), Check::KeyInvalid),
        ("a short coordinate", with("x", base64url([1; 31]).into()), Check::KeyInvalid),
        ("a long coordinate", with("x", base64url([1; 33]).into()), Check::KeyInvalid),
        ("a point beside the curve", with("y", base64url([1; 32]).into()), Check::KeyInvalid),
        ("a coordinate beyond the field", with("x", field.into()), Check::KeyInvalid),
        (
            "no point",
            json!({ "kty": "EC", "crv": "P-256", "x": zero, "y": zero, "kid": "first" }),
            Check::KeyInvalid,
        ),
        ("x and y exchanged", with("x", good["y"].clone()), Check::KeyInvalid),
        ("padded", with("x", format!("{}=", good["x"].as_str().expect("text")).into()), Check::KeyInvalid),
        ("with its private part", with("d", base64url([1; 32]).into()), Check::KeyInvalid),
        ("another curve", with("crv", "P-384".into()), Check::KeyMismatch),
        ("no curve", with("crv", Value::Null), Check::KeyMismatch),
        ("another type", with("kty", "oct".into()), Check::KeyMismatch),
        ("for encryption", with("use", "enc".into()), Check::KeyMismatch),
        ("for another algorithm", with("alg", "ES384".into()), Check::KeyMismatch),
        ("for signing alone", with("key_ops", json!(["sign"])), Check::KeyMismatch),
    ];
    for (name, key, check) in keys {
        let mut station = Station::code(&KIOSK, Step::Exchange);
        let (answer, keep) = station.hand.answer(&*station.flow);
        let (mut buffer, mut room) = ([0; ENOUGH], [0; ENOUGH]);
        let (response, _) = answer.read(keep, &mut buffer);
        let keep = station.flow.keys(&response).expect("keys are missing").keep();
        let keys =
            Answer::json(200, &json!({ "keys": [key] })).read(keep, &mut room).0.keys().expect("a set");
        let told = station.flow.handle(NOW, Event::Response(response.with_keys(keys)));
        assert_eq!(told.err(), Some(check.into()), "{name}");
    }
}
