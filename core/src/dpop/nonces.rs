//! The nonces that servers want to see in proofs (RFC 9449 §8.2, §9).

use core::fmt;

use super::{MAX_NONCE, is_nonce};
use crate::{
    encoding::{text, url},
    hash::Sha256,
};

/// The last nonce of each of up to `ORIGINS` servers, told apart by scheme, host and port.
///
/// A nonce of one server never goes to another. If there are more servers than places, the one that came in first
/// gives up its place, which costs it one round trip.
pub struct Nonces<const ORIGINS: usize> {
    entries: [Entry; ORIGINS],
    /// Where the next origin goes.
    next: usize,
}

#[derive(Clone, Copy)]
struct Entry {
    origin: Option<Origin>,
    nonce: [u8; MAX_NONCE],
    length: usize,
}

/// The start of the SHA-256 of an origin.
type Origin = [u8; 16];

impl<const ORIGINS: usize> Nonces<ORIGINS> {
    /// None yet.
    pub const fn new() -> Self {
        Self { entries: [Entry { origin: None, nonce: [0; MAX_NONCE], length: 0 }; ORIGINS], next: 0 }
    }

    /// The nonce for requests to `url`; empty if none is known.
    pub fn get(&self, url: &str) -> &str {
        let Some(origin) = origin(url) else { return "" };
        let entry = self.entries.iter().find(|entry| entry.origin == Some(origin));
        let nonce = entry.and_then(|entry| entry.nonce.get(..entry.length)).unwrap_or_default();
        core::str::from_utf8(nonce).unwrap_or_default()
    }

    /// Keeps the nonce of an answer from `url`, in place of that server's last. What is no nonce, or longer than
    /// [`MAX_NONCE`], changes nothing.
    pub fn put(&mut self, url: &str, nonce: &str) {
        let Some(origin) = origin(url) else { return };
        if !is_nonce(nonce.as_bytes()) || nonce.len() > MAX_NONCE {
            return;
        }
        let place = self.entries.iter().position(|entry| entry.origin == Some(origin));
        let place = place.unwrap_or_else(|| {
            let next = self.next;
            self.next = if next.saturating_add(1) < ORIGINS { next.saturating_add(1) } else { 0 };
            next
        });
        if let Some(entry) = self.entries.get_mut(place) {
            entry.origin = Some(origin);
            entry.length = nonce.len();
            text::put(&mut entry.nonce, 0, nonce.as_bytes());
        }
    }
}

impl<const ORIGINS: usize> Default for Nonces<ORIGINS> {
    fn default() -> Self {
        Self::new()
    }
}

/// Scheme, host and port, in lower case and without the port that the scheme implies (RFC 6454 §4).
fn origin(url: &str) -> Option<Origin> {
    let url = url::parse(url)?;
    let implied = if url.secure { ":443" } else { ":80" };
    let origin = url.origin.strip_suffix(implied).unwrap_or(url.origin);
    let origin = origin.strip_suffix(':').unwrap_or(origin);
    let mut hash = Sha256::new();
    origin.bytes().for_each(|octet| hash.update(&[octet.to_ascii_lowercase()]));
    hash.finalize().first_chunk().copied()
}

impl<const ORIGINS: usize> fmt::Debug for Nonces<ORIGINS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nonces")
    }
}
