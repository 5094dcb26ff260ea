//! Whoever owns the relay, or reads all that it reads, against a server that gives out real tokens.

use base64ct::{Base64UrlUnpadded, Encoding};
use keyfob_demo_issuer::DemoIssuer;
use sha2::{Digest, Sha256};

use crate::support::{Browser, Client, Codes, Reply, Running, SignIn};

/// A server, and a relay that sends browsers to it.
struct World {
    issuer: DemoIssuer,
    relay: Running,
}

/// A sign-in whose answer is in the mailbox, and all that passed through the relay.
struct Passed {
    verifier: String,
    url: String,
    code: String,
}

impl World {
    fn new() -> Self {
        let issuer = DemoIssuer::start().unwrap();
        let endpoint = format!("{}/authorize", issuer.issuer().trim_end_matches('/'));
        let relay = Running::with(|settings| {
            settings.public_url = None;
            settings.authorization_endpoints = vec![endpoint];
        });
        Self { issuer, relay }
    }

    fn redirect_uri(&self) -> String {
        format!("http://{}/callback", self.relay.address)
    }

    /// A request to the server.
    fn server(&self, path: &str, form: Option<&str>, cookie: &str) -> Reply {
        let host = self.issuer.issuer().trim_start_matches("http://").trim_end_matches('/').to_string();
        let client = Client::new(host.parse().unwrap()).host(&host).with("Cookie", cookie);
        client.send(if form.is_some() { "POST" } else { "GET" }, path, form).unwrap()
    }

    /// A user signs in at the server by way of the relay, and the device fetches the answer.
    fn sign_in(&self) -> Passed {
        let mut octets = [0; 32];
        getrandom::fill(&mut octets).unwrap();
        let verifier = Base64UrlUnpadded::encode_string(&octets);
        let challenge = Base64UrlUnpadded::encode_string(&Sha256::digest(&verifier));
        let host = self.relay.address.to_string();
        let (mut device, sign_in) = (self.relay.kettle(), SignIn::new());
        device.client = device.client.host(&host);
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("response_type", "code"), ("client_id", "demo"), ("scope", "openid")])
            .extend_pairs([("redirect_uri", self.redirect_uri().as_str()), ("state", &sign_in.state)])
            .extend_pairs([("code_challenge", challenge.as_str()), ("code_challenge_method", "S256")])
            .finish();
        let url = format!("{}/authorize?{query}", self.issuer.issuer().trim_end_matches('/'));
        let form = sign_in.form_with(&sign_in.mailbox, &url, sign_in.key());
        let codes = Codes::read(&device.client.post("/mailbox", &form).json());

        let mut browser = Browser { client: Client::new(self.relay.address).host(&host), cookie: None };
        let keep = |browser: &mut Browser, reply: Reply| {
            if let Some(cookie) = reply.header("set-cookie") {
                browser.cookie = cookie.split(';').next().map(str::to_string);
            }
            reply
        };
        let page = browser.client.post("/pair", &format!("code={}", codes.code));
        let page = keep(&mut browser, page);
        let client = browser.client.clone().with("Cookie", browser.cookie.as_deref().unwrap());
        let go = client.post("/go", &format!("page={}", page.hidden("page")));
        assert_eq!(go.header("location"), Some(url.as_str()), "{}", go.body);

        let path = |reply: &Reply| {
            let location = reply.header("location").unwrap_or_else(|| panic!("{reply:?}"));
            location.strip_prefix(self.issuer.issuer().trim_end_matches('/')).unwrap_or(location).to_string()
        };
        let to_login =
            self.server(url.strip_prefix(self.issuer.issuer().trim_end_matches('/')).unwrap(), None, "");
        let cookie = to_login.header("set-cookie").unwrap_or_default().split(';').next().unwrap().to_string();
        let login = self.server(&path(&to_login), None, &cookie);
        let cookie =
            login.header("set-cookie").map_or(cookie, |cookie| cookie.split(';').next().unwrap().into());
        let consent = self.server("/login", Some(&format!("id={}&name=Ada", login.hidden("id"))), &cookie);
        let cookie =
            consent.header("set-cookie").map_or(cookie, |cookie| cookie.split(';').next().unwrap().into());
        let page = self.server(&path(&consent), None, &cookie);
        let back = self.server("/consent", Some(&format!("id={}&answer=allow", page.hidden("id"))), &cookie);
        let response = path(&back).split_once('?').unwrap().1.to_string();
        let callback = client.get(&format!("/callback?{response}"));
        assert_eq!(callback.status, 303, "{}", callback.body);

        let text = sign_in.open(&device.wait(&sign_in, "paired", 0));
        assert_eq!(text, format!("q{response}"));
        let code = form_urlencoded::parse(response.as_bytes())
            .find(|(name, _)| name == "code")
            .unwrap()
            .1
            .into_owned();
        Passed { verifier, url, code }
    }

    /// A token request: the error, or nothing if there are tokens.
    fn redeem(&self, code: &str, verifier: Option<&str>) -> Option<String> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs([("grant_type", "authorization_code"), ("client_id", "demo"), ("code", code)]);
        form.append_pair("redirect_uri", &self.redirect_uri());
        form.extend_pairs(verifier.map(|verifier| ("code_verifier", verifier)));
        let json = self.server("/oauth/token", Some(&form.finish()), "").json();
        assert!(json["access_token"].is_string() != json["error"].is_string(), "{json}");
        json["error"].as_str().map(str::to_string)
    }
}

// REQ: RELAY-02
#[test]
fn the_owner_of_the_relay_gets_no_tokens() {
    let world = World::new();
    // What a relay sees: the authorization URL with the challenge, and the answer with the code.
    let passed = world.sign_in();
    let challenge = form_urlencoded::parse(passed.url.split_once('?').unwrap().1.as_bytes())
        .find(|(name, _)| name == "code_challenge")
        .unwrap()
        .1
        .into_owned();
    assert!(!passed.url.contains(&passed.verifier));
    for (verifier, error) in [(None, "invalid_request"), (Some(challenge.as_str()), "invalid_grant")] {
        let passed = world.sign_in();
        assert_eq!(world.redeem(&passed.code, verifier).as_deref(), Some(error), "{verifier:?}");
    }
    // Nor does the owner's own sign-in get into the device: its code was asked for with another verifier.
    let (device, owner) = (world.sign_in(), world.sign_in());
    assert_eq!(world.redeem(&owner.code, Some(&device.verifier)).as_deref(), Some("invalid_grant"));
    // The device itself gets them.
    assert_eq!(world.redeem(&device.code, Some(&device.verifier)), None);
}
