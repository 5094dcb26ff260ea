//! The pages: plain HTML, which says everything without a script and without loading anything.

use std::fmt::Write;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64ct::{Base64, Encoding};
use sha2::{Digest, Sha256};

use crate::{
    settings::Brand,
    store::Ending,
    words::{Message, Words},
};

/// What all pages have in common.
pub struct Pages {
    name: String,
    style: String,
    policy: HeaderValue,
    policy_of_forms: HeaderValue,
    prefix: String,
}

/// What a page says.
#[derive(Clone, Copy)]
pub enum Say<'p> {
    /// Whether to go on, to the server.
    Confirm { device: &'p str, host: &'p str, page: &'p str },
    /// How it ended.
    End(Ending),
    /// Not now.
    Later,
    /// No such page.
    Nothing,
    /// Asks for the code, or takes the token.
    Start { token: Option<&'p str>, notice: Notice },
    /// Not this browser's.
    Stray,
    /// The device goes on.
    Wait,
}

/// What the first page begins with.
#[derive(Clone, Copy, Eq, PartialEq)]
pub enum Notice {
    /// Nothing.
    None,
    /// Too many wrong codes.
    TooMany,
    /// A wrong code.
    WrongCode,
}

impl Pages {
    /// Pages below this path. `plain` is an origin that is not https and that forms may lead to.
    pub fn new(brand: &Brand, prefix: &str, plain: &[String]) -> Self {
        let name = brand.name.chars().take(MAX_NAME).collect();
        let style = format!("{STYLE}button{{background:{};color:{}}}", brand.colour, ink(&brand.colour));
        let hash = Base64::encode_string(&Sha256::digest(&style));
        let policy = |forms: &str| {
            let policy = format!(
                "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action {forms}; frame-ancestors 'none'"
            );
            HeaderValue::try_from(policy).expect("visible characters")
        };
        // Browsers hold every redirect behind a form to this, and servers send users on to others.
        let forms =
            plain.iter().fold("'self' https:".to_string(), |forms, origin| format!("{forms} {origin}"));
        Self { name, style, policy: policy("'none'"), policy_of_forms: policy(&forms), prefix: prefix.into() }
    }

    /// A page as an answer.
    pub fn answer(&self, status: StatusCode, words: &Words, say: Say<'_>) -> Response {
        let has_form = matches!(say, Say::Confirm { .. } | Say::Start { .. });
        let policy = if has_form { &self.policy_of_forms } else { &self.policy };
        // Without a referrer browsers say of a form that it is from nowhere (Fetch §3.2).
        let referrer = HeaderValue::from_static(if has_form { "same-origin" } else { "no-referrer" });
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
            (header::CONTENT_SECURITY_POLICY, policy.clone()),
            (header::CONTENT_LANGUAGE, HeaderValue::from_static(words.tag)),
            (header::REFERRER_POLICY, referrer),
        ];
        (status, headers, self.page(words, say)).into_response()
    }

    fn page(&self, words: &Words, say: Say<'_>) -> String {
        let Message(title, text) = match say {
            Say::Confirm { .. } => Message(words.confirm, ""),
            Say::End(Ending::Cancelled) => words.cancelled,
            Say::End(Ending::Failed) => words.failed,
            Say::End(Ending::Refused) => words.refused,
            Say::End(Ending::SignedIn) => words.signed_in,
            Say::Later => words.later,
            Say::Nothing => words.nothing,
            Say::Start { .. } => Message(words.title, ""),
            Say::Stray => words.stray,
            Say::Wait => words.wait,
        };
        let mut page = String::with_capacity(MAX_PAGE);
        let _ = write!(
            page,
            "<!doctype html><html lang=\"{}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
             content=\"width=device-width, initial-scale=1\"><title>{}</title><style>{}</style></head><body><main>",
            words.tag,
            escape(title),
            self.style
        );
        if !self.name.is_empty() {
            let _ = write!(page, "<header>{}</header>", escape(&self.name));
        }
        let _ = write!(page, "<h1>{}</h1>", escape(title));
        if !text.is_empty() {
            let _ = write!(page, "<p role=\"status\">{}</p>", escape(text));
        }
        match say {
            Say::Confirm { device, host, page: token } => {
                self.confirm(&mut page, words, [device, host, token]);
            }
            Say::Start { token, notice } => self.start(&mut page, words, token, notice),
            _ => {}
        }
        page.push_str("</main></body></html>");
        page
    }

    fn start(&self, page: &mut String, words: &Words, token: Option<&str>, notice: Notice) {
        let notice = match notice {
            Notice::None => "",
            Notice::TooMany => words.too_many,
            Notice::WrongCode => words.wrong_code,
        };
        if !notice.is_empty() {
            let _ = write!(page, "<p class=\"notice\" role=\"alert\">{}</p>", escape(notice));
        }
        let _ = write!(page, "<form method=\"post\" action=\"{}/pair\">", self.prefix);
        match token {
            Some(token) => {
                let _ = write!(page, "<p>{}</p>", escape(words.scanned));
                let _ = write!(page, "<input type=\"hidden\" name=\"token\" value=\"{}\">", escape(token));
            }
            None => {
                let _ = write!(
                    page,
                    "<label for=\"code\">{}</label><input id=\"code\" name=\"code\" required autofocus \
                     autocomplete=\"one-time-code\" autocapitalize=\"characters\" spellcheck=\"false\" maxlength=\"24\">",
                    escape(words.code)
                );
            }
        }
        let _ =
            write!(page, "<p>{}</p><button>{}</button></form>", escape(words.only_if), escape(words.go_on));
    }

    fn confirm(&self, page: &mut String, words: &Words, [device, host, token]: [&str; 3]) {
        let _ = write!(
            page,
            "<dl><dt>{}</dt><dd>{}</dd><dt>{}</dt><dd>{}</dd></dl><p>{}</p><p>{}</p>\
             <form method=\"post\" action=\"{}/go\"><input type=\"hidden\" name=\"page\" value=\"{}\">\
             <button>{}</button></form>",
            escape(words.device),
            escape(device),
            escape(words.server),
            escape(host),
            escape(words.only_if),
            escape(words.effect),
            self.prefix,
            escape(token),
            escape(words.go_on)
        );
    }
}

/// Text that is nothing but text, between tags and in quotes.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            character => out.push(character),
        }
    }
    out
}

/// Black or white, whichever is easier to read on this colour (WCAG 2.2, relative luminance).
fn ink(colour: &str) -> &'static str {
    let digits = colour.trim_start_matches('#');
    let width = digits.len() / 3;
    let channel = |place: usize| {
        let digits = digits.get(place * width..(place + 1) * width).unwrap_or("0");
        let value = u8::from_str_radix(digits, 16).unwrap_or(0);
        let value = f64::from(if width == 1 { value * 17 } else { value }) / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    let luminance = 0.2126 * channel(0) + 0.7152 * channel(1) + 0.0722 * channel(2);
    if luminance > 0.179 { "#000" } else { "#fff" }
}

/// No page is longer.
pub const MAX_PAGE: usize = 4096;

/// Characters of a brand's name that are shown.
const MAX_NAME: usize = 60;

const STYLE: &str = ":root{color-scheme:light dark}*{box-sizing:border-box}\
body{margin:0;min-height:100vh;display:grid;place-items:center;font:1.125rem/1.5 system-ui,sans-serif}\
main{width:100%;max-width:32rem;padding:1.5rem;overflow-wrap:anywhere}\
header{margin:0 0 1.5rem;font-weight:600}h1{margin:0 0 1rem;font-size:1.5rem;line-height:1.25}p{margin:1rem 0}\
dl{margin:0;padding:.75rem 1rem;border:1px solid GrayText;border-radius:.5rem}dt{font-size:.9rem}\
dd{margin:0 0 .5rem;font-weight:600}dd:last-child{margin:0}label{display:block;margin:0 0 .5rem}\
input,button{width:100%;min-height:3rem;padding:.5rem 1rem;font:inherit;border-radius:.5rem}\
input{border:1px solid GrayText;font-size:1.5rem;letter-spacing:.1em;text-transform:uppercase}\
button{border:0;font-weight:600}:focus-visible{outline:3px solid LinkText;outline-offset:2px}\
.notice{padding:.75rem 1rem;border:2px solid #c5221f;border-radius:.5rem}\
@media(max-height:24rem) and (min-width:28rem){:root{font-size:75%}main{max-width:40rem;padding:1rem}\
header,h1{margin:0 0 .5rem}p{margin:.5rem 0}}";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words;

    // REQ: PORTAL-16, PORTAL-30
    #[test]
    fn every_page_is_small_and_text_stays_text() {
        let evil = "<script>'\"&".repeat(5);
        let brand = Brand { name: evil.clone(), ..Brand::default() };
        let pages = Pages::new(&brand, "/a/prefix/of/some/length", &[]);
        let ends = Ending::ALL.map(Say::End);
        let others = [
            Say::Confirm {
                device: &evil,
                host: "a-rather-long-name-of-a-server.example.org",
                page: "AAAAAAAAAAAAAAAAAAAAAA",
            },
            Say::Later,
            Say::Nothing,
            Say::Start { token: Some("AAAAAAAAAAAAAAAAAAAAAA"), notice: Notice::WrongCode },
            Say::Start { token: None, notice: Notice::TooMany },
            Say::Stray,
            Say::Wait,
        ];
        for words in words::ALL {
            for say in ends.into_iter().chain(others) {
                let page = pages.page(words, say);
                assert!(page.len() < MAX_PAGE, "{} octets", page.len());
                assert!(!page.contains("<script") && !page.contains("http"), "{page}");
                assert!(page.contains(&format!("<html lang=\"{}\">", words.tag)));
            }
        }
    }

    #[test]
    fn buttons_can_be_read() {
        assert_eq!(
            ["#0b57d0", "#fff", "#ffd600", "#000", "#767676"].map(ink),
            ["#fff", "#000", "#000", "#fff", "#000"]
        );
    }
}
