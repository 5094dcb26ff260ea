//! What a stream and its session say to one another.

use core::cell::{Cell, RefCell};

use super::TlsError;

/// Lies between a stream and its session: one order at a time, and one answer.
pub(super) struct Desk {
    pub(super) order: Cell<Option<Order>>,
    pub(super) answer: Cell<Option<Result<usize, TlsError>>>,
    /// What went wrong below embedded-tls, whose own errors say less.
    pub(super) fault: Cell<Option<TlsError>>,
    pub(super) line: Cell<Line>,
    /// The stream is gone, and the session has not seen to it yet.
    pub(super) hung_up: Cell<bool>,
    /// Octets have come from the network.
    pub(super) touched: Cell<bool>,
    /// A stream is out.
    pub(super) taken: Cell<bool>,
    pub(super) host: Cell<Host>,
    /// What is read or written with one order.
    pub(super) piece: RefCell<[u8; PIECE]>,
}

/// What a stream wants from its session.
#[derive(Clone, Copy)]
pub(super) enum Order {
    Connect,
    Flush,
    /// Whether nothing has come: 1, or 0 and the connection is of no more use.
    Look,
    /// At most so many octets into the piece.
    Read(usize),
    /// So many octets of the piece.
    Write(usize),
}

/// How the connection is.
#[derive(Clone, Copy)]
pub(super) enum Line {
    /// The server has ended it in order.
    Ended,
    Failed(TlsError),
    /// There is none, or it is in its handshake.
    NotOpen,
    Open,
}

/// Whom to connect to.
#[derive(Clone, Copy)]
pub(super) struct Host {
    name: [u8; MAX_NAME],
    length: usize,
    pub(super) port: u16,
}

impl Desk {
    pub(super) const fn new() -> Self {
        Self {
            order: Cell::new(None),
            answer: Cell::new(None),
            fault: Cell::new(None),
            line: Cell::new(Line::NotOpen),
            hung_up: Cell::new(false),
            touched: Cell::new(false),
            taken: Cell::new(false),
            host: Cell::new(Host { name: [0; MAX_NAME], length: 0, port: 0 }),
            piece: RefCell::new([0; PIECE]),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.line.get(), Line::Open)
    }
}

impl Host {
    /// `None` if the name is longer than any DNS name.
    pub(super) fn new(name: &str, port: u16) -> Option<Self> {
        let mut host = Self { name: [0; MAX_NAME], length: name.len(), port };
        let place = host.name.get_mut(..name.len())?;
        place.iter_mut().zip(name.as_bytes()).for_each(|(to, from)| *to = *from);
        Some(host)
    }

    pub(super) fn name(&self) -> &str {
        let name = self.name.get(..self.length).unwrap_or_default();
        str::from_utf8(name).unwrap_or_default()
    }
}

/// As many octets as go from the session to the stream at once, or back.
pub(super) const PIECE: usize = 512;

/// RFC 1035 §2.3.4.
const MAX_NAME: usize = 253;
