//! The bugs of others, class by class as in `tests/spec/attacks.txt`, and the test that each has become. What has a test
//! elsewhere is named in [`TESTS`]; what stands here was found nowhere else.

mod tables;

use base64ct::{Base64, Encoding};
use keyfob_core::{
    error::{Check, Error, Name},
    exchange::{Discovery, Exchange, Jwks},
    flow::{AuthorizationCode, Event},
    http::Incoming,
};
use keyfob_tests::{
    answer::Answer,
    clients::{ISSUER, KIOSK},
    clock::NOW,
    form,
    id_token::Draft,
    keys::{FIRST, STRANGE, base64url},
    seeds,
    server::metadata,
    stations::{ENOUGH, Hand, Happening, Station, Step},
};
use ring::hmac;
use serde_json::{Value, json};

use crate::tables::jose;

/// The class, the file, the test; a part that is not built yet has no test.
const TESTS: &[(char, &str, &str)] = &[
    ('A', "attacks.rs", "none_in_every_spelling"),
    ('A', "conformance/basic.rs", "oidcc_client_test_idtoken_sig_none"),
    ('B', "attacks.rs", "a_public_key_is_no_secret"),
    ('B', "conformance/fapi.rs", "invalid_alternate_alg"),
    ('B', "cases_id_token.rs", "a_symmetric_key_is_never_used"),
    ('C', "attacks.rs", "a_key_in_the_header_leads_nowhere"),
    ('C', "exchanges.rs", "a_token_does_not_say_where_its_keys_are"),
    ('D', "attacks.rs", "other_forms_of_tokens"),
    ('E', "attacks.rs", "every_claim_with_every_value"),
    ('E', "attacks.rs", "a_part_of_the_right_text_is_wrong"),
    ('F', "attacks.rs", "keys_that_are_none"),
    ('F', "wycheproof.rs", "es256"),
    ('G', "attacks.rs", "too_much_of_everything"),
    ('G', "json.rs", "time_is_linear"),
    ('G', "misbehaviour.rs", "every_trick_in_every_answer"),
    ('H', "sweep.rs", "an_answer_cut_at_every_octet_in_every_length"),
    ('H', "buffers.rs", "every_response_with_every_octet_changed"),
    ('H', "power_loss.rs", "no_snapshot_makes_a_flow_panic"),
    ('I', "authorization_code.rs", "no_number_of_wrong_states_ends_a_flow"),
    ('I', "authorization_code.rs", "flows_side_by_side_do_not_mix"),
    ('I', "conformance/basic.rs", "oidcc_client_test_nonce_invalid"),
    ('I', "randomness.rs", "a_source_that_fails_gives_no_seed"),
    ('J', "attacks.rs", "the_verifier_is_told_to_the_token_endpoint_alone"),
    ('J', "randomness.rs", "ten_thousand_seeds_give_thirty_thousand_values"),
    ('J', "secrets.rs", "code_flows_are_wiped_at_their_end_and_on_drop"),
    ('K', "cases_redirect.rs", "every_response_has_its_one_outcome"),
    ('K', "conformance/fapi.rs", "invalid_authorization_response_iss"),
    ('K', "conformance/fapi.rs", "remove_authorization_response_iss"),
    ('L', "misbehaviour.rs", "every_trick_in_every_answer"),
    ('L', "cases_discovery.rs", "every_endpoint_is_checked_whoever_needs_it"),
    ('L', "exchanges.rs", "a_refresh_token_goes_to_its_own_server"),
    ('M', "secrets.rs", "nothing_secret_is_printed"),
    ('M', "secrets.rs", "nothing_stays_in_the_memory_of_the_process"),
    ('M', "source.rs", "no_format_string_shows_a_secret"),
    ('N', "timing.rs", "a_wrong_state_is_as_wrong_in_its_last_octet"),
    ('N', "source.rs", "secrets_are_compared_in_constant_time"),
    ('O', "attacks.rs", "no_address_for_a_shell"),
    ('O', "authorization_code.rs", "a_denial_ends_the_flow_with_a_harmless_text"),
    ('O', "authorization_code.rs", "no_number_of_wrong_states_ends_a_flow"),
];

#[test]
fn every_class_has_tests_that_exist() {
    let lines = include_str!("spec/attacks.txt").lines().filter(|line| !line.starts_with('#'));
    let classes: String = lines.filter_map(|line| line.chars().next()).collect();
    assert_eq!(classes, "ABCDEFGHIJKLMNO");
    for class in classes.chars() {
        assert!(TESTS.iter().any(|(tested, ..)| *tested == class), "{class} has no test");
    }
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for (class, file, test) in TESTS {
        let source = std::fs::read_to_string(folder.join(file)).expect("a test file");
        assert!(source.contains(&format!("fn {test}() {{")), "{class}: {file} has no {test}");
    }
}

/// What a sign-in makes of a forged token.
fn signed_in(forge: &dyn Fn(&Draft) -> String) -> Result<bool, Error> {
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

fn compact(header: &Value, claims: &Value, signature: impl AsRef<[u8]>) -> String {
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

/// G: CVE-2025-22868, CVE-2025-30204 (dots), CVE-2023-6681 and their like.
// REQ: JSON-16, JWKS-16, QA-05
#[test]
fn too_much_of_everything() {
    let long = |token: String| signed_in(&move |_| token.clone());
    let too_long = |told: Result<bool, Error>| {
        matches!(told, Err(Error::InputTooLarge(Name::IdToken) | Error::BufferTooSmall { .. }))
    };
    assert!(too_long(long(".".repeat(400_000))));
    assert!(too_long(long("a".repeat(8193))));
    assert_eq!(long(".".repeat(8192)), Err(Check::JwtFormat.into()));
    let header = |kid: usize| json!({ "alg": "ES256", "kid": "k".repeat(kid) });
    let told = signed_in(&|draft| compact(&header(3000), &draft.claims, [1; 64]));
    assert_eq!(told, Err(Error::InputTooLarge(Name::IdToken)));
    let deep = format!("{{\"alg\":{}", "[".repeat(300));
    let told = long(format!("{}.e30.AAAA", base64url(deep)));
    assert_eq!(told, Err(Check::JsonDepth.into()));
    let digits = format!("{{\"exp\":{}}}", "9".repeat(4000));
    let told = signed_in(&|draft| {
        let signed = format!("{}.{}", base64url(draft.header.to_string()), base64url(&digits));
        format!("{signed}.{}", base64url(FIRST.sign(signed.as_bytes())))
    });
    assert_eq!(told, Err(Check::ClaimMissing(Name::Iss).into()));
    // A million keys, and a limit that lets them through: eight are kept.
    let jwks = Jwks::new(&KIOSK);
    let keep = jwks.request(&mut []).expect("no buffer").keep();
    let mut buffer = [0; 2048];
    let mut incoming = Incoming::new(keep, &mut buffer).limit(usize::MAX);
    incoming.status(200);
    incoming.header("Content-Type", b"application/json");
    let crowd = b"{\"kty\":\"x\"},".repeat(1000);
    assert!(incoming.body(b"{\"keys\":["));
    (0..1000).for_each(|_| assert!(incoming.body(&crowd)));
    let nine: Vec<_> = (1..=9).map(|octet| keyfob_tests::keys::TestKey { kid: None, octet }.jwk()).collect();
    let nine = serde_json::to_string(&nine).expect("JSON");
    assert!(incoming.body(format!("{}]}}", &nine[1..nine.len() - 1]).as_bytes()));
    assert_eq!(incoming.finish().0.keys().map(|keys| keys.len()), Ok(8));
}

/// J: CVE-2020-7692, CVE-2023-50714, CVE-2026-34511 (a verifier that is the state) and their like.
// REQ: PKCE-03, PKCE-04
#[test]
fn the_verifier_is_told_to_the_token_endpoint_alone() {
    let station = Station::code(&KIOSK, Step::Authorize);
    let url = station.hand.url(&*station.flow);
    let exchange = Station::code(&KIOSK, Step::Exchange);
    let (sent, _) = exchange.hand.request(&*exchange.flow).expect("goes on").expect("a request");
    let verifier = form::in_body(sent.body.as_bytes(), "code_verifier");
    assert!(!url.contains(&verifier) && !sent.url.contains(&verifier) && verifier.len() == 43);
    let values = [
        &verifier,
        &form::in_url(&url, "state"),
        &form::in_url(&url, "nonce"),
        &form::in_url(&url, "code_challenge"),
    ];
    for (place, left) in values.iter().enumerate() {
        assert!(values[..place].iter().all(|right| left != right && !right.contains(&left[..12])));
    }
    assert_eq!(form::in_url(&url, "code_challenge_method"), "S256");
    // Metadata that name `plain` alone.
    let mut document = metadata();
    document["code_challenge_methods_supported"] = json!(["plain"]);
    let discovery = Discovery::new(ISSUER).expect("an issuer");
    let keep = discovery.request(&mut [0; 256]).expect("it fits").keep();
    let mut buffer = [0; 1024];
    let metadata = discovery.response(Answer::json(200, &document).read(keep, &mut buffer).0).expect("whole");
    let client = keyfob_core::client::Client::oauth(metadata, "kiosk").redirect_uri("https://app.example/cb");
    let flow = AuthorizationCode::<64>::new(&client, seeds::seed(1), NOW);
    assert_eq!(flow.err(), Some(Check::PkceUnsupported.into()));
}

/// O: CVE-2025-6514, where the authorization endpoint of a hostile server reached a shell.
// REQ: DISC-07
#[test]
fn no_address_for_a_shell() {
    for address in [
        "a:$(calc.exe)?response_type=code",
        "file:///c:/windows/system32/calc.exe",
        "javascript:alert(1)",
        "http://op.example/authorize",
        "https://op.example/\"&calc.exe",
        "https://op.example/ $(reboot)",
        "https://op.example/`reboot`",
        "https://op.example/|reboot",
        "https://op.example/\\..\\calc",
        "https://op.example/<script>",
        "https://op.example/^&calc",
        "https://op.example/a\nb",
        "https://op.example/a\u{1b}[2J",
        "https://op.ex\u{e4}mple/",
        "https://user@op.example/",
        "https://op.example@evil.example/",
        "https://",
        "https:op.example",
        "//op.example/authorize",
        "-oProxyCommand=x",
        "",
    ] {
        let mut document = metadata();
        document["authorization_endpoint"] = address.into();
        let discovery = Discovery::new(ISSUER).expect("an issuer");
        let keep = discovery.request(&mut [0; 256]).expect("it fits").keep();
        let mut buffer = [0; 1024];
        let told = discovery.response(Answer::json(200, &document).read(keep, &mut buffer).0).map(drop);
        assert_eq!(told, Err(Check::InsecureUrl(Name::AuthorizationEndpoint).into()), "{address}");
    }
}
