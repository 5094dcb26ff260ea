//! Can panic: an index that nothing bounds. `panics` fails when this links.

#![no_std]
#![no_main]

use keyfob_link::{Given, entry};

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> u8 {
    given.bytes[given.buffer.len()]
}
