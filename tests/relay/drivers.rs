//! Whole sign-ins through both drivers.

use keyfob_tests::{
    conversation::{BY_RELAY, Conversation, Report},
    outcome::Outcome,
    server::SUBJECT,
    transcript,
};

/// Through both drivers; gives what the desktop's did.
#[track_caller]
fn both(conversation: &Conversation) -> Report {
    let (desktop, chip) = (conversation.run_std(), conversation.run_embassy());
    assert_eq!(desktop.outcome, chip.outcome);
    assert_eq!(desktop.link.world().transcript, chip.link.world().transcript);
    transcript::compare(conversation.name, &desktop.link.world().transcript);
    desktop
}

// REQ: RELAY-01
#[test]
fn a_user_signs_in_with_a_phone() {
    let report = both(&BY_RELAY);
    assert!(matches!(&report.outcome, Outcome::Tokens(tokens) if tokens.subject.as_deref() == Some(SUBJECT)));
    let server = report.link.server();
    let mailbox = server.relay.mailboxes.values().next().expect("one was opened");
    assert_eq!(mailbox.ending.as_deref(), Some("signed_in"));
}
