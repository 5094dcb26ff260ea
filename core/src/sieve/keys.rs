//! Keeps the keys of a JWK set that can serve (RFC 7517 §5).
//!
//! A key is collected where it will lie and decided on at its end: it stays, or the room is used again. So the
//! set may have any length; one key at a time needs room.
//!
//! A kept key is a record: the length of the rest in two octets, its kind, the `alg` it names, and then `kid`,
//! `n`, `e`, `x`, `y` as far as they are there: name, length in two octets, octets (decoded, but for `kid`).

use crate::{
    encoding::{
        base64url::{self, Shape},
        json::{Literal, Token},
        writer::Writer,
    },
    error::{Check, Error, Name},
    jws::{ALGORITHM_NAMES, Algorithms, KeyType},
    sieve::{Scratch, bit, text_of},
};

/// Kept keys at the most. A server that rotates shows two or three.
const MAX_KEYS: u8 = 8;

/// Octets of a record before its parts.
const HEAD: usize = 4;

/// Octets of a part before its content.
const PART_HEAD: usize = 3;

/// Which keys to keep.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct KeyFilter {
    /// The algorithms that a key must serve one of.
    pub(crate) algorithms: Algorithms,
    /// The hash of the one `kid` that is wanted. Keys of that name stay also when they do not fit, so that the
    /// reason can be told. It narrows the search and decides nothing: the `kid` itself is compared later.
    pub(crate) kid: Option<u32>,
}

/// FNV-1a of a `kid`.
pub(crate) fn hash_of_kid(kid: &str) -> u32 {
    kid.bytes().fold(FNV_OFFSET, fnv)
}

const FNV_OFFSET: u32 = 0x811C_9DC5;

fn fnv(hash: u32, octet: u8) -> u32 {
    (hash ^ u32::from(octet)).wrapping_mul(0x0100_0193)
}

/// What a kept key is good for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
enum Kind {
    Ed25519,
    /// Broken, or with private parts.
    Invalid,
    P256,
    P384,
    Rsa,
    /// For another algorithm or another use.
    Unfit,
}

/// The members of a key that are read.
const MEMBERS: &[Name] = &[
    Name::Alg,
    Name::Crv,
    Name::D,
    Name::E,
    Name::K,
    Name::KeyOps,
    Name::Kid,
    Name::Kty,
    Name::N,
    Name::P,
    Name::Use,
    Name::X,
    Name::Y,
];

/// Keys of these curves and types can serve. A symmetric key (`oct`) in a key set never does.
const CURVES: &[&str] = &["P-256", "P-384", "Ed25519"];
const TYPES: &[&str] = &["RSA", "EC", "OKP"];
const USES: &[&str] = &["sig"];

pub(super) struct Keys {
    filter: KeyFilter,
    scratch: Scratch<8>,
    focus: Focus,
    /// `keys` was found, and is a list.
    found: Found,
    kept: u8,
    entry: Entry,
    /// The most room that a kept key took while it was read.
    peak: usize,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Found {
    /// The list has been read.
    Done,
    Inside,
    No,
    /// Its value comes next.
    Pending,
    WrongType,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Focus {
    /// A member's name: of the set, or of a key.
    Name,
    Nothing,
    /// A text that goes to the buffer.
    Part(Name),
    /// A text that is compared with known words.
    Word(Name),
}

/// The key that is being read.
struct Entry {
    start: usize,
    /// Where the open part starts, and what of it has been seen.
    part: usize,
    shape: Shape,
    peak: usize,
    member: Option<Name>,
    seen: u32,
    kid: u32,
    has_kid: bool,
    broken: bool,
    private: bool,
    unfit: bool,
    key_type: Option<usize>,
    curve: Option<usize>,
    /// The place of `alg` among the known ones.
    algorithm: Option<usize>,
    operations: Option<bool>,
}

impl Entry {
    const fn new(start: usize) -> Self {
        Self {
            start,
            part: start,
            shape: Shape::new(),
            peak: start,
            member: None,
            seen: 0,
            kid: FNV_OFFSET,
            has_kid: false,
            broken: false,
            private: false,
            unfit: false,
            key_type: None,
            curve: None,
            algorithm: None,
            operations: None,
        }
    }
}

impl Keys {
    pub(super) fn new(filter: KeyFilter) -> Self {
        Self {
            filter,
            scratch: Scratch::new(),
            focus: Focus::Nothing,
            found: Found::No,
            kept: 0,
            entry: Entry::new(0),
            peak: 0,
        }
    }

    pub(super) fn token(
        &mut self,
        token: Token<'_>,
        depth: u8,
        writer: &mut Writer<'_>,
    ) -> Result<(), Error> {
        match token {
            Token::NameStart if depth == 1 || (depth == 3 && self.found == Found::Inside) => {
                self.scratch.clear();
                self.focus = Focus::Name;
            }
            Token::Text(_) | Token::Char(_) => {
                self.text(text_of(token, &mut [0; 4]), writer);
            }
            Token::LoneSurrogate => {
                self.scratch.spoil();
                self.entry.broken |= matches!(self.focus, Focus::Part(_) | Focus::Word(_));
            }
            Token::NameEnd if self.focus == Focus::Name => return self.name(depth),
            _ if self.found == Found::Pending => {
                let list = token == Token::ArrayStart && depth == 2;
                self.found = if list { Found::Inside } else { Found::WrongType };
            }
            _ if self.found != Found::Inside => {}
            Token::ObjectStart if depth == 3 => self.open(writer),
            Token::ObjectEnd if depth == 2 => self.close(writer)?,
            Token::ArrayEnd if depth == 1 => self.found = Found::Done,
            _ if depth >= 3 => self.member(token, depth, writer),
            _ => {}
        }
        Ok(())
    }

    pub(super) fn finish(&self, writer: &mut Writer<'_>) -> Result<(), Error> {
        match self.found {
            Found::No | Found::Pending => return Err(Check::MissingMember(Name::Keys).into()),
            Found::WrongType => return Err(Check::WrongType(Name::Keys).into()),
            Found::Done | Found::Inside => {}
        }
        // A key takes more room while it is read than when it is kept.
        if self.peak > writer.capacity() {
            writer.set_length(self.peak.max(writer.length()));
        }
        Ok(())
    }

    fn text(&mut self, piece: &[u8], writer: &mut Writer<'_>) {
        match self.focus {
            Focus::Name | Focus::Word(_) => self.scratch.push(piece),
            Focus::Part(name) => {
                if name == Name::Kid {
                    self.entry.kid = piece.iter().copied().fold(self.entry.kid, fnv);
                }
                self.entry.shape.push(piece);
                writer.text(piece);
            }
            Focus::Nothing => {}
        }
    }

    fn name(&mut self, depth: u8) -> Result<(), Error> {
        self.focus = Focus::Nothing;
        if depth == 1 {
            if self.scratch.text() == b"keys" {
                if self.found != Found::No {
                    return Err(Check::DuplicateMember(Name::Keys).into());
                }
                self.found = Found::Pending;
            }
            return Ok(());
        }
        let place = MEMBERS.iter().position(|name| name.as_str().as_bytes() == self.scratch.text());
        self.entry.member = place.and_then(|place| MEMBERS.get(place)).copied();
        let mark = place.map(bit).unwrap_or_default();
        self.entry.broken |= self.entry.seen & mark != 0;
        self.entry.seen |= mark;
        Ok(())
    }

    fn open(&mut self, writer: &mut Writer<'_>) {
        self.entry = Entry::new(writer.length());
        writer.text(&[0; HEAD]);
    }

    /// The value of a key's member.
    fn member(&mut self, token: Token<'_>, depth: u8, writer: &mut Writer<'_>) {
        let Some(member) = self.entry.member else { return };
        match (token, depth) {
            (Token::StringStart, 3) => self.open_text(member, writer),
            (Token::StringStart, 4) if member == Name::KeyOps => {
                self.scratch.clear();
                self.focus = Focus::Word(member);
            }
            (Token::StringEnd, _) => self.close_text(depth, writer),
            (Token::ArrayStart, 4) if member == Name::KeyOps => self.entry.operations = Some(false),
            (Token::ArrayEnd, 3) if member == Name::KeyOps => self.entry.member = None,
            (Token::Literal(Literal::Null), 3) => self.entry.member = None,
            (Token::Literal(_) | Token::NumberStart | Token::ArrayStart | Token::ObjectStart, _) => {
                self.entry.broken = true;
                self.entry.member = None;
            }
            _ => {}
        }
    }

    fn open_text(&mut self, member: Name, writer: &mut Writer<'_>) {
        match member {
            Name::Kid | Name::N | Name::E | Name::X | Name::Y => {
                self.entry.has_kid |= member == Name::Kid;
                self.entry.part = writer.length();
                self.entry.shape = Shape::new();
                writer.text(&[member as u8, 0, 0]);
                self.focus = Focus::Part(member);
            }
            Name::D | Name::K | Name::P => self.entry.private = true,
            _ => {
                self.scratch.clear();
                self.focus = Focus::Word(member);
            }
        }
    }

    fn close_text(&mut self, depth: u8, writer: &mut Writer<'_>) {
        let entry = &mut self.entry;
        match self.focus {
            Focus::Part(name) => {
                entry.peak = entry.peak.max(writer.length());
                let decode = name != Name::Kid;
                entry.broken |= decode && !entry.shape.is_canonical();
                entry.broken |= !close_part(entry.part, decode && !entry.broken, writer);
            }
            Focus::Word(Name::Alg) => {
                entry.algorithm = self.scratch.find(ALGORITHM_NAMES);
                entry.unfit |= entry.algorithm.is_none();
            }
            Focus::Word(Name::Crv) => entry.curve = self.scratch.find(CURVES),
            Focus::Word(Name::KeyOps) => {
                let verify = self.scratch.text() == b"verify";
                entry.operations = Some(verify || entry.operations == Some(true));
            }
            Focus::Word(Name::Kty) => entry.key_type = self.scratch.find(TYPES),
            Focus::Word(_) => entry.unfit |= self.scratch.find(USES).is_none(),
            Focus::Name | Focus::Nothing => {}
        }
        self.focus = Focus::Nothing;
        if depth == 3 {
            self.entry.member = None;
        }
    }

    /// The key is whole: does it stay?
    fn close(&mut self, writer: &mut Writer<'_>) -> Result<(), Error> {
        let entry = &self.entry;
        let kind = self.kind();
        let wanted = match self.filter.kid {
            Some(kid) => entry.has_kid && entry.kid == kid,
            None => !matches!(kind, Kind::Invalid | Kind::Unfit),
        };
        if !wanted || self.kept >= MAX_KEYS {
            writer.set_length(entry.start);
            return Ok(());
        }
        let length = writer.length().saturating_sub(entry.start).saturating_sub(2);
        let length = u16::try_from(length).map_err(|_| Error::InputTooLarge(Name::Keys))?;
        writer.patch(entry.start, length.to_le_bytes());
        let algorithm = entry.algorithm.and_then(|place| u8::try_from(place).ok()).unwrap_or(ANY_ALGORITHM);
        writer.patch(entry.start.saturating_add(2), [kind as u8, algorithm]);
        self.peak = self.peak.max(entry.peak);
        self.kept = self.kept.saturating_add(1);
        Ok(())
    }

    fn kind(&self) -> Kind {
        let entry = &self.entry;
        let (kind, key_type) = match (entry.key_type, entry.curve) {
            (Some(0), _) => (Kind::Rsa, KeyType::Rsa),
            (Some(1), Some(0)) => (Kind::P256, KeyType::P256),
            (Some(1), Some(1)) => (Kind::P384, KeyType::P384),
            (Some(2), Some(2)) => (Kind::Ed25519, KeyType::Ed25519),
            _ => return Kind::Unfit,
        };
        let algorithms = self.filter.algorithms.of_type(key_type);
        let serves = match entry.algorithm {
            Some(place) => algorithms.contains_place(place),
            None => !algorithms.is_empty(),
        };
        if entry.unfit || entry.operations == Some(false) || !serves {
            Kind::Unfit
        } else if entry.broken || entry.private {
            Kind::Invalid
        } else {
            kind
        }
    }
}

const ANY_ALGORITHM: u8 = u8::MAX;

/// Decodes a part where it stands and notes its length; `false` if it is not base64url.
fn close_part(start: usize, decode: bool, writer: &mut Writer<'_>) -> bool {
    let content = start.saturating_add(PART_HEAD);
    let text_length = writer.length().saturating_sub(content);
    let text = writer.written(content);
    let length = if !decode {
        text_length
    } else if text.len() < text_length {
        // It did not fit: only its length counts now.
        text_length.saturating_mul(3) / 4
    } else {
        match base64url::decode_in_place(text) {
            Some(octets) => octets.len(),
            None => return false,
        }
    };
    writer.set_length(content.saturating_add(length));
    let Ok(length) = u16::try_from(length) else { return false };
    writer.patch(start.saturating_add(1), length.to_le_bytes());
    true
}

/// A kept key.
#[derive(Clone, Copy)]
pub(crate) struct KeyRecord<'k> {
    kind: u8,
    algorithm: u8,
    parts: &'k [u8],
}

/// The keys in `records`; stops where they are damaged.
pub(crate) fn key_records(records: &[u8]) -> impl Iterator<Item = KeyRecord<'_>> + Clone {
    let mut rest = records;
    core::iter::from_fn(move || {
        let [low, high, behind @ ..] = rest else { return None };
        let (record, behind) = behind.split_at_checked(usize::from(u16::from_le_bytes([*low, *high])))?;
        rest = behind;
        let [kind, algorithm, parts @ ..] = record else { return None };
        Some(KeyRecord { kind: *kind, algorithm: *algorithm, parts })
    })
}

impl<'k> KeyRecord<'k> {
    pub(crate) fn kid(self) -> Option<&'k str> {
        self.part(Name::Kid).and_then(|kid| core::str::from_utf8(kid).ok())
    }

    /// The key's type and numbers, if it can serve at all.
    ///
    /// # Errors
    /// [`Check::KeyMismatch`] if it is for something else, [`Check::KeyInvalid`] if it is broken.
    pub(crate) fn key(self) -> Result<(KeyType, crate::jws::Key<'k>), Check> {
        use crate::jws::Key;
        const ED25519: u8 = Kind::Ed25519 as u8;
        const INVALID: u8 = Kind::Invalid as u8;
        const P256: u8 = Kind::P256 as u8;
        const P384: u8 = Kind::P384 as u8;
        const RSA: u8 = Kind::Rsa as u8;
        let part = |name| self.part(name).ok_or(Check::KeyInvalid);
        Ok(match self.kind {
            ED25519 => (KeyType::Ed25519, Key::Ed25519 { x: part(Name::X)? }),
            P384 => (KeyType::P384, Key::P384 { x: part(Name::X)?, y: part(Name::Y)? }),
            P256 => (KeyType::P256, Key::P256 { x: part(Name::X)?, y: part(Name::Y)? }),
            RSA => (KeyType::Rsa, Key::Rsa { modulus: part(Name::N)?, exponent: part(Name::E)? }),
            INVALID => return Err(Check::KeyInvalid),
            _ => return Err(Check::KeyMismatch),
        })
    }

    /// Whether the key names no algorithm, or this one.
    pub(crate) fn allows(self, algorithm: crate::jws::Algorithm) -> bool {
        self.algorithm == ANY_ALGORITHM
            || ALGORITHM_NAMES.get(usize::from(self.algorithm)) == Some(&algorithm.name())
    }

    fn part(self, name: Name) -> Option<&'k [u8]> {
        let mut rest = self.parts;
        while let [found, low, high, behind @ ..] = rest {
            let (content, behind) =
                behind.split_at_checked(usize::from(u16::from_le_bytes([*low, *high])))?;
            if *found == name as u8 {
                return Some(content);
            }
            rest = behind;
        }
        None
    }
}
