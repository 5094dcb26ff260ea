//! The seal of a relayed response: HPKE (RFC 9180) in base mode with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and
//! ChaCha20Poly1305. What is sealed is the encapsulated key, the ciphertext and its tag, one behind the other.

use hpke::{
    Deserializable, Kem, OpModeR, Serializable,
    aead::{AeadTag, ChaCha20Poly1305},
    inout::InOutBuf,
    kdf::HkdfSha256,
    kem::X25519HkdfSha256,
    single_shot_open_inout_detached,
};
use zeroize::Zeroize;

/// Octets of a private key, a public key and an encapsulated key.
pub(crate) const KEY: usize = 32;

/// Octets of the authentication tag.
const TAG: usize = 16;

/// What a seal is for; another use of the same key opens none of these.
const INFO: &[u8] = b"keyfob relay 1";

type PrivateKey = <X25519HkdfSha256 as Kem>::PrivateKey;
type EncappedKey = <X25519HkdfSha256 as Kem>::EncappedKey;

/// Opens what a relay has sealed to this device. [`Hpke`] does it in software; a chip with a peripheral for it has its
/// own.
pub trait Opener: Sync {
    /// The public key of a private one, which is any 32 octets (RFC 7748 §5).
    fn public_key(&self, private_key: &[u8; KEY]) -> [u8; KEY];

    /// Opens what was sealed to the public key of `private_key`, with `mailbox` as associated data, where it lies: 32
    /// octets of encapsulated key, ciphertext, 16 octets of tag. `true`: the ciphertext is plaintext now. `false`: it was
    /// not sealed so.
    fn open(&self, private_key: &[u8; KEY], mailbox: &str, sealed: &mut [u8]) -> bool;
}

/// The [`Opener`] in software.
#[derive(Clone, Copy, Debug)]
pub struct Hpke;

impl Opener for Hpke {
    fn public_key(&self, private_key: &[u8; KEY]) -> [u8; KEY] {
        match PrivateKey::from_bytes(private_key) {
            Ok(private_key) => X25519HkdfSha256::sk_to_pk(&private_key).to_bytes().into(),
            // No key of this length is refused.
            Err(_) => [0; KEY],
        }
    }

    fn open(&self, private_key: &[u8; KEY], mailbox: &str, sealed: &mut [u8]) -> bool {
        let split = sealed.split_first_chunk_mut::<KEY>();
        let split = split.and_then(|(key, rest)| Some((key, rest.split_last_chunk_mut::<TAG>()?)));
        let Some((encapsulated, (text, tag))) = split else { return false };
        open_detached(private_key, mailbox, encapsulated, text, tag).is_some()
    }
}

/// What was sealed for `mailbox`, opened where it lies. `None`: it was not sealed so, and is wiped.
pub(crate) fn open<'b>(
    opener: &dyn Opener,
    private_key: &[u8; KEY],
    mailbox: &str,
    sealed: &'b mut [u8],
) -> Option<&'b [u8]> {
    if !opener.open(private_key, mailbox, sealed) {
        sealed.zeroize();
        return None;
    }
    sealed.get(KEY..sealed.len().checked_sub(TAG)?)
}

fn open_detached(
    private_key: &[u8; KEY],
    mailbox: &str,
    encapsulated: &[u8; KEY],
    text: &mut [u8],
    tag: &[u8; TAG],
) -> Option<()> {
    let private_key = PrivateKey::from_bytes(private_key).ok()?;
    let encapsulated = EncappedKey::from_bytes(encapsulated).ok()?;
    let tag = AeadTag::<ChaCha20Poly1305>::from_bytes(tag).ok()?;
    single_shot_open_inout_detached::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        &private_key,
        &encapsulated,
        INFO,
        InOutBuf::from(text),
        mailbox.as_bytes(),
        &tag,
    )
    .ok()
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::{vec, vec::Vec};

    use serde_json::Value;

    use super::*;
    use crate::{
        encoding::base64url::{decode, decoded_length, encode_32},
        hash::Sha256,
    };

    fn octets(value: &Value) -> Vec<u8> {
        let text = value.as_str().expect("a text");
        let mut octets = vec![0; decoded_length(text)];
        decode(text.as_bytes(), &mut octets).expect("base64url");
        octets
    }

    fn table() -> (Value, [u8; KEY], std::string::String) {
        let table = include_str!("../../../tests/spec/relay_seal.json");
        let table: Value = serde_json::from_str(table).expect("the table is JSON");
        let private_key = octets(&table["private_key"]).try_into().expect("32 octets");
        let mailbox = table["mailbox"].as_str().expect("a text").into();
        (table, private_key, mailbox)
    }

    // REQ: RELAY-11, RELAY-05
    #[test]
    fn known_answers() {
        let (table, private_key, mailbox) = table();
        assert_eq!(Hpke.public_key(&private_key).to_vec(), octets(&table["public_key"]));
        assert_eq!(table["info"].as_str().map(str::as_bytes), Some(INFO));
        let state = table["state"].as_str().expect("a text");
        assert_eq!(encode_32(&Sha256::digest(state.as_bytes()), &mut [0; 43]), mailbox);
        let cases = table["cases"].as_array().expect("there are cases");
        assert_eq!(cases.len(), 4);
        for case in cases {
            let mut sealed = octets(&case["sealed"]);
            let plaintext = open(&Hpke, &private_key, &mailbox, &mut sealed);
            assert_eq!(plaintext, case["plaintext"].as_str().map(str::as_bytes), "{}", case["name"]);
        }
    }

    // REQ: RELAY-11
    #[test]
    fn what_was_sealed_for_another_is_wiped() {
        let (table, private_key, mailbox) = table();
        let sealed = octets(&table["cases"][0]["sealed"]);
        let opens = |private_key: &[u8; KEY], mailbox: &str, sealed: &[u8]| {
            let mut sealed = sealed.to_vec();
            let opened = open(&Hpke, private_key, mailbox, &mut sealed).is_some();
            assert!(opened || sealed.iter().all(|&octet| octet == 0), "nothing of it is left");
            opened
        };
        assert!(opens(&private_key, &mailbox, &sealed));
        for place in 0..sealed.len() {
            let mut other = sealed.clone();
            other[place] ^= 1;
            assert!(!opens(&private_key, &mailbox, &other), "octet {place}");
        }
        for length in 0..sealed.len() {
            assert!(!opens(&private_key, &mailbox, &sealed[..length]), "{length} octets");
        }
        assert!(!opens(&[1; KEY], &mailbox, &sealed));
        assert!(!opens(&private_key, &mailbox.to_lowercase(), &sealed));
        // A point of small order gives a secret that everybody knows (RFC 9180 §7.1.4).
        for point in [[0; KEY], {
            let mut one = [0; KEY];
            one[0] = 1;
            one
        }] {
            let forged = [&point[..], &sealed[KEY..]].concat();
            assert!(!opens(&private_key, &mailbox, &forged));
        }
    }
}
