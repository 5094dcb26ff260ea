//! The ID tokens of `spec/cases-idtoken.json`, each in the token response of a real flow, with keys from a key set
//! that the flow asks for.
//!
//! The cases expect a fixed `nonce`; ours comes from the flow's seed, and nothing lets a caller choose it. So:
//!
//! - A case without a sign-in (`nonce` is `null`) runs in a refresh, with its token as it stands.
//! - A case whose token is not signed by any key runs in a sign-in, with its token as it stands: it ends at the
//!   signature or before.
//! - Every other case runs in a sign-in. The `nonce` in its payload is replaced by the real one; what the case does
//!   to it (another letter behind, other case, twice) stays. The token is then signed anew by the same key. If its
//!   payload holds no such `nonce`, it stays as it is.
//! - Besides, each of these runs in a refresh with its token as it stands, the fixed `nonce` being that of the
//!   sign-in before: so no octet of a case is only seen by the code that signs here.

mod tables;

use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use keyfob_core::Keep;
use keyfob_core::client::Client;
use keyfob_core::client_authentication::ClientAuthentication;
use keyfob_core::error::{Check, Error, Name};
use keyfob_core::exchange::{Exchange, Jwks};
use keyfob_core::flow::{Action, AuthorizationCode, Event, Flow, Redirect, RefreshToken};
use keyfob_core::http::Response;
use keyfob_core::id_token::{Audiences, Previous};
use keyfob_core::jwk::KeySet;
use keyfob_core::jws::{Algorithm, Ed25519, EdDsa, Es256, Hs256, Key, Ps256, Rs256, Verifier};
use keyfob_core::metadata::Metadata;
use keyfob_core::secret::Secret;
use keyfob_core::time::{Date, Now, UnixTime};
use serde_json::{Value, json};

use crate::tables::outcome::{self, Step};
use crate::tables::{
    Answer, CLIENT, CLIENT_ID, Case, Cut, ISSUER, NOW, OAUTH_CLIENT, REDIRECT_URI, SERVER, SUBJECT, Tally,
    at_authorize, at_exchange, authorization_url, cases, discovered, jose, keep, parameter, seed,
    with_tokens,
};

const TABLE: &str = include_str!("spec/cases-idtoken.json");

/// The cases whose token no token response can hold: the check of the response comes first, and the outcome is its.
/// That the format would be refused as well is shown in the core.
const NEVER_IN_A_RESPONSE: &[(&str, &str)] = &[
    // Empty is absent (TOKEN-13).
    ("idt-146", "MissingMember"),
    // Not a token of RFC 6749 Appendix A.
    ("idt-150", "BadMember"),
];

/// The `nonce` in the cases.
const NONCE: &str = "n-0S6_WzA2Mj";

/// The cases whose client does not get as far as a token: HS256 without a secret, or with a short one.
const NEVER_A_FLOW: &[(&str, Error)] = &[
    ("idt-108", Error::Config(Name::Alg)),
    ("idt-109", Error::Check(Check::KeyTooWeak)),
    ("idt-200", Error::Config(Name::Alg)),
];

/// The cases with a client that can start a flow.
fn cases_with_a_flow() -> Vec<Case> {
    let mut cases = cases(TABLE);
    cases.retain(|case| NEVER_A_FLOW.iter().all(|(id, _)| *id != case.id));
    cases
}

// REQ: CFG-08, CFG-15, JOSE-09
#[test]
fn a_mac_needs_a_secret_of_some_length() {
    for (id, refused) in NEVER_A_FLOW {
        let case = cases(TABLE).into_iter().find(|case| case.id == *id).expect("there is such a case");
        with_client(&case, |client| {
            assert_eq!(AuthorizationCode::<16>::new(client, seed(), NOW).err(), Some(*refused), "{id}");
            assert_eq!(RefreshToken::<16>::new(client, "RT", None).err(), Some(*refused), "{id}");
        });
    }
    let secret = "0123456789abcdef0123456789abcdef";
    for (length, expected) in [(31, Some(Check::KeyTooWeak.into())), (32, None)] {
        let secret = Secret::new(&secret[..length]);
        let client =
            CLIENT.algorithms(&[&Hs256]).authentication(ClientAuthentication::ClientSecretBasic(secret));
        assert_eq!(RefreshToken::<16>::new(&client, "RT", None).err(), expected, "{length} octets");
    }
    // A secret that signs assertions is shared too.
    let assertion = ClientAuthentication::client_secret_jwt(Secret::new(secret));
    let client = CLIENT.algorithms(&[&Hs256]).authentication(assertion);
    assert_eq!(RefreshToken::<16>::new(&client, "RT", None).err(), None);
}

// REQ: CLOCK-02, IDT-01, IDT-03, IDT-04, IDT-05, IDT-06, IDT-07, IDT-08, IDT-09, IDT-10, IDT-11, IDT-12, IDT-13
// REQ: IDT-15, IDT-16, IDT-17, IDT-18, IDT-19, IDT-20, IDT-21, IDT-23, IDT-24, IDT-25, INTEROP-03, TOKEN-14
// REQ: JOSE-01, JOSE-02, JOSE-03, JOSE-04, JOSE-05, JOSE-06, JOSE-07, JOSE-08, JOSE-10, JOSE-11, JOSE-13, JOSE-16
// REQ: JOSE-09, JOSE-15, JOSE-17, JOSE-18, JWKS-09, INTEROP-05
// REQ: JWKS-02, JWKS-03, JWKS-04, JWKS-05, JWKS-06, JWKS-07, JWKS-08, JSON-06, JSON-09, JSON-10
#[test]
fn every_token_has_its_one_outcome() {
    Tally::all("cases-idtoken", &cases_with_a_flow(), &[], |case, tally| {
        let expected = expected(case);
        for token in tokens(case) {
            tally.compare(case, "", &run(case, &token, Cut::Whole), &expected);
        }
    });
}

/// What only a sign-in asks for: a refresh may come without a `nonce`, and without an ID token (OIDC Core §12.2).
const ONLY_IN_A_SIGN_IN: &[&str] = &["idt-072", "idt-146"];

#[test]
fn every_token_as_it_stands_has_its_one_outcome() {
    let rest: Vec<_> = cases_with_a_flow()
        .into_iter()
        .filter(|case| !ONLY_IN_A_SIGN_IN.contains(&case.id.as_str()))
        .collect();
    Tally::all("cases-idtoken as they stand", &rest, &[], |case, tally| {
        tally.compare(case, "", &refresh(case, case.text("token"), Cut::Whole), &expected(case));
    });
}

/// Cut anywhere, a token response and a key set leave the same octets behind; what they lead to is then the same.
/// In single octets they come to a flow that goes on to its end.
// REQ: JSON-18, QA-06
#[test]
fn every_token_in_pieces_is_the_same() {
    let mut key_sets = BTreeSet::new();
    Tally::all("cases-idtoken in pieces", &cases_with_a_flow(), &[], |case, tally| {
        let token = tokens(case).remove(0);
        tally.compare(case, " in octets", &run(case, &token, Cut::Octets), &run(case, &token, Cut::Whole));
        with_client(case, |client| {
            let body = token_response(case, &token);
            let (answer, mut keys) = (Answer::json(body.as_bytes()), None);
            // In a refresh, which needs no seed: these are many. Without keys the nonce is not looked at.
            let mut read = |cut| {
                let mut flow = RefreshToken::<8>::new(client, "RT", None).expect("a good client");
                left(&answer, keep(&flow), cut, |response| {
                    match flow.handle(now(case), Event::Response(response)) {
                        Ok(_) => json!("ok"),
                        Err(error) => {
                            keys = flow.keys(&response).map(|request| request.keep()).ok();
                            outcome::of(error, Step::Token, None)
                        }
                    }
                })
            };
            let whole = read(Cut::Whole);
            for cut in answer.cuts() {
                assert_eq!(read(cut), whole, "{} {cut:?}", case.id);
            }
            let new = key_sets.insert((case.text("jwks").to_string(), header(case).to_string()));
            if let (Some(keep), true) = (keys, new) {
                let body = KEY_SETS[case.text("jwks")].to_string();
                let answer = Answer::json(body.as_bytes());
                let read = |cut| left(&answer, keep, cut, |response| json!(response.keys().is_ok()));
                let whole = read(Cut::Whole);
                for cut in answer.cuts() {
                    assert_eq!(read(cut), whole, "{} {cut:?}", case.text("jwks"));
                }
            }
        });
    });
}

/// What an answer leads to, and the octets that are kept of it.
fn left(
    answer: &Answer<'_>,
    keep: Keep,
    cut: Cut,
    look: impl FnOnce(Response<'_>) -> Value,
) -> (Value, Vec<u8>) {
    let mut buffer = [0; 8 * 1024];
    let length = buffer.len();
    let (response, rest) = answer.read(keep, cut, &mut buffer);
    let kept = length - rest.len();
    let seen = look(response);
    (seen, buffer[..kept].into())
}

fn expected(case: &Case) -> Value {
    match NEVER_IN_A_RESPONSE.iter().find(|(id, _)| *id == case.id) {
        Some((_, name)) => json!({ "err": name, "arg": "id_token" }),
        None => case.expected(),
    }
}

fn run(case: &Case, token: &str, cut: Cut) -> Value {
    if case.context("nonce").is_null() { refresh(case, token, cut) } else { sign_in(case, token, cut) }
}

/// The case's token for our `nonce`; two of them where the signature has two forms.
fn tokens(case: &Case) -> Vec<String> {
    let token = case.text("token");
    let key = jose::signer(token).filter(|_| !case.context("nonce").is_null());
    let Some(key) = key else { return vec![token.into()] };
    let [header, payload, _] = parts(token);
    let nonce = nonce(case);
    let ours = replaced(&payload, NONCE.as_bytes(), nonce.as_bytes());
    let upper = (NONCE.to_uppercase(), nonce.to_uppercase());
    let ours = replaced(&ours, upper.0.as_bytes(), upper.1.as_bytes());
    if ours == payload {
        return vec![token.into()];
    }
    let ours = jose::token(key, header, ours);
    if jose::algorithm(key) == "ES256" { vec![jose::other_s(&ours), ours] } else { vec![ours] }
}

/// The octets of the three parts of a token.
fn parts(token: &str) -> [Vec<u8>; 3] {
    let parts: Vec<_> = token.split('.').map(|part| jose::decode(part).expect("base64url")).collect();
    parts.try_into().expect("three parts")
}

fn replaced(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        match rest.strip_prefix(from) {
            Some(behind) => {
                out.extend(to);
                rest = behind;
            }
            None => {
                out.push(*first);
                rest = behind;
            }
        }
    }
    out
}

fn header(case: &Case) -> Value {
    let header = case.text("token").split('.').next().and_then(jose::decode).unwrap_or_default();
    serde_json::from_slice(&header).unwrap_or_default()
}

fn payload(case: &Case) -> Value {
    let payload = case.text("token").split('.').nth(1).and_then(jose::decode).unwrap_or_default();
    serde_json::from_slice(&payload).unwrap_or_default()
}

fn built(algorithm: &str) -> &'static dyn Verifier {
    match algorithm {
        "Ed25519" => &Ed25519,
        "EdDSA" => &EdDsa,
        "ES256" => &Es256,
        "HS256" => &Hs256,
        "PS256" => &Ps256,
        "RS256" => &Rs256,
        algorithm => panic!("{algorithm}"),
    }
}

/// A client as the case describes it.
fn with_client<T>(case: &Case, run: impl FnOnce(&Client<'_>) -> T) -> T {
    assert_eq!((case.context_text("issuer"), case.context_text("client_id")), (ISSUER, CLIENT_ID));
    assert_eq!(case.context("rsa_bits"), &json!([2048, 4096]));
    let number = |name: &str| case.context(name).as_u64().and_then(|number| u32::try_from(number).ok());
    let algorithms: Vec<_> = case.context_list("algs").into_iter().map(built).collect();
    let (trusted, acr) = (case.context_list("trusted_audiences"), case.context_list("acr_values"));
    let mut client = Client::new(SERVER, CLIENT_ID)
        .redirect_uri(REDIRECT_URI)
        .algorithms(&algorithms)
        .trusted_audiences(&trusted)
        .clock_skew(number("skew").expect("a skew"))
        .max_key_trials(
            number("max_key_trials").and_then(|trials| u8::try_from(trials).ok()).expect("trials"),
        );
    if let Some(seconds) = number("max_iat_age") {
        client = client.max_issued_age(seconds);
    }
    if let Some(seconds) = number("max_age") {
        client = client.max_age(seconds);
    }
    if !acr.is_empty() {
        client = client.required_acr_values(&acr);
    }
    if let Some(organization) = case.context("organization").as_str() {
        client = client.organization(organization);
    }
    if let Some(secret) = case.context("client_secret").as_str() {
        client = client.authentication(ClientAuthentication::ClientSecretPost(Secret::new(secret)));
    }
    match case.context_text("azp") {
        "ignore" => client = client.ignore_azp(),
        "require_match" => {}
        policy => panic!("{policy}"),
    }
    run(&client)
}

fn now(case: &Case) -> Now {
    match case.context("now").as_u64() {
        Some(seconds) => Now::known(NOW.uptime, UnixTime::from_seconds(seconds)),
        None => Now::unknown(NOW.uptime),
    }
}

/// The `nonce` of the case's flow.
fn nonce(case: &Case) -> String {
    with_client(case, |client| {
        parameter(&authorization_url(&at_authorize(client)), "nonce").expect("a nonce")
    })
}

fn sign_in(case: &Case, token: &str, cut: Cut) -> Value {
    with_client(case, |client| finish(case, &mut at_exchange(client, "abc"), token, cut))
}

/// A refresh. Where the case does not say what the sign-in was, it is what the token repeats.
fn refresh(case: &Case, token: &str, cut: Cut) -> Value {
    let (before, payload) = (case.context("previous"), payload(case));
    let subject = payload["sub"].as_str().unwrap_or(SUBJECT);
    let repeated = case.context("nonce").as_str().map(|nonce| Previous {
        subject,
        audiences: audiences(case, &payload["aud"]),
        auth_time: None,
        nonce: Some(nonce),
    });
    let previous = before.is_object().then(|| {
        assert_eq!(before["iss"], ISSUER);
        Previous {
            subject: before["sub"].as_str().expect("a subject"),
            audiences: audiences(case, &before["aud"]),
            auth_time: before["auth_time"].as_u64().map(UnixTime::from_seconds),
            nonce: before["nonce"].as_str(),
        }
    });
    with_client(case, |client| {
        let flow = RefreshToken::<64>::new(client, "8xLOxBtZp8", previous.or(repeated));
        finish(case, &mut flow.expect("a good client"), token, cut)
    })
}

/// The client is the first, then come those it trusts.
fn audiences(case: &Case, found: &Value) -> Audiences {
    let found: Vec<_> = found.as_array().map_or(vec![found], |found| found.iter().collect());
    let trusted = case.context_list("trusted_audiences");
    let bits = trusted.iter().enumerate().filter(|(_, trusted)| found.iter().any(|found| found == *trusted));
    Audiences::from_bits(bits.fold(1, |bits, (place, _)| bits | 2 << place))
}

fn finish(case: &Case, flow: &mut impl Flow, token: &str, cut: Cut) -> Value {
    let (body, keys) = (token_response(case, token), KEY_SETS[case.text("jwks")].to_string());
    let (answer, mut buffer) = (Answer::json(body.as_bytes()), vec![0; 16 * 1024]);
    with_tokens(flow, now(case), &answer, keys.as_bytes(), cut, &mut buffer, |tokens| {
        assert_eq!(tokens.id_token().expect("somebody signed in").as_str(), token);
        json!("ok")
    })
}

fn token_response(case: &Case, token: &str) -> String {
    let access_token = case.context("access_token").as_str().unwrap_or("AT");
    json!({ "access_token": access_token, "token_type": "Bearer", "id_token": token }).to_string()
}

static KEY_SETS: LazyLock<Value> = LazyLock::new(|| {
    let mut table: Value = serde_json::from_str(TABLE).expect("a table is JSON");
    table["jwks"].take()
});

/// What comes of a sign-in of `client` with this token.
fn outcome_of(client: &Client<'_>, token: &str, keys: &Value) -> Value {
    let body = json!({ "access_token": "AT", "token_type": "Bearer", "id_token": token }).to_string();
    let (answer, mut buffer) = (Answer::json(body.as_bytes()), vec![0; 16 * 1024]);
    let keys = keys.to_string();
    with_tokens(
        &mut at_exchange(client, "abc"),
        NOW,
        &answer,
        keys.as_bytes(),
        Cut::Whole,
        &mut buffer,
        |_| json!("ok"),
    )
}

/// The claims of a good token for `client`.
fn claims(client: &Client<'_>) -> Value {
    let nonce = parameter(&authorization_url(&at_authorize(client)), "nonce").expect("a nonce");
    json!({
        "iss": ISSUER, "sub": SUBJECT, "aud": CLIENT_ID, "exp": 1_760_000_300, "iat": 1_759_999_995, "nonce": nonce,
    })
}

/// A token that can be wrong in every way at once.
struct Draft {
    header: Value,
    /// In place of the header.
    no_header: Option<&'static str>,
    payload: Value,
    /// In place of the payload.
    no_payload: Option<&'static str>,
    /// Octets behind the token.
    more: &'static str,
    forged: bool,
}

impl Draft {
    fn token(&self) -> String {
        let header = self.no_header.map_or(self.header.to_string(), Into::into);
        let payload = self.no_payload.map_or(self.payload.to_string(), Into::into);
        let token = jose::token("rsa1", header, payload);
        let (message, signature) = token.rsplit_once('.').expect("a token");
        let mut signature = jose::decode(signature).expect("base64url");
        signature[9] ^= u8::from(self.forged);
        format!("{message}.{}{}", jose::base64url(signature), self.more)
    }
}

/// Everything is wrong, and is put right thing by thing: what is told is always the first that is left.
// REQ: IDT-02, JOSE-12
#[test]
fn the_first_fault_is_told() {
    type Repair = fn(&mut Draft);
    let repairs: [(Value, Repair); 22] = [
        (json!({ "err": "JwtFormat" }), |draft| draft.more = ".x.y"),
        (json!({ "err": "Encrypted" }), |draft| draft.more = ""),
        (json!({ "err": "JsonNotObject" }), |draft| draft.no_header = None),
        (json!({ "err": "CritUnsupported" }), |draft| {
            draft.header.as_object_mut().expect("a header").remove("crit");
        }),
        (json!({ "err": "AlgNone" }), |draft| draft.header["alg"] = json!("HS256")),
        (json!({ "err": "AlgNotAllowed" }), |draft| draft.header["alg"] = json!("RS256")),
        (json!({ "err": "TypMismatch" }), |draft| draft.header["typ"] = json!("JWT")),
        (json!({ "err": "UnknownKey" }), |draft| draft.header["kid"] = json!("rsa1")),
        (json!({ "err": "BadSignature" }), |draft| draft.forged = false),
        (json!({ "err": "JsonSyntax" }), |draft| draft.no_payload = None),
        (json!({ "err": "IssMismatch" }), |draft| draft.payload["iss"] = json!(ISSUER)),
        (json!({ "err": "AudMismatch" }), |draft| draft.payload["aud"] = json!([CLIENT_ID, "evil"])),
        (json!({ "err": "UntrustedAudience" }), |draft| draft.payload["aud"] = json!(CLIENT_ID)),
        (json!({ "err": "AzpMismatch" }), |draft| draft.payload["azp"] = json!(CLIENT_ID)),
        (json!({ "err": "ClaimRange", "arg": "sub" }), |draft| draft.payload["sub"] = json!(SUBJECT)),
        (json!({ "err": "Expired" }), |draft| draft.payload["exp"] = json!(1_760_000_300)),
        (json!({ "err": "NotYetValid" }), |draft| draft.payload["nbf"] = json!(1_760_000_000)),
        (json!({ "err": "IssuedInFuture" }), |draft| draft.payload["iat"] = json!(1_760_000_000)),
        (json!({ "err": "NonceMismatch" }), |draft| draft.payload["nonce"] = draft.payload["real"].clone()),
        (json!({ "err": "HashMismatch", "arg": "at_hash" }), |draft| draft.payload["at_hash"] = json!(null)),
        (json!({ "err": "AuthTooOld" }), |draft| draft.payload["auth_time"] = json!(1_760_000_000)),
        (json!({ "err": "AcrMismatch" }), |draft| draft.payload["acr"] = json!("1")),
    ];
    let client = CLIENT.max_age(0).required_acr_values(&["1"]).organization("org_1");
    let mut draft = Draft {
        header: json!({ "alg": "none", "kid": "other", "typ": "at+jwt", "crit": ["x"] }),
        no_header: Some("[]"),
        payload: json!({
            "iss": "x", "aud": "x", "azp": "x", "sub": "", "exp": 1, "nbf": 1_800_000_000, "iat": 1_800_000_000,
            "nonce": "x", "real": claims(&client)["nonce"], "at_hash": "x", "auth_time": 1, "acr": "x", "org_id": "x",
        }),
        no_payload: Some("x"),
        more: ".x.y!",
        forged: true,
    };
    for (fault, repair) in repairs {
        assert_eq!(outcome_of(&client, &draft.token(), &jose::jwks()), fault);
        repair(&mut draft);
    }
    let last = json!({ "err": "VendorClaimMismatch", "arg": "org_id" });
    assert_eq!(outcome_of(&client, &draft.token(), &jose::jwks()), last);
    draft.payload["org_id"] = json!("org_1");
    assert_eq!(outcome_of(&client, &draft.token(), &jose::jwks()), "ok");
}

/// An object with another member, so that it has this many octets.
fn padded(object: &Value, length: usize) -> String {
    let mut object = object.clone();
    object["pad"] = json!("");
    let missing = length - object.to_string().len();
    object["pad"] = json!("x".repeat(missing));
    object.to_string()
}

// REQ: JOSE-21
#[test]
fn a_header_has_512_octets_at_the_most() {
    let header = json!({ "alg": "RS256", "kid": "rsa1" });
    let with = |length| {
        let token = jose::token("rsa1", padded(&header, length), claims(&CLIENT).to_string());
        outcome_of(&CLIENT, &token, &jose::jwks())
    };
    assert_eq!(with(511), "ok");
    assert_eq!(with(512), "ok");
    assert_eq!(with(513), json!({ "err": "InputTooLarge", "arg": "id_token" }));
}

// REQ: JOSE-21
#[test]
fn a_payload_has_4096_octets_at_the_most() {
    let with = |length| {
        let token = jose::id_token("rsa1", padded(&claims(&CLIENT), length));
        outcome_of(&CLIENT, &token, &jose::jwks())
    };
    assert_eq!(with(4095), "ok");
    assert_eq!(with(4096), "ok");
    assert_eq!(with(4097), json!({ "err": "InputTooLarge", "arg": "id_token" }));
    assert_eq!(with(7000), json!({ "err": "InputTooLarge", "arg": "id_token" }));
}

// REQ: JOSE-06
#[test]
fn what_the_server_does_not_list_is_not_taken() {
    let mut buffer = [0; 1024];
    for (listed, es256, rs256) in [
        (json!(["RS256", "PS512"]), json!({ "err": "AlgNotAllowed" }), json!("ok")),
        (json!(["ES256"]), json!("ok"), json!({ "err": "AlgNotAllowed" })),
        (json!(["none", "ES256", "RS256"]), json!("ok"), json!("ok")),
    ] {
        let metadata = discovered(json!({ "id_token_signing_alg_values_supported": listed }), &mut buffer);
        let client =
            Client::new(metadata, CLIENT_ID).redirect_uri(REDIRECT_URI).algorithms(&[&Rs256, &Es256]);
        for (key, expected) in [("ec1", es256), ("rsa1", rs256)] {
            let token = jose::id_token(key, claims(&client).to_string());
            assert_eq!(outcome_of(&client, &token, &jose::jwks()), expected, "{listed} {key}");
        }
    }
}

/// Nobody is sent to a server whose ID tokens could not be checked.
// REQ: JOSE-24
#[test]
fn a_server_with_other_algorithms_is_refused_at_the_start() {
    let mut buffer = [0; 1024];
    for (listed, verifier) in [
        (json!(["RS256"]), &Es256 as &dyn Verifier),
        (json!(["RS384", "PS512", "ES512"]), &Rs256),
        (json!(["EdDSA"]), &Ed25519),
        (json!(["Ed25519"]), &EdDsa),
    ] {
        let metadata = discovered(json!({ "id_token_signing_alg_values_supported": listed }), &mut buffer);
        let verifiers = [verifier];
        let client = Client::new(metadata, CLIENT_ID).redirect_uri(REDIRECT_URI).algorithms(&verifiers);
        let refused = Some(Error::Check(Check::AlgorithmUnsupported));
        assert_eq!(AuthorizationCode::<16>::new(&client, seed(), NOW).err(), refused, "{listed}");
        assert_eq!(RefreshToken::<16>::new(&client, "RT", None).err(), refused, "{listed}");
    }
}

// REQ: IDT-03, INTEROP-01
#[test]
fn the_last_slash_of_an_issuer_counts() {
    let with = |ours: &'static str, theirs: &str| {
        let metadata = Metadata::new(ours)
            .authorization_endpoint("https://tenant.auth0.com/authorize")
            .token_endpoint("https://tenant.auth0.com/oauth/token")
            .jwks_uri("https://tenant.auth0.com/.well-known/jwks.json");
        let client = Client::new(metadata, CLIENT_ID).redirect_uri(REDIRECT_URI);
        let mut claims = claims(&client);
        claims["iss"] = json!(theirs);
        outcome_of(&client, &jose::id_token("rsa1", claims.to_string()), &jose::jwks())
    };
    let (slash, none) = ("https://tenant.auth0.com/", "https://tenant.auth0.com");
    assert_eq!((with(slash, slash), with(none, none)), (json!("ok"), json!("ok")));
    let mismatch = json!({ "err": "IssMismatch" });
    assert_eq!((with(slash, none), with(none, slash)), (mismatch.clone(), mismatch));
}

/// A verifier that never agrees, and counts.
#[derive(Default)]
struct Never {
    asked: AtomicUsize,
}

impl Verifier for Never {
    fn algorithm(&self) -> Algorithm {
        Algorithm::Rs256
    }

    fn hash<'h>(&self, input: &[u8], out: &'h mut [u8; 64]) -> &'h [u8] {
        Rs256.hash(input, out)
    }

    fn verify(&self, _: Key<'_>, _: &[u8], _: &[u8]) -> Result<(), Check> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Err(Check::BadSignature)
    }
}

// REQ: JOSE-22, JWKS-06
#[test]
fn few_keys_are_tried() {
    for (trials, keys) in (0..=5).flat_map(|trials| (1..=10).map(move |keys| (trials, keys))) {
        let never = Never::default();
        let verifiers: [&dyn Verifier; 1] = [&never];
        let client = CLIENT.algorithms(&verifiers).max_key_trials(trials);
        let mut key = jose::jwk("rsa1");
        key.as_object_mut().expect("a key").remove("kid");
        let set = json!({ "keys": vec![key; keys] });
        let token = jose::token("rsa1", r#"{"alg":"RS256"}"#, claims(&client).to_string());
        let seen = outcome_of(&client, &token, &set);
        let few = keys <= usize::from(trials);
        assert_eq!(
            seen,
            json!({ "err": if few { "BadSignature" } else { "AmbiguousKey" } }),
            "{trials} {keys}"
        );
        assert_eq!(never.asked.into_inner(), if few { keys } else { 0 }, "{trials} {keys}");
    }
}

// REQ: JWKS-10
#[test]
fn a_symmetric_key_is_never_used() {
    let token = jose::id_token("rsa1", claims(&CLIENT).to_string());
    assert_eq!(outcome_of(&CLIENT, &token, &KEY_SETS["oct"]), json!({ "err": "KeyMismatch" }));
    for part in ["d", "p", "k"] {
        let mut key = jose::jwk("rsa1");
        key[part] = json!("AQAB");
        let seen = outcome_of(&CLIENT, &token, &json!({ "keys": [key] }));
        assert_eq!(seen, json!({ "err": "KeyInvalid" }), "{part}");
    }
}

// REQ: JWKS-11
#[test]
fn certificates_in_a_key_are_ignored() {
    let mut key = jose::jwk("rsa1");
    for (name, value) in
        [("x5c", json!(["garbage", 1])), ("x5t", json!("\u{e9}")), ("x5u", json!("http://evil.example"))]
    {
        key[name] = value;
    }
    let token = jose::id_token("rsa1", claims(&CLIENT).to_string());
    assert_eq!(outcome_of(&CLIENT, &token, &json!({ "keys": [key] })), "ok");
}

/// Keys that are not the one, of the kinds that the conformance suite's server shows.
fn crowd(keys: usize) -> Vec<Value> {
    let other = |number: usize| {
        let mut key = match number % 5 {
            0 => jose::jwk("rsa2"),
            1 => jose::jwk("ec2"),
            2 => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" })
            }
            3 => {
                json!({ "kty": "EC", "crv": "secp256k1", "x": jose::jwk("ec1")["x"], "y": jose::jwk("ec1")["y"] })
            }
            _ => json!({ "kty": "RSA", "use": "enc", "n": jose::jwk("rsa2")["n"], "e": "AQAB" }),
        };
        key["kid"] = json!(format!("key-{number}"));
        key
    };
    (0..keys).map(other).collect()
}

// REQ: JWKS-16, JWKS-17
#[test]
fn the_key_is_found_in_a_crowd() {
    for (others, buffer) in [(13, 2048), (199, 2048)] {
        let token = jose::id_token("rsa1", claims(&CLIENT).to_string());
        let body = json!({ "access_token": "AT", "token_type": "Bearer", "id_token": token }).to_string();
        let mut keys = crowd(others);
        for place in [others, 0, others / 2] {
            keys.insert(place, jose::jwk("rsa1"));
            let set = json!({ "keys": keys }).to_string();
            let answer = Answer::json(body.as_bytes());
            let mut buffer = vec![0; buffer];
            let mut flow = at_exchange(&CLIENT, "abc");
            let keep = keep(&flow);
            let (response, rest) = answer.read(keep, Cut::Whole, &mut buffer);
            assert!(matches!(flow.handle(NOW, Event::Response(response)), Err(Error::KeysNeeded)));
            let keep = flow.keys(&response).expect("a key is missing").keep();
            let fetched = Answer { limit: set.len(), ..Answer::json(set.as_bytes()) };
            let (fetched, _) = fetched.read(keep, Cut::Octets, rest);
            let found = fetched.keys().expect("a key set");
            assert_eq!(found.len(), 1);
            assert!(flow.handle(NOW, Event::Response(response.with_keys(found))).is_ok(), "{others} {place}");
            // Without a token to look for, a few that can serve are kept.
            let (all, mut buffer) = (Jwks::new(&CLIENT), [0; 4096]);
            let keep = all.request(NOW, &mut []).expect("a URL").keep();
            let fetched = Answer { limit: set.len(), ..Answer::json(set.as_bytes()) };
            let (fetched, _) = fetched.read(keep, Cut::Octets, &mut buffer);
            let servers = keys.iter().filter(|key| key["kty"] == "RSA" && key["use"] != "enc").count();
            assert_eq!(all.response(fetched).map(|keys| keys.len()), Ok(servers.min(8)));
            keys.remove(place);
        }
    }
}

// REQ: JWKS-20
#[test]
fn pinned_keys_are_not_fetched() {
    let mut buffer = [0; 2048];
    let set = json!({ "keys": [jose::jwk("rsa1"), jose::jwk("ec1")] }).to_string();
    let pinned = KeySet::from_json(set.as_bytes(), &[&Rs256, &Es256], &mut buffer).expect("a key set");
    let server = Metadata::new(ISSUER)
        .authorization_endpoint("https://op.example.com/authorize")
        .token_endpoint("https://op.example.com/token");
    let client =
        Client::new(server, CLIENT_ID).redirect_uri(REDIRECT_URI).algorithms(&[&Rs256, &Es256]).keys(pinned);
    for key in ["rsa1", "ec1"] {
        let body = json!({
            "access_token": "AT", "token_type": "Bearer", "id_token": jose::id_token(key, claims(&client).to_string()),
        });
        let mut flow = at_exchange(&client, "abc");
        let mut buffer = [0; 2048];
        let keep = keep(&flow);
        let (response, _) = Answer::json(body.to_string().as_bytes()).read(keep, Cut::Whole, &mut buffer);
        assert!(flow.handle(NOW, Event::Response(response)).is_ok(), "{key}");
    }
}

// REQ: CLOCK-02
#[test]
fn without_a_date_only_the_id_token_fails() {
    let dates = [
        (Date::Unknown, "ClockNotSet"),
        (Date::AtLeast(UnixTime::from_seconds(1_760_000_000)), "ClockNotSet"),
        // That it has expired is known even so.
        (Date::AtLeast(UnixTime::MAX), "Expired"),
    ];
    for (date, refused) in dates {
        let now = Now { date, uptime: NOW.uptime };
        let token = jose::id_token("rsa1", claims(&CLIENT).to_string());
        let body = json!({ "access_token": "AT", "token_type": "Bearer", "id_token": token }).to_string();
        for (client, expected) in [(CLIENT, json!({ "err": refused })), (OAUTH_CLIENT, json!("ok"))] {
            let mut flow = AuthorizationCode::<16>::new(&client, seed(), now).expect("a good client");
            let mut out = [0; 1024];
            let Ok(Action::Authorize(url)) = flow.poll(now, &mut out) else { panic!("a URL") };
            let state = parameter(url, "state").expect("a state");
            let back = format!("{REDIRECT_URI}?code=abc&state={state}");
            flow.handle(now, Event::Redirect(Redirect::Url(&back))).expect("our redirect");
            let (answer, keys, mut buffer) =
                (Answer::json(body.as_bytes()), jose::jwks().to_string(), [0; 4096]);
            let seen = with_tokens(&mut flow, now, &answer, keys.as_bytes(), Cut::Whole, &mut buffer, |_| {
                json!("ok")
            });
            assert_eq!(seen, expected, "{date:?}");
        }
    }
}

// REQ: IDT-27, IDT-29, IDT-31
#[test]
fn the_claims_of_a_good_token_are_readable() {
    let mut given = claims(&CLIENT);
    for (name, value) in [
        ("acr", json!("urn:x:1")),
        ("amr", json!(["pwd", "otp"])),
        ("auth_time", json!(1_759_999_999)),
        ("email_verified", json!("true")),
        ("phone_number_verified", json!(true)),
        ("sid", json!("s\u{e9}ssion")),
    ] {
        given[name] = value;
    }
    let body = json!({
        "access_token": "AT", "token_type": "Bearer", "id_token": jose::id_token("rsa1", given.to_string()),
    });
    let body = body.to_string();
    let with = |client: &Client<'_>| {
        let (answer, keys, mut buffer) = (Answer::json(body.as_bytes()), jose::jwks().to_string(), [0; 4096]);
        let mut flow = at_exchange(client, "abc");
        with_tokens(&mut flow, NOW, &answer, keys.as_bytes(), Cut::Whole, &mut buffer, |tokens| {
            let token = tokens.id_token().expect("is there");
            let claims = token.claims();
            assert_eq!(token.subject(&mut [0; 64]), Ok(SUBJECT));
            assert_eq!(claims.text("acr", &mut [0; 64]), Ok(Some("urn:x:1")));
            assert_eq!(claims.text("sid", &mut [0; 64]), Ok(Some("s\u{e9}ssion")));
            assert_eq!(claims.text("none", &mut [0; 64]), Ok(None));
            assert_eq!(claims.number("auth_time"), Some(1_759_999_999));
            assert_eq!(claims.boolean("email_verified"), None);
            assert_eq!(claims.boolean("phone_number_verified"), Some(true));
            let mut out = [0; 1024];
            let json: Value = serde_json::from_str(claims.json(&mut out).expect("it fits")).expect("JSON");
            assert_eq!(json, given);
            json!("ok")
        })
    };
    assert_eq!(with(&CLIENT), "ok");
    assert_eq!(with(&CLIENT.subject(SUBJECT)), "ok");
    assert_eq!(with(&CLIENT.subject("248289761002")), json!({ "err": "SubMismatch" }));
}
