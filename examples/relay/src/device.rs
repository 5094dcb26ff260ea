//! What devices ask for: JSON.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64ct::{Base64UrlUnpadded, Encoding};
use hyper::body::{Frame, SizeHint};
use serde_json::{Value, json};

use crate::{
    code,
    keys::{decode, random},
    metrics::Ended,
    request, seal,
    service::Service,
    store::{Closed, Ending, Entry, Name, Opened, Tag, Taken, Unavailable},
};

/// Why a device gets no answer.
enum Refused {
    /// The authorization URL is none that the relay sends browsers to.
    AuthorizationUrl,
    /// Wrong credentials, or none.
    Credentials(StatusCode),
    /// Another device has the mailbox.
    Foreign,
    /// A browser was let in.
    Paired,
    /// The request is wrong.
    Request(StatusCode),
    /// Too often.
    SlowDown,
    /// The store does not answer, or is full.
    Unavailable,
    /// There is no such mailbox.
    Unknown,
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, error) = match self {
            Self::AuthorizationUrl => (StatusCode::FORBIDDEN, "authorization_url"),
            Self::Credentials(status) => (status, "credentials"),
            Self::Foreign => (StatusCode::FORBIDDEN, "mailbox"),
            Self::Paired => (StatusCode::CONFLICT, "paired"),
            Self::Request(status) => (status, "request"),
            Self::SlowDown => (StatusCode::TOO_MANY_REQUESTS, "slow_down"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            Self::Unknown => (StatusCode::NOT_FOUND, "mailbox"),
        };
        let mut response = answer(status, &json!({ "error": error }));
        let headers = response.headers_mut();
        match status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(
                    header::WWW_AUTHENTICATE,
                    HeaderValue::from_static("Basic realm=\"keyfob relay\""),
                );
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            }
            _ => {}
        }
        response
    }
}

impl From<Unavailable> for Refused {
    fn from(_: Unavailable) -> Self {
        Self::Unavailable
    }
}

/// `POST /mailbox`: a sign-in begins.
pub async fn open(State(service): State<Arc<Service>>, headers: HeaderMap, body: Body) -> Response {
    respond(&service, try_open(&service, &headers, body).await)
}

/// `POST /mailbox/wait`: has anything happened?
pub async fn wait(State(service): State<Arc<Service>>, headers: HeaderMap, body: Body) -> Response {
    match try_wait(&service, &headers, body).await {
        Ok(Waited::Response(mailbox, response)) => {
            let json = json!({ "response": Base64UrlUnpadded::encode_string(&response) });
            Delivery::answer(&service, mailbox, &json)
        }
        Ok(Waited::Status(status)) => answer(StatusCode::OK, &json!({ "status": status })),
        Err(refused) => respond(&service, Err(refused)),
    }
}

/// `POST /mailbox/close`: the sign-in is over.
pub async fn close(State(service): State<Arc<Service>>, headers: HeaderMap, body: Body) -> Response {
    respond(&service, try_close(&service, &headers, body).await)
}

async fn try_open(service: &Service, headers: &HeaderMap, body: Body) -> Result<Value, Refused> {
    let device = authenticate(service, headers)?;
    let names = ["mailbox", "authorization_url", "public_key"];
    let [mailbox, url, key] = read(service, headers, body, names).await?;
    let bad = || Refused::Request(StatusCode::BAD_REQUEST);
    let mailbox: Name = mailbox.and_then(|name| decode(&name)).ok_or_else(bad)?;
    let key: [u8; 32] = key.and_then(|key| decode(&key)).filter(seal::is_key).ok_or_else(bad)?;
    let url = url
        .filter(|url| url.len() <= MAX_URL && url.bytes().all(|octet| octet.is_ascii_graphic()))
        .ok_or_else(bad)?;
    if !service.endpoints.iter().any(|endpoint| leads_to(&url, endpoint)) {
        return Err(Refused::AuthorizationUrl);
    }
    if !service.loads.open(&device, service.limits.opens_per_device, &service.clock) {
        return Err(Refused::SlowDown);
    }
    let random_failed = |_| Refused::Unavailable;
    for _ in 0..MOST_CLASHES {
        let token: Tag = random().map_err(random_failed)?;
        let code = code::generate().map_err(random_failed)?;
        let browser = service.keys.browser(&token, &mailbox);
        let entry = Entry {
            device,
            browser: service.keys.check(&browser),
            code: service.keys.code(&code),
            token: service.keys.token(&token),
            wrapped: service.keys.wrap(&code, &mailbox, &token),
            sealed: service.keys.encrypt(&browser, &[&device[..], &key, url.as_bytes()].concat()),
        };
        let life = match service.store.open(&mailbox, entry).await? {
            Opened::Clash => continue,
            Opened::Done(life) => life,
            Opened::Foreign => return Err(foreign(service)),
            Opened::Full => return Err(Refused::Unavailable),
            Opened::Paired => return Err(Refused::Paired),
        };
        service.metrics.opened.inc();
        let uri = format!("{}/", service.public.base);
        let token = Base64UrlUnpadded::encode_string(&token);
        return Ok(json!({
            "user_code": code::display(&code),
            "verification_uri": uri,
            "verification_uri_complete": format!("{uri}?t={token}"),
            "expires_in": life / 1000,
            "interval": 1,
        }));
    }
    Err(Refused::Unavailable)
}

async fn try_wait(service: &Service, headers: &HeaderMap, body: Body) -> Result<Waited, Refused> {
    let device = authenticate(service, headers)?;
    let [mailbox, seen, wait] = read(service, headers, body, ["mailbox", "seen", "wait"]).await?;
    let bad = || Refused::Request(StatusCode::BAD_REQUEST);
    let mailbox: Name = mailbox.and_then(|name| decode(&name)).ok_or_else(bad)?;
    let seen = seen.filter(|seen| ["waiting", "paired"].contains(&seen.as_str())).ok_or_else(bad)?;
    let wait = wait.and_then(|wait| wait.parse().ok()).filter(|wait| *wait <= MAX_WAIT).ok_or_else(bad)?;
    let _poll = service.loads.poll(&device, service.limits.polls_per_device).ok_or(Refused::SlowDown)?;
    let _count = Counted::new(service);
    let deadline = Instant::now() + Duration::from_secs(wait);
    let waiter = service.waiters.wait(&mailbox);
    let mut stopping = service.stopping.clone();
    let mut pause = FIRST_PAUSE;
    loop {
        let woken = waiter.woken();
        let status = match service.store.take(&mailbox, device).await? {
            Taken::Foreign => return Err(foreign(service)),
            Taken::Paired => "paired",
            Taken::Response(response) => return Ok(Waited::Response(mailbox, response)),
            Taken::Gone => "taken",
            Taken::Unknown => return Err(Refused::Unknown),
            Taken::Waiting => "waiting",
        };
        let left = deadline.saturating_duration_since(Instant::now());
        if status != seen || left.is_zero() || *stopping.borrow() {
            return Ok(Waited::Status(status));
        }
        // Wakes from other instances may be lost with their connection, so look from time to time.
        tokio::select! {
            () = woken => {}
            () = tokio::time::sleep(pause.min(left)) => pause = (pause * 2).min(LAST_PAUSE),
            _ = stopping.wait_for(|stopping| *stopping) => {}
        }
    }
}

async fn try_close(service: &Service, headers: &HeaderMap, body: Body) -> Result<Value, Refused> {
    let device = authenticate(service, headers)?;
    let [mailbox, ending] = read(service, headers, body, ["mailbox", "ending"]).await?;
    let bad = || Refused::Request(StatusCode::BAD_REQUEST);
    let mailbox: Name = mailbox.and_then(|name| decode(&name)).ok_or_else(bad)?;
    let ending = ending.and_then(|ending| Ending::read(&ending)).ok_or_else(bad)?;
    match service.store.close(&mailbox, device, ending).await? {
        Closed::Done => {}
        Closed::Foreign => return Err(foreign(service)),
        Closed::Unknown => return Err(Refused::Unknown),
    }
    service.waiters.wake(&mailbox);
    service.metrics.ended.get_or_create(&Ended { ending: ending.name() }).inc();
    Ok(json!({}))
}

/// Which device asks.
fn authenticate(service: &Service, headers: &HeaderMap) -> Result<Tag, Refused> {
    if !headers.contains_key(header::AUTHORIZATION) {
        return Err(Refused::Credentials(StatusCode::UNAUTHORIZED));
    }
    let authorization = request::only(headers, header::AUTHORIZATION).unwrap_or_default();
    let tag = service.devices().authenticate(authorization).map(|device| device.tag);
    tag.ok_or_else(|| {
        service.metrics.wrong_credentials.inc();
        Refused::Credentials(StatusCode::FORBIDDEN)
    })
}

async fn read<const N: usize>(
    service: &Service,
    headers: &HeaderMap,
    body: Body,
    names: [&str; N],
) -> Result<[Option<String>; N], Refused> {
    let form = request::form(headers, body, MAX_BODY, service.limits.body).await.map_err(Refused::Request)?;
    request::fields(&form, names).ok_or(Refused::Request(StatusCode::BAD_REQUEST))
}

fn respond(service: &Service, result: Result<Value, Refused>) -> Response {
    if matches!(result, Err(Refused::Unavailable)) {
        service.metrics.store_failures.inc();
    }
    result.map_or_else(IntoResponse::into_response, |value| answer(StatusCode::OK, &value))
}

fn foreign(service: &Service) -> Refused {
    service.metrics.foreign_mailboxes.inc();
    Refused::Foreign
}

/// An answer to a request that nobody answers.
pub fn refusal(status: StatusCode) -> Response {
    Refused::Request(status).into_response()
}

fn answer(status: StatusCode, value: &Value) -> Response {
    answer_with(status, value.to_string().into())
}

fn answer_with(status: StatusCode, body: Body) -> Response {
    let json = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    (status, json, body).into_response()
}

/// Whether a URL is this endpoint, with a query; nothing that only begins like it.
fn leads_to(url: &str, endpoint: &str) -> bool {
    let query = if endpoint.contains('?') { '&' } else { '?' };
    let rest = url.strip_prefix(endpoint);
    !url.contains('#') && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(query))
}

/// How a wait ended.
enum Waited {
    Response(Name, Vec<u8>),
    Status(&'static str),
}

/// The body of an answer that the store keeps until the device was sent all of it.
struct Delivery {
    text: Option<Bytes>,
    mailbox: Name,
    service: Arc<Service>,
}

impl Delivery {
    fn answer(service: &Arc<Service>, mailbox: Name, value: &Value) -> Response {
        let text = Some(Bytes::from(value.to_string()));
        let body = Body::new(Self { text, mailbox, service: service.clone() });
        answer_with(StatusCode::OK, body)
    }
}

impl HttpBody for Delivery {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.text.take().map(|text| Ok(Frame::data(text))))
    }

    fn is_end_stream(&self) -> bool {
        self.text.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.text.as_ref().map_or(0, |text| text.len().try_into().unwrap_or(u64::MAX)))
    }
}

impl Drop for Delivery {
    /// Taken over by the connection, or not: then the device was gone.
    fn drop(&mut self) {
        let (whole, mailbox, service) = (self.text.is_none(), self.mailbox, self.service.clone());
        tokio::spawn(async move {
            // The connection sends it before it does anything else; a moment's patience costs nothing.
            tokio::time::sleep(SENDING).await;
            if service.store.given(&mailbox, whole).await.is_err() {
                service.metrics.store_failures.inc();
            }
            service.waiters.wake(&mailbox);
        });
    }
}

/// A long-poll in the metrics.
struct Counted<'s>(&'s Service);

impl<'s> Counted<'s> {
    fn new(service: &'s Service) -> Self {
        service.metrics.polls.inc();
        Self(service)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.metrics.polls.dec();
    }
}

/// Octets of a device's form.
const MAX_BODY: usize = 8 * 1024;

/// Octets of an authorization URL.
const MAX_URL: usize = 4096;

/// Seconds of the longest poll.
const MAX_WAIT: u64 = 25;

/// Until an answer has left.
const SENDING: Duration = Duration::from_millis(10);

/// How soon to look again without being woken, the first time and at last.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LAST_PAUSE: Duration = Duration::from_secs(8);

/// Codes that are taken, one after another: never, unless something else is wrong.
const MOST_CLASHES: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    // REQ: RELAY-06
    #[test]
    fn only_the_endpoint_itself_is_led_to() {
        let endpoint = "https://op.example/authorize";
        for good in ["", "?client_id=a", "?"] {
            assert!(leads_to(&format!("{endpoint}{good}"), endpoint), "{good}");
        }
        for bad in ["x?a", "/../evil?a", "@evil.example/?a", "?a#https://evil.example", ".evil.example", "&a"]
        {
            assert!(!leads_to(&format!("{endpoint}{bad}"), endpoint), "{bad}");
        }
        assert!(!leads_to("https://evil.example/?https://op.example/authorize", endpoint));
        assert!(leads_to("https://op.example/a?tenant=b&client_id=c", "https://op.example/a?tenant=b"));
        assert!(!leads_to("https://op.example/a?tenant=bc", "https://op.example/a?tenant=b"));
    }
}
