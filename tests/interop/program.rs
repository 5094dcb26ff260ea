//! The terminal program of README's first screen, as a user runs it, with a real browser.

use std::time::Duration;

use keyfob_interop::{
    browser::{self, Browser, Options as BrowserOptions},
    provider::{Options, Provider},
    terminal::Program,
};

const PAGES: Duration = Duration::from_secs(20);

/// The page at the end says so, at an address without the response.
#[track_caller]
fn signed_in(browser: &Browser) {
    browser.wait_for(|browser| browser.text().contains("signed in"), PAGES);
    let url = browser.url();
    assert!(url.contains("127.0.0.1") && !url.contains("code="), "{url}");
}

/// A user who gives a name at the demo issuer and presses `button` when asked for consent.
fn at_the_demo_issuer(url: &str, button: &str) -> Browser {
    let browser = Browser::start();
    browser.open(url);
    browser.wait_for(|browser| browser.has("input[name=name]"), PAGES);
    browser.fill("input[name=name]", "Ada Lovelace");
    browser.click("button");
    browser.wait_for(|browser| browser.has(button), PAGES);
    browser.click(button);
    browser
}

// REQ: DRV-13
#[test]
fn without_arguments_at_the_demo_issuer() {
    let mut program = Program::start(&["--then", "userinfo,refresh,logout"]);
    let url = program.event("authorize")["url"].as_str().expect("an address").to_string();
    let browser = at_the_demo_issuer(&url, "button[value=allow]");
    let result = program.event("result");
    assert!(result["claims"].to_string().contains("Ada Lovelace"), "{result}");
    assert!(result["checks"].to_string().contains("signature"), "{result}");
    assert!(result["tokens"].is_null(), "tokens are shown only on request");
    signed_in(&browser);
    assert_eq!(program.event("userinfo")["claims"]["sub"], result["subject"]);
    assert_eq!(program.event("refresh")["rotated"], true);
    assert_eq!(program.event("logout")["revoked"], true);
    program.ends_with(0);
}

// REQ: DRV-13
#[test]
fn the_user_says_no_at_the_demo_issuer() {
    let mut program = Program::start(&[]);
    let url = program.event("authorize")["url"].as_str().expect("an address").to_string();
    let browser = at_the_demo_issuer(&url, "button[value=deny]");
    let error = program.event("error");
    assert_eq!((error["class"].as_str(), error["code"].as_str()), (Some("denied"), Some("access_denied")));
    browser.wait_for(|browser| browser.url().contains("127.0.0.1") && !browser.text().is_empty(), PAGES);
    assert!(!browser.text().contains("You are signed in"), "{}", browser.text());
    program.ends_with(3);
}

// REQ: DRV-13, REVOKE-05
#[test]
fn two_flags_at_a_certified_provider() {
    let provider = Provider::start(Options { https: true, ..Options::default() });
    let ca = provider.ca_file();
    let mut program = Program::start(&[
        "--issuer",
        provider.issuer(),
        "--client-id",
        "public",
        "--redirect-uri",
        "http://127.0.0.1:0/callback",
        "--ca-file",
        ca.to_str().expect("a path"),
        "--audience",
        "urn:api:x",
        "--then",
        "userinfo,refresh,logout",
    ]);
    let url = program.event("authorize")["url"].as_str().expect("an address").to_string();
    let browser = Browser::start_with(BrowserOptions { accept_insecure_certs: true });
    browser.open(&url);
    browser::sign_in(&browser, "alice");
    let result = program.event("result");
    assert_eq!((result["subject"].as_str(), result["algorithm"].as_str()), (Some("alice"), Some("RS256")));
    signed_in(&browser);
    assert_eq!(program.event("userinfo")["claims"]["name"], "User alice Ünïcode 名前");
    assert_eq!(program.event("refresh")["rotated"], true);
    let logout = program.event("logout");
    assert_eq!(logout["revoked"], true);
    let url = logout["url"].as_str().expect("an address").to_string();
    assert!(url.contains("/oidc/logout?client_id=public") && !url.contains("eyJ"), "{url}");
    program.ends_with(0);
    assert_eq!(provider.seen_at("/authorize")[0]["query"]["audience"], "urn:api:x");
    assert_eq!(provider.seen_at("/oauth/revoke").len(), 1);
    // The address works: the provider asks whether to sign out.
    browser.open(&url);
    browser.wait_for(|browser| browser.has("button[name=logout]"), PAGES);
}
