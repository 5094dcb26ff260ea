//! What a flow remembers, and its snapshots.

use core::fmt;

use zeroize::Zeroize;

use crate::{
    client::Client,
    dpop::{MAX_NONCE, is_nonce},
    encoding::{text, writer::Writer},
    error::{Check, Error, Name},
    flow::Refusal,
    hash::Sha256,
    http::{OauthError, Response},
    jwk::THUMBPRINT_LENGTH,
    secret::{Seed, equal},
};

/// Room for what the server chooses: a code, a refresh token, or at the end the text of a refusal. A nonce for DPoP
/// lies at the other end of it.
pub(crate) struct Memory<const N: usize> {
    octets: [u8; N],
    length: usize,
    nonce: usize,
    /// The next request answers a demand for the nonce.
    challenged: bool,
}

impl<const N: usize> Memory<N> {
    pub(crate) const fn new() -> Self {
        Self { octets: [0; N], length: 0, nonce: 0, challenged: false }
    }

    /// Holds `text` in place of what was there. A nonce stays if there is room for both; without one, the server asks
    /// for it.
    ///
    /// # Errors
    /// [`Error::InputTooLarge`] if it does not fit; then nothing has changed.
    pub(crate) fn hold(&mut self, octets: impl Iterator<Item = u8> + Clone, name: Name) -> Result<(), Error> {
        if text::count(octets.clone()) > N {
            return Err(Error::InputTooLarge(name));
        }
        if text::count(octets.clone()) > N.saturating_sub(self.nonce) {
            self.nonce = 0;
        }
        self.wipe_text();
        octets.for_each(|octet| self.push(octet));
        Ok(())
    }

    /// Lends all of its octets, which are wiped before and after.
    pub(crate) fn lend<R>(&mut self, to: impl FnOnce(&mut [u8; N]) -> R) -> R {
        self.wipe();
        let outcome = to(&mut self.octets);
        self.wipe();
        outcome
    }

    /// Wipes the text. The nonce stays, for the next request.
    pub(crate) fn wipe_text(&mut self) {
        let free = N.saturating_sub(self.nonce);
        self.octets.get_mut(..free).unwrap_or_default().zeroize();
        self.length = 0;
    }

    /// The last nonce of the server; empty if there is none.
    pub(crate) fn nonce(&self) -> &str {
        let start = N.saturating_sub(self.nonce);
        core::str::from_utf8(self.octets.get(start..).unwrap_or_default()).unwrap_or_default()
    }

    /// Holds a nonce beside the text.
    ///
    /// # Errors
    /// [`Error::InputTooLarge`] if there is no room for it; then nothing has changed.
    pub(crate) fn hold_nonce(&mut self, nonce: &str) -> Result<(), Error> {
        let free = self.octets.get_mut(self.length..).unwrap_or_default();
        self.nonce = hold_nonce(nonce, free)?;
        Ok(())
    }

    /// Holds a nonce that the caller has kept, if it is one and fits.
    pub(crate) fn begin_with(&mut self, nonce: &str) {
        if is_nonce(nonce.as_bytes()) && nonce.len() <= MAX_NONCE {
            let _ = self.hold_nonce(nonce);
        }
    }

    /// Keeps the nonce of an answer. `true`: the server wants to see it, so the same request goes out once more
    /// (RFC 9449 §8). It has used nothing up.
    ///
    /// # Errors
    /// [`Check::DpopNonceLoop`] if it has just seen one; those of [`Response::wanted_nonce`].
    pub(crate) fn is_challenged(
        &mut self,
        client: &Client<'_>,
        response: &Response<'_>,
    ) -> Result<bool, Error> {
        match client.dpop {
            Some(dpop) => {
                let free = self.octets.get_mut(self.length..).unwrap_or_default();
                (dpop.proofs.challenge)(response, &mut self.challenged, &mut self.nonce, free)
            }
            None => Ok(false),
        }
    }

    pub(crate) fn text(&self) -> &str {
        core::str::from_utf8(self.octets.get(..self.length).unwrap_or_default()).unwrap_or_default()
    }

    pub(crate) fn wipe(&mut self) {
        self.octets.zeroize();
        self.length = 0;
        self.nonce = 0;
        self.challenged = false;
    }

    /// For a snapshot.
    pub(crate) fn saved(&self) -> Saved<'_> {
        Saved { text: self.text().as_bytes(), nonce: self.nonce().as_bytes(), challenged: self.challenged }
    }

    /// Takes back what a snapshot held.
    ///
    /// # Errors
    /// [`Error::InputTooLarge`] for a text that does not fit; [`Error::Snapshot`] for a nonce that is none.
    pub(crate) fn restore(&mut self, saved: Saved<'_>, name: Name) -> Result<(), Error> {
        let nonce = core::str::from_utf8(saved.nonce).map_err(|_| Error::Snapshot)?;
        self.hold(saved.text.iter().copied(), name)?;
        self.hold_nonce(nonce)?;
        self.challenged = saved.challenged;
        Ok(())
    }

    /// Holds what a server wrote beside its refusal: printable, bounded, and separated by line feeds.
    pub(crate) fn hold_refusal(
        &mut self,
        code: &mut dyn Iterator<Item = u8>,
        description: &mut dyn Iterator<Item = u8>,
        uri: &mut dyn Iterator<Item = u8>,
    ) {
        self.wipe();
        self.push_harmless(code, Refusal::MAX_CODE);
        self.push(b'\n');
        self.push_harmless(description, Refusal::MAX_TEXT);
        self.push(b'\n');
        self.push_harmless(uri, Refusal::MAX_TEXT);
    }

    /// The same of an answer.
    pub(crate) fn hold_error(&mut self, error: &OauthError<'_>) {
        self.hold_refusal(&mut error.code.bytes(), &mut error.description.bytes(), &mut error.uri.bytes());
    }

    pub(crate) fn refusal(&self) -> Refusal<'_> {
        let mut lines = text::split(self.text(), b'\n');
        let mut next = || lines.next().unwrap_or_default();
        Refusal { code: next(), description: next(), uri: next() }
    }

    fn push_harmless(&mut self, text: &mut dyn Iterator<Item = u8>, most: usize) {
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

/// Puts a nonce at the end of the room that is free; gives its length.
fn hold_nonce(nonce: &str, free: &mut [u8]) -> Result<usize, Error> {
    let start = free.len().checked_sub(nonce.len()).ok_or(Error::InputTooLarge(Name::DpopNonce))?;
    text::put(free, start, nonce.as_bytes());
    Ok(nonce.len())
}

/// [`Memory::is_challenged`] for a memory of any size. A client without DPoP does not link it.
pub(crate) fn challenge(
    response: &Response<'_>,
    challenged: &mut bool,
    nonce: &mut usize,
    free: &mut [u8],
) -> Result<bool, Error> {
    let before = core::mem::take(challenged);
    if !response.wants_nonce() {
        // One that does not fit costs a round trip, no more.
        if let Some(Ok(length)) = response.dpop_nonce().map(|nonce| hold_nonce(nonce, free)) {
            *nonce = length;
        }
        return Ok(false);
    }
    *nonce = hold_nonce(response.wanted_nonce()?, free)?;
    if before {
        return Err(Check::DpopNonceLoop.into());
    }
    *challenged = true;
    Ok(true)
}

/// What a memory holds.
#[derive(Clone, Copy)]
pub(crate) struct Saved<'s> {
    pub(crate) text: &'s [u8],
    pub(crate) nonce: &'s [u8],
    pub(crate) challenged: bool,
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
    Relayed = 7,
}

impl Kind {
    /// What a code is bound to (RFC 6749 §4.1.3), and tokens are not: a listener on loopback has another port at each
    /// start (RFC 8252 §7.3).
    fn redirect_uri<'c>(self, client: &Client<'c>) -> &'c str {
        match self {
            Self::AuthorizationCode => client.redirect_uri,
            _ => "",
        }
    }
}

/// What a snapshot holds: version, kind, step, milliseconds left, fingerprint, seed, length of the nonce and whether it
/// was asked for, nonce, memory, checksum.
pub(crate) struct Snapshot<'s> {
    pub(crate) step: u8,
    pub(crate) left: u32,
    pub(crate) seed: &'s [u8; Seed::LENGTH],
    pub(crate) memory: Saved<'s>,
}

/// The bit of a nonce's length that says that it was asked for.
const CHALLENGED: u16 = 0x8000;

pub(crate) const VERSION: u8 = 1;
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
        writer.text(&fingerprint(client, kind.redirect_uri(client)));
        writer.text(self.seed);
        let nonce = u16::try_from(self.memory.nonce.len()).unwrap_or_default();
        let challenged = if self.memory.challenged { CHALLENGED } else { 0 };
        writer.text(&(nonce | challenged).to_le_bytes());
        writer.text(self.memory.nonce);
        writer.text(head);
        writer.text(self.memory.text);
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
        let (seed, body) = body.split_first_chunk::<{ Seed::LENGTH }>()?;
        let (length, body) = body.split_first_chunk::<2>()?;
        let length = u16::from_le_bytes(*length);
        let (nonce, text) = body.split_at_checked(usize::from(length & !CHALLENGED))?;
        let memory = Saved { text, nonce, challenged: length & CHALLENGED != 0 };
        let whole = snapshot.get(..snapshot.len().saturating_sub(CHECKSUM))?;
        let own = fingerprint(client, kind.redirect_uri(client));
        let right = equal(&checksum(whole), sum) && equal(owner, &own);
        (right && *version == VERSION && *found == kind as u8).then_some(Self {
            step: *step,
            left: u32::from_le_bytes(*left),
            seed,
            memory,
        })
    }
}

/// Tells clients apart: a code of one must never be sent by another. A key that tokens are bound to belongs here too; a
/// redirect URI only where one does ([`Kind::redirect_uri`]).
pub(crate) fn fingerprint(client: &Client<'_>, redirect_uri: &str) -> [u8; FINGERPRINT] {
    let metadata = &client.metadata;
    let endpoint = metadata.token_endpoint.unwrap_or_default();
    // No part can hold the octet between them.
    let own = [metadata.issuer, "\0", endpoint, "\0", client.id, "\0", redirect_uri];
    let mut hash = Sha256::new();
    // Tokens that are bound to a key are of no use with another (RFC 9449 §5).
    if let Some(dpop) = client.dpop {
        let mut thumbprint = [0; THUMBPRINT_LENGTH];
        let _ = dpop.thumbprint(&mut thumbprint);
        hash.update(&thumbprint);
    }
    for text in own.iter().chain(client.scope.iter().flat_map(|token| [&"\0", token])) {
        hash.update(text.as_bytes());
    }
    start_of(&mut hash)
}

pub(crate) fn checksum(body: &[u8]) -> [u8; CHECKSUM] {
    let mut hash = Sha256::new();
    hash.update(body);
    start_of(&mut hash)
}

fn start_of(hash: &mut Sha256) -> [u8; 8] {
    hash.finalize().first_chunk().copied().unwrap_or_default()
}
