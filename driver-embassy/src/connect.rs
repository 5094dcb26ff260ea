//! Where streams come from.

use core::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};

use embedded_io_async::{Error, ErrorKind, Read, Write};
use keyfob_core::http::HttpErrorKind;

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
    type Error: Error;

    /// A stream. Dropping it closes it at once. A read that is dropped before it is ready has taken nothing.
    type Stream<'s>: Read<Error = Self::Error> + Write<Error = Self::Error>
    where
        Self: 's;

    /// Whether the end of a stream is proven: a read gives nothing only after the other end has said that there is no
    /// more (`close_notify`, RFC 8446 §6.1), and a connection that was cut is an error.
    const PROVES_END: bool = false;

    /// Opens a stream to `origin`, ready for the first octet of a request: where the origin is secure, the server has
    /// been authenticated.
    async fn connect<'s>(&'s self, origin: Origin<'_>) -> Result<Self::Stream<'s>, Self::Error>;

    /// Whether nothing can be read from a stream now, its end neither: before a request there is nothing to come. Where
    /// there is something, looking may take it, and the stream is not used again.
    async fn is_silent<'s>(&'s self, stream: &mut Self::Stream<'s>) -> bool {
        let mut octet = [0];
        let mut read = pin!(stream.read(&mut octet));
        poll_fn(|context| Poll::Ready(read.as_mut().poll(context).is_pending())).await
    }

    /// What a failure stands for. Unless told otherwise, a host that was not found is one whose name is not known, a
    /// server without permission has not proved who it is, and whatever does not take too long is no connection.
    fn kind(error: &Self::Error) -> HttpErrorKind {
        match error.kind() {
            ErrorKind::NotFound => HttpErrorKind::Resolve,
            ErrorKind::PermissionDenied => HttpErrorKind::Tls,
            ErrorKind::TimedOut => HttpErrorKind::Timeout,
            _ => HttpErrorKind::Connect,
        }
    }

    /// A number that changes with the network: another address, a link that was lost. A stream from before is not
    /// used again.
    fn network(&self) -> u32 {
        0
    }
}
