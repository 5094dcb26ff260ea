//! ES384: ECDSA on P-384 with SHA-384 (RFC 7518 §3.4).

use p384::{
    AffinePoint,
    ecdsa::{Signature, VerifyingKey, signature::hazmat::PrehashVerifier},
    elliptic_curve::point::AffineCoordinates,
};
use sha2::{Digest, Sha384};

use super::{Algorithm, Key, Verifier};
use crate::error::Check;

/// Checks ES384 signatures (RFC 7518 §3.4).
///
/// A signature is r and s, 48 octets each; both s and n - s are good, for JOSE has no rule about it. A
/// coordinate of another length, or a point that is not on the curve, is [`Check::KeyInvalid`]. A call needs
/// about 10 KiB of stack.
#[derive(Clone, Copy, Debug)]
pub struct Es384;

impl Verifier for Es384 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::Es384
    }

    fn hash<'h>(&self, input: &[u8], out: &'h mut [u8; 64]) -> &'h [u8] {
        super::digest(&Sha384::digest(input), out)
    }

    fn verify(&self, key: Key<'_>, message: &[u8], signature: &[u8]) -> Result<(), Check> {
        let Key::P384 { x, y } = key else { return Err(Check::KeyMismatch) };
        let (Ok(x), Ok(y)) = (x.try_into(), y.try_into()) else { return Err(Check::KeyInvalid) };
        let point = AffinePoint::from_coordinates(x, y).into_option().ok_or(Check::KeyInvalid)?;
        let key = VerifyingKey::from_affine(point).or(Err(Check::KeyInvalid))?;
        let signature = Signature::from_slice(signature).or(Err(Check::BadSignature))?;
        key.verify_prehash(&Sha384::digest(message), &signature).or(Err(Check::BadSignature))
    }
}
