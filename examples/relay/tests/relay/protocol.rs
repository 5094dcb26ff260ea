//! A whole sign-in, and what may happen on its way.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::support::{Running, SignIn};

const TAKEN: &str = "{\"status\":\"taken\"}";

// REQ: RELAY-01, RELAY-05, RELAY-07, RELAY-11
#[test]
fn a_sign_in_from_the_code_to_the_end() {
    let relay = Running::start();
    let (device, sign_in, mut browser) = (relay.kettle(), SignIn::new(), relay.browser());
    let codes = device.open(&sign_in);
    assert_eq!((codes.code.len(), codes.expires_in), (9, 120));
    assert_eq!(device.status(&sign_in), "waiting");

    let page = browser.get("/");
    assert_eq!(page.status, 200);
    assert!(page.body.contains("name=\"code\"") && !page.body.contains("Kettle"));
    let page = browser.pair(&codes);
    assert!(page.body.contains("Kettle in the kitchen") && page.body.contains("op.example"));
    assert_eq!(device.status(&sign_in), "paired");
    let go = browser.go(&page);
    assert_eq!((go.status, go.header("location")), (303, Some(sign_in.url.as_str())));

    let callback = browser.callback(&sign_in.response());
    assert_eq!((callback.status, callback.header("location")), (303, Some("https://relay.example/done")));
    let wait = browser.get("/done");
    assert_eq!((wait.status, wait.header("refresh")), (200, Some("2")));
    let reply = device.wait(&sign_in, "paired", 20);
    assert_eq!(sign_in.open(&reply), format!("q{}", sign_in.response()));
    assert_eq!(device.settled(&sign_in), TAKEN);

    assert_eq!(device.close(&sign_in, "signed_in").body, "{}");
    let end = browser.get("/done");
    assert!(
        end.status == 200 && end.header("refresh").is_none() && end.body.contains("The device is signed in.")
    );
    let over = device.wait(&sign_in, "waiting", 0);
    assert_eq!((over.status, over.body.as_str()), (404, "{\"error\":\"mailbox\"}"));
}

// REQ: RELAY-08, PORTAL-13
#[test]
fn a_form_post_from_the_server() {
    let relay = Running::start();
    for origin in ["https://op.example", "null"] {
        let (device, sign_in, mut browser) = (relay.kettle(), SignIn::new(), relay.browser());
        let page = browser.pair(&device.open(&sign_in));
        browser.go(&page);
        let callback = browser.post_from(origin, "/callback", &sign_in.response());
        assert_eq!(callback.status, 303);
        let reply = device.wait(&sign_in, "paired", 0);
        assert_eq!(sign_in.open(&reply), format!("f{}", sign_in.response()));
    }
}

// REQ: PORTAL-24
#[test]
fn the_qr_code_leads_to_a_button() {
    let relay = Running::start();
    let (device, sign_in, mut browser) = (relay.kettle(), SignIn::new(), relay.browser());
    let codes = device.open(&sign_in);
    assert!(!codes.complete.contains(&sign_in.state) && !codes.complete.contains(&sign_in.mailbox));
    // 128 bits.
    assert_eq!(codes.token.len(), 22);
    let page = browser.get(codes.complete.strip_prefix("https://relay.example").unwrap());
    assert_eq!(page.hidden("token"), codes.token);
    assert!(!page.body.contains("name=\"code\""));
    // To look at the page does nothing.
    assert_eq!(device.status(&sign_in), "waiting");
    let page = browser.post("/pair", &format!("token={}", codes.token));
    assert_eq!(browser.go(&page).header("location"), Some(sign_in.url.as_str()));
    assert_eq!(device.status(&sign_in), "paired");
}

#[test]
fn a_page_that_is_loaded_again_goes_on() {
    let relay = Running::start();
    let (device, sign_in, mut browser) = (relay.kettle(), SignIn::new(), relay.browser());
    let codes = device.open(&sign_in);
    let first = browser.pair(&codes);
    assert_eq!(browser.pair(&codes).hidden("page"), first.hidden("page"));
    for _ in 0..2 {
        assert_eq!(browser.go(&first).header("location"), Some(sign_in.url.as_str()));
    }
    assert_eq!(relay.metric("keyfob_relay_wrong_codes_total"), 0.0);
}

// REQ: RELAY-10
#[test]
fn a_long_poll_is_answered_at_once() {
    let relay = Running::start();
    let (device, sign_in, mut browser) = (relay.kettle(), SignIn::new(), relay.browser());
    let codes = device.open(&sign_in);
    let poll = |seen: &'static str| {
        let (device, mailbox) = (device.clone(), sign_in.mailbox.clone());
        let form = format!("mailbox={mailbox}&seen={seen}&wait=25");
        thread::spawn(move || (device.client.post("/mailbox/wait", &form), Instant::now()))
    };
    let waiting = poll("waiting");
    thread::sleep(Duration::from_millis(300));
    assert_eq!(relay.metric("keyfob_relay_polls"), 1.0);
    let (page, paired) = (browser.pair(&codes), Instant::now());
    let (reply, when) = waiting.join().unwrap();
    assert_eq!(reply.body, "{\"status\":\"paired\"}");
    assert!(when.saturating_duration_since(paired) < Duration::from_secs(1));
    browser.go(&page);
    let waiting = poll("paired");
    thread::sleep(Duration::from_millis(300));
    browser.callback(&sign_in.response());
    let answered = Instant::now();
    let (reply, when) = waiting.join().unwrap();
    assert_eq!(sign_in.open(&reply), format!("q{}", sign_in.response()));
    assert!(when.saturating_duration_since(answered) < Duration::from_secs(1));
    // Nothing happens: it ends when it was told to.
    let (other, start) = (SignIn::new(), Instant::now());
    device.open(&other);
    assert_eq!(device.wait(&other, "waiting", 1).body, "{\"status\":\"waiting\"}");
    assert!((900..10_000).contains(&start.elapsed().as_millis()));
}

// REQ: CDX-02
#[test]
fn new_codes_replace_the_old_ones() {
    let relay = Running::start();
    let (device, sign_in, mut browser) = (relay.kettle(), SignIn::new(), relay.browser());
    let old = device.open(&sign_in);
    let new = device.open(&sign_in);
    assert_ne!((&old.code, &old.token), (&new.code, &new.token));
    assert_eq!(browser.post("/pair", &format!("code={}", old.code)).status, 403);
    assert_eq!(browser.post("/pair", &format!("token={}", old.token)).status, 403);
    browser.pair(&new);
    let reply = device.client.post("/mailbox", &sign_in.form());
    assert_eq!((reply.status, reply.body.as_str()), (409, "{\"error\":\"paired\"}"));
}

// REQ: PORTAL-06
#[test]
fn a_code_ends_after_two_minutes() {
    let relay = Running::start();
    let (device, sign_in, mut browser) = (relay.kettle(), SignIn::new(), relay.browser());
    let codes = device.open(&sign_in);
    relay.clock.advance(Duration::from_secs(120));
    assert_eq!(browser.post("/pair", &format!("code={}", codes.code)).status, 403);
    assert_eq!(browser.post("/pair", &format!("token={}", codes.token)).status, 403);
    assert_eq!(device.status(&sign_in), "waiting");
    browser.pair(&device.open(&sign_in));
    // Ten minutes for all of it, whatever was opened again.
    relay.clock.advance(Duration::from_secs(480));
    assert_eq!(device.status(&sign_in), "mailbox");
    assert_eq!(browser.get("/done").status, 404);
    assert_eq!(relay.metric("keyfob_relay_mailboxes"), 0.0);
}

// REQ: RELAY-05
#[test]
fn a_response_ends_after_a_minute() {
    let relay = Running::start();
    let (device, sign_in, mut browser) = (relay.kettle(), SignIn::new(), relay.browser());
    browser.sign_in(&device.open(&sign_in), &sign_in);
    relay.clock.advance(Duration::from_secs(60));
    assert_eq!(device.status(&sign_in), "taken");
    let (sign_in, mut browser) = (SignIn::new(), relay.browser());
    browser.sign_in(&device.open(&sign_in), &sign_in);
    relay.clock.advance(Duration::from_secs(59));
    let reply = device.wait(&sign_in, "paired", 0);
    assert_eq!(sign_in.open(&reply), format!("q{}", sign_in.response()));
    assert_eq!(device.settled(&sign_in), TAKEN);
}

#[test]
fn every_ending_has_its_page() {
    let relay = Running::start();
    for (ending, text) in [
        ("signed_in", "The device is signed in."),
        ("refused", "it was not allowed"),
        ("failed", "Start again on the device."),
        ("cancelled", "it was cancelled on the device"),
    ] {
        let (device, sign_in, mut browser) = (relay.kettle(), SignIn::new(), relay.browser());
        let page = browser.pair(&device.open(&sign_in));
        assert_eq!(device.close(&sign_in, ending).status, 200);
        assert!(browser.get("/done").body.contains(text), "{ending}");
        // Who goes on now comes to the same page, not to the server.
        assert_eq!(browser.go(&page).header("location"), Some("https://relay.example/done"));
        assert_eq!(browser.callback(&sign_in.response()).status, 303);
        assert_eq!(device.status(&sign_in), "mailbox");
        assert_eq!(device.client.post("/mailbox", &sign_in.form()).status, 409);
        relay.clock.advance(Duration::from_secs(60));
        assert_eq!(browser.get("/done").status, 404);
    }
    let (device, sign_in) = (relay.kettle(), SignIn::new());
    let codes = device.open(&sign_in);
    assert_eq!(device.close(&sign_in, "cancelled").status, 200);
    assert_eq!(relay.browser().post("/pair", &format!("code={}", codes.code)).status, 403);
    assert_eq!(device.close(&sign_in, "cancelled").status, 404);
}

#[test]
fn two_sign_ins_do_not_mix() {
    let relay = Running::start();
    let (kettle, lamp) = (relay.kettle(), relay.lamp());
    let (first, second) = (SignIn::new(), SignIn::new());
    let (mut one, mut other) = (relay.browser(), relay.browser());
    let (first_codes, second_codes) = (kettle.open(&first), lamp.open(&second));
    one.sign_in(&first_codes, &first);
    other.sign_in(&second_codes, &second);
    assert_eq!(second.open(&lamp.wait(&second, "paired", 0)), format!("q{}", second.response()));
    assert_eq!(first.open(&kettle.wait(&first, "paired", 0)), format!("q{}", first.response()));
}

#[test]
fn a_prefix_stands_before_everything() {
    let relay = Running::with(|settings| settings.public_url = Some("https://relay.example/sign-in/".into()));
    let sign_in = SignIn::new();
    let reply = relay.kettle().client.post("/sign-in/mailbox", &sign_in.form());
    let json = reply.json();
    assert_eq!(json["verification_uri"], "https://relay.example/sign-in/");
    let mut browser = relay.browser();
    let code = json["user_code"].as_str().unwrap();
    let page = browser.post("/sign-in/pair", &format!("code={code}"));
    assert!(page.body.contains("action=\"/sign-in/go\""));
    let go = browser.post("/sign-in/go", &format!("page={}", page.hidden("page")));
    assert_eq!(go.header("location"), Some(sign_in.url.as_str()));
    let callback = browser.get(&format!("/sign-in/callback?{}", sign_in.response()));
    assert_eq!(callback.header("location"), Some("https://relay.example/sign-in/done"));
    assert_eq!(relay.browser().get("/").status, 404);
}
