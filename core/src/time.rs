//! Time, as a device knows it.

mod text;

use crate::time::text::Moment;

/// Whole seconds since 1970-01-01 00:00 UTC, leap seconds not counted (RFC 7519 §2, NumericDate).
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct UnixTime(u64);

impl UnixTime {
    /// The last second of the year 9999; later dates are refused wherever they come from.
    pub const MAX: Self = Self(253_402_300_799);

    /// So many seconds after the epoch.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds)
    }

    /// Reads the date of an HTTP header, as `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7, IMF-fixdate).
    ///
    /// The two obsolete forms are not read, nor are leap seconds, and the day of the week has to be right: a date
    /// that is not surely right is none.
    pub fn from_http_date(value: &[u8]) -> Option<Self> {
        text::http_date(value).and_then(Moment::seconds).map(Self)
    }

    /// Reads a date and time, as `2027-01-15T09:00:00.25+01:00`, without its fraction (RFC 3339 §5.6).
    ///
    /// Leap seconds are not read, nor a time without its offset, nor a day before 1970.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        text::rfc3339(text.as_bytes()).and_then(Moment::seconds).map(Self)
    }

    /// Seconds since the epoch.
    pub const fn seconds(self) -> u64 {
        self.0
    }

    const fn later(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds))
    }
}

/// What is known of the date.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Date {
    /// It is this late or later: a build date, the last token's `iat`, the `Date` of an authenticated answer.
    ///
    /// It shows that a token has expired, never that it has not.
    AtLeast(UnixTime),
    /// The clock is set.
    Known(UnixTime),
    /// Nothing. This never passes for 1970.
    Unknown,
}

impl Date {
    /// What is known once a server has said what time it has.
    ///
    /// A clock that is set is not set again. Without it, the later one of what was known and what was said holds.
    #[must_use]
    pub const fn or_later(self, said: UnixTime) -> Self {
        match self {
            Self::AtLeast(floor) if floor.0 > said.0 => self,
            Self::Known(_) => self,
            Self::AtLeast(_) | Self::Unknown => Self::AtLeast(said),
        }
    }
}

/// The moment of a call. The core reads no clock; the caller says what it knows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Now {
    /// What is known of the date. Tokens are checked against it.
    pub date: Date,
    /// Milliseconds of a steady count that never goes backwards, since whatever start. Waits and deadlines
    /// run on it.
    pub uptime: u64,
}

impl Now {
    /// A device whose clock is set.
    pub const fn known(uptime: u64, date: UnixTime) -> Self {
        Self { date: Date::Known(date), uptime }
    }

    /// A device that does not know the date.
    pub const fn unknown(uptime: u64) -> Self {
        Self { date: Date::Unknown, uptime }
    }
}

/// The date that a token is judged by.
#[derive(Clone, Copy)]
pub(crate) enum Today {
    AtLeast(u64),
    Known(u64),
    /// The server that sent the token has just said so.
    Said(u64),
    Unknown,
}

impl Now {
    /// The date to judge what came with an answer of this `date` by.
    pub(crate) fn today(self, date: Option<UnixTime>) -> Today {
        let said = date.map(|said| self.date.or_later(said));
        match (self.date, said) {
            (Date::Known(date), _) => Today::Known(date.0),
            (_, Some(Date::AtLeast(date))) => Today::Said(date.0),
            (Date::AtLeast(floor), _) => Today::AtLeast(floor.0),
            _ => Today::Unknown,
        }
    }
}

/// The earliest date that it can be, for a device whose clock may not be set. It goes on with the steady count, and
/// only ever forward.
///
/// ```
/// # use keyfob_core::time::{Date, Floor, Now, UnixTime};
/// const BUILT: UnixTime = UnixTime::from_seconds(1_800_000_000);
/// let mut floor = Floor::new(BUILT);
/// floor.observe(UnixTime::from_seconds(1_800_086_400), 5_000); // `Response::date`, five seconds after the start
/// let now = floor.now(8_000);
/// assert_eq!(now.date, Date::AtLeast(UnixTime::from_seconds(1_800_086_403)));
/// // What an unset clock shows is no date.
/// assert_eq!(floor.judge(8_000, UnixTime::from_seconds(0)), now);
/// ```
///
/// Observe only what was authenticated: the `Date` of an answer that came over TLS, the `iat` of a token that passed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Floor {
    date: Option<UnixTime>,
    /// The uptime when it was this date, or later.
    since: u64,
}

impl Floor {
    /// Nothing is known.
    pub const UNKNOWN: Self = Self { date: None, since: 0 };

    /// A floor that holds from the start on: the date of the firmware, or what was stored of the last sign-in.
    pub const fn new(date: UnixTime) -> Self {
        Self { date: Some(date), since: 0 }
    }

    /// It is `date` at `uptime`, or later. Earlier than what is known already, or beyond [`UnixTime::MAX`], it
    /// changes nothing.
    pub fn observe(&mut self, date: UnixTime, uptime: u64) {
        let known = self.at(uptime);
        if date <= UnixTime::MAX && known.is_none_or(|known| known < date) {
            *self = Self { date: Some(date), since: uptime };
        }
    }

    /// The moment at this uptime: [`Date::AtLeast`] the floor, or [`Date::Unknown`] if there is none.
    pub fn now(&self, uptime: u64) -> Now {
        Now { date: self.at(uptime).map_or(Date::Unknown, Date::AtLeast), uptime }
    }

    /// The moment at this uptime, by a clock that shows `date`. A date before the floor is the date of a clock that is
    /// not set: it counts for nothing.
    pub fn judge(&self, uptime: u64, date: UnixTime) -> Now {
        match self.at(uptime) {
            Some(floor) if date < floor => self.now(uptime),
            _ => Now::known(uptime, date),
        }
    }

    fn at(&self, uptime: u64) -> Option<UnixTime> {
        Some(self.date?.later(uptime.saturating_sub(self.since) / 1000))
    }
}
