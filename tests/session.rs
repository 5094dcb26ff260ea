//! Sessions: when they refresh, what they store, how they end.

use std::collections::BTreeSet;

use keyfob_core::{
    client::Client,
    error::{Check, Error, ErrorCode, Name},
    flow::{Action as FlowAction, Event as FlowEvent, Flow, RefreshToken},
    id_token::{Audiences, Previous},
    secret::Seed,
    session::{Action, Event, Session, SignInReason, Slot},
    time::{Date, Now, UnixTime},
};
use keyfob_tests::{
    answer::Answer,
    clients::{BOOTH, GAUGE, KIOSK, OTHER},
    clock::{NOW, TODAY},
    device::{Device, Kept, Shown, Trouble, Write},
    form,
    id_token::{Draft, Forgery},
    keys::{FIRST, jwk_set},
    seeds,
    server::{SUBJECT, refusal},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A device with a session that works.
fn signed_in(number: u64, settings: fn(Kept) -> Kept) -> Device {
    let mut device = Device::with(&GAUGE, number, settings);
    assert_eq!(device.settle(), Ok(Shown::SignIn(SignInReason::NeverSignedIn)));
    device.sign_in();
    assert!(matches!(device.settle(), Ok(Shown::Ready(..))));
    device
}

fn plain(number: u64) -> Device {
    signed_in(number, |session| session)
}

/// When the session wants to refresh.
fn until(device: &mut Device) -> u64 {
    match device.settle() {
        Ok(Shown::Ready(_, Some(until)) | Shown::Wait(until)) => until,
        other => panic!("{other:?}"),
    }
}

fn refreshes(device: &Device) -> usize {
    device.issuer.borrow().count("/token")
}

// REQ: CLOCK-07, CLOCK-08
#[test]
fn a_token_lives_from_when_it_came() {
    let mut device = plain(1);
    let session = &device.session;
    let at = |uptime| session.access_token(Now { uptime, ..NOW });
    // It came at 1,000 ms and lives an hour.
    assert_eq!(at(1000).and_then(|token| token.remaining()), Some(3_600_000));
    assert_eq!(at(3_600_999).and_then(|token| token.remaining()), Some(1));
    assert!(at(3_601_000).is_none() && at(u64::MAX).is_none());
    let stale = |uptime| at(uptime).map(|token| token.is_stale());
    assert_eq!((stale(3_570_999), stale(3_571_000)), (Some(false), Some(true)));
    // A count that goes backwards wins no time.
    assert_eq!(at(0).and_then(|token| token.remaining()), Some(3_600_000));
    let due = until(&mut device);
    assert!((3_213_000..=3_571_000).contains(&due), "before it is stale, and not too early: {due}");
    // A short life has a short margin.
    let mut device = Device::with(&GAUGE, 1, |session| session.margin(100));
    device.issuer.borrow_mut().lifetime = Some(20);
    device.settle().expect("power");
    device.sign_in();
    assert!((10_000..=11_000).contains(&until(&mut device)));
}

// REQ: REFRESH-16
#[test]
fn a_fleet_does_not_refresh_at_once() {
    let mut dates = Vec::new();
    for number in 0..1000 {
        dates.push(until(&mut plain(number)));
    }
    let (first, last) = (dates.iter().min().expect("some"), dates.iter().max().expect("some"));
    assert!(*first >= 3_214_000 && *last <= 3_571_000, "{first} {last}");
    assert!(last - first > 320_000, "spread over less than a tenth: {first} {last}");
    for second in (*first..*last).step_by(10_000) {
        let busy = dates.iter().filter(|date| (second..second + 10_000).contains(*date)).count();
        assert!(busy < 60, "{busy} of 1000 in ten seconds");
    }
    // The same after power comes back to all of them at once.
    let mut starts = BTreeSet::new();
    for number in 0..100 {
        let mut device = signed_in(number, |session| session.start_within(60));
        device.reboot(1000);
        let date = match device.settle() {
            Ok(Shown::Wait(until)) => until,
            _ => 500,
        };
        assert!(date <= 60_500);
        starts.insert(date / 1000);
    }
    assert!(starts.len() > 40, "{starts:?}");
}

// REQ: REFRESH-12
#[test]
fn without_a_lifetime_only_a_refusal_tells() {
    let mut device = Device::new(&GAUGE, 1);
    device.issuer.borrow_mut().lifetime = None;
    device.settle().expect("power");
    device.sign_in();
    for _ in 0..10 {
        assert_eq!(device.settle(), Ok(Shown::Ready("access-1".into(), None)));
        device.clock.advance(3_600_000);
    }
    assert_eq!(refreshes(&device), 0);
    device.session.rejected(device.clock.now(), 1).expect("the first refusal");
    assert!(matches!(device.settle(), Ok(Shown::Ready(token, None)) if token == "access-2"));
    assert_eq!(refreshes(&device), 1);
}

// REQ: REFRESH-11
#[test]
fn a_second_refusal_is_reported() {
    let mut device = plain(1);
    let now = |device: &Device| device.clock.now();
    let number = device.session.access_token(now(&device)).expect("it is good").number();
    assert_eq!(device.session.rejected(now(&device), number), Ok(()));
    assert!(device.session.access_token(now(&device)).is_none(), "it is not handed out again");
    assert!(matches!(device.settle(), Ok(Shown::Ready(token, _)) if token == "access-2"));
    // Somebody who still had the old one.
    assert_eq!(device.session.rejected(now(&device), number), Ok(()));
    assert_eq!(device.settle().map(|shown| matches!(shown, Shown::Ready(..))), Ok(true));
    assert_eq!(refreshes(&device), 1);
    let again = device.session.rejected(now(&device), number + 1);
    assert_eq!(again, Err(Error::Refused(ErrorCode::InvalidToken)));
    device.settle().expect("power");
    assert_eq!(refreshes(&device), 1, "no loop");
    // Later it is another matter.
    device.clock.advance(60_000);
    assert_eq!(device.session.rejected(now(&device), number + 1), Ok(()));
    assert!(matches!(device.settle(), Ok(Shown::Ready(token, _)) if token == "access-3"));
}

// REQ: REFRESH-17
#[test]
fn a_session_is_used_before_it_dies_of_idleness() {
    let mut device = signed_in(7, |session| session.idle_expiry(600));
    let due = until(&mut device);
    assert!((1000 + 480_000..=1000 + 541_000).contains(&due), "{due}");
    // Off for too long: the server has forgotten it, and the reason is known.
    device.reboot(700_000);
    device.issuer.borrow_mut().revoke_all();
    assert_eq!(device.come_up(), Ok(Shown::SignIn(SignInReason::Inactive)));
    assert!(device.flash.slots.iter().all(Vec::is_empty));
    // The same without a lifetime.
    let mut device = Device::with(&GAUGE, 7, |session| session.idle_expiry(600));
    device.issuer.borrow_mut().lifetime = None;
    device.settle().expect("power");
    device.sign_in();
    assert!((1000 + 480_000..=1000 + 541_000).contains(&until(&mut device)));
}

// REQ: REFRESH-08
#[test]
fn a_refused_token_ends_the_session() {
    for (code, reason) in [
        ("invalid_grant", Some(ErrorCode::InvalidGrant)),
        ("interaction_required", Some(ErrorCode::InteractionRequired)),
        ("invalid_client", None),
        ("server_error", None),
        ("temporarily_unavailable", None),
    ] {
        let mut device = plain(1);
        device.issuer.borrow_mut().busy = vec![refusal(400, code)];
        let due = until(&mut device);
        device.wait_until(due);
        let shown = device.settle();
        assert_eq!(refreshes(&device), 1, "{code}");
        match reason {
            Some(reason) => {
                assert_eq!(shown, Ok(Shown::SignIn(SignInReason::Refused(reason))));
                assert!(device.flash.slots.iter().all(Vec::is_empty), "{code}");
                assert_eq!(
                    device.session.refusal().map(|refusal| refusal.code().to_owned()),
                    Some(code.into())
                );
                assert_eq!(device.session.scope(), None);
                device.clock.advance(10_000_000);
                assert_eq!(device.settle(), shown);
                assert_eq!(refreshes(&device), 1, "no retry");
            }
            None => {
                assert!(matches!(shown, Ok(Shown::Ready(..))), "{code}: {shown:?}");
                assert_eq!(
                    device.session.trouble(),
                    Some(Error::Refused(match code {
                        "invalid_client" => ErrorCode::InvalidClient,
                        "server_error" => ErrorCode::ServerError,
                        _ => ErrorCode::TemporarilyUnavailable,
                    }))
                );
                device.clock.advance(10_000);
                assert!(
                    matches!(device.settle(), Ok(Shown::Ready(token, _)) if token != "access-1"),
                    "{code}"
                );
            }
        }
    }
}

// REQ: REFRESH-09
#[test]
fn failures_wait_longer_and_longer() {
    let troubles: [(&str, Vec<Answer>, Vec<Trouble>); 5] = [
        ("no network", vec![], vec![Trouble::NotSent; 3]),
        ("busy", vec![Answer::new(503, "text/html", "<h1>Busy"); 3], vec![]),
        ("too many", vec![Answer::new(429, "text/plain", ""); 3], vec![]),
        ("broken", vec![Answer::new(500, "text/plain", ""); 3], vec![]),
        ("hotel", vec![Answer::new(200, "text/html", "<h1>Hotel"); 3], vec![]),
    ];
    for (what, busy, network) in troubles {
        let mut device = plain(3);
        device.issuer.borrow_mut().busy = busy;
        device.network = network;
        let end = 3_601_000;
        device.wait_until(end);
        let mut waits = Vec::new();
        for _ in 0..3 {
            let Ok(Shown::Wait(until)) = device.settle() else { panic!("{what}") };
            waits.push(until - device.clock.now().uptime);
            device.wait_until(until);
        }
        assert!(waits[0] >= 2000 && waits[1] > waits[0] && waits[2] > waits[1], "{what}: {waits:?}");
        assert!(waits[2] <= 9000, "{what}: {waits:?}");
        assert_eq!(device.come_up(), Ok(device.settle().expect("power")));
        assert!(matches!(device.settle(), Ok(Shown::Ready(token, _)) if token == "access-2"), "{what}");
    }
    let mut device = plain(3);
    let mut busy = Answer::new(503, "text/plain", "");
    busy.headers.push(("Retry-After".into(), "120".into()));
    device.issuer.borrow_mut().busy = vec![busy];
    device.wait_until(3_601_000);
    let Ok(Shown::Wait(until)) = device.settle() else { panic!("it waits") };
    assert!((120_000..=135_000).contains(&(until - 3_601_000)), "{until}");
}

// REQ: REFRESH-10, REFRESH-08
#[test]
fn a_lost_answer_is_asked_for_at_once() {
    let mut device = plain(1);
    device.network = vec![Trouble::Lost];
    device.wait_until(3_601_000);
    assert!(matches!(device.settle(), Ok(Shown::Ready(..))), "inside of the server's leeway");
    assert_eq!(device.issuer.borrow().presented(), ["refresh-1", "refresh-1"]);
    // Without leeway it is the end, and the reason is named.
    let mut device = plain(1);
    device.issuer.borrow_mut().leeway = 0;
    device.network = vec![Trouble::Lost];
    device.wait_until(3_590_000);
    device.clock.advance(0);
    let mut seen = Vec::new();
    for _ in 0..20 {
        if let Some(shown) = device.step().expect("power") {
            seen.push(shown);
            break;
        }
        device.clock.advance(1000);
    }
    assert_eq!(seen, [Shown::SignIn(SignInReason::AnswerLost)]);
    assert_eq!(device.issuer.borrow().presented(), ["refresh-1", "refresh-1"]);
    // A server that nobody reaches any more does not end a session.
    let mut device = plain(1);
    device.network = vec![Trouble::Vanished; 12];
    device.wait_until(3_601_000);
    for _ in 0..11 {
        let Ok(Shown::Wait(until)) = device.settle() else { panic!("{:?}", device.trace) };
        device.wait_until(until);
    }
    assert!(matches!(device.settle(), Ok(Shown::Ready(..))));
}

// REQ: STORE-05
#[test]
fn nothing_is_written_if_nothing_changed() {
    let mut device = plain(1);
    assert_eq!(device.flash.writes, 1, "the sign-in");
    for _ in 0..100 {
        device.settle().expect("power");
        device.clock.advance(1000);
    }
    assert_eq!((device.flash.writes, device.flash.erased), (1, 0));
    for refresh in 1..=5 {
        device.next_refresh().expect("power");
        assert_eq!(device.flash.writes, 1 + 2 * refresh, "announced, and replaced");
    }
    // A server that does not replace tokens costs one write: who could have known?
    let mut device = plain(1);
    device.issuer.borrow_mut().rotation = false;
    for _ in 0..20 {
        device.next_refresh().expect("power");
    }
    assert_eq!(device.flash.writes, 2);
    device.reboot(1000);
    device.come_up().expect("power");
    assert_eq!(device.flash.writes, 2);
    // Nor does it cost more after a record that was written for another reason.
    let mut device = plain(1);
    device.issuer.borrow_mut().rotation = false;
    device.next_refresh().expect("power");
    device.issuer.borrow_mut().shape = Some(|answer| answer["scope"] = "read".into());
    device.next_refresh().expect("power");
    assert_eq!(device.flash.writes, 3, "the scope");
    device.next_refresh().expect("power");
    assert_eq!(device.flash.writes, 3);
}

// REQ: STORE-06
#[test]
fn a_store_that_fails_costs_no_token() {
    let mut device = plain(1);
    device.flash.broken = true;
    device.wait_until(3_601_000);
    let shown = device.settle();
    let Ok(Shown::Ready(token, Some(until))) = shown else { panic!("{shown:?}") };
    assert_eq!(token, "access-2");
    assert!(!device.session.is_stored(), "it is known at once");
    assert!(until < 3_601_000 + 3000, "it is tried again soon: {until}");
    let asked = device.trace.iter().filter(|action| action.starts_with("Store")).count();
    for _ in 0..3 {
        device.next_refresh().expect("power");
    }
    assert!(device.trace.iter().filter(|action| action.starts_with("Store")).count() > asked);
    assert!(device.issuer.borrow().takes("access-2"));
    device.flash.broken = false;
    while !device.session.is_stored() {
        device.next_refresh().expect("power");
    }
    device.reboot(1000);
    assert!(matches!(device.come_up(), Ok(Shown::Ready(..))));
    assert_eq!(device.issuer.borrow().alarms, 0);
}

/// A new token is not handed out before it is stored.
// REQ: REFRESH-04
#[test]
fn store_then_use() {
    let mut device = plain(1);
    device.wait_until(3_601_000);
    let mut order = Vec::new();
    while device.session.access_token(device.clock.now()).is_none() {
        device.step().expect("power");
        order.push(
            device.trace.last().expect("an action").split([' ', '(']).next().expect("a word").to_owned(),
        );
    }
    assert_eq!(order, ["Store", "Send", "Store"]);
}

// REQ: STORE-02
#[test]
fn flipped_bits_are_no_session() {
    let device = plain(1);
    let record = device.flash.slots[0].clone();
    assert!(device.flash.slots[1].is_empty());
    for bit in 0..record.len() * 8 {
        let mut device = plain(1);
        device.flash.slots[0][bit / 8] ^= 1 << (bit % 8);
        device.reboot(1000);
        let shown = device.come_up().expect("power");
        assert_eq!(shown, Shown::SignIn(SignInReason::StoreDamaged), "{bit}");
        assert_eq!(refreshes(&device), 0);
        device.sign_in();
        assert!(matches!(device.settle(), Ok(Shown::Ready(..))), "{bit}");
    }
    // Of two records one is enough.
    let mut device = plain(1);
    device.next_refresh().expect("power");
    for slot in 0..2 {
        for place in 0..record.len() {
            let mut device = Device::found(&GAUGE, device.flash.clone());
            device.flash.slots[slot][place] ^= 0x80;
            let step = (0..3).map(|_| device.step()).last();
            assert_eq!(step, Some(Ok(None)), "{:?}", device.trace);
        }
    }
    // Octets of any kind.
    for length in 0..200 {
        for octet in [0, 1, 0x4B, 0xFE, 0xFF] {
            let mut device = Device::new(&GAUGE, 1);
            device.flash.slots[0] = vec![octet; length];
            let empty = matches!(octet, 0 | 0xFF) || length == 0;
            let reason = if empty { SignInReason::NeverSignedIn } else { SignInReason::StoreDamaged };
            assert_eq!(device.settle(), Ok(Shown::SignIn(reason)));
        }
    }
}

// REQ: STORE-03
#[test]
fn a_record_belongs_to_one_client() {
    static ELSEWHERE: Client<'static> = GAUGE.scope(&["read"]);
    for client in [&OTHER, &ELSEWHERE] {
        let mut device = plain(1);
        device.client = client;
        device.reboot(1000);
        assert_eq!(device.settle(), Ok(Shown::SignIn(SignInReason::ClientChanged)));
        assert_eq!(refreshes(&device), 0);
    }
}

// REQ: STORE-03
#[test]
fn a_record_belongs_to_no_redirect_uri() {
    // A listener on a free port has another one at each start.
    static ELSEWHERE: Client<'static> = GAUGE.redirect_uri("http://127.0.0.1:49152/callback");
    let mut device = plain(1);
    device.client = &ELSEWHERE;
    device.reboot(1000);
    assert!(matches!(device.settle(), Ok(Shown::Ready(..))));
    assert_eq!(refreshes(&device), 1);
}

// REQ: STORE-07
#[test]
fn a_newer_record_is_not_misread() {
    let mut device = plain(1);
    device.next_refresh().expect("power");
    for slot in 0..2 {
        let mut flash = device.flash.clone();
        let record = &mut flash.slots[slot];
        record[4] = 2;
        let body = record.len() - 8;
        let sum = Sha256::digest(&record[..body]);
        record[body..].copy_from_slice(&sum[..8]);
        let mut device = Device::found(&GAUGE, flash);
        // The other slot may hold what the newer version has replaced.
        assert_eq!(device.settle(), Ok(Shown::SignIn(SignInReason::NewerVersion)));
    }
    // The first version, as it was written then. It must be read for ever.
    let hex = include_str!("spec/session-record-1.hex");
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let octet = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("hex"), 16).expect("hex");
    let record: Vec<u8> = digits.chunks(2).map(octet).collect();
    let written = plain(1).flash.slots[0].clone();
    assert_eq!(written.iter().map(|octet| format!("{octet:02x}")).collect::<String>(), hex.trim());
    let mut device = Device::new(&GAUGE, 1);
    device.issuer.borrow_mut().sign_in();
    device.flash.slots[1] = record;
    assert!(matches!(device.come_up(), Ok(Shown::Ready(token, _)) if token == "access-2"));
}

// REQ: STORE-08, REFRESH-15
#[test]
fn what_was_granted_is_known_after_a_restart() {
    let mut device = plain(1);
    assert_eq!(device.session.scope(), None, "as asked for");
    device.issuer.borrow_mut().shape = Some(|answer| answer["scope"] = "read".into());
    device.next_refresh().expect("power");
    assert_eq!(device.session.scope(), Some("read"));
    device.issuer.borrow_mut().shape = None;
    device.next_refresh().expect("power");
    assert_eq!(device.session.scope(), Some("read"), "as before");
    let issued = device.session.issued().expect("the date is known");
    assert!(issued.seconds() > TODAY + 6000);
    device.reboot(5000);
    device.step().expect("power");
    device.step().expect("power");
    assert_eq!((device.session.scope(), device.session.issued()), (Some("read"), Some(issued)));
}

// REQ: REFRESH-02, REFRESH-15
#[test]
fn less_than_was_granted() {
    fn less(session: Kept) -> Kept {
        session.narrow(&["read"]).expect("it was granted")
    }
    let mut device = Device::with(&GAUGE, 1, less);
    device.settle().expect("power");
    device.sign_in();
    device.issuer.borrow_mut().shape = Some(|answer| answer["scope"] = "read".into());
    device.next_refresh().expect("power");
    let body = device.issuer.borrow().received[0].body.clone();
    assert_eq!(form::in_body(body.as_bytes(), "scope"), "read");
    assert_eq!(device.session.scope(), None, "the grant is what it was");
    let seed = Seed::new(seeds::octets(1)).expect("a seed");
    let more = Kept::new(&GAUGE, &seed).and_then(|session| session.narrow(&["admin"]));
    assert_eq!(more.err(), Some(Error::Config(Name::Scope)));
}

/// Two users on one device: two sessions, two stores.
// REQ: STORE-09
#[test]
fn two_accounts() {
    let (mut alice, mut bob) = (plain(1), plain(2));
    bob.issuer = alice.issuer.clone();
    bob.reboot(0);
    bob.flash = Default::default();
    bob.settle().expect("power");
    bob.sign_in();
    for _ in 0..3 {
        let seen = [alice.next_refresh(), bob.next_refresh()];
        for shown in seen {
            assert!(matches!(shown, Ok(Shown::Ready(token, _)) if alice.issuer.borrow().takes(&token)));
        }
    }
    bob.session.sign_out();
    assert_eq!(bob.settle(), Ok(Shown::SignIn(SignInReason::SignedOut)));
    assert!(matches!(alice.next_refresh(), Ok(Shown::Ready(..))));
    assert_eq!(alice.issuer.borrow().alarms, 0);
}

/// Another user signs in: of the one before nothing is left, and nothing comes back.
#[test]
fn a_new_user_replaces_the_old_one() {
    for (chance, how) in
        [(0, Write::Old), (0, Write::Torn(60)), (0, Write::New), (1, Write::New), (2, Write::New)]
    {
        let mut device = plain(1);
        device.next_refresh().expect("power");
        device.sign_in();
        device.cut = Some((chance, how));
        let dark = device.settle().is_err();
        device.cut = None;
        if dark {
            device.reboot(500);
        }
        let Ok(Shown::Ready(token, _)) = device.come_up() else { panic!("{:?}", device.trace) };
        assert!(device.issuer.borrow().takes(&token));
        let new = chance > 0 || how == Write::New;
        let last = device.issuer.borrow().presented().pop();
        assert_eq!(last.as_deref() == Some("refresh-3"), new && dark, "{chance} {how:?} {last:?}");
    }
}

// REQ: REFRESH-18
#[test]
fn the_resource_is_named_again() {
    static RESOURCEFUL: Client<'static> = GAUGE.resource(&["https://api.example"]);
    let mut device = Device::new(&RESOURCEFUL, 1);
    device.settle().expect("power");
    device.sign_in();
    device.next_refresh().expect("power");
    assert_eq!(
        device.issuer.borrow().received[0].body,
        "grant_type=refresh_token&refresh_token=refresh-1&resource=https%3A%2F%2Fapi.example&client_id=gauge"
    );
}

/// Restored after every step, a session asks for the same octets as one that never stopped.
// REQ: SM-14
#[test]
fn a_restart_asks_for_the_same() {
    let mut device = plain(1);
    device.wait_until(3_601_000);
    device.step().expect("power");
    let mut out = [0; 2048];
    let asked = |session: &Kept, now, out: &mut [u8]| match session.poll(now, out) {
        Ok(Action::Send(request)) => String::from_utf8(request.body().to_vec()).expect("a form"),
        other => panic!("{other:?}"),
    };
    let before = asked(&device.session, device.clock.now(), &mut out);
    assert_eq!(asked(&device.session, device.clock.now(), &mut out), before, "polling changes nothing");
    device.reboot(0);
    device.step().expect("power");
    device.step().expect("power");
    assert_eq!(asked(&device.session, device.clock.now(), &mut out), before);
    // And after every action of a life: the same actions, octet by octet, whether polled once or often.
    let run = |polls: usize| {
        let mut device = plain(1);
        for _ in 0..30 {
            for _ in 0..polls {
                assert!(device.session.poll(device.clock.now(), &mut [0; 2048]).is_ok());
            }
            if device.step().expect("power").is_some() {
                device.clock.advance(300_000);
            }
        }
        device.trace
    };
    assert_eq!(run(0), run(3));
}

// REQ: MEM-04
#[test]
fn every_buffer_length() {
    let mut device = plain(1);
    device.wait_until(3_601_000);
    for _ in 0..3 {
        let now = device.clock.now();
        let mut room = vec![0; 2048];
        let needed = match device.session.poll(now, &mut []) {
            Err(Error::BufferTooSmall { needed }) => needed,
            other => panic!("{other:?}"),
        };
        for length in 0..needed {
            let outcome = device.session.poll(now, &mut room[..length]).map(|_| ());
            assert!(
                matches!(outcome, Err(Error::BufferTooSmall { needed: more }) if more == needed),
                "{length}"
            );
            assert!(room.iter().all(|&octet| octet == 0), "nothing partial is left in it");
        }
        assert!(device.session.poll(now, &mut room[..needed]).is_ok());
        assert!(needed <= Kept::RECORD);
        device.step().expect("power");
    }
    assert!(matches!(device.settle(), Ok(Shown::Ready(..))));
}

/// An answer that does not fit is asked for again, with the same token.
#[test]
fn a_buffer_that_is_too_small_for_the_answer() {
    let mut device = plain(1);
    device.wait_until(3_601_000);
    device.step().expect("power");
    let now = device.clock.now();
    let mut out = [0; 512];
    let Ok(Action::Send(request)) = device.session.poll(now, &mut out) else { panic!("a request") };
    let keep = request.keep();
    let long = json!({ "access_token": "a".repeat(600), "token_type": "Bearer", "refresh_token": "r" });
    let (response, _) = Answer::json(200, &long).read(keep, &mut out);
    let outcome = device.session.handle(now, Event::Response(response));
    assert!(matches!(outcome, Err(Error::BufferTooSmall { needed }) if needed > 600));
    let Ok(Shown::Wait(until)) = device.settle() else { panic!("it waits") };
    device.wait_until(until);
    assert!(matches!(device.settle(), Ok(Shown::Ready(..))));
    assert_eq!(device.issuer.borrow().presented(), ["refresh-1"]);
}

// REQ: MEM-05
#[test]
fn tokens_that_are_too_long() {
    let shapes: [(Shape, Shown); 2] = [
        (|answer| answer["refresh_token"] = "r".repeat(300).into(), Shown::SignIn(SignInReason::TooLarge)),
        (|answer| answer["access_token"] = "a".repeat(300).into(), Shown::Wait(0)),
    ];
    for (shape, expected) in shapes {
        let mut device = plain(1);
        device.issuer.borrow_mut().shape = Some(shape);
        device.wait_until(3_601_000);
        match (device.settle().expect("power"), expected) {
            (Shown::Wait(until), Shown::Wait(_)) => {
                assert!(until > 3_601_000 + 3_000_000, "no server is asked for the same again and again");
                assert_eq!(device.session.trouble(), Some(Error::InputTooLarge(Name::AccessToken)));
                // The new refresh token is safe.
                device.issuer.borrow_mut().shape = None;
                device.reboot(1000);
                assert!(matches!(device.come_up(), Ok(Shown::Ready(..))));
                assert_eq!(device.issuer.borrow().alarms, 0);
            }
            (shown, expected) => {
                assert_eq!(shown, expected);
                assert_eq!(device.session.trouble(), Some(Error::InputTooLarge(Name::RefreshToken)));
            }
        }
    }
    let mut device = plain(1);
    let long = Answer::json(200, &json!({ "access_token": "a".repeat(300), "token_type": "Bearer" }));
    assert_eq!(device.sign_in_with(&long), Err(Error::InputTooLarge(Name::AccessToken)));
    assert_eq!(device.settle(), Ok(Shown::SignIn(SignInReason::TooLarge)));
}

#[test]
fn without_a_refresh_token_the_session_ends_with_its_access_token() {
    let mut device = plain(1);
    let answer = Answer::json(200, &json!({ "access_token": "a", "token_type": "Bearer", "expires_in": 60 }));
    device.sign_in_with(&answer).expect("it fits");
    assert_eq!(device.settle(), Ok(Shown::Ready("a".into(), Some(61_000))));
    assert!(device.flash.slots.iter().all(Vec::is_empty), "nothing of the session before is left");
    device.wait_until(61_000);
    assert_eq!(device.settle(), Ok(Shown::SignIn(SignInReason::NoRefreshToken)));
    assert_eq!(refreshes(&device), 0);
}

#[test]
fn events_that_answer_nothing() {
    let mut device = plain(1);
    let now = device.clock.now();
    for event in [Event::Loaded(&[]), Event::Stored, Event::NotStored, Event::Timeout, Event::NotSent] {
        let before = format!("{:?}", device.settle());
        assert_eq!(device.session.handle(now, event), Err(Error::Misuse), "{event:?}");
        assert_eq!(format!("{:?}", device.settle()), before);
    }
    let mut device = Device::new(&GAUGE, 1);
    for event in [Event::Stored, Event::Timeout, Event::NotSent] {
        assert_eq!(device.session.handle(now, event), Err(Error::Misuse));
    }
    let answer = Answer::json(200, &json!({ "access_token": "a", "token_type": "Bearer" }));
    assert_eq!(device.sign_in_with(&answer), Err(Error::Misuse), "the store was not read");
    assert_eq!(device.session.handle(now, Event::NotStored), Ok(()));
    assert_eq!(device.session.handle(now, Event::NotStored), Ok(()));
    assert_eq!(device.settle(), Ok(Shown::SignIn(SignInReason::StoreDamaged)));
    let seed = Seed::new(seeds::octets(1)).expect("a seed");
    assert_eq!(Session::<65_500>::new(&GAUGE, &seed).err(), Some(Error::Misuse));
}

/// A change to an answer.
type Shape = fn(&mut Value);

/// Lets the nonce of the sign-in pass.
const ONCE: Previous<'static> =
    Previous { subject: SUBJECT, audiences: Audiences::CLIENT, auth_time: None, nonce: Some("once") };

/// A session that signs users in, with its ID tokens.
struct Booth {
    session: Session<'static, 2048>,
    slots: [Vec<u8>; 2],
    requests: Vec<String>,
}

impl Booth {
    fn load(slots: [Vec<u8>; 2]) -> Self {
        let seed = Seed::new(seeds::octets(1)).expect("a seed");
        let session = Session::new(&BOOTH, &seed).expect("right").keep_id_token();
        Self { session, slots, requests: Vec::new() }
    }

    /// A user signs in; the ID token has these claims too.
    fn sign_in(&mut self, more: Value) -> String {
        self.rest(NOW, &Answer::new(500, "", ""));
        let mut draft = Draft::new(FIRST, "kiosk", SUBJECT);
        for (name, value) in more.as_object().expect("members") {
            draft.claims[name] = value.clone();
        }
        let id_token = draft.sign();
        let answer = json!({
            "access_token": "a1", "token_type": "Bearer", "expires_in": 3600, "refresh_token": "r1",
            "id_token": id_token,
        });
        let mut flow = RefreshToken::<16>::new(&BOOTH, "first", Some(ONCE)).expect("right");
        let mut buffer = [0; 4096];
        let Ok(FlowAction::Send(request)) = flow.poll(NOW, &mut buffer) else { panic!("a request") };
        let keep = request.keep();
        let (response, rest) = Answer::json(200, &answer).read(keep, &mut buffer);
        assert_eq!(flow.handle(NOW, FlowEvent::Response(response)).err(), Some(Error::KeysNeeded));
        let keep = flow.keys(&response).expect("keys").keep();
        let (keys, _) = Answer::json(200, &jwk_set(&[FIRST])).read(keep, rest);
        let response = response.with_keys(keys.keys().expect("keys"));
        let tokens = flow.handle(NOW, FlowEvent::Response(response)).expect("right").expect("tokens");
        self.session.sign_in(NOW, &tokens).expect("it fits");
        self.rest(NOW, &Answer::new(500, "", ""));
        id_token
    }

    /// Does what there is to do, with this answer to every request, and says where it ends.
    fn rest(&mut self, now: Now, answer: &Answer) -> String {
        let mut buffer = [0; 8192];
        loop {
            let action = self.session.poll(now, &mut buffer);
            let event = match action.expect("the settings are right") {
                Action::Load { slot } => Event::Loaded(&self.slots[usize::from(slot == Slot::Second)]),
                Action::Store { slot, record } => {
                    self.slots[usize::from(slot == Slot::Second)] = record.to_vec();
                    Event::Stored
                }
                Action::Erase { slot } => {
                    self.slots[usize::from(slot == Slot::Second)].clear();
                    Event::Stored
                }
                Action::Send(request) => {
                    self.requests.push(format!("{request:?} {:?}", std::str::from_utf8(request.body())));
                    let keep = request.keep();
                    let (response, rest) = answer.read(keep, &mut buffer);
                    if self.session.handle(now, Event::Response(response)) == Err(Error::KeysNeeded) {
                        let keep = self.session.keys(&response).expect("keys").keep();
                        let (keys, _) = Answer::json(200, &jwk_set(&[FIRST])).read(keep, rest);
                        let response = response.with_keys(keys.keys().expect("keys"));
                        self.session.handle(now, Event::Response(response)).expect("it was asked for");
                    }
                    continue;
                }
                action => return format!("{action:?}").split('(').take(2).collect::<Vec<_>>().join("("),
            };
            self.session.handle(now, event).expect("it was asked for");
        }
    }
}

fn answer(forge: Forgery) -> Answer {
    let mut draft = Draft::new(FIRST, "kiosk", SUBJECT).access_token("a2");
    forge(&mut draft);
    Answer::json(
        200,
        &json!({
            "access_token": "a2", "token_type": "Bearer", "expires_in": 3600, "refresh_token": "r2",
            "id_token": draft.sign(),
        }),
    )
}

// REQ: REFRESH-06, STORE-08, IDT-30
#[test]
fn continuity_holds_through_a_restart() {
    let claims = json!({ "nonce": "once", "auth_time": TODAY - 1000 });
    let forgeries: [(Forgery, Option<Check>); 6] = [
        (|_| {}, None),
        (|draft| draft.claims["nonce"] = "once".into(), None),
        (|draft| draft.claims["nonce"] = "twice".into(), Some(Check::NonceMismatch)),
        (|draft| draft.claims["sub"] = "bob".into(), Some(Check::SubjectMismatch)),
        (|draft| draft.claims["auth_time"] = TODAY.into(), Some(Check::ClaimChanged(Name::AuthTime))),
        (|draft| draft.claims["iss"] = "https://evil.example".into(), Some(Check::IssMismatch)),
    ];
    for (forge, fault) in forgeries {
        for restart in [false, true] {
            let mut booth = Booth::load(Default::default());
            let hint = booth.sign_in(claims.clone());
            let now = if restart {
                booth = Booth::load(booth.slots);
                NOW
            } else {
                Now { uptime: 3_590_000, ..NOW }
            };
            let end = booth.rest(now, &answer(forge));
            match fault {
                None => {
                    assert!(end.starts_with("Ready"), "{end}");
                    assert_eq!(booth.session.subject(), Some(SUBJECT));
                    assert_eq!(booth.session.id_token_hint(), Some(hint.as_str()));
                    assert_eq!(booth.requests.len(), 1);
                }
                Some(check) => {
                    assert_eq!(
                        end,
                        format!("SignIn(SecurityAlert({check:?}))")
                            .split('(')
                            .take(2)
                            .collect::<Vec<_>>()
                            .join("(")
                    );
                }
            }
        }
    }
}

// REQ: REFRESH-07
#[test]
fn a_bad_id_token_ends_the_session() {
    let mut booth = Booth::load(Default::default());
    booth.sign_in(json!({}));
    let now = Now { uptime: 3_590_000, ..NOW };
    let end = booth.rest(now, &answer(|draft| draft.claims["sub"] = "bob".into()));
    assert_eq!(end, "SignIn(SecurityAlert");
    assert!(booth.session.access_token(now).is_none());
    assert!(booth.slots.iter().all(Vec::is_empty));
    assert_eq!(booth.requests.len(), 2);
    assert!(booth.requests[0].contains("refresh_token=r1"));
    assert!(
        booth.requests[1].contains("/revoke") && booth.requests[1].contains("token=r2"),
        "{:?}",
        booth.requests
    );
    let reason = SignInReason::SecurityAlert(Check::SubjectMismatch);
    assert!(
        matches!(booth.session.poll(now, &mut []), Ok(Action::SignIn { reason: found }) if found == reason)
    );
    // A server that takes nothing back.
    let seed = Seed::new(seeds::octets(1)).expect("a seed");
    assert!(KIOSK.metadata().issuer() == BOOTH.metadata().issuer() && Kept::new(&KIOSK, &seed).is_ok());
}

/// Without a date no ID token can be judged; the answer would cost the refresh token. A floor is enough to ask with: the
/// answer brings the date.
// REQ: CLOCK-02
#[test]
fn no_refresh_without_a_date() {
    let mut booth = Booth::load(Default::default());
    booth.sign_in(json!({}));
    let mut out = [0; 4096];
    let polled = booth.session.poll(Now::unknown(3_700_000), &mut out).map(|_| ());
    assert_eq!(polled, Err(Check::ClockNotSet.into()));
    let floor = Now { uptime: 3_700_000, date: Date::AtLeast(UnixTime::from_seconds(TODAY)) };
    assert_eq!(booth.session.poll(floor, &mut out).map(|_| ()), Ok(()));
    assert!(booth.rest(Now { uptime: 3_700_000, ..NOW }, &answer(|_| {})).starts_with("Ready"));
    assert_eq!(booth.requests.len(), 1);
}

// REQ: SECRET-02, SECRET-09
#[test]
fn nothing_of_a_session_is_printed() {
    let mut booth = Booth::load(Default::default());
    booth.sign_in(json!({ "nonce": "once" }));
    let token = booth.session.access_token(NOW).expect("fresh");
    let shown = format!("{token:?} {:?} {:?}", token.secret(), booth.session);
    for secret in ["a1", "r1", "once", SUBJECT] {
        assert!(!shown.contains(secret), "{shown}");
    }
    let mut device = plain(1);
    device.wait_until(3_601_000);
    let mut out = [0; 2048];
    let action = device.session.poll(device.clock.now(), &mut out).expect("power");
    assert_eq!(format!("{action:?}"), "Store(Second)");
    assert_eq!(format!("{:?} {:?}", Event::Loaded(b"refresh"), Event::Stored), "Loaded(…) Stored");
}

/// Everything but the texts.
// REQ: MEM-09
#[test]
fn a_session_is_small() {
    let beside = size_of::<Session<'static, 1024>>() - 1024;
    assert!(beside <= 1024, "{beside}");
}
