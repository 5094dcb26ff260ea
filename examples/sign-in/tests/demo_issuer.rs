//! The program against the demo issuer, from the first line to the exit code.

mod common;

use std::net::TcpListener;

use keyfob_demo_issuer::DemoIssuer;
use serde_json::Value;

use self::common::{Browser, End, Run};

const QUIET: [&str; 2] = ["--json", "--no-browser"];

fn start(arguments: &[&str]) -> Run {
    Run::start(&[&QUIET, arguments].concat())
}

/// A run whose user allows everything.
fn allowed(arguments: &[&str]) -> End {
    let mut run = start(arguments);
    let url = run.url();
    let back = Browser::sign_in(&url, "allow");
    let page = Browser::land(&back);
    assert!(page.location.is_none() && page.body.contains("<"), "the browser is not left without a word");
    run.end()
}

/// Fails before anybody is sent to a browser.
fn at_once(arguments: &[&str]) -> End {
    start(arguments).end()
}

fn steps(end: &End) -> Vec<&str> {
    let steps = end.events.iter().filter(|event| event["event"] == "progress");
    steps.filter_map(|event| event["step"].as_str()).collect()
}

#[test]
fn a_user_signs_in_without_any_option() {
    let end = allowed(&[]);
    assert_eq!(end.code, Some(0), "{}{}", end.stdout, end.stderr);
    let kinds: Vec<_> = end.events.iter().filter_map(|event| event["event"].as_str()).collect();
    assert_eq!((kinds.first(), kinds.last()), (Some(&"demo"), Some(&"result")));
    assert_eq!(kinds.len(), end.stdout.lines().count(), "every line is an event");
    assert_eq!(end.stderr, "");
    assert_eq!(steps(&end), ["discovering", "exchanging", "checking"]);

    let result = end.event("result");
    assert_eq!(result["claims"]["name"], "Ada Lovelace");
    assert_eq!(result["subject"], result["claims"]["sub"]);
    assert_eq!(result["issuer"], result["claims"]["iss"]);
    assert_eq!(result["scope"], "openid profile email");
    assert_eq!(result["algorithm"], "ES256");
    let checks = result["checks"].as_array().expect("a list");
    for check in ["signature", "iss", "aud", "exp", "nonce", "at_hash"] {
        assert!(checks.contains(&check.into()), "{check}: {result}");
    }
    assert!(result["expires_in"].as_u64().is_some());
}

// REQ: DEV-09, DEV-10, DEV-24, DEV-25
#[test]
fn a_user_signs_in_on_another_device() {
    let mut run = Run::start(&["--device", "--json", "--then", "refresh"]);
    let shown = run.event("user_code");
    let text = |name: &str| shown[name].as_str().expect("a text").to_owned();
    let (code, uri) = (text("user_code"), text("verification_uri"));
    assert_eq!(text("verification_uri_complete"), format!("{uri}?user_code={code}"));
    assert_eq!(shown["expires_in"], 600);
    Browser::enter(&uri, &code, "allow");
    let end = run.end();
    assert_eq!(end.code, Some(0), "{}{}", end.stdout, end.stderr);
    assert_eq!(steps(&end), ["discovering", "checking", "refreshing", "checking"]);
    assert_eq!(end.events.iter().filter(|event| event["event"] == "user_code").count(), 1);
    let result = end.event("result");
    assert_eq!(result["claims"]["name"], "Ada Lovelace");
    let checks = result["checks"].as_array().expect("a list");
    assert!(checks.contains(&"signature".into()) && !checks.contains(&"nonce".into()), "{result}");
    assert_eq!(end.event("refresh")["rotated"], true);
    assert_eq!(end.stderr, "");
}

// REQ: DEV-09, DEV-16, DEV-32
#[test]
fn a_person_reads_the_code_and_says_no() {
    let run = Run::start(&["--device"]);
    let text = run.shown("enter the code");
    let mut lines =
        text.lines().map(str::trim).skip_while(|line| !line.starts_with("To sign in on this computer"));
    let uri = lines.nth(1).expect("an address").to_owned();
    let code = lines.nth(1).expect("a code").to_owned();
    assert!(lines.any(|line| line.starts_with("Enter it only if you started this yourself")), "{text}");
    // Nobody could scan it in a file.
    assert!(!text.contains('█') && !text.contains('\u{1b}'), "{text}");
    Browser::enter(&uri, &code, "deny");
    let end = run.end();
    assert_eq!(end.code, Some(3), "{}", end.stderr);
    assert_eq!(end.stdout, "");
}

// REQ: DEV-20, DEV-28
#[test]
fn a_device_does_not_wait_for_ever() {
    let end = Run::start(&["--device", "--json", "--timeout", "1"]).end();
    end.error("expired", 7);
    assert!(end.event("user_code")["user_code"].is_string());
}

#[test]
fn the_request_may_be_pushed() {
    let mut run = start(&["--par", "--login-hint", "ada"]);
    let url = run.url();
    let (_, query) = url.split_once('?').expect("a query");
    let names: Vec<_> = query.split('&').filter_map(|pair| pair.split('=').next()).collect();
    assert_eq!(names, ["client_id", "request_uri"], "{url}");
    let back = Browser::sign_in(&url, "allow");
    Browser::land(&back);
    let end = run.end();
    assert_eq!(end.code, Some(0), "{}{}", end.stdout, end.stderr);
    assert_eq!(steps(&end), ["discovering", "pushing", "exchanging", "checking"]);
    assert_eq!(end.event("result")["claims"]["name"], "Ada Lovelace");
}

#[test]
fn a_user_signs_in_at_a_given_issuer() {
    let issuer = DemoIssuer::start().expect("it starts");
    let real = ["--issuer", issuer.issuer(), "--client-id", DemoIssuer::CLIENT_ID];
    let options = [
        "--redirect-uri",
        "http://127.0.0.1:0/back/here",
        "--login-hint",
        "ada",
        "--organization",
        "org_1",
        "--max-age",
        "60",
        "--param",
        "theme=dark",
    ];
    let mut run = start(&[&real[..], &options[..]].concat());
    let authorize = run.event("authorize");
    let url = authorize["url"].as_str().expect("a text");
    assert!(
        url.contains("&login_hint=ada") && url.contains("&theme=dark") && url.contains("&max_age=60"),
        "{url}"
    );
    let redirect_uri = authorize["redirect_uri"].as_str().expect("a text");
    assert!(
        redirect_uri.starts_with("http://127.0.0.1:") && redirect_uri.ends_with("/back/here"),
        "{redirect_uri}"
    );
    let back = Browser::sign_in(url, "allow");
    Browser::land(&back);
    let end = run.end();
    assert_eq!(end.code, Some(0), "{}", end.stdout);
    let checks = end.event("result")["checks"].to_string();
    assert!(checks.contains("auth_time") && checks.contains("org_id"), "{checks}");
}

#[test]
fn a_confidential_client_reads_its_secret_from_a_file() {
    let issuer = DemoIssuer::start().expect("it starts");
    let file = File::new("secret", &format!("{}\r\n", DemoIssuer::CLIENT_SECRET));
    let wrong = File::new("wrong-secret", "another");
    let client = ["--issuer", issuer.issuer(), "--client-id", DemoIssuer::CONFIDENTIAL_CLIENT_ID];
    let client =
        [&client[..], &["--redirect-uri", "http://127.0.0.1:0/callback", "--client-secret-file"]].concat();
    for method in ["basic", "post"] {
        let end = allowed(&[&client[..], &[file.name(), "--client-auth", method]].concat());
        assert_eq!(end.code, Some(0), "{}", end.stdout);
        assert!(!end.stdout.contains(DemoIssuer::CLIENT_SECRET));
    }
    let end = allowed(&[&client[..], &[wrong.name()]].concat());
    assert_eq!(end.error("refused", 5)["code"], "invalid_client");
}

#[test]
fn user_info_and_a_refresh_follow_in_the_order_asked_for() {
    let end = allowed(&["--then", "userinfo,refresh,userinfo"]);
    assert_eq!(end.code, Some(0), "{}", end.stdout);
    let kinds: Vec<_> = end.events.iter().filter_map(|event| event["event"].as_str()).collect();
    let after: Vec<_> =
        kinds.iter().skip_while(|kind| **kind != "result").filter(|kind| **kind != "progress").collect();
    assert_eq!(after, [&"result", &"userinfo", &"refresh", &"userinfo"]);
    assert_eq!(end.event("userinfo")["claims"]["sub"], end.event("result")["subject"]);
    let refresh = end.event("refresh");
    assert_eq!(refresh["rotated"], true);
    assert_eq!(end.event("result")["scope"], "openid profile email offline_access");
}

// REQ: REVOKE-05
#[test]
fn a_sign_out_comes_last() {
    let end = allowed(&["--then", "refresh,logout"]);
    assert_eq!(end.code, Some(0), "{}", end.stdout);
    assert_eq!(end.event("logout")["revoked"], true);
    let end = allowed(&["--then", "logout"]);
    assert_eq!(end.event("logout")["revoked"], true, "{}", end.stdout);
}

#[test]
fn tokens_are_printed_only_when_asked_for() {
    let end = allowed(&["--then", "refresh,userinfo"]);
    assert_eq!(end.code, Some(0), "{}", end.stdout);
    for event in &end.events {
        assert!(event["tokens"].is_null(), "{event}");
    }
    assert!(!end.stdout.contains("eyJ") && !end.stderr.contains("eyJ"), "no JWT is printed");

    let end = allowed(&["--then", "refresh", "--show-tokens"]);
    for kind in ["result", "refresh"] {
        let tokens = &end.event(kind)["tokens"];
        for name in ["access_token", "id_token", "refresh_token"] {
            assert!(tokens[name].as_str().is_some_and(|token| token.len() > 16), "{kind} {name}");
        }
    }
}

#[test]
fn who_denies_ends_it() {
    let mut run = start(&[]);
    let back = Browser::sign_in(&run.url(), "deny");
    Browser::land(&back);
    let end = run.end();
    let error = end.error("denied", 3);
    assert_eq!(error["code"], "access_denied");
    assert!(error["description"].as_str().is_some_and(|words| !words.is_empty()), "{error}");
    assert!(end.events.iter().all(|event| event["event"] != "result"));
}

#[test]
fn who_does_not_come_back_runs_out_of_time() {
    let end = at_once(&["--timeout", "1"]);
    end.error("expired", 7);
    let mut run = start(&["--timeout", "1", "--redirect-uri", "com.example.app:/back"]);
    run.url();
    run.end().error("expired", 7);
}

#[test]
fn a_stranger_at_the_listener_does_not_end_the_wait() {
    let mut run = start(&[]);
    let authorize = run.event("authorize");
    let redirect_uri = authorize["redirect_uri"].as_str().expect("a text");
    for query in ["?code=forged&state=forged", "?error=access_denied", ""] {
        Browser::new(redirect_uri).get(&format!("{redirect_uri}{query}"));
    }
    let back = Browser::sign_in(authorize["url"].as_str().expect("a text"), "allow");
    Browser::land(&back);
    assert_eq!(run.end().code, Some(0));
}

#[test]
fn where_nobody_can_listen_the_address_is_pasted() {
    let mut run = start(&["--redirect-uri", "com.example.app:/back"]);
    let authorize = run.event("authorize");
    assert_eq!(
        (&authorize["paste"], &authorize["redirect_uri"]),
        (&true.into(), &"com.example.app:/back".into())
    );
    let url = authorize["url"].as_str().expect("a text");
    let back = Browser::sign_in(url, "allow");
    assert!(back.starts_with("com.example.app:/back?"), "{back}");
    run.type_line("");
    for wrong in ["nonsense", url, "com.example.app:/back?code=a&state=b"] {
        run.type_line(wrong);
        assert_eq!(run.event("progress")["step"], "other_address");
    }
    run.type_line(&format!("  {back}  "));
    let end = run.end();
    assert_eq!(end.code, Some(0), "{}", end.stdout);
}

#[test]
fn who_closes_the_input_gives_up() {
    let mut run = start(&["--redirect-uri", "https://app.example/back"]);
    run.url();
    run.close_input();
    run.end().error("denied", 3);
}

#[cfg(unix)]
#[test]
fn who_interrupts_gives_up() {
    for arguments in [&[][..], &["--redirect-uri", "com.example.app:/back"]] {
        let mut run = start(arguments);
        run.url();
        run.interrupt();
        run.end().error("denied", 3);
    }
}

#[test]
fn a_wrong_issuer_is_named_as_exactly_as_it_can_be() {
    let issuer = DemoIssuer::start().expect("it starts");
    let at = |address: &str| at_once(&["--issuer", address, "--client-id", "demo"]);
    let end = at(&format!("{}/", issuer.issuer()));
    let error = end.error("usage", 2);
    assert!(
        error["message"].as_str().is_some_and(|text| text.contains(&format!("itself {},", issuer.issuer())))
    );

    let end = at(&issuer.issuer().replace("127.0.0.1", "localhost"));
    assert!(matches!(end.event("error")["class"].as_str(), Some("usage")), "{}", end.stdout);
    let end = at(&format!("{}/tenant", issuer.issuer()));
    assert_eq!(end.error("usage", 2)["check"], "http_status");
    at("http://issuer.example/").error("usage", 2);
    let end = at("tenant.auth0.com");
    assert!(
        end.error("usage", 2)["advice"]
            .as_str()
            .is_some_and(|text| text.contains("https://tenant.auth0.com"))
    );
}

#[test]
fn an_unreachable_issuer_is_a_matter_of_the_network() {
    let port =
        TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
    at_once(&["--issuer", &format!("http://127.0.0.1:{port}"), "--client-id", "demo"]).error("network", 4);
}

#[test]
fn a_taken_port_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let uri = format!("http://127.0.0.1:{}/callback", taken.local_addr().expect("an address").port());
    let end = at_once(&["--redirect-uri", &uri]);
    assert!(end.error("usage", 2)["message"].as_str().is_some_and(|text| text.contains(&uri)));
}

#[test]
fn a_refusal_before_the_login_page_is_told() {
    let end = {
        let mut run = start(&["--prompt", "none"]);
        let url = run.url();
        let back = Browser::new(&url).get(&url).location.expect("a redirect");
        Browser::land(&back);
        run.end()
    };
    assert_eq!(end.error("denied", 3)["code"], "login_required");
}

#[test]
fn an_algorithm_that_is_not_accepted_is_refused_before_the_browser() {
    let end = at_once(&["--id-token-alg", "RS256"]);
    assert_eq!(end.error("refused", 5)["check"], "algorithm_unsupported");
}

#[test]
fn wrong_options_are_events_too() {
    for arguments in [
        &["--unknown"][..],
        &["--then", "logout,refresh"],
        &["--client-id", "alone"],
        &["--scope", "a\"b"],
        &["--param", "state=x"],
        &["--prompt", "none,login"],
        &["--redirect-uri", "http://localhost:8080/"],
        &["--redirect-uri", "nodot:/callback"],
        &["--ca-file", "/nowhere"],
        &["--ca-file", "/dev/null"],
        &["--then", "userinfo", "--scope", "email"],
    ] {
        let end = at_once(arguments);
        end.error("usage", 2);
        assert_eq!(end.stdout.lines().filter(|line| line.contains("\"error\"")).count(), 1, "{arguments:?}");
    }
}

/// A file that is gone when the test is.
struct File(std::path::PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("keyfob-sign-in-{}-{name}", std::process::id()));
        std::fs::write(&path, text).expect("it can be written");
        Self(path)
    }

    fn name(&self) -> &str {
        self.0.to_str().expect("a name in UTF-8")
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn help_and_version_are_no_errors() {
    for argument in ["--help", "-h", "--version"] {
        let end = Run::start(&[argument]).end();
        assert_eq!((end.code, end.stderr.as_str()), (Some(0), ""), "{argument}");
        assert!(serde_json::from_str::<Value>(&end.stdout).is_err() && !end.stdout.is_empty());
    }
}
