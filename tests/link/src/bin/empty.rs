//! Nothing of the core: what every program has.

#![no_std]
#![no_main]

use keyfob_link::{Given, entry};

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> usize {
    given.buffer.len()
}
