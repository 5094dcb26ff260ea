//! Who asks, for what, and what it accepts as an answer (RFC 6749 §2).

mod check;
mod request;
mod tenants;

pub(crate) use self::request::AuthorizationRequest;
pub use self::request::{Prompt, ResponseMode};
pub(crate) use self::tenants::{TENANT, Tenants, is_template, template};

use crate::{
    client_authentication::ClientAuthentication,
    dpop::Dpop,
    id_token::IdTokens,
    jwk::KeySet,
    jws::{Algorithms, Rs256, Verifier},
    metadata::Metadata,
    quirks::Quirks,
};

/// A client of one server. It borrows everything, so the whole of it can be a constant in flash.
///
/// ```
/// # use keyfob_core::{client::Client, metadata::Metadata};
/// # const SERVER: Metadata<'static> = Metadata::new("https://tenant.auth0.com/");
/// static CLIENT: Client<'static> = Client::new(SERVER, "client-id")
///     .redirect_uri("com.example.app:/callback")
///     .scope(&["openid", "profile"])
///     .audience("https://api.example.com");
/// ```
///
/// The settings are checked when a flow is made from them; every fault is
/// [`Error::Config`](crate::error::Error::Config) with the name of the setting.
#[derive(Clone, Copy)]
pub struct Client<'c> {
    pub(crate) metadata: Metadata<'c>,
    pub(crate) id: &'c str,
    pub(crate) redirect_uri: &'c str,
    pub(crate) scope: &'c [&'c str],
    pub(crate) authentication: ClientAuthentication<'c>,
    pub(crate) dpop: Option<Dpop<'c>>,
    pub(crate) request: AuthorizationRequest<'c>,
    pub(crate) verifiers: &'c [&'c dyn Verifier],
    pub(crate) id_tokens: Option<&'static IdTokens>,
    pub(crate) keys: KeySet<'c>,
    pub(crate) clock_skew: u32,
    pub(crate) lifetime: u32,
    pub(crate) max_issued_age: Option<u32>,
    pub(crate) max_key_trials: u8,
    pub(crate) acr_required: bool,
    pub(crate) azp_ignored: bool,
    pub(crate) pushed: bool,
    pub(crate) quirks: Quirks,
    pub(crate) trusted_audiences: &'c [&'c str],
    pub(crate) subject: Option<&'c str>,
    pub(crate) tenants: Tenants<'c>,
    pub(crate) insecure_redirect: InsecureRedirect,
}

/// Plain http redirect URIs that were allowed by name.
#[derive(Clone, Copy, Default)]
pub(crate) struct InsecureRedirect {
    pub(crate) localhost: bool,
    pub(crate) lan: bool,
}

/// Seconds that clocks may differ, unless set.
const CLOCK_SKEW: u32 = 60;

/// Keys that are tried for one token, unless set.
const MAX_KEY_TRIALS: u8 = 4;

/// Seconds for a user to come back, unless set.
const LIFETIME: u32 = 600;

impl<'c> Client<'c> {
    /// A public client with the scope `openid` that accepts RS256.
    pub const fn new(metadata: Metadata<'c>, client_id: &'c str) -> Self {
        Self {
            metadata,
            id: client_id,
            redirect_uri: "",
            scope: &["openid"],
            authentication: ClientAuthentication::None,
            dpop: None,
            request: AuthorizationRequest::NONE,
            verifiers: &[&Rs256],
            id_tokens: Some(&IdTokens::CHECK),
            keys: KeySet::EMPTY,
            clock_skew: CLOCK_SKEW,
            lifetime: LIFETIME,
            max_issued_age: None,
            max_key_trials: MAX_KEY_TRIALS,
            acr_required: false,
            azp_ignored: false,
            pushed: false,
            quirks: Quirks::DEFAULT,
            trusted_audiences: &[],
            subject: None,
            tenants: Tenants::One,
            insecure_redirect: InsecureRedirect { localhost: false, lan: false },
        }
    }

    /// A public client that wants access and no sign-in: without `openid` in its scope, and without the code
    /// that checks ID tokens, which is not linked then.
    pub const fn oauth(metadata: Metadata<'c>, client_id: &'c str) -> Self {
        let mut client = Self::new(metadata, client_id);
        client.scope = &[];
        client.verifiers = &[];
        client.id_tokens = None;
        client
    }

    /// The redirect URI, sent and compared octet by octet as it stands here: `https`, a private-use scheme with
    /// a dot (RFC 8252 §7.1), or plain http to the literal `127.0.0.1` or `[::1]` (§7.3).
    #[must_use]
    pub const fn redirect_uri(mut self, redirect_uri: &'c str) -> Self {
        self.redirect_uri = redirect_uri;
        self
    }

    /// The scope, a value each (RFC 6749 §3.3). With `openid` among them an ID token is demanded and checked;
    /// without, none is looked at.
    #[must_use]
    pub const fn scope(mut self, scope: &'c [&'c str]) -> Self {
        self.scope = scope;
        self
    }

    /// How the client authenticates; [`ClientAuthentication::None`] unless set.
    #[must_use]
    pub const fn authentication(mut self, authentication: ClientAuthentication<'c>) -> Self {
        self.authentication = authentication;
        self
    }

    /// Asks for tokens that serve only who holds a key (RFC 9449).
    #[must_use]
    pub const fn dpop(mut self, dpop: Dpop<'c>) -> Self {
        self.dpop = Some(dpop);
        self
    }

    /// Asks for the response as a form post.
    #[must_use]
    pub const fn response_mode(mut self, response_mode: ResponseMode) -> Self {
        self.request.response_mode = response_mode;
        self
    }

    /// Languages for the server's pages, best first (BCP 47).
    #[must_use]
    pub const fn ui_locales(mut self, ui_locales: &'c [&'c str]) -> Self {
        self.request.ui_locales = ui_locales;
        self
    }

    /// Ways of authentication that are wished for, best first (OIDC Core §3.1.2.1).
    #[must_use]
    pub const fn acr_values(mut self, acr_values: &'c [&'c str]) -> Self {
        self.request.acr_values = acr_values;
        self
    }

    /// The same as a demand: an ID token with another `acr`, or none, is refused.
    #[must_use]
    pub const fn required_acr_values(mut self, acr_values: &'c [&'c str]) -> Self {
        self.acr_required = true;
        self.acr_values(acr_values)
    }

    /// The resources that the access token is for: absolute URIs without fragment (RFC 8707 §2).
    #[must_use]
    pub const fn resource(mut self, resource: &'c [&'c str]) -> Self {
        self.request.resource = resource;
        self
    }

    /// Sends authorization requests to the server first, and the user with no more than a reference to them
    /// (RFC 9126): nobody on the way reads or changes them, and the address becomes short enough for a small QR
    /// code. Without this setting it is done where the server requires it.
    #[must_use]
    pub const fn pushed_authorization_request(mut self) -> Self {
        self.pushed = true;
        self
    }

    /// Any other parameter of the authorization request and of the device authorization request, each name once. Here
    /// goes what a product knows of the user's nearness, such as a common network or a beacon, to a server that asks for it
    /// (Cross-Device Flows: Security Best Current Practice).
    #[must_use]
    pub const fn parameters(mut self, parameters: &'c [(&'c str, &'c str)]) -> Self {
        self.request.parameters = parameters;
        self
    }

    /// The algorithms that ID tokens may be signed with. Only these are linked. [`Hs256`](crate::jws::Hs256) needs a
    /// client secret of 32 octets or more.
    #[must_use]
    pub const fn algorithms(mut self, verifiers: &'c [&'c dyn Verifier]) -> Self {
        self.verifiers = verifiers;
        self
    }

    /// Keys that are known already: pinned in the firmware, or kept from the last time. If they do not do, the
    /// server is asked once.
    #[must_use]
    pub const fn keys(mut self, keys: KeySet<'c>) -> Self {
        self.keys = keys;
        self
    }

    /// Seconds that the server's clock may differ from ours: 0 to 300; 60 unless set.
    #[must_use]
    pub const fn clock_skew(mut self, seconds: u32) -> Self {
        self.clock_skew = seconds;
        self
    }

    /// Seconds that a user has to come back; 600 unless set.
    #[must_use]
    pub const fn lifetime(mut self, seconds: u32) -> Self {
        self.lifetime = seconds;
        self
    }

    /// Seconds since an ID token was issued, at the most; no limit unless set.
    #[must_use]
    pub const fn max_issued_age(mut self, seconds: u32) -> Self {
        self.max_issued_age = Some(seconds);
        self
    }

    /// Keys that are tried for one token, at the most; 4 unless set. More than one fit only where a server does
    /// not name its keys.
    #[must_use]
    pub const fn max_key_trials(mut self, trials: u8) -> Self {
        self.max_key_trials = trials;
        self
    }

    /// Further audiences that an ID token may name beside this client. All others are refused.
    #[must_use]
    pub const fn trusted_audiences(mut self, audiences: &'c [&'c str]) -> Self {
        self.trusted_audiences = audiences;
        self
    }

    /// The one user who may sign in, by `sub`: to authenticate a known user again.
    #[must_use]
    pub const fn subject(mut self, subject: &'c str) -> Self {
        self.subject = Some(subject);
        self
    }

    /// For a server whose issuer is a template with `{tenantid}`, as Microsoft Entra's `common` and `organizations`: the
    /// tenants whose users may sign in, by identifier (`tid`), in lower case. The ID token must be of one of them, and
    /// its issuer the issuer of this very tenant.
    ///
    /// A refresh is to be made by a client with the one tenant of the sign-in in its list.
    #[must_use]
    pub const fn tenants(mut self, tenants: &'c [&'c str]) -> Self {
        self.tenants = Tenants::Listed(tenants);
        self
    }

    /// The same for users of any tenant in the world, also of one that somebody made up for this sign-in. The
    /// application has to look at `tid` itself.
    #[must_use]
    pub const fn any_tenant(mut self) -> Self {
        self.tenants = Tenants::Any;
        self
    }

    /// Takes an ID token whose `azp` names another client, as OIDC Core errata 2 permits.
    #[must_use]
    pub const fn ignore_azp(mut self) -> Self {
        self.azp_ignored = true;
        self
    }

    /// Refuses a server that does not announce PKCE with S256. Many support it and do not say so, and ignoring
    /// the challenge does a client no harm: `state` and `nonce` still guard.
    #[must_use]
    pub const fn require_announced_pkce(mut self) -> Self {
        self.quirks = self.quirks.without(Quirks::PKCE_NOT_ANNOUNCED);
        self
    }

    /// What to tolerate of a server's dialect; [`Quirks::DEFAULT`] unless set.
    #[must_use]
    pub const fn quirks(mut self, tolerated: Quirks) -> Self {
        self.quirks = tolerated;
        self
    }

    /// Tolerates no quirk at all: a server that strays from the standards is refused.
    #[must_use]
    pub const fn strict(self) -> Self {
        self.quirks(Quirks::NONE)
    }

    /// Allows `http://localhost/…` as redirect URI. The literal address is better: the name may lead elsewhere
    /// (RFC 8252 §8.3).
    #[must_use]
    pub const fn insecure_localhost_redirect(mut self) -> Self {
        self.insecure_redirect.localhost = true;
        self
    }

    /// Allows plain http redirect URIs to other machines. Who listens on the network can read the response;
    /// RFC 9700 §2.6 forbids it. Such a sign-in has two minutes at the most, whatever [`Client::lifetime`] says.
    #[must_use]
    pub const fn insecure_lan_redirect(mut self) -> Self {
        self.insecure_redirect.lan = true;
        self
    }

    /// The server.
    pub const fn metadata(&self) -> &Metadata<'c> {
        &self.metadata
    }

    /// Whether this is a sign-in, not just an authorization.
    pub(crate) fn is_openid(&self) -> bool {
        self.scope.contains(&"openid")
    }

    /// Whether authorization requests are pushed.
    pub(crate) const fn pushes(&self) -> bool {
        self.pushed || self.metadata.pushes_required
    }

    pub(crate) fn supported_algorithms(&self) -> Algorithms {
        Algorithms::of(self.verifiers)
    }
}

impl core::fmt::Debug for Client<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Client({} at {})", self.id, self.metadata.issuer)
    }
}
