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

use crate::tables::jose;
use crate::tables::{
    Answer, CLIENT_ID, Case, Cut, ISSUER, NOW, REDIRECT_URI, SERVER, SUBJECT, Tally, assert_pending,
    at_authorize, at_exchange, authorization_url, cases, parameter, with_tokens,
};
use keyfob_core::client::Client;
use keyfob_core::flow::RefreshToken;
use keyfob_core::id_token::{Audiences, Previous};
use keyfob_core::jws::{Es256, Rs256, Verifier};
use keyfob_core::time::{Now, UnixTime};
use serde_json::{Value, json};

const TABLE: &str = include_str!("spec/cases-idtoken.json");

/// The cases that need an algorithm which is not built yet.
const PENDING: &[(&str, &str)] = &[
    ("idt-003", "EdDSA"),
    ("idt-004", "Ed25519"),
    ("idt-080", "EdDSA"),
    ("idt-085", "EdDSA"),
    ("idt-105", "HS256"),
    ("idt-106", "HS256"),
    ("idt-107", "HS256"),
    ("idt-108", "HS256"),
    ("idt-109", "HS256"),
    ("idt-110", "HS256"),
    ("idt-112", "PS256"),
    ("idt-169", "EdDSA"),
    ("idt-170", "EdDSA"),
    ("idt-193", "EdDSA"),
    ("idt-194", "EdDSA"),
    ("idt-200", "HS256"),
];

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

#[test]
fn only_cases_of_missing_algorithms_are_pending() {
    assert_pending(&cases(TABLE), PENDING, |case| {
        let algorithm = header(case)["alg"].as_str().unwrap_or_default().to_string();
        let allowed = case.context_list("algs").contains(&algorithm.as_str());
        allowed && built(&algorithm).is_none()
    });
}

/// Until an algorithm is built, its tokens are refused; at no time are they taken unchecked.
// REQ: JOSE-06
#[test]
fn pending_algorithms_are_refused() {
    for case in cases(TABLE).iter().filter(|case| PENDING.iter().any(|(id, _)| *id == case.id)) {
        let refused = json!({ "err": "AlgNotAllowed" });
        assert_eq!(sign_in(case, case.text("token"), Cut::Whole), refused, "{}", case.id);
    }
}

// REQ: CLOCK-02, IDT-01, IDT-03, IDT-04, IDT-05, IDT-06, IDT-07, IDT-08, IDT-09, IDT-10, IDT-11, IDT-12, IDT-13
// REQ: IDT-15, IDT-16, IDT-17, IDT-18, IDT-19, IDT-20, IDT-21, IDT-23, IDT-24, IDT-25, INTEROP-03, TOKEN-14
// REQ: JOSE-01, JOSE-02, JOSE-03, JOSE-04, JOSE-05, JOSE-06, JOSE-07, JOSE-08, JOSE-10, JOSE-11, JOSE-13
// REQ: JWKS-02, JWKS-03, JWKS-04, JWKS-05, JWKS-06, JSON-06, JSON-09, JSON-10
#[test]
fn every_token_has_its_one_outcome() {
    Tally::all("cases-idtoken", &cases(TABLE), PENDING, |case, tally| {
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
    let cases = cases(TABLE);
    let rest: Vec<_> =
        cases.into_iter().filter(|case| !ONLY_IN_A_SIGN_IN.contains(&case.id.as_str())).collect();
    Tally::all("cases-idtoken as they stand", &rest, PENDING, |case, tally| {
        tally.compare(case, "", &refresh(case, case.text("token"), Cut::Whole), &expected(case));
    });
}

/// The token response and the key set come in the same pieces.
// REQ: JSON-18, QA-06
#[test]
fn every_token_in_pieces_is_the_same() {
    Tally::all("cases-idtoken in pieces", &cases(TABLE), PENDING, |case, tally| {
        let token = tokens(case).remove(0);
        let whole = run(case, &token, Cut::Whole);
        tally.compare(case, " in octets", &run(case, &token, Cut::Octets), &whole);
    });
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

fn built(algorithm: &str) -> Option<&'static dyn Verifier> {
    match algorithm {
        "RS256" => Some(&Rs256),
        "ES256" => Some(&Es256),
        _ => None,
    }
}

/// A client as the case describes it.
fn with_client<T>(case: &Case, run: impl FnOnce(&Client<'_>) -> T) -> T {
    assert_eq!((case.context_text("issuer"), case.context_text("client_id")), (ISSUER, CLIENT_ID));
    assert_eq!(case.context("rsa_bits"), &json!([2048, 4096]));
    let number = |name: &str| case.context(name).as_u64().and_then(|number| u32::try_from(number).ok());
    let algorithms: Vec<_> = case.context_list("algs").into_iter().filter_map(built).collect();
    let algorithms: &[&dyn Verifier] = if algorithms.is_empty() { &[&Rs256, &Es256] } else { &algorithms };
    let (trusted, acr) = (case.context_list("trusted_audiences"), case.context_list("acr_values"));
    let mut client = Client::new(SERVER, CLIENT_ID)
        .redirect_uri(REDIRECT_URI)
        .algorithms(algorithms)
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

fn finish(case: &Case, flow: &mut impl keyfob_core::flow::Flow, token: &str, cut: Cut) -> Value {
    let access_token = case.context("access_token").as_str().unwrap_or("AT");
    let body = json!({ "access_token": access_token, "token_type": "Bearer", "id_token": token }).to_string();
    let keys = jwks(case.text("jwks"));
    let mut buffer = vec![0; 64 * 1024];
    let outcome =
        with_tokens(flow, now(case), &Answer::json(body.as_bytes()), &keys, cut, &mut buffer, |tokens| {
            let given = tokens.id_token().expect("a sign-in has an ID token");
            assert_eq!(given.as_str(), token);
            json!("ok")
        });
    // Whatever was wrong with the token, no retry with the same one goes through.
    outcome
}

fn jwks(name: &str) -> Vec<u8> {
    let table: Value = serde_json::from_str(TABLE).expect("a table is JSON");
    table["jwks"][name].to_string().into()
}
