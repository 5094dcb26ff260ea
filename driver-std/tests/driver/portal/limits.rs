//! What a visitor may not exceed, over real sockets.

use std::{
    io::Write,
    net::Shutdown,
    time::{Duration, Instant},
};

use keyfob_std::portal::Press;

use crate::portal::{
    device::{Device, Plan, is_open},
    phone::{Phone, header, hear, status},
};

/// What a request is answered. The device is there behind it.
fn check(request: impl FnOnce(&str) -> String, expected: u16) {
    let device = Device::lan();
    is_open(device.address);
    let phone = Phone::new(&device, 9);
    let answer = phone.send(request(&phone.host).as_bytes());
    assert_eq!(status(&answer), expected, "{answer}");
    assert_eq!(header(&answer, "Connection"), Some("close"));
    let (mut phone, location) = Phone::paired(&device, 10);
    phone.sign_in(&location);
    device.signs_in();
}

// REQ: PORTAL-20
#[test]
fn header_fields_have_two_kib() {
    check(|host| format!("GET / HTTP/1.1\r\nHost: {host}\r\nA: {}\r\n\r\n", "a".repeat(2048)), 431);
    // Also where they never end.
    check(|host| format!("GET / HTTP/1.1\r\nHost: {host}\r\n{}", "A: b\r\n".repeat(20_000)), 431);
}

// REQ: PORTAL-20
#[test]
fn a_target_has_four_kib() {
    check(|host| format!("GET /{} HTTP/1.1\r\nHost: {host}\r\n\r\n", "a".repeat(4096)), 414);
    check(|_| format!("GET /{}", "a".repeat(100_000)), 414);
}

// REQ: PORTAL-20
#[test]
fn a_body_has_four_kib() {
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let post = |host: &str, length: usize, body: usize| {
        format!(
            "POST /start HTTP/1.1\r\nHost: {host}\r\n{form}Content-Length: {length}\r\n\r\n{}",
            "a".repeat(body)
        )
    };
    check(|host| post(host, 4097, 0), 413);
    check(|host| post(host, 100_000, 100_000), 413);
    check(|host| post(host, 4096, 4096), 403);
}

// REQ: PORTAL-20
#[test]
fn an_address_has_two_places() {
    let device = Device::lan();
    let phone = Phone::new(&device, 9);
    device.code();
    // A third one may have the place of one that was silent for a while, so it has to be quick.
    let answer = (0..100).find_map(|_| {
        let silent = [phone.connect(), phone.connect()];
        let answer = phone.send(phone.get_request("/").as_bytes());
        drop(silent);
        (status(&answer) == 503).then_some(answer)
    });
    let answer = answer.expect("a refusal");
    assert!(answer.contains("<h1>"), "{answer}");
    let (mut phone, location) = Phone::paired(&device, 10);
    phone.sign_in(&location);
    device.signs_in();
}

// REQ: PORTAL-20
#[test]
fn a_request_has_ten_seconds() {
    let device = Device::lan();
    is_open(device.address);
    let phone = Phone::new(&device, 9);
    let (mut slow, mut silent) = (phone.connect(), phone.connect());
    slow.write_all(b"GET / HTTP/1.1\r\n").expect("is sent");
    let start = Instant::now();
    assert_eq!(status(&hear(&mut slow)), 408);
    assert!((Duration::from_secs(9)..Duration::from_secs(15)).contains(&start.elapsed()));
    assert_eq!(hear(&mut silent), "", "to whom nothing was said, nothing is answered");
    device.press(Press::Cancel);
    device.end();
}

// REQ: PORTAL-20
#[test]
fn an_address_asks_thirty_times_in_a_minute() {
    let device = Device::new(Plan::PASTE);
    let (mut phone, _) = Phone::paired(&device, 9);
    let mut other = Phone::new(&device, 10);
    let answers: Vec<_> = (0..40).map(|_| status(&other.get("/"))).collect();
    assert_eq!(answers[..30], [409; 30]);
    assert_eq!(answers[30..], [429; 10]);
    assert_eq!(header(other.answers.last().expect("one"), "Retry-After"), Some("60"));
    // Who was let in asks as often as it wants, from the same address too.
    other.cookie = phone.cookie.clone();
    assert_eq!(status(&other.get("/paste")), 200);
    for _ in 0..40 {
        assert_eq!(status(&phone.get("/paste")), 200);
    }
    let back = phone.go();
    phone.paste(&back);
    phone.get("/done");
    device.signs_in();
}

/// Whatever others say in between.
#[test]
fn a_request_may_come_in_pieces() {
    let device = Device::lan();
    is_open(device.address);
    let (mut phone, mut other) = (Phone::new(&device, 9), Phone::new(&device, 10));
    let mut stream = phone.connect();
    for piece in phone.get_request("/").as_bytes().chunks(16) {
        stream.write_all(piece).expect("is sent");
        assert_eq!(status(&other.get("/")), 200);
    }
    assert_eq!(status(&hear(&mut stream)), 200);
    let answer = phone.start(&device.code());
    phone.sign_in(header(&answer, "Location").expect("an address"));
    device.signs_in();
}

/// A visitor that says that it has no more to say still gets its answer; one that has said half of a request is gone.
#[test]
fn half_closed_connections() {
    let device = Device::lan();
    is_open(device.address);
    let phone = Phone::new(&device, 9);
    for (request, expected) in [(phone.get_request("/"), 200), ("GET / HT".to_owned(), 0)] {
        let mut stream = phone.connect();
        stream.write_all(request.as_bytes()).expect("is sent");
        stream.shutdown(Shutdown::Write).expect("is closed");
        let start = Instant::now();
        assert_eq!(status(&hear(&mut stream)), expected);
        assert!(start.elapsed() < Duration::from_secs(5), "nobody waits for the rest");
    }
    device.press(Press::Cancel);
    device.end();
}
