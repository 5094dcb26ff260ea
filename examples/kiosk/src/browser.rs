//! The kiosk's own browser: full-screen, and with a profile of its own for every user, which is removed afterwards.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use keyfob_core::entropy::Entropy;
use keyfob_std::entropy::SystemEntropy;

/// A browser that shows one page.
pub struct Browser {
    program: PathBuf,
    page: String,
    running: Option<Running>,
}

struct Running {
    child: Child,
    profile: PathBuf,
}

/// What it may be called.
const PROGRAMS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// No menu, no gestures that lead elsewhere, no guesses about what users type, nothing that outlives them.
const FLAGS: [&str; 11] = [
    "--kiosk",
    "--incognito",
    "--no-first-run",
    "--no-default-browser-check",
    "--noerrdialogs",
    "--disable-infobars",
    "--disable-pinch",
    "--disable-sync",
    "--disable-features=Translate,AutofillServerCommunication",
    "--overscroll-history-navigation=0",
    "--password-store=basic",
];

impl Browser {
    /// Starts `program`, or the first one that is found.
    pub fn start(program: Option<&Path>, page: &str) -> io::Result<Self> {
        let program = match program {
            Some(program) => program.to_owned(),
            None => find().ok_or(io::Error::new(io::ErrorKind::NotFound, "no chromium is found"))?,
        };
        let mut browser = Self { program, page: page.to_owned(), running: None };
        browser.renew()?;
        Ok(browser)
    }

    /// Ends it, forgets all that it knows, and starts it anew.
    pub fn renew(&mut self) -> io::Result<()> {
        self.running = None;
        let profile = profile()?;
        let start = write_start(&profile, &self.page);
        let spawn = |start: PathBuf| {
            Command::new(&self.program)
                .args(FLAGS)
                .arg(format!("--user-data-dir={}", profile.display()))
                .arg(start)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
        };
        match start.and_then(spawn) {
            Ok(child) => self.running = Some(Running { child, profile }),
            Err(error) => {
                let _ = fs::remove_dir_all(profile);
                return Err(error);
            }
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // What it would like to save first is not wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
        // Its helpers end when they notice, and may write until then.
        for _ in 0..20 {
            if fs::remove_dir_all(&self.profile).is_ok() || !self.profile.exists() {
                return;
            }
            thread::sleep(Duration::from_millis(100));
        }
    }
}

fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .flat_map(|folder| PROGRAMS.map(|program| folder.join(program)))
        .find(|program| program.is_file())
}

/// A folder of this user's only; in memory, where the system has a place for that.
fn profile() -> io::Result<PathBuf> {
    let folder = std::env::var_os("XDG_RUNTIME_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let mut number = [0; 8];
    SystemEntropy.fill(&mut number).map_err(io::Error::other)?;
    let profile = folder.join(format!("keyfob-kiosk-{:016x}", u64::from_le_bytes(number)));
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(&profile)?;
    Ok(profile)
}

/// The address of the page is in a file, for everybody on the machine can read a command line.
fn write_start(profile: &Path, page: &str) -> io::Result<PathBuf> {
    let path = profile.join("start.html");
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let page = format!("<!doctype html><meta http-equiv=\"refresh\" content=\"0;url={page}\">\n");
    options.open(&path)?.write_all(page.as_bytes())?;
    Ok(path)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    // REQ: CDX-04
    #[test]
    fn every_user_has_another_profile_and_none_is_left() {
        let own = std::env::temp_dir().join(format!("keyfob-kiosk-browser-{}", std::process::id()));
        fs::create_dir_all(&own).expect("a folder");
        let (program, log) = (own.join("chromium"), own.join("log"));
        let script = format!("#!/bin/sh\nprintf '%s\\n' \"$*\" >>'{}'\nexec sleep 60\n", log.display());
        fs::write(&program, script).expect("written");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).expect("is ours");

        let page = "http://127.0.0.1:5/secret/";
        let started = |count: usize| {
            for _ in 0..500 {
                let text = fs::read_to_string(&log).unwrap_or_default();
                let lines: Vec<_> = text.lines().map(str::to_owned).collect();
                if lines.len() == count {
                    return lines;
                }
                thread::sleep(Duration::from_millis(20));
            }
            panic!("it did not start {count} times");
        };
        let mut browser = Browser::start(Some(&program), page).expect("starts");
        started(1);
        let profile = |browser: &Browser| browser.running.as_ref().expect("runs").profile.clone();
        let first = profile(&browser);
        assert_eq!(fs::metadata(&first).expect("is there").permissions().mode() & 0o777, 0o700);
        assert!(fs::read_to_string(first.join("start.html")).expect("is there").contains(page));
        browser.renew().expect("starts");
        let second = profile(&browser);
        assert!(first != second && !first.exists() && second.exists());
        let lines = started(2);
        assert!(lines.iter().all(|line| line.contains("--kiosk --incognito") && !line.contains("secret")));
        drop(browser);
        assert!(!second.exists());
        fs::remove_dir_all(own).expect("removed");
    }
}
