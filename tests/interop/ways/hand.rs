//! The user: a hand with a phone in it, who looks at the device and does what it says there.

use std::{
    cell::{Cell, RefCell},
    sync::mpsc::{self, Receiver, Sender},
    thread::{self, JoinHandle},
    time::Instant,
};

use keyfob_core::{
    error::Error,
    flow::{Redirect, UserCode},
    portal::Screen,
};
use keyfob_interop::browser::{Browser, Options};
use keyfob_std::{
    portal::Front,
    user_agent::{UserAgent, UserAgentError},
};

use crate::SOON;

/// What a device shows.
#[derive(Clone, Debug)]
pub enum Shown {
    /// An address to open.
    Address(String),
    /// What a QR code holds, and the same for fingers.
    Code { scannable: String, address: String, code: String },
}

impl Shown {
    /// The address that a user opens, or scans.
    pub fn address(&self) -> &str {
        match self {
            Self::Address(address) => address,
            Self::Code { scannable, .. } => scannable,
        }
    }

    /// The code.
    pub fn code(&self) -> &str {
        match self {
            Self::Address(_) => "",
            Self::Code { code, .. } => code,
        }
    }
}

/// The device's screen, as the user looks at it, and what they type on the device.
pub struct Device {
    shown: Sender<Shown>,
    typed: Receiver<String>,
    last: Option<String>,
    /// How often a phone was said to be there.
    pub connected: u32,
    /// Whether the code was taken down.
    pub hidden: bool,
}

/// The user's phone.
pub struct Hand {
    pub browser: Browser,
    typed: Sender<String>,
    pages: RefCell<Vec<String>>,
    /// What was done beside clicks and fields.
    more: Cell<u32>,
}

/// What the user saw.
#[derive(Debug)]
pub struct Visit {
    /// When the device showed something.
    pub began: Instant,
    /// The source of every page that a portal or a relay showed.
    pub pages: Vec<String>,
    /// Clicks, fields that were filled, addresses that were copied or pasted; scanning a code is none.
    pub taps: u32,
    /// The text of the last page.
    pub text: String,
    /// What the browser asked and was answered.
    pub traffic: String,
    /// The address of the last page.
    pub url: String,
}

/// A device, and a user who does this as soon as it shows something.
pub fn user(act: impl FnOnce(&Hand, &Shown) + Send + 'static) -> (Device, JoinHandle<Visit>) {
    let (shown, screen) = mpsc::channel::<Shown>();
    let (typed, keys) = mpsc::channel();
    // The phone is there before the sign-in begins.
    let hand = Hand { browser: phone(), typed, pages: RefCell::default(), more: Cell::default() };
    let thread = thread::spawn(move || {
        let shown = screen.recv().expect("the device shows something");
        let began = Instant::now();
        act(&hand, &shown);
        let taps = hand.browser.taps() + hand.more.get();
        let (browser, pages) = (hand.browser, hand.pages.into_inner());
        let (text, url, traffic) = (browser.text(), browser.url(), browser.traffic());
        Visit { began, pages, taps, text, traffic, url }
    });
    (Device { shown, typed: keys, last: None, connected: 0, hidden: false }, thread)
}

/// Another phone. It believes any certificate.
pub fn phone() -> Browser {
    let browser = Browser::start_with(Options { accept_insecure_certs: true });
    browser.be_a_phone();
    browser
}

impl Hand {
    /// A user whose device hears nothing of what is typed.
    pub fn alone() -> Self {
        let (typed, _) = mpsc::channel();
        Self { browser: phone(), typed, pages: RefCell::default(), more: Cell::default() }
    }

    /// Waits for a page, and keeps its source.
    #[track_caller]
    pub fn page(&self, css: &str) {
        self.browser.wait_for(|browser| browser.has(css), SOON);
        self.keep();
    }

    /// Waits for these words on the page, and keeps its source.
    #[track_caller]
    pub fn words(&self, words: &str) {
        self.browser.wait_for(|browser| browser.text().contains(words), SOON);
        self.keep();
    }

    /// Types the address that is shown beside a code.
    #[track_caller]
    pub fn types_address(&self, shown: &Shown) {
        let Shown::Code { address, .. } = shown else { panic!("no code, but {shown:?}") };
        self.more.set(self.more.get() + 1);
        self.browser.open(address);
    }

    /// Copies the address of the page.
    pub fn copies(&self) -> String {
        self.more.set(self.more.get() + 1);
        self.browser.url()
    }

    /// Pastes a line on the device.
    pub fn pastes(&self, line: &str) {
        self.more.set(self.more.get() + 1);
        // A device that has given up does not listen.
        let _ = self.typed.send(line.to_owned());
    }

    fn keep(&self) {
        self.pages.borrow_mut().push(self.browser.source());
    }
}

impl Device {
    /// What shows an address.
    pub fn window(&self) -> impl FnMut(&str) + 'static {
        let shown = self.shown.clone();
        move |url: &str| drop(shown.send(Shown::Address(url.to_owned())))
    }

    /// A device on which this was typed already.
    pub fn with_a_line(line: &str) -> Self {
        let ((shown, _), (keys, typed)) = (mpsc::channel(), mpsc::channel());
        keys.send(line.to_owned()).expect("nobody has hung up");
        Self { shown, typed, last: None, connected: 0, hidden: false }
    }

    /// Shows it, unless it is what is shown.
    pub fn show(&mut self, shown: Shown) {
        if self.last.as_deref() != Some(shown.address()) {
            self.last = Some(shown.address().to_owned());
            // A user who has seen enough does not look.
            let _ = self.shown.send(shown);
        }
    }
}

/// A terminal: codes are shown on it, and addresses, and the user types what is asked for.
impl UserAgent for Device {
    fn open(&mut self, url: &str) -> Result<(), UserAgentError> {
        self.show(Shown::Address(url.to_owned()));
        Ok(())
    }

    fn redirect<'b>(&mut self, buffer: &'b mut [u8]) -> Result<Option<Redirect<'b>>, UserAgentError> {
        let Ok(line) = self.typed.recv_timeout(std::time::Duration::from_millis(200)) else {
            return Ok(None);
        };
        let place = &mut buffer[..line.len()];
        place.copy_from_slice(line.as_bytes());
        Ok(Some(Redirect::Url(str::from_utf8(place).expect("a line"))))
    }

    fn judged(&mut self, error: Option<Error>) {
        assert_eq!(
            error.filter(|error| error.is_stray_redirect()),
            None,
            "what was typed is of this sign-in"
        );
    }

    fn display(&mut self, code: &UserCode<'_>) -> Result<(), UserAgentError> {
        self.show(Shown::Code {
            scannable: code.scannable().to_owned(),
            address: code.verification_uri().to_owned(),
            code: code.user_code().to_owned(),
        });
        Ok(())
    }

    fn hide(&mut self) {
        self.hidden = true;
    }

    fn connected(&mut self) {
        self.connected += 1;
    }
}

/// The panel of a device that serves a portal.
impl Front for Device {
    fn show(&mut self, screen: &Screen<'_>) {
        match screen {
            Screen::Pair(invitation) => self.show(Shown::Code {
                scannable: invitation.link().to_owned(),
                address: invitation.address().to_owned(),
                code: invitation.code().unwrap_or_default().to_owned(),
            }),
            Screen::Connected => self.connected += 1,
            _ => self.hidden = true,
        }
    }
}
