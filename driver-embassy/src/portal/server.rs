//! All connections at once, in one task and without a future for each: every look does what can be done.

use core::{
    future::poll_fn,
    pin::pin,
    task::{Context, Poll},
};

use embassy_time::{Duration, Instant, Timer};
use keyfob_core::{
    error::Error,
    flow::Redirect,
    portal::{Admission, Ending, Outcome, Portal, Route, Slots, Status, Visitor},
    time::Now,
};
use zeroize::Zeroize;

use crate::{
    log::event,
    portal::{
        line::{Line, Stage, look},
        listen::Listen,
        place::Place,
        strikes::Strikes,
    },
};

/// Milliseconds for taking an answer while others wait, and otherwise.
const ANSWER_TIME: (u64, u64) = (1000, 5000);

/// The same for whoever has not taken many before.
const IMPATIENT: u64 = 250;

/// Milliseconds for closing after an answer. To close earlier would tear it out of the browser's hands.
const CLOSING_TIME: u64 = 1000;

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

    /// Whether this one's address keeps others out, and there is somebody to be kept out.
    fn is_unwelcome(&mut self, index: usize) -> bool {
        let Some(peer) = self.lines.get(index).map(|line| line.asks.peer()) else { return false };
        let Self { strikes, lines, .. } = self;
        strikes.are_many(peer)
            && lines.iter().any(|line| line.is_connected() && !strikes.are_many(line.asks.peer()))
    }

    fn drop_silently(&mut self, index: usize, uptime: u64) -> Step {
        if let Some(line) = self.lines.get_mut(index) {
            line.socket.abort();
            line.go(Stage::Listening, uptime);
        }
        Step::Moved
    }

    fn begin(&mut self, index: usize, stage: Stage, uptime: u64) {
        if let Some(line) = self.lines.get_mut(index) {
            line.go(stage, uptime);
        }
    }

    /// Gives a connection a place, or closes it.
    fn admit(&mut self, index: usize, uptime: u64) -> Step {
        let Some(line) = self.lines.get(index) else { return Step::Idle };
        let (peer, age) = (line.asks.peer(), line.age(uptime));
        if !self.strikes.are_many(peer) {
            self.make_room(uptime);
        }
        let stays = !self.strikes.are_many(peer) || self.listens();
        let place = match self.slots.admit(peer, uptime) {
            Admission::Free(place) => place,
            Admission::Replace(place) => {
                if let Some(other) = self.lines.iter().position(|line| line.place == Some(place)) {
                    // The place is not free: it has changed hands.
                    self.forget(place);
                    if let Some(line) = self.lines.get_mut(other) {
                        line.place = None;
                        if matches!(line.stage, Stage::Reading { .. }) {
                            self.strikes.count(line.asks.peer());
                        }
                    }
                    self.hang_up(other, uptime);
                }
                place
            }
            Admission::Later | Admission::Refuse if !stays => return self.drop_silently(index, uptime),
            Admission::Later if age < Slots::<N>::DEADLINE => return Step::Idle,
            // A browser that opens two at once has its second soon, if nobody has to stay outside for it.
            Admission::Refuse if age <= Slots::<N>::GRACE && self.listens() => return Step::Idle,
            Admission::Later | Admission::Refuse => {
                self.hang_up(index, uptime);
                return Step::Moved;
            }
        };
        if let Some(line) = self.lines.get_mut(index) {
            line.place = Some(place);
            line.length = 0;
            line.go(Stage::Reading { fresh: false, ended: false }, uptime);
        }
        Step::Moved
    }

    /// Takes the place of somebody who keeps others out, if there is no other.
    fn make_room(&mut self, uptime: u64) {
        let Self { lines, strikes, .. } = self;
        if lines.iter().filter(|line| line.place.is_some()).count() < N {
            return;
        }
        let bad = |line: &Line<L>| line.place.is_some() && strikes.are_many(line.asks.peer());
        if let Some(index) = lines.iter().position(bad) {
            self.hang_up(index, uptime);
        }
    }

    /// Whether anybody else could come in.
    fn listens(&self) -> bool {
        self.lines.iter().any(|line| line.stage == Stage::Listening)
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

    /// Sends on.
    fn write(&mut self, index: usize, context: &mut Context<'_>, uptime: u64) -> Step {
        let time = self.answer_time(index);
        let Some(line) = self.lines.get_mut(index) else { return Step::Idle };
        let sending = self.answer.as_mut().filter(|sending| sending.line == index);
        let Some(sending) = sending else { return Step::Idle };
        let rest = self.out.get(sending.sent..sending.length).unwrap_or_default();
        match look(context, line.socket.write(rest)) {
            Poll::Ready(Ok(written @ 1..)) => {
                sending.sent = sending.sent.saturating_add(written);
                if sending.sent >= sending.length {
                    line.socket.finish();
                    line.stage = Stage::Answered;
                    self.answer = None;
                    self.first = index.saturating_add(1);
                }
                Step::Moved
            }
            Poll::Pending if line.age(uptime) < time => Step::Idle,
            _ => {
                self.was_deaf(index, uptime);
                Step::Moved
            }
        }
    }

    /// Waits until the other side has all of the answer.
    fn deliver(&mut self, index: usize, context: &mut Context<'_>, uptime: u64) -> Step {
        let time = self.answer_time(index);
        let Some(line) = self.lines.get_mut(index) else { return Step::Idle };
        match look(context, line.socket.flush()) {
            Poll::Ready(Ok(())) => {
                line.go(Stage::Closing, uptime);
                self.strikes.forgive(line.asks.peer());
                if let Some(place) = line.place {
                    self.slots.answered(place, uptime);
                }
            }
            Poll::Pending if line.age(uptime) < time => return Step::Idle,
            _ => {
                self.was_deaf(index, uptime);
            }
        }
        Step::Moved
    }

    /// Waits for the other side to close.
    fn end(&mut self, index: usize, context: &mut Context<'_>, uptime: u64) -> Step {
        let Some(line) = self.lines.get_mut(index) else { return Step::Idle };
        match look(context, line.socket.read(&mut [0; 32])) {
            Poll::Ready(Ok(1..)) => return Step::Moved,
            Poll::Pending if line.age(uptime) < CLOSING_TIME => return Step::Idle,
            _ => {}
        }
        self.told |= line.last;
        self.hang_up(index, uptime);
        Step::Moved
    }

    /// Milliseconds for taking an answer.
    fn answer_time(&mut self, index: usize) -> u64 {
        let waits = |line: &Line<L>| {
            matches!(line.stage, Stage::Waiting | Stage::Held | Stage::Reading { fresh: true, .. })
        };
        match self.lines.get(index) {
            _ if !self.lines.iter().any(waits) => ANSWER_TIME.1,
            Some(line) if self.strikes.are_many(line.asks.peer()) => IMPATIENT,
            _ => ANSWER_TIME.0,
        }
    }

    /// It did not take its answer.
    fn was_deaf(&mut self, index: usize, uptime: u64) {
        if let Some(line) = self.lines.get(index) {
            self.strikes.count_deaf(line.asks.peer());
        }
        self.hang_up(index, uptime);
    }

    /// Refuses a visitor.
    fn refuse(&mut self, index: usize, status: Status) {
        let hosts = self.place.hosts();
        let site = self.place.site.with_hosts(&hosts);
        let Some(line) = self.lines.get(index) else { return };
        let answer = self.portal.refuse(&site, &line.asks, status, self.out);
        let answer = answer.map(|answer| (answer.octets().len(), answer.status()));
        self.say(index, answer, false);
    }

    /// Begins to send an answer, which is written already.
    fn say(&mut self, index: usize, answer: Result<(usize, Status), Error>, last: bool) {
        let uptime = now().uptime;
        let Some(line) = self.lines.get_mut(index) else { return };
        // There is room for every answer.
        let Ok((length, status)) = answer else { return self.hang_up(index, uptime) };
        event!("portal: {} {}", name(line.asks.route()), status.code());
        if let Some(place) = line.place {
            self.slots.heard(place);
        }
        line.last = last;
        line.go(Stage::Answering, uptime);
        self.answer = Some(Sending { line: index, length, sent: 0 });
    }

    /// Ends a connection at once, and frees its place.
    fn hang_up(&mut self, index: usize, uptime: u64) {
        let Some(line) = self.lines.get_mut(index) else { return };
        line.socket.abort();
        line.go(Stage::Closed, uptime);
        if self.answer.as_ref().is_some_and(|sending| sending.line == index) {
            self.answer = None;
        }
        if let Some(place) = line.place.take() {
            self.slots.free(place);
            self.forget(place);
        }
    }

    fn forget(&mut self, place: usize) {
        if let Some(request) = self.requests.get_mut(place) {
            request.zeroize();
        }
    }
}

/// A route, for the log.
const fn name(route: Route) -> &'static str {
    match route {
        Route::Callback => "Callback",
        Route::Done => "Done",
        Route::Go => "Go",
        Route::Home => "Home",
        Route::Paste => "Paste",
        Route::Start => "Start",
        _ => "Other",
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
