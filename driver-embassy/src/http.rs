//! One request and its answer.

mod answer;
mod client;
mod fault;
mod target;

use core::{error, fmt};

use keyfob_core::http::{Incoming, Request};

pub use keyfob_core::http::HttpErrorKind;

pub use self::client::Client;
pub use self::fault::Fault;

/// A transport. It sends what it is told to, follows no redirect, keeps no cookie, and repeats no POST.
#[expect(async_fn_in_trait, reason = "embassy's executors do not move tasks to other threads")]
pub trait Http {
    /// What the network below reports.
    type Error: fmt::Debug;

    /// Sends a request.
    ///
    /// # Errors
    /// [`HttpError`] says what failed, and whether the server may have seen the request.
    async fn send(&mut self, request: &Request<'_>) -> Result<(), HttpError<Self::Error>>;

    /// Hands the answer to the last request to `incoming`: status, headers, and the body in pieces until it
    /// ends or `incoming` wants no more.
    ///
    /// # Errors
    /// [`HttpError`] if the answer does not come, or is cut.
    async fn receive(&mut self, incoming: &mut Incoming<'_>) -> Result<(), HttpError<Self::Error>>;
}

/// A failure of the network.
#[derive(Clone, Copy, Debug)]
pub struct HttpError<E> {
    kind: HttpErrorKind,
    maybe_sent: bool,
    fault: Option<Fault>,
    source: Option<E>,
}

impl<E> HttpError<E> {
    /// A failure. `maybe_sent`: some of the request may have reached the server.
    pub fn new(kind: HttpErrorKind, maybe_sent: bool) -> Self {
        Self { kind, maybe_sent, fault: None, source: None }
    }

    /// An answer in which this is wrong.
    pub fn broken(fault: Fault) -> Self {
        Self { kind: HttpErrorKind::Protocol, maybe_sent: true, fault: Some(fault), source: None }
    }

    /// The same with its cause.
    #[must_use]
    pub fn because(mut self, source: E) -> Self {
        self.source = Some(source);
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

    /// What was wrong with the answer, if one came.
    pub fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// What the network below reported.
    pub fn cause(&self) -> Option<&E> {
        self.source.as_ref()
    }
}

impl<E> fmt::Display for HttpError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fault {
            Some(fault) => fault.fmt(f),
            None => self.kind.fmt(f),
        }
    }
}

impl<E: error::Error + 'static> error::Error for HttpError<E> {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.source.as_ref().map(|source| source as &(dyn error::Error + 'static))
    }
}
