//! Every flow but the plain sign-in, against a certified OpenID provider, with real users in real browsers.
//!
//! Three providers serve all tests. What one of them saw is looked for by client, for other tests ask it too.

mod client_assertion;
mod client_credentials;
mod device_authorization;
mod dpop;
mod end_session;
mod id_token;
mod pushed;
mod session;

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

use keyfob_core::{
    error::Error,
    jws::{EdDsaSigner, Es256Signer, Signer},
    secret::Seed,
};
use keyfob_interop::{
    browser::{self, Browser},
    person::{EndPage, Outcome, SignedIn},
    provider::{Options, Provider},
};
use keyfob_std::entropy::SystemEntropy;
use serde_json::{Value, json};

/// As it comes.
static PLAIN: LazyLock<Provider> = LazyLock::new(|| Provider::start(with_client_keys(Options::default())));

/// Demands its own nonces in DPoP proofs.
static NONCES: LazyLock<Provider> =
    LazyLock::new(|| Provider::start(with_client_keys(Options { dpop_nonce: true, ..Options::default() })));

/// Its access tokens live two seconds, its device codes six.
static BRIEF: LazyLock<Provider> = LazyLock::new(|| {
    Provider::start(Options {
        access_token_lifetime: Some(Duration::from_secs(2)),
        device_code_lifetime: Some(Duration::from_secs(6)),
        ..Options::default()
    })
});

/// Two keys of the client `conf-pkjwt`, and of those that use DPoP.
static ES256: LazyLock<Es256Signer<'static>> =
    LazyLock::new(|| Es256Signer::new(&[7; 32]).expect("a key").named("es256"));
static EDDSA: LazyLock<EdDsaSigner<'static>> =
    LazyLock::new(|| EdDsaSigner::new(&[8; 32]).expect("a key").named("eddsa"));
/// A key that no server knows.
static STRANGE: LazyLock<Es256Signer<'static>> =
    LazyLock::new(|| Es256Signer::new(&[9; 32]).expect("a key").named("es256"));

/// The provider reads the keys when it starts.
fn with_client_keys(options: Options) -> Options {
    static FILE: LazyLock<std::path::PathBuf> = LazyLock::new(|| {
        let jwk = |signer: &dyn Signer| {
            let mut room = [0; 256];
            let key = signer.public_key().write_jwk(&mut room).expect("a public key");
            let mut key: Value = serde_json::from_str(key).expect("JSON");
            key["alg"] = signer.algorithm().name().into();
            key["kid"] = signer.key_id().into();
            key["use"] = "sig".into();
            key
        };
        let keys = json!({ "keys": [jwk(&*ES256), jwk(&*EDDSA)] });
        let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("client.jwks");
        std::fs::write(&file, keys.to_string()).expect("the keys can be written");
        file
    });
    Options { client_jwks: Some(FILE.clone()), ..options }
}

fn seed() -> Seed {
    Seed::draw(&mut SystemEntropy).expect("the system's random source")
}

fn alice(browser: &Browser) {
    browser::sign_in(browser, "alice");
}

#[track_caller]
fn signed_in((outcome, page): (Outcome, EndPage)) -> SignedIn {
    let user = outcome.expect("a sign-in");
    assert_eq!(user.subject, "alice");
    assert!(page.text.contains("signed in"), "{page:?}");
    user
}

/// What the provider was asked at `path` by this client, where its name stood in query or body.
fn seen_of(provider: &Provider, client_id: &str, path: &str) -> Vec<Value> {
    let mut seen = provider.seen_at(path);
    seen.retain(|request| {
        request["query"]["client_id"] == client_id || request["values"]["client_id"] == client_id
    });
    seen
}

/// The names in a body, in order.
#[track_caller]
fn names(request: &Value) -> Vec<&str> {
    let names = request["body"].as_array().expect("names").iter();
    let mut names: Vec<_> = names.map(|name| name.as_str().expect("a name")).collect();
    names.sort_unstable();
    names
}

/// What the provider says about a token to an API that asks (RFC 7662).
#[track_caller]
fn introspect(provider: &Provider, token: &str) -> Value {
    let api = [("client_id", "conf-post"), ("client_secret", "post-secret-0123456789"), ("token", token)];
    let (status, answer) = post(provider, "/oauth/introspect", &api);
    assert_eq!(status, 200, "{answer}");
    answer
}

/// A form, sent by somebody else than the core.
#[track_caller]
fn post(provider: &Provider, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
    let request = provider.agent().post(format!("{}{path}", provider.issuer()));
    let mut response = request.send_form(form.iter().copied()).expect("an answer");
    (response.status().into(), response.body_mut().read_json().unwrap_or_default())
}

/// The payload of a JWT, not looked at any closer.
#[track_caller]
fn payload(token: &str) -> Value {
    use base64ct::{Base64UrlUnpadded, Encoding};
    let payload = token.split('.').nth(1).expect("a JWT");
    serde_json::from_slice(&Base64UrlUnpadded::decode_vec(payload).expect("base64url")).expect("JSON")
}

/// Looks again and again until there is something.
#[track_caller]
fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The check that failed, or the server's refusal.
#[track_caller]
fn flow_error(failure: keyfob_std::Failure) -> Error {
    match failure {
        keyfob_std::Failure::Flow(error) => error,
        failure => panic!("{failure:?}"),
    }
}
