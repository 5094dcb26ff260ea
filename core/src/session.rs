//! Staying signed in: tokens that are kept fresh, and that survive a loss of power at any moment.
//!
//! # The store
//!
//! A session asks for two slots, and writes them in turn. What a store must do:
//!
//! - Hold a record of up to [`Session::RECORD`] octets in each slot, and give it back as it was; zeros or ones behind
//!   it do no harm. An empty slot gives nothing, or octets that are all zero or all ones.
//! - Say that a record is stored only when it would survive a loss of power. A write that was cut may leave the old
//!   record, the new one, or neither of that slot; it must not touch the other slot.
//! - Erase for good: a record that wear-levelling has put aside still holds a refresh token.
//! - A record is a secret. Where the chip has a key for that, the store seals each record on its way in and opens it on
//!   its way out; a record that does not open counts as damaged.
//!
//! Several accounts are several sessions, each with a store of its own.
//!
//! # The loop
//!
//! ```
//! # use keyfob_core::{client::Client, error::Error, http::{Incoming, Request}, metadata::Metadata, secret::Seed};
//! # use keyfob_core::{session::{Action, Event, Session, SignInReason, Slot}, time::Now};
//! # struct Flash;
//! # impl Flash {
//! #     fn read(&mut self, _: Slot) -> &[u8] { &[] }
//! #     fn write(&mut self, _: Slot, _: &[u8]) -> bool { true }
//! # }
//! # struct Modem;
//! # impl Modem {
//! #     fn send(&mut self, _: &Request) -> bool { true }
//! #     fn receive(&mut self, _: &mut Incoming) -> bool { true }
//! # }
//! # const SERVER: Metadata = Metadata::new("https://op.example").token_endpoint("https://op.example/token");
//! # static CLIENT: Client = Client::oauth(SERVER, "client").redirect_uri("com.example.app:/callback");
//! # fn now() -> Now { Now::unknown(0) }
//! # fn main() -> Result<(), Error> {
//! # let (mut flash, mut modem, mut buffer) = (Flash, Modem, [0; 2048]);
//! # let seed = Seed::new(core::array::from_fn(|place| place as u8))?;
//! let mut session = Session::<1024>::new(&CLIENT, &seed)?;
//! let reason = loop {
//!     let event = match session.poll(now(), &mut buffer)? {
//!         Action::Load { slot } => Event::Loaded(flash.read(slot)),
//!         Action::Store { slot, record } if flash.write(slot, record) => Event::Stored,
//!         Action::Erase { slot } if flash.write(slot, &[]) => Event::Stored,
//!         Action::Store { .. } | Action::Erase { .. } => Event::NotStored,
//!         Action::Send(request) if !modem.send(&request) => Event::NotSent,
//!         Action::Send(request) => {
//!             let mut incoming = Incoming::new(request.keep(), &mut buffer);
//!             if modem.receive(&mut incoming) { Event::Response(incoming.finish().0) } else { Event::Timeout }
//!         }
//!         Action::Ready { .. } | Action::Wait { .. } => break None, // sleep, then poll again
//!         Action::SignIn { reason } => break Some(reason), // then Session::sign_in with the tokens
//!         _ => break None,
//!     };
//!     session.handle(now(), event)?; // KeysNeeded is answered as with a flow
//! };
//! assert_eq!(reason, Some(SignInReason::NeverSignedIn));
//! assert!(session.access_token(now()).is_none());
//! # Ok(())
//! # }
//! ```

mod access_token;
mod action;
mod answer;
mod fields;
mod next;
mod record;
mod schedule;
mod slots;
mod storing;

use core::fmt;

use crate::{
    client::Client,
    error::{Check, Error, ErrorCode},
    exchange::keys_request,
    flow::{RefreshToken, Refusal},
    http::{Request, Response},
    memory::fingerprint,
    pace::{Pace, Spread},
    secret::{Seed, equal},
    time::{Now, UnixTime},
    token::{TokenResponse, TokenType},
};

use self::{
    answer::date,
    fields::{Field, Fields},
    record::{Facts, Mark, OVERHEAD},
    schedule::Schedule,
    slots::{Chore, Slots},
};

pub use self::access_token::AccessToken;
pub use self::action::{Action, Event, SignInReason};
pub use self::slots::Slot;

/// Keeps a user signed in.
///
/// Ask it with [`poll`](Session::poll) what to do, do it, and tell it with [`handle`](Session::handle) what came of
/// it, as with a [`Flow`](crate::flow::Flow). It goes on for as long as the device runs; between
/// [`Action::SignIn`] and the next [`sign_in`](Session::sign_in) there is no user.
///
/// A refresh is written down before it is sent, and its answer before it is used, each into the other slot:
///
/// | power is lost | what the slots hold | then |
/// | --- | --- | --- |
/// | before the request is announced | the token | it is sent |
/// | until the answer is stored | the token, and that it may have been sent | it is sent once more; the server knows |
/// | later | the new token | it is sent when it is due |
///
/// A server that does not replace refresh tokens costs no write at all. After a lost answer the same token is sent
/// again, at once and then ever more seldom: servers take it twice within a short time. If they do not,
/// [`SignInReason::AnswerLost`] says so.
///
/// `N` is room for all tokens and the user's name, in octets. The access token is never stored.
pub struct Session<'c, const N: usize = 4096> {
    client: &'c Client<'c>,
    refresh: RefreshToken<'c, REFUSAL>,
    step: Step,
    schedule: Schedule,
    slots: Slots,
    pace: Pace,
    facts: Facts,
    fields: Fields<N>,
    trouble: Option<Error>,
    /// Of the access token.
    token_type: TokenType,
    /// How many access tokens there were.
    access_tokens: u32,
    /// When the refresh token was last used, in Unix seconds; 0 if nobody knew.
    used: u64,
    /// The server replaces refresh tokens, as far as is known.
    rotates: bool,
    /// The server may have seen the refresh token, and nobody heard its answer.
    unsure: bool,
    keeps_id_token: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    /// The session is over, and its new refresh token is to be revoked.
    Alarm(Check),
    Held,
    /// This slot is read next; so far there is no session, for this reason, if one is given.
    Load(Slot, Option<SignInReason>),
    Over(SignInReason),
}

/// Room for the text of a refusal, with the line feeds between its parts.
const REFUSAL: usize =
    Refusal::MAX_CODE.saturating_add(Refusal::MAX_TEXT.saturating_mul(2)).saturating_add(2);

impl<'c, const N: usize> Session<'c, N> {
    /// The longest record, in octets. A buffer for [`Session::poll`] has to be as long at least.
    pub const RECORD: usize = N.saturating_add(OVERHEAD);

    /// A session that has not looked into its store yet. The seed makes this device differ from others of its kind.
    ///
    /// # Errors
    /// [`Error::Config`] for a setting that is not allowed; [`Error::Misuse`] if a record of `N` octets would be
    /// longer than 65,535.
    pub fn new(client: &'c Client<'c>, seed: &Seed) -> Result<Self, Error> {
        client.check()?;
        if u16::try_from(Self::RECORD).is_err() {
            return Err(Error::Misuse);
        }
        let spread = Spread::of(seed);
        Ok(Self {
            client,
            refresh: RefreshToken::without_token(client),
            step: Step::Load(Slot::First, None),
            schedule: Schedule::new(spread),
            slots: Slots::new(spread),
            pace: Pace::new(spread),
            facts: Facts::NONE,
            fields: Fields::new(),
            trouble: None,
            token_type: TokenType::Bearer,
            access_tokens: 0,
            used: 0,
            rotates: true,
            unsure: false,
            keeps_id_token: false,
        })
    }

    /// Seconds before its end from which an access token is renewed; 30 unless set, and never more than half its life.
    #[must_use]
    pub fn margin(mut self, seconds: u32) -> Self {
        self.schedule.margin = seconds;
        self
    }

    /// Seconds after which the server forgets a refresh token that nobody uses. The session refreshes before.
    #[must_use]
    pub fn idle_expiry(mut self, seconds: u32) -> Self {
        self.schedule.idle_expiry = seconds;
        self
    }

    /// Seconds over which the first refresh after a restart is spread, for fleets that get power back all at once; 0
    /// unless set.
    #[must_use]
    pub fn start_within(mut self, seconds: u32) -> Self {
        self.schedule.start_within = seconds;
        self
    }

    /// Keeps the ID token of the sign-in, as a hint for signing out, if there is room for it.
    #[must_use]
    pub fn keep_id_token(mut self) -> Self {
        self.keeps_id_token = true;
        self
    }

    /// Asks for access tokens with less than was granted (RFC 6749 §6).
    ///
    /// # Errors
    /// [`Error::Config`] for a value that the client does not ask for at all.
    pub fn narrow(mut self, scope: &'c [&'c str]) -> Result<Self, Error> {
        self.refresh = self.refresh.narrow(scope)?;
        Ok(self)
    }

    /// A user has signed in. Poll to have the session stored; what was stored before is dropped.
    ///
    /// # Errors
    /// [`Error::InputTooLarge`] if the tokens do not fit into `N` octets: there is no session then.
    /// [`Error::Misuse`] before the store was read.
    pub fn sign_in(&mut self, now: Now, tokens: &TokenResponse<'_>) -> Result<(), Error> {
        if matches!(self.step, Step::Load(..)) {
            return Err(Error::Misuse);
        }
        self.end(SignInReason::TooLarge);
        self.keep(tokens).inspect_err(|_| self.fields.wipe())?;
        self.schedule.renewed(now.uptime, tokens.expires_in());
        self.facts.date = date(now);
        self.used = self.facts.date;
        self.step = Step::Held;
        // Without a refresh token there is nothing that a restart could use.
        self.slots.dirty = tokens.refresh_token().is_some();
        Ok(())
    }

    /// The user signs out: tokens are wiped, and the slots erased. To tell the server, give them to a
    /// [`SignOut`](crate::sign_out::SignOut) before.
    pub fn sign_out(&mut self) {
        if !matches!(self.step, Step::Over(_)) {
            self.slots.found(Slot::First);
            self.slots.found(Slot::Second);
            self.end(SignInReason::SignedOut);
        }
    }

    /// An API refused an access token with `invalid_token` (RFC 6750 §3.1), the one with this
    /// [number](AccessToken::number): it is renewed. If it is not the present one, that has happened already.
    ///
    /// # Errors
    /// [`Error::Refused`] if the one before was refused too, less than a minute ago: renewing does not help.
    pub fn rejected(&mut self, now: Now, number: u32) -> Result<(), Error> {
        if self.fields.is_empty(Field::AccessToken) || number != self.access_tokens {
            return Ok(());
        }
        if !self.schedule.reject(now.uptime) {
            return Err(Error::Refused(ErrorCode::InvalidToken));
        }
        self.fields.set(Field::AccessToken, "")
    }

    /// The one thing to do next, written into `out`. Changes nothing.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`] with the length that would do. Before a request goes out, that is at least
    /// [`Session::RECORD`], so that what it brings can be stored. [`Check::ClockNotSet`] if a refresh would bring an ID
    /// token that could not be judged.
    pub fn poll<'b>(&'b self, now: Now, out: &'b mut [u8]) -> Result<Action<'b>, Error> {
        if let Step::Load(slot, _) = self.step {
            return Ok(Action::Load { slot });
        }
        match self.slots.chore(now.uptime) {
            Some(Chore::Erase(slot)) => return Ok(Action::Erase { slot }),
            Some(Chore::Write) => return self.store(Mark::Ready, out),
            None => {}
        }
        match self.step {
            Step::Over(reason) => Ok(Action::SignIn { reason }),
            Step::Alarm(check) => self.revoke(check, now, out),
            _ if self.fields.is_empty(Field::RefreshToken) => Ok(self.poll_without_refresh_token(now)),
            _ => match self.due() {
                Some(due) if now.uptime >= due => self.poll_due(now, out),
                due => Ok(self.idle(now, due)),
            },
        }
    }

    /// Reports what came of the last action. What happened to a request, the session deals with itself.
    ///
    /// # Errors
    /// [`Error::KeysNeeded`]: fetch [`Session::keys`] and hand in the same response with them.
    /// [`Error::BufferTooSmall`] if the answer did not fit; it is asked for again. [`Error::Misuse`] if the event does
    /// not answer the last action.
    pub fn handle(&mut self, now: Now, event: Event<'_>) -> Result<(), Error> {
        match (self.step, event) {
            (Step::Load(slot, reason), Event::Loaded(record)) => {
                self.load(now, slot, reason, record);
                Ok(())
            }
            (Step::Load(slot, reason), Event::NotStored) => {
                // A slot that cannot be read is as good as damaged.
                self.load(now, slot, reason, &[1]);
                Ok(())
            }
            (Step::Load(..), _) | (_, Event::Loaded(_)) => Err(Error::Misuse),
            (_, Event::Stored) => self.stored(now),
            (_, Event::NotStored) => self.not_stored(now),
            (Step::Alarm(check), _) => {
                self.fields.wipe();
                self.step = Step::Over(SignInReason::SecurityAlert(check));
                Ok(())
            }
            (Step::Held, _) if !self.may_be_sent() => Err(Error::Misuse),
            (Step::Held, Event::NotSent) => {
                self.trouble = None;
                self.pace.fail(now.uptime, None);
                Ok(())
            }
            (Step::Held, Event::Timeout) => {
                self.trouble = Some(Error::AnswerLost);
                // At once: servers take the same token again only within a short time.
                if core::mem::replace(&mut self.unsure, true) {
                    self.pace.fail(now.uptime, None);
                }
                Ok(())
            }
            (Step::Held, Event::Response(response)) => self.response(now, response),
            (Step::Over(_), _) => Err(Error::Misuse),
        }
    }

    /// The request for the keys that the ID token in `response` is to be checked with. Its answer is read into the rest
    /// of the buffer, behind `response`.
    ///
    /// # Errors
    /// [`Error::Misuse`] if no key is missing.
    pub fn keys(&self, response: &Response<'_>) -> Result<Request<'_>, Error> {
        if self.step != Step::Held {
            return Err(Error::Misuse);
        }
        keys_request(self.client, response)
    }

    /// The access token, unless it has expired, or its refresh token is still to be stored.
    pub fn access_token(&self, now: Now) -> Option<AccessToken<'_>> {
        let stored = !self.slots.dirty || self.slots.has_failed();
        let usable = self.step == Step::Held && stored && !self.schedule.is_expired(now.uptime);
        let token = self.fields.get(Field::AccessToken);
        (usable && !token.is_empty()).then(|| AccessToken {
            token,
            token_type: self.token_type,
            number: self.access_tokens,
            left: self.schedule.left(now.uptime),
            stale: self.schedule.is_stale(now.uptime),
        })
    }

    /// The scope of the tokens, if the server ever stated it; otherwise it is what was asked for (RFC 6749 §5.1).
    pub fn scope(&self) -> Option<&str> {
        Some(self.fields.get(Field::Scope)).filter(|scope| !scope.is_empty())
    }

    /// `sub` of the user who is signed in.
    pub fn subject(&self) -> Option<&str> {
        Some(self.fields.get(Field::Subject)).filter(|subject| !subject.is_empty())
    }

    /// The ID token of the sign-in, if it was [kept](Session::keep_id_token): the `id_token_hint` for signing out.
    pub fn id_token_hint(&self) -> Option<&str> {
        Some(self.fields.get(Field::Hint)).filter(|token| !token.is_empty())
    }

    /// When the refresh token was issued, if the date was known.
    pub fn issued(&self) -> Option<UnixTime> {
        (self.step == Step::Held && self.facts.date > 0).then(|| UnixTime::from_seconds(self.facts.date))
    }

    /// What went wrong with the last request, if it went wrong.
    pub const fn trouble(&self) -> Option<Error> {
        self.trouble
    }

    /// What the server gave as the reason for its last refusal.
    pub fn refusal(&self) -> Option<Refusal<'_>> {
        Some(self.refresh.last_refusal()).filter(|refusal| !refusal.code().is_empty())
    }

    /// Whether a restart would find the session as it is.
    pub const fn is_stored(&self) -> bool {
        !self.slots.dirty
    }

    /// Whether it is a session of this client.
    pub(crate) fn is_of(&self, client: &Client<'_>) -> bool {
        equal(&fingerprint(self.client, ""), &fingerprint(client, ""))
    }

    /// The refresh token, and the access token if there is one.
    pub(crate) fn tokens(&self) -> (&str, &str) {
        let held = self.step == Step::Held;
        let token = |field| if held { self.fields.get(field) } else { "" };
        (token(Field::RefreshToken), token(Field::AccessToken))
    }

    fn end(&mut self, reason: SignInReason) {
        self.fields.wipe();
        self.slots.drop_all();
        self.pace.reset();
        self.rotates = true;
        self.unsure = false;
        self.slots.unannounced = false;
        self.trouble = None;
        self.step = Step::Over(reason);
    }
}

impl<const N: usize> fmt::Debug for Session<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({:?})", self.step)
    }
}
