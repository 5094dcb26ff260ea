//! The user's way from the application's question to the answer: sign in, allow or deny.
//!
//! Each page waits under a one-time identifier, which its form carries, and belongs to the browser that got
//! it, which the session cookie shows. Without both nothing is answered, so no other page can answer for the
//! user. (The `Origin` header would not help: under `Referrer-Policy: no-referrer` browsers send `null`.)

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::authorize;
use crate::http::{Params, Refusal, see_other, session_cookie, set_session};
use crate::record::{Ask, Code, Grant, Login, Pending, Session, Step, User, Way};
use crate::shelf::digest;
use crate::store::Store;
use crate::{Issuer, device, now, pages};

/// What the application wishes of the sign-in (OIDC Core §3.1.2.1).
#[derive(Default)]
pub struct Wish {
    /// `prompt` names a page to show.
    pub interactive: bool,
    /// `prompt=login`: the user signs in again.
    pub login: bool,
    /// `max_age`: the oldest sign-in that will do, in seconds.
    pub max_age: Option<u64>,
    /// `prompt=none`: no page may be shown.
    pub silent: bool,
}

/// Puts a question to the user, or answers it at once where the application wishes no page.
pub fn begin(issuer: &Issuer, headers: &HeaderMap, ask: Ask, wish: &Wish) -> Response {
    let (mut store, now) = (issuer.store(), now());
    let known = session_cookie(issuer, headers).filter(|cookie| store.sessions.live(cookie, now).is_some());
    let session = known.and_then(|cookie| store.sessions.live(cookie, now));
    let recent = |login: &&Login| wish.max_age.is_none_or(|age| now.saturating_sub(login.auth_time) < age);
    let right = |login: &&Login| ask.subject.as_ref().is_none_or(|subject| *subject == login.user.sub);
    let login =
        session.as_ref().and_then(|session| session.login.as_ref()).filter(recent).filter(right).cloned();

    if wish.silent {
        // RFC 8252 §8.6 wants a native application's user to be asked each time. An issuer to try clients with
        // has to have a silent answer as well, so here what the same browser allowed before is enough.
        let allowed = session.is_some_and(|session| session.has_allowed(&ask));
        return match login {
            None => refuse(issuer, &mut store, &ask, LOGIN_REQUIRED),
            Some(_) if !allowed => refuse(issuer, &mut store, &ask, CONSENT_REQUIRED),
            Some(login) => allow(issuer, &mut store, ask, login),
        };
    }

    let fresh = known.is_none().then(|| store.sessions.put(Session::default(), now + SESSION_LIFETIME));
    let cookie = fresh.as_deref().or(known).unwrap_or_default();
    let step = if login.is_some() && !wish.login { Step::Consent(ask) } else { Step::Login(ask) };
    let mut response = show(&mut store, cookie, step, now);
    if let Some(fresh) = fresh {
        set_session(issuer, &mut response, &fresh);
    }
    response
}

/// `GET /login`
pub async fn login(State(issuer): State<Arc<Issuer>>, headers: HeaderMap, uri: Uri) -> Response {
    let id = one_time_id(Params::query(&uri));
    match peek(&issuer, &headers, &id) {
        Some((Step::Login(ask), _)) => pages::login(&id, &ask, None),
        _ => pages::stale(),
    }
}

/// `POST /login`
pub async fn sign_in(State(issuer): State<Arc<Issuer>>, headers: HeaderMap, body: Bytes) -> Response {
    let Some((cookie, form, step)) = answer(&issuer, &headers, &body) else { return pages::stale() };
    let Step::Login(ask) = step else { return pages::stale() };
    let (mut store, now) = (issuer.store(), now());
    let Some(user) = user(form.one("name").unwrap_or_default()) else {
        let id = wait(&mut store, cookie, Step::Login(ask.clone()), now);
        return pages::login(&id, &ask, Some("Please type a name. Any name will do."));
    };

    // A new cookie: whoever knew the old one, or planted it, is not signed in by it.
    let before = store.sessions.take(cookie, now).unwrap_or_default();
    let same = before.login.is_some_and(|login| login.user.sub == user.sub);
    let allowed = if same { before.allowed } else { Vec::new() };
    let session = Session { allowed, login: Some(Login { auth_time: now, user }) };
    let cookie = store.sessions.put(session, now + SESSION_LIFETIME);
    let mut response = show(&mut store, &cookie, Step::Consent(ask), now);
    set_session(&issuer, &mut response, &cookie);
    response
}

/// `GET /consent`
pub async fn consent(State(issuer): State<Arc<Issuer>>, headers: HeaderMap, uri: Uri) -> Response {
    let id = one_time_id(Params::query(&uri));
    match peek(&issuer, &headers, &id) {
        Some((Step::Consent(ask), Some(login))) => pages::consent(&id, &ask, &login.user),
        _ => pages::stale(),
    }
}

/// `POST /consent`
pub async fn decide(State(issuer): State<Arc<Issuer>>, headers: HeaderMap, body: Bytes) -> Response {
    let Some((cookie, form, step)) = answer(&issuer, &headers, &body) else { return pages::stale() };
    let Step::Consent(ask) = step else { return pages::stale() };
    let (mut store, now) = (issuer.store(), now());
    let Some(session) = store.sessions.live(cookie, now) else { return pages::stale() };
    let Some(login) = session.login.clone() else { return pages::stale() };
    match form.one("answer") {
        Some("allow") if ask.subject.as_ref().is_some_and(|subject| *subject != login.user.sub) => {
            refuse(&issuer, &mut store, &ask, OTHER_USER)
        }
        Some("allow") => {
            session.allowed.retain(|(client, _)| *client != ask.client);
            session.allowed.push((ask.client, ask.scopes.clone()));
            allow(&issuer, &mut store, ask, login)
        }
        Some("switch") => show(&mut store, cookie, Step::Login(ask), now),
        _ => refuse(&issuer, &mut store, &ask, DENIED),
    }
}

/// Lets a page wait for its answer and gives back the identifier for its form.
pub fn wait(store: &mut Store, cookie: &str, step: Step, now: u64) -> String {
    store.pending.put(Pending { session: digest(cookie), step }, now + PENDING_LIFETIME)
}

/// Takes the answer to a page: its session cookie, its form, and what it was about; `None` if the identifier
/// or the browser is not the right one.
pub fn answer<'h>(issuer: &Issuer, headers: &'h HeaderMap, body: &[u8]) -> Option<(&'h str, Params, Step)> {
    let form = Params::form(headers, body).filter(|form| !form.repeats())?;
    let cookie = session_cookie(issuer, headers)?;
    let (mut store, now, id) = (issuer.store(), now(), form.one("id")?);
    if !is_of(store.pending.live(id, now)?, cookie) {
        return None;
    }
    let step = store.pending.take(id, now)?.step;
    Some((cookie, form, step))
}

/// What a page is about and who is signed in, without using the page up: it may be loaded again.
fn peek(issuer: &Issuer, headers: &HeaderMap, id: &str) -> Option<(Step, Option<Login>)> {
    let cookie = session_cookie(issuer, headers)?;
    let (mut store, now) = (issuer.store(), now());
    let step = store.pending.live(id, now).filter(|pending| is_of(pending, cookie))?.step.clone();
    let login = store.sessions.live(cookie, now)?.login.clone();
    Some((step, login))
}

fn is_of(pending: &Pending, cookie: &str) -> bool {
    pending.session.ct_eq(&digest(cookie)).into()
}

fn one_time_id(query: Option<Params>) -> String {
    query.as_ref().and_then(|query| query.one("id")).unwrap_or_default().to_owned()
}

fn show(store: &mut Store, cookie: &str, step: Step, now: u64) -> Response {
    let page = if matches!(step, Step::Login(_)) { "/login" } else { "/consent" };
    let id = wait(store, cookie, step, now);
    see_other(&format!("{page}?id={id}"))
}

/// Carries the user's permission to the application.
fn allow(issuer: &Issuer, store: &mut Store, ask: Ask, login: Login) -> Response {
    let Ask { client, nonce, organization, scopes, way, .. } = ask;
    let Login { auth_time, user } = login;
    let grant = store.allow(Grant { auth_time, client, nonce, organization, scopes, user });
    match way {
        Way::Device { user_code } => device::finish(store, &user_code, Some(grant)),
        Way::Redirect { challenge, redirect_uri, state } => {
            let code = Code { client, challenge, grant, redirect_uri: redirect_uri.clone(), used: false };
            let code = store.codes.put(code, now() + CODE_LIFETIME);
            authorize::accept(issuer, &redirect_uri, state.as_deref(), &code)
        }
    }
}

fn refuse(issuer: &Issuer, store: &mut Store, ask: &Ask, refusal: Refusal) -> Response {
    match &ask.way {
        Way::Device { user_code } => device::finish(store, user_code, None),
        Way::Redirect { redirect_uri, state, .. } => {
            authorize::refuse(issuer, redirect_uri, state.as_deref(), refusal)
        }
    }
}

/// Makes somebody of a name; `None` if nothing of it is left.
fn user(typed: &str) -> Option<User> {
    let plain: String = typed.chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect();
    let name = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    if name.is_empty() {
        return None;
    }
    let lower = name.to_lowercase();
    let octets = Sha256::digest(&lower);
    let number: String = octets.iter().take(8).map(|octet| format!("{octet:02x}")).collect();
    let words = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let local = words.collect::<Vec<_>>().join(".");
    let local = if local.is_empty() { &number } else { &local };
    Some(User { email: format!("{local}@demo.example"), sub: format!("demo|{number}"), name })
}

/// How long a code may be redeemed, in seconds; RFC 6749 §4.1.2 recommends ten minutes at most.
const CODE_LIFETIME: u64 = 60;

const CONSENT_REQUIRED: Refusal = Refusal::new("consent_required", "the user has not allowed this before");
const DENIED: Refusal = Refusal::new("access_denied", "the user did not allow it");
const LOGIN_REQUIRED: Refusal = Refusal::new("login_required", "the user has to sign in");
const LONGEST_NAME: usize = 64;
const OTHER_USER: Refusal = Refusal::new("login_required", "another user signed in than id_token_hint names");
const PENDING_LIFETIME: u64 = 10 * 60;
const SESSION_LIFETIME: u64 = 8 * 60 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_makes_a_user() {
        let ada = user("  Ada\u{7}  Lovelace ").unwrap();
        assert_eq!((ada.name.as_str(), ada.email.as_str()), ("Ada Lovelace", "ada.lovelace@demo.example"));
        assert_eq!(ada.sub, user("ada lovelace").unwrap().sub);
        assert_ne!(ada.sub, user("ada").unwrap().sub);
        assert!(user("愛").unwrap().email.ends_with("@demo.example"));
        assert!(user(" \n").is_none());
    }
}
