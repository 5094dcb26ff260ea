//! A server that answers what the test wrote down.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use serde_json::{Value, json};

/// Answers of a server: the path, the status, the media type and the body.
pub type Answers = Vec<(&'static str, u16, &'static str, String)>;

/// A server on loopback; it stops when it is dropped.
pub struct Scripted {
    pub url: String,
    stop: Arc<AtomicBool>,
}

impl Scripted {
    /// Starts a server whose metadata are right, but for `changes`; it gives `answers` to everything else.
    pub fn start(changes: Value, answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let url = format!("http://{address}");
        let mut metadata = json!({
            "issuer": url,
            "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}/token"),
            "jwks_uri": format!("{url}/jwks"),
            "response_types_supported": ["code"],
        });
        for (name, value) in changes.as_object().expect("an object") {
            // A path is one of this server.
            let path = value.as_str().filter(|text| text.starts_with('/'));
            metadata[name] = path.map_or_else(|| value.clone(), |path| format!("{url}{path}").into());
        }
        let mut answers = answers;
        answers.push((METADATA, 200, JSON, metadata.to_string()));
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                let _ = stream.and_then(|stream| answer(stream, &answers));
            }
        });
        Self { url, stop }
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.url.trim_start_matches("http://"));
    }
}

fn answer(mut stream: TcpStream, answers: &Answers) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut request, mut length) = (String::new(), 0u64);
    reader.read_line(&mut request)?;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or_default();
        }
    }
    reader.take(length).read_to_end(&mut Vec::new())?;
    let path = request.split(' ').nth(1).unwrap_or_default();
    let found = answers.iter().find(|(known, ..)| *known == path);
    let (status, media, body) =
        found.map_or((404, "text/plain", ""), |(_, status, media, body)| (*status, *media, body));
    write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Type: {media}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len(),
    )
}

/// The redirect that a user's consent would lead to.
pub fn redirect_from(url: &str, parameters: &str) -> String {
    let value = |name: &str| {
        let (_, rest) = url.split_once(&format!("{name}=")).expect(name);
        rest.split('&').next().expect("a value").replace("%3A", ":").replace("%2F", "/")
    };
    format!("{}?state={}&{parameters}", value("redirect_uri"), value("&state"))
}

pub const JSON: &str = "application/json";
const METADATA: &str = "/.well-known/openid-configuration";
