//! A page on this machine for a phone in its network, and what the terminal shows meanwhile.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use keyfob_core::{
    metadata::Metadata,
    portal::{Brand, ENGLISH, FRENCH, GERMAN, SPANISH, Screen, Site},
};
use keyfob_std::portal::Front;

use crate::report::Report;

/// The path that the server sends the phone to.
pub const CALLBACK: &str = "/callback";

/// The page, for sign-ins at this server.
pub fn site<'s>(metadata: &Metadata<'s>) -> Site<'s> {
    Site::new(metadata, &[]).brand(&BRAND).languages(&[&ENGLISH, &GERMAN, &FRENCH, &SPANISH])
}

/// This terminal, which has no keys but Ctrl-C.
pub struct Terminal {
    report: Arc<dyn Report>,
    qr: bool,
    /// Whether somebody was shown a code.
    shown: Arc<AtomicBool>,
    /// The link that is shown, and whether a code is beside it.
    link: Option<(String, bool)>,
}

impl Terminal {
    pub fn new(report: Arc<dyn Report>, shown: Arc<AtomicBool>, qr: bool) -> Self {
        Self { report, qr, shown, link: None }
    }

    fn take_down(&mut self) {
        if self.link.take().is_some() {
            self.report.user_code_over();
        }
    }
}

impl Front for Terminal {
    fn show(&mut self, screen: &Screen<'_>) {
        match screen {
            Screen::Pair(invitation) => {
                self.shown.store(true, Ordering::Relaxed);
                let link = Some((invitation.link().to_owned(), invitation.code().is_some()));
                if self.link != link {
                    self.take_down();
                    self.link = link;
                    self.report.invitation(invitation, self.qr);
                }
                self.report.time_left(invitation.seconds_left().into());
            }
            Screen::Connected => {
                self.take_down();
                self.report.connected();
            }
            _ => self.take_down(),
        }
    }

    fn warn(&mut self, wrong_codes: u16, strangers: u16) {
        self.report.warn(wrong_codes, strangers);
    }
}

const BRAND: Brand<'static> = Brand::new("sign-in");
