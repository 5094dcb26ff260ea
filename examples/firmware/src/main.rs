//! Firmware that signs its user in, and keeps them signed in.
//!
//! `application` is the same on every board; what differs is in `board`.

#![no_std]
#![no_main]

mod application;
#[expect(unsafe_code, reason = "registers, interrupts and the stack are reached in no other way")]
mod board;
mod code;
mod meter;
mod notes;
#[cfg(feature = "portal")]
mod portal;
#[cfg(feature = "relay")]
mod relay;
mod screen;
mod settings;
mod sign_in;
#[cfg(any(feature = "portal", feature = "relay"))]
mod text;
mod ways;

#[cfg(feature = "tls")]
use core::pin::pin;
use core::{fmt::Write, panic::PanicInfo};

use embassy_executor::Spawner;
use embassy_net::{
    ConfigV4, DhcpConfig, Runner, Stack, StackResources, StaticConfigV4, tcp::client::TcpClientState,
};
#[cfg(feature = "tls")]
use keyfob_core::{entropy::Entropy, error::Error};
use keyfob_core::{
    secret::Seed,
    time::{Date, UnixTime},
};
#[cfg(feature = "tls")]
use keyfob_embassy::tls::{CertificateDer, Tls, TlsMemory, trust_anchor};
use keyfob_embassy::{
    SystemClock,
    flash_store::{FlashStore, room},
    http::Client,
    net::EmbassyNet,
};
use static_cell::StaticCell;

#[cfg(feature = "portal")]
use crate::portal::Pages;
use crate::{
    application::Memory,
    board::{Console, FileFlash, Loopback},
    meter::Meter,
    notes::Notes,
    settings::Settings,
};

/// Octets of TCP's buffers.
const SENT: usize = 1024;
const RECEIVED: usize = 2048;

/// For addresses, names and the server; for phones, and for the device's name.
const SOCKETS: usize = 4 + PHONES + if cfg!(feature = "mdns") { 1 } else { 0 };

#[cfg(feature = "portal")]
const PHONES: usize = portal::SOCKETS;
#[cfg(not(feature = "portal"))]
const PHONES: usize = 0;

/// The session's store.
type Store = FlashStore<FileFlash, { room(application::RECORD) }>;

/// The flash's last sector is for a sign-in that is under way, the others for the session.
const NOTES: u32 = (FileFlash::CAPACITY - FileFlash::SECTOR) as u32;

#[board::entry]
fn main() -> ! {
    let network = board::start();
    board::run(|spawner| start(spawner, network))
}

fn start(spawner: Spawner, network: board::Network) {
    static RESOURCES: StaticCell<StackResources<SOCKETS>> = StaticCell::new();
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
    #[cfg(feature = "tls")]
    static TLS: StaticCell<TlsMemory> = StaticCell::new();
    static SOCKETS: StaticCell<TcpClientState<1, SENT, RECEIVED>> = StaticCell::new();
    let memory = MEMORY.init_with(Memory::new);
    let settings = Settings::read(&mut memory.settings);
    say!("{}", board::NAME);
    stack.wait_config_up().await;
    if let Some(config) = stack.config_v4() {
        say!("Address {}.", config.address);
    }
    if let (Some(server), Some(config)) = (settings.name_server, stack.config_v4()) {
        // The address stays as it was given.
        let dns_servers = [server].into_iter().collect();
        stack.set_config_v4(ConfigV4::Static(StaticConfigV4 { dns_servers, ..config }));
        stack.wait_config_up().await;
    }
    let mut clock = SystemClock::new();
    if let Some(date) = board::date() {
        clock.set(Date::Known(UnixTime::from_seconds(date)));
    }
    let network = Loopback(EmbassyNet::new(stack, SOCKETS.init_with(TcpClientState::new)));
    let flash = || FileFlash::open().expect("the flash is there");
    let mut store = Store::new(flash(), 0..NOTES).expect("the flash is large enough");
    let mut notes = Notes::new(flash(), NOTES);
    #[cfg(not(feature = "tls"))]
    let connect = &network;
    #[cfg(feature = "tls")]
    let authority = CertificateDer::from(settings.authority);
    #[cfg(feature = "tls")]
    let anchors = [trust_anchor(&authority).expect("it is a certificate")];
    #[cfg(feature = "tls")]
    let (desk, records) = TLS.init_with(TlsMemory::new).split();
    #[cfg(feature = "tls")]
    let session = pin!(desk.session(records, &network, &anchors, Generator, clock));
    #[cfg(feature = "tls")]
    let connect = &Tls::new(desk, session);
    let meter = Meter(connect);
    let mut http = Client::<_>::new(&meter);
    #[cfg(feature = "portal")]
    let pages = {
        static PAGES: StaticCell<Pages> = StaticCell::new();
        PAGES.init_with(|| Pages::new(stack))
    };
    application::run(
        &settings,
        &mut http,
        &mut store,
        &mut notes,
        clock,
        &mut memory.buffers,
        #[cfg(feature = "portal")]
        pages,
    )
    .await
}

/// The board's random numbers.
#[cfg(feature = "tls")]
struct Generator;

#[cfg(feature = "tls")]
impl Entropy for Generator {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        board::entropy(out);
        Ok(())
    }
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
