//! Where streams come from.

use embedded_io_async::{Read, Write};

/// The other end of a stream, as a URL names it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Origin<'u> {
    /// Whether the scheme is `https`.
    pub secure: bool,
    /// A DNS name or an address; an IPv6 address is without its brackets.
    pub host: &'u str,
    /// The port, also where the URL leaves it out.
    pub port: u16,
}

/// Opens streams. Streams borrow from it: buffers and sockets are its own.
#[expect(async_fn_in_trait, reason = "embassy's executors do not move tasks to other threads")]
pub trait Connect {
    /// What the network below reports.
    type Error: embedded_io_async::Error;

    /// A stream. Dropping it closes it at once.
    type Stream<'s>: Read<Error = Self::Error> + Write<Error = Self::Error>
    where
        Self: 's;

    /// Opens a stream to `origin`, ready for the first octet of a request: where the origin is secure, the server has
    /// been authenticated.
    async fn connect<'s>(&'s self, origin: Origin<'_>) -> Result<Self::Stream<'s>, Self::Error>;
}
