//! Who tries what, and what is answered.

use keyfob_core::{
    error::{Check, Error},
    flow::{AuthorizationCode, Event, Flow, Redirect},
    portal::{Ending, Portal, Site},
};
use keyfob_tests::{form, seeds};

use crate::device::{
    Browser, CLIENT, Device, HOST, Heard, MOVED, NAME, PASTE, PASTED, SERVER, SITE, callback, field, header,
    peer, status, text,
};

/// Nothing was given away: no address of the server, no cookie, nothing of what was sent.
#[track_caller]
fn tells_nothing(answer: &str, device: &Device) {
    let own = format!("http://{HOST}/");
    assert!(header(answer, "Location").is_none_or(|location| location == own), "{answer}");
    assert!(header(answer, "Set-Cookie").is_none(), "{answer}");
    for word in ["marker", &device.state(), "authorize", "evil"] {
        assert!(!answer.contains(word), "{word} in {answer}");
    }
}

/// A page on the web whose name was made to point to the device.
// REQ: PORTAL-12
#[test]
fn dns_rebinding() {
    for host in [
        "evil.example",
        "evil.example:80",
        "192.168.4.20:81",
        "192.168.4.20.evil.example",
        "192.168.4.2",
        "kettle.local.",
        "localhost",
        "",
        "192.168.4.20, evil.example",
        "user@192.168.4.20",
    ] {
        for target in ["/", "/start", "/callback?code=a&state=b", "/callback/done"] {
            let mut device = Device::lan();
            let answer = Browser { host: host.into(), ..Browser::new(2) }.get(&mut device, target);
            assert_eq!(status(&answer), 421, "{host} {target}");
            tells_nothing(&answer, &device);
        }
    }
    let mut device = Device::lan();
    let answer = device.serve(peer(2), "GET / HTTP/1.1\r\n\r\n");
    assert_eq!(status(&answer), 421, "no host at all");
    for (host, expected) in [(HOST, 200), (NAME, 303)] {
        let answer = Browser { host: host.into(), ..Browser::new(2) }.get(&mut Device::lan(), "/");
        assert_eq!(status(&answer), expected, "{host}");
    }
}

/// A form on another site that is sent to the device, with everything right in it.
// REQ: PORTAL-13
#[test]
fn cross_site_post() {
    for (origin, more) in [
        ("https://evil.example", ""),
        ("null", ""),
        ("http://192.168.4.21", ""),
        ("http://192.168.4.20:8080", ""),
        ("https://192.168.4.20", ""),
        ("https://op.example", ""),
        ("", "Sec-Fetch-Site: cross-site\r\n"),
    ] {
        let mut device = Device::lan();
        let page = Browser::new(3).get(&mut device, "/");
        let code = device.code();
        let form = format!("page={}&code={code}", field(&page, "page").expect("a field"));
        let answer =
            Browser { more: more.into(), ..Browser::new(2) }.post_from(&mut device, "/start", &form, origin);
        assert_eq!(status(&answer), 403, "{origin}");
        tells_nothing(&answer, &device);
        assert_eq!((device.code(), device.portal.wrong_codes()), (code, 0), "nothing was tried");
    }
    let mut device = Device::lan();
    let request = format!(
        "POST /start HTTP/1.1\r\nHost: {HOST}\r\nSec-Fetch-Site: same-site\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: 3\r\n\r\na=b"
    );
    assert_eq!(status(&device.serve(peer(2), &request)), 403, "without an origin");
}

/// The one form that another site may send: the server's, to the callback.
// REQ: PORTAL-13
#[test]
fn the_server_may_post_to_the_callback() {
    for (origin, taken) in [
        ("https://op.example", true),
        ("https://login.op.example", true),
        ("null", true),
        ("https://evil.example", false),
        ("https://op.example.evil.example", false),
        ("http://op.example", false),
    ] {
        let mut device = Device::lan();
        let mut phone = Browser::paired(&mut device, 2);
        let answer = phone.post_from(&mut device, "/callback", "code=marker&state=x", origin);
        assert_eq!(status(&answer), if taken { 400 } else { 403 }, "{origin}");
        assert_eq!(device.judged.len(), usize::from(taken));
        let answer = Browser::new(3).post_from(&mut device, "/start", "page=x", origin);
        assert_eq!(status(&answer), 403, "{origin}");
    }
}

/// `<img src="http://192.168.4.20/callback?…">`, and other ways to load what nobody looks at.
// REQ: PORTAL-11, PORTAL-13
#[test]
fn image_get() {
    for mode in ["no-cors", "cors", "same-origin", "websocket", ""] {
        for target in ["/", "/?t=AAAAAAAAAAAAAAAA", "/start?code=a", "/callback?code=marker&state=b"] {
            let mut device = Device::lan();
            let mut phone = Browser::paired(&mut device, 2);
            phone.more =
                format!("Sec-Fetch-Mode: {mode}\r\nSec-Fetch-Dest: image\r\nSec-Fetch-Site: cross-site\r\n");
            let answer = phone.get(&mut device, target);
            assert!(matches!(status(&answer), 403 | 405), "{mode} {target}");
            assert!(device.judged.is_empty() && device.waits());
        }
    }
    // An old browser does not say that it loads an image: a GET starts nothing, and has no cookie.
    let mut device = Device::lan();
    let (code, right) = (device.code(), callback(&device.state()));
    for target in ["/", &format!("/?code={code}"), &format!("/start?code={code}"), &right] {
        let answer = Browser::new(2).get(&mut device, target);
        assert!(header(&answer, "Set-Cookie").is_none() && device.waits() && device.code() == code);
    }
    // And the browser that comes back from the server navigates.
    let mut phone = Browser::paired(&mut device, 2);
    phone.more = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Site: cross-site\r\n".into();
    assert_eq!(status(&phone.get(&mut device, &right)), 303);
}

/// Somebody has seen the right `state`, and comes with another browser.
// REQ: PORTAL-07, PORTAL-23, CDX-07
#[test]
fn a_second_browser_with_the_right_state() {
    let mut device = Device::lan();
    let mut phone = Browser::paired(&mut device, 2);
    let target = callback(&device.state());
    for cookie in [None, Some("keyfob="), Some("keyfob=AAAA"), Some("Keyfob=x; other=y"), Some(";;==")] {
        let mut thief = Browser::new(3);
        thief.cookie = cookie.map(str::to_owned);
        let answer = thief.get(&mut device, &target);
        assert_eq!(status(&answer), 403, "{cookie:?}");
        tells_nothing(&answer, &device);
    }
    assert!(device.judged.is_empty() && device.waits());
    assert_eq!(device.portal.strangers(), 5);
    assert_eq!(status(&phone.get(&mut device, &target)), 303, "and the right one is not disturbed");
}

/// Somebody has the cookie, and not the `state`.
// REQ: PORTAL-07, PORTAL-23
#[test]
fn a_stolen_cookie_without_the_state() {
    let mut device = Device::lan();
    let mut phone = Browser::paired(&mut device, 2);
    let mut thief = Browser { cookie: phone.cookie.clone(), ..Browser::new(3) };
    for target in [
        "/callback?code=marker",
        "/callback?code=marker&state=",
        "/callback?code=marker&state=x",
        "/callback",
        "/callback?",
    ] {
        let answer = thief.get(&mut device, target);
        assert_eq!(status(&answer), 400, "{target}");
        tells_nothing(&answer, &device);
        assert!(device.waits());
    }
    assert!(device.judged.iter().all(|error| error.is_some_and(Error::is_stray_redirect)));
    assert_eq!(device.portal.strangers(), 5);
    assert_eq!(status(&phone.back(&mut device)), 303);
}

/// Somebody in the network guesses codes, from as many addresses as there are, for as long as codes are shown.
// REQ: PORTAL-06, CDX-07
#[test]
fn code_guessing() {
    let mut device = Device::lasting();
    let mut tried = 0u32;
    let end = device.uptime + 600_000;
    let mut last = 0u8;
    while device.uptime < end {
        last = last.wrapping_add(1);
        let answer = Browser::new(last).start(&mut device, "ZZZZ-ZZZZ");
        match status(&answer) {
            403 => tried += 1,
            429 => device.pass(1),
            other => panic!("{other}"),
        }
        tells_nothing(&answer, &device);
    }
    // The pauses leave 35 tries in the ten minutes of a flow; with six digits that is one chance in 28,000.
    assert!(tried <= 35, "{tried}");
    assert_eq!(u32::from(device.portal.wrong_codes()), tried);
    // Tokens are not guessed.
    let mut device = Device::lasting();
    let page = Browser::new(2).get(&mut device, "/");
    let page = field(&page, "page").expect("a field").to_owned();
    let (_, _, link, _) = device.screen().expect("an invitation");
    let token = link.split_once("?t=").expect("a token").1;
    for place in 0..token.len() {
        let mut wrong = token.to_owned().into_bytes();
        wrong[place] = if wrong[place] == b'A' { b'B' } else { b'A' };
        let form = format!("page={page}&token={}", String::from_utf8(wrong).expect("ASCII"));
        assert_eq!(status(&Browser::new(30).post(&mut device, "/start", &form)), 403);
    }
    assert_eq!(device.code().len(), 9, "and do not count as codes");
}

/// Fields without end, in number and in length.
// REQ: PORTAL-20
#[test]
fn header_bombs() {
    let many: String = (0..10_000).map(|number| format!("x{number}: y\r\n")).collect();
    for bomb in [
        many,
        format!("{}: y\r\n", "x".repeat(100_000)),
        format!("x: {}\r\n", "y".repeat(100_000)),
        format!("Cookie: {}\r\n", "keyfob=a; ".repeat(10_000)),
        format!("Accept-Language: {}\r\n", "de,".repeat(30_000)),
        ":\r\n".repeat(10_000),
    ] {
        let mut device = Device::lan();
        let request = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{bomb}\r\n");
        let (_, heard) = device.hear(peer(2), request.as_bytes());
        assert!(matches!(heard.status(), 400 | 431), "{}", heard.status());
        assert!(heard.text().len() < 4096);
    }
    // The most that fits is no trouble.
    let mut device = Device::lan();
    let request = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nCookie: {}\r\n\r\n", "keyfob=a; ".repeat(200));
    assert_eq!(device.hear(peer(2), request.as_bytes()).1.status(), 200);
}

/// The server, or who speaks for it, writes markup where a person will read it.
// REQ: PORTAL-16, REDIR-18, ERR-11
#[test]
fn markup_in_error_description() {
    let mut device = Device::lan();
    let mut phone = Browser::paired(&mut device, 2);
    let description = form::encode("<script>alert(1)</script><img src=x onerror=y>\"'&");
    let target =
        format!("/callback?error=access_denied&error_description={description}&state={}", device.state());
    let answer = phone.get(&mut device, &target);
    assert_eq!((status(&answer), header(&answer, "Location")), (303, Some("/callback/done")));
    let detail = device.flow.refusal().expect("a refusal").description().to_owned();
    assert!(detail.starts_with("<script>"), "it is text until somebody writes it into a page");
    device.portal.finished(Ending::Denied);
    let (visitor, _) = device.hear(peer(2), format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n").as_bytes());
    let mut out = [0; Portal::ANSWER];
    let page = device.portal.last(&SITE, &visitor, Ending::Denied, &detail, &mut out).expect("room");
    let page = text(page.octets());
    assert!(
        page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=y&gt;&quot;&#39;&amp;"),
        "{page}"
    );
    assert!(!page.contains("<script") && !page.contains("<img"));
}

/// The portal sends browsers to the server, and to itself.
// REQ: PORTAL-14
#[test]
fn open_redirect() {
    for target in [
        "/?next=https://evil.example",
        "/?t=https://evil.example",
        "/?t=\"><b>marker</b>",
        "//evil.example",
        "//evil.example/start",
        "/\\evil.example",
        "/callback?redirect_uri=https://evil.example&code=marker",
        "/callback/done?next=//evil.example",
        "/%2f%2fevil.example",
    ] {
        let mut device = Device::lan();
        let answer = Browser::new(2).get(&mut device, target);
        assert!(matches!(status(&answer), 200 | 403 | 404), "{target}");
        tells_nothing(&answer, &device);
        let mut phone = Browser::paired(&mut device, 3);
        let answer = phone.get(&mut device, target);
        assert!(matches!(status(&answer), 200 | 400 | 404), "{target}");
        tells_nothing(&answer, &device);
    }
    let mut device = Device::lan();
    let code = device.code();
    let page = Browser::new(2).get(&mut device, "/");
    let form = format!(
        "page={}&code={code}&next=https://evil.example&url=//evil",
        field(&page, "page").expect("it")
    );
    let answer = Browser::new(2).post(&mut device, "/start", &form);
    assert_eq!(header(&answer, "Location"), Some(device.authorize().as_str()));
    // Not even the program can send it elsewhere.
    let (visitor, _) = device.hear(peer(2), format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n").as_bytes());
    let mut out = [0; Portal::ANSWER];
    for url in [
        "https://evil.example/authorize",
        "https://login.op.example/authorize2",
        "https://login.op.example/authorize/../x",
        "https://login.op.example/",
        "https://login.op.example.evil.example/authorize?x",
        "javascript:alert(1)",
        "",
    ] {
        assert_eq!(device.portal.send(&SITE, &visitor, url, &mut out).map(drop), Err(Error::Misuse), "{url}");
    }
    let nowhere = Site::loopback(&[HOST], "/callback");
    let url = device.authorize();
    assert_eq!(device.portal.send(&nowhere, &visitor, &url, &mut out).map(drop), Err(Error::Misuse));
    // A header cannot be put into an address either.
    let url = "https://login.op.example/authorize?x\r\nSet-Cookie: a=b";
    assert_eq!(device.portal.send(&SITE, &visitor, url, &mut out).map(drop), Err(Error::Misuse));
}

/// Somebody signs in elsewhere, and gives the response of that to the phone, or to its user.
// REQ: PORTAL-07, PORTAL-23, PORTAL-29
#[test]
fn login_csrf_with_the_attackers_account() {
    // The attacker's own sign-in at the same client.
    let attacker =
        AuthorizationCode::<512>::new(&CLIENT, seeds::seed(666), Device::lan().now()).expect("a flow");
    let mut out = [0; 2048];
    let keyfob_core::flow::Action::Authorize(url) =
        attacker.poll(Device::lan().now(), &mut out).expect("a URL")
    else {
        panic!("no URL")
    };
    let theirs = form::in_url(url, "state");
    let mut device = Device::lan();
    let mut phone = Browser::paired(&mut device, 2);
    let answer = phone.get(&mut device, &callback(&theirs));
    assert_eq!(status(&answer), 400);
    assert_eq!(device.judged, [Some(Error::Check(Check::StateMismatch))]);
    assert!(device.waits());
    // Pasted by the user whom they talked into it.
    let mut device = Device::new(&PASTED, PASTE);
    let mut phone = Browser::paired(&mut device, 2);
    let page = phone.get(&mut device, "/paste");
    let page = field(&page, "page").expect("a field").to_owned();
    let address = form::encode(&format!("http://127.0.0.1{}", callback(&theirs)));
    let answer = phone.post(&mut device, "/paste", &format!("page={page}&address={address}"));
    assert_eq!((status(&answer), device.waits()), (400, true));
    // The bare code passes here: the server will not take it with this device's verifier (RFC 7636 §4.6). A server that
    // names itself in its responses is not asked: there, the whole address is wanted.
    let site =
        Site::new(&SERVER, &[HOST]).paste(&SERVER.authorization_response_iss_parameter_supported(true));
    let mut device = Device::new(&PASTED, site);
    let mut phone = Browser::paired(&mut device, 2);
    let page = phone.get(&mut device, "/paste");
    let form = format!("page={}&address=marker-code", field(&page, "page").expect("a field"));
    let answer = phone.post(&mut device, "/paste", &form);
    assert_eq!((status(&answer), device.waits()), (400, true));
}

/// A bare code that gets to the flow of a server that names itself is refused there as well.
// REQ: REDIR-11
#[test]
fn a_bare_code_does_not_go_round_the_issuer() {
    const NAMED: keyfob_core::metadata::Metadata<'static> =
        SERVER.authorization_response_iss_parameter_supported(true);
    const CAREFUL: keyfob_core::client::Client<'static> =
        keyfob_core::client::Client::oauth(NAMED, "kettle").redirect_uri("http://127.0.0.1/callback");
    for (client, expected) in [(&CAREFUL, Err(Error::Check(Check::IssuerMissing))), (&PASTED, Ok(()))] {
        let now = Device::lan().now();
        let mut flow = AuthorizationCode::<512>::new(client, seeds::seed(1), now).expect("a flow");
        assert_eq!(flow.handle(now, Event::Redirect(Redirect::Code("4/a%2B+b"))).map(drop), expected);
    }
    let now = Device::lan().now();
    let mut flow = AuthorizationCode::<512>::new(&PASTED, seeds::seed(1), now).expect("a flow");
    for (code, name) in [("", "code"), ("a\u{e4}", "code"), ("a\nb", "code")] {
        let error = flow.handle(now, Event::Redirect(Redirect::Code(code))).map(drop).expect_err(name);
        assert!(
            matches!(error, Error::Check(Check::MissingParameter(_) | Check::BadParameter(_))),
            "{error}"
        );
    }
    // It goes to the server as it was pasted.
    flow.handle(now, Event::Redirect(Redirect::Code("4/a%2B+b"))).expect("is taken");
    let mut out = [0; 2048];
    let Ok(keyfob_core::flow::Action::Send(request)) = flow.poll(now, &mut out) else { panic!("no request") };
    assert_eq!(form::in_body(request.body(), "code"), "4/a%2B+b");
}

/// The browser loads the address again; so does everybody who has seen it.
// REQ: REDIR-19
#[test]
fn callback_replay() {
    let mut device = Device::lan();
    let mut phone = Browser::paired(&mut device, 2);
    let target = callback(&device.state());
    let thief = |device: &mut Device| status(&Browser::new(3).get(device, &target));
    assert_eq!(thief(&mut device), 403);
    assert_eq!(status(&phone.get(&mut device, &target)), 303);
    let mut out = [0; 2048];
    let before = format!("{:?}", device.flow.poll(device.now(), &mut out));
    for _ in 0..3 {
        let answer = phone.get(&mut device, &target);
        assert_eq!(status(&answer), 400, "already completed");
        assert_eq!(thief(&mut device), 403);
    }
    assert_eq!(device.judged[1..], [Some(Error::AlreadyCompleted); 3]);
    assert_eq!(format!("{:?}", device.flow.poll(device.now(), &mut out)), before, "the one token request");
    assert_eq!(status(&phone.get(&mut device, "/callback/done")), 200, "and the page goes on");
    assert_eq!(status(&Browser::new(3).get(&mut device, "/callback/done")), 403, "for nobody else");
}

/// The second one is told to wait; it neither sees nor replaces the first.
// REQ: PORTAL-08
#[test]
fn two_phones_at_once() {
    let mut device = Device::lan();
    let code = device.code();
    let (mut first, mut second) = (Browser::new(2), Browser::new(3));
    // Both see the screen, and both have the page.
    let page = second.get(&mut device, "/");
    let form = format!("page={}&code={code}", field(&page, "page").expect("a field"));
    assert_eq!(status(&first.start(&mut device, &code)), 303);
    for target in ["/", "/?t=AAAAAAAAAAAAAAAA"] {
        let answer = second.get(&mut device, target);
        assert_eq!(status(&answer), 409, "{target}");
        tells_nothing(&answer, &device);
    }
    let answer = second.post(&mut device, "/start", &form);
    assert_eq!(status(&answer), 409);
    assert!(answer.contains("Another phone is signing in."));
    tells_nothing(&answer, &device);
    assert_eq!(status(&first.back(&mut device)), 303);
    assert_eq!(status(&second.get(&mut device, "/")), 409, "until the device closes it");
}

/// The router gives the device another address while the user is at the server.
#[test]
fn the_devices_address_changes_between_start_and_callback() {
    const ELSEWHERE: Site<'static> = Site::new(&SERVER, &[MOVED, NAME]).callback("/callback");
    let mut device = Device::lan();
    let mut phone = Browser::paired(&mut device, 2);
    device.site = ELSEWHERE;
    let target = callback(&device.state());
    // Whoever has the old address now gets the code without the verifier; if it leads here after all, it is refused.
    assert_eq!(status(&phone.get(&mut device, &target)), 421);
    // A browser keeps cookies by host: at the new one it has none.
    let mut there = Browser { host: MOVED.into(), ..Browser::new(2) };
    let answer = there.get(&mut device, &target);
    assert_eq!(status(&answer), 403);
    assert!(device.waits() && device.judged.is_empty(), "and the flow is as it was");
    // The device lets it in again, with another code, at the new address.
    device.portal.release(device.now());
    assert!(device.screen().expect("an invitation").0.contains(MOVED));
    let code = device.code();
    let answer = there.start(&mut device, &code);
    assert_eq!((status(&answer), header(&answer, "Location")), (303, Some(device.authorize().as_str())));
    // The cookie of before is worth nothing.
    let mut old = Browser { host: MOVED.into(), cookie: phone.cookie.clone(), ..Browser::new(2) };
    assert_eq!(status(&old.get(&mut device, &target)), 403);
    assert_eq!(status(&there.get(&mut device, &target)), 303);
    // With a name in place of the address, nothing of this is noticed.
    const NAMED: Site<'static> = Site::new(&SERVER, &[NAME, HOST]).callback("/callback");
    let mut device = Device::new(&CLIENT, NAMED);
    let mut phone = Browser { host: NAME.into(), ..Browser::new(2) };
    let code = device.code();
    phone.start(&mut device, &code);
    device.site = ELSEWHERE;
    let target = callback(&device.state());
    assert_eq!(status(&phone.get(&mut device, &target)), 303);
}

/// Requests made of pieces of real ones, in all orders: no panic, nothing started, nothing taken.
#[test]
fn random_requests() {
    const PIECES: &[&str] = &[
        "GET ",
        "POST ",
        "HEAD ",
        "/",
        "/start",
        "/callback",
        "/callback/done",
        "/paste",
        "/go",
        "?code=a&state=b",
        "?t=",
        " HTTP/1.1\r\n",
        " HTTP/1.0\r\n",
        "Host: 192.168.4.20\r\n",
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
        "code=ab",
        "Content-Type: application/x-www-form-urlencoded\r\n",
        "Origin: http://192.168.4.20\r\n",
        "Accept-Language: de;q=",
        "0.",
        "%",
        "\u{e4}",
        "\0",
        " ",
        ";",
        "Sec-Fetch-Mode: navigate\r\n",
    ];
    let mut number = 0x2545_F491_4F6C_DD1Du64;
    let mut next = |below: usize| {
        number ^= number << 13;
        number ^= number >> 7;
        number ^= number << 17;
        usize::try_from(number % u64::try_from(below).expect("fits")).expect("fits")
    };
    let mut device = Device::lasting();
    let (mut answers, mut statuses) = (0, std::collections::BTreeSet::new());
    for round in 0..10_000 {
        let target = ["/", "/start", "/callback", "/nothing"][next(4)];
        let host =
            ["", "Host: 192.168.4.20\r\n", "Host: kettle.local\r\n", "Host: evil.example\r\n"][next(4)];
        let form = "Content-Type: application/x-www-form-urlencoded\r\n";
        let mut request = match next(4) {
            0 => String::new(),
            1 => format!("GET {target} HTTP/1.1\r\n{host}"),
            2 => format!("PUT {target} HTTP/1.1\r\n{host}\r\n"),
            _ => format!("POST {target} HTTP/1.1\r\n{host}{form}"),
        };
        for _ in 0..next(12) {
            request.push_str(PIECES[next(PIECES.len())]);
        }
        device.uptime += 3000;
        if round % 1000 == 0 {
            device = Device::lasting();
        }
        let (_, heard) = device.hear(peer(u8::try_from(next(250)).expect("an octet")), request.as_bytes());
        match heard {
            Heard::Answer(answer) => {
                tells_nothing(&answer, &device);
                statuses.insert(status(&answer));
                answers += 1;
            }
            Heard::More => {}
            other => panic!("{other:?}: {request:?}"),
        }
    }
    assert!(answers > 5000 && statuses.len() >= 7, "{answers} {statuses:?}");
    assert!(device.waits());
}
