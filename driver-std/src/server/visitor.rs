//! One connection.

use std::{
    io::{ErrorKind, Read, Write},
    net::{IpAddr, Shutdown},
    time::{Duration, Instant},
};

use keyfob_core::portal;
use mio::net::TcpStream;
use zeroize::Zeroizing;

/// The time for taking an answer, and for reading what nobody wanted to hear. To close earlier would tear the
/// answer out of the browser's hands.
pub(super) const ANSWER_TIME: Duration = Duration::from_secs(1);

/// Times that a connection is read in one look at it: the others have their turn.
const READS: usize = 4;

/// Octets that are wiped.
pub(super) type Octets = Zeroizing<Vec<u8>>;

/// A connection, with what came on it.
pub(super) struct Visitor {
    pub(super) stream: TcpStream,
    /// What came so far, where it is a part of a request.
    pub(super) octets: Option<Octets>,
    pub(super) length: usize,
    answered: Option<Instant>,
    /// What of the answer was not taken yet.
    rest: Octets,
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
    /// Octets that nobody wants, and perhaps more of them.
    Noise,
    Nothing,
    /// Octets of a request.
    Something,
}

impl Visitor {
    pub(super) fn new(stream: TcpStream, peer: IpAddr, place: usize) -> Self {
        Self {
            stream,
            octets: None,
            length: 0,
            answered: None,
            rest: Zeroizing::default(),
            is_held: false,
            asks: portal::Visitor::new(peer),
            place,
        }
    }

    /// Takes what came since the last time, behind what `octets` has of it; never waits.
    ///
    /// All of a request fits there, so that no copy of its secrets is left behind.
    pub(super) fn listen(&mut self, octets: &mut Octets) -> Came {
        if let Some(since) = self.answered {
            let over = since.elapsed() >= ANSWER_TIME;
            return if over || !self.send_rest() { Came::End } else { self.ignore() };
        }
        if self.is_held {
            return self.ignore();
        }
        let before = self.length;
        loop {
            match self.stream.read(&mut octets[self.length..]) {
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

    /// Sends an answer, the only one.
    pub(super) fn answer(&mut self, octets: &[u8]) {
        (self.answered, self.is_held) = (Some(Instant::now()), false);
        let sent = send(&self.stream, octets);
        self.rest = Zeroizing::new(octets[sent..].to_vec());
        if self.rest.is_empty() {
            // What fails here is seen by the next read.
            let _ = self.stream.shutdown(Shutdown::Write);
        }
    }

    /// Whether it has said a part of a request, and may go on.
    pub(super) fn has_half(&self) -> bool {
        self.length > 0 && self.answered.is_none() && !self.is_held
    }

    /// Whether a part of its answer was not taken yet.
    pub(super) fn is_taking(&self) -> bool {
        !self.rest.is_empty()
    }

    /// Sends what is left of the answer. `false`: nobody takes it.
    fn send_rest(&mut self) -> bool {
        if self.rest.is_empty() {
            return true;
        }
        let sent = send(&self.stream, &self.rest);
        self.rest.drain(..sent);
        !self.rest.is_empty() || self.stream.shutdown(Shutdown::Write).is_ok()
    }

    /// Looks whether the other side has closed. What it says now is not listened to.
    fn ignore(&self) -> Came {
        match drain(&self.stream) {
            // It may say that it has no more to say, and still listen.
            Came::End if !self.rest.is_empty() => Came::Nothing,
            came => came,
        }
    }
}

/// Reads what nobody wants to hear: [`Came::Noise`] if there may be more.
pub(super) fn drain(mut stream: &TcpStream) -> Came {
    for _ in 0..READS {
        match stream.read(&mut [0; 1024]) {
            Ok(0) => return Came::End,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Came::Nothing,
            Err(_) => return Came::End,
        }
    }
    Came::Noise
}

/// Sends as much as is taken at once. What fails is seen by the next read.
pub(super) fn send(mut stream: &TcpStream, octets: &[u8]) -> usize {
    let mut sent = 0;
    while sent < octets.len() {
        match stream.write(&octets[sent..]) {
            Ok(0) => break,
            Ok(written) => sent += written,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    sent
}

#[cfg(test)]
mod tests {
    use keyfob_core::portal::Limits;

    use super::*;

    /// What the documentation of the portal promises.
    #[test]
    fn a_silent_connection_is_small() {
        assert!(size_of::<Option<Visitor>>() <= 192, "{}", size_of::<Option<Visitor>>());
        assert_eq!(Limits::PORTAL.request(), 10_272);
    }
}
