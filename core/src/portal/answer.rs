//! What is sent back: octets, ready for the connection.

use core::fmt;

use base64ct::{Base64, Encoding};

use crate::{
    encoding::{url, writer::Writer},
    error::Error,
    hash::Sha256,
    portal::site::Site,
};

/// An answer. Send it, say that no more comes, and close; each connection gets one.
#[derive(Clone, Copy)]
pub struct Answer<'b> {
    octets: &'b [u8],
    status: Status,
}

impl<'b> Answer<'b> {
    /// What to send: head and body.
    pub const fn octets(&self) -> &'b [u8] {
        self.octets
    }

    /// Its status, for a log. With the [route](crate::portal::Visitor::route) that is all that a log should hold.
    pub const fn status(&self) -> Status {
        self.status
    }
}

/// The status of an answer (RFC 9110 §15).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Status {
    /// 200.
    Ok,
    /// 303: the browser goes on to another address, by GET.
    SeeOther,
    /// 400: no request, or a response that is not the one that is waited for.
    BadRequest,
    /// 403: the code, the token or the cookie is missing or wrong, or a foreign page asks.
    Forbidden,
    /// 404: there is nothing of that name.
    NotFound,
    /// 405: not by this method.
    MethodNotAllowed,
    /// 408: the request took too long.
    RequestTimeout,
    /// 409: another phone is signing in.
    Conflict,
    /// 411: a body without its length.
    LengthRequired,
    /// 413: the body is too long.
    ContentTooLarge,
    /// 414: the target is too long.
    UriTooLong,
    /// 415: no form.
    UnsupportedMediaType,
    /// 421: the request is for another host.
    MisdirectedRequest,
    /// 429: too many requests, or too many wrong codes.
    TooManyRequests,
    /// 431: the header fields are too long.
    HeaderFieldsTooLarge,
    /// 503: all places are taken.
    ServiceUnavailable,
}

impl Status {
    /// The number.
    pub const fn code(self) -> u16 {
        self.line().0
    }

    const fn line(self) -> (u16, &'static str) {
        match self {
            Self::Ok => (200, "200 OK"),
            Self::SeeOther => (303, "303 See Other"),
            Self::BadRequest => (400, "400 Bad Request"),
            Self::Forbidden => (403, "403 Forbidden"),
            Self::NotFound => (404, "404 Not Found"),
            Self::MethodNotAllowed => (405, "405 Method Not Allowed"),
            Self::RequestTimeout => (408, "408 Request Timeout"),
            Self::Conflict => (409, "409 Conflict"),
            Self::LengthRequired => (411, "411 Length Required"),
            Self::ContentTooLarge => (413, "413 Content Too Large"),
            Self::UriTooLong => (414, "414 URI Too Long"),
            Self::UnsupportedMediaType => (415, "415 Unsupported Media Type"),
            Self::MisdirectedRequest => (421, "421 Misdirected Request"),
            Self::TooManyRequests => (429, "429 Too Many Requests"),
            Self::HeaderFieldsTooLarge => (431, "431 Request Header Fields Too Large"),
            Self::ServiceUnavailable => (503, "503 Service Unavailable"),
        }
    }

    /// The status as it stands in the first line.
    pub(crate) const fn text(self) -> &'static str {
        self.line().1
    }
}

/// Fields that not every answer has.
#[derive(Clone, Copy, Default)]
pub(crate) struct Fields<'f> {
    /// The methods that would do.
    pub(crate) allow: &'static str,
    /// The value of our cookie.
    pub(crate) cookie: &'f str,
    /// An address to go on to, in pieces.
    pub(crate) location: [&'f str; 3],
    /// Seconds until the page loads again.
    pub(crate) refresh: u32,
    /// Seconds until another try can succeed.
    pub(crate) retry_after: u32,
}

/// What a page is made of: writes it, as often as it is called, in the same way.
pub(crate) trait Body {
    fn write(&self, writer: &mut Writer<'_>);

    /// Whether forms on it lead somewhere.
    fn has_form(&self) -> bool {
        false
    }
}

/// The name of the cookie that binds a browser.
pub(crate) const COOKIE: &str = "keyfob";

/// Writes an answer. Without a body, its length is not said.
pub(crate) fn answer<'b>(
    site: &Site<'_>,
    status: Status,
    fields: Fields<'_>,
    body: Option<&dyn Body>,
    hidden: bool,
    out: &'b mut [u8],
) -> Result<Answer<'b>, Error> {
    let mut writer = Writer::new(out);
    let w = &mut writer;
    put(w, "HTTP/1.1 ");
    put(w, status.text());
    field(w, "\r\nAllow: ", fields.allow);
    if fields.location.iter().any(|piece| !piece.is_empty()) {
        put(w, "\r\nLocation: ");
        fields.location.iter().for_each(|piece| put(w, piece));
    }
    if !fields.cookie.is_empty() {
        // Not `SameSite=Strict`: the browser comes back from the server's site.
        put(w, "\r\nSet-Cookie: ");
        put(w, COOKIE);
        field(w, "=", fields.cookie);
        put(w, "; Path=/; HttpOnly; SameSite=Lax");
        put(w, if site.https { "; Secure" } else { "" });
    }
    count(w, "\r\nRefresh: ", fields.refresh);
    count(w, "\r\nRetry-After: ", fields.retry_after);
    put(w, "\r\nContent-Type: text/html; charset=utf-8");
    if let Some(body) = body {
        let mut counter = Writer::new(&mut []);
        body.write(&mut counter);
        put(w, "\r\nContent-Length: ");
        w.number(u32::try_from(counter.length()).unwrap_or(u32::MAX));
    }
    policy(site, body.is_some_and(Body::has_form), w);
    put(
        w,
        "\r\nCache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n\
         Connection: close\r\n\r\n",
    );
    if let Some(body) = body.filter(|_| !hidden) {
        body.write(w);
    }
    let (octets, _) = writer.finish()?;
    Ok(Answer { octets, status })
}

/// Nothing is loaded, nothing runs, nobody frames it (RFC 9700 §4.16).
fn policy(site: &Site<'_>, has_form: bool, w: &mut Writer<'_>) {
    let mut hash = Sha256::new();
    for piece in site.brand.style() {
        hash.update(piece.as_bytes());
    }
    let mut digest = [0; 44];
    put(w, "\r\nContent-Security-Policy: default-src 'none'; style-src 'sha256-");
    put(w, Base64::encode(&hash.finalize(), &mut digest).unwrap_or_default());
    put(w, "'; base-uri 'none'; form-action ");
    if has_form {
        // Browsers hold every redirect behind a form to this, and servers send users on to others.
        put(w, "'self' https:");
        if let Some(url) = url::parse(site.authorization_endpoint).filter(|url| !url.secure) {
            field(w, " ", url.origin);
        }
    } else {
        put(w, "'none'");
    }
    put(w, "; frame-ancestors 'none'");
}

pub(crate) fn put(w: &mut Writer<'_>, text: &str) {
    w.text(text.as_bytes());
}

fn field(w: &mut Writer<'_>, name: &str, value: &str) {
    if !value.is_empty() {
        put(w, name);
        put(w, value);
    }
}

fn count(w: &mut Writer<'_>, name: &str, value: u32) {
    if value > 0 {
        put(w, name);
        w.number(value);
    }
}

impl fmt::Debug for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.status.code();
        write!(f, "Answer({code})")
    }
}
