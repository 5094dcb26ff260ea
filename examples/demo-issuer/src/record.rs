//! What is remembered about users, browsers, questions and tokens.

use crate::client::Client;

/// An access token (RFC 6749 §1.4).
pub struct AccessToken {
    /// The grant that it belongs to.
    pub grant: u64,
    /// What it may be used for: the grant's scopes or fewer.
    pub scopes: Scopes,
}

/// An authorization code (RFC 6749 §1.3.1) and what it is bound to.
pub struct Code {
    /// Who may redeem it.
    pub client: &'static Client,
    /// `code_challenge` of the authorization request.
    pub challenge: String,
    /// The grant that it belongs to.
    pub grant: u64,
    /// `redirect_uri` of the authorization request.
    pub redirect_uri: String,
    /// Whether it was redeemed.
    pub used: bool,
}

/// What a user allowed an application.
pub struct Grant {
    /// When the user signed in.
    pub auth_time: u64,
    /// The application.
    pub client: &'static Client,
    /// `nonce` of the authorization request.
    pub nonce: Option<String>,
    /// `organization` of the authorization request, as Auth0 has it.
    pub organization: Option<String>,
    /// All that was allowed.
    pub scopes: Scopes,
    /// Who allowed it.
    pub user: User,
}

/// A question on its way from the application to the user.
#[derive(Clone)]
pub struct Ask {
    /// `audience`, the API that the access token is for, as Auth0 has it.
    pub audience: Option<String>,
    /// Who asks.
    pub client: &'static Client,
    /// `login_hint`: what to fill in.
    pub login_hint: Option<String>,
    /// `nonce`, for the ID token.
    pub nonce: Option<String>,
    /// `organization`, for the ID token.
    pub organization: Option<String>,
    /// What is asked for.
    pub scopes: Scopes,
    /// The subject of `id_token_hint`: nobody else will do.
    pub subject: Option<String>,
    /// Where the answer goes.
    pub way: Way,
}

/// Where the answer to an [`Ask`] goes.
#[derive(Clone)]
pub enum Way {
    /// To a device that polls (RFC 8628).
    Device {
        /// What the user entered.
        user_code: String,
    },
    /// To the application through the browser (RFC 6749 §4.1).
    Redirect {
        /// The value of `code_challenge`.
        challenge: String,
        /// The value of `redirect_uri`.
        redirect_uri: String,
        /// The value of `state`.
        state: Option<String>,
    },
}

/// A page that waits for its answer, bound to the browser that got it.
pub struct Pending {
    /// The session cookie of that browser, as a digest.
    pub session: [u8; 32],
    /// What the page asks.
    pub step: Step,
}

/// What a page asks.
#[derive(Clone)]
pub enum Step {
    /// Whether the application may have what it asks for.
    Consent(Ask),
    /// The user's name.
    Login(Ask),
    /// Whether to sign out, and where to go then.
    Logout(Option<String>),
}

/// A refresh token (RFC 6749 §1.5).
pub struct RefreshToken {
    /// The grant that it belongs to.
    pub grant: u64,
    /// Whether it was replaced.
    pub used: bool,
}

/// A browser.
#[derive(Default)]
pub struct Session {
    /// What its user allowed before.
    pub allowed: Vec<(&'static Client, Scopes)>,
    /// Who signed in with it.
    pub login: Option<Login>,
}

impl Session {
    /// Whether the user allowed as much before.
    pub fn has_allowed(&self, ask: &Ask) -> bool {
        self.allowed.iter().any(|(client, scopes)| *client == ask.client && ask.scopes.within(scopes))
    }
}

/// That somebody signed in.
#[derive(Clone)]
pub struct Login {
    /// When.
    pub auth_time: u64,
    /// Who.
    pub user: User,
}

/// Somebody who typed a name.
#[derive(Clone)]
pub struct User {
    /// A made-up address.
    pub email: String,
    /// What was typed.
    pub name: String,
    /// The subject identifier: the same name gives the same one.
    pub sub: String,
}

/// Scopes that the issuer knows, each once (RFC 6749 §3.3).
#[derive(Clone)]
pub struct Scopes(Vec<&'static str>);

impl Scopes {
    /// All scopes that the issuer knows.
    pub const SUPPORTED: [&str; 4] = ["openid", "profile", "email", "offline_access"];

    /// Reads a list; scopes that the issuer does not know are left out (OIDC Core §3.1.2.1).
    pub fn parse(text: &str) -> Self {
        let asked = |known: &&str| text.split(' ').any(|scope| scope == *known);
        Self(Self::SUPPORTED.into_iter().filter(asked).collect())
    }

    /// Whether the scope is one of them.
    pub fn has(&self, scope: &str) -> bool {
        self.0.contains(&scope)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().copied()
    }

    /// Those that `text` names; `None` if it names none, or one that is not among them.
    pub fn narrowed(&self, text: &str) -> Option<Self> {
        let fewer = Self::parse(text);
        let all = text.split(' ').all(|scope| self.has(scope));
        (all && !fewer.is_empty()).then_some(fewer)
    }

    /// As text.
    pub fn text(&self) -> String {
        self.0.join(" ")
    }

    /// Whether all of them are among `others`.
    pub fn within(&self, others: &Self) -> bool {
        self.0.iter().all(|scope| others.has(scope))
    }
}
