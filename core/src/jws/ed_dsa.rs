//! EdDSA on Ed25519 (RFC 8037 §3.1, RFC 8032 §5.1.7), under both of its names.

use ed25519_compact::{Error, PublicKey, Signature, sha512};

use super::{Algorithm, Key, Verifier};
use crate::{encoding::text, error::Check};

/// Checks signatures whose `alg` is `EdDSA` (RFC 8037 §3.1).
///
/// A signature is R and S, 32 octets each; both must be written in the one way that RFC 8032 §5.1.7 knows: S below
/// the order of the group, R a point with its coordinate below the prime. A key that is no point, or one of small
/// order, is [`Check::KeyInvalid`]. A call needs about 6 KiB of stack.
#[derive(Clone, Copy, Debug)]
pub struct EdDsa;

/// Checks signatures whose `alg` is `Ed25519` (RFC 9864 §2.2): the same as [`EdDsa`], by its newer name.
#[derive(Clone, Copy, Debug)]
pub struct Ed25519;

macro_rules! verifier {
    ($type:ident, $algorithm:ident) => {
        impl Verifier for $type {
            fn algorithm(&self) -> Algorithm {
                Algorithm::$algorithm
            }

            fn hash<'h>(&self, input: &[u8], out: &'h mut [u8; 64]) -> &'h [u8] {
                text::put(out, 0, &sha512::Hash::hash(input));
                out
            }

            fn verify(&self, key: Key<'_>, message: &[u8], signature: &[u8]) -> Result<(), Check> {
                verify(key, message, signature)
            }
        }
    };
}

verifier!(Ed25519, Ed25519);
verifier!(EdDsa, EdDsa);

#[inline(never)]
fn verify(key: Key<'_>, message: &[u8], signature: &[u8]) -> Result<(), Check> {
    let Key::Ed25519 { x } = key else { return Err(Check::KeyMismatch) };
    let Ok(x) = x.try_into() else { return Err(Check::KeyInvalid) };
    let Ok(signature) = signature.try_into() else { return Err(Check::BadSignature) };
    PublicKey::new(x).verify(message, &Signature::new(signature)).map_err(|error| match error {
        Error::InvalidPublicKey | Error::WeakPublicKey => Check::KeyInvalid,
        _ => Check::BadSignature,
    })
}
