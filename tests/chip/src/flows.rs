//! The other flows, step by step.

use keyfob_core::{
    client::Client,
    client_authentication::ClientAuthentication,
    dpop::Dpop,
    end_session::EndSession,
    error::Error,
    exchange::{Exchange, Jwks, Revocation},
    flow::{
        Action, AuthorizationCode, ClientCredentials, DeviceAuthorization, Event, Flow, RefreshToken, Relayed,
    },
    jws::{Es256Signer, Signer},
    metadata::Metadata,
    relay::Relay,
    secret::Secret,
    time::Now,
};

use crate::{
    Measure,
    peer::{Blank, Credulous, JWKS, NOW, REFRESHED, TOKEN, answer, receive, seed, sent, token_response},
};

/// Measures each.
pub fn measure(measure: Measure<'_>) {
    device(measure);
    push(measure);
    relay(measure);
    refresh_with_proof(measure, "refresh_dpop", &Blank);
    refresh_with_proof(measure, "refresh_dpop_es256", &Es256Signer::new(&[1; 32]).expect("a key"));
    client_credentials(measure);
    sign_out(measure);
}

fn device(measure: Measure<'_>) {
    let client = Client::new(SERVER, "public").algorithms(&[&Credulous]);
    let mut flow = DeviceAuthorization::<256>::new(&client, seed(), NOW).expect("a client").pkce();
    let mut buffer = [0; 2048];
    measure("device_start", &mut || {
        let keep = sent(flow.poll(NOW, &mut buffer));
        let (response, _) = receive(keep, &mut buffer, CODES);
        assert!(matches!(flow.handle(NOW, Event::Response(response)), Ok(None)));
    });
    let Ok(Action::Display(code)) = flow.poll(NOW, &mut buffer) else { panic!("no code") };
    let mut now = Now { uptime: code.until(), ..NOW };
    measure("device_poll", &mut || {
        let keep = sent(flow.poll(now, &mut buffer));
        let (response, _) = answer(keep, &mut buffer, 400, PENDING);
        assert!(matches!(flow.handle(now, Event::Response(response)), Ok(None)));
    });
    let Ok(Action::Display(code)) = flow.poll(now, &mut buffer) else { panic!("no code") };
    now.uptime = code.until();
    let tokens = token_response("");
    let keep = sent(flow.poll(now, &mut buffer));
    let (response, rest) = receive(keep, &mut buffer, tokens.as_str().as_bytes());
    assert!(matches!(flow.handle(now, Event::Response(response)), Err(Error::KeysNeeded)));
    let keep = flow.keys(&response).expect("a request").keep();
    let keys = receive(keep, rest, JWKS).0.keys();
    let response = response.with_keys(keys.expect("keys"));
    measure("device_tokens", &mut || {
        assert!(matches!(flow.handle(now, Event::Response(response)), Ok(Some(_))));
    });
}

fn push(measure: Measure<'_>) {
    let client = Client::new(SERVER, "public")
        .redirect_uri("http://127.0.0.1:51004/callback")
        .algorithms(&[&Credulous])
        .pushed_authorization_request();
    let mut flow = AuthorizationCode::<256>::new(&client, seed(), NOW).expect("a client");
    let mut buffer = [0; 1024];
    measure("push", &mut || {
        let keep = sent(flow.poll(NOW, &mut buffer));
        let (response, _) = answer(keep, &mut buffer, 201, PUSHED);
        assert!(matches!(flow.handle(NOW, Event::Response(response)), Ok(None)));
    });
    measure("push_authorize", &mut || {
        assert!(matches!(flow.poll(NOW, &mut buffer), Ok(Action::Authorize(_))));
    });
}

fn relay(measure: Measure<'_>) {
    let relay = Relay::new("https://relay.example", "device", "secret");
    let client = Client::new(SERVER, "public")
        .redirect_uri("https://relay.example/callback")
        .algorithms(&[&Credulous]);
    let mut flow = Relayed::<256>::new(&client, &relay, seed(), NOW).expect("a client");
    let mut buffer = [0; 2048];
    measure("relay_open", &mut || {
        let keep = sent(flow.poll(NOW, &mut buffer));
        let (response, _) = receive(keep, &mut buffer, MAILBOX);
        assert!(matches!(flow.handle(NOW, Event::Response(response)), Ok(None)));
    });
    let Ok(Action::Display(code)) = flow.poll(NOW, &mut buffer) else { panic!("no code") };
    let mut now = Now { uptime: code.until(), ..NOW };
    measure("relay_wait", &mut || {
        let keep = sent(flow.poll(now, &mut buffer));
        let (response, _) = receive(keep, &mut buffer, br#"{"status":"paired"}"#);
        assert!(matches!(flow.handle(now, Event::Response(response)), Ok(None)));
    });
    let Ok(Action::Connected(until)) = flow.poll(now, &mut buffer) else { panic!("nobody came") };
    now.uptime = until;
    measure("relay_response", &mut || {
        let keep = sent(flow.poll(now, &mut buffer));
        let (response, _) = receive(keep, &mut buffer, SEALED);
        assert!(matches!(flow.handle(now, Event::Response(response)), Ok(None)));
    });
}

/// A refresh with a proof in its request, which the server answers with a bearer token.
fn refresh_with_proof(measure: Measure<'_>, name: &str, signer: &dyn Signer) {
    let client = Client::new(SERVER, "public").algorithms(&[&Credulous]).dpop(Dpop::new(signer).prefer());
    let mut buffer = [0; 1024];
    let mut flow = RefreshToken::<64>::new(&client, TOKEN, None).expect("a token");
    measure(name, &mut || {
        let keep = sent(flow.poll(NOW, &mut buffer));
        let (response, _) = receive(keep, &mut buffer, REFRESHED);
        assert!(matches!(flow.handle(NOW, Event::Response(response)), Ok(Some(_))));
    });
}

fn client_credentials(measure: Measure<'_>) {
    let client = Client::oauth(SERVER, "machine")
        .scope(&["read"])
        .authentication(ClientAuthentication::ClientSecretBasic(Secret::new("secret")));
    let mut buffer = [0; 1024];
    measure("client_credentials", &mut || {
        let mut flow = ClientCredentials::<64>::new(&client, seed()).expect("a client");
        let keep = sent(flow.poll(NOW, &mut buffer));
        let (response, _) = receive(keep, &mut buffer, REFRESHED);
        assert!(matches!(flow.handle(NOW, Event::Response(response)), Ok(Some(_))));
    });
}

fn sign_out(measure: Measure<'_>) {
    let client = Client::oauth(SERVER, "public");
    let mut buffer = [0; 512];
    measure("sign_out", &mut || {
        let exchange = Revocation::refresh_token(&client, TOKEN);
        let keep = exchange.request(NOW, &mut buffer).expect("room").keep();
        assert_eq!(exchange.response(receive(keep, &mut buffer, b"").0), Ok(()));
        assert!(EndSession::new(&client).logout_hint("alice").url(&mut buffer).is_ok());
    });
    let client = Client::new(SERVER, "public").algorithms(&[&Credulous]);
    let mut room = [0; 1024];
    measure("all_keys", &mut || {
        let exchange = Jwks::new(&client);
        let keep = exchange.request(NOW, &mut []).expect("no room is needed").keep();
        assert!(exchange.response(receive(keep, &mut room, JWKS).0).is_ok());
    });
}

/// A server.
pub const SERVER: Metadata<'static> = Metadata::new("https://op.example")
    .authorization_endpoint("https://op.example/authorize")
    .device_authorization_endpoint("https://op.example/device")
    .end_session_endpoint("https://op.example/logout")
    .jwks_uri("https://op.example/jwks")
    .pushed_authorization_request_endpoint("https://op.example/par")
    .revocation_endpoint("https://op.example/revoke")
    .token_endpoint("https://op.example/token")
    .code_challenge_s256_supported();

const CODES: &[u8] = br#"{"device_code":"WCjA8Iw_qR1cWgqYkE1cVpYkK1BnkFqPk8rCXHgP5Zk","user_code":"WDJB-MJHT","verification_uri":"https://op.example/device","verification_uri_complete":"https://op.example/device?user_code=WDJB-MJHT","expires_in":600,"interval":5}"#;
const PENDING: &[u8] =
    br#"{"error":"authorization_pending","error_description":"The user has not entered the code yet."}"#;
const PUSHED: &[u8] =
    br#"{"request_uri":"urn:ietf:params:oauth:request_uri:6esc_11ACC5bwc014ltc14eY22c","expires_in":60}"#;
const MAILBOX: &[u8] = br#"{"user_code":"WDJB-MJHT","verification_uri":"https://relay.example/","verification_uri_complete":"https://relay.example/?t=6esc_11ACC5bwc01","expires_in":120,"interval":1}"#;
/// Sealed to the key that comes of the seed.
const SEALED: &[u8] = br#"{"response":"X9R2M7XkP8p7rRv75CT-rLF12dTUow8Wbb0wY28LRGtjeZ4d6TWwO71nXL0RGu89l6zavr5owZuPGD--B4bZcfqfrUybBY7hSD1OJqqRfD8yRou1potoBj3bLaDKdNmbX6SzbA9QfchG6LO8YsH1CSFd48ohdE3tF9vxbOrS8msuHM5PqwfTXfUEdC0ru6ecK9Cpfv1oeDcIGF6auvZL6Vhzy0WM3-EFgta4RUePuV8"}"#;
