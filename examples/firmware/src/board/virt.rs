//! QEMU's machine `virt`: a RISC-V with 32 bits.

use core::{cell::RefCell, task::Waker};

use critical_section::Mutex;
use embassy_time_driver::Driver;
use embassy_time_queue_utils::Queue;
use riscv::interrupt::machine::Interrupt;
use riscv_rt::core_interrupt;

use super::{console, registers::Registers, virtio_net};

pub use riscv_rt::entry;

/// What the board is called.
pub const NAME: &str = "virt, RISC-V";

/// Its network.
pub type Network = virtio_net::VirtioNet;

pub fn start() -> Network {
    arm(u64::MAX);
    let (network, line) = virtio_net::VirtioNet::new();
    UART.write_octet(UART_INTERRUPTS, RECEIVED);
    for line in [UART_LINE, line] {
        INTERRUPTS.write(line as usize * 4, 1);
    }
    ENABLED.write(0, 1 << UART_LINE | 1 << line);
    CLAIM.write(THRESHOLD, 0);
    // SAFETY: all that the handlers below use has been set up.
    unsafe {
        riscv::interrupt::enable_interrupt(Interrupt::MachineTimer);
        riscv::interrupt::enable_interrupt(Interrupt::MachineExternal);
        riscv::interrupt::enable();
    }
    network
}

pub fn write(octet: u8) {
    while UART.read_octet(UART_STATE) & TRANSMIT_EMPTY == 0 {}
    UART.write_octet(UART_DATA, octet);
}

/// Since the start.
pub fn nanoseconds() -> u64 {
    ticks() * NANOSECONDS_PER_TICK
}

/// Returns as soon as an interrupt is there, also while they are off.
pub fn wait_for_interrupt() {
    riscv::asm::wfi();
}

/// The last place that the stack may take.
pub fn stack_end() -> usize {
    (&raw const __sheap).addr().next_multiple_of(4)
}

/// The place that the stack begins below.
pub fn stack_start() -> usize {
    (&raw const _stack_start).addr()
}

static QUEUE: Mutex<RefCell<Queue>> = Mutex::new(RefCell::new(Queue::new()));

struct Clock;

impl Driver for Clock {
    fn now(&self) -> u64 {
        ticks() / TICKS
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        critical_section::with(|section| {
            let mut queue = QUEUE.borrow_ref_mut(section);
            if queue.schedule_wake(at, waker) {
                arm(queue.next_expiration(self.now()));
            }
        });
    }
}

embassy_time_driver::time_driver_impl!(static CLOCK: Clock = Clock);

#[core_interrupt(Interrupt::MachineTimer)]
fn timer() {
    critical_section::with(|section| {
        arm(QUEUE.borrow_ref_mut(section).next_expiration(CLOCK.now()));
    });
}

#[core_interrupt(Interrupt::MachineExternal)]
fn external() {
    let line = CLAIM.read(CLAIMED);
    match line {
        UART_LINE => {
            while UART.read_octet(UART_STATE) & RECEIVED != 0 {
                console::take(UART.read_octet(UART_DATA));
            }
        }
        _ => virtio_net::interrupt(line),
    }
    CLAIM.write(CLAIMED, line);
}

/// The timer interrupts at this millisecond.
fn arm(at: u64) {
    let at = at.saturating_mul(TICKS);
    // No moment between the two halves is earlier than both.
    COMPARE.write(4, u32::MAX);
    COMPARE.write(0, at as u32);
    COMPARE.write(4, (at >> 32) as u32);
}

fn ticks() -> u64 {
    loop {
        let high = TIME.read(TIME_HIGH);
        let low = TIME.read(TIME_LOW);
        if TIME.read(TIME_HIGH) == high {
            return u64::from(high) << 32 | u64::from(low);
        }
    }
}

unsafe extern "C" {
    static __sheap: u32;
    static _stack_start: u32;
}

/// Of 100 ns each, in a millisecond.
const TICKS: u64 = 10_000;
const NANOSECONDS_PER_TICK: u64 = 100;

// QEMU, hw/riscv/virt.c.
// SAFETY: a 16550 is there.
const UART: Registers = unsafe { Registers::at(0x1000_0000) };
// SAFETY: the first page of the CLINT's `mtimecmp` is there.
const COMPARE: Registers = unsafe { Registers::at(0x0200_4000) };
// SAFETY: the CLINT's last page is there, with `mtime`.
const TIME: Registers = unsafe { Registers::at(0x0200_B000) };
// SAFETY: the PLIC begins there, with the priorities.
const INTERRUPTS: Registers = unsafe { Registers::at(0x0C00_0000) };
// SAFETY: what the first hart is interrupted by is there.
const ENABLED: Registers = unsafe { Registers::at(0x0C00_2000) };
// SAFETY: threshold and claim of the first hart are there.
const CLAIM: Registers = unsafe { Registers::at(0x0C20_0000) };

const TIME_LOW: usize = 0xFF8;
const TIME_HIGH: usize = 0xFFC;
const THRESHOLD: usize = 0;
const CLAIMED: usize = 4;

/// Its line at the PLIC.
const UART_LINE: u32 = 10;

// 16550.
const UART_DATA: usize = 0;
const UART_INTERRUPTS: usize = 1;
const UART_STATE: usize = 5;
const RECEIVED: u8 = 1;
const TRANSMIT_EMPTY: u8 = 1 << 5;
