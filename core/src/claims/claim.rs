//! One value in a document of claims.

use core::fmt;

use crate::{
    claims::{Matcher, integer::Integer},
    encoding::{
        json::{Literal, Source, Token},
        number::Number,
        writer::Writer,
    },
    error::{Check, Error},
    quirks::Quirks,
    sieve::{Scratch, text_of},
    time::UnixTime,
};

/// The longest text that is read as a time, in octets.
const MAX_TIME: usize = 48;

/// One value in a document of claims. It holds nothing but where the value stands, and every call reads it there.
#[derive(Clone, Copy)]
pub struct Claim<'b> {
    source: Source<'b>,
    /// How many values begin before this one.
    place: u32,
    kind: Kind,
    quirks: Quirks,
}

/// What a claim is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A list.
    Array,
    /// `true` or `false`.
    Boolean,
    /// `null`: the claim is named, and nothing is said.
    Null,
    /// A number.
    Number,
    /// An object.
    Object,
    /// A text.
    Text,
}

impl<'b> Claim<'b> {
    pub(super) const fn top(source: Source<'b>, quirks: Quirks) -> Self {
        Self { source, place: 0, kind: Kind::Object, quirks }
    }

    /// What it is.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        self.kind == Kind::Null
    }

    /// Whether it is exactly this text. No buffer is needed, and the time it takes does not tell where they differ.
    pub fn is(&self, text: &str) -> bool {
        let mut matcher = Matcher::new(text.as_bytes());
        self.walk(|token, _, _| matcher.token(token));
        self.kind == Kind::Text && matcher.matches()
    }

    /// The text, unescaped into `out`; `None` if it is not a text. Half a character that was escaped alone becomes
    /// U+FFFD.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`] with the length that would do.
    pub fn text<'o>(&self, out: &'o mut [u8]) -> Result<Option<&'o str>, Error> {
        self.written(Kind::Text, out)
    }

    /// The number as it was written, as `1.50` or `-2e3`, in `out`; `None` if it is not a number.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`] with the length that would do.
    pub fn decimal<'o>(&self, out: &'o mut [u8]) -> Result<Option<&'o str>, Error> {
        self.written(Kind::Number, out)
    }

    /// A whole number, exactly; `None` if it is no number, has a fraction, or does not fit. `1.0` and `1e3` are whole.
    pub fn integer(&self) -> Option<i64> {
        self.exact()?.signed()
    }

    /// A whole number that is not negative, exactly; `None` as for [`Claim::integer`].
    pub fn unsigned(&self) -> Option<u64> {
        self.exact()?.unsigned()
    }

    /// `true` or `false`; `None` for anything else, the text `"true"` included unless [`Quirks::BOOLEAN_AS_TEXT`] is
    /// tolerated.
    pub fn boolean(&self) -> Option<bool> {
        let mut value = None;
        match self.kind {
            Kind::Boolean => self.walk(|token, _, _| value = Some(token == Token::Literal(Literal::True))),
            Kind::Text if self.quirks.contains(Quirks::BOOLEAN_AS_TEXT) => {
                value = if self.is("true") { Some(true) } else { self.is("false").then_some(false) };
            }
            _ => {}
        }
        value
    }

    /// A moment: a number of seconds since 1970, without its fraction (RFC 7519 §2, NumericDate). Where
    /// [`Quirks::TIME_AS_TEXT`] is tolerated, such a number as a text, or a date of RFC 3339, counts as well.
    pub fn time(&self) -> Option<UnixTime> {
        let seconds = match self.floor() {
            Some(seconds) => UnixTime::from_seconds(seconds),
            None => UnixTime::from_rfc3339(core::str::from_utf8(self.tolerated_time()?.text()).ok()?)?,
        };
        (seconds <= UnixTime::MAX).then_some(seconds)
    }

    /// Whether it is this text, or a list with this text in it: servers write a list of one either way.
    pub fn contains(&self, text: &str) -> bool {
        let mut found = false;
        let mut matcher = Matcher::new(text.as_bytes());
        let array = self.kind == Kind::Array;
        self.walk(|token, depth, _| match token {
            _ if depth > u8::from(array) => {}
            Token::StringStart => matcher = Matcher::new(text.as_bytes()),
            Token::StringEnd => found |= matcher.matches(),
            _ => matcher.token(token),
        });
        found && (array || self.kind == Kind::Text)
    }

    /// The items, if it is a list; none otherwise.
    pub const fn items(&self) -> Items<'b> {
        Items { list: *self, next: 0 }
    }

    /// The member of this name, if it is an object that has it once.
    pub fn get(&self, name: &str) -> Option<Self> {
        let (found, count) = self.find(name);
        found.filter(|_| count == 1)
    }

    /// What stands at the end of a path of names, each within the object that the one before it names.
    pub fn at(&self, path: &[&str]) -> Option<Self> {
        path.iter().try_fold(*self, |claim, name| claim.get(name))
    }

    /// The first member of this name, and how many there are.
    pub(super) fn find(&self, name: &str) -> (Option<Self>, u32) {
        let (mut found, mut count) = (None, 0u32);
        let mut matcher = Matcher::new(name.as_bytes());
        let (mut in_name, mut next) = (false, false);
        self.walk(|token, depth, place| match (token, kind(token)) {
            (Token::NameStart, _) if depth == 1 => {
                matcher = Matcher::new(name.as_bytes());
                in_name = true;
            }
            (Token::NameEnd, _) if in_name => {
                in_name = false;
                next = matcher.matches();
                count = count.saturating_add(u32::from(next));
            }
            (_, Some(kind)) if next => {
                next = false;
                found = found.or(Some(Self { place, kind, ..*self }));
            }
            _ if in_name => matcher.token(token),
            _ => {}
        });
        (found, count)
    }

    /// The item at this place of a list.
    fn item(&self, wanted: u32) -> Option<Self> {
        let (mut found, mut count) = (None, 0u32);
        self.walk(|token, depth, place| {
            let Some(kind) = kind(token) else { return };
            let outside = u8::from(matches!(kind, Kind::Array | Kind::Object));
            if depth == outside.saturating_add(1) {
                if count == wanted {
                    found = Some(Self { place, kind, ..*self });
                }
                count = count.saturating_add(1);
            }
        });
        found.filter(|_| self.kind == Kind::Array)
    }

    /// A number that is not negative, without its fraction; or the same as a text, where that is tolerated.
    pub(super) fn floor(&self) -> Option<u64> {
        let mut number = Number::default();
        match self.kind {
            Kind::Number => self.walk(|token, _, _| {
                if let Token::Number(piece) = token {
                    piece.iter().for_each(|&octet| number.push(octet));
                }
            }),
            _ => {
                let text = self.tolerated_time()?;
                number = Number::from_digits(core::str::from_utf8(text.text()).ok()?)?;
            }
        }
        (!number.is_negative()).then(|| number.floor())
    }

    /// A text that may stand for a time.
    fn tolerated_time(&self) -> Option<Scratch<MAX_TIME>> {
        let mut text = Scratch::new();
        self.walk(|token, _, _| match token {
            Token::LoneSurrogate => text.spoil(),
            _ => text.push(text_of(token, &mut [0; 4])),
        });
        (self.kind == Kind::Text && self.quirks.contains(Quirks::TIME_AS_TEXT)).then_some(text)
    }

    fn exact(&self) -> Option<Integer> {
        let mut integer = Integer::default();
        self.walk(|token, _, _| {
            if let Token::Number(piece) = token {
                piece.iter().for_each(|&octet| integer.push(octet));
            }
        });
        (self.kind == Kind::Number).then_some(integer)
    }

    fn written<'o>(&self, kind: Kind, out: &'o mut [u8]) -> Result<Option<&'o str>, Error> {
        if self.kind != kind {
            return Ok(None);
        }
        let mut writer = Writer::new(out);
        self.walk(|token, _, _| match token {
            Token::Number(piece) => writer.text(piece),
            Token::LoneSurrogate => writer.text("\u{FFFD}".as_bytes()),
            _ => writer.text(text_of(token, &mut [0; 4])),
        });
        let (text, _) = writer.finish()?;
        Ok(Some(core::str::from_utf8(text).unwrap_or_default()))
    }

    /// Shows the tokens of this value, the depth within it after each, and how many values began before.
    fn walk(&self, mut visitor: impl FnMut(Token<'_>, u8, u32)) {
        let mut begun = 0u32;
        let mut outside = None;
        let end = self.source.visit(&mut |token, depth| {
            let place = begun;
            let found = kind(token);
            if let Some(found) = found {
                begun = begun.saturating_add(1);
                if place == self.place {
                    let inner = u8::from(matches!(found, Kind::Array | Kind::Object));
                    outside = Some(depth.saturating_sub(inner));
                }
            }
            let Some(outside) = outside else { return Ok(()) };
            let depth = depth.saturating_sub(outside);
            visitor(token, depth, place);
            let ends = matches!(
                token,
                Token::ArrayEnd | Token::Literal(_) | Token::NumberEnd | Token::ObjectEnd | Token::StringEnd
            );
            if ends && depth == 0 { Err(ENOUGH) } else { Ok(()) }
        });
        // The document was read to its end before it was given out: no fault is left in it.
        let _: Result<(), Check> = end;
    }
}

/// What begins with this token.
const fn kind(token: Token<'_>) -> Option<Kind> {
    Some(match token {
        Token::ArrayStart => Kind::Array,
        Token::Literal(Literal::Null) => Kind::Null,
        Token::Literal(_) => Kind::Boolean,
        Token::NumberStart => Kind::Number,
        Token::ObjectStart => Kind::Object,
        Token::StringStart => Kind::Text,
        _ => return None,
    })
}

/// The value has ended; what follows need not be read.
const ENOUGH: Check = Check::JsonTrailing;

/// The items of a list, one after the other.
#[derive(Clone)]
pub struct Items<'b> {
    list: Claim<'b>,
    next: u32,
}

impl<'b> Iterator for Items<'b> {
    type Item = Claim<'b>;

    fn next(&mut self) -> Option<Claim<'b>> {
        let item = self.list.item(self.next)?;
        self.next = self.next.saturating_add(1);
        Some(item)
    }
}

impl fmt::Debug for Claim<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claim(…)")
    }
}

impl fmt::Debug for Items<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Items(…)")
    }
}
