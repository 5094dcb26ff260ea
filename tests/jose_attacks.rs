//! Attacks by tokens and by key sets, each in a sign-in of a client that takes every algorithm: one row, one outcome.
//! What is wrong with a signature itself is in `signature_attacks.rs`.

mod tables;

use keyfob_core::client::Client;
use keyfob_core::client_authentication::ClientAuthentication;
use keyfob_core::error::Check;
use keyfob_core::jws::{
    Ed25519, EdDsa, Es256, Es384, Hs256, Key, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512, Verifier,
};
use keyfob_core::secret::Secret;
use serde_json::{Value, json};

use crate::tables::{
    Answer, CLIENT, CLIENT_ID, Cut, ISSUER, NOW, SUBJECT, at_authorize, at_exchange, authorization_url, jose,
    parameter, with_tokens,
};

/// Every algorithm, with the key that signs with it here.
const ALGORITHMS: [(&str, &dyn Verifier); 11] = [
    ("ed1", &Ed25519),
    ("ed1", &EdDsa),
    ("ec1", &Es256),
    ("ec384", &Es384),
    (jose::SECRET, &Hs256),
    ("rsa1", &Ps256),
    ("rsa1", &Ps384),
    ("rsa1", &Ps512),
    ("rsa1", &Rs256),
    ("rsa1", &Rs384),
    ("rsa1", &Rs512),
];

const EVERY_ALGORITHM: Client<'static> = CLIENT
    .authentication(ClientAuthentication::ClientSecretPost(Secret::new(jose::SECRET)))
    .algorithms(&[&Ed25519, &EdDsa, &Es256, &Es384, &Hs256, &Ps256, &Ps384, &Ps512, &Rs256, &Rs384, &Rs512]);

/// The key set of an honest server.
fn honest() -> Value {
    let keys = ["rsa1", "ec1", "ec384", "ed1"].map(jose::jwk);
    json!({ "keys": keys })
}

/// What comes of a sign-in with this as ID token.
fn outcome(client: &Client<'_>, token: &str, keys: &Value) -> Value {
    let body = json!({ "access_token": "AT", "token_type": "Bearer", "id_token": token }).to_string();
    let (answer, keys, mut buffer) = (Answer::json(body.as_bytes()), keys.to_string(), vec![0; 32 * 1024]);
    let mut flow = at_exchange(client, "abc");
    let seen =
        with_tokens(&mut flow, NOW, &answer, keys.as_bytes(), Cut::Whole, &mut buffer, |_| json!("ok"));
    match (&seen["err"], &seen["arg"]) {
        (Value::Null, _) => seen,
        (error, Value::Null) => error.clone(),
        _ => seen,
    }
}

/// The claims of a good token.
fn claims() -> String {
    let url = authorization_url(&at_authorize(&EVERY_ALGORITHM));
    let nonce = parameter(&url, "nonce").expect("a nonce");
    let claims = json!({
        "iss": ISSUER, "sub": SUBJECT, "aud": CLIENT_ID, "exp": 1_760_000_300, "iat": 1_759_999_995, "nonce": nonce,
    });
    claims.to_string()
}

/// A token with this header, signed by this key as this algorithm does, whatever the header says.
fn signed_as(key: &str, algorithm: &str, header: &Value) -> String {
    let message = format!("{}.{}", jose::base64url(header.to_string()), jose::base64url(claims()));
    let signature = jose::sign_by(key, algorithm, message.as_bytes());
    format!("{message}.{}", jose::base64url(signature))
}

fn good(header: Value) -> String {
    signed_as("rsa1", "RS256", &header)
}

fn rs256() -> Value {
    json!({ "alg": "RS256", "kid": "rsa1" })
}

/// The same with more members.
fn with(more: Value) -> Value {
    let mut header = rs256();
    for (name, value) in more.as_object().expect("members") {
        header[name] = value.clone();
    }
    header
}

fn key_type(algorithm: &str) -> &str {
    match algorithm {
        "Ed25519" | "EdDSA" => "ed",
        "ES256" => "P-256",
        "ES384" => "P-384",
        "HS256" => "secret",
        _ => "RSA",
    }
}

// REQ: JOSE-06, JOSE-08, JOSE-18, JOSE-25
#[test]
fn every_pair_of_algorithms() {
    for (key, signer) in ALGORITHMS {
        for (_, named) in ALGORITHMS {
            let (by, named) = (signer.algorithm().name(), named.algorithm().name());
            let same = by == named || key_type(by) == "ed" && key_type(named) == "ed";
            // By the name of the key that made it, and without.
            let header = json!({ "alg": named, "kid": key });
            let expected = match () {
                () if same => "ok",
                // The secret is the only key of a MAC, and has no name.
                () if named == "HS256" => "BadSignature",
                () if key == jose::SECRET => "UnknownKey",
                () if key_type(by) == key_type(named) => "BadSignature",
                () => "KeyMismatch",
            };
            assert_eq!(
                outcome(&EVERY_ALGORITHM, &signed_as(key, by, &header), &honest()),
                expected,
                "{by} as {named}"
            );
            let expected = if same { "ok" } else { "BadSignature" };
            let token = signed_as(key, by, &json!({ "alg": named }));
            assert_eq!(outcome(&EVERY_ALGORITHM, &token, &honest()), expected, "{by} as {named}, no kid");
        }
    }
}

// REQ: JOSE-06, JOSE-18, JOSE-23
#[test]
fn only_what_is_named_is_taken() {
    for (_, allowed) in ALGORITHMS {
        let verifiers = [allowed];
        let client = EVERY_ALGORITHM.algorithms(&verifiers);
        for (key, signer) in ALGORITHMS {
            let name = signer.algorithm().name();
            let token = signed_as(key, name, &json!({ "alg": name, "kid": key }));
            let expected = if allowed.algorithm() == signer.algorithm() { "ok" } else { "AlgNotAllowed" };
            assert_eq!(outcome(&client, &token, &honest()), expected, "{name} for {:?}", allowed.algorithm());
        }
    }
}

// REQ: JOSE-08
#[test]
fn a_verifier_takes_keys_of_one_type() {
    let x = [1; 32];
    let keys = [
        ("ed", Key::Ed25519 { x: &x }),
        ("P-256", Key::P256 { x: &x, y: &x }),
        ("P-384", Key::P384 { x: &x, y: &x }),
        ("secret", Key::Secret(&x)),
        ("RSA", Key::Rsa { modulus: &x, exponent: &x }),
    ];
    for (_, verifier) in ALGORITHMS {
        for (kind, key) in keys {
            let mismatch = verifier.verify(key, b"m", &[1; 64]) == Err(Check::KeyMismatch);
            assert_eq!(
                mismatch,
                kind != key_type(verifier.algorithm().name()),
                "{:?} {kind}",
                verifier.algorithm()
            );
        }
    }
}

/// Everything public that somebody may take for a secret.
// REQ: JOSE-08, JOSE-09, JWKS-10
#[test]
fn a_public_key_is_no_secret() {
    let rsa = jose::jwk("rsa1");
    let point = [&[4], &jose::part("ec1", "x")[..], &jose::part("ec1", "y")].concat();
    let text = |value: &Value| value.as_str().expect("a text").as_bytes().to_vec();
    let secrets: [(&str, Vec<u8>); 9] = [
        ("modulus", jose::part("rsa1", "n")),
        ("modulus as text", text(&rsa["n"])),
        ("JWK", rsa.to_string().into_bytes()),
        ("key set", honest().to_string().into_bytes()),
        ("point", point),
        ("Ed25519", jose::part("ed1", "x")),
        ("kid", b"rsa1".to_vec()),
        ("client_id", CLIENT_ID.into()),
        ("nothing", vec![]),
    ];
    for (name, secret) in secrets {
        for kid in ["rsa1", "ec1", "ed1", "oct"] {
            let header = json!({ "alg": "HS256", "kid": kid });
            let message = format!("{}.{}", jose::base64url(header.to_string()), jose::base64url(claims()));
            let token = format!("{message}.{}", jose::base64url(jose::mac(&secret, message.as_bytes())));
            // A symmetric key in the key set is not used either.
            let mut keys = honest();
            let oct = json!({ "kty": "oct", "kid": "oct", "alg": "HS256", "k": jose::base64url(&secret) });
            keys["keys"].as_array_mut().expect("keys").push(oct);
            assert_eq!(outcome(&EVERY_ALGORITHM, &token, &keys), "BadSignature", "{name} {kid}");
            let asymmetric = EVERY_ALGORITHM.algorithms(&[&Rs256, &Es256, &EdDsa]);
            assert_eq!(outcome(&asymmetric, &token, &keys), "AlgNotAllowed", "{name} {kid}");
        }
    }
}

// REQ: JOSE-07
#[test]
fn none_in_every_case() {
    for bits in 0..16_u8 {
        let letters = b"none".iter().enumerate();
        let name: String = letters
            .map(|(place, letter)| char::from(if bits >> place & 1 == 1 { letter - 32 } else { *letter }))
            .collect();
        let token = good(json!({ "alg": name, "kid": "rsa1" }));
        let (message, _) = token.rsplit_once('.').expect("a token");
        for token in [format!("{message}."), format!("{message}.AA"), token.clone()] {
            assert_eq!(outcome(&EVERY_ALGORITHM, &token, &honest()), "AlgNone", "{name}");
        }
    }
    for name in [
        "",
        " none",
        "none ",
        "n\u{f6}ne",
        "none\0",
        "RS256 ",
        "rs256",
        "RS256\0",
        "HS2",
        "RS2560000000000000",
    ] {
        let token = good(json!({ "alg": name, "kid": "rsa1" }));
        assert_eq!(outcome(&EVERY_ALGORITHM, &token, &honest()), "AlgNotAllowed", "{name}");
    }
    let good = good(rs256());
    let (message, _) = good.rsplit_once('.').expect("a token");
    assert_eq!(outcome(&EVERY_ALGORITHM, &format!("{message}."), &honest()), "BadSignature");
}

// REQ: JOSE-01, JOSE-02, JOSE-03
#[test]
fn other_forms_of_a_token() {
    let token = good(rs256());
    let parts: Vec<_> = token.split('.').collect();
    let [header, payload, signature] = parts[..] else { panic!("three parts") };
    let stray = |part: &str| {
        let (rest, last) = part.split_at(part.len() - 1);
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let place = alphabet.find(last).expect("in the alphabet");
        assert!(!part.len().is_multiple_of(4), "nothing is unused");
        format!("{rest}{}", &alphabet[place + 1..place + 2])
    };
    let format = json!("JwtFormat");
    let unprintable = json!({ "err": "BadMember", "arg": "id_token" });
    let general =
        json!({ "payload": payload, "signatures": [{ "protected": header, "signature": signature }] });
    let flat = json!({ "payload": payload, "protected": header, "signature": signature });
    let attacks = [
        ("as it is", token.clone(), json!("ok")),
        ("padding of the signature", format!("{token}="), format.clone()),
        ("padding of the signature, whole", format!("{token}=="), format.clone()),
        ("padding of the header", format!("{header}=.{payload}.{signature}"), format.clone()),
        ("padding of the payload", format!("{header}.{payload}==.{signature}"), format.clone()),
        ("padding without need", format!("{token}===="), format.clone()),
        ("unused bits of the signature", format!("{header}.{payload}.{}", stray(signature)), format.clone()),
        ("unused bits of the header", format!("{}.{payload}.{signature}", stray(header)), format.clone()),
        ("one character more", format!("{token}AAA"), format.clone()),
        ("two characters more", format!("{token}AA"), json!("BadSignature")),
        ("standard alphabet", token.replace(['-', '_'], "+"), format.clone()),
        ("space before", format!(" {token}"), format.clone()),
        ("space behind", format!("{token} "), format.clone()),
        ("line feed behind", format!("{token}\n"), unprintable.clone()),
        ("no signature", format!("{header}.{payload}"), format.clone()),
        ("one part", header.into(), format.clone()),
        ("four parts", format!("{token}.AA"), format.clone()),
        ("five parts", format!("{token}.AA.AA"), json!("Encrypted")),
        ("six parts", format!("{token}.AA.AA.AA"), format.clone()),
        ("no header", format!(".{payload}.{signature}"), format.clone()),
        ("no payload: detached", format!("{header}..{signature}"), format.clone()),
        ("dots alone", "..".into(), format.clone()),
        ("four dots alone", "....".into(), json!("Encrypted")),
        ("general JSON", general.to_string(), format.clone()),
        ("flattened JSON", flat.to_string(), format.clone()),
        ("beyond ASCII", format!("{token}\u{2d}\u{301}"), unprintable),
        (
            "parts swapped",
            format!("{payload}.{header}.{signature}"),
            json!({ "err": "MissingMember", "arg": "alg" }),
        ),
    ];
    for (name, token, expected) in attacks {
        assert_eq!(outcome(&EVERY_ALGORITHM, &token, &honest()), expected, "{name}");
    }
}

/// The attacker signs with a key of its own, and says in the header where to find it.
// REQ: JOSE-05, JOSE-10
#[test]
fn keys_and_more_in_the_header() {
    let attacker = jose::jwk("rsa2");
    let members = [
        ("jwk", attacker.clone()),
        ("jku", json!("https://evil.example/jwks")),
        ("x5u", json!("https://evil.example/cert")),
        ("x5c", json!(["MIIB"])),
        ("x5t", json!("AA")),
        ("x5t#S256", json!("AA")),
        ("iss", json!(ISSUER)),
        ("zip", json!("DEF")),
        ("enc", json!("A128GCM")),
        // Without `crit` it means nothing (RFC 7797 §6).
        ("b64", json!(false)),
    ];
    for (name, value) in members {
        let header = with(json!({ name: value }));
        let forged = signed_as("rsa2", "RS256", &header);
        assert_eq!(outcome(&EVERY_ALGORITHM, &forged, &honest()), "BadSignature", "{name}");
        let mut nameless = header.clone();
        nameless.as_object_mut().expect("a header").remove("kid");
        let forged = signed_as("rsa2", "RS256", &nameless);
        assert_eq!(outcome(&EVERY_ALGORITHM, &forged, &honest()), "BadSignature", "{name}");
        let mut theirs = header.clone();
        theirs["kid"] = attacker["kid"].clone();
        let forged = signed_as("rsa2", "RS256", &theirs);
        assert_eq!(outcome(&EVERY_ALGORITHM, &forged, &honest()), "UnknownKey", "{name}");
        // It is not looked at in a good token either.
        assert_eq!(outcome(&EVERY_ALGORITHM, &good(header), &honest()), "ok", "{name}");
    }
    for critical in
        [json!([]), json!(["b64"]), json!(["exp"]), json!(["alg"]), json!("b64"), json!(null), json!({})]
    {
        let header = with(json!({ "crit": critical, "b64": false }));
        assert_eq!(outcome(&EVERY_ALGORITHM, &good(header), &honest()), "CritUnsupported", "{critical}");
    }
}

/// A key that is not as it should be, and what a token signed by the right one comes to.
// REQ: JWKS-02, JWKS-04, JWKS-07, JWKS-08, JWKS-09, JWKS-10
#[test]
fn weak_and_malformed_keys() {
    let even = {
        let mut n = jose::part("rsa1", "n");
        *n.last_mut().expect("is there") &= 0xFE;
        jose::base64url(n)
    };
    let n = jose::part("rsa1", "n");
    let (y, x) = (jose::jwk("ec1")["y"].clone(), jose::jwk("ec1")["x"].clone());
    let zero_before = |octets: &[u8]| jose::base64url([&[0], octets].concat());
    let text = |value: &Value| value.as_str().expect("a text").to_string();
    let n_text = text(&jose::jwk("rsa1")["n"]);
    let small = jose::base64url([&[1][..], &[0; 31]].concat());
    let (invalid, mismatch, weak, ok) =
        (json!("KeyInvalid"), json!("KeyMismatch"), json!("KeyTooWeak"), json!("ok"));
    let attacks: [(&str, &str, Value, &Value); 46] = [
        ("rsa1", "n", json!(jose::base64url(&n[..128])), &weak),
        ("rsa1", "n", json!(jose::base64url(&n[..255])), &weak),
        ("rsa1", "n", json!(""), &weak),
        ("rsa1", "n", json!(even), &invalid),
        ("rsa1", "n", json!(jose::base64url([&n[..], &n, &[1]].concat())), &invalid),
        ("rsa1", "n", json!(format!("{n_text}==")), &invalid),
        ("rsa1", "n", json!(format!("{n_text}\n")), &invalid),
        ("rsa1", "n", json!(null), &invalid),
        ("rsa1", "n", json!(5), &invalid),
        ("rsa1", "n", json!(zero_before(&n)), &ok),
        ("rsa1", "e", json!("AQ"), &invalid),
        ("rsa1", "e", json!("Ag"), &invalid),
        ("rsa1", "e", json!(""), &invalid),
        ("rsa1", "e", json!("AAAA"), &invalid),
        ("rsa1", "e", json!("AQAAAAE"), &invalid),
        ("rsa1", "e", json!("AQAB=="), &invalid),
        ("rsa1", "e", json!("Aw"), &json!("BadSignature")),
        ("rsa1", "e", json!(zero_before(&[1, 0, 1])), &ok),
        ("rsa1", "d", json!("AQAB"), &invalid),
        ("rsa1", "kty", json!("rsa"), &mismatch),
        ("rsa1", "kty", json!("EC"), &mismatch),
        ("rsa1", "kty", json!(null), &mismatch),
        ("rsa1", "kty", json!("oct"), &mismatch),
        ("rsa1", "alg", json!("PS256"), &mismatch),
        ("rsa1", "alg", json!("rs256"), &mismatch),
        ("rsa1", "use", json!("enc"), &mismatch),
        ("rsa1", "key_ops", json!(["sign"]), &mismatch),
        ("rsa1", "key_ops", json!(["verify"]), &ok),
        ("rsa1", "x5c", json!(["garbage"]), &ok),
        ("ec1", "crv", json!("P-384"), &mismatch),
        ("ec1", "crv", json!("p-256"), &mismatch),
        ("ec1", "crv", json!("secp256k1"), &mismatch),
        ("ec1", "crv", json!("Ed25519"), &mismatch),
        ("ec1", "x", y, &invalid),
        ("ec1", "x", json!(zero_before(&jose::part("ec1", "x"))), &invalid),
        ("ec1", "y", json!(null), &invalid),
        ("ec1", "y", x, &invalid),
        ("ec384", "crv", json!("P-256"), &mismatch),
        ("ec384", "crv", json!("P-521"), &mismatch),
        ("ec384", "x", json!("AA"), &invalid),
        ("ed1", "crv", json!("X25519"), &mismatch),
        ("ed1", "crv", json!("Ed448"), &mismatch),
        ("ed1", "kty", json!("EC"), &mismatch),
        ("ed1", "x", json!(small), &invalid),
        ("ed1", "x", json!(jose::base64url(&jose::part("ed1", "x")[1..])), &invalid),
        ("ed1", "d", json!("AA"), &invalid),
    ];
    for (name, member, value, expected) in attacks {
        let algorithm = jose::algorithm(name);
        let token = signed_as(name, algorithm, &json!({ "alg": algorithm, "kid": name }));
        let mut key = jose::jwk(name);
        assert_eq!(outcome(&EVERY_ALGORITHM, &token, &json!({ "keys": [key] })), "ok", "{name}");
        key[member] = value;
        assert_eq!(outcome(&EVERY_ALGORITHM, &token, &json!({ "keys": [key] })), *expected, "{key}");
        // Under another name it is in nobody's way, nor is what is no key.
        key["kid"] = json!("other");
        let keys = json!({ "keys": [key, 5, null, "", [], {}, jose::jwk(name)] });
        assert_eq!(outcome(&EVERY_ALGORITHM, &token, &keys), "ok", "{key}");
    }
}

// REQ: JOSE-22, JWKS-05, JWKS-06
#[test]
fn several_keys_of_one_name() {
    let named = |key: &str, kid: &str| {
        let mut key = jose::jwk(key);
        key["kid"] = json!(kid);
        key
    };
    let wrong = named("rsa2", "rsa1");
    let right = jose::jwk("rsa1");
    let others = [named("ec1", "rsa1"), named("ed1", "rsa1"), named("ec384", "rsa1")];
    let sets = [
        (vec![wrong.clone(), right.clone()], "ok"),
        (vec![right.clone(), wrong.clone()], "ok"),
        (vec![wrong.clone(), wrong.clone()], "BadSignature"),
        (vec![wrong.clone(), wrong.clone(), wrong.clone(), right.clone()], "ok"),
        (vec![wrong.clone(), wrong.clone(), wrong.clone(), wrong.clone(), right.clone()], "AmbiguousKey"),
        ([&others[..], std::slice::from_ref(&right)].concat(), "ok"),
        (others.to_vec(), "KeyMismatch"),
        (vec![named("rsa1", "RSA1")], "UnknownKey"),
        (vec![named("rsa1", "rsa1 ")], "UnknownKey"),
        (vec![named("rsa1", "")], "UnknownKey"),
        (vec![], "UnknownKey"),
    ];
    for (keys, expected) in sets {
        let keys = json!({ "keys": keys });
        assert_eq!(outcome(&EVERY_ALGORITHM, &good(rs256()), &keys), expected, "{keys}");
    }
    // A member twice, which `serde_json` does not write.
    let twice = right.to_string().replace("\"kty\"", "\"kty\":\"oct\",\"kty\"");
    let body = json!({ "access_token": "AT", "token_type": "Bearer", "id_token": good(rs256()) }).to_string();
    let (answer, keys) = (Answer::json(body.as_bytes()), format!(r#"{{"keys":[{twice}]}}"#));
    let mut flow = at_exchange(&EVERY_ALGORITHM, "abc");
    let seen = with_tokens(&mut flow, NOW, &answer, keys.as_bytes(), Cut::Whole, &mut vec![0; 8192], |_| {
        json!("ok")
    });
    assert_eq!(seen, json!({ "err": "KeyInvalid" }));
}
