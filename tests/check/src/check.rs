//! The checks in their order, and the loop that runs them.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::options::Options;
use crate::process::Shell;
use crate::{cargo, chip, firmware, fuzz, instructions, licences, link, requirements, sizes, words};

/// One check.
pub struct Check {
    /// What it is called on the command line and in `target/check/NAME.log`.
    pub name: &'static str,
    /// What it shows, in a line.
    pub about: &'static str,
    run: fn(&mut Shell, &Options) -> Result<Report, String>,
}

/// Every check, in the order a contributor would run them: what is quick and often wrong comes first.
pub const ALL: &[Check] = &[
    Check { name: "format", about: "the code is formatted", run: cargo::format },
    Check {
        name: "words",
        about: "files hold nothing of one machine; the top folder is tidy",
        run: words::check,
    },
    Check { name: "clippy", about: "no warning in any package, with every feature", run: cargo::clippy },
    Check { name: "docs", about: "the documentation builds without a warning", run: cargo::docs },
    Check {
        name: "tests",
        about: "unit, table and in-memory tests, and the examples in the docs",
        run: cargo::tests,
    },
    Check {
        name: "requirements",
        about: "every requirement is named by a test or listed as open",
        run: requirements::check,
    },
    Check {
        name: "no_std",
        about: "core and embassy driver build for four chips, with each feature alone",
        run: cargo::no_std,
    },
    Check {
        name: "panics",
        about: "no panic can be reached in the core: its programs link",
        run: link::panics,
    },
    Check { name: "allocator", about: "the core's programs link without a heap", run: link::allocator },
    Check {
        name: "recursion",
        about: "no function of the core's programs calls itself",
        run: link::recursion,
    },
    Check { name: "sizes", about: "code and type sizes against tests/size/table.txt", run: sizes::check },
    Check {
        name: "instructions",
        about: "a cold sign-in takes no more instructions than it did",
        run: instructions::check,
    },
    Check {
        name: "chip",
        about: "instructions and stack on an emulated chip against tests/size/chip.txt",
        run: chip::check,
    },
    Check {
        name: "licences",
        about: "every dependency has a licence that deny.toml allows",
        run: licences::check,
    },
    Check { name: "fuzz", about: "each fuzz target for five seconds", run: fuzz::check },
    Check {
        name: "interop",
        about: "a real server and a real browser, on this machine only",
        run: cargo::interop,
    },
    Check {
        name: "firmware",
        about: "emulated boards, a real server and a real browser; sizes against tests/size/firmware.txt",
        run: firmware::check,
    },
];

/// What a check found.
#[derive(Debug, Default)]
pub struct Report {
    /// How many things were right.
    pub passed: usize,
    /// How many were wrong.
    pub failed: usize,
    /// How many were left out, by a test's own word.
    pub skipped: usize,
    /// What the reader should know, in lines.
    pub text: String,
    /// Whether the end of the log says more.
    pub see_log: bool,
}

impl Report {
    /// One thing, and it is right.
    pub fn pass(text: impl Into<String>) -> Self {
        Self { passed: 1, text: text.into(), ..Self::default() }
    }

    /// One thing, and it is wrong; the log says more.
    pub fn fail(why: String) -> Self {
        Self { failed: 1, text: why, see_log: true, ..Self::default() }
    }

    /// One thing, and it is right when nothing is in `faults`; `text` is said either way.
    pub fn of(faults: &[String], text: impl Into<String>) -> Self {
        let mut text = text.into();
        if faults.is_empty() {
            return Self::pass(text);
        }
        for fault in faults {
            text.push('\n');
            text.push_str(fault);
        }
        Self { failed: 1, text: text.trim_start().into(), ..Self::default() }
    }
}

/// Runs what was asked for, prints each result and the table, and says with the exit code how it went.
pub fn run(root: &Path, options: &Options) -> ExitCode {
    let mut rows = Vec::new();
    for check in ALL.iter().filter(|check| options.wants(check)) {
        println!("== {}: {}", check.name, check.about);
        let start = Instant::now();
        let report = run_one(root, check, options);
        let time = start.elapsed();
        println!("   {} in {}\n", if report.failed == 0 { "ok" } else { "FAILED" }, seconds(time));
        rows.push((check.name, report, time));
    }
    summary(&rows)
}

fn run_one(root: &Path, check: &Check, options: &Options) -> Report {
    let mut shell = match Shell::open(root, check.name) {
        Ok(shell) => shell,
        Err(why) => return show(Report::fail(format!("No log can be written: {why}."))),
    };
    let report = (check.run)(&mut shell, options).unwrap_or_else(Report::fail);
    if report.failed > 0 && report.see_log {
        shell.show_end();
    }
    show(report)
}

fn show(report: Report) -> Report {
    for line in report.text.lines() {
        println!("   {line}");
    }
    report
}

fn summary(rows: &[(&str, Report, Duration)]) -> ExitCode {
    println!("{:14}{:>8}{:>8}{:>9}{:>9}", "check", "passed", "failed", "skipped", "time");
    let mut sum = Report::default();
    for (name, report, time) in rows {
        println!(
            "{name:14}{:>8}{:>8}{:>9}{:>9}",
            report.passed,
            report.failed,
            report.skipped,
            seconds(*time)
        );
        sum.passed += report.passed;
        sum.failed += report.failed;
        sum.skipped += report.skipped;
    }
    println!("\n{} passed, {} failed, {} skipped", sum.passed, sum.failed, sum.skipped);
    if sum.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
