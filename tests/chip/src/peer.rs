//! Who a flow talks to: a server's answers, a driver, and signatures that cost nothing.

use base64ct::{Base64UrlUnpadded, Encoding};
use keyfob_core::{
    Keep,
    error::{Check, Error},
    flow::Action,
    http::{Incoming, Response},
    jws::{Algorithm, Key, MAX_SIGNATURE, Rs256, SignError, Signer, Verifier},
    secret::Seed,
    time::{Now, UnixTime},
};

use crate::text::Text;

/// Takes every signature.
pub struct Credulous;

impl Verifier for Credulous {
    fn algorithm(&self) -> Algorithm {
        Algorithm::Rs256
    }

    fn hash<'h>(&self, input: &[u8], out: &'h mut [u8; 64]) -> &'h [u8] {
        Rs256.hash(input, out)
    }

    fn verify(&self, _key: Key<'_>, _message: &[u8], _signature: &[u8]) -> Result<(), Check> {
        Ok(())
    }
}

/// Signs with nothing but zeros.
pub struct Blank;

impl Signer for Blank {
    fn algorithm(&self) -> Algorithm {
        Algorithm::Es256
    }

    fn public_key(&self) -> Key<'_> {
        Key::P256 { x: &[1; 32], y: &[2; 32] }
    }

    fn sign(&self, _message: &[u8], signature: &mut [u8; MAX_SIGNATURE]) -> Result<usize, SignError> {
        signature[..64].fill(0);
        Ok(64)
    }
}

/// What to keep of the answer to the request that is to be sent.
pub fn sent(action: Result<Action<'_>, Error>) -> Keep {
    match action {
        Ok(Action::Send(request)) => request.keep(),
        _ => panic!("nothing to send"),
    }
}

/// A good answer.
pub fn receive<'b>(keep: Keep, buffer: &'b mut [u8], body: &[u8]) -> (Response<'b>, &'b mut [u8]) {
    answer(keep, buffer, 200, body)
}

/// An answer, as it comes in.
pub fn answer<'b>(
    keep: Keep,
    buffer: &'b mut [u8],
    status: u16,
    body: &[u8],
) -> (Response<'b>, &'b mut [u8]) {
    let mut incoming = Incoming::new(keep, buffer);
    incoming.status(status);
    incoming.header("content-type", b"application/json; charset=utf-8");
    body.chunks(PIECE).all(|piece| incoming.body(piece));
    incoming.finish()
}

/// A seed.
pub fn seed() -> Seed {
    Seed::new(core::array::from_fn(|place| place as u8)).expect("a seed")
}

/// Tokens for somebody who has signed in; without a nonce where it is empty.
pub fn token_response(nonce: &str) -> Text<2048> {
    let kid = JWKS.windows(14).find(|text| text.starts_with(b"RS256-")).expect("a key");
    let kid = core::str::from_utf8(kid).expect("ASCII");
    let (mut header, mut claims) = (Text::<128>::new(), Text::<400>::new());
    header.push(&[r#"{"alg":"RS256","typ":"JWT","kid":""#, kid, r#""}"#]);
    claims.push(&[r#"{"sub":"alice","at_hash":"GRaVChUQhpE6CPIXx3jAyw","#]);
    if !nonce.is_empty() {
        claims.push(&[r#""nonce":""#, nonce, r#"","#]);
    }
    claims.push(&[r#""aud":"public","exp":1760003600,"iat":1760000000,"iss":"https://op.example"}"#]);
    let mut tokens = Text::new();
    tokens.push(&[r#"{"access_token":""#, TOKEN, r#"","refresh_token":""#, TOKEN]);
    tokens.push(&[r#"","expires_in":3600,"id_token":""#]);
    for part in [header.as_str(), claims.as_str()] {
        let mut room = [0; 600];
        tokens.push(&[Base64UrlUnpadded::encode(part.as_bytes(), &mut room).expect("room"), "."]);
    }
    // A signature of 256 octets.
    (0..38).for_each(|_| tokens.push(&["AAAAAAAAA"]));
    tokens.push(&[r#"","scope":"openid","token_type":"Bearer"}"#]);
    tokens
}

/// The server's keys.
pub const JWKS: &[u8] = include_bytes!("../../benches/jwks.json");

/// When all this happens.
pub const NOW: Now = Now::known(0, UnixTime::from_seconds(1_760_000_000));

/// A token.
pub const TOKEN: &str = "WCjA8Iw_qR1cWgqYkE1cVpYkK1BnkFqPk8rCXHgP5Zk";

/// The answer to a refresh token.
pub const REFRESHED: &[u8] = br#"{"access_token":"WCjA8Iw_qR1cWgqYkE1cVpYkK1BnkFqPk8rCXHgP5Zk","expires_in":3600,"refresh_token":"3cVpYkK1BnkFqPk8rCXHgP5ZkWCjA8Iw_qR1cWgqYkE1","scope":"openid","token_type":"Bearer"}"#;

/// Octets that arrive at a time, as from a small TLS record.
const PIECE: usize = 512;
