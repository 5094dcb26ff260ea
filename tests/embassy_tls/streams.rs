//! What a stream does for its application, and what it does not.

use std::{cell::Cell, future::Future, pin::pin, task::Context, task::Waker};

use embedded_io_async::{Error as _, ErrorKind, Read, Write};
use keyfob_core::time::{Date, UnixTime};
use keyfob_embassy::{
    Clock, SystemClock,
    connect::{Connect, Origin},
    http::HttpErrorKind,
    tls::{Tls, TlsError, TlsMemory},
};

use crate::{
    attacks::{network, pair},
    honest::RESPONSE,
    hostile::{DATA, Wire, act, nothing},
    network::{Counting, Device, Network, REQUEST, Standing, TODAY},
};

const ORIGIN: Origin<'static> = Origin { secure: true, host: "op.example", port: 8443 };

/// A network with an honest server that answers each write, and goes on.
fn honest() -> (Device, Network) {
    let (device, identity) = pair();
    let hello = act(move |wire| wire.honest(&identity));
    let (network, _) = network(&hello, &nothing(), &act(|wire| wire.encrypted(DATA, RESPONSE, 0)));
    (device, network)
}

fn run<R>(application: impl AsyncFnOnce(&Tls<'_>, &Network) -> R) -> R {
    let (device, network) = honest();
    let result = device.run::<16_640, _>(&network, async |tls| application(tls, &network).await);
    assert_eq!(network.open.get(), 0);
    result.expect("it comes to its end")
}

/// Polls once and drops it.
fn abandon<R>(future: impl Future<Output = R>) {
    let mut future = pin!(future);
    assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
}

async fn exchange(
    stream: &mut (impl Read<Error = TlsError> + Write<Error = TlsError>),
) -> Result<(), TlsError> {
    stream.write_all(REQUEST).await?;
    stream.flush().await?;
    let mut read = [0; RESPONSE.len()];
    stream.read_exact(&mut read).await.map_err(|_| TlsError::Truncated)?;
    assert_eq!(read, RESPONSE);
    Ok(())
}

// REQ: DRV-05
#[test]
fn one_stream_serves_several_requests_and_others_follow() {
    run(async |tls, network| {
        for round in 1..=3 {
            let mut stream = tls.connect(ORIGIN).await.expect("a stream");
            for _ in 0..5 {
                assert_eq!(exchange(&mut stream).await, Ok(()));
            }
            assert_eq!((network.open.get(), network.opened.get()), (1, round));
            drop(stream);
            assert_eq!(network.open.get(), 0, "closed at once");
        }
        let origin = (false, "op.example".to_owned(), 8443);
        assert_eq!(network.origins.borrow()[..], [origin.clone(), origin.clone(), origin]);
    });
}

#[test]
fn a_stream_is_of_one_network() {
    run(async |tls, network| {
        let mut stream = tls.connect(ORIGIN).await.expect("a stream");
        assert_eq!(exchange(&mut stream).await, Ok(()));
        assert!(tls.is_silent(&mut stream).await);
        network.number.set(1);
        assert!(!tls.is_silent(&mut stream).await);
        network.number.set(0);
        assert!(tls.is_silent(&mut stream).await);
    });
}

/// Longer than what goes to the session at once, and than what fits a record.
#[test]
fn long_writes() {
    let (device, identity) = pair();
    let hello = act(move |wire| wire.honest(&identity));
    let (network, heard) = network(&hello, &nothing(), &nothing());
    let long: Vec<u8> = (0..20_000_u32).flat_map(u32::to_be_bytes).collect();
    let written = device.run::<16_640, _>(&network, async |tls| {
        let mut stream = tls.connect(ORIGIN).await?;
        stream.write_all(&long).await?;
        stream.flush().await
    });
    assert_eq!(written, Some(Ok(())));
    assert_eq!(heard.borrow()[..], long[..]);
}

#[test]
fn one_stream_at_a_time() {
    run(async |tls, network| {
        let stream = tls.connect(ORIGIN).await.expect("a stream");
        assert_eq!(tls.connect(ORIGIN).await.err(), Some(TlsError::Busy));
        assert_eq!(network.opened.get(), 1);
        drop(stream);
        let mut stream = tls.connect(ORIGIN).await.expect("another stream");
        assert_eq!(exchange(&mut stream).await, Ok(()));
    });
}

/// Nothing goes out that is not secure, nor to a name that is none.
#[test]
fn what_is_not_opened() {
    run(async |tls, network| {
        let long = "a".repeat(254);
        for (secure, host, error) in [
            (false, "op.example", TlsError::Insecure),
            (false, "127.0.0.1", TlsError::Insecure),
            (true, "", TlsError::InvalidName),
            (true, "a b", TlsError::InvalidName),
            (true, "[::1]", TlsError::InvalidName),
            (true, "op..example", TlsError::InvalidName),
            (true, &long, TlsError::InvalidName),
        ] {
            assert_eq!(tls.connect(Origin { secure, host, port: 1 }).await.err(), Some(error), "{host}");
        }
        assert_eq!(network.opened.get(), 0);
        assert!(tls.connect(ORIGIN).await.is_ok(), "and it goes on");
    });
}

/// The caller's time limit drops the future: in the handshake, in a read, in a write.
#[test]
fn dropped_half_way() {
    let (device, identity) = pair();
    let slow = Cell::new(0);
    let hello = act(move |wire| wire.honest(&identity));
    let (network, _) = network(&hello, &nothing(), &nothing());
    let done = device.run::<16_640, _>(&network, async |tls| {
        let mut stream = tls.connect(ORIGIN).await.expect("a stream");
        let mut read = [0; 10];
        abandon(stream.read(&mut read));
        assert_eq!(stream.read(&mut read).await, Err(TlsError::Abandoned));
        assert_eq!(stream.write(REQUEST).await, Err(TlsError::Abandoned));
        assert_eq!(stream.flush().await, Err(TlsError::Abandoned));
        assert_eq!(network.open.get(), 1);
        drop(stream);
        assert_eq!(network.open.get(), 0);
        slow.set(1);
        let stream = tls.connect(ORIGIN).await;
        assert!(stream.is_ok());
    });
    assert_eq!(done, Some(()));
    let (device, _) = pair();
    let (network, _) = self::network(&nothing(), &nothing(), &nothing());
    let done = device.run::<16_640, _>(&network, async |tls| {
        for _ in 0..3 {
            abandon(tls.connect(ORIGIN));
            assert_eq!(network.open.get(), 0, "the handshake's stream is closed");
        }
    });
    assert_eq!(done, Some(()));
    assert_eq!(network.opened.get(), 3);
}

/// After the end there is no more to read, and nothing can be written.
#[test]
fn after_the_end() {
    let (device, identity) = pair();
    let hello = act(move |wire| wire.honest(&identity));
    let (network, _) = network(&hello, &nothing(), &act(|wire: &mut Wire| wire.respond(RESPONSE)));
    let done = device.run::<16_640, _>(&network, async |tls| {
        let mut stream = tls.connect(ORIGIN).await.expect("a stream");
        assert_eq!(exchange(&mut stream).await, Ok(()));
        let mut more = [0; 8];
        assert_eq!(stream.read(&mut more).await, Ok(0));
        assert_eq!(network.open.get(), 0, "closed");
        assert_eq!(stream.read(&mut more).await, Ok(0));
        assert_eq!(stream.write(REQUEST).await, Err(TlsError::Closed));
        assert_eq!(stream.flush().await, Err(TlsError::Closed));
    });
    assert_eq!(done, Some(()));
}

/// No two handshakes have a random number or a key in common, and a generator that fails sends nothing.
#[test]
fn entropy() {
    run(async |tls, network| {
        let mut seen = Vec::new();
        for _ in 0..4 {
            network.sent.borrow_mut().clear();
            drop(tls.connect(ORIGIN).await.expect("a stream"));
            let sent = network.sent.borrow();
            let share = sent.windows(5).position(|octets| octets == [0, 23, 0, 65, 4]).expect("a share") + 5;
            let both = (sent[11..43].to_vec(), sent[share..share + 64].to_vec());
            assert!(seen.iter().all(|(random, share)| *random != both.0 && *share != both.1));
            seen.push(both);
        }
    });
    let (device, network) = honest();
    device.count.set(u64::MAX);
    let refused = device.run::<16_640, _>(&network, async |tls| tls.connect(ORIGIN).await.err());
    assert_eq!(refused, Some(Some(TlsError::Entropy)));
    assert_eq!(network.sent.borrow().len(), 0);
}

/// The name goes out in the ClientHello, an address does not (RFC 6066 §3).
#[test]
fn server_name() {
    let sent = |host| {
        let (device, network) = honest();
        let _ = device.run::<16_640, _>(&network, async |tls| {
            tls.connect(Origin { secure: true, host, port: 443 }).await.is_ok()
        });
        let sent = network.sent.borrow();
        sent.windows(host.len()).any(|octets| octets == host.as_bytes())
    };
    assert!(sent("op.example"));
    assert!(!sent("192.0.2.7"));
    assert!(!sent("2001:db8::7"));
}

/// A session that is another desk's serves nobody.
#[test]
fn a_session_of_elsewhere() {
    let (_, network) = honest();
    let (mut one, mut other) = (TlsMemory::<16_640>::new(), TlsMemory::<16_640>::new());
    let (desk, buffers) = one.split();
    let (wrong, _) = other.split();
    let entropy = Counting(Default::default());
    let session = pin!(desk.session(buffers, &network, &[], entropy, Standing(Date::Known(TODAY))));
    let tls = Tls::new(wrong, session);
    let refused = keyfob_tests::executor::block_on(tls.connect(ORIGIN)).err();
    assert_eq!(refused, Some(TlsError::Misuse));
}

/// A clock that several hold: what the HTTP client learns of the date, the certificates are judged by.
#[test]
fn a_shared_clock() {
    let clock = Cell::new(SystemClock::new());
    let (mut one, mut other) = (&clock, &clock);
    assert_eq!(one.now().date, Date::Unknown);
    other.observe(TODAY);
    let Date::AtLeast(date) = one.now().date else { panic!("{:?}", one.now().date) };
    assert!(date >= TODAY && date < UnixTime::from_seconds(TODAY.seconds() + 60));
}

/// What a device has to have for one connection.
#[test]
fn memory() {
    assert!(size_of::<TlsMemory>() < 19_700, "{}", size_of::<TlsMemory>());
    assert!(size_of::<TlsMemory<4_352, 1_024>>() < 6_400);
}

/// Each error has a kind that generic code understands, words for a person, and no text of the server.
#[test]
fn errors() {
    for (error, kind, authentication) in [
        (TlsError::Abandoned, ErrorKind::Other, false),
        (TlsError::BadCertificate, ErrorKind::PermissionDenied, true),
        (TlsError::BadSignature, ErrorKind::PermissionDenied, true),
        (TlsError::BufferTooSmall, ErrorKind::OutOfMemory, false),
        (TlsError::Busy, ErrorKind::Other, false),
        (TlsError::Closed, ErrorKind::NotConnected, false),
        (TlsError::DateUnknown, ErrorKind::PermissionDenied, true),
        (TlsError::Entropy, ErrorKind::Other, false),
        (TlsError::Expired, ErrorKind::PermissionDenied, true),
        (TlsError::Insecure, ErrorKind::InvalidInput, false),
        (TlsError::InvalidName, ErrorKind::InvalidInput, false),
        (TlsError::Misuse, ErrorKind::Other, false),
        (TlsError::NameMismatch, ErrorKind::PermissionDenied, true),
        (TlsError::Network(ErrorKind::TimedOut), ErrorKind::TimedOut, false),
        (TlsError::NotAuthenticated, ErrorKind::PermissionDenied, true),
        (TlsError::NotYetValid, ErrorKind::PermissionDenied, true),
        (TlsError::Protocol, ErrorKind::InvalidData, false),
        (TlsError::Refused(None), ErrorKind::ConnectionAborted, false),
        (TlsError::Truncated, ErrorKind::ConnectionReset, false),
        (TlsError::UnknownIssuer, ErrorKind::PermissionDenied, true),
        (TlsError::UnsupportedAlgorithm, ErrorKind::PermissionDenied, true),
        (TlsError::WrongUse, ErrorKind::PermissionDenied, true),
    ] {
        assert_eq!((error.kind(), error.is_authentication()), (kind, authentication), "{error:?}");
        assert_eq!(Tls::kind(&error) == HttpErrorKind::Tls, authentication, "{error:?}");
        assert!(error.to_string().len() > 15, "{error:?}");
    }
    assert!(size_of::<TlsError>() <= 4);
}
