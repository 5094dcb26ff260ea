//! Runs the firmware in QEMU, with an issuer on this machine to sign in at.
//!
//! ```text
//! cargo run --package keyfob-emulator            a Cortex-M4F
//! cargo run --package keyfob-emulator -- virt    a RISC-V
//! ```
//!
//! The console is this terminal's. What the device keeps in its flash is in `target/firmware/BOARD`: end the program in
//! the middle of whatever it does, and start it again. Ctrl-C ends it; the demo issuer forgets everyone then.

use std::{env, fs, process::ExitCode};

use keyfob_demo_issuer::DemoIssuer;
use keyfob_emulator::{Board, Tls, Ways, Wiring, build, emulate};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("{sentence}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let name = env::args().nth(1).unwrap_or_else(|| Board::ALL[0].name().into());
    let board = Board::ALL.into_iter().find(|board| board.name() == name);
    let board = board
        .ok_or_else(|| format!("There is no board `{name}`; there are {:?}.", Board::ALL.map(Board::name)))?;
    println!("Building the firmware.");
    let firmware = build(board, Tls::None, Ways::Code)?;
    let folder = firmware.with_file_name(board.name());
    fs::create_dir_all(&folder).map_err(|why| format!("{} cannot be made: {why}.", folder.display()))?;
    let issuer = DemoIssuer::start().map_err(|why| format!("The demo issuer does not start: {why}."))?;
    let settings = [("issuer", issuer.issuer()), ("client_id", DemoIssuer::CLIENT_ID)];
    let status = emulate(board, &firmware, &folder, &settings, Wiring::default()).status();
    status.map(drop).map_err(|why| {
        format!(
            "`{}` cannot be started: {why}. On Debian it is in qemu-system-arm or qemu-system-misc.",
            board.emulator()
        )
    })
}
