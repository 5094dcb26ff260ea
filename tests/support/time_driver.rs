//! The clock of `embassy-time` in tests. A thread that [simulates](simulate) has a time of its own, which passes at once
//! whenever nobody has anything to do; all others have the real one.

use std::{
    cell::RefCell,
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread,
    time::{Duration, Instant},
};

use embassy_time_driver::{Driver, TICK_HZ};

/// Times that a simulation lets time pass: more, and it would go on for ever.
const LEAPS: usize = 1_000_000;

/// A task of a simulation.
pub type Task<'t> = Pin<Box<dyn Future<Output = ()> + 't>>;

/// Runs `main` to its end, and `others` beside it. Time passes only when all of them wait for it.
///
/// # Panics
/// If all of them wait, and not for a time; or if it takes years.
pub fn simulate<F: Future>(main: F, others: Vec<Task<'_>>) -> F::Output {
    let before = CLOCK.replace(Some(Virtual::default()));
    assert!(before.is_none(), "one simulation at a time in a thread");
    let _end = End;
    let mut main = pin!(main);
    let main_flag = Flag::new();
    let mut others: Vec<_> = others.into_iter().map(|task| (task, Flag::new())).collect();
    for _ in 0..LEAPS {
        loop {
            let mut idle = true;
            if main_flag.lower() {
                idle = false;
                if let Poll::Ready(output) = main.as_mut().poll(&mut Context::from_waker(&main_flag.waker()))
                {
                    return output;
                }
            }
            for (task, flag) in &mut others {
                if flag.lower() {
                    idle = false;
                    // A task that has ended is woken by nobody.
                    let _ = task.as_mut().poll(&mut Context::from_waker(&flag.waker()));
                }
            }
            if idle {
                break;
            }
        }
        CLOCK.with_borrow_mut(|clock| clock.as_mut().expect("it is simulated").leap());
    }
    panic!("the simulation does not end");
}

/// Milliseconds since the simulation began.
///
/// # Panics
/// If there is none in this thread.
pub fn elapsed() -> u64 {
    CLOCK.with_borrow(|clock| clock.as_ref().expect("a simulation").now) / (TICK_HZ / 1000)
}

struct End;

impl Drop for End {
    fn drop(&mut self) {
        CLOCK.set(None);
    }
}

/// Whether a task has to be polled.
struct Flag(AtomicBool);

impl Flag {
    fn new() -> Arc<Self> {
        Arc::new(Self(AtomicBool::new(true)))
    }

    fn lower(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }

    fn waker(self: &Arc<Self>) -> Waker {
        self.clone().into()
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

thread_local! {
    static CLOCK: RefCell<Option<Virtual>> = const { RefCell::new(None) };
}

/// A time that passes when it is told to.
#[derive(Default)]
struct Virtual {
    now: u64,
    alarms: Vec<(u64, Waker)>,
}

impl Virtual {
    /// Goes on to the next alarm.
    fn leap(&mut self) {
        let next = self.alarms.iter().map(|alarm| alarm.0).min();
        self.now = self.now.max(next.expect("everybody waits, and nobody for a time"));
        let now = self.now;
        for (_, waker) in self.alarms.extract_if(.., |alarm| alarm.0 <= now) {
            waker.wake();
        }
    }

    fn schedule(&mut self, at: u64, waker: &Waker) {
        match self.alarms.iter_mut().find(|alarm| alarm.1.will_wake(waker)) {
            Some(alarm) if alarm.0 > self.now => alarm.0 = alarm.0.min(at),
            _ => self.alarms.push((at, waker.clone())),
        }
    }
}

struct TestTime;

impl Driver for TestTime {
    fn now(&self) -> u64 {
        let simulated = CLOCK.with_borrow(|clock| clock.as_ref().map(|clock| clock.now));
        simulated.unwrap_or_else(|| START.elapsed().as_micros() as u64 * (TICK_HZ / 1_000_000))
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        let simulated = CLOCK.with_borrow_mut(|clock| clock.as_mut().map(|clock| clock.schedule(at, waker)));
        if simulated.is_none() {
            let wait = Duration::from_micros(at.saturating_sub(self.now()) / (TICK_HZ / 1_000_000));
            let waker = waker.clone();
            thread::spawn(move || {
                thread::sleep(wait);
                waker.wake();
            });
        }
    }
}

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

embassy_time_driver::time_driver_impl!(static DRIVER: TestTime = TestTime);
