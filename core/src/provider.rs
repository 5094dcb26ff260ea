//! Servers that many use: where they are, and what they do differently.
//!
//! A preset holds facts and nothing else; [`Provider::client`] puts them into a client, where each can be set anew:
//!
//! ```
//! use keyfob_core::{client::Client, provider};
//!
//! const SERVER: keyfob_core::metadata::Metadata<'static> = provider::GITHUB.endpoints();
//! static CLIENT: Client<'static> = provider::GITHUB.client(SERVER, "client-id").scope(&["read:user"]);
//! ```
//!
//! The others announce their endpoints; [`Provider::issuer`] gives the address to ask at.

use crate::{
    client::{Client, ResponseMode},
    encoding::{text, url, writer::Writer},
    error::{Error, Name},
    metadata::Metadata,
    quirks::Quirks,
};

/// The facts about a server.
#[derive(Clone, Copy, Debug)]
pub struct Provider {
    issuer: &'static str,
    endpoints: Metadata<'static>,
    quirks: Quirks,
    response_mode: ResponseMode,
    parameters: &'static [(&'static str, &'static str)],
    openid: bool,
}

/// Sign in with Apple. `name` and `email` come only by form post, the client secret is a JWT of the application's own,
/// and what Apple posts about the user the first time beside the code is not signed: it is not read.
pub const APPLE: Provider = Provider::new("https://appleid.apple.com")
    .quirks(Quirks::PKCE_NOT_ANNOUNCED.with(Quirks::BOOLEAN_AS_TEXT))
    .response_mode(ResponseMode::FormPost);

/// Auth0: the domain of the tenant, or the custom domain. Its issuer ends with `/`.
pub const AUTH0: Provider = Provider::new("https://{domain}/")
    .quirks(Quirks::ERROR_STATUS.with(Quirks::PUBLIC_CLIENT_NOT_ANNOUNCED).with(Quirks::TIME_AS_TEXT));

/// Amazon Cognito: `region`, `user pool`. Its UserInfo has booleans as text.
pub const COGNITO: Provider = Provider::new("https://cognito-idp.{region}.amazonaws.com/{pool}")
    .quirks(UNANNOUNCED.with(Quirks::BOOLEAN_AS_TEXT));

/// Microsoft Entra ID: the identifier of the tenant, or `common` or `organizations` for many, which goes with
/// [`ENTRA_TEMPLATE`] and [`Client::tenants`].
pub const ENTRA: Provider = Provider::new("https://login.microsoftonline.com/{tenant}/v2.0").quirks(
    UNANNOUNCED
        .with(Quirks::AUTHORIZATION_DECLINED)
        .with(Quirks::ERROR_TEXT)
        .with(Quirks::ERROR_WITH_STATUS_200)
        .with(Quirks::LIFETIME_AS_TEXT),
);

/// The issuer in the metadata of Microsoft Entra's `common` and `organizations`, for
/// [`Discovery::template`](crate::exchange::Discovery::template).
pub const ENTRA_TEMPLATE: &str = "https://login.microsoftonline.com/{tenantid}/v2.0";

/// GitHub: OAuth without OpenID, and without metadata: [`Provider::endpoints`] has what there is.
pub const GITHUB: Provider = Provider::new("https://github.com/login/oauth")
    .quirks(
        Quirks::ERROR_WITH_STATUS_200.with(Quirks::INTERVAL_WITH_SLOW_DOWN).with(Quirks::PKCE_NOT_ANNOUNCED),
    )
    .oauth(
        Metadata::new("https://github.com/login/oauth")
            .authorization_endpoint("https://github.com/login/oauth/authorize")
            .token_endpoint("https://github.com/login/oauth/access_token")
            .device_authorization_endpoint("https://github.com/login/device/code"),
    );

/// Google. A refresh token comes with `access_type=offline` alone, which is asked for here; `offline_access` is no scope
/// there.
pub const GOOGLE: Provider = Provider::new("https://accounts.google.com")
    .quirks(Quirks::ERROR_STATUS.with(Quirks::PUBLIC_CLIENT_NOT_ANNOUNCED).with(Quirks::VERIFICATION_URL))
    .parameters(&[("access_type", "offline")]);

/// Keycloak: host, realm.
pub const KEYCLOAK: Provider =
    Provider::new("https://{host}/realms/{realm}").quirks(Quirks::PUBLIC_CLIENT_NOT_ANNOUNCED);

/// Okta: the domain of the organization; of a custom authorization server `domain/oauth2/default`.
pub const OKTA: Provider = Provider::new("https://{domain}");

/// Servers that do PKCE, take public clients, and announce neither.
const UNANNOUNCED: Quirks = Quirks::PKCE_NOT_ANNOUNCED.with(Quirks::PUBLIC_CLIENT_NOT_ANNOUNCED);

impl Provider {
    /// A server that this module does not know. `{…}` in the issuer is a place for a text of the application's.
    pub const fn new(issuer: &'static str) -> Self {
        Self {
            issuer,
            endpoints: Metadata::new(issuer),
            quirks: Quirks::NONE,
            response_mode: ResponseMode::Query,
            parameters: &[],
            openid: true,
        }
    }

    /// With these quirks, and no others.
    #[must_use]
    pub const fn quirks(mut self, quirks: Quirks) -> Self {
        self.quirks = quirks;
        self
    }

    /// With another way for responses to come back.
    #[must_use]
    pub const fn response_mode(mut self, response_mode: ResponseMode) -> Self {
        self.response_mode = response_mode;
        self
    }

    /// With parameters that its authorization requests have beside the usual.
    #[must_use]
    pub const fn parameters(mut self, parameters: &'static [(&'static str, &'static str)]) -> Self {
        self.parameters = parameters;
        self
    }

    /// A server that signs nobody in and announces nothing; these are its endpoints.
    #[must_use]
    pub const fn oauth(mut self, endpoints: Metadata<'static>) -> Self {
        self.endpoints = endpoints;
        self.openid = false;
        self
    }

    /// What the server does differently.
    pub const fn known_quirks(&self) -> Quirks {
        self.quirks
    }

    /// The endpoints, where they are known without asking; otherwise only the issuer.
    pub const fn endpoints(&self) -> Metadata<'static> {
        self.endpoints
    }

    /// The issuer, with `texts` put into its places in turn, written into `out`: `&["acme.eu.auth0.com"]` gives
    /// `https://acme.eu.auth0.com/`.
    ///
    /// # Errors
    /// [`Error::Config`] if there are more or fewer places than texts, or what comes out is no issuer;
    /// [`Error::BufferTooSmall`] with the length that would do.
    pub fn issuer<'o>(&self, texts: &[&str], out: &'o mut [u8]) -> Result<&'o str, Error> {
        let mut writer = Writer::new(out);
        let (mut rest, mut texts) = (self.issuer, texts.iter());
        let wrong = Error::Config(Name::Issuer);
        while let Some((before, behind)) = text::split_once(rest, b'{') {
            let (_, behind) = text::split_once(behind, b'}').ok_or(wrong)?;
            let text = texts.next().filter(|text| is_part(text)).ok_or(wrong)?;
            writer.text(before.as_bytes());
            writer.text(text.as_bytes());
            rest = behind;
        }
        writer.text(rest.as_bytes());
        if texts.next().is_some() {
            return Err(wrong);
        }
        let (issuer, _) = writer.finish()?;
        let issuer = core::str::from_utf8(issuer).unwrap_or_default();
        match url::parse(issuer) {
            Some(url) if url.is_allowed(false) && url.query.is_none() => Ok(issuer),
            _ => Err(wrong),
        }
    }

    /// A client of this server, at the endpoints that discovery found or [`Provider::endpoints`] names. It tolerates the
    /// quirks that this server is known for, and no others.
    pub const fn client<'c>(&self, metadata: Metadata<'c>, client_id: &'c str) -> Client<'c> {
        let client =
            if self.openid { Client::new(metadata, client_id) } else { Client::oauth(metadata, client_id) };
        client.quirks(self.quirks).response_mode(self.response_mode).parameters(self.parameters)
    }
}

/// A host or a path, or a piece of one.
fn is_part(text: &str) -> bool {
    let plain =
        |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_' | b'~' | b'/' | b':');
    !text.is_empty() && !text.starts_with('/') && !text.ends_with('/') && text.bytes().all(plain)
}
