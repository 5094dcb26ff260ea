//! Claims: what a server says about a user (OIDC Core §5).
//!
//! Claims that the standard names have a method each; every other is found by its name, or by a path of names:
//!
//! ```
//! # use keyfob_core::{claims::Claims, error::Error};
//! # fn show(claims: Claims<'_>) -> Result<(), Error> {
//! let mut room = [0; 64];
//! let name = claims.name(&mut room)?; // `None`: the server does not say
//! let admin = claims.contains("https://acme.example/roles", "admin");
//! let country = claims.at(&["address", "country"]);
//! # Ok(())
//! # }
//! ```
//!
//! There is no reader of whole documents into types of the application's own: the decoders that do without a heap leave
//! escapes as they are, or cannot hold a claim that is a text here and a list there. [`Claims::json`] gives the document
//! to a decoder of the application's choice.

mod claim;
mod integer;
mod standard;

use core::fmt;

use crate::{
    encoding::{
        json::{Source, Token},
        writer::Writer,
    },
    error::{Check, Error, Name},
    quirks::Quirks,
    time::UnixTime,
};

pub use self::claim::{Claim, Items, Kind};
pub use self::standard::Address;

/// The claims of an ID token that passed every check, or of a UserInfo response about the same user.
///
/// Nothing is unpacked in advance: each call reads the document where it lies. A name that stands twice in one object
/// counts as absent, for nobody knows which of the two is meant (RFC 7519 §4).
#[derive(Clone, Copy)]
pub struct Claims<'b> {
    source: Source<'b>,
    quirks: Quirks,
}

impl<'b> Claims<'b> {
    pub(crate) const fn new(source: Source<'b>) -> Self {
        Self { source, quirks: Quirks::DEFAULT }
    }

    pub(crate) const fn tolerating(self, quirks: Quirks) -> Self {
        Self { quirks, ..self }
    }

    /// The claim of this name, whatever characters it has: `https://acme.example/roles` is one name.
    pub fn get(&self, name: &str) -> Option<Claim<'b>> {
        self.top().get(name)
    }

    /// The claim at the end of a path of names, each within the object that the one before it names.
    pub fn at(&self, path: &[&str]) -> Option<Claim<'b>> {
        self.top().at(path)
    }

    /// A text, unescaped into `out`; `None` if there is no such claim or it is not a text.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`] with the length that would do.
    pub fn text<'o>(&self, name: &str, out: &'o mut [u8]) -> Result<Option<&'o str>, Error> {
        self.get(name).map_or(Ok(None), |claim| claim.text(out))
    }

    /// A number that is not negative, without its fraction; `None` if there is none. [`Claim::unsigned`] and
    /// [`Claim::integer`] are exact.
    ///
    /// A text of digits counts too where [`Quirks::TIME_AS_TEXT`] is tolerated: Auth0 sends `updated_at` so.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.floor()
    }

    /// A moment; `None` if there is none. See [`Claim::time`].
    pub fn time(&self, name: &str) -> Option<UnixTime> {
        self.get(name)?.time()
    }

    /// A JSON `true` or `false`; `None` for anything else, the text `"true"` included unless
    /// [`Quirks::BOOLEAN_AS_TEXT`] is tolerated.
    pub fn boolean(&self, name: &str) -> Option<bool> {
        self.get(name)?.boolean()
    }

    /// Whether the claim is this text, or a list with this text in it: servers write a list of one either way.
    pub fn contains(&self, name: &str, text: &str) -> bool {
        self.get(name).is_some_and(|claim| claim.contains(text))
    }

    /// The whole document as JSON text, copied into `out`.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`] with the length that would do.
    pub fn json<'o>(&self, out: &'o mut [u8]) -> Result<&'o str, Error> {
        let mut writer = Writer::new(out);
        self.source.pieces(&mut |piece| {
            writer.text(piece);
            Ok(())
        })?;
        let (text, _) = writer.finish()?;
        core::str::from_utf8(text).map_err(|_| Check::JsonUtf8.into())
    }

    /// OIDC Core §5.3.2: `sub` must be there and be the same.
    pub(crate) fn check_subject(&self, subject: &str) -> Result<(), Error> {
        let (found, count) = self.top().find("sub");
        match found {
            None => Err(Check::MissingMember(Name::Sub).into()),
            Some(_) if count > 1 => Err(Check::DuplicateMember(Name::Sub).into()),
            Some(claim) if claim.kind() != Kind::Text => Err(Check::WrongType(Name::Sub).into()),
            Some(claim) if claim.is(subject) => Ok(()),
            Some(_) => Err(Check::SubjectMismatch.into()),
        }
    }

    /// The document itself.
    const fn top(&self) -> Claim<'b> {
        Claim::top(self.source, self.quirks)
    }
}

/// Compares a text that comes in pieces, in a time that does not tell where it differs.
pub(crate) struct Matcher<'e> {
    expected: &'e [u8],
    length: usize,
    difference: u8,
}

impl<'e> Matcher<'e> {
    pub(crate) const fn new(expected: &'e [u8]) -> Self {
        Self { expected, length: 0, difference: 0 }
    }

    pub(crate) fn push(&mut self, piece: &[u8]) {
        for &octet in piece {
            let expected = self.expected.get(self.length).copied();
            self.difference |= expected.map_or(u8::MAX, |expected| expected ^ octet);
            self.length = self.length.saturating_add(1);
        }
    }

    /// Takes the text in a token.
    pub(crate) fn token(&mut self, token: Token<'_>) {
        match token {
            Token::Text(piece) => self.push(piece),
            Token::Char(character) => self.push(character.encode_utf8(&mut [0; 4]).as_bytes()),
            Token::LoneSurrogate => self.difference = u8::MAX,
            _ => {}
        }
    }

    pub(crate) fn matches(&self) -> bool {
        self.difference == 0 && self.length == self.expected.len()
    }
}

impl fmt::Debug for Claims<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claims(…)")
    }
}
