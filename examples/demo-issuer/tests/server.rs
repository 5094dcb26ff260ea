//! Starting, stopping, and who may ask.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use keyfob_demo_issuer::DemoIssuer;

fn host(issuer: &DemoIssuer) -> &str {
    issuer.issuer().strip_prefix("http://").unwrap()
}

fn send(issuer: &DemoIssuer, target: &str, host_headers: &str) -> String {
    let mut stream = TcpStream::connect(host(issuer)).unwrap();
    write!(stream, "GET {target} HTTP/1.1\r\n{host_headers}Connection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn only_the_issuers_own_host_is_answered() {
    let issuer = DemoIssuer::start().unwrap();
    let (own, path) = (host(&issuer), "/.well-known/jwks.json");
    let port = own.rsplit(':').next().unwrap();
    assert_eq!(send(&issuer, path, &format!("Host: {own}\r\n")), "HTTP/1.1 200 OK");
    assert_eq!(send(&issuer, &format!("http://{own}{path}"), &format!("Host: {own}\r\n")), "HTTP/1.1 200 OK");
    for wrong in [
        format!("Host: evil.example:{port}\r\n"),
        format!("Host: localhost:{port}\r\n"),
        "Host: 127.0.0.1\r\n".to_owned(),
        format!("Host: {own}\r\nHost: {own}\r\n"),
        String::new(),
    ] {
        assert_eq!(send(&issuer, path, &wrong), "HTTP/1.1 421 Misdirected Request", "{wrong}");
    }
    let absolute = send(&issuer, &format!("http://evil.example{path}"), &format!("Host: {own}\r\n"));
    assert_eq!(absolute, "HTTP/1.1 421 Misdirected Request");
}

#[test]
fn a_long_query_is_refused() {
    let issuer = DemoIssuer::start().unwrap();
    let target = format!("/authorize?{}", "x".repeat(16 * 1024 + 1));
    assert_eq!(send(&issuer, &target, &format!("Host: {}\r\n", host(&issuer))), "HTTP/1.1 414 URI Too Long");
}

#[test]
fn dropping_stops_it_soon() {
    let issuer = DemoIssuer::start().unwrap();
    let address = host(&issuer).to_owned();
    // A browser keeps connections open, with and without a request on them.
    let silent = TcpStream::connect(&address).unwrap();
    let mut begun = TcpStream::connect(&address).unwrap();
    begun.write_all(b"GET / HT").unwrap();
    let start = Instant::now();
    drop(issuer);
    assert!(start.elapsed() < Duration::from_secs(2));
    assert!(TcpStream::connect(&address).is_err());
    drop((silent, begun));
}

#[test]
fn issuers_do_not_share_anything() {
    let (a, b) = (DemoIssuer::start().unwrap(), DemoIssuer::start().unwrap());
    assert_ne!(a.issuer(), b.issuer());
    assert!(format!("{a:?}").contains(a.issuer()));
}
