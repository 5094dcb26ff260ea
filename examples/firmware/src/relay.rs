//! By a phone anywhere, with a relay between it and the device.

use core::fmt::Write as _;

use keyfob_core::{client::ResponseMode, error::Error, flow::Relayed, relay::Relay, session::Session};
use keyfob_embassy::{Clock, Failure, http::Http, session::Store};

use crate::{
    application::{Device, TOKENS, Underway},
    say,
    screen::report,
    seed,
    sign_in::End,
    text::Text,
};

/// Octets for what the server and the relay choose for a sign-in, each.
const CODES: usize = 1024;

/// Seconds that the relay is asked to wait for news.
const WAIT: u32 = 10;

impl<H: Http, S: Store, U: Underway> Device<'_, H, S, U> {
    /// Shows a code for the relay's page, and waits until the answer comes from there.
    pub async fn by_relay(&mut self, session: &mut Session<'_, TOKENS>) -> Result<End, Error> {
        let Some((base, id, secret)) = self.relay else { return Ok(End::Unreachable) };
        let relay = Relay::new(base, id, secret).wait(WAIT);
        let mut redirect_uri = Text::<160>::new();
        let _ = write!(redirect_uri, "{base}/callback");
        let client = self.client.redirect_uri(redirect_uri.as_str()).response_mode(ResponseMode::FormPost);
        let mut flow = Relayed::<CODES>::new(&client, &relay, seed(), self.clock.now())?;
        let Err(failure) = self.drive(&mut flow, session, true).await else {
            say!("The server gave tokens.");
            return Ok(End::Over);
        };
        report(&flow, &failure);
        Ok(match failure {
            Failure::Flow(Error::RelayUnavailable) | Failure::Http(_) => End::Unreachable,
            failure => End::of(&failure, true),
        })
    }
}
