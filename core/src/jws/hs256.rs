//! HS256: HMAC with SHA-256 under the client's secret (RFC 7518 §3.2, OIDC Core §10.1).

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{Algorithm, Key, Verifier};
use crate::{error::Check, hash, secret::equal};

/// The shortest secret, in octets: as long as the hash (RFC 7518 §3.2).
pub(crate) const MIN_SECRET: usize = 32;

/// Checks HS256 under the client's own secret (OIDC Core §10.1).
///
/// For confidential clients only: who reads the secret in a device can make the tokens that it accepts. A secret of
/// less than 32 octets is [`Check::KeyTooWeak`]. All 32 octets are compared, in constant time.
#[derive(Clone, Copy, Debug)]
pub struct Hs256;

impl Verifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::Hs256
    }

    fn hash<'h>(&self, input: &[u8], out: &'h mut [u8; 64]) -> &'h [u8] {
        super::digest(&hash::Sha256::digest(input), out)
    }

    fn verify(&self, key: Key<'_>, message: &[u8], signature: &[u8]) -> Result<(), Check> {
        let Key::Secret(secret) = key else { return Err(Check::KeyMismatch) };
        if secret.len() < MIN_SECRET {
            return Err(Check::KeyTooWeak);
        }
        // HMAC takes keys of every length; were it otherwise, nothing would verify.
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).or(Err(Check::KeyInvalid))?;
        mac.update(message);
        let tag = Zeroizing::new(mac.finalize().into_bytes());
        if equal(&tag, signature) { Ok(()) } else { Err(Check::BadSignature) }
    }
}
