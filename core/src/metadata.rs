//! What is known of a server: its issuer, endpoints and abilities (RFC 8414 §2, OIDC Discovery §3).

use crate::{
    client::is_template,
    encoding::url,
    error::{Check, Error, Name},
    jws::{Algorithm, Algorithms},
    sieve::{Kept, Value},
};

/// A server's issuer, endpoints and abilities.
///
/// It comes from [`Discovery`](crate::exchange::Discovery), or is written down by hand, as a constant:
///
/// ```
/// # use keyfob_core::metadata::Metadata;
/// const SERVER: Metadata<'static> = Metadata::new("https://op.example")
///     .authorization_endpoint("https://op.example/authorize")
///     .token_endpoint("https://op.example/token")
///     .jwks_uri("https://op.example/jwks");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Metadata<'m> {
    pub(crate) issuer: &'m str,
    pub(crate) authorization_endpoint: Option<&'m str>,
    pub(crate) device_authorization_endpoint: Option<&'m str>,
    pub(crate) end_session_endpoint: Option<&'m str>,
    pub(crate) jwks_uri: Option<&'m str>,
    pub(crate) pushed_authorization_request_endpoint: Option<&'m str>,
    pub(crate) revocation_endpoint: Option<&'m str>,
    pub(crate) token_endpoint: Option<&'m str>,
    pub(crate) userinfo_endpoint: Option<&'m str>,
    /// `None` where the server does not say.
    pub(crate) algorithms: Option<Algorithms>,
    pub(crate) authentication_algorithms: Option<Algorithms>,
    pub(crate) authentication_methods: Option<u32>,
    pub(crate) challenge_methods: Option<u32>,
    pub(crate) dpop_algorithms: Option<Algorithms>,
    pub(crate) iss_parameter: bool,
    pub(crate) pushes_required: bool,
    pub(crate) insecure_loopback: bool,
    /// It was read from a document, and checked then.
    checked: bool,
}

macro_rules! endpoints {
    ($($(#[$documentation:meta])* $endpoint:ident = $name:ident;)*) => {
        /// Endpoints. They are checked when a flow or an exchange is made: each an `https` URL without userinfo
        /// and fragment.
        impl<'m> Metadata<'m> {
            $(
                $(#[$documentation])*
                #[must_use]
                pub const fn $endpoint(mut self, url: &'m str) -> Self {
                    self.$endpoint = Some(url);
                    self.checked = false;
                    self
                }
            )*

            pub(crate) fn endpoints(&self) -> [(Name, Option<&'m str>); 8] {
                [$((Name::$name, self.$endpoint),)*]
            }
        }
    };
}

endpoints! {
    /// Where users are sent (RFC 6749 §3.1).
    authorization_endpoint = AuthorizationEndpoint;
    /// Where codes and refresh tokens are exchanged (RFC 6749 §3.2).
    token_endpoint = TokenEndpoint;
    /// Where the keys are (OIDC Discovery §3).
    jwks_uri = JwksUri;
    /// Where claims about the user are (OIDC Core §5.3).
    userinfo_endpoint = UserinfoEndpoint;
    /// Where tokens are revoked (RFC 7009).
    revocation_endpoint = RevocationEndpoint;
    /// Where users sign out (RP-Initiated Logout §2.1).
    end_session_endpoint = EndSessionEndpoint;
    /// Where a device gets the codes that its user enters elsewhere (RFC 8628 §4).
    device_authorization_endpoint = DeviceAuthorizationEndpoint;
    /// Where authorization requests are pushed before the user is sent (RFC 9126 §5).
    pushed_authorization_request_endpoint = PushedAuthorizationRequestEndpoint;
}

impl<'m> Metadata<'m> {
    /// A server of which only the issuer is known yet.
    pub const fn new(issuer: &'m str) -> Self {
        Self {
            issuer,
            authorization_endpoint: None,
            device_authorization_endpoint: None,
            end_session_endpoint: None,
            jwks_uri: None,
            pushed_authorization_request_endpoint: None,
            revocation_endpoint: None,
            token_endpoint: None,
            userinfo_endpoint: None,
            algorithms: None,
            authentication_algorithms: None,
            authentication_methods: None,
            challenge_methods: None,
            dpop_algorithms: None,
            iss_parameter: false,
            pushes_required: false,
            insecure_loopback: false,
            checked: false,
        }
    }

    /// The server puts `iss` into its authorization responses (RFC 9207 §3); from then on it must be there.
    #[must_use]
    pub const fn authorization_response_iss_parameter_supported(mut self, supported: bool) -> Self {
        self.iss_parameter = supported;
        self
    }

    /// The server takes authorization requests only if they were pushed (RFC 9126 §5).
    #[must_use]
    pub const fn require_pushed_authorization_requests(mut self, required: bool) -> Self {
        self.pushes_required = required;
        self
    }

    /// The server does PKCE with S256 (RFC 7636), for clients that insist on knowing it.
    #[must_use]
    pub const fn code_challenge_s256_supported(mut self) -> Self {
        self.challenge_methods = Some(1);
        self
    }

    /// Allows plain http to this machine: `127.0.0.1`, `[::1]`, `localhost`. Never for a product.
    #[cfg(feature = "insecure-loopback")]
    #[must_use]
    pub const fn insecure_loopback_http(mut self) -> Self {
        self.insecure_loopback = true;
        self
    }

    /// The issuer, exactly as the server writes it.
    pub const fn issuer(&self) -> &'m str {
        self.issuer
    }

    /// The UserInfo endpoint, if the server has one.
    pub const fn userinfo(&self) -> Option<&'m str> {
        self.userinfo_endpoint
    }

    /// The revocation endpoint, if the server has one.
    pub const fn revocation(&self) -> Option<&'m str> {
        self.revocation_endpoint
    }

    /// The end-session endpoint, if the server has one.
    pub const fn end_session(&self) -> Option<&'m str> {
        self.end_session_endpoint
    }

    /// The device authorization endpoint, if the server has one.
    pub const fn device_authorization(&self) -> Option<&'m str> {
        self.device_authorization_endpoint
    }

    /// The endpoint for pushed authorization requests, if the server has one.
    pub const fn pushed_authorization_request(&self) -> Option<&'m str> {
        self.pushed_authorization_request_endpoint
    }

    /// Whether the server says that `iss` comes with its authorization responses.
    pub const fn announces_iss(&self) -> bool {
        self.iss_parameter
    }

    /// Whether the server says that it binds tokens to keys of this algorithm (RFC 9449 §5.1): then tokens that serve
    /// only who holds [a key](crate::dpop) are the better choice (RFC 9700 §2.2.1).
    pub fn announces_dpop(&self, algorithm: Algorithm) -> bool {
        self.dpop_algorithms.is_some_and(|offered| offered.0 & Algorithms::one(algorithm).0 != 0)
    }

    /// The same under another issuer.
    pub(crate) const fn with_issuer(mut self, issuer: &'m str) -> Self {
        self.issuer = issuer;
        self
    }

    /// An endpoint that is needed.
    pub(crate) fn need(endpoint: Option<&'m str>, name: Name) -> Result<&'m str, Error> {
        endpoint.ok_or(Error::Check(Check::MissingMember(name)))
    }

    /// CFG-05, CFG-13.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.checked {
            return Ok(());
        }
        if !is_issuer(self.issuer, self.insecure_loopback) {
            return Err(Error::Config(Name::Issuer));
        }
        self.check_endpoints()
    }

    fn check_endpoints(&self) -> Result<(), Error> {
        for (name, endpoint) in self.endpoints() {
            if endpoint.is_some_and(|endpoint| !is_endpoint(endpoint, self.insecure_loopback)) {
                return Err(Check::InsecureUrl(name).into());
            }
        }
        Ok(())
    }

    /// Members of a metadata document that are read.
    pub(crate) const MEMBERS: &'static [Name] = &[
        Name::Issuer,
        Name::AuthorizationEndpoint,
        Name::TokenEndpoint,
        Name::JwksUri,
        Name::UserinfoEndpoint,
        Name::RevocationEndpoint,
        Name::EndSessionEndpoint,
        Name::DeviceAuthorizationEndpoint,
        Name::PushedAuthorizationRequestEndpoint,
        Name::RequirePushedAuthorizationRequests,
        Name::ResponseTypesSupported,
        Name::IdTokenSigningAlgValuesSupported,
        Name::TokenEndpointAuthMethodsSupported,
        Name::TokenEndpointAuthSigningAlgValuesSupported,
        Name::DpopSigningAlgValuesSupported,
        Name::CodeChallengeMethodsSupported,
        Name::AuthorizationResponseIssParameterSupported,
    ];

    /// Reads a metadata document, which must be `expected`'s own (RFC 8414 §3.3).
    pub(crate) fn read(kept: Kept<'m>, expected: &Metadata<'_>) -> Result<Self, Error> {
        let issuer = text(kept, Name::Issuer)?.ok_or(Check::MissingMember(Name::Issuer))?;
        if issuer != expected.issuer {
            return Err(Check::IssuerMismatch.into());
        }
        let metadata = Self {
            authorization_endpoint: text(kept, Name::AuthorizationEndpoint)?,
            device_authorization_endpoint: text(kept, Name::DeviceAuthorizationEndpoint)?,
            end_session_endpoint: text(kept, Name::EndSessionEndpoint)?,
            jwks_uri: text(kept, Name::JwksUri)?,
            pushed_authorization_request_endpoint: text(kept, Name::PushedAuthorizationRequestEndpoint)?,
            revocation_endpoint: text(kept, Name::RevocationEndpoint)?,
            token_endpoint: text(kept, Name::TokenEndpoint)?,
            userinfo_endpoint: text(kept, Name::UserinfoEndpoint)?,
            algorithms: list(kept, Name::IdTokenSigningAlgValuesSupported)?.map(Algorithms),
            authentication_algorithms: list(kept, Name::TokenEndpointAuthSigningAlgValuesSupported)?
                .map(Algorithms),
            authentication_methods: Some(
                list(kept, Name::TokenEndpointAuthMethodsSupported)?.unwrap_or(CLIENT_SECRET_BASIC),
            ),
            challenge_methods: list(kept, Name::CodeChallengeMethodsSupported)?,
            dpop_algorithms: list(kept, Name::DpopSigningAlgValuesSupported)?.map(Algorithms),
            iss_parameter: flag(kept, Name::AuthorizationResponseIssParameterSupported)?,
            pushes_required: flag(kept, Name::RequirePushedAuthorizationRequests)?,
            insecure_loopback: expected.insecure_loopback,
            checked: true,
            ..Self::new(issuer)
        };
        Self::need(metadata.token_endpoint, Name::TokenEndpoint)?;
        metadata.check_endpoints()?;
        match list(kept, Name::ResponseTypesSupported)? {
            None => Err(Check::MissingMember(Name::ResponseTypesSupported).into()),
            Some(0) if metadata.authorization_endpoint.is_some() => {
                Err(Check::ResponseTypeUnsupported.into())
            }
            Some(_) => Ok(metadata),
        }
    }
}

/// What a document that does not say offers (RFC 8414 §2): the second of the known words.
const CLIENT_SECRET_BASIC: u32 = 2;

/// An issuer is an address without a query, or a template of such addresses (CFG-05).
fn is_issuer(issuer: &str, insecure_loopback: bool) -> bool {
    let fixed =
        url::parse(issuer).is_some_and(|url| url.is_allowed(insecure_loopback) && url.query.is_none());
    fixed || is_template(issuer, insecure_loopback)
}

/// An endpoint is safe to send a request or a user to (CFG-13, DISC-07).
fn is_endpoint(endpoint: &str, insecure_loopback: bool) -> bool {
    url::parse(endpoint).is_some_and(|url| url.is_allowed(insecure_loopback))
}

fn text<'m>(kept: Kept<'m>, name: Name) -> Result<Option<&'m str>, Error> {
    match kept.get(name) {
        None => Ok(None),
        Some(Value::Text(text)) => Ok(Some(text)),
        Some(_) => Err(Check::WrongType(name).into()),
    }
}

fn list(kept: Kept<'_>, name: Name) -> Result<Option<u32>, Error> {
    match kept.get(name) {
        None => Ok(None),
        Some(Value::List(words)) => Ok(Some(words)),
        Some(_) => Err(Check::WrongType(name).into()),
    }
}

fn flag(kept: Kept<'_>, name: Name) -> Result<bool, Error> {
    match kept.get(name) {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(flag),
        Some(_) => Err(Check::WrongType(name).into()),
    }
}
