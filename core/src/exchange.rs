//! One request and its response, with nothing to remember between them; and how every request is built.

mod discovery;
mod jwks;
mod revocation;
mod userinfo;

use crate::{
    client::Client,
    encoding::{
        form::{Pairs, Place},
        writer::Writer,
    },
    error::{Error, Name},
    http::{Method, Request, Response},
    metadata::Metadata,
    sieve::{Keep, Wanted},
    token,
};

pub use self::discovery::Discovery;
pub use self::jwks::Jwks;
pub use self::revocation::Revocation;
pub(crate) use self::revocation::revocation_request;
pub use self::userinfo::UserInfo;

/// One request and its response.
pub trait Exchange {
    /// What the response brings. It borrows the buffer that the response was read into.
    type Output<'b>;

    /// The request, written into `out`.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`] with the length that would do.
    fn request<'b>(&'b self, out: &'b mut [u8]) -> Result<Request<'b>, Error>;

    /// Reads the response.
    ///
    /// # Errors
    /// [`Error::Check`] says what is wrong with it.
    fn response<'b>(&self, response: Response<'b>) -> Result<Self::Output<'b>, Error>;
}

/// The longest URL for a user agent. Longer ones break in browsers, QR codes and proxies.
pub(crate) const MAX_URL: usize = 2048;

/// A POST to the token endpoint.
pub(crate) fn token_request<'b>(
    client: &'b Client<'_>,
    out: &'b mut [u8],
    grant: impl FnOnce(&mut Pairs<'_, '_>),
) -> Result<Request<'b>, Error> {
    let url = Metadata::need(client.metadata.token_endpoint, Name::TokenEndpoint)?;
    post(client, url, Keep(Wanted::Members(token::MEMBERS)), Writer::new(out), |pairs| {
        grant(pairs);
        for resource in client.request.resource {
            pairs.pair("resource", resource);
        }
    })
}

/// A POST with client authentication behind the request's own parameters.
pub(crate) fn post<'b>(
    client: &'b Client<'_>,
    url: &'b str,
    keep: Keep,
    mut writer: Writer<'b>,
    parameters: impl FnOnce(&mut Pairs<'_, '_>),
) -> Result<Request<'b>, Error> {
    let mut pairs = Pairs::new(&mut writer, Place::Body, false);
    parameters(&mut pairs);
    client.authentication.write_body(client.id, &mut pairs);
    let body_length = writer.length();
    client.authentication.write_header(client.id, &mut writer);
    let (written, _) = writer.finish()?;
    let (body, header) = written.split_at_checked(body_length).unwrap_or_default();
    let text = |octets| core::str::from_utf8(octets).unwrap_or_default();
    let authorization = (!header.is_empty()).then_some(text(header));
    Ok(Request { method: Method::Post, url, authorization, body: text(body), keep })
}

/// The scope, each value once.
pub(crate) fn write_scope(scope: &[&str], pairs: &mut Pairs<'_, '_>) {
    let mut first = true;
    for token in scope {
        let mut before = scope.iter().take_while(|other| !core::ptr::eq(*other, token));
        if !before.any(|other| other == token) {
            write_item("scope", token, core::mem::take(&mut first), pairs);
        }
    }
}

/// A list, its items separated by a space.
pub(crate) fn write_list(name: &str, items: &[&str], pairs: &mut Pairs<'_, '_>) {
    let mut first = true;
    for item in items {
        write_item(name, item, core::mem::take(&mut first), pairs);
    }
}

/// One item of a list.
pub(crate) fn write_item(name: &str, item: &str, first: bool, pairs: &mut Pairs<'_, '_>) {
    if first {
        pairs.name(name);
    } else {
        pairs.piece(" ");
    }
    pairs.piece(item);
}

/// The request for the keys that the ID token in `response` needs.
pub(crate) fn keys_request<'b>(
    client: &'b Client<'_>,
    response: &Response<'_>,
) -> Result<Request<'b>, Error> {
    let url = Metadata::need(client.metadata.jwks_uri, Name::JwksUri)?;
    Ok(Request::get(url, token::keep_keys(response, client)?))
}
