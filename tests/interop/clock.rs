//! A clock whose waits are shorter, or longer, than they seem.

use std::time::Duration;

use keyfob_core::time::Now;
use keyfob_std::{Clock, SystemClock};

/// The system's clock, but for waits: the steady count goes on as if each took as long as was asked for. The date is
/// the real one, for servers look at it too.
#[derive(Clone, Copy, Debug)]
pub struct Paced {
    clock: SystemClock,
    percent: u32,
    shift: i64,
}

impl Paced {
    /// A clock whose waits take so many percent of their time.
    pub fn new(percent: u32) -> Self {
        Self { clock: SystemClock::new(), percent, shift: 0 }
    }

    /// Lets time go by at once.
    pub fn pass(&mut self, duration: Duration) {
        self.shift += i64::try_from(duration.as_millis()).expect("no such long time");
    }
}

impl Clock for Paced {
    fn now(&mut self) -> Now {
        let now = self.clock.now();
        Now { uptime: now.uptime.saturating_add_signed(self.shift), ..now }
    }

    fn sleep(&mut self, duration: Duration) {
        let end =
            self.now().uptime.saturating_add_signed(i64::try_from(duration.as_millis()).expect("a wait"));
        self.clock.sleep(duration * self.percent / 100);
        self.shift =
            self.shift.saturating_add(end.cast_signed().saturating_sub(self.now().uptime.cast_signed()));
    }
}
