//! An access token that may be used now.

use core::fmt;

use crate::{secret::Secret, token::TokenType};

/// An access token of a [`Session`](super::Session) that has not expired.
#[derive(Clone, Copy)]
pub struct AccessToken<'s> {
    pub(super) token: &'s str,
    pub(super) token_type: TokenType,
    pub(super) number: u32,
    /// Milliseconds.
    pub(super) left: Option<u64>,
    pub(super) stale: bool,
}

impl<'s> AccessToken<'s> {
    /// The token, hidden from logs.
    pub const fn secret(self) -> Secret<'s> {
        Secret::new(self.token)
    }

    /// The token itself. Send it only to the API that it is for.
    pub const fn expose(self) -> &'s str {
        self.token
    }

    /// How to show it: by itself, or with a [`Proof`](crate::dpop::Proof).
    pub const fn token_type(self) -> TokenType {
        self.token_type
    }

    /// Which one it is since the program has started: for [`Session::rejected`](super::Session::rejected), when the token
    /// itself is not borrowed any more.
    pub const fn number(self) -> u32 {
        self.number
    }

    /// Milliseconds that it still lives, counted from when its response came. `None`: the server did not say.
    pub const fn remaining(self) -> Option<u64> {
        self.left
    }

    /// Whether it is about to expire: the [margin](super::Session::margin) has begun.
    pub const fn is_stale(self) -> bool {
        self.stale
    }
}

impl fmt::Debug for AccessToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken(…)")
    }
}
