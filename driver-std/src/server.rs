//! The socket loop: a listener, its connections, and the core's portal that says what to do with them.
//!
//! One thread serves all of them. It looks at each socket, and once there is nothing to do it waits on all of them.

mod visitor;

use std::{
    collections::VecDeque,
    io::{self, ErrorKind},
    mem,
    net::{self, IpAddr, Ipv4Addr, Shutdown},
    time::{Duration, Instant},
};

use keyfob_core::{
    error::Error,
    flow::Redirect,
    portal::{self, Admission, Answer, Ending, Limits, Outcome, Portal, Site, Slots, Status},
    time::Now,
};
use mio::{
    Events, Interest, Poll, Token,
    net::{TcpListener, TcpStream},
};
use zeroize::Zeroizing;

use self::visitor::{ANSWER_TIME, Came, Visitor, drain};
use crate::Failure;

/// Where the log's lines are from.
const LOG: &str = "keyfob_std::portal";

/// The longest wait on the sockets: deadlines are looked at as often.
const PAUSE: Duration = Duration::from_millis(100);

/// A listener with `N` places.
pub(crate) struct Server<const N: usize> {
    poll: Poll,
    events: Events,
    listener: TcpListener,
    slots: Slots<N>,
    visitors: Vec<Visitor>,
    /// Those that got no place, until they have taken the answer that says so.
    refused: VecDeque<(TcpStream, Instant)>,
    /// Who brought the last redirect, and waits for its judgement.
    asking: Option<Visitor>,
    out: Zeroizing<Vec<u8>>,
    limits: Limits,
    /// Milliseconds for a whole request.
    request_time: u64,
    start: Instant,
    pub(crate) portal: Portal,
}

/// What those get who wait for the last page.
#[derive(Clone, Copy)]
pub(crate) enum Last<'d> {
    /// How the sign-in ended, with more of it.
    Ended(Ending, &'d str),
    /// A page that loads itself again.
    Wait,
}

/// What came of a look at the sockets.
enum Look {
    Busy,
    Idle,
    /// A redirect: whether it is a form, and its length.
    Redirect(Kind, usize),
}

/// What a redirect is.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Code,
    Form,
    Url,
}

/// What becomes of a connection.
enum Next {
    /// There may be more at once.
    Again,
    Close,
    Keep,
    Redirect(Kind, usize),
}

impl<const N: usize> Server<N> {
    /// Listens. `room` is for an answer; a request has as much as its limits allow.
    pub(crate) fn new(
        listener: net::TcpListener,
        portal: Portal,
        slots: Slots<N>,
        (limits, request_time): (Limits, u64),
        room: usize,
    ) -> io::Result<Self> {
        let mut server = Self {
            poll: Poll::new()?,
            events: Events::with_capacity(2 * N),
            listener: into_mio(listener)?,
            slots,
            visitors: Vec::with_capacity(N),
            refused: VecDeque::with_capacity(N),
            asking: None,
            out: Zeroizing::new(vec![0; room]),
            limits,
            request_time,
            start: Instant::now(),
            portal,
        };
        server.poll.registry().register(&mut server.listener, Token(0), Interest::READABLE)?;
        Ok(server)
    }

    /// Listens there from now on, and no longer where it did. Who was connected is not any more.
    pub(crate) fn listen(&mut self, listener: net::TcpListener) -> io::Result<()> {
        let mut listener = into_mio(listener)?;
        self.poll.registry().register(&mut listener, Token(0), Interest::READABLE)?;
        let _ = self.poll.registry().deregister(&mut self.listener);
        self.listener = listener;
        while !self.visitors.is_empty() {
            self.close(0);
        }
        self.forget();
        Ok(())
    }

    /// Whether a browser may be sent to `url`. From now on there is room for it.
    pub(crate) fn leads_to(&mut self, site: &Site<'_>, url: &str) -> bool {
        let room = Portal::ANSWER + url.len();
        if self.out.len() < room {
            self.out = Zeroizing::new(vec![0; room]);
        }
        let nobody = portal::Visitor::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        self.portal.send(site, &nobody, url, &mut self.out).is_ok()
    }

    /// Serves until a redirect comes for which `buffer` has room, or until `end`. `url` is where a browser is sent that was
    /// let in.
    pub(crate) fn redirect(
        &mut self,
        site: &Site<'_>,
        url: &str,
        buffer: &mut [u8],
        end: Instant,
    ) -> io::Result<Option<(Kind, usize)>> {
        self.forget();
        loop {
            let look = self.look(site, url, Some(&mut *buffer))?;
            let now = Instant::now();
            match look {
                Look::Redirect(kind, length) => return Ok(Some((kind, length))),
                _ if now >= end => return Ok(None),
                Look::Busy => {}
                Look::Idle => self.wait(end - now)?,
            }
        }
    }

    /// Answers who brought the last redirect.
    pub(crate) fn judged(&mut self, site: &Site<'_>, error: Option<Error>) {
        let Some(mut visitor) = self.asking.take() else { return };
        let now = self.now();
        let answer = self.portal.judged(site, now, &visitor.asks, error, &mut self.out);
        respond(&mut visitor, &mut self.slots, now, answer);
        self.visitors.push(visitor);
    }

    /// Serves until `end`, and gives those who wait for the last page what is told. Whether anybody got it.
    pub(crate) fn last(&mut self, site: &Site<'_>, last: Last<'_>, end: Instant) -> io::Result<bool> {
        self.forget();
        let mut served = false;
        loop {
            let look = self.look(site, "", None)?;
            let now = self.now();
            for visitor in self.visitors.iter_mut().filter(|visitor| visitor.is_held) {
                let answer = match last {
                    Last::Ended(ending, detail) => {
                        self.portal.last(site, &visitor.asks, ending, detail, &mut self.out)
                    }
                    Last::Wait => self.portal.wait(site, &visitor.asks, &mut self.out),
                };
                respond(visitor, &mut self.slots, now, answer);
                served = true;
            }
            let taken = served && !self.visitors.iter().any(Visitor::is_taking);
            let now = Instant::now();
            if taken || now >= end {
                return Ok(served);
            }
            if matches!(look, Look::Idle) {
                self.wait(end - now)?;
            }
        }
    }

    /// The time of this server.
    pub(crate) fn now(&self) -> Now {
        Now::unknown(u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// Looks once at all sockets. Gives the first redirect for which `buffer` has room; without one there was a redirect
    /// already.
    fn look(&mut self, site: &Site<'_>, url: &str, mut buffer: Option<&mut [u8]>) -> io::Result<Look> {
        let site = &site.limits(self.limits);
        let now = self.now();
        let mut look = Look::Idle;
        let mut index = 0;
        while index < self.visitors.len() {
            match self.hear(index, (site, url), now, buffer.as_deref_mut()) {
                Next::Again => (look, index) = (Look::Busy, index + 1),
                Next::Close => {
                    self.close(index);
                    look = Look::Busy;
                }
                Next::Keep => index += 1,
                Next::Redirect(kind, length) => {
                    self.asking = Some(self.visitors.remove(index));
                    return Ok(Look::Redirect(kind, length));
                }
            }
        }
        self.part();
        // Who is let in now is heard at the next look.
        for _ in 0..N {
            if !self.slots.has_place(now.uptime) || !self.accept(site, now)? {
                break;
            }
            look = Look::Busy;
        }
        Ok(look)
    }

    /// Takes what one visitor says, and answers.
    fn hear(
        &mut self,
        index: usize,
        (site, url): (&Site<'_>, &str),
        now: Now,
        buffer: Option<&mut [u8]>,
    ) -> Next {
        let Self { portal, slots, visitors, out, .. } = self;
        let visitor = &mut visitors[index];
        let came = visitor.listen();
        match came {
            Came::End => return Next::Close,
            Came::Noise => return Next::Again,
            Came::Nothing if !slots.is_late(visitor.place, now.uptime, self.request_time) => {
                return Next::Keep;
            }
            Came::Nothing if visitor.asks.is_silent() => return Next::Close,
            Came::Nothing => {
                let answer = portal.refuse(site, &visitor.asks, Status::RequestTimeout, out);
                respond(visitor, slots, now, answer);
                return Next::Keep;
            }
            Came::Something => {}
        }
        let octets = mem::take(&mut visitor.octets);
        let request = (octets.as_slice(), visitor.length);
        let outcome = portal.handle(site, now, &mut visitor.asks, request, out);
        if !matches!(outcome, Ok(Outcome::More)) {
            slots.heard(visitor.place);
        }
        let answer = match outcome {
            Ok(Outcome::More) => {
                visitor.octets = octets;
                return Next::Keep;
            }
            Ok(Outcome::Wait) => {
                visitor.is_held = true;
                return Next::Keep;
            }
            Ok(Outcome::Answer(answer)) => Ok(answer),
            Ok(Outcome::Start) => match portal.send(site, &visitor.asks, url, out) {
                Err(Error::Misuse) => portal.refuse(site, &visitor.asks, Status::NotFound, out),
                answer => answer,
            },
            Ok(Outcome::Redirect(redirect)) => {
                let (kind, text, status) = match redirect {
                    Redirect::Code(text) => (Kind::Code, text, Status::ContentTooLarge),
                    Redirect::Form(text) => (Kind::Form, text, Status::ContentTooLarge),
                    Redirect::Url(text) => (Kind::Url, text, Status::UriTooLong),
                    _ => (Kind::Code, "", Status::NotFound),
                };
                match buffer {
                    Some(buffer) => match copy(text, buffer) {
                        Some(length) => return Next::Redirect(kind, length),
                        None => portal.refuse(site, &visitor.asks, status, out),
                    },
                    None => portal.judged(site, now, &visitor.asks, Some(Error::AlreadyCompleted), out),
                }
            }
            _ => portal.refuse(site, &visitor.asks, Status::NotFound, out),
        };
        respond(visitor, slots, now, answer);
        Next::Keep
    }

    /// Lets one connection in, if there is one.
    fn accept(&mut self, site: &Site<'_>, now: Now) -> io::Result<bool> {
        let (mut stream, peer) = match self.listener.accept() {
            Ok(accepted) => accepted,
            Err(error) if is_passing(error.kind()) => return Ok(false),
            Err(error) => return Err(error),
        };
        let peer = peer.ip();
        let admission = self.slots.admit(peer, now.uptime);
        let is_registered = self
            .poll
            .registry()
            .register(&mut stream, Token(0), Interest::READABLE | Interest::WRITABLE)
            .is_ok();
        let place = match admission {
            Admission::Free(place) => place,
            // The oldest has had its time, and who comes now may be the right one.
            Admission::Replace(place) => {
                if let Some(index) = self.visitors.iter().position(|visitor| visitor.place == place) {
                    let mut visitor = self.visitors.remove(index);
                    let _ = self.poll.registry().deregister(&mut visitor.stream);
                }
                place
            }
            Admission::Later | Admission::Refuse => {
                self.refuse(site, stream, peer);
                return Ok(true);
            }
        };
        if is_registered {
            self.visitors.push(Visitor::new(stream, peer, place, self.limits.request()));
        } else {
            self.slots.free(place);
        }
        Ok(true)
    }

    /// Says that there is no place, without one: what fits into the socket at once is sent.
    fn refuse(&mut self, site: &Site<'_>, stream: TcpStream, peer: IpAddr) {
        let asks = portal::Visitor::new(peer);
        if let Ok(answer) = self.portal.refuse(site, &asks, Status::ServiceUnavailable, &mut self.out) {
            visitor::send(&stream, answer.octets());
            let _ = stream.shutdown(Shutdown::Write);
        }
        if self.refused.len() >= N {
            self.part_with(0);
        }
        self.refused.push_back((stream, Instant::now()));
    }

    /// Parts with those that were refused and have heard it.
    fn part(&mut self) {
        let mut index = 0;
        while let Some((stream, since)) = self.refused.get(index) {
            if since.elapsed() >= ANSWER_TIME || drain(stream) == Came::End {
                self.part_with(index);
            } else {
                index += 1;
            }
        }
    }

    fn part_with(&mut self, index: usize) {
        if let Some((mut stream, _)) = self.refused.remove(index) {
            let _ = self.poll.registry().deregister(&mut stream);
        }
    }

    fn close(&mut self, index: usize) {
        let mut visitor = self.visitors.remove(index);
        let _ = self.poll.registry().deregister(&mut visitor.stream);
        self.slots.free(visitor.place);
    }

    /// Parts with who asked and was not answered.
    fn forget(&mut self) {
        if let Some(mut visitor) = self.asking.take() {
            let _ = self.poll.registry().deregister(&mut visitor.stream);
            self.slots.free(visitor.place);
        }
    }

    /// Waits until there is something to do.
    fn wait(&mut self, longest: Duration) -> io::Result<()> {
        let mut pause = longest.min(PAUSE);
        // Somebody may be waiting for a place.
        if let Some(milliseconds @ 1..) = self.slots.wait(self.now().uptime) {
            pause = pause.min(Duration::from_millis(milliseconds));
        }
        match self.poll.poll(&mut self.events, Some(pause)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            outcome => outcome,
        }
    }
}

impl Kind {
    /// The redirect that lies in front in `buffer`.
    pub(crate) fn redirect(self, buffer: &[u8]) -> Redirect<'_> {
        // It was text when it was copied.
        let text = str::from_utf8(buffer).unwrap_or_default();
        match self {
            Self::Code => Redirect::Code(text),
            Self::Form => Redirect::Form(text),
            Self::Url => Redirect::Url(text),
        }
    }
}

/// How a sign-in ended that ended like this.
pub(crate) const fn ending(failure: &Failure) -> Ending {
    match failure {
        Failure::Flow(error) => Ending::of(*error),
        Failure::Http(_) => Ending::Unreachable,
        Failure::UserAgent(_) => Ending::Failed,
    }
}

/// Answers a visitor, whose place may be another's from now on, and writes it into the log: what was asked for and
/// the status, and nothing of what the visitor sent.
fn respond<const N: usize>(
    visitor: &mut Visitor,
    slots: &mut Slots<N>,
    now: Now,
    answer: Result<Answer<'_>, Error>,
) {
    // There is room for every answer.
    if let Ok(answer) = answer {
        log::info!(target: LOG, "{:?} {}", visitor.asks.route(), answer.status().code());
        visitor.answer(answer.octets());
    }
    slots.answered(visitor.place, now.uptime);
}

fn into_mio(listener: net::TcpListener) -> io::Result<TcpListener> {
    listener.set_nonblocking(true)?;
    Ok(TcpListener::from_std(listener))
}

/// Whether it is of a visitor that left before it came in, or of the network: the next one may come.
fn is_passing(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::WouldBlock
            | ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::HostUnreachable
            | ErrorKind::Interrupted
            | ErrorKind::NetworkDown
            | ErrorKind::NetworkUnreachable
            | ErrorKind::TimedOut
    )
}

fn copy(text: &str, buffer: &mut [u8]) -> Option<usize> {
    buffer.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
    Some(text.len())
}
