//! What is asked of every request before anybody answers it, and what is read from it.

use std::{net::IpAddr, time::Duration};

use axum::{
    body::{self, Body, Bytes},
    http::{HeaderMap, HeaderName, Method, Request, StatusCode, header},
};
use form_urlencoded::Parse;
use ipnet::IpNet;

use crate::settings::{ProxyHeader, PublicUrl};

/// Where a request goes to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Route {
    /// Where the server sends the browser back to.
    Callback,
    /// The device ends it.
    Close,
    /// The browser's last page.
    Done,
    /// The browser goes to the server.
    Go,
    /// The device begins it.
    Mailbox,
    /// Nowhere.
    Other,
    /// The browser shows the code.
    Pair,
    /// The first page.
    Start,
    /// The device waits.
    Wait,
}

impl Route {
    /// The route of a path.
    pub fn of(path: &str, prefix: &str) -> Self {
        match path.strip_prefix(prefix) {
            Some("/") => Self::Start,
            Some("/callback") => Self::Callback,
            Some("/done") => Self::Done,
            Some("/go") => Self::Go,
            Some("/mailbox") => Self::Mailbox,
            Some("/mailbox/close") => Self::Close,
            Some("/mailbox/wait") => Self::Wait,
            Some("/pair") => Self::Pair,
            _ => Self::Other,
        }
    }

    /// As it stands in the log and in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Callback => "callback",
            Self::Close => "mailbox/close",
            Self::Done => "done",
            Self::Go => "go",
            Self::Mailbox => "mailbox",
            Self::Other => "other",
            Self::Pair => "pair",
            Self::Start => "start",
            Self::Wait => "mailbox/wait",
        }
    }

    /// Whether devices ask for it, not browsers.
    pub const fn is_for_devices(self) -> bool {
        matches!(self, Self::Close | Self::Mailbox | Self::Wait)
    }

    /// The methods that do something there.
    pub fn allow(self) -> &'static str {
        match self {
            Self::Callback => "GET, POST",
            Self::Done | Self::Start => "GET, HEAD",
            Self::Close | Self::Go | Self::Mailbox | Self::Pair | Self::Wait => "POST",
            Self::Other => "",
        }
    }
}

/// Looks at a request's head: its size, whom it is for, and whose page sent it.
pub fn check(
    request: &Request<Body>,
    route: Route,
    public: &PublicUrl,
    servers: &[String],
) -> Result<(), StatusCode> {
    let (headers, target) = (request.headers(), request.uri());
    if target.path_and_query().is_some_and(|target| target.as_str().len() > MAX_TARGET) {
        return Err(StatusCode::URI_TOO_LONG);
    }
    let length: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if length > MAX_HEADERS {
        return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
    // With a length and nothing else, nobody before us can take the end of a body for somewhere else.
    if headers.contains_key(header::TRANSFER_ENCODING) {
        return Err(StatusCode::LENGTH_REQUIRED);
    }
    let host = only(headers, header::HOST).ok_or(StatusCode::BAD_REQUEST)?;
    let same = |host: &str| host.eq_ignore_ascii_case(&public.host) || is_usual_port(host, public);
    if !same(host) || target.authority().is_some_and(|authority| !same(authority.as_str())) {
        return Err(StatusCode::MISDIRECTED_REQUEST);
    }
    if route == Route::Other {
        return Err(StatusCode::NOT_FOUND);
    }
    if !route.allow().split(", ").any(|method| method == request.method().as_str()) {
        return Err(StatusCode::METHOD_NOT_ALLOWED);
    }
    if is_from(request.method(), headers, route, public, servers) {
        Ok(())
    } else {
        Err(StatusCode::FORBIDDEN)
    }
}

/// Whether the page that sent it may. Another site's page may send the browser here, for that is what the server does;
/// but it may not load this as an image or in a frame, nor post to it, but for the server's to the callback.
fn is_from(
    method: &Method,
    headers: &HeaderMap,
    route: Route,
    public: &PublicUrl,
    servers: &[String],
) -> bool {
    let is = |name: &str, values: &[&str]| {
        headers.get_all(name).iter().all(|value| values.iter().any(|wanted| value == wanted))
    };
    let origins: Vec<_> = headers.get_all(header::ORIGIN).iter().collect();
    if route.is_for_devices() {
        return origins.is_empty() && !headers.contains_key("sec-fetch-site");
    }
    if !is("sec-fetch-mode", &["navigate"]) || !is("sec-fetch-dest", &["document"]) {
        return false;
    }
    let callback = route == Route::Callback;
    let own = |origin: &str| origin.eq_ignore_ascii_case(&public.origin);
    match origins.as_slice() {
        _ if method != Method::POST => true,
        [] => callback || is("sec-fetch-site", &["none", "same-origin"]),
        [origin] => origin.to_str().is_ok_and(|origin| {
            // Servers' pages often send no referrer, and then browsers call their origin null. State and cookie say more.
            let server = origin == "null" || servers.iter().any(|server| origin.eq_ignore_ascii_case(server));
            own(origin) && is("sec-fetch-site", &["same-origin"]) || callback && server
        }),
        _ => false,
    }
}

fn is_usual_port(host: &str, public: &PublicUrl) -> bool {
    let usual = if public.https { ":443" } else { ":80" };
    host.strip_suffix(usual).is_some_and(|host| host.eq_ignore_ascii_case(&public.host))
}

/// The body of a form, when it comes in time and is one.
pub async fn form(
    headers: &HeaderMap,
    body: Body,
    most: usize,
    patience: Duration,
) -> Result<Bytes, StatusCode> {
    let media_type = only(headers, header::CONTENT_TYPE).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let length = only(headers, header::CONTENT_LENGTH).and_then(|length| length.parse::<usize>().ok());
    if length.ok_or(StatusCode::LENGTH_REQUIRED)? > most {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    match tokio::time::timeout(patience, body::to_bytes(body, most)).await {
        Ok(Ok(octets)) => Ok(octets),
        Ok(Err(_)) => Err(StatusCode::BAD_REQUEST),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
    }
}

/// The values of these names in a form, each at most once.
pub fn fields<const N: usize>(form: &[u8], names: [&str; N]) -> Option<[Option<String>; N]> {
    let mut values = [const { None }; N];
    for (name, value) in parse(form).take(MAX_FIELDS) {
        if let Some(place) = names.iter().position(|wanted| *wanted == name)
            && values[place].replace(value.into_owned()).is_some()
        {
            return None;
        }
    }
    Some(values)
}

fn parse(form: &[u8]) -> Parse<'_> {
    form_urlencoded::parse(form)
}

/// The value of a cookie, if the browser sends it once.
pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut found = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .filter(|(this, _)| *this == name)
        .map(|(_, value)| value);
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// The value of a header that comes once.
pub fn only(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    if values.next().is_some() { None } else { first.to_str().ok() }
}

/// Whom a request is from: whoever is connected, or whom a trusted proxy speaks for.
pub fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet], header: ProxyHeader) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(&address.to_canonical()));
    if !is_trusted(&peer) {
        return peer;
    }
    let name = match header {
        ProxyHeader::Forwarded => "forwarded",
        ProxyHeader::XForwardedFor => "x-forwarded-for",
    };
    let values: Vec<_> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    let mut last = peer;
    // Each proxy adds whom it saw at the end; what stands before the first stranger, the stranger wrote.
    for hop in values.iter().flat_map(|value| value.split(',')).rev() {
        let Some(address) = hop_address(hop.trim(), header) else { return last };
        if !is_trusted(&address) {
            return address;
        }
        last = address;
    }
    last
}

fn hop_address(hop: &str, header: ProxyHeader) -> Option<IpAddr> {
    let text = match header {
        ProxyHeader::XForwardedFor => hop,
        ProxyHeader::Forwarded => hop.split(';').find_map(|pair| {
            let (name, value) = pair.trim().split_once('=')?;
            name.eq_ignore_ascii_case("for").then(|| value.trim_matches('"'))
        })?,
    };
    // With a port, IPv6 is in brackets; without one it may be.
    let bare = match text.strip_prefix('[') {
        Some(rest) => rest.split(']').next()?,
        None if text.matches(':').count() == 1 => text.split(':').next()?,
        None => text,
    };
    bare.parse().ok()
}

/// Octets of a request's target: a path, and an answer of 4 KiB.
const MAX_TARGET: usize = 5 * 1024;

/// Octets of all headers.
const MAX_HEADERS: usize = 8 * 1024;

/// Fields of a form that are looked at.
const MAX_FIELDS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_proxy_is_believed_only_where_it_is_trusted() {
        let client = |peer: &str, pairs, trusted: &str, header| {
            let trusted: Vec<IpNet> = trusted.split_whitespace().map(|net| net.parse().unwrap()).collect();
            client(peer.parse().unwrap(), &headers(pairs), &trusted, header).to_string()
        };
        let old = ProxyHeader::XForwardedFor;
        let lie = &[("x-forwarded-for", "192.0.2.1")][..];
        assert_eq!(client("198.51.100.7", lie, "", old), "198.51.100.7");
        assert_eq!(client("10.0.0.1", lie, "10.0.0.0/8", old), "192.0.2.1");
        let chain = &[("x-forwarded-for", "1.1.1.1, 192.0.2.1"), ("x-forwarded-for", "10.0.0.2")][..];
        assert_eq!(client("10.0.0.1", chain, "10.0.0.0/8", old), "192.0.2.1");
        assert_eq!(
            client("10.0.0.1", &[("x-forwarded-for", "192.0.2.1, what")], "10.0.0.0/8", old),
            "10.0.0.1"
        );
        assert_eq!(client("10.0.0.1", &[], "10.0.0.0/8", old), "10.0.0.1");
        assert_eq!(client("10.0.0.1", lie, "10.0.0.0/8", ProxyHeader::Forwarded), "10.0.0.1");
        let new = &[("forwarded", "for=1.1.1.1, proto=https;for=\"[2001:db8::1]:4711\"")][..];
        assert_eq!(client("10.0.0.1", new, "10.0.0.0/8", ProxyHeader::Forwarded), "2001:db8::1");
        assert_eq!(
            client("10.0.0.1", &[("x-forwarded-for", "192.0.2.1:80")], "10.0.0.0/8", old),
            "192.0.2.1"
        );
    }

    #[test]
    fn cookies_and_fields_come_once() {
        let jar = headers(&[("cookie", "a=1; __Host-x=2"), ("cookie", "b=3")]);
        assert_eq!(cookie(&jar, "__Host-x"), Some("2"));
        assert_eq!(cookie(&jar, "c"), None);
        assert_eq!(cookie(&headers(&[("cookie", "a=1; a=1")]), "a"), None);
        assert_eq!(
            fields(b"a=1&c=%20&x=9", ["a", "b", "c"]).unwrap(),
            [Some("1".into()), None, Some(" ".into())]
        );
        assert!(fields(b"a=1&%61=1", ["a"]).is_none());
    }
}
