//! The browser, and what a person sees.

mod desktop;

use std::{error, fmt};

use keyfob_core::{
    error::Error,
    flow::{Redirect, UserCode},
};

use crate::Failure;

pub use self::desktop::Desktop;

/// A browser, or a person with one.
pub trait UserAgent {
    /// Directs the browser to `url`. It is called once in a flow, unless [`reopens`](UserAgent::reopens) says
    /// otherwise.
    ///
    /// # Errors
    /// [`UserAgentError`] if neither a browser nor a person can be shown the address.
    fn open(&mut self, url: &str) -> Result<(), UserAgentError>;

    /// Waits for the browser to come back, and writes the response into `buffer`. `None`: nothing came for a
    /// while; the driver looks at the time and asks again.
    ///
    /// # Errors
    /// [`UserAgentError::Cancelled`] if the user gave up.
    fn redirect<'b>(&mut self, buffer: &'b mut [u8]) -> Result<Option<Redirect<'b>>, UserAgentError>;

    /// Whether the address was only shown, as a QR code is, and perhaps not followed yet: then `open` is called again
    /// with a new one when a pushed request gets too old (RFC 9126 §2.2). A browser that was sent there is left alone.
    fn reopens(&self) -> bool {
        false
    }

    /// Tells what the flow made of the last redirect, so that the browser gets an answer. `None`: it was the
    /// right one; how the sign-in ends comes with [`UserAgent::finished`].
    fn judged(&mut self, _error: Option<Error>) {}

    /// Shows the user a code and where to enter it, both as text: it comes again every second, as the time left
    /// goes by; not while a request is on its way, which a relay may hold for a while.
    ///
    /// # Errors
    /// [`UserAgentError::Cancelled`] if the user gave up; [`UserAgentError::NoScreen`] if nobody can be shown it.
    fn display(&mut self, _code: &UserCode<'_>) -> Result<(), UserAgentError> {
        Err(UserAgentError::NoScreen)
    }

    /// Takes the code away. It comes when the code has served and at every end of the sign-in while one is shown, also when the driver is
    /// dropped.
    fn hide(&mut self) {}

    /// A browser was let in with the code, and signs the user in now; the code was hidden before.
    fn connected(&mut self) {}

    /// Whether the user has said, since the last call, that all is done on the other device: the server is asked as
    /// soon as its interval allows.
    fn is_hurried(&mut self) -> bool {
        false
    }

    /// What happens now, for a person who waits.
    fn progress(&mut self, _progress: Progress) {}

    /// The sign-in has ended.
    fn finished(&mut self, _failure: Option<&Failure>) {}
}

/// What happens now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Progress {
    /// Tokens are fetched, or before the user is sent to the server, the request is pushed. It takes one request.
    Exchanging,
    /// The server's keys are fetched. It takes one request.
    FetchingKeys,
}

/// No browser can be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum UserAgentError {
    /// The user gave up.
    Cancelled,
    /// The listener for the redirect failed.
    Listen(std::io::Error),
    /// The device's address has changed, and the server would send the browser back to the old one.
    Moved,
    /// Nothing can open an address, or show it.
    NoBrowser,
    /// Nothing can show a code.
    NoScreen,
}

impl fmt::Display for UserAgentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cancelled => "the sign-in was given up",
            Self::Listen(_) => "the listener for the redirect failed",
            Self::Moved => "the address of this device has changed",
            Self::NoBrowser => "there is no browser to open",
            Self::NoScreen => "there is nothing to show a code on",
        })
    }
}

impl error::Error for UserAgentError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Listen(error) => Some(error),
            _ => None,
        }
    }
}
