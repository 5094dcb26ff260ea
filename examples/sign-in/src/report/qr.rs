//! A QR code in the characters of a terminal.

use keyfob_core::qr::{Characters, QrCode};

/// The code of `text`, two modules to a character, for a dark ground; none for a text that is too long.
pub fn picture(text: &str) -> Option<Vec<String>> {
    let mut buffer = [0; QrCode::MAX_BUFFER];
    let code = QrCode::of(text, &mut buffer).ok()?;
    Some(code.rows(Characters::HalfBlocks).map(|row| row.to_string()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    // REQ: DEV-31
    #[test]
    fn every_module_is_half_a_character() {
        let text = "https://as.example/device?user_code=WDJB-MJHT";
        let rows = picture(text).expect("it fits");
        let mut buffer = [0; QrCode::MAX_BUFFER];
        let code = QrCode::of(text, &mut buffer).expect("it fits");
        assert_eq!(rows.len(), usize::from(code.width()).div_ceil(2));
        for (y, row) in rows.iter().enumerate() {
            assert_eq!(row.chars().count(), usize::from(code.width()));
            for (x, character) in row.chars().enumerate() {
                let dark = |y: usize| y >= usize::from(code.width()) || code.is_dark(x as u8, y as u8);
                assert_eq!(matches!(character, '▄' | ' '), dark(2 * y), "{x} {y}");
                assert_eq!(matches!(character, '▀' | ' '), dark(2 * y + 1), "{x} {y}");
            }
        }
        assert_eq!(picture(&"x".repeat(QrCode::MAX_TEXT + 1)), None);
    }
}
