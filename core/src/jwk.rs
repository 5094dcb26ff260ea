//! Keys of a server (RFC 7517).

mod public;

use core::fmt;

use crate::{
    encoding::text,
    error::Error,
    jws::{Algorithm, Algorithms, Verifier},
    sieve::{Keep, KeyFilter, KeyRecord, Sieve, Wanted, key_records},
};

pub use self::public::THUMBPRINT_LENGTH;

/// The keys of one server that can serve this client, in a compact form.
///
/// A set that was fetched borrows the buffer it was read into. A set can be pinned in the firmware, or kept
/// between sign-ins: [`KeySet::as_bytes`] is what to store.
#[derive(Clone, Copy)]
pub struct KeySet<'k> {
    records: &'k [u8],
}

impl<'k> KeySet<'k> {
    /// No keys: they are fetched when a token asks for them.
    pub const EMPTY: KeySet<'static> = KeySet { records: &[] };

    pub(crate) const fn new(records: &'k [u8]) -> Self {
        Self { records }
    }

    /// Reads a JWK set that is at hand as text, and keeps the keys that suit `verifiers`, up to eight.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`] if `out` is; [`Error::Check`] if the text is not a JWK set.
    pub fn from_json(json: &[u8], verifiers: &[&dyn Verifier], out: &'k mut [u8]) -> Result<Self, Error> {
        let filter = KeyFilter { algorithms: Algorithms::of(verifiers), kid: None };
        let mut sieve = Sieve::new(Keep(Wanted::Keys(filter)), out);
        sieve.feed(json)?;
        let (records, _) = sieve.finish()?;
        Ok(Self { records })
    }

    /// Takes back what [`KeySet::as_bytes`] gave.
    pub const fn from_bytes(records: &'k [u8]) -> Self {
        Self { records }
    }

    /// The set in its compact form, of this version of the crate.
    pub const fn as_bytes(&self) -> &'k [u8] {
        self.records
    }

    /// Keys in the set.
    pub fn len(&self) -> usize {
        text::count(key_records(self.records))
    }

    /// Whether no key is in it.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The keys that carry `kid`, or all if the token names none.
    pub(crate) fn named<'n>(
        self,
        kid: Option<&'n str>,
    ) -> impl Iterator<Item = KeyRecord<'k>> + Clone + use<'k, 'n> {
        key_records(self.records).filter(move |record| kid.is_none() || record.kid() == kid)
    }
}

impl fmt::Debug for KeySet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeySet({})", self.len())
    }
}

/// What to keep of a key set for a token with this header.
pub(crate) fn keep_for(algorithm: Algorithm, kid: Option<&str>) -> Keep {
    let filter =
        KeyFilter { algorithms: Algorithms::one(algorithm), kid: kid.map(crate::sieve::hash_of_kid) };
    Keep(Wanted::Keys(filter))
}

/// What to keep of a key set that is fetched before any token is there.
pub(crate) fn keep_all(verifiers: &[&dyn Verifier]) -> Keep {
    Keep(Wanted::Keys(KeyFilter { algorithms: Algorithms::of(verifiers), kid: None }))
}
