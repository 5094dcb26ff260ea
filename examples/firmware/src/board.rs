//! What differs from board to board. The application knows only what is public here.
//!
//! A board of flesh and blood has a random number generator, a clock and flash; these two are emulated, and ask the
//! machine they are emulated on for all three, by semihosting.

mod console;
mod executor;
mod flash;
mod host;
mod loopback;
mod registers;
mod stack;

#[cfg(target_arch = "arm")]
mod lan9118;
#[cfg(target_arch = "arm")]
mod mps2_an386;
#[cfg(target_arch = "arm")]
use self::mps2_an386 as chip;

#[cfg(target_arch = "riscv32")]
mod virt;
#[cfg(target_arch = "riscv32")]
mod virtio_net;
#[cfg(target_arch = "riscv32")]
use self::virt as chip;

pub use self::chip::{NAME, Network, entry};
#[cfg(feature = "portal")]
pub use self::console::Keys;
pub use self::console::{Console, key, pressed};
pub use self::executor::run;
pub use self::flash::FileFlash;
#[cfg(feature = "tls")]
pub use self::host::file;
pub use self::host::{argument, date, entropy, exit};
pub use self::loopback::Loopback;
pub use self::stack::high_water;

/// Starts clock, console and network. Call it once, and first.
pub fn start() -> Network {
    stack::paint();
    chip::start()
}

/// Nanoseconds since the start that the processor was not waiting. Under QEMU's `-icount shift=0` an instruction
/// takes one.
pub fn busy() -> u64 {
    critical_section::with(|_| chip::nanoseconds()).saturating_sub(executor::idle())
}
