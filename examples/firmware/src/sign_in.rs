//! Somebody signs in: in the way that they choose, or in the best one; and where that one is closed, in the next.

use keyfob_core::{
    error::Error,
    plan::Way,
    session::{Session, SignInReason},
};
use keyfob_embassy::{Failure, http::Http, session::Store};

use crate::{
    application::{Device, TOKENS, Underway},
    say,
    ways::{self, Why},
};

/// How one way has ended.
pub enum End {
    /// It failed; and whether somebody was shown a code, or sent to the server, before.
    Failed(Error, bool),
    /// It is over, and there is no use in another way.
    Over,
    /// The user does not want this account.
    #[cfg(feature = "portal")]
    Refused,
    /// What it needs outside of this device, beside the server, does not answer.
    #[cfg(feature = "relay")]
    Unreachable,
}

impl End {
    /// For a way that has failed so.
    pub fn of<E>(failure: &Failure<E>, asked: bool) -> Self {
        match failure {
            Failure::Flow(error) => Self::Failed(*error, asked),
            _ => Self::Over,
        }
    }
}

impl<H: Http, S: Store, U: Underway> Device<'_, H, S, U> {
    /// Signs somebody in, who asks for it by a key; or goes on where a loss of power has ended it. `false`: it is somebody
    /// who shall be signed out again.
    pub async fn sign_in(
        &mut self,
        session: &mut Session<'_, TOKENS>,
        reason: SignInReason,
        tell_at: Option<u64>,
    ) -> Result<bool, Error> {
        if let Some(mut flow) = self.saved().await {
            say!("Going on with the code from before.");
            self.show_code(session, &mut flow).await?;
            return Ok(true);
        }
        say!("Nobody is signed in ({reason:?}). Enter begins, a number says how, s shows figures.");
        ways::show(&self.plan);
        let mut way = match self.wait(session, tell_at).await {
            Some(b'\r' | b'\n') => self.plan.way(),
            Some(b's') => {
                self.figures();
                None
            }
            Some(key) => ways::by_key(key).and_then(|way| match self.plan.choose(way) {
                Ok(()) => Some(way),
                Err(reason) => {
                    say!("That way is closed: {}.", Why(reason));
                    None
                }
            }),
            None => None,
        };
        while let Some(going) = way {
            let end = match going {
                Way::DeviceAuthorization => self.by_code(session).await?,
                #[cfg(feature = "relay")]
                Way::Relay => self.by_relay(session).await?,
                #[cfg(feature = "portal")]
                Way::Paste | Way::Portal => self.by_phone(going, session).await?,
                _ => End::Over,
            };
            way = match end {
                End::Failed(error, asked) => self.plan.fall_back(error, asked),
                End::Over => None,
                #[cfg(feature = "portal")]
                End::Refused => return Ok(false),
                #[cfg(feature = "relay")]
                End::Unreachable => self.plan.unreachable(),
            };
            if let (Some(way), Some(reason)) = (way, self.plan.reason(going)) {
                say!("Not so: {}. Going on with {}.", Why(reason), ways::words(way));
            }
        }
        Ok(true)
    }
}
