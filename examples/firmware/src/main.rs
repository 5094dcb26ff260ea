//! Firmware that signs its user in, and keeps them signed in.
//!
//! `application` is the same on every board; what differs is in `board`.

#![no_std]
#![no_main]

mod application;
mod board;
mod screen;
mod settings;
mod stand_in;

use core::{fmt::Write, panic::PanicInfo};

use embassy_executor::Spawner;
use embassy_net::{DhcpConfig, Runner, Stack, StackResources, tcp::client::TcpClientState};
use keyfob_core::secret::Seed;
use keyfob_embassy::{http::Client, net::EmbassyNet};
use static_cell::StaticCell;

use crate::{
    application::Memory,
    board::{Console, Loopback},
    settings::Settings,
};

/// Octets of TCP's buffers.
const SENT: usize = 1024;
const RECEIVED: usize = 2048;

#[board::entry]
fn main() -> ! {
    let network = board::start();
    board::run(|spawner| start(spawner, network))
}

fn start(spawner: Spawner, network: board::Network) {
    static RESOURCES: StaticCell<StackResources<4>> = StaticCell::new();
    let mut seed = [0; 8];
    board::entropy(&mut seed);
    let resources = RESOURCES.init_with(StackResources::new);
    let config = embassy_net::Config::dhcpv4(DhcpConfig::default());
    let (stack, runner) = embassy_net::new(network, config, resources, u64::from_le_bytes(seed));
    spawner.spawn(carry(runner).expect("one task carries frames"));
    spawner.spawn(apply(stack).expect("one task is the application"));
}

#[embassy_executor::task]
async fn carry(mut runner: Runner<'static, board::Network>) -> ! {
    runner.run().await
}

#[embassy_executor::task]
async fn apply(stack: Stack<'static>) -> ! {
    static MEMORY: StaticCell<Memory> = StaticCell::new();
    static SOCKETS: StaticCell<TcpClientState<1, SENT, RECEIVED>> = StaticCell::new();
    let memory = MEMORY.init_with(Memory::new);
    let settings = Settings::read(&mut memory.settings);
    say!("{}", board::NAME);
    stack.wait_config_up().await;
    if let Some(config) = stack.config_v4() {
        say!("Address {}.", config.address);
    }
    let network = Loopback(EmbassyNet::new(stack, SOCKETS.init_with(TcpClientState::new)));
    let mut http = Client::<_>::new(&network);
    let mut store = stand_in::FlashStore::new(board::FileFlash::open().expect("the flash is there"));
    application::run(&settings, &mut http, &mut store, &mut memory.buffers).await
}

/// A secret that was never there before.
pub fn seed() -> Seed {
    let mut octets = [0; Seed::LENGTH];
    board::entropy(&mut octets);
    Seed::new(octets).expect("random octets are not all alike")
}

/// Writes a line to the console.
#[macro_export]
macro_rules! say {
    ($($word:tt)*) => {{
        use core::fmt::Write as _;
        // The console takes everything.
        let _ = writeln!($crate::board::Console, $($word)*);
    }};
}

#[panic_handler]
fn panicked(info: &PanicInfo<'_>) -> ! {
    let _ = writeln!(Console, "{info}");
    board::exit(101)
}
