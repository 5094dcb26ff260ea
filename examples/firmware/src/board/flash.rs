//! NOR flash in a file of the machine that the board is emulated on: it outlives a reset.

use core::sync::atomic::{AtomicU32, Ordering};

use embedded_storage_async::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};
use semihosting::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
};

use super::host;

/// Octets, all of them set in the beginning. Writing clears bits, and only erasing a sector sets them again.
///
/// With the argument `cut=n` the power goes in the middle of the n-th write or erasure.
pub struct FileFlash {
    file: File,
    cut: Option<u32>,
}

impl FileFlash {
    /// Octets in all.
    pub const CAPACITY: usize = 16 * Self::SECTOR;
    /// Octets that are erased at once.
    pub const SECTOR: usize = 4096;

    /// Opens the file `flash.bin`, which is made if it is missing.
    ///
    /// # Errors
    /// If that cannot be done.
    pub fn open() -> Result<Self, FlashError> {
        let mut number = [0; 8];
        let cut = host::argument("cut", &mut number).and_then(|number| number.parse().ok());
        let found = OpenOptions::new().read(true).write(true).open(NAME);
        if let Ok(file) = found
            && file.metadata()?.len() == Self::CAPACITY as u64
        {
            return Ok(Self { file, cut });
        }
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(NAME)?;
        for _ in 0..Self::CAPACITY / ERASED.len() {
            file.write_all(&ERASED)?;
        }
        Ok(Self { file, cut })
    }

    fn seek(&mut self, offset: u32) -> Result<(), FlashError> {
        self.file.seek(SeekFrom::Start(offset.into()))?;
        Ok(())
    }

    /// Counts, and tells whether the power goes.
    fn is_cut(&self) -> bool {
        let operation = OPERATIONS.load(Ordering::Relaxed) + 1;
        OPERATIONS.store(operation, Ordering::Relaxed);
        self.cut == Some(operation)
    }
}

/// What went wrong with the flash.
#[derive(Clone, Copy, Debug)]
pub enum FlashError {
    /// The file.
    File,
    /// Whoever asked.
    Request(NorFlashErrorKind),
}

impl From<io::Error> for FlashError {
    fn from(_: io::Error) -> Self {
        Self::File
    }
}

impl From<NorFlashErrorKind> for FlashError {
    fn from(kind: NorFlashErrorKind) -> Self {
        Self::Request(kind)
    }
}

impl NorFlashError for FlashError {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::File => NorFlashErrorKind::Other,
            Self::Request(kind) => *kind,
        }
    }
}

impl ErrorType for FileFlash {
    type Error = FlashError;
}

impl ReadNorFlash for FileFlash {
    const READ_SIZE: usize = 1;

    async fn read(&mut self, offset: u32, octets: &mut [u8]) -> Result<(), FlashError> {
        check(offset, octets.len(), Self::READ_SIZE)?;
        self.seek(offset)?;
        Ok(self.file.read_exact(octets)?)
    }

    fn capacity(&self) -> usize {
        Self::CAPACITY
    }
}

impl NorFlash for FileFlash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = Self::SECTOR;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        let length = to.checked_sub(from).ok_or(NorFlashErrorKind::OutOfBounds)?;
        check(from, length as usize, Self::ERASE_SIZE)?;
        let cut = self.is_cut();
        let to = if cut { from + length / 2 } else { to };
        self.seek(from)?;
        for _ in (from..to).step_by(ERASED.len()) {
            self.file.write_all(&ERASED)?;
        }
        if cut {
            power_off();
        }
        Ok(())
    }

    async fn write(&mut self, offset: u32, octets: &[u8]) -> Result<(), FlashError> {
        check(offset, octets.len(), Self::WRITE_SIZE)?;
        let cut = self.is_cut();
        let octets = if cut { &octets[..octets.len() / 2] } else { octets };
        let mut place = offset;
        for piece in octets.chunks(ERASED.len()) {
            let mut room = ERASED;
            let cells = &mut room[..piece.len()];
            self.seek(place)?;
            self.file.read_exact(cells)?;
            cells.iter_mut().zip(piece).for_each(|(cell, octet)| *cell &= octet);
            self.seek(place)?;
            self.file.write_all(cells)?;
            place += piece.len() as u32;
        }
        if cut {
            power_off();
        }
        Ok(())
    }
}

fn power_off() -> ! {
    host::exit(POWER_OFF)
}

/// Writes and erasures since the start.
static OPERATIONS: AtomicU32 = AtomicU32::new(0);

/// How the emulation ends then.
const POWER_OFF: i32 = 77;

/// Whether flash of this size has this range, in whole units.
fn check(offset: u32, length: usize, unit: usize) -> Result<(), NorFlashErrorKind> {
    let offset = offset as usize;
    if !offset.is_multiple_of(unit) || !length.is_multiple_of(unit) {
        return Err(NorFlashErrorKind::NotAligned);
    }
    match offset.checked_add(length) {
        Some(end) if end <= FileFlash::CAPACITY => Ok(()),
        _ => Err(NorFlashErrorKind::OutOfBounds),
    }
}

const NAME: &core::ffi::CStr = c"flash.bin";
const ERASED: [u8; 64] = [0xFF; 64];
