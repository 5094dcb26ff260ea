//! Time of this device.

use core::time::Duration;

use embassy_time::{Instant, Timer};
use keyfob_core::time::{Date, Now, UnixTime};

/// Where the driver gets the time from, and how it waits.
#[expect(async_fn_in_trait, reason = "embassy's executors do not move tasks to other threads")]
pub trait Clock {
    /// The present moment.
    fn now(&mut self) -> Now;

    /// Waits.
    async fn sleep(&mut self, duration: Duration);
}

/// The steady count of `embassy-time`, and the date once it is known.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    date: Date,
    /// When `date` was true.
    since: Instant,
}

impl SystemClock {
    /// A clock that does not know the date.
    pub const fn new() -> Self {
        Self { date: Date::Unknown, since: Instant::MIN }
    }

    /// Sets what is known of the date, as of now.
    pub fn set(&mut self, date: Date) {
        *self = Self { date, since: Instant::now() };
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&mut self) -> Now {
        let now = Instant::now();
        let passed = now.saturating_duration_since(self.since).as_secs();
        let later = |then: UnixTime| UnixTime::from_seconds(then.seconds().saturating_add(passed));
        let date = match self.date {
            Date::AtLeast(then) => Date::AtLeast(later(then)),
            Date::Known(then) => Date::Known(later(then)),
            date => date,
        };
        Now { date, uptime: now.as_millis() }
    }

    async fn sleep(&mut self, duration: Duration) {
        let milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Timer::after_millis(milliseconds).await;
    }
}
