//! Taking tokens back (RFC 7009).

use core::fmt;

use crate::{
    client::Client,
    encoding::writer::Writer,
    error::{Error, Name},
    exchange::{Exchange, Fresh, post},
    http::{Request, Response},
    metadata::Metadata,
    secret::Secret,
    sieve::{Keep, Wanted},
    time::Now,
};

/// Tells the server that a token is not needed any more.
///
/// Revoke the refresh token: at most servers that ends its access tokens too (RFC 7009 §2.1). Forget the token
/// whatever comes of it. [`Check::HttpStatus`](crate::error::Check::HttpStatus) with 503 means that the server still
/// takes it; try again after [`Response::retry_after`] seconds.
#[derive(Clone, Copy)]
pub struct Revocation<'r> {
    client: &'r Client<'r>,
    token: Secret<'r>,
    hint: &'static str,
}

impl<'r> Revocation<'r> {
    /// Revokes a refresh token.
    pub const fn refresh_token(client: &'r Client<'r>, token: &'r str) -> Self {
        Self { client, token: Secret::new(token), hint: "refresh_token" }
    }

    /// Revokes an access token.
    pub const fn access_token(client: &'r Client<'r>, token: &'r str) -> Self {
        Self { client, token: Secret::new(token), hint: "access_token" }
    }
}

/// The request that takes `token` back.
pub(crate) fn revocation_request<'b>(
    client: &'b Client<'_>,
    token: &str,
    hint: &str,
    now: Now,
    out: &'b mut [u8],
) -> Result<Request<'b>, Error> {
    let url = Metadata::need(client.metadata.revocation_endpoint, Name::RevocationEndpoint)?;
    client.metadata.check()?;
    let keep = Keep(Wanted::Members(&[Name::Error, Name::ErrorDescription, Name::ErrorUri]));
    let fresh = Fresh { now, secret: token.as_bytes(), nonce: None };
    post(client, url, keep, Writer::new(out), fresh, &mut |pairs| {
        pairs.pair("token", token);
        pairs.pair("token_type_hint", hint);
    })
}

impl Exchange for Revocation<'_> {
    type Output<'b> = ();

    fn request<'b>(&'b self, now: Now, out: &'b mut [u8]) -> Result<Request<'b>, Error> {
        revocation_request(self.client, self.token.expose(), self.hint, now, out)
    }

    /// Success whatever the body, also for a token that the server does not know (RFC 7009 §2.2).
    fn response<'b>(&self, response: Response<'b>) -> Result<(), Error> {
        response.acknowledged()
    }
}

impl fmt::Debug for Revocation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Revocation")
    }
}
