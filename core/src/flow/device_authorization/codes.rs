//! The device authorization response (RFC 8628 §3.2).

use crate::{
    client::Client,
    encoding::{
        number::Number,
        text,
        url::{self, Url},
    },
    error::{Check, Error, Name},
    flow::{
        Action, UserCode,
        device_authorization::{dialect, pace::Pace},
    },
    quirks::Quirks,
    sieve::{Kept, Value},
    time::Now,
};

/// The longest user code. People type it.
const MAX_USER_CODE: usize = 64;
/// The longest address that people type.
const MAX_VERIFICATION_URI: usize = 128;
/// The longest address in a QR code.
const MAX_VERIFICATION_URI_COMPLETE: usize = 512;

/// Seconds between polls, if the server does not say (RFC 8628 §3.2).
const INTERVAL: u32 = 5;

/// What the server chose. Its texts are printable ASCII, so that lines keep them apart.
#[derive(Clone, Copy, Default)]
pub(in crate::flow) struct Codes<'b> {
    pub(in crate::flow) device_code: &'b str,
    pub(in crate::flow) user_code: &'b str,
    pub(in crate::flow) verification_uri: &'b str,
    /// Empty if there is none.
    pub(in crate::flow) verification_uri_complete: &'b str,
}

/// How long the codes live, and how often to ask; seconds.
#[derive(Clone, Copy)]
pub(in crate::flow) struct Times {
    pub(in crate::flow) expires_in: u32,
    pub(in crate::flow) interval: u32,
}

impl<'b> Codes<'b> {
    /// What to show, and until when.
    pub(in crate::flow) fn display(self, pace: &Pace, now: Now) -> Action<'b> {
        Action::Display(UserCode {
            user_code: self.user_code,
            verification_uri: self.verification_uri,
            verification_uri_complete: self.verification_uri_complete,
            now: now.uptime,
            end: pace.end(now),
            next_poll: pace.next_poll(now),
        })
    }

    /// Members of a device authorization response that are read.
    pub(in crate::flow) const MEMBERS: &'static [Name] = &[
        Name::DeviceCode,
        Name::UserCode,
        Name::VerificationUri,
        Name::VerificationUrl,
        Name::VerificationUriComplete,
        Name::ExpiresIn,
        Name::Interval,
        Name::Error,
        Name::ErrorDescription,
        Name::ErrorUri,
    ];

    /// Reads a response that is no refusal, and tells the quirks that were met.
    ///
    /// # Errors
    /// [`Error::Check`] says what is wrong with it; [`Error::Expired`] if the codes are dead on arrival.
    pub(in crate::flow) fn read(kept: Kept<'b>, client: &Client<'_>) -> Result<(Self, Times, Quirks), Error> {
        let device_code = printable(kept.get(Name::DeviceCode), Name::DeviceCode, usize::MAX)?;
        let (codes, times, quirks) = Self::shown(kept, client.quirks, client.metadata.insecure_loopback)?;
        Ok((Self { device_code, ..codes }, times, quirks))
    }

    /// The same without a device code.
    pub(in crate::flow) fn shown(
        kept: Kept<'b>,
        tolerated: Quirks,
        insecure_loopback: bool,
    ) -> Result<(Self, Times, Quirks), Error> {
        let user_code = printable(kept.get(Name::UserCode), Name::UserCode, MAX_USER_CODE)?;
        let (name, uri, mut quirks) = dialect::verification_uri(kept, tolerated);
        let verification_uri = address(uri, name, MAX_VERIFICATION_URI, insecure_loopback)?;
        let name = Name::VerificationUriComplete;
        let verification_uri_complete = match kept.get(name) {
            None | Some(Value::Null | Value::Text("")) => "",
            complete => address(complete, name, MAX_VERIFICATION_URI_COMPLETE, insecure_loopback)?,
        };
        let mut read = |name| {
            let (seconds, quirk) = seconds(kept.get(name), name, tolerated)?;
            quirks = quirks.with(quirk);
            Ok::<_, Check>(seconds)
        };
        let expires_in = read(Name::ExpiresIn)?;
        let expires_in = expires_in.ok_or(Check::MissingMember(Name::ExpiresIn))?;
        let interval = read(Name::Interval)?.unwrap_or(INTERVAL).max(1);
        if expires_in == 0 {
            return Err(Error::Expired);
        }
        let codes = Self { device_code: "", user_code, verification_uri, verification_uri_complete };
        Ok((codes, Times { expires_in, interval }, quirks))
    }

    /// All of it in lines.
    pub(in crate::flow) fn lines(self) -> impl Iterator<Item = u8> + Clone + use<'b> {
        let line = |text: &'b str| b"\n".iter().chain(text.as_bytes());
        let first = self.device_code.as_bytes().iter();
        let rest = line(self.user_code).chain(line(self.verification_uri));
        first.chain(rest).chain(line(self.verification_uri_complete)).copied()
    }

    /// What [`Codes::lines`] wrote.
    pub(in crate::flow) fn of_lines(lines: &'b str) -> Self {
        let mut lines = text::split(lines, b'\n');
        let mut next = || lines.next().unwrap_or_default();
        Self {
            device_code: next(),
            user_code: next(),
            verification_uri: next(),
            verification_uri_complete: next(),
        }
    }
}

/// A number of seconds, in digits or as a number, a part of one counted as one; `null` counts as absent.
pub(in crate::flow) fn seconds(
    value: Option<Value<'_>>,
    name: Name,
    tolerated: Quirks,
) -> Result<(Option<u32>, Quirks), Check> {
    let (seconds, quirk) = match value {
        None | Some(Value::Null) => return Ok((None, Quirks::NONE)),
        Some(Value::Number { negative: false, floor, fraction }) => {
            (Some(floor.saturating_add(u64::from(fraction))), Quirks::NONE)
        }
        Some(Value::Text(digits)) if tolerated.contains(Quirks::LIFETIME_AS_TEXT) => {
            (Number::from_digits(digits).map(Number::floor), Quirks::LIFETIME_AS_TEXT)
        }
        Some(_) => (None, Quirks::NONE),
    };
    let seconds = seconds.ok_or(Check::WrongType(name))?;
    Ok((Some(u32::try_from(seconds).unwrap_or(u32::MAX)), quirk))
}

fn printable(value: Option<Value<'_>>, name: Name, most: usize) -> Result<&str, Error> {
    match value {
        None | Some(Value::Text("")) => Err(Check::MissingMember(name).into()),
        Some(Value::Text(text)) if text.len() > most => Err(Error::InputTooLarge(name)),
        Some(Value::Text(text)) if !text.bytes().all(|octet| matches!(octet, 0x20..=0x7E)) => {
            Err(Check::BadMember(name).into())
        }
        Some(Value::Text(text)) => Ok(text),
        Some(_) => Err(Check::WrongType(name).into()),
    }
}

/// An address to show and to open: it may have a fragment, unlike an endpoint.
fn address(
    value: Option<Value<'_>>,
    name: Name,
    most: usize,
    insecure_loopback: bool,
) -> Result<&str, Error> {
    let safe = |url: Url<'_>| url.secure || (insecure_loopback && url.is_loopback());
    match value {
        None | Some(Value::Text("")) => Err(Check::MissingMember(name).into()),
        Some(Value::Text(text)) if text.len() > most => Err(Error::InputTooLarge(name)),
        Some(Value::Text(text)) if url::parse(text).is_some_and(safe) => Ok(text),
        Some(Value::Text(_)) => Err(Check::InsecureUrl(name).into()),
        Some(_) => Err(Check::WrongType(name).into()),
    }
}
