//! The authorization endpoint (RFC 6749 §4.1.1, OIDC Core §3.1.2).

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;

use crate::Issuer;
use crate::client::{Client, may_redirect_to};
use crate::http::{Params, Refusal, see_other, with_query};
use crate::interaction::{self, Wish};
use crate::pages;
use crate::push;
use crate::record::{Ask, Scopes, Way};

/// `GET /authorize`
pub async fn get(State(issuer): State<Arc<Issuer>>, headers: HeaderMap, uri: Uri) -> Response {
    authorize(&issuer, &headers, Params::query(&uri))
}

/// `POST /authorize`
pub async fn post(State(issuer): State<Arc<Issuer>>, headers: HeaderMap, body: Bytes) -> Response {
    authorize(&issuer, &headers, Params::form(&headers, &body))
}

fn authorize(issuer: &Issuer, headers: &HeaderMap, params: Option<Params>) -> Response {
    let Some(params) = params else {
        return pages::error("The request cannot be read: it is not a form in UTF-8, or it is far too long.");
    };
    let Some(params) = push::unfold(issuer, params) else {
        return pages::error("request_uri is unknown, used, too old, or another application's.");
    };
    //= https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1
    //# If the request fails due to a missing, invalid, or mismatching
    //# redirection URI, or if the client identifier is missing or invalid,
    //# the authorization server SHOULD inform the resource owner of the
    //# error and MUST NOT automatically redirect the user-agent to the
    //# invalid redirection URI.
    let Some(client) = params.one("client_id").and_then(Client::find) else {
        return pages::error(
            "client_id is missing, is there twice, or names no application that this issuer knows.",
        );
    };
    let allowed = |uri: &&str| may_redirect_to(uri, &issuer.url);
    let Some(redirect_uri) = params.one("redirect_uri").filter(allowed) else {
        return pages::error(
            "redirect_uri is missing, is there twice, or is none that this issuer allows: \
             http://127.0.0.1:PORT/…, http://[::1]:PORT/… or a scheme with a dot such as com.example.app:/callback.",
        );
    };
    match read(issuer, &params, client, redirect_uri) {
        Ok((ask, wish)) => interaction::begin(issuer, headers, ask, &wish),
        Err(refusal) => refuse(issuer, redirect_uri, params.one("state"), refusal),
    }
}

/// Reports an error to the application (RFC 6749 §4.1.2.1).
pub fn refuse(issuer: &Issuer, redirect_uri: &str, state: Option<&str>, refusal: Refusal) -> Response {
    let answer = [("error", refusal.error), ("error_description", refusal.description)];
    answer_with(issuer, redirect_uri, state, &answer)
}

/// Hands the code to the application (RFC 6749 §4.1.2).
pub fn accept(issuer: &Issuer, redirect_uri: &str, state: Option<&str>, code: &str) -> Response {
    answer_with(issuer, redirect_uri, state, &[("code", code)])
}

fn answer_with(
    issuer: &Issuer,
    redirect_uri: &str,
    state: Option<&str>,
    answer: &[(&str, &str)],
) -> Response {
    let mut answer = answer.to_vec();
    answer.extend(state.map(|state| ("state", state)));
    //= https://www.rfc-editor.org/rfc/rfc9207#section-2
    //# In authorization responses to the client, including error responses,
    //# an authorization server supporting this specification MUST indicate
    //# its identity by including the iss parameter in the response.
    answer.push(("iss", &issuer.url));
    see_other(&with_query(redirect_uri, &answer))
}

/// Reads what is asked for; every refusal goes to the application.
pub fn read(
    issuer: &Issuer,
    params: &Params,
    client: &'static Client,
    redirect_uri: &str,
) -> Result<(Ask, Wish), Refusal> {
    if params.repeats() {
        return Err(Refusal::invalid_request("a parameter is there more than once"));
    }
    for (name, error) in UNSUPPORTED {
        if params.one(name).is_some() {
            return Err(Refusal::new(error, "this issuer takes its parameters one by one"));
        }
    }
    if params.required("response_type", "response_type is missing")? != "code" {
        return Err(Refusal::new("unsupported_response_type", "response_type has to be code"));
    }
    if params.one("response_mode").is_some_and(|mode| mode != "query") {
        return Err(Refusal::invalid_request("response_mode can only be query"));
    }
    let challenge = params.required("code_challenge", "code_challenge is missing: PKCE is required")?;
    if params.one("code_challenge_method") != Some("S256") {
        return Err(Refusal::invalid_request("code_challenge_method has to be S256"));
    }
    if challenge.len() != CHALLENGE_LENGTH || !challenge.bytes().all(is_base64url) {
        return Err(Refusal::invalid_request("code_challenge is not a SHA-256 digest in base64url"));
    }

    let ask = Ask {
        audience: bounded(params, "audience")?,
        client,
        login_hint: bounded(params, "login_hint")?,
        nonce: params.one("nonce").map(str::to_owned),
        organization: bounded(params, "organization")?,
        scopes: scopes(params)?,
        subject: subject(issuer, params)?,
        way: Way::Redirect {
            challenge: challenge.to_owned(),
            redirect_uri: redirect_uri.to_owned(),
            state: params.one("state").map(str::to_owned),
        },
    };
    Ok((ask, wish(params)?))
}

/// Reads `scope`; a request for nothing that the issuer knows is refused.
pub fn scopes(params: &Params) -> Result<Scopes, Refusal> {
    let scopes = Scopes::parse(params.one("scope").unwrap_or_default());
    if scopes.is_empty() {
        return Err(Refusal::new(
            "invalid_scope",
            "scope has to name openid, profile, email or offline_access",
        ));
    }
    Ok(scopes)
}

/// Reads `prompt` and `max_age` (OIDC Core §3.1.2.1).
fn wish(params: &Params) -> Result<Wish, Refusal> {
    let mut wish = Wish::default();
    for prompt in params.one("prompt").unwrap_or_default().split(' ').filter(|prompt| !prompt.is_empty()) {
        match prompt {
            // Consent is asked for every time.
            "consent" => wish.interactive = true,
            "login" | "select_account" => (wish.interactive, wish.login) = (true, true),
            "none" => wish.silent = true,
            _ => {
                return Err(Refusal::invalid_request(
                    "prompt can be none, login, select_account and consent",
                ));
            }
        }
    }
    if wish.silent && wish.interactive {
        return Err(Refusal::invalid_request("prompt=none stands alone"));
    }
    if let Some(text) = params.one("max_age") {
        let seconds = text.bytes().all(|octet| octet.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        wish.max_age = Some(seconds.ok_or(Refusal::invalid_request("max_age is not a number of seconds"))?);
    }
    Ok(wish)
}

/// Reads `id_token_hint`; the token may be old, but has to be one of this issuer.
fn subject(issuer: &Issuer, params: &Params) -> Result<Option<String>, Refusal> {
    let Some(hint) = params.one("id_token_hint") else { return Ok(None) };
    let claims =
        issuer.keys.verify(hint).ok_or(Refusal::invalid_request("id_token_hint is not of this issuer"))?;
    Ok(claims.get("sub").and_then(|sub| sub.as_str()).map(str::to_owned))
}

/// Reads a parameter that is shown to the user or copied into tokens.
fn bounded(params: &Params, name: &str) -> Result<Option<String>, Refusal> {
    let value = params.one(name);
    if value.is_some_and(|value| value.len() > LONGEST_SHOWN || value.chars().any(char::is_control)) {
        return Err(Refusal::invalid_request(
            "audience, login_hint or organization is too long or not plain text",
        ));
    }
    Ok(value.map(str::to_owned))
}

fn is_base64url(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_'
}

/// A SHA-256 digest in base64url (RFC 7636 §4.2).
const CHALLENGE_LENGTH: usize = 43;

const LONGEST_SHOWN: usize = 256;

/// Parameters of OIDC Core §6 and §7.2.1, and the errors for who does not support them (§3.1.2.6).
const UNSUPPORTED: [(&str, &str); 3] = [
    ("registration", "registration_not_supported"),
    ("request", "request_not_supported"),
    ("request_uri", "request_uri_not_supported"),
];
