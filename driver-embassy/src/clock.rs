//! Time of this device.

use core::{cell::Cell, time::Duration};

use embassy_time::{Instant, Timer};
use keyfob_core::time::{Date, Floor, Now, UnixTime};

/// Where the driver gets the time from, and how it waits.
#[expect(async_fn_in_trait, reason = "embassy's executors do not move tasks to other threads")]
pub trait Clock {
    /// The present moment.
    fn now(&mut self) -> Now;

    /// Waits.
    async fn sleep(&mut self, duration: Duration);

    /// A server's answer that came just now was dated so. Unless told otherwise, a clock makes nothing of it.
    fn observe(&mut self, _date: UnixTime) {}
}

/// A clock that several hold: what one observes, all know.
impl<C: Clock + Copy> Clock for &Cell<C> {
    fn now(&mut self) -> Now {
        let mut clock = self.get();
        let now = clock.now();
        self.set(clock);
        now
    }

    async fn sleep(&mut self, duration: Duration) {
        self.get().sleep(duration).await;
    }

    fn observe(&mut self, date: UnixTime) {
        let mut clock = self.get();
        clock.observe(date);
        self.set(clock);
    }
}

/// The steady count of `embassy-time`, and the date as far as it is known.
///
/// A chip without a clock of its own begins with the date of its firmware, and goes on with the dates of its server's
/// answers. Neither counts for more than [`Date::AtLeast`]; an ID token is then judged by the `Date` of the answer
/// that it came with.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    floor: Floor,
    /// What was set, and when that was true.
    set: Option<(UnixTime, Instant)>,
}

impl SystemClock {
    /// A clock that does not know the date.
    pub const fn new() -> Self {
        Self { floor: Floor::UNKNOWN, set: None }
    }

    /// A clock that knows that it is this date or later: when the firmware was built, or the last token issued. What
    /// is set before that counts for nothing.
    pub const fn not_before(date: UnixTime) -> Self {
        Self { floor: Floor::new(date), set: None }
    }

    /// Sets what is known of the date, as of now. A floor never goes back.
    pub fn set(&mut self, date: Date) {
        match date {
            Date::AtLeast(date) => {
                self.set = None;
                self.observe(date);
            }
            Date::Known(date) => self.set = Some((date, Instant::now())),
            _ => self.set = None,
        }
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
        let uptime = now.as_millis();
        match self.set {
            Some((date, since)) => {
                let passed = now.saturating_duration_since(since).as_secs();
                let date = UnixTime::from_seconds(date.seconds().saturating_add(passed));
                self.floor.judge(uptime, date)
            }
            None => self.floor.now(uptime),
        }
    }

    async fn sleep(&mut self, duration: Duration) {
        let milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Timer::after_millis(milliseconds).await;
    }

    fn observe(&mut self, date: UnixTime) {
        // A clock that is set and a server's may differ by a little: neither unsets the other.
        if !matches!(self.now().date, Date::Known(_)) {
            self.floor.observe(date, Instant::now().as_millis());
        }
    }
}
