//! What a person sees on the console, and the keys that they press.

use keyfob_core::{
    flow::{Redirect, UserCode},
    qr::{Characters, QrCode},
};
use keyfob_embassy::user_agent::{Progress, UserAgent, UserAgentError};

use crate::say;

/// The console, while somebody signs in.
#[derive(Default)]
pub struct Screen {
    shown: bool,
}

impl UserAgent for Screen {
    async fn open(&mut self, _url: &str) -> Result<(), UserAgentError> {
        Err(UserAgentError::NoBrowser)
    }

    async fn redirect<'b>(&mut self, _: &'b mut [u8]) -> Result<Option<Redirect<'b>>, UserAgentError> {
        Err(UserAgentError::NoBrowser)
    }

    async fn display(&mut self, code: &UserCode<'_>) -> Result<(), UserAgentError> {
        if !self.shown {
            self.shown = true;
            picture(code.scannable());
            say!("Open {}", code.verification_uri());
            say!("Code {}", code.user_code());
            say!("It is good for {} s. q gives up.", code.seconds_left());
        }
        Ok(())
    }

    fn progress(&mut self, progress: Progress) {
        if progress == Progress::FetchingKeys {
            say!("Fetching the server's keys.");
        }
    }
}

/// Ends as soon as there is a code, so that the flow can be saved.
pub struct UntilCode;

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

/// A QR code in the characters of a terminal with dark ground, two modules each.
fn picture(text: &str) {
    let mut buffer = [0; 560];
    let Ok(code) = QrCode::of(text, &mut buffer) else { return };
    for row in code.rows(Characters::HalfBlocks) {
        say!("{row}");
    }
}
