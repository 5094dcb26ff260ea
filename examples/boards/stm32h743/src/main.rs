//! An STM32H743 with its own Ethernet and a LAN8742 as PHY, as the NUCLEO-H743ZI2 is: console on USART 3, which the
//! board's debugger passes on (115,200 baud), the blue button, and sessions in the second bank of the flash, whose
//! eight sectors of 128 KB are just enough.

#![no_std]
#![no_main]

use core::{cell::RefCell, panic::PanicInfo};

use cortex_m::interrupt::Mutex;
use embassy_executor::Spawner;
use embassy_net::{Config, StackResources};
use embassy_stm32::{
    bind_interrupts,
    eth::{self, Ethernet, GenericPhy, PacketQueue, Sma},
    exti::{self, ExtiInput},
    flash::{self, Flash},
    gpio::Pull,
    interrupt::typelevel::EXTI15_10,
    peripherals::{ETH, ETH_SMA, RNG, USART3},
    rcc::*,
    rng::{self, Rng},
    usart::{self, BufferedUart},
};
use embassy_time::Timer;
use keyfob_boards_common::{Memory, start};
use static_cell::StaticCell;

type Device = Ethernet<'static, ETH, GenericPhy<Sma<'static, ETH_SMA>>>;

bind_interrupts!(struct Irqs {
    ETH => eth::InterruptHandler;
    EXTI15_10 => exti::InterruptHandler<EXTI15_10>;
    FLASH => flash::InterruptHandler;
    RNG => rng::InterruptHandler<RNG>;
    USART3 => usart::BufferedInterruptHandler<USART3>;
});

/// The second bank.
const STORE: core::ops::Range<u32> = 0x10_0000..0x20_0000;

static GENERATOR: Mutex<RefCell<Option<Rng<'static, RNG>>>> = Mutex::new(RefCell::new(None));

#[embassy_executor::task]
async fn network(mut runner: embassy_net::Runner<'static, Device>) -> ! {
    runner.run().await
}

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    static MEMORY: StaticCell<Memory> = StaticCell::new();
    static RESOURCES: StaticCell<StackResources<4>> = StaticCell::new();
    static PACKETS: StaticCell<PacketQueue<4, 4>> = StaticCell::new();
    static SENT: StaticCell<[u8; 256]> = StaticCell::new();
    static RECEIVED: StaticCell<[u8; 16]> = StaticCell::new();

    let pins = embassy_stm32::init(clocks());
    let generator = Rng::new(pins.RNG, Irqs);
    cortex_m::interrupt::free(|token| GENERATOR.borrow(token).replace(Some(generator)));
    let mut address = [0; 6];
    random(&mut address);
    // An address of this device's own making, and of one device.
    address[0] = address[0] & 0xFC | 0x02;
    let packets = PACKETS.init_with(PacketQueue::new);
    let device = Ethernet::new(
        packets,
        pins.ETH,
        Irqs,
        pins.PA1,
        pins.PA7,
        pins.PC4,
        pins.PC5,
        pins.PG13,
        pins.PB13,
        pins.PG11,
        address,
        pins.ETH_SMA,
        pins.PA2,
        pins.PC1,
    );
    let mut seed = [0; 8];
    random(&mut seed);
    let resources = RESOURCES.init_with(StackResources::new);
    let config = Config::dhcpv4(Default::default());
    let (stack, runner) = embassy_net::new(device, config, resources, u64::from_le_bytes(seed));
    spawner.spawn(network(runner).expect("one task"));

    let (sent, received) = (SENT.init([0; 256]), RECEIVED.init([0; 16]));
    let console =
        BufferedUart::new(pins.USART3, pins.PD9, pins.PD8, sent, received, Irqs, Default::default());
    let console = console.unwrap_or_else(|_| panic!("115,200 baud are possible"));
    let mut button = ExtiInput::new(pins.PC13, pins.EXTI13, Pull::Down, Irqs);
    let press = async || {
        button.wait_for_rising_edge().await;
        Timer::after_millis(200).await;
    };
    let flash = Flash::new(pins.FLASH, Irqs);
    start(stack, MEMORY.init_with(Memory::new), flash, STORE, random, console, press).await
}

/// 400 MHz, and what Ethernet and the generator need.
fn clocks() -> embassy_stm32::Config {
    let mut config = embassy_stm32::Config::default();
    config.rcc.hsi = Some(HSIPrescaler::DIV1);
    config.rcc.hsi48 = Some(Default::default());
    config.rcc.pll1 = Some(Pll {
        source: PllSource::HSI,
        prediv: PllPreDiv::DIV4,
        mul: PllMul::MUL50,
        divp: Some(PllDiv::DIV2),
        divq: Some(PllDiv::DIV8),
        divr: None,
        fracn: None,
    });
    config.rcc.sys = Sysclk::PLL1_P;
    config.rcc.ahb_pre = AHBPrescaler::DIV2;
    config.rcc.apb1_pre = APBPrescaler::DIV2;
    config.rcc.apb2_pre = APBPrescaler::DIV2;
    config.rcc.apb3_pre = APBPrescaler::DIV2;
    config.rcc.apb4_pre = APBPrescaler::DIV2;
    config.rcc.voltage_scale = VoltageScale::Scale1;
    config
}

fn random(out: &mut [u8]) {
    cortex_m::interrupt::free(|token| {
        if let Some(generator) = GENERATOR.borrow(token).borrow_mut().as_mut() {
            generator.fill_bytes(out);
        }
    });
}

#[panic_handler]
fn panicked(_: &PanicInfo<'_>) -> ! {
    cortex_m::peripheral::SCB::sys_reset()
}
