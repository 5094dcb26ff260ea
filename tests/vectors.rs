//! The known answers of `spec/vectors.json`, as far as a caller can see them. What shows only within the core is
//! tested there.

mod tables;

use std::sync::Mutex;

use base64ct::{Base64, Encoding};
use keyfob_core::client::{Client, Prompt};
use keyfob_core::client_authentication::ClientAuthentication;
use keyfob_core::error::{Check, Error, Name};
use keyfob_core::exchange::{Discovery, Exchange, Revocation};
use keyfob_core::flow::{
    Action, AuthorizationCode, DeviceAuthorization, Event, Flow, Redirect, RefreshToken,
};
use keyfob_core::http::Method;
use keyfob_core::jwk::THUMBPRINT_LENGTH;
use keyfob_core::jws::{
    Algorithm, Ed25519, EdDsa, Es256, Es256Signer, Es384, Hs256, Key, MAX_SIGNATURE, Ps256, Ps384, Rs256,
    Rs384, Rs512, Signer, Verifier,
};
use keyfob_core::metadata::Metadata;
use keyfob_core::secret::{Secret, Seed};
use keyfob_core::time::{Now, UnixTime};
use serde_json::{Value, json};

use crate::tables::{
    Answer, CLIENT, CLIENT_ID, Cut, ISSUER, NOW, OAUTH_CLIENT, REDIRECT_URI, SERVER, SUBJECT, at_authorize,
    at_exchange, authorization_url, jose, keep, outcome, outcome::Step, parameter, parameters, seed, sent,
    tokens, with_tokens,
};

/// Lists of rows that no test reads: the group, the list, and why.
const PENDING: &[(&str, &str, &str)] = &[
    ("fixed_rng", "", "one seed is drawn, and the three values are derived from it (DESIGN.md)"),
    ("pkce", "verifier_accept_len", "PKCE-02: no verifier is given from outside"),
    ("pkce", "verifier_reject", "PKCE-02: no verifier is given from outside"),
];

/// Lists that a test below reads, or one in `dpop.rs`, and how many rows they have. Without a list, the group is one row.
const RUN: &[(&str, &str, usize)] = &[
    ("authorization_url", "cases", 4),
    ("base64url", "decode_reject", 12),
    ("base64url", "encode", 23),
    ("client_secret_basic", "cases", 9),
    ("device_authorization_response", "", 1),
    ("dpop", "ath", 1),
    ("dpop", "htu", 7),
    ("dpop", "proofs", 3),
    ("form_bodies", "cases", 8),
    ("half_hash", "cases", 13),
    ("issuer_response_9207", "", 1),
    ("json_numbers", "expires_in", 19),
    ("json_numbers", "grammar_bad", 14),
    ("json_numbers", "grammar_ok", 16),
    ("json_numbers", "numeric_date", 20),
    ("jwk_thumbprint", "cases", 3),
    ("jws", "oidc_core_examples", 5),
    ("jws", "verify", 10),
    ("par_response", "", 1),
    ("percent_encoding", "decode", 14),
    ("percent_encoding", "decode_reject", 14),
    ("percent_encoding", "encode", 30),
    ("pkce", "s256", 8),
    ("well_known_url", "cases", 7),
];

fn vectors() -> Value {
    serde_json::from_str(include_str!("spec/vectors.json")).expect("vectors are JSON")
}

fn rows(group: &str, name: &str) -> Vec<Value> {
    vectors()[group][name].as_array().expect("there is such a group").clone()
}

fn text<'v>(row: &'v Value, name: &str) -> &'v str {
    row[name].as_str().unwrap_or_else(|| panic!("{row} has no {name}"))
}

/// Every list of the file is in one of the two tables, with all of its rows. What the file's own script calls 367 checks
/// is 259 rows: it looks at each of some rows twice, or four times.
#[test]
fn every_row_is_run_or_pending() {
    let vectors = vectors();
    let mut lists = Vec::new();
    for (group, members) in vectors.as_object().expect("groups").iter().filter(|(name, _)| *name != "about") {
        let members = members.as_object().expect("members");
        let is_list =
            |name: &str, value: &Value| name != "req" && (value.is_array() || name == "oidc_core_examples");
        let before = lists.len();
        for (name, value) in members.iter().filter(|(name, value)| is_list(name, value)) {
            let rows = value.as_array().or_else(|| value["tokens"].as_array()).expect("rows");
            lists.push((group.as_str(), name.as_str(), rows.len()));
        }
        if lists.len() == before {
            lists.push((group, "", 1));
        }
    }
    for (group, list, reason) in PENDING {
        println!("{group} {list} is pending: {reason}");
    }
    let is_pending =
        |group: &str, list: &str| PENDING.iter().any(|known| (known.0, known.1) == (group, list));
    let (pending, run): (Vec<_>, Vec<_>) =
        lists.into_iter().partition(|(group, list, _)| is_pending(group, list));
    assert_eq!(run, RUN);
    assert_eq!(pending.len(), PENDING.len());
    let count = |lists: &[(&str, &str, usize)]| lists.iter().map(|list| list.2).sum::<usize>();
    assert_eq!((count(&run), count(&pending)), (243, 16));
}

/// Octets as the file writes them.
/// The tables of cases, which the tests of their own names run, none of them pending.
#[test]
fn no_case_is_missing() {
    let tables = [
        (include_str!("spec/cases-device.json"), 44),
        (include_str!("spec/cases-discovery.json"), 49),
        (include_str!("spec/cases-idtoken.json"), 214),
        (include_str!("spec/cases-logout.json"), 23),
        (include_str!("spec/cases-redirect.json"), 98),
        (include_str!("spec/cases-token.json"), 157),
        (include_str!("spec/cases-www-authenticate.json"), 18),
    ];
    for (table, count) in tables {
        let table: Value = serde_json::from_str(table).expect("JSON");
        assert_eq!(table["cases"].as_array().map(Vec::len), Some(count), "{}", table["about"]);
    }
    assert_eq!(tables.iter().map(|(_, count)| count).sum::<usize>(), 603);
}

fn octets(hex: &str) -> Vec<u8> {
    let digits = |pair: &[u8]| str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
    hex.as_bytes().chunks(2).map(|pair| digits(pair).expect("hexadecimal")).collect()
}

/// A verifier that agrees, and keeps what it was given.
#[derive(Default)]
struct Witness {
    seen: Mutex<Vec<[Vec<u8>; 4]>>,
}

impl Verifier for Witness {
    fn algorithm(&self) -> Algorithm {
        Algorithm::Es256
    }

    fn hash<'h>(&self, input: &[u8], out: &'h mut [u8; 64]) -> &'h [u8] {
        Es256.hash(input, out)
    }

    fn verify(&self, key: Key<'_>, message: &[u8], signature: &[u8]) -> Result<(), Check> {
        let Key::P256 { x, y } = key else { return Err(Check::KeyMismatch) };
        self.seen.lock().expect("no panic").push([x, y, message, signature].map(Into::into));
        Ok(())
    }
}

/// What a verifier gets when a signature and a coordinate of the key are this text.
fn witnessed(signature: &str, x: &str) -> (Value, Vec<[Vec<u8>; 4]>) {
    let witness = Witness::default();
    let verifiers: [&dyn Verifier; 1] = [&witness];
    let client = CLIENT.algorithms(&verifiers);
    let message = format!("{}.{}", jose::base64url(r#"{"alg":"ES256","kid":"k"}"#), jose::base64url("{}"));
    let body =
        json!({ "access_token": "AT", "token_type": "Bearer", "id_token": format!("{message}.{signature}") });
    let keys = json!({ "keys": [{ "kty": "EC", "crv": "P-256", "kid": "k", "x": x, "y": "AQ" }] });
    let mut flow = at_exchange(&client, "abc");
    let outcome = tokens(
        &mut flow,
        NOW,
        &Answer::json(body.to_string().as_bytes()),
        keys.to_string().as_bytes(),
        Cut::Whole,
    );
    let seen = witness.seen.into_inner().expect("no panic");
    assert!(seen.iter().all(|[_, y, signed, _]| y == &[1] && *signed == message.as_bytes()));
    (outcome, seen)
}

// REQ: ENC-11, JOSE-03, JOSE-13, JOSE-23
#[test]
fn base64url_is_read_strictly() {
    for row in rows("base64url", "encode") {
        let (octets, text) = (octets(text(&row, "hex")), text(&row, "b64u"));
        // The claims are empty; that comes behind the signature.
        let (outcome, seen) = witnessed(text, text);
        assert_eq!(outcome, json!({ "err": "ClaimMissing", "arg": "iss" }), "{row}");
        let [[x, _, _, signature]] = &seen[..] else { panic!("{row}: {seen:?}") };
        assert_eq!((x, signature), (&octets, &octets), "{row}");
    }
    for row in rows("base64url", "decode_reject") {
        let bad = text(&row, "in");
        let printable = bad.bytes().all(|octet| matches!(octet, 0x20..=0x7E));
        let refused = if printable {
            json!({ "err": "JwtFormat" })
        } else {
            json!({ "err": "BadMember", "arg": "id_token" })
        };
        assert_eq!(witnessed(bad, "AQ"), (refused, vec![]), "{row}");
        assert_eq!(witnessed("AQ", bad), (json!({ "err": "KeyInvalid" }), vec![]), "{row}");
    }
}

fn sha256(text: &str) -> String {
    jose::base64url(ring::digest::digest(&ring::digest::SHA256, text.as_bytes()))
}

// REQ: PKCE-01, PKCE-03, PKCE-04, AUTHZ-04, AUTHZ-05
#[test]
fn the_challenge_is_the_digest_of_the_verifier() {
    for row in rows("pkce", "s256") {
        assert_eq!(sha256(text(&row, "verifier")), text(&row, "challenge"));
    }
    for number in 1..=64 {
        let mut octets = [number; Seed::LENGTH];
        octets[0] = 0;
        let mut flow =
            AuthorizationCode::<16>::new(&CLIENT, Seed::new(octets).expect("a seed"), NOW).expect("a flow");
        let url = authorization_url(&flow);
        let [state, nonce, challenge] =
            ["state", "nonce", "code_challenge"].map(|name| parameter(&url, name).expect("is there"));
        assert_eq!(parameter(&url, "code_challenge_method").as_deref(), Some("S256"));
        let back = format!("{REDIRECT_URI}?code=abc&state={state}");
        flow.handle(NOW, Event::Redirect(Redirect::Url(&back))).expect("our redirect");
        let verifier = parameter(&sent(&flow).body, "code_verifier").expect("is there");
        assert_eq!(sha256(&verifier), challenge);
        for value in [&state, &nonce, &verifier] {
            assert_eq!(jose::decode(value).expect("base64url").len(), 32);
        }
        assert!(state != nonce && state != verifier && nonce != verifier);
    }
}

// REQ: ENC-01, ENC-02, ENC-16
#[test]
fn escapes_are_written_in_names_and_values() {
    for row in rows("percent_encoding", "encode") {
        let (plain, query) = (text(&row, "in"), text(&row, "query"));
        let values = [("value", plain)];
        let url = authorization_url(&at_authorize(&CLIENT.parameters(&values)));
        let end = if plain.is_empty() { String::new() } else { format!("&value={query}") };
        assert!(
            url.ends_with(&format!("{}{end}", parameter(&url, "nonce").expect("a nonce"))),
            "{row}: {url}"
        );
        assert!(url.bytes().all(|octet| matches!(octet, 0x21..=0x7E)), "{url}");
        if !plain.is_empty() {
            let names = [(plain, "value")];
            let url = authorization_url(&at_authorize(&CLIENT.parameters(&names)));
            assert!(url.ends_with(&format!("&{query}=value")), "{row}: {url}");
        }
        // The rest does not get into a form: no token holds it.
        if !plain.is_empty() && plain.bytes().all(|octet| matches!(octet, 0x20..=0x7E)) {
            let flow = RefreshToken::<64>::new(&CLIENT, plain, None).expect("a good client");
            let form = text(&row, "form");
            assert!(sent(&flow).body.contains(&format!("&refresh_token={form}&")), "{row}");
        }
    }
}

/// What becomes of a redirect whose code is written like this.
fn code(written: &str) -> Result<String, Error> {
    let mut flow = at_authorize(&CLIENT);
    let state = parameter(&authorization_url(&flow), "state").expect("a state");
    let back = format!("{REDIRECT_URI}?code={written}&state={state}");
    flow.handle(NOW, Event::Redirect(Redirect::Url(&back)))?;
    Ok(parameter(&sent(&flow).body, "code").expect("a code"))
}

// REQ: ENC-03, ENC-04, ENC-05
#[test]
fn escapes_are_read() {
    for row in rows("percent_encoding", "decode") {
        let plain = text(&row, "out");
        let expected = if plain.is_empty() {
            Err(Check::MissingParameter(Name::Code).into())
        } else if plain.bytes().all(|octet| matches!(octet, 0x20..=0x7E)) {
            Ok(plain.to_string())
        } else {
            Err(Check::BadParameter(Name::Code).into())
        };
        assert_eq!(code(text(&row, "in")), expected, "{row}");
    }
    for row in rows("percent_encoding", "decode_reject") {
        assert_eq!(code(text(&row, "in")), Err(Check::BadEncoding(Name::Code).into()), "{row}");
    }
}

fn basic(id: &str, secret: &str) -> Result<String, Error> {
    let client =
        Client::new(SERVER, id).authentication(ClientAuthentication::ClientSecretBasic(Secret::new(secret)));
    let flow = RefreshToken::<64>::new(&client, "8xLOxBtZp8", None)?;
    let sent = sent(&flow);
    assert_eq!(sent.body, "grant_type=refresh_token&refresh_token=8xLOxBtZp8");
    Ok(sent.header("Authorization").expect("is there").into())
}

// REQ: AUTHC-02, AUTHC-03, ENC-12
#[test]
fn basic_is_form_encoded_first() {
    for row in rows("client_secret_basic", "cases") {
        let (id, secret) = (text(&row, "client_id"), text(&row, "client_secret"));
        // No client has such a name (CFG-01), but for the one in this row.
        let expected =
            if id.is_ascii() { Ok(text(&row, "header").into()) } else { Err(Error::Config(Name::ClientId)) };
        assert_eq!(basic(id, secret), expected, "{row}");
    }
}

/// The rule of the group: what is escaped in a form is escaped here, but for `*` (`DESIGN.md` says why).
// REQ: AUTHC-02
#[test]
fn basic_escapes_what_a_form_escapes() {
    for row in rows("percent_encoding", "encode") {
        let (plain, form) = (text(&row, "in"), text(&row, "form").replace("%2A", "*"));
        if !plain.is_empty() && plain.bytes().all(|octet| matches!(octet, 0x20..=0x7E)) {
            let header = basic(plain, plain).expect("a good client");
            let base64 = Base64::decode_vec(header.strip_prefix("Basic ").expect("Basic"));
            assert_eq!(String::from_utf8(base64.expect("base64")).expect("ASCII"), format!("{form}:{form}"));
        }
    }
}

// REQ: AUTHC-08
#[test]
fn raw_basic_escapes_nothing() {
    for (secret, header) in [("p%w", "Basic aWQ6cCV3"), ("a b+c:*", "Basic aWQ6YSBiK2M6Kg==")] {
        let way = ClientAuthentication::ClientSecretBasicRaw(Secret::new(secret));
        let client = Client::new(SERVER, "id").authentication(way);
        let flow = RefreshToken::<8>::new(&client, "RT", None).expect("a good client");
        assert_eq!(sent(&flow).header("Authorization"), Some(header));
    }
}

/// The verifier of an algorithm. ES512 is not built: one more curve, for which no server is known that signs ID tokens
/// with nothing else.
fn verifier(algorithm: &str) -> Option<&'static dyn Verifier> {
    Some(match algorithm {
        "Ed25519" => &Ed25519,
        "EdDSA" => &EdDsa,
        "ES256" => &Es256,
        "ES384" => &Es384,
        "HS256" => &Hs256,
        "PS256" => &Ps256,
        "PS384" => &Ps384,
        "RS256" => &Rs256,
        "RS384" => &Rs384,
        "RS512" => &Rs512,
        _ => return None,
    })
}

/// A JWK of the file, with its parts decoded.
struct Parts(Value);

impl Parts {
    fn of(jwk: &Value) -> Self {
        let members = jwk.as_object().expect("a key").iter();
        let decoded = |value: &Value| value.as_str().and_then(jose::decode).unwrap_or_default();
        Self(members.map(|(name, value)| (name.clone(), json!([value, decoded(value)]))).collect())
    }

    fn octets(&self, name: &str) -> Vec<u8> {
        serde_json::from_value(self.0[name][1].clone()).expect("octets")
    }

    fn with_key<T>(&self, look: impl FnOnce(Key<'_>) -> T) -> T {
        let [x, y, n, e, k] = ["x", "y", "n", "e", "k"].map(|name| match self.0[name].is_null() {
            true => vec![],
            false => self.octets(name),
        });
        look(match (&self.0["kty"][0], &self.0["crv"][0]) {
            (kind, _) if kind == "RSA" => Key::Rsa { modulus: &n, exponent: &e },
            (kind, _) if kind == "oct" => Key::Secret(&k),
            (_, curve) if curve == "P-256" => Key::P256 { x: &x, y: &y },
            (_, curve) if curve == "P-384" => Key::P384 { x: &x, y: &y },
            (_, curve) if curve == "Ed25519" => Key::Ed25519 { x: &x },
            other => panic!("{other:?}"),
        })
    }
}

/// Checks a token's signature with a key from the file.
fn verified(verifier: &dyn Verifier, token: &str, jwk: &Value) -> Result<(), Check> {
    let (message, signature) = token.rsplit_once('.').expect("a token");
    let signature = jose::decode(signature).expect("base64url");
    Parts::of(jwk).with_key(|key| verifier.verify(key, message.as_bytes(), &signature))
}

// REQ: JOSE-07, JOSE-17, JOSE-19, JOSE-25
#[test]
fn published_signatures_verify() {
    let (mut verified_ones, mut refused) = (0, vec![]);
    for row in rows("jws", "verify") {
        let token = text(&row, "token");
        match verifier(text(&row, "alg")) {
            Some(verifier) => {
                assert_eq!(verified(verifier, token, &row["key"]), Ok(()), "{row}");
                verified_ones += 1;
            }
            None => {
                let body = json!({ "access_token": "AT", "token_type": "Bearer", "id_token": token });
                let client = CLIENT.algorithms(&[&Ed25519, &EdDsa, &Es256, &Es384, &Ps384, &Rs256]);
                let answer = body.to_string();
                let answer = Answer::json(answer.as_bytes());
                let seen = tokens(&mut at_exchange(&client, "abc"), NOW, &answer, b"", Cut::Whole);
                refused.push((text(&row, "alg").to_string(), seen));
            }
        }
    }
    let examples = &vectors()["jws"]["oidc_core_examples"];
    for row in examples["tokens"].as_array().expect("tokens") {
        assert_eq!(verified(&Rs256, text(row, "token"), &examples["key"]), Ok(()), "{row}");
        verified_ones += 1;
    }
    let outcomes = [("ES512", "AlgNotAllowed"), ("none", "AlgNone"), ("ES512", "AlgNotAllowed")];
    assert_eq!(refused, outcomes.map(|(algorithm, error)| (algorithm.into(), json!({ "err": error }))));
    assert_eq!(verified_ones, 12);
}

// REQ: DPOP-17
#[test]
fn thumbprints_are_these() {
    let mut run = 0;
    for row in rows("jwk_thumbprint", "cases") {
        Parts::of(&row["jwk"]).with_key(|key| {
            assert_eq!(key.write_jwk(&mut [0; 512]), Ok(text(&row, "canonical")));
            assert_eq!(key.thumbprint(&mut [0; THUMBPRINT_LENGTH]), Ok(text(&row, "sha256")));
        });
        run += 1;
    }
    assert_eq!(run, 3);
}

// REQ: DPOP-18
#[test]
fn published_proofs_verify_as_our_own_do() {
    let mut run = 0;
    for row in rows("dpop", "proofs") {
        assert_eq!(verified(&Es256, text(&row, "proof"), &row["header"]["jwk"]), Ok(()), "{row}");
        run += 1;
    }
    assert_eq!(run, 3);
    let signer = Es256Signer::new(&[7; 32]).expect("a key");
    let mut signature = [0; MAX_SIGNATURE];
    let length = signer.sign(b"header.payload", &mut signature).expect("it signs");
    assert_eq!(length, 64);
    assert_eq!(Es256.verify(signer.public_key(), b"header.payload", &signature[..length]), Ok(()));
}

/// The claims of a good token for `flow`, with some changed.
fn claims(nonce: &str, changes: Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "sub": SUBJECT, "aud": CLIENT_ID, "exp": 1_760_000_300, "iat": 1_759_999_995, "nonce": nonce,
    });
    for (name, value) in changes.as_object().expect("claims") {
        claims[name] = value.clone();
    }
    claims
}

/// What comes of a sign-in with this code, access token and further claims: which hashes were there and right.
fn hashes(algorithm: &str, code: &str, access_token: &str, changes: Value) -> Value {
    let secret = ClientAuthentication::ClientSecretPost(Secret::new(jose::SECRET));
    let verifiers = [verifier(algorithm).expect("is built")];
    let client = CLIENT.algorithms(&verifiers).authentication(secret);
    let nonce = parameter(&authorization_url(&at_authorize(&client)), "nonce").expect("a nonce");
    let key = match algorithm.get(..2) {
        Some("Ed") => "ed1",
        Some("ES") => "ec1",
        Some("HS") => jose::SECRET,
        _ => "rsa1",
    };
    let header = json!({ "alg": algorithm, "kid": key }).to_string();
    let id_token = jose::token(key, header, claims(&nonce, changes).to_string());
    let body =
        json!({ "access_token": access_token, "token_type": "Bearer", "id_token": id_token }).to_string();
    let mut flow = at_exchange(&client, code);
    let mut buffer = vec![0; 16 * 1024];
    let keys = jose::jwks().to_string();
    let answer = Answer::json(body.as_bytes());
    with_tokens(&mut flow, NOW, &answer, keys.as_bytes(), Cut::Whole, &mut buffer, |tokens| {
        let checked = tokens.id_token().expect("is there").checked();
        json!({ "at_hash": checked.access_token, "c_hash": checked.code })
    })
}

// REQ: IDT-15, IDT-28
#[test]
fn half_hashes_are_compared() {
    let mut run = 0;
    for row in rows("half_hash", "cases") {
        let (claim, value, algorithm) = (text(&row, "claim"), text(&row, "value"), text(&row, "alg"));
        run += 1;
        if let "ES384" | "ES512" = algorithm {
            // The signing of these tests has no such curve, and the core no P-521.
            let Some(verifier) = verifier(algorithm) else { continue };
            let mut hash = [0; 64];
            let hash = verifier.hash(value.as_bytes(), &mut hash);
            assert_eq!(jose::base64url(&hash[..hash.len() / 2]), text(&row, "hash"), "{row}");
            continue;
        }
        let (code, token) = if claim == "at_hash" { ("abc", value) } else { (value, "AT") };
        let seen = hashes(algorithm, code, token, json!({ claim: row["hash"] }));
        assert_eq!(seen, json!({ "at_hash": claim == "at_hash", "c_hash": claim == "c_hash" }), "{row}");
        let seen =
            hashes(algorithm, &format!("{code}x"), &format!("{token}x"), json!({ claim: row["hash"] }));
        assert_eq!(seen, json!({ "err": "HashMismatch", "arg": claim }), "{row}");
    }
    assert_eq!(run, 13);
    assert_eq!(hashes("RS256", "abc", "AT", json!({})), json!({ "at_hash": false, "c_hash": false }));
}

// REQ: AUTHZ-01, AUTHZ-02, AUTHZ-03, AUTHZ-16, ENC-07, ENC-10
#[test]
fn authorization_urls_are_these_octets() {
    for row in rows("authorization_url", "cases") {
        let metadata = SERVER.authorization_endpoint(text(&row, "endpoint"));
        let pairs: Vec<(&str, &str)> = row["params"]
            .as_array()
            .expect("pairs")
            .iter()
            .map(|pair| (pair[0].as_str().expect("a name"), pair[1].as_str().expect("a value")))
            .collect();
        let all =
            |name: &str| pairs.iter().filter(|pair| pair.0 == name).map(|pair| pair.1).collect::<Vec<_>>();
        let one = |name: &str| all(name).first().copied().unwrap_or_default();
        let list = |name: &str| one(name).split(' ').filter(|item| !item.is_empty()).collect::<Vec<_>>();
        let (scope, locales, resource) = (list("scope"), list("ui_locales"), all("resource"));
        let mut client = Client::new(metadata, one("client_id"))
            .redirect_uri(one("redirect_uri"))
            .scope(&scope)
            .ui_locales(&locales)
            .resource(&resource)
            .login_hint(one("login_hint"));
        match one("prompt") {
            "" => {}
            "consent" => client = client.prompt(&[Prompt::Consent]),
            prompt => panic!("{prompt}"),
        }
        if let Ok(seconds) = one("max_age").parse() {
            client = client.max_age(seconds);
        }
        let url = authorization_url(&at_authorize(&client));
        let mut expected = text(&row, "url").to_string();
        // These three come from the seed.
        for name in ["state", "nonce", "code_challenge"] {
            expected = expected.replace(one(name), &parameter(&url, name).expect("is there"));
        }
        assert_eq!(url, expected);
    }
}

// REQ: TOKEN-01, TOKEN-02, AUTHC-01, AUTHC-04, ENC-10, DEV-01, DEV-12
#[test]
fn forms_are_these_octets() {
    let mut run = 0;
    for row in rows("form_bodies", "cases") {
        let name = text(&row, "name");
        let one = |name: &str| {
            let pairs = row["params"].as_array().into_iter().flatten();
            pairs.filter(|pair| pair[0] == name).find_map(|pair| pair[1].as_str()).unwrap_or_default()
        };
        let secret = one("client_secret");
        let mut client = CLIENT.scope(&["openid", "profile", "email"]);
        if !secret.is_empty() {
            client = client.authentication(ClientAuthentication::ClientSecretPost(Secret::new(secret)));
        }
        run += 1;
        let sent = match one("grant_type") {
            "authorization_code" => sent(&at_exchange(&client, one("code"))),
            "refresh_token" => {
                let scope: Vec<_> = one("scope").split(' ').filter(|token| !token.is_empty()).collect();
                let flow =
                    RefreshToken::<64>::new(&client, one("refresh_token"), None).expect("a good client");
                sent(&flow.narrow(&scope).expect("a part of the scope"))
            }
            "urn:ietf:params:oauth:grant-type:device_code" => {
                devices(&row);
                continue;
            }
            _ if name == "device authorization" => {
                devices(&row);
                continue;
            }
            _ => {
                assert_eq!(name, "revocation");
                let client = Client::oauth(SERVER.revocation_endpoint(REVOCATION), CLIENT_ID);
                let mut out = [0; 256];
                let revocation = Revocation::refresh_token(&client, one("token"));
                let request = revocation.request(NOW, &mut out).expect("the settings are right");
                assert_eq!((request.url(), request.body()), (REVOCATION, text(&row, "body").as_bytes()));
                continue;
            }
        };
        let mut expected = text(&row, "body").to_string();
        if let Some(verifier) = parameter(&sent.body, "code_verifier") {
            expected = expected.replace(one("code_verifier"), &verifier);
        }
        assert_eq!(sent.body, expected, "{name}");
        assert_eq!(sent.header("Authorization"), None, "{name}");
        assert_eq!(sent.header("Content-Type"), Some("application/x-www-form-urlencoded"));
        assert_eq!(sent.url, "https://op.example.com/token");
    }
    assert_eq!(run, 8);
}

const REVOCATION: &str = "https://op.example.com/revoke";

/// The requests of a device, RFC 8628 §3.1 and §3.4. A client's identifier stands behind what it asks for, as in
/// every request.
fn devices(row: &Value) {
    let flow = device(row["params"].as_array().expect("pairs"));
    let sent = sent_at(&flow.0, flow.1);
    let pairs = |body: &str| {
        let mut pairs = parameters(body);
        pairs.sort();
        pairs
    };
    assert_eq!(pairs(&sent), pairs(text(row, "body")));
    if text(row, "body").starts_with("grant_type") {
        assert_eq!(sent, text(row, "body"));
    }
}

const DEVICE: Client<'static> = Client::oauth(
    SERVER.device_authorization_endpoint("https://op.example.com/device_authorization"),
    "1406020730",
)
.scope(&["example_scope"]);

/// A device that sends these parameters, and the moment at which it does.
fn device(parameters: &[Value]) -> (DeviceAuthorization<'static, 256>, Now) {
    let flow = DeviceAuthorization::new(&DEVICE, seed(), NOW).expect("a good client");
    let is_poll = parameters.iter().any(|pair| pair[0] == "device_code");
    if !is_poll {
        return (flow, NOW);
    }
    let group = &vectors()["device_authorization_response"];
    (with_codes(flow, text(group, "body")), Now { uptime: NOW.uptime + 5100, ..NOW })
}

fn with_codes(mut flow: DeviceAuthorization<'static, 256>, body: &str) -> DeviceAuthorization<'static, 256> {
    let mut buffer = [0; 1024];
    let answer = Answer::json(body.as_bytes());
    let (response, _) = answer.read(keep(&flow), Cut::Whole, &mut buffer);
    assert!(matches!(flow.handle(NOW, Event::Response(response)), Ok(None)));
    flow
}

fn sent_at(flow: &DeviceAuthorization<'_, 256>, now: Now) -> String {
    match flow.poll(now, &mut [0; 1024]) {
        Ok(Action::Send(request)) => String::from_utf8(request.body().into()).expect("a form"),
        other => panic!("{other:?}"),
    }
}

// REQ: DEV-03, DEV-08, DEV-29
#[test]
fn the_codes_of_rfc_8628() {
    let group = &vectors()["device_authorization_response"];
    let flow = DeviceAuthorization::new(&DEVICE, seed(), NOW).expect("a good client");
    let flow = with_codes(flow, text(group, "body"));
    let Ok(Action::Display(code)) = flow.poll(NOW, &mut []) else { panic!("a code is there") };
    assert_eq!(code.user_code(), group["user_code"]);
    assert_eq!(code.verification_uri(), group["verification_uri"]);
    assert_eq!(code.verification_uri_complete(), group["verification_uri_complete"].as_str());
    assert_eq!(code.seconds_left(), group["expires_in"]);
    let interval = group["interval"].as_u64().expect("a number") * 1000;
    let margin = u64::from(DeviceAuthorization::<256>::MARGIN);
    assert_eq!(code.until(), NOW.uptime + interval + margin);
    let later = Now { uptime: code.until(), ..NOW };
    assert_eq!(parameter(&sent_at(&flow, later), "device_code").as_deref(), group["device_code"].as_str());
}

// REQ: PAR-03, PAR-04
#[test]
fn the_answer_to_a_push_becomes_this_url() {
    let row = &vectors()["par_response"];
    let server = Metadata::new("https://server.example.com")
        .authorization_endpoint("https://server.example.com/authorize")
        .token_endpoint("https://server.example.com/token")
        .jwks_uri("https://server.example.com/jwks")
        .pushed_authorization_request_endpoint("https://server.example.com/as/par");
    let client = Client::new(server, "s6BhdRkqt3")
        .redirect_uri("https://client.example.org/cb")
        .pushed_authorization_request();
    let mut flow = at_authorize(&client);
    let status = row["status"].as_u64().and_then(|status| u16::try_from(status).ok()).expect("a status");
    let answer = Answer { status, ..Answer::json(text(row, "body").as_bytes()) };
    let mut buffer = [0; 256];
    let (response, _) = answer.read(keep(&flow), Cut::Whole, &mut buffer);
    assert!(matches!(flow.handle(NOW, Event::Response(response)), Ok(None)));
    assert_eq!(authorization_url(&flow), text(row, "authorization_url"));
    let seconds = row["expires_in"].as_u64().expect("seconds");
    let at = |uptime| Now { uptime: NOW.uptime + uptime, ..NOW };
    let mut out = [0; 1024];
    assert!(matches!(flow.poll(at(seconds * 1000 - 1), &mut out), Ok(Action::Authorize(_))));
    assert!(matches!(flow.poll(at(seconds * 1000), &mut out), Ok(Action::Send(_))));
}

// REQ: REDIR-11
#[test]
fn the_issuer_in_a_response_is_compared() {
    let group = &vectors()["issuer_response_9207"];
    let metadata = Metadata::new(text(group, "issuer"))
        .authorization_endpoint("https://honest.as.example/authorize")
        .token_endpoint("https://honest.as.example/token")
        .authorization_response_iss_parameter_supported(true);
    let client = Client::new(metadata, CLIENT_ID).redirect_uri("https://client.example/cb").scope(&[]);
    let back = |name: &str, change: fn(&str) -> String| {
        let mut flow = at_authorize(&client);
        let response = text(group, name);
        let theirs = parameter(response, "state").expect("a state");
        let ours = parameter(&authorization_url(&flow), "state").expect("a state");
        let response = change(&response.replace(&theirs, &ours));
        match flow.handle(NOW, Event::Redirect(Redirect::Url(&response))) {
            Ok(_) => json!(parameter(&sent(&flow).body, "code")),
            Err(error) => outcome::of(error, Step::Redirect, flow.refusal()),
        }
    };
    let unchanged: fn(&str) -> String = str::to_string;
    let other: fn(&str) -> String = |response| response.replace("honest", "attacker");
    let none: fn(&str) -> String = |response| response.split("&iss=").next().expect("is there").into();
    assert_eq!(back("ok", unchanged), "x1848ZT64p4IirMPT0R-X3141MFPTuBX-VFL_cvaplMH58");
    assert_eq!(back("error", unchanged), json!({ "err": "AuthorizationError", "arg": "access_denied" }));
    for name in ["ok", "error"] {
        assert_eq!(back(name, other), json!({ "err": "IssuerMismatch" }));
        assert_eq!(back(name, none), json!({ "err": "IssuerMissing" }));
    }
}

// REQ: DISC-01, DISC-02, INTEROP-01, HTTP-03, HTTP-16
#[test]
fn metadata_is_where_the_issuer_says() {
    for row in rows("well_known_url", "cases") {
        let openid = Discovery::new(text(&row, "issuer")).expect("a good issuer");
        let oauth = openid.oauth_authorization_server();
        for (discovery, name) in [(openid, "openid_configuration"), (oauth, "oauth_authorization_server")] {
            let mut out = [0; 256];
            let request = discovery.request(NOW, &mut out).expect("a short URL");
            assert_eq!(request.url(), text(&row, name));
            assert_eq!((request.method(), request.body()), (Method::Get, &b""[..]));
            assert_eq!(request.headers().collect::<Vec<_>>(), [("Accept", "application/json")]);
        }
    }
}

/// What comes of a token response, in which nothing is asked of an ID token.
fn answered(body: &str) -> Value {
    tokens(&mut at_exchange(&OAUTH_CLIENT, "abc"), NOW, &Answer::json(body.as_bytes()), b"", Cut::Whole)
}

// REQ: JSON-01, JSON-13
#[test]
fn numbers_have_one_grammar() {
    for (list, good) in [("grammar_ok", true), ("grammar_bad", false)] {
        for number in rows("json_numbers", list) {
            let number = number.as_str().expect("a text");
            for body in [
                format!(r#"{{"access_token":"AT","token_type":"Bearer","x":{number}}}"#),
                format!(r#"{{"x":[{{"y":{number} }}],"access_token":"AT","token_type":"Bearer"}}"#),
            ] {
                let seen = answered(&body);
                if good {
                    assert_eq!(seen["ok"]["access_token"], "AT", "{body}");
                } else {
                    assert_eq!(seen, json!({ "err": "JsonSyntax" }), "{body}");
                }
            }
            let seen =
                answered(&format!(r#"{{"access_token":"AT","token_type":"Bearer","expires_in":{number}}}"#));
            let negative = number.starts_with('-') && number != "-0";
            match (good, negative) {
                (true, false) => assert!(seen["ok"]["expires_in"].is_u64(), "{number}: {seen}"),
                (true, true) => {
                    assert_eq!(seen, json!({ "err": "WrongType", "arg": "expires_in" }), "{number}")
                }
                (false, _) => assert_eq!(seen, json!({ "err": "JsonSyntax" }), "{number}"),
            }
        }
    }
}

// REQ: TOKEN-08, TOKEN-09, TOKEN-10, JSON-13, INTEROP-09
#[test]
fn lifetimes_are_these_seconds() {
    for row in rows("json_numbers", "expires_in") {
        let written = text(&row, "in");
        let seen =
            answered(&format!(r#"{{"access_token":"AT","token_type":"Bearer","expires_in":{written}}}"#));
        match row.get("ok") {
            Some(seconds) => assert_eq!(seen["ok"]["expires_in"], *seconds, "{row}: {seen}"),
            None => assert_eq!(seen, json!({ "err": row["err"], "arg": "expires_in" }), "{row}"),
        }
    }
}

/// What comes of a sign-in at this moment with this payload, its nonce put in.
fn signed_in(payload: &str, date: u64) -> Value {
    let client = CLIENT.clock_skew(0);
    let nonce = parameter(&authorization_url(&at_authorize(&client)), "nonce").expect("a nonce");
    let id_token = jose::id_token("rsa1", payload.replace("NONCE", &nonce));
    let body = json!({ "access_token": "AT", "token_type": "Bearer", "id_token": id_token }).to_string();
    let now = Now::known(0, UnixTime::from_seconds(date));
    let keys = jose::jwks().to_string();
    let mut buffer = vec![0; 16 * 1024];
    let answer = Answer::json(body.as_bytes());
    with_tokens(
        &mut at_exchange(&client, "abc"),
        now,
        &answer,
        keys.as_bytes(),
        Cut::Whole,
        &mut buffer,
        |_| json!("ok"),
    )
}

/// A date is told exactly by the second at which a token has expired: at the second before it has not.
// REQ: IDT-08, JSON-13, CLOCK-10
#[test]
fn dates_are_these_seconds() {
    let payload = |claim: &str, written: &str| {
        let [exp, iat, nbf] = ["exp", "iat", "nbf"].map(|name| match name {
            _ if name == claim => written,
            "exp" => "253402300799",
            _ => "0",
        });
        format!(
            r#"{{"iss":"{ISSUER}","sub":"x","aud":"{CLIENT_ID}","exp":{exp},"iat":{iat},"nbf":{nbf},"nonce":"NONCE"}}"#
        )
    };
    for row in rows("json_numbers", "numeric_date") {
        let written = text(&row, "in");
        match row["ok"].as_u64() {
            Some(seconds) => {
                assert_eq!(
                    signed_in(&payload("exp", written), seconds),
                    json!({ "err": "Expired" }),
                    "{row}"
                );
                if let Some(before) = seconds.checked_sub(1) {
                    assert_eq!(signed_in(&payload("exp", written), before), json!("ok"), "{row}");
                    let early = signed_in(&payload("iat", written), before);
                    assert_eq!(early, json!({ "err": "IssuedInFuture" }), "{row}");
                    let early = signed_in(&payload("nbf", written), before);
                    assert_eq!(early, json!({ "err": "NotYetValid" }), "{row}");
                }
                if seconds < UnixTime::MAX.seconds() {
                    assert_eq!(signed_in(&payload("iat", written), seconds), json!("ok"), "{row}");
                    assert_eq!(signed_in(&payload("nbf", written), seconds), json!("ok"), "{row}");
                }
            }
            None => {
                for claim in ["exp", "iat", "nbf"] {
                    // `null` is as good as no claim where the claim may be missing (IDT-21).
                    let expected = if (claim, written) == ("nbf", "null") {
                        json!("ok")
                    } else {
                        json!({ "err": row["err"], "arg": claim })
                    };
                    assert_eq!(signed_in(&payload(claim, written), 1_760_000_000), expected, "{claim} {row}");
                }
            }
        }
    }
}
