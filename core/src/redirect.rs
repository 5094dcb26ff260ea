//! The authorization response (RFC 6749 §4.1.2): the one input that any stranger can send.
//!
//! Checked in this order: redirect URI, duplicates and encoding of known parameters, `state`, `iss`, parameters
//! that must not be there, conflict, `error`, `code`. Before `state` has matched nothing of it is believed.

use crate::{
    client::{Client, ResponseMode},
    encoding::{form, text, url},
    error::{Check, Error, Name},
    flow::Redirect,
    http::is_error_code,
    secret::equal,
};

/// The longest response that is looked at, in octets.
const MAX_RESPONSE: usize = 16 * 1024;

/// What a valid response says, still percent-encoded.
#[derive(Clone, Copy)]
pub(crate) enum AuthorizationResponse<'b> {
    /// Not encoded.
    BareCode(&'b str),
    Code(&'b str),
    Refusal {
        error: &'b str,
        description: &'b str,
        uri: &'b str,
    },
}

impl<'b> AuthorizationResponse<'b> {
    pub(crate) fn read(redirect: Redirect<'b>, client: &Client<'_>, state: &str) -> Result<Self, Error> {
        if let Redirect::Code(code) = redirect {
            return bare_code(code, client).map(Self::BareCode);
        }
        let parameters = Parameters::read(query(redirect, client)?)?;
        check_state(parameters.get(Name::State), state)?;
        check_issuer(parameters.get(Name::Iss), client)?;
        for name in [Name::AccessToken, Name::IdToken, Name::Response] {
            if parameters.is_present(name) {
                return Err(Check::UnexpectedParameter(name).into());
            }
        }
        let (code, error) = (parameters.get(Name::Code), parameters.get(Name::Error));
        match (code.is_empty(), error.is_empty()) {
            (false, false) => Err(Check::ConflictingResponse.into()),
            (true, true) => Err(Check::MissingParameter(Name::Code).into()),
            (false, true) => check_characters(code, Name::Code).map(|()| Self::Code(code)),
            (true, false) => check_characters(error, Name::Error).map(|()| Self::Refusal {
                error,
                description: parameters.get(Name::ErrorDescription),
                uri: parameters.get(Name::ErrorUri),
            }),
        }
    }
}

/// The part with the parameters, once the response is known to be for our redirect URI.
fn query<'b>(redirect: Redirect<'b>, client: &Client<'_>) -> Result<&'b str, Error> {
    let (Redirect::Url(input) | Redirect::Form(input) | Redirect::Code(input)) = redirect;
    if input.len() > MAX_RESPONSE {
        return Err(Error::InputTooLarge(Name::Url));
    }
    let form = matches!(redirect, Redirect::Form(_));
    if form != (client.request.response_mode == ResponseMode::FormPost) {
        return Err(Check::WrongMethod.into());
    }
    if form { Ok(input) } else { behind(input, client.redirect_uri).ok_or(Check::RedirectUriMismatch.into()) }
}

/// A code that somebody has copied. Without the server's name beside it, it is taken only where none was promised
/// (RFC 9207 §2.4).
fn bare_code<'b>(code: &'b str, client: &Client<'_>) -> Result<&'b str, Error> {
    if code.len() > MAX_RESPONSE {
        return Err(Error::InputTooLarge(Name::Code));
    }
    if client.metadata.iss_parameter {
        return Err(Check::IssuerMissing.into());
    }
    if code.is_empty() {
        return Err(Check::MissingParameter(Name::Code).into());
    }
    let visible = code.bytes().all(|octet| matches!(octet, 0x20..=0x7E));
    if visible { Ok(code) } else { Err(Check::BadParameter(Name::Code).into()) }
}

/// What follows the redirect URI in `url`, which is absolute or a request target.
fn behind<'b>(url: &'b str, redirect_uri: &str) -> Option<&'b str> {
    // A fragment never counts (RFC 6749 §4.1.2).
    let url = text::before(url, b'#');
    let (expected, own_query) = text::split_once(redirect_uri, b'?').unwrap_or((redirect_uri, ""));
    let (found, query) = text::split_once(url, b'?').unwrap_or((url, ""));
    let expected = if found.starts_with('/') { path(expected) } else { expected };
    if found != expected {
        return None;
    }
    let rest = query.strip_prefix(own_query)?;
    (own_query.is_empty() || rest.is_empty() || rest.starts_with('&')).then_some(rest)
}

/// The path of an absolute URL.
fn path(url: &str) -> &str {
    match url::parse(url) {
        Some(url) if !url.path.is_empty() => url.path,
        _ => "/",
    }
}

/// The known parameters.
const KNOWN: [Name; 9] = [
    Name::Code,
    Name::State,
    Name::Iss,
    Name::Error,
    Name::ErrorDescription,
    Name::ErrorUri,
    Name::AccessToken,
    Name::IdToken,
    Name::Response,
];

struct Parameters<'b> {
    values: [Option<&'b str>; KNOWN.len()],
}

impl<'b> Parameters<'b> {
    fn read(query: &'b str) -> Result<Self, Error> {
        let mut values = [None; KNOWN.len()];
        for (name, value) in form::pairs(query) {
            let mut known = KNOWN.iter().zip(values.iter_mut());
            let Some((&name, place)) = known.find(|(known, _)| form::decodes_to(name, known.as_str())) else {
                continue;
            };
            if place.replace(value).is_some() {
                return Err(Check::DuplicateParameter(name).into());
            }
            // What is only shown to people is made harmless instead.
            let shown = matches!(name, Name::ErrorDescription | Name::ErrorUri);
            if !shown && !form::is_well_formed(value) {
                return Err(Check::BadEncoding(name).into());
            }
        }
        Ok(Self { values })
    }

    fn value(&self, name: Name) -> Option<&'b str> {
        let mut known = KNOWN.iter().zip(self.values.iter());
        known.find(|(known, _)| **known == name).and_then(|(_, value)| *value)
    }

    fn is_present(&self, name: Name) -> bool {
        self.value(name).is_some()
    }

    /// An empty value counts as absent (RFC 6749 §3.1).
    fn get(&self, name: Name) -> &'b str {
        self.value(name).unwrap_or_default()
    }
}

/// In constant time, and whole.
pub(crate) fn check_state(received: &str, expected: &str) -> Result<(), Error> {
    let mut decoded = [0u8; 64];
    let mut length = 0usize;
    for octet in form::decode(received).flatten() {
        if let Some(place) = decoded.get_mut(length) {
            *place = octet;
        }
        length = length.saturating_add(1);
    }
    let decoded = decoded.get(..length).unwrap_or_default();
    if equal(decoded, expected.as_bytes()) { Ok(()) } else { Err(Check::StateMismatch.into()) }
}

/// RFC 9207 §2.4: there if announced, and right if there.
fn check_issuer(received: &str, client: &Client<'_>) -> Result<(), Error> {
    if received.is_empty() {
        return if client.metadata.iss_parameter { Err(Check::IssuerMissing.into()) } else { Ok(()) };
    }
    if client.is_encoded_issuer(received) { Ok(()) } else { Err(Check::IssuerMismatch.into()) }
}

/// RFC 6749 Appendix A.7, A.11.
fn check_characters(value: &str, name: Name) -> Result<(), Error> {
    let allowed = |octet: u8| match name {
        Name::Error => is_error_code_octet(octet),
        _ => matches!(octet, 0x20..=0x7E),
    };
    let good = form::decode(value).all(|octet| octet.is_ok_and(allowed));
    if good { Ok(()) } else { Err(Check::BadParameter(name).into()) }
}

fn is_error_code_octet(octet: u8) -> bool {
    core::str::from_utf8(&[octet]).is_ok_and(is_error_code)
}
