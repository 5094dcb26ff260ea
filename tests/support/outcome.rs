//! How a run ended, in words that do not depend on the driver.

use std::fmt;

use keyfob_core::{error::Error, token::TokenResponse};

/// How a run ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// The flow failed.
    Flow(Error),
    /// The network failed.
    Http {
        /// What failed.
        kind: String,
        /// The server may have seen the request.
        maybe_sent: bool,
    },
    /// There are tokens.
    Tokens(Tokens),
    /// The user agent failed.
    UserAgent(String),
}

/// Tokens, taken out of the buffer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tokens {
    /// The access token.
    pub access_token: String,
    /// Its lifetime.
    pub expires_in: Option<u32>,
    /// The refresh token.
    pub refresh_token: Option<String>,
    /// The granted scope.
    pub scope: Option<String>,
    /// The ID token.
    pub id_token: Option<String>,
    /// Who signed in.
    pub subject: Option<String>,
}

impl Tokens {
    /// Copies what is in a token response.
    ///
    /// # Panics
    /// If an ID token that passed every check has no subject.
    pub fn of(response: &TokenResponse<'_>) -> Self {
        let subject = |token: keyfob_core::id_token::IdToken<'_>| {
            token.subject(&mut [0; 1020]).map(str::to_owned).expect("`sub` was checked")
        };
        Self {
            access_token: response.access_token().into(),
            expires_in: response.expires_in(),
            refresh_token: response.refresh_token().map(Into::into),
            scope: response.scope().map(Into::into),
            id_token: response.id_token().map(|token| token.as_str().into()),
            subject: response.id_token().map(subject),
        }
    }
}

impl Outcome {
    /// The tokens.
    ///
    /// # Panics
    /// If there are none.
    #[track_caller]
    pub fn tokens(self) -> Tokens {
        match self {
            Self::Tokens(tokens) => tokens,
            other => panic!("no tokens: {other:?}"),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flow(error) => write!(f, "over: {error}"),
            Self::Http { kind, maybe_sent } => {
                write!(f, "over: the network failed ({kind}, sent: {maybe_sent})")
            }
            Self::Tokens(Tokens { access_token, subject: Some(subject), .. }) => {
                write!(f, "{subject} has {access_token}")
            }
            Self::Tokens(Tokens { access_token, .. }) => write!(f, "somebody has {access_token}"),
            Self::UserAgent(text) => write!(f, "over: {text}"),
        }
    }
}

impl From<Result<Tokens, keyfob_std::Failure>> for Outcome {
    fn from(result: Result<Tokens, keyfob_std::Failure>) -> Self {
        use keyfob_std::Failure;
        match result {
            Ok(tokens) => Self::Tokens(tokens),
            Err(Failure::Flow(error)) => Self::Flow(error),
            Err(Failure::Http(error)) => {
                Self::Http { kind: format!("{:?}", error.kind()), maybe_sent: error.maybe_sent() }
            }
            Err(other) => Self::UserAgent(other.to_string()),
        }
    }
}

impl<E> From<Result<Tokens, keyfob_embassy::Failure<E>>> for Outcome {
    fn from(result: Result<Tokens, keyfob_embassy::Failure<E>>) -> Self {
        use keyfob_embassy::Failure;
        match result {
            Ok(tokens) => Self::Tokens(tokens),
            Err(Failure::Flow(error)) => Self::Flow(error),
            Err(Failure::Http(error)) => {
                Self::Http { kind: format!("{:?}", error.kind()), maybe_sent: error.maybe_sent() }
            }
            Err(other) => Self::UserAgent(other.to_string()),
        }
    }
}
