//! The token endpoint (RFC 6749 §3.2) and the ID token (OIDC Core §2).

use std::ops::RangeInclusive;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::client::Client;
use crate::http::{Params, Refusal, private_json};
use crate::record::{AccessToken, Grant, RefreshToken, Scopes};
use crate::store::{Redemption, Store};
use crate::{Issuer, device, keys, now};

/// `POST /oauth/token`
pub async fn token(State(issuer): State<Arc<Issuer>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    match respond(&issuer, &uri, &headers, &body) {
        Ok(tokens) => private_json(StatusCode::OK, &tokens),
        Err(refusal) => refusal.into_response(),
    }
}

fn respond(issuer: &Issuer, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Result<Value, Refusal> {
    let form = Params::request(uri, headers, body)?;
    let client = Client::authenticate(headers, &form)?;
    match form.required("grant_type", "grant_type is missing")? {
        CODE => authorization_code(issuer, client, &form),
        DEVICE => device_code(issuer, client, &form),
        REFRESH => refresh_token(issuer, client, &form),
        _ => Err(Refusal::new("unsupported_grant_type", "this issuer does not have that grant")),
    }
}

/// RFC 6749 §4.1.3 with RFC 7636 §4.5.
fn authorization_code(issuer: &Issuer, client: &'static Client, form: &Params) -> Result<Value, Refusal> {
    let verifier = form.required("code_verifier", "code_verifier is missing")?;
    if !VERIFIER_LENGTH.contains(&verifier.len()) || !verifier.bytes().all(is_unreserved) {
        return Err(Refusal::invalid_request("code_verifier is not 43 to 128 unreserved characters"));
    }
    let redemption = Redemption {
        client,
        code: form.required("code", "code is missing")?,
        redirect_uri: form.required("redirect_uri", "redirect_uri is missing")?,
        verifier,
    };
    let (mut store, now) = (issuer.store(), now());
    let number = store.redeem(&redemption, now)?;
    first(issuer, &mut store, number, now)
}

/// RFC 8628 §3.4.
fn device_code(issuer: &Issuer, client: &'static Client, form: &Params) -> Result<Value, Refusal> {
    let code = form.required("device_code", "device_code is missing")?;
    let (mut store, now) = (issuer.store(), now());
    let number = device::poll(&mut store, code, client, now)?;
    first(issuer, &mut store, number, now)
}

/// RFC 6749 §6.
fn refresh_token(issuer: &Issuer, client: &'static Client, form: &Params) -> Result<Value, Refusal> {
    let token = form.required("refresh_token", "refresh_token is missing")?;
    let (mut store, now) = (issuer.store(), now());
    let (number, scopes) = store.rotate(token, client, form.one("scope"), now)?;
    // A refreshed ID token has no nonce (OIDC Core §12.2).
    issue(issuer, &mut store, number, scopes, false, now)
}

/// Issues the first tokens of a grant.
fn first(issuer: &Issuer, store: &mut Store, number: u64, now: u64) -> Result<Value, Refusal> {
    let scopes = store.grant(number).ok_or(REVOKED)?.scopes.clone();
    issue(issuer, store, number, scopes, true, now)
}

fn issue(
    issuer: &Issuer,
    store: &mut Store,
    number: u64,
    scopes: Scopes,
    with_nonce: bool,
    now: u64,
) -> Result<Value, Refusal> {
    let access_token = AccessToken { grant: number, scopes: scopes.clone() };
    let access_token = store.access_tokens.put(access_token, now + ACCESS_LIFETIME);
    let refresh = store.grant(number).is_some_and(|grant| grant.scopes.has("offline_access")).then(|| {
        store.refresh_tokens.put(RefreshToken { grant: number, used: false }, now + REFRESH_LIFETIME)
    });
    let grant = store.grant(number).ok_or(REVOKED)?;

    let mut tokens = json!({
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": ACCESS_LIFETIME,
        "scope": scopes.text(),
    });
    if let Some(refresh) = refresh {
        tokens["refresh_token"] = refresh.into();
    }
    if scopes.has("openid") {
        let mut claims = id_token(issuer, grant, &scopes, now);
        claims["at_hash"] = keys::half_hash(&access_token).into();
        if let (true, Some(nonce)) = (with_nonce, &grant.nonce) {
            claims["nonce"] = nonce.as_str().into();
        }
        tokens["id_token"] = issuer.keys.sign(&claims).into();
    }
    Ok(tokens)
}

/// The claims of an ID token that do not depend on the request.
fn id_token(issuer: &Issuer, grant: &Grant, scopes: &Scopes, now: u64) -> Value {
    let mut claims = json!({
        "iss": issuer.url,
        "sub": grant.user.sub,
        "aud": grant.client.id,
        "exp": now + ID_TOKEN_LIFETIME,
        "iat": now,
        "auth_time": grant.auth_time,
    });
    add_user(&mut claims, grant, scopes);
    if scopes.has("profile") {
        // OIDC Core §5.1 wants a number. Auth0 writes text into its ID tokens, so a client has to cope with both.
        claims["updated_at"] = date(grant.auth_time).into();
    }
    if let Some(organization) = &grant.organization {
        claims["org_id"] = organization.as_str().into();
    }
    claims
}

/// Adds what the scopes tell about the user (OIDC Core §5.4).
pub fn add_user(claims: &mut Value, grant: &Grant, scopes: &Scopes) {
    if scopes.has("profile") {
        claims["name"] = grant.user.name.as_str().into();
        claims["updated_at"] = grant.auth_time.into();
    }
    if scopes.has("email") {
        claims["email"] = grant.user.email.as_str().into();
        claims["email_verified"] = false.into();
    }
}

/// A time as RFC 3339 writes it, with milliseconds as JavaScript does.
fn date(time: u64) -> String {
    let (days, seconds) = (time / 86_400, time % 86_400);
    // Howard Hinnant, "chrono-compatible low-level date algorithms": civil_from_days, for days from 1970 on.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.000Z")
}

fn is_unreserved(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"-._~".contains(&octet)
}

/// `grant_type` of RFC 6749 §4.1.3.
pub const CODE: &str = "authorization_code";

/// `grant_type` of RFC 8628 §3.4.
pub const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// `grant_type` of RFC 6749 §6.
pub const REFRESH: &str = "refresh_token";

const ACCESS_LIFETIME: u64 = 60 * 60;
const ID_TOKEN_LIFETIME: u64 = 60 * 60;
const REFRESH_LIFETIME: u64 = 30 * 24 * 60 * 60;
const REVOKED: Refusal = Refusal::invalid_grant("the user's permission was revoked");
const VERIFIER_LENGTH: RangeInclusive<usize> = 43..=128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(date(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(date(951_782_399), "2000-02-28T23:59:59.000Z");
        assert_eq!(date(951_782_400), "2000-02-29T00:00:00.000Z");
        assert_eq!(date(1_735_689_599), "2024-12-31T23:59:59.000Z");
        assert_eq!(date(4_107_542_400), "2100-03-01T00:00:00.000Z");
    }
}
