//! Signing out at the server (OpenID Connect RP-Initiated Logout 1.0).

use core::fmt;

use crate::{
    client::Client,
    encoding::{
        form::{self, Pairs, Place},
        text, url,
        writer::Writer,
    },
    error::{Check, Error, Name},
    exchange::{MAX_URL, write_list},
    metadata::Metadata,
    redirect::check_state,
    secret::{Derived, Label, Seed},
};

/// Where to send the user agent so that the user is signed out at the server too.
///
/// Forget the tokens first: what the server does changes nothing about that. No access or refresh token is ever in
/// the URL.
#[derive(Clone, Copy)]
pub struct EndSession<'e> {
    client: &'e Client<'e>,
    id_token_hint: Option<&'e str>,
    logout_hint: Option<&'e str>,
    post_logout_redirect_uri: Option<&'e str>,
    state: Option<&'e str>,
}

impl<'e> EndSession<'e> {
    /// Signs out at `client`'s server.
    pub const fn new(client: &'e Client<'e>) -> Self {
        Self { client, id_token_hint: None, logout_hint: None, post_logout_redirect_uri: None, state: None }
    }

    /// The ID token of the session that ends, from [`IdToken::as_str`](crate::id_token::IdToken::as_str), also if it
    /// has expired. It is left out where the URL would get too long for browsers.
    #[must_use]
    pub const fn id_token_hint(mut self, id_token: &'e str) -> Self {
        self.id_token_hint = Some(id_token);
        self
    }

    /// Who signs out, where there is no ID token.
    #[must_use]
    pub const fn logout_hint(mut self, hint: &'e str) -> Self {
        self.logout_hint = Some(hint);
        self
    }

    /// Where the server sends the user agent afterwards, as it is registered, with a fresh `state` that comes back.
    #[must_use]
    pub const fn post_logout_redirect_uri(mut self, uri: &'e str, state: &'e str) -> Self {
        self.post_logout_redirect_uri = Some(uri);
        self.state = Some(state);
        self
    }

    /// The URL, written into `out`.
    ///
    /// # Errors
    /// [`Check::MissingMember`] if the server has no such endpoint;
    /// [`Error::BufferTooSmall`] with the length that would do.
    pub fn url<'b>(&self, out: &'b mut [u8]) -> Result<&'b str, Error> {
        let endpoint = Metadata::need(self.client.metadata.end_session_endpoint, Name::EndSessionEndpoint)?;
        self.client.metadata.check()?;
        // Once to learn the length: a hint that is too long is left out.
        let mut length = Writer::new(&mut []);
        self.write(endpoint, self.id_token_hint, &mut length);
        let hint = self.id_token_hint.filter(|_| length.length() <= MAX_URL);
        let mut writer = Writer::new(out);
        self.write(endpoint, hint, &mut writer);
        let (url, _) = writer.finish()?;
        Ok(core::str::from_utf8(url).unwrap_or_default())
    }

    fn write(&self, endpoint: &str, id_token_hint: Option<&str>, writer: &mut Writer<'_>) {
        url::open_query(endpoint, writer);
        let mut pairs = Pairs::new(writer, Place::Query, false);
        for (name, value) in [
            ("id_token_hint", id_token_hint),
            ("client_id", Some(self.client.id)),
            ("logout_hint", self.logout_hint),
            ("post_logout_redirect_uri", self.post_logout_redirect_uri),
            ("state", self.state),
        ] {
            pairs.pair(name, value.unwrap_or_default());
        }
        write_list("ui_locales", self.client.request.ui_locales, &mut pairs);
    }
}

/// The `state` of one sign-out: of its own seed, and never that of a sign-in.
pub struct LogoutState(Derived);

impl LogoutState {
    /// The state that belongs to this seed.
    pub fn new(seed: &Seed) -> Self {
        Self(seed.derive(Label::LogoutState))
    }

    /// What to send as `state`.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Looks at the URL with which the user agent has come back, absolute or a request target. The user is signed out
    /// on this device in any case.
    ///
    /// # Errors
    /// [`Check::StateMismatch`] if it answers another request, or none.
    pub fn check(&self, url: &str) -> Result<(), Error> {
        let mut states = parameter(url, "state");
        match (states.next(), states.next()) {
            (Some(state), None) => check_state(state, self.as_str()),
            _ => Err(Check::StateMismatch.into()),
        }
    }
}

/// Judges a request that a server makes through the user agent to end a session here (Front-Channel Logout 1.0 §2).
/// `sid` is the claim of the session's ID token. If it passes, [sign out](crate::session::Session::sign_out).
///
/// # Errors
/// [`Check::IssuerMismatch`] if it is of another server; [`Check::BadParameter`] if it is about another session;
/// [`Check::DuplicateParameter`] if one of the two comes twice; [`Check::MissingParameter`] if only one is there.
pub fn front_channel_logout(client: &Client<'_>, url: &str, sid: Option<&str>) -> Result<(), Error> {
    let one = |name: Name| {
        let mut values = parameter(url, name.as_str());
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(Error::from(Check::DuplicateParameter(name))),
            (value, None) => Ok(value),
        }
    };
    match (one(Name::Iss)?, one(Name::Sid)?) {
        (None, None) => Ok(()),
        (Some(iss), _) if !form::decodes_to(iss, client.metadata.issuer) => Err(Check::IssuerMismatch.into()),
        (None, _) => Err(Check::MissingParameter(Name::Iss).into()),
        (_, None) => Err(Check::MissingParameter(Name::Sid).into()),
        (_, Some(found)) if sid.is_none_or(|sid| form::decodes_to(found, sid)) => Ok(()),
        _ => Err(Check::BadParameter(Name::Sid).into()),
    }
}

/// The values of a parameter, still percent-encoded.
fn parameter<'u>(url: &'u str, name: &str) -> impl Iterator<Item = &'u str> {
    let query = text::split_once(text::before(url, b'#'), b'?').map_or("", |(_, query)| query);
    form::pairs(query).filter(move |(found, _)| form::decodes_to(found, name)).map(|(_, value)| value)
}

impl fmt::Debug for LogoutState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl fmt::Debug for EndSession<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EndSession")
    }
}
