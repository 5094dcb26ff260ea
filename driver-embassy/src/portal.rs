//! The web server that a device shows to the browser of a phone in its network: the driver of
//! [`keyfob_core::portal`].
//!
//! ```
//! # use embassy_net::Stack;
//! # use keyfob_core::{client::Client, entropy::Entropy, flow::AuthorizationCode, metadata::Metadata, portal::Site, secret::Seed};
//! # use keyfob_embassy::{Clock, Failure, http::Http, net::EmbassyListener, portal::{Front, Portal, Room}, run};
//! # const SERVER: Metadata = Metadata::new("https://op.example").authorization_endpoint("https://op.example/authorize").token_endpoint("https://op.example/token");
//! /// What is pasted has been at an address where nothing listens.
//! static CLIENT: Client = Client::oauth(SERVER, "kettle").redirect_uri("http://127.0.0.1/callback");
//!
//! async fn sign_in<H: Http>(
//!     stack: Stack<'_>,
//!     entropy: &mut impl Entropy,
//!     http: &mut H,
//!     front: &mut impl Front,
//!     clock: &mut impl Clock,
//!     buffer: &mut [u8],
//! ) -> Result<bool, Failure<H::Error>> {
//!     // Two places, and three sockets more, for browsers open connections that they do not use yet.
//!     let (mut room, mut rx, mut tx) = (Room::<2>::new(), [[0; 512]; 5], [[0; 1024]; 5]);
//!     let sockets = EmbassyListener::array(stack, 80, &mut rx, &mut tx);
//!     let site = Site::new(&SERVER, &["kettle.local"]).paste(&SERVER).limits(Room::LIMITS);
//!
//!     let mut portal = Portal::new(site, Seed::draw(entropy)?, front, sockets, &mut room).confirming();
//!     let mut flow = AuthorizationCode::<512>::new(&CLIENT, Seed::draw(entropy)?, clock.now())?;
//!     run(&mut flow, http, &mut portal, clock, buffer, |_tokens| { /* keep them */ }).await?;
//!     Ok(portal.settle("alice").await?) // `false`: drop the tokens
//! }
//! ```
//!
//! One task serves all connections, and no future is kept for any of them. While the driver fetches tokens the portal goes
//! on, so that a browser that waits is answered. The sockets are closed at every end, and when the future is dropped.
//!
//! | | |
//! | --- | --- |
//! | connections at a time | the places of the [`Room`], two for each address |
//! | the time for a request | 10 s, or 50 ms while all places are taken and somebody waits |
//! | the time for taking an answer | 5 s, or 1 s while somebody waits |
//! | the time for the last page | 5 s |
//!
//! All answers are written in one buffer: a browser is kept waiting while another takes its answer. With sockets that have
//! room for a whole page, none is.

mod front;
mod line;
mod listen;
mod place;
mod room;
mod server;
mod strikes;

use core::{
    fmt::{self, Write as _},
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};

use embassy_time::{Duration, Instant};
use keyfob_core::{
    error::Error,
    flow::Redirect,
    portal::{self, Alphabet, Ending, Screen, Site},
    secret::Seed,
};

use crate::{
    Failure,
    portal::{
        line::look,
        place::Place,
        server::{Came, Server, Serves, after, now},
    },
    user_agent::{UserAgent, UserAgentError},
};

pub use self::front::{Front, Press};
pub use self::listen::Listen;
pub use self::room::Room;

/// The longest wait for a redirect before the driver looks at the time again, and the screen is shown anew.
const TURN: Duration = Duration::from_secs(1);

/// How long the browser may take to come for the last page, which a page that waits asks for every three seconds.
const LAST_PAGE: Duration = Duration::from_secs(5);

/// How long the user may take to confirm.
const CONFIRMATION: Duration = Duration::from_secs(120);

/// Octets of what a screen shows.
const SCREEN: usize = 192;

/// Octets of what the last page says of an error.
const DETAIL: usize = 160;

/// The portal of one sign-in, with `N` places and `M` sockets.
///
/// It is a user agent for [`AuthorizationCode`](keyfob_core::flow::AuthorizationCode). It listens from when the flow wants
/// the user's browser until its end.
pub struct Portal<'p, L: Listen, F: Front, const N: usize, const M: usize> {
    server: Server<'p, L, N, M>,
    front: F,
    /// Until the first time that a browser is wanted.
    seed: Option<Seed>,
    alphabet: Alphabet,
    /// Wrong codes and strangers that were told of.
    tried: (u16, u16),
    opened: bool,
    confirming: bool,
    shown: Shown,
}

/// What the device's screen shows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Shown {
    /// A code, until then, or none for a while.
    Code(u64, bool),
    Connected,
    Nothing,
}

impl<'p, L: Listen, F: Front, const N: usize, const M: usize> Portal<'p, L, F, N, M> {
    /// A portal that looks like `site`. Its hosts are the device's names, of which three count, as `kettle.local`; the
    /// address is asked of the sockets, and goes into the QR code.
    ///
    /// What is secret comes from `seed`, which serves this portal and nothing else.
    pub fn new<const REQUEST: usize, const URL: usize>(
        site: Site<'p>,
        seed: Seed,
        front: F,
        sockets: [L; M],
        room: &'p mut Room<N, REQUEST, URL>,
    ) -> Self {
        const { assert!(N > 0 && M > N, "one socket more than places has to wait for connections") };
        let Room { requests, answer, url } = room;
        let requests = requests.each_mut().map(<[u8; REQUEST]>::as_mut_slice);
        // Nobody is let in before there is an address to send a browser to.
        let portal = portal::Portal::listener();
        let server = Server::new(portal, Place::new(site), sockets, requests, answer, url);
        Self {
            server,
            front,
            seed: Some(seed),
            alphabet: Alphabet::Consonants,
            tried: (0, 0),
            opened: false,
            confirming: false,
            shown: Shown::Nothing,
        }
    }

    /// What the pairing code is made of; consonants, unless set.
    #[must_use]
    pub const fn alphabet(mut self, alphabet: Alphabet) -> Self {
        self.alphabet = alphabet;
        self
    }

    /// The last page waits until the user has confirmed on the device that it is the right account: see
    /// [`settle`](Portal::settle).
    #[must_use]
    pub const fn confirming(mut self) -> Self {
        self.confirming = true;
        self
    }

    /// Shows the account on the device, and waits until the user has confirmed it, for two minutes. `false`: it is not
    /// confirmed, so drop the tokens. For a portal that is [`confirming`](Portal::confirming), after the driver's end.
    ///
    /// # Errors
    /// [`UserAgentError::Listen`] if nobody has signed in, or the user was asked already.
    pub async fn settle(&mut self, account: &str) -> Result<bool, UserAgentError> {
        if !self.opened {
            return Err(UserAgentError::Listen);
        }
        let closing = Closing(self);
        let Self { server, front, .. } = &mut *closing.0;
        let until = after(CONFIRMATION);
        let mut serves = Serves::Confirmation;
        // What was pressed before it was asked is no answer to it.
        let before = poll_fn(|context| Poll::Ready(look(context, front.pressed()))).await;
        let cancelled = matches!(before, Poll::Ready(Press::Cancel));
        if !cancelled {
            both(server, &mut serves, front.confirm(account)).await;
        }
        let accepted = loop {
            if cancelled {
                break false;
            }
            let serve = server.serve(&mut serves, until);
            match either(front.pressed(), serve).await {
                Either::First(Press::Confirm) => break true,
                Either::First(Press::Cancel) => break false,
                Either::Second(_) if Instant::now() >= until => break false,
                Either::First(Press::Release) | Either::Second(_) => {}
            }
        };
        let ending = if accepted { Ending::SignedIn } else { Ending::Denied };
        server.portal.finished(ending);
        both(server, &mut Serves::Last(ending, ""), front.show(&Screen::Over)).await;
        server.serve(&mut Serves::Last(ending, ""), after(LAST_PAGE)).await;
        Ok(accepted)
    }

    /// The screen and the keys.
    pub const fn front(&mut self) -> &mut F {
        &mut self.front
    }

    /// Tells the front if somebody has tried something.
    fn tell(&mut self) {
        let tried = (self.server.portal.wrong_codes(), self.server.portal.strangers());
        if core::mem::replace(&mut self.tried, tried) != tried {
            self.front.warn(tried.0, tried.1);
        }
    }

    /// Closes all sockets. Nothing that was said stays in memory.
    fn close(&mut self) {
        self.opened = false;
        self.server.close();
    }

    /// Shows what there is to be shown, if it is another than before or `again`, and serves beside it.
    async fn show(&mut self, again: bool, serves: &mut Serves<'_>) -> Result<Option<Came>, UserAgentError> {
        let mut out = [0; SCREEN];
        let Self { server, front, shown, .. } = self;
        let screen = {
            let hosts = server.place.hosts();
            let site = server.place.site.with_hosts(&hosts);
            // All codes were used, or the names are too long.
            server.portal.poll(&site, now(), &mut out).map_err(|_| UserAgentError::NoScreen)?
        };
        let next = match screen {
            Screen::Pair(invitation) => Shown::Code(invitation.until(), invitation.code().is_some()),
            Screen::Connected => Shown::Connected,
            _ => Shown::Nothing,
        };
        let again = again && matches!(next, Shown::Code(..));
        if core::mem::replace(shown, next) == next && !again {
            return Ok(None);
        }
        Ok(both(server, serves, front.show(&screen)).await)
    }

    async fn turn(&mut self, buffer: &mut [u8]) -> Result<Option<Came>, UserAgentError> {
        let until = after(TURN);
        match self.server.settle() {
            // The server would send the browser to where nobody is.
            Some(true) if self.server.place.site.has_callback() => return Err(UserAgentError::Moved),
            Some(true) => self.server.release(),
            _ => {}
        }
        let mut serves = Serves::Redirects(buffer);
        let mut again = true;
        loop {
            self.tell();
            if self.server.place.is_somewhere() {
                let came = self.show(again, &mut serves).await?;
                if came.is_some() {
                    return Ok(came);
                }
            }
            again = false;
            let Self { server, front, .. } = self;
            match either(front.pressed(), server.serve(&mut serves, until)).await {
                Either::First(Press::Cancel) => return Err(UserAgentError::Cancelled),
                Either::First(Press::Release) => server.release(),
                Either::First(Press::Confirm) => {}
                Either::Second(came) if came.is_some() || Instant::now() >= until => return Ok(came),
                Either::Second(_) => {}
            }
        }
    }
}

impl<L: Listen, F: Front, const N: usize, const M: usize> UserAgent for Portal<'_, L, F, N, M> {
    async fn open(&mut self, url: &str) -> Result<(), UserAgentError> {
        if !self.server.open(url) {
            return Err(UserAgentError::NoBrowser);
        }
        if let Some(seed) = self.seed.take() {
            self.server.portal = portal::Portal::paired(seed, self.alphabet, now());
            self.opened = true;
        }
        // A portal serves one sign-in.
        if self.opened { Ok(()) } else { Err(UserAgentError::Listen) }
    }

    async fn redirect<'b>(&mut self, buffer: &'b mut [u8]) -> Result<Option<Redirect<'b>>, UserAgentError> {
        let came = self.turn(buffer).await?;
        Ok(came.map(|came| came.redirect(buffer)))
    }

    /// Until a browser was sent to the server.
    fn reopens(&self) -> bool {
        !self.server.sent
    }

    fn judged(&mut self, error: Option<Error>) {
        self.server.judged(error);
    }

    fn hide(&mut self) {
        self.close();
        self.front.hide();
    }

    async fn attend(&mut self) {
        if self.opened {
            self.server.serve(&mut Serves::Aside, Instant::MAX).await;
        }
    }

    async fn finished<E>(&mut self, failure: Option<&Failure<E>>) {
        if !self.opened {
            return;
        }
        if failure.is_none() && self.confirming {
            self.server.portal.confirm();
            return;
        }
        let mut detail = Detail { octets: [0; DETAIL], length: 0 };
        let ending = match failure {
            None => Ending::SignedIn,
            Some(failure) => {
                // What is longer is cut.
                let _ = write!(detail, "{failure}");
                match failure {
                    Failure::Flow(error) => Ending::of(*error),
                    Failure::Http(_) => Ending::Unreachable,
                    Failure::UserAgent(_) => Ending::Failed,
                }
            }
        };
        let taken = self.server.portal.is_taken();
        let mut serves = Serves::Last(ending, detail.text());
        let until = after(LAST_PAGE);
        let Self { server, front, .. } = self;
        if taken {
            both(server, &mut serves, front.show(&Screen::Over)).await;
            server.serve(&mut serves, until).await;
        } else {
            front.show(&Screen::Over).await;
        }
        self.close();
    }
}

impl<L: Listen, F: Front, const N: usize, const M: usize> Drop for Portal<'_, L, F, N, M> {
    fn drop(&mut self) {
        self.close();
    }
}

/// Closes a portal at the end, also when the future is dropped.
struct Closing<'a, 'p, L: Listen, F: Front, const N: usize, const M: usize>(&'a mut Portal<'p, L, F, N, M>);

impl<L: Listen, F: Front, const N: usize, const M: usize> Drop for Closing<'_, '_, L, F, N, M> {
    fn drop(&mut self) {
        self.0.hide();
    }
}

/// Serves beside what takes its time, until that is done. A redirect that came waits for it.
async fn both<L: Listen, const N: usize, const M: usize>(
    server: &mut Server<'_, L, N, M>,
    serves: &mut Serves<'_>,
    work: impl Future<Output = ()>,
) -> Option<Came> {
    let mut work = pin!(work);
    let mut came = None;
    poll_fn(|context| {
        if came.is_none()
            && let Poll::Ready(found) = server.look(context, serves)
        {
            came = Some(found);
        }
        work.as_mut().poll(context)
    })
    .await;
    came
}

/// What is ready first.
enum Either<A, B> {
    First(A),
    Second(B),
}

async fn either<A, B>(first: impl Future<Output = A>, second: impl Future<Output = B>) -> Either<A, B> {
    let (mut first, mut second) = (pin!(first), pin!(second));
    poll_fn(|context| match first.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Either::First(output)),
        Poll::Pending => second.as_mut().poll(context).map(Either::Second),
    })
    .await
}

/// What an error says.
struct Detail {
    octets: [u8; DETAIL],
    length: usize,
}

impl Detail {
    fn text(&self) -> &str {
        let octets = self.octets.get(..self.length).unwrap_or_default();
        core::str::from_utf8(octets).unwrap_or_default()
    }
}

impl fmt::Write for Detail {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for octet in text.bytes() {
            *self.octets.get_mut(self.length).ok_or(fmt::Error)? = octet;
            self.length = self.length.saturating_add(1);
        }
        Ok(())
    }
}

impl<L: Listen, F: Front, const N: usize, const M: usize> fmt::Debug for Portal<'_, L, F, N, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.server.portal.fmt(f)
    }
}
