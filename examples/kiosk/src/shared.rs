//! The terminal between the page's server and who does its orders.

use std::{
    sync::{Condvar, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::watch;

use crate::kiosk::{Kiosk, Order};

/// One terminal, for all threads.
pub struct Shared {
    kiosk: Mutex<Kiosk>,
    ordered: Condvar,
    version: watch::Sender<u64>,
    start: Instant,
}

impl Shared {
    pub fn new(kiosk: Kiosk) -> Self {
        let (version, _) = watch::channel(kiosk.version());
        Self { kiosk: Mutex::new(kiosk), ordered: Condvar::new(), version, start: Instant::now() }
    }

    /// Does something to the terminal, after what the time does to it.
    pub fn with<R>(&self, act: impl FnOnce(&mut Kiosk, u64) -> R) -> R {
        // Nothing is left half done where a thread panics.
        let mut kiosk = self.kiosk.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.now();
        kiosk.tick(now);
        let outcome = act(&mut kiosk, now);
        self.changed(&kiosk);
        outcome
    }

    /// The next order, for which this waits so long.
    pub fn order(&self, patience: Duration) -> Option<Order> {
        let take = |kiosk: &mut Kiosk, _| kiosk.take_order();
        if let order @ Some(_) = self.with(take) {
            return order;
        }
        let kiosk = self.kiosk.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.ordered.wait_timeout(kiosk, patience).unwrap_or_else(PoisonError::into_inner));
        self.with(take)
    }

    /// Hears of every change.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// Milliseconds since the start.
    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn changed(&self, kiosk: &Kiosk) {
        let version = kiosk.version();
        let is_new = |seen: &mut u64| std::mem::replace(seen, version) != version;
        if self.version.send_if_modified(is_new) {
            self.ordered.notify_all();
        }
    }
}
