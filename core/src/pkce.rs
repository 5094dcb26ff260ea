//! Proof Key for Code Exchange (RFC 7636).

use crate::{encoding::base64url, hash::Sha256};

/// The only method there is; `plain` does not exist here (RFC 9700 §2.1.1).
pub(crate) const METHOD: &str = "S256";

/// `BASE64URL(SHA256(ASCII(code_verifier)))` (RFC 7636 §4.2).
pub(crate) fn challenge<'b>(verifier: &str, out: &'b mut [u8; base64url::LENGTH_OF_32]) -> &'b str {
    base64url::encode_32(&Sha256::digest(verifier.as_bytes()), out)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    // REQ: PKCE-03
    #[test]
    fn known_answers() {
        let vectors: Value =
            serde_json::from_str(include_str!("../../tests/spec/vectors.json")).expect("vectors are JSON");
        for row in vectors["pkce"]["s256"].as_array().expect("there are such rows") {
            let verifier = row["verifier"].as_str().expect("a text");
            assert_eq!(challenge(verifier, &mut [0; base64url::LENGTH_OF_32]), row["challenge"]);
        }
    }
}
