//! The sockets: who comes in, who has a place, and who may have said something.

use std::{
    collections::VecDeque,
    io::{self, ErrorKind},
    mem,
    net::{self, IpAddr},
    time::{Duration, Instant},
};

use keyfob_core::portal::{Admission, Slots};
use mio::{
    Events, Interest, Poll, Token,
    net::{TcpListener, TcpStream},
};

use super::visitor::{ANSWER_TIME, Came, Visitor, drain};

/// The longest wait: deadlines are looked at as often.
const PAUSE: Duration = Duration::from_millis(100);

/// Events that are taken at a time.
const EVENTS: usize = 64;

/// Connections that got no place and are kept until they have heard it.
const REFUSED: usize = 8;

/// What is no place: the listener, and who has none.
const NO_PLACE: Token = Token(usize::MAX - 1);

pub(super) struct Hall<const N: usize> {
    poll: Poll,
    events: Events,
    listener: TcpListener,
    pub(super) slots: Slots<N>,
    /// By their places.
    pub(super) visitors: Vec<Option<Visitor>>,
    refused: VecDeque<(TcpStream, Instant)>,
    /// Places whose visitors may have said something.
    ready: Vec<usize>,
    /// When all of them were looked at.
    swept: Instant,
}

/// What became of one who came.
pub(super) enum Entry {
    In,
    /// There is no place.
    Out(TcpStream, IpAddr),
}

impl<const N: usize> Hall<N> {
    pub(super) fn new(listener: net::TcpListener, slots: Slots<N>) -> io::Result<Self> {
        let poll = Poll::new()?;
        let listener = register(&poll, listener)?;
        Ok(Self {
            poll,
            events: Events::with_capacity(EVENTS),
            listener,
            slots,
            visitors: (0..N).map(|_| None).collect(),
            refused: VecDeque::with_capacity(REFUSED),
            ready: Vec::new(),
            swept: Instant::now(),
        })
    }

    /// Listens there, and no longer where it did; nobody is in.
    pub(super) fn listen(&mut self, listener: net::TcpListener) -> io::Result<()> {
        let mut before = mem::replace(&mut self.listener, register(&self.poll, listener)?);
        let _ = self.poll.registry().deregister(&mut before);
        (0..N).for_each(|place| self.close(place));
        Ok(())
    }

    /// Lets one in, if there is one and a place, or one that can be taken from somebody.
    pub(super) fn enter(&mut self, uptime: u64) -> io::Result<Option<Entry>> {
        if !self.slots.has_place(uptime) {
            return Ok(None);
        }
        let (mut stream, peer) = match self.listener.accept() {
            Ok(accepted) => accepted,
            Err(error) if is_passing(error.kind()) => return Ok(None),
            Err(error) => return Err(error),
        };
        let peer = peer.ip();
        let place = match self.slots.admit(peer, uptime) {
            // The oldest has had its time, and who comes now may be the right one.
            Admission::Free(place) | Admission::Replace(place) => place,
            Admission::Later | Admission::Refuse => return Ok(Some(Entry::Out(stream, peer))),
        };
        if let Some(before) = self.visitors[place].take() {
            self.part(before.stream);
        }
        match self.poll.registry().register(&mut stream, Token(place), Interest::READABLE) {
            Ok(()) => {
                self.visitors[place] = Some(Visitor::new(stream, peer, place));
                self.ready.push(place);
            }
            Err(_) => self.slots.free(place),
        }
        Ok(Some(Entry::In))
    }

    /// Keeps one who got no place for as long as it takes to hear that.
    pub(super) fn see_off(&mut self, mut stream: TcpStream) {
        if self.refused.len() >= REFUSED
            && let Some((oldest, _)) = self.refused.pop_front()
        {
            self.part(oldest);
        }
        if self.poll.registry().register(&mut stream, NO_PLACE, Interest::READABLE).is_ok() {
            self.refused.push_back((stream, Instant::now()));
        }
    }

    /// The places to be looked at, each of them once. All of them are from time to time, for their deadlines.
    pub(super) fn ready(&mut self) -> Vec<usize> {
        let mut ready = mem::take(&mut self.ready);
        if self.swept.elapsed() >= PAUSE {
            self.swept = Instant::now();
            for _ in 0..self.refused.len() {
                let Some((stream, since)) = self.refused.pop_front() else { break };
                if since.elapsed() >= ANSWER_TIME || drain(&stream) == Came::End {
                    self.part(stream);
                } else {
                    self.refused.push_back((stream, since));
                }
            }
            ready = (0..N).filter(|&place| self.visitors[place].is_some()).collect();
        }
        ready
    }

    /// This place is looked at again.
    pub(super) fn again(&mut self, place: usize) {
        self.ready.push(place);
    }

    /// Takes one that was away to its place.
    pub(super) fn seat(&mut self, visitor: Visitor) {
        let place = visitor.place;
        self.visitors[place] = Some(visitor);
        self.again(place);
    }

    /// Closes the connection of this place.
    pub(super) fn close(&mut self, place: usize) {
        if let Some(visitor) = self.visitors[place].take() {
            self.dismiss(visitor);
        }
    }

    /// Closes the connection of one that was away.
    pub(super) fn dismiss(&mut self, visitor: Visitor) {
        self.slots.free(visitor.place);
        self.part(visitor.stream);
    }

    /// Waits until somebody says something or comes, for at most so long.
    pub(super) fn wait(&mut self, longest: Duration, uptime: u64) -> io::Result<()> {
        let mut pause = longest.min(PAUSE);
        // Somebody may be waiting for a place.
        if let Some(milliseconds @ 1..) = self.slots.wait(uptime) {
            pause = pause.min(Duration::from_millis(milliseconds));
        }
        match self.poll.poll(&mut self.events, Some(pause)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        let places = self.events.iter().map(|event| event.token().0).filter(|&place| place < N);
        self.ready.extend(places);
        Ok(())
    }

    fn part(&self, mut stream: TcpStream) {
        let _ = self.poll.registry().deregister(&mut stream);
    }
}

fn register(poll: &Poll, listener: net::TcpListener) -> io::Result<TcpListener> {
    listener.set_nonblocking(true)?;
    let mut listener = TcpListener::from_std(listener);
    poll.registry().register(&mut listener, NO_PLACE, Interest::READABLE)?;
    Ok(listener)
}

/// Whether it is of a visitor that left before it came in, or of the network: the next one may come.
fn is_passing(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::WouldBlock
            | ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::HostUnreachable
            | ErrorKind::Interrupted
            | ErrorKind::NetworkDown
            | ErrorKind::NetworkUnreachable
            | ErrorKind::TimedOut
    )
}
