//! The two slots of the store, and what is to be written next.

use crate::{
    pace::{Pace, Spread},
    session::record::Mark,
};

/// A place of the store.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Slot {
    /// A record of the session.
    First,
    /// The other record of the session.
    Second,
    /// What a [`SignOut`](crate::sign_out::SignOut) still owes the server.
    SignOut,
}

impl Slot {
    pub(super) const fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            _ => Self::First,
        }
    }
}

/// What to do with the store.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Chore {
    Erase(Slot),
    /// The tokens of now.
    Write,
}

pub(super) struct Slots {
    /// Where the newest record is.
    pub(super) newest: Slot,
    pub(super) sequence: u32,
    /// What the newest record says.
    pub(super) mark: Mark,
    /// The newest record does not hold the tokens of now.
    pub(super) dirty: bool,
    /// The store takes no records, so none announces a refresh.
    pub(super) unannounced: bool,
    first: Use,
    second: Use,
    pace: Pace,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Use {
    Empty,
    Erase,
    Kept,
}

impl Slots {
    pub(super) const fn new(spread: Spread) -> Self {
        Self {
            newest: Slot::Second,
            sequence: 0,
            mark: Mark::Ready,
            dirty: false,
            unannounced: false,
            first: Use::Empty,
            second: Use::Empty,
            pace: Pace::new(spread),
        }
    }

    /// What is to be done now.
    pub(super) fn chore(&self, now: u64) -> Option<Chore> {
        if self.dirty {
            return self.pace.is_over(now).then_some(Chore::Write);
        }
        // The older one first: it must never be the only one.
        [self.newest.other(), self.newest]
            .into_iter()
            .find(|&slot| self.used(slot) == Use::Erase)
            .map(Chore::Erase)
    }

    /// When there is something to do, if not now.
    pub(super) fn due(&self) -> Option<u64> {
        self.dirty.then_some(self.pace.until())
    }

    /// Something was read from a slot.
    pub(super) fn found(&mut self, slot: Slot) {
        *self.used_mut(slot) = Use::Kept;
    }

    /// A record was written behind the newest.
    pub(super) fn written(&mut self, mark: Mark) {
        self.newest = self.newest.other();
        self.sequence = self.sequence.wrapping_add(1);
        self.mark = mark;
        *self.used_mut(self.newest) = Use::Kept;
        self.pace.reset();
    }

    pub(super) fn not_written(&mut self, now: u64) {
        self.pace.fail(now, None);
    }

    /// A slot was erased, or cannot be.
    pub(super) fn erased(&mut self, slot: Slot) {
        *self.used_mut(slot) = Use::Empty;
    }

    pub(super) fn drop_all(&mut self) {
        self.dirty = false;
        self.drop(Slot::First);
        self.drop(Slot::Second);
    }

    /// Whether the store has failed since it last took a record.
    pub(super) fn has_failed(&self) -> bool {
        self.pace.failures() > 0
    }

    fn drop(&mut self, slot: Slot) {
        if self.used(slot) == Use::Kept {
            *self.used_mut(slot) = Use::Erase;
        }
    }

    const fn used(&self, slot: Slot) -> Use {
        match slot {
            Slot::First => self.first,
            _ => self.second,
        }
    }

    const fn used_mut(&mut self, slot: Slot) -> &mut Use {
        match slot {
            Slot::First => &mut self.first,
            _ => &mut self.second,
        }
    }
}
