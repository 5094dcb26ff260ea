//! One request and its answer.

mod client;
pub(crate) mod target;

use std::{error, fmt};

use keyfob_core::http::{Incoming, Request};

pub use keyfob_core::http::HttpErrorKind;

pub use self::client::{HttpsClient, HttpsClientBuilder};

/// A transport. It sends what it is told to, follows no redirect, keeps no cookie, and repeats nothing.
pub trait Http {
    /// Sends a request.
    ///
    /// # Errors
    /// [`HttpError`] says what failed, and whether the server may have seen the request.
    fn send(&mut self, request: &Request<'_>) -> Result<(), HttpError>;

    /// Hands the answer to the last request to `incoming`: status, headers, and the body in pieces until it
    /// ends or `incoming` wants no more.
    ///
    /// # Errors
    /// [`HttpError`] if the answer does not come, or is cut.
    fn receive(&mut self, incoming: &mut Incoming<'_>) -> Result<(), HttpError>;
}

/// A failure of the network.
#[derive(Debug)]
pub struct HttpError {
    kind: HttpErrorKind,
    maybe_sent: bool,
    source: Option<Box<dyn error::Error + Send + Sync>>,
}

impl HttpError {
    /// A failure. `maybe_sent`: some of the request may have reached the server.
    pub fn new(kind: HttpErrorKind, maybe_sent: bool) -> Self {
        Self { kind, maybe_sent, source: None }
    }

    /// The same with its cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What failed.
    pub fn kind(&self) -> HttpErrorKind {
        self.kind
    }

    /// Whether the server may have seen the request.
    pub fn maybe_sent(&self) -> bool {
        self.maybe_sent
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl error::Error for HttpError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn error::Error + 'static))
    }
}
