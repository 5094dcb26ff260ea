//! What the project's files must not hold: the folders of one machine, and the hosts that packages come from.
//!
//! Both change from place to place, and a text that names them is wrong for the next reader.

use std::fs;

use crate::check::Report;
use crate::options::Options;
use crate::process::Shell;

/// Looks at every file that is tracked, or would be after `git add`.
pub fn check(shell: &mut Shell, _: &Options) -> Result<Report, String> {
    let list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let files = shell
        .answer(shell.program("git", &list))
        .map_err(|why| format!("{why} This check needs git and a clone."))?;
    let files: Vec<_> = files.split('\0').filter(|path| !path.is_empty()).collect();
    let mut faults = Vec::new();
    for path in &files {
        let top = path.split('/').next().unwrap_or(path);
        let fault = format!("{top} does not belong in the top folder; if it does, {THIS} has to say so.");
        if !TOP.contains(&top) && !faults.contains(&fault) {
            faults.push(fault);
        }
        // A file that was deleted and not yet committed is still in the list.
        let text = fs::read(shell.root.join(path)).unwrap_or_default();
        if !text.contains(&0) {
            faults.extend(found(path, &String::from_utf8_lossy(&text)));
        }
    }
    Ok(Report::of(&faults, format!("{} files", files.len())))
}

/// Where the list below is.
const THIS: &str = "tests/check/src/words.rs";

/// What the top folder holds, and nothing else.
const TOP: &[&str] = &[
    ".ci",
    ".editorconfig",
    ".gitignore",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "DESIGN.md",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "SECURITY.md",
    "core",
    "deny.toml",
    "driver-embassy",
    "driver-std",
    "examples",
    "rustfmt.toml",
    "tests",
];

/// Hosts, without the dots, so that this file does not hold them itself.
const HOSTS: &[&[&str]] = &[
    &["crates", "io"],
    &["static", "rust-lang", "org"],
    &["npmjs", "org"],
    &["npmjs", "com"],
    &["pypi", "org"],
    &["pythonhosted", "org"],
    &["deb", "debian", "org"],
    &["proxy", "golang", "org"],
];

/// First folders of absolute paths, without the slashes.
const FOLDERS: &[&str] = &["home", "root", "Users", "work"];

fn found(path: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for (index, line) in text.lines().enumerate() {
        // Cargo.lock names the default registry in each package; every Cargo.lock does.
        let line = if path.ends_with("Cargo.lock") && line.starts_with("source = ") { "" } else { line };
        let place = format!("{path}:{}", index + 1);
        for host in HOSTS.iter().map(|parts| parts.join(".")).filter(|host| line.contains(host)) {
            faults.push(format!("{place}: a registry's host, {host}"));
        }
        for folder in FOLDERS.iter().filter(|folder| has_folder(line, folder)) {
            faults.push(format!("{place}: a path of one machine, in /{folder}"));
        }
    }
    faults
}

/// Whether an absolute path begins in this folder; `a/home/b`, or `host/home/b` in a URL, does not.
fn has_folder(line: &str, folder: &str) -> bool {
    let start = format!("/{folder}/");
    line.match_indices(&start).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|before| before.is_alphanumeric() || "/._-~*})%".contains(before))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_a_machine_are_found() {
        for folder in FOLDERS {
            assert_eq!(found("a", &format!("see \"/{folder}/x\"")).len(), 1);
            assert_eq!(found("a", &format!("see tests/{folder}/x, https://op.example/{folder}/x")).len(), 0);
        }
    }

    #[test]
    fn hosts_are_found_but_for_cargo_lock() {
        let host = HOSTS[0].join(".");
        assert_eq!(
            found("a.md", &format!("x\nhttps://{host}/x")),
            [format!("a.md:2: a registry's host, {host}")]
        );
        assert!(found("tests/fuzz/Cargo.lock", &format!("source = \"registry+{host}-index\"")).is_empty());
    }
}
