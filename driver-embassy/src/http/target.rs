//! Where a request may go.

use crate::connect::Origin;

/// Where a request goes: the other end, and what it is asked for there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Target<'u> {
    pub(crate) origin: Origin<'u>,
    /// Host and port as they are written, for the header `Host`.
    pub(crate) authority: &'u str,
    /// Path and query; without the leading slash if the URL leaves it out.
    pub(crate) path: &'u str,
}

/// The longest name in the DNS (RFC 1035 §2.3.4).
pub(crate) const MAX_HOST: usize = 253;

/// The URL, if it is of https, or of http and this machine, whatever the core allows: no octet that a URL cannot hold,
/// no user, no fragment, and a host as the DNS has them, or an address.
pub(crate) fn read(url: &str) -> Option<Target<'_>> {
    let clean = url.bytes().all(|octet| octet.is_ascii_graphic() && !matches!(octet, b'#' | b'\\'));
    let (secure, rest) = match (after(url, "https://"), after(url, "http://")) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        (None, None) => return None,
    };
    let end = rest.bytes().position(|octet| matches!(octet, b'/' | b'?')).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end)?;
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let end = rest.bytes().position(|octet| octet == b']')?;
        let (host, rest) = rest.split_at_checked(end)?;
        let address = host.bytes().all(|octet| octet.is_ascii_hexdigit() || matches!(octet, b':' | b'.'));
        (Some(host).filter(|_| address)?, rest.strip_prefix(']')?)
    } else {
        let end = authority.bytes().position(|octet| octet == b':').unwrap_or(authority.len());
        let (host, rest) = authority.split_at_checked(end)?;
        let name =
            host.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_'));
        (Some(host).filter(|_| name)?, rest)
    };
    let port = match port.strip_prefix(':') {
        Some(digits) => Some(number(digits)?),
        None if port.is_empty() => None,
        None => return None,
    };
    let here = host.eq_ignore_ascii_case("localhost") || matches!(host, "127.0.0.1" | "::1");
    let allowed = clean && (secure || here) && (1..=MAX_HOST).contains(&host.len());
    let port = port.unwrap_or(if secure { 443 } else { 80 });
    allowed.then_some(Target { origin: Origin { secure, host, port }, authority, path })
}

/// What follows `prefix`, which is compared without case.
fn after<'u>(url: &'u str, prefix: &str) -> Option<&'u str> {
    let (start, rest) = url.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// A port: digits, and nothing else.
fn number(digits: &str) -> Option<u16> {
    let port = digits.bytes().all(|octet| octet.is_ascii_digit()).then_some(digits)?;
    port.parse().ok().filter(|&port| port != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_where_it_says() {
        for (url, secure, host, port, authority, path) in [
            ("https://as.example/token", true, "as.example", 443, "as.example", "/token"),
            ("HTTPS://AS.example:8443?a=b", true, "AS.example", 8443, "AS.example:8443", "?a=b"),
            ("https://as.example:443/%41", true, "as.example", 443, "as.example:443", "/%41"),
            ("https://[2001:db8::1]:1/", true, "2001:db8::1", 1, "[2001:db8::1]:1", "/"),
            ("http://[::1]", false, "::1", 80, "[::1]", ""),
            ("http://localhost:80/", false, "localhost", 80, "localhost:80", "/"),
            ("https://10.0.0.1:65535/", true, "10.0.0.1", 65_535, "10.0.0.1:65535", "/"),
        ] {
            let expected = Target { origin: Origin { secure, host, port }, authority, path };
            assert_eq!(read(url), Some(expected), "{url}");
        }
    }

    // REQ: HTTP-04, HTTP-16
    #[test]
    fn goes_nowhere_else() {
        for url in [
            "",
            "as.example/token",
            "ftp://127.0.0.1/",
            "http://127.0.0.1.as.example/",
            "http://127.0.0.2/",
            "http://127.1/",
            "http://as.example/",
            "http://localhost.as.example/",
            "https://",
            "https:///token",
            "https:\\\\as.example/",
            "https://as.example\\@elsewhere.example/",
            "https://as.ex%61mple/",
            "https://as.example/ HTTP/1.1",
            "https://as.example/\r\nX: y",
            "https://as.example/#fragment",
            "https://as.example:/",
            "https://as.example:0/",
            "https://as.example:+1/",
            "https://as.example:65536/",
            "https://as.example:x/",
            "https://ä.example/",
            "https://user:secret@as.example/",
            "https://@as.example/",
            "https://[::1",
            "https://[::1]x/",
            "https://[]/",
            "https://[fe80::1%25eth0]/",
        ] {
            assert_eq!(read(url), None, "{url}");
        }
        let long = "a".repeat(MAX_HOST + 1);
        assert_eq!(read(&std::format!("https://{long}/")), None);
    }
}
