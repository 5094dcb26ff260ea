//! How deep the stack was.

use core::{hint::black_box, ptr};

use super::chip;

/// Writes a pattern on what is left of the stack.
#[inline(never)]
pub fn paint() {
    let mark = 0u32;
    let top = (ptr::from_ref(black_box(&mark)).addr() & !3) - BELOW;
    for place in (chip::stack_end()..top).step_by(4) {
        // SAFETY: it lies between the end of all statics and this function's own frame, where nothing is.
        unsafe { ptr::with_exposed_provenance_mut::<u32>(place).write_volatile(PATTERN) };
    }
}

/// Octets of stack that were in use at once, at the most.
pub fn high_water() -> usize {
    let (end, start) = (chip::stack_end(), chip::stack_start());
    let untouched = (end..start).step_by(4).take_while(|&place| {
        // SAFETY: it is RAM of the stack, and only read.
        unsafe { ptr::with_exposed_provenance::<u32>(place).read_volatile() == PATTERN }
    });
    start - end - untouched.count() * 4
}

/// For this function's own frame.
const BELOW: usize = 256;

const PATTERN: u32 = 0xC0DE_C0DE;
