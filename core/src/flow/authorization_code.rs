//! The authorization code grant with PKCE (RFC 6749 §4.1, RFC 7636, RFC 9207, OIDC Core §3.1).

use core::fmt;

use crate::{
    client::{Client, Prompt, ResponseMode},
    encoding::{
        base64url,
        form::{self, Pairs, Place},
        url,
        writer::Writer,
    },
    error::{Check, Error, ErrorCode, Name},
    exchange::{self, Fresh},
    flow::{Action, Event, Flow, Redirect, Refusal},
    http::{Request, Response},
    id_token::{Expected, Grant},
    jwk::THUMBPRINT_LENGTH,
    memory::{Kind, Memory, Snapshot},
    pkce,
    redirect::AuthorizationResponse,
    secret::{Label, Seed},
    sieve::Scratch,
    time::Now,
    token::{self, TokenResponse},
};

/// Signs a user in, or gets an authorization, through a user agent.
///
/// | step | action | event | next |
/// | --- | --- | --- | --- |
/// | authorize | [`Action::Authorize`] | a redirect that passes every check | exchange |
/// | | | a redirect with the server's refusal | refused |
/// | | | any other redirect: an error, and the flow waits on | authorize |
/// | | | a redirect after the deadline: [`Error::Expired`] | expired |
/// | exchange | [`Action::Send`] | a response with tokens that pass every check | done |
/// | | | the server's refusal | refused |
/// | | | [`Event::Timeout`]: the code may be used up | lost |
/// | | | a success that does not pass: an error, and the code is used up | lost |
/// | | | any other response: an error | exchange |
/// | | | [`Event::NotSent`] | exchange |
/// | done | [`Action::Done`] | | |
/// | refused, lost, expired | [`Error::Refused`], [`Error::AnswerLost`], [`Error::Expired`] | | |
///
/// A redirect in any step but the first is [`Error::AlreadyCompleted`]; any other event that a step has no row for is
/// [`Error::Misuse`]. Neither changes anything.
///
/// A server's demand for a nonce (RFC 9449 §8) is no refusal: it changes no step, and the next action is the same
/// request with the nonce.
///
/// `N` is room for the code that the server chooses, in octets: most are shorter than 128, some longer than
/// 1,500. A longer one is [`Error::InputTooLarge`]. After a refusal the same room holds its text.
pub struct AuthorizationCode<'c, const N: usize = 2048> {
    client: &'c Client<'c>,
    seed: Seed,
    step: Step,
    /// Milliseconds of uptime.
    deadline: u64,
    rejected: u8,
    memory: Memory<N>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    Authorize,
    Done,
    Exchange,
    Expired,
    Lost,
    Refused(ErrorCode),
}

impl<'c, const N: usize> AuthorizationCode<'c, N> {
    /// A new flow. It ends at the latest [`Client::lifetime`] from `now`.
    ///
    /// # Errors
    /// [`Error::Config`] for a setting that is not allowed; [`Error::Check`] if the server lacks what is needed.
    pub fn new(client: &'c Client<'c>, seed: Seed, now: Now) -> Result<Self, Error> {
        client.check_code_flow()?;
        let lifetime = u64::from(client.lifetime).saturating_mul(1000);
        let deadline = now.uptime.saturating_add(lifetime);
        Ok(Self { client, seed, step: Step::Authorize, deadline, rejected: 0, memory: Memory::new() })
    }

    /// The flow that [`Flow::save`] wrote, with the time that it had left then.
    ///
    /// # Errors
    /// [`Error::Snapshot`] if it is damaged or of another client, kind or version; [`Error::Expired`] if no time was
    /// left; [`Error::InputTooLarge`] if its code does not fit into `N` octets.
    pub fn restore(client: &'c Client<'c>, snapshot: &[u8], now: Now) -> Result<Self, Error> {
        let snapshot = Snapshot::read(snapshot, Kind::AuthorizationCode, client)?;
        let mut flow = Self::new(client, Seed::new(*snapshot.seed)?, now)?;
        flow.step = match snapshot.step {
            0 => Step::Authorize,
            1 => Step::Exchange,
            _ => return Err(Error::Snapshot),
        };
        if snapshot.left == 0 {
            return Err(Error::Expired);
        }
        flow.deadline = now.uptime.saturating_add(u64::from(snapshot.left));
        flow.memory.restore(snapshot.memory, Name::Code)?;
        Ok(flow)
    }

    /// Begins with the nonce that the server gave last
    /// ([`TokenResponse::dpop_nonce`], [`Nonces`](crate::dpop::Nonces)), which saves a round trip. What is no nonce, or
    /// does not fit, changes nothing.
    #[must_use]
    pub fn dpop_nonce(mut self, nonce: &str) -> Self {
        self.memory.begin_with(nonce);
        self
    }

    /// Redirects that were not for this flow. A few are strays; from [`Self::ALERT`] on somebody is trying.
    pub const fn rejected_redirects(&self) -> u8 {
        self.rejected
    }

    /// So many rejected redirects are no accident.
    pub const ALERT: u8 = 8;

    fn authorize<'b>(&'b self, out: &'b mut [u8]) -> Result<Action<'b>, Error> {
        let client = self.client;
        let endpoint = client.metadata.authorization_endpoint.unwrap_or_default();
        let mut writer = Writer::new(out);
        url::open_query(endpoint, &mut writer);
        self.write_parameters(&mut Pairs::new(&mut writer, Place::Query, false));
        let length = writer.length();
        if length > exchange::MAX_URL {
            return Err(Error::InputTooLarge(Name::Url));
        }
        let (url, _) = writer.finish()?;
        Ok(Action::Authorize(core::str::from_utf8(url).unwrap_or_default()))
    }

    /// The order is part of the contract: the same input gives the same octets.
    fn write_parameters(&self, pairs: &mut Pairs<'_, '_>) {
        let client = self.client;
        let request = &client.request;
        pairs.pair("response_type", "code");
        pairs.pair("client_id", client.id);
        pairs.pair("redirect_uri", client.redirect_uri);
        exchange::write_scope(client.scope, pairs);
        if let Some(dpop) = client.dpop.filter(|dpop| dpop.code_bound) {
            pairs.pair("dpop_jkt", dpop.thumbprint(&mut [0; THUMBPRINT_LENGTH]).unwrap_or_default());
        }
        pairs.pair("state", self.seed.derive(Label::State).as_str());
        let verifier = self.seed.derive(Label::CodeVerifier);
        let mut challenge = [0; base64url::LENGTH_OF_32];
        pairs.pair("code_challenge", pkce::challenge(verifier.as_str(), &mut challenge));
        pairs.pair("code_challenge_method", pkce::METHOD);
        if client.is_openid() {
            pairs.pair("nonce", self.seed.derive(Label::Nonce).as_str());
        }
        if request.response_mode == ResponseMode::FormPost {
            pairs.pair("response_mode", "form_post");
        }
        self.write_prompt(pairs);
        if let Some(seconds) = request.max_age {
            pairs.number("max_age", seconds);
        }
        pairs.pair("display", request.display.unwrap_or_default());
        exchange::write_list("ui_locales", request.ui_locales, pairs);
        exchange::write_list("acr_values", request.acr_values, pairs);
        for (name, value) in [("claims", request.claims), ("id_token_hint", request.id_token_hint)] {
            pairs.pair(name, value.unwrap_or_default());
        }
        for resource in request.resource {
            pairs.pair("resource", resource);
        }
        for (name, value) in [
            ("login_hint", request.login_hint),
            ("audience", request.audience),
            ("connection", request.connection),
            ("organization", request.organization),
            ("invitation", request.invitation),
            ("screen_hint", request.screen_hint),
        ] {
            pairs.pair(name, value.unwrap_or_default());
        }
        for (name, value) in request.parameters {
            pairs.pair(name, value);
        }
    }

    fn write_prompt(&self, pairs: &mut Pairs<'_, '_>) {
        let offline = self.client.scope.contains(&"offline_access");
        // Without consent the server drops `offline_access` (OIDC Core §11).
        let unset: &[Prompt] = if offline { &[Prompt::Consent] } else { &[] };
        let mut first = true;
        for prompt in self.client.request.prompt.unwrap_or(unset) {
            exchange::write_item("prompt", prompt.as_str(), core::mem::take(&mut first), pairs);
        }
    }

    fn exchange<'b>(&'b self, now: Now, out: &'b mut [u8]) -> Result<Action<'b>, Error> {
        let verifier = self.seed.derive(Label::CodeVerifier);
        let fresh = Fresh { now, secret: self.seed.octets(), nonce: Some(self.memory.nonce()) };
        let request = exchange::token_request(self.client, out, fresh, |pairs| {
            pairs.pair("grant_type", "authorization_code");
            pairs.pair("code", self.memory.text());
            pairs.pair("redirect_uri", self.client.redirect_uri);
            pairs.pair("code_verifier", verifier.as_str());
        })?;
        Ok(Action::Send(request))
    }

    fn redirect(&mut self, redirect: Redirect<'_>) -> Result<(), Error> {
        let state = self.seed.derive(Label::State);
        match AuthorizationResponse::read(redirect, self.client, state.as_str()) {
            Ok(AuthorizationResponse::Code(code)) => {
                self.memory.hold(form::decode(code).flatten(), Name::Code)?;
                self.step = Step::Exchange;
                Ok(())
            }
            Ok(AuthorizationResponse::Refusal { error, description, uri }) => {
                let mut code = Scratch::<{ Refusal::MAX_CODE }>::new();
                form::decode(error).flatten().for_each(|octet| code.push(&[octet]));
                self.memory.hold_refusal(
                    form::decode(error).flatten(),
                    form::decode_shown(description),
                    form::decode_shown(uri),
                );
                Err(self.refuse(ErrorCode::from_text(code.text())))
            }
            Err(error) => {
                if error == Error::Check(Check::StateMismatch) {
                    self.rejected = self.rejected.saturating_add(1);
                }
                Err(error)
            }
        }
    }

    fn response<'b>(&mut self, now: Now, response: Response<'b>) -> Result<Option<TokenResponse<'b>>, Error> {
        if self.memory.is_challenged(self.client, &response)? {
            return Ok(None);
        }
        if let Some(refusal) = token::refusal(&response)? {
            let code = ErrorCode::from_text(refusal.code.as_bytes());
            self.memory.hold_refusal(refusal.code.bytes(), refusal.description.bytes(), refusal.uri.bytes());
            return Err(self.refuse(code));
        }
        let nonce = self.seed.derive(Label::Nonce);
        let expected = Expected {
            client: self.client,
            grant: Grant::Code { code: self.memory.text(), nonce: nonce.as_str() },
        };
        let outcome = token::read(&response, now, &expected);
        match outcome {
            Ok(_) => self.end(Step::Done),
            // The server has taken the code; it is not sent again (RFC 6749 §4.1.2).
            Err(error) if response.is_final(error) => self.end(Step::Lost),
            Err(_) => return outcome.map(Some),
        }
        self.memory.wipe();
        outcome.map(Some)
    }

    fn refuse(&mut self, code: ErrorCode) -> Error {
        self.end(Step::Refused(code));
        Error::Refused(code)
    }

    /// No step behind this one needs the seed (RFC 7636 §7.1).
    fn end(&mut self, step: Step) {
        self.step = step;
        self.seed.wipe();
    }

    fn is_over_time(&self, now: Now) -> bool {
        now.uptime > self.deadline
    }
}

impl<const N: usize> Flow for AuthorizationCode<'_, N> {
    fn poll<'b>(&'b self, now: Now, out: &'b mut [u8]) -> Result<Action<'b>, Error> {
        match self.step {
            Step::Done => Ok(Action::Done),
            Step::Expired => Err(Error::Expired),
            Step::Lost => Err(Error::AnswerLost),
            Step::Refused(code) => Err(Error::Refused(code)),
            _ if self.is_over_time(now) => Err(Error::Expired),
            Step::Authorize => self.authorize(out),
            Step::Exchange => self.exchange(now, out),
        }
    }

    fn handle<'b>(&mut self, now: Now, event: Event<'b>) -> Result<Option<TokenResponse<'b>>, Error> {
        match (self.step, event) {
            (Step::Authorize, Event::Redirect(_)) if self.is_over_time(now) => {
                self.end(Step::Expired);
                Err(Error::Expired)
            }
            (Step::Authorize, Event::Redirect(redirect)) => self.redirect(redirect).map(|()| None),
            (Step::Expired, _) => Err(Error::Expired),
            // Browsers reload and prefetch (RFC 9700 §4.5).
            (_, Event::Redirect(_)) => Err(Error::AlreadyCompleted),
            (Step::Exchange, Event::Response(response)) => self.response(now, response),
            (Step::Exchange, Event::NotSent) => Ok(None),
            // A code that may have been seen is never sent again (RFC 6749 §4.1.2, §10.5).
            (Step::Exchange, Event::Timeout) => {
                self.end(Step::Lost);
                self.memory.wipe();
                Err(Error::AnswerLost)
            }
            _ => Err(Error::Misuse),
        }
    }

    fn keys(&self, response: &Response<'_>) -> Result<Request<'_>, Error> {
        if self.step != Step::Exchange {
            return Err(Error::Misuse);
        }
        exchange::keys_request(self.client, response)
    }

    fn refusal(&self) -> Option<Refusal<'_>> {
        matches!(self.step, Step::Refused(_)).then(|| self.memory.refusal())
    }

    fn save(&self, now: Now, snapshot: &mut [u8]) -> Result<usize, Error> {
        let step = match self.step {
            Step::Authorize => 0,
            Step::Exchange => 1,
            Step::Done | Step::Expired | Step::Lost | Step::Refused(_) => return Err(Error::Misuse),
        };
        // A count that went backwards wins no time.
        let left = self
            .deadline
            .saturating_sub(now.uptime)
            .min(u64::from(self.client.lifetime).saturating_mul(1000));
        let left = u32::try_from(left).unwrap_or(u32::MAX);
        let memory = self.memory.saved();
        Snapshot { step, left, seed: self.seed.octets(), memory }.write(
            Kind::AuthorizationCode,
            self.client,
            snapshot,
        )
    }
}

impl<const N: usize> fmt::Debug for AuthorizationCode<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuthorizationCode({:?})", self.step)
    }
}
