//! A moment that stands still while a signature is in the making.

use std::time::Duration;

use keyfob_core::{error::Error, time::Now};

use crate::Clock;

/// Between two looks at a signature that is in the making. The same moment asks for the same one.
const NAP: Duration = Duration::from_millis(10);

/// Looks at a signature: half a minute's.
const NAPS: u32 = 3000;

/// The moment of an action, and looks at its signature so far.
#[derive(Default)]
pub(crate) struct Moment(Option<(Now, u32)>);

impl Moment {
    /// The moment; it begins now, unless it has begun.
    pub(crate) fn of(&mut self, clock: &mut impl Clock) -> Now {
        self.0.get_or_insert_with(|| (clock.now(), 0)).0
    }

    /// Waits a little for the signature.
    ///
    /// # Errors
    /// [`Error::SignaturePending`] when that was often enough.
    pub(crate) fn nap(&mut self, clock: &mut impl Clock) -> Result<(), Error> {
        match &mut self.0 {
            Some((_, naps)) if *naps < NAPS => *naps += 1,
            _ => return Err(Error::SignaturePending),
        }
        clock.sleep(NAP);
        Ok(())
    }

    /// It is over.
    pub(crate) fn pass(&mut self) {
        self.0 = None;
    }
}
