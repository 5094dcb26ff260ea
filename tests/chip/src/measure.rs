//! How many instructions something takes, and how much stack.

use core::{hint::black_box, ptr};

use cortex_m::peripheral::{SYST, syst::SystClkSource};

/// What something took.
pub struct Taken {
    /// Instructions, to within the resolution of the timer.
    pub instructions: u32,
    /// Octets of stack.
    pub stack: usize,
}

/// Measures.
pub struct Meter {
    timer: SYST,
    /// What an empty measurement takes.
    nothing: u32,
}

impl Meter {
    /// Starts the timer. Under `-icount shift=0` an instruction takes a nanosecond.
    pub fn new(mut timer: SYST) -> Self {
        timer.set_clock_source(SystClkSource::Core);
        timer.set_reload(TICKS);
        timer.clear_current();
        timer.enable_counter();
        let mut meter = Self { timer, nothing: 0 };
        meter.nothing = meter.take(|| {}).instructions;
        meter
    }

    /// Runs `work` and measures it. It may take 600 million instructions and `DEPTH` octets of stack.
    #[inline(never)]
    pub fn take(&mut self, work: impl FnOnce()) -> Taken {
        let mark = 0u32;
        let top = ptr::from_ref(black_box(&mark)).addr() & !3;
        let top = top - BELOW;
        paint(top);
        self.timer.clear_current();
        let before = SYST::get_current();
        work();
        let after = SYST::get_current();
        let ticks = before.wrapping_sub(after) & TICKS;
        Taken { instructions: (ticks * NANOSECONDS_PER_TICK).saturating_sub(self.nothing), stack: depth(top) }
    }
}

/// Writes a pattern on the free part of the stack.
#[inline(never)]
fn paint(top: usize) {
    for place in (top - DEPTH..top).step_by(4) {
        // SAFETY: the stack grows down from the end of the board's 4 MB; nothing lies so far below it, and this
        // function's own frame is less than `BELOW` octets below the caller's mark.
        unsafe { ptr::with_exposed_provenance_mut::<u32>(place).write_volatile(PATTERN) };
    }
}

/// How far down the pattern is gone.
#[inline(never)]
fn depth(top: usize) -> usize {
    let untouched = (top - DEPTH..top).step_by(4).take_while(|&place| {
        // SAFETY: as in `paint`, which has written there.
        unsafe { ptr::with_exposed_provenance::<u32>(place).read_volatile() == PATTERN }
    });
    DEPTH - untouched.count() * 4 + BELOW
}

/// The timer counts 24 bits down.
const TICKS: u32 = 0xFF_FFFF;

/// The board's clock has 25 MHz.
const NANOSECONDS_PER_TICK: u32 = 40;

/// As much stack as can be measured.
const DEPTH: usize = 128 * 1024;

/// Left alone below the caller's mark, for the frames of the measurement itself.
const BELOW: usize = 256;

const PATTERN: u32 = 0xC0DE_C0DE;
