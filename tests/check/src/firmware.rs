//! The firmware in QEMU: its tests, and its figures against those of when someone last looked.

use crate::cargo;
use crate::check::Report;
use crate::options::Options;
use crate::process::Shell;
use crate::setup;
use crate::table::Table;

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
    let figures = TABLE.check(shell, options, &text)?;
    report.passed += figures.passed;
    report.failed += figures.failed;
    report.text = format!("{}\n{}", report.text, figures.text).trim().into();
    Ok(report)
}

const TABLE: Table = Table {
    path: "tests/size/firmware.txt",
    head: "# The firmware on its boards, with TLS of each kind, and with a portal, a relay or all ways to sign in: flash,\n\
        # static RAM and stack in octets. A sign-in by code and a refresh, each from a start on: thousands of instructions,\n\
        # connections, octets on the wire and round trips.\n\
        # Written by `cargo run --package keyfob-check -- firmware --update`.\n",
    columns: &["(its unit is in its name)"],
    slack,
};

/// Segments come as they come, and users are slow.
fn slack(name: &str) -> u64 {
    let slack = [("_connections", 1), ("_octets", 600), ("_round_trips", 3)];
    slack.iter().find(|(end, _)| name.ends_with(end)).map_or(0, |(_, slack)| *slack)
}
