//! The terminal's page as the user agent of a flow.

use std::time::{Duration, Instant};

use keyfob_core::{
    error::Error,
    flow::{Redirect, UserCode},
    portal,
    time::Now,
};
use keyfob_std::{
    Clock, Failure, SystemClock,
    portal::{Front, Press},
    redirect::Loopback,
    user_agent::{Progress, UserAgent, UserAgentError},
};

use crate::{kiosk::Code, page, shared::Shared};

/// The page with a code, and somebody with a phone.
pub struct Phone<'s> {
    shared: &'s Shared,
    attempt: u64,
    /// What is drawn, and how.
    drawn: Option<(String, String)>,
    /// A user was shown a code.
    pub asked: bool,
}

/// The page, and the server's pages in the same browser.
pub struct Screen<'s> {
    shared: &'s Shared,
    attempt: u64,
    loopback: Loopback,
    /// The browser was sent to the server.
    pub asked: bool,
}

/// A clock that wakes up when the sign-in is given up.
pub struct Alert<'s> {
    pub clock: SystemClock,
    pub shared: &'s Shared,
    pub attempt: u64,
}

/// How long it sleeps at a time.
const NAP: Duration = Duration::from_millis(50);

impl<'s> Phone<'s> {
    pub fn new(shared: &'s Shared, attempt: u64) -> Self {
        Self { shared, attempt, drawn: None, asked: false }
    }
}

impl UserAgent for Phone<'_> {
    fn open(&mut self, _url: &str) -> Result<(), UserAgentError> {
        Err(UserAgentError::NoBrowser)
    }

    fn redirect<'b>(&mut self, _buffer: &'b mut [u8]) -> Result<Option<Redirect<'b>>, UserAgentError> {
        Err(UserAgentError::NoBrowser)
    }

    fn display(&mut self, code: &UserCode<'_>) -> Result<(), UserAgentError> {
        wanted(self.shared, self.attempt)?;
        self.asked = true;
        let text = code.scannable();
        let qr = match &self.drawn {
            Some((drawn, qr)) if drawn == text => qr.clone(),
            _ => page::qr(text).unwrap_or_default(),
        };
        self.drawn = Some((text.to_owned(), qr.clone()));
        let shown = Code {
            user_code: code.user_code().to_owned(),
            verification_uri: code.verification_uri().to_owned(),
            qr,
        };
        let (attempt, seconds) = (self.attempt, code.seconds_left());
        self.shared.with(|kiosk, now| kiosk.code(attempt, shown, seconds, now));
        Ok(())
    }

    fn connected(&mut self) {
        self.shared.with(|kiosk, now| kiosk.connected(self.attempt, now));
    }
}

/// The page as the front of a portal for phones.
pub struct Panel<'s> {
    shared: &'s Shared,
    attempt: u64,
    /// A user was shown a code.
    pub asked: bool,
}

impl<'s> Panel<'s> {
    pub fn new(shared: &'s Shared, attempt: u64) -> Self {
        Self { shared, attempt, asked: false }
    }
}

impl Front for Panel<'_> {
    fn show(&mut self, screen: &portal::Screen<'_>) {
        let attempt = self.attempt;
        match screen {
            portal::Screen::Pair(invitation) => {
                self.asked = true;
                let shown = Code {
                    user_code: invitation.code().unwrap_or_default().to_owned(),
                    verification_uri: invitation.address().to_owned(),
                    qr: page::qr(invitation.link()).unwrap_or_default(),
                };
                let seconds = invitation.seconds_left();
                self.shared.with(|kiosk, now| kiosk.code(attempt, shown, seconds, now));
            }
            portal::Screen::Connected => self.shared.with(|kiosk, now| kiosk.connected(attempt, now)),
            _ => {}
        }
    }

    fn confirm(&mut self, account: &str) {
        self.shared.with(|kiosk, now| kiosk.confirm(self.attempt, account, now));
    }

    fn pressed(&mut self) -> Option<Press> {
        self.shared.with(|kiosk, _| {
            if !kiosk.wants(self.attempt) {
                Some(Press::Cancel)
            } else if kiosk.is_confirmed(self.attempt) {
                Some(Press::Confirm)
            } else {
                None
            }
        })
    }

    fn warn(&mut self, wrong_codes: u16, strangers: u16) {
        eprintln!("kiosk: wrong codes {wrong_codes}, responses of others {strangers}");
    }
}

impl<'s> Screen<'s> {
    pub fn new(shared: &'s Shared, attempt: u64, loopback: Loopback) -> Self {
        Self { shared, attempt, loopback, asked: false }
    }
}

impl UserAgent for Screen<'_> {
    fn open(&mut self, url: &str) -> Result<(), UserAgentError> {
        self.asked = true;
        self.shared.with(|kiosk, now| kiosk.away(self.attempt, url, now));
        Ok(())
    }

    fn redirect<'b>(&mut self, buffer: &'b mut [u8]) -> Result<Option<Redirect<'b>>, UserAgentError> {
        wanted(self.shared, self.attempt)?;
        self.loopback.redirect(buffer)
    }

    fn judged(&mut self, error: Option<Error>) {
        self.loopback.judged(error);
    }

    fn progress(&mut self, _progress: Progress) {
        if self.asked {
            self.shared.with(|kiosk, now| kiosk.came_back(self.attempt, now));
        }
    }

    fn finished(&mut self, failure: Option<&Failure>) {
        self.loopback.finished(failure);
    }
}

impl Clock for Alert<'_> {
    fn now(&mut self) -> Now {
        self.clock.now()
    }

    fn sleep(&mut self, duration: Duration) {
        let end = Instant::now() + duration;
        while Instant::now() < end && wanted(self.shared, self.attempt).is_ok() {
            self.clock.sleep(NAP.min(end.saturating_duration_since(Instant::now())));
        }
    }
}

fn wanted(shared: &Shared, attempt: u64) -> Result<(), UserAgentError> {
    if shared.with(|kiosk, _| kiosk.wants(attempt)) { Ok(()) } else { Err(UserAgentError::Cancelled) }
}
