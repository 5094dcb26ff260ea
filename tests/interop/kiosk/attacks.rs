//! Other users of the machine, and pages of the web, at the terminal's port.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use crate::terminal::Terminal;

/// The status and all of the answer to a request; `HOST` stands for the terminal's own address.
fn ask(terminal: &Terminal, request: &str, body: &str) -> (u16, String) {
    let (authority, _) = place(terminal);
    let mut stream = TcpStream::connect(authority).expect("the port is there");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("is set");
    let head = request.replace("HOST", authority);
    let form = "Content-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n";
    let request = format!("{head}\r\n{form}Content-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).expect("is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, answer)
}

/// The address and the path of the page.
fn place(terminal: &Terminal) -> (&str, &str) {
    let rest = terminal.page.strip_prefix("http://").expect("an address");
    let (authority, path) = rest.split_once('/').expect("a path");
    (authority, path.trim_end_matches('/'))
}

fn page(terminal: &Terminal) -> String {
    let (status, page) = ask(terminal, &format!("GET /{}/ HTTP/1.1\r\nHost: HOST", place(terminal).1), "");
    assert_eq!(status, 200);
    page
}

fn token(page: &str) -> &str {
    let (_, rest) = page.split_once("name=\"page\" value=\"").expect("a form");
    rest.split_once('"').expect("its end").0
}

fn press(terminal: &Terminal, headers: &str, body: &str) -> u16 {
    let path = place(terminal).1;
    ask(terminal, &format!("POST /{path}/press HTTP/1.1\r\nHost: HOST{headers}"), body).0
}

const OWN: &str = "\r\nOrigin: http://HOST";

// REQ: CDX-01
#[test]
fn only_the_terminals_own_page_can_press_its_buttons() {
    let terminal = Terminal::demo(&[]);
    let before = loop {
        let page = page(&terminal);
        if page.contains("value=\"sign-in\"") {
            break page;
        }
    };
    let body = format!("page={}&button=sign-in", token(&before));
    // A form of another page says where it is from, or that it does not say; what is no browser knows no token.
    for (headers, body, status) in [
        ("", body.as_str(), 403),
        ("\r\nOrigin: null", &body, 403),
        ("\r\nOrigin: https://evil.example", &body, 403),
        ("\r\nOrigin: https://HOST", &body, 403),
        ("\r\nOrigin: http://HOST.evil.example", &body, 403),
        ("\r\nOrigin: http://HOST\r\nOrigin: https://evil.example", &body, 403),
        (OWN, "page=&button=sign-in", 303),
        (OWN, "page=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA&button=sign-in", 303),
        (OWN, "button=sign-in", 400),
        (OWN, &format!("{body}&more=1"), 400),
        (OWN, &"a".repeat(2000), 413),
    ] {
        assert_eq!(press(&terminal, headers, body), status, "{headers} {body}");
        assert!(page(&terminal).contains("value=\"sign-in\""), "{headers} {body}");
    }
    let path = place(&terminal).1;
    let get = format!("GET /{path}/press?{body} HTTP/1.1\r\nHost: HOST{OWN}");
    assert_eq!(ask(&terminal, &get, "").0, 405);
    assert!(page(&terminal).contains("value=\"sign-in\""));

    assert_eq!(press(&terminal, OWN, &body), 303);
    assert!(!page(&terminal).contains("value=\"sign-in\""), "this one is the page's own");
}

/// A page that was left open presses nothing in the next user's name.
// REQ: CDX-04
#[test]
fn a_page_of_the_last_user_presses_nothing() {
    let terminal = Terminal::demo(&[]);
    let first = loop {
        let page = page(&terminal);
        if page.contains("value=\"sign-in\"") {
            break page;
        }
    };
    assert_eq!(press(&terminal, OWN, &format!("page={}&button=sign-in", token(&first))), 303);
    assert_eq!(press(&terminal, OWN, &format!("page={}&button=cancel", token(&first))), 303);
    let second = page(&terminal);
    assert!(second.contains("value=\"sign-in\""));
    assert_ne!(token(&first), token(&second));
    assert_eq!(press(&terminal, OWN, &format!("page={}&button=sign-in", token(&first))), 303);
    assert!(page(&terminal).contains("value=\"sign-in\""));
    // With the browser's way back, too.
    assert_eq!(press(&terminal, OWN, &format!("page={}&button=sign-in", token(&second))), 303);
    assert!(!page(&terminal).contains("value=\"sign-in\""));
}

/// Who does not know the path learns nothing, and least of all the path.
#[test]
fn strangers_learn_nothing() {
    let terminal = Terminal::demo(&["--name", "City Library"]);
    let key = place(&terminal).1.to_owned();
    assert_eq!(key.len(), 32, "192 bits");
    let mut wrong = key.clone();
    let last = wrong.pop().expect("a character");
    wrong.push(if last == 'A' { 'B' } else { 'A' });
    for (request, status) in [
        ("GET / HTTP/1.1\r\nHost: HOST".to_owned(), 404),
        (format!("GET /{wrong}/ HTTP/1.1\r\nHost: HOST"), 404),
        (format!("GET /{wrong}/state?seen=0 HTTP/1.1\r\nHost: HOST"), 404),
        (format!("POST /{wrong}/press HTTP/1.1\r\nHost: HOST{OWN}"), 404),
        ("GET /signed-out HTTP/1.1\r\nHost: HOST".to_owned(), 404),
        ("GET /signed-out?state= HTTP/1.1\r\nHost: HOST".to_owned(), 404),
        (
            "GET /signed-out?state=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA HTTP/1.1\r\nHost: HOST"
                .to_owned(),
            404,
        ),
        // A name that points here (DNS rebinding).
        (format!("GET /{key}/ HTTP/1.1\r\nHost: evil.example"), 421),
        (format!("GET /{key}/ HTTP/1.1\r\nHost: localhost"), 421),
        (format!("GET /{key}/ HTTP/1.1\r\nHost: HOST\r\nHost: evil.example"), 421),
        (format!("GET http://evil.example/{key}/ HTTP/1.1\r\nHost: HOST"), 421),
    ] {
        let (found, answer) = ask(&terminal, &request, "");
        assert_eq!(found, status, "{request}");
        assert!(!answer.contains(&key) && !answer.contains("City Library"), "{request}");
    }
}

#[test]
fn every_answer_says_what_browsers_may_do_with_it() {
    let terminal = Terminal::demo(&[]);
    let (authority, key) = place(&terminal);
    assert!(authority.starts_with("127.0.0.1:"));
    for path in [format!("{key}/"), format!("{key}/state?seen=0"), "other".to_owned()] {
        let (_, answer) = ask(&terminal, &format!("GET /{path} HTTP/1.1\r\nHost: HOST"), "");
        for header in [
            "cache-control: no-store",
            "content-security-policy: default-src 'none'; style-src 'sha256-",
            "cross-origin-opener-policy: same-origin",
            "referrer-policy: no-referrer",
            "x-content-type-options: nosniff",
            "x-frame-options: DENY",
        ] {
            assert!(answer.contains(header), "{path}: {header}");
        }
        assert!(!answer.contains("set-cookie") && !answer.contains("access-control"), "{path}");
    }
    let page = page(&terminal);
    assert!(!page.contains("src=") && !page.contains("<link") && !page.contains("style=\""), "{page}");
}
