//! How many instructions a cold sign-in takes, counted by valgrind: the same on a busy machine and on a quiet one.

use std::fs;

use crate::check::Report;
use crate::options::Options;
use crate::process::Shell;
use crate::setup;

/// Counts, and compares with the stored number or writes it anew.
pub fn check(shell: &mut Shell, options: &Options) -> Result<Report, String> {
    setup::valgrind(shell)?;
    let build = shell.cargo(&["bench", "--package", "keyfob-core", "--bench", BENCH, "--no-run"]);
    let text = shell.must(build)?;
    let program = text.rsplit_once('(').and_then(|(_, rest)| rest.split_once(')'));
    let (program, _) = program.ok_or("Cargo does not say where the benchmark is.")?;
    let program = shell.root.join(program);
    let out = shell.kept.join("callgrind.out");
    let count = shell.program("valgrind", &["--tool=callgrind", "--collect-atstart=no"]);
    let count = count.path("--toggle-collect=cold_login::cold_login");
    let count = count.path(format!("--callgrind-out-file={}", out.display())).path(program);
    let text = shell.must(count)?;
    let now = text.lines().find_map(|line| line.rsplit_once("Collected : ")).map(|(_, number)| number.trim());
    let now: u64 =
        now.and_then(|number| number.parse().ok()).ok_or("valgrind does not say what it counted.")?;
    let path = shell.root.join(STORED);
    if options.update {
        fs::write(&path, format!("{now}\n")).map_err(|why| format!("{STORED} cannot be written: {why}."))?;
        return Ok(Report::pass(format!("wrote {STORED}: {now}")));
    }
    let stored = fs::read_to_string(&path).map_err(|why| format!("{STORED} cannot be read: {why}."))?;
    let then: u64 = stored.trim().parse().map_err(|_| format!("{STORED} holds no number."))?;
    let grew = now > then + then / PART;
    let faults = grew.then(|| format!("It took {then} before; if that is right, write {now} into {STORED}."));
    Ok(Report::of(
        &Vec::from_iter(faults),
        format!("a cold sign-in takes {now} instructions, SHA-256 included"),
    ))
}

/// The benchmark.
const BENCH: &str = "cold_login";

/// What it took when someone last looked.
const STORED: &str = "tests/size/instructions.txt";

/// It may grow by one part in so many. Compilers and C libraries differ a little.
const PART: u64 = 20;
