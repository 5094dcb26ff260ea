//! Honest and hostile servers, as for `keyfob_embassy::tls`.
//!
//! mbedTLS asks for one random source of the whole process, so one connector lives at a time.

#![allow(dead_code, reason = "the servers are those of another test")]

#[path = "../../../tests/embassy_tls/certificates.rs"]
mod certificates;
#[path = "../../../tests/embassy_tls/honest.rs"]
mod honest;
#[path = "../../../tests/embassy_tls/hostile.rs"]
mod hostile;
#[path = "../../../tests/embassy_tls/network.rs"]
mod network;

use std::{
    cell::RefCell,
    convert::Infallible,
    ffi::CString,
    rc::Rc,
    sync::{Mutex, PoisonError},
};

use base64ct::Encoding;
use embedded_io_async::{ErrorKind, Read, Write};
use keyfob_core::time::{Date, UnixTime};
use keyfob_embassy::connect::{Connect, Origin};
use keyfob_tests::executor::polls;
use keyfob_tls_mbedtls::{MbedTls, MbedTlsError};
use mbedtls_rs::sys::{
    MBEDTLS_X509_BADCERT_CN_MISMATCH, MBEDTLS_X509_BADCERT_EXPIRED, MBEDTLS_X509_BADCERT_EXT_KEY_USAGE,
    MBEDTLS_X509_BADCERT_FUTURE, MBEDTLS_X509_BADCERT_NOT_TRUSTED,
};
use rand_core::{TryCryptoRng, TryRng};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, IsCa, date_time_ymd};
use ring::rand::SecureRandom;
use rustls::{
    SupportedProtocolVersion,
    version::{TLS12, TLS13},
};

use crate::{
    certificates::{Authority, Identity, Kind},
    honest::{Honest, RESPONSE},
    hostile::{ALERT, Act, DATA, HANDSHAKE, Hostile, SERVER, Wire, act, certificate, message, nothing},
    network::{Network, REQUEST, Standing, TODAY},
};

struct System;

impl TryRng for System {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut octets = [0; 4];
        self.try_fill_bytes(&mut octets)?;
        Ok(u32::from_le_bytes(octets))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut octets = [0; 8];
        self.try_fill_bytes(&mut octets)?;
        Ok(u64::from_le_bytes(octets))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        ring::rand::SystemRandom::new().fill(out).expect("the system has entropy");
        Ok(())
    }
}

impl TryCryptoRng for System {}

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

const ORIGIN: Origin<'static> = Origin { secure: true, host: "op.example", port: 443 };

/// Runs an application; `None` if it waits for ever.
fn with<R>(
    root: &Authority,
    date: Date,
    network: &Network,
    application: impl AsyncFnOnce(&MbedTls<'_, Network, Standing>) -> R,
) -> Option<R> {
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let base64 = base64ct::Base64::encode_string(&root.der());
    let lines: Vec<_> = base64.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line)).collect();
    let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"));
    let pem = CString::new(pem).expect("text");
    let tls = MbedTls::new(network, &pem, Standing(date), Box::leak(Box::new(System))).expect("a connector");
    let result = polls(application(&tls), 100);
    assert_eq!(network.open.get(), 0, "the stream below is closed");
    result
}

/// Fetches: what was read, and how it ended. `None` if it waits for ever.
fn fetch(root: &Authority, date: Date, network: &Network) -> (Vec<u8>, Option<Result<(), MbedTlsError>>) {
    let mut read = Vec::new();
    let end = with(root, date, network, async |tls| {
        let mut stream = tls.connect(ORIGIN).await?;
        stream.write_all(REQUEST).await?;
        stream.flush().await?;
        let mut piece = [0; 500];
        loop {
            match stream.read(&mut piece).await? {
                0 => return Ok(()),
                length => read.extend(&piece[..length]),
            }
        }
    });
    (read, end)
}

fn root() -> Authority {
    Authority::new("root", Kind::P256)
}

fn honest(
    root: &Authority,
    date: Date,
    identity: &Identity,
    version: &'static SupportedProtocolVersion,
) -> Result<(), MbedTlsError> {
    let heard = Rc::new(RefCell::new(Vec::new()));
    let network = Network::new({
        let (identity, heard) = (identity.clone(), heard.clone());
        let provider = rustls::crypto::ring::default_provider;
        move || Honest::with(&identity, &heard, &[version], provider(), |_| {})
    });
    let (read, end) = fetch(root, date, &network);
    let end = end.expect("it comes to its end");
    let expected = if end.is_ok() { (REQUEST, RESPONSE) } else { (&b""[..], &b""[..]) };
    assert_eq!((&heard.borrow()[..], &read[..]), expected);
    end
}

/// Both versions, every kind of key, and X25519, which embedded-tls does not have.
#[test]
fn good_servers() {
    for version in [&TLS12, &TLS13] {
        for kind in [Kind::P256, Kind::P384, Kind::Rsa2048, Kind::Rsa4096] {
            let root = Authority::new("root", kind);
            let below = root.intermediate("below", Kind::P256, |_| {});
            let identity = below.issue(&["op.example"], kind, |_| {}).behind(&below);
            assert_eq!(honest(&root, Date::Known(TODAY), &identity, version), Ok(()), "{kind:?}");
        }
    }
}

/// A change to a certificate, and what mbedTLS finds.
fn found(date: Date, change: impl Fn(&mut CertificateParams) + Copy) -> [Result<(), u32>; 2] {
    [&TLS12, &TLS13].map(|version| {
        let root = root();
        let identity = root.issue(&["op.example"], Kind::P256, change);
        honest(&root, date, &identity, version).map_err(|error| match error {
            MbedTlsError::Certificate(found) => found,
            other => panic!("{other:?}"),
        })
    })
}

#[test]
fn bad_certificates() {
    let known = Date::Known(TODAY);
    assert_eq!(found(known, |_| {}), [Ok(()); 2]);
    let clients = |params: &mut CertificateParams| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]
    };
    assert_eq!(found(known, clients), [Err(MBEDTLS_X509_BADCERT_EXT_KEY_USAGE); 2]);
    for (names, version) in [(&["elsewhere.example"][..], &TLS12), (&["elsewhere.example"], &TLS13)] {
        let root = root();
        let end = honest(&root, known, &root.issue(names, Kind::P256, |_| {}), version);
        assert_eq!(end, Err(MbedTlsError::Certificate(MBEDTLS_X509_BADCERT_CN_MISMATCH)));
        let end = honest(&root, known, &self::root().issue(&["op.example"], Kind::P256, |_| {}), version);
        assert_eq!(end, Err(MbedTlsError::Certificate(MBEDTLS_X509_BADCERT_NOT_TRUSTED)));
        let evil = root.intermediate("evil.example", Kind::P256, |params| params.is_ca = IsCa::ExplicitNoCa);
        let forged = evil.issue(&["op.example"], Kind::P256, |_| {}).behind(&evil);
        let end = honest(&root, known, &forged, version);
        assert!(matches!(end, Err(MbedTlsError::Certificate(_))), "{end:?}");
    }
}

/// What mbedTLS does not look at without a clock.
#[test]
fn dates() {
    let years = |from, to| {
        move |params: &mut CertificateParams| {
            (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1));
        }
    };
    for date in [Date::Known(TODAY), Date::AtLeast(TODAY)] {
        assert_eq!(found(date, years(2026, 2027)), [Ok(()); 2]);
        assert_eq!(found(date, years(2025, 2026)), [Err(MBEDTLS_X509_BADCERT_EXPIRED); 2]);
    }
    assert_eq!(found(Date::Known(TODAY), years(2031, 2032)), [Err(MBEDTLS_X509_BADCERT_FUTURE); 2]);
    assert_eq!(found(Date::AtLeast(TODAY), years(2031, 2032)), [Ok(()); 2], "the device was on a shelf");
    // A floor forgives nothing else.
    let both = |params: &mut CertificateParams| {
        years(2031, 2032)(params);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    };
    let bits = MBEDTLS_X509_BADCERT_FUTURE | MBEDTLS_X509_BADCERT_EXT_KEY_USAGE;
    assert_eq!(found(Date::AtLeast(UnixTime::from_seconds(0)), both), [Err(bits); 2]);
    let root = root();
    let identity = root.issue(&["op.example"], Kind::P256, |_| {});
    assert_eq!(honest(&root, Date::Unknown, &identity, &TLS13), Err(MbedTlsError::DateUnknown));
}

/// A server by hand; whether it heard the request, what was read, and how it ended.
fn by_hand(
    date: Date,
    hello: impl Fn(&mut Wire, &Identity) + 'static,
    data: Act,
) -> (bool, Vec<u8>, MbedTlsError) {
    let root = root();
    let identity = root.issue(&["op.example"], Kind::P256, |_| {});
    let heard = Rc::new(RefCell::new(Vec::new()));
    let network = Network::new({
        let heard = heard.clone();
        let hello = act(move |wire: &mut Wire| hello(wire, &identity));
        move || Hostile::new(&hello, &nothing(), &data, &heard)
    });
    let (read, end) = fetch(&root, date, &network);
    let heard = heard.borrow();
    assert!(heard.is_empty() || heard[..] == *REQUEST);
    (!heard.is_empty(), read, end.unwrap_or(Err(MbedTlsError::Abandoned)).expect_err("it fails"))
}

/// No way to be taken for the server, whatever is known of the date.
#[test]
fn impostors() {
    type Hello = fn(&mut Wire, &Identity);
    let hellos: [(&str, Hello); 4] = [
        ("no certificate", |wire, _| {
            wire.server_hello(&[]);
            let messages = vec![wire.encrypted_extensions()];
            let finished = wire.finished(&messages);
            wire.messages(&[messages, vec![finished]].concat());
            wire.change_keys();
            wire.closed = true;
        }),
        ("no certificate in its message", |wire, _| {
            wire.server_hello(&[]);
            let messages = vec![wire.encrypted_extensions(), certificate(&[])];
            let finished = wire.finished(&messages);
            wire.messages(&[messages, vec![finished]].concat());
            wire.change_keys();
            wire.closed = true;
        }),
        ("a copied certificate", |wire, identity| {
            wire.server_hello(&[]);
            let messages = vec![wire.encrypted_extensions(), certificate(&identity.chain)];
            let finished = wire.finished(&messages);
            wire.messages(&[messages, vec![finished]].concat());
            wire.change_keys();
            wire.closed = true;
        }),
        ("another key", |wire, identity| {
            wire.server_hello(&[]);
            let mut messages = vec![wire.encrypted_extensions(), certificate(&identity.chain)];
            let key = Kind::P256.key().serialize_der();
            messages.push(wire.certificate_verify(&key, &messages, SERVER));
            messages.push(wire.finished(&messages));
            wire.messages(&messages);
            wire.change_keys();
            wire.closed = true;
        }),
    ];
    for date in [Date::Known(TODAY), Date::AtLeast(TODAY)] {
        // The servers by hand are servers: one that does all as it should is talked to.
        let honest = |wire: &mut Wire, identity: &Identity| wire.honest(identity);
        let (heard, read, _) = by_hand(date, honest, act(|wire| wire.encrypted(DATA, RESPONSE, 0)));
        assert_eq!((heard, &read[..]), (true, RESPONSE));
        for (name, hello) in hellos {
            let (heard, read, end) = by_hand(date, hello, nothing());
            assert_eq!((heard, &read[..]), (false, &b""[..]), "{name}: {end:?}");
        }
    }
}

/// After the handshake: records that nobody should send, and ends that anybody could have made up.
#[test]
fn bad_records() {
    type Record = fn(&mut Wire);
    let records: [(&str, Record); 6] = [
        ("an empty record", |wire| wire.sealed(&[])),
        ("zeros", |wire| wire.sealed(&[0; 9])),
        ("a handshake in plaintext", |wire| wire.plain(HANDSHAKE, &message(8, &[0, 0]))),
        ("a handshake again", |wire| wire.encrypted(HANDSHAKE, &message(8, &[0, 0]), 0)),
        ("an end in plaintext", |wire| wire.plain(ALERT, &[1, 0])),
        ("no end", |_| {}),
    ];
    for (name, record) in records {
        let data = act(move |wire: &mut Wire| {
            wire.encrypted(DATA, RESPONSE, 0);
            record(wire);
            wire.closed = true;
        });
        let (heard, read, end) =
            by_hand(Date::Known(TODAY), |wire: &mut Wire, identity: &Identity| wire.honest(identity), data);
        assert_eq!((heard, &read[..]), (true, RESPONSE), "{name}");
        let cut = end == MbedTlsError::Network(ErrorKind::ConnectionReset);
        assert_eq!(cut, name == "no end", "{name}: {end:?}");
    }
}

/// mbedTLS cannot go on from where a read or a write was dropped.
#[test]
fn dropped_half_way() {
    let root = root();
    let identity = root.issue(&["op.example"], Kind::P256, |_| {});
    let heard = Rc::new(RefCell::new(Vec::new()));
    let hello = act(move |wire: &mut Wire| wire.honest(&identity));
    let network = Network::new(move || Hostile::new(&hello, &nothing(), &nothing(), &heard));
    let abandoned = with(&root, Date::Known(TODAY), &network, async |tls| {
        let mut stream = tls.connect(ORIGIN).await.expect("a stream");
        let mut piece = [0; 9];
        assert_eq!(polls(stream.read(&mut piece), 1), None);
        (stream.read(&mut piece).await, stream.write(REQUEST).await, stream.flush().await)
    });
    let error = MbedTlsError::Abandoned;
    assert_eq!(abandoned, Some((Err(error), Err(error), Err(error))));
}
