//! Stands in until the driver has its own.

use embedded_storage_async::nor_flash::{NorFlash, ReadNorFlash};
use keyfob_core::session::Slot;
use keyfob_embassy::session::Store;

use crate::board::FileFlash;

pub struct FlashStore(FileFlash);

impl FlashStore {
    pub fn new(flash: FileFlash) -> Self {
        Self(flash)
    }

    async fn get(&mut self, sector: u32, buffer: &mut [u8]) -> usize {
        let mut length = [0; 4];
        self.0.read(sector * 4096, &mut length).await.unwrap();
        let length = u32::from_le_bytes(length) as usize;
        if length > 4000 {
            return 0;
        }
        self.0.read(sector * 4096 + 4, &mut buffer[..length]).await.unwrap();
        length
    }

    async fn put(&mut self, sector: u32, record: &[u8]) {
        self.0.erase(sector * 4096, sector * 4096 + 4096).await.unwrap();
        if record.is_empty() {
            return;
        }
        for (i, c) in record.chunks(4).enumerate() {
            let mut w = [0xFF; 4];
            w[..c.len()].copy_from_slice(c);
            self.0.write(sector * 4096 + 4 + i as u32 * 4, &w).await.unwrap();
        }
        self.0.write(sector * 4096, &(record.len() as u32).to_le_bytes()).await.unwrap();
    }
}

fn sector(slot: Slot) -> u32 {
    match slot {
        Slot::First => 0,
        Slot::Second => 1,
        _ => 2,
    }
}

impl Store for FlashStore {
    type Error = ();

    async fn load(&mut self, slot: Slot, buffer: &mut [u8]) -> Result<usize, ()> {
        Ok(self.get(sector(slot), buffer).await)
    }

    async fn store(&mut self, slot: Slot, record: &[u8]) -> Result<(), ()> {
        self.put(sector(slot), record).await;
        Ok(())
    }

    async fn erase(&mut self, slot: Slot) -> Result<(), ()> {
        self.put(sector(slot), &[]).await;
        Ok(())
    }
}
