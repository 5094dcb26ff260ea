//! JSON Web Tokens that we make (RFC 7515 §7.1, RFC 7519 §7.1).
//!
//! Header and payload go straight into the caller's buffer, and the signature gets its room. Only when the whole
//! request is known to fit is it signed, where it stands.

use crate::{
    encoding::{base64url, number, writer::Writer},
    error::Error,
    jws::{Key, MAX_SIGNATURE, Signer, significant},
};

/// A token without its signature.
#[derive(Clone, Copy)]
pub(crate) struct Unsigned {
    /// Where it begins.
    start: usize,
    /// Where its payload ends.
    end: usize,
    /// Characters of the signature.
    signature: usize,
}

impl Unsigned {
    /// Writes a token whose signature will have so many octets.
    pub(crate) fn write(
        writer: &mut Writer<'_>,
        algorithm: &str,
        signature: usize,
        header: impl FnOnce(&mut Object<'_, '_>),
        claims: impl FnOnce(&mut Object<'_, '_>),
    ) -> Self {
        let start = writer.length();
        Object::write(writer, |object| {
            object.text("alg", algorithm);
            header(object);
        });
        writer.octet(b'.');
        Object::write(writer, claims);
        let end = writer.length();
        writer.octet(b'.');
        let signature = base64url::encoded_length(signature);
        writer.set_length(writer.length().saturating_add(signature));
        Self { start, end, signature }
    }

    /// The same for a key pair: its algorithm, and its name if it has one.
    pub(crate) fn of_signer(
        writer: &mut Writer<'_>,
        signer: &dyn Signer,
        header: impl FnOnce(&mut Object<'_, '_>),
        claims: impl FnOnce(&mut Object<'_, '_>),
    ) -> Self {
        Self::write(writer, signer.algorithm().name(), signature_length(signer.public_key()), header, claims)
    }

    /// Signs it in `written`, at whose start the writer began.
    ///
    /// # Errors
    /// Those of the signer; [`Error::SignatureFailed`] also for a signature of another length.
    pub(crate) fn sign(self, signer: &dyn Signer, written: &mut [u8]) -> Result<(), Error> {
        self.seal(written, &mut |message, signature| Ok(signer.sign(message, signature)?))
    }

    /// Signs it in whatever way.
    ///
    /// # Errors
    /// Those of `sign`; [`Error::SignatureFailed`] also for a signature of another length.
    pub(crate) fn seal(self, written: &mut [u8], sign: &mut Sign<'_>) -> Result<(), Error> {
        let (message, behind) = written.split_at_mut_checked(self.end).ok_or(Error::SignatureFailed)?;
        let message = message.get(self.start..).ok_or(Error::SignatureFailed)?;
        let mut signature = [0; MAX_SIGNATURE];
        let length = sign(message, &mut signature)?;
        let place = behind.get_mut(1..).and_then(|behind| behind.get_mut(..self.signature));
        let written = signature
            .get(..length)
            .filter(|signature| base64url::encoded_length(signature.len()) == self.signature)
            .zip(place)
            .and_then(|(signature, place)| base64url::encode(signature, place));
        written.map(|_| ()).ok_or(Error::SignatureFailed)
    }

    /// The token in `written`.
    pub(crate) fn text<'b>(&self, written: &'b [u8]) -> &'b str {
        let end = self.end.saturating_add(1).saturating_add(self.signature);
        core::str::from_utf8(written.get(self.start..end).unwrap_or_default()).unwrap_or_default()
    }
}

type Sign<'s> = dyn FnMut(&[u8], &mut [u8; MAX_SIGNATURE]) -> Result<usize, Error> + 's;

/// Octets of a signature with the private half of `key` (RFC 7518 §3).
pub(crate) fn signature_length(key: Key<'_>) -> usize {
    match key {
        Key::Ed25519 { .. } | Key::P256 { .. } => 64,
        Key::P384 { .. } => 96,
        Key::Rsa { modulus, .. } => significant(modulus).len(),
        Key::Secret(_) => 32,
    }
}

/// A JSON object, written as base64url.
pub(crate) struct Object<'w, 'b> {
    writer: &'w mut Writer<'b>,
    group: [u8; 3],
    used: usize,
    separate: bool,
}

impl<'w, 'b> Object<'w, 'b> {
    fn write(writer: &'w mut Writer<'b>, members: impl FnOnce(&mut Self)) {
        let mut object = Self { writer, group: [0; 3], used: 0, separate: false };
        object.octet(b'{');
        members(&mut object);
        object.octet(b'}');
        object.flush();
    }

    /// A member that is a text.
    pub(crate) fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        self.octet(b'"');
        for octet in value.bytes() {
            match octet {
                b'"' | b'\\' => {
                    self.octet(b'\\');
                    self.octet(octet);
                }
                0x00..=0x1F => {
                    self.json(b"\\u00");
                    self.octet(b'0'.wrapping_add(octet >> 4));
                    self.octet(b"0123456789abcdef".get(usize::from(octet & 0xF)).copied().unwrap_or(b'0'));
                }
                _ => self.octet(octet),
            }
        }
        self.octet(b'"');
    }

    /// A member that is a whole number.
    pub(crate) fn number(&mut self, name: &str, value: u64) {
        self.name(name);
        let mut digits = [b'0'; 20];
        let (mut rest, mut used) = (value, 0usize);
        for place in digits.iter_mut().rev() {
            let tenth = number::tenth(rest);
            let digit = rest.saturating_sub(tenth.saturating_mul(10));
            *place = b'0'.wrapping_add(u8::try_from(digit).unwrap_or_default());
            (rest, used) = (tenth, used.saturating_add(1));
            if rest == 0 {
                break;
            }
        }
        self.json(digits.get(digits.len().saturating_sub(used)..).unwrap_or_default());
    }

    /// The name of a member whose value follows as [`Object::json`].
    pub(crate) fn name(&mut self, name: &str) {
        if core::mem::replace(&mut self.separate, true) {
            self.octet(b',');
        }
        self.octet(b'"');
        self.json(name.as_bytes());
        self.json(b"\":");
    }

    /// Octets that are JSON already.
    pub(crate) fn json(&mut self, octets: &[u8]) {
        octets.iter().for_each(|&octet| self.octet(octet));
    }

    fn octet(&mut self, octet: u8) {
        if let Some(place) = self.group.get_mut(self.used) {
            *place = octet;
        }
        self.used = self.used.saturating_add(1);
        if self.used == self.group.len() {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let group = self.group.get(..self.used).unwrap_or_default();
        self.writer.text(base64url::encode(group, &mut [0; 4]).unwrap_or_default().as_bytes());
        self.used = 0;
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::{string::String, vec::Vec};

    use super::*;

    fn written(members: impl FnOnce(&mut Object<'_, '_>)) -> String {
        let mut out = [0; 512];
        let mut writer = Writer::new(&mut out);
        Object::write(&mut writer, members);
        let (text, _) = writer.finish().expect("it fits");
        let mut room = [0; 512];
        let json = base64url::decode(text, &mut room).expect("base64url");
        core::str::from_utf8(json).expect("UTF-8").into()
    }

    #[test]
    fn every_character_survives() {
        let all: String = ('\0'..='\u{17F}').chain(['€', '𝄞']).collect();
        for piece in all.chars().collect::<Vec<_>>().chunks(7) {
            let plain: String = piece.iter().collect();
            let json = written(|object| object.text("a", &plain));
            let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
            assert_eq!(value["a"], plain, "{json}");
        }
    }

    #[test]
    fn numbers_and_commas() {
        for number in [0, 9, 10, 1_760_000_000, u64::from(u32::MAX), u64::MAX] {
            let json = written(|object| {
                object.number("n", number);
                object.text("t", "x");
            });
            assert_eq!(json, std::format!("{{\"n\":{number},\"t\":\"x\"}}"));
        }
    }

    #[test]
    fn a_signature_of_another_length_is_none() {
        let mut out = [0; 128];
        let mut writer = Writer::new(&mut out);
        let token = Unsigned::write(&mut writer, "ES256", 64, |_| {}, |_| {});
        let (written, _) = writer.finish().expect("it fits");
        for length in [0, 63, 65, 512, usize::MAX] {
            assert_eq!(token.seal(written, &mut |_, _| Ok(length)), Err(Error::SignatureFailed), "{length}");
        }
        assert_eq!(token.seal(written, &mut |_, _| Ok(64)), Ok(()));
        assert_eq!(token.text(written).len(), written.len());
        assert!(token.text(written).ends_with(
            ".AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        ));
    }
}
