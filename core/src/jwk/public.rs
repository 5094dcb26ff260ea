//! A public key as text: its JWK (RFC 7517), and the thumbprint of that (RFC 7638).

use crate::{
    encoding::{base64url, writer::Writer},
    error::{Check, Error},
    hash::Sha256,
    jws::{Key, significant},
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
        Ok(base64url::encode_32(&hash.finalize(), out))
    }

    /// The same JWK, piece by piece.
    pub(crate) fn jwk(&self, put: &mut dyn FnMut(&[u8])) -> Result<(), Error> {
        let curve = match self {
            Self::P256 { .. } => "P-256\",\"kty\":\"EC",
            Self::P384 { .. } => "P-384\",\"kty\":\"EC",
            Self::Ed25519 { .. } => "Ed25519\",\"kty\":\"OKP",
            Self::Rsa { modulus, exponent } => {
                put(br#"{"e":""#);
                base64(significant(exponent), put);
                put(br#"","kty":"RSA","n":""#);
                base64(significant(modulus), put);
                put(br#""}"#);
                return Ok(());
            }
            Self::Secret(_) => return Err(Check::KeyMismatch.into()),
        };
        let (length, x, y) = match *self {
            Self::P256 { x, y } => (32, x, Some(y)),
            Self::P384 { x, y } => (48, x, Some(y)),
            Self::Ed25519 { x } => (32, x, None),
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

#[cfg(test)]
mod tests {
    use super::*;

    // REQ: DPOP-17
    #[test]
    fn what_has_no_jwk() {
        let (short, long) = ([1; 31], [1; 48]);
        for key in [
            Key::P256 { x: &short, y: &long[..32] },
            Key::P256 { x: &long[..32], y: &short },
            Key::P256 { x: &long, y: &long },
            Key::P384 { x: &long[..32], y: &long[..32] },
            Key::Ed25519 { x: &short },
            Key::Ed25519 { x: &long },
        ] {
            assert_eq!(key.thumbprint(&mut [0; 43]), Err(Check::KeyInvalid.into()), "{key:?}");
            assert_eq!(key.write_jwk(&mut [0; 512]), Err(Check::KeyInvalid.into()), "{key:?}");
        }
        let secret = Key::Secret(b"a secret");
        assert_eq!(secret.thumbprint(&mut [0; 43]), Err(Check::KeyMismatch.into()));
        assert_eq!(secret.write_jwk(&mut [0; 512]), Err(Check::KeyMismatch.into()));
        // RFC 7518 §6.3.1.1: no leading zeros.
        let (modulus, exponent) = ([0, 0, 7], [0, 1, 0, 1]);
        let key = Key::Rsa { modulus: &modulus, exponent: &exponent };
        assert_eq!(key.write_jwk(&mut [0; 64]), Ok(r#"{"e":"AQAB","kty":"RSA","n":"Bw"}"#));
        assert_eq!(key.write_jwk(&mut [0; 3]), Err(Error::BufferTooSmall { needed: 33 }));
    }
}
