//! A device that signs in by its portal, in a thread of its own, and the server that it signs in at.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU8, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use keyfob_core::{
    client::Client,
    flow::AuthorizationCode,
    metadata::Metadata,
    portal::{Screen, Site},
    secret::Seed,
    time::Now,
};
use keyfob_std::{
    Clock, Failure, SystemClock,
    http::HttpsClient,
    portal::{Front, Portal, Press},
    run,
};

use crate::{
    portal::provider::Provider,
    support::{exchange::ACCESS_TOKEN, server::LONG},
};

/// The device's address.
pub const HOME: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Another one.
pub const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 77);

/// What was seen on the device.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Seen {
    Confirm(String),
    Connected,
    Over,
    Pair { address: String, code: Option<String>, link: String, seconds: u32 },
    Warned(u16, u16),
}

/// The device's screen and keys, as a person has them in hand.
pub struct Panel {
    seen: Sender<Seen>,
    keys: Arc<Mutex<Vec<Press>>>,
    moved: Arc<Mutex<Option<SocketAddr>>>,
}

impl Panel {
    fn see(&self, seen: Seen) {
        // Nobody has to look.
        let _ = self.seen.send(seen);
    }
}

impl Front for Panel {
    fn show(&mut self, screen: &Screen<'_>) {
        self.see(match screen {
            Screen::Connected => Seen::Connected,
            Screen::Pair(invitation) => Seen::Pair {
                address: invitation.address().to_owned(),
                code: invitation.code().map(str::to_owned),
                link: invitation.link().to_owned(),
                seconds: invitation.seconds_left(),
            },
            _ => Seen::Over,
        });
    }

    fn confirm(&mut self, account: &str) {
        self.see(Seen::Confirm(account.to_owned()));
    }

    fn pressed(&mut self) -> Option<Press> {
        self.keys.lock().expect("is whole").pop()
    }

    fn moved(&mut self) -> Option<SocketAddr> {
        self.moved.lock().expect("is whole").take()
    }

    fn warn(&mut self, wrong_codes: u16, strangers: u16) {
        self.see(Seen::Warned(wrong_codes, strangers));
    }
}

/// How the phone's answer comes to the device.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Way {
    /// By a redirect over the network.
    Lan,
    Paste,
    /// By a redirect to a name of the device.
    Named,
}

/// How a device is made.
#[derive(Clone, Copy)]
pub struct Plan {
    pub way: Way,
    pub confirming: bool,
    pub pushed: bool,
    /// Milliseconds by which its clock is ahead after the first look.
    pub leap: u64,
}

impl Plan {
    pub const LAN: Self = Self { way: Way::Lan, confirming: false, pushed: false, leap: 0 };
    pub const PASTE: Self = Self { way: Way::Paste, ..Self::LAN };
}

/// How it ended: the access token, and whether it was accepted on the device.
#[derive(Debug)]
pub struct End {
    pub tokens: Result<String, Failure>,
    pub accepted: Option<bool>,
}

/// A device, as it is seen from outside.
pub struct Device {
    pub address: SocketAddr,
    pub provider: Provider,
    seen: Receiver<Seen>,
    keys: Arc<Mutex<Vec<Press>>>,
    moved: Arc<Mutex<Option<SocketAddr>>>,
    end: JoinHandle<End>,
}

impl Device {
    pub fn lan() -> Self {
        Self::new(Plan::LAN)
    }

    pub fn new(plan: Plan) -> Self {
        let provider = Provider::start();
        let (seen, screen) = mpsc::channel();
        let (keys, moved) = (Arc::default(), Arc::default());
        let panel = Panel { seen, keys: Arc::clone(&keys), moved: Arc::clone(&moved) };
        let (sender, receiver) = mpsc::channel();
        let issuer = provider.issuer();
        let end = thread::spawn(move || sign_in(plan, &issuer, panel, &sender));
        let address = receiver.recv_timeout(LONG).expect("a port is free");
        Self { address, provider, seen: screen, keys, moved, end }
    }

    pub fn press(&self, press: Press) {
        self.keys.lock().expect("is whole").push(press);
    }

    /// The network gives it another address. From now on it is found there.
    pub fn moves(&mut self) {
        self.address.set_ip(ELSEWHERE.into());
        *self.moved.lock().expect("is whole") = Some(self.address);
    }

    /// What is seen next.
    pub fn sees(&self) -> Seen {
        self.seen.recv_timeout(LONG).expect("something is shown")
    }

    /// Looks at the screen until this is seen.
    pub fn until<T>(&self, mut wanted: impl FnMut(Seen) -> Option<T>) -> T {
        let start = Instant::now();
        while start.elapsed() < LONG {
            if let Some(found) = wanted(self.sees()) {
                return found;
            }
        }
        panic!("it is not seen")
    }

    /// The link on the screen at this moment.
    pub fn link(&self) -> String {
        while self.seen.try_recv().is_ok() {}
        self.until(|seen| match seen {
            Seen::Pair { link, .. } => Some(link),
            _ => None,
        })
    }

    /// The code on the screen.
    pub fn code(&self) -> String {
        self.until(|seen| match seen {
            Seen::Pair { code, .. } => code,
            _ => None,
        })
    }

    /// What is on the screen from now on, without the repetitions of an invitation.
    pub fn rest(&self) -> Vec<Seen> {
        let mut rest = Vec::new();
        while let Ok(seen) = self.seen.recv_timeout(LONG) {
            if !matches!(seen, Seen::Pair { .. }) {
                rest.push(seen);
            }
        }
        rest
    }

    /// Waits for the end.
    pub fn end(self) -> End {
        self.end.join().expect("it does not panic")
    }

    /// Waits for the end, which is a good one.
    pub fn signs_in(self) {
        let port = self.address;
        let end = self.end();
        assert_eq!(end.tokens.expect("it is signed in"), ACCESS_TOKEN);
        is_closed(port);
    }
}

/// Nobody listens there.
pub fn is_closed(address: SocketAddr) {
    TcpStream::connect(address).expect_err("the port is closed");
}

/// Somebody listens there.
pub fn is_open(address: SocketAddr) {
    let start = Instant::now();
    while TcpStream::connect(address).is_err() {
        assert!(start.elapsed() < LONG, "the port is open");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A clock that goes on by so much after the first look.
pub struct Leaping(SystemClock, u64, u64);

impl Clock for Leaping {
    fn now(&mut self) -> Now {
        let mut now = self.0.now();
        now.uptime += std::mem::replace(&mut self.2, self.1);
        now
    }

    fn sleep(&mut self, duration: Duration) {
        self.0.sleep(duration);
    }
}

pub fn seed(number: u8) -> Seed {
    Seed::new(std::array::from_fn(|place| u8::try_from(place).expect("is small") ^ number)).expect("a seed")
}

/// No two sign-ins have the same seeds.
static SIGN_INS: AtomicU8 = AtomicU8::new(0);

fn sign_in(plan: Plan, issuer: &str, panel: Panel, ready: &Sender<SocketAddr>) -> End {
    let (authorize, token, push) =
        (format!("{issuer}/authorize"), format!("{issuer}/token"), format!("{issuer}/par"));
    let mut metadata = Metadata::new(issuer)
        .authorization_endpoint(&authorize)
        .token_endpoint(&token)
        .insecure_loopback_http();
    if plan.pushed {
        metadata = metadata.pushed_authorization_request_endpoint(&push);
    }
    let number = SIGN_INS.fetch_add(2, Ordering::Relaxed);
    let port = std::net::TcpListener::bind((HOME, 0)).and_then(|listener| listener.local_addr());
    let address = port.expect("a port is free");
    let name = format!("localhost:{}", address.port());
    let names = [name.as_str()];
    let site = match plan.way {
        Way::Lan => Site::new(&metadata, &[]).callback("/callback"),
        Way::Named => Site::new(&metadata, &names).callback("/callback"),
        Way::Paste => Site::new(&metadata, &[]).paste(&metadata),
    };
    let mut portal = Portal::bind(address, site, seed(number), panel).expect("the port is free");
    if plan.confirming {
        portal = portal.confirming();
    }
    let redirect_uri = match plan.way {
        Way::Paste => "http://127.0.0.1/callback".to_owned(),
        _ => format!("http://{}/callback", portal.host()),
    };
    let mut client = Client::oauth(metadata, "kettle").redirect_uri(&redirect_uri);
    if plan.pushed {
        client = client.pushed_authorization_request();
    }
    let client = if plan.way == Way::Named {
        client.insecure_localhost_redirect()
    } else {
        client.insecure_lan_redirect()
    };
    let mut clock = Leaping(SystemClock::new(), plan.leap, 0);
    let mut flow = AuthorizationCode::<512>::new(&client, seed(number + 1), clock.now()).expect("a flow");
    let mut http = HttpsClient::builder().build().expect("is allowed");
    is_closed(address);
    let _ = ready.send(address);
    let mut buffer = [0; 8192];
    let tokens = run(&mut flow, &mut http, &mut portal, &mut clock, &mut buffer, |tokens| {
        tokens.access_token().to_owned()
    });
    let accepted = (plan.confirming && tokens.is_ok()).then(|| portal.settle("alice").expect("is open"));
    is_closed(address);
    End { tokens, accepted }
}
