//! What operators see and do.

use std::{
    fs,
    net::TcpStream,
    process::Command,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rustls_pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, crypto::ring};

use crate::support::{Browser, Client, Device, Fleet, Folder, Instance, Running, SignIn, until};

// REQ: PORTAL-32, PORTAL-17
#[test]
fn the_log_keeps_secrets() {
    let (folder, fleet) = (Folder::new(), Fleet::new());
    let devices = folder.file("devices.toml", &fleet.text);
    let instance = Instance::start(&devices, &[]);
    let device = Device::new(instance.address, &fleet.kettle);
    let (sign_in, mut browser) = (SignIn::new(), Browser::new(instance.address));
    let codes = device.open(&sign_in);
    assert_eq!(browser.post("/pair", "code=BBBB-BBBB").status, 403);
    let page = browser.pair(&codes);
    browser.go(&page);
    browser.get("/marker-path?marker-query");
    browser.client.clone().host("marker-host").get("/");
    browser.client.clone().with("X-Forwarded-For", "192.0.2.99").get("/");
    let response = format!("{}&error_description=marker-description", sign_in.response());
    assert_eq!(browser.callback(&response).status, 303);
    device.wait(&sign_in, "paired", 0);
    device.close(&sign_in, "signed_in");
    let mut liar = fleet.lamp.clone();
    liar.secret = "marker-secret".into();
    assert_eq!(Device::new(instance.address, &liar).wait(&sign_in, "waiting", 0).status, 403);
    let metrics = Client::new(instance.admin).get("/metrics").body;
    instance.signal("TERM");
    let (success, log) = instance.end();
    assert!(success, "{log}");

    let cookie = browser.cookie.clone().unwrap();
    let markers = [
        codes.code.as_str(),
        &codes.code.replace('-', ""),
        &codes.token,
        &sign_in.state,
        &sign_in.mailbox,
        sign_in.key(),
        cookie.split('=').nth(1).unwrap(),
        page.hidden("page"),
        "SplxlOBeZQQYbYS6WxSbIA",
        "marker",
        "192.0.2.99",
        "127.0.0.1",
        &fleet.kettle.id,
        &fleet.kettle.secret,
        "op.example",
        "?",
    ];
    for marker in markers {
        assert!(!log.contains(marker), "the log has {marker}: {log}");
        assert!(marker == "?" || !metrics.contains(marker), "the metrics have {marker}");
    }
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let routes: Vec<_> =
        lines.iter().filter_map(|line| Some((line["route"].as_str()?, line["status"].as_u64()?))).collect();
    for wanted in [
        ("mailbox", 200),
        ("pair", 403),
        ("pair", 200),
        ("go", 303),
        ("callback", 303),
        ("other", 404),
        ("start", 421),
    ] {
        assert!(routes.contains(&wanted), "{wanted:?} is not in {routes:?}");
    }
    assert_eq!(lines.last().unwrap()["message"], "stopped");
}

#[test]
fn health_and_metrics_are_apart() {
    let relay = Running::start();
    for (path, body) in [("/healthz", "alive\n"), ("/readyz", "ready\n")] {
        assert_eq!((relay.admin(path).status, relay.admin(path).body.as_str()), (200, body));
        assert_eq!(relay.browser().get(path).status, 404);
    }
    let (device, sign_in, mut browser) = (relay.kettle(), SignIn::new(), relay.browser());
    browser.sign_in(&device.open(&sign_in), &sign_in);
    device.close(&sign_in, "refused");
    for (name, value) in [
        ("keyfob_relay_opened_total", 1.0),
        ("keyfob_relay_paired_total", 1.0),
        ("keyfob_relay_answered_total", 1.0),
        ("keyfob_relay_ended_total{ending=\"refused\"}", 1.0),
        ("keyfob_relay_requests_total{route=\"callback\",status=\"303\"}", 1.0),
        ("keyfob_relay_mailboxes", 1.0),
        ("keyfob_relay_store_failures_total", 0.0),
    ] {
        assert_eq!(relay.metric(name), value, "{name}");
    }
    let metrics = relay.admin("/metrics");
    assert!(metrics.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    assert!(metrics.body.ends_with("# EOF\n"));
}

#[test]
fn long_polls_are_answered_when_it_stops() {
    let mut relay = Running::start();
    let (kettle, sign_in) = (relay.kettle(), SignIn::new());
    let (lamp, other, mut browser) = (relay.lamp(), SignIn::new(), relay.browser());
    kettle.open(&sign_in);
    browser.pair(&lamp.open(&other));
    let polls: Vec<_> = [(kettle, sign_in.mailbox, "waiting"), (lamp, other.mailbox, "paired")]
        .into_iter()
        .map(|(device, mailbox, seen)| {
            let form = format!("mailbox={mailbox}&seen={seen}&wait=25");
            thread::spawn(move || (device.client.post("/mailbox/wait", &form).body, seen))
        })
        .collect();
    until("both wait", || relay.metric("keyfob_relay_polls") == 2.0);
    // A connection that is quiet does not hold it up either.
    let _quiet = TcpStream::connect(relay.address).unwrap();
    let start = Instant::now();
    relay.stop();
    assert!(start.elapsed() < Duration::from_secs(12), "{:?}", start.elapsed());
    for poll in polls {
        let (body, seen) = poll.join().unwrap();
        assert_eq!(body, format!("{{\"status\":\"{seen}\"}}"));
    }
    assert!(TcpStream::connect(relay.address).is_err());
}

#[test]
fn the_process_ends_on_a_signal() {
    let (folder, fleet) = (Folder::new(), Fleet::new());
    for signal in ["TERM", "INT"] {
        let instance = Instance::start(&folder.file("devices.toml", &fleet.text), &[]);
        let (device, sign_in) = (Device::new(instance.address, &fleet.kettle), SignIn::new());
        device.open(&sign_in);
        let waiting = thread::spawn(move || (device.wait(&sign_in, "waiting", 25), Instant::now()));
        until("it waits", || {
            Client::new(instance.admin).get("/metrics").body.contains("keyfob_relay_polls 1")
        });
        let start = Instant::now();
        instance.signal(signal);
        let (reply, when) = waiting.join().unwrap();
        assert_eq!(reply.body, "{\"status\":\"waiting\"}");
        assert!(when.duration_since(start) < Duration::from_secs(3));
        assert!(instance.end().0, "{signal}");
    }
}

#[test]
fn devices_are_read_again() {
    let (folder, fleet, late) = (Folder::new(), Fleet::new(), Fleet::new());
    let path = folder.file("devices.toml", &fleet.text);
    let instance = Instance::start(&path, &[]);
    let known = |fleet: &Fleet| {
        let device = Device::new(instance.address, &fleet.kettle);
        device.client.post("/mailbox", &SignIn::new().form()).status == 200
    };
    assert!(known(&fleet) && !known(&late));
    fs::write(&path, &late.text).unwrap();
    instance.signal("HUP");
    until("the new devices are known", || known(&late));
    assert!(!known(&fleet));
    // A file that is wrong changes nothing.
    fs::write(&path, "[[device]]\nid = \"x\"\n").unwrap();
    instance.signal("HUP");
    thread::sleep(Duration::from_millis(300));
    assert!(known(&late));
    instance.signal("TERM");
    let (_, log) = instance.end();
    assert!(log.contains("not reloaded") && log.contains("\"reloaded\""), "{log}");
}

#[test]
fn new_devices_and_keys_come_from_the_command_line() {
    let run = |words: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_keyfob-relay")).args(words).output().unwrap();
        assert!(output.status.success());
        [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap())
    };
    let [entry, credentials] = run(&["new-device", "--name", "Kettle \"two\""]);
    let word = |name: &str| {
        let line = credentials.lines().find(|line| line.trim_start().starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().to_string()
    };
    assert!(!entry.contains(&word("secret")) && word("secret").len() == 43);
    let folder = Folder::new();
    let instance = Instance::start(&folder.file("devices.toml", &entry), &[]);
    let credentials = crate::support::Credentials { id: word("id"), secret: word("secret") };
    let (device, mut browser) = (Device::new(instance.address, &credentials), Browser::new(instance.address));
    assert!(browser.pair(&device.open(&SignIn::new())).body.contains("Kettle &quot;two&quot;"));
    let [one, other] = [run(&["new-key"])[0].clone(), run(&["new-key"])[0].clone()];
    assert!(one != other && one.trim().len() == 43);
}

#[test]
fn settings_that_are_wrong_are_said() {
    let (folder, fleet) = (Folder::new(), Fleet::new());
    let devices = folder.file("devices.toml", &fleet.text);
    let devices = devices.to_str().unwrap();
    let endpoint = ["--authorization-endpoint", "https://op.example/authorize"];
    for (words, said) in [
        (vec!["--devices", devices], "--authorization-endpoint"),
        (vec!["--devices", devices, "--authorization-endpoint", "http://op.example/a"], "no https address"),
        ([&["--devices", "nothing.toml"], &endpoint[..]].concat(), "cannot be read"),
        (
            [&["--devices", devices, "--public-url", "http://relay.example"], &endpoint[..]].concat(),
            "no address of a relay",
        ),
        ([&["--devices", devices, "--listen", "0.0.0.0:0"], &endpoint[..]].concat(), "--public-url"),
        (vec!["--store", "postgres://x"], "redis://"),
        (vec!["--colour", "red}"], "hexadecimal"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_keyfob-relay"))
            .args(["--listen", "127.0.0.1:0"].iter().filter(|_| !words.contains(&"--listen")))
            .args(&words)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && text.contains(said), "{words:?}: {text}");
    }
}

#[test]
fn it_has_a_certificate_of_its_own_and_takes_a_new_one() {
    let folder = Folder::new();
    let issue = || {
        let made = rcgen::generate_simple_self_signed(vec!["relay.example".into()]).unwrap();
        folder.file("certificate.pem", &made.cert.pem());
        folder.file("key.pem", &made.signing_key.serialize_pem());
        made.cert.der().clone()
    };
    let first = issue();
    let fleet = Fleet::new();
    let file = |name: &str| folder.0.join(name).to_str().unwrap().to_string();
    let devices = folder.file("devices.toml", &fleet.text);
    let instance =
        Instance::start(&devices, &["--certificate", &file("certificate.pem"), "--key", &file("key.pem")]);
    let trusts = |certificate: &rustls_pki_types::CertificateDer<'static>| {
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("relay.example").unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut stream = StreamOwned::new(connection, TcpStream::connect(instance.address).unwrap());
        use std::io::{Read, Write};
        let mut answer = String::new();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: relay.example\r\nConnection: close\r\n\r\n").is_ok() && {
            let _ = stream.read_to_string(&mut answer);
            answer.starts_with("HTTP/1.1 200 OK")
        }
    };
    assert!(trusts(&first));
    let second = issue();
    assert!(!trusts(&second));
    instance.signal("HUP");
    until("the new certificate is there", || trusts(&second));
    assert!(!trusts(&first));
}
