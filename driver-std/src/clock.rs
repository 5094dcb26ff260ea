//! Time of this machine.

use std::{
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use keyfob_core::time::{Floor, Now, UnixTime};

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
    floor: Floor,
}

impl SystemClock {
    /// A clock whose steady count starts now.
    pub fn new() -> Self {
        Self { start: Instant::now(), floor: Floor::UNKNOWN }
    }

    /// The same for a machine whose clock may not be set, as a kiosk without a battery: it surely is this date or
    /// later, and what the clock shows before it counts for nothing.
    #[must_use]
    pub fn not_before(mut self, date: UnixTime) -> Self {
        self.floor = Floor::new(date);
        self
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
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => self.floor.judge(uptime, UnixTime::from_seconds(since.as_secs())),
            // A clock before 1970 is not set.
            Err(_) => self.floor.now(uptime),
        }
    }

    fn sleep(&mut self, duration: Duration) {
        thread::sleep(duration);
    }
}
