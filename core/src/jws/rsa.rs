//! What all RSA signatures share (RFC 8017 §5.2.2): the limits of a key, and the public operation.
//!
//! The arithmetic is `crypto_bigint`'s. Only public numbers meet here, so nothing has to be constant in time.

use crypto_bigint::{
    Limb, MontyForm, MontyMultiplier, U2048, U4096, Uint, Word,
    modular::{FixedMontyForm, FixedMontyParams},
};

use super::{Key, MAX_SIGNATURE};
use crate::{
    encoding::text::{self, count},
    error::Check,
};

/// What a signature was made of.
pub(super) struct Encoded {
    octets: [u8; MAX_SIGNATURE],
    length: usize,
    /// Bits of the modulus.
    pub(super) bits: usize,
}

impl Encoded {
    /// Raises the signature to the public exponent.
    ///
    /// The modulus has 2048 to 4096 bits and is odd, else [`Check::KeyTooWeak`] or [`Check::KeyInvalid`]; the
    /// exponent is odd, at least 3, and fits in 32 bits.
    #[inline(never)]
    pub(super) fn of(key: Key<'_>, signature: &[u8]) -> Result<Self, Check> {
        let Key::Rsa { modulus, exponent } = key else { return Err(Check::KeyMismatch) };
        let key = PublicKey::new(modulus, exponent)?;
        let length = key.modulus.len();
        //= https://www.rfc-editor.org/rfc/rfc8017#section-8.2.2
        if signature.len() != length {
            return Err(Check::BadSignature);
        }
        let mut encoded = Self { octets: [0; MAX_SIGNATURE], length, bits: key.bits() };
        // Who has keys of 2048 bits does not pay the stack of larger ones.
        let raised = match length {
            ..=256 => raise::<{ U2048::LIMBS }>(&key, signature, &mut encoded.octets),
            _ => raise::<{ U4096::LIMBS }>(&key, signature, &mut encoded.octets),
        };
        if raised { Ok(encoded) } else { Err(Check::BadSignature) }
    }

    /// Big-endian, as long as the modulus.
    pub(super) fn octets(&mut self) -> &mut [u8] {
        let skipped = MAX_SIGNATURE.saturating_sub(self.length);
        self.octets.get_mut(skipped..).unwrap_or_default()
    }
}

/// A public key within the limits.
struct PublicKey<'k> {
    /// Big-endian and without leading zeros: the length in octets that RFC 8017 calls k.
    modulus: &'k [u8],
    exponent: u32,
}

impl<'k> PublicKey<'k> {
    fn new(modulus: &'k [u8], exponent: &[u8]) -> Result<Self, Check> {
        let modulus = significant(modulus);
        let exponent = significant(exponent);
        let (Some(first), Some(last)) = (modulus.first(), modulus.last()) else {
            return Err(Check::KeyTooWeak);
        };
        //= https://www.rfc-editor.org/rfc/rfc7518#section-3.3
        if modulus.len() < 256 || modulus.len() == 256 && *first < 0x80 {
            return Err(Check::KeyTooWeak);
        }
        if modulus.len() > 512 || last & 1 == 0 || exponent.len() > 4 {
            return Err(Check::KeyInvalid);
        }
        let exponent = exponent.iter().fold(0, |value, octet| value << 8 | u32::from(*octet));
        if exponent < 3 || exponent & 1 == 0 {
            return Err(Check::KeyInvalid);
        }
        Ok(Self { modulus, exponent })
    }

    fn bits(&self) -> usize {
        let zeros = self.modulus.first().map_or(0, |octet| octet.leading_zeros());
        self.modulus.len().saturating_mul(8).saturating_sub(usize::try_from(zeros).unwrap_or_default())
    }
}

/// Writes the signature's power to the end of `out`; `false` if the signature is not below the modulus.
#[inline(never)]
fn raise<const LIMBS: usize>(key: &PublicKey<'_>, signature: &[u8], out: &mut [u8; MAX_SIGNATURE]) -> bool {
    let signature = number::<LIMBS>(signature);
    let modulus = number::<LIMBS>(key.modulus);
    let Some(odd) = modulus.to_odd().into_option() else { return false };
    if signature >= modulus {
        return false;
    }
    let parameters = FixedMontyParams::new_vartime(odd);
    let mut multiplier = <FixedMontyForm<LIMBS> as MontyForm>::Multiplier::from(&parameters);
    let base = FixedMontyForm::new(&signature, &parameters);
    let mut power = base;
    // From the bit below the highest down: the highest is the base itself.
    let mut above = false;
    let mut bit = 1 << 31;
    while bit != 0 {
        let set = key.exponent & bit != 0;
        if above {
            multiplier.square_assign(&mut power);
        }
        if above && set {
            multiplier.mul_assign(&mut power, &base);
        }
        above |= set;
        bit >>= 1;
    }
    let power = power.retrieve();
    for (octets, limb) in out.rchunks_mut(Limb::BYTES).zip(power.as_limbs()) {
        text::put(octets, 0, &limb.0.to_be_bytes());
    }
    true
}

/// Reads a big-endian number.
fn number<const LIMBS: usize>(octets: &[u8]) -> Uint<LIMBS> {
    let mut limbs = [Limb::ZERO; LIMBS];
    for (limb, octets) in limbs.iter_mut().zip(octets.rchunks(Limb::BYTES)) {
        *limb = Limb(octets.iter().fold(0, |word, octet| word << 8 | Word::from(*octet)));
    }
    Uint::new(limbs)
}

/// Drops leading zeros (RFC 7518 §6.3.1.1 forbids them; some servers send one).
pub(crate) fn significant(octets: &[u8]) -> &[u8] {
    let zeros = count(octets.iter().take_while(|octet| **octet == 0));
    octets.get(zeros..).unwrap_or_default()
}
