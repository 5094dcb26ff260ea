//! What must not be seen: wiped on drop, blank in `Debug`, compared in constant time.

use core::{
    fmt,
    ops::{Deref, DerefMut},
};

use hmac::{Hmac, KeyInit, Mac, digest::FixedOutput};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use crate::{encoding::base64url, entropy::Entropy, error::Error};

/// The one secret of a flow: 32 octets from a cryptographic random source.
///
/// `state`, `nonce` and `code_verifier` are HKDF-Expand (RFC 5869 §2.3) of it, each under its own label: as
/// strong as drawing each, and one secret to store and to wipe. A seed serves one flow and no other.
///
/// A seed is wiped where it lies when it is dropped. Moving it into a flow, and a flow to where it stays, may leave a
/// copy in the part of the stack that the move has left behind, until that is used again; so make the flow where it
/// stays.
pub struct Seed([u8; Self::LENGTH]);

impl Seed {
    /// Octets in a seed.
    pub const LENGTH: usize = 32;

    /// Takes octets from a cryptographic random source.
    ///
    /// # Errors
    /// [`Error::Entropy`] if all octets are equal, which is what a dead generator gives.
    pub fn new(octets: [u8; Self::LENGTH]) -> Result<Self, Error> {
        let seed = Self(octets);
        if stuck(&seed.0) { Err(Error::Entropy) } else { Ok(seed) }
    }

    /// Draws a seed.
    ///
    /// # Errors
    /// [`Error::Entropy`] if the source fails or repeats itself (after NIST SP 800-90B §4.4).
    pub fn draw(source: &mut impl Entropy) -> Result<Self, Error> {
        let mut before = Zeroizing::new([0; Self::LENGTH]);
        let mut seed = Self([0; Self::LENGTH]);
        source.fill(before.as_mut())?;
        source.fill(&mut seed.0)?;
        if *before == seed.0 || stuck(&seed.0) { Err(Error::Entropy) } else { Ok(seed) }
    }

    /// Forgets the seed before its time.
    pub(crate) fn wipe(&mut self) {
        self.0.zeroize();
    }

    pub(crate) fn octets(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }

    /// 32 octets under `label`, as base64url.
    pub(crate) fn derive(&self, label: Label) -> Derived {
        self.derive_again(label, 0)
    }

    /// 32 octets under `label`, as they are.
    pub(crate) fn derive_key(&self, label: Label) -> Zeroizing<[u8; 32]> {
        authenticate(&self.0, &[label.text(), &[1]])
    }

    /// The same as base64url for one attempt of several, each with values of its own; the first is 0. No label ends with an octet
    /// that counts attempts, so none is another one's.
    pub(crate) fn derive_again(&self, label: Label, attempt: u8) -> Derived {
        let attempt = [attempt];
        let count: &[u8] = if attempt == [0] { &[] } else { &attempt };
        Derived::new(&self.0, &[label.text(), count, &[1]])
    }
}

/// HMAC-SHA256 (RFC 2104) of `pieces`, one behind the other.
pub(crate) fn authenticate(key: &[u8], pieces: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut octets = Zeroizing::new([0; 32]);
    // HMAC takes keys of every length, so there is no error to pass on.
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) {
        pieces.iter().for_each(|piece| mac.update(piece));
        mac.finalize_into((&mut *octets).into());
    }
    octets
}

fn stuck(octets: &[u8; Seed::LENGTH]) -> bool {
    octets.windows(2).all(|pair| pair.first() == pair.last())
}

/// What a derived value is for.
#[derive(Clone, Copy)]
pub(crate) enum Label {
    CodeVerifier,
    Jitter,
    LogoutState,
    Nonce,
    RelayKey,
    State,
}

impl Label {
    fn text(self) -> &'static [u8] {
        match self {
            Self::CodeVerifier => b"code_verifier",
            Self::Jitter => b"jitter",
            Self::LogoutState => b"logout_state",
            Self::Nonce => b"nonce",
            Self::RelayKey => b"relay_key",
            Self::State => b"state",
        }
    }
}

/// A derived value: 43 characters of base64url.
pub(crate) struct Derived([u8; base64url::LENGTH_OF_32]);

impl Derived {
    /// What `secret` and `pieces` give.
    pub(crate) fn new(secret: &[u8], pieces: &[&[u8]]) -> Self {
        let mut text = Self([0; base64url::LENGTH_OF_32]);
        base64url::encode_32(&authenticate(secret, pieces), &mut text.0);
        text
    }

    pub(crate) fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// A text that is never printed.
#[derive(Clone, Copy)]
pub struct Secret<'s>(&'s str);

impl<'s> Secret<'s> {
    /// Hides `text`.
    pub const fn new(text: &'s str) -> Self {
        Self(text)
    }

    /// The text itself.
    pub const fn expose(self) -> &'s str {
        self.0
    }
}

/// Space for requests and responses; wiped on drop.
pub struct Buffer<const N: usize>([u8; N]);

impl<const N: usize> Buffer<N> {
    /// An empty buffer.
    pub const fn new() -> Self {
        Self([0; N])
    }
}

impl<const N: usize> Default for Buffer<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Deref for Buffer<N> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl<const N: usize> DerefMut for Buffer<N> {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

/// Whether both are equal, in a time that tells only their lengths.
pub(crate) fn equal(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

macro_rules! wiped {
    ($($type:ty $(, $n:ident)?;)*) => {$(
        impl$(<const $n: usize>)? Drop for $type {
            fn drop(&mut self) {
                self.0.zeroize();
            }
        }
    )*};
}

macro_rules! hidden {
    ($($type:ty $(, $n:ident)?;)*) => {$(
        impl$(<const $n: usize>)? fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("…")
            }
        }
    )*};
}

wiped! { Seed; Derived; Buffer<N>, N; }
hidden! { Seed; Derived; Secret<'_>; Buffer<N>, N; }
