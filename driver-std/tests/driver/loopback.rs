//! The listener that the browser comes back to.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use base64ct::{Base64, Encoding};
use keyfob_core::{
    error::{Check, Error, ErrorCode},
    flow::Redirect,
};
use keyfob_std::{
    Failure,
    redirect::{Loopback, LoopbackHost},
    user_agent::UserAgentError,
};
use sha2::{Digest, Sha256};

use crate::support::server::LONG;

/// What the browser brings back.
const TARGET: &str = "/callback?code=marker-code&state=marker-state";

fn listen() -> (Loopback, SocketAddr) {
    let loopback = Loopback::bind(LoopbackHost::V4, 0, "/callback").expect("a port is free");
    let address =
        loopback.redirect_uri().strip_prefix("http://").and_then(|rest| rest.strip_suffix("/callback"));
    let address = address.and_then(|address| address.parse().ok()).expect("the address is literal");
    (loopback, address)
}

/// Sends `request`, where HOST is the listener, and reads all that comes.
fn ask(address: SocketAddr, request: &str) -> JoinHandle<String> {
    let request = request.replace("HOST", &format!("Host: {address}\r\n"));
    let mut stream = TcpStream::connect(address).expect("the listener is there");
    stream.set_read_timeout(Some(LONG)).expect("is set");
    stream.write_all(request.as_bytes()).expect("is sent");
    thread::spawn(move || {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map(|_| answer).unwrap_or_else(|error| error.to_string())
    })
}

fn get(address: SocketAddr, target: &str) -> JoinHandle<String> {
    ask(address, &format!("GET {target} HTTP/1.1\r\nHOST\r\n"))
}

/// Waits for a redirect.
fn wait(loopback: &mut Loopback) -> String {
    let start = Instant::now();
    let mut buffer = [0; 4096];
    while start.elapsed() < LONG {
        match loopback.redirect(&mut buffer).expect("listens") {
            Some(Redirect::Url(url)) => return url.to_owned(),
            Some(Redirect::Form(form)) => return format!("form {form}"),
            _ => {}
        }
    }
    panic!("no redirect came")
}

/// What a request is answered that takes nothing away: the right one comes through after it.
fn refused(request: &str) -> String {
    const RIGHT: &str = "/callback?code=right";
    let (mut loopback, address) = listen();
    let request = request.to_owned();
    let browser = thread::spawn(move || {
        let answer = ask(address, &request).join().expect("is answered");
        get(address, RIGHT);
        answer
    });
    assert_eq!(wait(&mut loopback), RIGHT);
    browser.join().expect("is answered")
}

fn status(answer: &str) -> &str {
    answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).unwrap_or(answer)
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    answer
        .lines()
        .take_while(|line| !line.is_empty())
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

// REQ: DRV-02
#[test]
fn the_redirect_uri_is_the_literal_address_with_the_real_port() {
    for (host, start) in [(LoopbackHost::V4, "http://127.0.0.1:"), (LoopbackHost::V6, "http://[::1]:")] {
        let mut loopback = Loopback::bind(host, 0, "/callback").expect("a port is free");
        let uri = loopback.redirect_uri().to_owned();
        let port = uri.strip_prefix(start).and_then(|rest| rest.strip_suffix("/callback")).expect(&uri);
        assert_ne!(port, "0");
        let address: SocketAddr = uri["http://".len()..uri.len() - "/callback".len()].parse().expect(&uri);
        let again = Loopback::bind(host, address.port(), "/callback").expect_err("the port is taken");
        assert!(matches!(again, UserAgentError::Listen(_)));
        get(address, TARGET);
        assert_eq!(wait(&mut loopback), TARGET);
    }
}

// REQ: DRV-02
#[test]
fn the_listener_is_closed_at_the_end() {
    let (mut loopback, address) = listen();
    loopback.finished(None);
    TcpStream::connect(address).expect_err("is closed by the end");
    assert!(matches!(loopback.redirect(&mut [0; 64]), Err(UserAgentError::Listen(_))));
    let (loopback, address) = listen();
    drop(loopback);
    TcpStream::connect(address).expect_err("is closed by the drop");
}

#[test]
fn a_path_is_a_path() {
    for path in ["", "callback", "/call back", "/callback?a=b", "/callback#a", "/\r\nX: y", "/\u{e4}"] {
        assert!(Loopback::bind(LoopbackHost::V4, 0, path).is_err(), "{path}");
    }
}

#[test]
fn the_driver_is_not_kept_waiting() {
    let (mut loopback, _) = listen();
    let start = Instant::now();
    assert!(loopback.redirect(&mut [0; 64]).expect("listens").is_none());
    assert!((400..1500).contains(&start.elapsed().as_millis()));
}

// REQ: DRV-03
#[test]
fn other_paths_do_not_disturb() {
    for target in [
        "/favicon.ico",
        "/",
        "/callback/",
        "/callbackx",
        "/Callback?code=a",
        "/callback/done",
        "/?x=/callback",
    ] {
        assert_eq!(status(&refused(&format!("GET {target} HTTP/1.1\r\nHOST\r\n"))), "404", "{target}");
    }
}

// REQ: DRV-03
#[test]
fn other_hosts_do_not_disturb() {
    for host in ["localhost:1", "evil.example", "127.0.0.1:1"] {
        let answer = refused(&format!("GET {TARGET} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(status(&answer), "421", "{host}");
    }
    assert_eq!(status(&refused(&format!("GET {TARGET} HTTP/1.1\r\n\r\n"))), "421");
}

// REQ: REDIR-22
#[test]
fn other_methods_take_nothing() {
    let head = refused(&format!("HEAD {TARGET} HTTP/1.1\r\nHOST\r\n"));
    assert_eq!(status(&head), "200");
    assert!(head.ends_with("\r\n\r\n"));
    for method in ["OPTIONS", "PUT", "DELETE", "TRACE", "CONNECT", "get"] {
        let answer = refused(&format!("{method} {TARGET} HTTP/1.1\r\nHOST\r\n"));
        assert_eq!(status(&answer), "405", "{method}");
        assert_eq!(header(&answer, "Allow"), Some("GET, HEAD, POST"));
    }
}

// REQ: REDIR-21
#[test]
fn a_form_comes_as_a_form() {
    let (mut loopback, address) = listen();
    let form = "code=marker-code&state=marker-state";
    let head = "POST /callback HTTP/1.1\r\nHOSTContent-Type: application/x-www-form-urlencoded\r\n";
    let answer = ask(address, &format!("{head}Content-Length: {}\r\n\r\n{form}", form.len()));
    assert_eq!(wait(&mut loopback), format!("form {form}"));
    loopback.judged(None);
    assert_eq!(status(&answer.join().expect("is answered")), "303");
    let text = "POST /callback HTTP/1.1\r\nHOSTContent-Type: text/plain\r\nContent-Length: 3\r\n\r\na=b";
    assert_eq!(status(&refused(text)), "415");
    assert_eq!(status(&refused(&format!("{head}Content-Length: 20000\r\n\r\n"))), "413");
    assert_eq!(status(&refused(&format!("{head}\r\n"))), "411");
}

#[test]
fn what_is_no_request_is_refused() {
    for request in [
        format!("GET {TARGET} HTTP/1.1\nHOST\n"),
        format!("GET {TARGET} HTTP/1.1\r\nHOSTA: b\r\n c\r\n\r\n"),
        format!(
            "POST {TARGET} HTTP/1.1\r\nHOSTContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        ),
        "\u{16}\u{3}\u{1}".to_owned(),
    ] {
        assert_eq!(status(&refused(&request)), "400", "{request}");
    }
}

#[test]
fn requests_have_a_limit() {
    let long = "a".repeat(9000);
    assert_eq!(status(&refused(&format!("GET /callback?code={long} HTTP/1.1\r\nHOST\r\n"))), "414");
    assert_eq!(status(&refused(&format!("GET /callback?code={long}"))), "414");
    assert_eq!(status(&refused(&format!("GET {TARGET} HTTP/1.1\r\nHOSTA: {long}\r\n\r\n"))), "431");
}

#[test]
fn a_response_that_does_not_fit_is_not_cut() {
    let (mut loopback, address) = listen();
    let answer = get(address, TARGET);
    assert!(loopback.redirect(&mut [0; TARGET.len() - 1]).expect("listens").is_none());
    assert_eq!(status(&answer.join().expect("is answered")), "414");
    let head = "POST /callback HTTP/1.1\r\nHOSTContent-Type: application/x-www-form-urlencoded\r\n";
    let answer = ask(address, &format!("{head}Content-Length: 9\r\n\r\ncode=mark"));
    assert!(loopback.redirect(&mut [0; 8]).expect("listens").is_none());
    assert_eq!(status(&answer.join().expect("is answered")), "413");
    get(address, TARGET);
    let mut buffer = [0; TARGET.len()];
    assert!(matches!(loopback.redirect(&mut buffer), Ok(Some(Redirect::Url(TARGET)))));
}

// REQ: REDIR-25
#[test]
fn the_browser_ends_at_an_address_without_the_response() {
    let (mut loopback, address) = listen();
    let answer = get(address, TARGET);
    assert_eq!(wait(&mut loopback), TARGET);
    loopback.judged(None);
    let answer = answer.join().expect("is answered");
    assert_eq!((status(&answer), header(&answer, "Location")), ("303", Some("/callback/done")));
    let page = get(address, "/callback/done");
    loopback.finished(None);
    let page = page.join().expect("is answered");
    assert!(
        page.contains("<h1>You are signed in.</h1>") && page.contains("You can close this window."),
        "{page}"
    );
    for answer in [&answer, &page] {
        assert!(!answer.contains("marker"), "{answer}");
        assert_eq!(header(answer, "Cache-Control"), Some("no-store"));
        assert_eq!(header(answer, "Referrer-Policy"), Some("no-referrer"));
        assert_eq!(header(answer, "X-Content-Type-Options"), Some("nosniff"));
        assert_eq!(header(answer, "Connection"), Some("close"));
    }
}

// REQ: REDIR-26
#[test]
fn the_last_page_may_load_nothing() {
    let (mut loopback, address) = listen();
    get(address, TARGET);
    wait(&mut loopback);
    loopback.judged(None);
    let page = get(address, "/callback/done");
    loopback.finished(None);
    let page = page.join().expect("is answered");
    let policy = header(&page, "Content-Security-Policy").expect("is there");
    let style =
        page.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>")).expect("is there").0;
    let hash = Base64::encode_string(&Sha256::digest(style));
    assert!(policy.starts_with(&format!("default-src 'none'; style-src 'sha256-{hash}';")), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!page.contains("://") && !page.contains("<script"), "{page}");
    assert!(page.len() < 4096);
}

#[test]
fn the_last_page_waits_for_the_truth() {
    let (mut loopback, address) = listen();
    get(address, TARGET);
    wait(&mut loopback);
    loopback.judged(None);
    let page = get(address, "/callback/done");
    for _ in 0..2 {
        assert!(loopback.redirect(&mut [0; 64]).expect("listens").is_none());
        assert!(!page.is_finished());
    }
    loopback.finished(Some(&Failure::Flow(Error::Check(Check::IssuerMismatch))));
    let page = page.join().expect("is answered");
    assert!(page.contains("not signed in") && page.contains("IssuerMismatch"), "{page}");
}

/// For programs with pages of their own; only who brought the right response learns the address.
#[test]
fn the_browser_can_be_sent_back_to_the_programs_own_page() {
    let page = "http://127.0.0.1:5/secret/";
    for failure in [None, Some(Failure::Flow(Error::Refused(ErrorCode::AccessDenied)))] {
        let (loopback, address) = listen();
        let mut loopback = loopback.back_to(page);
        let stray = get(address, "/callback?code=a&state=other");
        wait(&mut loopback);
        loopback.judged(Some(Check::StateMismatch.into()));
        assert!(!stray.join().expect("is answered").contains("secret"));
        let answer = get(address, TARGET);
        wait(&mut loopback);
        loopback.judged(None);
        assert!(!answer.join().expect("is answered").contains("secret"));
        let last = get(address, "/callback/done");
        loopback.finished(failure.as_ref());
        let last = last.join().expect("is answered");
        assert_eq!((status(&last), header(&last, "Location")), ("303", Some(page)));
        assert_eq!(header(&last, "Referrer-Policy"), Some("no-referrer"));
        assert!(last.ends_with("\r\n\r\n"));
    }
    // What is no address, or another machine's without TLS, is not used.
    for page in ["http://as.example/", "javascript:alert(1)", "http://127.0.0.1/\r\nA: b"] {
        let (loopback, address) = listen();
        let mut loopback = loopback.back_to(page);
        get(address, TARGET);
        wait(&mut loopback);
        loopback.judged(None);
        let last = get(address, "/callback/done");
        loopback.finished(None);
        assert_eq!(status(&last.join().expect("is answered")), "200", "{page}");
    }
}

#[test]
fn a_refusal_is_told_to_the_user() {
    let (mut loopback, address) = listen();
    let answer = get(address, "/callback?error=access_denied&state=a");
    wait(&mut loopback);
    let error = Error::Refused(ErrorCode::AccessDenied);
    loopback.judged(Some(error));
    assert_eq!(status(&answer.join().expect("is answered")), "303");
    let page = get(address, "/callback/done");
    loopback.finished(Some(&error.into()));
    let page = page.join().expect("is answered");
    assert!(page.contains("it was not allowed") && page.contains("access_denied"), "{page}");
}

#[test]
fn a_stranger_does_not_end_the_wait() {
    let (mut loopback, address) = listen();
    for error in [Error::Check(Check::StateMismatch), Error::AlreadyCompleted] {
        let answer = get(address, "/callback?code=a&state=b");
        assert_eq!(wait(&mut loopback), "/callback?code=a&state=b");
        loopback.judged(Some(error));
        let answer = answer.join().expect("is answered");
        assert_eq!(status(&answer), "400");
        assert!(
            answer.contains("This address does not belong to the sign-in that is waiting here."),
            "{answer}"
        );
    }
    get(address, TARGET);
    assert_eq!(wait(&mut loopback), TARGET);
}

#[test]
fn a_late_browser_still_gets_the_last_page() {
    let (mut loopback, address) = listen();
    get(address, TARGET);
    wait(&mut loopback);
    loopback.judged(None);
    let late = thread::spawn(move || {
        thread::sleep(Duration::from_millis(700));
        get(address, "/callback/done").join()
    });
    loopback.finished(None);
    let page = late.join().expect("runs").expect("is answered");
    assert!(page.contains("You are signed in."), "{page}");
}

#[test]
fn a_page_that_was_given_up_is_not_the_last() {
    let (mut loopback, address) = listen();
    get(address, TARGET);
    wait(&mut loopback);
    loopback.judged(None);
    let mut given_up = TcpStream::connect(address).expect("listens");
    write!(given_up, "GET /callback/done HTTP/1.1\r\nHost: {address}\r\n\r\n").expect("is sent");
    assert!(loopback.redirect(&mut [0; 64]).expect("listens").is_none());
    drop(given_up);
    let page = get(address, "/callback/done");
    loopback.finished(None);
    assert!(page.join().expect("is answered").contains("You are signed in."));
}

#[test]
fn a_browser_that_does_not_come_is_not_waited_for_long() {
    let (mut loopback, address) = listen();
    let start = Instant::now();
    loopback.finished(Some(&Error::Expired.into()));
    assert!(start.elapsed() < Duration::from_millis(500));
    TcpStream::connect(address).expect_err("is closed");
    let (mut loopback, address) = listen();
    get(address, TARGET);
    wait(&mut loopback);
    loopback.judged(None);
    let start = Instant::now();
    loopback.finished(None);
    assert!((2500..5000).contains(&start.elapsed().as_millis()));
}

#[test]
fn slow_visitors_do_not_keep_the_browser_out() {
    let (mut loopback, address) = listen();
    let slow: Vec<_> = (0..20)
        .map(|number| {
            let mut stream = TcpStream::connect(address).expect("listens");
            let _ = stream.write_all(&b"GET /callback?code=a HTTP/1.1\r\n"[..number]);
            stream
        })
        .collect();
    let answer = get(address, TARGET);
    let start = Instant::now();
    assert_eq!(wait(&mut loopback), TARGET);
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    loopback.judged(None);
    assert_eq!(status(&answer.join().expect("is answered")), "303");
    drop(slow);
}

#[test]
fn a_slow_request_has_an_end() {
    let (mut loopback, address) = listen();
    let answer = ask(address, "GET /callback");
    let start = Instant::now();
    while !answer.is_finished() && start.elapsed() < LONG {
        assert!(loopback.redirect(&mut [0; 64]).expect("listens").is_none());
    }
    assert_eq!(status(&answer.join().expect("is answered")), "408");
    assert!(start.elapsed() > Duration::from_secs(4));
}
