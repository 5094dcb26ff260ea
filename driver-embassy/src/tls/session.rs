//! The session: it holds embedded-tls, one connection after the other, and does what the stream's orders say.

use core::{
    convert::Infallible,
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};

use embedded_io_async::{Error as _, Write as _};
use embedded_tls::{MaxFragmentLength, TlsConfig, TlsConnection, TlsContext, TlsError as Inner};
use keyfob_core::entropy::Entropy;
use rustls_pki_types::{ServerName, TrustAnchor};
use zeroize::Zeroize;

use super::{
    Buffers, TlsError,
    cipher::Suite,
    desk::{Desk, Line, Order},
    filter::Filter,
    random::Random,
    verifier::{Provider, Verifier},
};
use crate::{
    Clock,
    connect::{Connect, Origin},
};

/// What a session has for its whole life.
pub(super) struct Session<'d, C, E, K> {
    pub(super) network: &'d C,
    pub(super) anchors: &'d [TrustAnchor<'d>],
    pub(super) entropy: E,
    pub(super) clock: K,
    pub(super) desk: &'d Desk,
}

type Connection<'c, S> = TlsConnection<'c, Filter<'c, S>, Suite>;

impl<C: Connect, E: Entropy, K: Clock> Session<'_, C, E, K> {
    /// Serves one stream after the other, for ever.
    pub(super) async fn run(mut self, mut buffers: Buffers<'_>) -> Infallible {
        let desk = self.desk;
        loop {
            {
                let mut serving = pin!(self.serve(&mut buffers));
                poll_fn(
                    |context| {
                        if desk.hung_up.take() { Poll::Ready(()) } else { serving.as_mut().poll(context) }
                    },
                )
                .await;
            }
            // The stream below is closed. Nothing of what came stays.
            buffers.read.zeroize();
            buffers.write.zeroize();
            desk.order.set(None);
            if let Ok(mut piece) = desk.piece.try_borrow_mut() {
                piece.zeroize();
            }
        }
    }

    /// Waits for an order to connect, and serves the connection to its end.
    async fn serve(&mut self, buffers: &mut Buffers<'_>) {
        let desk = self.desk;
        let Order::Connect = order(desk).await else {
            desk.answer.set(Some(Err(TlsError::Closed)));
            return;
        };
        let ended = self.connection(buffers).await;
        let (line, answer) = match ended {
            Ok(()) => (Line::Ended, Ok(0)),
            Err(error) => (Line::Failed(error), Err(error)),
        };
        desk.line.set(line);
        desk.answer.set(Some(answer));
    }

    /// Opens a connection and serves it until it ends or fails.
    async fn connection(&mut self, buffers: &mut Buffers<'_>) -> Result<(), TlsError> {
        let Self { network, anchors, entropy, clock, desk } = self;
        let host = desk.host.get();
        let server_name = ServerName::try_from(host.name()).or(Err(TlsError::InvalidName))?;
        let mut config = TlsConfig::new();
        if cfg!(feature = "tls-rsa") {
            config = config.enable_rsa_signatures();
        }
        //= https://www.rfc-editor.org/rfc/rfc6066#section-3
        if let ServerName::DnsName(_) = server_name {
            config = config.with_server_name(host.name());
        }
        if let Some(length) = max_fragment_length(buffers.read.len()) {
            config = config.with_max_fragment_length(length);
        }
        let random = Random::new(entropy)?;
        let origin = Origin { secure: false, host: host.name(), port: host.port };
        let number = network.network();
        let stream = network.connect(origin).await.map_err(|error| TlsError::Network(error.kind()))?;

        let filter = Filter::new(stream, desk);
        let mut connection = Connection::new(filter, buffers.read, buffers.write);
        let verifier = Verifier::new(anchors, server_name, clock.now().date, &desk.fault);
        let mut provider = Provider { random, verifier };
        let opened = connection.open(TlsContext::new(&config, &mut provider)).await;
        opened.map_err(|error| named(desk, error))?;
        // embedded-tls comes to this point also with a server that has shown no certificate.
        if !provider.verifier.is_authenticated() {
            return Err(TlsError::NotAuthenticated);
        }
        drop(provider);
        desk.line.set(Line::Open);
        desk.answer.set(Some(Ok(0)));
        serve(desk, &mut connection, || network.network() == number).await
    }
}

/// Does what the orders say.
#[expect(clippy::await_holding_refcell_ref, reason = "the stream waits for the answer meanwhile")]
async fn serve<C>(
    desk: &Desk,
    connection: &mut Connection<'_, C>,
    is_same_network: impl Fn() -> bool,
) -> Result<(), TlsError>
where
    C: embedded_io_async::Read + embedded_io_async::Write,
{
    loop {
        let done = match order(desk).await {
            Order::Connect => return Err(TlsError::Busy),
            Order::Flush => connection.flush().await.map(|()| 0),
            Order::Look => {
                desk.touched.set(false);
                let came = {
                    let mut read = pin!(connection.read_buffered());
                    poll_fn(|context| Poll::Ready(read.as_mut().poll(context).is_ready())).await
                };
                // A read that was dropped before an octet came has changed nothing.
                Ok(usize::from(!came && !desk.touched.get() && is_same_network()))
            }
            Order::Read(length) => match connection.read_buffered().await {
                Ok(mut octets) => {
                    let octets = octets.pop(length);
                    if let Ok(mut piece) = desk.piece.try_borrow_mut() {
                        piece.iter_mut().zip(octets).for_each(|(to, from)| *to = *from);
                    }
                    Ok(octets.len())
                }
                Err(Inner::ConnectionClosed) => return Ok(()),
                Err(error) => Err(error),
            },
            Order::Write(length) => {
                let Ok(piece) = desk.piece.try_borrow() else { return Err(TlsError::Misuse) };
                let octets = piece.get(..length).unwrap_or_default();
                connection.write_all(octets).await.map(|()| length)
            }
        };
        desk.answer.set(Some(Ok(done.map_err(|error| named(desk, error))?)));
    }
}

/// Waits for the next order. The stream that gives one polls the session itself, so nobody has to be woken.
fn order(desk: &Desk) -> impl Future<Output = Order> {
    poll_fn(|_| desk.order.take().map_or(Poll::Pending, Poll::Ready))
}

/// What went wrong, as exactly as it is known.
fn named(desk: &Desk, error: Inner) -> TlsError {
    desk.fault.take().unwrap_or(match error {
        Inner::HandshakeAborted(_, alert) => TlsError::Refused(Some(alert as u8)),
        // An alert that was encrypted.
        Inner::InternalError => TlsError::Refused(None),
        Inner::InsufficientSpace => TlsError::BufferTooSmall,
        Inner::Io(kind) => TlsError::Network(kind),
        Inner::MissingHandshake => TlsError::Closed,
        _ => TlsError::Protocol,
    })
}

/// What the server is asked for where a whole record may not fit (RFC 6066 §4), with the octets that encryption adds.
fn max_fragment_length(room: usize) -> Option<MaxFragmentLength> {
    match room.saturating_sub(256) {
        16_384.. => None,
        4096.. => Some(MaxFragmentLength::Bits12),
        2048.. => Some(MaxFragmentLength::Bits11),
        1024.. => Some(MaxFragmentLength::Bits10),
        _ => Some(MaxFragmentLength::Bits9),
    }
}
