//! The one reader of JSON from the network: octets of a body go in, in pieces of any size, and only what was
//! asked for stays, decoded, in the caller's buffer.
//!
//! Unknown members, certificate chains and other people's keys never occupy memory: a 256 KiB key set passes
//! through a buffer that holds one key.

mod keys;
mod members;
mod top;

use crate::{
    encoding::{
        json::{Parser, Token},
        text,
        writer::Writer,
    },
    error::{Check, Error, Name},
    http::Refusals,
};

pub(crate) use self::keys::{KeyFilter, KeyRecord, hash_of_kid, key_records};
pub(crate) use self::members::{Kept, Value};
pub(crate) use self::top::Top;

/// What a request wants kept of its answer. Small and `Copy`, so that it outlives the request, whose buffer
/// the answer takes over.
#[derive(Clone, Copy, Debug)]
pub struct Keep(pub(crate) Wanted);

#[derive(Clone, Copy, Debug)]
pub(crate) enum Wanted {
    /// The whole document, checked, as it stands; and what `WWW-Authenticate` says, by this reader.
    Document(ReadChallenges),
    /// The keys of a JWK set that fit.
    Keys(KeyFilter),
    /// These members of the top object.
    Members(&'static [Name]),
}

/// The way to the reader of `WWW-Authenticate`. What asks for no document does not link it.
pub(crate) type ReadChallenges = fn(&mut Refusals, &[u8]);

/// A body on its way through.
pub(crate) struct Sieve<'b> {
    parser: Parser,
    filter: Filter,
    writer: Writer<'b>,
}

enum Filter {
    Document,
    Keys(keys::Keys),
    Members(members::Members),
}

impl<'b> Sieve<'b> {
    pub(crate) fn new(keep: Keep, out: &'b mut [u8]) -> Self {
        let filter = match keep.0 {
            Wanted::Document(_) => Filter::Document,
            Wanted::Keys(filter) => Filter::Keys(keys::Keys::new(filter)),
            Wanted::Members(names) => Filter::Members(members::Members::new(names)),
        };
        Self { parser: Parser::new(), filter, writer: Writer::new(out) }
    }

    /// Takes the next piece of the body.
    pub(crate) fn feed(&mut self, mut piece: &[u8]) -> Result<(), Error> {
        if let Filter::Document = self.filter {
            self.writer.text(piece);
        }
        while let Some(token) = self.parser.next(&mut piece)? {
            let depth = self.parser.depth();
            match &mut self.filter {
                Filter::Document => {}
                Filter::Keys(keys) => keys.token(token, depth, &mut self.writer)?,
                Filter::Members(members) => members.token(token, depth, &mut self.writer)?,
            }
        }
        Ok(())
    }

    /// Puts something in front of what is kept.
    pub(crate) fn put_first(&mut self, octets: &[u8]) {
        self.writer.text(octets);
    }

    /// The document is at its end.
    pub(crate) fn close(&mut self) -> Result<(), Error> {
        self.parser.finish()?;
        match &self.filter {
            Filter::Keys(keys) => keys.finish(&mut self.writer),
            _ => Ok(()),
        }
    }

    /// What was written, and the rest of the buffer.
    pub(crate) fn release(self) -> Result<(&'b mut [u8], &'b mut [u8]), Error> {
        self.writer.finish()
    }

    /// What was kept of a whole document, and the rest of the buffer.
    pub(crate) fn finish(mut self) -> Result<(&'b mut [u8], &'b mut [u8]), Error> {
        self.close()?;
        self.release()
    }
}

/// A short text that is compared with known words and then forgotten.
pub(crate) struct Scratch<const N: usize> {
    octets: [u8; N],
    length: usize,
}

impl<const N: usize> Scratch<N> {
    pub(crate) const fn new() -> Self {
        Self { octets: [0; N], length: 0 }
    }

    pub(crate) fn clear(&mut self) {
        self.length = 0;
    }

    pub(crate) fn push(&mut self, piece: &[u8]) {
        text::put(&mut self.octets, self.length, piece);
        self.length = self.length.saturating_add(piece.len());
    }

    /// Makes it equal to no word.
    pub(crate) fn spoil(&mut self) {
        self.length = usize::MAX;
    }

    /// Whether the text was longer than there is room for.
    pub(crate) fn is_cut(&self) -> bool {
        self.length > N
    }

    /// The text; empty if it was too long.
    pub(crate) fn text(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }

    /// Its place among `words`.
    pub(crate) fn find(&self, words: &[&str]) -> Option<usize> {
        words.iter().position(|word| word.as_bytes() == self.text())
    }
}

/// The octets of a piece of text, an escaped character included; none for another token.
pub(crate) fn text_of<'t>(token: Token<'t>, room: &'t mut [u8; 4]) -> &'t [u8] {
    match token {
        Token::Text(piece) => piece,
        Token::Char(character) => character.encode_utf8(room).as_bytes(),
        _ => &[],
    }
}

impl Name {
    /// For a member that is a list: the words that make a difference to us.
    pub(crate) const fn words(self) -> Option<&'static [&'static str]> {
        Some(match self {
            Self::CodeChallengeMethodsSupported => &["S256"],
            Self::DpopSigningAlgValuesSupported
            | Self::IdTokenSigningAlgValuesSupported
            | Self::TokenEndpointAuthSigningAlgValuesSupported => crate::jws::ALGORITHM_NAMES,
            Self::KeyOps => &["verify"],
            Self::ResponseTypesSupported => &["code"],
            Self::TokenEndpointAuthMethodsSupported => {
                &["none", "client_secret_basic", "client_secret_post", "private_key_jwt", "client_secret_jwt"]
            }
            _ => return None,
        })
    }
}

/// A set of one: the bit for the word at `place`.
pub(crate) fn bit(place: usize) -> u32 {
    u32::try_from(place).ok().and_then(|place| 1u32.checked_shl(place)).unwrap_or_default()
}

/// Text that is asked for must be whole.
const BROKEN_TEXT: Error = Error::Check(Check::JsonSyntax);
