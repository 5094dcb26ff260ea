//! An answer on its way in: status, headers, and pieces of the body.

use crate::{
    dpop::{self, MAX_NONCE},
    encoding::{number::Number, text},
    error::{Error, Name},
    http::{Refusals, Response},
    sieve::{Keep, ReadChallenges, Sieve, Wanted},
    time::UnixTime,
};

/// The longest body that is read, if no other limit is set (RFC 6749 names none).
pub const MAX_BODY: usize = 512 * 1024;

/// The longest wait that a server can ask for, in seconds.
const MAX_RETRY_AFTER: u32 = 3600;

/// An answer on its way in.
pub struct Incoming<'b> {
    status: u16,
    content: Content,
    encoded: bool,
    bad_header: bool,
    date: Said,
    retry_after: Option<u32>,
    max_age: Option<u32>,
    nonce: NonceHeader,
    read_challenges: Option<ReadChallenges>,
    refusals: Refusals,
    limit: usize,
    received: usize,
    sieve: Sieve<'b>,
    error: Option<Error>,
}

impl<'b> Incoming<'b> {
    /// Gets ready to keep what `keep` names in `buffer`.
    pub fn new(keep: Keep, buffer: &'b mut [u8]) -> Self {
        Self {
            status: 0,
            content: Content::Missing,
            encoded: false,
            bad_header: false,
            date: Said::Nothing,
            retry_after: None,
            max_age: None,
            nonce: NonceHeader::Missing,
            read_challenges: match keep.0 {
                Wanted::Document(read) => Some(read),
                _ => None,
            },
            refusals: Refusals::default(),
            limit: MAX_BODY,
            received: 0,
            sieve: Sieve::new(keep, buffer),
            error: None,
        }
    }

    /// Sets the longest body, in octets; [`MAX_BODY`] if it is not called.
    #[must_use]
    pub fn limit(mut self, octets: usize) -> Self {
        self.limit = octets;
        self
    }

    /// The status of the answer. 1xx answers are the driver's to skip.
    pub fn status(&mut self, status: u16) {
        self.status = status;
    }

    /// A header of the answer. All may be handed in; names are compared without case.
    pub fn header(&mut self, name: &str, value: &[u8]) {
        let (name, value) = (name.as_bytes(), value.trim_ascii());
        if text::is_alike(name, b"content-type") {
            // Two of them say nothing that can be relied on (RFC 9110 §5.3).
            self.bad_header |= self.content != Content::Missing;
            self.content = Content::read(value);
        } else if text::is_alike(name, b"content-encoding") {
            self.encoded |= !text::is_alike(value, b"identity");
        } else if text::is_alike(name, b"retry-after") {
            self.retry_after = seconds(value).or(self.retry_after);
        } else if text::is_alike(name, b"date") {
            self.date = self.date.then(UnixTime::from_http_date(value));
        } else if text::is_alike(name, b"cache-control") {
            self.max_age = max_age(value).or(self.max_age);
        } else if text::is_alike(name, b"www-authenticate") {
            if let Some(read) = self.read_challenges {
                read(&mut self.refusals, value);
            }
        } else if text::is_alike(name, b"dpop-nonce") {
            self.nonce(value);
        }
    }

    /// Whether [`Incoming::header`] looks at headers of this name. Others may be left out, be they too long for a chip.
    pub fn reads(name: &str) -> bool {
        const READ: [&str; 7] = [
            "cache-control",
            "content-encoding",
            "content-type",
            "date",
            "dpop-nonce",
            "retry-after",
            "www-authenticate",
        ];
        READ.iter().any(|other| name.eq_ignore_ascii_case(other))
    }

    /// A nonce lies in front of what is kept of the body (RFC 9449 §8.1).
    fn nonce(&mut self, value: &[u8]) {
        self.nonce = match self.nonce {
            // A trailer comes too late to stand in front.
            NonceHeader::Missing if self.received > 0 => NonceHeader::Missing,
            NonceHeader::Missing if !dpop::is_nonce(value) => NonceHeader::Bad,
            NonceHeader::Missing if value.len() > MAX_NONCE => NonceHeader::TooLong,
            NonceHeader::Missing => {
                self.sieve.put_first(value);
                NonceHeader::Kept(value.len())
            }
            NonceHeader::Kept(length) => NonceHeader::Twice(length),
            other => other,
        };
    }

    /// The next piece of the body, of any length. `false`: no more is wanted, the connection may be closed.
    pub fn body(&mut self, piece: &[u8]) -> bool {
        let room = self.limit.saturating_sub(self.received);
        self.received = self.received.saturating_add(piece.len());
        let within = piece.get(..room).unwrap_or(piece);
        if self.error.is_none() && self.is_read() {
            self.error = self.sieve.feed(within).err();
        }
        if self.error.is_none() && self.is_read() && self.received > self.limit {
            self.error = Some(Error::InputTooLarge(Name::Body));
        }
        self.error.is_none() && self.is_read()
    }

    /// The answer, and the rest of the buffer behind what was kept of it.
    pub fn finish(mut self) -> (Response<'b>, &'b mut [u8]) {
        let judged = match self.error {
            Some(error) => Err(error),
            None if !self.is_read() => Ok(()),
            None => self.sieve.close(),
        };
        let (written, rest, kept) = match self.sieve.release() {
            Ok((written, rest)) => (&*written, rest, judged),
            Err(error) => (Default::default(), Default::default(), judged.and(Err(error))),
        };
        let length = match self.nonce {
            NonceHeader::Kept(length) | NonceHeader::Twice(length) => length,
            _ => 0,
        };
        let (nonce, body) = written.split_at_checked(length).unwrap_or_default();
        let kept = kept.map(|()| body);
        let nonce = match self.nonce {
            NonceHeader::Kept(_) => core::str::from_utf8(nonce).unwrap_or_default(),
            _ => "",
        };
        let response = Response {
            status: self.status,
            content: if self.encoded { Content::Other } else { self.content },
            bad_header: self.bad_header,
            date: self.date.once(),
            retry_after: self.retry_after,
            max_age: self.max_age,
            nonce,
            nonce_too_long: self.nonce == NonceHeader::TooLong,
            refusals: self.refusals,
            kept,
            keys: None,
        };
        (response, rest)
    }

    /// Whether the body can hold anything that we read.
    fn is_read(&self) -> bool {
        matches!(self.content, Content::Json | Content::JwkSet) && !self.encoded && !is_redirect(self.status)
    }
}

/// The media type of an answer, as far as it matters (RFC 9110 §8.3.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Content {
    Html,
    Json,
    JwkSet,
    Missing,
    Other,
}

/// What the headers of an answer say of the date. Two of them say nothing (RFC 9110 §5.3).
#[derive(Clone, Copy)]
enum Said {
    Nothing,
    Once(Option<UnixTime>),
    Twice,
}

impl Said {
    const fn then(self, date: Option<UnixTime>) -> Self {
        match self {
            Self::Nothing => Self::Once(date),
            _ => Self::Twice,
        }
    }

    const fn once(self) -> Option<UnixTime> {
        match self {
            Self::Once(date) => date,
            _ => None,
        }
    }
}

/// The header `DPoP-Nonce`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum NonceHeader {
    /// It is no nonce.
    Bad,
    /// So many octets at the start of the buffer.
    Kept(usize),
    Missing,
    TooLong,
    /// A second one came, so that neither can be relied on (RFC 9110 §5.3).
    Twice(usize),
}

/// 304 is not among them: it answers a condition that we never set.
pub(super) const fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

impl Content {
    fn read(value: &[u8]) -> Self {
        let media_type = value.split(|&octet| octet == b';').next().unwrap_or_default().trim_ascii();
        if text::is_alike(media_type, b"application/json") {
            Self::Json
        } else if text::is_alike(media_type, b"application/jwk-set+json") {
            Self::JwkSet
        } else if text::is_alike(media_type, b"text/html") {
            Self::Html
        } else {
            Self::Other
        }
    }
}

/// `Retry-After` in seconds (RFC 9110 §10.2.3); the form with a date is not read.
fn seconds(value: &[u8]) -> Option<u32> {
    let seconds: u32 = core::str::from_utf8(value).ok()?.parse().ok()?;
    Some(seconds.min(MAX_RETRY_AFTER))
}

/// `max-age` of `Cache-Control` in seconds; 0 where nothing may be kept (RFC 9111 §5.2.2).
fn max_age(value: &[u8]) -> Option<u32> {
    value.split(|&octet| octet == b',').map(<[u8]>::trim_ascii).find_map(|directive| {
        if text::is_alike(directive, b"no-store") || text::is_alike(directive, b"no-cache") {
            return Some(0);
        }
        let (name, digits) = directive.split_first_chunk::<8>()?;
        let digits = core::str::from_utf8(digits).ok()?;
        // More than any number is long enough.
        let seconds = Number::from_digits(digits).filter(|_| text::is_alike(name, b"max-age="))?;
        Some(u32::try_from(seconds.floor()).unwrap_or(u32::MAX))
    })
}
