//! The record filter: what embedded-tls gets to read.
//!
//! It takes plaintext handshake messages, alerts and even data at any time. Here one record may be in plaintext, the
//! first, and no other.

use embedded_io_async::{Error as _, ErrorKind, ErrorType, Read, Write};

use super::{
    TlsError,
    cipher::{ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, HANDSHAKE_IS_OVER, VERSION},
    desk::Desk,
};

/// The stream below, with only those records that may come now.
pub(super) struct Filter<'d, S> {
    stream: S,
    desk: &'d Desk,
    /// The header of the next record, as far as it has come.
    header: [u8; HEADER],
    have: usize,
    /// How much of the present record is still to come.
    left: usize,
    seen: Seen,
}

/// What has come.
#[derive(Clone, Copy)]
enum Seen {
    Nothing,
    First,
    /// The one record that tells middleboxes what they want to see (RFC 8446 §5, Appendix D.4).
    ChangeCipherSpec,
    Encrypted,
}

impl<'d, S> Filter<'d, S> {
    pub(super) fn new(stream: S, desk: &'d Desk) -> Self {
        Self { stream, desk, header: [0; HEADER], have: 0, left: 0, seen: Seen::Nothing }
    }

    /// Takes a whole header, or refuses it.
    fn judge(&mut self) -> Result<(), TlsError> {
        let [kind, major, minor, high, low] = self.header;
        let length = usize::from(u16::from_be_bytes([high, low]));
        let [version, _] = VERSION;
        self.seen = match (self.seen, kind) {
            (Seen::Nothing, HANDSHAKE) if major == version && (1..=MAX_PLAINTEXT).contains(&length) => {
                Seen::First
            }
            (Seen::Nothing, ALERT) if major == version && length == 2 => Seen::First,
            (Seen::First, CHANGE_CIPHER_SPEC) if length == 1 => Seen::ChangeCipherSpec,
            (Seen::First | Seen::ChangeCipherSpec | Seen::Encrypted, APPLICATION_DATA)
                if [major, minor] == VERSION && (MIN_CIPHERTEXT..=MAX_CIPHERTEXT).contains(&length) =>
            {
                Seen::Encrypted
            }
            _ => return Err(TlsError::Protocol),
        };
        self.left = length;
        self.have = 0;
        Ok(())
    }

    /// Takes a part of a header as it came, and has it say whether the handshake is over.
    fn take(&mut self, part: &mut [u8]) -> Result<(), TlsError> {
        for octet in part {
            if let Some(place) = self.header.get_mut(self.have) {
                *place = *octet;
            }
            if self.have == MINOR && self.desk.is_open() {
                *octet = HANDSHAKE_IS_OVER;
            }
            self.have = self.have.saturating_add(1);
        }
        if self.have < HEADER { Ok(()) } else { self.judge() }
    }

    fn failed(&self, error: TlsError) -> ErrorKind {
        self.desk.fault.set(Some(error));
        embedded_io_async::Error::kind(&error)
    }
}

impl<S> ErrorType for Filter<'_, S> {
    type Error = ErrorKind;
}

impl<S: Read> Read for Filter<'_, S> {
    async fn read(&mut self, out: &mut [u8]) -> Result<usize, ErrorKind> {
        let in_header = self.left == 0;
        let wanted = if in_header { HEADER.saturating_sub(self.have) } else { self.left };
        let length = wanted.min(out.len());
        let out = out.get_mut(..length).unwrap_or_default();
        if out.is_empty() {
            return Ok(0);
        }
        let read =
            self.stream.read(out).await.map_err(|error| self.failed(TlsError::Network(error.kind())))?;
        let read = read.min(length);
        self.desk.touched.set(true);
        if read == 0 {
            return Err(self.failed(TlsError::Truncated));
        }
        if in_header {
            let part = out.get_mut(..read).unwrap_or_default();
            self.take(part).map_err(|error| self.failed(error))?;
        } else {
            self.left = self.left.saturating_sub(read);
        }
        Ok(read)
    }
}

impl<S: Write> Write for Filter<'_, S> {
    async fn write(&mut self, octets: &[u8]) -> Result<usize, ErrorKind> {
        match self.stream.write(octets).await {
            Ok(0) if !octets.is_empty() => Err(self.failed(TlsError::Truncated)),
            Ok(written) => Ok(written.min(octets.len())),
            Err(error) => Err(self.failed(TlsError::Network(error.kind()))),
        }
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        self.stream.flush().await.map_err(|error| self.failed(TlsError::Network(error.kind())))
    }
}

/// Kind, version and length (RFC 8446 §5.1).
const HEADER: usize = 5;

/// Where the version's second octet is.
const MINOR: usize = 2;

/// RFC 8446 §5.1.
const MAX_PLAINTEXT: usize = 1 << 14;

/// RFC 8446 §5.2.
const MAX_CIPHERTEXT: usize = MAX_PLAINTEXT + 256;

/// The kind of the contents, and the tag: less is no record.
const MIN_CIPHERTEXT: usize = 17;
