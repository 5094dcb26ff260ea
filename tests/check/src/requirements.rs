//! Which requirements have a test.
//!
//! `tests/spec/requirements.json` lists them. A test names those that it shows in a comment of its own line,
//! `// REQ: PKCE-03, PKCE-04`, above the function. What no test names is in `tests/spec/open.txt`, with a
//! reason; so a row is forgotten by neither.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::check::Report;
use crate::options::Options;
use crate::process::Shell;

/// Compares the three, and prints how much of each area is done.
pub fn check(shell: &mut Shell, options: &Options) -> Result<Report, String> {
    let catalogue = catalogue(&read(&shell.root, CATALOGUE)?)?;
    let mut faults = Vec::new();
    let mut named = BTreeSet::new();
    for path in sources(&shell.root) {
        let text =
            fs::read_to_string(&path).map_err(|why| format!("{} cannot be read: {why}.", path.display()))?;
        let path = path.strip_prefix(&shell.root).unwrap_or(&path);
        match ids(&text, path.starts_with("tests")) {
            Ok(ids) => {
                named.extend(ids.into_iter().map(|(line, id)| (id, format!("{}:{line}", path.display()))))
            }
            Err((line, why)) => faults.push(format!("{}:{line}: {why}", path.display())),
        }
    }
    for (id, place) in named.iter().filter(|(id, _)| !catalogue.contains_key(id)) {
        faults.push(format!("{place}: there is no requirement {id}."));
    }
    let named: BTreeSet<_> = named.into_iter().map(|(id, _)| id).collect();
    let mut text = read(&shell.root, OPEN)?;
    if options.update_open {
        text = without(&text, &named);
        fs::write(shell.root.join(OPEN), &text).map_err(|why| format!("{OPEN} cannot be written: {why}."))?;
    }
    let open = open(&text)?;
    faults.extend(differences(&catalogue, &named, &open));
    Ok(Report::of(&faults, coverage(&catalogue, &named).trim_end()))
}

/// The requirements: identifier, level, area, text, source and proof of each.
const CATALOGUE: &str = "tests/spec/requirements.json";

/// The requirements that no test names: in each line an identifier and the reason.
const OPEN: &str = "tests/spec/open.txt";

/// The levels in the order in which they are shown.
const LEVELS: [&str; 3] = ["must", "should", "beyond"];

/// Level and area.
struct Requirement {
    level: usize,
    area: String,
}

fn read(root: &Path, path: &str) -> Result<String, String> {
    fs::read_to_string(root.join(path)).map_err(|why| format!("{path} cannot be read: {why}."))
}

fn catalogue(text: &str) -> Result<BTreeMap<String, Requirement>, String> {
    let rows: Vec<Value> = serde_json::from_str(text).map_err(|why| format!("{CATALOGUE}: {why}."))?;
    let row = |row: &Value| {
        let level = LEVELS.iter().position(|level| row["level"] == *level)?;
        let area = row["area"].as_str()?.to_string();
        Some((row["id"].as_str()?.to_string(), Requirement { level, area }))
    };
    rows.iter()
        .map(|value| row(value).ok_or_else(|| format!("{CATALOGUE}: {value} is not a requirement.")))
        .collect()
}

/// Every file that may hold a test.
fn sources(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut rest: Vec<_> =
        ["core", "driver-std", "driver-embassy", "examples", "tests"].map(|name| root.join(name)).into();
    while let Some(folder) = rest.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name();
            if path.is_dir() && name != "node_modules" && name != "target" {
                rest.push(path);
            } else if path.extension().is_some_and(|end| end == "rs" || end == "mjs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The identifiers that a file names, with their lines; or what is wrong, and where.
///
/// Outside the tests folder a function counts only when it is marked as a test.
fn ids(text: &str, in_tests: bool) -> Result<Vec<(usize, String)>, (usize, String)> {
    let mut ids = Vec::new();
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    for (index, line) in lines.iter().enumerate() {
        let Some(list) = line.strip_prefix("// REQ:") else { continue };
        let number = index + 1;
        below(&lines[number..], in_tests).map_err(|why| (number, why.to_string()))?;
        for id in list.split(',').map(str::trim) {
            if !is_id(id) {
                return Err((number, format!("`{id}` is not like PKCE-03.")));
            }
            ids.push((number, id.to_string()));
        }
    }
    Ok(ids)
}

/// Looks at what stands below the comment: other comments, attributes, and then the function.
fn below(lines: &[&str], in_tests: bool) -> Result<(), &'static str> {
    let is_more = |line: &str| line.starts_with("//") || line.starts_with("#[") || line.starts_with(")]");
    let head = lines.iter().take_while(|line| is_more(line)).count();
    let marked = lines[..head].iter().any(|line| line.starts_with("#[") && line.contains("test"));
    if lines[..head].iter().any(|line| line.starts_with("#[ignore")) {
        return Err("a test that is ignored shows nothing.");
    }
    match lines.get(head) {
        Some(line) if !is_function(line) => Err("no function stands below this comment."),
        Some(_) if marked || in_tests => Ok(()),
        Some(_) => Err("the function below this comment is not a test."),
        None => Err("nothing stands below this comment."),
    }
}

/// In Rust, or in JavaScript with Node's test runner.
fn is_function(line: &str) -> bool {
    let words = line.trim_start_matches("pub ").trim_start_matches("async ").trim_start_matches("await ");
    ["fn ", "function ", "it(", "test("].iter().any(|start| words.starts_with(start))
}

fn is_id(id: &str) -> bool {
    let is = |part: &str, test: fn(&u8) -> bool| !part.is_empty() && part.as_bytes().iter().all(test);
    id.split_once('-')
        .is_some_and(|(area, number)| is(area, u8::is_ascii_uppercase) && is(number, u8::is_ascii_digit))
}

/// The rows of `open.txt`: each identifier must have a reason, and stand there once.
fn open(text: &str) -> Result<BTreeSet<String>, String> {
    let mut open = BTreeSet::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        match line.split_once(' ') {
            Some((id, reason)) if !reason.trim().is_empty() && open.insert(id.to_string()) => {}
            _ => return Err(format!("{OPEN}: `{line}` has no reason, or stands there twice.")),
        }
    }
    Ok(open)
}

fn without(text: &str, named: &BTreeSet<String>) -> String {
    let keep =
        |line: &&str| line.starts_with('#') || !line.split(' ').next().is_some_and(|id| named.contains(id));
    text.lines().filter(keep).fold(String::new(), |text, line| text + line + "\n")
}

fn differences(
    catalogue: &BTreeMap<String, Requirement>,
    named: &BTreeSet<String>,
    open: &BTreeSet<String>,
) -> Vec<String> {
    let mut faults = Vec::new();
    for id in catalogue.keys() {
        match (named.contains(id), open.contains(id)) {
            (true, true) => faults
                .push(format!("{id} has a test: drop it from {OPEN} (`-- requirements --update-open`).")),
            (false, false) => faults
                .push(format!("{id} is named by no test: write one, or a line in {OPEN} with the reason.")),
            _ => {}
        }
    }
    faults.extend(
        open.iter()
            .filter(|id| !catalogue.contains_key(*id))
            .map(|id| format!("{OPEN}: there is no requirement {id}.")),
    );
    faults
}

fn coverage(catalogue: &BTreeMap<String, Requirement>, named: &BTreeSet<String>) -> String {
    let mut areas: BTreeMap<&str, [(usize, usize); 3]> = BTreeMap::new();
    for (id, requirement) in catalogue {
        for area in [&requirement.area, "all"] {
            let (done, all) = &mut areas.entry(area).or_default()[requirement.level];
            *done += usize::from(named.contains(id));
            *all += 1;
        }
    }
    let mut text = format!("{:10}{:>10}{:>10}{:>10}  with a test\n", "area", LEVELS[0], LEVELS[1], LEVELS[2]);
    for (area, levels) in areas {
        let cells = levels.map(|(done, all)| if all == 0 { "-".into() } else { format!("{done}/{all}") });
        let _ = writeln!(text, "{area:10}{:>10}{:>10}{:>10}", cells[0], cells[1], cells[2]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, in_tests: bool) -> Result<Vec<String>, String> {
        ids(text, in_tests).map(|ids| ids.into_iter().map(|(_, id)| id).collect()).map_err(|(_, why)| why)
    }

    #[test]
    fn identifiers_stand_above_a_test() {
        let text = "    // REQ: PKCE-03, PKCE-04\n    // REQ: RNG-01\n    /// Why.\n    #[test]\n    fn verifier() {\n";
        assert_eq!(found(text, false).unwrap(), ["PKCE-03", "PKCE-04", "RNG-01"]);
        assert_eq!(found("// REQ: DEV-01\ntest('polls', async () => {\n", true).unwrap(), ["DEV-01"]);
        assert_eq!(found("// REQ: DEV-01\nfn runs_the_table() {\n", true).unwrap(), ["DEV-01"]);
    }

    #[test]
    fn a_comment_elsewhere_is_a_fault() {
        assert!(found("// REQ: DEV-01\nfn poll() {\n", false).is_err());
        assert!(found("// REQ: DEV-01\n\n#[test]\nfn poll() {\n", false).is_err());
        assert!(found("// REQ: DEV-01\n#[test]\n#[ignore]\nfn poll() {\n", true).is_err());
        assert!(found("// REQ: dev\n#[test]\nfn poll() {\n", true).is_err());
        assert!(found("// REQ: DEV-01\n", true).is_err());
    }

    #[test]
    fn each_requirement_is_tested_or_open() {
        let requirement = |id: &str| (id.to_string(), Requirement { level: 0, area: "A".into() });
        let catalogue = ["A-01", "A-02", "A-03"].map(requirement).into();
        let set = |ids: &[&str]| ids.iter().map(|id| id.to_string()).collect::<BTreeSet<_>>();
        assert!(differences(&catalogue, &set(&["A-01", "A-02"]), &set(&["A-03"])).is_empty());
        assert_eq!(differences(&catalogue, &set(&["A-01"]), &set(&["A-01", "A-03", "A-04"])).len(), 3);
        assert!(coverage(&catalogue, &set(&["A-01"])).contains("1/3"));
    }

    #[test]
    fn open_rows_have_a_reason_and_go_when_they_are_tested() {
        let text = "# Why.\nA-01 later\nA-02 later\n";
        assert!(open("A-01\n").is_err() && open("A-01 x\nA-01 y\n").is_err());
        assert_eq!(open(text).unwrap().len(), 2);
        assert_eq!(without(text, &["A-01".to_string()].into()), "# Why.\nA-02 later\n");
    }
}
