//! The small web server that a device, or a desktop, shows to the browser of a user who signs in.
//!
//! A [`Portal`] is a state machine like a flow: it has no socket. The driver hands in what came on a connection, and
//! sends what it is told to. There are two kinds:
//!
//! - [`Portal::paired`]: for a phone in the network of a device. Who starts has to show the sight of the device's
//!   screen, by a code or by scanning, and then the same browser has to finish.
//! - [`Portal::listener`]: for the browser on the same machine, which the program itself has opened (RFC 8252 §7.3).
//!
//! ```text
//! device                     phone                          server
//!   | shows address and code   |                               |
//!   |<--- GET / ---------------|                               |
//!   |---- page with a form --->|                               |
//!   |<--- POST /start: code ---|                               |
//!   |---- 303, cookie -------->|--- authorization request ---->|
//!   |                          |<-- 303 to the redirect URI ---|
//!   |<--- GET callback --------|                               |
//!   |---- 303 to /done ------->|                               |
//!   |---- token request -------------------------------------->|
//!   |<--- GET …/done ----------|                               |
//!   |---- how it ended ------->|                               |
//! ```
//!
//! What a driver does with a connection, here one that asks for the start page:
//!
//! ```
//! use keyfob_core::{
//!     client::Client,
//!     error::Error,
//!     flow::{Action, AuthorizationCode, Event, Flow},
//!     metadata::Metadata,
//!     portal::{Alphabet, ENGLISH, GERMAN, Limits, Outcome, Portal, Site, Visitor},
//!     secret::Seed,
//! };
//! # use keyfob_core::time::Now;
//! # fn random(label: u8) -> [u8; 32] { core::array::from_fn(|place| place as u8 ^ label) }
//! # fn now() -> Now { Now::unknown(0) }
//! # struct Socket;
//! # impl Socket {
//! #     fn peer(&self) -> core::net::IpAddr { core::net::IpAddr::V4(core::net::Ipv4Addr::LOCALHOST) }
//! #     fn receive(&mut self, out: &mut [u8]) -> usize {
//! #         let request = b"GET / HTTP/1.1\r\nHost: 192.168.4.20\r\n\r\n";
//! #         out[..request.len()].copy_from_slice(request);
//! #         request.len()
//! #     }
//! #     fn send(&mut self, answer: &[u8]) { assert!(answer.starts_with(b"HTTP/1.1 200 OK")) }
//! # }
//! # fn main() -> Result<(), Error> {
//! # let mut socket = Socket;
//!
//! const SERVER: Metadata = Metadata::new("https://op.example")
//!     .authorization_endpoint("https://op.example/authorize")
//!     .token_endpoint("https://op.example/token");
//! static CLIENT: Client = Client::oauth(SERVER, "kettle").redirect_uri("http://127.0.0.1/callback");
//!
//! let site = Site::new(&SERVER, &["192.168.4.20"]).paste(&SERVER).languages(&[&ENGLISH, &GERMAN]);
//! let mut flow = AuthorizationCode::<512>::new(&CLIENT, Seed::new(random(1))?, now())?;
//! let mut portal = Portal::paired(Seed::new(random(2))?, Alphabet::Consonants, now()); // then show `portal.poll`
//!
//! let mut visitor = Visitor::new(socket.peer());
//! let (mut request, mut length) = ([0; Limits::PORTAL.request()], 0);
//! let (mut out, mut url) = ([0; Portal::ANSWER], [0; 1024]);
//! let answer = loop {
//!     length += socket.receive(&mut request[length..]);
//!     break match portal.handle(&site, now(), &mut visitor, (&request, length), &mut out)? {
//!         Outcome::More => continue,
//!         Outcome::Answer(answer) => answer,
//!         Outcome::Start => {
//!             let Action::Authorize(url) = flow.poll(now(), &mut url)? else { return Err(Error::Misuse) };
//!             portal.send(&site, &visitor, url, &mut out)?
//!         }
//!         Outcome::Redirect(redirect) => {
//!             let error = flow.handle(now(), Event::Redirect(redirect)).err();
//!             portal.judged(&site, now(), &visitor, error, &mut out)?
//!         }
//!         _ => portal.wait(&site, &visitor, &mut out)?,
//!     };
//! };
//! socket.send(answer.octets());
//! # Ok(())
//! # }
//! ```
//!
//! A portal serves one flow. It never sees a token, shows no code of the server, and asks for no password.

mod answer;
mod judge;
mod page;
mod pairing;
mod rates;
mod reader;
mod reply;
mod request;
mod screen;
mod site;
mod slots;
mod visitor;
mod words;

use core::fmt;

use crate::{error::Error, flow::Redirect, secret::Seed, time::Now};

use self::{
    answer::{Fields, answer},
    page::{Notice, Say},
    pairing::Pairing,
    rates::Rates,
    reply::{Empty, Reply, as_text},
    site::DONE,
};

pub use self::answer::{Answer, Status};
pub use self::page::Ending;
pub use self::pairing::Alphabet;
pub use self::reader::Limits;
pub use self::screen::{Invitation, Screen};
pub use self::site::{Brand, Site};
pub use self::slots::{Admission, Slots};
pub use self::visitor::{Route, Visitor};
pub use self::words::{ENGLISH, FRENCH, GERMAN, SPANISH, Words};

/// The web server of one sign-in.
///
/// | request | answer |
/// | --- | --- |
/// | GET `/` | the page with the form; to all but the paired browser 409 while one is paired |
/// | POST `/start` | [`Outcome::Start`] for the right code or token; 403 for a wrong one, 429 for too many, 409 while another browser is paired |
/// | POST `/go` | [`Outcome::Start`], where the address is pasted |
/// | GET or POST to the callback | [`Outcome::Redirect`] |
/// | POST `/paste` | [`Outcome::Redirect`], where the address is pasted |
/// | GET callback`/done` | [`Outcome::Wait`], then how it ended |
///
/// HEAD is answered where GET is, without consequences. A listener that is not paired has only the callback and the page
/// behind it. Everything else is refused, with the status that says why and nothing else, and changes nothing.
///
/// | limit | |
/// | --- | --- |
/// | target, header fields, body | [`Limits`] |
/// | requests in a minute from one address, but for the paired browser | 30 |
/// | a pairing code | one use, 120 s, five wrong tries |
/// | no code is taken after five wrong tries | 10 s, then twice as long each time, up to 640 s |
/// | codes of a portal | 254 |
/// | connections, and the time for a request | [`Slots`] |
pub struct Portal {
    /// `None`: whoever comes is the one.
    pairing: Option<Pairing>,
    step: Step,
    rates: Rates,
    strangers: u16,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    /// Nobody was let in.
    Open,
    /// A browser was let in.
    Bound,
    /// The response is here.
    Taken,
    /// The user has to confirm on the device.
    Confirm,
    Ended(Ending),
}

/// What to do for a visitor.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Outcome<'b> {
    /// Send this and close.
    Answer(Answer<'b>),
    /// The request is not whole. Read on.
    More,
    /// Hand this in to the flow, and what the flow says to [`Portal::judged`]. It borrows what the visitor sent.
    Redirect(Redirect<'b>),
    /// The browser may go: [`Portal::send`] it to the address that the flow is to [authorize](crate::flow::Action::Authorize)
    /// at.
    Start,
    /// It waits for the end: keep it, and answer with [`Portal::last`], or answer at once with [`Portal::wait`].
    Wait,
}

impl Portal {
    /// The buffer for answers, in octets. One that sends a browser to a server has to hold that address too.
    pub const ANSWER: usize = 5120;

    /// A portal that lets one browser in: the one whose user sees the device's screen.
    ///
    /// Code, token, cookie and what its forms carry come from `seed`, which serves this portal and nothing else. Make it
    /// when a user wants to sign in, and drop it when that is over; it is not kept over a loss of power.
    pub const fn paired(seed: Seed, alphabet: Alphabet, now: Now) -> Self {
        Self::of(Some(Pairing::new(seed, alphabet, now.uptime)))
    }

    /// A listener for a browser that the program itself has sent to the server.
    pub const fn listener() -> Self {
        Self::of(None)
    }

    const fn of(pairing: Option<Pairing>) -> Self {
        Self { pairing, step: Step::Open, rates: Rates::new(), strangers: 0 }
    }

    /// Takes what a visitor has sent so far: the first `length` octets of `buffer`. Once the request is whole, or cannot
    /// be taken, says what to do.
    ///
    /// `out` has at least [`Portal::ANSWER`] octets; where an address is pasted, as many as a body may have.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`] if it has not; nothing has changed then.
    pub fn handle<'b>(
        &mut self,
        site: &Site<'_>,
        now: Now,
        visitor: &mut Visitor,
        (buffer, length): (&'b [u8], usize),
        out: &'b mut [u8],
    ) -> Result<Outcome<'b>, Error> {
        // What is pasted is decoded there.
        let needed = if site.paste.is_some() { Self::ANSWER.max(site.limits.body) } else { Self::ANSWER };
        if out.len() < needed {
            return Err(Error::BufferTooSmall { needed });
        }
        let octets = buffer.get(..length).unwrap_or(buffer);
        let reply = match visitor.reader.read(site.limits, octets) {
            Ok(false) if octets.len() >= buffer.len() => Err(visitor.reader.overflow()),
            Ok(false) => return Ok(Outcome::More),
            Ok(true) => {
                visitor.reader.head(octets).and_then(|head| self.head(site, now, visitor, &head, octets))
            }
            Err(status) => Err(status),
        };
        match reply {
            Ok(Reply::More) if octets.len() >= buffer.len() => {
                self.refuse(site, visitor, Status::ContentTooLarge, out).map(Outcome::Answer)
            }
            Ok(reply) => self.reply(site, now, visitor, reply, out),
            Err(status) => self.refuse(site, visitor, status, out).map(Outcome::Answer),
        }
    }

    /// Sends a browser to the server, after [`Outcome::Start`]: `url` is what the flow
    /// [wants it to authorize at](crate::flow::Action::Authorize).
    ///
    /// # Errors
    /// [`Error::Misuse`] if `url` is not of this site's server; [`Error::BufferTooSmall`] with the length that would do.
    pub fn send<'b>(
        &self,
        site: &Site<'_>,
        visitor: &Visitor,
        url: &str,
        out: &'b mut [u8],
    ) -> Result<Answer<'b>, Error> {
        if !site.leads_to(url) {
            return Err(Error::Misuse);
        }
        let cookie = self.cookie();
        let fields =
            Fields { location: [url, "", ""], cookie: as_text(cookie.as_ref()), ..Fields::default() };
        answer(site, Status::SeeOther, fields, Some(&Empty), visitor.is_head, out)
    }

    /// Answers who brought a redirect, with what the flow made of it: `None` if it was the right one. If it was, or has
    /// ended the sign-in, the browser is sent on to an address without the response in it. A stranger is told off, and
    /// the portal waits on.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`] with the length that would do.
    pub fn judged<'b>(
        &mut self,
        site: &Site<'_>,
        now: Now,
        visitor: &Visitor,
        error: Option<Error>,
        out: &'b mut [u8],
    ) -> Result<Answer<'b>, Error> {
        if error.is_some_and(Error::is_stray_redirect) {
            let pasted = visitor.route == Route::Paste;
            let page = self.page(now);
            let wrong = Say::Paste { notice: Notice::WrongPaste, page: as_text(page.as_ref()) };
            let say = if pasted { wrong } else { Say::Stray };
            let answer = self.say(site, visitor, Status::BadRequest, say, out)?;
            self.strangers = self.strangers.saturating_add(1);
            return Ok(answer);
        }
        let fields = Fields { location: [site.done(), DONE, ""], ..Fields::default() };
        let answer = answer(site, Status::SeeOther, fields, Some(&Empty), visitor.is_head, out)?;
        self.step = Step::Taken;
        Ok(answer)
    }

    /// The tokens are here, and the user has to confirm on the device that this is the account.
    pub const fn confirm(&mut self) {
        self.step = Step::Confirm;
    }

    /// The sign-in has ended: who asks for the last page from now on is told how.
    pub const fn finished(&mut self, ending: Ending) {
        self.step = Step::Ended(ending);
    }

    /// Lets another browser in, with another code: the phone is lost, or the device's address has changed, so that it
    /// does not come back. The flow goes on.
    pub fn release(&mut self, now: Now) {
        if let (Some(pairing), Step::Open | Step::Bound) = (&mut self.pairing, self.step) {
            pairing.renew(now.uptime);
            self.step = Step::Open;
        }
    }

    /// The last page, for a visitor who [waits](Outcome::Wait). `detail` says more of an error, such as its `Display`; it
    /// is shown as text, at most 160 octets of it.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`] with the length that would do.
    pub fn last<'b>(
        &self,
        site: &Site<'_>,
        visitor: &Visitor,
        ending: Ending,
        detail: &str,
        out: &'b mut [u8],
    ) -> Result<Answer<'b>, Error> {
        self.say(site, visitor, Status::Ok, Say::End { ending, detail }, out)
    }

    /// A page for a visitor who [waits](Outcome::Wait) that loads itself again after three seconds, so that no connection
    /// has to be kept.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`] with the length that would do.
    pub fn wait<'b>(
        &self,
        site: &Site<'_>,
        visitor: &Visitor,
        out: &'b mut [u8],
    ) -> Result<Answer<'b>, Error> {
        let say = if self.step == Step::Confirm { Say::Confirm } else { Say::Wait };
        self.say(site, visitor, Status::Ok, say, out)
    }

    /// Refuses a visitor: [`Status::RequestTimeout`] for one whose time is over, [`Status::ServiceUnavailable`] for one
    /// who has no place.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`] with the length that would do.
    pub fn refuse<'b>(
        &self,
        site: &Site<'_>,
        visitor: &Visitor,
        status: Status,
        out: &'b mut [u8],
    ) -> Result<Answer<'b>, Error> {
        self.say(site, visitor, status, Say::Refusal(status), out)
    }

    /// Wrong codes so far. More than a few are no accident: show it to the owner.
    pub fn wrong_codes(&self) -> u16 {
        self.pairing.as_ref().map_or(0, |pairing| pairing.wrong)
    }

    /// Responses so far that were not of this sign-in, or came from another browser.
    pub const fn strangers(&self) -> u16 {
        self.strangers
    }

    /// Whether the response was taken, so that the last page is to come.
    pub const fn is_taken(&self) -> bool {
        matches!(self.step, Step::Taken | Step::Confirm | Step::Ended(_))
    }
}

impl fmt::Debug for Portal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Portal({:?})", self.step)
    }
}

impl fmt::Debug for Outcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer(answer) => answer.fmt(f),
            Self::More => f.write_str("More"),
            Self::Redirect(redirect) => redirect.fmt(f),
            Self::Start => f.write_str("Start"),
            Self::Wait => f.write_str("Wait"),
        }
    }
}
