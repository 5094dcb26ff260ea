//! RS256, RS384 and RS512: RSASSA-PKCS1-v1_5 (RFC 7518 §3.3, RFC 8017 §8.2.2).

use core::iter;

use sha2::{Digest, Sha384, Sha512};

use super::{Algorithm, Key, Verifier, rsa::Encoded};
use crate::{error::Check, hash::Sha256};

/// Checks RS256 signatures (RFC 7518 §3.3).
///
/// The modulus has 2048 to 4096 bits and is odd, else [`Check::KeyTooWeak`] or [`Check::KeyInvalid`]; the
/// exponent is odd, at least 3, and fits in 32 bits, else [`Check::KeyInvalid`]. A call needs about 11 KiB of
/// stack for 2048 bits, and 20 KiB for more.
#[derive(Clone, Copy, Debug)]
pub struct Rs256;

/// Checks RS384 signatures (RFC 7518 §3.3), with keys as for [`Rs256`].
#[derive(Clone, Copy, Debug)]
pub struct Rs384;

/// Checks RS512 signatures (RFC 7518 §3.3), with keys as for [`Rs256`].
#[derive(Clone, Copy, Debug)]
pub struct Rs512;

macro_rules! verifier {
    ($type:ident, $hash:ident, $digest_info:ident) => {
        impl Verifier for $type {
            fn algorithm(&self) -> Algorithm {
                Algorithm::$type
            }

            fn hash<'h>(&self, input: &[u8], out: &'h mut [u8; 64]) -> &'h [u8] {
                super::digest(&$hash::digest(input), out)
            }

            fn verify(&self, key: Key<'_>, message: &[u8], signature: &[u8]) -> Result<(), Check> {
                verify(key, &$hash::digest(message), &$digest_info, signature)
            }
        }
    };
}

verifier!(Rs256, Sha256, DIGEST_INFO_SHA256);
verifier!(Rs384, Sha384, DIGEST_INFO_SHA384);
verifier!(Rs512, Sha512, DIGEST_INFO_SHA512);

fn verify(key: Key<'_>, digest: &[u8], digest_info: &[u8], signature: &[u8]) -> Result<(), Check> {
    let mut encoded = Encoded::of(key, signature)?;
    if is_encoded(digest, digest_info, encoded.octets()) { Ok(()) } else { Err(Check::BadSignature) }
}

/// Whether `message` is the one encoding of `digest` in its length (RFC 8017 §9.2).
///
/// Comparing all of it leaves nothing to parse, and nothing to forge with (CVE-2006-4339).
//= https://www.rfc-editor.org/rfc/rfc8017#section-8.2.2
fn is_encoded(digest: &[u8], digest_info: &[u8], message: &[u8]) -> bool {
    let unpadded = digest.len().saturating_add(digest_info.len()).saturating_add(3);
    let padding = message.len().saturating_sub(unpadded);
    let expected = [0, 1].into_iter().chain(iter::repeat_n(0xff, padding)).chain([0]);
    message.iter().copied().eq(expected.chain(digest_info.iter().copied()).chain(digest.iter().copied()))
}

/// The DER of `DigestInfo` up to the digest (RFC 8017 §9.2 note 1).
const DIGEST_INFO_SHA256: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    0x04, 0x20,
];

/// The same for SHA-384.
const DIGEST_INFO_SHA384: [u8; 19] = [
    0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00,
    0x04, 0x30,
];

/// The same for SHA-512.
const DIGEST_INFO_SHA512: [u8; 19] = [
    0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00,
    0x04, 0x40,
];

#[cfg(test)]
mod tests {
    use base64ct::{Base64UrlUnpadded, Encoding};

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
}
