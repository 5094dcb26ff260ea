//! The proxy that the environment names.

use std::{fmt, io::Write};

use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

use crate::http::{
    HttpError, HttpErrorKind,
    connection::{Socket, failure},
    message::Input,
    target::Target,
};

/// An HTTP proxy that is asked for a tunnel (RFC 9110 §9.3.6).
pub(super) struct Proxy {
    host: String,
    port: u16,
    authorization: Option<Zeroizing<String>>,
    exempt: Vec<String>,
}

impl Proxy {
    /// Reads `HTTPS_PROXY`, else `HTTP_PROXY`, and `NO_PROXY`; lower case too. Every request that may go
    /// through a proxy is one of https, so there is but one proxy.
    ///
    /// A proxy that cannot be used is an error. To go around it unasked would be worse.
    pub(super) fn from_environment(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, HttpError> {
        let find = |names: &[&str]| {
            names.iter().filter_map(|name| variable(name)).find(|value| !value.trim().is_empty())
        };
        // A web server hands the header `Proxy` of any request to its programs as HTTP_PROXY.
        let is_cgi = variable("REQUEST_METHOD").is_some();
        let names = ["HTTPS_PROXY", "https_proxy", "http_proxy", "HTTP_PROXY"];
        let Some(proxy) = find(if is_cgi { &names[..3] } else { &names }) else { return Ok(None) };
        let exempt = find(&["NO_PROXY", "no_proxy"]).unwrap_or_default();
        let unusable =
            || HttpError::new(HttpErrorKind::Connect, false).because("the proxy variable cannot be used");
        Self::read(proxy.trim(), &exempt).map(Some).ok_or_else(unusable)
    }

    /// `http://user:password@host:port/`, of which only the host must be there.
    fn read(url: &str, exempt: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let (user, authority) = match authority.rsplit_once('@') {
            Some((user, authority)) => (Some(user), authority),
            None => (None, authority),
        };
        let (host, port) = match authority.strip_prefix('[') {
            Some(literal) => literal.split_once(']')?,
            None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
        };
        let port = if port.is_empty() { 80 } else { port.strip_prefix(':')?.parse().ok()? };
        let is_name = |octet: u8| octet.is_ascii_alphanumeric() || b"-._:".contains(&octet);
        if !scheme.eq_ignore_ascii_case("http") || host.is_empty() || !host.bytes().all(is_name) {
            return None;
        }
        let authorization = match user {
            Some(user) => {
                let user = Zeroizing::new(percent_decode(user)?);
                Some(Zeroizing::new(format!("Basic {}", *Zeroizing::new(Base64::encode_string(&user)))))
            }
            None => None,
        };
        let exempt = exempt.split(',').map(|entry| entry.trim().to_ascii_lowercase());
        let exempt = exempt.filter(|entry| !entry.is_empty()).collect();
        Some(Self { host: host.to_owned(), port, authorization, exempt })
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Whether `target` is reached through the proxy. This machine never is.
    pub(super) fn is_for(&self, target: &Target<'_>) -> bool {
        let host = target.host.to_ascii_lowercase();
        target.secure
            && !target.is_loopback()
            && !self.exempt.iter().any(|entry| covers(entry, &host, target.port))
    }

    /// Asks for a tunnel to `target`. What then goes through is between us and the server.
    pub(super) fn tunnel(&self, socket: &mut Socket, target: &Target<'_>) -> Result<(), HttpError> {
        let Target { host, port, .. } = target;
        let host = if host.contains(':') { format!("[{host}]") } else { (*host).to_owned() };
        let mut head = Zeroizing::new(format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n"));
        if let Some(authorization) = &self.authorization {
            *head = [&head, "Proxy-Authorization: ", authorization, "\r\n"].concat();
        }
        head.push_str("\r\n");
        let broken = |error| failure(HttpErrorKind::Connect, false, error);
        socket.write_all(head.as_bytes()).map_err(broken)?;
        let mut input = Input::new(socket);
        let status = input.head(|_, _| {}).map_err(broken)?.status;
        match status {
            // The server speaks after us: what comes before is not the server's.
            200..=299 if input.is_empty() => Ok(()),
            _ => Err(HttpError::new(HttpErrorKind::Connect, false)
                .because(format!("the proxy opened no tunnel: status {status}"))),
        }
    }
}

/// `*`, a host, or a domain with all that is in it; perhaps with a port.
fn covers(entry: &str, host: &str, port: u16) -> bool {
    let (entry, only) = match entry.rsplit_once(':') {
        Some((entry, only)) if !entry.contains(':') || entry.ends_with(']') => (entry, only.parse().ok()),
        _ => (entry, None),
    };
    let domain = entry.trim_start_matches('*').trim_start_matches('.').trim_matches(['[', ']']);
    let inside =
        || host.strip_suffix(domain).is_some_and(|before| before.is_empty() || before.ends_with('.'));
    (entry == "*" || (!domain.is_empty() && inside())) && only.is_none_or(|only: u16| only == port)
}

fn percent_decode(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut octets = text.bytes();
    while let Some(octet) = octets.next() {
        out.push(match octet {
            b'%' => {
                let digits = [octets.next()?, octets.next()?];
                u8::from_str_radix(str::from_utf8(&digits).ok()?, 16).ok()?
            }
            _ => octet,
        });
    }
    Some(out)
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({}:{})", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(variables: &[(&str, &str)]) -> Result<Option<Proxy>, HttpError> {
        Proxy::from_environment(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn is_for(exempt: &str, url: &str) -> bool {
        let variables = [("HTTPS_PROXY", "proxy.example:3128"), ("NO_PROXY", exempt)];
        let target = Target::read(url).expect("a URL");
        proxy(&variables).expect("is read").expect("is set").is_for(&target)
    }

    #[test]
    fn is_read_in_every_usual_form() {
        for (url, host, port) in [
            ("proxy.example", "proxy.example", 80),
            ("http://proxy.example:3128/", "proxy.example", 3128),
            ("HTTP://user:pass@[::1]:1", "::1", 1),
        ] {
            let read = proxy(&[("https_proxy", url)]).expect("is read").expect("is set");
            assert_eq!((read.host(), read.port()), (host, port));
        }
        assert!(proxy(&[]).expect("is read").is_none());
        assert!(proxy(&[("HTTPS_PROXY", " ")]).expect("is read").is_none());
    }

    #[test]
    fn https_comes_before_http() {
        let both = [("HTTP_PROXY", "one.example"), ("HTTPS_PROXY", "two.example")];
        assert_eq!(proxy(&both).expect("is read").expect("is set").host(), "two.example");
        let cgi = [("HTTP_PROXY", "attacker.example"), ("REQUEST_METHOD", "GET")];
        assert!(proxy(&cgi).expect("is read").is_none());
    }

    #[test]
    fn is_not_passed_by_when_unusable() {
        for url in
            ["https://proxy.example", "socks5://proxy.example", "http://", "a b", "http://x:y", "%zz@proxy"]
        {
            assert_eq!(proxy(&[("HTTPS_PROXY", url)]).expect_err(url).kind(), HttpErrorKind::Connect);
        }
    }

    // REQ: SECRET-08
    #[test]
    fn keeps_its_password_to_itself() {
        let read = proxy(&[("HTTPS_PROXY", "http://us%65r:p%40ss@proxy.example")])
            .expect("is read")
            .expect("is set");
        assert_eq!(read.authorization.as_deref().map(String::as_str), Some("Basic dXNlcjpwQHNz"));
        assert_eq!(format!("{read:?}"), "Proxy(proxy.example:80)");
    }

    #[test]
    fn is_for_other_machines_only() {
        for url in [
            "https://localhost/",
            "https://127.0.0.1:1/",
            "https://127.9.9.9/",
            "https://[::1]/",
            "http://[::1]/",
        ] {
            assert!(!is_for("", url), "{url}");
        }
        assert!(is_for("", "https://as.example/"));
    }

    #[test]
    fn spares_what_no_proxy_names() {
        for exempt in ["*", "as.example", ".example", "*.example", "other, AS.example", "as.example:443"] {
            assert!(!is_for(exempt, "https://as.example/"), "{exempt}");
        }
        for exempt in ["", ",", "s.example", "as.example.com", "login.as.example", "as.example:8443"] {
            assert!(is_for(exempt, "https://as.example/"), "{exempt}");
        }
        assert!(!is_for("2001:db8::1", "https://[2001:db8::1]/"));
        assert!(!is_for("[2001:db8::1]:443", "https://[2001:db8::1]/"));
        assert!(!is_for("192.0.2.1", "https://192.0.2.1/"));
    }
}
