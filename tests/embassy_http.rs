//! The chip's HTTP client: what it takes for an answer, how long it waits, and which connections it keeps.

use std::{
    cell::Cell,
    collections::BTreeMap,
    io::{Read, Write},
    net::{Shutdown, TcpListener},
    thread,
    time::Duration,
};

use embassy_time::{Timer, with_timeout};
use embedded_io_async::ErrorKind;
use keyfob_core::{
    client,
    error::{Check, Error, Name},
    exchange::{Exchange, Revocation, UserInfo},
    http::Incoming,
    metadata::Metadata,
};
use keyfob_embassy::{
    connect::{Connect, Origin},
    http::{Client, Fault, Http, HttpError, HttpErrorKind},
};
use keyfob_std::http::HttpsClient;
use keyfob_tests::{
    clients::{GAUGE, KIOSK},
    clock::NOW,
    conversation::{OWN, SIGN_IN},
    server::{Received, SUBJECT},
    time_driver::{elapsed, simulate},
    wire::{Framing, Said, Script, Served, Site, Then, Wire, WireStream},
};

/// What failed, what was wrong with the answer, and whether the server may have seen the request.
type Broken = (HttpErrorKind, Option<Fault>, bool);

const fn broken(fault: Fault) -> Broken {
    (HttpErrorKind::Protocol, Some(fault), true)
}

const TIMEOUT: Broken = (HttpErrorKind::Timeout, None, true);

/// What came of a request for claims: the status and the claims, or what failed.
type Heard = Result<(u16, Result<String, Error>), Broken>;

/// Asks for claims, which is a GET.
async fn profile(http: &mut impl Http) -> Heard {
    profile_at(http, &KIOSK).await
}

async fn profile_at(http: &mut impl Http, client: &client::Client<'_>) -> Heard {
    let exchange = UserInfo::new(client, "token", "a");
    let (mut room, mut buffer) = ([0; 256], [0; 1024]);
    let request = exchange.request(NOW, &mut room).expect("it fits");
    http.send(&request).await.map_err(told)?;
    let mut incoming = Incoming::new(request.keep(), &mut buffer);
    http.receive(&mut incoming).await.map_err(told)?;
    let response = incoming.finish().0;
    let claims = exchange.response(response);
    let claims = claims.map(|claims| claims.json(&mut [0; 64]).expect("they fit").to_owned());
    Ok((response.status(), claims))
}

/// Revokes a token, which is a POST.
async fn revoke(http: &mut impl Http) -> Result<u16, Broken> {
    let exchange = Revocation::refresh_token(&GAUGE, "secret");
    let (mut room, mut buffer) = ([0; 256], [0; 256]);
    let request = exchange.request(NOW, &mut room).expect("it fits");
    http.send(&request).await.map_err(told)?;
    let mut incoming = Incoming::new(request.keep(), &mut buffer);
    http.receive(&mut incoming).await.map_err(told)?;
    Ok(incoming.finish().0.status())
}

fn told<E>(error: HttpError<E>) -> Broken {
    (error.kind(), error.fault(), error.maybe_sent())
}

/// A server that says these things, one to a request.
fn script(says: &[Said]) -> Wire<Script> {
    Wire::new(Script { says: says.iter().cloned().collect(), received: Vec::new() })
}

/// What is heard when the server says that, in pieces of every length and with buffers of two; the time that it takes;
/// and the octets that are read.
fn hear(said: &Said) -> (Heard, u64, usize) {
    hear_in(said, &[(1, false), (2, true), (7, true), (usize::MAX, true)])
}

/// The same, with other pieces, and the small buffer or the usual one.
fn hear_in(said: &Said, ways: &[(usize, bool)]) -> (Heard, u64, usize) {
    let one = |piece: usize, small: bool| {
        let mut wire = script(std::slice::from_ref(said));
        wire.piece = piece;
        let heard = simulate(
            async {
                let heard = match small {
                    true => profile(&mut Client::<_, 256>::new(&wire)).await,
                    false => profile(&mut Client::<_>::new(&wire)).await,
                };
                (heard, elapsed())
            },
            Vec::new(),
        );
        (heard.0, heard.1, wire.traffic.read.get())
    };
    let whole = one(usize::MAX, false);
    for &(piece, small) in ways {
        let (heard, time, _) = one(piece, small);
        assert_eq!((&heard, time), (&whole.0, whole.1), "{piece}, {small}: {said:?}");
    }
    whole
}

/// An answer with these lines in its head, and this body.
fn answer(lines: &str, body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{lines}\r\n{body}")
}

const BODY: &str = r#"{"sub":"a"}"#;

fn good() -> Heard {
    Ok((200, Ok(BODY.into())))
}

/// The same answer in all its forms.
fn good_answers() -> Vec<String> {
    let known = "Content-Length: 11\r\n";
    let chunked = "Transfer-Encoding: Chunked\r\n";
    let long = "x".repeat(5000);
    vec![
        answer(known, BODY),
        answer(known, BODY).replace("200 OK", "200"),
        answer(known, BODY).replace("200 OK", "200 "),
        answer(known, BODY).replace("200 OK", "200 \u{e4}\t"),
        answer(known, BODY).replace("HTTP/1.1", "HTTP/1.0"),
        answer("content-LENGTH:\t 011 \t\r\nContent-Length: 11\r\n", BODY),
        answer(&format!("{known}Connection: a, Close ,b\r\n"), BODY),
        // No one reads these, be they as long as they like.
        answer(&format!("Content-Security-Policy: {long}\r\n{known}"), BODY),
        answer(&format!("X: \r\nY:\r\nSet-Cookie: a=b\r\n{known}"), BODY),
        answer(chunked, "b\r\n{\"sub\":\"a\"}\r\n0\r\n\r\n"),
        answer(chunked, "00b \t\r\n{\"sub\":\"a\"}\r\n0 ; last\r\n\r\n"),
        answer(chunked, "1;a=\"b\"\r\n{\r\n00000000000000A\r\n\"sub\":\"a\"}\r\n00\r\nX: y\r\nY: z\r\n\r\n"),
        answer(chunked, &format!("b\r\n{BODY}\r\n0\r\nX: {long}\r\n\r\n")),
        format!("HTTP/1.1 100 Continue\r\nContent-Length: 9\r\n\r\n{}", answer(known, BODY)),
        format!("HTTP/1.1 103\r\nTransfer-Encoding: x\r\nX: {long}\r\n\r\n{}", answer(known, BODY)),
    ]
}

// REQ: HTTP-14, HTTP-20, DRV-08
#[test]
fn what_is_an_answer() {
    for octets in good_answers() {
        for then in [Then::Keep, Then::Close, Then::Hang, Then::Reset] {
            let (heard, time, _) = hear(&Said::new(octets.clone(), then));
            assert_eq!((heard, time), (good(), 0), "{octets}");
        }
    }
}

/// Answers that another reader could take for a longer or a shorter one, and those that are none.
fn broken_answers() -> Vec<(Fault, String)> {
    let known = "Content-Length: 11\r\n";
    let chunked = "Transfer-Encoding: chunked\r\n";
    let long = "x".repeat(5000);
    let lines = |lines: &str| answer(&format!("{lines}{known}"), BODY);
    let chunks = |chunks: &str| answer(chunked, chunks);
    let first = |line: &str| answer(known, BODY).replace("HTTP/1.1 200 OK", line);
    vec![
        (Fault::BothLengths, lines(chunked)),
        (Fault::BothLengths, answer(&format!("{known}{chunked}"), "b\r\n{\"sub\":\"a\"}\r\n0\r\n\r\n")),
        (Fault::ContentLength, lines("Content-Length: 12\r\n")),
        (Fault::ContentLength, answer("Content-Length: 11, 11\r\n", BODY)),
        (Fault::ContentLength, answer("Content-Length: -11\r\n", BODY)),
        (Fault::ContentLength, answer("Content-Length: +11\r\n", BODY)),
        (Fault::ContentLength, answer("Content-Length: 0xb\r\n", BODY)),
        (Fault::ContentLength, answer("Content-Length: 1 1\r\n", BODY)),
        (Fault::ContentLength, answer("Content-Length: \r\n", BODY)),
        (Fault::ContentLength, answer("Content-Length: 18446744073709551616\r\n", BODY)),
        (Fault::TransferCoding, answer("Transfer-Encoding: gzip\r\n", BODY)),
        (Fault::TransferCoding, answer("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n")),
        (Fault::TransferCoding, answer("Transfer-Encoding: identity\r\n", BODY)),
        (Fault::TransferCoding, answer("Transfer-Encoding: \x0Bchunked\r\n", BODY).replace('\x0B', "x")),
        (Fault::TransferCoding, answer(&format!("{chunked}{chunked}"), "0\r\n\r\n")),
        (Fault::TransferCoding, chunks("b\r\n{}\r\n0\r\n\r\n").replace("HTTP/1.1", "HTTP/1.0")),
        (Fault::Folded, lines("X: a\r\n b\r\n")),
        (Fault::Folded, lines("X: a\r\n\tb\r\n")),
        (Fault::Folded, first("HTTP/1.1 200 OK\r\n X: y")),
        (Fault::HeaderName, lines("X : y\r\n")),
        (Fault::HeaderName, lines("Content-Length : 12\r\n")),
        (Fault::HeaderName, lines("X\r\n")),
        (Fault::HeaderName, lines(": y\r\n")),
        (Fault::HeaderName, lines("X(: y\r\n")),
        (Fault::HeaderName, lines("X\0: y\r\n")),
        (Fault::HeaderName, lines("\u{e4}: y\r\n")),
        (Fault::HeaderName, lines(&format!("X {long}: y\r\n")).replace(&long, "x")),
        (Fault::HeaderValue, lines("X: \0\r\n")),
        (Fault::HeaderValue, lines("X: a\x01b\r\n")),
        (Fault::HeaderValue, lines("X: \x7F\r\n")),
        (Fault::HeaderValue, lines(&format!("X: {long}\0\r\n"))),
        (Fault::LineEnd, lines("X: y\n")),
        (Fault::LineEnd, lines("X: a\rb\r\n")),
        (Fault::LineEnd, lines("X: y\r\r\n")),
        (Fault::LineEnd, lines(&format!("X: {long}\r{long}\r\n"))),
        (Fault::LineEnd, lines(&format!("X: {long}\n"))),
        (Fault::LineEnd, answer(known, BODY).replace("\r\n", "\n")),
        (Fault::LineEnd, format!("\n{}", answer(known, BODY))),
        (Fault::StatusLine, format!("\r\n{}", answer(known, BODY))),
        (Fault::StatusLine, first("HTTP/1.1 099 OK")),
        (Fault::StatusLine, first("HTTP/1.1 600 OK")),
        (Fault::StatusLine, first("HTTP/1.1 101 Switching Protocols")),
        (Fault::StatusLine, first("HTTP/1.1 2000")),
        (Fault::StatusLine, first("HTTP/1.1 20")),
        (Fault::StatusLine, first("HTTP/1.1  200 OK")),
        (Fault::StatusLine, first("HTTP/1.1 2x0 OK")),
        (Fault::StatusLine, first("HTTP/1.1 200 O\0K")),
        (Fault::StatusLine, first("HTTP/1.2 200 OK")),
        (Fault::StatusLine, first("HTTP/2 200")),
        (Fault::StatusLine, first("http/1.1 200 OK")),
        (Fault::StatusLine, first("ICY 200 OK")),
        (Fault::StatusLine, first("")),
        (Fault::StatusLine, "SSH-2.0-OpenSSH_9.2\r\n".into()),
        (Fault::HeadTooLarge, first(&format!("HTTP/1.1 200 {long}"))),
        (Fault::HeadTooLarge, lines(&format!("{long}: y\r\n"))),
        (Fault::HeadTooLarge, lines(&format!("Date: {long}\r\n"))),
        (Fault::HeadTooLarge, lines(&format!("DPoP-Nonce: {long}\r\n"))),
        (Fault::HeadTooLarge, lines(&format!("Connection: {long}\r\n"))),
        (Fault::HeadTooLarge, lines(&format!("Content-Length: {}12\r\n", long.replace('x', "0")))),
        (Fault::HeadTooLarge, lines(&format!("X: {long}\r\n").repeat(4))),
        (Fault::HeadTooLarge, lines(&"X: y\r\n".repeat(3000))),
        (Fault::ChunkSize, chunks("x\r\n")),
        (Fault::ChunkSize, chunks("\r\n")),
        (Fault::ChunkSize, chunks("-1\r\n")),
        (Fault::ChunkSize, chunks("+1\r\n")),
        (Fault::ChunkSize, chunks("0x1\r\n")),
        (Fault::ChunkSize, chunks("1 1\r\n")),
        (Fault::ChunkSize, chunks(" 1\r\n")),
        (Fault::ChunkSize, chunks("1,a\r\n")),
        (Fault::ChunkSize, chunks("1;\0\r\n")),
        (Fault::ChunkSize, chunks("10000000000000000\r\n")),
        (Fault::ChunkSize, chunks("00000000000000001\r\n")),
        (Fault::ChunkSize, chunks(&format!("1;{long}\r\n"))),
        (Fault::ChunkSize, chunks(&format!("1;{}\r\n \r\n", &long[..200]).repeat(100))),
        (Fault::LineEnd, chunks("b\n{\"sub\":\"a\"}\r\n0\r\n\r\n")),
        (Fault::LineEnd, chunks("b;\rx\r\n{\"sub\":\"a\"}\r\n0\r\n\r\n")),
        (Fault::ChunkEnd, chunks("b\r\n{\"sub\":\"a\"}0\r\n\r\n")),
        (Fault::ChunkEnd, chunks("b\r\n{\"sub\":\"a\"}\n0\r\n\r\n")),
        (Fault::ChunkEnd, chunks("b\r\n{\"sub\":\"a\"} \r\n0\r\n\r\n")),
        (Fault::ChunkEnd, chunks("a\r\n{\"sub\":\"a\"}\r\n0\r\n\r\n")),
        (Fault::Folded, chunks("b\r\n{\"sub\":\"a\"}\r\n0\r\nX: a\r\n b\r\n\r\n")),
        (Fault::HeaderName, chunks("b\r\n{\"sub\":\"a\"}\r\n0\r\nX\r\n\r\n")),
        (Fault::HeaderValue, chunks("b\r\n{\"sub\":\"a\"}\r\n0\r\nX: \0\r\n\r\n")),
        (Fault::HeadTooLarge, chunks(&format!("b\r\n{BODY}\r\n0\r\n{}", "X: y\r\n".repeat(3000)))),
        // Anyone can end a stream.
        (Fault::NoLength, answer("", BODY)),
        (Fault::NoLength, answer("Connection: close\r\n", BODY)),
        (Fault::NoLength, answer("", BODY).replace("HTTP/1.1", "HTTP/1.0")),
    ]
}

// REQ: HTTP-14, HTTP-20, QA-05, DRV-08
#[test]
fn what_is_no_answer() {
    for (fault, octets) in broken_answers() {
        for then in [Then::Close, Then::Hang] {
            let (heard, time, _) = hear(&Said::new(octets.clone(), then));
            assert_eq!((heard, time), (Err(broken(fault)), 0), "{octets:?}");
        }
    }
}

/// Which headers may be too long is the core's to say, and it says so of all that it reads.
#[test]
fn what_the_core_reads() {
    let source = include_str!("../core/src/http/incoming.rs");
    let (_, source) = source.split_once("pub fn header(").expect("the function");
    let (source, _) = source.split_once("pub fn reads(").expect("the next one");
    let names = source.split("is_alike(name, b\"").skip(1);
    let names: Vec<_> = names.map(|rest| rest.split('"').next().expect("a name")).collect();
    assert_eq!(names.len(), 7, "{names:?}");
    for name in names {
        assert!(Incoming::reads(name) && Incoming::reads(&name.to_uppercase()), "{name}");
    }
    assert!(!Incoming::reads("set-cookie") && !Incoming::reads(""));
}

/// What nobody wants to read needs no length.
// REQ: HTTP-06, HTTP-09, HTTP-10, DRV-08
#[test]
fn what_needs_no_body() {
    for (octets, status, outcome) in [
        ("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<h1>Hotel", 200, Check::ContentType),
        ("HTTP/1.0 302 Found\r\nLocation: https://x.example/\r\n\r\n", 302, Check::HttpRedirect),
        ("HTTP/1.1 204 \r\nContent-Length: 5\r\n\r\n", 204, Check::HttpStatus(204)),
        ("HTTP/1.1 304 \r\nContent-Length: 5\r\n\r\n", 304, Check::HttpStatus(304)),
        ("HTTP/1.1 503 \r\nContent-Length: 0\r\n\r\n", 503, Check::HttpStatus(503)),
        ("HTTP/1.1 503 \r\nContent-Length: 99999\r\n\r\n<", 503, Check::HttpStatus(503)),
    ] {
        let (heard, time, _) = hear(&Said::new(octets, Then::Hang));
        assert_eq!((heard, time), (Ok((status, Err(outcome.into()))), 0), "{octets}");
    }
}

/// Answers of every shape, each cut behind every octet.
// REQ: HTTP-14, HTTP-24
#[test]
fn truncated_anywhere() {
    for framing in [Framing::Length, Framing::Interim, Framing::Chunked(4)] {
        let body = keyfob_tests::answer::Answer::new(200, "application/json", BODY);
        let octets = framing.octets(&body, false);
        for end in 0..octets.len() {
            for then in [Then::Close, Then::Reset] {
                let (heard, time, _) = hear_in(&Said::new(&octets[..end], then), &[(1, true)]);
                assert_eq!((heard, time), (Err(broken(Fault::Cut)), 0), "{framing:?}, {end}");
            }
            let (heard, time, _) = hear_in(&Said::new(&octets[..end], Then::Hang), &[(1, true)]);
            assert_eq!(heard, Err(TIMEOUT), "{framing:?}, {end}");
            assert!(time == 20_000 || time == 30_000, "{time}");
        }
        assert_eq!(hear(&Said::new(octets, Then::Hang)).0, good(), "{framing:?}");
    }
}

/// What never ends is read no further than its limit, and takes no time.
// REQ: HTTP-13, HTTP-20
#[test]
fn endless() {
    let chunks = answer("Transfer-Encoding: chunked\r\n", "");
    let large = |name| Ok((200, Err(Error::InputTooLarge(name))));
    for (start, more, heard, most) in [
        ("", "x", Err(broken(Fault::HeadTooLarge)), 1024),
        ("", "HTTP/1.1 100 \r\n\r\n", Err(broken(Fault::HeadTooLarge)), 20_000),
        ("HTTP/1.1 200 ", "x", Err(broken(Fault::HeadTooLarge)), 1024),
        ("HTTP/1.1 200 \r\n", "x", Err(broken(Fault::HeadTooLarge)), 2048),
        ("HTTP/1.1 200 \r\n", "x: y\r\n", Err(broken(Fault::HeadTooLarge)), 20_000),
        ("HTTP/1.1 200 \r\nx: ", "y", Err(broken(Fault::HeadTooLarge)), 20_000),
        (&answer("Content-Length: 18446744073709551615\r\n", ""), " ", large(Name::Body), 530_000),
        (&chunks, "0", Err(broken(Fault::ChunkSize)), 2048),
        (&chunks, "1\r\n \r\n", large(Name::Body), 530_000 * 6),
        (&chunks, "1;x\r\n \r\n", Err(broken(Fault::ChunkSize)), 80_000),
        (&format!("{chunks}FFFFFFFFFFFFFFFF\r\n"), " ", large(Name::Body), 530_000),
        (&format!("{chunks}0\r\n"), "x: y\r\n", Err(broken(Fault::HeadTooLarge)), 20_000),
    ] {
        let said = Said::new(start, Then::Endless(more));
        let (told, time, read) = hear_in(&said, &[(500, true)]);
        assert_eq!((told, time), (heard, 0), "{start}{more}");
        assert!(read <= most, "{start}{more}: {read}");
    }
}

/// Octet for octet: what comes too slowly is too late.
// REQ: HTTP-24
#[test]
fn dripping() {
    let octets = answer("Content-Length: 11\r\n", BODY);
    let drip = |octets: &str, milliseconds| hear(&Said::new(octets, Then::Hang).drip(milliseconds));
    let length = octets.len() as u64;
    assert_eq!(drip(&octets, 200), (good(), 200 * length, octets.len()));
    // The head is late, or the rest.
    let (heard, time, _) = drip(&octets, 1000);
    assert_eq!((heard, time), (Err(TIMEOUT), 20_000));
    let padded = octets.replace("11", "120").replace(BODY, &format!("{BODY}{}", " ".repeat(109)));
    let (heard, time, _) = drip(&padded, 220);
    assert_eq!((heard, time), (Err(TIMEOUT), 30_000));
    let endless = Said::new("HTTP/1.1 200 \r\n", Then::Endless("x: y\r\n")).drip(500);
    let (heard, time, _) = hear(&endless);
    assert_eq!((heard, time), (Err(TIMEOUT), 20_000));
}

// REQ: HTTP-24
#[test]
fn the_times_can_be_set() {
    for (timeout, head, expected) in [(5, 20, 5000), (60, 20, 20_000), (60, 3, 3000), (0, 20, 0)] {
        let wire = script(&[Said::new("HTTP/1.1 200", Then::Hang)]);
        let mut client = Client::<_>::new(&wire)
            .timeout(Duration::from_secs(timeout))
            .head_timeout(Duration::from_secs(head));
        let (heard, time) = simulate(async { (profile(&mut client).await, elapsed()) }, Vec::new());
        assert_eq!(time, expected);
        assert!(matches!(heard, Err((HttpErrorKind::Timeout, None, _))), "{heard:?}");
    }
    let wire = script(&[Said::new(answer("Content-Length: 11\r\n", BODY), Then::Keep)]);
    let mut client = Client::<_>::new(&wire).timeout(Duration::MAX).max_idle(Duration::MAX);
    assert_eq!(simulate(profile(&mut client), Vec::new()), good());
}

/// The flow is as it was, wherever the first answer is cut: the second one is taken.
// REQ: HTTP-14, QA-05
#[test]
fn a_flow_goes_on_after_every_broken_answer() {
    struct Mangled {
        served: Served,
        first: Option<(usize, Then)>,
        length: usize,
    }

    impl Site for Mangled {
        fn answer(&mut self, request: Received) -> Said {
            let said = self.served.answer(request);
            match self.first.take() {
                Some((end, then)) => {
                    self.length = said.octets.len();
                    Said::new(&said.octets[..end.min(self.length)], then)
                }
                None => said,
            }
        }
    }

    for framing in [Framing::Length, Framing::Chunked(40)] {
        for then in [Then::Close, Then::Hang] {
            for end in 0.. {
                let (link, flow) = OWN.prepare();
                let served = Served { link: link.clone(), framing };
                let wire = Wire::new(Mangled { served, first: Some((end, then)), length: 0 });
                let report = simulate(OWN.run_over(&wire, link, flow), Vec::new());
                let whole = end >= wire.site.borrow().length;
                let token = if whole { "access-1" } else { "access-2" };
                assert_eq!(report.outcome.tokens().access_token, token, "{framing:?}, {end}");
                if whole {
                    break;
                }
            }
        }
    }
}

// REQ: HTTP-26, HTTP-25
#[test]
fn one_connection_for_a_sign_in() {
    for framing in [Framing::Length, Framing::Interim, Framing::Chunked(100)] {
        let (report, connections) = SIGN_IN.run_wire(framing, usize::MAX);
        assert_eq!(report.outcome.tokens().subject.as_deref(), Some(SUBJECT));
        assert_eq!((report.link.server().received.len(), connections), (2, 1), "{framing:?}");
    }
    assert_eq!(SIGN_IN.run_wire(Framing::Close, usize::MAX).1, 2);
}

// REQ: QA-06
#[test]
fn pieces_make_no_difference() {
    let whole = SIGN_IN.run_embassy();
    for piece in [1, 2, 3, 7, 64, 1000] {
        for framing in Framing::ALL {
            let (report, _) = SIGN_IN.run_wire(framing, piece);
            assert_eq!(report.outcome, whole.outcome, "in pieces of {piece}, {framing:?}");
        }
    }
}

const GOOD: fn(Then) -> Said = |then| Said::new(answer("Content-Length: 11\r\n", BODY), then);

/// Asks for claims twice, with something in between, and tells how many connections that took.
fn twice(first: &Said, between: impl AsyncFnOnce(&Wire<Script>)) -> (Heard, usize) {
    let wire = script(&[first.clone(), GOOD(Then::Keep)]);
    let mut client = Client::<_>::new(&wire);
    let heard = simulate(
        async {
            let heard = profile(&mut client).await;
            assert!(heard.is_ok(), "{heard:?}");
            between(&wire).await;
            profile(&mut client).await
        },
        Vec::new(),
    );
    assert_eq!(wire.traffic.requests.get(), 2);
    (heard, wire.traffic.connections.get())
}

// REQ: HTTP-26
#[test]
fn which_connections_are_kept() {
    let kept = |first: &Said| {
        let (heard, connections) = twice(first, async |_| {});
        assert_eq!(heard, good());
        connections == 1
    };
    assert!(kept(&GOOD(Then::Keep)));
    // The server closed it, and said so or not.
    assert!(!kept(&GOOD(Then::Close)));
    assert!(!kept(&GOOD(Then::Reset)));
    let lines = |lines: &str| Said::new(answer(lines, BODY), Then::Keep);
    assert!(!kept(&lines("Content-Length: 11\r\nConnection: close\r\n")));
    assert!(!kept(&Said::new(answer("Content-Length: 11\r\n", BODY).replace("1.1", "1.0"), Then::Keep)));
    // Octets behind the answer are not the next one.
    let more =
        |more: &str| Said::new(format!("{}{more}", answer("Content-Length: 11\r\n", BODY)), Then::Keep);
    assert!(!kept(&more("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")));
    assert!(!kept(&more(" ")));
    assert!(!kept(&more(&" ".repeat(5000))));
    // A body that nobody reads.
    let page = |length, page: &str| {
        Said::new(format!("HTTP/1.1 500 \r\nContent-Length: {length}\r\n\r\n{page}"), Then::Keep)
    };
    assert!(kept(&page(6, "<html>")));
    assert!(!kept(&page(7, "<html>")));
    assert!(kept(&Said::new("HTTP/1.1 204 \r\n\r\n", Then::Keep)));
    assert!(!kept(&Said::new("HTTP/1.1 204 \r\nContent-Length: 2\r\n\r\n", Then::Keep)));
}

// REQ: HTTP-26
#[test]
fn how_long_a_connection_is_kept() {
    let after =
        |milliseconds| twice(&GOOD(Then::Keep), async move |_| Timer::after_millis(milliseconds).await);
    assert_eq!(after(2999), (good(), 1));
    assert_eq!(after(3000), (good(), 2));
    // What the server says counts more, less two seconds.
    for (value, milliseconds) in [
        ("timeout=5", 3000),
        ("max=100, Timeout=60", 58_000),
        ("timeout=60, max=100", 58_000),
        ("timeout=1", 0),
        ("timeout=0", 0),
        ("timeout=18446744073709551615", u64::from(u32::MAX)),
        // This says nothing.
        ("timeout=18446744073709551616", 3000),
        ("timeout=-5", 3000),
        ("timeout= 5", 3000),
        ("timeout", 3000),
        ("", 3000),
    ] {
        let lines = format!("Content-Length: 11\r\nKeep-Alive: {value}\r\n");
        let said = Said::new(answer(&lines, BODY), Then::Keep);
        let after = |milliseconds| twice(&said, async move |_| Timer::after_millis(milliseconds).await);
        if milliseconds > 0 {
            assert_eq!(after(milliseconds - 1), (good(), 1), "{value}");
        }
        assert_eq!(after(milliseconds), (good(), 2), "{value}");
    }
    assert_eq!(twice(&GOOD(Then::Keep), async |wire| wire.network.set(1)), (good(), 2));
    for (url, connections) in [
        ("https://op.example/other", 1),
        ("https://op.example:443/userinfo", 1),
        ("https://op.example:444/userinfo", 2),
        ("https://op.example.org/userinfo", 2),
        ("https://op.exampl/userinfo", 2),
    ] {
        let wire = script(&[GOOD(Then::Keep), GOOD(Then::Keep)]);
        let mut http = Client::<_>::new(&wire);
        let client = client::Client::new(Metadata::new("https://op.example").userinfo_endpoint(url), "kiosk");
        let heard =
            simulate(async { (profile(&mut http).await, profile_at(&mut http, &client).await) }, Vec::new());
        assert_eq!(heard, (good(), good()));
        assert_eq!(wire.traffic.connections.get(), connections, "{url}");
    }
}

/// The server closes a connection just when the next request is on its way.
// REQ: HTTP-17, HTTP-18
#[test]
fn a_connection_that_was_closed_too_late() {
    for then in [Then::Close, Then::Reset] {
        let empty = Said::new("", then);
        // A GET is sent once more on a new connection, and only once.
        for (says, heard, requests) in [
            (vec![GOOD(Then::Keep), empty.clone(), GOOD(Then::Keep)], good(), 3),
            (vec![GOOD(Then::Keep), empty.clone(), empty.clone()], Err(broken(Fault::Cut)), 3),
            // Something of an answer came, or the connection was new.
            (vec![GOOD(Then::Keep), Said::new("H", then)], Err(broken(Fault::Cut)), 2),
            (vec![GOOD(Then::Close), empty.clone()], Err(broken(Fault::Cut)), 2),
        ] {
            let wire = script(&says);
            let mut client = Client::<_>::new(&wire);
            let told = simulate(
                async {
                    assert_eq!(profile(&mut client).await, good());
                    profile(&mut client).await
                },
                Vec::new(),
            );
            assert_eq!((told, wire.traffic.requests.get()), (heard, requests), "{says:?}");
        }
        // A POST is not: perhaps the server has done what it says.
        let wire = script(&[GOOD(Then::Keep), empty, GOOD(Then::Keep)]);
        let mut client = Client::<_>::new(&wire);
        let told = simulate(
            async {
                assert_eq!(profile(&mut client).await, good());
                revoke(&mut client).await
            },
            Vec::new(),
        );
        assert_eq!((told, wire.traffic.requests.get()), (Err(broken(Fault::Cut)), 2));
    }
    // One that is known to be closed is not used for a POST.
    let wire = script(&[GOOD(Then::Close), GOOD(Then::Keep)]);
    let mut client = Client::<_>::new(&wire);
    let told = simulate(
        async {
            assert_eq!(profile(&mut client).await, good());
            revoke(&mut client).await
        },
        Vec::new(),
    );
    assert_eq!((told, wire.traffic.connections.get()), (Ok(200), 2));
}

/// Whatever was dropped in the middle, its connection is gone, and its answer is nobody else's.
// REQ: DRV-06
#[test]
fn a_dropped_exchange_leaves_nothing() {
    let first = Said::new(answer("Content-Length: 11\r\n", "{\"sub\":\"b\"}"), Then::Keep).drip(100);
    for milliseconds in (50..12_000).step_by(100) {
        let wire = script(&[first.clone(), GOOD(Then::Keep)]);
        let mut client = Client::<_>::new(&wire);
        let (dropped, heard) = simulate(
            async {
                let limit = embassy_time::Duration::from_millis(milliseconds);
                let dropped = with_timeout(limit, profile(&mut client)).await.is_err();
                (dropped, profile(&mut client).await)
            },
            Vec::new(),
        );
        let (connections, heard) = (wire.traffic.connections.get(), heard.expect("an answer"));
        assert_eq!((connections, heard.1.as_deref()), (1 + usize::from(dropped), Ok(BODY)), "{milliseconds}");
        if !dropped {
            return assert!(milliseconds > 5000, "it took its time");
        }
    }
    panic!("it takes too long");
}

/// Whoever asks again without having heard the answer gets a connection without it.
// REQ: DRV-06
#[test]
fn an_answer_that_nobody_heard() {
    let late = Said::new(answer("Content-Length: 11\r\n", "{\"sub\":\"b\"}"), Then::Keep).drip(100);
    let wire = script(&[late, GOOD(Then::Keep)]);
    let mut client = Client::<_>::new(&wire);
    let exchange = UserInfo::new(&KIOSK, "token", "a");
    let mut room = [0; 256];
    let request = exchange.request(NOW, &mut room).expect("it fits");
    let heard = simulate(
        async {
            client.send(&request).await.expect("an answer begins");
            profile(&mut client).await
        },
        Vec::new(),
    );
    assert_eq!((heard, wire.traffic.connections.get()), (good(), 2));
}

#[test]
fn nothing_was_asked() {
    let wire = script(&[]);
    let mut client = Client::<_>::new(&wire);
    let exchange = UserInfo::new(&KIOSK, "token", "a");
    let (mut room, mut buffer) = ([0; 256], [0; 256]);
    let keep = exchange.request(NOW, &mut room).expect("it fits").keep();
    let outcome = simulate(client.receive(&mut Incoming::new(keep, &mut buffer)), Vec::new());
    assert_eq!(outcome.map_err(told), Err((HttpErrorKind::Protocol, None, false)));
}

/// What cannot be connected to has surely seen nothing.
// REQ: HTTP-18, HTTP-24, DRV-09
#[test]
fn no_connection() {
    struct Wall(Cell<Option<ErrorKind>>);

    impl Connect for Wall {
        type Error = ErrorKind;
        type Stream<'s> = WireStream<Script>;

        async fn connect<'s>(&'s self, _origin: Origin<'_>) -> Result<Self::Stream<'s>, ErrorKind> {
            match self.0.get() {
                Some(kind) => Err(kind),
                None => std::future::pending().await,
            }
        }
    }

    for (kind, expected, milliseconds) in [
        (Some(ErrorKind::ConnectionRefused), HttpErrorKind::Connect, 0),
        (Some(ErrorKind::NotFound), HttpErrorKind::Resolve, 0),
        (Some(ErrorKind::TimedOut), HttpErrorKind::Timeout, 0),
        (None, HttpErrorKind::Timeout, 10_000),
    ] {
        let wall = Wall(Cell::new(kind));
        let mut client = Client::<_>::new(&wall);
        let told = simulate(async { (revoke(&mut client).await, elapsed()) }, Vec::new());
        assert_eq!(told, (Err((expected, None, false)), milliseconds));
    }
}

/// What goes over the wire, octet for octet.
// REQ: HTTP-02, HTTP-03, HTTP-16, HTTP-25
#[test]
fn golden_requests() {
    let says = [GOOD(Then::Keep), GOOD(Then::Keep), GOOD(Then::Keep)];
    let wire = script(&says);
    let mut client = Client::<_, 256>::new(&wire);
    let mut named = Client::<_, 256>::new(&wire).user_agent("kiosk/1.0");
    simulate(
        async {
            assert_eq!(profile(&mut client).await, good());
            revoke(&mut client).await.expect("all goes well");
            assert_eq!(profile(&mut named).await, good());
        },
        Vec::new(),
    );
    let heads = wire.traffic.heads.borrow();
    let expected = [
        "GET /userinfo HTTP/1.1\r\nHost: op.example\r\nAccept: application/json\r\n\
         Authorization: Bearer token\r\n\r\n",
        "POST /revoke HTTP/1.1\r\nHost: op.example\r\nAccept: application/json\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 58\r\n\r\n\
         token=secret&token_type_hint=refresh_token&client_id=gauge",
        "GET /userinfo HTTP/1.1\r\nHost: op.example\r\nUser-Agent: kiosk/1.0\r\n\
         Accept: application/json\r\nAuthorization: Bearer token\r\n\r\n",
    ];
    assert_eq!(*heads, expected);
}

// REQ: MEM-09
#[test]
fn the_client_is_small() {
    let wire = script(&[]);
    let mut client = Client::<_>::new(&wire);
    let stream = size_of::<WireStream<Script>>();
    let size = size_of_val(&client) - stream;
    println!("`Client<1024>` has {size} octets without its stream");
    assert!(size < 1024 + 512, "{size}");
    let future = size_of_val(&revoke(&mut client)) - 512;
    println!("the future of an exchange has {future} without its buffers");
    assert!(future < 2048, "{future}");
}

/// The desktop's client, with a server on this machine that says that and closes the connection.
fn hear_on_the_desktop(http: &mut HttpsClient, octets: &str) -> Heard {
    use keyfob_std::http::Http;
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let endpoint = format!("http://{}/userinfo", listener.local_addr().expect("is bound"));
    let client = client::Client::new(
        Metadata::new("http://127.0.0.1").insecure_loopback_http().userinfo_endpoint(&endpoint),
        "kiosk",
    );
    let exchange = UserInfo::new(&client, "token", "a");
    let (mut room, mut buffer) = ([0; 256], [0; 1024]);
    let request = exchange.request(NOW, &mut room).expect("it fits");
    thread::scope(|scope| {
        scope.spawn(|| {
            let (mut stream, _) = listener.accept().expect("a client");
            stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a time");
            let mut heard = Vec::new();
            while !heard.ends_with(b"\r\n\r\n") {
                let mut room = [0; 1024];
                let length = stream.read(&mut room).expect("a request");
                heard.extend(&room[..length]);
            }
            // A client that has heard enough may have gone.
            let _ = stream.write_all(octets.as_bytes());
            let _ = stream.shutdown(Shutdown::Write);
            let _ = stream.read_to_end(&mut heard);
        });
        let told = |error: keyfob_std::http::HttpError| (error.kind(), None, error.maybe_sent());
        http.send(&request).map_err(told)?;
        let mut incoming = Incoming::new(request.keep(), &mut buffer);
        http.receive(&mut incoming).map_err(told)?;
        let response = incoming.finish().0;
        let claims = exchange.response(response);
        Ok((response.status(), claims.map(|claims| claims.json(&mut [0; 64]).expect("they fit").to_owned())))
    })
}

/// What the chip takes for an answer the desktop does too. It is the stricter one of the two: what only the desktop
/// takes is listed here.
// REQ: DRV-07
#[test]
fn both_clients_take_the_same_answers() {
    let mut http = HttpsClient::builder().timeout(Duration::from_secs(10)).build().expect("roots");
    for octets in good_answers() {
        assert_eq!(hear_on_the_desktop(&mut http, &octets), good(), "{octets}");
    }
    let mut lenient = BTreeMap::<String, usize>::new();
    let answers = broken_answers();
    let count = answers.len();
    for (fault, octets) in answers {
        match hear_on_the_desktop(&mut http, &octets) {
            Err(failed) => assert_eq!(failed, (HttpErrorKind::Protocol, None, true), "{octets:?}"),
            Ok(_) => *lenient.entry(format!("{fault:?}")).or_default() += 1,
        }
    }
    println!("of {count} answers that the chip refuses, the desktop takes {lenient:?}");
    let expected = [
        ("BothLengths", 1),
        ("ContentLength", 1),
        ("HeadTooLarge", 6),
        ("LineEnd", 4),
        ("NoLength", 3),
        ("StatusLine", 1),
        ("TransferCoding", 5),
    ];
    let expected = expected.map(|(name, count)| (name.to_owned(), count));
    assert_eq!(lenient, BTreeMap::from(expected));
}

/// A stream whose end is proven, as TLS proves it.
struct Proven(Wire<Script>);

impl Connect for Proven {
    type Error = ErrorKind;
    type Stream<'s> = WireStream<Script>;

    const PROVES_END: bool = true;

    async fn connect<'s>(&'s self, origin: Origin<'_>) -> Result<Self::Stream<'s>, ErrorKind> {
        self.0.connect(origin).await
    }
}

/// Only where nobody can forge the end of a stream is it the end of an answer.
// REQ: HTTP-14
#[test]
fn an_end_that_is_proven() {
    let endless = answer("", BODY);
    for (then, heard) in
        [(Then::Close, good()), (Then::Reset, Err(broken(Fault::Cut))), (Then::Hang, Err(TIMEOUT))]
    {
        let proven = Proven(script(&[Said::new(endless.clone(), then), GOOD(Then::Keep)]));
        let mut client = Client::<_>::new(&proven);
        let told = simulate(async { (profile(&mut client).await, profile(&mut client).await) }, Vec::new());
        assert_eq!(told, (heard, good()));
        assert_eq!(proven.0.traffic.connections.get(), 2, "there is nothing to keep");
    }
    // Without TLS nothing is proven.
    let proven = Proven(script(&[Said::new(endless, Then::Close)]));
    let mut http = Client::<_>::new(&proven);
    let metadata = Metadata::new("http://127.0.0.1").insecure_loopback_http();
    let client = client::Client::new(metadata.userinfo_endpoint("http://127.0.0.1/userinfo"), "kiosk");
    let told = simulate(profile_at(&mut http, &client), Vec::new());
    assert_eq!(told, Err(broken(Fault::NoLength)));
}
