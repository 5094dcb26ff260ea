//! A device that stays signed in: its flash, its power, and a server that replaces refresh tokens and notices when an
//! old one comes back.

use std::{
    cell::RefCell,
    io,
    rc::Rc,
    sync::{Arc, Mutex, MutexGuard},
};

use keyfob_core::{
    client::Client,
    error::Error,
    flow::{Event as FlowEvent, Flow, RefreshToken},
    http::{HttpErrorKind, Incoming, Request},
    secret::Seed,
    session::{Action, Event, Session, SignInReason, Slot},
    time::{Date, Now},
};
use serde_json::{Value, json};

use crate::{
    answer::Answer,
    clients::ISSUER,
    clock::{NOW, TestClock},
    executor::pause,
    form,
    proofs::Guard,
    server::{Received, refusal},
    stations::token_keep,
};

/// Room for the tokens of a session.
pub const ROOM: usize = 256;

/// The session of a device.
pub type Kept = Session<'static, ROOM>;

/// All tokens that go back to one sign-in.
#[derive(Clone, Debug, Default)]
struct Family {
    /// Refresh tokens, each with the moment of its first use.
    tokens: Vec<(String, Option<u64>)>,
    access_tokens: Vec<String>,
    revoked: bool,
}

/// A server that replaces refresh tokens.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// Whether a refresh token is good for one use.
    pub rotation: bool,
    /// Milliseconds in which the last refresh token may be used once more.
    pub leeway: u64,
    /// `expires_in`.
    pub lifetime: Option<u32>,
    /// What it does to its answers.
    pub shape: Option<fn(&mut Value)>,
    /// It answers these, in this order, before it does its work.
    pub busy: Vec<Answer>,
    /// What it knows of proofs and assertions, if it wants to see any.
    pub guard: Option<Guard>,
    /// Refresh tokens that came back outside of the leeway.
    pub alarms: usize,
    /// All requests.
    pub received: Vec<Received>,
    /// Refresh tokens that were revoked at the client's wish.
    pub revoked: Vec<String>,
    families: Vec<Family>,
    count: usize,
}

impl Default for Issuer {
    fn default() -> Self {
        Self {
            rotation: true,
            leeway: 10_000,
            lifetime: Some(3600),
            shape: None,
            busy: Vec::new(),
            guard: None,
            alarms: 0,
            received: Vec::new(),
            revoked: Vec::new(),
            families: Vec::new(),
            count: 0,
        }
    }
}

impl Issuer {
    /// The tokens of a user who signs in.
    pub fn sign_in(&mut self) -> Value {
        self.families.push(Family::default());
        self.issue(self.families.len() - 1, true)
    }

    /// Whether an API takes this access token.
    pub fn takes(&self, access_token: &str) -> bool {
        self.families
            .iter()
            .any(|family| !family.revoked && family.access_tokens.iter().any(|token| token == access_token))
    }

    /// Ends all sessions, as an administrator does.
    pub fn revoke_all(&mut self) {
        self.families.iter_mut().for_each(|family| family.revoked = true);
    }

    /// Requests that came for `path`.
    pub fn count(&self, path: &str) -> usize {
        self.received.iter().filter(|request| request.path() == path).count()
    }

    /// The refresh tokens that came, in turn.
    pub fn presented(&self) -> Vec<String> {
        let of_refresh = self.received.iter().filter(|request| request.path() == "/token");
        of_refresh.map(|request| form::in_body(request.body.as_bytes(), "refresh_token")).collect()
    }

    fn issue(&mut self, family: usize, refresh_token: bool) -> Value {
        self.count += 1;
        let access_token = format!("access-{}", self.count);
        let token_type = if self.guard.is_some() { "DPoP" } else { "Bearer" };
        let mut answer = json!({ "access_token": access_token, "token_type": token_type });
        if let Some(seconds) = self.lifetime {
            answer["expires_in"] = seconds.into();
        }
        self.families[family].access_tokens.push(access_token);
        if refresh_token {
            let token = format!("refresh-{}", self.count);
            answer["refresh_token"] = token.as_str().into();
            self.families[family].tokens.push((token, None));
        }
        answer
    }

    /// Answers a request.
    ///
    /// # Panics
    /// If a client asks for something else than fresh tokens, or to take them back.
    pub fn answer(&mut self, request: Received, now: u64) -> Answer {
        let path = request.path().to_owned();
        let body = request.body.clone();
        self.received.push(request);
        if !self.busy.is_empty() {
            return self.busy.remove(0);
        }
        let get = |name| form::in_body(body.as_bytes(), name);
        if let Some(refused) = self.judge(&path, now, &body) {
            return refused;
        }
        match path.as_str() {
            "/token" => {
                assert_eq!(get("grant_type"), "refresh_token");
                match self.refresh(&get("refresh_token"), now) {
                    Some(mut answer) => {
                        if let Some(shape) = self.shape {
                            shape(&mut answer);
                        }
                        Answer::json(200, &answer)
                    }
                    None => refusal(400, "invalid_grant"),
                }
            }
            "/revoke" => {
                let token = get("token");
                for family in &mut self.families {
                    family.revoked |= family.tokens.iter().any(|known| known.0 == token);
                    family.access_tokens.retain(|known| *known != token);
                }
                self.revoked.push(token);
                Answer::new(200, "text/plain", "")
            }
            path => panic!("a session has no business with {path}"),
        }
    }

    /// Looks for a proof and an assertion in the request that has just come.
    fn judge(&mut self, path: &str, now: u64, body: &str) -> Option<Answer> {
        let (guard, request) = (self.guard.as_mut()?, self.received.last()?);
        if now > 0 {
            guard.date = Some(now / 1000);
        }
        let assertion = form::value(&form::pairs(body), "client_assertion");
        if assertion.is_some_and(|assertion| guard.client(&assertion, ISSUER).is_none()) {
            return Some(refusal(401, "invalid_client"));
        }
        let error = if path == "/token" { guard.judge(request, None).err()? } else { return None };
        let mut answer = refusal(400, error);
        answer.headers.extend(guard.nonce.map(|nonce| ("DPoP-Nonce".into(), nonce.into())));
        Some(answer)
    }

    fn refresh(&mut self, token: &str, now: u64) -> Option<Value> {
        let known = |family: &Family| family.tokens.iter().position(|known| known.0 == token);
        let (place, at) =
            self.families.iter().enumerate().find_map(|(place, family)| Some((place, known(family)?)))?;
        if self.families[place].revoked {
            return None;
        }
        if !self.rotation {
            return Some(self.issue(place, false));
        }
        let family = &mut self.families[place];
        let first_use = *family.tokens[at].1.get_or_insert(now);
        let successors_unused = family.tokens[at + 1..].iter().all(|token| token.1.is_none());
        let again = at + 1 < family.tokens.len();
        if again && !(successors_unused && now - first_use <= self.leeway) {
            self.alarms += 1;
            family.revoked = true;
            return None;
        }
        family.tokens.truncate(at + 1);
        Some(self.issue(place, true))
    }
}

/// What is left of a write when the power goes while it is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Write {
    /// What was there before.
    Old,
    /// The whole of it, and nobody was told.
    New,
    /// So many octets of it, then what was there before.
    Torn(usize),
}

/// The flash of a device.
#[derive(Clone, Debug, Default)]
pub struct Flash {
    /// What the slots hold.
    pub slots: [Vec<u8>; 3],
    /// Records written so far.
    pub writes: usize,
    /// Slots erased so far.
    pub erased: usize,
    /// It takes nothing.
    pub broken: bool,
}

impl Flash {
    /// A slot.
    pub fn slot(&mut self, slot: Slot) -> &mut Vec<u8> {
        let place = match slot {
            Slot::First => 0,
            Slot::Second => 1,
            _ => 2,
        };
        &mut self.slots[place]
    }

    fn write(&mut self, slot: Slot, record: &[u8], how: Write) {
        self.writes += 1;
        let before = self.slot(slot).clone();
        *self.slot(slot) = match how {
            Write::Old => before,
            Write::New => record.to_vec(),
            Write::Torn(octets) => {
                let octets = octets.min(record.len());
                let rest = before.get(octets..).unwrap_or_default();
                [&record[..octets], rest].concat()
            }
        };
    }
}

/// The power is gone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Dark;

/// What a device shows between two things to do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Shown {
    /// It has an access token.
    Ready(String, Option<u64>),
    /// Somebody has to sign in.
    SignIn(SignInReason),
    /// It waits for this moment.
    Wait(u64),
}

/// A device.
pub struct Device {
    /// Its client.
    pub client: &'static Client<'static>,
    /// Its session.
    pub session: Kept,
    /// Its flash.
    pub flash: Flash,
    /// The server.
    pub issuer: Rc<RefCell<Issuer>>,
    /// The time.
    pub clock: TestClock,
    /// How many chances of a power cut are still to pass by before it comes, and how it leaves a write.
    pub cut: Option<(usize, Write)>,
    /// No network: what happens to each request from now on.
    pub network: Vec<Trouble>,
    /// All actions, as octets.
    pub trace: Vec<String>,
    /// Which device it is.
    pub number: u64,
    settings: fn(Kept) -> Kept,
}

/// What happens to a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Trouble {
    /// It arrives, and its answer does.
    None,
    /// It surely did not reach the server.
    NotSent,
    /// Its answer is lost.
    Lost,
    /// It is lost itself, and nobody knows.
    Vanished,
}

impl Device {
    /// A new device, with nothing in its flash.
    pub fn new(client: &'static Client<'static>, number: u64) -> Self {
        Self::with(client, number, |session| session)
    }

    /// A device with this in its flash.
    pub fn found(client: &'static Client<'static>, flash: Flash) -> Self {
        let mut device = Self::new(client, 1);
        device.flash = flash;
        device
    }

    /// The same with other settings.
    pub fn with(client: &'static Client<'static>, number: u64, settings: fn(Kept) -> Kept) -> Self {
        Self {
            client,
            session: fresh(client, number, settings),
            flash: Flash::default(),
            issuer: Rc::default(),
            clock: TestClock::at(Now { uptime: 1000, ..NOW }),
            cut: None,
            network: Vec::new(),
            trace: Vec::new(),
            number,
            settings,
        }
    }

    /// Power comes back. The count of milliseconds begins anew, the date goes on.
    pub fn reboot(&mut self, off: u64) {
        self.clock.advance(off);
        self.clock = TestClock::at(Now { uptime: 500, ..self.clock.now() });
        self.session = fresh(self.client, self.number, self.settings);
    }

    /// A user signs in.
    ///
    /// # Panics
    /// If the answer is not right.
    pub fn sign_in(&mut self) {
        let answer = Answer::json(200, &self.issuer.borrow_mut().sign_in());
        self.sign_in_with(&answer).expect("the tokens fit");
    }

    /// A user signs in with this answer.
    ///
    /// # Errors
    /// Those of [`Session::sign_in`].
    ///
    /// # Panics
    /// If the answer is not right.
    pub fn sign_in_with(&mut self, answer: &Answer) -> Result<(), Error> {
        sign_in(&mut self.session, self.client, self.clock.now(), answer)
    }

    /// Does things until there is nothing to do.
    ///
    /// # Errors
    /// [`Dark`] when the power goes.
    pub fn settle(&mut self) -> Result<Shown, Dark> {
        for _ in 0..50 {
            if let Some(shown) = self.step()? {
                return Ok(shown);
            }
        }
        panic!("the device does not come to rest: {:?}", self.trace)
    }

    /// Settles, then lets time pass and settles again, until there is an access token or a sign-in is needed.
    ///
    /// # Errors
    /// [`Dark`] when the power goes.
    pub fn come_up(&mut self) -> Result<Shown, Dark> {
        for _ in 0..50 {
            match self.settle()? {
                Shown::Wait(until) => self.wait_until(until),
                shown => return Ok(shown),
            }
        }
        panic!("the device does not come up: {:?}", self.trace)
    }

    /// Lets time pass until `uptime`.
    pub fn wait_until(&mut self, uptime: u64) {
        let now = self.clock.now().uptime;
        self.clock.advance(uptime.saturating_sub(now));
    }

    /// Waits until the session wants to do something, and lets it.
    ///
    /// # Errors
    /// [`Dark`] when the power goes.
    pub fn next_refresh(&mut self) -> Result<Shown, Dark> {
        match self.come_up()? {
            Shown::Ready(_, Some(until)) => {
                self.wait_until(until);
                self.come_up()
            }
            shown => Ok(shown),
        }
    }

    /// Waits for the next request, and does what comes before it.
    ///
    /// # Panics
    /// If there is none.
    pub fn ask(&mut self) {
        for _ in 0..20 {
            let now = self.clock.now();
            match self.session.poll(now, &mut [0; 2048]) {
                Ok(Action::Send(_)) => return,
                Ok(Action::Ready { until: Some(until) } | Action::Wait { until }) => self.wait_until(until),
                Ok(_) => assert_eq!(self.step(), Ok(None)),
                Err(error) => panic!("{error:?}"),
            }
        }
        panic!("no request: {:?}", self.trace)
    }

    /// The request that is due goes out, and its answer comes back cut to so many octets, into a buffer of this length.
    /// Gives the length of the whole answer, and what the session made of it.
    ///
    /// # Panics
    /// If no request is due.
    pub fn hear(&mut self, cut: usize, length: usize) -> (usize, Result<(), Error>) {
        let now = self.clock.now();
        let mut buffer = [0; 2048];
        let (received, keep) = match self.session.poll(now, &mut buffer) {
            Ok(Action::Send(request)) => (received(&request), request.keep()),
            other => panic!("no request: {other:?}"),
        };
        let answer = self.issuer.borrow_mut().answer(received, now_of(&self.clock));
        let whole = answer.body.len();
        let (response, _) = answer.short(cut).read(keep, &mut buffer[..length]);
        (whole, self.session.handle(now, Event::Response(response)))
    }

    /// Does one thing.
    ///
    /// # Errors
    /// [`Dark`] when the power goes.
    ///
    /// # Panics
    /// If the session asks for something that it may not ask for.
    pub fn step(&mut self) -> Result<Option<Shown>, Dark> {
        let now = self.clock.now();
        let mut buffer = [0; 2048];
        let action = self.session.poll(now, &mut buffer).expect("the settings are right");
        self.trace.push(match &action {
            Action::Store { slot, record } => format!("Store({slot:?}) {record:?}"),
            action => format!("{action:?}"),
        });
        let event = match action {
            Action::Load { slot } => {
                cut(&mut self.cut)?;
                Event::Loaded(self.flash.slot(slot))
            }
            Action::Erase { slot } => {
                cut(&mut self.cut)?;
                self.flash.slot(slot).clear();
                self.flash.erased += 1;
                cut(&mut self.cut)?;
                Event::Stored
            }
            Action::Store { slot, record } => {
                if let Err(how) = cut_in_write(&mut self.cut) {
                    self.flash.write(slot, record, how);
                    return Err(Dark);
                }
                if self.flash.broken {
                    Event::NotStored
                } else {
                    self.flash.write(slot, record, Write::New);
                    Event::Stored
                }
            }
            Action::Send(request) => {
                cut(&mut self.cut)?;
                let keep = request.keep();
                let received = received(&request);
                let trouble = if self.network.is_empty() { Trouble::None } else { self.network.remove(0) };
                let arrives = matches!(trouble, Trouble::None | Trouble::Lost);
                let answer = arrives.then(|| self.issuer.borrow_mut().answer(received, now_of(&self.clock)));
                cut(&mut self.cut)?;
                match (trouble, answer) {
                    (Trouble::None, Some(answer)) => {
                        let (response, _) = answer.read(keep, &mut buffer);
                        self.session.handle(now, Event::Response(response)).expect("it was asked for");
                        return Ok(None);
                    }
                    (Trouble::NotSent, _) => Event::NotSent,
                    _ => Event::Timeout,
                }
            }
            Action::Ready { until } => {
                let token = self.session.access_token(now).expect("it is ready").expose().to_owned();
                return Ok(Some(Shown::Ready(token, until)));
            }
            Action::SignIn { reason } => return Ok(Some(Shown::SignIn(reason))),
            Action::Wait { until } => {
                assert!(self.session.access_token(now).is_none());
                return Ok(Some(Shown::Wait(until)));
            }
            action => panic!("{action:?}"),
        };
        self.session.handle(now, event).expect("it was asked for");
        Ok(None)
    }
}

/// A request as it goes over the wire.
fn received(request: &Request<'_>) -> Received {
    Received {
        method: request.method().as_str().into(),
        url: request.url().into(),
        headers: request.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        body: String::from_utf8(request.body().to_vec()).expect("a form"),
    }
}

/// Milliseconds as the server counts them.
fn now_of(clock: &TestClock) -> u64 {
    match clock.now().date {
        Date::Known(date) => date.seconds() * 1000,
        _ => 0,
    }
}

/// A user signs in with this answer.
///
/// # Errors
/// Those of [`Session::sign_in`].
///
/// # Panics
/// If the answer is not right.
pub fn sign_in(
    session: &mut Kept,
    client: &'static Client<'static>,
    now: Now,
    answer: &Answer,
) -> Result<(), Error> {
    let mut flow = RefreshToken::<16>::new(client, "first", None).expect("right");
    let mut buffer = [0; 4096];
    let (response, _) = answer.read(token_keep(), &mut buffer);
    let tokens = flow.handle(now, FlowEvent::Response(response));
    session.sign_in(now, &tokens.expect("right").expect("tokens"))
}

fn fresh(client: &'static Client<'static>, number: u64, settings: fn(Kept) -> Kept) -> Kept {
    let seed = Seed::new(crate::seeds::octets(number)).expect("a seed");
    settings(Session::new(client, &seed).expect("the settings are right"))
}

/// A chance for the power to go.
fn cut(chances: &mut Option<(usize, Write)>) -> Result<(), Dark> {
    cut_in_write(chances).map_err(|_| Dark)
}

fn cut_in_write(chances: &mut Option<(usize, Write)>) -> Result<(), Write> {
    match chances {
        Some((0, how)) => Err(*how),
        Some((left, _)) => {
            *left -= 1;
            Ok(())
        }
        None => Ok(()),
    }
}

/// The network to an [`Issuer`], for both drivers and for several threads.
#[derive(Clone, Debug, Default)]
pub struct Net {
    /// The server.
    pub issuer: Arc<Mutex<Issuer>>,
    /// What happens to each request from now on.
    pub troubles: Vec<Trouble>,
    answer: Option<Answer>,
}

impl Net {
    /// The server.
    ///
    /// # Panics
    /// If a test has panicked while it looked at it.
    pub fn issuer(&self) -> MutexGuard<'_, Issuer> {
        self.issuer.lock().expect("nobody panicked")
    }

    /// Whether the request arrives, and whether somebody hears its answer.
    fn transmit(&mut self, request: &Request<'_>) -> Result<(), bool> {
        let trouble = if self.troubles.is_empty() { Trouble::None } else { self.troubles.remove(0) };
        if trouble == Trouble::NotSent {
            return Err(false);
        }
        let received = received(request);
        let answer = (trouble != Trouble::Vanished).then(|| self.issuer().answer(received, 0));
        self.answer = answer.filter(|_| trouble == Trouble::None);
        Ok(())
    }

    fn deliver(&mut self, incoming: &mut Incoming<'_>) -> Result<(), ()> {
        let answer = self.answer.take().ok_or(())?;
        answer.head(incoming);
        incoming.body(&answer.body);
        Ok(())
    }
}

impl keyfob_std::http::Http for Net {
    fn send(&mut self, request: &Request<'_>) -> Result<(), keyfob_std::http::HttpError> {
        self.transmit(request)
            .map_err(|maybe| keyfob_std::http::HttpError::new(HttpErrorKind::Connect, maybe))
    }

    fn receive(&mut self, incoming: &mut Incoming<'_>) -> Result<(), keyfob_std::http::HttpError> {
        let lost = |()| keyfob_std::http::HttpError::new(HttpErrorKind::Timeout, true);
        self.deliver(incoming).map_err(lost)
    }
}

impl keyfob_embassy::http::Http for Net {
    type Error = ();

    async fn send(&mut self, request: &Request<'_>) -> Result<(), keyfob_embassy::http::HttpError<()>> {
        pause().await;
        let outcome = self.transmit(request);
        outcome.map_err(|maybe| keyfob_embassy::http::HttpError::new(HttpErrorKind::Connect, maybe))
    }

    async fn receive(
        &mut self,
        incoming: &mut Incoming<'_>,
    ) -> Result<(), keyfob_embassy::http::HttpError<()>> {
        pause().await;
        let lost = |()| keyfob_embassy::http::HttpError::new(HttpErrorKind::Timeout, true);
        self.deliver(incoming).map_err(lost)
    }
}

impl Flash {
    fn read(&mut self, slot: Slot, buffer: &mut [u8]) -> usize {
        let content = self.slot(slot);
        buffer[..content.len()].copy_from_slice(content);
        content.len()
    }
}

impl keyfob_std::session::Store for Flash {
    fn load(&mut self, slot: Slot, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(self.read(slot, buffer))
    }

    fn store(&mut self, slot: Slot, record: &[u8]) -> io::Result<()> {
        if self.broken {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.write(slot, record, Write::New);
        Ok(())
    }

    fn erase(&mut self, slot: Slot) -> io::Result<()> {
        self.slot(slot).clear();
        Ok(())
    }
}

impl keyfob_embassy::session::Store for Flash {
    type Error = &'static str;

    async fn load(&mut self, slot: Slot, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        pause().await;
        Ok(self.read(slot, buffer))
    }

    async fn store(&mut self, slot: Slot, record: &[u8]) -> Result<(), Self::Error> {
        pause().await;
        if self.broken {
            return Err("worn out");
        }
        self.write(slot, record, Write::New);
        Ok(())
    }

    async fn erase(&mut self, slot: Slot) -> Result<(), Self::Error> {
        pause().await;
        self.slot(slot).clear();
        Ok(())
    }
}
