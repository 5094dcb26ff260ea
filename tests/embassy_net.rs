//! The chip's driver, its HTTP client and `embassy-net`, against a server on another stack: a wire that loses, doubles and
//! delays frames, cuts, names that nobody knows, and addresses that change.

use std::{
    cell::RefCell,
    rc::Rc,
    sync::{Arc, Mutex},
    time::Duration,
};

use embassy_net::{ConfigV4, Ipv4Address, tcp::client::TcpClientState};
use embassy_time::Timer;
use keyfob_core::{
    error::Error,
    exchange::{Jwks, Revocation},
    http::HttpErrorKind,
    session::SignInReason,
    time::{Date, Now, UnixTime},
};
use keyfob_embassy::{
    Clock, Failure, SystemClock, fetch,
    http::Client,
    net::{EmbassyNet, PlainError},
    session::{Unavailable, keep_fresh},
};
use keyfob_tests::{
    answer::Answer,
    clients::{GAUGE, KIOSK},
    clock::{NOW, TODAY, TestClock},
    conversation::{Conversation, DEVICE, OWN, SIGN_IN},
    device::{self, Flash, Issuer, Kept},
    ether::{Bare, Device, Ether, FINE, Weather, address, joined},
    link::Link,
    outcome::{Outcome, Tokens},
    person::{Deed, Person},
    seeds,
    server::{Received, SUBJECT},
    time_driver::{Task, elapsed, simulate},
    wire::{Framing, OverWire, Said, Served, Site, Then},
};

/// Sockets with buffers as small as a chip's.
type Sockets = TcpClientState<1, 1024, 1024>;

/// What happens beside the conversation.
type Beside = fn(Rc<Ether>, Device) -> Task<'static>;

/// Signs in over the wire, and tells how it ended, with the time that it took.
fn run(
    conversation: &Conversation,
    framing: Framing,
    ether: &Rc<Ether>,
    beside: Beside,
) -> (Outcome, Link, u64) {
    let (link, mut flow) = conversation.prepare();
    let site = Rc::new(RefCell::new(Served { link: link.clone(), framing }));
    let (device, mut tasks) = joined(ether, site);
    let sockets = Sockets::new();
    let way = Bare(EmbassyNet::new(device.stack, &sockets));
    tasks.push(beside(ether.clone(), device));
    let mut http = OverWire::<_> { client: Client::new(&way), link: link.clone() };
    let mut person = Person::new(link.clone(), conversation.deeds);
    let mut clock = Both(clock(), link.world().clock.clone());
    let mut buffer = [0; 8192];
    let done = |tokens: keyfob_core::token::TokenResponse<'_>| Tokens::of(&tokens);
    let run = async {
        let run =
            keyfob_embassy::run(&mut *flow, &mut http, &mut person, &mut clock, &mut buffer, done).await;
        (run, elapsed())
    };
    let (outcome, time) = simulate(run, tasks);
    assert_eq!(link.server().reused, 0, "nothing is sent twice that is good for one use");
    (outcome.into(), link, time)
}

/// A clock that knows the date.
fn clock() -> SystemClock {
    let mut clock = SystemClock::new();
    clock.set(Date::Known(UnixTime::from_seconds(TODAY)));
    clock
}

/// The same, which takes the person's along.
struct Both(SystemClock, TestClock);

impl Clock for Both {
    fn now(&mut self) -> Now {
        let now = self.0.now();
        self.1.advance(now.uptime - self.1.now().uptime);
        now
    }

    async fn sleep(&mut self, duration: Duration) {
        self.0.sleep(duration).await;
    }
}

const NOTHING: Beside = |_, device| {
    Box::pin(async move {
        std::future::pending::<()>().await;
        drop(device);
    })
};

fn is_alice(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Tokens(tokens) if tokens.subject.as_deref() == Some(SUBJECT))
}

const PATIENT: Conversation = Conversation { deeds: &[Deed::Wait(12_000), Deed::Return], ..DEVICE };

// REQ: DRV-07, HTTP-26
#[test]
fn in_fine_weather() {
    for framing in [Framing::Length, Framing::Chunked(100), Framing::Close] {
        for (conversation, requests, connections) in [(SIGN_IN, 2, 1), (DEVICE, 4, 3), (OWN, 1, 1)] {
            let ether = Ether::new(FINE, 1);
            let (outcome, _, time) = run(&conversation, framing, &ether, NOTHING);
            assert!(matches!(outcome, Outcome::Tokens(_)), "{}: {outcome:?}", conversation.name);
            let (seen, carried) = (ether.traffic.requests.get(), ether.carried.get());
            assert_eq!(seen, requests, "{}", conversation.name);
            let connections = if framing == Framing::Close { requests } else { connections };
            assert_eq!(ether.traffic.connections.get(), connections, "{}", conversation.name);
            println!("{}, {framing:?}: {carried} octets on the wire, {time} ms", conversation.name);
        }
    }
}

/// Whatever the wire does to single frames, TCP and the driver make good for it.
// REQ: DRV-07, HTTP-17
#[test]
fn in_bad_weather() {
    for seed in 0..20 {
        for weather in [
            Weather { loss: 0, doubles: 300, delay: 50_000 },
            Weather { loss: 50, doubles: 50, delay: 5000 },
            Weather { loss: 100, doubles: 0, delay: 0 },
        ] {
            for conversation in [SIGN_IN, PATIENT] {
                let ether = Ether::new(weather, seed);
                let (outcome, ..) = run(&conversation, Framing::Length, &ether, NOTHING);
                assert!(is_alice(&outcome), "{}, {seed}, {weather:?}: {outcome:?}", conversation.name);
            }
        }
    }
}

/// A wire on which hardly anything arrives: it ends in time, and says why.
// REQ: HTTP-17, HTTP-24
#[test]
fn in_a_storm() {
    let (mut good, mut bad) = (0, 0);
    for seed in 0..20 {
        let ether = Ether::new(Weather { loss: 500, doubles: 100, delay: 100_000 }, seed);
        let (outcome, _, time) = run(&SIGN_IN, Framing::Length, &ether, NOTHING);
        match outcome {
            Outcome::Tokens(_) => good += 1,
            Outcome::Http { kind, maybe_sent } => {
                bad += 1;
                assert!(["Timeout", "Resolve", "Connect", "Protocol"].contains(&kind.as_str()), "{kind}");
                assert!(time <= 3 * 10_000 + 3000 + 2 * 30_000, "{maybe_sent}: {time}");
            }
            other => panic!("{other:?}"),
        }
    }
    println!("{good} of 20 sign-ins succeed where every second frame is lost");
    assert!(good > 0 && bad > 0, "{good}, {bad}");
}

/// The wire is cut at every moment of a sign-in, for a short while or for good.
// REQ: HTTP-17, HTTP-18, DRV-07
#[test]
fn cut_at_any_moment() {
    thread_local! {
        static WHEN: std::cell::Cell<(u64, u64)> = const { std::cell::Cell::new((0, 0)) };
    }
    let cut: Beside = |ether, device| {
        Box::pin(async move {
            let (at, length) = WHEN.get();
            Timer::after_millis(at).await;
            ether.cut.set(true);
            Timer::after_millis(length).await;
            ether.cut.set(false);
            std::future::pending::<()>().await;
            drop(device);
        })
    };
    let ether = Ether::new(FINE, 1);
    let (_, _, whole) = run(&SIGN_IN, Framing::Length, &ether, NOTHING);
    let mut ends = [0; 3];
    for at in 0..=whole {
        for (place, length) in [2500, 25_000, u64::MAX / 2000].into_iter().enumerate() {
            WHEN.set((at, length));
            let ether = Ether::new(FINE, 1);
            let (outcome, link, time) = run(&SIGN_IN, Framing::Length, &ether, cut);
            match outcome {
                Outcome::Tokens(_) => ends[place] += 1,
                Outcome::Http { kind, maybe_sent } => {
                    let sent = link.server().count("/token") > 0;
                    assert!(maybe_sent || !sent || kind != "Protocol", "{at}, {length}: {kind}");
                    assert!(time <= 3 * 10_000 + 3000 + 30_000, "{time}");
                }
                Outcome::Flow(Error::AnswerLost) => {}
                other => panic!("{at}, {length}: {other:?}"),
            }
        }
    }
    // A short cut is made good for, and of a long one nothing is left once the tokens are there.
    let moments = whole + 1;
    println!("signed in after a cut of 2.5 s, 25 s and for ever: {ends:?} of {moments}");
    assert_eq!(ends[0], moments);
    assert!(ends[2] < moments && ends[2] > 0);
}

// REQ: HTTP-18, DRV-09
#[test]
fn names() {
    const ELSEWHERE: Conversation = Conversation { client: &keyfob_tests::clients::STRANGER, ..OWN };
    let (outcome, _, time) = run(&ELSEWHERE, Framing::Length, &Ether::new(FINE, 1), NOTHING);
    // Three tries, and a second and two between them.
    assert_eq!(outcome, Outcome::Http { kind: "Resolve".into(), maybe_sent: false });
    assert!((3000..3100).contains(&time), "{time}");
    // Nobody answers.
    let ether = Ether::new(FINE, 1);
    ether.names.set(false);
    let (outcome, _, time) = run(&OWN, Framing::Length, &ether, NOTHING);
    assert_eq!(outcome, Outcome::Http { kind: "Timeout".into(), maybe_sent: false });
    assert_eq!(time, 3 * 10_000 + 3000);
    // Somebody answers late.
    let ether = Ether::new(FINE, 1);
    ether.names.set(false);
    let later: Beside = |ether, device| {
        Box::pin(async move {
            Timer::after_millis(15_000).await;
            ether.names.set(true);
            std::future::pending::<()>().await;
            drop(device);
        })
    };
    let (outcome, ..) = run(&OWN, Framing::Length, &ether, later);
    assert!(matches!(outcome, Outcome::Tokens(_)), "{outcome:?}");
}

/// Without an address, or without a link, a request waits for its time, and is tried again.
// REQ: HTTP-18
#[test]
fn no_address_and_no_link() {
    let lost: [(Beside, bool); 4] = [
        (|_, device| down(device, 0, 4000, true), true),
        (|_, device| down(device, 0, 4000, false), true),
        (|_, device| down(device, 0, 20_000, true), true),
        (|_, device| down(device, 0, 100_000, false), false),
    ];
    for (place, (beside, good)) in lost.into_iter().enumerate() {
        let (outcome, _, time) = run(&OWN, Framing::Length, &Ether::new(FINE, 1), beside);
        if good {
            assert!(matches!(outcome, Outcome::Tokens(_)), "{place}: {outcome:?}");
        } else {
            assert_eq!(outcome, Outcome::Http { kind: "Timeout".into(), maybe_sent: false });
            assert_eq!(time, 3 * 10_000 + 3000);
        }
    }
    // In the middle of a device grant, while the user looks for the phone.
    for beside in [
        (|_, device| down(device, 7000, 3000, true)) as Beside,
        |_, device| down(device, 7000, 3000, false),
        |_, device| down(device, 7000, 60_000, true),
        |_, device| down(device, 7000, 60_000, false),
    ] {
        let (outcome, ..) = run(&PATIENT, Framing::Length, &Ether::new(FINE, 1), beside);
        assert!(is_alice(&outcome), "{outcome:?}");
    }
}

/// The link or the address is lost for a while.
fn down(device: Device, at: u64, length: u64, address_only: bool) -> Task<'static> {
    Box::pin(async move {
        let give = |up: bool| match (address_only, up) {
            (true, true) => device.stack.set_config_v4(address(keyfob_tests::ether::DEVICE)),
            (true, false) => device.stack.set_config_v4(ConfigV4::None),
            (false, up) => device.link(up),
        };
        Timer::after_millis(at).await;
        give(false);
        Timer::after_millis(length).await;
        give(true);
        std::future::pending::<()>().await;
    })
}

/// Another address in the middle: the connection that is kept is not used again.
// REQ: HTTP-18, DRV-07
#[test]
fn another_address() {
    thread_local! {
        static WHEN: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
    }
    let beside: Beside = |_, device| {
        Box::pin(async move {
            Timer::after_millis(WHEN.get()).await;
            device.stack.set_config_v4(address(Ipv4Address::new(10, 0, 0, 77)));
            std::future::pending::<()>().await;
            drop(device);
        })
    };
    let (_, _, whole) = run(&PATIENT, Framing::Length, &Ether::new(FINE, 1), NOTHING);
    let moments = (0..60).chain((60..whole).step_by(500));
    let mut ends = [0; 2];
    for at in moments {
        WHEN.set(at);
        let ether = Ether::new(FINE, 1);
        let (outcome, ..) = run(&PATIENT, Framing::Length, &ether, beside);
        match outcome {
            outcome if is_alice(&outcome) => ends[0] += 1,
            // The codes themselves were on their way.
            Outcome::Http { kind, .. } if at < 60 => {
                assert_eq!(kind, "Timeout", "{at}");
                ends[1] += 1;
            }
            other => panic!("{at}: {other:?}"),
        }
    }
    println!("with another address: {} signed in, {} did not", ends[0], ends[1]);
    assert!(ends[0] > 40, "{ends:?}");
}

/// The same between two requests that follow each other closely. A POST that is lost would be lost for good.
// REQ: HTTP-18
#[test]
fn another_address_between_two_requests() {
    for changes in [false, true] {
        let ether = Ether::new(FINE, 1);
        let issuer = Arc::new(Mutex::new(Issuer::default()));
        let (device, tasks) = joined(&ether, Rc::new(RefCell::new(Sessions(issuer.clone()))));
        let sockets = Sockets::new();
        let way = Bare(EmbassyNet::new(device.stack, &sockets));
        let mut http = Client::<_, 512>::new(&way);
        let (exchange, mut clock, mut buffer) =
            (Revocation::refresh_token(&GAUGE, "token"), clock(), [0; 1024]);
        let twice = async {
            fetch(&exchange, &mut http, &mut clock, &mut buffer).await.expect("revoked");
            if changes {
                device.stack.set_config_v4(address(Ipv4Address::new(10, 0, 0, 77)));
            }
            fetch(&exchange, &mut http, &mut clock, &mut buffer).await.expect("revoked");
            elapsed()
        };
        let time = simulate(twice, tasks);
        assert!(time < 5000, "nobody waits for an answer that cannot come: {time}");
        assert_eq!(ether.traffic.connections.get(), 1 + usize::from(changes));
        assert_eq!(issuer.lock().expect("nobody panicked").received.len(), 2);
    }
}

/// What is to be said under TLS is not said without.
#[test]
fn nothing_secure_without_tls() {
    let ether = Ether::new(FINE, 1);
    let served = Served { link: Link::default(), framing: Framing::Length };
    let (device, tasks) = joined(&ether, Rc::new(RefCell::new(served)));
    let sockets = Sockets::new();
    let way = EmbassyNet::new(device.stack, &sockets);
    let mut http = Client::<_, 512>::new(&way);
    let (exchange, mut clock, mut buffer) = (Jwks::new(&KIOSK), clock(), [0; 1024]);
    let outcome = simulate(fetch(&exchange, &mut http, &mut clock, &mut buffer), tasks);
    let Err(Failure::Http(error)) = outcome.map(drop) else { panic!("it went out") };
    assert_eq!((error.kind(), error.maybe_sent()), (HttpErrorKind::Connect, false));
    assert_eq!(error.cause(), Some(&PlainError::Secure));
    assert_eq!(ether.carried.get(), 0);
}

/// A server that refreshes sessions.
struct Sessions(Arc<Mutex<Issuer>>);

impl Site for Sessions {
    fn answer(&mut self, request: Received) -> Said {
        let answer = self.0.lock().expect("nobody panicked").answer(request, elapsed());
        Said::new(Framing::Length.octets(&answer, false), Then::Keep)
    }
}

/// Two days of a device that needs a token every half an hour.
// REQ: REFRESH-05, DRV-07
#[test]
fn a_session_in_any_weather() {
    for (seed, weather) in [
        FINE,
        Weather { loss: 100, doubles: 50, delay: 20_000 },
        Weather { loss: 400, doubles: 0, delay: 0 },
        Weather { loss: 600, doubles: 0, delay: 0 },
    ]
    .into_iter()
    .enumerate()
    {
        let mut issuer = Issuer::default();
        // Hours may pass until a lost answer can be asked for again.
        issuer.leeway = u64::MAX;
        let issuer = Arc::new(Mutex::new(issuer));
        let ether = Ether::new(weather, seed as u64);
        let (device, tasks) = joined(&ether, Rc::new(RefCell::new(Sessions(issuer.clone()))));
        let sockets = Sockets::new();
        let way = Bare(EmbassyNet::new(device.stack, &sockets));
        let mut http = Client::<_, 512>::new(&way);
        let seed = keyfob_core::secret::Seed::new(seeds::octets(1)).expect("a seed");
        let mut session = Kept::new(&GAUGE, &seed).expect("the settings are right");
        let (mut flash, mut clock, mut buffer) = (Flash::default(), clock(), [0; 2048]);
        let (mut good, mut later) = (0, 0);
        let life = async {
            let first = keep_fresh(&mut session, &mut flash, &mut http, &mut clock, &mut buffer).await;
            assert!(matches!(first, Err(Unavailable::SignIn(SignInReason::NeverSignedIn))));
            let answer = Answer::json(200, &issuer.lock().expect("nobody panicked").sign_in());
            device::sign_in(&mut session, &GAUGE, NOW, &answer).expect("the tokens fit");
            for _ in 0..96 {
                match keep_fresh(&mut session, &mut flash, &mut http, &mut clock, &mut buffer).await {
                    Ok(failed) => {
                        assert!(failed.is_none());
                        let now = clock.now();
                        let token = session.access_token(now).expect("it is fresh").expose().to_owned();
                        assert!(issuer.lock().expect("nobody panicked").takes(&token));
                        good += 1;
                    }
                    Err(Unavailable::Later { network, .. }) => {
                        let kind = network.map(|network| network.kind());
                        assert!(!matches!(kind, Some(HttpErrorKind::Tls)), "{kind:?}");
                        later += 1;
                    }
                    // Two answers in a row got lost, and a third try could cost the session.
                    Err(Unavailable::SignIn(SignInReason::AnswerLost)) if weather.loss > 400 => return,
                    Err(other) => panic!("{weather:?}: {other:?}"),
                }
                Timer::after_secs(1800).await;
            }
        };
        simulate(life, tasks);
        println!("{weather:?}: {good} times a token, {later} times later");
        assert_eq!(issuer.lock().expect("nobody panicked").alarms, 0);
        assert!(weather.loss > 100 || later == 0, "{weather:?}: {later}");
        assert!(good > 5, "{weather:?}: {good}");
    }
}
