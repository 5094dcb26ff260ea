//! By a phone in the device's network, for which the device serves pages.

use core::fmt::Write as _;

use embassy_net::Stack;
use keyfob_core::{
    error::Error,
    flow::AuthorizationCode,
    plan::Way,
    portal::{Brand, ENGLISH, FRENCH, GERMAN, SPANISH, Screen, Site},
    session::Session,
};
use keyfob_embassy::{
    Clock, Failure,
    http::Http,
    net::EmbassyListener,
    portal::{Front, Portal, Press, Room},
    run,
    serial_console::{SerialConsole, WithKeys},
    session::Store,
    user_agent::UserAgent,
};

#[cfg(feature = "mdns")]
use keyfob_embassy::mdns::{self, Mdns};

use crate::{
    application::{Device, PICTURE, TOKENS, Underway},
    board::{self, Console, Keys},
    say,
    screen::report,
    seed,
    sign_in::End,
    text::Text,
};

/// Connections at a time, and sockets. Browsers open some that they do not use yet, and one that finds no socket that waits
/// is turned away: on a slow chip that happens to the second page.
const PLACES: usize = 2;
pub const SOCKETS: usize = PLACES + 3;

/// Octets for what the server chooses for a sign-in.
const CODES: usize = 512;

const PORT: u16 = 80;

/// Where the server sends the phone to, on this device; and where it brings the address from, for nobody is there.
const CALLBACK: &str = "/callback";
const NOBODY: &str = "http://127.0.0.1/callback";

static BRAND: Brand<'_> = Brand::new(board::NAME);

/// The network, and room for what goes over it.
pub struct Pages {
    stack: Stack<'static>,
    room: Room<PLACES>,
    received: [[u8; 512]; SOCKETS],
    sent: [[u8; 1024]; SOCKETS],
    #[cfg(feature = "mdns")]
    name: mdns::Room,
}

impl Pages {
    /// Pages on this network.
    pub const fn new(stack: Stack<'static>) -> Self {
        Self {
            stack,
            room: Room::new(),
            received: [[0; 512]; SOCKETS],
            sent: [[0; 1024]; SOCKETS],
            #[cfg(feature = "mdns")]
            name: mdns::Room::new(),
        }
    }
}

impl<H: Http, S: Store, U: Underway> Device<'_, H, S, U> {
    /// Lets a phone in, sends it to the server, and asks for a key when it is known who has signed in.
    pub async fn by_phone(&mut self, way: Way, session: &mut Session<'_, TOKENS>) -> Result<End, Error> {
        let Pages {
            stack,
            room,
            received,
            sent,
            #[cfg(feature = "mdns")]
            name,
        } = &mut *self.pages;
        let mut redirect_uri = Text::<64>::new();
        let client = match way {
            Way::Portal => {
                let Some(config) = stack.config_v4() else { return Ok(End::Over) };
                let _ = write!(redirect_uri, "http://{}{CALLBACK}", config.address.address());
                self.client.redirect_uri(redirect_uri.as_str()).insecure_lan_redirect()
            }
            _ => self.client.redirect_uri(NOBODY),
        };
        #[cfg(not(feature = "mdns"))]
        let host = Text::<0>::new();
        #[cfg(feature = "mdns")]
        let host = {
            let mut host = Text::<40>::new();
            let _ = write!(host, "{}.local", self.name);
            host
        };
        let hosts = [host.as_str()];
        let site = Site::new(client.metadata(), &hosts)
            .brand(&BRAND)
            .languages(&[&ENGLISH, &FRENCH, &GERMAN, &SPANISH])
            .limits(Room::LIMITS);
        let site = match way {
            Way::Portal => site.callback(CALLBACK),
            _ => site.paste(client.metadata()),
        };
        let sockets = EmbassyListener::array(*stack, PORT, received, sent);
        let mut picture = [0; PICTURE];
        let console = SerialConsole::new(Console, board::NAME, &mut picture).with_keys(Keys);
        let mut front = Counting { console, wrong_codes: 0, strangers: 0 };
        let mut portal = Portal::new(site, seed(), &mut front, sockets, room).confirming();
        let mut flow = AuthorizationCode::<CODES>::new(&client, seed(), self.clock.now())?;
        let mut clock = self.clock;
        let sign_in = async {
            let driven = run(&mut flow, self.http, &mut portal, &mut self.clock, self.buffer, |tokens| {
                session.sign_in(clock.now(), &tokens)
            });
            driven.await??;
            Ok(portal.settle(session.subject().unwrap_or_default()).await?)
        };
        #[cfg(feature = "mdns")]
        let mut mdns = Mdns::new(*stack, self.name, board::NAME, PORT, name);
        #[cfg(feature = "mdns")]
        let sign_in = mdns.beside(sign_in);
        let outcome: Result<bool, Failure<H::Error>> = sign_in.await;
        let asked = !portal.reopens();
        drop(portal);
        let Counting { mut console, wrong_codes, strangers } = front;
        let Ok(()) = console.console().clear().await;
        if (wrong_codes, strangers) != (0, 0) {
            say!("Wrong codes: {wrong_codes}; answers of other sign-ins: {strangers}.");
        }
        Ok(match outcome {
            Ok(true) => {
                say!("Confirmed.");
                End::Over
            }
            Ok(false) => {
                say!("Refused here.");
                End::Refused
            }
            Err(failure) => {
                report(&flow, &failure);
                End::of(&failure, asked)
            }
        })
    }
}

/// The console, which also counts who tries what.
struct Counting<'p> {
    console: WithKeys<'p, Console, Keys>,
    wrong_codes: u16,
    strangers: u16,
}

impl Front for Counting<'_> {
    async fn show(&mut self, screen: &Screen<'_>) {
        self.console.show(screen).await;
    }

    async fn confirm(&mut self, account: &str) {
        self.console.confirm(account).await;
    }

    async fn pressed(&mut self) -> Press {
        self.console.pressed().await
    }

    fn warn(&mut self, wrong_codes: u16, strangers: u16) {
        (self.wrong_codes, self.strangers) = (wrong_codes, strangers);
    }

    fn hide(&mut self) {
        self.console.hide();
    }
}
