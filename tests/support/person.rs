//! A user with a browser, for both drivers.

use std::collections::VecDeque;

use keyfob_core::{
    error::Error,
    flow::{Redirect, UserCode},
};

use crate::{executor::pause, link::Link, server::Return};

/// What a person, or a stranger, does while the client waits for a redirect.
#[derive(Clone, Copy, Debug)]
pub enum Deed {
    /// The browser brings something that is made of the right response.
    Bring(fn(&str) -> String),
    /// A stranger posts a form.
    Form(fn(&str) -> String),
    /// The person gives up.
    GiveUp,
    /// The address is only shown, and nobody follows it for so many milliseconds.
    Miss(u64),
    /// The browser brings the response of the server.
    /// The person says that all is done.
    Hurry,
    /// The browser brings the response of the server; with a code, the person enters it.
    Return,
    /// Nothing happens for so many milliseconds.
    Wait(u64),
}

/// A user with a browser.
#[derive(Debug)]
pub struct Person {
    link: Link,
    deeds: VecDeque<Deed>,
    right: Option<Return>,
    missed: bool,
    /// What is on the screen.
    screen: Option<String>,
    /// Nothing happens before this uptime.
    rests: u64,
    hurried: bool,
    /// What the flow made of each redirect.
    pub judged: Vec<Option<Error>>,
    /// Whether the end was told, and that it was a good one.
    pub finished: Option<bool>,
}

impl Person {
    /// A person who does these things, and then nothing more.
    pub fn new(link: Link, deeds: &[Deed]) -> Self {
        Self {
            link,
            deeds: deeds.iter().copied().collect(),
            right: None,
            missed: false,
            screen: None,
            rests: 0,
            hurried: false,
            judged: Vec::new(),
            finished: None,
        }
    }

    fn go(&mut self, url: &str) {
        let missed = std::mem::take(&mut self.missed);
        assert!(self.right.is_none() || missed, "a flow opens the browser once");
        let mut world = self.link.world();
        world.transcript.open(url);
        self.right = Some(world.server.authorize(url));
    }

    /// What comes next: a response, nothing for a while, or no more at all.
    fn next(&mut self) -> Result<Option<Return>, GaveUp> {
        let right = self.right.clone().expect("the browser is open");
        let (Return::Form(text) | Return::Url(text)) = &right;
        let mut world = self.link.world();
        let redirect = match self.deeds.pop_front().unwrap_or(Deed::Wait(60_000)) {
            Deed::Bring(change) => Return::Url(change(text)),
            Deed::Form(change) => Return::Form(change(text)),
            Deed::GiveUp => {
                world.transcript.note("the user gave up");
                return Err(GaveUp);
            }
            Deed::Miss(milliseconds) => {
                self.missed = true;
                world.transcript.note(&format!("{milliseconds} ms later, and nobody looked"));
                world.clock.advance(milliseconds);
                return Ok(None);
            }
            Deed::Hurry => panic!("there is no hurry with a browser"),
            Deed::Return => right,
            Deed::Wait(milliseconds) => {
                world.transcript.note(&format!("{milliseconds} ms later"));
                world.clock.advance(milliseconds);
                return Ok(None);
            }
        };
        world.transcript.redirect(&redirect);
        Ok(Some(redirect))
    }

    /// Looks at the screen, which shows a code. It has both parts of it as text, always.
    fn look(&mut self, code: &UserCode<'_>) -> Result<(), GaveUp> {
        let mut world = self.link.world();
        let text = format!("the screen shows {} at {}", code.user_code(), code.verification_uri());
        if self.screen.replace(text.clone()) != Some(text.clone()) {
            world.transcript.note(&format!("{text}, for {} s", code.seconds_left()));
        }
        let now = world.clock.now().uptime;
        if now < self.rests {
            return Ok(());
        }
        match self.deeds.pop_front() {
            None => {}
            Some(Deed::GiveUp) => {
                world.transcript.note("the user gave up");
                return Err(GaveUp);
            }
            Some(Deed::Hurry) => self.hurried = true,
            Some(Deed::Return) => {
                world.transcript.note(&format!("the user enters {}", code.user_code()));
                world.server.enter(code.user_code());
            }
            Some(Deed::Wait(milliseconds)) => self.rests = now + milliseconds,
            Some(other) => panic!("nobody can {other:?} with a code"),
        }
        Ok(())
    }

    fn look_away(&mut self) {
        assert_eq!(self.finished, None, "the screen is cleared before the end is told");
        // A driver that is dropped before the code was there takes it away all the same.
        if self.screen.take().is_some() {
            self.link.world().transcript.note("the screen is clear");
        }
    }

    fn let_in(&mut self) {
        assert_eq!(self.screen, None, "the code has served, and is taken down before");
        self.link.world().transcript.note("a browser is let in");
    }

    fn hear(&mut self, error: Option<Error>) {
        if let Some(error) = error {
            self.link.world().transcript.note(&error.to_string());
        }
        self.judged.push(error);
    }

    fn hear_end(&mut self, good: bool) {
        assert_eq!(self.screen, None, "no code stays on the screen");
        assert_eq!(self.finished.replace(good), None, "a sign-in ends once");
    }

    fn note(&mut self, progress: &str) {
        self.link.world().transcript.note(progress);
    }
}

struct GaveUp;

/// Writes the response where the driver wants it.
fn written(redirect: Return, buffer: &mut [u8]) -> Option<Redirect<'_>> {
    let (Return::Form(text) | Return::Url(text)) = &redirect;
    let place = buffer.get_mut(..text.len())?;
    place.copy_from_slice(text.as_bytes());
    let text = std::str::from_utf8(place).ok()?;
    Some(match redirect {
        Return::Form(_) => Redirect::Form(text),
        Return::Url(_) => Redirect::Url(text),
    })
}

impl keyfob_std::user_agent::UserAgent for Person {
    fn open(&mut self, url: &str) -> Result<(), keyfob_std::user_agent::UserAgentError> {
        self.go(url);
        Ok(())
    }

    fn redirect<'b>(
        &mut self,
        buffer: &'b mut [u8],
    ) -> Result<Option<Redirect<'b>>, keyfob_std::user_agent::UserAgentError> {
        use keyfob_std::user_agent::UserAgentError;
        let Some(redirect) = self.next().map_err(|GaveUp| UserAgentError::Cancelled)? else {
            return Ok(None);
        };
        written(redirect, buffer).ok_or(UserAgentError::NoBrowser).map(Some)
    }

    fn reopens(&self) -> bool {
        self.missed
    }

    fn display(&mut self, code: &UserCode<'_>) -> Result<(), keyfob_std::user_agent::UserAgentError> {
        self.look(code).map_err(|GaveUp| keyfob_std::user_agent::UserAgentError::Cancelled)
    }

    fn hide(&mut self) {
        self.look_away();
    }

    fn connected(&mut self) {
        self.let_in();
    }

    fn is_hurried(&mut self) -> bool {
        std::mem::take(&mut self.hurried)
    }

    fn judged(&mut self, error: Option<Error>) {
        self.hear(error);
    }

    fn progress(&mut self, progress: keyfob_std::user_agent::Progress) {
        self.note(&format!("{progress:?}"));
    }

    fn finished(&mut self, failure: Option<&keyfob_std::Failure>) {
        self.hear_end(failure.is_none());
    }
}

/// Other tasks get their turn before and after everything.
impl keyfob_embassy::user_agent::UserAgent for Person {
    async fn open(&mut self, url: &str) -> Result<(), keyfob_embassy::user_agent::UserAgentError> {
        pause().await;
        self.go(url);
        pause().await;
        Ok(())
    }

    async fn redirect<'b>(
        &mut self,
        buffer: &'b mut [u8],
    ) -> Result<Option<Redirect<'b>>, keyfob_embassy::user_agent::UserAgentError> {
        use keyfob_embassy::user_agent::UserAgentError;
        pause().await;
        let Some(redirect) = self.next().map_err(|GaveUp| UserAgentError::Cancelled)? else {
            return Ok(None);
        };
        pause().await;
        written(redirect, buffer).ok_or(UserAgentError::NoBrowser).map(Some)
    }

    fn reopens(&self) -> bool {
        self.missed
    }

    async fn display(
        &mut self,
        code: &UserCode<'_>,
    ) -> Result<(), keyfob_embassy::user_agent::UserAgentError> {
        pause().await;
        self.look(code).map_err(|GaveUp| keyfob_embassy::user_agent::UserAgentError::Cancelled)
    }

    fn hide(&mut self) {
        self.look_away();
    }

    fn connected(&mut self) {
        self.let_in();
    }

    fn is_hurried(&mut self) -> bool {
        std::mem::take(&mut self.hurried)
    }

    fn judged(&mut self, error: Option<Error>) {
        self.hear(error);
    }

    fn progress(&mut self, progress: keyfob_embassy::user_agent::Progress) {
        self.note(&format!("{progress:?}"));
    }

    async fn finished<E>(&mut self, failure: Option<&keyfob_embassy::Failure<E>>) {
        self.hear_end(failure.is_none());
    }
}
