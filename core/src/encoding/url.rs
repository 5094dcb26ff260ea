//! What the core needs to know of URLs (RFC 3986), and no more.

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
    let (secure, behind) = match url.split_once("://")? {
        (scheme, rest) if scheme.eq_ignore_ascii_case("https") => (true, rest),
        (scheme, rest) if scheme.eq_ignore_ascii_case("http") => (false, rest),
        _ => return None,
    };
    if !url.bytes().all(is_clean) {
        return None;
    }
    let authority_length = behind.find(['/', '?', '#']).unwrap_or(behind.len());
    let (authority, rest) = behind.split_at_checked(authority_length)?;
    let host = host(authority)?;
    let origin = url.get(..url.len().saturating_sub(rest.len()))?;
    let (rest, fragment) = match rest.split_once('#') {
        Some((rest, _)) => (rest, true),
        None => (rest, false),
    };
    let (path, query) = match rest.split_once('?') {
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

fn host(authority: &str) -> Option<&str> {
    let (host, port) = if authority.starts_with('[') {
        let (inside, port) = authority.split_once(']')?;
        let host = authority.get(..inside.len().saturating_add(1))?;
        let literal = inside.get(1..)?.bytes().all(|octet| octet.is_ascii_hexdigit() || matches!(octet, b':' | b'.'));
        (if literal { host } else { return None }, port.strip_prefix(':').or(port.is_empty().then_some("0"))?)
    } else {
        let (host, port) = authority.split_once(':').unwrap_or((authority, "0"));
        let name = host.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'-' | b'_'));
        (if name { host } else { return None }, port)
    };
    let number = !port.is_empty() && port.len() <= 5 && port.bytes().all(|octet| octet.is_ascii_digit());
    (!host.is_empty() && number).then_some(host)
}

/// Characters that every reader of a URL takes as they are: no control, space, quote, bracket or backslash.
fn is_clean(octet: u8) -> bool {
    matches!(octet, b'!' | b'#'..=b';' | b'=' | b'?'..=b'[' | b']' | b'_' | b'a'..=b'z' | b'~')
}
