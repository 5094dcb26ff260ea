//! Who tries what over the network, and what is answered.
//!
//! What one request can do is in `tests/portal/attacks.rs`: DNS rebinding, cross-site posts, images, header bombs, request
//! smuggling, markup, open redirects. Here it takes sockets, or time, or several at once.

use std::{
    collections::BTreeSet,
    io::Write,
    net::{Ipv4Addr, Shutdown},
    sync::{Arc, Barrier},
    thread,
    time::{Duration, Instant},
};

use keyfob_std::{Failure, portal::Press, user_agent::UserAgentError};

use crate::{
    portal::{
        crowd::{Crowd, Slow},
        device::{Device, ELSEWHERE, Plan, Seen, Way, is_closed, is_open},
        phone::{Phone, connect, header, hear, status},
        provider::{CODE, parameter},
    },
    support::server::LONG,
};

/// Nothing was given away.
#[track_caller]
fn tells_nothing(answer: &str) {
    assert!(header(answer, "Location").is_none() && header(answer, "Set-Cookie").is_none(), "{answer}");
    assert!(!answer.contains("marker") && !answer.contains("authorize"), "{answer}");
}

/// A hundred connections that are never done, of every kind, from one address and from fifty: the phone signs in.
// REQ: PORTAL-20
#[test]
fn slow_loris() {
    for slow in [Slow::Silent, Slow::Head, Slow::Body, Slow::Answer] {
        for addresses in [1, 50] {
            let device = Device::lan();
            let code = device.code();
            let crowd = Crowd::start(slow, device.address, 100, addresses);
            thread::sleep(Duration::from_millis(300));
            let start = Instant::now();
            let mut phone = Phone::new(&device, 9);
            let answer = phone.start(&code);
            assert_eq!(status(&answer), 303, "{slow:?} from {addresses}: {answer}");
            let page = phone.sign_in(header(&answer, "Location").expect("an address"));
            assert!(page.contains("You are signed in."), "{slow:?} from {addresses}: {page}");
            assert!(start.elapsed() < 2 * LONG, "{slow:?} from {addresses}: {:?}", start.elapsed());
            assert!(crowd.stop() >= 100, "the crowd was there");
            device.signs_in();
        }
    }
}

/// Both see the screen, and both send the right code at the same moment: one is let in, the other is told to wait.
// REQ: PORTAL-08
#[test]
fn two_phones_at_once() {
    let device = Device::lan();
    let code = device.code();
    let barrier = Arc::new(Barrier::new(2));
    let phones: Vec<_> = [9, 10]
        .into_iter()
        .map(|last| {
            let (mut phone, code, barrier) = (Phone::new(&device, last), code.clone(), Arc::clone(&barrier));
            thread::spawn(move || {
                barrier.wait();
                let answer = phone.start(&code);
                (phone, answer)
            })
        })
        .collect();
    let mut phones: Vec<_> = phones.into_iter().map(|phone| phone.join().expect("is answered")).collect();
    phones.sort_by_key(|(_, answer)| status(answer));
    let [(first, answer), (second, busy)] = phones.as_mut_slice() else { panic!("two") };
    assert_eq!((status(answer), status(busy)), (303, 409));
    tells_nothing(busy);
    assert!(busy.contains("Another phone is signing in."));
    assert_eq!(status(&second.get("/")), 409);
    first.sign_in(header(answer, "Location").expect("an address"));
    device.signs_in();
}

/// Somebody has seen the right `state`, and comes with another browser.
// REQ: PORTAL-07, PORTAL-23
#[test]
fn a_second_browser_with_the_right_state() {
    let device = Device::lan();
    let (mut phone, location) = Phone::paired(&device, 9);
    let target = format!("/callback?code=marker-theirs&state={}", parameter(&location, "state"));
    let mut thief = Phone::new(&device, 10);
    for cookie in [None, Some("keyfob="), Some("keyfob=AAAA")] {
        thief.cookie = cookie.map(str::to_owned);
        let answer = thief.get(&target);
        assert_eq!(status(&answer), 403, "{cookie:?}");
        tells_nothing(&answer);
    }
    phone.sign_in(&location);
    assert!(device.provider.heard().contains(CODE), "not theirs");
    device.signs_in();
}

/// Somebody has the cookie, and not the `state`.
// REQ: PORTAL-07, PORTAL-23
#[test]
fn a_stolen_cookie_without_the_state() {
    let device = Device::lan();
    let (mut phone, location) = Phone::paired(&device, 9);
    let mut thief = Phone::new(&device, 10);
    thief.cookie = phone.cookie.clone();
    for target in ["/callback", "/callback?code=marker", "/callback?code=marker&state=AAAA"] {
        let answer = thief.get(target);
        assert_eq!(status(&answer), 400, "{target}");
        tells_nothing(&answer);
    }
    phone.sign_in(&location);
    device.signs_in();
}

/// Somebody signs in elsewhere, and makes the phone bring that response.
// REQ: PORTAL-07, PORTAL-23, PORTAL-29
#[test]
fn login_csrf_with_the_attackers_account() {
    // Their own device, with the same client at the same kind of server.
    let (theirs, device) = (Device::new(Plan::PASTE), Device::new(Plan::PASTE));
    let ours = device.until(|seen| match seen {
        Seen::Pair { code, .. } => code,
        _ => None,
    });
    let (mut attacker, _) = Phone::paired(&theirs, 10);
    let response = attacker.go();
    // Before the phone is let in, and after.
    let target = response.strip_prefix("http://127.0.0.1").expect("the way back");
    let mut phone = Phone::new(&device, 9);
    assert_eq!(status(&phone.get(target)), 404, "nothing comes back here");
    phone.start(&ours);
    let answer = phone.paste(&response);
    assert_eq!(status(&answer), 400);
    assert!(header(&answer, "Location").is_none() && !answer.contains("marker"), "{answer}");
    assert!(device.provider.is_quiet(), "the code is not redeemed");
    let own = phone.go();
    assert_eq!(status(&phone.paste(&own)), 303);
    assert!(phone.get("/done").contains("You are signed in."));
    theirs.press(Press::Cancel);
    theirs.end();
    device.signs_in();
}

/// The browser loads the address again while the device is at the server; so does somebody who has seen it.
// REQ: REDIR-19
#[test]
fn callback_replay() {
    let device = Device::lan();
    device.provider.tokens.lock().expect("is whole").1 = Duration::from_millis(700);
    let (mut phone, location) = Phone::paired(&device, 9);
    let back = phone.follow(&location);
    let target =
        back.split_once("/callback").map(|(_, query)| format!("/callback{query}")).expect("the way back");
    assert_eq!(status(&Phone::new(&device, 10).get(&target)), 403);
    assert_eq!(status(&phone.get(&target)), 303);
    // They wait in front of the door, for the device is at the server.
    let (mut again, mut thief) = (phone.connect(), Phone::new(&device, 10).connect());
    again.write_all(phone.get_request(&target).as_bytes()).expect("is sent");
    phone.cookie.take().map_or_else(
        || panic!("a cookie"),
        |cookie| {
            thief.write_all(phone.get_request(&target).as_bytes()).expect("is sent");
            phone.cookie = Some(cookie);
        },
    );
    assert!(phone.get("/callback/done").contains("You are signed in."));
    for (stream, expected) in [(&mut again, 400), (&mut thief, 403)] {
        let answer = hear(stream);
        assert_eq!(status(&answer), expected, "{answer}");
        tells_nothing(&answer);
    }
    assert!(device.provider.heard().starts_with("POST /token "));
    assert!(device.provider.is_quiet(), "the code was redeemed once");
    device.signs_in();
}

/// The network gives the device another address while the user is at the server.
#[test]
fn the_devices_address_changes_between_start_and_callback() {
    let mut device = Device::new(Plan::PASTE);
    let home = device.address;
    let (mut phone, _) = Phone::paired(&device, 9);
    let back = phone.go();
    device.moves();
    is_open(device.address);
    is_closed(home);
    // Cookies belong to hosts: the phone has none there, and what it brings is taken from nobody else.
    let mut there = Phone::at(device.address, Ipv4Addr::new(127, 0, 0, 9));
    let answer = there.paste(&back);
    assert_eq!(status(&answer), 403);
    tells_nothing(&answer);
    there.host.clone_from(&phone.host);
    assert_eq!(status(&there.get("/")), 421, "the old name");
    there.host = device.address.to_string();
    // The screen has the new address and another code.
    let link = device.until(|seen| match seen {
        Seen::Pair { address, link, .. } if address.contains(&ELSEWHERE.to_string()) => Some(link),
        _ => None,
    });
    assert_eq!(status(&there.scan(&link)), 303);
    assert_eq!(status(&there.paste(&back)), 303, "the sign-in is the same");
    assert!(there.get("/done").contains("You are signed in."));
    device.signs_in();
    // Where the address is in the redirect URI, the server would send the browser to whoever has it now.
    let mut device = Device::lan();
    let home = device.address;
    Phone::paired(&device, 9);
    device.moves();
    let end = device.end();
    assert!(matches!(end.tokens, Err(Failure::UserAgent(UserAgentError::Moved))), "{end:?}");
    is_closed(home);
    // With a name in place of the address nothing of this is noticed.
    let mut device = Device::new(Plan { way: Way::Named, ..Plan::LAN });
    let mut phone = Phone::new(&device, 9);
    phone.host = format!("localhost:{}", device.address.port());
    let answer = phone.start(&device.code());
    device.moves();
    is_open(device.address);
    let mut moved = Phone::at(device.address, Ipv4Addr::new(127, 0, 0, 9));
    (moved.host, moved.cookie) = (phone.host, phone.cookie);
    moved.sign_in(header(&answer, "Location").expect("an address"));
    device.signs_in();
}

/// Pieces of requests, in all orders, from many addresses. Nothing is started, nothing is taken, nothing breaks: then a
/// phone signs in.
#[test]
fn ten_thousand_random_requests() {
    const PIECES: &[&str] = &[
        "GET ",
        "POST ",
        "HEAD ",
        "/",
        "/start",
        "/callback",
        "/done",
        "/paste",
        "/go",
        "?code=a&state=b",
        "?t=",
        " HTTP/1.1\r\n",
        " HTTP/1.0\r\n",
        "Host: HOST\r\n",
        "Host: evil\r\n",
        "Cookie: keyfob=",
        "Cookie: ",
        "\r\n",
        "\r\n\r\n",
        "Content-Length: 7\r\n",
        "Content-Length: 0\r\n",
        "Transfer-Encoding: chunked\r\n",
        "page=",
        "&code=",
        "&token=",
        "address=",
        "Content-Type: application/x-www-form-urlencoded\r\n",
        "Origin: http://HOST\r\n",
        "Accept-Language: de;q=",
        "0.",
        "%",
        "\u{e4}",
        "\0",
        " ",
        ";",
    ];
    let device = Device::new(Plan::PASTE);
    let host = device.address.to_string();
    device.code();
    let mut number = 0x2545_F491_4F6C_DD1Du64;
    let mut next = |below: usize| {
        number ^= number << 13;
        number ^= number >> 7;
        number ^= number << 17;
        usize::try_from(number % u64::try_from(below).expect("fits")).expect("fits")
    };
    let mut statuses = BTreeSet::new();
    for round in 0..10_000 {
        let target = ["/", "/start", "/callback", "/paste", "/nothing"][next(5)];
        let named = ["", "Host: HOST\r\n", "Host: HOST\r\n", "Host: evil.example\r\n"][next(4)];
        let mut request = match next(4) {
            0 => String::new(),
            1 => format!("GET {target} HTTP/1.1\r\n{named}"),
            2 => format!("PUT {target} HTTP/1.1\r\n{named}\r\n"),
            _ => format!(
                "POST {target} HTTP/1.1\r\n{named}Content-Type: application/x-www-form-urlencoded\r\n"
            ),
        };
        for _ in 0..next(12) {
            request.push_str(PIECES[next(PIECES.len())]);
        }
        if round % 100 == 0 {
            request.push_str(&"a".repeat(20_000));
        }
        let last = u8::try_from(100 + next(150)).expect("an octet");
        let mut stream = connect(Ipv4Addr::new(127, 0, 2, last), device.address);
        let _ = stream.write_all(request.replace("HOST", &host).as_bytes());
        let _ = stream.shutdown(Shutdown::Write);
        let answer = hear(&mut stream);
        tells_nothing(&answer);
        statuses.insert(status(&answer));
    }
    assert!(statuses.len() >= 7, "{statuses:?}");
    let link = device.link();
    assert!(device.provider.is_quiet());
    let start = Instant::now();
    let mut phone = Phone::new(&device, 9);
    let answer = phone.scan(&link);
    assert_eq!(status(&answer), 303, "{answer}");
    let back = phone.go();
    phone.paste(&back);
    assert!(phone.get("/done").contains("You are signed in."));
    assert!(start.elapsed() < LONG);
    device.signs_in();
}
