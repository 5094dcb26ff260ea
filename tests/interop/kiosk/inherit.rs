//! The next user inherits nothing, however the last one left.

use std::{sync::LazyLock, thread, time::Duration};

use keyfob_interop::{
    browser::{self, Browser, Options as BrowserOptions},
    provider::{Options, Provider},
};
use tempfile::TempDir;

use crate::terminal::{PAGES, Terminal, Tokens, owed, press, records, shows, until};

/// On another host than the terminal's page: what browsers keep, they keep by host.
static PROVIDER: LazyLock<Provider> =
    LazyLock::new(|| Provider::start(Options { https: true, ..Options::default() }));

/// A user is signed out after four seconds.
const BRIEF: &[&str] = &["--idle", "4", "--warning", "2"];

pub fn screen() -> Browser {
    Browser::start_with(BrowserOptions { accept_insecure_certs: true })
}

pub fn state() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// Signs in on the terminal's own screen, from its first page; whoever it is has to say so.
#[track_caller]
pub fn sign_in_on_screen(browser: &Browser, login: &str) {
    press(browser, "sign-in");
    press(browser, "screen");
    browser.wait_for(|browser| browser.has("input[name=login]"), PAGES);
    browser::sign_in(browser, login);
    shows(browser, "sign-out");
    assert!(browser.text().contains(login), "{}", browser.text());
}

/// Alice is signed in on the screen of a terminal.
#[track_caller]
fn alice(state: &TempDir, more: &[&str]) -> (Terminal, Browser, Tokens) {
    let terminal = Terminal::at(&PROVIDER, state, more);
    let browser = screen();
    browser.open(&terminal.page);
    sign_in_on_screen(&browser, "alice");
    let tokens = owed(state.path());
    assert_eq!(tokens.are_active(&PROVIDER), [true, true]);
    (terminal, browser, tokens)
}

/// Bob comes after her: her tokens are dead, nothing of her is left, and he has to say who he is.
#[track_caller]
fn bob(browser: &Browser, state: &TempDir, tokens: &Tokens) {
    shows(browser, "sign-in");
    tokens.are_dead(&PROVIDER);
    until(|| records(state.path()).is_empty().then_some(()));
    leaves_nothing(browser);
    sign_in_on_screen(browser, "bob");
    leaves_nothing(browser);
    let seen = PROVIDER.seen_at("/authorize");
    assert!(seen.iter().all(|request| request["query"]["prompt"] == "login consent"), "{seen:?}");
}

/// Nothing of Alice is in the page, and nothing at all is stored for it.
#[track_caller]
fn leaves_nothing(browser: &Browser) {
    assert!(!browser.source().contains("alice"), "{}", browser.source());
    let stored = "return [document.cookie, localStorage.length, sessionStorage.length]";
    assert_eq!(browser.run(stored), serde_json::json!(["", 0, 0]));
}

/// The server's own session ends too, and this server asks first.
#[track_caller]
fn leave_the_server(browser: &Browser) {
    browser.click("button[name=logout]");
    shows(browser, "sign-in");
}

// REQ: CDX-03, CDX-04
#[test]
fn after_the_button() {
    let state = state();
    let (_terminal, browser, tokens) = alice(&state, &[]);
    assert!(browser.text().contains("User alice Ünïcode 名前"), "who it is: {}", browser.text());
    press(&browser, "sign-out");
    leave_the_server(&browser);
    bob(&browser, &state, &tokens);
}

// REQ: CDX-04
#[test]
fn after_nobody_was_there() {
    let state = state();
    let (_terminal, browser, tokens) = alice(&state, BRIEF);
    shows(&browser, "stay");
    assert!(browser.text().contains("Are you still there?"), "{}", browser.text());
    press(&browser, "stay");
    browser.wait_for(|browser| !browser.has("button[value=stay]"), PAGES);
    assert!(browser.text().contains("alice"), "she was");
    leave_the_server(&browser);
    tokens.are_dead(&PROVIDER);
    assert!(!browser.source().contains("alice"));
}

/// What a session may last, whatever its user does.
// REQ: CDX-04
#[test]
fn after_the_time_was_over() {
    let state = state();
    let (_terminal, browser, tokens) = alice(&state, &["--session", "4"]);
    leave_the_server(&browser);
    tokens.are_dead(&PROVIDER);
    assert!(!browser.source().contains("alice"));
}

/// The server has no time to be told anything; it is told at the next start. This browser is not the terminal's own: it keeps
/// the server's cookie, which signs nobody in.
// REQ: CDX-04
#[test]
fn after_the_power_was_lost() {
    let state = state();
    let (terminal, browser, tokens) = alice(&state, &[]);
    let old = terminal.page.clone();
    terminal.kill();
    browser.wait_for(|browser| !browser.source().contains("alice"), PAGES);
    assert!(browser.text().contains("does not answer"), "{}", browser.text());
    assert_eq!((tokens.are_active(&PROVIDER), records(state.path()).len()), ([true, true], 1));

    let terminal = Terminal::at(&PROVIDER, &state, &[]);
    assert_ne!(terminal.page, old);
    browser.open(&terminal.page);
    bob(&browser, &state, &tokens);
    browser.open(&old);
    assert!(!browser.source().contains("alice") && !browser.source().contains("bob"));
}

// REQ: CDX-04
#[test]
fn after_the_program_has_ended() {
    let state = state();
    let (terminal, browser, tokens) = alice(&state, &[]);
    terminal.end();
    tokens.are_dead(&PROVIDER);
    assert!(records(state.path()).is_empty());
    let terminal = Terminal::at(&PROVIDER, &state, &[]);
    browser.open(&terminal.page);
    bob(&browser, &state, &tokens);
}

/// Whoever opens the page next finds nobody signed in.
// REQ: CDX-04
#[test]
fn after_the_page_was_closed() {
    let state = state();
    let (terminal, browser, tokens) = alice(&state, &[]);
    drop(browser);
    tokens.are_dead(&PROVIDER);
    let browser = screen();
    browser.open(&terminal.page);
    bob(&browser, &state, &tokens);
}

/// Every address that Alice's browser was at is opened again, and every step gone back.
// REQ: CDX-04
#[test]
fn on_the_way_back() {
    let state = state();
    let terminal = Terminal::at(&PROVIDER, &state, &[]);
    let browser = screen();
    browser.open(&terminal.page);
    sign_in_on_screen(&browser, "alice");
    let tokens = owed(state.path());
    press(&browser, "sign-out");
    leave_the_server(&browser);
    tokens.are_dead(&PROVIDER);
    let been = browser.navigations();
    assert!(been.iter().any(|url| url.contains("/callback?code=")), "{been:?}");
    assert!(been.iter().any(|url| url.contains("/loggedout?state=")), "{been:?}");

    let shows_nothing = |browser: &Browser, place: &str| {
        thread::sleep(Duration::from_millis(300));
        let typed = browser.run("return [...document.querySelectorAll('input')].map(input => input.value)");
        let seen = format!("{} {typed}", browser.text());
        assert!(!seen.contains("alice") && !browser.has("button[value=sign-out]"), "{place}: {seen}");
    };
    let steps = browser.run("return history.length").as_u64().expect("a number");
    assert!(steps > 1, "there is a way back");
    for step in 1..steps {
        browser.run("history.back()");
        shows_nothing(&browser, &format!("{step} back at {}", browser.url()));
    }
    for url in been.iter().filter(|url| url.starts_with("http://127.0.0.1:")) {
        browser.open(url);
        shows_nothing(&browser, url);
    }
    browser.open(&format!("{}state?seen=0", terminal.page));
    let text = browser.text();
    assert!(text.parse::<u64>().is_ok(), "{text}");
    browser.open(&terminal.page);
    bob(&browser, &state, &tokens);
}

/// The server does not answer at the sign-out: the user is signed out all the same, and the server is told later.
// REQ: CDX-04
#[test]
fn while_the_server_was_away() {
    let state = state();
    let provider = Provider::start(Options::default());
    let port = provider.issuer().rsplit_once(':').expect("a port").1.parse().expect("a number");
    let terminal = Terminal::at(&provider, &state, &[]);
    let browser = screen();
    browser.open(&terminal.page);
    sign_in_on_screen(&browser, "alice");
    drop(provider);
    press(&browser, "sign-out");
    browser.wait_for(|browser| !browser.source().contains("alice"), PAGES);
    // Its end does not wait for the server for long.
    terminal.end();
    assert_eq!(records(state.path()).len(), 1);

    // The same issuer, which has forgotten all it knew: the token is unknown, and that is as good.
    let provider = Provider::start(Options { port, ..Options::default() });
    let _terminal = Terminal::at(&provider, &state, &[]);
    until(|| records(state.path()).is_empty().then_some(()));
    let told = provider.seen_at("/oauth/revoke");
    assert_eq!(told.len(), 2, "both tokens");
    assert!(told.iter().all(|request| request["status"] == 200), "{told:?}");
}
