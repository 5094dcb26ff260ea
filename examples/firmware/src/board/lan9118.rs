//! SMSC's LAN9118, an Ethernet chip with FIFOs: one frame at a time, by programmed I/O.

use core::task::Context;

use embassy_net::driver::{Capabilities, Driver, HardwareAddress, LinkState, RxToken, TxToken};
use embassy_sync::waitqueue::AtomicWaker;
use static_cell::StaticCell;

use super::registers::Registers;

/// The chip, with room for a frame in each direction.
pub struct Lan9118 {
    registers: Registers,
    room: &'static mut Room,
}

/// In a static, where it is never moved.
struct Room {
    received: [u8; FRAME],
    sent: [u8; FRAME],
}

impl Lan9118 {
    pub fn new(registers: Registers) -> Self {
        assert_eq!(registers.read(BYTE_TEST), 0x8765_4321, "no LAN9118 is there: `-nic user,model=lan9118`");
        registers.write(HW_CFG, STORE_AND_FORWARD | TX_FIFO_5_KB);
        registers.write(TX_CFG, TX_ON | TX_STATUS_MAY_OVERRUN);
        registers.write(FIFO_INT, 0);
        registers.write(IRQ_CFG, IRQ_ENABLED | IRQ_ACTIVE_HIGH | IRQ_PUSH_PULL);
        registers.write(MAC_CSR_DATA, MAC_FULL_DUPLEX | MAC_TRANSMIT | MAC_RECEIVE | MAC_PASS_MULTICAST);
        registers.write(MAC_CSR_CMD, MAC_BUSY | MAC_CR);
        while registers.read(MAC_CSR_CMD) & MAC_BUSY != 0 {}
        static ROOM: StaticCell<Room> = StaticCell::new();
        let room = ROOM.init_with(|| Room { received: [0; FRAME], sent: [0; FRAME] });
        Self { registers, room }
    }

    fn mac(&self, register: u32) -> u32 {
        self.registers.write(MAC_CSR_CMD, MAC_BUSY | MAC_READ | register);
        while self.registers.read(MAC_CSR_CMD) & MAC_BUSY != 0 {}
        self.registers.read(MAC_CSR_DATA)
    }

    fn frames(&self) -> u32 {
        self.registers.read(RX_FIFO_INF) >> 16 & 0xFF
    }
}

/// A frame is there. The chip says so until somebody asks for the next one.
pub fn interrupt(registers: Registers) {
    registers.write(INT_EN, 0);
    WAKER.wake();
}

impl Driver for Lan9118 {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Sent<'a>;

    fn receive(&mut self, context: &mut Context<'_>) -> Option<(Received<'_>, Sent<'_>)> {
        loop {
            if self.frames() == 0 {
                WAKER.register(context.waker());
                self.registers.write(INT_STS, RX_STATUS_LEVEL);
                self.registers.write(INT_EN, RX_STATUS_LEVEL);
                if self.frames() == 0 {
                    return None;
                }
            }
            let status = self.registers.read(RX_STATUS_FIFO);
            let length = (status >> 16 & 0x3FFF) as usize;
            for at in (0..length).step_by(4) {
                let word = self.registers.read(RX_DATA_FIFO).to_le_bytes();
                if let Some(room) = self.room.received.get_mut(at..at + 4) {
                    room.copy_from_slice(&word);
                }
            }
            let length = length.saturating_sub(CHECK_SEQUENCE);
            if status & RX_ERROR == 0 && length <= FRAME {
                let Room { received, sent } = &mut *self.room;
                return Some((
                    Received(&mut received[..length]),
                    Sent { registers: self.registers, room: sent },
                ));
            }
        }
    }

    fn transmit(&mut self, _: &mut Context<'_>) -> Option<Sent<'_>> {
        Some(Sent { registers: self.registers, room: &mut self.room.sent })
    }

    fn link_state(&mut self, _: &mut Context<'_>) -> LinkState {
        LinkState::Up
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = 1514;
        capabilities.max_burst_size = Some(1);
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        let [a, b, c, d] = self.mac(MAC_ADDRL).to_le_bytes();
        let [e, f, ..] = self.mac(MAC_ADDRH).to_le_bytes();
        HardwareAddress::Ethernet([a, b, c, d, e, f])
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
    registers: Registers,
    room: &'a mut [u8; FRAME],
}

impl TxToken for Sent<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, write: F) -> R {
        let result = write(&mut self.room[..length]);
        let Sent { registers, room } = self;
        // The FIFO is emptied before a register of it is read again; on a real wire this waits for the frame before.
        while (registers.read(TX_FIFO_INF) & 0xFFFF) < FRAME as u32 + 8 {}
        registers.write(TX_DATA_FIFO, FIRST_SEGMENT | LAST_SEGMENT | length as u32);
        registers.write(TX_DATA_FIFO, length as u32);
        for word in room[..length.next_multiple_of(4)].chunks_exact(4) {
            registers.write(TX_DATA_FIFO, u32::from_le_bytes([word[0], word[1], word[2], word[3]]));
        }
        result
    }
}

static WAKER: AtomicWaker = AtomicWaker::new();

/// The longest frame and its check sequence, in whole words.
const FRAME: usize = 1520;
const CHECK_SEQUENCE: usize = 4;

// LAN9118 datasheet, §5.2 to §5.4.
const RX_DATA_FIFO: usize = 0x00;
const TX_DATA_FIFO: usize = 0x20;
const RX_STATUS_FIFO: usize = 0x40;
const IRQ_CFG: usize = 0x54;
const INT_STS: usize = 0x58;
const INT_EN: usize = 0x5C;
const BYTE_TEST: usize = 0x64;
const FIFO_INT: usize = 0x68;
const TX_CFG: usize = 0x70;
const HW_CFG: usize = 0x74;
const RX_FIFO_INF: usize = 0x7C;
const TX_FIFO_INF: usize = 0x80;
const MAC_CSR_CMD: usize = 0xA4;
const MAC_CSR_DATA: usize = 0xA8;
const MAC_CR: u32 = 1;
const MAC_ADDRH: u32 = 2;
const MAC_ADDRL: u32 = 3;
const MAC_BUSY: u32 = 1 << 31;
const MAC_READ: u32 = 1 << 30;
const MAC_FULL_DUPLEX: u32 = 1 << 20;
const MAC_PASS_MULTICAST: u32 = if cfg!(feature = "mdns") { 1 << 19 } else { 0 };
const MAC_TRANSMIT: u32 = 1 << 3;
const MAC_RECEIVE: u32 = 1 << 2;
const IRQ_ENABLED: u32 = 1 << 8;
const IRQ_ACTIVE_HIGH: u32 = 1 << 4;
const IRQ_PUSH_PULL: u32 = 1;
const RX_STATUS_LEVEL: u32 = 1 << 3;
const RX_ERROR: u32 = 1 << 15;
const STORE_AND_FORWARD: u32 = 1 << 20;
const TX_FIFO_5_KB: u32 = 5 << 16;
const TX_ON: u32 = 1 << 1;
const TX_STATUS_MAY_OVERRUN: u32 = 1 << 2;
const FIRST_SEGMENT: u32 = 1 << 13;
const LAST_SEGMENT: u32 = 1 << 12;
