//! Signing in on another device: this terminal shows a code, and where to enter it.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use keyfob_core::flow::{Redirect, UserCode};
use keyfob_std::user_agent::{Progress, UserAgent, UserAgentError};

use crate::report::{Report, Step};

/// A terminal, and a person with a phone.
pub struct Device<'r> {
    report: &'r dyn Report,
    qr: bool,
    until: Instant,
    shown: &'r AtomicBool,
    code: Option<String>,
    late: bool,
}

impl<'r> Device<'r> {
    /// Waits for so many seconds at the most; `qr`: a QR code may be shown too. Notes in `shown` that a code was.
    pub fn new(report: &'r dyn Report, shown: &'r AtomicBool, seconds: u32, qr: bool) -> Self {
        let until = Instant::now() + Duration::from_secs(seconds.into());
        Self { report, qr, until, shown, code: None, late: false }
    }

    /// Whether the user took too long.
    pub fn is_late(&self) -> bool {
        self.late
    }
}

impl UserAgent for Device<'_> {
    fn open(&mut self, _url: &str) -> Result<(), UserAgentError> {
        Err(UserAgentError::NoBrowser)
    }

    fn redirect<'b>(&mut self, _buffer: &'b mut [u8]) -> Result<Option<Redirect<'b>>, UserAgentError> {
        Err(UserAgentError::NoBrowser)
    }

    fn display(&mut self, code: &UserCode<'_>) -> Result<(), UserAgentError> {
        let rest = self.until.saturating_duration_since(Instant::now());
        if rest.is_zero() {
            self.late = true;
            return Err(UserAgentError::Cancelled);
        }
        self.shown.store(true, Ordering::Relaxed);
        if self.code.as_deref() != Some(code.user_code()) {
            if self.code.replace(code.user_code().to_owned()).is_some() {
                self.report.user_code_over();
            }
            self.report.user_code(code, self.qr);
        }
        let seconds = rest.as_secs().saturating_add(1).min(code.seconds_left().into());
        self.report.time_left(seconds);
        Ok(())
    }

    fn hide(&mut self) {
        self.report.user_code_over();
    }

    fn connected(&mut self) {
        self.report.connected();
    }

    fn progress(&mut self, progress: Progress) {
        // It comes with every question to the server, and there are many.
        if progress != Progress::Exchanging {
            self.report.progress(Step::of(progress, true));
        }
    }
}
