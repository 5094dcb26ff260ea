//! The network of QEMU's machine `virt`: virtio over MMIO.

use core::{
    cell::Cell,
    ptr::{self, NonNull},
    task::Context,
};

use critical_section::Mutex;
use embassy_net::driver::{Capabilities, Driver, HardwareAddress, LinkState, RxToken, TxToken};
use embassy_sync::waitqueue::AtomicWaker;
use static_cell::StaticCell;
use virtio_drivers::{
    BufferDirection, Hal, PAGE_SIZE, PhysAddr,
    device::net::VirtIONetRaw,
    transport::{DeviceType, Transport, mmio::MmioTransport},
};

use super::registers::Registers;

/// The device, with room for a few frames.
pub struct VirtioNet {
    device: VirtIONetRaw<Machine, MmioTransport<'static>, QUEUE>,
    received: &'static mut [[u8; ROOM]; RECEIVED],
    /// What the device may write into, by its token.
    offered: [Option<u16>; RECEIVED],
    sent: [u8; FRAME],
}

impl VirtioNet {
    /// The network, and the line of its interrupt.
    ///
    /// # Panics
    /// If there is none.
    pub fn new() -> (Self, u32) {
        static BUFFERS: StaticCell<[[u8; ROOM]; RECEIVED]> = StaticCell::new();
        let found = (1..=SLOTS).find_map(|line| {
            let base = NonNull::new(ptr::with_exposed_provenance_mut(slot(line)))?;
            // SAFETY: QEMU puts a virtio transport into each slot, and it stays there.
            let transport = unsafe { MmioTransport::new(base, SLOT_SIZE) }.ok()?;
            (transport.device_type() == DeviceType::Network).then_some((line, transport))
        });
        let (line, transport) = found.expect("a network is there: `-device virtio-net-device`");
        let device = VirtIONetRaw::new(transport).expect("the network starts");
        let received = BUFFERS.init_with(|| [[0; ROOM]; RECEIVED]);
        let mut network = Self { device, received, offered: [None; RECEIVED], sent: [0; FRAME] };
        network.device.enable_interrupts();
        network.offer();
        (network, line)
    }

    /// Lets the device write into all buffers that it may not write into yet.
    fn offer(&mut self) {
        for (buffer, token) in self.received.iter_mut().zip(&mut self.offered) {
            if token.is_none() {
                // SAFETY: it is static, and nobody looks at it until `receive` has got the token back.
                *token = unsafe { self.device.receive_begin(buffer) }.ok();
            }
        }
    }
}

/// Something has happened on this line.
pub fn interrupt(line: u32) {
    // SAFETY: lines of the network are those of slots.
    let registers = unsafe { Registers::at(slot(line)) };
    registers.write(INTERRUPT_ACK, registers.read(INTERRUPT_STATUS));
    WAKER.wake();
}

impl Driver for VirtioNet {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Sent<'a>;

    fn receive(&mut self, context: &mut Context<'_>) -> Option<(Received<'_>, Sent<'_>)> {
        self.offer();
        WAKER.register(context.waker());
        let token = self.device.poll_receive()?;
        let place = self.offered.iter().position(|offered| *offered == Some(token))?;
        self.offered[place] = None;
        // SAFETY: it is the buffer that the token was given for.
        let taken = unsafe { self.device.receive_complete(token, &mut self.received[place]) };
        let (header, length) = taken.ok()?;
        let Self { device, received, sent, .. } = self;
        Some((Received(&mut received[place][header..header + length]), Sent { device, room: sent }))
    }

    fn transmit(&mut self, _: &mut Context<'_>) -> Option<Sent<'_>> {
        Some(Sent { device: &mut self.device, room: &mut self.sent })
    }

    fn link_state(&mut self, _: &mut Context<'_>) -> LinkState {
        LinkState::Up
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = FRAME;
        capabilities.max_burst_size = Some(RECEIVED);
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet(self.device.mac_address())
    }
}

/// A frame that came.
pub struct Received<'a>(&'a mut [u8]);

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, read: F) -> R {
        read(self.0)
    }
}

/// Room for a frame to be sent.
pub struct Sent<'a> {
    device: &'a mut VirtIONetRaw<Machine, MmioTransport<'static>, QUEUE>,
    room: &'a mut [u8; FRAME],
}

impl TxToken for Sent<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, write: F) -> R {
        let frame = &mut self.room[..length];
        let result = write(frame);
        // A frame that is lost is sent again by who needs it.
        let _ = self.device.send(frame);
        result
    }
}

/// Memory as this machine has it: the device sees it under the same addresses.
struct Machine;

// SAFETY: pages are given out once each, and are aligned; addresses are the same for all.
unsafe impl Hal for Machine {
    fn dma_alloc(pages: usize, _: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        static PAGES: StaticCell<Pages> = StaticCell::new();
        static REST: Mutex<Cell<Option<&'static mut [Page]>>> = Mutex::new(Cell::new(None));
        let taken = critical_section::with(|section| {
            let rest = REST.borrow(section);
            let free = match rest.take() {
                Some(free) => free,
                None => &mut PAGES.init_with(|| Pages([const { Page([0; PAGE_SIZE]) }; DMA])).0[..],
            };
            let (taken, free) = free.split_at_mut(pages);
            rest.set(Some(free));
            taken
        });
        let place = NonNull::from(taken).cast::<u8>();
        (place.addr().get() as PhysAddr, place)
    }

    unsafe fn dma_dealloc(_: PhysAddr, _: NonNull<u8>, _: usize) -> i32 {
        // The network is there for ever.
        0
    }

    unsafe fn mmio_phys_to_virt(address: PhysAddr, _: usize) -> NonNull<u8> {
        NonNull::new(ptr::with_exposed_provenance_mut(address as usize)).expect("no device is at 0")
    }

    unsafe fn share(buffer: NonNull<[u8]>, _: BufferDirection) -> PhysAddr {
        buffer.cast::<u8>().as_ptr().expose_provenance() as PhysAddr
    }

    unsafe fn unshare(_: PhysAddr, _: NonNull<[u8]>, _: BufferDirection) {}
}

#[repr(C, align(4096))]
struct Page([u8; PAGE_SIZE]);

struct Pages([Page; DMA]);

static WAKER: AtomicWaker = AtomicWaker::new();

/// Where the slot of this line is.
const fn slot(line: u32) -> usize {
    0x1000_0000 + line as usize * SLOT_SIZE
}

const SLOTS: u32 = 8;
const SLOT_SIZE: usize = 0x1000;

/// Frames that can come at once, their longest with a header and without, and descriptors for them.
const RECEIVED: usize = 4;
const ROOM: usize = 1528;
const FRAME: usize = 1514;
const QUEUE: usize = 4;

/// Pages for the queues: two each.
const DMA: usize = 4;

// Virtual I/O Device 1.2 §4.2.2.
const INTERRUPT_STATUS: usize = 0x60;
const INTERRUPT_ACK: usize = 0x64;
