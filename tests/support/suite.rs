//! The habits of the OpenID Foundation's conformance suite, as its relying-party modules show them: the keys it
//! publishes, its metadata, and what it demands of a client in every module.

use base64ct::{Base64, Encoding};
use ring::{
    hmac,
    rand::SystemRandom,
    rsa::{KeyPair, PublicKeyComponents},
    signature::{self, Ed25519KeyPair, KeyPair as _},
};
use serde_json::{Value, json};

use crate::{
    answer::Answer,
    clients::ISSUER,
    form,
    id_token::Draft,
    keys::{TestKey, base64url},
    server::{Received, SUBJECT},
};

/// The suite's issuer: it has a path, the alias, and ends with a slash.
pub const SUITE_ISSUER: &str = "https://op.example/test/a/keyfob/";

/// What stands before the paths of the other endpoints.
const ALIAS: &str = "/test/a/keyfob";

/// The client as it is registered there, with characters that need encoding.
pub const CLIENT_ID: &str = "client 7: 100%+*";

/// Its secret, long enough to check a MAC with.
pub const CLIENT_SECRET: &str = "s&cret: 7%=~ of 32 octets + more";

/// Its redirect URI.
pub const REDIRECT_URI: &str = "https://app.example/cb?rp=keyfob";

/// What the suite does in one module, beside what a [`Server`](crate::server::Server) can be told anyway.
#[derive(Clone, Debug)]
pub struct Suite {
    /// How the client is registered to authenticate.
    pub authentication: &'static str,
    /// The algorithm of ID tokens.
    pub algorithm: &'static str,
    /// Signing keys of each of the four types.
    pub each: [usize; 4],
    /// Whether keys and ID tokens carry a `kid`.
    pub has_kid: bool,
    /// Which of its keys of the right type signs.
    pub signer: usize,
    /// Counts rotations: each makes all keys new.
    pub generation: usize,
    /// Whether the keys are made new between a token request and the signature.
    pub rotates_before_signing: bool,
    /// Whether keys that nobody can read stand before the others.
    pub has_unparseable_keys: bool,
    /// What is done to the metadata.
    pub metadata: fn(&mut Value),
    /// What is done to the claims of UserInfo.
    pub claims: fn(&mut Value),
    /// `iss` in authorization responses, if it was announced.
    pub response_issuer: Option<&'static str>,
    /// Authorization requests so far.
    pub authorizations: usize,
}

impl Default for Suite {
    fn default() -> Self {
        Self {
            authentication: "none",
            algorithm: "RS256",
            each: [2, 2, 1, 1],
            has_kid: true,
            signer: 0,
            generation: 0,
            rotates_before_signing: false,
            has_unparseable_keys: false,
            metadata: |_| {},
            claims: |_| {},
            response_issuer: None,
            authorizations: 0,
        }
    }
}

impl Suite {
    /// The metadata document: response types in unusual order, no `none` among the ways of authentication, nothing
    /// about PKCE.
    pub fn document(&self) -> Value {
        let at = |path: &str| format!("{ISSUER}{ALIAS}{path}");
        let mut document = json!({
            "issuer": SUITE_ISSUER,
            "authorization_endpoint": at("/authorize"),
            "token_endpoint": at("/token"),
            "jwks_uri": format!("{}{}", at("/jwks/"), self.suffix()),
            "userinfo_endpoint": at("/userinfo"),
            "registration_endpoint": at("/register"),
            "end_session_endpoint": at("/end_session_endpoint"),
            "check_session_iframe": at("/check_session_iframe"),
            "scopes_supported": ["openid", "phone", "profile", "email", "address", "offline_access"],
            "response_types_supported":
                ["id_token code", "code", "id_token", "token id_token", "token code", "token id_token code"],
            "response_modes_supported": ["query", "fragment", "form_post"],
            "token_endpoint_auth_methods_supported":
                ["client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": ["RS256", "ES256", "PS256", "EdDSA"],
            "grant_types_supported": ["authorization_code", "implicit"],
            "claims_parameter_supported": true,
            "request_parameter_supported": true,
            "request_uri_parameter_supported": true,
            "subject_types_supported": ["public", "pairwise"],
            "id_token_signing_alg_values_supported":
                ["none", "RS256", "RS384", "RS512", "PS256", "ES256", "ES256K", "EdDSA", "HS256"],
            "id_token_encryption_alg_values_supported": ["RSA1_5", "RSA-OAEP", "ECDH-ES"],
            "claims_supported": ["sub", "name", "email", "address", "phone_number"],
        });
        if self.response_issuer.is_some() {
            document["authorization_response_iss_parameter_supported"] = true.into();
        }
        (self.metadata)(&mut document);
        document
    }

    /// What ends the address of the key set on this run.
    pub const fn suffix(&self) -> &'static str {
        "0c2f9d"
    }

    /// The path of a request without the alias.
    pub fn path<'p>(&self, path: &'p str) -> &'p str {
        path.strip_prefix(ALIAS).expect("requests go to the suite")
    }

    /// The key set: signing keys of four types, and two for encryption. None has `alg`.
    pub fn jwk_set(&self) -> Value {
        let mut keys = Vec::new();
        if self.has_unparseable_keys {
            keys.push(json!({ "kty": "AKP", "alg": "ML-DSA-99", "kid": self.kid("akp", 0), "pub": base64url([7; 64]) }));
            keys.push(
                json!({ "kty": "made-up", "use": "sig", "kid": self.kid("made-up", 0), "q": [{}, 1, null] }),
            );
        }
        let [rsa, p256, secp256k1, ed25519] = self.each;
        keys.extend((0..rsa).map(|number| self.signing("rsa", number, rsa_jwk(self.key(number)))));
        keys.extend((0..p256).map(|number| self.signing("ec", number, p256_key(self.key(number)).jwk())));
        keys.extend((0..secp256k1).map(|number| self.signing("k", number, secp256k1_jwk(number))));
        keys.extend((0..ed25519).map(|number| self.signing("ed", number, ed25519_jwk(self.key(number)))));
        for (name, mut key) in [("rsa-enc", rsa_jwk(RSA_KEYS - 1)), ("ec-enc", p256_key(99).jwk())] {
            key = self.signing(name, 0, key);
            key["use"] = "enc".into();
            keys.push(key);
        }
        json!({ "keys": keys })
    }

    /// The place of a key among all there are: those of another generation are others.
    fn key(&self, number: usize) -> usize {
        (self.generation * 2 + number) % (RSA_KEYS - 1)
    }

    /// As good as random: it is another one in each generation.
    fn kid(&self, kind: &str, number: usize) -> String {
        format!("{:08x}-{kind}-4c5e-9f0a-{number:012x}", 0x9E37_79B9_usize.wrapping_mul(self.generation + 1))
    }

    fn signing(&self, kind: &str, number: usize, mut key: Value) -> Value {
        let members = key.as_object_mut().expect("a key");
        members.remove("alg");
        members.remove("kid");
        members.insert("use".into(), "sig".into());
        if self.has_kid {
            members.insert("kid".into(), self.kid(kind, number).into());
        }
        key
    }

    /// The suite's own header and claims in a draft.
    pub fn prepare(&mut self, draft: &mut Draft) {
        self.generation += usize::from(self.rotates_before_signing);
        let kind = if self.algorithm == "ES256" { "ec" } else { "rsa" };
        draft.header = json!({ "alg": self.algorithm });
        if self.has_kid && self.algorithm != "HS256" {
            draft.header["kid"] = self.kid(kind, self.signer).into();
        }
        draft.claims["iss"] = SUITE_ISSUER.into();
        draft.claims.as_object_mut().expect("claims").remove("at_hash");
    }

    /// Signs a draft.
    pub fn sign(&self, draft: &Draft) -> String {
        draft.sign_with(|message| match self.algorithm {
            "ES256" => p256_key(self.key(self.signer)).sign(message),
            "HS256" => {
                let secret = hmac::Key::new(hmac::HMAC_SHA256, CLIENT_SECRET.as_bytes());
                hmac::sign(&secret, message).as_ref().to_vec()
            }
            _ => rsa_signature(self.key(self.signer), message),
        })
    }

    /// The client, if it authenticates as it is registered to, and in no other way.
    pub fn authenticate(&self, request: &Received) -> Option<String> {
        let pairs = form::pairs(&request.body);
        let basic = request.header("Authorization").map(|header| {
            let credentials = header.strip_prefix("Basic ").expect("basic authentication");
            let credentials = Base64::decode_vec(credentials).expect("base64");
            let credentials = String::from_utf8(credentials).expect("both parts are form-encoded");
            let (client_id, secret) = credentials.split_once(':').expect("two parts");
            (form::decode(client_id), form::decode(secret))
        });
        let (id, secret) = (form::value(&pairs, "client_id"), form::value(&pairs, "client_secret"));
        let good = match self.authentication {
            "client_secret_basic" => {
                secret.is_none()
                    && id.is_none_or(|id| id == CLIENT_ID)
                    && basic == Some((CLIENT_ID.into(), CLIENT_SECRET.into()))
            }
            "client_secret_post" => {
                basic.is_none()
                    && id.as_deref() == Some(CLIENT_ID)
                    && secret.as_deref() == Some(CLIENT_SECRET)
            }
            _ => basic.is_none() && secret.is_none() && id.as_deref() == Some(CLIENT_ID),
        };
        good.then(|| CLIENT_ID.into())
    }

    /// What the suite demands of every authorization request.
    ///
    /// # Panics
    /// If something is missing.
    pub fn check_authorization(&mut self, pairs: &[(String, String)]) {
        self.authorizations += 1;
        let get = |name| form::value(pairs, name).unwrap_or_default();
        assert!(get("scope").split(' ').any(|token| token == "openid"));
        assert_eq!((get("client_id").as_str(), get("redirect_uri").as_str()), (CLIENT_ID, REDIRECT_URI));
        assert!(!get("nonce").is_empty() && get("nonce") != get("state"));
    }

    /// The claims about the user; the access token comes in the `Authorization` header alone.
    pub fn userinfo(&self, request: &Received) -> Answer {
        assert!(request.body.is_empty() && !request.url.contains('?'), "a token has one place");
        let header = request.header("Authorization").expect("an access token");
        assert!(header.starts_with("Bearer access-"));
        let mut claims = json!({
            "sub": SUBJECT,
            "name": "Demo T. User", "given_name": "Demo", "updated_at": 1_580_000_000,
            "email": "user@example.com", "email_verified": false,
            "phone_number": "+1 555 5550000", "phone_number_verified": false,
            "address": { "street_address": "100 Universal City Plaza", "locality": "Hollywood", "country": "USA" },
        });
        (self.claims)(&mut claims);
        Answer::json(200, &claims)
    }
}

/// RSA keys there are; the last one is for encryption.
const RSA_KEYS: usize = 5;

fn rsa_key(place: usize) -> KeyPair {
    let mut lines = include_str!("suite_rsa_keys.txt").lines().filter(|line| !line.starts_with('#'));
    let line = lines.nth(place).expect("there is such a key");
    KeyPair::from_der(&Base64::decode_vec(line).expect("base64")).expect("an RSA key")
}

fn rsa_jwk(place: usize) -> Value {
    let PublicKeyComponents::<Vec<u8>> { n, e } = rsa_key(place).public().into();
    json!({ "kty": "RSA", "n": base64url(n), "e": base64url(e) })
}

fn rsa_signature(place: usize, message: &[u8]) -> Vec<u8> {
    let key = rsa_key(place);
    let mut signed = vec![0; key.public().modulus_len()];
    key.sign(&signature::RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signed).expect("signs");
    signed
}

fn p256_key(place: usize) -> TestKey {
    TestKey { kid: None, octet: 0x40 + place as u8 }
}

/// Multiples of the generator (SEC 2 §2.4.1).
fn secp256k1_jwk(number: usize) -> Value {
    const POINTS: [[&str; 2]; 3] = [
        ["eb5mfvncu6xVoGKVzocLBwKb_NstzijZWfKBWxb4F5g", "SDradyajxGVdpPv8DhEIqP0XtEimhVQZnEfQj_sQ1Lg"],
        ["xgR_lEHtfW0wRUBulcB82Fx3jkuM7zynq6wJuVxwnuU", "GuFo_qY9wzmjxYQZRmzq7vf2MmUyZtDhI2QxqVDP5So"],
        ["-TCKAZJYwxBJNE-F-J1SKbUxyEWDb5mwhgHxE7zgNvk", "OI97D2Mt6BQP4zfmKjfzVmUAqZk0wiMbbLn9dYS45nI"],
    ];
    let [x, y] = POINTS[number];
    json!({ "kty": "EC", "crv": "secp256k1", "x": x, "y": y })
}

fn ed25519_jwk(place: usize) -> Value {
    let key = Ed25519KeyPair::from_seed_unchecked(&[0x20 + place as u8; 32]).expect("a seed");
    json!({ "kty": "OKP", "crv": "Ed25519", "x": base64url(key.public_key().as_ref()) })
}
