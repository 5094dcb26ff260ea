//! The two answers that a device gets: its codes, and what comes of a poll.

#![no_main]

use keyfob_core::{
    client::Client,
    error::Error,
    flow::{Action, DeviceAuthorization, Event, Flow},
    http::{Incoming, Response},
    metadata::Metadata,
    secret::Seed,
    time::Now,
};
use libfuzzer_sys::fuzz_target;

const SERVER: Metadata<'static> = Metadata::new("https://op.example.com")
    .device_authorization_endpoint("https://op.example.com/device")
    .token_endpoint("https://op.example.com/token");
const CLIENT: Client<'static> = Client::oauth(SERVER, "kiosk-01");
const CODES: &[u8] =
    br#"{"device_code":"dc","user_code":"uc","verification_uri":"https://x.example","expires_in":60}"#;

fuzz_target!(|data: &[u8]| {
    for status in [200, 400, 503] {
        start(status, data);
        poll(status, data);
    }
});

fn flow() -> DeviceAuthorization<'static, 512> {
    let seed = Seed::new(core::array::from_fn(|place| place as u8)).expect("a seed");
    DeviceAuthorization::new(&CLIENT, seed, Now::unknown(0)).expect("a client")
}

/// Hands in an answer to the request that is due.
fn answer(
    flow: &mut DeviceAuthorization<'static, 512>,
    now: Now,
    status: u16,
    body: &[u8],
) -> Result<bool, Error> {
    let mut room = [0; 1024];
    let Ok(Action::Send(request)) = flow.poll(now, &mut room) else { panic!("no request") };
    let response = read(Incoming::new(request.keep(), &mut room), status, body);
    flow.handle(now, Event::Response(response)).map(|tokens| tokens.is_some())
}

fn start(status: u16, body: &[u8]) {
    let mut flow = flow();
    let outcome = answer(&mut flow, Now::unknown(0), status, body);
    let mut room = [0; 1024];
    match (outcome, flow.poll(Now::unknown(0), &mut room)) {
        (Ok(tokens), Ok(Action::Display(code))) => {
            assert!(!tokens && status == 200);
            assert!((1..=64).contains(&code.user_code().len()));
            assert!(code.user_code().bytes().all(|octet| matches!(octet, 0x20..=0x7E)));
            let addresses = [Some(code.verification_uri()), code.verification_uri_complete()];
            for address in addresses.into_iter().flatten() {
                assert!(address.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://")));
                assert!(address.bytes().all(|octet| octet.is_ascii_graphic()));
            }
            assert!(!code.host().is_empty() && code.seconds_left() > 0);
            assert!(code.until() >= 1000 || code.next_poll().is_none());
            restored(&flow, Now::unknown(0));
        }
        (Err(_), Ok(Action::Send(_)) | Err(Error::AnswerLost | Error::Expired | Error::Refused(_))) => {}
        other => panic!("{other:?}"),
    }
}

fn poll(status: u16, body: &[u8]) {
    let mut flow = flow();
    assert_eq!(answer(&mut flow, Now::unknown(0), 200, CODES), Ok(false));
    let now = Now::unknown(5100);
    let outcome = answer(&mut flow, now, status, body);
    let mut room = [0; 1024];
    match (outcome, flow.poll(now, &mut room)) {
        (Ok(true), Ok(Action::Done)) => assert!(status == 200, "tokens under an error status were taken"),
        (Ok(false) | Err(Error::Check(_)), Ok(Action::Display(code))) => {
            assert!(code.until() >= 5100 + 5000, "a poll never follows at once");
            restored(&flow, now);
        }
        (Err(Error::BufferTooSmall { .. }), Ok(Action::Send(_))) => {}
        (Err(_), Err(Error::AnswerLost)) => assert!(status == 200),
        (Err(Error::InputTooLarge(_)), Ok(Action::Display(_))) => {}
        (Err(Error::Refused(code)), Err(Error::Refused(again))) => assert_eq!(code, again),
        other => panic!("{other:?}"),
    }
}

/// A power cut changes nothing.
fn restored(flow: &DeviceAuthorization<'static, 512>, now: Now) {
    let (mut first, mut second) = ([0; 1024], [0; 1024]);
    let length = flow.save(now, &mut first).expect("it goes on");
    let again = DeviceAuthorization::<512>::restore(&CLIENT, &first[..length], now).expect("whole");
    assert_eq!(again.save(now, &mut second), Ok(length));
    assert_eq!(first, second);
}

fn read<'b>(mut incoming: Incoming<'b>, status: u16, body: &[u8]) -> Response<'b> {
    incoming.status(status);
    incoming.header("Content-Type", b"application/json");
    incoming.body(body);
    incoming.finish().0
}
