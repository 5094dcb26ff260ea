//! How somebody can sign in here, for a person to read and to choose from.

use core::fmt;

use keyfob_core::plan::{Ability, Plan, Reason, Way};

use crate::{say, settings::Settings};

/// What this device has.
pub fn abilities(settings: &Settings<'_>) -> impl AsRef<[Ability]> {
    // What it has not stands for what it has.
    [
        Ability::Screen,
        if cfg!(feature = "portal") { Ability::Network } else { Ability::Screen },
        if settings.insecure_lan_redirect { Ability::InsecureLanRedirect } else { Ability::Screen },
        if settings.relay.is_some() { Ability::Relay } else { Ability::Screen },
    ]
}

/// The way that this key stands for.
pub fn by_key(key: u8) -> Option<Way> {
    WAYS.iter().find(|(_, own, _)| *own == key).map(|(way, ..)| *way)
}

/// Shows all ways, and why some are closed.
pub fn show(plan: &Plan) {
    for (way, key, words) in WAYS {
        let key = char::from(key);
        match plan.reason(way) {
            None if plan.way() == Some(way) => say!("{key} {words} (Enter)"),
            None => say!("{key} {words}"),
            Some(reason) => say!("- {words}: {}", Why(reason)),
        }
    }
}

/// A way, in words.
pub const fn words(way: Way) -> &'static str {
    let [code, browser, relay, paste, portal] = WAYS;
    match way {
        Way::DeviceAuthorization => code.2,
        Way::Loopback => browser.2,
        Way::Relay => relay.2,
        Way::Paste => paste.2,
        Way::Portal => portal.2,
        _ => "another way",
    }
}

/// Why a way is closed, in words.
pub struct Why(pub Reason);

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Reason::Blocked(code) => write!(f, "the server does not let this device do that ({code:?})"),
            Reason::Config(error) | Reason::Failed(error) => write!(f, "{error}"),
            Reason::Insecure => f.write_str("the answer would cross the network unencrypted"),
            Reason::Lacks(ability) => write!(f, "this device lacks it ({ability:?})"),
            Reason::NoEndpoint(name) => write!(f, "the server has no {}", name.as_str()),
            Reason::Unreachable => f.write_str("it did not answer"),
            _ => f.write_str("it cannot be used"),
        }
    }
}

/// Each with its key and its words.
const WAYS: [(Way, u8, &str); Plan::WAYS] = [
    (Way::DeviceAuthorization, b'1', "a code for the server's page"),
    (Way::Loopback, b'2', "a browser on this device"),
    (Way::Relay, b'3', "a phone, by way of a relay"),
    (Way::Paste, b'4', "a phone that brings an address back"),
    (Way::Portal, b'5', "a phone that comes back to this device"),
];
