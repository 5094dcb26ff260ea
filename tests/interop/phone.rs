//! A user who signs a device in from another one.

use std::thread::{self, JoinHandle};

use keyfob_core::flow::{Redirect, UserCode};
use keyfob_std::user_agent::{UserAgent, UserAgentError};

use crate::browser::{Browser, Options};

/// What the device shows.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The words for a person.
    pub instructions: String,
    /// What a QR code would hold.
    pub scannable: String,
    /// Seconds that the code lives when it is shown first.
    pub seconds_left: u32,
    /// The code.
    pub user_code: String,
    /// Where to enter it.
    pub verification_uri: String,
}

type Act = Box<dyn FnOnce(&Browser, &Shown) + Send>;

/// The device's screen, and a person in front of it with a browser of their own, who does what `act` says and then
/// tells the device so.
#[derive(Default)]
pub struct Phone {
    act: Option<Act>,
    person: Option<JoinHandle<String>>,
    told: bool,
    /// Whether the code was taken off the screen.
    pub hidden: bool,
    /// When the server was asked, in milliseconds of uptime.
    pub polls: Vec<u64>,
    /// What was shown first.
    pub shown: Option<Shown>,
}

impl Phone {
    /// A person who is going to do this.
    pub fn new(act: impl FnOnce(&Browser, &Shown) + Send + 'static) -> Self {
        Self { act: Some(Box::new(act)), ..Self::default() }
    }

    /// A person who never looks.
    pub fn ignored() -> Self {
        Self::default()
    }

    /// The text of the page that the browser ended on.
    #[track_caller]
    pub fn end_page(&mut self) -> String {
        let person = self.person.take().expect("a person who was shown a code");
        person.join().expect("the person came to an end page")
    }
}

impl UserAgent for Phone {
    fn open(&mut self, _url: &str) -> Result<(), UserAgentError> {
        Err(UserAgentError::NoBrowser)
    }

    fn redirect<'b>(&mut self, _buffer: &'b mut [u8]) -> Result<Option<Redirect<'b>>, UserAgentError> {
        Err(UserAgentError::NoBrowser)
    }

    fn display(&mut self, code: &UserCode<'_>) -> Result<(), UserAgentError> {
        self.hidden = false;
        match (code.next_poll(), self.polls.last_mut()) {
            // Brought forward, by the user's word.
            (Some(poll), Some(last)) if poll <= *last => *last = poll,
            (poll, _) => self.polls.extend(poll),
        }
        let shown = self.shown.get_or_insert_with(|| Shown {
            instructions: code.instructions("the test device").to_string(),
            scannable: code.scannable().into(),
            seconds_left: code.seconds_left(),
            user_code: code.user_code().into(),
            verification_uri: code.verification_uri().into(),
        });
        if let Some(act) = self.act.take() {
            let shown = shown.clone();
            self.person = Some(thread::spawn(move || {
                let browser = Browser::start_with(Options { accept_insecure_certs: true });
                act(&browser, &shown);
                browser.text()
            }));
        }
        Ok(())
    }

    fn hide(&mut self) {
        self.hidden = true;
    }

    fn is_hurried(&mut self) -> bool {
        let done = self.person.as_ref().is_some_and(JoinHandle::is_finished);
        done && !std::mem::replace(&mut self.told, true)
    }
}
