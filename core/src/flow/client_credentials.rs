//! Access without a user: client credentials (RFC 6749 §4.4), or an assertion about somebody (RFC 7523 §2.1).

use core::fmt;

use crate::{
    client::Client,
    client_authentication::is_visible,
    error::{Error, ErrorCode, Name},
    exchange::{self, Fresh},
    flow::{Action, Event, Flow, Refusal, step::Step},
    http::{Request, Response},
    id_token::{Expected, Grant},
    memory::{Kind, Memory, Snapshot},
    secret::{Secret, Seed},
    time::Now,
    token::{self, TokenResponse},
};

/// Gets an access token for the client itself, or for whom an assertion speaks of.
///
/// There is no user, no ID token, and as a rule no refresh token: when the access token has expired, run a new flow. The
/// client's scope, `audience`, `resource` and `authorization_details` are sent.
///
/// | step | action | event | next |
/// | --- | --- | --- | --- |
/// | send | [`Action::Send`] | a response with tokens | done |
/// | | | the server's refusal | refused |
/// | | | any other response: an error | send |
/// | | | [`Event::NotSent`] | send |
/// | | | [`Event::Timeout`] | send again |
/// | send again | [`Action::Send`] | as in send, but [`Event::Timeout`] | lost |
/// | done | [`Action::Done`] | | |
/// | refused, lost | [`Error::Refused`], [`Error::AnswerLost`] | | |
///
/// Any other event is [`Error::Misuse`] and changes nothing. Nothing is used up by a request: after a loss, run a new
/// flow whenever you like.
///
/// `N` is room for the text of a refusal.
pub struct ClientCredentials<'c, const N: usize = 322> {
    client: &'c Client<'c>,
    assertion: Option<Secret<'c>>,
    seed: Seed,
    step: Step,
    memory: Memory<N>,
}

impl<'c, const N: usize> ClientCredentials<'c, N> {
    /// A new flow for the client itself.
    ///
    /// # Errors
    /// [`Error::Config`] for a setting that is not allowed: a public client
    /// ([`client_secret`](Name::ClientSecret)), or `openid` in the scope. [`Error::Check`] if the server lacks what is
    /// needed.
    pub fn new(client: &'c Client<'c>, seed: Seed) -> Result<Self, Error> {
        // Who cannot prove to be this client has nothing to show (RFC 6749 §4.4).
        if client.authentication.is_public() {
            return Err(Error::Config(Name::ClientSecret));
        }
        Self::make(client, None, seed)
    }

    /// A new flow with a JWT that somebody whom the server trusts has signed, as a service account does. It is sent as
    /// it is. A public client may do this too (RFC 7523 §2.1, §3.1).
    ///
    /// # Errors
    /// [`Error::Config`] for a setting that is not allowed, [`assertion`](Name::Assertion) among them: one that is
    /// empty, or has characters that no JWT has. [`Error::Check`] if the server lacks what is needed.
    pub fn jwt_bearer(client: &'c Client<'c>, assertion: &'c str, seed: Seed) -> Result<Self, Error> {
        if !is_visible(assertion) {
            return Err(Error::Config(Name::Assertion));
        }
        Self::make(client, Some(Secret::new(assertion)), seed)
    }

    /// The flow that [`Flow::save`] wrote. `assertion` is the one that it was made with, if it was; a new one does as
    /// well.
    ///
    /// # Errors
    /// [`Error::Snapshot`] if it is damaged or of another client, kind or version, and those of a new flow.
    pub fn restore(
        client: &'c Client<'c>,
        snapshot: &[u8],
        assertion: Option<&'c str>,
    ) -> Result<Self, Error> {
        let snapshot = Snapshot::read(snapshot, Kind::ClientCredentials, client)?;
        let seed = Seed::new(*snapshot.seed)?;
        let (mut flow, step) = match (assertion, snapshot.step.checked_sub(JWT_BEARER)) {
            (Some(assertion), Some(step)) => (Self::jwt_bearer(client, assertion, seed)?, step),
            (None, None) => (Self::new(client, seed)?, snapshot.step),
            _ => return Err(Error::Snapshot),
        };
        flow.step = Step::restored(step)?;
        flow.memory.restore(snapshot.memory, Name::DpopNonce)?;
        Ok(flow)
    }

    fn make(client: &'c Client<'c>, assertion: Option<Secret<'c>>, seed: Seed) -> Result<Self, Error> {
        client.check_without_user()?;
        Ok(Self { client, assertion, seed, step: Step::Send, memory: Memory::new() })
    }

    fn response<'b>(&mut self, now: Now, response: Response<'b>) -> Result<Option<TokenResponse<'b>>, Error> {
        if self.memory.is_challenged(self.client, &response)? {
            return Ok(None);
        }
        if let Some(refusal) = token::refusal(&response, self.client.quirks)? {
            let code = ErrorCode::from_text(refusal.code.as_bytes());
            self.memory.hold_error(&refusal);
            self.end(Step::Refused(code));
            return Err(Error::Refused(code));
        }
        // Nobody signs in, so no ID token is looked at.
        let expected = Expected { client: self.client, grant: Grant::Refresh(None) };
        let tokens = token::read(&response, now, &expected)?;
        self.end(Step::Done);
        Ok(Some(tokens))
    }

    /// No step behind this one needs the seed.
    fn end(&mut self, step: Step) {
        self.step = step;
        self.seed.wipe();
    }
}

/// Added to the step in the snapshot of a flow with an assertion.
const JWT_BEARER: u8 = 2;

impl<const N: usize> Flow for ClientCredentials<'_, N> {
    fn poll<'b>(&'b self, now: Now, out: &'b mut [u8]) -> Result<Action<'b>, Error> {
        if let Some(end) = self.step.end() {
            return end;
        }
        let client = self.client;
        let fresh = Fresh { now, secret: self.seed.octets(), nonce: Some(self.memory.nonce()) };
        let request = exchange::token_request(client, out, fresh, &mut |pairs| {
            match self.assertion {
                None => pairs.pair("grant_type", "client_credentials"),
                Some(assertion) => {
                    pairs.pair("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
                    pairs.pair("assertion", assertion.expose());
                }
            }
            exchange::write_scope(client.scope, pairs);
            pairs.pair("audience", client.request.audience.unwrap_or_default());
            pairs.pair("authorization_details", client.request.authorization_details.unwrap_or_default());
        })?;
        Ok(Action::Send(request))
    }

    fn handle<'b>(&mut self, now: Now, event: Event<'b>) -> Result<Option<TokenResponse<'b>>, Error> {
        match (self.step, event) {
            (Step::Send | Step::SendAgain, Event::Response(response)) => self.response(now, response),
            (Step::Send | Step::SendAgain, Event::NotSent) => Ok(None),
            (Step::Send, Event::Timeout) => {
                self.step = Step::SendAgain;
                Ok(None)
            }
            (Step::SendAgain, Event::Timeout) => {
                self.end(Step::Lost);
                Err(Error::AnswerLost)
            }
            _ => Err(Error::Misuse),
        }
    }

    fn keys(&self, _response: &Response<'_>) -> Result<Request<'_>, Error> {
        Err(Error::Misuse)
    }

    fn refusal(&self) -> Option<Refusal<'_>> {
        matches!(self.step, Step::Refused(_)).then(|| self.memory.refusal())
    }

    fn save(&self, _now: Now, snapshot: &mut [u8]) -> Result<usize, Error> {
        let step = self.step.saved()?;
        let base = if self.assertion.is_some() { JWT_BEARER } else { 0 };
        let step = base.saturating_add(step);
        let memory = self.memory.saved();
        Snapshot { step, left: 0, seed: self.seed.octets(), memory }.write(
            Kind::ClientCredentials,
            self.client,
            snapshot,
        )
    }
}

impl<const N: usize> fmt::Debug for ClientCredentials<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientCredentials({:?})", self.step)
    }
}
