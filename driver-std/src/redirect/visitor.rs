//! One connection to the listener.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    time::{Duration, Instant},
};

use zeroize::Zeroizing;

use crate::redirect::request::{self, Ask, MAX_REQUEST, Site, Status};

/// The time for a whole request.
const REQUEST_TIME: Duration = Duration::from_secs(5);

/// The time for taking an answer, and for reading what nobody wanted to hear. To close earlier would tear the
/// answer out of the browser's hands.
const ANSWER_TIME: Duration = Duration::from_secs(1);

/// A connection, with what came on it.
pub(super) struct Visitor {
    stream: TcpStream,
    octets: Zeroizing<Vec<u8>>,
    length: usize,
    since: Instant,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    Answered,
    Asking,
    Held,
}

/// What a visitor says.
pub(super) enum Heard<'v> {
    Asked(Ask<'v>),
    Gone,
    Nothing,
    Refused(Status),
}

impl Visitor {
    /// `None` if the connection is lost already.
    pub(super) fn new(stream: TcpStream) -> Option<Self> {
        stream.set_nonblocking(true).ok()?;
        // All of a request fits, so that no copy of its secrets is left behind.
        let octets = Zeroizing::new(vec![0; MAX_REQUEST]);
        Some(Self { stream, octets, length: 0, since: Instant::now(), stage: Stage::Asking })
    }

    pub(super) fn age(&self) -> Duration {
        self.since.elapsed()
    }

    /// Whether it waits for the last page.
    pub(super) fn is_held(&self) -> bool {
        self.stage == Stage::Held
    }

    pub(super) fn hold(&mut self) {
        self.stage = Stage::Held;
    }

    /// Takes what came since the last time; never waits.
    pub(super) fn listen(&mut self, site: &Site) -> Heard<'_> {
        match self.stage {
            Stage::Held => return if self.is_there() { Heard::Nothing } else { Heard::Gone },
            Stage::Answered if self.age() < ANSWER_TIME && self.is_there() => return Heard::Nothing,
            Stage::Answered => return Heard::Gone,
            Stage::Asking => {}
        }
        let over = loop {
            match self.stream.read(&mut self.octets[self.length..]) {
                // The end, or no room.
                Ok(0) => break self.length < MAX_REQUEST,
                Ok(read) => self.length += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => break error.kind() != ErrorKind::WouldBlock,
            }
        };
        match request::read(&self.octets[..self.length], site) {
            Ok(Some(ask)) => Heard::Asked(ask),
            Ok(None) if over => Heard::Gone,
            Ok(None) if self.since.elapsed() < REQUEST_TIME => Heard::Nothing,
            Ok(None) if self.length == 0 => Heard::Gone,
            Ok(None) => Heard::Refused(Status::RequestTimeout),
            Err(status) => Heard::Refused(status),
        }
    }

    /// Sends an answer, the only one. A browser that does not take it is none of our concern.
    pub(super) fn answer(&mut self, answer: &[u8]) {
        let send = || {
            let mut stream = &self.stream;
            stream.set_nonblocking(false)?;
            stream.set_write_timeout(Some(ANSWER_TIME))?;
            stream.write_all(answer)?;
            stream.shutdown(Shutdown::Write)?;
            stream.set_nonblocking(true)
        };
        // What fails here is seen by the next read.
        let _ = send();
        self.stage = Stage::Answered;
        self.since = Instant::now();
    }

    /// Whether the other side has not closed. What it says now is not listened to.
    fn is_there(&self) -> bool {
        match (&self.stream).read(&mut [0; 512]) {
            Ok(read) => read > 0,
            Err(error) => matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock),
        }
    }
}
