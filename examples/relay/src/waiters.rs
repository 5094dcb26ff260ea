//! Long-polls that wait for something to happen in a mailbox.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, futures::Notified};

use crate::store::Name;

/// Who waits for which mailbox, in this process.
#[derive(Clone, Default)]
pub struct Waiters(Arc<Mutex<HashMap<Name, Arc<Notify>>>>);

impl Waiters {
    /// Begins to wait for a mailbox.
    pub fn wait(&self, mailbox: &Name) -> Waiter {
        let notify = self.map().entry(*mailbox).or_default().clone();
        Waiter { waiters: self.clone(), mailbox: *mailbox, notify }
    }

    /// Something happened there.
    pub fn wake(&self, mailbox: &Name) {
        let notify = self.map().get(mailbox).cloned();
        if let Some(notify) = notify {
            notify.notify_waiters();
        }
    }

    /// Something may have happened anywhere.
    pub fn wake_all(&self) {
        let all: Vec<_> = self.map().values().cloned().collect();
        all.iter().for_each(|notify| notify.notify_waiters());
    }

    fn map(&self) -> MutexGuard<'_, HashMap<Name, Arc<Notify>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One that waits.
pub struct Waiter {
    waiters: Waiters,
    mailbox: Name,
    notify: Arc<Notify>,
}

impl Waiter {
    /// Ready once something happens after this call. Look into the mailbox after it, and nothing is missed.
    pub fn woken(&self) -> Notified<'_> {
        self.notify.notified()
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut map = self.waiters.map();
        // The map's and this one: nobody else waits.
        if map.get(&self.mailbox).is_some_and(|notify| Arc::strong_count(notify) <= 2) {
            map.remove(&self.mailbox);
        }
    }
}
