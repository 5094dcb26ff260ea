//! What a sign-in has brought, apart from the tokens.

use keyfob_core::{claims::Claims, error::Error, time::UnixTime, token::TokenResponse};

use crate::kiosk::Who;

/// Who it is, and since when.
pub struct Found {
    pub who: Who,
    /// Whether the server has told a name yet.
    pub has_name: bool,
    pub auth_time: Option<UnixTime>,
    pub expires_in: Option<u32>,
    pub is_refreshable: bool,
}

/// The longest name, in characters.
const LONGEST: usize = 80;

impl Found {
    /// Copies what a checked ID token says.
    pub fn copy(tokens: &TokenResponse<'_>) -> Result<Self, Error> {
        let mut found = Self {
            who: Who { name: String::new(), account: String::new() },
            has_name: false,
            auth_time: None,
            expires_in: tokens.expires_in(),
            is_refreshable: tokens.refresh_token().is_some(),
        };
        if let Some(id_token) = tokens.id_token() {
            let claims = id_token.claims();
            found.auth_time = claims.time("auth_time");
            found.who.account = cut(id_token.subject(&mut [0; 1024])?);
            found.who.name.clone_from(&found.who.account);
            found.name(&claims);
        }
        Ok(found)
    }

    /// Takes the names among these claims: what people call the user, and the account that only one user has.
    pub fn name(&mut self, claims: &Claims<'_>) {
        let text = |name: &str| {
            let mut room = [0; 1024];
            let text = claims.text(name, &mut room).ok().flatten().map(cut);
            text.filter(|text| !text.is_empty())
        };
        let account = text("email").or_else(|| text("preferred_username"));
        let name = text("name").or_else(|| text("nickname")).or_else(|| account.clone());
        self.has_name |= name.is_some();
        if let Some(account) = account {
            self.who.account = account;
        }
        if let Some(name) = name {
            self.who.name = name;
        }
    }
}

/// What is shown of a text of somebody else: one line of it, without what would turn it round.
fn cut(text: &str) -> String {
    let is_shown = |c: &char| {
        !c.is_control()
            && !matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let text: String = text.chars().filter(is_shown).take(LONGEST).collect();
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_on_one_line() {
        assert_eq!(cut(" Ada\u{202e}\nLovelace\u{7} "), "AdaLovelace");
        assert_eq!(cut(&"é".repeat(200)).chars().count(), 80);
    }
}
