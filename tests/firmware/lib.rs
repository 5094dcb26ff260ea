//! A board in QEMU, for tests.

pub mod chain;
pub mod equipment;
pub mod name_server;
pub mod qr;
pub mod service;
pub mod wire;

use std::{
    fs,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use keyfob_emulator::{Board, Wiring, emulate};
use tempfile::TempDir;

/// A board: its firmware, and its flash, which outlives every start.
pub struct Device {
    board: Board,
    firmware: PathBuf,
    folder: TempDir,
    settings: Vec<(String, String)>,
    /// What its network is connected to.
    pub wiring: Wiring,
}

impl Device {
    /// A board that was never switched on.
    pub fn new(board: Board, firmware: &Path, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory can be made");
        let settings = settings.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        Self { board, firmware: firmware.into(), folder, settings, wiring: Wiring::default() }
    }

    /// Makes its pages reachable from this machine, and tells where.
    #[track_caller]
    pub fn forward(&mut self) -> SocketAddr {
        if let Some(address) = self.wiring.forward {
            return address;
        }
        // Nothing else has this address, so the port stays free.
        let listener = TcpListener::bind((FORWARDED, 0)).expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        self.wiring.forward = Some(address);
        address
    }

    /// Where its files are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Gives it a file.
    pub fn put(&self, name: &str, octets: &[u8]) {
        fs::write(self.folder.path().join(name), octets).expect("it can be written");
    }

    /// What is in its flash.
    pub fn flash(&self) -> Vec<u8> {
        fs::read(self.folder.path().join("flash.bin")).expect("the board was on")
    }

    /// Switches it on.
    pub fn start(&self) -> Running {
        self.start_with(&[])
    }

    /// Switches it on so that an instruction takes a nanosecond of its time, and keeps what goes over the wire.
    pub fn start_measured(&self) -> Running {
        let settings: Vec<_> =
            self.settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let mut qemu = emulate(self.board, &self.firmware, self.folder.path(), &settings, self.wiring);
        qemu.args(["-icount", "shift=0", "-object", "filter-dump,id=dump,netdev=net,file=wire.pcap"]);
        Running::start(&qemu)
    }

    /// What went over the wire while it was last measured.
    pub fn wire(&self) -> wire::Wire {
        wire::Wire::read(&fs::read(self.folder.path().join("wire.pcap")).expect("it was measured"))
    }

    /// Switches it on with further settings.
    pub fn start_with(&self, more: &[(&str, &str)]) -> Running {
        let own = self.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let settings: Vec<_> = own.chain(more.iter().copied()).collect();
        let qemu = emulate(self.board, &self.firmware, self.folder.path(), &settings, self.wiring);
        Running::start(&qemu)
    }
}

/// A board that is on; dropping this cuts its power.
pub struct Running {
    guard: Child,
    keys: Option<ChildStdin>,
    console: Arc<Mutex<String>>,
    /// So much of the console was looked at.
    seen: usize,
}

impl Running {
    fn start(qemu: &Command) -> Self {
        let mut guarded = Command::new("sh");
        guarded.args(["-c", GUARD, "guard"]).arg(qemu.get_program()).args(qemu.get_args());
        guarded.current_dir(qemu.get_current_dir().expect("it has a folder"));
        let mut guard = guarded
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("a shell is there");
        let console = Arc::<Mutex<String>>::default();
        let mut output = guard.stdout.take().expect("it is piped");
        let copy = console.clone();
        thread::spawn(move || {
            let (mut octets, mut rest) = ([0; 4096], Vec::new());
            while let Ok(length @ 1..) = output.read(&mut octets) {
                rest.extend_from_slice(&octets[..length]);
                // A character may come in two pieces.
                let whole = match str::from_utf8(&rest) {
                    Ok(text) => text.len(),
                    Err(error) => error.valid_up_to(),
                };
                let text = String::from_utf8(rest.drain(..whole).collect()).expect("it was looked at");
                copy.lock().expect("nobody panics with it").push_str(&text);
            }
        });
        let keys = guard.stdin.take();
        Self { guard, keys, console, seen: 0 }
    }

    /// Waits for a line that begins so, and gives the rest of it. What came before is not looked at again.
    #[track_caller]
    pub fn line(&mut self, beginning: &str) -> String {
        self.either([beginning]).1
    }

    /// Waits for a line that begins in one of these ways, and tells which one, and the rest of the line.
    #[track_caller]
    pub fn either<const N: usize>(&mut self, beginnings: [&str; N]) -> (usize, String) {
        let deadline = Instant::now() + SOON;
        loop {
            let console = self.console();
            let mut at = self.seen;
            for line in console[self.seen..].split_inclusive('\n').filter(|line| line.ends_with('\n')) {
                at += line.len();
                let found = beginnings.iter().position(|beginning| line.starts_with(beginning));
                if let Some(found) = found {
                    self.seen = at;
                    return (found, line[beginnings[found].len()..].trim_end().to_owned());
                }
            }
            assert!(!console.contains(OFF), "the board went off before it wrote {beginnings:?}:\n{console}");
            assert!(Instant::now() < deadline, "{beginnings:?} did not come in {SOON:?}:\n{console}");
            thread::sleep(PAUSE);
        }
    }

    /// Waits until a code is shown, and gives the address to enter it at, and the code.
    #[track_caller]
    pub fn code(&mut self) -> (String, String) {
        self.line("To sign in");
        let address = self.either(["    http", "http"]).1;
        self.either(["on a phone", "and enter the code"]);
        loop {
            let code = self.line("");
            if !code.is_empty() {
                return (format!("http{address}"), code.trim().into());
            }
        }
    }

    /// What the QR code says that is shown next.
    #[track_caller]
    pub fn scan(&mut self) -> String {
        self.line("Or scan this");
        let begin = self.seen;
        while !self.line("").is_empty() {}
        qr::read(&self.console()[begin..self.seen])
    }

    /// Presses keys.
    #[track_caller]
    pub fn press(&mut self, keys: &str) {
        let line = self.keys.as_mut().expect("it is on");
        line.write_all(keys.as_bytes()).and_then(|()| line.flush()).expect("the board is on");
    }

    /// All that it wrote; a screen that was cleared begins a line.
    pub fn console(&self) -> String {
        self.console.lock().expect("nobody panics with it").replace(CLEAR, "\n")
    }

    /// Waits until it goes off by itself, and gives its code, or until such a line comes: `None`.
    #[track_caller]
    pub fn off_or_line(&mut self, beginning: &str) -> Option<i32> {
        let deadline = Instant::now() + SOON;
        loop {
            let console = self.console();
            if console[self.seen..].lines().any(|line| line.starts_with(beginning)) {
                return None;
            }
            if let Some((_, code)) = console.split_once(OFF) {
                return Some(code.trim().parse().expect("the code follows"));
            }
            assert!(Instant::now() < deadline, "nothing came in {SOON:?}:\n{console}");
            thread::sleep(PAUSE);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.keys = None;
        let _ = self.guard.wait();
        if thread::panicking() {
            eprintln!("the console:\n{}", self.console());
        }
    }
}

/// Hands keys on, and tells with which code the program ended. When there can be no more keys, also because a test run
/// was killed, all of the group ends.
const GUARD: &str = r#"{ cat; kill -KILL 0; } | { "$@"; echo "
OFF $?"; }"#;

/// What the guard writes before the code.
const OFF: &str = "\nOFF ";

/// How a console is cleared.
const CLEAR: &str = "\x1B[2J\x1B[3J\x1B[H";

/// Of this machine, and used for nothing but boards.
const FORWARDED: Ipv4Addr = Ipv4Addr::new(127, 80, 0, 1);

/// A sign-in waits for a poll of 5 s, and machines are busy.
const SOON: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(10);
