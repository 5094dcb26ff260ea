//! The clients that the server knows.

use std::sync::LazyLock;

use keyfob_core::{
    client::{Client, ResponseMode},
    client_authentication::ClientAuthentication,
    dpop::Dpop,
    metadata::Metadata,
    secret::Secret,
};

use crate::{
    keys::VERIFIERS,
    proofs::{CLIENT_KEY, HOLDER},
};

/// The server's issuer.
pub const ISSUER: &str = "https://op.example";

/// The server as its clients know it.
pub const SERVER: Metadata<'static> = Metadata::new(ISSUER)
    .authorization_endpoint("https://op.example/authorize")
    .token_endpoint("https://op.example/token")
    .jwks_uri("https://op.example/jwks")
    .userinfo_endpoint("https://op.example/userinfo")
    .device_authorization_endpoint("https://op.example/device_authorization")
    .authorization_response_iss_parameter_supported(true);

/// A public client that signs users in.
pub const KIOSK: Client<'static> = Client::new(SERVER, "kiosk")
    .redirect_uri("https://app.example/cb")
    .scope(&["openid", "email", "offline_access"])
    .algorithms(VERIFIERS);

/// A client of a server whose name nobody knows.
pub const STRANGER: Client<'static> = Client::oauth(
    Metadata::new("https://nobody.example").token_endpoint("https://nobody.example/token"),
    "daemon",
)
.authentication(ClientAuthentication::ClientSecretBasic(Secret::new(BACKEND_SECRET)));

/// The same, with another identifier.
pub const OTHER: Client<'static> = Client::new(SERVER, "other")
    .redirect_uri("https://other.example/cb")
    .scope(&["openid", "email", "offline_access"])
    .algorithms(VERIFIERS);

/// The secret of [`BACKEND`], with characters that need encoding.
pub const BACKEND_SECRET: &str = "s3cret: 100%+*";

/// A client with a secret.
pub const BACKEND: Client<'static> = Client::new(SERVER, "back end")
    .redirect_uri("https://app.example/cb?from=op")
    .algorithms(VERIFIERS)
    .authentication(ClientAuthentication::ClientSecretBasic(Secret::new(BACKEND_SECRET)));

/// A client that gets its responses as form posts.
pub const POSTED: Client<'static> = Client::new(SERVER, "posted")
    .redirect_uri("https://app.example/cb")
    .algorithms(VERIFIERS)
    .response_mode(ResponseMode::FormPost);

/// A client that signs nobody in: plain OAuth.
pub const ROBOT: Client<'static> =
    Client::oauth(SERVER, "robot").redirect_uri("com.example.robot:/cb").scope(&["read", "write"]);

/// The server with an endpoint for pushed requests.
pub const PUSH_SERVER: Metadata<'static> =
    SERVER.pushed_authorization_request_endpoint("https://op.example/par");

/// A public client that pushes its requests.
pub const PUSHED: Client<'static> = Client::new(PUSH_SERVER, "pushed")
    .redirect_uri("https://app.example/cb")
    .scope(&["openid", "email", "offline_access"])
    .algorithms(VERIFIERS)
    .pushed_authorization_request();

/// A client with a secret, of a server that takes pushed requests only.
pub const PUSHED_BACKEND: Client<'static> =
    Client::new(PUSH_SERVER.require_pushed_authorization_requests(true), "back end")
        .redirect_uri("https://app.example/cb?from=op")
        .algorithms(VERIFIERS)
        .authentication(ClientAuthentication::ClientSecretBasic(Secret::new(BACKEND_SECRET)));

/// A client with a secret that acts for itself.
pub const DAEMON: Client<'static> = Client::oauth(SERVER, "back end")
    .scope(&["read", "write"])
    .audience("https://api.example")
    .authentication(ClientAuthentication::ClientSecretBasic(Secret::new(BACKEND_SECRET)));

/// An assertion that the server takes from [`ROBOT`].
pub const ASSERTION: &str = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJyb2JvdCJ9.c2lnbmF0dXJl";
/// A public client whose tokens are bound to a key.
pub static HOLDING: LazyLock<Client<'static>> = LazyLock::new(|| {
    Client::new(SERVER, "holding")
        .redirect_uri("https://app.example/cb")
        .scope(&["openid", "email", "offline_access"])
        .algorithms(VERIFIERS)
        .dpop(Dpop::new(&*HOLDER).bind_code())
});

/// The same with a key for itself too.
pub static SIGNING: LazyLock<Client<'static>> = LazyLock::new(|| {
    Client::new(SERVER, "signing")
        .redirect_uri("https://app.example/cb")
        .scope(&["openid", "offline_access"])
        .algorithms(VERIFIERS)
        .authentication(ClientAuthentication::private_key_jwt(&*CLIENT_KEY))
        .dpop(Dpop::new(&*HOLDER))
});

/// A client whose code flow lives for a minute.
pub const HASTY: Client<'static> = KIOSK.lifetime(60);

/// A machine that stays connected: plain OAuth, at a server that takes tokens back.
pub const GAUGE: Client<'static> =
    Client::oauth(SERVER.revocation_endpoint("https://op.example/revoke"), "gauge")
        .redirect_uri("com.example.gauge:/cb")
        .scope(&["read", "write", "offline_access"]);

/// [`KIOSK`] at a server that takes tokens back.
pub const BOOTH: Client<'static> =
    Client::new(SERVER.revocation_endpoint("https://op.example/revoke"), "kiosk")
        .redirect_uri("https://app.example/cb")
        .scope(&["openid", "email", "offline_access"])
        .algorithms(VERIFIERS);
