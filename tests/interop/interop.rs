//! Keyfob's desktop driver against a certified OpenID provider, with a real user in a real browser.
//!
//! The provider has Auth0's paths. What it saw of a request is asked of the provider itself.

use keyfob_core::{
    client::{Client, ResponseMode},
    client_authentication::ClientAuthentication,
    error::{Error, ErrorCode},
    exchange::UserInfo,
    jws::{Algorithm, Es256, Rs256},
    metadata::Metadata,
    secret::Secret,
};
use keyfob_interop::{
    browser::{self, Browser},
    person::{EndPage, Outcome, Program, Settings, SignedIn},
    provider::{Options, Provider},
    tab::Tab,
};
use keyfob_std::{
    Failure, fetch,
    http::{HttpErrorKind, HttpsClient},
    redirect::{Loopback, LoopbackHost},
};

fn public(metadata: Metadata<'_>) -> Client<'_> {
    Client::new(metadata, "public").algorithms(&[&Es256, &Rs256]).scope(&["openid", "profile"])
}

fn alice(browser: &Browser) {
    browser::sign_in(browser, "alice");
}

/// The user is signed in, and the browser says so at an address without the response in it.
#[track_caller]
fn signed_in((outcome, page): (Outcome, EndPage)) -> SignedIn {
    let user = outcome.expect("a sign-in");
    assert_eq!(user.subject, "alice");
    assert_eq!(user.claims["sub"], "alice");
    assert!(page.text.contains("signed in"), "{page:?}");
    assert!(!page.url.contains("code=") && !page.url.contains("state="), "{page:?}");
    user
}

// REQ: AUTHZ-02, PKCE-01, TOKEN-01, AUTHC-01, IDT-01, JOSE-14, REDIR-11, REDIR-25, DRV-02, DISC-01
#[test]
fn public_client_with_pkce() {
    let provider = Provider::start(Options::default());
    let user = signed_in(Program::new(&provider).sign_in(public, alice));
    assert_eq!(user.checked.algorithm, Algorithm::Rs256);
    assert!(user.checked.nonce);
    assert_eq!(user.claims["iss"], provider.issuer());
    assert_eq!(user.claims["aud"], "public");
    assert_eq!(user.scope.as_deref(), Some("openid profile"));
    assert_eq!(user.expires_in, Some(3600));

    let authorize = &provider.seen_at("/authorize")[0]["query"];
    assert_eq!(authorize["code_challenge_method"], "S256");
    assert_eq!(authorize["response_type"], "code");
    let token = &provider.seen_at("/oauth/token")[0];
    assert_eq!(token["authentication"], "none");
    let mut names: Vec<_> =
        token["body"].as_array().expect("names").iter().filter_map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["client_id", "code", "code_verifier", "grant_type", "redirect_uri"]);
}

// REQ: HTTP-05, DRV-10
#[test]
fn over_https_with_a_root_certificate_of_its_own() {
    let provider = Provider::start(Options { https: true, ..Options::default() });
    let user = signed_in(Program::new(&provider).sign_in(public, alice));
    assert_eq!(user.claims["iss"], provider.issuer());

    // Without that certificate nothing is sent.
    let before = provider.seen().len();
    let mut stranger = Program::new(&provider);
    stranger.http = HttpsClient::new().expect("a client");
    match stranger.discover(|metadata| format!("{metadata:?}")) {
        Err(Failure::Http(error)) => {
            assert_eq!(error.kind(), HttpErrorKind::Tls);
            assert!(!error.maybe_sent());
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(provider.seen().len(), before);
}

// REQ: JOSE-16, JOSE-08
#[test]
fn id_token_with_es256() {
    let provider = Provider::start(Options::default());
    let settings: Settings = |metadata| Client::new(metadata, "public-es256").algorithms(&[&Es256]);
    let user = signed_in(Program::new(&provider).sign_in(settings, alice));
    assert_eq!(user.checked.algorithm, Algorithm::Es256);
}

// REQ: JOSE-06
#[test]
fn id_token_with_another_algorithm_than_named() {
    let provider = Provider::start(Options::default());
    let settings: Settings = |metadata| Client::new(metadata, "public-es256").algorithms(&[&Rs256]);
    let (outcome, page) = Program::new(&provider).sign_in(settings, alice);
    let (failure, _) = outcome.expect_err("the token is signed with ES256");
    assert!(matches!(failure, Failure::Flow(Error::Check(_))), "{failure:?}");
    assert!(!page.text.contains("You are signed in"), "{page:?}");
}

// REQ: AUTHC-02, AUTHC-03
#[test]
fn client_secret_basic_with_odd_characters() {
    let provider = Provider::start(Options::default());
    let settings: Settings = |metadata| {
        let secret = Secret::new("basic secret:with/odd+chars%&=~*");
        Client::new(metadata, "conf-basic").authentication(ClientAuthentication::ClientSecretBasic(secret))
    };
    signed_in(Program::new(&provider).sign_in(settings, alice));
    let token = &provider.seen_at("/oauth/token")[0];
    assert_eq!(token["authentication"], "basic");
    let names = token["body"].to_string();
    assert!(!names.contains("client_id") && !names.contains("client_secret"), "{names}");
    // PKCE goes with a secret too.
    assert!(names.contains("code_verifier"), "{names}");
}

// REQ: AUTHC-04
#[test]
fn client_secret_post() {
    let provider = Provider::start(Options::default());
    let settings: Settings = |metadata| {
        let secret = Secret::new("post-secret-0123456789");
        Client::new(metadata, "conf-post").authentication(ClientAuthentication::ClientSecretPost(secret))
    };
    signed_in(Program::new(&provider).sign_in(settings, alice));
    assert_eq!(provider.seen_at("/oauth/token")[0]["authentication"], "body");
}

// REQ: AUTHC-07, ERR-07
#[test]
fn wrong_client_secret_is_told_once() {
    let provider = Provider::start(Options::default());
    let settings: Settings = |metadata| {
        let secret = Secret::new("not the secret");
        Client::new(metadata, "conf-post").authentication(ClientAuthentication::ClientSecretPost(secret))
    };
    let (outcome, page) = Program::new(&provider).sign_in(settings, alice);
    let (failure, refusal) = outcome.expect_err("the secret is wrong");
    assert!(matches!(failure, Failure::Flow(Error::Refused(ErrorCode::InvalidClient))), "{failure:?}");
    assert!(refusal.expect("a reason").starts_with("invalid_client"));
    assert!(!page.text.contains("You are signed in"), "{page:?}");
    assert_eq!(provider.seen_at("/oauth/token").len(), 1);
}

// REQ: REDIR-10, REDIR-17, ERR-05
#[test]
fn the_user_says_no() {
    let provider = Provider::start(Options::default());
    let (outcome, page) = Program::new(&provider).sign_in(public, |browser| browser::refuse(browser));
    let (failure, refusal) = outcome.expect_err("the user said no");
    assert!(matches!(failure, Failure::Flow(Error::Refused(ErrorCode::AccessDenied))), "{failure:?}");
    assert!(refusal.expect("a reason").starts_with("access_denied"));
    assert!(!page.text.contains("You are signed in") && !page.text.is_empty(), "{page:?}");
    assert!(provider.seen_at("/oauth/token").is_empty());
}

// REQ: INTEROP-03, AUTHZ-16, CFG-16
#[test]
fn auth0_parameters_arrive() {
    let provider = Provider::start(Options::default());
    // `organization` is left out here: the provider would have to put `org_id` into the token.
    let settings: Settings = |metadata| {
        public(metadata)
            .audience("https://api.example.com/")
            .connection("google-oauth2")
            .invitation("ticket&1")
            .login_hint("josé@example.com")
            .screen_hint("signup")
            .ui_locales(&["fr-CA", "en"])
            .parameters(&[("ext-color", "blau & grün")])
    };
    let (outcome, _) = Program::new(&provider).sign_in(settings, alice);
    outcome.expect("a sign-in");
    let query = &provider.seen_at("/authorize")[0]["query"];
    for (name, value) in [
        ("audience", "https://api.example.com/"),
        ("connection", "google-oauth2"),
        ("invitation", "ticket&1"),
        ("login_hint", "josé@example.com"),
        ("screen_hint", "signup"),
        ("ui_locales", "fr-CA en"),
        ("ext-color", "blau & grün"),
    ] {
        assert_eq!(query[name], value, "{name}");
    }
}

// REQ: INTEROP-03
#[test]
fn an_organization_that_the_token_does_not_name() {
    let provider = Provider::start(Options::default());
    let settings: Settings = |metadata| public(metadata).organization("org_9ybsU1dN2dKfDkBi");
    let (outcome, _) = Program::new(&provider).sign_in(settings, alice);
    let (failure, _) = outcome.expect_err("the token names no organization");
    assert!(matches!(failure, Failure::Flow(Error::Check(_))), "{failure:?}");
    assert_eq!(provider.seen_at("/authorize")[0]["query"]["organization"], "org_9ybsU1dN2dKfDkBi");
}

// REQ: AUTHZ-11, REDIR-25
#[test]
fn the_browser_posts_the_response() {
    let provider = Provider::start(Options::default());
    let settings: Settings = |metadata| public(metadata).response_mode(ResponseMode::FormPost);
    let (outcome, page) = Program::new(&provider).sign_in(settings, alice);
    signed_in((outcome, page));
    assert_eq!(provider.seen_at("/authorize")[0]["query"]["response_mode"], "form_post");
}

// REQ: AUTHZ-07, IDT-16
#[test]
fn max_age_brings_auth_time() {
    let provider = Provider::start(Options::default());
    let user = signed_in(Program::new(&provider).sign_in(|metadata| public(metadata).max_age(60), alice));
    assert!(user.checked.auth_time);
    assert!(user.auth_time.is_some());
}

// REQ: AUTHZ-08, REFRESH-01, REFRESH-03, REFRESH-06, REFRESH-08
#[test]
fn refresh_tokens_rotate_and_old_ones_die() {
    let provider = Provider::start(Options::default());
    let mut program = Program::new(&provider);
    let settings: Settings = |metadata| public(metadata).scope(&["openid", "offline_access"]);
    let user = signed_in(program.sign_in(settings, alice));
    assert_eq!(provider.seen_at("/authorize")[0]["query"]["prompt"], "consent");

    let first = program.refresh(&user, settings).expect("fresh tokens");
    assert!(first.has_id_token, "the provider sends one, and it passed");
    assert_ne!(first.access_token, user.access_token);
    assert!(first.refresh_token.is_some() && first.refresh_token != user.refresh_token);

    let renewed = SignedIn { refresh_token: first.refresh_token, ..user.clone() };
    let second = program.refresh(&renewed, settings).expect("fresh tokens");

    // The first token again: the provider takes it for stolen and revokes everything.
    let failure = program.refresh(&user, settings).expect_err("the old token is dead");
    assert!(matches!(failure, Failure::Flow(Error::Refused(ErrorCode::InvalidGrant))), "{failure:?}");
    let last = SignedIn { refresh_token: second.refresh_token, ..user };
    let failure = program.refresh(&last, settings).expect_err("so is the newest");
    assert!(matches!(failure, Failure::Flow(Error::Refused(ErrorCode::InvalidGrant))), "{failure:?}");
}

// REQ: UINFO-01, UINFO-03, UINFO-05, HTTP-22
#[test]
fn userinfo_is_about_the_same_user() {
    let provider = Provider::start(Options::default());
    let mut program = Program::new(&provider);
    let settings: Settings = |metadata| public(metadata).scope(&["openid", "profile", "email"]);
    let user = signed_in(program.sign_in(settings, alice));
    let claims = program.userinfo(&user.access_token, &user.subject, settings).expect("claims");
    assert_eq!(claims["sub"], "alice");
    assert_eq!(claims["name"], "User alice Ünïcode 名前");
    assert_eq!(claims["email_verified"], true);

    for subject in ["alic", "alice2", "Alice", "bob"] {
        let failure = program.userinfo(&user.access_token, subject, settings).expect_err(subject);
        assert!(matches!(failure, Failure::Flow(Error::Check(_))), "{failure:?}");
    }
    // Also by post, where something on the way takes the header off.
    let posted = program.with_client(settings, |client, http, clock| {
        let request = UserInfo::new(client, &user.access_token, &user.subject).in_body();
        fetch(&request, http, clock, &mut [0; 4096]).map(|claims| claims.json(&mut [0; 4096]).is_ok())
    });
    assert!(posted.expect("claims"));
    let failure = program.userinfo("not-a-token", &user.subject, settings).expect_err("no such token");
    // The server says so in `WWW-Authenticate`.
    assert!(matches!(failure, Failure::Flow(Error::Refused(ErrorCode::InvalidToken))), "{failure:?}");
}

// REQ: CFG-03, REDIR-02, INTEROP-01
#[test]
fn custom_scheme_as_auth0_documents_it() {
    const REDIRECT_URI: &str = "com.myclientapp://callback.example/callback";
    let provider = Provider::start(Options::default());
    let mut tab = Tab::new(REDIRECT_URI);
    let settings: Settings = |metadata| Client::new(metadata, "custom-scheme");
    let outcome = Program::new(&provider).sign_in_with(&mut tab, REDIRECT_URI, settings);
    assert_eq!(outcome.expect("a sign-in").subject, "alice");
}

// REQ: DRV-02
#[test]
fn on_the_other_loopback_address() {
    let provider = Provider::start(Options::default());
    let loopback = Loopback::bind(LoopbackHost::V6, 0, "/callback").expect("a listener");
    assert!(loopback.redirect_uri().starts_with("http://[::1]:"));
    signed_in(Program::new(&provider).sign_in_at(loopback, public, alice));
}

// REQ: JWKS-12, IDT-25
#[test]
fn keys_that_were_replaced_since_the_last_time() {
    let provider = Provider::start(Options::default());
    let mut program = Program::new(&provider);
    // Keys of another server, as if kept from before.
    let other = Provider::start(Options::default());
    let old = Program::new(&other).keys(public).expect("keys");
    let (outcome, page) = program.sign_in_with_keys(&old, public, alice);
    signed_in((outcome, page));
    assert_eq!(provider.seen_at("/.well-known/jwks.json").len(), 1);

    // The right ones at hand: nothing is fetched.
    let own = program.keys(public).expect("keys");
    let (outcome, page) = program.sign_in_with_keys(&own, public, alice);
    signed_in((outcome, page));
    assert_eq!(provider.seen_at("/.well-known/jwks.json").len(), 2);
}
