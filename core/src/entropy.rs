//! Where randomness comes from. The core has no source of its own.

use crate::error::Error;

/// A cryptographic random source: a chip's generator, or the operating system's.
///
/// Chip libraries implement different generations of `rand_core`; the features `rand-core-0-6`,
/// `rand-core-0-9` and `rand-core-0-10` each add an adapter that makes one of them an `Entropy`.
pub trait Entropy {
    /// Fills `out` whole.
    ///
    /// # Errors
    /// [`Error::Entropy`] if the generator failed its own checks; `out` holds nothing of use then.
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error>;
}

impl<E: Entropy + ?Sized> Entropy for &mut E {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        (**self).fill(out)
    }
}

/// A cryptographic generator of `rand_core` 0.6.
#[cfg(feature = "rand-core-0-6")]
pub struct RandCore06<R>(pub R);

#[cfg(feature = "rand-core-0-6")]
impl<R: rand_core_0_6::RngCore + rand_core_0_6::CryptoRng> Entropy for RandCore06<R> {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        self.0.try_fill_bytes(out).map_err(|_| Error::Entropy)
    }
}

/// A cryptographic generator of `rand_core` 0.9.
#[cfg(feature = "rand-core-0-9")]
pub struct RandCore09<R>(pub R);

#[cfg(feature = "rand-core-0-9")]
impl<R: rand_core_0_9::TryCryptoRng> Entropy for RandCore09<R> {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        self.0.try_fill_bytes(out).map_err(|_| Error::Entropy)
    }
}

/// A cryptographic generator of `rand_core` 0.10.
#[cfg(feature = "rand-core-0-10")]
pub struct RandCore010<R>(pub R);

#[cfg(feature = "rand-core-0-10")]
impl<R: rand_core_0_10::TryCryptoRng> Entropy for RandCore010<R> {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        self.0.try_fill_bytes(out).map_err(|_| Error::Entropy)
    }
}
