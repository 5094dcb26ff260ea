//! A sign-in that is under way, kept in a sector of the flash: after a loss of power the user's code is still good.

use embedded_storage_async::nor_flash::NorFlash;

use crate::application::Underway;

/// One sector of a flash. The record comes first and its length last, so half of one is none.
pub struct Notes<F> {
    flash: F,
    start: u32,
}

impl<F: NorFlash> Notes<F> {
    /// The sector that begins there.
    pub const fn new(flash: F, start: u32) -> Self {
        Self { flash, start }
    }

    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, F::Error> {
        let mut head = [0; HEAD];
        self.flash.read(self.start, &mut head).await?;
        let [a, b, c, d] = head;
        let (length, inverted) = (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]));
        let Some(record) = buffer.get_mut(..length.into()).filter(|_| length == !inverted) else {
            return Ok(0);
        };
        self.flash.read(self.start + HEAD as u32, record).await?;
        Ok(record.len())
    }

    async fn write(&mut self, record: &[u8]) -> Result<(), F::Error> {
        let mut octets = [0; LONGEST];
        let Some(room) = octets.get_mut(..record.len()) else { return Ok(()) };
        room.copy_from_slice(record);
        let whole = record.len().next_multiple_of(F::WRITE_SIZE);
        self.flash.write(self.start + HEAD as u32, &octets[..whole]).await?;
        let length = record.len() as u16;
        let ([a, b], [c, d]) = (length.to_le_bytes(), (!length).to_le_bytes());
        self.flash.write(self.start, &[a, b, c, d]).await
    }
}

impl<F: NorFlash> Underway for Notes<F> {
    async fn load(&mut self, buffer: &mut [u8]) -> usize {
        // A flash that cannot be read costs the user a new code.
        self.read(buffer).await.unwrap_or(0)
    }

    async fn store(&mut self, snapshot: &[u8]) {
        if self.flash.erase(self.start, self.start + F::ERASE_SIZE as u32).await.is_ok()
            && !snapshot.is_empty()
        {
            let _ = self.write(snapshot).await;
        }
    }

    async fn clear(&mut self) {
        let mut head = [0; HEAD];
        let used = self.flash.read(self.start, &mut head).await.is_err() || head != [0xFF; HEAD];
        if used {
            self.store(&[]).await;
        }
    }
}

/// The length, and its complement.
const HEAD: usize = 4;

/// Octets of the longest record.
const LONGEST: usize = 1024;
