//! The system's browser.

use std::{
    cell::RefCell,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    rc::Rc,
    thread,
    time::{Duration, Instant},
};

use keyfob_std::{
    redirect::{Loopback, LoopbackHost},
    user_agent::{Desktop, Progress, UserAgent, UserAgentError},
};

use crate::support::child;

/// With everything that a shell would take for its own.
pub const URL: &str =
    "https://as.example/authorize?client_id=a&state=marker-state&nonce=%22%27&scope=$(id);*";

fn desktop() -> Desktop {
    Desktop::new(Loopback::bind(LoopbackHost::V4, 0, "/callback").expect("a port is free"))
}

/// A browser that writes down its arguments, each in a line.
pub fn browser(name: &str) -> (PathBuf, PathBuf) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("is made");
    let (browser, seen) = (folder.join("browser"), folder.join("seen"));
    let script =
        format!("#!/bin/sh\nprintf '%s\\n' \"$#\" \"$@\" > '{0}.new'\nmv '{0}.new' '{0}'\n", seen.display());
    fs::write(&browser, script).expect("is written");
    fs::set_permissions(&browser, fs::Permissions::from_mode(0o755)).expect("is set");
    (browser, seen)
}

fn read(path: &Path) -> String {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(10) {
        if let Ok(text) = fs::read_to_string(path) {
            return text;
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!("no browser was opened")
}

// REQ: DRV-04
#[test]
fn the_browser_gets_the_address_as_one_argument() {
    if child::is_child() {
        let shown = Rc::new(RefCell::new(String::new()));
        let screen = shown.clone();
        let mut desktop = desktop().show(move |url| screen.borrow_mut().push_str(url));
        desktop.open(URL).expect("there is a browser");
        assert_eq!(*shown.borrow(), URL);
        return;
    }
    let (browser, seen) = browser("one-argument");
    child::run(
        "desktop::the_browser_gets_the_address_as_one_argument",
        &[("BROWSER", &browser.to_string_lossy())],
    );
    assert_eq!(read(&seen), format!("1\n{URL}\n"));
}

// REQ: DRV-04
#[test]
fn without_a_browser_the_address_is_shown() {
    if child::is_child() {
        let shown = Rc::new(RefCell::new(String::new()));
        let screen = shown.clone();
        desktop().show(move |url| screen.borrow_mut().push_str(url)).open(URL).expect("is shown");
        assert_eq!(*shown.borrow(), URL);
        assert!(matches!(desktop().open(URL), Err(UserAgentError::NoBrowser)));
        return;
    }
    let nowhere = env!("CARGO_TARGET_TMPDIR");
    let variables = [("BROWSER", "/nowhere/browser"), ("PATH", nowhere)];
    child::run("desktop::without_a_browser_the_address_is_shown", &variables);
}

// REQ: DRV-04
#[test]
fn no_browser_opens_when_none_is_wanted() {
    if child::is_child() {
        desktop().without_browser().show(|_| {}).open(URL).expect("is shown");
        assert!(matches!(desktop().without_browser().open(URL), Err(UserAgentError::NoBrowser)));
        assert!(matches!(desktop().show(|_| {}).open("file:///etc/passwd"), Err(UserAgentError::NoBrowser)));
        thread::sleep(Duration::from_millis(300));
        return;
    }
    let (browser, seen) = browser("not-wanted");
    child::run("desktop::no_browser_opens_when_none_is_wanted", &[("BROWSER", &browser.to_string_lossy())]);
    assert!(!seen.exists());
}

#[test]
fn progress_is_reported() {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let report = seen.clone();
    let mut desktop = desktop().on_progress(move |progress| report.borrow_mut().push(progress));
    desktop.progress(Progress::Exchanging);
    desktop.progress(Progress::FetchingKeys);
    assert_eq!(*seen.borrow(), [Progress::Exchanging, Progress::FetchingKeys]);
}
