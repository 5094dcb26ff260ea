//! The UserInfo endpoint (OIDC Core §5.3).

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::http::private_json;
use crate::{Issuer, now, token};

/// `GET /userinfo` and `POST /userinfo`
pub async fn userinfo(State(issuer): State<Arc<Issuer>>, headers: HeaderMap) -> Response {
    let Some(token) = bearer(&headers) else { return challenge(StatusCode::UNAUTHORIZED, NOTHING) };
    let mut store = issuer.store();
    let Some(access) = store.access_tokens.live(token, now()) else {
        return challenge(StatusCode::UNAUTHORIZED, INVALID);
    };
    let (number, scopes) = (access.grant, access.scopes.clone());
    let Some(grant) = store.grant(number) else { return challenge(StatusCode::UNAUTHORIZED, INVALID) };
    if !scopes.has("openid") {
        return challenge(StatusCode::FORBIDDEN, INSUFFICIENT);
    }
    let mut claims = json!({ "sub": grant.user.sub });
    token::add_user(&mut claims, grant, &scopes);
    private_json(StatusCode::OK, &claims)
}

/// The token of a request (RFC 6750 §2.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().filter(|_| values.next().is_none())?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

fn challenge(status: StatusCode, text: &'static str) -> Response {
    (status, [(WWW_AUTHENTICATE, HeaderValue::from_static(text))]).into_response()
}

const INSUFFICIENT: &str = "Bearer realm=\"demo issuer\", error=\"insufficient_scope\", \
    error_description=\"the token is not for openid\", scope=\"openid\"";

const INVALID: &str = "Bearer realm=\"demo issuer\", error=\"invalid_token\", \
    error_description=\"the token is unknown, revoked or too old\"";

/// A request without a token is told no error code (RFC 6750 §3.1).
const NOTHING: &str = "Bearer realm=\"demo issuer\"";
