//! A session and its store, with the power cut before and after everything that it does, and in every write.

use keyfob_core::{
    error::{Error, ErrorCode},
    session::{Event, Session, SignInReason},
};
use keyfob_tests::{
    clients::{GAUGE, HOLDING_GAUGE},
    clock::NOW,
    device::{Device, Kept, Shown, Trouble, Write},
    proofs::Guard,
    seeds,
};

/// How a write may be left: every few octets, and at both ends.
fn writes() -> impl Iterator<Item = Write> {
    [Write::Old, Write::New].into_iter().chain((0..120).step_by(7).map(Write::Torn))
}

/// A life: start, sign in, refresh so many times. `false`: the power went.
fn live(device: &mut Device, refreshes: usize) -> bool {
    let Ok(shown) = device.come_up() else { return false };
    if let Shown::SignIn(_) = shown {
        device.sign_in();
        if device.come_up().is_err() {
            return false;
        }
    }
    (0..refreshes).all(|_| device.next_refresh().is_ok())
}

/// How many chances for a cut a life has.
fn chances(rotation: bool, refreshes: usize) -> usize {
    chances_of(device(rotation), refreshes)
}

fn chances_of(mut device: Device, refreshes: usize) -> usize {
    device.cut = Some((usize::MAX, Write::Old));
    assert!(live(&mut device, refreshes));
    device.cut.map_or(0, |(left, _)| usize::MAX - left)
}

fn device(rotation: bool) -> Device {
    let device = Device::new(&GAUGE, 1);
    device.issuer.borrow_mut().rotation = rotation;
    device
}

/// The same with a key for its tokens, at a server that wants to see a nonce in every proof.
fn holding(rotation: bool) -> Device {
    let device = Device::new(&HOLDING_GAUGE, 1);
    device.issuer.borrow_mut().rotation = rotation;
    device.issuer.borrow_mut().guard = Some(Guard::wanting(Some("a-nonce")));
    device
}

/// What must be true of every device that has power: it works, or it says why not.
fn check(device: &mut Device, signed_in: bool, what: &str) {
    let shown = device.come_up().expect("there is power");
    match &shown {
        Shown::Ready(token, _) => {
            assert!(device.issuer.borrow().takes(token), "{what}: {shown:?}");
            // It goes on to work, also through another restart.
            for _ in 0..2 {
                let refreshed = device.next_refresh().expect("there is power");
                let Shown::Ready(token, _) = refreshed else { panic!("{what}: {refreshed:?}") };
                assert!(device.issuer.borrow().takes(&token), "{what}");
            }
            device.reboot(1000);
            let again = device.come_up();
            assert!(matches!(again, Ok(Shown::Ready(..))), "{what}: {again:?}");
        }
        // Before the first record was whole there was nothing to lose.
        Shown::SignIn(SignInReason::NeverSignedIn | SignInReason::StoreDamaged) if !signed_in => {}
        other => panic!("{what}: {other:?}"),
    }
}

/// Whether the tokens of the sign-in were ever stored whole.
fn has_record(device: &Device) -> bool {
    let mut session: Kept = Session::new(device.client, &seeds::seed(1)).expect("right");
    for slot in &device.flash.slots[..2] {
        session.handle(NOW, Event::Loaded(slot)).expect("it is asked for");
    }
    !matches!(session.poll(NOW, &mut [0; 1024]), Ok(keyfob_core::session::Action::SignIn { .. }))
}

// REQ: REFRESH-04, REFRESH-10, STORE-01, SM-14, REFRESH-13
#[test]
fn one_cut_anywhere() {
    for (make, all) in [(device as fn(bool) -> Device, [15, 10]), (holding, [17, 12])] {
        for (rotation, all) in [true, false].into_iter().zip(all) {
            let chances = chances_of(make(rotation), 3);
            assert_eq!(chances, all, "the demand for a nonce is one more request");
            for chance in 0..chances {
                for how in writes() {
                    let mut device = make(rotation);
                    device.cut = Some((chance, how));
                    assert!(!live(&mut device, 3), "the power goes");
                    device.cut = None;
                    let signed_in = has_record(&device);
                    device.reboot(2000);
                    let what = format!("rotation {rotation}, cut {chance}, {how:?}");
                    check(&mut device, signed_in, &what);
                    assert_eq!(device.issuer.borrow().alarms, 0, "{what}");
                }
            }
        }
    }
}

/// The answer to a refresh is cut at every octet, in buffers of every length up to one that does; then the power
/// fails, or it does not.
// REQ: REFRESH-10, SM-14, JSON-04, HTTP-14
#[test]
fn an_answer_cut_at_every_octet_in_every_length() {
    let mut runs = 0;
    for (make, step) in [(device as fn(bool) -> Device, 9), (holding, 120)] {
        for rotation in [true, false] {
            let ready = || {
                let mut device = make(rotation);
                assert!(live(&mut device, 1));
                device.ask();
                device
            };
            let (whole, outcome) = ready().hear(usize::MAX, 0);
            let Err(Error::BufferTooSmall { needed }) = outcome else { panic!("{outcome:?}") };
            for length in (0..needed).step_by(step).chain([needed - 1, needed, 2048]) {
                for cut in 0..=whole {
                    for power_fails in [false, true] {
                        runs += 1;
                        let what =
                            format!("rotation {rotation}, {cut} of {whole} in {length}, {power_fails}");
                        let mut device = ready();
                        let (_, outcome) = device.hear(cut, length);
                        let fits = length >= needed;
                        match outcome {
                            Ok(()) => assert_eq!(device.session.trouble().is_none(), cut == whole, "{what}"),
                            Err(Error::BufferTooSmall { .. }) => assert!(!fits, "{what}"),
                            Err(error) => panic!("{what}: {error:?}"),
                        }
                        if power_fails {
                            device.reboot(500);
                        }
                        check(&mut device, true, &what);
                        assert_eq!(device.issuer.borrow().alarms, 0, "{what}");
                    }
                }
            }
        }
    }
    println!("{runs} answers");
    assert!(runs > 3_000);
}

/// The second cut hits the device while it recovers from the first.
// REQ: REFRESH-04, REFRESH-10, STORE-01
#[test]
fn two_cuts_anywhere() {
    let chances = chances(true, 2);
    let mut survived = 0;
    for first in 0..chances {
        for how in [Write::Old, Write::New, Write::Torn(0), Write::Torn(30), Write::Torn(90)] {
            for second in 0..16 {
                let mut device = device(true);
                device.cut = Some((first, how));
                assert!(!live(&mut device, 2));
                let signed_in = has_record(&device);
                device.reboot(500);
                device.cut = Some((second, how));
                let dark = device.next_refresh().is_err();
                device.cut = None;
                device.reboot(500);
                let what = format!("cut {first}, then {second}, {how:?}");
                check(&mut device, signed_in, &what);
                assert_eq!(device.issuer.borrow().alarms, 0, "{what}");
                survived += usize::from(dark && signed_in);
            }
        }
    }
    assert!(survived > 200, "{survived}");
}

/// Without a leeway the server takes a token once, and a lost answer is the end: but never in silence.
// REQ: REFRESH-10, REFRESH-08
#[test]
fn a_server_without_leeway() {
    let (mut worked, mut lost) = (0, 0);
    for chance in 0..chances(true, 3) {
        for how in writes() {
            let mut device = device(true);
            device.issuer.borrow_mut().leeway = 0;
            device.cut = Some((chance, how));
            assert!(!live(&mut device, 3));
            device.cut = None;
            let signed_in = has_record(&device);
            device.reboot(60_000);
            match device.come_up().expect("there is power") {
                Shown::Ready(token, _) => {
                    assert!(device.issuer.borrow().takes(&token));
                    worked += 1;
                }
                Shown::SignIn(SignInReason::AnswerLost) => {
                    let presented = device.issuer.borrow().presented();
                    let times = presented.iter().filter(|token| Some(*token) == presented.last()).count();
                    assert_eq!(times, 2, "once more, and no more: {presented:?}");
                    assert!(device.flash.slots.iter().all(Vec::is_empty), "nothing is left of it");
                    lost += 1;
                }
                Shown::SignIn(SignInReason::NeverSignedIn | SignInReason::StoreDamaged) if !signed_in => {}
                other => panic!("cut {chance}, {how:?}: {other:?}"),
            }
            // Whatever it was, the next sign-in works.
            if !matches!(device.settle(), Ok(Shown::Ready(..))) {
                device.sign_in();
                assert!(matches!(device.come_up(), Ok(Shown::Ready(..))));
            }
        }
    }
    assert!(worked > 100 && lost > 20, "{worked} {lost}");
}

/// A token that was replaced is never sent again: not by any record, whatever else happened.
// REQ: REFRESH-03, REFRESH-04
#[test]
fn no_token_comes_back_from_the_past() {
    for chance in 0..chances(true, 3) {
        for how in writes() {
            let mut device = device(true);
            device.cut = Some((chance, how));
            live(&mut device, 3);
            device.cut = None;
            for _ in 0..4 {
                device.reboot(1000);
                drop(device.come_up());
            }
            let presented = device.issuer.borrow().presented();
            let mut order: Vec<&String> = presented.iter().collect();
            order.dedup();
            let mut once = order.clone();
            once.sort();
            once.dedup();
            assert_eq!(order.len(), once.len(), "an older one came after a newer one: {presented:?}");
        }
    }
}

/// Signing out, cut anywhere: the user stays signed out, or the sign-out did not begin.
// REQ: LOGOUT-02, REVOKE-04
#[test]
fn a_cut_while_tokens_are_erased() {
    for chance in 0..4 {
        let mut device = device(true);
        assert!(live(&mut device, 2));
        let token = device.issuer.borrow().presented().last().cloned();
        device.session.sign_out();
        device.cut = Some((chance, Write::Old));
        assert!(device.come_up().is_err(), "{chance}");
        device.cut = None;
        device.reboot(1000);
        let shown = device.come_up().expect("there is power");
        // Erased in this order: the older first, so that it is never the only one.
        assert!(matches!(shown, Shown::Ready(..) | Shown::SignIn(SignInReason::NeverSignedIn)), "{shown:?}");
        assert_eq!(device.issuer.borrow().alarms, 0);
        assert_ne!(token, None);
    }
}

/// A session that has ended ends again.
// REQ: REFRESH-08
#[test]
fn a_cut_while_a_session_ends() {
    for chance in 0..8 {
        let mut device = device(true);
        assert!(live(&mut device, 2));
        device.issuer.borrow_mut().revoke_all();
        device.cut = Some((chance, Write::New));
        let shown = device.next_refresh();
        device.cut = None;
        if shown.is_err() {
            device.reboot(1000);
        }
        let end = device.come_up().expect("there is power");
        let known = [
            SignInReason::NeverSignedIn,
            SignInReason::AnswerLost,
            SignInReason::Refused(ErrorCode::InvalidGrant),
        ];
        assert!(known.iter().any(|reason| end == Shown::SignIn(*reason)), "{chance}: {end:?}");
        assert!(device.flash.slots.iter().all(Vec::is_empty));
    }
}

/// The same with a network that fails in every way, and restarts in between.
// REQ: REFRESH-09, REFRESH-10
#[test]
fn cuts_and_a_bad_network() {
    let troubles = [Trouble::None, Trouble::NotSent, Trouble::Lost, Trouble::Vanished];
    for number in 0..4usize.pow(4) {
        for chance in [3, 6, 9, 12] {
            let mut device = device(true);
            device.issuer.borrow_mut().leeway = 10_000_000;
            assert!(live(&mut device, 1));
            device.network = (0..4).map(|place| troubles[number / 4usize.pow(place) % 4]).collect();
            device.cut = Some((chance, Write::Torn(20)));
            let dark = device.next_refresh().is_err();
            device.cut = None;
            if dark {
                device.reboot(1000);
            }
            check(&mut device, true, &format!("network {number}, cut {chance}"));
            assert_eq!(device.issuer.borrow().alarms, 0);
        }
    }
}
