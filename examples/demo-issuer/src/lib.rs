//! An OpenID provider inside the process, on loopback, for trying Keyfob without an account anywhere.
//!
//! ```
//! use keyfob_demo_issuer::DemoIssuer;
//!
//! let issuer = DemoIssuer::start()?;
//! println!("sign in at {} as client {}", issuer.issuer(), DemoIssuer::CLIENT_ID);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! It speaks the authorization code grant with PKCE (RFC 6749 §4.1, RFC 7636), pushed or not (RFC 9126), the device
//! grant (RFC 8628), refresh with rotation, revocation (RFC 7009), UserInfo and sign-out, on Auth0's paths, and is strict about
//! them. What it is not:
//!
//! - **No proof of interoperability.** The people who wrote the client wrote it too, and may have misread a
//!   standard the same way twice. Interoperability is tested against providers of other authors.
//! - **No identity.** It accepts any name. It has no TLS, keeps everything in memory, makes a new key at every
//!   start and answers only to `127.0.0.1`. Nothing may rely on what it says.
//! - **Not RS256**, which OpenID Connect Discovery §3 wants of every provider: ID tokens are signed with ES256.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod authorize;
mod client;
mod device;
mod http;
mod interaction;
mod keys;
mod logout;
mod metadata;
mod pages;
mod push;
mod record;
mod revoke;
mod shelf;
mod store;
mod token;
mod userinfo;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use axum::{Router, middleware};
use tokio::runtime;
use tokio::sync::oneshot;

use self::keys::Keys;
use self::store::Store;

/// A running demo issuer; dropping it stops it and forgets everything.
///
/// Dropping waits for answers under way, a quarter of a second at most.
pub struct DemoIssuer {
    issuer: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl DemoIssuer {
    /// The public client: no secret, any redirect URI that RFC 8252 §7 gives to native applications, which is
    /// `http://127.0.0.1:*/…`, `http://[::1]:*/…` or a private-use scheme such as `com.example.app:/callback`.
    pub const CLIENT_ID: &str = "demo";

    /// The secret of the confidential client. Everyone may know it: it protects nothing.
    pub const CLIENT_SECRET: &str = "demo-secret-that-everyone-may-know";

    /// The confidential client, for trying `client_secret_basic` and `client_secret_post`; its redirect URIs
    /// are those of the public client.
    pub const CONFIDENTIAL_CLIENT_ID: &str = "demo-confidential";

    /// Starts an issuer on `127.0.0.1` with a port of the system's choice, on a thread of its own.
    ///
    /// Errors are those of the socket, the thread and the system's random source.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let host = listener.local_addr()?.to_string();
        let issuer = format!("http://{host}");
        let shared = Arc::new(Issuer {
            keys: Keys::generate()?,
            store: Mutex::new(Store::new()),
            url: issuer.clone(),
            host,
        });

        let runtime = runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let (stop, stopped) = oneshot::channel();
        let serve = move || runtime.block_on(serve(listener, router(shared), stopped));
        let thread = thread::Builder::new().name("keyfob-demo-issuer".into()).spawn(serve)?;
        Ok(Self { issuer, stop: Some(stop), thread: Some(thread) })
    }

    /// The issuer identifier, `http://127.0.0.1:PORT` without a slash at the end.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }
}

impl Drop for DemoIssuer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic over there has been printed already, and panicking in `drop` would abort.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for DemoIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DemoIssuer").field(&self.issuer).finish()
    }
}

/// What all endpoints share.
struct Issuer {
    /// The issuer identifier.
    url: String,
    /// What a `Host` header has to say.
    host: String,
    keys: Keys,
    store: Mutex<Store>,
}

impl Issuer {
    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn serve(listener: tokio::net::TcpListener, router: Router, stopped: oneshot::Receiver<()>) {
    let (close, closed) = oneshot::channel::<()>();
    let server = axum::serve(listener, router).with_graceful_shutdown(async {
        let _ = closed.await;
    });
    let patience = async {
        // Either way the other half is gone; what arrives does not matter.
        let _ = stopped.await;
        drop(close);
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        _ = server => {}
        () = patience => {}
    }
}

fn router(issuer: Arc<Issuer>) -> Router {
    Router::new()
        .route("/", get(pages::home))
        .route("/.well-known/jwks.json", get(metadata::jwks))
        .route("/.well-known/oauth-authorization-server", get(metadata::metadata))
        .route("/.well-known/openid-configuration", get(metadata::metadata))
        .route("/activate", get(device::activate).post(device::enter))
        .route("/authorize", get(authorize::get).post(authorize::post))
        .route("/consent", get(interaction::consent).post(interaction::decide))
        .route("/login", get(interaction::login).post(interaction::sign_in))
        .route("/oauth/device/code", post(device::authorize))
        .route("/oauth/par", post(push::push))
        .route("/oauth/revoke", post(revoke::revoke))
        .route("/oauth/token", post(token::token))
        .route("/oidc/logout", get(logout::get).post(logout::post))
        .route("/oidc/logout/confirm", post(logout::confirm))
        .route("/userinfo", get(userinfo::userinfo).post(userinfo::userinfo))
        .layer(DefaultBodyLimit::max(http::LONGEST))
        .layer(middleware::from_fn_with_state(Arc::clone(&issuer), http::guard))
        .with_state(issuer)
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// How long answers under way may take when the issuer stops.
const GRACE: Duration = Duration::from_millis(250);
