//! Fetching a server's keys (RFC 7517 §5, OIDC Core §10.1).

use crate::{
    client::Client,
    error::{Error, Name},
    exchange::Exchange,
    http::{Request, Response},
    jwk::{self, KeySet},
    metadata::Metadata,
    time::Now,
};

/// Fetches the keys that suit a client, before any token is there: to keep them, or to save the time later.
#[derive(Clone, Copy, Debug)]
pub struct Jwks<'c> {
    client: &'c Client<'c>,
}

impl<'c> Jwks<'c> {
    /// The keys of `client`'s server.
    pub const fn new(client: &'c Client<'c>) -> Self {
        Self { client }
    }
}

impl Exchange for Jwks<'_> {
    type Output<'b> = KeySet<'b>;

    fn request<'b>(&'b self, _now: Now, _out: &'b mut [u8]) -> Result<Request<'b>, Error> {
        let url = Metadata::need(self.client.metadata.jwks_uri, Name::JwksUri)?;
        self.client.metadata.check()?;
        Ok(Request::get(url, jwk::keep_all(self.client.verifiers)))
    }

    fn response<'b>(&self, response: Response<'b>) -> Result<KeySet<'b>, Error> {
        response.keys()
    }
}
