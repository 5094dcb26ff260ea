//! The ways: what the device does, how the user gets to the server's pages, and how back.

use std::time::Instant;

use keyfob_core::{
    client::{Client, ResponseMode},
    flow::{AuthorizationCode, DeviceAuthorization, Flow, Relayed},
    portal::Site,
};
use keyfob_interop::{
    browser::Browser,
    person::{Outcome, Program, Settings, outcome},
    wiretap::Wiretap,
};
use keyfob_std::{
    Clock, SystemClock,
    http::HttpsClient,
    portal::Portal,
    redirect::{Loopback, LoopbackHost},
    user_agent::{Desktop, UserAgent},
};

use crate::{
    SOON,
    bench::{self, Bench},
    hand::{Device, Hand, Shown},
    relay, seed,
};

/// A way to sign in.
pub struct Way {
    pub name: &'static str,
    /// Who signs in, for the refresh.
    pub client: Settings,
    pub client_id: &'static str,
    /// The grant that brings the tokens.
    pub grant: &'static str,
    /// The device's part, from its first request to the tokens.
    pub device: fn(&Bench, &mut Device) -> Done,
    /// From what the device shows to the server's first page.
    pub arrive: fn(&Hand, &Shown),
    /// From where the server sends the browser to the last page.
    pub leave: fn(&Hand, &Shown),
    /// What the last page says, where it went well; `None`: nothing is there to say so.
    pub ends: Option<&'static str>,
}

impl Way {
    /// Brings the user to the server's first page.
    #[track_caller]
    pub fn go(&self, hand: &Hand, shown: &Shown) {
        (self.arrive)(hand, shown);
        let server = r#"input[name=login], form[id="op.deviceConfirmForm"]"#;
        hand.browser.wait_for(|browser| browser.has(server), SOON);
    }
}

/// What came of the device's part.
pub struct Done {
    pub outcome: Outcome,
    /// What no phone may ever see: what the device sent beside the code.
    pub secrets: Vec<String>,
    /// When the device knew.
    pub ended: Instant,
}

pub const CODE: &str = "authorization_code";

/// RFC 8628.
pub const DEVICE: Way = Way {
    name: "device grant",
    client: bench::device,
    client_id: "device",
    grant: "urn:ietf:params:oauth:grant-type:device_code",
    device: |bench, device| {
        with(bench, bench::device, "", |client, http, clock| {
            let mut flow = DeviceAuthorization::<512>::new(client, seed(), clock.now()).expect("is right");
            run(&mut flow, http, device, clock)
        })
    },
    arrive: |hand, shown| hand.browser.open(shown.address()),
    leave: |hand, _| {
        let ended = |browser: &Browser| {
            ["Sign-in Success", "interrupted"].iter().any(|end| browser.text().contains(end))
        };
        hand.browser.wait_for(ended, SOON);
    },
    ends: Some("Sign-in Success"),
};

/// RFC 8252 §7.3: the phone stands for the machine's own browser.
pub const LOOPBACK: Way = Way {
    name: "loopback",
    client: bench::native,
    client_id: "public",
    grant: CODE,
    device: |bench, device| {
        let loopback = Loopback::bind(LoopbackHost::V4, 0, "/callback").expect("a listener");
        let redirect_uri = loopback.redirect_uri().to_owned();
        let mut desktop = Desktop::new(loopback).without_browser().show(device.window());
        by_code(bench, bench::native, &redirect_uri, &mut desktop)
    },
    arrive: |hand, shown| hand.browser.open(shown.address()),
    leave: |hand, _| hand.words("signed in"),
    ends: Some("You are signed in"),
};

/// The address is copied to the device's terminal.
pub const TERMINAL: Way = Way {
    name: "paste in a terminal",
    client: bench::native,
    client_id: "public",
    grant: CODE,
    device: |bench, device| by_code(bench, bench::native, &bench.nowhere, device),
    arrive: |hand, shown| hand.browser.open(shown.address()),
    leave: |hand, _| hand.pastes(&hand.copies()),
    ends: None,
};

/// The address is copied to the device's portal.
pub const PASTE: Way = Way {
    name: "paste at the portal",
    client: bench::native,
    client_id: "public",
    grant: CODE,
    device: |bench, device| {
        with(bench, bench::native, &bench.nowhere, |client, http, clock| {
            let site = Site::new(client.metadata(), &[]).paste(client.metadata());
            let mut portal = Portal::bind(bench.portal, site, seed(), device).expect("a portal");
            let mut flow = AuthorizationCode::<512>::new(client, seed(), clock.now()).expect("is right");
            run(&mut flow, http, &mut portal, clock)
        })
    },
    arrive: |hand, shown| {
        pair(hand, shown);
        hand.page("form[action='/paste']");
        hand.browser.click("form[action='/go'] button");
        hand.browser.go_to_tab(1);
    },
    leave: |hand, _| {
        let address = hand.copies();
        hand.browser.go_to_tab(0);
        hand.browser.fill("textarea[name=address]", &address);
        hand.browser.click("form[action='/paste'] button");
        hand.words("signed in");
    },
    ends: Some("You are signed in"),
};

/// The server sends the phone to the device's portal, over plain http: `insecure_lan_redirect`.
pub const PORTAL: Way = Way {
    name: "LAN redirect",
    client: bench::elsewhere,
    client_id: "ways",
    grant: CODE,
    device: |bench, device| {
        let redirect_uri = format!("http://{}/callback", bench.portal);
        with(
            bench,
            |metadata| bench::elsewhere(metadata).insecure_lan_redirect(),
            &redirect_uri,
            |client, http, clock| {
                let site = Site::new(client.metadata(), &[]).callback("/callback");
                let mut portal = Portal::bind(bench.portal, site, seed(), device).expect("a portal");
                let mut flow = AuthorizationCode::<512>::new(client, seed(), clock.now()).expect("is right");
                run(&mut flow, http, &mut portal, clock)
            },
        )
    },
    arrive: pair,
    leave: |hand, _| hand.words("signed in"),
    ends: Some("You are signed in"),
};

/// The server sends the phone to the relay, with a form.
pub const RELAY: Way = Way {
    name: "relay, form post",
    client: bench::elsewhere,
    client_id: "ways",
    grant: CODE,
    device: |bench, device| {
        relayed(bench, |metadata| bench::elsewhere(metadata).response_mode(ResponseMode::FormPost), device)
    },
    arrive: at_the_relay,
    leave: |hand, _| hand.words("signed in"),
    ends: Some("The device is signed in"),
};

/// The same with the response in the address.
pub const RELAY_QUERY: Way = Way {
    name: "relay, query",
    client: bench::elsewhere,
    client_id: "ways",
    grant: CODE,
    device: |bench, device| relayed(bench, bench::elsewhere, device),
    arrive: at_the_relay,
    leave: |hand, _| hand.words("signed in"),
    ends: Some("The device is signed in"),
};

fn relayed(bench: &Bench, settings: Settings, device: &mut Device) -> Done {
    let relay = bench.relay();
    with(bench, settings, &format!("{}/callback", relay.base()), |client, _, clock| {
        let account = relay.account();
        let mut flow = Relayed::<2048>::new(client, &account, seed(), clock.now()).expect("is right");
        run(&mut flow, &mut relay.http(), device, clock)
    })
}

/// Scans the code, lets the relay know, and goes on to the server.
fn at_the_relay(hand: &Hand, shown: &Shown) {
    hand.browser.open(shown.address());
    hand.page("form[action='/pair']");
    hand.browser.click("form[action='/pair'] button");
    hand.page("form[action='/go']");
    assert!(hand.browser.text().contains(relay::DEVICE), "the relay names the device");
    hand.browser.click("form[action='/go'] button");
}

/// Without a camera: the code is typed at the server.
pub const DEVICE_TYPED: Way = Way {
    name: "device grant, code typed",
    arrive: |hand, shown| {
        hand.types_address(shown);
        hand.browser.fill("input[name=user_code]", shown.code());
        hand.browser.click("[type=submit]");
    },
    ..DEVICE
};

/// The same at the relay.
pub const RELAY_TYPED: Way = Way {
    name: "relay, code typed",
    arrive: |hand, shown| {
        types_code(hand, shown, "form[action='/pair']");
        hand.page("form[action='/go']");
        assert!(hand.browser.text().contains(relay::DEVICE), "the relay names the device");
        hand.browser.click("form[action='/go'] button");
    },
    ..RELAY
};

/// The same at the portal.
pub const PORTAL_TYPED: Way = Way {
    name: "LAN redirect, code typed",
    arrive: |hand, shown| {
        types_code(hand, shown, "form[action='/start']");
    },
    ..PORTAL
};

/// Types the address, and then the code into this form.
fn types_code(hand: &Hand, shown: &Shown, form: &str) {
    hand.types_address(shown);
    hand.page(form);
    hand.browser.fill("input[name=code]", shown.code());
    hand.browser.click(&format!("{form} button"));
}

/// Scans the device's QR code, and goes on.
fn pair(hand: &Hand, shown: &Shown) {
    hand.browser.open(shown.address());
    hand.page("form[action='/start']");
    hand.browser.click("form[action='/start'] button");
}

fn by_code(bench: &Bench, settings: Settings, redirect_uri: &str, user_agent: &mut impl UserAgent) -> Done {
    with(bench, settings, redirect_uri, |client, http, clock| {
        let mut flow = AuthorizationCode::<512>::new(client, seed(), clock.now()).expect("is right");
        run(&mut flow, http, user_agent, clock)
    })
}

fn with(
    bench: &Bench,
    settings: Settings,
    redirect_uri: &str,
    act: impl FnOnce(&Client<'_>, &mut HttpsClient, &mut SystemClock) -> Done,
) -> Done {
    let done = Program::new(&bench.provider).with_client(settings, |client, http, clock| {
        Ok(act(&client.redirect_uri(redirect_uri), http, clock))
    });
    done.expect("metadata")
}

fn run(
    flow: &mut dyn Flow,
    http: &mut HttpsClient,
    user_agent: &mut impl UserAgent,
    clock: &mut SystemClock,
) -> Done {
    let mut http = Wiretap::new(http);
    let outcome = outcome(flow, &mut http, user_agent, clock);
    Done { outcome, secrets: http.values(&["code_verifier", "device_code"]), ended: Instant::now() }
}
