//! `WWW-Authenticate`: what a server wants to see before it does what was asked (RFC 9110 §11.6.1).

use core::fmt;

use crate::{
    encoding::writer::Writer,
    error::{Check, Error, ErrorCode, Name},
    sieve::{Scratch, bit},
};

/// The challenges in one header line, one after the other. A line that is malformed ends with an error.
///
/// ```
/// # use keyfob_core::{error::{Error, ErrorCode}, http::Challenges};
/// # fn main() -> Result<(), Error> {
/// let line = br#"Bearer, DPoP error="insufficient_user_authentication", acr_values="phr mfa""#;
/// for challenge in Challenges::read(line) {
///     let challenge = challenge?;
///     if challenge.is("dpop") && challenge.error() == Some(ErrorCode::InsufficientUserAuthentication) {
///         // RFC 9470 §4: a sign-in with these `acr_values` is what the server wants.
///         assert_eq!(challenge.parameter("acr_values", &mut [0; 64])?, Some("phr mfa"));
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Challenges<'h> {
    rest: &'h [u8],
}

/// One challenge: a scheme and its parameters.
#[derive(Clone, Copy)]
pub struct Challenge<'h> {
    scheme: &'h str,
    parameters: &'h [u8],
}

impl<'h> Challenges<'h> {
    /// Reads a header line.
    pub const fn read(line: &'h [u8]) -> Self {
        Self { rest: line }
    }

    fn challenge(&mut self) -> Result<Challenge<'h>, Error> {
        let scheme = token(&mut self.rest)?;
        let spaced = skip(&mut self.rest, is_space);
        if !spaced && !matches!(self.rest, [] | [b',', ..]) {
            return Err(Check::BadHeader.into());
        }
        // What stands behind the scheme as a whole is of no use to us (RFC 9110 §11.2).
        let mut whole = self.rest;
        take(&mut whole, is_token68);
        take(&mut whole, |octet| octet == b'=');
        skip(&mut whole, is_space);
        if matches!(whole, [] | [b',', ..]) {
            self.rest = whole;
        }
        let mut parameters = Parameters { rest: self.rest };
        let mut seen = 0u32;
        while let Some(parameter) = parameters.next()? {
            let place = KNOWN.iter().position(|name| parameter.is(name.as_str()));
            if let Some((name, bit)) = place.and_then(|place| Some((*KNOWN.get(place)?, bit(place)))) {
                if seen & bit != 0 {
                    return Err(Check::DuplicateParameter(name).into());
                }
                seen |= bit;
            }
        }
        let length = self.rest.len().saturating_sub(parameters.rest.len());
        let (parameters, rest) = self.rest.split_at_checked(length).unwrap_or_default();
        if !matches!(rest, [] | [b',', ..]) {
            return Err(Check::BadHeader.into());
        }
        self.rest = rest;
        Ok(Challenge { scheme, parameters })
    }
}

impl<'h> Iterator for Challenges<'h> {
    type Item = Result<Challenge<'h>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        skip(&mut self.rest, is_separator);
        if self.rest.is_empty() {
            return None;
        }
        let challenge = self.challenge();
        if challenge.is_err() {
            self.rest = &[];
        }
        Some(challenge)
    }
}

impl<'h> Challenge<'h> {
    /// The scheme as the server writes it: `Bearer`, `DPoP`. Case means nothing.
    pub const fn scheme(&self) -> &'h str {
        self.scheme
    }

    /// Whether it is of this scheme.
    pub const fn is(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }

    /// The parameter `error` (RFC 6750 §3.1, RFC 9449 §7.1, RFC 9470 §3).
    pub fn error(&self) -> Option<ErrorCode> {
        let mut code = Scratch::<64>::new();
        self.find("error")?.octets().for_each(|octet| code.push(&[octet]));
        Some(ErrorCode::from_text(code.text()))
    }

    /// A parameter without its quotes, into `out`; octets that are no printable ASCII are shown as `?`. It is text of a
    /// stranger.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`] with the length that would do.
    pub fn parameter<'o>(&self, name: &str, out: &'o mut [u8]) -> Result<Option<&'o str>, Error> {
        let Some(found) = self.find(name) else { return Ok(None) };
        let mut writer = Writer::new(out);
        found
            .octets()
            .for_each(|octet| writer.octet(if matches!(octet, 0x20..=0x7E) { octet } else { b'?' }));
        let (text, _) = writer.finish()?;
        Ok(core::str::from_utf8(text).ok())
    }

    fn find(&self, name: &str) -> Option<Parameter<'h>> {
        let mut parameters = Parameters { rest: self.parameters };
        // They were read once without an error.
        while let Ok(Some(parameter)) = parameters.next() {
            if parameter.is(name) {
                return Some(parameter);
            }
        }
        None
    }
}

/// What the challenges of an answer come to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Refusals {
    pub(crate) bearer: Option<ErrorCode>,
    pub(crate) dpop: Option<ErrorCode>,
    pub(crate) fault: Option<Check>,
}

impl Refusals {
    /// Takes one of perhaps several header lines; the first error of each scheme counts.
    pub(crate) fn read(&mut self, line: &[u8]) {
        for challenge in Challenges::read(line) {
            match challenge {
                Ok(challenge) if challenge.is("bearer") => self.bearer = self.bearer.or(challenge.error()),
                Ok(challenge) if challenge.is("dpop") => self.dpop = self.dpop.or(challenge.error()),
                Err(Error::Check(check)) => self.fault = Some(check),
                _ => {}
            }
        }
    }
}

/// Parameters that matter: none may come twice.
const KNOWN: &[Name] = &[
    Name::AcrValues,
    Name::Error,
    Name::ErrorDescription,
    Name::ErrorUri,
    Name::MaxAge,
    Name::Realm,
    Name::Scope,
];

struct Parameters<'h> {
    rest: &'h [u8],
}

#[derive(Clone, Copy)]
struct Parameter<'h> {
    name: &'h str,
    /// Between the quotes, if there are any.
    value: &'h [u8],
    quoted: bool,
}

impl<'h> Parameters<'h> {
    /// The next one; `None` at the end, or before the next scheme.
    fn next(&mut self) -> Result<Option<Parameter<'h>>, Error> {
        let mut rest = self.rest;
        skip(&mut rest, is_separator);
        if rest.is_empty() {
            self.rest = rest;
            return Ok(None);
        }
        let name = token(&mut rest)?;
        skip(&mut rest, is_space);
        let [b'=', behind @ ..] = rest else { return Ok(None) };
        rest = behind;
        skip(&mut rest, is_space);
        let (value, quoted) = match rest {
            [b'"', behind @ ..] => {
                let length = quoted_length(behind)?;
                let (value, behind) = behind.split_at_checked(length).unwrap_or_default();
                rest = behind.get(1..).unwrap_or_default();
                (value, true)
            }
            _ => (token(&mut rest)?.as_bytes(), false),
        };
        skip(&mut rest, is_space);
        if !matches!(rest, [] | [b',', ..]) {
            return Err(Check::BadHeader.into());
        }
        self.rest = rest;
        Ok(Some(Parameter { name, value, quoted }))
    }
}

impl<'h> Parameter<'h> {
    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The value with its quoted pairs resolved.
    fn octets(self) -> impl Iterator<Item = u8> + use<'h> {
        let mut rest = self.value.iter().copied();
        core::iter::from_fn(move || match rest.next() {
            Some(b'\\') if self.quoted => rest.next(),
            octet => octet,
        })
    }
}

/// Octets up to the closing quote.
fn quoted_length(text: &[u8]) -> Result<usize, Error> {
    let mut escaped = false;
    let closing = text.iter().position(|&octet| {
        let closing = octet == b'"' && !escaped;
        escaped = octet == b'\\' && !escaped;
        closing
    });
    closing.ok_or(Check::BadHeader.into())
}

fn token<'h>(rest: &mut &'h [u8]) -> Result<&'h str, Error> {
    let token = take(rest, is_token);
    match core::str::from_utf8(token) {
        Ok(token) if !token.is_empty() => Ok(token),
        _ => Err(Check::BadHeader.into()),
    }
}

fn take<'h>(rest: &mut &'h [u8], allowed: fn(u8) -> bool) -> &'h [u8] {
    let length = rest.iter().position(|&octet| !allowed(octet)).unwrap_or(rest.len());
    let (taken, behind) = rest.split_at_checked(length).unwrap_or_default();
    *rest = behind;
    taken
}

fn skip(rest: &mut &[u8], allowed: fn(u8) -> bool) -> bool {
    !take(rest, allowed).is_empty()
}

fn is_space(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t')
}

fn is_separator(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t' | b',')
}

/// RFC 9110 §5.6.2.
fn is_token(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet)
}

/// RFC 9110 §11.2, without the `=` at its end.
fn is_token68(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"-._~+/".contains(&octet)
}

impl fmt::Debug for Challenges<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Challenges")
    }
}

impl fmt::Debug for Challenge<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Challenge")
    }
}
