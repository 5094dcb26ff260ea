//! What a server does about DPoP proofs and client assertions (RFC 9449 §4.3, RFC 7523 §3), and keys to make them with.

use std::sync::{
    LazyLock, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use base64ct::{Base64UrlUnpadded, Encoding};
use keyfob_core::jws::{Algorithm, Es256, Es256Signer, Key, MAX_SIGNATURE, SignError, Signer, Verifier};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    clock::TODAY,
    keys::{TestKey, base64url},
    server::Received,
};

/// The private key of [`HOLDER`], as it must never show.
pub const HOLDER_SECRET: [u8; 32] = [0x5A; 32];

/// The key of a client's proofs.
pub static HOLDER: LazyLock<Es256Signer<'static>> =
    LazyLock::new(|| Es256Signer::new(&HOLDER_SECRET).expect("a scalar"));

/// The key of a client's assertions, which the server knows by name.
pub static CLIENT_KEY: LazyLock<Es256Signer<'static>> =
    LazyLock::new(|| Es256Signer::new(&[9; 32]).expect("a scalar").named("client key"));

/// The same as the server has it.
pub const CLIENT_TEST_KEY: TestKey = TestKey { kid: Some("client key"), octet: 9 };

/// A key in a secure element: each signature is ready when it is asked for the third time, and is good once. Asked for
/// another message in between, it begins anew.
#[derive(Debug, Default)]
pub struct Slow {
    at_work: Mutex<(Vec<u8>, usize)>,
    /// Signatures that were begun.
    pub begun: AtomicUsize,
}

impl Signer for Slow {
    fn algorithm(&self) -> Algorithm {
        HOLDER.algorithm()
    }

    fn public_key(&self) -> Key<'_> {
        HOLDER.public_key()
    }

    fn sign(&self, message: &[u8], signature: &mut [u8; MAX_SIGNATURE]) -> Result<usize, SignError> {
        let mut at_work = self.at_work.lock().expect("no panic");
        if at_work.0 != message {
            *at_work = (message.to_vec(), 0);
            self.begun.fetch_add(1, Ordering::Relaxed);
        }
        at_work.1 += 1;
        if at_work.1 < 3 {
            return Err(SignError::Pending);
        }
        *at_work = Default::default();
        HOLDER.sign(message, signature)
    }
}

/// A signed token, taken apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Jwt {
    /// The JOSE header.
    pub header: Value,
    /// The claims.
    pub claims: Value,
    message: String,
    signature: Vec<u8>,
}

impl Jwt {
    /// Reads a compact token.
    ///
    /// # Panics
    /// If it is none.
    pub fn read(token: &str) -> Self {
        let parts: Vec<_> = token.split('.').collect();
        let [header, payload, signature] = parts[..] else { panic!("three parts: {token}") };
        let octets = |part| Base64UrlUnpadded::decode_vec(part).expect("base64url");
        let json = |part| serde_json::from_slice(&octets(part)).expect("JSON");
        Self {
            header: json(header),
            claims: json(payload),
            message: format!("{header}.{payload}"),
            signature: octets(signature),
        }
    }

    /// Whether it is signed with this public JWK by ES256.
    pub fn is_signed_with(&self, jwk: &Value) -> bool {
        let part = |name: &str| {
            Base64UrlUnpadded::decode_vec(jwk[name].as_str().unwrap_or_default()).unwrap_or_default()
        };
        let (x, y) = (part("x"), part("y"));
        let key = Key::P256 { x: &x, y: &y };
        self.header["alg"] == "ES256" && Es256.verify(key, self.message.as_bytes(), &self.signature) == Ok(())
    }

    /// The names of the members of header and claims.
    pub fn names(&self) -> (Vec<&str>, Vec<&str>) {
        let names = |value: &'_ Value| -> Vec<String> {
            let mut names: Vec<_> = value.as_object().expect("an object").keys().cloned().collect();
            names.sort_unstable();
            names
        };
        let leak = |names: Vec<String>| names.into_iter().map(|name| &*name.leak()).collect();
        (leak(names(&self.header)), leak(names(&self.claims)))
    }
}

/// The thumbprint of a P-256 JWK (RFC 7638 §3).
pub fn thumbprint(jwk: &Value) -> String {
    let text = |name: &str| jwk[name].as_str().expect("a text");
    let canonical =
        format!("{{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"{}\",\"y\":\"{}\"}}", text("x"), text("y"));
    base64url(Sha256::digest(canonical))
}

/// A server's memory of proofs and assertions.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    /// The nonce that proofs must show.
    pub nonce: Option<&'static str>,
    /// The date, if it is another than the tests' own.
    pub date: Option<u64>,
    /// All proofs that were taken.
    pub proofs: Vec<Jwt>,
    /// All assertions that were taken.
    pub assertions: Vec<Jwt>,
    used: Vec<String>,
    key: Option<String>,
}

impl Guard {
    /// One that wants to see this nonce.
    pub fn wanting(nonce: Option<&'static str>) -> Self {
        Self { nonce, ..Self::default() }
    }

    /// Judges the proof of a request.
    ///
    /// # Errors
    /// `use_dpop_nonce` or `invalid_dpop_proof`.
    pub fn judge(&mut self, request: &Received, access_token: Option<&str>) -> Result<(), &'static str> {
        let mut headers = request.headers.iter().filter(|header| header.0 == "DPoP");
        let (Some((_, proof)), None) = (headers.next(), headers.next()) else {
            return Err("invalid_dpop_proof");
        };
        let proof = Jwt::read(proof);
        let claims = &proof.claims;
        let jwk = &proof.header["jwk"];
        let url = request.url.split(['?', '#']).next();
        let fresh = |jti: &str| jti.len() >= 16 && !self.used.iter().any(|used| used == jti);
        let right = proof.header["typ"] == "dpop+jwt"
            && proof.is_signed_with(jwk)
            && jwk.as_object().is_some_and(|jwk| jwk.len() == 4)
            && claims["htm"] == request.method.as_str()
            && claims["htu"].as_str() == url
            && claims["iat"].as_u64().is_some_and(|iat| iat.abs_diff(self.date.unwrap_or(TODAY)) < 300)
            && claims["jti"].as_str().is_some_and(fresh)
            && claims["ath"].as_str().map(str::to_owned)
                == access_token.map(|token| base64url(Sha256::digest(token)));
        if !right {
            return Err("invalid_dpop_proof");
        }
        if self.nonce.is_some_and(|nonce| claims["nonce"] != nonce) {
            return Err("use_dpop_nonce");
        }
        let thumbprint = thumbprint(jwk);
        if self.key.get_or_insert(thumbprint.clone()) != &thumbprint {
            return Err("invalid_dpop_proof");
        }
        self.used.push(claims["jti"].as_str().unwrap_or_default().into());
        self.proofs.push(proof);
        Ok(())
    }

    /// The client that an assertion speaks for, if it is right and new.
    pub fn client(&mut self, assertion: &str, issuer: &str) -> Option<String> {
        let assertion = Jwt::read(assertion);
        let Jwt { header, claims, .. } = &assertion;
        let jti = claims["jti"].as_str()?.to_owned();
        let lifetime = claims["exp"].as_u64()?.checked_sub(claims["iat"].as_u64()?)?;
        let right = header["kid"] == "client key"
            && assertion.is_signed_with(&CLIENT_TEST_KEY.jwk())
            && claims["aud"] == issuer
            && claims["iss"] == claims["sub"]
            && lifetime <= 60
            && claims["iat"].as_u64()?.abs_diff(self.date.unwrap_or(TODAY)) < 300
            && !self.used.contains(&jti);
        let client = claims["sub"].as_str()?.to_owned();
        self.used.push(jti);
        self.assertions.push(assertion);
        right.then_some(client)
    }
}
