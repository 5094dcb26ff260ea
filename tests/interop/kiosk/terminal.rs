//! The kiosk as it is run, and what can be seen of it.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Once,
    thread,
    time::{Duration, Instant},
};

use keyfob_interop::{browser::Browser, provider::Provider};
use serde_json::Value;
use tempfile::TempDir;

/// The time for pages to come and go.
pub const PAGES: Duration = Duration::from_secs(20);

/// The program on its way; it is killed with this, if it still runs.
pub struct Terminal {
    child: Child,
    /// Where the browser finds its page; empty, if the terminal has a browser of its own.
    pub page: String,
}

/// The tokens of a user, as they are written down for the sign-out.
pub struct Tokens {
    pub refresh: String,
    pub access: String,
}

impl Terminal {
    /// Builds it, if need be, and starts it at the demo issuer.
    pub fn demo(more: &[&str]) -> Self {
        Self::start(&owned(&[&["--demo", "--listen", "127.0.0.1:0"], more].concat()), None)
    }

    /// The same at a provider; what is owed is written down in `state`.
    pub fn at(provider: &Provider, state: &TempDir, more: &[&str]) -> Self {
        Self::of(provider, state, "public", more)
    }

    /// The same as another client.
    pub fn of(provider: &Provider, state: &TempDir, client_id: &str, more: &[&str]) -> Self {
        Self::start(&[&at(provider, state, client_id)[..], &owned(more)].concat(), None)
    }

    /// The same with a browser that the terminal starts itself, with its profiles in `browsers`.
    pub fn with_browser(provider: &Provider, state: &TempDir, browsers: &Path, more: &[&str]) -> Self {
        Self::start(&[&at(provider, state, "public")[..], &owned(more)].concat(), Some(browsers))
    }

    fn start(arguments: &[String], browsers: Option<&Path>) -> Self {
        static BUILT: Once = Once::new();
        BUILT.call_once(|| {
            let built =
                Command::new(env!("CARGO")).args(["build", "--quiet", "--package", "keyfob-kiosk"]).status();
            assert!(built.is_ok_and(|status| status.success()), "the program cannot be built");
        });
        // Beside the folder that this test lies in.
        let own = std::env::current_exe().expect("a path");
        let program: PathBuf = own.ancestors().nth(2).expect("a folder").join("kiosk");
        let mut command = Command::new(program);
        if let Some(browsers) = browsers {
            command.env("XDG_RUNTIME_DIR", browsers);
        }
        let mut child = command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut page = String::new();
        if browsers.is_none() {
            let mut line = String::new();
            let stdout = child.stdout.take().expect("its output");
            BufReader::new(stdout).read_line(&mut line).expect("a line");
            page = line.trim_end().strip_prefix("kiosk page on ").expect("an address").to_owned();
        }
        Self { child, page }
    }

    /// Tells it to end, as the system does.
    pub fn end(mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill").success());
        assert!(self.child.wait().expect("an end").success());
    }

    /// Takes it the power.
    pub fn kill(mut self) {
        self.child.kill().expect("it ran");
        self.child.wait().expect("an end");
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It has ended already, where the test ended it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The options for a provider.
fn at(provider: &Provider, state: &TempDir, client_id: &str) -> Vec<String> {
    let ca = provider.issuer().starts_with("https:").then(|| provider.ca_file());
    let mut at = vec!["--issuer", provider.issuer(), "--client-id", client_id];
    if let Some(ca) = &ca {
        at.extend(["--ca-file", ca.to_str().expect("a path")]);
    }
    at.extend(["--scope", "openid profile offline_access", "--listen", "127.0.0.1:0"]);
    at.extend(["--redirect-uri", "http://127.0.0.1:0/callback", "--post-logout-path", "/loggedout"]);
    at.extend(["--state", state.path().to_str().expect("a path")]);
    owned(&at)
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Presses a button of the terminal's page.
#[track_caller]
pub fn press(browser: &Browser, button: &str) {
    browser.click(&format!("button[value={button}]"));
}

/// Waits for a button of the terminal's page.
#[track_caller]
pub fn shows(browser: &Browser, button: &str) {
    browser.wait_for(|browser| browser.has(&format!("button[value={button}]")), PAGES);
}

/// The tokens that are owed, of the only user.
#[track_caller]
pub fn owed(state: &Path) -> Tokens {
    let record = until(|| records(state).pop());
    // Each is behind what it is, and its length in two octets.
    let token = |kind: u8| {
        let head = [kind, 43, 0];
        let place = record.windows(head.len()).position(|found| found == head).expect("a token");
        String::from_utf8(record[place + head.len()..][..43].to_vec()).expect("ASCII")
    };
    let (access, refresh) = (token(0), token(1));
    Tokens { refresh, access }
}

/// What is written down.
pub fn records(state: &Path) -> Vec<Vec<u8>> {
    let folders = fs::read_dir(state).expect("a folder").flatten();
    folders.filter_map(|folder| fs::read(folder.path().join("sign-out")).ok()).collect()
}

impl Tokens {
    /// What the provider says about them to an API that asks (RFC 7662).
    #[track_caller]
    pub fn are_active(&self, provider: &Provider) -> [bool; 2] {
        [&self.refresh, &self.access].map(|token| {
            let api = [("client_id", "conf-post"), ("client_secret", "post-secret-0123456789")];
            let (status, answer) =
                post(provider, "/oauth/introspect", &[&api[..], &[("token", token)]].concat());
            assert_eq!(status, 200, "{answer}");
            answer["active"].as_bool().expect("an answer")
        })
    }

    /// Waits until they are worth nothing, and tries to refresh.
    #[track_caller]
    pub fn are_dead(&self, provider: &Provider) {
        until(|| (self.are_active(provider) == [false; 2]).then_some(()));
        let form =
            [("client_id", "public"), ("grant_type", "refresh_token"), ("refresh_token", &*self.refresh)];
        let (status, answer) = post(provider, "/oauth/token", &form);
        assert_eq!((status, &answer["error"]), (400, &"invalid_grant".into()));
    }
}

/// A form, sent by somebody else than the terminal.
#[track_caller]
fn post(provider: &Provider, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
    let request = provider.agent().post(format!("{}{path}", provider.issuer()));
    let mut response = request.send_form(form.iter().copied()).expect("an answer");
    (response.status().into(), response.body_mut().read_json().unwrap_or_default())
}

/// Looks again and again until there is something.
#[track_caller]
pub fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PAGES;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain");
        thread::sleep(Duration::from_millis(50));
    }
}
