//! The token response (RFC 6749 §5).

use core::fmt;

use crate::{
    client::Client,
    error::{Check, Error, Name},
    http::{OauthError, Response},
    id_token::{self, Expected, Grant, IdToken},
    sieve::{Keep, Kept, Value},
    time::Now,
};

/// The longest access or refresh token, in octets.
pub const MAX_TOKEN: usize = 4096;

/// The largest lifetime, in seconds; longer ones are taken for this.
const MAX_LIFETIME: u64 = 0x7FFF_FFFF;

/// Members of a token response that are read.
pub(crate) const MEMBERS: &[Name] = &[
    Name::AccessToken,
    Name::TokenType,
    Name::ExpiresIn,
    Name::RefreshToken,
    Name::Scope,
    Name::IdToken,
    Name::Error,
    Name::ErrorDescription,
    Name::ErrorUri,
];

/// How an access token is shown to an API.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TokenType {
    /// By itself (RFC 6750).
    Bearer,
    /// With a proof that its holder has the key (RFC 9449 §7.1).
    Dpop,
}

impl TokenType {
    /// The scheme of the `Authorization` header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::Dpop => "DPoP",
        }
    }

    /// What a server calls the type, for this client.
    fn read(text: &str, client: &Client<'_>) -> Result<Self, Check> {
        match client.dpop {
            Some(_) if text.eq_ignore_ascii_case("dpop") => Ok(Self::Dpop),
            Some(dpop) if text.eq_ignore_ascii_case("bearer") && dpop.required => Err(Check::DpopDowngrade),
            _ if text.eq_ignore_ascii_case("bearer") => Ok(Self::Bearer),
            _ => Err(Check::TokenType),
        }
    }
}

/// The tokens of a user who has signed in. They borrow the buffer that the response was read into.
///
/// With `openid` in the scope there is none of these without an ID token that passed every check.
#[derive(Clone, Copy)]
pub struct TokenResponse<'b> {
    access_token: &'b str,
    token_type: TokenType,
    dpop_nonce: Option<&'b str>,
    expires_in: Option<u32>,
    refresh_token: Option<&'b str>,
    scope: Option<&'b str>,
    id_token: Option<IdToken<'b>>,
}

impl<'b> TokenResponse<'b> {
    /// The access token. It is opaque: what it looks like means nothing to a client.
    pub const fn access_token(&self) -> &'b str {
        self.access_token
    }

    /// Its type: [`TokenType::Bearer`], unless the client asks for [DPoP](Client::dpop).
    pub const fn token_type(&self) -> TokenType {
        self.token_type
    }

    /// The nonce with which the next flow can begin, if the server gave one (RFC 9449 §8.2).
    pub const fn dpop_nonce(&self) -> Option<&'b str> {
        self.dpop_nonce
    }

    /// Seconds that the access token lives from when the response came. `None`: the server does not say; use
    /// it until it is refused.
    pub const fn expires_in(&self) -> Option<u32> {
        self.expires_in
    }

    /// The refresh token. `None`: keep the old one, if there was one (RFC 6749 §6).
    pub const fn refresh_token(&self) -> Option<&'b str> {
        self.refresh_token
    }

    /// The scope that was granted, if the server states it; otherwise it is what was asked for (RFC 6749 §5.1).
    pub const fn scope(&self) -> Option<&'b str> {
        self.scope
    }

    /// Who signed in.
    pub const fn id_token(&self) -> Option<IdToken<'b>> {
        self.id_token
    }
}

impl fmt::Debug for TokenResponse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenResponse(…)")
    }
}

/// The server's refusal, if that is what it answered.
///
/// # Errors
/// [`Check::ConflictingResponse`] for a refusal and a token at once; [`Check::WrongType`] for a success with an
/// `error` that is none.
pub(crate) fn refusal<'b>(response: &Response<'b>) -> Result<Option<OauthError<'b>>, Error> {
    let success = response.kept();
    let has_token = success.is_ok_and(|kept| kept.get(Name::AccessToken).is_some());
    match response.oauth_error() {
        Some(_) if has_token => Err(Check::ConflictingResponse.into()),
        Some(error) => Ok(Some(error)),
        None => match success.ok().and_then(|kept| kept.get(Name::Error)) {
            None | Some(Value::Null | Value::Text("")) => Ok(None),
            Some(_) if has_token => Err(Check::ConflictingResponse.into()),
            Some(_) => Err(Check::WrongType(Name::Error).into()),
        },
    }
}

/// Reads a response that is no refusal.
pub(crate) fn read<'b>(
    response: &Response<'b>,
    now: Now,
    expected: &Expected<'_>,
) -> Result<TokenResponse<'b>, Error> {
    let kept = response.kept()?;
    let access_token = match kept.get(Name::AccessToken) {
        Some(Value::Text("")) | None => return Err(Check::MissingMember(Name::AccessToken).into()),
        value => token(value, Name::AccessToken, MAX_TOKEN)?.unwrap_or_default(),
    };
    let token_type = match kept.get(Name::TokenType) {
        None => return Err(Check::MissingMember(Name::TokenType).into()),
        Some(Value::Text(text)) => TokenType::read(text, expected.client)?,
        Some(_) => return Err(Check::WrongType(Name::TokenType).into()),
    };
    let scope = match kept.get(Name::Scope) {
        None | Some(Value::Null) => None,
        Some(Value::Text(scope)) => Some(scope),
        Some(_) => return Err(Check::WrongType(Name::Scope).into()),
    };
    let expires_in = lifetime(kept)?;
    let refresh_token = token(optional(kept, Name::RefreshToken), Name::RefreshToken, MAX_TOKEN)?;
    let id_token = match expected.client.id_tokens {
        Some(id_tokens) if expected.client.is_openid() => {
            let text = token(optional(kept, Name::IdToken), Name::IdToken, id_token::MAX_ID_TOKEN)?;
            match text {
                Some(text) => Some((id_tokens.verify)(text, access_token, response.keys, now, expected)?),
                // A refresh need not bring a new one (OIDC Core §12.2).
                None if matches!(expected.grant, Grant::Refresh(_)) => None,
                None => return Err(Check::MissingMember(Name::IdToken).into()),
            }
        }
        _ => None,
    };
    let dpop_nonce = response.dpop_nonce();
    Ok(TokenResponse { access_token, token_type, dpop_nonce, expires_in, refresh_token, scope, id_token })
}

/// What to keep of a key set for the ID token in a response.
pub(crate) fn keep_keys(response: &Response<'_>, client: &Client<'_>) -> Result<Keep, Error> {
    match (response.kept()?.get(Name::IdToken), client.id_tokens) {
        (Some(Value::Text(text)), Some(id_tokens)) => (id_tokens.keep_keys)(text, client),
        _ => Err(Error::Misuse),
    }
}

/// `null` and the empty text count as absent.
fn optional(kept: Kept<'_>, name: Name) -> Option<Value<'_>> {
    kept.get(name).filter(|value| !matches!(value, Value::Null | Value::Text("")))
}

/// RFC 6749 Appendix A.12, A.17: visible ASCII and space.
fn token<'b>(value: Option<Value<'b>>, name: Name, most: usize) -> Result<Option<&'b str>, Error> {
    match value {
        None => Ok(None),
        Some(Value::Text(text)) if !text.bytes().all(|octet| matches!(octet, 0x20..=0x7E)) => {
            Err(Check::BadMember(name).into())
        }
        Some(Value::Text(text)) if text.len() > most => Err(Error::InputTooLarge(name)),
        Some(Value::Text(text)) => Ok(Some(text)),
        Some(_) => Err(Check::WrongType(name).into()),
    }
}

/// A number or a text of digits; some servers send one, some the other.
fn lifetime(kept: Kept<'_>) -> Result<Option<u32>, Error> {
    let seconds = match kept.get(Name::ExpiresIn) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number { negative: false, floor, .. }) => Some(floor),
        Some(Value::Text(digits)) => {
            crate::encoding::number::Number::from_digits(digits).map(|number| number.floor())
        }
        Some(_) => None,
    };
    let seconds = seconds.ok_or(Check::WrongType(Name::ExpiresIn))?;
    Ok(u32::try_from(seconds.min(MAX_LIFETIME)).ok())
}
