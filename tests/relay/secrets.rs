//! Nothing secret is printed, and nothing secret stays.

use keyfob_core::flow::{Flow, Relayed};
use keyfob_tests::{
    clock::later,
    form,
    link::received,
    process_memory::read,
    relay::{RELAY, RELAYED, SECRET, parameters},
    seeds,
    stations::ENOUGH,
};

use crate::{Device, ROOM};

// REQ: SECRET-01, SECRET-02, SECRET-09
#[test]
fn nothing_secret_is_printed() {
    let mut device = Device::new(&RELAYED);
    let mut printed = vec![format!("{RELAY:?} {RELAY:#?}")];
    let mut secrets = vec![SECRET.to_owned()];
    let mut out = [0; ENOUGH];
    while !matches!(device.flow.poll(later(device.time), &mut out), Ok(keyfob_core::flow::Action::Done)) {
        let action = device.flow.poll(later(device.time), &mut out).expect("it goes on");
        printed.push(format!("{action:?} {action:#?} {:?} {:#?}", device.flow, device.flow));
        match action {
            keyfob_core::flow::Action::Send(request) => {
                let request = received(&request);
                secrets.extend(request.header("Authorization").map(str::to_owned));
                let pairs = form::pairs(&request.body);
                secrets.extend(
                    ["mailbox", "code_verifier", "code"].iter().filter_map(|name| form::value(&pairs, name)),
                );
                if let Some(url) = form::value(&pairs, "authorization_url") {
                    secrets.extend(["state", "nonce", "code_challenge"].map(|name| form::in_url(&url, name)));
                }
                drop(device.ask().expect("all is well"));
            }
            keyfob_core::flow::Action::Display(code) => {
                secrets.push(code.user_code().into());
                let code = code.user_code().to_owned();
                device.server().enter(&code);
                device.wait();
            }
            _ => device.wait(),
        }
    }
    let closing =
        device.flow.closing(later(device.time), &mut out).expect("there is room").expect("a request");
    printed.push(format!("{closing:?}"));
    secrets.push(form::in_body(closing.body(), "mailbox"));
    assert!(printed.len() > 7 && secrets.len() > 10);
    for text in printed {
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "`{secret}` is printed: {text}");
        }
    }
}

fn holds(memory: &[u8], secret: &[u8]) -> bool {
    memory.windows(secret.len()).any(|window| window == secret)
}

// REQ: SECRET-03, SM-12, REDIR-24
#[test]
fn a_flow_is_wiped_at_its_end_and_on_drop() {
    let memory = |flow: &Relayed<'static, ROOM>| {
        read(std::ptr::from_ref(flow) as usize, size_of::<Relayed<'static, ROOM>>())
    };
    let seed = seeds::octets(1);
    let mut device = Device::new(&RELAYED);
    assert!(holds(&memory(&device.flow), &seed));
    assert_eq!(device.ask(), Ok(None));
    let code = device.code();
    assert!(holds(&memory(&device.flow), code.as_bytes()));
    device.server().enter(&code);
    // The code has served.
    assert_eq!(device.ask(), Ok(None));
    assert!(!holds(&memory(&device.flow), &code.as_bytes()[..6]));
    // The code of the server is kept for one request, and nothing else of the response.
    assert_eq!(device.ask(), Ok(None));
    let brought = device.server().relay.brought.last().expect("a response").clone();
    let state = form::value(&form::pairs(parameters(&brought).1), "state").expect("a state");
    let code = form::value(&form::pairs(parameters(&brought).1), "code").expect("a code");
    let at_exchange = memory(&device.flow);
    assert!(holds(&at_exchange, code.as_bytes()) && !holds(&at_exchange, state.as_bytes()));
    assert!(device.ask().is_ok_and(|tokens| tokens.is_some()));
    let at_end = memory(&device.flow);
    for secret in [&seed[..], code.as_bytes(), state.as_bytes()] {
        assert!(!holds(&at_end, secret), "it is over");
    }
    // And where one lay that was dropped in the middle.
    let device = Device::entered(&RELAYED);
    let mut place = vec![device.flow];
    let start = place.as_ptr() as usize;
    assert!(holds(&read(start, size_of::<Relayed<'static, ROOM>>()), &seed));
    place.clear();
    let after = read(start, size_of::<Relayed<'static, ROOM>>());
    assert!(!holds(&after, &seed[..8]) && !holds(&after, b"RLYB"));
}
