//! A clock whose waits are shorter, or longer, than they seem.

use std::time::Duration;

use keyfob_core::time::Now;
use keyfob_std::{Clock, SystemClock};

/// The system's clock, but for waits: the steady count goes on as if each took as long as was asked for. The date is
/// the real one, for servers look at it too.
#[derive(Clone, Copy, Debug)]
pub struct Paced {
    clock: SystemClock,
    /// What the steady count shows apart from waits, if that stands still.
    frozen: Option<u64>,
    percent: u32,
    shift: i64,
}

impl Paced {
    /// A clock whose waits take so many percent of their time.
    pub fn new(percent: u32) -> Self {
        Self { clock: SystemClock::new(), frozen: None, percent, shift: 0 }
    }

    /// The same, and nothing but waits takes any time: what happens when does not depend on how busy the machine is.
    #[must_use]
    pub fn frozen(mut self) -> Self {
        self.frozen = Some(self.clock.now().uptime);
        self
    }

    /// Lets time go by at once.
    pub fn pass(&mut self, duration: Duration) {
        self.shift += i64::try_from(duration.as_millis()).expect("no such long time");
    }
}

impl Clock for Paced {
    fn now(&mut self) -> Now {
        let now = self.clock.now();
        Now { uptime: self.frozen.unwrap_or(now.uptime).saturating_add_signed(self.shift), ..now }
    }

    fn sleep(&mut self, duration: Duration) {
        let before = self.now().uptime;
        self.clock.sleep(duration * self.percent / 100);
        let taken = self.now().uptime.saturating_sub(before);
        let asked = i64::try_from(duration.as_millis()).expect("no such long wait");
        self.shift += asked - i64::try_from(taken).expect("no such long wait");
    }
}
