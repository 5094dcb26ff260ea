//! ID tokens with one fault each, and the check that must find it.

use keyfob_core::error::{Check, Error, Name};
use serde_json::{Value, json};

use crate::{
    clock::TODAY,
    id_token::{Draft, Forgery, break_signature, half_hash, swap_claims},
    keys::{FIRST, STRANGE},
};

/// Faults, for the client `kiosk` that asked for a nonce.
pub const FORGERIES: &[(&str, Forgery, Error)] = &[
    // Format and header.
    ("two parts", |draft| draft.after = |token| cut_at(token, 2), Error::Check(Check::JwtFormat)),
    ("five parts", |draft| draft.after = |token| format!("{token}.e30.e30"), Error::Check(Check::Encrypted)),
    ("padding", |draft| draft.after = |token| format!("{token}="), Error::Check(Check::JwtFormat)),
    ("alg none", |draft| draft.header["alg"] = "none".into(), Error::Check(Check::AlgorithmNone)),
    ("no signature", |draft| draft.after = |token| cut_at(token, 2) + ".", Error::Check(Check::BadSignature)),
    ("alg of another key", |draft| draft.header["alg"] = "RS256".into(), NOT_ALLOWED),
    ("alg HS256", |draft| draft.header["alg"] = "HS256".into(), NOT_ALLOWED),
    ("crit", |draft| draft.header["crit"] = json!(["exp"]), Error::Check(Check::CriticalUnsupported)),
    ("access token", |draft| draft.header["typ"] = "at+jwt".into(), Error::Check(Check::TypeMismatch)),
    ("kid is a number", |draft| draft.header["kid"] = 1.into(), Error::Check(Check::WrongType(Name::Kid))),
    // Key and signature.
    ("kid of nobody", |draft| draft.header["kid"] = "nobody".into(), Error::Check(Check::UnknownKey)),
    ("signed by a stranger", |draft| draft.key = STRANGE.named(FIRST.kid), Error::Check(Check::BadSignature)),
    ("own key in the header", own_key, Error::Check(Check::BadSignature)),
    ("broken signature", |draft| draft.after = break_signature, Error::Check(Check::BadSignature)),
    ("other claims", |draft| draft.after = swap_claims, Error::Check(Check::BadSignature)),
    // Claims.
    (
        "other iss",
        |draft| draft.claims["iss"] = "https://op.example/".into(),
        Error::Check(Check::IssMismatch),
    ),
    ("no iss", |draft| without(draft, "iss"), Error::Check(Check::ClaimMissing(Name::Iss))),
    ("other aud", |draft| draft.claims["aud"] = "Kiosk".into(), Error::Check(Check::AudienceMismatch)),
    ("aud and another", |draft| draft.claims["aud"] = json!(["kiosk", "x"]), UNTRUSTED),
    ("aud is a number", |draft| draft.claims["aud"] = 1.into(), Error::Check(Check::ClaimType(Name::Aud))),
    ("other azp", |draft| draft.claims["azp"] = "x".into(), Error::Check(Check::AzpMismatch)),
    ("empty sub", |draft| draft.claims["sub"] = "".into(), Error::Check(Check::ClaimRange(Name::Sub))),
    ("no sub", |draft| without(draft, "sub"), Error::Check(Check::ClaimMissing(Name::Sub))),
    ("expired", |draft| draft.claims["exp"] = (TODAY - 60).into(), Error::Check(Check::Expired)),
    ("no exp", |draft| without(draft, "exp"), Error::Check(Check::ClaimMissing(Name::Exp))),
    ("exp in milliseconds", |draft| draft.claims["exp"] = (TODAY * 1000).into(), EXP_RANGE),
    ("exp as text", |draft| draft.claims["exp"] = "9".into(), Error::Check(Check::ClaimType(Name::Exp))),
    ("not yet", |draft| draft.claims["nbf"] = (TODAY + 61).into(), Error::Check(Check::NotYetValid)),
    ("of tomorrow", |draft| draft.claims["iat"] = (TODAY + 61).into(), Error::Check(Check::IssuedInFuture)),
    ("no iat", |draft| without(draft, "iat"), Error::Check(Check::ClaimMissing(Name::Iat))),
    ("other nonce", |draft| draft.claims["nonce"] = "x".into(), Error::Check(Check::NonceMismatch)),
    ("no nonce", |draft| without(draft, "nonce"), Error::Check(Check::ClaimMissing(Name::Nonce))),
    ("other at_hash", |draft| draft.claims["at_hash"] = half_hash("x").into(), AT_HASH),
    ("half of at_hash", halve_hash, AT_HASH),
    ("other c_hash", |draft| draft.claims["c_hash"] = half_hash("x").into(), C_HASH),
];

const NOT_ALLOWED: Error = Error::Check(Check::AlgorithmNotAllowed);
const UNTRUSTED: Error = Error::Check(Check::UntrustedAudience);
const EXP_RANGE: Error = Error::Check(Check::ClaimRange(Name::Exp));
const AT_HASH: Error = Error::Check(Check::HashMismatch(Name::AtHash));
const C_HASH: Error = Error::Check(Check::HashMismatch(Name::CHash));

fn cut_at(token: String, parts: usize) -> String {
    token.split('.').take(parts).collect::<Vec<_>>().join(".")
}

fn without(draft: &mut Draft, claim: &str) {
    draft.claims.as_object_mut().expect("claims").remove(claim);
}

fn own_key(draft: &mut Draft) {
    draft.key = STRANGE;
    draft.header["jwk"] = STRANGE.jwk();
    draft.header["kid"] = FIRST.kid.into();
}

fn halve_hash(draft: &mut Draft) {
    if let Value::String(hash) = &mut draft.claims["at_hash"] {
        hash.truncate(hash.len() / 2);
    }
}
