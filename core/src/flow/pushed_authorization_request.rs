//! The answer to a pushed authorization request (RFC 9126 §2.2).

use crate::{
    error::{Check, Error, Name},
    http::{OauthError, Response},
    quirks::Quirks,
    sieve::{Kept, Value},
    token,
};

/// Members of the answer that are read.
pub(crate) const MEMBERS: &[Name] =
    &[Name::RequestUri, Name::ExpiresIn, Name::Error, Name::ErrorDescription, Name::ErrorUri];

/// What the server made of a pushed request.
#[derive(Clone, Copy)]
pub(crate) enum Pushed<'b> {
    Refusal(OauthError<'b>),
    Taken {
        request_uri: &'b str,
        /// Seconds.
        expires_in: u32,
    },
}

impl<'b> Pushed<'b> {
    /// 201 is what a server ought to answer; some say 200.
    pub(crate) fn read(response: Response<'b>, tolerated: Quirks) -> Result<Self, Error> {
        let response = response.created();
        let kept = response.kept();
        let has_uri = kept.is_ok_and(|kept| kept.get(Name::RequestUri).is_some());
        match response.oauth_error() {
            Some(_) if has_uri => Err(Check::ConflictingResponse.into()),
            Some(refusal) => token::judged_refusal(&response, refusal, tolerated).map(Self::Refusal),
            None => Self::taken(kept?, tolerated),
        }
    }

    fn taken(kept: Kept<'b>, tolerated: Quirks) -> Result<Self, Error> {
        let request_uri = match kept.get(Name::RequestUri) {
            None | Some(Value::Null | Value::Text("")) => {
                return Err(Check::MissingMember(Name::RequestUri).into());
            }
            Some(Value::Text(uri)) if !uri.bytes().all(|octet| octet.is_ascii_graphic()) => {
                return Err(Check::BadMember(Name::RequestUri).into());
            }
            Some(Value::Text(uri)) => uri,
            Some(_) => return Err(Check::WrongType(Name::RequestUri).into()),
        };
        match token::lifetime(kept, tolerated)?.0 {
            None => Err(Check::MissingMember(Name::ExpiresIn).into()),
            Some(0) => Err(Check::BadMember(Name::ExpiresIn).into()),
            Some(expires_in) => Ok(Self::Taken { request_uri, expires_in }),
        }
    }
}
