//! The device grant (RFC 8628): a device asks, the user answers elsewhere, the device polls.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use subtle::ConstantTimeEq;

use crate::authorize::scopes;
use crate::client::Client;
use crate::http::{Params, Refusal, private_json};
use crate::interaction::{self, Wish};
use crate::record::{Ask, Scopes, Way};
use crate::store::Store;
use crate::{Issuer, keys, now, pages};

/// A device that waits for its user.
pub struct Device {
    client: &'static Client,
    /// The least time between two polls, in seconds.
    interval: u64,
    polled: Option<u64>,
    scopes: Scopes,
    state: Decision,
    user_code: String,
}

/// What the user said.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Decision {
    /// The number of the grant.
    Allowed(u64),
    Denied,
    Open,
}

impl Device {
    /// Answers a poll (RFC 8628 §3.5).
    fn poll(&mut self, now: u64) -> Result<u64, Refusal> {
        let early = self.polled.is_some_and(|polled| now < polled + self.interval);
        self.polled = Some(now);
        if early {
            //= https://www.rfc-editor.org/rfc/rfc8628#section-3.5
            //# the interval MUST be increased by 5 seconds for this and all
            //# subsequent requests
            self.interval += INTERVAL;
            return Err(Refusal::new("slow_down", "the device polls too often"));
        }
        match self.state {
            Decision::Allowed(grant) => Ok(grant),
            Decision::Denied => Err(DENIED),
            Decision::Open => Err(Refusal::new("authorization_pending", "the user has not answered yet")),
        }
    }
}

/// `POST /oauth/device/code`
pub async fn authorize(
    State(issuer): State<Arc<Issuer>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match start(&issuer, &uri, &headers, &body) {
        Ok(codes) => private_json(StatusCode::OK, &codes),
        Err(refusal) => refusal.into_response(),
    }
}

fn start(issuer: &Issuer, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Result<Value, Refusal> {
    let form = Params::request(uri, headers, body)?;
    let client = Client::authenticate(headers, &form)?;
    let (scopes, user_code) = (scopes(&form)?, new_user_code());
    let device = Device {
        client,
        interval: INTERVAL,
        polled: None,
        scopes,
        state: Decision::Open,
        user_code: user_code.clone(),
    };
    let device_code = issuer.store().devices.put(device, now() + LIFETIME);
    let page = format!("{}/activate", issuer.url);
    Ok(json!({
        "device_code": device_code,
        "user_code": user_code,
        "verification_uri": page,
        "verification_uri_complete": format!("{page}?user_code={user_code}"),
        "expires_in": LIFETIME,
        "interval": INTERVAL,
    }))
}

/// Answers a poll with the grant that the user gave, once.
pub fn poll(store: &mut Store, code: &str, client: &Client, now: u64) -> Result<u64, Refusal> {
    let item = store.devices.find(code).ok_or(Refusal::invalid_grant("there is no such device code"))?;
    if item.value.client != client {
        return Err(Refusal::invalid_grant("the device code was issued to another client"));
    }
    let answer = if item.until <= now { Err(EXPIRED) } else { item.value.poll(now) };
    if matches!(answer, Ok(_) | Err(DENIED | EXPIRED)) {
        store.devices.remove(code);
    }
    answer
}

/// `GET /activate`
pub async fn activate(uri: Uri) -> Response {
    let query = Params::query(&uri);
    let code = query.as_ref().and_then(|query| query.one("user_code")).unwrap_or_default();
    pages::activate(StatusCode::OK, code, None)
}

/// `POST /activate`
pub async fn enter(State(issuer): State<Arc<Issuer>>, headers: HeaderMap, body: Bytes) -> Response {
    let form = Params::form(&headers, &body);
    let typed = form.as_ref().and_then(|form| form.one("user_code")).unwrap_or_default();
    let found = find(&mut issuer.store(), typed, now());
    match found {
        Ok(ask) => interaction::begin(&issuer, &headers, ask, &Wish::default()),
        Err(Miss::TooMany) => pages::activate(StatusCode::TOO_MANY_REQUESTS, typed, Some(TOO_MANY)),
        Err(Miss::Unknown) => pages::activate(StatusCode::BAD_REQUEST, typed, Some(UNKNOWN)),
    }
}

/// Tells a device what its user said, and the user to go back to it.
pub fn finish(store: &mut Store, user_code: &str, grant: Option<u64>) -> Response {
    let mut waiting = store.devices.all(now()).filter(|device| device.state == Decision::Open);
    let Some(device) = waiting.find(|device| device.user_code == user_code) else { return pages::stale() };
    device.state = grant.map_or(Decision::Denied, Decision::Allowed);
    pages::device_done(grant.is_some())
}

/// Why a user code leads nowhere.
#[derive(Debug, Eq, PartialEq)]
enum Miss {
    TooMany,
    Unknown,
}

/// What the device of a user code asks for. Guessing is slowed down (RFC 8628 §5.1).
fn find(store: &mut Store, typed: &str, now: u64) -> Result<Ask, Miss> {
    store.misses.retain(|missed| now < missed + MISSES_COUNT_FOR);
    if store.misses.len() >= MOST_MISSES {
        return Err(Miss::TooMany);
    }
    let user_code = normal(typed);
    let mut waiting = store.devices.all(now).filter(|device| device.state == Decision::Open);
    let Some(device) = waiting.find(|device| device.user_code.as_bytes().ct_eq(user_code.as_bytes()).into())
    else {
        store.misses.push_back(now);
        return Err(Miss::Unknown);
    };
    Ok(Ask {
        audience: None,
        client: device.client,
        login_hint: None,
        nonce: None,
        organization: None,
        scopes: device.scopes.clone(),
        subject: None,
        way: Way::Device { user_code },
    })
}

/// Eight letters that are hard to confuse and spell no words (RFC 8628 §6.1).
fn new_user_code() -> String {
    let letters = (0..USER_CODE_LENGTH)
        .filter_map(|_| ALPHABET.chars().nth(keys::random_below(ALPHABET_LENGTH).into()));
    normal(&letters.collect::<String>())
}

/// A user code as it is shown, whatever was typed around its letters.
fn normal(typed: &str) -> String {
    let upper = typed.chars().map(|c| c.to_ascii_uppercase());
    let letters: Vec<char> = upper.filter(|c| ALPHABET.contains(*c)).take(USER_CODE_LENGTH + 1).collect();
    let halves: Vec<String> =
        letters.chunks(USER_CODE_LENGTH / 2).map(|half| half.iter().collect()).collect();
    halves.join("-")
}

const ALPHABET: &str = "BCDFGHJKLMNPQRSTVWXZ";
const ALPHABET_LENGTH: u8 = ALPHABET.len() as u8;
const DENIED: Refusal = Refusal::new("access_denied", "the user did not allow it");
const EXPIRED: Refusal = Refusal::new("expired_token", "the device code is too old");

/// The default of RFC 8628 §3.2, in seconds; also what `slow_down` adds.
const INTERVAL: u64 = 5;

/// How long device and user code are good, in seconds.
const LIFETIME: u64 = 10 * 60;

const MISSES_COUNT_FOR: u64 = 60;
const MOST_MISSES: usize = 20;
const TOO_MANY: &str = "Too many wrong codes. Please wait a minute.";
const UNKNOWN: &str = "No device waits with this code. It may be mistyped or too old.";
const USER_CODE_LENGTH: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(store: &mut Store) -> (String, String) {
        let client = Client::find("demo").unwrap();
        let (scopes, user_code) = (Scopes::parse("openid"), new_user_code());
        let (interval, polled, state) = (INTERVAL, None, Decision::Open);
        let device = Device { client, interval, polled, scopes, state, user_code: user_code.clone() };
        (store.devices.put(device, u64::MAX), user_code)
    }

    fn error(store: &mut Store, code: &str, now: u64) -> &'static str {
        poll(store, code, Client::find("demo").unwrap(), now).unwrap_err().error
    }

    #[test]
    fn polling_too_often_slows_down() {
        let mut store = Store::new();
        let (code, _) = waiting(&mut store);
        let answers = [0, 5, 9, 18, 28].map(|now| error(&mut store, &code, now));
        let pending = "authorization_pending";
        assert_eq!(answers, [pending, pending, "slow_down", "slow_down", "slow_down"]);
        assert_eq!(error(&mut store, &code, 28 + 20), pending);
    }

    #[test]
    fn an_answer_is_given_once() {
        let mut store = Store::new();
        let client = Client::find("demo").unwrap();
        for (grant, expected) in [(Some(7), Ok(7)), (None, Err(DENIED))] {
            let (code, user_code) = waiting(&mut store);
            finish(&mut store, &user_code, grant);
            finish(&mut store, &user_code, Some(8));
            assert_eq!(poll(&mut store, &code, client, 0), expected);
            assert_eq!(error(&mut store, &code, 10), "invalid_grant");
        }
    }

    #[test]
    fn an_old_code_has_expired_once() {
        let mut store = Store::new();
        let (code, _) = waiting(&mut store);
        assert_eq!(error(&mut store, &code, u64::MAX), "expired_token");
        assert_eq!(error(&mut store, &code, u64::MAX), "invalid_grant");
    }

    #[test]
    fn user_codes_are_read_kindly() {
        assert_eq!(normal(" wdjb mjht"), "WDJB-MJHT");
        assert_eq!(normal("WDJBMJHT"), "WDJB-MJHT");
        assert_ne!(normal("WDJBMJHTX"), "WDJB-MJHT");
        assert_eq!(new_user_code().len(), 9);
    }

    #[test]
    fn guessing_is_slowed_down() {
        let mut store = Store::new();
        let (_, user_code) = waiting(&mut store);
        for _ in 0..MOST_MISSES {
            assert_eq!(find(&mut store, "", 0).err(), Some(Miss::Unknown));
        }
        assert_eq!(find(&mut store, &user_code, 59).err(), Some(Miss::TooMany));
        assert!(find(&mut store, &user_code, 60).is_ok());
    }
}
