//! Who gets a place: a few connections, and somebody who keeps them all busy (slow-loris).

use core::net::IpAddr;

use crate::encoding::text;

/// The places for connections, of which there are `N`. It only counts: the driver owns sockets and buffers.
///
/// Deadlines alone do not help: who opens connections and says nothing has all places until they end. What helps is a
/// limit for each address, and that a connection which has not said its request may be replaced after
/// [`Slots::GRACE`] milliseconds, if there is no other place.
///
/// ```
/// use core::net::{IpAddr, Ipv4Addr};
/// use keyfob_core::portal::{Admission, Slots};
///
/// let (phone, other) = (IpAddr::V4(Ipv4Addr::new(192, 168, 4, 2)), IpAddr::V4(Ipv4Addr::new(192, 168, 4, 3)));
/// let mut slots = Slots::<2>::new(1);
/// assert_eq!(slots.admit(other, 0), Admission::Free(0));
/// assert_eq!(slots.admit(other, 10), Admission::Refuse);
/// assert_eq!(slots.admit(phone, 20), Admission::Free(1));
/// slots.heard(1); // the request is whole: nobody gets this place
/// assert_eq!(slots.admit(phone, 100), Admission::Refuse);
/// assert_eq!(slots.admit(other, 100), Admission::Replace(0));
/// ```
pub struct Slots<const N: usize> {
    slots: [Option<Taken>; N],
    per_address: u8,
}

#[derive(Clone, Copy)]
struct Taken {
    peer: IpAddr,
    /// Milliseconds of uptime.
    since: u64,
    heard: bool,
}

/// What to do with a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Admission {
    /// It has this place.
    Free(usize),
    /// It waits: nobody can be replaced yet. Ask again a little later.
    Later,
    /// Close it: its address has all that it may have.
    Refuse,
    /// Close the connection that has this place, for the new one has it now.
    Replace(usize),
}

impl<const N: usize> Slots<N> {
    /// Milliseconds that a connection has for its request while others wait for its place.
    pub const GRACE: u64 = 50;

    /// Milliseconds for a whole request, on a network.
    pub const DEADLINE: u64 = 10_000;

    /// Places that one address should have. On a listener for the same machine, where all have one address, it is `N`.
    pub const PER_ADDRESS: u8 = 2;

    /// No place is taken. An address has at most `per_address` of them.
    pub const fn new(per_address: u8) -> Self {
        Self { slots: [None; N], per_address }
    }

    /// A place for a connection from `peer`, at this uptime. A place that is given is taken.
    pub fn admit(&mut self, peer: IpAddr, uptime: u64) -> Admission {
        let own = text::count(self.slots.iter().flatten().filter(|taken| taken.peer == peer));
        let most = usize::from(self.per_address);
        let crowded = own >= most;
        let (free, admission) = match self.slots.iter().position(Option::is_none) {
            Some(place) if !crowded => (Some(place), Admission::Free(place)),
            // Its own connections at first: more of them do no harm to others.
            _ => match self.oldest(crowded.then_some(peer), uptime) {
                Some(place) => (Some(place), Admission::Replace(place)),
                // To let it wait would keep the others waiting behind it.
                None if crowded && most < N => (None, Admission::Refuse),
                None => (None, Admission::Later),
            },
        };
        if let Some(slot) = free.and_then(|place| self.slots.get_mut(place)) {
            *slot = Some(Taken { peer, since: uptime, heard: false });
        }
        admission
    }

    /// The request of this place is whole: the place is kept until it is [free](Slots::free).
    pub fn heard(&mut self, place: usize) {
        if let Some(Some(taken)) = self.slots.get_mut(place) {
            taken.heard = true;
        }
    }

    /// What was taken for a whole request is none yet: the place is as it was before.
    pub fn unheard(&mut self, place: usize) {
        if let Some(Some(taken)) = self.slots.get_mut(place) {
            taken.heard = false;
        }
    }

    /// The answer is sent, and the connection waits to be closed: from now on it counts as silent.
    pub fn answered(&mut self, place: usize, uptime: u64) {
        if let Some(Some(taken)) = self.slots.get_mut(place) {
            (taken.heard, taken.since) = (false, uptime);
        }
    }

    /// The connection of this place is closed.
    pub fn free(&mut self, place: usize) {
        if let Some(slot) = self.slots.get_mut(place) {
            *slot = None;
        }
    }

    /// Whether there is a place, or one that could be taken from somebody: if not, connections wait where they are.
    pub fn has_place(&self, uptime: u64) -> bool {
        self.slots.iter().any(Option::is_none) || self.oldest(None, uptime).is_some()
    }

    /// Whether this place's request is not whole after `limit` milliseconds, such as [`Slots::DEADLINE`]: answer with
    /// [`Status::RequestTimeout`](crate::portal::Status::RequestTimeout) and close.
    pub fn is_late(&self, place: usize, uptime: u64, limit: u64) -> bool {
        let slot = self.slots.get(place).copied().flatten();
        slot.is_some_and(|taken| !taken.heard && uptime.saturating_sub(taken.since) >= limit)
    }

    /// The connection that has been silent for the longest time, and long enough; of this address, if there is one.
    fn oldest(&self, peer: Option<IpAddr>, uptime: u64) -> Option<usize> {
        let mut found: Option<(usize, u64)> = None;
        for (place, slot) in self.slots.iter().enumerate() {
            let Some(taken) = slot else { continue };
            let silent = !taken.heard && uptime.saturating_sub(taken.since) >= Self::GRACE;
            let counts = peer.is_none_or(|peer| peer == taken.peer);
            if silent && counts && found.is_none_or(|(_, since)| taken.since < since) {
                found = Some((place, taken.since));
            }
        }
        found.map(|(place, _)| place)
    }
}
