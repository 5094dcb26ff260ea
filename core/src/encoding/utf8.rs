//! UTF-8, checked octet by octet (RFC 3629 §4).

/// Where a validation stands between two octets.
#[derive(Clone, Copy)]
pub(crate) struct Utf8 {
    /// Continuation octets still to come.
    missing: u8,
    /// The range of the next one; narrower after some first octets (no overlong form, no surrogate).
    low: u8,
    high: u8,
}

impl Utf8 {
    pub(crate) const NEW: Self = Self::expect(0, 0, 0);

    /// Takes the next octet; `false` if no valid text goes on like this.
    pub(crate) fn push(&mut self, octet: u8) -> bool {
        if self.missing > 0 {
            let fits = (self.low..=self.high).contains(&octet);
            *self = Self::expect(self.missing.saturating_sub(1), 0x80, 0xBF);
            return fits;
        }
        *self = match octet {
            0x00..=0x7F => return true,
            0xC2..=0xDF => Self::expect(1, 0x80, 0xBF),
            0xE0 => Self::expect(2, 0xA0, 0xBF),
            0xED => Self::expect(2, 0x80, 0x9F),
            0xE1..=0xEF => Self::expect(2, 0x80, 0xBF),
            0xF0 => Self::expect(3, 0x90, 0xBF),
            0xF1..=0xF3 => Self::expect(3, 0x80, 0xBF),
            0xF4 => Self::expect(3, 0x80, 0x8F),
            _ => return false,
        };
        true
    }

    /// Whether the text may end here.
    pub(crate) fn is_complete(self) -> bool {
        self.missing == 0
    }

    const fn expect(missing: u8, low: u8, high: u8) -> Self {
        Self { missing, low, high }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn valid(text: &[u8]) -> bool {
        let mut utf8 = Utf8::NEW;
        text.iter().all(|&octet| utf8.push(octet)) && utf8.is_complete()
    }

    #[test]
    fn agrees_with_the_standard_library_on_every_four_octets() {
        // Every first and second octet, with third and fourth ones at the edges of all ranges.
        const EDGES: [u8; 10] = [0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0];
        for first in 0..=255u8 {
            for second in 0..=255u8 {
                for third in EDGES {
                    for fourth in EDGES {
                        for length in 1..=4 {
                            let text = &[first, second, third, fourth][..length];
                            assert_eq!(valid(text), core::str::from_utf8(text).is_ok(), "{text:x?}");
                        }
                    }
                }
            }
        }
    }
}
