//! Signatures, each checked with the example of its standard.

use base64ct::{Base64UrlUnpadded, Encoding};
use keyfob_core::jws::{Es256, Key, Rs256, Verifier};

use crate::Measure;

/// Measures each verifier.
pub fn measure(measure: Measure<'_>) {
    let (x, y) = (decode(P256_X), decode(P256_Y));
    let key = Key::P256 { x: &x.0[..x.1], y: &y.0[..y.1] };
    check(measure, "es256", &Es256, key, ES256);
    let modulus = decode(RSA_2048);
    let key = Key::Rsa { modulus: &modulus.0[..modulus.1], exponent: &[1, 0, 1] };
    check(measure, "rs256_2048", &Rs256, key, RS256);
}

/// Measures one signature, which must be good.
fn check(measure: Measure<'_>, name: &str, verifier: &dyn Verifier, key: Key<'_>, token: &str) {
    let Some((message, signature)) = token.rsplit_once('.') else { panic!("no token") };
    let signature = decode(signature);
    let mut outcome = None;
    measure(name, &mut || {
        outcome = Some(verifier.verify(key, message.as_bytes(), &signature.0[..signature.1]));
    });
    assert_eq!(outcome, Some(Ok(())), "{name}");
}

fn decode(text: &str) -> ([u8; 512], usize) {
    let mut octets = [0; 512];
    let length = Base64UrlUnpadded::decode(text, &mut octets).map(<[u8]>::len);
    (octets, length.expect("base64url"))
}

// RFC 7515 Appendix A.3.
const P256_X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
const P256_Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
const ES256: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlL\
    mNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

// RFC 7515 Appendix A.2.
const RSA_2048: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yR\
    T-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg\
    665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
const RS256: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlL\
    mNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5ju\
    jGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_\
    dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
