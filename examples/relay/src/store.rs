//! Where pending sign-ins are kept.

mod memory;
mod redis;

use std::{future::Future, pin::Pin};

pub use self::{memory::Memory, redis::Redis};

/// A mailbox's name: the SHA-256 of `state`.
pub type Name = [u8; 32];

/// A keyed hash, or something as short.
pub type Tag = [u8; 16];

/// What a store gives back, later.
pub type Later<'s, T> = Pin<Box<dyn Future<Output = Result<T, Unavailable>> + Send + 's>>;

/// Keeps pending sign-ins. Each operation happens as a whole or not at all, whatever other instances do.
///
/// It is handed only what a thief may read: keyed hashes, and what is encrypted.
pub trait Store: Send + Sync {
    /// Opens a mailbox, or gives it new codes while no browser was let in.
    fn open<'s>(&'s self, mailbox: &'s Name, entry: Entry) -> Later<'s, Opened>;

    /// Lets in the browser that shows this code or token, once. With an address the try is counted if it is wrong.
    fn pair(&self, proof: Tag, address: Option<Tag>) -> Later<'_, Pairing>;

    /// What is there, without changing it.
    fn look<'s>(&'s self, mailbox: &'s Name) -> Later<'s, Option<Mailbox>>;

    /// Puts the answer into the mailbox of the browser that was let in; true if it is the first.
    fn respond<'s>(&'s self, mailbox: &'s Name, browser: Tag, response: Vec<u8>) -> Later<'s, bool>;

    /// Hands the answer to the device if it is there; else how far the sign-in is. Until [`Store::given`] says how that
    /// went, or its time is over, nobody else gets it.
    fn take<'s>(&'s self, mailbox: &'s Name, device: Tag) -> Later<'s, Taken>;

    /// Whether the device was sent the whole answer: then there is none any more. Else it may ask again.
    fn given<'s>(&'s self, mailbox: &'s Name, whole: bool) -> Later<'s, ()>;

    /// Ends it, and keeps how for the browser's last page.
    fn close<'s>(&'s self, mailbox: &'s Name, device: Tag, ending: Ending) -> Later<'s, Closed>;

    /// Whether it answers.
    fn ready(&self) -> Later<'_, ()>;

    /// How many mailboxes there are, if that is known here.
    fn count(&self) -> Option<u64>;
}

/// The store does not answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Unavailable;

/// A new mailbox.
#[derive(Clone)]
pub struct Entry {
    /// Whose it is.
    pub device: Tag,
    /// What the cookie of its browser will hash to.
    pub browser: Tag,
    /// Where it is found by its code.
    pub code: Tag,
    /// Where it is found by its token.
    pub token: Tag,
    /// The token, hidden behind the code.
    pub wrapped: Tag,
    /// The device, its key and the authorization URL, encrypted.
    pub sealed: Vec<u8>,
}

/// What came of opening.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Opened {
    /// Another mailbox has this code: take another code.
    Clash,
    /// It is open, and its codes serve for so many milliseconds.
    Done(u64),
    /// Another device has it.
    Foreign,
    /// There is no more room.
    Full,
    /// A browser was let in already.
    Paired,
}

/// What came of a code or a token.
pub enum Pairing {
    /// Too many wrong codes: wait so many seconds.
    Blocked(u64),
    /// The browser is let in.
    Done(Paired),
    /// There is no such code.
    Wrong,
}

/// The mailbox that a code was for.
pub struct Paired {
    /// Its name.
    pub mailbox: Name,
    /// The token, hidden behind the code.
    pub wrapped: Tag,
    /// What is encrypted.
    pub sealed: Vec<u8>,
}

/// A mailbox as a browser's request finds it.
pub struct Mailbox {
    /// What the cookie of its browser hashes to.
    pub browser: Tag,
    /// The code that it had.
    pub code: Tag,
    /// The token that it had.
    pub token: Tag,
    /// How far it is.
    pub phase: Phase,
    /// What is encrypted.
    pub sealed: Vec<u8>,
}

/// How far a sign-in is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    /// The answer came, whether or not the device has it.
    Answered,
    /// It is over.
    Over(Ending),
    /// A browser was let in.
    Paired,
    /// Nobody has typed the code.
    Waiting,
}

/// What the device finds in its mailbox.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Taken {
    /// It is another device's.
    Foreign,
    /// The answer was given, or nobody asked for it in time.
    Gone,
    /// A browser was let in, and there is no answer yet, or it is on its way.
    Paired,
    /// The sealed answer.
    Response(Vec<u8>),
    /// There is no such mailbox, or it is over.
    Unknown,
    /// Nobody has typed the code.
    Waiting,
}

/// What came of closing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Closed {
    /// It is closed.
    Done,
    /// Another device has it.
    Foreign,
    /// There is none.
    Unknown,
}

/// How a sign-in ended, as its device says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ending {
    /// The user stopped it on the device.
    Cancelled,
    /// It did not work.
    Failed,
    /// The user, or the server, said no.
    Refused,
    /// It worked.
    SignedIn,
}

impl Ending {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Cancelled, Self::Failed, Self::Refused, Self::SignedIn];

    /// As it stands in requests, in the store and in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::SignedIn => "signed_in",
        }
    }

    /// Back again.
    pub fn read(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ending| ending.name() == name)
    }
}

/// How long things live, in milliseconds, and how many wrong codes are borne.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// A mailbox, whatever happens.
    pub mailbox: u64,
    /// A code and a token.
    pub code: u64,
    /// An answer that nobody fetches.
    pub response: u64,
    /// An answer that is being handed to its device; if the instance ends meanwhile, another one may.
    pub hand: u64,
    /// How it ended.
    pub ending: u64,
    /// Wrong codes from one address.
    pub address: Tries,
    /// Wrong codes from everywhere.
    pub everywhere: Tries,
    /// Mailboxes at a time, where the store counts them.
    pub most: usize,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            mailbox: 600_000,
            code: 120_000,
            response: 60_000,
            hand: 2_000,
            ending: 60_000,
            address: Tries { free: 5, first: 30_000, most: 900_000, memory: 3_600_000 },
            everywhere: Tries { free: 100, first: 1_000, most: 60_000, memory: 300_000 },
            most: 100_000,
        }
    }
}

/// How many wrong tries are free, and how long the next one has to wait. Times in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Tries {
    /// Wrong tries before the first wait.
    pub free: u32,
    /// The first wait; each further wrong try doubles it.
    pub first: u64,
    /// The longest wait.
    pub most: u64,
    /// How long after the last one they are all forgotten.
    pub memory: u64,
}

impl Tries {
    /// The wait after this many wrong tries.
    pub fn wait(&self, wrong: u32) -> u64 {
        match wrong.checked_sub(self.free) {
            Some(over) => {
                self.first.saturating_mul(1u64.checked_shl(over.min(32)).unwrap_or(u64::MAX)).min(self.most)
            }
            None => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow() {
        let tries = Rules::default().address;
        assert_eq!(
            [0, 4, 5, 6, 7, 9, 10, 11, 1000].map(|wrong| tries.wait(wrong) / 1000),
            [0, 0, 30, 60, 120, 480, 900, 900, 900]
        );
    }
}
