//! Sign-ins in the memory of this process: for one instance.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, hash_map::Entry as Place},
    future::ready,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use subtle::ConstantTimeEq;

use crate::{
    clock::Clock,
    store::{
        Closed, Ending, Entry, Later, Mailbox, Name, Opened, Paired, Pairing, Phase, Rules, Store, Tag,
        Taken, Tries,
    },
};

/// Keeps sign-ins in this process. When it ends, they are gone.
pub struct Memory {
    rules: Rules,
    clock: Clock,
    state: Mutex<State>,
}

impl Memory {
    /// An empty one.
    pub fn new(rules: Rules, clock: Clock) -> Self {
        Self { rules, clock, state: Mutex::default() }
    }

    /// Forgets what is over. Every operation does it too; this is for when there are none.
    pub fn sweep(&self) {
        drop(self.state());
    }

    /// The state, without what is over, and the time.
    fn state(&self) -> (MutexGuard<'_, State>, u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        state.sweep(now);
        (state, now)
    }
}

impl Store for Arc<Memory> {
    fn open<'s>(&'s self, mailbox: &'s Name, entry: Entry) -> Later<'s, Opened> {
        let (mut state, now) = self.state();
        Box::pin(ready(Ok(state.open(&self.rules, now, mailbox, entry))))
    }

    fn pair(&self, proof: Tag, address: Option<Tag>) -> Later<'_, Pairing> {
        let (mut state, now) = self.state();
        Box::pin(ready(Ok(state.pair(&self.rules, now, &proof, address))))
    }

    fn look<'s>(&'s self, mailbox: &'s Name) -> Later<'s, Option<Mailbox>> {
        let (state, _) = self.state();
        let found = state.mailboxes.get(mailbox).map(|kept| Mailbox {
            browser: kept.browser,
            code: kept.code,
            token: kept.token,
            phase: kept.phase,
            sealed: kept.sealed.to_vec(),
        });
        Box::pin(ready(Ok(found)))
    }

    fn respond<'s>(&'s self, mailbox: &'s Name, browser: Tag, response: Vec<u8>) -> Later<'s, bool> {
        let (mut state, now) = self.state();
        Box::pin(ready(Ok(state.respond(&self.rules, now, mailbox, &browser, response))))
    }

    fn take<'s>(&'s self, mailbox: &'s Name, device: Tag) -> Later<'s, Taken> {
        let (mut state, now) = self.state();
        let taken = match state.mailboxes.get_mut(mailbox) {
            None => Taken::Unknown,
            Some(kept) if kept.device != device => Taken::Foreign,
            Some(kept) => match kept.phase {
                Phase::Answered if kept.response.is_some() && kept.hand_until > now => Taken::Paired,
                Phase::Answered => {
                    kept.hand_until = now.saturating_add(self.rules.hand);
                    kept.response.clone().map_or(Taken::Gone, |response| Taken::Response(response.into()))
                }
                Phase::Over(_) => Taken::Unknown,
                Phase::Paired => Taken::Paired,
                Phase::Waiting => Taken::Waiting,
            },
        };
        Box::pin(ready(Ok(taken)))
    }

    fn given<'s>(&'s self, mailbox: &'s Name, whole: bool) -> Later<'s, ()> {
        let (mut state, _) = self.state();
        if let Some(kept) = state.mailboxes.get_mut(mailbox) {
            kept.hand_until = 0;
            kept.response.take_if(|_| whole);
        }
        Box::pin(ready(Ok(())))
    }

    fn close<'s>(&'s self, mailbox: &'s Name, device: Tag, ending: Ending) -> Later<'s, Closed> {
        let (mut state, now) = self.state();
        Box::pin(ready(Ok(state.close(&self.rules, now, mailbox, &device, ending))))
    }

    fn ready(&self) -> Later<'_, ()> {
        Box::pin(ready(Ok(())))
    }

    fn count(&self) -> Option<u64> {
        u64::try_from(self.state().0.mailboxes.len()).ok()
    }
}

#[derive(Default)]
struct State {
    mailboxes: HashMap<Name, Box<Kept>>,
    /// From codes and tokens.
    proofs: HashMap<Tag, Name>,
    /// When to look after which.
    due: BinaryHeap<Reverse<(u64, Name)>>,
    wrong: HashMap<Tag, Wrong>,
    everywhere: Wrong,
}

struct Kept {
    device: Tag,
    browser: Tag,
    code: Tag,
    token: Tag,
    wrapped: Tag,
    sealed: Box<[u8]>,
    phase: Phase,
    codes_until: u64,
    until: u64,
    response: Option<Box<[u8]>>,
    response_until: u64,
    hand_until: u64,
}

/// Wrong tries, and until when there may be no other.
#[derive(Clone, Copy, Default)]
struct Wrong {
    count: u32,
    until: u64,
    forgotten: u64,
}

impl Wrong {
    fn add(&mut self, tries: &Tries, now: u64) {
        if now >= self.forgotten {
            self.count = 0;
        }
        self.count = self.count.saturating_add(1);
        self.until = now.saturating_add(tries.wait(self.count));
        self.forgotten = now.saturating_add(tries.memory);
    }
}

impl State {
    fn open(&mut self, rules: &Rules, now: u64, mailbox: &Name, entry: Entry) -> Opened {
        let until = match self.mailboxes.get(mailbox) {
            Some(kept) if kept.device != entry.device => return Opened::Foreign,
            Some(kept) if kept.phase != Phase::Waiting => return Opened::Paired,
            Some(kept) => kept.until,
            None if self.mailboxes.len() >= rules.most => return Opened::Full,
            None => now.saturating_add(rules.mailbox),
        };
        if self.proofs.contains_key(&entry.code) {
            return Opened::Clash;
        }
        let codes_until = now.saturating_add(rules.code).min(until);
        self.proofs.insert(entry.code, *mailbox);
        self.proofs.insert(entry.token, *mailbox);
        let Entry { device, browser, code, token, wrapped, sealed } = entry;
        let (sealed, phase, response) = (sealed.into_boxed_slice(), Phase::Waiting, None);
        let kept = Kept {
            device,
            browser,
            code,
            token,
            wrapped,
            sealed,
            phase,
            codes_until,
            until,
            response,
            response_until: u64::MAX,
            hand_until: 0,
        };
        match self.mailboxes.insert(*mailbox, Box::new(kept)) {
            Some(old) => self.forget_proofs(&old),
            None => self.due.push(Reverse((until, *mailbox))),
        }
        Opened::Done(codes_until.saturating_sub(now))
    }

    fn pair(&mut self, rules: &Rules, now: u64, proof: &Tag, address: Option<Tag>) -> Pairing {
        if let Some(address) = &address {
            let until = self.wrong.get(address).map_or(0, |wrong| wrong.until).max(self.everywhere.until);
            if until > now {
                return Pairing::Blocked((until - now).div_ceil(1000));
            }
        }
        let found = self.proofs.get(proof).copied();
        let kept = found.and_then(|mailbox| Some((mailbox, self.mailboxes.get_mut(&mailbox)?)));
        let Some((mailbox, kept)) =
            kept.filter(|(_, kept)| kept.phase == Phase::Waiting && kept.codes_until > now)
        else {
            self.wrong(rules, now, address);
            return Pairing::Wrong;
        };
        kept.phase = Phase::Paired;
        let (code, token) = (kept.code, kept.token);
        let wrapped = std::mem::take(&mut kept.wrapped);
        let sealed = kept.sealed.to_vec();
        self.proofs.remove(&code);
        self.proofs.remove(&token);
        if let Some(address) = &address {
            self.wrong.remove(address);
        }
        Pairing::Done(Paired { mailbox, wrapped, sealed })
    }

    fn wrong(&mut self, rules: &Rules, now: u64, address: Option<Tag>) {
        let Some(address) = address else { return };
        self.everywhere.add(&rules.everywhere, now);
        if self.wrong.len() >= MOST_ADDRESSES {
            self.wrong.retain(|_, wrong| wrong.forgotten > now);
        }
        let room = self.wrong.len() < MOST_ADDRESSES;
        match self.wrong.entry(address) {
            Place::Occupied(mut place) => place.get_mut().add(&rules.address, now),
            // So many addresses are held back by the count of everywhere.
            Place::Vacant(_) if !room => {}
            Place::Vacant(place) => place.insert(Wrong::default()).add(&rules.address, now),
        }
    }

    fn respond(&mut self, rules: &Rules, now: u64, mailbox: &Name, browser: &Tag, response: Vec<u8>) -> bool {
        let Some(kept) = self.mailboxes.get_mut(mailbox) else { return false };
        if kept.phase != Phase::Paired || !bool::from(kept.browser.ct_eq(browser)) {
            return false;
        }
        kept.phase = Phase::Answered;
        kept.response = Some(response.into_boxed_slice());
        kept.response_until = now.saturating_add(rules.response);
        self.due.push(Reverse((kept.response_until, *mailbox)));
        true
    }

    fn close(&mut self, rules: &Rules, now: u64, mailbox: &Name, device: &Tag, ending: Ending) -> Closed {
        let Some(kept) = self.mailboxes.get_mut(mailbox) else { return Closed::Unknown };
        if kept.device != *device {
            return Closed::Foreign;
        }
        match kept.phase {
            Phase::Over(_) => return Closed::Unknown,
            Phase::Waiting => self.remove(mailbox),
            Phase::Answered | Phase::Paired => {
                kept.phase = Phase::Over(ending);
                kept.response = None;
                kept.sealed = Box::default();
                kept.until = now.saturating_add(rules.ending).min(kept.until);
                self.due.push(Reverse((kept.until, *mailbox)));
            }
        }
        Closed::Done
    }

    fn sweep(&mut self, now: u64) {
        while let Some(Reverse((when, mailbox))) = self.due.peek().copied() {
            if when > now {
                break;
            }
            self.due.pop();
            match self.mailboxes.get_mut(&mailbox) {
                Some(kept) if kept.until <= now => self.remove(&mailbox),
                Some(kept) if kept.response_until <= now => kept.response = None,
                _ => {}
            }
        }
    }

    fn remove(&mut self, mailbox: &Name) {
        if let Some(kept) = self.mailboxes.remove(mailbox) {
            self.forget_proofs(&kept);
        }
    }

    fn forget_proofs(&mut self, kept: &Kept) {
        self.proofs.remove(&kept.code);
        self.proofs.remove(&kept.token);
    }
}

/// Addresses with wrong codes that are remembered at a time.
const MOST_ADDRESSES: usize = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    /// A mailbox of its own for each number.
    fn open(memory: &Memory, number: usize) -> Name {
        let tag = |label: u8| {
            let mut tag = [label; 16];
            tag[..8].copy_from_slice(&number.to_le_bytes());
            tag
        };
        let mut mailbox = [0; 32];
        mailbox[..16].copy_from_slice(&tag(0));
        // An authorization URL of 450 octets, which is more than a usual one that is not pushed.
        let sealed = vec![7; 16 + 32 + 450 + 16];
        let (device, browser, code, token) = (tag(1), tag(2), tag(3), tag(4));
        let entry = Entry { device, browser, code, token, wrapped: [5; 16], sealed };
        let (mut state, now) = memory.state();
        assert_eq!(state.open(&memory.rules, now, &mailbox, entry), Opened::Done(120_000));
        mailbox
    }

    #[test]
    fn the_first_answer_stands() {
        let memory = Memory::new(Rules::default(), Clock::default());
        let mailbox = open(&memory, 0);
        let (mut state, now) = memory.state();
        let (browser, code) = (state.mailboxes[&mailbox].browser, state.mailboxes[&mailbox].code);
        let rules = &memory.rules;
        assert!(!state.respond(rules, now, &mailbox, &browser, vec![1]));
        assert!(matches!(state.pair(rules, now, &code, None), Pairing::Done(_)));
        assert!(!state.respond(rules, now, &mailbox, &[9; 16], vec![2]));
        assert!(state.respond(rules, now, &mailbox, &browser, vec![3]));
        assert!(!state.respond(rules, now, &mailbox, &browser, vec![4]));
        assert_eq!(state.mailboxes[&mailbox].response.as_deref(), Some(&[3][..]));
    }

    /// Octets of this process in memory.
    #[cfg(target_os = "linux")]
    fn resident() -> usize {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_pending_sign_in_takes_a_kilobyte_at_the_most() {
        const COUNT: usize = 100_000;
        let memory = Arc::new(Memory::new(Rules::default(), Clock::default()));
        let before = resident();
        for number in 0..COUNT {
            open(&memory, number);
        }
        let each = (resident() - before) / COUNT;
        assert!((600..=1024).contains(&each), "{each} octets");
        assert_eq!(memory.count(), Some(COUNT as u64));
        memory.clock.advance(std::time::Duration::from_secs(600));
        assert_eq!(memory.count(), Some(0));
        assert!(memory.state().0.proofs.is_empty() && memory.state().0.due.is_empty());
    }
}
