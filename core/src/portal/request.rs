//! What a request's head says, as far as anybody here wants to know.

use crate::portal::answer::Status;

/// The methods that have a meaning here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Method {
    Get,
    Head,
    Other,
    Post,
}

/// What the head says of the body's length.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Length {
    Coded,
    Known(usize),
    None,
}

/// A head that is well-formed.
#[derive(Clone, Copy)]
pub(crate) struct Head<'r> {
    pub(crate) method: Method,
    pub(crate) target: &'r str,
    pub(crate) length: Length,
    values: [Option<&'r [u8]>; FIELDS.len()],
}

/// Fields that are read. None of them may come twice.
#[derive(Clone, Copy)]
pub(crate) enum Field {
    AcceptLanguage,
    ContentLength,
    ContentType,
    Cookie,
    Host,
    Origin,
    SecFetchMode,
    SecFetchSite,
    TransferEncoding,
}

impl Field {
    const fn place(self) -> usize {
        self as usize
    }
}

/// Their names, in the same order.
const FIELDS: [&[u8]; 9] = [
    b"accept-language",
    b"content-length",
    b"content-type",
    b"cookie",
    b"host",
    b"origin",
    b"sec-fetch-mode",
    b"sec-fetch-site",
    b"transfer-encoding",
];

impl<'r> Head<'r> {
    /// Reads a head whose grammar was checked.
    pub(crate) fn read(head: &'r [u8]) -> Result<Self, Status> {
        let (line, mut rest) = cut_line(head).ok_or(Status::BadRequest)?;
        let (method, line) = cut(line, b' ').ok_or(Status::BadRequest)?;
        let (target, _) = cut(line, b' ').ok_or(Status::BadRequest)?;
        let mut values = [None; FIELDS.len()];
        while let Some((line, behind)) = cut_line(rest) {
            rest = behind;
            let Some((name, value)) = cut(line, b':') else { continue };
            let mut known = FIELDS.iter().zip(values.iter_mut());
            let place = known.find(|(known, _)| name.eq_ignore_ascii_case(known)).map(|(_, place)| place);
            if place.is_some_and(|place| place.replace(value.trim_ascii()).is_some()) {
                return Err(Status::BadRequest);
            }
        }
        let method = match method {
            b"GET" => Method::Get,
            b"HEAD" => Method::Head,
            b"POST" => Method::Post,
            _ => Method::Other,
        };
        let target = core::str::from_utf8(target).map_err(|_| Status::BadRequest)?;
        let mut head = Self { method, target, length: Length::None, values };
        head.length = head.body_length()?;
        Ok(head)
    }

    pub(crate) fn field(&self, field: Field) -> Option<&'r [u8]> {
        self.values.get(field.place()).copied().flatten()
    }

    /// The same as text; empty if it is missing, or no text.
    pub(crate) fn text(&self, field: Field) -> &'r str {
        self.field(field).and_then(|value| core::str::from_utf8(value).ok()).unwrap_or_default()
    }

    /// Whether the body is a form (RFC 6749 Appendix B).
    pub(crate) fn is_form(&self) -> bool {
        let value = self.field(Field::ContentType).unwrap_or_default();
        let media_type = cut(value, b';').map_or(value, |(media_type, _)| media_type).trim_ascii();
        media_type.eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
    }

    /// Two statements of the length are how one request hides another (RFC 9112 §6.3).
    fn body_length(&self) -> Result<Length, Status> {
        match (self.field(Field::ContentLength), self.field(Field::TransferEncoding)) {
            (None, None) => Ok(Length::None),
            (None, Some(_)) => Ok(Length::Coded),
            (Some(digits), None) if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {
                let length = digits.iter().fold(0usize, |length, digit| {
                    length.saturating_mul(10).saturating_add(usize::from(digit.wrapping_sub(b'0')))
                });
                Ok(Length::Known(length))
            }
            _ => Err(Status::BadRequest),
        }
    }
}

/// What stands before and behind the first `separator`.
fn cut(octets: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let position = octets.iter().position(|&octet| octet == separator)?;
    let (before, behind) = octets.split_at_checked(position)?;
    Some((before, behind.get(1..)?))
}

/// The first line, without its end, and what follows.
fn cut_line(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let (line, behind) = cut(octets, b'\r')?;
    Some((line, behind.get(1..)?))
}
