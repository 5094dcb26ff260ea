//! What a check needs: found, or installed, or an error that says what to install.
//!
//! Each function may be called again and again; it changes nothing when nothing is missing.

use std::fs;
use std::path::{Path, PathBuf};

use crate::process::Shell;

/// The two chips that stand for all others: a Cortex-M4F and a RISC-V with 32 bits.
pub const TARGETS: [&str; 2] = ["thumbv7em-none-eabihf", "riscv32imac-unknown-none-elf"];

/// A Cortex-M0: no atomic operation but load and store, and no division.
pub const SMALLEST: &str = "thumbv6m-none-eabi";

/// The standard library for the two chips.
pub fn targets(shell: &mut Shell) -> Result<(), String> {
    libraries(shell, &TARGETS)
}

/// The standard library for the smallest chip.
pub fn smallest(shell: &mut Shell) -> Result<(), String> {
    libraries(shell, &[SMALLEST])
}

fn libraries(shell: &mut Shell, targets: &[&str]) -> Result<(), String> {
    let libraries = sysroot(shell)?.join("lib/rustlib");
    let missing: Vec<_> = targets.iter().copied().filter(|target| !libraries.join(target).is_dir()).collect();
    if missing.is_empty() { Ok(()) } else { rustup(shell, "target", &missing) }
}

/// A part of the toolchain that comes as a Cargo command.
pub fn component(shell: &mut Shell, name: &str, command: &str) -> Result<(), String> {
    let found = shell.run(shell.cargo(&[command, "--version"]).limit(60)).is_ok_and(|ran| ran.success);
    if found { Ok(()) } else { rustup(shell, "component", &[name]) }
}

/// The toolchain's own `llvm-objdump`.
pub fn objdump(shell: &mut Shell) -> Result<PathBuf, String> {
    let path = sysroot(shell)?.join("lib/rustlib").join(host(shell)?).join("bin/llvm-objdump");
    if !path.is_file() {
        rustup(shell, "component", &["llvm-tools"])?;
    }
    Ok(path)
}

/// The Cargo command that builds and runs fuzz targets, and the C++ compiler it builds libFuzzer with.
pub fn cargo_fuzz(shell: &mut Shell) -> Result<(), String> {
    if !works(shell, "c++") {
        debian(shell, &["g++"])?;
    }
    if shell.run(shell.cargo(&["fuzz", "--version"]).limit(60)).is_ok_and(|ran| ran.success) {
        return Ok(());
    }
    let install = shell.cargo(&["install", "--locked", "cargo-fuzz"]);
    shell
        .must(install)
        .map(drop)
        .map_err(|why| format!("{why} Install it by hand: `cargo install --locked cargo-fuzz`."))
}

/// What counts instructions.
pub fn valgrind(shell: &mut Shell) -> Result<(), String> {
    if works(shell, "valgrind") { Ok(()) } else { debian(shell, &["valgrind"]) }
}

/// The program that plays a Cortex-M.
pub const EMULATOR: &str = "qemu-system-arm";

/// What plays a chip.
pub fn emulator(shell: &mut Shell) -> Result<(), String> {
    if works(shell, EMULATOR) { Ok(()) } else { debian(shell, &["qemu-system-arm"]) }
}

/// What plays the boards of the firmware.
pub fn emulators(shell: &mut Shell) -> Result<(), String> {
    emulator(shell)?;
    if works(shell, "qemu-system-riscv32") { Ok(()) } else { debian(shell, &["qemu-system-misc"]) }
}

/// A browser and the program that drives it.
pub fn browser(shell: &mut Shell) -> Result<(), String> {
    let mut missing = Vec::new();
    if !["chromium", "chromium-browser", "google-chrome"].iter().any(|name| works(shell, name)) {
        missing.push("chromium");
    }
    if !works(shell, "chromedriver") {
        missing.push("chromium-driver");
    }
    if missing.is_empty() { Ok(()) } else { debian(shell, &missing) }
}

/// A server for sign-ins that several relays share.
pub fn redis(shell: &mut Shell) -> Result<(), String> {
    let found = ["redis-server", "valkey-server"].iter().any(|name| works(shell, name));
    if found { Ok(()) } else { debian(shell, &["redis-server"]) }
}

/// Node.js, new enough, with npm.
pub fn node(shell: &mut Shell) -> Result<(), String> {
    let mut missing = Vec::new();
    if !works(shell, "node") {
        missing.push("nodejs");
    }
    if !works(shell, "npm") {
        missing.push("npm");
    }
    if !missing.is_empty() {
        debian(shell, &missing)?;
    }
    let version = shell.answer(shell.program("node", &["--version"]))?;
    let major =
        version.trim().trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    match major {
        Some(NODE..) => Ok(()),
        _ => Err(format!("Node.js {} is too old: install version {NODE} or newer.", version.trim())),
    }
}

/// The npm packages that a folder's package-lock.json names.
pub fn node_modules(shell: &mut Shell, folder: &Path) -> Result<(), String> {
    let modified = |path: &str| fs::metadata(folder.join(path)).and_then(|data| data.modified()).ok();
    // npm writes this file last, so it is also there only when the installation was finished.
    let installed = modified("node_modules/.package-lock.json");
    if modified("package-lock.json") <= installed {
        return Ok(());
    }
    let install = shell.program("npm", &["ci", "--no-audit", "--no-fund"]).in_folder(folder).limit(5 * 60);
    shell.must(install).map(drop).map_err(|why| format!("{why} Run it by hand in {}.", folder.display()))
}

/// The oldest Node.js that the test server runs on.
const NODE: u32 = 20;

fn sysroot(shell: &mut Shell) -> Result<PathBuf, String> {
    shell.answer(shell.program("rustc", &["--print", "sysroot"])).map(|path| PathBuf::from(path.trim()))
}

/// The triple of this machine.
pub fn host(shell: &mut Shell) -> Result<String, String> {
    let version = shell.answer(shell.program("rustc", &["--version", "--verbose"]))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_string).ok_or_else(|| "rustc does not name this machine's triple.".into())
}

fn works(shell: &mut Shell, program: &str) -> bool {
    shell.run(shell.program(program, &["--version"])).is_ok_and(|ran| ran.success)
}

fn rustup(shell: &mut Shell, kind: &str, names: &[&str]) -> Result<(), String> {
    let words = [&[kind, "add"], names].concat();
    let install = shell.program("rustup", &words).limit(5 * 60);
    let by_hand = format!("Add the {kind} {} in the way this toolchain was installed.", names.join(", "));
    shell.must(install).map(drop).map_err(|why| format!("{why} {by_hand}"))
}

/// Debian's packages, when this is a system like Debian and we may install.
fn debian(shell: &mut Shell, packages: &[&str]) -> Result<(), String> {
    let names = packages.join(" ");
    let by_hand = format!("Install {names} (on Debian: `apt-get install {names}`).");
    let root = shell.answer(shell.program("id", &["-u"])).is_ok_and(|id| id.trim() == "0");
    if !root || !works(shell, "apt-get") {
        return Err(by_hand);
    }
    let install = [&["install", "--yes", "--no-install-recommends"], packages].concat();
    for words in [&["update"][..], &install] {
        let step = shell.program("apt-get", words).env("DEBIAN_FRONTEND", "noninteractive").limit(10 * 60);
        shell.must(step).map_err(|why| format!("{why} {by_hand}"))?;
    }
    Ok(())
}
