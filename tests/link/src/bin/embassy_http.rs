//! The HTTP client of `keyfob-embassy`, over a stream of which the compiler knows nothing.

#![no_std]
#![no_main]

use core::{
    future::{Future, poll_fn},
    hint::black_box,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use embassy_time_driver::Driver;
use embedded_io_async::{ErrorKind, ErrorType, Read, Write};
use keyfob_core::{
    client::Client as Party, error::Error, exchange::Exchange, exchange::Jwks, http::Incoming,
};
use keyfob_embassy::{
    connect::{Connect, Origin},
    http::{Client, Http},
};
use keyfob_link::{Given, SERVER, entry, now};

static CLIENT: Party<'static> = Party::oauth(SERVER, "client");

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> Result<usize, Error> {
    let exchange = Jwks::new(&CLIENT);
    let now = now(&given);
    let mut room = [0; 256];
    let request = exchange.request(now, &mut room)?;
    let network = Opaque;
    let mut client = Client::<_, 512>::new(&network)
        .user_agent(given.text)
        .timeout(Duration::from_millis(given.number))
        .max_idle(Duration::from_millis(given.number));
    let mut incoming = Incoming::new(request.keep(), given.buffer);
    {
        // What is polled again after its end is another future.
        let mut exchange = pin!(async {
            loop {
                black_box(client.send(&request).await.is_ok());
                black_box(client.receive(&mut incoming).await.is_ok());
            }
        });
        let mut context = Context::from_waker(Waker::noop());
        while black_box(true) {
            let _: Poll<Error> = exchange.as_mut().poll(&mut context);
        }
    }
    Ok(usize::from(incoming.finish().0.status()))
}

struct Opaque;

impl Connect for Opaque {
    type Error = ErrorKind;
    type Stream<'s> = Opaque;

    async fn connect<'s>(&'s self, origin: Origin<'_>) -> Result<Opaque, ErrorKind> {
        black_box((origin.secure, origin.host, origin.port));
        poll_fn(|_| black_box(Poll::Ready(Ok(())))).await.map(|()| Opaque)
    }

    fn network(&self) -> u32 {
        black_box(0)
    }
}

impl ErrorType for Opaque {
    type Error = ErrorKind;
}

impl Read for Opaque {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        black_box(buffer);
        poll_fn(|_| black_box(Poll::Ready(Ok(0)))).await
    }
}

impl Write for Opaque {
    async fn write(&mut self, octets: &[u8]) -> Result<usize, ErrorKind> {
        black_box(octets);
        poll_fn(|_| black_box(Poll::Ready(Ok(0)))).await
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        poll_fn(|_| black_box(Poll::Ready(Ok(())))).await
    }
}

struct Time;

impl Driver for Time {
    fn now(&self) -> u64 {
        black_box(0)
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        black_box((at, waker));
    }
}

embassy_time_driver::time_driver_impl!(static TIME: Time = Time);
