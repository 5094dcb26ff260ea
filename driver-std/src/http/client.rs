//! The HTTPS client of this crate: HTTP/1.1 with verified TLS, and nothing beside.

use std::{
    env, fmt,
    io::Write,
    sync::Arc,
    time::{Duration, Instant},
};

use keyfob_core::http::{Incoming, Method, Request};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};
use rustls_platform_verifier::Verifier;

use crate::http::{
    Http, HttpError, HttpErrorKind,
    connection::{Connection, failure},
    message::{self, Input},
    proxy::Proxy,
    target::Target,
};

/// The time for name, connection, proxy and TLS handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The time for a whole exchange.
const TIMEOUT: Duration = Duration::from_secs(30);

/// HTTPS with the platform's certificate check, or with root certificates of the caller's.
///
/// It sends what the [`Request`] says and `Host`; it follows no redirect, keeps no cookie, takes no
/// compressed answer, and repeats nothing. A connection that has just served a request may serve a GET; a
/// POST always gets a new one. For on a used connection the request can cross the server's closing of it, and
/// then nobody knows whether the server has used up the code or the refresh token.
///
/// It logs nothing, and its errors hold no URL, header or body.
pub struct HttpsClient {
    tls: Arc<ClientConfig>,
    proxy: Option<Proxy>,
    connect_timeout: Duration,
    timeout: Duration,
    user_agent: Option<String>,
    idle: Option<Connection>,
    asked: Option<Connection>,
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

    fn connection(
        &mut self,
        target: &Target<'_>,
        method: Method,
        now: Instant,
    ) -> Result<Connection, HttpError> {
        let idle = self.idle.take();
        if let Some(mut idle) = idle.filter(|_| method == Method::Get)
            && idle.is_ready_for(target)
        {
            return Ok(idle);
        }
        let time = self.connect_timeout.min(self.timeout);
        Connection::open(target, self.proxy.as_ref(), &self.tls, now + time)
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
        if !self.user_agent.bytes().all(message::is_field_octet) {
            return Err(
                HttpError::new(HttpErrorKind::Protocol, false).because("the user agent is no header value")
            );
        }
        let tls = configure(self.roots)
            .map_err(|error| HttpError::new(HttpErrorKind::Tls, false).because(error))?;
        Ok(HttpsClient {
            tls: Arc::new(tls),
            proxy: Proxy::from_environment(|name| env::var(name).ok())?,
            connect_timeout: self.connect_timeout,
            timeout: self.timeout,
            user_agent: Some(self.user_agent).filter(|name| !name.is_empty()),
            idle: None,
            asked: None,
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

impl Http for HttpsClient {
    fn send(&mut self, request: &Request<'_>) -> Result<(), HttpError> {
        self.asked = None;
        let now = Instant::now();
        let target = Target::read(request.url()).ok_or_else(|| {
            HttpError::new(HttpErrorKind::Connect, false).because("requests go to https, or to this machine")
        })?;
        let message =
            message::write_request(request, &target, self.user_agent.as_deref()).ok_or_else(|| {
                HttpError::new(HttpErrorKind::Protocol, false).because("a header is no header value")
            })?;
        let mut connection = self.connection(&target, request.method(), now)?;
        connection.set_deadline(now + self.timeout);
        connection
            .write_all(&message)
            .and_then(|()| connection.flush())
            .map_err(|error| failure(HttpErrorKind::Protocol, true, error))?;
        self.asked = Some(connection);
        Ok(())
    }

    fn receive(&mut self, incoming: &mut Incoming<'_>) -> Result<(), HttpError> {
        let mut connection = self
            .asked
            .take()
            .ok_or_else(|| HttpError::new(HttpErrorKind::Protocol, false).because("nothing was asked"))?;
        let reusable = Input::new(&mut connection)
            .answer(incoming)
            .map_err(|error| failure(HttpErrorKind::Protocol, true, error))?;
        connection.rest();
        self.idle = reusable.then_some(connection);
        Ok(())
    }
}

fn not_pem() -> HttpError {
    HttpError::new(HttpErrorKind::Tls, false).because("this is no certificate in PEM")
}

impl fmt::Debug for HttpsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpsClient").field("proxy", &self.proxy).finish_non_exhaustive()
    }
}

impl fmt::Debug for HttpsClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpsClientBuilder").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}
