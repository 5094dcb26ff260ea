//! Where randomness comes from: the generator of the chip.
//!
//! Hand it to [`Seed::draw`](keyfob_core::secret::Seed::draw). A chip's library implements one generation of
//! `rand_core` or several; the feature of that generation adds the adapter, and any other source is a few lines:
//!
//! ```
//! use keyfob_core::{error::Error, secret::Seed};
//! use keyfob_embassy::entropy::Entropy;
//!
//! struct Chip(u8);
//!
//! impl Entropy for Chip {
//!     fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
//!         // The generator's registers, and its own checks.
//! #       for place in out {
//! #           self.0 = self.0.wrapping_add(1);
//! #           *place = self.0;
//! #       }
//!         Ok(())
//!     }
//! }
//!
//! let seed = Seed::draw(&mut Chip(0))?;
//! # Ok::<(), Error>(())
//! ```

pub use keyfob_core::entropy::Entropy;

#[cfg(feature = "rand-core-0-6")]
pub use keyfob_core::entropy::RandCore06;

#[cfg(feature = "rand-core-0-9")]
pub use keyfob_core::entropy::RandCore09;

#[cfg(feature = "rand-core-0-10")]
pub use keyfob_core::entropy::RandCore010;
