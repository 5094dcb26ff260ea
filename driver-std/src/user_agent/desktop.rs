//! The browser of this machine.

use std::{
    fmt,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use keyfob_core::{error::Error, flow::Redirect};
use log::LevelFilter;

use crate::{
    Failure,
    http::target,
    redirect::Loopback,
    user_agent::{Progress, UserAgent, UserAgentError},
};

/// How long the system may take to say whether it has a browser.
const OPENING: Duration = Duration::from_secs(3);

/// The system's browser, which comes back to a [`Loopback`] listener.
pub struct Desktop {
    loopback: Loopback,
    browser: bool,
    show: Option<Box<Show>>,
    progress: Option<Box<Report>>,
}

type Show = dyn FnMut(&str);
type Report = dyn FnMut(Progress);

impl Desktop {
    /// Opens the system's browser.
    pub fn new(loopback: Loopback) -> Self {
        Self { loopback, browser: true, show: None, progress: None }
    }

    /// Shows the address as well, so that a person can open it elsewhere on this machine. It comes before the
    /// browser opens, and is all there is when none does.
    #[must_use]
    pub fn show(mut self, show: impl FnMut(&str) + 'static) -> Self {
        self.show = Some(Box::new(show));
        self
    }

    /// Opens no browser; the address is [shown](Desktop::show) only.
    #[must_use]
    pub fn without_browser(mut self) -> Self {
        self.browser = false;
        self
    }

    /// Tells what happens now, for a person who waits.
    #[must_use]
    pub fn on_progress(mut self, progress: impl FnMut(Progress) + 'static) -> Self {
        self.progress = Some(Box::new(progress));
        self
    }
}

impl UserAgent for Desktop {
    fn open(&mut self, url: &str) -> Result<(), UserAgentError> {
        if !is_safe(url) {
            return Err(UserAgentError::NoBrowser);
        }
        if let Some(show) = &mut self.show {
            show(url);
        }
        let opened = self.browser && open_browser(url);
        if opened || self.show.is_some() { Ok(()) } else { Err(UserAgentError::NoBrowser) }
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

/// An address of the web, or of this machine, in characters that no program takes for anything else. The core
/// has looked already; but this one starts a program.
fn is_safe(url: &str) -> bool {
    target::read(url).is_some() && !url.contains(['"', '<', '>', '\\', '^', '`', '{', '|', '}'])
}

/// Opens the system's browser. `false`: there is none.
///
/// A browser in a terminal keeps the call until it is left. So it has a thread of its own, and counts as open
/// when it is not back soon.
fn open_browser(url: &str) -> bool {
    let (sender, receiver) = mpsc::channel();
    let url = url.to_owned();
    let open = move || sender.send(webbrowser::open(&url).is_ok());
    // The crate logs the command line, and in it the address with `state` and `nonce`, which logs are not
    // for.
    let level = log::max_level();
    let quiet = level.min(LevelFilter::Info);
    log::set_max_level(quiet);
    let opened = match thread::Builder::new().name("keyfob-browser".to_owned()).spawn(open) {
        Ok(_) => matches!(receiver.recv_timeout(OPENING), Ok(true) | Err(RecvTimeoutError::Timeout)),
        Err(_) => false,
    };
    if log::max_level() == quiet {
        log::set_max_level(level);
    }
    opened
}

#[cfg(test)]
mod tests {
    use super::*;

    // REQ: DRV-04
    #[test]
    fn only_addresses_are_opened() {
        assert!(is_safe("https://as.example/authorize?state=a&nonce=b%22"));
        assert!(is_safe("http://127.0.0.1:5/authorize"));
        for url in [
            "",
            "file:///bin/sh",
            "http://as.example/",
            "https://as.example/\"",
            "https://as.example/ -x",
            "--help",
        ] {
            assert!(!is_safe(url), "{url}");
        }
    }
}
