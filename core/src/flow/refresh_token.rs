//! Refreshing an access token (RFC 6749 §6, OIDC Core §12).

use core::fmt;

use crate::{
    client::Client,
    error::{Check, Error, ErrorCode, Name, Remedy},
    exchange::{self, Fresh},
    flow::{Action, Event, Flow, Refusal, step::Step},
    http::{Request, Response},
    id_token::{Expected, Grant, Previous},
    jwk::THUMBPRINT_LENGTH,
    memory::{Kind, Memory, Snapshot},
    secret::Seed,
    time::Now,
    token::{self, TokenResponse},
};

/// Gets fresh tokens for a refresh token.
///
/// A server that rotates refresh tokens takes each once: store the new one before the old one is forgotten.
/// When an answer is lost the same token is tried once more, since the server may not have seen the request.
///
/// | step | action | event | next |
/// | --- | --- | --- | --- |
/// | send | [`Action::Send`] | a response with tokens that pass every check | done |
/// | | | the server's refusal; it may be in trouble: then nothing changes | refused |
/// | | | a success that does not pass: an error, and the token is used up | lost |
/// | | | any other response: an error | send |
/// | | | [`Event::NotSent`] | send |
/// | | | [`Event::Timeout`] | send again |
/// | send again | [`Action::Send`] | as in send, but [`Event::Timeout`]: the token may be used up | lost |
/// | done | [`Action::Done`] | | |
/// | refused, lost | [`Error::Refused`], [`Error::AnswerLost`] | | |
///
/// Any other event is [`Error::Misuse`] and changes nothing.
///
/// A server's demand for a nonce (RFC 9449 §8) is no refusal: it changes no step, and the next action is the same
/// request with the nonce.
///
/// `N` is room for the refresh token, in octets.
pub struct RefreshToken<'c, const N: usize = 2048> {
    client: &'c Client<'c>,
    previous: Option<Previous<'c>>,
    scope: &'c [&'c str],
    step: Step,
    memory: Memory<N>,
}

impl<'c, const N: usize> RefreshToken<'c, N> {
    /// A new flow. `previous` is what a new ID token must repeat; without it, it is checked on its own.
    ///
    /// # Errors
    /// [`Error::Config`] for a setting that is not allowed; [`Error::InputTooLarge`] if the token does not fit
    /// into `N` octets, or is longer than any we take.
    pub fn new(
        client: &'c Client<'c>,
        refresh_token: &str,
        previous: Option<Previous<'c>>,
    ) -> Result<Self, Error> {
        client.check()?;
        if refresh_token.is_empty() || !refresh_token.bytes().all(|octet| matches!(octet, 0x20..=0x7E)) {
            return Err(Error::Config(Name::RefreshToken));
        }
        if refresh_token.len() > token::MAX_TOKEN {
            return Err(Error::InputTooLarge(Name::RefreshToken));
        }
        let mut memory = Memory::new();
        memory.hold(refresh_token.bytes(), Name::RefreshToken)?;
        Ok(Self { client, previous, scope: &[], step: Step::Send, memory })
    }

    /// Asks for less than was granted (RFC 6749 §6).
    ///
    /// # Errors
    /// [`Error::Config`] for a value that the client does not ask for at all.
    pub fn narrow(mut self, scope: &'c [&'c str]) -> Result<Self, Error> {
        if !scope.iter().all(|token| self.client.scope.contains(token)) {
            return Err(Error::Config(Name::Scope));
        }
        self.scope = scope;
        Ok(self)
    }

    /// Begins with the nonce that the server gave last
    /// ([`TokenResponse::dpop_nonce`], [`Nonces`](crate::dpop::Nonces)), which saves a round trip. What is no nonce, or
    /// does not fit, changes nothing.
    #[must_use]
    pub fn dpop_nonce(mut self, nonce: &str) -> Self {
        self.memory.begin_with(nonce);
        self
    }

    /// Makes sure that the client has the key to which the refresh token is bound; `thumbprint` was kept with it
    /// ([`Dpop::thumbprint`](crate::dpop::Dpop::thumbprint)).
    ///
    /// # Errors
    /// [`Check::DpopKeyChanged`], before any request: no server takes the token with another key (RFC 9449 §5).
    pub fn bound_to(self, thumbprint: &str) -> Result<Self, Error> {
        let mut own = [0; THUMBPRINT_LENGTH];
        match self.client.dpop {
            Some(dpop) if dpop.thumbprint(&mut own)? == thumbprint => Ok(self),
            _ => Err(Check::DpopKeyChanged.into()),
        }
    }

    /// The flow that [`Flow::save`] wrote.
    ///
    /// # Errors
    /// [`Error::Snapshot`] if it is damaged or of another client, kind or version.
    pub fn restore(
        client: &'c Client<'c>,
        snapshot: &[u8],
        previous: Option<Previous<'c>>,
    ) -> Result<Self, Error> {
        let snapshot = Snapshot::read(snapshot, Kind::RefreshToken, client)?;
        let token = core::str::from_utf8(snapshot.memory.text).map_err(|_| Error::Snapshot)?;
        let mut flow = Self::new(client, token, previous)?;
        flow.memory.restore(snapshot.memory, Name::RefreshToken)?;
        flow.step = Step::restored(snapshot.step)?;
        Ok(flow)
    }

    /// A flow for many tokens in turn, which somebody else holds.
    pub(crate) fn without_token(client: &'c Client<'c>) -> Self {
        Self { client, previous: None, scope: &[], step: Step::Send, memory: Memory::new() }
    }

    /// The request for fresh tokens.
    pub(crate) fn request<'b>(
        &'b self,
        token: &str,
        now: Now,
        out: &'b mut [u8],
    ) -> Result<Request<'b>, Error> {
        let fresh = Fresh { now, secret: token.as_bytes(), nonce: Some(self.memory.nonce()) };
        exchange::token_request(self.client, out, fresh, &mut |pairs| {
            pairs.pair("grant_type", "refresh_token");
            pairs.pair("refresh_token", token);
            exchange::write_scope(self.scope, pairs);
            pairs.pair("audience", self.client.request.audience.unwrap_or_default());
        })
    }

    /// Whether the last answer was the server's last word. Then the flow starts again.
    pub(crate) fn start_again(&mut self) -> bool {
        core::mem::replace(&mut self.step, Step::Send) != Step::Send
    }

    /// The text of the last refusal.
    pub(crate) fn last_refusal(&self) -> Refusal<'_> {
        self.memory.refusal()
    }

    /// Whether less is asked for than was granted.
    pub(crate) fn is_narrow(&self) -> bool {
        !self.scope.is_empty()
    }

    /// Judges an answer. `None`: the server wants to see a nonce, and the request goes out again.
    pub(crate) fn response<'b>(
        &mut self,
        now: Now,
        response: Response<'b>,
        previous: Option<&Previous<'_>>,
    ) -> Result<Option<TokenResponse<'b>>, Error> {
        if self.memory.is_challenged(self.client, &response)? {
            return Ok(None);
        }
        if let Some(refusal) = token::refusal(&response, self.client.quirks)? {
            let code = ErrorCode::from_text(refusal.code.as_bytes());
            // The refresh token lives on (RFC 6749 §5.2).
            if code.remedy() == Remedy::RetryLater {
                return Err(Error::Refused(code));
            }
            self.memory.hold_error(&refusal);
            self.step = Step::Refused(code);
            return Err(Error::Refused(code));
        }
        let expected = Expected { client: self.client, grant: Grant::Refresh(previous) };
        let outcome = token::read(&response, now, &expected);
        match outcome {
            Ok(_) => {
                self.step = Step::Done;
                self.memory.wipe_text();
            }
            // The server has taken the token, and perhaps put another in its place (OIDC Core §12.2).
            Err(error) if response.is_final(error) => self.lose(),
            Err(_) => {}
        }
        outcome.map(Some)
    }

    fn lose(&mut self) {
        self.step = Step::Lost;
        self.memory.wipe();
    }
}

impl<const N: usize> Flow for RefreshToken<'_, N> {
    fn poll<'b>(&'b self, now: Now, out: &'b mut [u8]) -> Result<Action<'b>, Error> {
        if let Some(end) = self.step.end() {
            return end;
        }
        self.request(self.memory.text(), now, out).map(Action::Send)
    }

    fn handle<'b>(&mut self, now: Now, event: Event<'b>) -> Result<Option<TokenResponse<'b>>, Error> {
        match (self.step, event) {
            (Step::Send | Step::SendAgain, Event::Response(response)) => {
                let previous = self.previous;
                self.response(now, response, previous.as_ref())
            }
            (Step::Send | Step::SendAgain, Event::NotSent) => Ok(None),
            (Step::Send, Event::Timeout) => {
                self.step = Step::SendAgain;
                Ok(None)
            }
            (Step::SendAgain, Event::Timeout) => {
                self.lose();
                Err(Error::AnswerLost)
            }
            _ => Err(Error::Misuse),
        }
    }

    fn keys(&self, response: &Response<'_>) -> Result<Request<'_>, Error> {
        match self.step {
            Step::Send | Step::SendAgain => exchange::keys_request(self.client, response),
            _ => Err(Error::Misuse),
        }
    }

    fn refusal(&self) -> Option<Refusal<'_>> {
        matches!(self.step, Step::Refused(_)).then(|| self.memory.refusal())
    }

    fn save(&self, _now: Now, snapshot: &mut [u8]) -> Result<usize, Error> {
        let step = self.step.saved()?;
        let memory = self.memory.saved();
        let seed = &[0; Seed::LENGTH];
        Snapshot { step, left: 0, seed, memory }.write(Kind::RefreshToken, self.client, snapshot)
    }
}

impl<const N: usize> fmt::Debug for RefreshToken<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RefreshToken({:?})", self.step)
    }
}
