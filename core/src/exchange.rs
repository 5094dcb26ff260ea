//! One request and its response, with nothing to remember between them; and how every request is built.

mod discovery;
mod fresh;
mod jwks;
mod revocation;
mod userinfo;

use zeroize::Zeroize;

use crate::{
    client::Client,
    dpop::Claims,
    encoding::{
        form::{Pairs, Place},
        writer::Writer,
    },
    error::{Error, Name},
    http::{Demand, Method, Request, Response},
    metadata::Metadata,
    sieve::{Keep, Wanted},
    time::Now,
    token,
};

pub(crate) use self::fresh::Fresh;

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
    /// [`Error::BufferTooSmall`] with the length that would do; [`Error::SignaturePending`]: again, with the same
    /// `now`.
    fn request<'b>(&'b self, now: Now, out: &'b mut [u8]) -> Result<Request<'b>, Error>;

    /// The request once more, with what the server wants to see in it ([`Response::demand`]).
    ///
    /// # Errors
    /// Those of [`Exchange::request`].
    fn request_again<'b>(
        &'b self,
        now: Now,
        demand: Demand<'b>,
        out: &'b mut [u8],
    ) -> Result<Request<'b>, Error> {
        let _ = demand;
        self.request(now, out)
    }

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
    fresh: Fresh<'_>,
    grant: &mut dyn FnMut(&mut Pairs<'_, '_>),
) -> Result<Request<'b>, Error> {
    let url = Metadata::need(client.metadata.token_endpoint, Name::TokenEndpoint)?;
    post(client, url, Keep(Wanted::Members(token::MEMBERS)), Writer::new(out), fresh, &mut |pairs| {
        grant(pairs);
        for resource in client.request.resource {
            pairs.pair("resource", resource);
        }
    })
}

/// A POST with client authentication behind the request's own parameters, and a proof where one belongs. It is
/// signed when all of it fits.
pub(crate) fn post<'b>(
    client: &'b Client<'_>,
    url: &'b str,
    keep: Keep,
    mut writer: Writer<'b>,
    fresh: Fresh<'_>,
    parameters: &mut dyn FnMut(&mut Pairs<'_, '_>),
) -> Result<Request<'b>, Error> {
    let mut pairs = Pairs::new(&mut writer, Place::Body, false);
    parameters(&mut pairs);
    let assertion = client.authentication.write_body(client, url, fresh, &mut pairs)?;
    let body_length = writer.length();
    client.authentication.write_header(client.id, &mut writer);
    let header_length = writer.length().saturating_sub(body_length);
    let proof = match client.dpop.filter(|_| fresh.nonce.is_some()) {
        Some(dpop) => {
            let claims = Claims { method: Method::Post.as_str(), url, access_token: None, number: 0 };
            Some((dpop, (dpop.proofs.write)(&dpop, &claims, fresh, &mut writer)?))
        }
        None => None,
    };
    let (written, _) = writer.finish()?;
    let assertion = assertion.map_or(Ok(()), |(key, token)| (key.assertions.sign)(&key, token, written));
    // Both are asked for, and so in the making at the same time.
    let proof = proof.map_or(Ok(()), |(dpop, token)| (dpop.proofs.sign)(&dpop, token, written));
    let signed = assertion.and(proof);
    if signed.is_err() {
        written.zeroize();
    }
    signed?;
    let (body, headers) = written.split_at_checked(body_length).unwrap_or_default();
    let (authorization, proof) = headers.split_at_checked(header_length).unwrap_or_default();
    let header = |octets: &'b [u8]| (!octets.is_empty()).then_some(text(octets));
    let (authorization, dpop) = (header(authorization), header(proof));
    Ok(Request { method: Method::Post, url, authorization, dpop, body: text(body), keep })
}

/// What was written is ASCII.
fn text(octets: &[u8]) -> &str {
    core::str::from_utf8(octets).unwrap_or_default()
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
