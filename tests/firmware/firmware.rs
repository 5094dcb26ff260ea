//! Somebody signs in on a board, stays signed in through every loss of power, and signs out.

use std::path::PathBuf;

use keyfob_emulator::{Board, Tls, build};
use keyfob_firmware_tests::{Device, Running};
use keyfob_interop::{
    browser::{self, Browser},
    provider::{Options, Provider},
};

fn firmware(board: Board, tls: Tls) -> PathBuf {
    build(board, tls).unwrap_or_else(|sentence| panic!("{sentence}"))
}

/// The user reads address and code from the console, and enters them into a browser.
fn enter(browser: &Browser, running: &mut Running, login: &str) -> String {
    let address = running.line("Open ");
    let code = running.line("Code ");
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

/// A board, its server, and its user's browser.
fn equipment(board: Board, tls: Tls) -> (Device, Provider, Browser) {
    let https = tls != Tls::None;
    let provider = Provider::start(Options { https, ..Options::default() });
    let browser = Browser::start_with(browser::Options { accept_insecure_certs: https });
    let device = Device::new(board, &firmware(board, tls), &[("issuer", provider.issuer())]);
    if https {
        device.put("authority.der", &provider.authority().ca_der());
    }
    (device, provider, browser)
}

fn signs_in_and_out(board: Board, tls: Tls) {
    let (device, provider, browser) = equipment(board, tls);
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

    running.press("o");
    running.line("Signed out: Revoked.");
    running.line("Nobody is signed in (SignedOut).");
    assert_eq!(provider.seen_at("/oauth/revoke")[0]["status"], 200);
    drop(running);
    device.start().line("Nobody is signed in (NeverSignedIn).");
    assert_eq!(granted(&provider, REFRESH_TOKEN), 2);
}

#[test]
fn cortex_m() {
    signs_in_and_out(Board::Mps2An386, Tls::P256);
}

#[test]
fn risc_v() {
    signs_in_and_out(Board::Virt, Tls::P256);
}

#[test]
fn without_tls() {
    signs_in_and_out(Board::Mps2An386, Tls::None);
}
