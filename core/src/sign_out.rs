//! Signing out: what the server is still to be told, kept until it was told (RFC 7009).

use core::fmt;

use zeroize::Zeroize;

use crate::{
    client::Client,
    encoding::text,
    error::{Check, Error, Name, Remedy},
    exchange::revocation_request,
    http::{Request, Response},
    memory::{Kind, Saved, Snapshot},
    pace::{Pace, Spread},
    secret::{Seed, equal},
    session::{Event, Session, Slot},
    time::Now,
};

/// Takes back the tokens of users who have signed out, now or when the network comes back.
///
/// The session itself is gone at once: give its tokens to [`owe`](SignOut::owe), poll until they are stored, then
/// [`Session::sign_out`]. From then on no loss of power and no server can bring it back. What is owed lies in a slot of
/// its own, as a record like those of a session.
///
/// At the most [`SignOut::MOST`] tokens are owed; then the oldest is forgotten, and left to expire.
///
/// `N` is room for these tokens, in octets.
pub struct SignOut<'c, const N: usize = 4096> {
    client: &'c Client<'c>,
    /// For each token: whether it is a refresh token, its length in two octets, and the token.
    owed: [u8; N],
    length: usize,
    step: Step,
    /// The slot does not hold what is owed now.
    dirty: bool,
    stored: bool,
    pace: Pace,
    deadline: Option<u64>,
    outcome: Outcome,
}

/// The one thing to do next.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Action<'b> {
    /// Nothing is owed.
    Done(Outcome),
    /// Erase this slot; then [`Event::Stored`] or [`Event::NotStored`].
    Erase {
        /// [`Slot::SignOut`].
        slot: Slot,
    },
    /// Read this slot; then [`Event::Loaded`] or [`Event::NotStored`].
    Load {
        /// [`Slot::SignOut`].
        slot: Slot,
    },
    /// Send this request to the server; then [`Event::Response`], [`Event::NotSent`] or [`Event::Timeout`].
    Send(Request<'b>),
    /// Write this record, for good; then [`Event::Stored`] or [`Event::NotStored`].
    Store {
        /// [`Slot::SignOut`].
        slot: Slot,
        /// The record. It is a secret.
        record: &'b [u8],
    },
    /// The server was out of reach. Poll again then.
    Wait {
        /// Milliseconds of uptime.
        until: u64,
    },
}

/// What became of the tokens at the server. On the device they are gone in any case.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// The time for it was over; the tokens live until they expire.
    GaveUp,
    /// The server takes no tokens back: they live until they expire.
    LocalOnly,
    /// There were no tokens.
    Nothing,
    /// The server does not take a token back, for this reason.
    Refused(Error),
    /// The server has taken all of them back.
    Revoked,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Step {
    Load,
    Settle,
}

/// Milliseconds for a factory reset to reach the server.
const FACTORY_RESET: u64 = 5_000;

const ACCESS_TOKEN: u8 = 0;
const REFRESH_TOKEN: u8 = 1;

impl<'c, const N: usize> SignOut<'c, N> {
    /// Tokens that are owed at the most.
    pub const MOST: usize = 4;

    /// A list that has not looked into its slot yet.
    ///
    /// # Errors
    /// [`Error::Config`] for a setting that is not allowed.
    pub fn new(client: &'c Client<'c>, seed: &Seed) -> Result<Self, Error> {
        client.check()?;
        Ok(Self {
            client,
            owed: [0; N],
            length: 0,
            step: Step::Load,
            dirty: false,
            stored: false,
            pace: Pace::new(Spread::of(seed)),
            deadline: None,
            outcome: Outcome::Nothing,
        })
    }

    /// Notes the refresh token of `session`, which ends its access tokens too at most servers; and the access token
    /// behind it, if `access_token`. Without a refresh token it is noted in any case. A token that is noted already
    /// changes nothing.
    ///
    /// # Errors
    /// [`Error::InputTooLarge`] if a token is longer than the room for all of them: it is left to expire.
    /// [`Error::Misuse`] if the session is of another client, or the slot was not read.
    pub fn owe<const M: usize>(&mut self, session: &Session<'_, M>, access_token: bool) -> Result<(), Error> {
        if self.step == Step::Load || !session.is_of(self.client) {
            return Err(Error::Misuse);
        }
        let (refresh, access) = session.tokens();
        self.outcome = match self.client.metadata.revocation_endpoint {
            _ if refresh.is_empty() && access.is_empty() => Outcome::Nothing,
            None => Outcome::LocalOnly,
            Some(_) => Outcome::Revoked,
        };
        if self.outcome != Outcome::Revoked {
            return Ok(());
        }
        self.pace.reset();
        let mut outcome = Ok(());
        if !refresh.is_empty() {
            outcome = self.push(REFRESH_TOKEN, refresh, Name::RefreshToken);
        }
        if !access.is_empty() && (access_token || refresh.is_empty()) {
            outcome = outcome.and(self.push(ACCESS_TOKEN, access, Name::AccessToken));
        }
        outcome
    }

    /// Whether the tokens of this session are owed already: power was lost before the session was erased, and it is to
    /// be [signed out](Session::sign_out).
    pub fn owes<const M: usize>(&self, session: &Session<'_, M>) -> bool {
        let (refresh, access) = session.tokens();
        let token = if refresh.is_empty() { access } else { refresh };
        !token.is_empty() && self.entries().any(|entry| equal(entry.token.as_bytes(), token.as_bytes()))
    }

    /// Tries for five seconds from `now`, and forgets what is owed then: the device changes hands.
    pub fn factory_reset(&mut self, now: Now) {
        self.deadline = Some(now.uptime.saturating_add(FACTORY_RESET));
    }

    /// Tokens that are owed.
    pub fn len(&self) -> usize {
        text::count(self.entries())
    }

    /// Whether no token is owed.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The one thing to do next, written into `out`. Changes nothing.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`] with the length that would do.
    pub fn poll<'b>(&'b self, now: Now, out: &'b mut [u8]) -> Result<Action<'b>, Error> {
        let slot = Slot::SignOut;
        if self.step == Step::Load {
            return Ok(Action::Load { slot });
        }
        if self.is_over_time(now) {
            return Ok(if self.stored {
                Action::Erase { slot }
            } else {
                Action::Done(if self.is_empty() { self.outcome } else { Outcome::GaveUp })
            });
        }
        let Some(first) = self.entries().next() else {
            return Ok(if self.stored { Action::Erase { slot } } else { Action::Done(self.outcome) });
        };
        if self.dirty {
            let memory = Saved { text: self.written(), nonce: &[], challenged: false };
            let snapshot = Snapshot { step: 0, left: 0, seed: &[0; Seed::LENGTH], memory };
            let length = snapshot.write(Kind::SignOut, self.client, out)?;
            return Ok(Action::Store { slot, record: out.get(..length).unwrap_or_default() });
        }
        if !self.pace.is_over(now.uptime) {
            let until =
                self.deadline.map_or(self.pace.until(), |end| end.saturating_add(1).min(self.pace.until()));
            return Ok(Action::Wait { until });
        }
        revocation_request(self.client, first.token, first.hint(), now, out).map(Action::Send)
    }

    /// Reports what came of the last action.
    ///
    /// # Errors
    /// [`Error::Misuse`] if the event does not answer the last action.
    pub fn handle(&mut self, now: Now, event: Event<'_>) -> Result<(), Error> {
        match (self.step, event) {
            (Step::Load, Event::Loaded(record)) => self.load(record),
            (Step::Load, Event::NotStored) => self.step = Step::Settle,
            (Step::Load, _) | (_, Event::Loaded(_)) => return Err(Error::Misuse),
            (_, Event::Stored | Event::NotStored) if self.is_over_time(now) || self.is_empty() => {
                self.stored = false;
                self.dirty = false;
                if !self.is_empty() {
                    self.outcome = Outcome::GaveUp;
                    self.wipe();
                }
            }
            (_, Event::Stored) if self.dirty => {
                self.dirty = false;
                self.stored = true;
            }
            // What is owed is known as long as there is power.
            (_, Event::NotStored) if self.dirty => self.dirty = false,
            (_, Event::Stored | Event::NotStored) => return Err(Error::Misuse),
            _ if self.is_empty() => return Err(Error::Misuse),
            (_, Event::NotSent | Event::Timeout) => self.pace.fail(now.uptime, None),
            (_, Event::Response(response)) => self.response(now, &response),
        }
        Ok(())
    }

    fn response(&mut self, now: Now, response: &Response<'_>) {
        let outcome = response.acknowledged();
        match outcome {
            // The token still lives (RFC 7009 §2.2.1).
            Err(error) if may_pass(error) => return self.pace.fail(now.uptime, response.retry_after()),
            Err(error) => self.outcome = Outcome::Refused(error),
            Ok(()) => {}
        }
        self.pace.reset();
        self.remove_first();
    }

    fn load(&mut self, record: &[u8]) {
        self.step = Step::Settle;
        self.stored = record.iter().any(|&octet| octet != 0 && octet != 0xFF);
        // What is damaged, or of another client, can serve nobody.
        if let Ok(snapshot) = Snapshot::read(record, Kind::SignOut, self.client)
            && snapshot.memory.text.len() <= N
        {
            text::put(&mut self.owed, 0, snapshot.memory.text);
            self.length = snapshot.memory.text.len();
            self.outcome = Outcome::Revoked;
        }
    }

    fn push(&mut self, kind: u8, token: &str, name: Name) -> Result<(), Error> {
        if self.entries().any(|entry| equal(entry.token.as_bytes(), token.as_bytes())) {
            return Ok(());
        }
        let needed = token.len().saturating_add(HEAD);
        let Some(length) = u16::try_from(token.len()).ok().filter(|_| needed <= N) else {
            return Err(Error::InputTooLarge(name));
        };
        while self.len() >= Self::MOST || self.length.saturating_add(needed) > N {
            self.remove_first();
        }
        let [low, high] = length.to_le_bytes();
        text::put(&mut self.owed, self.length, &[kind, low, high]);
        text::put(&mut self.owed, self.length.saturating_add(HEAD), token.as_bytes());
        self.length = self.length.saturating_add(needed);
        self.dirty = true;
        Ok(())
    }

    fn remove_first(&mut self) {
        let first = self.entries().next().map_or(N, |entry| entry.token.len().saturating_add(HEAD));
        let rest = self.length.saturating_sub(first);
        for place in 0..rest {
            let octet = self.owed.get(place.saturating_add(first)).copied().unwrap_or_default();
            self.owed.iter_mut().skip(place).take(1).for_each(|place| *place = octet);
        }
        self.length = rest;
        self.owed.get_mut(rest..).unwrap_or_default().zeroize();
        self.dirty = true;
    }

    fn wipe(&mut self) {
        self.owed.zeroize();
        self.length = 0;
    }

    fn written(&self) -> &[u8] {
        self.owed.get(..self.length).unwrap_or_default()
    }

    fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let mut rest = self.written();
        core::iter::from_fn(move || {
            let ([kind, low, high], behind) = rest.split_first_chunk::<HEAD>()?;
            let length = usize::from(u16::from_le_bytes([*low, *high]));
            let (token, behind) = behind.split_at_checked(length)?;
            rest = behind;
            Some(Entry { kind: *kind, token: core::str::from_utf8(token).ok()? })
        })
    }

    fn is_over_time(&self, now: Now) -> bool {
        self.deadline.is_some_and(|deadline| now.uptime > deadline)
    }
}

/// Octets before a token.
const HEAD: usize = 3;

/// A token that is owed.
struct Entry<'s> {
    kind: u8,
    token: &'s str,
}

impl Entry<'_> {
    const fn hint(&self) -> &'static str {
        if self.kind == ACCESS_TOKEN { "access_token" } else { "refresh_token" }
    }
}

/// Whether the same request may succeed later.
fn may_pass(error: Error) -> bool {
    matches!(error, Error::Check(Check::HttpRedirect)) || error.remedy() == Remedy::RetryLater
}

impl<const N: usize> Drop for SignOut<'_, N> {
    fn drop(&mut self) {
        self.wipe();
    }
}

impl fmt::Debug for Action<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done(outcome) => write!(f, "Done({outcome:?})"),
            Self::Erase { slot } => write!(f, "Erase({slot:?})"),
            Self::Load { slot } => write!(f, "Load({slot:?})"),
            Self::Send(request) => write!(f, "Send({request:?})"),
            Self::Store { slot, .. } => write!(f, "Store({slot:?})"),
            Self::Wait { until } => write!(f, "Wait({until})"),
        }
    }
}

impl<const N: usize> fmt::Debug for SignOut<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignOut({})", self.len())
    }
}
