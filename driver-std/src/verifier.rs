//! Verifiers on top of `ring`, which rustls links anyway.
//!
//! They answer as [those of the core](keyfob_core::jws) do, and are faster on a desktop.

use keyfob_core::{
    error::Check,
    jws::{self, Algorithm, Key, Verifier},
};
use ring::{digest, signature};

/// Checks RS256 signatures, with the limits and errors of [`jws::Rs256`] (RFC 7518 §3.3).
#[derive(Clone, Copy, Debug)]
pub struct Rs256;

impl Verifier for Rs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::Rs256
    }

    fn hash<'h>(&self, input: &[u8], out: &'h mut [u8; 64]) -> &'h [u8] {
        sha256(input, out)
    }

    fn verify(&self, key: Key<'_>, message: &[u8], signature: &[u8]) -> Result<(), Check> {
        let Key::Rsa { modulus, exponent } = key else { return Err(Check::KeyMismatch) };
        let key = signature::RsaPublicKeyComponents { n: significant(modulus), e: significant(exponent) };
        limits(key.n, key.e)?;
        let verified = key.verify(&signature::RSA_PKCS1_2048_8192_SHA256, message, signature);
        verified.or(Err(Check::BadSignature))
    }
}

/// Checks ES256 signatures, with the limits and errors of [`jws::Es256`] (RFC 7518 §3.4).
#[derive(Clone, Copy, Debug)]
pub struct Es256;

impl Verifier for Es256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::Es256
    }

    fn hash<'h>(&self, input: &[u8], out: &'h mut [u8; 64]) -> &'h [u8] {
        sha256(input, out)
    }

    fn verify(&self, key: Key<'_>, message: &[u8], signature: &[u8]) -> Result<(), Check> {
        let Key::P256 { x, y } = key else { return Err(Check::KeyMismatch) };
        if x.len() != 32 || y.len() != 32 {
            return Err(Check::KeyInvalid);
        }
        let point = [&[4], x, y].concat();
        let verified = signature::UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point)
            .verify(message, signature);
        // ring does not tell a key off the curve from a bad signature; the core does. It has no say in the yes.
        verified.or_else(|_| jws::Es256.verify(key, message, signature).and(Err(Check::BadSignature)))
    }
}

/// The limits for an RSA key without leading zeros; ring's are wider.
fn limits(modulus: &[u8], exponent: &[u8]) -> Result<(), Check> {
    let (Some(first), Some(last)) = (modulus.first(), modulus.last()) else { return Err(Check::KeyTooWeak) };
    if modulus.len() < 256 || modulus.len() == 256 && *first < 0x80 {
        return Err(Check::KeyTooWeak);
    }
    let odd = exponent.last().is_some_and(|last| last & 1 == 1);
    if modulus.len() > 512 || last & 1 == 0 || exponent.len() > 4 || !odd || exponent == [1] {
        return Err(Check::KeyInvalid);
    }
    Ok(())
}

fn sha256<'h>(input: &[u8], out: &'h mut [u8; 64]) -> &'h [u8] {
    let (hash, _) = out.split_at_mut(digest::SHA256_OUTPUT_LEN);
    hash.copy_from_slice(digest::digest(&digest::SHA256, input).as_ref());
    hash
}

/// Drops leading zeros, which ring refuses.
fn significant(octets: &[u8]) -> &[u8] {
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    octets.get(zeros..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use base64ct::{Base64UrlUnpadded, Encoding};

    use super::*;

    // RFC 7515 Appendix A.2.
    const MESSAGE_RSA: &[u8] =
        b"eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlL\
        mNvbS9pc19yb290Ijp0cnVlfQ";
    const SIGNATURE_RSA: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2F\
        p5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQB\
        MHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeY\
        I2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    const MODULUS: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0B\
        m4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5\
        z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7\
        aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";

    // RFC 7515 Appendix A.3.
    const MESSAGE_EC: &[u8] =
        b"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlL\
        mNvbS9pc19yb290Ijp0cnVlfQ";
    const SIGNATURE_EC: &str =
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    const X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
    const Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";

    fn decode(text: &str) -> Vec<u8> {
        Base64UrlUnpadded::decode_vec(text).unwrap()
    }

    /// What both verifiers answer.
    fn both(key: Key<'_>, message: &[u8], signature: &[u8]) -> Result<(), Check> {
        let (ours, core): (&dyn Verifier, &dyn Verifier) = match key {
            Key::Rsa { .. } => (&Rs256, &jws::Rs256),
            _ => (&Es256, &jws::Es256),
        };
        let answer = ours.verify(key, message, signature);
        assert_eq!(answer, core.verify(key, message, signature));
        answer
    }

    // REQ: JOSE-14, JWKS-07
    #[test]
    fn rs256_answers_as_the_core() {
        let (n, signature) = (decode(MODULUS), decode(SIGNATURE_RSA));
        let check = |modulus: &[u8], exponent: &[u8], signature: &[u8]| {
            both(Key::Rsa { modulus, exponent }, MESSAGE_RSA, signature)
        };
        let e = &[1, 0, 1];
        assert_eq!(check(&n, e, &signature), Ok(()));
        assert_eq!(check(&[&[0], &n[..]].concat(), &[0, 1, 0, 1], &signature), Ok(()));
        for bad in [&signature[..255], &[&[0], &signature[..]].concat(), &[], &n, &[0; 256]] {
            assert_eq!(check(&n, e, bad), Err(Check::BadSignature));
        }
        for bit in 0..2048 {
            let mut bad = signature.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(check(&n, e, &bad), Err(Check::BadSignature), "bit {bit}");
        }
        for (length, expected) in [
            (0, Check::KeyTooWeak),
            (2041, Check::KeyTooWeak),
            (2047, Check::KeyTooWeak),
            (2048, Check::BadSignature),
            (2049, Check::BadSignature),
            (3071, Check::BadSignature),
            (4096, Check::BadSignature),
            (4097, Check::KeyInvalid),
            (8192, Check::KeyInvalid),
        ] {
            let mut modulus = vec![0xff; usize::div_ceil(length, 8)];
            if let Some(first) = modulus.first_mut() {
                *first >>= (8 - length % 8) % 8;
            }
            assert_eq!(check(&modulus, e, &vec![1; modulus.len()]), Err(expected), "{length} bits");
            if let Some(last) = modulus.last_mut() {
                *last &= 0xfe;
            }
            assert!(check(&modulus, e, &signature).is_err_and(|check| check != Check::BadSignature));
        }
        for exponent in [&[][..], &[0], &[1], &[2], &[1, 0, 0], &[1, 0, 0, 0, 1]] {
            assert_eq!(check(&n, exponent, &signature), Err(Check::KeyInvalid), "{exponent:?}");
        }
        for exponent in [&[3][..], &[255, 255, 255, 255]] {
            assert_eq!(check(&n, exponent, &signature), Err(Check::BadSignature), "{exponent:?}");
        }
    }

    // REQ: JOSE-16, JWKS-08
    #[test]
    fn es256_answers_as_the_core() {
        let (x, y, signature) = (decode(X), decode(Y), decode(SIGNATURE_EC));
        let check = |x: &[u8], y: &[u8], signature: &[u8]| both(Key::P256 { x, y }, MESSAGE_EC, signature);
        assert_eq!(check(&x, &y, &signature), Ok(()));
        for bad in [&signature[..63], &[&signature[..], &[0]].concat(), &[], &[0; 64], &[255; 64]] {
            assert_eq!(check(&x, &y, bad), Err(Check::BadSignature));
        }
        for bit in 0..512 {
            let mut bad = signature.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(check(&x, &y, &bad), Err(Check::BadSignature), "bit {bit}");
        }
        for (x, y) in [(&x[1..], &y[..]), (&x, &y[..31]), (&y, &x), (&[0; 32], &[0; 32]), (&[255; 32], &y)] {
            assert_eq!(check(x, y, &signature), Err(Check::KeyInvalid));
        }
    }

    #[test]
    fn another_type_of_key() {
        let rsa = Key::Rsa { modulus: &[1], exponent: &[3] };
        let p256 = Key::P256 { x: &[1], y: &[2] };
        assert_eq!(Es256.verify(rsa, b"", b""), Err(Check::KeyMismatch));
        assert_eq!(Rs256.verify(p256, b"", b""), Err(Check::KeyMismatch));
    }

    #[test]
    fn hashes_as_the_core() {
        let (mut out, mut core) = ([0; 64], [0; 64]);
        assert_eq!(Rs256.hash(b"abc", &mut out), jws::Rs256.hash(b"abc", &mut core));
        assert_eq!(Es256.hash(b"", &mut out), jws::Es256.hash(b"", &mut core));
    }
}
