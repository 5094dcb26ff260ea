//! What the table tests share: the case files, answers that come in pieces, and flows that stand where a case
//! begins.
#![allow(dead_code, reason = "each of the tests uses a part of it")]

pub mod jose;
pub mod outcome;

use keyfob_core::Keep;
use keyfob_core::client::Client;
use keyfob_core::error::Error;
use keyfob_core::exchange::{Discovery, Exchange};
use keyfob_core::flow::{Action, AuthorizationCode, Event, Flow, Redirect};
use keyfob_core::http::{Incoming, Response};
use keyfob_core::metadata::Metadata;
use keyfob_core::secret::Seed;
use keyfob_core::time::{Now, UnixTime};
use keyfob_core::token::TokenResponse;
use serde_json::{Value, json};

use self::outcome::Step;

/// What the default context of the ID token cases says, and what other tests take as well.
pub const ISSUER: &str = "https://op.example.com";
/// The same.
pub const CLIENT_ID: &str = "kiosk-01";
/// The same.
pub const NOW: Now = Now::known(0, UnixTime::from_seconds(1_760_000_000));
/// The same.
pub const SUBJECT: &str = "248289761001";
/// The redirect URI of the redirect cases.
pub const REDIRECT_URI: &str = "https://kiosk.example/cb";

/// A server with everything that a sign-in needs.
pub const SERVER: Metadata<'static> = Metadata::new(ISSUER)
    .authorization_endpoint("https://op.example.com/authorize")
    .token_endpoint("https://op.example.com/token")
    .jwks_uri("https://op.example.com/jwks");

/// The same as a metadata document that says more of it.
pub fn document(more: Value) -> Value {
    let mut document = json!({
        "issuer": ISSUER,
        "authorization_endpoint": "https://op.example.com/authorize",
        "token_endpoint": "https://op.example.com/token",
        "jwks_uri": "https://op.example.com/jwks",
        "response_types_supported": ["code"],
    });
    for (name, value) in more.as_object().expect("members") {
        document[name] = value.clone();
    }
    document
}

/// The server of such a document.
pub fn discovered(more: Value, buffer: &mut [u8]) -> Metadata<'_> {
    let document = document(more).to_string();
    let discovery = Discovery::new(ISSUER).expect("a good issuer");
    let keep = discovery.request(NOW, &mut [0; 256]).expect("a short URL").keep();
    let (response, _) = Answer::json(document.as_bytes()).read(keep, Cut::Whole, buffer);
    discovery.response(response).unwrap_or_else(|error| panic!("{error:?}"))
}

/// A public client of that server.
pub const CLIENT: Client<'static> = Client::new(SERVER, CLIENT_ID).redirect_uri(REDIRECT_URI);

/// A client of the same kind that does not sign anybody in.
pub const OAUTH_CLIENT: Client<'static> = CLIENT.scope(&["profile"]);

/// A case of a table.
pub struct Case {
    /// Its name.
    pub id: String,
    note: String,
    context: Value,
    defaults: Value,
    members: Value,
}

impl Case {
    /// Something that the case, or the table for all its cases, says of the client and the moment.
    pub fn context(&self, name: &str) -> &Value {
        let own = &self.context[name];
        if self.context.get(name).is_some() { own } else { &self.defaults[name] }
    }

    /// The same, which is a text.
    pub fn context_text(&self, name: &str) -> &str {
        self.context(name).as_str().unwrap_or_else(|| panic!("{}: {name} is no text", self.id))
    }

    /// The same, which is a list of texts; `null` is an empty one.
    pub fn context_list(&self, name: &str) -> Vec<&str> {
        let items = self.context(name).as_array().into_iter().flatten();
        items.map(|item| item.as_str().expect("a text")).collect()
    }

    /// A member of the case itself.
    pub fn member(&self, name: &str) -> &Value {
        &self.members[name]
    }

    /// The same, which is a text.
    pub fn text(&self, name: &str) -> &str {
        self.members[name].as_str().unwrap_or_else(|| panic!("{}: {name} is no text", self.id))
    }

    /// The one allowed outcome.
    pub fn expected(&self) -> Value {
        self.members["expect"].clone()
    }
}

/// The cases in a file.
pub fn cases(file: &str) -> Vec<Case> {
    let table: Value = serde_json::from_str(file).expect("a table is JSON");
    let rows = table["cases"].as_array().expect("a table has cases").iter();
    let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_string();
    rows.map(|row| Case {
        id: text(row, "id"),
        note: text(row, "note"),
        context: row["ctx"].clone(),
        defaults: table["default_ctx"].clone(),
        members: row.clone(),
    })
    .collect()
}

/// Runs the cases and tells all that went wrong, not only the first.
#[derive(Default)]
pub struct Tally {
    run: usize,
    faults: Vec<String>,
}

impl Tally {
    /// Runs every case but those that are `pending`, each with the reason, and prints how many there were.
    ///
    /// # Panics
    /// At the end, if any case saw something else than it expects.
    pub fn all(name: &str, cases: &[Case], pending: &[(&str, &str)], mut run: impl FnMut(&Case, &mut Self)) {
        let mut tally = Self::default();
        for case in cases {
            match pending.iter().find(|(id, _)| *id == case.id) {
                Some((id, reason)) => println!("{id} is pending: {reason}"),
                None => {
                    tally.run += 1;
                    run(case, &mut tally);
                }
            }
        }
        println!("{name}: {} run, {} pending, {} faults", tally.run, pending.len(), tally.faults.len());
        assert!(tally.faults.is_empty(), "{name}:\n{}", tally.faults.join("\n"));
    }

    /// Notes a difference.
    pub fn compare(&mut self, case: &Case, way: &str, seen: &Value, expected: &Value) {
        if seen != expected {
            let Case { id, note, .. } = case;
            self.faults.push(format!("{id} ({note}){way}: expected {expected}, saw {seen}"));
        }
    }
}

/// Asserts that the cases which a rule says cannot run yet are exactly those in the list.
pub fn assert_pending(cases: &[Case], pending: &[(&str, &str)], cannot_run: impl Fn(&Case) -> bool) {
    let ruled: Vec<_> = cases.iter().filter(|case| cannot_run(case)).map(|case| case.id.as_str()).collect();
    let listed: Vec<_> = pending.iter().map(|(id, _)| *id).collect();
    assert_eq!(ruled, listed);
    assert!(pending.iter().all(|(_, reason)| !reason.is_empty()));
}

/// An answer of a server.
#[derive(Clone, Copy)]
pub struct Answer<'a> {
    /// Its status.
    pub status: u16,
    /// Its media type; none if it is empty.
    pub content_type: &'a str,
    /// Its body.
    pub body: &'a [u8],
    /// The longest body that is read.
    pub limit: usize,
}

/// How the body comes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cut {
    /// In one piece.
    Whole,
    /// In two pieces; the second is not sent if the first was enough.
    At(usize),
    /// In one piece for each octet, from a driver that never stops.
    Octets,
}

impl<'a> Answer<'a> {
    /// A good one.
    pub const fn json(body: &'a [u8]) -> Self {
        Self { status: 200, content_type: "application/json", body, limit: 64 * 1024 }
    }

    /// Reads it into `buffer`.
    pub fn read<'b>(&self, keep: Keep, cut: Cut, buffer: &'b mut [u8]) -> (Response<'b>, &'b mut [u8]) {
        let mut incoming = Incoming::new(keep, buffer).limit(self.limit);
        incoming.status(self.status);
        if !self.content_type.is_empty() {
            incoming.header("Content-Type", self.content_type.as_bytes());
        }
        match cut {
            Cut::Whole => {
                incoming.body(self.body);
            }
            Cut::At(place) => {
                let (first, second) = self.body.split_at(place);
                if incoming.body(first) {
                    incoming.body(second);
                }
            }
            Cut::Octets => self.body.chunks(1).for_each(|octet| {
                incoming.body(octet);
            }),
        }
        incoming.finish()
    }

    /// Every way in which it can come in two pieces, and in one for each octet.
    pub fn cuts(&self) -> impl Iterator<Item = Cut> + use<> {
        (0..=self.body.len()).map(Cut::At).chain([Cut::Octets])
    }
}

/// The URL that a flow sends the user to.
pub fn authorization_url(flow: &impl Flow) -> String {
    let mut out = vec![0; 4096];
    match flow.poll(NOW, &mut out) {
        Ok(Action::Authorize(url)) => url.into(),
        other => panic!("{other:?}"),
    }
}

/// The parameters of a query or a form, decoded.
pub fn parameters(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(n, v)| (plain(n), plain(v)))
        .collect()
}

/// One of them that comes once.
pub fn parameter(text: &str, name: &str) -> Option<String> {
    let query = text.split_once('?').map_or(text, |(_, query)| query);
    let mut values = parameters(query).into_iter().filter(|(found, _)| found == name);
    let value = values.next();
    assert!(values.next().is_none(), "{name} comes twice in {text}");
    value.map(|(_, value)| value)
}

fn plain(text: &str) -> String {
    let mut octets = Vec::new();
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'%' => {
                let digits = [rest.next(), rest.next()].map(|digit| digit.expect("two digits") as char);
                u8::from_str_radix(&String::from_iter(digits), 16).expect("hexadecimal")
            }
            b'+' => b' ',
            octet => octet,
        });
    }
    String::from_utf8(octets).expect("UTF-8")
}

/// Every octet that is not plainly allowed, escaped.
pub fn escaped(text: &str) -> String {
    text.bytes()
        .map(|octet| {
            if octet.is_ascii_alphanumeric() {
                char::from(octet).to_string()
            } else {
                format!("%{octet:02X}")
            }
        })
        .collect()
}

/// The seed of all flows here.
pub fn seed() -> Seed {
    Seed::new(*b"The quick brown fox jumps over t").expect("no dead generator")
}

/// A flow that waits for the user.
pub fn at_authorize<'c>(client: &'c Client<'c>) -> AuthorizationCode<'c> {
    AuthorizationCode::new(client, seed(), NOW).unwrap_or_else(|error| panic!("{error:?}"))
}

/// A flow that got this code.
pub fn at_exchange<'c>(client: &'c Client<'c>, code: &str) -> AuthorizationCode<'c> {
    let mut flow = at_authorize(client);
    let url = authorization_url(&flow);
    let state = parameter(&url, "state").expect("a state");
    let mut response = parameter(&url, "redirect_uri").expect("a redirect URI");
    response.push(if response.contains('?') { '&' } else { '?' });
    response.push_str(&format!(
        "code={}&state={state}&iss={}",
        escaped(code),
        escaped(client.metadata().issuer())
    ));
    let came = flow.handle(NOW, Event::Redirect(Redirect::Url(&response)));
    assert!(matches!(came, Ok(None)), "{came:?}");
    flow
}

/// What a request is, owned.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sent {
    /// Its URL.
    pub url: String,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: String,
}

impl Sent {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// The request that a flow sends.
pub fn sent(flow: &impl Flow) -> Sent {
    let mut out = vec![0; 16 * 1024];
    match flow.poll(NOW, &mut out) {
        Ok(Action::Send(request)) => Sent {
            url: request.url().into(),
            headers: request.headers().map(|(name, value)| (name.into(), value.into())).collect(),
            body: String::from_utf8(request.body().into()).expect("a form"),
        },
        other => panic!("{other:?}"),
    }
}

/// What a flow has to say to an answer of the token endpoint, fetching keys where it asks for them; both come in
/// the same way.
pub fn tokens(flow: &mut impl Flow, now: Now, answer: &Answer<'_>, keys: &[u8], cut: Cut) -> Value {
    let mut buffer = vec![0; 64 * 1024];
    with_tokens(flow, now, answer, keys, cut, &mut buffer, seen)
}

/// The tokens as the case files write them.
pub fn seen(tokens: TokenResponse<'_>) -> Value {
    json!({ "ok": {
        "access_token": tokens.access_token(),
        "expires_in": tokens.expires_in(),
        "refresh_token": tokens.refresh_token(),
        "scope": tokens.scope(),
        "id_token": tokens.id_token().map(|token| token.as_str().to_string()),
        "token_type": tokens.token_type().as_str().to_lowercase(),
    }})
}

/// The same, for another look at the tokens.
pub fn with_tokens(
    flow: &mut impl Flow,
    now: Now,
    answer: &Answer<'_>,
    keys: &[u8],
    cut: Cut,
    buffer: &mut [u8],
    look: impl FnOnce(TokenResponse<'_>) -> Value,
) -> Value {
    let keep = keep(flow);
    let (response, rest) = answer.read(keep, cut, buffer);
    let mut handled = flow.handle(now, Event::Response(response));
    if let Err(Error::KeysNeeded) = handled {
        let keep = flow.keys(&response).expect("keys are missing").keep();
        let (fetched, _) = Answer::json(keys).read(keep, cut, rest);
        handled = fetched.keys().and_then(|keys| flow.handle(now, Event::Response(response.with_keys(keys))));
    }
    match handled {
        Ok(Some(tokens)) => look(tokens),
        Ok(None) => panic!("a response with no outcome"),
        Err(error) => outcome::of(error, Step::Token, flow.refusal()),
    }
}

/// What a flow wants kept of the answer to its request.
pub fn keep(flow: &impl Flow) -> Keep {
    let mut out = vec![0; 16 * 1024];
    match flow.poll(NOW, &mut out) {
        Ok(Action::Send(request)) => request.keep(),
        other => panic!("{other:?}"),
    }
}
