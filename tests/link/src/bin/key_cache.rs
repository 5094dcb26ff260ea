//! Keys that are kept, with their age.

#![no_std]
#![no_main]

use core::hint::black_box;

use keyfob_core::{cache::KeyCache, error::Error};
use keyfob_link::{Given, entry, now, response};

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> Result<usize, Error> {
    let now = now(&given);
    let mut cache = black_box(KeyCache::<256>::new());
    cache.restore(now, given.bytes)?;
    black_box((cache.age().is_fresh(now), cache.age().may_fetch(now)));
    cache.asked(now);
    cache.take(now, &response(given.buffer, given.bytes, given.text)?)?;
    cache.save(given.buffer)
}
