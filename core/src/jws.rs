//! Signatures of compact JWS (RFC 7515): the algorithms, their keys, and who checks them.

mod es256;
mod rs256;
mod signer;

use core::fmt;

use sha2::{Digest, Sha256};

use crate::error::Check;

pub use self::es256::Es256;
pub use self::rs256::Rs256;
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

    const ALL: [Self; 2] = [Self::Es256, Self::Rs256];

    /// The algorithm fixes the type of the key (RFC 8725 §3.1).
    pub(crate) const fn key_type(self) -> KeyType {
        match self {
            Self::Es256 => KeyType::P256,
            Self::Rs256 => KeyType::Rsa,
        }
    }
}

/// The names of all algorithms; their places are the bits of [`Algorithms`].
pub(crate) const ALGORITHM_NAMES: &[&str] = &["ES256", "RS256"];

/// The type of a key: `kty`, with `crv` where there is one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum KeyType {
    P256,
    Rsa,
}

/// A set of algorithms.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Algorithms(pub(crate) u32);

impl Algorithms {
    pub(crate) fn of(verifiers: &[&dyn Verifier]) -> Self {
        verifiers.iter().fold(Self(0), |set, verifier| Self(set.0 | Self::one(verifier.algorithm()).0))
    }

    pub(crate) const fn one(algorithm: Algorithm) -> Self {
        Self(match algorithm {
            Algorithm::Es256 => 1,
            Algorithm::Rs256 => 2,
        })
    }

    pub(crate) fn of_type(self, key_type: KeyType) -> Self {
        let of_type = Algorithm::ALL.iter().filter(|algorithm| algorithm.key_type() == key_type);
        Self(self.0 & of_type.fold(0, |set, &algorithm| set | Self::one(algorithm).0))
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the algorithm at `place` of [`ALGORITHM_NAMES`] is in it.
    pub(crate) fn contains_place(self, place: usize) -> bool {
        Algorithm::ALL.get(place).is_some_and(|&algorithm| self.0 & Self::one(algorithm).0 != 0)
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

/// The digest of RS256 and ES256.
fn sha256<'h>(input: &[u8], out: &'h mut [u8; 64]) -> &'h [u8] {
    let (hash, _) = out.split_at_mut(32);
    hash.copy_from_slice(&Sha256::digest(input));
    hash
}
