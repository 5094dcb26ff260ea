//! Sign-out (OpenID Connect RP-Initiated Logout).

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;

use crate::client::{Client, may_redirect_to};
use crate::http::{Params, see_other, session_cookie, with_query};
use crate::interaction::{answer, wait};
use crate::record::Step;
use crate::{Issuer, now, pages};

/// `GET /oidc/logout`
pub async fn get(State(issuer): State<Arc<Issuer>>, headers: HeaderMap, uri: Uri) -> Response {
    logout(&issuer, &headers, Params::query(&uri))
}

/// `POST /oidc/logout`
pub async fn post(State(issuer): State<Arc<Issuer>>, headers: HeaderMap, body: Bytes) -> Response {
    logout(&issuer, &headers, Params::form(&headers, &body))
}

fn logout(issuer: &Issuer, headers: &HeaderMap, params: Option<Params>) -> Response {
    let Some(params) = params.filter(|params| !params.repeats()) else {
        return pages::error("The request cannot be read, or it has a parameter more than once.");
    };
    let asked = match read(issuer, &params) {
        Ok(asked) => asked,
        Err(problem) => return pages::error(problem),
    };
    let (mut store, now) = (issuer.store(), now());
    let cookie = session_cookie(issuer, headers).unwrap_or_default();
    let login = store.sessions.live(cookie, now).and_then(|session| session.login.clone());
    match login {
        None => done(asked.then),
        // The application shows that it signed in this very user: nobody has to be asked.
        Some(login) if asked.subject.is_some_and(|subject| subject == login.user.sub) => {
            store.sessions.remove(cookie);
            done(asked.then)
        }
        Some(login) => pages::logout(&wait(&mut store, cookie, Step::Logout(asked.then), now), &login.user),
    }
}

/// `POST /oidc/logout/confirm`
pub async fn confirm(State(issuer): State<Arc<Issuer>>, headers: HeaderMap, body: Bytes) -> Response {
    let Some((cookie, form, Step::Logout(then))) = answer(&issuer, &headers, &body) else {
        return pages::stale();
    };
    if form.one("answer") != Some("leave") {
        return pages::stayed();
    }
    issuer.store().sessions.remove(cookie);
    done(then)
}

/// What a request for sign-out says.
struct Asked {
    /// The subject of `id_token_hint`.
    subject: Option<String>,
    /// Where to go afterwards, with `state` in it.
    then: Option<String>,
}

fn read(issuer: &Issuer, params: &Params) -> Result<Asked, &'static str> {
    let hint = match params.one("id_token_hint") {
        Some(token) => {
            Some(issuer.keys.verify(token).ok_or("id_token_hint is not an ID token of this issuer.")?)
        }
        None => None,
    };
    let claim = |name: &str| hint.as_ref().and_then(|claims| claims.get(name)?.as_str());
    let (audience, id) = (claim("aud"), params.one("client_id"));
    if audience.is_some() && id.is_some() && audience != id {
        return Err("client_id is not the one that id_token_hint was issued to.");
    }
    let client = match id.or(audience) {
        Some(id) => Some(Client::find(id).ok_or("client_id names no application that this issuer knows.")?),
        None => None,
    };
    let then = match params.one("post_logout_redirect_uri") {
        None => None,
        Some(_) if client.is_none() => {
            return Err("post_logout_redirect_uri needs an id_token_hint or a client_id.");
        }
        Some(uri) if !may_redirect_to(uri, &issuer.url) => {
            return Err("post_logout_redirect_uri is none that this issuer allows.");
        }
        Some(uri) => {
            let state: Vec<_> = params.one("state").map(|state| ("state", state)).into_iter().collect();
            Some(with_query(uri, &state))
        }
    };
    Ok(Asked { subject: claim("sub").map(str::to_owned), then })
}

fn done(then: Option<String>) -> Response {
    then.map_or_else(pages::signed_out, |uri| see_other(&uri))
}
