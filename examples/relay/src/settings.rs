//! What an operator sets.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use axum::http::Uri;
use ipnet::IpNet;

use crate::{clock::Clock, keys::Keys, store::Rules};

/// Everything that can be set.
pub struct Settings {
    /// Where browsers and devices come in.
    pub listen: SocketAddr,
    /// Where health and metrics are, if anywhere.
    pub admin: Option<SocketAddr>,
    /// What browsers and devices call it: https, no slash at the end. Without one, the address that it listens on.
    pub public_url: Option<String>,
    /// Its own certificate, if no proxy before it has one.
    pub tls: Option<Tls>,
    /// The file with the devices.
    pub devices: PathBuf,
    /// Where it may send browsers.
    pub authorization_endpoints: Vec<String>,
    /// Origins of other pages that may post an answer.
    pub response_origins: Vec<String>,
    /// Where sign-ins are kept.
    pub store: StoreKind,
    /// The relay's own key; a store that is shared needs one, which all instances have.
    pub keys: Option<Keys>,
    /// What stands above each page.
    pub brand: Brand,
    /// Proxies whose word on a client's address is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The header that these proxies set.
    pub proxy_header: ProxyHeader,
    /// Limits of a connection.
    pub limits: Limits,
    /// Lives of mailboxes, and wrong codes.
    pub rules: Rules,
    /// The clock of the memory store.
    pub clock: Clock,
}

impl Settings {
    /// For one listener, a file with devices and one server; everything else as it is by default.
    pub fn new(
        listen: SocketAddr,
        devices: impl Into<PathBuf>,
        authorization_endpoint: impl Into<String>,
    ) -> Self {
        Self {
            listen,
            admin: None,
            public_url: None,
            tls: None,
            devices: devices.into(),
            authorization_endpoints: vec![authorization_endpoint.into()],
            response_origins: Vec::new(),
            store: StoreKind::Memory,
            keys: None,
            brand: Brand::default(),
            trusted_proxies: Vec::new(),
            proxy_header: ProxyHeader::XForwardedFor,
            limits: Limits::default(),
            rules: Rules::default(),
            clock: Clock::default(),
        }
    }
}

/// Files in PEM.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The certificate and those above it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Where sign-ins are kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum StoreKind {
    /// In this process.
    Memory,
    /// In Valkey or Redis, at this URL.
    Redis(String),
}

/// What stands above each page.
#[derive(Clone, Debug)]
pub struct Brand {
    /// A name, or nothing.
    pub name: String,
    /// The colour of buttons: `#` and three or six hexadecimal digits.
    pub colour: String,
}

impl Brand {
    /// Whether this is a colour, and no more.
    pub fn is_colour(text: &str) -> bool {
        let digits = text.strip_prefix('#').unwrap_or_default();
        matches!(digits.len(), 3 | 6) && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
    }
}

impl Default for Brand {
    fn default() -> Self {
        Self { name: String::new(), colour: "#0b57d0".into() }
    }
}

/// How a proxy says whom it speaks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum ProxyHeader {
    /// RFC 7239
    Forwarded,
    /// The older one
    XForwardedFor,
}

/// Limits of connections and requests.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time.
    pub connections: usize,
    /// Of these, from one address.
    pub connections_per_address: usize,
    /// Long-polls of one device at a time.
    pub polls_per_device: u32,
    /// Mailboxes that one device may open in a minute.
    pub opens_per_device: u32,
    /// For a request's head, for TLS, and between two requests.
    pub head: Duration,
    /// For a request's body.
    pub body: Duration,
    /// For requests that are under way when the service is told to stop.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_per_address: 256,
            polls_per_device: 4,
            opens_per_device: 30,
            head: Duration::from_secs(10),
            body: Duration::from_secs(10),
            drain: Duration::from_secs(10),
        }
    }
}

/// What browsers call the relay, in pieces.
#[derive(Clone, Debug)]
pub struct PublicUrl {
    /// Without a slash at the end.
    pub base: String,
    /// As browsers send it in `Origin`.
    pub origin: String,
    /// As they send it in `Host`.
    pub host: String,
    /// The path, without a slash at the end.
    pub prefix: String,
    /// Whether it is https.
    pub https: bool,
}

impl PublicUrl {
    /// Reads it; plain http is only for this machine.
    pub fn read(text: &str) -> Result<Self, String> {
        let base = text.trim_end_matches('/');
        let wrong =
            || format!("`{text}` is no address of a relay: https://relay.example, with or without a path.");
        let origin = origin(base).ok_or_else(wrong)?;
        let uri: Uri = base.parse().map_err(|_| wrong())?;
        let prefix = uri.path().trim_end_matches('/');
        let is_plain = prefix.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"/-._~".contains(&octet));
        if uri.query().is_some() || base.contains('#') || !is_plain {
            return Err(wrong());
        }
        let (_, host) = origin.split_once("://").ok_or_else(wrong)?;
        Ok(Self {
            base: format!("{origin}{prefix}"),
            host: host.into(),
            prefix: prefix.into(),
            https: origin.starts_with("https:"),
            origin,
        })
    }
}

/// Scheme, host and port of an https URL, or of an http URL of this machine, as browsers write them.
pub fn origin(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
    let host = uri.host()?.to_ascii_lowercase();
    let usual = match scheme {
        "https" => 443,
        "http" if is_loopback(&host) => 80,
        _ => return None,
    };
    if authority.as_str().contains('@') || host.is_empty() {
        return None;
    }
    match uri.port_u16() {
        Some(port) if port != usual => Some(format!("{scheme}://{host}:{port}")),
        _ => Some(format!("{scheme}://{host}")),
    }
}

/// Whether this host is this machine itself.
fn is_loopback(host: &str) -> bool {
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || literal.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The part of an address that one customer has: an IPv6 line has 2^64 addresses and more.
pub fn neighbourhood(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => IpAddr::V4(Ipv4Addr::from(address.octets())),
            None => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_urls() {
        let url = PublicUrl::read("https://Relay.example:443/sign-in/").unwrap();
        assert_eq!(
            (url.base.as_str(), url.host.as_str()),
            ("https://relay.example/sign-in", "relay.example")
        );
        assert_eq!((url.prefix.as_str(), url.origin.as_str()), ("/sign-in", "https://relay.example"));
        let url = PublicUrl::read("http://127.0.0.1:8080").unwrap();
        assert_eq!((url.base.as_str(), url.prefix.as_str()), ("http://127.0.0.1:8080", ""));
        for text in [
            "http://relay.example",
            "relay.example",
            "https://a@b",
            "https://a/?b",
            "https://a/#b",
            "https://a/%20",
            "",
        ] {
            assert!(PublicUrl::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn one_line_is_one_address() {
        let same = |one: &str, other: &str| {
            neighbourhood(one.parse().unwrap()) == neighbourhood(other.parse().unwrap())
        };
        assert!(same("2001:db8::1", "2001:db8::ffff:1:2:3") && same("::ffff:192.0.2.1", "192.0.2.1"));
        assert!(!same("2001:db8::1", "2001:db8:0:1::1") && !same("192.0.2.1", "192.0.2.2"));
    }

    #[test]
    fn colours() {
        assert!(Brand::is_colour("#0b57d0") && Brand::is_colour("#FFF"));
        for text in ["", "red", "#12", "#12345g", "#fff;}", "fff"] {
            assert!(!Brand::is_colour(text), "{text}");
        }
    }
}
