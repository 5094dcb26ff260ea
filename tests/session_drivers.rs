//! Sessions through both drivers, with stores of many kinds.

use std::{
    fs, io,
    path::PathBuf,
    sync::{Arc, Barrier, Mutex},
    thread,
};

use keyfob_core::{
    secret::Seed,
    session::{SignInReason, Slot},
    sign_out::{Outcome, SignOut},
    time::Now,
};
use keyfob_std::session::{FileStore, Store, Unavailable, keep_fresh, sign_out, tell};
use keyfob_tests::{
    answer::Answer,
    clients::GAUGE,
    clock::{NOW, TestClock},
    device::{self, Flash, Kept, Net, Trouble},
    executor::{block_on, polls},
    seeds,
};
use sha2::{Digest, Sha256};

type Owed = SignOut<'static, 128>;

fn seed() -> Seed {
    Seed::new(seeds::octets(1)).expect("a seed")
}

fn session() -> Kept {
    Kept::new(&GAUGE, &seed()).expect("the settings are right")
}

fn owed() -> Owed {
    SignOut::new(&GAUGE, &seed()).expect("the settings are right")
}

/// A folder of its own for a test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("keyfob-{name}-{}", std::process::id()));
        drop(fs::remove_dir_all(&folder));
        Self(folder)
    }

    fn store(&self) -> FileStore {
        FileStore::new(&self.0).expect("a folder")
    }

    /// The names of its files, and their octets.
    fn files(&self) -> Vec<(String, Vec<u8>)> {
        let entries = fs::read_dir(&self.0).expect("a folder").map(|entry| entry.expect("an entry"));
        let mut files: Vec<_> = entries
            .map(|entry| {
                (entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).expect("a file"))
            })
            .collect();
        files.sort();
        files
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

fn sign_in(session: &mut Kept, net: &Net, now: Now) {
    let answer = Answer::json(200, &net.issuer().sign_in());
    device::sign_in(session, &GAUGE, now, &answer).expect("the tokens fit");
}

/// The token that a session has after `keep_fresh`.
fn token(session: &Kept, clock: &TestClock) -> Option<String> {
    session.access_token(clock.now()).map(|token| token.expose().to_owned())
}

// REQ: STORE-01, STORE-04, SECRET-11, DRV-01
#[test]
fn a_life_with_files() {
    let folder = Folder::new("life");
    let (mut net, mut clock, mut buffer) = (Net::default(), TestClock::default(), [0; 2048]);
    let mut fresh = |session: &mut Kept, net: &mut Net, clock: &mut TestClock| {
        let outcome = keep_fresh(session, &mut folder.store(), net, clock, &mut buffer);
        outcome.map(|failed| assert!(failed.is_none()))
    };
    let mut kept = session();
    let outcome = fresh(&mut kept, &mut net, &mut clock);
    assert!(matches!(outcome, Err(Unavailable::SignIn(SignInReason::NeverSignedIn))));
    sign_in(&mut kept, &net, clock.now());
    fresh(&mut kept, &mut net, &mut clock).expect("signed in");
    assert_eq!(token(&kept, &clock).as_deref(), Some("access-1"));
    for refresh in [2, 3] {
        // Another start of the program.
        let mut kept = session();
        clock.advance(1000);
        fresh(&mut kept, &mut net, &mut clock).expect("it goes on");
        assert_eq!(token(&kept, &clock), Some(format!("access-{refresh}")));
    }
    let files = folder.files();
    assert_eq!(files.iter().map(|file| file.0.as_str()).collect::<Vec<_>>(), ["session-1", "session-2"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: PathBuf| fs::metadata(path).expect("a file").permissions().mode() & 0o777;
        assert_eq!(mode(folder.0.clone()), 0o700);
        for (name, _) in &files {
            assert_eq!(mode(folder.0.join(name)), 0o600, "{name}");
        }
    }
    // What is erased is overwritten: another name of the same file shows it.
    let other = std::env::temp_dir().join(format!("keyfob-linked-{}", std::process::id()));
    drop(fs::remove_file(&other));
    fs::hard_link(folder.0.join(&files[0].0), &other).expect("a link");
    let mut kept = session();
    let outcome =
        sign_out(&mut kept, &mut owed(), true, &mut folder.store(), &mut net, &mut clock, &mut buffer);
    assert!(matches!(outcome, Ok(Outcome::Revoked)), "{outcome:?}");
    let left = fs::read(&other).expect("a file");
    assert!(!left.is_empty() && left.iter().all(|&octet| octet == 0));
    fs::remove_file(&other).expect("a file");
    assert_eq!(folder.files(), []);
    assert_eq!(net.issuer().revoked, ["refresh-3"]);
    assert_eq!(net.issuer().alarms, 0);
}

/// A write that was cut leaves the old file; the rest of the new one is cleared away.
// REQ: STORE-01
#[test]
fn a_file_is_replaced_whole() {
    let folder = Folder::new("whole");
    let mut store = folder.store();
    store.store(Slot::First, b"old").expect("room");
    fs::write(folder.0.join("session-1.new"), b"half of").expect("room");
    let mut buffer = [0; 8];
    assert_eq!(store.load(Slot::First, &mut buffer).expect("a file"), 3);
    assert_eq!(&buffer[..3], b"old");
    store.store(Slot::First, b"newer").expect("room");
    assert_eq!(folder.files(), [("session-1".to_owned(), b"newer".to_vec())]);
    assert_eq!(store.load(Slot::Second, &mut buffer).expect("no file"), 0);
    assert!(store.load(Slot::First, &mut buffer[..4]).is_err(), "it is not cut");
    assert_eq!(store.load(Slot::First, &mut buffer[..5]).expect("a file"), 5);
    fs::write(folder.0.join("session-1.new"), b"half of").expect("room");
    store.erase(Slot::First).expect("it is there");
    store.erase(Slot::First).expect("it is gone");
    assert_eq!(folder.files(), []);
}

/// Two threads need a token; one request is made.
// REQ: REFRESH-05
#[test]
fn several_callers_make_one_request() {
    let net = Net::default();
    let mut first = session();
    let mut flash = Flash::default();
    let mut clock = TestClock::default();
    drop(keep_fresh(&mut first, &mut flash, &mut net.clone(), &mut clock, &mut [0; 2048]));
    sign_in(&mut first, &net, NOW);
    keep_fresh(&mut first, &mut flash, &mut net.clone(), &mut clock, &mut [0; 2048]).expect("signed in");
    let shared = Arc::new(Mutex::new((first, flash, net.clone())));
    for round in 1..=3u64 {
        let barrier = Arc::new(Barrier::new(8));
        let now = Now { uptime: round * 3_600_000, ..NOW };
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let (shared, barrier) = (shared.clone(), barrier.clone());
                thread::spawn(move || {
                    barrier.wait();
                    let mut shared = shared.lock().expect("nobody panicked");
                    let (session, flash, net) = &mut *shared;
                    let mut clock = TestClock::at(now);
                    keep_fresh(session, flash, net, &mut clock, &mut [0; 2048]).expect("a token");
                    token(session, &clock).expect("it is fresh")
                })
            })
            .collect();
        let mut tokens: Vec<_> = threads.into_iter().map(|thread| thread.join().expect("it ends")).collect();
        tokens.dedup();
        assert_eq!(tokens, [format!("access-{}", round + 1)]);
        assert_eq!(net.issuer().count("/token"), round as usize);
    }
    assert_eq!(net.issuer().alarms, 0);
}

/// A store that seals what it holds under a key of the device.
struct Sealed {
    flash: Flash,
    key: [u8; 32],
}

impl Sealed {
    /// A key stream and a tag, as a chip's own cipher would make them; this one is for tests only.
    fn apply(&self, slot: Slot, record: &[u8]) -> Vec<u8> {
        let block = |count: usize| {
            let label = [&self.key[..], format!("{slot:?}").as_bytes(), &count.to_le_bytes()].concat();
            Sha256::digest(label)
        };
        let stream = (0..).flat_map(block);
        record.iter().zip(stream).map(|(octet, key)| octet ^ key).collect()
    }

    fn tag(&self, slot: Slot, sealed: &[u8]) -> [u8; 32] {
        Sha256::digest([&self.key[..], format!("{slot:?}").as_bytes(), sealed].concat()).into()
    }
}

impl Store for Sealed {
    fn load(&mut self, slot: Slot, buffer: &mut [u8]) -> io::Result<usize> {
        let stored = self.flash.slot(slot).clone();
        let Some((sealed, tag)) = stored.split_last_chunk::<32>() else { return Ok(0) };
        if self.tag(slot, sealed) != *tag {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let record = self.apply(slot, sealed);
        buffer[..record.len()].copy_from_slice(&record);
        Ok(record.len())
    }

    fn store(&mut self, slot: Slot, record: &[u8]) -> io::Result<()> {
        let sealed = self.apply(slot, record);
        let tag = self.tag(slot, &sealed);
        *self.flash.slot(slot) = [sealed, tag.to_vec()].concat();
        Ok(())
    }

    fn erase(&mut self, slot: Slot) -> io::Result<()> {
        self.flash.slot(slot).clear();
        Ok(())
    }
}

// REQ: SECRET-12, REFRESH-19
#[test]
fn a_store_may_seal_its_records() {
    let mut store = Sealed { flash: Flash::default(), key: [7; 32] };
    let (mut net, mut clock, mut buffer) = (Net::default(), TestClock::default(), [0; 2048]);
    let mut kept = session();
    drop(keep_fresh(&mut kept, &mut store, &mut net, &mut clock, &mut buffer));
    sign_in(&mut kept, &net, clock.now());
    for _ in 0..3 {
        keep_fresh(&mut kept, &mut store, &mut net, &mut clock, &mut buffer).expect("it works");
        let raw = store.flash.slots.concat();
        for marker in ["refresh-", "access-", "KfoS"] {
            assert!(!raw.windows(marker.len()).any(|octets| octets == marker.as_bytes()), "{marker}");
        }
        kept = session();
        clock.advance(1000);
    }
    // On another chip it is of no use, and does no harm.
    store.key = [8; 32];
    let outcome = keep_fresh(&mut session(), &mut store, &mut net, &mut clock, &mut buffer);
    assert!(matches!(outcome, Err(Unavailable::SignIn(SignInReason::StoreDamaged))), "{outcome:?}");
}

// REQ: STORE-06, REFRESH-09
#[test]
fn what_the_drivers_report() {
    let (mut net, mut clock, mut buffer) = (Net::default(), TestClock::default(), [0; 2048]);
    let (mut kept, mut flash) = (session(), Flash::default());
    drop(keep_fresh(&mut kept, &mut flash, &mut net, &mut clock, &mut buffer));
    flash.broken = true;
    sign_in(&mut kept, &net, clock.now());
    let failed = keep_fresh(&mut kept, &mut flash, &mut net, &mut clock, &mut buffer).expect("it works");
    assert_eq!(failed.map(|error| error.kind()), Some(io::ErrorKind::StorageFull));
    assert_eq!(token(&kept, &clock).as_deref(), Some("access-1"));
    flash.broken = false;
    clock.advance(3_600_000);
    net.troubles = vec![Trouble::NotSent; 3];
    let outcome = keep_fresh(&mut kept, &mut flash, &mut net, &mut clock, &mut buffer);
    let Err(Unavailable::Later { until, trouble: None, network: Some(error) }) = outcome else {
        panic!("{outcome:?}")
    };
    assert!(until > clock.now().uptime && !error.maybe_sent());
    assert_eq!(
        Unavailable::Later { until, trouble: None, network: Some(error) }.to_string(),
        "the server cannot be reached"
    );
    clock.advance(3000);
    net.issuer().busy = vec![Answer::new(503, "text/plain", "")];
    let outcome = keep_fresh(&mut kept, &mut flash, &mut net, &mut clock, &mut buffer);
    assert!(
        matches!(outcome, Err(Unavailable::Later { trouble: Some(_), network: None, .. })),
        "{outcome:?}"
    );
    clock.advance(100_000);
    // An answer that is lost is asked for again at once.
    net.troubles = vec![Trouble::Lost];
    keep_fresh(&mut kept, &mut flash, &mut net, &mut clock, &mut buffer).expect("in time");
    let small = keep_fresh(&mut session(), &mut flash, &mut net, &mut clock, &mut [0; 150]);
    assert!(matches!(small, Err(Unavailable::Session(_))), "{small:?}");
}

/// A sign-out without a network, a restart, and a network again.
// REQ: REVOKE-04, LOGOUT-08
#[test]
fn an_outbox_through_the_driver() {
    let (mut net, mut clock, mut buffer) = (Net::default(), TestClock::default(), [0; 2048]);
    let (mut kept, mut flash) = (session(), Flash::default());
    drop(keep_fresh(&mut kept, &mut flash, &mut net, &mut clock, &mut buffer));
    sign_in(&mut kept, &net, clock.now());
    keep_fresh(&mut kept, &mut flash, &mut net, &mut clock, &mut buffer).expect("signed in");
    net.troubles = vec![Trouble::NotSent; 3];
    let outcome = sign_out(&mut kept, &mut owed(), false, &mut flash, &mut net, &mut clock, &mut buffer);
    assert!(matches!(outcome, Err(Unavailable::Later { .. })), "{outcome:?}");
    assert!(flash.slots[0].is_empty() && flash.slots[1].is_empty() && !flash.slots[2].is_empty());
    assert!(token(&kept, &clock).is_none());
    let outcome = tell(&mut session(), &mut owed(), &mut flash, &mut net, &mut clock, &mut buffer);
    assert!(matches!(outcome, Ok(Outcome::Revoked)), "{outcome:?}");
    assert_eq!(net.issuer().revoked, ["refresh-1"]);
    assert!(flash.slots.iter().all(Vec::is_empty));
}

/// The chip's driver does the same, octet by octet.
// REQ: REFRESH-04, REFRESH-09, REVOKE-04, DRV-01
#[test]
fn both_drivers_do_the_same() {
    let script: [&[Trouble]; 5] = [
        &[],
        &[Trouble::NotSent, Trouble::NotSent, Trouble::NotSent],
        &[Trouble::Lost],
        &[Trouble::Vanished, Trouble::Vanished],
        &[Trouble::Lost, Trouble::NotSent],
    ];
    for troubles in script {
        for broken in [false, true] {
            let desktop = {
                let (mut net, mut clock, mut buffer) = (Net::default(), TestClock::default(), [0; 2048]);
                let (mut kept, mut flash) = (session(), Flash::default());
                drop(keep_fresh(&mut kept, &mut flash, &mut net, &mut clock, &mut buffer));
                sign_in(&mut kept, &net, NOW);
                let mut seen = Vec::new();
                net.troubles = troubles.to_vec();
                flash.broken = broken;
                for _ in 0..4 {
                    let outcome = keep_fresh(&mut kept, &mut flash, &mut net, &mut clock, &mut buffer);
                    seen.push(outcome.map(|failed| failed.is_some()).map_err(|error| error.to_string()));
                    clock.advance(1_800_000);
                }
                let left =
                    sign_out(&mut kept, &mut owed(), true, &mut flash, &mut net, &mut clock, &mut buffer);
                (seen, left.map_err(|error| error.to_string()), flash.writes, net.issuer().presented())
            };
            let chip = block_on(async {
                use keyfob_embassy::session::{keep_fresh, sign_out};
                let (mut net, mut clock, mut buffer) = (Net::default(), TestClock::default(), [0; 2048]);
                let (mut kept, mut flash) = (session(), Flash::default());
                let _ = keep_fresh(&mut kept, &mut flash, &mut net, &mut clock, &mut buffer).await;
                sign_in(&mut kept, &net, NOW);
                let mut seen = Vec::new();
                net.troubles = troubles.to_vec();
                flash.broken = broken;
                for _ in 0..4 {
                    let outcome = keep_fresh(&mut kept, &mut flash, &mut net, &mut clock, &mut buffer).await;
                    seen.push(outcome.map(|failed| failed.is_some()).map_err(|error| error.to_string()));
                    clock.advance(1_800_000);
                }
                let mut owed = owed();
                let left =
                    sign_out(&mut kept, &mut owed, true, &mut flash, &mut net, &mut clock, &mut buffer);
                let left = left.await.map_err(|error| error.to_string());
                (seen, left, flash.writes, net.issuer().presented())
            });
            assert_eq!(desktop, chip, "{troubles:?}");
            assert_eq!(desktop.1, Ok(Outcome::Revoked));
        }
    }
}

/// A future that is dropped while a request is on its way has lost its answer, and waits longer each time.
// REQ: REFRESH-10
#[test]
fn a_dropped_future() {
    use keyfob_embassy::session::{Unavailable, keep_fresh};
    let (mut net, mut clock, mut buffer) = (Net::default(), TestClock::default(), [0; 2048]);
    let (mut kept, mut flash) = (session(), Flash::default());
    let _ = block_on(keep_fresh(&mut kept, &mut flash, &mut net, &mut clock, &mut buffer));
    sign_in(&mut kept, &net, clock.now());
    block_on(keep_fresh(&mut kept, &mut flash, &mut net, &mut clock, &mut buffer)).expect("signed in");
    clock.advance(3_600_000);
    for dropped in 1..=2 {
        let future = keep_fresh(&mut kept, &mut flash, &mut net, &mut clock, &mut buffer);
        // Until the request has gone out: the first time a record is written before.
        assert!(polls(future, if dropped == 1 { 3 } else { 2 }).is_none());
        assert_eq!(net.issuer().count("/token"), dropped);
    }
    let outcome = block_on(keep_fresh(&mut kept, &mut flash, &mut net, &mut clock, &mut buffer));
    assert!(matches!(outcome, Err(Unavailable::Later { .. })), "{outcome:?}");
    net.issuer().revoke_all();
    clock.advance(10_000);
    let outcome = block_on(keep_fresh(&mut kept, &mut flash, &mut net, &mut clock, &mut buffer));
    assert!(matches!(outcome, Err(Unavailable::SignIn(SignInReason::AnswerLost))), "{outcome:?}");
}
