//! What servers do differently from the standards, and whether it is tolerated.
//!
//! A quirk is a matter of shape: of a status, a type, a spelling. Who a token is from, whom it is about and whom it is
//! for is never one: `iss`, `aud`, `nonce`, `state`, `alg`, keys and duplicates have no tolerance.

use core::fmt;

/// A set of quirks: those that are tolerated ([`Client::quirks`](crate::client::Client::quirks)), or those that were
/// met ([`TokenResponse::quirks`](crate::token::TokenResponse::quirks)).
#[derive(Clone, Copy, Default, Eq, PartialEq)]
pub struct Quirks(u32);

macro_rules! quirks {
    ($($(#[$documentation:meta])* $name:ident = $place:literal;)*) => {
        impl Quirks {
            $($(#[$documentation])* pub const $name: Self = Self(1 << $place);)*

            /// All that have a name.
            pub const ALL: Self = Self($(1 << $place)|*);

            const NAMES: &'static [(Self, &'static str)] = &[$((Self::$name, stringify!($name))),*];
        }
    };
}

quirks! {
    /// A user who says no is told as `authorization_declined`, not `access_denied` (RFC 8628 §3.5). Microsoft Entra.
    AUTHORIZATION_DECLINED = 0;
    /// A boolean is the text `"true"` or `"false"` (OIDC Core §5.1 has it a boolean). Apple's `email_verified`, Cognito's
    /// UserInfo. Not tolerated unless it is asked for, as the presets of these servers do.
    BOOLEAN_AS_TEXT = 1;
    /// An error comes with another status than 400 and 401 (RFC 6749 §5.2). Auth0: 403 and 429; Google: 403 and
    /// 428; many: 5xx.
    ERROR_STATUS = 2;
    /// The description of an error has characters that RFC 6749 §5.2 leaves out, such as line breaks. Microsoft Entra.
    /// They are shown as `?`.
    ERROR_TEXT = 3;
    /// An error comes with status 200 (RFC 6749 §5.2 has it 400). GitHub, Microsoft Entra.
    ERROR_WITH_STATUS_200 = 4;
    /// A `slow_down` names a new interval (RFC 8628 §3.5 has it five seconds more). GitHub.
    INTERVAL_WITH_SLOW_DOWN = 5;
    /// `expires_in` is a text of digits (RFC 6749 §5.1 has it a number). Microsoft Entra, version 1.
    LIFETIME_AS_TEXT = 6;
    /// The server does not say that it knows PKCE (RFC 8414 §2). Microsoft Entra, Apple, Cognito, and many that do.
    PKCE_NOT_ANNOUNCED = 7;
    /// The server does not list `none` among the ways to authenticate, and takes public clients (RFC 8414 §2). Many.
    PUBLIC_CLIENT_NOT_ANNOUNCED = 8;
    /// A time is a text: of digits, or as in RFC 3339 (OIDC Core §5.1 has `updated_at` a number). Auth0.
    TIME_AS_TEXT = 9;
    /// The address to enter a user code at is called `verification_url` (RFC 8628 §3.2: `verification_uri`). Google.
    VERIFICATION_URL = 10;
}

impl Quirks {
    /// What a client tolerates unless it says otherwise: all but [`Quirks::BOOLEAN_AS_TEXT`].
    pub const DEFAULT: Self = Self::ALL.without(Self::BOOLEAN_AS_TEXT);

    /// None at all.
    pub const NONE: Self = Self(0);

    /// Those of both sets.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those that are not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether all of `other` are in this set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(crate) const fn bits(self) -> u32 {
        self.0
    }

    pub(crate) const fn from_bits(bits: u32) -> Self {
        Self(bits & Self::ALL.0)
    }

    /// `self` if `used`, else none.
    pub(crate) const fn only_if(self, used: bool) -> Self {
        if used { self } else { Self::NONE }
    }

    /// Whether none is in this set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The names of those in this set, as they are spelt here.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.iter().filter(move |(quirk, _)| self.contains(*quirk)).map(|(_, name)| *name)
    }
}

impl fmt::Debug for Quirks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}
