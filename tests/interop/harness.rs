//! The harness itself: a real provider and a real browser start, work and leave nothing behind.

use std::net::TcpListener;
use std::time::Duration;

use keyfob_interop::browser::{self, Browser};
use keyfob_interop::certificates::{Leaf, TestAuthority};
use keyfob_interop::process::still_running;
use keyfob_interop::provider::{Options, Provider, agent};
use serde_json::Value;

#[test]
fn discovery_names_the_paths_of_auth0() {
    let provider = Provider::start(Options::default());
    let issuer = provider.issuer();
    assert!(issuer.starts_with("http://127.0.0.1:"), "{issuer}");

    let metadata = discovery(&provider);
    assert_eq!(metadata["issuer"], issuer);
    for (endpoint, path) in [
        ("authorization_endpoint", "/authorize"),
        ("device_authorization_endpoint", "/oauth/device/code"),
        ("end_session_endpoint", "/oidc/logout"),
        ("jwks_uri", "/.well-known/jwks.json"),
        ("pushed_authorization_request_endpoint", "/oauth/par"),
        ("revocation_endpoint", "/oauth/revoke"),
        ("token_endpoint", "/oauth/token"),
        ("userinfo_endpoint", "/userinfo"),
    ] {
        assert_eq!(metadata[endpoint], format!("{issuer}{path}"), "{endpoint}");
    }
}

/// The provider looks at a client's registration only when the client is used.
#[test]
fn every_client_is_registered_soundly() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let client_jwks = directory.path().join("client.jwks");
    std::fs::write(&client_jwks, CLIENT_JWKS).expect("the key can be written");
    let provider = Provider::start(Options { client_jwks: Some(client_jwks), ..Options::default() });
    let loopback = "http://127.0.0.1:1/callback";
    for (client_id, redirect_uri) in [
        ("conf-basic", loopback),
        ("conf-pkjwt", "http://[::1]:1/callback"),
        ("conf-post", "http://localhost:1/callback"),
        ("custom-scheme", "com.myclientapp://callback.example/callback"),
        ("public", loopback),
        ("public-dpop", loopback),
        ("public-eddsa", loopback),
        ("public-es256", loopback),
    ] {
        let url = authorize(&provider, client_id, redirect_uri, "&scope=openid");
        let mut response = provider.agent().get(&url).call().expect("answers");
        let body = response.body_mut().read_to_string().expect("is text");
        assert_eq!(response.status(), 303, "{client_id}: {body}");
        let location = response.headers()["location"].to_str().expect("is text");
        assert!(location.starts_with("/interaction/"), "{client_id}: {location}");
    }

    let url = authorize(&provider, "public-par", loopback, "&scope=openid&audience=urn:a");
    let form: Vec<_> = url.split_once('?').expect("has a query").1.split('&').collect();
    let form = form.iter().map(|pair| pair.split_once('=').expect("is a pair"));
    let form = form.map(|(name, value)| (name, value.replace("%3A", ":").replace("%2F", "/")));
    let response = provider.agent().post(format!("{}/oauth/par", provider.issuer())).send_form(form);
    assert_eq!(response.expect("answers").status(), 201, "{}", provider.stderr());
    assert_eq!(provider.seen_at("/oauth/par")[0]["values"]["audience"], "urn:a");
}

#[test]
fn a_second_start_can_be_the_same_issuer_with_the_same_keys() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let signing_keys = Some(directory.path().join("keys.json"));
    let first = Provider::start(Options { signing_keys: signing_keys.clone(), ..Options::default() });
    let (issuer, keys) = (first.issuer().to_owned(), get(&first, "/.well-known/jwks.json"));
    assert_eq!(keys["keys"].as_array().map(Vec::len), Some(4));
    let port = issuer.rsplit_once(':').expect("has a port").1.parse().expect("is a number");
    drop(first);

    let second = Provider::start(Options { port, signing_keys, ..Options::default() });
    assert_eq!(second.issuer(), issuer);
    assert_eq!(get(&second, "/.well-known/jwks.json"), keys);
    drop(second);

    let third = Provider::start(Options { port, ..Options::default() });
    assert_ne!(get(&third, "/.well-known/jwks.json"), keys);
}

#[test]
fn lifetimes_can_be_short() {
    let provider =
        Provider::start(Options { device_code_lifetime: Some(Duration::from_secs(7)), ..Options::default() });
    assert_eq!(device_code(&provider)["expires_in"], 7);
}

#[test]
fn what_the_provider_was_asked_is_seen_without_secrets() {
    let provider = Provider::start(Options { dpop_nonce: true, ..Options::default() });
    let url = format!("{}/oauth/token", provider.issuer());
    let form = [("grant_type", "refresh_token"), ("refresh_token", "hidden-1")];
    let basic = provider.agent().post(&url).header("authorization", "Basic Y29uZi1iYXNpYzpoaWRkZW4tMg==");
    assert_eq!(basic.send_form(form).expect("answers").status(), 401);
    let post = [("client_id", "conf-post"), ("client_secret", "hidden-3")];
    let both = [form, post].concat();
    assert_eq!(provider.agent().post(&url).send_form(both).expect("answers").status(), 401);

    let seen = provider.seen_at("/oauth/token");
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0]["authentication"], "basic");
    assert_eq!(seen[0]["body"], serde_json::json!(["grant_type", "refresh_token"]));
    assert_eq!(seen[1]["authentication"], "body");
    assert_eq!(seen[1]["values"]["client_id"], "conf-post");
    assert!(!serde_json::to_string(&seen).expect("is JSON").contains("hidden"));
    assert!(provider.stderr().contains("client authentication failed"));
}

#[test]
fn only_the_test_authority_makes_https_trusted() {
    let provider = Provider::start(Options { https: true, ..Options::default() });
    let issuer = provider.issuer();
    assert!(issuer.starts_with("https://localhost:"), "{issuer}");
    assert_eq!(discovery(&provider)["issuer"], issuer);
    let pem = std::fs::read(provider.ca_file()).expect("the CA is in a file");
    assert!(pem.starts_with(b"-----BEGIN CERTIFICATE-----"));

    let stranger = TestAuthority::new();
    for (authority, reason) in [(None, "UnknownIssuer"), (Some(&stranger), "BadSignature")] {
        let error = agent(authority).get(issuer).call().expect_err("an unknown authority is refused");
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[test]
fn hostile_certificates_are_refused() {
    for (certificate, reason) in [
        (Leaf::Expired, "Expired"),
        (Leaf::NotYetValid, "NotValidYet"),
        (Leaf::WrongHost, "NotValidForName"),
        (Leaf::WrongPurpose, "InvalidPurpose"),
    ] {
        let provider = Provider::start(Options { certificate, https: true, ..Options::default() });
        let error = provider.agent().get(provider.issuer()).call().expect_err("a hostile server is refused");
        assert!(format!("{error:?}").contains(reason), "{certificate:?}: {error:?}");
        assert!(provider.seen().is_empty());
    }
}

#[test]
fn a_person_signs_in_and_consents() {
    let provider = Provider::start(Options::default());
    let browser = Browser::start();
    let redirect_uri = redirect_uri_without_a_listener();
    let parameters = "&audience=https%3A%2F%2Fapi.example%2F&organization=org_1&scope=openid+profile";
    browser.open(&authorize(&provider, "public", &redirect_uri, parameters));
    assert!(browser.text().contains("Sign-in"), "{}", browser.text());
    browser::sign_in(&browser, "alice");

    let url = browser.url();
    assert!(url.starts_with(&format!("{redirect_uri}?code=")), "{url}");
    assert!(url.contains(&format!("&state={STATE}")), "{url}");
    assert!(
        url.ends_with(&format!("&iss={}", provider.issuer().replace(':', "%3A").replace('/', "%2F"))),
        "{url}"
    );

    let seen = provider.seen_at("/authorize");
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0]["query"]["audience"], "https://api.example/");
    assert_eq!(seen[0]["query"]["organization"], "org_1");
    assert_eq!(seen[0]["status"], 303);
}

#[test]
fn a_person_signs_in_over_https() {
    let provider = Provider::start(Options { https: true, ..Options::default() });
    let browser = Browser::start_with(browser::Options { accept_insecure_certs: true });
    let redirect_uri = redirect_uri_without_a_listener();
    browser.open(&authorize(&provider, "public-eddsa", &redirect_uri, "&scope=openid"));
    browser::sign_in(&browser, "alice");
    assert!(browser.url().starts_with(&format!("{redirect_uri}?code=")), "{}", browser.url());
}

#[test]
fn a_custom_scheme_is_captured() {
    let provider = Provider::start(Options::default());
    let browser = Browser::start();
    let redirect_uri = "com.myclientapp://callback.example/callback";
    let url = authorize(&provider, "custom-scheme", redirect_uri, "&scope=openid");
    browser.open(&url);
    browser::sign_in(&browser, "alice");
    let first = browser.captured_navigation(redirect_uri, SOON);
    assert!(first.starts_with(&format!("{redirect_uri}?code=")), "{first}");
    assert!(first.contains(&format!("&state={STATE}&iss=")), "{first}");
    assert!(browser.url().starts_with(provider.issuer()), "the page stays: {}", browser.url());

    // The next sign-in is not confused with this one, and neither is it blocked by Chromium's question
    // whether to open the application.
    browser.set_window(400, 600);
    browser.open(&url);
    assert_eq!(browser.run("return [innerWidth, innerHeight]"), serde_json::json!([400, 600]));
    let navigations = browser.navigations();
    assert_eq!(navigations[0], url);
    assert!(navigations.iter().all(|url| url.starts_with("http")), "{navigations:?}");
    browser::sign_in(&browser, "alice");
    assert_ne!(browser.captured_navigation(redirect_uri, SOON), first);
}

#[test]
fn a_person_refuses_at_login_and_at_consent() {
    let provider = Provider::start(Options::default());
    let browser = Browser::start();
    let redirect_uri = redirect_uri_without_a_listener();
    let refused = |browser: &Browser| {
        let prefix = format!("{redirect_uri}?error=access_denied");
        browser.wait_for(|browser| browser.url().starts_with(&prefix), SOON);
        browser.url()
    };
    browser.open(&authorize(&provider, "public", &redirect_uri, "&scope=openid"));
    browser::refuse(&browser);
    assert!(refused(&browser).contains(&format!("&state={STATE}")));

    browser.open(&authorize(&provider, "public", &redirect_uri, "&scope=openid"));
    browser.fill("input[name=login]", "alice");
    browser.fill("input[name=password]", "x");
    browser.click("[type=submit]");
    browser.wait_for(|browser| browser.has("input[value=consent]"), SOON);
    browser::refuse(&browser);
    assert!(refused(&browser).contains(&format!("&state={STATE}")));
}

#[test]
fn a_device_code_is_confirmed_or_refused() {
    let provider = Provider::start(Options::default());
    let browser = Browser::start();
    let page = || device_code(&provider)["verification_uri_complete"].as_str().expect("is there").to_owned();
    browser.open(&page());
    browser::sign_in(&browser, "alice");
    assert!(browser.text().contains("Sign-in Success"), "{}", browser.text());

    browser.open(&page());
    browser::refuse(&browser);
    browser.wait_for(|browser| browser.text().contains("interrupted"), SOON);
}

#[test]
fn a_page_can_be_looked_at() {
    let provider = Provider::start(Options::default());
    let browser = Browser::start();
    browser.open(&authorize(&provider, "public", "http://127.0.0.1:1/callback", "&scope=openid"));
    browser.set_window(360, 640);
    assert_eq!(browser.run("return [innerWidth, innerHeight]"), serde_json::json!([360, 640]));
    assert!(browser.source().contains("<form"));

    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let picture = directory.path().join("login.png");
    browser.screenshot(&picture);
    let png = std::fs::read(picture).expect("the picture is there");
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
    assert_eq!(png[16..24], [0, 0, 1, 104, 0, 0, 2, 128], "360 × 640");
}

#[test]
fn nothing_is_left_behind() {
    let provider = Provider::start(Options { https: true, ..Options::default() });
    let browser = Browser::start_with(browser::Options { accept_insecure_certs: true });
    browser.open(&format!("{}/.well-known/openid-configuration", provider.issuer()));
    let (node, chromium) = (provider.ids(), browser.ids());
    assert_eq!(node.len(), 1);
    assert!(chromium.len() > 4, "guard, chromedriver, browser and its helpers: {chromium:?}");
    let ca_file = provider.ca_file();

    drop(browser);
    assert!(still_running(&chromium).is_empty());
    drop(provider);
    assert!(still_running(&node).is_empty());
    assert!(!ca_file.exists());
}

fn discovery(provider: &Provider) -> Value {
    get(provider, "/.well-known/openid-configuration")
}

fn get(provider: &Provider, path: &str) -> Value {
    let url = format!("{}{path}", provider.issuer());
    let mut response = provider.agent().get(&url).call().expect("the provider answers");
    assert_eq!(response.status(), 200, "{path}");
    response.body_mut().read_json().expect("is JSON")
}

fn device_code(provider: &Provider) -> Value {
    let url = format!("{}/oauth/device/code", provider.issuer());
    let form = [("client_id", "device"), ("scope", "openid")];
    let mut response = provider.agent().post(&url).send_form(form).expect("the provider answers");
    response.body_mut().read_json().expect("is JSON")
}

fn authorize(provider: &Provider, client_id: &str, redirect_uri: &str, parameters: &str) -> String {
    let redirect_uri = redirect_uri.replace(':', "%3A").replace('/', "%2F");
    format!(
        "{}/authorize?response_type=code&client_id={client_id}&redirect_uri={redirect_uri}&state={STATE}\
         &code_challenge={CHALLENGE}&code_challenge_method=S256{parameters}",
        provider.issuer()
    )
}

/// A port was free a moment ago: nothing answers there, and the browser shows the address all the same.
fn redirect_uri_without_a_listener() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    format!("http://{}/callback", listener.local_addr().expect("is bound"))
}

/// RFC 7636, appendix B.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// The public key of RFC 7517, appendix A.1.
const CLIENT_JWKS: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","use":"sig","alg":"ES256","kid":"1",
    "x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}"#;
const SOON: Duration = Duration::from_secs(20);
const STATE: &str = "af0ifjsldkj";
