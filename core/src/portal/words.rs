//! What the pages say.

mod english;
mod french;
mod german;
mod spanish;

use crate::encoding::text;

pub use self::english::ENGLISH;
pub use self::french::FRENCH;
pub use self::german::GERMAN;
pub use self::spanish::SPANISH;

/// The words of one language. Only those that a [`Site`](crate::portal::Site) names are linked.
pub struct Words {
    /// The language's tag (RFC 5646), in small letters.
    pub(crate) tag: &'static str,
    pub(crate) sign_in: &'static str,
    /// Around the server's name.
    pub(crate) leads_to: [&'static str; 2],
    pub(crate) started_here: &'static str,
    pub(crate) code: &'static str,
    pub(crate) go_on: &'static str,
    pub(crate) wrong_code: &'static str,
    pub(crate) too_many_codes: &'static str,
    pub(crate) old_page: &'static str,
    pub(crate) unencrypted: &'static str,
    pub(crate) access_point: &'static str,
    pub(crate) busy: Message,
    pub(crate) paste: &'static str,
    pub(crate) paste_open: &'static str,
    pub(crate) paste_open_button: &'static str,
    pub(crate) paste_bring: &'static str,
    pub(crate) paste_label: &'static str,
    pub(crate) paste_button: &'static str,
    pub(crate) paste_wrong: &'static str,
    pub(crate) stray: Message,
    pub(crate) wait: Message,
    pub(crate) confirm: Message,
    pub(crate) signed_in: Message,
    pub(crate) denied: Message,
    pub(crate) alarm: Message,
    pub(crate) configuration: Message,
    pub(crate) later: Message,
    pub(crate) unreachable: Message,
    pub(crate) failed: Message,
    pub(crate) slower: Message,
    pub(crate) nothing: Message,
}

/// A title, and what to do.
#[derive(Clone, Copy)]
pub(crate) struct Message(pub(crate) &'static str, pub(crate) &'static str);

/// The place of the language that `accepted`, the value of `Accept-Language`, likes best (RFC 9110 §12.5.4). Of those
/// that it likes alike, the first.
pub(crate) fn choose(languages: &[&Words], accepted: &str) -> u8 {
    let mut best = (0, 0);
    for range in text::split(accepted, b',') {
        let (tag, weight) =
            text::split_once(range, b';').map_or((range, 1000), |(tag, parameter)| (tag, quality(parameter)));
        let tag = text::before(tag.trim_ascii(), b'-');
        let place = languages.iter().position(|words| words.tag.eq_ignore_ascii_case(tag));
        if let Some(place) = place.and_then(|place| u8::try_from(place).ok()).filter(|_| weight > best.1) {
            best = (place, weight);
        }
    }
    best.0
}

/// Thousandths.
fn quality(parameter: &str) -> u16 {
    let Some((name, value)) = text::split_once(parameter, b'=') else { return 1000 };
    if !name.trim_ascii().eq_ignore_ascii_case("q") {
        return 1000;
    }
    let mut digits = value.trim_ascii().bytes().filter(u8::is_ascii_digit);
    let mut quality = 0u16;
    for _ in 0..4 {
        let digit = digits.next().map_or(0, |digit| digit.wrapping_sub(b'0'));
        quality = quality.saturating_mul(10).saturating_add(digit.into());
    }
    quality.min(1000)
}
