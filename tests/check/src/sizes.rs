//! How large the parts of the core are, against what they were when someone last looked.
//!
//! The code of a part is its program in `tests/link` less the program `empty`. The size of a type is read
//! from the program `types`, which has a static as large as each.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use crate::check::Report;
use crate::elf::Program;
use crate::link::{self, MEASURED};
use crate::options::Options;
use crate::process::Shell;

/// Measures, and compares with the table or writes it anew.
// REQ: MEM-10
pub fn check(shell: &mut Shell, options: &Options) -> Result<Report, String> {
    let programs = link::measured(shell)?;
    let measured = measure(&programs)?;
    let shown = show(&programs);
    let rustc = shell.answer(shell.program("rustc", &["--version"]))?;
    let rustc = rustc.split_whitespace().nth(1).unwrap_or("?");
    let path = shell.root.join(TABLE);
    if options.update {
        fs::write(&path, table(&measured, rustc))
            .map_err(|why| format!("{TABLE} cannot be written: {why}."))?;
        return Ok(Report::pass(format!("{shown}wrote {TABLE}")));
    }
    let text = fs::read_to_string(&path).map_err(|why| format!("{TABLE} cannot be read: {why}."))?;
    let mut faults = compare(&rows(&text)?, &measured);
    let same = text.lines().any(|line| line.starts_with(MADE_BY) && line.ends_with(&format!(" {rustc}")));
    if !faults.is_empty() && !same {
        faults.push(format!(
            "This is rustc {rustc}, and the table was made by another; that may be all there is to it."
        ));
    }
    Ok(Report::of(&faults, shown.trim_end()))
}

/// The stored sizes: a name and bytes in each line.
const TABLE: &str = "tests/size/table.txt";

/// How the table's line begins that says which compiler it is of.
const MADE_BY: &str = "# Made by rustc";

/// What every program has: its start and the panic handler.
const EMPTY: &str = "empty";

/// The program with a static for each type.
const TYPES: &str = "types";

/// How the names of those statics begin, and of their rows.
const SIZE_OF: &str = "size_of::";

/// Code may grow by this many bytes, or by one part in `PART`, before the table must be written anew.
const BYTES: u64 = 64;
const PART: u64 = 50;

type Sizes = BTreeMap<String, u64>;

fn measure(programs: &[(String, Program)]) -> Result<Sizes, String> {
    let find = |name: &str| programs.iter().find(|(found, _)| found == name).map(|(_, program)| program);
    let empty = find(EMPTY).ok_or("tests/link has no program `empty`.")?;
    let types = find(TYPES).ok_or("tests/link has no program `types`.")?;
    let mut sizes = Sizes::new();
    for (name, program) in programs.iter().filter(|(name, _)| name != EMPTY && name != TYPES) {
        if program.ram() > empty.ram() {
            return Err(format!(
                "`{name}` keeps {} bytes in RAM: the core has no variables.",
                program.ram() - empty.ram()
            ));
        }
        sizes.insert(name.clone(), program.flash().saturating_sub(empty.flash()));
    }
    sizes.extend(types.symbols.iter().filter(|(name, _)| name.starts_with(SIZE_OF)).cloned());
    Ok(sizes)
}

fn show(programs: &[(String, Program)]) -> String {
    let mut text = format!("{MEASURED}, opt-level \"s\", fat LTO; `{EMPTY}` is in every row\n");
    let _ = writeln!(text, "{:30}{:>8}{:>8}{:>8}{:>8}", "program", "text", "rodata", "data", "bss");
    for (name, program) in programs.iter().filter(|(name, _)| name != TYPES) {
        let Program { text: code, rodata, data, bss, .. } = program;
        let _ = writeln!(text, "{name:30}{code:>8}{rodata:>8}{data:>8}{bss:>8}");
    }
    text
}

fn table(sizes: &Sizes, rustc: &str) -> String {
    let mut text = format!(
        "# Flash that each program of tests/link takes more than `{EMPTY}`, and the sizes of types, in bytes.\n\
         # {MEASURED}, opt-level \"s\", fat LTO, no overflow checks.\n\
         # Written by `cargo run --package keyfob-check -- sizes --update`.\n\
         {MADE_BY} {rustc}\n"
    );
    for (name, bytes) in sizes {
        let _ = writeln!(text, "{name} {bytes}");
    }
    text
}

fn rows(text: &str) -> Result<Sizes, String> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    let row =
        |line: &str| Some((line.rsplit_once(' ')?.0.to_string(), line.rsplit_once(' ')?.1.parse().ok()?));
    lines
        .map(|line| row(line).ok_or_else(|| format!("{TABLE}: `{line}` is not a name and a number.")))
        .collect()
}

fn compare(stored: &Sizes, measured: &Sizes) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, &now) in measured {
        match stored.get(name) {
            None => faults.push(format!("{TABLE} lacks the line `{name} {now}`.")),
            Some(&then) if now > then + room(name, then) => {
                faults.push(format!(
                    "`{name}` grew from {then} to {now} bytes; if that is right: `{name} {now}`."
                ));
            }
            Some(_) => {}
        }
    }
    for name in stored.keys().filter(|name| !measured.contains_key(*name)) {
        faults.push(format!("{TABLE} has a line for `{name}`, which is no more."));
    }
    faults
}

/// Types are exact; code may differ a little.
fn room(name: &str, bytes: u64) -> u64 {
    if name.starts_with(SIZE_OF) { 0 } else { BYTES.max(bytes / PART) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(stored: &str, measured: &str) -> Vec<String> {
        compare(&rows(stored).unwrap(), &rows(measured).unwrap())
    }

    #[test]
    fn a_little_growth_passes_and_more_does_not() {
        assert!(faults("pkce 1000\njson 10000\n", "pkce 1064\njson 10200\n").is_empty());
        assert_eq!(faults("pkce 1000\njson 10000\n", "pkce 1065\njson 10201\n").len(), 2);
        assert!(faults("pkce 1000\n", "pkce 10\n").is_empty());
    }

    #[test]
    fn a_type_may_not_grow_at_all() {
        assert_eq!(faults("size_of::Error 8\n", "size_of::Error 12\n").len(), 1);
    }

    #[test]
    fn both_lists_name_the_same() {
        assert!(faults("", "pkce 10\n")[0].contains("`pkce 10`"));
        assert!(faults("pkce 10\n", "")[0].contains("is no more"));
    }

    #[test]
    fn the_table_reads_back() {
        let sizes = rows("a 1\nsize_of::B<2> 3\n").unwrap();
        assert_eq!(rows(&table(&sizes, "1.95.0")).unwrap(), sizes);
        assert!(rows("a\n").is_err());
    }
}
