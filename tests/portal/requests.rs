//! Reading requests: one grammar, and nothing that could be read in two ways.

use keyfob_core::portal::{Limits, Portal, Route, Visitor};

use crate::device::{Browser, Device, HOST, Heard, callback, field, peer, status};

fn heard(device: &mut Device, request: &[u8]) -> Heard {
    device.hear(peer(2), request).1
}

#[track_caller]
fn check(request: &str, expected: u16) {
    let mut device = Device::lan();
    let answer = heard(&mut device, request.as_bytes());
    assert_eq!(answer.status(), expected, "{request:?}");
    assert!(device.waits() && device.screen().is_some());
}

/// A form for `/start` that is right.
fn right(device: &mut Device) -> String {
    let page = Browser::new(3).get(device, "/");
    let form = format!("page={}&code={}", field(&page, "page").expect("a field"), device.code());
    format!(
        "POST /start HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/x-www-form-urlencoded;charset=utf-8\r\n\
         Content-Length: {}\r\n\r\n{form}",
        form.len()
    )
}

// REQ: PORTAL-21
#[test]
fn a_request_is_whole_only_at_its_end_however_it_is_cut() {
    let mut device = Device::lan();
    let request = right(&mut device);
    for cut in 0..request.len() {
        let mut device = Device::lan();
        assert_eq!(heard(&mut device, &request.as_bytes()[..cut]), Heard::More, "{cut}");
    }
    for step in 1..request.len() {
        let mut device = Device::lan();
        let mut visitor = Visitor::new(peer(2));
        let buffer = [request.as_bytes(), &[0; 64]].concat();
        let mut length = 0;
        assert!(visitor.is_silent());
        loop {
            length = (length + step).min(request.len());
            match device.step(&mut visitor, &buffer, length) {
                Heard::More => assert!(length < request.len() && !visitor.is_silent()),
                heard => {
                    break assert_eq!(
                        (heard, length, visitor.route()),
                        (Heard::Start, request.len(), Route::Start)
                    );
                }
            }
        }
    }
}

// REQ: PORTAL-21
#[test]
fn malformed_requests_are_refused() {
    let host = format!("Host: {HOST}\r\n");
    let post = format!("POST /start HTTP/1.1\r\n{host}Content-Type: application/x-www-form-urlencoded\r\n");
    for request in [
        format!("GET / HTTP/1.1\n{host}\r\n"),
        format!("GET / HTTP/1.1\r\n{host}\n"),
        format!("GET / HTTP/1.1\r\n{host}A: b\n\r\n"),
        format!("GET / HTTP/1.1\r\n{host}A: b\r\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{host}A: b\rc\r\n\r\n"),
        format!("GET / HTTP/1.1\r{host}\r\n"),
        format!("GET / HTTP/1.1\r\n{host}A: b\r\n c\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{host}A: b\r\n\tc\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n {host}\r\n"),
        format!("GET / HTTP/1.1\r\n{host}A : b\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{host}: b\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{host}A\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{host}A(: b\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{host}A: b\0\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{host}A: \u{7f}\r\n\r\n"),
        format!("GET / HTTP/2.0\r\n{host}\r\n"),
        format!("GET / HTTP/1.2\r\n{host}\r\n"),
        format!("GET / HTTP/1.\r\n{host}\r\n"),
        format!("GET / HTTP/1.11\r\n{host}\r\n"),
        format!("GET / http/1.1\r\n{host}\r\n"),
        format!("GET / \r\n{host}\r\n"),
        format!("GET /\r\n{host}\r\n"),
        format!("GET  / HTTP/1.1\r\n{host}\r\n"),
        format!("GET /  HTTP/1.1\r\n{host}\r\n"),
        format!("GET /\tx HTTP/1.1\r\n{host}\r\n"),
        format!("GET /\u{e4} HTTP/1.1\r\n{host}\r\n"),
        format!("GET /#x HTTP/1.1\r\n{host}\r\n"),
        format!("GET http://{HOST}/ HTTP/1.1\r\n{host}\r\n"),
        format!("GET * HTTP/1.1\r\n{host}\r\n"),
        format!("GET start HTTP/1.1\r\n{host}\r\n"),
        format!(" GET / HTTP/1.1\r\n{host}\r\n"),
        format!("\r\nGET / HTTP/1.1\r\n{host}\r\n"),
        format!("G@T / HTTP/1.1\r\n{host}\r\n"),
        format!("GETGETGETGETGETGETGET / HTTP/1.1\r\n{host}\r\n"),
        "\u{16}\u{3}\u{1}\u{2}TLS".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        format!("GET / HTTP/1.1\r\n{host}{host}\r\n"),
        format!("GET / HTTP/1.1\r\n{host}Cookie: a\r\nCookie: b\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{host}Origin: a\r\nOrigin: a\r\n\r\n"),
        format!("{post}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na=b"),
        format!("GET / HTTP/1.1\r\n{host}Content-Length: 5\r\n\r\nhello"),
        format!("GET / HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ] {
        check(&request, 400);
    }
}

/// Two ways to say where a request ends.
// REQ: PORTAL-21
#[test]
fn request_smuggling() {
    let post = format!(
        "POST /start HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    );
    for (lines, expected) in [
        ("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", 400),
        ("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", 400),
        ("Content-Length: 3\r\nContent-Length: 3\r\n", 400),
        ("Content-Length: 3\r\nContent-Length: 4\r\n", 400),
        ("Content-Length: 3, 3\r\n", 400),
        ("Content-Length: +3\r\n", 400),
        ("Content-Length: -3\r\n", 400),
        ("Content-Length: 0x3\r\n", 400),
        ("Content-Length: 3 3\r\n", 400),
        ("Content-Length: \r\n", 400),
        ("Content-Length : 3\r\n", 400),
        ("Content-Length:\r\n 3\r\n", 400),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", 400),
        ("Transfer-Encoding: chunked\r\n", 411),
        ("Transfer-Encoding: identity\r\n", 411),
        ("Transfer-Encoding : chunked\r\nContent-Length: 3\r\n", 400),
        ("Transfer-Encoding\0: chunked\r\nContent-Length: 3\r\n", 400),
        ("X: y\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n", 400),
        ("", 411),
        ("Content-Length: 4097\r\n", 413),
        ("Content-Length: 99999999999999999999999999\r\n", 413),
    ] {
        check(&format!("{post}{lines}\r\na=b"), expected);
    }
    // What stands behind a request is of nobody: the connection is closed.
    let mut device = Device::lan();
    let request = right(&mut device);
    let smuggled = format!("{request}POST /start HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    assert_eq!(heard(&mut device, smuggled.as_bytes()), Heard::Start);
    let mut device = Device::lan();
    let two = format!("GET /x HTTP/1.1\r\nHost: {HOST}\r\n\r\nGET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    let answer = heard(&mut device, two.as_bytes()).text();
    assert_eq!((status(&answer), answer.matches("HTTP/1.1 ").count()), (404, 1));
}

// REQ: REDIR-21
#[test]
fn forms_are_of_the_one_type() {
    let post = format!("POST /start HTTP/1.1\r\nHost: {HOST}\r\n");
    for content in [
        "",
        "Content-Type: text/plain\r\n",
        "Content-Type: application/json\r\n",
        "Content-Type: multipart/form-data; boundary=x\r\n",
    ] {
        check(&format!("{post}{content}Content-Length: 3\r\n\r\na=b"), 415);
    }
    for form in ["page=a&page=b", "code=a&code=b", "token=a&t%6Fken=b"] {
        check(
            &format!(
                "{post}Content-Type: APPLICATION/x-www-form-urlencoded ; x\r\nContent-Length: {}\r\n\r\n{form}",
                form.len()
            ),
            400,
        );
    }
    let mut device = Device::lan();
    let head = format!("{post}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1\r\n\r\n");
    assert_eq!(heard(&mut device, &[head.as_bytes(), b"\xFF"].concat()).status(), 400);
}

#[test]
fn what_is_odd_and_right_is_taken() {
    for request in [
        format!("GET / HTTP/1.0\r\nHost: {HOST}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nhOST:{HOST}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: \t {HOST} \t\r\nX:\r\nY: \u{e4}\r\n\r\n"),
        format!("GET /? HTTP/1.1\r\nHost: {HOST}\r\n\r\n"),
        format!("GET /?a=|{{}}^\"<> HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 0\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: \r\n\r\n"),
    ] {
        check(&request, 200);
    }
}

// REQ: REDIR-22, PORTAL-23
#[test]
fn looking_takes_nothing() {
    let mut device = Device::lan();
    let phone = Browser::paired(&mut device, 2);
    let cookie = phone.cookie.expect("a cookie");
    let target = callback(&device.state());
    for method in ["HEAD", "OPTIONS", "PUT"] {
        let request = format!("{method} {target} HTTP/1.1\r\nHost: {HOST}\r\nCookie: {cookie}\r\n\r\n");
        let answer = heard(&mut device, request.as_bytes()).text();
        assert!(matches!(status(&answer), 200 | 405) && device.waits(), "{method}");
    }
    let request = format!("GET {target} HTTP/1.1\r\nHost: {HOST}\r\nCookie: {cookie}\r\n\r\n");
    assert_eq!(heard(&mut device, request.as_bytes()), Heard::Redirect(format!("url {target}")));
}

#[test]
fn a_buffer_may_be_shorter_than_the_limits() {
    let mut device = Device::lan();
    let request = right(&mut device);
    let mut visitor = Visitor::new(peer(2));
    assert_eq!(device.step(&mut visitor, request.as_bytes(), request.len()), Heard::Start);
    let head = request.split_once("\r\n\r\n").expect("a head").0.len();
    for (length, expected) in [(3, 414), (12, 414), (60, 431), (head + 4, 413), (request.len() - 1, 413)] {
        let mut device = Device::lan();
        let mut visitor = Visitor::new(peer(2));
        let heard = device.step(&mut visitor, &request.as_bytes()[..length], length);
        assert_eq!(heard.status(), expected, "{length}");
    }
    let mut out = [0; Portal::ANSWER - 1];
    let mut visitor = Visitor::new(peer(2));
    let (site, now) = (device.site, device.now());
    let request = request.as_bytes();
    let error = device.portal.handle(&site, now, &mut visitor, (request, request.len()), &mut out).map(drop);
    assert_eq!(error, Err(keyfob_core::error::Error::BufferTooSmall { needed: Portal::ANSWER }));
    assert!(Limits::PORTAL.request() < 11 * 1024);
}
