//! A QR code in the characters of a terminal.

use keyfob_core::qr::QrCode;

/// The code of `text`, two modules to a character; none for a text that is too long.
///
/// What is light is drawn and what is dark is left out, so it has to stand on a dark ground.
pub fn picture(text: &str) -> Option<Vec<String>> {
    let mut buffer = [0; QrCode::MAX_BUFFER];
    let code = QrCode::of(text, &mut buffer).ok()?;
    let row = |y: u8| {
        let character = |x| match (code.is_dark(x, y), code.is_dark(x, y.saturating_add(1))) {
            (false, false) => '█',
            (false, true) => '▀',
            (true, false) => '▄',
            (true, true) => ' ',
        };
        (0..code.width()).map(character).collect()
    };
    Some((0..code.width()).step_by(2).map(row).collect())
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
                let dark = |y: usize| code.is_dark(x as u8, y as u8);
                assert_eq!(matches!(character, '▄' | ' '), dark(2 * y), "{x} {y}");
                assert_eq!(matches!(character, '▀' | ' '), dark(2 * y + 1), "{x} {y}");
            }
        }
        assert_eq!(picture(&"x".repeat(QrCode::MAX_TEXT + 1)), None);
    }
}
