//! The socket loop: a listener, its connections, and the core's portal that says what to do with them.
//!
//! One thread serves all of them. It waits until a socket has something, and looks at that one.

mod hall;
mod visitor;

use std::{
    io, mem,
    net::{self, IpAddr, Ipv4Addr, Shutdown},
    time::{Duration, Instant},
};

use keyfob_core::{
    error::Error,
    flow::Redirect,
    portal::{self, Answer, Ending, Limits, Outcome, Portal, Site, Slots, Status},
    time::Now,
};
use mio::net::TcpStream;
use zeroize::{Zeroize, Zeroizing};

use self::{
    hall::{Entry, Hall},
    visitor::{Came, Octets, Visitor},
};
use crate::Failure;

/// Where the log's lines are from.
const LOG: &str = "keyfob_std::portal";

/// Connections that are let in before those that are in have their turn.
const ENTRIES: usize = 16;

/// A listener with `N` places.
pub(crate) struct Server<const N: usize> {
    hall: Hall<N>,
    /// Who brought the last redirect, and waits for its judgement.
    asking: Option<Visitor>,
    /// Room for a request, which most fill and leave at once; who has said half of one keeps it.
    spare: Option<Octets>,
    out: Octets,
    limits: Limits,
    /// Milliseconds for a whole request.
    request_time: u64,
    start: Instant,
    pub(crate) portal: Portal,
}

/// What those get who wait for the last page.
#[derive(Clone, Copy)]
pub(crate) enum Last<'d> {
    /// The address of another page.
    Elsewhere(&'d str),
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
        Ok(Self {
            hall: Hall::new(listener, slots)?,
            asking: None,
            spare: None,
            out: Zeroizing::new(vec![0; room]),
            limits,
            request_time,
            start: Instant::now(),
            portal,
        })
    }

    /// Listens there from now on, and no longer where it did. Who was connected is not any more.
    pub(crate) fn listen(&mut self, listener: net::TcpListener) -> io::Result<()> {
        self.forget();
        self.hall.listen(listener)
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
        self.wait(&Look::Busy, end)?;
        loop {
            let look = self.look(site, url, Some(&mut *buffer))?;
            if let Look::Redirect(kind, length) = look {
                return Ok(Some((kind, length)));
            }
            if Instant::now() >= end {
                return Ok(None);
            }
            self.wait(&look, end)?;
        }
    }

    /// Answers who brought the last redirect.
    pub(crate) fn judged(&mut self, site: &Site<'_>, error: Option<Error>) {
        let Some(mut visitor) = self.asking.take() else { return };
        let now = self.now();
        let answer = self.portal.judged(site, now, &visitor.asks, error, &mut self.out);
        respond(&mut visitor, &mut self.hall.slots, now, answer);
        self.hall.seat(visitor);
    }

    /// Serves until `end`, and gives those who wait for the last page what is told. Whether anybody got it.
    pub(crate) fn last(&mut self, site: &Site<'_>, last: Last<'_>, end: Instant) -> io::Result<bool> {
        self.forget();
        let mut served = false;
        // Some may have left since the last look.
        self.wait(&Look::Busy, end)?;
        loop {
            let look = self.look(site, "", None)?;
            let now = self.now();
            let Hall { visitors, slots, .. } = &mut self.hall;
            for visitor in visitors.iter_mut().flatten().filter(|visitor| visitor.is_held) {
                let answer = match last {
                    Last::Elsewhere(url) => {
                        send_on(visitor, url);
                        slots.answered(visitor.place, now.uptime);
                        served = true;
                        continue;
                    }
                    Last::Ended(ending, detail) => {
                        self.portal.last(site, &visitor.asks, ending, detail, &mut self.out)
                    }
                    Last::Wait => self.portal.wait(site, &visitor.asks, &mut self.out),
                };
                respond(visitor, slots, now, answer);
                served = true;
            }
            let taken = served && !visitors.iter().flatten().any(Visitor::is_taking);
            if taken || Instant::now() >= end {
                return Ok(served);
            }
            self.wait(&look, end)?;
        }
    }

    /// The time of this server.
    pub(crate) fn now(&self) -> Now {
        Now::unknown(u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// Looks at those who may have said something, and lets in who comes. Gives the first redirect for which `buffer` has
    /// room; without one there was a redirect already.
    fn look(&mut self, site: &Site<'_>, url: &str, mut buffer: Option<&mut [u8]>) -> io::Result<Look> {
        let site = &site.limits(self.limits);
        let now = self.now();
        let mut look = Look::Idle;
        let mut ready = self.hall.ready().into_iter();
        while let Some(place) = ready.next() {
            match self.hear(place, (site, url), now, buffer.as_deref_mut()) {
                Next::Again => {
                    self.hall.again(place);
                    look = Look::Busy;
                }
                Next::Close => {
                    self.hall.close(place);
                    look = Look::Busy;
                }
                Next::Keep => {}
                Next::Redirect(kind, length) => {
                    self.asking = self.hall.visitors[place].take();
                    ready.for_each(|place| self.hall.again(place));
                    return Ok(Look::Redirect(kind, length));
                }
            }
        }
        for _ in 0..ENTRIES {
            match self.hall.enter(now.uptime)? {
                None => break,
                Some(Entry::In) => {}
                Some(Entry::Out(stream, peer)) => self.refuse(site, stream, peer),
            }
            look = Look::Busy;
        }
        Ok(look)
    }

    /// Takes what one visitor says, and answers.
    fn hear(
        &mut self,
        place: usize,
        (site, url): (&Site<'_>, &str),
        now: Now,
        buffer: Option<&mut [u8]>,
    ) -> Next {
        let Some(visitor) = &mut self.hall.visitors[place] else { return Next::Keep };
        let octets = visitor.octets.take().or(self.spare.take());
        let mut octets = octets.unwrap_or_else(|| Zeroizing::new(vec![0; self.limits.request()]));
        let next = match visitor.listen(&mut octets) {
            Came::End => Next::Close,
            Came::Noise => Next::Again,
            Came::Nothing => self.remind(place, site, now),
            Came::Something => self.answer(place, (site, url), now, &octets, buffer),
        };
        let Some(visitor) = &mut self.hall.visitors[place] else { return next };
        if visitor.has_half() && matches!(next, Next::Keep) {
            visitor.octets = Some(octets);
        } else {
            // Nothing of one visitor is left for the next.
            octets[..mem::take(&mut visitor.length)].zeroize();
            self.spare = Some(octets);
        }
        next
    }

    /// Parts with a visitor whose time for a request is over.
    fn remind(&mut self, place: usize, site: &Site<'_>, now: Now) -> Next {
        let Self { hall: Hall { slots, visitors, .. }, portal, out, .. } = self;
        match &mut visitors[place] {
            Some(visitor) if slots.is_late(place, now.uptime, self.request_time) => {
                if visitor.asks.is_silent() {
                    return Next::Close;
                }
                let answer = portal.refuse(site, &visitor.asks, Status::RequestTimeout, out);
                respond(visitor, slots, now, answer);
                Next::Keep
            }
            _ => Next::Keep,
        }
    }

    /// Hands the core what came so far, and does what it says.
    fn answer(
        &mut self,
        place: usize,
        (site, url): (&Site<'_>, &str),
        now: Now,
        octets: &Octets,
        buffer: Option<&mut [u8]>,
    ) -> Next {
        let Self { hall: Hall { slots, visitors, .. }, portal, out, .. } = self;
        let Some(visitor) = &mut visitors[place] else { return Next::Keep };
        let outcome = portal.handle(site, now, &mut visitor.asks, (octets, visitor.length), out);
        if !matches!(outcome, Ok(Outcome::More)) {
            slots.heard(place);
        }
        let answer = match outcome {
            Ok(Outcome::More) => return Next::Keep,
            Ok(Outcome::Wait) => {
                visitor.is_held = true;
                return Next::Keep;
            }
            Ok(Outcome::Answer(answer)) => Ok(answer),
            Ok(Outcome::Start) if !url.is_empty() => portal.send(site, &visitor.asks, url, out),
            Ok(Outcome::Redirect(redirect)) => {
                let (kind, text, status) = match redirect {
                    Redirect::Code(text) => (Kind::Code, text, Status::ContentTooLarge),
                    Redirect::Form(text) => (Kind::Form, text, Status::ContentTooLarge),
                    Redirect::Url(text) => (Kind::Url, text, Status::UriTooLong),
                    _ => (Kind::Code, "", Status::NotFound),
                };
                match buffer.map(|buffer| copy(text, buffer)) {
                    Some(Some(length)) => return Next::Redirect(kind, length),
                    Some(None) => portal.refuse(site, &visitor.asks, status, out),
                    None => portal.judged(site, now, &visitor.asks, Some(Error::AlreadyCompleted), out),
                }
            }
            _ => portal.refuse(site, &visitor.asks, Status::NotFound, out),
        };
        respond(visitor, slots, now, answer);
        Next::Keep
    }

    /// Says that there is no place, without one: what fits into the socket at once is sent.
    fn refuse(&mut self, site: &Site<'_>, stream: TcpStream, peer: IpAddr) {
        let asks = portal::Visitor::new(peer);
        if let Ok(answer) = self.portal.refuse(site, &asks, Status::ServiceUnavailable, &mut self.out) {
            visitor::send(&stream, answer.octets());
            let _ = stream.shutdown(Shutdown::Write);
        }
        self.hall.see_off(stream);
    }

    /// Parts with who asked and was not answered.
    fn forget(&mut self) {
        if let Some(visitor) = self.asking.take() {
            self.hall.dismiss(visitor);
        }
    }

    /// Waits until there is something to do, or until `end`.
    fn wait(&mut self, look: &Look, end: Instant) -> io::Result<()> {
        let longest = match look {
            Look::Idle => end.saturating_duration_since(Instant::now()),
            _ => Duration::ZERO,
        };
        self.hall.wait(longest, self.now().uptime)
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
    // What was sent arrives, also when the place is another's at once: a browser has its next connection ready before the
    // end of the last one was seen.
    let grace = if visitor.is_taking() { 0 } else { Slots::<N>::GRACE };
    slots.answered(visitor.place, now.uptime.saturating_sub(grace));
}

/// Sends a visitor to another page.
fn send_on(visitor: &mut Visitor, url: &str) {
    let answer = format!(
        "HTTP/1.1 303 See Other\r\nLocation: {url}\r\nCache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n\
         Content-Length: 0\r\nConnection: close\r\n\r\n"
    );
    log::info!(target: LOG, "{:?} 303", visitor.asks.route());
    visitor.answer(answer.as_bytes());
}

fn copy(text: &str, buffer: &mut [u8]) -> Option<usize> {
    buffer.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
    Some(text.len())
}
