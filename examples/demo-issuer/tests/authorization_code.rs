//! The code grant, from the metadata to UserInfo.

#[allow(dead_code, reason = "each test file uses another part of it")]
mod common;

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use keyfob_demo_issuer::DemoIssuer;
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{Signature, VerifyingKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use self::common::{Browser, part, redemption, replaced, request};

#[test]
fn the_metadata_names_endpoints_that_answer() {
    let issuer = DemoIssuer::start().unwrap();
    let mut browser = Browser::new(&issuer);
    let metadata = browser.get("/.well-known/openid-configuration").json();
    assert_eq!(metadata, browser.get("/.well-known/oauth-authorization-server").json());
    assert_eq!(metadata["issuer"], issuer.issuer());
    assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
    assert_eq!(metadata["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(metadata["request_uri_parameter_supported"], false);
    for (name, path) in [
        ("authorization_endpoint", "/authorize"),
        ("device_authorization_endpoint", "/oauth/device/code"),
        ("end_session_endpoint", "/oidc/logout"),
        ("jwks_uri", "/.well-known/jwks.json"),
        ("revocation_endpoint", "/oauth/revoke"),
        ("token_endpoint", "/oauth/token"),
        ("userinfo_endpoint", "/userinfo"),
    ] {
        assert_eq!(metadata[name], format!("{}{path}", issuer.issuer()));
        assert_ne!(browser.get(path).status, 404, "{path}");
    }
}

#[test]
fn a_whole_sign_in() {
    let issuer = DemoIssuer::start().unwrap();
    let mut browser = Browser::new(&issuer);
    let wish = [("scope", "openid profile email offline_access other"), ("organization", "org_1")];
    let params = browser.sign_in(&request(&wish)).params();
    assert_eq!((params["state"].as_str(), params["iss"].as_str()), ("some state", issuer.issuer()));

    let answer = browser.redeem(&params["code"]);
    assert_eq!(answer.status, 200);
    assert_eq!(
        (answer.header("cache-control"), answer.header("pragma")),
        (Some("no-store"), Some("no-cache"))
    );
    let tokens = answer.json();
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(3600)));
    assert_eq!(tokens["scope"], "openid profile email offline_access");
    assert!(tokens["refresh_token"].is_string());

    let id_token = tokens["id_token"].as_str().unwrap();
    let access_token = tokens["access_token"].as_str().unwrap();
    check_signature(id_token, &browser.get("/.well-known/jwks.json").json()["keys"][0]);
    let claims = part(id_token, 1);
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!(issuer.issuer()), &json!("demo")));
    assert_eq!((&claims["nonce"], &claims["org_id"]), (&json!("some-nonce"), &json!("org_1")));
    assert_eq!(claims["exp"].as_u64().unwrap(), claims["iat"].as_u64().unwrap() + 3600);
    assert!(claims["auth_time"].as_u64().unwrap() <= claims["iat"].as_u64().unwrap());
    assert_eq!(claims["at_hash"], Base64UrlUnpadded::encode_string(&Sha256::digest(access_token)[..16]));
    assert!(claims["updated_at"].as_str().unwrap().ends_with("Z"));

    let user = browser.userinfo(access_token).json();
    assert!(user["updated_at"].is_u64());
    assert_eq!(
        (&user["name"], &user["email"]),
        (&json!("Ada Lovelace"), &json!("ada.lovelace@demo.example"))
    );
    for claim in ["sub", "name", "email", "email_verified"] {
        assert_eq!(user[claim], claims[claim], "{claim}");
    }
}

#[test]
fn only_what_was_asked_for_is_told() {
    let issuer = DemoIssuer::start().unwrap();
    let mut browser = Browser::new(&issuer);
    let code = browser.code("openid");
    let tokens = browser.redeem(&code).json();
    assert!(tokens.get("refresh_token").is_none());
    let user = browser.userinfo(tokens["access_token"].as_str().unwrap()).json();
    assert_eq!(user.as_object().unwrap().keys().collect::<Vec<_>>(), ["sub"]);

    let code = browser.code("profile");
    let tokens = browser.redeem(&code).json();
    assert!(tokens.get("id_token").is_none());
    let answer = browser.userinfo(tokens["access_token"].as_str().unwrap());
    assert_eq!(answer.status, 403);
    assert!(answer.header("www-authenticate").unwrap().contains("insufficient_scope"));
}

#[test]
fn the_confidential_client_authenticates() {
    let issuer = DemoIssuer::start().unwrap();
    let mut browser = Browser::new(&issuer);
    let id = DemoIssuer::CONFIDENTIAL_CLIENT_ID;
    let mut code = || browser.sign_in(&request(&[("client_id", id)])).params()["code"].clone();
    let (post, basic) = (code(), code());

    let form = replaced(&redemption(&post), &[("client_id", id)]);
    for secret in [None, Some("wrong"), Some(DemoIssuer::CLIENT_SECRET)] {
        let form: Vec<_> =
            form.iter().copied().chain(secret.map(|secret| ("client_secret", secret))).collect();
        let answer = browser.post("/oauth/token", &form);
        if secret == Some(DemoIssuer::CLIENT_SECRET) {
            assert_eq!(answer.status, 200);
        } else {
            assert_eq!((answer.status, answer.error().as_str()), (401, "invalid_client"));
            assert!(answer.header("www-authenticate").unwrap().starts_with("Basic "));
        }
    }

    let form: Vec<_> = redemption(&basic).into_iter().filter(|(name, _)| *name != "client_id").collect();
    for (secret, status) in [("wrong", 401), (DemoIssuer::CLIENT_SECRET, 200)] {
        let credentials = Base64::encode_string(format!("{id}:{}", secret.replace('-', "%2D")).as_bytes());
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("authorization", &format!("Basic {credentials}")),
        ];
        assert_eq!(browser.post_with("/oauth/token", &common::encode(&form), &headers).status, status);
        let both = common::encode(&[form.as_slice(), &[("client_secret", secret)]].concat());
        assert_eq!(browser.post_with("/oauth/token", &both, &headers).error(), "invalid_request");
    }
}

#[test]
fn a_public_client_has_no_secret() {
    let issuer = DemoIssuer::start().unwrap();
    let mut browser = Browser::new(&issuer);
    let code = browser.code("openid");
    let form = replaced(&redemption(&code), &[("client_secret", "anything")]);
    assert_eq!(browser.post("/oauth/token", &form).error(), "invalid_client");
    let form = replaced(&redemption(&code), &[("client_id", "nobody")]);
    assert_eq!(browser.post("/oauth/token", &form).error(), "invalid_client");
}

#[test]
fn a_code_is_redeemed_once() {
    let issuer = DemoIssuer::start().unwrap();
    let mut browser = Browser::new(&issuer);
    let code = browser.code("openid offline_access");
    let tokens = browser.redeem(&code).json();
    let access_token = tokens["access_token"].as_str().unwrap();
    assert_eq!(browser.userinfo(access_token).status, 200);

    assert_eq!(browser.redeem(&code).error(), "invalid_grant");
    assert_eq!(browser.userinfo(access_token).status, 401);
    assert_eq!(browser.refresh(tokens["refresh_token"].as_str().unwrap()).error(), "invalid_grant");
}

#[test]
fn a_code_needs_its_verifier_client_and_redirect_uri() {
    let issuer = DemoIssuer::start().unwrap();
    let mut browser = Browser::new(&issuer);
    let code = browser.code("openid");
    let other = "x".repeat(43);
    for (change, error) in [
        (("code_verifier", other.as_str()), "invalid_grant"),
        (("code_verifier", "short"), "invalid_request"),
        (("code_verifier", ""), "invalid_request"),
        (("redirect_uri", "http://127.0.0.1:10/callback"), "invalid_grant"),
        (("redirect_uri", ""), "invalid_request"),
        (("code", "unknown"), "invalid_grant"),
        (("code", ""), "invalid_request"),
        (("grant_type", "password"), "unsupported_grant_type"),
        (("grant_type", ""), "invalid_request"),
    ] {
        let answer = browser.post("/oauth/token", &replaced(&redemption(&code), &[change]));
        assert_eq!((answer.status, answer.error().as_str()), (400, error), "{change:?}");
        assert!(!answer.json()["error_description"].as_str().unwrap().is_empty());
    }
    let confidential =
        [("client_id", DemoIssuer::CONFIDENTIAL_CLIENT_ID), ("client_secret", DemoIssuer::CLIENT_SECRET)];
    let answer = browser.post("/oauth/token", &replaced(&redemption(&code), &confidential));
    assert_eq!(answer.error(), "invalid_grant");
    assert_eq!(browser.redeem(&code).status, 200);
}

#[test]
fn token_requests_are_forms_without_repetition() {
    let issuer = DemoIssuer::start().unwrap();
    let mut browser = Browser::new(&issuer);
    let code = browser.code("openid");
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let body = common::encode(&redemption(&code));

    let twice = format!("{body}&code={code}");
    assert_eq!(browser.post_with("/oauth/token", &twice, &form).error(), "invalid_request");
    assert_eq!(browser.post_with("/oauth/token?a=b", &body, &form).error(), "invalid_request");
    let json = [("content-type", "application/json")];
    assert_eq!(browser.post_with("/oauth/token", &body, &json).error(), "invalid_request");
    let long = format!("{body}&x={}", "x".repeat(16 * 1024));
    assert_eq!(browser.post_with("/oauth/token", &long, &form).status, 413);
    assert_eq!(browser.get(&format!("/oauth/token?{body}")).status, 405);
    assert_eq!(browser.post_with("/oauth/token", &body, &form).status, 200);
}

#[test]
fn other_redirect_uris() {
    let issuer = DemoIssuer::start().unwrap();
    let mut browser = Browser::new(&issuer);
    for redirect_uri in ["http://[::1]:4000/a/b?c=d", "com.example.app:/callback"] {
        let answer = browser.sign_in(&request(&[("redirect_uri", redirect_uri)]));
        let separator = if redirect_uri.contains('?') { '&' } else { '?' };
        assert!(answer.location().starts_with(&format!("{redirect_uri}{separator}code=")));
    }
}

fn check_signature(token: &str, jwk: &Value) {
    let header = part(token, 0);
    assert_eq!((&header["alg"], &header["kid"]), (&json!("ES256"), &jwk["kid"]));
    let member = |name: &str| Base64UrlUnpadded::decode_vec(jwk[name].as_str().unwrap()).unwrap();
    let key = VerifyingKey::from_sec1_bytes(&[vec![4], member("x"), member("y")].concat()).unwrap();
    let (input, signature) = token.rsplit_once('.').unwrap();
    let signature = Signature::from_slice(&Base64UrlUnpadded::decode_vec(signature).unwrap()).unwrap();
    key.verify(input.as_bytes(), &signature).unwrap();
}
