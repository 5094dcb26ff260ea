//! What can go wrong in this program.

use std::{io, path::PathBuf};

use keyfob_core::{flow::Refusal, plan::Way};
use keyfob_std::Failure;

/// Why the program did not do what it was asked to.
#[derive(Debug)]
pub enum Problem {
    /// The demo issuer did not start.
    Demo(io::Error),
    /// Something failed on the way.
    Failed {
        /// Where.
        stage: Stage,
        /// What.
        failure: Failure,
        /// What the server wrote beside its refusal.
        refusal: Option<ServerText>,
        /// The way that was gone, if it was on a way.
        way: Option<Way>,
    },
    /// A file cannot be read, or holds what it should not.
    File {
        /// The option that names it.
        option: &'static str,
        /// Its name.
        path: PathBuf,
        /// What is wrong with it, as a part of a sentence.
        fault: String,
    },
    /// Ctrl-C.
    Interrupted,
    /// The server calls itself something else, up to the slash at the end.
    IssuerSlash {
        /// What it calls itself.
        named: String,
    },
    /// There is no refresh token to go on with.
    NoRefreshToken,
    /// Standard output was closed.
    Output,
    /// An option, or two of them together, make no sense.
    Setting {
        /// What is wrong, as a sentence.
        message: String,
        /// What to write in its place, as a sentence.
        advice: String,
    },
}

/// Where something failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stage {
    /// The server's metadata were fetched.
    Discovery,
    /// Tokens were revoked.
    Logout,
    /// Tokens were refreshed.
    Refresh,
    /// From the browser to the tokens.
    SignIn,
    /// The claims about the user were fetched.
    UserInfo,
}

/// A server's own words; printable ASCII, but a stranger's.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ServerText {
    /// The error code, also one that no standard names.
    pub code: String,
    /// `error_description`, perhaps cut; empty if there was none.
    pub description: String,
}

impl Problem {
    /// A failure of the flow, the network or the browser.
    pub fn of(stage: Stage, failure: impl Into<Failure>, refusal: Option<Refusal<'_>>) -> Self {
        let refusal = refusal.map(|refusal| ServerText {
            code: refusal.code().to_owned(),
            description: format!("{}{}", refusal.description(), if refusal.is_cut() { "…" } else { "" }),
        });
        Self::Failed { stage, failure: failure.into(), refusal, way: None }
    }

    /// The same, on this way.
    #[must_use]
    pub fn on(mut self, gone: Way) -> Self {
        if let Self::Failed { way, .. } = &mut self {
            *way = Some(gone);
        }
        self
    }

    pub fn setting(message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::Setting { message: message.into(), advice: advice.into() }
    }
}
