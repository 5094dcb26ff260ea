//! SHA-256 (FIPS 180-4), which is linked once, however many need it. The library wipes a hash on drop; the words of the
//! last block stay in the frame of its compression until that is used again.

use sha2::Digest;

/// A hash in the making.
pub(crate) struct Sha256(sha2::Sha256);

impl Sha256 {
    pub(crate) fn new() -> Self {
        Self(sha2::Sha256::new())
    }

    /// The hash of these octets.
    #[inline(never)]
    pub(crate) fn digest(octets: &[u8]) -> [u8; 32] {
        let mut hash = Self::new();
        hash.update(octets);
        hash.finalize()
    }

    #[inline(never)]
    pub(crate) fn update(&mut self, octets: &[u8]) {
        self.0.update(octets);
    }

    #[inline(never)]
    pub(crate) fn finalize(&mut self) -> [u8; 32] {
        let mut hash = [0; 32];
        self.0.finalize_into_reset((&mut hash).into());
        hash
    }
}
