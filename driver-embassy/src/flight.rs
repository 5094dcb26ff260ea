//! A request on its way.

use keyfob_core::{
    error::Error,
    flow::{Action, Event, Flow},
    time::Now,
    token::TokenResponse,
};

/// A flow, and whether a request of it is on its way.
///
/// Where nobody hears the answer out, because the future was dropped or the keys to judge it did not come, the
/// flow takes it for lost: a code that the server may have seen is never sent again (RFC 6749 §4.1.2).
pub(crate) struct Flight<'f> {
    flow: &'f mut dyn Flow,
    now: Now,
    open: bool,
}

impl<'f> Flight<'f> {
    pub(crate) fn new(flow: &'f mut dyn Flow, now: Now) -> Self {
        Self { flow, now, open: false }
    }

    /// What to do now. A request that is given out counts as on its way.
    pub(crate) fn poll<'b>(&'b mut self, now: Now, out: &'b mut [u8]) -> Result<Action<'b>, Error> {
        self.now = now;
        let action = self.flow.poll(now, out)?;
        self.open = matches!(action, Action::Send(_));
        Ok(action)
    }

    /// What came of it.
    pub(crate) fn land<'b>(
        &mut self,
        now: Now,
        event: Event<'b>,
    ) -> Result<Option<TokenResponse<'b>>, Error> {
        let outcome = self.flow.handle(now, event);
        // Without its keys an answer is not taken yet.
        self.open = matches!(outcome, Err(Error::KeysNeeded));
        outcome
    }

    pub(crate) fn flow(&mut self) -> &mut dyn Flow {
        self.flow
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        if self.open {
            // Nobody is left to tell.
            let _ = self.flow.handle(self.now, Event::Timeout);
        }
    }
}
