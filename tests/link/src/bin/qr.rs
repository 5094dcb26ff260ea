//! A QR code.

#![no_std]
#![no_main]

use core::hint::black_box;

use keyfob_core::{error::Error, qr::QrCode};
use keyfob_link::{Given, entry};

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> Result<usize, Error> {
    let code = QrCode::of(given.text, given.buffer)?;
    let (x, y) = black_box((0, 0));
    Ok(usize::from(code.is_dark(x, y)) | usize::from(code.width()))
}
