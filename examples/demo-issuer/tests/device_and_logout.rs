//! The device grant and sign-out.

#[allow(dead_code, reason = "each test file uses another part of it")]
mod common;

use keyfob_demo_issuer::DemoIssuer;
use serde_json::Value;

use self::common::{Answer, Browser, encode, request};

fn start(browser: &mut Browser) -> Value {
    let answer =
        browser.post("/oauth/device/code", &[("client_id", "demo"), ("scope", "openid offline_access")]);
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
    answer.json()
}

fn poll(browser: &mut Browser, codes: &Value) -> Answer {
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("client_id", "demo"),
        ("device_code", codes["device_code"].as_str().unwrap()),
    ];
    browser.post("/oauth/token", &form)
}

/// The user's part: the code, a name, an answer.
fn answer(browser: &mut Browser, codes: &Value, answer: &str) -> Answer {
    let code = codes["user_code"].as_str().unwrap();
    let page = browser.post("/activate", &[("user_code", &code.to_lowercase())]).location().to_owned();
    let id = browser.get(&page).form_id();
    let page = browser.post("/login", &[("id", &id), ("name", "Ada")]).location().to_owned();
    let page = browser.get(&page);
    assert!(page.body.contains(code));
    browser.post("/consent", &[("id", &page.form_id()), ("answer", answer)])
}

#[test]
fn a_device_signs_in() {
    let issuer = DemoIssuer::start().unwrap();
    let (mut browser, mut device) = (Browser::new(&issuer), Browser::new(&issuer));
    let codes = start(&mut device);
    let complete = codes["verification_uri_complete"].as_str().unwrap();
    let page = browser.get(complete.strip_prefix(issuer.issuer()).unwrap());
    assert!(page.body.contains(codes["user_code"].as_str().unwrap()));

    assert_eq!(answer(&mut browser, &codes, "allow").status, 200);
    let tokens = poll(&mut device, &codes).json();
    assert!(tokens["id_token"].is_string() && tokens["refresh_token"].is_string());
    assert_eq!(poll(&mut device, &codes).error(), "invalid_grant");
}

#[test]
fn a_device_waits_and_is_denied() {
    let issuer = DemoIssuer::start().unwrap();
    let (mut browser, mut device) = (Browser::new(&issuer), Browser::new(&issuer));
    let codes = start(&mut device);
    assert_eq!(poll(&mut device, &codes).error(), "authorization_pending");
    assert_eq!(poll(&mut device, &codes).error(), "slow_down");

    let codes = start(&mut device);
    assert_eq!(answer(&mut browser, &codes, "deny").status, 200);
    assert_eq!(poll(&mut device, &codes).error(), "access_denied");
    let again = browser.post("/activate", &[("user_code", codes["user_code"].as_str().unwrap())]);
    assert_eq!(again.status, 400);
}

#[test]
fn device_requests_are_checked() {
    let issuer = DemoIssuer::start().unwrap();
    let mut device = Browser::new(&issuer);
    let mut start = |form: &[(&str, &str)]| device.post("/oauth/device/code", form).error();
    assert_eq!(start(&[("scope", "openid")]), "invalid_client");
    assert_eq!(start(&[("client_id", "demo")]), "invalid_scope");
    assert_eq!(start(&[("client_id", "demo"), ("scope", "openid"), ("scope", "email")]), "invalid_request");
}

#[test]
fn signing_out_with_an_id_token() {
    let issuer = DemoIssuer::start().unwrap();
    let mut browser = Browser::new(&issuer);
    let code = browser.code("openid");
    let tokens = browser.redeem(&code).json();
    let params = [
        ("id_token_hint", tokens["id_token"].as_str().unwrap()),
        ("post_logout_redirect_uri", "http://127.0.0.1:9/bye"),
        ("state", "a b"),
    ];
    let answer = browser.get(&format!("/oidc/logout?{}", encode(&params)));
    assert_eq!(answer.location(), "http://127.0.0.1:9/bye?state=a%20b");
    assert!(browser.authorize(&request(&[])).location().starts_with("/login?"));
}

#[test]
fn signing_out_without_one_is_asked() {
    let issuer = DemoIssuer::start().unwrap();
    let mut browser = Browser::new(&issuer);
    assert_eq!(browser.get("/oidc/logout").status, 200);
    browser.until_consent(&request(&[]));

    let id = browser.get("/oidc/logout").form_id();
    browser.post("/oidc/logout/confirm", &[("id", &id), ("answer", "stay")]);
    assert!(browser.authorize(&request(&[])).location().starts_with("/consent?"));

    let target = encode(&[("client_id", "demo"), ("post_logout_redirect_uri", "http://127.0.0.1:9/bye")]);
    let id = browser.get(&format!("/oidc/logout?{target}")).form_id();
    let answer = browser.post("/oidc/logout/confirm", &[("id", &id), ("answer", "leave")]);
    assert_eq!(answer.location(), "http://127.0.0.1:9/bye");
    assert!(browser.authorize(&request(&[])).location().starts_with("/login?"));
}

#[test]
fn sign_out_leads_nowhere_else() {
    let issuer = DemoIssuer::start().unwrap();
    let mut browser = Browser::new(&issuer);
    for params in [
        [("client_id", "demo"), ("post_logout_redirect_uri", "https://evil.example/")],
        [("client_id", "nobody"), ("post_logout_redirect_uri", "http://127.0.0.1:9/bye")],
        [("state", "a"), ("post_logout_redirect_uri", "http://127.0.0.1:9/bye")],
        [("id_token_hint", "a.b.c"), ("post_logout_redirect_uri", "http://127.0.0.1:9/bye")],
        [("client_id", "demo"), ("client_id", "demo")],
    ] {
        let answer = browser.get(&format!("/oidc/logout?{}", encode(&params)));
        assert_eq!((answer.status, answer.header("location")), (400, None), "{params:?}");
    }
}
