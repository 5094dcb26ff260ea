//! `at_hash` and `c_hash` (OIDC Core §3.1.3.6).

use crate::{
    encoding::base64url,
    error::{Check, Name},
    id_token::facts::{Fact, optional},
    jws::Verifier,
    secret::equal,
    sieve::Scratch,
};

/// A hash. Whether it is the right one is computed when all has been read.
pub(super) struct HalfHash {
    pub(super) fact: Fact,
    pub(super) text: Scratch<{ base64url::LENGTH_OF_32 }>,
}

impl HalfHash {
    pub(super) const fn new() -> Self {
        Self { fact: Fact::Absent, text: Scratch::new() }
    }

    /// Whether it is there.
    pub(super) fn judge(
        &self,
        name: Name,
        value: Option<&str>,
        verifier: &dyn Verifier,
    ) -> Result<bool, Check> {
        let differs = value.is_some_and(|value| !is_half_hash(self.text.text(), value, verifier));
        let fact = if self.fact == Fact::Matches && differs { Fact::Differs } else { self.fact };
        optional(fact, name, Check::HashMismatch(name))
    }
}

/// The left half of the digest that belongs to the algorithm (OIDC Core §3.1.3.6).
#[inline(never)]
fn is_half_hash(found: &[u8], value: &str, verifier: &dyn Verifier) -> bool {
    let mut digest = [0; 64];
    let digest = verifier.hash(value.as_bytes(), &mut digest);
    let half = digest.get(..digest.len() / 2).unwrap_or_default();
    let mut text = [0; base64url::LENGTH_OF_32];
    base64url::encode(half, &mut text).is_some_and(|text| equal(found, text.as_bytes()))
}
