//! The relay as a program.

mod arguments;

use std::{io, process::ExitCode};

use clap::Parser;
use keyfob_relay::{Keys, NewDevice, Relay, Settings, log_to};
use tokio::signal::unix::{SignalKind, signal};

use crate::arguments::{Arguments, Command};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.command {
        Some(Command::NewDevice { name }) => new_device(&name),
        Some(Command::NewKey) => Keys::generate().map(|key| println!("{}", key.as_str())),
        None => arguments.serve.settings().and_then(serve),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("{sentence}");
            ExitCode::FAILURE
        }
    }
}

fn new_device(name: &str) -> Result<(), String> {
    let new = NewDevice::generate(name)?;
    eprintln!(
        "For the device; this is shown once:\n  id      {}\n  secret  {}\n",
        new.id,
        new.secret.as_str()
    );
    eprintln!("For the relay's file of devices:");
    println!("{}", new.entry);
    Ok(())
}

#[tokio::main]
async fn serve(settings: Settings) -> Result<(), String> {
    log_to(io::stderr).map_err(|why| why.to_string())?;
    let wrong = |why: io::Error| format!("Signals cannot be caught: {why}.");
    let mut hang_up = signal(SignalKind::hangup()).map_err(wrong)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(wrong)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(wrong)?;
    let relay = Relay::start(settings).await?;
    println!("relay listens on {}", relay.listens_on());
    if let Some(admin) = relay.admin() {
        println!("admin listens on http://{admin}");
    }
    loop {
        tokio::select! {
            _ = hang_up.recv() => {
                if let Err(why) = relay.reload() {
                    tracing::error!(why, "not reloaded; what was there stays");
                }
            }
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    relay.stop().await;
    Ok(())
}
