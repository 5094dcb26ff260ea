//! Claims: what a server says about a user (OIDC Core §5).

use core::fmt;

use crate::{
    encoding::{
        json::{Literal, Source, Token},
        number::Number,
        writer::Writer,
    },
    error::{Check, Error, Name},
};

/// The claims of an ID token that passed every check, or of a UserInfo response about the same user.
///
/// Nothing is unpacked in advance: each call reads the document where it lies.
#[derive(Clone, Copy)]
pub struct Claims<'b> {
    source: Source<'b>,
}

impl<'b> Claims<'b> {
    pub(crate) const fn new(source: Source<'b>) -> Self {
        Self { source }
    }

    /// A text, unescaped into `out`; `None` if there is no such claim or it is not a text.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`] with the length that would do.
    pub fn text<'o>(&self, name: &str, out: &'o mut [u8]) -> Result<Option<&'o str>, Error> {
        let mut writer = Writer::new(out);
        let mut found = false;
        self.find(name, |token| match token {
            Token::StringStart => found = true,
            Token::Text(piece) => writer.text(piece),
            Token::Char(character) => writer.text(character.encode_utf8(&mut [0; 4]).as_bytes()),
            Token::LoneSurrogate => writer.text("\u{FFFD}".as_bytes()),
            _ => {}
        })?;
        let (text, _) = writer.finish()?;
        Ok(found.then_some(core::str::from_utf8(text).unwrap_or_default()))
    }

    /// A number that is not negative, without its fraction; `None` if there is none.
    ///
    /// A text of digits counts too: Auth0 sends `updated_at` so.
    pub fn number(&self, name: &str) -> Option<u64> {
        let mut number = Number::default();
        let mut seen = false;
        let mut digits_only = true;
        let found = self.find(name, |token| match token {
            Token::NumberStart => seen = true,
            Token::Number(piece) => piece.iter().for_each(|&octet| number.push(octet)),
            Token::Text(piece) => {
                seen = true;
                digits_only &= piece.iter().all(u8::is_ascii_digit);
                piece.iter().for_each(|&octet| number.push(octet));
            }
            Token::Char(_) | Token::LoneSurrogate | Token::ArrayStart | Token::ObjectStart => {
                digits_only = false;
            }
            _ => {}
        });
        (found.is_ok() && seen && digits_only && !number.is_negative()).then(|| number.floor())
    }

    /// A JSON `true` or `false`; `None` for anything else, the text `"true"` included.
    pub fn boolean(&self, name: &str) -> Option<bool> {
        let mut value = None;
        let found = self.find(name, |token| match token {
            Token::Literal(Literal::True) => value = Some(true),
            Token::Literal(Literal::False) => value = Some(false),
            Token::ArrayStart | Token::ObjectStart => value = None,
            _ => {}
        });
        found.ok().and(value)
    }

    /// The whole document as JSON text, copied into `out`.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`] with the length that would do.
    pub fn json<'o>(&self, out: &'o mut [u8]) -> Result<&'o str, Error> {
        let mut writer = Writer::new(out);
        self.source.pieces(|piece| {
            writer.text(piece);
            Ok::<(), Check>(())
        })?;
        let (text, _) = writer.finish()?;
        core::str::from_utf8(text).map_err(|_| Check::JsonUtf8.into())
    }

    /// Shows the tokens of the value of the top member `name`.
    fn find(&self, name: &str, mut value: impl FnMut(Token<'_>)) -> Result<(), Check> {
        let mut text = Matcher::new(name.as_bytes());
        let mut inside = false;
        self.source.visit(|token, depth| {
            match token {
                Token::NameStart if depth == 1 => {
                    inside = false;
                    text = Matcher::new(name.as_bytes());
                }
                Token::NameEnd if depth == 1 => inside = text.matches(),
                _ if inside => value(token),
                _ => text.token(token),
            }
            Ok(())
        })
    }

    /// OIDC Core §5.3.2: `sub` must be there and be the same.
    pub(crate) fn check_subject(&self, subject: &str) -> Result<(), Error> {
        let mut found = Found::No;
        let mut text = Matcher::new(subject.as_bytes());
        let mut subjects = 0u8;
        let mut name = Matcher::new(b"sub");
        self.source.visit(|token, depth| {
            match token {
                Token::NameStart if depth == 1 => name = Matcher::new(b"sub"),
                Token::NameEnd if depth == 1 && name.matches() => subjects = subjects.saturating_add(1),
                _ if depth != 1 => {}
                _ => name.token(token),
            }
            Ok::<(), Check>(())
        })?;
        if subjects > 1 {
            return Err(Check::DuplicateMember(Name::Sub).into());
        }
        self.find("sub", |token| match token {
            Token::StringStart if found == Found::No => found = Found::Text,
            Token::StringEnd => {}
            Token::Text(_) | Token::Char(_) | Token::LoneSurrogate => text.token(token),
            _ if found == Found::No => found = Found::Other,
            _ => {}
        })?;
        match found {
            Found::No => Err(Check::MissingMember(Name::Sub).into()),
            Found::Other => Err(Check::WrongType(Name::Sub).into()),
            Found::Text if text.matches() => Ok(()),
            Found::Text => Err(Check::SubjectMismatch.into()),
        }
    }
}

#[derive(Eq, PartialEq)]
enum Found {
    No,
    Other,
    Text,
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
