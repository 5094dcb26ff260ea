//! Firmware that signs its user in.

#![no_std]
#![no_main]

mod board;

use core::{fmt::Write, panic::PanicInfo};
use embassy_net::{Config, Runner, StackResources, tcp::TcpSocket};
use static_cell::StaticCell;

#[embassy_executor::task]
async fn net(mut runner: Runner<'static, board::Network>) -> ! {
    runner.run().await
}

#[embassy_executor::task]
async fn main_task(spawner: embassy_executor::Spawner, network: board::Network) {
    static RESOURCES: StaticCell<StackResources<4>> = StaticCell::new();
    let mut seed = [0; 8];
    board::entropy(&mut seed);
    let (stack, runner) = embassy_net::new(
        network,
        Config::dhcpv4(Default::default()),
        RESOURCES.init(StackResources::new()),
        u64::from_le_bytes(seed),
    );
    spawner.spawn(net(runner).unwrap());
    let mut out = board::Console;
    let _ = writeln!(out, "{} date {:?}", board::NAME, board::date());
    stack.wait_config_up().await;
    let _ = writeln!(out, "{:?} at {} ms", stack.config_v4(), embassy_time::Instant::now().as_millis());
    let mut b = [0; 64];
    let port: u16 = board::argument("port", &mut b).unwrap().parse().unwrap();
    let (mut rx, mut tx) = ([0; 2048], [0; 1024]);
    let mut socket = TcpSocket::new(stack, &mut rx, &mut tx);
    socket.connect((embassy_net::Ipv4Address::new(10, 0, 2, 2), port)).await.unwrap();
    let _ = socket.write(b"GET / HTTP/1.0\r\n\r\n").await;
    let mut total = 0;
    let mut buf = [0; 512];
    loop {
        match socket.read(&mut buf).await {
            Ok(0) | Err(_) => break,
            Ok(n) => total += n,
        }
    }
    let _ = writeln!(out, "got {total}; stack {} busy {}", board::high_water(), board::busy());
    let mut flash = board::FileFlash::open().unwrap();
    use embedded_storage_async::nor_flash::{NorFlash, ReadNorFlash};
    let mut w = [0; 4];
    flash.read(8, &mut w).await.unwrap();
    let _ = writeln!(out, "flash {w:?}");
    flash.write(8, &[1, 2, 3, 4]).await.unwrap();
    let k = board::key().await;
    let _ = writeln!(out, "key {k}");
    board::exit(0)
}

#[board::entry]
fn main() -> ! {
    let network = board::start();
    board::run(|spawner| spawner.spawn(main_task(spawner, network).unwrap()))
}

#[panic_handler]
fn panicked(info: &PanicInfo<'_>) -> ! {
    let _ = writeln!(board::Console, "{info}");
    board::exit(101)
}
