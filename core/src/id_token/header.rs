//! The header of a signed token (RFC 7515 §4).

use crate::{
    client::Client,
    encoding::{
        json::{Source, Token},
        text::is_alike,
    },
    error::{Check, Error, Name},
    jws::{ALGORITHM_NAMES, Algorithm},
    sieve::{Scratch, Top, text_of},
};

/// The longest `kid`, in octets.
const MAX_KID: usize = 128;

/// What the header says, as far as it is believed: never a key, never an address of one.
#[derive(Clone, Copy)]
pub(crate) struct Header<'k> {
    pub(super) algorithm: Algorithm,
    pub(super) kid: Option<&'k str>,
}

/// Room for a `kid`.
pub(super) struct Kid(Text<MAX_KID>);

impl Kid {
    pub(super) const fn new() -> Self {
        Self(Text::new())
    }
}

impl<'k> Header<'k> {
    /// Reads and judges it: `crit`, `alg`, `typ`, `kid` in this order. `kinds` are the values of `typ` that may stand
    /// there.
    #[inline(never)]
    pub(super) fn read(
        part: &str,
        client: &Client<'_>,
        kinds: &[&str],
        Kid(kid): &'k mut Kid,
    ) -> Result<Self, Error> {
        let mut top = Top::new(&[Name::Alg, Name::Kid, Name::Typ, Name::Crit]);
        let mut algorithm = Text::<16>::new();
        let mut kind = Text::<40>::new();
        Source::Base64url(part).visit(&mut |token, depth| {
            match top.member(token, depth)? {
                Some(Name::Alg) => algorithm.token(token)?,
                Some(Name::Kid) => kid.token(token)?,
                Some(Name::Typ) => kind.token(token)?,
                _ => {}
            }
            Ok(())
        })?;
        // Whatever is critical, we do not know it (RFC 7515 §4.1.11).
        if top.has_seen(Name::Crit) {
            return Err(Check::CriticalUnsupported.into());
        }
        let algorithm = allowed_algorithm(&algorithm, client)?;
        if kind.state != State::Absent && !is_of_type(&kind, kinds) {
            return Err(Check::TypeMismatch.into());
        }
        match kid.state {
            State::Other => return Err(Check::WrongType(Name::Kid).into()),
            _ if kid.text.is_cut() => return Err(Error::InputTooLarge(Name::Kid)),
            _ => {}
        }
        let text = core::str::from_utf8(kid.text.text()).ok();
        Ok(Self { algorithm, kid: text.filter(|_| kid.state == State::Text) })
    }
}

fn allowed_algorithm(text: &Text<16>, client: &Client<'_>) -> Result<Algorithm, Check> {
    match text.state {
        State::Absent => return Err(Check::MissingMember(Name::Alg)),
        State::Other => return Err(Check::WrongType(Name::Alg)),
        State::Text => {}
    }
    if is_alike(text.text.text(), b"none") {
        return Err(Check::AlgorithmNone);
    }
    let place = text.text.find(ALGORITHM_NAMES).ok_or(Check::AlgorithmNotAllowed)?;
    let offered = client.metadata.algorithms.unwrap_or(client.supported_algorithms());
    let named = client.verifiers.iter().map(|verifier| verifier.algorithm());
    let mut named = named.filter(|algorithm| Some(&algorithm.name()) == ALGORITHM_NAMES.get(place));
    named.find(|_| offered.contains_place(place)).ok_or(Check::AlgorithmNotAllowed)
}

/// Everything else is some other token (RFC 8725 §3.11).
fn is_of_type(kind: &Text<40>, kinds: &[&str]) -> bool {
    const PREFIX: &[u8] = b"application/";
    let text = kind.text.text();
    let bare = match text.split_at_checked(PREFIX.len()) {
        Some((prefix, bare)) if is_alike(prefix, PREFIX) => bare,
        _ => text,
    };
    kind.state == State::Text && kinds.iter().any(|kind| is_alike(bare, kind.as_bytes()))
}

/// A member that should be a text.
struct Text<const N: usize> {
    text: Scratch<N>,
    state: State,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum State {
    Absent,
    Other,
    Text,
}

impl<const N: usize> Text<N> {
    const fn new() -> Self {
        Self { text: Scratch::new(), state: State::Absent }
    }

    fn token(&mut self, token: Token<'_>) -> Result<(), Check> {
        match token {
            Token::StringStart if self.state == State::Absent => self.state = State::Text,
            Token::Text(_) | Token::Char(_) if self.state == State::Text => {
                self.text.push(text_of(token, &mut [0; 4]));
            }
            Token::LoneSurrogate if self.state == State::Text => return Err(Check::JsonSyntax),
            Token::StringEnd => {}
            _ => self.state = State::Other,
        }
        Ok(())
    }
}
