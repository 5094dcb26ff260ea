//! The token response (RFC 6749 §5).

use core::fmt;

use crate::{
    client::Client,
    encoding::{number::Number, text::is_alike},
    error::{Check, Error, Name},
    http::{OauthError, Response, is_error_code},
    id_token::{self, Expected, Grant, IdToken},
    quirks::Quirks,
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
        let is = |known: Self| is_alike(text.as_bytes(), known.as_str().as_bytes());
        match client.dpop {
            Some(_) if is(Self::Dpop) => Ok(Self::Dpop),
            Some(dpop) if is(Self::Bearer) && dpop.required => Err(Check::DpopDowngrade),
            _ if is(Self::Bearer) => Ok(Self::Bearer),
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
    quirks: Quirks,
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

    /// Beside its own quirks, those that were met before it.
    pub(crate) const fn after(self, quirks: Quirks) -> Self {
        Self { quirks: self.quirks.with(quirks), ..self }
    }

    /// Who signed in.
    pub const fn id_token(&self) -> Option<IdToken<'b>> {
        self.id_token
    }

    /// The quirks of the server that were met on the way here, and tolerated. Those of claims are met when a claim is
    /// read: its [`Kind`](crate::claims::Kind) tells.
    pub const fn quirks(&self) -> Quirks {
        self.quirks
    }
}

impl fmt::Debug for TokenResponse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenResponse(…)")
    }
}

/// The server's refusal, if that is what it answered. Where a token stands beside it, [`read`] tells.
///
/// # Errors
/// [`Check::HttpStatus`] and [`Check::BadMember`] for one whose quirks are not `tolerated`; [`Check::WrongType`] for a
/// success with an `error` that is none.
pub(crate) fn refusal<'b>(
    response: &Response<'b>,
    tolerated: Quirks,
) -> Result<Option<OauthError<'b>>, Error> {
    let success = response.kept().ok();
    if success.is_some_and(|kept| kept.get(Name::AccessToken).is_some()) {
        return Ok(None);
    }
    match response.oauth_error() {
        None if success.is_some_and(has_error) => Err(Check::WrongType(Name::Error).into()),
        None => Ok(None),
        Some(error) => judged_refusal(response, error, tolerated).map(Some),
    }
}

fn has_error(kept: Kept<'_>) -> bool {
    optional(kept, Name::Error).is_some()
}

/// RFC 6749 §5.2: the status is 400, or 401; the description is printable ASCII without `"` and `\`.
pub(crate) fn judged_refusal<'b>(
    response: &Response<'_>,
    error: OauthError<'b>,
    tolerated: Quirks,
) -> Result<OauthError<'b>, Error> {
    let status = response.status();
    let (quirk, check) = match status {
        400 | 401 => (Quirks::NONE, Check::HttpStatus(status)),
        200 => (Quirks::ERROR_WITH_STATUS_200, Check::BadMember(Name::Error)),
        _ => (Quirks::ERROR_STATUS, Check::HttpStatus(status)),
    };
    if !tolerated.contains(quirk) {
        return Err(check.into());
    }
    let plain = error.description.is_empty() || is_error_code(error.description);
    if !plain && !tolerated.contains(Quirks::ERROR_TEXT) {
        return Err(Check::BadMember(Name::ErrorDescription).into());
    }
    Ok(OauthError { quirks: quirk.with(Quirks::ERROR_TEXT.only_if(!plain)), ..error })
}

/// Reads a response that is no refusal.
pub(crate) fn read<'b>(
    response: &Response<'b>,
    now: Now,
    expected: &Expected<'_>,
) -> Result<TokenResponse<'b>, Error> {
    let kept = response.kept()?;
    if kept.get(Name::AccessToken).is_some() && has_error(kept) {
        return Err(Check::ConflictingResponse.into());
    }
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
    let (expires_in, mut quirks) = lifetime(kept, expected.client.quirks)?;
    quirks = quirks.with(expected.client.unannounced());
    if matches!(expected.grant, Grant::Code { .. }) && expected.client.metadata.challenge_methods.is_none() {
        quirks = quirks.with(Quirks::PKCE_NOT_ANNOUNCED);
    }
    let refresh_token = token(optional(kept, Name::RefreshToken), Name::RefreshToken, MAX_TOKEN)?;
    let id_token = match expected.client.id_tokens {
        Some(id_tokens) if expected.client.is_openid() => {
            let text = token(optional(kept, Name::IdToken), Name::IdToken, id_token::MAX_ID_TOKEN)?;
            match text {
                Some(text) => Some((id_tokens.verify)(
                    text,
                    access_token,
                    response.keys,
                    now.today(response.date()),
                    expected,
                )?),
                // A refresh need not bring a new one (OIDC Core §12.2).
                None if matches!(expected.grant, Grant::Refresh(_)) => None,
                None => return Err(Check::MissingMember(Name::IdToken).into()),
            }
        }
        _ => None,
    };
    let dpop_nonce = response.dpop_nonce();
    Ok(TokenResponse {
        access_token,
        token_type,
        dpop_nonce,
        expires_in,
        refresh_token,
        scope,
        id_token,
        quirks,
    })
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

/// A number, or where it is tolerated a text of digits, and the quirk that this is.
pub(crate) fn lifetime(kept: Kept<'_>, tolerated: Quirks) -> Result<(Option<u32>, Quirks), Error> {
    let (seconds, quirk) = match kept.get(Name::ExpiresIn) {
        None | Some(Value::Null) => return Ok((None, Quirks::NONE)),
        Some(Value::Number { negative: false, floor, .. }) => (Some(floor), Quirks::NONE),
        Some(Value::Text(digits)) if tolerated.contains(Quirks::LIFETIME_AS_TEXT) => {
            (Number::from_digits(digits).map(|number| number.floor()), Quirks::LIFETIME_AS_TEXT)
        }
        Some(_) => (None, Quirks::NONE),
    };
    let seconds = seconds.ok_or(Check::WrongType(Name::ExpiresIn))?;
    Ok((u32::try_from(seconds.min(MAX_LIFETIME)).ok(), quirk))
}
