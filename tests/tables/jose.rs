//! Signs tokens with the published test keys of the RFCs, by other code than the core's.

use std::sync::LazyLock;

use base64ct::{Base64UrlUnpadded, Encoding};
use ring::rand::SystemRandom;
use ring::rsa::{KeyPair, KeyPairComponents, PublicKeyComponents};
use ring::signature::{self, EcdsaKeyPair, UnparsedPublicKey};
use serde_json::{Value, json};

static KEYS: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../spec/test_keys.json")).expect("keys are JSON"));

/// The keys of this name that sign with RS256 or ES256.
pub const SIGNERS: [&str; 4] = ["rsa1", "rsa2", "ec1", "ec2"];

/// The octets as base64url without padding.
pub fn base64url(octets: impl AsRef<[u8]>) -> String {
    Base64UrlUnpadded::encode_string(octets.as_ref())
}

/// The octets that base64url without padding stands for.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(text).ok()
}

/// The algorithm that a key is for.
pub fn algorithm(key: &str) -> &'static str {
    if key.starts_with("rsa") { "RS256" } else { "ES256" }
}

/// The public part of a key, as a member of a JWK set.
pub fn jwk(key: &str) -> Value {
    let public = ["kty", "n", "e", "crv", "x", "y", "kid"];
    let members = KEYS[key].as_object().expect("there is such a key").iter();
    members
        .filter(|(name, _)| public.contains(&name.as_str()))
        .map(|(name, value)| (name, value.clone()))
        .collect()
}

/// A JWK set with the public parts of all keys that sign.
pub fn jwks() -> Value {
    json!({ "keys": SIGNERS.map(jwk) })
}

/// A signed token with this header and payload, as they stand.
pub fn token(key: &str, header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    let message = format!("{}.{}", base64url(header), base64url(payload));
    let signature = sign(key, message.as_bytes());
    format!("{message}.{}", base64url(signature))
}

/// A signed token with an ordinary header.
pub fn id_token(key: &str, payload: impl AsRef<[u8]>) -> String {
    let header = json!({ "alg": algorithm(key), "kid": key, "typ": "JWT" });
    token(key, header.to_string(), payload)
}

/// The signature of the message.
pub fn sign(key: &str, message: &[u8]) -> Vec<u8> {
    let random = SystemRandom::new();
    let key = Key(&KEYS[key]);
    if key.0["kty"] == "EC" {
        let algorithm = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
        let pair =
            EcdsaKeyPair::from_private_key_and_public_key(algorithm, &key.part("d"), &key.point(), &random)
                .expect("an EC key");
        return pair.sign(&random, message).expect("signs").as_ref().into();
    }
    let components = KeyPairComponents {
        public_key: PublicKeyComponents { n: key.part("n"), e: key.part("e") },
        d: key.part("d"),
        p: key.part("p"),
        q: key.part("q"),
        dP: key.part("dp"),
        dQ: key.part("dq"),
        qInv: key.part("qi"),
    };
    let pair = KeyPair::from_components(&components).expect("an RSA key");
    let mut signed = vec![0; pair.public().modulus_len()];
    pair.sign(&signature::RSA_PKCS1_SHA256, &random, message, &mut signed).expect("signs");
    signed
}

/// The key that a token is signed with, if it is well-formed and signed by one of ours with RS256 or ES256.
pub fn signer(token: &str) -> Option<&'static str> {
    let (message, signature) = token.rsplit_once('.')?;
    let (header, _) = message.split_once('.')?;
    let header: Value = serde_json::from_slice(&decode(header)?).ok()?;
    let signature = decode(signature)?;
    SIGNERS.into_iter().find(|name| {
        let key = Key(&KEYS[name]);
        header["alg"] == algorithm(name)
            && match algorithm(name) {
                "RS256" => PublicKeyComponents { n: key.part("n"), e: key.part("e") }
                    .verify(&signature::RSA_PKCS1_2048_8192_SHA256, message.as_bytes(), &signature)
                    .is_ok(),
                _ => UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, key.point())
                    .verify(message.as_bytes(), &signature)
                    .is_ok(),
            }
    })
}

struct Key<'k>(&'k Value);

impl Key<'_> {
    fn part(&self, name: &str) -> Vec<u8> {
        decode(self.0[name].as_str().expect("a part of the key")).expect("base64url")
    }

    /// SEC 1 §2.3.3, uncompressed.
    fn point(&self) -> Vec<u8> {
        [&[4], &self.part("x")[..], &self.part("y")].concat()
    }
}

/// The same ES256 token with the other s: n - s is as good (RFC 7518 §3.4 has no rule against it).
pub fn other_s(token: &str) -> String {
    let (message, signature) = token.rsplit_once('.').expect("a token");
    let signature = decode(signature).expect("base64url");
    let (r, s) = signature.split_at(32);
    let mut other = [0; 32];
    let mut borrow = 0;
    for place in (0..32).rev() {
        let difference = i16::from(ORDER[place]) - i16::from(s[place]) - borrow;
        borrow = i16::from(difference < 0);
        other[place] = difference.rem_euclid(256) as u8;
    }
    format!("{message}.{}", base64url([r, &other].concat()))
}

/// The order n of P-256 (SP 800-186 §3.2.1.3).
pub const ORDER: [u8; 32] = [
    0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xBC, 0xE6, 0xFA,
    0xAD, 0xA7, 0x17, 0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51,
];
