//! The program chooses a way to sign in, says which, and goes on with another where it is closed.

mod common;

use keyfob_demo_issuer::DemoIssuer;
use serde_json::{Value, json};

use self::common::{
    Browser, End, Run,
    scripted::{Answers, JSON, Scripted, redirect_from},
};

/// A server with both grants; `answers` are those of its other endpoints.
fn server(answers: Answers) -> Scripted {
    Scripted::start(json!({ "device_authorization_endpoint": "/device" }), answers)
}

fn refusing(path: &'static str, code: &str) -> (&'static str, u16, &'static str, String) {
    (path, 400, JSON, json!({ "error": code }).to_string())
}

fn tokens() -> (&'static str, u16, &'static str, String) {
    ("/token", 200, JSON, json!({ "access_token": "a", "token_type": "Bearer" }).to_string())
}

fn start(server: &Scripted, arguments: &[&str]) -> Run {
    let real = ["--json", "--issuer", &server.url, "--client-id", "a", "--scope", "email"];
    Run::start(&[&real, arguments].concat())
}

/// Starts the program, pastes what the server answered the browser, and waits for the end.
fn paste(run: Run, parameters: &str) -> End {
    let mut run = run;
    let url = run.url();
    run.type_line(&redirect_from(&url, parameters));
    run.end()
}

/// The ways that were gone, in their order.
fn gone(end: &End) -> Vec<&str> {
    let ways = end.events.iter().filter(|event| event["event"] == "way");
    ways.filter_map(|event| event["way"].as_str()).collect()
}

fn no_fall_back(end: &End) {
    assert!(end.events.iter().all(|event| event["event"] != "fall_back"), "{}", end.stdout);
    assert_eq!(gone(end).len(), 1, "{}", end.stdout);
}

/// The server's administrator does not let this client use the device grant: nobody has to do anything about it.
// REQ: DEV-02, DEV-28, PORTAL-01
#[test]
fn a_way_that_is_blocked_is_left_for_the_next_one() {
    for code in ["unauthorized_client", "access_denied", "unsupported_grant_type"] {
        let server = server(vec![refusing("/device", code), tokens()]);
        let end = paste(start(&server, &["--way", "device,paste"]), "code=b");
        assert_eq!(end.code, Some(0), "{}", end.stdout);
        assert_eq!(gone(&end), ["device", "paste"]);
        let told = end.event("fall_back");
        for (name, value) in [("from", "device"), ("to", "paste"), ("reason", "blocked"), ("code", code)] {
            assert_eq!(told[name], value, "{told}");
        }
        assert!(told["message"].as_str().is_some_and(|text| text.contains(code)), "{told}");
        assert_eq!(end.event("result")["way"], "paste");
        assert_eq!(end.stderr, "");
    }
}

#[test]
fn a_person_is_told_of_it() {
    let server = server(vec![refusing("/device", "unauthorized_client"), tokens()]);
    let real = ["--issuer", &server.url, "--client-id", "a", "--scope", "email", "--way", "device,paste"];
    let mut run = Run::start(&real);
    let back = redirect_from(&run.shown_url(), "code=b");
    run.type_line(&back);
    let end = run.end();
    assert_eq!(end.code, Some(0), "{}", end.stderr);
    let text = end.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "Signing in by a code that is entered on another device.",
        "The way device is closed. The server does not let this application go this way (unauthorized_client).",
        "Going on with paste. Signing in by a browser anywhere, and its last address copied by hand.",
    ] {
        assert!(text.contains(words), "{text}");
    }
}

/// The other grant may be open when the browser comes back with the news that this one is not.
#[test]
fn falling_back_ends_when_every_way_is_blocked() {
    let server = server(vec![refusing("/device", "unauthorized_client")]);
    let end = paste(start(&server, &["--way", "paste,device"]), "error=unauthorized_client");
    assert_eq!(gone(&end), ["paste", "device"]);
    assert_eq!(end.event("fall_back")["to"], "device");
    assert_eq!(end.events.iter().filter(|event| event["event"] == "fall_back").count(), 1);
    assert_eq!(end.error("refused", 5)["code"], "unauthorized_client");
}

// REQ: CDX-01
#[test]
fn who_said_no_is_not_asked_another_way() {
    let server = server(vec![]);
    let end = paste(start(&server, &["--way", "paste,device"]), "error=access_denied");
    no_fall_back(&end);
    end.error("denied", 3);
}

#[test]
fn who_names_one_way_gets_no_other() {
    let server = server(vec![refusing("/device", "unauthorized_client"), tokens()]);
    for arguments in [&["--device"][..], &["--way", "device"]] {
        let end = start(&server, arguments).end();
        no_fall_back(&end);
        assert_eq!(end.error("refused", 5)["code"], "unauthorized_client");
    }
}

/// Nobody would see a browser here, and nothing else is given.
// REQ: DEV-01, PORTAL-01
#[test]
fn a_machine_without_a_browser_shows_a_code() {
    let issuer = DemoIssuer::start().expect("it starts");
    let mut run = Run::start(&["--json", "--issuer", issuer.issuer(), "--client-id", DemoIssuer::CLIENT_ID]);
    let shown = run.event("user_code");
    let text = |name: &str| shown[name].as_str().expect("a text").to_owned();
    Browser::enter(&text("verification_uri"), &text("user_code"), "allow");
    let end = run.end();
    assert_eq!(end.code, Some(0), "{}", end.stdout);
    assert_eq!(end.event("result")["way"], "device");
    // With one it is the browser's.
    let mut run = Run::start(&["--json", "--no-browser", "--issuer", issuer.issuer(), "--client-id", "demo"]);
    assert_eq!(run.event("way")["way"], "loopback");
}

fn row<'e>(ways: &'e Value, way: &str) -> &'e Value {
    let rows = ways["ways"].as_array().expect("a list");
    rows.iter().find(|row| row["way"] == way).unwrap_or_else(|| panic!("no {way}: {ways}"))
}

// REQ: PORTAL-01, PORTAL-02, DEV-28
#[test]
fn ways_are_listed_with_the_reason_for_those_that_are_closed() {
    let list = |server: &Scripted, arguments: &[&str]| {
        let end = start(server, &[&["--ways"], arguments].concat()).end();
        assert_eq!(end.code, Some(0), "{}", end.stdout);
        assert!(end.events.iter().all(|event| event["event"] != "way"), "nothing begins");
        end.event("ways").clone()
    };
    let both = server(vec![]);
    let ways = list(&both, &["--no-browser", "--portal", "127.0.0.1:0"]);
    let names: Vec<_> = ways["ways"].as_array().expect("a list").iter().map(|row| &row["way"]).collect();
    assert_eq!(names, ["loopback", "device", "paste", "relay", "portal"], "the best first");
    for (way, reason) in [("relay", "no_relay"), ("portal", "insecure")] {
        let row = row(&ways, way);
        assert_eq!((&row["usable"], &row["reason"]), (&false.into(), &reason.into()));
        assert!(row["message"].as_str().is_some_and(|text| text.len() > 10), "{row}");
    }
    for way in ["loopback", "device", "paste"] {
        assert_eq!(row(&ways, way), &json!({ "way": way, "usable": true }));
    }

    let ways = list(&both, &["--portal", "127.0.0.1:0", "--insecure-lan-redirect"]);
    assert_eq!(row(&ways, "portal")["usable"], true);
    assert_eq!(row(&ways, "loopback")["reason"], "no_browser");

    let code = Scripted::start(json!({}), vec![]);
    let ways = list(&code, &[]);
    assert_eq!(row(&ways, "device")["reason"], "no_endpoint");
    assert_eq!(row(&ways, "paste")["reason"], "no_keys");
}

#[test]
fn a_person_reads_the_list() {
    let end = Run::start(&["--ways"]).end();
    assert_eq!(end.code, Some(0), "{}", end.stderr);
    let text = end.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "Ways to sign in here, the best first loopback the browser on this machine device a code",
        "Ways that cannot be used relay No relay is given. Give one with --relay and --relay-device-file.",
    ] {
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn a_way_that_is_named_and_closed_is_an_error_with_the_reason() {
    let both = server(vec![]);
    for (way, words) in [("relay", "--relay"), ("portal", "--portal")] {
        let end = start(&both, &["--way", way]).end();
        let error = end.error("usage", 2);
        assert!(error["advice"].as_str().is_some_and(|text| text.contains(words)), "{error}");
    }
    let end = start(&both, &["--way", "portal", "--portal", "127.0.0.1:0"]).end();
    let error = end.error("usage", 2);
    assert!(error["advice"].as_str().is_some_and(|text| text.contains("--insecure-lan-redirect")), "{error}");
    let code = Scripted::start(json!({}), vec![]);
    let end = start(&code, &["--device"]).end();
    assert_eq!(end.event("error")["check"], "missing_member", "{}", end.stdout);
}
