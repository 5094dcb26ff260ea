//! Who may start.

use std::collections::BTreeSet;

use keyfob_core::{
    error::Error,
    portal::{Alphabet, Ending, Portal, Screen},
    qr::QrCode,
    time::Now,
};
use keyfob_tests::{form, seeds};

use crate::device::{
    Browser, CLIENT, Device, HOST, MOVED, NAME, PASTE, PASTED, SITE, body, field, header, status,
};

// REQ: PORTAL-05, PORTAL-11, PORTAL-14, PORTAL-26
#[test]
fn who_types_the_code_is_sent_to_the_server() {
    let mut device = Device::lan();
    let mut phone = Browser::new(2);
    let page = phone.get(&mut device, "/");
    assert_eq!(status(&page), 200);
    assert!(page.contains("<b>login.op.example</b>"), "{page}");
    let code = device.code();
    let answer = phone.start(&mut device, &code);
    assert_eq!(status(&answer), 303);
    assert_eq!(header(&answer, "Location"), Some(device.authorize().as_str()));
    let answer = phone.back(&mut device);
    assert_eq!((status(&answer), header(&answer, "Location")), (303, Some("/callback/done")));
    assert!(!device.waits());
    let page = phone.get(&mut device, "/callback/done");
    assert_eq!((status(&page), header(&page, "Refresh")), (200, Some("3")));
    assert!(page.contains("<h1>One moment.</h1>"), "{page}");
    device.portal.confirm();
    let page = phone.get(&mut device, "/callback/done");
    assert_eq!(header(&page, "Refresh"), Some("3"));
    assert!(page.contains("<h1>Look at the device.</h1>"), "{page}");
    device.portal.finished(Ending::SignedIn);
    let page = phone.get(&mut device, "/callback/done");
    assert_eq!((status(&page), header(&page, "Refresh")), (200, None));
    assert!(page.contains("<h1>You are signed in.</h1>"), "{page}");
}

// REQ: PORTAL-05
#[test]
fn without_the_code_nobody_learns_an_address() {
    for typed in ["", "BCDF-GHJK", "bcdfghj", "bcdfghjkl", "%00", "\u{e4}", "--------"] {
        let mut device = Device::lan();
        let answer = Browser::new(2).start(&mut device, typed);
        assert_eq!(status(&answer), 403, "{typed}");
        assert!(header(&answer, "Location").is_none() && header(&answer, "Set-Cookie").is_none());
        assert!(!answer.contains("authorize") && device.waits());
        assert_eq!(device.portal.wrong_codes(), 1, "{typed}");
    }
}

#[test]
fn a_code_is_read_as_people_type_it() {
    for write in [
        |code: &str| code.to_lowercase(),
        |code: &str| code.replace('-', ""),
        |code: &str| code.replace('-', " "),
        |code: &str| format!(" {code} \t"),
        |code: &str| code.chars().flat_map(|character| [character, '.']).collect(),
    ] {
        let mut device = Device::lan();
        let code = device.code();
        assert_eq!(status(&Browser::new(2).start(&mut device, &write(&code))), 303, "{}", write(&code));
    }
    let mut device = Device::lan();
    let code = device.code();
    assert_eq!(status(&Browser::new(2).start(&mut device, &format!("{code}B"))), 403);
}

// REQ: PORTAL-24
#[test]
fn the_qr_code_holds_the_portal_and_a_token_and_nothing_else() {
    let device = Device::lan();
    let (address, code, link, _) = device.screen().expect("an invitation");
    assert_eq!(address, format!("http://{HOST}/"));
    let token = link.strip_prefix(&format!("http://{HOST}/?t=")).expect(&link);
    assert_eq!(token.len(), 16);
    let state = device.state();
    assert!(!link.contains(&state) && !link.contains("op.example"));
    assert!(!link.contains(&code.expect("a code").replace('-', "")));
    let mut buffer = [0; QrCode::MAX_BUFFER];
    assert!(QrCode::of(&link, &mut buffer).expect("fits").width() <= 37, "version 3 with its quiet zone");
}

// REQ: PORTAL-05, PORTAL-11
#[test]
fn who_scans_types_nothing() {
    let mut device = Device::lan();
    let (_, _, link, _) = device.screen().expect("an invitation");
    let target = link.strip_prefix(&format!("http://{HOST}")).expect("the portal").to_owned();
    let mut phone = Browser::new(2);
    let page = phone.get(&mut device, &target);
    assert!(status(&page) == 200 && !page.contains("id=\"code\""), "{page}");
    assert!(header(&page, "Set-Cookie").is_none(), "GET starts nothing");
    let (form, token) = (field(&page, "page").expect("a field"), field(&page, "token").expect("a field"));
    let answer = phone.post(&mut device, "/start", &format!("page={form}&token={token}"));
    assert_eq!((status(&answer), header(&answer, "Location")), (303, Some(device.authorize().as_str())));
    // It is used up.
    device.portal.release(device.now());
    let answer = Browser::new(3).post(&mut device, "/start", &format!("page={form}&token={token}"));
    assert_eq!(status(&answer), 403);
}

// REQ: PORTAL-06
#[test]
fn a_code_is_good_for_two_minutes() {
    let mut device = Device::lan();
    let (code, until) = (device.code(), device.screen().expect("an invitation").3);
    assert_eq!(until, device.uptime + 120_000);
    device.uptime = until - 1;
    assert_eq!(device.code(), code);
    device.uptime = until;
    let next = device.code();
    assert_ne!(next, code);
    assert_eq!(status(&Browser::new(2).start(&mut device, &code)), 403);
    assert_eq!(status(&Browser::new(2).start(&mut device, &next)), 303);
}

// REQ: PORTAL-06, CDX-02
#[test]
fn a_code_is_used_once_and_replaced() {
    let mut device = Device::lan();
    let code = device.code();
    Browser::paired(&mut device, 2);
    assert!(device.screen().is_none(), "nothing is shown while it is not needed");
    device.portal.release(device.now());
    assert_ne!(device.code(), code);
    assert_eq!(status(&Browser::new(3).start(&mut device, &code)), 403);
}

// REQ: PORTAL-06, CDX-07
#[test]
fn five_wrong_codes_and_there_is_a_pause_that_grows() {
    let mut device = Device::lasting();
    let mut pauses = Vec::new();
    for round in 0..8 {
        let code = device.code();
        for last in 0..5 {
            let answer = Browser::new(10 + last).start(&mut device, "BBBB-BBBB");
            assert_eq!(status(&answer), 403, "{round}");
        }
        let (_, none, _, until) = device.screen().expect("still an invitation");
        assert_eq!(none, None, "no code is shown");
        let answer = Browser::new(9).start(&mut device, &code);
        assert_eq!(status(&answer), 429, "the sixth");
        let wait: u64 = header(&answer, "Retry-After").and_then(|text| text.parse().ok()).expect("a number");
        pauses.push(wait);
        assert!(until <= device.uptime + wait * 1000);
        device.pass(wait);
        assert_ne!(device.code(), code, "and another code");
    }
    assert_eq!(pauses, [10, 20, 40, 80, 160, 320, 640, 640]);
    assert_eq!(device.portal.wrong_codes(), 40);
    // Who guesses does not keep out who sees the screen.
    for last in 0..5 {
        Browser::new(30 + last).start(&mut device, "BBBB-BBBB");
    }
    let (_, code, link, _) = device.screen().expect("an invitation");
    assert_eq!(code, None);
    let target = link.strip_prefix(&format!("http://{HOST}")).expect("the portal").to_owned();
    let mut phone = Browser::new(2);
    let page = phone.get(&mut device, &target);
    let form =
        format!("page={}&token={}", field(&page, "page").expect("it"), field(&page, "token").expect("it"));
    assert_eq!(status(&phone.post(&mut device, "/start", &form)), 303);
}

// REQ: PORTAL-07
#[test]
fn the_cookie_is_for_this_host_and_no_script() {
    let mut device = Device::lan();
    let code = device.code();
    let answer = Browser::new(2).start(&mut device, &code);
    let cookie = header(&answer, "Set-Cookie").expect("a cookie");
    let (pair, attributes) = cookie.split_once("; ").expect("attributes");
    assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Lax");
    let value = pair.strip_prefix("keyfob=").expect("its name");
    assert_eq!(value.len(), 43, "256 bits");
    let mut device = Device::new(&CLIENT, SITE.https());
    let code = device.code();
    let page = Browser::new(2).get(&mut device, "/");
    let form = format!("page={}&code={code}", field(&page, "page").expect("a field"));
    let answer = Browser::new(2).post_from(&mut device, "/start", &form, &format!("https://{HOST}"));
    assert!(header(&answer, "Set-Cookie").expect("a cookie").ends_with("; SameSite=Lax; Secure"), "{answer}");
}

// REQ: PORTAL-11
#[test]
fn a_form_is_of_a_page_of_the_last_minutes() {
    for page in ["", "x", &"A".repeat(43)] {
        let mut device = Device::lasting();
        let code = device.code();
        let answer = Browser::new(2).post(&mut device, "/start", &format!("page={page}&code={code}"));
        assert_eq!(status(&answer), 403);
        assert!(answer.contains("This page was too old.") && device.portal.wrong_codes() == 0);
    }
    let mut device = Device::lasting();
    let page = Browser::new(2).get(&mut device, "/");
    let page = field(&page, "page").expect("a field").to_owned();
    device.pass(125);
    let code = device.code();
    assert_eq!(
        status(&Browser::new(2).post(&mut device, "/start", &format!("page={page}&code={code}"))),
        303
    );
    let mut device = Device::lasting();
    device.pass(241);
    let code = device.code();
    assert_eq!(
        status(&Browser::new(2).post(&mut device, "/start", &format!("page={page}&code={code}"))),
        403
    );
}

#[test]
fn the_browser_that_was_let_in_may_go_again() {
    let mut device = Device::lan();
    let mut phone = Browser::paired(&mut device, 2);
    let page = phone.get(&mut device, "/");
    assert!(status(&page) == 200 && !page.contains("id=\"code\""), "{page}");
    let form = format!("page={}", field(&page, "page").expect("a field"));
    let answer = phone.post(&mut device, "/start", &form);
    assert_eq!((status(&answer), header(&answer, "Location")), (303, Some(device.authorize().as_str())));
    assert_eq!(status(&phone.post(&mut device, "/start", "page=x")), 403);
    phone.back(&mut device);
    for target in ["/", "/callback/done"] {
        let answer = phone.get(&mut device, target);
        assert!(matches!(status(&answer), 303 | 200), "{answer}");
    }
    assert_eq!(header(&phone.get(&mut device, "/"), "Location"), Some("/callback/done"));
}

// REQ: PORTAL-09, CDX-02
#[test]
fn the_screen_says_what_happens() {
    let mut device = Device::lan();
    let screen = |device: &Device| {
        let mut out = [0; 256];
        format!("{:?}", device.portal.poll(&device.site, device.now(), &mut out).expect("room"))
    };
    assert!(screen(&device).starts_with("Invitation(…, until "));
    let mut phone = Browser::paired(&mut device, 2);
    assert_eq!(screen(&device), "Connected");
    phone.back(&mut device);
    assert_eq!(screen(&device), "Connected");
    device.portal.finished(Ending::SignedIn);
    assert_eq!(screen(&device), "Over");
    // It says the same however often it is asked, and knows what it needs.
    let device = Device::lan();
    let mut out = [0; 256];
    let length = (0..out.len())
        .find(|&length| device.portal.poll(&SITE, device.now(), &mut out[..length]).is_ok())
        .expect("fits");
    let short = device.portal.poll(&SITE, device.now(), &mut out[..3]).map(drop);
    assert_eq!(short, Err(Error::BufferTooSmall { needed: length }));
}

/// A screen counts down without knowing the portal's clock.
// REQ: PORTAL-09
#[test]
fn the_time_left_is_shown() {
    let mut device = Device::lan();
    let left = |device: &Device| {
        let mut out = [0; 256];
        match device.portal.poll(&device.site, device.now(), &mut out).expect("room") {
            Screen::Pair(invitation) => invitation.seconds_left(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(left(&device), 120);
    device.uptime += 1;
    assert_eq!(left(&device), 120, "a part of a second counts as one");
    device.uptime += 118_999;
    assert_eq!(left(&device), 1);
    device.pass(1);
    assert_eq!(left(&device), 120, "of the next code");
    // A pause has its end.
    for _ in 0..5 {
        Browser::new(2).start(&mut device, "ZZZZ-ZZZZ");
    }
    assert_eq!(left(&device), 10);
}

/// A driver makes the site of what it knows at the moment.
#[test]
fn hosts_are_set_anew() {
    let site = SITE.with_hosts(&["192.168.4.77"]);
    assert_eq!((SITE.hosts(), site.hosts()), (&["192.168.4.20", "kettle.local"][..], &["192.168.4.77"][..]));
    assert!(SITE.has_callback() && site.has_callback() && !PASTE.has_callback());
    let mut device = Device::new(&CLIENT, site);
    assert!(device.screen().expect("an invitation").0.contains("192.168.4.77"));
    assert_eq!(status(&Browser::new(2).get(&mut device, "/")), 421);
    let mut browser = Browser { host: "192.168.4.77".into(), ..Browser::new(2) };
    assert_eq!(status(&browser.get(&mut device, "/")), 200);
}

#[test]
fn codes_are_all_different_and_use_every_character() {
    let (mut codes, mut characters) = (BTreeSet::new(), BTreeSet::new());
    for alphabet in [Alphabet::Consonants, Alphabet::Digits] {
        for number in 0..200 {
            let portal = Portal::paired(seeds::seed(number), alphabet, Now::unknown(0));
            let mut out = [0; 256];
            let Ok(Screen::Pair(invitation)) = portal.poll(&SITE, Now::unknown(0), &mut out) else {
                panic!("no invitation")
            };
            let code = invitation.code().expect("a code").to_owned();
            characters.extend(code.chars());
            assert_eq!(code.len(), if alphabet == Alphabet::Digits { 7 } else { 9 });
            codes.insert(code);
        }
    }
    assert_eq!(codes.len(), 400);
    assert_eq!(characters.into_iter().collect::<String>(), " -0123456789BCDFGHJKLMNPQRSTVWXZ");
}

#[test]
fn codes_come_to_an_end() {
    let mut device = Device::lan();
    device.uptime += 120_000 * 254;
    device.code();
    device.uptime += 120_000;
    let mut out = [0; 256];
    assert_eq!(device.portal.poll(&SITE, device.now(), &mut out).map(drop), Err(Error::Expired));
    device.uptime = u64::MAX;
    assert_eq!(device.portal.poll(&SITE, device.now(), &mut out).map(drop), Err(Error::Expired));
    assert_eq!(status(&Browser::new(2).start(&mut device, "")), 403);
}

// REQ: PORTAL-29
#[test]
fn the_address_is_brought_by_hand() {
    let mut device = Device::new(&PASTED, PASTE);
    let code = device.code();
    let mut phone = Browser::new(2);
    let answer = phone.start(&mut device, &code);
    assert_eq!((status(&answer), header(&answer, "Location")), (303, Some("/paste")));
    let page = phone.get(&mut device, "/paste");
    let page = field(&page, "page").expect("a field").to_owned();
    let answer = phone.post(&mut device, "/go", &format!("page={page}"));
    assert_eq!((status(&answer), header(&answer, "Location")), (303, Some(device.authorize().as_str())));
    let (state, other) = (device.state(), "x".repeat(43));
    for wrong in [
        format!("http://127.0.0.1/callback?code=marker&state={other}"),
        "http://127.0.0.1/callback?code=marker".to_owned(),
        format!("http://127.0.0.1/elsewhere?code=marker&state={state}"),
        "two words".to_owned(),
        String::new(),
        "\u{e4}".to_owned(),
    ] {
        let answer =
            phone.post(&mut device, "/paste", &format!("page={page}&address={}", form::encode(&wrong)));
        assert_eq!(status(&answer), 400, "{wrong}");
        assert!(answer.contains("does not belong to the sign-in") && device.waits(), "{wrong}");
        assert!(!answer.contains("marker"));
    }
    let right = format!("  http://127.0.0.1/callback?code=4%2Fmarker&state={state}\r\n");
    // Only with the cookie.
    let form = format!("page={page}&address={}", form::encode(&right));
    assert_eq!(status(&Browser::new(3).post(&mut device, "/paste", &form)), 403);
    assert!(device.waits());
    let answer = phone.post(&mut device, "/paste", &form);
    assert_eq!((status(&answer), header(&answer, "Location")), (303, Some("/done")));
    assert!(!device.waits());
    device.portal.finished(Ending::SignedIn);
    assert!(body(&phone.get(&mut device, "/done")).contains("You are signed in."));
}

// REQ: PORTAL-29
#[test]
fn a_bare_code_is_brought_by_hand() {
    let mut device = Device::new(&PASTED, PASTE);
    let mut phone = Browser::paired(&mut device, 2);
    let page = phone.get(&mut device, "/paste");
    let form = format!("page={}&address=4/+%0D%0A", field(&page, "page").expect("a field"));
    let answer = phone.post(&mut device, "/paste", &form);
    assert_eq!(status(&answer), 303, "{answer}");
    assert!(!device.waits());
}

/// Another address of the device, and the phone is in the middle of it.
#[test]
fn a_phone_that_cannot_come_back_is_released() {
    let mut device = Device::lan();
    let mut phone = Browser::paired(&mut device, 2);
    device.portal.release(device.now());
    phone.host = MOVED.into();
    assert_eq!(status(&phone.get(&mut device, "/")), 421, "until the device says its new address");
}

/// A browser keeps its cookie by host, and comes back to the host of the redirect URI.
// REQ: PORTAL-14
#[test]
fn the_start_page_is_under_the_name_that_the_server_knows() {
    for (host, token) in [(NAME, ""), ("KETTLE.local", "?t=AAAAAAAAAAAAAAAA")] {
        let mut device = Device::lan();
        let answer = Browser { host: host.into(), ..Browser::new(2) }.get(&mut device, &format!("/{token}"));
        assert_eq!((status(&answer), header(&answer, "Location")), (303, Some("http://192.168.4.20/")));
    }
    // Where nobody comes back to the portal, each of its names will do.
    let mut device = Device::new(&PASTED, PASTE);
    assert_eq!(status(&Browser { host: NAME.into(), ..Browser::new(2) }.get(&mut device, "/")), 200);
}

/// Who looks for a second factor is away for a while, and has the page still open.
#[test]
fn a_page_of_the_browser_that_was_let_in_does_not_get_old() {
    let mut device = Device::new(&PASTED, PASTE);
    let mut phone = Browser::paired(&mut device, 2);
    let page = phone.get(&mut device, "/paste");
    let page = field(&page, "page").expect("a field").to_owned();
    device.pass(590);
    let right = form::encode(&format!("http://127.0.0.1/callback?code=a&state={}", device.state()));
    for wrong in ["", "x", &page.to_lowercase()] {
        let form = format!("page={wrong}&address={right}");
        assert_eq!(status(&phone.post(&mut device, "/paste", &form)), 403, "{wrong}");
    }
    assert_eq!(status(&phone.post(&mut device, "/paste", &format!("page={page}&address={right}"))), 303);
}
