//! Child processes that do not outlive the test that started them.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// A child in a process group of its own, which must end when its standard input closes.
///
/// That input is a pipe from this process and closes with it, also when a test run is killed.
pub struct Process {
    child: Child,
    name: String,
    stderr: Arc<Mutex<String>>,
    stdin: Option<ChildStdin>,
    stdout: Mutex<Receiver<String>>,
}

impl Process {
    /// Starts `command` with nothing of this process's environment but `PATH`.
    ///
    /// What `command` sets by `env` before is kept out too: give it as `environment`.
    pub fn start(mut command: Command, environment: &[(&str, &str)]) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(environment.iter().copied())
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("`{name}` does not start ({error}): is it installed?"));
        let stderr = Arc::new(Mutex::new(String::new()));
        collect(child.stderr.take().expect("stderr is piped"), stderr.clone());
        Self {
            stdin: child.stdin.take(),
            stdout: Mutex::new(lines(child.stdout.take().expect("stdout is piped"))),
            child,
            name,
            stderr,
        }
    }

    /// Waits for a line of standard output that begins with `prefix`, and gives the rest of it.
    #[track_caller]
    pub fn wait_for_line(&self, prefix: &str, timeout: Duration) -> String {
        let deadline = Instant::now() + timeout;
        let stdout = self.stdout.lock().expect("nothing panics with this lock");
        loop {
            match stdout.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    if let Some(rest) = line.strip_prefix(prefix) {
                        return rest.to_owned();
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    panic!("`{}` did not print `{prefix}` in {timeout:?}: {}", self.name, self.stderr())
                }
                Err(RecvTimeoutError::Disconnected) => {
                    thread::sleep(Duration::from_millis(200)); // for the end of its last words
                    panic!("`{}` ended before it printed `{prefix}`: {}", self.name, self.stderr())
                }
            }
        }
    }

    /// The ids of all processes in the child's group that run.
    pub fn ids(&self) -> Vec<u32> {
        let group = self.child.id();
        running().into_iter().filter(|process| process.group == group).map(|process| process.id).collect()
    }

    /// What the child wrote to standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.lock().expect("the collecting thread does not panic").clone()
    }
}

impl Drop for Process {
    /// Ends the group, and returns when it is gone.
    fn drop(&mut self) {
        self.stdin = None;
        let begin = Instant::now();
        while begin.elapsed() < 2 * GRACE {
            let ended = matches!(self.child.try_wait(), Ok(Some(_)));
            let left = self.ids();
            if ended && left.is_empty() {
                return;
            }
            if begin.elapsed() > GRACE {
                let _ = self.child.kill();
                let _ = Command::new("kill").arg("-KILL").args(left.iter().map(u32::to_string)).status();
            }
            thread::sleep(Duration::from_millis(10));
        }
        eprintln!("`{}` left processes behind: {:?}", self.name, self.ids());
    }
}

/// Those of `ids` that still run; one that only waits to be reaped does not.
pub fn still_running(ids: &[u32]) -> Vec<u32> {
    running().into_iter().map(|process| process.id).filter(|id| ids.contains(id)).collect()
}

struct Running {
    group: u32,
    id: u32,
}

fn running() -> Vec<Running> {
    let entries = fs::read_dir("/proc").expect("the harness needs Linux's /proc");
    entries
        .flatten()
        .filter_map(|entry| parse_stat(&fs::read_to_string(entry.path().join("stat")).ok()?))
        .collect()
}

/// Reads `id (name) state parent group …`; the name may hold spaces and parentheses.
fn parse_stat(stat: &str) -> Option<Running> {
    let (id, rest) = stat.split_once(" (")?;
    let mut fields = rest.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?;
    let group = fields.nth(1)?.parse().ok()?;
    (state != "Z" && state != "X").then_some(Running { group, id: id.parse().ok()? })
}

fn lines(output: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        // Reads on when nobody listens any more: a full pipe would stop the child.
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    receiver
}

fn collect(output: impl Read + Send + 'static, into: Arc<Mutex<String>>) {
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let mut text = into.lock().expect("nothing panics with this lock");
            text.push_str(&line);
            text.push('\n');
        }
    });
}

/// How long a child may take to end by itself.
const GRACE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_ends_with_its_standard_input() {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 600 & echo READY $FLAG; read -r _; kill -KILL 0"]);
        let process = Process::start(command, &[("FLAG", "set")]);
        assert_eq!(process.wait_for_line("READY ", Duration::from_secs(10)), "set");
        let ids = process.ids();
        assert_eq!(ids.len(), 2);
        drop(process);
        assert!(still_running(&ids).is_empty());
    }

    #[test]
    #[should_panic(expected = "ended before it printed `READY`: last words")]
    fn an_early_end_tells_why() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo last words >&2"]);
        Process::start(command, &[]).wait_for_line("READY", Duration::from_secs(10));
    }

    #[test]
    fn a_name_with_parentheses_is_no_obstacle() {
        let process = parse_stat("12 (a) b) S 3 45 6").expect("parses");
        assert_eq!((process.id, process.group), (12, 45));
        assert!(parse_stat("12 (a) Z 3 45 6").is_none());
    }
}
