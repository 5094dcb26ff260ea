//! The firmware in QEMU: its tests, and its figures against those of when someone last looked.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use crate::cargo;
use crate::check::Report;
use crate::options::Options;
use crate::process::Shell;
use crate::setup;

/// Runs the tests, then measures and compares with the table or writes it anew.
pub fn check(shell: &mut Shell, options: &Options) -> Result<Report, String> {
    setup::targets(shell)?;
    setup::emulators(shell)?;
    setup::node(shell)?;
    setup::node_modules(shell, &shell.root.join("tests/interop"))?;
    setup::browser(shell)?;
    let mut report = cargo::libtest(shell, &["test", "--package", cargo::FIRMWARE, "--no-fail-fast"])?;
    let run = ["run", "--quiet", "--package", cargo::FIRMWARE, "--bin", "figures"];
    let text = shell.answer(shell.cargo(&run))?;
    let measured = rows(&text).ok_or("The firmware's figures are no figures.")?;
    if measured.is_empty() {
        return Err("Nothing was measured.".into());
    }
    let path = shell.root.join(TABLE);
    let shown = show(&measured);
    let faults = if options.update {
        fs::write(&path, format!("{HEAD}{shown}"))
            .map_err(|why| format!("{TABLE} cannot be written: {why}."))?;
        vec![]
    } else {
        let stored = fs::read_to_string(&path).map_err(|why| format!("{TABLE} cannot be read: {why}."))?;
        let stored =
            rows(&stored).ok_or_else(|| format!("{TABLE} holds a line that is none of its rows."))?;
        compare(&stored, &measured)
    };
    let figures = Report::of(&faults, shown);
    report.passed += figures.passed;
    report.failed += figures.failed;
    report.text = format!("{}\n{}", report.text, figures.text).trim().into();
    Ok(report)
}

/// What it was when someone last looked.
const TABLE: &str = "tests/size/firmware.txt";

const HEAD: &str = "# The firmware on its boards, with TLS of each kind: flash, static RAM and stack in octets; a sign-in and a\n\
    # refresh, each from a start on: thousands of instructions, connections, octets on the wire and round trips.\n\
    # Written by `cargo run --package keyfob-check -- firmware --update`.\n";

/// Numbers may grow by one part in so many.
const PART: u64 = 20;

/// Segments come as they come, and users are slow: some numbers may grow by so much more.
const SLACK: [(&str, u64); 3] = [("_connections", 1), ("_octets", 600), ("_round_trips", 3)];

type Rows = BTreeMap<String, u64>;

fn rows(text: &str) -> Option<Rows> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines
        .map(|line| match *line.split_whitespace().collect::<Vec<_>>() {
            [name, number] => Some((name.into(), number.parse().ok()?)),
            _ => None,
        })
        .collect()
}

fn show(rows: &Rows) -> String {
    rows.iter().fold(String::new(), |mut text, (name, number)| {
        let _ = writeln!(text, "{name:52}{number:>8}");
        text
    })
}

fn compare(stored: &Rows, measured: &Rows) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, &now) in measured {
        let slack = SLACK.iter().find(|(end, _)| name.ends_with(end)).map_or(0, |(_, slack)| *slack);
        match stored.get(name) {
            None => faults.push(format!("{TABLE} lacks `{name}`.")),
            Some(&then) if now > then + then / PART + slack => {
                faults.push(format!("`{name}` grew from {then} to {now}."));
            }
            Some(_) => {}
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
        let stored = table("# a comment\na_flash 1000\na_sign_in_round_trips 7\n");
        assert!(compare(&stored, &table("a_flash 1050\na_sign_in_round_trips 10\n")).is_empty());
        assert_eq!(compare(&stored, &table("a_flash 1051\na_sign_in_round_trips 11\n")).len(), 2);
        assert_eq!(compare(&stored, &table("a_flash 1000\na_ram 1\n")).len(), 2);
        assert!(rows("panicked at src/main.rs").is_none());
    }
}
