//! Pushed authorization requests, and what is asked for in detail.

use keyfob_core::{
    client::Client, client_authentication::ClientAuthentication, dpop::Dpop, error::Error,
    metadata::Metadata, secret::Secret, token::TokenType,
};
use keyfob_interop::person::{Program, Settings};
use serde_json::Value;

use crate::{ES256, NONCES, PLAIN, alice, introspect, names, payload, seen_of, signed_in};

const PAYMENT: &str =
    r#"[{"type":"payment_initiation","amount":{"currency":"EUR","value":"123.50"},"to":"Müller & Söhne"}]"#;

/// Of the request itself, the browser carries no more than a reference.
#[track_caller]
fn assert_reference(authorize: &Value, client_id: &str) {
    let query = authorize["query"].as_object().expect("a query");
    let request_uri = query["request_uri"].as_str().expect("a reference");
    assert!(request_uri.starts_with("urn:ietf:params:oauth:request_uri:"), "{request_uri}");
    assert_eq!(query["client_id"], client_id);
    assert_eq!(query.len(), 2, "{query:?}");
}

// REQ: PAR-01, PAR-02, PAR-03, PAR-04, PAR-06
#[test]
fn where_the_server_wants_it() {
    let settings: Settings = |metadata| {
        Client::new(metadata, "public-par").login_hint("josé@example.com").pushed_authorization_request()
    };
    let user = signed_in(Program::new(&PLAIN).sign_in(settings, alice));
    assert!(user.checked.nonce);
    let pushed = &seen_of(&PLAIN, "public-par", "/oauth/par")[0];
    assert_eq!((&pushed["status"], &pushed["authentication"]), (&201.into(), &"none".into()));
    assert_eq!(
        names(pushed),
        [
            "client_id",
            "code_challenge",
            "code_challenge_method",
            "login_hint",
            "nonce",
            "redirect_uri",
            "response_type",
            "scope",
            "state"
        ]
    );
    assert_eq!(pushed["values"]["login_hint"], "josé@example.com");
    assert_reference(&seen_of(&PLAIN, "public-par", "/authorize")[0], "public-par");

    // The server means it.
    let settings: Settings = |metadata| Client::new(metadata, "public-par");
    let before = seen_of(&PLAIN, "public-par", "/oauth/token").len();
    let mut tab = keyfob_interop::tab::Tab::new("http://127.0.0.1:1/callback");
    let outcome = Program::new(&PLAIN).sign_in_with(&mut tab, "http://127.0.0.1:1/callback", settings);
    let (failure, refusal) = outcome.expect_err("it was not pushed");
    assert!(matches!(crate::flow_error(failure), Error::Refused(_)), "{refusal:?}");
    assert_eq!(seen_of(&PLAIN, "public-par", "/oauth/token").len(), before);
}

// REQ: PAR-01, PAR-02, PAR-04
#[test]
fn by_choice_with_a_secret_and_a_payment() {
    let settings: Settings = |metadata| {
        let secret = Secret::new("basic secret:with/odd+chars%&=~*");
        Client::new(metadata, "conf-basic")
            .authentication(ClientAuthentication::ClientSecretBasic(secret))
            .authorization_details(PAYMENT)
            .resource(&["urn:api:payments"])
            .pushed_authorization_request()
    };
    let user = signed_in(Program::new(&PLAIN).sign_in(settings, alice));
    let pushed = &seen_of(&PLAIN, "conf-basic", "/oauth/par")[0];
    assert_eq!((&pushed["status"], &pushed["authentication"]), (&201.into(), &"basic".into()));
    assert!(!names(pushed).contains(&"client_secret"));
    assert_eq!(pushed["values"]["authorization_details"], PAYMENT);
    assert_reference(&seen_of(&PLAIN, "conf-basic", "/authorize")[0], "conf-basic");
    let token = payload(&user.access_token);
    let payment: Value = serde_json::from_str(PAYMENT).expect("JSON");
    assert_eq!((&token["aud"], &token["authorization_details"]), (&"urn:api:payments".into(), &payment));
}

// REQ: AUTHZ-10
#[test]
fn a_payment_in_the_address() {
    let settings: Settings = |metadata| {
        let secret = Secret::new("post-secret-0123456789");
        Client::new(metadata, "conf-post")
            .authentication(ClientAuthentication::ClientSecretPost(secret))
            .authorization_details(PAYMENT)
            .resource(&["urn:api:payments"])
    };
    let user = signed_in(Program::new(&PLAIN).sign_in(settings, alice));
    let payment: Value = serde_json::from_str(PAYMENT).expect("JSON");
    assert_eq!(payload(&user.access_token)["authorization_details"], payment);
    for path in ["/authorize", "/oauth/token"] {
        let seen = seen_of(&PLAIN, "conf-post", path);
        let resource =
            seen.iter().map(|request| [&request["query"]["resource"], &request["values"]["resource"]]);
        assert!(resource.flatten().any(|resource| resource == "urn:api:payments"), "{path}: {seen:?}");
    }
}

fn everything(metadata: Metadata<'_>) -> Client<'_> {
    Client::new(metadata, "conf-pkjwt")
        .authentication(ClientAuthentication::private_key_jwt(&*ES256))
        .dpop(Dpop::new(&*ES256).bind_code())
        .pushed_authorization_request()
}

/// As FAPI 2.0 has it: the request pushed, the client and the tokens bound to keys, and nonces on top.
// REQ: PAR-02, PAR-07, AUTHC-06, DPOP-08, DPOP-13
#[test]
fn pushed_with_keys_and_nonces() {
    let user = signed_in(Program::new(&NONCES).sign_in(everything, alice));
    assert_eq!(user.token_type, TokenType::Dpop);
    let [demanded, pushed] = &seen_of(&NONCES, "conf-pkjwt", "/oauth/par")[..] else { panic!("not two") };
    assert_eq!((&demanded["status"], &demanded["dpop"]), (&400.into(), &true.into()));
    assert_eq!((&pushed["status"], &pushed["authentication"]), (&201.into(), &"assertion".into()));
    let mut room = [0; 43];
    let thumbprint = Dpop::new(&*ES256).thumbprint(&mut room).expect("a key").to_string();
    assert_eq!(pushed["values"]["dpop_jkt"], thumbprint);
    assert_eq!(introspect(&NONCES, &user.access_token)["cnf"]["jkt"], thumbprint);
}
