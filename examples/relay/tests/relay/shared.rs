//! Several instances over one real server, and what that server can read.

use std::{
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use base64ct::{Base64UrlUnpadded, Encoding};
use keyfob_relay::{Keys, StoreKind};

use crate::support::{
    Browser, Client, Device, Fleet, Folder, Front, Instance, RedisServer, Reply, Running, SignIn, race, until,
};

/// Two relays in this process, over one server.
fn two(redis: &RedisServer) -> (Running, Running) {
    let url = redis.url();
    let first = Running::with(|settings| settings.store = StoreKind::Redis(url.clone()));
    let devices = first.folder.0.join("devices.toml");
    let second = Running::with(|settings| {
        settings.store = StoreKind::Redis(url);
        settings.devices = devices;
    });
    (first, second)
}

#[test]
fn a_sign_in_goes_on_at_any_instance() {
    let redis = RedisServer::start();
    let (one, two) = two(&redis);
    let (device, elsewhere) = (one.kettle(), Device::new(two.address, &one.fleet.kettle));
    let (sign_in, mut browser) = (SignIn::new(), two.browser());
    let old = device.open(&sign_in);
    let codes = elsewhere.open(&sign_in);
    assert_eq!(browser.post("/pair", &format!("code={}", old.code)).status, 403);
    assert_eq!(browser.post("/pair", &format!("token={}", old.token)).status, 403);

    // A wait at one instance is ended by what happens at the other, long before it would look by itself.
    let poll = |seen: &'static str| {
        let (device, form) = (device.clone(), format!("mailbox={}&seen={seen}&wait=25", sign_in.mailbox));
        thread::spawn(move || (device.client.post("/mailbox/wait", &form), Instant::now()))
    };
    let waiting = poll("waiting");
    thread::sleep(Duration::from_millis(300));
    let (page, when) = (browser.pair(&codes), Instant::now());
    let (reply, answered) = waiting.join().unwrap();
    assert_eq!(reply.body, "{\"status\":\"paired\"}");
    assert!(answered.saturating_duration_since(when) < Duration::from_secs(1));
    assert_eq!(browser.pair(&codes).hidden("page"), page.hidden("page"));
    assert_eq!(device.client.post("/mailbox", &sign_in.form()).status, 409);

    let mut there = Browser { client: one.browser().client, ..browser.clone() };
    assert_eq!(there.go(&page).header("location"), Some(sign_in.url.as_str()));
    let waiting = poll("paired");
    thread::sleep(Duration::from_millis(300));
    assert_eq!(browser.callback(&sign_in.response()).status, 303);
    let when = Instant::now();
    let (reply, answered) = waiting.join().unwrap();
    assert_eq!(sign_in.open(&reply), format!("q{}", sign_in.response()));
    assert!(answered.saturating_duration_since(when) < Duration::from_secs(1));
    let taken = "{\"status\":\"taken\"}";
    assert_eq!((elsewhere.settled(&sign_in).as_str(), device.settled(&sign_in).as_str()), (taken, taken));
    assert_eq!(there.callback(&sign_in.response()).status, 303);
    assert_eq!(elsewhere.status(&sign_in), "taken");
    let lamp = Device::new(two.address, &one.fleet.lamp);
    assert_eq!((lamp.wait(&sign_in, "waiting", 0).status, lamp.close(&sign_in, "failed").status), (403, 403));
    assert_eq!(lamp.client.post("/mailbox", &sign_in.form()).status, 403);
    assert_eq!(elsewhere.close(&sign_in, "refused").status, 200);
    assert!(there.get("/done").body.contains("it was not allowed"));
    assert_eq!((device.status(&sign_in).as_str(), device.close(&sign_in, "failed").status), ("mailbox", 404));
}

#[test]
fn callbacks_race_at_two_instances() {
    let redis = RedisServer::start();
    let (one, two) = two(&redis);
    let (device, sign_in, mut browser) = (one.kettle(), SignIn::new(), one.browser());
    browser.pair(&device.open(&sign_in));
    let there = Browser { client: two.browser().client, ..browser.clone() };
    race(&[browser, there], &sign_in);
    assert!(sign_in.open(&device.wait(&sign_in, "paired", 0)).starts_with("qcode="));
    let answered = |relay: &Running| relay.metric("keyfob_relay_answered_total");
    assert_eq!(answered(&one) + answered(&two), 1.0);
}

#[test]
fn wrong_codes_are_counted_by_all_together() {
    let redis = RedisServer::start();
    let (one, two) = two(&redis);
    let codes = one.kettle().open(&SignIn::new());
    let wrong = if codes.code == "BBBB-BBBB" { "CCCC-CCCC" } else { "BBBB-BBBB" };
    let mut at = [one.browser(), two.browser()];
    for turn in 0..5 {
        assert_eq!(at[turn % 2].post("/pair", &format!("code={wrong}")).status, 403);
    }
    let mut blocked = |least: u32, most: u32| {
        for browser in &mut at {
            let reply = browser.post("/pair", &format!("code={}", codes.code));
            let seconds: u32 = reply.header("retry-after").unwrap().parse().unwrap();
            assert!(reply.status == 429 && (least..=most).contains(&seconds), "{seconds} s");
        }
    };
    blocked(10, 30);
    redis.end_waits();
    // The next wait is twice as long.
    assert_eq!(one.browser().post("/pair", &format!("code={wrong}")).status, 403);
    blocked(31, 60);
    assert!(redis.lives("wrong").iter().all(|life| (200_000..=3_600_000).contains(life)));
    // Who has scanned the code is not held up; and the right code, in its time, ends the count of its address.
    assert_eq!(two.browser().post("/pair", &format!("token={}", codes.token)).status, 200);
    redis.end_waits();
    two.browser().pair(&one.kettle().open(&SignIn::new()));
    assert_eq!(redis.lives("wrong").len(), 1);
}

#[test]
fn everything_ends_in_its_time() {
    let redis = RedisServer::start();
    let (one, two) = two(&redis);
    let (device, sign_in, mut browser) = (one.kettle(), SignIn::new(), two.browser());
    let within = |kind: &str, most: i64| {
        let lives = redis.lives(kind);
        assert!(!lives.is_empty(), "no {kind}");
        assert!(lives.iter().all(|life| (most - 30_000..=most).contains(life)), "{kind}: {lives:?}");
    };
    let codes = device.open(&sign_in);
    within("proof", 120_000);
    within("mailbox", 600_000);
    redis.expire("proof");
    assert_eq!(browser.post("/pair", &format!("token={}", codes.token)).status, 403);
    assert_eq!(device.status(&sign_in), "waiting");
    browser.sign_in(&device.open(&sign_in), &sign_in);
    assert!(redis.lives("proof").is_empty());
    within("response", 60_000);
    redis.expire("response");
    assert_eq!(device.status(&sign_in), "taken");
    assert_eq!(device.close(&sign_in, "failed").status, 200);
    within("mailbox", 60_000);
    assert_eq!(browser.get("/done").status, 200);
    redis.expire("mailbox");
    assert_eq!(browser.get("/done").status, 404);
    // Opening it again does not make a mailbox live longer.
    let other = SignIn::new();
    device.open(&other);
    redis::cmd("PEXPIRE")
        .arg(redis.dump().keys().find(|key| key.starts_with(b"keyfob-relay:1:mailbox:")).unwrap())
        .arg(90_000)
        .exec(&mut redis.connection())
        .unwrap();
    let codes = device.open(&other);
    assert!((60..=90).contains(&codes.expires_in), "{}", codes.expires_in);
    assert!(redis.lives("mailbox").iter().chain(&redis.lives("proof")).all(|life| *life <= 90_000));
    redis.expire("mailbox");
    assert_eq!(device.status(&other), "mailbox");
}

// REQ: RELAY-11
#[test]
fn the_store_can_read_nothing() {
    let redis = RedisServer::start();
    let (one, _two) = two(&redis);
    let (device, sign_in, mut browser) = (one.kettle(), SignIn::new(), one.browser());
    let codes = device.open(&sign_in);
    browser.post("/pair", "code=BBBB-BBBB");
    let mut seen = vec![redis.dump()];
    let page = browser.pair(&codes);
    seen.push(redis.dump());
    let cookie = browser.cookie.clone().unwrap();
    browser.go(&page);
    browser.callback(&sign_in.response());
    seen.push(redis.dump());
    device.close(&sign_in, "signed_in");
    seen.push(redis.dump());

    let Device { credentials, .. } = &device;
    let value = cookie.split('=').nth(1).unwrap();
    let decoded = |text: &str| Base64UrlUnpadded::decode_vec(text).unwrap();
    let secrets: Vec<(&str, Vec<u8>)> = vec![
        ("code", codes.code.clone().into()),
        ("code without hyphen", codes.code.replace('-', "").into()),
        ("token", codes.token.clone().into()),
        ("token in octets", decoded(&codes.token)),
        ("state", sign_in.state.clone().into()),
        ("state in octets", decoded(&sign_in.state)),
        ("authorization URL", b"authorize".to_vec()),
        ("server", b"op.example".to_vec()),
        ("client", b"client_id".to_vec()),
        ("server's code", b"SplxlOBeZQQYbYS6WxSbIA".to_vec()),
        ("cookie", value.into()),
        ("cookie's secret in octets", decoded(value)[32..].to_vec()),
        ("page token", page.hidden("page").into()),
        ("device", credentials.id.clone().into()),
        ("its name", b"Kettle".to_vec()),
        ("its secret", credentials.secret.clone().into()),
        ("its secret in octets", decoded(&credentials.secret)),
        ("its public key", decoded(sign_in.key())),
        ("address", b"127.0.0.1".to_vec()),
    ];
    for (step, all) in seen.iter().enumerate() {
        // It is not for want of anything to read.
        assert!(all.len() >= [5, 2, 3, 2][step], "{step}: {}", all.len());
        for (key, (octets, life)) in all {
            let key = String::from_utf8_lossy(key);
            for (name, secret) in &secrets {
                let found = octets.windows(secret.len()).any(|window| window == secret);
                assert!(!found, "step {step}: the {name} is in {key}");
            }
            let longest = if key.contains(":wrong:") { 3_600_000 } else { 600_000 };
            assert!((1..=longest).contains(life), "{key} lives for {life} ms");
        }
    }
}

/// Asks until somebody answers, as a device does.
fn patiently(ask: impl Fn() -> std::io::Result<Reply>) -> Reply {
    for _ in 0..100 {
        match ask() {
            Ok(reply) if ![429, 503].contains(&reply.status) => return reply,
            _ => thread::sleep(Duration::from_millis(100)),
        }
    }
    panic!("nobody answers")
}

/// A device that opens its mailbox and waits until it has an answer, on a thread of its own.
fn wait_for_the_answer(device: &Device, mailbox: &str) -> thread::JoinHandle<Reply> {
    let (device, mailbox) = (device.clone(), mailbox.to_string());
    thread::spawn(move || {
        let mut seen = "waiting";
        loop {
            let form = format!("mailbox={mailbox}&seen={seen}&wait=5");
            let reply = patiently(|| device.client.try_post("/mailbox/wait", &form));
            match reply.json()["status"].as_str() {
                Some("waiting") => {}
                Some("paired") => seen = "paired",
                _ => return reply,
            }
        }
    })
}

struct Pair {
    instances: [Instance; 2],
    front: Front,
    fleet: Fleet,
    _folder: Folder,
}

fn pair_of_processes(redis: &RedisServer) -> Pair {
    let (folder, fleet) = (Folder::new(), Fleet::new());
    let devices: PathBuf = folder.file("devices.toml", &fleet.text);
    let key = folder.file("relay.key", &Keys::generate().unwrap());
    let (url, key) = (redis.url(), key.to_str().unwrap().to_string());
    let more = ["--store", &url, "--key-file", &key];
    let instances = [Instance::start(&devices, &more), Instance::start(&devices, &more)];
    let front = Front::new(instances.iter().map(|instance| instance.address).collect());
    Pair { instances, front, fleet, _folder: folder }
}

#[test]
fn either_instance_may_be_killed_at_any_time() {
    let redis = RedisServer::start();
    for victim in 0..2 {
        for phase in 0..5 {
            let mut pair = pair_of_processes(&redis);
            let device = Device::new(pair.front.address, &pair.fleet.kettle);
            let (sign_in, mut browser) = (SignIn::new(), Browser::new(pair.front.address));
            let mut reach = |place: usize| {
                if place == phase {
                    pair.instances[victim].kill();
                }
            };
            let codes = device.open(&sign_in);
            let answer = wait_for_the_answer(&device, &sign_in.mailbox);
            // So that a long-poll is open at one of them.
            thread::sleep(Duration::from_millis(100));
            reach(0);
            browser.get("/");
            let page = browser.pair(&codes);
            reach(1);
            assert_eq!(browser.go(&page).header("location"), Some(sign_in.url.as_str()));
            reach(2);
            assert_eq!(browser.callback(&sign_in.response()).status, 303);
            reach(3);
            let answer = answer.join().unwrap();
            assert_eq!(
                sign_in.open(&answer),
                format!("q{}", sign_in.response()),
                "{victim} killed in phase {phase}"
            );
            assert_eq!(
                patiently(|| device
                    .client
                    .try_post("/mailbox/close", &format!("mailbox={}&ending=signed_in", sign_in.mailbox)))
                .status,
                200
            );
            reach(4);
            assert!(browser.get("/done").body.contains("The device is signed in."));
        }
    }
}

// REQ: RELAY-10
#[test]
fn the_store_may_be_restarted() {
    let mut redis = RedisServer::start();
    let pair = pair_of_processes(&redis);
    let device = Device::new(pair.front.address, &pair.fleet.kettle);
    let (sign_in, mut browser) = (SignIn::new(), Browser::new(pair.front.address));
    let ready = |instance: &Instance| Client::new(instance.admin).get("/readyz").status;
    assert_eq!(pair.instances.each_ref().map(ready), [200, 200]);
    let codes = device.open(&sign_in);
    let answer = wait_for_the_answer(&device, &sign_in.mailbox);
    let page = browser.pair(&codes);

    redis.kill();
    let start = Instant::now();
    let go = browser.go(&page);
    assert_eq!((go.status, go.header("retry-after")), (503, Some("5")));
    let other = device.client.post("/mailbox", &SignIn::new().form());
    assert_eq!((other.status, other.body.as_str()), (503, "{\"error\":\"unavailable\"}"));
    assert_eq!(pair.instances.each_ref().map(ready), [503, 503]);
    assert_eq!(Client::new(pair.instances[0].admin).get("/healthz").status, 200);
    // Nobody waits for long.
    assert!(start.elapsed() < Duration::from_secs(40), "{:?}", start.elapsed());

    redis.restart();
    until("both are ready", || pair.instances.each_ref().map(ready) == [200, 200]);
    assert_eq!(browser.go(&page).header("location"), Some(sign_in.url.as_str()));
    assert_eq!(browser.callback(&sign_in.response()).status, 303);
    assert_eq!(sign_in.open(&answer.join().unwrap()), format!("q{}", sign_in.response()));
    // And instances hear of each other again, soon.
    thread::sleep(Duration::from_secs(3));
    let sign_in = SignIn::new();
    let [one, two] = pair.instances.each_ref().map(|instance| instance.address);
    let codes = Device::new(one, &pair.fleet.kettle).open(&sign_in);
    let form = format!("mailbox={}&seen=waiting&wait=25", sign_in.mailbox);
    let device = Device::new(one, &pair.fleet.kettle);
    let waiting = thread::spawn(move || (device.client.post("/mailbox/wait", &form), Instant::now()));
    thread::sleep(Duration::from_millis(300));
    Browser::new(two).pair(&codes);
    let when = Instant::now();
    let (reply, answered) = waiting.join().unwrap();
    assert_eq!(reply.body, "{\"status\":\"paired\"}");
    assert!(answered.saturating_duration_since(when) < Duration::from_secs(1));
}

#[test]
fn a_shared_store_needs_a_shared_key() {
    let (folder, fleet) = (Folder::new(), Fleet::new());
    let devices = folder.file("devices.toml", &fleet.text);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_keyfob-relay"))
        .args(["--listen", "127.0.0.1:0", "--authorization-endpoint", "https://op.example/a", "--store"])
        .args(["redis://user:marker-password@127.0.0.1:1", "--devices"])
        .arg(&devices)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        !output.status.success() && text.contains("--key-file") && !text.contains("marker-password"),
        "{text}"
    );
}
