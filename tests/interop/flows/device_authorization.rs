//! The device authorization grant: the user has a browser on another device.

use keyfob_core::{
    client::Client,
    client_authentication::ClientAuthentication,
    error::{Error, ErrorCode},
    flow::{DeviceAuthorization, Flow, Redirect, UserCode},
    jws::{Es256, Rs256},
    metadata::Metadata,
    secret::Secret,
};
use keyfob_interop::{
    browser,
    clock::Paced,
    person::{Outcome, Program, Settings, outcome},
    phone::Phone,
    provider::Provider,
};
use keyfob_std::{
    Clock, Failure, run,
    user_agent::{UserAgent, UserAgentError},
};

use crate::{BRIEF, PLAIN, introspect, names, seed, seen_of};

fn device(metadata: Metadata<'_>) -> Client<'_> {
    Client::new(metadata, "device").algorithms(&[&Es256, &Rs256]).scope(&[
        "openid",
        "offline_access",
        "profile",
    ])
}

fn public(metadata: Metadata<'_>) -> Client<'_> {
    Client::new(metadata, "public")
}

/// Waits take a fifth of their time: the provider punishes nobody who asks early.
fn hasty() -> Paced {
    Paced::new(20)
}

pub(crate) fn sign_in(
    provider: &Provider,
    settings: Settings,
    phone: &mut Phone,
    clock: &mut Paced,
) -> Outcome {
    let attempted = Program::new(provider).with_client(settings, |client, http, _| {
        let mut flow = DeviceAuthorization::<512>::new(client, seed(), clock.now())?;
        Ok(outcome(&mut flow, http, phone, clock))
    });
    attempted.expect("a provider with this endpoint")
}

// REQ: DEV-01, DEV-03, DEV-08, DEV-11, DEV-12, DEV-13, DEV-25, DEV-27, DEV-30
#[test]
fn the_code_is_typed_by_hand() {
    let mut phone = Phone::new(|browser, shown| {
        browser.open(&shown.verification_uri);
        // People type as they like.
        browser.fill("input[name=user_code]", &shown.user_code.replace('-', "").to_lowercase());
        browser.click("[type=submit]");
        browser::sign_in(browser, "alice");
    });
    let mut clock = hasty();
    let user = sign_in(&PLAIN, device, &mut phone, &mut clock).expect("a sign-in");
    assert_eq!((user.subject.as_str(), user.expires_in), ("alice", Some(3600)));
    assert_eq!((&user.claims["aud"], &user.claims["iss"]), (&"device".into(), &PLAIN.issuer().into()));
    assert_eq!(user.claims.get("nonce"), None);
    assert!(!user.checked.nonce);
    assert_eq!(user.scope.as_deref(), Some("openid offline_access profile"));

    let shown = phone.shown.as_ref().expect("a code was shown");
    assert_eq!(shown.verification_uri, format!("{}/activate", PLAIN.issuer()));
    assert_eq!(shown.seconds_left, 600);
    assert_eq!(shown.user_code.len(), 9, "{}", shown.user_code);
    assert!(shown.instructions.contains(&shown.user_code) && shown.instructions.contains("/activate"));
    assert!(phone.hidden, "the code was taken down");
    assert!(phone.end_page().contains("Sign-in Success"));
    // The provider names no interval, so it is five seconds and the margin. The user's word brings the last poll
    // forward, and never to before that.
    for pair in phone.polls.windows(2) {
        assert!(pair[1] - pair[0] >= 5000, "{:?}", phone.polls);
    }

    let start = &seen_of(&PLAIN, "device", "/oauth/device/code")[0];
    assert_eq!((names(start), &start["status"]), (vec!["client_id", "scope"], &200.into()));
    let token = seen_of(&PLAIN, "device", "/oauth/token");
    let polls = token.iter().filter(|poll| poll["values"]["grant_type"] != "refresh_token");
    for poll in polls {
        assert_eq!(names(poll), ["client_id", "device_code", "grant_type"]);
        assert_eq!(poll["authentication"], "none");
    }

    let fresh = Program::new(&PLAIN).refresh(&user, device).expect("fresh tokens");
    assert!(fresh.has_id_token);
    assert_ne!(fresh.refresh_token, user.refresh_token);
    assert_eq!(introspect(&PLAIN, &fresh.access_token)["client_id"], "device");
}

// REQ: DEV-01, AUTHC-06
#[test]
fn a_confidential_device_and_a_scanned_code() {
    let settings: Settings = |metadata| {
        let secret = Secret::new("basic secret:with/odd+chars%&=~*");
        Client::new(metadata, "conf-basic").authentication(ClientAuthentication::ClientSecretBasic(secret))
    };
    let mut phone = Phone::new(|browser, shown| {
        assert!(shown.scannable.starts_with(&shown.verification_uri), "{}", shown.scannable);
        assert!(shown.scannable.ends_with(&shown.user_code), "{}", shown.scannable);
        browser.open(&shown.scannable);
        browser::sign_in(browser, "alice");
    });
    let user = sign_in(&PLAIN, settings, &mut phone, &mut hasty()).expect("a sign-in");
    assert_eq!((&user.claims["aud"], &user.claims["sub"]), (&"conf-basic".into(), &"alice".into()));
    assert!(user.refresh_token.is_none(), "nobody asked for one");
    assert!(phone.end_page().contains("Sign-in Success"));
    let start = PLAIN.seen_at("/oauth/device/code");
    assert!(start.iter().any(|start| start["authentication"] == "basic"), "{start:?}");
}

// REQ: DEV-16, DEV-24
#[test]
fn the_user_refuses() {
    let mut phone = Phone::new(|browser, shown| {
        browser.open(&shown.scannable);
        browser::refuse(browser);
        browser
            .wait_for(|browser| browser.text().contains("interrupted"), std::time::Duration::from_secs(20));
    });
    let (failure, refusal) = sign_in(&PLAIN, device, &mut phone, &mut hasty()).expect_err("a refusal");
    assert!(matches!(failure, Failure::Flow(Error::Refused(ErrorCode::AccessDenied))), "{failure:?}");
    assert!(refusal.expect("a reason").starts_with("access_denied"));
    assert!(phone.hidden, "the code was taken down");
}

// REQ: DEV-20, DEV-24
#[test]
fn nobody_comes_and_the_code_expires() {
    let settings: Settings = |metadata| Client::new(metadata, "device");
    let mut phone = Phone::ignored();
    let (failure, _) = sign_in(&BRIEF, settings, &mut phone, &mut hasty().frozen()).expect_err("no sign-in");
    assert!(matches!(failure, Failure::Flow(Error::Expired)), "{failure:?}");
    assert_eq!(phone.shown.expect("a code was shown").seconds_left, 6);
    assert!(phone.hidden, "the code was taken down");
    // One poll fits into six seconds. None comes later.
    let polls = seen_of(&BRIEF, "device", "/oauth/token");
    assert_eq!(polls.iter().map(|poll| &poll["status"]).collect::<Vec<_>>(), [400]);
}

/// This device's clock is slow, and the server's runs out first.
// REQ: DEV-16
#[test]
fn the_server_says_that_the_code_has_expired() {
    let mut phone = Phone::ignored();
    let (failure, refusal) =
        sign_in(&BRIEF, public, &mut phone, &mut Paced::new(125).frozen()).expect_err("no sign-in");
    assert!(matches!(failure, Failure::Flow(Error::Refused(ErrorCode::ExpiredToken))), "{failure:?}");
    assert!(refusal.expect("a reason").starts_with("expired_token"));
    assert_eq!(seen_of(&BRIEF, "public", "/oauth/token").len(), 1);
}

/// A user agent that gives up when the server has been asked once.
#[derive(Default)]
struct Impatient {
    next_poll: Option<u64>,
}

impl UserAgent for Impatient {
    fn open(&mut self, _url: &str) -> Result<(), UserAgentError> {
        Err(UserAgentError::NoBrowser)
    }

    fn redirect<'b>(&mut self, _buffer: &'b mut [u8]) -> Result<Option<Redirect<'b>>, UserAgentError> {
        Err(UserAgentError::NoBrowser)
    }

    fn display(&mut self, code: &UserCode<'_>) -> Result<(), UserAgentError> {
        match self.next_poll.replace(code.next_poll().expect("there is time")) {
            Some(before) if self.next_poll != Some(before) => Err(UserAgentError::Cancelled),
            _ => Ok(()),
        }
    }
}

// REQ: SM-14
#[test]
fn power_is_lost_between_two_polls() {
    let mut program = Program::new(&PLAIN);
    let (mut clock, mut snapshot) = (hasty(), [0; 1024]);
    let length = program.with_client(public, |client, http, _| {
        let mut flow = DeviceAuthorization::<512>::new(client, seed(), clock.now())?.pkce();
        let given_up = run(&mut flow, http, &mut Impatient::default(), &mut clock, &mut [0; 8192], |_| ());
        assert!(matches!(given_up, Err(Failure::UserAgent(UserAgentError::Cancelled))), "{given_up:?}");
        Ok(flow.save(clock.now(), &mut snapshot)?)
    });
    let snapshot = &snapshot[..length.expect("a snapshot")];

    // A new program, whose steady count begins anew.
    let mut phone = Phone::new(|browser, shown| {
        browser.open(&shown.scannable);
        browser::sign_in(browser, "alice");
    });
    let mut clock = hasty();
    let user = Program::new(&PLAIN).with_client(public, |client, http, _| {
        let mut flow = DeviceAuthorization::<512>::restore(client, snapshot, clock.now())?;
        Ok(outcome(&mut flow, http, &mut phone, &mut clock))
    });
    assert_eq!(user.expect("the snapshot is good").expect("a sign-in").subject, "alice");
    let left = phone.shown.expect("the code is shown again").seconds_left;
    assert!((400..=595).contains(&left), "{left}");
    assert_eq!(seen_of(&PLAIN, "public", "/oauth/device/code").len(), 1, "the codes are the same");
}
