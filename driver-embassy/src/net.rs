//! TCP without TLS, over any network that `embedded-nal-async` describes; `embassy-net` with the feature of that name.

#[cfg(feature = "embassy-net")]
mod embassy;
#[cfg(feature = "embassy-net")]
mod listener;

use core::{error, fmt, net::SocketAddr};

use embedded_io_async::{Error, ErrorKind, ErrorType, Read, Write};
use embedded_nal_async::{AddrType, Dns, TcpConnect};

use crate::connect::{Connect, Origin};

#[cfg(feature = "embassy-net")]
pub use self::embassy::EmbassyNet;
#[cfg(feature = "embassy-net")]
pub use self::listener::EmbassyListener;

/// TCP without TLS. It refuses origins that are secure: what wraps it has to ask for the bare stream.
///
/// Every host goes to `dns`, an address too, as `embassy-net` has it. IPv4 is asked for first.
#[derive(Clone, Copy, Debug)]
pub struct Plain<T, D> {
    tcp: T,
    dns: D,
}

impl<T, D> Plain<T, D> {
    /// Streams of `tcp` to addresses of `dns`.
    pub const fn new(tcp: T, dns: D) -> Self {
        Self { tcp, dns }
    }
}

impl<T: TcpConnect, D: Dns> Connect for Plain<T, D> {
    type Error = PlainError<T::Error>;
    type Stream<'s>
        = PlainStream<T::Connection<'s>>
    where
        Self: 's;

    async fn connect<'s>(&'s self, origin: Origin<'_>) -> Result<Self::Stream<'s>, Self::Error> {
        if origin.secure {
            return Err(PlainError::Secure);
        }
        let address = match self.dns.get_host_by_name(origin.host, AddrType::IPv4).await {
            Ok(address) => address,
            Err(_) => {
                let address = self.dns.get_host_by_name(origin.host, AddrType::IPv6).await;
                address.map_err(|_| PlainError::Resolve)?
            }
        };
        let stream = self.tcp.connect(SocketAddr::new(address, origin.port)).await;
        stream.map(PlainStream).map_err(PlainError::Tcp)
    }
}

/// Why there is no stream, or why it ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum PlainError<E> {
    /// The name of the host is not known.
    Resolve,
    /// TLS was asked for, and there is none here.
    Secure,
    /// What the network below reports.
    Tcp(E),
}

impl<E: fmt::Debug> fmt::Display for PlainError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolve => f.write_str("the server's name is not known"),
            Self::Secure => f.write_str("there is no TLS here"),
            Self::Tcp(error) => write!(f, "{error:?}"),
        }
    }
}

impl<E: fmt::Debug> error::Error for PlainError<E> {}

impl<E: Error> Error for PlainError<E> {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Resolve => ErrorKind::NotFound,
            Self::Secure => ErrorKind::Unsupported,
            Self::Tcp(error) => error.kind(),
        }
    }
}

/// A TCP stream.
#[derive(Debug)]
pub struct PlainStream<S>(S);

impl<S: ErrorType> ErrorType for PlainStream<S> {
    type Error = PlainError<S::Error>;
}

impl<S: Read> Read for PlainStream<S> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        self.0.read(buffer).await.map_err(PlainError::Tcp)
    }
}

impl<S: Write> Write for PlainStream<S> {
    async fn write(&mut self, octets: &[u8]) -> Result<usize, Self::Error> {
        self.0.write(octets).await.map_err(PlainError::Tcp)
    }

    async fn flush(&mut self) -> Result<(), Self::Error> {
        self.0.flush().await.map_err(PlainError::Tcp)
    }
}
