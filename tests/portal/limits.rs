//! How much, how often, how long.

use std::{
    collections::VecDeque,
    net::{IpAddr, Ipv6Addr},
};

use keyfob_core::{
    flow::{AuthorizationCode, Event, Flow, Redirect},
    portal::{Admission, Slots},
    time::Now,
};
use keyfob_tests::seeds;

use crate::device::{Browser, CLIENT, Device, HOST, header, peer, status};

#[track_caller]
fn check(request: String, expected: u16) {
    let mut device = Device::lan();
    assert_eq!(device.hear(peer(2), request.as_bytes()).1.status(), expected, "{}", request.len());
    assert!(device.waits());
}

// REQ: PORTAL-20, REDIR-23
#[test]
fn every_part_of_a_request_has_a_limit() {
    let end = format!(" HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    check(format!("GET /{}{end}", "a".repeat(4095)), 404);
    check(format!("GET /{}{end}", "a".repeat(4096)), 414);
    check(format!("GET /{}", "a".repeat(4096)), 414);
    // The line feed of the request line, the lines, and the empty one count.
    let fields = |length: usize| {
        let host = format!("Host: {HOST}\r\n");
        let rest = length - 1 - host.len() - 2 - "A: \r\n".len();
        format!("GET / HTTP/1.1\r\n{host}A: {}\r\n\r\n", "b".repeat(rest))
    };
    check(fields(2047), 200);
    check(fields(2048), 200);
    check(fields(2050), 431);
    check(format!("GET / HTTP/1.1\r\n{}", "A: b\r\n".repeat(400)), 431);
    check(format!("GET / HTTP/1.1\r\n{}", "a".repeat(3000)), 431);
    let post = |length: usize| {
        format!(
            "POST /start HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{}",
            "a".repeat(length)
        )
    };
    check(post(4096), 403);
    check(post(4097), 413);
}

// REQ: PORTAL-20
#[test]
fn an_address_asks_thirty_times_in_a_minute() {
    let mut device = Device::lan();
    for number in 0..30 {
        assert_eq!(status(&Browser::new(9).get(&mut device, "/")), 200, "{number}");
    }
    let answer = Browser::new(9).get(&mut device, "/");
    assert_eq!((status(&answer), header(&answer, "Retry-After")), (429, Some("60")));
    assert_eq!(status(&Browser::new(8).get(&mut device, "/")), 200, "another address");
    device.uptime += 59_999;
    assert_eq!(status(&Browser::new(9).get(&mut device, "/")), 429);
    device.uptime += 1;
    assert_eq!(status(&Browser::new(9).get(&mut device, "/")), 200);
    // The one that was let in is not counted, nor can others of its address use up its share.
    let mut device = Device::lan();
    let mut phone = Browser::paired(&mut device, 2);
    for _ in 0..40 {
        assert_eq!(status(&phone.get(&mut device, "/")), 200);
        Browser::new(2).get(&mut device, "/");
    }
    assert_eq!(status(&Browser::new(2).get(&mut device, "/")), 429);
    // The same address, written in two ways.
    let mut device = Device::lan();
    let mapped = |last: u8| IpAddr::V6(Ipv6Addr::new(0, 0, 0, 0, 0, 0xFFFF, 0xC0A8, 0x400 | u16::from(last)));
    for _ in 0..15 {
        Browser::new(9).get(&mut device, "/");
        Browser { peer: mapped(9), ..Browser::new(9) }.get(&mut device, "/");
    }
    assert_eq!(status(&Browser::new(9).get(&mut device, "/")), 429);
}

#[test]
fn a_request_that_comes_in_pieces_is_one_request() {
    let mut device = Device::lan();
    let form = "page=x&code=y";
    let request = format!(
        "POST /start HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    for _ in 0..30 {
        let mut visitor = keyfob_core::portal::Visitor::new(peer(2));
        let mut buffer = request.clone().into_bytes();
        buffer.push(0);
        for length in request.len() - form.len() - 2..request.len() {
            assert_eq!(device.step(&mut visitor, &buffer, length).status(), 0);
        }
        assert_eq!(device.step(&mut visitor, &buffer, request.len()).status(), 403);
    }
    assert_eq!(status(&Browser::new(2).get(&mut device, "/")), 429);
}

// REQ: PORTAL-04
#[test]
fn an_unencrypted_way_back_has_two_minutes() {
    let lifetime = |client: &'static keyfob_core::client::Client<'static>| {
        let start = Now::unknown(0);
        let flow = AuthorizationCode::<512>::new(client, seeds::seed(1), start).expect("a flow");
        let mut out = [0; 2048];
        (0..2000).find(|seconds| flow.poll(Now::unknown(seconds * 1000), &mut out).is_err()).expect("an end")
            - 1
    };
    const LONG: keyfob_core::client::Client<'static> = CLIENT.lifetime(900);
    const SHORT: keyfob_core::client::Client<'static> = CLIENT.lifetime(60);
    const SAFE: keyfob_core::client::Client<'static> = LONG.redirect_uri("https://kettle.example/callback");
    const HERE: keyfob_core::client::Client<'static> = LONG.redirect_uri("http://127.0.0.1/callback");
    assert_eq!((lifetime(&CLIENT), lifetime(&LONG), lifetime(&SHORT)), (120, 120, 60));
    assert_eq!((lifetime(&SAFE), lifetime(&HERE)), (900, 900));
    // A restored one has no more.
    let mut flow = AuthorizationCode::<512>::new(&LONG, seeds::seed(1), Now::unknown(0)).expect("a flow");
    let mut snapshot = [0; 1024];
    let length = flow.save(Now::unknown(0), &mut snapshot).expect("room");
    flow = AuthorizationCode::restore(&LONG, &snapshot[..length], Now::unknown(5000)).expect("a flow");
    let late = flow
        .handle(Now::unknown(125_001), Event::Redirect(Redirect::Url("http://192.168.4.20/callback?code=a")));
    assert_eq!(late.map(drop), Err(keyfob_core::error::Error::Expired));
}

#[test]
fn places_are_given_and_taken_back() {
    let mut slots = Slots::<3>::new(2);
    assert_eq!(slots.admit(peer(1), 0), Admission::Free(0));
    assert_eq!(slots.admit(peer(1), 1), Admission::Free(1));
    // Its address has all that it may have.
    assert_eq!(slots.admit(peer(1), 2), Admission::Refuse);
    assert_eq!(slots.admit(peer(2), 3), Admission::Free(2));
    // All are taken, and nobody was silent for long enough.
    assert_eq!(slots.admit(peer(3), 49), Admission::Later);
    assert_eq!(slots.admit(peer(3), 50), Admission::Replace(0));
    // What is heard stays.
    slots.heard(1);
    assert_eq!(slots.admit(peer(4), 60), Admission::Replace(2));
    assert_eq!(slots.admit(peer(5), 90), Admission::Later);
    assert_eq!(slots.admit(peer(5), 105), Admission::Replace(0));
    slots.free(1);
    assert_eq!(slots.admit(peer(6), 106), Admission::Free(1));
    // Nothing happens for places that there are not.
    slots.heard(3);
    slots.free(3);
    assert!(!slots.is_late(3, u64::MAX, 1));
}

/// How long a driver may sleep, if nothing happens.
#[test]
fn the_wait_for_a_place_is_known() {
    let mut slots = Slots::<2>::new(1);
    assert_eq!(slots.wait(0), Some(0));
    slots.admit(peer(1), 100);
    assert_eq!(slots.wait(100), Some(0));
    slots.admit(peer(2), 120);
    for uptime in [120, 149, 150, 151, 200] {
        let wait = slots.wait(uptime).expect("both are silent");
        assert_eq!(
            (wait, slots.has_place(uptime)),
            (150u64.saturating_sub(uptime), uptime >= 150),
            "{uptime}"
        );
    }
    slots.heard(0);
    assert_eq!(slots.wait(150), Some(20));
    slots.heard(1);
    assert_eq!(slots.wait(1000), None, "nobody can be replaced");
    slots.answered(0, 1000);
    assert_eq!(slots.wait(1010), Some(40));
    slots.free(1);
    assert_eq!(slots.wait(1010), Some(0));
}

#[test]
fn an_address_replaces_its_own_first() {
    let mut slots = Slots::<4>::new(2);
    assert_eq!(slots.admit(peer(9), 0), Admission::Free(0));
    assert_eq!(slots.admit(peer(1), 5), Admission::Free(1));
    assert_eq!(slots.admit(peer(1), 6), Admission::Free(2));
    assert_eq!(slots.admit(peer(1), 54), Admission::Refuse);
    assert_eq!(slots.admit(peer(1), 55), Admission::Replace(1));
    assert_eq!(slots.admit(peer(1), 56), Admission::Replace(2));
    // A listener for one address has all places for it, and lets others wait.
    let mut slots = Slots::<2>::new(2);
    slots.admit(peer(1), 0);
    slots.admit(peer(1), 0);
    assert_eq!(slots.admit(peer(1), 49), Admission::Later);
    assert_eq!(slots.admit(peer(1), 50), Admission::Replace(0));
}

// REQ: PORTAL-20
#[test]
fn a_request_has_ten_seconds() {
    let late = |slots: &Slots<2>, place, uptime| slots.is_late(place, uptime, Slots::<2>::DEADLINE);
    let mut slots = Slots::<2>::new(2);
    slots.admit(peer(1), 1000);
    assert!(!late(&slots, 0, 10_999) && late(&slots, 0, 11_000) && !late(&slots, 1, 11_000));
    slots.heard(0);
    assert!(!late(&slots, 0, 11_000));
    slots.answered(0, 20_000);
    assert!(!late(&slots, 0, 29_999) && late(&slots, 0, 30_000));
    // What was answered may be replaced, after a grace.
    slots.admit(peer(2), 20_000);
    slots.heard(1);
    assert!(!slots.has_place(20_049) && slots.has_place(20_050));
    assert_eq!(slots.admit(peer(3), 20_050), Admission::Replace(0));
}

/// A listener's queue, and places behind it. An attacker keeps a hundred connections open that say nothing, and opens each
/// again a moment after it was closed.
struct Crowd {
    slots: Slots<8>,
    queue: VecDeque<u8>,
    /// Who has the places.
    places: [Option<u8>; 8],
    /// When closed connections come again.
    again: VecDeque<(u64, u8)>,
}

impl Crowd {
    const PHONE: u8 = 2;

    fn new(addresses: u8) -> Self {
        let attackers = (0..100).map(|number| 100 + number % addresses).collect();
        Self { slots: Slots::new(2), queue: attackers, places: [None; 8], again: VecDeque::new() }
    }

    /// One millisecond. Whether the phone has got a place.
    fn pass(&mut self, uptime: u64) -> bool {
        while self.again.front().is_some_and(|(at, _)| *at <= uptime) {
            self.queue.extend(self.again.pop_front().map(|(_, who)| who));
        }
        let mut served = false;
        while let Some(&who) = self.queue.front() {
            let admission = self.slots.admit(peer(who), uptime);
            let closed = match admission {
                Admission::Later => break,
                Admission::Refuse => Some(who),
                Admission::Free(place) | Admission::Replace(place) => self.places[place].replace(who),
            };
            self.queue.pop_front();
            self.again.extend(closed.filter(|who| *who != Self::PHONE).map(|who| (uptime + 10, who)));
            if who == Self::PHONE {
                // Its request comes at once, is answered, and the place is free.
                let place = self.places.iter().position(|taken| *taken == Some(who)).expect("a place");
                self.slots.heard(place);
                self.slots.free(place);
                self.places[place] = None;
                served = true;
            }
        }
        served
    }
}

/// Connections that say nothing, from one address and from many: the phone gets its place in a grace, or when those that
/// stand before it had theirs.
// REQ: PORTAL-20
#[test]
fn slow_loris() {
    for (addresses, longest) in [(1, 0), (3, 0), (10, 700), (50, 700)] {
        let mut crowd = Crowd::new(addresses);
        let mut waits = Vec::new();
        let mut since = 0;
        for uptime in 0..20_600 {
            if uptime % 1000 == 500 && uptime < 20_000 {
                crowd.queue.push_back(Crowd::PHONE);
                since = uptime;
            }
            if crowd.pass(uptime) {
                waits.push(uptime - since);
            }
        }
        assert_eq!(waits.len(), 20, "{addresses}: {waits:?}");
        assert!(waits.iter().all(|wait| *wait <= longest), "{addresses}: {waits:?}");
    }
}
