//! What a browser asks the listener for. Everything else is refused.

use httparse::Header;

/// The longest head of a request.
const MAX_HEAD: usize = 8 * 1024;

/// The longest body.
const MAX_BODY: usize = 16 * 1024;

/// The longest request.
pub(super) const MAX_REQUEST: usize = MAX_HEAD + MAX_BODY;

/// Headers of a request.
const MAX_HEADERS: usize = 64;

/// What can be asked for.
pub(super) struct Site {
    /// Address and port: the one right value of `Host`. Another one is of a page on the web whose name was
    /// made to point here.
    pub(super) authority: String,
    /// Where the response is brought.
    pub(super) path: String,
    /// Where the last page is.
    pub(super) done: String,
    /// The response is here; the last page is to come.
    pub(super) is_over: bool,
}

impl Site {
    pub(super) fn new(authority: String, path: &str) -> Self {
        let done = format!("{}/done", path.trim_end_matches('/'));
        Self { authority, path: path.to_owned(), done, is_over: false }
    }
}

/// What is asked for.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Ask<'r> {
    /// The last page.
    Done,
    /// Brings the response in a form.
    Form(&'r str),
    /// HEAD: whether there is something. It takes nothing away.
    Look,
    /// Brings the response in the request's target.
    Url(&'r str),
}

/// Why a request is refused (RFC 9110 §15.5).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Status {
    BadRequest,
    ContentTooLarge,
    HeaderFieldsTooLarge,
    LengthRequired,
    MethodNotAllowed(&'static str),
    MisdirectedRequest,
    NotFound,
    RequestTimeout,
    UnsupportedMediaType,
    UriTooLong,
}

/// Reads a request from its first octets. `None`: it is not complete.
pub(super) fn read<'r>(octets: &'r [u8], site: &Site) -> Result<Option<Ask<'r>>, Status> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let length = match request.parse(octets) {
        Ok(httparse::Status::Complete(length)) if length <= MAX_HEAD => length,
        Ok(httparse::Status::Partial) if octets.len() < MAX_HEAD => return Ok(None),
        Err(error) if error != httparse::Error::TooManyHeaders => return Err(Status::BadRequest),
        _ if !octets.contains(&b'\n') => return Err(Status::UriTooLong),
        _ => return Err(Status::HeaderFieldsTooLarge),
    };
    let (head, body) = octets.split_at(length);
    let (Some(method), Some(target)) = (request.method, request.path) else { return Err(Status::BadRequest) };
    let clean = target.starts_with('/') && target.bytes().all(|octet| octet.is_ascii_graphic());
    if has_bare_end(head) || !clean {
        return Err(Status::BadRequest);
    }
    let length = body_length(request.headers)?;
    if one(request.headers, "host")? != Some(site.authority.as_bytes()) {
        return Err(Status::MisdirectedRequest);
    }
    let has_body = !matches!(length, Length::Known(0) | Length::None);
    let path = target.split('?').next().unwrap_or_default();
    match method {
        _ if path != site.path && !(site.is_over && target == site.done) => Err(Status::NotFound),
        "GET" | "HEAD" if has_body => Err(Status::BadRequest),
        "HEAD" => Ok(Some(Ask::Look)),
        "GET" if path == site.path => Ok(Some(Ask::Url(target))),
        "GET" => Ok(Some(Ask::Done)),
        "POST" if path == site.path => form(request.headers, length, body),
        _ if path == site.path => Err(Status::MethodNotAllowed("GET, HEAD, POST")),
        _ => Err(Status::MethodNotAllowed("GET, HEAD")),
    }
}

/// The octets of a path that needs no coding.
pub(super) fn is_path_octet(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/%".contains(&octet)
}

/// RFC 6749 Appendix B; Form Post Response Mode §2.
fn form<'r>(headers: &[Header<'_>], length: Length, body: &'r [u8]) -> Result<Option<Ask<'r>>, Status> {
    let media_type = one(headers, "content-type")?.unwrap_or_default();
    let media_type = media_type.split(|&octet| octet == b';').next().unwrap_or_default().trim_ascii();
    if !media_type.eq_ignore_ascii_case(b"application/x-www-form-urlencoded") {
        return Err(Status::UnsupportedMediaType);
    }
    match length {
        Length::Known(length) if length > MAX_BODY => Err(Status::ContentTooLarge),
        Length::Known(length) => match body.get(..length) {
            Some(body) => str::from_utf8(body).map(|text| Some(Ask::Form(text))).or(Err(Status::BadRequest)),
            None => Ok(None),
        },
        Length::Coded | Length::None => Err(Status::LengthRequired),
    }
}

/// What the head says of the body's length.
#[derive(Clone, Copy)]
enum Length {
    Coded,
    Known(usize),
    None,
}

/// Two statements of the length are how one request hides another (RFC 9112 §6.3).
fn body_length(headers: &[Header<'_>]) -> Result<Length, Status> {
    match (one(headers, "content-length")?, one(headers, "transfer-encoding")?) {
        (None, None) => Ok(Length::None),
        (None, Some(_)) => Ok(Length::Coded),
        (Some(digits), None) if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {
            let length = str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
            Ok(Length::Known(length.unwrap_or(usize::MAX)))
        }
        _ => Err(Status::BadRequest),
    }
}

/// The value of a header that must not be there twice.
fn one<'h>(headers: &[Header<'h>], name: &str) -> Result<Option<&'h [u8]>, Status> {
    let mut values = headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
    match (values.next(), values.next()) {
        (first, None) => Ok(first.map(|header| header.value)),
        _ => Err(Status::BadRequest),
    }
}

/// CR and LF that do not stand together (RFC 9112 §2.2).
fn has_bare_end(head: &[u8]) -> bool {
    let lone = |index: usize, octet: u8| match octet {
        b'\n' => index.checked_sub(1).is_none_or(|before| head[before] != b'\r'),
        b'\r' => head.get(index + 1) != Some(&b'\n'),
        _ => false,
    };
    head.iter().enumerate().any(|(index, &octet)| lone(index, octet))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> Site {
        Site { is_over: true, ..Site::new("127.0.0.1:5".to_owned(), "/callback") }
    }

    fn check(request: &str, expected: Result<Option<Ask<'_>>, Status>) {
        assert_eq!(read(request.as_bytes(), &site()), expected, "{request:?}");
    }

    #[test]
    fn is_complete_only_at_its_end() {
        let request = "POST /callback HTTP/1.1\r\nHost: 127.0.0.1:5\r\nContent-Type: application/x-www-form-urlencoded;\
                       charset=utf-8\r\nContent-Length: 7\r\n\r\ncode=ab";
        for cut in 0..request.len() {
            check(&request[..cut], Ok(None));
        }
        check(request, Ok(Some(Ask::Form("code=ab"))));
    }

    // REQ: REDIR-22, DRV-03
    #[test]
    fn only_get_and_post_bring_a_response() {
        let host = "HTTP/1.1\r\nHost: 127.0.0.1:5\r\n\r\n";
        check(&format!("GET /callback?code=a {host}"), Ok(Some(Ask::Url("/callback?code=a"))));
        check(&format!("HEAD /callback?code=a {host}"), Ok(Some(Ask::Look)));
        check(&format!("GET /callback/done {host}"), Ok(Some(Ask::Done)));
        check(&format!("GET /callback/done?code=a {host}"), Err(Status::NotFound));
        check(&format!("GET /callback/ {host}"), Err(Status::NotFound));
        check(&format!("GET /favicon.ico {host}"), Err(Status::NotFound));
        check(&format!("OPTIONS /callback {host}"), Err(Status::MethodNotAllowed("GET, HEAD, POST")));
        check(&format!("POST /callback/done {host}"), Err(Status::MethodNotAllowed("GET, HEAD")));
        let early = Site { is_over: false, ..site() };
        assert_eq!(read(format!("GET /callback/done {host}").as_bytes(), &early), Err(Status::NotFound));
    }

    #[test]
    fn malformed_requests_are_refused() {
        let host = "Host: 127.0.0.1:5\r\n";
        for request in [
            format!("GET /callback HTTP/1.1\n{host}\r\n"),
            format!("GET /callback HTTP/1.1\r\n{host}\n"),
            format!("GET /callback HTTP/1.1\r\n{host}A: b\n\r\n"),
            format!("GET /callback HTTP/1.1\r\n{host}A: b\r\n c\r\n\r\n"),
            format!("GET /callback HTTP/1.1\r\n{host}A : b\r\n\r\n"),
            format!("GET /callback HTTP/1.1\r\n{host}A: b\0\r\n\r\n"),
            format!("GET /callback HTTP/2.0\r\n{host}\r\n"),
            format!("GET /callback\r\n{host}\r\n"),
            format!("GET  /callback HTTP/1.1\r\n{host}\r\n"),
            format!("GET /call\tback HTTP/1.1\r\n{host}\r\n"),
            format!("GET /callb\u{e4}ck HTTP/1.1\r\n{host}\r\n"),
            format!("GET http://127.0.0.1:5/callback HTTP/1.1\r\n{host}\r\n"),
            format!("GET callback HTTP/1.1\r\n{host}\r\n"),
            format!("GET /callback HTTP/1.1\r\n{host}{host}\r\n"),
            format!("GET /callback HTTP/1.1\r\n{host}Content-Length: 5\r\n\r\nhello"),
            format!("GET /callback HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            format!(
                "POST /callback HTTP/1.1\r\n{host}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
            ),
            format!("POST /callback HTTP/1.1\r\n{host}Content-Length: 3\r\nContent-Length: 3\r\n\r\na=b"),
            format!("POST /callback HTTP/1.1\r\n{host}Content-Length: +3\r\n\r\na=b"),
            format!("POST /callback HTTP/1.1\r\n{host}Content-Length: 3, 3\r\n\r\na=b"),
            format!("POST /callback HTTP/1.1\r\n{host}Content-Length: \r\n\r\n"),
            "\u{16}\u{3}\u{1}\u{2}TLS".to_owned(),
        ] {
            check(&request, Err(Status::BadRequest));
        }
    }

    // REQ: DRV-03
    #[test]
    fn only_our_own_name_is_answered() {
        for host in [
            "",
            "Host: localhost:5\r\n",
            "Host: 127.0.0.1\r\n",
            "Host: 127.0.0.1:6\r\n",
            "Host: evil.example\r\n",
        ] {
            check(&format!("GET /callback HTTP/1.1\r\n{host}\r\n"), Err(Status::MisdirectedRequest));
        }
    }

    // REQ: REDIR-21
    #[test]
    fn forms_are_of_the_one_type_and_of_a_known_length() {
        let post = "POST /callback HTTP/1.1\r\nHost: 127.0.0.1:5\r\n";
        let form = "Content-Type: APPLICATION/x-www-form-urlencoded\r\n";
        check(
            &format!("{post}Content-Type: text/plain\r\nContent-Length: 3\r\n\r\na=b"),
            Err(Status::UnsupportedMediaType),
        );
        check(&format!("{post}Content-Length: 3\r\n\r\na=b"), Err(Status::UnsupportedMediaType));
        check(&format!("{post}{form}\r\n"), Err(Status::LengthRequired));
        check(&format!("{post}{form}Transfer-Encoding: chunked\r\n\r\n"), Err(Status::LengthRequired));
        check(&format!("{post}{form}Content-Length: 16385\r\n\r\n"), Err(Status::ContentTooLarge));
        check(
            &format!("{post}{form}Content-Length: 99999999999999999999999\r\n\r\n"),
            Err(Status::ContentTooLarge),
        );
        check(&format!("{post}{form}Content-Length: 3\r\n\r\na=b and more"), Ok(Some(Ask::Form("a=b"))));
        let not_text = [format!("{post}{form}Content-Length: 1\r\n\r\n").as_bytes(), b"\xFF"].concat();
        assert_eq!(read(&not_text, &site()), Err(Status::BadRequest));
    }

    #[test]
    fn heads_have_a_limit() {
        let long = "a".repeat(MAX_HEAD);
        check(&format!("GET /callback?{long}"), Err(Status::UriTooLong));
        check(
            &format!("GET /callback HTTP/1.1\r\nHost: 127.0.0.1:5\r\nA: {long}"),
            Err(Status::HeaderFieldsTooLarge),
        );
        check(
            &format!("GET /callback HTTP/1.1\r\nHost: 127.0.0.1:5\r\nA: {long}\r\n\r\n"),
            Err(Status::HeaderFieldsTooLarge),
        );
        let many = "A: b\r\n".repeat(MAX_HEADERS + 1);
        check(&format!("GET /callback HTTP/1.1\r\n{many}\r\n"), Err(Status::HeaderFieldsTooLarge));
    }
}
