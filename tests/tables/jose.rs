//! Signs tokens with the published test keys of the RFCs, by other code than the core's.

use std::sync::LazyLock;

use base64ct::{Base64UrlUnpadded, Encoding};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::rsa::{KeyPair, KeyPairComponents, PublicKeyComponents};
use ring::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaEncoding, UnparsedPublicKey};
use serde_json::{Value, json};

static KEYS: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../spec/test_keys.json")).expect("keys are JSON"));

/// The keys of these names are in the key set.
pub const SIGNERS: [&str; 5] = ["rsa1", "rsa2", "ec1", "ec2", "ed1"];

/// The client's secret in the cases, which signs under this name.
pub const SECRET: &str = "a-shared-secret-of-at-least-32-octets-0123456789";

/// The octets as base64url without padding.
pub fn base64url(octets: impl AsRef<[u8]>) -> String {
    Base64UrlUnpadded::encode_string(octets.as_ref())
}

/// The octets that base64url without padding stands for.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(text).ok()
}

/// The algorithm that a key is for, if nothing else is said.
pub fn algorithm(key: &str) -> &'static str {
    match key {
        SECRET => "HS256",
        "ec384" => "ES384",
        "ed1" => "EdDSA",
        _ if key.starts_with("rsa") => "RS256",
        _ => "ES256",
    }
}

/// The public part of a key, as a member of a JWK set.
pub fn jwk(key: &str) -> Value {
    if key == "ec384" {
        return P384.jwk();
    }
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

/// A token with this header and payload, as they stand; signed by the algorithm in the header, if the key is of its
/// type, else by the key's own.
pub fn token(key: &str, header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    let message = format!("{}.{}", base64url(&header), base64url(payload));
    let header: Value = serde_json::from_slice(header.as_ref()).unwrap_or_default();
    let named = header["alg"].as_str().filter(|named| is_for(key, named));
    let signature = sign_by(key, named.unwrap_or(algorithm(key)), message.as_bytes());
    format!("{message}.{}", base64url(signature))
}

/// A signed token with an ordinary header.
pub fn id_token(key: &str, payload: impl AsRef<[u8]>) -> String {
    let header = json!({ "alg": algorithm(key), "kid": key, "typ": "JWT" });
    token(key, header.to_string(), payload)
}

/// Whether a key is of the type that an algorithm takes.
fn is_for(key: &str, algorithm: &str) -> bool {
    match algorithm {
        "HS256" => key == SECRET,
        "EdDSA" | "Ed25519" => key.starts_with("ed"),
        "ES256" => matches!(key, "ec1" | "ec2"),
        "ES384" => key == "ec384",
        "RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512" => key.starts_with("rsa"),
        _ => false,
    }
}

/// The signature of the message, by the key's own algorithm.
pub fn sign(key: &str, message: &[u8]) -> Vec<u8> {
    sign_by(key, algorithm(key), message)
}

/// The signature of the message, by a certain algorithm.
pub fn sign_by(key: &str, algorithm: &str, message: &[u8]) -> Vec<u8> {
    let random = SystemRandom::new();
    if algorithm == "HS256" {
        return mac(key.as_bytes(), message);
    }
    let key = if key == "ec384" { Key(&Value::Null) } else { Key(&KEYS[key]) };
    let padding: &dyn RsaEncoding = match algorithm {
        "ES256" => {
            let algorithm = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
            let pair = EcdsaKeyPair::from_private_key_and_public_key(
                algorithm,
                &key.part("d"),
                &key.point(),
                &random,
            )
            .expect("an EC key");
            return pair.sign(&random, message).expect("signs").as_ref().into();
        }
        "ES384" => return P384.sign(message),
        "EdDSA" | "Ed25519" => {
            let pair = Ed25519KeyPair::from_seed_and_public_key(&key.part("d"), &key.part("x"));
            return pair.expect("an Ed25519 key").sign(message).as_ref().into();
        }
        "RS256" => &signature::RSA_PKCS1_SHA256,
        "RS384" => &signature::RSA_PKCS1_SHA384,
        "RS512" => &signature::RSA_PKCS1_SHA512,
        "PS256" => &signature::RSA_PSS_SHA256,
        "PS384" => &signature::RSA_PSS_SHA384,
        "PS512" => &signature::RSA_PSS_SHA512,
        algorithm => panic!("{algorithm}"),
    };
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
    pair.sign(padding, &random, message, &mut signed).expect("signs");
    signed
}

/// HMAC with SHA-256.
pub fn mac(secret: &[u8], message: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message).as_ref().into()
}

/// The key that a token is signed with, if it is well-formed and signed by one of ours with the algorithm it names.
pub fn signer(token: &str) -> Option<&'static str> {
    let (message, signature) = token.rsplit_once('.')?;
    let (header, _) = message.split_once('.')?;
    let header: Value = serde_json::from_slice(&decode(header)?).ok()?;
    let algorithm = header["alg"].as_str()?;
    let signature = decode(signature)?;
    let mut keys = SIGNERS.into_iter().chain([SECRET]).filter(|key| is_for(key, algorithm));
    keys.find(|name| {
        let key = Key(&KEYS[name]);
        let rsa = |parameters| {
            PublicKeyComponents { n: key.part("n"), e: key.part("e") }
                .verify(parameters, message.as_bytes(), &signature)
                .is_ok()
        };
        match algorithm {
            "HS256" => mac(name.as_bytes(), message.as_bytes()) == signature,
            "RS256" => rsa(&signature::RSA_PKCS1_2048_8192_SHA256),
            "PS256" => rsa(&signature::RSA_PSS_2048_8192_SHA256),
            "ES256" => UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, key.point())
                .verify(message.as_bytes(), &signature)
                .is_ok(),
            "EdDSA" | "Ed25519" => UnparsedPublicKey::new(&signature::ED25519, key.part("x"))
                .verify(message.as_bytes(), &signature)
                .is_ok(),
            _ => false,
        }
    })
}

/// A part of a key.
pub fn part(key: &str, name: &str) -> Vec<u8> {
    Key(&KEYS[key]).part(name)
}

/// A key on P-384, which the published ones lack: a new one for each run.
pub struct P384Key(EcdsaKeyPair);

/// The same.
pub static P384: LazyLock<P384Key> = LazyLock::new(|| {
    let algorithm = &signature::ECDSA_P384_SHA384_FIXED_SIGNING;
    let pair = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).expect("a key");
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, pair.as_ref(), &SystemRandom::new());
    P384Key(pair.expect("a key on P-384"))
});

impl P384Key {
    /// An ES384 signature of the message.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(&SystemRandom::new(), message).expect("signs").as_ref().into()
    }

    /// The coordinates x and y.
    pub fn coordinates(&self) -> [Vec<u8>; 2] {
        let (x, y) = self.0.public_key().as_ref()[1..].split_at(48);
        [x.into(), y.into()]
    }

    /// The public part of the key, as a member of a JWK set.
    pub fn jwk(&self) -> Value {
        let [x, y] = self.coordinates().map(base64url);
        json!({ "kty": "EC", "crv": "P-384", "x": x, "y": y, "kid": "ec384" })
    }
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
