//! Staying signed in, and what the server makes of it.

use std::time::Duration;

use keyfob_core::{
    Keep,
    client::Client,
    dpop::Dpop,
    error::{Error, ErrorCode},
    exchange::{Discovery, Revocation, UserInfo},
    flow::{AuthorizationCode, RefreshToken},
    http::{Incoming, Request},
    metadata::Metadata,
    session::{Session, SignInReason},
    sign_out::{Outcome, SignOut},
};
use keyfob_interop::{
    clock::Paced,
    person::{Nobody, Person},
    provider::Provider,
};
use keyfob_std::{
    Clock, fetch,
    http::{Http, HttpError, HttpErrorKind, HttpsClient},
    redirect::{Loopback, LoopbackHost},
    run,
    session::{FileStore, Unavailable, keep_fresh, sign_out},
};
use tempfile::TempDir;

use crate::{BRIEF, ES256, NONCES, PLAIN, alice, introspect, post, seed, until};

/// A network that does as told.
struct Network {
    http: HttpsClient,
    keep: Option<Keep>,
    /// What happens to the next request for tokens.
    fate: Option<Fate>,
    /// What was taken back: the token, and what it is.
    revoked: Vec<(String, String)>,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Fate {
    AnswerLost,
    NotSent,
}

impl Http for Network {
    fn send(&mut self, request: &Request<'_>) -> Result<(), HttpError> {
        if self.fate == Some(Fate::NotSent) {
            return Err(HttpError::new(HttpErrorKind::Connect, false));
        }
        self.keep = Some(request.keep());
        let body = str::from_utf8(request.body()).expect("ASCII");
        let mut pairs = body.split('&').filter_map(|pair| pair.split_once('='));
        let mut value = |name| pairs.find(|pair| pair.0 == name).map(|pair| pair.1.to_string());
        self.revoked.extend(value("token").zip(value("token_type_hint")));
        self.http.send(request)
    }

    fn receive(&mut self, incoming: &mut Incoming<'_>) -> Result<(), HttpError> {
        match self.fate.take() {
            // The server has answered, and knows nothing of the loss.
            Some(Fate::AnswerLost) => {
                let mut room = [0; 4096];
                self.http.receive(&mut Incoming::new(self.keep.expect("a request"), &mut room))?;
                Err(HttpError::new(HttpErrorKind::Timeout, true))
            }
            _ => self.http.receive(incoming),
        }
    }
}

/// A device: what it has on its disk, and how it reaches the server.
struct Device {
    clock: Paced,
    disk: TempDir,
    network: Network,
    provider: &'static Provider,
    settings: Settings,
    document: Vec<u8>,
}

type Settings = for<'c> fn(Metadata<'c>, &'c str) -> Client<'c>;

/// The client of a desktop, where each sign-in has a port of its own.
fn desktop<'c>(metadata: Metadata<'c>, redirect_uri: &'c str) -> Client<'c> {
    Client::new(metadata, "public").scope(&["openid", "offline_access"]).redirect_uri(redirect_uri)
}

/// The same with tokens that are bound to a key.
fn bound<'c>(metadata: Metadata<'c>, redirect_uri: &'c str) -> Client<'c> {
    let scope = &["openid", "offline_access"];
    Client::new(metadata, "public-dpop").scope(scope).redirect_uri(redirect_uri).dpop(Dpop::new(&*ES256))
}

type Kept<'c> = Session<'c, 2048>;

impl Device {
    fn new(provider: &'static Provider, settings: Settings) -> Self {
        let http = HttpsClient::new().expect("a client");
        Self {
            clock: Paced::new(100),
            disk: tempfile::tempdir().expect("a folder"),
            network: Network { http, keep: None, fate: None, revoked: Vec::new() },
            provider,
            settings,
            document: vec![0; 4096],
        }
    }

    /// Starts the program, and gives `act` its session as it was found on the disk.
    fn start<R>(
        &mut self,
        act: impl FnOnce(Client<'_>, &mut Kept<'_>, &mut FileStore, &mut Network, &mut Paced) -> R,
    ) -> R {
        let Self { clock, disk, network, provider, settings, document } = self;
        *clock = Paced::new(100);
        let loopback = Loopback::bind(LoopbackHost::V4, 0, "/callback").expect("a listener");
        let redirect_uri = loopback.redirect_uri().to_string();
        drop(loopback);
        let discovery = Discovery::insecure_loopback_http(provider.issuer()).expect("an issuer");
        let metadata = fetch(&discovery, network, clock, document).expect("metadata");
        let client = settings(metadata, &redirect_uri);
        let mut session = Kept::new(&client, &seed()).expect("a client").keep_id_token();
        let mut store = FileStore::new(disk.path()).expect("a folder");
        act(client, &mut session, &mut store, network, clock)
    }

    /// Starts the program where nobody has signed in yet, signs Alice in, and gives the refresh token.
    fn sign_in(&mut self) -> String {
        self.start(|client, session, store, network, clock| {
            let nobody = keep_fresh(session, store, network, clock, &mut [0; 8192]);
            assert!(matches!(nobody, Err(Unavailable::SignIn(SignInReason::NeverSignedIn))), "{nobody:?}");
            let loopback = Loopback::bind(LoopbackHost::V4, 0, "/callback").expect("a listener");
            let redirect_uri = loopback.redirect_uri().to_string();
            let client = client.redirect_uri(&redirect_uri);
            let mut flow = AuthorizationCode::<512>::new(&client, seed(), clock.now()).expect("a flow");
            let (mut user_agent, person) = Person::new(loopback, alice);
            let now = clock.now();
            let kept = run(&mut flow, network, &mut user_agent, clock, &mut [0; 8192], |tokens| {
                session
                    .sign_in(now, &tokens)
                    .map(|()| tokens.refresh_token().expect("a refresh token").to_string())
            });
            assert!(person.end_page().text.contains("signed in"));
            let stored = keep_fresh(session, store, network, clock, &mut [0; 8192]);
            assert!(matches!(stored, Ok(None)), "{stored:?}");
            kept.expect("a sign-in").expect("a session")
        })
    }
}

fn fresh(
    session: &mut Kept<'_>,
    store: &mut FileStore,
    network: &mut Network,
    clock: &mut Paced,
) -> Result<String, Unavailable> {
    assert!(keep_fresh(session, store, network, clock, &mut [0; 8192])?.is_none(), "the disk works");
    let token = session.access_token(clock.now()).expect("a fresh token");
    Ok(token.expose().to_string())
}

/// Claims about the user, as long as the server takes the token.
fn is_taken(client: &Client<'_>, token: &str, network: &mut Network, clock: &mut Paced) -> bool {
    match fetch(&UserInfo::new(client, token, "alice"), network, clock, &mut [0; 4096]) {
        Ok(_) => true,
        Err(keyfob_std::Failure::Flow(Error::Refused(ErrorCode::InvalidToken))) => false,
        Err(failure) => panic!("{failure:?}"),
    }
}

/// A fresh token, unless this machine was so busy that it has expired on the way to the server.
fn fresh_and_taken(
    client: &Client<'_>,
    session: &mut Kept<'_>,
    store: &mut FileStore,
    network: &mut Network,
    clock: &mut Paced,
) -> Option<String> {
    keep_fresh(session, store, network, clock, &mut [0; 8192]).expect("a session");
    let token = session.access_token(clock.now())?.expose().to_string();
    is_taken(client, &token, network, clock).then_some(token)
}

// REQ: REFRESH-01, REFRESH-03
#[test]
fn tokens_stay_fresh_and_survive_restarts() {
    let mut device = Device::new(&BRIEF, desktop);
    device.sign_in();
    let last = device.start(|client, session, store, network, clock| {
        let first = until(|| fresh_and_taken(&client, session, store, network, clock));
        assert_eq!(session.subject(), Some("alice"));
        assert!(session.id_token_hint().is_some_and(|hint| hint.starts_with("eyJ")));
        until(|| (!is_taken(&client, &first, network, clock)).then_some(()));
        // The server is done with it, and the session knows.
        let second = until(|| fresh_and_taken(&client, session, store, network, clock));
        assert_ne!(second, first);
        second
    });
    // The access token is not stored: a restart brings a new one.
    device.start(|client, session, store, network, clock| {
        let token = until(|| fresh_and_taken(&client, session, store, network, clock));
        assert_ne!(token, last);
    });
}

/// The server changes its nonce while the session sleeps, and nothing of the key is on the disk.
// REQ: REFRESH-13, DPOP-06, DPOP-08
#[test]
fn tokens_that_are_bound_to_a_key_stay_fresh() {
    let mut device = Device::new(&NONCES, bound);
    device.sign_in();
    let first = device.start(|client, session, store, network, clock| {
        let first = fresh(session, store, network, clock).expect("a token");
        assert!(is_taken(&client, &first, network, clock));
        clock.pass(Duration::from_secs(3600));
        let second = fresh(session, store, network, clock).expect("a token");
        assert_ne!(second, first);
        assert!(is_taken(&client, &second, network, clock));
        second
    });
    assert_eq!(introspect(&NONCES, &first)["token_type"], "DPoP");
    // To a client without the key it is another client's session.
    device.settings = |metadata, redirect_uri| {
        Client::new(metadata, "public-dpop").scope(&["openid", "offline_access"]).redirect_uri(redirect_uri)
    };
    device.start(|_, session, store, network, clock| {
        let over = fresh(session, store, network, clock);
        assert!(matches!(over, Err(Unavailable::SignIn(SignInReason::ClientChanged))), "{over:?}");
    });
}

// REQ: REFRESH-09, REFRESH-10
#[test]
fn a_request_that_is_lost_does_no_harm_and_a_lost_answer_is_named() {
    let mut device = Device::new(&PLAIN, desktop);
    device.sign_in();
    device.start(|_, session, store, network, clock| {
        let first = fresh(session, store, network, clock).expect("a token");
        clock.pass(Duration::from_secs(3600));
        network.fate = Some(Fate::NotSent);
        let until = match fresh(session, store, network, clock) {
            Err(Unavailable::Later { until, network: Some(error), .. }) if !error.maybe_sent() => until,
            other => panic!("{other:?}"),
        };
        network.fate = None;
        let wait = until - clock.now().uptime;
        clock.pass(Duration::from_millis(wait));
        let second = fresh(session, store, network, clock).expect("a token");
        assert_ne!(second, first);
        assert_eq!(introspect(&PLAIN, &second)["active"], true);

        // The server gave new tokens to nobody. It takes the second use for theft.
        clock.pass(Duration::from_secs(3600));
        network.fate = Some(Fate::AnswerLost);
        let lost = fresh(session, store, network, clock);
        assert!(matches!(lost, Err(Unavailable::SignIn(SignInReason::AnswerLost))), "{lost:?}");
        assert!(session.access_token(clock.now()).is_none());
        assert_eq!(introspect(&PLAIN, &second)["active"], false);
    });
    device.start(|_, session, store, network, clock| {
        let over = fresh(session, store, network, clock);
        assert!(matches!(over, Err(Unavailable::SignIn(SignInReason::NeverSignedIn))), "{over:?}");
    });
}

// REQ: REFRESH-08
#[test]
fn a_stolen_refresh_token_ends_the_session() {
    let mut device = Device::new(&PLAIN, desktop);
    let token = device.sign_in();
    let theft = [("client_id", "public"), ("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
    let (status, loot) = post(&PLAIN, "/oauth/token", &theft);
    assert_eq!(status, 200, "{loot}");
    let loot = loot["access_token"].as_str().expect("a token").to_string();
    assert_eq!(introspect(&PLAIN, &loot)["active"], true);

    device.start(|_, session, store, network, clock| {
        let over = fresh(session, store, network, clock);
        let reason = SignInReason::Refused(ErrorCode::InvalidGrant);
        assert!(matches!(over, Err(Unavailable::SignIn(found)) if found == reason), "{over:?}");
        assert!(session.refusal().is_some_and(|refusal| refusal.code() == "invalid_grant"));
    });
    // What the thief has got is worth nothing any more.
    assert_eq!(introspect(&PLAIN, &loot)["active"], false);
}

// REQ: REVOKE-01, REVOKE-02, REVOKE-04, REVOKE-05, LOGOUT-02, LOGOUT-08
#[test]
fn signing_out_takes_the_tokens_back() {
    let mut device = Device::new(&PLAIN, desktop);
    device.sign_in();
    device.start(|client, session, store, network, clock| {
        let access = fresh(session, store, network, clock).expect("a token");
        assert_eq!(introspect(&PLAIN, &access)["active"], true);
        let mut owed = SignOut::<1024>::new(&client, &seed()).expect("a client");
        let outcome = sign_out(session, &mut owed, true, store, network, clock, &mut [0; 8192]);
        assert!(matches!(outcome, Ok(Outcome::Revoked)), "{outcome:?}");
        let over = fresh(session, store, network, clock);
        assert!(matches!(over, Err(Unavailable::SignIn(SignInReason::SignedOut))), "{over:?}");

        let [first, second] = network.revoked.as_slice() else { panic!("{} tokens", network.revoked.len()) };
        assert_eq!((first.1.as_str(), second.1.as_str()), ("refresh_token", "access_token"));
        assert_eq!(second.0, access);
        let token = first.0.clone();
        assert_eq!(introspect(&PLAIN, &token)["active"], false);
        assert_eq!(introspect(&PLAIN, &access)["active"], false);
        let mut flow = RefreshToken::<512>::new(&client, &token, None).expect("a flow");
        let failure =
            run(&mut flow, network, &mut Nobody, clock, &mut [0; 8192], |_| ()).expect_err("it is dead");
        let error = crate::flow_error(failure);
        assert!(matches!(error, Error::Refused(ErrorCode::InvalidGrant)), "{error:?}");
        // Nothing is wrong with a token that the server does not know.
        fetch(&Revocation::refresh_token(&client, &token), network, clock, &mut [0; 2048])
            .expect("a success");
    });
    device.start(|_, session, store, network, clock| {
        let over = fresh(session, store, network, clock);
        assert!(matches!(over, Err(Unavailable::SignIn(SignInReason::NeverSignedIn))), "{over:?}");
    });
}

/// Somebody takes the token back at the server, as an administrator does.
// REQ: REVOKE-02
#[test]
fn what_was_revoked_elsewhere_asks_for_a_sign_in() {
    let mut device = Device::new(&PLAIN, desktop);
    let token = device.sign_in();
    let (status, _) = post(&PLAIN, "/oauth/revoke", &[("client_id", "public"), ("token", &token)]);
    assert_eq!((status, &introspect(&PLAIN, &token)["active"]), (200, &false.into()));
    device.start(|_, session, store, network, clock| {
        let over = fresh(session, store, network, clock);
        let reason = SignInReason::Refused(ErrorCode::InvalidGrant);
        assert!(matches!(over, Err(Unavailable::SignIn(found)) if found == reason), "{over:?}");
    });
}
