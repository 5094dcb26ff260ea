//! Runs every check of the project, in the order a contributor would.
//!
//! ```text
//! cargo run --package keyfob-check                      every check
//! cargo run --package keyfob-check -- format clippy     only these
//! cargo run --package keyfob-check -- --list            what there is
//! ```
//!
//! What a check needs and the machine lacks is installed first, where that can be done; where it cannot,
//! the check fails and says what to install. What the tools print is kept in `target/check/NAME.log`.

mod cargo;
mod check;
mod chip;
mod elf;
mod firmware;
mod fuzz;
mod instructions;
mod licences;
mod link;
mod options;
mod process;
mod requirements;
mod setup;
mod sizes;
mod table;
mod words;

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use options::Options;

fn main() -> ExitCode {
    let options = match Options::read(env::args().skip(1)) {
        Ok(options) => options,
        Err(sentence) => {
            eprintln!("{sentence}");
            return ExitCode::from(2);
        }
    };
    if options.list {
        for check in check::ALL {
            println!("{:14}{}", check.name, check.about);
        }
        return ExitCode::SUCCESS;
    }
    match root() {
        Some(root) => check::run(&root, &options),
        None => {
            eprintln!("Start this from inside the project: `cargo run --package keyfob-check`.");
            ExitCode::from(2)
        }
    }
}

/// The project's top folder: the one above that has a Cargo.lock and this package.
fn root() -> Option<PathBuf> {
    let start = match env::var_os("CARGO_MANIFEST_DIR") {
        Some(package) => PathBuf::from(package),
        None => env::current_dir().ok()?,
    };
    start.ancestors().find(|folder| folder.join("tests/check/Cargo.toml").is_file()).map(PathBuf::from)
}
