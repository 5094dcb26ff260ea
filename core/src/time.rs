//! Time, as a device knows it.

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

    /// Seconds since the epoch.
    pub const fn seconds(self) -> u64 {
        self.0
    }
}

/// What is known of the date.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Date {
    /// It is this late or later: a build date, the last token's `iat`, the `Date` of an authenticated answer.
    AtLeast(UnixTime),
    /// The clock is set.
    Known(UnixTime),
    /// Nothing. This never passes for 1970.
    Unknown,
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
