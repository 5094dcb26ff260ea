//! The checks that are one Cargo command or a few.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::check::Report;
use crate::options::Options;
use crate::process::Shell;
use crate::setup::{self, SMALLEST, TARGETS};

/// `cargo fmt`, here and in the folders that are workspaces of their own.
pub fn format(shell: &mut Shell, _: &Options) -> Result<Report, String> {
    setup::component(shell, "rustfmt", "fmt")?;
    let mut faults = Vec::new();
    for folder in workspaces(&shell.root) {
        let all = if folder == shell.root { "--all" } else { "--quiet" };
        let step = shell.cargo(&["fmt", all, "--", "--check"]).in_folder(&folder).limit(120);
        if !shell.run(step)?.success {
            faults.push(format!("In {}: run `cargo fmt {all}`.", folder.display()));
        }
    }
    Ok(Report { see_log: true, ..Report::of(&faults, "") })
}

/// `cargo clippy` with every warning an error.
pub fn clippy(shell: &mut Shell, _: &Options) -> Result<Report, String> {
    setup::component(shell, "clippy", "clippy")?;
    let words = ["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"];
    shell.must(shell.cargo(&words))?;
    Ok(Report::pass(""))
}

/// `cargo doc` with every warning an error.
pub fn docs(shell: &mut Shell, _: &Options) -> Result<Report, String> {
    let words = ["doc", "--workspace", "--no-deps", "--all-features"];
    shell.must(shell.cargo(&words).env("RUSTDOCFLAGS", "-D warnings"))?;
    Ok(Report::pass(""))
}

/// Every test that needs nothing but Rust, and a server for the relay's shared store.
pub fn tests(shell: &mut Shell, _: &Options) -> Result<Report, String> {
    setup::redis(shell)?;
    let others = ["--exclude", INTEROP, "--exclude", FIRMWARE];
    libtest(shell, &[&["test", "--workspace", "--all-features", "--no-fail-fast"][..], &others].concat())
}

/// The tests against a real server and in a real browser, in `tests/interop`.
pub fn interop(shell: &mut Shell, _: &Options) -> Result<Report, String> {
    let folder = shell.root.join("tests/interop");
    if !folder.join("Cargo.toml").is_file() {
        return Err(format!("The package `{INTEROP}` is missing from tests/interop."));
    }
    setup::node(shell)?;
    setup::node_modules(shell, &folder)?;
    setup::browser(shell)?;
    libtest(shell, &["test", "--package", INTEROP, "--all-features", "--no-fail-fast"])
}

/// What runs on a chip builds for two families of them, and for the smallest of each: with all features, with none, and
/// with each alone.
// REQ: SM-01, QA-09
pub fn no_std(shell: &mut Shell, _: &Options) -> Result<Report, String> {
    setup::targets(shell)?;
    setup::smallest(shell)?;
    for target in TARGETS {
        for package in CHIP_PACKAGES {
            let words = ["build", "--package", package, "--all-features", "--target", target];
            shell.must(shell.cargo(&words))?;
        }
    }
    let mut builds = 0;
    for package in CHIP_PACKAGES {
        let mut alone = features(shell, package)?;
        alone.push(String::new());
        for target in TARGETS.iter().chain(&SMALLEST) {
            for feature in &alone {
                let words = ["check", "--package", package, "--no-default-features", "--features", feature];
                let step = shell.cargo(&[&words[..], &["--target", target]].concat());
                // How a chip without compare-and-swap does it, an application says; here nothing runs.
                let step = if SMALLEST.contains(target) { step.env("RUSTFLAGS", ONE_CORE) } else { step };
                shell.must(step)?;
                builds += 1;
            }
        }
    }
    Ok(Report::pass(format!("{builds} times with one feature or none")))
}

/// For `portable-atomic`.
const ONE_CORE: &str = "--cfg portable_atomic_unsafe_assume_single_core";

/// The packages that run on a chip.
const CHIP_PACKAGES: [&str; 2] = ["keyfob-core", "keyfob-embassy"];

/// The features of a package.
fn features(shell: &mut Shell, package: &str) -> Result<Vec<String>, String> {
    let words = ["metadata", "--no-deps", "--format-version", "1"];
    let text = shell.answer(shell.cargo(&words))?;
    let metadata: Value = serde_json::from_str(&text).map_err(|why| format!("cargo metadata: {why}"))?;
    let found = metadata["packages"].as_array().into_iter().flatten().find(|found| found["name"] == package);
    let features = found.and_then(|found| found["features"].as_object());
    let names = features.map(|features| features.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
    if names.is_empty() { Err(format!("{package} has no features.")) } else { Ok(names) }
}

/// The package with the tests that need Node.js and a browser.
const INTEROP: &str = "keyfob-interop";

/// The package with the tests that need QEMU too.
pub const FIRMWARE: &str = "keyfob-firmware-tests";

/// Runs tests and counts them.
pub fn libtest(shell: &mut Shell, words: &[&str]) -> Result<Report, String> {
    let ran = shell.run(shell.cargo(words).limit(30 * 60))?;
    let mut report = count(&ran.text);
    if !ran.success && report.failed == 0 {
        return Err(format!("`cargo {}` failed.", words.join(" ")));
    }
    if report.passed + report.failed == 0 {
        return Err("No test ran.".into());
    }
    let failed = ran.text.lines().filter(|line| line.starts_with("test ") && line.ends_with(" FAILED"));
    report.text = failed.collect::<Vec<_>>().join("\n");
    report.see_log = true;
    Ok(report)
}

/// Adds up the lines `test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; …`.
fn count(text: &str) -> Report {
    let mut report = Report::default();
    for line in text.lines().filter_map(|line| line.strip_prefix("test result: ")) {
        let Some((_, counts)) = line.split_once(". ") else { continue };
        for part in counts.split("; ") {
            let Some((number, word)) = part.split_once(' ') else { continue };
            let number = number.parse().unwrap_or(0);
            match word {
                "failed" => report.failed += number,
                "ignored" => report.skipped += number,
                "passed" => report.passed += number,
                _ => {}
            }
        }
    }
    report
}

/// The top folder and, below it, every folder whose Cargo.toml begins a workspace of its own.
fn workspaces(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut rest = vec![root.to_path_buf()];
    while let Some(folder) = rest.pop() {
        if fs::read_to_string(folder.join("Cargo.toml")).is_ok_and(|text| text.contains("[workspace]")) {
            found.push(folder.clone());
        }
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let hidden = name.to_string_lossy().starts_with('.');
            if entry.path().is_dir() && !hidden && name != "target" && name != "node_modules" {
                rest.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_results_are_added_up() {
        let report = count(
            "running 2 tests\n\
             test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
             test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n",
        );
        assert_eq!((report.passed, report.failed, report.skipped), (5, 1, 1));
    }
}
