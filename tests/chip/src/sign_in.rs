//! A cold sign-in step by step, with a verifier that takes every signature: the core's own work.

use keyfob_core::{
    client::Client,
    error::Error,
    exchange::{Discovery, Exchange, UserInfo},
    flow::{Action, AuthorizationCode, Event, Flow, Redirect, RefreshToken},
    metadata::Metadata,
};

use crate::{
    Measure,
    peer::{Credulous, JWKS, NOW, REFRESHED, TOKEN, receive, seed, sent, token_response},
    text::Text,
};

/// Measures each step of a sign-in, then a refresh and UserInfo.
pub fn measure(measure: Measure<'_>) {
    let mut server = [0; 2048];
    let mut metadata = None;
    let discovery = Discovery::new("https://op.example").expect("an issuer");
    let mut room = Some(&mut server);
    measure("discovery", &mut || {
        let Some(server) = room.take() else { return };
        let keep = discovery.request(NOW, server).expect("room").keep();
        metadata = discovery.response(receive(keep, server, DISCOVERY).0).ok();
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
        let (response, rest) = receive(keep, buffer, tokens.as_str().as_bytes());
        assert!(matches!(flow.handle(NOW, Event::Response(response)), Err(Error::KeysNeeded)));
        answer = Some((response, Some(rest)));
    });
    let (response, mut rest) = answer.expect("an answer");
    let mut keys = None;
    measure("keys", &mut || {
        let Some(rest) = rest.take() else { return };
        let keep = flow.keys(&response).expect("a request").keep();
        keys = receive(keep, rest, JWKS).0.keys().ok();
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
        let (response, _) = receive(keep, &mut buffer, REFRESHED);
        assert!(matches!(flow.handle(NOW, Event::Response(response)), Ok(Some(_))));
    });
}

fn user_info(measure: Measure<'_>, client: &Client<'_>) {
    let mut buffer = [0; 512];
    measure("userinfo", &mut || {
        let exchange = UserInfo::new(client, TOKEN, "alice");
        let keep = exchange.request(NOW, &mut buffer).expect("room").keep();
        let claims = exchange.response(receive(keep, &mut buffer, CLAIMS).0);
        assert_eq!(claims.ok().and_then(|claims| claims.boolean("email_verified")), Some(true));
    });
}

fn client(metadata: Metadata<'_>) -> Client<'_> {
    Client::new(metadata, "public").redirect_uri("http://127.0.0.1:51004/callback").algorithms(&[&Credulous])
}

/// The redirect and the token response that fit the flow.
fn answers(flow: &dyn Flow, buffer: &mut [u8]) -> (Text<256>, Text<2048>) {
    let Ok(Action::Authorize(url)) = flow.poll(NOW, buffer) else { panic!("no URL") };
    let parameter =
        |name: &str| url.split(name).nth(1).and_then(|rest| rest.split('&').next()).expect("a parameter");
    let (state, nonce) = (parameter("state="), parameter("nonce="));
    let mut redirect = Text::new();
    redirect.push(&["/callback?code=", TOKEN, "&iss=https%3A%2F%2Fop.example&state=", state]);
    let tokens = token_response(nonce);
    (redirect, tokens)
}

const DISCOVERY: &[u8] = include_bytes!("../../benches/discovery.json");
const CLAIMS: &[u8] =
    br#"{"sub":"alice","name":"Alice \u00e4","email":"alice@example.com","email_verified":true}"#;
