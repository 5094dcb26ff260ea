//! A relying party: discovery, sign-in, UserInfo, and a refresh, as an application puts them in a row.

use std::cell::Cell;

use keyfob_core::{
    client::{Client, ResponseMode},
    client_authentication::ClientAuthentication,
    error::{Check, Error},
    exchange::{Discovery, Exchange, Jwks, UserInfo},
    flow::{Action, AuthorizationCode, Event, Flow, Redirect, RefreshToken},
    http::Incoming,
    id_token::{Audiences, Previous},
    jwk::KeySet,
    jws::{Es256, Hs256, Rs256, Verifier},
    metadata::Metadata,
    secret::Secret,
};
use keyfob_tests::{
    clock::{NOW, TestClock, later},
    executor::block_on,
    link::Link,
    outcome::{Outcome, Tokens},
    person::{Deed, Person},
    seeds,
    server::{Return, Server},
    suite::{CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, SUITE_ISSUER, Suite},
};
use serde_json::Value;

/// Who carries the requests.
#[derive(Clone, Copy, Debug)]
enum Way {
    Core,
    Embassy,
    Std,
}

/// A relying party, and the server that it is registered at.
pub struct Party {
    way: Way,
    authentication: ClientAuthentication<'static>,
    mode: ResponseMode,
    /// What it asks for.
    pub scope: &'static [&'static str],
    /// The algorithms that it takes.
    pub algorithms: &'static [&'static dyn Verifier],
    /// Whether it fetches the keys before the user is sent, and keeps them.
    pub caches: bool,
    /// What is changed about its client.
    pub settings: fn(Client<'_>) -> Client<'_>,
    /// What becomes of the right authorization response on its way.
    pub response: fn(&str) -> String,
    link: Link,
    sign_ins: Cell<u64>,
}

/// What a sign-in brought.
#[derive(Debug)]
pub struct SignedIn {
    /// The tokens.
    pub tokens: Tokens,
    /// The claims of UserInfo, or why there are none.
    pub claims: Result<Value, Error>,
}

/// More milliseconds than a user has to come back.
const LIFETIME: u64 = 600_001;

/// RS256, as every client.
pub const RS256: &[&dyn Verifier] = &[&Rs256];
/// ES256 alone.
pub const ES256: &[&dyn Verifier] = &[&Es256];
/// HS256 alone.
pub const HS256: &[&dyn Verifier] = &[&Hs256];

/// The requests of a sign-in to its end.
pub const ALL: [&str; 4] = [DISCOVERY, TOKEN, KEYS, USERINFO];
/// A request for the metadata.
pub const DISCOVERY: &str = "GET /.well-known/openid-configuration";
/// A token request.
pub const TOKEN: &str = "POST /token";
/// A request for the keys.
pub const KEYS: &str = "GET /jwks/0c2f9d";
/// A request for claims.
pub const USERINFO: &str = "GET /userinfo";

/// A party of every kind, each with a server of its own that is set up so, and does what the module says.
pub fn every(setup: fn(&mut Server), module: impl Fn(&mut Party)) {
    use ClientAuthentication::{ClientSecretBasic, ClientSecretPost, None};
    let secret = || Secret::new(CLIENT_SECRET);
    for way in [Way::Core, Way::Embassy, Way::Std] {
        for authentication in [None, ClientSecretBasic(secret()), ClientSecretPost(secret())] {
            for mode in [ResponseMode::Query, ResponseMode::FormPost] {
                let name = match authentication {
                    ClientSecretBasic(_) => "client_secret_basic",
                    ClientSecretPost(_) => "client_secret_post",
                    _ => "none",
                };
                println!("{way:?}, {name}, {mode:?}");
                let mut party = Party {
                    way,
                    authentication,
                    mode,
                    scope: &["openid"],
                    algorithms: RS256,
                    caches: false,
                    settings: |client| client,
                    response: str::to_owned,
                    link: Link::default(),
                    sign_ins: Cell::new(0),
                };
                party.server(|server| {
                    server.suite = Some(Suite { authentication: name, ..Suite::default() });
                    setup(server);
                });
                module(&mut party);
            }
        }
    }
}

/// A module that ends with UserInfo.
pub fn passes(setup: fn(&mut Server)) {
    every(setup, |party| {
        let done = party.sign_in().expect("all goes well");
        assert!(done.claims.is_ok());
        assert_eq!(party.requests(), ALL);
        assert_eq!(party.access_token(), done.tokens.access_token);
    });
}

/// A module with a bad token answer: this error, and silence.
pub fn refuses(setup: fn(&mut Server), error: impl Into<Error>) {
    let error = error.into();
    every(setup, |party| {
        assert_eq!(party.sign_in().err(), Some(error));
        let unsigned = error == Error::Check(Check::AlgorithmNone);
        let requests = if unsigned { &[DISCOVERY, TOKEN][..] } else { &[DISCOVERY, TOKEN, KEYS] };
        assert_eq!(party.requests(), requests);
    });
}

/// Changes the suite of a server.
pub fn suite(server: &mut Server) -> &mut Suite {
    server.suite.as_mut().expect("the suite")
}

impl Party {
    /// Looks at the server, or changes it.
    pub fn server<R>(&self, look: impl FnOnce(&mut Server) -> R) -> R {
        look(&mut self.link.server())
    }

    /// The requests that the server saw so far, without host and alias.
    pub fn requests(&self) -> Vec<String> {
        self.server(|server| {
            let suite = server.suite.as_ref().expect("the suite");
            server
                .received
                .iter()
                .map(|sent| format!("{} {}", sent.method, suite.path(sent.path())))
                .collect()
        })
    }

    /// The access token of the last request.
    pub fn access_token(&self) -> String {
        self.server(|server| {
            let last = server.received.last().and_then(|request| request.header("Authorization"));
            last.and_then(|header| header.strip_prefix("Bearer ")).expect("a bearer token").into()
        })
    }

    /// Discovery, a sign-in, and UserInfo.
    pub fn sign_in(&self) -> Result<SignedIn, Error> {
        let mut room = [0; 2048];
        let metadata = self.discover(&mut room)?;
        self.sign_in_at(metadata, KeySet::EMPTY)
    }

    /// Discovery.
    pub fn discover<'b>(&self, room: &'b mut [u8]) -> Result<Metadata<'b>, Error> {
        self.fetch(&Discovery::new(SUITE_ISSUER).expect("an issuer"), room)
    }

    /// The client at a server that was discovered.
    pub fn client<'c>(&self, metadata: Metadata<'c>) -> Client<'c> {
        let client = Client::new(metadata, CLIENT_ID)
            .redirect_uri(REDIRECT_URI)
            .authentication(self.authentication)
            .response_mode(self.mode)
            .scope(self.scope)
            .algorithms(self.algorithms);
        (self.settings)(client)
    }

    /// A sign-in and UserInfo, with keys that are known already.
    pub fn sign_in_at(&self, metadata: Metadata<'_>, known: KeySet<'_>) -> Result<SignedIn, Error> {
        let mut room = [0; 4096];
        let client = self.client(metadata).keys(known);
        let fetched = if self.caches { self.fetch(&Jwks::new(&client), &mut room)? } else { known };
        let client = client.keys(fetched);
        let number = self.sign_ins.get() + 1;
        self.sign_ins.set(number);
        let mut flow = AuthorizationCode::<256>::new(&client, seeds::seed(number), NOW)?;
        let tokens = self.run(&mut flow)?;
        let claims = self.userinfo(&client, &tokens);
        Ok(SignedIn { tokens, claims })
    }

    /// UserInfo.
    pub fn userinfo(&self, client: &Client<'_>, tokens: &Tokens) -> Result<Value, Error> {
        let subject = tokens.subject.as_deref().expect("a user");
        let mut room = [0; 1024];
        let claims = self.fetch(&UserInfo::new(client, &tokens.access_token, subject), &mut room)?;
        Ok(serde_json::from_str(claims.json(&mut [0; 1024])?).expect("claims are JSON"))
    }

    /// A sign-in, a refresh, and UserInfo with the new access token.
    pub fn sign_in_and_refresh(&self) -> Result<[Tokens; 2], Error> {
        let mut room = [0; 2048];
        let client = self.client(self.discover(&mut room)?);
        let mut flow = AuthorizationCode::<256>::new(&client, seeds::seed(1), NOW)?;
        let first = self.run(&mut flow)?;
        let previous = Previous {
            subject: first.subject.as_deref().expect("a user"),
            audiences: Audiences::CLIENT,
            auth_time: None,
            nonce: None,
        };
        let token = first.refresh_token.as_deref().expect("a refresh token");
        let mut flow = RefreshToken::<256>::new(&client, token, Some(previous))?;
        let second = self.run(&mut flow)?;
        self.userinfo(&client, &second)?;
        Ok([first, second])
    }

    /// Drives a flow to its end. After an end that is no good one it asks for nothing more.
    fn run(&self, flow: &mut dyn Flow) -> Result<Tokens, Error> {
        let outcome = self.drive(flow);
        if outcome.is_err() {
            let before = self.requests();
            let expired = matches!(outcome, Err(Error::Expired));
            let now = if expired { later(LIFETIME) } else { NOW };
            let error = outcome.as_ref().err().copied();
            match flow.poll(now, &mut [0; 4096]) {
                // The user may try once more; nothing is sent.
                Ok(Action::Authorize(_)) => assert!(matches!(error, Some(Error::Check(_)))),
                Err(again) => assert!([error, Some(Error::AnswerLost)].contains(&Some(again)), "{again:?}"),
                Ok(other) => panic!("after {outcome:?} it goes on: {other:?}"),
            }
            assert_eq!(self.requests(), before);
        }
        outcome
    }

    fn drive(&self, flow: &mut dyn Flow) -> Result<Tokens, Error> {
        let mut buffer = [0; 4096];
        let mut person = Person::new(self.link.clone(), &[Deed::Bring(self.response)]);
        if self.mode == ResponseMode::FormPost {
            person = Person::new(self.link.clone(), &[Deed::Form(self.response)]);
        }
        let done = |tokens: keyfob_core::token::TokenResponse<'_>| Tokens::of(&tokens);
        let (mut http, mut clock) = (self.link.clone(), self.link.world().clock.clone());
        let outcome: Outcome = match self.way {
            Way::Core => return self.by_hand(flow, &mut buffer),
            Way::Embassy => {
                block_on(keyfob_embassy::run(flow, &mut http, &mut person, &mut clock, &mut buffer, done))
                    .into()
            }
            Way::Std => keyfob_std::run(flow, &mut http, &mut person, &mut clock, &mut buffer, done).into(),
        };
        match outcome {
            Outcome::Tokens(tokens) => Ok(tokens),
            Outcome::Flow(error) => Err(error),
            // Who waits for a better response in vain waits for ever.
            other => panic!("{other:?}"),
        }
    }

    fn by_hand(&self, flow: &mut dyn Flow, buffer: &mut [u8]) -> Result<Tokens, Error> {
        if let Action::Authorize(url) = flow.poll(NOW, buffer)? {
            let right = self.link.server().authorize(url);
            let (Return::Form(text) | Return::Url(text)) = &right;
            let changed = (self.response)(text);
            let redirect = match right {
                Return::Form(_) => Redirect::Form(&changed),
                Return::Url(_) => Redirect::Url(&changed),
            };
            match flow.handle(NOW, Event::Redirect(redirect)) {
                Ok(tokens) => assert!(tokens.is_none()),
                // Nothing better comes until the time is over.
                Err(error) if error.is_stray_redirect() => {
                    return flow.poll(later(LIFETIME), buffer).map(|action| panic!("{action:?}"));
                }
                Err(error) => return Err(error),
            }
        }
        let Action::Send(request) = flow.poll(NOW, buffer)? else { panic!("a token request comes next") };
        let keep = request.keep();
        self.link.transmit(&request).expect("the network is good");
        let mut incoming = Incoming::new(keep, buffer);
        self.link.deliver(&mut incoming).expect("the network is good");
        let (response, rest) = incoming.finish();
        let outcome = match flow.handle(NOW, Event::Response(response)) {
            Err(Error::KeysNeeded) => {
                let request = flow.keys(&response)?;
                self.link.transmit(&request).expect("the network is good");
                let mut incoming = Incoming::new(request.keep(), rest);
                self.link.deliver(&mut incoming).expect("the network is good");
                let keys = incoming.finish().0.keys()?;
                flow.handle(NOW, Event::Response(response.with_keys(keys)))
            }
            outcome => outcome,
        };
        outcome.map(|tokens| Tokens::of(&tokens.expect("tokens or an error")))
    }

    /// One exchange.
    pub fn fetch<'b, E: Exchange>(&self, exchange: &E, room: &'b mut [u8]) -> Result<E::Output<'b>, Error> {
        let mut http = self.link.clone();
        let flow_error = |failure: String, error: Option<Error>| error.unwrap_or_else(|| panic!("{failure}"));
        match self.way {
            Way::Core => {
                let request = exchange.request(NOW, room)?;
                let keep = request.keep();
                self.link.transmit(&request).expect("the network is good");
                let mut incoming = Incoming::new(keep, room);
                self.link.deliver(&mut incoming).expect("the network is good");
                exchange.response(incoming.finish().0)
            }
            Way::Embassy => {
                block_on(keyfob_embassy::fetch(exchange, &mut http, &mut TestClock::default(), room)).map_err(
                    |failure| {
                        let error = match &failure {
                            keyfob_embassy::Failure::Flow(error) => Some(*error),
                            _ => None,
                        };
                        flow_error(format!("{failure:?}"), error)
                    },
                )
            }
            Way::Std => {
                keyfob_std::fetch(exchange, &mut http, &mut TestClock::default(), room).map_err(|failure| {
                    let error = match &failure {
                        keyfob_std::Failure::Flow(error) => Some(*error),
                        _ => None,
                    };
                    flow_error(format!("{failure:?}"), error)
                })
            }
        }
    }
}
