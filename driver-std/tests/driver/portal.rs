//! The portal of a device: whole sign-ins by a phone in its network.

mod attacks;
mod crowd;
mod device;
mod limits;
mod log;
mod phone;
mod provider;

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    thread,
    time::Duration,
};

use keyfob_core::{
    error::{Error, ErrorCode},
    metadata::Metadata,
    portal::{Alphabet, Screen, Site},
};
use keyfob_std::{
    Failure,
    portal::{Front, Portal, Press},
    user_agent::{UserAgent, UserAgentError},
};

use self::{
    device::{Device, HOME, Plan, Seen, is_closed, is_open, seed},
    phone::{Phone, header, status},
    provider::{CODE, parameter},
};
use crate::support::server::json;

/// A screen that keeps the last code.
#[derive(Default)]
struct Note(String);

impl Front for Note {
    fn show(&mut self, screen: &Screen<'_>) {
        if let Screen::Pair(invitation) = screen {
            self.0 = invitation.code().unwrap_or_default().to_owned();
        }
    }
}

const SERVER: Metadata<'static> = Metadata::new("https://op.example")
    .authorization_endpoint("https://op.example/authorize")
    .token_endpoint("https://op.example/token");

const URL: &str = "https://op.example/authorize?client_id=kettle";

fn here() -> SocketAddr {
    (HOME, 0).into()
}

// REQ: PORTAL-04, PORTAL-09, PORTAL-19, REDIR-25, REDIR-26
#[test]
fn a_phone_signs_in() {
    let device = Device::lan();
    let home = device.address;
    let code = device.code();
    let mut phone = Phone::new(&device, 9);
    let page = phone.get("/");
    assert!(page.contains("The way back to the device is not encrypted."), "{page}");
    let answer = phone.start(&code);
    let location = header(&answer, "Location").expect("an address").to_owned();
    assert_eq!(status(&answer), 303);
    assert_eq!(location.split('?').next(), Some(&*format!("{}/authorize", device.provider.issuer())));
    assert!(location.contains("code_challenge=") && location.contains("code_challenge_method=S256"));
    let page = phone.sign_in(&location);
    assert!(status(&page) == 200 && page.contains("<h1>You are signed in.</h1>"), "{page}");
    let request = device.provider.heard();
    assert!(request.starts_with("POST /token ") && request.contains(CODE), "{request}");
    for answer in &phone.answers {
        assert!(!answer.contains("marker"), "no code, no token: {answer}");
        assert_eq!(header(answer, "Cache-Control"), Some("no-store"));
        assert_eq!(header(answer, "Referrer-Policy").map(|policy| policy.is_empty()), Some(false));
        assert!(!answer.split("\r\n\r\n").nth(1).unwrap_or_default().contains("://"), "{answer}");
    }
    assert_eq!(device.rest(), [Seen::Connected, Seen::Over]);
    assert!(device.provider.is_quiet(), "the code is used once");
    is_closed(home);
    device.signs_in();
}

/// The QR code holds an address, so nothing has to be resolved, and nothing of the sign-in.
// REQ: PORTAL-24, PORTAL-25
#[test]
fn the_screen_shows_an_address_and_the_time_left() {
    let device = Device::lan();
    let (Seen::Pair { address, code, link, seconds }, Seen::Pair { code: again, seconds: later, .. }) =
        (device.sees(), device.sees())
    else {
        panic!("no invitation")
    };
    assert_eq!(address, format!("http://{}/", device.address));
    assert!(device.address.ip() == HOME && link.starts_with(&format!("{address}?t=")), "{link}");
    assert_eq!(link.len(), address.len() + "?t=".len() + 16);
    // It comes again each second, as the time goes by.
    assert_eq!(again, code);
    assert!(seconds <= 120 && later < seconds, "{seconds}, {later}");
    // Who scans types nothing.
    let mut phone = Phone::new(&device, 9);
    let answer = phone.scan(&link);
    phone.sign_in(header(&answer, "Location").expect("an address"));
    device.signs_in();
}

// REQ: PORTAL-29
#[test]
fn the_address_is_brought_by_hand() {
    let device = Device::new(Plan::PASTE);
    let mut phone = Phone::new(&device, 9);
    let answer = phone.start(&device.code());
    assert_eq!((status(&answer), header(&answer, "Location")), (303, Some("/paste")));
    let answer = phone.paste("http://127.0.0.1/callback?code=a&state=b");
    assert_eq!(status(&answer), 400, "of another sign-in");
    let back = phone.go();
    assert!(back.starts_with("http://127.0.0.1/callback?code="), "nobody listens there");
    let answer = phone.paste(&back);
    assert_eq!((status(&answer), header(&answer, "Location")), (303, Some("/done")), "{answer}");
    assert!(phone.get("/done").contains("You are signed in."));
    assert_eq!(device.rest(), [Seen::Connected, Seen::Warned(0, 1), Seen::Over]);
    device.signs_in();
}

// REQ: PORTAL-10, CDX-03
#[test]
fn the_user_confirms_on_the_device() {
    for (press, accepted, last) in [
        (Press::Confirm, true, "You are signed in."),
        (Press::Cancel, false, "You are not signed in: it was not allowed."),
    ] {
        let device = Device::new(Plan { confirming: true, ..Plan::LAN });
        let home = device.address;
        device.provider.tokens.lock().expect("is whole").1 = Duration::from_millis(500);
        // These were not asked for: the one before there is an account, the other before it was shown.
        device.press(Press::Confirm);
        let (mut phone, location) = Phone::paired(&device, 9);
        let back = phone.follow(&location);
        let target = back.strip_prefix(&format!("http://{home}")).expect("the way back").to_owned();
        assert_eq!(status(&phone.get(&target)), 303);
        device.press(Press::Confirm);
        let page = phone.get("/callback/done");
        assert!(page.contains("Look at the device."), "{page}");
        assert_eq!(header(&page, "Refresh"), Some("3"));
        device.until(|seen| (seen == Seen::Confirm("alice".to_owned())).then_some(()));
        // It loads itself again, as often as it takes.
        for _ in 0..2 {
            assert!(phone.get("/callback/done").contains("Look at the device."));
        }
        device.press(press);
        let page = phone.get("/callback/done");
        let page = if page.contains("Look at") { phone.get("/callback/done") } else { page };
        assert!(page.contains(last), "{page}");
        assert_eq!(device.rest(), [Seen::Over]);
        is_closed(home);
        assert_eq!(device.end().accepted, Some(accepted));
    }
}

/// A confirmation that nobody gives, for a sign-in that there is not.
#[test]
fn what_is_closed_cannot_be_confirmed() {
    let mut portal =
        Portal::bind(here(), Site::new(&SERVER, &[]).paste(&SERVER), seed(1), Note::default()).expect("free");
    assert!(matches!(portal.settle("alice"), Err(UserAgentError::Listen(_))));
    portal.finished(None);
    assert!(matches!(portal.settle("alice"), Err(UserAgentError::Listen(_))));
}

// REQ: PORTAL-19
#[test]
fn the_port_is_open_only_while_a_sign_in_is_wanted() {
    let make = || {
        Portal::bind(here(), Site::new(&SERVER, &[]).paste(&SERVER), seed(1), Note::default()).expect("free")
    };
    let address = |portal: &Portal<'_, Note>| -> SocketAddr { portal.host().parse().expect("is literal") };
    // Before there is an address to authorize at, the port is taken, and nobody listens.
    let mut portal = make();
    let port = address(&portal);
    is_closed(port);
    assert!(matches!(portal.redirect(&mut [0; 64]), Err(UserAgentError::Listen(_))));
    let mut portal = make();
    let port = address(&portal);
    portal.open(URL).expect("opens");
    is_open(port);
    // The other end: dropped.
    drop(portal);
    is_closed(port);
    // Finished, well or not, before anybody came.
    for failure in [None, Some(Failure::Flow(Error::Expired))] {
        let mut portal = make().confirming();
        let port = address(&portal);
        portal.open(URL).expect("opens");
        portal.finished(failure.as_ref());
        is_closed(port);
        assert!(matches!(portal.open(URL), Err(UserAgentError::Listen(_))), "it serves one sign-in");
    }
    // An address that it does not lead to.
    let mut portal = make();
    let port = address(&portal);
    assert!(matches!(portal.open("https://evil.example/authorize"), Err(UserAgentError::Listen(_))));
    is_closed(port);
}

// REQ: PORTAL-19
#[test]
fn the_port_is_closed_after_every_end() {
    // Given up on the device.
    for connected in [false, true] {
        let device = Device::lan();
        let home = device.address;
        is_open(home);
        if connected {
            Phone::paired(&device, 9);
        }
        device.press(Press::Cancel);
        assert_eq!(device.rest().last(), Some(&Seen::Over));
        let end = device.end();
        assert!(matches!(end.tokens, Err(Failure::UserAgent(UserAgentError::Cancelled))), "{end:?}");
        is_closed(home);
    }
    // The time is over: two minutes for a way back over the network.
    let device = Device::new(Plan { leap: 120_001, ..Plan::LAN });
    let home = device.address;
    let end = device.end();
    assert!(matches!(end.tokens, Err(Failure::Flow(Error::Expired))), "{end:?}");
    is_closed(home);
    // The server says no, at first to the user.
    let device = Device::lan();
    let home = device.address;
    let (mut phone, location) = Phone::paired(&device, 9);
    let refusal = format!("/callback?error=access_denied&state={}", parameter(&location, "state"));
    assert_eq!(status(&phone.get(&refusal)), 303);
    assert!(phone.get("/callback/done").contains("it was not allowed"));
    let end = device.end();
    assert!(matches!(end.tokens, Err(Failure::Flow(Error::Refused(ErrorCode::AccessDenied)))), "{end:?}");
    is_closed(home);
    // Then to the device.
    let device = Device::lan();
    let home = device.address;
    let body = json("{\"error\":\"invalid_grant\"}");
    let refusal = String::from_utf8(body).expect("is text").replace("200 OK", "400 Bad Request");
    device.provider.tokens.lock().expect("is whole").0 = refusal.into_bytes();
    let (mut phone, location) = Phone::paired(&device, 9);
    let page = phone.sign_in(&location);
    assert!(page.contains("You are not signed in") && page.contains("invalid_grant"), "{page}");
    let end = device.end();
    assert!(matches!(end.tokens, Err(Failure::Flow(Error::Refused(ErrorCode::InvalidGrant)))), "{end:?}");
    is_closed(home);
}

// REQ: PORTAL-19
#[test]
fn one_address_is_listened_on() {
    let everywhere: [SocketAddr; 2] = ["0.0.0.0:0", "[::]:0"].map(|all| all.parse().expect("is literal"));
    for all in everywhere {
        let site = Site::new(&SERVER, &["kettle.local"]).paste(&SERVER);
        assert!(
            matches!(Portal::bind(all, site, seed(1), Note::default()), Err(UserAgentError::Listen(_))),
            "{all}"
        );
    }
    let site = Site::new(&SERVER, &[]).paste(&SERVER);
    let taken =
        TcpListener::bind(here()).and_then(|taken| Ok((taken.local_addr()?, taken))).expect("is free");
    assert!(Portal::bind(taken.0, site, seed(1), Note::default()).is_err(), "the port is taken");
    assert!(
        Portal::bind("192.0.2.1:0".parse().expect("is literal"), site, seed(1), Note::default()).is_err(),
        "not ours"
    );
    let mut portal =
        Portal::bind(here(), site, seed(1), Note::default()).expect("free").alphabet(Alphabet::Digits);
    let port: SocketAddr = portal.host().parse().expect("is literal");
    portal.open(URL).expect("opens");
    is_open(port);
    // Other tests have ports at the usual address.
    is_closed((Ipv4Addr::new(127, 211, 3, 7), port.port()).into());
    // All of them is said by name, and needs a name.
    assert!(Portal::bind_all_interfaces(0, site, seed(1), Note::default()).is_err());
    let port = TcpListener::bind("0.0.0.0:0").and_then(|free| free.local_addr()).expect("is free").port();
    let site = Site::new(&SERVER, &["kettle.local"]).paste(&SERVER);
    let mut portal = Portal::bind_all_interfaces(port, site, seed(1), Note::default()).expect("free");
    assert_eq!(portal.host(), "kettle.local");
    portal.open(URL).expect("opens");
    is_open((HOME, port).into());
    is_open((Ipv4Addr::LOCALHOST, port).into());
}

/// A request that is pushed gets old while nobody has scanned the code, and not behind a browser that was sent.
#[test]
fn an_address_that_nobody_has_seen_is_replaced() {
    let mut portal =
        Portal::bind(here(), Site::new(&SERVER, &[]).callback("/callback"), seed(1), Note::default())
            .expect("free");
    assert!(!portal.reopens());
    portal.open(URL).expect("opens");
    assert!(portal.reopens());
    portal.open("https://op.example/authorize?client_id=kettle&request_uri=urn:new").expect("is replaced");
    let address: SocketAddr = portal.host().parse().expect("is literal");
    let code = portal.front().0.clone();
    let phone = thread::spawn(move || Phone::at(address, Ipv4Addr::new(127, 0, 0, 9)).start(&code));
    while !phone.is_finished() {
        assert!(portal.redirect(&mut [0; 4096]).expect("serves").is_none());
    }
    let answer = phone.join().expect("is answered");
    assert!(header(&answer, "Location").is_some_and(|to| to.ends_with("request_uri=urn:new")), "{answer}");
    assert!(!portal.reopens());
    let device = Device::new(Plan { pushed: true, ..Plan::LAN });
    let (mut phone, location) = Phone::paired(&device, 9);
    assert!(location.contains("request_uri="), "{location}");
    let push = device.provider.heard();
    let state = push.split('&').find_map(|pair| pair.strip_prefix("state=")).expect("is there");
    assert_eq!(status(&phone.get(&format!("/callback?code={CODE}&state={state}"))), 303);
    assert!(phone.get("/callback/done").contains("You are signed in."));
    device.signs_in();
}

/// A phone that does not come back, and another one.
#[test]
fn a_lost_phone_is_released() {
    let device = Device::lan();
    let (mut lost, _) = Phone::paired(&device, 9);
    assert_eq!(device.until(Some), Seen::Connected);
    let mut other = Phone::new(&device, 10);
    assert_eq!(status(&other.get("/")), 409);
    device.press(Press::Release);
    let answer = other.start(&device.code());
    assert_eq!(status(&lost.get("/")), 409);
    let location = header(&answer, "Location").expect("an address").to_owned();
    other.sign_in(&location);
    device.signs_in();
}

/// Wrong codes are counted, and the owner is told.
// REQ: CDX-07
#[test]
fn the_owner_hears_of_those_who_try() {
    let device = Device::lan();
    let code = device.code();
    let mut guesser = Phone::new(&device, 9);
    for tried in 1..=2 {
        assert_eq!(status(&guesser.start("ZZZZ-ZZZZ")), 403);
        device.until(|seen| (seen == Seen::Warned(tried, 0)).then_some(()));
    }
    assert_eq!(status(&guesser.get("/callback?code=a&state=b")), 403);
    device.until(|seen| (seen == Seen::Warned(2, 1)).then_some(()));
    let mut phone = Phone::new(&device, 10);
    let answer = phone.start(&code);
    phone.sign_in(header(&answer, "Location").expect("an address"));
    device.signs_in();
}
