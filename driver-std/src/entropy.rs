//! The random source of the operating system.

use keyfob_core::{entropy::Entropy, error::Error};

/// The operating system's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        getrandom::fill(out).map_err(|_| Error::Entropy)
    }
}

#[cfg(test)]
mod tests {
    use keyfob_core::secret::Seed;

    use super::*;

    #[test]
    fn gives_a_seed() {
        assert!(Seed::draw(&mut SystemEntropy).is_ok());
    }
}
