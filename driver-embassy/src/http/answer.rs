//! An answer as it comes in, octet for octet.

use keyfob_core::http::Incoming;

use super::Fault;

/// The longest head of an answer, in octets, with the interim answers before it and what follows the last chunk.
pub(crate) const MAX_HEAD: usize = 16 * 1024;

/// The same for what extends the sizes of all chunks.
const MAX_EXTENSIONS: usize = 16 * 1024;

/// Digits in the size of a chunk.
const MAX_DIGITS: usize = 16;

/// A status that has no body, whatever its headers say (RFC 9112 §6.3).
const NO_CONTENT: u16 = 204;

/// See [`NO_CONTENT`].
const NOT_MODIFIED: u16 = 304;

/// Reads an answer from whatever octets there are.
#[derive(Debug)]
pub(crate) struct Answer {
    step: Step,
    /// Octets of the head that may still come.
    head: usize,
    /// The same of what extends chunks.
    extensions: usize,
    proves_end: bool,
    status: u16,
    /// Whether it is of HTTP/1.1, not of HTTP/1.0.
    modern: bool,
    persists: bool,
    /// Seconds that the server keeps an idle connection, if it says so.
    idle: Option<u64>,
    length: Option<u64>,
    chunked: bool,
}

/// What comes next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    Status,
    Header,
    /// The rest of a header that nobody reads.
    LongHeader,
    Body(u64),
    ChunkSize,
    Chunk(u64),
    ChunkEnd,
    Trailer,
    LongTrailer,
    /// Whatever comes.
    ToEnd,
    Done,
}

/// What became of some octets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Taken {
    /// The answer has ended, with so many of them. The stream may serve another request if it is `reusable`.
    End { octets: usize, reusable: bool },
    /// So many are not needed any more. If it is none, more have to come.
    Some(usize),
}

impl Answer {
    /// An answer that has not begun. `proves_end`: the end of the stream can be believed.
    pub(crate) const fn new(proves_end: bool) -> Self {
        Self {
            step: Step::Status,
            head: MAX_HEAD,
            extensions: MAX_EXTENSIONS,
            proves_end,
            status: 0,
            modern: false,
            persists: false,
            idle: None,
            length: None,
            chunked: false,
        }
    }

    /// Whether the whole head is there.
    pub(crate) const fn has_head(&self) -> bool {
        !matches!(self.step, Step::Status | Step::Header | Step::LongHeader)
    }

    /// The status, as far as it came.
    pub(crate) const fn status(&self) -> u16 {
        self.status
    }

    /// Seconds that the server keeps an idle connection, if it says so (RFC 2068 §19.7.1.1).
    pub(crate) const fn idle(&self) -> Option<u64> {
        self.idle
    }

    /// The stream has ended.
    pub(crate) const fn end(&self) -> Result<(), Fault> {
        match self.step {
            Step::ToEnd | Step::Done => Ok(()),
            _ => Err(Fault::Cut),
        }
    }

    /// Takes as much of `octets` as one step takes. `full`: no more can come before some are taken.
    pub(crate) fn take(
        &mut self,
        octets: &[u8],
        full: bool,
        incoming: &mut Incoming<'_>,
    ) -> Result<Taken, Fault> {
        match self.step {
            Step::Body(rest) => {
                let (octets, rest) = within(octets, rest);
                self.step = if rest == 0 { Step::Done } else { Step::Body(rest) };
                Ok(self.body(octets, incoming))
            }
            Step::Chunk(rest) => {
                let (octets, rest) = within(octets, rest);
                self.step = if rest == 0 { Step::ChunkEnd } else { Step::Chunk(rest) };
                Ok(self.body(octets, incoming))
            }
            Step::ChunkEnd => match octets {
                [b'\r', b'\n', ..] => {
                    self.step = Step::ChunkSize;
                    Ok(Taken::Some(2))
                }
                [] | [b'\r'] => Ok(Taken::Some(0)),
                _ => Err(Fault::ChunkEnd),
            },
            Step::ToEnd => Ok(self.body(octets, incoming)),
            Step::Done => Ok(self.done(0)),
            Step::LongHeader | Step::LongTrailer => self.rest_of_line(octets),
            Step::Status | Step::Header | Step::ChunkSize | Step::Trailer => match line(octets)? {
                Some(line) => self.line(line, incoming),
                None if full => self.long_line(octets),
                None => Ok(Taken::Some(0)),
            },
        }
    }

    fn done(&self, octets: usize) -> Taken {
        Taken::End { octets, reusable: self.persists && self.step == Step::Done }
    }

    fn body(&self, octets: &[u8], incoming: &mut Incoming<'_>) -> Taken {
        match incoming.body(octets) {
            true if self.step != Step::Done => Taken::Some(octets.len()),
            _ => self.done(octets.len()),
        }
    }

    /// A whole line, without its end.
    fn line(&mut self, line: &[u8], incoming: &mut Incoming<'_>) -> Result<Taken, Fault> {
        let length = line.len().saturating_add(2);
        match self.step {
            Step::ChunkSize => {
                let (size, extensions) = chunk_size(line).ok_or(Fault::ChunkSize)?;
                self.extensions = self.extensions.checked_sub(extensions.len()).ok_or(Fault::ChunkSize)?;
                self.step = match size {
                    0 => Step::Trailer,
                    size => Step::Chunk(size),
                };
                return Ok(Taken::Some(length));
            }
            Step::Status => self.status_line(line, incoming)?,
            Step::Trailer if line.is_empty() => self.step = Step::Done,
            Step::Header if line.is_empty() => self.end_of_head(incoming)?,
            Step::Header if self.status >= 200 => {
                let (name, value) = header(line)?;
                self.header(name, value)?;
                incoming.header(name, value);
            }
            _ => drop(header(line)?),
        }
        self.count(length)?;
        Ok(if self.step == Step::Done { self.done(length) } else { Taken::Some(length) })
    }

    /// The start of a line that is longer than the room for it.
    fn long_line(&mut self, octets: &[u8]) -> Result<Taken, Fault> {
        self.step = match self.step {
            Step::Header => Step::LongHeader,
            Step::Trailer => Step::LongTrailer,
            Step::ChunkSize => return Err(Fault::ChunkSize),
            _ => return Err(Fault::HeadTooLarge),
        };
        let name = octets.split(|&octet| octet == b':').next().unwrap_or_default();
        if name.len() == octets.len() {
            return Err(Fault::HeadTooLarge);
        }
        let name = header_name(name)?;
        let framing = ["connection", "content-length", "transfer-encoding"];
        let is_read = Incoming::reads(name) || framing.iter().any(|other| name.eq_ignore_ascii_case(other));
        if is_read && self.step == Step::LongHeader {
            return Err(Fault::HeadTooLarge);
        }
        self.rest_of_line(octets)
    }

    fn rest_of_line(&mut self, octets: &[u8]) -> Result<Taken, Fault> {
        if let Some(line) = line(octets)? {
            self.step = if self.step == Step::LongHeader { Step::Header } else { Step::Trailer };
            let length = line.len().saturating_add(2);
            check_value(line)?;
            self.count(length)?;
            return Ok(Taken::Some(length));
        }
        // It may be the first half of the line's end.
        let octets = match octets.split_last() {
            Some((b'\r', rest)) => rest,
            _ => octets,
        };
        if octets.contains(&b'\r') {
            return Err(Fault::LineEnd);
        }
        check_value(octets)?;
        self.count(octets.len())?;
        Ok(Taken::Some(octets.len()))
    }

    fn count(&mut self, octets: usize) -> Result<(), Fault> {
        self.head = self.head.checked_sub(octets).ok_or(Fault::HeadTooLarge)?;
        Ok(())
    }

    fn status_line(&mut self, line: &[u8], incoming: &mut Incoming<'_>) -> Result<(), Fault> {
        let (version, rest) = line.split_first_chunk::<9>().ok_or(Fault::StatusLine)?;
        let (digits, reason) = rest.split_first_chunk::<3>().ok_or(Fault::StatusLine)?;
        self.modern = match version {
            b"HTTP/1.0 " => false,
            b"HTTP/1.1 " => true,
            _ => return Err(Fault::StatusLine),
        };
        self.persists = self.modern;
        // Some leave out the space in front of a reason that they leave out.
        if !matches!(reason, [] | [b' ', ..]) || check_value(reason).is_err() {
            return Err(Fault::StatusLine);
        }
        let status = number(digits).and_then(|status| u16::try_from(status).ok());
        // 101 is an upgrade, and nobody asked for one.
        let status = status.filter(|status| matches!(status, 100 | 102..600));
        self.status = status.ok_or(Fault::StatusLine)?;
        if self.status >= 200 {
            incoming.status(self.status);
        }
        self.step = Step::Header;
        Ok(())
    }

    /// What a header says of the body and of the connection.
    fn header(&mut self, name: &str, value: &[u8]) -> Result<(), Fault> {
        if name.eq_ignore_ascii_case("content-length") {
            let length = number(value).ok_or(Fault::ContentLength)?;
            if self.length.replace(length).is_some_and(|other| other != length) {
                return Err(Fault::ContentLength);
            }
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            // HTTP/1.0 knows none, and who passes one on has not read it (RFC 9112 §6.1).
            if self.chunked || !self.modern || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Fault::TransferCoding);
            }
            self.chunked = true;
        } else if name.eq_ignore_ascii_case("connection") {
            let mut options = value.split(|&octet| octet == b',');
            self.persists &= !options.any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"));
        } else if name.eq_ignore_ascii_case("keep-alive") {
            self.idle = value.split(|&octet| octet == b',').find_map(|parameter| {
                let (name, digits) = parameter.trim_ascii().split_first_chunk::<8>()?;
                number(digits).filter(|_| name.eq_ignore_ascii_case(b"timeout="))
            });
        }
        Ok(())
    }

    /// How long the body is (RFC 9112 §6.3).
    fn end_of_head(&mut self, incoming: &mut Incoming<'_>) -> Result<(), Fault> {
        self.step = match (self.status, self.chunked, self.length) {
            (..200, _, _) => Step::Status,
            (_, true, Some(_)) => return Err(Fault::BothLengths),
            (NO_CONTENT | NOT_MODIFIED, chunked, length) => {
                // If something follows all the same, it is not to be the next answer.
                self.persists &= !chunked && length.unwrap_or_default() == 0;
                Step::Done
            }
            (_, true, None) => Step::ChunkSize,
            (_, false, Some(0)) => Step::Done,
            (_, false, Some(length)) => Step::Body(length),
            (_, false, None) => {
                self.persists = false;
                match incoming.body(&[]) {
                    false => Step::Done,
                    true if self.proves_end => Step::ToEnd,
                    true => return Err(Fault::NoLength),
                }
            }
        };
        Ok(())
    }
}

/// The start of `octets`, at most `rest` of them, and how many of the rest are left.
fn within(octets: &[u8], rest: u64) -> (&[u8], u64) {
    let piece = usize::try_from(rest).ok().and_then(|rest| octets.get(..rest)).unwrap_or(octets);
    (piece, rest.saturating_sub(u64::try_from(piece.len()).unwrap_or(u64::MAX)))
}

/// The first line, without its end; `None` if it does not end.
fn line(octets: &[u8]) -> Result<Option<&[u8]>, Fault> {
    let Some(end) = octets.iter().position(|&octet| octet == b'\n') else { return Ok(None) };
    match octets.get(..end).and_then(<[u8]>::split_last) {
        Some((b'\r', line)) if !line.contains(&b'\r') => Ok(Some(line)),
        _ => Err(Fault::LineEnd),
    }
}

/// The name and the value of a header.
fn header(line: &[u8]) -> Result<(&str, &[u8]), Fault> {
    if let [b' ' | b'\t', ..] = line {
        return Err(Fault::Folded);
    }
    let colon = line.iter().position(|&octet| octet == b':').ok_or(Fault::HeaderName)?;
    let (name, value) = line.split_at_checked(colon).ok_or(Fault::HeaderName)?;
    let value = value.get(1..).unwrap_or_default();
    check_value(value)?;
    Ok((header_name(name)?, value.trim_ascii()))
}

/// A token (RFC 9110 §5.6.2).
fn header_name(name: &[u8]) -> Result<&str, Fault> {
    let is_token = |octet: &u8| octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(octet);
    match core::str::from_utf8(name) {
        Ok(text) if !name.is_empty() && name.iter().all(is_token) => Ok(text),
        _ => Err(Fault::HeaderName),
    }
}

/// What a header, a reason or an extension can hold.
fn check_value(value: &[u8]) -> Result<(), Fault> {
    let is_value = |octet: &u8| matches!(octet, b'\t' | 0x20..=0x7E | 0x80..);
    if value.iter().all(is_value) { Ok(()) } else { Err(Fault::HeaderValue) }
}

/// Digits, and nothing else.
fn number(digits: &[u8]) -> Option<u64> {
    let digits = Some(digits).filter(|digits| !digits.is_empty())?;
    digits.iter().try_fold(0_u64, |number, digit| {
        let digit = char::from(*digit).to_digit(10)?;
        number.checked_mul(10)?.checked_add(digit.into())
    })
}

/// The size in front of a chunk, and what extends it, which is not looked at.
fn chunk_size(line: &[u8]) -> Option<(u64, &[u8])> {
    let end = line.iter().position(|octet| !octet.is_ascii_hexdigit()).unwrap_or(line.len());
    let (digits, rest) = line.split_at_checked(end)?;
    if !matches!(rest.trim_ascii_start(), [] | [b';', ..]) || check_value(rest).is_err() {
        return None;
    }
    let digits = Some(digits).filter(|digits| (1..=MAX_DIGITS).contains(&digits.len()))?;
    let size = digits.iter().try_fold(0_u64, |size, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        size.checked_mul(16)?.checked_add(digit.into())
    });
    Some((size?, rest))
}
