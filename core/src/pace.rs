//! Waits that grow, and the spread that keeps a fleet apart.

use crate::secret::{Label, Seed};

/// The wait after the first failure, in milliseconds.
const FIRST: u64 = 2_000;

/// The longest wait that is not the server's wish, in milliseconds.
const LONGEST: u64 = 900_000;

/// When to try again after failures in a row.
#[derive(Clone, Copy)]
pub(crate) struct Pace {
    spread: Spread,
    failures: u32,
    /// Milliseconds of uptime.
    until: u64,
}

impl Pace {
    pub(crate) const fn new(spread: Spread) -> Self {
        Self { spread, failures: 0, until: 0 }
    }

    /// Notes a failure: the wait doubles, with up to an eighth more, and is never shorter than the server asks.
    pub(crate) fn fail(&mut self, now: u64, retry_after: Option<u32>) {
        let doubled = FIRST.checked_shl(self.failures.min(16)).unwrap_or(LONGEST).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let asked = milliseconds(retry_after.unwrap_or_default());
        let wait = doubled.max(asked);
        self.until = now.saturating_add(wait).saturating_add(self.spread.part(wait >> 3, self.failures));
    }

    /// Forgets all failures.
    pub(crate) fn reset(&mut self) {
        *self = Self::new(self.spread);
    }

    pub(crate) const fn failures(&self) -> u32 {
        self.failures
    }

    /// Milliseconds of uptime; 0 if there is nothing to wait for.
    pub(crate) const fn until(&self) -> u64 {
        self.until
    }

    pub(crate) const fn is_over(&self, now: u64) -> bool {
        now >= self.until
    }
}

/// What is different on each device. It needs no secrecy, only difference.
#[derive(Clone, Copy)]
pub(crate) struct Spread(pub(crate) u32);

impl Spread {
    /// What this seed makes different.
    pub(crate) fn of(seed: &Seed) -> Self {
        let text = seed.derive(Label::Jitter);
        // FNV-1, which is enough to differ.
        let sum = |sum: u32, octet| sum.wrapping_mul(0x0100_0193) ^ u32::from(octet);
        Self(text.as_str().bytes().fold(0, sum))
    }

    /// Some part of `whole`, from nothing to nearly all of it; another one for each `count`.
    pub(crate) fn part(self, whole: u64, count: u32) -> u64 {
        let mut mixed = self.0 ^ count.wrapping_mul(0x9E37_79B9);
        mixed = (mixed ^ (mixed >> 16)).wrapping_mul(0x7FEB_352D);
        mixed = (mixed ^ (mixed >> 15)).wrapping_mul(0x846C_A68B);
        whole.saturating_mul(u64::from((mixed ^ (mixed >> 16)) & 0xFFFF)) >> 16
    }
}

pub(crate) fn milliseconds(seconds: u32) -> u64 {
    u64::from(seconds).saturating_mul(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    // REQ: REFRESH-09
    #[test]
    fn waits_grow_to_a_quarter_of_an_hour() {
        for device in 0..200 {
            let mut pace = Pace::new(Spread(device));
            let mut before = 0;
            for failure in 0..40u32 {
                pace.fail(1000, None);
                let wait = pace.until() - 1000;
                let least = (2_000u64 << failure.min(12)).min(900_000);
                assert!((least..=least + least / 8).contains(&wait), "{failure}: {wait}");
                assert!(failure > 8 || wait > before);
                before = wait;
            }
            pace.fail(0, Some(3600));
            assert!((3_600_000..=4_050_000).contains(&pace.until()));
            pace.reset();
            assert!(pace.is_over(0) && pace.failures() == 0);
        }
        let mut pace = Pace::new(Spread(1));
        pace.fail(u64::MAX, Some(u32::MAX));
        assert_eq!(pace.until(), u64::MAX);
    }
}
