//! A real headless Chromium, driven by the WebDriver protocol: JSON over HTTP to chromedriver.

use std::cell::{Cell, RefCell};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use base64ct::{Base64, Encoding};
use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::Agent;

use crate::process::Process;

/// What kind of browser to start.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Accept any server certificate, such as one of a test authority.
    pub accept_insecure_certs: bool,
}

/// A browser with one window and a fresh profile; it ends when this is dropped.
///
/// Every method waits a bounded time and panics with what the browser shows when that is over. The
/// browser finds no host but this machine's.
pub struct Browser {
    agent: Agent,
    navigations: RefCell<Vec<String>>,
    process: Process,
    session: String,
    size: Cell<Option<(u32, u32)>>,
    taps: Cell<u32>,
    traffic: RefCell<String>,
    /// The profile and everything else that the browser writes; dropped after `process`.
    _home: TempDir,
}

impl Browser {
    /// Starts a browser that trusts what any browser trusts.
    #[track_caller]
    pub fn start() -> Self {
        Self::start_with(Options::default())
    }

    /// Starts a browser.
    #[track_caller]
    pub fn start_with(options: Options) -> Self {
        Self::start_among(options, &[])
    }

    /// Starts a browser with the page of a phone, 360 by 640. Hosts of `elsewhere` are not where they seem: each is
    /// followed by the address, with a port, where the browser finds it.
    #[track_caller]
    pub fn phone(options: Options, elsewhere: &[(&str, &str)]) -> Self {
        let browser = Self::start_among(options, elsewhere);
        browser.be_a_phone();
        browser
    }

    #[track_caller]
    fn start_among(options: Options, elsewhere: &[(&str, &str)]) -> Self {
        Self::driven(|home| capabilities(options, elsewhere, &home.join("profile")))
    }

    /// Takes over a browser that somebody else has started, and will end: the one that listens for its debugger there.
    #[track_caller]
    pub fn take_over(debugger: &str) -> Self {
        let chrome = json!({ "debuggerAddress": debugger });
        Self::driven(
            |_| json!({ "browserName": "chrome", "goog:chromeOptions": chrome, "goog:loggingPrefs": { "performance": "ALL" } }),
        )
    }

    #[track_caller]
    fn driven(capabilities: impl FnOnce(&Path) -> Value) -> Self {
        let home = tempfile::tempdir().expect("a temporary directory can be made");
        let path = home.path().to_str().expect("temporary directories have names in UTF-8");
        let mut command = Command::new("sh");
        command.args(["-c", GUARD, "guard", "chromedriver", "--port=0"]);
        let process = Process::start(command, &[("HOME", path), ("TMPDIR", path), ("LANG", "C.UTF-8")]);
        let port = process.wait_for_line("ChromeDriver was started successfully on port ", START);
        let mut browser = Self {
            agent: agent(),
            navigations: RefCell::default(),
            process,
            session: format!("http://127.0.0.1:{}/session", port.trim_end_matches('.')),
            size: Cell::default(),
            taps: Cell::default(),
            traffic: RefCell::default(),
            _home: home,
        };
        let capabilities = capabilities(browser._home.path());
        let session = browser.post("", json!({ "capabilities": { "alwaysMatch": capabilities } }));
        let id = session["sessionId"].as_str().expect("a new session has an id");
        browser.session = format!("{}/{id}", browser.session);
        browser
    }

    /// Goes to `url`, and forgets the navigations before.
    ///
    /// It is no error when nothing listens where that leads: [`Browser::url`] still tells the place.
    #[track_caller]
    pub fn open(&self, url: &str) {
        if self.left_for_an_application() {
            self.replace_tab();
        }
        self.navigations.borrow_mut().clear();
        match self.try_post("/url", json!({ "url": url })) {
            Err(Failure { message, .. }) if !message.contains("net::ERR_CONNECTION_REFUSED") => {
                panic!("cannot open {url}: {message}")
            }
            _ => {}
        }
    }

    /// Types `value` into the field that `css` selects, in place of what it held.
    #[track_caller]
    pub fn fill(&self, css: &str, value: &str) {
        self.taps.set(self.taps.get() + 1);
        self.on_element(css, |element| {
            self.try_post(&format!("{element}/clear"), json!({}))?;
            self.try_post(&format!("{element}/value"), json!({ "text": value }))
        });
    }

    /// Clicks the first element that `css` selects, as soon as there is one to click.
    #[track_caller]
    pub fn click(&self, css: &str) {
        self.taps.set(self.taps.get() + 1);
        self.on_element(css, |element| self.try_post(&format!("{element}/click"), json!({})));
    }

    /// Waits until `condition` holds.
    #[track_caller]
    pub fn wait_for(&self, condition: impl Fn(&Self) -> bool, timeout: Duration) {
        let deadline = Instant::now() + timeout;
        while !condition(self) {
            if Instant::now() > deadline {
                panic!("waited {timeout:?} in vain; {}", self.shown());
            }
            thread::sleep(PAUSE);
        }
    }

    /// Waits until an address that begins with `prefix` is among the navigations, and gives that address.
    ///
    /// Unlike [`Browser::url`] this also finds `com.example.app://…`, which a browser hands to the
    /// operating system while it stays where it was.
    #[track_caller]
    pub fn captured_navigation(&self, prefix: &str, timeout: Duration) -> String {
        let find = || self.navigations().into_iter().rfind(|url| url.starts_with(prefix));
        self.wait_for(|_| find().is_some(), timeout);
        find().expect("it was there")
    }

    /// Every address that the browser was sent to since the last [`Browser::open`], each redirect too, in order.
    #[track_caller]
    pub fn navigations(&self) -> Vec<String> {
        // Each answer holds only what is new since the last one.
        let log = self.post("/se/log", json!({ "type": "performance" }));
        let entries = log.as_array().into_iter().flatten().filter_map(|entry| entry["message"].as_str());
        entries.for_each(|entry| *self.traffic.borrow_mut() += entry);
        let mut navigations = self.navigations.borrow_mut();
        navigations.extend(log.as_array().into_iter().flatten().filter_map(navigation));
        navigations.clone()
    }

    /// All that this browser asked and was answered, as its developer tools log it: addresses, headers, forms; no pages.
    #[track_caller]
    pub fn traffic(&self) -> String {
        self.navigations();
        self.traffic.borrow().clone()
    }

    /// What its user has done so far: a click is one, and a field that was filled.
    pub fn taps(&self) -> u32 {
        self.taps.get()
    }

    /// The address of the page shown, also of one that could not be loaded.
    #[track_caller]
    pub fn url(&self) -> String {
        string(self.get("/url"))
    }

    /// The text of the page as a person sees it.
    #[track_caller]
    pub fn text(&self) -> String {
        string(self.run("return document.body ? document.body.innerText : ''"))
    }

    /// The page's document as HTML, as it is now.
    #[track_caller]
    pub fn source(&self) -> String {
        string(self.get("/source"))
    }

    /// Whether `css` selects an element of the page.
    #[track_caller]
    pub fn has(&self, css: &str) -> bool {
        let elements = self.post("/elements", json!({ "using": "css selector", "value": css }));
        elements.as_array().is_some_and(|elements| !elements.is_empty())
    }

    /// Runs the body of a function in the page, and gives what it returns.
    #[track_caller]
    pub fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", json!({ "script": script, "args": [] }))
    }

    /// Makes the page exactly this large, in CSS pixels.
    #[track_caller]
    pub fn set_window(&self, width: u32, height: u32) {
        self.size.set(Some((width, height)));
        // The window's own size would count a frame that headless Chromium has too.
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        let command = json!({ "cmd": "Emulation.setDeviceMetricsOverride", "params": metrics });
        self.post("/goog/cdp/execute", command);
    }

    /// Becomes a small phone: 360 × 640 pixels, and fingers.
    #[track_caller]
    pub fn be_a_phone(&self) {
        self.set_window(360, 640);
        let metrics = json!({ "width": 360, "height": 640, "deviceScaleFactor": 2, "mobile": true });
        for (command, params) in [
            ("Emulation.setDeviceMetricsOverride", metrics),
            ("Emulation.setTouchEmulationEnabled", json!({ "enabled": true })),
        ] {
            self.post("/goog/cdp/execute", json!({ "cmd": command, "params": params }));
        }
    }

    /// Goes on in the tab of this number, as soon as there is one: 0 is the first. It keeps the size of this one.
    #[track_caller]
    pub fn go_to_tab(&self, number: usize) {
        let handle = |browser: &Self| browser.get("/window/handles").get(number).cloned();
        self.wait_for(|browser| handle(browser).is_some(), PAGES);
        self.post("/window", json!({ "handle": handle(self) }));
        self.be_a_phone();
    }

    /// Closes this tab; another one has to be gone on with.
    #[track_caller]
    pub fn close_tab(&self) {
        self.delete("/window");
    }

    /// Forgets all cookies of the host that it is at.
    #[track_caller]
    pub fn forget(&self) {
        self.delete("/cookie");
    }

    /// Saves a picture (PNG) of the visible part of the page.
    #[track_caller]
    pub fn screenshot(&self, path: &Path) {
        let png = Base64::decode_vec(&string(self.get("/screenshot"))).expect("a picture comes in base64");
        fs::write(path, png).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// The ids of its processes, chromedriver's included.
    pub fn ids(&self) -> Vec<u32> {
        self.process.ids()
    }

    /// Does `action` on the element, again while the page is still being built or replaced.
    #[track_caller]
    fn on_element(&self, css: &str, action: impl Fn(&str) -> Result<Value, Failure>) {
        let deadline = Instant::now() + ELEMENT;
        loop {
            let found = self.try_post("/element", json!({ "using": "css selector", "value": css }));
            let done = found.and_then(|element| {
                let id = element[ELEMENT_KEY].as_str().expect("an element has an id");
                action(&format!("/element/{id}"))
            });
            match done {
                Ok(_) => return,
                Err(failure) if !TRANSIENT.contains(&failure.error.as_str()) => {
                    panic!("`{css}`: {}", failure.message)
                }
                Err(failure) if Instant::now() > deadline => {
                    panic!("`{css}`: {}; {}", failure.error, self.shown())
                }
                Err(_) => thread::sleep(PAUSE),
            }
        }
    }

    /// Goes on in a new tab, and closes this one.
    ///
    /// Chromium asks whether to open the application, in a dialog over the tab that swallows all clicks
    /// and that WebDriver cannot answer.
    #[track_caller]
    fn replace_tab(&self) {
        let tab = self.post("/window/new", json!({ "type": "tab" }));
        self.delete("/window");
        self.post("/window", json!({ "handle": tab["handle"] }));
        if let Some((width, height)) = self.size.get() {
            self.set_window(width, height);
        }
    }

    /// Whether the last navigation was to a custom scheme; reads what is new in the log.
    #[track_caller]
    fn left_for_an_application(&self) -> bool {
        self.navigations().last().is_some_and(|url| !url.starts_with("http"))
    }

    #[track_caller]
    fn shown(&self) -> String {
        format!("the browser shows {}: {}", self.url(), self.text())
    }

    #[track_caller]
    fn get(&self, path: &str) -> Value {
        let response = self.agent.get(format!("{}{path}", self.session)).call();
        value(response).unwrap_or_else(|failure| panic!("{path}: {}", failure.message))
    }

    #[track_caller]
    fn delete(&self, path: &str) -> Value {
        let response = self.agent.delete(format!("{}{path}", self.session)).call();
        value(response).unwrap_or_else(|failure| panic!("{path}: {}", failure.message))
    }

    #[track_caller]
    fn post(&self, path: &str, body: Value) -> Value {
        self.try_post(path, body).unwrap_or_else(|failure| panic!("{path}: {}", failure.message))
    }

    fn try_post(&self, path: &str, body: Value) -> Result<Value, Failure> {
        value(self.agent.post(format!("{}{path}", self.session)).send_json(body))
    }
}

/// Signs in as `login` at oidc-provider's pages and consents, from where the browser is now.
///
/// The page of a device code is confirmed too. Returns when the browser has left these pages: for the
/// redirect URI, or for the page that ends a device's sign-in.
#[track_caller]
pub fn sign_in(browser: &Browser, login: &str) {
    browser.wait_for(|browser| step(browser, login), PAGES);
}

/// Refuses at any of oidc-provider's pages: of login, of consent or of a device code.
#[track_caller]
pub fn refuse(browser: &Browser) {
    browser.click(r#"a[href$="/abort"], button[name="abort"]"#);
}

/// Does what the page shown asks for; `true` when no page asks any more.
#[track_caller]
fn step(browser: &Browser, login: &str) -> bool {
    let page = string(browser.run(PAGE));
    // A mark that only this document has: the next page may take a while to replace it.
    let mark = || browser.run("window.answered = true");
    match page.as_str() {
        "login" => {
            browser.fill("input[name=login]", login);
            browser.fill("input[name=password]", "any will do");
            mark();
            browser.click("[type=submit]");
        }
        "consent" => {
            mark();
            browser.click("[type=submit]");
        }
        "device" => {
            mark();
            // The button lies outside the form.
            browser.click(r#"button[form="op.deviceConfirmForm"]:not([name=abort])"#);
        }
        // The redirect to a custom scheme leaves the page where it is.
        "answered" => return browser.left_for_an_application(),
        "other" => return true,
        other => panic!("unknown page {other}"),
    }
    false
}

const PAGE: &str = r#"
    const has = css => document.querySelector(css) !== null;
    if (window.answered || document.readyState === 'loading') return 'answered';
    if (has('input[name=login]')) return 'login';
    if (has('input[name=prompt][value=consent]')) return 'consent';
    if (has('form[id="op.deviceConfirmForm"]')) return 'device';
    if (has('form[id="op.deviceInputForm"]')) return 'answered'; // sends itself, or waits for a person
    return 'other';
"#;

/// The address of an entry of the performance log, if it tells of a page that is asked for.
///
/// Chromium asks for each hop of a redirect, and for a custom scheme before it hands it on.
fn navigation(entry: &Value) -> Option<String> {
    let message: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
    let (method, params) = (&message["message"]["method"], &message["message"]["params"]);
    let asks = method == "Network.requestWillBeSent" && params["type"] == "Document";
    asks.then(|| params["request"]["url"].as_str().map(str::to_owned))?
}

struct Failure {
    /// WebDriver's error code, such as `no such element`.
    error: String,
    message: String,
}

fn value(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Value, Failure> {
    let body = response.and_then(|mut response| response.body_mut().with_config().limit(ANSWER).read_json());
    let mut body: Value = body
        .map_err(|error| Failure { error: "no answer".into(), message: format!("chromedriver: {error}") })?;
    let value = body["value"].take();
    match value["error"].as_str() {
        None => Ok(value),
        Some(error) => {
            let message = value["message"].as_str().unwrap_or(error).lines().next().unwrap_or_default();
            Err(Failure { error: error.to_owned(), message: message.to_owned() })
        }
    }
}

fn string(value: Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("chromedriver answered {value} in place of a text")).to_owned()
}

fn capabilities(options: Options, elsewhere: &[(&str, &str)], profile: &Path) -> Value {
    let mut flags: Vec<_> = FLAGS.map(str::to_owned).to_vec();
    let elsewhere = elsewhere.iter().map(|(host, place)| format!("MAP {host} {place} , "));
    flags.push(format!("--host-resolver-rules={}{HOSTS}", elsewhere.collect::<String>()));
    flags.push(format!("--user-data-dir={}", profile.display()));
    json!({
        "acceptInsecureCerts": options.accept_insecure_certs,
        "browserName": "chrome",
        "goog:chromeOptions": { "args": flags },
        "goog:loggingPrefs": { "performance": "ALL" },
        "pageLoadStrategy": "eager",
        "timeouts": { "implicit": 0, "pageLoad": 30_000, "script": 10_000 },
    })
}

fn agent() -> Agent {
    let config = Agent::config_builder().http_status_as_error(false).proxy(None).timeout_global(Some(START));
    config.build().into()
}

/// Runs a command until standard input closes, then ends its process group and with it Chromium, which
/// chromedriver alone would leave behind. Lets go of the outputs, so that they end with the command.
const GUARD: &str = r#""$@" </dev/null & exec >/dev/null 2>&1; while read -r _; do :; done; kill -KILL 0"#;

const FLAGS: [&str; 10] = [
    "--headless=new",
    "--no-sandbox", // needed for root, as in containers; the pages come from this machine
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
];

/// What is found: this machine, and the name of a provider on it.
const HOSTS: &str =
    "MAP op.keyfob.test 127.0.0.1 , MAP * ~NOTFOUND , EXCLUDE 127.0.0.* , EXCLUDE ::1 , EXCLUDE localhost";

/// The name of an element's id in answers (WebDriver §12.1).
const ELEMENT_KEY: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Errors of a page that is not ready yet.
const TRANSIENT: [&str; 4] =
    ["element click intercepted", "element not interactable", "no such element", "stale element reference"];

/// Far more than the largest picture or log.
const ANSWER: u64 = 64 * 1024 * 1024;
const ELEMENT: Duration = Duration::from_secs(15);
const PAGES: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(25);
const START: Duration = Duration::from_secs(60);
