//! Follows a document to the members of its top object that have known names.

use crate::{
    encoding::json::Token,
    error::{Check, Name},
    sieve::{Scratch, bit, text_of},
};

/// Which member the tokens belong to.
pub(crate) struct Top {
    names: &'static [Name],
    seen: u32,
    scratch: Scratch<{ Self::ROOM }>,
    in_name: bool,
    member: Option<Name>,
}

impl Top {
    /// The longest known name, `authorization_response_iss_parameter_supported`, has 46 octets.
    const ROOM: usize = 48;

    pub(crate) const fn new(names: &'static [Name]) -> Self {
        Self { names, seen: 0, scratch: Scratch::new(), in_name: false, member: None }
    }

    /// The member whose value `token` is a part of; `None` if it is of no known one.
    ///
    /// # Errors
    /// [`Check::DuplicateMember`] if a known member comes twice (RFC 7515 §4, RFC 7519 §4).
    pub(crate) fn member(&mut self, token: Token<'_>, depth: u8) -> Result<Option<Name>, Check> {
        match token {
            Token::NameStart if depth == 1 => {
                self.scratch.clear();
                self.in_name = true;
                self.member = None;
            }
            Token::NameEnd if self.in_name => {
                self.in_name = false;
                self.find()?;
                return Ok(None);
            }
            _ if !self.in_name => return Ok(self.member.filter(|_| depth > 0)),
            Token::LoneSurrogate => self.scratch.spoil(),
            _ => self.scratch.push(text_of(token, &mut [0; 4])),
        }
        Ok(None)
    }

    /// Whether `name` came.
    pub(crate) fn has_seen(&self, name: Name) -> bool {
        let place = self.names.iter().position(|&known| known == name);
        place.is_some_and(|place| self.seen & bit(place) != 0)
    }

    fn find(&mut self) -> Result<(), Check> {
        let place = self.names.iter().position(|name| name.as_str().as_bytes() == self.scratch.text());
        self.member = place.and_then(|place| self.names.get(place)).copied();
        if let (Some(place), Some(member)) = (place, self.member) {
            if self.seen & bit(place) != 0 {
                return Err(Check::DuplicateMember(member));
            }
            self.seen |= bit(place);
        }
        Ok(())
    }
}
