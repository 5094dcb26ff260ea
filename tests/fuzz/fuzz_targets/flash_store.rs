//! Whatever lies in the flash: raw, or records of the store with some octets changed.

#![no_main]

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use embedded_storage_async::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};
use keyfob_core::session::Slot;
use keyfob_embassy::{
    flash_store::{FlashStore, room},
    session::Store,
};
use libfuzzer_sys::fuzz_target;

const PAGE: usize = 256;
const PAGES: usize = 8;
const RECORD: usize = 64;
const SLOTS: [Slot; 3] = [Slot::First, Slot::Second, Slot::SignOut];

type Records<'f> = FlashStore<&'f mut Flash, { room(RECORD) }>;

fuzz_target!(|data: &[u8]| {
    let mut flash = Flash([0xFF; PAGE * PAGES]);
    match data.split_first() {
        Some((0, raw)) => flash.0.iter_mut().zip(raw).for_each(|(place, octet)| *place = *octet),
        Some((count, changes)) => {
            let mut store = store(&mut flash);
            for round in 0..*count % 32 {
                let slot = SLOTS[usize::from(round) % 3];
                done(store.store(slot, &[round; RECORD])).expect("there is room");
            }
            for change in changes.chunks_exact(3) {
                let place = usize::from(u16::from_le_bytes([change[0], change[1]])) % flash.0.len();
                flash.0[place] ^= change[2];
            }
        }
        None => return,
    }
    let mut store = store(&mut flash);
    for slot in SLOTS {
        let mut buffers = [[0; RECORD]; 2];
        let [first, second] = &mut buffers;
        let length = done(store.load(slot, first)).unwrap_or(0);
        assert_eq!(done(store.load(slot, second)), Ok(length), "what was read is read again");
        assert_eq!(first, second);
    }
    for slot in SLOTS {
        done(store.store(slot, b"record")).expect("it takes records");
        let mut buffer = [0; RECORD];
        assert_eq!(done(store.load(slot, &mut buffer)), Ok(6));
        assert_eq!(&buffer[..6], b"record");
        done(store.erase(slot)).expect("it erases them");
        assert_eq!(done(store.load(slot, &mut buffer)), Ok(0));
    }
});

fn store(flash: &mut Flash) -> Records<'_> {
    FlashStore::new(flash, 0..(PAGE * PAGES) as u32).expect("the range is right")
}

/// Nothing here waits.
fn done<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

struct Flash([u8; PAGE * PAGES]);

#[derive(Debug, PartialEq)]
struct Refused;

impl NorFlashError for Refused {
    fn kind(&self) -> NorFlashErrorKind {
        NorFlashErrorKind::Other
    }
}

impl ErrorType for Flash {
    type Error = Refused;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Refused> {
        let from = offset as usize;
        bytes.copy_from_slice(self.0.get(from..from + bytes.len()).ok_or(Refused)?);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.0.len()
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = PAGE;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), Refused> {
        let aligned = from as usize % PAGE == 0 && to as usize % PAGE == 0;
        let pages = self.0.get_mut(from as usize..to as usize).filter(|_| aligned);
        pages.ok_or(Refused)?.fill(0xFF);
        Ok(())
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Refused> {
        let aligned = offset % 4 == 0 && bytes.len() % 4 == 0;
        let place = self.0.get_mut(offset as usize..).and_then(|rest| rest.get_mut(..bytes.len()));
        let place = place.filter(|_| aligned).ok_or(Refused)?;
        place.iter_mut().zip(bytes).for_each(|(place, octet)| *place &= octet);
        Ok(())
    }
}
