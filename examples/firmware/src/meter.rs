//! What connecting costs.

use core::sync::atomic::{AtomicU32, Ordering};

use keyfob_embassy::{
    connect::{Connect, Origin},
    http::HttpErrorKind,
};

use crate::board;

/// Streams of `C`, and what it took to open them.
pub struct Meter<'c, C>(pub &'c C);

impl<C: Connect> Connect for Meter<'_, C> {
    type Error = C::Error;
    type Stream<'s>
        = C::Stream<'s>
    where
        Self: 's;

    const PROVES_END: bool = C::PROVES_END;

    async fn connect<'s>(&'s self, origin: Origin<'_>) -> Result<Self::Stream<'s>, Self::Error> {
        let before = board::busy();
        let stream = self.0.connect(origin).await;
        let taken = (board::busy() - before) / 1000;
        CONNECTIONS.store(CONNECTIONS.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        CONNECTING.store(CONNECTING.load(Ordering::Relaxed) + taken as u32, Ordering::Relaxed);
        stream
    }

    async fn is_silent<'s>(&'s self, stream: &mut Self::Stream<'s>) -> bool {
        self.0.is_silent(stream).await
    }

    fn kind(error: &Self::Error) -> HttpErrorKind {
        C::kind(error)
    }

    fn network(&self) -> u32 {
        self.0.network()
    }
}

/// How many streams were opened, and the microseconds of work for them.
pub fn connections() -> (u32, u32) {
    (CONNECTIONS.load(Ordering::Relaxed), CONNECTING.load(Ordering::Relaxed))
}

static CONNECTIONS: AtomicU32 = AtomicU32::new(0);
static CONNECTING: AtomicU32 = AtomicU32::new(0);
