//! The listener on this machine that the browser comes back to (RFC 8252 §7.3).

mod pages;
mod request;
mod visitor;

use std::{
    fmt,
    io::{self, ErrorKind},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    thread,
    time::{Duration, Instant},
};

use keyfob_core::{error::Error, flow::Redirect};

use crate::{
    Failure,
    redirect::{
        request::{Ask, Site, Status},
        visitor::{Heard, Visitor},
    },
    user_agent::UserAgentError,
};

/// The longest wait for a redirect before the driver looks at the time again.
const TURN: Duration = Duration::from_millis(500);

/// The pause between two looks at the sockets.
const PAUSE: Duration = Duration::from_millis(10);

/// How long the browser may take to come for the last page.
const LAST_PAGE: Duration = Duration::from_secs(3);

/// Connections at a time.
const MAX_VISITORS: usize = 4;

/// A connection that says nothing has its place for so long; then one that waits outside may have it.
const PATIENCE: Duration = Duration::from_millis(200);

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
    site: Site,
    visitors: Vec<Visitor>,
    /// Who brought the last redirect, and waits for its judgement.
    asking: Option<Visitor>,
}

impl Loopback {
    /// Listens on `host`; `port` 0 takes a free one. `path` is that of the redirect URI, as `/callback`.
    ///
    /// # Errors
    /// [`UserAgentError::Listen`] if the port is taken, or `path` is not the path of a URL.
    pub fn bind(host: LoopbackHost, port: u16, path: &str) -> Result<Self, UserAgentError> {
        let is_path = path.starts_with('/') && path.bytes().all(request::is_path_octet);
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
            site: Site::new(authority, path),
            visitors: Vec::new(),
            asking: None,
        })
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
            if let Some(found) = self.look(|text| copy(text, buffer)).map_err(UserAgentError::Listen)? {
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
        if error.is_some_and(Error::is_stray_redirect) {
            visitor.answer(&pages::stray());
        } else {
            self.site.is_over = true;
            visitor.answer(&pages::see_other(&self.site.done));
        }
        self.visitors.push(visitor);
    }

    /// Shows the browser how the sign-in ended, for which it has three seconds to come, and closes the
    /// listener.
    pub fn finished(&mut self, failure: Option<&Failure>) {
        if self.site.is_over {
            let page = pages::done(failure);
            let end = Instant::now() + LAST_PAGE;
            loop {
                let looked = self.look(|_| None);
                let mut served = false;
                for visitor in self.visitors.iter_mut().filter(|visitor| visitor.is_held()) {
                    visitor.answer(&page);
                    served = true;
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

    /// Looks once at all sockets. Gives the first redirect for which `take` has room: whether it is a form,
    /// and its length.
    fn look(&mut self, mut take: impl FnMut(&str) -> Option<usize>) -> io::Result<Option<(bool, usize)>> {
        let mut index = 0;
        while let Some(visitor) = self.visitors.get_mut(index) {
            let answer = match visitor.listen(&self.site) {
                Heard::Nothing => {
                    index += 1;
                    continue;
                }
                Heard::Gone => {
                    self.visitors.remove(index);
                    continue;
                }
                Heard::Refused(status) => pages::refusal(status),
                Heard::Asked(Ask::Look) => pages::look(),
                Heard::Asked(Ask::Done) => {
                    visitor.hold();
                    continue;
                }
                Heard::Asked(Ask::Form(text)) => match take(text) {
                    Some(length) => {
                        self.asking = Some(self.visitors.remove(index));
                        return Ok(Some((true, length)));
                    }
                    None => pages::refusal(Status::ContentTooLarge),
                },
                Heard::Asked(Ask::Url(text)) => match take(text) {
                    Some(length) => {
                        self.asking = Some(self.visitors.remove(index));
                        return Ok(Some((false, length)));
                    }
                    None => pages::refusal(Status::UriTooLong),
                },
            };
            visitor.answer(&answer);
            index += 1;
        }
        if !self.accept()? {
            thread::sleep(PAUSE);
        }
        Ok(None)
    }

    /// Lets one connection in, if there is one and a place for it.
    fn accept(&mut self) -> io::Result<bool> {
        let listener = self.listener.as_ref().ok_or(ErrorKind::NotConnected)?;
        if self.visitors.len() >= MAX_VISITORS {
            // The oldest has had its time, and whoever waits outside may be the right one.
            match self.visitors.iter().position(|visitor| visitor.age() >= PATIENCE && !visitor.is_held()) {
                Some(index) => self.visitors.remove(index),
                None => return Ok(false),
            };
        }
        match listener.accept() {
            Ok((stream, _)) => {
                self.visitors.extend(Visitor::new(stream));
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
