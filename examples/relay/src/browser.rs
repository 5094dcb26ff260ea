//! What browsers ask for: pages.

use std::sync::Arc;

use axum::{
    Extension,
    body::Body,
    extract::{RawQuery, State},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::Response,
};
use base64ct::{Base64UrlUnpadded, Encoding};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{
    code,
    keys::{Browser, decode},
    pages::{Notice, Say},
    request,
    seal::{self, Kind, MAX_RESPONSE},
    service::{Peer, Service, bare, language},
    settings::origin,
    store::{Mailbox, Name, Pairing, Phase, Tag, Unavailable},
    words::Words,
};

/// Bound to the host by its name (RFC 6265bis §4.1.3.2).
pub const COOKIE: &str = "__Host-keyfob";

/// `GET /`: asks for the code, or takes the token of the QR code.
pub async fn start(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let token = query.and_then(|query| request::fields(query.as_bytes(), ["t"])).and_then(|[token]| token);
    let token = token.filter(|token| decode::<16>(token).is_some());
    let say = Say::Start { token: token.as_deref(), notice: Notice::None };
    service.page(StatusCode::OK, language(&headers), say)
}

/// `POST /pair`: lets the browser in that shows the code.
pub async fn pair(
    State(service): State<Arc<Service>>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let words = language(&headers);
    let form = match request::form(&headers, body, MAX_FORM, service.limits.body).await {
        Ok(form) => form,
        Err(status) => return service.refusal(status, words),
    };
    let Some([code, token]) = request::fields(&form, ["code", "token"]) else {
        return service.refusal(StatusCode::BAD_REQUEST, words);
    };
    let address = service.address(peer, &headers);
    let answer = match (code.as_deref().and_then(code::normalise), token) {
        (_, Some(token)) => match decode::<16>(&token) {
            Some(token) => try_pair(&service, words, &headers, &Shown::Token(token), address).await,
            None => Ok(wrong(&service, words)),
        },
        (Some(code), None) => try_pair(&service, words, &headers, &Shown::Code(code), address).await,
        (None, None) => Ok(wrong(&service, words)),
    };
    answer.unwrap_or_else(|Unavailable| service.unavailable(words))
}

/// `POST /go`: on to the server.
pub async fn go(State(service): State<Arc<Service>>, headers: HeaderMap, body: Body) -> Response {
    let words = language(&headers);
    let form = match request::form(&headers, body, MAX_FORM, service.limits.body).await {
        Ok(form) => form,
        Err(status) => return service.refusal(status, words),
    };
    let Some(browser) = service.browser(&headers) else { return stray(&service, words) };
    let page = request::fields(&form, ["page"]).and_then(|[page]| page).unwrap_or_default();
    if !bool::from(page.as_bytes().ct_eq(service.keys.page(&browser).as_bytes())) {
        return stray(&service, words);
    }
    let mailbox = match let_in(&service, &browser).await {
        Ok(Some(mailbox)) => mailbox,
        Ok(None) => return stray(&service, words),
        Err(Unavailable) => return service.unavailable(words),
    };
    if mailbox.phase != Phase::Paired {
        return to(&format!("{}/done", service.public.base));
    }
    match Record::open(&service, &browser, &mailbox.sealed) {
        Some(record) => to(record.url()),
        None => stray(&service, words),
    }
}

/// `GET /callback`: the answer is in the query.
pub async fn callback_query(State(service): State<Arc<Service>>, headers: HeaderMap, uri: Uri) -> Response {
    let words = language(&headers);
    let query = uri.query().unwrap_or_default();
    if query.len() > MAX_RESPONSE {
        return service.refusal(StatusCode::URI_TOO_LONG, words);
    }
    callback(&service, words, &headers, Kind::Query, query.as_bytes()).await
}

/// `POST /callback`: the answer is a form (OAuth 2.0 Form Post Response Mode §2).
pub async fn callback_form(State(service): State<Arc<Service>>, headers: HeaderMap, body: Body) -> Response {
    let words = language(&headers);
    match request::form(&headers, body, MAX_RESPONSE, service.limits.body).await {
        Ok(form) => callback(&service, words, &headers, Kind::Form, &form).await,
        Err(status) => service.refusal(status, words),
    }
}

/// `GET /done`: how it ended, or wait.
pub async fn done(State(service): State<Arc<Service>>, headers: HeaderMap) -> Response {
    let words = language(&headers);
    let Some(browser) = service.browser(&headers) else {
        return service.page(StatusCode::NOT_FOUND, words, Say::Nothing);
    };
    match let_in(&service, &browser).await {
        Ok(Some(Mailbox { phase: Phase::Over(ending), .. })) => {
            service.page(StatusCode::OK, words, Say::End(ending))
        }
        Ok(Some(_)) => {
            let mut response = service.page(StatusCode::OK, words, Say::Wait);
            response.headers_mut().insert(header::REFRESH, HeaderValue::from_static(REFRESH));
            response
        }
        Ok(None) => service.page(StatusCode::NOT_FOUND, words, Say::Nothing),
        Err(Unavailable) => {
            // A page that goes on by itself does so when the store is back, too.
            let mut response = service.unavailable(words);
            response.headers_mut().insert(header::REFRESH, HeaderValue::from_static(REFRESH));
            response
        }
    }
}

/// What a visitor has shown.
enum Shown {
    Code(String),
    Token(Tag),
}

async fn try_pair(
    service: &Service,
    words: &Words,
    headers: &HeaderMap,
    shown: &Shown,
    address: Tag,
) -> Result<Response, Unavailable> {
    let (proof, address) = match shown {
        Shown::Code(code) => (service.keys.code(code), Some(address)),
        // Nobody guesses 128 bits, so a scanned code still serves when others type wrong ones.
        Shown::Token(token) => (service.keys.token(token), None),
    };
    // The page was loaded again: the code was used, and by this browser.
    if let Some(browser) = service.browser(headers)
        && let Some(mailbox) = let_in(service, &browser).await?
        && mailbox.phase == Phase::Paired
        && bool::from(mailbox.code.ct_eq(&proof) | mailbox.token.ct_eq(&proof))
    {
        return Ok(confirm(service, words, &browser, &mailbox.sealed));
    }
    let paired = match service.store.pair(proof, address).await? {
        Pairing::Blocked(seconds) => {
            service.metrics.blocked_codes.inc();
            let say = Say::Start { token: None, notice: Notice::TooMany };
            let mut response = service.page(StatusCode::TOO_MANY_REQUESTS, words, say);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            return Ok(response);
        }
        Pairing::Done(paired) => paired,
        Pairing::Wrong => return Ok(wrong(service, words)),
    };
    service.waiters.wake(&paired.mailbox);
    service.metrics.paired.inc();
    let token = match shown {
        Shown::Code(code) => service.keys.wrap(code, &paired.mailbox, &paired.wrapped),
        Shown::Token(token) => *token,
    };
    let browser = service.keys.browser(&token, &paired.mailbox);
    let mut response = confirm(service, words, &browser, &paired.sealed);
    // The server's form comes from another site, so it has to be `SameSite=None`.
    let cookie = Zeroizing::new(format!(
        "{COOKIE}={}; Path=/; Secure; HttpOnly; SameSite=None; Max-Age={COOKIE_LIFE}",
        *browser.cookie()
    ));
    let mut cookie = HeaderValue::try_from(cookie.as_str()).expect("visible characters");
    cookie.set_sensitive(true);
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

/// The page that names device and server.
fn confirm(service: &Service, words: &Words, browser: &Browser, sealed: &[u8]) -> Response {
    let record = Record::open(service, browser, sealed);
    let devices = service.devices();
    let device = record.as_ref().and_then(|record| devices.device(record.device()));
    let (Some(record), Some(device)) = (&record, device) else { return stray(service, words) };
    let host = origin(record.url()).unwrap_or_default();
    let host = host.split_once("://").map_or(host.as_str(), |(_, host)| host);
    let page = service.keys.page(browser);
    service.page(StatusCode::OK, words, Say::Confirm { device: &device.name, host, page: &page })
}

async fn callback(
    service: &Service,
    words: &Words,
    headers: &HeaderMap,
    kind: Kind,
    response: &[u8],
) -> Response {
    match try_callback(service, words, headers, kind, response).await {
        Ok(Some(answer)) => answer,
        Ok(None) => {
            service.metrics.strays.inc();
            stray(service, words)
        }
        Err(Unavailable) => service.unavailable(words),
    }
}

/// None if it is not the answer to this browser's sign-in.
async fn try_callback(
    service: &Service,
    words: &Words,
    headers: &HeaderMap,
    kind: Kind,
    response: &[u8],
) -> Result<Option<Response>, Unavailable> {
    let state = request::fields(response, ["state"]).and_then(|[state]| state).map(Zeroizing::new);
    let (Some(state), Some(browser)) = (state, service.browser(headers)) else { return Ok(None) };
    let mailbox: Name = Sha256::digest(state.as_bytes()).into();
    if !bool::from(mailbox.ct_eq(&browser.mailbox)) {
        return Ok(None);
    }
    let Some(kept) = let_in(service, &browser).await? else { return Ok(None) };
    let done = to(&format!("{}/done", service.public.base));
    if kept.phase != Phase::Paired {
        // Loaded again: the first answer stands.
        return Ok(Some(done));
    }
    let Some(record) = Record::open(service, &browser, &kept.sealed) else { return Ok(None) };
    let name = Base64UrlUnpadded::encode_string(&mailbox);
    let Some(sealed) = seal::seal(record.key(), &name, kind, response) else { return Ok(None) };
    if service.store.respond(&mailbox, service.keys.check(&browser), sealed).await? {
        service.waiters.wake(&mailbox);
        service.metrics.answered.inc();
    } else if let_in(service, &browser).await?.is_none() {
        return Ok(Some(service.page(StatusCode::NOT_FOUND, words, Say::Nothing)));
    }
    Ok(Some(done))
}

/// The mailbox that this browser was let in to.
async fn let_in(service: &Service, browser: &Browser) -> Result<Option<Mailbox>, Unavailable> {
    let mailbox = service.store.look(&browser.mailbox).await?;
    let check = service.keys.check(browser);
    Ok(mailbox.filter(|kept| kept.phase != Phase::Waiting && bool::from(kept.browser.ct_eq(&check))))
}

/// What is encrypted in a mailbox: device, its key, authorization URL.
struct Record(Zeroizing<Vec<u8>>);

impl Record {
    fn open(service: &Service, browser: &Browser, sealed: &[u8]) -> Option<Self> {
        let record = Self(service.keys.decrypt(browser, sealed)?);
        record.0.get(HEAD..).is_some_and(<[u8]>::is_ascii).then_some(record)
    }

    fn device(&self) -> &Tag {
        self.0.first_chunk().expect("its length was looked at")
    }

    fn key(&self) -> &[u8; 32] {
        self.0[16..].first_chunk().expect("its length was looked at")
    }

    fn url(&self) -> &str {
        std::str::from_utf8(&self.0[HEAD..]).unwrap_or_default()
    }
}

fn wrong(service: &Service, words: &Words) -> Response {
    service.metrics.wrong_codes.inc();
    service.page(StatusCode::FORBIDDEN, words, Say::Start { token: None, notice: Notice::WrongCode })
}

fn stray(service: &Service, words: &Words) -> Response {
    service.page(StatusCode::FORBIDDEN, words, Say::Stray)
}

fn to(url: &str) -> Response {
    let mut response = bare(StatusCode::SEE_OTHER);
    let Ok(mut location) = HeaderValue::try_from(url) else { return bare(StatusCode::INTERNAL_SERVER_ERROR) };
    location.set_sensitive(true);
    response.headers_mut().insert(header::LOCATION, location);
    response
}

/// Octets before the URL in a record.
const HEAD: usize = 16 + 32;

/// Octets of a form of the relay's own pages.
const MAX_FORM: usize = 1024;

/// Seconds, as long as a mailbox lives.
const COOKIE_LIFE: u32 = 600;

/// Seconds until the last page looks again.
const REFRESH: &str = "2";
