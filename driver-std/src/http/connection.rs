//! A connection to a server: name, TCP, perhaps a proxy, TLS.

use std::{
    fmt,
    io::{self, Read, Write},
    net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs},
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use rustls::{ClientConfig, ClientConnection, StreamOwned, pki_types::ServerName};

use crate::http::{HttpError, HttpErrorKind, proxy::Proxy, target::Target};

/// An idle connection is not used any more when it is older: servers close theirs after 5 s and more, and a
/// request must not meet the closing.
const MAX_IDLE: Duration = Duration::from_secs(3);

/// A connection to one server. All of its input and output ends at one deadline.
pub(super) struct Connection {
    stream: Stream,
    secure: bool,
    authority: String,
    used: Instant,
}

enum Stream {
    Plain(Socket),
    Tls(Box<StreamOwned<ClientConnection, Socket>>),
}

impl Connection {
    /// Connects. No octet of a request is sent.
    pub(super) fn open(
        target: &Target<'_>,
        proxy: Option<&Proxy>,
        tls: &Arc<ClientConfig>,
        deadline: Instant,
    ) -> Result<Self, HttpError> {
        let proxy = proxy.filter(|proxy| proxy.is_for(target));
        let (host, port) = proxy.map_or((target.host, target.port), |proxy| (proxy.host(), proxy.port()));
        let mut addresses = resolve(host, port, deadline)?;
        if !target.secure {
            // What the resolver says of `localhost` is not to be believed.
            addresses.retain(|address| address.ip().is_loopback());
        }
        let stream = connect(&addresses, deadline)?;
        // A failure costs speed, no more.
        let _ = stream.set_nodelay(true);
        let mut socket = Socket { stream, deadline };
        if let Some(proxy) = proxy {
            proxy.tunnel(&mut socket, target)?;
        }
        let stream = if target.secure { handshake(target, socket, tls)? } else { Stream::Plain(socket) };
        let authority = target.authority.to_owned();
        Ok(Self { stream, secure: target.secure, authority, used: Instant::now() })
    }

    pub(super) fn set_deadline(&mut self, deadline: Instant) {
        self.socket().deadline = deadline;
    }

    /// An answer was read to its end.
    pub(super) fn rest(&mut self) {
        self.used = Instant::now();
    }

    /// Whether a request for `target` may go here: the same server, used a moment ago, and still open.
    pub(super) fn is_ready_for(&mut self, target: &Target<'_>) -> bool {
        self.secure == target.secure
            && self.authority == target.authority
            && self.used.elapsed() < MAX_IDLE
            && self.socket().is_quiet()
    }

    fn socket(&mut self) -> &mut Socket {
        match &mut self.stream {
            Stream::Plain(socket) => socket,
            Stream::Tls(stream) => &mut stream.sock,
        }
    }
}

impl Read for Connection {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match &mut self.stream {
            Stream::Plain(socket) => socket.read(out),
            Stream::Tls(stream) => stream.read(out),
        }
    }
}

impl Write for Connection {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        match &mut self.stream {
            Stream::Plain(socket) => socket.write(octets),
            Stream::Tls(stream) => stream.write(octets),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.stream {
            Stream::Plain(socket) => socket.flush(),
            Stream::Tls(stream) => stream.flush(),
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connection({})", self.authority)
    }
}

/// A TCP connection with a deadline. The time-outs of the system count anew with every octet.
pub(super) struct Socket {
    stream: TcpStream,
    deadline: Instant,
}

impl Socket {
    fn left(&self) -> io::Result<Duration> {
        left(self.deadline).ok_or(io::ErrorKind::TimedOut.into())
    }

    /// Open, with nothing to read: what a server says unasked is its good-bye.
    fn is_quiet(&self) -> bool {
        let peek = || {
            self.stream.set_nonblocking(true)?;
            let peeked = self.stream.peek(&mut [0]);
            self.stream.set_nonblocking(false)?;
            peeked
        };
        peek().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }
}

impl Read for Socket {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            self.stream.set_read_timeout(Some(self.left()?))?;
            match self.stream.read(out) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result.map_err(timed_out),
            }
        }
    }
}

impl Write for Socket {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.left()?))?;
        self.stream.write(octets).map_err(timed_out)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The failure that `error` stands for; `kind` if nothing else is known of it.
pub(super) fn failure(kind: HttpErrorKind, maybe_sent: bool, error: io::Error) -> HttpError {
    let kind = match error.kind() {
        io::ErrorKind::TimedOut => HttpErrorKind::Timeout,
        _ if error.get_ref().is_some_and(|source| source.is::<rustls::Error>()) => HttpErrorKind::Tls,
        _ => kind,
    };
    HttpError::new(kind, maybe_sent).because(error)
}

/// The system has no look-up with a time-out; a thread that comes too late ends unheard.
fn resolve(host: &str, port: u16, deadline: Instant) -> Result<Vec<SocketAddr>, HttpError> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let (sender, receiver) = mpsc::channel();
    let query = (host.to_owned(), port);
    let look_up = move || sender.send(query.to_socket_addrs().map(|found| found.collect::<Vec<_>>()));
    thread::Builder::new()
        .name("keyfob-resolve".to_owned())
        .spawn(look_up)
        .map_err(|error| failure(HttpErrorKind::Resolve, false, error))?;
    match receiver.recv_timeout(left(deadline).unwrap_or_default()) {
        Ok(Ok(addresses)) if !addresses.is_empty() => Ok(addresses),
        Ok(Ok(_)) => Err(HttpError::new(HttpErrorKind::Resolve, false)),
        Ok(Err(error)) => Err(failure(HttpErrorKind::Resolve, false, error)),
        Err(_) => {
            Err(HttpError::new(HttpErrorKind::Timeout, false).because("the name was not found in time"))
        }
    }
}

/// Tries one address after the other; each may use its share of the time that is left.
fn connect(addresses: &[SocketAddr], deadline: Instant) -> Result<TcpStream, HttpError> {
    let mut error = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for (address, to_go) in addresses.iter().zip((1..=addresses.len()).rev()) {
        let Some(left) = left(deadline) else { break };
        let share = left / u32::try_from(to_go).unwrap_or(u32::MAX);
        match TcpStream::connect_timeout(address, share.max(Duration::from_millis(1))) {
            Ok(stream) => return Ok(stream),
            Err(refusal) => error = timed_out(refusal),
        }
    }
    Err(failure(HttpErrorKind::Connect, false, error))
}

fn handshake(target: &Target<'_>, mut socket: Socket, tls: &Arc<ClientConfig>) -> Result<Stream, HttpError> {
    let name = ServerName::try_from(target.host)
        .map_err(|error| HttpError::new(HttpErrorKind::Tls, false).because(error))?
        .to_owned();
    let mut connection = ClientConnection::new(tls.clone(), name)
        .map_err(|error| HttpError::new(HttpErrorKind::Tls, false).because(error))?;
    while connection.is_handshaking() {
        connection.complete_io(&mut socket).map_err(|error| failure(HttpErrorKind::Connect, false, error))?;
    }
    Ok(Stream::Tls(Box::new(StreamOwned::new(connection, socket))))
}

fn left(deadline: Instant) -> Option<Duration> {
    deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
}

/// One name for what systems call differently.
fn timed_out(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}
