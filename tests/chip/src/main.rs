//! Counts instructions and stack of what the core does, on an emulated Cortex-M4F.
//!
//! `cargo run --package keyfob-check -- chip` runs it in QEMU and compares what it prints with
//! `tests/size/chip.txt`: a line each, name, instructions, octets of stack.

#![no_std]
#![no_main]

mod examples;
mod flows;
mod measure;
mod peer;
mod session;
mod sign_in;
mod signatures;
mod text;

use cortex_m::Peripherals;
use cortex_m_rt::entry;
use cortex_m_semihosting::{
    debug::{self, EXIT_SUCCESS},
    hprintln,
};
use panic_semihosting as _;

use crate::measure::Meter;

#[entry]
fn main() -> ! {
    let Some(peripherals) = Peripherals::take() else { panic!("the board has none") };
    let mut meter = Meter::new(peripherals.SYST);
    let mut measure = |name: &str, work: &mut dyn FnMut()| {
        let taken = meter.take(work);
        hprintln!("{} {} {}", name, taken.instructions, taken.stack);
    };
    signatures::measure(&mut measure);
    sign_in::measure(&mut measure);
    flows::measure(&mut measure);
    session::measure(&mut measure);
    debug::exit(EXIT_SUCCESS);
    loop {}
}

/// Measures one thing under a name.
type Measure<'m> = &'m mut dyn FnMut(&str, &mut dyn FnMut());
