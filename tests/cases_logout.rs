//! The logout tokens of `spec/cases-logout.json`, with keys from a key set that is asked for, and the memory of those
//! that came before.

mod tables;

use keyfob_core::{
    client::Client,
    error::{Check, Error, Name},
    jws::{Es256, Rs256, Verifier},
    logout_token::{LogoutToken, Replays},
    time::{Now, UnixTime},
};
use serde_json::{Value, json};

use crate::tables::{
    Answer, CLIENT_ID, Case, Cut, NOW, SERVER, Tally, cases, jose,
    outcome::{self, Step},
};

const TABLE: &str = include_str!("spec/cases-logout.json");

/// The table also allows EdDSA, which no case uses: it must not let anything pass.
const BUILT: &[&dyn Verifier] = &[&Rs256, &Es256];

const CLIENT: Client<'static> = Client::new(SERVER, CLIENT_ID).algorithms(BUILT);

/// The key set `mixed`, whose tokens these are.
fn mixed() -> Value {
    let table: Value =
        serde_json::from_str(include_str!("spec/cases-idtoken.json")).expect("a table is JSON");
    table["jwks"]["mixed"].clone()
}

/// Fetches the keys that a token asks for, and checks it with them.
fn verified<T>(
    client: &Client<'_>,
    token: &str,
    now: Now,
    look: impl FnOnce(LogoutToken<'_>) -> T,
) -> Result<T, Error> {
    match LogoutToken::verify(client, token, None, now) {
        Err(Error::KeysNeeded) => {}
        outcome => return outcome.map(look),
    }
    let request = LogoutToken::keys(client, token).expect("keys are needed");
    assert_eq!(request.url(), "https://op.example.com/jwks");
    let (body, mut buffer) = (mixed().to_string(), vec![0; 8192]);
    let (response, _) = Answer::json(body.as_bytes()).read(request.keep(), Cut::Whole, &mut buffer);
    LogoutToken::verify(client, token, Some(response.keys()?), now).map(look)
}

fn seen(client: &Client<'_>, token: &str) -> Value {
    match verified(client, token, NOW, |_| ()) {
        Ok(()) => json!("ok"),
        Err(error) => outcome::of(error, Step::Token, None),
    }
}

fn all() -> Vec<Case> {
    cases(TABLE)
}

// REQ: LOGOUT-10
#[test]
fn every_token_has_its_one_outcome() {
    let cases = all();
    assert_eq!(cases.len(), 23);
    Tally::all("cases-logout", &cases, &[], |case, tally| {
        assert_eq!(case.context_text("client_id"), CLIENT_ID);
        tally.compare(case, "", &seen(&CLIENT, case.text("token")), &case.expected());
    });
}

#[test]
fn cases_that_the_table_lacks() {
    let event = "http://schemas.openid.net/event/backchannel-logout";
    let good = || {
        json!({
            "iss": "https://op.example.com", "aud": CLIENT_ID, "sub": "248289761001", "iat": 1_759_999_995u64,
            "exp": 1_760_000_115u64, "jti": "bWJq", "events": { event: {} },
        })
    };
    let changes: [(&str, Value, Value); 12] = [
        ("jti", json!(1), json!({ "err": "ClaimType", "arg": "jti" })),
        ("jti", json!("j".repeat(257)), json!({ "err": "InputTooLarge", "arg": "jti" })),
        ("sid", json!(7), json!({ "err": "ClaimType", "arg": "sid" })),
        ("sub", json!(null), json!({ "err": "ClaimType", "arg": "sub" })),
        ("sub", json!(""), json!({ "err": "ClaimRange", "arg": "sub" })),
        ("aud", json!([CLIENT_ID, "other"]), json!({ "err": "UntrustedAudience" })),
        ("aud", json!([CLIENT_ID]), json!("ok")),
        ("iat", json!(1_760_000_061u64), json!({ "err": "IssuedInFuture" })),
        ("nonce", json!(null), json!({ "err": "UnexpectedClaim", "arg": "nonce" })),
        ("events", json!({ "urn:other": event }), json!({ "err": "ClaimMissing", "arg": "events" })),
        ("events", json!({ "urn:other": { event: {} } }), json!({ "err": "ClaimMissing", "arg": "events" })),
        ("events", json!({ event: [{}] }), json!({ "err": "ClaimType", "arg": "events" })),
    ];
    for (name, value, expected) in changes {
        let mut payload = good();
        payload[name] = value;
        let token =
            jose::token("ec1", r#"{"alg":"ES256","kid":"ec1","typ":"logout+jwt"}"#, payload.to_string());
        assert_eq!(seen(&CLIENT, &token), expected, "{payload}");
    }
    let unknown = Now::unknown(0);
    let token = jose::token("ec1", r#"{"alg":"ES256","kid":"ec1"}"#, good().to_string());
    assert_eq!(verified(&CLIENT, &token, unknown, |_| ()), Err(Check::ClockNotSet.into()));
    let only_rs256 = CLIENT.algorithms(&[&Rs256]);
    assert_eq!(seen(&only_rs256, &token), json!({ "err": "AlgNotAllowed" }));
}

// REQ: LOGOUT-11
#[test]
fn a_token_counts_once() {
    let plain = all().remove(0);
    let token = plain.text("token");
    let at = |seconds| Now::known(0, UnixTime::from_seconds(seconds));
    let mut replays = Replays::<2>::new();
    let mut note = |token: &str, now| {
        verified(&CLIENT, token, now, |token| replays.note(&token, now)).and_then(|noted| noted)
    };
    assert_eq!(note(token, NOW), Ok(()));
    assert_eq!(note(token, NOW), Err(Check::Replayed.into()));
    assert_eq!(note(token, at(1_760_000_174)), Err(Check::Replayed.into()), "as long as it passes");
    assert_eq!(note(token, at(1_760_000_175)), Err(Check::Expired.into()));
    // Others do not push it out before it expires.
    let other = |jti: &str, expires: u64| {
        let payload = json!({
            "iss": "https://op.example.com", "aud": CLIENT_ID, "sid": "s", "iat": 1_759_999_995u64, "exp": expires,
            "jti": jti, "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        });
        jose::token("ec1", r#"{"alg":"ES256","kid":"ec1"}"#, payload.to_string())
    };
    for number in 0..5u64 {
        assert_eq!(note(&other(&number.to_string(), 1_760_000_010 + number), NOW), Ok(()));
    }
    assert_eq!(note(token, NOW), Err(Check::Replayed.into()));
}

#[test]
fn what_it_says() {
    let cases = all();
    let said = |place: usize| {
        verified(&CLIENT, cases[place].text("token"), NOW, |token| {
            let (mut sub, mut sid) = ([0; 64], [0; 64]);
            let text = |text: Option<&str>| text.map(str::to_owned);
            let shown = format!("{token:?}");
            assert_eq!(shown, "LogoutToken(…)");
            (text(token.subject(&mut sub).expect("room")), text(token.session_id(&mut sid).expect("room")))
        })
        .expect("it is good")
    };
    let (sub, sid) = (Some("248289761001".to_owned()), Some("08a5019c".to_owned()));
    assert_eq!((said(0), said(3), said(4)), ((sub.clone(), sid.clone()), (sub, None), (None, sid)));
    let token = cases[0].text("token");
    assert_eq!(LogoutToken::in_form(&format!("logout_token={token}")), Some(token));
    assert_eq!(LogoutToken::in_form(&format!("a=b&logout_token={token}&c")), Some(token));
    assert_eq!(LogoutToken::in_form(&format!("logout_token={token}&logout_token={token}")), None);
    assert_eq!(LogoutToken::in_form("id_token=x"), None);
    let keyless = Client::new(keyfob_core::metadata::Metadata::new("https://op.example.com"), CLIENT_ID);
    let missing = LogoutToken::keys(&keyless, token).map(|_| ());
    assert_eq!(missing, Err(Check::MissingMember(Name::JwksUri).into()));
}
