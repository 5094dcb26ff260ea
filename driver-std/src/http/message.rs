//! HTTP/1.1 on a connection: a request written, an answer read (RFC 9112).

use std::io::{self, Read};

use httparse::Status;
use keyfob_core::http::{Incoming, Method, Request};
use zeroize::Zeroizing;

use crate::http::target::Target;

/// The longest head of an answer.
const MAX_HEAD: usize = 16 * 1024;

/// Headers of an answer.
const MAX_HEADERS: usize = 96;

/// Octets of the body that are handed on at once.
const PIECE: usize = 8 * 1024;

/// Interim answers that may come before the answer.
const MAX_INTERIM: usize = 8;

/// The request as it goes to the server. `None` if a header would not stay one header.
pub(super) fn write_request(
    request: &Request<'_>,
    target: &Target<'_>,
    user_agent: Option<&str>,
) -> Option<Zeroizing<Vec<u8>>> {
    let slash = if target.path.starts_with('/') { "" } else { "/" };
    let length = request.body().len().to_string();
    let mut headers = vec![("Host", target.authority)];
    headers.extend(request.headers());
    headers.extend(user_agent.map(|name| ("User-Agent", name)));
    if request.method() == Method::Post {
        headers.push(("Content-Length", &length));
    }
    if !headers.iter().all(|(_, value)| value.bytes().all(is_field_octet)) {
        return None;
    }
    let mut pieces = vec![request.method().as_str(), " ", slash, target.path, " HTTP/1.1\r\n"];
    pieces.extend(headers.iter().flat_map(|&(name, value)| [name, ": ", value, "\r\n"]));
    pieces.push("\r\n");
    // One allocation that holds it all: no copy of a secret stays behind.
    let length = pieces.iter().map(|piece| piece.len()).sum::<usize>();
    let mut out = Zeroizing::new(Vec::with_capacity(length.saturating_add(request.body().len())));
    for piece in pieces {
        out.extend_from_slice(piece.as_bytes());
    }
    out.extend_from_slice(request.body());
    Some(out)
}

pub(super) fn is_field_octet(octet: u8) -> bool {
    matches!(octet, b' '..=b'~')
}

/// The head of an answer, as far as it matters for reading on.
pub(super) struct Head {
    pub(super) status: u16,
    framing: Framing,
    keep_alive: bool,
}

/// Where the body of an answer ends (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Framing {
    Chunked,
    Close,
    Length(u64),
}

/// What comes from a server.
pub(super) struct Input<S> {
    stream: S,
    buffer: Zeroizing<Vec<u8>>,
    start: usize,
    end: usize,
}

impl<S: Read> Input<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, buffer: Zeroizing::new(vec![0; MAX_HEAD]), start: 0, end: 0 }
    }

    /// Reads an answer into `incoming`. `true` if the connection can serve another request.
    pub(super) fn answer(&mut self, incoming: &mut Incoming<'_>) -> io::Result<bool> {
        let head = self.head(|name, value| incoming.header(name, value))?;
        incoming.status(head.status);
        let whole = match head.framing {
            Framing::Chunked => self.chunks(incoming)?,
            Framing::Close => self.until_close(incoming)?,
            Framing::Length(length) => self.exactly(length, incoming)?,
        };
        Ok(whole && head.keep_alive && self.is_empty())
    }

    /// Reads up to the end of the head that is not an interim one.
    pub(super) fn head(&mut self, mut header: impl FnMut(&str, &[u8])) -> io::Result<Head> {
        let mut interim = 0;
        loop {
            let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
            let mut parsed = httparse::Response::new(&mut headers);
            match parsed.parse(self.octets()).map_err(|_| broken("the answer's head is not one of HTTP"))? {
                Status::Partial => self.more()?,
                Status::Complete(length) => {
                    let status = parsed.code.unwrap_or_default();
                    match status {
                        100 | 102..=199 if interim < MAX_INTERIM => {
                            interim += 1;
                            self.consume(length);
                        }
                        200..=599 => {
                            let head = Head::read(&parsed, status)?;
                            for field in &*parsed.headers {
                                header(field.name, field.value);
                            }
                            self.consume(length);
                            return Ok(head);
                        }
                        _ => return Err(broken("the answer has no status that answers a request")),
                    }
                }
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.octets().is_empty()
    }

    fn exactly(&mut self, mut length: u64, incoming: &mut Incoming<'_>) -> io::Result<bool> {
        while length > 0 {
            if self.is_empty() {
                self.more()?;
            }
            let piece = self.octets();
            let piece = &piece[..piece.len().min(PIECE).min(usize::try_from(length).unwrap_or(usize::MAX))];
            if !incoming.body(piece) {
                return Ok(false);
            }
            let taken = piece.len();
            length -= taken as u64;
            self.consume(taken);
        }
        Ok(true)
    }

    /// The close is the only end that such a body has. TLS tells a close from a cut; plain TCP does not.
    fn until_close(&mut self, incoming: &mut Incoming<'_>) -> io::Result<bool> {
        loop {
            for piece in self.octets().chunks(PIECE) {
                if !incoming.body(piece) {
                    return Ok(false);
                }
            }
            self.consume(self.octets().len());
            if self.read()? == 0 {
                return Ok(false);
            }
        }
    }

    fn chunks(&mut self, incoming: &mut Incoming<'_>) -> io::Result<bool> {
        loop {
            let length = match httparse::parse_chunk_size(self.octets()) {
                Ok(Status::Complete((taken, length))) => {
                    self.consume(taken);
                    length
                }
                Ok(Status::Partial) => {
                    self.more()?;
                    continue;
                }
                Err(_) => return Err(broken("a chunk has no length")),
            };
            if length == 0 {
                // Trailers say nothing that is read.
                while self.line()? > 0 {}
                return Ok(true);
            }
            if !self.exactly(length, incoming)? {
                return Ok(false);
            }
            if self.line()? > 0 {
                return Err(broken("a chunk is longer than it says"));
            }
        }
    }

    /// Goes past the next line, and gives its length without its end.
    fn line(&mut self) -> io::Result<usize> {
        loop {
            match self.octets().windows(2).position(|pair| pair == b"\r\n") {
                Some(length) => {
                    self.consume(length + 2);
                    return Ok(length);
                }
                None => self.more()?,
            }
        }
    }

    /// At least one more octet.
    fn more(&mut self) -> io::Result<()> {
        if self.start == 0 && self.end == self.buffer.len() {
            return Err(broken("the answer has a head or a line that is too long"));
        }
        match self.read()? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    fn read(&mut self) -> io::Result<usize> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let read = self.stream.read(&mut self.buffer[self.end..])?;
        self.end += read;
        Ok(read)
    }

    fn octets(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    fn consume(&mut self, octets: usize) {
        self.start += octets;
    }
}

impl Head {
    fn read(parsed: &httparse::Response<'_, '_>, status: u16) -> io::Result<Self> {
        let is_http_1_1 = parsed.version == Some(1);
        let fields = |name: &'static str| {
            parsed
                .headers
                .iter()
                .filter(move |field| field.name.eq_ignore_ascii_case(name))
                .map(|field| field.value)
        };
        let mut keep_alive = is_http_1_1;
        for value in fields("connection") {
            keep_alive &= !value
                .split(|&octet| octet == b',')
                .any(|token| token.trim_ascii().eq_ignore_ascii_case(b"close"));
        }
        let mut coding = None;
        for value in fields("transfer-encoding") {
            // Chunked alone, and once: there is no other coding that we offered to take.
            if coding.is_some() || !is_http_1_1 || !value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                return Err(broken("the answer has a transfer coding that was not asked for"));
            }
            coding = Some(Framing::Chunked);
        }
        let mut length = None;
        for value in fields("content-length") {
            let read =
                decimal(value.trim_ascii()).ok_or_else(|| broken("the answer's length is no number"))?;
            if length.is_some_and(|length| length != read) {
                return Err(broken("the answer has two lengths"));
            }
            length = Some(read);
        }
        let framing = match (coding, length) {
            _ if matches!(status, 204 | 304) => Framing::Length(0),
            (Some(_), Some(_)) => return Err(broken("the answer has a length and a transfer coding")),
            (Some(coding), None) => coding,
            (None, Some(length)) => Framing::Length(length),
            (None, None) => Framing::Close,
        };
        Ok(Self { status, framing, keep_alive })
    }
}

/// Digits only: no sign, no space.
fn decimal(digits: &[u8]) -> Option<u64> {
    let digits = str::from_utf8(digits).ok()?;
    digits.bytes().all(|octet| octet.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

fn broken(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
