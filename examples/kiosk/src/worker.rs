//! Does the terminal's orders: signs users in and out with the core's flows, and tells the server what is owed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use keyfob_core::{
    client::Client,
    error::{Error, ErrorCode},
    exchange::UserInfo,
    flow::{AuthorizationCode, DeviceAuthorization, Flow, Relayed},
    plan::{Plan, Way},
    portal::{ENGLISH, Ending, FRENCH, GERMAN, SPANISH, Site},
    secret::{Buffer, Seed},
    session::Session,
    sign_out::{self, SignOut},
    time::UnixTime,
};
use keyfob_std::{
    Clock, Failure, SystemClock,
    entropy::SystemEntropy,
    fetch,
    http::HttpsClient,
    portal::Portal,
    run,
    session::{Store, Unavailable, keep_fresh, tell},
};
use sha2::{Digest, Sha256};

use crate::{
    browser::Browser,
    debts::{Debt, Debts},
    farewell::Farewell,
    found::Found,
    kiosk::{Choice, Fault, Order, Ways},
    settings::Settings,
    shared::Shared,
    user_agent::{Alert, Panel, Phone, Screen},
};

/// Who does the orders, and everything that takes.
pub struct Worker<'w> {
    pub shared: Arc<Shared>,
    pub settings: &'w Settings,
    /// The same client for both ways. What is asked in the browser is not asked for the phone.
    pub phone: &'w Client<'w>,
    pub screen: &'w Client<'w>,
    pub http: HttpsClient,
    pub clock: SystemClock,
    pub buffer: Buffer<ROOM>,
    pub plan: Plan,
    pub debts: Debts,
    pub farewell: Arc<Farewell>,
    pub browser: Option<Browser>,
    /// The browser's page.
    pub page: String,
}

/// Somebody who is signed in.
struct Seat<'w> {
    session: Session<'w, TOKENS>,
    debt: Debt,
    /// The browser has logged in at the server.
    on_screen: bool,
    /// When the sign-in began, in seconds since 1970.
    begin: u64,
}

/// Room for requests and responses, and for tokens.
pub const ROOM: usize = 65_536;
const TOKENS: usize = 16_384;

/// The longest wait for an order.
const TURN: Duration = Duration::from_millis(250);

/// Between two tries to tell the server what is owed: the first wait, and the longest.
const PATIENCE: Duration = Duration::from_secs(10);
const LONGEST_PATIENCE: Duration = Duration::from_secs(300);

/// Seconds that the clocks of the server and of this machine may differ.
const SKEW: u64 = 60;

impl<'w> Worker<'w> {
    /// Does orders until the program is to end.
    pub fn work(mut self, ends: &AtomicBool) {
        let mut seat: Option<Seat<'w>> = None;
        let mut last_login = None;
        let mut patience = PATIENCE;
        let mut next_try = Instant::now();
        self.set_ways();
        self.shared.with(|kiosk, now| kiosk.ready(now));
        while !ends.load(Ordering::Relaxed) {
            match self.shared.order(TURN) {
                Some(Order::FreshBrowser) => self.fresh_browser(),
                Some(Order::SignIn { attempt, choice }) => {
                    seat = self.sign_in(attempt, choice, &mut last_login);
                }
                Some(Order::SignOut) => {
                    if let Some(seat) = seat.take() {
                        self.sign_out(seat);
                    }
                }
                None => match &mut seat {
                    Some(seat) => self.keep(seat),
                    None if next_try <= Instant::now() && !self.debts.is_empty() => {
                        let told = self.tell_all();
                        patience = if told { PATIENCE } else { (patience * 2).min(LONGEST_PATIENCE) };
                        next_try = Instant::now() + patience;
                    }
                    None => {}
                },
            }
        }
        self.shared.with(|kiosk, now| kiosk.close(now));
        if let Some(seat) = seat {
            self.sign_out(seat);
        }
    }

    /// Signs a user in; falls back to other ways where the server does not let this one be gone.
    fn sign_in(
        &mut self,
        attempt: u64,
        choice: Choice,
        last_login: &mut Option<UnixTime>,
    ) -> Option<Seat<'w>> {
        // What does not work now may work for the next user.
        let mut plan = self.plan;
        let mut next = first(&plan, choice);
        while let Some(way) = next {
            let _ = plan.choose(way);
            let (outcome, asked) = match way {
                Way::Loopback => self.on_screen(attempt),
                Way::Paste | Way::Portal => self.by_portal(attempt, way),
                Way::Relay => self.over_relay(attempt),
                _ => self.by_phone(attempt),
            };
            match outcome {
                Ok((seat, found)) => return self.welcome(attempt, seat, found, last_login),
                Err(_) if !self.shared.with(|kiosk, _| kiosk.wants(attempt)) => return None,
                Err(failure) => {
                    eprintln!("kiosk: {way:?} failed: {failure}");
                    let other = match &failure {
                        Failure::Flow(error) => plan.fall_back(*error, asked),
                        Failure::Http(_) if way == Way::Relay && !asked => plan.unreachable(),
                        _ => None,
                    };
                    // Who has a phone in hand goes on with it, if that can be.
                    next = other.map(|other| first(&plan, choice).unwrap_or(other));
                    if next.is_none() {
                        self.shared.with(|kiosk, now| kiosk.failed(attempt, fault(&failure), now));
                        return None;
                    }
                }
            }
        }
        let nothing = Fault::Ended(Ending::Configuration);
        self.shared.with(|kiosk, now| kiosk.failed(attempt, nothing, now));
        None
    }

    fn by_phone(&mut self, attempt: u64) -> (Result<(Seat<'w>, Found), Failure>, bool) {
        let shared = Arc::clone(&self.shared);
        let mut phone = Phone::new(&shared, attempt);
        let outcome = seed().and_then(|seed| {
            let mut flow = DeviceAuthorization::<2048>::new(self.phone, seed, self.clock.now())?;
            self.seat(attempt, &mut flow, &mut phone, false)
        });
        (outcome, phone.asked)
    }

    fn on_screen(&mut self, attempt: u64) -> (Result<(Seat<'w>, Found), Failure>, bool) {
        let loopback = match self.settings.listen() {
            Ok(loopback) => loopback.back_to(&self.page),
            Err(error) => return (Err(error.into()), false),
        };
        let redirect_uri = self.settings.redirect_uri(&loopback);
        // The flow borrows its own client: where the port is free to choose, it is another one each time.
        let client = self.screen.redirect_uri(&redirect_uri);
        let shared = Arc::clone(&self.shared);
        let mut screen = Screen::new(&shared, attempt, loopback);
        let outcome = seed().and_then(|seed| {
            let mut flow = AuthorizationCode::<2048>::new(&client, seed, self.clock.now())?;
            self.seat(attempt, &mut flow, &mut screen, true)
        });
        (outcome, screen.asked)
    }

    fn over_relay(&mut self, attempt: u64) -> (Result<(Seat<'w>, Found), Failure>, bool) {
        let shared = Arc::clone(&self.shared);
        let mut phone = Phone::new(&shared, attempt);
        let Some(relay) = self.settings.relay() else { return (Err(Error::Misuse.into()), false) };
        let client = self.settings.over_relay(self.phone);
        let outcome = seed().and_then(|seed| {
            let mut flow = Relayed::<4096>::new(&client, &relay, seed, self.clock.now())?;
            self.seat(attempt, &mut flow, &mut phone, false)
        });
        (outcome, phone.asked)
    }

    /// Lets a phone in that is in the same network. Its user is asked on the terminal whether it is the right account: the
    /// phone may be anybody's who can see the code.
    fn by_portal(&mut self, attempt: u64, way: Way) -> (Result<(Seat<'w>, Found), Failure>, bool) {
        let shared = Arc::clone(&self.shared);
        let mut panel = Panel::new(&shared, attempt);
        let outcome = self.paired(attempt, way, &mut panel);
        (outcome, panel.asked)
    }

    fn paired(
        &mut self,
        attempt: u64,
        way: Way,
        panel: &mut Panel<'_>,
    ) -> Result<(Seat<'w>, Found), Failure> {
        let (address, path) = self.settings.lan().ok_or(Error::Misuse)?;
        let metadata = self.phone.metadata();
        let site = Site::new(metadata, &[]).languages(&[&ENGLISH, &GERMAN, &FRENCH, &SPANISH]);
        let site = if way == Way::Portal { site.callback(path) } else { site.paste(metadata) };
        let mut portal = Portal::bind(address, site, seed()?, panel)?.confirming();
        let redirect_uri = match way {
            Way::Portal => format!("http://{}{path}", portal.host()),
            _ => self.settings.nowhere(),
        };
        let client = self.phone.redirect_uri(&redirect_uri);
        let client = if way == Way::Portal { client.insecure_lan_redirect() } else { client };
        let mut flow = AuthorizationCode::<2048>::new(&client, seed()?, self.clock.now())?;
        let (seat, mut found) = self.seat(attempt, &mut flow, &mut portal, false)?;
        self.ask_name(&seat, &mut found);
        let name = format!("{} ({})", found.who.name, found.who.account);
        match portal.settle(if found.who.name == found.who.account { &found.who.name } else { &name }) {
            Ok(true) => Ok((seat, found)),
            outcome => {
                self.sign_out(seat);
                Err(outcome.err().map_or(Error::Refused(ErrorCode::AccessDenied).into(), Failure::from))
            }
        }
    }

    /// Goes through a flow, and gives its user a seat. What is owed to the server from then on is written down first.
    fn seat(
        &mut self,
        attempt: u64,
        flow: &mut dyn Flow,
        user_agent: &mut impl keyfob_std::user_agent::UserAgent,
        on_screen: bool,
    ) -> Result<(Seat<'w>, Found), Failure> {
        let mut clock = Alert { clock: self.clock, shared: &self.shared, attempt };
        let debt = self.debts.next().map_err(|error| {
            eprintln!("kiosk: the folder for what is owed cannot be written: {error}");
            Error::Misuse
        })?;
        let begin = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let session = Session::<TOKENS>::new(self.phone, &seed()?)?.keep_id_token();
        let mut seat = Seat { session, debt, on_screen, begin };
        // There is nothing to be found, but the session wants to have looked.
        let _ = keep_fresh(&mut seat.session, &mut seat.debt, &mut self.http, &mut clock, &mut self.buffer);
        let session = &mut seat.session;
        let now = clock.now();
        let found = run(flow, &mut self.http, user_agent, &mut clock, &mut self.buffer, |tokens| {
            session.sign_in(now, &tokens)?;
            Found::copy(&tokens)
        })?;
        write_down(&mut seat, self.phone, &mut self.clock, &mut self.buffer)?;
        let found = match found {
            Ok(found) => found,
            // Nobody can be told who it is.
            Err(error) => {
                self.sign_out(seat);
                return Err(error.into());
            }
        };
        let _ =
            keep_fresh(&mut seat.session, &mut seat.debt, &mut self.http, &mut self.clock, &mut self.buffer);
        Ok((seat, found))
    }

    /// Shows who is signed in, if it is somebody who was asked, and if that is still wanted.
    fn welcome(
        &mut self,
        attempt: u64,
        seat: Seat<'w>,
        mut found: Found,
        last_login: &mut Option<UnixTime>,
    ) -> Option<Seat<'w>> {
        if seat.on_screen
            && self.settings.fresh_login()
            && !is_fresh(seat.begin, found.auth_time, *last_login)
        {
            self.shared.with(|kiosk, now| kiosk.failed(attempt, Fault::NotAsked, now));
            self.sign_out(seat);
            return None;
        }
        if seat.on_screen {
            *last_login = found.auth_time.or(*last_login);
        }
        self.ask_name(&seat, &mut found);
        let lasting = found.expires_in.filter(|_| !found.is_refreshable);
        let who = found.who.clone();
        if !self.shared.with(|kiosk, now| kiosk.signed_in(attempt, who, lasting, now)) {
            self.sign_out(seat);
            return None;
        }
        eprintln!("kiosk: a user is signed in");
        Some(seat)
    }

    /// Asks the server for a name, if there is none yet.
    fn ask_name(&mut self, seat: &Seat<'w>, found: &mut Found) {
        if found.has_name || self.phone.metadata().userinfo().is_none() {
            return;
        }
        let Some(token) = seat.session.access_token(self.clock.now()) else { return };
        let subject = seat.session.subject().unwrap_or_default();
        let exchange = UserInfo::new(self.phone, token.expose(), subject);
        // Without a name there is the subject.
        if let Ok(claims) = fetch(&exchange, &mut self.http, &mut self.clock, &mut self.buffer) {
            found.name(&claims);
        }
    }

    /// Keeps the tokens fresh, and ends the session where that does not work any more.
    fn keep(&mut self, seat: &mut Seat<'w>) {
        let before = mark(seat, &mut self.clock);
        let kept =
            keep_fresh(&mut seat.session, &mut seat.debt, &mut self.http, &mut self.clock, &mut self.buffer);
        if let Err(Unavailable::SignIn(_) | Unavailable::Session(_)) = kept {
            self.shared.with(|kiosk, now| kiosk.over(now));
        }
        let after = mark(seat, &mut self.clock);
        if after.is_some() && after != before {
            let _ = write_down(seat, self.phone, &mut self.clock, &mut self.buffer);
        }
    }

    /// Forgets a user at once, and tells the server then.
    fn sign_out(&mut self, seat: Seat<'w>) {
        let Seat { mut session, debt, on_screen, .. } = seat;
        let hint =
            session.id_token_hint().filter(|_| on_screen).map(str::to_owned).map(zeroize::Zeroizing::new);
        session.sign_out();
        drop(session);
        let url = hint.and_then(|hint| self.farewell.url(self.screen, &hint, self.browser.is_some()));
        self.shared.with(|kiosk, now| kiosk.signed_out(url.as_deref().map(String::as_str), now));
        self.tell(debt);
    }

    /// Tells the server all that is owed. `false`: it is out of reach.
    fn tell_all(&mut self) -> bool {
        let mut owed = Vec::new();
        while let Some(debt) = self.debts.take() {
            owed.push(debt);
        }
        let mut told = true;
        for debt in owed {
            if told {
                told = self.tell(debt);
            } else {
                self.debts.keep(debt);
            }
        }
        told
    }

    /// Tells the server to take the tokens back. `false`: it is out of reach, and is told later.
    fn tell(&mut self, mut debt: Debt) -> bool {
        let Ok(seed) = seed() else { return false };
        let (Ok(mut session), Ok(mut owed)) =
            (Session::<0>::new(self.phone, &seed), SignOut::<TOKENS>::new(self.phone, &seed))
        else {
            return false;
        };
        match tell(&mut session, &mut owed, &mut debt, &mut self.http, &mut self.clock, &mut self.buffer) {
            Ok(outcome) => {
                eprintln!("kiosk: a user is signed out; at the server: {outcome:?}");
                debt.settled();
                true
            }
            Err(later) => {
                eprintln!("kiosk: a user is signed out; the server is to be told: {later}");
                self.debts.keep(debt);
                false
            }
        }
    }

    fn fresh_browser(&mut self) {
        if let Some(browser) = &mut self.browser
            && let Err(error) = browser.renew()
        {
            eprintln!("kiosk: the browser does not start: {error}");
        }
    }

    fn set_ways(&self) {
        let can = |phone: bool| self.plan.ways().any(|way| is_phone(way) == phone);
        let ways = Ways { phone: can(true), screen: can(false) };
        self.shared.with(|kiosk, _| kiosk.set_ways(ways));
    }
}

/// Whether the server has asked who it is, for this sign-in. A browser that somebody was logged in with before would bring
/// that login again, or one that is older than the sign-in, which began so many seconds after 1970.
fn is_fresh(begin: u64, auth_time: Option<UnixTime>, last: Option<UnixTime>) -> bool {
    let Some(auth_time) = auth_time else { return false };
    last.is_none_or(|last| auth_time > last) && auth_time.seconds() >= begin.saturating_sub(SKEW)
}

/// Writes down what the server has to be told of this session, while it still lives: nobody knows when power is lost.
fn write_down(
    seat: &mut Seat<'_>,
    client: &Client<'_>,
    clock: &mut SystemClock,
    buffer: &mut [u8],
) -> Result<(), Failure> {
    let mut owed = SignOut::<TOKENS>::new(client, &seed()?)?;
    let now = clock.now();
    owed.handle(now, keyfob_core::session::Event::Loaded(&[]))?;
    // A token without room is left to expire.
    let _ = owed.owe(&seat.session, true);
    if let sign_out::Action::Store { slot, record } = owed.poll(now, buffer)?
        && let Err(error) = seat.debt.store(slot, record)
    {
        eprintln!("kiosk: what is owed cannot be written down: {error}");
    }
    Ok(())
}

/// What changes with the access token.
fn mark(seat: &Seat<'_>, clock: &mut SystemClock) -> Option<[u8; 32]> {
    seat.session.access_token(clock.now()).map(|token| Sha256::digest(token.expose()).into())
}

/// Whether the user needs a phone for it.
const fn is_phone(way: Way) -> bool {
    !matches!(way, Way::Loopback)
}

/// The way to begin with. An operator who has allowed the redirect over the network wants it rather than what users have
/// to copy.
fn first(plan: &Plan, choice: Choice) -> Option<Way> {
    let wanted = |way: &Way| is_phone(*way) == (choice == Choice::Phone);
    plan.ways().find(|way| wanted(way) && *way != Way::Paste).or_else(|| plan.ways().find(wanted))
}

fn fault(failure: &Failure) -> Fault {
    match failure {
        Failure::Flow(Error::Expired) => Fault::Expired,
        Failure::Flow(error) => Fault::Ended(Ending::of(*error)),
        Failure::Http(_) => Fault::Ended(Ending::Unreachable),
        _ => Fault::Ended(Ending::Failed),
    }
}

fn seed() -> Result<Seed, Failure> {
    Ok(Seed::draw(&mut SystemEntropy)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    // REQ: CDX-04
    #[test]
    fn a_login_from_before_signs_nobody_in() {
        let at = |seconds| Some(UnixTime::from_seconds(seconds));
        assert!(is_fresh(1000, at(1010), None) && is_fresh(1000, at(1010), at(900)));
        // The clocks may differ, but the server's own does not go back.
        assert!(is_fresh(1000, at(940), at(900)));
        assert!(!is_fresh(1000, at(939), None), "it is older than the sign-in");
        assert!(!is_fresh(1000, at(1010), at(1010)), "it is the last user's");
        assert!(!is_fresh(1000, at(1009), at(1010)));
        assert!(!is_fresh(1000, None, None), "nobody knows");
    }

    #[test]
    fn what_users_have_to_copy_comes_last() {
        let server = keyfob_core::metadata::Metadata::new("https://op.example")
            .authorization_endpoint("https://op.example/authorize")
            .token_endpoint("https://op.example/token");
        use keyfob_core::plan::Ability::{Browser, InsecureLanRedirect, Network, Relay, Screen};
        let way = |abilities: &[_], choice| first(&Plan::new(&server, abilities), choice);
        assert_eq!(way(&[Browser, Screen], Choice::Phone), None);
        assert_eq!(way(&[Browser, Screen], Choice::Screen), Some(Way::Loopback));
        assert_eq!(way(&[Browser, Screen, Network], Choice::Phone), Some(Way::Paste));
        let allowed = [Browser, Screen, Network, InsecureLanRedirect];
        assert_eq!(way(&allowed, Choice::Phone), Some(Way::Portal));
        assert_eq!(way(&[&allowed[..], &[Relay]].concat(), Choice::Phone), Some(Way::Relay));
    }
}
