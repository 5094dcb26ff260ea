//! Whole numbers, exactly.

/// A JSON number, read octet by octet: ±`digits` · 10^`zeros` · 10^`exponent`, where `digits` does not end in 0.
#[derive(Clone, Copy, Default)]
pub(super) struct Integer {
    negative: bool,
    digits: u64,
    zeros: i32,
    /// `digits` does not fit.
    lost: bool,
    fraction: i32,
    part: Part,
    exponent_negative: bool,
    exponent: u16,
}

#[derive(Clone, Copy, Default, Eq, PartialEq)]
enum Part {
    #[default]
    Whole,
    Fraction,
    Exponent,
}

impl Integer {
    /// Takes the next octet of a number whose grammar the parser has checked.
    pub(super) fn push(&mut self, octet: u8) {
        match (octet, self.part) {
            (b'-', Part::Exponent) => self.exponent_negative = true,
            (b'-', _) => self.negative = true,
            (b'.', _) => self.part = Part::Fraction,
            (b'e' | b'E', _) => self.part = Part::Exponent,
            // Saturates far beyond every exponent that makes a difference.
            (b'0'..=b'9', Part::Exponent) => {
                self.exponent =
                    self.exponent.saturating_mul(10).saturating_add(u16::from(octet.wrapping_sub(b'0')));
            }
            (b'0'..=b'9', part) => {
                if part == Part::Fraction {
                    self.fraction = self.fraction.saturating_add(1);
                }
                self.digit(octet.wrapping_sub(b'0'));
            }
            _ => {}
        }
    }

    fn digit(&mut self, digit: u8) {
        self.zeros = self.zeros.saturating_add(1);
        if digit == 0 {
            return;
        }
        match scaled(self.digits, self.zeros).and_then(|digits| digits.checked_add(u64::from(digit))) {
            Some(digits) => self.digits = digits,
            None => self.lost = true,
        }
        self.zeros = 0;
    }

    fn magnitude(self) -> Option<u64> {
        let written = i32::from(self.exponent);
        let written = if self.exponent_negative { written.checked_neg()? } else { written };
        let exponent = self.zeros.checked_sub(self.fraction)?.checked_add(written)?;
        // What does not fit has more than one reason, and is no whole number of ours for any of them.
        if self.lost { None } else { scaled(self.digits, exponent) }
    }

    pub(super) fn unsigned(self) -> Option<u64> {
        self.magnitude().filter(|magnitude| !self.negative || *magnitude == 0)
    }

    pub(super) fn signed(self) -> Option<i64> {
        let magnitude = self.magnitude()?;
        if self.negative { 0i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
    }
}

/// `digits` · 10^`exponent`, if that is whole and fits.
fn scaled(digits: u64, exponent: i32) -> Option<u64> {
    if digits == 0 {
        return Some(0);
    }
    let exponent = u32::try_from(exponent).ok()?;
    digits.checked_mul(10u64.checked_pow(exponent)?)
}
