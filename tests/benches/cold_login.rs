//! A whole cold sign-in in memory, for counting the instructions of the core's own work.
//!
//! `cargo run --package keyfob-check -- instructions` runs this under valgrind. It counts discovery, authorization
//! request, redirect, token request, token response, keys and ID token. The answers are those of a certified
//! provider. The verifier takes every signature, so that no arithmetic of signatures is counted; SHA-256 is.

use std::hint::black_box;

use base64ct::{Base64UrlUnpadded, Encoding};
use keyfob_core::{
    client::Client,
    error::{Check, Error},
    exchange::{Discovery, Exchange},
    flow::{Action, AuthorizationCode, Event, Flow, Redirect},
    http::Incoming,
    jws::{Algorithm, Key, Verifier},
    secret::Seed,
    time::{Now, UnixTime},
};

const DISCOVERY: &[u8] = include_bytes!("discovery.json");
const JWKS: &[u8] = include_bytes!("jwks.json");
const NOW: Now = Now::known(0, UnixTime::from_seconds(1_760_000_000));
/// Octets that arrive at a time, as from a small TLS record.
const PIECE: usize = 512;

/// Takes every signature.
struct Credulous;

impl Verifier for Credulous {
    fn algorithm(&self) -> Algorithm {
        Algorithm::Rs256
    }

    fn hash<'h>(&self, _input: &[u8], out: &'h mut [u8; 64]) -> &'h [u8] {
        &out[..32]
    }

    fn verify(&self, _key: Key<'_>, _message: &[u8], _signature: &[u8]) -> Result<(), Check> {
        Ok(())
    }
}

fn main() {
    // Twice: once to learn the nonce for the answer, once to count.
    let redirect_and_tokens = answers();
    cold_login(&redirect_and_tokens.0, redirect_and_tokens.1.as_bytes()).expect("a sign-in");
}

#[inline(never)]
fn cold_login(redirect: &str, tokens: &[u8]) -> Result<usize, Error> {
    let mut server = [0; 2048];
    let discovery = Discovery::new("https://op.example")?;
    let keep = discovery.request(NOW, &mut server)?.keep();
    let metadata = discovery.response(read(Incoming::new(keep, &mut server), DISCOVERY).finish().0)?;
    let client = client(metadata);
    let mut flow = AuthorizationCode::<256>::new(&client, seed(), NOW)?;
    let mut buffer = [0; 2048];
    black_box(flow.poll(NOW, &mut buffer)?);
    flow.handle(NOW, Event::Redirect(Redirect::Url(redirect)))?;
    let Action::Send(request) = flow.poll(NOW, &mut buffer)? else { return Err(Error::Misuse) };
    let keep = request.keep();
    let (response, rest) = read(Incoming::new(keep, &mut buffer), tokens).finish();
    let Err(Error::KeysNeeded) = flow.handle(NOW, Event::Response(response)) else {
        return Err(Error::Misuse);
    };
    let keep = flow.keys(&response)?.keep();
    let keys = read(Incoming::new(keep, rest), JWKS).finish().0.keys()?;
    let tokens = flow.handle(NOW, Event::Response(response.with_keys(keys)))?;
    Ok(tokens.map_or(0, |tokens| tokens.access_token().len()))
}

fn read<'b>(mut incoming: Incoming<'b>, body: &[u8]) -> Incoming<'b> {
    incoming.status(200);
    incoming.header("content-type", b"application/json; charset=utf-8");
    body.chunks(PIECE).all(|piece| incoming.body(piece));
    incoming
}

fn client(metadata: keyfob_core::metadata::Metadata<'_>) -> Client<'_> {
    Client::new(metadata, "public").redirect_uri("http://127.0.0.1:51004/callback").algorithms(&[&Credulous])
}

fn seed() -> Seed {
    Seed::new(std::array::from_fn(|place| place as u8)).expect("a seed")
}

/// The redirect and the token response that fit the seed.
fn answers() -> (String, String) {
    let discovery = Discovery::new("https://op.example").expect("an issuer");
    let mut server = [0; 2048];
    let keep = discovery.request(NOW, &mut server).expect("a request").keep();
    let response = read(Incoming::new(keep, &mut server), DISCOVERY).finish().0;
    let client = client(discovery.response(response).expect("metadata"));
    let flow = AuthorizationCode::<256>::new(&client, seed(), NOW).expect("a client");
    let mut buffer = [0; 2048];
    let Ok(Action::Authorize(url)) = flow.poll(NOW, &mut buffer) else { panic!("no URL") };
    let parameter =
        |name: &str| url.split(name).nth(1).and_then(|rest| rest.split('&').next()).expect("a parameter");
    let (state, nonce) = (parameter("state="), parameter("nonce="));
    let redirect = format!(
        "/callback?code=WCjA8Iw_qR1cWgqYkE1cVpYkK1BnkFqPk8rCXHgP5Zk&state={state}&iss=https%3A%2F%2Fop.example"
    );
    let kid =
        JWKS.windows(15).map(|text| String::from_utf8_lossy(text)).find(|text| text.starts_with("RS256-"));
    let kid = kid.expect("a key").chars().take(14).collect::<String>();
    let header = format!(r#"{{"alg":"RS256","typ":"JWT","kid":"{kid}"}}"#);
    let claims = format!(
        r#"{{"sub":"alice","nonce":"{nonce}","aud":"public","exp":1760003600,"iat":1760000000,"iss":"https://op.example"}}"#
    );
    let part = |text: &str| {
        let mut room = [0; 512];
        Base64UrlUnpadded::encode(text.as_bytes(), &mut room).expect("room").to_string()
    };
    let token = format!("{}.{}.{}", part(&header), part(&claims), "A".repeat(342));
    let tokens = format!(
        r#"{{"access_token":"{}","expires_in":3600,"id_token":"{token}","scope":"openid","token_type":"Bearer"}}"#,
        "a".repeat(43)
    );
    (redirect, tokens)
}
