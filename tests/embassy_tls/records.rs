//! Records that nobody should send, and those that may be sent in more than one way.

use keyfob_embassy::tls::TlsError;

use crate::{
    attacks::{network, pair},
    honest::RESPONSE,
    hostile::{ALERT, Act, DATA, HANDSHAKE, Wire, act, extension, message, nothing},
    network::{End, Outcome, REQUEST},
};

/// Fetches from a server that proves who it is, and then does this.
fn after(finished: &Act, data: &Act) -> Outcome {
    let (device, identity) = pair();
    let (network, heard) = network(&act(move |wire| wire.honest(&identity)), finished, data);
    let outcome = device.fetch(&network);
    assert_eq!(heard.borrow()[..], REQUEST[..]);
    outcome
}

fn broken(data: impl Fn(&mut Wire) + 'static) -> End {
    let Outcome { read, end } = after(&nothing(), &act(data));
    assert_eq!(read, b"");
    end.expect_err("it is broken")
}

const PROTOCOL: End = End::Failed(TlsError::Protocol);

/// embedded-tls panics at each of these.
#[test]
fn what_would_panic() {
    // A record with nothing in it but its tag, and with zeros.
    assert_eq!(broken(|wire| wire.sealed(&[])), PROTOCOL);
    for length in [1, 2, 100] {
        assert_eq!(broken(move |wire| wire.sealed(&vec![0; length])), PROTOCOL);
    }
    // Messages of a handshake that is over: in plaintext, and by the server itself.
    for kind in 0..=255 {
        let plain = message(kind, &[0, 0]);
        assert_eq!(broken(move |wire| wire.plain(HANDSHAKE, &plain)), PROTOCOL, "{kind}");
        let body = if kind == 20 { vec![0; 32] } else { vec![0; 2] };
        let sealed = message(kind, &body);
        assert_eq!(broken(move |wire| wire.encrypted(HANDSHAKE, &sealed, 0)), PROTOCOL, "{kind}");
    }
}

/// The same before the server is authenticated, when anybody can send it.
#[test]
fn what_would_panic_before() {
    let (device, _) = pair();
    let records: [fn(&mut Wire); 5] = [
        |wire| wire.sealed(&[]),
        |wire| wire.sealed(&[0]),
        |wire| wire.sealed(&[0; 200]),
        |wire| wire.plain(HANDSHAKE, &[]),
        |wire| wire.encrypted(HANDSHAKE, &[], 0),
    ];
    for record in records {
        let hello = act(move |wire: &mut Wire| {
            wire.server_hello(&[]);
            record(wire);
        });
        let (network, heard) = network(&hello, &nothing(), &nothing());
        assert_eq!(device.fetch(&network).end, Err(End::Refused(TlsError::Protocol)));
        assert_eq!(heard.borrow().len(), 0);
    }
}

/// An end that anybody between could have made up: in plaintext, or by ending the stream below.
#[test]
fn no_false_end() {
    assert_eq!(broken(|wire| wire.plain(ALERT, &[1, 0])), PROTOCOL);
    assert_eq!(broken(|wire| wire.closed = true), End::Failed(TlsError::Truncated));
    let part = &RESPONSE[..20];
    let cut = |data: fn(&mut Wire)| {
        after(
            &nothing(),
            &act(move |wire| {
                wire.encrypted(DATA, part, 0);
                data(wire);
            }),
        )
    };
    for (end, expected) in [
        (cut(|wire| wire.closed = true), Err(End::Failed(TlsError::Truncated))),
        (cut(|wire| wire.plain(ALERT, &[1, 0])), Err(PROTOCOL)),
        (cut(|wire| wire.end()), Ok(())),
    ] {
        assert_eq!(end, Outcome { read: part.to_vec(), end: expected });
    }
    // In the middle of a record.
    assert_eq!(
        broken(|wire| {
            wire.encrypted(DATA, RESPONSE, 0);
            wire.out.truncate(wire.out.len() - 1);
            wire.closed = true;
        }),
        End::Failed(TlsError::Truncated)
    );
}

#[test]
fn alerts_of_the_server() {
    assert_eq!(broken(|wire| wire.encrypted(ALERT, &[2, 80], 0)), End::Failed(TlsError::Refused(None)));
    assert_eq!(broken(|wire| wire.encrypted(ALERT, &[2], 0)), PROTOCOL);
    assert_eq!(broken(|wire| wire.encrypted(ALERT, &[1, 0, 1, 0], 0)), PROTOCOL);
}

/// Lengths that no record has (RFC 8446 §5.1, §5.2).
#[test]
fn lengths() {
    let (device, _) = pair();
    for header in [
        [HANDSHAKE, 3, 3, 0x40, 1],
        [HANDSHAKE, 3, 3, 0, 0],
        [HANDSHAKE, 2, 3, 0, 9],
        [ALERT, 3, 3, 0, 1],
        [ALERT, 3, 3, 0, 3],
        [DATA, 3, 3, 0, 40],
        [20, 3, 3, 0, 1],
        [24, 3, 3, 0, 9],
        [0; 5],
        [0xFF; 5],
    ] {
        let (network, _) = network(&act(move |wire| wire.raw(&header)), &nothing(), &nothing());
        assert_eq!(device.fetch(&network).end, Err(End::Refused(TlsError::Protocol)), "{header:?}");
        assert_eq!(network.read.get(), 5, "nothing of it is read");
    }
    for header in [
        [DATA, 3, 3, 0x41, 1],
        [DATA, 3, 3, 0xFF, 0xFF],
        [DATA, 3, 3, 0, 16],
        [DATA, 3, 3, 0, 0],
        [DATA, 3, 1, 0, 40],
        [DATA, 3, 0x83, 0, 40],
        [DATA, 2, 3, 0, 40],
        [20, 3, 3, 0, 1],
        [24, 3, 3, 0, 40],
    ] {
        assert_eq!(broken(move |wire| wire.raw(&header)), PROTOCOL, "{header:?}");
    }
}

/// One record for middleboxes may come, before anything encrypted (RFC 8446 Appendix D.4).
#[test]
fn change_cipher_spec() {
    let (device, identity) = pair();
    let fetch = |before: usize, body: &'static [u8], within: usize| {
        let identity = identity.clone();
        let hello = act(move |wire: &mut Wire| {
            wire.server_hello(&[]);
            for _ in 0..before {
                wire.plain(20, body);
            }
            if within > 0 {
                let extensions = wire.encrypted_extensions();
                wire.messages(&[extensions]);
                wire.plain(20, body);
            } else {
                wire.flight(&identity, &[]);
            }
        });
        let (network, _) = network(&hello, &nothing(), &act(|wire| wire.respond(RESPONSE)));
        device.fetch(&network).end
    };
    let refused = Err(End::Refused(TlsError::Protocol));
    assert_eq!(fetch(0, &[1], 0), Ok(()));
    assert_eq!(fetch(1, &[1], 0), Ok(()));
    assert_eq!(fetch(2, &[1], 0), refused);
    assert_eq!(fetch(1000, &[1], 0), refused);
    assert_eq!(fetch(1, &[1, 1], 0), refused);
    assert_eq!(fetch(1, &[], 0), refused);
    assert_eq!(fetch(0, &[1], 1), refused);
}

/// Tickets and padding are TLS as it should be; so are records of one octet, and of none.
#[test]
fn what_may_come() {
    let ticket = message(4, &[&[0, 0, 14, 16, 1, 2, 3, 4, 1, 9, 0, 3, 7, 7, 7][..], &[0, 0]].concat());
    let two = [ticket.clone(), ticket].concat();
    let finished = act(move |wire: &mut Wire| {
        wire.encrypted(HANDSHAKE, &two, 0);
        wire.encrypted(DATA, &[], 0);
    });
    let data = act(|wire: &mut Wire| {
        for octet in RESPONSE {
            wire.encrypted(DATA, &[*octet], usize::from(*octet));
            wire.encrypted(DATA, &[], 3);
        }
        wire.end();
    });
    assert_eq!(after(&finished, &data), Outcome { read: RESPONSE.to_vec(), end: Ok(()) });
}

/// The network hands out one octet at a time.
#[test]
fn one_octet_at_a_time() {
    let (device, identity) = pair();
    let hello = act(move |wire| wire.honest(&identity));
    let (mut network, _) = network(&hello, &nothing(), &act(|wire| wire.respond(RESPONSE)));
    network.piece = 1;
    assert_eq!(device.fetch(&network), Outcome { read: RESPONSE.to_vec(), end: Ok(()) });
}

/// A handshake whose messages are split over records is not supported, and no panic.
#[test]
fn split_messages() {
    let (device, identity) = pair();
    for length in [1, 2, 3, 4, 5, 40] {
        let identity = identity.clone();
        let hello = act(move |wire: &mut Wire| {
            wire.server_hello(&[]);
            let certificate = crate::hostile::certificate(&identity.chain);
            let all = [wire.encrypted_extensions(), certificate].concat();
            for piece in all.chunks(length) {
                wire.encrypted(HANDSHAKE, piece, 0);
            }
        });
        let (network, _) = network(&hello, &nothing(), &nothing());
        assert_eq!(device.fetch(&network).end, Err(End::Refused(TlsError::Protocol)), "{length}");
    }
}

/// With less room the device asks for shorter records, and works with a server that heeds it (RFC 6066 §4).
// REQ: DRV-11
#[test]
fn small_records() {
    fn fetch<const ROOM: usize>(most: usize) -> (Option<u8>, Result<(), End>, usize) {
        let (device, identity) = pair();
        let hello = act(move |wire: &mut Wire| {
            wire.server_hello(&[]);
            // It says that it heeds the wish, whose code is in the ClientHello.
            wire.flight(&identity, &[]);
        });
        let body = vec![b'x'; 100_000];
        let sent = body.clone();
        let data = act(move |wire: &mut Wire| {
            for piece in sent.chunks(most) {
                wire.encrypted(DATA, piece, 0);
            }
            wire.end();
        });
        let (network, _) = network(&hello, &nothing(), &data);
        let outcome = device.fetch_with::<ROOM>(&network);
        assert!(body.starts_with(&outcome.read));
        let sent = network.sent.borrow();
        let asked = sent.windows(5).find(|octets| octets[..4] == [0, 1, 0, 1] && octets[4] < 5);
        (asked.map(|octets| octets[4]), outcome.end, outcome.read.len())
    }
    let too_small = Err(End::Failed(TlsError::BufferTooSmall));
    assert_eq!(fetch::<16_640>(16_384), (None, Ok(()), 100_000));
    assert_eq!(fetch::<4_352>(4_096), (Some(4), Ok(()), 100_000));
    assert_eq!(fetch::<2_304>(2_048), (Some(3), Ok(()), 100_000));
    assert_eq!(fetch::<1_280>(1_024), (Some(2), Ok(()), 100_000));
    assert_eq!(fetch::<4_352>(16_384), (Some(4), too_small, 0));
}

/// A chain that does not fit.
#[test]
fn a_chain_too_long_for_the_memory() {
    let (device, identity) = pair();
    let (network, heard) = network(&act(move |wire| wire.honest(&identity)), &nothing(), &nothing());
    let outcome = device.fetch_with::<768>(&network);
    assert!(
        matches!(outcome.end, Err(End::Refused(TlsError::BufferTooSmall)))
            || heard.borrow()[..] == REQUEST[..],
        "{outcome:?}"
    );
}

/// A server may ask for a certificate; it gets none, and decides.
#[test]
fn a_request_for_a_certificate() {
    let (device, identity) = pair();
    let request = message(13, &[&[0, 0, 8][..], &extension(13, &[0, 2, 4, 3])].concat());
    let hello = act(move |wire: &mut Wire| {
        wire.server_hello(&[]);
        wire.flight(&identity, std::slice::from_ref(&request));
    });
    let (one, _) = network(&hello, &nothing(), &act(|wire| wire.respond(RESPONSE)));
    assert_eq!(device.fetch(&one), Outcome { read: RESPONSE.to_vec(), end: Ok(()) });
    // certificate_required
    let (other, _) = network(&hello, &act(|wire| wire.encrypted(ALERT, &[2, 116], 0)), &nothing());
    assert_eq!(device.fetch(&other).end, Err(End::Failed(TlsError::Refused(None))));
}

/// Whatever a server that is authenticated puts into its records, nothing panics.
#[test]
fn anything_in_a_record() {
    let mut number = 7_u64;
    let mut random = move || {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (number >> 33) as u8
    };
    for length in 0..400_usize {
        let mut inner: Vec<u8> = (0..length % 80).map(|_| random()).collect();
        // A ticket of that length, or any kind.
        if length % 2 == 0 && inner.len() > 4 {
            let rest = u8::try_from(inner.len() - 4).unwrap();
            inner[..4].copy_from_slice(&[4, 0, 0, rest]);
        }
        inner.push(if length % 5 == 0 { random() } else { HANDSHAKE });
        let Outcome { end, .. } = after(
            &nothing(),
            &act(move |wire| {
                wire.sealed(&inner);
                wire.closed = true;
            }),
        );
        assert!(
            matches!(
                end,
                Err(End::Failed(TlsError::Protocol | TlsError::Truncated | TlsError::Refused(None)))
            ),
            "{end:?}"
        );
    }
}
