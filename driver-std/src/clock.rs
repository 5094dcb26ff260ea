//! Time of this machine.

use std::{
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use keyfob_core::time::{Date, Now, UnixTime};

/// Where the driver gets the time from, and how it waits.
pub trait Clock {
    /// The present moment.
    fn now(&mut self) -> Now;

    /// Waits.
    fn sleep(&mut self, duration: Duration);
}

/// The clocks of the operating system.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock whose steady count starts now.
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&mut self) -> Now {
        let uptime = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let date = SystemTime::now().duration_since(UNIX_EPOCH);
        // A clock before 1970 is not set.
        let date = date.map_or(Date::Unknown, |since| Date::Known(UnixTime::from_seconds(since.as_secs())));
        Now { date, uptime }
    }

    fn sleep(&mut self, duration: Duration) {
        thread::sleep(duration);
    }
}
