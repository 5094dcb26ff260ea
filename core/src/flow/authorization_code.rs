//! The authorization code grant with PKCE (RFC 6749 §4.1, RFC 7636, RFC 9126, RFC 9207, OIDC Core §3.1).

mod parameters;

use core::fmt;

use crate::{
    client::Client,
    encoding::{
        form::{self, Pairs, Place},
        url,
        writer::Writer,
    },
    error::{Check, Error, ErrorCode, Name},
    exchange::{self, Fresh},
    flow::{
        Action, Event, Flow, Redirect, Refusal,
        pushed_authorization_request::{self, Pushed},
    },
    http::{OauthError, Request, Response},
    id_token::{Expected, Grant},
    memory::{Kind, Memory, Saved, Snapshot},
    metadata::Metadata,
    redirect::AuthorizationResponse,
    secret::{Derived, Label, Seed},
    sieve::{Keep, Scratch, Wanted},
    time::Now,
    token::{self, TokenResponse},
};

/// Signs a user in, or gets an authorization, through a user agent.
///
/// | step | action | event | next |
/// | --- | --- | --- | --- |
/// | push | [`Action::Send`] | a response with a request URI | authorize |
/// | | | the server's refusal | refused |
/// | | | [`Event::Timeout`]: nothing is used up | push |
/// | | | [`Event::Timeout`] the second time in a row | lost |
/// | | | any other response: an error | push |
/// | | | [`Event::NotSent`] | push |
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
/// A redirect in any step behind authorize is [`Error::AlreadyCompleted`]; any other event that a step has no row for is
/// [`Error::Misuse`]. Neither changes anything.
///
/// The flow begins with push if the server requires it or the client
/// [asks for it](Client::pushed_authorization_request), with authorize otherwise. A request URI is good for a time that
/// the server sets, a minute or so. Once that is over, the action of authorize is to push again, with another `state`,
/// `nonce` and `code_verifier`, for a user who was shown the address and did not follow it; one who did may still come
/// back, until the answer to the push after that. The time of the flow goes on all the while. A restored flow shows the
/// address that it had; servers take it from a browser that loads it again, or refuse it (RFC 9126 §4).
///
/// A server's demand for a nonce (RFC 9449 §8) is no refusal: it changes no step, and the next action is the same
/// request with the nonce.
///
/// `N` is room for the request URI and then the code that the server chooses, in octets: most are shorter than 128, some longer than
/// 1,500. A longer one is [`Error::InputTooLarge`]. After a refusal the same room holds its text.
pub struct AuthorizationCode<'c, const N: usize = 2048> {
    client: &'c Client<'c>,
    seed: Seed,
    step: Step,
    /// Milliseconds of uptime.
    deadline: u64,
    /// The same: the end of the request URI.
    request_uri_end: u64,
    /// The push, and so the values, that the user was sent with; 0 is the first.
    attempt: u8,
    /// The answer to the last push was lost.
    push_lost: bool,
    rejected: u8,
    memory: Memory<N>,
}

/// How a flow ended.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Ending {
    Done,
    Failed,
    Refused,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    Authorize,
    Done,
    Exchange,
    Expired,
    Lost,
    Push,
    Refused(ErrorCode),
}

impl<'c, const N: usize> AuthorizationCode<'c, N> {
    /// A new flow. It ends at the latest [`Client::lifetime`] from `now`.
    ///
    /// # Errors
    /// [`Error::Config`] for a setting that is not allowed; [`Error::Check`] if the server lacks what is needed.
    pub fn new(client: &'c Client<'c>, seed: Seed, now: Now) -> Result<Self, Error> {
        client.check_code_flow()?;
        let lifetime = u64::from(client.redirect_lifetime()).saturating_mul(1000);
        let deadline = now.uptime.saturating_add(lifetime);
        let step = if client.pushes() { Step::Push } else { Step::Authorize };
        Ok(Self {
            client,
            seed,
            step,
            deadline,
            request_uri_end: 0,
            attempt: 0,
            push_lost: false,
            rejected: 0,
            memory: Memory::new(),
        })
    }

    /// The flow that [`Flow::save`] wrote, with the time that it had left then.
    ///
    /// # Errors
    /// [`Error::Snapshot`] if it is damaged or of another client, kind or version; [`Error::Expired`] if no time was
    /// left; [`Error::InputTooLarge`] if its code or request URI does not fit into `N` octets.
    pub fn restore(client: &'c Client<'c>, snapshot: &[u8], now: Now) -> Result<Self, Error> {
        let snapshot = Snapshot::read(snapshot, Kind::AuthorizationCode, client)?;
        let mut flow = Self::new(client, Seed::new(*snapshot.seed)?, now)?;
        let mut text = snapshot.memory.text;
        flow.step = match (snapshot.step, client.pushes()) {
            (0, false) => Step::Authorize,
            (1, false) => Step::Exchange,
            (2, true) if text.is_empty() => Step::Push,
            (3, true) => Step::Authorize,
            (4, true) => Step::Exchange,
            _ => return Err(Error::Snapshot),
        };
        if matches!(snapshot.step, 3 | 4) {
            let (&[attempt, left @ ..], request_uri) =
                text.split_first_chunk::<PUSH_HEAD>().ok_or(Error::Snapshot)?;
            flow.attempt = attempt;
            flow.request_uri_end = now.uptime.saturating_add(u64::from(u32::from_le_bytes(left)));
            text = request_uri;
        }
        if snapshot.left == 0 {
            return Err(Error::Expired);
        }
        flow.deadline = now.uptime.saturating_add(u64::from(snapshot.left));
        let name = if flow.step == Step::Exchange { Name::Code } else { Name::RequestUri };
        flow.memory.restore(Saved { text, ..snapshot.memory }, name)?;
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

    /// The seed, for what goes with the flow.
    pub(super) const fn seed(&self) -> &Seed {
        &self.seed
    }

    /// Milliseconds until a redirect comes too late; 0 also if none is waited for.
    pub(super) fn time_left(&self, now: Now) -> u64 {
        match self.step {
            Step::Authorize | Step::Exchange | Step::Push => self.deadline.saturating_sub(now.uptime),
            Step::Done | Step::Expired | Step::Lost | Step::Refused(_) => 0,
        }
    }

    /// `state`, as the next redirect has to bring it.
    pub(super) fn state(&self) -> Derived {
        self.value(Label::State)
    }

    /// The end, if it has come.
    pub(super) const fn ending(&self) -> Option<Ending> {
        match self.step {
            Step::Authorize | Step::Exchange | Step::Push => None,
            Step::Done => Some(Ending::Done),
            Step::Expired | Step::Lost => Some(Ending::Failed),
            Step::Refused(_) => Some(Ending::Refused),
        }
    }

    /// Milliseconds that what was pushed is good for; `None` if nothing is pushed.
    pub(super) fn request_uri_left(&self, now: Now) -> Option<u64> {
        self.client.pushes().then(|| self.request_uri_end.saturating_sub(now.uptime))
    }

    /// Whether the server has still to be told of the request.
    pub(super) fn is_unpushed(&self) -> bool {
        self.step == Step::Push
    }

    /// Whether a code was taken, and not yet its tokens.
    pub(super) fn is_exchanging(&self) -> bool {
        self.step == Step::Exchange
    }

    /// The address that [`Action::Authorize`] gives, as a value in a form.
    ///
    /// # Errors
    /// [`Error::InputTooLarge`] if it is too long for a user agent.
    pub(super) fn write_authorization_url(&self, pairs: &mut Pairs<'_, '_>) -> Result<(), Error> {
        // Only its length matters here.
        if let Err(error @ Error::InputTooLarge(_)) = self.authorize(&mut []) {
            return Err(error);
        }
        pairs.name("authorization_url");
        let endpoint = self.client.metadata.authorization_endpoint.unwrap_or_default();
        let mark = url::query_mark(endpoint);
        pairs.piece(endpoint);
        pairs.piece(mark);
        self.write_query(&mut Pairs::new(pairs.writer(), Place::Nested, false));
        Ok(())
    }

    fn write_query(&self, pairs: &mut Pairs<'_, '_>) {
        let client = self.client;
        if client.pushes() {
            // The server has all the others (RFC 9126 §4, RFC 9101 §5).
            pairs.pair("client_id", client.id);
            pairs.pair("request_uri", self.memory.text());
        } else {
            parameters::write(client, &self.seed, 0, true, pairs);
        }
    }

    /// The values of a later attempt have nothing in common with those before.
    fn value(&self, label: Label) -> Derived {
        self.seed.derive_again(label, self.attempt)
    }

    fn authorize<'b>(&'b self, out: &'b mut [u8]) -> Result<Action<'b>, Error> {
        let client = self.client;
        let endpoint = client.metadata.authorization_endpoint.unwrap_or_default();
        let mut writer = Writer::new(out);
        url::open_query(endpoint, &mut writer);
        self.write_query(&mut Pairs::new(&mut writer, Place::Query, false));
        let length = writer.length();
        if length > exchange::MAX_URL {
            return Err(Error::InputTooLarge(Name::Url));
        }
        let (url, _) = writer.finish()?;
        Ok(Action::Authorize(core::str::from_utf8(url).unwrap_or_default()))
    }

    /// The push of this attempt: the same octets, however often it is sent. Nothing is used up by it.
    fn push<'b>(&'b self, attempt: u8, now: Now, out: &'b mut [u8]) -> Result<Action<'b>, Error> {
        // No number, and so no values, come twice.
        if attempt == u8::MAX {
            return Err(Error::Expired);
        }
        let client = self.client;
        let url = Metadata::need(
            client.metadata.pushed_authorization_request_endpoint,
            Name::PushedAuthorizationRequestEndpoint,
        )?;
        let keep = Keep(Wanted::Members(pushed_authorization_request::MEMBERS));
        let request = exchange::post(client, url, keep, Writer::new(out), self.fresh(now), &mut |pairs| {
            // With or without a secret, and once (RFC 9126 §2.1).
            let names_client = !client.authentication.names_client();
            parameters::write(client, &self.seed, attempt, names_client, pairs);
        })?;
        Ok(Action::Send(request))
    }

    /// The push that is due, if one is.
    pub(super) fn due_push(&self, now: Now) -> Option<u8> {
        match self.step {
            Step::Push => Some(self.attempt),
            Step::Authorize if self.client.pushes() && now.uptime >= self.request_uri_end => {
                Some(self.attempt.saturating_add(1))
            }
            _ => None,
        }
    }

    fn exchange<'b>(&'b self, now: Now, out: &'b mut [u8]) -> Result<Action<'b>, Error> {
        let verifier = self.value(Label::CodeVerifier);
        let request = exchange::token_request(self.client, out, self.fresh(now), &mut |pairs| {
            pairs.pair("grant_type", "authorization_code");
            pairs.pair("code", self.memory.text());
            pairs.pair("redirect_uri", self.client.redirect_uri);
            pairs.pair("code_verifier", verifier.as_str());
        })?;
        Ok(Action::Send(request))
    }

    fn pushed(&mut self, now: Now, attempt: u8, response: Response<'_>) -> Result<(), Error> {
        if self.memory.is_challenged(self.client, &response)? {
            return Ok(());
        }
        match Pushed::read(response, self.client.quirks)? {
            Pushed::Refusal(refusal) => Err(self.refused(&refusal)),
            Pushed::Taken { request_uri, expires_in } => {
                self.memory.hold(request_uri.bytes(), Name::RequestUri)?;
                let lifetime = u64::from(expires_in).saturating_mul(1000);
                self.request_uri_end = now.uptime.saturating_add(lifetime);
                self.attempt = attempt;
                self.push_lost = false;
                self.step = Step::Authorize;
                Ok(())
            }
        }
    }

    /// The authorization response, if it answers this attempt or the one before: its user may be on the way back
    /// when the request is pushed again.
    fn read<'b>(&mut self, redirect: Redirect<'b>) -> Result<AuthorizationResponse<'b>, Error> {
        let read = |attempt| {
            let state = self.seed.derive_again(Label::State, attempt);
            AuthorizationResponse::read(redirect, self.client, state.as_str())
        };
        let response = read(self.attempt);
        match self.attempt.checked_sub(1) {
            Some(before) if response.is_err_and(|error| error == Error::Check(Check::StateMismatch)) => {
                let response = read(before)?;
                self.attempt = before;
                Ok(response)
            }
            _ => response,
        }
    }

    #[inline(never)]
    fn redirect(&mut self, redirect: Redirect<'_>) -> Result<(), Error> {
        match self.read(redirect) {
            Ok(AuthorizationResponse::BareCode(code)) => {
                self.memory.hold(code.bytes(), Name::Code)?;
                self.step = Step::Exchange;
                Ok(())
            }
            Ok(AuthorizationResponse::Code(code)) => {
                self.memory.hold(form::decode(code).flatten(), Name::Code)?;
                self.step = Step::Exchange;
                Ok(())
            }
            Ok(AuthorizationResponse::Refusal { error, description, uri }) => {
                let mut code = Scratch::<{ Refusal::MAX_CODE }>::new();
                form::decode(error).flatten().for_each(|octet| code.push(&[octet]));
                self.memory.hold_refusal(
                    &mut form::decode(error).flatten(),
                    &mut form::decode_shown(description),
                    &mut form::decode_shown(uri),
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

    fn fresh(&self, now: Now) -> Fresh<'_> {
        Fresh { now, secret: self.seed.octets(), nonce: Some(self.memory.nonce()) }
    }

    #[inline(never)]
    fn response<'b>(&mut self, now: Now, response: Response<'b>) -> Result<Option<TokenResponse<'b>>, Error> {
        if self.memory.is_challenged(self.client, &response)? {
            return Ok(None);
        }
        if let Some(refusal) = token::refusal(&response, self.client.quirks)? {
            return Err(self.refused(&refusal));
        }
        let nonce = self.value(Label::Nonce);
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

    fn refused(&mut self, refusal: &OauthError<'_>) -> Error {
        self.memory.hold_error(refusal);
        self.refuse(ErrorCode::from_text(refusal.code.as_bytes()))
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

    /// What must be about a push, and no redirect.
    #[inline(never)]
    fn push_event(&mut self, now: Now, event: Event<'_>) -> Result<(), Error> {
        match (self.due_push(now), event) {
            (Some(attempt), Event::Response(response)) => self.pushed(now, attempt, response),
            (Some(_), Event::NotSent) => Ok(()),
            // It did no harm, but nobody wants it sent for ever.
            (Some(_), Event::Timeout) if core::mem::replace(&mut self.push_lost, true) => {
                self.end(Step::Lost);
                self.memory.wipe();
                Err(Error::AnswerLost)
            }
            (Some(_), Event::Timeout) => Ok(()),
            _ => Err(Error::Misuse),
        }
    }

    fn is_over_time(&self, now: Now) -> bool {
        now.uptime > self.deadline
    }
}

/// The octets of a snapshot that say which push the user was sent with, and how long its request URI lasts.
const PUSH_HEAD: usize = 5;

impl<const N: usize> Flow for AuthorizationCode<'_, N> {
    fn poll<'b>(&'b self, now: Now, out: &'b mut [u8]) -> Result<Action<'b>, Error> {
        match self.step {
            Step::Done => Ok(Action::Done),
            Step::Expired => Err(Error::Expired),
            Step::Lost => Err(Error::AnswerLost),
            Step::Refused(code) => Err(Error::Refused(code)),
            _ if self.is_over_time(now) => Err(Error::Expired),
            Step::Exchange => self.exchange(now, out),
            Step::Authorize | Step::Push => match self.due_push(now) {
                Some(attempt) => self.push(attempt, now, out),
                None => self.authorize(out),
            },
        }
    }

    fn handle<'b>(&mut self, now: Now, event: Event<'b>) -> Result<Option<TokenResponse<'b>>, Error> {
        match (self.step, event) {
            (Step::Authorize, Event::Redirect(_)) if self.is_over_time(now) => {
                self.end(Step::Expired);
                Err(Error::Expired)
            }
            (Step::Authorize, Event::Redirect(redirect)) => self.redirect(redirect).map(|()| None),
            (Step::Authorize | Step::Push, _) => self.push_event(now, event).map(|()| None),
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
        let step = match (self.step, self.client.pushes()) {
            (Step::Authorize, false) => 0,
            (Step::Exchange, false) => 1,
            (Step::Push, _) => 2,
            (Step::Authorize, true) => 3,
            (Step::Exchange, true) => 4,
            (Step::Done | Step::Expired | Step::Lost | Step::Refused(_), _) => return Err(Error::Misuse),
        };
        // A count that went backwards wins no time.
        let most = u64::from(self.client.redirect_lifetime()).saturating_mul(1000);
        let left = |end: u64| u32::try_from(end.saturating_sub(now.uptime).min(most)).unwrap_or(u32::MAX);
        let memory = self.memory.saved();
        let [a, b, c, d] = left(self.request_uri_end).to_le_bytes();
        let head: &[u8] = if step > 2 { &[self.attempt, a, b, c, d] } else { &[] };
        Snapshot { step, left: left(self.deadline), seed: self.seed.octets(), memory }.write_behind(
            head,
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
