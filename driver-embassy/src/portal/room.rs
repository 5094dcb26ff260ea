//! The memory of a portal.

use keyfob_core::portal::{Limits, Portal};
use zeroize::Zeroize;

/// The memory of a portal with `PLACES` connections at a time: for the request of each, for the answer to one of them, and
/// for the address that the browser is sent to. It is wiped with the portal.
///
/// With [`Room::LIMITS`], 2560 octets for a request do.
pub struct Room<const PLACES: usize, const REQUEST: usize = 2560, const URL: usize = 1024> {
    pub(super) requests: [[u8; REQUEST]; PLACES],
    pub(super) answer: [u8; Portal::ANSWER],
    pub(super) url: [u8; URL],
}

impl Room<0> {
    /// Limits for a chip, for [`Site::limits`](keyfob_core::portal::Site::limits): a target of 1.5 KiB, header fields of
    /// 1 KiB, a body of 1.5 KiB. Requests with a body have a short target.
    pub const LIMITS: Limits = Limits::new(1536, 1024, 1536);
}

impl<const PLACES: usize, const REQUEST: usize, const URL: usize> Room<PLACES, REQUEST, URL> {
    /// An empty one.
    pub const fn new() -> Self {
        Self { requests: [[0; REQUEST]; PLACES], answer: [0; Portal::ANSWER], url: [0; URL] }
    }
}

impl<const PLACES: usize, const REQUEST: usize, const URL: usize> Default for Room<PLACES, REQUEST, URL> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const PLACES: usize, const REQUEST: usize, const URL: usize> Drop for Room<PLACES, REQUEST, URL> {
    fn drop(&mut self) {
        self.requests.as_flattened_mut().zeroize();
        self.answer.zeroize();
        self.url.zeroize();
    }
}

impl<const PLACES: usize, const REQUEST: usize, const URL: usize> core::fmt::Debug
    for Room<PLACES, REQUEST, URL>
{
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Room").finish_non_exhaustive()
    }
}
