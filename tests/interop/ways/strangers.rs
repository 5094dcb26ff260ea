//! Who is kept out: other browsers, old responses, and whoever has the relay.

use std::thread;

use keyfob_core::{
    client::Client,
    dpop::Dpop,
    error::{Check, Error, ErrorCode},
    flow::{Action, AuthorizationCode, Flow, Relayed},
    jws::Es256Signer,
    metadata::Metadata,
    relay::Relay,
    secret::Seed,
};
use keyfob_interop::{
    browser,
    person::{Outcome, Program, Settings, outcome},
};
use keyfob_std::{Clock, Failure};

use crate::{
    SOON,
    bench::{self, Bench},
    contract::attempt,
    hand::{Device, Hand, Shown, phone, user},
    owner::{Lie, Mailbox, Owner},
    seed,
    way::{LOOPBACK, PORTAL, RELAY, RELAY_QUERY, Way},
};

/// The user signs in, and somebody else does something when the user is at the server. It changes nothing.
#[track_caller]
fn beside(way: &'static Way, stranger: impl FnOnce(&Hand, &Shown) + Send + 'static) {
    let bench = Bench::new();
    let (done, visit) = attempt(way, &bench, move |hand, shown| {
        way.go(hand, shown);
        stranger(hand, shown);
        browser::sign_in(&hand.browser, "alice");
        (way.leave)(hand, shown);
    });
    assert_eq!(done.outcome.expect("a sign-in").subject, "alice");
    assert!(way.ends.is_none_or(|words| visit.text.contains(words)), "{}", visit.text);
    assert_eq!(bench.codes_used(), 1);
}

/// A second phone scans the same code: it learns nothing.
#[track_caller]
fn second_phone(way: &'static Way, words: &'static str) {
    beside(way, move |_, shown| {
        let stranger = phone();
        stranger.open(shown.address());
        if stranger.has("form button") {
            stranger.click("form button");
        }
        stranger.wait_for(|stranger| stranger.text().contains(words), SOON);
        assert!(!stranger.source().contains("/authorize"), "{}", stranger.source());
    });
}

// REQ: PORTAL-08
#[test]
fn a_second_phone_at_the_portal() {
    second_phone(&PORTAL, "Another phone is signing in.");
}

// REQ: RELAY-07
#[test]
fn a_second_phone_at_the_relay() {
    second_phone(&RELAY, "This code is wrong");
}

/// Somebody has got hold of the address that the phone was sent to, and signs in there with an account of their own:
/// the response has the right `state`, and comes from the wrong browser.
#[track_caller]
fn response_of_another_browser(way: &'static Way) {
    beside(way, |hand, _| {
        let navigations = hand.browser.navigations();
        let address =
            navigations.iter().find(|url| url.contains("/authorize?")).expect("the server's address");
        let stranger = phone();
        stranger.open(address);
        browser::sign_in(&stranger, "mallory");
        stranger.wait_for(|stranger| stranger.text().contains("does not belong to"), SOON);
    });
}

// REQ: PORTAL-07, PORTAL-23
#[test]
fn a_response_from_another_browser_at_the_portal() {
    response_of_another_browser(&PORTAL);
}

// REQ: RELAY-03, RELAY-07
#[test]
fn a_response_from_another_browser_at_the_relay() {
    response_of_another_browser(&RELAY);
    response_of_another_browser(&RELAY_QUERY);
}

/// The user goes back and loads the address with the response again.
// REQ: REDIR-19, PORTAL-19
#[test]
fn a_response_that_comes_again_is_used_once() {
    for way in [&LOOPBACK, &PORTAL, &RELAY_QUERY] {
        let bench = Bench::new();
        let (done, _) = attempt(way, &bench, move |hand, shown| {
            way.go(hand, shown);
            browser::sign_in(&hand.browser, "alice");
            (way.leave)(hand, shown);
            let navigations = hand.browser.navigations();
            let response =
                navigations.iter().rfind(|url| url.contains("/callback?code=")).expect("a response");
            hand.browser.open(response);
            hand.browser.open(response);
        });
        assert_eq!(done.outcome.unwrap_or_else(|why| panic!("{}: {why:?}", way.name)).subject, "alice");
        assert_eq!(bench.codes_used(), 1, "{}", way.name);
    }
}

/// Two devices sign users in by way of a relay that lies like this; gives what came of each.
fn lied_to(bench: &Bench, owner: &Owner) -> [Outcome; 2] {
    let redirect_uri = format!("{}/callback", owner.base);
    let device = |name: &'static str| {
        let (mut device, visit) = user(move |hand: &Hand, shown| {
            hand.browser.open(shown.address());
            browser::sign_in(&hand.browser, name);
        });
        let account = Relay::new(&owner.base, name, "secret").wait(1);
        let came = Program::new(&bench.provider).with_client(bench::native, |client, http, clock| {
            let client = client.redirect_uri(&redirect_uri);
            let mut flow = Relayed::<2048>::new(&client, &account, seed(), clock.now()).expect("is right");
            Ok(outcome(&mut flow, http, &mut device, clock))
        });
        drop(device);
        visit.join().expect("the user came to the last page");
        came.expect("metadata")
    };
    thread::scope(|scope| {
        let alice = scope.spawn(|| device("alice"));
        let mallory = scope.spawn(|| device("mallory"));
        [alice.join().expect("an end"), mallory.join().expect("an end")]
    })
}

/// The other one's response, once both are here.
fn of_the_other(mailboxes: &[Mailbox], number: usize) -> Option<&Mailbox> {
    let both = mailboxes.len() == 2 && mailboxes.iter().all(|mailbox| mailbox.response.is_some());
    both.then(|| &mailboxes[1 - number])
}

/// What the relay saw of this sign-in, with another's code.
const SWAP_CODES: Lie = |mailboxes, number| {
    let other = of_the_other(mailboxes, number)?;
    let own = &mailboxes[number];
    Some(format!(
        "code={}&state={}&iss={}",
        other.parameter("code")?,
        own.parameter("state")?,
        own.parameter("iss")?
    ))
};

const SWAP_RESPONSES: Lie = |mailboxes, number| of_the_other(mailboxes, number)?.response.clone();

/// PKCE shows that the code is another's: neither device is signed in as the other's user.
// REQ: RELAY-02, RELAY-03
#[test]
fn a_relay_that_swaps_codes_signs_nobody_in() {
    let bench = Bench::new();
    let owner = Owner::start(SWAP_CODES);
    for came in lied_to(&bench, &owner) {
        let (failure, _) = came.expect_err("another's code");
        assert!(matches!(failure, Failure::Flow(Error::Refused(ErrorCode::InvalidGrant))), "{failure:?}");
    }
    assert_eq!((bench.codes_used(), bench.tokens_given("authorization_code")), (2, 0));
    assert!(owner.mailboxes().iter().all(|mailbox| mailbox.closed.as_deref() == Some("refused")));
}

/// `state` shows that the response is another's: no code is used at all.
// REQ: RELAY-03
#[test]
fn a_relay_that_swaps_responses_signs_nobody_in() {
    let bench = Bench::new();
    let owner = Owner::start(SWAP_RESPONSES);
    for came in lied_to(&bench, &owner) {
        let (failure, _) = came.expect_err("another's response");
        assert!(matches!(failure, Failure::Flow(Error::Check(Check::StateMismatch))), "{failure:?}");
    }
    assert_eq!(bench.codes_used(), 0);
}

/// Whoever has the relay sees the code first, and every request; and tries all that at the token endpoint.
// REQ: RELAY-02, RELAY-06
#[test]
fn a_relay_that_reads_everything_redeems_nothing() {
    let bench = Bench::new();
    let owner = Owner::start(|_, _| None);
    let (mut device, visit) = user(|hand: &Hand, shown| {
        hand.browser.open(shown.address());
        browser::sign_in(&hand.browser, "alice");
    });
    let redirect_uri = format!("{}/callback", owner.base);
    let account = Relay::new(&owner.base, "kettle-7f3a", "secret").wait(1);
    let came = Program::new(&bench.provider).with_client(bench::native, |client, http, clock| {
        let client = client.redirect_uri(&redirect_uri).lifetime(12);
        let mut flow = Relayed::<2048>::new(&client, &account, seed(), clock.now()).expect("is right");
        Ok(outcome(&mut flow, http, &mut device, clock))
    });
    // The device never hears of it.
    let (failure, _) = came.expect("metadata").expect_err("no response");
    assert!(matches!(failure, Failure::Flow(Error::Expired)), "{failure:?}");
    drop(device);
    visit.join().expect("the user came to the last page");

    let mailboxes = owner.mailboxes();
    let stolen = &mailboxes[0];
    let code = stolen.parameter("code").expect("a code").to_owned();
    let own = |name: &str| {
        let pairs = stolen.authorization_url.split(['?', '&']).filter_map(|pair| pair.split_once('='));
        pairs
            .into_iter()
            .find_map(|(found, value)| (found == name).then(|| value.to_owned()))
            .expect("is sent")
    };
    let (challenge, state) = (own("code_challenge"), own("state"));
    // Everything that it ever saw and that could be a verifier, and nothing at all.
    let requests = format!("{} {} {:?}", owner.requests(), stolen.authorization_url, stolen.response);
    let words = requests.split(|c: char| !c.is_ascii_alphanumeric() && !"-._~".contains(c));
    let mut guesses: Vec<_> =
        words.filter(|word| (43..=128).contains(&word.len())).map(str::to_owned).collect();
    assert!(guesses.contains(&challenge) && guesses.contains(&state));
    guesses.sort_unstable();
    guesses.dedup();
    let url = format!("{}/oauth/token", bench.provider.issuer());
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", "public"),
        ("redirect_uri", redirect_uri.as_str()),
        ("code", code.as_str()),
    ];
    let attack = |verifier: Option<&str>| {
        let form = form.into_iter().chain(verifier.map(|verifier| ("code_verifier", verifier)));
        let mut answer = bench.provider.agent().post(&url).send_form(form).expect("an answer");
        let answer: serde_json::Value = answer.body_mut().read_json().expect("JSON");
        assert_eq!(
            (&answer["error"], &answer["access_token"]),
            (&"invalid_grant".into(), &serde_json::Value::Null)
        );
    };
    attack(None);
    guesses.iter().for_each(|guess| attack(Some(guess)));
    assert_eq!(bench.tokens_given("authorization_code"), 0);
    // What the server is told is random: nothing of the device, and no address to send a browser to.
    for word in ["kettle", "http", "127.0.0.1"] {
        assert!(!state.contains(word), "{state}");
    }
    assert_eq!(state.len(), 43);
}

static KEY: std::sync::LazyLock<Es256Signer<'static>> =
    std::sync::LazyLock::new(|| Es256Signer::new(&[11; 32]).expect("a key"));
static THIEF: std::sync::LazyLock<Es256Signer<'static>> =
    std::sync::LazyLock::new(|| Es256Signer::new(&[12; 32]).expect("a key"));

fn bound(metadata: Metadata<'_>) -> Client<'_> {
    bench::native(metadata).dpop(Dpop::new(&*KEY).bind_code())
}

fn with_another_key(metadata: Metadata<'_>) -> Client<'_> {
    bench::native(metadata).dpop(Dpop::new(&*THIEF))
}

/// Even who knows the verifier cannot use a code that is bound to the device's key: both here have the same seed.
// REQ: RELAY-09
#[test]
fn a_code_that_is_bound_to_a_key_serves_no_other() {
    let bench = Bench::new();
    let both = || Seed::new(*b"a seed that a thief has got too!").expect("no dead generator");
    let sign_in = |settings: Settings, device: &mut Device| {
        let came = Program::new(&bench.provider).with_client(settings, |client, http, clock| {
            let client = client.redirect_uri(&bench.nowhere);
            let mut flow = AuthorizationCode::<512>::new(&client, both(), clock.now()).expect("is right");
            Ok(outcome(&mut flow, http, device, clock))
        });
        came.expect("metadata")
    };
    for (thief, expected) in [(with_another_key as Settings, false), (bound, true)] {
        // The device shows the address; the thief takes the response.
        let (sender, response) = std::sync::mpsc::channel();
        let (mut device, visit) = user(move |hand: &Hand, shown| {
            hand.browser.open(shown.address());
            browser::sign_in(&hand.browser, "alice");
            sender.send(hand.browser.url()).expect("a thief");
        });
        let url = Program::new(&bench.provider).with_client(bound, |client, _, clock| {
            let client = client.redirect_uri(&bench.nowhere);
            let flow = AuthorizationCode::<512>::new(&client, both(), clock.now()).expect("is right");
            match flow.poll(clock.now(), &mut [0; 2048])? {
                Action::Authorize(url) => Ok(url.to_owned()),
                other => panic!("{other:?}"),
            }
        });
        device.show(Shown::Address(url.expect("metadata")));
        let response = response.recv_timeout(SOON).expect("a response");
        visit.join().expect("the user came to the last page");
        let mut hands = Device::with_a_line(&response);
        match sign_in(thief, &mut hands) {
            Ok(user) => assert!(expected && user.subject == "alice"),
            Err((failure, _)) => {
                assert!(!expected);
                assert!(
                    matches!(
                        failure,
                        Failure::Flow(Error::Refused(ErrorCode::InvalidGrant | ErrorCode::InvalidDpopProof))
                    ),
                    "{failure:?}"
                );
            }
        }
    }
    assert_eq!((bench.codes_used(), bench.tokens_given("authorization_code")), (2, 1));
}
