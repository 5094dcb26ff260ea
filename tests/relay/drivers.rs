//! Whole sign-ins through both drivers.

use keyfob_core::{
    error::{Error, ErrorCode},
    plan::{Ability, Plan, Reason, Way},
};
use keyfob_tests::{
    clients::SERVER,
    conversation::{BY_RELAY, Conversation, Report},
    fault::Fault,
    outcome::Outcome,
    person::Deed,
    relay::{QUERIED, RELAYED_SIGNING},
    server::SUBJECT,
    transcript,
    wire::Framing,
};

/// Through both drivers; gives what the desktop's did.
#[track_caller]
fn both(conversation: &Conversation) -> Report {
    let desktop = conversation.run_std();
    let check = |chip: &Report| {
        assert_eq!(desktop.outcome, chip.outcome, "{}", conversation.name);
        assert_eq!(desktop.link.world().transcript, chip.link.world().transcript, "{}", conversation.name);
    };
    check(&conversation.run_embassy());
    check(&conversation.run_wire(Framing::ALL[0], usize::MAX).0);
    transcript::compare(conversation.name, &desktop.link.world().transcript);
    desktop
}

fn ending(report: &Report) -> Option<String> {
    report.link.server().relay.mailboxes.values().next_back().and_then(|mailbox| mailbox.ending.clone())
}

#[track_caller]
fn is_alice(report: &Report) {
    let Outcome::Tokens(tokens) = &report.outcome else { panic!("{:?}", report.outcome) };
    assert_eq!(tokens.subject.as_deref(), Some(SUBJECT));
    assert_eq!(ending(report).as_deref(), Some("signed_in"));
}

// REQ: RELAY-01, RELAY-05
#[test]
fn a_user_signs_in_with_a_phone() {
    is_alice(&both(&BY_RELAY));
    is_alice(&both(&Conversation { name: "relay with a query", client: &QUERIED, ..BY_RELAY }));
    // Its proofs and assertions are new each time, so their transcript is not kept.
    let signing = Conversation { name: "relay with a pushed request", client: &RELAYED_SIGNING, ..BY_RELAY };
    for report in [signing.run_std(), signing.run_embassy()] {
        is_alice(&report);
    }
    let hurry = &[Deed::Return, Deed::Hurry, Deed::Hurry];
    is_alice(&both(&Conversation { name: "relay in a hurry", deeds: hurry, ..BY_RELAY }));
}

// REQ: RELAY-10
#[test]
fn troubles_on_the_way() {
    let faults =
        &[Fault::None, Fault::NotSent, Fault::NotSent, Fault::NotSent, Fault::NoAnswer, Fault::SentAndBroken];
    let report = both(&Conversation { name: "relay that is away for a while", faults, ..BY_RELAY });
    is_alice(&report);
    let faults = &[Fault::NoAnswer];
    is_alice(&both(&Conversation { name: "relay whose first answer is lost", faults, ..BY_RELAY }));
    const BUSY: &str = r#"{"error":"busy"}"#;
    let faults =
        &[Fault::None, Fault::Answer(503, "application/json", BUSY), Fault::Answer(429, "text/html", "")];
    is_alice(&both(&Conversation { name: "relay that is busy", faults, ..BY_RELAY }));
    // The response was given once, and its answer was lost.
    let faults = &[Fault::None, Fault::None, Fault::NoAnswer];
    let lost =
        Conversation { name: "relay whose response is lost", faults, deeds: &[Deed::Return], ..BY_RELAY };
    let report = both(&lost);
    assert_eq!(report.outcome, Outcome::Flow(Error::AnswerLost));
    assert_eq!(ending(&report).as_deref(), Some("failed"));
}

// REQ: RELAY-07, RELAY-01
#[test]
fn other_ends() {
    let report = both(&Conversation { name: "relay given up", deeds: &[Deed::GiveUp], ..BY_RELAY });
    assert_eq!(report.outcome, Outcome::UserAgent("the sign-in was given up".into()));
    assert_eq!(ending(&report).as_deref(), Some("cancelled"));
    let server = |world: &mut keyfob_tests::link::World| world.server.denial = Some("access_denied");
    let report = both(&Conversation { name: "relay denied", server, ..BY_RELAY });
    assert_eq!(report.outcome, Outcome::Flow(Error::Refused(ErrorCode::AccessDenied)));
    assert_eq!(ending(&report).as_deref(), Some("refused"));
    let faults = &[Fault::None, Fault::None, Fault::None, Fault::NoAnswer];
    let lost = Conversation { name: "relay and no tokens", faults, deeds: &[Deed::Return], ..BY_RELAY };
    let report = both(&lost);
    assert_eq!(report.outcome, Outcome::Http { kind: "Timeout".into(), maybe_sent: true });
    assert_eq!(ending(&report).as_deref(), Some("failed"));
}

/// Who cannot reach the relay, or is not served there, is offered the device grant.
// REQ: RELAY-12
#[test]
fn a_relay_that_is_down() {
    let plan = || {
        let mut plan = Plan::new(&SERVER, &[Ability::Screen, Ability::Network, Ability::Relay]);
        assert_eq!(plan.choose(Way::Relay), Ok(()));
        plan
    };
    let down: &[(&str, &[Fault], Outcome)] = &[
        (
            "relay that cannot be reached",
            &[Fault::NotSent; 6],
            Outcome::Http { kind: "Connect".into(), maybe_sent: false },
        ),
        (
            "relay that does not answer",
            &[Fault::NoAnswer, Fault::NoAnswer],
            Outcome::Http { kind: "Timeout".into(), maybe_sent: true },
        ),
        (
            "relay that is down",
            &[Fault::Answer(502, "text/html", "<h1>Bad Gateway</h1>")],
            Outcome::Flow(Error::RelayUnavailable),
        ),
        (
            "relay that knows nothing of the device",
            &[Fault::Answer(403, "application/json", r#"{"error":"device"}"#)],
            Outcome::Flow(Error::Config(keyfob_core::error::Name::DeviceSecret)),
        ),
        (
            "relay that is none",
            &[Fault::Answer(404, "text/html", "<h1>Not Found</h1>")],
            Outcome::Flow(keyfob_core::error::Check::HttpStatus(404).into()),
        ),
    ];
    for (name, faults, expected) in down {
        let report = both(&Conversation { name, faults, ..BY_RELAY });
        assert_eq!(report.outcome, *expected, "{name}");
        let mut plan = plan();
        let next = match report.outcome {
            Outcome::Flow(error) => plan.fall_back(error, false),
            _ => plan.unreachable(),
        };
        assert_eq!(next, Some(Way::DeviceAuthorization), "{name}");
        assert!(plan.reason(Way::Relay).is_some(), "{name}");
    }
    let mut plan = plan();
    assert_eq!(plan.fall_back(Error::RelayUnavailable, true), Some(Way::DeviceAuthorization));
    assert_eq!(plan.reason(Way::Relay), Some(Reason::Unreachable));
}
