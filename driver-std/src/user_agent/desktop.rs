//! The browser of this machine.

use std::fmt;

use keyfob_core::{error::Error, flow::Redirect};

use crate::{
    Failure,
    redirect::Loopback,
    user_agent::{Progress, UserAgent, UserAgentError},
};

/// The system's browser, which comes back to a [`Loopback`] listener.
pub struct Desktop {
    loopback: Loopback,
    show: Option<Box<dyn FnMut(&str)>>,
    progress: Option<Box<dyn FnMut(Progress)>>,
    browser: bool,
}

impl Desktop {
    /// Opens the system's browser.
    pub fn new(loopback: Loopback) -> Self {
        Self { loopback, show: None, progress: None, browser: true }
    }

    /// Shows the address too, for a person to open it.
    #[must_use]
    pub fn show(mut self, show: impl FnMut(&str) + 'static) -> Self {
        self.show = Some(Box::new(show));
        self
    }

    /// Opens no browser.
    #[must_use]
    pub fn without_browser(mut self) -> Self {
        self.browser = false;
        self
    }

    /// Tells what happens, for a person who waits.
    #[must_use]
    pub fn on_progress(mut self, progress: impl FnMut(Progress) + 'static) -> Self {
        self.progress = Some(Box::new(progress));
        self
    }
}

impl UserAgent for Desktop {
    fn open(&mut self, url: &str) -> Result<(), UserAgentError> {
        if let Some(show) = &mut self.show {
            show(url);
        }
        Ok(())
    }

    fn redirect<'b>(&mut self, buffer: &'b mut [u8]) -> Result<Option<Redirect<'b>>, UserAgentError> {
        self.loopback.redirect(buffer)
    }

    fn judged(&mut self, error: Option<Error>) {
        self.loopback.judged(error);
    }

    fn progress(&mut self, progress: Progress) {
        if let Some(report) = &mut self.progress {
            report(progress);
        }
    }

    fn finished(&mut self, failure: Option<&Failure>) {
        self.loopback.finished(failure);
    }
}

impl fmt::Debug for Desktop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desktop").field("browser", &self.browser).finish_non_exhaustive()
    }
}
