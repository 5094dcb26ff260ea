//! One socket, and how far its connection is.

use core::{
    future::Future,
    net::{IpAddr, Ipv4Addr},
    pin::pin,
    task::{Context, Poll},
};

use keyfob_core::portal::Visitor;

/// A socket, and the connection on it.
pub(super) struct Line<L> {
    pub(super) socket: L,
    pub(super) stage: Stage,
    pub(super) asks: Visitor,
    pub(super) place: Option<usize>,
    /// Octets of its request.
    pub(super) length: usize,
    /// Its answer is the last page.
    pub(super) last: bool,
    /// When the stage began, in milliseconds of uptime.
    pub(super) since: u64,
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stage {
    /// The answer is written, and on its way.
    Answered,
    /// The answer is being written.
    Answering,
    /// The driver judges what it brought.
    Asking,
    /// There is none, nor is one waited for.
    Closed,
    /// The other side has the answer, and is to close.
    Closing,
    /// It waits for the last page.
    Held,
    /// One is waited for.
    Listening,
    /// Its request comes. `fresh`: of it, something was not looked at; `ended`: no more will come.
    Reading { fresh: bool, ended: bool },
    /// It has no place yet.
    Waiting,
}

impl<L> Line<L> {
    pub(super) const fn new(socket: L) -> Self {
        let asks = Visitor::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        Self { socket, stage: Stage::Closed, asks, place: None, length: 0, last: false, since: 0 }
    }

    pub(super) const fn go(&mut self, stage: Stage, uptime: u64) {
        self.stage = stage;
        self.since = uptime;
    }

    /// Whether somebody is there.
    pub(super) const fn is_connected(&self) -> bool {
        !matches!(self.stage, Stage::Closed | Stage::Listening)
    }

    pub(super) const fn age(&self, uptime: u64) -> u64 {
        uptime.saturating_sub(self.since)
    }
}

/// Looks once whether a future is ready, and drops it.
pub(super) fn look<F: Future>(context: &mut Context<'_>, future: F) -> Poll<F::Output> {
    pin!(future).poll(context)
}
