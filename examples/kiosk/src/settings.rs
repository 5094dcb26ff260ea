//! From the options to a client, a transport and a listener.

use std::{env, error, fs, io, path::PathBuf, time::Duration};

use keyfob_core::{
    client::{Client, Prompt},
    exchange::Discovery,
    jws::{Es256, Rs256},
    metadata::Metadata,
    plan::Ability,
};
use keyfob_demo_issuer::DemoIssuer;
use keyfob_std::{
    Clock, Failure, fetch,
    http::{Http, HttpsClient},
    redirect::{Loopback, LoopbackHost},
    user_agent::UserAgentError,
};

use crate::arguments::Arguments;

/// The options, in the shape that a client borrows.
pub struct Settings {
    client_id: String,
    scope: Vec<String>,
    prompt: &'static [Prompt],
    wait: u32,
    auth_time: bool,
    phone_only: bool,
    host: LoopbackHost,
    port: u16,
    path: String,
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
            phone_only: arguments.phone_only,
            host,
            port,
            path,
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

    /// What the terminal has.
    pub fn abilities(&self) -> &'static [Ability] {
        if self.phone_only { &[Ability::Screen] } else { &[Ability::Browser, Ability::Screen] }
    }

    pub fn listen(&self) -> Result<Loopback, UserAgentError> {
        Loopback::bind(self.host, self.port, &self.path)
    }

    /// The redirect URI as it is registered, to the letter, unless the port was free to choose.
    pub fn redirect_uri(&self, loopback: &Loopback) -> String {
        loopback.redirect_uri().to_owned()
    }
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
