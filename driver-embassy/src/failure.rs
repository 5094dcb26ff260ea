//! Who failed.

use core::{error, fmt};

use keyfob_core::error::Error;

use crate::{http::HttpError, user_agent::UserAgentError};

/// Why a sign-in did not come to its end. `E` is what the network below reports.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Failure<E> {
    /// The flow: a check failed, the server refused, the time ran out.
    Flow(Error),
    /// The network.
    Http(HttpError<E>),
    /// The user agent.
    UserAgent(UserAgentError),
}

impl<E> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flow(error) => error.fmt(f),
            Self::Http(error) => error.fmt(f),
            Self::UserAgent(error) => error.fmt(f),
        }
    }
}

impl<E: error::Error + 'static> error::Error for Failure<E> {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(match self {
            Self::Flow(error) => error,
            Self::Http(error) => error,
            Self::UserAgent(error) => error,
        })
    }
}

impl<E> From<Error> for Failure<E> {
    fn from(error: Error) -> Self {
        Self::Flow(error)
    }
}

impl<E> From<HttpError<E>> for Failure<E> {
    fn from(error: HttpError<E>) -> Self {
        Self::Http(error)
    }
}

impl<E> From<UserAgentError> for Failure<E> {
    fn from(error: UserAgentError) -> Self {
        Self::UserAgent(error)
    }
}
