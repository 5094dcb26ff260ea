//! By a phone anywhere, with a relay between it and the device.

use core::fmt::Write as _;

use embassy_futures::select::{Either, select};
use keyfob_core::{
    client::ResponseMode,
    error::Error,
    flow::{Flow, Redirect, Relayed, UserCode},
    qr::QrCode,
    relay::Relay,
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
        let mut clock = self.clock;
        let mut picture = [0; QrCode::MAX_BUFFER];
        let mut console = Watched(SerialConsole::new(Console, board::NAME, &mut picture));
        let driven = run(&mut flow, self.http, &mut console, &mut self.clock, self.buffer, |tokens| {
            session.sign_in(clock.now(), &tokens)
        });
        let outcome = select(driven, board::pressed(b'q')).await;
        let Ok(()) = console.0.clear().await;
        Ok(match outcome {
            Either::First(Ok(Ok(()))) => {
                say!("The server gave tokens.");
                End::Over
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
                match failure {
                    Failure::Flow(Error::RelayUnavailable) | Failure::Http(_) => End::Unreachable,
                    failure => End::of(&failure, true),
                }
            }
            Either::Second(()) => {
                say!("Given up.");
                End::Over
            }
        })
    }
}

/// The console, which also says when the code has served.
struct Watched<'p>(SerialConsole<'p, Console>);

impl UserAgent for Watched<'_> {
    async fn open(&mut self, url: &str) -> Result<(), UserAgentError> {
        self.0.open(url).await
    }

    async fn redirect<'b>(&mut self, buffer: &'b mut [u8]) -> Result<Option<Redirect<'b>>, UserAgentError> {
        self.0.redirect(buffer).await
    }

    async fn display(&mut self, code: &UserCode<'_>) -> Result<(), UserAgentError> {
        self.0.display(code).await
    }

    fn hide(&mut self) {
        self.0.hide();
    }

    fn connected(&mut self) {
        say!("\nA phone is signing in. q gives up.");
    }
}
