//! The server that a device signs in at.

use std::{
    io::Write,
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::support::{
    exchange::tokens,
    server::{Server, close, json, read_request},
};

/// The code that it gives.
pub const CODE: &str = "marker-code";

/// A server that asks for no password.
pub struct Provider {
    server: Server,
    /// The answer to the next token request, after a while.
    pub tokens: Arc<Mutex<(Vec<u8>, Duration)>>,
}

impl Provider {
    pub fn start() -> Self {
        let answer = Arc::new(Mutex::new((json(&tokens()), Duration::ZERO)));
        let next = Arc::clone(&answer);
        let server = Server::start(move |mut stream, _, heard| {
            let Some(request) = read_request(&mut stream) else { return };
            let answer = match request.split_once('?') {
                Some(("GET /authorize", rest)) => back(rest),
                _ if request.starts_with("POST /par") => {
                    let _ = heard.send(request);
                    json("{\"request_uri\":\"urn:example:1\",\"expires_in\":60}")
                }
                _ => {
                    let (answer, wait) = next.lock().expect("is whole").clone();
                    std::thread::sleep(wait);
                    let _ = heard.send(request);
                    answer
                }
            };
            let _ = stream.write_all(&answer);
            close(&stream);
        });
        Self { server, tokens: answer }
    }

    pub fn issuer(&self) -> String {
        self.server.issuer()
    }

    /// The next request of the device.
    pub fn heard(&self) -> String {
        self.server.heard()
    }

    /// Whether the device asks for nothing more.
    pub fn is_quiet(&self) -> bool {
        self.server.is_quiet()
    }
}

/// Sends the browser back with a code.
fn back(query: &str) -> Vec<u8> {
    let query = query.split(' ').next().unwrap_or_default();
    let (redirect_uri, state) = (parameter(query, "redirect_uri"), parameter(query, "state"));
    let location = format!("{redirect_uri}?code={CODE}&state={state}");
    format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n").into_bytes()
}

/// A parameter, decoded as far as addresses need it.
pub fn parameter(query: &str, name: &str) -> String {
    let value = query.split(['?', '&']).find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    value.unwrap_or_default().replace("%3A", ":").replace("%2F", "/").replace("%5B", "[").replace("%5D", "]")
}
