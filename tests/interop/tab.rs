//! A browser that hands the application the address that it was sent back to.

use std::time::Duration;

use keyfob_core::flow::Redirect;
use keyfob_std::user_agent::{UserAgent, UserAgentError};

use crate::browser::{self, Browser};

/// A browser that stays open from one sign-in to the next, with Alice in front of it.
///
/// The redirect URI may be of a custom scheme, or one where nothing listens.
pub struct Tab {
    browser: Browser,
    /// Whether the last sign-in asked who the user is.
    pub asked: bool,
    redirect_uri: String,
    url: Option<String>,
}

impl Tab {
    /// A new browser.
    #[track_caller]
    pub fn new(redirect_uri: &str) -> Self {
        Self { browser: Browser::start(), asked: false, redirect_uri: redirect_uri.into(), url: None }
    }

    /// The browser.
    pub fn browser(&self) -> &Browser {
        &self.browser
    }
}

impl UserAgent for Tab {
    fn open(&mut self, url: &str) -> Result<(), UserAgentError> {
        self.browser.open(url);
        self.asked = self.browser.has("input[name=login]");
        browser::sign_in(&self.browser, "alice");
        self.url = Some(self.browser.captured_navigation(&self.redirect_uri, PAGES));
        Ok(())
    }

    fn redirect<'b>(&mut self, buffer: &'b mut [u8]) -> Result<Option<Redirect<'b>>, UserAgentError> {
        let url = self.url.take().ok_or(UserAgentError::Cancelled)?;
        let place = &mut buffer[..url.len()];
        place.copy_from_slice(url.as_bytes());
        Ok(Some(Redirect::Url(str::from_utf8(place).expect("a URL"))))
    }
}

/// The time for pages to come and go.
const PAGES: Duration = Duration::from_secs(20);
