//! What makes a signed request unlike every other.

use crate::{
    error::{Check, Error},
    secret::Derived,
    time::{Date, Now},
};

/// What makes a signed request unlike every other: the moment, and a secret that no other client has. The same
/// moment gives the same octets, so that a request can be asked for again while its signature is in the making.
#[derive(Clone, Copy)]
pub(crate) struct Fresh<'f> {
    pub(crate) now: Now,
    /// A flow's seed, or the token that is sent: at least 128 bits that nobody can guess.
    pub(crate) secret: &'f [u8],
    /// The nonce of the server, empty if there is none yet; `None` where no proof is sent.
    pub(crate) nonce: Option<&'f str>,
}

impl Fresh<'_> {
    /// `jti`: 256 bits under `purpose` and the number among requests of the same moment, of which no two requests have the same (RFC 7519 §4.1.7, RFC 9449 §4.2).
    pub(crate) fn unique(&self, purpose: &str, url: &str, number: u32) -> Derived {
        let (known, date) = match self.now.date {
            Date::AtLeast(date) => (1, date.seconds()),
            Date::Known(date) => (2, date.seconds()),
            Date::Unknown => (0, 0),
        };
        let moment = [self.now.uptime.to_le_bytes(), date.to_le_bytes()];
        let nonce = self.nonce.unwrap_or_default().as_bytes();
        // No text can hold the octet behind it.
        let (moment, number) = (moment.as_flattened(), number.to_le_bytes());
        let pieces = [purpose.as_bytes(), &[0], url.as_bytes(), &[0], nonce, &[0, known], moment, &number];
        Derived::new(self.secret, &pieces)
    }

    /// `iat`. A floor is good enough to ask with: a server with doubts answers with a nonce (RFC 9449 §11.1).
    ///
    /// # Errors
    /// [`Check::ClockNotSet`] if nothing is known of the date.
    pub(crate) fn issued(&self) -> Result<u64, Error> {
        match self.now.date {
            Date::AtLeast(date) | Date::Known(date) => Ok(date.seconds()),
            Date::Unknown => Err(Check::ClockNotSet.into()),
        }
    }
}
