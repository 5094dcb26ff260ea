//! Every flow, cut after every step.

use keyfob_core::{
    client::Client,
    error::{Error, Name},
    flow::{Action, AuthorizationCode, Flow, RefreshToken},
};
use keyfob_tests::{
    clients::{BACKEND, HASTY, KIOSK, OTHER, POSTED, ROBOT, SERVER},
    clock::{NOW, later},
    seeds,
    stations::{ENOUGH, Happening, Kind, Station, Step, client_id, stations},
};
use sha2::{Digest, Sha256};

/// The octets that tell of damage, at the end of a snapshot.
const CHECKSUM: usize = 8;

fn saved(flow: &dyn Flow) -> Vec<u8> {
    let mut snapshot = [0; ENOUGH];
    let length = flow.save(NOW, &mut snapshot).expect("the flow goes on");
    snapshot[..length].to_vec()
}

fn running() -> impl Iterator<Item = Station> {
    stations().into_iter().filter(|station| !station.step.is_end())
}

/// The same snapshot with something changed, and its checksum right again.
fn forged(snapshot: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut body = snapshot[..snapshot.len() - CHECKSUM].to_vec();
    change(&mut body);
    let checksum = Sha256::digest(&body);
    [&body, &checksum[..CHECKSUM]].concat()
}

// REQ: SM-14, SM-06, SM-11
#[test]
fn a_restored_flow_goes_on_with_the_same_octets() {
    for station in running() {
        let before = station.hand.shown(&*station.flow);
        let snapshot = saved(&*station.flow);
        drop(station.flow);
        let mut flow = station.kind.restore(station.client, &snapshot, NOW).expect("nothing was changed");
        assert_eq!(station.hand.shown(&*flow), before, "{:?} {:?}", station.client, station.step);
        // And so on to the end, cut again after every step.
        let next = |flow: &mut Box<dyn Flow>| {
            let snapshot = saved(&**flow);
            let shown = station.hand.shown(&**flow);
            *flow = station.kind.restore(station.client, &snapshot, NOW).expect("nothing was changed");
            assert_eq!(station.hand.shown(&**flow), shown);
        };
        let mut redirect = station.redirect;
        let tokens = loop {
            next(&mut flow);
            let happening = match flow.poll(NOW, &mut [0; ENOUGH]).expect("the flow goes on") {
                Action::Authorize(_) => {
                    Happening::Redirect(redirect.take().unwrap_or_else(|| station.hand.visit(&*flow)))
                }
                Action::Connected(_) | Action::Display(_) => {
                    flow = station.hand.let_pass(station.kind, station.client, &*flow);
                    continue;
                }
                _ => Happening::Response(station.hand.answer(&*flow).0),
            };
            if let Some(tokens) = station.hand.tell(&mut *flow, &happening).expect("the answer is right") {
                break tokens;
            }
        };
        assert!(!tokens.access_token.is_empty());
        assert_eq!(flow.save(NOW, &mut [0; ENOUGH]), Err(Error::Misuse), "nothing is left to save");
    }
}

// REQ: SM-14, REDIR-24, CLOCK-05
#[test]
fn a_restored_flow_has_the_time_that_was_left() {
    let station = Station::code(&HASTY, Step::Exchange);
    let mut snapshot = [0; 512];
    let length = station.flow.save(later(40_000), &mut snapshot).expect("the flow goes on");
    // The count of the uptime starts again, or anywhere.
    for start in [0, 7_000_000_000] {
        let restored = station.kind.restore(&HASTY, &snapshot[..length], later(start)).expect("right");
        assert!(restored.poll(later(start + 20_000), &mut [0; ENOUGH]).is_ok());
        let mut out = [0; ENOUGH];
        let late = restored.poll(later(start + 20_001), &mut out);
        assert!(late.is_err_and(|error| error == Error::Expired));
    }
    let length = station.flow.save(later(100_000), &mut snapshot).expect("it can be saved too late");
    let restored = station.kind.restore(&HASTY, &snapshot[..length], NOW);
    assert!(restored.is_err_and(|error| error == Error::Expired));
}

// REQ: SM-14
#[test]
fn a_snapshot_of_somebody_else_is_refused() {
    static NARROW: Client<'static> = KIOSK.scope(&["openid"]);
    static JOINED: Client<'static> = KIOSK.scope(&["openidemail", "offline_access"]);
    static ELSEWHERE: Client<'static> = KIOSK.redirect_uri("https://app.example/cb2");
    static RENAMED: Client<'static> = Client::new(SERVER, "kiosk2")
        .redirect_uri("https://app.example/cb")
        .scope(&["openid", "email", "offline_access"]);
    static MOVED: Client<'static> = Client::new(SERVER.token_endpoint("https://op.example/token2"), "kiosk")
        .redirect_uri("https://app.example/cb")
        .scope(&["openid", "email", "offline_access"]);
    let changed: [&'static Client<'static>; 4] = [&NARROW, &JOINED, &RENAMED, &MOVED];
    let others: [&'static Client<'static>; 5] = [&KIOSK, &BACKEND, &POSTED, &ROBOT, &OTHER];
    for station in running() {
        let snapshot = saved(&*station.flow);
        let others = others.into_iter().filter(|other| client_id(other) != client_id(station.client));
        for other in changed.into_iter().chain(others) {
            let restored = station.kind.restore(other, &snapshot, NOW).err();
            assert_eq!(restored, Some(Error::Snapshot), "{:?} for {other:?}", station.client);
        }
        // Only a code is bound to where it was sent.
        if client_id(station.client) == "kiosk" {
            let restored = station.kind.restore(&ELSEWHERE, &snapshot, NOW).err();
            let bound = matches!(station.kind, Kind::AuthorizationCode | Kind::Relayed);
            assert_eq!(restored, bound.then_some(Error::Snapshot), "{:?}", station.kind);
        }
        for kind in Kind::ALL.into_iter().filter(|kind| *kind != station.kind) {
            assert_eq!(kind.restore(station.client, &snapshot, NOW).err(), Some(Error::Snapshot));
        }
    }
}

// REQ: SM-14
#[test]
fn a_damaged_snapshot_is_refused() {
    for station in running() {
        let snapshot = saved(&*station.flow);
        let restore = |octets: &[u8]| station.kind.restore(station.client, octets, NOW).err();
        for length in 0..snapshot.len() {
            assert_eq!(restore(&snapshot[..length]), Some(Error::Snapshot), "cut to {length}");
        }
        assert_eq!(restore(&[&snapshot[..], &[0]].concat()), Some(Error::Snapshot));
        for place in 0..snapshot.len() {
            for bit in 0..8 {
                let mut flipped = snapshot.clone();
                flipped[place] ^= 1 << bit;
                assert_eq!(restore(&flipped), Some(Error::Snapshot), "bit {bit} of octet {place}");
            }
        }
        // Another version, and steps that are none, are refused with a right checksum too.
        for version in (0..=255).filter(|version| *version != snapshot[0]) {
            let other = forged(&snapshot, |body| body[0] = version);
            assert_eq!(restore(&other), Some(Error::Snapshot), "version {version}");
        }
        let pushes = matches!(snapshot[2], 2..=4) && station.kind == Kind::AuthorizationCode;
        let known = match station.kind {
            Kind::AuthorizationCode if pushes => 2..5,
            Kind::DeviceAuthorization => 0..3,
            Kind::JwtBearer => 2..4,
            Kind::Relayed => match (station.step, client_id(station.client)) {
                (Step::Push, _) => 0..1,
                (Step::Exchange, _) => 7..8,
                (_, "signing") => 1..7,
                _ => 1..5,
            },
            _ => 0..2,
        };
        let paired = |step| station.kind == Kind::Relayed && station.step != Step::Push && step == 6;
        for step in (0..=255).filter(|step| !known.contains(step) && !paired(*step)) {
            let other = forged(&snapshot, |body| body[2] = step);
            assert_eq!(restore(&other), Some(Error::Snapshot), "step {step}");
        }
    }
}

// REQ: SM-14, ERR-10
#[test]
fn no_snapshot_makes_a_flow_panic() {
    for station in running() {
        let snapshot = saved(&*station.flow);
        for place in 0..snapshot.len() - CHECKSUM {
            for octet in [0, 1, 0x0A, 0x7F, 0x80, 0xFF] {
                let other = forged(&snapshot, |body| body[place] = octet);
                let Ok(mut flow) = station.kind.restore(station.client, &other, NOW) else { continue };
                let _ = station.hand.shown(&*flow);
                let _ = flow.handle(NOW, keyfob_core::flow::Event::NotSent);
                assert_eq!(flow.refusal(), None);
            }
        }
        for length in 0..snapshot.len() - CHECKSUM {
            let other = forged(&snapshot, |body| body.truncate(length));
            if let Ok(flow) = station.kind.restore(station.client, &other, NOW) {
                let _ = station.hand.shown(&*flow);
            }
        }
    }
}

// REQ: MEM-05, SM-14
#[test]
fn a_snapshot_needs_its_room() {
    let code = saved(&*Station::code(&KIOSK, Step::Exchange).flow);
    let small = AuthorizationCode::<8>::restore(&KIOSK, &code, NOW);
    assert_eq!(small.err(), Some(Error::InputTooLarge(Name::Code)));
    let refresh = saved(&*Station::refresh(&KIOSK, Step::Send).flow);
    let small = RefreshToken::<8>::restore(&KIOSK, &refresh, None);
    assert_eq!(small.err(), Some(Error::InputTooLarge(Name::RefreshToken)));
}

// REQ: SM-06
#[test]
fn octets_change_only_with_the_step() {
    let mut flow = AuthorizationCode::<64>::new(&KIOSK, seeds::seed(1), NOW).expect("right");
    let first = saved(&flow);
    for _ in 0..100 {
        let mut out = [0; ENOUGH];
        assert!(flow.poll(NOW, &mut out).is_ok());
        assert!(flow.handle(NOW, keyfob_core::flow::Event::Timeout).is_err());
        assert_eq!(saved(&flow), first);
    }
    let station = Station::refresh(&KIOSK, Step::Send);
    assert_eq!(saved(&*station.flow), saved(&*Station::refresh(&KIOSK, Step::Send).flow));
    assert_ne!(saved(&*station.flow), saved(&*Station::refresh(&KIOSK, Step::SendAgain).flow));
}
