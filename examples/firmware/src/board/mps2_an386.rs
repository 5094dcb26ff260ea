//! ARM's MPS2 board with image AN386: a Cortex-M4F at 25 MHz.

use core::{cell::RefCell, task::Waker};

use cortex_m::{
    Peripherals,
    interrupt::InterruptNumber,
    peripheral::{NVIC, SCB, SYST, syst::SystClkSource},
};
use cortex_m_rt::exception;
use critical_section::{CriticalSection, Mutex};
use embassy_time_driver::Driver;
use embassy_time_queue_utils::Queue;

use super::{console, lan9118, registers::Registers};

pub use cortex_m_rt::entry;

/// What the board is called.
pub const NAME: &str = "mps2-an386, Cortex-M4F";

/// Its network.
pub type Network = lan9118::Lan9118;

pub fn start() -> Network {
    let Some(mut peripherals) = Peripherals::take() else { panic!("the board is started once") };
    peripherals.SYST.set_clock_source(SystClkSource::Core);
    peripherals.SYST.set_reload(TICKS - 1);
    peripherals.SYST.clear_current();
    peripherals.SYST.enable_counter();
    peripherals.SYST.enable_interrupt();
    UART.write(UART_DIVIDER, 16);
    UART.write(UART_CONTROL, TRANSMIT | RECEIVE | RECEIVE_INTERRUPT);
    // Until it is set up, its line is up.
    let network = lan9118::Lan9118::new(ETHERNET);
    for line in [Line::UartReceive, Line::Ethernet] {
        // SAFETY: nobody relies on an interrupt being masked; the handler is below.
        unsafe { NVIC::unmask(line) };
    }
    network
}

pub fn write(octet: u8) {
    while UART.read(UART_STATE) & TRANSMIT_FULL != 0 {}
    UART.write(UART_DATA, octet.into());
}

/// Since the start. Call it while interrupts are off.
pub fn nanoseconds() -> u64 {
    critical_section::with(|section| {
        let milliseconds = TIME.borrow_ref(section).milliseconds;
        let ticks = SYST::get_current();
        // The counter may have begun anew, and its interrupt has not been served.
        let (late, ticks) = if SCB::is_pendst_pending() { (1, SYST::get_current()) } else { (0, ticks) };
        let passed = u64::from(TICKS - 1 - ticks.min(TICKS - 1));
        (milliseconds + late) * 1_000_000 + passed * NANOSECONDS_PER_TICK
    })
}

/// Returns as soon as an interrupt is there, also while they are off.
pub fn wait_for_interrupt() {
    cortex_m::asm::wfi();
}

/// The last place that the stack may take.
pub fn stack_end() -> usize {
    (&raw const __sheap).addr()
}

/// The place that the stack begins below.
pub fn stack_start() -> usize {
    (&raw const _stack_start).addr()
}

struct Time {
    milliseconds: u64,
    queue: Queue,
}

static TIME: Mutex<RefCell<Time>> = Mutex::new(RefCell::new(Time { milliseconds: 0, queue: Queue::new() }));

struct Clock;

impl Driver for Clock {
    fn now(&self) -> u64 {
        critical_section::with(|section| TIME.borrow_ref(section).milliseconds)
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        critical_section::with(|section| {
            let mut time = TIME.borrow_ref_mut(section);
            time.queue.schedule_wake(at, waker);
        });
    }
}

embassy_time_driver::time_driver_impl!(static CLOCK: Clock = Clock);

#[exception]
fn SysTick() {
    critical_section::with(|section: CriticalSection<'_>| {
        let mut time = TIME.borrow_ref_mut(section);
        time.milliseconds += 1;
        let now = time.milliseconds;
        time.queue.next_expiration(now);
    });
}

// SAFETY: it only clears what it was called for; nothing it does must not be interrupted.
#[exception]
unsafe fn DefaultHandler(line: i16) {
    match line {
        0 => {
            UART.write(UART_INTERRUPT, RECEIVED);
            while UART.read(UART_STATE) & RECEIVE_FULL != 0 {
                console::take(UART.read(UART_DATA) as u8);
            }
        }
        13 => lan9118::interrupt(ETHERNET),
        _ => {}
    }
}

/// Interrupts that are used.
#[derive(Clone, Copy)]
#[repr(u16)]
enum Line {
    UartReceive = 0,
    Ethernet = 13,
}

// SAFETY: these are lines of this board, and they never change.
unsafe impl InterruptNumber for Line {
    fn number(self) -> u16 {
        self as u16
    }
}

unsafe extern "C" {
    static __sheap: u32;
    static _stack_start: u32;
}

/// Of 40 ns each, in a millisecond.
const TICKS: u32 = 25_000;
const NANOSECONDS_PER_TICK: u64 = 40;

// SAFETY: Arm DAI 0386D §3.7 puts the first UART there.
const UART: Registers = unsafe { Registers::at(0x4000_4000) };
// SAFETY: Arm DAI 0386D §3.3 puts the Ethernet chip there.
const ETHERNET: Registers = unsafe { Registers::at(0x4020_0000) };

// CMSDK APB UART.
const UART_DATA: usize = 0x00;
const UART_STATE: usize = 0x04;
const UART_CONTROL: usize = 0x08;
const UART_INTERRUPT: usize = 0x0C;
const UART_DIVIDER: usize = 0x10;
const TRANSMIT_FULL: u32 = 1;
const RECEIVE_FULL: u32 = 2;
const TRANSMIT: u32 = 1;
const RECEIVE: u32 = 2;
const RECEIVE_INTERRUPT: u32 = 8;
const RECEIVED: u32 = 2;
