//! Tables of figures that were measured: what they were when someone last looked, and by how much they may grow.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use crate::check::Report;
use crate::options::Options;
use crate::process::Shell;

/// A table in `tests/size`: a name in each line, and a number for each column.
pub struct Table {
    /// Where it is, from the project's folder on.
    pub path: &'static str,
    /// Its first lines.
    pub head: &'static str,
    /// What the numbers count.
    pub columns: &'static [&'static str],
    /// By how much the numbers of a name may grow, beside one part in [`PART`].
    pub slack: fn(&str) -> u64,
}

/// Numbers may grow by one part in so many.
const PART: u64 = 20;

type Rows = BTreeMap<String, Vec<u64>>;

impl Table {
    /// Compares what a program printed with the table, or writes the table anew.
    pub fn check(&self, shell: &Shell, options: &Options, printed: &str) -> Result<Report, String> {
        let Self { path, head, .. } = self;
        let measured = self.rows(printed).filter(|rows| !rows.is_empty());
        let measured = measured.ok_or("What was printed are no measurements.")?;
        let shown = show(&measured);
        let place = shell.root.join(path);
        if options.update {
            fs::write(&place, format!("{head}{shown}"))
                .map_err(|why| format!("{path} cannot be written: {why}."))?;
            return Ok(Report::pass(format!("{shown}wrote {path}")));
        }
        let stored = fs::read_to_string(&place).map_err(|why| format!("{path} cannot be read: {why}."))?;
        let stored =
            self.rows(&stored).ok_or_else(|| format!("{path} holds a line that is none of its rows."))?;
        Ok(Report::of(&self.compare(&stored, &measured), shown.trim_end()))
    }

    fn rows(&self, text: &str) -> Option<Rows> {
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
        lines
            .map(|line| {
                let (name, numbers) = line.trim().split_once(char::is_whitespace)?;
                let numbers: Vec<u64> =
                    numbers.split_whitespace().map(|number| number.parse().ok()).collect::<Option<_>>()?;
                (numbers.len() == self.columns.len()).then(|| (name.into(), numbers))
            })
            .collect()
    }

    fn compare(&self, stored: &Rows, measured: &Rows) -> Vec<String> {
        let path = self.path;
        let mut faults = Vec::new();
        for (name, now) in measured {
            let Some(then) = stored.get(name) else {
                faults.push(format!("{path} lacks `{name}`."));
                continue;
            };
            for (what, (now, then)) in self.columns.iter().zip(now.iter().zip(then)) {
                if *now > then + then / PART + (self.slack)(name) {
                    faults.push(format!("`{name}` grew from {then} to {now} {what}."));
                }
            }
        }
        for name in stored.keys().filter(|name| !measured.contains_key(*name)) {
            faults.push(format!("{path} has a line for `{name}`, which is no more."));
        }
        faults
    }
}

fn show(rows: &Rows) -> String {
    rows.iter().fold(String::new(), |mut text, (name, numbers)| {
        let _ = write!(text, "{name:50}");
        for number in numbers {
            let _ = write!(text, "{number:>10}");
        }
        text.push('\n');
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: Table = Table { path: "two", head: "", columns: &["a", "b"], slack: |_| 0 };
    const ONE: Table =
        Table { path: "one", head: "", columns: &["a"], slack: |name| if name == "lax" { 3 } else { 0 } };

    fn faults(table: &Table, stored: &str, measured: &str) -> usize {
        let rows = |text| table.rows(text).expect("a table");
        table.compare(&rows(stored), &rows(measured)).len()
    }

    #[test]
    fn growth_is_told() {
        let stored = "# a comment\nes256 1000 400\nrs256 2000 800\n";
        assert_eq!(faults(&TWO, stored, "rs256 2100 800\nes256 1 1\n"), 0);
        assert_eq!(faults(&TWO, stored, "rs256 2101 800\nes256 1000 421\n"), 2);
        assert_eq!(faults(&TWO, stored, "rs256 2000 800\nps256 1 1\n"), 2);
        let stored = "tight 1000\nlax 7\n";
        assert_eq!(faults(&ONE, stored, "tight 1050\nlax 10\n"), 0);
        assert_eq!(faults(&ONE, stored, "tight 1051\nlax 11\n"), 2);
    }

    #[test]
    fn what_is_shown_can_be_read() {
        let rows = TWO.rows("es256 1000 400\nrs256 2000 800\n").expect("a table");
        assert_eq!(TWO.rows(&show(&rows)), Some(rows));
    }

    #[test]
    fn anything_else_is_no_table() {
        assert!(TWO.rows("panicked at src/main.rs").is_none());
        assert!(TWO.rows("es256 1000").is_none());
        assert!(ONE.rows("es256 1000 400").is_none());
    }
}
