//! What all endpoints have in common: parameters, cookies, refusals, redirects, and who may ask at all.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, LOCATION, PRAGMA,
    REFERRER_POLICY, SET_COOKIE, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};

use crate::Issuer;

/// The parameters of a query or a form.
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Reads `application/x-www-form-urlencoded` text; `None` if it is not UTF-8 or has too many parameters.
    pub fn parse(encoded: &str) -> Option<Self> {
        let mut pairs = Vec::new();
        for pair in encoded.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if pairs.len() == MOST_PARAMETERS {
                return None;
            }
            pairs.push((decode(name)?, decode(value)?));
        }
        Some(Self(pairs))
    }

    /// Reads the query of `uri`.
    pub fn query(uri: &Uri) -> Option<Self> {
        Self::parse(uri.query().unwrap_or_default())
    }

    /// Reads a form; it must come as a body and with its own media type (RFC 6749 §3.2).
    pub fn form(headers: &HeaderMap, body: &[u8]) -> Option<Self> {
        let media = headers.get(CONTENT_TYPE)?.to_str().ok()?.split(';').next()?.trim();
        if !media.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return None;
        }
        Self::parse(str::from_utf8(body).ok()?)
    }

    /// Reads the request of an endpoint that only clients call; no parameter may be in the query or twice.
    pub fn request(uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Result<Self, Refusal> {
        let form = Self::form(headers, body).ok_or(Refusal::invalid_request(
            "the body has to be of type application/x-www-form-urlencoded and in UTF-8",
        ))?;
        if uri.query().is_some() {
            return Err(Refusal::invalid_request("parameters belong in the body, not in the query"));
        }
        //= https://www.rfc-editor.org/rfc/rfc6749#section-3.2
        //# Request and response parameters MUST NOT be included more than once.
        if form.repeats() {
            return Err(Refusal::invalid_request("a parameter is there more than once"));
        }
        Ok(form)
    }

    /// The value of a parameter that is there once.
    pub fn one(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(other, _)| other == name).map(|(_, value)| value.as_str());
        let value = values.next().filter(|_| values.next().is_none())?;
        //= https://www.rfc-editor.org/rfc/rfc6749#section-3.1
        //# Parameters sent without a value MUST be treated as if they were
        //# omitted from the request.
        Some(value).filter(|value| !value.is_empty())
    }

    /// The value of a parameter that a client has to send.
    pub fn required(&self, name: &str, missing: &'static str) -> Result<&str, Refusal> {
        self.one(name).ok_or(Refusal::invalid_request(missing))
    }

    /// Whether any parameter is there more than once.
    pub fn repeats(&self) -> bool {
        self.0
            .iter()
            .enumerate()
            .any(|(i, (name, _))| self.0.iter().skip(i + 1).any(|(other, _)| other == name))
    }
}

/// An OAuth error (RFC 6749 §4.1.2.1 and §5.2): its code, and a sentence for the developer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// The value of `error`.
    pub error: &'static str,
    /// The value of `error_description`; never what the client sent.
    pub description: &'static str,
}

impl Refusal {
    /// Makes a refusal with any code.
    pub const fn new(error: &'static str, description: &'static str) -> Self {
        Self { error, description }
    }

    /// The request misses a parameter, has one twice or is malformed in another way.
    pub const fn invalid_request(description: &'static str) -> Self {
        Self::new("invalid_request", description)
    }

    /// The code or token is wrong, used, revoked, too old or another client's.
    pub const fn invalid_grant(description: &'static str) -> Self {
        Self::new("invalid_grant", description)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.error, "error_description": self.description });
        if self.error != "invalid_client" {
            return private_json(StatusCode::BAD_REQUEST, &body);
        }
        let mut response = private_json(StatusCode::UNAUTHORIZED, &body);
        response
            .headers_mut()
            .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"demo issuer\""));
        response
    }
}

/// Answers with JSON.
pub fn json(status: StatusCode, value: &Value) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}

/// Answers with JSON that holds secrets (RFC 6749 §5.1); [`guard`] adds `Cache-Control: no-store`.
pub fn private_json(status: StatusCode, value: &Value) -> Response {
    let mut response = json(status, value);
    response.headers_mut().insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

/// Sends the user agent elsewhere with a GET, whatever its request was (RFC 9700 §4.12).
pub fn see_other(url: &str) -> Response {
    let Ok(location) = HeaderValue::from_str(url) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut response = StatusCode::SEE_OTHER.into_response();
    response.headers_mut().insert(LOCATION, location);
    response
}

/// Adds parameters to a URL that may have a query already.
pub fn with_query(url: &str, params: &[(&str, &str)]) -> String {
    let mut url = url.to_owned();
    let mut separator = match url.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some(_) => "&",
    };
    for (name, value) in params {
        url.push_str(separator);
        url.push_str(name);
        url.push('=');
        url.extend(utf8_percent_encode(value, UNRESERVED_STAYS));
        separator = "&";
    }
    url
}

/// The session cookie of a request.
pub fn session_cookie<'h>(issuer: &Issuer, headers: &'h HeaderMap) -> Option<&'h str> {
    let name = cookie_name(issuer);
    let cookies = headers.get_all(COOKIE).iter().filter_map(|header| header.to_str().ok());
    let mut pairs =
        cookies.flat_map(|header| header.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find_map(|(other, value)| (other == name).then_some(value))
}

/// Gives the browser a session cookie.
pub fn set_session(issuer: &Issuer, response: &mut Response, session: &str) {
    let cookie = format!("{}={session}; Path=/; HttpOnly; SameSite=Lax", cookie_name(issuer));
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
}

/// Lets only requests through that name this issuer as their host, and puts the headers that every answer has.
///
/// A page of another site can point a name of its own at 127.0.0.1 and would then be of the same origin as the
/// issuer (DNS rebinding); its requests still carry that name.
pub async fn guard(State(issuer): State<Arc<Issuer>>, request: Request, next: Next) -> Response {
    let mut hosts = request.headers().get_all(HOST).iter();
    let named = hosts.next().is_some_and(|host| host.as_bytes() == issuer.host.as_bytes());
    let absolute = request.uri().authority();
    let ours = named && hosts.next().is_none() && absolute.is_none_or(|name| name.as_str() == issuer.host);

    let mut response = if !ours {
        (StatusCode::MISDIRECTED_REQUEST, format!("This is {} and nothing else.\n", issuer.url))
            .into_response()
    } else if request.uri().query().is_some_and(|query| query.len() > LONGEST) {
        StatusCode::URI_TOO_LONG.into_response()
    } else {
        next.run(request).await
    };
    for (name, value) in EVERYWHERE {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The name of the session cookie. Cookies do not know ports: two issuers on one machine share a jar.
fn cookie_name(issuer: &Issuer) -> String {
    format!("keyfob-demo-{}", issuer.host.rsplit(':').next().unwrap_or_default())
}

/// Decodes one name or value of a form.
pub fn decode(encoded: &str) -> Option<String> {
    let spaced = encoded.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(Into::into)
}

/// The longest body and the longest query, in octets.
pub const LONGEST: usize = 16 * 1024;

const MOST_PARAMETERS: usize = 64;

const UNRESERVED_STAYS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

const EVERYWHERE: [(HeaderName, &str); 3] =
    [(CACHE_CONTROL, "no-store"), (REFERRER_POLICY, "no-referrer"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_counts_once_and_only_with_a_value() {
        let params = Params::parse("a=1&b=&c=x+%C3%A9&&d").unwrap();
        assert_eq!((params.one("a"), params.one("c")), (Some("1"), Some("x é")));
        assert_eq!((params.one("b"), params.one("d"), params.one("e")), (None, None, None));
        assert!(!params.repeats());

        let params = Params::parse("a=1&b=2&%61=3").unwrap();
        assert_eq!((params.one("a"), params.one("b")), (None, Some("2")));
        assert!(params.repeats());
    }

    #[test]
    fn malformed_parameters_are_none() {
        assert!(Params::parse("a=%ff").is_none());
        assert!(Params::parse(&"a&".repeat(MOST_PARAMETERS + 1)).is_none());
    }

    #[test]
    fn a_query_is_added_or_continued() {
        assert_eq!(with_query("x:/a", &[("b", "c d"), ("e", "&")]), "x:/a?b=c%20d&e=%26");
        assert_eq!(with_query("x:/a?q=1", &[("b", "2")]), "x:/a?q=1&b=2");
        assert_eq!(with_query("x:/a?", &[("b", "2")]), "x:/a?b=2");
    }
}
