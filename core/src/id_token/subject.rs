//! `sub`: it may be longer than what lies on a chip's stack, so none of it is kept.

use crate::{
    encoding::text::count,
    id_token::{Expected, Grant},
};

/// A `sub` as it goes by.
#[derive(Default)]
pub(super) struct Subject {
    octets: usize,
    pub(super) characters: usize,
    differs: bool,
}

impl Subject {
    pub(super) fn push(&mut self, piece: &[u8], expected: &Expected<'_>) {
        let end = self.octets.saturating_add(piece.len());
        for subject in expected.subjects() {
            self.differs |= subject.as_bytes().get(self.octets..end) != Some(piece);
        }
        self.octets = end;
        // Each octet but those that continue a character (RFC 3629 §3).
        let begins = |octet: &&u8| **octet & 0xC0 != 0x80;
        self.characters = self.characters.saturating_add(count(piece.iter().filter(begins)));
    }

    pub(super) fn is_expected(&self, expected: &Expected<'_>) -> bool {
        !self.differs && expected.subjects().all(|subject| subject.len() == self.octets)
    }
}

impl Expected<'_> {
    /// What `sub` must be.
    fn subjects(&self) -> impl Iterator<Item = &str> {
        let previous = match self.grant {
            Grant::Refresh(Some(previous)) => Some(previous.subject),
            _ => None,
        };
        [previous, self.client.subject].into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{client::Client, metadata::Metadata};

    fn compare(pieces: &[&str]) -> (bool, usize) {
        let client = Client::new(Metadata::new("https://op.example"), "client").subject("aé-24");
        let expected = Expected { client: &client, grant: Grant::Device };
        let mut subject = Subject::default();
        pieces.iter().for_each(|piece| subject.push(piece.as_bytes(), &expected));
        (subject.is_expected(&expected), subject.characters)
    }

    // REQ: IDT-07, IDT-31
    #[test]
    fn whole_and_in_pieces() {
        assert_eq!(compare(&["aé-24"]), (true, 5));
        assert_eq!(compare(&["a", "é", "-2", "", "4"]), (true, 5));
        for pieces in
            [&["aé-2"][..], &["aé-245"], &["aé-24", "5"], &["aé-25"], &["bé", "-24"], &["é", "a-24"], &[]]
        {
            assert!(!compare(pieces).0, "{pieces:?}");
        }
        assert_eq!(compare(&["\u{1F511}\u{1F511}", "x"]).1, 3);
    }
}
