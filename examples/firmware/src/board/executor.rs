//! Runs tasks, and counts the time in between.

use core::{
    cell::Cell,
    ptr,
    sync::atomic::{AtomicBool, Ordering},
};

use critical_section::Mutex;
use embassy_executor::{Spawner, raw::Executor};
use static_cell::StaticCell;

use super::chip;

/// Runs tasks for ever.
pub fn run(start: impl FnOnce(Spawner)) -> ! {
    static EXECUTOR: StaticCell<Executor> = StaticCell::new();
    let executor = EXECUTOR.init_with(|| Executor::new(ptr::null_mut()));
    start(executor.spawner());
    loop {
        // SAFETY: this is the only call, no task makes another, and the executor was made by this thread.
        unsafe { executor.poll() };
        critical_section::with(|section| {
            if !WOKEN.load(Ordering::Relaxed) {
                let before = chip::nanoseconds();
                chip::wait_for_interrupt();
                let idle = IDLE.borrow(section);
                idle.set(idle.get() + (chip::nanoseconds() - before));
            }
            WOKEN.store(false, Ordering::Relaxed);
        });
    }
}

/// Nanoseconds that there was nothing to do.
pub fn idle() -> u64 {
    critical_section::with(|section| IDLE.borrow(section).get())
}

/// A task can go on. The executor calls this by its name.
#[unsafe(export_name = "__pender")]
fn pender(_: *mut ()) {
    WOKEN.store(true, Ordering::Relaxed);
}

static WOKEN: AtomicBool = AtomicBool::new(false);
static IDLE: Mutex<Cell<u64>> = Mutex::new(Cell::new(0));
