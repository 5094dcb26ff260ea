//! The rules for a client's settings, and what each setting does to the authorization request.

mod tables;

use keyfob_core::client::{Client, Prompt, ResponseMode};
use keyfob_core::client_authentication::ClientAuthentication;
use keyfob_core::error::Error;
use keyfob_core::exchange::Discovery;
use keyfob_core::flow::{AuthorizationCode, DeviceAuthorization, Event, Flow, Redirect, RefreshToken};
use keyfob_core::jws::{Algorithm, Es256, Hs256, Rs256, Verifier};
use keyfob_core::metadata::Metadata;
use keyfob_core::provider;
use keyfob_core::secret::Secret;
use serde_json::{Value, json};

use crate::tables::outcome::{self, Step};
use crate::tables::{
    Answer, CLIENT, CLIENT_ID, Cut, ISSUER, NOW, OAUTH_CLIENT, REDIRECT_URI, SERVER, at_authorize,
    at_exchange, authorization_url, discovered, jose, parameter, parameters, seed, sent, tokens,
};

/// What comes of making a flow.
fn made(client: &Client<'_>) -> Value {
    setup(AuthorizationCode::<8>::new(client, seed(), NOW))
}

fn setup<T>(made: Result<T, Error>) -> Value {
    match made {
        Ok(_) => json!("ok"),
        Err(error) => outcome::of(error, Step::Setup, None),
    }
}

fn config(what: &str) -> Value {
    json!({ "err": "Config", "arg": what })
}

/// Texts of one character.
fn characters() -> impl Iterator<Item = String> {
    (0..=0x17F).filter_map(char::from_u32).chain(['\u{20AC}', '\u{1F600}']).map(String::from)
}

// REQ: CFG-01
#[test]
fn a_client_id_is_visible() {
    let with = |id: &str| made(&Client::new(SERVER, id).redirect_uri(REDIRECT_URI));
    for bad in ["", "a\n", "\u{e9}", "a\0b", "\t"] {
        assert_eq!(with(bad), config("client_id"), "{bad:?}");
    }
    for good in ["abc def", " ", "a", "https://rp.example/x?y#z", "!\"%&'\\"] {
        assert_eq!(with(good), "ok", "{good:?}");
    }
    for text in characters() {
        let good = text.bytes().all(|octet| matches!(octet, 0x20..=0x7E));
        assert_eq!(with(&text), if good { json!("ok") } else { config("client_id") }, "{text:?}");
    }
    // A refresh asks for the same.
    let client = Client::new(SERVER, "a\n");
    assert_eq!(setup(RefreshToken::<8>::new(&client, "RT", None)), config("client_id"));
}

// REQ: CFG-02
#[test]
fn a_redirect_uri_is_absolute_and_has_no_fragment() {
    let with = |uri: &str| made(&CLIENT.redirect_uri(uri));
    for bad in [
        "",
        "/cb",
        "cb",
        "//a.example/cb",
        "?cb",
        "https:",
        "https:/cb",
        "https://",
        "https:///cb",
        "https://?x",
        "https://a.example/cb#",
        "https://a.example/cb#x",
        "https://a.example/cb?x#",
        "https://a.example#",
        "com.example.app:/cb#",
        "com.example.app:/cb#x",
        "https://a.example/c b",
        "https://a.example/cb\n",
        "https://a.example/\u{e9}",
        "https://a.example/\"",
        "https://a.example/\\",
        "https://a.example/<",
        "https://u@a.example/cb",
        "https://u:p@a.example/cb",
        "https://a.example:/cb",
        "https://a.example:x/cb",
        "https://a.example:123456/cb",
        "https://[::1/cb",
        "https://::1/cb",
        " https://a.example/cb",
    ] {
        assert_eq!(with(bad), config("redirect_uri"), "{bad:?}");
    }
    for good in [
        "https://a.example",
        "https://a.example/",
        "https://a.example:8443/cb?x=y&z",
        "https://[2001:db8::1]/cb",
    ] {
        assert_eq!(with(good), "ok", "{good:?}");
    }
}

// REQ: CFG-03, PORTAL-02
#[test]
fn plain_http_stays_on_the_machine() {
    let good = [
        "https://a.example/cb",
        "http://127.0.0.1/cb",
        "http://127.0.0.1:51004/cb",
        "http://[::1]:51004/cb",
        "com.example.app:/cb",
        "com.example.app://cb",
    ];
    let localhost = ["http://localhost/cb", "http://localhost:8080/cb"];
    let lan =
        ["http://192.168.1.5/cb", "http://kiosk.local/cb", "http://10.0.0.1:80/cb", "http://[fe80::1]/cb"];
    let never = [
        "myapp:/cb",
        "http:/127.0.0.1/cb",
        "http:127.0.0.1/cb",
        "http://127.0.0.1@evil.example/cb",
        "http://evil.example@127.0.0.1/cb",
        "http://127.0.0.1#@evil.example/cb",
        "ftp://127.0.0.1/cb",
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///cb",
        ".app:/cb",
        "1.app:/cb",
        "com.ex ample:/cb",
    ];
    let elsewhere = [
        "http://127.0.0.1.evil.example/cb",
        "http://127.0.0.2/cb",
        "http://0x7f.1/cb",
        "http://[::2]/cb",
        "http://localhost.evil.example/cb",
        "http://example.com/cb",
    ];
    for uri in good {
        assert_eq!(made(&CLIENT.redirect_uri(uri)), "ok", "{uri}");
    }
    for uri in localhost.iter().chain(&lan).chain(&never).chain(&elsewhere) {
        assert_eq!(made(&CLIENT.redirect_uri(uri)), config("redirect_uri"), "{uri}");
    }
    for uri in localhost {
        assert_eq!(made(&CLIENT.redirect_uri(uri).insecure_localhost_redirect()), "ok", "{uri}");
    }
    for uri in lan {
        assert_eq!(made(&CLIENT.redirect_uri(uri).insecure_lan_redirect()), "ok", "{uri}");
        assert_eq!(
            made(&CLIENT.redirect_uri(uri).insecure_localhost_redirect()),
            config("redirect_uri"),
            "{uri}"
        );
    }
    for uri in never {
        let client = CLIENT.redirect_uri(uri).insecure_localhost_redirect().insecure_lan_redirect();
        assert_eq!(made(&client), config("redirect_uri"), "{uri}");
    }
}

/// Each of the two has to be allowed by its own name.
// REQ: CFG-03
#[test]
fn one_insecure_redirect_does_not_allow_the_other() {
    let client = CLIENT.redirect_uri("http://localhost/cb").insecure_lan_redirect();
    assert_eq!(made(&client), config("redirect_uri"));
}

/// Who says nothing about the scope asks for who the user is, and for nothing that lasts; presets neither.
// REQ: CDX-06
#[test]
fn unless_said_otherwise_the_least_is_asked_for() {
    let bare = Client::new(SERVER, CLIENT_ID).redirect_uri(REDIRECT_URI);
    let scope = |client: &Client<'_>| parameter(&authorization_url(&at_authorize(client)), "scope");
    assert_eq!(scope(&bare).as_deref(), Some("openid"));
    assert_eq!(scope(&Client::oauth(SERVER, CLIENT_ID).redirect_uri(REDIRECT_URI)), None);
    for preset in [provider::APPLE, provider::AUTH0, provider::ENTRA, provider::GOOGLE] {
        let client =
            preset.client(SERVER.code_challenge_s256_supported(), CLIENT_ID).redirect_uri(REDIRECT_URI);
        assert_eq!(scope(&client).as_deref(), Some("openid"), "{preset:?}");
    }
    let kiosk = Client::new(SERVER.device_authorization_endpoint("https://op.example.com/device"), CLIENT_ID);
    let flow = DeviceAuthorization::<64>::new(&kiosk, seed(), NOW).expect("right");
    assert_eq!(parameter(&sent(&flow).body, "scope").as_deref(), Some("openid"));
}

/// A policy can ask: bind tokens to a key where the server does that.
// REQ: CDX-05
#[test]
fn a_server_says_that_it_binds_tokens_to_keys() {
    for (more, es256, eddsa) in [
        (json!({}), false, false),
        (json!({ "dpop_signing_alg_values_supported": [] }), false, false),
        (json!({ "dpop_signing_alg_values_supported": ["RS256", "ES256"] }), true, false),
        (json!({ "dpop_signing_alg_values_supported": ["EdDSA", "unheard-of"] }), false, true),
    ] {
        let mut buffer = [0; 1024];
        let metadata = discovered(more, &mut buffer);
        assert_eq!(metadata.announces_dpop(Algorithm::Es256), es256);
        assert_eq!(metadata.announces_dpop(Algorithm::EdDsa), eddsa);
    }
}

// REQ: CFG-04
#[test]
fn a_redirect_uri_is_never_normalised() {
    let uri = "HTTPS://A.example:443/CB%2f/../x?Y=%7e";
    let client = CLIENT.redirect_uri(uri);
    let flow = at_authorize(&client);
    let url = authorization_url(&flow);
    assert_eq!(parameter(&url, "redirect_uri").as_deref(), Some(uri));
    let state = parameter(&url, "state").expect("a state");
    for other in [
        "https://A.example:443/CB%2f/../x?Y=%7e",
        "HTTPS://a.example:443/CB%2f/../x?Y=%7e",
        "HTTPS://A.example/CB%2f/../x?Y=%7e",
        "HTTPS://A.example:443/CB%2F/../x?Y=%7e",
        "HTTPS://A.example:443/CB//../x?Y=%7e",
        "HTTPS://A.example:443/x?Y=%7e",
        "HTTPS://A.example:443/CB%2f/../x?Y=~",
        "HTTPS://A.example:443/CB%2f/../x/?Y=%7e",
    ] {
        let back = format!("{other}&code=abc&state={state}");
        let came = at_authorize(&client).handle(NOW, Event::Redirect(Redirect::Url(&back))).map(|_| ());
        let seen = came.map_or_else(|error| outcome::of(error, Step::Redirect, None), |()| json!("ok"));
        assert_eq!(seen, json!({ "err": "RedirectUriMismatch" }), "{other}");
    }
    assert_eq!(parameter(&sent(&at_exchange(&client, "abc")).body, "redirect_uri").as_deref(), Some(uri));
}

// REQ: CFG-05
#[test]
fn an_issuer_is_a_plain_https_url() {
    for bad in [
        "",
        "op.example",
        "http://op.example",
        "https://",
        "https:///",
        "https://u@op.example",
        "https://u:p@op.example",
        "https://op.example?x",
        "https://op.example/?",
        "https://op.example#",
        "https://op.example/#x",
        "https://op.example/\u{e9}",
        "https://op.example/a b",
        "https://op.example:x",
        "ftp://op.example",
        "com.example.op:/x",
    ] {
        let metadata =
            Metadata::new(bad).token_endpoint("https://op.example/t").jwks_uri("https://op.example/k");
        let client = Client::new(metadata.authorization_endpoint("https://op.example/a"), CLIENT_ID);
        assert_eq!(made(&client.redirect_uri(REDIRECT_URI)), config("issuer"), "{bad:?}");
        assert_eq!(setup(Discovery::new(bad)), config("issuer"), "{bad:?}");
    }
    for good in
        ["https://op.example", "https://op.example/t/", "https://op.example:8443/t", "https://[2001:db8::1]"]
    {
        assert_eq!(setup(Discovery::new(good)), "ok", "{good:?}");
    }
}

// REQ: CFG-06, CFG-07
#[test]
fn a_scope_is_a_set_of_tokens() {
    let with = |scope: &[&str]| made(&CLIENT.scope(scope));
    for bad in ["", " ", "a b", "a\"", "a\\", "a\n", "\u{e9}", "a\u{7f}"] {
        assert_eq!(with(&[bad]), config("scope"), "{bad:?}");
        assert_eq!(with(&["openid", bad]), config("scope"), "{bad:?}");
    }
    for text in characters() {
        let good = text.bytes().all(|octet| matches!(octet, 0x21 | 0x23..=0x5B | 0x5D..=0x7E));
        assert_eq!(with(&[&text]), if good { json!("ok") } else { config("scope") }, "{text:?}");
    }
    let sent = |scope: &[&str]| {
        let url = authorization_url(&at_authorize(&CLIENT.scope(scope)));
        url.split('&').find_map(|pair| pair.strip_prefix("scope=")).map(str::to_string)
    };
    assert_eq!(sent(&["openid", "email", "openid"]).as_deref(), Some("openid%20email"));
    assert_eq!(sent(&["email", "openid", "openid", "email"]).as_deref(), Some("email%20openid"));
    assert_eq!(sent(&["Openid", "openid"]).as_deref(), Some("Openid%20openid"));
    assert_eq!(sent(&[]), None);
}

// REQ: CFG-07
#[test]
fn without_openid_nobody_signs_in() {
    for scope in [&[][..], &["profile"], &["OpenID"], &["openid2"]] {
        let client = CLIENT.scope(scope);
        let url = authorization_url(&at_authorize(&client));
        assert_eq!(parameter(&url, "nonce"), None);
        for id_token in [json!("not.a.token"), json!(jose::id_token("rsa1", "{}")), json!(""), json!(null)] {
            let body =
                json!({ "access_token": "AT", "token_type": "Bearer", "id_token": id_token }).to_string();
            let seen = tokens(
                &mut at_exchange(&client, "abc"),
                NOW,
                &Answer::json(body.as_bytes()),
                b"",
                Cut::Whole,
            );
            assert_eq!((&seen["ok"]["access_token"], &seen["ok"]["id_token"]), (&json!("AT"), &json!(null)));
        }
    }
}

/// Such a token is not looked at, so nothing can be wrong with it.
// REQ: CFG-07
#[test]
fn without_openid_an_id_token_may_be_anything() {
    for id_token in [json!(1), json!({}), json!("\u{e9}"), json!("x".repeat(9000))] {
        let body = json!({ "access_token": "AT", "token_type": "Bearer", "id_token": id_token }).to_string();
        let mut flow = at_exchange(&OAUTH_CLIENT, "abc");
        let seen = tokens(&mut flow, NOW, &Answer::json(body.as_bytes()), b"", Cut::Whole);
        assert_eq!(seen["ok"]["access_token"], "AT", "{body:.60}: {seen}");
    }
}

// REQ: CFG-09
#[test]
fn a_client_secret_is_visible() {
    let mut buffer = [0; 1024];
    let methods = ["client_secret_basic", "client_secret_post"];
    let metadata = discovered(json!({ "token_endpoint_auth_methods_supported": methods }), &mut buffer);
    let client = Client::new(metadata, CLIENT_ID).redirect_uri(REDIRECT_URI);
    fn with(client: Client<'_>, secret: &str) -> [Value; 3] {
        let secret = Secret::new(secret);
        let ways = [
            ClientAuthentication::ClientSecretBasic(secret),
            ClientAuthentication::ClientSecretBasicRaw(secret),
            ClientAuthentication::ClientSecretPost(secret),
        ];
        ways.map(|way| made(&client.authentication(way)))
    }
    for bad in ["", "a\r", "\n", "\u{e9}", "a\0"] {
        assert_eq!(
            with(client, bad),
            [config("client_secret"), config("client_secret"), config("client_secret")],
            "{bad:?}"
        );
    }
    for text in characters() {
        let good = text.bytes().all(|octet| matches!(octet, 0x20..=0x7E));
        let expected = if good { json!("ok") } else { config("client_secret") };
        assert_eq!(with(client, &text), [expected.clone(), expected.clone(), expected], "{text:?}");
    }
}

// REQ: CFG-10
#[test]
fn parameters_repeat_nothing() {
    let with = |parameters: &[(&str, &str)]| made(&CLIENT.parameters(parameters));
    for name in [
        "response_type",
        "client_id",
        "redirect_uri",
        "scope",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
        "response_mode",
        "request",
        "request_uri",
        "authorization_details",
        "dpop_jkt",
    ] {
        assert_eq!(with(&[(name, "x")]), config("extra"), "{name}");
        assert_eq!(with(&[("fine", "x"), (name, "")]), config("extra"), "{name}");
    }
    assert_eq!(with(&[("", "x")]), config("extra"));
    assert_eq!(with(&[("vendor", "a"), ("vendor", "a")]), config("extra"));
    assert_eq!(with(&[("vendor", "a"), ("other", "a"), ("vendor", "b")]), config("extra"));
    assert_eq!(with(&[("audience", "a"), ("audience", "a")]), config("extra"));
    assert_eq!(with(&[("resource", "https://a.example"), ("resource", "https://b.example")]), "ok");
    assert_eq!(with(&[("State", "x"), ("vendor", "a"), ("vendor2", "a")]), "ok");
}

// REQ: CFG-11
#[test]
fn algorithms_are_listed() {
    assert_eq!(made(&CLIENT.algorithms(&[])), config("alg"));
    assert_eq!(made(&OAUTH_CLIENT.algorithms(&[])), "ok");
    assert_eq!(made(&CLIENT.algorithms(&[&Rs256, &Es256])), "ok");
    // Unless more is listed, only RS256 is taken.
    let outcome = |client: &Client<'_>| {
        let nonce = parameter(&authorization_url(&at_authorize(client)), "nonce").expect("a nonce");
        let claims = json!({
            "iss": ISSUER, "sub": "x", "aud": CLIENT_ID, "exp": 1_760_000_300, "iat": 1_760_000_000, "nonce": nonce,
        });
        ["rsa1", "ec1"].map(|key| {
            let id_token = jose::id_token(key, claims.to_string());
            let body =
                json!({ "access_token": "AT", "token_type": "Bearer", "id_token": id_token }).to_string();
            let keys = jose::jwks().to_string();
            let mut flow = at_exchange(client, "abc");
            let seen = tokens(&mut flow, NOW, &Answer::json(body.as_bytes()), keys.as_bytes(), Cut::Whole);
            seen["err"].as_str().unwrap_or("ok").to_string()
        })
    };
    assert_eq!(outcome(&CLIENT), ["ok", "AlgNotAllowed"]);
    assert_eq!(outcome(&CLIENT.algorithms(&[&Es256])), ["AlgNotAllowed", "ok"]);
    assert_eq!(outcome(&CLIENT.algorithms(&[&Es256, &Rs256])), ["ok", "ok"]);
}

// REQ: CFG-08, SECRET-10
#[test]
fn a_client_is_public_and_has_no_secret_unless_given_one() {
    // A public client cannot check a MAC, whatever else it can check.
    for verifiers in [&[&Hs256 as &dyn Verifier][..], &[&Rs256, &Hs256]] {
        assert_eq!(made(&CLIENT.algorithms(verifiers)), config("alg"));
    }
    // No other algorithm has a secret key.
    let (_, source) =
        include_str!("../core/src/jws/algorithm.rs").split_once("fn name(self)").expect("is there");
    let source = source.split('}').next().expect("it ends");
    let listed: Vec<_> = source.split("=> \"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(listed.len(), 11);
    assert_eq!(listed.into_iter().filter(|name| name.starts_with("HS")).collect::<Vec<_>>(), ["HS256"]);
    for client in [CLIENT, OAUTH_CLIENT, Client::oauth(SERVER, CLIENT_ID).redirect_uri(REDIRECT_URI)] {
        let request = sent(&at_exchange(&client, "abc"));
        assert_eq!(request.header("Authorization"), None);
        assert_eq!(parameter(&request.body, "client_id").as_deref(), Some(CLIENT_ID));
        assert_eq!(parameter(&request.body, "client_secret"), None);
        assert_eq!(parameter(&request.body, "client_assertion"), None);
    }
    // Each way that is not public takes a secret, and an empty one is none.
    let none = Secret::new("");
    for way in [
        ClientAuthentication::ClientSecretBasic(none),
        ClientAuthentication::ClientSecretBasicRaw(none),
        ClientAuthentication::ClientSecretPost(none),
    ] {
        assert_eq!(made(&CLIENT.authentication(way)), config("client_secret"), "{way:?}");
    }
    // Who reads of the other ways reads this first.
    let source = include_str!("../core/src/client_authentication.rs");
    assert!(source.contains("A secret in firmware is readable to who owns the device"));
}

// REQ: CFG-12
#[test]
fn clocks_differ_by_five_minutes_at_the_most() {
    for (seconds, good) in [(0, true), (60, true), (300, true), (301, false), (u32::MAX, false)] {
        let expected = if good { json!("ok") } else { config("skew") };
        assert_eq!(made(&CLIENT.clock_skew(seconds)), expected, "{seconds}");
    }
}

/// The same outcome as for a document that says so: the catalogue calls it `Config(InsecureUrl)` here, and
/// `InsecureUrl` with the endpoint's name there.
// REQ: CFG-13, HTTP-04
#[test]
fn endpoints_by_hand_are_checked_like_discovered_ones() {
    type Set = for<'m> fn(Metadata<'m>, &'m str) -> Metadata<'m>;
    let endpoints: [(&str, Set); 6] = [
        ("authorization_endpoint", |metadata, url| metadata.authorization_endpoint(url)),
        ("token_endpoint", |metadata, url| metadata.token_endpoint(url)),
        ("jwks_uri", |metadata, url| metadata.jwks_uri(url)),
        ("userinfo_endpoint", |metadata, url| metadata.userinfo_endpoint(url)),
        ("revocation_endpoint", |metadata, url| metadata.revocation_endpoint(url)),
        ("end_session_endpoint", |metadata, url| metadata.end_session_endpoint(url)),
    ];
    for (name, set) in endpoints {
        for bad in [
            "",
            "http://op.example.com/x",
            "http://127.0.0.1/x",
            "http://localhost/x",
            "/x",
            "https://",
            "https://u@op.example.com/x",
            "https://op.example.com/x#",
            "https://op.example.com/x#y",
            "https://op.example.com/x y",
            "https://op.example.com/x\n",
            "https://op.example.com/\u{e9}",
            "javascript:alert(1)",
        ] {
            let client = Client::new(set(SERVER, bad), CLIENT_ID).redirect_uri(REDIRECT_URI);
            assert_eq!(made(&client), json!({ "err": "InsecureUrl", "arg": name }), "{bad:?}");
        }
        for good in ["https://op.example.com", "https://other.example:8443/x?y=z", "https://[2001:db8::1]/x"]
        {
            let client = Client::new(set(SERVER, good), CLIENT_ID).redirect_uri(REDIRECT_URI);
            assert_eq!(made(&client), "ok", "{name} {good}");
        }
    }
    // Plain http to this machine has to be allowed by name.
    let client =
        Client::new(SERVER.token_endpoint("http://localhost:80/x").insecure_loopback_http(), CLIENT_ID);
    assert_eq!(made(&client.redirect_uri(REDIRECT_URI)), "ok");
    let client =
        Client::new(SERVER.token_endpoint("http://op.example.com/x").insecure_loopback_http(), CLIENT_ID);
    assert_eq!(
        made(&client.redirect_uri(REDIRECT_URI)),
        json!({ "err": "InsecureUrl", "arg": "token_endpoint" })
    );
}

/// Nothing has to be discovered, and what is not said by hand is not held against the server.
// REQ: DISC-20
#[test]
fn metadata_by_hand_is_enough() {
    let secret = Secret::new("secret");
    for way in [
        ClientAuthentication::None,
        ClientAuthentication::ClientSecretBasic(secret),
        ClientAuthentication::ClientSecretBasicRaw(secret),
        ClientAuthentication::ClientSecretPost(secret),
    ] {
        assert_eq!(made(&CLIENT.authentication(way)), "ok", "{way:?}");
    }
    assert_eq!(made(&CLIENT.require_announced_pkce()), json!({ "err": "PkceUnsupported" }));
    let announced = Client::new(SERVER.code_challenge_s256_supported(), CLIENT_ID).redirect_uri(REDIRECT_URI);
    assert_eq!(made(&announced.require_announced_pkce()), "ok");
}

/// What a setting adds to the URL.
fn added(client: &Client<'_>) -> String {
    let url = authorization_url(&at_authorize(client));
    let (_, end) = url.split_once("&nonce=").expect("a nonce");
    end.get(43..).expect("32 octets").into()
}

// REQ: CFG-16, AUTHZ-07, AUTHZ-11, AUTHZ-16, INTEROP-03
#[test]
fn each_setting_is_its_parameter() {
    assert_eq!(added(&CLIENT), "");
    assert_eq!(added(&CLIENT.response_mode(ResponseMode::Query)), "");
    assert_eq!(added(&CLIENT.response_mode(ResponseMode::FormPost)), "&response_mode=form_post");
    assert_eq!(added(&CLIENT.prompt(&[Prompt::Login])), "&prompt=login");
    assert_eq!(added(&CLIENT.max_age(0)), "&max_age=0");
    assert_eq!(added(&CLIENT.max_age(u32::MAX)), "&max_age=4294967295");
    assert_eq!(added(&CLIENT.display("touch")), "&display=touch");
    assert_eq!(added(&CLIENT.ui_locales(&["fr-CA", "fr", "en"])), "&ui_locales=fr-CA%20fr%20en");
    assert_eq!(added(&CLIENT.acr_values(&["urn:x:1", "\u{e9}"])), "&acr_values=urn%3Ax%3A1%20%C3%A9");
    assert_eq!(added(&CLIENT.required_acr_values(&["urn:x:1"])), "&acr_values=urn%3Ax%3A1");
    assert_eq!(added(&CLIENT.claims("{}")), "&claims=%7B%7D");
    assert_eq!(added(&CLIENT.id_token_hint("a.b-_.c")), "&id_token_hint=a.b-_.c");
    assert_eq!(
        added(&CLIENT.resource(&["https://a.example/x?y"])),
        "&resource=https%3A%2F%2Fa.example%2Fx%3Fy"
    );
    assert_eq!(added(&CLIENT.login_hint("jos\u{e9} +@x")), "&login_hint=jos%C3%A9%20%2B%40x");
    assert_eq!(added(&CLIENT.audience("https://api.example")), "&audience=https%3A%2F%2Fapi.example");
    assert_eq!(added(&CLIENT.connection("google-oauth2")), "&connection=google-oauth2");
    assert_eq!(added(&CLIENT.organization("org_1")), "&organization=org_1");
    assert_eq!(added(&CLIENT.invitation("a b")), "&invitation=a%20b");
    assert_eq!(added(&CLIENT.screen_hint("signup")), "&screen_hint=signup");
    assert_eq!(added(&CLIENT.parameters(&[("b", "1"), ("a", "2 3")])), "&b=1&a=2%203");
    let all = CLIENT
        .parameters(&[("vendor", "x")])
        .screen_hint("signup")
        .invitation("i")
        .organization("o")
        .connection("c")
        .audience("a")
        .login_hint("l")
        .resource(&["https://a.example", "https://b.example"])
        .id_token_hint("h")
        .claims("{}")
        .acr_values(&["1"])
        .ui_locales(&["en"])
        .display("page")
        .max_age(1)
        .prompt(&[Prompt::None])
        .response_mode(ResponseMode::FormPost);
    assert_eq!(
        added(&all),
        "&response_mode=form_post&prompt=none&max_age=1&display=page&ui_locales=en&acr_values=1&claims=%7B%7D\
         &id_token_hint=h&resource=https%3A%2F%2Fa.example&resource=https%3A%2F%2Fb.example&login_hint=l&audience=a\
         &connection=c&organization=o&invitation=i&screen_hint=signup&vendor=x"
    );
}

// REQ: AUTHZ-06, AUTHZ-15
#[test]
fn a_prompt_is_a_set() {
    use Prompt::{Consent, Create, Login, None, SelectAccount};
    assert_eq!(added(&CLIENT.prompt(&[Login, Consent])), "&prompt=login%20consent");
    assert_eq!(added(&CLIENT.prompt(&[SelectAccount])), "&prompt=select_account");
    assert_eq!(added(&CLIENT.prompt(&[Create])), "&prompt=create");
    assert_eq!(added(&CLIENT.prompt(&[None])), "&prompt=none");
    assert_eq!(added(&CLIENT.prompt(&[])), "");
    for alone in [None, Create] {
        for other in [Login, Consent, SelectAccount, None, Create] {
            assert_eq!(made(&CLIENT.prompt(&[alone, other])), config("prompt"), "{alone:?} {other:?}");
            assert_eq!(made(&CLIENT.prompt(&[other, alone])), config("prompt"), "{other:?} {alone:?}");
        }
    }
    let hinted = CLIENT.prompt(&[None]).id_token_hint("a.b.c");
    assert_eq!(added(&hinted), "&prompt=none&id_token_hint=a.b.c");
}

// REQ: AUTHZ-08
#[test]
fn offline_access_asks_for_consent() {
    let scope = ["openid", "offline_access"];
    let offline = CLIENT.scope(&scope);
    assert_eq!(added(&offline), "&prompt=consent");
    assert_eq!(added(&offline.prompt(&[])), "");
    assert_eq!(added(&offline.prompt(&[Prompt::Login, Prompt::Consent])), "&prompt=login%20consent");
    let url = authorization_url(&at_authorize(&offline));
    assert_eq!(parameter(&url, "scope").as_deref(), Some("openid offline_access"));
    assert!(!authorization_url(&at_authorize(&CLIENT)).contains("offline"));
}

// REQ: AUTHZ-09
#[test]
fn claims_are_json_and_escaped_once() {
    let wished = json!({ "id_token": { "acr": { "values": ["a\"\\\u{1}\u{e9}\u{1F600} +&=%"] } }, "userinfo": { "x": null } });
    let text = wished.to_string();
    let url = authorization_url(&at_authorize(&CLIENT.claims(&text)));
    let written = parameter(&url, "claims").expect("is there");
    assert_eq!(written, text);
    assert_eq!(serde_json::from_str::<Value>(&written).expect("JSON"), wished);
    for bad in ["[]", "null", "{", "{}x", "{\"a\":}", "{\"a\":\"\u{1}\"}", "{'a':1}", "x"] {
        assert_eq!(made(&CLIENT.claims(bad)), config("claims"), "{bad}");
    }
}

/// The parser that reads this has cases of its own.
// REQ: CFG-10, AUTHZ-10
#[test]
fn authorization_details_are_a_list_of_objects() {
    let with = |details: &str| made(&CLIENT.authorization_details(details));
    for bad in [
        "",
        " ",
        "[]",
        "{}",
        "x",
        "[1]",
        "[\"x\"]",
        "[null]",
        "[[]]",
        "[{},1]",
        "[{}",
        "[{}]]",
        "[{}] x",
        "[{},]",
        "[{\"a\":01}]",
        "[{}],\"b\":[{}]",
        "[{}]}",
        "{\"a\":[{}]}",
        "[{}],\"\":[{}]",
        "[{\"a\":\"\u{1}\"}]",
    ] {
        assert_eq!(with(bad), config("authorization_details"), "{bad:?}");
    }
    for good in ["[{}]", " [ {\"type\":\"é\",\"locations\":[[\"https://a.example\"],{}]} , {} ]\n"] {
        assert_eq!(with(good), "ok", "{good:?}");
        let url = authorization_url(&at_authorize(&CLIENT.authorization_details(good)));
        assert_eq!(parameter(&url, "authorization_details").as_deref(), Some(good));
        let client = CLIENT.authorization_details(good);
        let body = sent(&at_exchange(&client, "abc")).body;
        assert_eq!(parameter(&body, "authorization_details"), None, "the code stands for them");
    }
}

// REQ: REFRESH-18, TOKEN-21
#[test]
fn a_refresh_is_for_the_same_resources_and_audience() {
    let client =
        CLIENT.resource(&["https://a.example/x?y", "urn:b"]).audience("api").scope(&["openid", "email"]);
    let flow = RefreshToken::<8>::new(&client, "RT", None).expect("right").narrow(&["email"]).expect("less");
    assert_eq!(
        sent(&flow).body,
        "grant_type=refresh_token&refresh_token=RT&scope=email&audience=api&resource=https%3A%2F%2Fa.example%2Fx%3Fy\
         &resource=urn%3Ab&client_id=kiosk-01"
    );
}

// REQ: AUTHZ-10
#[test]
fn resources_are_absolute_and_go_to_the_token_endpoint_too() {
    for bad in [
        "",
        "api",
        "/api",
        "//a.example/x",
        "https://a.example/#x",
        "https://a.example/#",
        "https:",
        "a b:c",
        "https://a.example/\u{e9}",
    ] {
        assert_eq!(made(&CLIENT.resource(&[bad])), config("resource"), "{bad:?}");
        assert_eq!(made(&CLIENT.resource(&["https://a.example", bad])), config("resource"), "{bad:?}");
    }
    let resources = ["https://a.example/app/", "urn:x:y", "https://b.example/?c=d"];
    let client = CLIENT.resource(&resources);
    let of = |text: &str| {
        let pairs = parameters(text).into_iter().filter(|(name, _)| name == "resource");
        pairs.map(|(_, value)| value).collect::<Vec<_>>()
    };
    let url = authorization_url(&at_authorize(&client));
    assert_eq!(of(url.split_once('?').expect("a query").1), resources);
    assert_eq!(of(&sent(&at_exchange(&client, "abc")).body), resources);
}

// REQ: AUTHZ-11
#[test]
fn a_response_mode_is_sent_once_or_not_at_all() {
    let url = authorization_url(&at_authorize(&CLIENT.response_mode(ResponseMode::FormPost)));
    assert_eq!(url.matches("response_mode").count(), 1);
    assert!(!authorization_url(&at_authorize(&CLIENT)).contains("response_mode"));
}

// REQ: AUTHZ-12
#[test]
fn no_secret_is_in_the_url() {
    let client =
        CLIENT.authentication(ClientAuthentication::ClientSecretBasic(Secret::new("client-secret-marker")));
    let url = authorization_url(&at_authorize(&client));
    let verifier = parameter(&sent(&at_exchange(&client, "abc")).body, "code_verifier").expect("is there");
    assert!(!url.contains("marker") && !url.contains("secret") && !url.contains(&verifier), "{url}");
}

// REQ: ENC-07
#[test]
fn the_endpoints_own_query_stays() {
    for (endpoint, start) in [
        ("https://op.example.com/a", "https://op.example.com/a?response_type=code&"),
        ("https://op.example.com", "https://op.example.com?response_type=code&"),
        ("https://op.example.com/a?", "https://op.example.com/a?response_type=code&"),
        ("https://op.example.com/a?x=%7e+y", "https://op.example.com/a?x=%7e+y&response_type=code&"),
        ("https://op.example.com/a?x&", "https://op.example.com/a?x&response_type=code&"),
        ("https://op.example.com/a?x=y?z", "https://op.example.com/a?x=y?z&response_type=code&"),
    ] {
        let client =
            Client::new(SERVER.authorization_endpoint(endpoint), CLIENT_ID).redirect_uri(REDIRECT_URI);
        let url = authorization_url(&at_authorize(&client));
        assert!(url.starts_with(start), "{url}");
    }
}

// REQ: ENC-08
#[test]
fn the_endpoints_own_query_repeats_nothing() {
    let with = |query: &str| {
        let endpoint = format!("https://op.example.com/a?{query}");
        made(&Client::new(SERVER.authorization_endpoint(&endpoint), CLIENT_ID).redirect_uri(REDIRECT_URI))
    };
    for name in [
        "client_id",
        "state",
        "redirect_uri",
        "response_type",
        "scope",
        "nonce",
        "code_challenge",
        "code_challenge_method",
    ] {
        assert_eq!(with(&format!("{name}=x")), config("DuplicateParam"), "{name}");
        assert_eq!(with(&format!("y=z&{name}")), config("DuplicateParam"), "{name}");
    }
    assert_eq!(with("tenant=a&Client_id=x&xclient_id=y"), "ok");
}

/// An escaped name is the same name (REDIR-04 reads them so).
// REQ: ENC-08
#[test]
fn the_endpoints_own_query_repeats_nothing_in_escapes() {
    let endpoint = "https://op.example.com/a?client%5Fid=x";
    let client = Client::new(SERVER.authorization_endpoint(endpoint), CLIENT_ID).redirect_uri(REDIRECT_URI);
    assert_eq!(made(&client), config("DuplicateParam"));
}

// REQ: ENC-09
#[test]
fn what_is_empty_is_left_out() {
    let client = CLIENT
        .parameters(&[("vendor", ""), ("other", "")])
        .screen_hint("")
        .invitation("")
        .organization("")
        .connection("")
        .audience("")
        .login_hint("")
        .resource(&[])
        .id_token_hint("")
        .acr_values(&[])
        .ui_locales(&[])
        .display("")
        .prompt(&[]);
    assert_eq!(added(&client), "");
}

// REQ: ENC-17
#[test]
fn a_url_has_a_bound() {
    let long = |length: usize| {
        let value = "x".repeat(length);
        let parameters = [("x", value.as_str())];
        let client = CLIENT.parameters(&parameters);
        let flow = at_authorize(&client);
        let mut out = [0; 4096];
        flow.poll(NOW, &mut out).map(|_| ()).map_err(|error| outcome::of(error, Step::Setup, None))
    };
    let rest = authorization_url(&at_authorize(&CLIENT)).len() + "&x=".len();
    assert_eq!(long(2048 - rest), Ok(()));
    assert_eq!(long(2048 - rest + 1), Err(json!({ "err": "InputTooLarge", "arg": "url" })));
    assert_eq!(long(3000), Err(json!({ "err": "InputTooLarge", "arg": "url" })));
}
