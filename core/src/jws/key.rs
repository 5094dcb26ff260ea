//! Keys in the form that verifiers and signers take.

use core::fmt;

/// A key in the form that verifiers take: big-endian octets, as RFC 7518 §6 and RFC 8037 §2 write them.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Key<'k> {
    /// A point on Ed25519.
    Ed25519 {
        /// Its 32 octets (RFC 8032 §5.1.2).
        x: &'k [u8],
    },
    /// A point on P-256; both coordinates have 32 octets.
    P256 {
        /// The x coordinate.
        x: &'k [u8],
        /// The y coordinate.
        y: &'k [u8],
    },
    /// A point on P-384; both coordinates have 48 octets.
    P384 {
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
    /// The octets of the client's own secret, for HMAC (OIDC Core §10.1). They never come from a key set.
    Secret(&'k [u8]),
}

impl fmt::Debug for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ed25519 { .. } => "Key::Ed25519",
            Self::P256 { .. } => "Key::P256",
            Self::P384 { .. } => "Key::P384",
            Self::Rsa { .. } => "Key::Rsa",
            Self::Secret(_) => "Key::Secret",
        })
    }
}
