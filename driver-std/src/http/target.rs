//! Where a request goes.

use std::net::IpAddr;

/// The parts of an `http` or `https` URL, as far as a request needs them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Target<'u> {
    pub(crate) secure: bool,
    /// A name, or an address without brackets.
    pub(crate) host: &'u str,
    pub(crate) port: u16,
    /// Host and port as they stand in the URL.
    pub(crate) authority: &'u str,
    /// From the path to the end of the query; may lack the first `/`.
    pub(crate) path: &'u str,
}

impl<'u> Target<'u> {
    /// Reads a URL that the core made or checked. Nothing that a request line cannot hold passes, and plain
    /// http only to this machine, whatever the core allows.
    pub(crate) fn read(url: &'u str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let secure = scheme.eq_ignore_ascii_case("https");
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (host, port) = match authority.strip_prefix('[') {
            Some(literal) => literal.split_once(']')?,
            None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
        };
        let port = match port.strip_prefix(':') {
            Some(port) => port.parse().ok()?,
            None if port.is_empty() && secure => 443,
            None if port.is_empty() => 80,
            None => return None,
        };
        let target = Self { secure, host, port, authority, path };
        let clean = url.bytes().all(|octet| octet.is_ascii_graphic() && octet != b'#');
        let allowed = secure || (scheme.eq_ignore_ascii_case("http") && is_this_machine(host));
        (clean && allowed && !host.is_empty() && !authority.contains('@')).then_some(target)
    }

    /// Whether the host is this machine, so that no proxy is to be asked.
    pub(crate) fn is_loopback(&self) -> bool {
        is_this_machine(self.host) || self.host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    }
}

fn is_this_machine(host: &str) -> bool {
    host == "127.0.0.1" || host == "::1" || host.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_urls_apart() {
        for (url, host, port, authority, path) in [
            ("https://as.example/token", "as.example", 443, "as.example", "/token"),
            ("HTTPS://as.example:8443?a=b", "as.example", 8443, "as.example:8443", "?a=b"),
            ("https://[2001:db8::1]:1/", "2001:db8::1", 1, "[2001:db8::1]:1", "/"),
            ("http://[::1]", "::1", 80, "[::1]", ""),
        ] {
            let target = Target::read(url).unwrap_or_else(|| panic!("{url}"));
            assert_eq!(
                (target.host, target.port, target.authority, target.path),
                (host, port, authority, path)
            );
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
            "http://as.example/",
            "http://localhost.as.example/",
            "https://",
            "https:///token",
            "https://as.example/ HTTP/1.1",
            "https://as.example/\r\nX: y",
            "https://as.example/#fragment",
            "https://as.example:/",
            "https://as.example:65536/",
            "https://as.example:x/",
            "https://ä.example/",
            "https://user:secret@as.example/",
            "https://[::1",
            "https://[::1]x/",
        ] {
            assert_eq!(Target::read(url), None, "{url}");
        }
    }
}
