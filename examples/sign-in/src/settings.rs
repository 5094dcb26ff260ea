//! From the options to a client, a transport and a listener.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use keyfob_core::{
    client::{self, Client},
    client_authentication::ClientAuthentication,
    dpop::Dpop,
    error::{Check, Error},
    exchange::Discovery,
    jws::{Algorithm, Es256, Es256Signer, Rs256, Verifier},
    metadata::Metadata,
    plan::Way,
    secret::{Buffer, Secret},
};
use keyfob_demo_issuer::DemoIssuer;
use keyfob_std::{
    Failure, SystemClock,
    entropy::SystemEntropy,
    fetch,
    http::HttpsClient,
    redirect::{Loopback, LoopbackHost},
};
use zeroize::Zeroizing;

use crate::{
    arguments::{Alg, Arguments, ClientAuth, Prompt, Then},
    problem::{Problem, Stage},
    relay::Account,
    ways::wanted,
};

/// The options, in the shape that a client borrows.
pub struct Settings<'a> {
    arguments: &'a Arguments,
    scope: Vec<&'a str>,
    acr_values: Vec<&'a str>,
    ui_locales: Vec<&'a str>,
    resource: Vec<&'a str>,
    parameters: Vec<(&'a str, &'a str)>,
    prompt: Vec<client::Prompt>,
    verifiers: Vec<&'static dyn Verifier>,
    secret: Option<Zeroizing<String>>,
    redirect: Redirect<'a>,
    relay: Option<Account<'a>>,
    /// The key that tokens are bound to, where the server does that. It ends with this run.
    key: Es256Signer<'static>,
}

/// How the browser's answer gets here.
enum Redirect<'a> {
    /// Through a listener on this machine.
    Listen { host: LoopbackHost, port: u16, path: &'a str },
    /// Through the user's hands.
    Paste,
}

impl<'a> Settings<'a> {
    /// Checks what the command line's grammar does not, and reads the secret.
    pub fn new(arguments: &'a Arguments) -> Result<Self, Problem> {
        check_issuer(arguments)?;
        let secret = arguments.client_secret_file.as_deref().map(read_secret).transpose()?;
        check_authentication(arguments, secret.is_some())?;
        let redirect = redirect(arguments)?;
        check_redirect(arguments, &redirect)?;
        let mut scope = words(&arguments.scope);
        if arguments.scope.is_empty() {
            scope = DEFAULT_SCOPE.to_vec();
        }
        if arguments.then.contains(&Then::Refresh) && !scope.contains(&"offline_access") {
            scope.push("offline_access");
        }
        if arguments.then.contains(&Then::Userinfo) && !scope.contains(&"openid") {
            return Err(Problem::setting(
                "--then userinfo needs an ID token to compare the user with.",
                "Add openid to --scope.",
            ));
        }
        if arguments.then.iter().rev().skip(1).any(|then| *then == Then::Logout) {
            return Err(Problem::setting(
                "After --then logout there is nothing left to do anything with.",
                "Put logout last.",
            ));
        }
        let verifier = |alg: &Alg| match alg {
            Alg::Es256 => &Es256 as &'static dyn Verifier,
            Alg::Rs256 => &Rs256,
        };
        Ok(Self {
            arguments,
            scope,
            acr_values: words(&arguments.acr_values),
            ui_locales: words(&arguments.ui_locales),
            resource: arguments.resource.iter().map(String::as_str).collect(),
            parameters: arguments.param.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
            prompt: arguments.prompt.iter().map(|prompt| (*prompt).into()).collect(),
            verifiers: arguments.id_token_alg.iter().map(verifier).collect(),
            secret,
            redirect,
            relay: account(arguments)?,
            key: Es256Signer::draw(&mut SystemEntropy)
                .map_err(|error| Problem::of(Stage::SignIn, error, None))?,
        })
    }

    /// What is asked for.
    pub fn scope(&self) -> &[&'a str] {
        &self.scope
    }

    /// The client of the server with `metadata`, whose response comes this way.
    pub fn client<'c>(&'c self, metadata: Metadata<'c>, way: Way, redirect_uri: &'c str) -> Client<'c> {
        let arguments = self.arguments;
        let id = arguments.client_id.as_deref().unwrap_or(DemoIssuer::CLIENT_ID);
        let mut client = Client::new(metadata, id)
            .redirect_uri(redirect_uri)
            .scope(&self.scope)
            .authentication(self.authentication())
            .acr_values(&self.acr_values)
            .ui_locales(&self.ui_locales)
            .resource(&self.resource)
            .parameters(&self.parameters)
            .algorithms(&self.verifiers)
            .lifetime(arguments.timeout);
        for (value, setting) in [
            (&arguments.audience, Client::audience as Setting<'c>),
            (&arguments.authorization_details, Client::authorization_details),
            (&arguments.connection, Client::connection),
            (&arguments.organization, Client::organization),
            (&arguments.invitation, Client::invitation),
            (&arguments.screen_hint, Client::screen_hint),
            (&arguments.login_hint, Client::login_hint),
        ] {
            if let Some(value) = value {
                client = setting(client, value);
            }
        }
        if let Some(seconds) = arguments.max_age {
            client = client.max_age(seconds);
        }
        // A form keeps the code out of the relay's log. The demo issuer posts none.
        if way == Way::Relay && !arguments.relay_query && arguments.issuer.is_some() {
            client = client.response_mode(client::ResponseMode::FormPost);
        }
        if way == Way::Portal && arguments.insecure_lan_redirect {
            client = client.insecure_lan_redirect();
        }
        // A stolen token is of no use then. This server may do it for other clients only, hence `prefer`.
        if !arguments.bearer && metadata.announces_dpop(Algorithm::Es256) {
            client = client.dpop(Dpop::new(&self.key).prefer().bind_code());
        }
        if arguments.par {
            client = client.pushed_authorization_request();
        }
        if self.prompt.is_empty() { client } else { client.prompt(&self.prompt) }
    }

    fn authentication(&self) -> ClientAuthentication<'_> {
        let Some(secret) = &self.secret else { return ClientAuthentication::None };
        let secret = Secret::new(secret);
        match self.arguments.client_auth.unwrap_or(ClientAuth::Basic) {
            ClientAuth::Basic => ClientAuthentication::ClientSecretBasic(secret),
            ClientAuth::BasicRaw => ClientAuthentication::ClientSecretBasicRaw(secret),
            ClientAuth::None => ClientAuthentication::None,
            ClientAuth::Post => ClientAuthentication::ClientSecretPost(secret),
        }
    }

    /// The transport.
    pub fn https_client(&self) -> Result<HttpsClient, Problem> {
        let mut builder =
            HttpsClient::builder().user_agent(USER_AGENT).connect_timeout(CONNECT_TIMEOUT).timeout(TIMEOUT);
        if let Some(path) = &self.arguments.ca_file {
            let fault = |fault: &str| file("--ca-file", path, fault);
            let pem = fs::read(path).map_err(|error| unreadable("--ca-file", path, &error))?;
            builder = builder
                .root_certificates_pem(&pem)
                .map_err(|_| fault("holds no certificate in PEM form that can be read"))?;
        }
        builder.build().map_err(|error| Problem::of(Stage::Discovery, error, None))
    }

    /// Listens for the redirect. With the redirect URI as it is sent: to the letter what was given, unless the port was
    /// free to choose.
    pub fn listen(&self) -> Result<(Loopback, String), Problem> {
        // Where nobody can listen, this is no way.
        let Redirect::Listen { host, port, path } = self.redirect else { return Err(contradiction()) };
        let loopback =
            Loopback::bind(host, port, path).map_err(|error| Problem::of(Stage::SignIn, error, None))?;
        let given = self.arguments.redirect_uri.as_deref().filter(|_| port != 0);
        let redirect_uri = given.unwrap_or(loopback.redirect_uri()).to_owned();
        Ok((loopback, redirect_uri))
    }

    /// The account at the relay.
    pub fn relay(&self) -> Option<&Account<'a>> {
        self.relay.as_ref()
    }

    /// Where the browser ends whose address is pasted here.
    pub fn pasted_redirect_uri(&self) -> &'a str {
        self.arguments.redirect_uri.as_deref().unwrap_or(DEFAULT_REDIRECT_URI)
    }
}

/// Fetches the metadata of `issuer` into `buffer`.
pub fn discover<'b>(
    issuer: &str,
    http: &mut HttpsClient,
    clock: &mut SystemClock,
    buffer: &'b mut [u8],
) -> Result<Metadata<'b>, Problem> {
    match fetch(&discovery(issuer)?, http, clock, buffer) {
        Err(Failure::Flow(Error::Check(Check::IssuerMismatch))) => {
            // Nobody guesses silently what was meant, but the advice may say which of the two spellings is right.
            let other = other_slash(issuer);
            let mut room = Buffer::<8192>::new();
            match fetch(&discovery(&other)?, http, clock, &mut room) {
                Ok(_) => Err(Problem::IssuerSlash { named: other }),
                Err(_) => Err(Problem::of(Stage::Discovery, Error::Check(Check::IssuerMismatch), None)),
            }
        }
        outcome => outcome.map_err(|failure| Problem::of(Stage::Discovery, failure, None)),
    }
}

fn discovery(issuer: &str) -> Result<Discovery<'_>, Problem> {
    // The core lets plain http pass for this machine alone.
    let discovery = if issuer.starts_with("http://") {
        Discovery::insecure_loopback_http(issuer)
    } else {
        Discovery::new(issuer)
    };
    discovery.map_err(|error| Problem::of(Stage::Discovery, error, None))
}

/// The same issuer with a slash at its end, or without it.
fn other_slash(issuer: &str) -> String {
    issuer.strip_suffix('/').map_or_else(|| format!("{issuer}/"), str::to_owned)
}

fn check_issuer(arguments: &Arguments) -> Result<(), Problem> {
    let Some(issuer) = &arguments.issuer else { return Ok(()) };
    if !issuer.contains("://") {
        return Err(Problem::setting(
            format!("--issuer {issuer} is not a whole address."),
            format!(
                "Write it as the server does, to the last slash: --issuer https://{issuer}/ for Auth0, others often end without."
            ),
        ));
    }
    Ok(())
}

fn check_authentication(arguments: &Arguments, secret: bool) -> Result<(), Problem> {
    match (arguments.client_auth, secret) {
        (None, _) | (Some(ClientAuth::None), false) => Ok(()),
        (Some(ClientAuth::None), true) => Err(Problem::setting(
            "--client-auth none and --client-secret-file contradict each other.",
            "Leave out one of them.",
        )),
        (Some(_), true) => Ok(()),
        (Some(_), false) => Err(Problem::setting(
            "This --client-auth needs a secret.",
            "Put the secret into a file and name it with --client-secret-file, or leave out --client-auth.",
        )),
    }
}

/// A redirect URI that is given is one for every way that is named.
fn check_redirect(arguments: &Arguments, redirect: &Redirect<'_>) -> Result<(), Problem> {
    let suits = |way: &Way| match (way, redirect) {
        (Way::Loopback, Redirect::Listen { .. }) | (Way::Paste, Redirect::Paste) => true,
        // The browser comes to an error there, and has it in its address bar all the same.
        (Way::Paste, Redirect::Listen { port, .. }) => *port != 0,
        _ => false,
    };
    if arguments.redirect_uri.is_none() || wanted(arguments).iter().all(suits) {
        return Ok(());
    }
    Err(contradiction())
}

fn contradiction() -> Problem {
    Problem::setting(
        "--redirect-uri and --way contradict each other: not all of these ways come back there.",
        "Leave out --redirect-uri: the ways loopback and paste have one of their own, and so have relay and portal.",
    )
}

fn redirect(arguments: &Arguments) -> Result<Redirect<'_>, Problem> {
    let Some(uri) = arguments.redirect_uri.as_deref() else {
        // A real server may compare the port too, so it is always the same there.
        let port = if arguments.issuer.is_some() { DEFAULT_PORT } else { 0 };
        return Ok(Redirect::Listen { host: LoopbackHost::V4, port, path: DEFAULT_PATH });
    };
    let Some(rest) = uri.strip_prefix("http://") else { return Ok(Redirect::Paste) };
    let hosts = [("127.0.0.1", LoopbackHost::V4), ("[::1]", LoopbackHost::V6)];
    let found = hosts.into_iter().find_map(|(name, host)| Some((host, rest.strip_prefix(name)?)));
    let (host, (port, path)) = found
        .and_then(|(host, rest)| Some((host, port_and_path(rest)?)))
        .ok_or_else(|| {
            let advice = if rest.starts_with("localhost") {
                "Write 127.0.0.1 in place of localhost, here and at the server: the name may lead elsewhere (RFC 8252 §8.3)."
            } else {
                "Use http://127.0.0.1:PORT/PATH, or an https or private-use URI to paste the final address."
            };
            Problem::setting(format!("--redirect-uri {uri}: this program cannot listen there."), advice)
        })?;
    Ok(Redirect::Listen { host, port, path })
}

/// What follows the host of an http URI; without a query, which no listener needs.
fn port_and_path(rest: &str) -> Option<(u16, &str)> {
    let (port, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let port = match port.strip_prefix(':') {
        Some(digits) if digits.bytes().all(|octet| octet.is_ascii_digit()) => digits.parse().ok()?,
        None if port.is_empty() => 80,
        _ => return None,
    };
    let path = if path.is_empty() { "/" } else { path };
    (!path.contains(['?', '#'])).then_some((port, path))
}

/// Reads this machine's account at the relay, if there is one.
fn account(arguments: &Arguments) -> Result<Option<Account<'_>>, Problem> {
    let (Some(base), Some(path)) = (&arguments.relay, &arguments.relay_device_file) else { return Ok(None) };
    let option = "--relay-device-file";
    let text =
        fs::read_to_string(path).map(Zeroizing::new).map_err(|error| unreadable(option, path, &error))?;
    let account = Account::new(base.trim_end_matches('/'), &text);
    account
        .map(Some)
        .ok_or_else(|| file(option, path, "does not hold ID:SECRET, the device's account at the relay"))
}

/// Reads a secret; the line feed that editors put behind it does not count.
fn read_secret(path: &Path) -> Result<Zeroizing<String>, Problem> {
    let option = "--client-secret-file";
    let text =
        fs::read_to_string(path).map(Zeroizing::new).map_err(|error| unreadable(option, path, &error))?;
    let secret = text.strip_suffix('\n').unwrap_or(&text);
    let secret = secret.strip_suffix('\r').unwrap_or(secret);
    if secret.is_empty() {
        return Err(file(option, path, "is empty"));
    }
    Ok(Zeroizing::new(secret.to_owned()))
}

fn unreadable(option: &'static str, path: &Path, error: &io::Error) -> Problem {
    let fault = match error.kind() {
        io::ErrorKind::InvalidData => "is not text",
        io::ErrorKind::IsADirectory => "is a directory",
        io::ErrorKind::NotFound => "does not exist",
        io::ErrorKind::PermissionDenied => "may not be read by you",
        _ => "cannot be read",
    };
    file(option, path, fault)
}

fn file(option: &'static str, path: &Path, fault: &str) -> Problem {
    Problem::File { option, path: PathBuf::from(path), fault: fault.to_owned() }
}

fn words(values: &[String]) -> Vec<&str> {
    values.iter().flat_map(|value| value.split_whitespace()).collect()
}

impl From<Prompt> for client::Prompt {
    fn from(prompt: Prompt) -> Self {
        match prompt {
            Prompt::Consent => Self::Consent,
            Prompt::Create => Self::Create,
            Prompt::Login => Self::Login,
            Prompt::None => Self::None,
            Prompt::SelectAccount => Self::SelectAccount,
        }
    }
}

type Setting<'c> = fn(Client<'c>, &'c str) -> Client<'c>;

/// Where a real server sends the browser to, unless told otherwise; the number is that of RFC 8252.
pub const DEFAULT_REDIRECT_URI: &str = "http://127.0.0.1:8252/callback";
const DEFAULT_PORT: u16 = 8252;
const DEFAULT_PATH: &str = "/callback";
const DEFAULT_SCOPE: [&str; 3] = ["openid", "profile", "email"];

const USER_AGENT: &str = concat!("keyfob-sign-in/", env!("CARGO_PKG_VERSION"));
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn arguments(line: &str) -> Arguments {
        Arguments::try_parse_from(
            ["sign-in"].into_iter().chain(line.split(' ').filter(|word| !word.is_empty())),
        )
        .expect("the line is right")
    }

    fn scope(line: &str) -> Vec<String> {
        let arguments = arguments(line);
        let settings = Settings::new(&arguments).map_err(|problem| panic!("{problem:?}"));
        settings
            .map(|settings| settings.scope().iter().map(|&token| token.to_owned()).collect())
            .unwrap_or_default()
    }

    // REQ: CDX-06
    #[test]
    fn the_scope_is_what_was_asked_for() {
        assert_eq!(scope(""), ["openid", "profile", "email"]);
        assert_eq!(scope("--scope openid --scope email"), ["openid", "email"]);
        assert_eq!(scope("--scope openid --then refresh"), ["openid", "offline_access"]);
        assert!(Settings::new(&arguments("--scope email --then userinfo")).is_err());
        assert!(Settings::new(&arguments("--then logout,userinfo")).is_err());
        assert!(Settings::new(&arguments("--then userinfo,logout")).is_ok());
    }

    #[test]
    fn the_redirect_uri_says_how_the_answer_comes() {
        let listens = |uri: &str| {
            let arguments = arguments(&format!("--redirect-uri {uri}"));
            match redirect(&arguments) {
                Ok(Redirect::Listen { port, path, .. }) => Some((port, path.to_owned())),
                Ok(Redirect::Paste) => None,
                Err(problem) => panic!("{uri}: {problem:?}"),
            }
        };
        assert_eq!(listens("http://127.0.0.1:8080/a/b"), Some((8080, "/a/b".to_owned())));
        assert_eq!(listens("http://[::1]:0"), Some((0, "/".to_owned())));
        assert_eq!(listens("http://127.0.0.1/cb"), Some((80, "/cb".to_owned())));
        assert_eq!(listens("https://app.example/cb"), None);
        assert_eq!(listens("com.example.app:/cb"), None);
        for uri in [
            "http://localhost:8080/cb",
            "http://app.example/cb",
            "http://127.0.0.1:99999/cb",
            "http://127.0.0.1:+1/cb",
            "http://127.0.0.1@app.example/cb",
            "http://127.0.0.1:8080/cb?a=b",
        ] {
            assert!(redirect(&arguments(&format!("--redirect-uri {uri}"))).is_err(), "{uri}");
        }
    }

    #[test]
    fn real_servers_get_the_same_port_every_time() {
        let real = arguments("--issuer https://t.example/ --client-id a");
        let Ok(Redirect::Listen { port, path, .. }) = redirect(&real) else { panic!("it listens") };
        assert_eq!(DEFAULT_REDIRECT_URI, format!("http://127.0.0.1:{port}{path}"));
        let demo = arguments("");
        assert!(matches!(redirect(&demo), Ok(Redirect::Listen { port: 0, .. })));
    }

    #[test]
    fn only_one_slash_makes_the_difference() {
        assert_eq!(other_slash("https://t.example"), "https://t.example/");
        assert_eq!(other_slash("https://t.example/"), "https://t.example");
    }

    #[test]
    fn contradictions_are_refused() {
        for line in ["--client-auth basic", "--client-auth post"] {
            assert!(Settings::new(&arguments(line)).is_err(), "{line}");
        }
        assert!(Settings::new(&arguments("--issuer t.example --client-id a")).is_err());
        assert!(Settings::new(&arguments("--client-auth none")).is_ok());
        for (line, right) in [
            ("--way paste --redirect-uri http://127.0.0.1:1/cb", true),
            ("--way paste,loopback --redirect-uri http://127.0.0.1:1/cb", true),
            ("--way paste --redirect-uri com.example.app:/cb", true),
            ("--way loopback --redirect-uri com.example.app:/cb", false),
            ("--way paste --redirect-uri http://127.0.0.1:0/cb", false),
            ("--way paste,device --redirect-uri com.example.app:/cb", false),
            ("--way relay --redirect-uri https://relay.example/callback", false),
        ] {
            assert_eq!(Settings::new(&arguments(line)).is_ok(), right, "{line}");
        }
    }
}
