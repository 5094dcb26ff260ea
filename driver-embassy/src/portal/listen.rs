//! Where connections come from.

use core::net::{IpAddr, SocketAddrV4};

use embedded_io_async::{Read, Write};

/// A socket that waits for a connection, carries it, and waits for the next one.
///
/// Stacks for microcontrollers have no queue of connections: somebody who comes while no socket waits is turned away. So a
/// portal has one more of them than it has places.
///
/// A future that is dropped before it is ready has taken nothing, and the next one goes on where it was.
#[expect(async_fn_in_trait, reason = "embassy's executors do not move tasks to other threads")]
pub trait Listen: Read + Write {
    /// Waits for a connection, and tells the address of who made it.
    async fn accept(&mut self) -> Result<IpAddr, Self::Error>;

    /// Where the socket is reached from other devices; IPv4 only, for phones open no IPv6 address that is good on one link
    /// alone. `None`: nowhere now, for there is no network.
    fn address(&self) -> Option<SocketAddrV4>;

    /// Says that nothing more is written. What was written still goes out, and reading goes on.
    fn finish(&mut self);

    /// Ends the connection, or the wait for one, at once.
    fn abort(&mut self);
}

impl<L: Listen> Listen for &mut L {
    async fn accept(&mut self) -> Result<IpAddr, Self::Error> {
        (**self).accept().await
    }

    fn address(&self) -> Option<SocketAddrV4> {
        (**self).address()
    }

    fn finish(&mut self) {
        (**self).finish();
    }

    fn abort(&mut self) {
        (**self).abort();
    }
}
