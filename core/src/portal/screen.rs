//! What the device's own screen shows.

use core::fmt;

use crate::{
    encoding::writer::Writer,
    error::Error,
    portal::{Portal, Site, Step},
    time::Now,
};

/// What the device's own screen is to show.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Screen<'b> {
    /// A phone is signing in; beside this, a way to cancel.
    Connected,
    /// The sign-in is over: nothing.
    Over,
    /// Where to go and what to type there, and the same to scan.
    Pair(Invitation<'b>),
}

/// How a phone gets in.
#[derive(Clone, Copy)]
pub struct Invitation<'b> {
    link: &'b str,
    address: &'b str,
    code: Option<&'b str>,
    /// Uptimes in milliseconds.
    now: u64,
    until: u64,
}

impl<'b> Invitation<'b> {
    /// The portal's address, to be typed.
    pub const fn address(&self) -> &'b str {
        self.address
    }

    /// The code, as it is to be shown. `None`: too many wrong ones were tried, and for a while none is taken; the link is.
    pub const fn code(&self) -> Option<&'b str> {
        self.code
    }

    /// What the QR code holds: the portal's address, and a token that proves the sight of it.
    pub const fn link(&self) -> &'b str {
        self.link
    }

    /// Seconds until all of this is replaced, a part of one counted as one.
    pub fn seconds_left(&self) -> u32 {
        let left = u32::try_from(self.until.saturating_sub(self.now)).unwrap_or(u32::MAX);
        left.div_ceil(1000)
    }

    /// The uptime when all of this is replaced.
    pub const fn until(&self) -> u64 {
        self.until
    }
}

impl Portal {
    /// What the device's screen is to show, written into `out`. Changes nothing.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`] with the length that would do; [`Error::Expired`] when all codes were used.
    pub fn poll<'b>(&self, site: &Site<'_>, now: Now, out: &'b mut [u8]) -> Result<Screen<'b>, Error> {
        let pairing = match (&self.pairing, self.step) {
            (Some(pairing), Step::Open) => pairing,
            (None, Step::Open) | (_, Step::Bound | Step::Taken | Step::Confirm) => {
                return Ok(Screen::Connected);
            }
            (_, Step::Ended(_)) => return Ok(Screen::Over),
        };
        let (number, mut until) = pairing.number(now.uptime).ok_or(Error::Expired)?;
        let paused = now.uptime < pairing.paused_until;
        if paused {
            until = until.min(pairing.paused_until);
        }
        let mut writer = Writer::new(out);
        writer.text(site.scheme().as_bytes());
        writer.text(site.first_host().as_bytes());
        writer.octet(b'/');
        let address = writer.length();
        writer.text(b"?t=");
        writer.text(pairing.token(number).as_bytes());
        let link = writer.length();
        let code = pairing.code(number);
        let (first, second) = code.halves();
        writer.text(first);
        writer.octet(pairing.alphabet.separator());
        writer.text(second);
        let (written, _) = writer.finish()?;
        let whole = core::str::from_utf8(written).unwrap_or_default();
        let (link, code) = whole.split_at_checked(link).unwrap_or_default();
        Ok(Screen::Pair(Invitation {
            link,
            address: link.get(..address).unwrap_or_default(),
            code: (!paused).then_some(code),
            now: now.uptime,
            until,
        }))
    }
}

impl fmt::Debug for Screen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected => f.write_str("Connected"),
            Self::Over => f.write_str("Over"),
            Self::Pair(invitation) => invitation.fmt(f),
        }
    }
}

impl fmt::Debug for Invitation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let until = self.until;
        write!(f, "Invitation(…, until {until})")
    }
}
