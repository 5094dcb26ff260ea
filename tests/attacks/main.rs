//! The bugs of others, class by class as in `tests/spec/attacks.txt`, and the test that each has become. What has a test
//! elsewhere is named in [`TESTS`]; what stands here was found nowhere else. And the table of threats.

#[path = "../tables/mod.rs"]
mod tables;
mod tokens;

use keyfob_core::{
    client::Client,
    end_session::EndSession,
    error::{Check, Error, ErrorCode, Name},
    exchange::{Discovery, Exchange, Jwks, Revocation, UserInfo},
    flow::{Action, AuthorizationCode, DeviceAuthorization, Flow, RefreshToken},
    http::Incoming,
    metadata::Metadata,
};
use keyfob_tests::{
    answer::Answer,
    clients::{ISSUER, KIOSK, ROBOT, SERVER},
    clock::NOW,
    form,
    keys::{FIRST, base64url},
    seeds,
    server::metadata,
    stations::{Hand, Happening, Station, Step},
};
use serde_json::{Value, json};

use crate::tokens::{compact, signed_in};

/// The class, the file, the test; a part that is not built yet has no test.
const TESTS: &[(char, &str, &str)] = &[
    ('A', "attacks/tokens.rs", "none_in_every_spelling"),
    ('A', "conformance/basic.rs", "oidcc_client_test_idtoken_sig_none"),
    ('B', "attacks/tokens.rs", "a_public_key_is_no_secret"),
    ('B', "conformance/fapi.rs", "invalid_alternate_alg"),
    ('B', "cases_id_token.rs", "a_symmetric_key_is_never_used"),
    ('C', "attacks/tokens.rs", "a_key_in_the_header_leads_nowhere"),
    ('C', "exchanges.rs", "a_token_does_not_say_where_its_keys_are"),
    ('D', "attacks/tokens.rs", "other_forms_of_tokens"),
    ('E', "attacks/tokens.rs", "every_claim_with_every_value"),
    ('E', "attacks/tokens.rs", "a_part_of_the_right_text_is_wrong"),
    ('F', "attacks/tokens.rs", "keys_that_are_none"),
    ('F', "wycheproof.rs", "es256"),
    ('G', "attacks/main.rs", "too_much_of_everything"),
    ('G', "json.rs", "time_is_linear"),
    ('G', "misbehaviour.rs", "every_trick_in_every_answer"),
    ('H', "sweep.rs", "an_answer_cut_at_every_octet_in_every_length"),
    ('H', "buffers.rs", "every_response_with_every_octet_changed"),
    ('H', "power_loss.rs", "no_snapshot_makes_a_flow_panic"),
    ('I', "authorization_code.rs", "no_number_of_wrong_states_ends_a_flow"),
    ('I', "authorization_code.rs", "flows_side_by_side_do_not_mix"),
    ('I', "relay/attacks.rs", "a_code_of_another_account_signs_nobody_in"),
    ('I', "conformance/basic.rs", "oidcc_client_test_nonce_invalid"),
    ('I', "randomness.rs", "a_source_that_fails_gives_no_seed"),
    ('J', "attacks/main.rs", "the_verifier_is_told_to_the_token_endpoint_alone"),
    ('J', "relay/attacks.rs", "what_a_relay_sees_redeems_nothing"),
    ('J', "randomness.rs", "ten_thousand_seeds_give_thirty_thousand_values"),
    ('J', "secrets.rs", "code_flows_are_wiped_at_their_end_and_on_drop"),
    ('K', "cases_redirect.rs", "every_response_has_its_one_outcome"),
    ('K', "conformance/fapi.rs", "invalid_authorization_response_iss"),
    ('K', "conformance/fapi.rs", "remove_authorization_response_iss"),
    ('L', "misbehaviour.rs", "every_trick_in_every_answer"),
    ('L', "cases_discovery.rs", "every_endpoint_is_checked_whoever_needs_it"),
    ('L', "exchanges.rs", "a_refresh_token_goes_to_its_own_server"),
    ('L', "attacks/main.rs", "secrets_go_to_https_alone"),
    ('L', "dpop.rs", "nonces_of_different_servers_never_mix"),
    ('M', "secrets.rs", "nothing_secret_is_printed"),
    ('M', "secrets.rs", "nothing_stays_in_the_memory_of_the_process"),
    ('M', "source.rs", "no_format_string_shows_a_secret"),
    ('M', "dpop.rs", "nothing_of_the_key_leaves"),
    ('N', "timing.rs", "a_wrong_state_is_as_wrong_in_its_last_octet"),
    ('N', "source.rs", "secrets_are_compared_in_constant_time"),
    ('O', "attacks/main.rs", "no_address_for_a_shell"),
    ('O', "attacks/main.rs", "nothing_for_a_shell_or_a_terminal_on_a_screen"),
    ('O', "device_authorization.rs", "the_device_code_is_never_shown"),
    ('O', "device_authorization.rs", "a_code_that_was_taken_is_never_sent_again"),
    ('O', "session_drivers.rs", "several_callers_make_one_request"),
    ('O', "authorization_code.rs", "a_denial_ends_the_flow_with_a_harmless_text"),
    ('O', "authorization_code.rs", "no_number_of_wrong_states_ends_a_flow"),
];

#[test]
fn every_class_has_tests_that_exist() {
    let lines = include_str!("../spec/attacks.txt").lines().filter(|line| !line.starts_with('#'));
    let classes: String = lines.filter_map(|line| line.chars().next()).collect();
    assert_eq!(classes, "ABCDEFGHIJKLMNO");
    for class in classes.chars() {
        assert!(TESTS.iter().any(|(tested, ..)| *tested == class), "{class} has no test");
    }
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for (class, file, test) in TESTS {
        let source = std::fs::read_to_string(folder.join(file)).expect("a test file");
        assert!(source.contains(&format!("fn {test}() {{")), "{class}: {file} has no {test}");
    }
}

/// The columns of the table of threats, a row each.
fn threats() -> Vec<[&'static str; 5]> {
    let rows = include_str!("../spec/threats.md").lines().filter(|line| line.starts_with("| "));
    let cells = |line: &'static str| -> Vec<_> { line.trim_matches('|').split('|').map(str::trim).collect() };
    rows.filter(|line| !line.starts_with("| ---"))
        .skip(1)
        .map(|line| cells(line).try_into().expect("five columns"))
        .collect()
}

/// No cell is empty, and each requirement of a row is named by a test in one of its files.
// REQ: QA-13, SECRET-13
#[test]
fn threats_have_requirements_and_tests() {
    let known: Value = serde_json::from_str(include_str!("../spec/requirements.json")).expect("JSON");
    let known = known.to_string();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for [who, wants, stopped_by, requirements, tests] in threats() {
        assert!(!who.is_empty() && !wants.is_empty() && !stopped_by.is_empty(), "{who}");
        let read = |file: &str| std::fs::read_to_string(folder.join(file)).expect("a test file");
        let sources: String = tests.split(", ").map(read).collect();
        for requirement in requirements.split(", ") {
            assert!(known.contains(&format!("\"id\":\"{requirement}\"")), "{who}: {requirement}");
            let named = |line: &str| {
                let names = line.trim_start().strip_prefix("// REQ: ").unwrap_or_default();
                names.split(", ").any(|name| name == requirement)
            };
            assert!(sources.lines().any(named), "{who}: no test in {tests} names {requirement}");
        }
    }
    assert!(threats().len() > 15);
    for word in ["core dump", "debug port"] {
        assert!(include_str!("../spec/threats.md").contains(word), "{word}");
    }
}

/// G: CVE-2025-22868, CVE-2025-30204 (dots), CVE-2023-6681 and their like.
// REQ: JSON-16, JWKS-16, QA-05
#[test]
fn too_much_of_everything() {
    let long = |token: String| signed_in(&move |_| token.clone());
    let too_long = |told: Result<bool, Error>| {
        matches!(told, Err(Error::InputTooLarge(Name::IdToken) | Error::BufferTooSmall { .. }))
    };
    assert!(too_long(long(".".repeat(400_000))));
    assert!(too_long(long("a".repeat(8193))));
    assert_eq!(long(".".repeat(8192)), Err(Check::JwtFormat.into()));
    let header = |kid: usize| json!({ "alg": "ES256", "kid": "k".repeat(kid) });
    let told = signed_in(&|draft| compact(&header(3000), &draft.claims, [1; 64]));
    assert_eq!(told, Err(Error::InputTooLarge(Name::IdToken)));
    let deep = format!("{{\"alg\":{}", "[".repeat(300));
    let told = long(format!("{}.e30.AAAA", base64url(deep)));
    assert_eq!(told, Err(Check::JsonDepth.into()));
    let digits = format!("{{\"exp\":{}}}", "9".repeat(4000));
    let told = signed_in(&|draft| {
        let signed = format!("{}.{}", base64url(draft.header.to_string()), base64url(&digits));
        format!("{signed}.{}", base64url(FIRST.sign(signed.as_bytes())))
    });
    assert_eq!(told, Err(Check::ClaimMissing(Name::Iss).into()));
    // A million keys, and a limit that lets them through: eight are kept.
    let jwks = Jwks::new(&KIOSK);
    let keep = jwks.request(NOW, &mut []).expect("no buffer").keep();
    let mut buffer = [0; 2048];
    let mut incoming = Incoming::new(keep, &mut buffer).limit(usize::MAX);
    incoming.status(200);
    incoming.header("Content-Type", b"application/json");
    let crowd = b"{\"kty\":\"x\"},".repeat(1000);
    assert!(incoming.body(b"{\"keys\":["));
    (0..1000).for_each(|_| assert!(incoming.body(&crowd)));
    let nine: Vec<_> = (1..=9).map(|octet| keyfob_tests::keys::TestKey { kid: None, octet }.jwk()).collect();
    let nine = serde_json::to_string(&nine).expect("JSON");
    assert!(incoming.body(format!("{}]}}", &nine[1..nine.len() - 1]).as_bytes()));
    assert_eq!(incoming.finish().0.keys().map(|keys| keys.len()), Ok(8));
}

/// J: CVE-2020-7692, CVE-2023-50714, CVE-2026-34511 (a verifier that is the state) and their like.
// REQ: PKCE-03, PKCE-04
#[test]
fn the_verifier_is_told_to_the_token_endpoint_alone() {
    let station = Station::code(&KIOSK, Step::Authorize);
    let url = station.hand.url(&*station.flow);
    let exchange = Station::code(&KIOSK, Step::Exchange);
    let (sent, _) = exchange.hand.request(&*exchange.flow).expect("goes on").expect("a request");
    let verifier = form::in_body(sent.body.as_bytes(), "code_verifier");
    assert!(!url.contains(&verifier) && !sent.url.contains(&verifier) && verifier.len() == 43);
    let values = [
        &verifier,
        &form::in_url(&url, "state"),
        &form::in_url(&url, "nonce"),
        &form::in_url(&url, "code_challenge"),
    ];
    for (place, left) in values.iter().enumerate() {
        assert!(values[..place].iter().all(|right| left != right && !right.contains(&left[..12])));
    }
    assert_eq!(form::in_url(&url, "code_challenge_method"), "S256");
    // Metadata that name `plain` alone.
    let mut document = metadata();
    document["code_challenge_methods_supported"] = json!(["plain"]);
    let discovery = Discovery::new(ISSUER).expect("an issuer");
    let keep = discovery.request(NOW, &mut [0; 256]).expect("it fits").keep();
    let mut buffer = [0; 1024];
    let metadata = discovery.response(Answer::json(200, &document).read(keep, &mut buffer).0).expect("whole");
    let client = Client::oauth(metadata, "kiosk").redirect_uri("https://app.example/cb");
    let flow = AuthorizationCode::<64>::new(&client, seeds::seed(1), NOW);
    assert_eq!(flow.err(), Some(Check::PkceUnsupported.into()));
}

/// L: CVE-2025-66001, CVE-2016-11086 and their like: what is asked outside of a flow is held to the same.
// REQ: CFG-13
#[test]
fn secrets_go_to_https_alone() {
    const PLAIN: &str = "http://op.example/x";
    let told = |metadata: Metadata<'static>, ask: &dyn Fn(&Client<'_>) -> Result<(), Error>| {
        ask(&Client::oauth(metadata, "kiosk"))
    };
    let refused = |name| Err(Check::InsecureUrl(name).into());
    assert_eq!(
        told(SERVER.jwks_uri(PLAIN), &|client| Jwks::new(client).request(NOW, &mut []).map(drop)),
        refused(Name::JwksUri)
    );
    let revoke = |client: &Client<'_>| {
        let access = Revocation::access_token(client, "a").request(NOW, &mut [0; 256]).map(drop);
        assert_eq!(Revocation::refresh_token(client, "a").request(NOW, &mut [0; 256]).map(drop), access);
        access
    };
    assert_eq!(told(SERVER.revocation_endpoint(PLAIN), &revoke), refused(Name::RevocationEndpoint));
    assert_eq!(told(SERVER.revocation_endpoint("https://op.example/x"), &revoke), Ok(()));
    let userinfo =
        |client: &Client<'_>| UserInfo::new(client, "a", "alice").request(NOW, &mut [0; 256]).map(drop);
    assert_eq!(told(SERVER.userinfo_endpoint(PLAIN), &userinfo), refused(Name::UserinfoEndpoint));
    let sign_out = |client: &Client<'_>| EndSession::new(client).url(&mut [0; 256]).map(drop);
    assert_eq!(told(SERVER.end_session_endpoint(PLAIN), &sign_out), refused(Name::EndSessionEndpoint));
    let refresh = |client: &Client<'_>| RefreshToken::<8>::new(client, "a", None).map(drop);
    assert_eq!(told(SERVER.token_endpoint(PLAIN), &refresh), refused(Name::TokenEndpoint));
}

/// Addresses that are none, or do more than to lead somewhere.
const HOSTILE: &[&str] = &[
    "a:$(calc.exe)?response_type=code",
    "file:///c:/windows/system32/calc.exe",
    "javascript:alert(1)",
    "http://op.example/authorize",
    "https://op.example/\"&calc.exe",
    "https://op.example/ $(reboot)",
    "https://op.example/`reboot`",
    "https://op.example/|reboot",
    "https://op.example/\\..\\calc",
    "https://op.example/<script>",
    "https://op.example/^&calc",
    "https://op.example/a\nb",
    "https://op.example/a\u{1b}[2J",
    "https://op.ex\u{e4}mple/",
    "https://user@op.example/",
    "https://op.example@evil.example/",
    "https://",
    "https:op.example",
    "//op.example/authorize",
    "-oProxyCommand=x",
    "",
];

/// O: CVE-2025-6514, where the authorization endpoint of a hostile server reached a shell.
// REQ: DISC-07
#[test]
fn no_address_for_a_shell() {
    for address in HOSTILE {
        let mut document = metadata();
        document["authorization_endpoint"] = (*address).into();
        let discovery = Discovery::new(ISSUER).expect("an issuer");
        let keep = discovery.request(NOW, &mut [0; 256]).expect("it fits").keep();
        let mut buffer = [0; 1024];
        let told = discovery.response(Answer::json(200, &document).read(keep, &mut buffer).0).map(drop);
        assert_eq!(told, Err(Check::InsecureUrl(Name::AuthorizationEndpoint).into()), "{address}");
    }
}

/// O: the same for the address and the code that a device shows, and for its terminal (CVE-2026-45803 and their like).
// REQ: DEV-06, DEV-07, DEV-08
#[test]
fn nothing_for_a_shell_or_a_terminal_on_a_screen() {
    let told = |name: &str, text: &str| {
        let mut flow = DeviceAuthorization::<1024>::new(&ROBOT, seeds::seed(1), NOW).expect("right");
        let mut codes = json!({
            "device_code": "d", "user_code": "WDJB-MJHT", "verification_uri": "https://op.example/device",
            "verification_uri_complete": "https://op.example/device?user_code=WDJB-MJHT", "expires_in": 600,
        });
        codes[name] = text.into();
        let outcome = Hand::default().tell(&mut flow, &Happening::Response(Answer::json(200, &codes)));
        let shows = matches!(flow.poll(NOW, &mut []), Ok(Action::Display(_)));
        assert_eq!(shows, outcome.is_ok(), "{name} {text:?}");
        outcome.map(drop)
    };
    for address in HOSTILE.iter().filter(|address| !address.is_empty()) {
        for (member, name) in [
            ("verification_uri", Name::VerificationUri),
            ("verification_uri_complete", Name::VerificationUriComplete),
        ] {
            assert_eq!(told(member, address), Err(Check::InsecureUrl(name).into()), "{member}: {address}");
        }
    }
    for code in ["A\u{1b}[2J", "A\u{7f}", "A\nB", "A\tB", "\u{202e}TJHM", "A\0"] {
        let bad = Err(Check::BadMember(Name::UserCode).into());
        assert_eq!(told("user_code", code), bad, "{code:?}");
    }
    assert_eq!(told("user_code", "WDJB MJHT"), Ok(()));
    // A refusal of a poll is shown, and does no harm either.
    let mut station = Station::device(&ROBOT, Step::Poll);
    let refused = Answer::json(
        400,
        &json!({ "error": "access_denied", "error_description": "\u{1b}]0;x\u{7}<b>\n", "error_uri": "x\r\ny" }),
    );
    let outcome = station.hand.tell(&mut *station.flow, &Happening::Response(refused));
    assert_eq!(outcome, Err(Error::Refused(ErrorCode::AccessDenied)));
    let refusal = station.flow.refusal().expect("there was one");
    assert_eq!((refusal.description(), refusal.uri()), ("?]0;x?<b>?", "x??y"));
}
