//! A relay as the device knows it: mailboxes, codes, one response each, sealed. And what its owner can read of it.

use std::{collections::BTreeMap, convert::Infallible};

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use hpke::{
    Deserializable, Kem, OpModeS, Serializable,
    aead::ChaCha20Poly1305,
    inout::InOutBuf,
    kdf::HkdfSha256,
    kem::X25519HkdfSha256,
    rand_core::{TryCryptoRng, TryRng},
    single_shot_seal_inout_detached_with_rng,
};
use keyfob_core::{
    client::{Client, ResponseMode},
    client_authentication::ClientAuthentication,
    dpop::Dpop,
    relay::Relay,
};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{
    answer::Answer,
    clients::{ISSUER, PUSH_SERVER, SERVER},
    form,
    keys::{VERIFIERS, base64url},
    proofs::{CLIENT_KEY, HOLDER},
    server::{Received, Return},
};

/// Where it is.
pub const BASE: &str = "https://relay.example/r1";

/// The device there.
pub const DEVICE: &str = "kettle-7f3a";

/// Its secret there.
pub const SECRET: &str = "0f2b7c.19~d4_e6-8a35b1c0";

/// What the device knows of it.
pub static RELAY: Relay<'static> = Relay::new(BASE, DEVICE, SECRET).wait(20);

/// A client whose redirect URI is the relay's.
pub static RELAYED: Client<'static> = Client::new(SERVER, "kettle")
    .redirect_uri("https://relay.example/r1/callback")
    .scope(&["openid", "email", "offline_access"])
    .algorithms(VERIFIERS)
    .response_mode(ResponseMode::FormPost);

/// The same with its response in the query.
pub static QUERIED: Client<'static> = Client::new(SERVER, "kettle")
    .redirect_uri("https://relay.example/r1/callback")
    .scope(&["openid", "email", "offline_access"])
    .algorithms(VERIFIERS);

/// One that pushes its requests, with a key for itself and its codes and tokens bound to another.
pub static RELAYED_SIGNING: std::sync::LazyLock<Client<'static>> = std::sync::LazyLock::new(|| {
    Client::new(PUSH_SERVER, "signing")
        .redirect_uri("https://relay.example/r1/callback")
        .scope(&["openid", "offline_access"])
        .algorithms(VERIFIERS)
        .pushed_authorization_request()
        .authentication(ClientAuthentication::private_key_jwt(&*CLIENT_KEY))
        .dpop(Dpop::new(&*HOLDER).bind_code())
});

/// A mailbox.
#[derive(Clone, Debug, Default)]
pub struct Mailbox {
    /// Where its browser is sent.
    pub authorization_url: String,
    /// The device's key.
    pub public_key: Vec<u8>,
    /// What is shown on the device now.
    pub user_code: String,
    /// A browser was let in.
    pub paired: bool,
    /// What the browser brought, sealed.
    pub response: Option<Vec<u8>>,
    /// The device has got it.
    pub taken: bool,
    /// How the device said that it ended.
    pub ending: Option<String>,
}

/// A relay. A clone of it remembers what it knew at that time.
#[derive(Clone, Debug, Default)]
pub struct RelayDouble {
    /// All mailboxes, by name.
    pub mailboxes: BTreeMap<String, Mailbox>,
    /// All requests of devices.
    pub received: Vec<Received>,
    /// All that browsers brought, in the clear: its owner reads it.
    pub brought: Vec<Return>,
    /// What it answers in place of its own answer, and how often; it does not act then.
    pub instead: Vec<Answer>,
    /// What it does to what a browser brought, before it is sealed.
    pub swap: Option<fn(&Return) -> Return>,
    /// The response comes at once, and nobody is told of a browser before.
    pub hasty: bool,
    codes: usize,
    seals: u8,
}

impl RelayDouble {
    /// Answers a request of a device.
    ///
    /// # Panics
    /// If it is none that a device sends.
    pub fn answer(&mut self, request: Received) -> Answer {
        assert_eq!(request.method, "POST");
        assert_eq!(request.header("Content-Type"), Some("application/x-www-form-urlencoded"));
        assert_eq!(request.header("DPoP"), None, "a relay is no server of tokens");
        let path = request.url.strip_prefix(BASE).expect("requests go below the base").to_owned();
        let pairs = form::pairs(&request.body);
        let authorization = request.header("Authorization").map(str::to_owned);
        self.received.push(request);
        if !self.instead.is_empty() {
            return self.instead.remove(0);
        }
        let basic = format!("Basic {}", Base64::encode_string(format!("{DEVICE}:{SECRET}").as_bytes()));
        if authorization.as_ref() != Some(&basic) {
            return error(if authorization.is_some() { 403 } else { 401 }, "device");
        }
        let get = |name| form::value(&pairs, name).unwrap_or_else(|| panic!("no {name}"));
        let name = get("mailbox");
        assert_eq!(name.len(), 43);
        match path.as_str() {
            "/mailbox" => self.open(name, get("authorization_url"), &get("public_key")),
            "/mailbox/wait" => {
                assert!(get("wait").parse::<u32>().expect("a number") <= 25);
                self.wait(&name, &get("seen"))
            }
            "/mailbox/close" => match self.mailboxes.get_mut(&name) {
                Some(mailbox) => {
                    mailbox.ending = Some(get("ending"));
                    Answer::json(200, &json!({}))
                }
                None => error(404, "mailbox"),
            },
            path => panic!("a device has no business with {path}"),
        }
    }

    fn open(&mut self, name: String, authorization_url: String, public_key: &str) -> Answer {
        if self.mailboxes.get(&name).is_some_and(|mailbox| mailbox.paired) {
            return error(409, "paired");
        }
        if !authorization_url.starts_with(&format!("{ISSUER}/authorize?")) {
            return error(403, "authorization_url");
        }
        self.codes += 1;
        let user_code = format!("RLYB-{:04}", self.codes);
        let public_key = Base64UrlUnpadded::decode_vec(public_key).expect("base64url");
        assert_eq!(public_key.len(), 32);
        let mailbox =
            Mailbox { authorization_url, public_key, user_code: user_code.clone(), ..Mailbox::default() };
        self.mailboxes.insert(name, mailbox);
        Answer::json(
            200,
            &json!({
                "user_code": user_code,
                "verification_uri": "https://relay.example/r1/",
                "verification_uri_complete": format!("https://relay.example/r1/?t=ticket-{}", self.codes),
                "expires_in": 120,
                "interval": 1,
            }),
        )
    }

    fn wait(&mut self, name: &str, seen: &str) -> Answer {
        assert!(matches!(seen, "paired" | "waiting"), "{seen}");
        let hasty = self.hasty;
        let Some(mailbox) = self.mailboxes.get_mut(name).filter(|mailbox| mailbox.ending.is_none()) else {
            return error(404, "mailbox");
        };
        let status = match mailbox {
            Mailbox { taken: true, .. } => "taken",
            Mailbox { paired: true, .. } if seen == "waiting" && !hasty => "paired",
            Mailbox { response: Some(sealed), taken, .. } => {
                *taken = true;
                return Answer::json(200, &json!({ "response": base64url(sealed) }));
            }
            Mailbox { paired: true, .. } => "paired",
            _ => "waiting",
        };
        Answer::json(200, &json!({ "status": status }))
    }

    /// Whether a device shows this code.
    pub fn shows(&self, user_code: &str) -> bool {
        self.mailboxes.values().any(|mailbox| mailbox.user_code == user_code)
    }

    /// A person enters a code; gives the address that the browser is sent to. `None`: no device shows it, or it was
    /// used.
    pub fn pair(&mut self, user_code: &str) -> Option<String> {
        let mailbox = self.mailboxes.values_mut().find(|mailbox| mailbox.user_code == user_code)?;
        (!std::mem::replace(&mut mailbox.paired, true)).then(|| mailbox.authorization_url.clone())
    }

    /// A browser comes back from the server. It goes to the mailbox of its `state`.
    ///
    /// # Panics
    /// If there is none.
    pub fn callback(&mut self, redirect: Return) {
        let (kind, text) = parameters(&redirect);
        let state = form::value(&form::pairs(text), "state").expect("a state");
        let name = mailbox(&state);
        self.brought.push(redirect.clone());
        let redirect = self.swap.map_or(redirect.clone(), |swap| swap(&redirect));
        let _ = kind;
        let (kind, text) = parameters(&redirect);
        self.put(&name, &format!("{kind}{text}"));
    }

    /// Seals something for a mailbox, and puts it there.
    ///
    /// # Panics
    /// If there is no such mailbox.
    pub fn put(&mut self, name: &str, plaintext: &str) {
        let public_key = self.mailboxes[name].public_key.clone();
        let sealed = self.seal(&public_key, "keyfob relay 1", name, plaintext);
        let mailbox = self.mailboxes.get_mut(name).expect("it is there");
        (mailbox.response, mailbox.taken) = (Some(sealed), false);
    }

    /// Seals something.
    ///
    /// # Panics
    /// If the key is none.
    pub fn seal(&mut self, public_key: &[u8], info: &str, mailbox: &str, plaintext: &str) -> Vec<u8> {
        self.seals += 1;
        seal(public_key, info, mailbox, plaintext.as_bytes(), &[self.seals; 32])
    }
}

/// Seals octets with a key pair that comes of this randomness.
///
/// # Panics
/// If the key is none.
pub fn seal(public_key: &[u8], info: &str, mailbox: &str, plaintext: &[u8], random: &[u8; 32]) -> Vec<u8> {
    let public_key = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(public_key).expect("32 octets");
    let mut text = plaintext.to_vec();
    let (encapsulated, tag) =
        single_shot_seal_inout_detached_with_rng::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeS::Base,
            &public_key,
            info.as_bytes(),
            InOutBuf::from(text.as_mut_slice()),
            mailbox.as_bytes(),
            &mut Fixed(random),
        )
        .expect("it can be sealed");
    [&encapsulated.to_bytes()[..], &text, &tag.to_bytes()[..]].concat()
}

/// The name of the mailbox for this `state`.
pub fn mailbox(state: &str) -> String {
    base64url(Sha256::digest(state))
}

/// The kind of a response and its parameters, as they are sealed.
pub fn parameters(redirect: &Return) -> (char, &str) {
    match redirect {
        Return::Form(form) => ('f', form),
        Return::Url(url) => ('q', url.split_once('?').map_or("", |(_, query)| query)),
    }
}

fn error(status: u16, code: &str) -> Answer {
    Answer::json(status, &json!({ "error": code }))
}

/// Randomness that is none.
struct Fixed<'r>(&'r [u8; 32]);

impl TryRng for Fixed<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        out.copy_from_slice(&self.0[..out.len()]);
        Ok(())
    }
}

impl TryCryptoRng for Fixed<'_> {}
