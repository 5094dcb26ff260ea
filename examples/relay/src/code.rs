//! The code that a device shows and a user types.

/// Consonants that no word is made of, and that are not taken for one another (RFC 8628 §6.1).
const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// Characters of a code, without the hyphen.
const LENGTH: usize = 8;

/// A new code, without the hyphen: 34 bits.
pub fn generate() -> Result<String, getrandom::Error> {
    let mut code = String::with_capacity(LENGTH);
    while code.len() < LENGTH {
        let mut octets = [0; 16];
        getrandom::fill(&mut octets)?;
        // 240 is the largest multiple of 20 in an octet; above it some characters would be likelier.
        let fair = octets.iter().filter(|octet| **octet < 240);
        let characters = fair.map(|octet| char::from(ALPHABET[usize::from(octet % 20)]));
        code.extend(characters.take(LENGTH - code.len()));
    }
    Ok(code)
}

/// A code as it is shown: `BCDF-GHJK`.
pub fn display(code: &str) -> String {
    let (first, second) = code.split_at(code.len() / 2);
    format!("{first}-{second}")
}

/// A code as somebody typed it: in small letters, with spaces, with other hyphens. Not a code at all: none.
pub fn normalise(typed: &str) -> Option<String> {
    let kept =
        typed.chars().filter(|character| !character.is_whitespace() && !"-‐‑–—_.".contains(*character));
    let code: String = kept.take(LENGTH + 1).map(|character| character.to_ascii_uppercase()).collect();
    let is_code = code.len() == LENGTH && code.bytes().all(|octet| ALPHABET.contains(&octet));
    is_code.then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_typed_as_people_type() {
        for typed in ["BCDF-GHJK", "bcdfghjk", " bcdf ghjk\n", "B C D F – G H J K", "bcdf.ghjk"] {
            assert_eq!(normalise(typed).as_deref(), Some("BCDFGHJK"), "{typed}");
        }
        for typed in ["", "BCDF-GHJ", "BCDF-GHJKL", "ACDF-GHJK", "12345678", "BCDFGHJÄ", "<b>BCDFG"] {
            assert_eq!(normalise(typed), None, "{typed}");
        }
    }

    #[test]
    fn every_character_is_about_as_likely() {
        let mut counts = [0u32; 20];
        for _ in 0..5_000 {
            let code = generate().unwrap();
            assert_eq!(normalise(&display(&code)).as_deref(), Some(code.as_str()));
            for octet in code.bytes() {
                counts[ALPHABET.iter().position(|letter| *letter == octet).unwrap()] += 1;
            }
        }
        // 2,000 of each; a deviation of a fifth is nine times the standard one.
        assert!(counts.iter().all(|count| (1_600..2_400).contains(count)), "{counts:?}");
    }
}
