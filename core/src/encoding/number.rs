//! JSON numbers without floating point (RFC 8259 §6).

/// A number as it was written: ±`digits` · 10^`exponent`, read in pieces and in constant memory.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Number {
    negative: bool,
    digits: u64,
    exponent: i32,
    part: Part,
    exponent_negative: bool,
    exponent_digits: u16,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Part {
    #[default]
    Whole,
    Fraction,
    Exponent,
}

/// The largest value for which ten times itself and a digit still fit.
const LAST_ROOM: u64 = (u64::MAX - 9) / 10;

impl Number {
    /// Takes the next octet of a number whose grammar the parser has checked.
    pub(crate) fn push(&mut self, octet: u8) {
        match (octet, self.part) {
            (b'-', Part::Exponent) => self.exponent_negative = true,
            (b'-', _) => self.negative = true,
            (b'.', _) => self.part = Part::Fraction,
            (b'e' | b'E', _) => self.part = Part::Exponent,
            (b'0'..=b'9', Part::Exponent) => {
                // Saturates far beyond every exponent that makes a difference.
                self.exponent_digits =
                    self.exponent_digits.saturating_mul(10).saturating_add(u16::from(digit(octet)));
            }
            (b'0'..=b'9', part) => self.push_digit(digit(octet), part == Part::Fraction),
            _ => {}
        }
    }

    fn push_digit(&mut self, digit: u8, fraction: bool) {
        if self.digits <= LAST_ROOM {
            self.digits = self.digits.saturating_mul(10).saturating_add(u64::from(digit));
            if fraction {
                self.exponent = self.exponent.saturating_sub(1);
            }
        } else if !fraction {
            self.exponent = self.exponent.saturating_add(1);
        }
    }

    /// Reads a text of 1 to 20 decimal digits, as some servers send numbers.
    pub(crate) fn from_digits(text: &str) -> Option<Self> {
        if text.is_empty() || text.len() > 20 || !text.bytes().all(|octet| octet.is_ascii_digit()) {
            return None;
        }
        let mut number = Self::default();
        text.bytes().for_each(|octet| number.push(octet));
        Some(number)
    }

    /// Whether it is below zero; `-0` is not.
    pub(crate) fn is_negative(self) -> bool {
        self.negative && self.digits != 0
    }

    /// Whether something stands behind the point that [`Number::floor`] leaves out, as far as its digits were kept.
    pub(crate) fn has_fraction(self) -> bool {
        let mut value = self.digits;
        for _ in 0..self.exponent().min(0).unsigned_abs().min(20) {
            let whole = tenth(value);
            if whole.saturating_mul(10) != value {
                return true;
            }
            value = whole;
        }
        false
    }

    fn exponent(self) -> i32 {
        let written = i32::from(self.exponent_digits);
        if self.exponent_negative {
            self.exponent.saturating_sub(written)
        } else {
            self.exponent.saturating_add(written)
        }
    }

    /// The absolute value without its fraction; `u64::MAX` stands for that and all above.
    pub(crate) fn floor(self) -> u64 {
        let exponent = self.exponent();
        let mut value = self.digits;
        // Twenty steps take every value to zero or to the top.
        for _ in 0..exponent.unsigned_abs().min(20) {
            value = if exponent < 0 { tenth(value) } else { value.saturating_mul(10) };
        }
        value
    }
}

/// A tenth, limb by limb: chips have no instruction for a 64-bit division, and its routine is larger than all
/// of this file.
pub(crate) fn tenth(value: u64) -> u64 {
    let mut remainder = 0u32;
    let mut tenth = 0u64;
    for limb in value.to_be_bytes().chunks_exact(2) {
        let limb = limb.try_into().map_or(0, u16::from_be_bytes);
        let dividend = (remainder << 16) | u32::from(limb);
        tenth = (tenth << 16) | u64::from(dividend / 10);
        remainder = dividend % 10;
    }
    tenth
}

fn digit(octet: u8) -> u8 {
    octet.wrapping_sub(b'0')
}
