//! The randomness of one handshake.

use keyfob_core::entropy::Entropy;
use rand_core_0_6::{CryptoRng, RngCore};
use sha2_0_10::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use super::TlsError;

/// SHA-256 of a seed and a count. The seed is 32 octets of the device's own generator, new for each handshake, so a
/// generator that fails is an error before anything is sent, and not a weak key.
pub(super) struct Random {
    seed: Zeroizing<[u8; 32]>,
    count: u64,
}

impl Random {
    pub(super) fn new(entropy: &mut impl Entropy) -> Result<Self, TlsError> {
        let mut seed = Zeroizing::new([0; 32]);
        entropy.fill(&mut *seed).or(Err(TlsError::Entropy))?;
        Ok(Self { seed, count: 0 })
    }
}

impl RngCore for Random {
    fn next_u32(&mut self) -> u32 {
        let mut octets = [0; 4];
        self.fill_bytes(&mut octets);
        u32::from_le_bytes(octets)
    }

    fn next_u64(&mut self) -> u64 {
        let mut octets = [0; 8];
        self.fill_bytes(&mut octets);
        u64::from_le_bytes(octets)
    }

    fn fill_bytes(&mut self, out: &mut [u8]) {
        for piece in out.chunks_mut(32) {
            let count = self.count.to_be_bytes();
            let mut made = Sha256::new().chain_update(*self.seed).chain_update(count).finalize();
            piece.iter_mut().zip(&made).for_each(|(to, from)| *to = *from);
            made.as_mut_slice().zeroize();
            self.count = self.count.wrapping_add(1);
        }
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), rand_core_0_6::Error> {
        self.fill_bytes(out);
        Ok(())
    }
}

impl CryptoRng for Random {}

#[cfg(test)]
mod tests {
    use keyfob_core::error::Error;

    use super::*;

    struct Count(u8);

    impl Entropy for Count {
        fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
            if self.0 == 3 {
                return Err(Error::Entropy);
            }
            self.0 += 1;
            out.fill(self.0);
            Ok(())
        }
    }

    #[test]
    fn no_two_are_alike() {
        let mut source = Count(0);
        let mut seen = [[0; 32]; 12];
        for seed in 0..3 {
            let mut random = Random::new(&mut source).unwrap_or_else(|error| panic!("{error}"));
            for place in 0..4 {
                random.fill_bytes(&mut seen[seed * 4 + place]);
            }
        }
        for (place, octets) in seen.iter().enumerate() {
            assert!(!seen[..place].contains(octets), "{place}");
        }
        assert_eq!(Random::new(&mut source).err(), Some(TlsError::Entropy));
    }

    /// SHA-256 of 32 ones and a count of zero.
    #[test]
    fn known_answer() {
        let mut random = Random::new(&mut Count(0)).unwrap_or_else(|error| panic!("{error}"));
        let mut out = [0; 8];
        random.fill_bytes(&mut out);
        let whole = Sha256::digest([[1; 32].as_slice(), &[0; 8]].concat());
        assert_eq!(out, whole[..8]);
    }
}
