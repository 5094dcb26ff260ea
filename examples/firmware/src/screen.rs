//! What a person sees on the console while they sign in elsewhere with a code.

use core::{
    fmt::{Debug, Display},
    pin::pin,
};

use embassy_futures::select::{Either, select};
use keyfob_core::{
    flow::{Flow, Redirect, UserCode},
    session::Session,
};
use keyfob_embassy::{
    Clock, Failure, close,
    http::Http,
    run,
    serial_console::SerialConsole,
    session::Store,
    user_agent::{UserAgent, UserAgentError},
};

use crate::{
    application::{Device, PICTURE, TOKENS, Underway},
    board::{self, Console},
    say,
};

impl<H: Http, S: Store, U: Underway> Device<'_, H, S, U> {
    /// Drives a flow that shows a code, until the key for giving up is pressed; or until there is a code, if it does not
    /// show it.
    pub async fn drive(
        &mut self,
        flow: &mut dyn Flow,
        session: &mut Session<'_, TOKENS>,
        shows: bool,
    ) -> Result<(), Failure<H::Error>> {
        let mut clock = self.clock;
        let mut picture = [0; PICTURE];
        let mut screen = Screen { console: SerialConsole::new(Console, board::NAME, &mut picture), shows };
        let ended = {
            // Not moved, which would take room on the stack.
            let driven = pin!(run(flow, self.http, &mut screen, &mut self.clock, self.buffer, |tokens| {
                session.sign_in(clock.now(), &tokens)
            }));
            select(driven, board::pressed(b'q')).await
        };
        let outcome = match ended {
            Either::First(Ok(kept)) => kept.map_err(Failure::Flow),
            Either::First(Err(failure)) => Err(failure),
            Either::Second(()) => {
                close(flow, self.http, &mut self.clock, self.buffer).await;
                Err(Failure::UserAgent(UserAgentError::Cancelled))
            }
        };
        let Ok(()) = screen.console.clear().await;
        outcome
    }
}

/// Says why a sign-in has failed.
pub fn report<E: Debug>(flow: &dyn Flow, failure: &Failure<E>)
where
    Failure<E>: Display,
{
    say!("The sign-in has failed: {failure}.");
    if let Some(refusal) = flow.refusal() {
        say!("The server says: {} {}", refusal.code(), refusal.description());
    }
}

/// The console, while somebody signs in.
struct Screen<'p> {
    console: SerialConsole<'p, Console>,
    shows: bool,
}

impl UserAgent for Screen<'_> {
    async fn open(&mut self, url: &str) -> Result<(), UserAgentError> {
        self.console.open(url).await
    }

    async fn redirect<'b>(&mut self, buffer: &'b mut [u8]) -> Result<Option<Redirect<'b>>, UserAgentError> {
        self.console.redirect(buffer).await
    }

    async fn display(&mut self, code: &UserCode<'_>) -> Result<(), UserAgentError> {
        if self.shows { self.console.display(code).await } else { Err(UserAgentError::Cancelled) }
    }

    fn hide(&mut self) {
        self.console.hide();
    }

    fn connected(&mut self) {
        say!("\nA phone is signing in. q gives up.");
    }
}
