//! `embassy-net`.

use embassy_net::{
    Stack,
    dns::DnsSocket,
    tcp::{
        self,
        client::{TcpClient, TcpClientState, TcpConnection},
    },
};

use super::{Plain, PlainError, PlainStream};
use crate::connect::{Connect, Origin};

/// TCP without TLS over `embassy-net`, with the addresses that its DNS gives. A client needs one of the `N` sockets.
///
/// A stream is asked of a network that has a link and an address: while there is none, `connect` waits, until the
/// client's time for it is over. Streams from before an address changed are not used again.
pub struct EmbassyNet<'d, const N: usize = 1, const TX: usize = 1024, const RX: usize = 1024> {
    stack: Stack<'d>,
    plain: Plain<TcpClient<'d, N, TX, RX>, DnsSocket<'d>>,
}

impl<'d, const N: usize, const TX: usize, const RX: usize> EmbassyNet<'d, N, TX, RX> {
    /// These sockets on `stack`.
    pub fn new(stack: Stack<'d>, sockets: &'d TcpClientState<N, TX, RX>) -> Self {
        Self { stack, plain: Plain::new(TcpClient::new(stack, sockets), DnsSocket::new(stack)) }
    }
}

impl<'d, const N: usize, const TX: usize, const RX: usize> Connect for EmbassyNet<'d, N, TX, RX> {
    type Error = PlainError<tcp::Error>;
    type Stream<'s>
        = PlainStream<TcpConnection<'s, N, TX, RX>>
    where
        Self: 's;

    async fn connect<'s>(&'s self, origin: Origin<'_>) -> Result<Self::Stream<'s>, Self::Error> {
        self.stack.wait_link_up().await;
        self.stack.wait_config_up().await;
        self.plain.connect(origin).await
    }

    fn network(&self) -> u32 {
        self.stack.config_v4().map_or(0, |config| config.address.address().to_bits())
    }
}

impl<const N: usize, const TX: usize, const RX: usize> core::fmt::Debug for EmbassyNet<'_, N, TX, RX> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("EmbassyNet").finish_non_exhaustive()
    }
}
