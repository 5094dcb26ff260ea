//! By a code that the user enters at the server's page (RFC 8628).

use embassy_futures::select::{Either, select};
use keyfob_core::{
    error::Error,
    flow::{DeviceAuthorization, Flow, Redirect, UserCode},
    qr::QrCode,
    session::Session,
};
use keyfob_embassy::{
    Clock, Failure,
    http::Http,
    run,
    serial_console::SerialConsole,
    session::Store,
    user_agent::{UserAgent, UserAgentError},
};

use crate::{
    application::{Device, TOKENS, Underway},
    board::{self, Console},
    say, seed,
    sign_in::End,
};

/// Octets for what the server chooses for a sign-in.
const CODES: usize = 512;

type Flowing<'c> = DeviceAuthorization<'c, CODES>;

impl<'d, H: Http, S: Store, U: Underway> Device<'d, H, S, U> {
    /// What was under way when the power was lost.
    pub async fn saved(&mut self) -> Option<Flowing<'d>> {
        let length = self.notes.load(self.buffer).await;
        let saved = self.buffer.get(..length)?;
        DeviceAuthorization::restore(self.client, saved, self.clock.now()).ok()
    }

    /// Asks for a code, keeps it, and waits until somebody has entered it.
    pub async fn by_code(&mut self, session: &mut Session<'_, TOKENS>) -> Result<End, Error> {
        say!("Asking for a code.");
        let mut flow = Flowing::new(self.client, seed(), self.clock.now())?;
        match run(&mut flow, self.http, &mut UntilCode, &mut self.clock, self.buffer, |_| ()).await {
            Err(Failure::UserAgent(UserAgentError::Cancelled)) => {}
            Err(failure) => {
                say!("There is no code: {failure}.");
                return Ok(End::of(&failure, false));
            }
            Ok(()) => return Err(Error::Misuse),
        }
        let length = flow.save(self.clock.now(), self.buffer)?;
        self.notes.store(self.buffer.get(..length).unwrap_or_default()).await;
        self.show_code(session, flow).await
    }

    /// Shows a code until somebody has entered it.
    pub async fn show_code(
        &mut self,
        session: &mut Session<'_, TOKENS>,
        mut flow: Flowing<'d>,
    ) -> Result<End, Error> {
        let mut clock = self.clock;
        let mut picture = [0; QrCode::MAX_BUFFER];
        let mut console = SerialConsole::new(Console, board::NAME, &mut picture);
        let driven = run(&mut flow, self.http, &mut console, &mut self.clock, self.buffer, |tokens| {
            session.sign_in(clock.now(), &tokens)
        });
        let outcome = select(driven, board::pressed(b'q')).await;
        let Ok(()) = console.clear().await;
        let end = match outcome {
            Either::First(Ok(Ok(()))) => {
                say!("The server gave tokens.");
                // What led here is removed when they are stored.
                return Ok(End::Over);
            }
            Either::First(Ok(Err(error))) => {
                say!("The tokens cannot be kept: {error}.");
                End::Over
            }
            Either::First(Err(failure)) => {
                say!("The sign-in has failed: {failure}.");
                if let Some(refusal) = flow.refusal() {
                    say!("The server says: {} {}", refusal.code(), refusal.description());
                }
                End::of(&failure, true)
            }
            Either::Second(()) => {
                say!("Given up.");
                End::Over
            }
        };
        self.notes.clear().await;
        Ok(end)
    }
}

/// Ends as soon as there is a code, so that the flow can be saved.
struct UntilCode;

impl UserAgent for UntilCode {
    async fn open(&mut self, _url: &str) -> Result<(), UserAgentError> {
        Err(UserAgentError::NoBrowser)
    }

    async fn redirect<'b>(&mut self, _: &'b mut [u8]) -> Result<Option<Redirect<'b>>, UserAgentError> {
        Err(UserAgentError::NoBrowser)
    }

    async fn display(&mut self, _: &UserCode<'_>) -> Result<(), UserAgentError> {
        Err(UserAgentError::Cancelled)
    }
}
