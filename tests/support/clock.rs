//! A clock that goes only when it is told to.

use std::{cell::Cell, rc::Rc, time::Duration};

use keyfob_core::time::{Date, Now, UnixTime};

/// The date of all tests, in seconds: a day in 2027.
pub const TODAY: u64 = 1_800_000_000;

/// The moment when tests begin.
pub const NOW: Now = Now::known(0, UnixTime::from_seconds(TODAY));

/// So many milliseconds after [`NOW`].
pub fn later(milliseconds: u64) -> Now {
    Now::known(NOW.uptime + milliseconds, UnixTime::from_seconds(TODAY + milliseconds / 1000))
}

/// A clock that goes only when it is told to. Clones show the same time.
#[derive(Clone, Debug)]
pub struct TestClock {
    now: Rc<Cell<Now>>,
}

impl TestClock {
    /// A clock that stands at `now`.
    pub fn at(now: Now) -> Self {
        Self { now: Rc::new(Cell::new(now)) }
    }

    /// The time that it shows.
    pub fn now(&self) -> Now {
        self.now.get()
    }

    /// Lets so many milliseconds pass.
    pub fn advance(&self, milliseconds: u64) {
        let Now { date, uptime } = self.now.get();
        let uptime_later = uptime + milliseconds;
        let seconds = uptime_later / 1000 - uptime / 1000;
        let later = |then: UnixTime| UnixTime::from_seconds(then.seconds() + seconds);
        let date = match date {
            Date::AtLeast(then) => Date::AtLeast(later(then)),
            Date::Known(then) => Date::Known(later(then)),
            date => date,
        };
        self.now.set(Now { date, uptime: uptime_later });
    }
}

impl Default for TestClock {
    fn default() -> Self {
        Self::at(NOW)
    }
}

impl keyfob_std::Clock for TestClock {
    fn now(&mut self) -> Now {
        self.now.get()
    }

    fn sleep(&mut self, duration: Duration) {
        self.advance(duration.as_millis() as u64);
    }
}

impl keyfob_embassy::Clock for TestClock {
    fn now(&mut self) -> Now {
        self.now.get()
    }

    async fn sleep(&mut self, duration: Duration) {
        self.advance(duration.as_millis() as u64);
    }
}
