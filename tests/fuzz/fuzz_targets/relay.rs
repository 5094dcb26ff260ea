//! What a relay gives: codes, news, and a response out of its seal.

#![no_main]

use keyfob_core::{
    client::{Client, ResponseMode},
    error::Error,
    flow::{Action, Event, Flow, Relayed},
    http::Incoming,
    metadata::Metadata,
    relay::{Opener, Relay},
    secret::Seed,
    time::Now,
};
use libfuzzer_sys::fuzz_target;

const SERVER: Metadata<'static> = Metadata::new("https://op.example.com")
    .authorization_endpoint("https://op.example.com/authorize")
    .token_endpoint("https://op.example.com/token");
const CLIENT: Client<'static> =
    Client::oauth(SERVER, "kiosk-01").redirect_uri("https://relay.example/a/longer/path/than/a/key/callback");
const FORM: Client<'static> = CLIENT.response_mode(ResponseMode::FormPost);
const RELAY: Relay<'static> =
    Relay::new("https://relay.example/a/longer/path/than/a/key", "device", "secret").opener(&Glass);
const CODES: &[u8] =
    br#"{"user_code":"uc","verification_uri":"https://x.example","expires_in":60,"interval":1}"#;

/// A seal that everybody opens: what is behind it is what is fuzzed.
struct Glass;

impl Opener for Glass {
    fn public_key(&self, private_key: &[u8; 32]) -> [u8; 32] {
        *private_key
    }

    fn open(&self, _: &[u8; 32], _: &str, sealed: &mut [u8]) -> bool {
        sealed.len() >= 48
    }
}

fuzz_target!(|data: &[u8]| {
    for status in [200, 404, 409, 503] {
        start(status, data);
        news(status, data);
    }
    for client in [&CLIENT, &FORM] {
        response(client, data);
    }
});

fn flow(client: &'static Client<'static>) -> Relayed<'static, 512> {
    let seed = Seed::new(core::array::from_fn(|place| place as u8)).expect("a seed");
    Relayed::new(client, &RELAY, seed, Now::unknown(0)).expect("a client")
}

/// Hands in an answer to the request that is due.
fn answer(flow: &mut Relayed<'static, 512>, now: Now, status: u16, body: &[u8]) -> Result<(), Error> {
    let mut room = [0; 4096];
    let Ok(Action::Send(request)) = flow.poll(now, &mut room) else { panic!("no request") };
    let mut incoming = Incoming::new(request.keep(), &mut room);
    incoming.status(status);
    incoming.header("Content-Type", b"application/json");
    incoming.body(body);
    flow.handle(now, Event::Response(incoming.finish().0)).map(|tokens| assert!(tokens.is_none()))
}

fn start(status: u16, body: &[u8]) {
    let mut flow = flow(&CLIENT);
    let now = Now::unknown(0);
    let outcome = answer(&mut flow, now, status, body);
    let mut room = [0; 4096];
    match (outcome, flow.poll(now, &mut room)) {
        (Ok(()), Ok(Action::Display(code))) => {
            assert!(status == 200 && (1..=64).contains(&code.user_code().len()));
            assert!(code.user_code().bytes().all(|octet| matches!(octet, 0x20..=0x7E)));
            let addresses = [Some(code.verification_uri()), code.verification_uri_complete()];
            for address in addresses.into_iter().flatten() {
                assert!(address.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://")));
                assert!(address.bytes().all(|octet| octet.is_ascii_graphic()));
            }
            assert!(code.until() > 0 && code.until() <= 61_000);
            restored(&flow, &CLIENT, now);
        }
        (Ok(()), Ok(Action::Connected(until))) => assert!(status == 409 && until > 0),
        (Err(Error::RelayUnavailable), Err(Error::RelayUnavailable)) => assert_eq!(status, 503),
        (Err(_), Ok(Action::Send(_))) => {}
        other => panic!("{other:?}"),
    }
}

fn news(status: u16, body: &[u8]) {
    let mut flow = flow(&CLIENT);
    assert_eq!(answer(&mut flow, Now::unknown(0), 200, CODES), Ok(()));
    let now = Now::unknown(1100);
    let outcome = answer(&mut flow, now, status, body);
    let mut room = [0; 4096];
    match (outcome, flow.poll(now, &mut room)) {
        (Ok(()), Ok(Action::Display(code))) => assert!(code.until() >= now.uptime + 1000),
        (_, Ok(Action::Connected(until))) => assert!(status == 200 && until >= now.uptime + 1000),
        (Ok(()), Ok(Action::Send(_))) => assert_eq!(status, 404, "no code without its state"),
        (Err(Error::AnswerLost), Err(Error::AnswerLost)) => assert_eq!(status, 200),
        (Err(Error::Check(_) | Error::Config(_)), Ok(Action::Display(_))) => {}
        (Err(Error::InputTooLarge(_)), Ok(Action::Display(_))) => {}
        (Err(Error::BufferTooSmall { .. }), Ok(Action::Send(_))) => return,
        other => panic!("{other:?}"),
    }
    if flow.save(now, &mut room).is_ok() {
        restored(&flow, &CLIENT, now);
    }
}

/// The response as it was sealed.
fn response(client: &'static Client<'static>, plain: &[u8]) {
    let mut flow = flow(client);
    let mut room = [0; 4096];
    let Ok(Action::Send(request)) = flow.poll(Now::unknown(0), &mut room) else { panic!("no request") };
    let state = request.body().windows(8).position(|window| window == b"state%3D").expect("a state") + 8;
    let state = request.body()[state..state + 43].to_vec();
    assert_eq!(answer(&mut flow, Now::unknown(0), 200, CODES), Ok(()));
    // `S` stands for the right one, or the fuzzer never gets behind it.
    let plain: Vec<u8> =
        plain.iter().flat_map(|octet| if *octet == b'S' { state.clone() } else { vec![*octet] }).collect();
    let sealed = [&[0; 32][..], &plain, &[0; 16]].concat();
    let body = format!("{{\"response\":\"{}\"}}", base64url(&sealed));
    let now = Now::unknown(1100);
    let outcome = answer(&mut flow, now, 200, body.as_bytes());
    match (outcome, flow.poll(now, &mut room)) {
        (Ok(()), Ok(Action::Send(request))) => assert!(request.url().ends_with("/token")),
        (Err(Error::Refused(code)), Err(Error::Refused(again))) => assert_eq!(code, again),
        (Err(Error::Check(_) | Error::InputTooLarge(_)), Ok(Action::Connected(_))) => {}
        (Err(Error::BufferTooSmall { .. }), Ok(Action::Send(_))) => {}
        other => panic!("{other:?}"),
    }
}

/// A power cut changes nothing.
fn restored(flow: &Relayed<'static, 512>, client: &'static Client<'static>, now: Now) {
    let (mut first, mut second) = ([0; 2048], [0; 2048]);
    let length = flow.save(now, &mut first).expect("it goes on");
    let again = Relayed::<512>::restore(client, &RELAY, &first[..length], now).expect("whole");
    assert_eq!(again.save(now, &mut second), Ok(length));
    assert_eq!(first, second);
}

fn base64url(octets: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for group in octets.chunks(3) {
        let number = group
            .iter()
            .chain([0; 2].iter())
            .take(3)
            .fold(0, |number, octet| number << 8 | u32::from(*octet));
        for place in 0..=group.len() {
            text.push(char::from(ALPHABET[(number >> (18 - 6 * place) & 63) as usize]));
        }
    }
    text
}
