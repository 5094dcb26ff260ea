//! Behind an HTTP proxy.

use std::{
    io::Write,
    net::TcpStream,
    sync::{Arc, mpsc::Sender},
};

use keyfob_std::http::{HttpErrorKind, HttpsClient};
use rustls::ServerConfig;

use crate::support::{
    child,
    exchange::{ACCESS_TOKEN, post, tokens},
    server::{Server, json, read_request},
    tls::{Authority, GOOD, accept, serve},
};

fn client() -> HttpsClient {
    let builder =
        HttpsClient::builder().root_certificates_pem(child::variable("KEYFOB_TEST_ROOT").as_bytes());
    builder.expect("is a certificate").build().expect("the proxy can be used")
}

/// A proxy that opens a tunnel, at whose other end is a server.
fn tunnel(mut stream: TcpStream, config: &Arc<ServerConfig>, heard: &Sender<String>) {
    let Some(request) = read_request(&mut stream) else { return };
    let _ = heard.send(request);
    let _ = stream.write_all(b"HTTP/1.1 200 Connection established\r\nVia: double\r\n\r\n");
    if let Some(mut stream) = accept(stream, config, heard) {
        let _ = stream.write_all(&json(&tokens()));
        let _ = stream.flush();
    }
}

// REQ: DRV-14
#[test]
fn https_goes_through_a_tunnel() {
    if child::is_child() {
        let seen = post(&mut client(), "https://as.example/token").expect("answers");
        assert_eq!(seen.outcome.as_deref(), Ok(ACCESS_TOKEN));
        return;
    }
    let authority = Authority::new();
    for (variable, user, authorization) in [
        ("HTTPS_PROXY", "", ""),
        ("https_proxy", "us%65r:p%40ss@", "Proxy-Authorization: Basic dXNlcjpwQHNz\r\n"),
        ("HTTP_PROXY", "", ""),
    ] {
        let config = authority.config("as.example", GOOD);
        let proxy = Server::start(move |stream, _, heard| tunnel(stream, &config, heard));
        let url = format!("http://{user}127.0.0.1:{}", proxy.port);
        let root = authority.pem();
        child::run("proxy::https_goes_through_a_tunnel", &[(variable, &url), ("KEYFOB_TEST_ROOT", &root)]);
        let expected =
            format!("CONNECT as.example:443 HTTP/1.1\r\nHost: as.example:443\r\n{authorization}\r\n");
        assert_eq!(proxy.heard(), expected);
        let inside = proxy.heard();
        assert!(inside.starts_with("POST /token HTTP/1.1\r\n"), "{inside}");
        assert!(inside.contains("\r\nHost: as.example\r\n"), "{inside}");
        assert!(!inside.contains("Proxy"), "{inside}");
    }
}

// REQ: DRV-14, HTTP-05
#[test]
fn a_proxy_cannot_be_the_server() {
    if child::is_child() {
        let error = post(&mut client(), "https://as.example/token").expect_err("is someone else");
        assert_eq!((error.kind(), error.maybe_sent()), (HttpErrorKind::Tls, false));
        return;
    }
    let config = Authority::new().config("as.example", GOOD);
    let proxy = Server::start(move |stream, _, heard| tunnel(stream, &config, heard));
    let url = format!("http://127.0.0.1:{}", proxy.port);
    let variables = [("HTTPS_PROXY", url.as_str()), ("KEYFOB_TEST_ROOT", &Authority::new().pem())];
    child::run("proxy::a_proxy_cannot_be_the_server", &variables);
    assert!(proxy.heard().starts_with("CONNECT "));
    assert!(proxy.heard().starts_with("refused: "));
}

// REQ: DRV-14, DRV-09
#[test]
fn a_proxy_that_opens_no_tunnel_got_nothing() {
    if child::is_child() {
        let error = post(&mut client(), "https://as.example/token").expect_err("is refused");
        assert_eq!((error.kind(), error.maybe_sent()), (HttpErrorKind::Connect, false));
        return;
    }
    let root = Authority::new().pem();
    for answer in [
        "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 502 Bad Gateway\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\nwhat no server has said",
        "no HTTP at all\r\n\r\n",
        "",
    ] {
        let proxy = Server::once(answer);
        let url = format!("http://127.0.0.1:{}", proxy.port);
        let variables = [("HTTPS_PROXY", url.as_str()), ("KEYFOB_TEST_ROOT", &root)];
        child::run("proxy::a_proxy_that_opens_no_tunnel_got_nothing", &variables);
        assert!(proxy.heard().starts_with("CONNECT "));
    }
}

// REQ: DRV-14
#[test]
fn this_machine_is_never_asked_for_through_a_proxy() {
    if child::is_child() {
        for url in ["KEYFOB_TEST_HTTPS", "KEYFOB_TEST_HTTP"] {
            let seen = post(&mut client(), &child::variable(url)).expect("answers");
            assert_eq!(seen.outcome.as_deref(), Ok(ACCESS_TOKEN));
        }
        return;
    }
    let authority = Authority::new();
    let (secure, plain) =
        (serve(authority.config("localhost", GOOD), json(&tokens())), Server::once(json(&tokens())));
    let proxy = Server::once("HTTP/1.1 502 Bad Gateway\r\n\r\n");
    let url = format!("http://127.0.0.1:{}", proxy.port);
    let variables = [
        ("HTTPS_PROXY", url.as_str()),
        ("HTTP_PROXY", &url),
        ("KEYFOB_TEST_ROOT", &authority.pem()),
        ("KEYFOB_TEST_HTTPS", &format!("https://localhost:{}", secure.port)),
        ("KEYFOB_TEST_HTTP", &plain.issuer()),
    ];
    child::run("proxy::this_machine_is_never_asked_for_through_a_proxy", &variables);
    assert!(proxy.is_quiet());
}

// REQ: DRV-14
#[test]
fn what_no_proxy_names_is_asked_for_without_one() {
    if child::is_child() {
        let error = post(&mut client(), "https://login.as.invalid/token").expect_err("is not known");
        assert_eq!((error.kind(), error.maybe_sent()), (HttpErrorKind::Resolve, false));
        return;
    }
    for exempt in ["*", "login.as.invalid", "other.example, .AS.invalid"] {
        let proxy = Server::once("HTTP/1.1 502 Bad Gateway\r\n\r\n");
        let url = format!("http://127.0.0.1:{}", proxy.port);
        let root = Authority::new().pem();
        let variables =
            [("HTTPS_PROXY", url.as_str()), ("NO_PROXY", exempt), ("KEYFOB_TEST_ROOT", root.as_str())];
        child::run("proxy::what_no_proxy_names_is_asked_for_without_one", &variables);
        assert!(proxy.is_quiet());
    }
}

// REQ: DRV-14
#[test]
fn a_proxy_that_cannot_be_used_is_not_gone_around() {
    if child::is_child() {
        let error = HttpsClient::new().expect_err("is no HTTP proxy");
        assert_eq!((error.kind(), error.maybe_sent()), (HttpErrorKind::Connect, false));
        return;
    }
    for url in ["https://proxy.example", "socks5://proxy.example", "http://", "a b", "http://x:y"] {
        child::run("proxy::a_proxy_that_cannot_be_used_is_not_gone_around", &[("HTTPS_PROXY", url)]);
    }
}

// REQ: DRV-14
#[test]
fn a_header_of_a_request_to_a_web_server_names_no_proxy() {
    if child::is_child() {
        let error = post(&mut client(), "https://as.invalid/token").expect_err("is not known");
        assert_eq!((error.kind(), error.maybe_sent()), (HttpErrorKind::Resolve, false));
        return;
    }
    let proxy = Server::once("HTTP/1.1 502 Bad Gateway\r\n\r\n");
    let url = format!("http://127.0.0.1:{}", proxy.port);
    let root = Authority::new().pem();
    let variables =
        [("HTTP_PROXY", url.as_str()), ("REQUEST_METHOD", "GET"), ("KEYFOB_TEST_ROOT", root.as_str())];
    child::run("proxy::a_header_of_a_request_to_a_web_server_names_no_proxy", &variables);
    assert!(proxy.is_quiet());
}
