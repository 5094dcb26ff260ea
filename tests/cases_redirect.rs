//! The authorization responses of `spec/cases-redirect.json`, each given to a flow that waits for one.
//!
//! `state` comes from the flow's seed, so the text that stands for it in a case is replaced by the real one, and
//! what the case does to it (another letter behind, cut short, other case) is done to the real one.

mod tables;

use keyfob_core::client::Client;
use keyfob_core::client::ResponseMode;
use keyfob_core::flow::{AuthorizationCode, Event, Flow, Redirect};
use serde_json::{Value, json};

use crate::tables::outcome::{self, Step};
use crate::tables::{CLIENT_ID, Case, NOW, SERVER, Tally, authorization_url, cases, parameter, seed, sent};

const TABLE: &str = include_str!("spec/cases-redirect.json");

/// Room for the code; `code_max` of all cases.
const ROOM: usize = 2048;

// REQ: REDIR-01, REDIR-02, REDIR-03, REDIR-04, REDIR-05, REDIR-06, REDIR-07, REDIR-08, REDIR-10, REDIR-11
// REQ: REDIR-12, REDIR-13, REDIR-14, REDIR-15, REDIR-16, REDIR-17, REDIR-18, REDIR-20, ENC-03, ENC-04, ENC-06
#[test]
fn every_response_has_its_one_outcome() {
    Tally::all("cases-redirect", &cases(TABLE), &[], |case, tally| {
        let mut expected = case.expected();
        // It has been compared, and is not told again: it is the issuer that was asked.
        if let Some(issuer) = expected.as_object_mut().expect("an outcome").remove("iss") {
            assert_eq!(issuer, *case.context("issuer"), "{}", case.id);
        }
        tally.compare(case, "", &run(case), &expected);
    });
}

fn run(case: &Case) -> Value {
    assert_eq!(
        (case.context("code_max"), case.context("iss_policy")),
        (&json!(ROOM), &json!("check_if_present"))
    );
    let announced = case.context("iss_supported") == true;
    assert_eq!(case.context("issuer"), SERVER.issuer());
    let server = SERVER.authorization_response_iss_parameter_supported(announced);
    let client = Client::new(server, CLIENT_ID).redirect_uri(case.context_text("redirect_uri"));
    let client = match case.context_text("response_mode") {
        "query" => client,
        "form_post" => client.response_mode(ResponseMode::FormPost),
        mode => panic!("{mode}"),
    };
    let mut flow = AuthorizationCode::<ROOM>::new(&client, seed(), NOW).expect("a good client");
    let state = parameter(&authorization_url(&flow), "state").expect("a state");
    let input = with_state(case.text("input"), case.context_text("state"), &state);
    let redirect = match case.text("kind") {
        "url" | "target" => Redirect::Url(&input),
        "form" => Redirect::Form(&input),
        kind => panic!("{kind}"),
    };
    match flow.handle(NOW, Event::Redirect(redirect)) {
        Ok(None) => json!({ "code": parameter(&sent(&flow).body, "code") }),
        Ok(Some(_)) => panic!("{}: tokens without a token response", case.id),
        Err(error) => outcome::of(error, Step::Redirect, flow.refusal()),
    }
}

/// The case's input for a flow with another `state`.
fn with_state(input: &str, theirs: &str, ours: &str) -> String {
    let mut input = input.to_string();
    for change in [str::to_string, other_case, cut_short] {
        input = input.replace(&change(theirs), &change(ours));
    }
    let left = input.to_lowercase().contains(&theirs.to_lowercase()[..6]);
    assert!(!left, "what {input} does to the state is not known here");
    input
}

fn other_case(text: &str) -> String {
    let other = |letter: char| {
        if letter.is_lowercase() { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() }
    };
    text.chars().map(other).collect()
}

fn cut_short(text: &str) -> String {
    text[..text.len() - 1].into()
}
