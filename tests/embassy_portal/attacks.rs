//! Who wants to keep others out.

use std::rc::Rc;

use embassy_futures::{join::join, select::select};
use embassy_net::{
    Stack,
    tcp::{State, TcpSocket},
};
use embassy_time::{Duration, Timer, with_timeout};
use embedded_io_async::Write;
use keyfob_tests::{
    ether::DEVICE,
    lan::{Lan, header, heading, status},
    server::SUBJECT,
    time_driver::elapsed,
};

use crate::{
    device::{BACK, Home, LAN},
    sign_in::{by_redirect, target},
};

/// What somebody does with each connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Attack {
    /// Asks, and does not take the answer.
    Deaf,
    /// Says an octet a second.
    Drip,
    /// Asks, and says that no more comes.
    Half,
    /// Asks, and is gone.
    Reset,
    /// Says nothing.
    Silent,
}

const ATTACKS: [Attack; 5] = [Attack::Deaf, Attack::Drip, Attack::Half, Attack::Reset, Attack::Silent];

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n";

/// Opens one connection after the other.
async fn attack(stack: Stack<'static>, attack: Attack) {
    loop {
        let (mut rx, mut tx) = ([0; 64], [0; 512]);
        let mut socket = TcpSocket::new(stack, &mut rx, &mut tx);
        if !matches!(with_timeout(Duration::from_secs(1), socket.connect((DEVICE, 80))).await, Ok(Ok(()))) {
            Timer::after_millis(20).await;
            continue;
        }
        let there = |socket: &TcpSocket<'_>| socket.state() == State::Established;
        match attack {
            Attack::Deaf => {
                let _ = socket.write_all(GET).await;
                while there(&socket) {
                    Timer::after_millis(50).await;
                }
            }
            Attack::Drip => {
                for octet in GET.iter().cycle() {
                    if socket.write_all(&[*octet]).await.is_err() || !there(&socket) {
                        break;
                    }
                    let _ = select(Timer::after_secs(1), socket.read(&mut [0; 64])).await;
                }
            }
            Attack::Half => {
                let _ = socket.write_all(GET).await;
                socket.close();
                while let Ok(1..) = socket.read(&mut [0; 64]).await {}
            }
            Attack::Reset => {
                let _ = socket.write_all(GET).await;
                let _ = socket.flush().await;
                socket.abort();
                let _ = socket.flush().await;
            }
            Attack::Silent => {
                let _ = socket.read(&mut [0; 64]).await;
            }
        }
        socket.abort();
        let _ = with_timeout(Duration::from_millis(20), socket.flush()).await;
        Timer::after_millis(20).await;
    }
}

/// So many addresses do this, with four connections each while they are few.
fn attackers(lan: &Rc<Lan>, addresses: u8, what: Attack) {
    for number in 0..addresses {
        let stack = lan.host(100 + number);
        for _ in 0..if addresses > 3 { 1 } else { 4 } {
            lan.task(attack(stack, what));
        }
    }
}

/// The longest time that a request takes beside an attack, in milliseconds, and how often it is turned away before.
fn beside<const N: usize, const M: usize>(addresses: u8, what: Attack) -> (u64, u32) {
    let home = Home::new();
    attackers(&home.lan, addresses, what);
    let mut phone = home.phone(20);
    let mut longest = 0;
    let sign_in = home.sign_in_with::<N, M>(&LAN, BACK, false);
    home.run(select(sign_in, async {
        home.panel.code().await;
        // They have had time to take all places.
        Timer::after_secs(1).await;
        for _ in 0..4 {
            let before = elapsed();
            let page = phone.get("/").await;
            assert_eq!(status(&page), 200, "{page}");
            longest = longest.max(elapsed() - before);
            Timer::after_millis(710).await;
        }
    }));
    (longest, phone.refused)
}

/// Whoever keeps all places busy keeps nobody out for long.
// REQ: PORTAL-20
#[test]
fn slow_connections() {
    for what in ATTACKS {
        for addresses in [1, 3] {
            for (room, (longest, refused)) in [
                ("2 places, 3 sockets", beside::<2, 3>(addresses, what)),
                ("4 places, 6 sockets", beside::<4, 6>(addresses, what)),
            ] {
                println!("{what:?} from {addresses}, {room}: {longest} ms, turned away {refused} times");
                assert!(longest < 3000, "{what:?} from {addresses}, {room}: {longest}");
            }
        }
    }
}

/// Many of them, which on a chip cannot all be kept at bay.
// REQ: PORTAL-20
#[test]
fn slow_connections_from_many() {
    for (what, addresses, most) in [
        (Attack::Deaf, 10, 15_000),
        (Attack::Silent, 10, 3000),
        (Attack::Drip, 10, 3000),
        (Attack::Silent, 50, 15_000),
        (Attack::Drip, 50, 15_000),
    ] {
        let (longest, refused) = beside::<4, 6>(addresses, what);
        println!("{what:?} from {addresses}: {longest} ms, turned away {refused} times");
        assert!(longest < most, "{what:?} from {addresses}: {longest}");
    }
}

/// The same, and somebody signs in.
// REQ: PORTAL-20, PORTAL-08
#[test]
fn a_sign_in_beside_attacks() {
    for what in ATTACKS {
        for addresses in [1, 3] {
            let home = Home::new();
            attackers(&home.lan, addresses, what);
            let mut phone = home.phone(20);
            let ((end, _), page) =
                home.run(join(home.sign_in(&LAN, BACK, false), by_redirect(&home, &mut phone)));
            assert_eq!(end.expect("signed in").subject.as_deref(), Some(SUBJECT), "{what:?}, {addresses}");
            assert_eq!(heading(&page), "You are signed in.");
        }
    }
}

/// The answers of a connection that is used in strange ways.
// REQ: PORTAL-20, PORTAL-21
#[test]
fn strange_connections() {
    let home = Home::new();
    let stack = home.lan.host(20);
    let mut phone = home.phone(21);
    let sign_in = home.sign_in(&LAN, BACK, false);
    home.run(select(sign_in, async {
        home.panel.code().await;
        // An octet at a time, and half closed behind it.
        let (mut rx, mut tx, mut room) = ([0; 4096], [0; 512], [0; 4096]);
        let mut socket = TcpSocket::new(stack, &mut rx, &mut tx);
        socket.connect((DEVICE, 80)).await.expect("connected");
        for octet in GET {
            socket.write_all(&[*octet]).await.expect("connected");
            Timer::after_millis(100).await;
        }
        socket.close();
        let mut answer = String::new();
        while let Ok(length @ 1..) = socket.read(&mut room).await {
            answer.push_str(std::str::from_utf8(&room[..length]).expect("UTF-8"));
        }
        let length: usize = header(&answer, "Content-Length").expect("a length").parse().expect("a number");
        assert_eq!(answer.split_once("\r\n\r\n").expect("a head").1.len(), length, "all of it came");
        drop(socket);
        // Half of a request, and closed: no answer.
        assert_eq!(half(stack, b"GET / HT").await, "");
        // Nothing, and closed.
        assert_eq!(half(stack, b"").await, "");
        // Half of a request, and ten seconds: an answer that says so.
        let before = elapsed();
        let slow = phone.say(b"GET / HTTP/1.1\r\nHost:").await.expect("an answer");
        assert_eq!(status(&slow), 408);
        assert!((10_000..10_600).contains(&(elapsed() - before)), "{}", elapsed() - before);
        // A request behind a request is not read.
        let twice = [GET, GET].concat();
        let answer = phone.say(&twice).await.expect("an answer");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1);
        // What has no room.
        let long = |length| format!("GET /{} HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n", "a".repeat(length));
        assert_eq!(status(&phone.say(long(2000).as_bytes()).await.expect("an answer")), 414);
        let fields = format!("GET / HTTP/1.1\r\nHost: 10.0.0.1\r\nX: {}\r\n\r\n", "a".repeat(1100));
        assert_eq!(status(&phone.say(fields.as_bytes()).await.expect("an answer")), 431);
        let body = phone.posting("/start", &"a".repeat(1600));
        assert_eq!(status(&phone.say(body.as_bytes()).await.expect("an answer")), 413);
        // The device's own name, and another.
        phone.host = "kettle.local".into();
        let page = phone.get("/").await;
        assert_eq!((status(&page), header(&page, "Location")), (303, Some("http://10.0.0.1/")));
        phone.host = "evil.example".into();
        assert_eq!(status(&phone.get("/").await), 421);
    }));
}

/// Says this, closes its half, and gives what comes.
async fn half(stack: Stack<'static>, octets: &[u8]) -> String {
    let (mut rx, mut tx, mut room) = ([0; 4096], [0; 512], [0; 4096]);
    let mut socket = TcpSocket::new(stack, &mut rx, &mut tx);
    socket.connect((DEVICE, 80)).await.expect("connected");
    socket.write_all(octets).await.expect("connected");
    socket.close();
    let mut answer = String::new();
    while let Ok(length @ 1..) = socket.read(&mut room).await {
        answer.push_str(std::str::from_utf8(&room[..length]).expect("UTF-8"));
    }
    answer
}

/// A second phone neither comes in nor sees the first; a response that comes twice, or from another browser, changes nothing.
// REQ: PORTAL-07, PORTAL-08, PORTAL-23
#[test]
fn two_phones() {
    let home = Home::new();
    let (mut first, mut second) = (home.phone(20), home.phone(21));
    let ((end, _), page) = home.run(join(home.sign_in(&LAN, BACK, false), async {
        let code = home.panel.code().await;
        let start = first.start(&code).await;
        let back = home.authorize(header(&start, "Location").expect("to the server"));
        assert_eq!(status(&second.start(&code).await), 409);
        assert_eq!(status(&second.get("/").await), 409);
        assert_eq!(status(&second.get(target(&back)).await), 403);
        // Nor with a cookie that is made up.
        second.cookie = first.cookie.clone().map(|cookie| cookie.replace(|_: char| false, ""));
        let forged = target(&back).replace("state=", "state=x");
        assert_eq!(status(&second.get(&forged).await), 400);
        let taken = first.get(target(&back)).await;
        assert_eq!(status(&taken), 303);
        let again = first.get(target(&back)).await;
        assert_eq!(status(&again), 400, "{again}");
        assert_eq!(home.panel.warned.get(), (0, 2));
        first.last_page("/callback/done").await.0
    }));
    assert_eq!(end.expect("signed in").subject.as_deref(), Some(SUBJECT));
    assert_eq!(heading(&page), "You are signed in.");
}

/// Ten thousand requests of all kinds, each on a connection of its own; and then somebody signs in.
// REQ: PORTAL-20, PORTAL-21
#[test]
fn ten_thousand_random_requests() {
    const KNOWN: [u16; 13] = [200, 303, 400, 403, 404, 405, 409, 411, 413, 414, 421, 429, 431];
    let home = Home::new();
    let mut stranger = home.phone(66);
    let mut dice = 7u64;
    let mut throw = move |bound: u64| {
        dice = dice.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
        (dice >> 33) % bound
    };
    let mut seen = std::collections::BTreeMap::new();
    let mut none = 0;
    let fuzzing = async {
        home.panel.code().await;
        for _ in 0..10_000 {
            let request = random(&mut throw);
            match stranger.say(&request).await {
                Some(answer) => {
                    let status = status(&answer);
                    assert!(KNOWN.contains(&status) || status == 415, "{status}: {answer}");
                    *seen.entry(status).or_insert(0) += 1;
                }
                None => none += 1,
            }
        }
    };
    // Each sign-in lasts two minutes.
    let again = async {
        loop {
            let _ = home.sign_in(&LAN, BACK, false).await;
        }
    };
    home.run(select(again, fuzzing));
    println!("{seen:?}, and {none} without an answer");
    assert!(seen.len() >= 8, "{seen:?}");
    let home = Home::new();
    let mut phone = home.phone(20);
    let ((end, _), _) = home.run(join(home.sign_in(&LAN, BACK, false), by_redirect(&home, &mut phone)));
    assert!(end.is_ok());
}

/// A request that is not quite one.
fn random(throw: &mut impl FnMut(u64) -> u64) -> Vec<u8> {
    let methods = ["GET", "POST", "HEAD", "PUT", "G ET", "", "OPTIONS", "get"];
    let targets = [
        "/",
        "/start",
        "/callback?code=a&state=b",
        "/callback/done",
        "/x",
        "*",
        "//",
        "/?t=aaaaaaaaaaaaaaaa",
    ];
    let fields = [
        "Host: 10.0.0.1\r\n",
        "Host: evil.example\r\n",
        "Content-Length: 5\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Content-Type: application/x-www-form-urlencoded\r\n",
        "Cookie: keyfob=aaaa; keyfob=\r\n",
        "Origin: http://10.0.0.1\r\n",
        "Sec-Fetch-Mode: no-cors\r\n",
        " folded\r\n",
        "A:b\n",
        "Accept-Language: de;q=0.1, *;q=\u{1F511}\r\n",
    ];
    let pick = |from: &[&str], number: u64| from[number as usize % from.len()].to_owned();
    let mut text = format!("{} {} HTTP/1.1\r\n", pick(&methods, throw(100)), pick(&targets, throw(100)));
    if throw(3) > 0 {
        text.push_str("Host: 10.0.0.1\r\n");
    }
    for _ in 0..throw(5) {
        text.push_str(&pick(&fields, throw(100)));
    }
    text.push_str("\r\npage=a&code=b\r\n\r\n");
    let mut octets = text.into_bytes();
    for _ in 0..throw(3) {
        let place = throw(octets.len() as u64) as usize;
        octets[place] = throw(256) as u8;
    }
    if throw(20) == 0 {
        octets.extend(std::iter::repeat_n(b'a', 3000));
    }
    octets
}
