//! The signing key of ID tokens, random tokens, and digests.

use std::io;

use base64ct::{Base64UrlUnpadded, Encoding};
use p256::ecdsa::signature::{Signer, Verifier};
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// An ES256 key that lives as long as the issuer.
pub struct Keys {
    signing: SigningKey,
    kid: String,
    jwk: Value,
}

impl Keys {
    /// Makes a key from the system's random source.
    pub fn generate() -> io::Result<Self> {
        let signing = loop {
            let mut scalar = [0; 32];
            getrandom::fill(&mut scalar).map_err(|error| io::Error::other(error.to_string()))?;
            // One value in 2^32 is zero or too large.
            if let Ok(key) = SigningKey::from_slice(&scalar) {
                break key;
            }
        };
        let point = signing.verifying_key().to_sec1_point(false);
        let (x, y) = point.as_bytes()[1..].split_at(32);
        let (x, y) = (base64url(x), base64url(y));
        // The thumbprint of RFC 7638: required members in lexicographic order, no spaces.
        let kid = base64url(Sha256::digest(format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#)));
        let jwk =
            json!({ "alg": "ES256", "crv": "P-256", "kid": kid, "kty": "EC", "use": "sig", "x": x, "y": y });
        Ok(Self { signing, kid, jwk })
    }

    /// The JWK Set (RFC 7517 §5).
    pub fn jwks(&self) -> Value {
        json!({ "keys": [self.jwk] })
    }

    /// Signs claims as a compact JWS (RFC 7515 §7.1).
    pub fn sign(&self, claims: &Value) -> String {
        let header = json!({ "alg": "ES256", "kid": self.kid, "typ": "JWT" });
        let input = format!("{}.{}", base64url(header.to_string()), base64url(claims.to_string()));
        let signature: Signature = self.signing.sign(input.as_bytes());
        format!("{input}.{}", base64url(signature.to_bytes()))
    }

    /// The claims of a token that this issuer signed, however old it is.
    pub fn verify(&self, token: &str) -> Option<Value> {
        let (input, signature) = token.rsplit_once('.')?;
        let (header, claims) = input.split_once('.')?;
        let header: Value = serde_json::from_slice(&Base64UrlUnpadded::decode_vec(header).ok()?).ok()?;
        if header.get("alg")? != "ES256" {
            return None;
        }
        let signature = Signature::from_slice(&Base64UrlUnpadded::decode_vec(signature).ok()?).ok()?;
        self.signing.verifying_key().verify(input.as_bytes(), &signature).ok()?;
        serde_json::from_slice(&Base64UrlUnpadded::decode_vec(claims).ok()?).ok()
    }
}

/// A new secret of 256 bits as text.
///
/// # Panics
///
/// If the system's random source fails, which answered when the issuer started. The request then has no answer.
pub fn random() -> String {
    let mut octets = [0; 32];
    getrandom::fill(&mut octets).expect("the system's random source answered at the start");
    base64url(octets)
}

/// A number that is uniform over `0..bound`.
///
/// # Panics
///
/// As [`random`].
pub fn random_below(bound: u8) -> u8 {
    let fair = u8::MAX - u8::MAX % bound;
    loop {
        let mut octet = [0];
        getrandom::fill(&mut octet).expect("the system's random source answered at the start");
        if octet[0] < fair {
            return octet[0] % bound;
        }
    }
}

/// Base64url without padding (RFC 7515 §2).
pub fn base64url(octets: impl AsRef<[u8]>) -> String {
    Base64UrlUnpadded::encode_string(octets.as_ref())
}

/// The left half of a token's SHA-256 (`at_hash`, OIDC Core §3.1.3.6).
pub fn half_hash(token: &str) -> String {
    base64url(&Sha256::digest(token)[..16])
}

/// The challenge that belongs to a verifier (RFC 7636 §4.2).
pub fn s256(verifier: &str) -> String {
    base64url(Sha256::digest(verifier))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s256_of_rfc_7636_appendix_b() {
        assert_eq!(
            s256("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        );
    }

    #[test]
    fn only_own_signatures_verify() {
        let (keys, other) = (Keys::generate().unwrap(), Keys::generate().unwrap());
        let token = keys.sign(&json!({ "sub": "a" }));
        assert_eq!(keys.verify(&token), Some(json!({ "sub": "a" })));
        assert_eq!(other.verify(&token), None);
        assert_eq!(keys.verify(&token[..token.len() - 2]), None);
        assert_eq!(keys.verify("e30.e30."), None);
    }
}
