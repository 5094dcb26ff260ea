//! From the options to a client, a transport and a listener.

use std::{
    env, error, fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use keyfob_core::{
    client::{Client, Prompt, ResponseMode},
    exchange::Discovery,
    jws::{Es256, Rs256},
    metadata::Metadata,
    plan::Ability,
    relay::Relay,
};
use keyfob_demo_issuer::DemoIssuer;
use keyfob_std::{
    Clock, Failure, fetch,
    http::{Http, HttpsClient},
    redirect::{Loopback, LoopbackHost},
    user_agent::UserAgentError,
};

use zeroize::Zeroizing;

use crate::arguments::Arguments;

/// The options, in the shape that a client borrows.
pub struct Settings {
    client_id: String,
    scope: Vec<String>,
    prompt: &'static [Prompt],
    wait: u32,
    auth_time: bool,
    abilities: Vec<Ability>,
    host: LoopbackHost,
    port: u16,
    path: String,
    lan: Option<SocketAddr>,
    relay: Option<Account>,
}

/// An account at a relay.
struct Account {
    base: String,
    id: String,
    secret: Zeroizing<String>,
    redirect_uri: String,
}

/// Whatever is wrong with the options, in words.
pub type Fault = Box<dyn error::Error>;

impl Settings {
    pub fn new(arguments: &Arguments) -> Result<Self, Fault> {
        let scope: Vec<_> = arguments.scope.split_whitespace().map(str::to_owned).collect();
        if !scope.iter().any(|scope| scope == "openid") {
            return Err("--scope needs openid: the terminal shows who is signed in".into());
        }
        let is_demo = arguments.issuer.is_none();
        let redirect_uri = arguments.redirect_uri.as_deref();
        let redirect_uri =
            redirect_uri.unwrap_or(if is_demo { "http://127.0.0.1:0/callback" } else { REDIRECT_URI });
        let (host, port, path) = place(redirect_uri).ok_or(
            "--redirect-uri: write it as http://127.0.0.1:8252/callback, for this program listens there",
        )?;
        // Whoever the browser was logged in with at the server before is not signed in again. What outlives a user
        // needs consent every time (OIDC Core §11).
        let offline = scope.iter().any(|scope| scope == "offline_access");
        Ok(Self {
            client_id: arguments.client_id.clone().unwrap_or(DemoIssuer::CLIENT_ID.to_owned()),
            scope,
            prompt: if offline { &[Prompt::Login, Prompt::Consent] } else { &[Prompt::Login] },
            wait: arguments.wait,
            auth_time: !arguments.without_auth_time,
            abilities: abilities(arguments),
            host,
            port,
            path,
            lan: arguments.lan,
            relay: arguments.relay.as_deref().map(|base| Account::new(base, arguments)).transpose()?,
        })
    }

    /// The scope, as a client borrows it.
    pub fn scope(&self) -> Vec<&str> {
        self.scope.iter().map(String::as_str).collect()
    }

    /// The client for phones.
    pub fn client<'c>(&'c self, metadata: Metadata<'c>, scope: &'c [&'c str]) -> Client<'c> {
        Client::new(metadata, &self.client_id).scope(scope).algorithms(&[&Rs256, &Es256]).lifetime(self.wait)
    }

    /// The same client for the browser of the terminal.
    pub fn on_screen<'c>(&'c self, client: &Client<'c>) -> Client<'c> {
        let client = client.prompt(self.prompt);
        if self.auth_time { client.max_age(self.wait) } else { client }
    }

    /// Whether the server has to say when the user has logged in.
    pub fn fresh_login(&self) -> bool {
        self.auth_time
    }

    /// What the terminal has, and its operator allows.
    pub fn abilities(&self) -> &[Ability] {
        &self.abilities
    }

    /// The relay, as a flow borrows it.
    pub fn relay(&self) -> Option<Relay<'_>> {
        // Whoever gives up does not want to wait for the relay.
        self.relay.as_ref().map(|account| Relay::new(&account.base, &account.id, &account.secret).wait(2))
    }

    /// The same client for the relay. The response is a form post: it stands in no log there.
    pub fn over_relay<'c>(&'c self, client: &Client<'c>) -> Client<'c> {
        let redirect_uri = self.relay.as_ref().map_or("", |account| &account.redirect_uri);
        client.redirect_uri(redirect_uri).response_mode(ResponseMode::FormPost)
    }

    /// Where phones reach the terminal, and the path of the redirect URI there.
    pub fn lan(&self) -> Option<(SocketAddr, &str)> {
        self.lan.map(|address| (address, self.path.as_str()))
    }

    /// The redirect URI where nobody listens: the user brings back what is in the address.
    pub fn nowhere(&self) -> String {
        let host = if self.host == LoopbackHost::V4 { "127.0.0.1" } else { "[::1]" };
        let port = if self.port == 0 { NOWHERE } else { self.port };
        format!("http://{host}:{port}{}", self.path)
    }

    pub fn listen(&self) -> Result<Loopback, UserAgentError> {
        Loopback::bind(self.host, self.port, &self.path)
    }

    /// The redirect URI as it is registered, to the letter, unless the port was free to choose.
    pub fn redirect_uri(&self, loopback: &Loopback) -> String {
        loopback.redirect_uri().to_owned()
    }
}

impl Account {
    fn new(base: &str, arguments: &Arguments) -> Result<Self, Fault> {
        let path = arguments.relay_secret_file.as_deref().unwrap_or(Path::new(""));
        let secret = fs::read_to_string(path).map(Zeroizing::new);
        let secret = secret.map_err(|error| format!("--relay-secret-file {}: {error}", path.display()))?;
        let id = arguments.relay_device.clone().unwrap_or_default();
        let redirect_uri = format!("{base}/callback");
        Ok(Self {
            base: base.to_owned(),
            id,
            secret: Zeroizing::new(secret.trim_end().to_owned()),
            redirect_uri,
        })
    }
}

fn abilities(arguments: &Arguments) -> Vec<Ability> {
    let found = [
        (true, Ability::Screen),
        (!arguments.phone_only, Ability::Browser),
        (arguments.relay.is_some(), Ability::Relay),
        (arguments.lan.is_some(), Ability::Network),
        (arguments.insecure_lan_redirect, Ability::InsecureLanRedirect),
    ];
    found.into_iter().filter_map(|(has, ability)| has.then_some(ability)).collect()
}

/// The transport. Nobody waits long in front of a terminal.
pub fn https_client(arguments: &Arguments) -> Result<HttpsClient, Fault> {
    let mut builder = HttpsClient::builder()
        .user_agent(concat!("keyfob-kiosk/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_secs(15));
    if let Some(path) = &arguments.ca_file {
        let pem = fs::read(path).map_err(|error| format!("--ca-file {}: {error}", path.display()))?;
        builder = builder.root_certificates_pem(&pem)?;
    }
    Ok(builder.build()?)
}

/// Fetches the metadata of `issuer` into `buffer`.
pub fn discover<'b>(
    issuer: &str,
    http: &mut impl Http,
    clock: &mut impl Clock,
    buffer: &'b mut [u8],
) -> Result<Metadata<'b>, Failure> {
    // The core lets plain http pass for this machine alone.
    let discovery = if issuer.starts_with("http://") {
        Discovery::insecure_loopback_http(issuer)?
    } else {
        Discovery::new(issuer)?
    };
    fetch(&discovery, http, clock, buffer)
}

/// Where what is owed is written down, if anywhere.
pub fn state(arguments: &Arguments) -> io::Result<Option<PathBuf>> {
    // The demo issuer forgets everything itself.
    if arguments.memory_only || arguments.issuer.is_none() && arguments.state.is_none() {
        return Ok(None);
    }
    let folder = |name: &str| env::var_os(name).filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let found = arguments
        .state
        .clone()
        .or_else(|| folder("STATE_DIRECTORY"))
        .or_else(|| folder("XDG_STATE_HOME").map(|folder| folder.join(NAME)))
        .or_else(|| folder("HOME").map(|folder| folder.join(".local/state").join(NAME)));
    let nowhere = "there is no folder for what is owed: name one by --state, or choose --memory-only";
    found.map(Some).ok_or(io::Error::new(io::ErrorKind::NotFound, nowhere))
}

/// Reads `http://127.0.0.1:PORT/PATH`.
fn place(uri: &str) -> Option<(LoopbackHost, u16, String)> {
    let rest = uri.strip_prefix("http://")?;
    let hosts = [("127.0.0.1", LoopbackHost::V4), ("[::1]", LoopbackHost::V6)];
    let (host, rest) = hosts.into_iter().find_map(|(name, host)| Some((host, rest.strip_prefix(name)?)))?;
    let (port, path) = rest.strip_prefix(':')?.split_once('/')?;
    Some((host, port.parse().ok()?, format!("/{path}")))
}

/// Where a real server sends the browser to, unless told otherwise; the number is that of RFC 8252.
const REDIRECT_URI: &str = "http://127.0.0.1:8252/callback";
const NAME: &str = "keyfob-kiosk";

/// The port of an address where nobody listens.
const NOWHERE: u16 = 8252;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browser_comes_back_to_this_machine() {
        assert_eq!(place(REDIRECT_URI), Some((LoopbackHost::V4, 8252, "/callback".into())));
        assert_eq!(place("http://[::1]:0/a/b"), Some((LoopbackHost::V6, 0, "/a/b".into())));
        for wrong in
            ["https://127.0.0.1:1/a", "http://localhost:1/a", "http://127.0.0.1/a", "http://127.0.0.1:x/a"]
        {
            assert_eq!(place(wrong), None, "{wrong}");
        }
    }
}
