//! A device with a portal and a flow, and browsers in its network.

use std::net::{IpAddr, Ipv4Addr};

use keyfob_core::{
    client::Client,
    error::Error,
    flow::{Action, AuthorizationCode, Event, Flow, Redirect},
    metadata::Metadata,
    portal::{
        Alphabet, Brand, ENGLISH, FRENCH, GERMAN, Outcome, Portal, SPANISH, Screen, Site, Visitor, Words,
    },
    time::Now,
};
use keyfob_tests::{form, seeds};

/// The device's address.
pub const HOST: &str = "192.168.4.20";

/// Its address after the router has given it another one.
pub const MOVED: &str = "192.168.4.77";

/// Its name in the network.
pub const NAME: &str = "kettle.local";

pub const SERVER: Metadata<'static> = Metadata::new("https://op.example")
    .authorization_endpoint("https://login.op.example/authorize")
    .token_endpoint("https://op.example/token");

pub const CLIENT: Client<'static> =
    Client::oauth(SERVER, "kettle").redirect_uri("http://192.168.4.20/callback").insecure_lan_redirect();

/// A client with a safe way back, and much time for it.
pub const LASTING: Client<'static> = CLIENT.redirect_uri("https://kettle.example/callback").lifetime(100_000);

/// A client whose user brings the address by hand: nothing listens there.
pub const PASTED: Client<'static> = Client::oauth(SERVER, "kettle").redirect_uri("http://127.0.0.1/callback");

pub const LOGO: &str = "<svg viewBox=\"0 0 24 24\" role=\"img\"><title>Kettle</title><path fill=\"#c2410c\" d=\"M4 8h12v9a3 3 0 0 1-3 3H7a3 3 0 0 1-3-3zm12 2h2a2 2 0 0 1 0 6h-2zM8 4h4v3H8z\"/></svg>";

pub const BRAND: Brand<'static> = Brand::new("Kettle").colour("#9a3412", "#ffffff").logo(LOGO);

pub const LANGUAGES: &[&Words] = &[&ENGLISH, &GERMAN, &FRENCH, &SPANISH];

pub const SITE: Site<'static> =
    Site::new(&SERVER, &[HOST, NAME]).callback("/callback").brand(&BRAND).languages(LANGUAGES);

pub const PASTE: Site<'static> =
    Site::new(&SERVER, &[HOST, NAME]).paste(&SERVER).brand(&BRAND).languages(LANGUAGES);

/// An address of the network.
pub fn peer(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(192, 168, 4, last))
}

/// What came of a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Heard {
    Answer(String),
    More,
    Redirect(String),
    Start,
    Wait,
}

impl Heard {
    /// The answer.
    #[track_caller]
    pub fn text(self) -> String {
        match self {
            Self::Answer(text) => text,
            other => panic!("no answer: {other:?}"),
        }
    }

    /// The status of the answer; 0 if there is none.
    pub fn status(&self) -> u16 {
        match self {
            Self::Answer(text) => status(text),
            _ => 0,
        }
    }
}

pub fn status(answer: &str) -> u16 {
    answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok()).expect(answer)
}

pub fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split("\r\n\r\n").next().unwrap_or_default();
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

pub fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").expect("a head").1
}

/// The value of a hidden field.
pub fn field<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let start = answer.split_once(&format!("name=\"{name}\" value=\""))?.1;
    start.split('"').next()
}

pub struct Device {
    pub portal: Portal,
    pub site: Site<'static>,
    pub uptime: u64,
    pub flow: AuthorizationCode<'static, 512>,
    /// What the portal was told of the flow's answers.
    pub judged: Vec<Option<Error>>,
}

impl Device {
    pub fn new(client: &'static Client<'static>, site: Site<'static>) -> Self {
        Self::with(client, site, Alphabet::Consonants)
    }

    pub fn with(client: &'static Client<'static>, site: Site<'static>, alphabet: Alphabet) -> Self {
        let now = Now::unknown(1_000_000);
        Self {
            portal: Portal::paired(seeds::seed(77), alphabet, now),
            site,
            uptime: now.uptime,
            flow: AuthorizationCode::new(client, seeds::seed(5), now).expect("a flow"),
            judged: Vec::new(),
        }
    }

    /// The one with a redirect over the network.
    pub fn lan() -> Self {
        Self::new(&CLIENT, SITE)
    }

    /// The one with much time.
    pub fn lasting() -> Self {
        Self::new(&LASTING, SITE)
    }

    pub fn now(&self) -> Now {
        Now::unknown(self.uptime)
    }

    pub fn pass(&mut self, seconds: u64) {
        self.uptime += seconds * 1000;
    }

    /// Hands in a request that is whole.
    pub fn hear(&mut self, from: IpAddr, request: &[u8]) -> (Visitor, Heard) {
        let mut visitor = Visitor::new(from);
        let mut buffer = vec![0; self.site_room().max(request.len())];
        buffer[..request.len()].copy_from_slice(request);
        let heard = self.step(&mut visitor, &buffer, request.len());
        (visitor, heard)
    }

    fn site_room(&self) -> usize {
        keyfob_core::portal::Limits::PORTAL.request()
    }

    pub fn step(&mut self, visitor: &mut Visitor, buffer: &[u8], length: usize) -> Heard {
        let mut out = vec![0; Portal::ANSWER.max(buffer.len())];
        let now = self.now();
        match self.portal.handle(&self.site, now, visitor, (buffer, length), &mut out).expect("room") {
            Outcome::Answer(answer) => {
                assert_eq!(status(&text(answer.octets())), answer.status().code());
                Heard::Answer(text(answer.octets()))
            }
            Outcome::More => Heard::More,
            Outcome::Redirect(Redirect::Url(url)) => Heard::Redirect(format!("url {url}")),
            Outcome::Redirect(Redirect::Form(form)) => Heard::Redirect(format!("form {form}")),
            Outcome::Redirect(Redirect::Code(code)) => Heard::Redirect(format!("code {code}")),
            Outcome::Start => Heard::Start,
            Outcome::Wait => Heard::Wait,
            other => panic!("{other:?}"),
        }
    }

    /// Does what a driver does: sends to the server, hands redirects to the flow, and answers.
    pub fn serve(&mut self, from: IpAddr, request: &str) -> String {
        let (visitor, heard) = self.hear(from, request.as_bytes());
        let mut out = vec![0; Portal::ANSWER];
        let now = self.now();
        match heard {
            Heard::Answer(answer) => answer,
            Heard::More => panic!("not whole: {request}"),
            Heard::Start => {
                let url = self.authorize();
                text(self.portal.send(&self.site, &visitor, &url, &mut out).expect("the server's").octets())
            }
            Heard::Wait => text(self.portal.wait(&self.site, &visitor, &mut out).expect("room").octets()),
            Heard::Redirect(redirect) => {
                let (kind, value) = redirect.split_once(' ').expect("two words");
                let redirect = match kind {
                    "url" => Redirect::Url(value),
                    "form" => Redirect::Form(value),
                    _ => Redirect::Code(value),
                };
                let error = self.flow.handle(now, Event::Redirect(redirect)).err();
                self.judged.push(error);
                text(self.portal.judged(&self.site, now, &visitor, error, &mut out).expect("room").octets())
            }
        }
    }

    /// Where the flow sends the browser.
    pub fn authorize(&self) -> String {
        let mut buffer = [0; 2048];
        match self.flow.poll(self.now(), &mut buffer) {
            Ok(Action::Authorize(url)) => url.to_owned(),
            other => panic!("{other:?}"),
        }
    }

    pub fn state(&self) -> String {
        form::in_url(&self.authorize(), "state")
    }

    /// Whether the flow still waits for its redirect.
    pub fn waits(&self) -> bool {
        let mut buffer = [0; 2048];
        matches!(self.flow.poll(self.now(), &mut buffer), Ok(Action::Authorize(_)))
    }

    /// Address, code and link on the screen; `None` if it shows no invitation.
    pub fn screen(&self) -> Option<(String, Option<String>, String, u64)> {
        let mut out = [0; 256];
        match self.portal.poll(&self.site, self.now(), &mut out).expect("room") {
            Screen::Pair(invitation) => Some((
                invitation.address().to_owned(),
                invitation.code().map(str::to_owned),
                invitation.link().to_owned(),
                invitation.until(),
            )),
            _ => None,
        }
    }

    pub fn code(&self) -> String {
        self.screen().and_then(|screen| screen.1).expect("a code")
    }
}

/// A browser in the network.
pub struct Browser {
    pub peer: IpAddr,
    pub host: String,
    pub cookie: Option<String>,
    pub more: String,
}

impl Browser {
    pub fn new(last: u8) -> Self {
        Self { peer: peer(last), host: HOST.to_owned(), cookie: None, more: String::new() }
    }

    fn cookies(&self) -> String {
        self.cookie.as_ref().map(|cookie| format!("Cookie: {cookie}\r\n")).unwrap_or_default()
    }

    pub fn get(&mut self, device: &mut Device, target: &str) -> String {
        let (host, cookies, more) = (&self.host, self.cookies(), &self.more);
        let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n{cookies}{more}\r\n");
        self.keep(device.serve(self.peer, &request))
    }

    /// Comes back from the server with the right response.
    pub fn back(&mut self, device: &mut Device) -> String {
        let target = callback(&device.state());
        self.get(device, &target)
    }

    pub fn post(&mut self, device: &mut Device, target: &str, form: &str) -> String {
        let origin = format!("http://{}", self.host);
        self.post_from(device, target, form, &origin)
    }

    pub fn post_from(&mut self, device: &mut Device, target: &str, form: &str, origin: &str) -> String {
        let (host, cookies, more, length) = (&self.host, self.cookies(), &self.more, form.len());
        let request = format!(
            "POST {target} HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\n{cookies}{more}Content-Type: \
             application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{form}"
        );
        self.keep(device.serve(self.peer, &request))
    }

    fn keep(&mut self, answer: String) -> String {
        if let Some(set) = header(&answer, "Set-Cookie") {
            self.cookie = set.split(';').next().map(str::to_owned);
        }
        answer
    }

    /// Opens the page and types a code.
    pub fn start(&mut self, device: &mut Device, code: &str) -> String {
        let page = self.get(device, "/");
        let page = field(&page, "page").unwrap_or_default().to_owned();
        let code = form::encode(code);
        self.post(device, "/start", &format!("page={page}&code={code}"))
    }

    /// A browser that was let in.
    pub fn paired(device: &mut Device, last: u8) -> Self {
        let mut browser = Self::new(last);
        let code = device.code();
        let answer = browser.start(device, &code);
        assert_eq!(status(&answer), 303, "{answer}");
        browser
    }
}

/// The path and query that the server sends the browser back with.
pub fn callback(state: &str) -> String {
    format!("/callback?code=marker-code&state={state}")
}

pub fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).expect("UTF-8")
}
