//! A relay: a service with an `https` redirect URI that holds an authorization response until the device fetches it.
//!
//! The server sends the browser to the relay (RFC 9700 §2.6), the relay seals what came to a key of the device and
//! holds it for at most a minute, and the device takes it, once. A relay can redeem nothing: `code_verifier`, client
//! secret and keys never leave the device. What comes from it is judged like any other redirect.
//!
//! A **mailbox** is named by the base64url of the SHA-256 of `state`, so nothing of the device is told to the server
//! (RFC 9700 §4.11.1).
//!
//! | request | form | answer |
//! | --- | --- | --- |
//! | `POST /mailbox` | `mailbox`, `authorization_url`, `public_key` | a device authorization response without `device_code` (RFC 8628 §3.2) |
//! | `POST /mailbox/wait` | `mailbox`, `seen`, `wait` | `{"status": …}`: `waiting`, `paired`, `taken`; or `{"response": …}` |
//! | `POST /mailbox/close` | `mailbox`, `ending` | `{}` |

mod seal;

use core::fmt;

use crate::{
    client::Client,
    client_authentication::ClientAuthentication,
    encoding::{
        form::{Pairs, Place},
        url,
        writer::Writer,
    },
    error::{Error, Name},
    http::{Method, Request},
    secret::Secret,
    sieve::{Keep, Wanted},
};

pub use self::seal::{Hpke, Opener};
pub(crate) use self::seal::{KEY, open};

/// Seconds that a relay is asked to hold a request until there is news, unless set.
const WAIT: u32 = 15;

/// The most that it can be asked for.
const MAX_WAIT: u32 = 25;

/// Where answers to the requests of a mailbox go, below the base URL.
const CALLBACK: &str = "/callback";

/// A relay, and a device's account there. It borrows everything, so the whole of it can be a constant in flash.
///
/// ```
/// # use keyfob_core::{client::{Client, ResponseMode}, metadata::Metadata, relay::Relay};
/// # const SERVER: Metadata<'static> = Metadata::new("https://op.example");
/// static RELAY: Relay<'static> = Relay::new("https://relay.example", "kettle-7f3a", "the-secret-of-this-device");
/// static CLIENT: Client<'static> = Client::new(SERVER, "client-id")
///     .redirect_uri("https://relay.example/callback")
///     .response_mode(ResponseMode::FormPost);
/// ```
///
/// A form post keeps code and `state` out of the relay's access log (RFC 9700 §4.3); a server that does not know it
/// answers in the query, which is refused then. The settings are checked when a flow is made.
#[derive(Clone, Copy)]
pub struct Relay<'r> {
    base: &'r str,
    id: &'r str,
    secret: Secret<'r>,
    wait: u32,
    opener: &'r dyn Opener,
}

impl<'r> Relay<'r> {
    /// The relay at an `https` URL without a slash at its end, and this device's name and secret there: letters, digits
    /// and `-._~`. The client's redirect URI is the same URL with `/callback` behind it.
    pub const fn new(base: &'r str, id: &'r str, secret: &'r str) -> Self {
        Self { base, id, secret: Secret::new(secret), wait: WAIT, opener: &Hpke }
    }

    /// Seconds that a request for news is held: 0 to 25; 15 unless set. It must be less than what the driver waits for
    /// an answer. The user cannot give up meanwhile, nor does the time on the screen go on.
    #[must_use]
    pub const fn wait(mut self, seconds: u32) -> Self {
        self.wait = seconds;
        self
    }

    /// Who opens the seal; [`Hpke`] unless set, which is not linked then.
    #[must_use]
    pub const fn opener(mut self, opener: &'r dyn Opener) -> Self {
        self.opener = opener;
        self
    }

    pub(crate) fn check(&self, client: &Client<'_>) -> Result<(), Error> {
        let config = |holds: bool, name| if holds { Ok(()) } else { Err(Error::Config(name)) };
        let base = url::parse(self.base).filter(|url| url.is_allowed(client.metadata.insecure_loopback));
        let plain = base.is_some_and(|url| url.query.is_none()) && !self.base.ends_with('/');
        config(plain && self.wait <= MAX_WAIT, Name::Relay)?;
        config(is_unreserved(self.id), Name::DeviceId)?;
        config(is_unreserved(self.secret.expose()), Name::DeviceSecret)?;
        config(client.redirect_uri.strip_prefix(self.base) == Some(CALLBACK), Name::RedirectUri)
    }

    pub(crate) const fn opens(&self) -> &'r dyn Opener {
        self.opener
    }

    pub(crate) const fn longest_wait(&self) -> u32 {
        self.wait
    }

    /// The request URI of the relay's callback without its origin, as a browser asks for it.
    pub(crate) fn callback(&self) -> [&'r str; 2] {
        [url::parse(self.base).map_or("", |url| url.path), CALLBACK]
    }

    /// A POST to `path` about a mailbox.
    pub(crate) fn request<'b>(
        &self,
        path: &str,
        mailbox: &str,
        members: &'static [Name],
        out: &'b mut [u8],
        parameters: &mut dyn FnMut(&mut Pairs<'_, '_>),
    ) -> Result<Request<'b>, Error> {
        let mut writer = Writer::new(out);
        let mut pairs = Pairs::new(&mut writer, Place::Body, false);
        pairs.pair("mailbox", mailbox);
        parameters(&mut pairs);
        let body = writer.length();
        ClientAuthentication::ClientSecretBasic(self.secret).write_header(self.id, &mut writer);
        let header = writer.length().saturating_sub(body);
        writer.text(self.base.as_bytes());
        writer.text(path.as_bytes());
        let (written, _) = writer.finish()?;
        let (body, rest) = written.split_at_checked(body).unwrap_or_default();
        let (authorization, url) = rest.split_at_checked(header).unwrap_or_default();
        let text = |octets: &'b [u8]| core::str::from_utf8(octets).unwrap_or_default();
        Ok(Request {
            method: Method::Post,
            url: text(url),
            authorization: Some(text(authorization)),
            dpop: None,
            body: text(body),
            keep: Keep(Wanted::Members(members)),
        })
    }
}

impl fmt::Debug for Relay<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Relay({} at {})", self.id, self.base)
    }
}

/// RFC 3986 §2.3.
fn is_unreserved(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_' | b'~'))
}
