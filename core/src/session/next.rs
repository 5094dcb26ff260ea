//! What a session asks for next.

use crate::{
    error::{Check, Error},
    exchange::revocation_request,
    session::{
        Action, Session, SignInReason,
        fields::Field,
        record::{self, Mark},
    },
    time::{Date, Now},
};

impl<const N: usize> Session<'_, N> {
    /// When to refresh.
    pub(super) fn due(&self) -> Option<u64> {
        let has_access_token = !self.fields.is_empty(Field::AccessToken);
        self.schedule.due(has_access_token).map(|due| due.max(self.pace.until()))
    }

    pub(super) fn idle(&self, now: Now, due: Option<u64>) -> Action<'_> {
        let store = self.slots.due().unwrap_or(u64::MAX);
        let until = due.map_or(store, |due| due.min(store));
        match self.access_token(now) {
            Some(_) => {
                // The end of the token is worth a poll too, while the server is out of reach.
                let until = self.schedule.end().map_or(until, |end| end.min(until));
                Action::Ready { until: (until < u64::MAX).then_some(until) }
            }
            None => Action::Wait { until },
        }
    }

    pub(super) fn poll_without_refresh_token(&self, now: Now) -> Action<'_> {
        match self.access_token(now) {
            Some(_) => Action::Ready { until: self.schedule.end() },
            None => Action::SignIn { reason: SignInReason::NoRefreshToken },
        }
    }

    pub(super) fn poll_due<'b>(&'b self, now: Now, out: &'b mut [u8]) -> Result<Action<'b>, Error> {
        if out.len() < Self::RECORD {
            return Err(Error::BufferTooSmall { needed: Self::RECORD });
        }
        // The answer would cost the refresh token, and might not be used. A floor was the server's word before, so its
        // answer will bring the date.
        if self.client.id_tokens.is_some() && self.client.is_openid() && now.date == Date::Unknown {
            return Err(Check::ClockNotSet.into());
        }
        if !self.may_be_sent() {
            return self.store(Mark::Sent, out);
        }
        self.refresh.request(self.fields.get(Field::RefreshToken), now, out).map(Action::Send)
    }

    pub(super) fn store<'b>(&'b self, mark: Mark, out: &'b mut [u8]) -> Result<Action<'b>, Error> {
        let sequence = self.slots.sequence.wrapping_add(1);
        let record = record::write(self.client, mark, sequence, &self.facts, &self.fields, out)?;
        Ok(Action::Store { slot: self.slots.newest.other(), record })
    }

    /// Takes back the new refresh token of an answer that was not right, if the server has a way to.
    pub(super) fn revoke<'b>(
        &'b self,
        check: Check,
        now: Now,
        out: &'b mut [u8],
    ) -> Result<Action<'b>, Error> {
        let token = self.fields.get(Field::RefreshToken);
        if token.is_empty() || self.client.metadata.revocation_endpoint.is_none() {
            return Ok(Action::SignIn { reason: SignInReason::SecurityAlert(check) });
        }
        revocation_request(self.client, token, "refresh_token", now, out).map(Action::Send)
    }

    /// Whether the refresh is announced, or need not be.
    pub(super) fn may_be_sent(&self) -> bool {
        let announced = self.slots.mark == Mark::Sent || !self.rotates;
        !self.fields.is_empty(Field::RefreshToken)
            && (announced || self.slots.unannounced || self.slots.dirty)
    }
}
