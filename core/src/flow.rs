//! The contract between flows and drivers.

mod authorization_code;
mod client_credentials;
mod device_authorization;
mod flight;
mod pushed_authorization_request;
mod refresh_token;
mod relayed;
mod step;
mod user_code;

use core::fmt;

use crate::{
    encoding::text,
    error::Error,
    http::{Request, Response},
    time::Now,
    token::TokenResponse,
};

pub use self::authorization_code::AuthorizationCode;
pub use self::client_credentials::ClientCredentials;
pub use self::device_authorization::DeviceAuthorization;
pub use self::flight::Flight;
pub use self::refresh_token::RefreshToken;
pub use self::relayed::Relayed;
pub use self::user_code::{Instructions, UserCode};

/// An OAuth flow: a state machine without I/O.
///
/// Ask it with [`poll`](Flow::poll) what to do, do it, and tell it with [`handle`](Flow::handle) what came of
/// it. An error leaves the flow as it was; a refusal ends it.
pub trait Flow {
    /// The one thing to do next, written into `out`.
    ///
    /// Changes nothing: after a failed send, a reset or a power loss, poll again for the same action.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`] with the length that would do; [`Error::Expired`] when the time is over;
    /// [`Error::SignaturePending`]: again, a little later and with the same `now`.
    fn poll<'b>(&'b self, now: Now, out: &'b mut [u8]) -> Result<Action<'b>, Error>;

    /// Reports what came of the last action. Tokens end the flow; they borrow the response.
    ///
    /// # Errors
    /// [`Error::KeysNeeded`]: fetch [`Flow::keys`] and hand in the same response with them.
    /// [`Error::Misuse`] if the event does not answer the last action. The others say what was wrong with what
    /// came. After [`Error::Refused`] the flow is over.
    fn handle<'b>(&mut self, now: Now, event: Event<'b>) -> Result<Option<TokenResponse<'b>>, Error>;

    /// The request for the keys that the ID token in `response` is to be checked with. Its answer is read into
    /// the rest of the buffer, behind `response`.
    ///
    /// # Errors
    /// [`Error::Misuse`] if no key is missing.
    fn keys(&self, response: &Response<'_>) -> Result<Request<'_>, Error>;

    /// What the server, or the user, gave as the reason for a refusal.
    fn refusal(&self) -> Option<Refusal<'_>>;

    /// Writes everything the flow remembers, and gives the length. It is a secret. The octets change only when
    /// the flow moves to another step, or time passes.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`] with the length that would do.
    fn save(&self, now: Now, snapshot: &mut [u8]) -> Result<usize, Error>;

    /// A last request, when the flow is over or given up: it tells a relay how it ended. Send it once; what comes of
    /// it does not matter, and is not handed in. `None`: nobody has to be told.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`] with the length that would do.
    fn closing<'b>(&'b self, _now: Now, _out: &'b mut [u8]) -> Result<Option<Request<'b>>, Error> {
        Ok(None)
    }
}

/// The one thing to do next.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Action<'b> {
    /// Direct the user agent to this URL; then [`Event::Redirect`] (RFC 6749 §4.1.1).
    Authorize(&'b str),
    /// A browser was let in with the code: take it down, and poll again at this uptime, in milliseconds.
    Connected(u64),
    /// Show the user this code and where to enter it; poll again at its [`until`](UserCode::until) (RFC 8628 §3.3).
    Display(UserCode<'b>),
    /// Nothing is left to do.
    Done,
    /// Send this request to the server; then [`Event::Response`], [`Event::NotSent`] or [`Event::Timeout`].
    Send(Request<'b>),
}

/// What happened.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Event<'b> {
    /// The request surely did not reach the server. Poll again.
    NotSent,
    /// The user says that all is done on the other device: ask as soon as the server's interval allows
    /// (RFC 8628 §3.5).
    Nudge,
    /// The user agent came back to the redirect URI.
    Redirect(Redirect<'b>),
    /// The server answered.
    Response(Response<'b>),
    /// No answer came, and the server may have seen the request.
    Timeout,
}

/// An authorization response as it came (RFC 6749 §4.1.2).
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Redirect<'b> {
    /// The bare code, as the user copied it by hand: without `state` and `iss`. That it answers this flow, only PKCE
    /// shows; hand it in only if it came from the browser that was sent to the server. A server that announces `iss`
    /// has to be asked for the whole address.
    Code(&'b str),
    /// The body of a form post (OAuth 2.0 Form Post Response Mode §2).
    Form(&'b str),
    /// The absolute URL, or the path and query of a request line.
    Url(&'b str),
}

/// What the server wrote beside its refusal: printable ASCII, other octets shown as `?`. It is text of a
/// stranger: show it as text, and open no address in it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Refusal<'f> {
    pub(crate) code: &'f str,
    pub(crate) description: &'f str,
    pub(crate) uri: &'f str,
}

impl<'f> Refusal<'f> {
    /// Octets of a code that are kept.
    pub const MAX_CODE: usize = 64;
    /// Octets of the description, and of the address, that are kept.
    pub const MAX_TEXT: usize = 128;

    /// The error code, also one that no standard names.
    pub const fn code(&self) -> &'f str {
        self.code
    }

    /// `error_description`; empty if there was none.
    pub const fn description(&self) -> &'f str {
        self.description
    }

    /// `error_uri`; empty if there was none.
    pub const fn uri(&self) -> &'f str {
        self.uri
    }

    /// Whether the description may have been longer.
    pub const fn is_cut(&self) -> bool {
        self.description.len() >= Self::MAX_TEXT
    }
}

impl fmt::Debug for Action<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authorize(url) => write!(f, "Authorize({})", text::before(url, b'?')),
            Self::Connected(_) => f.write_str("Connected"),
            Self::Display(code) => code.fmt(f),
            Self::Done => f.write_str("Done"),
            Self::Send(request) => write!(f, "Send({request:?})"),
        }
    }
}

impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSent => f.write_str("NotSent"),
            Self::Nudge => f.write_str("Nudge"),
            Self::Redirect(redirect) => redirect.fmt(f),
            Self::Response(response) => response.fmt(f),
            Self::Timeout => f.write_str("Timeout"),
        }
    }
}

impl fmt::Debug for Redirect<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Code(_) => "Redirect::Code",
            Self::Form(_) => "Redirect::Form",
            Self::Url(_) => "Redirect::Url",
        })
    }
}
