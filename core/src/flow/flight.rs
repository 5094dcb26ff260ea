//! A request on its way.

use crate::{
    error::Error,
    flow::{Action, Event, Flow},
    time::Now,
    token::TokenResponse,
};

/// A flow in the hands of a driver, and whether a request of it is on its way.
///
/// Where nobody hears the answer out, because the driver gave up, its future was dropped, or the keys to judge it
/// did not come, dropping the `Flight` tells the flow that the answer is lost: a code that the server may have seen
/// is never sent again (RFC 6749 §4.1.2).
pub struct Flight<'f> {
    flow: &'f mut dyn Flow,
    now: Now,
    open: bool,
}

impl<'f> Flight<'f> {
    /// Takes a flow in hand.
    pub fn new(flow: &'f mut dyn Flow, now: Now) -> Self {
        Self { flow, now, open: false }
    }

    /// [`Flow::poll`]; a request that is given out counts as on its way.
    ///
    /// # Errors
    /// Those of the flow.
    pub fn poll<'b>(&'b mut self, now: Now, out: &'b mut [u8]) -> Result<Action<'b>, Error> {
        self.now = now;
        let action = self.flow.poll(now, out)?;
        self.open = matches!(action, Action::Send(_));
        Ok(action)
    }

    /// [`Flow::handle`]; the request has landed, unless the keys to judge its answer are missing.
    ///
    /// # Errors
    /// Those of the flow.
    pub fn handle<'b>(&mut self, now: Now, event: Event<'b>) -> Result<Option<TokenResponse<'b>>, Error> {
        let outcome = self.flow.handle(now, event);
        self.open = matches!(outcome, Err(Error::KeysNeeded));
        outcome
    }

    /// The flow itself.
    pub fn flow(&self) -> &dyn Flow {
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

impl core::fmt::Debug for Flight<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(if self.open { "Flight(on its way)" } else { "Flight" })
    }
}
