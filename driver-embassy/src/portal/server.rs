//! All connections at once, in one task and without a future for each: every look does what can be done.

mod admission;
mod answering;

use core::{
    future::poll_fn,
    pin::pin,
    task::{Context, Poll},
};

use embassy_time::{Duration, Instant, Timer};
use keyfob_core::{
    error::Error,
    flow::Redirect,
    portal::{Ending, Outcome, Portal, Slots, Status, Visitor},
    time::Now,
};
use zeroize::Zeroize;

use crate::portal::{
    line::{Line, Stage, look},
    listen::Listen,
    place::Place,
    strikes::Strikes,
};

/// Milliseconds that a browser is held before it gets a page that asks again.
const HOLD: u64 = 5000;

/// The server of a portal, with `N` places and `M` sockets.
pub(super) struct Server<'p, L, const N: usize, const M: usize> {
    pub(super) portal: Portal,
    pub(super) place: Place<'p>,
    slots: Slots<N>,
    strikes: Strikes,
    lines: [Line<L>; M],
    requests: [&'p mut [u8]; N],
    out: &'p mut [u8],
    answer: Option<Sending>,
    /// The line that is looked at first.
    first: usize,
    /// Who brought the last redirect, and waits for its judgement.
    asking: Option<usize>,
    url: &'p mut [u8],
    url_length: usize,
    /// Something was asked for.
    asked: bool,
    /// A browser was sent to the server.
    pub(super) sent: bool,
    /// The browser has the last page.
    pub(super) told: bool,
}

/// An answer on its way.
struct Sending {
    line: usize,
    length: usize,
    sent: usize,
}

/// What connections are served for.
pub(super) enum Serves<'b> {
    /// Who waits for the end is held.
    Aside,
    /// Who waits for the end is told to confirm on the device.
    Confirmation,
    /// Who waits for the end is told.
    Last(Ending, &'b str),
    /// The redirect, which is written to here.
    Redirects(&'b mut [u8]),
}

/// A redirect in the buffer: whether it is pasted code, a form, or an address; and its length.
#[derive(Clone, Copy)]
pub(super) struct Came {
    kind: Kind,
    length: usize,
}

#[derive(Clone, Copy)]
enum Kind {
    Code,
    Form,
    Url,
}

impl Came {
    /// It as the flow wants it.
    pub(super) fn redirect(self, buffer: &[u8]) -> Redirect<'_> {
        let text = buffer.get(..self.length).and_then(|octets| core::str::from_utf8(octets).ok());
        let text = text.unwrap_or_default();
        match self.kind {
            Kind::Code => Redirect::Code(text),
            Kind::Form => Redirect::Form(text),
            Kind::Url => Redirect::Url(text),
        }
    }
}

/// What a look at a line has done.
enum Step {
    Idle,
    Moved,
    Redirect(Came),
}

impl<'p, L: Listen, const N: usize, const M: usize> Server<'p, L, N, M> {
    pub(super) fn new(
        portal: Portal,
        place: Place<'p>,
        sockets: [L; M],
        requests: [&'p mut [u8]; N],
        out: &'p mut [u8],
        url: &'p mut [u8],
    ) -> Self {
        Self {
            portal,
            place,
            slots: Slots::new(per_address(N)),
            strikes: Strikes::new(),
            lines: sockets.map(Line::new),
            requests,
            out,
            answer: None,
            first: 0,
            asking: None,
            url,
            url_length: 0,
            asked: false,
            sent: false,
            told: false,
        }
    }

    /// Keeps the address that a browser is sent to. `false`: it is too long.
    pub(super) fn open(&mut self, url: &str) -> bool {
        self.url.zeroize();
        self.url_length = 0;
        let Some(room) = self.url.get_mut(..url.len()) else { return false };
        room.iter_mut().zip(url.bytes()).for_each(|(place, octet)| *place = octet);
        self.url_length = url.len();
        true
    }

    /// Takes note of where the portal is reached. See [`Place::settle`].
    pub(super) fn settle(&mut self) -> Option<bool> {
        let address = self.lines.first().and_then(|line| line.socket.address());
        self.place.settle(address)
    }

    /// Lets another browser in.
    pub(super) fn release(&mut self) {
        self.portal.release(now());
        self.sent = false;
    }

    /// Serves until that moment, or until a redirect comes, or the last page is told. Where a redirect is waited for, also
    /// until something was asked for that may change the screen.
    pub(super) async fn serve(&mut self, serves: &mut Serves<'_>, until: Instant) -> Option<Came> {
        loop {
            let pause = after(Duration::from_millis(self.pause()));
            let mut timer = pin!(Timer::at(pause.min(until)));
            let came = poll_fn(|context| match self.look(context, serves) {
                Poll::Ready(came) => Poll::Ready(Some(came)),
                Poll::Pending if self.asked => Poll::Ready(None),
                Poll::Pending => timer.as_mut().poll(context).map(|()| None),
            })
            .await;
            let shows = core::mem::take(&mut self.asked) && matches!(serves, Serves::Redirects(_));
            if came.is_some() || self.told || shows || Instant::now() >= until {
                return came;
            }
        }
    }

    /// Looks once at all connections.
    pub(super) fn look(&mut self, context: &mut Context<'_>, serves: &mut Serves<'_>) -> Poll<Came> {
        let mut moved = false;
        self.strikes.pass(now().uptime);
        for offset in 0..M {
            // Whoever waits for the answers' buffer gets it in turn.
            let index = self.first.wrapping_add(offset) % M;
            match self.step(index, context, serves) {
                Step::Idle => {}
                Step::Moved => moved = true,
                Step::Redirect(came) => return Poll::Ready(came),
            }
        }
        if moved {
            // Other tasks have their turn first.
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Answers who brought the last redirect.
    pub(super) fn judged(&mut self, error: Option<Error>) {
        let Some(index) = self.asking.take() else { return };
        let hosts = self.place.hosts();
        let site = self.place.site.with_hosts(&hosts);
        let Some(line) = self.lines.get(index) else { return };
        let answer = self.portal.judged(&site, now(), &line.asks, error, self.out);
        let answer = answer.map(|answer| (answer.octets().len(), answer.status()));
        self.say(index, answer, false);
    }

    /// Closes everything, and forgets what was said.
    pub(super) fn close(&mut self) {
        let uptime = now().uptime;
        (0..M).for_each(|index| self.hang_up(index, uptime));
        self.asking = None;
        self.out.zeroize();
        self.url.zeroize();
        self.url_length = 0;
    }

    /// Milliseconds until the next look, if nothing happens.
    fn pause(&self) -> u64 {
        let pause = |line: &Line<L>| match line.stage {
            Stage::Closed => 1,
            Stage::Waiting => 10,
            _ => 250,
        };
        self.lines.iter().map(pause).min().unwrap_or(250)
    }

    fn step(&mut self, index: usize, context: &mut Context<'_>, serves: &mut Serves<'_>) -> Step {
        let uptime = now().uptime;
        let Some(line) = self.lines.get_mut(index) else { return Step::Idle };
        match line.stage {
            // The stack had its turn, and has told the other side.
            Stage::Closed if line.age(uptime) > 0 => {
                line.go(Stage::Listening, uptime);
                Step::Moved
            }
            Stage::Listening => match look(context, line.socket.accept()) {
                Poll::Ready(Ok(peer)) => {
                    line.asks = Visitor::new(peer);
                    if self.is_unwelcome(index) {
                        // It is told nothing, which takes no time.
                        return self.drop_silently(index, uptime);
                    }
                    self.begin(index, Stage::Waiting, uptime);
                    self.admit(index, uptime)
                }
                Poll::Ready(Err(_)) => {
                    line.go(Stage::Closed, uptime);
                    Step::Idle
                }
                Poll::Pending => Step::Idle,
            },
            Stage::Waiting => self.admit(index, uptime),
            Stage::Reading { .. } => self.read(index, context, serves, uptime),
            Stage::Held => self.hold(index, context, serves, uptime),
            Stage::Answering => self.write(index, context, uptime),
            Stage::Answered => self.deliver(index, context, uptime),
            Stage::Closing => self.end(index, context, uptime),
            Stage::Asking | Stage::Closed => Step::Idle,
        }
    }

    /// Takes what comes of a request.
    fn read(
        &mut self,
        index: usize,
        context: &mut Context<'_>,
        serves: &mut Serves<'_>,
        uptime: u64,
    ) -> Step {
        let Some(line) = self.lines.get_mut(index) else { return Step::Idle };
        let Stage::Reading { mut fresh, mut ended } = line.stage else { return Step::Idle };
        let Some(place) = line.place else { return Step::Idle };
        let mut moved = false;
        let room = self.requests.get_mut(place).and_then(|request| request.get_mut(line.length..));
        if let Some(room) = room.filter(|room| !room.is_empty() && !ended) {
            match look(context, line.socket.read(room)) {
                Poll::Ready(Ok(0)) => (ended, moved) = (true, true),
                Poll::Ready(Ok(read)) => {
                    line.length = line.length.saturating_add(read);
                    (fresh, moved) = (true, true);
                }
                Poll::Ready(Err(_)) => {
                    self.hang_up(index, uptime);
                    return Step::Moved;
                }
                Poll::Pending => {}
            }
        }
        line.stage = Stage::Reading { fresh, ended };
        let late = self.slots.is_late(place, uptime, Slots::<N>::DEADLINE);
        let silent = line.length == 0;
        if (ended && !fresh) || (late && silent) {
            self.strikes.count(line.asks.peer());
            self.hang_up(index, uptime);
            return Step::Moved;
        }
        // The answers of all are written to one place.
        if self.answer.is_some() {
            if fresh {
                self.slots.heard(place);
            }
            return if moved { Step::Moved } else { Step::Idle };
        }
        if fresh {
            return self.hear(index, place, serves, uptime);
        }
        if late {
            self.strikes.count(line.asks.peer());
            self.refuse(index, Status::RequestTimeout);
            return Step::Moved;
        }
        if moved { Step::Moved } else { Step::Idle }
    }

    /// Does what a request wants, if it is whole.
    fn hear(&mut self, index: usize, place: usize, serves: &mut Serves<'_>, uptime: u64) -> Step {
        let hosts = self.place.hosts();
        let site = self.place.site.with_hosts(&hosts);
        let (Some(line), Some(request)) = (self.lines.get_mut(index), self.requests.get(place)) else {
            return Step::Idle;
        };
        let outcome = self.portal.handle(&site, now(), &mut line.asks, (request, line.length), self.out);
        if matches!(outcome, Ok(Outcome::More)) {
            if matches!(line.stage, Stage::Reading { ended: true, .. }) {
                self.hang_up(index, uptime);
            } else {
                line.stage = Stage::Reading { fresh: false, ended: false };
                self.slots.unheard(place);
            }
            return Step::Moved;
        }
        self.slots.heard(place);
        self.asked = true;
        match outcome {
            Ok(Outcome::Answer(answer)) => {
                let answer = Ok((answer.octets().len(), answer.status()));
                self.say(index, answer, false);
            }
            Ok(Outcome::Start) => {
                let url = self.url.get(..self.url_length).and_then(|url| core::str::from_utf8(url).ok());
                let answer = self.portal.send(&site, &line.asks, url.unwrap_or_default(), self.out);
                self.sent |= answer.is_ok();
                match answer.map(|answer| (answer.octets().len(), answer.status())) {
                    Err(Error::Misuse) => self.refuse(index, Status::ServiceUnavailable),
                    answer => self.say(index, answer, false),
                }
            }
            Ok(Outcome::Wait) => line.go(Stage::Held, uptime),
            Ok(Outcome::Redirect(redirect)) => {
                let Serves::Redirects(buffer) = serves else {
                    // It has come twice.
                    let error = Some(Error::AlreadyCompleted);
                    let answer = self.portal.judged(&site, now(), &line.asks, error, self.out);
                    let answer = answer.map(|answer| (answer.octets().len(), answer.status()));
                    self.say(index, answer, false);
                    return Step::Moved;
                };
                let (kind, text, status) = match redirect {
                    Redirect::Code(text) => (Kind::Code, text, Status::ContentTooLarge),
                    Redirect::Form(text) => (Kind::Form, text, Status::ContentTooLarge),
                    Redirect::Url(text) => (Kind::Url, text, Status::UriTooLong),
                    _ => (Kind::Url, "", Status::NotFound),
                };
                let length = text.len();
                let Some(room) = buffer.get_mut(..length) else {
                    self.refuse(index, status);
                    return Step::Moved;
                };
                room.iter_mut().zip(text.bytes()).for_each(|(place, octet)| *place = octet);
                line.go(Stage::Asking, uptime);
                self.asking = Some(index);
                return Step::Redirect(Came { kind, length });
            }
            _ => self.hang_up(index, uptime),
        }
        Step::Moved
    }

    /// Keeps a browser that waits for the end.
    fn hold(
        &mut self,
        index: usize,
        context: &mut Context<'_>,
        serves: &mut Serves<'_>,
        uptime: u64,
    ) -> Step {
        let Some(line) = self.lines.get_mut(index) else { return Step::Idle };
        if let Poll::Ready(Ok(0) | Err(_)) = look(context, line.socket.read(&mut [0; 32])) {
            self.hang_up(index, uptime);
            return Step::Moved;
        }
        if self.answer.is_some() {
            return Step::Idle;
        }
        let hosts = self.place.hosts();
        let site = self.place.site.with_hosts(&hosts);
        let (answer, last) = match serves {
            Serves::Last(ending, detail) => {
                (self.portal.last(&site, &line.asks, *ending, detail, self.out), true)
            }
            Serves::Aside | Serves::Redirects(_) if line.age(uptime) < HOLD => return Step::Idle,
            _ => (self.portal.wait(&site, &line.asks, self.out), false),
        };
        let answer = answer.map(|answer| (answer.octets().len(), answer.status()));
        self.say(index, answer, last);
        Step::Moved
    }

    fn forget(&mut self, place: usize) {
        if let Some(request) = self.requests.get_mut(place) {
            request.zeroize();
        }
    }
}

/// Places that one address has: with two of them, a browser may open two connections at once. One is for others.
fn per_address(places: usize) -> u8 {
    let most = u8::try_from(places.saturating_sub(1)).unwrap_or(u8::MAX);
    Slots::<1>::PER_ADDRESS.min(most).max(1)
}

/// The moment after so long a time.
pub(super) fn after(duration: Duration) -> Instant {
    Instant::now().saturating_add(duration)
}

/// This moment. Portals do not ask for the date.
pub(super) fn now() -> Now {
    Now::unknown(Instant::now().as_millis())
}
