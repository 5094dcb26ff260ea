//! The HTTPS client of this crate: [`reqwest`], held to what requests with secrets need.

use std::{
    env,
    error::Error,
    fmt,
    io::{self, Read},
    net::{Ipv4Addr, Ipv6Addr},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use keyfob_core::http::{Incoming, Method, Request};
use reqwest::{
    NoProxy, Proxy,
    blocking::{Client, ClientBuilder, Response},
    header::HeaderValue,
    redirect, retry,
};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};
use rustls_platform_verifier::Verifier;
use zeroize::Zeroizing;

use crate::http::{Http, HttpError, HttpErrorKind, target};

/// The time for name, connection, proxy and TLS handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The time for a whole exchange.
const TIMEOUT: Duration = Duration::from_secs(30);

/// An idle connection is not used any more when it is older: servers close theirs after 5 s and more, and a
/// request must not meet the closing.
const MAX_IDLE: Duration = Duration::from_secs(3);

/// Octets of a body that are handed on at once.
const PIECE: usize = 8 * 1024;

/// What is never asked for through a proxy: this machine.
const THIS_MACHINE: &str = "localhost,127.0.0.0/8,::1";

/// HTTPS with the platform's certificate check, or with root certificates of the caller's.
///
/// It sends what the [`Request`] says and `Host`; it follows no redirect, keeps no cookie, takes no
/// compressed answer, and repeats nothing. A connection that has just served a GET may serve another one; a
/// POST always gets a new one. For on a used connection the request can cross the server's closing of it, and
/// then nobody knows whether the server has used up the code or the refresh token.
///
/// It logs no URL, header or body, and its errors hold none. It blocks, and in async code belongs into
/// `spawn_blocking`: on a thread of tokio's it panics in builds with debug assertions.
pub struct HttpsClient {
    /// For POST: each on a connection of its own.
    fresh: Client,
    /// For GET.
    pooled: Client,
    timeout: Duration,
    answer: Option<Response>,
}

/// The settings of an [`HttpsClient`].
#[derive(Clone)]
pub struct HttpsClientBuilder {
    roots: Option<RootCertStore>,
    connect_timeout: Duration,
    timeout: Duration,
    user_agent: String,
}

impl HttpsClient {
    /// A client with the usual settings.
    ///
    /// # Errors
    /// Those of [`HttpsClientBuilder::build`].
    pub fn new() -> Result<Self, HttpError> {
        Self::builder().build()
    }

    /// The settings, to change some.
    pub fn builder() -> HttpsClientBuilder {
        HttpsClientBuilder {
            roots: None,
            connect_timeout: CONNECT_TIMEOUT,
            timeout: TIMEOUT,
            user_agent: String::new(),
        }
    }
}

impl HttpsClientBuilder {
    /// Trusts these certificates in place of the platform's: one or more, in PEM. Called again, it adds to
    /// them.
    ///
    /// # Errors
    /// [`HttpErrorKind::Tls`] if `pem` holds no certificate, or one that cannot be a root.
    pub fn root_certificates_pem(mut self, pem: &[u8]) -> Result<Self, HttpError> {
        let mut roots = self.roots.take().unwrap_or_else(RootCertStore::empty);
        let before = roots.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|_| not_pem())?;
            roots
                .add(certificate)
                .map_err(|error| HttpError::new(HttpErrorKind::Tls, false).because(error))?;
        }
        if roots.len() == before {
            return Err(not_pem());
        }
        self.roots = Some(roots);
        Ok(self)
    }

    /// The time for name, connection, proxy and TLS handshake together: 10 s if it is not called.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// The time for a whole exchange, the connection among it: 30 s if it is not called.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The header `User-Agent`; none is sent if it is empty, or not called.
    #[must_use]
    pub fn user_agent(mut self, user_agent: &str) -> Self {
        user_agent.clone_into(&mut self.user_agent);
        self
    }

    /// The client. The variables `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` are read now.
    ///
    /// # Errors
    /// [`HttpErrorKind::Tls`] if the platform has no root certificates, [`HttpErrorKind::Connect`] if a proxy
    /// is set that is no HTTP proxy, [`HttpErrorKind::Protocol`] if the user agent is not printable ASCII.
    pub fn build(self) -> Result<HttpsClient, HttpError> {
        let user_agent = header_value(&self.user_agent)?;
        let tls = configure(self.roots)
            .map_err(|error| HttpError::new(HttpErrorKind::Tls, false).because(error))?;
        let proxy = proxy(|name| env::var(name).ok())?;
        // It ends before the whole does: what did not connect in time surely was not sent.
        let connect_timeout = self.connect_timeout.min(self.timeout / 10 * 9);
        let settings = || {
            // What the resolver says of `localhost` is not to be believed.
            let localhost = [(Ipv4Addr::LOCALHOST, 0).into(), (Ipv6Addr::LOCALHOST, 0).into()];
            let settings = ClientBuilder::new()
                .tls_backend_preconfigured(tls.clone())
                .http1_only()
                .http1_title_case_headers()
                .redirect(redirect::Policy::none())
                .retry(retry::never())
                .referer(false)
                // These four, and HTTP/2 and SOCKS, come with features that any other crate may turn on.
                .no_gzip()
                .no_brotli()
                .no_deflate()
                .no_zstd()
                .no_proxy()
                .resolve_to_addrs("localhost", &localhost)
                .connect_timeout(connect_timeout)
                .timeout(self.timeout)
                .pool_idle_timeout(MAX_IDLE);
            let settings = proxy.iter().cloned().fold(settings, ClientBuilder::proxy);
            if user_agent.is_empty() { settings } else { settings.user_agent(user_agent.clone()) }
        };
        Ok(HttpsClient {
            fresh: settings().pool_max_idle_per_host(0).build().map_err(failed)?,
            pooled: settings().pool_max_idle_per_host(1).build().map_err(failed)?,
            timeout: self.timeout,
            answer: None,
        })
    }
}

/// TLS 1.2 and 1.3; no early data, which an attacker could send twice.
fn configure(roots: Option<RootCertStore>) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
    let builder = match roots {
        Some(roots) => builder.with_root_certificates(roots),
        // Not dangerous in itself: it is the platform's own check.
        None => builder.dangerous().with_custom_certificate_verifier(Arc::new(Verifier::new(provider)?)),
    };
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// The proxy of `HTTPS_PROXY`, else of `HTTP_PROXY`; lower case too. Every request that may go through a proxy
/// is one of https, so there is but one.
///
/// A proxy that cannot be used is an error; the library would go around it unasked.
fn proxy(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Proxy>, HttpError> {
    let find = |names: &[&str]| {
        names.iter().filter_map(|name| variable(name)).find(|value| !value.trim().is_empty())
    };
    // A web server hands the header `Proxy` of any request to its programs as HTTP_PROXY.
    let is_cgi = variable("REQUEST_METHOD").is_some();
    let names = ["HTTPS_PROXY", "https_proxy", "http_proxy", "HTTP_PROXY"];
    let Some(url) = find(if is_cgi { &names[..3] } else { &names }) else { return Ok(None) };
    let url = url.trim();
    let is_http = url.split_once("://").is_none_or(|(scheme, _)| scheme.eq_ignore_ascii_case("http"));
    let proxy = Proxy::https(url).ok().filter(|_| is_http).ok_or_else(|| {
        HttpError::new(HttpErrorKind::Connect, false).because("the proxy variable cannot be used")
    })?;
    let exempt = find(&["NO_PROXY", "no_proxy"]).unwrap_or_default();
    Ok(Some(proxy.no_proxy(NoProxy::from_string(&format!("{THIS_MACHINE},{exempt}")))))
}

impl Http for HttpsClient {
    fn send(&mut self, request: &Request<'_>) -> Result<(), HttpError> {
        self.answer = None;
        let url = target::read(request.url()).ok_or_else(|| {
            HttpError::new(HttpErrorKind::Connect, false).because("requests go to https, or to this machine")
        })?;
        let builder = match request.method() {
            Method::Post => self.fresh.post(url).body(wiped(request.body())),
            _ => self.pooled.get(url),
        };
        // On the request it counts to the end of the body, on the client for each piece of it.
        let mut builder = builder.timeout(self.timeout);
        for (name, value) in request.headers() {
            builder = builder.header(name, header_value(value)?);
        }
        self.answer = Some(builder.send().map_err(failed)?);
        Ok(())
    }

    fn receive(&mut self, incoming: &mut Incoming<'_>) -> Result<(), HttpError> {
        let mut answer = self
            .answer
            .take()
            .ok_or_else(|| HttpError::new(HttpErrorKind::Protocol, false).because("nothing was asked"))?;
        let status = answer.status().as_u16();
        if !(200..600).contains(&status) {
            return Err(HttpError::new(HttpErrorKind::Protocol, true)
                .because("the answer has no status that answers a request"));
        }
        for (name, value) in answer.headers() {
            incoming.header(name.as_str(), value.as_bytes());
        }
        incoming.status(status);
        let mut piece = Zeroizing::new(vec![0; PIECE]);
        loop {
            let read = answer.read(&mut piece).map_err(|error| match error.downcast() {
                Ok(error) => failed(error),
                Err(error) => HttpError::new(HttpErrorKind::Protocol, true).because(error),
            })?;
            if read == 0 || !incoming.body(&piece[..read]) {
                return Ok(());
            }
        }
    }
}

/// A header's value, which [`fmt::Debug`] does not show.
fn header_value(value: &str) -> Result<HeaderValue, HttpError> {
    let value = HeaderValue::from_maybe_shared(wiped(value.as_bytes())).ok().filter(|_| value.is_ascii());
    let mut value = value.ok_or_else(|| {
        HttpError::new(HttpErrorKind::Protocol, false).because("a header is no header value")
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// A copy that is wiped when the last one lets go of it.
fn wiped(octets: &[u8]) -> Bytes {
    Bytes::from_owner(Zeroizing::new(octets.to_vec()))
}

/// What a failure of the library stands for.
fn failed(error: reqwest::Error) -> HttpError {
    let error = error.without_url();
    let kind = match &error {
        error if is_tls(error) => HttpErrorKind::Tls,
        error if error.is_timeout() => HttpErrorKind::Timeout,
        error if error.is_dns() => HttpErrorKind::Resolve,
        error if error.is_connect() => HttpErrorKind::Connect,
        _ => HttpErrorKind::Protocol,
    };
    HttpError::new(kind, !error.is_connect() && !error.is_builder()).because(error)
}

/// Whether TLS is among the causes. An [`io::Error`] does not count what it wraps among its own.
fn is_tls(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<rustls::Error>() {
            return true;
        }
        next = match error.downcast_ref().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    false
}

fn not_pem() -> HttpError {
    HttpError::new(HttpErrorKind::Tls, false).because("this is no certificate in PEM")
}

impl fmt::Debug for HttpsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpsClient").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl fmt::Debug for HttpsClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpsClientBuilder").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}
