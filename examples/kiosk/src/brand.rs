//! Name, colour and logo, and what follows from them for every page.

use base64ct::{Base64, Encoding};
use sha2::{Digest, Sha256};

/// How the terminal looks.
pub struct Brand {
    pub name: String,
    /// An `<svg>` element of the operator's.
    pub logo: String,
    /// The style sheet.
    pub style: String,
    /// The header `Content-Security-Policy`.
    pub policy: String,
}

impl Brand {
    /// `colour`: as `#0b57d0`. What is written on it is black or white, whichever can be read better.
    pub fn new(name: &str, colour: Colour, logo: String) -> Self {
        let (Colour(red, green, blue), ink) = (colour, colour.ink());
        let style = format!(":root{{--brand:#{red:02x}{green:02x}{blue:02x};--brand-ink:{ink}}}\n{STYLE}");
        // Nothing is loaded from anywhere, and no form leads elsewhere; the addresses of the server are links.
        let policy = format!(
            "default-src 'none'; style-src '{}'; script-src '{}'; connect-src 'self'; form-action 'self'; \
             frame-ancestors 'none'; base-uri 'none'",
            hash(&style),
            hash(SCRIPT)
        );
        Self { name: name.to_owned(), logo, style, policy }
    }
}

/// Red, green and blue.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Colour(u8, u8, u8);

impl Colour {
    /// Reads `#0b57d0`.
    pub fn read(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii())?;
        let octet = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
        Some(Self(octet(0)?, octet(2)?, octet(4)?))
    }

    /// Black or white: on every colour one of the two has a contrast of 4.5 to 1 (WCAG 2.2 §1.4.3).
    fn ink(self) -> &'static str {
        let white = 1.05 / (self.luminance() + 0.05);
        if white >= 4.5 { "#fff" } else { "#000" }
    }

    /// Relative luminance (WCAG 2.2).
    fn luminance(self) -> f64 {
        let part = |octet: u8| {
            let part = f64::from(octet) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(self.0) + 0.7152 * part(self.1) + 0.0722 * part(self.2)
    }
}

/// A source in a policy (CSP3 §2.3.1).
fn hash(text: &str) -> String {
    format!("sha256-{}", Base64::encode_string(&Sha256::digest(text)))
}

pub const SCRIPT: &str = include_str!("script.js");
const STYLE: &str = include_str!("style.css");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_read_and_can_be_read() {
        assert_eq!(Colour::read("#0b57d0"), Some(Colour(0x0b, 0x57, 0xd0)));
        for wrong in ["", "0b57d0", "#0b57d", "#0b57dg", "#fffffff", "#ééé"] {
            assert_eq!(Colour::read(wrong), None, "{wrong}");
        }
        for (colour, ink) in
            [("#0b57d0", "#fff"), ("#ffd400", "#000"), ("#000000", "#fff"), ("#ffffff", "#000")]
        {
            assert_eq!(Colour::read(colour).map(Colour::ink), Some(ink), "{colour}");
        }
        for red in (0..=255).step_by(15) {
            for green in (0..=255).step_by(15) {
                for blue in (0..=255).step_by(15) {
                    let colour = Colour(red, green, blue);
                    let ink = if colour.ink() == "#fff" { 1.0 } else { 0.0 };
                    let (light, dark) = (colour.luminance().max(ink), colour.luminance().min(ink));
                    assert!((light + 0.05) / (dark + 0.05) >= 4.5, "{colour:?}");
                }
            }
        }
    }

    #[test]
    fn the_policy_names_what_the_pages_hold_and_nothing_else() {
        let brand = Brand::new("", Colour(0, 0, 0), String::new());
        assert!(brand.policy.contains(&hash(&brand.style)) && brand.policy.contains(&hash(SCRIPT)));
        assert!(!brand.policy.contains("unsafe") && !brand.policy.contains("http"));
        assert!(!brand.style.contains("</") && !SCRIPT.contains("</"), "they stand in a page");
    }
}
