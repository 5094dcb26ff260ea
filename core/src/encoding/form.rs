//! `application/x-www-form-urlencoded` and URL queries, both ways (RFC 6749 Appendix B, RFC 3986 §2).

use crate::encoding::{text, utf8::Utf8, writer::Writer};

/// Where a value goes; it decides how a space is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    /// A form body: `+`.
    Body,
    /// The query of a URL that is itself a value in a form: escaped once more.
    Nested,
    /// A URL query: `%20`, since some servers do not read `+` there.
    Query,
}

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Writes pairs `name=value` with `&` between them.
pub(crate) struct Pairs<'w, 'b> {
    writer: &'w mut Writer<'b>,
    place: Place,
    separate: bool,
}

impl<'w, 'b> Pairs<'w, 'b> {
    pub(crate) fn new(writer: &'w mut Writer<'b>, place: Place, separate: bool) -> Self {
        Self { writer, place, separate }
    }

    /// One pair; nothing if the value is empty (RFC 6749 §3.1).
    pub(crate) fn pair(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.name(name);
            self.piece(value);
        }
    }

    pub(crate) fn number(&mut self, name: &str, value: u32) {
        self.name(name);
        self.writer.number(value);
    }

    /// The start of a pair whose value follows in pieces.
    pub(crate) fn name(&mut self, name: &str) {
        if core::mem::replace(&mut self.separate, true) {
            self.mark(b"&", b"%26");
        }
        self.piece(name);
        self.mark(b"=", b"%3D");
    }

    /// What is written to, for a value that needs no escapes.
    pub(crate) fn writer(&mut self) -> &mut Writer<'b> {
        self.writer
    }

    /// What stands between names and values.
    fn mark(&mut self, plain: &[u8], nested: &[u8]) {
        self.writer.text(if self.place == Place::Nested { nested } else { plain });
    }

    #[inline(never)]
    pub(crate) fn piece(&mut self, value: &str) {
        encode(value, self.place, &mut |octet| self.writer.octet(octet));
    }
}

/// Gives out `text`, with everything but unreserved characters escaped.
pub(crate) fn encode(text: &str, place: Place, emit: &mut dyn FnMut(u8)) {
    for octet in text.bytes() {
        match octet {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => emit(octet),
            b' ' if place == Place::Body => emit(b'+'),
            _ if place == Place::Nested => {
                escape(b'%', emit);
                digits(octet, emit);
            }
            _ => escape(octet, emit),
        }
    }
}

fn escape(octet: u8, emit: &mut dyn FnMut(u8)) {
    emit(b'%');
    digits(octet, emit);
}

fn digits(octet: u8, emit: &mut dyn FnMut(u8)) {
    emit(hex_digit(octet >> 4));
    emit(hex_digit(octet & 0xF));
}

/// Gives out `text` for HTTP Basic: `*` stays as well, for the servers that do not decode at all.
pub(crate) fn encode_credential(text: &str, emit: &mut dyn FnMut(u8)) {
    let mut first = true;
    for piece in text::split(text, b'*') {
        if !core::mem::take(&mut first) {
            emit(b'*');
        }
        encode(piece, Place::Body, emit);
    }
}

fn hex_digit(nibble: u8) -> u8 {
    HEX.get(usize::from(nibble)).copied().unwrap_or_default()
}

/// The pairs of a query or a form, undecoded; a piece without `=` has an empty value.
pub(crate) fn pairs(input: &str) -> impl Iterator<Item = (&str, &str)> {
    text::split(input, b'&').map(|piece| text::split_once(piece, b'=').unwrap_or((piece, "")))
}

/// The octets that `text` stands for; an item is an error where an escape is malformed.
#[derive(Clone)]
pub(crate) struct Decoded<'b> {
    rest: &'b [u8],
}

pub(crate) fn decode(text: &str) -> Decoded<'_> {
    Decoded { rest: text.as_bytes() }
}

/// The octets of a text that is only shown; none at all if an escape is malformed.
pub(crate) fn decode_shown(text: &str) -> impl Iterator<Item = u8> + '_ {
    let malformed = decode(text).any(|octet| octet.is_err());
    decode(if malformed { "" } else { text }).flatten()
}

/// A malformed escape.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Malformed;

impl Iterator for Decoded<'_> {
    type Item = Result<u8, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(match first {
            b'+' => Ok(b' '),
            b'%' => match *rest {
                [high, low, ..] => {
                    self.rest = rest.get(2..).unwrap_or_default();
                    hex(high).zip(hex(low)).map(|(high, low)| (high << 4) | low).ok_or(Malformed)
                }
                _ => Err(Malformed),
            },
            octet => Ok(octet),
        })
    }
}

/// The value of a hexadecimal digit.
pub(crate) fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit.wrapping_sub(b'0')),
        b'a'..=b'f' => Some(digit.wrapping_sub(b'a').wrapping_add(10)),
        b'A'..=b'F' => Some(digit.wrapping_sub(b'A').wrapping_add(10)),
        _ => None,
    }
}

/// Whether `text` decodes, and to valid UTF-8.
pub(crate) fn is_well_formed(text: &str) -> bool {
    let mut utf8 = Utf8::NEW;
    decode(text).all(|octet| octet.is_ok_and(|octet| utf8.push(octet))) && utf8.is_complete()
}

/// Whether `text` decodes to exactly `plain`.
pub(crate) fn decodes_to(text: &str, plain: &str) -> bool {
    decode(text).eq(plain.bytes().map(Ok))
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::{string::String, vec::Vec};

    use serde_json::Value;

    use super::*;

    fn rows(name: &str) -> Vec<Value> {
        let vectors = include_str!("../../../tests/spec/vectors.json");
        let vectors: Value = serde_json::from_str(vectors).expect("vectors are JSON");
        vectors["percent_encoding"][name].as_array().expect("there are such rows").clone()
    }

    fn text<'v>(row: &'v Value, name: &str) -> &'v str {
        row[name].as_str().expect("a text")
    }

    fn encoded(text: &str, place: Place) -> String {
        let mut out = Vec::new();
        encode(text, place, &mut |octet| out.push(octet));
        String::from_utf8(out).expect("ASCII")
    }

    fn decoded(text: &str) -> Option<String> {
        let octets: Result<Vec<_>, _> = decode(text).collect();
        String::from_utf8(octets.ok()?).ok()
    }

    // REQ: ENC-01, ENC-02, ENC-03
    #[test]
    fn known_answers() {
        for row in rows("encode") {
            let plain = text(&row, "in");
            for (place, name) in [(Place::Body, "form"), (Place::Query, "query")] {
                assert_eq!(encoded(plain, place), text(&row, name));
                assert_eq!(decoded(text(&row, name)).as_deref(), Some(plain));
                assert!(is_well_formed(text(&row, name)) && decodes_to(text(&row, name), plain));
            }
        }
        for row in rows("decode") {
            assert_eq!(decoded(text(&row, "in")).as_deref(), Some(text(&row, "out")), "{row}");
        }
    }

    // REQ: ENC-04, ENC-05
    #[test]
    fn malformed_text() {
        for row in rows("decode_reject") {
            assert_eq!(decoded(text(&row, "in")), None, "{row}");
            assert!(!is_well_formed(text(&row, "in")), "{row}");
        }
    }

    // REQ: ENC-15
    #[test]
    fn every_character_comes_back() {
        for character in '\0'..=char::MAX {
            let mut room = [0; 4];
            let plain: &str = character.encode_utf8(&mut room);
            for place in [Place::Body, Place::Query] {
                assert!(decodes_to(&encoded(plain, place), plain), "{character:?}");
            }
        }
    }
}
