//! Somebody signs in on a board, stays signed in through every loss of power, and signs out.

mod name;
mod phone;
mod relay;

use std::{
    thread,
    time::{Duration, Instant},
};

use keyfob_emulator::{Board, Tls, Ways};
use keyfob_firmware_tests::{
    Running,
    equipment::{Equipment, tokens},
    name_server::NameServer,
};
use keyfob_interop::{
    browser::{self, Browser},
    provider::{NAMED_HOST, Options, Provider},
};

/// The user reads address and code from the console, and enters them into a browser.
fn enter(browser: &Browser, running: &mut Running, login: &str) -> String {
    let (address, code) = running.code();
    browser.open(&address);
    browser.fill("input[name=user_code]", &code);
    browser.click("[type=submit]");
    browser::sign_in(browser, login);
    assert!(browser.text().contains("Sign-in Success"), "{}", browser.text());
    code
}

/// How often the token endpoint was asked so, and said yes.
fn granted(provider: &Provider, grant_type: &str) -> usize {
    let asked = provider.seen_at("/oauth/token");
    asked.iter().filter(|seen| seen["values"]["grant_type"] == grant_type && seen["status"] == 200).count()
}

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const REFRESH_TOKEN: &str = "refresh_token";

/// Switches the board on and signs in.
fn signed_in(equipment: &Equipment) -> Running {
    let mut running = equipment.device.start();
    running.line("Nobody is signed in");
    running.press("\r");
    enter(&equipment.browser, &mut running, "alice");
    running.line("Signed in as alice");
    running
}

/// Waits until the condition holds.
#[track_caller]
fn wait_for(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "it did not come");
        thread::sleep(Duration::from_millis(50));
    }
}

fn signs_in_and_out(board: Board, tls: Tls) {
    let Equipment { device, provider, browser } = Equipment::new(board, tls);
    let mut running = device.start();
    running.line("Address 10.0.2.15");
    running.line("Nobody is signed in (NeverSignedIn).");
    running.press("\r");
    enter(&browser, &mut running, "alice");
    running.line("The server gave tokens.");
    let user = running.line("Signed in as ");
    assert!(user.starts_with("alice: User alice Ünïcode 名前."), "{user}");
    assert_eq!(granted(&provider, DEVICE_CODE), 1);
    assert_eq!(provider.seen_at("/userinfo").len(), 1);

    // Without the user.
    running.press("r");
    running.line("Refreshing.");
    running.press("u");
    running.line("Signed in as alice");
    assert_eq!(granted(&provider, REFRESH_TOKEN), 1);
    drop(running);
    let mut running = device.start();
    running.line("Signed in as alice");
    assert_eq!(granted(&provider, REFRESH_TOKEN), 2);

    // The server takes the stored token no more, and the device has none.
    assert!(!tokens(&device.flash()).is_empty());
    running.press("o");
    running.line("Signed out: Revoked.");
    running.line("Nobody is signed in (SignedOut).");
    assert_eq!(provider.seen_at("/oauth/revoke")[0]["status"], 200);
    assert_eq!(tokens(&device.flash()), [""; 0]);
    drop(running);
    device.start().line("Nobody is signed in (NeverSignedIn).");
    assert_eq!(granted(&provider, REFRESH_TOKEN), 2);
}

/// The power goes in the middle of each write and each erasure of a refresh.
fn power_cuts(board: Board, tls: Tls) {
    let equipment = Equipment::new(board, tls);
    drop(signed_in(&equipment));
    let (mut cuts, mut lost) = (0, 0);
    loop {
        let cut = (cuts + 1).to_string();
        let mut running = equipment.device.start_with(&[("cut", &cut)]);
        match running.off_or_line("Signed in as alice") {
            Some(code) => assert_eq!(code, 77, "{}", running.console()),
            None => break,
        }
        cuts += 1;
        drop(running);
        // Signed in as before, unless the new token was lost on its way into the flash.
        let mut running = equipment.device.start();
        if running.either(["Signed in as alice", "Nobody is signed in (AnswerLost)."]).0 == 1 {
            lost += 1;
            running.press("\r");
            enter(&equipment.browser, &mut running, "alice");
            running.line("Signed in as alice");
        }
    }
    assert!(cuts >= 4 && lost < cuts, "{cuts} cuts, and {lost} times the token was lost");
}

/// The power goes in the middle of each phase, when the server has done what it was asked and its answer is lost.
fn carries_on(board: Board, tls: Tls) {
    let equipment = Equipment::new(board, tls);
    let Equipment { device, provider, browser } = &equipment;

    // Before there is a code.
    let mut running = device.start();
    running.line("Nobody is signed in (NeverSignedIn).");
    provider.hold("/oauth/device/code");
    running.press("\r");
    wait_for(|| !provider.seen_at("/oauth/device/code").is_empty());
    drop(running);
    provider.release();

    // While the user is entering the code: it stays good.
    let mut running = device.start();
    running.line("Nobody is signed in (NeverSignedIn).");
    running.press("\r");
    let (_, code) = running.code();
    wait_for(|| !provider.seen_at("/oauth/token").is_empty());
    drop(running);
    let mut running = device.start();
    running.line("Going on with the code from before.");
    assert_eq!(enter(browser, &mut running, "alice"), code);
    running.line("Signed in as alice");
    assert_eq!(granted(provider, DEVICE_CODE), 1);

    // While it is signed in and nothing happens.
    drop(running);
    let mut running = device.start();
    running.line("Signed in as alice");
    assert_eq!(granted(provider, REFRESH_TOKEN), 1);

    // While it signs out.
    provider.hold("/oauth/revoke");
    running.press("o");
    wait_for(|| !provider.seen_at("/oauth/revoke").is_empty());
    drop(running);
    provider.release();
    let mut running = device.start();
    running.line("Signed out: Revoked.");
    running.line("Nobody is signed in");

    // While it gets tokens: the code is used up, and the server says so.
    running.press("\r");
    provider.hold("/oauth/token");
    enter(browser, &mut running, "alice");
    wait_for(|| granted(provider, DEVICE_CODE) == 2);
    drop(running);
    provider.release();
    let mut running = device.start();
    running.line("Going on with the code from before.");
    running.line("The server says: invalid_grant");
    running.line("Nobody is signed in");
    running.press("\r");
    enter(browser, &mut running, "alice");
    running.line("Signed in as alice");

    // While it refreshes: the server has replaced the token, and takes the old one for stolen. Only the user can help.
    provider.hold("/oauth/token");
    running.press("r");
    wait_for(|| granted(provider, REFRESH_TOKEN) == 2);
    drop(running);
    provider.release();
    let mut running = device.start();
    running.line("Nobody is signed in (AnswerLost).");
    running.press("\r");
    enter(browser, &mut running, "alice");
    running.line("Signed in as alice");
}

// REQ: DRV-05
#[test]
fn cortex_m() {
    signs_in_and_out(Board::Mps2An386, Tls::P256);
}

#[test]
fn cortex_m_carries_on() {
    carries_on(Board::Mps2An386, Tls::P256);
}

// REQ: REFRESH-04
#[test]
fn cortex_m_with_power_cuts() {
    power_cuts(Board::Mps2An386, Tls::None);
}

#[test]
fn cortex_m_without_tls() {
    signs_in_and_out(Board::Mps2An386, Tls::None);
}

#[test]
fn risc_v() {
    signs_in_and_out(Board::Virt, Tls::P256);
}

#[test]
fn a_server_with_a_name() {
    let server = NameServer::start(NAMED_HOST);
    let options = Options { https: true, named_host: true, ..Options::default() };
    let settings = [("name_server", NameServer::ADDRESS)];
    let equipment = Equipment::with(Board::Mps2An386, Tls::P256, Ways::Code, options, &settings);
    assert!(equipment.provider.issuer().contains(NAMED_HOST));
    signed_in(&equipment);
    let asked = server.asked();
    assert!(!asked.is_empty() && asked.iter().all(|name| name == NAMED_HOST), "{asked:?}");

    // The same server by a name that nobody knows.
    let issuer = equipment.provider.issuer().replace(NAMED_HOST, "nobody.keyfob.test");
    equipment.device.start_with(&[("issuer", &issuer)]).line("No answer: ");
    assert!(server.asked().iter().any(|name| name == "nobody.keyfob.test"));
}
