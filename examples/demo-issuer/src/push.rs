//! Pushed authorization requests (RFC 9126).

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::authorize;
use crate::client::{Client, may_redirect_to};
use crate::http::{Params, Refusal, private_json};
use crate::{Issuer, now};

/// A request that waits for its user.
pub struct Pushed {
    client: &'static Client,
    params: Params,
}

/// `POST /oauth/par`
pub async fn push(State(issuer): State<Arc<Issuer>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    match keep(&issuer, &uri, &headers, &body) {
        Ok(answer) => private_json(StatusCode::CREATED, &answer),
        Err(refusal) => refusal.into_response(),
    }
}

/// Checks the request as the authorization endpoint would, and keeps it.
fn keep(issuer: &Issuer, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Result<Value, Refusal> {
    let params = Params::request(uri, headers, body)?;
    let client = Client::authenticate(headers, &params)?;
    //= https://www.rfc-editor.org/rfc/rfc9126#section-2.1
    //# The client can send all these parameters as request parameters, with the exception of request_uri
    if params.one("request_uri").is_some() {
        return Err(Refusal::invalid_request("request_uri cannot be pushed"));
    }
    params.required("client_id", "client_id is missing")?;
    let redirect_uri = params.required("redirect_uri", "redirect_uri is missing")?;
    if !may_redirect_to(redirect_uri, &issuer.url) {
        return Err(Refusal::invalid_request("redirect_uri is none that this issuer allows"));
    }
    authorize::read(issuer, &params, client, redirect_uri)?;
    let name = issuer.store().pushed.put(Pushed { client, params }, now() + LIFETIME);
    Ok(json!({ "request_uri": format!("{PREFIX}{name}"), "expires_in": LIFETIME }))
}

/// The parameters of a request, pushed or not; `None` if what was pushed is not there, or was another client's.
pub fn unfold(issuer: &Issuer, params: Params) -> Option<Params> {
    let Some(name) = params.one("request_uri").and_then(|uri| uri.strip_prefix(PREFIX)) else {
        return Some(params);
    };
    // It is good once (RFC 9126 §7.3).
    let pushed = issuer.store().pushed.take(name, now())?;
    (params.one("client_id") == Some(pushed.client.id)).then_some(pushed.params)
}

/// RFC 9126 §2.2.
const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";

/// Seconds that a user has to get here.
const LIFETIME: u64 = 60;
