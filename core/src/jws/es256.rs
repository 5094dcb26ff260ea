//! ES256: ECDSA on P-256 with SHA-256 (RFC 7518 §3.4).

use p256::{
    AffinePoint,
    ecdsa::{Signature, VerifyingKey, signature::hazmat::PrehashVerifier},
    elliptic_curve::point::AffineCoordinates,
};

use super::{Algorithm, Key, Verifier};
use crate::{error::Check, hash::Sha256};

/// Checks ES256 signatures (RFC 7518 §3.4).
///
/// A signature is r and s, 32 octets each; both s and n - s are good, for JOSE has no rule about it. A
/// coordinate of another length, or a point that is not on the curve, is [`Check::KeyInvalid`]. A call needs
/// about 7 KiB of stack.
#[derive(Clone, Copy, Debug)]
pub struct Es256;

impl Verifier for Es256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::Es256
    }

    fn hash<'h>(&self, input: &[u8], out: &'h mut [u8; 64]) -> &'h [u8] {
        super::digest(&Sha256::digest(input), out)
    }

    fn verify(&self, key: Key<'_>, message: &[u8], signature: &[u8]) -> Result<(), Check> {
        let Key::P256 { x, y } = key else { return Err(Check::KeyMismatch) };
        let (Ok(x), Ok(y)) = (x.try_into(), y.try_into()) else { return Err(Check::KeyInvalid) };
        let point = AffinePoint::from_coordinates(x, y).into_option().ok_or(Check::KeyInvalid)?;
        let key = VerifyingKey::from_affine(point).or(Err(Check::KeyInvalid))?;
        let signature = Signature::from_slice(signature).or(Err(Check::BadSignature))?;
        key.verify_prehash(&Sha256::digest(message), &signature).or(Err(Check::BadSignature))
    }
}

#[cfg(test)]
mod tests {
    use base64ct::{Base64UrlUnpadded, Encoding};
    use p256::Scalar;
    use p256::elliptic_curve::PrimeField;

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
        // The order of the group.
        let n: [u8; 32] = decode("_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE");
        for bad in [[0; 32], n, [255; 32]] {
            assert_eq!(check(&x, &y, &[&bad[..], s].concat()), Err(Check::BadSignature));
            assert_eq!(check(&x, &y, &[r, &bad[..]].concat()), Err(Check::BadSignature));
            assert_eq!(check(&x, &y, &[bad, bad].concat()), Err(Check::BadSignature));
        }
    }

    // REQ: JWKS-08
    #[test]
    fn keys() {
        let (x, y, signature): ([u8; 32], [u8; 32], [u8; 64]) = (decode(X), decode(Y), decode(SIGNATURE));
        // The field's prime itself: not reduced.
        let p: [u8; 32] = decode("_____wAAAAEAAAAAAAAAAAAAAAD_______________8");
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
}
