//! How an answer goes out, and a connection ends.

use core::task::{Context, Poll};

use keyfob_core::{error::Error, portal::Status};

use crate::{
    log::event,
    portal::{
        line::{Line, Stage, look},
        listen::Listen,
        server::{Sending, Server, Step, now},
    },
};

/// Milliseconds for taking an answer while others wait, and otherwise.
const ANSWER_TIME: (u64, u64) = (1000, 5000);

/// The same for whoever has not taken many before.
const IMPATIENT: u64 = 250;

/// Milliseconds for closing after an answer. To close earlier would tear it out of the browser's hands.
const CLOSING_TIME: u64 = 1000;

impl<L: Listen, const N: usize, const M: usize> Server<'_, L, N, M> {
    /// Sends on.
    pub(super) fn write(&mut self, index: usize, context: &mut Context<'_>, uptime: u64) -> Step {
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
    pub(super) fn deliver(&mut self, index: usize, context: &mut Context<'_>, uptime: u64) -> Step {
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
    pub(super) fn end(&mut self, index: usize, context: &mut Context<'_>, uptime: u64) -> Step {
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
    pub(super) fn refuse(&mut self, index: usize, status: Status) {
        let hosts = self.place.hosts();
        let site = self.place.site.with_hosts(&hosts);
        let Some(line) = self.lines.get(index) else { return };
        let answer = self.portal.refuse(&site, &line.asks, status, self.out);
        let answer = answer.map(|answer| (answer.octets().len(), answer.status()));
        self.say(index, answer, false);
    }

    /// Begins to send an answer, which is written already.
    pub(super) fn say(&mut self, index: usize, answer: Result<(usize, Status), Error>, last: bool) {
        let uptime = now().uptime;
        let Some(line) = self.lines.get_mut(index) else { return };
        // There is room for every answer.
        let Ok((length, status)) = answer else { return self.hang_up(index, uptime) };
        event!("portal: {} {}", line.asks.route().as_str(), status.code());
        if let Some(place) = line.place {
            self.slots.heard(place);
        }
        line.last = last;
        line.go(Stage::Answering, uptime);
        self.answer = Some(Sending { line: index, length, sent: 0 });
    }

    /// Ends a connection at once, and frees its place.
    pub(super) fn hang_up(&mut self, index: usize, uptime: u64) {
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
}
