//! When an access token is to be renewed.

use crate::pace::{Spread, milliseconds};

/// Seconds before its end from which an access token counts as stale, unless set.
const MARGIN: u32 = 30;

/// A refusal so soon after a refresh is not the token's age, in milliseconds.
const SOON: u64 = 60_000;

pub(super) struct Schedule {
    pub(super) margin: u32,
    /// Seconds after which the server forgets a refresh token that nobody uses; 0: it does not.
    pub(super) idle_expiry: u32,
    /// Seconds over which a fleet spreads its first refresh after a restart.
    pub(super) start_within: u32,
    spread: Spread,
    /// Refreshes so far.
    count: u32,
    /// Milliseconds of uptime at which the tokens came, or from which they are wanted.
    since: u64,
    /// Seconds; `None` if the server did not say.
    lifetime: Option<u32>,
    /// The access token came because the one before was refused.
    after_rejection: bool,
    rejected: bool,
}

impl Schedule {
    pub(super) const fn new(spread: Spread) -> Self {
        Self {
            margin: MARGIN,
            idle_expiry: 0,
            start_within: 0,
            spread,
            count: 0,
            since: 0,
            lifetime: None,
            after_rejection: false,
            rejected: false,
        }
    }

    /// Tokens came.
    pub(super) fn renewed(&mut self, now: u64, lifetime: Option<u32>) {
        self.count = self.count.saturating_add(1);
        self.since = now;
        self.lifetime = lifetime;
        self.after_rejection = core::mem::take(&mut self.rejected);
    }

    /// A device has started without an access token.
    pub(super) fn started(&mut self, now: u64, at_once: bool) {
        let within = if at_once { 0 } else { milliseconds(self.start_within) };
        self.since = now.saturating_add(self.spread.part(within, 0));
    }

    /// The access token was refused. `false`: so was the one before, just now, and another will not help.
    pub(super) fn reject(&mut self, now: u64) -> bool {
        if self.after_rejection && now.saturating_sub(self.since) < SOON {
            return false;
        }
        self.rejected = true;
        self.since = now;
        true
    }

    /// When to refresh, in milliseconds of uptime; never if nothing but a refusal can tell.
    pub(super) fn due(&self, has_access_token: bool) -> Option<u64> {
        if !has_access_token {
            return Some(self.since);
        }
        let of_token = self.lifetime.map(|seconds| {
            let fresh = milliseconds(seconds).saturating_sub(self.margin_of(seconds));
            fresh.saturating_sub(self.tenth(fresh))
        });
        let of_idleness = (self.idle_expiry > 0).then(|| {
            let idle = milliseconds(self.idle_expiry);
            // A tenth for the clocks, and up to a tenth for the spread.
            idle.saturating_sub(part_of_ten(idle)).saturating_sub(self.tenth(idle))
        });
        let wait = of_token.unwrap_or(u64::MAX).min(of_idleness.unwrap_or(u64::MAX));
        (wait < u64::MAX).then(|| self.since.saturating_add(wait))
    }

    /// Milliseconds that the access token still lives; `None` if nobody knows.
    pub(super) fn left(&self, now: u64) -> Option<u64> {
        // A count that went backwards wins no time.
        let age = now.saturating_sub(self.since);
        self.lifetime.map(|seconds| milliseconds(seconds).saturating_sub(age))
    }

    pub(super) fn is_expired(&self, now: u64) -> bool {
        self.left(now) == Some(0)
    }

    pub(super) fn is_stale(&self, now: u64) -> bool {
        let seconds = self.lifetime.unwrap_or_default();
        self.left(now).is_some_and(|left| left <= self.margin_of(seconds))
    }

    /// The end of the access token, in milliseconds of uptime.
    pub(super) fn end(&self) -> Option<u64> {
        self.lifetime.map(|seconds| self.since.saturating_add(milliseconds(seconds)))
    }

    /// At the most half of a short life.
    fn margin_of(&self, lifetime: u32) -> u64 {
        milliseconds(self.margin).min(milliseconds(lifetime) >> 1)
    }

    /// Up to a tenth.
    fn tenth(&self, whole: u64) -> u64 {
        self.spread.part(part_of_ten(whole), self.count)
    }
}

/// A tenth, nearly: a shift is smaller than a division.
fn part_of_ten(whole: u64) -> u64 {
    whole.saturating_mul(102) >> 10
}
