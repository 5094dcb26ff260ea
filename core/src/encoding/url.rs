//! What the core needs to know of URLs (RFC 3986), and no more.

use crate::encoding::{text, writer::Writer};

/// The parts of an absolute `http` or `https` URL.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Url<'u> {
    pub(crate) secure: bool,
    /// Without port; an IPv6 literal with its brackets.
    pub(crate) host: &'u str,
    /// Scheme, host and port as they stand.
    pub(crate) origin: &'u str,
    /// From the first `/` up to the query; may be empty.
    pub(crate) path: &'u str,
    /// Behind `?`, without it.
    pub(crate) query: Option<&'u str>,
    pub(crate) fragment: bool,
}

/// Reads a URL that is safe to print and to open: visible ASCII, no userinfo, a host, a port that is a number.
pub(crate) fn parse(url: &str) -> Option<Url<'_>> {
    let (scheme, rest) = text::split_once(url, b':')?;
    let behind = rest.strip_prefix("//")?;
    let secure = scheme.eq_ignore_ascii_case("https");
    if !(secure || scheme.eq_ignore_ascii_case("http")) || !url.bytes().all(is_clean) {
        return None;
    }
    let authority_end = behind.bytes().position(|octet| matches!(octet, b'/' | b'?' | b'#'));
    let authority_length = authority_end.unwrap_or(behind.len());
    let (authority, rest) = behind.split_at_checked(authority_length)?;
    let host = host(authority)?;
    let origin = url.get(..url.len().saturating_sub(rest.len()))?;
    let (rest, fragment) = match text::split_once(rest, b'#') {
        Some((rest, _)) => (rest, true),
        None => (rest, false),
    };
    let (path, query) = match text::split_once(rest, b'?') {
        Some((path, query)) => (path, Some(query)),
        None => (rest, None),
    };
    Some(Url { secure, host, origin, path, query, fragment })
}

impl Url<'_> {
    /// This machine by a literal address (RFC 8252 §7.3).
    pub(crate) fn is_loopback_address(&self) -> bool {
        matches!(self.host, "127.0.0.1" | "[::1]")
    }

    /// This machine by address or name.
    pub(crate) fn is_loopback(&self) -> bool {
        self.is_loopback_address() || self.host == "localhost"
    }

    /// Fit to send a request or a user to. `insecure_loopback` lets plain http pass for this machine.
    pub(crate) fn is_allowed(&self, insecure_loopback: bool) -> bool {
        !self.fragment && (self.secure || (insecure_loopback && self.is_loopback()))
    }
}

/// Writes `endpoint` up to where parameters of ours may follow; its own query stays as it is (RFC 6749 §3.1).
pub(crate) fn open_query(endpoint: &str, writer: &mut Writer<'_>) {
    writer.text(endpoint.as_bytes());
    writer.text(query_mark(endpoint).as_bytes());
}

/// What stands between `endpoint` and the first parameter of ours.
pub(crate) fn query_mark(endpoint: &str) -> &'static str {
    match parse(endpoint).and_then(|url| url.query) {
        None => "?",
        Some(query) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    }
}

fn host(authority: &str) -> Option<&str> {
    let literal = authority.starts_with('[');
    let length = if literal {
        authority.bytes().position(|octet| octet == b']')?.saturating_add(1)
    } else {
        authority.bytes().position(|octet| octet == b':').unwrap_or(authority.len())
    };
    let (host, port) = authority.split_at_checked(length)?;
    let allowed = |octet: u8| match octet {
        b'.' => true,
        b':' | b'[' | b']' => literal,
        b'-' | b'_' => !literal,
        _ if literal => octet.is_ascii_hexdigit(),
        _ => octet.is_ascii_alphanumeric(),
    };
    let digits = if port.is_empty() { "0" } else { port.strip_prefix(':')? };
    let number = (1..=5).contains(&digits.len()) && digits.bytes().all(|octet| octet.is_ascii_digit());
    (number && !host.is_empty() && host.bytes().all(allowed)).then_some(host)
}

/// Characters that every reader of a URL takes as they are: no control, space, quote, bracket or backslash.
fn is_clean(octet: u8) -> bool {
    matches!(octet, b'!' | b'#'..=b';' | b'=' | b'?'..=b'[' | b']' | b'_' | b'a'..=b'z' | b'~')
}
