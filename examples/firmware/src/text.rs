//! Text that is written piece by piece.

use core::{fmt, str};

/// Up to `N` octets of text; what is longer is an error.
pub struct Text<const N: usize> {
    octets: [u8; N],
    length: usize,
}

impl<const N: usize> Text<N> {
    /// No text.
    pub const fn new() -> Self {
        Self { octets: [0; N], length: 0 }
    }

    /// What was written.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.octets[..self.length]).unwrap_or_default()
    }
}

impl<const N: usize> fmt::Write for Text<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        self.octets.get_mut(self.length..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}
