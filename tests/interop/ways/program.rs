//! The terminal program chooses, at a real server: what it takes by itself, and what it does when a way closes.

use std::path::Path;

use keyfob_interop::{browser, terminal::Program};
use serde_json::Value;

use crate::{
    bench::Bench,
    hand::{Hand, Shown, phone},
    way::{PASTE, PORTAL, RELAY},
};

/// The options for a client of this bench.
fn at<'a>(bench: &'a Bench, client_id: &'a str) -> Vec<&'a str> {
    vec!["--issuer", bench.provider.issuer(), "--client-id", client_id, "--scope", "openid profile"]
}

fn text<'v>(event: &'v Value, name: &str) -> &'v str {
    event[name].as_str().unwrap_or_else(|| panic!("no {name}: {event}"))
}

fn path(path: &Path) -> &str {
    path.to_str().expect("temporary files have names in UTF-8")
}

/// What a code's event says.
fn code(event: &Value) -> Shown {
    let text = |name| text(event, name).to_owned();
    Shown::Code {
        scannable: text("verification_uri_complete"),
        address: text("verification_uri"),
        code: text("user_code"),
    }
}

/// What a portal's event says.
fn invitation(event: &Value) -> Shown {
    let text = |name| text(event, name).to_owned();
    Shown::Code { scannable: text("link"), address: text("address"), code: text("code") }
}

/// A relay that goes away while a phone is to come: it is said, and the device grant takes over.
// REQ: RELAY-12, PORTAL-01
#[test]
fn a_relay_that_is_killed_is_left_for_the_device_grant() {
    let mut bench = Bench::new();
    let (base, account, ca) =
        (bench.relay().base().to_owned(), bench.relay().device_file(), bench.relay().ca_file());
    let (account, ca) = (path(&account), path(&ca));
    let mut options = at(&bench, "ways");
    options.extend([
        "--way",
        "relay,device",
        "--relay",
        &base,
        "--relay-device-file",
        account,
        "--ca-file",
        ca,
    ]);
    let mut program = Program::start(&options);
    assert_eq!(program.event("way")["way"], "relay");
    let shown = program.event("user_code");
    assert!(text(&shown, "verification_uri").starts_with(&base), "{shown}");
    bench.kill_relay();

    let told = program.event("fall_back");
    for (name, value) in [("from", "relay"), ("to", "device"), ("reason", "unreachable")] {
        assert_eq!(told[name], value, "{told}");
    }
    assert!(text(&told, "message").contains("relay does not answer"), "{told}");
    let shown = program.event("user_code");
    assert!(text(&shown, "verification_uri").starts_with(bench.provider.issuer()), "{shown}");
    let phone = phone();
    phone.open(code(&shown).address());
    browser::sign_in(&phone, "alice");
    let result = program.event("result");
    assert_eq!((text(&result, "subject"), text(&result, "way")), ("alice", "device"));
    program.ends_with(0);
}

/// One that is not there at all is no reason to fail either.
// REQ: RELAY-12
#[test]
fn a_relay_that_is_not_there_is_left_for_the_device_grant() {
    let bench = Bench::new();
    let files = tempfile::tempdir().expect("a temporary directory");
    let account = files.path().join("device");
    std::fs::write(&account, "kettle-1:a-secret").expect("it can be written");
    let mut options = at(&bench, "ways");
    let nowhere = bench.nowhere.replace("http:", "https:").replace("/callback", "");
    options.extend(["--way", "relay,device", "--relay", &nowhere, "--relay-device-file", path(&account)]);
    let mut program = Program::start(&options);
    let told = program.event("fall_back");
    assert_eq!((text(&told, "reason"), text(&told, "to")), ("unreachable", "device"));
    program.event("user_code");
}

// REQ: PORTAL-01, RELAY-01
#[test]
fn by_the_relay_from_the_terminal() {
    let bench = Bench::new();
    let relay = bench.relay();
    let (account, ca) = (relay.device_file(), relay.ca_file());
    let mut options = at(&bench, "ways");
    options.extend(["--way", "relay", "--relay", relay.base(), "--relay-device-file", path(&account)]);
    options.extend(["--ca-file", path(&ca)]);
    let mut program = Program::start(&options);
    let shown = code(&program.event("user_code"));
    let hand = Hand::alone();
    RELAY.go(&hand, &shown);
    assert!(program.event("connected")["message"].is_string());
    browser::sign_in(&hand.browser, "alice");
    let result = program.event("result");
    assert_eq!((text(&result, "subject"), text(&result, "way")), ("alice", "relay"));
    // Bound to a key, as this server can.
    assert_eq!(text(&result, "token_type"), "DPoP");
    hand.words("signed in");
    program.ends_with(0);
}

// REQ: PORTAL-02, CDX-05
#[test]
fn at_the_portal_from_the_terminal() {
    let bench = Bench::new();
    let address = bench.portal.to_string();
    let mut options = at(&bench, "ways");
    options.extend(["--portal", &address, "--insecure-lan-redirect", "--way", "portal"]);
    options.extend(["--then", "userinfo"]);
    let mut program = Program::start(&options);
    let shown = invitation(&program.event("portal"));
    let hand = Hand::alone();
    PORTAL.go(&hand, &shown);
    browser::sign_in(&hand.browser, "alice");
    let result = program.event("result");
    assert_eq!((text(&result, "subject"), text(&result, "way")), ("alice", "portal"));
    assert_eq!(text(&result, "token_type"), "DPoP");
    assert_eq!(program.event("userinfo")["claims"]["name"], "User alice Ünïcode 名前");
    program.ends_with(0);
    let tokens = bench.provider.seen_at("/oauth/token");
    assert!(tokens.iter().all(|request| request["dpop"] == true), "{tokens:?}");
    assert!(
        bench.provider.seen_at("/authorize")[0]["query"]["dpop_jkt"].is_string(),
        "the code is bound too"
    );
}

/// The device grant is the best way by the server's metadata, and this client may not use it: nobody notices but who reads
/// what is told.
// REQ: PORTAL-01, DEV-28
#[test]
fn a_grant_that_is_not_allowed_is_left_for_the_next_way() {
    let bench = Bench::new();
    let address = bench.portal.to_string();
    let mut options = at(&bench, "ways-by-code");
    options.extend(["--way", "device,portal", "--portal", &address, "--insecure-lan-redirect"]);
    let mut program = Program::start(&options);
    assert_eq!(program.event("way")["way"], "device");
    let told = program.event("fall_back");
    assert_eq!((text(&told, "reason"), text(&told, "to")), ("blocked", "portal"));
    let shown = invitation(&program.event("portal"));
    let hand = Hand::alone();
    PORTAL.go(&hand, &shown);
    browser::sign_in(&hand.browser, "alice");
    assert_eq!(text(&program.event("result"), "way"), "portal");
    program.ends_with(0);
}

/// With an address for a page, the address is pasted there.
// REQ: PORTAL-29
#[test]
fn pasted_at_the_portal_from_the_terminal() {
    let bench = Bench::new();
    let address = bench.portal.to_string();
    let mut options = at(&bench, "public");
    options.extend(["--portal", &address, "--way", "paste", "--redirect-uri", &bench.nowhere]);
    let mut program = Program::start(&options);
    let shown = invitation(&program.event("portal"));
    let hand = Hand::alone();
    PASTE.go(&hand, &shown);
    browser::sign_in(&hand.browser, "alice");
    (PASTE.leave)(&hand, &shown);
    let result = program.event("result");
    assert_eq!((text(&result, "subject"), text(&result, "way")), ("alice", "paste"));
    program.ends_with(0);
}

/// Who needs tokens for elsewhere says so.
// REQ: CDX-05
#[test]
fn bearer_tokens_are_asked_for_by_name() {
    let bench = Bench::new();
    let mut options = at(&bench, "device");
    options.extend(["--way", "device", "--bearer"]);
    let mut program = Program::start(&options);
    let shown = code(&program.event("user_code"));
    let phone = phone();
    phone.open(shown.address());
    browser::sign_in(&phone, "alice");
    assert_eq!(text(&program.event("result"), "token_type"), "Bearer");
    program.ends_with(0);
    assert!(bench.provider.seen_at("/oauth/token").iter().all(|request| request["dpop"] == false));
}
