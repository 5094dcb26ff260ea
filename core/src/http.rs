//! What crosses between the core and a driver: a request to send, and the pieces of its answer.
//!
//! A driver knows HTTP and nothing else. It sends the [`Request`] as described, follows no redirect, hands
//! status, headers and body of the answer to an [`Incoming`] as they arrive, and gets a [`Response`] for
//! [`Flow::handle`](crate::flow::Flow::handle).

mod www_authenticate;

use core::fmt;

use crate::{
    dpop::{self, MAX_NONCE},
    encoding::{number::Number, text},
    error::{Check, Error, ErrorCode, Name},
    jwk::KeySet,
    quirks::Quirks,
    sieve::{Keep, Kept, ReadChallenges, Sieve, Value, Wanted},
    time::UnixTime,
    token::TokenType,
};

pub(crate) use self::www_authenticate::Refusals;

pub use self::www_authenticate::{Challenge, Challenges};

/// The longest body that is read, if no other limit is set (RFC 6749 names none).
pub const MAX_BODY: usize = 512 * 1024;

/// The longest wait that a server can ask for, in seconds.
const MAX_RETRY_AFTER: u32 = 3600;

/// The method of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Method {
    /// GET, without a body.
    Get,
    /// POST of a form.
    Post,
}

impl Method {
    /// The method as it stands in a request line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// A request to send as it is described: no cookies, no credentials or headers of the driver's own beside
/// `Host`, `Content-Length`, `Connection` and perhaps `User-Agent`.
#[derive(Clone, Copy)]
pub struct Request<'b> {
    pub(crate) method: Method,
    pub(crate) url: &'b str,
    pub(crate) authorization: Option<&'b str>,
    pub(crate) dpop: Option<&'b str>,
    pub(crate) body: &'b str,
    pub(crate) keep: Keep,
}

impl<'b> Request<'b> {
    pub(crate) const fn get(url: &'b str, keep: Keep) -> Self {
        Self { method: Method::Get, url, authorization: None, dpop: None, body: "", keep }
    }

    /// GET or POST.
    pub const fn method(&self) -> Method {
        self.method
    }

    /// An absolute URL; `https` unless plain http to this machine was allowed by name.
    pub const fn url(&self) -> &'b str {
        self.url
    }

    /// The headers, names in their usual spelling.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &'b str)> + use<'b> {
        let form = matches!(self.method, Method::Post);
        [
            Some(("Accept", "application/json")),
            form.then_some(("Content-Type", "application/x-www-form-urlencoded")),
            self.authorization.map(|value| ("Authorization", value)),
            self.dpop.map(|value| ("DPoP", value)),
        ]
        .into_iter()
        .flatten()
    }

    /// The body; empty with GET.
    pub const fn body(&self) -> &'b [u8] {
        self.body.as_bytes()
    }

    /// What to keep of the answer. Copy it before the buffer is used again.
    pub const fn keep(&self) -> Keep {
        self.keep
    }
}

/// The media type of an answer, as far as it matters (RFC 9110 §8.3.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Content {
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
        let value = value.trim_ascii();
        if name.eq_ignore_ascii_case("content-type") {
            // Two of them say nothing that can be relied on (RFC 9110 §5.3).
            self.bad_header |= self.content != Content::Missing;
            self.content = Content::read(value);
        } else if name.eq_ignore_ascii_case("content-encoding") {
            self.encoded |= !value.eq_ignore_ascii_case(b"identity");
        } else if name.eq_ignore_ascii_case("retry-after") {
            self.retry_after = seconds(value).or(self.retry_after);
        } else if name.eq_ignore_ascii_case("date") {
            self.date = self.date.then(UnixTime::from_http_date(value));
        } else if name.eq_ignore_ascii_case("cache-control") {
            self.max_age = max_age(value).or(self.max_age);
        } else if name.eq_ignore_ascii_case("www-authenticate") {
            if let Some(read) = self.read_challenges {
                read(&mut self.refusals, value);
            }
        } else if name.eq_ignore_ascii_case("dpop-nonce") {
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

/// 304 is not among them: it answers a condition that we never set.
const fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

impl Content {
    fn read(value: &[u8]) -> Self {
        let media_type = value.split(|&octet| octet == b';').next().unwrap_or_default().trim_ascii();
        if media_type.eq_ignore_ascii_case(b"application/json") {
            Self::Json
        } else if media_type.eq_ignore_ascii_case(b"application/jwk-set+json") {
            Self::JwkSet
        } else if media_type.eq_ignore_ascii_case(b"text/html") {
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
        if directive.eq_ignore_ascii_case(b"no-store") || directive.eq_ignore_ascii_case(b"no-cache") {
            return Some(0);
        }
        let (name, digits) = directive.split_first_chunk::<8>()?;
        let digits = core::str::from_utf8(digits).ok()?;
        // More than any number is long enough.
        let seconds = Number::from_digits(digits).filter(|_| name.eq_ignore_ascii_case(b"max-age="))?;
        Some(u32::try_from(seconds.floor()).unwrap_or(u32::MAX))
    })
}

/// An answer: its status and what was kept of its body. It borrows the buffer that it was read into.
#[derive(Clone, Copy)]
pub struct Response<'b> {
    status: u16,
    content: Content,
    bad_header: bool,
    date: Option<UnixTime>,
    retry_after: Option<u32>,
    max_age: Option<u32>,
    nonce: &'b str,
    nonce_too_long: bool,
    refusals: Refusals,
    kept: Result<&'b [u8], Error>,
    pub(crate) keys: Option<KeySet<'b>>,
}

impl<'b> Response<'b> {
    /// The status code.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// When the server sent it, by the server's clock (RFC 9110 §6.6.1). It is worth what the connection is worth:
    /// over TLS it is the server's word.
    pub const fn date(&self) -> Option<UnixTime> {
        self.date
    }

    /// Seconds to wait before asking again, if the server said so; at most an hour.
    pub const fn retry_after(&self) -> Option<u32> {
        self.retry_after
    }

    /// Seconds that the answer may be kept, if the server said so.
    pub const fn max_age(&self) -> Option<u32> {
        self.max_age
    }

    /// The nonce that the server wants to see in the next proof (RFC 9449 §8.2): for
    /// [`Nonces::put`](crate::dpop::Nonces::put). Flows keep it by themselves.
    pub fn dpop_nonce(&self) -> Option<&'b str> {
        (!self.nonce.is_empty()).then_some(self.nonce)
    }

    /// What the server wants to see before it does what was asked: ask again with it, at once and once
    /// ([`Exchange::request_again`](crate::exchange::Exchange::request_again)).
    pub fn demand(&self) -> Option<Demand<'b>> {
        self.dpop_nonce().filter(|_| self.wants_nonce()).map(|nonce| Demand { nonce })
    }

    /// Whether the server wants to see a nonce: the authorization server says so in the body (RFC 9449 §8), any
    /// other in `WWW-Authenticate` (§9).
    pub(crate) fn wants_nonce(&self) -> bool {
        let by_header = self.status == 401 && self.refusals.dpop == Some(ErrorCode::UseDpopNonce);
        by_header || self.oauth_error().is_some_and(|error| error.code == ErrorCode::UseDpopNonce.as_str())
    }

    /// The nonce that the server wants to see.
    ///
    /// # Errors
    /// [`Check::BadHeader`] if there is none, or what is none; [`Error::InputTooLarge`] if it is longer than any we
    /// take.
    pub(crate) fn wanted_nonce(&self) -> Result<&'b str, Error> {
        match self.dpop_nonce() {
            Some(nonce) => Ok(nonce),
            None if self.nonce_too_long => Err(Error::InputTooLarge(Name::DpopNonce)),
            None => Err(self
                .kept
                .err()
                .filter(|error| matches!(error, Error::BufferTooSmall { .. }))
                .unwrap_or(Check::BadHeader.into())),
        }
    }

    /// What the server says in `WWW-Authenticate` of a request with a token of this type.
    ///
    /// # Errors
    /// [`Error::Refused`]; [`Check::BadHeader`] and [`Check::DuplicateParameter`] for a header that is no such one.
    pub(crate) fn check_challenges(&self, token_type: TokenType) -> Result<(), Error> {
        let Refusals { bearer, dpop, fault } = self.refusals;
        let error = match token_type {
            TokenType::Bearer => bearer.or(dpop),
            TokenType::Dpop => dpop.or(bearer),
        };
        match (error, fault) {
            _ if !matches!(self.status, 400 | 401 | 403) => Ok(()),
            (_, Some(check)) => Err(check.into()),
            (Some(code), None) => Err(Error::Refused(code)),
            (None, None) => Ok(()),
        }
    }

    /// Whether the server has done what was asked, and `error` is what became of its answer: a longer buffer or a
    /// missing key cannot mend it.
    pub(crate) fn is_final(&self, error: Error) -> bool {
        // A hotel's page is not the server's word.
        let says_so = matches!(self.status, 200..=299) && self.content == Content::Json;
        says_so && !matches!(error, Error::BufferTooSmall { .. } | Error::KeysNeeded)
    }

    /// Whether a web page came in place of the answer, as in a hotel's network before one has signed in there.
    pub fn is_captive_portal(&self) -> bool {
        self.status == 200 && self.content == Content::Html
    }

    /// The same response, with the keys to check its ID token with (after
    /// [`Error::KeysNeeded`]).
    #[must_use]
    pub const fn with_keys(self, keys: KeySet<'b>) -> Self {
        Self { keys: Some(keys), ..self }
    }

    /// The keys that a key set request brought.
    ///
    /// # Errors
    /// Those of every response; [`Check::MissingMember`] and [`Check::WrongType`] for `keys`.
    pub fn keys(&self) -> Result<KeySet<'b>, Error> {
        self.success(&[Content::Json, Content::JwkSet]).map(KeySet::new)
    }

    /// A success, whatever the body says.
    pub(crate) fn acknowledged(&self) -> Result<(), Error> {
        match self.oauth_error() {
            _ if matches!(self.status, 200..=299) => Ok(()),
            Some(error) => Err(Error::Refused(ErrorCode::from_text(error.code.as_bytes()))),
            None if is_redirect(self.status) => Err(Check::HttpRedirect.into()),
            None => Err(Check::HttpStatus(self.status).into()),
        }
    }

    /// The same answer, its 201 taken for 200, for requests that make something (RFC 9110 §15.3.2).
    pub(crate) const fn created(self) -> Self {
        let status = if self.status == 201 { 200 } else { self.status };
        Self { status, ..self }
    }

    /// What was kept of a successful JSON answer.
    pub(crate) fn kept(&self) -> Result<Kept<'b>, Error> {
        self.success(&[Content::Json]).map(Kept)
    }

    /// The whole document that was kept of a successful JSON answer.
    pub(crate) fn document(&self) -> Result<&'b [u8], Error> {
        self.success(&[Content::Json])
    }

    /// The error that the server reports in its body (RFC 6749 §5.2), whatever the status.
    pub(crate) fn oauth_error(&self) -> Option<OauthError<'b>> {
        if self.content != Content::Json || self.bad_header || !matches!(self.status, 200 | 400..) {
            return None;
        }
        let kept = Kept(self.kept.ok()?);
        match kept.get(Name::Error)? {
            Value::Text(code) if is_error_code(code) => {
                let text = |name| match kept.get(name) {
                    Some(Value::Text(text)) => text,
                    _ => "",
                };
                let (description, uri) = (text(Name::ErrorDescription), text(Name::ErrorUri));
                Some(OauthError { code, description, uri, quirks: Quirks::NONE })
            }
            _ => None,
        }
    }

    /// A member beside the error that the server reports in its body.
    pub(crate) fn beside_error(&self, name: Name) -> Option<Value<'b>> {
        self.oauth_error().and(Kept(self.kept.ok()?).get(name))
    }

    /// Judged in this order: size, redirect, status, headers, media type, body.
    fn success(&self, contents: &[Content]) -> Result<&'b [u8], Error> {
        if let Err(error @ Error::InputTooLarge(Name::Body)) = self.kept {
            return Err(error);
        }
        if is_redirect(self.status) {
            return Err(Check::HttpRedirect.into());
        }
        if self.status != 200 {
            // What the server said did not fit: that is to be told, not that it said something.
            let said = self.kept.err().filter(|error| matches!(error, Error::BufferTooSmall { .. }));
            return Err(said.unwrap_or(Check::HttpStatus(self.status).into()));
        }
        if self.bad_header {
            return Err(Check::BadHeader.into());
        }
        if !contents.contains(&self.content) {
            return Err(Check::ContentType.into());
        }
        self.kept
    }
}

/// What a server wants to see in the same request: a nonce (RFC 9449 §8, §9).
#[derive(Clone, Copy)]
pub struct Demand<'b> {
    pub(crate) nonce: &'b str,
}

/// What failed when an answer did not come, for drivers to report in the same words.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum HttpErrorKind {
    /// No connection could be made.
    Connect,
    /// The answer is no HTTP, or ended too early.
    Protocol,
    /// The name of the host is not known.
    Resolve,
    /// No answer came in time.
    Timeout,
    /// The server did not prove to be the one that was asked for.
    Tls,
}

impl fmt::Display for HttpErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "the server cannot be reached",
            Self::Protocol => "the server's answer was broken off or is no HTTP",
            Self::Resolve => "the server's name is not known",
            Self::Timeout => "the server did not answer in time",
            Self::Tls => "the server could not prove who it is",
        })
    }
}

/// A server's error as it was sent.
#[derive(Clone, Copy)]
pub(crate) struct OauthError<'b> {
    pub(crate) code: &'b str,
    pub(crate) description: &'b str,
    pub(crate) uri: &'b str,
    /// Those that were met in telling it.
    pub(crate) quirks: Quirks,
}

/// The characters of an error code (RFC 6749 §5.2).
pub(crate) fn is_error_code(code: &str) -> bool {
    !code.is_empty() && code.bytes().all(|octet| matches!(octet, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E))
}

impl fmt::Debug for Demand<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Demand")
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A query may carry what nobody should see.
        let url = text::before(self.url, b'?');
        write!(f, "{} {url}", self.method.as_str())
    }
}

impl fmt::Debug for Response<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response({})", self.status)
    }
}
