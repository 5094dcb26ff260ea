//! The program as a child process, and a browser that is a few lines of HTTP.
#![allow(dead_code, reason = "not every test file uses all of it")]

pub mod scripted;

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use serde_json::Value;
use ureq::Agent;

/// A run of the program.
pub struct Run {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    errors: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
    /// Everything that came on standard output, as it came.
    pub text: String,
}

/// How a run ended.
pub struct End {
    pub code: Option<i32>,
    pub events: Vec<Value>,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// Starts the program.
    pub fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sign-in"));
        // No browser opens, on no screen.
        for name in ["BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"] {
            command.env_remove(name);
        }
        let mut child = command
            .args(arguments)
            .env("NO_PROXY", "127.0.0.1")
            .env("SSH_CONNECTION", "192.0.2.1 1 192.0.2.2 22")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let stderr = BufReader::new(child.stderr.take().expect("is piped"));
        let errors = Arc::<Mutex<String>>::default();
        let text = errors.clone();
        let reader = thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let mut text = text.lock().unwrap_or_else(PoisonError::into_inner);
                text.push_str(&line);
                text.push('\n');
            }
        });
        Self {
            input: child.stdin.take(),
            output: BufReader::new(child.stdout.take().expect("is piped")),
            errors,
            reader: Some(reader),
            child,
            text: String::new(),
        }
    }

    /// The next event of this kind; those before it are kept in `text`.
    pub fn event(&mut self, kind: &str) -> Value {
        loop {
            let mut line = String::new();
            let length = self.output.read_line(&mut line).expect("standard output can be read");
            assert_ne!(length, 0, "no event {kind} in: {}", self.text);
            self.text.push_str(&line);
            let event: Value = serde_json::from_str(&line).expect("each line is JSON");
            if event["event"] == kind {
                return event;
            }
        }
    }

    /// The address to open.
    pub fn url(&mut self) -> String {
        self.event("authorize")["url"].as_str().expect("a text").to_owned()
    }

    /// The address that a person is shown.
    pub fn shown_url(&self) -> String {
        for _ in 0..100 {
            let text = self.stderr();
            let line =
                text.lines().find(|line| line.trim().starts_with("http") && line.contains("/authorize?"));
            if let Some(url) = line {
                return url.trim().to_owned();
            }
            thread::sleep(Duration::from_millis(100));
        }
        panic!("no address in: {}", self.stderr());
    }

    /// What a person has been shown, once these words are among it and a moment has passed.
    pub fn shown(&self, words: &str) -> String {
        for _ in 0..100 {
            if self.stderr().contains(words) {
                thread::sleep(Duration::from_millis(300));
                return self.stderr();
            }
            thread::sleep(Duration::from_millis(100));
        }
        panic!("no {words} in: {}", self.stderr());
    }

    fn stderr(&self) -> String {
        self.errors.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Types a line.
    pub fn type_line(&mut self, line: &str) {
        let input = self.input.as_mut().expect("is open");
        writeln!(input, "{line}").expect("standard input can be written");
    }

    /// Closes standard input.
    pub fn close_input(&mut self) {
        self.input = None;
    }

    /// Presses Ctrl-C.
    #[cfg(unix)]
    pub fn interrupt(&self) {
        let id = self.child.id().to_string();
        let status = Command::new("kill").args(["-INT", &id]).status().expect("there is `kill`");
        assert!(status.success());
    }

    /// Waits for the end.
    pub fn end(mut self) -> End {
        let _ = self.output.read_to_string(&mut self.text);
        let status = self.child.wait().expect("it ends");
        let _ = self.reader.take().map(JoinHandle::join);
        let stderr = self.stderr();
        let stdout = std::mem::take(&mut self.text);
        let events = stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        End { code: status.code(), events, stdout, stderr }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl End {
    /// The event of this kind.
    pub fn event(&self, kind: &str) -> &Value {
        self.events
            .iter()
            .find(|event| event["event"] == kind)
            .unwrap_or_else(|| panic!("no {kind}: {}{}", self.stdout, self.stderr))
    }

    /// The error, which must be of this class and end the program with this code.
    pub fn error(&self, class: &str, code: i32) -> &Value {
        let error = self.event("error");
        assert_eq!((error["class"].as_str(), self.code), (Some(class), Some(code)), "{error}");
        assert_eq!(error["exit_code"], code);
        for text in ["message", "advice"] {
            assert!(error[text].as_str().is_some_and(|text| text.len() > 10), "{error}");
        }
        assert_eq!(self.stderr, "", "scripts get everything on standard output");
        error
    }
}

/// Follows nothing by itself and keeps the last cookie.
pub struct Browser {
    agent: Agent,
    origin: String,
    cookie: Option<String>,
}

/// An answer: where it leads to, and the page.
pub struct Page {
    pub location: Option<String>,
    pub body: String,
}

impl Browser {
    pub fn new(url: &str) -> Self {
        let agent =
            Agent::config_builder().max_redirects(0).http_status_as_error(false).proxy(None).build().into();
        let origin = url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        Self { agent, origin, cookie: None }
    }

    /// Signs in as Ada Lovelace and answers the consent page with `answer`; gives the final address.
    pub fn sign_in(url: &str, answer: &str) -> String {
        let mut browser = Self::new(url);
        let login = browser.get(url).follow();
        let id = browser.get(&login).form_id();
        let consent = browser.post("/login", &[("id", &id), ("name", "Ada Lovelace")]).follow();
        let id = browser.get(&consent).form_id();
        browser.post("/consent", &[("id", &id), ("answer", answer)]).follow()
    }

    /// Enters a user code, signs in as Ada Lovelace and answers the consent page with `answer`.
    pub fn enter(verification_uri: &str, user_code: &str, answer: &str) -> Page {
        let mut browser = Self::new(verification_uri);
        assert!(browser.get(verification_uri).body.contains("user_code"));
        let login = browser.post("/activate", &[("user_code", user_code)]).follow();
        let id = browser.get(&login).form_id();
        let consent = browser.post("/login", &[("id", &id), ("name", "Ada Lovelace")]).follow();
        let id = browser.get(&consent).form_id();
        browser.post("/consent", &[("id", &id), ("answer", answer)])
    }

    /// Goes where the issuer sent the browser to, and on to the last page.
    pub fn land(address: &str) -> Page {
        let mut browser = Self::new(address);
        let page = browser.get(address);
        match page.location {
            Some(next) => browser.get(&next),
            None => page,
        }
    }

    pub fn get(&mut self, target: &str) -> Page {
        let url =
            if target.starts_with('/') { format!("{}{target}", self.origin) } else { target.to_owned() };
        let mut request = self.agent.get(url);
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        let answer = request.call().expect("the page can be fetched");
        self.read(answer)
    }

    fn post(&mut self, target: &str, form: &[(&str, &str)]) -> Page {
        let mut request = self.agent.post(format!("{}{target}", self.origin));
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        let answer = request.send_form(form.iter().copied()).expect("the form can be sent");
        self.read(answer)
    }

    fn read(&mut self, mut answer: ureq::http::Response<ureq::Body>) -> Page {
        let header =
            |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        if let Some(cookie) = header("set-cookie") {
            self.cookie = cookie.split(';').next().map(str::to_owned);
        }
        let location = header("location");
        Page { location, body: answer.body_mut().read_to_string().expect("a page is text") }
    }
}

impl Page {
    fn follow(self) -> String {
        self.location.unwrap_or_else(|| panic!("no redirect, but: {}", self.body))
    }

    fn form_id(&self) -> String {
        let (_, rest) = self.body.split_once("name=\"id\" value=\"").expect("the page has a form");
        rest.split('"').next().expect("a value").to_owned()
    }
}
