//! Sockets of `embassy-net` that wait for connections.

use core::net::{IpAddr, SocketAddrV4};

use embassy_net::{
    IpAddress, IpListenEndpoint, Stack,
    tcp::{self, AcceptError, TcpSocket},
};
use embedded_io_async::{ErrorType, Read, Write};

use crate::portal::Listen;

/// A socket of `embassy-net` that waits for connections.
pub struct EmbassyListener<'d> {
    stack: Stack<'d>,
    socket: TcpSocket<'d>,
    port: u16,
}

impl<'d> EmbassyListener<'d> {
    /// A socket for this port, with these buffers for what is received and sent. Each takes one of the stack's
    /// [`StackResources`](embassy_net::StackResources).
    pub fn new(stack: Stack<'d>, port: u16, rx: &'d mut [u8], tx: &'d mut [u8]) -> Self {
        Self { stack, socket: TcpSocket::new(stack, rx, tx), port }
    }

    /// So many of them.
    pub fn array<const M: usize, const RX: usize, const TX: usize>(
        stack: Stack<'d>,
        port: u16,
        rx: &'d mut [[u8; RX]; M],
        tx: &'d mut [[u8; TX]; M],
    ) -> [Self; M] {
        let mut tx = tx.each_mut().map(Some);
        let mut tx = tx.iter_mut();
        rx.each_mut().map(|rx| {
            let tx = tx.next().and_then(Option::take).map(<[u8; TX]>::as_mut_slice);
            Self::new(stack, port, rx, tx.unwrap_or_default())
        })
    }
}

impl ErrorType for EmbassyListener<'_> {
    type Error = tcp::Error;
}

impl Read for EmbassyListener<'_> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        self.socket.read(buffer).await
    }
}

impl Write for EmbassyListener<'_> {
    async fn write(&mut self, octets: &[u8]) -> Result<usize, Self::Error> {
        self.socket.write(octets).await
    }

    async fn flush(&mut self) -> Result<(), Self::Error> {
        self.socket.flush().await
    }
}

impl Listen for EmbassyListener<'_> {
    async fn accept(&mut self) -> Result<IpAddr, Self::Error> {
        if !self.socket.may_send() {
            let endpoint = IpListenEndpoint { addr: None, port: self.port };
            match self.socket.accept(endpoint).await {
                // An accept that was dropped goes on: somebody is on the way already.
                Err(AcceptError::InvalidState) => self.socket.wait_write_ready().await,
                accepted => accepted.map_err(|_| tcp::Error::ConnectionReset)?,
            }
        }
        let peer = self.socket.remote_endpoint().ok_or(tcp::Error::ConnectionReset)?;
        Ok(match peer.addr {
            IpAddress::Ipv4(address) => IpAddr::V4(address),
            #[expect(unreachable_patterns, reason = "with IPv6 in the stack there is another one")]
            _ => return Err(tcp::Error::ConnectionReset),
        })
    }

    fn address(&self) -> Option<SocketAddrV4> {
        let config = self.stack.config_v4()?;
        Some(SocketAddrV4::new(config.address.address(), self.port))
    }

    fn finish(&mut self) {
        self.socket.close();
    }

    fn abort(&mut self) {
        self.socket.abort();
    }
}

impl core::fmt::Debug for EmbassyListener<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "EmbassyListener({})", self.port)
    }
}
