//! ID tokens as the server writes them, and as a forger would.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    answer::text,
    clients::ISSUER,
    clock::TODAY,
    keys::{TestKey, base64url},
};

/// An ID token before it is signed.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The JOSE header.
    pub header: Value,
    /// The claims.
    pub claims: Value,
    /// Who signs.
    pub key: TestKey,
    /// What is done to the token after that.
    pub after: fn(String) -> String,
}

/// A change to a draft.
pub type Forgery = fn(&mut Draft);

impl Draft {
    /// A token that is right in every way.
    pub fn new(key: TestKey, client_id: &str, subject: &str) -> Self {
        let mut header = json!({ "alg": "ES256", "typ": "JWT" });
        if let Some(kid) = key.kid {
            header["kid"] = kid.into();
        }
        let claims = json!({
            "iss": ISSUER,
            "sub": subject,
            "aud": client_id,
            "iat": TODAY,
            "exp": TODAY + 300,
        });
        Self { header, claims, key, after: |token| token }
    }

    /// With the nonce of the request, if there was one.
    #[must_use]
    pub fn nonce(mut self, nonce: Option<&str>) -> Self {
        if let Some(nonce) = nonce {
            self.claims["nonce"] = nonce.into();
        }
        self
    }

    /// With `at_hash` of the access token.
    #[must_use]
    pub fn access_token(mut self, access_token: &str) -> Self {
        self.claims["at_hash"] = half_hash(access_token).into();
        self
    }

    /// With another header.
    #[must_use]
    pub fn with_header(mut self, header: Value) -> Self {
        self.header = header;
        self
    }

    /// The token in its compact form.
    pub fn sign(&self) -> String {
        self.sign_with(|message| self.key.sign(message))
    }

    /// The same, signed by another key.
    pub fn sign_with(&self, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
        let signed = format!("{}.{}", base64url(text(&self.header)), base64url(text(&self.claims)));
        let signature = base64url(sign(signed.as_bytes()));
        (self.after)(format!("{signed}.{signature}"))
    }
}

/// The left half of the SHA-256 digest (OIDC Core §3.1.3.6).
pub fn half_hash(text: &str) -> String {
    base64url(&Sha256::digest(text)[..16])
}

/// Flips a bit in the middle of the signature of `token`.
pub fn break_signature(token: String) -> String {
    let (signed, signature) = token.rsplit_once('.').expect("three parts");
    let mut signature = Base64UrlUnpadded::decode_vec(signature).expect("base64url");
    let middle = signature.len() / 2;
    signature[middle] ^= 1;
    format!("{signed}.{}", base64url(signature))
}

/// Exchanges the claims of `token` for others and keeps its signature.
pub fn swap_claims(token: String) -> String {
    let parts: Vec<&str> = token.split('.').collect();
    let claims = Base64UrlUnpadded::decode_vec(parts[1]).expect("base64url");
    let claims = String::from_utf8(claims).expect("UTF-8").replace("alice", "admin");
    format!("{}.{}.{}", parts[0], base64url(claims), parts[2])
}
