//! A server of TCP connections, and what it heard.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::mpsc::{self, Receiver, Sender},
    thread,
    time::Duration,
};

/// The longest wait for anything in a test.
pub const LONG: Duration = Duration::from_secs(10);

/// A server that treats each connection as it is told to.
pub struct Server {
    pub port: u16,
    heard: Receiver<String>,
}

impl Server {
    /// Calls `treat` with each connection and its number, and where to report what was heard.
    pub fn start(mut treat: impl FnMut(TcpStream, usize, &Sender<String>) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("is bound").port();
        let (sender, heard) = mpsc::channel();
        thread::spawn(move || {
            for (number, stream) in listener.incoming().map_while(Result::ok).enumerate() {
                let _ = stream.set_read_timeout(Some(LONG));
                treat(stream, number, &sender);
            }
        });
        Self { port, heard }
    }

    /// Answers the requests of each connection with the next of `answers`, and closes after the last one.
    pub fn answering(answers: Vec<Vec<Vec<u8>>>) -> Self {
        let mut answers = answers.into_iter();
        Self::start(move |mut stream, _, heard| {
            for answer in answers.next().unwrap_or_default() {
                let Some(request) = read_request(&mut stream) else { return };
                let _ = heard.send(request);
                let _ = stream.write_all(&answer);
            }
            close(&stream);
        })
    }

    /// Answers one request.
    pub fn once(answer: impl AsRef<[u8]>) -> Self {
        Self::answering(vec![vec![answer.as_ref().to_vec()]])
    }

    /// The next thing that was heard.
    pub fn heard(&self) -> String {
        self.heard.recv_timeout(LONG).expect("something is heard")
    }

    /// Whether nothing more is heard for a while.
    pub fn is_quiet(&self) -> bool {
        self.heard.recv_timeout(Duration::from_millis(200)).is_err()
    }

    /// This server as an issuer that may have no TLS.
    pub fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// A request with its body; `None` if it does not come whole.
pub fn read_request(stream: &mut impl Read) -> Option<String> {
    let mut octets = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&octets);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
            let length = length.map_or(0, |length| length.parse().expect("is a number"));
            if body.len() >= length {
                return Some(text.into_owned());
            }
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return None,
            Ok(read) => octets.extend_from_slice(&piece[..read]),
        }
    }
}

/// Closes so that what was written arrives, whatever was not read.
pub fn close(mut stream: &TcpStream) {
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.read_to_end(&mut Vec::new());
}

/// An answer with JSON.
pub fn json(body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
