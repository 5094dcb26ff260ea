//! Requests that are pushed before the user comes.

#[allow(dead_code, reason = "each test file uses another part of it")]
mod common;

use base64ct::{Base64, Encoding};
use keyfob_demo_issuer::DemoIssuer;

use self::common::{Browser, encode, request};

fn pushed(browser: &mut Browser) -> String {
    let answer = browser.post("/oauth/par", &request(&[]));
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(answer.json()["expires_in"], 60);
    answer.json()["request_uri"].as_str().unwrap().to_owned()
}

#[test]
fn a_pushed_request_leads_to_tokens() {
    let issuer = DemoIssuer::start().unwrap();
    let mut browser = Browser::new(&issuer);
    let metadata = browser.get("/.well-known/openid-configuration").json();
    assert_eq!(metadata["pushed_authorization_request_endpoint"], format!("{}/oauth/par", issuer.issuer()));
    assert_eq!(metadata["require_pushed_authorization_requests"], false);
    let uri = pushed(&mut browser);
    assert!(uri.starts_with("urn:ietf:params:oauth:request_uri:"));
    let params = browser.sign_in(&[("client_id", "demo"), ("request_uri", &uri)]).params();
    assert_eq!(params["state"], "some state");
    assert_eq!(browser.redeem(&params["code"]).status, 200);
}

#[test]
fn a_request_uri_is_good_once_and_for_its_client() {
    let issuer = DemoIssuer::start().unwrap();
    let mut browser = Browser::new(&issuer);
    let uri = pushed(&mut browser);
    let authorize = [("client_id", "demo"), ("request_uri", uri.as_str())];
    assert_eq!(browser.authorize(&authorize).status, 303);
    for (client_id, uri) in [
        ("demo", uri.as_str()),
        ("demo-confidential", &pushed(&mut browser)),
        ("", &pushed(&mut browser)),
        ("demo", "urn:ietf:params:oauth:request_uri:"),
        ("demo", "urn:ietf:params:oauth:request_uri:x"),
    ] {
        let answer = browser.authorize(&[("client_id", client_id), ("request_uri", uri)]);
        assert_eq!((answer.status, answer.header("location")), (400, None), "{client_id} {uri}");
    }
}

#[test]
fn what_would_be_refused_later_is_refused_at_once() {
    let issuer = DemoIssuer::start().unwrap();
    let mut browser = Browser::new(&issuer);
    for (change, error) in [
        (("client_id", ""), "invalid_client"),
        (("client_id", "nobody"), "invalid_client"),
        (("client_id", "demo-confidential"), "invalid_client"),
        (("client_secret", "x"), "invalid_client"),
        (("redirect_uri", ""), "invalid_request"),
        (("redirect_uri", "https://evil.example/cb"), "invalid_request"),
        (("request_uri", "urn:ietf:params:oauth:request_uri:x"), "invalid_request"),
        (("response_type", "token"), "unsupported_response_type"),
        (("code_challenge", ""), "invalid_request"),
        (("scope", "other"), "invalid_scope"),
        (("request", "x"), "request_not_supported"),
    ] {
        assert_eq!(browser.post("/oauth/par", &request(&[change])).error(), error, "{change:?}");
    }
    let twice = [request(&[]), request(&[])].concat();
    assert_eq!(browser.post("/oauth/par", &twice).error(), "invalid_request");
    assert_eq!(browser.get("/oauth/par").status, 405);
}

#[test]
fn a_confidential_client_pushes_with_its_secret() {
    let issuer = DemoIssuer::start().unwrap();
    let mut browser = Browser::new(&issuer);
    let form = encode(&request(&[("client_id", DemoIssuer::CONFIDENTIAL_CLIENT_ID)]));
    for (secret, status) in [(DemoIssuer::CLIENT_SECRET, 201), ("wrong", 401)] {
        let credentials = format!("{}:{secret}", DemoIssuer::CONFIDENTIAL_CLIENT_ID);
        let basic = format!("Basic {}", Base64::encode_string(credentials.as_bytes()));
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("authorization", &basic)];
        assert_eq!(browser.post_with("/oauth/par", &form, &headers).status, status);
    }
}
