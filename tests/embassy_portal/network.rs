//! Whatever happens to the network and to the device in the middle of a sign-in.

use std::future::pending;

use embassy_futures::{join::join, select::select};
use embassy_net::Ipv4Address;
use embassy_time::Timer;
use keyfob_core::error::Error;
use keyfob_embassy::{Failure, portal::Press, user_agent::UserAgentError};
use keyfob_tests::{
    form,
    lan::{field, header, heading, status},
    server::SUBJECT,
    time_driver::elapsed,
};

use crate::{
    device::{BACK, Home, LAN, PASTE, PASTED},
    sign_in::{by_redirect, target},
};

/// The driver is dropped at any moment: nobody listens any more, and nothing is shown, though the portal is still there. Then
/// somebody signs in anew.
// REQ: PORTAL-19
#[test]
fn dropped() {
    let mut shown = Vec::new();
    for at in [0, 500, 1000, 1500, 2000, 4000, 130_000] {
        let home = Home::new();
        let (mut phone, mut other, mut again) = (home.phone(20), home.phone(21), home.phone(22));
        let end = home.run(async {
            let browsing = async {
                let code = home.panel.code().await;
                let start = phone.start(&code).await;
                let back = home.authorize(header(&start, "Location").expect("to the server"));
                Timer::after_millis(1200).await;
                let _ = phone.get(target(&back)).await;
                let _ = phone.get("/callback/done").await;
                pending::<()>().await;
            };
            let until = select(browsing, Timer::after_millis(at));
            let closed = async {
                let last = home.panel.shown().last().cloned();
                shown.push(home.panel.shown());
                assert!(last.is_none_or(|last| last == "hidden"), "{at}: {:?}", home.panel.shown());
                assert_eq!(other.say(other.getting("/").as_bytes()).await, None, "{at}");
                assert_eq!(other.refused, 1, "{at}: nobody listens");
            };
            let ended = home.sign_in_until::<2, 3>(&LAN, BACK, true, until, closed).await;
            // Nobody confirms in two minutes.
            assert_eq!(ended.is_some(), at > 120_000);
            assert!(ended.is_none_or(|(end, settled)| end.is_ok() && settled == Some(Ok(false))));
            *home.panel.code.borrow_mut() = None;
            join(home.sign_in(&LAN, BACK, false), by_redirect(&home, &mut again)).await.0.0
        });
        assert_eq!(end.expect("signed in").subject.as_deref(), Some(SUBJECT), "{at}");
    }
    // In every step.
    for step in ["pair at http://10.0.0.1/", "connected", "confirm alice"] {
        let step = if step.starts_with("confirm") { format!("confirm {SUBJECT}") } else { step.to_owned() };
        assert!(shown.iter().any(|shown| shown.iter().rev().nth(1) == Some(&step)), "{step}: {shown:?}");
    }
}

/// The link is lost for a while, before each step.
// REQ: PORTAL-20
#[test]
fn link_lost() {
    for (step, length) in [(0, 3000), (1, 3000), (2, 3000), (0, 15_000), (1, 15_000), (2, 15_000)] {
        let home = Home::new();
        let mut phone = home.phone(20);
        let lan = home.lan.clone();
        let lose = async |now: i32| {
            if now == step {
                lan.link(false);
                Timer::after_millis(length).await;
                lan.link(true);
            }
        };
        let ((end, _), page) = home.run(join(home.sign_in(&LAN, BACK, false), async {
            let code = home.panel.code().await;
            lose(0).await;
            let start = phone.start(&code).await;
            let back = home.authorize(header(&start, "Location").expect("to the server"));
            lose(1).await;
            let taken = phone.get(target(&back)).await;
            assert_eq!(status(&taken), 303, "{taken}");
            lose(2).await;
            phone.say(phone.getting("/callback/done").as_bytes()).await
        }));
        assert!(end.is_ok(), "{step}, {length}: {end:?}");
        // For the last page it may be too late; the tokens are there all the same.
        if step < 2 {
            assert_eq!(heading(&page.expect("a page")), "You are signed in.");
        }
    }
}

/// The device gets another address while the user is at the server: with the redirect to the old one it begins anew, and by
/// paste it goes on, with another code.
// REQ: PORTAL-12, PORTAL-07
#[test]
fn another_address() {
    let moved = Ipv4Address::new(10, 0, 0, 77);
    let home = Home::new();
    let mut phone = home.phone(20);
    let ((end, _), ()) = home.run(join(home.sign_in(&LAN, BACK, false), async {
        let code = home.panel.code().await;
        assert_eq!(status(&phone.start(&code).await), 303);
        home.lan.move_to(moved);
    }));
    assert!(matches!(end, Err(Failure::UserAgent(UserAgentError::Moved))), "{end:?}");

    let home = Home::new();
    let mut phone = home.phone(20);
    let ((end, _), page) = home.run(join(home.sign_in(&PASTE, PASTED, false), async {
        let code = home.panel.code().await;
        phone.start(&code).await;
        let paste = phone.get("/paste").await;
        let go = phone.post("/go", &format!("page={}", field(&paste, "page").expect("a form"))).await;
        let back = home.authorize(header(&go, "Location").expect("to the server"));
        home.lan.move_to(moved);
        while !home.panel.shown().contains(&"pair at http://10.0.0.77/".to_owned()) {
            Timer::after_millis(100).await;
        }
        phone.at = moved;
        // Its cookie is of the old address, and would not be good.
        assert_eq!(status(&phone.get("/").await), 421);
        phone.host = "10.0.0.77".into();
        let new = home.panel.code().await;
        assert_ne!(new, code);
        assert_eq!(status(&phone.get("/paste").await), 403);
        assert_eq!(status(&phone.start(&new).await), 303);
        let paste = phone.get("/paste").await;
        let page = field(&paste, "page").expect("a form").to_owned();
        let taken = phone.post("/paste", &format!("page={page}&address={}", form::encode(&back))).await;
        assert_eq!(status(&taken), 303, "{taken}");
        phone.last_page("/done").await.0
    }));
    assert_eq!(end.expect("signed in").subject.as_deref(), Some(SUBJECT));
    assert_eq!(heading(&page), "You are signed in.");
}

/// A device that has no address yet shows nothing, and listens once it has one.
#[test]
fn no_address() {
    let home = Home::new();
    let mut phone = home.phone(20);
    home.lan.device.set_config_v4(embassy_net::ConfigV4::None);
    let ((end, _), at) = home.run(join(home.sign_in(&LAN, BACK, false), async {
        Timer::after_secs(5).await;
        assert!(home.panel.shown().is_empty());
        home.lan.move_to(Ipv4Address::new(10, 0, 0, 1));
        home.panel.code().await;
        let at = elapsed();
        by_redirect(&home, &mut phone).await;
        at
    }));
    assert!(end.is_ok());
    assert!((5000..6500).contains(&at), "{at}");
}

/// The user gives up on the device, in every step; and nobody comes.
// REQ: PORTAL-09, PORTAL-19, PORTAL-04
#[test]
fn given_up() {
    for starts in [false, true] {
        let home = Home::new();
        let (mut phone, mut late) = (home.phone(20), home.phone(21));
        let ((end, _), ()) = home.run(join(home.sign_in(&LAN, BACK, false), async {
            let code = home.panel.code().await;
            if starts {
                phone.start(&code).await;
            }
            home.panel.press.set(Some(Press::Cancel));
            Timer::after_secs(1).await;
            assert_eq!(late.say(late.getting("/").as_bytes()).await, None);
            assert_eq!(late.refused, 1);
        }));
        assert!(matches!(end, Err(Failure::UserAgent(UserAgentError::Cancelled))), "{end:?}");
        assert_eq!(home.panel.shown().last().map(String::as_str), Some("over"));
    }
    let home = Home::new();
    let ((end, _), time) = home.run(async { (home.sign_in(&LAN, BACK, false).await, elapsed()) });
    assert!(matches!(end, Err(Failure::Flow(Error::Expired))), "{end:?}");
    assert!((120_000..122_000).contains(&time), "{time}");
}

/// A phone that is lost while it signs in: another one comes in, with another code.
// REQ: PORTAL-08
#[test]
fn released() {
    let home = Home::new();
    let (mut lost, mut phone) = (home.phone(20), home.phone(21));
    let ((end, _), page) = home.run(join(home.sign_in(&LAN, BACK, false), async {
        let code = home.panel.code().await;
        let start = lost.start(&code).await;
        let back = home.authorize(header(&start, "Location").expect("to the server"));
        home.panel.press.set(Some(Press::Release));
        Timer::after_secs(1).await;
        assert_eq!(status(&lost.get(target(&back)).await), 403);
        by_redirect(&home, &mut phone).await
    }));
    assert!(end.is_ok());
    assert_eq!(heading(&page), "You are signed in.");
}

/// A screen that takes its time keeps no browser waiting.
#[test]
fn a_slow_screen() {
    let home = Home::new();
    home.panel.slow.set(2500);
    let mut phone = home.phone(20);
    let ((end, _), longest) = home.run(join(home.sign_in(&LAN, BACK, false), async {
        home.panel.code().await;
        let mut longest = 0;
        for _ in 0..20 {
            let before = elapsed();
            phone.get("/").await;
            longest = longest.max(elapsed() - before);
            Timer::after_millis(333).await;
        }
        let code = home.panel.code().await;
        let start = phone.start(&code).await;
        let back = home.authorize(header(&start, "Location").expect("to the server"));
        phone.get(target(&back)).await;
        phone.last_page("/callback/done").await;
        longest
    }));
    assert!(end.is_ok());
    assert!(longest < 100, "{longest}");
}
