//! Reading a request octet by octet, strictly (RFC 9112): each octet is looked at once, however slowly they come.

use crate::portal::{
    answer::Status,
    request::{Head, Length},
};

/// The longest parts of a request, in octets. What is longer is refused as soon as that is seen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    pub(crate) target: usize,
    pub(crate) fields: usize,
    pub(crate) body: usize,
}

impl Limits {
    /// For a portal: a target of 4 KiB, header fields of 2 KiB, a body of 4 KiB.
    pub const PORTAL: Self = Self::new(4096, 2048, 4096);

    /// For a listener on the same machine: a target of 8 KiB, header fields of 8 KiB, a body of 16 KiB. Browsers send
    /// it the cookies of everything else on the machine.
    pub const LOOPBACK: Self = Self::new(8192, 8192, 16 * 1024);

    /// Other limits, for a chip with less memory.
    pub const fn new(target: usize, fields: usize, body: usize) -> Self {
        Self { target, fields, body }
    }

    /// The buffer that does for every request within the limits.
    pub const fn request(self) -> usize {
        REQUEST_LINE.saturating_add(self.target).saturating_add(self.fields).saturating_add(self.body)
    }
}

/// Room for the method, the version and what separates them.
const REQUEST_LINE: usize = 32;

/// The longest method that is read on; the longest known one has 7 octets.
const MAX_METHOD: usize = 16;

/// How far a request was read.
#[derive(Clone, Copy)]
pub(crate) struct Reader {
    part: Part,
    /// Octets that were looked at.
    at: usize,
    /// Octets of the part that has a limit.
    length: usize,
    /// Octets of the whole request, once that is known.
    whole: Option<usize>,
}

/// What the next octet is of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Part {
    Method,
    Target,
    Version,
    /// LF, and then a field or the empty line.
    LineEnd,
    FieldStart,
    FieldName,
    FieldValue,
    /// The LF of the empty line.
    HeadEnd,
    Body,
}

impl Reader {
    pub(crate) const fn new() -> Self {
        Self { part: Part::Method, at: 0, length: 0, whole: None }
    }

    /// Looks at what has come since the last time. `true`: the head is whole, and so is the body, if there is to be one.
    pub(crate) fn read(&mut self, limits: Limits, octets: &[u8]) -> Result<bool, Status> {
        while self.part != Part::Body {
            let Some(&octet) = octets.get(self.at) else { return Ok(false) };
            self.part = self.push(limits, octet)?;
            self.at = self.at.saturating_add(1);
        }
        Ok(self.whole.is_none_or(|whole| octets.len() >= whole))
    }

    /// The buffer is full, and the request is not whole.
    pub(crate) const fn overflow(&self) -> Status {
        match self.part {
            Part::Method | Part::Target | Part::Version => Status::UriTooLong,
            Part::Body => Status::ContentTooLarge,
            _ => Status::HeaderFieldsTooLarge,
        }
    }

    /// Whether nothing has come yet.
    pub(crate) const fn is_empty(&self) -> bool {
        self.at == 0
    }

    /// The head, once it is whole, and its length.
    pub(crate) fn head<'r>(&self, octets: &'r [u8]) -> Result<Head<'r>, Status> {
        Head::read(octets.get(..self.at).unwrap_or_default())
    }

    /// The body of a form.
    ///
    /// `None`: it is not whole yet.
    pub(crate) fn form<'r>(
        &mut self,
        limits: Limits,
        length: Length,
        octets: &'r [u8],
    ) -> Result<Option<&'r str>, Status> {
        let length = match length {
            Length::Known(length) if length > limits.body => return Err(Status::ContentTooLarge),
            Length::Known(length) => length,
            Length::Coded | Length::None => return Err(Status::LengthRequired),
        };
        let whole = self.at.saturating_add(length);
        self.whole = Some(whole);
        match octets.get(self.at..whole) {
            Some(body) => core::str::from_utf8(body).map(Some).map_err(|_| Status::BadRequest),
            None => Ok(None),
        }
    }

    fn push(&mut self, limits: Limits, octet: u8) -> Result<Part, Status> {
        let bad = Err(Status::BadRequest);
        match (self.part, octet) {
            (Part::Method, b' ') if self.length > 0 => self.begin(Part::Target),
            (Part::Method, _) if is_token(octet) => self.count(Part::Method, MAX_METHOD, Status::BadRequest),
            (Part::Target, b' ') if self.length > 0 => self.begin(Part::Version),
            // The one form that is for us: no absolute URL, no `*` (RFC 9112 §3.2.1).
            (Part::Target, _) if self.length == 0 && octet != b'/' => bad,
            (Part::Target, b'!'..=b'"' | b'$'..=b'~') => {
                self.count(Part::Target, limits.target, Status::UriTooLong)
            }
            (Part::Version, b'\r') if self.length == VERSION.len() => self.begin(Part::LineEnd),
            (Part::Version, _) => {
                let right = VERSION.get(self.length).is_some_and(|&right| right == octet);
                let older = self.length.saturating_add(1) == VERSION.len() && octet == b'0';
                if right || older { self.count(Part::Version, usize::MAX, Status::BadRequest) } else { bad }
            }
            // A line ends with both of its octets, or the request is read in two ways (RFC 9112 §2.2).
            (Part::LineEnd, b'\n') => {
                self.count(Part::FieldStart, limits.fields, Status::HeaderFieldsTooLarge)
            }
            (Part::FieldStart, b'\r') => {
                self.count(Part::HeadEnd, limits.fields, Status::HeaderFieldsTooLarge)
            }
            // Not a line that goes on, nor a name with a space behind it (RFC 9112 §5.1, §5.2).
            (Part::FieldStart | Part::FieldName, _) if is_token(octet) => {
                self.count(Part::FieldName, limits.fields, Status::HeaderFieldsTooLarge)
            }
            (Part::FieldName, b':') => {
                self.count(Part::FieldValue, limits.fields, Status::HeaderFieldsTooLarge)
            }
            (Part::FieldValue, b'\r') => {
                self.count(Part::LineEnd, limits.fields, Status::HeaderFieldsTooLarge)
            }
            (Part::FieldValue, b'\t' | b' '..=b'~' | 0x80..) => {
                self.count(Part::FieldValue, limits.fields, Status::HeaderFieldsTooLarge)
            }
            (Part::HeadEnd, b'\n') => self.begin(Part::Body),
            _ => bad,
        }
    }

    fn begin(&mut self, part: Part) -> Result<Part, Status> {
        self.length = 0;
        Ok(part)
    }

    fn count(&mut self, part: Part, limit: usize, over: Status) -> Result<Part, Status> {
        self.length = self.length.saturating_add(1);
        if self.length > limit { Err(over) } else { Ok(part) }
    }
}

const VERSION: &[u8] = b"HTTP/1.1";

/// The characters of a method and of a field's name (RFC 9110 §5.6.2).
fn is_token(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet)
}
