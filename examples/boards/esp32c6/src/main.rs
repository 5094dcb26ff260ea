//! An ESP32-C6 with Wi-Fi, as the ESP32-C6-DevKitC-1 is: console on UART 0, which the board passes on by USB
//! (115,200 baud), the button `BOOT`, and sessions in the last 64 KB of 4 MB of flash. The network is set when it is
//! built, by `WIFI_NAME` and `WIFI_PASSWORD`.

#![no_std]
#![no_main]

use core::panic::PanicInfo;

use embassy_embedded_hal::adapter::BlockingAsync;
use embassy_executor::Spawner;
use embassy_net::{Config, StackResources};
use embassy_time::Timer;
use esp_hal::{
    gpio::{Input, InputConfig, Pull},
    rng::Rng,
    timer::timg::TimerGroup,
    uart::Uart,
};
use esp_radio::wifi::{self, AuthenticationMethodConfig, Interface, WifiController, sta::StationConfig};
use esp_storage::FlashStorage;
use keyfob_boards_common::{Memory, start};
use static_cell::StaticCell;

const WIFI_NAME: &str = match option_env!("WIFI_NAME") {
    Some(name) => name,
    None => "a network",
};
const WIFI_PASSWORD: &str = match option_env!("WIFI_PASSWORD") {
    Some(password) => password,
    None => "a password",
};

const STORE: core::ops::Range<u32> = 0x3F_0000..0x40_0000;

esp_bootloader_esp_idf::esp_app_desc!();

#[embassy_executor::task]
async fn network(mut runner: embassy_net::Runner<'static, Interface>) -> ! {
    runner.run().await
}

#[embassy_executor::task]
async fn radio(mut wifi: WifiController<'static>) -> ! {
    loop {
        if wifi.connect_async().await.is_ok() {
            let _ = wifi.wait_for_disconnect_async().await;
        }
        Timer::after_secs(5).await;
    }
}

#[esp_rtos::main]
async fn main(spawner: Spawner) {
    static MEMORY: StaticCell<Memory> = StaticCell::new();
    static RESOURCES: StaticCell<StackResources<4>> = StaticCell::new();

    let chip = esp_hal::init(esp_hal::Config::default());
    // The radio's, and nobody else's.
    esp_alloc::heap_allocator!(size: 96 * 1024);
    let timers = TimerGroup::new(chip.TIMG0);
    esp_rtos::start(timers.timer0, chip.FROM_CPU_INTR0);
    let name = WIFI_NAME.try_into().unwrap_or_else(|_| panic!("WIFI_NAME is too long"));
    let password = WIFI_PASSWORD.try_into().unwrap_or_else(|_| panic!("WIFI_PASSWORD is too long"));
    let station = StationConfig::default()
        .with_ssid(name)
        .with_authentication(AuthenticationMethodConfig::Wpa2Personal(password));
    let mut wifi =
        WifiController::new(chip.WIFI, Default::default()).unwrap_or_else(|_| panic!("there is no radio"));
    wifi.set_config(&wifi::Config::Station(station)).unwrap_or_else(|_| panic!("there is no such network"));
    spawner.spawn(radio(wifi).expect("one task"));

    // From here on the generator is fed by the radio.
    let mut seed = [0; 8];
    random(&mut seed);
    let resources = RESOURCES.init_with(StackResources::new);
    let config = Config::dhcpv4(Default::default());
    let (stack, runner) = embassy_net::new(Interface::station(), config, resources, u64::from_le_bytes(seed));
    spawner.spawn(network(runner).expect("one task"));

    let console =
        Uart::new(chip.UART0, Default::default()).unwrap_or_else(|_| panic!("115,200 baud are possible"));
    let console = console.with_tx(chip.GPIO16).with_rx(chip.GPIO17).into_async();
    let mut button = Input::new(chip.GPIO9, InputConfig::default().with_pull(Pull::Up));
    let press = async || {
        button.wait_for_falling_edge().await;
        Timer::after_millis(200).await;
    };
    let flash = BlockingAsync::new(FlashStorage::new(chip.FLASH));
    start(stack, MEMORY.init_with(Memory::new), flash, STORE, random, console, press).await
}

fn random(out: &mut [u8]) {
    Rng::new().read(out);
}

#[panic_handler]
fn panicked(_: &PanicInfo<'_>) -> ! {
    esp_hal::system::software_reset()
}
