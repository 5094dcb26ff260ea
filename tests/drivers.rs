//! The same conversations through both drivers: same requests, same end. Each is kept in `transcripts/`.

use keyfob_core::{
    error::{Check, Error, ErrorCode, Name},
    exchange::{Discovery, Exchange, Jwks, UserInfo},
    flow::{Action, AuthorizationCode, RefreshToken},
    http::Incoming,
    token::TokenResponse,
};
use keyfob_tests::{
    clients::{BACKEND, DAEMON, HASTY, ISSUER, KIOSK, POSTED, PUSHED, PUSHED_BACKEND, ROBOT},
    clock::TestClock,
    conversation::{Conversation, DEVICE, Grant, REFRESH, Report, SIGN_IN},
    executor::{block_on, polls},
    fault::Fault,
    form,
    keys::{FIRST, SECOND, STRANGE},
    link::{Link, World},
    outcome::{Outcome, Tokens},
    person::{Deed, Person},
    server::SUBJECT,
    transcript,
    wire::Framing,
};

/// Runs it through both drivers, whole and in pieces, and compares with the transcript that is kept.
fn both(conversation: &Conversation) -> Outcome {
    let desktop = conversation.run_std();
    let text = |link: &Link| link.world().transcript.clone();
    let check = |how: &str, chip: &Report| {
        assert_eq!(desktop.outcome, chip.outcome, "{}, {how}", conversation.name);
        assert_eq!(desktop.judged, chip.judged, "{}, {how}", conversation.name);
        assert_eq!(text(&desktop.link), text(&chip.link), "{}, {how}", conversation.name);
    };
    check("chip", &conversation.run_embassy());
    // And through the chip's own HTTP client.
    for framing in Framing::ALL {
        check(&format!("{framing:?}"), &conversation.run_wire(framing, usize::MAX).0);
    }
    transcript::compare(conversation.name, &text(&desktop.link));
    desktop.outcome.clone()
}

fn over(error: impl Into<Error>) -> Outcome {
    Outcome::Flow(error.into())
}

fn http(kind: &str, maybe_sent: bool) -> Outcome {
    Outcome::Http { kind: kind.into(), maybe_sent }
}

fn is_alice(outcome: Outcome) {
    assert_eq!(outcome.tokens().subject.as_deref(), Some(SUBJECT));
}

// REQ: DRV-07, SM-16, HTTP-01, HTTP-02, HTTP-16, TOKEN-01, AUTHC-01, AUTHC-03
#[test]
fn clients_of_every_kind_sign_in() {
    is_alice(both(&SIGN_IN));
    is_alice(both(&Conversation { name: "sign-in of a confidential client", client: &BACKEND, ..SIGN_IN }));
    is_alice(both(&Conversation { name: "sign-in by form post", client: &POSTED, ..SIGN_IN }));
    let oauth = both(&Conversation { name: "authorization without sign-in", client: &ROBOT, ..SIGN_IN });
    assert_eq!(oauth.tokens().subject, None);
    is_alice(both(&REFRESH));
}

const PUSH: Conversation = Conversation { name: "pushed sign-in", client: &PUSHED, ..SIGN_IN };

// REQ: DRV-07, PAR-01, PAR-02, PAR-04, PAR-07
#[test]
fn pushed_requests() {
    is_alice(both(&PUSH));
    let backend = "pushed sign-in of a confidential client";
    is_alice(both(&Conversation { name: backend, client: &PUSHED_BACKEND, ..PUSH }));
    let lost = Conversation { name: "one answer to a push is lost", faults: &[Fault::NoAnswer], ..PUSH };
    is_alice(both(&lost));
    let twice = "two answers to a push are lost";
    let twice = Conversation { name: twice, faults: &[Fault::NoAnswer, Fault::SentAndBroken], ..PUSH };
    assert_eq!(both(&twice), http("Protocol", true));
    const REFUSAL: &str = r#"{"error":"invalid_request","error_description":"No."}"#;
    let refused = &[Fault::Answer(400, "application/json", REFUSAL)];
    let refused = both(&Conversation { name: "a push is refused", faults: refused, ..PUSH });
    assert_eq!(refused, over(Error::Refused(ErrorCode::InvalidRequest)));
    let hotel = &[Fault::Answer(200, "text/html", "<h1>Hotel")];
    let hotel = both(&Conversation { name: "a hotel takes the push", faults: hotel, ..PUSH });
    assert_eq!(hotel, over(Check::ContentType));
}

// REQ: DRV-07, PAR-05, PAR-08
#[test]
fn a_pushed_request_gets_old() {
    // A browser that has followed the address is left alone.
    let deeds = &[Deed::Wait(61_000), Deed::Wait(61_000), Deed::Return];
    let slow = Conversation { name: "a pushed request gets old behind the user", deeds, ..PUSH };
    is_alice(both(&slow));
    for report in [slow.run_std(), slow.run_embassy()] {
        assert_eq!(report.link.server().count("/par"), 1);
    }
    let deeds = &[Deed::Wait(61_000), Deed::GiveUp];
    let outcome = both(&Conversation { name: "given up after a push", deeds, ..PUSH });
    assert_eq!(outcome, Outcome::UserAgent("the sign-in was given up".into()));
    // What was only shown is shown anew.
    let deeds = &[Deed::Miss(59_999), Deed::Miss(1), Deed::Wait(1000), Deed::Miss(59_000), Deed::Return];
    let shown = Conversation { name: "a pushed request gets old before the user looks", deeds, ..PUSH };
    is_alice(both(&shown));
    for report in [shown.run_std(), shown.run_embassy()] {
        assert_eq!(report.link.server().count("/par"), 3);
    }
}

// REQ: DRV-07, TOKEN-22
#[test]
fn a_client_acts_for_itself() {
    let own = Conversation {
        name: "client credentials",
        client: &DAEMON,
        grant: Grant::ClientCredentials,
        ..SIGN_IN
    };
    assert_eq!(both(&own).tokens().subject, None);
    let lost =
        Conversation { name: "client credentials, one answer lost", faults: &[Fault::NoAnswer], ..own };
    assert_eq!(both(&lost).tokens().access_token, "access-2");
    let twice = "client credentials, two answers lost";
    let twice = Conversation { name: twice, faults: &[Fault::NoAnswer, Fault::NoAnswer], ..own };
    assert_eq!(both(&twice), http("Timeout", true));
}
/// A conversation: its name, what happens to its requests, what the user does, and when the requests leave.
type Timed = (&'static str, &'static [Fault], &'static [Deed], &'static [u64]);

fn times(conversation: &Conversation) -> Vec<u64> {
    let drivers: [fn(&Conversation) -> Report; 2] = [Conversation::run_std, Conversation::run_embassy];
    let [desktop, chip] = drivers.map(|run| run(conversation).link.world().times.clone());
    assert_eq!(desktop, chip, "{}", conversation.name);
    desktop
}

// REQ: DRV-07, DEV-01, DEV-02, DEV-09, DEV-11, DEV-12, DEV-13, DEV-22, DEV-24, DEV-25, DEV-29
#[test]
fn a_user_signs_in_on_another_device() {
    is_alice(both(&DEVICE));
    // Codes, two polls one interval and the margin after what came before, and the keys.
    assert_eq!(times(&DEVICE), [0, 5100, 10_200, 10_200]);
    is_alice(both(&Conversation { name: "device of a confidential client", client: &BACKEND, ..DEVICE }));
    let oauth = both(&Conversation { name: "device without sign-in", client: &ROBOT, ..DEVICE });
    assert_eq!(oauth.tokens().subject, None);
}

// REQ: DEV-14, DEV-15, DEV-17, DEV-18, DEV-19, HTTP-19
#[test]
fn a_device_asks_as_often_as_it_may() {
    const SLOWER: &str = r#"{"error":"slow_down","interval":15}"#;
    const BUSY: Fault = Fault::Answer(503, "text/html", "<h1>Busy</h1>");
    let cases: [Timed; 5] = [
        (
            "device is slowed down",
            &[Fault::None, Fault::Answer(429, "application/json", SLOWER)],
            &[Deed::Return],
            &[0, 5100, 20_200, 20_200],
        ),
        // Three tries in three seconds; then the wait is twice as long.
        (
            "device without network",
            &[Fault::None, Fault::NotSent, Fault::NotSent, Fault::NotSent],
            &[Deed::Return],
            &[0, 5100, 6100, 8100, 18_200, 18_200],
        ),
        ("device with a busy server", &[Fault::None, BUSY], &[Deed::Return], &[0, 5100, 15_200, 15_200]),
        // It is not known whether the server has taken the code; this one has not.
        (
            "device whose poll gets no answer",
            &[Fault::None, Fault::NoAnswer],
            &[Deed::Wait(7000), Deed::Return],
            &[0, 5100, 45_200, 45_200],
        ),
        // 10 s after trouble, but 5 s if somebody is in a hurry.
        (
            "device in a hurry",
            &[Fault::None, BUSY],
            &[Deed::Wait(6000), Deed::Return, Deed::Hurry],
            &[0, 5100, 10_200, 10_200],
        ),
    ];
    for (name, faults, deeds, expected) in cases {
        let conversation = Conversation { name, faults, deeds, ..DEVICE };
        is_alice(both(&conversation));
        assert_eq!(times(&conversation), expected, "{name}");
    }
}

// REQ: DEV-16, DEV-20, DEV-23, DEV-24
#[test]
fn every_end_clears_the_screen() {
    let denied = Conversation {
        name: "device denied",
        server: |world| world.server.denial = Some("access_denied"),
        ..DEVICE
    };
    assert_eq!(both(&denied), over(Error::Refused(ErrorCode::AccessDenied)));
    let given_up =
        Conversation { name: "device given up", deeds: &[Deed::Wait(1000), Deed::GiveUp], ..DEVICE };
    assert_eq!(both(&given_up), Outcome::UserAgent("the sign-in was given up".into()));
    // 600 s: 117 polls, each 5.1 s after the one before, and none after the end.
    let late = Conversation { name: "device too late", deeds: &[], ..DEVICE };
    assert_eq!(late.run_std().outcome, over(Error::Expired));
    assert_eq!(late.run_embassy().outcome, over(Error::Expired));
    assert_eq!(times(&late).len(), 1 + 117);
    assert_eq!(times(&late).last(), Some(&(117 * 5100)));
    let lost = Conversation {
        name: "device whose tokens got lost",
        faults: &[Fault::None, Fault::None, Fault::NoAnswer],
        ..DEVICE
    };
    assert_eq!(both(&lost), over(Error::Refused(ErrorCode::InvalidGrant)));
    let no_keys = Conversation {
        name: "device without keys",
        faults: &[Fault::None, Fault::None, Fault::None, Fault::NotSent, Fault::NotSent, Fault::NotSent],
        ..DEVICE
    };
    assert_eq!(both(&no_keys), http("Connect", false));
    let no_codes = Conversation { name: "device without codes", faults: &[Fault::NotSent; 3], ..DEVICE };
    assert_eq!(both(&no_codes), http("Connect", false));
}

/// Whoever drops the future, and wherever: the screen is clear, and a poll that was on its way counts as one.
// REQ: DEV-22, DEV-23, DEV-24, DRV-07
#[test]
fn a_device_can_be_dropped_anywhere() {
    for most in 0.. {
        let (link, mut flow) = DEVICE.prepare();
        let (mut clock, mut http) = (link.world().clock.clone(), link.clone());
        let (mut person, mut buffer) = (Person::new(link.clone(), DEVICE.deeds), [0; 8192]);
        let run = keyfob_embassy::run(&mut *flow, &mut http, &mut person, &mut clock, &mut buffer, |_| ());
        let ended = polls(run, most).is_some();
        let text = link.world().transcript.as_str().to_owned();
        let shown = text.contains("the screen shows");
        assert_eq!(shown, text.contains("the screen is clear"), "dropped after {most} polls: {text}");
        let now = link.world().clock.now();
        let mut out = [0; 1024];
        let next = flow.poll(now, &mut out);
        match link.server().count("/device_authorization") {
            _ if ended => {
                assert!(matches!(next, Ok(Action::Done)), "{next:?}");
                return assert!(most > 20, "there were too few places to stop at");
            }
            // The codes of the first request got lost, if it was sent.
            _ if !shown => {
                assert!(matches!(next, Ok(Action::Send(_) | Action::Display(_))), "{most}: {next:?}")
            }
            // The flow waits for the next poll, unless the server has given tokens and nobody judged them.
            _ => assert!(matches!(next, Ok(Action::Display(_)) | Err(Error::AnswerLost)), "{most}: {next:?}"),
        }
    }
}

// REQ: DRV-07, REDIR-02, REDIR-08, REDIR-09, REDIR-10
#[test]
fn strangers_do_not_disturb() {
    const WRONG: Deed = Deed::Bring(|url| url.replace("state=", "state=x"));
    const NO_STATE: Deed = Deed::Bring(|url| url.replace("state=", "s="));
    const ELSEWHERE: Deed = Deed::Bring(|url| url.replace("app.example", "evil.example"));
    const DENIAL: Deed = Deed::Bring(|_| "https://app.example/cb?error=access_denied".into());
    const FORM: Deed = Deed::Form(|url| url.replace("https://app.example/cb?", ""));
    is_alice(both(&Conversation {
        name: "strangers",
        deeds: &[WRONG, NO_STATE, ELSEWHERE, DENIAL, Deed::Wait(5000), FORM, Deed::Return],
        ..SIGN_IN
    }));
}

// REQ: DRV-07, REDIR-11
#[test]
fn what_ends_a_sign_in_at_the_user_agent() {
    let denied = Conversation {
        name: "denied",
        server: |world| world.server.denial = Some("access_denied"),
        ..SIGN_IN
    };
    assert_eq!(both(&denied), over(Error::Refused(ErrorCode::AccessDenied)));
    let given_up = Conversation { name: "given up", deeds: &[Deed::Wait(1000), Deed::GiveUp], ..SIGN_IN };
    assert_eq!(both(&given_up), Outcome::UserAgent("the sign-in was given up".into()));
    let late = Conversation { name: "too late", client: &HASTY, deeds: &[], ..SIGN_IN };
    assert_eq!(both(&late), over(Error::Expired));
    let mix_up = Conversation {
        name: "mix-up",
        deeds: &[Deed::Bring(|url| {
            url.replace(&form::encode(ISSUER), &form::encode("https://evil.example"))
        })],
        ..SIGN_IN
    };
    assert_eq!(both(&mix_up), over(Check::IssuerMismatch));
}

// REQ: HTTP-18, DRV-07, DRV-09
#[test]
fn what_surely_did_not_leave_is_sent_again() {
    let twice = Conversation { name: "no network twice", faults: &[Fault::NotSent; 2], ..SIGN_IN };
    is_alice(both(&twice));
    let thrice = Conversation { name: "no network", faults: &[Fault::NotSent; 3], ..SIGN_IN };
    assert_eq!(both(&thrice), http("Connect", false));
}

// REQ: DRV-07
#[test]
fn an_answer_that_comes_after_the_deadline_counts() {
    let faults = &[Fault::Slow(70_000)];
    is_alice(both(&Conversation { name: "slow", client: &HASTY, faults, ..SIGN_IN }));
}

// REQ: HTTP-17, HTTP-14, DRV-07, DRV-09
#[test]
fn a_code_that_may_have_arrived_is_never_sent_again() {
    for (name, faults) in [
        ("cut while the code was sent", &[Fault::SentAndBroken]),
        ("no answer to the code", &[Fault::NoAnswer]),
        ("the answer to the code was cut", &[Fault::Cut(100)]),
    ] {
        let conversation = Conversation { name, faults, ..SIGN_IN };
        let outcome = both(&conversation);
        assert!(matches!(outcome, Outcome::Http { maybe_sent: true, .. }), "{outcome:?}");
        assert_eq!(conversation.run_std().link.server().count("/token"), 1);
    }
}

// REQ: HTTP-06, HTTP-09, HTTP-10, HTTP-11, HTTP-12, HTTP-15, HTTP-20, JSON-03, JSON-04, PKCE-10, ERR-07
#[test]
fn what_a_token_response_must_not_be() {
    const PAGE: &str = "<title>Sign in to Hotel Wi-Fi</title>";
    let cases: [(&str, &[Fault], Error); 11] = [
        ("redirected", &[Fault::Status(307)], Check::HttpRedirect.into()),
        ("another media type", &[Fault::ContentType("text/json")], Check::ContentType.into()),
        ("hotel", &[Fault::Answer(200, "text/html", PAGE)], Check::ContentType.into()),
        ("compressed", &[Fault::Header("content-encoding", "gzip")], Check::ContentType.into()),
        ("two media types", &[Fault::Header("CONTENT-TYPE", "application/json")], Check::BadHeader.into()),
        ("server is ill", &[Fault::Status(500)], Check::HttpStatus(500).into()),
        ("answer twice", &[Fault::Twice], Check::JsonTrailing.into()),
        ("answer ends early", &[Fault::Short(100)], Check::JsonEof.into()),
        ("answer is corrupt", &[Fault::Corrupt(0)], Check::JsonSyntax.into()),
        (
            "invalid_request",
            &[Fault::Answer(400, "application/json", r#"{"error":"invalid_request"}"#)],
            Error::Refused(ErrorCode::InvalidRequest),
        ),
        (
            "invalid_client",
            &[Fault::Answer(401, "application/json", r#"{"error":"invalid_client"}"#)],
            Error::Refused(ErrorCode::InvalidClient),
        ),
    ];
    for (name, faults, error) in cases {
        let outcome = both(&Conversation { name, faults, ..SIGN_IN });
        assert_eq!(outcome, over(error), "{name}");
    }
}

// REQ: TOKEN-15, HTTP-13
#[test]
fn what_nobody_asked_for_takes_no_room() {
    let faults = &[Fault::Extra(100 * 1024), Fault::Extra(200 * 1024)];
    is_alice(both(&Conversation { name: "much too much", faults, buffer: 2048, ..SIGN_IN }));
    let endless = &[Fault::Extra(600 * 1024)];
    let outcome = both(&Conversation { name: "without end", faults: endless, ..SIGN_IN });
    assert_eq!(outcome, over(Error::InputTooLarge(Name::Body)));
}

// REQ: JWKS-03, IDT-25, TOKEN-14
#[test]
fn keys_are_fetched_once() {
    fn two_keys(world: &mut World) {
        world.server.keys = vec![FIRST, SECOND];
        world.server.signer = SECOND;
    }
    is_alice(both(&Conversation { name: "two keys", server: two_keys, ..SIGN_IN }));
    let strange = both(&Conversation {
        name: "a key that nobody has",
        server: |world| world.server.signer = STRANGE,
        ..SIGN_IN
    });
    assert_eq!(strange, over(Check::UnknownKey));
    let stale = both(&Conversation { name: "stale keys", faults: &[Fault::None, Fault::Stale], ..SIGN_IN });
    assert_eq!(stale, over(Check::MissingMember(Name::Keys)));
    let ill = Conversation { name: "no keys", faults: &[Fault::None, Fault::Status(503)], ..SIGN_IN };
    assert_eq!(both(&ill), over(Check::HttpStatus(503)));
}

// REQ: REFRESH-08, REFRESH-09, REFRESH-10, DRV-07
#[test]
fn refreshing_over_a_bad_network() {
    const OVERLAP: fn(&mut World) = |world| world.server.overlap = true;
    let lost = Conversation { name: "refresh, one answer lost", faults: &[Fault::NoAnswer], ..REFRESH };
    is_alice(both(&Conversation { server: OVERLAP, ..lost }));
    let strict = Conversation { name: "refresh, one answer lost, strict server", ..lost };
    assert_eq!(both(&strict), over(Error::Refused(ErrorCode::InvalidGrant)));
    let twice = Conversation { name: "refresh, two answers lost", faults: &[Fault::NoAnswer; 2], ..REFRESH };
    assert_eq!(both(&Conversation { server: OVERLAP, ..twice }), http("Timeout", true));
    let busy = Conversation { name: "refresh, busy", faults: &[Fault::Status(503)], ..REFRESH };
    assert_eq!(both(&busy), over(Check::HttpStatus(503)));
    let stranger = Conversation { name: "refresh by another client", client: &BACKEND, ..REFRESH };
    assert_eq!(both(&stranger), over(Error::Refused(ErrorCode::InvalidGrant)));
}

// REQ: QA-06, JSON-18, DRV-07
#[test]
fn pieces_make_no_difference() {
    for piece in [1, 2, 3, 7, 64, 1000] {
        let mut worlds = [SIGN_IN, REFRESH].map(|conversation| (conversation, conversation.prepare()));
        for (conversation, (link, flow)) in &mut worlds {
            link.world().piece = piece;
            let mut person = Person::new(link.clone(), conversation.deeds);
            let run = keyfob_std::run(
                &mut **flow,
                &mut link.clone(),
                &mut person,
                &mut TestClock::default(),
                &mut [0; 8192],
                |tokens| Tokens::of(&tokens),
            );
            assert_eq!(Outcome::from(run), conversation.run_std().outcome, "in pieces of {piece}");
        }
    }
}

// REQ: DRV-06, HTTP-17
#[test]
fn the_future_can_be_dropped_anywhere() {
    for most in 1.. {
        let (link, mut flow) = SIGN_IN.prepare();
        let mut person = Person::new(link.clone(), SIGN_IN.deeds);
        let (mut http, mut clock, mut buffer) = (link.clone(), TestClock::default(), [0; 8192]);
        let done = |tokens: TokenResponse<'_>| Tokens::of(&tokens);
        let run = keyfob_embassy::run(&mut *flow, &mut http, &mut person, &mut clock, &mut buffer, done);
        let ended = polls(run, most).is_some();
        // Somebody tries the same flow again.
        let sent = link.server().count("/token");
        let mut again = Person::new(link.clone(), &[Deed::Return]);
        let run = keyfob_embassy::run(&mut *flow, &mut http, &mut again, &mut clock, &mut buffer, done);
        let outcome = Outcome::from(block_on(run));
        assert_eq!(link.server().reused, 0, "dropped after {most} polls, a code was sent twice");
        match sent {
            _ if ended => {
                assert_eq!(outcome, over(Error::Misuse), "all was done");
                return assert!(most > 8, "there were too few places to stop at");
            }
            0 if outcome != over(Error::AnswerLost) => is_alice(outcome),
            _ => assert_eq!(outcome, over(Error::AnswerLost), "dropped after {most} polls"),
        }
    }
}

// REQ: HTTP-17, DRV-07
#[test]
fn a_code_whose_keys_did_not_come_is_never_sent_again() {
    const NO_KEYS: Conversation = Conversation { faults: &[Fault::None, Fault::Status(503)], ..SIGN_IN };
    for chip in [true, false] {
        let (link, mut flow) = NO_KEYS.prepare();
        let mut run = || {
            let mut person = Person::new(link.clone(), &[Deed::Return]);
            let (mut http, mut clock, mut buffer) = (link.clone(), TestClock::default(), [0; 8192]);
            let done = |tokens: TokenResponse<'_>| Tokens::of(&tokens);
            if chip {
                let run =
                    keyfob_embassy::run(&mut *flow, &mut http, &mut person, &mut clock, &mut buffer, done);
                Outcome::from(block_on(run))
            } else {
                keyfob_std::run(&mut *flow, &mut http, &mut person, &mut clock, &mut buffer, done).into()
            }
        };
        assert_eq!(run(), over(Check::HttpStatus(503)), "chip: {chip}");
        let again = run();
        assert_eq!((again, link.server().reused), (over(Error::AnswerLost), 0), "chip: {chip}");
    }
}

// REQ: DRV-07, HTTP-03, HTTP-22, UINFO-01
#[test]
fn fetching_through_both_drivers() {
    let discovery = Discovery::new(ISSUER).expect("the issuer is right");
    let userinfo = UserInfo::new(&KIOSK, "access-1", SUBJECT);
    fetch_both("discovery", &discovery, |metadata| format!("{metadata:?}"));
    fetch_both("keys", &Jwks::new(&KIOSK), |keys| format!("{:?}", keys.as_bytes()));
    fetch_both("userinfo", &userinfo, |claims| claims.json(&mut [0; 256]).expect("it fits").into());
}

fn fetch_both<E: Exchange>(name: &str, exchange: &E, shown: impl Fn(E::Output<'_>) -> String) {
    let links = [Link::default(), Link::default()];
    let mut buffer = [0; 1024];
    let desktop = keyfob_std::fetch(exchange, &mut links[0].clone(), &mut TestClock::default(), &mut buffer)
        .map(&shown);
    let chip = block_on(keyfob_embassy::fetch(
        exchange,
        &mut links[1].clone(),
        &mut TestClock::default(),
        &mut buffer,
    ))
    .map(&shown);
    assert_eq!(desktop.expect("all goes well"), chip.expect("all goes well"));
    let [desktop, chip] = links.map(|link| link.world().transcript.clone());
    assert_eq!(desktop, chip);
    transcript::compare(name, &desktop);
}

// REQ: CLOCK-11
#[test]
fn the_chip_knows_the_date_once_it_is_told() {
    use keyfob_core::time::{Date, UnixTime};
    use keyfob_embassy::{Clock, SystemClock};
    let mut clock = SystemClock::new();
    assert_eq!(clock.now().date, Date::Unknown);
    let today = UnixTime::from_seconds(1_800_000_000);
    clock.set(Date::AtLeast(today));
    assert!(matches!(clock.now().date, Date::AtLeast(date) if date >= today));
    clock.set(Date::Known(today));
    let before = clock.now();
    block_on(clock.sleep(std::time::Duration::from_millis(2)));
    let after = clock.now();
    assert!(after.uptime >= before.uptime + 2, "{before:?} {after:?}");
    assert!(matches!(after.date, Date::Known(date) if date >= today));
}

// REQ: MEM-09
#[test]
fn flows_and_the_future_are_small() {
    let (link, mut flow) = SIGN_IN.prepare();
    let mut person = Person::new(link.clone(), &[]);
    let (mut http, mut clock, mut buffer) = (link.clone(), TestClock::default(), [0; 64]);
    let run = keyfob_embassy::run(&mut *flow, &mut http, &mut person, &mut clock, &mut buffer, |_| ());
    let size = size_of_val(&run);
    println!("the future of `run` has {size} octets");
    const { assert!(size_of::<AuthorizationCode<'_, 512>>() <= 640) };
    const { assert!(size_of::<RefreshToken<'_, 512>>() <= 640) };
    println!("`AuthorizationCode<512>` has {}", size_of::<AuthorizationCode<'_, 512>>());
    println!("`RefreshToken<512>` has {}", size_of::<RefreshToken<'_, 512>>());
    println!("`Incoming` has {}, `Error` has {}", size_of::<Incoming<'_>>(), size_of::<Error>());
    assert!(size < 2048, "{size}");
}
