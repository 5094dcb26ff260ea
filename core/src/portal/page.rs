//! The pages: plain HTML, which says everything without a script and without loading anything.

use crate::{
    encoding::writer::Writer,
    error::{Error, Remedy},
    portal::{
        answer::{Body, Status, put},
        pairing::TOKEN,
        site::Site,
        words::{Message, Words},
    },
};

/// How a sign-in ended, for the last page.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Ending {
    /// Something is not set up right.
    Configuration,
    /// The user, or the server, said no.
    Denied,
    /// It did not work; a new sign-in may.
    Failed,
    /// It works.
    SignedIn,
    /// Somebody may be tampering.
    SecurityAlert,
    /// The server has a problem.
    TryLater,
    /// The server cannot be reached.
    Unreachable,
}

impl Ending {
    /// How a sign-in ended that ended with this error.
    pub const fn of(error: Error) -> Self {
        match error.remedy() {
            Remedy::UserDenied => Self::Denied,
            Remedy::SecurityAlert => Self::SecurityAlert,
            Remedy::Configuration | Remedy::Bug => Self::Configuration,
            Remedy::RetryLater => Self::TryLater,
            _ => Self::Failed,
        }
    }

    const fn message(self, words: &Words) -> Message {
        match self {
            Self::Configuration => words.configuration,
            Self::Denied => words.denied,
            Self::Failed => words.failed,
            Self::SignedIn => words.signed_in,
            Self::SecurityAlert => words.alarm,
            Self::TryLater => words.later,
            Self::Unreachable => words.unreachable,
        }
    }
}

/// What a page with a form begins with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Notice {
    None,
    OldPage,
    TooManyCodes,
    WrongCode,
    WrongPaste,
}

/// What is said.
#[derive(Clone, Copy)]
pub(crate) enum Say<'p> {
    Busy,
    Confirm,
    End { ending: Ending, detail: &'p str },
    Paste { notice: Notice, page: &'p str },
    Refusal(Status),
    Start { notice: Notice, page: &'p str, proof: Proof<'p> },
    Stray,
    Wait,
}

/// What a visitor has to show for the sight of the device.
#[derive(Clone, Copy)]
pub(crate) enum Proof<'p> {
    /// The code, in digits or not.
    Code { digits: bool },
    /// The browser has shown it before.
    Given,
    /// The token was in the address.
    Token(&'p str),
}

/// A page in one language.
pub(crate) struct Page<'p> {
    pub(crate) site: &'p Site<'p>,
    pub(crate) words: &'p Words,
    pub(crate) say: Say<'p>,
}

impl Body for Page<'_> {
    fn write(&self, w: &mut Writer<'_>) {
        let title = self.title();
        put(w, "<!doctype html><html lang=\"");
        put(w, self.words.tag);
        put(w, "\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" ");
        put(w, "content=\"width=device-width, initial-scale=1\">");
        if self.has_form() {
            // Without it, browsers say of a form on a page without referrers that it is from nowhere (Fetch §3.2).
            put(w, "<meta name=\"referrer\" content=\"same-origin\">");
        }
        put(w, "<title>");
        escape(title, w);
        put(w, "</title><style>");
        self.site.brand.style().iter().for_each(|piece| put(w, piece));
        put(w, "</style></head><body><main>");
        self.header(w);
        put(w, "<h1>");
        escape(title, w);
        put(w, "</h1>");
        self.text(w);
        put(w, "</main></body></html>");
    }

    fn has_form(&self) -> bool {
        matches!(self.say, Say::Paste { .. } | Say::Start { .. })
    }
}

impl Page<'_> {
    /// The name, and the logo with it.
    fn header(&self, w: &mut Writer<'_>) {
        let brand = self.site.brand;
        if brand.name.is_empty() && brand.logo.is_empty() {
            return;
        }
        put(w, "<header>");
        put(w, brand.logo);
        for character in brand.name.chars().take(MAX_NAME) {
            escape(character.encode_utf8(&mut [0; 4]), w);
        }
        put(w, "</header>");
    }

    fn message(&self) -> Message {
        let words = self.words;
        match self.say {
            Say::Busy => words.busy,
            Say::Confirm => words.confirm,
            Say::End { ending, .. } => ending.message(words),
            Say::Paste { .. } => Message(words.paste, ""),
            Say::Refusal(Status::TooManyRequests) => words.slower,
            Say::Refusal(_) => words.nothing,
            Say::Start { .. } => Message(words.sign_in, ""),
            Say::Stray => words.stray,
            Say::Wait => words.wait,
        }
    }

    fn title(&self) -> &'static str {
        self.message().0
    }

    fn text(&self, w: &mut Writer<'_>) {
        match self.say {
            Say::Start { notice, page, proof } => self.start(notice, page, proof, w),
            Say::Paste { notice, page } => self.paste(notice, page, w),
            Say::End { detail, .. } => {
                paragraph(self.message().1, w);
                if !detail.is_empty() {
                    put(w, "<p><small>");
                    escape(cut(detail), w);
                    put(w, "</small></p>");
                }
            }
            Say::Refusal(status) => {
                paragraph(self.message().1, w);
                put(w, "<p><small>");
                put(w, status.text());
                put(w, "</small></p>");
            }
            _ => paragraph(self.message().1, w),
        }
    }

    fn start(&self, notice: Notice, page: &str, proof: Proof<'_>, w: &mut Writer<'_>) {
        let words = self.words;
        self.notice(notice, w);
        put(w, "<p>");
        put(w, words.leads_to.first().copied().unwrap_or_default());
        put(w, "<b>");
        escape(cut(self.site.server()), w);
        put(w, "</b>");
        put(w, words.leads_to.last().copied().unwrap_or_default());
        put(w, "</p>");
        paragraph(words.started_here, w);
        if self.site.access_point {
            paragraph(words.access_point, w);
        }
        if !self.site.https && !self.site.callback.is_empty() {
            paragraph(words.unencrypted, w);
        }
        form("/start", page, "", w);
        match proof {
            Proof::Code { digits } => {
                put(w, "<label for=\"code\">");
                put(w, words.code);
                put(
                    w,
                    "</label><input id=\"code\" name=\"code\" required maxlength=\"16\" autocomplete=\"one-time-code\" spellcheck=\"false\" ",
                );
                put(w, if digits { "inputmode=\"numeric\">" } else { "autocapitalize=\"characters\">" });
            }
            Proof::Given => {}
            Proof::Token(token) => {
                put(w, "<input type=\"hidden\" name=\"token\" value=\"");
                put(w, token);
                put(w, "\">");
            }
        }
        button(words.go_on, w);
    }

    fn paste(&self, notice: Notice, page: &str, w: &mut Writer<'_>) {
        let words = self.words;
        self.notice(notice, w);
        paragraph(words.paste_open, w);
        // The page stays for the way back.
        form("/go", page, " target=\"_blank\"", w);
        button(words.paste_open_button, w);
        paragraph(words.paste_bring, w);
        form("/paste", page, "", w);
        put(w, "<label for=\"address\">");
        put(w, words.paste_label);
        put(
            w,
            "</label><textarea id=\"address\" name=\"address\" required autocomplete=\"off\" autocapitalize=\"none\" spellcheck=\"false\"></textarea>",
        );
        button(words.paste_button, w);
    }

    fn notice(&self, notice: Notice, w: &mut Writer<'_>) {
        let text = match notice {
            Notice::None => return,
            Notice::OldPage => self.words.old_page,
            Notice::TooManyCodes => self.words.too_many_codes,
            Notice::WrongCode => self.words.wrong_code,
            Notice::WrongPaste => self.words.paste_wrong,
        };
        put(w, "<p role=\"alert\">");
        put(w, text);
        put(w, "</p>");
    }
}

/// The longest text that is shown of somebody else, in octets.
const MAX_TEXT: usize = 160;

/// The longest name, in characters.
const MAX_NAME: usize = 40;

fn cut(text: &str) -> &str {
    let mut length = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(length) {
        length = length.saturating_sub(1);
    }
    text.get(..length).unwrap_or_default()
}

fn paragraph(text: &str, w: &mut Writer<'_>) {
    if !text.is_empty() {
        put(w, "<p>");
        put(w, text);
        put(w, "</p>");
    }
}

fn form(action: &str, page: &str, more: &str, w: &mut Writer<'_>) {
    put(w, "<form method=\"post\" action=\"");
    put(w, action);
    put(w, "\"");
    put(w, more);
    put(w, "><input type=\"hidden\" name=\"page\" value=\"");
    put(w, page);
    put(w, "\">");
}

fn button(text: &str, w: &mut Writer<'_>) {
    put(w, "<button>");
    put(w, text);
    put(w, "</button></form>");
}

/// Text as it may stand between tags.
fn escape(text: &str, w: &mut Writer<'_>) {
    for octet in text.bytes() {
        match octet {
            b'&' => put(w, "&amp;"),
            b'<' => put(w, "&lt;"),
            b'>' => put(w, "&gt;"),
            b'"' => put(w, "&quot;"),
            b'\'' => put(w, "&#39;"),
            _ => w.octet(octet),
        }
    }
}

/// The token in the address of the start page, if it looks like one.
pub(crate) fn token(query: &str) -> Option<&str> {
    let token = query.strip_prefix("t=")?;
    let good = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
    (token.len() == TOKEN && token.bytes().all(good)).then_some(token)
}
