//! Uses the heap. `allocator` fails when this builds.

#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;

use keyfob_link::{Given, entry};

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> Vec<u8> {
    given.bytes.into()
}
