//! A user with a browser, and a program that signs them in.

use std::{
    sync::mpsc::{self, Receiver},
    thread::{self, JoinHandle},
    time::Duration,
};

use keyfob_core::{
    claims::Claims,
    client::Client,
    exchange::{Discovery, Jwks, UserInfo},
    flow::{AuthorizationCode, Flow, Redirect, RefreshToken},
    id_token::{Audiences, Checked, Previous},
    jwk::KeySet,
    metadata::Metadata,
    secret::Seed,
    time::UnixTime,
    token::{TokenResponse, TokenType},
};
use keyfob_std::{
    Clock, Failure, SystemClock,
    entropy::SystemEntropy,
    fetch,
    http::{Http, HttpsClient},
    redirect::{Loopback, LoopbackHost},
    run,
    user_agent::{Desktop, UserAgent, UserAgentError},
};

use crate::{
    browser::{Browser, Options},
    provider::Provider,
};

/// The time for pages to come and go.
const PAGES: Duration = Duration::from_secs(20);

/// Makes a client from a provider's metadata.
pub type Settings = for<'c> fn(Metadata<'c>) -> Client<'c>;

/// How a sign-in ended: with the server's reason, if it refused.
pub type Outcome = Result<SignedIn, (Failure, Option<String>)>;

/// What a program learned from a sign-in, kept beyond its buffer.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The access token.
    pub access_token: String,
    /// The audiences of the ID token.
    pub audiences: Audiences,
    /// `auth_time`.
    pub auth_time: Option<UnixTime>,
    /// What was checked.
    pub checked: Checked,
    /// The claims as JSON.
    pub claims: serde_json::Value,
    /// Seconds that the access token lives.
    pub expires_in: Option<u32>,
    /// The ID token itself.
    pub id_token: String,
    /// The refresh token.
    pub refresh_token: Option<String>,
    /// The scope that was granted.
    pub scope: Option<String>,
    /// `sub`.
    pub subject: String,
    /// How the access token is shown to an API.
    pub token_type: TokenType,
}

impl SignedIn {
    /// Copies what a token response holds.
    pub fn from_tokens(tokens: TokenResponse<'_>) -> Self {
        let id_token = tokens.id_token().expect("an ID token");
        let mut room = [0; 1024];
        let subject = id_token.subject(&mut room).expect("a subject").to_string();
        Self {
            access_token: tokens.access_token().into(),
            audiences: id_token.audiences(),
            auth_time: id_token.claims().number("auth_time").map(UnixTime::from_seconds),
            checked: id_token.checked(),
            claims: json(id_token.claims()),
            expires_in: tokens.expires_in(),
            id_token: id_token.as_str().into(),
            refresh_token: tokens.refresh_token().map(Into::into),
            scope: tokens.scope().map(Into::into),
            subject,
            token_type: tokens.token_type(),
        }
    }
}

/// The claims as a JSON value.
pub fn json(claims: Claims<'_>) -> serde_json::Value {
    let mut room = [0; 4096];
    serde_json::from_str(claims.json(&mut room).expect("claims")).expect("JSON")
}

/// The page that the browser shows in the end.
#[derive(Clone, Debug, Default)]
pub struct EndPage {
    /// Its address.
    pub url: String,
    /// Its text.
    pub text: String,
}

/// A browser that goes where the program says, and then does what `act` says.
pub struct Person {
    shown: Receiver<JoinHandle<EndPage>>,
}

impl Person {
    /// A user agent for [`run`], and the person behind it.
    pub fn new(loopback: Loopback, act: impl FnOnce(&Browser) + Send + 'static) -> (Desktop, Self) {
        let redirect_uri = loopback.redirect_uri().to_string();
        let (send, shown) = mpsc::channel();
        let mut act = Some(act);
        let desktop = Desktop::new(loopback).without_browser().show(move |url| {
            let act = act.take().expect("the address is shown once");
            let (url, redirect_uri) = (url.to_string(), redirect_uri.clone());
            let thread = thread::spawn(move || visit(&url, &redirect_uri, act));
            send.send(thread).expect("a person who waits");
        });
        (desktop, Self { shown })
    }

    /// The page that the browser ended on; none, where the program came to no address to open.
    pub fn end_page(self) -> EndPage {
        let thread = self.shown.try_recv().ok();
        thread.map(|thread| thread.join().expect("the browser came to an end page")).unwrap_or_default()
    }
}

fn visit(url: &str, redirect_uri: &str, act: impl FnOnce(&Browser)) -> EndPage {
    let browser = Browser::start_with(Options { accept_insecure_certs: true });
    browser.open(url);
    act(&browser);
    browser.wait_for(|browser| browser.url().starts_with(redirect_uri) && !browser.text().is_empty(), PAGES);
    EndPage { url: browser.url(), text: browser.text() }
}

/// A program on a desktop, and its settings at one provider.
pub struct Program {
    /// Its transport.
    pub http: HttpsClient,
    /// Its clock.
    pub clock: SystemClock,
    issuer: String,
    server: Vec<u8>,
}

impl Program {
    /// A program that knows the provider's root certificate, if it has one of its own.
    pub fn new(provider: &Provider) -> Self {
        let mut http = HttpsClient::builder();
        if provider.issuer().starts_with("https:") {
            let roots = std::fs::read(provider.ca_file()).expect("the certificate");
            http = http.root_certificates_pem(&roots).expect("a certificate");
        }
        Self {
            http: http.build().expect("a client"),
            clock: SystemClock::new(),
            issuer: provider.issuer().into(),
            server: vec![0; 4096],
        }
    }

    /// Fetches the provider's metadata, and makes the client from it.
    pub fn discover<T>(&mut self, settings: impl for<'c> FnOnce(Metadata<'c>) -> T) -> Result<T, Failure> {
        let discovery = Discovery::insecure_loopback_http(&self.issuer)?;
        fetch(&discovery, &mut self.http, &mut self.clock, &mut self.server).map(settings)
    }

    /// Makes the client from the provider's metadata, and does something with it.
    pub fn with_client<R>(
        &mut self,
        settings: Settings,
        act: impl FnOnce(&Client<'_>, &mut HttpsClient, &mut SystemClock) -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        let Self { http, clock, issuer, server } = self;
        let discovery = Discovery::insecure_loopback_http(issuer)?;
        let client = settings(fetch(&discovery, http, clock, server)?);
        act(&client, http, clock)
    }

    /// Fetches the provider's keys, to keep them.
    pub fn keys(&mut self, settings: Settings) -> Result<Vec<u8>, Failure> {
        self.with_client(settings, |client, http, clock| {
            fetch(&Jwks::new(client), http, clock, &mut [0; 4096]).map(|keys| keys.as_bytes().to_vec())
        })
    }

    /// Signs a user in with the code flow; the browser does what `act` says.
    pub fn sign_in(
        &mut self,
        settings: Settings,
        act: impl FnOnce(&Browser) + Send + 'static,
    ) -> (Outcome, EndPage) {
        self.sign_in_at(Loopback::bind(LoopbackHost::V4, 0, "/callback").expect("a listener"), settings, act)
    }

    /// The same with a listener of the caller's.
    pub fn sign_in_at(
        &mut self,
        loopback: Loopback,
        settings: Settings,
        act: impl FnOnce(&Browser) + Send + 'static,
    ) -> (Outcome, EndPage) {
        self.with_person(loopback, &[], settings, act)
    }

    /// The same with keys that were kept.
    pub fn sign_in_with_keys(
        &mut self,
        keys: &[u8],
        settings: Settings,
        act: impl FnOnce(&Browser) + Send + 'static,
    ) -> (Outcome, EndPage) {
        let loopback = Loopback::bind(LoopbackHost::V4, 0, "/callback").expect("a listener");
        self.with_person(loopback, keys, settings, act)
    }

    fn with_person(
        &mut self,
        loopback: Loopback,
        keys: &[u8],
        settings: Settings,
        act: impl FnOnce(&Browser) + Send + 'static,
    ) -> (Outcome, EndPage) {
        let redirect_uri = loopback.redirect_uri().to_string();
        let (mut desktop, person) = Person::new(loopback, act);
        let outcome = self.attempt(&mut desktop, &redirect_uri, keys, settings);
        (outcome, person.end_page())
    }

    /// Signs a user in with a user agent of the caller's.
    pub fn sign_in_with(
        &mut self,
        user_agent: &mut impl UserAgent,
        redirect_uri: &str,
        settings: Settings,
    ) -> Outcome {
        self.attempt(user_agent, redirect_uri, &[], settings)
    }

    fn attempt(
        &mut self,
        user_agent: &mut impl UserAgent,
        redirect_uri: &str,
        keys: &[u8],
        settings: Settings,
    ) -> Outcome {
        let attempted = self.with_client(settings, |client, http, clock| {
            let client = client.redirect_uri(redirect_uri).keys(KeySet::from_bytes(keys));
            let seed = Seed::draw(&mut SystemEntropy)?;
            let mut flow = AuthorizationCode::<512>::new(&client, seed, clock.now())?;
            Ok(outcome(&mut flow, http, user_agent, clock))
        });
        attempted.unwrap_or_else(|failure| Err((failure, None)))
    }

    /// Refreshes, and gives what came of it.
    pub fn refresh(&mut self, user: &SignedIn, settings: Settings) -> Result<Refreshed, Failure> {
        self.with_client(settings, |client, http, clock| {
            let previous = Previous {
                subject: &user.subject,
                audiences: user.audiences,
                auth_time: user.auth_time,
                nonce: user.claims["nonce"].as_str(),
            };
            let token = user.refresh_token.as_deref().expect("a refresh token");
            let mut flow = RefreshToken::<512>::new(client, token, Some(previous))?;
            run(&mut flow, http, &mut Nobody, clock, &mut [0; 8192], |tokens| Refreshed {
                access_token: tokens.access_token().into(),
                has_id_token: tokens.id_token().is_some(),
                refresh_token: tokens.refresh_token().map(Into::into),
            })
        })
    }

    /// Fetches claims about the user, who is `subject`.
    pub fn userinfo(
        &mut self,
        access_token: &str,
        subject: &str,
        settings: Settings,
    ) -> Result<serde_json::Value, Failure> {
        self.with_client(settings, |client, http, clock| {
            fetch(&UserInfo::new(client, access_token, subject), http, clock, &mut [0; 4096]).map(json)
        })
    }
}

/// Drives a flow to its end, and gives what came of it.
pub fn outcome(
    flow: &mut dyn Flow,
    http: &mut impl Http,
    user_agent: &mut impl UserAgent,
    clock: &mut impl Clock,
) -> Outcome {
    let outcome = run(flow, http, user_agent, clock, &mut [0; 8192], SignedIn::from_tokens);
    outcome.map_err(|failure| {
        let reason = flow.refusal().map(|reason| format!("{}: {}", reason.code(), reason.description()));
        (failure, reason)
    })
}

/// What a refresh brought.
#[derive(Clone, Debug)]
pub struct Refreshed {
    /// The new access token.
    pub access_token: String,
    /// Whether an ID token came, and passed.
    pub has_id_token: bool,
    /// The new refresh token.
    pub refresh_token: Option<String>,
}

/// A user agent for flows that need none.
pub struct Nobody;

impl UserAgent for Nobody {
    fn open(&mut self, _url: &str) -> Result<(), UserAgentError> {
        Err(UserAgentError::NoBrowser)
    }

    fn redirect<'b>(&mut self, _buffer: &'b mut [u8]) -> Result<Option<Redirect<'b>>, UserAgentError> {
        Err(UserAgentError::NoBrowser)
    }
}
