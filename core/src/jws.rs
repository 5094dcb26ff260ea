//! Signatures of compact JWS (RFC 7515): the algorithms, their keys, who checks them and who makes them.

mod algorithm;
mod ed_dsa;
mod ed_dsa_signer;
mod es256;
mod es256_signer;
mod es384;
mod hs256;
mod key;
mod rsa;
mod rsassa_pkcs1;
mod rsassa_pss;
mod signer;

use crate::{encoding::text, error::Check};

pub(crate) use self::algorithm::{ALGORITHM_NAMES, Algorithms, KeyType};
pub(crate) use self::hs256::MIN_SECRET;
pub(crate) use self::rsa::significant;

pub use self::algorithm::Algorithm;
pub use self::ed_dsa::{Ed25519, EdDsa};
pub use self::ed_dsa_signer::EdDsaSigner;
pub use self::es256::Es256;
pub use self::es256_signer::Es256Signer;
pub use self::es384::Es384;
pub use self::hs256::Hs256;
pub use self::key::Key;
pub use self::rsassa_pkcs1::{Rs256, Rs384, Rs512};
pub use self::rsassa_pss::{Ps256, Ps384, Ps512};
pub use self::signer::{SignError, Signer};

/// The longest signature, in octets: RSA with 4096 bits.
pub const MAX_SIGNATURE: usize = 512;

/// Checks the signatures of one algorithm.
///
/// An application names the verifiers it wants ([`Client::algorithms`](crate::client::Client::algorithms)); the
/// code of the others is not linked. A peripheral, a secure element or another library takes part by
/// implementing this trait.
pub trait Verifier: Sync {
    /// The algorithm that this verifier checks. It alone decides which keys are tried (RFC 8725 §3.1).
    fn algorithm(&self) -> Algorithm;

    /// The digest that belongs to the algorithm, for `at_hash` (OIDC Core §3.1.3.6).
    fn hash<'h>(&self, input: &[u8], out: &'h mut [u8; 64]) -> &'h [u8];

    /// Checks `signature` over `message`, which is the received octets of header, dot and payload.
    ///
    /// Errors are [`Check::BadSignature`], [`Check::KeyInvalid`], [`Check::KeyTooWeak`] and, for a key of
    /// another type, [`Check::KeyMismatch`].
    fn verify(&self, key: Key<'_>, message: &[u8], signature: &[u8]) -> Result<(), Check>;
}

/// The digest of an algorithm.
fn digest<'h>(made: &[u8], out: &'h mut [u8; 64]) -> &'h [u8] {
    text::put(out, 0, made);
    out.get(..made.len()).unwrap_or_default()
}

/// Puts a signature where its caller wants it.
fn put(made: &[u8], out: &mut [u8; MAX_SIGNATURE]) -> Result<usize, SignError> {
    text::put(out, 0, made);
    Ok(made.len())
}
