//! A device in a network, and who is in front of it.

use std::{
    cell::{Cell, RefCell},
    future::{pending, ready},
    rc::Rc,
};

use embassy_futures::select::{Either, select};
use embassy_net::tcp::client::TcpClientState;
use embassy_time::Timer;
use keyfob_core::{
    client::Client,
    flow::AuthorizationCode,
    portal::{ENGLISH, GERMAN, Limits, Screen, Site},
    time::{Date, UnixTime},
    token::TokenResponse,
};
use keyfob_embassy::{
    Clock as _, Failure, SystemClock,
    http::Client as Http,
    net::{EmbassyListener, EmbassyNet, PlainError},
    portal::{Front, Portal, Press, Room},
    run,
    user_agent::UserAgentError,
};
use keyfob_tests::{
    clients::{KIOSK, SERVER},
    clock::TODAY,
    ether::Bare,
    lan::{Lan, Phone},
    link::Link,
    outcome::Tokens,
    seeds,
    server::Return,
    time_driver::{Task, elapsed, simulate},
    wire::{Framing, Served},
};

/// A device that the server sends the browser back to.
pub const LAN: Client<'static> = KIOSK.redirect_uri("http://10.0.0.1/callback").insecure_lan_redirect();

/// A device that the user brings the address to.
pub const PASTE: Client<'static> = KIOSK.redirect_uri("http://127.0.0.1/callback");

pub const BACK: Site<'static> = Site::new(&SERVER, &["kettle.local"])
    .callback("/callback")
    .languages(&[&ENGLISH, &GERMAN])
    .limits(LIMITS);

pub const PASTED: Site<'static> =
    Site::new(&SERVER, &["kettle.local"]).paste(&SERVER).languages(&[&ENGLISH, &GERMAN]).limits(LIMITS);

const LIMITS: Limits = Room::LIMITS;

/// Places of the portals here.
pub const PLACES: usize = 2;

/// The device's screen and its keys.
#[derive(Clone, Default)]
pub struct Panel {
    /// Everything that was shown: `pair`, `connected`, `over`, `confirm alice`, `hidden`.
    pub shown: Rc<RefCell<Vec<String>>>,
    pub code: Rc<RefCell<Option<String>>>,
    pub link: Rc<RefCell<String>>,
    pub press: Rc<Cell<Option<Press>>>,
    /// Milliseconds that it takes to show something.
    pub slow: Rc<Cell<u64>>,
    /// Wrong codes, and strangers.
    pub warned: Rc<Cell<(u16, u16)>>,
}

impl Panel {
    /// The code on it, once there is one.
    pub async fn code(&self) -> String {
        loop {
            if let Some(code) = self.code.borrow().clone() {
                return code;
            }
            Timer::after_millis(100).await;
        }
    }

    pub fn shown(&self) -> Vec<String> {
        self.shown.borrow().clone()
    }

    fn note(&self, what: String) {
        let mut shown = self.shown.borrow_mut();
        if shown.last() != Some(&what) {
            shown.push(what);
        }
    }
}

impl Front for Panel {
    async fn show(&mut self, screen: &Screen<'_>) {
        Timer::after_millis(self.slow.get()).await;
        *self.code.borrow_mut() = None;
        match screen {
            Screen::Pair(invitation) => {
                *self.code.borrow_mut() = invitation.code().map(str::to_owned);
                *self.link.borrow_mut() = invitation.link().to_owned();
                self.note(format!("pair at {}", invitation.address()));
            }
            Screen::Connected => self.note("connected".into()),
            _ => self.note("over".into()),
        }
    }

    async fn confirm(&mut self, account: &str) {
        self.note(format!("confirm {account}"));
    }

    async fn pressed(&mut self) -> Press {
        loop {
            if let Some(press) = self.press.take() {
                return press;
            }
            Timer::after_millis(50).await;
        }
    }

    fn warn(&mut self, wrong_codes: u16, strangers: u16) {
        self.warned.set((wrong_codes, strangers));
    }

    fn hide(&mut self) {
        self.note("hidden".into());
    }
}

/// A device, its server, and what is around them.
pub struct Home {
    pub lan: Rc<Lan>,
    pub link: Link,
    pub panel: Panel,
}

/// How a sign-in ended.
pub type End = Result<Tokens, Failure<PlainError<embassy_net::tcp::Error>>>;

impl Home {
    pub fn new() -> Self {
        let link = Link::default();
        let served = Served { link: link.clone(), framing: Framing::Length };
        Self { lan: Lan::new(Rc::new(RefCell::new(served))), link, panel: Panel::default() }
    }

    pub fn phone(&self, number: u8) -> Phone {
        Phone::new(self.lan.host(number))
    }

    /// Where the server sends a browser back to that was sent there.
    pub fn authorize(&self, url: &str) -> String {
        match self.link.server().authorize(url) {
            Return::Url(url) => url,
            Return::Form(_) => panic!("no form was asked for"),
        }
    }

    /// Signs in, and says whether the account was confirmed, if that is asked for.
    pub async fn sign_in(
        &self,
        client: &'static Client<'static>,
        site: Site<'static>,
        settles: bool,
    ) -> (End, Option<Result<bool, UserAgentError>>) {
        self.sign_in_with::<PLACES, { PLACES + 1 }>(client, site, settles).await
    }

    /// The same with so many places and sockets.
    pub async fn sign_in_with<const N: usize, const M: usize>(
        &self,
        client: &'static Client<'static>,
        site: Site<'static>,
        settles: bool,
    ) -> (End, Option<Result<bool, UserAgentError>>) {
        let ended = self.sign_in_until::<N, M>(client, site, settles, pending::<()>(), ready(())).await;
        ended.expect("nobody drops it")
    }

    /// The same until something happens: then the driver's future is dropped, and something else is done while the portal is
    /// still there.
    pub async fn sign_in_until<const N: usize, const M: usize>(
        &self,
        client: &'static Client<'static>,
        site: Site<'static>,
        settles: bool,
        until: impl Future,
        then: impl Future<Output = ()>,
    ) -> Option<(End, Option<Result<bool, UserAgentError>>)> {
        let stack = self.lan.device;
        let mut clock = SystemClock::new();
        clock.set(Date::Known(UnixTime::from_seconds(TODAY)));
        let sockets = TcpClientState::<1, 1024, 1024>::new();
        let way = Bare(EmbassyNet::new(stack, &sockets));
        let mut http = Http::<_, 512>::new(&way);
        let mut room = Room::<N>::new();
        let (mut rx, mut tx) = ([[0; 512]; M], [[0; 1024]; M]);
        let listeners = EmbassyListener::array(stack, 80, &mut rx, &mut tx);
        let seed = seeds::seed(elapsed());
        let portal = Portal::new(site, seed, self.panel.clone(), listeners, &mut room);
        let mut portal = if settles { portal.confirming() } else { portal };
        let flow = AuthorizationCode::<64>::new(client, seeds::seed(1), clock.now());
        let mut flow = flow.expect("the settings are right");
        let mut buffer = [0; 8192];
        let done = |tokens: TokenResponse<'_>| Tokens::of(&tokens);
        let sign_in = async {
            let end = run(&mut flow, &mut http, &mut portal, &mut clock, &mut buffer, done).await;
            let settled = match (&end, settles) {
                (Ok(tokens), true) => {
                    Some(portal.settle(tokens.subject.as_deref().unwrap_or_default()).await)
                }
                _ => None,
            };
            (end, settled)
        };
        let ended = match select(sign_in, until).await {
            Either::First(ended) => Some(ended),
            Either::Second(_) => {
                then.await;
                None
            }
        };
        drop(portal);
        ended
    }

    /// Runs this, with all that is around it.
    pub fn run<F: Future>(&self, main: F) -> F::Output {
        let tasks: Vec<Task<'static>> = self.lan.tasks();
        simulate(main, tasks)
    }
}
