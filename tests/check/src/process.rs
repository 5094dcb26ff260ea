//! Running other programs: without input, with a time limit, into a log.

use std::collections::HashMap;
use std::env;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Where a check runs programs; all that they print goes to one log.
pub struct Shell {
    /// The project's top folder.
    pub root: PathBuf,
    /// Where this program keeps logs and what it builds: `target/check`.
    pub kept: PathBuf,
    log_path: PathBuf,
    log: File,
}

/// A program that is about to run.
pub struct Step {
    command: Command,
    limit: Duration,
}

/// A program that has run.
pub struct Ran {
    /// Whether it ended with exit code 0.
    pub success: bool,
    /// What it printed, to both outputs.
    pub text: String,
}

impl Shell {
    /// Starts the log of this check anew.
    pub fn open(root: &Path, name: &str) -> io::Result<Self> {
        let target = match env::var_os("CARGO_TARGET_DIR") {
            Some(folder) => std::path::absolute(folder)?,
            None => root.join("target"),
        };
        let kept = target.join("check");
        fs::create_dir_all(&kept)?;
        let log_path = kept.join(format!("{name}.log"));
        let log = File::options().create(true).truncate(true).read(true).write(true).open(&log_path)?;
        Ok(Self { root: root.into(), kept, log_path, log })
    }

    /// Cargo, at the top folder; ended after 20 minutes unless told otherwise.
    pub fn cargo(&self, words: &[&str]) -> Step {
        self.program("cargo", words).limit(20 * 60)
    }

    /// A program, at the top folder; ended after a minute unless told otherwise.
    pub fn program(&self, name: &str, words: &[&str]) -> Step {
        let mut command = Command::new(name);
        command.args(words).current_dir(&self.root).stdin(Stdio::null());
        command
            .env("CARGO_TERM_COLOR", "never")
            .env("CARGO_TERM_PROGRESS_WHEN", "never")
            .env("NO_COLOR", "1");
        // What the outer `cargo run` set for this package would be taken for a change by some build scripts.
        for (key, _) in env::vars_os() {
            if key.to_str().is_some_and(set_by_cargo_run) {
                command.env_remove(key);
            }
        }
        Step { command, limit: Duration::from_secs(60) }
    }

    /// Runs it; an error is a sentence: it could not start, or took too long.
    pub fn run(&mut self, step: Step) -> Result<Ran, String> {
        let words = step.words();
        let start = self.end_of_log(&format!("$ {words}\n"));
        let output = start.and_then(|start| Ok((start, self.log.try_clone()?, self.log.try_clone()?)));
        let (start, out, err) = output.map_err(|why| format!("The log cannot be written: {why}"))?;
        let status = wait(step, &words, out.into(), err.into())?;
        let text = self.text_from(start).map_err(|why| format!("The log cannot be read: {why}"))?;
        Ok(Ran { success: status.success(), text })
    }

    /// Runs it; ending with another exit code than 0 is an error too.
    pub fn must(&mut self, step: Step) -> Result<String, String> {
        let words = step.words();
        let ran = self.run(step)?;
        if ran.success { Ok(ran.text) } else { Err(format!("`{words}` failed.")) }
    }

    /// Runs it as `must` does, and gives back only what it printed to standard output.
    pub fn answer(&mut self, step: Step) -> Result<String, String> {
        let words = step.words();
        let path = self.log_path.with_extension("out");
        let prepared = self.end_of_log(&format!("$ {words}\n"));
        let files = prepared.and_then(|_| Ok((File::create(&path)?, self.log.try_clone()?)));
        let (out, err) = files.map_err(|why| format!("The log cannot be written: {why}"))?;
        if !wait(step, &words, out.into(), err.into())?.success() {
            return Err(format!("`{words}` failed."));
        }
        fs::read_to_string(&path).map_err(|why| format!("What `{words}` printed cannot be read: {why}"))
    }

    /// Prints the log's last lines and where the rest is.
    pub fn show_end(&mut self) {
        let text = self.text_from(0).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        for line in lines.iter().skip(lines.len().saturating_sub(SHOWN)) {
            println!("   | {line}");
        }
        println!("   all of it: {}", self.log_path.display());
    }

    fn end_of_log(&mut self, heading: &str) -> io::Result<u64> {
        self.log.seek(SeekFrom::End(0))?;
        self.log.write_all(heading.as_bytes())?;
        self.log.stream_position()
    }

    fn text_from(&mut self, start: u64) -> io::Result<String> {
        let mut bytes = Vec::new();
        self.log.seek(SeekFrom::Start(start))?;
        self.log.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl Step {
    /// Runs it elsewhere.
    pub fn in_folder(mut self, folder: impl AsRef<Path>) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Sets a variable of its environment.
    pub fn env(mut self, key: &str, value: &str) -> Self {
        self.command.env(key, value);
        self
    }

    /// Adds a word that is a path.
    pub fn path(mut self, path: impl AsRef<Path>) -> Self {
        self.command.arg(path.as_ref());
        self
    }

    /// Ends it after this many seconds.
    pub fn limit(mut self, seconds: u64) -> Self {
        self.limit = Duration::from_secs(seconds);
        self
    }

    fn words(&self) -> String {
        let mut words = self.command.get_program().to_string_lossy().into_owned();
        for word in self.command.get_args() {
            words.push(' ');
            words.push_str(&word.to_string_lossy());
        }
        words
    }
}

/// How many lines of a log are shown when a check fails.
const SHOWN: usize = 40;

fn set_by_cargo_run(key: &str) -> bool {
    key == "CARGO"
        || ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"].iter().any(|start| key.starts_with(start))
}

fn wait(mut step: Step, words: &str, out: Stdio, err: Stdio) -> Result<ExitStatus, String> {
    let spawned = step.command.stdout(out).stderr(err).spawn();
    let mut child = spawned.map_err(|why| format!("`{words}` cannot be started: {why}."))?;
    let start = Instant::now();
    let mut told = 0;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if start.elapsed() < step.limit => thread::sleep(Duration::from_millis(20)),
            Ok(None) => {
                end(&mut child);
                return Err(format!("`{words}` was ended: it took more than {} s.", step.limit.as_secs()));
            }
            Err(why) => return Err(format!("`{words}` was lost: {why}.")),
        }
        let minutes = start.elapsed().as_secs() / 60;
        if minutes > told {
            told = minutes;
            println!("   … {told} min: {words}");
        }
    }
}

/// Ends a program and all that it has started, each by its id.
///
/// They are not put into a group of their own, which would be easier to end, because then Ctrl-C in a
/// terminal would not reach them.
fn end(child: &mut Child) {
    let family = family(child.id());
    let ids = family.iter().map(u32::to_string);
    // `kill` is part of every shell, but not always a program of its own.
    let _ = Command::new("sh").args(["-c", "kill -KILL \"$@\" 2>/dev/null", "sh"]).args(ids).status();
    let _ = child.kill();
    let _ = child.wait();
}

/// A process and all below it, by Linux's table of processes; elsewhere only the process itself.
fn family(id: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        if let Some((id, parent)) = id_and_parent(&stat) {
            children.entry(parent).or_default().push(id);
        }
    }
    let mut family = vec![id];
    let mut next = 0;
    while next < family.len() {
        family.extend(children.remove(&family[next]).unwrap_or_default());
        next += 1;
    }
    family
}

/// `1234 (any name) S 1200 …`; the name may hold spaces and parentheses.
fn id_and_parent(stat: &str) -> Option<(u32, u32)> {
    let id = stat.split(' ').next()?.parse().ok()?;
    let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
    Some((id, parent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_name_may_hold_anything() {
        assert_eq!(id_and_parent("12 (a) b (c)) S 7 12 12 0"), Some((12, 7)));
        assert_eq!(id_and_parent(""), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_step_that_takes_too_long_is_ended_with_all_it_started() {
        let folder = env::temp_dir().join(format!("keyfob-check-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let mut shell = Shell::open(&folder, "limit").unwrap();
        let start = Instant::now();
        let step = shell.program("sh", &["-c", "sleep 60 & echo $! >id; wait"]).limit(1);
        assert!(shell.run(step).err().unwrap().contains("more than 1 s"));
        assert!(start.elapsed() < Duration::from_secs(30));
        let id = fs::read_to_string(folder.join("id")).unwrap();
        let alive = || {
            let state = fs::read_to_string(format!("/proc/{}/stat", id.trim())).unwrap_or_default();
            !state.is_empty() && !state.contains(") Z ")
        };
        while alive() {
            assert!(start.elapsed() < Duration::from_secs(30), "{id} still runs");
            thread::sleep(Duration::from_millis(10));
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}
