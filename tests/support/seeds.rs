//! Seeds that count.

use keyfob_core::{entropy::Entropy, error::Error, secret::Seed};

/// The octets of seed `number`. Neighbours differ in one bit or a few.
pub fn octets(number: u64) -> [u8; Seed::LENGTH] {
    let mut octets = [0x5E; Seed::LENGTH];
    octets[Seed::LENGTH - 8..].copy_from_slice(&number.to_be_bytes());
    octets
}

/// Seed `number`.
pub fn seed(number: u64) -> Seed {
    Seed::new(octets(number)).expect("the octets are not all equal")
}

/// A source of randomness that counts, and shows how often it was asked.
#[derive(Debug, Default)]
pub struct Counting {
    /// Calls so far.
    pub draws: u64,
    /// The draw that fails, counted from 1.
    pub failing: Option<u64>,
}

impl Entropy for Counting {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        self.draws += 1;
        if self.failing == Some(self.draws) {
            return Err(Error::Entropy);
        }
        for (place, octet) in out.iter_mut().enumerate() {
            *octet = octets(self.draws)[place % Seed::LENGTH];
        }
        Ok(())
    }
}
