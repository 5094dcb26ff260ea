//! Signatures: each verifier with an example, and each signer with a key of its own.

use base64ct::{Base64UrlUnpadded, Encoding};
use keyfob_core::jws::{
    EdDsa, EdDsaSigner, Es256, Es256Signer, Es384, Hs256, Key, MAX_SIGNATURE, Ps256, Rs256, Signer, Verifier,
};

use crate::{
    Measure,
    examples::{
        ED_DSA, ED25519, ES384, HS256, MESSAGE, P384_X, P384_Y, PS256, RS256_3072, RS256_4096, RSA_3072,
        RSA_4096, RSA_PS, SECRET,
    },
};

/// Measures each verifier and each signer.
pub fn measure(measure: Measure<'_>) {
    check_token(measure, "es256", &Es256, [P256_X, P256_Y], ES256);
    check_token(measure, "rs256_2048", &Rs256, [RSA_2048, "AQAB"], RS256);
    check(measure, "rs256_3072", &Rs256, [RSA_3072, "AQAB"], MESSAGE, RS256_3072);
    check(measure, "rs256_4096", &Rs256, [RSA_4096, "AQAB"], MESSAGE, RS256_4096);
    check(measure, "ps256_2048", &Ps256, [RSA_PS, "AQAB"], MESSAGE, PS256);
    check(measure, "es384", &Es384, [P384_X, P384_Y], MESSAGE, ES384);
    check(measure, "ed_dsa", &EdDsa, [ED25519, ""], MESSAGE, ED_DSA);
    check(measure, "hs256", &Hs256, ["", ""], MESSAGE, HS256);
    sign(measure, "es256_signer", &Es256Signer::new(&[1; 32]).expect("a key"));
    sign(
        measure,
        "ed_dsa_signer",
        &EdDsaSigner::new(&core::array::from_fn(|place| place as u8)).expect("a key"),
    );
}

fn check_token(measure: Measure<'_>, name: &str, verifier: &dyn Verifier, key: [&str; 2], token: &str) {
    let Some((message, signature)) = token.rsplit_once('.') else { panic!("no token") };
    check(measure, name, verifier, key, message.as_bytes(), signature);
}

/// Measures one signature, which must be good.
fn check(
    measure: Measure<'_>,
    name: &str,
    verifier: &dyn Verifier,
    key: [&str; 2],
    message: &[u8],
    signature: &str,
) {
    let (first, second, signature) = (decode(key[0]), decode(key[1]), decode(signature));
    let (first, second) = (&first.0[..first.1], &second.0[..second.1]);
    let key = match first.len() {
        0 => Key::Secret(SECRET),
        32 if second.is_empty() => Key::Ed25519 { x: first },
        32 => Key::P256 { x: first, y: second },
        48 => Key::P384 { x: first, y: second },
        _ => Key::Rsa { modulus: first, exponent: second },
    };
    let mut outcome = None;
    measure(name, &mut || outcome = Some(verifier.verify(key, message, &signature.0[..signature.1])));
    assert_eq!(outcome, Some(Ok(())), "{name}");
}

fn sign(measure: Measure<'_>, name: &str, signer: &dyn Signer) {
    let mut signature = [0; MAX_SIGNATURE];
    let mut outcome = None;
    measure(name, &mut || outcome = signer.sign(MESSAGE, &mut signature).ok());
    assert_eq!(outcome, Some(64), "{name}");
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
