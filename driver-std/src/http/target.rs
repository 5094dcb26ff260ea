//! Where a request may go.

use reqwest::Url;

/// The URL, if it is of https, or of http and this machine, whatever the core allows.
///
/// The parser repairs what is written wrong. So its reading counts only where it is what stands there: no
/// octet that a URL cannot hold, no user, and the host and the port as they are written.
pub(crate) fn read(url: &str) -> Option<Url> {
    let clean = url.bytes().all(|octet| octet.is_ascii_graphic() && !b"#\\".contains(&octet));
    let read = Url::parse(url).ok().filter(|_| clean)?;
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?']).next()?.to_ascii_lowercase();
    let host = read.host_str().filter(|host| !host.is_empty())?;
    let port = match authority.strip_prefix(host)? {
        "" => None,
        port => Some(port.strip_prefix(':')?.parse().ok()?),
    };
    let allowed = match read.scheme() {
        "https" => port.unwrap_or(443) == read.port_or_known_default()?,
        "http" => matches!(host, "127.0.0.1" | "[::1]" | "localhost"),
        _ => false,
    };
    allowed.then_some(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_where_it_says() {
        for (url, read_as) in [
            ("https://as.example/token", "https://as.example/token"),
            ("HTTPS://AS.example:8443?a=b", "https://as.example:8443/?a=b"),
            ("https://as.example:443/%41", "https://as.example/%41"),
            ("https://[2001:db8::1]:1/", "https://[2001:db8::1]:1/"),
            ("http://[::1]", "http://[::1]/"),
            ("http://localhost:80/", "http://localhost/"),
        ] {
            assert_eq!(read(url).unwrap_or_else(|| panic!("{url}")).as_str(), read_as);
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
            "https://as.example:65536/",
            "https://as.example:x/",
            "https://ä.example/",
            "https://user:secret@as.example/",
            "https://@as.example/",
            "https://[::1",
            "https://[::1]x/",
        ] {
            assert_eq!(read(url), None, "{url}");
        }
    }
}
