//! Comparing a secret takes the same instructions wherever it differs.
//!
//! They are counted, not timed: the test starts itself once more and goes through that process instruction by
//! instruction (ptrace(2)). So there is no noise, and one run is enough.
#![cfg(target_os = "linux")]

use std::{
    env,
    io::{self, BufRead, BufReader, Write},
    process::{Command, Stdio},
};

use keyfob_core::{
    error::{Check, Error},
    flow::{AuthorizationCode, Event, Flow, Redirect},
};
use keyfob_tests::{clients::KIOSK, clock::NOW, form, seeds, server::Return, stations::Hand};
use nix::{
    sys::{
        ptrace,
        signal::{Signal, raise},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::{Pid, gettid},
};

/// Tells the process that it is the one that is watched.
const WATCHED: &str = "KEYFOB_TESTS_WATCHED";

/// What the watched process says before the number of its thread.
const HERE: &str = "the thread is ";

/// Stands before and behind what is counted.
fn mark() {
    raise(Signal::SIGUSR1).expect("a signal to oneself");
}

/// The places of the state in which it differs: the first, the last, and some between. At each stands a letter, so
/// that decoding takes the same way.
fn places(state: &str) -> Vec<usize> {
    let letters: Vec<_> = state.bytes().enumerate().filter(|(_, octet)| octet.is_ascii_lowercase()).collect();
    let places: Vec<_> = letters.into_iter().map(|(place, _)| place).collect();
    let middle = places.len() / 2;
    vec![places[0], places[1], places[middle], places[places.len() - 2], places[places.len() - 1]]
}

/// The same text with another letter at this place.
fn changed(text: &str, place: usize) -> String {
    let mut octets = text.as_bytes().to_vec();
    octets[place] = if octets[place] == b'q' { b'r' } else { b'q' };
    String::from_utf8(octets).expect("ASCII")
}

/// All that is compared: twice a comparison that stops at the first difference, which must be noticed, then the
/// state of a redirect.
fn watched() {
    let hand = Hand::default();
    let mut flow = AuthorizationCode::<64>::new(&KIOSK, seeds::seed(3), NOW).expect("right");
    let Return::Url(right) = hand.visit(&flow) else { panic!("a query was asked for") };
    let state = form::in_url(&right, "state");
    let places = places(&state);
    let wrong: Vec<_> = places.iter().map(|place| right.replace(&state, &changed(&state, *place))).collect();
    println!("{HERE}{}", gettid());
    let mut line = String::new();
    io::stdin().read_line(&mut line).expect("a line");
    for place in [places[0], places[places.len() - 1]] {
        let other = changed(&state, place);
        mark();
        let equal = state.bytes().zip(other.bytes()).all(|(left, right)| left == right);
        mark();
        assert!(!std::hint::black_box(equal));
    }
    // The first run may look up what later ones know.
    for wrong in wrong.iter().take(1).chain(&wrong) {
        mark();
        let outcome = flow.handle(NOW, Event::Redirect(Redirect::Url(wrong))).map(drop);
        mark();
        assert_eq!(outcome, Err(Error::from(Check::StateMismatch)));
    }
}

/// The instructions between each two marks.
fn counts() -> Vec<u64> {
    let name = "a_wrong_state_is_as_wrong_in_its_last_octet";
    let mut child = Command::new(env::current_exe().expect("this test"))
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env(WATCHED, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this test starts once more");
    let mut said = BufReader::new(child.stdout.take().expect("piped"));
    let thread = loop {
        let mut line = String::new();
        assert_ne!(said.read_line(&mut line).expect("text"), 0, "the watched process ended");
        if let Some((_, number)) = line.split_once(HERE) {
            break Pid::from_raw(number.trim().parse().expect("a number"));
        }
    };
    ptrace::seize(thread, ptrace::Options::PTRACE_O_EXITKILL).unwrap_or_else(|why| {
        panic!("This system does not let a process be watched by the one that started it (ptrace: {why}).")
    });
    child.stdin.take().expect("piped").write_all(b"go\n").expect("it listens");
    let mut counts = Vec::new();
    let mut counting = None;
    loop {
        match waitpid(thread, Some(WaitPidFlag::__WALL)).expect("it is watched") {
            WaitStatus::Stopped(_, Signal::SIGUSR1) => match counting.take() {
                None => counting = Some(0),
                Some(count) => counts.push(count),
            },
            WaitStatus::Stopped(_, Signal::SIGTRAP) => counting = counting.map(|count: u64| count + 1),
            WaitStatus::Exited(..) | WaitStatus::Signaled(..) => break,
            _ => {}
        }
        let go_on = if counting.is_some() { ptrace::step(thread, None) } else { ptrace::cont(thread, None) };
        if go_on.is_err() {
            break;
        }
    }
    io::copy(&mut said, &mut io::sink()).expect("the rest of what it says");
    assert!(child.wait().expect("it ends").success(), "the watched process failed");
    counts
}

/// `source.rs` shows that nonce, hashes and snapshots are compared by the same function.
// REQ: SECRET-07, JOSE-20
#[test]
fn a_wrong_state_is_as_wrong_in_its_last_octet() {
    if env::var_os(WATCHED).is_some() {
        return watched();
    }
    let counts = counts();
    let (plain, states) = counts.split_at(2);
    assert!(plain[0] + 20 < plain[1], "counting shows where a plain comparison stops: {plain:?}");
    assert_eq!(states.len(), 6);
    assert!(states[1..].iter().all(|count| *count == states[1] && *count > 100), "{states:?}");
    println!("a plain comparison: {plain:?} instructions; the state: {states:?}");
}
