//! The HTTP client of `keyfob-embassy`: whatever a server says, in whatever pieces, the same comes of it.

#![no_main]

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use embassy_time_driver::Driver;
use embedded_io_async::{ErrorKind, ErrorType, Read, Write};
use keyfob_core::{
    client::Client as Party,
    exchange::{Exchange, UserInfo},
    http::Incoming,
    metadata::Metadata,
    time::Now,
};
use keyfob_embassy::{
    connect::{Connect, Origin},
    http::{Client, Fault, Http, HttpErrorKind},
};
use libfuzzer_sys::fuzz_target;

const SERVER: Metadata<'static> =
    Metadata::new("https://op.example.com").userinfo_endpoint("https://op.example.com/userinfo");
const PARTY: Party<'static> = Party::new(SERVER, "kiosk-01");

fuzz_target!(|data: &[u8]| {
    let Some((&piece, octets)) = data.split_first() else { return };
    let whole = hear::<1024>(octets, usize::MAX);
    // Which of several faults is met first may depend on the pieces, whether there is one may not.
    assert_eq!(whole.clone().ok(), hear::<1024>(octets, usize::from(piece).max(1)).ok());
    match (whole, hear::<256>(octets, usize::MAX)) {
        // A header that is read may be too long for the small buffer, and a size with what extends it.
        (_, Err(Fault::HeadTooLarge | Fault::ChunkSize)) => {}
        (whole, small) => assert_eq!(whole.ok(), small.ok()),
    }
});

/// The status and what came of the body; or what was wrong.
fn hear<const N: usize>(octets: &[u8], piece: usize) -> Result<(u16, String), Fault> {
    let server = Server { octets: octets.to_vec(), piece };
    let exchange = UserInfo::new(&PARTY, "token", "a");
    let (mut room, mut buffer) = ([0; 512], [0; 1024]);
    let mut client = Client::<_, N>::new(&server);
    let request = exchange.request(Now::unknown(0), &mut room).expect("it fits");
    let mut incoming = Incoming::new(request.keep(), &mut buffer);
    let outcome = run(async {
        client.send(&request).await?;
        client.receive(&mut incoming).await
    });
    if let Err(error) = outcome {
        assert!(error.maybe_sent() && error.kind() == HttpErrorKind::Protocol);
        return Err(error.fault().expect("it is known"));
    }
    let response = incoming.finish().0;
    assert!((200..600).contains(&response.status()));
    let claims = exchange.response(response).map(|claims| claims.json(&mut [0; 1024]).map(str::to_owned));
    Ok((response.status(), format!("{claims:?}")))
}

/// Nothing here waits for anybody.
fn run<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

struct Server {
    octets: Vec<u8>,
    piece: usize,
}

struct Stream<'s> {
    rest: &'s [u8],
    piece: usize,
}

impl Connect for Server {
    type Error = ErrorKind;
    type Stream<'s> = Stream<'s>;

    async fn connect<'s>(&'s self, _: Origin<'_>) -> Result<Stream<'s>, ErrorKind> {
        Ok(Stream { rest: &self.octets, piece: self.piece })
    }
}

impl ErrorType for Stream<'_> {
    type Error = ErrorKind;
}

impl Read for Stream<'_> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        let length = self.rest.len().min(buffer.len()).min(self.piece);
        let (piece, rest) = self.rest.split_at(length);
        buffer[..length].copy_from_slice(piece);
        self.rest = rest;
        Ok(length)
    }
}

impl Write for Stream<'_> {
    async fn write(&mut self, octets: &[u8]) -> Result<usize, ErrorKind> {
        Ok(octets.len())
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

struct Time;

impl Driver for Time {
    fn now(&self) -> u64 {
        0
    }

    fn schedule_wake(&self, _: u64, _: &Waker) {}
}

embassy_time_driver::time_driver_impl!(static TIME: Time = Time);
