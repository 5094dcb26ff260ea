//! A relay that runs, a device that follows a script, and a browser.

use std::{
    fs,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, Barrier,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use hpke::{
    Deserializable, Kem, OpModeR, Serializable, aead::ChaCha20Poly1305, kdf::HkdfSha256,
    kem::X25519HkdfSha256, single_shot_open,
};
use keyfob_relay::{Clock, Keys, NewDevice, Relay, Settings};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;

pub use self::{
    http::{Client, Reply, raw},
    instance::{Front, Instance},
    redis::RedisServer,
};

mod http;
mod instance;
mod redis;

/// The server that users sign in at.
pub const ENDPOINT: &str = "https://op.example/authorize";

/// What browsers call the relay.
pub const PUBLIC: &str = "https://relay.example";

/// Its host.
pub const HOST: &str = "relay.example";

/// A folder of this process, which is removed at the end of the test.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("keyfob-relay-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Two devices, and the file that names them.
pub struct Fleet {
    pub kettle: Credentials,
    pub lamp: Credentials,
    pub text: String,
}

/// What a device is given.
#[derive(Clone)]
pub struct Credentials {
    pub id: String,
    pub secret: String,
}

impl Fleet {
    pub fn new() -> Self {
        let [kettle, lamp] =
            ["Kettle in the kitchen", "Lamp <b>&"].map(|name| NewDevice::generate(name).unwrap());
        let text = [kettle.entry.as_str(), &lamp.entry].concat();
        let [kettle, lamp] =
            [kettle, lamp].map(|new| Credentials { id: new.id.clone(), secret: new.secret.as_str().into() });
        Self { kettle, lamp, text }
    }
}

/// A relay in this process, on a thread of its own.
pub struct Running {
    pub address: SocketAddr,
    pub admin: SocketAddr,
    pub fleet: Fleet,
    pub clock: Clock,
    pub folder: Folder,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Running {
    /// As it is by default, at `relay.example`.
    pub fn start() -> Self {
        Self::with(|_| {})
    }

    /// With other settings.
    pub fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let (folder, fleet) = (Folder::new(), Fleet::new());
        let mut settings =
            Settings::new("127.0.0.1:0".parse().unwrap(), folder.file("devices.toml", &fleet.text), ENDPOINT);
        settings.public_url = Some(PUBLIC.into());
        settings.admin = Some("127.0.0.1:0".parse().unwrap());
        settings.keys = Some(Keys::new([7; 32]));
        change(&mut settings);
        let clock = settings.clock.clone();
        let (stop, stopped) = oneshot::channel();
        let (sender, receiver) = std::sync::mpsc::channel();
        let thread = thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async {
                let relay = Relay::start(settings).await.unwrap();
                sender.send((relay.address(), relay.admin().unwrap())).unwrap();
                let _ = stopped.await;
                relay.stop().await;
            });
        });
        let (address, admin) = receiver.recv().expect("a relay that starts");
        Self { address, admin, fleet, clock, folder, stop: Some(stop), thread: Some(thread) }
    }

    /// Tells it to stop; it goes on until it has.
    pub fn tell(&mut self) {
        drop(self.stop.take());
    }

    /// Waits until it has stopped.
    pub fn stop(&mut self) {
        self.tell();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }

    pub fn kettle(&self) -> Device {
        Device::new(self.address, &self.fleet.kettle)
    }

    pub fn lamp(&self) -> Device {
        Device::new(self.address, &self.fleet.lamp)
    }

    pub fn browser(&self) -> Browser {
        Browser::new(self.address)
    }

    /// One of the admin's pages.
    pub fn admin(&self, path: &str) -> Reply {
        Client::new(self.admin).host("admin").get(path)
    }

    /// The value of a metric.
    pub fn metric(&self, name: &str) -> f64 {
        let text = self.admin("/metrics").body;
        let line =
            text.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
        line.unwrap_or_else(|| panic!("{name} is not in {text}")).rsplit(' ').next().unwrap().parse().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.tell();
    }
}

/// A device, as far as the relay sees it.
#[derive(Clone)]
pub struct Device {
    pub client: Client,
    pub credentials: Credentials,
}

impl Device {
    pub fn new(address: SocketAddr, credentials: &Credentials) -> Self {
        let basic = Base64::encode_string(format!("{}:{}", credentials.id, credentials.secret).as_bytes());
        let client = Client::new(address).with("Authorization", &format!("Basic {basic}"));
        Self { client, credentials: credentials.clone() }
    }

    /// Opens a mailbox, and has to get codes.
    pub fn open(&self, sign_in: &SignIn) -> Codes {
        let reply = self.client.post("/mailbox", &sign_in.form());
        assert_eq!(reply.status, 200, "{}", reply.body);
        Codes::read(&reply.json())
    }

    /// Waits for so many seconds.
    pub fn wait(&self, sign_in: &SignIn, seen: &str, seconds: u32) -> Reply {
        let form = format!("mailbox={}&seen={seen}&wait={seconds}", sign_in.mailbox);
        self.client.post("/mailbox/wait", &form)
    }

    /// What it finds there.
    pub fn status(&self, sign_in: &SignIn) -> String {
        let json = self.wait(sign_in, "waiting", 0).json();
        json["status"].as_str().or(json["error"].as_str()).unwrap_or("response").into()
    }

    /// What it finds there once the answer has left.
    pub fn settled(&self, sign_in: &SignIn) -> String {
        self.wait(sign_in, "paired", 5).body
    }

    /// Ends it.
    pub fn close(&self, sign_in: &SignIn, ending: &str) -> Reply {
        self.client.post("/mailbox/close", &format!("mailbox={}&ending={ending}", sign_in.mailbox))
    }
}

/// What is shown.
#[derive(Clone, Debug)]
pub struct Codes {
    pub code: String,
    pub token: String,
    pub complete: String,
    pub expires_in: u64,
}

impl Codes {
    pub fn read(json: &Value) -> Self {
        let complete = json["verification_uri_complete"].as_str().unwrap().to_string();
        let token = complete.rsplit("?t=").next().unwrap().to_string();
        let code = json["user_code"].as_str().unwrap().to_string();
        Self { code, token, complete, expires_in: json["expires_in"].as_u64().unwrap() }
    }
}

/// What a device knows of one sign-in.
pub struct SignIn {
    pub state: String,
    pub mailbox: String,
    pub url: String,
    public_key: String,
    private_key: <X25519HkdfSha256 as Kem>::PrivateKey,
}

impl SignIn {
    pub fn new() -> Self {
        let octets = |length| {
            let mut octets = vec![0; length];
            getrandom::fill(&mut octets).unwrap();
            octets
        };
        let state = Base64UrlUnpadded::encode_string(&octets(32));
        let (private_key, public_key) = X25519HkdfSha256::derive_keypair(&octets(32));
        Self {
            mailbox: Base64UrlUnpadded::encode_string(&Sha256::digest(&state)),
            url: format!(
                "{ENDPOINT}?response_type=code&client_id=kettle&redirect_uri=https%3A%2F%2Frelay.example%2Fcallback&state={state}"
            ),
            state,
            public_key: Base64UrlUnpadded::encode_string(&public_key.to_bytes()),
            private_key,
        }
    }

    /// What the device posts.
    pub fn form(&self) -> String {
        self.form_with(&self.mailbox, &self.url, &self.public_key)
    }

    pub fn form_with(&self, mailbox: &str, url: &str, key: &str) -> String {
        form_urlencoded::Serializer::new(String::new())
            .append_pair("mailbox", mailbox)
            .append_pair("authorization_url", url)
            .append_pair("public_key", key)
            .finish()
    }

    pub fn key(&self) -> &str {
        &self.public_key
    }

    /// The server's answer.
    pub fn response(&self) -> String {
        format!("code=SplxlOBeZQQYbYS6WxSbIA&state={}&iss=https%3A%2F%2Fop.example", self.state)
    }

    /// The text of a sealed answer, with its first octet.
    pub fn open(&self, reply: &Reply) -> String {
        let json = reply.json();
        let sealed = json["response"].as_str().unwrap_or_else(|| panic!("no response in {json}"));
        let sealed = Base64UrlUnpadded::decode_vec(sealed).unwrap();
        let encapsulated = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(&sealed[..32]).unwrap();
        let plain = single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &self.private_key,
            &encapsulated,
            b"keyfob relay 1",
            &sealed[32..],
            self.mailbox.as_bytes(),
        );
        String::from_utf8(plain.unwrap()).unwrap()
    }
}

/// A browser that keeps one cookie.
#[derive(Clone)]
pub struct Browser {
    pub client: Client,
    pub cookie: Option<String>,
}

impl Browser {
    pub fn new(address: SocketAddr) -> Self {
        Self { client: Client::new(address), cookie: None }
    }

    fn with_cookie(&self) -> Client {
        match &self.cookie {
            Some(cookie) => self.client.clone().with("Cookie", cookie),
            None => self.client.clone(),
        }
    }

    pub fn get(&self, path: &str) -> Reply {
        self.with_cookie().get(path)
    }

    /// A form of the relay's own page.
    pub fn post(&mut self, path: &str, form: &str) -> Reply {
        let client = self.with_cookie().with("Origin", PUBLIC).with("Sec-Fetch-Site", "same-origin");
        self.keep(client.post(path, form))
    }

    /// A form of the server's page.
    pub fn post_from(&mut self, origin: &str, path: &str, form: &str) -> Reply {
        let client = self.with_cookie().with("Origin", origin).with("Sec-Fetch-Site", "cross-site");
        self.keep(client.post(path, form))
    }

    fn keep(&mut self, reply: Reply) -> Reply {
        if let Some(cookie) = reply.header("set-cookie") {
            self.cookie = Some(cookie.split(';').next().unwrap().into());
        }
        reply
    }

    /// Types the code; the page that comes back.
    pub fn pair(&mut self, codes: &Codes) -> Reply {
        let reply = self.post("/pair", &format!("code={}", codes.code));
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply
    }

    /// Goes on, from the page that names device and server.
    pub fn go(&mut self, page: &Reply) -> Reply {
        let form = format!("page={}", page.hidden("page"));
        self.post("/go", &form)
    }

    /// The server sends it back.
    pub fn callback(&self, response: &str) -> Reply {
        self.get(&format!("/callback?{response}"))
    }

    /// From the code to the answer.
    pub fn sign_in(&mut self, codes: &Codes, sign_in: &SignIn) {
        let page = self.pair(codes);
        assert_eq!(self.go(&page).header("location"), Some(sign_in.url.as_str()));
        assert_eq!(self.callback(&sign_in.response()).status, 303);
    }
}

/// The same answer of the server, many times at once, each with another code.
pub fn race(browsers: &[Browser], sign_in: &SignIn) {
    let start = Arc::new(Barrier::new(RACERS));
    let racers: Vec<_> = (0..RACERS)
        .map(|racer| {
            let (browser, start) = (browsers[racer % browsers.len()].clone(), start.clone());
            let response = sign_in.response().replace("code=", &format!("code={racer}-"));
            thread::spawn(move || {
                start.wait();
                browser.callback(&response).status
            })
        })
        .collect();
    for racer in racers {
        assert_eq!(racer.join().unwrap(), 303);
    }
}

const RACERS: usize = 24;

/// Asks again and again, for a while.
pub fn until(what: &str, mut check: impl FnMut() -> bool) {
    for _ in 0..200 {
        if check() {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("{what}: not in 10 s");
}
