//! The web server that a device shows to a phone in its network.
//!
//! It is the core's [portal] with sockets: a [`Portal`] is a user agent whose browser is the
//! phone, and whose screen and keys are the device's own, its [`Front`].
//!
//! ```no_run
//! use keyfob_core::{
//!     client::Client,
//!     flow::AuthorizationCode,
//!     metadata::Metadata,
//!     portal::{Screen, Site},
//!     secret::Seed,
//! };
//! use keyfob_std::{
//!     Clock, SystemClock,
//!     entropy::SystemEntropy,
//!     http::HttpsClient,
//!     portal::{Front, Portal},
//!     run,
//! };
//!
//! const SERVER: Metadata<'static> = Metadata::new("https://op.example")
//!     .authorization_endpoint("https://op.example/authorize")
//!     .token_endpoint("https://op.example/token");
//! static CLIENT: Client<'static> = Client::oauth(SERVER, "kettle").redirect_uri("http://127.0.0.1/callback");
//!
//! struct Panel;
//!
//! impl Front for Panel {
//!     fn show(&mut self, screen: &Screen<'_>) {
//!         match screen {
//!             Screen::Pair(invitation) => println!("{} {:?}", invitation.address(), invitation.code()),
//!             Screen::Connected => println!("A phone is signing in."),
//!             _ => println!(),
//!         }
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut clock = SystemClock::new();
//! let mut http = HttpsClient::builder().build()?;
//! let mut flow = AuthorizationCode::<512>::new(&CLIENT, Seed::draw(&mut SystemEntropy)?, clock.now())?;
//! let site = Site::new(&SERVER, &[]).paste(&SERVER);
//! let mut portal = Portal::bind("192.168.4.20:80".parse()?, site, Seed::draw(&mut SystemEntropy)?, Panel)?;
//! let mut buffer = [0; 8192];
//! run(&mut flow, &mut http, &mut portal, &mut clock, &mut buffer, |tokens| tokens.access_token().to_owned())?;
//! # Ok(())
//! # }
//! ```

mod address;
mod front;

use std::{
    fmt,
    io::{self, ErrorKind},
    iter, mem,
    net::{Ipv4Addr, SocketAddr},
    thread,
    time::{Duration, Instant},
};

use keyfob_core::{
    error::Error,
    flow::Redirect,
    portal::{self, Alphabet, Ending, Limits, Screen, Site, Slots},
    secret::Seed,
    time::Now,
};
use socket2::Socket;
use zeroize::Zeroizing;

use self::address::{authority, hosts, listen, take_port};
use crate::{
    Failure,
    server::{Kind, Last, Server, ending},
    user_agent::{UserAgent, UserAgentError},
};

pub use self::front::{Front, Press};

/// The longest wait for a redirect before the driver looks at the time again.
const TURN: Duration = Duration::from_millis(500);

/// The longest wait before the keys are looked at again.
const GLANCE: Duration = Duration::from_millis(100);

/// How often the time left is shown, and the address looked at.
const TICK: Duration = Duration::from_secs(1);

/// The time to confirm on the device.
const CONFIRMATION: Duration = Duration::from_secs(120);

/// Keys that are taken back before a confirmation is asked for.
const EARLY: usize = 16;

/// How long the phone may take to come for the last page, which a page that waits asks for every three seconds.
const LAST_PAGE: Duration = Duration::from_secs(5);

/// Connections at a time, of which one address has [`Slots::PER_ADDRESS`]. One that says nothing takes no room, so there
/// can be many: who comes behind a crowd waits until all of it was let in.
const PLACES: usize = 128;

/// Room for what the screen shows: the longest name of a host, and what is around it.
const SCREEN: usize = 512;

/// A web server in the network of a device, for the phone of a user who signs in.
///
/// It takes its port at once, listens from the first [`open`](UserAgent::open) on, and is closed at every end: by
/// [`finished`](UserAgent::finished), by [`Portal::settle`], when the user cancels, and when it is dropped. It needs no
/// thread, for it listens only while the driver waits in [`redirect`](UserAgent::redirect) or in one of these.
///
/// It serves one sign-in. There are 128 places for connections, two of them for one address, and the limits are those
/// of [`Limits::PORTAL`]. A connection that is silent takes 200 octets, one that has said a part of its request 10 KiB
/// more, beside what the operating system takes. Each answer is a line in the [`log`], with what was asked for and the status.
pub struct Portal<'s, F: Front> {
    door: Door,
    site: Site<'s>,
    /// The address, as it stands in `Host`; empty if it listens on all.
    authority: String,
    alphabet: Alphabet,
    confirming: bool,
    /// Where the browser is sent that is let in.
    url: Zeroizing<String>,
    front: F,
    shown: What,
    ticked: Instant,
    /// An address that it could not move to yet.
    moving: Option<SocketAddr>,
    /// Wrong codes and strangers that were told of.
    tried: (u16, u16),
}

/// The port, and whether somebody may come in.
enum Door {
    Closed,
    Open(Box<Server<PLACES>>),
    Taken(Socket, Seed),
}

/// What the device's screen shows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum What {
    Connected,
    Nothing,
    /// A code until this uptime, or a pause.
    Pair(u64, bool),
}

impl<'s, F: Front> Portal<'s, F> {
    /// A portal at this address of the device, and at no other; port 0 takes a free one. Code, cookie and what its
    /// forms carry come from `seed`, which serves this portal alone.
    ///
    /// Its first host, which goes into the QR code, is this address, unless `site` has hosts: then it is the first of
    /// those, and the address is one more. Addresses may change, so leave them out; names that phones can resolve may be
    /// first. The limits of `site` are not used.
    ///
    /// # Errors
    /// [`UserAgentError::Listen`] if the port is taken, or the address is none of the device's, or stands for all of
    /// them.
    pub fn bind(address: SocketAddr, site: Site<'s>, seed: Seed, front: F) -> Result<Self, UserAgentError> {
        if address.ip().is_unspecified() {
            return Err(invalid("not one address of this machine"));
        }
        Self::take(address, site, seed, front)
    }

    /// The same at all IPv4 addresses of the device, also those of other networks, such as a mobile one. `site` has to name
    /// its hosts.
    ///
    /// # Errors
    /// [`UserAgentError::Listen`] if the port is taken, or `site` has no hosts.
    pub fn bind_all_interfaces(
        port: u16,
        site: Site<'s>,
        seed: Seed,
        front: F,
    ) -> Result<Self, UserAgentError> {
        if site.hosts().is_empty() {
            return Err(invalid("no host is named"));
        }
        Self::take((Ipv4Addr::UNSPECIFIED, port).into(), site, seed, front)
    }

    fn take(address: SocketAddr, site: Site<'s>, seed: Seed, front: F) -> Result<Self, UserAgentError> {
        let socket = take_port(address).map_err(UserAgentError::Listen)?;
        let bound = socket.local_addr().map_err(UserAgentError::Listen)?.as_socket();
        Ok(Self {
            door: Door::Taken(socket, seed),
            site,
            authority: authority(bound.unwrap_or(address)),
            alphabet: Alphabet::Consonants,
            confirming: false,
            url: Zeroizing::default(),
            front,
            shown: What::Nothing,
            ticked: Instant::now(),
            moving: None,
            tried: (0, 0),
        })
    }

    /// What the pairing code is made of; consonants, unless set.
    #[must_use]
    pub fn alphabet(mut self, alphabet: Alphabet) -> Self {
        self.alphabet = alphabet;
        self
    }

    /// The last page waits until [`Portal::settle`]: after a sign-in that went well the device shows the account, and
    /// its user has to confirm.
    #[must_use]
    pub fn confirming(mut self) -> Self {
        self.confirming = true;
        self
    }

    /// The host that the QR code and the redirect URI have, as it stands in addresses: `192.168.4.20`, with the port
    /// unless it is 80.
    pub fn host(&self) -> &str {
        self.site.hosts().first().copied().unwrap_or(&self.authority)
    }

    /// The screen and the keys.
    pub fn front(&mut self) -> &mut F {
        &mut self.front
    }

    /// Shows the account on the device, tells the phone to look there, and waits for a key, for two minutes. Then the
    /// phone gets its last page, and the portal is closed. `false`: the user said no, or nothing: drop the tokens.
    ///
    /// It is for portals that are [`confirming`](Portal::confirming), after the sign-in went well.
    ///
    /// # Errors
    /// [`UserAgentError::Listen`] if the portal is closed: nobody was asked, so drop the tokens.
    pub fn settle(&mut self, account: &str) -> Result<bool, UserAgentError> {
        let Door::Open(server) = &mut self.door else { return Err(closed()) };
        server.portal.confirm();
        // What was pressed before it was asked is no answer to it. A key that is held has an end, too.
        let mut press =
            iter::from_fn(|| self.front.pressed()).take(EARLY).find(|press| *press == Press::Cancel);
        self.front.confirm(account);
        let end = Instant::now() + CONFIRMATION;
        let accepted = loop {
            match press {
                Some(Press::Confirm) => break true,
                Some(Press::Cancel) => break false,
                _ if Instant::now() >= end => break false,
                _ => {}
            }
            // The key counts, whether the phone is still there or not.
            if self.last(Last::Wait, Instant::now() + GLANCE).is_err() {
                thread::sleep(GLANCE);
            }
            press = self.front.pressed();
        };
        let ending = if accepted { Ending::SignedIn } else { Ending::Denied };
        let _ = self.last(Last::Ended(ending, ""), Instant::now() + LAST_PAGE);
        self.close();
        Ok(accepted)
    }

    /// Closes the port, and takes down what is shown.
    fn close(&mut self) {
        self.door = Door::Closed;
        self.url = Zeroizing::default();
        if mem::replace(&mut self.shown, What::Nothing) != What::Nothing {
            self.front.show(&Screen::Over);
        }
    }

    /// Serves until a redirect comes, or until `end`.
    fn serve(&mut self, buffer: &mut [u8], end: Instant) -> Result<Option<(Kind, usize)>, UserAgentError> {
        loop {
            let press = self.front.pressed();
            let Door::Open(server) = &mut self.door else { return Err(closed()) };
            match press {
                Some(Press::Cancel) => return Err(UserAgentError::Cancelled),
                Some(Press::Release) => server.portal.release(server.now()),
                _ => {}
            }
            if self.ticked.elapsed() >= TICK {
                self.tick()?;
            }
            self.tell();
            let hosts = hosts(&self.site, &self.authority);
            let Door::Open(server) = &mut self.door else { return Err(closed()) };
            let until = end.min(Instant::now() + GLANCE);
            let found = server.redirect(&self.site.with_hosts(&hosts), &self.url, buffer, until);
            let found = found.map_err(UserAgentError::Listen)?;
            if found.is_some() || Instant::now() >= end {
                return Ok(found);
            }
        }
    }

    /// Serves until `end`, and gives a phone that waits for the last page what is told.
    fn last(&mut self, last: Last<'_>, end: Instant) -> io::Result<bool> {
        let hosts = hosts(&self.site, &self.authority);
        match &mut self.door {
            Door::Open(server) => server.last(&self.site.with_hosts(&hosts), last, end),
            _ => Err(ErrorKind::NotConnected.into()),
        }
    }

    /// What is to be done each second: the time left is shown, and the address looked at.
    fn tick(&mut self) -> Result<(), UserAgentError> {
        self.ticked = Instant::now();
        if matches!(self.shown, What::Pair(..)) {
            self.shown = What::Nothing;
        }
        let wanted = self.front.moved().or(self.moving.take());
        let (Door::Open(server), Some(address)) = (&mut self.door, wanted) else { return Ok(()) };
        if address.ip().is_unspecified() || self.authority.is_empty() {
            return Ok(());
        }
        let is_first = self.site.hosts().is_empty();
        // The server would send the browser to where nobody is.
        if is_first && self.site.has_callback() {
            return Err(UserAgentError::Moved);
        }
        if take_port(address).and_then(listen).and_then(|listener| server.listen(listener)).is_err() {
            // The address is known before it is there.
            self.moving = Some(address);
            return Ok(());
        }
        self.authority = authority(address);
        if is_first {
            server.portal.release(server.now());
        }
        Ok(())
    }

    /// Shows and tells what has changed.
    fn tell(&mut self) {
        let Door::Open(server) = &self.door else { return };
        let (hosts, mut out) = (hosts(&self.site, &self.authority), Zeroizing::new([0; SCREEN]));
        let screen = server.portal.poll(&self.site.with_hosts(&hosts), server.now(), &mut *out);
        // All codes were used.
        let screen = screen.unwrap_or(Screen::Over);
        let what = match &screen {
            Screen::Pair(invitation) => What::Pair(invitation.until(), invitation.code().is_some()),
            Screen::Connected => What::Connected,
            _ => What::Nothing,
        };
        if mem::replace(&mut self.shown, what) != what {
            self.front.show(&screen);
        }
        let tried = (server.portal.wrong_codes(), server.portal.strangers());
        if mem::replace(&mut self.tried, tried) != tried {
            self.front.warn(tried.0, tried.1);
        }
    }
}

impl<F: Front> UserAgent for Portal<'_, F> {
    /// Opens the portal: from now on there is a code, and the browser that is let in is sent to `url`.
    fn open(&mut self, url: &str) -> Result<(), UserAgentError> {
        self.door = match mem::replace(&mut self.door, Door::Closed) {
            Door::Taken(socket, seed) => {
                let listener = listen(socket).map_err(UserAgentError::Listen)?;
                let portal = portal::Portal::paired(seed, self.alphabet, Now::unknown(0));
                let slots = Slots::new(Slots::<PLACES>::PER_ADDRESS);
                let limits = (Limits::PORTAL, Slots::<PLACES>::DEADLINE);
                let server = Server::new(listener, portal, slots, limits, portal::Portal::ANSWER);
                Door::Open(Box::new(server.map_err(UserAgentError::Listen)?))
            }
            door => door,
        };
        let Door::Open(server) = &mut self.door else { return Err(closed()) };
        if !server.leads_to(&self.site, url) {
            self.close();
            return Err(invalid("not an address of the server that the portal is for"));
        }
        self.url = Zeroizing::new(url.to_owned());
        self.tell();
        self.ticked = Instant::now();
        Ok(())
    }

    fn redirect<'b>(&mut self, buffer: &'b mut [u8]) -> Result<Option<Redirect<'b>>, UserAgentError> {
        match self.serve(buffer, Instant::now() + TURN) {
            Ok(found) => Ok(found.map(|(kind, length)| kind.redirect(&buffer[..length]))),
            Err(error) => {
                self.close();
                Err(error)
            }
        }
    }

    /// As long as no browser was let in.
    fn reopens(&self) -> bool {
        let Door::Open(server) = &self.door else { return false };
        let mut out = Zeroizing::new([0; SCREEN]);
        let screen = server.portal.poll(&self.site, server.now(), &mut *out);
        matches!(screen, Ok(Screen::Pair(_)))
    }

    fn judged(&mut self, error: Option<Error>) {
        let hosts = hosts(&self.site, &self.authority);
        if let Door::Open(server) = &mut self.door {
            server.judged(&self.site.with_hosts(&hosts), error);
        }
        self.tell();
    }

    /// Gives the phone its last page, for which it has five seconds to come, and closes the portal; one that is
    /// [confirming](Portal::confirming) waits for [`Portal::settle`], if the sign-in went well.
    fn finished(&mut self, failure: Option<&Failure>) {
        let taken = matches!(&self.door, Door::Open(server) if server.portal.is_taken());
        if taken && self.confirming && failure.is_none() {
            return;
        }
        if taken {
            let (ending, detail) = match failure {
                None => (Ending::SignedIn, String::new()),
                Some(failure) => (ending(failure), failure.to_string()),
            };
            // The sign-in is over, whether its page is seen or not.
            let _ = self.last(Last::Ended(ending, &detail), Instant::now() + LAST_PAGE);
        }
        self.close();
    }
}

impl<F: Front> Drop for Portal<'_, F> {
    fn drop(&mut self) {
        self.close();
    }
}

impl<F: Front> fmt::Debug for Portal<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Portal({}, {:?})", self.host(), self.shown)
    }
}

fn closed() -> UserAgentError {
    UserAgentError::Listen(ErrorKind::NotConnected.into())
}

fn invalid(reason: &'static str) -> UserAgentError {
    UserAgentError::Listen(io::Error::new(ErrorKind::InvalidInput, reason))
}
