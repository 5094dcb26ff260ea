//! By a code that the user enters at the server's page (RFC 8628).

use keyfob_core::{
    error::Error,
    flow::{DeviceAuthorization, Flow},
    session::Session,
};
use keyfob_embassy::{Clock, Failure, http::Http, session::Store, user_agent::UserAgentError};

use crate::{
    application::{Device, TOKENS, Underway},
    say,
    screen::report,
    seed,
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
        match self.drive(&mut flow, session, false).await {
            Err(Failure::UserAgent(UserAgentError::Cancelled)) => {}
            Err(failure) => {
                say!("There is no code: {failure}.");
                return Ok(End::of(&failure, false));
            }
            Ok(()) => return Err(Error::Misuse),
        }
        let length = flow.save(self.clock.now(), self.buffer)?;
        self.notes.store(self.buffer.get(..length).unwrap_or_default()).await;
        self.show_code(session, &mut flow).await
    }

    /// Shows a code until somebody has entered it.
    pub async fn show_code(
        &mut self,
        session: &mut Session<'_, TOKENS>,
        flow: &mut Flowing<'d>,
    ) -> Result<End, Error> {
        let failure = match self.drive(flow, session, true).await {
            Ok(()) => {
                say!("The server gave tokens.");
                // What led here is removed when they are stored.
                return Ok(End::Over);
            }
            Err(failure) => failure,
        };
        report(flow, &failure);
        self.notes.clear().await;
        Ok(End::of(&failure, true))
    }
}
