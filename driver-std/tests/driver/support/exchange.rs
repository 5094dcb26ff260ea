//! Requests as the core makes them.

use keyfob_core::{
    client::Client,
    client_authentication::ClientAuthentication,
    error::Error,
    exchange::{Discovery, Exchange, UserInfo},
    flow::{Action, Event, Flow, RefreshToken},
    http::{Incoming, Request},
    metadata::Metadata,
    secret::Secret,
    time::{Now, UnixTime},
};
use keyfob_std::http::{Http, HttpError, HttpsClient};

pub const ACCESS_TOKEN: &str = "marker-access-token";
pub const CLIENT_SECRET: &str = "marker-client-secret";
pub const REFRESH_TOKEN: &str = "marker-refresh-token";

/// What came of an exchange.
#[derive(Debug)]
pub struct Seen<T> {
    pub status: u16,
    pub outcome: Result<T, Error>,
}

/// Discovery of `issuer`: GET without anything. Gives the issuer.
pub fn get(http: &mut HttpsClient, issuer: &str) -> Result<Seen<String>, HttpError> {
    get_limited(http, issuer, 16 * 1024)
}

/// The same with a limit for the body.
pub fn get_limited(http: &mut HttpsClient, issuer: &str, limit: usize) -> Result<Seen<String>, HttpError> {
    let discovery = if issuer.starts_with("https") {
        Discovery::new(issuer)
    } else {
        Discovery::insecure_loopback_http(issuer)
    };
    let discovery = discovery.expect("the issuer is allowed");
    let (mut memory, mut buffer) = ([0; 256], [0; 4096]);
    let request = discovery.request(Now::unknown(0), &mut memory).expect("the request fits");
    let incoming = exchange(http, &request, &mut buffer, limit)?;
    let (response, _) = incoming.finish();
    let outcome = discovery.response(response).map(|metadata| metadata.issuer().to_owned());
    Ok(Seen { status: response.status(), outcome })
}

/// UserInfo at `endpoint`: GET with a bearer token. Gives the status.
pub fn get_user_info(http: &mut HttpsClient, endpoint: &str) -> Result<u16, HttpError> {
    let client = Client::new(metadata().userinfo_endpoint(endpoint), "client");
    let user_info = UserInfo::new(&client, ACCESS_TOKEN, "alice");
    let (mut memory, mut buffer) = ([0; 256], [0; 4096]);
    let request = user_info.request(Now::unknown(0), &mut memory).expect("the request fits");
    Ok(exchange(http, &request, &mut buffer, 4096)?.finish().0.status())
}

/// A refresh at `endpoint`: POST with a secret in the header and another one in the body. Gives the access
/// token.
pub fn post(http: &mut HttpsClient, endpoint: &str) -> Result<Seen<String>, HttpError> {
    let secret = ClientAuthentication::ClientSecretBasic(Secret::new(CLIENT_SECRET));
    let client = Client::oauth(metadata().token_endpoint(endpoint), "client").authentication(secret);
    let mut flow = RefreshToken::<64>::new(&client, REFRESH_TOKEN, None).expect("the client is allowed");
    let now = Now::known(0, UnixTime::from_seconds(1_800_000_000));
    let (mut memory, mut buffer) = ([0; 1024], [0; 4096]);
    let incoming = match flow.poll(now, &mut memory).expect("the request fits") {
        Action::Send(request) => exchange(http, &request, &mut buffer, 4096)?,
        action => panic!("{action:?}"),
    };
    let (response, _) = incoming.finish();
    let outcome = flow.handle(now, Event::Response(response));
    let outcome = outcome.map(|tokens| tokens.expect("there are tokens").access_token().to_owned());
    Ok(Seen { status: response.status(), outcome })
}

fn exchange<'b>(
    http: &mut HttpsClient,
    request: &Request<'_>,
    buffer: &'b mut [u8],
    limit: usize,
) -> Result<Incoming<'b>, HttpError> {
    http.send(request)?;
    let mut incoming = Incoming::new(request.keep(), buffer).limit(limit);
    http.receive(&mut incoming)?;
    Ok(incoming)
}

fn metadata() -> Metadata<'static> {
    Metadata::new("http://127.0.0.1").insecure_loopback_http()
}

/// The document of an issuer.
pub fn document(issuer: &str) -> String {
    format!(
        "{{\"issuer\":\"{issuer}\",\"authorization_endpoint\":\"{issuer}/a\",\"token_endpoint\":\"{issuer}/t\",\
         \"jwks_uri\":\"{issuer}/k\",\"response_types_supported\":[\"code\"],\"subject_types_supported\":[\"public\"],\
         \"id_token_signing_alg_values_supported\":[\"ES256\"]}}"
    )
}

/// The answer with tokens.
pub fn tokens() -> String {
    format!("{{\"access_token\":\"{ACCESS_TOKEN}\",\"token_type\":\"Bearer\"}}")
}
