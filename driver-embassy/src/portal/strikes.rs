//! Who keeps places from others: addresses whose connections said nothing, or did not take their answers.

use core::net::IpAddr;

/// So many, and an address is held for one that keeps others out.
const MANY: u8 = 3;

/// Milliseconds until half of it is forgotten.
const HALF_LIFE: u64 = 30_000;

/// Counts by the last octet of an address, which is another for everybody in a network of 254.
pub(super) struct Strikes {
    counts: [u8; 256],
    since: u64,
}

impl Strikes {
    pub(super) const fn new() -> Self {
        Self { counts: [0; 256], since: 0 }
    }

    /// A connection of this address was of no use to anybody.
    pub(super) fn count(&mut self, peer: IpAddr) {
        let count = self.of(peer);
        *count = count.saturating_add(1);
    }

    /// It did not take its answer, for which others had to wait.
    pub(super) fn count_deaf(&mut self, peer: IpAddr) {
        let count = self.of(peer);
        *count = count.saturating_add(MANY);
    }

    /// An answer was taken.
    pub(super) fn forgive(&mut self, peer: IpAddr) {
        let count = self.of(peer);
        *count = count.saturating_sub(1);
    }

    pub(super) fn are_many(&mut self, peer: IpAddr) -> bool {
        *self.of(peer) >= MANY
    }

    /// Time passes.
    pub(super) fn pass(&mut self, uptime: u64) {
        while uptime.saturating_sub(self.since) >= HALF_LIFE {
            self.counts.iter_mut().for_each(|count| *count /= 2);
            let empty = self.counts.iter().all(|count| *count == 0);
            self.since = if empty { uptime } else { self.since.saturating_add(HALF_LIFE) };
        }
    }

    fn of(&mut self, peer: IpAddr) -> &mut u8 {
        let octet = match peer.to_canonical() {
            IpAddr::V4(address) => address.octets()[3],
            IpAddr::V6(address) => address.octets()[15],
        };
        &mut self.counts[usize::from(octet)]
    }
}
