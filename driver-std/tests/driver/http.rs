//! HTTP/1.1 without TLS, to this machine.

use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
    time::{Duration, Instant},
};

use keyfob_core::error::{Check, Error, Name};
use keyfob_std::http::{Http, HttpErrorKind, HttpsClient};

use crate::support::{
    exchange::{
        ACCESS_TOKEN, CLIENT_SECRET, REFRESH_TOKEN, document, get, get_limited, get_user_info, post, tokens,
    },
    server::{Server, close, json, read_request},
};

fn client() -> HttpsClient {
    HttpsClient::new().expect("the platform has roots")
}

fn impatient() -> HttpsClient {
    HttpsClient::builder().timeout(Duration::from_millis(300)).build().expect("the platform has roots")
}

/// An answer with `head`, and the document of a server at `port`.
fn server_with(answer: impl Fn(&str) -> Vec<u8> + Send + 'static) -> Server {
    Server::start(move |mut stream, _, heard| {
        if let Some(request) = read_request(&mut stream) {
            let host = request.lines().find_map(|line| line.strip_prefix("Host: ")).unwrap_or_default();
            let _ = stream.write_all(&answer(&document(&format!("http://{host}"))));
            let _ = heard.send(request);
            close(&stream);
        }
    })
}

/// A request's first line, its headers in the order of the alphabet, and its body.
fn parts(request: &str) -> (&str, Vec<&str>, &str) {
    let (head, body) = request.split_once("\r\n\r\n").expect("the head has an end");
    let (line, headers) = head.split_once("\r\n").expect("there are headers");
    let mut headers: Vec<_> = headers.split("\r\n").collect();
    headers.sort_unstable();
    (line, headers, body)
}

// REQ: HTTP-02, HTTP-15, HTTP-16, HTTP-25
#[test]
fn a_post_is_sent_as_it_is_described() {
    let server = Server::once(json(&tokens()));
    let url = format!("{}/token?tenant=1", server.issuer());
    assert_eq!(post(&mut client(), &url).expect("answers").outcome.as_deref(), Ok(ACCESS_TOKEN));
    let body = format!("grant_type=refresh_token&refresh_token={REFRESH_TOKEN}");
    let expected = format!(
        "POST /token?tenant=1 HTTP/1.1\r\n\
         Host: 127.0.0.1:{}\r\n\
         Accept: application/json\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\
         Authorization: Basic Y2xpZW50Om1hcmtlci1jbGllbnQtc2VjcmV0\r\n\
         Content-Length: {}\r\n\
         \r\n\
         {body}",
        server.port,
        body.len()
    );
    assert_eq!(parts(&server.heard()), parts(&expected));
    assert!(!expected.contains(CLIENT_SECRET));
}

// REQ: HTTP-03, HTTP-15, HTTP-16, HTTP-22, HTTP-25
#[test]
fn a_get_is_sent_as_it_is_described() {
    let server = Server::answering(vec![vec![json("{}")], vec![json("{}")]]);
    let accept = "Accept: application/json\r\n";
    let host = format!("Host: 127.0.0.1:{}\r\n", server.port);
    get(&mut client(), &server.issuer()).expect("answers");
    let path = "/.well-known/openid-configuration";
    assert_eq!(parts(&server.heard()), parts(&format!("GET {path} HTTP/1.1\r\n{host}{accept}\r\n")));
    let named = HttpsClient::builder().user_agent("Kiosk/1").build();
    get_user_info(&mut named.expect("is allowed"), &server.issuer()).expect("answers");
    let authorization = format!("Authorization: Bearer {ACCESS_TOKEN}\r\n");
    let expected = format!("GET / HTTP/1.1\r\n{host}{accept}{authorization}User-Agent: Kiosk/1\r\n\r\n");
    assert_eq!(parts(&server.heard()), parts(&expected));
}

#[test]
fn a_user_agent_is_one_header() {
    let error = HttpsClient::builder().user_agent("a\r\nX: y").build().expect_err("is refused");
    assert_eq!((error.kind(), error.maybe_sent()), (HttpErrorKind::Protocol, false));
}

// REQ: HTTP-06
#[test]
fn redirects_are_not_followed() {
    let elsewhere = Server::once(json("{}"));
    for status in [301, 302, 303, 307, 308] {
        let answer = format!(
            "HTTP/1.1 {status} Moved\r\nLocation: {}/\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}",
            elsewhere.issuer()
        );
        let server = Server::answering(vec![vec![answer.clone().into_bytes()], vec![answer.into_bytes()]]);
        let seen = get(&mut client(), &server.issuer()).expect("answers");
        assert_eq!((seen.status, seen.outcome), (status, Err(Check::HttpRedirect.into())));
        let seen = post(&mut client(), &server.issuer()).expect("answers");
        assert_eq!((seen.status, seen.outcome), (status, Err(Check::HttpRedirect.into())));
    }
    assert!(elsewhere.is_quiet());
}

#[test]
fn statuses_are_answers() {
    for status in [204, 304, 400, 401, 404, 429, 500, 503] {
        let server =
            Server::once(format!("HTTP/1.1 {status} So\r\nContent-Length: 0\r\nRetry-After: 7\r\n\r\n"));
        assert_eq!(get(&mut client(), &server.issuer()).expect("answers").status, status);
    }
}

// REQ: DRV-08
#[test]
fn bodies_are_read_in_every_framing() {
    let head = "HTTP/1.1 200 OK\r\nContent-type: application/json\r\n";
    let framings: [fn(&str) -> String; 7] = [
        |body| format!("Content-Length: {}\r\n\r\n{body}", body.len()),
        |body| format!("content-length:{}\r\nContent-Length: {0}\r\n\r\n{body}", body.len()),
        |body| format!("\r\n{body}"),
        |body| format!("Transfer-Encoding: Chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len()),
        |body| {
            let (one, two) = body.split_at(9);
            let trailer = "0;last\r\nTrailer: a\r\nAnother: b\r\n\r\n";
            format!(
                "Transfer-Encoding: chunked\r\n\r\n9;a=b\r\n{one}\r\n{:X}\r\n{two}\r\n{trailer}",
                two.len()
            )
        },
        |body| {
            let chunks: String = body.chars().map(|octet| format!("1\r\n{octet}\r\n")).collect();
            format!("Transfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n")
        },
        |body| {
            format!(
                "Content-Length: {}\r\nConnection: close\r\n\r\n{body}and what is not asked for",
                body.len()
            )
        },
    ];
    for framing in framings {
        let server = server_with(move |body| format!("{head}{}", framing(body)).into_bytes());
        let seen = get(&mut client(), &server.issuer()).expect("answers");
        assert_eq!(seen.outcome, Ok(server.issuer()));
    }
}

// REQ: DRV-08
#[test]
fn bodies_come_in_any_pieces() {
    let server = Server::start(|mut stream, _, _| {
        if let Some(request) = read_request(&mut stream) {
            let host = request.lines().find_map(|line| line.strip_prefix("Host: ")).unwrap_or_default();
            let body = document(&format!("http://{host}"));
            let head =
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
            stream.set_nodelay(true).expect("is set");
            for octet in format!("{head}{:x}\r\n{body}\r\n0\r\n\r\n", body.len()).bytes() {
                let _ = stream.write_all(&[octet]);
            }
        }
    });
    assert_eq!(get(&mut client(), &server.issuer()).expect("answers").outcome, Ok(server.issuer()));
}

// REQ: DRV-08
#[test]
fn interim_answers_are_skipped() {
    let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Type: text/html\r\n\r\n";
    let server = server_with(move |body| [interim.as_bytes(), &json(body)].concat());
    assert_eq!(get(&mut client(), &server.issuer()).expect("answers").outcome, Ok(server.issuer()));
    let endless = Server::once("HTTP/1.1 102 Processing\r\n\r\n".repeat(20));
    let error = get(&mut client(), &endless.issuer()).expect_err("has no end");
    assert_eq!((error.kind(), error.maybe_sent()), (HttpErrorKind::Protocol, true));
}

// REQ: DRV-08, DRV-09
#[test]
fn what_is_no_answer_is_a_failure() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    let long = "a".repeat(2_000_000);
    for answer in [
        String::new(),
        "HTTP/1.1 200".to_owned(),
        "SSH-2.0-OpenSSH\r\n\r\n".to_owned(),
        "HTTP/2 200 OK\r\n\r\n".to_owned(),
        "HTTP/1.1 099 So\r\n\r\n".to_owned(),
        "HTTP/1.1 101 Switching Protocols\r\n\r\n".to_owned(),
        "HTTP/1.1 600 So\r\n\r\n".to_owned(),
        format!("{head}A: {long}\r\n\r\n{{}}"),
        format!("{head}{}\r\n{{}}", "A: b\r\n".repeat(200)),
        format!("{head}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}} "),
        format!("{head}Content-Length: -2\r\n\r\n{{}}"),
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
    ] {
        let server = Server::once(&answer);
        let error = get(&mut client(), &server.issuer()).expect_err(&answer[..answer.len().min(99)]);
        assert_eq!((error.kind(), error.maybe_sent()), (HttpErrorKind::Protocol, true), "{error:?}");
    }
}

// REQ: HTTP-14
#[test]
fn a_body_that_is_cut_is_a_failure() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    for body in [
        "Content-Length: 3\r\n\r\n{}",
        "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
        "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n",
        "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nA: b\r\n",
        "Transfer-Encoding: chunked\r\n\r\n3\r\n{}",
        "Transfer-Encoding: chunked\r\n\r\n2\r\n{} \r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nx\r\n{}\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n10000000000000002\r\n{}\r\n0\r\n\r\n",
    ] {
        let server = Server::once(format!("{head}{body}"));
        let error = get(&mut client(), &server.issuer()).expect_err(body);
        assert_eq!((error.kind(), error.maybe_sent()), (HttpErrorKind::Protocol, true), "{body}");
    }
}

// REQ: HTTP-13
#[test]
fn an_endless_body_is_read_to_the_limit() {
    let server = Server::start(|mut stream, _, heard| {
        read_request(&mut stream);
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
        let _ = stream.write_all(head.as_bytes());
        let mut sent = 0_u64;
        while stream.write_all(format!("400\r\n{}\r\n", " ".repeat(0x400)).as_bytes()).is_ok() {
            sent += 0x400;
        }
        let _ = heard.send(sent.to_string());
    });
    let seen = get_limited(&mut client(), &server.issuer(), 64 * 1024).expect("answers");
    assert_eq!(seen.outcome, Err(Error::InputTooLarge(Name::Body)));
    let sent: u64 = server.heard().parse().expect("is a number");
    // The rest lay in the buffers of the system.
    assert!(sent < 32 * 1024 * 1024, "{sent}");
}

#[test]
fn what_nobody_reads_is_not_fetched() {
    let server = Server::start(|mut stream, _, heard| {
        read_request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>");
        let _ = heard.send(format!("{:?}", stream.read(&mut [0])));
    });
    let seen = get(&mut client(), &server.issuer()).expect("answers");
    assert_eq!(seen.outcome, Err(Check::ContentType.into()));
    assert_eq!(server.heard(), "Ok(0)");
}

// REQ: HTTP-24
#[test]
fn waiting_has_an_end() {
    let silent = Server::start(|mut stream, _, _| {
        read_request(&mut stream);
        thread::sleep(Duration::from_secs(2));
    });
    let dribbling = Server::start(|mut stream, _, _| {
        read_request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n");
        // Each octet comes in time; all of them do not.
        while stream.write_all(b" ").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    for server in [silent, dribbling] {
        let start = Instant::now();
        let error = get(&mut impatient(), &server.issuer()).expect_err("there is no answer");
        assert_eq!((error.kind(), error.maybe_sent()), (HttpErrorKind::Timeout, true));
        let waited = start.elapsed();
        assert!((250..1500).contains(&waited.as_millis()), "{waited:?}");
    }
}

// REQ: DRV-09
#[test]
fn a_server_that_is_not_there_got_nothing() {
    let port =
        TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port is free").port();
    for host in ["127.0.0.1", "localhost"] {
        let error = post(&mut client(), &format!("http://{host}:{port}/")).expect_err("nobody is there");
        assert_eq!((error.kind(), error.maybe_sent()), (HttpErrorKind::Connect, false));
    }
}

// REQ: DRV-09
#[test]
fn a_name_that_is_not_known_got_nothing() {
    let error = get(&mut client(), "https://as.invalid").expect_err("is not known");
    assert_eq!((error.kind(), error.maybe_sent()), (HttpErrorKind::Resolve, false));
}

// REQ: HTTP-17, DRV-09
#[test]
fn a_request_that_was_cut_is_not_repeated() {
    for answer in [
        "",
        "HTTP/1.1 200",
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
    ] {
        let server = Server::answering(vec![vec![answer.as_bytes().to_vec()]; 3]);
        let error = post(&mut client(), &server.issuer()).expect_err("is cut");
        assert_eq!((error.kind(), error.maybe_sent()), (HttpErrorKind::Protocol, true));
        assert!(server.heard().contains(REFRESH_TOKEN));
        assert!(server.is_quiet());
    }
}

/// Reports the number of the connection with each request, and keeps connections open.
fn counting(linger: Duration) -> Server {
    Server::start(move |mut stream, number, heard| {
        let heard = heard.clone();
        thread::spawn(move || {
            while let Some(request) = read_request(&mut stream) {
                let method = request.split(' ').next().unwrap_or_default();
                let _ = heard.send(format!("{number} {method}"));
                let _ = stream.write_all(&json("{}"));
                if !linger.is_zero() {
                    thread::sleep(linger);
                    return;
                }
            }
        });
    })
}

// REQ: HTTP-17
#[test]
fn a_post_never_meets_a_used_connection() {
    let server = counting(Duration::ZERO);
    let issuer = server.issuer();
    let mut client = client();
    for _ in 0..2 {
        get(&mut client, &issuer).expect("answers");
    }
    for _ in 0..2 {
        post(&mut client, &issuer).expect("answers");
    }
    get(&mut client, &issuer).expect("answers");
    let heard: Vec<_> = (0..5).map(|_| server.heard()).collect();
    assert_eq!(heard, ["0 GET", "0 GET", "1 POST", "2 POST", "0 GET"]);
}

#[test]
fn a_closed_connection_is_not_used_again() {
    let server = counting(Duration::from_millis(1));
    let mut client = client();
    for number in 0..2 {
        get(&mut client, &server.issuer()).expect("answers");
        assert_eq!(server.heard(), format!("{number} GET"));
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn connections_are_of_one_server() {
    let servers = [counting(Duration::ZERO), counting(Duration::ZERO)];
    let mut client = client();
    for server in servers.iter().cycle().take(4) {
        get(&mut client, &server.issuer()).expect("answers");
    }
    for server in servers {
        assert_eq!([server.heard(), server.heard()], ["0 GET", "0 GET"]);
    }
}

#[test]
fn nothing_is_received_unasked() {
    let mut buffer = [0; 64];
    let server = Server::once(json("{}"));
    let mut client = client();
    let discovery = keyfob_core::exchange::Discovery::new("https://as.example").expect("is allowed");
    let mut memory = [0; 256];
    let keep =
        keyfob_core::exchange::Exchange::request(&discovery, keyfob_core::time::Now::unknown(0), &mut memory)
            .expect("fits")
            .keep();
    let mut incoming = keyfob_core::http::Incoming::new(keep, &mut buffer);
    assert_eq!(client.receive(&mut incoming).expect_err("is not asked").kind(), HttpErrorKind::Protocol);
    assert!(server.is_quiet());
}
