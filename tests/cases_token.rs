//! The token responses of `spec/cases-token.json`, each given to a flow that has sent its code.

mod tables;

use keyfob_core::client::Client;
use keyfob_core::dpop::Dpop;
use keyfob_core::flow::RefreshToken;
use keyfob_core::token::MAX_TOKEN;
use keyfob_tests::proofs::HOLDER;
use serde_json::{Value, json};

use crate::tables::{
    Answer, CLIENT, Case, Cut, NOW, OAUTH_CLIENT, Tally, assert_pending, at_exchange, cases, keep, seen,
    tokens, with_tokens,
};

const TABLE: &str = include_str!("spec/cases-token.json");

/// The cases that need what is not built yet.
const PENDING: &[(&str, &str)] = &[];

#[test]
fn no_case_is_pending() {
    assert_pending(&cases(TABLE), PENDING, |_| false);
}

// REQ: TOKEN-18, DPOP-07
// REQ: TOKEN-05, TOKEN-06, TOKEN-07, TOKEN-08, TOKEN-09, TOKEN-10, TOKEN-11, TOKEN-12, TOKEN-13, TOKEN-15
// REQ: TOKEN-16, TOKEN-23, HTTP-06, HTTP-08, HTTP-09, HTTP-11, HTTP-12, ERR-04
// REQ: JSON-01, JSON-02, JSON-03, JSON-05, JSON-06, JSON-07, JSON-08, JSON-10, JSON-11, JSON-14, JSON-15, JSON-17
#[test]
fn every_answer_has_its_one_outcome() {
    Tally::all("cases-token", &cases(TABLE), PENDING, |case, tally| {
        tally.compare(case, "", &run(case, Cut::Whole), &expected(case));
    });
}

// REQ: JSON-18, QA-06
#[test]
fn every_answer_in_pieces_is_the_same() {
    Tally::all("cases-token in pieces", &cases(TABLE), PENDING, |case, tally| {
        let body = body(case);
        let (answer, mut buffer) = (answer(case, &body), vec![0; 20 * 1024]);
        // In a refresh, which needs no seed: these are many.
        let client = client(case);
        let mut run = |cut| {
            let mut flow = RefreshToken::<256>::new(&client, "RT", None).expect("a good client");
            with_tokens(&mut flow, NOW, &answer, b"", cut, &mut buffer, seen)
        };
        let whole = run(Cut::Whole);
        for cut in answer.cuts() {
            tally.compare(case, &format!(" {cut:?}"), &run(cut), &whole);
        }
    });
}

/// A page that wants one to sign in to the network is told from other faults.
// REQ: HTTP-10
#[test]
fn a_captive_portal_is_told() {
    for case in cases(TABLE) {
        let body = body(&case);
        let flow = RefreshToken::<8>::new(&OAUTH_CLIENT, "RT", None).expect("a good client");
        let mut buffer = vec![0; 20 * 1024];
        let (response, _) = answer(&case, &body).read(keep(&flow), Cut::Whole, &mut buffer);
        let page = (case.member("status"), case.text("content_type")) == (&json!(200), "text/html");
        assert_eq!(response.is_captive_portal(), page, "{}", case.id);
    }
}

fn run(case: &Case, cut: Cut) -> Value {
    assert_eq!(case.context("max_token"), MAX_TOKEN);
    let client = client(case);
    tokens(&mut at_exchange(&client, "abc"), NOW, &answer(case, &body(case)), b"", cut)
}

fn client(case: &Case) -> Client<'static> {
    let client = if case.context("openid") == true { CLIENT } else { OAUTH_CLIENT };
    match case.context("dpop").as_str() {
        Some("prefer") => client.dpop(Dpop::new(&*HOLDER).prefer()),
        Some("require") => client.dpop(Dpop::new(&*HOLDER)),
        _ => client,
    }
}

fn expected(case: &Case) -> Value {
    let mut expected = case.expected();
    // Where nobody signs in, an ID token is not given out (CFG-07).
    if case.context("openid") == false && expected["ok"]["id_token"].is_string() {
        expected["ok"]["id_token"] = json!(null);
    }
    expected
}

fn body(case: &Case) -> Vec<u8> {
    match case.member("body_hex").as_str() {
        Some(hex) => hex.as_bytes().chunks(2).map(octet).collect(),
        None => case.text("body").into(),
    }
}

fn octet(digits: &[u8]) -> u8 {
    u8::from_str_radix(str::from_utf8(digits).expect("digits"), 16).expect("hexadecimal")
}

fn answer<'a>(case: &'a Case, body: &'a [u8]) -> Answer<'a> {
    Answer {
        status: case
            .member("status")
            .as_u64()
            .and_then(|status| u16::try_from(status).ok())
            .expect("a status"),
        content_type: case.text("content_type"),
        body,
        limit: case.context("max_body").as_u64().expect("a number") as usize,
    }
}
