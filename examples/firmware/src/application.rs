//! What the device does: it waits for somebody to sign in, keeps them signed in through every loss of power, and
//! signs them out.

use embassy_futures::select::{Either, select};
use embassy_time::{Duration, Timer};
use keyfob_core::{
    client::Client,
    error::Error,
    exchange::UserInfo,
    jws::{Es256, Rs256},
    plan::Plan,
    session::{Action, Session},
    sign_out::{Outcome, SignOut},
};
use keyfob_embassy::{
    Clock, SystemClock, fetch,
    http::Http,
    session::{Store, Unavailable, keep_fresh, sign_out, tell},
};

#[cfg(feature = "portal")]
use crate::portal::Pages;
use crate::{
    board,
    meter::connections,
    say, seed,
    settings::{Room, Settings},
    ways,
};

/// Octets for tokens, and for what the server is still to be told.
pub const TOKENS: usize = 1024;

/// Octets of what is stored of them.
pub const RECORD: usize = Session::<TOKENS>::RECORD;

/// Octets for requests and answers, which lie there in turn.
const BUFFER: usize = 4096;

/// Octets in which the QR code of an address is made.
pub const PICTURE: usize = 560;

/// Octets for the server's addresses.
const METADATA: usize = 1024;

/// Between two tries to reach the server.
const AGAIN: Duration = Duration::from_secs(5);

/// Milliseconds that are slept at least, and at the most.
const SHORTEST: u64 = 100;
const LONGEST: u64 = 24 * 3600 * 1000;

/// What needs a place for as long as the device runs.
pub struct Memory {
    /// For the settings.
    pub settings: Room,
    /// For the application.
    pub buffers: Buffers,
}

/// For requests and answers, and for what the server says of itself.
pub struct Buffers {
    work: [u8; BUFFER],
    metadata: [u8; METADATA],
}

impl Memory {
    /// Empty.
    pub const fn new() -> Self {
        Self { settings: Room::new(), buffers: Buffers { work: [0; BUFFER], metadata: [0; METADATA] } }
    }
}

/// A place for a sign-in that is under way, beside the session's.
pub trait Underway {
    /// Reads it into `buffer`, and gives the length; 0 if there is none.
    async fn load(&mut self, buffer: &mut [u8]) -> usize;

    /// Writes it. If that fails, a loss of power costs the user a new code.
    async fn store(&mut self, snapshot: &[u8]);

    /// Removes it.
    async fn clear(&mut self);
}

/// Does everything, for ever.
pub async fn run(
    settings: &Settings<'_>,
    http: &mut impl Http,
    store: &mut impl Store,
    notes: &mut impl Underway,
    mut clock: SystemClock,
    buffers: &mut Buffers,
    #[cfg(feature = "portal")] pages: &mut Pages,
) -> ! {
    let discovery = settings.discovery().expect("issuer=… is the address of a server");
    loop {
        say!("Asking {} for its addresses.", settings.issuer);
        match fetch(&discovery, http, &mut clock, &mut buffers.metadata).await {
            Ok(metadata) => {
                let client = Client::new(metadata, settings.client_id)
                    .scope(&["openid", "profile", "offline_access"])
                    .algorithms(&[&Rs256, &Es256]);
                let plan = Plan::new(client.metadata(), ways::abilities(settings).as_ref());
                let buffer = &mut buffers.work;
                let mut device = Device {
                    client: &client,
                    plan,
                    http,
                    store,
                    notes,
                    clock,
                    buffer,
                    #[cfg(feature = "portal")]
                    pages,
                    #[cfg(feature = "mdns")]
                    name: settings.name,
                    #[cfg(feature = "relay")]
                    relay: settings.relay,
                };
                match device.serve().await {
                    Ok(never) => match never {},
                    Err(error) => panic!("the firmware is wrong: {error}"),
                }
            }
            Err(failure) => say!("No answer: {failure}."),
        }
        Timer::after(AGAIN).await;
    }
}

/// Nothing is of this type.
enum Never {}

/// What the device works with.
pub struct Device<'d, H, S, U> {
    pub client: &'d Client<'d>,
    pub plan: Plan,
    pub http: &'d mut H,
    pub store: &'d mut S,
    pub notes: &'d mut U,
    pub clock: SystemClock,
    pub buffer: &'d mut [u8],
    #[cfg(feature = "portal")]
    pub pages: &'d mut Pages,
    #[cfg(feature = "mdns")]
    pub name: &'d str,
    #[cfg(feature = "relay")]
    pub relay: Option<(&'d str, &'d str, &'d str)>,
}

impl<H: Http, S: Store, U: Underway> Device<'_, H, S, U> {
    async fn serve(&mut self) -> Result<Never, Error> {
        let mut session = Session::<TOKENS>::new(self.client, &seed())?;
        let mut owed = SignOut::<TOKENS>::new(self.client, &seed())?;
        let mut greeted = false;
        let mut tell_at = Some(0);
        loop {
            if tell_at.is_some_and(|at| at <= self.clock.now().uptime) {
                let outcome =
                    tell(&mut session, &mut owed, self.store, self.http, &mut self.clock, self.buffer).await;
                tell_at = told(outcome)?;
            }
            let outcome = keep_fresh(&mut session, self.store, self.http, &mut self.clock, self.buffer).await;
            match outcome {
                Ok(failed) => {
                    if failed.is_some() {
                        say!("The flash has failed: the session lasts as long as there is power.");
                    }
                    // What led here is used up.
                    self.notes.clear().await;
                    if !greeted {
                        greeted = self.greet(&session).await;
                    }
                    match self.wait(&session, tell_at).await {
                        Some(b'r') => self.refresh(&mut session),
                        Some(b'u') => greeted = false,
                        Some(b's') => self.figures(),
                        Some(b'o') => {
                            say!("Signing out.");
                            tell_at = self.sign_out(&mut session, &mut owed, false).await?;
                            greeted = false;
                        }
                        _ => {}
                    }
                }
                Err(Unavailable::SignIn(reason)) => {
                    if !self.sign_in(&mut session, reason, tell_at).await? {
                        tell_at = self.sign_out(&mut session, &mut owed, true).await?;
                    }
                }
                Err(Unavailable::Later { until, trouble, network }) => {
                    match (trouble, network) {
                        (_, Some(network)) => say!("Later: {network}."),
                        (Some(trouble), _) => say!("Later: {trouble}."),
                        _ => {}
                    }
                    self.sleep_until(until).await;
                }
                Err(Unavailable::Session(error)) => return Err(error),
                Err(_) => self.sleep_until(0).await,
            }
        }
    }

    /// Forgets the user, and has the server forget them: their last token, or `all`.
    async fn sign_out(
        &mut self,
        session: &mut Session<'_, TOKENS>,
        owed: &mut SignOut<'_, TOKENS>,
        all: bool,
    ) -> Result<Option<u64>, Error> {
        let outcome = sign_out(session, owed, all, self.store, self.http, &mut self.clock, self.buffer);
        told(outcome.await)
    }

    /// Says who is signed in, if the server tells.
    async fn greet(&mut self, session: &Session<'_, TOKENS>) -> bool {
        let Some(token) = session.access_token(self.clock.now()) else { return false };
        let subject = session.subject().unwrap_or_default();
        let exchange = UserInfo::new(self.client, token.expose(), subject);
        match fetch(&exchange, self.http, &mut self.clock, self.buffer).await {
            Ok(claims) => {
                let mut name = [0; 128];
                let name = claims.text("name", &mut name).ok().flatten().unwrap_or("no name");
                say!(
                    "Signed in as {subject}: {name}. r refreshes, u asks who it is, o signs out, s shows figures."
                );
                true
            }
            Err(failure) => {
                say!("Signed in as {subject}; the server does not say more: {failure}.");
                true
            }
        }
    }

    /// Has the access token renewed, as if an API had refused it.
    fn refresh(&mut self, session: &mut Session<'_, TOKENS>) {
        let now = self.clock.now();
        let Some(token) = session.access_token(now) else { return };
        let number = token.number();
        say!("Refreshing.");
        if let Err(error) = session.rejected(now, number) {
            say!("Not so soon: {error}.");
        }
    }

    /// Waits for a key, until there is something else to do.
    pub async fn wait(&mut self, session: &Session<'_, TOKENS>, tell_at: Option<u64>) -> Option<u8> {
        let ready = match session.poll(self.clock.now(), self.buffer) {
            Ok(Action::Ready { until }) => until,
            _ => None,
        };
        let until = ready.into_iter().chain(tell_at).min().unwrap_or(u64::MAX);
        match select(board::key(), self.sleep_until(until)).await {
            Either::First(key) => Some(key),
            Either::Second(()) => None,
        }
    }

    async fn sleep_until(&mut self, uptime: u64) {
        let now = self.clock.now().uptime;
        Timer::after_millis(uptime.saturating_sub(now).clamp(SHORTEST, LONGEST)).await;
    }

    pub fn figures(&self) {
        let (connections, connecting) = connections();
        say!(
            "Figures: {} octets of stack were in use at once, {} µs of work, {connecting} µs of it to connect {connections} times.",
            board::high_water(),
            board::busy() / 1000,
        );
    }
}

/// What came of telling the server, and when it is to be told again.
fn told<E: core::fmt::Debug>(outcome: Result<Outcome, Unavailable<E>>) -> Result<Option<u64>, Error> {
    match outcome {
        Ok(Outcome::Nothing) => Ok(None),
        Ok(outcome) => {
            say!("Signed out: {outcome:?}.");
            Ok(None)
        }
        Err(Unavailable::Session(error)) => Err(error),
        Err(Unavailable::Later { until, .. }) => {
            say!("Signed out; the server is told later.");
            Ok(Some(until))
        }
        Err(_) => Ok(Some(0)),
    }
}
