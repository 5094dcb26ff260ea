//! The two clients, how they show who they are, and where they may be redirected to.

use axum::http::header::{AUTHORIZATION, HeaderMap};
use base64ct::{Base64, Encoding};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::DemoIssuer;
use crate::http::{Params, Refusal, decode};

/// An application that may ask.
#[derive(Debug)]
pub struct Client {
    /// Its identifier (RFC 6749 §2.2).
    pub id: &'static str,
    secret: Option<&'static str>,
}

impl Client {
    /// The client of this identifier.
    pub fn find(id: &str) -> Option<&'static Self> {
        CLIENTS.iter().find(|client| client.id == id)
    }

    /// Checks the client's authentication: none, `client_secret_basic` or `client_secret_post`.
    ///
    /// Refuses with `invalid_client`, and with `invalid_request` where two methods are used at once.
    pub fn authenticate(headers: &HeaderMap, form: &Params) -> Result<&'static Self, Refusal> {
        let (id, secret) = if headers.contains_key(AUTHORIZATION) {
            //= https://www.rfc-editor.org/rfc/rfc6749#section-2.3
            //# The client MUST NOT use more than one authentication method in each
            //# request.
            if form.one("client_secret").is_some() {
                return Err(Refusal::invalid_request("the client authenticates in two ways at once"));
            }
            let (id, secret) = basic(headers).ok_or(UNREADABLE)?;
            if form.one("client_id").is_some_and(|other| other != id) {
                return Err(Refusal::invalid_request("client_id is not that of the Authorization header"));
            }
            (id, Some(secret))
        } else {
            let id = form.one("client_id").ok_or(NOBODY)?;
            (id.to_owned(), form.one("client_secret").map(str::to_owned))
        };

        let client = Self::find(&id).ok_or(UNKNOWN)?;
        match (client.secret, secret) {
            (None, None) => Ok(client),
            (None, Some(_)) => Err(NO_SECRET),
            (Some(_), None) => Err(SECRET_MISSING),
            (Some(expected), Some(secret)) => {
                let (expected, secret) = (Sha256::digest(expected), Sha256::digest(secret));
                bool::from(expected.ct_eq(&secret)).then_some(client).ok_or(SECRET_WRONG)
            }
        }
    }
}

impl PartialEq for Client {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

/// Whether a native application may be redirected to this URI (RFC 8252 §7).
///
/// `own` is the issuer, where no application listens.
pub fn may_redirect_to(uri: &str, own: &str) -> bool {
    let clean = |octet: u8| octet.is_ascii_graphic() && !b"\"#<>\\^`{|}".contains(&octet);
    let path_of_own = uri.strip_prefix(own).is_some_and(|rest| rest.starts_with('/'));
    if uri.len() > LONGEST_URI || !uri.bytes().all(clean) || path_of_own {
        return false;
    }
    if let Some(rest) = LOOPBACK.iter().find_map(|prefix| uri.strip_prefix(prefix)) {
        let Some((port, _)) = rest.split_once('/') else { return false };
        return port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
    }
    //= https://www.rfc-editor.org/rfc/rfc8252#section-7.1
    //# When choosing a URI scheme to associate with the app, apps MUST use a
    //# URI scheme based on a domain name under their control, expressed in
    //# reverse order
    let Some((scheme, _)) = uri.split_once(":/") else { return false };
    let of_scheme =
        |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || b"+-.".contains(&octet);
    let starts_well = scheme.starts_with(|first: char| first.is_ascii_lowercase());
    starts_well && scheme.contains('.') && scheme.bytes().all(of_scheme)
}

/// Reads the header of `client_secret_basic`; both halves are form-encoded (RFC 6749 §2.3.1).
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().filter(|_| values.next().is_none())?.to_str().ok()?;
    let (scheme, credentials) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let credentials = String::from_utf8(Base64::decode_vec(credentials.trim()).ok()?).ok()?;
    let (id, secret) = credentials.split_once(':')?;
    Some((decode(id)?, decode(secret)?))
}

fn is_port(text: &str) -> bool {
    let plain = !text.starts_with('0') && text.bytes().all(|octet| octet.is_ascii_digit());
    plain && text.parse::<u16>().is_ok()
}

static CLIENTS: [Client; 2] = [
    Client { id: DemoIssuer::CLIENT_ID, secret: None },
    Client { id: DemoIssuer::CONFIDENTIAL_CLIENT_ID, secret: Some(DemoIssuer::CLIENT_SECRET) },
];

const LONGEST_URI: usize = 2048;

/// Numbers, not `localhost`: a name can be made to mean another machine (RFC 8252 §8.3).
const LOOPBACK: [&str; 2] = ["http://127.0.0.1", "http://[::1]"];

const NOBODY: Refusal = Refusal::new("invalid_client", "client_id is missing");
const NO_SECRET: Refusal = Refusal::new("invalid_client", "this client is public and has no secret");
const SECRET_MISSING: Refusal = Refusal::new("invalid_client", "this client has to send its secret");
const SECRET_WRONG: Refusal = Refusal::new("invalid_client", "the client secret is wrong");
const UNKNOWN: Refusal = Refusal::new("invalid_client", "there is no such client");
const UNREADABLE: Refusal =
    Refusal::new("invalid_client", "the Authorization header is not a readable Basic one");

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "http://127.0.0.1:9400";

    #[test]
    fn redirect_uris_of_native_applications() {
        for good in [
            "http://127.0.0.1/",
            "http://127.0.0.1:1/cb?a=b",
            "http://[::1]:65535/cb",
            "http://127.0.0.1:940/cb",
            "com.example.app:/callback",
            "com.example.app://host/callback",
        ] {
            assert!(may_redirect_to(good, OWN), "{good}");
        }
        for bad in [
            "",
            "/cb",
            "https://example.com/cb",
            "http://localhost:1/cb",
            "http://127.0.0.1",
            "http://127.0.0.1:1",
            "http://127.0.0.1:/cb",
            "http://127.0.0.1:0/cb",
            "http://127.0.0.1:65536/cb",
            "http://127.0.0.1:09400/authorize",
            "http://127.0.0.1:+1/cb",
            "http://127.0.0.1:1@evil.example/cb",
            "http://127.0.0.1.evil.example/cb",
            "http://127.0.0.1@evil.example/cb",
            "http://127.0.0.1:1/cb#fragment",
            "http://127.0.0.1:1/c b",
            "http://127.0.0.1:1\\evil.example/cb",
            "http://127.0.0.1:1/cb\r\nSet-Cookie: a=b",
            "http://127.0.0.1:9400/authorize",
            "javascript:alert(1)",
            "javascript:/.",
            "data:text/html,.",
            "com.example.app:callback",
            "Com.example:/cb",
            ".com:/cb",
        ] {
            assert!(!may_redirect_to(bad, OWN), "{bad}");
        }
    }
}
