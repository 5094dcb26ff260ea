//! A real, certified OpenID provider (npm oidc-provider) on loopback, with Auth0's paths.
//!
//! `tests/interop/provider.mjs` holds its configuration and lists its clients.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::certificates::{Leaf, TestAuthority};
use crate::process::Process;

/// A name that no resolver knows but those of tests; it is in the provider's certificate, and browsers here know it.
pub const NAMED_HOST: &str = "op.keyfob.test";

/// What kind of provider to start; the default speaks http on a free port.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Lifetime of access tokens, in whole seconds; an hour when `None`.
    pub access_token_lifetime: Option<Duration>,
    /// The server certificate, when `https`.
    pub certificate: Leaf,
    /// Another one in its place, and its key, as PEM files; nobody here trusts it then.
    pub certificate_and_key: Option<(PathBuf, PathBuf)>,
    /// A file with the public keys (a JWK Set) of the client `conf-pkjwt`, which exists only then.
    pub client_jwks: Option<PathBuf>,
    /// Lifetime of authorization codes, in whole seconds; a minute when `None`.
    pub code_lifetime: Option<Duration>,
    /// Lifetime of device codes, in whole seconds; ten minutes when `None`.
    pub device_code_lifetime: Option<Duration>,
    /// Demand server nonces in DPoP proofs (RFC 9449 §8).
    pub dpop_nonce: bool,
    /// Speak TLS, with a certificate of an authority made for this provider.
    pub https: bool,
    /// Be [`NAMED_HOST`] instead of `localhost`, when `https`.
    pub named_host: bool,
    /// Lifetime of ID tokens, in whole seconds; an hour when `None`.
    pub id_token_lifetime: Option<Duration>,
    /// A port, for a second start of the same issuer; 0 takes a free one.
    pub port: u16,
    /// Where the clients `ways` and `ways-by-code` may be sent back to, to the letter; they exist only then.
    pub redirect_uris: Vec<String>,
    /// A file that keeps the signing keys over a restart; without it each start has new keys.
    pub signing_keys: Option<PathBuf>,
}

/// A running provider; it ends when this is dropped.
pub struct Provider {
    agent: Agent,
    authority: Option<TestAuthority>,
    issuer: String,
    /// The issuer, where this process reaches it.
    place: String,
    process: Process,
    /// Looks at `/test/seen` with no care for the certificate, which may be hostile on purpose.
    watcher: Agent,
}

impl Provider {
    /// Starts a provider and waits until it answers.
    ///
    /// Panics with the command to run when its packages are not installed: a test that needs the
    /// provider never passes without it.
    #[track_caller]
    pub fn start(options: Options) -> Self {
        assert!(
            Path::new(INTEROP).join("node_modules/oidc-provider").is_dir(),
            "the OpenID provider is not installed: run `npm ci --prefix tests/interop`"
        );
        let authority = options.https.then(TestAuthority::new);
        let mut environment = environment(&options);
        if let Some(authority) = &authority {
            let (certificate, key) = options.certificate_and_key.clone().unwrap_or_else(|| {
                let issued = authority.issue(options.certificate);
                (issued.certificate_file, issued.key_file)
            });
            environment.push(("TLS_CERT", text(&certificate)));
            environment.push(("TLS_KEY", text(&key)));
        }
        let environment: Vec<_> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let mut command = Command::new("node");
        command.arg("provider.mjs").current_dir(INTEROP);
        let process = Process::start(command, &environment);
        let issuer = process.wait_for_line("ISSUER ", START);
        let place = issuer.replace(NAMED_HOST, "localhost");
        Self {
            agent: agent(authority.as_ref()),
            authority,
            issuer,
            place,
            process,
            watcher: client(TlsConfig::builder().disable_verification(true).build()),
        }
    }

    /// An HTTP client that trusts this provider's authority and no other, and returns every status.
    pub fn agent(&self) -> &Agent {
        &self.agent
    }

    /// The certificate of the authority a client must trust, as a PEM file; panics without `https`.
    #[track_caller]
    pub fn ca_file(&self) -> PathBuf {
        self.authority().ca_file()
    }

    /// The authority a client must trust; panics without `https`.
    #[track_caller]
    pub fn authority(&self) -> &TestAuthority {
        self.authority.as_ref().expect("a provider without `https` has no authority")
    }

    /// The ids of its processes.
    pub fn ids(&self) -> Vec<u32> {
        self.process.ids()
    }

    /// The issuer identifier, such as `http://127.0.0.1:40123`.
    ///
    /// Use this spelling of the host everywhere: the provider names its endpoints after the `Host` header.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Every request so far, in order of arrival.
    ///
    /// Each is an object: `method`, `path`, `status`, `query` (name to value), `body` (a list of the
    /// names), `values` (those of the body that are no secret, name to value), `authentication` (of the
    /// client: `assertion`, `basic`, `body` or `none`), `dpop` (whether there was a proof).
    #[track_caller]
    pub fn seen(&self) -> Vec<Value> {
        let url = format!("{}/test/seen", self.place);
        let mut response = self.watcher.get(&url).call().unwrap_or_else(|error| panic!("{url}: {error}"));
        response.body_mut().read_json().unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    /// Every request to `path` so far, as in [`Provider::seen`].
    #[track_caller]
    pub fn seen_at(&self, path: &str) -> Vec<Value> {
        self.seen().into_iter().filter(|request| request["path"] == path).collect()
    }

    /// Keeps back every answer from `path`; what was asked is done all the same.
    #[track_caller]
    pub fn hold(&self, path: &str) {
        self.tell(&format!("hold{path}"));
    }

    /// Sends all answers that were kept back.
    #[track_caller]
    pub fn release(&self) {
        self.tell("release");
    }

    #[track_caller]
    fn tell(&self, what: &str) {
        let url = format!("{}/test/{what}", self.place);
        self.watcher.get(&url).call().unwrap_or_else(|error| panic!("{url}: {error}"));
    }

    /// What it wrote to standard error: why it refused something, for instance.
    pub fn stderr(&self) -> String {
        self.process.stderr()
    }
}

/// An HTTP client that trusts `authority` and no other, and returns every status.
///
/// Without one it trusts nobody: only http will do.
pub fn agent(authority: Option<&TestAuthority>) -> Agent {
    let roots: Vec<_> =
        authority.iter().map(|authority| Certificate::from_der(&authority.ca_der()).to_owned()).collect();
    client(TlsConfig::builder().root_certs(RootCerts::new_with_certs(&roots)).build())
}

fn client(tls: TlsConfig) -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .timeout_global(Some(REQUEST))
        .tls_config(tls)
        .build()
        .into()
}

fn environment(options: &Options) -> Vec<(&'static str, String)> {
    let mut environment = vec![("PORT", options.port.to_string())];
    let lifetimes = [
        ("AT_TTL", options.access_token_lifetime),
        ("CODE_TTL", options.code_lifetime),
        ("DEVICE_TTL", options.device_code_lifetime),
        ("ID_TTL", options.id_token_lifetime),
    ];
    for (name, lifetime) in lifetimes {
        environment.extend(lifetime.map(|lifetime| (name, lifetime.as_secs().to_string())));
    }
    for (name, file) in [("CLIENT_JWKS", &options.client_jwks), ("OP_KEYS", &options.signing_keys)] {
        environment.extend(file.as_deref().map(|file| (name, text(file))));
    }
    if !options.redirect_uris.is_empty() {
        environment.push(("REDIRECT_URIS", options.redirect_uris.join(" ")));
    }
    if options.named_host {
        environment.push(("HOST", NAMED_HOST.to_owned()));
    }
    if options.dpop_nonce {
        environment.push(("DPOP_NONCE", "1".to_owned()));
    }
    environment
}

fn text(file: &Path) -> String {
    file.to_str().expect("temporary files have names in UTF-8").to_owned()
}

const INTEROP: &str = env!("CARGO_MANIFEST_DIR");

/// About a second where nothing else runs; key generation may take long on a busy machine.
const START: Duration = Duration::from_secs(60);
const REQUEST: Duration = Duration::from_secs(20);
