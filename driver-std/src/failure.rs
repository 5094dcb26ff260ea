//! Who failed.

use std::{error, fmt};

use keyfob_core::error::Error;

use crate::{http::HttpError, user_agent::UserAgentError};

/// Why a sign-in did not come to its end.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure {
    /// The flow: a check failed, the server refused, the time ran out.
    Flow(Error),
    /// The network.
    Http(HttpError),
    /// The user agent.
    UserAgent(UserAgentError),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flow(error) => error.fmt(f),
            Self::Http(error) => error.fmt(f),
            Self::UserAgent(error) => error.fmt(f),
        }
    }
}

impl error::Error for Failure {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(match self {
            Self::Flow(error) => error,
            Self::Http(error) => error,
            Self::UserAgent(error) => error,
        })
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Flow(error)
    }
}

impl From<HttpError> for Failure {
    fn from(error: HttpError) -> Self {
        Self::Http(error)
    }
}

impl From<UserAgentError> for Failure {
    fn from(error: UserAgentError) -> Self {
        Self::UserAgent(error)
    }
}
