//! Who a server must be.

use std::{io::Write, time::Duration};

use keyfob_std::http::{HttpError, HttpErrorKind, HttpsClient};
use rustls::version::{TLS12, TLS13};

use crate::support::{
    exchange::{ACCESS_TOKEN, document, get, post, tokens},
    server::{Server, json},
    tls::{Authority, GOOD, accept, self_signed, serve},
};

fn trusting(authority: &Authority) -> HttpsClient {
    HttpsClient::builder()
        .root_certificates_pem(authority.pem().as_bytes())
        .and_then(|builder| builder.connect_timeout(Duration::from_secs(2)).build())
        .expect("is a certificate")
}

fn issuer(server: &Server) -> String {
    format!("https://localhost:{}", server.port)
}

/// Sends a secret to a server that must not get it.
fn refused(client: &mut HttpsClient, server: &Server) -> HttpError {
    let error = post(client, &issuer(server)).expect_err("is refused");
    let heard = server.heard();
    assert!(heard.starts_with("refused: "), "{heard}");
    assert!(server.is_quiet());
    error
}

// REQ: HTTP-05, DRV-10, DRV-12
#[test]
fn a_server_with_the_right_certificate_is_talked_to() {
    let authority = Authority::new();
    for versions in [&[&TLS12][..], &[&TLS13]] {
        let server = serve(authority.config_of("localhost", GOOD, versions), json(&tokens()));
        let seen = post(&mut trusting(&authority), &issuer(&server)).expect("answers");
        assert_eq!(seen.outcome.as_deref(), Ok(ACCESS_TOKEN));
        let heard = server.heard();
        assert!(heard.starts_with("POST / HTTP/1.1\r\n"), "{heard}");
        assert!(heard.contains(&format!("\r\nHost: localhost:{}\r\n", server.port)), "{heard}");
    }
    let server = serve(authority.config("127.0.0.1", GOOD), json("{}"));
    let by_address = format!("https://127.0.0.1:{}", server.port);
    assert_eq!(get(&mut trusting(&authority), &by_address).expect("answers").status, 200);
}

// REQ: HTTP-05, DRV-10
#[test]
fn a_server_with_a_wrong_certificate_gets_nothing() {
    let authority = Authority::new();
    for config in [
        authority.config("elsewhere.test", GOOD),
        authority.config("localhost.elsewhere.test", GOOD),
        authority.config("127.0.0.1", GOOD),
        authority.config("localhost", (2023, 2024)),
        authority.config("localhost", (2098, 2099)),
        Authority::new().config("localhost", GOOD),
        self_signed("localhost"),
    ] {
        let server = serve(config, json(&tokens()));
        let error = refused(&mut trusting(&authority), &server);
        assert_eq!((error.kind(), error.maybe_sent()), (HttpErrorKind::Tls, false));
    }
}

// REQ: HTTP-05, DRV-12
#[test]
fn the_platform_does_not_know_our_authority() {
    let server = serve(Authority::new().config("localhost", GOOD), json(&tokens()));
    let error = refused(&mut HttpsClient::new().expect("the platform has roots"), &server);
    assert_eq!((error.kind(), error.maybe_sent()), (HttpErrorKind::Tls, false));
}

// REQ: DRV-10
#[test]
fn there_is_no_fallback_to_plain_http() {
    let authority = Authority::new();
    let plain = Server::once(json(&tokens()));
    let error = post(&mut trusting(&authority), &issuer(&plain)).expect_err("is no TLS");
    assert!(!error.maybe_sent());
    assert!(plain.is_quiet());
    let talkative = Server::start(|mut stream, _, _| {
        let _ = stream.write_all(&json(&tokens()));
        crate::support::server::close(&stream);
    });
    let error = post(&mut trusting(&authority), &issuer(&talkative)).expect_err("is no TLS");
    assert_eq!((error.kind(), error.maybe_sent()), (HttpErrorKind::Tls, false));
}

// REQ: DRV-09
#[test]
fn a_handshake_that_fails_sends_nothing() {
    let authority = Authority::new();
    let closing = Server::start(|stream, _, _| drop(stream));
    let error = post(&mut trusting(&authority), &issuer(&closing)).expect_err("is closed");
    assert_eq!((error.kind(), error.maybe_sent()), (HttpErrorKind::Connect, false));
    let mut kept = Vec::new();
    let silent = Server::start(move |stream, _, _| kept.push(stream));
    let impatient = HttpsClient::builder().timeout(Duration::from_millis(300)).build();
    for mut client in [trusting(&authority), impatient.expect("the platform has roots")] {
        let error = post(&mut client, &issuer(&silent)).expect_err("is silent");
        assert_eq!((error.kind(), error.maybe_sent()), (HttpErrorKind::Timeout, false));
    }
}

// REQ: HTTP-14
#[test]
fn a_cut_is_told_from_an_end() {
    let authority = Authority::new();
    for says_goodbye in [true, false] {
        let config = authority.config("localhost", GOOD);
        let server = Server::start(move |stream, _, heard| {
            let Some(mut stream) = accept(stream, &config, heard) else { return };
            let port = stream.sock.local_addr().expect("is connected").port();
            let body = document(&format!("https://localhost:{port}"));
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n";
            let _ = stream.write_all(format!("{head}{body}").as_bytes());
            if says_goodbye {
                stream.conn.send_close_notify();
            }
            let _ = stream.flush();
        });
        let seen = get(&mut trusting(&authority), &issuer(&server));
        if says_goodbye {
            assert_eq!(seen.expect("is whole").outcome, Ok(issuer(&server)));
        } else {
            let error = seen.expect_err("is cut");
            assert_eq!((error.kind(), error.maybe_sent()), (HttpErrorKind::Protocol, true));
        }
    }
}

// REQ: DRV-12
#[test]
fn roots_are_certificates() {
    for pem in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let error = HttpsClient::builder().root_certificates_pem(pem.as_bytes()).expect_err(pem);
        assert_eq!(error.kind(), HttpErrorKind::Tls);
    }
    let both = format!("{}{}", Authority::new().pem(), Authority::new().pem());
    assert!(HttpsClient::builder().root_certificates_pem(both.as_bytes()).is_ok());
}
