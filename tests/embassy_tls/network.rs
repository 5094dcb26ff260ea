//! A network in memory, with one server at its other end.

use std::{
    cell::{Cell, RefCell},
    convert::Infallible,
    future,
    rc::Rc,
};

use embedded_io_async::{ErrorType, Read, Write};
use keyfob_core::{
    entropy::Entropy,
    error::Error,
    time::{Date, Now, UnixTime},
};
use keyfob_embassy::{
    Clock,
    connect::{Connect, Origin},
    tls::{CertificateDer, Tls, TlsError, TlsMemory, trust_anchor},
};
use keyfob_tests::executor::polls;

/// The other end of a stream.
pub trait Peer {
    /// Hears what the device sends.
    fn hear(&mut self, octets: &[u8]);

    /// Says what it has to say now.
    fn say(&mut self, out: &mut Vec<u8>);

    /// Whether it has closed its end, once all is said.
    fn has_closed(&self) -> bool;
}

/// Opens streams to a server that is made anew for each.
pub struct Network {
    server: RefCell<Box<dyn FnMut() -> Box<dyn Peer>>>,
    /// As many octets at the most as are read at once.
    pub piece: usize,
    /// Streams that are open now, and streams that were ever opened.
    pub open: Cell<usize>,
    pub opened: Cell<usize>,
    /// All that the device has sent.
    pub sent: RefCell<Vec<u8>>,
    /// All that it has read.
    pub read: Cell<usize>,
    /// After so many octets the stream to the device ends.
    pub cut: Option<usize>,
    pub origins: RefCell<Vec<(bool, String, u16)>>,
    /// Another one after the device has got another address.
    pub number: Cell<u32>,
}

impl Network {
    pub fn new<P: Peer + 'static>(mut server: impl FnMut() -> P + 'static) -> Self {
        Self {
            server: RefCell::new(Box::new(move || Box::new(server()))),
            piece: usize::MAX,
            open: Cell::new(0),
            opened: Cell::new(0),
            sent: RefCell::default(),
            read: Cell::new(0),
            cut: None,
            origins: RefCell::default(),
            number: Cell::new(0),
        }
    }
}

pub struct Stream<'n> {
    network: &'n Network,
    peer: Box<dyn Peer>,
    said: Vec<u8>,
}

impl Connect for Network {
    type Error = Infallible;
    type Stream<'s> = Stream<'s>;

    async fn connect<'s>(&'s self, origin: Origin<'_>) -> Result<Stream<'s>, Infallible> {
        self.origins.borrow_mut().push((origin.secure, origin.host.to_owned(), origin.port));
        self.open.set(self.open.get() + 1);
        self.opened.set(self.opened.get() + 1);
        self.read.set(0);
        Ok(Stream { network: self, peer: self.server.borrow_mut()(), said: Vec::new() })
    }

    fn network(&self) -> u32 {
        self.number.get()
    }
}

impl Drop for Stream<'_> {
    fn drop(&mut self) {
        self.network.open.set(self.network.open.get() - 1);
    }
}

impl ErrorType for Stream<'_> {
    type Error = Infallible;
}

impl Read for Stream<'_> {
    async fn read(&mut self, out: &mut [u8]) -> Result<usize, Infallible> {
        self.peer.say(&mut self.said);
        let read = self.network.read.get();
        let left = self.network.cut.map_or(usize::MAX, |cut| cut - read);
        if left == 0 {
            return Ok(0);
        }
        if self.said.is_empty() {
            if self.peer.has_closed() {
                return Ok(0);
            }
            return future::pending().await;
        }
        let length = self.said.len().min(out.len()).min(self.network.piece).min(left);
        out[..length].copy_from_slice(&self.said[..length]);
        self.said.drain(..length);
        self.network.read.set(read + length);
        Ok(length)
    }
}

impl Write for Stream<'_> {
    async fn write(&mut self, octets: &[u8]) -> Result<usize, Infallible> {
        self.network.sent.borrow_mut().extend(octets);
        self.peer.hear(octets);
        Ok(octets.len())
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// A generator for tests: a count, behind SHA-256 in the device.
pub struct Counting(pub Rc<Cell<u64>>);

impl Entropy for Counting {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        for piece in out.chunks_mut(8) {
            self.0.set(self.0.get().checked_add(1).ok_or(Error::Entropy)?);
            piece.copy_from_slice(&self.0.get().to_be_bytes()[..piece.len()]);
        }
        Ok(())
    }
}

/// A clock that stands.
#[derive(Clone, Copy)]
pub struct Standing(pub Date);

impl Clock for Standing {
    fn now(&mut self) -> Now {
        Now { date: self.0, uptime: 0 }
    }

    async fn sleep(&mut self, _: std::time::Duration) {}
}

/// 2026-07-01.
pub const TODAY: UnixTime = UnixTime::from_seconds(1_782_864_000);

/// What a device is given.
pub struct Device {
    pub host: &'static str,
    pub anchors: Vec<Vec<u8>>,
    pub date: Date,
    pub count: Rc<Cell<u64>>,
}

impl Device {
    /// It trusts these certificates and looks for `op.example`.
    pub fn new(anchors: &[Vec<u8>]) -> Self {
        Self {
            host: "op.example",
            anchors: anchors.to_vec(),
            date: Date::Known(TODAY),
            count: Rc::new(Cell::new(0)),
        }
    }

    pub fn host(mut self, host: &'static str) -> Self {
        self.host = host;
        self
    }

    pub fn date(mut self, date: Date) -> Self {
        self.date = date;
        self
    }

    /// Sends [`REQUEST`] and reads to the end.
    pub fn fetch(&self, network: &Network) -> Outcome {
        self.fetch_with::<16_640>(network)
    }

    /// The same with so much room for what is read.
    pub fn fetch_with<const READ: usize>(&self, network: &Network) -> Outcome {
        let mut read = Vec::new();
        let end = self.run::<READ, _>(network, async |tls| fetch(tls, self.host, &mut read).await);
        assert_eq!(network.open.get(), 0, "the stream below is closed");
        Outcome { read, end: end.unwrap_or(Err(End::Hangs)) }
    }

    /// Runs an application; `None` if it waits for ever.
    pub fn run<const READ: usize, R>(
        &self,
        network: &Network,
        application: impl AsyncFnOnce(&Tls<'_>) -> R,
    ) -> Option<R> {
        let anchors: Vec<_> = self.anchors.iter().map(|der| CertificateDer::from(&der[..])).collect();
        let anchors: Vec<_> = anchors.iter().map(|der| trust_anchor(der).expect("an anchor")).collect();
        let mut memory = Box::new(TlsMemory::<READ>::new());
        let (desk, buffers) = memory.split();
        let entropy = Counting(self.count.clone());
        let session = std::pin::pin!(desk.session(buffers, network, &anchors, entropy, Standing(self.date)));
        let tls = Tls::new(desk, session);
        polls(application(&tls), 100)
    }
}

pub const REQUEST: &[u8] = b"GET /userinfo HTTP/1.1\r\nauthorization: Bearer a-secret\r\n\r\n";

async fn fetch(tls: &Tls<'_>, host: &str, read: &mut Vec<u8>) -> Result<(), End> {
    let origin = Origin { secure: true, host, port: 443 };
    let mut stream = tls.connect(origin).await.map_err(End::Refused)?;
    stream.write_all(REQUEST).await.map_err(End::Failed)?;
    stream.flush().await.map_err(End::Failed)?;
    let mut piece = [0; 2000];
    loop {
        match stream.read(&mut piece).await.map_err(End::Failed)? {
            0 => return Ok(()),
            length => read.extend(&piece[..length]),
        }
    }
}

/// What came of it.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    pub read: Vec<u8>,
    pub end: Result<(), End>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum End {
    /// No stream was given out.
    Refused(TlsError),
    /// Later.
    Failed(TlsError),
    /// It waits, until the caller's time is over.
    Hangs,
}
