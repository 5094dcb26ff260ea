//! TLS 1.3 over any network, without a heap, that holds against an attacker.
//!
//! The protocol is embedded-tls's. Who the server is judges this module, with `rustls-webpki` and the arithmetic of the
//! core: [`connect`](Connect::connect) gives out a stream only once the server has shown a chain of certificates to one
//! of the application's trust anchors, for the host of the URL and for servers, and has signed the handshake with its
//! key. No octet of the application leaves the device before.
//!
//! ```
//! # use core::pin::pin;
//! # use keyfob_core::{entropy::Entropy, time::UnixTime};
//! # use keyfob_embassy::{SystemClock, connect::Connect, tls::{Tls, TlsMemory, TrustAnchor}};
//! # const BUILT: UnixTime = UnixTime::from_seconds(1_800_000_000);
//! # async fn application(network: &impl Connect, generator: impl Entropy, anchors: &[TrustAnchor<'_>]) {
//! let mut memory: TlsMemory = TlsMemory::new(); // 19.6 KB: in a static
//! let clock = SystemClock::not_before(BUILT);
//! let (desk, buffers) = memory.split();
//! let session = pin!(desk.session(buffers, network, anchors, generator, clock));
//! let tls = Tls::new(desk, session); // a `Connect`, for the HTTP client
//! # drop(tls); }
//! ```
//!
//! # The date
//!
//! Certificates are judged by the clock, which says what it knows ([`Date`](keyfob_core::time::Date)):
//!
//! - **Known**: all certificates of the chain are valid at this moment.
//! - **At least**, a floor: a certificate whose time was over before it is refused. Whether a certificate's time has
//!   come cannot be judged; but there has to be one moment, not before the floor, when the whole chain is valid.
//! - **Unknown**: no server passes. An application that has no date gives its clock the date of its firmware as a floor
//!   ([`SystemClock::not_before`](crate::SystemClock::not_before)), and signs in with that; the server's answers move
//!   the floor on.
//!
//! # Time and memory
//!
//! The arithmetic of a handshake is done at one go for each message, on a small chip a second or two in all: other tasks
//! of the same executor wait. How long a handshake may take is the caller's to say, with `embassy_time::with_timeout`:
//! a future that is dropped closes its stream. The session's future has 3.2 KB, and the futures of a stream next to nothing.
//!
//! # What is not supported
//!
//! TLS 1.2, key agreement other than P-256, cipher suites other than AES-128-GCM, HelloRetryRequest, KeyUpdate, client
//! certificates, and messages of the handshake that are split over records: each ends in an error. Whether a certificate
//! was revoked is not asked. A server that needs more is reached with mbedTLS: see `examples/tls-mbedtls`.

mod algorithm;
mod certificate;
mod cipher;
mod der;
mod desk;
mod error;
mod filter;
mod random;
mod session;
mod verifier;

use core::{
    cell::{Cell, RefCell},
    convert::Infallible,
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll, Waker},
};

use embedded_io_async::{ErrorType, Read, Write};
use keyfob_core::entropy::Entropy;
use zeroize::Zeroize;

pub use rustls_pki_types::{CertificateDer, TrustAnchor};

pub use self::certificate::trust_anchor;
pub use self::error::TlsError;

use self::{
    desk::{Desk, Host, Line, Order, PIECE},
    session::Session,
};
use crate::{
    Clock,
    connect::{Connect, Origin},
};

/// Room for the records of one connection.
///
/// 16,640 octets to read hold whatever a server may send. With less the server is asked for shorter records
/// (RFC 6066 §4), which not every server heeds: 4,352, 2,304, 1,280 and 768 octets are the lengths to choose from, and
/// the server's chain of certificates has to fit, too. 2,048 octets to write are plenty for a handshake.
pub struct TlsMemory<const READ: usize = 16_640, const WRITE: usize = 2_048> {
    desk: TlsDesk,
    read: [u8; READ],
    write: [u8; WRITE],
}

impl<const READ: usize, const WRITE: usize> TlsMemory<READ, WRITE> {
    /// Empty memory. It may be made in a constant.
    pub const fn new() -> Self {
        const {
            assert!(READ >= 768, "a record of the least length does not fit");
            assert!(WRITE >= 1_024, "a handshake does not fit");
        }
        Self { desk: TlsDesk(Desk::new()), read: [0; READ], write: [0; WRITE] }
    }

    /// What a session works with.
    pub fn split(&mut self) -> (&TlsDesk, Buffers<'_>) {
        (&self.desk, Buffers { read: &mut self.read, write: &mut self.write })
    }
}

impl<const READ: usize, const WRITE: usize> Default for TlsMemory<READ, WRITE> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const READ: usize, const WRITE: usize> fmt::Debug for TlsMemory<READ, WRITE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsMemory(…)")
    }
}

/// The buffers of [`TlsMemory`].
pub struct Buffers<'d> {
    read: &'d mut [u8],
    write: &'d mut [u8],
}

impl fmt::Debug for Buffers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Buffers(…)")
    }
}

impl Drop for Buffers<'_> {
    fn drop(&mut self) {
        self.read.zeroize();
        self.write.zeroize();
    }
}

/// Where a stream and its session meet.
pub struct TlsDesk(Desk);

impl TlsDesk {
    /// Makes the session: all of TLS, as a future that never ends. It does nothing until [`Tls`] connects, and is
    /// polled by whoever waits for a stream of it; nothing has to be spawned.
    ///
    /// `network` opens plain streams. Each handshake takes 32 octets of `entropy`, and judges certificates by the date
    /// of `clock`: a [`SystemClock`](crate::SystemClock), or a reference to a cell of one that is set elsewhere.
    pub fn session<'d, C: Connect>(
        &'d self,
        buffers: Buffers<'d>,
        network: &'d C,
        anchors: &'d [TrustAnchor<'d>],
        entropy: impl Entropy + 'd,
        clock: impl Clock + 'd,
    ) -> impl Future<Output = Infallible> + 'd {
        Session { network, anchors, entropy, clock, desk: &self.0 }.run(buffers)
    }
}

impl fmt::Debug for TlsDesk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsDesk(…)")
    }
}

/// Opens verified streams, one at a time.
pub struct Tls<'d> {
    desk: &'d Desk,
    session: RefCell<Pin<&'d mut (dyn Future<Output = Infallible> + 'd)>>,
    /// It is being polled, or it panicked then: nobody else polls it.
    polling: Cell<bool>,
}

impl<'d> Tls<'d> {
    /// A connector over a session of this desk.
    pub fn new(desk: &'d TlsDesk, session: Pin<&'d mut (dyn Future<Output = Infallible> + 'd)>) -> Self {
        Self { desk: &desk.0, session: RefCell::new(session), polling: Cell::new(false) }
    }

    /// Gives an order and waits for the answer.
    async fn ask(&self, order: Order) -> Result<usize, TlsError> {
        self.desk.answer.set(None);
        self.desk.order.set(Some(order));
        poll_fn(|context| {
            self.poll(context);
            match self.desk.answer.take() {
                Some(answer) => Poll::Ready(answer),
                // It does not look at this desk.
                None if self.desk.order.get().is_some() => Poll::Ready(Err(TlsError::Misuse)),
                None => Poll::Pending,
            }
        })
        .await
    }

    fn poll(&self, context: &mut Context<'_>) {
        if self.polling.replace(true) {
            return;
        }
        if let Ok(mut session) = self.session.try_borrow_mut() {
            let Poll::Pending = session.as_mut().poll(context);
        }
        self.polling.set(false);
    }
}

impl fmt::Debug for Tls<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls(…)")
    }
}

impl<'d> Connect for Tls<'d> {
    type Error = TlsError;
    type Stream<'s>
        = TlsStream<'s, 'd>
    where
        Self: 's;

    const PROVES_END: bool = true;

    /// Opens a stream to an `https` origin. Others are refused: an application that wants plain `http` on its own
    /// machine has the plain connector for it.
    async fn connect<'s>(&'s self, origin: Origin<'_>) -> Result<TlsStream<'s, 'd>, TlsError> {
        if !origin.secure {
            return Err(TlsError::Insecure);
        }
        // A name may end in a dot, which is neither in certificates nor in what servers are told (RFC 6066 §3).
        let name = origin.host.strip_suffix('.').unwrap_or(origin.host);
        let host = Host::new(name, origin.port).ok_or(TlsError::InvalidName)?;
        if self.desk.taken.replace(true) {
            return Err(TlsError::Busy);
        }
        // From here on dropping it, also half-way, ends the connection.
        let mut stream = TlsStream { tls: self, asking: false };
        self.desk.host.set(host);
        self.desk.fault.set(None);
        self.desk.line.set(Line::NotOpen);
        stream.ask(Order::Connect).await?;
        Ok(stream)
    }

    /// A stream over a network that has changed meanwhile is none, either.
    async fn is_silent<'s>(&'s self, stream: &mut TlsStream<'s, 'd>) -> bool {
        stream.tls.desk.is_open() && matches!(stream.ask(Order::Look).await, Ok(1))
    }
}

/// A stream to a server that has proved who it is.
///
/// The end of it is the server's own word: where the network below ends without, reading fails with
/// [`TlsError::Truncated`]. After any error, and after a read or a write that was dropped half-way, the stream does
/// nothing any more. Dropping it closes the network's stream at once.
pub struct TlsStream<'s, 'd> {
    tls: &'s Tls<'d>,
    /// An order was given and has not been answered.
    asking: bool,
}

impl TlsStream<'_, '_> {
    async fn ask(&mut self, order: Order) -> Result<usize, TlsError> {
        if self.asking {
            return Err(TlsError::Abandoned);
        }
        self.asking = true;
        let answer = self.tls.ask(order).await;
        self.asking = false;
        answer
    }
}

impl fmt::Debug for TlsStream<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsStream(…)")
    }
}

impl Drop for TlsStream<'_, '_> {
    fn drop(&mut self) {
        let desk = self.tls.desk;
        desk.line.set(Line::NotOpen);
        desk.hung_up.set(true);
        self.tls.poll(&mut Context::from_waker(Waker::noop()));
        desk.taken.set(false);
    }
}

impl ErrorType for TlsStream<'_, '_> {
    type Error = TlsError;
}

impl Read for TlsStream<'_, '_> {
    async fn read(&mut self, out: &mut [u8]) -> Result<usize, TlsError> {
        let desk = self.tls.desk;
        match desk.line.get() {
            Line::Ended => return Ok(0),
            Line::Failed(error) => return Err(error),
            Line::NotOpen => return Err(TlsError::Closed),
            Line::Open if out.is_empty() => return Ok(0),
            Line::Open => {}
        }
        let read = self.ask(Order::Read(out.len().min(PIECE))).await?;
        let Ok(piece) = desk.piece.try_borrow() else { return Err(TlsError::Misuse) };
        out.iter_mut().zip(piece.iter().take(read)).for_each(|(to, from)| *to = *from);
        Ok(read.min(out.len()))
    }
}

impl Write for TlsStream<'_, '_> {
    async fn write(&mut self, octets: &[u8]) -> Result<usize, TlsError> {
        let desk = self.tls.desk;
        match desk.line.get() {
            Line::Failed(error) => return Err(error),
            Line::Ended | Line::NotOpen => return Err(TlsError::Closed),
            Line::Open if octets.is_empty() => return Ok(0),
            Line::Open => {}
        }
        if self.asking {
            return Err(TlsError::Abandoned);
        }
        let length = octets.len().min(PIECE);
        match desk.piece.try_borrow_mut() {
            Ok(mut piece) => piece.iter_mut().zip(octets).for_each(|(to, from)| *to = *from),
            Err(_) => return Err(TlsError::Misuse),
        }
        self.ask(Order::Write(length)).await
    }

    async fn flush(&mut self) -> Result<(), TlsError> {
        match self.tls.desk.line.get() {
            Line::Failed(error) => Err(error),
            Line::Ended | Line::NotOpen => Err(TlsError::Closed),
            Line::Open => self.ask(Order::Flush).await.map(drop),
        }
    }
}
