//! An RP2040 with a W5500 on SPI 0, as the W5500-EVB-Pico is: console on UART 0 (pins 0 and 1, 115,200 baud), a button
//! from pin 22 to ground, and sessions in the last 64 KB of the flash.

#![no_std]
#![no_main]

use core::panic::PanicInfo;

use embassy_executor::Spawner;
use embassy_net::{Config, StackResources};
use embassy_net_wiznet::{Device, Runner, State, chip::W5500};
use embassy_rp::{
    bind_interrupts,
    clocks::RoscRng,
    dma,
    flash::{Async as FlashAsync, Flash},
    gpio::{Input, Level, Output, Pull},
    peripherals::{DMA_CH0, DMA_CH1, DMA_CH2, FLASH, SPI0, UART0},
    spi::{self, Async, Spi},
    uart::{BufferedInterruptHandler, BufferedUart},
};
use embassy_time::{Delay, Timer};
use embedded_hal_bus::spi::ExclusiveDevice;
use keyfob_boards_common::{Memory, start};
use static_cell::StaticCell;

const FLASH_SIZE: usize = 2048 * 1024;
const STORE: u32 = 64 * 1024;

type Bus = ExclusiveDevice<Spi<'static, SPI0, Async>, Output<'static>, Delay>;
type Chip = Flash<'static, FLASH, FlashAsync, FLASH_SIZE>;
type Frames = Runner<'static, W5500, Bus, Input<'static>, Output<'static>>;

bind_interrupts!(struct Irqs {
    DMA_IRQ_0 => dma::InterruptHandler<DMA_CH0>, dma::InterruptHandler<DMA_CH1>, dma::InterruptHandler<DMA_CH2>;
    UART0_IRQ => BufferedInterruptHandler<UART0>;
});

#[embassy_executor::task]
async fn frames(runner: Frames) -> ! {
    runner.run().await
}

#[embassy_executor::task]
async fn network(mut runner: embassy_net::Runner<'static, Device<'static>>) -> ! {
    runner.run().await
}

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    static MEMORY: StaticCell<Memory> = StaticCell::new();
    static RESOURCES: StaticCell<StackResources<4>> = StaticCell::new();
    static STATE: StaticCell<State<4, 4>> = StaticCell::new();
    static SENT: StaticCell<[u8; 256]> = StaticCell::new();
    static RECEIVED: StaticCell<[u8; 16]> = StaticCell::new();

    let pins = embassy_rp::init(Default::default());
    let mut config = spi::Config::default();
    config.frequency = 30_000_000;
    let bus =
        Spi::new(pins.SPI0, pins.PIN_18, pins.PIN_19, pins.PIN_16, pins.DMA_CH0, pins.DMA_CH1, Irqs, config);
    let bus =
        ExclusiveDevice::new(bus, Output::new(pins.PIN_17, Level::High), Delay).expect("the pin is set");
    let interrupt = Input::new(pins.PIN_21, Pull::Up);
    let reset = Output::new(pins.PIN_20, Level::High);
    let mut address = [0; 6];
    random(&mut address);
    // An address of this device's own making, and of one device.
    address[0] = address[0] & 0xFC | 0x02;
    let device = embassy_net_wiznet::new(address, STATE.init_with(State::new), bus, interrupt, reset).await;
    let (device, runner) = device.unwrap_or_else(|_| panic!("there is no W5500"));
    spawner.spawn(frames(runner).expect("one task"));

    let mut seed = [0; 8];
    random(&mut seed);
    let resources = RESOURCES.init_with(StackResources::new);
    let config = Config::dhcpv4(Default::default());
    let (stack, runner) = embassy_net::new(device, config, resources, u64::from_le_bytes(seed));
    spawner.spawn(network(runner).expect("one task"));

    let (sent, received) = (SENT.init([0; 256]), RECEIVED.init([0; 16]));
    let console =
        BufferedUart::new(pins.UART0, pins.PIN_0, pins.PIN_1, Irqs, sent, received, Default::default());
    let flash = Chip::new(pins.FLASH, pins.DMA_CH2, Irqs);
    let mut button = Input::new(pins.PIN_22, Pull::Up);
    let press = async || {
        button.wait_for_falling_edge().await;
        Timer::after_millis(200).await;
    };
    let range = FLASH_SIZE as u32 - STORE..FLASH_SIZE as u32;
    start(stack, MEMORY.init_with(Memory::new), flash, range, random, console, press).await
}

/// The ring oscillator's bits are not even: a product hashes many of them, or has a generator of its own.
fn random(out: &mut [u8]) {
    RoscRng.fill_bytes(out);
}

#[panic_handler]
fn panicked(_: &PanicInfo<'_>) -> ! {
    cortex_m::peripheral::SCB::sys_reset()
}
