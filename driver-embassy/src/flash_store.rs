//! Sessions in NOR flash, by `sequential-storage`.
//!
//! [`FlashStore`] lays four regions into the range that it is given, whole pages each: one for each slot of the store,
//! and a journal. In each of them records are appended, page after page, so all pages wear alike.
//!
//! - A write in one slot cannot hurt another one, however the power goes: no page is shared.
//! - The journal says which slot is being written or erased, before that begins. What was cut short, or cancelled, is
//!   brought to its end when the slot is used next; until then nothing is read from it.
//! - What is written is read back. What the flash did not take is written once more on erased pages, and is
//!   [`FlashError::Worn`] then.
//! - Whatever else lies in the range is erased: another program's octets, and what was written for another range.
//!
//! # Who holds the chip in his hands
//!
//! Flash keeps what was written until its page is erased. Erasing a slot, as signing out does, erases all its pages and
//! reads them: nothing is left. While a user is signed in, the flash holds the present refresh token, and those that it
//! replaced since their page was last erased; a server that replaces tokens takes none of these. Reading them needs the
//! chip. Where that matters, use the flash encryption of the chip, or put between session and store one that seals each
//! record, as [`keyfob_core::session`] says.
//!
//! # Pages
//!
//! At least eight; more go to the two slots of the session, which share them. A refresh with a server that replaces
//! tokens writes one record to each; with one that does not, nothing is written. Refreshes until the first page of 4 KiB
//! was erased 10,000 times, ten times as many for 100,000; at one refresh an hour, 8,800 are a year:
//!
//! | pages | records of 500 octets | of 1000 octets |
//! | --- | --- | --- |
//! | 8 | 121,000 | 40,000 |
//! | 16 | 444,000 | 181,000 |
//!
//! A page should have room for two records: otherwise each write erases some.
//!
//! Where the range is to change with a new firmware, [`erase_all`](FlashStore::erase_all) of the old one first: pages
//! that are out of the range cannot be erased any more.

mod item;
mod journal;

use core::{error, fmt, ops::Range};

use embedded_storage_async::nor_flash::NorFlash;
use keyfob_core::session::Slot;
use sequential_storage::{
    Error as MapError,
    cache::{Cache, Uncached},
    map::{MapConfig, MapStorage},
};
use zeroize::Zeroize;

use crate::session::Store;

use self::{
    item::{HEAD, Item, Label, Place},
    journal::{Intent, Journal},
};

/// A store in NOR flash.
///
/// `B` is room for one record, in octets; [`room`] tells how much a record needs. The buffer is wiped after use.
pub struct FlashStore<F, const B: usize> {
    flash: F,
    range: Range<u32>,
    buffer: Buffer<B>,
}

/// Room for a record of so many octets, as `Session::<1024>::RECORD`.
pub const fn room(record: usize) -> usize {
    record.saturating_add(HEAD).next_multiple_of(LONGEST_WORD)
}

/// Why the flash could not do it. `E` is what the driver of the flash reports.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum FlashError<E> {
    /// There was something in the slot that is no record of this store. It has been erased.
    Damaged,
    /// The driver of the flash.
    Flash(E),
    /// The range has no eight pages, or does not begin and end with a page, or is not in the flash.
    Range,
    /// The record does not fit into a page, into the buffer of the store, or into that of the caller.
    TooLarge,
    /// The flash does not hold what was written, or does not erase.
    Worn,
}

impl<F: NorFlash, const B: usize> FlashStore<F, B> {
    /// Pages that it needs at least.
    pub const PAGES: u32 = 8;

    /// A store in this range of addresses, which nothing else uses. It reads nothing yet.
    ///
    /// # Errors
    /// [`FlashError::Range`]; [`FlashError::TooLarge`] if the buffer has no room for anything.
    pub fn new(flash: F, range: Range<u32>) -> Result<Self, FlashError<F::Error>> {
        let page = Self::page();
        let aligned = page > 0 && range.start.is_multiple_of(page) && range.end.is_multiple_of(page);
        let pages = range.end.saturating_sub(range.start).checked_div(page).unwrap_or_default();
        let inside = usize::try_from(range.end).is_ok_and(|end| end <= flash.capacity());
        if !aligned || !inside || pages < Self::PAGES {
            return Err(FlashError::Range);
        }
        if B < room(Journal::LENGTH) {
            return Err(FlashError::TooLarge);
        }
        Ok(Self { flash, range, buffer: Buffer([0; B]) })
    }

    /// Erases the whole range: before the device changes hands, or a new firmware uses another range.
    ///
    /// # Errors
    /// If something may be left.
    pub async fn erase_all(&mut self) -> Result<(), FlashError<F::Error>> {
        for place in Place::ALL {
            self.clear(place).await?;
        }
        let rest = self.pages(Place::Journal).end..self.range.end;
        if rest.is_empty() {
            Ok(())
        } else {
            self.flash.erase(rest.start, rest.end).await.map_err(FlashError::Flash)
        }
    }

    /// The flash.
    pub fn into_flash(self) -> F {
        self.flash
    }

    async fn load_slot(&mut self, slot: Slot, out: &mut [u8]) -> Result<usize, FlashError<F::Error>> {
        let place = Place::from(slot);
        let journal = self.journal().await?;
        let entry = journal.of(place);
        let found = self.read(place).await?;
        if entry.erases(found) {
            self.clear(place).await?;
            self.note(journal, place, Intent::Idle, entry.serial).await?;
            return Ok(0);
        }
        let Some(found) = found else {
            if self.is_blank(place).await? {
                return Ok(0);
            }
            self.clear(place).await?;
            return Err(FlashError::Damaged);
        };
        let out = out.get_mut(..found.length).ok_or(FlashError::TooLarge)?;
        out.copy_from_slice(self.record(found.length));
        // What was cut in the middle of a word may be something else when it is read again.
        if entry.intent != Intent::Idle {
            let serial = found.serial.saturating_add(1);
            self.clear(place).await?;
            self.write(place, serial, out).await?;
            self.note(journal, place, Intent::Idle, serial).await?;
        }
        Ok(found.length)
    }

    async fn store_slot(&mut self, slot: Slot, record: &[u8]) -> Result<(), FlashError<F::Error>> {
        let place = Place::from(slot);
        self.fits(record)?;
        let journal = self.journal().await?;
        let found = self.read(place).await?;
        let entry = journal.of(place);
        let serial = entry.serial.max(found.map_or(0, |found| found.serial)).saturating_add(1);
        self.note(journal, place, Intent::Write, serial).await?;
        if entry.intent != Intent::Idle {
            self.clear(place).await?;
        }
        self.write(place, serial, record).await?;
        self.note(journal, place, Intent::Idle, serial).await
    }

    async fn erase_slot(&mut self, slot: Slot) -> Result<(), FlashError<F::Error>> {
        let place = Place::from(slot);
        let journal = self.journal().await?;
        let entry = journal.of(place);
        if entry.intent == Intent::Idle && self.is_blank(place).await? {
            return Ok(());
        }
        let found = self.read(place).await?;
        let serial = entry.serial.max(found.map_or(0, |found| found.serial));
        self.note(journal, place, Intent::Erase, serial).await?;
        self.clear(place).await?;
        self.note(journal, place, Intent::Idle, serial).await
    }

    /// The journal. Where a cut has damaged it, nothing else was being done.
    async fn journal(&mut self) -> Result<Journal, FlashError<F::Error>> {
        let found = self.read(Place::Journal).await?;
        Ok(found.and_then(|found| Journal::read(self.record(found.length))).unwrap_or_default())
    }

    async fn note(
        &mut self,
        journal: Journal,
        place: Place,
        intent: Intent,
        serial: u32,
    ) -> Result<(), FlashError<F::Error>> {
        let octets = journal.with(place, intent, serial).octets();
        self.write(Place::Journal, 0, &octets).await
    }

    /// Writes a record behind the others of its region; on erased pages if it does not come back as it was.
    async fn write(&mut self, place: Place, serial: u32, record: &[u8]) -> Result<(), FlashError<F::Error>> {
        self.fits(record)?;
        let (label, range) = (self.label(place), self.pages(place));
        let mut failed = FlashError::Worn;
        for attempt in 0..2 {
            if attempt > 0 {
                self.clear(place).await?;
            }
            let mut map = region(&mut self.flash, range.clone())?;
            match map.store_item(&mut self.buffer.0, &label, &Item { label, serial, record }).await {
                Err(MapError::Storage { value, .. }) => failed = FlashError::Flash(value),
                Err(_) => {}
                Ok(()) => match self.read(place).await? {
                    Some(found) if found.serial == serial && self.record(found.length) == record => {
                        return Ok(());
                    }
                    _ => {}
                },
            }
        }
        Err(failed)
    }

    /// Reads the newest record of a region into the buffer.
    async fn read(&mut self, place: Place) -> Result<Option<Found>, FlashError<F::Error>> {
        let (label, range) = (self.label(place), self.pages(place));
        let mut map = region(&mut self.flash, range)?;
        match map.fetch_item::<Item<'_>>(&mut self.buffer.0, &label).await {
            Ok(item) => Ok(item.map(|item| Found { serial: item.serial, length: item.record.len() })),
            Err(MapError::Storage { value, .. }) => Err(FlashError::Flash(value)),
            // Nobody can read it.
            Err(_) => Ok(None),
        }
    }

    /// Erases a region, and makes sure that it is.
    async fn clear(&mut self, place: Place) -> Result<(), FlashError<F::Error>> {
        let range = self.pages(place);
        for _ in 0..2 {
            self.flash.erase(range.start, range.end).await.map_err(FlashError::Flash)?;
            if self.is_blank(place).await? {
                return Ok(());
            }
        }
        Err(FlashError::Worn)
    }

    /// Whether a region was erased, and nothing was written since.
    async fn is_blank(&mut self, place: Place) -> Result<bool, FlashError<F::Error>> {
        let range = self.pages(place);
        let mut address = range.start;
        while address < range.end {
            let left = usize::try_from(range.end.saturating_sub(address)).unwrap_or(usize::MAX);
            let length = left.min(B.saturating_sub(B.checked_rem(F::READ_SIZE).unwrap_or_default()));
            let octets = self.buffer.0.get_mut(..length).unwrap_or_default();
            self.flash.read(address, octets).await.map_err(FlashError::Flash)?;
            if octets.is_empty() || octets.iter().any(|&octet| octet != 0xFF) {
                return Ok(false);
            }
            address = address.saturating_add(u32::try_from(length).unwrap_or(u32::MAX));
        }
        Ok(true)
    }

    /// The record that was read last.
    fn record(&self, length: usize) -> &[u8] {
        self.buffer.0.get(HEAD..).and_then(|rest| rest.get(..length)).unwrap_or_default()
    }

    fn fits(&self, record: &[u8]) -> Result<(), FlashError<F::Error>> {
        let needed = room(record.len());
        // Of a page, the map needs two words and the head of an item.
        let page = F::ERASE_SIZE.saturating_sub(LONGEST_WORD.saturating_mul(3));
        if needed > B || needed > page { Err(FlashError::TooLarge) } else { Ok(()) }
    }

    /// The pages of a region, as addresses.
    fn pages(&self, place: Place) -> Range<u32> {
        let page = Self::page();
        let all = self.range.end.saturating_sub(self.range.start).checked_div(page).unwrap_or_default();
        let each = all.saturating_sub(4) / 2;
        let (first, count) = match place {
            Place::First => (0, each),
            Place::Second => (each, each),
            Place::SignOut => (each.saturating_mul(2), 2),
            Place::Journal => (each.saturating_mul(2).saturating_add(2), 2),
        };
        let address = |number: u32| self.range.start.saturating_add(number.saturating_mul(page));
        address(first)..address(first.saturating_add(count))
    }

    fn label(&self, place: Place) -> Label {
        Label::new(place, &self.range)
    }

    /// The length of a page.
    fn page() -> u32 {
        u32::try_from(F::ERASE_SIZE).unwrap_or_default()
    }
}

impl<F: NorFlash, const B: usize> Store for FlashStore<F, B> {
    type Error = FlashError<F::Error>;

    async fn load(&mut self, slot: Slot, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        let outcome = self.load_slot(slot, buffer).await;
        self.buffer.0.zeroize();
        outcome
    }

    async fn store(&mut self, slot: Slot, record: &[u8]) -> Result<(), Self::Error> {
        let outcome = self.store_slot(slot, record).await;
        self.buffer.0.zeroize();
        outcome
    }

    async fn erase(&mut self, slot: Slot) -> Result<(), Self::Error> {
        let outcome = self.erase_slot(slot).await;
        self.buffer.0.zeroize();
        outcome
    }
}

type Map<'f, F> = MapStorage<Label, &'f mut F, Cache<Uncached, Uncached, Uncached, Label>>;

/// A region, of which nothing is kept in RAM: a future may be dropped anywhere.
fn region<F: NorFlash>(flash: &mut F, range: Range<u32>) -> Result<Map<'_, F>, FlashError<F::Error>> {
    let pages = MapConfig::try_new(range).map_err(|_| FlashError::Range)?;
    Ok(MapStorage::new(flash, pages, Cache::new_uncached()))
}

/// A record in the buffer, behind its head.
#[derive(Clone, Copy)]
struct Found {
    serial: u32,
    length: usize,
}

/// Some flash is read and written only from where RAM is aligned.
#[repr(align(4))]
struct Buffer<const B: usize>([u8; B]);

/// The longest word that `sequential-storage` knows, in octets.
const LONGEST_WORD: usize = 32;

impl<const B: usize> Drop for Buffer<B> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<F, const B: usize> fmt::Debug for FlashStore<F, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FlashStore({:?})", self.range)
    }
}

impl<E> fmt::Display for FlashError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Damaged => "there was something else in the flash",
            Self::Flash(_) => "the flash reports a failure",
            Self::Range => "this range of the flash cannot be used",
            Self::TooLarge => "the record does not fit into the flash or into a buffer",
            Self::Worn => "the flash is worn out",
        })
    }
}

impl<E: error::Error + 'static> error::Error for FlashError<E> {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Flash(error) => Some(error),
            _ => None,
        }
    }
}
