//! The licence of every dependency, against the list in `deny.toml`.
//!
//! This reads what the packages state about themselves, no more. `cargo deny check` reads the same list and
//! looks at more: duplicate versions, sources and known vulnerabilities.

use std::fs;

use serde_json::Value;

use crate::check::Report;
use crate::options::Options;
use crate::process::Shell;

/// Every package that `Cargo.lock` takes from a registry, for every platform and feature.
pub fn check(shell: &mut Shell, _: &Options) -> Result<Report, String> {
    let text = fs::read_to_string(shell.root.join("deny.toml"))
        .map_err(|why| format!("deny.toml cannot be read: {why}."))?;
    let allowed = allowed(&text).ok_or("deny.toml has no list `allow` under [licenses].")?;
    let metadata = shell.answer(shell.cargo(&["metadata", "--format-version", "1", "--all-features"]))?;
    let metadata: Value =
        serde_json::from_str(&metadata).map_err(|why| format!("`cargo metadata`: {why}."))?;
    let packages = metadata["packages"].as_array().ok_or("`cargo metadata` names no packages.")?;
    let mut faults = Vec::new();
    let mut count = 0;
    for package in packages.iter().filter(|package| !package["source"].is_null()) {
        count += 1;
        let licence = package["license"].as_str().unwrap_or("none stated");
        if !satisfies(licence, &allowed) {
            let (name, version) = (&package["name"], &package["version"]);
            faults.push(format!(
                "{} {}: {licence}",
                name.as_str().unwrap_or("?"),
                version.as_str().unwrap_or("?")
            ));
        }
    }
    Ok(Report::of(&faults, format!("{count} dependencies, as their packages state it")))
}

/// The strings of `allow = [ … ]` under `[licenses]`.
fn allowed(toml: &str) -> Option<Vec<String>> {
    let lines: Vec<_> = toml.lines().map(|line| line.split('#').next().unwrap_or("").trim()).collect();
    let section = lines.iter().position(|line| *line == "[licenses]")? + 1;
    let section: Vec<_> =
        lines[section..].iter().take_while(|line| !line.starts_with('[')).copied().collect();
    let section = section.join("\n");
    let (_, list) = section.split_once("allow = [")?;
    let (list, _) = list.split_once(']')?;
    Some(list.split('"').skip(1).step_by(2).map(str::to_string).collect())
}

/// Whether an expression like `(MIT OR Apache-2.0) AND Unicode-3.0` can be met with these licences alone.
fn satisfies(expression: &str, allowed: &[String]) -> bool {
    // Old packages write a slash for OR.
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    any(&mut words, allowed) && words.next().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any(words: &mut Words<'_>, allowed: &[String]) -> bool {
    let mut met = all(words, allowed);
    while words.next_if_eq(&"OR").is_some() {
        met |= all(words, allowed);
    }
    met
}

fn all(words: &mut Words<'_>, allowed: &[String]) -> bool {
    let mut met = one(words, allowed);
    while words.next_if_eq(&"AND").is_some() {
        met &= one(words, allowed);
    }
    met
}

fn one(words: &mut Words<'_>, allowed: &[String]) -> bool {
    if words.next_if_eq(&"(").is_some() {
        let met = any(words, allowed);
        return words.next_if_eq(&")").is_some() && met;
    }
    let Some(licence) = words.next() else { return false };
    let exception = words.next_if_eq(&"WITH").and_then(|_| words.next());
    let licence = exception.map_or(licence.to_string(), |exception| format!("{licence} WITH {exception}"));
    allowed.contains(&licence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_found() {
        let toml = "[graph]\nallow = [\"X\"]\n[licenses]\n# why\nallow = [\n  \"MIT\", # best\n  \"ISC\",\n]\n[bans]\n";
        assert_eq!(allowed(toml).unwrap(), ["MIT", "ISC"]);
        assert!(allowed("[bans]\nallow = [\"X\"]").is_none());
    }

    #[test]
    fn expressions_are_understood() {
        let allowed = ["MIT", "ISC", "A WITH B"].map(String::from);
        for good in [
            "MIT",
            "GPL-3.0 OR MIT",
            "MIT/GPL-3.0",
            "(GPL-3.0 OR MIT) AND ISC",
            "A WITH B",
            "GPL-3.0 AND X OR MIT",
        ] {
            assert!(satisfies(good, &allowed), "{good}");
        }
        for bad in
            ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT", "MIT)", "A", "MIT ISC", "MIT WITH B", "none stated"]
        {
            assert!(!satisfies(bad, &allowed), "{bad}");
        }
    }
}
