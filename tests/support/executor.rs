//! As much of an executor as a test needs.

use std::{
    future::Future,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

/// Polls until the future is ready: nothing in these tests waits for anybody.
///
/// # Panics
/// If it is not ready after a million polls.
pub fn block_on<F: Future>(future: F) -> F::Output {
    polls(future, 1_000_000).expect("the future hangs")
}

/// Polls so many times at the most, and drops the future if it is not ready then.
pub fn polls<F: Future>(future: F, most: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    (0..most).find_map(|_| match future.as_mut().poll(&mut context) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    })
}

/// A point where the executor may turn to other tasks, or drop this one.
pub fn pause() -> Pause {
    Pause { paused: false }
}

/// See [`pause`].
#[derive(Debug)]
pub struct Pause {
    paused: bool,
}

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        context.waker().wake_by_ref();
        if std::mem::replace(&mut self.paused, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}
