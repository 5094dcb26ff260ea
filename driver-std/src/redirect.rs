//! The listener on this machine that the browser comes back to (RFC 8252 §7.3).

use std::{
    fmt,
    io::{self, ErrorKind},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    time::{Duration, Instant},
};

use keyfob_core::{
    error::Error,
    flow::Redirect,
    portal::{Brand, ENGLISH, Ending, FRENCH, GERMAN, Limits, Portal, SPANISH, Site, Slots, Words},
};

use crate::{
    Failure,
    http::target,
    server::{Last, Server, ending},
    user_agent::UserAgentError,
};

/// The longest wait for a redirect before the driver looks at the time again.
const TURN: Duration = Duration::from_millis(500);

/// How long the browser may take to come for the last page.
const LAST_PAGE: Duration = Duration::from_secs(3);

/// The time for a whole request, in milliseconds: half of what the portal allows, for nothing here is far away.
const REQUEST_TIME: u64 = 5000;

/// Connections at a time. All of them have one address.
const MAX_VISITORS: u8 = 4;

/// Room for a request, and for its answer.
const ROOM: usize = Limits::LOOPBACK.request();

/// The languages of the pages.
const LANGUAGES: &[&Words] = &[&ENGLISH, &GERMAN, &FRENCH, &SPANISH];

/// The address to listen on.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum LoopbackHost {
    /// 127.0.0.1.
    #[default]
    V4,
    /// \[::1\].
    V6,
}

/// A listener for the redirect of one sign-in.
///
/// It answers requests for its own address and path, and refuses all others: a page on the web that sends the
/// browser here learns nothing, and cannot end the wait. It needs no thread, for it listens only while the
/// driver waits in [`redirect`](Loopback::redirect) or [`finished`](Loopback::finished). It is closed by
/// `finished`, and when it is dropped.
pub struct Loopback {
    /// `None`: it is closed.
    server: Option<Server<{ MAX_VISITORS as usize }>>,
    redirect_uri: String,
    authority: String,
    path: String,
    brand: &'static Brand<'static>,
    /// Where the browser goes in the end, in place of the last page.
    back: Option<String>,
}

impl Loopback {
    /// Listens on `host`; `port` 0 takes a free one. `path` is that of the redirect URI, as `/callback`.
    ///
    /// # Errors
    /// [`UserAgentError::Listen`] if the port is taken, or `path` is not the path of a URL.
    pub fn bind(host: LoopbackHost, port: u16, path: &str) -> Result<Self, UserAgentError> {
        let is_path = path.starts_with('/') && path.bytes().all(is_path_octet);
        if !is_path {
            return Err(UserAgentError::Listen(io::Error::new(
                ErrorKind::InvalidInput,
                "not the path of a URL",
            )));
        }
        let address: SocketAddr = match host {
            LoopbackHost::V4 => (Ipv4Addr::LOCALHOST, port).into(),
            LoopbackHost::V6 => (Ipv6Addr::LOCALHOST, port).into(),
        };
        let listener = TcpListener::bind(address).map_err(UserAgentError::Listen)?;
        // Prints the literal address and the real port, an IPv6 address in brackets.
        let authority = listener.local_addr().map_err(UserAgentError::Listen)?.to_string();
        let limits = (Limits::LOOPBACK, REQUEST_TIME);
        let server = Server::new(listener, Portal::listener(), Slots::new(MAX_VISITORS), limits, ROOM);
        Ok(Self {
            server: Some(server.map_err(UserAgentError::Listen)?),
            redirect_uri: format!("http://{authority}{path}"),
            authority,
            path: path.to_owned(),
            brand: &Brand::PLAIN,
            back: None,
        })
    }

    /// Name and looks of the pages; without them they are plain.
    #[must_use]
    pub const fn brand(mut self, brand: &'static Brand<'static>) -> Self {
        self.brand = brand;
        self
    }

    /// Sends the browser on to `url` in the end, however that is, in place of the last page: for a program with pages of
    /// its own. What is no address is not used.
    #[must_use]
    pub fn back_to(mut self, url: &str) -> Self {
        self.back = target::read(url).map(|_| url.to_owned());
        self
    }

    /// Waits up to half a second for the browser to come back, and writes its response into `buffer`. `None`:
    /// nothing came that is meant for us.
    ///
    /// # Errors
    /// [`UserAgentError::Listen`] if the listener fails, or was closed.
    pub fn redirect<'b>(&mut self, buffer: &'b mut [u8]) -> Result<Option<Redirect<'b>>, UserAgentError> {
        let hosts = [self.authority.as_str()];
        let site = site(&hosts, &self.path, self.brand);
        let found = match &mut self.server {
            Some(server) => server.redirect(&site, "", buffer, Instant::now() + TURN),
            None => Err(ErrorKind::NotConnected.into()),
        };
        let found = found.map_err(UserAgentError::Listen)?;
        Ok(found.map(|(kind, length)| kind.redirect(&buffer[..length])))
    }

    /// Answers who brought the last redirect. If it was the right one, or ended the sign-in, the browser is
    /// sent on to an address without the response in it, whose page waits for
    /// [`finished`](Loopback::finished). A stranger is told off.
    pub fn judged(&mut self, error: Option<Error>) {
        let hosts = [self.authority.as_str()];
        let site = site(&hosts, &self.path, self.brand);
        if let Some(server) = &mut self.server {
            server.judged(&site, error);
        }
    }

    /// Shows the browser how the sign-in ended, for which it has three seconds to come, and closes the
    /// listener.
    pub fn finished(&mut self, failure: Option<&Failure>) {
        let Some(mut server) = self.server.take().filter(|server| server.portal.is_taken()) else { return };
        let hosts = [self.authority.as_str()];
        let site = site(&hosts, &self.path, self.brand);
        let (ending, detail) = match failure {
            None => (Ending::SignedIn, String::new()),
            Some(failure) => (ending(failure), failure.to_string()),
        };
        let last = match &self.back {
            Some(url) => Last::Elsewhere(url),
            None => Last::Ended(ending, &detail),
        };
        // The sign-in is over, whether its page is seen or not.
        let _ = server.last(&site, last, Instant::now() + LAST_PAGE);
    }

    /// The address to register at the server and to set in the client.
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }
}

/// What the portal is at this moment.
fn site<'s>(hosts: &'s [&'s str], path: &'s str, brand: &'s Brand<'s>) -> Site<'s> {
    Site::loopback(hosts, path).languages(LANGUAGES).brand(brand)
}

/// The octets of a path that needs no coding.
fn is_path_octet(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/%".contains(&octet)
}

impl fmt::Debug for Loopback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Loopback({})", self.redirect_uri)
    }
}
