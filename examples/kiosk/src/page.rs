//! The page for the kiosk's browser: all of it works without the script, which only saves the page from being loaded
//! every few seconds.

use std::fmt::Write;

use keyfob_core::{portal::Ending, qr::QrCode};

use crate::{
    brand::{Brand, SCRIPT},
    kiosk::{End, Fault, Kiosk, View, Ways},
    words::{LANGUAGES, Words},
};

/// What a page is made of.
pub struct Page<'p> {
    pub brand: &'p Brand,
    /// The server's name, as users know it.
    pub server: &'p str,
    /// What a press has to show.
    pub token: &'p str,
    pub kiosk: &'p Kiosk,
    pub now: u64,
}

impl Page<'_> {
    /// The page.
    pub fn html(&self) -> String {
        let words = self.words();
        let mut page = String::with_capacity(12_288);
        let _ = write!(
            page,
            "<!doctype html><html lang=\"{}\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <meta name=\"referrer\" content=\"same-origin\">",
            words.tag
        );
        match self.kiosk.follow(self.now) {
            Some(url) => {
                let _ = write!(page, "<meta http-equiv=\"refresh\" content=\"0;url={}\">", escape(url));
            }
            None => page.push_str("<noscript><meta http-equiv=\"refresh\" content=\"2\"></noscript>"),
        }
        let title = if self.brand.name.is_empty() { words.sign_in } else { &self.brand.name };
        let _ =
            write!(page, "<title>{}</title><style>{}</style></head><body", escape(title), self.brand.style);
        let _ = write!(page, " data-version=\"{}\"", self.kiosk.version());
        if let Some(left) = self.kiosk.seconds_left(self.now) {
            let _ = write!(page, " data-left=\"{left}\"");
        }
        if let View::SignedIn { .. } = self.kiosk.view() {
            let _ = write!(page, " data-page=\"{}\"", self.token);
        }
        page.push('>');
        self.header(&mut page);
        page.push_str("<main>");
        self.view(&mut page);
        let _ = write!(
            page,
            "</main><p id=\"lost\" role=\"alert\" hidden>{}</p><script>{SCRIPT}</script></body></html>",
            words.lost
        );
        page
    }

    fn words(&self) -> &'static Words {
        LANGUAGES.get(self.kiosk.language()).copied().unwrap_or(LANGUAGES[0])
    }

    fn header(&self, page: &mut String) {
        let _ = write!(page, "<header>{}<b>{}</b>", self.brand.logo, escape(&self.brand.name));
        self.form(page);
        let _ = write!(page, "<nav aria-label=\"{}\">", self.words().languages);
        for (place, words) in LANGUAGES.iter().enumerate() {
            let pressed = place == self.kiosk.language();
            let (tag, name) = (words.tag, words.name);
            let _ = write!(
                page,
                "<button name=\"button\" value=\"{tag}\" lang=\"{tag}\" title=\"{name}\" aria-pressed=\"{pressed}\">\
                 <span class=\"long\">{name}</span><span class=\"short\">{}</span></button>",
                tag.to_uppercase()
            );
        }
        page.push_str("</nav></form></header>");
    }

    fn view(&self, page: &mut String) {
        let words = self.words();
        let Ways { phone, screen } = self.kiosk.ways();
        let mut buttons = Buttons::default();
        match self.kiosk.view() {
            View::Away { url } => {
                let [before, after] = words.away_text;
                heading(page, words.away);
                let _ = write!(page, "<p>{before}<b>{}</b>{after}</p>", escape(self.server));
                buttons.link(url, words.go_on);
                if phone {
                    buttons.add("phone", words.phone, "");
                }
                buttons.add("cancel", words.cancel, "");
            }
            View::Code { code, .. } => {
                let _ = write!(
                    page,
                    "<div class=\"phone\"><div class=\"qr\">{}</div><div class=\"text\"><h1>{}</h1>\
                     <p>{} <b>{}</b> {}</p><p class=\"code\">{}</p>",
                    code.qr,
                    words.scan,
                    words.or_open,
                    escape(&code.verification_uri),
                    words.enter,
                    escape(&code.user_code)
                );
                self.time(page, words.valid);
                let _ = write!(page, "<p><small>{}</small></p></div></div>", words.started_here);
                if screen {
                    buttons.add("screen", words.screen, "");
                }
                buttons.add("cancel", words.cancel, "");
            }
            View::Confirm { account } => {
                heading(page, words.is_it_you);
                let _ = write!(page, "<p class=\"who\">{}</p>", escape(account));
                buttons.add("confirm", words.yes, "main");
                buttons.add("cancel", words.cancel, "");
            }
            View::Connected => {
                heading(page, words.connected);
                buttons.add("cancel", words.cancel, "");
            }
            View::Farewell { url, .. } => {
                heading(page, words.farewell);
                buttons.link(url, words.go_on);
            }
            View::Failed(fault) => {
                let _ = write!(page, "<p role=\"alert\">{}</p>", fault_text(*fault, words));
                if phone || screen {
                    buttons.add("sign-in", words.again, "main");
                    buttons.add("cancel", words.cancel, "");
                }
            }
            View::Leaving(_) => heading(page, words.leaving),
            View::SignedIn { who, warned, .. } => {
                let who_is = |page: &mut String| {
                    let _ = write!(page, "<p class=\"who\">{}</p>", escape(&who.name));
                    if who.account != who.name {
                        let _ = write!(page, "<p class=\"soft\">{}</p>", escape(&who.account));
                    }
                };
                if *warned {
                    heading(page, words.still_there);
                    who_is(page);
                    self.time(page, words.still_ends);
                    buttons.add("stay", words.stay, "main");
                    buttons.add("sign-out", words.sign_out, "");
                } else {
                    heading(page, words.signed_in);
                    who_is(page);
                    self.time(page, words.ends);
                    buttons.add("sign-out", words.sign_out, "main");
                }
            }
            View::Starting => {
                heading(page, words.moment);
                if phone || screen {
                    buttons.add("cancel", words.cancel, "");
                }
            }
            View::Welcome(end) => {
                heading(page, words.welcome);
                if let Some(end) = end {
                    let _ = write!(page, "<p role=\"status\">{}</p>", end_text(*end, words));
                }
                buttons.add("sign-in", words.sign_in, "main big");
            }
        }
        if !buttons.html.is_empty() {
            self.form(page);
            let _ = write!(page, "<div class=\"buttons\">{}</div></form>", buttons.html);
        }
    }

    fn time(&self, page: &mut String, before: &str) {
        let left = self.kiosk.seconds_left(self.now).unwrap_or_default();
        let (minutes, seconds) = (left / 60, left % 60);
        let _ = write!(page, "<p role=\"timer\">{before} <time>{minutes}:{seconds:02}</time></p>");
    }

    fn form(&self, page: &mut String) {
        let _ = write!(
            page,
            "<form method=\"post\" action=\"press\"><input type=\"hidden\" name=\"page\" value=\"{}\">",
            self.token
        );
    }
}

/// What stands where nothing is.
pub fn nothing(brand: &Brand, language: usize) -> String {
    let words = LANGUAGES.get(language).copied().unwrap_or(LANGUAGES[0]);
    format!(
        "<!doctype html><html lang=\"{}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>404</title>\
         <style>{}</style></head><body><main><h1>{}</h1></main></body></html>",
        words.tag, brand.style, words.nothing
    )
}

#[derive(Default)]
struct Buttons {
    html: String,
}

impl Buttons {
    fn add(&mut self, name: &str, text: &str, class: &str) {
        let _ =
            write!(self.html, "<button name=\"button\" value=\"{name}\" class=\"{class}\">{text}</button>");
    }

    /// To the server; a link, because browsers let a form lead only where it may in all its redirects.
    fn link(&mut self, url: &str, text: &str) {
        let _ = write!(
            self.html,
            "<a class=\"button main\" rel=\"noreferrer\" href=\"{}\">{text}</a>",
            escape(url)
        );
    }
}

fn heading(page: &mut String, text: &str) {
    let _ = write!(page, "<h1>{text}</h1>");
}

const fn end_text(end: End, words: &Words) -> &'static str {
    match end {
        End::Button => words.signed_out,
        End::Idle => words.idle,
        End::Over => words.over,
    }
}

const fn fault_text(fault: Fault, words: &Words) -> &'static str {
    match fault {
        Fault::Ended(Ending::Configuration) => words.configuration,
        Fault::Ended(Ending::Denied) => words.denied,
        Fault::Ended(Ending::SecurityAlert) => words.alarm,
        Fault::Ended(Ending::TryLater) => words.later,
        Fault::Ended(Ending::Unreachable) => words.unreachable,
        Fault::Ended(_) => words.failed,
        Fault::Expired => words.expired,
        Fault::NotAsked => words.not_asked,
    }
}

/// A QR code as SVG: one path, dark on light also where the page is dark.
pub fn qr(text: &str) -> Option<String> {
    let mut buffer = [0; QrCode::MAX_BUFFER];
    let code = QrCode::of(text, &mut buffer).ok()?;
    let width = code.width();
    let mut path = String::new();
    for y in 0..width {
        let mut x = 0;
        while x < width {
            let length = (x..width).take_while(|&x| code.is_dark(x, y)).count();
            if length > 0 {
                let _ = write!(path, "M{x} {y}h{length}v1h-{length}z");
            }
            x += u8::try_from(length).unwrap_or(width).max(1);
        }
    }
    Some(format!(
        "<svg viewBox=\"0 0 {width} {width}\" shape-rendering=\"crispEdges\" role=\"img\" aria-label=\"QR\">\
         <path fill=\"#fff\" d=\"M0 0h{width}v{width}H0z\"/><path fill=\"#000\" d=\"{path}\"/></svg>"
    ))
}

/// Text as HTML, in elements and in quoted attributes.
fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => html.push_str("&quot;"),
            '&' => html.push_str("&amp;"),
            '\'' => html.push_str("&#39;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            _ => html.push(c),
        }
    }
    html
}
