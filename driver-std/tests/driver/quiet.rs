//! What must not be printed: not in logs, not in errors.

use std::{error::Error, fmt::Debug, sync::Mutex};

use keyfob_std::{
    http::{HttpError, HttpsClient},
    redirect::{Loopback, LoopbackHost},
    user_agent::{Desktop, UserAgent},
};
use log::{LevelFilter, Log, Metadata, Record};

use crate::{
    desktop::{self, browser},
    support::{
        child,
        exchange::{get, get_user_info, post, tokens},
        server::{Server, json},
        tls::{Authority, GOOD, serve},
    },
};

struct Memory(Mutex<String>);

static MEMORY: Memory = Memory(Mutex::new(String::new()));

impl Log for Memory {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let line = format!("{} {} {}\n", record.level(), record.target(), record.args());
        self.0.lock().expect("is whole").push_str(&line);
    }

    fn flush(&self) {}
}

/// All that an error says.
fn said(error: &HttpError) -> String {
    let mut text = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(" {error} {error:?}"));
        source = error.source();
    }
    text
}

fn is_clean(text: &str) {
    // Half a marker too: logs may break lines anywhere.
    for secret in ["marker", "bWFya2Vy", "ya2VyLW"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

fn note<T: Debug>(result: Result<T, HttpError>) {
    if let Err(error) = result {
        is_clean(&said(&error));
    }
}

// REQ: SECRET-08
#[test]
fn logs_and_errors_hold_no_secret() {
    if !child::is_child() {
        let (browser, _) = browser("quiet");
        let refusal = "HTTP/1.1 407 Proxy Authentication Required\r\nX-Marker: marker-header\r\n\r\n";
        let proxy = Server::once(refusal);
        let url = format!("http://marker-user:marker-password@127.0.0.1:{}", proxy.port);
        let variables = [("BROWSER", &*browser.to_string_lossy()), ("HTTPS_PROXY", &*url)];
        child::run("quiet::logs_and_errors_hold_no_secret", &variables);
        assert!(proxy.heard().starts_with("CONNECT "));
        return;
    }
    log::set_logger(&MEMORY).expect("is the only one");
    log::set_max_level(LevelFilter::Trace);
    let authority = Authority::new();
    let builder = HttpsClient::builder().root_certificates_pem(authority.pem().as_bytes()).expect("is one");
    let mut client = builder.build().expect("is allowed");
    let head = "HTTP/1.1 200 OK\r\nX-Marker: marker-header\r\nContent-Type: application/json\r\n";
    let redirect =
        "HTTP/1.1 302 Found\r\nLocation: https://as.example/?code=marker-code\r\nContent-Length: 0\r\n\r\n";
    for answer in [
        String::from_utf8(json(&tokens())).expect("is text"),
        format!("{head}Content-Length: 99\r\n\r\n{{\"access_token\":\"marker"),
        format!("{head}marker-bad-header\r\n\r\n"),
        format!("{head}Transfer-Encoding: chunked\r\n\r\nmarker\r\n"),
        redirect.to_owned(),
    ] {
        let plain = Server::answering(vec![vec![answer.clone().into_bytes()]; 3]);
        let secure = serve(authority.config("localhost", GOOD), answer.into_bytes());
        for origin in [plain.issuer(), format!("https://localhost:{}", secure.port)] {
            note(post(&mut client, &format!("{origin}/token?tenant=marker-query")));
            note(get_user_info(&mut client, &format!("{origin}/userinfo?tenant=marker-query")));
            note(get(&mut client, &origin));
        }
    }
    let wrong = serve(authority.config("elsewhere.test", GOOD), json("{}"));
    note(post(&mut client, &format!("https://localhost:{}/?tenant=marker-query", wrong.port)));
    note(post(&mut client, "http://127.0.0.1:1/?tenant=marker-query"));
    note(post(&mut client, "https://as.example/?tenant=marker-query"));
    is_clean(&format!("{client:?}"));

    let loopback = Loopback::bind(LoopbackHost::V4, 0, "/callback").expect("a port is free");
    let mut desktop = Desktop::new(loopback);
    desktop.open(desktop::URL).expect("there is a browser");
    is_clean(&format!("{desktop:?}"));
    assert_eq!(log::max_level(), LevelFilter::Trace);
    log::info!("the log works");
    let log = MEMORY.0.lock().expect("is whole");
    // The library's logs are there, those of its parts too: what they do not say, they never say.
    for source in ["the log works", "reqwest::", "hyper_util::", "rustls::"] {
        assert!(log.contains(source), "{source}");
    }
    is_clean(&log);
}
