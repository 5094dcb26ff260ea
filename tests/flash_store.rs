//! A session in NOR flash, with the power cut in every word that is written or erased, and its future dropped there.

use std::{
    cell::Cell,
    future::{Future, pending},
    ops::Range,
    pin::pin,
    rc::Rc,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

use embedded_storage_async::nor_flash::{ErrorType, NorFlash, ReadNorFlash};
use keyfob_core::{
    session::{SignInReason, Slot},
    sign_out::{Outcome, SignOut},
    time::Now,
};
use keyfob_embassy::{
    flash_store::{FlashError, FlashStore, room},
    session::{Store, Unavailable, keep_fresh, sign_out, tell},
};
use keyfob_tests::{
    answer::Answer,
    clients::GAUGE,
    clock::{NOW, TestClock},
    device::{self, Kept, Net, Trouble},
    executor::{block_on, polls},
    nor_flash::{Chip, ChipError, Torn, Wear},
    seeds,
};
use sequential_storage::mock_flash::{MockFlashBase, MockFlashError, WriteCountCheck};

const ROOM: usize = room(Kept::RECORD);

type Flash<F> = FlashStore<F, ROOM>;
type Small = Chip<512>;
type Owed = SignOut<'static, 128>;

/// Pages of a small device.
const PAGES: usize = 8;

fn store<F: NorFlash>(flash: &mut F) -> Flash<&mut F> {
    let end = u32::try_from(flash.capacity()).expect("it is small");
    Flash::new(flash, 0..end).expect("the range is right")
}

/// How far a life has come.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Phase {
    New,
    SignedIn,
    SigningOut,
    SignedOut,
}

/// A device: its server, its time, and how far it has come.
struct Device {
    net: Net,
    clock: TestClock,
    phase: Cell<Phase>,
}

/// A device that has power: what it keeps in RAM.
struct Start<'d, F> {
    device: &'d mut Device,
    session: Kept,
    owed: Owed,
    store: Flash<F>,
    buffer: [u8; 2048],
}

impl Device {
    fn new(rotation: bool) -> Self {
        let net = Net::default();
        net.issuer().rotation = rotation;
        let clock = TestClock::at(Now { uptime: 1000, ..NOW });
        Self { net, clock, phase: Cell::new(Phase::New) }
    }

    fn start<F: NorFlash>(&mut self, store: Flash<F>) -> Start<'_, F> {
        let session = Kept::new(&GAUGE, &seeds::seed(1)).expect("the settings are right");
        let owed = Owed::new(&GAUGE, &seeds::seed(1)).expect("the settings are right");
        Start { device: self, session, owed, store, buffer: [0; 2048] }
    }

    /// No refresh token comes after one that has replaced it.
    fn in_order(&self) -> bool {
        let mut order = self.net.issuer().presented();
        order.dedup();
        let mut once = order.clone();
        once.sort();
        once.dedup();
        order.len() == once.len() && self.net.issuer().alarms == 0
    }
}

impl<F: NorFlash> Start<'_, F> {
    /// What the device does when it has power: it ends what was left of a sign-out, and comes by a token.
    async fn come_up(&mut self) -> Result<String, SignInReason> {
        let Self { device: Device { net, clock, .. }, session, owed, store, buffer } = self;
        let told = tell(session, owed, store, net, clock, buffer).await;
        assert!(matches!(told, Ok(_) | Err(Unavailable::Later { .. })), "{told:?}");
        for _ in 0..20 {
            match keep_fresh(session, store, net, clock, buffer).await {
                Ok(_) => {
                    let token = session.access_token(clock.now()).expect("it is fresh");
                    return Ok(token.expose().to_owned());
                }
                Err(Unavailable::Later { until, .. }) => clock.advance(until - clock.now().uptime),
                Err(Unavailable::SignIn(reason)) => return Err(reason),
                Err(error) => panic!("{error:?}"),
            }
        }
        panic!("the device does not come up")
    }

    async fn sign_in(&mut self) -> String {
        let answer = Answer::json(200, &self.device.net.issuer().sign_in());
        device::sign_in(&mut self.session, &GAUGE, self.device.clock.now(), &answer).expect("they fit");
        self.come_up().await.expect("it is signed in")
    }

    async fn refresh(&mut self) -> Result<String, SignInReason> {
        self.device.clock.advance(3_600_000);
        self.come_up().await
    }

    async fn sign_out(&mut self) -> Result<Outcome, Unavailable<()>> {
        let Self { device: Device { net, clock, .. }, session, owed, store, buffer } = self;
        sign_out(session, owed, false, store, net, clock, buffer).await
    }
}

/// A life: sign in, refresh, a restart, refresh, sign out.
async fn live<F: NorFlash>(device: &mut Device, flash: &mut F) {
    let mut start = device.start(store(flash));
    if start.come_up().await.is_err() {
        start.sign_in().await;
    }
    start.device.phase.set(Phase::SignedIn);
    for _ in 0..3 {
        start.refresh().await.expect("signed in");
    }
    let mut start = device.start(store(flash));
    for _ in 0..2 {
        start.refresh().await.expect("signed in");
    }
    start.device.phase.set(Phase::SigningOut);
    start.sign_out().await.expect("the network is there");
    device.phase.set(Phase::SignedOut);
}

/// Runs until it is done, or the power goes.
fn run<T>(is_dark: impl Fn() -> bool, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return Some(output),
            Poll::Pending if is_dark() => return None,
            Poll::Pending => {}
        }
    }
}

/// What must be true of every device that has power again: it works, or it says why not.
fn check<F: NorFlash>(device: &mut Device, flash: &mut F, what: &str) {
    let phase = device.phase.get();
    device.clock.advance(2000);
    let mut start = device.start(store(flash));
    match block_on(start.come_up()) {
        Ok(token) => {
            assert!(phase < Phase::SignedOut, "{what}, {phase:?}");
            assert!(start.device.net.issuer().takes(&token), "{what}, {phase:?}");
            // It goes on to work, also through another restart.
            block_on(start.refresh()).expect(what);
            start = device.start(store(flash));
            let token = block_on(start.refresh()).expect(what);
            assert!(start.device.net.issuer().takes(&token), "{what}");
            let outcome = block_on(start.sign_out());
            assert!(matches!(outcome, Ok(Outcome::Revoked)), "{what}: {outcome:?}");
        }
        Err(reason) => {
            let known = match phase {
                Phase::New => [SignInReason::NeverSignedIn, SignInReason::StoreDamaged],
                Phase::SignedIn => panic!("{what}: {reason:?}"),
                Phase::SigningOut | Phase::SignedOut => {
                    [SignInReason::NeverSignedIn, SignInReason::SignedOut]
                }
            };
            assert!(known.contains(&reason), "{what}, {phase:?}: {reason:?}");
            // The server was told.
            assert_eq!(device.net.issuer().revoked.is_empty(), phase == Phase::New, "{what}");
        }
    }
    assert!(device.in_order(), "{what}: {:?}", device.net.issuer().presented());
}

/// How many steps of its flash a life has.
fn steps(rotation: bool) -> usize {
    let (mut device, mut chip) = (Device::new(rotation), Small::new(PAGES));
    block_on(live(&mut device, &mut chip));
    assert_eq!(device.phase.get(), Phase::SignedOut);
    chip.steps()
}

/// The power goes in every step of a life, and leaves what was under work so.
fn cut_everywhere(torn: Torn) {
    for rotation in [true, false] {
        let steps = steps(rotation);
        assert!(steps > 200, "{steps}");
        for cut in 0..steps {
            let (mut device, mut chip) = (Device::new(rotation), Small::new(PAGES));
            chip.cut(cut, torn);
            assert!(run(|| chip.is_dark(), live(&mut device, &mut chip.clone())).is_none(), "the power goes");
            chip.power();
            let what = format!("rotation {rotation}, cut {cut}, {torn:?}");
            check(&mut device, &mut chip, &what);
            assert!(!chip.holds(b"refresh-") && !chip.holds(b"KfoS"), "{what}: something is left");
        }
    }
}

// REQ: STORE-01, STORE-04, REFRESH-04, REFRESH-10
#[test]
fn the_power_goes_in_every_word() {
    cut_everywhere(Torn::Bits);
}

// REQ: STORE-01, STORE-04, REFRESH-04, REFRESH-10
#[test]
fn the_power_goes_while_pages_are_erased_from_their_end() {
    cut_everywhere(Torn::Backwards);
}

// REQ: STORE-01, STORE-04, REFRESH-04, REFRESH-10
#[test]
fn the_power_goes_while_pages_are_cleared() {
    cut_everywhere(Torn::Cleared);
}

// REQ: STORE-01, STORE-04, REFRESH-04, REFRESH-10
#[test]
fn the_power_goes_and_words_flicker() {
    cut_everywhere(Torn::Flickering);
}

/// The second cut hits the device while it recovers from the first.
// REQ: STORE-01, REFRESH-04, REFRESH-10
#[test]
fn the_power_goes_twice() {
    let (steps, mut survived) = (steps(true), 0);
    for torn in [Torn::Bits, Torn::Cleared] {
        for first in (0..steps).step_by(17) {
            for second in (0..200).step_by(23) {
                let (mut device, mut chip) = (Device::new(true), Small::new(PAGES));
                chip.cut(first, torn);
                assert!(run(|| chip.is_dark(), live(&mut device, &mut chip.clone())).is_none());
                chip.power();
                chip.cut(second, torn);
                let again = async {
                    let mut flash = chip.clone();
                    let mut start = device.start(store(&mut flash));
                    if start.come_up().await.is_ok() {
                        drop(start.refresh().await);
                        drop(start.refresh().await);
                    }
                };
                survived += usize::from(run(|| chip.is_dark(), again).is_none());
                chip.power();
                check(&mut device, &mut chip, &format!("cut {first}, then {second}, {torn:?}"));
            }
        }
    }
    assert!(survived > 100, "{survived}");
}

/// A flash that knows how many octets it still takes, and nothing after the last of them.
struct Ending {
    flash: MockFlashBase<PAGES, 4, 128>,
    dark: Rc<Cell<bool>>,
}

impl Ending {
    async fn go_on<T>(&self, outcome: Result<T, MockFlashError>) -> Result<T, MockFlashError> {
        if matches!(outcome, Err(MockFlashError::EarlyShutoff(..))) {
            self.dark.set(true);
            pending::<()>().await;
        }
        outcome
    }
}

impl ErrorType for Ending {
    type Error = MockFlashError;
}

impl ReadNorFlash for Ending {
    const READ_SIZE: usize = 4;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), MockFlashError> {
        self.flash.read(offset, bytes).await
    }

    fn capacity(&self) -> usize {
        self.flash.capacity()
    }
}

impl NorFlash for Ending {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 512;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), MockFlashError> {
        let outcome = self.flash.erase(from, to).await;
        self.go_on(outcome).await
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), MockFlashError> {
        let outcome = self.flash.write(offset, bytes).await;
        self.go_on(outcome).await
    }
}

/// The same with the flash that `sequential-storage` is tested with: cut in any octet, each word written once, all
/// buffers aligned.
// REQ: STORE-01, REFRESH-04, REFRESH-10
#[test]
fn the_flash_of_others() {
    let mut cuts = 0;
    for octets in (0..).step_by(7) {
        let dark = Rc::new(Cell::new(false));
        let flash = MockFlashBase::new(WriteCountCheck::OnceOnly, Some(octets), true);
        let mut flash = Ending { flash, dark: dark.clone() };
        let mut device = Device::new(true);
        if run(|| dark.get(), live(&mut device, &mut flash)).is_some() {
            break;
        }
        check(&mut device, &mut flash, &format!("octet {octets}"));
        cuts += 1;
    }
    assert!(cuts > 500, "{cuts}");
}

/// A future that is dropped, at every point where it can be, and made anew: it carries on.
// REQ: STORE-01, REFRESH-10, REVOKE-04
#[test]
fn a_future_is_dropped_anywhere() {
    let mut dropped = [0; 3];
    for most in 0.. {
        let (mut device, mut chip) = (Device::new(true), Small::new(PAGES));
        let mut start = device.start(store(&mut chip));
        assert_eq!(block_on(start.come_up()), Err(SignInReason::NeverSignedIn));
        block_on(start.sign_in());
        chip.pause(true);
        let mut start = device.start(store(&mut chip));
        // While it starts, while it refreshes, and while it signs out.
        let up = polls(start.come_up(), most).is_none();
        block_on(start.come_up()).expect("signed in");
        start.device.clock.advance(3_600_000);
        let refresh = polls(start.come_up(), most).is_none();
        let token = block_on(start.come_up()).expect("signed in");
        assert!(start.device.net.issuer().takes(&token), "{most}");
        let out = polls(start.sign_out(), most).is_none();
        let outcome = block_on(start.sign_out());
        assert!(matches!(outcome, Ok(Outcome::Revoked | Outcome::Nothing)), "{most}: {outcome:?}");
        let mut revoked = device.net.issuer().revoked.clone();
        // Where its answer was lost, the server was told again.
        revoked.dedup();
        assert_eq!(revoked.len(), 1, "{most}");
        assert!(device.in_order(), "{most}: {:?}", device.net.issuer().presented());
        assert!(!chip.holds(b"refresh-"), "{most}");
        dropped
            .iter_mut()
            .zip([up, refresh, out])
            .for_each(|(count, dropped)| *count += usize::from(dropped));
        if !up && !refresh && !out {
            break;
        }
    }
    assert!(dropped[0] > 50 && dropped[1] > 200 && dropped[2] > 300, "{dropped:?}");
}

/// A store whose future is dropped at any point, and is not tried again.
// REQ: STORE-01
#[test]
fn a_slot_holds_the_old_record_the_new_one_or_none() {
    let (old, new) = ([b'o'; 200], [b'n'; 220]);
    let mut seen = [0; 3];
    for most in 0.. {
        let mut chip = Small::new(PAGES);
        let mut flash = store(&mut chip);
        for record in [&old, &old, &old] {
            block_on(flash.store(Slot::First, record)).expect("there is room");
            block_on(flash.store(Slot::Second, b"other")).expect("there is room");
        }
        chip.pause(true);
        let mut flash = store(&mut chip);
        let done = polls(flash.store(Slot::First, &new), most).is_some();
        let mut buffer = [0; 256];
        let length = block_on(flash.load(Slot::First, &mut buffer));
        let found = buffer[..length.unwrap_or(0)].to_vec();
        let known: [&[u8]; 3] = [&old, &new, &[]];
        let place = known.iter().position(|known| *known == found);
        seen[place.unwrap_or_else(|| panic!("{most}: {found:?}"))] += 1;
        // What was read once is read again.
        let again = block_on(flash.load(Slot::First, &mut buffer)).expect("it was repaired");
        assert_eq!(&buffer[..again], found);
        let length = block_on(flash.load(Slot::Second, &mut buffer)).expect("it was not touched");
        assert_eq!(&buffer[..length], b"other");
        if done {
            assert_eq!(place, Some(1));
            break;
        }
    }
    assert!(seen[0] > 10 && seen[1] > 10, "{seen:?}");
}

/// What was cut in the middle of a word may be read in two ways: what was read once is what is read from then on.
// REQ: STORE-01
#[test]
fn a_record_does_not_flicker() {
    let (old, new) = ([b'o'; 200], [b'n'; 220]);
    let mut cuts = 0;
    let mut flickers = 0;
    for cut in 0.. {
        let mut chip = Small::new(PAGES);
        block_on(store(&mut chip).store(Slot::First, &old)).expect("there is room");
        chip.cut(cut, Torn::Flickering);
        let done = run(|| chip.is_dark(), store(&mut chip.clone()).store(Slot::First, &new)).is_some();
        chip.power();
        if done {
            break;
        }
        let mut reads = (0..12).map(|_| {
            let mut buffer = [0; 256];
            let length = block_on(store(&mut chip).load(Slot::First, &mut buffer)).unwrap_or(0);
            buffer[..length].to_vec()
        });
        let first = reads.next().expect("there are some");
        assert!(reads.all(|read| read == first), "{cut}");
        flickers += usize::from(first == new);
        cuts += 1;
    }
    assert!(cuts > 60 && flickers > 5, "{cuts} {flickers}");
}

// REQ: STORE-04, LOGOUT-02
#[test]
fn what_is_erased_is_gone() {
    let (mut device, mut chip) = (Device::new(true), Small::new(12));
    let mut start = device.start(store(&mut chip));
    drop(block_on(start.come_up()));
    block_on(start.sign_in());
    for _ in 0..30 {
        block_on(start.refresh()).expect("signed in");
    }
    // Those that were replaced are still there, as the documentation says.
    assert!(chip.holds(b"refresh-31") && chip.holds(b"refresh-30"));
    let mut start = device.start(store(&mut chip));
    block_on(start.come_up()).expect("signed in");
    start.device.net.troubles = vec![Trouble::NotSent; 3];
    assert!(matches!(block_on(start.sign_out()), Err(Unavailable::Later { .. })));
    // What the server is to be told, and nothing else.
    assert!(!chip.holds(b"KfoS") && !chip.holds(b"access-"));
    let left = chip.octets();
    assert!(left[..8 * 512].iter().all(|&octet| octet == 0xFF), "all pages of the session");
    device.clock.advance(1_000_000);
    let mut start = device.start(store(&mut chip));
    assert_eq!(block_on(start.come_up()), Err(SignInReason::NeverSignedIn));
    assert!(!chip.holds(b"refresh-"));
    assert_eq!(device.net.issuer().revoked.len(), 1);
}

// REQ: STORE-05
#[test]
fn nothing_is_written_if_nothing_has_changed() {
    let (mut device, mut chip) = (Device::new(true), Small::new(PAGES));
    let mut start = device.start(store(&mut chip));
    for _ in 0..3 {
        assert_eq!(block_on(start.come_up()), Err(SignInReason::NeverSignedIn));
        start = start.device.start(start.store);
    }
    drop(block_on(start.come_up()));
    assert_eq!(chip.steps(), 0, "an empty store");
    let mut flash = chip.clone();
    let mut start = device.start(store(&mut flash));
    drop(block_on(start.come_up()));
    block_on(start.sign_in());
    chip.power();
    for _ in 0..100 {
        block_on(start.come_up()).expect("signed in");
    }
    assert_eq!(chip.steps(), 0, "a session");
    let mut flash = store(&mut chip);
    for _ in 0..3 {
        block_on(flash.load(Slot::First, &mut [0; 512])).expect("it is there");
        block_on(flash.erase(Slot::SignOut)).expect("it is empty");
    }
    assert_eq!(chip.steps(), 0, "a store");
}

/// A flash that is worn out is named, and the session goes on.
// REQ: STORE-06, REFRESH-09
#[test]
fn a_flash_that_is_worn_out() {
    let cases = [(Wear::Reported, FlashError::Flash(ChipError::Worn)), (Wear::Silent, FlashError::Worn)];
    for (wear, named) in cases {
        let (mut device, mut chip) = (Device::new(true), Small::new(PAGES));
        let mut flash = chip.clone();
        let mut start = device.start(store(&mut flash));
        drop(block_on(start.come_up()));
        block_on(start.sign_in());
        chip.wear(Some(wear));
        for refresh in 2..6 {
            start.device.clock.advance(3_600_000);
            let Start { device, session, store, buffer, .. } = &mut start;
            let outcome = block_on(keep_fresh(session, store, &mut device.net, &mut device.clock, buffer));
            assert_eq!(outcome.expect("it goes on"), Some(named));
            let token = session.access_token(device.clock.now()).expect("it is good").expose().to_owned();
            assert_eq!(token, format!("access-{refresh}"));
        }
        // Another flash, or a cooler one: what is owed to the store is written.
        chip.wear(None);
        block_on(start.refresh()).expect("signed in");
        check(&mut device, &mut chip, "mended");
    }
    // No write is lost in silence.
    let mut chip = Small::new(PAGES);
    let mut flash = store(&mut chip);
    let silent = |chip: &Small| chip.wear(Some(Wear::Silent));
    for slot in [Slot::First, Slot::Second, Slot::SignOut] {
        block_on(flash.store(slot, b"old")).expect("there is room");
    }
    let mut chip = Small::with(&chip.octets());
    silent(&chip);
    let mut flash = store(&mut chip);
    assert_eq!(block_on(flash.store(Slot::First, b"new")), Err(FlashError::Worn));
    assert_eq!(block_on(flash.erase(Slot::First)), Err(FlashError::Worn));
    assert_eq!(block_on(flash.load(Slot::First, &mut [0; 8])), Ok(3), "the old one");
    assert_eq!(FlashError::<ChipError>::Worn.to_string(), "the flash is worn out");
}

/// Whatever lies in the flash: nothing of it is used, and then all works.
// REQ: STORE-02
#[test]
fn whatever_lies_in_the_flash() {
    let mut foreign = vec![
        vec![0; PAGES * 512],
        vec![0x5A; PAGES * 512],
        b"KfoS".repeat(PAGES * 128),
        (0..PAGES * 512).map(|place| (place / 7) as u8).collect(),
    ];
    let mut random = 1_u64;
    foreign.extend((0..60).map(|_| {
        let mut octets = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 56) as u8
        };
        let mut flash: Vec<u8> = (0..PAGES * 512).map(|_| octets()).collect();
        // Some pages look as if they were in use, some are erased.
        for page in flash.chunks_mut(512) {
            match octets() % 5 {
                0 => page.fill(0xFF),
                1 => page[..4].fill(0),
                2 => page[508..].fill(0xFF),
                3 => page[..200].fill(0xFF),
                _ => {}
            }
        }
        flash
    }));
    for octets in foreign {
        let (mut device, mut chip) = (Device::new(true), Small::with(&octets));
        let mut start = device.start(store(&mut chip));
        let reason = block_on(start.come_up()).expect_err("nobody has signed in");
        assert!(matches!(reason, SignInReason::NeverSignedIn | SignInReason::StoreDamaged), "{reason:?}");
        block_on(start.sign_in());
        device.phase.set(Phase::SignedIn);
        check(&mut device, &mut chip, "foreign");
    }
}

/// A bit that turns: the device works, or says why not.
// REQ: STORE-02
#[test]
fn a_bit_turns() {
    let (mut first, mut chip) = (Device::new(true), Small::new(PAGES));
    let mut start = first.start(store(&mut chip));
    drop(block_on(start.come_up()));
    block_on(start.sign_in());
    block_on(start.refresh()).expect("signed in");
    block_on(start.refresh()).expect("signed in");
    let (octets, mut worked) = (chip.octets(), 0);
    let bits: Vec<_> = (0..octets.len() * 8).filter(|bit| octets[bit / 8] != 0xFF || bit % 97 == 0).collect();
    for bit in bits.into_iter().step_by(3) {
        let mut chip = Small::with(&octets);
        chip.flip(bit);
        let mut device = Device::new(true);
        device.net = first.net.clone();
        device.net.issuer = Arc::new(Mutex::new(first.net.issuer().clone()));
        let mut start = device.start(store(&mut chip));
        match block_on(start.come_up()) {
            Ok(token) => {
                assert!(start.device.net.issuer().takes(&token), "{bit}");
                worked += 1;
            }
            Err(reason) => {
                let known = [SignInReason::AnswerLost, SignInReason::StoreDamaged];
                assert!(known.contains(&reason), "{bit}: {reason:?}");
            }
        }
    }
    assert!(worked > 100, "{worked}");
}

/// Another range after an update of the firmware, and back: what was written for the other one is not used.
// REQ: STORE-02, STORE-03
#[test]
fn a_flash_that_grows_and_shrinks() {
    for (before, after) in [(8, 16), (16, 8), (8, 9), (12, 14), (14, 12)] {
        let mut chip = Small::new(16);
        let range = |pages: u32| 0..pages * 512;
        let mut device = Device::new(true);
        let mut start = device.start(Flash::new(chip.clone(), range(before)).expect("right"));
        drop(block_on(start.come_up()));
        block_on(start.sign_in());
        for _ in 0..9 {
            block_on(start.refresh()).expect("signed in");
        }
        let mut start = device.start(Flash::new(chip.clone(), range(after)).expect("right"));
        let reason = block_on(start.come_up()).expect_err("it is another store");
        assert!(matches!(reason, SignInReason::NeverSignedIn | SignInReason::StoreDamaged), "{reason:?}");
        block_on(start.sign_in());
        block_on(start.refresh()).expect("signed in");
        // With the old range again: not one of the old tokens is used. Where it was longer, it was to be erased before.
        if before < after {
            let mut start = device.start(Flash::new(chip.clone(), range(before)).expect("right"));
            drop(block_on(start.come_up()));
        }
        assert!(device.in_order(), "{before} {after}: {:?}", device.net.issuer().presented());
        block_on(Flash::new(chip.clone(), range(16)).expect("right").erase_all()).expect("it is erased");
        assert!(chip.octets().iter().all(|&octet| octet == 0xFF));
        device.phase.set(Phase::New);
        let mut start = device.start(store(&mut chip));
        assert_eq!(block_on(start.come_up()), Err(SignInReason::NeverSignedIn));
    }
}

#[test]
fn what_does_not_fit() {
    let chip = Small::new(12);
    let new = |range| Flash::new(chip.clone(), range).err();
    assert_eq!(new(0..8 * 512), None);
    for range in [
        0..7 * 512,
        4..8 * 512 + 4,
        0..8 * 512 + 4,
        5 * 512..13 * 512,
        0..0,
        Range { start: 8 * 512, end: 0 },
    ] {
        assert_eq!(new(range.clone()), Some(FlashError::Range), "{range:?}");
    }
    assert_eq!(FlashStore::<_, 16>::new(chip.clone(), 0..8 * 512).err(), Some(FlashError::TooLarge));
    let mut flash = Flash::new(chip.clone(), 0..8 * 512).expect("right");
    let fits = ROOM - 13;
    assert_eq!(block_on(flash.store(Slot::First, &vec![1; fits + 1])), Err(FlashError::TooLarge));
    assert_eq!(chip.steps(), 0);
    assert_eq!(block_on(flash.store(Slot::First, &vec![1; fits])), Ok(()));
    assert_eq!(block_on(flash.load(Slot::First, &mut vec![0; fits - 1])), Err(FlashError::TooLarge));
    assert_eq!(block_on(flash.load(Slot::First, &mut vec![0; fits])), Ok(fits));
    let mut large = FlashStore::<_, 1024>::new(chip.clone(), 0..8 * 512).expect("right");
    assert_eq!(block_on(large.store(Slot::First, &[1; 500])), Err(FlashError::TooLarge), "for a page");
    // The longest record, again and again, so that a page has room for one.
    for count in 0..50 {
        block_on(flash.store(Slot::First, &vec![count; fits])).expect("there is room");
        assert_eq!(block_on(flash.load(Slot::First, &mut vec![0; fits])), Ok(fits));
    }
}

/// Refreshes until the first page has been erased so often, with a server that replaces tokens.
fn refreshes(pages: usize, record: usize, cycles: u64) -> u64 {
    const REFRESHES: u64 = 400;
    let mut chip = Chip::<4096>::new(pages);
    let end = u32::try_from(pages * 4096).expect("it is small");
    let mut flash = FlashStore::<_, 2048>::new(&mut chip, 0..end).expect("right");
    for _ in 0..REFRESHES {
        block_on(flash.store(Slot::First, &vec![1; record])).expect("there is room");
        block_on(flash.store(Slot::Second, &vec![2; record])).expect("there is room");
    }
    let most = chip.erased().into_iter().max().expect("there are pages");
    cycles * REFRESHES / u64::from(most)
}

/// What is said of wear in the documentation.
#[test]
fn how_long_a_flash_lives() {
    let table =
        [(8, 500), (8, 1000), (16, 500), (16, 1000)].map(|(pages, record)| refreshes(pages, record, 10_000));
    assert_eq!(table, [121_212, 40_000, 444_444, 181_818]);
}
