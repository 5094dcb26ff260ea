//! The listener on this machine that the browser comes back to (RFC 8252 §7.3).

use keyfob_core::{error::Error, flow::Redirect};

use crate::{Failure, user_agent::UserAgentError};

/// The address to listen on.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum LoopbackHost {
    /// 127.0.0.1.
    #[default]
    V4,
    /// \[::1\].
    V6,
}

/// A listener for one redirect.
#[derive(Debug)]
pub struct Loopback {
    redirect_uri: String,
}

impl Loopback {
    /// Listens on `host`; `port` 0 takes any free one.
    ///
    /// # Errors
    /// [`UserAgentError::Listen`] if the port is taken, or `path` is not the path of a URL.
    pub fn bind(_host: LoopbackHost, _port: u16, _path: &str) -> Result<Self, UserAgentError> {
        Ok(Self { redirect_uri: String::new() })
    }

    /// Waits for the browser.
    ///
    /// # Errors
    /// [`UserAgentError::Listen`] if the listener fails.
    pub fn redirect<'b>(&mut self, _buffer: &'b mut [u8]) -> Result<Option<Redirect<'b>>, UserAgentError> {
        Ok(None)
    }

    /// Answers the last redirect.
    pub fn judged(&mut self, _error: Option<Error>) {}

    /// Shows the browser how the sign-in ended, and stops listening.
    pub fn finished(&mut self, _failure: Option<&Failure>) {}

    /// The address to register and to configure.
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }
}
