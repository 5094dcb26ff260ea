//! What a developer can read of what the chip does, and what not.

use std::sync::Mutex;

use keyfob_tests::{
    clients::{BACKEND, BACKEND_SECRET, PUSHED_BACKEND},
    conversation::{Conversation, DEVICE, OWN, REFRESH, SIGN_IN},
    fault::Fault,
    form,
    link::Link,
    outcome::Outcome,
    wire::Framing,
};
use log::{LevelFilter, Log, Metadata, Record};

struct Memory(Mutex<String>);

static MEMORY: Memory = Memory(Mutex::new(String::new()));

impl Log for Memory {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let line = format!("{} {}\n", record.level(), record.args());
        self.0.lock().expect("is whole").push_str(&line);
    }

    fn flush(&self) {}
}

/// All that was said and that nobody else should hear.
fn secrets(link: &Link, outcome: &Outcome) -> Vec<String> {
    const NAMES: [&str; 8] = [
        "assertion",
        "client_secret",
        "code",
        "code_challenge",
        "code_verifier",
        "device_code",
        "refresh_token",
        "state",
    ];
    let mut secrets = vec![BACKEND_SECRET.to_owned()];
    for request in &link.server().received {
        let pairs = form::pairs(&request.body);
        secrets.extend(NAMES.iter().filter_map(|name| form::value(&pairs, name)));
        secrets.extend(request.header("Authorization").map(str::to_owned));
    }
    if let Outcome::Tokens(tokens) = outcome.clone() {
        let mut given = vec![tokens.access_token];
        given.extend(tokens.refresh_token.into_iter().chain(tokens.id_token).chain(tokens.subject));
        secrets.extend(given);
    }
    secrets
}

// REQ: SECRET-06, SECRET-08
#[test]
fn no_secret_is_logged() {
    log::set_logger(&MEMORY).expect("there is no other");
    log::set_max_level(LevelFilter::Trace);
    let mut looked = 0;
    for conversation in [
        SIGN_IN,
        DEVICE,
        OWN,
        REFRESH,
        Conversation { client: &BACKEND, ..SIGN_IN },
        Conversation { client: &PUSHED_BACKEND, ..SIGN_IN },
        Conversation { faults: &[Fault::NotSent, Fault::NotSent], ..SIGN_IN },
        Conversation { faults: &[Fault::NoAnswer], ..SIGN_IN },
        Conversation { faults: &[Fault::Cut(50)], ..SIGN_IN },
    ] {
        let (report, _) = conversation.run_wire(Framing::Length, usize::MAX);
        let log = std::mem::take(&mut *MEMORY.0.lock().expect("is whole"));
        for secret in secrets(&report.link, &report.outcome) {
            let (start, _) = secret.split_at(secret.len().min(12));
            assert!(!log.contains(start), "{start} in {log}");
            looked += 1;
        }
        assert!(!log.contains('?') && !log.contains('='), "a query, or a form: {log}");
        assert!(log.contains("POST /token at op.example\n"), "{log}");
        assert!(log.contains("connecting to op.example, port 443"), "{log}");
        match conversation.faults {
            [] => assert!(log.contains("status 200"), "{log}"),
            [Fault::NotSent, ..] => {
                assert!(log.contains("no connection\n"), "{log}");
                assert!(log.contains("it was not sent, and is tried again in 1 s"), "{log}");
            }
            [Fault::NoAnswer] => assert!(log.contains("no answer in time"), "{log}"),
            _ => assert!(log.contains("the answer is no HTTP: Cut"), "{log}"),
        }
    }
    assert!(looked > 40, "{looked}");
}
