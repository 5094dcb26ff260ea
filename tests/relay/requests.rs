//! What the relay, the server and the user are told.

use keyfob_core::{
    client::{Client, ResponseMode},
    error::{Error, Name},
    flow::{Flow, Relayed},
    relay::Relay,
};
use keyfob_tests::{
    clients::SERVER,
    clock::NOW,
    form,
    keys::VERIFIERS,
    relay::{BASE, DEVICE, QUERIED, RELAY, RELAYED, RELAYED_SIGNING, SECRET, mailbox},
    seeds,
};

use crate::{Device, Wants};

/// The address that a browser is sent to, with a form post asked for: neither code nor `state` comes into a log of the
/// relay.
const GOLDEN: &str = "https://op.example/authorize?response_type=code&client_id=kettle\
    &redirect_uri=https%3A%2F%2Frelay.example%2Fr1%2Fcallback&scope=openid%20email%20offline_access\
    &state=wXcjZPdF6dwIhL-TjgBkDZk9rE2hbdiEsN5xfioXk6c\
    &code_challenge=1YS2DNIECjRIbQbdpEc23WGDnioYj8xFy20Vuh5fxO0&code_challenge_method=S256\
    &nonce=QRV_WxBQ1UqxjMSh63ECGkurweYHc63kl7R83QweiOo&response_mode=form_post&prompt=consent";

// REQ: RELAY-08, RELAY-05, RELAY-04
#[test]
fn opening_a_mailbox() {
    let device = Device::new(&RELAYED);
    let request = device.request();
    assert_eq!((request.method.as_str(), request.url.as_str()), ("POST", "https://relay.example/r1/mailbox"));
    let headers: Vec<_> = request.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(
        headers,
        [
            ("Accept", "application/json"),
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Authorization", "Basic a2V0dGxlLTdmM2E6MGYyYjdjLjE5fmQ0X2U2LThhMzViMWMw"),
        ]
    );
    let pairs = form::pairs(&request.body);
    let names: Vec<_> = pairs.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["mailbox", "authorization_url", "public_key"]);
    let get = |name| form::value(&pairs, name).expect("it is there");
    assert_eq!(get("authorization_url"), GOLDEN);
    let state = form::in_url(GOLDEN, "state");
    assert_eq!(get("mailbox"), mailbox(&state));
    assert_eq!(get("mailbox"), "hWhxR8uCl2hef6wNngN5HPnH8EfU6yt5TXBOYvM5OFI");
    assert_eq!(get("public_key"), "f8X1XBYIZ9qfldz4ofSKqBil3D8S38yHcxVhCOlyxVY");
    // A query where that was asked for.
    let url = form::in_body(Device::new(&QUERIED).request().body.as_bytes(), "authorization_url");
    assert_eq!(url, GOLDEN.replace("&response_mode=form_post", ""));
}

// REQ: RELAY-06
#[test]
fn the_server_is_told_nothing_of_the_device() {
    let mut states = Vec::new();
    for number in 1..=50 {
        let flow = Relayed::<64>::new(&RELAYED, &RELAY, seeds::seed(number), NOW).expect("right");
        let device = Device {
            hand: Default::default(),
            time: 0,
            flow: {
                let mut snapshot = [0; 1024];
                let length = flow.save(NOW, &mut snapshot).expect("it goes on");
                Relayed::restore(&RELAYED, &RELAY, &snapshot[..length], NOW).expect("whole")
            },
        };
        let request = device.request();
        let get = |name| form::in_body(request.body.as_bytes(), name);
        let url = get("authorization_url");
        for told in [DEVICE, SECRET, &get("mailbox"), &get("public_key")] {
            assert!(!url.contains(told), "{told} is in {url}");
        }
        let state = form::in_url(&url, "state");
        assert_eq!(state.len(), 43);
        states.extend([state, get("public_key")]);
    }
    states.sort();
    states.dedup();
    assert_eq!(states.len(), 100, "every sign-in has another `state` and another key");
}

// REQ: RELAY-05, RELAY-01
#[test]
fn asking_and_telling() {
    let mut device = Device::entered(&RELAYED);
    let name = device.mailbox();
    device.wait();
    let request = device.request();
    assert_eq!(request.url, "https://relay.example/r1/mailbox/wait");
    assert_eq!(request.body, format!("mailbox={name}&seen=waiting&wait=20"));
    assert_eq!(device.ask(), Ok(None));
    assert!(matches!(device.wants(), Ok(Wants::Connected { .. })));
    device.wait();
    assert_eq!(device.request().body, format!("mailbox={name}&seen=paired&wait=20"));
    assert_eq!(device.closing().as_deref(), Some("cancelled"));
    let closing = device.server().relay.received.last().expect("a request").clone();
    assert_eq!(closing.url, "https://relay.example/r1/mailbox/close");
    assert_eq!(closing.body, format!("mailbox={name}&ending=cancelled"));
}

/// The code is bound to the device's key, whoever carries it.
// REQ: RELAY-09
#[test]
fn the_code_is_bound_to_a_key() {
    let mut device = Device::new(&RELAYED_SIGNING);
    let push = device.request();
    assert_eq!(push.path(), "/par");
    let get = |name| form::value(&form::pairs(&push.body), name);
    assert!(get("dpop_jkt").is_some_and(|thumbprint| thumbprint.len() == 43));
    assert_eq!(get("redirect_uri").as_deref(), Some("https://relay.example/r1/callback"));
    assert!(push.header("DPoP").is_some());
    assert_eq!(device.ask(), Ok(None));
    // The relay sees a reference, and the mailbox is that of the `state` that was pushed.
    let open = device.request();
    let url = form::in_body(open.body.as_bytes(), "authorization_url");
    assert_eq!(
        url,
        "https://op.example/authorize?client_id=signing&request_uri=urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3A1"
    );
    assert_eq!(form::in_body(open.body.as_bytes(), "mailbox"), mailbox(&get("state").expect("a state")));
    assert!(Device::entered(&RELAYED_SIGNING).finish().is_ok());
    // The server wants to see a nonce in each proof, that of the push too.
    let mut device = Device::new(&RELAYED_SIGNING);
    device.server().guard.nonce = Some("nonce-1");
    assert_eq!(device.ask(), Ok(None));
    assert_eq!(device.request().path(), "/par", "once more, and with the nonce");
    assert_eq!(device.ask(), Ok(None));
    assert!(device.finish_entered().is_ok());
    assert_eq!(device.server().count("/par"), 2);
}

// REQ: RELAY-01, RELAY-04, CFG-01
#[test]
fn settings_that_are_not_allowed() {
    let made = |relay: Relay<'static>, redirect_uri: &'static str| {
        let client = Client::new(SERVER, "kettle").redirect_uri(redirect_uri).algorithms(VERIFIERS);
        Relayed::<8>::new(&client, &relay, seeds::seed(1), NOW).err()
    };
    let right = Relay::new(BASE, DEVICE, SECRET);
    let callback = "https://relay.example/r1/callback";
    assert_eq!(made(right, callback), None);
    assert_eq!(made(right.wait(25), callback), None);
    assert_eq!(made(right.wait(26), callback), Some(Error::Config(Name::Relay)));
    for base in [
        "http://relay.example/r1",
        "https://relay.example/r1/",
        "https://relay.example/r1?a",
        "https://relay.example/r1#",
        "https://me@relay.example/r1",
        "relay.example",
        "",
    ] {
        let client: &'static str = String::leak(format!("{base}/callback"));
        assert_eq!(
            made(Relay::new(base, DEVICE, SECRET), client),
            Some(Error::Config(Name::Relay)),
            "{base}"
        );
    }
    for bad in ["", "a b", "a:b", "ä", "a%", "a+b", "a\n"] {
        assert_eq!(made(Relay::new(BASE, bad, SECRET), callback), Some(Error::Config(Name::DeviceId)));
        assert_eq!(made(Relay::new(BASE, DEVICE, bad), callback), Some(Error::Config(Name::DeviceSecret)));
    }
    for elsewhere in [
        "https://relay.example/callback",
        "https://relay.example/r1/callback/",
        "https://relay.example/r1/callback?a",
        "https://relay.example/r12/callback",
        "https://app.example/cb",
    ] {
        assert_eq!(made(right, elsewhere), Some(Error::Config(Name::RedirectUri)), "{elsewhere}");
    }
    // And what every code flow needs.
    let client = RELAYED.lifetime(60).response_mode(ResponseMode::Query).scope(&["a b"]);
    let made = Relayed::<8>::new(&client, &RELAY, seeds::seed(1), NOW).err();
    assert_eq!(made, Some(Error::Config(Name::Scope)));
    assert_eq!(format!("{RELAY:?}"), "Relay(kettle-7f3a at https://relay.example/r1)");
}
