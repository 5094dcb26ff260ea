//! The listener on this machine that the browser comes back to (RFC 8252 §7.3).

mod visitor;

use std::{
    fmt,
    io::{self, ErrorKind},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    thread,
    time::{Duration, Instant},
};

use keyfob_core::{
    error::Error,
    flow::Redirect,
    portal::{
        Admission, Answer, Brand, ENGLISH, Ending, FRENCH, GERMAN, Limits, Outcome, Portal, SPANISH, Site,
        Slots, Status, Words,
    },
    time::Now,
};
use zeroize::Zeroizing;

use crate::{
    Failure,
    http::target,
    redirect::visitor::{Came, Visitor},
    user_agent::UserAgentError,
};

/// The longest wait for a redirect before the driver looks at the time again.
const TURN: Duration = Duration::from_millis(500);

/// The pause between two looks at the sockets.
const PAUSE: Duration = Duration::from_millis(10);

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
    listener: Option<TcpListener>,
    redirect_uri: String,
    authority: String,
    path: String,
    brand: &'static Brand<'static>,
    portal: Portal,
    slots: Slots<{ MAX_VISITORS as usize }>,
    visitors: Vec<Visitor>,
    /// Who brought the last redirect, and waits for its judgement.
    asking: Option<Visitor>,
    out: Zeroizing<Vec<u8>>,
    start: Instant,
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
        listener.set_nonblocking(true).map_err(UserAgentError::Listen)?;
        // Prints the literal address and the real port, an IPv6 address in brackets.
        let authority = listener.local_addr().map_err(UserAgentError::Listen)?.to_string();
        Ok(Self {
            listener: Some(listener),
            redirect_uri: format!("http://{authority}{path}"),
            authority,
            path: path.to_owned(),
            brand: &Brand::PLAIN,
            portal: Portal::listener(),
            slots: Slots::new(MAX_VISITORS),
            visitors: Vec::new(),
            asking: None,
            out: Zeroizing::new(vec![0; ROOM]),
            start: Instant::now(),
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
        self.asking = None;
        let end = Instant::now() + TURN;
        let (is_form, length) = loop {
            if let Some(found) = self.look(buffer).map_err(UserAgentError::Listen)? {
                break found;
            }
            if Instant::now() >= end {
                return Ok(None);
            }
        };
        let text = str::from_utf8(&buffer[..length]).unwrap_or_default();
        Ok(Some(if is_form { Redirect::Form(text) } else { Redirect::Url(text) }))
    }

    /// Answers who brought the last redirect. If it was the right one, or ended the sign-in, the browser is
    /// sent on to an address without the response in it, whose page waits for
    /// [`finished`](Loopback::finished). A stranger is told off.
    pub fn judged(&mut self, error: Option<Error>) {
        let Some(mut visitor) = self.asking.take() else { return };
        let now = self.now();
        let hosts = [self.authority.as_str()];
        let site = site(&hosts, &self.path, self.brand);
        let answer = self.portal.judged(&site, now, &visitor.asks, error, &mut self.out);
        send(now, &mut visitor, &mut self.slots, answer);
        self.visitors.push(visitor);
    }

    /// Shows the browser how the sign-in ended, for which it has three seconds to come, and closes the
    /// listener.
    pub fn finished(&mut self, failure: Option<&Failure>) {
        if self.portal.is_taken() {
            let (ending, detail) = match failure {
                None => (Ending::SignedIn, String::new()),
                Some(failure) => (ending(failure), failure.to_string()),
            };
            let end = Instant::now() + LAST_PAGE;
            loop {
                let looked = self.look(&mut []);
                let mut served = false;
                let now = self.now();
                let hosts = [self.authority.as_str()];
                let site = site(&hosts, &self.path, self.brand);
                for visitor in self.visitors.iter_mut().filter(|visitor| visitor.is_held) {
                    served = true;
                    if let Some(url) = &self.back {
                        visitor.send_on(url);
                        continue;
                    }
                    let answer = self.portal.last(&site, &visitor.asks, ending, &detail, &mut self.out);
                    send(now, visitor, &mut self.slots, answer);
                }
                if served || looked.is_err() || Instant::now() >= end {
                    break;
                }
            }
        }
        self.listener = None;
        self.visitors.clear();
        self.asking = None;
    }

    /// The address to register at the server and to set in the client.
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// Looks once at all sockets. Gives the first redirect for which `buffer` has room: whether it is a form,
    /// and its length.
    fn look(&mut self, buffer: &mut [u8]) -> io::Result<Option<(bool, usize)>> {
        let now = self.now();
        let mut index = 0;
        while index < self.visitors.len() {
            match self.hear(index, now, buffer) {
                Next::Close => {
                    let visitor = self.visitors.remove(index);
                    self.slots.free(visitor.place);
                }
                Next::Keep => index += 1,
                Next::Redirect(is_form, length) => {
                    self.asking = Some(self.visitors.remove(index));
                    return Ok(Some((is_form, length)));
                }
            }
        }
        if !self.accept(now)? {
            thread::sleep(PAUSE);
        }
        Ok(None)
    }

    /// Takes what one visitor says, and answers.
    fn hear(&mut self, index: usize, now: Now, buffer: &mut [u8]) -> Next {
        let hosts = [self.authority.as_str()];
        let site = site(&hosts, &self.path, self.brand);
        let visitor = &mut self.visitors[index];
        let came = visitor.listen();
        if came == Came::End {
            return Next::Close;
        }
        let answer = if came == Came::Nothing {
            if !self.slots.is_late(visitor.place, now.uptime, REQUEST_TIME) {
                return Next::Keep;
            }
            if visitor.asks.is_silent() {
                return Next::Close;
            }
            self.portal.refuse(&site, &visitor.asks, Status::RequestTimeout, &mut self.out)
        } else {
            let place = visitor.place;
            let (asks, request, stream) = visitor.heard();
            let outcome = self.portal.handle(&site, now, asks, request, &mut self.out);
            if !matches!(outcome, Ok(Outcome::More)) {
                self.slots.heard(place);
            }
            match outcome {
                Ok(Outcome::More) => return Next::Keep,
                Ok(Outcome::Wait) => {
                    visitor.is_held = true;
                    return Next::Keep;
                }
                Ok(Outcome::Answer(answer)) => {
                    visitor::deliver(stream, answer.octets());
                    visitor.answered();
                    self.slots.answered(place, now.uptime);
                    return Next::Keep;
                }
                Ok(Outcome::Redirect(redirect)) => {
                    let (is_form, text, status) = match redirect {
                        Redirect::Form(text) => (true, text, Status::ContentTooLarge),
                        Redirect::Url(text) => (false, text, Status::UriTooLong),
                        _ => (false, "", Status::NotFound),
                    };
                    if let Some(length) = copy(text, buffer) {
                        return Next::Redirect(is_form, length);
                    }
                    self.portal.refuse(&site, &visitor.asks, status, &mut self.out)
                }
                // The others are of portals that pair.
                _ => self.portal.refuse(&site, &visitor.asks, Status::NotFound, &mut self.out),
            }
        };
        send(now, visitor, &mut self.slots, answer);
        Next::Keep
    }

    /// Lets one connection in, if there is one and a place for it.
    fn accept(&mut self, now: Now) -> io::Result<bool> {
        let listener = self.listener.as_ref().ok_or(ErrorKind::NotConnected)?;
        if !self.slots.has_place(now.uptime) {
            return Ok(false);
        }
        match listener.accept() {
            Ok((stream, peer)) => {
                let place = match self.slots.admit(peer.ip(), now.uptime) {
                    Admission::Free(place) => place,
                    // The oldest has had its time, and who comes now may be the right one.
                    Admission::Replace(place) => {
                        self.visitors.retain(|visitor| visitor.place != place);
                        place
                    }
                    Admission::Later | Admission::Refuse => return Ok(true),
                };
                match Visitor::new(stream, peer.ip(), place) {
                    Some(visitor) => self.visitors.push(visitor),
                    None => self.slots.free(place),
                }
                Ok(true)
            }
            Err(error) => match error.kind() {
                // The others are of a visitor that left before it came in.
                ErrorKind::WouldBlock
                | ErrorKind::ConnectionAborted
                | ErrorKind::ConnectionReset
                | ErrorKind::Interrupted => Ok(false),
                _ => Err(error),
            },
        }
    }

    fn now(&self) -> Now {
        Now::unknown(u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX))
    }
}

/// What becomes of a connection.
enum Next {
    Close,
    Keep,
    /// Whether it is a form, and its length.
    Redirect(bool, usize),
}

/// What the portal is at this moment.
fn site<'s>(hosts: &'s [&'s str], path: &'s str, brand: &'s Brand<'s>) -> Site<'s> {
    Site::loopback(hosts, path).languages(LANGUAGES).brand(brand)
}

/// Answers a visitor, whose place may be another's from now on.
fn send(
    now: Now,
    visitor: &mut Visitor,
    slots: &mut Slots<{ MAX_VISITORS as usize }>,
    answer: Result<Answer<'_>, Error>,
) {
    // There is room for every answer.
    if let Ok(answer) = answer {
        visitor.answer(&answer);
    }
    slots.answered(visitor.place, now.uptime);
}

/// How a sign-in ended that ended like this.
const fn ending(failure: &Failure) -> Ending {
    match failure {
        Failure::Flow(error) => Ending::of(*error),
        Failure::Http(_) => Ending::Unreachable,
        Failure::UserAgent(_) => Ending::Failed,
    }
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

fn copy(text: &str, buffer: &mut [u8]) -> Option<usize> {
    buffer.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
    Some(text.len())
}
