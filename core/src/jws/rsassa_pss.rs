//! PS256, PS384 and PS512: RSASSA-PSS (RFC 7518 §3.5, RFC 8017 §8.1.2).

use sha2::{Digest, Sha256, Sha384, Sha512};

use super::{Algorithm, Key, Verifier, rsa::Encoded};
use crate::error::Check;

/// Checks PS256 signatures: SHA-256, MGF1 with SHA-256, 32 octets of salt (RFC 7518 §3.5).
///
/// Keys and stack are those of [`Rs256`](super::Rs256).
#[derive(Clone, Copy, Debug)]
pub struct Ps256;

/// Checks PS384 signatures: SHA-384, MGF1 with SHA-384, 48 octets of salt (RFC 7518 §3.5).
#[derive(Clone, Copy, Debug)]
pub struct Ps384;

/// Checks PS512 signatures: SHA-512, MGF1 with SHA-512, 64 octets of salt (RFC 7518 §3.5).
#[derive(Clone, Copy, Debug)]
pub struct Ps512;

macro_rules! verifier {
    ($type:ident, $hash:ident) => {
        impl Verifier for $type {
            fn algorithm(&self) -> Algorithm {
                Algorithm::$type
            }

            fn hash<'h>(&self, input: &[u8], out: &'h mut [u8; 64]) -> &'h [u8] {
                super::digest(&$hash::digest(input), out)
            }

            fn verify(&self, key: Key<'_>, message: &[u8], signature: &[u8]) -> Result<(), Check> {
                let mut encoded = Encoded::of(key, signature)?;
                let bits = encoded.bits;
                let verified = is_encoded::<$hash>(&$hash::digest(message), encoded.octets(), bits);
                verified.filter(|verified| *verified).map(drop).ok_or(Check::BadSignature)
            }
        }
    };
}

verifier!(Ps256, Sha256);
verifier!(Ps384, Sha384);
verifier!(Ps512, Sha512);

/// Whether `message` encodes `digest` with a salt as long as it (RFC 8017 §9.1.2), under a modulus of so many bits.
//= https://www.rfc-editor.org/rfc/rfc8017#section-9.1.2
fn is_encoded<D: Digest>(digest: &[u8], message: &mut [u8], modulus_bits: usize) -> Option<bool> {
    // One bit less than the modulus, in as many octets as that needs: at times one less.
    let bits = modulus_bits.checked_sub(1)?;
    let (above, message) = message.split_at_mut_checked(message.len().checked_sub(bits.div_ceil(8))?)?;
    let unused = u32::try_from(message.len().checked_mul(8)?.checked_sub(bits)?).ok()?;
    let mask = 0xFF_u8.checked_shr(unused)?;
    let (message, trailer) = message.split_at_mut_checked(message.len().checked_sub(1)?)?;
    let (block, hash) = message.split_at_mut_checked(message.len().checked_sub(digest.len())?)?;
    let sound = above.iter().all(|octet| *octet == 0)
        && trailer.first() == Some(&0xBC)
        && block.first().is_some_and(|octet| octet & !mask == 0);
    unmask::<D>(hash, block);
    if let Some(first) = block.first_mut() {
        *first &= mask;
    }
    let (padding, salt) = block.split_at_checked(block.len().checked_sub(digest.len())?)?;
    let (one, zeros) = padding.split_last()?;
    let made = D::new().chain_update([0; 8]).chain_update(digest).chain_update(salt).finalize();
    Some(sound && *one == 1 && zeros.iter().all(|octet| *octet == 0) && made[..] == *hash)
}

/// Takes away the mask that MGF1 makes of `seed` (RFC 8017 Appendix B.2.1).
fn unmask<D: Digest>(seed: &[u8], block: &mut [u8]) {
    let mut counter = 0_u32;
    for piece in block.chunks_mut(<D as Digest>::output_size().max(1)) {
        let mask = D::new().chain_update(seed).chain_update(counter.to_be_bytes()).finalize();
        piece.iter_mut().zip(mask).for_each(|(octet, mask)| *octet ^= mask);
        counter = counter.saturating_add(1);
    }
}
