//! The listener's answers. They load nothing, run nothing, and keep nothing.

use base64ct::{Base64, Encoding};
use keyfob_core::error::Remedy;
use sha2::{Digest, Sha256};

use crate::{Failure, redirect::request::Status};

/// Light or dark as the browser is set, and as wide as the screen allows.
const STYLE: &str = ":root{color-scheme:light dark}\
    body{margin:0;min-height:100vh;display:grid;place-items:center;font:1.125rem/1.5 system-ui,sans-serif}\
    main{max-width:32rem;padding:1.5rem;overflow-wrap:anywhere}\
    h1{margin:0;font-size:1.5rem;line-height:1.25}\
    p{margin:.75rem 0 0}\
    small{opacity:.75}";

/// The page at the end: the truth, in plain words.
pub(super) fn done(failure: Option<&Failure>) -> Vec<u8> {
    let Some(failure) = failure else {
        return page("200 OK", "", "You are signed in.", "You can close this window.", "");
    };
    let (title, text) = words(failure);
    page("200 OK", "", title, text, &failure.to_string())
}

/// For a response that is not the one that is waited for.
pub(super) fn stray() -> Vec<u8> {
    let title = "This address does not belong to the sign-in that is waiting here.";
    page("400 Bad Request", "", title, "You can close this window. The sign-in goes on in its own.", "")
}

/// Sends the browser on, away from the address with the response in it.
pub(super) fn see_other(location: &str) -> Vec<u8> {
    answer("303 See Other", &format!("Location: {location}\r\n"), Some(""))
}

/// For HEAD.
pub(super) fn look() -> Vec<u8> {
    answer("200 OK", "", None)
}

/// For a request that nobody here expects.
pub(super) fn refusal(status: Status) -> Vec<u8> {
    let mut headers = String::new();
    let line = match status {
        Status::BadRequest => "400 Bad Request",
        Status::ContentTooLarge => "413 Content Too Large",
        Status::HeaderFieldsTooLarge => "431 Request Header Fields Too Large",
        Status::LengthRequired => "411 Length Required",
        Status::MethodNotAllowed(methods) => {
            headers = format!("Allow: {methods}\r\n");
            "405 Method Not Allowed"
        }
        Status::MisdirectedRequest => "421 Misdirected Request",
        Status::NotFound => "404 Not Found",
        Status::RequestTimeout => "408 Request Timeout",
        Status::UnsupportedMediaType => "415 Unsupported Media Type",
        Status::UriTooLong => "414 URI Too Long",
    };
    page(line, &headers, "There is nothing here.", "You can close this window.", line)
}

/// Title and advice.
fn words(failure: &Failure) -> (&'static str, &'static str) {
    let remedy = match failure {
        Failure::Flow(error) => error.remedy(),
        Failure::Http(_) => {
            return (
                "You are not signed in: the server cannot be reached.",
                "Check the network, go back to the program and try again.",
            );
        }
        Failure::UserAgent(_) => Remedy::Restart,
    };
    match remedy {
        Remedy::UserDenied => (
            "You are not signed in: it was not allowed.",
            "If that was not what you wanted, go back to the program and try again.",
        ),
        Remedy::SecurityAlert => (
            "You are not signed in: something was not as it should be.",
            "The sign-in was stopped to protect you. Go back to the program and start it yourself. If this page comes \
             again, tell whoever looks after the program.",
        ),
        Remedy::Configuration | Remedy::Bug => (
            "You are not signed in: the program or the server is not set up right.",
            "Tell whoever looks after the program what stands below.",
        ),
        Remedy::RetryLater => (
            "You are not signed in: the server has a problem.",
            "Go back to the program and try again in a while.",
        ),
        _ => ("You are not signed in.", "Go back to the program and try again."),
    }
}

fn page(status: &str, headers: &str, title: &str, text: &str, detail: &str) -> Vec<u8> {
    let (title, text, detail) = (escape(title), escape(text), escape(detail));
    let detail = if detail.is_empty() { detail } else { format!("<p><small>{detail}</small></p>") };
    let body = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title}</title><style>{STYLE}</style></head>\
         <body><main><h1>{title}</h1><p>{text}</p>{detail}</main></body></html>"
    );
    answer(status, headers, Some(&body))
}

/// `None`: the head of an answer whose body is not said.
fn answer(status: &str, headers: &str, body: Option<&str>) -> Vec<u8> {
    let hash = Base64::encode_string(&Sha256::digest(STYLE));
    let length = body.map(|body| format!("Content-Length: {}\r\n", body.len())).unwrap_or_default();
    let body = body.unwrap_or_default();
    format!(
        "HTTP/1.1 {status}\r\n\
         {headers}\
         Content-Type: text/html; charset=utf-8\r\n\
         {length}\
         Content-Security-Policy: default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'\r\n\
         Cache-Control: no-store\r\n\
         Referrer-Policy: no-referrer\r\n\
         X-Content-Type-Options: nosniff\r\n\
         Connection: close\r\n\
         \r\n\
         {body}"
    )
    .into_bytes()
}

/// Text as it may stand between tags.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use keyfob_core::error::{Check, Error, ErrorCode};

    use super::*;
    use crate::http::{HttpError, HttpErrorKind};

    // REQ: REDIR-26
    #[test]
    fn pages_are_small_and_load_nothing() {
        let failures = [
            Failure::Flow(Error::Expired),
            Failure::Flow(Error::Refused(ErrorCode::AccessDenied)),
            Failure::Flow(Error::Check(Check::IssuerMismatch)),
            Failure::Http(HttpError::new(HttpErrorKind::Timeout, true)),
        ];
        let mut pages: Vec<_> = failures.iter().map(|failure| done(Some(failure))).collect();
        pages.extend([done(None), stray(), refusal(Status::NotFound), see_other("/callback/done")]);
        for page in pages {
            let page = String::from_utf8(page).expect("is text");
            assert!(page.len() < 4096, "{}", page.len());
            for word in ["://", "src=", "href=", "url(", "<script", "@import"] {
                assert!(!page.contains(word), "{word} in {page}");
            }
        }
    }

    #[test]
    fn text_is_escaped() {
        let page = String::from_utf8(page("200 OK", "", "<b>&", "'", "\"")).expect("is text");
        assert!(page.contains("<title>&lt;b&gt;&amp;</title>"));
        assert!(page.contains("<p>&#39;</p><p><small>&quot;</small></p>"));
    }
}
