//! The client secret of Sign in with Apple, which the client makes itself.

use core::fmt;

use crate::{
    encoding::writer::Writer,
    error::{Error, Name},
    exchange::Fresh,
    jws::{Algorithm, Signer},
    jwt::Unsigned,
    time::Now,
};

/// Makes the secret for [`ClientAuthentication::ClientSecretPost`](super::ClientAuthentication::ClientSecretPost) at
/// Apple: a token that is signed with the developer's key and serves for months.
///
/// The key is the developer's and signs for all of their applications. It belongs on a server of theirs, which makes
/// the secret for its devices, and not on a device.
#[derive(Clone, Copy)]
pub struct AppleClientSecret<'a> {
    team_id: &'a str,
    client_id: &'a str,
    signer: &'a dyn Signer,
    lifetime: u32,
}

impl<'a> AppleClientSecret<'a> {
    /// The longest lifetime that Apple takes, in seconds: six months.
    pub const MAX_LIFETIME: u32 = 15_777_000;

    /// A secret for the client, signed by the team's key, which has a [name](Signer::key_id) and is for ES256. It is good
    /// for a day.
    pub const fn new(team_id: &'a str, client_id: &'a str, signer: &'a dyn Signer) -> Self {
        Self { team_id, client_id, signer, lifetime: 86_400 }
    }

    /// Seconds that it is good for: 1 to [`AppleClientSecret::MAX_LIFETIME`].
    #[must_use]
    pub const fn lifetime(mut self, seconds: u32) -> Self {
        self.lifetime = seconds;
        self
    }

    /// The secret, written into `out`.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`] with the length that would do, before anything is signed; [`Error::Config`] for a
    /// lifetime that Apple does not take, or a key of another kind or without a name;
    /// [`Check::ClockNotSet`](crate::error::Check::ClockNotSet); [`Error::SignaturePending`]: again, with the same `now`.
    pub fn write<'o>(&self, now: Now, out: &'o mut [u8]) -> Result<&'o str, Error> {
        let fresh = Fresh { now, secret: &[], nonce: None };
        let issued = fresh.issued()?;
        if !(1..=Self::MAX_LIFETIME).contains(&self.lifetime) {
            return Err(Error::Config(Name::Exp));
        }
        if self.signer.algorithm() != Algorithm::Es256 {
            return Err(Error::Config(Name::Alg));
        }
        let kid = self.signer.key_id().ok_or(Error::Config(Name::Kid))?;
        let mut writer = Writer::new(out);
        let header = |header: &mut crate::jwt::Object<'_, '_>| header.text("kid", kid);
        let token = Unsigned::of_signer(&mut writer, self.signer, header, |object| {
            object.text("iss", self.team_id);
            object.number("iat", issued);
            object.number("exp", issued.saturating_add(self.lifetime.into()));
            object.text("aud", "https://appleid.apple.com");
            object.text("sub", self.client_id);
        });
        let (written, _) = writer.finish()?;
        token.sign(self.signer, written)?;
        Ok(token.text(written))
    }
}

impl fmt::Debug for AppleClientSecret<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppleClientSecret")
    }
}
