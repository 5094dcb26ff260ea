//! Registers of a device.

use core::ptr;

/// A page of registers, of 32 bits or of 8.
#[derive(Clone, Copy)]
pub struct Registers(usize);

impl Registers {
    /// # Safety
    /// At `base` begin 4 KiB of registers of one device, and reading or writing any of them leaves memory alone.
    pub const unsafe fn at(base: usize) -> Self {
        Self(base)
    }

    pub fn read(self, offset: usize) -> u32 {
        // SAFETY: masked, it is an aligned register of the page that `at` was promised.
        unsafe { self.register(offset).read_volatile() }
    }

    pub fn write(self, offset: usize, value: u32) {
        // SAFETY: masked, it is an aligned register of the page that `at` was promised.
        unsafe { self.register(offset).write_volatile(value) }
    }

    #[cfg(target_arch = "riscv32")]
    pub fn read_octet(self, offset: usize) -> u8 {
        // SAFETY: masked, it is in the page that `at` was promised.
        unsafe { self.octet(offset).read_volatile() }
    }

    #[cfg(target_arch = "riscv32")]
    pub fn write_octet(self, offset: usize, value: u8) {
        // SAFETY: masked, it is in the page that `at` was promised.
        unsafe { self.octet(offset).write_volatile(value) }
    }

    #[cfg(target_arch = "riscv32")]
    fn octet(self, offset: usize) -> *mut u8 {
        ptr::with_exposed_provenance_mut(self.0 + (offset & 0xFFF))
    }

    fn register(self, offset: usize) -> *mut u32 {
        ptr::with_exposed_provenance_mut(self.0 + (offset & 0xFFC))
    }
}
