//! The texts that a session holds, one behind the other.

use core::fmt;

use zeroize::Zeroize;

use crate::{
    encoding::text,
    error::{Error, Name},
};

/// A text of a session, in the order in which they lie.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Field {
    Subject,
    Nonce,
    Hint,
    RefreshToken,
    Scope,
    AccessToken,
}

impl Field {
    pub(super) const ALL: [Self; 6] =
        [Self::Subject, Self::Nonce, Self::Hint, Self::RefreshToken, Self::Scope, Self::AccessToken];

    const fn place(self) -> usize {
        self as usize
    }

    const fn name(self) -> Name {
        match self {
            Self::Subject => Name::Sub,
            Self::Nonce => Name::Nonce,
            Self::Hint => Name::IdToken,
            Self::RefreshToken => Name::RefreshToken,
            Self::Scope => Name::Scope,
            Self::AccessToken => Name::AccessToken,
        }
    }
}

/// Fields whose content goes into a record: all but the access token.
pub(super) const STORED: usize = 5;

pub(super) struct Fields<const N: usize> {
    octets: [u8; N],
    ends: [usize; Field::ALL.len()],
}

impl<const N: usize> Fields<N> {
    pub(super) const fn new() -> Self {
        Self { octets: [0; N], ends: [0; Field::ALL.len()] }
    }

    pub(super) fn get(&self, field: Field) -> &str {
        let content = self.octets.get(self.start(field)..self.end(field)).unwrap_or_default();
        core::str::from_utf8(content).unwrap_or_default()
    }

    pub(super) fn is_empty(&self, field: Field) -> bool {
        self.start(field) == self.end(field)
    }

    /// What goes into a record.
    pub(super) fn stored(&self) -> &[u8] {
        self.octets.get(..self.end(Field::Scope)).unwrap_or_default()
    }

    /// The lengths of what goes into a record.
    pub(super) fn lengths(&self) -> [u16; STORED] {
        let mut lengths = [0; STORED];
        for (length, field) in lengths.iter_mut().zip(Field::ALL) {
            let octets = self.end(field).saturating_sub(self.start(field));
            *length = u16::try_from(octets).unwrap_or(u16::MAX);
        }
        lengths
    }

    /// Puts `content` in place of what the field held.
    ///
    /// # Errors
    /// [`Error::InputTooLarge`] if it does not fit; then nothing has changed.
    pub(super) fn set(&mut self, field: Field, content: &str) -> Result<(), Error> {
        let (start, end, total) = (self.start(field), self.end(field), self.end(Field::AccessToken));
        let new_end = start.saturating_add(content.len());
        let behind = total.saturating_sub(end);
        let new_total = new_end.saturating_add(behind);
        if new_total > N {
            return Err(Error::InputTooLarge(field.name()));
        }
        if new_end <= end {
            (0..behind).for_each(|offset| self.shift(offset, end, new_end));
        } else {
            (0..behind).rev().for_each(|offset| self.shift(offset, end, new_end));
        }
        text::put(&mut self.octets, start, content.as_bytes());
        self.octets.get_mut(new_total..).unwrap_or_default().zeroize();
        for place in self.ends.iter_mut().skip(field.place()) {
            *place = place.saturating_sub(end).saturating_add(new_end);
        }
        Ok(())
    }

    /// Lets `write` fill the field, behind which all are empty, in place.
    ///
    /// # Errors
    /// [`Error::InputTooLarge`] if it does not fit; then the field is empty.
    pub(super) fn fill(
        &mut self,
        field: Field,
        write: impl FnOnce(&mut [u8]) -> Result<usize, Error>,
    ) -> Result<(), Error> {
        let start = self.end(Field::AccessToken);
        let room = self.octets.get_mut(start..).unwrap_or_default();
        let length = write(room).map_err(|error| match error {
            Error::BufferTooSmall { .. } => Error::InputTooLarge(field.name()),
            error => error,
        })?;
        let end = start.saturating_add(length).min(N);
        self.ends.iter_mut().skip(field.place()).for_each(|place| *place = end);
        Ok(())
    }

    pub(super) fn wipe(&mut self) {
        self.octets.zeroize();
        self.ends = [0; Field::ALL.len()];
    }

    fn shift(&mut self, offset: usize, from: usize, to: usize) {
        let octet = self.octets.get(from.saturating_add(offset)).copied().unwrap_or_default();
        if let Some(place) = self.octets.get_mut(to.saturating_add(offset)) {
            *place = octet;
        }
    }

    fn start(&self, field: Field) -> usize {
        field.place().checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or_default()
    }

    fn end(&self, field: Field) -> usize {
        self.ends.get(field.place()).copied().unwrap_or_default()
    }
}

impl<const N: usize> Drop for Fields<N> {
    fn drop(&mut self) {
        self.wipe();
    }
}

impl<const N: usize> fmt::Debug for Fields<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::String;

    use super::*;

    #[test]
    fn fields_keep_their_texts_whatever_the_others_do() {
        let mut fields = Fields::<40>::new();
        let mut model: [String; 6] = Default::default();
        let mut random = 1u32;
        for _ in 0..20_000 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let field = Field::ALL[(random >> 8) as usize % 6];
            let letter = char::from(b'a' + (random >> 16) as u8 % 26);
            let text: String = core::iter::repeat_n(letter, (random >> 24) as usize % 16).collect();
            let others: usize = Field::ALL
                .iter()
                .filter(|other| **other != field)
                .map(|other| model[other.place()].len())
                .sum();
            let fits = others + text.len() <= 40;
            assert_eq!(fields.set(field, &text).is_ok(), fits);
            if fits {
                model[field.place()] = text;
            }
            for field in Field::ALL {
                assert_eq!(fields.get(field), model[field.place()]);
                assert_eq!(fields.is_empty(field), model[field.place()].is_empty());
            }
            let total: usize = model.iter().map(String::len).sum();
            assert!(fields.octets[total..].iter().all(|&octet| octet == 0), "nothing is left behind");
            assert_eq!(fields.stored(), model[..STORED].concat().as_bytes());
        }
    }
}
