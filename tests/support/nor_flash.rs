//! NOR flash in memory, and what is left of it when the power goes.
//!
//! Words are written one by one, and pages are erased a few words at a time; before each step the power may go, or the
//! future may be dropped.
//! A word that is written twice is an error, as on flash with error correction.

use std::{
    cell::{Cell, RefCell},
    future::pending,
    rc::Rc,
};

use embedded_storage_async::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};

use crate::executor::pause;

/// Octets that are written at once.
pub const WORD: usize = 4;

/// Octets of a page that are erased in one step.
const STEP: usize = 32;

/// What the word, or the page, becomes that was under work when the power went.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Torn {
    /// Some of its bits are done. A page is erased from its begin.
    Bits,
    /// The same, and a page is erased from its end.
    Backwards,
    /// The same, and a page that is erased is cleared to zeros first, all at once.
    Cleared,
    /// The same, with other bits each time that it is read, and all words of a page at once.
    Flickering,
}

impl Torn {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Bits, Self::Backwards, Self::Cleared, Self::Flickering];
}

/// A flash chip with pages of so many octets, each of which is erased at once. Its clones are the same chip.
#[derive(Clone, Debug)]
pub struct Chip<const PAGE: usize>(Rc<Inside>);

#[derive(Debug)]
struct Inside {
    cells: RefCell<Cells>,
    torn: Cell<Torn>,
    /// How many steps are still taken before the power goes.
    left: Cell<usize>,
    dark: Cell<bool>,
    /// Whether tasks may be dropped between two steps.
    pauses: Cell<bool>,
    worn: Cell<Option<Wear>>,
    random: Cell<u64>,
}

#[derive(Clone, Debug)]
struct Cells {
    octets: Vec<u8>,
    /// Words that were written since their page was erased.
    written: Vec<bool>,
    /// Octets that flicker: what they become in the end.
    flickering: Vec<Option<u8>>,
    /// How often each page was erased.
    erased: Vec<u32>,
}

/// How a chip behaves that is worn out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wear {
    /// It says so.
    Reported,
    /// It says that all is well, and its cells stay as they are.
    Silent,
}

/// What a chip reports.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ChipError {
    /// A word that was written is written again.
    NotErased,
    /// An address that is not in the chip, or is in the middle of a word or a page.
    Place,
    /// A cell does not change any more.
    Worn,
}

impl<const PAGE: usize> Chip<PAGE> {
    /// An erased chip of so many pages.
    pub fn new(pages: usize) -> Self {
        Self::with(&vec![0xFF; pages * PAGE])
    }

    /// A chip with this in it.
    ///
    /// # Panics
    /// If these are no whole pages.
    pub fn with(octets: &[u8]) -> Self {
        assert!(octets.len().is_multiple_of(PAGE));
        let written = octets.chunks(WORD).map(|word| word.iter().any(|&octet| octet != 0xFF)).collect();
        let cells = Cells {
            octets: octets.to_vec(),
            written,
            flickering: vec![None; octets.len()],
            erased: vec![0; octets.len() / PAGE],
        };
        Self(Rc::new(Inside {
            cells: RefCell::new(cells),
            torn: Cell::new(Torn::Bits),
            left: Cell::new(usize::MAX),
            dark: Cell::new(false),
            pauses: Cell::new(false),
            worn: Cell::new(None),
            random: Cell::new(0x9E37_79B9_7F4A_7C15),
        }))
    }

    /// The power goes after so many steps, and leaves what was under work like this.
    pub fn cut(&self, steps: usize, torn: Torn) {
        self.0.left.set(steps);
        self.0.torn.set(torn);
    }

    /// Power is back, and stays.
    pub fn power(&self) {
        self.0.left.set(usize::MAX);
        self.0.dark.set(false);
    }

    /// Steps that were taken since the last [`Chip::power`].
    pub fn steps(&self) -> usize {
        usize::MAX - self.0.left.get()
    }

    /// Whether the power is gone.
    pub fn is_dark(&self) -> bool {
        self.0.dark.get()
    }

    /// From now on a task may be dropped between any two steps.
    pub fn pause(&self, pauses: bool) {
        self.0.pauses.set(pauses);
    }

    /// From now on nothing can be written or erased; `None`: it can.
    pub fn wear(&self, worn: Option<Wear>) {
        self.0.worn.set(worn);
    }

    /// Turns one bit.
    pub fn flip(&self, bit: usize) {
        self.0.cells.borrow_mut().octets[bit / 8] ^= 1 << (bit % 8);
    }

    /// All that is in it.
    pub fn octets(&self) -> Vec<u8> {
        self.0.cells.borrow().octets.clone()
    }

    /// How often each page was erased.
    pub fn erased(&self) -> Vec<u32> {
        self.0.cells.borrow().erased.clone()
    }

    /// Whether these octets are anywhere in it.
    pub fn holds(&self, octets: &[u8]) -> bool {
        self.0.cells.borrow().octets.windows(octets.len()).any(|window| window == octets)
    }

    fn random(&self) -> u8 {
        let mut random = self.0.random.get();
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        self.0.random.set(random);
        random.to_be_bytes()[0]
    }

    /// Before a step: `false`, the power goes in the middle of it.
    async fn step(&self) -> bool {
        if self.0.pauses.get() {
            pause().await;
        }
        let left = self.0.left.get();
        self.0.left.set(left.saturating_sub(1));
        self.0.dark.set(left == 0);
        left > 0
    }

    async fn alive(&self) {
        if self.0.pauses.get() {
            pause().await;
        }
        if self.is_dark() {
            pending::<()>().await;
        }
    }

    /// The octets at `place` were on their way to be `next`.
    fn tear(&self, place: usize, next: &[u8]) {
        for (place, &next) in (place..).zip(next) {
            let random = self.random();
            let mut cells = self.0.cells.borrow_mut();
            cells.written[place / WORD] = true;
            if self.0.torn.get() == Torn::Flickering {
                cells.flickering[place] = Some(next);
            } else {
                let before = cells.octets[place];
                cells.octets[place] = before & random | next & !random;
            }
        }
    }
}

impl<const PAGE: usize> ErrorType for Chip<PAGE> {
    type Error = ChipError;
}

impl<const PAGE: usize> ReadNorFlash for Chip<PAGE> {
    const READ_SIZE: usize = WORD;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), ChipError> {
        self.alive().await;
        let start = inside(self.capacity(), offset, bytes.len(), WORD)?;
        let cells = self.0.cells.borrow();
        bytes.copy_from_slice(&cells.octets[start..start + bytes.len()]);
        if self.0.torn.get() != Torn::Flickering {
            return Ok(());
        }
        for (place, octet) in (start..).zip(bytes) {
            let random = self.random();
            *octet = match cells.flickering[place] {
                Some(next) => cells.octets[place] & random | next & !random,
                None => cells.octets[place],
            };
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.0.cells.borrow().octets.len()
    }
}

impl<const PAGE: usize> NorFlash for Chip<PAGE> {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = PAGE;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), ChipError> {
        self.alive().await;
        let length = (to as usize).checked_sub(from as usize).ok_or(ChipError::Place)?;
        let start = inside(self.capacity(), from, length, PAGE)?;
        match self.0.worn.get() {
            Some(Wear::Reported) => return Err(ChipError::Worn),
            Some(Wear::Silent) => return Ok(()),
            None => {}
        }
        for page in (start..start + length).step_by(PAGE) {
            self.0.cells.borrow_mut().erased[page / PAGE] += 1;
            let torn = self.0.torn.get();
            for number in 0..PAGE / STEP {
                let step = if torn == Torn::Backwards { PAGE / STEP - 1 - number } else { number };
                let place = page + step * STEP;
                if !self.step().await {
                    match torn {
                        Torn::Cleared => self.0.cells.borrow_mut().octets[page..page + PAGE].fill(0),
                        Torn::Flickering => self.tear(page, &[0xFF; PAGE]),
                        Torn::Bits | Torn::Backwards => self.tear(place, &[0xFF; STEP]),
                    }
                    self.alive().await;
                }
                let mut cells = self.0.cells.borrow_mut();
                cells.octets[place..place + STEP].fill(0xFF);
                cells.flickering[place..place + STEP].fill(None);
                cells.written[place / WORD..(place + STEP) / WORD].fill(false);
            }
        }
        Ok(())
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), ChipError> {
        self.alive().await;
        let start = inside(self.capacity(), offset, bytes.len(), WORD)?;
        match self.0.worn.get() {
            Some(Wear::Reported) => return Err(ChipError::Worn),
            Some(Wear::Silent) => return Ok(()),
            None => {}
        }
        for (place, word) in (start..).step_by(WORD).zip(bytes.chunks(WORD)) {
            if self.0.cells.borrow().written[place / WORD] {
                return Err(ChipError::NotErased);
            }
            if !self.step().await {
                let before = self.0.cells.borrow().octets[place..place + WORD].to_vec();
                let next: Vec<u8> = before.iter().zip(word).map(|(before, next)| before & next).collect();
                self.tear(place, &next);
                self.alive().await;
            }
            let mut cells = self.0.cells.borrow_mut();
            cells.written[place / WORD] = true;
            for (place, octet) in (place..).zip(word) {
                cells.octets[place] &= octet;
            }
        }
        Ok(())
    }
}

fn inside(capacity: usize, offset: u32, length: usize, unit: usize) -> Result<usize, ChipError> {
    let start = offset as usize;
    let whole = start.is_multiple_of(unit) && length.is_multiple_of(unit) && length > 0;
    if whole && start + length <= capacity { Ok(start) } else { Err(ChipError::Place) }
}

impl NorFlashError for ChipError {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::Place => NorFlashErrorKind::OutOfBounds,
            Self::NotErased | Self::Worn => NorFlashErrorKind::Other,
        }
    }
}
