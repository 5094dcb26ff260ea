//! The relying-party modules of the OpenID Foundation's conformance suite, one test each, against a server with the
//! suite's habits. A module's name is the name of its test. Every module is run in the core alone and through both
//! drivers, with each way of authentication, with the response as a query (plans B, C) and as a form post (plan FB).
//!
//! A negative module passes where the client stays silent after the bad answer: no further request is made.

mod basic;
mod comprehensive;
mod configuration;
mod fapi;
mod logout;
mod party;
mod refresh;

use std::collections::BTreeSet;

/// Modules without a test: the name, and why.
const LEFT: &[(&str, &str)] = &[
    (
        "oidcc-client-test-3rd-party-init-login",
        "beyond: the application takes `iss` and starts an ordinary flow",
    ),
    ("oidcc-client-test-aggregated-claims", "beyond: claims inside of other tokens are not read"),
    ("oidcc-client-test-discovery-webfinger-acct", "beyond: the issuer is known beforehand"),
    ("oidcc-client-test-discovery-webfinger-url", "beyond: the issuer is known beforehand"),
    ("oidcc-client-test-distributed-claims", "unplanned: no address of a stranger is opened"),
    ("oidcc-client-test-dynamic-registration", "beyond: clients are registered by people"),
    ("oidcc-client-test-invalid-athash", "n/a: implicit and hybrid; forgeries.rs has it for the code flow"),
    ("oidcc-client-test-invalid-chash", "n/a: hybrid; forgeries.rs has it for the code flow"),
    ("oidcc-client-test-missing-athash", "n/a: implicit and hybrid"),
    ("oidcc-client-test-missing-chash", "n/a: hybrid"),
    ("oidcc-client-test-mtls-endpoint-aliases", "beyond: the client has no certificate"),
    (
        "oidcc-client-test-nonce-unless-code-flow",
        "n/a: not run for codes; the server here demands a nonce always",
    ),
    ("oidcc-client-test-request-uri-signed-none", "unplanned: no unsigned request objects"),
    ("oidcc-client-test-request-uri-signed-rs256", "beyond: a chip hosts no request object"),
    ("oidcc-client-test-rp-backchannel-rpinitlogout", "beyond: a chip takes no requests"),
    ("oidcc-client-test-rp-backchannel-rpinitlogout-alg-none", "beyond: a chip takes no requests"),
    ("oidcc-client-test-rp-backchannel-rpinitlogout-no-event", "beyond: a chip takes no requests"),
    ("oidcc-client-test-rp-backchannel-rpinitlogout-with-nonce", "beyond: a chip takes no requests"),
    ("oidcc-client-test-rp-backchannel-rpinitlogout-wrong-alg", "beyond: a chip takes no requests"),
    ("oidcc-client-test-rp-backchannel-rpinitlogout-wrong-aud", "beyond: a chip takes no requests"),
    ("oidcc-client-test-rp-backchannel-rpinitlogout-wrong-event", "beyond: a chip takes no requests"),
    ("oidcc-client-test-rp-backchannel-rpinitlogout-wrong-iss", "beyond: a chip takes no requests"),
    ("oidcc-client-test-rp-frontchannel-opinitlogout", "beyond: a chip takes no requests"),
    ("oidcc-client-test-rp-frontchannel-rpinitlogout", "beyond: a chip takes no requests"),
    ("oidcc-client-test-session-management", "unplanned: no frames"),
    ("oidcc-client-test-userinfo-bearer-body", "beyond: the token goes into the header"),
    ("oidcc-client-test-userinfo-signed", "beyond: UserInfo is plain JSON"),
];

/// The names of the suite's list, each with what is to be done about it.
fn modules() -> Vec<(&'static str, &'static str)> {
    let lines = include_str!("../spec/rp-modules.txt").lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let mut words = line.split(' ');
            let (name, _plans) = (words.next().expect("a name"), words.next().expect("the plans"));
            (name, words.next().expect("what is to be done"))
        })
        .collect()
}

#[test]
fn every_module_has_a_test_or_a_reason() {
    let sources = [
        include_str!("basic.rs"),
        include_str!("comprehensive.rs"),
        include_str!("configuration.rs"),
        include_str!("logout.rs"),
        include_str!("refresh.rs"),
    ];
    let tested: BTreeSet<String> = sources
        .into_iter()
        .flat_map(str::lines)
        .filter_map(|line| line.strip_prefix("fn oidcc_")?.strip_suffix("() {"))
        .map(|name| format!("oidcc-{}", name.replace('_', "-")))
        .collect();
    let left: BTreeSet<_> = LEFT.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(left.len(), LEFT.len(), "a name stands twice");
    assert_eq!(tested.intersection(&left).next(), None, "it has a test and a reason");
    let modules = modules();
    let listed: BTreeSet<_> = modules.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!((modules.len(), listed.len()), (60, 60), "57 of the snapshot, 3 of other versions");
    assert_eq!(tested.union(&left).cloned().collect::<BTreeSet<_>>(), listed);
    // What is to be passed is passed.
    for (name, demanded) in modules {
        let reason = LEFT.iter().find(|(left, _)| *left == name).map(|(_, reason)| *reason);
        let kind = reason.map_or("must", |reason| reason.split(':').next().unwrap_or_default());
        assert_eq!(kind, demanded, "{name}");
    }
}
