//! Who may start: the one who sees the device's screen (Cross-Device Flows: establish proximity, limit tries).

use crate::{
    encoding::form,
    secret::{Derived, Seed, authenticate, equal},
};

/// What a pairing code is made of.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Alphabet {
    /// Eight of twenty consonants, which make no words: `WDJB-MJHT` (RFC 8628 §6.1).
    #[default]
    Consonants,
    /// Six digits, for screens and people that have no others: `402 951`.
    Digits,
}

impl Alphabet {
    /// The characters, in halves: how many of each, and from what.
    const fn half(self) -> (usize, &'static [u8]) {
        match self {
            Self::Consonants => (4, b"BCDFGHJKLMNPQRSTVWXZ"),
            Self::Digits => (3, b"0123456789"),
        }
    }

    /// What stands between the halves on a screen.
    pub(crate) const fn separator(self) -> u8 {
        match self {
            Self::Consonants => b'-',
            Self::Digits => b' ',
        }
    }
}

/// Characters of the longest code.
const MAX_CODE: usize = 8;

/// Characters of the QR code's token: 96 bits.
pub(crate) const TOKEN: usize = 16;

/// Milliseconds for which a code is good.
pub(crate) const LIFE: u32 = 120_000;

/// Wrong codes, and the code is another.
const TRIES: u8 = 5;

/// Milliseconds without a code after so many wrong ones. It doubles each time, up to [`MAX_PAUSE`].
const PAUSE: u32 = 10_000;

const MAX_PAUSE: u32 = 640_000;

/// The secret, and what was tried.
pub(crate) struct Pairing {
    seed: Seed,
    pub(crate) alphabet: Alphabet,
    /// The code at `since`.
    number: u8,
    /// Milliseconds of uptime.
    since: u64,
    /// The same: until then no code is taken.
    pub(crate) paused_until: u64,
    pause: u32,
    /// Wrong codes since the last change.
    tries: u8,
    tried: u8,
    /// The browser that was let in.
    pub(crate) browser: u8,
    /// Wrong codes in all.
    pub(crate) wrong: u16,
}

/// What became of a try.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Try {
    Paused,
    Right,
    Wrong,
}

impl Pairing {
    pub(crate) const fn new(seed: Seed, alphabet: Alphabet, since: u64) -> Self {
        Self {
            seed,
            alphabet,
            number: 0,
            since,
            paused_until: 0,
            pause: PAUSE,
            tries: 0,
            tried: 0,
            browser: 0,
            wrong: 0,
        }
    }

    /// The number of the code that is shown, and when it changes. `None`: there are no more.
    pub(crate) fn number(&self, uptime: u64) -> Option<(u8, u64)> {
        let age = u32::try_from(uptime.saturating_sub(self.since)).unwrap_or(u32::MAX);
        let passed = u8::try_from(age / LIFE).ok()?;
        let number = self.number.checked_add(passed).filter(|&number| number < u8::MAX)?;
        let end = u32::from(passed).saturating_add(1).saturating_mul(LIFE);
        Some((number, self.since.saturating_add(end.into())))
    }

    /// Nothing that was shown so far is good any more.
    pub(crate) fn renew(&mut self, uptime: u64) {
        let number = self.number(uptime).map_or(u8::MAX, |(number, _)| number);
        self.number = number.saturating_add(1);
        self.since = uptime;
    }

    /// Tries a code as somebody typed it. A right one is used up by it.
    pub(crate) fn try_code(&mut self, typed: &str, uptime: u64) -> Try {
        let Some((number, _)) = self.number(uptime) else { return Try::Wrong };
        if uptime < self.paused_until {
            return Try::Paused;
        }
        if self.tried != number {
            (self.tried, self.tries) = (number, 0);
        }
        let code = self.code(number);
        let typed = Code::typed(typed);
        if equal(&typed.0, &code.0) && typed.1 == code.1 {
            self.enter(uptime);
            return Try::Right;
        }
        self.wrong = self.wrong.saturating_add(1);
        self.tries = self.tries.saturating_add(1);
        if self.tries >= TRIES {
            self.renew(uptime);
            self.tries = 0;
            self.paused_until = uptime.saturating_add(self.pause.into());
            self.pause = self.pause.saturating_mul(2).min(MAX_PAUSE);
        }
        Try::Wrong
    }

    /// Tries the token of the QR code, which nobody guesses: it is taken also while codes are not, so that who guesses
    /// codes does not keep out who sees the screen.
    pub(crate) fn try_token(&mut self, token: &str, uptime: u64) -> Try {
        let Some((number, _)) = self.number(uptime) else { return Try::Wrong };
        if !equal(token.as_bytes(), self.token(number).as_bytes()) {
            return Try::Wrong;
        }
        self.enter(uptime);
        Try::Right
    }

    fn enter(&mut self, uptime: u64) {
        self.renew(uptime);
        self.browser = self.number;
    }

    pub(crate) fn code(&self, number: u8) -> Code {
        let octets = authenticate(self.seed.octets(), &[b"pairing_code", &[number], &[1]]);
        let (half, characters) = self.alphabet.half();
        // Those above the last whole multiple would make some characters likelier.
        let count = u8::try_from(characters.len()).unwrap_or(u8::MAX);
        let limit = u8::MAX.wrapping_sub(u8::MAX.checked_rem(count).unwrap_or_default());
        let mut code = Code([0; MAX_CODE], half.saturating_mul(2));
        let mut right = octets.iter().filter(|&&octet| octet < limit);
        for place in code.0.iter_mut().take(code.1) {
            let octet = right.next().copied().unwrap_or_default();
            *place =
                characters.get(octet.checked_rem(count).map_or(0, usize::from)).copied().unwrap_or_default();
        }
        code
    }

    pub(crate) fn token(&self, number: u8) -> Token {
        let derived = Derived::new(self.seed.octets(), &[b"pairing_token", &[number], &[1]]);
        let mut token = Token([0; TOKEN]);
        token.0.iter_mut().zip(derived.as_str().bytes()).for_each(|(place, octet)| *place = octet);
        token
    }

    /// What binds the browser that was let in.
    pub(crate) fn cookie(&self) -> Derived {
        Derived::new(self.seed.octets(), &[b"cookie", &[self.browser], &[1]])
    }

    /// What shows that a form is one of ours, and not too old.
    pub(crate) fn page(&self, number: u8) -> Derived {
        Derived::new(self.seed.octets(), &[b"page", &[number], &[1]])
    }

    /// Whether `page` is that of a form for the browser that was let in: it may have been away for long.
    pub(crate) fn is_own_page(&self, page: &str) -> bool {
        equal(page.as_bytes(), self.page(self.browser).as_str().as_bytes())
    }

    /// Whether `page` is that of a form of the last minutes.
    pub(crate) fn is_page(&self, page: &str, uptime: u64) -> bool {
        let Some((number, _)) = self.number(uptime) else { return false };
        let is = |number| equal(page.as_bytes(), self.page(number).as_str().as_bytes());
        is(number) || is(number.saturating_sub(1))
    }
}

/// A code and its length, without what separates its halves.
pub(crate) struct Code([u8; MAX_CODE], usize);

impl Code {
    /// Letters large or small, with any separators (RFC 8628 §6.1). A longer one has a length that none has.
    fn typed(text: &str) -> Self {
        let mut code = Self([0; MAX_CODE], 0);
        for octet in form::decode(text).flatten().filter(u8::is_ascii_alphanumeric) {
            if let Some(place) = code.0.get_mut(code.1) {
                *place = octet.to_ascii_uppercase();
            }
            code.1 = code.1.saturating_add(1);
        }
        code
    }

    /// Both halves.
    pub(crate) fn halves(&self) -> (&[u8], &[u8]) {
        let whole = self.0.get(..self.1).unwrap_or_default();
        whole.split_at_checked(self.1 / 2).unwrap_or_default()
    }
}

impl Drop for Code {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}

/// The QR code's token.
pub(crate) struct Token([u8; TOKEN]);

impl Token {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}
