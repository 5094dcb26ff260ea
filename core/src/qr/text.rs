//! A QR code in the characters of a terminal or a serial console.

use core::fmt;

use super::QrCode;

/// What a QR code is drawn with. What is light is drawn, and what is dark left out, for a dark ground.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Characters {
    /// `##` for a module, where there is nothing but ASCII.
    Ascii,
    /// `█`, `▀` and `▄` of Unicode, two modules to a character.
    HalfBlocks,
}

impl<'b> QrCode<'b> {
    /// The code as lines of text, without their ends. On a light ground it is [`inverted`](Rows::inverted).
    pub const fn rows<'q>(&'q self, characters: Characters) -> Rows<'q> {
        Rows { code: self, characters, inverted: false, y: 0 }
    }
}

/// [`QrCode::rows`].
#[derive(Clone)]
pub struct Rows<'q> {
    code: &'q QrCode<'q>,
    characters: Characters,
    inverted: bool,
    y: u8,
}

impl Rows<'_> {
    /// The same for a light ground: what is dark is drawn.
    #[must_use]
    pub const fn inverted(mut self) -> Self {
        self.inverted = true;
        self
    }
}

impl<'q> Iterator for Rows<'q> {
    type Item = Row<'q>;

    fn next(&mut self) -> Option<Row<'q>> {
        let Self { code, characters, inverted, y } = *self;
        if y >= code.width() {
            return None;
        }
        self.y = y.saturating_add(if characters == Characters::HalfBlocks { 2 } else { 1 });
        Some(Row { code, characters, inverted, y })
    }
}

/// A line of text.
#[derive(Clone, Copy)]
pub struct Row<'q> {
    code: &'q QrCode<'q>,
    characters: Characters,
    inverted: bool,
    y: u8,
}

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, characters, inverted, y } = *self;
        let drawn = |x: u8, y: u8| code.is_dark(x, y) == inverted;
        // Behind the last row of an odd number is the ground.
        let below = y.saturating_add(1);
        let is_below = |x: u8| below < code.width() && drawn(x, below);
        (0..code.width()).try_for_each(|x| {
            f.write_str(match (characters, drawn(x, y), is_below(x)) {
                (Characters::Ascii, true, _) => "##",
                (Characters::Ascii, false, _) => "  ",
                (Characters::HalfBlocks, true, true) => "█",
                (Characters::HalfBlocks, true, false) => "▀",
                (Characters::HalfBlocks, false, true) => "▄",
                (Characters::HalfBlocks, false, false) => " ",
            })
        })
    }
}

impl fmt::Debug for Rows<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rows(…)")
    }
}

impl fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Row(…)")
    }
}
