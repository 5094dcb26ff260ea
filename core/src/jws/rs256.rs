//! RS256: RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 §3.3, RFC 8017 §8.2.2).
//!
//! Only public numbers meet here, so nothing is constant in time.

use core::cmp::Ordering;
use core::{iter, mem};

use crypto_bigint::{Limb, U2048, U3072, U4096, Word};
use sha2::{Digest, Sha256};

use super::{Algorithm, Key, Verifier};
use crate::error::Check;

/// Checks RS256 signatures (RFC 7518 §3.3).
///
/// The modulus has 2048 to 4096 bits and is odd, else [`Check::KeyTooWeak`] or [`Check::KeyInvalid`]; the
/// exponent is odd, at least 3, and fits in 32 bits, else [`Check::KeyInvalid`]. A call needs about 2 KiB of
/// stack for 2048 bits and 3 KiB for 4096.
#[derive(Clone, Copy, Debug)]
pub struct Rs256;

impl Verifier for Rs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::Rs256
    }

    fn hash<'h>(&self, input: &[u8], out: &'h mut [u8; 64]) -> &'h [u8] {
        let (hash, _) = out.split_at_mut(32);
        hash.copy_from_slice(&Sha256::digest(input));
        hash
    }

    fn verify(&self, key: Key<'_>, message: &[u8], signature: &[u8]) -> Result<(), Check> {
        let Key::Rsa { modulus, exponent } = key else { return Err(Check::KeyMismatch) };
        let key = PublicKey::new(modulus, exponent)?;
        //= https://www.rfc-editor.org/rfc/rfc8017#section-8.2.2
        if signature.len() != key.modulus.len() {
            return Err(Check::BadSignature);
        }
        let digest = Sha256::digest(message).into();
        let verified = match key.modulus.len() {
            ..=256 => verify::<{ U2048::LIMBS }>(&key, signature, &digest),
            257..=384 => verify::<{ U3072::LIMBS }>(&key, signature, &digest),
            _ => verify::<{ U4096::LIMBS }>(&key, signature, &digest),
        };
        if verified { Ok(()) } else { Err(Check::BadSignature) }
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
}

/// Lends the numbers of [`Modulus::power`] their memory, and compares its result with the digest.
#[inline(never)]
fn verify<const LIMBS: usize>(key: &PublicKey<'_>, signature: &[u8], digest: &[u8; 32]) -> bool {
    let mut numbers = [[Limb::ZERO; LIMBS]; 5];
    let length = key.modulus.len().div_ceil(Limb::BYTES);
    let [n, numbers @ ..] = numbers.each_mut().map(|number| number.get_mut(..length).unwrap_or_default());
    read(key.modulus, n);
    let modulus = Modulus::new(n);
    let message = modulus.power(signature, &key.exponent.to_be_bytes(), numbers);
    message.is_some_and(|message| is_encoded(digest, key.modulus.len(), message))
}

/// An odd modulus n above 1, for Montgomery multiplication with R = 2^(limbs · bits of a limb).
///
/// Numbers are below n, as long as n, and little-endian. `crypto_bigint::modular` does the same after a division
/// that costs 8 KB of stack and 23 KB of flash, and from which a panic is reachable, as far as a linker can tell.
pub(super) struct Modulus<'n> {
    n: &'n [Limb],
    /// -1/n modulo 2^(bits of a limb).
    inverse: Limb,
}

impl<'n> Modulus<'n> {
    pub(super) fn new(n: &'n [Limb]) -> Self {
        let n0 = n.first().copied().unwrap_or_default();
        // Newton: an odd n0 is its own inverse modulo 8, and each round doubles the bits.
        let inverse = (0..5).fold(n0, |x, _| x.wrapping_mul(Limb(2).wrapping_sub(n0.wrapping_mul(x))));
        Self { n, inverse: inverse.wrapping_neg() }
    }

    /// `base` to the power of `exponent`, which is at least 2; none if the base is not below n.
    ///
    /// The `numbers` are zeros.
    #[inline(never)]
    pub(super) fn power<'m>(
        &self,
        base: &[u8],
        exponent: &[u8],
        numbers: [&'m mut [Limb]; 4],
    ) -> Option<&'m mut [Limb]> {
        let [plain, form, mut power, mut spare] = numbers;
        read(base, plain);
        if compare(plain, self.n).is_ge() {
            return None;
        }

        // The power of two below n, doubled up to R · 2^limbs, squared up to R · R.
        let zeros = self.n.last()?.0.leading_zeros();
        *power.last_mut()? = Limb(Word::rotate_right(1, zeros.wrapping_add(1)));
        for _ in 0..=zeros {
            self.double(power);
        }
        for _ in self.n {
            self.double(power);
        }
        for _ in 0..Limb::BITS.ilog2() {
            self.multiply(power, power, spare);
            mem::swap(&mut power, &mut spare);
        }
        self.multiply(power, plain, form);

        let mut bits =
            exponent.iter().flat_map(|octet| [128, 64, 32, 16, 8, 4, 2, 1].map(|bit| octet & bit != 0));
        let odd = bits.next_back()?;
        // The highest bit is set, so start with the base.
        bits.find(|bit| *bit)?;
        power.iter_mut().zip(form.iter()).for_each(|(to, from)| *to = *from);
        for bit in bits {
            self.multiply(power, power, spare);
            if bit {
                self.multiply(spare, form, power);
            } else {
                mem::swap(&mut power, &mut spare);
            }
        }
        // The last factor is plain, which takes the product out of Montgomery form.
        if !odd {
            plain.fill(Limb::ZERO);
            *plain.first_mut()? = Limb::ONE;
        }
        self.multiply(power, power, spare);
        self.multiply(spare, plain, power);
        Some(power)
    }

    /// Writes `x · y / R` into `out`.
    #[inline(never)]
    fn multiply(&self, x: &[Limb], y: &[Limb], out: &mut [Limb]) {
        let (Some((y0, y)), Some((n0, n))) = (y.split_first(), self.n.split_first()) else { return };
        out.fill(Limb::ZERO);
        let mut top = Limb::ZERO;
        for x in x {
            let mut limbs = out.iter_mut();
            let Some(mut previous) = limbs.next() else { return };
            let (mut sum, mut carry_y) = x.carrying_mul_add(*y0, *previous, Limb::ZERO);
            // This multiple of n makes the lowest limb zero, so all others move down by one.
            let u = sum.wrapping_mul(self.inverse);
            let (_, mut carry_n) = u.carrying_mul_add(*n0, sum, Limb::ZERO);
            for ((limb, y), n) in limbs.zip(y).zip(n) {
                (sum, carry_y) = x.carrying_mul_add(*y, *limb, carry_y);
                (*previous, carry_n) = u.carrying_mul_add(*n, sum, carry_n);
                previous = limb;
            }
            (sum, carry_y) = top.carrying_add(carry_y, Limb::ZERO);
            (*previous, carry_n) = sum.carrying_add(carry_n, Limb::ZERO);
            top = carry_y.wrapping_add(carry_n);
        }
        self.reduce(top, out);
    }

    fn double(&self, x: &mut [Limb]) {
        let mut carry = Limb::ZERO;
        for limb in x.iter_mut() {
            (*limb, carry) = limb.carrying_add(*limb, carry);
        }
        self.reduce(carry, x);
    }

    /// Brings `x`, with `top` above it, from below 2n to below n.
    fn reduce(&self, top: Limb, x: &mut [Limb]) {
        if top.0 == 0 && compare(x, self.n).is_lt() {
            return;
        }
        let mut borrow = false;
        for (x, n) in x.iter_mut().zip(self.n) {
            (x.0, borrow) = x.0.borrowing_sub(n.0, borrow);
        }
    }
}

/// Whether `message` is the one encoding of `digest` in `length` octets (RFC 8017 §9.2).
///
/// Comparing all of it leaves nothing to parse, and nothing to forge with (CVE-2006-4339).
//= https://www.rfc-editor.org/rfc/rfc8017#section-8.2.2
fn is_encoded(digest: &[u8; 32], length: usize, message: &[Limb]) -> bool {
    let padding = length.saturating_sub(UNPADDED);
    let mut expected = (digest.iter().rev().chain(DIGEST_INFO.iter().rev()).copied())
        .chain([0])
        .chain(iter::repeat_n(0xff, padding))
        .chain([1, 0]);
    let mut octets = message.iter().flat_map(|limb| limb.0.to_le_bytes());
    expected.all(|octet| octets.next() == Some(octet)) && octets.all(|octet| octet == 0)
}

/// Compares numbers of the same length.
fn compare(x: &[Limb], y: &[Limb]) -> Ordering {
    x.iter().rev().map(|limb| limb.0).cmp(y.iter().rev().map(|limb| limb.0))
}

/// Reads a big-endian number into zeros, of which there are enough.
fn read(octets: &[u8], number: &mut [Limb]) {
    for (limb, octets) in number.iter_mut().zip(octets.rchunks(Limb::BYTES)) {
        *limb = Limb(octets.iter().fold(0, |word, octet| word << 8 | Word::from(*octet)));
    }
}

/// Drops leading zeros (RFC 7518 §6.3.1.1 forbids them; some servers send one).
fn significant(octets: &[u8]) -> &[u8] {
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    octets.get(zeros..).unwrap_or_default()
}

/// The DER of `DigestInfo` up to the digest, for SHA-256 (RFC 8017 §9.2 note 1).
const DIGEST_INFO: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    0x04, 0x20,
];

/// The octets of an encoding that are not padding.
const UNPADDED: usize = 3 + DIGEST_INFO.len() + 32;

#[cfg(test)]
mod tests {
    use base64ct::{Base64UrlUnpadded, Encoding};
    use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
    use crypto_bigint::{Odd, Uint};

    use super::*;

    // RFC 7515 Appendix A.2.
    const MESSAGE: &[u8] =
        b"eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlL\
        mNvbS9pc19yb290Ijp0cnVlfQ";
    const SIGNATURE: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2F\
        p5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQB\
        MHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeY\
        I2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    const MODULUS: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0B\
        m4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5\
        z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7\
        aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
    const EXPONENT: &[u8] = &[1, 0, 1];

    fn decode<const N: usize>(text: &str) -> [u8; N] {
        let mut octets = [0; N];
        assert_eq!(Base64UrlUnpadded::decode(text, &mut octets).map(<[u8]>::len), Ok(N));
        octets
    }

    fn check(modulus: &[u8], exponent: &[u8], signature: &[u8]) -> Result<(), Check> {
        Rs256.verify(Key::Rsa { modulus, exponent }, MESSAGE, signature)
    }

    // REQ: JOSE-14
    #[test]
    fn rfc7515_a2() {
        let (modulus, signature): ([u8; 256], [u8; 256]) = (decode(MODULUS), decode(SIGNATURE));
        assert_eq!(check(&modulus, EXPONENT, &signature), Ok(()));
        for bit in (0..2048).step_by(5) {
            let mut signature = signature;
            signature[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(check(&modulus, EXPONENT, &signature), Err(Check::BadSignature), "bit {bit}");
        }
        let key = Key::Rsa { modulus: &modulus, exponent: EXPONENT };
        assert_eq!(Rs256.verify(key, &MESSAGE[1..], &signature), Err(Check::BadSignature));
    }

    // REQ: JOSE-14
    #[test]
    fn only_as_long_as_the_modulus_and_below() {
        let (modulus, signature): ([u8; 256], [u8; 256]) = (decode(MODULUS), decode(SIGNATURE));
        for bad in [
            &signature[..255],
            &signature[1..],
            &[&[0], &signature[..]].concat(),
            &[],
            &modulus,
            &[0; 256],
            &[255; 256],
        ] {
            assert_eq!(check(&modulus, EXPONENT, bad), Err(Check::BadSignature), "{} octets", bad.len());
        }
    }

    // REQ: JOSE-14
    /// A cube that begins with a short padding, DigestInfo and the digest (CVE-2006-4339).
    #[test]
    fn forged_for_exponent_3() {
        let root: [u8; 85] = decode(
            "Msv9SnrceQVYPXZ1IPUWQHWRdtN4JvLvY649x6y_s7eA5m3UVD5JKhqkCKltifXBMSg9rIQgh5DVx4GgS7VoZk\
            xfFJ-c0cWu4f4gMdaOfWwD4lYZxw",
        );
        let forged = [&[0; 171], &root[..]].concat();
        assert_eq!(check(&decode::<256>(MODULUS), &[3], &forged), Err(Check::BadSignature));
    }

    // REQ: JWKS-07
    #[test]
    fn keys() {
        let (modulus, signature): ([u8; 256], [u8; 256]) = (decode(MODULUS), decode(SIGNATURE));
        let zeros = [&[0, 0], &modulus[..]].concat();
        assert_eq!(check(&zeros, &[0, 0, 1, 0, 1], &signature), Ok(()));

        let bits = |length: u32, last: u8| {
            let mut number = [0; 520];
            number[519 - (length as usize - 1) / 8] |= 1 << ((length - 1) % 8);
            number[519] |= last;
            number
        };
        for length in [1, 1024, 2040, 2047] {
            assert_eq!(
                check(&bits(length, 1), EXPONENT, &signature),
                Err(Check::KeyTooWeak),
                "{length} bits"
            );
        }
        assert_eq!(check(&[], EXPONENT, &signature), Err(Check::KeyTooWeak));
        for length in [2048, 2049, 2055, 2056, 3071, 3072, 3073, 4096] {
            assert_eq!(
                check(&bits(length, 1), EXPONENT, &signature),
                Err(Check::BadSignature),
                "{length} bits"
            );
            assert_eq!(check(&bits(length, 0), EXPONENT, &signature), Err(Check::KeyInvalid), "even");
        }
        for length in [4097, 4104] {
            assert_eq!(
                check(&bits(length, 1), EXPONENT, &signature),
                Err(Check::KeyInvalid),
                "{length} bits"
            );
        }
        for exponent in [&[][..], &[0], &[1], &[2], &[1, 0, 0], &[1, 0, 0, 0, 1]] {
            assert_eq!(check(&modulus, exponent, &signature), Err(Check::KeyInvalid), "{exponent:?}");
        }
        let ec = Key::P256 { x: &modulus, y: EXPONENT };
        assert_eq!(Rs256.verify(ec, MESSAGE, &signature), Err(Check::KeyMismatch));
    }

    fn power<const LIMBS: usize>(n: &Uint<LIMBS>, base: &Uint<LIMBS>, exponent: u32) -> Option<Uint<LIMBS>> {
        let length = n.bits().div_ceil(Limb::BITS) as usize;
        let mut numbers = [[Limb::ZERO; LIMBS]; 4];
        let numbers = numbers.each_mut().map(|number| &mut number[..length]);
        let modulus = Modulus::new(&n.as_limbs()[..length]);
        let power = modulus.power(base.to_be_bytes().as_ref(), &exponent.to_be_bytes(), numbers)?;
        let mut limbs = [Limb::ZERO; LIMBS];
        limbs[..length].copy_from_slice(power);
        Some(Uint::new(limbs))
    }

    /// An odd number with the highest bit set.
    fn number<const LIMBS: usize>(seed: u32, bits: u32) -> Uint<LIMBS> {
        let mut octets = [0; 512];
        for (block, octets) in octets.chunks_mut(32).enumerate() {
            octets.copy_from_slice(&Sha256::digest(
                [seed.to_be_bytes(), (block as u32).to_be_bytes()].concat(),
            ));
        }
        let number =
            Uint::from_be_slice(&octets[..LIMBS * Limb::BYTES]).shr(LIMBS as u32 * Limb::BITS - bits);
        number | Uint::ONE | Uint::ONE.shl(bits - 1)
    }

    fn agrees<const LIMBS: usize>(n: &Uint<LIMBS>) {
        let params = FixedMontyParams::new_vartime(Odd::new(*n).unwrap());
        let random = number::<LIMBS>(n.bits(), n.bits() - 1);
        for base in [Uint::ZERO, Uint::ONE, Uint::from_u8(2), n.wrapping_sub(&Uint::ONE), random] {
            for exponent in [2, 3, 4, 0x10001, 0xffff_ffff] {
                let expected =
                    FixedMontyForm::new(&base, &params).pow_vartime(&Uint::<LIMBS>::from_u32(exponent));
                assert_eq!(power(n, &base, exponent), Some(expected.retrieve()), "{} bits", n.bits());
            }
        }
        assert_eq!(power(n, n, 3), None);
        assert_eq!(power(n, &random, 1), None);
    }

    // REQ: JOSE-14
    #[test]
    fn agrees_with_crypto_bigint() {
        for bits in [2048, 2047, 2046, 2017, 2016, 1985, 1984, 65, 64, 63, 33, 32, 31, 9] {
            agrees::<{ U2048::LIMBS }>(&number(0, bits));
        }
        agrees::<{ U2048::LIMBS }>(&U2048::MAX);
        agrees::<{ U2048::LIMBS }>(&(U2048::ONE.shl(2047) | U2048::ONE));
        agrees::<{ U3072::LIMBS }>(&number(1, 2049));
        agrees::<{ U3072::LIMBS }>(&number(2, 3072));
        agrees::<{ U4096::LIMBS }>(&number(3, 3073));
        agrees::<{ U4096::LIMBS }>(&U4096::MAX);
    }
}
