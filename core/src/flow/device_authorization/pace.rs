//! When to poll, and until when (RFC 8628 §3.2, §3.5): arithmetic on a steady count of milliseconds, no more.

use crate::time::Now;

/// Between a poll and the answer before it, beside the interval: the count of a chip may run fast, and some servers
/// refuse what comes a moment too early. The way of the answer and of the next poll comes on top of it.
pub(in crate::flow) const MARGIN: u32 = 100;

/// How much longer a server that says `slow_down` wants to be left alone (RFC 8628 §3.5).
const SLOWER: u32 = 5_000;

/// Waits double up to here while the network fails (RFC 8628 §3.5 leaves the number open).
const MAX_DOUBLED: u32 = 60_000;

/// Where a flow stands between two polls. Lengths of time count from `since`; all are milliseconds.
#[derive(Clone, Copy)]
pub(in crate::flow) struct Pace {
    /// The uptime at which the rest was true.
    pub(in crate::flow) since: u64,
    /// The life that is left.
    pub(in crate::flow) left: u32,
    /// The wait after an answer, as the server wants it.
    pub(in crate::flow) interval: u32,
    /// The same, and doubled for each failure of the network.
    pub(in crate::flow) backoff: u32,
    /// Until the next poll.
    pub(in crate::flow) wait: u32,
    /// Until the next poll if somebody is in a hurry.
    pub(in crate::flow) least: u32,
}

impl Pace {
    /// A life that begins now.
    pub(in crate::flow) fn new(now: Now, left: u32, interval: u32) -> Self {
        let mut pace = Self { since: now.uptime, left, interval, backoff: interval, wait: 0, least: 0 };
        pace.rest(now, 0);
        pace
    }

    /// The same, as of now.
    pub(in crate::flow) fn at(&self, now: Now) -> Self {
        let passed = u32::try_from(self.passed(now)).unwrap_or(u32::MAX);
        Self {
            since: now.uptime,
            left: self.left.saturating_sub(passed),
            wait: self.wait.saturating_sub(passed),
            least: self.least.saturating_sub(passed),
            ..*self
        }
    }

    /// An answer came, or failed to: the wait begins, and is at least so many seconds.
    pub(in crate::flow) fn rest(&mut self, now: Now, least: u32) {
        *self = self.at(now);
        let least = least.saturating_mul(1000);
        self.wait = self.backoff.max(least).saturating_add(MARGIN);
        self.least = self.interval.max(least).saturating_add(MARGIN);
    }

    /// The server wants more time from now on, and may say how much, in seconds.
    pub(in crate::flow) fn slow_down(&mut self, interval: Option<u32>) {
        let given = interval.unwrap_or_default().saturating_mul(1000);
        for wait in [&mut self.interval, &mut self.backoff] {
            *wait = wait.saturating_add(SLOWER).max(given);
        }
    }

    /// The network failed.
    pub(in crate::flow) fn back_off(&mut self) {
        self.backoff = self.backoff.saturating_mul(2).min(MAX_DOUBLED).max(self.backoff);
    }

    /// The network works again.
    pub(in crate::flow) fn recover(&mut self) {
        self.backoff = self.interval;
    }

    /// Somebody is in a hurry. The server's own wish stays.
    pub(in crate::flow) fn hurry(&mut self) {
        self.wait = self.wait.min(self.least);
    }

    /// Whether it is time for a poll.
    pub(in crate::flow) fn is_due(&self, now: Now) -> bool {
        self.passed(now) >= u64::from(self.wait)
    }

    /// Whether the codes' life has ended.
    pub(in crate::flow) fn is_over(&self, now: Now) -> bool {
        self.passed(now) >= u64::from(self.left)
    }

    /// The uptime of the next poll; `None` if the end comes first.
    pub(in crate::flow) fn next_poll(&self, now: Now) -> Option<u64> {
        let Self { left, wait, .. } = self.at(now);
        (wait < left).then(|| now.uptime.saturating_add(u64::from(wait)))
    }

    /// The uptime of the end.
    pub(in crate::flow) fn end(&self, now: Now) -> u64 {
        now.uptime.saturating_add(u64::from(self.at(now).left))
    }

    /// A count that goes backwards stands still.
    fn passed(&self, now: Now) -> u64 {
        now.uptime.saturating_sub(self.since)
    }
}
