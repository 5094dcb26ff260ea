//! Revocation (RFC 7009).

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use crate::client::Client;
use crate::http::{Params, Refusal};
use crate::{Issuer, now};

/// `POST /oauth/revoke`
pub async fn revoke(
    State(issuer): State<Arc<Issuer>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match end(&issuer, &uri, &headers, &body) {
        Ok(()) => StatusCode::OK.into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

/// Ends a token. A refresh token takes its whole grant along, an access token only itself.
///
/// `token_type_hint` is not needed to find it, and must not mislead (RFC 7009 §2.1).
fn end(issuer: &Issuer, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Result<(), Refusal> {
    let form = Params::request(uri, headers, body)?;
    let client = Client::authenticate(headers, &form)?;
    let token = form.required("token", "token is missing")?;
    let mut store = issuer.store();

    let refresh = store.refresh_tokens.find(token).map(|item| item.value.grant);
    let access = store.access_tokens.find(token).map(|item| item.value.grant);
    let number = refresh.or(access);
    //= https://www.rfc-editor.org/rfc/rfc7009#section-2.2
    //# Note: invalid tokens do not cause an error response since the client
    //# cannot handle such an error in a reasonable way.
    let Some(grant) = number.and_then(|number| store.grant(number)) else { return Ok(()) };
    if grant.client != client {
        return Err(Refusal::invalid_grant("the token was issued to another client"));
    }
    match refresh {
        Some(number) => store.revoke(number),
        None => drop(store.access_tokens.take(token, now())),
    }
    Ok(())
}
