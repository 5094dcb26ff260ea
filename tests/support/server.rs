//! The authorization server: it holds its clients to the letter of the protocol, and signs real ID tokens.

use base64ct::{Base64, Encoding};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    answer::Answer,
    clients::{ASSERTION, BACKEND_SECRET, ISSUER},
    form,
    id_token::{Draft, Forgery},
    keys::{FIRST, TestKey, base64url, jwk_set},
    proofs::Guard,
    relay::{self, RelayDouble},
    suite::Suite,
};

/// The user who signs in.
pub const SUBJECT: &str = "alice";

/// A request as it went over the wire.
#[derive(Clone, Debug)]
pub struct Received {
    /// GET or POST.
    pub method: String,
    /// The absolute URL.
    pub url: String,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Received {
    /// The path of the URL.
    pub fn path(&self) -> &str {
        self.url
            .strip_prefix(ISSUER)
            .or_else(|| self.url.strip_prefix(relay::BASE))
            .expect("requests go to the server, or to the relay")
            .split('?')
            .next()
            .unwrap_or_default()
    }

    /// A header of it.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|header| header.0.eq_ignore_ascii_case(name)).map(|header| header.1.as_str())
    }
}

/// An authorization that a user gave.
#[derive(Clone, Debug)]
struct Authorization {
    code: String,
    client_id: String,
    redirect_uri: String,
    scope: String,
    nonce: Option<String>,
    challenge: String,
    used: bool,
}

/// A request that was pushed.
#[derive(Clone, Debug)]
struct PushedRequest {
    uri: String,
    client_id: String,
    body: String,
    used: bool,
}

/// A refresh token that was given out.
#[derive(Clone, Debug)]
struct Session {
    token: String,
    client_id: String,
    scope: String,
    used: bool,
}

/// A device that waits for its user.
#[derive(Clone, Debug)]
struct Device {
    device_code: String,
    user_code: String,
    client_id: String,
    scope: String,
    /// PKCE, if the device did it.
    challenge: Option<String>,
    entered: bool,
    used: bool,
}

/// How a user comes back from the server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Return {
    /// The browser posts this form to the redirect URI.
    Form(String),
    /// The browser goes to this URL.
    Url(String),
}

/// The authorization server. A clone of it remembers what it knew at that time.
#[derive(Clone, Debug)]
pub struct Server {
    /// The keys it publishes.
    pub keys: Vec<TestKey>,
    /// The key it signs with.
    pub signer: TestKey,
    /// What it does to its ID tokens.
    pub forge: Option<Forgery>,
    /// What it does to its token responses.
    pub shape: Option<fn(&mut Value)>,
    /// What it does to its answers to pushed requests.
    pub shape_of_push: Option<fn(&mut Value)>,
    /// What users answer: this error code, or yes.
    pub denial: Option<&'static str>,
    /// Whether a refresh token is good for one use.
    pub rotation: bool,
    /// Whether the last refresh token may be used once more, for lost answers.
    pub overlap: bool,
    /// The habits of the conformance suite, if it has those.
    pub suite: Option<Suite>,
    /// What it knows of proofs.
    pub guard: Guard,
    /// The relay between it and a device.
    pub relay: RelayDouble,
    /// All requests.
    pub received: Vec<Received>,
    /// Codes and refresh tokens that came when they were used up.
    pub reused: usize,
    authorizations: Vec<Authorization>,
    pushes: Vec<PushedRequest>,
    sessions: Vec<Session>,
    devices: Vec<Device>,
    issued: usize,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            keys: vec![FIRST],
            signer: FIRST,
            forge: None,
            shape: None,
            shape_of_push: None,
            denial: None,
            rotation: true,
            overlap: false,
            suite: None,
            guard: Guard::default(),
            relay: RelayDouble::default(),
            received: Vec::new(),
            reused: 0,
            authorizations: Vec::new(),
            pushes: Vec::new(),
            sessions: Vec::new(),
            devices: Vec::new(),
            issued: 0,
        }
    }
}

impl Server {
    /// Requests that came for `path`.
    pub fn count(&self, path: &str) -> usize {
        self.received.iter().filter(|request| request.path() == path).count()
    }

    /// Begins a session without a sign-in, and gives its refresh token.
    pub fn session(&mut self, client_id: &str, scope: &str) -> String {
        self.issue_refresh_token(client_id, scope)
    }

    /// A user comes with a browser and says yes, or no.
    ///
    /// # Panics
    /// If the client left out something that a client must not leave out, PKCE for one.
    pub fn authorize(&mut self, url: &str) -> Return {
        let (endpoint, query) = url.split_once('?').expect("a query");
        assert_eq!(endpoint, self.endpoint("authorization_endpoint"));
        let pairs = self.unfold(form::pairs(query));
        if let Some(suite) = &mut self.suite {
            suite.check_authorization(&pairs);
        }
        let get = |name| form::value(&pairs, name);
        let need = |name| get(name).unwrap_or_else(|| panic!("no `{name}` in {url}"));
        assert_eq!(need("response_type"), "code");
        assert_eq!(need("code_challenge_method"), "S256");
        assert_eq!(need("code_challenge").len(), 43);
        let (redirect_uri, state) = (need("redirect_uri"), need("state"));
        let parameters = match self.denial {
            Some(error) => format!("error={error}&error_description=The+user+said+no%2E%0A%3Cb%3E"),
            None => {
                self.issued += 1;
                let code = format!("code-{}/+=%& ", self.issued);
                let parameters = format!("code={}", form::encode(&code));
                self.authorizations.push(Authorization {
                    code,
                    client_id: need("client_id"),
                    redirect_uri: redirect_uri.clone(),
                    scope: need("scope"),
                    nonce: get("nonce"),
                    challenge: need("code_challenge"),
                    used: false,
                });
                parameters
            }
        };
        let issuer = match &self.suite {
            Some(suite) => suite.response_issuer,
            None => Some(ISSUER),
        };
        let iss = issuer.map(|issuer| format!("&iss={}", form::encode(issuer))).unwrap_or_default();
        let parameters = format!("{parameters}&state={state}{iss}");
        if get("response_mode").is_some_and(|mode| mode == "form_post") {
            return Return::Form(parameters);
        }
        let joint = if redirect_uri.contains('?') { '&' } else { '?' };
        Return::Url(format!("{redirect_uri}{joint}{parameters}"))
    }

    /// The parameters of a request, also if it was pushed.
    fn unfold(&mut self, pairs: Vec<(String, String)>) -> Vec<(String, String)> {
        let Some(uri) = form::value(&pairs, "request_uri") else { return pairs };
        let names: Vec<_> = pairs.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["client_id", "request_uri"], "nothing else stands beside a request URI");
        let pushed = self.pushes.iter_mut().find(|pushed| pushed.uri == uri).expect("it was pushed");
        assert_eq!(form::value(&pairs, "client_id").as_ref(), Some(&pushed.client_id));
        assert!(!pushed.used, "a request URI is used once");
        pushed.used = true;
        form::pairs(&pushed.body)
    }

    fn push(&mut self, request: &Received) -> Answer {
        assert_eq!(request.header("Content-Type"), Some("application/x-www-form-urlencoded"));
        let mut pairs = form::pairs(&request.body);
        assert_eq!(form::value(&pairs, "request_uri"), None, "no request URI is pushed");
        assert_eq!(pairs.iter().filter(|(name, _)| name == "client_id").count(), 1);
        let client_id = form::value(&pairs, "client_id").unwrap_or_default();
        if request.header("Authorization").is_some() {
            pairs.retain(|(name, _)| name != "client_id");
        }
        if self.authenticate(request, &pairs).as_ref() != Some(&client_id) {
            return refusal(401, "invalid_client");
        }
        // RFC 9449 §10.1.
        if is_bound(&client_id)
            && let Err(error) = self.guard.judge(request, None)
        {
            return self.with_nonce(refusal(400, error));
        }
        let uri = format!("urn:ietf:params:oauth:request_uri:{}", self.pushes.len() + 1);
        let body = request.body.clone();
        self.pushes.push(PushedRequest { uri: uri.clone(), client_id, body, used: false });
        let mut answer = json!({ "request_uri": uri, "expires_in": 60 });
        if let Some(shape) = self.shape_of_push {
            shape(&mut answer);
        }
        Answer::json(201, &answer)
    }

    /// Answers a request.
    pub fn answer(&mut self, request: Received) -> Answer {
        if request.url.starts_with(relay::BASE) {
            return self.relay.answer(request);
        }
        let path = match &self.suite {
            Some(suite) => suite.path(request.path()),
            None => request.path(),
        };
        let answer = match (request.method.as_str(), path, &self.suite) {
            ("POST", "/token", _) => self.token(&request),
            ("POST", "/par", None) => self.push(&request),
            ("POST", "/device_authorization", None) => self.device(&request),
            ("GET", "/jwks/0c2f9d", Some(suite)) => Answer::json(200, &suite.jwk_set()),
            ("GET", "/jwks", None) => Answer::json(200, &jwk_set(&self.keys)),
            ("GET", "/userinfo", Some(suite)) => suite.userinfo(&request),
            ("GET", "/userinfo", None) => self.userinfo(&request),
            ("GET", "/.well-known/openid-configuration", _) => Answer::json(200, &self.document()),
            (method, path, _) => panic!("a client has no business with {method} {path}"),
        };
        self.received.push(request);
        answer
    }

    /// Its metadata document.
    pub fn document(&self) -> Value {
        self.suite.as_ref().map_or_else(metadata, Suite::document)
    }

    fn endpoint(&self, name: &str) -> String {
        self.document()[name].as_str().expect("an endpoint").into()
    }

    fn token(&mut self, request: &Received) -> Answer {
        assert_eq!(request.header("Content-Type"), Some("application/x-www-form-urlencoded"));
        let pairs = form::pairs(&request.body);
        let client_id = match &self.suite {
            Some(suite) => suite.authenticate(request),
            None => self.authenticate(request, &pairs),
        };
        let Some(client_id) = client_id else { return refusal(401, "invalid_client") };
        let bound = is_bound(&client_id);
        if bound && let Err(error) = self.guard.judge(request, None) {
            return self.with_nonce(refusal(400, error));
        }
        let get = |name| form::value(&pairs, name).unwrap_or_default();
        let answer = match get("grant_type").as_str() {
            "authorization_code" => {
                self.redeem(&client_id, &get("code"), &get("redirect_uri"), &get("code_verifier"))
            }
            "client_credentials"
                if request.header("Authorization").is_some() || !get("client_assertion").is_empty() =>
            {
                Some(self.tokens(&client_id, &get("scope"), None))
            }
            "urn:ietf:params:oauth:grant-type:jwt-bearer" if get("assertion") == ASSERTION => {
                Some(self.tokens(&client_id, &get("scope"), None))
            }

            "urn:ietf:params:oauth:grant-type:device_code" => {
                match self.exchange_device(&client_id, &get("device_code"), &get("code_verifier")) {
                    Ok(answer) => Some(answer),
                    Err(error) => return refusal(400, error),
                }
            }
            "refresh_token" => self.refresh(&client_id, &get("refresh_token"), &get("scope")),
            _ => None,
        };
        let Some(mut answer) = answer else { return refusal(400, "invalid_grant") };
        if bound {
            answer["token_type"] = "DPoP".into();
        }
        if let Some(shape) = self.shape {
            shape(&mut answer);
        }
        Answer::json(200, &answer)
    }

    /// A user enters a code, of a device or of the relay, and says yes, or no.
    ///
    /// # Panics
    /// If no device shows this code.
    pub fn enter(&mut self, user_code: &str) {
        if self.relay.shows(user_code) {
            if let Some(url) = self.relay.pair(user_code) {
                let redirect = self.authorize(&url);
                self.relay.callback(redirect);
            }
            return;
        }
        let device = self.devices.iter_mut().find(|device| device.user_code == user_code);
        device.expect("a code that was given").entered = true;
    }

    fn device(&mut self, request: &Received) -> Answer {
        assert_eq!(request.header("Content-Type"), Some("application/x-www-form-urlencoded"));
        let pairs = form::pairs(&request.body);
        let Some(client_id) = self.authenticate(request, &pairs) else {
            return refusal(401, "invalid_client");
        };
        let get = |name| form::value(&pairs, name);
        for name in ["redirect_uri", "state", "nonce", "response_type"] {
            assert_eq!(get(name), None, "a device has no {name}");
        }
        let number = self.devices.len() + 1;
        let (device_code, user_code) = (format!("device-{number}/+=%& "), format!("BCDF-{number:04}"));
        let uri = format!("{ISSUER}/device");
        self.devices.push(Device {
            device_code: device_code.clone(),
            user_code: user_code.clone(),
            client_id,
            scope: get("scope").unwrap_or_default(),
            challenge: get("code_challenge"),
            entered: false,
            used: false,
        });
        Answer::json(
            200,
            &json!({
                "device_code": device_code,
                "user_code": user_code,
                "verification_uri": uri,
                "verification_uri_complete": format!("{uri}?user_code={user_code}"),
                "expires_in": 600,
                "interval": 5,
            }),
        )
    }

    fn exchange_device(
        &mut self,
        client_id: &str,
        device_code: &str,
        verifier: &str,
    ) -> Result<Value, &'static str> {
        let device = self.devices.iter_mut().find(|device| device.device_code == device_code);
        let device = device.filter(|device| device.client_id == client_id).ok_or("invalid_grant")?;
        if device.used {
            self.reused += 1;
            return Err("invalid_grant");
        }
        if !device.entered {
            return Err("authorization_pending");
        }
        device.used = true;
        let challenge = (!verifier.is_empty()).then(|| base64url(Sha256::digest(verifier)));
        if device.challenge != challenge {
            return Err("invalid_grant");
        }
        let scope = device.scope.clone();
        self.denial.map_or_else(|| Ok(self.tokens(client_id, &scope, None)), Err)
    }

    /// Who asks, however it proves that.
    fn authenticate(&mut self, request: &Received, pairs: &[(String, String)]) -> Option<String> {
        match form::value(pairs, "client_assertion") {
            Some(assertion) => self.guard.client(&assertion, ISSUER),
            None => authenticate(request, pairs),
        }
    }

    fn with_nonce(&self, mut answer: Answer) -> Answer {
        if let Some(nonce) = self.guard.nonce {
            answer.headers.push(("DPoP-Nonce".into(), nonce.into()));
        }
        answer
    }

    fn redeem(&mut self, client_id: &str, code: &str, redirect_uri: &str, verifier: &str) -> Option<Value> {
        let authorization =
            self.authorizations.iter_mut().find(|authorization| authorization.code == code)?;
        if authorization.used {
            self.reused += 1;
            return None;
        }
        let right = authorization.client_id == client_id
            && authorization.redirect_uri == redirect_uri
            && authorization.challenge == base64url(Sha256::digest(verifier));
        // One trial, right or wrong (RFC 6749 §10.5).
        authorization.used = true;
        let authorization = authorization.clone();
        right.then(|| self.tokens(client_id, &authorization.scope, authorization.nonce.as_deref()))
    }

    fn refresh(&mut self, client_id: &str, token: &str, scope: &str) -> Option<Value> {
        let place = self.sessions.iter().position(|session| session.token == token)?;
        let last = place + 1 == self.sessions.len() || (self.overlap && place + 2 == self.sessions.len());
        let session = &mut self.sessions[place];
        if session.client_id != client_id {
            return None;
        }
        if session.used && !(self.overlap && last) {
            self.reused += 1;
            return None;
        }
        session.used = self.rotation;
        let granted = session.scope.clone();
        let scope = if scope.is_empty() { granted } else { scope.into() };
        let mut answer = self.tokens(client_id, &scope, None);
        if !self.rotation {
            answer.as_object_mut()?.remove("refresh_token");
        }
        Some(answer)
    }

    fn tokens(&mut self, client_id: &str, scope: &str, nonce: Option<&str>) -> Value {
        self.issued += 1;
        let access_token = format!("access-{}", self.issued);
        let mut answer = json!({
            "access_token": access_token, "token_type": "Bearer", "expires_in": 3600, "scope": scope,
        });
        if scope.split(' ').any(|token| token == "openid") {
            let draft = Draft::new(self.signer, client_id, SUBJECT);
            let mut draft = draft.nonce(nonce).access_token(&access_token);
            if let Some(suite) = &mut self.suite {
                suite.prepare(&mut draft);
            }
            if let Some(forge) = self.forge {
                forge(&mut draft);
            }
            let signed = self.suite.as_ref().map_or_else(|| draft.sign(), |suite| suite.sign(&draft));
            answer["id_token"] = signed.into();
        }
        if scope.split(' ').any(|token| token == "offline_access") {
            answer["refresh_token"] = self.issue_refresh_token(client_id, scope).into();
        }
        answer
    }

    fn issue_refresh_token(&mut self, client_id: &str, scope: &str) -> String {
        let token = format!("refresh-{}", self.sessions.len() + 1);
        self.sessions.push(Session {
            token: token.clone(),
            client_id: client_id.into(),
            scope: scope.into(),
            used: false,
        });
        token
    }

    fn userinfo(&mut self, request: &Received) -> Answer {
        if let Some(token) = request.header("Authorization").and_then(|value| value.strip_prefix("DPoP ")) {
            return match self.guard.judge(request, Some(token)) {
                Ok(()) => Answer::json(200, &json!({ "sub": SUBJECT })),
                Err(error) => {
                    let mut answer = self.with_nonce(Answer::new(401, "text/plain", "No."));
                    let challenge = format!("dPoP error=\"{error}\", algs=\"ES256\"");
                    answer.headers.push(("WWW-Authenticate".into(), "Bearer realm=\"x\"".into()));
                    answer.headers.push(("WWW-Authenticate".into(), challenge));
                    answer
                }
            };
        }
        match request.header("Authorization") {
            Some(value) if value.starts_with("Bearer access-") => Answer::json(
                200,
                &json!({ "sub": SUBJECT, "email": "alice@example.org", "email_verified": true }),
            ),
            _ => refusal(401, "invalid_token"),
        }
    }
}

/// Whether the server binds a client's tokens to a key.
fn is_bound(client_id: &str) -> bool {
    matches!(client_id, "holding" | "signing")
}

/// A refusal of the token endpoint.
pub fn refusal(status: u16, error: &str) -> Answer {
    Answer::json(status, &json!({ "error": error, "error_description": "No." }))
}

/// The metadata document.
pub fn metadata() -> Value {
    json!({
        "issuer": ISSUER,
        "authorization_endpoint": format!("{ISSUER}/authorize"),
        "token_endpoint": format!("{ISSUER}/token"),
        "jwks_uri": format!("{ISSUER}/jwks"),
        "userinfo_endpoint": format!("{ISSUER}/userinfo"),
        "device_authorization_endpoint": format!("{ISSUER}/device_authorization"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": ["none", "client_secret_basic"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    })
}

/// The client who asks, if it is who it says.
fn authenticate(request: &Received, pairs: &[(String, String)]) -> Option<String> {
    let in_body = form::value(pairs, "client_id");
    let Some(header) = request.header("Authorization") else {
        return in_body.filter(|client_id| client_id != "back end");
    };
    assert_eq!(in_body, None, "one method per request (RFC 6749 §2.3)");
    let credentials = Base64::decode_vec(header.strip_prefix("Basic ")?).ok()?;
    let credentials = String::from_utf8(credentials).ok()?;
    let (client_id, secret) = credentials.split_once(':')?;
    (form::decode(secret) == BACKEND_SECRET).then(|| form::decode(client_id))
}
