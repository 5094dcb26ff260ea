//! ES256: ECDSA on P-256 with SHA-256 (RFC 7518 §3.4).
//!
//! Only public numbers meet here, so nothing is constant in time. The points and scalars are those of p256; its
//! verifier is not used because a panic is reachable from it, as far as a linker can tell.

use p256::elliptic_curve::bigint::modular::{FixedMontyForm, FixedMontyParams};
use p256::elliptic_curve::bigint::{ArrayEncoding, CheckedAdd, Limb, Odd, U256};
use p256::elliptic_curve::ops::Reduce;
use p256::elliptic_curve::point::AffineCoordinates;
use p256::elliptic_curve::{Curve, Group, PrimeField};
use p256::{AffinePoint, FieldBytes, NistP256, ProjectivePoint, Scalar};
use sha2::{Digest, Sha256};

use super::rs256::Modulus;
use super::{Algorithm, Key, Verifier};
use crate::error::Check;

/// Checks ES256 signatures (RFC 7518 §3.4).
///
/// Both coordinates of the key have 32 octets and are on the curve, else [`Check::KeyInvalid`]. The signature
/// is r and s in 64 octets, never DER; n - s is as good as s. A call needs about 5 KiB of stack.
#[derive(Clone, Copy, Debug)]
pub struct Es256;

impl Verifier for Es256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::Es256
    }

    fn hash<'h>(&self, input: &[u8], out: &'h mut [u8; 64]) -> &'h [u8] {
        let (hash, _) = out.split_at_mut(32);
        hash.copy_from_slice(&Sha256::digest(input));
        hash
    }

    fn verify(&self, key: Key<'_>, message: &[u8], signature: &[u8]) -> Result<(), Check> {
        let Key::P256 { x, y } = key else { return Err(Check::KeyMismatch) };
        //= https://www.rfc-editor.org/rfc/rfc7518#section-6.2.1.2
        let (Ok(x), Ok(y)) = (x.try_into(), y.try_into()) else { return Err(Check::KeyInvalid) };
        let key = AffinePoint::from_coordinates(x, y).into_option().ok_or(Check::KeyInvalid)?;
        //= https://www.rfc-editor.org/rfc/rfc7518#section-3.4
        let (r, s) = signature.split_first_chunk::<32>().ok_or(Check::BadSignature)?;
        let s = s.try_into().or(Err(Check::BadSignature))?;
        let verified = verify(&key.into(), &Sha256::digest(message), r.into(), s);
        if verified { Ok(()) } else { Err(Check::BadSignature) }
    }
}

/// Whether (digest · G + r · key) / s has the x coordinate r, modulo n (FIPS 186-5 §6.4.2).
fn verify(key: &ProjectivePoint, digest: &FieldBytes, r: &FieldBytes, s: &FieldBytes) -> bool {
    let s_inverse = power(NistP256::ORDER.as_ref(), s, &ORDER_LESS_2).and_then(|inverse| scalar(&inverse));
    let (Some(s_inverse), Some(r_scalar)) = (s_inverse, scalar(r)) else { return false };
    let digest = <Scalar as Reduce<FieldBytes>>::reduce(digest);
    let sum = multiply_add(&(digest * s_inverse), &(r_scalar * s_inverse), key);
    // The field is a little larger than n, so few r stand for two coordinates.
    let r_plus_n = U256::from_be_byte_array(*r).checked_add(NistP256::ORDER.as_ref());
    has_x(&sum, r) || r_plus_n.into_option().is_some_and(|x| has_x(&sum, &x.to_be_byte_array()))
}

/// Reads a scalar from 1 to n - 1.
fn scalar(octets: &FieldBytes) -> Option<Scalar> {
    Scalar::from_repr(*octets).into_option().filter(|scalar| *scalar != Scalar::ZERO)
}

/// `a · G + b · key`, by doubling and adding the odd multiples that the digits ask for.
fn multiply_add(a: &Scalar, b: &Scalar, key: &ProjectivePoint) -> ProjectivePoint {
    let (multiples_a, multiples_b) = (odd_multiples(&ProjectivePoint::GENERATOR), odd_multiples(key));
    let mut sum = ProjectivePoint::IDENTITY;
    for (a, b) in digits(a).iter().zip(&digits(b)).rev() {
        sum = sum.double();
        add(&mut sum, &multiples_a, *a);
        add(&mut sum, &multiples_b, *b);
    }
    sum
}

/// Adds a digit's multiple.
fn add(sum: &mut ProjectivePoint, odd_multiples: &[ProjectivePoint; 8], digit: u8) {
    let negative = digit >= 16;
    let index = if negative { digit ^ 31 } else { digit } >> 1;
    match odd_multiples.get(usize::from(index)) {
        Some(multiple) if negative => *sum = sum.sub(multiple),
        Some(multiple) if digit != 0 => *sum = sum.add(multiple),
        _ => {}
    }
}

/// The point times 1, 3, 5 to 15.
fn odd_multiples(point: &ProjectivePoint) -> [ProjectivePoint; 8] {
    let double = point.double();
    let mut multiples = [*point; 8];
    let mut last = *point;
    for multiple in multiples.iter_mut().skip(1) {
        last = last.add(&double);
        *multiple = last;
    }
    multiples
}

/// The non-adjacent form of width 5, lowest digit first: of five digits in a row at most one is not 0.
///
/// Digits are 0 or odd; 1 to 15 stand for themselves, 17 to 31 for themselves less 32.
fn digits(scalar: &Scalar) -> [u8; 257] {
    let mut rest = U256::from_be_byte_array(scalar.to_bytes());
    [(); 257].map(|()| {
        let [word, ..] = rest.to_words();
        let [octet, ..] = word.to_le_bytes();
        let mut digit = 0;
        if octet & 1 != 0 {
            digit = octet & 31;
            rest = rest.wrapping_sub(&U256::from_u8(digit));
            if digit >= 16 {
                rest = rest.wrapping_add(&U256::from_u8(32));
            }
        }
        rest = rest.shr_vartime(1);
        digit
    })
}

/// Whether `x` is the x coordinate of `point`, without the inversion that would take the latter out of
/// projective form: a point with that coordinate is made and compared.
#[inline(never)]
fn has_x(point: &ProjectivePoint, x: &FieldBytes) -> bool {
    lift(x).is_some_and(|lifted| *point == lifted || *point == lifted.neg())
}

/// One of the two points with this x coordinate, if the curve has them.
fn lift(x: &FieldBytes) -> Option<ProjectivePoint> {
    let number = FixedMontyForm::new(&U256::from_be_byte_array(*x), &FIELD);
    let square = number * number * number - (number + number + number) + B;
    let y = power(FIELD.modulus().as_ref(), &square.retrieve().to_be_byte_array(), &ROOT)?;
    // Refuses the root of a number that is not a square, and an x out of range.
    AffinePoint::from_coordinates(x, &y).into_option().map(ProjectivePoint::from)
}

/// `base` to the power of `exponent`; none if the base is not below the modulus.
#[inline(never)]
fn power(modulus: &U256, base: &FieldBytes, exponent: &U256) -> Option<FieldBytes> {
    let mut numbers = [[Limb::ZERO; U256::LIMBS]; 4];
    let numbers = numbers.each_mut().map(|number| number.as_mut_slice());
    let power = Modulus::new(modulus.as_limbs()).power(base, &exponent.to_be_byte_array(), numbers)?;
    let limbs = <[Limb; U256::LIMBS]>::try_from(&*power).ok()?;
    Some(U256::new(limbs).to_be_byte_array())
}

/// The exponent that inverts modulo n (Fermat).
const ORDER_LESS_2: U256 = NistP256::ORDER.as_ref().wrapping_sub(&U256::from_u8(2));

/// The prime p (SP 800-186 §3.2.1.3).
const FIELD: FixedMontyParams<{ U256::LIMBS }> = FixedMontyParams::new_vartime(Odd::<U256>::from_be_hex(
    "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
));

/// The coefficient b of y² = x³ - 3x + b (SP 800-186 §3.2.1.3).
const B: FixedMontyForm<{ U256::LIMBS }> = FixedMontyForm::new(
    &U256::from_be_hex("5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b"),
    &FIELD,
);

/// The exponent (p + 1) / 4, which takes the square root modulo p.
const ROOT: U256 = FIELD.modulus().as_ref().wrapping_add(&U256::ONE).shr_vartime(2);

#[cfg(test)]
mod tests {
    use base64ct::{Base64UrlUnpadded, Encoding};
    use p256::ecdsa::signature::hazmat::{PrehashSigner, PrehashVerifier};
    use p256::ecdsa::{Signature, SigningKey};

    use super::*;

    // RFC 7515 Appendix A.3.
    const MESSAGE: &[u8] =
        b"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlL\
        mNvbS9pc19yb290Ijp0cnVlfQ";
    const SIGNATURE: &str =
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    const X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
    const Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";

    fn decode<const N: usize>(text: &str) -> [u8; N] {
        let mut octets = [0; N];
        assert_eq!(Base64UrlUnpadded::decode(text, &mut octets).map(<[u8]>::len), Ok(N));
        octets
    }

    fn check(x: &[u8], y: &[u8], signature: &[u8]) -> Result<(), Check> {
        Es256.verify(Key::P256 { x, y }, MESSAGE, signature)
    }

    // REQ: JOSE-16
    #[test]
    fn rfc7515_a3() {
        let (x, y, signature): ([u8; 32], [u8; 32], [u8; 64]) = (decode(X), decode(Y), decode(SIGNATURE));
        assert_eq!(check(&x, &y, &signature), Ok(()));
        let (r, s) = signature.split_at(32);
        let other = (-Scalar::from_repr(s.try_into().unwrap()).unwrap()).to_bytes();
        assert_eq!(check(&x, &y, &[r, &other].concat()), Ok(()));
        for bit in 0..512 {
            let mut signature = signature;
            signature[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(check(&x, &y, &signature), Err(Check::BadSignature), "bit {bit}");
        }
    }

    // REQ: JOSE-16
    #[test]
    fn only_64_octets_in_range() {
        let (x, y, signature): ([u8; 32], [u8; 32], [u8; 64]) = (decode(X), decode(Y), decode(SIGNATURE));
        let longer = [&signature[..], &[0]].concat();
        for length in (0..64).chain([65]) {
            assert_eq!(check(&x, &y, &longer[..length]), Err(Check::BadSignature), "{length} octets");
        }
        let der = Signature::from_slice(&signature).unwrap().to_der();
        assert_eq!(check(&x, &y, der.as_bytes()), Err(Check::BadSignature));
        let (r, s) = signature.split_at(32);
        let n = NistP256::ORDER.as_ref().to_be_byte_array();
        for bad in [[0; 32].into(), n, [255; 32].into()] {
            assert_eq!(check(&x, &y, &[&bad[..], s].concat()), Err(Check::BadSignature));
            assert_eq!(check(&x, &y, &[r, &bad[..]].concat()), Err(Check::BadSignature));
            assert_eq!(check(&x, &y, &[bad, bad].concat()), Err(Check::BadSignature));
        }
    }

    // REQ: JWKS-08
    #[test]
    fn keys() {
        let (x, y, signature): ([u8; 32], [u8; 32], [u8; 64]) = (decode(X), decode(Y), decode(SIGNATURE));
        let p = FIELD.modulus().as_ref().to_be_byte_array();
        let zero_x = [&[0], &x[..]].concat();
        let bad: [(&[u8], &[u8]); 8] = [
            (&x[..31], &y),
            (&x, &y[1..]),
            (&zero_x, &y),
            (&y, &x),
            (&x, &x),
            (&[], &[]),
            (&[0; 32], &[0; 32]),
            (&p, &y),
        ];
        for (x, y) in bad {
            assert_eq!(check(x, y, &signature), Err(Check::KeyInvalid));
        }
        let rsa = Key::Rsa { modulus: &x, exponent: &y };
        assert_eq!(Es256.verify(rsa, MESSAGE, &signature), Err(Check::KeyMismatch));
    }

    // REQ: JOSE-16
    #[test]
    fn agrees_with_p256() {
        for seed in 0..32 {
            let digest = Sha256::digest([seed]);
            let key = SigningKey::from_slice(&Sha256::digest(digest)).unwrap();
            let signature: Signature = key.sign_prehash(&digest).unwrap();
            let point = key.verifying_key().as_affine();
            for digest in [digest, Sha256::digest([seed, 0])] {
                let (r, s) = signature.split_bytes();
                let expected = key.verifying_key().verify_prehash(&digest, &signature).is_ok();
                assert_eq!(verify(&(*point).into(), &digest, &r, &s), expected, "seed {seed}");
            }
        }
    }
}
