//! One connection to the listener.

use std::{
    io::{ErrorKind, Read, Write},
    net::{IpAddr, Shutdown, TcpStream},
    time::{Duration, Instant},
};

use keyfob_core::portal::{self, Answer};
use zeroize::Zeroizing;

use crate::redirect::ROOM;

/// The time for taking an answer, and for reading what nobody wanted to hear. To close earlier would tear the
/// answer out of the browser's hands.
const ANSWER_TIME: Duration = Duration::from_secs(1);

/// A connection, with what came on it.
pub(super) struct Visitor {
    stream: TcpStream,
    octets: Zeroizing<Vec<u8>>,
    length: usize,
    answered: Option<Instant>,
    /// It waits for the last page.
    pub(super) is_held: bool,
    /// How far its request was read.
    pub(super) asks: portal::Visitor,
    /// Its place.
    pub(super) place: usize,
}

/// What came on a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Came {
    /// The other side has closed, or has had its time.
    End,
    Nothing,
    Something,
}

impl Visitor {
    /// `None` if the connection is lost already.
    pub(super) fn new(stream: TcpStream, peer: IpAddr, place: usize) -> Option<Self> {
        stream.set_nonblocking(true).ok()?;
        // All of a request fits, so that no copy of its secrets is left behind.
        let octets = Zeroizing::new(vec![0; ROOM]);
        let asks = portal::Visitor::new(peer);
        Some(Self { stream, octets, length: 0, answered: None, is_held: false, asks, place })
    }

    /// Takes what came since the last time; never waits.
    pub(super) fn listen(&mut self) -> Came {
        let asking = self.answered.is_none() && !self.is_held;
        if !asking {
            let over = self.answered.is_some_and(|since| since.elapsed() >= ANSWER_TIME);
            return if over || !self.is_there() { Came::End } else { Came::Nothing };
        }
        let before = self.length;
        loop {
            match self.stream.read(&mut self.octets[self.length..]) {
                Ok(0) if self.length == before => return Came::End,
                Ok(0) => return Came::Something,
                Ok(read) => self.length += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) if self.length > before => return Came::Something,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Came::Nothing,
                Err(_) => return Came::End,
            }
        }
    }

    /// What came, how far its request was read, and where its answer goes.
    pub(super) fn heard(&mut self) -> (&mut portal::Visitor, (&[u8], usize), &TcpStream) {
        (&mut self.asks, (&self.octets, self.length), &self.stream)
    }

    /// Sends an answer, the only one.
    pub(super) fn answer(&mut self, answer: &Answer<'_>) {
        deliver(&self.stream, answer.octets());
        self.answered();
    }

    /// Sends the browser on to another page.
    pub(super) fn send_on(&mut self, url: &str) {
        let answer = format!(
            "HTTP/1.1 303 See Other\r\nLocation: {url}\r\nCache-Control: no-store\r\n\
             Referrer-Policy: no-referrer\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        deliver(&self.stream, answer.as_bytes());
        self.answered();
    }

    /// The answer was sent.
    pub(super) fn answered(&mut self) {
        self.answered = Some(Instant::now());
        self.is_held = false;
    }

    /// Whether the other side has not closed. What it says now is not listened to.
    fn is_there(&self) -> bool {
        match (&self.stream).read(&mut [0; 512]) {
            Ok(read) => read > 0,
            Err(error) => matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock),
        }
    }
}

/// Sends an answer. A browser that does not take it is none of our concern.
pub(super) fn deliver(mut stream: &TcpStream, answer: &[u8]) {
    let mut send = || {
        stream.set_nonblocking(false)?;
        stream.set_write_timeout(Some(ANSWER_TIME))?;
        stream.write_all(answer)?;
        stream.shutdown(Shutdown::Write)?;
        stream.set_nonblocking(true)
    };
    // What fails here is seen by the next read.
    let _ = send();
}
