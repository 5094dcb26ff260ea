//! Staying signed in: [`keep_fresh`] does what a [`Session`] asks for, [`sign_out()`] ends it.
//!
//! Where several threads need the same session, put it into one `Mutex` together with its store and its transport:
//! the first one refreshes, and the others find what it has brought.

mod file;

use std::{error, fmt, io};

use keyfob_core::{
    error::Error,
    http::Incoming,
    session::{Action, Event, Session, SignInReason, Slot},
    sign_out::{self, Outcome, SignOut},
};

use crate::{
    Clock, behind,
    http::{Http, HttpError},
    moment::Moment,
    send,
};

pub use self::file::FileStore;

/// Where a session survives a loss of power. What it must do is in [`keyfob_core::session`].
pub trait Store {
    /// Reads a slot into `buffer`, and gives the length; 0 if it is empty.
    ///
    /// # Errors
    /// If the slot cannot be read, or is longer than `buffer`.
    fn load(&mut self, slot: Slot, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes a slot, so that a loss of power can do no harm to it.
    ///
    /// # Errors
    /// If the slot may hold something else now.
    fn store(&mut self, slot: Slot, record: &[u8]) -> io::Result<()>;

    /// Erases a slot.
    ///
    /// # Errors
    /// If something may be left of it.
    fn erase(&mut self, slot: Slot) -> io::Result<()>;
}

/// Why there is nothing to go on with.
#[derive(Debug)]
#[non_exhaustive]
pub enum Unavailable {
    /// The server cannot be reached, or is in trouble. Call again then.
    Later {
        /// Milliseconds of the clock's steady count.
        until: u64,
        /// What the server did, if it did something.
        trouble: Option<Error>,
        /// What the network did, if it did something.
        network: Option<HttpError>,
    },
    /// A fault of the program: a buffer that is too small, a clock that is not set.
    Session(Error),
    /// Somebody has to sign in.
    SignIn(SignInReason),
}

/// Does what `session` asks for, until it has a token that is fresh. `Some`: the store has failed; the session is good
/// as long as there is power.
///
/// # Errors
/// [`Unavailable`] says why there is no token.
pub fn keep_fresh<const N: usize>(
    session: &mut Session<'_, N>,
    store: &mut impl Store,
    http: &mut impl Http,
    clock: &mut impl Clock,
    buffer: &mut [u8],
) -> Result<Option<io::Error>, Unavailable> {
    let (mut failed, mut network) = (None, None);
    let (length, mut moment) = (buffer.len(), Moment::default());
    loop {
        let action = match session.poll(moment.of(clock), buffer) {
            Err(Error::SignaturePending) => {
                moment.nap(clock)?;
                continue;
            }
            action => action?,
        };
        moment.pass();
        let event = match action {
            Action::Ready { .. } => return Ok(failed),
            Action::Wait { until } => {
                return Err(Unavailable::Later { until, trouble: session.trouble(), network });
            }
            Action::SignIn { reason } => return Err(Unavailable::SignIn(reason)),
            Action::Load { slot } => match store.load(slot, buffer) {
                Ok(length) => Event::Loaded(buffer.get(..length).unwrap_or_default()),
                Err(error) => not_stored(&mut failed, error),
            },
            Action::Erase { slot } => stored(&mut failed, store.erase(slot)),
            Action::Store { slot, record } => stored(&mut failed, store.store(slot, record)),
            Action::Send(request) => {
                let keep = request.keep();
                let sent = send(http, clock, &request);
                let mut incoming = Incoming::new(keep, buffer);
                match sent.and_then(|()| http.receive(&mut incoming)) {
                    Err(error) => lost(&mut network, error),
                    Ok(()) => {
                        let (response, rest) = incoming.finish();
                        let taken = length.saturating_sub(rest.len());
                        match session.handle(clock.now(), Event::Response(response)) {
                            Err(Error::KeysNeeded) => {}
                            outcome => {
                                outcome?;
                                continue;
                            }
                        }
                        // Whoever cannot judge the answer has lost it.
                        let request = session.keys(&response)?;
                        let keep = request.keep();
                        let sent = send(http, clock, &request);
                        let mut incoming = Incoming::new(keep, rest);
                        match sent.and_then(|()| http.receive(&mut incoming)) {
                            Err(error) => {
                                network = Some(error);
                                Event::Timeout
                            }
                            Ok(()) => match incoming.finish().0.keys() {
                                Ok(keys) => Event::Response(response.with_keys(keys)),
                                Err(error) => {
                                    session.handle(clock.now(), Event::Timeout)?;
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
        session.handle(clock.now(), event)?;
    }
}

/// Signs the user out: notes in `owed` what the server is to be told, erases the session, and tells the server. `all`:
/// of every token, not only of the one that ends the others at most servers.
///
/// # Errors
/// [`Unavailable::Later`]: the user is signed out, and the server does not know yet; call [`tell`] then.
pub fn sign_out<const N: usize, const M: usize>(
    session: &mut Session<'_, N>,
    owed: &mut SignOut<'_, M>,
    all: bool,
    store: &mut impl Store,
    http: &mut impl Http,
    clock: &mut impl Clock,
    buffer: &mut [u8],
) -> Result<Outcome, Unavailable> {
    load(session, owed, store, clock, buffer)?;
    // A token without room there is left to expire.
    let _ = owed.owe(session, all);
    loop {
        let event = match owed.poll(clock.now(), buffer) {
            Ok(sign_out::Action::Store { slot, record }) => stored(&mut None, store.store(slot, record)),
            // All is noted, and the first request is being signed.
            Ok(_) | Err(Error::SignaturePending) => break,
            Err(error) => return Err(error.into()),
        };
        owed.handle(clock.now(), event)?;
    }
    session.sign_out();
    tell(session, owed, store, http, clock, buffer)
}

/// Tells the server what it is still to be told. Call it once after a start, before [`keep_fresh`]: a sign-out that a
/// loss of power has cut short is brought to its end.
///
/// # Errors
/// [`Unavailable::Later`] says when to call again.
pub fn tell<const N: usize, const M: usize>(
    session: &mut Session<'_, N>,
    owed: &mut SignOut<'_, M>,
    store: &mut impl Store,
    http: &mut impl Http,
    clock: &mut impl Clock,
    buffer: &mut [u8],
) -> Result<Outcome, Unavailable> {
    load(session, owed, store, clock, buffer)?;
    if owed.owes(session) {
        session.sign_out();
    }
    let (mut failed, mut network, mut moment) = (None, None, Moment::default());
    while let Ok(Action::Erase { slot }) = session.poll(clock.now(), buffer) {
        let event = stored(&mut failed, store.erase(slot));
        session.handle(clock.now(), event)?;
    }
    loop {
        let action = match owed.poll(moment.of(clock), buffer) {
            Err(Error::SignaturePending) => {
                moment.nap(clock)?;
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
            sign_out::Action::Erase { slot } => stored(&mut failed, store.erase(slot)),
            sign_out::Action::Store { slot, record } => stored(&mut failed, store.store(slot, record)),
            sign_out::Action::Send(request) => {
                let keep = request.keep();
                let sent = send(http, clock, &request);
                let mut incoming = Incoming::new(keep, buffer);
                match sent.and_then(|()| http.receive(&mut incoming)) {
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
fn load<const N: usize, const M: usize>(
    session: &mut Session<'_, N>,
    owed: &mut SignOut<'_, M>,
    store: &mut impl Store,
    clock: &mut impl Clock,
    buffer: &mut [u8],
) -> Result<(), Unavailable> {
    while let Ok(Action::Load { slot }) = session.poll(clock.now(), buffer) {
        let event = loaded(store.load(slot, buffer), buffer);
        session.handle(clock.now(), event)?;
    }
    while let Ok(sign_out::Action::Load { slot }) = owed.poll(clock.now(), buffer) {
        let event = loaded(store.load(slot, buffer), buffer);
        owed.handle(clock.now(), event)?;
    }
    Ok(())
}

fn loaded(length: io::Result<usize>, buffer: &[u8]) -> Event<'_> {
    length.map_or(Event::NotStored, |length| Event::Loaded(buffer.get(..length).unwrap_or_default()))
}

fn stored(failed: &mut Option<io::Error>, outcome: io::Result<()>) -> Event<'static> {
    outcome.map_or_else(|error| not_stored(failed, error), |()| Event::Stored)
}

fn not_stored(failed: &mut Option<io::Error>, error: io::Error) -> Event<'static> {
    *failed = Some(error);
    Event::NotStored
}

fn lost(network: &mut Option<HttpError>, error: HttpError) -> Event<'static> {
    let event = if error.maybe_sent() { Event::Timeout } else { Event::NotSent };
    *network = Some(error);
    event
}

impl fmt::Display for Unavailable {
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

impl error::Error for Unavailable {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Later { network: Some(network), .. } => Some(network),
            Self::Later { trouble: Some(trouble), .. } => Some(trouble),
            Self::Session(error) => Some(error),
            _ => None,
        }
    }
}

impl From<Error> for Unavailable {
    fn from(error: Error) -> Self {
        Self::Session(error)
    }
}
