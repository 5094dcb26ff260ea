//! What crosses between the core and a driver: a request to send, and the pieces of its answer.
//!
//! A driver knows HTTP and nothing else. It sends the [`Request`] as described, follows no redirect, hands
//! status, headers and body of the answer to an [`Incoming`] as they arrive, and gets a [`Response`] for
//! [`Flow::handle`](crate::flow::Flow::handle).

mod incoming;
mod www_authenticate;

use core::fmt;

use crate::{
    encoding::text,
    error::{Check, Error, ErrorCode, Name},
    jwk::KeySet,
    quirks::Quirks,
    sieve::{Keep, Kept, Value},
    time::UnixTime,
    token::TokenType,
};

use self::incoming::{Content, is_redirect};

pub(crate) use self::www_authenticate::Refusals;

pub use self::incoming::{Incoming, MAX_BODY};
pub use self::www_authenticate::{Challenge, Challenges};

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
