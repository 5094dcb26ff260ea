//! The device authorization grant (RFC 8628).

pub(super) mod codes;
mod dialect;
pub(super) mod pace;

use core::fmt;

use crate::{
    client::Client,
    encoding::{base64url, writer::Writer},
    error::{Error, ErrorCode, Name},
    exchange::{self, Fresh},
    flow::{Action, Event, Flow, Refusal},
    http::{Request, Response},
    id_token::{Expected, Grant},
    memory::{Kind, Memory, Saved, Snapshot},
    metadata::Metadata,
    pkce,
    quirks::Quirks,
    secret::{Label, Seed},
    sieve::{Keep, Wanted},
    time::Now,
    token::{self, TokenResponse},
};

use self::{
    codes::Codes,
    dialect::CodePairs,
    pace::{MARGIN, Pace},
};

/// Signs a user in who uses another device for it: this one shows a code and where to enter it, and asks the server
/// until that is done.
///
/// | step | action | event | next |
/// | --- | --- | --- | --- |
/// | start | [`Action::Send`] | a response with codes that pass every check | wait |
/// | | | the server's refusal | refused |
/// | | | codes that are dead on arrival: [`Error::Expired`] | expired |
/// | | | a success that does not pass: an error | lost |
/// | | | any other response: an error | start |
/// | | | [`Event::NotSent`] | start |
/// | | | [`Event::Timeout`] | start again |
/// | start again | [`Action::Send`] | as in start, but [`Event::Timeout`] | lost |
/// | wait | [`Action::Display`] until it is time for a poll, then [`Action::Send`] | a response with tokens that pass every check | done |
/// | | | `authorization_pending` | wait |
/// | | | `slow_down`: 5 s longer from now on | wait |
/// | | | 429 or 5xx and no error of OAuth, [`Event::NotSent`], [`Event::Timeout`]: twice as long from now on | wait |
/// | | | any other refusal of the server | refused |
/// | | | a success that does not pass: an error, and the code is used up | lost |
/// | | | tokens whose keys are missing: [`Error::KeysNeeded`] | taken |
/// | | | any other response: an error, and the next poll is an interval away | wait |
/// | | | any of these after the codes' end, unless it brings tokens | expired |
/// | | | [`Event::Nudge`] | wait |
/// | taken | [`Error::KeysNeeded`] | the same response with its keys | as in wait |
/// | | | [`Event::NotSent`], [`Event::Timeout`]: the code is used up | lost |
/// | done | [`Action::Done`] | | |
/// | refused, lost, expired | [`Error::Refused`], [`Error::AnswerLost`], [`Error::Expired`] | | |
///
/// Any other event is [`Error::Misuse`] and changes nothing.
///
/// Make one when a user wants to sign in, and only then: not at boot, and not when the last one has expired
/// (RFC 8628 §3.1). The client's scope is what is asked for; a device that needs less than the same client elsewhere
/// has a `Client` with less.
///
/// When to poll depends on the uptime alone. Waits count from the end of the answer before, and are
/// [`MARGIN`](Self::MARGIN) longer than the server's interval.
///
/// `N` is room for what the server chooses, in octets: device code, user code and both addresses, and three more.
/// If they are longer, that is [`Error::InputTooLarge`]. After a refusal the same room holds its text.
pub struct DeviceAuthorization<'c, const N: usize = 1024> {
    client: &'c Client<'c>,
    seed: Seed,
    pkce: bool,
    code_pairs: CodePairs,
    step: Step,
    /// What was met of the server so far.
    quirks: Quirks,
    pace: Pace,
    memory: Memory<N>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    Done,
    Expired,
    Lost,
    Refused(ErrorCode),
    Start,
    StartAgain,
    /// The server gave tokens, and the keys to judge them are missing.
    Taken,
    Wait,
}

/// Members of an answer to a poll that are read.
const POLL: &[Name] = &[
    Name::AccessToken,
    Name::TokenType,
    Name::ExpiresIn,
    Name::RefreshToken,
    Name::Scope,
    Name::IdToken,
    Name::Error,
    Name::ErrorDescription,
    Name::ErrorUri,
    Name::Interval,
];

const PKCE: u8 = 1;
const CODE_PAIRS: u8 = 2;

/// What a snapshot holds before the codes: options, and five numbers.
const HEAD: usize = 21;

impl<'c, const N: usize> DeviceAuthorization<'c, N> {
    /// Milliseconds that a poll comes later than the server's interval asks for. Some servers refuse a poll that is
    /// exactly on time by the device's clock, and a chip's clock may be a percent fast.
    pub const MARGIN: u32 = MARGIN;

    /// A new flow. The codes have to be there within [`Client::lifetime`] from `now`; how long they live then, the
    /// server says.
    ///
    /// # Errors
    /// [`Error::Config`] for a setting that is not allowed; [`Error::Check`] if the server lacks what is needed.
    pub fn new(client: &'c Client<'c>, seed: Seed, now: Now) -> Result<Self, Error> {
        client.check_device_flow()?;
        Ok(Self {
            client,
            seed,
            pkce: false,
            code_pairs: CodePairs(false),
            step: Step::Start,
            quirks: Quirks::NONE,
            pace: Pace::new(now, client.lifetime.saturating_mul(1000), 0),
            memory: Memory::new(),
        })
    }

    /// Binds the codes to this flow (RFC 7636), for servers that take it: RFC 8628 does not have it, Keycloak does.
    /// A server that knows nothing of it passes over it.
    #[must_use]
    pub const fn pkce(mut self) -> Self {
        self.pkce = true;
        self
    }

    /// Writes the requests as Amazon wants them, which had code pairs before RFC 8628.
    #[must_use]
    pub const fn code_pairs(mut self) -> Self {
        self.code_pairs = CodePairs(true);
        self
    }

    /// The flow that [`Flow::save`] wrote, with the time that it had left then.
    ///
    /// `now` is the present. After a deep sleep through which the uptime went on, the moment of saving may be given
    /// instead: then the sleep counts.
    ///
    /// # Errors
    /// [`Error::Snapshot`] if it is damaged or of another client, kind or version; [`Error::Expired`] if no time was
    /// left; [`Error::InputTooLarge`] if its codes do not fit into `N` octets.
    pub fn restore(client: &'c Client<'c>, snapshot: &[u8], now: Now) -> Result<Self, Error> {
        let snapshot = Snapshot::read(snapshot, Kind::DeviceAuthorization, client)?;
        let mut flow = Self::new(client, Seed::new(*snapshot.seed)?, now)?;
        flow.step = match snapshot.step {
            0 => Step::Start,
            1 => Step::StartAgain,
            2 => Step::Wait,
            _ => return Err(Error::Snapshot),
        };
        if snapshot.left == 0 {
            return Err(Error::Expired);
        }
        let (head, codes) = snapshot.memory.text.split_first_chunk::<HEAD>().ok_or(Error::Snapshot)?;
        let [options, numbers @ ..] = head;
        let mut numbers =
            numbers.chunks_exact(4).map(|octets| octets.try_into().map_or(0, u32::from_le_bytes));
        let mut next = || numbers.next().unwrap_or_default();
        flow.quirks = Quirks::from_bits(next());
        let (interval, backoff, wait, least) = (next(), next(), next(), next());
        flow.pace = Pace { since: now.uptime, left: snapshot.left, interval, backoff, wait, least };
        flow.pkce = options & PKCE != 0;
        flow.code_pairs = CodePairs(options & CODE_PAIRS != 0);
        flow.memory.restore(Saved { text: codes, ..snapshot.memory }, Name::DeviceCode)?;
        Ok(flow)
    }

    /// Gives up: nothing is asked any more, and the codes are wiped. Dropping the flow does the same.
    pub fn cancel(&mut self) {
        self.end(Step::Done);
        self.memory.wipe();
    }

    fn fresh(&self, now: Now) -> Fresh<'_> {
        Fresh { now, secret: self.seed.octets(), nonce: Some(self.memory.nonce()) }
    }

    fn start<'b>(&'b self, now: Now, out: &'b mut [u8]) -> Result<Action<'b>, Error> {
        let client = self.client;
        let endpoint = client.metadata.device_authorization_endpoint;
        let url = Metadata::need(endpoint, Name::DeviceAuthorizationEndpoint)?;
        let keep = Keep(Wanted::Members(Codes::MEMBERS));
        // A proof belongs to requests for tokens (RFC 9449 §5).
        let fresh = Fresh { nonce: None, ..self.fresh(now) };
        let request = exchange::post(client, url, keep, Writer::new(out), fresh, &mut |pairs| {
            self.code_pairs.write_start(pairs);
            exchange::write_scope(client.scope, pairs);
            if self.pkce {
                let verifier = self.seed.derive(Label::CodeVerifier);
                let mut challenge = [0; base64url::LENGTH_OF_32];
                pairs.pair("code_challenge", pkce::challenge(verifier.as_str(), &mut challenge));
                pairs.pair("code_challenge_method", pkce::METHOD);
            }
            for resource in client.request.resource {
                pairs.pair("resource", resource);
            }
            pairs.pair("audience", client.request.audience.unwrap_or_default());
            for (name, value) in client.request.parameters {
                pairs.pair(name, value);
            }
        })?;
        Ok(Action::Send(request))
    }

    fn ask<'b>(&'b self, now: Now, out: &'b mut [u8]) -> Result<Action<'b>, Error> {
        let codes = self.codes();
        let request = exchange::token_request(self.client, out, self.fresh(now), &mut |pairs| {
            pairs.pair("grant_type", self.code_pairs.grant_type());
            pairs.pair("device_code", codes.device_code);
            self.code_pairs.write_poll(codes.user_code, pairs);
            if self.pkce {
                pairs.pair("code_verifier", self.seed.derive(Label::CodeVerifier).as_str());
            }
        })?;
        Ok(Action::Send(Request { keep: Keep(Wanted::Members(POLL)), ..request }))
    }

    fn codes(&self) -> Codes<'_> {
        Codes::of_lines(self.memory.text())
    }

    fn started(&mut self, now: Now, response: Response<'_>) -> Result<(), Error> {
        let tolerated = self.client.quirks;
        if let Some(refusal) = token::refusal(&response, tolerated)? {
            let code = dialect::error_code(refusal.code, tolerated);
            self.memory.hold_error(&refusal);
            return Err(self.refuse(code));
        }
        let read = response.kept().and_then(|kept| {
            let (codes, times, quirks) = Codes::read(kept, self.client)?;
            self.memory.hold(codes.lines(), Name::DeviceCode)?;
            self.quirks = quirks;
            Ok(times)
        });
        match read {
            Ok(times) => {
                let [left, interval] =
                    [times.expires_in, times.interval].map(|time| time.saturating_mul(1000));
                self.pace = Pace::new(now, left, interval);
                self.step = Step::Wait;
                return Ok(());
            }
            Err(Error::Expired) => self.end(Step::Expired),
            // A user starts a flow, not an error (RFC 8628 §3.1).
            Err(error) if response.is_final(error) => self.end(Step::Lost),
            Err(_) => {}
        }
        read.map(drop)
    }

    fn answered<'b>(&mut self, now: Now, response: Response<'b>) -> Result<Option<TokenResponse<'b>>, Error> {
        // A demand for a nonce is no answer to a poll: the same one goes out again, and at once (RFC 9449 §8).
        match self.memory.is_challenged(self.client, &response) {
            Ok(true) => return Ok(None),
            Ok(false) => {}
            Err(error) => {
                self.wait(now, response.retry_after());
                return Err(error);
            }
        }
        let tolerated = self.client.quirks;
        let outcome = match token::refusal(&response, tolerated) {
            Ok(Some(refusal)) => match dialect::error_code(refusal.code, tolerated) {
                ErrorCode::AuthorizationPending => {
                    self.quirks = self.quirks.with(refusal.quirks);
                    Ok(None)
                }
                ErrorCode::SlowDown => {
                    let interval = dialect::interval(&response, tolerated);
                    let quirk = Quirks::INTERVAL_WITH_SLOW_DOWN.only_if(interval.is_some());
                    self.quirks = self.quirks.with(refusal.quirks).with(quirk);
                    self.pace.slow_down(interval);
                    Ok(None)
                }
                code => {
                    self.memory.hold_error(&refusal);
                    return Err(self.refuse(code));
                }
            },
            Ok(None) => {
                let expected = Expected { client: self.client, grant: Grant::Device };
                token::read(&response, now, &expected).map(|tokens| Some(tokens.after(self.quirks)))
            }
            Err(error) => Err(error),
        };
        match outcome {
            Ok(Some(_)) => {
                self.end(Step::Done);
                self.memory.wipe();
            }
            Err(Error::KeysNeeded) => self.step = Step::Taken,
            Err(Error::BufferTooSmall { .. }) => {}
            // The server has taken the code; it is not sent again.
            Err(error) if response.is_final(error) => {
                self.end(Step::Lost);
                self.memory.wipe();
            }
            Err(error) if dialect::is_trouble(error) => {
                self.pace.back_off();
                self.wait(now, response.retry_after());
                return Ok(None);
            }
            Ok(None) | Err(_) => self.wait(now, response.retry_after()),
        }
        outcome
    }

    fn wait(&mut self, now: Now, retry_after: Option<u32>) {
        self.pace.rest(now, retry_after.unwrap_or_default());
        if self.pace.is_over(now) {
            self.end(Step::Expired);
            self.memory.wipe();
        }
    }

    fn refuse(&mut self, code: ErrorCode) -> Error {
        self.end(Step::Refused(code));
        Error::Refused(code)
    }

    /// No step behind this one needs the seed.
    fn end(&mut self, step: Step) {
        self.step = step;
        self.seed.wipe();
    }
}

impl<const N: usize> Flow for DeviceAuthorization<'_, N> {
    fn poll<'b>(&'b self, now: Now, out: &'b mut [u8]) -> Result<Action<'b>, Error> {
        match self.step {
            Step::Done => Ok(Action::Done),
            Step::Expired => Err(Error::Expired),
            Step::Lost => Err(Error::AnswerLost),
            Step::Refused(code) => Err(Error::Refused(code)),
            Step::Taken => Err(Error::KeysNeeded),
            _ if self.pace.is_over(now) => Err(Error::Expired),
            Step::Start | Step::StartAgain => self.start(now, out),
            Step::Wait if self.pace.is_due(now) => self.ask(now, out),
            Step::Wait => Ok(self.codes().display(&self.pace, now)),
        }
    }

    fn handle<'b>(&mut self, now: Now, event: Event<'b>) -> Result<Option<TokenResponse<'b>>, Error> {
        match (self.step, event) {
            (Step::Start | Step::StartAgain, Event::Response(response)) => {
                self.started(now, response).map(|()| None)
            }
            (Step::Start | Step::StartAgain, Event::NotSent) => Ok(None),
            (Step::Start, Event::Timeout) => {
                self.step = Step::StartAgain;
                Ok(None)
            }
            (Step::Taken | Step::Wait, Event::Response(response)) => self.answered(now, response),
            (Step::StartAgain, Event::Timeout) | (Step::Taken, Event::NotSent | Event::Timeout) => {
                self.end(Step::Lost);
                self.memory.wipe();
                Err(Error::AnswerLost)
            }
            (Step::Wait, Event::NotSent | Event::Timeout) => {
                self.pace.back_off();
                self.wait(now, None);
                Ok(None)
            }
            (Step::Wait, Event::Nudge) => {
                self.pace.hurry();
                Ok(None)
            }
            _ => Err(Error::Misuse),
        }
    }

    fn keys(&self, response: &Response<'_>) -> Result<Request<'_>, Error> {
        match self.step {
            Step::Taken | Step::Wait => exchange::keys_request(self.client, response),
            _ => Err(Error::Misuse),
        }
    }

    fn refusal(&self) -> Option<Refusal<'_>> {
        matches!(self.step, Step::Refused(_)).then(|| self.memory.refusal())
    }

    fn save(&self, now: Now, snapshot: &mut [u8]) -> Result<usize, Error> {
        let step = match self.step {
            Step::Start => 0,
            Step::StartAgain => 1,
            Step::Wait => 2,
            _ => return Err(Error::Misuse),
        };
        let Pace { left, interval, backoff, wait, least, .. } = self.pace.at(now);
        let options = if self.pkce { PKCE } else { 0 } | if self.code_pairs.0 { CODE_PAIRS } else { 0 };
        let mut head = [0; HEAD];
        let [first, numbers @ ..] = &mut head;
        *first = options;
        let values = [self.quirks.bits(), interval, backoff, wait, least];
        for (octets, number) in numbers.chunks_exact_mut(4).zip(values) {
            octets.iter_mut().zip(number.to_le_bytes()).for_each(|(octet, of_number)| *octet = of_number);
        }
        let memory = self.memory.saved();
        Snapshot { step, left, seed: self.seed.octets(), memory }.write_behind(
            &head,
            Kind::DeviceAuthorization,
            self.client,
            snapshot,
        )
    }
}

impl<const N: usize> fmt::Debug for DeviceAuthorization<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceAuthorization({:?})", self.step)
    }
}
