//! The serial console.

use core::fmt;

use embassy_sync::{blocking_mutex::raw::CriticalSectionRawMutex, channel::Channel};

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

/// Waits for a key.
pub async fn key() -> u8 {
    KEYS.receive().await
}

/// A key was pressed. Those that nobody waits for are lost after a few.
pub(super) fn pressed(key: u8) {
    let _ = KEYS.try_send(key);
}

static KEYS: Channel<CriticalSectionRawMutex, u8, 8> = Channel::new();
