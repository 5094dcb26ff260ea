//! What the pages say.

mod english;
mod french;
mod german;
mod spanish;

/// The words of one language.
pub struct Words {
    /// The language's tag (RFC 5646).
    pub tag: &'static str,
    /// The first page.
    pub title: &'static str,
    /// Over the field for the code.
    pub code: &'static str,
    /// When the code was in the address.
    pub scanned: &'static str,
    /// When not to.
    pub only_if: &'static str,
    /// On buttons.
    pub go_on: &'static str,
    /// Title before the browser is sent to the server.
    pub confirm: &'static str,
    /// Before the device's name.
    pub device: &'static str,
    /// Before the server's name.
    pub server: &'static str,
    /// What going on does.
    pub effect: &'static str,
    /// The code is wrong, or old.
    pub wrong_code: &'static str,
    /// Too many wrong codes.
    pub too_many: &'static str,
    /// The device goes on.
    pub wait: Message,
    /// It worked.
    pub signed_in: Message,
    /// The user or the server said no.
    pub refused: Message,
    /// It did not work.
    pub failed: Message,
    /// The user stopped it on the device.
    pub cancelled: Message,
    /// Not this browser's sign-in.
    pub stray: Message,
    /// No such page.
    pub nothing: Message,
    /// Not now.
    pub later: Message,
}

/// A title, and what to do.
#[derive(Clone, Copy)]
pub struct Message(pub &'static str, pub &'static str);

/// All of them; the first one is for whoever reads none of them.
pub const ALL: [&Words; 4] = [&english::ENGLISH, &german::GERMAN, &french::FRENCH, &spanish::SPANISH];

/// The language that `Accept-Language` likes best (RFC 9110 §12.5.4). Of those that it likes alike, the first.
pub fn choose(accepted: &str) -> &'static Words {
    let mut best = (ALL[0], 0.0);
    for range in accepted.split(',').take(MOST_RANGES) {
        let (tag, parameter) = range.split_once(';').unwrap_or((range, "q=1"));
        let tag = tag.trim().split('-').next().unwrap_or_default();
        let quality = parameter.trim().strip_prefix("q=").and_then(|quality| quality.parse::<f32>().ok());
        let quality = quality.filter(|quality| (0.0..=1.0).contains(quality)).unwrap_or(0.0);
        let words = ALL.into_iter().find(|words| words.tag.eq_ignore_ascii_case(tag));
        if let Some(words) = words.filter(|_| quality > best.1) {
            best = (words, quality);
        }
    }
    best.0
}

/// Nobody reads more languages.
const MOST_RANGES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    // REQ: PORTAL-31
    #[test]
    fn the_best_liked_language() {
        for (accepted, tag) in [
            ("", "en"),
            ("de-AT,de;q=0.9,en;q=0.8", "de"),
            ("it, fr;q=0.5, es;q=0.7", "es"),
            ("en;q=0.1, FR-ca;q=0.2", "fr"),
            ("de;q=0", "en"),
            ("de;q=2, fr;q=x", "en"),
            (";;;,,,q=1", "en"),
        ] {
            assert_eq!(choose(accepted).tag, tag, "{accepted}");
        }
    }
}
