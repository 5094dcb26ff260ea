//! Who gets a place, and who is turned away.

use keyfob_core::portal::{Admission, Slots};

use crate::portal::{
    line::{Line, Stage},
    listen::Listen,
    server::{Server, Step},
};

impl<L: Listen, const N: usize, const M: usize> Server<'_, L, N, M> {
    /// Whether this one's address keeps others out, and there is somebody to be kept out.
    pub(super) fn is_unwelcome(&mut self, index: usize) -> bool {
        let Some(peer) = self.lines.get(index).map(|line| line.asks.peer()) else { return false };
        let Self { strikes, lines, .. } = self;
        strikes.are_many(peer)
            && lines.iter().any(|line| line.is_connected() && !strikes.are_many(line.asks.peer()))
    }

    /// Ends a connection without a word.
    pub(super) fn drop_silently(&mut self, index: usize, uptime: u64) -> Step {
        if let Some(line) = self.lines.get_mut(index) {
            line.socket.abort();
            line.go(Stage::Listening, uptime);
        }
        Step::Moved
    }

    /// Goes on with a line.
    pub(super) fn begin(&mut self, index: usize, stage: Stage, uptime: u64) {
        if let Some(line) = self.lines.get_mut(index) {
            line.go(stage, uptime);
        }
    }

    /// Gives a connection a place, or closes it.
    pub(super) fn admit(&mut self, index: usize, uptime: u64) -> Step {
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
    pub(super) fn listens(&self) -> bool {
        self.lines.iter().any(|line| line.stage == Stage::Listening)
    }
}
