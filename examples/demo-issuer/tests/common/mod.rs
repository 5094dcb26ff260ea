//! A browser and a client of plain HTTP requests.

use std::collections::HashMap;

use base64ct::{Base64UrlUnpadded, Encoding};
use keyfob_demo_issuer::DemoIssuer;
use serde_json::Value;
use ureq::Agent;
use ureq::http::Response;

/// The verifier of RFC 7636 Appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// The challenge of RFC 7636 Appendix B.
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub const REDIRECT_URI: &str = "http://127.0.0.1:9/callback";

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
    headers: Vec<(String, String)>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    pub fn location(&self) -> &str {
        assert_eq!(self.status, 303, "{}", self.body);
        self.header("location").unwrap()
    }

    /// The parameters that a redirect brings to the application.
    pub fn params(&self) -> HashMap<String, String> {
        let (uri, query) = self.location().split_once('?').unwrap();
        assert_eq!(uri, REDIRECT_URI);
        query
            .split('&')
            .map(|pair| pair.split_once('=').unwrap())
            .map(|(n, v)| (n.into(), decode(v)))
            .collect()
    }

    pub fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"));
        serde_json::from_str(&self.body).unwrap()
    }

    pub fn error(&self) -> String {
        assert_eq!(self.header("cache-control"), Some("no-store"));
        self.json()["error"].as_str().unwrap().to_owned()
    }

    /// The one-time identifier of the form on a page.
    pub fn form_id(&self) -> String {
        let (_, rest) = self.body.split_once("name=\"id\" value=\"").expect(&self.body);
        rest.split('"').next().unwrap().to_owned()
    }
}

/// Makes requests, follows nothing, and keeps the last cookie.
pub struct Browser {
    agent: Agent,
    pub issuer: String,
    pub cookie: Option<String>,
}

impl Browser {
    pub fn new(issuer: &DemoIssuer) -> Self {
        let agent = Agent::config_builder().max_redirects(0).http_status_as_error(false).build().into();
        Self { agent, issuer: issuer.issuer().to_owned(), cookie: None }
    }

    pub fn get(&mut self, target: &str) -> Answer {
        self.get_with(target, &[])
    }

    pub fn get_with(&mut self, target: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.agent.get(format!("{}{target}", self.issuer));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        let answer = request.call().unwrap();
        self.read(answer)
    }

    pub fn post(&mut self, target: &str, form: &[(&str, &str)]) -> Answer {
        self.post_with(target, &encode(form), &[("content-type", "application/x-www-form-urlencoded")])
    }

    pub fn post_with(&mut self, target: &str, body: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.agent.post(format!("{}{target}", self.issuer));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        let answer = request.send(body).unwrap();
        self.read(answer)
    }

    fn read(&mut self, mut answer: Response<ureq::Body>) -> Answer {
        let text = |value: &ureq::http::HeaderValue| value.to_str().unwrap().to_owned();
        let headers: Vec<_> =
            answer.headers().iter().map(|(n, v)| (n.as_str().to_owned(), text(v))).collect();
        let answer = Answer {
            status: answer.status().as_u16(),
            body: answer.body_mut().read_to_string().unwrap(),
            headers,
        };
        if let Some(cookie) = answer.header("set-cookie") {
            self.cookie = Some(cookie.split(';').next().unwrap().to_owned());
        }
        answer
    }

    /// Opens the authorization endpoint.
    pub fn authorize(&mut self, params: &[(&str, &str)]) -> Answer {
        self.get(&format!("/authorize?{}", encode(params)))
    }

    /// From the authorization request to the consent page.
    pub fn until_consent(&mut self, params: &[(&str, &str)]) -> Answer {
        let mut answer = self.authorize(params);
        if answer.location().starts_with("/login?") {
            let page = answer.location().to_owned();
            let id = self.get(&page).form_id();
            answer = self.post("/login", &[("id", &id), ("name", "Ada Lovelace")]);
        }
        let page = answer.location().to_owned();
        self.get(&page)
    }

    /// A whole sign-in, up to the redirect with the code.
    pub fn sign_in(&mut self, params: &[(&str, &str)]) -> Answer {
        let id = self.until_consent(params).form_id();
        self.post("/consent", &[("id", &id), ("answer", "allow")])
    }

    /// A whole sign-in of the public client, up to the code.
    pub fn code(&mut self, scope: &str) -> String {
        self.sign_in(&request(&[("scope", scope)])).params()["code"].clone()
    }

    /// Exchanges a code as the public client.
    pub fn redeem(&mut self, code: &str) -> Answer {
        self.post("/oauth/token", &redemption(code))
    }

    pub fn refresh(&mut self, token: &str) -> Answer {
        let form = [("grant_type", "refresh_token"), ("client_id", "demo"), ("refresh_token", token)];
        self.post("/oauth/token", &form)
    }

    pub fn userinfo(&mut self, token: &str) -> Answer {
        self.get_with("/userinfo", &[("authorization", &format!("Bearer {token}"))])
    }
}

/// An authorization request of the public client, with some parameters replaced or added.
pub fn request<'p>(changes: &[(&'p str, &'p str)]) -> Vec<(&'p str, &'p str)> {
    let base = [
        ("response_type", "code"),
        ("client_id", DemoIssuer::CLIENT_ID),
        ("redirect_uri", REDIRECT_URI),
        ("scope", "openid"),
        ("state", "some state"),
        ("nonce", "some-nonce"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    replaced(&base, changes)
}

/// A token request of the public client.
pub fn redemption(code: &str) -> [(&str, &str); 5] {
    [
        ("grant_type", "authorization_code"),
        ("client_id", DemoIssuer::CLIENT_ID),
        ("redirect_uri", REDIRECT_URI),
        ("code_verifier", VERIFIER),
        ("code", code),
    ]
}

pub fn replaced<'p>(base: &[(&'p str, &'p str)], changes: &[(&'p str, &'p str)]) -> Vec<(&'p str, &'p str)> {
    let kept = base.iter().filter(|(name, _)| changes.iter().all(|(other, _)| other != name));
    kept.chain(changes).copied().collect()
}

pub fn encode(params: &[(&str, &str)]) -> String {
    let value = |text: &str| text.bytes().map(|octet| format!("%{octet:02X}")).collect::<String>();
    params.iter().map(|(name, text)| format!("{name}={}", value(text))).collect::<Vec<_>>().join("&")
}

pub fn decode(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned()
}

/// The header or the claims of a JWS, unchecked.
pub fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&Base64UrlUnpadded::decode_vec(part).unwrap()).unwrap()
}
