//! base64url without padding (RFC 4648 §5), read strictly: no padding, no white space, no stray bits.

use base64ct::{Base64UrlUnpadded, Encoding};

/// The length of 32 octets in base64url.
pub(crate) const LENGTH_OF_32: usize = 43;

/// 32 octets as text.
pub(crate) fn encode_32<'b>(octets: &[u8; 32], out: &'b mut [u8; LENGTH_OF_32]) -> &'b str {
    Base64UrlUnpadded::encode(octets, out).unwrap_or_default()
}

/// Decodes `text` where it stands. Stray bits at its end are not looked at: see [`Shape`].
pub(crate) fn decode_in_place(text: &mut [u8]) -> Option<&[u8]> {
    Base64UrlUnpadded::decode_in_place(text).ok()
}

/// Whether a text that goes by in pieces is what an encoder writes.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    length: usize,
    last: u8,
    clean: bool,
}

impl Shape {
    pub(crate) const fn new() -> Self {
        Self { length: 0, last: b'A', clean: true }
    }

    pub(crate) fn push(&mut self, piece: &[u8]) {
        self.length = self.length.saturating_add(piece.len());
        self.clean &= piece.iter().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'));
        self.last = piece.last().copied().unwrap_or(self.last);
    }

    /// Its length is possible, and the bits that its last character has too many are zero.
    pub(crate) fn is_canonical(&self) -> bool {
        self.clean
            && match self.length % 4 {
                0 => true,
                1 => false,
                2 => matches!(self.last, b'A' | b'Q' | b'g' | b'w'),
                _ => b"AEIMQUYcgkosw048".contains(&self.last),
            }
    }
}

/// Decodes `text` into `out`; `None` also if `out` is too short.
pub(crate) fn decode<'b>(text: &[u8], out: &'b mut [u8]) -> Option<&'b [u8]> {
    Base64UrlUnpadded::decode(text, out).ok()
}

/// Octets as text; `None` if `out` is too short.
pub(crate) fn encode<'b>(octets: &[u8], out: &'b mut [u8]) -> Option<&'b str> {
    Base64UrlUnpadded::encode(octets, out).ok()
}

/// The characters that so many octets take.
pub(crate) fn encoded_length(octets: usize) -> usize {
    octets.saturating_mul(4).saturating_add(2) / 3
}

/// The octets that `text` stands for.
pub(crate) fn decoded_length(text: &str) -> usize {
    text.len().saturating_mul(3) / 4
}

/// Whether text of the right alphabet is what an encoder writes: its length, and no stray bits at its end.
pub(crate) fn is_canonical(text: &[u8]) -> bool {
    Shape { length: text.len(), last: text.last().copied().unwrap_or_default(), clean: true }.is_canonical()
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::{vec, vec::Vec};

    use serde_json::Value;

    use super::*;

    fn rows(name: &str) -> Vec<Value> {
        let vectors = include_str!("../../../tests/spec/vectors.json");
        let vectors: Value = serde_json::from_str(vectors).expect("vectors are JSON");
        vectors["base64url"][name].as_array().expect("there are such rows").clone()
    }

    fn octets(hex: &str) -> Vec<u8> {
        let octet = |place| u8::from_str_radix(hex.get(place..place + 2).expect("two digits"), 16);
        (0..hex.len()).step_by(2).map(|place| octet(place).expect("hexadecimal")).collect()
    }

    // REQ: ENC-11, RNG-04
    #[test]
    fn known_answers() {
        for row in rows("encode") {
            let text = row["b64u"].as_str().expect("a text");
            let octets = octets(row["hex"].as_str().expect("a text"));
            let mut room = vec![0; text.len()];
            assert_eq!(encode(&octets, &mut room), Some(text));
            assert_eq!(encode(&octets, room.get_mut(1..).unwrap_or_default()).is_some(), text.is_empty());
            assert_eq!(decode(text.as_bytes(), &mut vec![0; octets.len()]), Some(&octets[..]));
            assert_eq!(decode_in_place(&mut text.as_bytes().to_vec()), Some(&octets[..]));
            assert_eq!(decoded_length(text), octets.len());
            let mut shape = Shape::new();
            text.as_bytes().chunks(3).for_each(|piece| shape.push(piece));
            assert!(shape.is_canonical() && is_canonical(text.as_bytes()));
            if let Ok(octets) = <[u8; 32]>::try_from(octets) {
                assert_eq!(encode_32(&octets, &mut [0; LENGTH_OF_32]), text);
            }
        }
    }

    // REQ: ENC-11
    #[test]
    fn what_no_encoder_writes() {
        for row in rows("decode_reject") {
            let text = row["in"].as_str().expect("a text");
            assert_eq!(decode(text.as_bytes(), &mut [0; 64]), None, "{row}");
            // Decoding in place does not look at stray bits: its callers ask this first.
            let mut shape = Shape::new();
            shape.push(text.as_bytes());
            assert!(!shape.is_canonical(), "{row}");
        }
    }
}
