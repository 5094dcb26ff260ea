//! A push parser for JSON (RFC 8259): octets in, in pieces of any size; tokens out.
//!
//! It never looks back, holds no text, and remembers nesting as one bit a level, so neither depth nor length
//! of the input costs memory.

use crate::{
    encoding::{base64url, form, utf8::Utf8},
    error::Check,
};

/// The deepest nesting that is read, the top object included.
pub(crate) const MAX_DEPTH: u8 = 16;

/// What was found. Texts and numbers come in pieces between their start and end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Token<'c> {
    ArrayEnd,
    ArrayStart,
    /// A character that was written as an escape.
    Char(char),
    /// An escape that is half of a character. It does no harm in a text that nobody reads.
    LoneSurrogate,
    Literal(Literal),
    NameEnd,
    NameStart,
    /// Octets of the current number.
    Number(&'c [u8]),
    NumberEnd,
    NumberStart,
    ObjectEnd,
    ObjectStart,
    StringEnd,
    StringStart,
    /// Octets of the current name or string, as they stand.
    Text(&'c [u8]),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Literal {
    False,
    Null,
    True,
}

impl Literal {
    /// The octet with which so many are left.
    fn octet(self, left: u8) -> Option<&'static u8> {
        let text: &[u8] = match self {
            Self::False => b"false",
            Self::Null => b"null",
            Self::True => b"true",
        };
        text.iter().rev().take(usize::from(left)).next_back()
    }
}

/// The state between two octets.
#[derive(Clone, Copy)]
pub(crate) struct Parser {
    state: State,
    depth: u8,
    /// One bit a level, the innermost lowest: set for an object.
    objects: u32,
    /// The current text is a member's name.
    name: bool,
    utf8: Utf8,
    hex: u16,
    /// A high surrogate that waits for its low one; 0 is none.
    high: u16,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// After so many octets of a byte order mark.
    Start(u8),
    Value,
    /// After `[`: a value or the end.
    FirstValue,
    /// After `{`: a name or the end.
    FirstName,
    Name,
    Colon,
    /// After a value: a comma or the end of the container.
    Next,
    Text,
    Escape,
    /// In `\u`, with so many digits to come.
    Hex(u8),
    HexEnd,
    /// So many octets of the literal are still to come.
    Literal(Literal, u8),
    Number(Number),
    Done,
}

/// The last thing read of a number (RFC 8259 §6).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Number {
    Start,
    Minus,
    Zero,
    Whole,
    Point,
    Fraction,
    E,
    Sign,
    Exponent,
}

impl Parser {
    pub(crate) const fn new() -> Self {
        Self { state: State::Start(0), depth: 0, objects: 0, name: false, utf8: Utf8::NEW, hex: 0, high: 0 }
    }

    /// The nesting after the last token: 1 within the top object.
    pub(crate) fn depth(&self) -> u8 {
        self.depth
    }

    /// The next token of `input`, which is shortened by what was taken; `None` when all is.
    pub(crate) fn next<'c>(&mut self, input: &mut &'c [u8]) -> Result<Option<Token<'c>>, Check> {
        loop {
            if self.state == State::HexEnd
                && let Some(token) = self.escaped_unit()
            {
                return Ok(Some(token));
            }
            let Some((&octet, rest)) = input.split_first() else { return Ok(None) };
            let token = match self.state {
                State::Text => self.text(input)?,
                State::Number(part) => self.number(part, input)?,
                // Half a character that no other half follows.
                State::Escape if self.high != 0 && octet != b'u' => self.lone_surrogate(),
                State::Value | State::FirstValue if matches!(octet, b'-' | b'0'..=b'9') => {
                    Some(self.open_number())
                }
                _ => {
                    *input = rest;
                    self.octet(octet)?
                }
            };
            if token.is_some() {
                return Ok(token);
            }
        }
    }

    /// Whether the input was one whole object.
    pub(crate) fn finish(&self) -> Result<(), Check> {
        if self.state == State::Done { Ok(()) } else { Err(Check::JsonEof) }
    }

    /// One octet outside of texts and numbers.
    fn octet<'c>(&mut self, octet: u8) -> Result<Option<Token<'c>>, Check> {
        match (self.state, octet) {
            (State::Start(0), 0xEF) => self.state = State::Start(1),
            (State::Start(1), 0xBB) => self.state = State::Start(2),
            (State::Start(2), 0xBF) => self.state = State::Start(3),
            (State::Start(1 | 2), _) => return Err(Check::JsonSyntax),
            (State::Start(_), b'{') => return self.open(true).map(Some),
            (State::Start(_), b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
                return Err(Check::JsonNotObject);
            }
            (State::Literal(literal, left), _) => return self.literal(literal, left, octet),
            (State::Escape, _) => return self.escape(octet),
            (State::Hex(missing), _) => self.hex_digit(missing, octet)?,
            // A byte order mark stands in front of everything.
            (State::Start(0), b' ' | b'\t' | b'\r' | b'\n') => self.state = State::Start(3),
            (_, b' ' | b'\t' | b'\r' | b'\n') => {}
            (State::Done, _) => return Err(Check::JsonTrailing),
            (State::Value | State::FirstValue, b'{') => return self.open(true).map(Some),
            (State::Value | State::FirstValue, b'[') => return self.open(false).map(Some),
            (State::Value | State::FirstValue, b'"') => return Ok(Some(self.open_text(false))),
            (State::Value | State::FirstValue, b'f') => self.state = State::Literal(Literal::False, 4),
            (State::Value | State::FirstValue, b'n') => self.state = State::Literal(Literal::Null, 3),
            (State::Value | State::FirstValue, b't') => self.state = State::Literal(Literal::True, 3),
            (State::FirstName | State::Name, b'"') => return Ok(Some(self.open_text(true))),
            (State::Colon, b':') => self.state = State::Value,
            (State::Next, b',') => {
                self.state = if self.in_object() { State::Name } else { State::Value };
            }
            (State::FirstName | State::Next, b'}') if self.in_object() => return Ok(Some(self.close())),
            (State::FirstValue | State::Next, b']') if !self.in_object() => return Ok(Some(self.close())),
            _ => return Err(Check::JsonSyntax),
        }
        Ok(None)
    }

    fn in_object(&self) -> bool {
        self.objects & 1 == 1
    }

    fn open<'c>(&mut self, object: bool) -> Result<Token<'c>, Check> {
        if self.depth >= MAX_DEPTH {
            return Err(Check::JsonDepth);
        }
        self.depth = self.depth.saturating_add(1);
        self.objects = (self.objects << 1) | u32::from(object);
        self.state = if object { State::FirstName } else { State::FirstValue };
        Ok(if object { Token::ObjectStart } else { Token::ArrayStart })
    }

    fn close<'c>(&mut self) -> Token<'c> {
        let object = self.in_object();
        self.depth = self.depth.saturating_sub(1);
        self.objects >>= 1;
        self.state = if self.depth == 0 { State::Done } else { State::Next };
        if object { Token::ObjectEnd } else { Token::ArrayEnd }
    }

    fn open_text<'c>(&mut self, name: bool) -> Token<'c> {
        self.name = name;
        self.state = State::Text;
        if name { Token::NameStart } else { Token::StringStart }
    }

    /// As much of a text as stands without an escape, or its end.
    fn text<'c>(&mut self, input: &mut &'c [u8]) -> Result<Option<Token<'c>>, Check> {
        // Half a character that no other half follows is told before anything behind it.
        if self.high != 0 && input.first() != Some(&b'\\') {
            return Ok(self.lone_surrogate());
        }
        // What most texts consist of goes by quickly.
        let plain = |octet: &u8| matches!(octet, 0x20..=0x7F) && !matches!(octet, b'"' | b'\\');
        let mut length = 0usize;
        let mut rest = *input;
        while let Some(&octet) = rest.first() {
            let end = rest.iter().position(|octet| !plain(octet)).unwrap_or(rest.len());
            if end > 0 && self.utf8.is_complete() {
                length = length.saturating_add(end);
                rest = rest.get(end..).unwrap_or_default();
                continue;
            }
            if matches!(octet, b'"' | b'\\') && self.utf8.is_complete() {
                break;
            }
            if octet < 0x20 {
                return Err(Check::JsonSyntax);
            }
            if !self.utf8.push(octet) {
                return Err(Check::JsonUtf8);
            }
            length = length.saturating_add(1);
            rest = rest.get(1..).unwrap_or_default();
        }
        match input.split_at_checked(length) {
            Some((run, rest)) if length > 0 => {
                *input = rest;
                Ok(Some(Token::Text(run)))
            }
            _ => Ok(self.text_end(input)),
        }
    }

    /// A quote or a backslash.
    fn text_end<'c>(&mut self, input: &mut &'c [u8]) -> Option<Token<'c>> {
        let (&octet, rest) = input.split_first()?;
        *input = rest;
        if octet == b'\\' {
            self.state = State::Escape;
            return None;
        }
        self.state = if self.name { State::Colon } else { State::Next };
        Some(if self.name { Token::NameEnd } else { Token::StringEnd })
    }

    fn escape<'c>(&mut self, octet: u8) -> Result<Option<Token<'c>>, Check> {
        self.state = State::Text;
        let character = match octet {
            b'"' | b'\\' | b'/' => char::from(octet),
            b'b' => '\u{8}',
            b'f' => '\u{C}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                self.hex = 0;
                self.state = State::Hex(4);
                return Ok(None);
            }
            _ => return Err(Check::JsonSyntax),
        };
        Ok(Some(Token::Char(character)))
    }

    fn hex_digit(&mut self, missing: u8, octet: u8) -> Result<(), Check> {
        let digit = form::hex(octet).ok_or(Check::JsonSyntax)?;
        self.hex = (self.hex << 4) | u16::from(digit);
        self.state = if missing <= 1 { State::HexEnd } else { State::Hex(missing.saturating_sub(1)) };
        Ok(())
    }

    /// The four digits of an escape are here (RFC 8259 §7).
    fn escaped_unit<'c>(&mut self) -> Option<Token<'c>> {
        let unit = self.hex;
        let low = matches!(unit, 0xDC00..=0xDFFF);
        if self.high != 0 && !low {
            return self.lone_surrogate();
        }
        self.state = State::Text;
        let code = if self.high == 0 {
            u32::from(unit)
        } else {
            0x1_0000u32.wrapping_add(u32::from(self.high & 0x3FF) << 10 | u32::from(unit & 0x3FF))
        };
        self.high = 0;
        match char::from_u32(code) {
            Some(character) => Some(Token::Char(character)),
            None if low => Some(Token::LoneSurrogate),
            None => {
                self.high = unit;
                None
            }
        }
    }

    fn lone_surrogate<'c>(&mut self) -> Option<Token<'c>> {
        self.high = 0;
        Some(Token::LoneSurrogate)
    }

    fn literal<'c>(&mut self, literal: Literal, left: u8, octet: u8) -> Result<Option<Token<'c>>, Check> {
        if literal.octet(left) != Some(&octet) {
            return Err(Check::JsonSyntax);
        }
        if left > 1 {
            self.state = State::Literal(literal, left.saturating_sub(1));
            return Ok(None);
        }
        self.state = State::Next;
        Ok(Some(Token::Literal(literal)))
    }

    /// Its first octet stays where it is: `number` takes it.
    fn open_number<'c>(&mut self) -> Token<'c> {
        self.state = State::Number(Number::Start);
        Token::NumberStart
    }

    /// As much of a number as there is, or its end.
    fn number<'c>(&mut self, mut part: Number, input: &mut &'c [u8]) -> Result<Option<Token<'c>>, Check> {
        let mut length = 0usize;
        for &octet in *input {
            match part.then(octet) {
                Some(next) => part = next,
                None if matches!(octet, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-') => {
                    return Err(Check::JsonSyntax);
                }
                None => break,
            }
            length = length.saturating_add(1);
        }
        match input.split_at_checked(length) {
            Some((run, rest)) if length > 0 => {
                self.state = State::Number(part);
                *input = rest;
                Ok(Some(Token::Number(run)))
            }
            _ if part.may_end() => {
                self.state = State::Next;
                Ok(Some(Token::NumberEnd))
            }
            _ => Err(Check::JsonSyntax),
        }
    }
}

impl Number {
    /// What the number goes on with; `None` if the octet is not a part of it.
    fn then(self, octet: u8) -> Option<Self> {
        Some(match (self, octet) {
            (Self::Start, b'-') => Self::Minus,
            (Self::Start | Self::Minus, b'0') => Self::Zero,
            (Self::Start | Self::Minus, b'1'..=b'9') | (Self::Whole, b'0'..=b'9') => Self::Whole,
            (Self::Zero | Self::Whole, b'.') => Self::Point,
            (Self::Point | Self::Fraction, b'0'..=b'9') => Self::Fraction,
            (Self::Zero | Self::Whole | Self::Fraction, b'e' | b'E') => Self::E,
            (Self::E, b'+' | b'-') => Self::Sign,
            (Self::E | Self::Sign | Self::Exponent, b'0'..=b'9') => Self::Exponent,
            _ => return None,
        })
    }

    fn may_end(self) -> bool {
        matches!(self, Self::Zero | Self::Whole | Self::Fraction | Self::Exponent)
    }
}

/// A document that lies in memory.
#[derive(Clone, Copy)]
pub(crate) enum Source<'s> {
    /// As a part of a token.
    Base64url(&'s str),
    Plain(&'s [u8]),
}

impl Source<'_> {
    /// Shows every token of the document and the depth after it.
    pub(crate) fn visit(
        self,
        visitor: &mut dyn FnMut(Token<'_>, u8) -> Result<(), Check>,
    ) -> Result<(), Check> {
        let mut parser = Parser::new();
        self.pieces(&mut |mut piece| {
            while let Some(token) = parser.next(&mut piece)? {
                visitor(token, parser.depth())?;
            }
            Ok(())
        })?;
        parser.finish()
    }

    /// Shows the text of the document, piece by piece.
    pub(crate) fn pieces(self, visitor: &mut dyn FnMut(&[u8]) -> Result<(), Check>) -> Result<(), Check> {
        match self {
            Self::Plain(text) => visitor(text),
            Self::Base64url(text) => text.as_bytes().chunks(PIECE / 3 * 4).try_for_each(|chunk| {
                visitor(base64url::decode(chunk, &mut [0; PIECE]).ok_or(Check::JwtFormat)?)
            }),
        }
    }
}

/// Octets that are decoded at a time.
const PIECE: usize = 48;
