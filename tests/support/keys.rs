//! Keys of the server. They sign ID tokens; they are fixed, and good for nothing else.

use base64ct::{Base64UrlUnpadded, Encoding};
use keyfob_core::jws::{Es256, Verifier};
use p256::ecdsa::{Signature, SigningKey, signature::Signer};
use serde_json::{Value, json};

/// What the clients accept.
pub const VERIFIERS: &[&dyn Verifier] = &[&Es256];

/// A key of the server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TestKey {
    /// Its name, if it has one.
    pub kid: Option<&'static str>,
    /// The private scalar is 32 of these.
    pub octet: u8,
}

/// The key that signs, unless said otherwise.
pub const FIRST: TestKey = TestKey { kid: Some("first"), octet: 1 };
/// The key after a rotation.
pub const SECOND: TestKey = TestKey { kid: Some("second"), octet: 2 };
/// A key of somebody else.
pub const STRANGE: TestKey = TestKey { kid: Some("strange"), octet: 3 };

impl TestKey {
    /// The same key under another name, or under none.
    pub const fn named(self, kid: Option<&'static str>) -> Self {
        Self { kid, ..self }
    }

    fn signing_key(self) -> SigningKey {
        SigningKey::from_slice(&[self.octet; 32]).expect("a scalar")
    }

    /// The signature over `message` as JWS has it (RFC 7518 §3.4); the same every time (RFC 6979).
    pub fn sign(self, message: &[u8]) -> Vec<u8> {
        let signature: Signature = self.signing_key().sign(message);
        signature.to_bytes().to_vec()
    }

    /// The public key as a JWK.
    pub fn jwk(self) -> Value {
        let point = self.signing_key().verifying_key().to_sec1_point(false);
        let coordinate = |octets: Option<_>| base64url(octets.expect("not at infinity"));
        let mut jwk = json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256",
            "x": coordinate(point.x().map(|x| x.to_vec())),
            "y": coordinate(point.y().map(|y| y.to_vec())),
        });
        if let Some(kid) = self.kid {
            jwk["kid"] = kid.into();
        }
        jwk
    }
}

/// A JWK set.
pub fn jwk_set(keys: &[TestKey]) -> Value {
    json!({ "keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>() })
}

/// Octets as base64url.
pub fn base64url(octets: impl AsRef<[u8]>) -> String {
    Base64UrlUnpadded::encode_string(octets.as_ref())
}
