//! The algorithms of JWS that are known, and the keys they take.

use super::Verifier;

/// A JWS algorithm (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2). `none` does not exist here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Algorithm {
    /// EdDSA on Ed25519, by the name that says so.
    Ed25519,
    /// EdDSA on Ed25519, by the name that leaves the curve to the key.
    EdDsa,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// HMAC with SHA-256.
    Hs256,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
}

impl Algorithm {
    /// The value of `alg`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "Ed25519",
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Hs256 => "HS256",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
        }
    }

    /// All of them, each at its own place.
    const ALL: [Self; 11] = [
        Self::Ed25519,
        Self::EdDsa,
        Self::Es256,
        Self::Es384,
        Self::Hs256,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
    ];

    /// The algorithm fixes the type of the key (RFC 8725 §3.1).
    pub(crate) const fn key_type(self) -> KeyType {
        match self {
            Self::Ed25519 | Self::EdDsa => KeyType::Ed25519,
            Self::Es256 => KeyType::P256,
            Self::Es384 => KeyType::P384,
            Self::Hs256 => KeyType::Secret,
            Self::Ps256 | Self::Ps384 | Self::Ps512 | Self::Rs256 | Self::Rs384 | Self::Rs512 => KeyType::Rsa,
        }
    }
}

/// The names of all algorithms; their places are the bits of [`Algorithms`].
pub(crate) const ALGORITHM_NAMES: &[&str] =
    &["Ed25519", "EdDSA", "ES256", "ES384", "HS256", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512"];

/// The type of a key: `kty`, with `crv` where there is one. No key of a key set is a secret.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum KeyType {
    Ed25519,
    P256,
    P384,
    Rsa,
    Secret,
}

/// A set of algorithms.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Algorithms(pub(crate) u32);

impl Algorithms {
    pub(crate) fn of(verifiers: &[&dyn Verifier]) -> Self {
        verifiers.iter().fold(Self(0), |set, verifier| Self(set.0 | Self::one(verifier.algorithm()).0))
    }

    pub(crate) fn one(algorithm: Algorithm) -> Self {
        Self(1_u32.wrapping_shl(u32::from(algorithm as u8)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_bits_have_the_same_places() {
        assert_eq!(Algorithm::ALL.map(Algorithm::name), ALGORITHM_NAMES);
        for (place, algorithm) in Algorithm::ALL.into_iter().enumerate() {
            assert_eq!(Algorithms::one(algorithm), Algorithms(1 << place));
            let contained = |other: &usize| Algorithms::one(algorithm).contains_place(*other);
            assert!((0..32).filter(contained).eq([place]));
        }
    }
}
