//! Fetching a server's metadata (OIDC Discovery §4, RFC 8414 §3).

use crate::{
    client,
    encoding::{url, writer::Writer},
    error::{Error, Name},
    exchange::Exchange,
    http::{Request, Response},
    metadata::Metadata,
    sieve::{Keep, Wanted},
    time::Now,
};

/// Fetches the metadata of an issuer.
///
/// The document must name exactly the issuer that was asked for, to the last slash; otherwise nothing of it is
/// used.
#[derive(Clone, Copy, Debug)]
pub struct Discovery<'d> {
    expected: Metadata<'d>,
    oauth: bool,
    template: Option<&'d str>,
}

impl<'d> Discovery<'d> {
    /// The OpenID way: `/.well-known/openid-configuration` behind the issuer (OIDC Discovery §4.1).
    ///
    /// # Errors
    /// [`Error::Config`] if the issuer is not an `https` URL, or has userinfo, query or fragment.
    pub fn new(issuer: &'d str) -> Result<Self, Error> {
        Self::of(Metadata::new(issuer))
    }

    /// The same for plain http to this machine. Never for a product.
    ///
    /// # Errors
    /// Those of [`Discovery::new`].
    #[cfg(feature = "insecure-loopback")]
    pub fn insecure_loopback_http(issuer: &'d str) -> Result<Self, Error> {
        Self::of(Metadata::new(issuer).insecure_loopback_http())
    }

    /// The OAuth way: `/.well-known/oauth-authorization-server` before the issuer's path (RFC 8414 §3.1).
    #[must_use]
    pub const fn oauth_authorization_server(mut self) -> Self {
        self.oauth = true;
        self
    }

    /// For a server with many tenants, whose document names a template with `{tenantid}` in place of the issuer that was
    /// asked for: it must be this one. Microsoft Entra's is `https://login.microsoftonline.com/{tenantid}/v2.0`.
    ///
    /// # Errors
    /// [`Error::Config`] if it is no such template, or of another host.
    pub fn template(mut self, template: &'d str) -> Result<Self, Error> {
        let (before, _) = client::template(template).ok_or(Error::Config(Name::Issuer))?;
        let own = url::parse(self.expected.issuer).map(|url| url.origin);
        let right = client::is_template(template, self.expected.insecure_loopback);
        if !right || url::parse(before).map(|url| url.origin) != own {
            return Err(Error::Config(Name::Issuer));
        }
        self.template = Some(template);
        Ok(self)
    }

    fn of(expected: Metadata<'d>) -> Result<Self, Error> {
        expected.check()?;
        Ok(Self { expected, oauth: false, template: None })
    }
}

impl Exchange for Discovery<'_> {
    type Output<'b> = Metadata<'b>;

    fn request<'b>(&'b self, _now: Now, out: &'b mut [u8]) -> Result<Request<'b>, Error> {
        let issuer = url::parse(self.expected.issuer).ok_or(Error::Config(Name::Issuer))?;
        let path = issuer.path.strip_suffix('/').unwrap_or(issuer.path);
        let (before, behind) = if self.oauth { ("", path) } else { (path, "") };
        let document = if self.oauth { "oauth-authorization-server" } else { "openid-configuration" };
        let mut writer = Writer::new(out);
        for piece in [issuer.origin, before, "/.well-known/", document, behind] {
            writer.text(piece.as_bytes());
        }
        let (url, _) = writer.finish()?;
        let keep = Keep(Wanted::Members(Metadata::MEMBERS));
        Ok(Request::get(core::str::from_utf8(url).unwrap_or_default(), keep))
    }

    fn response<'b>(&self, response: Response<'b>) -> Result<Metadata<'b>, Error> {
        let issuer = self.template.unwrap_or(self.expected.issuer);
        Metadata::read(response.kept()?, &self.expected.with_issuer(issuer))
    }
}
