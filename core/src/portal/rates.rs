//! How often one address may ask.

use core::net::IpAddr;

/// Requests of one address in a minute.
const REQUESTS: u8 = 30;

/// Milliseconds.
const MINUTE: u64 = 60_000;

/// Addresses that are counted at a time. Who has more than these forgets the oldest with each; places and pairing codes
/// have limits of their own.
const ADDRESSES: usize = 8;

#[derive(Clone, Copy)]
struct Count {
    peer: IpAddr,
    since: u64,
    requests: u8,
}

/// Counts requests by address.
pub(crate) struct Rates([Option<Count>; ADDRESSES]);

impl Rates {
    pub(crate) const fn new() -> Self {
        Self([None; ADDRESSES])
    }

    /// Counts a request, and tells whether it is one of those that are allowed.
    pub(crate) fn allows(&mut self, peer: IpAddr, uptime: u64) -> bool {
        let known = self.0.iter().position(|count| count.is_some_and(|count| count.peer == peer));
        let oldest = self
            .0
            .iter()
            .enumerate()
            .min_by_key(|(_, count)| count.map_or(0, |count| count.since.saturating_add(1)));
        let place = known.or(oldest.map(|(place, _)| place)).and_then(|place| self.0.get_mut(place));
        let Some(place) = place else { return true };
        let fresh = Count { peer, since: uptime, requests: 0 };
        let mut count = place.filter(|count| count.peer == peer).unwrap_or(fresh);
        if uptime.saturating_sub(count.since) >= MINUTE {
            count = fresh;
        }
        count.requests = count.requests.saturating_add(1);
        *place = Some(count);
        count.requests <= REQUESTS
    }
}
