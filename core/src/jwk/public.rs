//! A public key as text: its JWK (RFC 7517), and the thumbprint of that (RFC 7638).

use sha2::{Digest, Sha256};

use crate::{
    encoding::{base64url, writer::Writer},
    error::{Check, Error},
    jws::Key,
};

/// The length of a thumbprint: the base64url of a SHA-256.
pub const THUMBPRINT_LENGTH: usize = base64url::LENGTH_OF_32;

impl Key<'_> {
    /// The public key as a JWK, into `out`: its required members alone, in the order of their names, without white
    /// space (RFC 7638 §3.2).
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`] with the length that would do; [`Check::KeyInvalid`] for a coordinate of another
    /// length; [`Check::KeyMismatch`] for a secret, which has no public half.
    pub fn write_jwk<'o>(&self, out: &'o mut [u8]) -> Result<&'o str, Error> {
        let mut writer = Writer::new(out);
        self.jwk(&mut |piece| writer.text(piece))?;
        let (written, _) = writer.finish()?;
        Ok(core::str::from_utf8(written).unwrap_or_default())
    }

    /// The thumbprint of the key, into `out` (RFC 7638 §3): what `dpop_jkt` and `cnf.jkt` say of a key.
    ///
    /// # Errors
    /// [`Check::KeyInvalid`] for a coordinate of another length; [`Check::KeyMismatch`] for a secret.
    pub fn thumbprint<'o>(&self, out: &'o mut [u8; THUMBPRINT_LENGTH]) -> Result<&'o str, Error> {
        let mut hash = Sha256::new();
        self.jwk(&mut |piece| hash.update(piece))?;
        Ok(base64url::encode_32(&hash.finalize().into(), out))
    }

    /// The same JWK, piece by piece.
    pub(crate) fn jwk(&self, put: &mut dyn FnMut(&[u8])) -> Result<(), Error> {
        let curve = match self {
            Self::P256 { .. } => "P-256\",\"kty\":\"EC",
            Self::Rsa { modulus, exponent } => {
                put(br#"{"e":""#);
                base64(exponent, put);
                put(br#"","kty":"RSA","n":""#);
                base64(modulus, put);
                put(br#""}"#);
                return Ok(());
            }
        };
        let (length, x, y) = match *self {
            Self::P256 { x, y } => (32, x, Some(y)),
            _ => return Err(Check::KeyMismatch.into()),
        };
        if x.len() != length || y.is_some_and(|y| y.len() != length) {
            return Err(Check::KeyInvalid.into());
        }
        put(br#"{"crv":""#);
        put(curve.as_bytes());
        put(br#"","x":""#);
        base64(x, put);
        if let Some(y) = y {
            put(br#"","y":""#);
            base64(y, put);
        }
        put(br#""}"#);
        Ok(())
    }
}

/// base64url, a piece at a time.
fn base64(octets: &[u8], put: &mut dyn FnMut(&[u8])) {
    for piece in octets.chunks(48) {
        put(base64url::encode(piece, &mut [0; 64]).unwrap_or_default().as_bytes());
    }
}

