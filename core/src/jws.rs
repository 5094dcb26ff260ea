//! Signatures of compact JWS (RFC 7515): the algorithms, their keys, and who checks them.

mod es256;
mod rs256;

use core::fmt;

use crate::error::Check;

pub use self::es256::Es256;
pub use self::rs256::Rs256;

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

/// A JWS algorithm (RFC 7518 §3.1). `none` does not exist here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
}

impl Algorithm {
    /// The value of `alg`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }
}

/// A public key in the form that verifiers take: big-endian octets, as RFC 7518 §6 writes them.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Key<'k> {
    /// A point on P-256; both coordinates have 32 octets.
    P256 {
        /// The x coordinate.
        x: &'k [u8],
        /// The y coordinate.
        y: &'k [u8],
    },
    /// An RSA key; leading zero octets are allowed.
    Rsa {
        /// The modulus n.
        modulus: &'k [u8],
        /// The public exponent e.
        exponent: &'k [u8],
    },
}

impl fmt::Debug for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::P256 { .. } => "Key::P256",
            Self::Rsa { .. } => "Key::Rsa",
        })
    }
}
