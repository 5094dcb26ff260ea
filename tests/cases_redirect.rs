//! The authorization responses of `spec/cases-redirect.json`, each given to a flow that waits for one.
//!
//! `state` comes from the flow's seed, so the text that stands for it in a case is replaced by the real one, and
//! what the case does to it (another letter behind, cut short, other case) is done to the real one.

mod tables;

use std::time::{Duration, Instant};

use keyfob_core::client::{Client, ResponseMode};
use keyfob_core::error::{Error, ErrorCode, Name};
use keyfob_core::flow::{Action, AuthorizationCode, Event, Flow, Redirect};
use serde_json::{Value, json};

use crate::tables::outcome::{self, Step};
use crate::tables::{
    Answer, CLIENT, CLIENT_ID, Case, Cut, ISSUER, NOW, REDIRECT_URI, SERVER, Tally, at_authorize,
    authorization_url, cases, keep, parameter, seed, sent,
};

const TABLE: &str = include_str!("spec/cases-redirect.json");

/// Room for the code; `code_max` of all cases.
const ROOM: usize = 2048;

// REQ: REDIR-01, REDIR-02, REDIR-03, REDIR-04, REDIR-05, REDIR-06, REDIR-07, REDIR-08, REDIR-10, REDIR-11
// REQ: REDIR-12, REDIR-13, REDIR-14, REDIR-15, REDIR-16, REDIR-17, REDIR-18, REDIR-20, ENC-03, ENC-04, ENC-06
// REQ: PAR-06
#[test]
fn every_response_has_its_one_outcome() {
    Tally::all("cases-redirect", &cases(TABLE), &[], |case, tally| {
        let mut expected = case.expected();
        // It has been compared, and is not told again: it is the issuer that was asked.
        if let Some(issuer) = expected.as_object_mut().expect("an outcome").remove("iss") {
            assert_eq!(issuer, *case.context("issuer"), "{}", case.id);
        }
        tally.compare(case, "", &run(case, false), &expected);
        tally.compare(case, " when it was pushed", &run(case, true), &expected);
    });
}

/// The room is for the code that a server chooses; what it says instead of one is told without it.
// REQ: REDIR-17, ERR-05
#[test]
fn refusals_are_told_apart_without_room() {
    let refused: Vec<_> =
        cases(TABLE).into_iter().filter(|case| case.expected()["err"] == "AuthorizationError").collect();
    assert_eq!(refused.len(), 18);
    Tally::all("cases-redirect without room", &refused, &[], |case, tally| {
        let client = client(case);
        let mut flow = AuthorizationCode::<0>::new(&client, seed(), NOW).expect("a good client");
        let input = input(case, &flow);
        let error =
            flow.handle(NOW, Event::Redirect(redirect(case, &input))).map(|_| ()).expect_err("a refusal");
        let told = outcome::of(error, Step::Redirect, None);
        let expected = match case.expected()["arg"].take() {
            code if code == "vendor_thing" => json!("other"),
            code => code,
        };
        tally.compare(case, "", &told, &json!({ "err": "AuthorizationError", "arg": expected }));
    });
}

/// What comes of a response with these parameters.
fn respond(parameters: &str) -> (Result<(), Error>, AuthorizationCode<'static>) {
    static KIOSK: Client<'static> = CLIENT;
    let mut flow = at_authorize(&KIOSK);
    let state = parameter(&authorization_url(&flow), "state").expect("a state");
    let response = format!("{REDIRECT_URI}?state={state}&{parameters}");
    let handled = flow.handle(NOW, Event::Redirect(Redirect::Url(&response))).map(|_| ());
    (handled, flow)
}

// REQ: REDIR-17, REDIR-18
#[test]
fn what_the_server_writes_is_bounded() {
    for length in [1, 127, 128, 129, 4096] {
        let text = "x".repeat(length);
        let (handled, flow) = respond(&format!("error={text}&error_description={text}&error_uri={text}"));
        assert_eq!(handled, Err(Error::Refused(ErrorCode::Other)));
        let refusal = flow.refusal().expect("a refusal");
        assert_eq!(refusal.code(), text.get(..64).unwrap_or(&text));
        assert_eq!(refusal.description(), text.get(..128).unwrap_or(&text));
        assert_eq!(refusal.uri(), text.get(..128).unwrap_or(&text));
        assert_eq!(refusal.is_cut(), length >= 128, "{length}");
    }
}

// REQ: REDIR-23
#[test]
fn a_response_is_bounded_and_read_in_one_pass() {
    let (handled, flow) = respond(&"&a=b".repeat(16 * 1024));
    assert_eq!(handled, Err(Error::InputTooLarge(Name::Url)));
    assert!(waits(&flow));
    for piece in ["&a=b", "&", "&%61=%62", "&co%64f=%", "a", "%61", "&error_description=%"] {
        let time = |length: usize| {
            let parameters = piece.repeat(length / piece.len());
            let took = || {
                let begin = Instant::now();
                respond(&parameters).0.expect_err("no code");
                begin.elapsed()
            };
            (0..5).map(|_| took()).min().unwrap_or(Duration::MAX)
        };
        let (short, long) = (time(500), time(16_000));
        assert!(long < short * (32 * 8), "{piece}: {short:?} and {long:?}");
    }
}

fn run(case: &Case, pushed: bool) -> Value {
    assert_eq!(case.context("code_max"), ROOM);
    let client = if pushed { client(case).pushed_authorization_request() } else { client(case) };
    let mut flow = AuthorizationCode::<ROOM>::new(&client, seed(), NOW).expect("a good client");
    let request = if pushed { push(&mut flow) } else { authorization_url(&flow) };
    let state = parameter(&request, "state").expect("a state");
    let input = with_state(case.text("input"), case.context_text("state"), &state);
    match flow.handle(NOW, Event::Redirect(redirect(case, &input))) {
        Ok(None) => json!({ "code": parameter(&sent(&flow).body, "code") }),
        Ok(Some(_)) => panic!("{}: tokens without a token response", case.id),
        Err(error) => {
            let outcome = outcome::of(error, Step::Redirect, flow.refusal());
            // Whoever sent that, the flow waits on; only the server's refusal ends it.
            assert_eq!(waits(&flow), outcome["err"] != "AuthorizationError", "{}", case.id);
            outcome
        }
    }
}

/// Pushes the request, and gives its body.
fn push(flow: &mut impl Flow) -> String {
    let body = sent(flow).body;
    let answer = Answer { status: 201, ..Answer::json(br#"{"request_uri":"urn:x","expires_in":60}"#) };
    let mut buffer = [0; 64];
    let (response, _) = answer.read(keep(flow), Cut::Whole, &mut buffer);
    assert!(matches!(flow.handle(NOW, Event::Response(response)), Ok(None)));
    body
}

fn client(case: &Case) -> Client<'_> {
    assert_eq!(
        (case.context("issuer"), case.context("iss_policy")),
        (&json!(ISSUER), &json!("check_if_present"))
    );
    let announced = case.context("iss_supported") == true;
    let server = SERVER
        .authorization_response_iss_parameter_supported(announced)
        .pushed_authorization_request_endpoint("https://op.example.com/par");
    let client = Client::new(server, CLIENT_ID).redirect_uri(case.context_text("redirect_uri"));
    match case.context_text("response_mode") {
        "query" => client,
        "form_post" => client.response_mode(ResponseMode::FormPost),
        mode => panic!("{mode}"),
    }
}

fn redirect<'a>(case: &Case, input: &'a str) -> Redirect<'a> {
    match case.text("kind") {
        "url" | "target" => Redirect::Url(input),
        "form" => Redirect::Form(input),
        kind => panic!("{kind}"),
    }
}

fn waits(flow: &impl Flow) -> bool {
    matches!(flow.poll(NOW, &mut [0; 4096]), Ok(Action::Authorize(_)))
}

/// The case's input, for this flow.
fn input(case: &Case, flow: &impl Flow) -> String {
    let state = parameter(&authorization_url(flow), "state").expect("a state");
    with_state(case.text("input"), case.context_text("state"), &state)
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
