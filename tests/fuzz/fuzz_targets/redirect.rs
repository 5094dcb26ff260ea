//! The response with which the user agent comes back.

#![no_main]

use keyfob_core::{
    client::{Client, ResponseMode},
    error::Error,
    flow::{Action, AuthorizationCode, Event, Flow, Redirect},
    metadata::Metadata,
    secret::Seed,
    time::Now,
};
use libfuzzer_sys::fuzz_target;

const SERVER: Metadata<'static> = Metadata::new("https://op.example.com")
    .authorization_endpoint("https://op.example.com/authorize")
    .token_endpoint("https://op.example.com/token");
const QUERY: Client<'static> = Client::oauth(SERVER, "client").redirect_uri("https://kiosk.example/cb");
const FORM: Client<'static> = QUERY.response_mode(ResponseMode::FormPost);

/// The `state` of the case files.
const PLACEHOLDER: &str = "c3RhdGUtMDEyMzQ1Njc4OWFiY2RlZg";

fuzz_target!(|data: &[u8]| {
    let Ok(input) = core::str::from_utf8(data) else { return };
    check(&QUERY, input, |input| Redirect::Url(input));
    check(&FORM, input, |input| Redirect::Form(input));
});

fn check(client: &Client<'_>, input: &str, kind: fn(&str) -> Redirect<'_>) {
    let now = Now::unknown(0);
    let seed = Seed::new(core::array::from_fn(|place| place as u8)).expect("a seed");
    let mut flow = AuthorizationCode::<256>::new(client, seed, now).expect("a client");
    let mut room = [0; 4096];
    let Ok(Action::Authorize(url)) = flow.poll(now, &mut room) else { panic!("no URL") };
    let state =
        url.split("state=").nth(1).and_then(|rest| rest.split('&').next()).expect("a state").to_string();
    let url = url.to_string();
    let input = input.replace(PLACEHOLDER, &state);
    match flow.handle(now, Event::Redirect(kind(&input))) {
        Ok(tokens) => {
            assert!(tokens.is_none(), "a redirect brings no tokens");
            assert!(input.contains(&state), "a response without our state was taken");
            let Ok(Action::Send(request)) = flow.poll(now, &mut room) else { panic!("no request") };
            assert!(request.body().starts_with(b"grant_type=authorization_code&code="));
        }
        Err(Error::Refused(_)) => {
            let refusal = flow.refusal().expect("the reason of a refusal");
            let text = [refusal.code(), refusal.description(), refusal.uri()].concat();
            assert!(text.bytes().all(|octet| matches!(octet, 0x20..=0x7E)), "a refusal is printable");
        }
        Err(_) => match flow.poll(now, &mut room) {
            Ok(Action::Authorize(again)) => assert_eq!(again, url, "an error changes nothing"),
            other => panic!("the flow has moved on: {other:?}"),
        },
    }
}
