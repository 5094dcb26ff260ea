//! HTTP/1.1 as octets: the server's side of a connection, and streams in memory for the chip's client.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future,
    rc::Rc,
};

use embassy_time::Timer;
use embedded_io_async::{ErrorKind, ErrorType, Read, Write};
use keyfob_core::http::{Incoming, Request};
use keyfob_embassy::{
    connect::{Connect, Origin},
    http::{Client, Http, HttpError},
};

use crate::{
    answer::Answer,
    link::{Broken, Link, received},
    server::Received,
};

/// A server, as its connections know it.
pub trait Site {
    /// What comes of a request.
    fn answer(&mut self, request: Received) -> Said;

    /// Whether it closes connections that are idle, and takes no new ones.
    fn is_away(&self) -> bool {
        false
    }

    /// A connection was refused.
    fn refused(&mut self) {}
}

/// What a server says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Said {
    /// The octets.
    pub octets: Vec<u8>,
    /// Milliseconds before each of them.
    pub drip: u64,
    /// What it does then.
    pub then: Then,
}

/// What a server does after its answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Then {
    /// It closes the connection.
    Close,
    /// It says this for ever.
    Endless(&'static str),
    /// It says nothing more.
    Hang,
    /// It waits for the next request.
    Keep,
    /// The connection is reset.
    Reset,
}

impl Said {
    /// These octets, and then that.
    pub fn new(octets: impl Into<Vec<u8>>, then: Then) -> Self {
        Self { octets: octets.into(), drip: 0, then }
    }

    /// The same, octet for octet, with so many milliseconds before each.
    #[must_use]
    pub fn drip(self, milliseconds: u64) -> Self {
        Self { drip: milliseconds, ..self }
    }
}

/// How an answer says where it ends.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Framing {
    /// In chunks of so many octets, with extensions and a trailer.
    Chunked(usize),
    /// By its length, and the connection is closed.
    Close,
    /// After an interim answer, and by its length.
    Interim,
    /// By its length.
    #[default]
    Length,
}

impl Framing {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Length, Self::Close, Self::Interim, Self::Chunked(1), Self::Chunked(1000)];

    /// The answer as octets. `cut`: more was to come.
    pub fn octets(self, answer: &Answer, cut: bool) -> Vec<u8> {
        let mut out = Vec::new();
        if self == Self::Interim {
            out.extend(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\nHTTP/1.1 100\r\n\r\n");
        }
        out.extend(format!("HTTP/1.1 {} It Is So\r\n", answer.status).into_bytes());
        for (name, value) in &answer.headers {
            out.extend(format!("{name}: {value}\r\n").into_bytes());
        }
        if self == Self::Close {
            out.extend(b"connection: Upgrade, CLOSE\r\n");
        }
        match self {
            Self::Chunked(size) => {
                out.extend(b"Transfer-Encoding: chunked\r\n\r\n");
                for (place, chunk) in answer.body.chunks(size).enumerate() {
                    let extension = if place < 100 { " ;name=\"va;lue\"" } else { "" };
                    out.extend(format!("{:x}{extension}\r\n", chunk.len()).into_bytes());
                    out.extend(chunk);
                    out.extend(b"\r\n");
                }
                if !cut {
                    out.extend(b"000\r\nExpires: never\r\nContent-Length: 7\r\n\r\n");
                }
            }
            _ => {
                let length = answer.body.len() + usize::from(cut);
                out.extend(format!("Content-Length:{length}\r\n\r\n").into_bytes());
                out.extend(&answer.body);
            }
        }
        out
    }
}

/// The server's side of a connection.
#[derive(Debug, Default)]
pub struct Ear(Vec<u8>);

impl Ear {
    /// Octets of a request; the request, once it is whole.
    ///
    /// # Panics
    /// If it is not written as a request is.
    pub fn hear(&mut self, octets: &[u8]) -> Option<Received> {
        self.0.extend(octets);
        let end = self.0.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&self.0[..end]).expect("a head is ASCII").to_owned();
        let mut lines = head.split("\r\n");
        let line: Vec<_> = lines.next().expect("a first line").split(' ').collect();
        let [method, path, "HTTP/1.1"] = line[..] else { panic!("{line:?}") };
        let mut headers: Vec<(String, String)> = lines
            .map(|line| line.split_once(": ").expect("a header"))
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        assert_eq!(headers[0].0, "Host");
        let host = headers.remove(0).1;
        let length = headers.iter().position(|header| header.0 == "Content-Length");
        let length: Option<usize> = length.map(|place| headers.remove(place).1.parse().expect("a number"));
        assert_eq!(length.is_some(), method == "POST", "a GET has no body");
        let body = self.0.get(end + 4..end + 4 + length.unwrap_or(0))?.to_vec();
        assert_eq!(self.0.len(), end + 4 + body.len(), "one request at a time");
        self.0.clear();
        Some(Received {
            method: method.into(),
            url: format!("https://{host}{path}"),
            headers,
            body: String::from_utf8(body).expect("forms are ASCII"),
        })
    }
}

/// What a way has seen.
#[derive(Debug, Default)]
pub struct Traffic {
    /// Connections that were opened.
    pub connections: Cell<usize>,
    /// Requests that came whole.
    pub requests: Cell<usize>,
    /// The requests, octet for octet.
    pub heads: RefCell<Vec<String>>,
    /// Octets of answers that were read.
    pub read: Cell<usize>,
}

/// A way to a server, in memory. Clones lead to the same.
#[derive(Debug)]
pub struct Wire<S> {
    /// The server.
    pub site: Rc<RefCell<S>>,
    /// Octets that can be read at a time.
    pub piece: usize,
    /// What has gone this way.
    pub traffic: Rc<Traffic>,
    /// The network that there is.
    pub network: Rc<Cell<u32>>,
}

impl<S> Wire<S> {
    /// A way to this server.
    pub fn new(site: S) -> Self {
        Self {
            site: Rc::new(RefCell::new(site)),
            piece: usize::MAX,
            traffic: Rc::default(),
            network: Rc::default(),
        }
    }
}

impl<S: Site> Connect for Wire<S> {
    type Error = ErrorKind;
    type Stream<'s>
        = WireStream<S>
    where
        Self: 's;

    async fn connect<'s>(&'s self, _origin: Origin<'_>) -> Result<Self::Stream<'s>, Self::Error> {
        let mut site = self.site.borrow_mut();
        if site.is_away() {
            site.refused();
            return Err(ErrorKind::ConnectionRefused);
        }
        self.traffic.connections.update(|connections| connections + 1);
        Ok(WireStream {
            site: self.site.clone(),
            piece: self.piece,
            traffic: self.traffic.clone(),
            ear: Ear::default(),
            sent: String::new(),
            inbox: VecDeque::new(),
            drip: 0,
            then: Then::Keep,
        })
    }

    fn network(&self) -> u32 {
        self.network.get()
    }
}

/// A connection to a server.
#[derive(Debug)]
pub struct WireStream<S> {
    site: Rc<RefCell<S>>,
    piece: usize,
    traffic: Rc<Traffic>,
    ear: Ear,
    sent: String,
    inbox: VecDeque<u8>,
    drip: u64,
    then: Then,
}

impl<S> ErrorType for WireStream<S> {
    type Error = ErrorKind;
}

impl<S: Site> Read for WireStream<S> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        if let (true, Then::Endless(text)) = (self.inbox.is_empty(), self.then) {
            self.inbox.extend(text.as_bytes());
        }
        let mut length = self.inbox.len().min(buffer.len()).min(self.piece);
        if self.drip > 0 && length > 0 {
            Timer::after_millis(self.drip).await;
            length = 1;
        }
        if length == 0 {
            return match self.then {
                Then::Close => Ok(0),
                Then::Reset => Err(ErrorKind::ConnectionReset),
                Then::Keep if self.site.borrow().is_away() => Ok(0),
                Then::Endless(_) | Then::Hang | Then::Keep => future::pending().await,
            };
        }
        self.traffic.read.update(|read| read + length);
        buffer.iter_mut().zip(self.inbox.drain(..length)).for_each(|(place, octet)| *place = octet);
        Ok(length)
    }
}

impl<S: Site> Write for WireStream<S> {
    async fn write(&mut self, octets: &[u8]) -> Result<usize, ErrorKind> {
        self.sent.push_str(std::str::from_utf8(octets).expect("requests are ASCII"));
        if let Some(request) = self.ear.hear(octets) {
            self.traffic.heads.borrow_mut().push(std::mem::take(&mut self.sent));
            self.traffic.requests.update(|requests| requests + 1);
            let Said { octets, drip, then } = self.site.borrow_mut().answer(request);
            self.inbox.extend(octets);
            (self.drip, self.then) = (drip, then);
        }
        Ok(octets.len())
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

/// A server that says what it is told to, whatever it is asked; and nothing when that is used up.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// What it will say.
    pub says: VecDeque<Said>,
    /// What it was asked.
    pub received: Vec<Received>,
}

impl Site for Script {
    fn answer(&mut self, request: Received) -> Said {
        self.received.push(request);
        self.says.pop_front().unwrap_or(Said::new("", Then::Hang))
    }
}

/// The server of a [`Link`], whose answers end so.
#[derive(Clone, Debug)]
pub struct Served {
    /// The server.
    pub link: Link,
    /// How its answers end.
    pub framing: Framing,
}

impl Site for Served {
    fn answer(&mut self, request: Received) -> Said {
        let mut world = self.link.world();
        if let Some(asked) = world.asked.take() {
            assert_eq!(
                (&asked.method, &asked.url, &asked.body),
                (&request.method, &request.url, &request.body)
            );
            assert_eq!(asked.headers, request.headers);
        }
        if world.transmit(request).is_err() {
            return Said::new("", Then::Close);
        }
        match world.arrive() {
            Err(_) => Said::new("", Then::Hang),
            Ok((answer, cut)) => {
                let close = cut || self.framing == Framing::Close;
                let then = if close { Then::Close } else { Then::Keep };
                Said::new(self.framing.octets(&answer, cut), then)
            }
        }
    }

    fn is_away(&self) -> bool {
        self.link.world().is_away()
    }

    fn refused(&mut self) {
        let mut world = self.link.world();
        let asked = world.asked.take().expect("a request");
        assert_eq!(world.transmit(asked), Err(Broken::Connect));
    }
}

/// The chip's client, on its way to a [`Link`]'s server.
pub struct OverWire<'w, C: Connect, const N: usize = 1024> {
    /// The client.
    pub client: Client<'w, C, N>,
    /// The world at the other end.
    pub link: Link,
}

impl<C: Connect, const N: usize> Http for OverWire<'_, C, N> {
    type Error = C::Error;

    async fn send(&mut self, request: &Request<'_>) -> Result<(), HttpError<C::Error>> {
        self.link.world().asked = Some(received(request));
        self.client.send(request).await
    }

    async fn receive(&mut self, incoming: &mut Incoming<'_>) -> Result<(), HttpError<C::Error>> {
        let outcome = self.client.receive(incoming).await;
        if outcome.is_err() {
            self.link.world().transcript.note("the connection broke");
        }
        outcome
    }
}

impl<C: Connect, const N: usize> std::fmt::Debug for OverWire<'_, C, N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.client.fmt(f)
    }
}
