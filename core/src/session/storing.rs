//! What a session reads from its store, and what it is told of its records.

use crate::{
    error::Error,
    session::{
        Session, SignInReason, Slot, Step,
        fields::Field,
        record::{Mark, Record},
        slots::Chore,
    },
    time::Now,
};

impl<const N: usize> Session<'_, N> {
    /// Whether a refresh is to be announced now.
    fn announces(&self, now: Now) -> bool {
        self.step == Step::Held
            && !self.fields.is_empty(Field::RefreshToken)
            && !self.may_be_sent()
            && self.due().is_some_and(|due| now.uptime >= due)
    }

    pub(super) fn load(&mut self, now: Now, slot: Slot, before: Option<SignInReason>, record: &[u8]) {
        let mut reason = match Record::read(record, self.client) {
            Err(reason) => Some(reason),
            Ok(record) => self.unpack(slot, &record),
        };
        if reason != Some(SignInReason::NeverSignedIn) {
            self.slots.found(slot);
        }
        if slot == Slot::First {
            self.step = Step::Load(Slot::Second, reason);
            return;
        }
        reason = match (before, reason) {
            // The other slot may hold a token that was replaced since.
            (Some(newer @ SignInReason::NewerVersion), _) | (_, Some(newer @ SignInReason::NewerVersion)) => {
                Some(newer)
            }
            (Some(SignInReason::NeverSignedIn), reason) | (reason, Some(SignInReason::NeverSignedIn)) => {
                reason
            }
            (Some(before), Some(_)) => Some(before),
            _ if self.fields.is_empty(Field::RefreshToken) => Some(SignInReason::StoreDamaged),
            _ => None,
        };
        if let Some(reason) = reason {
            self.fields.wipe();
            self.step = Step::Over(reason);
            return;
        }
        self.step = Step::Held;
        self.used = self.facts.date;
        self.unsure = self.slots.mark == Mark::Sent;
        self.schedule.started(now.uptime, self.unsure);
    }

    /// Takes a record that is newer than what was found before.
    fn unpack(&mut self, slot: Slot, record: &Record<'_>) -> Option<SignInReason> {
        let first = self.fields.is_empty(Field::RefreshToken);
        if !first && !record.is_after(self.slots.sequence) {
            return None;
        }
        match record.unpack(&mut self.fields) {
            Ok(facts) => {
                self.facts = facts;
                self.slots.newest = slot;
                self.slots.sequence = record.sequence;
                self.slots.mark = record.mark;
                None
            }
            Err(reason) => Some(reason),
        }
    }

    pub(super) fn stored(&mut self, now: Now) -> Result<(), Error> {
        match self.slots.chore(u64::MAX) {
            Some(Chore::Erase(slot)) => self.slots.erased(slot),
            Some(Chore::Write) => {
                self.slots.written(Mark::Ready);
                self.slots.dirty = false;
                self.slots.unannounced = false;
            }
            None if self.announces(now) => self.slots.written(Mark::Sent),
            None => return Err(Error::Misuse),
        }
        Ok(())
    }

    pub(super) fn not_stored(&mut self, now: Now) -> Result<(), Error> {
        match self.slots.chore(u64::MAX) {
            // What cannot be erased will not be used: it is the server's to refuse.
            Some(Chore::Erase(slot)) => self.slots.erased(slot),
            Some(Chore::Write) => self.slots.not_written(now.uptime),
            None if self.announces(now) => self.slots.unannounced = true,
            None => return Err(Error::Misuse),
        }
        Ok(())
    }
}
