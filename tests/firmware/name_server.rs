//! A name server that knows one host (RFC 1035).

use std::{
    net::UdpSocket,
    sync::{Arc, Mutex},
    thread,
};

/// A name server on this machine, for boards; it serves as long as the process lives.
pub struct NameServer {
    asked: Arc<Mutex<Vec<String>>>,
}

impl NameServer {
    /// Where boards find it: QEMU's gateway leads to this machine.
    pub const ADDRESS: &str = "10.0.2.2";

    /// Starts it, on the port that all name servers have. `host` is behind the gateway, and there is no other.
    ///
    /// # Panics
    /// If the port cannot be had: below 1024 that needs a privilege.
    #[track_caller]
    pub fn start(host: &str) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:53")
            .unwrap_or_else(|why| panic!("127.0.0.1:53 cannot be had for a name server: {why}"));
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let (host, seen) = (host.to_owned(), asked.clone());
        thread::spawn(move || {
            let mut query = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut query) {
                if let Some((name, answer)) = answer(&query[..length], &host) {
                    seen.lock().expect("nobody panics with it").push(name);
                    let _ = socket.send_to(&answer, from);
                }
            }
        });
        Self { asked }
    }

    /// The names that were asked for.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("nobody panics with it").clone()
    }
}

/// The name of the first question, and the answer.
fn answer(query: &[u8], host: &str) -> Option<(String, Vec<u8>)> {
    let mut labels = Vec::new();
    let mut at = 12;
    while let length @ 1.. = usize::from(*query.get(at)?) {
        labels.push(String::from_utf8_lossy(query.get(at + 1..at + 1 + length)?).into_owned());
        at += 1 + length;
    }
    let question = query.get(12..at + 5)?;
    let name = labels.join(".");
    let is_a = question.ends_with(&[0, 1, 0, 1]);
    let (known, answers) = (name.eq_ignore_ascii_case(host), name.eq_ignore_ascii_case(host) && is_a);
    let mut message = query[..2].to_vec();
    // A response, recursion desired and available; no such name, if it is unknown.
    message.extend([0x81, if known { 0x80 } else { 0x83 }, 0, 1, 0, u8::from(answers), 0, 0, 0, 0]);
    message.extend(question);
    if answers {
        // The name in the question; A, IN, a minute, four octets.
        message.extend([0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 2, 2]);
    }
    Some((name, message))
}
