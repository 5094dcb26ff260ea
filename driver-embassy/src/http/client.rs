//! The HTTP/1.1 client of this crate: as much of it as OAuth needs, over any stream.

use core::{cell::Cell, fmt, time::Duration};

use embassy_time::{Instant, with_deadline};
use embedded_io_async::{Read, Write};
use keyfob_core::http::{Incoming, Method, Request};
use zeroize::{Zeroize, Zeroizing};

use super::{
    Fault, Http, HttpError, HttpErrorKind,
    answer::{Answer, Taken},
    target::{self, MAX_HOST, Target},
};
use crate::{
    connect::{Connect, Origin},
    log::event,
};

/// The time for name, connection and TLS handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The time for request and head of the answer.
const HEAD_TIMEOUT: Duration = Duration::from_secs(20);

/// The time for a whole exchange.
const TIMEOUT: Duration = Duration::from_secs(30);

/// An idle connection is not used any more when it is older: servers close theirs after 5 s and more, and a
/// request must not meet the closing.
const MAX_IDLE: Duration = Duration::from_secs(3);

/// Where a server says how long it waits, a request comes so much earlier.
const MARGIN: u64 = 2;

/// An HTTP/1.1 client over the streams of a [`Connect`].
///
/// It sends what the [`Request`] says and `Host`, `Content-Length` and perhaps `User-Agent`; it follows no redirect,
/// keeps no cookie, and takes no answer that another reader could take for a longer or a shorter one ([`Fault`]). Its
/// one buffer of `N` octets, 256 at least, holds a header at a time; of longer ones those are skipped that nobody reads.
///
/// One connection is kept for requests to the same origin. One that was closed in the meantime, that is idle for longer
/// than the server or [`max_idle`](Client::max_idle) says, or that was opened in another [`network`](Connect::network), is not used. A GET
/// whose connection ends before an octet of the answer is sent once more on a new one. A POST never is: nobody knows
/// then whether the server has used up the code or the refresh token.
///
/// A future that is dropped takes the connection with it. The buffer is wiped after each request and each answer.
pub struct Client<'c, C: Connect, const N: usize = 1024> {
    connect: &'c C,
    connect_timeout: Duration,
    head_timeout: Duration,
    timeout: Duration,
    max_idle: Duration,
    user_agent: &'c str,
    buffer: Zeroizing<[u8; N]>,
    /// Octets of an answer, at the start of the buffer.
    filled: usize,
    /// Where the open stream leads.
    place: Place,
    open: Option<Open<C::Stream<'c>>>,
    /// The request that was sent waits for its answer.
    due: Option<Due>,
}

/// The other end of a stream.
struct Place {
    secure: bool,
    host: [u8; MAX_HOST],
    length: usize,
    port: u16,
    /// The network that the stream was opened in.
    network: u32,
}

/// An open stream.
struct Open<S> {
    stream: S,
    /// When it gets too old to be used.
    until: Instant,
}

/// When an answer has to be there.
#[derive(Clone, Copy)]
struct Due {
    head: Instant,
    whole: Instant,
}

impl<'c, C: Connect, const N: usize> Client<'c, C, N> {
    const LONG_ENOUGH: () = assert!(N >= 256, "a header has to fit into the buffer");

    /// A client with the usual settings.
    pub fn new(connect: &'c C) -> Self {
        const { Self::LONG_ENOUGH };
        Self {
            connect,
            connect_timeout: CONNECT_TIMEOUT,
            head_timeout: HEAD_TIMEOUT,
            timeout: TIMEOUT,
            max_idle: MAX_IDLE,
            user_agent: "",
            buffer: Zeroizing::new([0; N]),
            filled: 0,
            place: Place { secure: false, host: [0; MAX_HOST], length: 0, port: 0, network: 0 },
            open: None,
            due: None,
        }
    }

    /// The time for name, connection and TLS handshake together: 10 s if it is not called.
    #[must_use]
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// The time from an open connection to the end of the answer's head: 20 s if it is not called.
    #[must_use]
    pub const fn head_timeout(mut self, timeout: Duration) -> Self {
        self.head_timeout = timeout;
        self
    }

    /// The time for a whole exchange, the connection among it: 30 s if it is not called.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long an idle connection is kept where the server does not say how long it does: 3 s if it is not called.
    #[must_use]
    pub const fn max_idle(mut self, max_idle: Duration) -> Self {
        self.max_idle = max_idle;
        self
    }

    /// The header `User-Agent`; none is sent if it is empty, or not called. It is printable ASCII.
    #[must_use]
    pub const fn user_agent(mut self, user_agent: &'c str) -> Self {
        self.user_agent = user_agent;
        self
    }

    /// Closes the connection that is kept, if there is one: before the network is turned off, or a radio sleeps.
    pub fn close(&mut self) {
        self.open = None;
        self.due = None;
        self.wipe();
    }

    fn wipe(&mut self) {
        self.buffer.zeroize();
        self.filled = 0;
    }

    /// The stream that is kept, if it leads there and can still be used.
    async fn kept(&mut self, origin: Origin<'_>) -> Option<Open<C::Stream<'c>>> {
        let mut open = self.open.take()?;
        let answered = self.due.take().is_none();
        let fit = answered && Instant::now() < open.until && self.place.is(origin, self.connect.network());
        // Whatever can be read now, its end too, is no answer to a request that was not sent yet.
        (fit && self.connect.is_silent(&mut open.stream).await).then_some(open)
    }

    async fn open(
        &mut self,
        origin: Origin<'_>,
        whole: Instant,
    ) -> Result<Open<C::Stream<'c>>, HttpError<C::Error>> {
        self.place.set(origin, self.connect.network());
        let deadline = after(self.connect_timeout).min(whole);
        event!("connecting to {}, port {}", origin.host, origin.port);
        match with_deadline(deadline, self.connect.connect(origin)).await {
            Ok(Ok(stream)) => Ok(Open { stream, until: Instant::MAX }),
            Ok(Err(error)) => Err(HttpError::new(C::kind(&error), false).because(error)),
            Err(_) => Err(HttpError::new(HttpErrorKind::Timeout, false)),
        }
    }

    /// Sends the request and waits for the first octets of the answer.
    async fn ask(
        &mut self,
        stream: &mut C::Stream<'c>,
        request: &Request<'_>,
        target: &Target<'_>,
    ) -> Result<(), HttpError<C::Error>> {
        let sent = write(stream, &mut *self.buffer, request, target, self.user_agent).await;
        self.wipe();
        sent.map_err(broken_off::<C>)?;
        let flushed = stream.flush().await;
        // A server may answer and be gone before it has taken all of the request.
        match (stream.read(&mut *self.buffer).await, flushed) {
            (Ok(filled @ 1..), _) => {
                self.filled = filled.min(N);
                Ok(())
            }
            (_, Err(error)) | (Err(error), Ok(())) => Err(broken_off::<C>(error)),
            (Ok(_), Ok(())) => Err(HttpError::broken(Fault::Cut)),
        }
    }

    /// Reads the answer as far as its head, or to its end. `None`: the head is there.
    async fn read(
        &mut self,
        stream: &mut C::Stream<'c>,
        answer: &mut Answer,
        incoming: &mut Incoming<'_>,
        head: bool,
    ) -> Result<Option<bool>, HttpError<C::Error>> {
        loop {
            let mut taken = 0;
            loop {
                if head && answer.has_head() {
                    self.shift(taken);
                    return Ok(None);
                }
                let octets = self.buffer.get(taken..self.filled).unwrap_or_default();
                let full = taken == 0 && octets.len() == N;
                match answer.take(octets, full, incoming).map_err(HttpError::broken)? {
                    Taken::Some(0) => break,
                    Taken::Some(octets) => taken = taken.saturating_add(octets),
                    Taken::End { octets, reusable } => {
                        let all = taken.saturating_add(octets) == self.filled;
                        return Ok(Some(reusable && all));
                    }
                }
            }
            self.shift(taken);
            let free = self.buffer.get_mut(self.filled..).unwrap_or_default();
            match stream.read(free).await {
                Ok(0) => return answer.end().map(|()| Some(false)).map_err(HttpError::broken),
                Ok(read) => self.filled = self.filled.saturating_add(read).min(N),
                Err(error) => return Err(broken_off::<C>(error)),
            }
        }
    }

    /// Forgets the first octets of the buffer.
    fn shift(&mut self, taken: usize) {
        if taken > 0 {
            let octets = Cell::from_mut(&mut self.buffer[..]).as_slice_of_cells();
            let rest = octets.get(taken..self.filled).unwrap_or_default();
            octets.iter().zip(rest).for_each(|(place, octet)| place.set(octet.get()));
            self.filled = rest.len();
        }
    }
}

impl<C: Connect, const N: usize> Http for Client<'_, C, N> {
    type Error = C::Error;

    async fn send(&mut self, request: &Request<'_>) -> Result<(), HttpError<C::Error>> {
        self.transmit(request).await.inspect_err(tell)
    }

    async fn receive(&mut self, incoming: &mut Incoming<'_>) -> Result<(), HttpError<C::Error>> {
        self.deliver(incoming).await.inspect_err(tell)
    }
}

impl<C: Connect, const N: usize> Client<'_, C, N> {
    async fn transmit(&mut self, request: &Request<'_>) -> Result<(), HttpError<C::Error>> {
        let target = target::read(request.url()).ok_or(HttpError::new(HttpErrorKind::Connect, false))?;
        let Target { authority, path, .. } = target;
        // A query may carry what nobody should see.
        let path = path.split('?').next().unwrap_or_default();
        event!("{} {} at {}", request.method().as_str(), path, authority);
        let whole = after(self.timeout);
        let mut kept = self.kept(target.origin).await;
        loop {
            let used = kept.is_some();
            let mut open = match kept.take() {
                Some(open) => open,
                None => self.open(target.origin, whole).await?,
            };
            let head = after(self.head_timeout).min(whole);
            match with_deadline(head, self.ask(&mut open.stream, request, &target)).await {
                Ok(Ok(())) => {
                    self.open = Some(open);
                    self.due = Some(Due { head, whole });
                    return Ok(());
                }
                Ok(Err(_)) if used && matches!(request.method(), Method::Get) => {
                    event!("the connection was closed, and is opened anew");
                }
                Ok(Err(error)) => return Err(error),
                Err(_) => {
                    self.wipe();
                    return Err(HttpError::new(HttpErrorKind::Timeout, true));
                }
            }
        }
    }

    async fn deliver(&mut self, incoming: &mut Incoming<'_>) -> Result<(), HttpError<C::Error>> {
        let (Some(mut open), Some(due)) = (self.open.take(), self.due.take()) else {
            return Err(HttpError::new(HttpErrorKind::Protocol, false));
        };
        let mut answer = Answer::new(C::PROVES_END && self.place.secure);
        let head = self.read(&mut open.stream, &mut answer, incoming, true);
        let mut outcome = with_deadline(due.head, head).await;
        if let Ok(Ok(None)) = outcome {
            let body = self.read(&mut open.stream, &mut answer, incoming, false);
            outcome = with_deadline(due.whole, body).await;
        }
        self.wipe();
        match outcome {
            Ok(Ok(reusable)) => {
                event!("status {}", answer.status());
                if reusable == Some(true) {
                    let idle =
                        answer.idle().map(|seconds| Duration::from_secs(seconds.saturating_sub(MARGIN)));
                    open.until = after(idle.unwrap_or(self.max_idle));
                    self.open = Some(open);
                }
                Ok(())
            }
            Ok(Err(error)) => Err(error),
            Err(_) => Err(HttpError::new(HttpErrorKind::Timeout, true)),
        }
    }
}

impl Place {
    fn set(&mut self, origin: Origin<'_>, network: u32) {
        self.host.iter_mut().zip(origin.host.bytes()).for_each(|(place, octet)| *place = octet);
        self.length = origin.host.len();
        (self.secure, self.port, self.network) = (origin.secure, origin.port, network);
    }

    fn is(&self, origin: Origin<'_>, network: u32) -> bool {
        let host = self.host.get(..self.length).unwrap_or_default();
        let place = (self.secure, self.port, self.network, host);
        place == (origin.secure, origin.port, network, origin.host.as_bytes())
    }
}

/// Writes a request, through the buffer: small pieces would be segments and records of their own.
async fn write<S: Write>(
    stream: &mut S,
    buffer: &mut [u8],
    request: &Request<'_>,
    target: &Target<'_>,
    user_agent: &str,
) -> Result<(), S::Error> {
    let mut digits = [0; 20];
    let mut filled = 0;
    for piece in pieces(request, target, user_agent, &mut digits) {
        let mut piece = piece.as_bytes();
        while !piece.is_empty() {
            let free = buffer.get_mut(filled..).unwrap_or_default();
            let (first, rest) = piece.split_at_checked(free.len()).unwrap_or((piece, &[]));
            free.iter_mut().zip(first).for_each(|(place, octet)| *place = *octet);
            filled = filled.saturating_add(first.len());
            piece = rest;
            if filled == buffer.len() {
                write_all(stream, buffer).await?;
                filled = 0;
            }
        }
    }
    write_all(stream, buffer.get(..filled).unwrap_or_default()).await
}

async fn write_all<S: Write>(stream: &mut S, mut octets: &[u8]) -> Result<(), S::Error> {
    while !octets.is_empty() {
        let written = stream.write(octets).await?;
        octets = octets.get(written..).unwrap_or_default();
    }
    Ok(())
}

/// A request as text.
fn pieces<'r>(
    request: &Request<'r>,
    target: &Target<'r>,
    user_agent: &'r str,
    digits: &'r mut [u8; 20],
) -> impl Iterator<Item = &'r str> {
    let slash = if target.path.starts_with('/') { "" } else { "/" };
    let (before, after) = if user_agent.is_empty() { ("", "") } else { ("User-Agent: ", "\r\n") };
    // Requests are ASCII.
    let body = core::str::from_utf8(request.body()).unwrap_or_default();
    let length = match request.method() {
        Method::Get => ["", "", ""],
        _ => ["Content-Length: ", decimal(body.len(), digits), "\r\n"],
    };
    let line =
        [request.method().as_str(), " ", slash, target.path, " HTTP/1.1\r\nHost: ", target.authority, "\r\n"];
    let headers = request.headers().flat_map(|(name, value)| [name, ": ", value, "\r\n"]);
    let head = line.into_iter().chain([before, user_agent, after]).chain(headers).chain(length);
    head.chain(["\r\n", body])
}

/// A number in digits.
fn decimal(mut number: usize, digits: &mut [u8; 20]) -> &str {
    let mut start = digits.len();
    for (place, digit) in digits.iter_mut().enumerate().rev() {
        *digit = b'0'.saturating_add(u8::try_from(number % 10).unwrap_or_default());
        number /= 10;
        start = place;
        if number == 0 {
            break;
        }
    }
    core::str::from_utf8(digits.get(start..).unwrap_or_default()).unwrap_or_default()
}

/// A line about a failure.
fn tell<E>(error: &HttpError<E>) {
    let what = match error.kind() {
        HttpErrorKind::Connect => "no connection",
        HttpErrorKind::Protocol => "the answer is no HTTP",
        HttpErrorKind::Resolve => "the name of the host is not known",
        HttpErrorKind::Timeout => "no answer in time",
        HttpErrorKind::Tls => "the server did not prove who it is",
        _ => "it failed",
    };
    match error.fault() {
        Some(fault) => event!("{}: {:?}", what, fault),
        None => event!("{}", what),
    }
}

/// An open stream failed: the server may have seen all of the request.
fn broken_off<C: Connect>(error: C::Error) -> HttpError<C::Error> {
    match C::kind(&error) {
        kind @ (HttpErrorKind::Timeout | HttpErrorKind::Tls) => HttpError::new(kind, true),
        _ => HttpError::broken(Fault::Cut),
    }
    .because(error)
}

/// The moment when so much time has passed.
fn after(duration: Duration) -> Instant {
    Instant::now().checked_add(embassy(duration)).unwrap_or(Instant::MAX)
}

/// In milliseconds, which is easy to count in ticks; more than 49 days are as good as no limit.
fn embassy(duration: Duration) -> embassy_time::Duration {
    let milliseconds =
        duration.as_secs().saturating_mul(1000).saturating_add(duration.subsec_millis().into());
    embassy_time::Duration::from_millis(milliseconds.min(u32::MAX.into()))
}

impl<C: Connect, const N: usize> fmt::Debug for Client<'_, C, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}
