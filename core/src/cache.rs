//! Documents of a server that are kept for a while: its keys, its metadata.

use core::fmt;

use zeroize::Zeroize;

use crate::{
    encoding::{text, writer::Writer},
    error::{Error, Name},
    http::Response,
    jwk::KeySet,
    memory::checksum,
    pace::milliseconds,
    time::{Date, Now},
};

/// Seconds that keys are kept, if the server does not say.
const KEYS: u32 = 3600;

/// Seconds that metadata are kept.
const METADATA: u32 = 86_400;

/// The shortest and the longest time that a server can ask for, in seconds.
const SHORTEST: u32 = 60;
const LONGEST: u32 = 86_400;

/// Seconds between two requests for the same document.
const INTERVAL: u32 = 60;

/// How old a document is, and when to fetch it anew.
///
/// A request that fails changes nothing about the document: the old one goes on to serve.
#[derive(Clone, Copy, Debug)]
pub struct Age {
    lifetime: u32,
    /// Milliseconds of uptime.
    fetched: Option<u64>,
    asked: Option<u64>,
    /// Unix seconds; 0 if nobody knew.
    date: u64,
}

impl Age {
    /// Metadata: fetched anew once a day, or when endpoints fail again and again.
    pub const METADATA: Self = Self::never(METADATA);

    const fn never(lifetime: u32) -> Self {
        Self { lifetime, fetched: None, asked: None, date: 0 }
    }

    /// Whether the document is there and young enough.
    pub fn is_fresh(&self, now: Now) -> bool {
        let age = self.fetched.map(|fetched| now.uptime.saturating_sub(fetched));
        age.is_some_and(|age| age < milliseconds(self.lifetime))
    }

    /// Whether the server may be asked: not twice within a minute, whatever the reason.
    pub fn may_fetch(&self, now: Now) -> bool {
        let since = self.asked.map(|asked| now.uptime.saturating_sub(asked));
        since.is_none_or(|since| since >= milliseconds(INTERVAL))
    }

    /// A request goes out.
    pub fn asked(&mut self, now: Now) {
        self.asked = Some(now.uptime);
    }

    /// The document came.
    pub fn fetched(&mut self, now: Now) {
        self.fetched = Some(now.uptime);
        self.date = match now.date {
            Date::Known(date) => date.seconds(),
            _ => 0,
        };
    }

    /// Takes a document that was fetched on this date for fetched so long ago.
    fn restore(&mut self, now: Now, date: u64, lifetime: u32) {
        let Date::Known(today) = now.date else { return };
        let age = today.seconds().checked_sub(date).and_then(|age| u32::try_from(age).ok());
        // A date of tomorrow, or none, says nothing of the age.
        if let Some(age) = age.filter(|_| date > 0) {
            self.lifetime = lifetime.min(LONGEST).saturating_sub(age);
            self.fetched = Some(now.uptime);
            self.date = today.seconds();
        }
    }
}

/// The keys of one server, with their age. `N` is room for them: RSA keys have some 300 octets each.
///
/// Give them to [`Client::keys`](crate::client::Client::keys). When a token asks for another key, fetch
/// [`Jwks`](crate::exchange::Jwks) if the [`age`](KeyCache::age) allows it.
pub struct KeyCache<const N: usize = 2048> {
    records: [u8; N],
    length: usize,
    age: Age,
}

/// Octets of a stored cache before its keys: version, lifetime, date.
const HEAD: usize = 13;
const VERSION: u8 = 1;

impl<const N: usize> KeyCache<N> {
    /// No keys yet.
    pub const fn new() -> Self {
        Self { records: [0; N], length: 0, age: Age::never(KEYS) }
    }

    /// The keys. Old ones serve until new ones are there.
    pub fn keys(&self) -> KeySet<'_> {
        KeySet::from_bytes(self.records.get(..self.length).unwrap_or_default())
    }

    /// How old they are.
    pub const fn age(&self) -> &Age {
        &self.age
    }

    /// A request for the keys goes out.
    pub fn asked(&mut self, now: Now) {
        self.age.asked(now);
    }

    /// Takes the keys of an answer, for as long as the server says: a minute to a day, and an hour if it does not.
    ///
    /// # Errors
    /// Those of [`Response::keys`], and [`Error::InputTooLarge`]; then the old keys stay, with their age.
    pub fn take(&mut self, now: Now, response: &Response<'_>) -> Result<(), Error> {
        self.hold(response.keys()?)?;
        self.age.lifetime = response.max_age().unwrap_or(KEYS).clamp(SHORTEST, LONGEST);
        self.age.fetched(now);
        Ok(())
    }

    /// Writes keys and age into `out`, to be stored, and gives the length.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`] with the length that would do.
    pub fn save(&self, out: &mut [u8]) -> Result<usize, Error> {
        let mut writer = Writer::new(out);
        writer.octet(VERSION);
        writer.text(&self.age.lifetime.to_le_bytes());
        writer.text(&self.age.date.to_le_bytes());
        writer.text(self.keys().as_bytes());
        let sum = checksum(writer.written(0));
        writer.text(&sum);
        writer.finish().map(|(stored, _)| stored.len())
    }

    /// Takes back what [`save`](KeyCache::save) wrote. Without a date nobody knows how old the keys are: they serve, and
    /// are not fresh.
    ///
    /// # Errors
    /// [`Error::Snapshot`] if it is damaged or of another version; [`Error::InputTooLarge`] if it does not fit.
    pub fn restore(&mut self, now: Now, stored: &[u8]) -> Result<(), Error> {
        let (body, sum) = stored.split_last_chunk().ok_or(Error::Snapshot)?;
        let (head, keys) = body.split_first_chunk::<HEAD>().ok_or(Error::Snapshot)?;
        let [VERSION, lifetime @ .., _, _, _, _, _, _, _, _] = head else { return Err(Error::Snapshot) };
        let (_, date) = head.split_last_chunk().ok_or(Error::Snapshot)?;
        if checksum(body) != *sum {
            return Err(Error::Snapshot);
        }
        self.hold(KeySet::from_bytes(keys))?;
        self.age = Age::never(KEYS);
        self.age.restore(now, u64::from_le_bytes(*date), u32::from_le_bytes(*lifetime));
        Ok(())
    }

    fn hold(&mut self, keys: KeySet<'_>) -> Result<(), Error> {
        let records = keys.as_bytes();
        if records.len() > N {
            return Err(Error::InputTooLarge(Name::Keys));
        }
        self.records.zeroize();
        text::put(&mut self.records, 0, records);
        self.length = records.len();
        Ok(())
    }
}

impl<const N: usize> Default for KeyCache<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> fmt::Debug for KeyCache<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.keys().fmt(f)
    }
}
