//! Staying signed in: [`keep_fresh`] does what a [`Session`] asks for, [`sign_out()`] ends it.
//!
//! Where several tasks need the same session, put it into one `Mutex` of embassy's together with its store and its
//! transport: the first one refreshes, and the others find what it has brought.

use core::{error, fmt};

use keyfob_core::{
    error::Error,
    http::Incoming,
    session::{Action, Event, Session, SignInReason, Slot},
    sign_out::{self, Outcome, SignOut},
    time::Now,
};

use crate::{
    Clock, behind,
    http::{Http, HttpError},
    moment::Moment,
    send,
};

/// Where a session survives a loss of power. What it must do is in [`keyfob_core::session`].
#[expect(async_fn_in_trait, reason = "embassy's executors do not move tasks to other threads")]
pub trait Store {
    /// What the flash below reports.
    type Error: fmt::Debug;

    /// Reads a slot into `buffer`, and gives the length; 0 if it is empty.
    ///
    /// # Errors
    /// If the slot cannot be read, or is longer than `buffer`.
    async fn load(&mut self, slot: Slot, buffer: &mut [u8]) -> Result<usize, Self::Error>;

    /// Writes a slot, so that a loss of power can do no harm to it.
    ///
    /// # Errors
    /// If the slot may hold something else now.
    async fn store(&mut self, slot: Slot, record: &[u8]) -> Result<(), Self::Error>;

    /// Erases a slot.
    ///
    /// # Errors
    /// If something may be left of it.
    async fn erase(&mut self, slot: Slot) -> Result<(), Self::Error>;
}

/// Why there is nothing to go on with. `E` is what the network below reports.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Unavailable<E> {
    /// The server cannot be reached, or is in trouble. Call again then.
    Later {
        /// Milliseconds of the clock's steady count.
        until: u64,
        /// What the server did, if it did something.
        trouble: Option<Error>,
        /// What the network did, if it did something.
        network: Option<HttpError<E>>,
    },
    /// A fault of the program: a buffer that is too small, a clock that is not set.
    Session(Error),
    /// Somebody has to sign in.
    SignIn(SignInReason),
}

/// Does what `session` asks for, until it has a token that is fresh. `Some`: the store has failed; the session is good
/// as long as there is power.
///
/// The future can be dropped at any time. If a request was on its way then, the session takes its answer for lost, and
/// asks for it again.
///
/// # Errors
/// [`Unavailable`] says why there is no token.
pub async fn keep_fresh<const N: usize, S: Store, H: Http>(
    session: &mut Session<'_, N>,
    store: &mut S,
    http: &mut H,
    clock: &mut impl Clock,
    buffer: &mut [u8],
) -> Result<Option<S::Error>, Unavailable<H::Error>> {
    let (mut failed, mut network) = (None, None);
    let mut underway = Underway { session, since: None };
    let (length, mut moment) = (buffer.len(), Moment::default());
    loop {
        let action = match underway.session.poll(moment.of(clock), buffer) {
            Err(Error::SignaturePending) => {
                moment.nap(clock).await?;
                continue;
            }
            action => action?,
        };
        moment.pass();
        let event = match action {
            Action::Ready { .. } => return Ok(failed),
            Action::Wait { until } => {
                return Err(Unavailable::Later { until, trouble: underway.session.trouble(), network });
            }
            Action::SignIn { reason } => return Err(Unavailable::SignIn(reason)),
            Action::Load { slot } => match store.load(slot, buffer).await {
                Ok(length) => Event::Loaded(buffer.get(..length).unwrap_or_default()),
                Err(error) => not_stored(&mut failed, error),
            },
            Action::Erase { slot } => stored(&mut failed, store.erase(slot).await),
            Action::Store { slot, record } => stored(&mut failed, store.store(slot, record).await),
            Action::Send(request) => {
                let keep = request.keep();
                underway.since = Some(clock.now());
                let sent = send(http, clock, &request).await;
                let mut incoming = Incoming::new(keep, buffer);
                match receive(sent, http, &mut incoming).await {
                    Err(error) => lost(&mut network, error),
                    Ok(()) => {
                        let (response, rest) = incoming.finish();
                        if let Some(date) = response.date() {
                            clock.observe(date);
                        }
                        let taken = length.saturating_sub(rest.len());
                        match underway.session.handle(clock.now(), Event::Response(response)) {
                            Err(Error::KeysNeeded) => {}
                            outcome => {
                                underway.since = None;
                                outcome?;
                                continue;
                            }
                        }
                        // Whoever cannot judge the answer has lost it.
                        let request = underway.session.keys(&response)?;
                        let keep = request.keep();
                        let sent = send(http, clock, &request).await;
                        let mut incoming = Incoming::new(keep, rest);
                        match receive(sent, http, &mut incoming).await {
                            Err(error) => {
                                network = Some(error);
                                Event::Timeout
                            }
                            Ok(()) => match incoming.finish().0.keys() {
                                Ok(keys) => Event::Response(response.with_keys(keys)),
                                Err(error) => {
                                    underway.since = None;
                                    underway.session.handle(clock.now(), Event::Timeout)?;
                                    match behind(taken, error) {
                                        error @ Error::BufferTooSmall { .. } => return Err(error.into()),
                                        _ => continue,
                                    }
                                }
                            },
                        }
                    }
                }
            }
            _ => return Err(Error::Misuse.into()),
        };
        underway.since = None;
        underway.session.handle(clock.now(), event)?;
    }
}

/// A session, and whether a request of it is on its way.
struct Underway<'s, 'c, const N: usize> {
    session: &'s mut Session<'c, N>,
    since: Option<Now>,
}

impl<const N: usize> Drop for Underway<'_, '_, N> {
    fn drop(&mut self) {
        if let Some(since) = self.since {
            // Nobody is left to tell.
            let _ = self.session.handle(since, Event::Timeout);
        }
    }
}

/// Signs the user out: notes in `owed` what the server is to be told, erases the session, and tells the server. `all`:
/// of every token, not only of the one that ends the others at most servers.
///
/// # Errors
/// [`Unavailable::Later`]: the user is signed out, and the server does not know yet; call [`tell`] then.
pub async fn sign_out<const N: usize, const M: usize, H: Http>(
    session: &mut Session<'_, N>,
    owed: &mut SignOut<'_, M>,
    all: bool,
    store: &mut impl Store,
    http: &mut H,
    clock: &mut impl Clock,
    buffer: &mut [u8],
) -> Result<Outcome, Unavailable<H::Error>> {
    load(session, owed, store, clock, buffer).await?;
    // A token without room there is left to expire.
    let _ = owed.owe(session, all);
    loop {
        let event = match owed.poll(clock.now(), buffer) {
            Ok(sign_out::Action::Store { slot, record }) => {
                stored(&mut None, store.store(slot, record).await)
            }
            // All is noted, and the first request is being signed.
            Ok(_) | Err(Error::SignaturePending) => break,
            Err(error) => return Err(error.into()),
        };
        owed.handle(clock.now(), event)?;
    }
    session.sign_out();
    tell(session, owed, store, http, clock, buffer).await
}

/// Tells the server what it is still to be told. Call it once after a start, before [`keep_fresh`]: a sign-out that a
/// loss of power has cut short is brought to its end.
///
/// # Errors
/// [`Unavailable::Later`] says when to call again.
pub async fn tell<const N: usize, const M: usize, H: Http>(
    session: &mut Session<'_, N>,
    owed: &mut SignOut<'_, M>,
    store: &mut impl Store,
    http: &mut H,
    clock: &mut impl Clock,
    buffer: &mut [u8],
) -> Result<Outcome, Unavailable<H::Error>> {
    load(session, owed, store, clock, buffer).await?;
    if owed.owes(session) {
        session.sign_out();
    }
    let (mut failed, mut network, mut moment) = (None, None, Moment::default());
    while let Ok(Action::Erase { slot }) = session.poll(clock.now(), buffer) {
        let event = stored(&mut failed, store.erase(slot).await);
        session.handle(clock.now(), event)?;
    }
    loop {
        let action = match owed.poll(moment.of(clock), buffer) {
            Err(Error::SignaturePending) => {
                moment.nap(clock).await?;
                continue;
            }
            action => action?,
        };
        moment.pass();
        let event = match action {
            sign_out::Action::Done(outcome) => return Ok(outcome),
            sign_out::Action::Wait { until } => {
                return Err(Unavailable::Later { until, trouble: None, network });
            }
            sign_out::Action::Erase { slot } => stored(&mut failed, store.erase(slot).await),
            sign_out::Action::Store { slot, record } => stored(&mut failed, store.store(slot, record).await),
            sign_out::Action::Send(request) => {
                let keep = request.keep();
                let sent = send(http, clock, &request).await;
                let mut incoming = Incoming::new(keep, buffer);
                match receive(sent, http, &mut incoming).await {
                    Err(error) => lost(&mut network, error),
                    Ok(()) => Event::Response(incoming.finish().0),
                }
            }
            _ => return Err(Error::Misuse.into()),
        };
        owed.handle(clock.now(), event)?;
    }
}

/// Reads all slots, if that was not done yet.
async fn load<const N: usize, const M: usize, E>(
    session: &mut Session<'_, N>,
    owed: &mut SignOut<'_, M>,
    store: &mut impl Store,
    clock: &mut impl Clock,
    buffer: &mut [u8],
) -> Result<(), Unavailable<E>> {
    while let Ok(Action::Load { slot }) = session.poll(clock.now(), buffer) {
        let event = loaded(store.load(slot, buffer).await, buffer);
        session.handle(clock.now(), event)?;
    }
    while let Ok(sign_out::Action::Load { slot }) = owed.poll(clock.now(), buffer) {
        let event = loaded(store.load(slot, buffer).await, buffer);
        owed.handle(clock.now(), event)?;
    }
    Ok(())
}

/// Receives the answer to a request that was sent.
async fn receive<H: Http>(
    sent: Result<(), HttpError<H::Error>>,
    http: &mut H,
    incoming: &mut Incoming<'_>,
) -> Result<(), HttpError<H::Error>> {
    sent?;
    http.receive(incoming).await
}

fn loaded<E>(length: Result<usize, E>, buffer: &[u8]) -> Event<'_> {
    length.map_or(Event::NotStored, |length| Event::Loaded(buffer.get(..length).unwrap_or_default()))
}

fn stored<E>(failed: &mut Option<E>, outcome: Result<(), E>) -> Event<'static> {
    outcome.map_or_else(|error| not_stored(failed, error), |()| Event::Stored)
}

fn not_stored<E>(failed: &mut Option<E>, error: E) -> Event<'static> {
    *failed = Some(error);
    Event::NotStored
}

fn lost<E>(network: &mut Option<HttpError<E>>, error: HttpError<E>) -> Event<'static> {
    let event = if error.maybe_sent() { Event::Timeout } else { Event::NotSent };
    *network = Some(error);
    event
}

impl<E> fmt::Display for Unavailable<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Later { network: Some(network), .. } => network.fmt(f),
            Self::Later { trouble: Some(trouble), .. } => trouble.fmt(f),
            Self::Later { .. } => f.write_str("the server was asked a moment ago"),
            Self::Session(error) => error.fmt(f),
            Self::SignIn(reason) => write!(f, "somebody has to sign in: {reason:?}"),
        }
    }
}

impl<E: error::Error + 'static> error::Error for Unavailable<E> {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Later { network: Some(network), .. } => Some(network),
            Self::Later { trouble: Some(trouble), .. } => Some(trouble),
            Self::Session(error) => Some(error),
            _ => None,
        }
    }
}

impl<E> From<Error> for Unavailable<E> {
    fn from(error: Error) -> Self {
        Self::Session(error)
    }
}
