//! Servers that do not prove who they are, or speak no TLS 1.3: all are refused, and hear nothing.

use std::{cell::RefCell, rc::Rc};

use keyfob_embassy::{
    connect::{Connect, Origin},
    tls::TlsError,
};

use crate::{
    certificates::{Authority, Identity, Kind},
    honest::{Honest, RESPONSE},
    hostile::{
        ALERT, Act, DATA, HANDSHAKE, Hostile, SERVER, Wire, act, certificate, certificate_verify, extension,
        message, nothing, server_hello,
    },
    network::{Device, End, Network, Outcome, REQUEST},
};

/// A device, and the server that it looks for.
pub fn pair() -> (Device, Identity) {
    let root = Authority::new("root", Kind::P256);
    (Device::new(&[root.der()]), root.issue(&["op.example"], Kind::P256, |_| {}))
}

/// A network with this server, and what it hears.
pub fn network(hello: &Act, finished: &Act, data: &Act) -> (Network, Rc<RefCell<Vec<u8>>>) {
    let heard = Rc::new(RefCell::new(Vec::new()));
    let (hello, finished, data) = (hello.clone(), finished.clone(), data.clone());
    let network = Network::new({
        let heard = heard.clone();
        move || Hostile::new(&hello, &finished, &data, &heard)
    });
    (network, heard)
}

/// What a device says to a server that does this with a ClientHello.
fn refused(device: &Device, hello: impl Fn(&mut Wire) + 'static) -> End {
    let (network, heard) = network(&act(hello), &nothing(), &nothing());
    let Outcome { read, end } = device.fetch(&network);
    assert_eq!((&heard.borrow()[..], &read[..]), (&b""[..], &b""[..]));
    let sent = network.sent.borrow();
    assert!(!sent.windows(8).any(|octets| octets == &REQUEST[..8]), "nor in plaintext");
    end.expect_err("it is refused")
}

const NOT_AUTHENTICATED: End = End::Refused(TlsError::NotAuthenticated);
const BAD_SIGNATURE: End = End::Refused(TlsError::BadSignature);
const PROTOCOL: End = End::Refused(TlsError::Protocol);

/// The servers by hand are servers: one that does all as it should is talked to.
#[test]
fn an_honest_one_passes() {
    let (device, identity) = pair();
    let hello = act(move |wire| wire.honest(&identity));
    let (network, heard) = network(&hello, &nothing(), &act(|wire| wire.respond(RESPONSE)));
    assert_eq!(device.fetch(&network), Outcome { read: RESPONSE.to_vec(), end: Ok(()) });
    assert_eq!(heard.borrow()[..], REQUEST[..]);
}

/// embedded-tls comes to the end of such a handshake, and its users send their request.
// REQ: HTTP-05
#[test]
fn no_certificate() {
    let (device, _) = pair();
    let end = refused(&device, |wire| {
        wire.server_hello(&[]);
        let messages = vec![wire.encrypted_extensions()];
        let finished = wire.finished(&messages);
        wire.messages(&[messages, vec![finished]].concat());
        wire.change_keys();
    });
    assert_eq!(end, NOT_AUTHENTICATED);
    // Nor with a key that was never agreed upon.
    let end = refused(&device, |wire| {
        wire.server_hello(&[extension(41, &[0, 0])]);
        let messages = vec![wire.encrypted_extensions()];
        let finished = wire.finished(&messages);
        wire.messages(&[messages, vec![finished]].concat());
        wire.change_keys();
    });
    assert_eq!(end, NOT_AUTHENTICATED);
}

// REQ: HTTP-05
#[test]
fn a_certificate_that_anyone_can_copy() {
    let (device, identity) = pair();
    let end = refused(&device, {
        let identity = identity.clone();
        move |wire| {
            wire.server_hello(&[]);
            let messages = vec![wire.encrypted_extensions(), certificate(&identity.chain)];
            let finished = wire.finished(&messages);
            wire.messages(&[messages, vec![finished]].concat());
            wire.change_keys();
        }
    });
    assert_eq!(end, NOT_AUTHENTICATED);
    let end = refused(&device, move |wire| {
        wire.server_hello(&[]);
        let messages = vec![wire.encrypted_extensions(), certificate(&[])];
        let finished = wire.finished(&messages);
        wire.messages(&[messages, vec![finished]].concat());
    });
    assert_eq!(end, NOT_AUTHENTICATED);
}

/// The order of messages, and how often they come.
#[test]
fn messages_out_of_order() {
    type Messages = fn(&mut Wire, &Identity) -> Vec<Vec<u8>>;
    let orders: [(&str, Messages, End); 6] = [
        (
            "a signature without a certificate",
            |wire, identity| {
                let messages = vec![wire.encrypted_extensions()];
                let verify = wire.certificate_verify(&identity.key, &messages, SERVER);
                [messages, vec![verify]].concat()
            },
            PROTOCOL,
        ),
        (
            "two certificates",
            |wire, identity| {
                let certificate = certificate(&identity.chain);
                let messages = vec![wire.encrypted_extensions(), certificate.clone(), certificate];
                let verify = wire.certificate_verify(&identity.key, &messages, SERVER);
                [messages, vec![verify]].concat()
            },
            PROTOCOL,
        ),
        (
            "a second certificate behind the signature",
            |wire, identity| {
                let messages = vec![wire.encrypted_extensions(), certificate(&identity.chain)];
                let verify = wire.certificate_verify(&identity.key, &messages, SERVER);
                [messages, vec![verify, certificate(&identity.chain)]].concat()
            },
            PROTOCOL,
        ),
        (
            "two signatures",
            |wire, identity| {
                let mut messages = vec![wire.encrypted_extensions(), certificate(&identity.chain)];
                for _ in 0..2 {
                    messages.push(wire.certificate_verify(&identity.key, &messages, SERVER));
                }
                messages
            },
            PROTOCOL,
        ),
        ("another ServerHello", |_, _| vec![server_hello(&[1; 32], &[])], PROTOCOL),
        ("a ticket", |_, _| vec![message(4, &[0; 13])], PROTOCOL),
    ];
    let (device, identity) = pair();
    for (name, messages, expected) in orders {
        let identity = identity.clone();
        let end = refused(&device, move |wire| {
            wire.server_hello(&[]);
            let messages = messages(wire, &identity);
            let finished = wire.finished(&messages);
            wire.messages(&[messages, vec![finished]].concat());
            wire.change_keys();
        });
        assert_eq!(end, expected, "{name}");
    }
}

/// What a server signs, and with what.
// REQ: HTTP-05
#[test]
fn bad_signatures() {
    type Verify = fn(&Wire, &Identity, &[Vec<u8>]) -> Vec<u8>;
    let forgeries: [(&str, Verify, End); 9] = [
        (
            "another key",
            |wire, _, messages| wire.certificate_verify(&Kind::P256.key().serialize_der(), messages, SERVER),
            BAD_SIGNATURE,
        ),
        (
            "another transcript",
            |wire, identity, messages| wire.certificate_verify(&identity.key, &messages[..1], SERVER),
            BAD_SIGNATURE,
        ),
        (
            "as a client",
            |wire, identity, messages| {
                wire.certificate_verify(&identity.key, messages, "TLS 1.3, client CertificateVerify")
            },
            BAD_SIGNATURE,
        ),
        (
            "one bit",
            |wire, identity, messages| {
                let mut verify = wire.certificate_verify(&identity.key, messages, SERVER);
                *verify.last_mut().unwrap() ^= 1;
                verify
            },
            BAD_SIGNATURE,
        ),
        ("nothing", |_, _, _| certificate_verify(0x0403, &[]), BAD_SIGNATURE),
        ("zeros", |_, _, _| certificate_verify(0x0403, &[0x30, 6, 2, 1, 0, 2, 1, 0]), BAD_SIGNATURE),
        (
            "the curve of another key",
            |wire, identity, messages| {
                let mut verify = wire.certificate_verify(&identity.key, messages, SERVER);
                verify[4..6].copy_from_slice(&[5, 3]);
                verify
            },
            BAD_SIGNATURE,
        ),
        (
            "PKCS #1",
            |_, _, _| certificate_verify(0x0401, &[1; 256]),
            End::Refused(TlsError::UnsupportedAlgorithm),
        ),
        ("an unknown scheme", |_, _, _| certificate_verify(0x9999, &[1; 64]), PROTOCOL),
    ];
    let (device, identity) = pair();
    for (name, verify, expected) in forgeries {
        let identity = identity.clone();
        let end = refused(&device, move |wire| {
            wire.server_hello(&[]);
            let mut messages = vec![wire.encrypted_extensions(), certificate(&identity.chain)];
            messages.push(verify(wire, &identity, &messages));
            messages.push(wire.finished(&messages));
            wire.messages(&messages);
            wire.change_keys();
        });
        assert_eq!(end, expected, "{name}");
    }
}

#[test]
fn a_bad_finished() {
    let (device, identity) = pair();
    for place in [4, 35] {
        let identity = identity.clone();
        let end = refused(&device, move |wire| {
            wire.server_hello(&[]);
            let mut messages = vec![wire.encrypted_extensions(), certificate(&identity.chain)];
            messages.push(wire.certificate_verify(&identity.key, &messages, SERVER));
            let mut finished = wire.finished(&messages);
            finished[place] ^= 1;
            messages.push(finished);
            wire.messages(&messages);
        });
        assert_eq!(end, PROTOCOL);
    }
}

/// Nothing of the server's flight may come in plaintext.
#[test]
fn a_handshake_in_plaintext() {
    let (device, identity) = pair();
    let end = refused(&device, move |wire| {
        wire.server_hello(&[]);
        let mut messages = vec![wire.encrypted_extensions(), certificate(&identity.chain)];
        messages.push(wire.certificate_verify(&identity.key, &messages, SERVER));
        messages.push(wire.finished(&messages));
        for message in &messages {
            wire.plain(HANDSHAKE, message);
        }
    });
    assert_eq!(end, PROTOCOL);
}

/// Shares of a key that are none.
#[test]
fn bad_key_shares() {
    let (device, _) = pair();
    let shares: [&[u8]; 7] = [
        &[0, 23, 0, 1, 0],
        &[0, 23, 0, 0],
        &[&[0, 23, 0, 65, 4], &[0; 64][..]].concat(),
        &[&[0, 23, 0, 65, 4], &[0xFF; 64][..]].concat(),
        &[&[0, 29, 0, 32], &[9; 32][..]].concat(),
        &[0, 23, 0, 65, 4],
        &[0x11],
    ];
    for share in shares {
        let extensions = [extension(43, &[3, 4]), extension(51, share)].concat();
        let end = refused(&device, move |wire| wire.plain(HANDSHAKE, &server_hello(&[7; 32], &extensions)));
        assert_eq!(end, PROTOCOL, "{share:?}");
    }
}

/// SHA-256 of "HelloRetryRequest" (RFC 8446 §4.1.3).
const RETRY: [u8; 32] = [
    0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91, 0xC2,
    0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
];

/// Not supported, and no way in.
#[test]
fn hello_retry_request() {
    let (device, _) = pair();
    let version = extension(43, &[3, 4]);
    for extensions in [
        [version.clone(), extension(51, &[0, 29])].concat(),
        [version.clone(), extension(51, &[0, 23])].concat(),
        [version.clone(), extension(44, &[0, 2, 1, 2])].concat(),
        version,
    ] {
        let end = refused(&device, move |wire| wire.plain(HANDSHAKE, &server_hello(&RETRY, &extensions)));
        assert_eq!(end, PROTOCOL);
    }
}

// REQ: DRV-10
#[test]
fn older_versions() {
    let (device, identity) = pair();
    let heard = Rc::new(RefCell::new(Vec::new()));
    let network = Network::new({
        let (identity, heard) = (identity.clone(), heard.clone());
        let provider = rustls::crypto::ring::default_provider;
        move || Honest::with(&identity, &heard, &[&rustls::version::TLS12], provider(), |_| {})
    });
    // protocol_version
    assert_eq!(device.fetch(&network).end, Err(End::Refused(TlsError::Refused(Some(70)))));
    assert_eq!(heard.borrow().len(), 0);
    // One that goes on in TLS 1.2, with and without extensions.
    for extensions in [vec![], extension(0xFF01, &[0])] {
        let end = refused(&device, move |wire| wire.plain(HANDSHAKE, &server_hello(&[7; 32], &extensions)));
        assert_eq!(end, PROTOCOL);
    }
}

/// A server that wants another kind of key agreement.
#[test]
fn no_common_group() {
    let (device, identity) = pair();
    let heard = Rc::new(RefCell::new(Vec::new()));
    let network = Network::new({
        let (identity, heard) = (identity.clone(), heard.clone());
        move || {
            let mut provider = rustls::crypto::ring::default_provider();
            provider.kx_groups = vec![rustls::crypto::ring::kx_group::X25519];
            Honest::with(&identity, &heard, &[&rustls::version::TLS13], provider, |_| {})
        }
    });
    let end = device.fetch(&network).end;
    assert!(matches!(end, Err(End::Refused(TlsError::Refused(Some(40 | 47))))), "{end:?}");
}

#[test]
fn alerts() {
    let (device, _) = pair();
    for (alert, error) in [
        ([2, 40], TlsError::Refused(Some(40))),
        ([2, 112], TlsError::Refused(Some(112))),
        ([1, 0], TlsError::Refused(Some(0))),
        ([2, 3], TlsError::Protocol),
        ([7, 40], TlsError::Protocol),
    ] {
        let end = refused(&device, move |wire| wire.plain(ALERT, &alert));
        assert_eq!(end, End::Refused(error), "{alert:?}");
    }
    // One that anybody could have sent, once there are keys; and one that only the server could.
    let end = refused(&device, |wire| {
        wire.server_hello(&[]);
        wire.plain(ALERT, &[2, 40]);
    });
    assert_eq!(end, PROTOCOL);
    let end = refused(&device, |wire| {
        wire.server_hello(&[]);
        wire.encrypted(ALERT, &[2, 40], 0);
    });
    assert_eq!(end, PROTOCOL);
}

/// What is no TLS at all.
#[test]
fn garbage() {
    let (device, _) = pair();
    let mut random = Random(1);
    for length in 0..300 {
        let mut garbage: Vec<u8> = (0..length).map(|_| random.octet()).collect();
        // Half of it is a record of the handshake, a third of that a ServerHello.
        if length % 2 == 0 && length > 9 {
            garbage[..5].copy_from_slice(&[HANDSHAKE, 3, 3, 0, (length - 5) as u8]);
            if length % 3 == 0 {
                garbage[5..9].copy_from_slice(&[2, 0, 0, (length - 9) as u8]);
            }
        }
        let end = refused(&device, move |wire| {
            wire.raw(&garbage);
            wire.closed = true;
        });
        assert!(
            matches!(end, End::Refused(TlsError::Protocol | TlsError::Truncated | TlsError::Refused(_))),
            "{end:?}"
        );
    }
    let end = refused(&device, |wire| wire.raw(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
    assert_eq!(end, PROTOCOL);
}

/// Every octet of an honest server's flight, changed on its way.
#[test]
fn a_changed_octet() {
    let (device, identity) = pair();
    let hello = act(move |wire| wire.honest(&identity));
    let (first, _) = network(&hello, &nothing(), &act(|wire| wire.respond(RESPONSE)));
    let outcome = device.run::<16_640, _>(&first, async |tls| {
        let origin = Origin { secure: true, host: "op.example", port: 443 };
        tls.connect(origin).await.is_ok()
    });
    assert_eq!(outcome, Some(true));
    let flight = first.read.get();
    assert!(flight > 600, "{flight}");
    for place in 0..flight {
        let hello = hello.clone();
        let changed = act(move |wire: &mut Wire| {
            hello(wire);
            // The length of a signature differs by an octet or two.
            let place = place.min(wire.out.len() - 1);
            wire.out[place] ^= 1 << (place % 8);
        });
        let (network, heard) = network(&changed, &nothing(), &act(|wire| wire.respond(RESPONSE)));
        let end = device.fetch(&network).end;
        // The lesser half of the first record's version means nothing and is not authenticated (RFC 8446 §5.1).
        assert_eq!(end.is_ok(), place == 2, "{place}");
        assert_eq!(heard.borrow().is_empty(), end.is_err(), "{place}");
    }
}

/// The handshake ends after any octet.
// REQ: HTTP-05
#[test]
fn a_cut_handshake() {
    let (device, identity) = pair();
    let hello = act(move |wire| wire.honest(&identity));
    let mut cut = 0;
    loop {
        let (mut network, heard) = network(&hello, &nothing(), &act(|wire| wire.respond(RESPONSE)));
        network.cut = Some(cut);
        let Outcome { read, end } = device.fetch(&network);
        assert_eq!(read, b"");
        if !heard.borrow().is_empty() {
            // The handshake is whole, what comes after it is missing.
            assert_eq!(end, Err(End::Failed(TlsError::Truncated)), "{cut}");
            break;
        }
        assert_eq!(end, Err(End::Refused(TlsError::Truncated)), "{cut}");
        cut += 1;
    }
    assert!(cut > 600, "{cut}");
}

/// A server that says nothing keeps nobody for ever: the caller's time limit drops the future, and the stream is closed.
#[test]
fn a_silent_server() {
    let (device, _) = pair();
    assert_eq!(refused(&device, |_| {}), End::Hangs);
    assert_eq!(refused(&device, |wire| wire.server_hello(&[])), End::Hangs);
    assert_eq!(refused(&device, |wire| wire.raw(&[HANDSHAKE, 3])), End::Hangs);
}

/// Data before the handshake is over.
#[test]
fn early_data() {
    let (device, identity) = pair();
    let end = refused(&device, |wire| wire.plain(DATA, RESPONSE));
    assert_eq!(end, PROTOCOL);
    let end = refused(&device, move |wire| {
        wire.server_hello(&[]);
        wire.encrypted(DATA, RESPONSE, 0);
        wire.flight(&identity, &[]);
    });
    assert_eq!(end, PROTOCOL);
}

/// Any message may be anything, also inside of encrypted records: whoever is in between can do that much.
#[test]
fn changed_messages() {
    let (device, identity) = pair();
    for seed in 0..800 {
        let identity = identity.clone();
        let end = refused(&device, move |wire| {
            let mut random = Random(seed);
            wire.server_hello(&[]);
            let request = message(13, &[&[0, 0, 8][..], &extension(13, &[0, 2, 4, 3])].concat());
            let mut messages = vec![wire.encrypted_extensions()];
            if seed % 3 == 0 {
                messages.push(request);
            }
            messages.push(certificate(&identity.chain));
            messages.push(wire.certificate_verify(&identity.key, &messages, SERVER));
            messages.push(wire.finished(&messages));
            let place = seed as usize % messages.len();
            random.change(&mut messages[place]);
            wire.messages(&messages);
            wire.change_keys();
        });
        assert!(matches!(end, End::Refused(_)), "{seed}: {end:?}");
    }
}

/// The same with what comes in plaintext.
#[test]
fn changed_server_hellos() {
    let (device, identity) = pair();
    for seed in 0..800 {
        let identity = identity.clone();
        let hello = act(move |wire: &mut Wire| {
            let mut random = Random(seed);
            wire.honest(&identity);
            let length = usize::from(u16::from_be_bytes([wire.out[3], wire.out[4]]));
            let mut hello = wire.out[5..5 + length].to_vec();
            random.change(&mut hello);
            wire.out.splice(5..5 + length, hello.iter().copied());
            wire.out[3..5].copy_from_slice(&u16::try_from(hello.len()).unwrap().to_be_bytes());
            wire.closed = true;
        });
        let (network, heard) = network(&hello, &nothing(), &nothing());
        let end = device.fetch(&network).end;
        assert!(matches!(end, Err(End::Refused(_))), "{seed}: {end:?}");
        assert_eq!(heard.borrow().len(), 0);
    }
}

/// The same numbers each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize
    }

    fn octet(&mut self) -> u8 {
        self.next() as u8
    }

    /// Changes a message somewhere, mostly near its start, where lengths are.
    fn change(&mut self, message: &mut Vec<u8>) {
        let before = message.clone();
        let changes = 1 + self.next() % 3;
        for change in 0.. {
            if change >= changes && *message != before {
                return;
            }
            let range = if self.next().is_multiple_of(2) { message.len().min(60) } else { message.len() };
            let place = self.next() % range;
            match self.next() % 6 {
                0 => message[place] = 0,
                1 => message[place] = 0xFF,
                2 => message[place] = message[place].wrapping_add(1),
                3 => message.truncate(place.max(5)),
                4 => message.insert(place, self.octet()),
                _ => message[place] ^= 1 << (self.next() % 8),
            }
        }
    }
}
