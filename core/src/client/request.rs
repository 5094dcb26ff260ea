//! What a client puts into its authorization requests, beside what belongs into each (OIDC Core §3.1.2.1).

use super::Client;

/// Optional parameters of the authorization request, in the order in which they are sent.
#[derive(Clone, Copy)]
pub(crate) struct AuthorizationRequest<'c> {
    pub(crate) response_mode: ResponseMode,
    pub(crate) prompt: Option<&'c [Prompt]>,
    pub(crate) max_age: Option<u32>,
    pub(crate) display: Option<&'c str>,
    pub(crate) ui_locales: &'c [&'c str],
    pub(crate) acr_values: &'c [&'c str],
    pub(crate) claims: Option<&'c str>,
    pub(crate) id_token_hint: Option<&'c str>,
    pub(crate) resource: &'c [&'c str],
    pub(crate) authorization_details: Option<&'c str>,
    pub(crate) login_hint: Option<&'c str>,
    pub(crate) audience: Option<&'c str>,
    pub(crate) connection: Option<&'c str>,
    pub(crate) organization: Option<&'c str>,
    pub(crate) invitation: Option<&'c str>,
    pub(crate) screen_hint: Option<&'c str>,
    pub(crate) parameters: &'c [(&'c str, &'c str)],
}

impl AuthorizationRequest<'_> {
    /// The parameters of every request, and no more.
    pub(crate) const NONE: Self = Self {
        response_mode: ResponseMode::Query,
        prompt: None,
        max_age: None,
        display: None,
        ui_locales: &[],
        acr_values: &[],
        claims: None,
        id_token_hint: None,
        resource: &[],
        authorization_details: None,
        login_hint: None,
        audience: None,
        connection: None,
        organization: None,
        invitation: None,
        screen_hint: None,
        parameters: &[],
    };
}

/// What the server shall ask the user (OIDC Core §3.1.2.1; Initiating User Registration 1.0).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Prompt {
    /// To consent, even if the user did before.
    Consent,
    /// To make an account. Stands alone.
    Create,
    /// To log in, even if the user is logged in.
    Login,
    /// Nothing: fail if anything would have to be asked. Stands alone.
    None,
    /// Which account to use.
    SelectAccount,
}

impl Prompt {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Consent => "consent",
            Self::Create => "create",
            Self::Login => "login",
            Self::None => "none",
            Self::SelectAccount => "select_account",
        }
    }
}

/// How the authorization response comes back (OAuth 2.0 Multiple Response Types §2.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ResponseMode {
    /// As a form that the browser posts (OAuth 2.0 Form Post Response Mode §2).
    FormPost,
    /// In the query of the redirect URI: the default, which is not sent.
    Query,
}

macro_rules! settings {
    ($($(#[$documentation:meta])* $setting:ident: $type:ty;)*) => {
        /// Parameters of the authorization request.
        impl<'c> Client<'c> {
            $(
                $(#[$documentation])*
                #[must_use]
                pub const fn $setting(mut self, $setting: $type) -> Self {
                    self.request.$setting = Some($setting);
                    self
                }
            )*
        }
    };
}

settings! {
    /// The API that the access token is for, as Auth0 names it.
    audience: &'c str;
    /// What exactly the access is for: the JSON text of the `authorization_details` parameter, an array of objects
    /// (RFC 9396 §2).
    authorization_details: &'c str;
    /// Claims to ask for one by one: the JSON text of the `claims` parameter (OIDC Core §5.5).
    claims: &'c str;
    /// Auth0: the identity provider to go to at once, as `google-oauth2`.
    connection: &'c str;
    /// `page`, `popup`, `touch` or `wap` (OIDC Core §3.1.2.1).
    display: &'c str;
    /// An ID token of the user who is expected (OIDC Core §3.1.2.1).
    id_token_hint: &'c str;
    /// Auth0: the ticket of an invitation to an organization.
    invitation: &'c str;
    /// Who probably signs in: an address or a name (OIDC Core §3.1.2.1).
    login_hint: &'c str;
    /// Seconds since the user last logged in, at the most; 0 asks for a login now. The ID token must then say
    /// when that was (OIDC Core §3.1.2.1).
    max_age: u32;
    /// Auth0: the organization to sign in to, by id (`org_…`) or name. The ID token must then name it.
    organization: &'c str;
    /// What the server shall ask. Without it, `offline_access` in the scope asks for consent, as
    /// OIDC Core §11 demands; an empty list sends nothing.
    prompt: &'c [Prompt];
    /// Auth0: the page to begin with, as `signup`.
    screen_hint: &'c str;
}
