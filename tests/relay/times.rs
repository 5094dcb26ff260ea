//! When the relay is asked, and until when.

use keyfob_core::{
    client::Client,
    error::Error,
    flow::{Action, Event, Flow},
    relay::Relay,
};
use keyfob_tests::{
    answer::Answer,
    clock::later,
    form,
    link::Link,
    relay::{BASE, DEVICE, RELAYED, RELAYED_SIGNING, SECRET},
    stations::{ENOUGH, Happening},
};
use serde_json::json;

use crate::{Device, Wants, restored};

fn seconds(device: &Device) -> u32 {
    form::in_body(device.request().body.as_bytes(), "wait").parse().expect("a number")
}

fn waiting() -> Answer {
    Answer::json(200, &json!({ "status": "waiting" }))
}

/// The waits between questions, in milliseconds, while this happens to each.
fn waits(device: &mut Device, happening: &Happening, times: usize) -> Vec<u64> {
    (0..times)
        .map(|_| {
            let before = device.time;
            device.wait();
            assert_eq!(device.tell(happening), Ok(None));
            device.time - before
        })
        .collect()
}

// REQ: RELAY-10
#[test]
fn a_relay_that_does_not_answer_is_asked_ever_more_rarely() {
    let busy = |status| Happening::Response(Answer::new(status, "text/plain", "busy"));
    for trouble in [Happening::NotSent, Happening::Timeout, busy(429), busy(503), busy(500)] {
        let mut device = Device::entered(&RELAYED);
        assert_eq!(device.ask(), Ok(None));
        assert!(matches!(device.wants(), Ok(Wants::Connected { .. })));
        let doubled = waits(&mut device, &trouble, 9);
        assert_eq!(doubled, [1100, 2100, 4100, 8100, 16_100, 32_100, 60_100, 60_100, 60_100], "{trouble:?}");
        // One answer, and all is as before.
        device.wait();
        assert_eq!(device.hear(Answer::json(200, &json!({ "status": "paired" }))), Ok(None));
        assert_eq!(waits(&mut device, &trouble, 2), [1100, 2100]);
        assert!(device.finish().is_ok());
    }
}

// REQ: RELAY-10
#[test]
fn a_relay_says_how_long_it_wants_to_be_left_alone() {
    let mut device = Device::entered(&RELAYED);
    assert_eq!(device.ask(), Ok(None));
    let mut busy = Answer::new(429, "text/plain", "");
    busy.headers.push(("Retry-After".into(), "45".into()));
    assert_eq!(waits(&mut device, &Happening::Response(busy), 2), [1100, 45_100]);
    let mut device = Device::new(&RELAYED);
    assert_eq!(device.ask(), Ok(None));
    assert_eq!(waits(&mut device, &Happening::Response(waiting()), 3), [1100, 1100, 1100]);
    // A person in a hurry.
    assert_eq!(waits(&mut device, &Happening::Timeout, 3), [1100, 2100, 4100]);
    assert_eq!(device.tell(&Happening::Nudge), Ok(None));
    assert_eq!(waits(&mut device, &Happening::Response(waiting()), 1), [1100]);
}

// REQ: RELAY-10
#[test]
fn it_ends_with_the_flow() {
    static HASTY: Client<'static> = RELAYED_FOR_A_WHILE;
    const RELAYED_FOR_A_WHILE: Client<'static> = Client::oauth(keyfob_tests::clients::SERVER, "kettle")
        .redirect_uri("https://relay.example/r1/callback")
        .scope(&["read"])
        .lifetime(90);
    for paired in [false, true] {
        let mut device = Device::new(&HASTY);
        assert_eq!(device.ask(), Ok(None));
        // The code lives no longer than the flow.
        assert!(matches!(device.wants(), Ok(Wants::Show { seconds: 90, .. })));
        if paired {
            let code = device.code();
            device.server().enter(&code);
            assert_eq!(device.ask(), Ok(None));
        }
        let mut requests = 0;
        let end = loop {
            device.wait();
            match device.wants() {
                Err(error) => break error,
                Ok(_) => {
                    requests += 1;
                    let left = (90_000 - device.time) / 1000;
                    assert_eq!(u64::from(seconds(&device)), left.min(20));
                    assert_eq!(device.tell(&Happening::Timeout), Ok(None));
                }
            }
        };
        assert_eq!((end, device.time), (Error::Expired, 90_000));
        assert!((5..8).contains(&requests), "{requests}");
        assert_eq!(device.closing().as_deref(), Some("failed"));
    }
    // A response that comes too late is none.
    let mut device = Device::entered(&RELAYED);
    device.server().relay.hasty = true;
    device.wait();
    let request = device.request();
    let answer = device.server().answer(request);
    let mut out = [0; ENOUGH];
    let Ok(Action::Send(request)) = device.flow.poll(later(device.time), &mut out) else {
        panic!("no request")
    };
    let (keep, mut buffer) = (request.keep(), [0; ENOUGH]);
    device.time = 600_001;
    let event = Event::Response(answer.read(keep, &mut buffer).0);
    assert_eq!(device.flow.handle(later(device.time), event).map(drop), Err(Error::Expired));
    assert!(matches!(device.wants(), Err(Error::Expired)));
}

// REQ: RELAY-07, RELAY-10
#[test]
fn a_code_that_ran_out_is_replaced() {
    let mut device = Device::new(&RELAYED);
    assert_eq!(device.ask(), Ok(None));
    let mut shown = Vec::new();
    while device.time < 590_000 {
        if let Ok(Wants::Show { code, until, seconds: left, .. }) = device.wants() {
            assert!(left > 0 && left <= 120);
            if shown.last().is_none_or(|(_, last)| *last != code) {
                shown.push((device.time, code));
            }
            device.time = until;
            continue;
        }
        let request = device.request();
        if request.url.ends_with("/wait") {
            // The relay holds it as long as it was asked to.
            let held = seconds(&device);
            assert!(held <= 20);
            device.time += u64::from(held) * 1000;
        }
        let answer = device.server().answer(request);
        assert_eq!(device.hear(answer), Ok(None));
    }
    let codes: Vec<_> = shown.iter().map(|(_, code)| code.as_str()).collect();
    assert_eq!(codes, ["RLYB-0001", "RLYB-0002", "RLYB-0003", "RLYB-0004", "RLYB-0005"]);
    for (number, (time, _)) in shown.iter().enumerate() {
        let due = number as u64 * 120_000;
        assert!((due..due + 1000).contains(time), "code {number} at {time}");
    }
    // The mailbox stays the same: the answer to the first address would do.
    assert_eq!(device.server().relay.mailboxes.len(), 1);
}

/// A pushed request gets old after a minute: then there is another one, with another `state` and so another mailbox.
// REQ: RELAY-05, PAR-05
#[test]
fn a_pushed_request_gets_old_behind_the_code() {
    let mut device = Device::new(&RELAYED_SIGNING);
    assert_eq!(device.ask(), Ok(None));
    assert_eq!(device.ask(), Ok(None));
    while device.time < 59_000 {
        device.wait();
        let request = device.request();
        if !request.url.ends_with("/wait") {
            break;
        }
        let held = seconds(&device);
        assert!(u64::from(held) * 1000 + device.time <= 60_000);
        device.time += u64::from(held) * 1000;
        let answer = device.server().answer(request);
        assert_eq!(device.hear(answer), Ok(None));
    }
    device.wait();
    assert_eq!((device.time, device.request().path().to_owned()), (60_000, "/par".into()));
    assert_eq!(device.ask(), Ok(None));
    assert_eq!(device.ask(), Ok(None));
    assert_eq!(device.code(), "RLYB-0002");
    assert_eq!(device.server().relay.mailboxes.len(), 2);
    // The power fails while it is shown.
    let mut device = restored(&device, &RELAYED_SIGNING);
    assert_eq!(device.code(), "RLYB-0002");
    let code = device.code();
    device.server().enter(&code);
    assert!(device.finish().is_ok());
    // Somebody was let in just before: nothing is pushed any more.
    let mut device = Device::entered(&RELAYED_SIGNING);
    device.time = 58_000;
    assert_eq!(device.ask(), Ok(None));
    device.time = 100_000;
    assert!(device.request().url.ends_with("/wait"));
    assert!(device.finish().is_ok());
    assert_eq!(device.server().count("/par"), 1);
}

// REQ: RELAY-10
#[test]
fn a_wait_is_as_long_as_the_device_wants() {
    static SHORT: Relay<'static> = Relay::new(BASE, DEVICE, SECRET).wait(0);
    static UNSET: Relay<'static> = Relay::new(BASE, DEVICE, SECRET);
    for (relay, expected) in [(&SHORT, 0), (&UNSET, 15)] {
        let mut device = Device::at(&RELAYED, relay, Link::default());
        assert_eq!(device.ask(), Ok(None));
        device.wait();
        assert_eq!(seconds(&device), expected);
        let code = {
            device.hear(waiting()).expect("it goes on");
            device.code()
        };
        device.server().enter(&code);
        assert!(device.finish().is_ok());
    }
}
