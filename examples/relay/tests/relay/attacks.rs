//! Those who try to get in between, each with the answer they get.

use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use crate::support::{Browser, Client, Codes, Device, HOST, PUBLIC, Running, SignIn, race, raw, until};

/// A sign-in whose browser was let in and went on to the server.
fn under_way(relay: &Running) -> (Device, SignIn, Browser) {
    let (device, sign_in, mut browser) = (relay.kettle(), SignIn::new(), relay.browser());
    let page = browser.pair(&device.open(&sign_in));
    assert_eq!(browser.go(&page).status, 303);
    (device, sign_in, browser)
}

/// The answer of the server still gets through.
fn still_works(device: &Device, sign_in: &SignIn, browser: &Browser) {
    assert_eq!(device.status(sign_in), "paired");
    assert_eq!(browser.callback(&sign_in.response()).status, 303);
    assert_eq!(sign_in.open(&device.wait(sign_in, "paired", 0)), format!("q{}", sign_in.response()));
}

fn wrong_code(codes: &Codes) -> &'static str {
    if codes.code == "BBBB-BBBB" { "code=CCCC-CCCC" } else { "code=BBBB-BBBB" }
}

// REQ: PORTAL-05, PORTAL-06, CDX-07
#[test]
fn codes_are_guessed() {
    let relay = Running::start();
    let codes = relay.kettle().open(&SignIn::new());
    let mut browser = relay.browser();
    let mut wait = 30;
    for _ in 0..4 {
        assert_eq!(browser.post("/pair", wrong_code(&codes)).status, 403);
    }
    // What cannot be a code is a slip of the finger.
    assert_eq!(browser.post("/pair", "code=BCD").status, 403);
    for _ in 0..7 {
        assert_eq!(browser.post("/pair", wrong_code(&codes)).status, 403);
        // Now not even the right one is looked at.
        let reply = browser.post("/pair", &format!("code={}", codes.code));
        assert_eq!(reply.status, 429);
        assert_eq!(reply.header("retry-after"), Some(wait.to_string().as_str()));
        assert!(reply.body.contains("Too many wrong codes."));
        relay.clock.advance(Duration::from_secs(wait));
        wait = (wait * 2).min(900);
    }
    assert_eq!(relay.metric("keyfob_relay_wrong_codes_total"), 12.0);
    assert_eq!(relay.metric("keyfob_relay_blocked_codes_total"), 7.0);
    // An hour later all is forgotten.
    relay.clock.advance(Duration::from_secs(3_600));
    let codes = relay.kettle().open(&SignIn::new());
    browser.pair(&codes);
}

#[test]
fn codes_are_guessed_from_many_addresses() {
    let relay = Running::with(|settings| {
        settings.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
        settings.rules.everywhere.free = 20;
    });
    let codes = relay.kettle().open(&SignIn::new());
    let from = |address: &str| {
        let client = Client::new(relay.address).with("X-Forwarded-For", address);
        Browser { client, cookie: None }
    };
    for line in 0..20 {
        assert_eq!(from(&format!("192.0.2.{line}")).post("/pair", wrong_code(&codes)).status, 403);
    }
    let reply = from("198.51.100.1").post("/pair", &format!("code={}", codes.code));
    assert_eq!((reply.status, reply.header("retry-after")), (429, Some("1")));
    // Who has scanned the code of the device is not held up.
    let page = from("198.51.100.1").post("/pair", &format!("token={}", codes.token));
    assert!(page.status == 200 && page.body.contains("Kettle"));
}

#[test]
fn an_address_is_made_up() {
    let relay = Running::start();
    let codes = relay.kettle().open(&SignIn::new());
    for turn in 0..6 {
        let client = Client::new(relay.address)
            .with("X-Forwarded-For", &format!("192.0.2.{turn}"))
            .with("Forwarded", &format!("for=192.0.2.{turn}"));
        let reply = Browser { client, cookie: None }.post("/pair", wrong_code(&codes));
        assert_eq!(reply.status, if turn < 5 { 403 } else { 429 });
    }
}

// REQ: PORTAL-07, PORTAL-23
#[test]
fn a_second_browser_has_the_right_state() {
    let relay = Running::start();
    let (device, sign_in, browser) = under_way(&relay);
    for other in [relay.browser(), under_way(&relay).2] {
        let reply = other.callback(&sign_in.response());
        assert_eq!(reply.status, 403);
        assert!(reply.body.contains("does not belong to a sign‑in in this browser"));
        assert!(!reply.body.contains("Kettle") && !reply.body.contains("op.example"));
    }
    assert_eq!(relay.metric("keyfob_relay_strays_total"), 2.0);
    still_works(&device, &sign_in, &browser);
}

#[test]
fn a_cookie_is_stolen_without_the_state() {
    let relay = Running::start();
    let (device, sign_in, browser) = under_way(&relay);
    let thief = Browser { client: Client::new(relay.address), cookie: browser.cookie.clone() };
    let other = SignIn::new().state;
    for response in [
        "code=x".into(),
        "code=x&state=".into(),
        format!("code=x&state={other}"),
        format!("code=x&state={}x", sign_in.state),
        format!("code=x&state={}", &sign_in.state[1..]),
        format!("code=x&state={}&state={}", sign_in.state, sign_in.state),
        format!("code=x&STATE={}", sign_in.state),
    ] {
        assert_eq!(thief.callback(&response).status, 403, "{response}");
    }
    still_works(&device, &sign_in, &browser);
}

#[test]
fn a_cookie_is_changed() {
    let relay = Running::start();
    let (device, sign_in, browser) = under_way(&relay);
    let cookie = browser.cookie.clone().unwrap();
    let (name, value) = cookie.split_once('=').unwrap();
    let flip = |place: usize| {
        let mut value = value.to_string();
        let other = if &value[place..=place] == "A" { "B" } else { "A" };
        value.replace_range(place..=place, other);
        format!("{name}={value}")
    };
    for cookie in [
        flip(0),
        flip(50),
        flip(84),
        format!("{name}=\"{value}\""),
        format!("{name}={value}x"),
        format!("{name}="),
        // Twice: somebody put one beside it.
        format!("{name}={value}; {name}={value}"),
        format!("keyfob={value}"),
    ] {
        let thief = Browser { client: Client::new(relay.address), cookie: Some(cookie.clone()) };
        assert_eq!(thief.callback(&sign_in.response()).status, 403, "{cookie}");
        assert_eq!(thief.get("/done").status, 404, "{cookie}");
    }
    still_works(&device, &sign_in, &browser);
}

// REQ: PORTAL-11, PORTAL-13
#[test]
fn another_site_posts() {
    let relay = Running::start();
    let (device, sign_in, mut browser) = (relay.kettle(), SignIn::new(), relay.browser());
    let codes = device.open(&sign_in);
    let code = format!("code={}", codes.code);
    for (name, value) in [
        ("Origin", "https://evil.example"),
        ("Origin", "null"),
        ("Origin", "https://op.example"),
        ("Origin", "https://relay.example.evil.example"),
        ("Origin", "http://relay.example"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
        ("Sec-Fetch-Mode", "cors"),
        ("Sec-Fetch-Dest", "iframe"),
    ] {
        assert_eq!(
            Client::new(relay.address).with(name, value).post("/pair", &code).status,
            403,
            "{name}: {value}"
        );
    }
    let twice = Client::new(relay.address).with("Origin", PUBLIC).with("Origin", PUBLIC);
    assert_eq!(twice.post("/pair", &code).status, 403);
    assert_eq!(device.status(&sign_in), "waiting");
    let page = browser.pair(&codes);
    let go = format!("page={}", page.hidden("page"));
    for origin in ["https://evil.example", "null", "https://op.example"] {
        assert_eq!(browser.post_from(origin, "/go", &go).status, 403, "{origin}");
    }
    let other = Browser { cookie: browser.cookie.clone(), ..relay.browser() };
    for form in ["", "page=", "page=AAAAAAAAAAAAAAAAAAAAAA", &format!("{go}&{go}")] {
        assert_eq!(other.clone().post("/go", form).status, 403, "{form}");
    }
    assert_eq!(relay.browser().post("/go", &go).status, 403);
    assert_eq!(browser.go(&page).status, 303);
    assert_eq!(browser.post_from("https://evil.example", "/callback", &sign_in.response()).status, 403);
    still_works(&device, &sign_in, &browser);
}

// REQ: REDIR-22
#[test]
fn another_site_loads_the_callback() {
    let relay = Running::start();
    let (device, sign_in, browser) = under_way(&relay);
    let target = format!("/callback?{}", sign_in.response());
    let cookie = browser.cookie.clone().unwrap();
    let client = || Client::new(relay.address).with("Cookie", &cookie);
    for (mode, dest) in
        [("no-cors", "image"), ("navigate", "iframe"), ("cors", "empty"), ("no-cors", "script")]
    {
        let client = client().with("Sec-Fetch-Site", "cross-site").with("Sec-Fetch-Mode", mode);
        assert_eq!(client.with("Sec-Fetch-Dest", dest).get(&target).status, 403, "{dest}");
    }
    for method in ["HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"] {
        assert_eq!(client().send(method, &target, None).unwrap().status, 405, "{method}");
    }
    for path in ["/pair", "/go", "/mailbox", "/mailbox/wait", "/mailbox/close"] {
        let reply = client().get(path);
        assert_eq!((reply.status, reply.header("allow")), (405, Some("POST")), "{path}");
    }
    still_works(&device, &sign_in, &browser);
}

// REQ: REDIR-19
#[test]
fn a_callback_is_replayed() {
    let relay = Running::start();
    let (device, sign_in, browser) = under_way(&relay);
    assert_eq!(browser.callback(&sign_in.response()).status, 303);
    let other = sign_in.response().replace("code=", "code=attacker-");
    assert_eq!(browser.callback(&other).status, 303);
    assert_eq!(sign_in.open(&device.wait(&sign_in, "paired", 0)), format!("q{}", sign_in.response()));
    assert_eq!(browser.callback(&other).status, 303);
    assert_eq!(device.settled(&sign_in), "{\"status\":\"taken\"}");
}

#[test]
fn two_callbacks_race() {
    let relay = Running::start();
    let (device, sign_in, browser) = under_way(&relay);
    race(&[browser], &sign_in);
    assert!(sign_in.open(&device.wait(&sign_in, "paired", 0)).starts_with("qcode="));
    assert_eq!(relay.metric("keyfob_relay_answered_total"), 1.0);
}

#[test]
fn the_attacker_brings_an_account() {
    let relay = Running::start();
    // The attacker's own device and browser, up to the server's answer.
    let (lamp, theirs) = (relay.lamp(), SignIn::new());
    let mut attacker = relay.browser();
    let page = attacker.pair(&lamp.open(&theirs));
    attacker.go(&page);
    // It is followed in the browser of somebody who signs in.
    let (device, sign_in, browser) = under_way(&relay);
    assert_eq!(browser.callback(&theirs.response()).status, 403);
    // And with the victim's state but the attacker's browser, too.
    assert_eq!(attacker.callback(&sign_in.response()).status, 403);
    still_works(&device, &sign_in, &browser);
}

// REQ: PORTAL-08
#[test]
fn two_phones_at_once() {
    let relay = Running::start();
    let (device, sign_in, mut browser) = (relay.kettle(), SignIn::new(), relay.browser());
    let codes = device.open(&sign_in);
    let page = browser.pair(&codes);
    let mut second = relay.browser();
    assert_eq!(second.post("/pair", &format!("code={}", codes.code)).status, 403);
    assert_eq!(second.post("/pair", &format!("token={}", codes.token)).status, 403);
    assert_eq!(second.cookie, None);
    assert_eq!(browser.go(&page).status, 303);
    still_works(&device, &sign_in, &browser);
}

// REQ: RELAY-04
#[test]
fn a_device_is_not_what_it_says() {
    let relay = Running::start();
    let (device, sign_in, browser) = under_way(&relay);
    let wait = format!("mailbox={}&seen=waiting&wait=0", sign_in.mailbox);
    let bare = Client::new(relay.address).post("/mailbox/wait", &wait);
    assert_eq!((bare.status, bare.header("www-authenticate")), (401, Some("Basic realm=\"keyfob relay\"")));
    let mut liar = relay.fleet.kettle.clone();
    liar.secret = relay.fleet.lamp.secret.clone();
    let liar = Device::new(relay.address, &liar);
    let lamp = relay.lamp();
    for (other, error) in [(&liar, "credentials"), (&lamp, "mailbox")] {
        let error = format!("{{\"error\":\"{error}\"}}");
        for reply in [
            other.client.post("/mailbox", &sign_in.form()),
            other.wait(&sign_in, "waiting", 0),
            other.close(&sign_in, "failed"),
        ] {
            assert_eq!((reply.status, reply.body.as_str()), (403, error.as_str()));
        }
    }
    assert_eq!(relay.metric("keyfob_relay_wrong_credentials_total"), 3.0);
    assert_eq!(relay.metric("keyfob_relay_foreign_mailboxes_total"), 3.0);
    // A page cannot speak for a device, even in a browser that knows its credentials.
    let page = Device { client: device.client.clone().with("Origin", PUBLIC), ..device.clone() };
    assert_eq!(page.wait(&sign_in, "waiting", 0).status, 403);
    still_works(&device, &sign_in, &browser);
}

// REQ: PORTAL-14, RELAY-06
#[test]
fn an_open_redirector_is_wanted() {
    let relay = Running::start();
    let (device, sign_in) = (relay.kettle(), SignIn::new());
    for url in [
        "https://evil.example/authorize",
        "https://op.example.evil.example/authorize",
        "https://op.example/authorize/../evil",
        "https://op.example/authorizeevil",
        "https://op.example@evil.example/authorize",
        "https://op.example/other",
        "http://op.example/authorize",
        "//op.example/authorize",
        "javascript:alert(1)",
        "",
    ] {
        let reply = device.client.post("/mailbox", &sign_in.form_with(&sign_in.mailbox, url, sign_in.key()));
        assert_eq!((reply.status, reply.body.as_str()), (403, "{\"error\":\"authorization_url\"}"), "{url}");
    }
    for url in ["https://op.example/authorize?a=\r\nSet-Cookie: x", "https://op.example/authorize?ä"] {
        let reply = device.client.post("/mailbox", &sign_in.form_with(&sign_in.mailbox, url, sign_in.key()));
        assert_eq!(reply.status, 400, "{url}");
    }
    let mut browser = relay.browser();
    let codes = device.open(&sign_in);
    let page = browser.get("/?next=https://evil.example&t=//evil.example");
    assert!(page.status == 200 && !page.body.contains("evil"));
    let page = browser.post("/pair", &format!("code={}&next=https://evil.example", codes.code));
    let go = browser
        .post("/go?next=https://evil.example", &format!("page={}&next=//evil.example", page.hidden("page")));
    assert_eq!(go.header("location"), Some(sign_in.url.as_str()));
}

#[test]
fn requests_of_devices_are_wrong() {
    let relay = Running::start();
    let (device, sign_in) = (relay.kettle(), SignIn::new());
    let (mailbox, key) = (sign_in.mailbox.as_str(), sign_in.key());
    let with = |mailbox: &str, key: &str| sign_in.form_with(mailbox, &sign_in.url, key);
    for form in [
        String::new(),
        with("", key),
        with(&mailbox[1..], key),
        with(&format!("{mailbox}="), key),
        with(&mailbox.replace(|_| true, "+"), key),
        with(mailbox, ""),
        with(mailbox, &key[1..]),
        // A point that gives the shared secret away.
        with(mailbox, &"A".repeat(43)),
        with(mailbox, key) + "&mailbox=x",
    ] {
        let reply = device.client.post("/mailbox", &form);
        assert_eq!((reply.status, reply.body.as_str()), (400, "{\"error\":\"request\"}"), "{form}");
    }
    device.open(&sign_in);
    for form in
        ["seen=waiting&wait=26", "seen=waiting&wait=-1", "seen=answered&wait=0", "seen=waiting", "wait=0"]
    {
        assert_eq!(
            device.client.post("/mailbox/wait", &format!("mailbox={mailbox}&{form}")).status,
            400,
            "{form}"
        );
    }
    assert_eq!(device.close(&sign_in, "<b>").status, 400);
    let form = sign_in.form();
    assert_eq!(device.client.clone().with("Content-Type", "text/plain").post("/mailbox", &form).status, 415);
    assert_eq!(device.client.post("/mailbox", &format!("{form}&x={}", "x".repeat(8 * 1024))).status, 413);
    assert_eq!(device.status(&sign_in), "waiting");
}

#[test]
fn a_device_asks_without_end() {
    let relay = Running::start();
    let (device, sign_in) = (relay.kettle(), SignIn::new());
    for _ in 0..30 {
        device.open(&sign_in);
    }
    let reply = device.client.post("/mailbox", &sign_in.form());
    assert_eq!((reply.status, reply.header("retry-after")), (429, Some("5")));
    // It does not stand in the way of another one.
    let other = SignIn::new();
    relay.lamp().open(&other);
    let polls: Vec<_> = (0..4)
        .map(|_| {
            let (device, form) = (device.clone(), format!("mailbox={}&seen=waiting&wait=5", sign_in.mailbox));
            thread::spawn(move || device.client.post("/mailbox/wait", &form).status)
        })
        .collect();
    until("four wait", || relay.metric("keyfob_relay_polls") == 4.0);
    assert_eq!(device.wait(&sign_in, "waiting", 0).status, 429);
    assert_eq!(relay.lamp().status(&other), "waiting");
    for poll in polls {
        assert_eq!(poll.join().unwrap(), 200);
    }
    assert_eq!(device.status(&sign_in), "waiting");
    relay.clock.advance(Duration::from_secs(60));
    device.open(&sign_in);
}

#[test]
fn the_memory_is_filled() {
    let relay = Running::with(|settings| settings.rules.most = 2);
    let device = relay.kettle();
    let first = SignIn::new();
    device.open(&first);
    device.open(&SignIn::new());
    let reply = device.client.post("/mailbox", &SignIn::new().form());
    assert_eq!((reply.status, reply.body.as_str()), (503, "{\"error\":\"unavailable\"}"));
    // One that is there may still be opened again, and one that is over makes room.
    device.open(&first);
    device.close(&first, "cancelled");
    device.open(&SignIn::new());
}

// REQ: PORTAL-12
#[test]
fn another_name_points_here() {
    let relay = Running::start();
    let (device, sign_in, browser) = under_way(&relay);
    for host in ["evil.example", "relay.example.evil.example", "relay.example:8443", "127.0.0.1", ""] {
        assert_eq!(Client::new(relay.address).host(host).get("/").status, 421, "{host}");
    }
    for host in ["relay.example", "Relay.Example", "relay.example:443"] {
        assert_eq!(Client::new(relay.address).host(host).get("/").status, 200, "{host}");
    }
    let absolute = b"GET https://evil.example/ HTTP/1.1\r\nHost: relay.example\r\nConnection: close\r\n\r\n";
    assert_eq!(raw(relay.address, absolute).unwrap().status, 421);
    still_works(&device, &sign_in, &browser);
}

// REQ: PORTAL-20, PORTAL-22, PORTAL-27
#[test]
fn requests_are_too_large() {
    let relay = Running::start();
    let client = || Client::new(relay.address);
    assert_eq!(client().get(&format!("/callback?{}", "x".repeat(4_200))).status, 414);
    assert_eq!(client().get(&format!("/?{}", "x".repeat(6_000))).status, 414);
    assert_eq!(client().with("X-Bomb", &"x".repeat(9_000)).get("/").status, 431);
    assert_eq!(client().with("X-Bomb", &"x".repeat(60_000)).get("/").status, 431);
    let many = (0..200).fold(client(), |client, number| client.with(&format!("X-{number}"), "x"));
    assert_eq!(many.get("/").status, 431);
    let mut browser = relay.browser();
    assert_eq!(browser.post("/pair", &"x".repeat(1_025)).status, 413);
    assert_eq!(browser.post_from("null", "/callback", &"x".repeat(4_097)).status, 413);
    for path in
        ["/generate_204", "/hotspot-detect.html", "/connecttest.txt", "/mailbox/x", "/x", "//", "/metrics"]
    {
        let reply = client().get(path);
        assert_eq!(reply.status, 404, "{path}");
        assert!(reply.body.contains("There is nothing here."));
    }
}

// REQ: PORTAL-21
#[test]
fn a_second_request_is_smuggled() {
    let relay = Running::start();
    let (device, sign_in, browser) = under_way(&relay);
    let head = format!("POST /pair HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n");
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    for (what, request, statuses) in [
        ("chunked", format!("{head}{form}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), &[411][..]),
        (
            "both",
            format!("{head}{form}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            &[400, 411],
        ),
        ("two lengths", format!("{head}{form}Content-Length: 4\r\nContent-Length: 5\r\n\r\ncode="), &[400]),
        ("a strange length", format!("{head}{form}Content-Length: +4\r\n\r\ncode"), &[400]),
        ("no length", format!("{head}{form}\r\n"), &[411]),
        (
            "two hosts",
            format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"),
            &[400],
        ),
        ("no host", "GET / HTTP/1.1\r\nConnection: close\r\n\r\n".into(), &[400]),
        (
            "a folded line",
            format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nX: a\r\n b\r\nConnection: close\r\n\r\n"),
            &[400],
        ),
        (
            "a space before the colon",
            format!("GET / HTTP/1.1\r\nHost : {HOST}\r\nConnection: close\r\n\r\n"),
            &[400],
        ),
        ("another version", format!("GET / HTTP/3.0\r\nHost: {HOST}\r\n\r\n"), &[400, 505]),
        ("nonsense", "\u{0}\u{1}\u{2}\r\n\r\n".into(), &[400]),
    ] {
        let reply = raw(relay.address, request.as_bytes()).unwrap();
        assert!(statuses.contains(&reply.status), "{what}: {}", reply.status);
    }
    still_works(&device, &sign_in, &browser);
}

/// A connection from another address of this machine.
fn connect_from(address: [u8; 4], to: SocketAddr) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind((IpAddr::V4(Ipv4Addr::from(address)), 0).into()).unwrap();
        socket.connect(to).await.unwrap().into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

fn ask_on(mut stream: TcpStream) -> String {
    let request = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n");
    let mut text = String::new();
    if stream.write_all(request.as_bytes()).is_ok() {
        let _ = stream.read_to_string(&mut text);
    }
    text.lines().next().unwrap_or_default().to_string()
}

#[test]
fn connections_are_slow() {
    let relay = Running::with(|settings| {
        settings.limits.connections_per_address = 4;
        settings.limits.head = Duration::from_millis(800);
        settings.limits.body = Duration::from_millis(500);
    });
    let start = Instant::now();
    let slow: Vec<_> = (0..8)
        .map(|_| {
            let mut stream = connect_from([127, 0, 0, 1], relay.address);
            stream.write_all(b"GET / HTTP/1.1\r\nHost: rel").unwrap();
            stream
        })
        .collect();
    // The attacker's own address is full; everybody else is served.
    until("four are turned away", || {
        relay.admin("/metrics").body.contains("keyfob_relay_connections_turned_away_total 4")
    });
    assert_eq!(ask_on(connect_from([127, 0, 0, 1], relay.address)), "");
    assert_eq!(ask_on(connect_from([127, 0, 0, 2], relay.address)), "HTTP/1.1 200 OK");
    for mut stream in slow {
        let mut text = String::new();
        let _ = stream.read_to_string(&mut text);
        assert!(text.is_empty() || text.starts_with("HTTP/1.1 408"), "{text}");
    }
    assert!((700..20_000).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    until("there is room again", || relay.metric("keyfob_relay_connections") == 0.0);
    assert_eq!(ask_on(connect_from([127, 0, 0, 1], relay.address)), "HTTP/1.1 200 OK");

    // A body that does not come.
    let head = format!(
        "POST /pair HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 9\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\nc"
    );
    assert_eq!(raw(relay.address, head.as_bytes()).unwrap().status, 408);
    // One that says nothing at all, and one that says nothing more.
    for request in ["", &format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n")] {
        let (start, mut stream) = (Instant::now(), connect_from([127, 0, 0, 1], relay.address));
        stream.write_all(request.as_bytes()).unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
        assert!(start.elapsed() < Duration::from_secs(9), "{request}");
    }
}

// REQ: PORTAL-16, REDIR-18
#[test]
fn a_description_has_markup() {
    let relay = Running::start();
    let (device, sign_in, browser) = under_way(&relay);
    let markup = "%3Cscript%3Ealert(1)%3C/script%3E%3Cimg%20src=x%3E";
    let response = format!(
        "error=access_denied&error_description={markup}&error_uri=javascript:x&state={}",
        sign_in.state
    );
    let callback = browser.callback(&response);
    assert_eq!((callback.status, callback.header("location")), (303, Some("https://relay.example/done")));
    let done = browser.get("/done");
    assert!(!done.body.contains("alert") && !callback.body.contains("alert"));
    // It goes to the device as it came, and to nobody else.
    assert_eq!(sign_in.open(&device.wait(&sign_in, "paired", 0)), format!("q{response}"));
    // And a device's name is a name.
    let (lamp, sign_in, mut browser) = (relay.lamp(), SignIn::new(), relay.browser());
    let page = browser.pair(&lamp.open(&sign_in));
    assert!(page.body.contains("Lamp &lt;b&gt;&amp;") && !page.body.contains("<b>"));
}

#[test]
fn ten_thousand_requests_are_nonsense() {
    let relay = Running::start();
    let (device, sign_in, browser) = under_way(&relay);
    let parts: [&[u8]; 24] = [
        b"GET ",
        b"POST ",
        b"HEAD ",
        b"/",
        b"/pair",
        b"/go",
        b"/callback",
        b"/mailbox",
        b"/mailbox/wait",
        b"?",
        b"&",
        b"=",
        b"code",
        b"state",
        b"token=",
        b" HTTP/1.1\r\n",
        b"Host: relay.example\r\n",
        b"Content-Length: 5\r\n",
        b"Content-Type: application/x-www-form-urlencoded\r\n",
        b"Cookie: __Host-keyfob=",
        b"Authorization: Basic ",
        b"\r\n\r\n",
        b"%",
        b"\xff",
    ];
    // Reproducible: a linear congruential generator.
    let mut seed = 4_711_u32;
    let mut next = |below: usize| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) as usize % below
    };
    for _ in 0..10_000 / 16 {
        // Sixteen on a connection, as long as it stands.
        let mut octets = Vec::new();
        for _ in 0..16 {
            if next(2) == 0 {
                octets.extend_from_slice(b"POST /pair HTTP/1.1\r\nHost: relay.example\r\n");
            }
            for _ in 0..next(12) {
                octets.extend_from_slice(parts[next(parts.len())]);
            }
            octets.extend_from_slice(b"\r\n\r\n");
        }
        let mut stream = TcpStream::connect(relay.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let _ = stream.write_all(&octets);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answers = Vec::new();
        let _ = stream.read_to_end(&mut answers);
        let answers = String::from_utf8_lossy(&answers);
        assert!(!answers.contains("HTTP/1.1 5") && !answers.contains("set-cookie"), "{answers}");
    }
    still_works(&device, &sign_in, &browser);
}
