//! The answer of the token endpoint, its ID token included: every signature is good here, so that the claims
//! are reached.

#![no_main]

use keyfob_core::{
    client::Client,
    error::{Check, Error},
    flow::{Action, AuthorizationCode, Event, Flow, Redirect},
    http::{Incoming, Response},
    jwk::KeySet,
    jws::{Algorithm, Key, Verifier},
    metadata::Metadata,
    secret::Seed,
    time::{Now, UnixTime},
};
use libfuzzer_sys::fuzz_target;

const SERVER: Metadata<'static> = Metadata::new("https://op.example.com")
    .authorization_endpoint("https://op.example.com/authorize")
    .jwks_uri("https://op.example.com/jwks")
    .token_endpoint("https://op.example.com/token");
const SIGN_IN: Client<'static> =
    Client::new(SERVER, "kiosk-01").redirect_uri("https://kiosk.example/cb").algorithms(&[&Credulous]);
const ACCESS: Client<'static> = Client::oauth(SERVER, "kiosk-01").redirect_uri("https://kiosk.example/cb");
const KEYS: &[u8] = br#"{"keys":[{"kty":"RSA","kid":"rsa1","n":"AQAB","e":"AQAB"}]}"#;
const NOW: Now = Now::known(0, UnixTime::from_seconds(1_760_000_000));

/// Takes every signature for a good one.
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

fuzz_target!(|data: &[u8]| {
    check(&SIGN_IN, 200, data);
    check(&ACCESS, 200, data);
    check(&ACCESS, 400, data);
});

fn check(client: &Client<'_>, status: u16, body: &[u8]) {
    let seed = Seed::new(core::array::from_fn(|place| place as u8)).expect("a seed");
    let mut flow = AuthorizationCode::<256>::new(client, seed, NOW).expect("a client");
    let mut room = [0; 4096];
    let Ok(Action::Authorize(url)) = flow.poll(NOW, &mut room) else { panic!("no URL") };
    let state = url.split("state=").nth(1).and_then(|rest| rest.split('&').next()).expect("a state");
    let redirect = format!("https://kiosk.example/cb?code=abc&state={state}");
    flow.handle(NOW, Event::Redirect(Redirect::Url(&redirect))).expect("a code");
    let mut before = [0; 4096];
    let Ok(Action::Send(request)) = flow.poll(NOW, &mut before) else { panic!("no request") };
    let (keep, request) = (request.keep(), request.body().to_vec());
    let response = read(Incoming::new(keep, &mut room), status, body);
    let mut keys = [0; 1024];
    let outcome = match flow.handle(NOW, Event::Response(response)) {
        Err(Error::KeysNeeded) => {
            let keys = KeySet::from_json(KEYS, &[&Credulous], &mut keys).expect("keys");
            flow.handle(NOW, Event::Response(response.with_keys(keys)))
        }
        outcome => outcome,
    };
    match outcome {
        Ok(tokens) => {
            let tokens = tokens.expect("tokens");
            assert!(status == 200, "tokens under an error status were taken");
            assert!(tokens.access_token().bytes().all(|octet| matches!(octet, 0x20..=0x7E)));
        }
        Err(Error::Refused(_)) => {}
        Err(error) => match flow.poll(NOW, &mut before) {
            Ok(Action::Send(again)) => assert_eq!(again.body(), request, "an error changes nothing"),
            Err(Error::AnswerLost) => assert!(status == 200, "{error:?} has used up the code"),
            other => panic!("the flow has moved on: {other:?}"),
        },
    }
}

fn read<'b>(mut incoming: Incoming<'b>, status: u16, body: &[u8]) -> Response<'b> {
    incoming.status(status);
    incoming.header("Content-Type", b"application/json");
    incoming.body(body);
    incoming.finish().0
}
