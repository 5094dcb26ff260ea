//! What a session asks for, and what it is told.

use core::fmt;

use crate::{
    error::{Check, ErrorCode},
    http::{Request, Response},
    session::Slot,
};

/// The one thing to do next.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Action<'b> {
    /// Erase this slot; then [`Event::Stored`] or [`Event::NotStored`].
    Erase {
        /// The slot.
        slot: Slot,
    },
    /// Read this slot; then [`Event::Loaded`] or [`Event::NotStored`].
    Load {
        /// The slot.
        slot: Slot,
    },
    /// There is an [`access_token`](super::Session::access_token). Poll again then.
    Ready {
        /// Milliseconds of uptime. `None`: the server did not say how long the token lives; it is good until it is
        /// [refused](super::Session::rejected).
        until: Option<u64>,
    },
    /// Send this request to the server; then [`Event::Response`], [`Event::NotSent`] or [`Event::Timeout`].
    Send(Request<'b>),
    /// The session is over, or never was: sign in.
    SignIn {
        /// Why.
        reason: SignInReason,
    },
    /// Write this record to this slot, for good; then [`Event::Stored`] or [`Event::NotStored`].
    Store {
        /// The slot.
        slot: Slot,
        /// The record. It is a secret.
        record: &'b [u8],
    },
    /// There is no access token now; [`trouble`](super::Session::trouble) says why. Poll again then.
    Wait {
        /// Milliseconds of uptime.
        until: u64,
    },
}

/// What happened.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Event<'b> {
    /// The slot holds this; nothing if it is empty.
    Loaded(&'b [u8]),
    /// The request surely did not reach the server.
    NotSent,
    /// The store has failed.
    NotStored,
    /// The server answered.
    Response(Response<'b>),
    /// The store has done it, for good.
    Stored,
    /// No answer came, and the server may have seen the request.
    Timeout,
}

/// Why somebody has to sign in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum SignInReason {
    /// The answer to a refresh was lost, with the new refresh token in it, and the server does not take the old one
    /// any more.
    AnswerLost,
    /// What is stored belongs to another client, or to another server.
    ClientChanged,
    /// The session was not used for longer than the server allows.
    Inactive,
    /// Nothing is stored.
    NeverSignedIn,
    /// What is stored was written by a newer version.
    NewerVersion,
    /// The access token is at its end, and the server gave no refresh token.
    NoRefreshToken,
    /// The server does not take the refresh token any more: it was revoked, or the user has to do something.
    Refused(ErrorCode),
    /// The server's new ID token was not right, so none of its new tokens is used.
    SecurityAlert(Check),
    /// The user signed out.
    SignedOut,
    /// What is stored is damaged.
    StoreDamaged,
    /// The tokens are longer than the room for them.
    TooLarge,
}

impl fmt::Debug for Action<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Erase { slot } => write!(f, "Erase({slot:?})"),
            Self::Load { slot } => write!(f, "Load({slot:?})"),
            Self::Ready { until } => write!(f, "Ready({until:?})"),
            Self::Send(request) => write!(f, "Send({request:?})"),
            Self::SignIn { reason } => write!(f, "SignIn({reason:?})"),
            Self::Store { slot, .. } => write!(f, "Store({slot:?})"),
            Self::Wait { until } => write!(f, "Wait({until})"),
        }
    }
}

impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loaded(_) => f.write_str("Loaded(…)"),
            Self::NotSent => f.write_str("NotSent"),
            Self::NotStored => f.write_str("NotStored"),
            Self::Response(response) => response.fmt(f),
            Self::Stored => f.write_str("Stored"),
            Self::Timeout => f.write_str("Timeout"),
        }
    }
}
