//! How many instructions and how much stack things take on a Cortex-M4F, counted in QEMU by the program in
//! `tests/chip`: the same on every machine.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use crate::check::Report;
use crate::link;
use crate::options::Options;
use crate::process::Shell;
use crate::setup::{self, TARGETS};

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
    let measured = rows(&text).ok_or("The emulated chip printed something else than its measurements.")?;
    if measured.is_empty() {
        return Err("The emulated chip measured nothing.".into());
    }
    let path = shell.root.join(TABLE);
    let shown = show(&measured);
    if options.update {
        fs::write(&path, format!("{HEAD}{shown}"))
            .map_err(|why| format!("{TABLE} cannot be written: {why}."))?;
        return Ok(Report::pass(format!("{shown}wrote {TABLE}")));
    }
    let stored = fs::read_to_string(&path).map_err(|why| format!("{TABLE} cannot be read: {why}."))?;
    let stored = rows(&stored).ok_or_else(|| format!("{TABLE} holds a line that is none of its rows."))?;
    Ok(Report::of(&compare(&stored, &measured), shown.trim_end()))
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

/// What it was when someone last looked.
const TABLE: &str = "tests/size/chip.txt";

const HEAD: &str = "# What things take on an emulated Cortex-M4F: name, instructions, bytes of stack.\n\
    # opt-level \"s\", fat LTO. In flows every signature counts as good at once; a name says if one is made.\n\
    # Written by `cargo run --package keyfob-check -- chip --update`.\n";

/// Numbers may grow by one part in so many.
const PART: u64 = 20;

/// Instructions and bytes of stack.
type Rows = BTreeMap<String, [u64; 2]>;

fn rows(text: &str) -> Option<Rows> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines
        .map(|line| match *line.split_whitespace().collect::<Vec<_>>() {
            [name, instructions, stack] => {
                Some((name.into(), [instructions.parse().ok()?, stack.parse().ok()?]))
            }
            _ => None,
        })
        .collect()
}

fn show(rows: &Rows) -> String {
    rows.iter().fold(String::new(), |mut text, (name, [instructions, stack])| {
        let _ = writeln!(text, "{name:24}{instructions:>12}{stack:>8}");
        text
    })
}

fn compare(stored: &Rows, measured: &Rows) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, now) in measured {
        let Some(then) = stored.get(name) else {
            faults.push(format!("{TABLE} lacks `{name}`."));
            continue;
        };
        for (what, (now, then)) in ["instructions", "bytes of stack"].iter().zip(now.iter().zip(then)) {
            if *now > then + then / PART {
                faults.push(format!("`{name}` grew from {then} to {now} {what}."));
            }
        }
    }
    for name in stored.keys().filter(|name| !measured.contains_key(*name)) {
        faults.push(format!("{TABLE} has a line for `{name}`, which is no more."));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_told() {
        let table = |text: &str| rows(text).expect("a table");
        let stored = table("# a comment\nes256 1000 400\nrs256 2000 800\n");
        assert!(compare(&stored, &table("rs256 2100 800\nes256 1 1\n")).is_empty());
        assert_eq!(compare(&stored, &table("rs256 2101 800\nes256 1000 421\n")).len(), 2);
        assert_eq!(compare(&stored, &table("rs256 2000 800\nps256 1 1\n")).len(), 2);
    }

    #[test]
    fn anything_else_is_no_table() {
        assert!(rows("panicked at src/main.rs").is_none());
        assert!(rows("es256 1000").is_none());
    }
}
