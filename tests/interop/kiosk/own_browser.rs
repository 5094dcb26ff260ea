//! The terminal's own browser, which it starts and ends itself.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use keyfob_interop::{
    browser::Browser,
    provider::{Options, Provider},
};

use crate::{
    inherit::{sign_in_on_screen, state},
    terminal::{PAGES, Terminal, owed, shows, until},
};

static PROVIDER: LazyLock<Provider> =
    LazyLock::new(|| Provider::start(Options { https: true, ..Options::default() }));

/// The real browser, without a screen, and so that a test can see what it shows.
const HEADLESS: &str = "#!/bin/sh\nexec chromium --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage \
    --no-proxy-server --ignore-certificate-errors --remote-debugging-port=0 \"$@\"\n";

/// The profiles that are there, and where their browsers listen.
fn profiles(folder: &Path) -> Vec<(PathBuf, String)> {
    let entries = fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
    let profiles = entries.filter_map(|profile| {
        let port = fs::read_to_string(profile.join("DevToolsActivePort")).ok()?;
        Some((profile, format!("127.0.0.1:{}", port.lines().next()?)))
    });
    profiles.collect()
}

/// Alice walks away, and the server would ask whether she wants to leave. Her browser ends with all that it knows; Bob's
/// has no cookie of the server, and no way back.
// REQ: CDX-04
#[test]
fn every_user_has_a_browser_that_knows_nothing() {
    let (state, runtime) = (state(), state());
    let program = runtime.path().join("headless");
    fs::write(&program, HEADLESS).expect("written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).expect("is ours");
    let browsers = runtime.path().join("run");
    fs::create_dir(&browsers).expect("a folder");
    let program = program.to_str().expect("a path");
    let more = ["--open", "--browser", program, "--idle", "6", "--warning", "3"];
    let terminal = Terminal::with_browser(&PROVIDER, &state, &browsers, &more);

    let (first, debugger) = until(|| profiles(&browsers).pop());
    let browser = Browser::take_over(&debugger);
    shows(&browser, "sign-in");
    assert!(browser.url().starts_with("http://127.0.0.1:"), "{}", browser.url());
    sign_in_on_screen(&browser, "alice");
    let tokens = owed(state.path());
    // Nobody presses anything any more: the terminal waits, and does not wait for the server.
    tokens.are_dead(&PROVIDER);
    let (second, debugger) = until(|| profiles(&browsers).into_iter().find(|(profile, _)| *profile != first));
    until(|| (!first.exists()).then_some(()));
    drop(browser);

    let browser = Browser::take_over(&debugger);
    shows(&browser, "sign-in");
    assert!(browser.run("return history.length").as_u64().is_some_and(|steps| steps <= 2));
    crate::terminal::press(&browser, "sign-in");
    crate::terminal::press(&browser, "screen");
    browser.wait_for(|browser| browser.has("input[name=login]"), PAGES);
    assert!(!browser.source().contains("alice"), "the server does not remember her either");
    drop(browser);
    terminal.end();
    until(|| (!second.exists()).then_some(()));
    assert_eq!(profiles(&browsers), []);
}
