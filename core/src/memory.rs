//! What a flow remembers, and its snapshots.

use core::fmt;

use sha2::{Digest, Sha256};
use zeroize::Zeroize;

use crate::{
    client::Client,
    encoding::{text, writer::Writer},
    error::{Error, Name},
    flow::Refusal,
    secret::{Seed, equal},
};

/// Room for what the server chooses: a code, a refresh token, or at the end the text of a refusal.
pub(crate) struct Memory<const N: usize> {
    octets: [u8; N],
    length: usize,
}

impl<const N: usize> Memory<N> {
    pub(crate) const fn new() -> Self {
        Self { octets: [0; N], length: 0 }
    }

    /// Holds `text` in place of what was there.
    ///
    /// # Errors
    /// [`Error::InputTooLarge`] if it does not fit; then nothing has changed.
    pub(crate) fn hold(&mut self, octets: impl Iterator<Item = u8> + Clone, name: Name) -> Result<(), Error> {
        if text::count(octets.clone()) > N {
            return Err(Error::InputTooLarge(name));
        }
        self.wipe();
        octets.for_each(|octet| self.push(octet));
        Ok(())
    }

    pub(crate) fn text(&self) -> &str {
        core::str::from_utf8(self.octets.get(..self.length).unwrap_or_default()).unwrap_or_default()
    }

    pub(crate) fn wipe(&mut self) {
        self.octets.zeroize();
        self.length = 0;
    }

    /// Holds what a server wrote beside its refusal: printable, bounded, and separated by line feeds.
    pub(crate) fn hold_refusal(
        &mut self,
        code: impl Iterator<Item = u8>,
        description: impl Iterator<Item = u8>,
        uri: impl Iterator<Item = u8>,
    ) {
        self.wipe();
        self.push_harmless(code, Refusal::MAX_CODE);
        self.push(b'\n');
        self.push_harmless(description, Refusal::MAX_TEXT);
        self.push(b'\n');
        self.push_harmless(uri, Refusal::MAX_TEXT);
    }

    pub(crate) fn refusal(&self) -> Refusal<'_> {
        let mut lines = text::split(self.text(), b'\n');
        let mut next = || lines.next().unwrap_or_default();
        Refusal { code: next(), description: next(), uri: next() }
    }

    fn push_harmless(&mut self, text: impl Iterator<Item = u8>, most: usize) {
        for octet in text.take(most) {
            self.push(if matches!(octet, 0x20..=0x7E) { octet } else { b'?' });
        }
    }

    fn push(&mut self, octet: u8) {
        if let Some(place) = self.octets.get_mut(self.length) {
            *place = octet;
            self.length = self.length.saturating_add(1);
        }
    }
}

impl<const N: usize> Drop for Memory<N> {
    fn drop(&mut self) {
        self.wipe();
    }
}

impl<const N: usize> fmt::Debug for Memory<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// The kind of flow that a snapshot is of.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(crate) enum Kind {
    AuthorizationCode = 1,
    RefreshToken = 2,
    DeviceAuthorization = 3,
    ClientCredentials = 4,
    SignOut = 6,
}

/// What a snapshot holds: version, kind, step, milliseconds left, fingerprint, seed, memory, checksum.
pub(crate) struct Snapshot<'s> {
    pub(crate) step: u8,
    pub(crate) left: u32,
    pub(crate) seed: &'s [u8; Seed::LENGTH],
    pub(crate) memory: &'s [u8],
}

const VERSION: u8 = 1;
pub(crate) const CHECKSUM: usize = 8;
pub(crate) const FINGERPRINT: usize = 8;

impl<'s> Snapshot<'s> {
    pub(crate) fn write(&self, kind: Kind, client: &Client<'_>, out: &mut [u8]) -> Result<usize, Error> {
        self.write_behind(&[], kind, client, out)
    }

    /// The same with `head` before what the memory holds; it is read as a part of that.
    pub(crate) fn write_behind(
        &self,
        head: &[u8],
        kind: Kind,
        client: &Client<'_>,
        out: &mut [u8],
    ) -> Result<usize, Error> {
        let mut writer = Writer::new(out);
        writer.text(&[VERSION, kind as u8, self.step]);
        writer.text(&self.left.to_le_bytes());
        writer.text(&fingerprint(client));
        writer.text(self.seed);
        writer.text(head);
        writer.text(self.memory);
        let checksum = checksum(writer.written(0));
        writer.text(&checksum);
        writer.finish().map(|(snapshot, _)| snapshot.len())
    }

    pub(crate) fn read(snapshot: &'s [u8], kind: Kind, client: &Client<'_>) -> Result<Self, Error> {
        Self::parse(snapshot, kind, client).ok_or(Error::Snapshot)
    }

    fn parse(snapshot: &'s [u8], kind: Kind, client: &Client<'_>) -> Option<Self> {
        let (body, sum) = snapshot.split_last_chunk::<CHECKSUM>()?;
        let ([version, found, step], body) = body.split_first_chunk::<3>()?;
        let (left, body) = body.split_first_chunk::<4>()?;
        let (owner, body) = body.split_first_chunk::<FINGERPRINT>()?;
        let (seed, memory) = body.split_first_chunk::<{ Seed::LENGTH }>()?;
        let whole = snapshot.get(..snapshot.len().saturating_sub(CHECKSUM))?;
        let right = equal(&checksum(whole), sum) && equal(owner, &fingerprint(client));
        (right && *version == VERSION && *found == kind as u8).then_some(Self {
            step: *step,
            left: u32::from_le_bytes(*left),
            seed,
            memory,
        })
    }
}

/// Tells clients apart: a code of one must never be sent by another. A key that tokens are bound to belongs here too.
pub(crate) fn fingerprint(client: &Client<'_>) -> [u8; FINGERPRINT] {
    let metadata = &client.metadata;
    let endpoint = metadata.token_endpoint.unwrap_or_default();
    // No part can hold the octet between them.
    let own = [metadata.issuer, "\0", endpoint, "\0", client.id, "\0", client.redirect_uri];
    let mut hash = Sha256::new();
    for text in own.iter().chain(client.scope.iter().flat_map(|token| [&"\0", token])) {
        hash.update(text);
    }
    start_of(hash)
}

pub(crate) fn checksum(body: &[u8]) -> [u8; CHECKSUM] {
    let mut hash = Sha256::new();
    hash.update(body);
    start_of(hash)
}

fn start_of(hash: Sha256) -> [u8; 8] {
    hash.finalize().first_chunk().copied().unwrap_or_default()
}
