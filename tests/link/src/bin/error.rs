//! What the caller can do about an error.

#![no_std]
#![no_main]

use core::hint::black_box;

use keyfob_core::error::{Error, Remedy};
use keyfob_link::{Given, entry};

entry!(run);

#[inline(never)]
fn run(_: Given<'_>) -> Remedy {
    black_box(Error::Misuse).remedy()
}
