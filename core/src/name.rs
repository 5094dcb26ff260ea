//! The names of parameters, members, claims and settings that the core knows.

use core::fmt;

macro_rules! names {
    ($($variant:ident = $text:literal,)*) => {
        /// A parameter, member, claim, header or setting, by its RFC name.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum Name {
            $(#[doc = concat!("`", $text, "`")] $variant,)*
        }

        impl Name {
            /// The name as it stands on the wire.
            pub const fn as_str(self) -> &'static str {
                // The place of a variant is the place of its text.
                const TEXTS: &[&str] = &[$($text),*];
                match TEXTS.split_at_checked(self as usize) {
                    Some((_, [text, ..])) => text,
                    _ => "",
                }
            }
        }
    };
}

names! {
    AccessToken = "access_token",
    Acr = "acr",
    AcrValues = "acr_values",
    Alg = "alg",
    Assertion = "assertion",
    AtHash = "at_hash",
    Aud = "aud",
    Audience = "audience",
    AuthTime = "auth_time",
    AuthorizationDetails = "authorization_details",
    AuthorizationEndpoint = "authorization_endpoint",
    AuthorizationResponseIssParameterSupported = "authorization_response_iss_parameter_supported",
    Azp = "azp",
    Body = "body",
    CHash = "c_hash",
    Claims = "claims",
    ClientAssertion = "client_assertion",
    ClientId = "client_id",
    ClientSecret = "client_secret",
    ClockSkew = "clock_skew",
    Code = "code",
    CodeChallenge = "code_challenge",
    CodeChallengeMethod = "code_challenge_method",
    CodeChallengeMethodsSupported = "code_challenge_methods_supported",
    CodeVerifier = "code_verifier",
    Connection = "connection",
    Crit = "crit",
    Crv = "crv",
    D = "d",
    DeviceAuthorizationEndpoint = "device_authorization_endpoint",
    DeviceCode = "device_code",
    DeviceId = "device_id",
    DeviceSecret = "device_secret",
    Display = "display",
    DpopJkt = "dpop_jkt",
    DpopNonce = "DPoP-Nonce",
    DpopSigningAlgValuesSupported = "dpop_signing_alg_values_supported",
    E = "e",
    EndSessionEndpoint = "end_session_endpoint",
    Error = "error",
    ErrorDescription = "error_description",
    ErrorUri = "error_uri",
    Events = "events",
    Exp = "exp",
    ExpiresIn = "expires_in",
    GrantType = "grant_type",
    Iat = "iat",
    IdToken = "id_token",
    IdTokenHint = "id_token_hint",
    IdTokenSigningAlgValuesSupported = "id_token_signing_alg_values_supported",
    Interval = "interval",
    Invitation = "invitation",
    Iss = "iss",
    Issuer = "issuer",
    Jti = "jti",
    JwksUri = "jwks_uri",
    K = "k",
    KeyOps = "key_ops",
    Keys = "keys",
    Kid = "kid",
    Kty = "kty",
    LoginHint = "login_hint",
    MaxAge = "max_age",
    MaxIssuedAge = "max_issued_age",
    N = "n",
    Nbf = "nbf",
    Nonce = "nonce",
    OrgId = "org_id",
    OrgName = "org_name",
    Organization = "organization",
    P = "p",
    Parameter = "parameter",
    Prompt = "prompt",
    PushedAuthorizationRequestEndpoint = "pushed_authorization_request_endpoint",
    Realm = "realm",
    RedirectUri = "redirect_uri",
    RefreshToken = "refresh_token",
    Relay = "relay",
    Request = "request",
    RequestUri = "request_uri",
    RequirePushedAuthorizationRequests = "require_pushed_authorization_requests",
    Resource = "resource",
    Response = "response",
    ResponseMode = "response_mode",
    ResponseType = "response_type",
    ResponseTypesSupported = "response_types_supported",
    RevocationEndpoint = "revocation_endpoint",
    SHash = "s_hash",
    Scope = "scope",
    ScreenHint = "screen_hint",
    Sid = "sid",
    State = "state",
    Status = "status",
    Sub = "sub",
    Tid = "tid",
    TokenEndpoint = "token_endpoint",
    TokenEndpointAuthMethodsSupported = "token_endpoint_auth_methods_supported",
    TokenEndpointAuthSigningAlgValuesSupported = "token_endpoint_auth_signing_alg_values_supported",
    TokenType = "token_type",
    Typ = "typ",
    UiLocales = "ui_locales",
    Url = "url",
    Use = "use",
    UserCode = "user_code",
    UserinfoEndpoint = "userinfo_endpoint",
    VerificationUri = "verification_uri",
    VerificationUriComplete = "verification_uri_complete",
    VerificationUrl = "verification_url",
    X = "x",
    Y = "y",
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
