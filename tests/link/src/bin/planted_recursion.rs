//! Calls itself by way of another. `recursion` fails unless it sees that.

#![no_std]
#![no_main]

use core::hint::black_box;

use keyfob_link::{Given, entry};

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> u64 {
    even(given.number)
}

#[inline(never)]
fn even(number: u64) -> u64 {
    if number == 0 { 1 } else { black_box(odd(number.wrapping_sub(1))).wrapping_add(1) }
}

#[inline(never)]
fn odd(number: u64) -> u64 {
    if number == 0 { 0 } else { black_box(even(number.wrapping_sub(1))).wrapping_add(1) }
}
