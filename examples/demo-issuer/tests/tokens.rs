//! Refresh, revocation and UserInfo.

#[allow(dead_code, reason = "each test file uses another part of it")]
mod common;

use keyfob_demo_issuer::DemoIssuer;
use serde_json::Value;

use self::common::{Browser, part};

fn signed_in(browser: &mut Browser) -> Value {
    let code = browser.code("openid profile offline_access");
    browser.redeem(&code).json()
}

fn text<'v>(tokens: &'v Value, name: &str) -> &'v str {
    tokens[name].as_str().unwrap()
}

#[test]
fn refresh_tokens_rotate() {
    let issuer = DemoIssuer::start().unwrap();
    let mut browser = Browser::new(&issuer);
    let first = signed_in(&mut browser);
    let second = browser.refresh(text(&first, "refresh_token")).json();
    for name in ["access_token", "refresh_token"] {
        assert_ne!(first[name], second[name]);
    }
    let (before, after) = (part(text(&first, "id_token"), 1), part(text(&second, "id_token"), 1));
    for claim in ["iss", "sub", "aud", "auth_time"] {
        assert_eq!(before[claim], after[claim], "{claim}");
    }
    assert!(after.get("nonce").is_none());
    assert_eq!(browser.userinfo(text(&first, "access_token")).status, 200);
    assert_eq!(browser.userinfo(text(&second, "access_token")).status, 200);
}

#[test]
fn a_reused_refresh_token_ends_everything() {
    let issuer = DemoIssuer::start().unwrap();
    let mut browser = Browser::new(&issuer);
    let first = signed_in(&mut browser);
    let second = browser.refresh(text(&first, "refresh_token")).json();
    assert_eq!(browser.refresh(text(&first, "refresh_token")).error(), "invalid_grant");
    assert_eq!(browser.refresh(text(&second, "refresh_token")).error(), "invalid_grant");
    for tokens in [&first, &second] {
        assert_eq!(browser.userinfo(text(tokens, "access_token")).status, 401);
    }
}

#[test]
fn a_refresh_may_ask_for_less_but_not_for_more() {
    let issuer = DemoIssuer::start().unwrap();
    let mut browser = Browser::new(&issuer);
    let first = signed_in(&mut browser);
    let mut refresh = |token: &str, scope| {
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", "demo"),
            ("refresh_token", token),
            ("scope", scope),
        ];
        browser.post("/oauth/token", &form)
    };
    assert_eq!(refresh(text(&first, "refresh_token"), "openid email").error(), "invalid_scope");
    let less = refresh(text(&first, "refresh_token"), "openid").json();
    assert_eq!(less["scope"], "openid");
    let more = refresh(text(&less, "refresh_token"), "openid profile").json();
    assert_eq!(more["scope"], "openid profile");
    assert!(browser.userinfo(text(&less, "access_token")).json().get("name").is_none());
    assert!(browser.userinfo(text(&more, "access_token")).json().get("name").is_some());
}

#[test]
fn a_refresh_token_is_for_its_client() {
    let issuer = DemoIssuer::start().unwrap();
    let mut browser = Browser::new(&issuer);
    let tokens = signed_in(&mut browser);
    let confidential = [
        ("client_id", DemoIssuer::CONFIDENTIAL_CLIENT_ID),
        ("client_secret", DemoIssuer::CLIENT_SECRET),
        ("grant_type", "refresh_token"),
        ("refresh_token", text(&tokens, "refresh_token")),
    ];
    assert_eq!(browser.post("/oauth/token", &confidential).error(), "invalid_grant");
    assert_eq!(browser.refresh("unknown").error(), "invalid_grant");
    assert_eq!(browser.refresh(text(&tokens, "refresh_token")).status, 200);
}

#[test]
fn revoking() {
    let issuer = DemoIssuer::start().unwrap();
    let mut browser = Browser::new(&issuer);
    let tokens = signed_in(&mut browser);
    let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
    let mut revoke = |token: &str| {
        browser
            .post("/oauth/revoke", &[("client_id", "demo"), ("token", token), ("token_type_hint", "other")])
    };
    assert_eq!((revoke("unknown").status, revoke("").status), (200, 400));

    assert_eq!(revoke(access).status, 200);
    assert_eq!(browser.userinfo(access).status, 401);
    let second = browser.refresh(refresh).json();

    let other = [
        ("client_id", DemoIssuer::CONFIDENTIAL_CLIENT_ID),
        ("client_secret", DemoIssuer::CLIENT_SECRET),
        ("token", text(&second, "refresh_token")),
    ];
    assert_eq!(browser.post("/oauth/revoke", &other).error(), "invalid_grant");
    assert_eq!(browser.post("/oauth/revoke", &[("token", access)]).error(), "invalid_client");

    let form = [("client_id", "demo"), ("token", text(&second, "refresh_token"))];
    assert_eq!(browser.post("/oauth/revoke", &form).status, 200);
    assert_eq!(browser.userinfo(text(&second, "access_token")).status, 401);
    assert_eq!(browser.refresh(text(&second, "refresh_token")).error(), "invalid_grant");
}

#[test]
fn userinfo_needs_a_good_token() {
    let issuer = DemoIssuer::start().unwrap();
    let mut browser = Browser::new(&issuer);
    let answer = browser.get("/userinfo");
    assert_eq!(
        (answer.status, answer.header("www-authenticate")),
        (401, Some("Bearer realm=\"demo issuer\""))
    );
    let answer = browser.userinfo("unknown");
    assert_eq!(answer.status, 401);
    assert!(answer.header("www-authenticate").unwrap().contains("error=\"invalid_token\""));

    let tokens = signed_in(&mut browser);
    assert_eq!(browser.userinfo(text(&tokens, "id_token")).status, 401);
    assert_eq!(browser.userinfo(text(&tokens, "refresh_token")).status, 401);
    let query = format!("/userinfo?access_token={}", text(&tokens, "access_token"));
    assert_eq!(browser.get(&query).status, 401);
}
