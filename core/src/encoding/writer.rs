//! Fills a caller's slice; past its end it goes on counting, so that the exact need is known.

use zeroize::Zeroize;

use crate::{encoding::text, error::Error};

/// Writes octets one after the other.
pub(crate) struct Writer<'b> {
    out: &'b mut [u8],
    /// What was written, or would have been.
    length: usize,
}

impl<'b> Writer<'b> {
    pub(crate) fn new(out: &'b mut [u8]) -> Self {
        Self { out, length: 0 }
    }

    #[inline(never)]
    pub(crate) fn octet(&mut self, octet: u8) {
        if let Some(place) = self.out.get_mut(self.length) {
            *place = octet;
        }
        self.length = self.length.saturating_add(1);
    }

    #[inline(never)]
    pub(crate) fn text(&mut self, octets: &[u8]) {
        text::put(self.out, self.length, octets);
        self.length = self.length.saturating_add(octets.len());
    }

    /// A whole number in decimal digits.
    pub(crate) fn number(&mut self, value: u32) {
        let mut digits = [0u8; 10];
        let mut rest = value;
        let mut used = 0usize;
        for place in digits.iter_mut().rev() {
            *place = b'0'.wrapping_add(u8::try_from(rest % 10).unwrap_or_default());
            rest /= 10;
            used = used.saturating_add(1);
            if rest == 0 {
                break;
            }
        }
        self.text(digits.get(digits.len().saturating_sub(used)..).unwrap_or_default());
    }

    pub(crate) fn capacity(&self) -> usize {
        self.out.len()
    }

    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// What was written from `start` on, to be changed where it stands; empty if it did not fit.
    pub(crate) fn written(&mut self, start: usize) -> &mut [u8] {
        self.out.get_mut(start..self.length).unwrap_or_default()
    }

    /// What is left to be written to.
    pub(crate) fn rest(&mut self) -> &mut [u8] {
        self.out.get_mut(self.length..).unwrap_or_default()
    }

    /// Goes back, or on, to `length`.
    pub(crate) fn set_length(&mut self, length: usize) {
        self.length = length;
    }

    /// Overwrites two octets at `position`.
    pub(crate) fn patch(&mut self, position: usize, octets: [u8; 2]) {
        text::put(self.out, position, &octets);
    }

    /// What was written, and the rest of the slice.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`] with the length that would have done; the slice is wiped.
    pub(crate) fn finish(self) -> Result<(&'b mut [u8], &'b mut [u8]), Error> {
        let needed = self.length;
        if needed > self.out.len() {
            self.out.zeroize();
            return Err(Error::BufferTooSmall { needed });
        }
        self.out.split_at_mut_checked(needed).ok_or(Error::BufferTooSmall { needed })
    }
}
