//! What the relay hands over passes every check of a redirect.

use keyfob_core::{
    client::{Client, ResponseMode},
    flow::{Action, Flow, Relayed},
};
use keyfob_tests::{
    answer::Answer,
    keys::base64url,
    relay::{RELAY, mailbox, seal},
    stations::ENOUGH,
};
use serde_json::{Value, json};

use crate::tables::{
    CLIENT_ID, Case, NOW, SERVER, Tally, cases,
    outcome::{self, Step},
    parameter, seed, sent,
};

const TABLE: &str = include_str!("../spec/cases-redirect.json");
const CALLBACK: &str = "https://relay.example/r1/callback";

// REQ: RELAY-03
#[test]
fn every_response_has_the_same_outcome_by_way_of_the_relay() {
    let all = cases(TABLE);
    // The relay is at the callback: a browser that went elsewhere never came to it.
    let (elsewhere, there): (Vec<_>, Vec<_>) = all.into_iter().partition(|case| {
        let own_query = case.context_text("redirect_uri").contains('?');
        // And its room is for the whole response, not for a code alone.
        let too_long = case.expected()["err"] == "InputTooLarge";
        own_query || too_long || case.expected()["err"] == "RedirectUriMismatch"
    });
    assert!(there.len() > 80, "{} cases, without {}", there.len(), elsewhere.len());
    Tally::all("cases-redirect by relay", &there, &[], |case, tally| {
        let mut expected = case.expected();
        expected.as_object_mut().expect("an outcome").remove("iss");
        tally.compare(case, "", &run(case), &expected);
    });
}

fn run(case: &Case) -> Value {
    let announced = case.context("iss_supported") == true;
    let server = SERVER.authorization_response_iss_parameter_supported(announced);
    let client = Client::new(server, CLIENT_ID).redirect_uri(CALLBACK);
    let client = match case.context_text("response_mode") {
        "form_post" => client.response_mode(ResponseMode::FormPost),
        _ => client,
    };
    let mut flow = Relayed::<4096>::new(&client, &RELAY, seed(), NOW).expect("a good client");
    let request = sent(&flow).body;
    let state =
        parameter(&parameter(&request, "authorization_url").expect("a URL"), "state").expect("a state");
    let key = parameter(&request, "public_key").expect("a key");
    let mut public_key = [0; 32];
    base64ct(&key, &mut public_key);
    hear(&mut flow, &json!({ "user_code": "A", "verification_uri": "https://r.example", "expires_in": 60, "interval": 1 }))
        .expect("the codes are right");
    let input = with_state(case.text("input"), case.context_text("state"), &state);
    let text = match case.text("kind") {
        "form" => format!("f{input}"),
        _ => {
            let behind = input.find(['?', '#']).map_or("", |place| &input[place..]);
            format!("q{}", behind.strip_prefix('?').unwrap_or(behind))
        }
    };
    let mailbox = mailbox(&state);
    let sealed = seal(&public_key, "keyfob relay 1", &mailbox, text.as_bytes(), &[9; 32]);
    let until = keyfob_tests::clock::later(1100);
    assert!(matches!(flow.poll(until, &mut [0; ENOUGH]), Ok(Action::Send(_))));
    match hear(&mut flow, &json!({ "response": base64url(sealed) })) {
        Ok(()) => json!({ "code": parameter(&sent(&flow).body, "code") }),
        Err(error) => {
            let outcome = outcome::of(error, Step::Redirect, flow.refusal());
            let waits = matches!(flow.poll(NOW, &mut [0; ENOUGH]), Ok(Action::Connected(_)));
            assert_eq!(waits, outcome["err"] != "AuthorizationError", "{}", case.id);
            outcome
        }
    }
}

/// Hands in an answer to the request that is due a while from now.
fn hear(flow: &mut impl Flow, body: &Value) -> Result<(), keyfob_core::error::Error> {
    let mut buffer = [0; ENOUGH];
    let later = keyfob_core::time::Now { uptime: NOW.uptime + 1100, ..NOW };
    let keep = match flow.poll(later, &mut [0; ENOUGH]) {
        Ok(Action::Send(request)) => request.keep(),
        other => panic!("no request: {other:?}"),
    };
    let (response, _) = Answer::json(200, body).read(keep, &mut buffer);
    flow.handle(NOW, keyfob_core::flow::Event::Response(response)).map(|tokens| assert!(tokens.is_none()))
}

fn base64ct(text: &str, out: &mut [u8]) {
    use base64ct::{Base64UrlUnpadded, Encoding};
    Base64UrlUnpadded::decode(text, out).expect("base64url");
}

/// The case's input for a flow with another `state`.
fn with_state(input: &str, theirs: &str, ours: &str) -> String {
    let other = |letter: char| {
        if letter.is_lowercase() { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() }
    };
    let changes: [&dyn Fn(&str) -> String; 3] =
        [&str::to_string, &|text| text.chars().map(other).collect(), &|text| text[..text.len() - 1].into()];
    changes.iter().fold(input.to_string(), |input, change| input.replace(&change(theirs), &change(ours)))
}
