//! Revocation and RP-initiated logout.

use keyfob_core::{
    client::Client,
    client_authentication::ClientAuthentication,
    end_session::EndSession,
    error::{Check, Error, ErrorCode, Name},
    exchange::{Exchange, Revocation},
    http::Incoming,
    metadata::Metadata,
    secret::Secret,
    time::Now,
};

const NOW: Now = Now::unknown(0);

const SERVER: Metadata<'static> = Metadata::new("https://op.example")
    .end_session_endpoint("https://op.example/oidc/logout")
    .revocation_endpoint("https://op.example/oauth/revoke");
const KIOSK: Client<'static> = Client::new(SERVER, "kiosk-01");

fn body(revocation: &Revocation<'_>) -> String {
    let mut out = [0; 512];
    let request = revocation.request(NOW, &mut out).expect("a request");
    String::from_utf8(request.body().to_vec()).expect("text")
}

fn answer(status: u16, content_type: &str, text: &str) -> Result<(), Error> {
    let revocation = Revocation::refresh_token(&KIOSK, "rt");
    let mut out = [0; 512];
    let keep = revocation.request(NOW, &mut out).expect("a request").keep();
    let mut buffer = [0; 512];
    let mut incoming = Incoming::new(keep, &mut buffer);
    incoming.status(status);
    incoming.header("Content-Type", content_type.as_bytes());
    incoming.body(text.as_bytes());
    revocation.response(incoming.finish().0)
}

// REQ: REVOKE-01, AUTHC-06
#[test]
fn revocation_request() {
    // V:form_bodies "revocation".
    let revocation = Revocation::refresh_token(&KIOSK, "45ghiukldjahdnhzdauz");
    assert_eq!(
        body(&revocation),
        "token=45ghiukldjahdnhzdauz&token_type_hint=refresh_token&client_id=kiosk-01"
    );
    let revocation = Revocation::access_token(&KIOSK, "a+b");
    assert_eq!(body(&revocation), "token=a%2Bb&token_type_hint=access_token&client_id=kiosk-01");

    let client = KIOSK.authentication(ClientAuthentication::ClientSecretBasic(Secret::new("s")));
    let revocation = Revocation::refresh_token(&client, "rt");
    assert_eq!(body(&revocation), "token=rt&token_type_hint=refresh_token");
    let mut out = [0; 512];
    let request = revocation.request(NOW, &mut out).expect("a request");
    assert_eq!(request.url(), "https://op.example/oauth/revoke");
    assert!(request.headers().any(|header| header == ("Authorization", "Basic a2lvc2stMDE6cw==")));
}

// REQ: REVOKE-02
#[test]
fn revoked_whatever_the_body() {
    for (content_type, text) in
        [("", ""), ("text/html", "<p>done"), ("application/json", "{"), ("application/json", "{}")]
    {
        assert_eq!(answer(200, content_type, text), Ok(()));
    }
    assert_eq!(answer(204, "", ""), Ok(()));
}

// REQ: REVOKE-03
#[test]
fn not_revoked() {
    assert_eq!(answer(503, "text/html", "later"), Err(Check::HttpStatus(503).into()));
    assert_eq!(answer(302, "text/html", ""), Err(Check::HttpRedirect.into()));
    let refused = answer(400, "application/json", r#"{"error":"unsupported_token_type"}"#);
    assert_eq!(refused, Err(Error::Refused(ErrorCode::UnsupportedTokenType)));
    let refused = answer(401, "application/json", r#"{"error":"invalid_client"}"#);
    assert_eq!(refused, Err(Error::Refused(ErrorCode::InvalidClient)));
}

// REQ: LOGOUT-01, LOGOUT-03, LOGOUT-07
#[test]
fn end_session_url() {
    let mut out = [0; 2048];
    let client = KIOSK.ui_locales(&["de", "en"]);
    let end = EndSession::new(&client)
        .id_token_hint("h.p.s")
        .post_logout_redirect_uri("http://127.0.0.1/loggedout", "fresh");
    assert_eq!(
        end.url(&mut out),
        Ok("https://op.example/oidc/logout?id_token_hint=h.p.s&client_id=kiosk-01\
            &post_logout_redirect_uri=http%3A%2F%2F127.0.0.1%2Floggedout&state=fresh&ui_locales=de%20en")
    );
    let needed = end.url(&mut []).expect_err("no room");
    let Error::BufferTooSmall { needed } = needed else { panic!("{needed:?}") };
    assert!(end.url(&mut out[..needed]).is_ok());
    assert!(end.url(&mut out[..needed - 1]).is_err());

    let without = Client::new(Metadata::new("https://op.example"), "kiosk-01");
    let missing = Check::MissingMember(Name::EndSessionEndpoint).into();
    assert_eq!(EndSession::new(&without).url(&mut out), Err(missing));
    let plain = Client::new(SERVER.end_session_endpoint("http://op.example/logout"), "kiosk-01");
    let insecure = Check::InsecureUrl(Name::EndSessionEndpoint).into();
    assert_eq!(EndSession::new(&plain).url(&mut out), Err(insecure));
}

// REQ: LOGOUT-09
#[test]
fn a_hint_that_is_too_long_is_left_out() {
    let mut out = [0; 4096];
    let hint = "x".repeat(2048);
    let end = EndSession::new(&KIOSK).id_token_hint(&hint).logout_hint("alice");
    assert_eq!(end.url(&mut out), Ok("https://op.example/oidc/logout?client_id=kiosk-01&logout_hint=alice"));
}
