//! The authorization code grant whose redirect URI is at a [relay](crate::relay).

mod response;
mod snapshot;
mod step;

use core::fmt;

use crate::{
    client::Client,
    encoding::base64url,
    error::{Check, Error, Name},
    flow::{
        Action, AuthorizationCode, Event, Flow, Refusal,
        authorization_code::Ending,
        device_authorization::{codes::Codes, pace::Pace},
    },
    hash::Sha256,
    http::{Request, Response},
    memory::Memory,
    quirks::Quirks,
    relay::Relay,
    secret::{Label, Seed},
    sieve::Value,
    time::Now,
    token::TokenResponse,
};

use self::step::{Next, Sent, Step};

/// Signs a user in with the browser of another device, which a [relay](crate::relay) lets in with a code that this one
/// shows: [`AuthorizationCode`] with the relay between the browser and the flow.
///
/// | step | action | event | next |
/// | --- | --- | --- | --- |
/// | push | as in [`AuthorizationCode`] | what ends its push | open |
/// | open | [`Action::Send`] | a response with codes that pass every check | wait |
/// | | | 409 with `paired`: a browser is in already | paired |
/// | | | 429 or 5xx: [`Error::RelayUnavailable`] | unavailable |
/// | | | any other response: an error | open |
/// | | | [`Event::NotSent`] | open |
/// | | | [`Event::Timeout`] | open again |
/// | open again | [`Action::Send`] | as in open, but [`Event::Timeout`]: [`Error::RelayUnavailable`] | unavailable |
/// | wait | [`Action::Display`] until it is time to ask, then [`Action::Send`] | `waiting` | wait |
/// | | | `paired` | paired |
/// | | | a response that passes every check of a redirect | exchange |
/// | | | the server's refusal in it | refused |
/// | | | one that does not pass: an error, and the code is taken down | paired |
/// | | | `taken`: somebody else has got the response, or its answer was lost | lost |
/// | | | 404 with `mailbox`: the relay knows nothing of it | open |
/// | | | 429, 5xx, [`Event::NotSent`], [`Event::Timeout`]: twice as long from now on, until the relay answers again | wait |
/// | | | any other response: an error, and it is asked again after an interval | wait |
/// | | | [`Event::Nudge`] | wait |
/// | paired | [`Action::Connected`] until it is time to ask, then [`Action::Send`] | as in wait, but 404 with `mailbox` | lost |
/// | exchange and all behind it | as in [`AuthorizationCode`] | | |
/// | unavailable, lost | [`Error::RelayUnavailable`], [`Error::AnswerLost`] | | |
///
/// A code that runs out while nobody came is replaced by another one, and so is one whose pushed request gets too old.
/// All of it ends [`Client::lifetime`] after the start. Any other event is [`Error::Misuse`] and changes nothing.
///
/// At the end, or when it is given up, [`Flow::closing`] tells the relay how it ended, for the page that the browser
/// shows; without it the page sends its user to the device.
///
/// `N` is room, twice, for what the server chooses, as in [`AuthorizationCode`]; and for what the relay gives: code and
/// addresses, and the response with all of its parameters and 49 octets more. A longer one is
/// [`Error::InputTooLarge`]; a response is given once, so that no other one comes.
pub struct Relayed<'c, const N: usize = 2048> {
    client: &'c Client<'c>,
    relay: &'c Relay<'c>,
    flow: AuthorizationCode<'c, N>,
    step: Step,
    /// The name of the mailbox, which outlives the seed.
    mailbox: [u8; base64url::LENGTH_OF_32],
    pace: Pace,
    /// The codes.
    room: Memory<N>,
}

/// Members of the answer that opens a mailbox.
const OPENED: &[Name] = &[
    Name::UserCode,
    Name::VerificationUri,
    Name::VerificationUriComplete,
    Name::ExpiresIn,
    Name::Interval,
    Name::Error,
];

/// Members of the answer to a wait.
const NEWS: &[Name] = &[Name::Status, Name::Response, Name::Error];

/// Milliseconds between two questions, unless the relay says more.
const INTERVAL: u32 = 1_000;

/// The most that it can say.
const MAX_INTERVAL: u32 = 60_000;

impl<'c, const N: usize> Relayed<'c, N> {
    /// A new flow. It ends at the latest [`Client::lifetime`] from `now`.
    ///
    /// # Errors
    /// [`Error::Config`] for a setting of the client or the relay that is not allowed; [`Error::Check`] if the server
    /// lacks what is needed.
    pub fn new(client: &'c Client<'c>, relay: &'c Relay<'c>, seed: Seed, now: Now) -> Result<Self, Error> {
        relay.check(client)?;
        let flow = AuthorizationCode::new(client, seed, now)?;
        Ok(Self::around(client, relay, flow, now))
    }

    /// The flow that [`Flow::save`] wrote, with the time that it had left then. A code that was shown is shown again.
    ///
    /// # Errors
    /// [`Error::Snapshot`] if it is damaged or of another client, kind or version; [`Error::Expired`] if no time was
    /// left; [`Error::InputTooLarge`] if what it holds does not fit into `N` octets.
    pub fn restore(
        client: &'c Client<'c>,
        relay: &'c Relay<'c>,
        snapshot: &[u8],
        now: Now,
    ) -> Result<Self, Error> {
        let flow = snapshot::read(client, relay, snapshot, now)?;
        relay.check(client)?;
        Ok(flow)
    }

    /// As [`AuthorizationCode::dpop_nonce`].
    #[must_use]
    pub fn dpop_nonce(mut self, nonce: &str) -> Self {
        self.flow = self.flow.dpop_nonce(nonce);
        self
    }

    /// As [`AuthorizationCode::rejected_redirects`]. With an honest relay there are none.
    pub const fn rejected_redirects(&self) -> u8 {
        self.flow.rejected_redirects()
    }

    fn around(
        client: &'c Client<'c>,
        relay: &'c Relay<'c>,
        flow: AuthorizationCode<'c, N>,
        now: Now,
    ) -> Self {
        let step = if flow.due_push(now).is_some() { Step::Push } else { Step::Open };
        let (pace, mailbox) = (Pace::new(now, 0, INTERVAL), mailbox(&flow));
        Self { client, relay, flow, step, mailbox, pace, room: Memory::new() }
    }

    fn mailbox(&self) -> &str {
        core::str::from_utf8(&self.mailbox).unwrap_or_default()
    }

    /// Milliseconds that the codes are good for, and the request behind them.
    fn codes_left(&self, now: Now) -> u32 {
        let pushed = self.flow.request_uri_left(now).unwrap_or(u64::MAX);
        u32::try_from(pushed).unwrap_or(u32::MAX).min(self.pace.at(now).left)
    }

    fn is_due(&self, next: Next, now: Now) -> bool {
        self.pace.is_due(now) && (next != Next::Push || self.flow.due_push(now).is_some())
    }

    fn open<'b>(&'b self, out: &'b mut [u8]) -> Result<Action<'b>, Error> {
        let private_key = self.flow.seed().derive_key(Label::RelayKey);
        let mut public_key = [0; base64url::LENGTH_OF_32];
        let public_key = base64url::encode_32(&self.relay.opens().public_key(&private_key), &mut public_key);
        let mut outcome = Ok(());
        let request = self.relay.request("/mailbox", self.mailbox(), OPENED, out, &mut |pairs| {
            outcome = self.flow.write_authorization_url(pairs);
            pairs.pair("public_key", public_key);
        });
        outcome.and(request).map(Action::Send)
    }

    fn ask<'b>(&'b self, seen: &str, left: u64, out: &'b mut [u8]) -> Result<Action<'b>, Error> {
        // Behind the end of the codes there is nothing to wait for.
        let seconds = u32::try_from(left / 1000).unwrap_or(u32::MAX).min(self.relay.longest_wait());
        let request = self.relay.request("/mailbox/wait", self.mailbox(), NEWS, out, &mut |pairs| {
            pairs.pair("seen", seen);
            pairs.number("wait", seconds);
        });
        request.map(Action::Send)
    }

    /// The wait for the next question begins.
    fn rest(&mut self, now: Now, least: Option<u32>) {
        self.pace.rest(now, least.unwrap_or_default());
        if let Step::Wait(_) = self.step {
            let (left, codes) = (self.pace.left, self.codes_left(now));
            let next = match codes {
                _ if self.pace.wait < codes => Next::Ask,
                _ if codes < left => Next::Push,
                _ => Next::Open,
            };
            if next != Next::Ask {
                // Nobody can hurry it.
                (self.pace.wait, self.pace.least) = (codes, codes);
            }
            self.step = Step::Wait(next);
        }
    }

    fn opened(&mut self, now: Now, response: Response<'_>) -> Result<(), Error> {
        let left = u32::try_from(self.flow.time_left(now)).unwrap_or(u32::MAX);
        let code = response.oauth_error().map(|error| error.code);
        match (response.status(), code) {
            (409, Some("paired")) => {
                self.pace = Pace::new(now, left, INTERVAL);
                self.step = Step::Paired;
                self.room.wipe();
                return Ok(());
            }
            (401 | 403, Some("authorization_url")) => return Err(Error::Config(Name::AuthorizationEndpoint)),
            (401 | 403, Some(_)) => return Err(Error::Config(Name::DeviceSecret)),
            (429 | 500..=599, _) => return Err(self.unavailable()),
            _ => {}
        }
        let loopback = self.client.metadata.insecure_loopback;
        let (codes, times, _) =
            Codes::shown(response.kept()?, Quirks::NONE, loopback).map_err(|error| match error {
                Error::Expired => Check::BadMember(Name::ExpiresIn).into(),
                error => error,
            })?;
        self.room.hold(codes.lines(), Name::VerificationUriComplete)?;
        let interval = times.interval.saturating_mul(1000).min(MAX_INTERVAL);
        self.pace = Pace::new(now, times.expires_in.saturating_mul(1000).min(left), interval);
        self.step = Step::Wait(Next::Ask);
        self.rest(now, None);
        Ok(())
    }

    fn unavailable(&mut self) -> Error {
        self.step = Step::Unavailable;
        self.room.wipe();
        Error::RelayUnavailable
    }

    fn lost(&mut self) -> Error {
        self.step = Step::Lost;
        self.room.wipe();
        Error::AnswerLost
    }

    fn answered(&mut self, now: Now, response: Response<'_>) -> Result<(), Error> {
        let code = response.oauth_error().map(|error| error.code);
        let outcome = match (response.status(), code) {
            (404, Some("mailbox")) if self.step == Step::Paired => return Err(self.lost()),
            (404, Some("mailbox")) => {
                self.step = Step::Open;
                self.room.wipe();
                return Ok(());
            }
            (401 | 403, Some(_)) => Err(Error::Config(Name::DeviceSecret)),
            (429 | 500..=599, _) => {
                self.pace.back_off();
                Ok(())
            }
            _ => self.news(now, response),
        };
        let settled = matches!(self.step, Step::Lost | Step::Taken);
        if !settled && !matches!(outcome, Err(Error::BufferTooSmall { .. })) {
            self.rest(now, response.retry_after());
        }
        outcome
    }

    fn news(&mut self, now: Now, response: Response<'_>) -> Result<(), Error> {
        let kept = response.kept()?;
        match (kept.get(Name::Status), kept.get(Name::Response)) {
            (None, None) => return Err(Check::MissingMember(Name::Status).into()),
            (Some(_), Some(_)) => return Err(Check::ConflictingResponse.into()),
            (None, Some(Value::Text(sealed))) => return self.take(now, sealed),
            (None, Some(_)) => return Err(Check::WrongType(Name::Response).into()),
            (Some(Value::Text("paired")), None) => {
                self.step = Step::Paired;
                self.room.wipe();
            }
            (Some(Value::Text("taken")), None) => return Err(self.lost()),
            // Who was let in is not put out again.
            (Some(Value::Text("waiting")), None) => {}
            (Some(Value::Text(_)), None) => return Err(Check::BadMember(Name::Status).into()),
            (Some(_), None) => return Err(Check::WrongType(Name::Status).into()),
        }
        self.pace.recover();
        Ok(())
    }

    /// The response, which is believed as much as one that a stranger sends.
    #[inline(never)]
    fn take(&mut self, now: Now, sealed: &str) -> Result<(), Error> {
        // It is given once, so there is nothing to wait for with the codes on the screen.
        self.step = Step::Paired;
        let private_key = self.flow.seed().derive_key(Label::RelayKey);
        let mailbox = core::str::from_utf8(&self.mailbox).unwrap_or_default();
        let relay = self.relay;
        let flow = &mut self.flow;
        let outcome = self.room.lend(|room| {
            let redirect = response::unseal(relay, &private_key, mailbox, sealed, room)?;
            flow.handle(now, Event::Redirect(redirect)).map(drop)
        });
        if outcome.is_ok() || self.flow.ending().is_some() {
            self.step = Step::Taken;
        }
        outcome
    }

    /// What is about the flow inside.
    fn pass<'b>(&mut self, now: Now, event: Event<'b>) -> Result<Option<TokenResponse<'b>>, Error> {
        let outcome = self.flow.handle(now, event)?;
        if self.step != Step::Taken && self.flow.due_push(now).is_none() {
            // Another `state` has another mailbox.
            self.mailbox = mailbox(&self.flow);
            self.step = Step::Open;
            self.room.wipe();
        }
        Ok(outcome)
    }
}

impl<const N: usize> Flow for Relayed<'_, N> {
    fn poll<'b>(&'b self, now: Now, out: &'b mut [u8]) -> Result<Action<'b>, Error> {
        let left = self.flow.time_left(now);
        match self.step {
            _ if self.flow.ending().is_some() => self.flow.poll(now, out),
            Step::Lost => Err(Error::AnswerLost),
            Step::Unavailable => Err(Error::RelayUnavailable),
            Step::Push | Step::Taken => self.flow.poll(now, out),
            _ if left == 0 => Err(Error::Expired),
            Step::Open | Step::OpenAgain => self.open(out),
            Step::Paired if self.pace.is_due(now) => self.ask("paired", left, out),
            Step::Paired => {
                let wait = self.pace.at(now).wait;
                Ok(Action::Connected(now.uptime.saturating_add(left.min(wait.into()))))
            }
            Step::Wait(next) if !self.is_due(next, now) => {
                Ok(Codes::of_lines(self.room.text()).display(&self.pace, now))
            }
            Step::Wait(Next::Ask) => self.ask("waiting", self.codes_left(now).into(), out),
            Step::Wait(Next::Open) => self.open(out),
            Step::Wait(Next::Push) => self.flow.poll(now, out),
        }
    }

    fn handle<'b>(&mut self, now: Now, event: Event<'b>) -> Result<Option<TokenResponse<'b>>, Error> {
        match (self.step.sent(), event) {
            // Responses come by way of the relay.
            (_, Event::Redirect(_)) => Err(Error::Misuse),
            // It is not on its way yet.
            (_, Event::Nudge) if matches!(self.step, Step::Paired | Step::Wait(_)) => {
                self.pace.hurry();
                Ok(None)
            }
            (Sent::Flow, event) => self.pass(now, event),
            (Sent::Open, Event::Response(response)) => self.opened(now, response).map(|()| None),
            (Sent::Open, Event::NotSent) => Ok(None),
            (Sent::Open, Event::Timeout) if self.step == Step::OpenAgain => Err(self.unavailable()),
            (Sent::Open, Event::Timeout) => {
                self.step = Step::OpenAgain;
                Ok(None)
            }
            (Sent::Ask, Event::Response(response)) => self.answered(now, response).map(|()| None),
            (Sent::Ask, Event::NotSent | Event::Timeout) => {
                self.pace.back_off();
                self.rest(now, None);
                Ok(None)
            }
            _ => Err(Error::Misuse),
        }
    }

    fn keys(&self, response: &Response<'_>) -> Result<Request<'_>, Error> {
        match self.step {
            Step::Taken => self.flow.keys(response),
            _ => Err(Error::Misuse),
        }
    }

    fn refusal(&self) -> Option<Refusal<'_>> {
        self.flow.refusal()
    }

    fn save(&self, now: Now, snapshot: &mut [u8]) -> Result<usize, Error> {
        snapshot::write(self, now, snapshot)
    }

    fn closing<'b>(&'b self, now: Now, out: &'b mut [u8]) -> Result<Option<Request<'b>>, Error> {
        let ending = match (self.step, self.flow.ending()) {
            // None was opened, or another flow will find it so.
            (Step::Open | Step::OpenAgain | Step::Push | Step::Unavailable, _) | (Step::Taken, None) => {
                return Ok(None);
            }
            (_, Some(Ending::Done)) => "signed_in",
            (_, Some(Ending::Refused)) => "refused",
            (Step::Lost, _) | (_, Some(Ending::Failed)) => "failed",
            (Step::Paired | Step::Wait(_), None) if self.flow.time_left(now) == 0 => "failed",
            (Step::Paired | Step::Wait(_), None) => "cancelled",
        };
        let request = self.relay.request("/mailbox/close", self.mailbox(), &[], out, &mut |pairs| {
            pairs.pair("ending", ending);
        });
        request.map(Some)
    }
}

/// The name of the mailbox in which the response to this flow's request will lie.
fn mailbox<const N: usize>(flow: &AuthorizationCode<'_, N>) -> [u8; base64url::LENGTH_OF_32] {
    let mut name = [0; base64url::LENGTH_OF_32];
    base64url::encode_32(&Sha256::digest(flow.state().as_str().as_bytes()), &mut name);
    name
}

impl<const N: usize> fmt::Debug for Relayed<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Relayed({:?})", self.step)
    }
}
