//! The portal of `keyfob-embassy`, over sockets and a screen of which the compiler knows nothing.

#![no_std]
#![no_main]

use core::{
    future::{Future, poll_fn},
    hint::black_box,
    net::{IpAddr, Ipv4Addr, SocketAddrV4},
    pin::pin,
    task::{Context, Poll, Waker},
};

use embassy_time_driver::Driver;
use embedded_io_async::{ErrorKind, ErrorType, Read, Write};
use keyfob_core::{
    error::Error,
    portal::{Screen, Site},
    secret::Seed,
};
use keyfob_embassy::{
    Failure,
    portal::{Front, Listen, Portal, Press, Room},
    user_agent::UserAgent,
};
use keyfob_link::{Given, SERVER, entry, seed};

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> Result<usize, Error> {
    let mut room = Room::<2>::new();
    let site =
        Site::new(&SERVER, &["kettle.local"]).callback("/callback").paste(&SERVER).limits(Room::LIMITS);
    let sockets = [Opaque, Opaque, Opaque];
    let mut portal = Portal::new(site, Seed::new(seed(&given))?, Opaque, sockets, &mut room);
    if black_box(true) {
        portal = portal.confirming();
    }
    {
        // What is polled again after its end is another future.
        let mut sign_in = pin!(async {
            loop {
                black_box(portal.open(given.text).await.is_ok());
                black_box(portal.redirect(given.buffer).await.is_ok());
                portal.judged(black_box(None));
                portal.attend().await;
                let failure = Failure::<ErrorKind>::Flow(black_box(Error::Expired));
                portal.finished(black_box(Some(&failure))).await;
                black_box(portal.settle(given.text).await.is_ok());
                portal.hide();
            }
        });
        let mut context = Context::from_waker(Waker::noop());
        while black_box(true) {
            let _: Poll<Error> = sign_in.as_mut().poll(&mut context);
        }
    }
    Ok(0)
}

struct Opaque;

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

impl Listen for Opaque {
    async fn accept(&mut self) -> Result<IpAddr, ErrorKind> {
        poll_fn(|_| black_box(Poll::Ready(Ok(IpAddr::V4(Ipv4Addr::LOCALHOST))))).await
    }

    fn address(&self) -> Option<SocketAddrV4> {
        black_box(None)
    }

    fn finish(&mut self) {
        black_box(self);
    }

    fn abort(&mut self) {
        black_box(self);
    }
}

impl Front for Opaque {
    async fn show(&mut self, screen: &Screen<'_>) {
        black_box(screen);
        poll_fn(|_| black_box(Poll::Ready(()))).await;
    }

    async fn confirm(&mut self, account: &str) {
        black_box(account);
    }

    async fn pressed(&mut self) -> Press {
        poll_fn(|_| black_box(Poll::Ready(Press::Confirm))).await
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
