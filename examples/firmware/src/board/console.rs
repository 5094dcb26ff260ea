//! The serial console.

use core::{convert::Infallible, fmt};

use embassy_sync::{blocking_mutex::raw::CriticalSectionRawMutex, channel::Channel};
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

/// Waits for a key.
pub async fn key() -> u8 {
    KEYS.receive().await
}

/// A key that was pressed, if there is one.
#[cfg(feature = "portal")]
pub fn pressed_key() -> Option<u8> {
    KEYS.try_receive().ok()
}

/// A key was pressed. Those that nobody waits for are lost after a few.
pub(super) fn pressed(key: u8) {
    let _ = KEYS.try_send(key);
}

static KEYS: Channel<CriticalSectionRawMutex, u8, 8> = Channel::new();
