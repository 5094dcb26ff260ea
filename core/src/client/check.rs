//! The rules for a client's settings. A fault found here costs nothing: no user has been sent anywhere yet.

use crate::{
    client::{Client, Prompt},
    client_authentication::{ClientAuthentication, is_visible},
    encoding::{
        form,
        json::{Parser, Source, Token},
        text,
        url::{self, Url},
    },
    error::{Check, Error, Name},
    id_token::MAX_TEXT,
    jws::{KeyType, MIN_SECRET},
    metadata::Metadata,
    quirks::Quirks,
    sieve::bit,
};

/// The largest difference of clocks that can be allowed, in seconds.
const MAX_CLOCK_SKEW: u32 = 300;

/// Seconds for a redirect over plain http to another machine.
const MAX_INSECURE_LIFETIME: u32 = 120;

/// Longer ones are not compared, so they cannot be configured.
pub(crate) const MAX_AUDIENCE: usize = MAX_TEXT;

/// Parameters that the core sets, or that have a setting of their own.
const RESERVED: &[&str] = &[
    "acr_values",
    "audience",
    "authorization_details",
    "claims",
    "client_assertion",
    "client_assertion_type",
    "client_id",
    "client_secret",
    "code",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    "connection",
    "display",
    "dpop_jkt",
    "grant_type",
    "id_token_hint",
    "invitation",
    "login_hint",
    "max_age",
    "nonce",
    "organization",
    "prompt",
    "redirect_uri",
    "request",
    "request_uri",
    "response_mode",
    "response_type",
    "scope",
    "screen_hint",
    "state",
    "ui_locales",
];

impl Client<'_> {
    /// What every flow needs.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.metadata.check()?;
        config(self.are_tenants_right(), Name::Issuer)?;
        config(is_visible(self.id) && self.id.len() <= MAX_AUDIENCE, Name::ClientId)?;
        config(self.scope.iter().all(|token| is_scope_token(token)), Name::Scope)?;
        config(self.clock_skew <= MAX_CLOCK_SKEW, Name::ClockSkew)?;
        config(self.trusted_audiences.iter().all(|audience| audience.len() <= MAX_AUDIENCE), Name::Aud)?;
        if self.is_openid() {
            self.check_openid()?;
        }
        if let Some(dpop) = self.dpop {
            dpop.check(&self.metadata)?;
        }
        self.authentication.check(&self.metadata)?;
        let tolerated = self.quirks.contains(self.unannounced());
        if tolerated { Ok(()) } else { Err(Check::AuthenticationMethodUnsupported.into()) }
    }

    /// [`Quirks::PUBLIC_CLIENT_NOT_ANNOUNCED`], if this is met.
    pub(crate) fn unannounced(&self) -> Quirks {
        let public = matches!(self.authentication, ClientAuthentication::None);
        let mut words = Name::TokenEndpointAuthMethodsSupported.words().unwrap_or_default().iter();
        let none = words.position(|&word| word == "none").map(bit).unwrap_or_default();
        // Metadata that was written down by hand says only what it says.
        match self.metadata.authentication_methods {
            Some(offered) if public && offered & none == 0 => Quirks::PUBLIC_CLIENT_NOT_ANNOUNCED,
            _ => Quirks::NONE,
        }
    }

    /// What the code flow needs beside that.
    pub(crate) fn check_code_flow(&self) -> Result<(), Error> {
        self.check()?;
        let endpoint = Metadata::need(self.metadata.authorization_endpoint, Name::AuthorizationEndpoint)?;
        Metadata::need(self.metadata.token_endpoint, Name::TokenEndpoint)?;
        if self.pushes() {
            Metadata::need(
                self.metadata.pushed_authorization_request_endpoint,
                Name::PushedAuthorizationRequestEndpoint,
            )?;
        }
        config(self.is_redirect_uri(), Name::RedirectUri)?;
        self.check_request()?;
        let own_query = url::parse(endpoint).and_then(|url| url.query).unwrap_or_default();
        for (name, _) in form::pairs(own_query) {
            let reserved = RESERVED.iter().any(|reserved| form::decodes_to(name, reserved));
            config(!reserved, Name::AuthorizationEndpoint)?;
        }
        self.check_pkce()
    }

    /// What a grant without a user needs: nobody signs in.
    pub(crate) fn check_without_user(&self) -> Result<(), Error> {
        self.check()?;
        Metadata::need(self.metadata.token_endpoint, Name::TokenEndpoint)?;
        config(!self.is_openid(), Name::Scope)?;
        self.check_access()
    }

    /// What the device flow needs. It has no redirect URI (RFC 8628 §3.1).
    pub(crate) fn check_device_flow(&self) -> Result<(), Error> {
        self.check()?;
        Metadata::need(self.metadata.device_authorization_endpoint, Name::DeviceAuthorizationEndpoint)?;
        Metadata::need(self.metadata.token_endpoint, Name::TokenEndpoint)?;
        self.check_request()
    }

    fn check_openid(&self) -> Result<(), Error> {
        config(self.id_tokens.is_some(), Name::Scope)?;
        config(!self.verifiers.is_empty(), Name::Alg)?;
        config(self.metadata.issuer.len() <= MAX_TEXT, Name::Issuer)?;
        let shared = self.supported_algorithms().of_type(KeyType::Secret);
        if self.keys.is_empty() && shared != self.supported_algorithms() {
            Metadata::need(self.metadata.jwks_uri, Name::JwksUri)?;
        }
        if !shared.is_empty() {
            self.check_mac()?;
        }
        let offered = self.metadata.algorithms.unwrap_or(self.supported_algorithms());
        if offered.0 & self.supported_algorithms().0 == 0 {
            return Err(Check::AlgorithmUnsupported.into());
        }
        Ok(())
    }

    /// Only a client with a secret can check a MAC, and a short one can be guessed (OIDC Core §10.1, §16.19).
    fn check_mac(&self) -> Result<(), Error> {
        let secret = self.authentication.secret().ok_or(Error::Config(Name::Alg))?;
        if secret.len() < MIN_SECRET { Err(Check::KeyTooWeak.into()) } else { Ok(()) }
    }

    /// A list without S256 says that the server does something else (RFC 9700 §2.1.1).
    fn check_pkce(&self) -> Result<(), Error> {
        match self.metadata.challenge_methods {
            Some(0) => Err(Check::PkceUnsupported.into()),
            None if !self.quirks.contains(Quirks::PKCE_NOT_ANNOUNCED) => Err(Check::PkceUnsupported.into()),
            _ => Ok(()),
        }
    }

    fn check_request(&self) -> Result<(), Error> {
        let request = &self.request;
        let prompt = request.prompt.unwrap_or_default();
        let alone = prompt.iter().any(|prompt| matches!(prompt, Prompt::Create | Prompt::None));
        config(!alone || prompt.len() == 1, Name::Prompt)?;
        self.check_access()?;
        let acr_values = request.acr_values;
        config(acr_values.iter().all(|acr| is_list_item(acr) && acr.len() <= MAX_TEXT), Name::AcrValues)?;
        config(request.ui_locales.iter().all(|locale| is_list_item(locale)), Name::UiLocales)?;
        let claims = request.claims.unwrap_or("{}").as_bytes();
        config(Source::Plain(claims).visit(&mut |_, _| Ok(())).is_ok(), Name::Claims)?;
        self.check_parameters()
    }

    fn check_access(&self) -> Result<(), Error> {
        let request = &self.request;
        config(request.resource.iter().all(|resource| is_resource(resource)), Name::Resource)?;
        let details = request.authorization_details;
        config(details.is_none_or(is_list_of_objects), Name::AuthorizationDetails)
    }

    fn check_parameters(&self) -> Result<(), Error> {
        let parameters = self.request.parameters;
        for parameter in parameters {
            let (name, _) = parameter;
            let mut before = parameters.iter().take_while(|other| !core::ptr::eq(*other, parameter));
            // Only `resource` may come more than once (RFC 8707 §2).
            let repeated = *name != "resource" && before.any(|(other, _)| other == name);
            config(!name.is_empty() && !repeated && !RESERVED.contains(name), Name::Parameter)?;
        }
        Ok(())
    }

    /// Seconds for a user to come back. Where the response crosses the network unencrypted, who listens has no more than
    /// two minutes to use it for anything.
    pub(crate) fn redirect_lifetime(&self) -> u32 {
        let plain = url::parse(self.redirect_uri).is_some_and(|url| !url.secure && !url.is_loopback());
        if plain { self.lifetime.min(MAX_INSECURE_LIFETIME) } else { self.lifetime }
    }

    fn is_redirect_uri(&self) -> bool {
        match url::parse(self.redirect_uri) {
            Some(Url { fragment: true, .. }) => false,
            Some(url) => {
                url.secure
                    || url.is_loopback_address()
                    || (url.host == "localhost" && self.insecure_redirect.localhost)
                    || (url.host != "localhost" && self.insecure_redirect.lan)
            }
            None => is_private_use(self.redirect_uri),
        }
    }
}

fn config(holds: bool, name: Name) -> Result<(), Error> {
    if holds { Ok(()) } else { Err(Error::Config(name)) }
}

/// RFC 6749 §3.3.
fn is_scope_token(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|octet| matches!(octet, 0x21 | 0x23..=0x5B | 0x5D..=0x7E))
}

/// An item of a list that is joined with spaces.
fn is_list_item(item: &str) -> bool {
    !item.is_empty() && item.bytes().all(|octet| octet > b' ')
}

/// An absolute URI without a fragment (RFC 8707 §2).
fn is_resource(resource: &str) -> bool {
    let (scheme, rest) = text::split_once(resource, b':').unwrap_or_default();
    is_scheme(scheme) && !rest.is_empty() && is_plain(rest)
}

/// A JSON array of objects, and not an empty one (RFC 9396 §2).
fn is_list_of_objects(list: &str) -> bool {
    let mut parser = Parser::new();
    let (mut members, mut objects) = (0u32, 0u32);
    // The parser reads objects, so the list becomes a member of one.
    for mut piece in [&b"{\"\":"[..], list.as_bytes(), b"}"] {
        loop {
            match (parser.next(&mut piece), parser.depth()) {
                (Ok(None), _) => break,
                (Ok(Some(Token::NameStart)), 1) => members = members.saturating_add(1),
                (Ok(Some(Token::ObjectEnd)), 2) => objects = objects.saturating_add(1),
                (Ok(Some(Token::NameEnd | Token::ArrayEnd)), 1) => {}
                (Ok(Some(Token::ObjectStart)), 1) => {}
                (Ok(Some(Token::ArrayStart)), 2) => {}
                (Ok(Some(_)), 0 | 3..) => {}
                _ => return false,
            }
        }
    }
    parser.finish().is_ok() && members == 1 && objects > 0
}

/// A private-use scheme names its owner in reverse, so it has a dot (RFC 8252 §7.1).
fn is_private_use(uri: &str) -> bool {
    let (scheme, rest) = text::split_once(uri, b':').unwrap_or_default();
    is_scheme(scheme) && scheme.bytes().any(|octet| octet == b'.') && is_plain(rest)
}

fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'-' | b'.'))
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|octet| matches!(octet, 0x21..=0x7E) && octet != b'#')
}
