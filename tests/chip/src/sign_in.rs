//! A cold sign-in step by step, with a verifier that takes every signature: the core's own work.

use base64ct::{Base64UrlUnpadded, Encoding};
use keyfob_core::{
    client::Client,
    error::{Check, Error},
    exchange::{Discovery, Exchange, UserInfo},
    flow::{Action, AuthorizationCode, Event, Flow, Redirect, RefreshToken},
    http::{Incoming, Response},
    jws::{Algorithm, Key, Verifier},
    metadata::Metadata,
    secret::Seed,
    time::{Now, UnixTime},
};

use crate::{Measure, text::Text};

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

/// Measures each step of a sign-in, then a refresh and UserInfo.
pub fn measure(measure: Measure<'_>) {
    let mut server = [0; 2048];
    let mut metadata = None;
    let discovery = Discovery::new("https://op.example").expect("an issuer");
    let mut room = Some(&mut server);
    measure("discovery", &mut || {
        let Some(server) = room.take() else { return };
        let keep = discovery.request(NOW, server).expect("room").keep();
        metadata = discovery.response(read(keep, server, DISCOVERY).0).ok();
    });
    let client = client(metadata.expect("metadata"));
    let mut flow = AuthorizationCode::<256>::new(&client, seed(), NOW).expect("a client");
    let mut buffer = [0; 2048];
    measure("authorize", &mut || {
        assert!(matches!(flow.poll(NOW, &mut buffer), Ok(Action::Authorize(_))));
    });
    let (redirect, tokens) = answers(&flow, &mut buffer);
    measure("redirect", &mut || {
        let redirect = Event::Redirect(Redirect::Url(redirect.as_str()));
        assert!(matches!(flow.handle(NOW, redirect), Ok(None)));
    });
    let mut keep = None;
    measure("token_request", &mut || keep = Some(sent(flow.poll(NOW, &mut buffer))));
    let mut answer = None;
    let mut room = Some(&mut buffer);
    measure("token_response", &mut || {
        let (Some(buffer), Some(keep)) = (room.take(), keep) else { return };
        let (response, rest) = read(keep, buffer, tokens.as_str().as_bytes());
        assert!(matches!(flow.handle(NOW, Event::Response(response)), Err(Error::KeysNeeded)));
        answer = Some((response, Some(rest)));
    });
    let (response, mut rest) = answer.expect("an answer");
    let mut keys = None;
    measure("keys", &mut || {
        let Some(rest) = rest.take() else { return };
        let keep = flow.keys(&response).expect("a request").keep();
        keys = read(keep, rest, JWKS).0.keys().ok();
    });
    let response = response.with_keys(keys.expect("keys"));
    measure("id_token", &mut || {
        assert!(matches!(flow.handle(NOW, Event::Response(response)), Ok(Some(_))));
    });
    refresh(measure, &client);
    user_info(measure, &client);
}

fn refresh(measure: Measure<'_>, client: &Client<'_>) {
    let mut buffer = [0; 1024];
    measure("refresh", &mut || {
        let mut flow = RefreshToken::<64>::new(client, TOKEN, None).expect("a token");
        let keep = sent(flow.poll(NOW, &mut buffer));
        let (response, _) = read(keep, &mut buffer, REFRESHED);
        assert!(matches!(flow.handle(NOW, Event::Response(response)), Ok(Some(_))));
    });
}

fn user_info(measure: Measure<'_>, client: &Client<'_>) {
    let mut buffer = [0; 512];
    measure("userinfo", &mut || {
        let exchange = UserInfo::new(client, TOKEN, "alice");
        let keep = exchange.request(NOW, &mut buffer).expect("room").keep();
        let claims = exchange.response(read(keep, &mut buffer, CLAIMS).0);
        assert_eq!(claims.ok().and_then(|claims| claims.boolean("email_verified")), Some(true));
    });
}

fn sent(action: Result<Action<'_>, Error>) -> keyfob_core::Keep {
    match action {
        Ok(Action::Send(request)) => request.keep(),
        _ => panic!("nothing to send"),
    }
}

fn read<'b>(keep: keyfob_core::Keep, buffer: &'b mut [u8], body: &[u8]) -> (Response<'b>, &'b mut [u8]) {
    let mut incoming = Incoming::new(keep, buffer);
    incoming.status(200);
    incoming.header("content-type", b"application/json; charset=utf-8");
    body.chunks(PIECE).all(|piece| incoming.body(piece));
    incoming.finish()
}

fn client(metadata: Metadata<'_>) -> Client<'_> {
    Client::new(metadata, "public").redirect_uri("http://127.0.0.1:51004/callback").algorithms(&[&Credulous])
}

fn seed() -> Seed {
    Seed::new(core::array::from_fn(|place| place as u8)).expect("a seed")
}

/// The redirect and the token response that fit the flow.
fn answers(flow: &dyn Flow, buffer: &mut [u8]) -> (Text<256>, Text<2048>) {
    let Ok(Action::Authorize(url)) = flow.poll(NOW, buffer) else { panic!("no URL") };
    let parameter =
        |name: &str| url.split(name).nth(1).and_then(|rest| rest.split('&').next()).expect("a parameter");
    let (state, nonce) = (parameter("state="), parameter("nonce="));
    let mut redirect = Text::new();
    redirect.push(&["/callback?code=", TOKEN, "&iss=https%3A%2F%2Fop.example&state=", state]);
    let kid = JWKS.windows(14).find(|text| text.starts_with(b"RS256-")).expect("a key");
    let kid = core::str::from_utf8(kid).expect("ASCII");
    let (mut header, mut claims) = (Text::<128>::new(), Text::<256>::new());
    header.push(&[r#"{"alg":"RS256","typ":"JWT","kid":""#, kid, r#""}"#]);
    claims.push(&[
        r#"{"sub":"alice","nonce":""#,
        nonce,
        r#"","aud":"public","exp":1760003600,"iat":1760000000,"iss":"https://op.example"}"#,
    ]);
    let mut tokens = Text::new();
    tokens.push(&[r#"{"access_token":""#, TOKEN, r#"","expires_in":3600,"id_token":""#]);
    for part in [header.as_str(), claims.as_str()] {
        let mut room = [0; 400];
        tokens.push(&[Base64UrlUnpadded::encode(part.as_bytes(), &mut room).expect("room"), "."]);
    }
    // A signature of 256 octets.
    (0..38).for_each(|_| tokens.push(&["AAAAAAAAA"]));
    tokens.push(&[r#"","scope":"openid","token_type":"Bearer"}"#]);
    (redirect, tokens)
}

const DISCOVERY: &[u8] = include_bytes!("../../benches/discovery.json");
const JWKS: &[u8] = include_bytes!("../../benches/jwks.json");
const NOW: Now = Now::known(0, UnixTime::from_seconds(1_760_000_000));
/// Octets that arrive at a time, as from a small TLS record.
const PIECE: usize = 512;
const TOKEN: &str = "WCjA8Iw_qR1cWgqYkE1cVpYkK1BnkFqPk8rCXHgP5Zk";
const REFRESHED: &[u8] = br#"{"access_token":"WCjA8Iw_qR1cWgqYkE1cVpYkK1BnkFqPk8rCXHgP5Zk","expires_in":3600,"refresh_token":"3cVpYkK1BnkFqPk8rCXHgP5ZkWCjA8Iw_qR1cWgqYkE1","scope":"openid","token_type":"Bearer"}"#;
const CLAIMS: &[u8] =
    br#"{"sub":"alice","name":"Alice \u00e4","email":"alice@example.com","email_verified":true}"#;
