//! Sessions whose tokens serve only who holds a key (RFC 9449 §5), and keys that take their time.

use std::sync::atomic::Ordering;

use keyfob_core::{
    client::Client,
    client_authentication::ClientAuthentication,
    dpop::Dpop,
    error::{Check, Error},
    jws::{Algorithm, EdDsaSigner, Key, MAX_SIGNATURE, SignError, Signer},
    secret::Seed,
    session::SignInReason,
    sign_out::{Outcome, SignOut},
    token::TokenType,
};
use keyfob_tests::{
    answer::Answer,
    clients::{GAUGE, HOLDING_GAUGE},
    clock::TestClock,
    device::{self, Device, Flash, Kept, Net, Shown},
    executor::block_on,
    proofs::{CLIENT_KEY, Guard, HOLDER, Jwt, Slow, thumbprint},
    seeds,
};

fn guarded(nonce: Option<&'static str>) -> Device {
    let device = Device::new(&HOLDING_GAUGE, 1);
    device.issuer.borrow_mut().guard = Some(Guard::wanting(nonce));
    device
}

fn ready(shown: Result<Shown, device::Dark>) -> String {
    match shown {
        Ok(Shown::Ready(token, _)) => token,
        other => panic!("{other:?}"),
    }
}

/// One key for the life of the refresh token; a demand for a nonce costs one round trip, and then no more until the
/// next restart.
// REQ: REFRESH-13, DPOP-05, DPOP-08, DPOP-10
#[test]
fn a_bound_session_goes_on() {
    let mut device = guarded(Some("a-nonce"));
    device.settle().expect("power");
    device.sign_in();
    ready(device.come_up());
    let mut requests = Vec::new();
    for refresh in 0..6 {
        if refresh == 3 {
            device.reboot(1000);
            ready(device.come_up());
        } else {
            ready(device.next_refresh());
        }
        requests.push(device.issuer.borrow().count("/token"));
        let token = device.session.access_token(device.clock.now()).expect("it is ready");
        assert_eq!(token.token_type(), TokenType::Dpop);
        assert!(device.issuer.borrow().takes(token.expose()));
        // The answer's own nonce is the one for the next request.
        let guard = device.issuer.borrow().guard.clone().expect("there is one");
        assert_eq!(guard.proofs.len(), refresh + 1);
        assert_eq!(guard.proofs[refresh].claims["nonce"], "a-nonce");
    }
    assert_eq!(requests, [2, 3, 4, 6, 7, 8], "the first of each life is asked for the nonce");
    let issuer = device.issuer.borrow();
    let proofs: Vec<_> = issuer
        .received
        .iter()
        .map(|request| Jwt::read(request.header("DPoP").expect("every request has a proof")))
        .collect();
    let key = thumbprint(&proofs[0].header["jwk"]);
    assert!(proofs.iter().all(|proof| thumbprint(&proof.header["jwk"]) == key));
    let mut names: Vec<_> = proofs.iter().map(|proof| proof.claims["jti"].to_string()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), proofs.len());
}

/// With another key, or without one, what is stored is of no use: somebody signs in, and no request is made.
// REQ: REFRESH-13
#[test]
fn another_key_is_told_before_any_request() {
    let mut device = guarded(None);
    device.settle().expect("power");
    device.sign_in();
    ready(device.come_up());
    let other: &'static EdDsaSigner<'static> =
        Box::leak(Box::new(EdDsaSigner::new(&[7; 32]).expect("a key")));
    let changed: &'static Client<'static> = Box::leak(Box::new(GAUGE.dpop(Dpop::new(other))));
    for client in [changed, &GAUGE] {
        let mut thief = Device::found(client, device.flash.clone());
        assert_eq!(thief.come_up(), Ok(Shown::SignIn(SignInReason::ClientChanged)));
        assert_eq!(thief.issuer.borrow().received.len(), 0);
    }
    // And the other way round: tokens without a key are not taken for bound ones.
    let mut plain = Device::new(&GAUGE, 1);
    plain.settle().expect("power");
    plain.sign_in();
    ready(plain.come_up());
    let mut found = Device::found(&HOLDING_GAUGE, plain.flash.clone());
    assert_eq!(found.come_up(), Ok(Shown::SignIn(SignInReason::ClientChanged)));
}

/// A bearer token in place of a bound one is not used; a client that only prefers bound ones says what it has.
// REQ: REFRESH-13, TOKEN-18
#[test]
fn a_bearer_token_is_told_from_a_bound_one() {
    let mut device = guarded(None);
    device.settle().expect("power");
    device.sign_in();
    ready(device.come_up());
    device.issuer.borrow_mut().shape = Some(|answer| answer["token_type"] = "Bearer".into());
    let Shown::Ready(_, Some(until)) = device.come_up().expect("power") else { panic!("a token") };
    device.wait_until(until);
    let shown = device.settle().expect("power");
    assert_eq!(device.session.trouble(), Some(Check::DpopDowngrade.into()), "{shown:?}");
    device.clock.advance(3_600_000);
    assert!(device.session.access_token(device.clock.now()).is_none());

    let prefers: &'static Client<'static> = Box::leak(Box::new(GAUGE.dpop(Dpop::new(&*HOLDER).prefer())));
    let mut device = Device::new(prefers, 1);
    device.settle().expect("power");
    device.sign_in();
    let kind =
        |device: &Device| device.session.access_token(device.clock.now()).map(|token| token.token_type());
    ready(device.come_up());
    assert_eq!(kind(&device), Some(TokenType::Bearer));
    device.issuer.borrow_mut().shape = Some(|answer| answer["token_type"] = "DPoP".into());
    ready(device.next_refresh());
    assert_eq!(kind(&device), Some(TokenType::Dpop));
    assert_eq!(format!("{:?}", device.session.access_token(device.clock.now())), "Some(AccessToken(…))");
}

/// A client's key in a secure element, which is waited for, or never comes to an end.
#[derive(Default)]
struct Element {
    slow: Slow,
    dead: bool,
}

impl Signer for Element {
    fn algorithm(&self) -> Algorithm {
        CLIENT_KEY.algorithm()
    }
    fn public_key(&self) -> Key<'_> {
        CLIENT_KEY.public_key()
    }
    fn key_id(&self) -> Option<&str> {
        CLIENT_KEY.key_id()
    }
    fn sign(&self, message: &[u8], signature: &mut [u8; MAX_SIGNATURE]) -> Result<usize, SignError> {
        if self.dead {
            return Err(SignError::Pending);
        }
        self.slow.sign(message, signature)?;
        CLIENT_KEY.sign(message, signature)
    }
}

type Owed = SignOut<'static, 128>;

/// A session through a driver, with a key of the client and one of its tokens in a secure element.
struct Life {
    kept: Kept,
    owed: Owed,
    flash: Flash,
    net: Net,
    clock: TestClock,
    buffer: [u8; 2048],
    chip: bool,
}

impl Life {
    fn new(client: &'static Client<'static>, chip: bool) -> Self {
        let seed = Seed::new(seeds::octets(1)).expect("a seed");
        let net = Net::default();
        net.issuer().guard = Some(Guard::wanting(Some("a-nonce")));
        let mut life = Self {
            kept: Kept::new(client, &seed).expect("the settings are right"),
            owed: SignOut::new(client, &seed).expect("the settings are right"),
            flash: Flash::default(),
            net,
            clock: TestClock::default(),
            buffer: [0; 2048],
            chip,
        };
        assert!(life.keep_fresh().is_err(), "nobody has signed in");
        let answer = Answer::json(200, &life.net.issuer().sign_in());
        device::sign_in(&mut life.kept, client, life.clock.now(), &answer).expect("the tokens fit");
        life
    }

    fn keep_fresh(&mut self) -> Result<(), Option<Error>> {
        let Self { kept, flash, net, clock, buffer, chip, .. } = self;
        if *chip {
            use keyfob_embassy::session::{Unavailable, keep_fresh};
            block_on(keep_fresh(kept, flash, net, clock, buffer)).map(drop).map_err(|error| match error {
                Unavailable::Session(error) => Some(error),
                _ => None,
            })
        } else {
            use keyfob_std::session::{Unavailable, keep_fresh};
            keep_fresh(kept, flash, net, clock, buffer).map(drop).map_err(|error| match error {
                Unavailable::Session(error) => Some(error),
                _ => None,
            })
        }
    }

    fn sign_out(&mut self) -> Result<Outcome, Option<Error>> {
        let Self { kept, owed, flash, net, clock, buffer, chip } = self;
        if *chip {
            use keyfob_embassy::session::{Unavailable, sign_out};
            block_on(sign_out(kept, owed, true, flash, net, clock, buffer)).map_err(|error| match error {
                Unavailable::Session(error) => Some(error),
                _ => None,
            })
        } else {
            use keyfob_std::session::{Unavailable, sign_out};
            sign_out(kept, owed, true, flash, net, clock, buffer).map_err(|error| match error {
                Unavailable::Session(error) => Some(error),
                _ => None,
            })
        }
    }
}

/// Both drivers wait for a signature, also in the life of a session and at its end, and ask for the same octets.
// REQ: DPOP-21, REFRESH-13, REVOKE-04
#[test]
fn a_slow_signer_is_waited_for() {
    for chip in [false, true] {
        let key: &'static Element = Box::leak(Box::default());
        let holder: &'static Slow = Box::leak(Box::default());
        let client = GAUGE.authentication(ClientAuthentication::private_key_jwt(key)).dpop(Dpop::new(holder));
        let mut life = Life::new(Box::leak(Box::new(client)), chip);
        life.keep_fresh().expect("signed in");
        life.clock.advance(3_590_000);
        // The guard sees the date of the request.
        life.net.issuer().guard.as_mut().expect("there is one").date =
            Some(keyfob_tests::clock::TODAY + 3_590);
        let before = life.clock.now().uptime;
        life.keep_fresh().expect("in time");
        let begun = || [&key.slow, holder].map(|slow| slow.begun.load(Ordering::Relaxed));
        assert_eq!(begun(), [2, 2], "both for a request and for its repetition with the nonce");
        assert_eq!(life.clock.now().uptime - before, 40, "two naps for each request: both are made at once");
        assert_eq!(life.net.issuer().count("/token"), 2);
        assert!(life.kept.access_token(life.clock.now()).is_some_and(|token| token.expose() == "access-2"));
        // A sign-out is signed by the client alone: the refresh token, then the access token.
        assert_eq!(life.sign_out(), Ok(Outcome::Revoked));
        assert_eq!(begun(), [4, 2]);
        assert_eq!(life.net.issuer().revoked, ["refresh-2", "access-2"]);
        assert!(life.flash.slots.iter().all(Vec::is_empty));
        assert_eq!(life.net.issuer().guard.as_ref().map(|guard| guard.assertions.len()), Some(4));
    }
}

/// A signer that never comes to an end is given up, and costs nothing: the session stays as it is, and a user who
/// signs out is out.
// REQ: DPOP-21, LOGOUT-02
#[test]
fn a_dead_signer_is_given_up() {
    for chip in [false, true] {
        let key: &'static Element = Box::leak(Box::new(Element { dead: true, ..Element::default() }));
        let client =
            GAUGE.authentication(ClientAuthentication::private_key_jwt(key)).dpop(Dpop::new(&*HOLDER));
        let mut life = Life::new(Box::leak(Box::new(client)), chip);
        life.keep_fresh().expect("signed in");
        life.clock.advance(3_590_000);
        assert_eq!(life.keep_fresh(), Err(Some(Error::SignaturePending)));
        assert_eq!(life.sign_out(), Err(Some(Error::SignaturePending)));
        assert_eq!(life.net.issuer().received.len(), 0);
        assert!(life.kept.access_token(life.clock.now()).is_none());
        assert!(life.flash.slots[..2].iter().all(Vec::is_empty), "the session is erased");
        assert!(!life.flash.slots[2].is_empty(), "and what is owed is noted");
    }
}
