//! What is appended to a region: a head, and a record.
//!
//! The head is the place, the range of the store (start and end, four octets each), and a serial number (four). Numbers
//! are little-endian. What was written for another place or range is passed over.

use core::ops::Range;

use keyfob_core::session::Slot;
use sequential_storage::map::{Key, SerializationError, Value};

/// A region.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Place {
    First,
    Second,
    SignOut,
    Journal,
}

impl Place {
    pub(super) const ALL: [Self; 4] = [Self::First, Self::Second, Self::SignOut, Self::Journal];

    const fn number(self) -> u8 {
        match self {
            Self::First => 1,
            Self::Second => 2,
            Self::SignOut => 3,
            Self::Journal => 4,
        }
    }
}

impl From<Slot> for Place {
    fn from(slot: Slot) -> Self {
        match slot {
            Slot::First => Self::First,
            Slot::Second => Self::Second,
            _ => Self::SignOut,
        }
    }
}

/// Octets before a record.
pub(super) const HEAD: usize = LABEL + 4;

const LABEL: usize = 9;

/// Whose item it is.
///
/// To the map it is a key that takes no room, for it lies in the value: an item of no octets has no room for a key, and
/// the map would panic over it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Label([u8; LABEL]);

impl Label {
    pub(super) fn new(place: Place, range: &Range<u32>) -> Self {
        let mut label = [place.number(); LABEL];
        let octets = range.start.to_le_bytes().into_iter().chain(range.end.to_le_bytes());
        label.iter_mut().skip(1).zip(octets).for_each(|(place, octet)| *place = octet);
        Self(label)
    }
}

impl Key for Label {
    fn serialize_into(&self, _buffer: &mut [u8]) -> Result<usize, SerializationError> {
        Ok(0)
    }

    fn deserialize_from(buffer: &[u8]) -> Result<(Self, usize), SerializationError> {
        let label = buffer.first_chunk().ok_or(SerializationError::BufferTooSmall)?;
        Ok((Self(*label), 0))
    }

    fn get_len(_buffer: &[u8]) -> Result<usize, SerializationError> {
        Ok(0)
    }
}

/// A record and its head.
#[derive(Clone, Copy)]
pub(super) struct Item<'r> {
    pub(super) label: Label,
    pub(super) serial: u32,
    pub(super) record: &'r [u8],
}

impl<'r> Value<'r> for Item<'r> {
    fn serialize_into(&self, buffer: &mut [u8]) -> Result<usize, SerializationError> {
        let length = HEAD.saturating_add(self.record.len());
        let out = buffer.get_mut(..length).ok_or(SerializationError::BufferTooSmall)?;
        let octets = self.label.0.into_iter().chain(self.serial.to_le_bytes());
        let octets = octets.chain(self.record.iter().copied());
        out.iter_mut().zip(octets).for_each(|(place, octet)| *place = octet);
        Ok(length)
    }

    fn deserialize_from(buffer: &'r [u8]) -> Result<(Self, usize), SerializationError> {
        let (label, rest) = buffer.split_first_chunk().ok_or(SerializationError::InvalidFormat)?;
        let (serial, record) = rest.split_first_chunk().ok_or(SerializationError::InvalidFormat)?;
        let item = Self { label: Label(*label), serial: u32::from_le_bytes(*serial), record };
        Ok((item, buffer.len()))
    }
}
