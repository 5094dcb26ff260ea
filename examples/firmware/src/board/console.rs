//! The serial console.

use core::{convert::Infallible, fmt};

use embassy_sync::{blocking_mutex::raw::CriticalSectionRawMutex, channel::Channel};
#[cfg(feature = "portal")]
use embedded_io_async::Read;
use embedded_io_async::{ErrorType, Write};

use super::chip;

/// Writes to the console, and waits where the line is slow.
#[derive(Clone, Copy)]
pub struct Console;

impl fmt::Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for octet in text.bytes() {
            if octet == b'\n' {
                chip::write(b'\r');
            }
            chip::write(octet);
        }
        Ok(())
    }
}

impl ErrorType for Console {
    type Error = Infallible;
}

/// The same for octets as they are.
impl Write for Console {
    async fn write(&mut self, octets: &[u8]) -> Result<usize, Infallible> {
        octets.iter().copied().for_each(chip::write);
        Ok(octets.len())
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// The keys, one at a time.
#[cfg(feature = "portal")]
pub struct Keys;

#[cfg(feature = "portal")]
impl ErrorType for Keys {
    type Error = Infallible;
}

#[cfg(feature = "portal")]
impl Read for Keys {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        let Some(place) = buffer.first_mut() else { return Ok(0) };
        *place = key().await;
        Ok(1)
    }
}

/// Waits for a key.
pub async fn key() -> u8 {
    KEYS.receive().await
}

/// Waits for this key.
pub async fn pressed(wanted: u8) {
    while key().await != wanted {}
}

/// A key was pressed. Those that nobody waits for are lost after a few.
pub(super) fn take(key: u8) {
    let _ = KEYS.try_send(key);
}

static KEYS: Channel<CriticalSectionRawMutex, u8, 8> = Channel::new();
