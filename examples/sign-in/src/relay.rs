//! A relay that holds the response for this machine, and what is done when it goes away.

use keyfob_core::{
    error::Error,
    flow::{Action, Event, Flow, Refusal},
    http::{Request, Response},
    relay::Relay,
    time::Now,
    token::TokenResponse,
};
use zeroize::Zeroizing;

/// This machine's account at a relay.
pub struct Account<'a> {
    pub base: &'a str,
    id: Zeroizing<String>,
    secret: Zeroizing<String>,
}

impl<'a> Account<'a> {
    /// From `ID:SECRET`.
    pub fn new(base: &'a str, text: &str) -> Option<Self> {
        let (id, secret) = text.trim().split_once(':')?;
        let own = |text: &str| Zeroizing::new(text.to_owned());
        (!id.is_empty() && !secret.is_empty()).then(|| Self { base, id: own(id), secret: own(secret) })
    }

    pub fn relay(&self) -> Relay<'_> {
        Relay::new(self.base, &self.id, &self.secret).wait(WAIT)
    }
}

/// A flow that gives up when nothing has answered for a while. By itself it would wait as long as the user may take,
/// for relays come back.
pub struct Patient<F> {
    flow: F,
    /// The uptime of the first question that got no answer.
    silent: Option<u64>,
}

impl<F: Flow> Patient<F> {
    pub fn new(flow: F) -> Self {
        Self { flow, silent: None }
    }
}

impl<F: Flow> Flow for Patient<F> {
    fn poll<'b>(&'b self, now: Now, out: &'b mut [u8]) -> Result<Action<'b>, Error> {
        match self.silent {
            Some(since) if now.uptime.saturating_sub(since) > PATIENCE => Err(Error::RelayUnavailable),
            _ => self.flow.poll(now, out),
        }
    }

    fn handle<'b>(&mut self, now: Now, event: Event<'b>) -> Result<Option<TokenResponse<'b>>, Error> {
        match event {
            Event::NotSent | Event::Timeout => _ = self.silent.get_or_insert(now.uptime),
            Event::Response(_) => self.silent = None,
            _ => {}
        }
        self.flow.handle(now, event)
    }

    fn keys(&self, response: &Response<'_>) -> Result<Request<'_>, Error> {
        self.flow.keys(response)
    }

    fn refusal(&self) -> Option<Refusal<'_>> {
        self.flow.refusal()
    }

    fn save(&self, now: Now, snapshot: &mut [u8]) -> Result<usize, Error> {
        self.flow.save(now, snapshot)
    }

    fn closing<'b>(&'b self, now: Now, out: &'b mut [u8]) -> Result<Option<Request<'b>>, Error> {
        self.flow.closing(now, out)
    }
}

/// Seconds that the relay holds a question: the time that is left is shown in between.
const WAIT: u32 = 5;

/// Milliseconds without an answer.
const PATIENCE: u64 = 12_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_an_identifier_and_a_secret() {
        let read = |text: &str| {
            Account::new("https://relay.example", text)
                .map(|account| (account.id.as_str().to_owned(), account.secret.as_str().to_owned()))
        };
        assert_eq!(read("kettle-1:s3cret\n"), Some(("kettle-1".to_owned(), "s3cret".to_owned())));
        for text in ["", "kettle-1", ":s3cret", "kettle-1:\n"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
