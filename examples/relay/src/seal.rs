//! The answer of the server, so that only the device can read it: HPKE (RFC 9180).

use getrandom::SysRng;
use hpke::{
    Deserializable, OpModeS, Serializable,
    aead::ChaCha20Poly1305,
    kdf::HkdfSha256,
    kem::X25519HkdfSha256,
    rand_core::{CryptoRng, UnwrapErr},
    single_shot_seal_with_rng,
};
use zeroize::Zeroizing;

/// The longest answer that is carried, in octets.
pub const MAX_RESPONSE: usize = 4096;

const INFO: &[u8] = b"keyfob relay 1";

/// How the answer came.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// As a form (OAuth 2.0 Form Post Response Mode).
    Form,
    /// In the query of the redirect URI (RFC 6749 §4.1.2).
    Query,
}

/// Seals an answer to the device's key, for one mailbox. None if the key is not one.
pub fn seal(public_key: &[u8; 32], mailbox: &str, kind: Kind, response: &[u8]) -> Option<Vec<u8>> {
    seal_with(&mut UnwrapErr(SysRng), public_key, mailbox, kind, response)
}

/// Whether answers can be sealed to this key: some points would give away the secret (RFC 7748 §6.1).
pub fn is_key(public_key: &[u8; 32]) -> bool {
    seal(public_key, "", Kind::Query, b"").is_some()
}

fn seal_with(
    random: &mut impl CryptoRng,
    public_key: &[u8; 32],
    mailbox: &str,
    kind: Kind,
    response: &[u8],
) -> Option<Vec<u8>> {
    let mut plain = Zeroizing::new(Vec::with_capacity(1 + response.len()));
    plain.push(if kind == Kind::Form { b'f' } else { b'q' });
    plain.extend_from_slice(response);
    let key = <X25519HkdfSha256 as hpke::Kem>::PublicKey::from_bytes(public_key).ok()?;
    let (encapsulated, ciphertext) = single_shot_seal_with_rng::<
        ChaCha20Poly1305,
        HkdfSha256,
        X25519HkdfSha256,
    >(&OpModeS::Base, &key, INFO, &plain, mailbox.as_bytes(), random)
    .ok()?;
    let mut sealed = encapsulated.to_bytes().to_vec();
    sealed.extend_from_slice(&ciphertext);
    Some(sealed)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use base64ct::{Base64UrlUnpadded, Encoding};
    use hpke::rand_core::{TryCryptoRng, TryRng};
    use serde_json::Value;

    use super::*;
    use crate::keys::decode;

    /// Octets that are known.
    struct Known(Vec<u8>);

    impl TryRng for Known {
        type Error = Infallible;

        fn try_next_u32(&mut self) -> Result<u32, Infallible> {
            unreachable!("a key pair is made of octets")
        }

        fn try_next_u64(&mut self) -> Result<u64, Infallible> {
            unreachable!("a key pair is made of octets")
        }

        fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
            out.copy_from_slice(&self.0);
            Ok(())
        }
    }

    impl TryCryptoRng for Known {}

    // REQ: RELAY-11
    #[test]
    fn the_known_answers() {
        let table = include_str!("../../../tests/spec/relay_seal.json");
        let table: Value = serde_json::from_str(table).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_string();
        let octets = |value: &Value| Base64UrlUnpadded::decode_vec(value.as_str().unwrap()).unwrap();
        let (key, mailbox) = (decode(&text(&table["public_key"])).unwrap(), text(&table["mailbox"]));
        let cases = table["cases"].as_array().unwrap();
        assert!(cases.len() >= 2);
        for case in cases {
            let plain = text(&case["plaintext"]);
            let kind = if plain.starts_with('f') { Kind::Form } else { Kind::Query };
            let mut random = Known(octets(&case["random"]));
            let sealed = seal_with(&mut random, &key, &mailbox, kind, &plain.as_bytes()[1..]).unwrap();
            assert_eq!(sealed, octets(&case["sealed"]), "{}", case["name"]);
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        assert!(!is_key(&[0; 32]));
        assert!(is_key(&[9; 32]));
    }
}
