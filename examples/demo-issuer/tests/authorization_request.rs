//! What the authorization endpoint refuses, and what its pages do.

#[allow(dead_code, reason = "each test file uses another part of it")]
mod common;

use keyfob_demo_issuer::DemoIssuer;

use self::common::{Answer, Browser, part, request};

#[test]
fn without_a_known_client_and_redirect_uri_there_is_a_page() {
    let issuer = DemoIssuer::start().unwrap();
    let mut browser = Browser::new(&issuer);
    let own = format!("{}/authorize", issuer.issuer());
    for change in [
        ("client_id", "nobody"),
        ("client_id", ""),
        ("redirect_uri", ""),
        ("redirect_uri", "https://evil.example/cb"),
        ("redirect_uri", "http://localhost:9/callback"),
        ("redirect_uri", "http://127.0.0.1:9@evil.example/"),
        ("redirect_uri", "javascript:alert(1)"),
        ("redirect_uri", own.as_str()),
    ] {
        check_page(&browser.authorize(&request(&[change])));
    }
    for name in ["client_id", "redirect_uri"] {
        let twice = request(&[]).into_iter().filter(|(other, _)| *other == name).chain(request(&[]));
        check_page(&browser.authorize(&twice.collect::<Vec<_>>()));
    }
    check_page(&browser.get("/authorize?client_id=%ff"));
}

#[test]
fn other_errors_go_to_the_application() {
    let issuer = DemoIssuer::start().unwrap();
    let mut browser = Browser::new(&issuer);
    for (change, error) in [
        (("response_type", ""), "invalid_request"),
        (("response_type", "token"), "unsupported_response_type"),
        (("response_mode", "form_post"), "invalid_request"),
        (("code_challenge", ""), "invalid_request"),
        (("code_challenge", "short"), "invalid_request"),
        (("code_challenge_method", ""), "invalid_request"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("scope", ""), "invalid_scope"),
        (("scope", "other"), "invalid_scope"),
        (("prompt", "none login"), "invalid_request"),
        (("prompt", "other"), "invalid_request"),
        (("prompt", "none"), "login_required"),
        (("max_age", "-1"), "invalid_request"),
        (("max_age", "+1"), "invalid_request"),
        (("request", "x"), "request_not_supported"),
        (("request_uri", "https://a.example"), "request_uri_not_supported"),
        (("id_token_hint", "x.y.z"), "invalid_request"),
        (("organization", "a\nb"), "invalid_request"),
    ] {
        let params = browser.authorize(&request(&[change])).params();
        assert_eq!(params["error"], error, "{change:?}");
        assert!(!params["error_description"].is_empty());
        assert_eq!((params["state"].as_str(), params["iss"].as_str()), ("some state", issuer.issuer()));
    }
}

#[test]
fn a_repeated_parameter_is_refused() {
    let issuer = DemoIssuer::start().unwrap();
    let mut browser = Browser::new(&issuer);
    for name in ["scope", "state", "nonce", "code_challenge", "unknown"] {
        let mut params = request(&[]);
        params.extend([(name, "a"), (name, "b")]);
        let params = browser.authorize(&params).params();
        assert_eq!(params["error"], "invalid_request");
        assert_eq!(params.contains_key("state"), name != "state");
    }
}

#[test]
fn the_request_may_be_posted() {
    let issuer = DemoIssuer::start().unwrap();
    let mut browser = Browser::new(&issuer);
    assert!(browser.post("/authorize", &request(&[])).location().starts_with("/login?"));
}

#[test]
fn denying_is_access_denied() {
    let issuer = DemoIssuer::start().unwrap();
    let mut browser = Browser::new(&issuer);
    let id = browser.until_consent(&request(&[])).form_id();
    let params = browser.post("/consent", &[("id", &id), ("answer", "deny")]).params();
    assert_eq!((params["error"].as_str(), params["state"].as_str()), ("access_denied", "some state"));
    assert!(!params.contains_key("code"));
}

#[test]
fn a_form_is_good_once_and_in_its_browser() {
    let issuer = DemoIssuer::start().unwrap();
    let (mut browser, mut other) = (Browser::new(&issuer), Browser::new(&issuer));
    other.until_consent(&request(&[]));

    let page = browser.authorize(&request(&[])).location().to_owned();
    let id = browser.get(&page).form_id();
    assert_eq!(other.get(&page).status, 400);
    assert_eq!(other.post("/login", &[("id", &id), ("name", "Eve")]).status, 400);
    // The sign-in cannot be left out by going to the next page at once.
    assert_eq!(browser.get(&page.replace("login", "consent")).status, 400);
    assert_eq!(browser.post("/consent", &[("id", &id), ("answer", "allow")]).status, 400);

    let id = browser.until_consent(&request(&[])).form_id();
    assert_eq!(other.post("/consent", &[("id", &id), ("answer", "allow")]).status, 400);
    browser.post("/consent", &[("id", &id), ("answer", "allow")]).params();
    assert_eq!(browser.post("/consent", &[("id", &id), ("answer", "allow")]).status, 400);
}

#[test]
fn signing_in_changes_the_cookie() {
    let issuer = DemoIssuer::start().unwrap();
    let mut browser = Browser::new(&issuer);
    let answer = browser.authorize(&request(&[]));
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax"));
    let before = browser.cookie.clone();
    browser.until_consent(&request(&[]));
    assert_ne!(browser.cookie, before);
}

#[test]
fn an_empty_name_is_asked_for_again() {
    let issuer = DemoIssuer::start().unwrap();
    let mut browser = Browser::new(&issuer);
    let page = browser.authorize(&request(&[])).location().to_owned();
    let id = browser.get(&page).form_id();
    let again = browser.post("/login", &[("id", &id), ("name", "  ")]);
    assert_eq!(again.status, 400);
    assert!(again.body.contains("role=\"alert\""));
    let answer = browser.post("/login", &[("id", &again.form_id()), ("name", "Ada")]);
    assert!(answer.location().starts_with("/consent?"));
}

#[test]
fn prompts_and_ages() {
    let issuer = DemoIssuer::start().unwrap();
    let mut browser = Browser::new(&issuer);
    browser.until_consent(&request(&[]));
    assert_eq!(browser.authorize(&request(&[("prompt", "none")])).params()["error"], "consent_required");
    browser.code("openid email");
    let silent =
        |browser: &mut Browser, scope| browser.authorize(&request(&[("prompt", "none"), ("scope", scope)]));
    assert!(silent(&mut browser, "openid").params().contains_key("code"));
    assert_eq!(silent(&mut browser, "openid profile").params()["error"], "consent_required");

    let lands = |browser: &mut Browser, change| browser.authorize(&request(&[change])).location().to_owned();
    assert!(lands(&mut browser, ("prompt", "consent")).starts_with("/consent?"));
    assert!(lands(&mut browser, ("max_age", "3600")).starts_with("/consent?"));
    assert!(lands(&mut browser, ("max_age", "0")).starts_with("/login?"));
    assert!(lands(&mut browser, ("prompt", "login")).starts_with("/login?"));
}

#[test]
fn an_id_token_hint_names_the_user() {
    let issuer = DemoIssuer::start().unwrap();
    let mut browser = Browser::new(&issuer);
    let code = browser.code("openid");
    let tokens = browser.redeem(&code).json();
    let hint = tokens["id_token"].as_str().unwrap();
    assert!(part(hint, 1)["sub"].as_str().unwrap().starts_with("demo|"));
    let silent = request(&[("prompt", "none"), ("id_token_hint", hint)]);
    assert!(browser.authorize(&silent).params().contains_key("code"));

    let mut other = Browser::new(&issuer);
    let page = other.authorize(&request(&[("id_token_hint", hint)])).location().to_owned();
    let id = other.get(&page).form_id();
    let page = other.post("/login", &[("id", &id), ("name", "Eve")]).location().to_owned();
    let id = other.get(&page).form_id();
    let answer = other.post("/consent", &[("id", &id), ("answer", "allow")]);
    assert_eq!(answer.params()["error"], "login_required");
}

#[test]
fn pages_hold_text_and_no_script() {
    let issuer = DemoIssuer::start().unwrap();
    let mut browser = Browser::new(&issuer);
    let hostile = "\"><script>alert(1)</script>";
    let wish = request(&[("login_hint", hostile), ("audience", hostile), ("organization", hostile)]);
    let page = browser.authorize(&wish).location().to_owned();
    let login = browser.get(&page);
    let name = browser.post("/login", &[("id", &login.form_id()), ("name", hostile)]);
    let consent = browser.get(name.location());
    for page in
        [&login, &consent, &browser.get("/oidc/logout"), &browser.get("/activate?user_code=%3Cscript")]
    {
        assert_eq!(page.status, 200);
        assert!(!page.body.contains("<script"), "{}", page.body);
        check_headers(page);
    }
    assert!(login.body.contains("&quot;&gt;&lt;script&gt;"));
    assert!(login.header("content-security-policy").unwrap().contains("form-action 'self'"));
    assert!(!consent.header("content-security-policy").unwrap().contains("form-action"));
}

fn check_page(answer: &Answer) {
    assert_eq!((answer.status, answer.header("location")), (400, None));
    check_headers(answer);
}

fn check_headers(page: &Answer) {
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
    assert!(policy.contains("frame-ancestors 'none'"));
}
