//! Keeps named members of the top object.
//!
//! Each becomes a record: its name, its kind, the length of what follows in two octets, and the content:
//! decoded text, a number's value, a set of known words.

use crate::{
    encoding::{
        json::{Literal, Token},
        number::Number,
        writer::Writer,
    },
    error::{Error, Name},
    flow::Refusal,
    sieve::{BROKEN_TEXT, Scratch, Top, bit, text_of},
};

/// Octets of a record before its content.
const HEAD: usize = 4;

#[derive(Clone, Copy)]
#[repr(u8)]
enum Kind {
    False,
    List,
    Null,
    Number,
    Other,
    Text,
    True,
}

pub(super) struct Members {
    top: Top,
    /// An item of a list.
    word: Scratch<24>,
    focus: Focus,
    /// Where the open record starts.
    record: usize,
    number: Number,
    words: u32,
    list_broken: bool,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Focus {
    List,
    Nothing,
    Number,
    Text,
    Word,
}

impl Members {
    pub(super) fn new(names: &'static [Name]) -> Self {
        Self {
            top: Top::new(names),
            word: Scratch::new(),
            focus: Focus::Nothing,
            record: 0,
            number: Number::default(),
            words: 0,
            list_broken: false,
        }
    }

    pub(super) fn token(
        &mut self,
        token: Token<'_>,
        depth: u8,
        writer: &mut Writer<'_>,
    ) -> Result<(), Error> {
        let Some(member) = self.top.member(token, depth)? else { return Ok(()) };
        match (token, self.focus) {
            (Token::Text(_) | Token::Char(_), Focus::Word) => self.word.push(text_of(token, &mut [0; 4])),
            (Token::Text(_) | Token::Char(_), Focus::Text) => {
                let mut room = [0; 4];
                let text = text_of(token, &mut room);
                writer.text(self.cut(member, text, writer.length()));
            }
            // A server that cuts its text in the middle of a character may still refuse.
            (Token::LoneSurrogate, Focus::Text) if is_shown(member) => {
                writer.text(self.cut(member, b"?", writer.length()));
            }
            (Token::LoneSurrogate, Focus::Text | Focus::Word) => return Err(BROKEN_TEXT),
            (Token::Number(piece), Focus::Number) => piece.iter().for_each(|&octet| self.number.push(octet)),
            _ => self.structure(member, token, depth, writer)?,
        }
        Ok(())
    }

    /// Where values begin and end.
    fn structure(
        &mut self,
        member: Name,
        token: Token<'_>,
        depth: u8,
        writer: &mut Writer<'_>,
    ) -> Result<(), Error> {
        match (token, depth, self.focus) {
            (Token::StringStart, 1, _) => self.open(writer, member, Kind::Text, Focus::Text),
            (Token::NumberStart, 1, _) => {
                self.number = Number::default();
                self.focus = Focus::Number;
            }
            (Token::NumberEnd, 1, _) => {
                self.open(writer, member, Kind::Number, Focus::Nothing);
                writer
                    .octet(u8::from(self.number.is_negative()) | (u8::from(self.number.has_fraction()) << 1));
                writer.text(&self.number.floor().to_le_bytes());
                return self.close(writer, member);
            }
            (Token::Literal(literal), 1, _) => {
                let kind = match literal {
                    Literal::False => Kind::False,
                    Literal::Null => Kind::Null,
                    Literal::True => Kind::True,
                };
                self.open(writer, member, kind, Focus::Nothing);
                return self.close(writer, member);
            }
            (Token::ArrayStart, 2, _) if member.words().is_some() => {
                self.words = 0;
                self.list_broken = false;
                self.focus = Focus::List;
            }
            (Token::ObjectStart | Token::ArrayStart, 2, _) => {
                self.open(writer, member, Kind::Other, Focus::Nothing);
                return self.close(writer, member);
            }
            (Token::StringStart, 2, Focus::List) => {
                self.word.clear();
                self.focus = Focus::Word;
            }
            (Token::StringEnd, _, Focus::Word) => {
                let known = member.words().and_then(|words| self.word.find(words));
                self.words |= known.map(bit).unwrap_or_default();
                self.focus = Focus::List;
            }
            (Token::ArrayEnd, 1, Focus::List) => {
                let kind = if self.list_broken { Kind::Other } else { Kind::List };
                self.open(writer, member, kind, Focus::Nothing);
                writer.text(&self.words.to_le_bytes());
                return self.close(writer, member);
            }
            (Token::StringEnd, 1, Focus::Text) => return self.close(writer, member),
            (_, _, Focus::List) => self.list_broken = true,
            _ => {}
        }
        Ok(())
    }

    /// What is only shown to people is kept as far as it is shown.
    fn cut<'t>(&self, member: Name, text: &'t [u8], length: usize) -> &'t [u8] {
        if !is_shown(member) {
            return text;
        }
        let kept = length.saturating_sub(self.record).saturating_sub(HEAD);
        text.get(..Refusal::MAX_TEXT.saturating_sub(kept)).unwrap_or(text)
    }

    fn open(&mut self, writer: &mut Writer<'_>, member: Name, kind: Kind, focus: Focus) {
        self.record = writer.length();
        self.focus = focus;
        writer.text(&[member as u8, kind as u8, 0, 0]);
    }

    fn close(&mut self, writer: &mut Writer<'_>, member: Name) -> Result<(), Error> {
        let content = writer.length().saturating_sub(self.record).saturating_sub(HEAD);
        let length = u16::try_from(content).map_err(|_| Error::InputTooLarge(member))?;
        writer.patch(self.record.saturating_add(2), length.to_le_bytes());
        self.focus = Focus::Nothing;
        Ok(())
    }
}

/// A text for people, of which nothing depends.
fn is_shown(member: Name) -> bool {
    matches!(member, Name::ErrorDescription | Name::ErrorUri)
}

/// The members that were kept.
#[derive(Clone, Copy)]
pub(crate) struct Kept<'b>(pub(crate) &'b [u8]);

/// What a member holds.
#[derive(Clone, Copy)]
pub(crate) enum Value<'b> {
    Bool(bool),
    /// The known words of a list, by their places.
    List(u32),
    Null,
    Number {
        negative: bool,
        floor: u64,
        /// Whether it is more than `floor`.
        fraction: bool,
    },
    /// A list or an object where none is expected.
    Other,
    Text(&'b str),
}

impl<'b> Kept<'b> {
    /// The value of a member; `None` if the document has no such member.
    pub(crate) fn get(self, name: Name) -> Option<Value<'b>> {
        let mut rest = self.0;
        while let [found, kind, low, high, behind @ ..] = rest {
            let length = usize::from(u16::from_le_bytes([*low, *high]));
            let (content, behind) = behind.split_at_checked(length)?;
            if *found == name as u8 {
                return Some(Value::read(*kind, content));
            }
            rest = behind;
        }
        None
    }
}

impl<'b> Value<'b> {
    fn read(kind: u8, content: &'b [u8]) -> Self {
        const FALSE: u8 = Kind::False as u8;
        const LIST: u8 = Kind::List as u8;
        const NULL: u8 = Kind::Null as u8;
        const NUMBER: u8 = Kind::Number as u8;
        const TEXT: u8 = Kind::Text as u8;
        const TRUE: u8 = Kind::True as u8;
        match kind {
            FALSE => Self::Bool(false),
            LIST => content.try_into().map_or(Self::Other, |set| Self::List(u32::from_le_bytes(set))),
            NULL => Self::Null,
            NUMBER => number(content).unwrap_or(Self::Other),
            // The parser let only UTF-8 pass.
            TEXT => core::str::from_utf8(content).map_or(Self::Other, Self::Text),
            TRUE => Self::Bool(true),
            _ => Self::Other,
        }
    }
}

fn number<'b>(content: &[u8]) -> Option<Value<'b>> {
    let (&signs, floor) = content.split_first()?;
    Some(Value::Number {
        negative: signs & 1 != 0,
        floor: u64::from_le_bytes(floor.try_into().ok()?),
        fraction: signs & 2 != 0,
    })
}
