//! What is being done to each slot.
//!
//! For each slot an octet, what is being done, and the serial number of its last record (four octets).

use crate::flash_store::{Found, item::Place};

/// What was begun.
#[derive(Clone, Copy, Default, Eq, PartialEq)]
pub(super) enum Intent {
    Erase,
    #[default]
    Idle,
    Write,
}

/// A slot.
#[derive(Clone, Copy, Default)]
pub(super) struct Entry {
    pub(super) intent: Intent,
    pub(super) serial: u32,
}

impl Entry {
    /// Whether what was found is to be erased. What is newer was written since.
    pub(super) fn erases(self, found: Option<Found>) -> bool {
        self.intent == Intent::Erase && found.is_none_or(|found| found.serial <= self.serial)
    }
}

#[derive(Clone, Copy, Default)]
pub(super) struct Journal([Entry; 3]);

impl Journal {
    /// Its length as a record.
    pub(super) const LENGTH: usize = 15;

    pub(super) fn read(record: &[u8]) -> Option<Self> {
        let record: &[u8; Self::LENGTH] = record.try_into().ok()?;
        let mut journal = Self::default();
        let (entries, _) = record.as_chunks::<5>();
        for (entry, [intent, serial @ ..]) in journal.0.iter_mut().zip(entries) {
            let intent = match intent {
                0 => Intent::Idle,
                1 => Intent::Write,
                2 => Intent::Erase,
                _ => return None,
            };
            *entry = Entry { intent, serial: u32::from_le_bytes(*serial) };
        }
        Some(journal)
    }

    pub(super) fn octets(self) -> [u8; Self::LENGTH] {
        let mut record = [0; Self::LENGTH];
        let (entries, _) = record.as_chunks_mut::<5>();
        for (octets, entry) in entries.iter_mut().zip(self.0) {
            let intent = match entry.intent {
                Intent::Idle => 0,
                Intent::Write => 1,
                Intent::Erase => 2,
            };
            let [one, two, three, four] = entry.serial.to_le_bytes();
            *octets = [intent, one, two, three, four];
        }
        record
    }

    pub(super) fn of(self, place: Place) -> Entry {
        let [first, second, sign_out] = self.0;
        match place {
            Place::First => first,
            Place::Second => second,
            _ => sign_out,
        }
    }

    #[must_use]
    pub(super) fn with(self, place: Place, intent: Intent, serial: u32) -> Self {
        let [mut first, mut second, mut sign_out] = self.0;
        let entry = match place {
            Place::First => &mut first,
            Place::Second => &mut second,
            _ => &mut sign_out,
        };
        *entry = Entry { intent, serial };
        Self([first, second, sign_out])
    }
}
