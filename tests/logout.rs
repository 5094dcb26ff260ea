//! Signing out: what is owed to the server, and how the user agent comes back.

use keyfob_core::{
    client::Client,
    end_session::{EndSession, LogoutState, front_channel_logout},
    error::{Check, Error, ErrorCode, Name},
    flow::{Action as FlowAction, AuthorizationCode, Flow, RefreshToken},
    secret::Seed,
    session::{Event, SignInReason, Slot},
    sign_out::{Action, Outcome, SignOut},
};
use keyfob_tests::{
    answer::Answer,
    clients::{BOOTH, GAUGE, KIOSK, OTHER},
    clock::NOW,
    device::{Device, Flash, Issuer, Shown, Trouble},
    form, seeds,
    server::{Received, refusal},
};

type Owed = SignOut<'static, 128>;

/// A device that signs its users out.
struct Leaver {
    device: Device,
    owed: Owed,
    trace: Vec<String>,
}

fn owed(client: &'static Client<'static>) -> Owed {
    let seed = Seed::new(seeds::octets(9)).expect("a seed");
    SignOut::new(client, &seed).expect("the settings are right")
}

impl Leaver {
    fn signed_in(client: &'static Client<'static>) -> Self {
        let mut device = Device::new(client, 1);
        device.settle().expect("power");
        device.sign_in();
        assert!(matches!(device.settle(), Ok(Shown::Ready(..))));
        let mut leaver = Self { device, owed: owed(client), trace: Vec::new() };
        assert_eq!(leaver.rest(), Ok(Outcome::Nothing));
        leaver
    }

    /// Power comes back.
    fn reboot(&mut self) {
        self.device.reboot(1000);
        self.owed = owed(self.device.client);
    }

    /// Tells the server what there is to tell; or until when to wait.
    fn rest(&mut self) -> Result<Outcome, u64> {
        loop {
            if let Some(end) = self.step() {
                return end;
            }
        }
    }

    fn step(&mut self) -> Option<Result<Outcome, u64>> {
        let now = self.device.clock.now();
        let mut buffer = [0; 1024];
        let action = self.owed.poll(now, &mut buffer).expect("there is room");
        self.trace.push(format!("{action:?}"));
        let flash: &mut Flash = &mut self.device.flash;
        let event = match action {
            Action::Done(outcome) => return Some(Ok(outcome)),
            Action::Wait { until } => return Some(Err(until)),
            Action::Load { slot } => Event::Loaded(flash.slot(slot)),
            Action::Store { .. } | Action::Erase { .. } if flash.broken => Event::NotStored,
            Action::Store { slot, record } => {
                assert_eq!(slot, Slot::SignOut);
                *flash.slot(slot) = record.to_vec();
                flash.writes += 1;
                Event::Stored
            }
            Action::Erase { slot } => {
                flash.slot(slot).clear();
                Event::Stored
            }
            Action::Send(request) => {
                let keep = request.keep();
                let received = Received {
                    method: request.method().as_str().into(),
                    url: request.url().into(),
                    headers: Vec::new(),
                    body: String::from_utf8(request.body().to_vec()).expect("a form"),
                };
                let network = &mut self.device.network;
                match if network.is_empty() { Trouble::None } else { network.remove(0) } {
                    Trouble::None => {
                        let answer = self.device.issuer.borrow_mut().answer(received, now.uptime);
                        let (response, _) = answer.read(keep, &mut buffer);
                        self.owed.handle(now, Event::Response(response)).expect("it was asked for");
                        return None;
                    }
                    Trouble::NotSent => Event::NotSent,
                    _ => Event::Timeout,
                }
            }
            action => panic!("{action:?}"),
        };
        self.owed.handle(now, event).expect("it was asked for");
        None
    }

    /// The user signs out: first what is owed is stored, then the session is erased.
    fn sign_out(&mut self, access_token: bool) {
        self.owed.owe(&self.device.session, access_token).expect("there is room");
        while matches!(self.owed.poll(self.device.clock.now(), &mut [0; 1024]), Ok(Action::Store { .. })) {
            self.step();
        }
        self.device.session.sign_out();
        assert_eq!(self.device.settle(), Ok(Shown::SignIn(SignInReason::SignedOut)));
    }

    fn issuer(&self) -> std::cell::Ref<'_, Issuer> {
        self.device.issuer.borrow()
    }
}

/// What revocations came for, in turn.
fn revoked(issuer: &Issuer) -> Vec<(String, String)> {
    let of_revocation = issuer.received.iter().filter(|request| request.path() == "/revoke");
    let member = |request: &Received, name| form::in_body(request.body.as_bytes(), name);
    of_revocation.map(|request| (member(request, "token_type_hint"), member(request, "token"))).collect()
}

// REQ: REVOKE-05, REVOKE-04, LOGOUT-02, LOGOUT-08
#[test]
fn the_refresh_token_goes_first() {
    let mut leaver = Leaver::signed_in(&GAUGE);
    leaver.sign_out(true);
    // Before the server hears of it nothing is left of the session.
    assert!(leaver.device.flash.slots[..2].iter().all(Vec::is_empty));
    assert!(leaver.device.session.access_token(NOW).is_none());
    assert_eq!(leaver.issuer().count("/revoke"), 0);
    assert_eq!(leaver.rest(), Ok(Outcome::Revoked));
    let pair = |hint: &str, token: &str| (hint.to_owned(), token.to_owned());
    let expected = [pair("refresh_token", "refresh-1"), pair("access_token", "access-1")];
    assert_eq!(revoked(&leaver.issuer()), expected);
    assert!(!leaver.issuer().takes("access-1"));
    assert!(leaver.device.flash.slots.iter().all(Vec::is_empty));
    // One token unless asked for both.
    let mut leaver = Leaver::signed_in(&GAUGE);
    leaver.sign_out(false);
    assert_eq!(leaver.rest(), Ok(Outcome::Revoked));
    assert_eq!(revoked(&leaver.issuer()), expected[..1]);
}

// REQ: REVOKE-04, LOGOUT-02
#[test]
fn tokens_are_erased_whatever_the_server_says() {
    let unsupported = Outcome::Refused(Error::Refused(ErrorCode::UnsupportedTokenType));
    for (answer, outcome) in [
        (refusal(400, "unsupported_token_type"), Some(unsupported)),
        (refusal(401, "invalid_client"), Some(Outcome::Refused(Error::Refused(ErrorCode::InvalidClient)))),
        (Answer::new(404, "text/plain", ""), Some(Outcome::Refused(Check::HttpStatus(404).into()))),
        (Answer::new(503, "text/plain", ""), None),
        (Answer::new(302, "text/plain", ""), None),
    ] {
        let mut leaver = Leaver::signed_in(&GAUGE);
        leaver.device.issuer.borrow_mut().busy = vec![answer];
        leaver.sign_out(false);
        assert_eq!(leaver.rest().ok(), outcome);
        assert!(leaver.device.flash.slots[..2].iter().all(Vec::is_empty));
        assert_eq!(leaver.device.settle(), Ok(Shown::SignIn(SignInReason::SignedOut)));
        leaver.device.reboot(10);
        assert_eq!(leaver.device.settle(), Ok(Shown::SignIn(SignInReason::NeverSignedIn)));
    }
}

// REQ: REVOKE-03
#[test]
fn a_busy_server_is_asked_again() {
    let mut leaver = Leaver::signed_in(&GAUGE);
    let mut busy = Answer::new(503, "text/plain", "");
    busy.headers.push(("Retry-After".into(), "30".into()));
    leaver.device.issuer.borrow_mut().busy = vec![busy, refusal(503, "temporarily_unavailable")];
    leaver.sign_out(false);
    let until = leaver.rest().expect_err("it waits");
    let now = leaver.device.clock.now().uptime;
    assert!((30_000..34_000).contains(&(until - now)), "{until}");
    leaver.device.wait_until(until);
    let until = leaver.rest().expect_err("it waits again");
    leaver.device.wait_until(until);
    assert_eq!(leaver.rest(), Ok(Outcome::Revoked));
}

// REQ: REVOKE-06, LOGOUT-08
#[test]
fn a_server_that_takes_nothing_back() {
    static PLAIN: Client<'static> = Client::oauth(keyfob_tests::clients::SERVER, "gauge")
        .redirect_uri("com.example.gauge:/cb")
        .scope(&["read", "write", "offline_access"]);
    let mut leaver = Leaver::signed_in(&PLAIN);
    leaver.sign_out(true);
    assert_eq!(leaver.rest(), Ok(Outcome::LocalOnly));
    assert!(leaver.issuer().received.is_empty());
    assert!(leaver.device.flash.slots.iter().all(Vec::is_empty));
}

// REQ: REVOKE-07
#[test]
fn a_factory_reset_does_not_wait_for_long() {
    let mut leaver = Leaver::signed_in(&GAUGE);
    leaver.sign_out(true);
    leaver.owed.factory_reset(leaver.device.clock.now());
    leaver.device.network = vec![Trouble::NotSent; 100];
    let start = leaver.device.clock.now().uptime;
    let outcome = loop {
        match leaver.rest() {
            Ok(outcome) => break outcome,
            Err(until) => leaver.device.wait_until(until),
        }
    };
    assert_eq!(outcome, Outcome::GaveUp);
    assert_eq!(leaver.device.clock.now().uptime - start, 5001);
    assert!(leaver.trace.iter().filter(|action| action.starts_with("Send")).count() >= 2);
    assert!(leaver.device.flash.slots.iter().all(Vec::is_empty), "the next owner finds nothing");
    // With a network it is done within the time.
    let mut leaver = Leaver::signed_in(&GAUGE);
    leaver.sign_out(true);
    leaver.owed.factory_reset(leaver.device.clock.now());
    assert_eq!(leaver.rest(), Ok(Outcome::Revoked));
}

/// Offline, and off: what is owed is told when the device is back.
// REQ: REVOKE-04, SM-14
#[test]
fn an_outbox_for_devices_that_are_offline() {
    let mut leaver = Leaver::signed_in(&GAUGE);
    leaver.device.network = vec![Trouble::NotSent];
    leaver.sign_out(true);
    leaver.rest().expect_err("there is no network");
    assert_eq!(leaver.owed.len(), 2);
    leaver.reboot();
    assert_eq!(leaver.device.settle(), Ok(Shown::SignIn(SignInReason::NeverSignedIn)));
    // Meanwhile somebody else signs in; the two do not meet.
    leaver.device.sign_in();
    assert!(matches!(leaver.device.settle(), Ok(Shown::Ready(..))));
    assert_eq!(leaver.rest(), Ok(Outcome::Revoked));
    assert_eq!(leaver.issuer().revoked, ["refresh-1", "access-1"]);
    assert!(matches!(leaver.device.settle(), Ok(Shown::Ready(token, _)) if leaver.issuer().takes(&token)));
    assert!(leaver.device.flash.slots[2].is_empty());
}

/// A power cut after every action of a sign-out: the user is out, and the server hears of it.
// REQ: REVOKE-04, LOGOUT-02
#[test]
fn power_loss_while_signing_out() {
    for cut in 0..9 {
        let mut leaver = Leaver::signed_in(&GAUGE);
        leaver.device.next_refresh().expect("power");
        leaver.owed.owe(&leaver.device.session, false).expect("room");
        // Store; then erase twice; then send, and erase.
        for done in 0..cut {
            match done {
                0 => drop(leaver.step()),
                1 => leaver.device.session.sign_out(),
                2 | 3 => drop(leaver.device.step()),
                _ => drop(leaver.step()),
            }
        }
        leaver.reboot();
        let loaded = leaver.step();
        assert_eq!(loaded, None);
        let shown = [leaver.device.step(), leaver.device.step()];
        assert_eq!(shown, [Ok(None), Ok(None)]);
        let is_owed = leaver.owed.owes(&leaver.device.session);
        assert_eq!(is_owed, matches!(cut, 1..=3), "{cut}");
        if is_owed {
            // The session was not erased yet.
            leaver.device.session.sign_out();
        }
        let shown = leaver.device.settle();
        assert_eq!(matches!(shown, Ok(Shown::Ready(..))), cut == 0, "{cut}: {shown:?}");
        if cut == 0 {
            continue;
        }
        assert!(leaver.rest().is_ok());
        let revoked = leaver.issuer().revoked.clone();
        assert!(revoked.contains(&"refresh-2".to_owned()), "{cut}: {revoked:?}");
        assert!(leaver.device.flash.slots.iter().all(Vec::is_empty));
    }
}

#[test]
fn a_list_with_an_end() {
    let mut leaver = Leaver::signed_in(&GAUGE);
    leaver.device.network = vec![Trouble::Vanished; 100];
    for user in 1..=6 {
        leaver.sign_out(false);
        assert_eq!(leaver.owed.len(), user.min(4), "the oldest is left to expire");
        leaver.device.sign_in();
        leaver.device.settle().expect("power");
    }
    leaver.device.network.clear();
    leaver.device.clock.advance(10_000_000);
    assert_eq!(leaver.rest(), Ok(Outcome::Revoked));
    assert_eq!(leaver.issuer().revoked, ["refresh-3", "refresh-4", "refresh-5", "refresh-6"]);
    // The same token twice is owed once; a token without room is told of.
    leaver.owed.owe(&leaver.device.session, false).expect("room");
    leaver.owed.owe(&leaver.device.session, false).expect("room");
    assert_eq!(leaver.owed.len(), 1);
    let seed = Seed::new(seeds::octets(9)).expect("a seed");
    let mut tiny = SignOut::<'_, 8>::new(&GAUGE, &seed).expect("right");
    assert_eq!(tiny.owe(&leaver.device.session, false), Err(Error::Misuse), "the slot was not read");
    tiny.handle(NOW, Event::Loaded(&[])).expect("it was asked for");
    let outcome = tiny.owe(&leaver.device.session, false);
    assert_eq!(outcome, Err(Error::InputTooLarge(Name::RefreshToken)));
    assert!(tiny.is_empty());
    let mut other = owed(&OTHER);
    other.handle(NOW, Event::Loaded(&[])).expect("it was asked for");
    assert_eq!(other.owe(&leaver.device.session, false), Err(Error::Misuse));
}

/// A list that is damaged, or of another client, is dropped; so is one for which the store fails.
#[test]
fn a_store_that_fails_or_lies() {
    let mut leaver = Leaver::signed_in(&GAUGE);
    leaver.device.flash.broken = true;
    leaver.owed.owe(&leaver.device.session, false).expect("room");
    assert_eq!(leaver.rest(), Ok(Outcome::Revoked));
    let mut leaver = Leaver::signed_in(&GAUGE);
    leaver.device.network = vec![Trouble::NotSent];
    leaver.sign_out(false);
    leaver.rest().expect_err("no network");
    let record = leaver.device.flash.slots[2].clone();
    for bit in 0..record.len() * 8 {
        let mut list = owed(&GAUGE);
        let mut damaged = record.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        list.handle(NOW, Event::Loaded(&damaged)).expect("it was asked for");
        assert!(list.is_empty(), "{bit}");
        assert!(matches!(list.poll(NOW, &mut []), Ok(Action::Erase { slot: Slot::SignOut })));
    }
    let mut list = owed(&OTHER);
    list.handle(NOW, Event::Loaded(&record)).expect("it was asked for");
    assert!(list.is_empty());
    // A flow's snapshot is no list, and a list is no flow's snapshot.
    let flow = RefreshToken::<64>::new(&GAUGE, "refresh-1", None).expect("right");
    let mut snapshot = [0; 256];
    let length = flow.save(NOW, &mut snapshot).expect("goes on");
    let mut list = owed(&GAUGE);
    list.handle(NOW, Event::Loaded(&snapshot[..length])).expect("it was asked for");
    assert!(list.is_empty());
    assert_eq!(RefreshToken::<64>::restore(&GAUGE, &record, None).err(), Some(Error::Snapshot));
    // Buffers of every length, and a second poll.
    let mut list = owed(&GAUGE);
    list.handle(NOW, Event::Loaded(&record)).expect("it was asked for");
    let Err(Error::BufferTooSmall { needed }) = list.poll(NOW, &mut []) else { panic!("a request") };
    let mut out = vec![0; needed];
    for length in 0..needed {
        assert!(list.poll(NOW, &mut out[..length]).is_err());
    }
    let asked = |action: Result<Action<'_>, Error>| match action {
        Ok(Action::Send(request)) => request.body().to_vec(),
        other => panic!("{other:?}"),
    };
    let first = asked(list.poll(NOW, &mut out));
    assert_eq!(asked(list.poll(NOW, &mut out)), first);
    for event in [Event::Stored, Event::NotStored, Event::Loaded(&[])] {
        assert_eq!(list.handle(NOW, event), Err(Error::Misuse));
    }
}

// REQ: LOGOUT-05, LOGOUT-06
#[test]
fn coming_back() {
    let seed = || Seed::new(seeds::octets(5)).expect("a seed");
    let state = LogoutState::new(&seed());
    assert_eq!(state.as_str().len(), 43);
    assert_eq!(format!("{state:?}"), "…");
    // Of the same seed, and still another than that of a sign-in.
    let flow = AuthorizationCode::<64>::new(&KIOSK, seed(), NOW).expect("right");
    let mut out = [0; 2048];
    let Ok(FlowAction::Authorize(url)) = flow.poll(NOW, &mut out) else { panic!("a URL") };
    assert_ne!(form::in_url(url, "state"), state.as_str());
    assert_ne!(LogoutState::new(&Seed::new(seeds::octets(6)).expect("a seed")).as_str(), state.as_str());
    let wrong = Err(Check::StateMismatch.into());
    let right = state.as_str();
    for (url, outcome) in [
        (format!("https://app.example/bye?state={right}"), Ok(())),
        (format!("/bye?x=1&state={right}#state=x"), Ok(())),
        (format!("/bye?state={right}&state={right}"), wrong),
        (format!("/bye?state={right}x"), wrong),
        ("/bye?state=other".to_owned(), wrong),
        ("/bye?state=".to_owned(), wrong),
        ("/bye".to_owned(), wrong),
        (format!("/bye#state={right}"), wrong),
    ] {
        assert_eq!(state.check(&url), outcome, "{url}");
    }
    // Whatever it was, the user is out, and stays so.
    let mut leaver = Leaver::signed_in(&GAUGE);
    leaver.sign_out(false);
    assert!(state.check("/bye").is_err());
    assert_eq!(leaver.device.settle(), Ok(Shown::SignIn(SignInReason::SignedOut)));
}

// REQ: LOGOUT-01, LOGOUT-04, LOGOUT-07
#[test]
fn the_url_holds_no_token_that_is_good_for_anything() {
    static SERVED: Client<'static> =
        Client::oauth(keyfob_tests::clients::SERVER.end_session_endpoint("https://op.example/end"), "gauge")
            .redirect_uri("com.example.gauge:/cb")
            .scope(&["read", "offline_access"]);
    let mut leaver = Leaver::signed_in(&SERVED);
    let state = LogoutState::new(&Seed::new(seeds::octets(5)).expect("a seed"));
    leaver.sign_out(true);
    // The session is gone when there is a URL.
    assert!(leaver.device.flash.slots[..2].iter().all(Vec::is_empty));
    let end = EndSession::new(&SERVED).post_logout_redirect_uri("com.example.gauge:/bye", state.as_str());
    let mut out = [0; 512];
    let url = end.url(&mut out).expect("room");
    assert!(!url.contains("refresh-") && !url.contains("access-"), "{url}");
    assert_eq!(form::in_url(url, "post_logout_redirect_uri"), "com.example.gauge:/bye");
    assert_eq!(form::in_url(url, "state"), state.as_str());
}

// REQ: LOGOUT-12
#[test]
fn the_server_ends_a_session_through_the_browser() {
    let iss = "iss=https%3A%2F%2Fop.example";
    for (query, sid, outcome) in [
        (String::new(), Some("s1"), Ok(())),
        (format!("?{iss}&sid=s1"), Some("s1"), Ok(())),
        (format!("?{iss}&sid=s1"), None, Ok(())),
        (format!("?{iss}&sid=s2"), Some("s1"), Err(Check::BadParameter(Name::Sid))),
        ("?iss=https%3A%2F%2Fevil.example&sid=s1".to_owned(), Some("s1"), Err(Check::IssuerMismatch)),
        ("?sid=s1".to_owned(), Some("s1"), Err(Check::MissingParameter(Name::Iss))),
        (format!("?{iss}"), Some("s1"), Err(Check::MissingParameter(Name::Sid))),
        (format!("?{iss}&{iss}&sid=s1"), Some("s1"), Err(Check::DuplicateParameter(Name::Iss))),
    ] {
        let seen = front_channel_logout(&BOOTH, &format!("/logout{query}"), sid);
        assert_eq!(seen, outcome.map_err(Error::from), "{query}");
    }
}
