//! The issuer's metadata (OIDC Discovery §3, RFC 8414 §2) and its keys (RFC 7517 §5).

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use crate::Issuer;
use crate::http;
use crate::record::Scopes;
use crate::token;

/// `GET /.well-known/openid-configuration` and `GET /.well-known/oauth-authorization-server`
pub async fn metadata(State(issuer): State<Arc<Issuer>>) -> Response {
    let at = |path: &str| format!("{}{path}", issuer.url);
    let metadata = json!({
        "issuer": issuer.url,
        "authorization_endpoint": at("/authorize"),
        "device_authorization_endpoint": at("/oauth/device/code"),
        "end_session_endpoint": at("/oidc/logout"),
        "jwks_uri": at("/.well-known/jwks.json"),
        "pushed_authorization_request_endpoint": at("/oauth/par"),
        "revocation_endpoint": at("/oauth/revoke"),
        "token_endpoint": at("/oauth/token"),
        "userinfo_endpoint": at("/userinfo"),

        "authorization_response_iss_parameter_supported": true,
        "claims_parameter_supported": false,
        "claims_supported": CLAIMS,
        "code_challenge_methods_supported": ["S256"],
        "grant_types_supported": [token::CODE, token::REFRESH, token::DEVICE],
        "id_token_signing_alg_values_supported": ["ES256"],
        "prompt_values_supported": ["none", "login", "select_account", "consent"],
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "require_pushed_authorization_requests": false,
        "response_modes_supported": ["query"],
        "response_types_supported": ["code"],
        "revocation_endpoint_auth_methods_supported": AUTHENTICATION,
        "scopes_supported": Scopes::SUPPORTED,
        "subject_types_supported": ["public"],
        "token_endpoint_auth_methods_supported": AUTHENTICATION,
    });
    http::json(StatusCode::OK, &metadata)
}

/// `GET /.well-known/jwks.json`
pub async fn jwks(State(issuer): State<Arc<Issuer>>) -> Response {
    http::json(StatusCode::OK, &issuer.keys.jwks())
}

const AUTHENTICATION: [&str; 3] = ["client_secret_basic", "client_secret_post", "none"];

const CLAIMS: [&str; 13] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "auth_time",
    "nonce",
    "at_hash",
    "name",
    "updated_at",
    "email",
    "email_verified",
    "org_id",
];
