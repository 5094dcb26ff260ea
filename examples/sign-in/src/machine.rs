//! What this machine has for a sign-in.

use std::{
    env,
    io::{self, IsTerminal},
};

use keyfob_core::plan::{Ability, Way};

use crate::{arguments::Arguments, ways};

/// What the user can do here, by the options and by what can be seen.
pub fn abilities(arguments: &Arguments) -> Vec<Ability> {
    let is_set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    of(arguments, has_browser(is_set, HAS_SCREEN), io::stdin().is_terminal())
}

/// `browser`: whether one can be opened; `keys`: whether a person can type.
fn of(arguments: &Arguments, browser: bool, keys: bool) -> Vec<Ability> {
    // Who names a way says that there is what it takes.
    let named = |way: Way| ways::wanted(arguments).contains(&way);
    // The demo issuer is on this machine, and so is the browser that can reach it.
    let browser = browser || arguments.issuer.is_none() || arguments.no_browser;
    [
        (browser || named(Way::Loopback), Ability::Browser),
        (arguments.insecure_lan_redirect, Ability::InsecureLanRedirect),
        (keys || named(Way::Paste), Ability::Keys),
        (arguments.portal.is_some(), Ability::Network),
        (arguments.relay.is_some(), Ability::Relay),
        (true, Ability::Screen),
    ]
    .into_iter()
    .filter_map(|(has, ability)| has.then_some(ability))
    .collect()
}

/// Whether a browser could be opened that its user sees; `screen`: machines of this kind have one.
fn has_browser(is_set: impl Fn(&str) -> bool, screen: bool) -> bool {
    let shown = ["DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "WSL_DISTRO_NAME"].into_iter().any(&is_set);
    // Who comes over the network does not see this machine's screen.
    shown || screen && !is_set("SSH_CONNECTION")
}

/// Where programs need not ask for a display.
const HAS_SCREEN: bool = cfg!(any(target_os = "macos", target_os = "windows"));

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn with(line: &str, browser: bool, keys: bool) -> Vec<Ability> {
        let line = format!("sign-in --issuer https://t.example --client-id a {line}");
        let arguments = Arguments::try_parse_from(line.split_whitespace()).expect("is right");
        of(&arguments, browser, keys)
    }

    #[test]
    fn what_is_given_is_there() {
        use Ability::{Browser, InsecureLanRedirect, Keys, Network, Relay, Screen};
        for (line, expected) in [
            ("", &[Screen][..]),
            ("--no-browser", &[Browser, Screen]),
            ("--way loopback", &[Browser, Screen]),
            ("--way paste", &[Keys, Screen]),
            ("--redirect-uri http://127.0.0.1:0/cb", &[Browser, Screen]),
            ("--redirect-uri com.example.app:/cb", &[Keys, Screen]),
            ("--portal 192.0.2.1:80", &[Network, Screen]),
            ("--portal 192.0.2.1:80 --insecure-lan-redirect", &[InsecureLanRedirect, Network, Screen]),
            ("--relay https://r.example --relay-device-file f", &[Relay, Screen]),
        ] {
            assert_eq!(with(line, false, false), expected, "{line}");
        }
        assert_eq!(with("", true, true), [Browser, Keys, Screen]);
        let demo = Arguments::try_parse_from(["sign-in"]).expect("is right");
        assert_eq!(of(&demo, false, false), [Browser, Screen], "the demo issuer is on this machine");
    }

    #[test]
    fn a_browser_needs_somebody_who_sees_it() {
        let browser = |set: &[&str], screen| has_browser(|name| set.contains(&name), screen);
        for name in ["DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "WSL_DISTRO_NAME"] {
            assert!(browser(&[name], false) && browser(&[name, "SSH_CONNECTION"], true), "{name}");
        }
        assert!(browser(&[], true) && !browser(&[], false) && !browser(&["SSH_CONNECTION"], true));
    }
}
