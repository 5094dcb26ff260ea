//! What the pages say.

mod english;
mod french;
mod german;
mod spanish;

pub use self::english::ENGLISH;
pub use self::french::FRENCH;
pub use self::german::GERMAN;
pub use self::spanish::SPANISH;

/// All languages, in the order of their buttons.
pub const LANGUAGES: [&Words; 4] = [&ENGLISH, &GERMAN, &FRENCH, &SPANISH];

/// The words of one language.
pub struct Words {
    /// The language's tag (RFC 5646), and its own name for itself.
    pub tag: &'static str,
    pub name: &'static str,
    pub welcome: &'static str,
    pub sign_in: &'static str,
    pub moment: &'static str,
    pub cancel: &'static str,
    /// Above the QR code, and below it: around the address, and around the code.
    pub scan: &'static str,
    pub or_open: &'static str,
    pub enter: &'static str,
    /// Before the time left.
    pub valid: &'static str,
    pub started_here: &'static str,
    pub screen: &'static str,
    pub phone: &'static str,
    /// While a phone signs in, and afterwards.
    pub connected: &'static str,
    pub is_it_you: &'static str,
    pub yes: &'static str,
    /// On the way to the server, around its name.
    pub away: &'static str,
    pub away_text: [&'static str; 2],
    pub go_on: &'static str,
    pub signed_in: &'static str,
    pub ends: &'static str,
    pub sign_out: &'static str,
    pub still_there: &'static str,
    pub still_ends: &'static str,
    pub stay: &'static str,
    pub leaving: &'static str,
    pub farewell: &'static str,
    pub signed_out: &'static str,
    pub idle: &'static str,
    pub over: &'static str,
    pub failed: &'static str,
    pub denied: &'static str,
    pub expired: &'static str,
    pub alarm: &'static str,
    pub configuration: &'static str,
    pub later: &'static str,
    pub unreachable: &'static str,
    pub not_asked: &'static str,
    pub again: &'static str,
    pub languages: &'static str,
    /// This terminal does not answer.
    pub lost: &'static str,
    pub nothing: &'static str,
}

/// The place of the language with this tag.
pub fn find(tag: &str) -> Option<usize> {
    LANGUAGES.iter().position(|words| words.tag.eq_ignore_ascii_case(tag))
}
