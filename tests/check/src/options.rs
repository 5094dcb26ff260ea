//! The words after `--`.

use crate::check::{self, Check};

/// What was asked for on the command line.
#[derive(Debug, Default)]
pub struct Options {
    /// Only print the names.
    pub list: bool,
    /// Write `tests/size/table.txt` anew instead of comparing with it.
    pub update: bool,
    /// Drop from `tests/spec/open.txt` what a test names by now.
    pub update_open: bool,
    names: Vec<String>,
}

impl Options {
    /// Reads the command line; the error is a sentence for the person who typed it.
    pub fn read(words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        for word in words {
            match word.as_str() {
                "--list" => options.list = true,
                "--update" => options.update = true,
                "--update-open" => options.update_open = true,
                name if check::ALL.iter().any(|check| check.name == name) => options.names.push(word),
                _ => return Err(format!("There is no check `{word}`. {HELP}")),
            }
        }
        Ok(options)
    }

    /// Whether this check is to run: one that was named, or any when none was.
    pub fn wants(&self, check: &Check) -> bool {
        self.names.is_empty() || self.names.iter().any(|name| name == check.name)
    }
}

const HELP: &str = "Name any checks, or none for all; --list shows them. \
    With `sizes`, --update writes the table anew; with `requirements`, --update-open drops what is tested by now.";

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Options, String> {
        Options::read(words.iter().map(|word| word.to_string()))
    }

    #[test]
    fn no_name_means_every_check() {
        let options = read(&[]).unwrap();
        assert!(check::ALL.iter().all(|check| options.wants(check)));
    }

    #[test]
    fn a_name_means_only_that_check() {
        let options = read(&["format", "--update"]).unwrap();
        let wanted: Vec<_> = check::ALL.iter().filter(|check| options.wants(check)).map(|c| c.name).collect();
        assert_eq!(wanted, ["format"]);
        assert!(options.update);
    }

    #[test]
    fn an_unknown_name_is_an_error() {
        assert!(read(&["formats"]).unwrap_err().contains("`formats`"));
    }
}
