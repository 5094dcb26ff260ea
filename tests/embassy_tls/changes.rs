//! Servers that send anything, and honest ones with something changed on the way.

use keyfob_embassy::{
    connect::{Connect, Origin},
    tls::TlsError,
};

use crate::{
    attacks::{PROTOCOL, network, pair, refused},
    honest::RESPONSE,
    hostile::{HANDSHAKE, SERVER, Wire, act, certificate, extension, message, nothing},
    network::End,
};

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
