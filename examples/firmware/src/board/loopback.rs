//! The machine that the board is emulated on, as a server.

use keyfob_embassy::connect::{Connect, Origin};

/// Streams of `C`; but `localhost` and `127.0.0.1` are the machine that the board is emulated on, so that a server can
/// have one address for this board and for a browser over there.
pub struct Loopback<C>(pub C);

impl<C: Connect> Connect for Loopback<C> {
    type Error = C::Error;
    type Stream<'s>
        = C::Stream<'s>
    where
        Self: 's;

    const PROVES_END: bool = C::PROVES_END;

    async fn connect<'s>(&'s self, origin: Origin<'_>) -> Result<Self::Stream<'s>, Self::Error> {
        let host = match origin.host {
            "localhost" | "127.0.0.1" => GATEWAY,
            host => host,
        };
        self.0.connect(Origin { host, ..origin }).await
    }

    async fn is_silent<'s>(&'s self, stream: &mut Self::Stream<'s>) -> bool {
        self.0.is_silent(stream).await
    }

    fn kind(error: &Self::Error) -> keyfob_embassy::http::HttpErrorKind {
        C::kind(error)
    }

    fn network(&self) -> u32 {
        self.0.network()
    }
}

/// That machine, as QEMU's network has it.
const GATEWAY: &str = "10.0.2.2";
