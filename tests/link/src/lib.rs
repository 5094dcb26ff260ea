//! What every program here shares: where it starts, what it is given, and what a panic does.
//!
//! No code here can panic itself: no `+`, no index.

#![no_std]

mod program;

use core::hint::black_box;
use core::panic::PanicInfo;

pub use crate::program::{Opaque, OpaqueSigner, SERVER, drive, fetch, happening, keep, now, response, seed};

/// What a program works on. The compiler knows nothing of it: neither text, nor length, nor number.
pub struct Given<'a> {
    /// Some text.
    pub text: &'a str,
    /// Some octets.
    pub bytes: &'a [u8],
    /// Some number.
    pub number: u64,
    /// Room for the result.
    pub buffer: &'a mut [u8],
}

/// Makes a function the program: `entry!(run)`, where `run` takes a [`Given`].
#[macro_export]
macro_rules! entry {
    ($run:path) => {
        /// Where the chip would start.
        #[unsafe(no_mangle)]
        pub extern "C" fn _start() -> ! {
            $crate::start(|given| drop(::core::hint::black_box($run(given))))
        }
    };
}

/// Makes the sizes of types readable from the program: `sizes!("Error" => keyfob_core::Error);`.
#[macro_export]
macro_rules! sizes {
    ($($name:literal => $type:ty),* $(,)?) => {
        #[inline(never)]
        fn run(_: $crate::Given<'_>) {
            $({
                #[unsafe(export_name = concat!("size_of::", $name))]
                static AS_LARGE: [u8; size_of::<$type>()] = [0; _];
                ::core::hint::black_box(&AS_LARGE);
            })*
        }

        $crate::entry!(run);
    };
}

/// Calls `run` with what the compiler cannot know.
#[inline(always)]
pub fn start(run: impl Fn(Given<'_>)) -> ! {
    let mut buffer = [0; 2048];
    loop {
        run(Given {
            text: black_box(""),
            bytes: black_box(&[]),
            number: black_box(0),
            buffer: black_box(&mut buffer),
        });
    }
}

#[cfg(feature = "proof")]
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    unsafe extern "C" {
        fn a_panic_is_reachable_from_the_core() -> !;
    }
    // SAFETY: there is no such function, so a program that would call it does not link.
    unsafe { a_panic_is_reachable_from_the_core() }
}

#[cfg(not(feature = "proof"))]
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
