//! Logout tokens: a server says that a user has signed out (OpenID Connect Back-Channel Logout 1.0 §2.4 to §2.8).
//!
//! A server posts them to a client that it can reach, so this is for gateways and kiosks with a web server of their own.
//! Answer 200 if a token passes and the session is over, and 400 if it does not, both with `Cache-Control: no-store`.

use core::fmt;

use crate::{
    claims::{Claims, Matcher},
    client::Client,
    encoding::{
        form,
        json::{Source, Token},
    },
    error::{Check, Error, Name},
    http::Request,
    id_token,
    jwk::KeySet,
    memory,
    metadata::Metadata,
    sieve::Top,
    time::{Date, Now},
};

/// A logout token that passed every check. There is no other.
#[derive(Clone, Copy)]
pub struct LogoutToken<'b> {
    claims: Claims<'b>,
    /// Of its `jti`.
    hash: [u8; 8],
    /// Unix seconds.
    expires: u64,
}

/// The member of `events` that makes a logout token one (§2.4).
const EVENT: &[u8] = b"http://schemas.openid.net/event/backchannel-logout";

/// The longest `jti`, in octets.
const MAX_JTI: usize = 256;

impl<'b> LogoutToken<'b> {
    /// The token in the form that a server posts (§2.5).
    pub fn in_form(form: &'b str) -> Option<&'b str> {
        let mut found = form::pairs(form).filter(|(name, _)| form::decodes_to(name, "logout_token"));
        // A token is made of letters that nobody escapes.
        found.next().map(|(_, token)| token).filter(|_| found.next().is_none())
    }

    /// Checks a logout token whole, with the keys that were fetched for it, or those of the client.
    ///
    /// # Errors
    /// [`Error::KeysNeeded`]: fetch [`LogoutToken::keys`] and try again with them. [`Error::Check`] says what is wrong.
    pub fn verify(
        client: &Client<'_>,
        token: &'b str,
        keys: Option<KeySet<'_>>,
        now: Now,
    ) -> Result<Self, Error> {
        let payload = id_token::verify_logout(token, keys, now, client)?;
        Events::collect(payload)?.judge()?;
        let claims = Claims::new(payload);
        let mut jti = [0; MAX_JTI];
        let jti = claims.text("jti", &mut jti).map_err(|error| match error {
            Error::BufferTooSmall { .. } => Error::InputTooLarge(Name::Jti),
            error => error,
        })?;
        let hash = memory::checksum(jti.unwrap_or_default().as_bytes());
        let skew = u64::from(client.clock_skew);
        let expires = claims.number("exp").unwrap_or_default().saturating_add(skew);
        Ok(Self { claims, hash, expires })
    }

    /// The request for the keys that `token` is to be checked with.
    ///
    /// # Errors
    /// Those of its format; [`Check::MissingMember`] if the server has no keys.
    pub fn keys<'c>(client: &'c Client<'_>, token: &str) -> Result<Request<'c>, Error> {
        let url = Metadata::need(client.metadata.jwks_uri, Name::JwksUri)?;
        Ok(Request::get(url, id_token::keep_keys_for_logout(token, client)?))
    }

    /// The user who has signed out, by `sub`, unescaped into `out`; `None` if the token names a session only.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`] with the length that would do.
    pub fn subject<'o>(&self, out: &'o mut [u8]) -> Result<Option<&'o str>, Error> {
        self.claims.text("sub", out)
    }

    /// The session that is over, by `sid`, unescaped into `out`; `None`: all sessions of the user are.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`] with the length that would do.
    pub fn session_id<'o>(&self, out: &'o mut [u8]) -> Result<Option<&'o str>, Error> {
        self.claims.text("sid", out)
    }
}

/// Remembers the last logout tokens, `N` of them, until they expire (§2.6).
#[derive(Clone, Copy)]
pub struct Replays<const N: usize = 8> {
    /// The hash of a `jti`, and the date after which nobody can use it again.
    seen: [([u8; 8], u64); N],
}

impl<const N: usize> Replays<N> {
    /// Nothing was seen yet.
    pub const fn new() -> Self {
        Self { seen: [([0; 8], 0); N] }
    }

    /// Notes a token.
    ///
    /// # Errors
    /// [`Check::Replayed`] if it came before.
    pub fn note(&mut self, token: &LogoutToken<'_>, now: Now) -> Result<(), Error> {
        let today = match now.date {
            Date::Known(date) => date.seconds(),
            _ => 0,
        };
        if self.seen.iter().any(|(hash, until)| *hash == token.hash && *until >= today) {
            return Err(Check::Replayed.into());
        }
        // The one that expires first makes room.
        if let Some(place) = self.seen.iter_mut().min_by_key(|(_, until)| *until) {
            *place = (token.hash, token.expires);
        }
        Ok(())
    }
}

impl<const N: usize> Default for Replays<N> {
    fn default() -> Self {
        Self::new()
    }
}

/// A claim, as far as it matters.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Found {
    No,
    Right,
    WrongType,
}

/// What only logout tokens have.
struct Events {
    events: Found,
    event: Found,
    jti: Found,
    nonce: bool,
    sid: Found,
    sub: bool,
}

impl Events {
    fn collect(payload: Source<'_>) -> Result<Self, Error> {
        let mut found = Self {
            events: Found::No,
            event: Found::No,
            jti: Found::No,
            nonce: false,
            sid: Found::No,
            sub: false,
        };
        let mut top = Top::new(&[Name::Events, Name::Jti, Name::Nonce, Name::Sid, Name::Sub]);
        let mut name = Matcher::new(EVENT);
        let mut is_event = false;
        payload.visit(&mut |token, depth| {
            match (top.member(token, depth)?, token) {
                (Some(Name::Events), Token::ObjectStart) if depth == 2 => found.events = Found::Right,
                (Some(Name::Events), Token::NameStart) if depth == 2 => name = Matcher::new(EVENT),
                (Some(Name::Events), Token::NameEnd) if depth == 2 => is_event = name.matches(),
                (Some(Name::Events), token) => {
                    if found.events == Found::No {
                        found.events = Found::WrongType;
                    }
                    if core::mem::take(&mut is_event) {
                        let object = token == Token::ObjectStart;
                        found.event = if object { Found::Right } else { Found::WrongType };
                    } else if depth == 2 {
                        name.token(token);
                    }
                }
                (Some(Name::Jti), token) => found.jti = found.jti.or(token),
                (Some(Name::Sid), token) => found.sid = found.sid.or(token),
                _ => {}
            }
            Ok(())
        })?;
        found.nonce = top.has_seen(Name::Nonce);
        found.sub = top.has_seen(Name::Sub);
        Ok(found)
    }

    fn judge(&self) -> Result<(), Check> {
        if self.nonce {
            return Err(Check::UnexpectedClaim(Name::Nonce));
        }
        self.jti.required(Name::Jti)?;
        match self.sid {
            Found::No if !self.sub => return Err(Check::ClaimMissing(Name::Sub)),
            Found::WrongType => return Err(Check::ClaimType(Name::Sid)),
            _ => {}
        }
        self.events.required(Name::Events)?;
        self.event.required(Name::Events)
    }
}

impl Found {
    /// A text is right, if nothing else was there before.
    fn or(self, token: Token<'_>) -> Self {
        match token {
            _ if self != Self::No => self,
            Token::StringStart => Self::Right,
            _ => Self::WrongType,
        }
    }

    fn required(self, name: Name) -> Result<(), Check> {
        match self {
            Self::No => Err(Check::ClaimMissing(name)),
            Self::Right => Ok(()),
            Self::WrongType => Err(Check::ClaimType(name)),
        }
    }
}

impl fmt::Debug for LogoutToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogoutToken(…)")
    }
}

impl<const N: usize> fmt::Debug for Replays<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Replays")
    }
}
