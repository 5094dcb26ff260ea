//! Bodies of answers, good and bad, and how each is read: for what must hold for every one of them.

use std::sync::OnceLock;

use keyfob_core::{
    Keep,
    client::Client,
    error::Error,
    exchange::{Discovery, Exchange, Jwks, UserInfo},
    flow::{Action, DeviceAuthorization, Event, Flow},
    http::Response,
};
use serde_json::{Value, json};

use crate::{
    answer::{Answer, text},
    clients::{ISSUER, KIOSK, PUSHED, ROBOT},
    clock::NOW,
    keys::{FIRST, SECOND, STRANGE, TestKey, base64url, jwk_set},
    outcome::Tokens,
    seeds,
    server::{SUBJECT, metadata},
    stations::{DEVICE_ROOM, ENOUGH, Kind, Station, Step},
};

/// What is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Asked {
    /// Metadata.
    Discovery,
    /// The codes of a device.
    Codes,
    /// The keys that suit a client.
    Keys,
    /// The key that one ID token names: `first`.
    KeysForToken,
    /// A request URI.
    Push,
    /// Tokens, for a client that signs nobody in.
    Tokens,
    /// Tokens with an ID token.
    TokensOfUser,
    /// Claims.
    UserInfo,
}

/// An answer, and what it answers.
#[derive(Clone, Debug)]
pub struct Body {
    /// What it is.
    pub name: &'static str,
    /// What was asked for.
    pub asked: Asked,
    /// The answer.
    pub answer: Answer,
}

impl Body {
    /// Reads the answer into `buffer`, split at these places. What comes of it is shown as text.
    ///
    /// # Errors
    /// Those of the core.
    pub fn read(&self, buffer: &mut [u8], places: &[usize]) -> Result<String, Error> {
        let read = |keep: Keep, buffer| -> (Response<'_>, &mut [u8]) {
            self.answer.read_split(keep, buffer, places)
        };
        match self.asked {
            Asked::Discovery => {
                let discovery = Discovery::new(ISSUER)?;
                let keep = discovery.request(NOW, &mut [0; ENOUGH])?.keep();
                discovery.response(read(keep, buffer).0).map(|metadata| format!("{metadata:?}"))
            }
            Asked::Codes => {
                let mut flow = DeviceAuthorization::<DEVICE_ROOM>::new(&ROBOT, seeds::seed(1), NOW)?;
                let keep = match flow.poll(NOW, &mut [0; ENOUGH])? {
                    Action::Send(request) => request.keep(),
                    other => panic!("{other:?}"),
                };
                let response = read(keep, buffer).0;
                flow.handle(NOW, Event::Response(response)).map(|tokens| assert!(tokens.is_none()))?;
                let Action::Display(code) = flow.poll(NOW, &mut [])? else { panic!("no code") };
                Ok(format!("{} {} {}", code.instructions("it"), code.scannable(), code.until()))
            }
            Asked::Keys => {
                let jwks = Jwks::new(&KIOSK);
                let keep = jwks.request(NOW, &mut [])?.keep();
                jwks.response(read(keep, buffer).0).map(|keys| format!("{:?}", keys.as_bytes()))
            }
            Asked::KeysForToken => {
                read(prepared().keys, buffer).0.keys().map(|keys| format!("{:?}", keys.as_bytes()))
            }
            Asked::Push => {
                let station = Station::code(&PUSHED, Step::Push);
                let (mut flow, hand) = (station.flow, station.hand);
                let keep = hand.request(&*flow)?.expect("a push").1;
                flow.handle(NOW, Event::Response(read(keep, buffer).0))
                    .map(|tokens| assert!(tokens.is_none()))?;
                Ok(hand.url(&*flow))
            }
            Asked::Tokens => self.tokens(&ROBOT, buffer, places),
            Asked::TokensOfUser => self.tokens(&KIOSK, buffer, places),
            Asked::UserInfo => {
                let userinfo = UserInfo::new(&KIOSK, "access-1", SUBJECT);
                let keep = userinfo.request(NOW, &mut [0; ENOUGH])?.keep();
                let claims = userinfo.response(read(keep, buffer).0)?;
                claims.json(&mut [0; ENOUGH]).map(Into::into)
            }
        }
    }

    fn tokens(
        &self,
        client: &'static Client<'static>,
        buffer: &mut [u8],
        places: &[usize],
    ) -> Result<String, Error> {
        let snapshot = if self.asked == Asked::Tokens { &prepared().robot } else { &prepared().kiosk };
        let mut flow = Kind::AuthorizationCode.restore(client, snapshot, NOW)?;
        let (response, _) = self.answer.read_split(prepared().tokens, buffer, places);
        let mut room = [0; 1024];
        let outcome = match flow.handle(NOW, Event::Response(response)) {
            Err(Error::KeysNeeded) => {
                let keys = Answer::json(200, &jwk_set(&[FIRST]));
                let keys = keys.read(flow.keys(&response)?.keep(), &mut room).0.keys()?;
                flow.handle(NOW, Event::Response(response.with_keys(keys)))
            }
            outcome => outcome,
        };
        let outcome = outcome.map(|tokens| format!("{:?}", tokens.as_ref().map(Tokens::of)));
        if let Err(Error::BufferTooSmall { .. }) = outcome {
            assert_eq!(saved(&*flow), *snapshot, "{}: nothing was lost", self.name);
        }
        outcome
    }
}

/// What is the same for every reading.
struct Prepared {
    /// A flow of [`KIOSK`] that waits for its tokens.
    kiosk: Vec<u8>,
    /// A flow of [`ROBOT`] that waits for its tokens.
    robot: Vec<u8>,
    /// What both keep of a token response.
    tokens: Keep,
    /// What the first keeps of a key set.
    keys: Keep,
}

fn prepared() -> &'static Prepared {
    static PREPARED: OnceLock<Prepared> = OnceLock::new();
    PREPARED.get_or_init(|| {
        let station = Station::code(&KIOSK, Step::Exchange);
        let (answer, tokens) = station.hand.answer(&*station.flow);
        let mut buffer = [0; ENOUGH];
        let (response, _) = answer.read(tokens, &mut buffer);
        let keys = station.flow.keys(&response).expect("its key is missing").keep();
        let robot = saved(&*Station::code(&ROBOT, Step::Exchange).flow);
        Prepared { kiosk: saved(&*station.flow), robot, tokens, keys }
    })
}

fn saved(flow: &dyn Flow) -> Vec<u8> {
    let mut snapshot = [0; 512];
    let length = flow.save(NOW, &mut snapshot).expect("the flow goes on");
    snapshot[..length].to_vec()
}

/// All of them.
pub fn bodies() -> Vec<Body> {
    let user = Station::code(&KIOSK, Step::Exchange);
    let user = user.hand.answer(&*user.flow).0;
    let mut bodies = vec![Body { name: "tokens of a user", asked: Asked::TokensOfUser, answer: user }];
    let mut add = |name, asked, status, body: &str| {
        bodies.push(Body { name, asked, answer: Answer::new(status, "application/json", body) });
    };
    for (name, status, body) in TOKENS {
        add(name, Asked::Tokens, *status, body);
    }
    for (name, status, body) in PUSHES {
        add(name, Asked::Push, *status, body);
    }

    for (name, status, body) in CODES {
        add(name, Asked::Codes, *status, body);
    }
    add("metadata", Asked::Discovery, 200, &text(&metadata()));
    add("metadata with more", Asked::Discovery, 200, &more_metadata());
    add("metadata of another", Asked::Discovery, 200, &text(&metadata()).replace("op.", "OP."));
    for asked in [Asked::Keys, Asked::KeysForToken] {
        add("one key", asked, 200, &text(&jwk_set(&[FIRST])));
        add("many keys", asked, 200, &many_keys());
        add("keys and their like", asked, 200, &text(&odd_keys()));
        add("no keys", asked, 200, r#"{"keys":[]}"#);
        add("keys is no list", asked, 200, r#"{"keys":{"keys":[]}}"#);
    }
    add(
        "claims",
        Asked::UserInfo,
        200,
        r#"{"sub":"\u0061lice","name":"Zo\u00eb é 😀","email_verified":true}"#,
    );
    add("claims of another", Asked::UserInfo, 200, r#"{"sub":"bob"}"#);
    bodies
}

/// Answers of the token endpoint: the name, the status, the body.
const TOKENS: &[(&str, u16, &str)] = &[
    ("tokens", 200, r#"{"access_token":"abc","token_type":"Bearer","expires_in":3600}"#),
    (
        "tokens with escapes",
        200,
        "\u{FEFF} {\"\\u0061ccess_\\u0074oken\" : \"a\\/b\\\"c\",\n\"token_type\":\"be\\u0061rer\", \"refresh_token\":\
         \"\\u007e\", \"scope\":\"\\ud83d\\ude00 é 😀\", \"expires_in\":36e2, \"x\":\"\\ud83d\", \"y\":[1.5E+3,-0,null,true,\
         {\"access_token\":[[]]}]}\t\r\n",
    ),
    ("expires_in with a fraction", 200, r#"{"token_type":"Bearer","access_token":"a","expires_in":0.9e1}"#),
    ("expires_in as text", 200, r#"{"token_type":"Bearer","access_token":"a","expires_in":"3599"}"#),
    ("nulls", 200, r#"{"token_type":"Bearer","access_token":"a","expires_in":null,"refresh_token":null}"#),
    (
        "a refusal",
        400,
        r#"{"error":"invalid_grant","error_description":"M\u00fcller \n é","error_uri":"https://x"}"#,
    ),
    ("a refusal in a 200", 200, r#"{"error":"slow_down","interval":5}"#),
    ("both", 200, r#"{"error":"x","access_token":"a","token_type":"Bearer"}"#),
    ("an empty object", 200, "{}"),
    ("a list", 200, r#"[{"access_token":"a"}]"#),
    ("twice", 200, r#"{"access_token":"a","acc\u0065ss_token":"a"}"#),
    ("half a character", 200, "{\"access_token\":\"\\ud83dx\",\"token_type\":\"Bearer\"}"),
    (
        "two low halves",
        200,
        "{\"x\":\"\\ude00\\ude00\\ud83d\\ud83d\\ude00\",\"access_token\":\"a\",\"token_type\":\"Bearer\"}",
    ),
    ("a bad escape", 200, r#"{"access_token":"\x"}"#),
    ("a bad number", 200, r#"{"access_token":"a","expires_in":01}"#),
    ("a bad word", 200, r#"{"access_token":"a","x":nulL}"#),
    ("a comma too many", 200, r#"{"access_token":"a",}"#),
    ("two objects", 200, r#"{"access_token":"a"}{}"#),
    ("too deep", 200, r#"{"x":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}"#),
    ("a control character", 200, "{\"x\":\"\u{1}\"}"),
];

/// Answers to pushed requests: the name, the status, the body.
const PUSHES: &[(&str, u16, &str)] = &[
    (
        "a request URI",
        201,
        r#"{"request_uri":"urn:ietf:params:oauth:request_uri:6esc_11ACC5b","expires_in":60}"#,
    ),
    (
        "a request URI with escapes",
        200,
        r#"{"more":[{"request_uri":"x"}],"re\u0071uest_uri":"urn:\u0061\/b","expires_in":"9"}"#,
    ),
    ("no request URI", 201, r#"{"expires_in":60}"#),
    ("a push is refused", 400, r#"{"error":"invalid_request","error_description":"no \u00e9"}"#),
];

/// Answers of the device authorization endpoint.
const CODES: &[(&str, u16, &str)] = &[
    (
        "codes",
        200,
        r#"{"device_code":"dc","user_code":"WDJB-MJHT","verification_uri":"https://op.example/d","expires_in":600}"#,
    ),
    (
        "codes with all there is",
        200,
        " {\"message\":\"To sign in, \\u00e9\\n\",\"device_code\":\"d\\u0063\",\"user_code\":\"a B\",\
         \"verification_uri\":\"https:\\/\\/op.example\",\"verification_url\":\"https://x.example\",\
         \"verification_uri_complete\":\"https://op.example/?c=a%20B\",\"expires_in\":9e2,\"interval\":2.5}\n",
    ),
    (
        "codes by Google",
        200,
        r#"{"verification_url":"https://op.example/device","device_code":"4/x","user_code":"A","expires_in":1,"interval":"7"}"#,
    ),
    ("codes and a refusal", 200, r#"{"error":"invalid_scope","device_code":"dc"}"#),
    ("no codes", 403, r#"{"error":"unauthorized_client","error_description":"Not this grant."}"#),
    ("codes over http", 200, r#"{"device_code":"d","user_code":"u","verification_uri":"http://op.example"}"#),
];

fn more_metadata() -> String {
    let mut document = metadata();
    for number in 0..8 {
        document[format!("a{number}")] = json!([{ "issuer": "https://evil.example", "é": [1, 2.5e3, null] }]);
        document[format!("z{number}")] = json!("\u{1F511}".repeat(9));
    }
    text(&document).replace("https:", "https\\u003A")
}

fn many_keys() -> String {
    let mut keys: Vec<_> = (10..30).map(numbered_key).collect();
    keys.insert(15, FIRST.jwk());
    text(&json!({ "keys": keys, "more": [] }))
}

/// Keys beside others that must not be used, each with a fault of its own.
fn odd_keys() -> Value {
    let with = |name: &str, value: Value| {
        let mut key = SECOND.jwk();
        key[name] = value;
        key
    };
    json!({
        "before": { "keys": [STRANGE.jwk()] },
        "keys": [
            1, "x", [], {}, null,
            { "kty": "oct", "k": base64url([7; 64]), "kid": "first" },
            { "kty": "RSA", "n": base64url([9; 256]), "e": "AQAB", "kid": "first", "alg": "RS256" },
            { "kty": "EC", "crv": "secp256k1", "x": base64url([1; 32]), "y": base64url([2; 32]) },
            with("use", json!("enc")),
            with("key_ops", json!(["sign", "verify"])),
            with("key_ops", json!(["encrypt"])),
            with("d", json!(base64url([3; 32]))),
            with("x5c", json!(["M".repeat(300), "N".repeat(300)])),
            with("x", json!("not base64url, but long: !!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!")),
            with("y", json!(5)),
            with("kid", json!("first")),
            FIRST.jwk(),
        ],
        "after": "\u{1F511}",
    })
}

fn numbered_key(number: u8) -> Value {
    let mut jwk = TestKey { kid: None, octet: number }.jwk();
    jwk["kid"] = format!("key {number}").into();
    jwk
}
