//! One connection, and what it asks for.

use core::{fmt, net::IpAddr};

use crate::portal::reader::Reader;

/// One connection: who it is from, and how far its request was read.
pub struct Visitor {
    pub(crate) peer: IpAddr,
    pub(crate) reader: Reader,
    pub(crate) route: Route,
    pub(crate) language: u8,
    pub(crate) is_head: bool,
    /// Its request was counted.
    pub(crate) counted: bool,
}

impl Visitor {
    /// A connection from this address.
    pub const fn new(peer: IpAddr) -> Self {
        Self { peer, reader: Reader::new(), route: Route::Other, language: 0, is_head: false, counted: false }
    }

    /// The address that it is from.
    pub const fn peer(&self) -> IpAddr {
        self.peer
    }

    /// What was asked for, for a log; [`Route::Other`] until that is known.
    pub const fn route(&self) -> Route {
        self.route
    }

    /// Whether nothing has come yet: such a connection is closed without an answer.
    pub const fn is_silent(&self) -> bool {
        self.reader.is_empty()
    }
}

/// What can be asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Route {
    /// Where the response is brought.
    Callback,
    /// The last page.
    Done,
    /// To the server, in another window.
    Go,
    /// The start page.
    Home,
    /// Anything else.
    Other,
    /// Where the address is pasted.
    Paste,
    /// To the server.
    Start,
}

impl Route {
    /// Its name, for a log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Callback => "callback",
            Self::Done => "done",
            Self::Go => "go",
            Self::Home => "home",
            Self::Other => "other",
            Self::Paste => "paste",
            Self::Start => "start",
        }
    }
}

impl fmt::Debug for Visitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Visitor({:?})", self.route)
    }
}
