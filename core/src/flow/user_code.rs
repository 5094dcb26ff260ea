//! What a device shows its user (RFC 8628 §3.3).

use core::fmt;

use crate::encoding::url;

/// What to show while the user signs in on another device, and when to look again.
///
/// Show [`user_code`](Self::user_code) and [`verification_uri`](Self::verification_uri) as text always, also beside
/// a QR code: who looks at them can compare them, and who cannot scan can type (RFC 8628 §3.3.1). They go where the
/// user is, and nowhere else: on the screen, by voice, or by radio that does not reach the street (§5.7); and they
/// are taken down at the end.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct UserCode<'f> {
    pub(crate) user_code: &'f str,
    pub(crate) verification_uri: &'f str,
    pub(crate) verification_uri_complete: &'f str,
    /// Uptimes in milliseconds.
    pub(crate) now: u64,
    pub(crate) end: u64,
    pub(crate) next_poll: Option<u64>,
}

impl<'f> UserCode<'f> {
    /// The code to enter, exactly as the server gave it: at most 64 characters of printable ASCII.
    pub const fn user_code(&self) -> &'f str {
        self.user_code
    }

    /// Where to enter it: an `https` address of at most 128 characters.
    pub const fn verification_uri(&self) -> &'f str {
        self.verification_uri
    }

    /// The same address with the code in it, if the server gave one, for a QR code or NFC: at most 512 characters.
    pub const fn verification_uri_complete(&self) -> Option<&'f str> {
        if self.verification_uri_complete.is_empty() { None } else { Some(self.verification_uri_complete) }
    }

    /// What a QR code is made of: the complete address, or the plain one.
    pub fn scannable(&self) -> &'f str {
        self.verification_uri_complete().unwrap_or(self.verification_uri)
    }

    /// The host of the address, for a small screen.
    pub fn host(&self) -> &'f str {
        url::parse(self.verification_uri).map_or("", |url| url.host)
    }

    /// Seconds until the code expires, a part of one counted as one.
    pub fn seconds_left(&self) -> u32 {
        let left = u32::try_from(self.end.saturating_sub(self.now)).unwrap_or(u32::MAX);
        left.div_ceil(1000)
    }

    /// The uptime, in milliseconds, at which to poll the flow again. Earlier is harmless: there is the same to show.
    pub fn until(&self) -> u64 {
        self.next_poll.unwrap_or(self.end)
    }

    /// The uptime, in milliseconds, at which the server is asked again; `None` if the code expires first.
    pub const fn next_poll(&self) -> Option<u64> {
        self.next_poll
    }

    /// The same in words for a person: where to go, what to enter, what signs in, and a warning (RFC 8628 §5.4).
    /// `application` is what the user knows the device or the application by.
    pub const fn instructions<'a>(&self, application: &'a str) -> Instructions<'a>
    where
        'f: 'a,
    {
        Instructions { code: *self, application }
    }
}

/// [`UserCode::instructions`].
#[derive(Clone, Copy)]
pub struct Instructions<'a> {
    code: UserCode<'a>,
    application: &'a str,
}

impl fmt::Display for Instructions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code: UserCode { user_code, verification_uri, .. }, application } = *self;
        write!(f, "To sign in on {application}, open\n    {verification_uri}\n")?;
        write!(f, "on a phone or a computer, and enter the code\n    {user_code}\n")?;
        write!(f, "Enter it only if you started this yourself: it signs {application} in, as you.")
    }
}

impl fmt::Debug for Instructions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Instructions(…)")
    }
}

impl fmt::Debug for UserCode<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (host, seconds) = (self.host(), self.seconds_left());
        write!(f, "UserCode(… at {host}, {seconds} s left)")
    }
}
