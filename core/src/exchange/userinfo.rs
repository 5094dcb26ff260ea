//! Asking for claims about the user (OIDC Core §5.3).

use core::fmt;

use crate::{
    claims::Claims,
    client::Client,
    encoding::{
        form::{Pairs, Place},
        json::Source,
        writer::Writer,
    },
    error::{Check, Error, Name},
    exchange::Exchange,
    http::{Method, Request, Response},
    metadata::Metadata,
    secret::Secret,
    sieve::{Keep, Wanted},
};

/// Fetches the claims about a user who has signed in.
///
/// The answer must be about the same user as the ID token; otherwise nothing of it is used (OIDC Core §5.3.2).
/// The claims are text of the user's own: show them, and decide nothing by them but by `sub`.
#[derive(Clone, Copy)]
pub struct UserInfo<'u> {
    client: &'u Client<'u>,
    access_token: Secret<'u>,
    subject: &'u str,
    in_body: bool,
}

impl<'u> UserInfo<'u> {
    /// Asks `client`'s server with `access_token` about `subject`, the `sub` of the ID token.
    pub const fn new(client: &'u Client<'u>, access_token: &'u str, subject: &'u str) -> Self {
        Self { client, access_token: Secret::new(access_token), subject, in_body: false }
    }

    /// Sends the access token as a form instead, for what stands between and takes the `Authorization` header away
    /// (RFC 6750 §2.2).
    #[must_use]
    pub const fn in_body(mut self) -> Self {
        self.in_body = true;
        self
    }
}

impl Exchange for UserInfo<'_> {
    type Output<'b> = Claims<'b>;

    fn request<'b>(&'b self, out: &'b mut [u8]) -> Result<Request<'b>, Error> {
        let url = Metadata::need(self.client.metadata.userinfo_endpoint, Name::UserinfoEndpoint)?;
        self.client.metadata.check()?;
        if !is_token68(self.access_token.expose()) {
            return Err(Check::BadMember(Name::AccessToken).into());
        }
        let keep = Keep(Wanted::Document);
        let mut writer = Writer::new(out);
        if self.in_body {
            Pairs::new(&mut writer, Place::Body, false).pair("access_token", self.access_token.expose());
            let (body, _) = writer.finish()?;
            let body = core::str::from_utf8(body).unwrap_or_default();
            return Ok(Request { method: Method::Post, url, authorization: None, body, keep });
        }
        writer.text(b"Bearer ");
        writer.text(self.access_token.expose().as_bytes());
        let (authorization, _) = writer.finish()?;
        Ok(Request {
            method: Method::Get,
            url,
            authorization: core::str::from_utf8(authorization).ok(),
            body: "",
            keep,
        })
    }

    fn response<'b>(&self, response: Response<'b>) -> Result<Claims<'b>, Error> {
        let claims = Claims::new(Source::Plain(response.document()?)).tolerating(self.client.quirks);
        claims.check_subject(self.subject)?;
        Ok(claims)
    }
}

/// What may stand behind `Bearer` (RFC 6750 §2.1).
fn is_token68(token: &str) -> bool {
    let body = token.trim_end_matches('=');
    !body.is_empty()
        && body.bytes().all(|octet| {
            octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_' | b'~' | b'+' | b'/')
        })
}

impl fmt::Debug for UserInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserInfo")
    }
}
