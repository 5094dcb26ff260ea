//! The small web server for the kiosk's own browser, on this machine only.
//!
//! All of it lies below a path that is drawn at every start, and given to the browser: other users of the machine, and
//! pages of the web, do not know it. No cookie is set, and nothing is stored in the browser.

use std::{io, net::TcpListener, sync::Arc, thread, time::Duration};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, RawQuery, Request, State},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderName, LOCATION, ORIGIN,
            REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
        },
    },
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64ct::{Base64UrlUnpadded, Encoding};
use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::{runtime, time::timeout};

use crate::{
    brand::Brand,
    kiosk::{Button, Kiosk, View},
    page::{self, Page},
    shared::Shared,
    words,
};

/// The page's server, and what it needs.
pub struct Site {
    pub shared: Arc<Shared>,
    pub brand: Brand,
    /// The authorization server's name.
    pub server: String,
    /// Where it listens, as it stands in `Host`.
    pub authority: String,
    /// The path of all pages, without slashes.
    pub key: String,
    /// Where the authorization server sends the browser after a sign-out.
    pub farewell: String,
    /// Whether a `state` is that of the sign-out under way.
    pub is_farewell: Box<dyn Fn(&str) -> bool + Send + Sync>,
}

/// The longest wait for a change, before the browser asks again.
const LONG_POLL: Duration = Duration::from_secs(20);

/// How often the time is looked at meanwhile.
const TICK: Duration = Duration::from_millis(250);

/// The longest form.
const FORM: usize = 1024;

impl Site {
    /// Where the browser finds the page.
    pub fn url(&self) -> String {
        format!("http://{}/{}/", self.authority, self.key)
    }

    /// Serves until the program ends, on a thread of its own.
    pub fn serve(self, listener: TcpListener) -> io::Result<()> {
        listener.set_nonblocking(true)?;
        let runtime = runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let router = self.router();
        let serve = move || {
            // It ends with the program only.
            let _ = runtime.block_on(async { axum::serve(listener, router).await });
        };
        thread::Builder::new().name("kiosk-page".into()).spawn(serve)?;
        Ok(())
    }

    fn router(self) -> Router {
        let farewell = self.farewell.clone();
        let site = Arc::new(self);
        Router::new()
            .route("/{key}/", get(show))
            .route("/{key}/state", get(state))
            .route("/{key}/press", post(press))
            .route(&farewell, get(said_farewell))
            .fallback(nothing)
            .layer(DefaultBodyLimit::max(FORM))
            .layer(middleware::from_fn_with_state(Arc::clone(&site), guard))
            .with_state(site)
    }

    /// What a press has to show: another one for every user.
    fn token(&self, kiosk: &Kiosk) -> String {
        let mut hash = Sha256::new();
        hash.update(b"page");
        hash.update(self.key.as_bytes());
        hash.update(kiosk.visit().to_be_bytes());
        Base64UrlUnpadded::encode_string(&hash.finalize())
    }

    fn knows(&self, key: &str) -> bool {
        self.key.as_bytes().ct_eq(key.as_bytes()).into()
    }

    fn nothing(&self) -> Response {
        let language = self.shared.with(|kiosk, _| kiosk.language());
        html(StatusCode::NOT_FOUND, page::nothing(&self.brand, language))
    }
}

/// `GET /KEY/`
async fn show(State(site): State<Arc<Site>>, Path(key): Path<String>) -> Response {
    if !site.knows(&key) {
        return site.nothing();
    }
    let (page, is_free) = site.shared.with(|kiosk, now| {
        kiosk.saw(now);
        let token = site.token(kiosk);
        let page = Page { brand: &site.brand, server: &site.server, token: &token, kiosk, now };
        (page.html(), matches!(kiosk.view(), View::Welcome(Some(_))))
    });
    let mut response = html(StatusCode::OK, page);
    if is_free {
        // Whatever this browser holds of this machine's pages, the next user does not get.
        response.headers_mut().insert(CLEAR_SITE_DATA, HeaderValue::from_static(EVERYTHING));
    }
    response
}

/// `GET /KEY/state?seen=VERSION`: the present version, as soon as it is another one.
async fn state(
    State(site): State<Arc<Site>>,
    Path(key): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    if !site.knows(&key) {
        return site.nothing();
    }
    let seen = query.as_deref().and_then(|query| query.strip_prefix("seen="));
    let seen = seen.and_then(|seen| seen.parse::<u64>().ok());
    let mut changes = site.shared.watch();
    let wait = async {
        loop {
            let version = site.shared.with(|kiosk, now| {
                kiosk.saw(now);
                kiosk.version()
            });
            if Some(version) != seen {
                return;
            }
            changes.mark_unchanged();
            let _ = timeout(TICK, changes.changed()).await;
        }
    };
    let _ = timeout(LONG_POLL, wait).await;
    let version = site.shared.with(|kiosk, _| kiosk.version());
    (StatusCode::OK, [(CONTENT_TYPE, "text/plain")], version.to_string()).into_response()
}

/// `POST /KEY/press`
async fn press(
    State(site): State<Arc<Site>>,
    Path(key): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !site.knows(&key) {
        return site.nothing();
    }
    if !is_own(&site, &headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let Some((token, button)) = read(&body) else { return StatusCode::BAD_REQUEST.into_response() };
    site.shared.with(|kiosk, now| {
        // A page that was shown to another user leads to the present one, and does nothing.
        if bool::from(site.token(kiosk).as_bytes().ct_eq(token.as_bytes())) {
            kiosk.press(button, now);
        }
    });
    see_other("./")
}

/// The browser has ended its own session at the server. Only the server knows the `state`, and only who knows it is shown
/// the way back.
async fn said_farewell(State(site): State<Arc<Site>>, RawQuery(query): RawQuery) -> Response {
    if !(site.is_farewell)(query.as_deref().unwrap_or_default()) {
        return site.nothing();
    }
    site.shared.with(Kiosk::said_farewell);
    see_other(&format!("/{}/", site.key))
}

async fn nothing(State(site): State<Arc<Site>>) -> Response {
    site.nothing()
}

/// Lets only requests through that name this server, and puts the headers that every answer has.
///
/// A page of the web can point a name of its own at 127.0.0.1 and would then be of the same origin (DNS rebinding); its
/// requests still carry that name.
async fn guard(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let mut hosts = request.headers().get_all(HOST).iter();
    let named = hosts.next().is_some_and(|host| host.as_bytes() == site.authority.as_bytes());
    let absolute = request.uri().authority();
    let ours = named && hosts.next().is_none() && absolute.is_none_or(|name| name.as_str() == site.authority);
    let mut response =
        if ours { next.run(request).await } else { StatusCode::MISDIRECTED_REQUEST.into_response() };
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&site.brand.policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Whether a press is from one of our pages: browsers say where a form is from.
fn is_own(site: &Site, headers: &HeaderMap) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    let own = origins.next().is_some_and(|origin| {
        origin.as_bytes().strip_prefix(b"http://").is_some_and(|host| host == site.authority.as_bytes())
    });
    own && origins.next().is_none()
}

/// Reads `page=TOKEN&button=NAME`.
fn read(body: &[u8]) -> Option<(String, Button)> {
    let (mut token, mut button) = (None, None);
    for pair in std::str::from_utf8(body).ok()?.split('&') {
        let (name, value) = pair.split_once('=')?;
        let value = percent_decode_str(value).decode_utf8().ok()?.into_owned();
        let place = match name {
            "button" => &mut button,
            "page" => &mut token,
            _ => return None,
        };
        if place.replace(value).is_some() {
            return None;
        }
    }
    let button = match button?.as_str() {
        "cancel" => Button::Cancel,
        "confirm" => Button::Confirm,
        "phone" => Button::Phone,
        "screen" => Button::Screen,
        "sign-in" => Button::SignIn,
        "sign-out" => Button::SignOut,
        "stay" => Button::Stay,
        tag => Button::Language(words::find(tag)?),
    };
    Some((token?, button))
}

fn html(status: StatusCode, page: String) -> Response {
    (status, [(CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
}

fn see_other(place: &str) -> Response {
    let Ok(place) = HeaderValue::from_str(place) else { return StatusCode::NOT_FOUND.into_response() };
    (StatusCode::SEE_OTHER, [(LOCATION, place)]).into_response()
}

const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");
const EVERYTHING: &str = "\"cache\", \"cookies\", \"storage\"";

const HEADERS: [(HeaderName, &str); 6] = [
    (CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (REFERRER_POLICY, "no-referrer"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presses_are_read_strictly() {
        assert_eq!(read(b"page=a&button=sign-in"), Some(("a".into(), Button::SignIn)));
        assert_eq!(read(b"page=a&button=de"), Some(("a".into(), Button::Language(1))));
        for wrong in [
            "",
            "page=a",
            "button=stay",
            "page=a&button=",
            "page=a&button=other",
            "page=a&page=a&button=stay",
            "page=a&button=stay&button=stay",
            "page=a&button=stay&more=1",
            "page=%ff&button=stay",
        ] {
            assert_eq!(read(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
