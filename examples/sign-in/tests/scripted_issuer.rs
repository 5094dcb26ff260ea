//! The program against a server whose every answer is written down: what goes wrong, and what stays hidden.

mod common;

use serde_json::{Value, json};

use self::common::{
    End, Run,
    scripted::{Answers, JSON, Scripted, redirect_from},
};

const ACCESS: &str = "access-token-that-nobody-may-see";
const REFRESH: &str = "refresh-token-that-nobody-may-see";
const CODE: &str = "code-that-nobody-may-see";

fn tokens(changes: Value) -> (&'static str, u16, &'static str, String) {
    let mut tokens = json!({
        "access_token": ACCESS,
        "token_type": "Bearer",
        "refresh_token": REFRESH,
        "expires_in": 3600,
    });
    for (name, value) in changes.as_object().expect("an object") {
        tokens[name] = value.clone();
    }
    ("/token", 200, JSON, tokens.to_string())
}

/// Starts the program, and pastes what the server would have sent the browser to.
fn sign_in(server: &Scripted, arguments: &[&str], parameters: &str) -> End {
    let mut run = start(server, &[&["--json"], arguments].concat());
    let url = run.url();
    run.type_line(&redirect_from(&url, parameters));
    run.end()
}

fn start(server: &Scripted, arguments: &[&str]) -> Run {
    let real = ["--issuer", &server.url, "--client-id", "a", "--redirect-uri", "com.example.app:/back"];
    Run::start(&[&real, arguments].concat())
}

fn answering(answers: Answers) -> Scripted {
    Scripted::start(json!({}), answers)
}

fn code() -> String {
    format!("code={CODE}")
}

fn assert_hidden(end: &End) {
    for secret in [ACCESS, REFRESH, CODE] {
        assert!(!end.stdout.contains(secret) && !end.stderr.contains(secret), "{}{}", end.stdout, end.stderr);
    }
}

#[test]
fn no_token_is_in_any_output() {
    let server = answering(vec![tokens(json!({}))]);
    let options = ["--scope", "email offline_access", "--then", "refresh"];
    let end = sign_in(&server, &options, &code());
    assert_eq!(end.code, Some(0), "{}", end.stdout);
    assert_eq!(end.event("result")["subject"], Value::Null);
    assert_eq!(end.event("refresh")["rotated"], false);
    assert_hidden(&end);

    let mut run = start(&server, &options);
    let back = redirect_from(&run.shown_url(), &code());
    run.type_line(&back);
    let end = run.end();
    assert_eq!(end.code, Some(0), "{}{}", end.stdout, end.stderr);
    assert!(end.stdout.contains("Access granted"), "{}", end.stdout);
    assert_hidden(&end);

    let end = sign_in(&server, &[&options[..], &["--show-tokens"]].concat(), &code());
    for event in ["result", "refresh"] {
        assert_eq!(end.event(event)["tokens"]["access_token"], ACCESS);
        assert_eq!(end.event(event)["tokens"]["refresh_token"], REFRESH);
    }
}

#[test]
fn nobody_is_signed_in_by_a_token_that_failed_a_check() {
    // A header that names ES256 and a key, claims, and a signature of nothing.
    let forged = format!("eyJhbGciOiJFUzI1NiIsImtpZCI6ImsifQ.eyJzdWIiOiJhIn0.{}", "A".repeat(86));
    for (id_token, check) in [
        (json!(null), "missing_member"),
        (json!("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0."), "algorithm_none"),
        (json!("only.two"), "jwt_format"),
        (json!(forged), "unknown_key"),
    ] {
        let keys = ("/jwks", 200, JSON, json!({ "keys": [] }).to_string());
        let server = answering(vec![tokens(json!({ "id_token": id_token })), keys]);
        let end = sign_in(&server, &["--scope", "openid"], &code());
        assert_eq!(end.event("error")["check"], check, "{}", end.stdout);
        assert!(end.events.iter().all(|event| event["event"] != "result"));
        assert_hidden(&end);
    }
}

#[test]
fn what_the_server_refuses_is_told_in_its_words() {
    let refusal =
        json!({ "error": "invalid_grant", "error_description": "too\u{1b}[2J late", "access_token": null });
    let server = answering(vec![("/token", 400, JSON, refusal.to_string())]);
    let end = sign_in(&server, &["--scope", "email"], &code());
    let error = end.error("refused", 5);
    assert_eq!((&error["code"], &error["description"]), (&"invalid_grant".into(), &"too?[2J late".into()));

    let unknown = "error=org_locked&error_description=ask%20Ada";
    let end = sign_in(&answering(vec![]), &[], unknown);
    let error = end.error("refused", 5);
    assert_eq!((&error["code"], &error["description"]), (&"org_locked".into(), &"ask Ada".into()));
    assert!(error["message"].as_str().is_some_and(|text| text.contains("org_locked")));
}

#[test]
fn trouble_of_the_server_has_the_exit_code_of_the_network() {
    for (status, media) in [(503, "text/html"), (429, JSON), (200, "text/html")] {
        let server = answering(vec![("/token", status, media, String::new())]);
        sign_in(&server, &["--scope", "email"], &code()).error("network", 4);
    }
    let end = sign_in(&answering(vec![]), &[], "error=temporarily_unavailable");
    end.error("network", 4);
}

#[test]
fn a_response_that_anybody_could_have_forged_is_a_failed_check() {
    let server = Scripted::start(json!({ "authorization_response_iss_parameter_supported": true }), vec![]);
    let end = sign_in(&server, &[], &code());
    assert_eq!(end.error("check", 6)["check"], "issuer_missing");
    let end = sign_in(&server, &[], &format!("{}&iss=https://another.example", code()));
    assert_eq!(end.error("check", 6)["check"], "issuer_mismatch");
    assert_hidden(&end);
}

#[test]
fn a_server_that_lacks_something_is_told_before_the_browser_opens() {
    for (changes, class, code) in [
        (json!({ "issuer": "https://another.example" }), "usage", 2),
        (json!({ "code_challenge_methods_supported": ["plain"] }), "refused", 5),
        (json!({ "token_endpoint": "http://another.example/token" }), "check", 6),
        (json!({ "token_endpoint": null }), "check", 6),
        (json!({ "id_token_signing_alg_values_supported": ["HS256"] }), "refused", 5),
    ] {
        let server = Scripted::start(changes.clone(), vec![]);
        let end = start(&server, &["--json"]).end();
        assert_eq!(end.event("error")["class"], class, "{changes}: {}", end.stdout);
        assert_eq!(end.code, Some(code), "{changes}");
        assert!(end.events.iter().all(|event| event["event"] != "authorize"));
    }
}

#[test]
fn a_refresh_without_a_refresh_token_says_so() {
    let server = answering(vec![tokens(json!({ "refresh_token": null }))]);
    let end = sign_in(&server, &["--scope", "email", "--then", "refresh"], &code());
    end.event("result");
    end.error("refused", 5);
}
