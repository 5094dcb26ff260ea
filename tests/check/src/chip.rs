//! How many instructions and how much stack things take on a Cortex-M4F, counted in QEMU by the program in
//! `tests/chip`: the same on every machine.

use crate::check::Report;
use crate::link;
use crate::options::Options;
use crate::process::Shell;
use crate::setup::{self, TARGETS};
use crate::table::Table;

/// Runs the program, and compares what it prints with the table or writes it anew.
// REQ: MEM-07, MEM-16, JOSE-26
pub fn check(shell: &mut Shell, options: &Options) -> Result<Report, String> {
    setup::targets(shell)?;
    setup::emulator(shell)?;
    link::lock(shell, FOLDER)?;
    let target_folder = shell.kept.join("chip");
    let build =
        shell.cargo(&["build", "--release", "--target", TARGETS[0]]).in_folder(shell.root.join(FOLDER));
    shell.must(build.path("--target-dir").path(&target_folder))?;
    let program = target_folder.join(TARGETS[0]).join("release/keyfob-chip");
    let run = shell.program(setup::EMULATOR, BOARD).path("-kernel").path(program).limit(300);
    let text = shell.answer(run)?;
    TABLE.check(shell, options, &text)
}

const FOLDER: &str = "tests/chip";

/// An instruction takes a nanosecond of the board's time.
const BOARD: &[&str] = &[
    "-machine",
    "mps2-an386",
    "-icount",
    "shift=0",
    "-nographic",
    "-monitor",
    "none",
    "-serial",
    "none",
    "-semihosting-config",
    "enable=on,target=native",
];

const TABLE: Table = Table {
    path: "tests/size/chip.txt",
    head: "# What things take on an emulated Cortex-M4F: name, instructions, bytes of stack.\n\
        # opt-level \"s\", fat LTO. In flows every signature counts as good at once; a name says if one is made.\n\
        # Written by `cargo run --package keyfob-check -- chip --update`.\n",
    columns: &["instructions", "bytes of stack"],
    slack: |_| 0,
};
