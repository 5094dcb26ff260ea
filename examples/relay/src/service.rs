//! What all requests share, and the way through them.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Instant,
};

use axum::{
    Extension, Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use tokio::sync::watch;

use crate::{
    browser,
    clock::Clock,
    device,
    keys::{Browser, Keys},
    metrics::{Metrics, Request as Labels},
    pages::{Pages, Say},
    registry::Registry,
    request::{self, Route},
    settings::{Limits, ProxyHeader, PublicUrl, neighbourhood},
    store::{Store, Tag},
    waiters::Waiters,
    words::{self, Words},
};

/// What all requests share.
pub struct Service {
    /// What browsers call it.
    pub public: PublicUrl,
    /// The relay's own key.
    pub keys: Keys,
    /// The devices.
    pub registry: RwLock<Arc<Registry>>,
    /// Pending sign-ins.
    pub store: Box<dyn Store>,
    /// Long-polls.
    pub waiters: Waiters,
    /// The pages.
    pub pages: Pages,
    /// The counts.
    pub metrics: Arc<Metrics>,
    /// Limits.
    pub limits: Limits,
    /// The time.
    pub clock: Clock,
    /// Where it may send browsers.
    pub endpoints: Vec<String>,
    /// Whose pages may post an answer.
    pub servers: Vec<String>,
    /// Proxies.
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// What they say.
    pub proxy_header: ProxyHeader,
    /// What each device is at.
    pub loads: Loads,
    /// Turns true when the service is told to stop.
    pub stopping: watch::Receiver<bool>,
}

impl Service {
    /// All routes.
    pub fn router(self: &Arc<Self>) -> Router {
        let at = |path: &str| format!("{}{path}", self.public.prefix);
        Router::new()
            .route(&at("/"), get(browser::start))
            .route(&at("/pair"), post(browser::pair))
            .route(&at("/go"), post(browser::go))
            .route(&at("/callback"), get(browser::callback_query).post(browser::callback_form))
            .route(&at("/done"), get(browser::done))
            .route(&at("/mailbox"), post(device::open))
            .route(&at("/mailbox/wait"), post(device::wait))
            .route(&at("/mailbox/close"), post(device::close))
            .fallback(|| async { StatusCode::NOT_FOUND })
            .layer(middleware::from_fn_with_state(self.clone(), around))
            .with_state(self.clone())
    }

    /// The devices as they are now.
    pub fn devices(&self) -> Arc<Registry> {
        self.registry.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the store keeps of a client's address.
    pub fn address(&self, peer: IpAddr, headers: &HeaderMap) -> Tag {
        let client = request::client(peer, headers, &self.trusted_proxies, self.proxy_header);
        self.keys.hide("address", neighbourhood(client.to_canonical()).to_string().as_bytes())
    }

    /// The browser that the cookie is of.
    pub fn browser(&self, headers: &HeaderMap) -> Option<Browser> {
        Browser::read(request::cookie(headers, browser::COOKIE)?)
    }

    /// A page.
    pub fn page(&self, status: StatusCode, words: &Words, say: Say<'_>) -> Response {
        self.pages.answer(status, words, say)
    }

    /// A page for a request that nobody answers.
    pub fn refusal(&self, status: StatusCode, words: &Words) -> Response {
        let say = match status {
            StatusCode::FORBIDDEN => Say::Stray,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => Say::Later,
            _ => Say::Nothing,
        };
        self.page(status, words, say)
    }

    /// The store did not answer a browser.
    pub fn unavailable(&self, words: &Words) -> Response {
        self.metrics.store_failures.inc();
        let mut response = self.refusal(StatusCode::SERVICE_UNAVAILABLE, words);
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        response
    }
}

/// The address that a connection comes from.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// The language of a browser.
pub fn language(headers: &HeaderMap) -> &'static Words {
    words::choose(request::only(headers, header::ACCEPT_LANGUAGE).unwrap_or_default())
}

/// Around every request: the checks before it, and the headers, the log and the counts after it.
async fn around(
    State(service): State<Arc<Service>>,
    Extension(_): Extension<Peer>,
    request: Request,
    next: Next,
) -> Response {
    let start = Instant::now();
    let route = Route::of(request.uri().path(), &service.public.prefix);
    let words = language(request.headers());
    let head = request.method() == Method::HEAD;
    let mut response = match request::check(&request, route, &service.public, &service.servers) {
        Ok(()) => next.run(request).await,
        Err(status) if route.is_for_devices() => device::refusal(status),
        Err(status) => service.refusal(status, words),
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(NOTHING_AT_ALL));
    if service.public.https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    let status = response.status();
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(route.allow()));
    }
    let took = start.elapsed();
    service
        .metrics
        .requests
        .get_or_create(&Labels { route: route.name(), status: status.as_u16().into() })
        .inc();
    if route != Route::Wait {
        service.metrics.seconds.observe(took.as_secs_f64());
    }
    // Never the target, for it has answers of servers in it; never a header, never an address.
    let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    tracing::info!(route = route.name(), status = status.as_u16(), milliseconds, "request");
    if head { response.map(|_| Body::empty()) } else { response }
}

/// What each device is at, so that one that is broken does not stand in the way of the others.
#[derive(Default)]
pub struct Loads(Mutex<HashMap<Tag, Load>>);

#[derive(Default)]
struct Load {
    polls: u32,
    minute: u64,
    opens: u32,
}

impl Loads {
    /// One more long-poll, unless there are too many.
    pub fn poll<'l>(&'l self, device: &Tag, most: u32) -> Option<Poll<'l>> {
        let mut loads = self.map();
        let load = loads.entry(*device).or_default();
        if load.polls >= most {
            return None;
        }
        load.polls += 1;
        Some(Poll { loads: self, device: *device })
    }

    /// One more mailbox, unless there were too many in this minute.
    pub fn open(&self, device: &Tag, most: u32, clock: &Clock) -> bool {
        let mut loads = self.map();
        let load = loads.entry(*device).or_default();
        let minute = clock.now() / 60_000;
        if load.minute != minute {
            (load.minute, load.opens) = (minute, 0);
        }
        load.opens = load.opens.saturating_add(1);
        load.opens <= most
    }

    fn map(&self) -> MutexGuard<'_, HashMap<Tag, Load>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A long-poll that is counted.
pub struct Poll<'l> {
    loads: &'l Loads,
    device: Tag,
}

impl Drop for Poll<'_> {
    fn drop(&mut self) {
        if let Some(load) = self.loads.map().get_mut(&self.device) {
            load.polls = load.polls.saturating_sub(1);
        }
    }
}

/// For answers that are no pages.
const NOTHING_AT_ALL: &str = "default-src 'none'; frame-ancestors 'none'";

/// An answer with a status and nothing else.
pub fn bare(status: StatusCode) -> Response {
    status.into_response()
}
