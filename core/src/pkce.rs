//! Proof Key for Code Exchange (RFC 7636).

use sha2::{Digest, Sha256};

use crate::encoding::base64url;

/// The only method there is; `plain` does not exist here (RFC 9700 §2.1.1).
pub(crate) const METHOD: &str = "S256";

/// `BASE64URL(SHA256(ASCII(code_verifier)))` (RFC 7636 §4.2).
pub(crate) fn challenge<'b>(verifier: &str, out: &'b mut [u8; base64url::LENGTH_OF_32]) -> &'b str {
    let mut hash = Sha256::new();
    hash.update(verifier);
    let digest = hash.finalize_reset();
    // The verifier is shorter than a block, so the hash has all of it, until it has something else.
    hash.update([0; BLOCK - 1]);
    core::hint::black_box(&mut hash);
    base64url::encode_32(&digest.into(), out)
}

/// Octets of a block (FIPS 180-4 §1).
const BLOCK: usize = 64;

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
