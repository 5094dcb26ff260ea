//! The signatures that certificates and servers are judged by. The arithmetic is the core's, which verifies ID tokens
//! with it.

use core::{
    array,
    sync::atomic::{AtomicU8, Ordering},
};

use embedded_tls::SignatureScheme;
#[cfg(feature = "tls-p384")]
use keyfob_core::jws::Es384;
use keyfob_core::jws::{Es256, Key, Verifier};
#[cfg(feature = "tls-rsa")]
use keyfob_core::jws::{Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};
use rustls_pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id};

use super::{TlsError, der};

/// What the signature of a certificate may be made with.
///
/// A P-256 key signs with SHA-256 and a P-384 key with SHA-384, as the rules of public authorities have it; the other
/// two pairs are not built in.
const ALL: &[&dyn SignatureVerificationAlgorithm] = &[
    &P256,
    #[cfg(feature = "tls-p384")]
    &P384,
    #[cfg(feature = "tls-rsa")]
    &RSA_PKCS1_SHA256,
    #[cfg(feature = "tls-rsa")]
    &RSA_PKCS1_SHA384,
    #[cfg(feature = "tls-rsa")]
    &RSA_PKCS1_SHA512,
    #[cfg(feature = "tls-rsa")]
    &RSA_PSS_SHA256,
    #[cfg(feature = "tls-rsa")]
    &RSA_PSS_SHA384,
    #[cfg(feature = "tls-rsa")]
    &RSA_PSS_SHA512,
];

/// [`ALL`], for one chain.
///
/// A chain can be made so that a hundred signatures have to be verified before it is refused, seconds for a small chip
/// in which nothing else runs. No good chain has more than a few.
pub(super) struct Algorithms<'c>([Counted<'c>; ALL.len()]);

impl<'c> Algorithms<'c> {
    pub(super) fn new(count: &'c AtomicU8) -> Self {
        count.store(MAX_SIGNATURES, Ordering::Relaxed);
        let counted = |place| Counted { algorithm: ALL.get(place).copied().unwrap_or(&P256), left: count };
        Self(array::from_fn(counted))
    }

    pub(super) fn all(&self) -> [&dyn SignatureVerificationAlgorithm; ALL.len()] {
        self.0.each_ref().map(|counted| counted as &dyn SignatureVerificationAlgorithm)
    }
}

/// An algorithm that verifies only so many signatures more.
#[derive(Debug)]
struct Counted<'c> {
    algorithm: &'static dyn SignatureVerificationAlgorithm,
    left: &'c AtomicU8,
}

impl SignatureVerificationAlgorithm for Counted<'_> {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let left = self.left.load(Ordering::Relaxed).checked_sub(1).ok_or(InvalidSignature)?;
        self.left.store(left, Ordering::Relaxed);
        self.algorithm.verify_signature(public_key, message, signature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.algorithm.public_key_alg_id()
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.algorithm.signature_alg_id()
    }
}

/// What a server signs the handshake with: never PKCS #1 (RFC 8446 §4.2.3).
pub(super) fn of_handshake(
    scheme: SignatureScheme,
) -> Result<&'static dyn SignatureVerificationAlgorithm, TlsError> {
    match scheme {
        SignatureScheme::EcdsaSecp256r1Sha256 => Ok(&P256),
        #[cfg(feature = "tls-p384")]
        SignatureScheme::EcdsaSecp384r1Sha384 => Ok(&P384),
        #[cfg(feature = "tls-rsa")]
        SignatureScheme::RsaPssRsaeSha256 => Ok(&RSA_PSS_SHA256),
        #[cfg(feature = "tls-rsa")]
        SignatureScheme::RsaPssRsaeSha384 => Ok(&RSA_PSS_SHA384),
        #[cfg(feature = "tls-rsa")]
        SignatureScheme::RsaPssRsaeSha512 => Ok(&RSA_PSS_SHA512),
        _ => Err(TlsError::UnsupportedAlgorithm),
    }
}

/// One of the core's verifiers, in the words of X.509.
#[derive(Debug)]
struct Algorithm {
    verify: Verify,
    public_key: AlgorithmIdentifier,
    signature: AlgorithmIdentifier,
}

/// Takes a public key, a message and a signature.
type Verify = fn(&[u8], &[u8], &[u8]) -> Option<()>;

impl SignatureVerificationAlgorithm for Algorithm {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        (self.verify)(public_key, message, signature).ok_or(InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.public_key
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature
    }
}

static P256: Algorithm = Algorithm {
    verify: |public_key, message, signature| {
        let (x, y) = point::<32>(public_key)?;
        Es256.verify(Key::P256 { x, y }, message, &fixed::<32, 64>(signature)?).ok()
    },
    public_key: alg_id::ECDSA_P256,
    signature: alg_id::ECDSA_SHA256,
};

#[cfg(feature = "tls-p384")]
static P384: Algorithm = Algorithm {
    verify: |public_key, message, signature| {
        let (x, y) = point::<48>(public_key)?;
        Es384.verify(Key::P384 { x, y }, message, &fixed::<48, 96>(signature)?).ok()
    },
    public_key: alg_id::ECDSA_P384,
    signature: alg_id::ECDSA_SHA384,
};

#[cfg(feature = "tls-rsa")]
const fn rsa(verify: Verify, signature: AlgorithmIdentifier) -> Algorithm {
    Algorithm { verify, public_key: alg_id::RSA_ENCRYPTION, signature }
}

#[cfg(feature = "tls-rsa")]
fn verify_rsa(verifier: &dyn Verifier, public_key: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
    let (modulus, exponent) = der::two_numbers(public_key)?;
    verifier.verify(Key::Rsa { modulus, exponent }, message, signature).ok()
}

#[cfg(feature = "tls-rsa")]
static RSA_PKCS1_SHA256: Algorithm =
    rsa(|key, message, signature| verify_rsa(&Rs256, key, message, signature), alg_id::RSA_PKCS1_SHA256);
#[cfg(feature = "tls-rsa")]
static RSA_PKCS1_SHA384: Algorithm =
    rsa(|key, message, signature| verify_rsa(&Rs384, key, message, signature), alg_id::RSA_PKCS1_SHA384);
#[cfg(feature = "tls-rsa")]
static RSA_PKCS1_SHA512: Algorithm =
    rsa(|key, message, signature| verify_rsa(&Rs512, key, message, signature), alg_id::RSA_PKCS1_SHA512);
#[cfg(feature = "tls-rsa")]
static RSA_PSS_SHA256: Algorithm =
    rsa(|key, message, signature| verify_rsa(&Ps256, key, message, signature), alg_id::RSA_PSS_SHA256);
#[cfg(feature = "tls-rsa")]
static RSA_PSS_SHA384: Algorithm =
    rsa(|key, message, signature| verify_rsa(&Ps384, key, message, signature), alg_id::RSA_PSS_SHA384);
#[cfg(feature = "tls-rsa")]
static RSA_PSS_SHA512: Algorithm =
    rsa(|key, message, signature| verify_rsa(&Ps512, key, message, signature), alg_id::RSA_PSS_SHA512);

/// Signatures that are verified for one chain at the most: a long one, and as much again that leads nowhere.
const MAX_SIGNATURES: u8 = 12;

/// The coordinates of an uncompressed point (RFC 5480 §2.2); TLS 1.3 and public authorities use no other form.
fn point<const LENGTH: usize>(public_key: &[u8]) -> Option<(&[u8], &[u8])> {
    let (form, coordinates) = public_key.split_first()?;
    let (x, y) = coordinates.split_at_checked(LENGTH)?;
    (*form == 4 && y.len() == LENGTH).then_some((x, y))
}

/// `r` and `s` in as many octets each as the curve has, from their DER (RFC 3279 §2.2.3).
fn fixed<const HALF: usize, const BOTH: usize>(signature: &[u8]) -> Option<[u8; BOTH]> {
    let (r, s) = der::two_numbers(signature)?;
    let mut out = [0; BOTH];
    for (number, half) in [r, s].into_iter().zip(out.chunks_exact_mut(HALF)) {
        let (_, place) = half.split_at_mut_checked(HALF.checked_sub(number.len())?)?;
        place.iter_mut().zip(number).for_each(|(to, from)| *to = *from);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_length() {
        assert_eq!(fixed::<2, 4>(&[0x30, 7, 2, 1, 5, 2, 2, 0x12, 0x34]), Some([0, 5, 0x12, 0x34]));
        assert_eq!(fixed::<2, 4>(&[0x30, 8, 2, 3, 0, 0xFF, 1, 2, 1, 9]), Some([0xFF, 1, 0, 9]));
        assert_eq!(fixed::<2, 4>(&[0x30, 8, 2, 3, 1, 0, 0, 2, 1, 9]), None, "three octets");
    }

    #[test]
    fn no_more_than_so_many() {
        static ACCEPTED: Algorithm = Algorithm {
            verify: |_, _, _| Some(()),
            public_key: alg_id::ECDSA_P256,
            signature: alg_id::ECDSA_SHA256,
        };
        let left = AtomicU8::new(2);
        let counted = Counted { algorithm: &ACCEPTED, left: &left };
        let verified = [(); 4].map(|()| counted.verify_signature(&[], &[], &[]).is_ok());
        assert_eq!(verified, [true, true, false, false]);
    }

    #[test]
    fn points() {
        assert_eq!(point::<2>(&[4, 1, 2, 3, 4]), Some((&[1, 2][..], &[3, 4][..])));
        for bad in [&[][..], &[4], &[4, 1, 2, 3], &[4, 1, 2, 3, 4, 5], &[2, 1, 2], &[3, 1, 2, 3, 4]] {
            assert_eq!(point::<2>(bad), None, "{bad:?}");
        }
    }
}
