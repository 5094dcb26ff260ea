//! What a person reads: progress and errors on standard error, the result on standard output.

use std::{
    io::{self, IsTerminal, Write},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use anstyle::{AnsiColor, Color, Style};
use keyfob_core::{
    flow::UserCode,
    plan::{Reason, Way},
    portal::Invitation,
};
use serde_json::Value;

use crate::{
    advice::{Advice, way::Rejection},
    report::{
        CONNECTED, Report, Step, Trip, Visit, passed,
        qr::picture,
        text::{date, duration, lines, plain},
    },
    tokens::{Identity, Tokens},
    ways,
};

/// Writes words, in colours where they are shown.
pub struct Human {
    show_tokens: bool,
    /// Whether a person looks on at once.
    terminal: bool,
    /// Lines that a user code takes up.
    lines: AtomicUsize,
    broken: AtomicBool,
}

impl Human {
    pub fn new(show_tokens: bool) -> Self {
        let terminal = io::stderr().is_terminal();
        Self { show_tokens, terminal, lines: AtomicUsize::new(0), broken: AtomicBool::new(false) }
    }

    /// Tells what happens, now.
    fn tell(&self, text: &str) {
        let mut out = anstream::stderr().lock();
        self.note(writeln!(out, "{text}").and_then(|()| out.flush()));
    }

    /// Writes over the line where the cursor is.
    fn tell_in_place(&self, text: &str) {
        let mut out = anstream::stderr().lock();
        self.note(write!(out, "\r\x1b[K{text}").and_then(|()| out.flush()));
    }

    /// Writes a part of the result.
    fn print(&self, page: &Page) {
        let mut out = anstream::stdout().lock();
        self.note(out.write_all(page.0.as_bytes()).and_then(|()| out.flush()));
    }

    fn note(&self, outcome: io::Result<()>) {
        if outcome.is_err() {
            self.broken.store(true, Ordering::Relaxed);
        }
    }

    /// The tokens, said in words; with their text only for who asked for it.
    fn tokens(&self, page: &mut Page, tokens: &Tokens, refresh: Option<String>, id_token: Option<String>) {
        let lives = |seconds| format!("valid for {}", duration(seconds));
        let unknown = || "valid for as long as the server takes it; it does not say".to_owned();
        let access = tokens.expires_in.map(u64::from).map_or_else(unknown, lives);
        let rows = [("access token", Some(access)), ("ID token", id_token), ("refresh token", refresh)];
        page.heading("Tokens");
        page.rows(rows.into_iter().filter_map(|(name, words)| Some((name, words?))));
        if !self.show_tokens {
            return page.soft("They are as good as a password and not shown; --show-tokens prints them.");
        }
        let texts = [
            ("access token", Some(&tokens.access_token)),
            ("ID token", tokens.identity.as_ref().map(|identity| &identity.id_token)),
            ("refresh token", tokens.refresh_token.as_ref()),
        ];
        for (name, token) in texts {
            if let Some(token) = token {
                page.heading(&format!("The {name} itself"));
                page.line(token);
            }
        }
    }
}

impl Report for Human {
    fn demo(&self, issuer: &str) {
        self.tell(&format!(
            "No --issuer given: starting a demo issuer in this process, at {}\n\
             Any name will do there; no account is needed, and nothing leaves this machine.\n",
            plain(issuer),
        ));
    }

    fn progress(&self, step: Step) {
        // What follows a sign-in stands apart from its result.
        let gap =
            if matches!(step, Step::Refreshing | Step::SigningOut | Step::UserInfo) { "\n" } else { "" };
        self.tell(&format!("{gap}{}", step.words()));
    }

    fn ways(&self, ways: &[(Way, Option<Reason>)]) {
        let mut page = Page::default();
        page.ways(ways);
        self.print(&page);
    }

    fn way(&self, way: Way) {
        self.tell(&format!("Signing in by {}.", ways::words(way)));
    }

    fn fall_back(&self, from: Way, reason: Reason, to: Way) {
        let Rejection { message, .. } = Rejection::of(from, reason);
        let text =
            format!("The way {} is closed. {message} Going on with {}.", ways::name(from), ways::name(to));
        self.tell(&format!("\n{BOLD}!{BOLD:#} {}\n", lines(&plain(&text), WIDTH).join("\n  ")));
    }

    fn authorize(&self, visit: &Visit<'_>) {
        let opening = match visit.trip {
            Trip::Browser => "Opening your browser. If it does not open, go to this address:",
            Trip::ByHand | Trip::Paste => "Open this address in a browser:",
        };
        self.tell(&format!("{opening}\n\n  {LINK}{}{LINK:#}\n", plain(visit.url)));
        let time = duration(visit.seconds.into());
        let redirect_uri = plain(visit.redirect_uri);
        if visit.trip == Trip::Paste {
            return self.tell(&format!(
                "Sign in there. The browser ends at {redirect_uri}…, perhaps on a page that cannot be shown.\n\
                 Copy the whole address from its address bar, paste it here and press Enter (within {time}):"
            ));
        }
        if !visit.demo {
            self.tell(&format!("It comes back to {redirect_uri}, which the server must allow."));
        }
        self.tell(&format!("Waiting for you to sign in (up to {time}; Ctrl-C gives up)…"));
    }

    fn user_code(&self, code: &UserCode<'_>, qr: bool) {
        let mut text = code.instructions("this computer").to_string();
        text.push('\n');
        let picture = if qr && self.terminal { picture(code.scannable()) } else { None };
        if let Some(rows) = picture {
            text.push_str("\nOr scan this, and compare the code:\n");
            rows.iter().for_each(|row| text.push_str(&format!("  {QR}{row}{QR:#}\n")));
        }
        if !self.terminal {
            let time = duration(code.seconds_left().into());
            text.push_str(&format!("\nWaiting for you to sign in (up to {time}; Ctrl-C gives up)…"));
        }
        self.tell(&text);
        self.lines.store(text.lines().count(), Ordering::Relaxed);
    }

    fn invitation(&self, invitation: &Invitation<'_>, qr: bool) {
        let code =
            invitation.code().map_or("Wait a while: too many wrong codes were tried.".to_owned(), |code| {
                format!("and enter the code\n\n  {BOLD}{code}{BOLD:#}")
            });
        let mut text = format!(
            "With a phone in this network go to\n\n  {LINK}{}{LINK:#}\n\n{code}\n",
            plain(invitation.address()),
        );
        let picture = if qr && self.terminal { picture(invitation.link()) } else { None };
        if let Some(rows) = picture {
            text.push_str("\nOr scan this:\n");
            rows.iter().for_each(|row| text.push_str(&format!("  {QR}{row}{QR:#}\n")));
        }
        self.tell(&text);
        self.lines.store(text.lines().count(), Ordering::Relaxed);
    }

    fn connected(&self) {
        self.tell(CONNECTED);
    }

    fn warn(&self, wrong_codes: u16, strangers: u16) {
        self.tell(&format!(
            "{BOLD}!{BOLD:#} Somebody is trying: {wrong_codes} wrong codes, {strangers} responses that were not of this sign-in."
        ));
    }

    fn time_left(&self, seconds: u64) {
        if self.terminal {
            self.tell_in_place(&format!(
                "Waiting for you to sign in ({} left; Ctrl-C gives up)…",
                duration(seconds)
            ));
        }
    }

    fn user_code_over(&self) {
        let lines = self.lines.swap(0, Ordering::Relaxed);
        if self.terminal && lines > 0 {
            // Back to the first of these lines, and away with all of them.
            self.tell_in_place(&format!("\x1b[{lines}A\x1b[J"));
        }
    }

    fn signed_in(&self, issuer: &str, asked: &[&str], _way: Way, tokens: &Tokens) {
        let mut page = Page::default();
        let issuer = plain(issuer);
        match &tokens.identity {
            Some(identity) => {
                page.done(&format!(
                    "Signed in as {BOLD}{}{BOLD:#} (sub {}) at {issuer}",
                    plain(identity.name()),
                    plain(&identity.subject),
                ));
                page.claims(&identity.claims);
                page.heading("Checks that the token passed");
                page.checks(identity);
            }
            None => page.done(&format!(
                "Access granted at {issuer}. Who signed in is not known: the scope has no openid."
            )),
        }
        page.heading("Scope");
        page.scope(asked, tokens.scope.as_deref());
        let refresh =
            tokens.refresh_token.as_ref().map(|_| "given; it brings new tokens without a browser".to_owned());
        self.tokens(&mut page, tokens, refresh, tokens.identity.as_ref().map(lifetime));
        self.print(&page);
    }

    fn user_info(&self, claims: &Value) {
        let mut page = Page::default();
        page.done("The UserInfo endpoint answered, about the same user");
        page.claims(claims);
        self.print(&page);
    }

    fn refreshed(&self, tokens: &Tokens, rotated: bool) {
        let mut page = Page::default();
        page.done("The tokens were refreshed");
        let refresh = if rotated { "replaced; the old one must not be used again" } else { "stays the same" };
        let id_token = |identity| format!("replaced, about the same user; {}", lifetime(identity));
        self.tokens(&mut page, tokens, Some(refresh.to_owned()), tokens.identity.as_ref().map(id_token));
        self.print(&page);
    }

    fn signed_out(&self, revoked: bool, url: Option<&str>) {
        let mut page = Page::default();
        page.done(if revoked {
            "Signed out: the tokens are revoked and forgotten"
        } else {
            "Signed out here: the tokens are forgotten, but the server offers no way to revoke them"
        });
        if let Some(url) = url {
            page.soft("The browser stays signed in at the server until you open this address:");
            page.line(&plain(url));
        }
        self.print(&page);
    }

    fn error(&self, advice: &Advice) {
        self.tell(&failure(advice));
    }

    fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }
}

/// What went wrong, what the server says of it, and what to do.
fn failure(advice: &Advice) -> String {
    let block = |text: &str| lines(&plain(text), WIDTH).join("\n  ");
    let mut text = format!("\n{BAD}✗{BAD:#} {}", block(&advice.message));
    if let Some(description) = &advice.description {
        text.push_str(&format!("\n\n  {}", block(&format!("The server says: \"{description}\""))));
    }
    text.push_str(&format!("\n\n{BOLD}→{BOLD:#} {}", block(&advice.advice)));
    // A library's names for what is wrong with a certificate have been turned into words.
    if let Some(detail) = advice.detail.as_ref().filter(|_| advice.check.is_none()) {
        text.push_str(&format!("\n\n  {SOFT}{}{SOFT:#}", block(&format!("Details: {detail}"))));
    }
    text
}

/// Text for standard output, written at once.
#[derive(Default)]
struct Page(String);

impl Page {
    fn done(&mut self, text: &str) {
        self.0.push_str(&format!("\n{GOOD}✓{GOOD:#} {text}\n"));
    }

    fn heading(&mut self, text: &str) {
        self.0.push_str(&format!("\n{BOLD}{text}{BOLD:#}\n"));
    }

    fn line(&mut self, text: &str) {
        self.0.push_str(&format!("  {}\n", plain(text)));
    }

    fn soft(&mut self, text: &str) {
        self.0.push_str(&format!("  {SOFT}{text}{SOFT:#}\n"));
    }

    /// Names and words in two columns.
    fn rows<N: AsRef<str>>(&mut self, rows: impl IntoIterator<Item = (N, String)>) {
        let rows: Vec<_> =
            rows.into_iter().map(|(name, words)| (plain(name.as_ref()), plain(&words))).collect();
        let width =
            rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default().min(WIDEST_NAME);
        for (name, words) in rows {
            self.0.push_str(&format!("  {SOFT}{name:width$}{SOFT:#}  {words}\n"));
        }
    }

    /// What is said about the user, and then what is said about the saying.
    fn claims(&mut self, claims: &Value) {
        let Value::Object(claims) = claims else {
            self.heading("Claims");
            return self.line(&claims.to_string());
        };
        let (of_token, of_user): (Vec<_>, Vec<_>) =
            claims.iter().partition(|(name, _)| OF_TOKEN.contains(&name.as_str()));
        for (heading, claims) in [("Claims about the user", of_user), ("Claims about the token", of_token)] {
            if !claims.is_empty() {
                self.heading(heading);
                self.rows(claims.into_iter().map(|(name, value)| (name, claim(name, value))));
            }
        }
    }

    /// What can be used, in its order, and what cannot.
    fn ways(&mut self, ways: &[(Way, Option<Reason>)]) {
        let (usable, rejected): (Vec<_>, Vec<_>) = ways.iter().partition(|(_, reason)| reason.is_none());
        self.heading("Ways to sign in here, the best first");
        if usable.is_empty() {
            self.line("none");
        }
        self.rows(usable.iter().map(|(way, _)| (ways::name(*way), ways::words(*way).to_owned())));
        if rejected.is_empty() {
            return;
        }
        self.heading("Ways that cannot be used");
        self.rows(rejected.iter().filter_map(|(way, reason)| {
            let Rejection { message, advice, .. } = Rejection::of(*way, (*reason)?);
            Some((ways::name(*way), format!("{message} {advice}").trim_end().to_owned()))
        }));
    }

    fn checks(&mut self, identity: &Identity) {
        for check in passed(&identity.checked) {
            self.0.push_str(&format!("  {GOOD}✓{GOOD:#} {:10} {}\n", check.name, check.words));
        }
    }

    /// What was asked for and what was granted.
    fn scope(&mut self, asked: &[&str], granted: Option<&str>) {
        let granted: Option<Vec<&str>> = granted.map(|granted| granted.split_whitespace().collect());
        let words = match &granted {
            None => "all of it: the server says nothing else".to_owned(),
            Some(granted)
                if asked.iter().all(|token| granted.contains(token)) && granted.len() == asked.len() =>
            {
                "all of it".to_owned()
            }
            Some(granted) => granted.join(" "),
        };
        let granted = granted.unwrap_or_else(|| asked.to_vec());
        let missing: Vec<&str> = asked.iter().copied().filter(|token| !granted.contains(token)).collect();
        let missing = (!missing.is_empty()).then(|| missing.join(" "));
        let rows = [("asked", Some(asked.join(" "))), ("granted", Some(words)), ("not granted", missing)];
        self.rows(rows.into_iter().filter_map(|(name, words)| Some((name, words?))));
    }
}

/// A claim's value; a date beside the seconds where the claim is a moment.
fn claim(name: &str, value: &Value) -> String {
    let is_moment = matches!(name, "auth_time" | "exp" | "iat" | "nbf" | "updated_at");
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if is_moment => match number.as_u64().and_then(date) {
            Some(date) => format!("{number} ({date})"),
            None => number.to_string(),
        },
        other => other.to_string(),
    }
}

fn lifetime(identity: &Identity) -> String {
    let (issued, expires) = (identity.number("iat"), identity.number("exp"));
    match (issued.zip(expires), expires.and_then(date)) {
        (Some((issued, expires)), Some(date)) => {
            format!("valid for {}, until {date}", duration(expires.saturating_sub(issued)))
        }
        _ => "checked".to_owned(),
    }
}

/// Claims about the token and the login, not about the user.
const OF_TOKEN: [&str; 14] = [
    "acr",
    "amr",
    "at_hash",
    "aud",
    "auth_time",
    "azp",
    "c_hash",
    "exp",
    "iat",
    "iss",
    "jti",
    "nbf",
    "nonce",
    "sid",
];

const BOLD: Style = Style::new().bold();
const SOFT: Style = Style::new().dimmed();
const LINK: Style = Style::new().underline();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const QR: Style = AnsiColor::BrightWhite.on_default().bg_color(Some(Color::Ansi(AnsiColor::Black)));
const BAD: Style = AnsiColor::Red.on_default().bold();

/// Characters in a line of running text.
const WIDTH: usize = 78;
/// Characters in the first of two columns.
const WIDEST_NAME: usize = 24;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::advice::Class;

    /// Without our own colours.
    fn uncoloured(text: &str) -> String {
        let mut text = text.to_owned();
        for style in [BAD, GOOD, BOLD, LINK, SOFT] {
            text =
                text.replace(&style.render().to_string(), "").replace(&style.render_reset().to_string(), "");
        }
        text
    }

    const HOSTILE: &str = "\u{1b}]0;pwned\u{7}\u{1b}[2J\u{9b}31m\r\n\u{202e}";

    fn assert_harmless(text: &str) {
        let text = uncoloured(text);
        let is_control =
            |character: char| character != '\n' && (character.is_control() || character == '\u{202e}');
        assert!(text.contains("pwned") && !text.contains(is_control), "{text:?}");
    }

    #[test]
    fn a_stranger_s_claims_do_not_reach_the_terminal() {
        for claims in [
            json!({ "name": HOSTILE, HOSTILE: 1, "address": { HOSTILE: [HOSTILE] }, "exp": HOSTILE }),
            json!(HOSTILE),
        ] {
            let mut page = Page::default();
            page.claims(&claims);
            assert_harmless(&page.0);
        }
        let mut page = Page::default();
        page.scope(&["openid"], Some(HOSTILE));
        assert_harmless(&page.0);
    }

    #[test]
    fn a_server_s_words_do_not_reach_the_terminal() {
        let mut advice = Advice::new(Class::Other, HOSTILE, HOSTILE);
        advice.description = Some(HOSTILE.to_owned());
        advice.detail = Some(HOSTILE.to_owned());
        assert_harmless(&failure(&advice));
    }

    #[test]
    fn claims_about_the_user_come_first_and_moments_are_dates() {
        let mut page = Page::default();
        page.claims(&json!({ "aud": "a", "exp": 0, "iat": -1, "name": "Ada", "email_verified": false }));
        let text = uncoloured(&page.0);
        let expected = "\nClaims about the user\n  email_verified  false\n  name            Ada\n\n\
                        Claims about the token\n  aud  a\n  exp  0 (1970-01-01 00:00:00 UTC)\n  iat  -1\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn what_was_not_granted_is_named() {
        let scope = |granted| {
            let mut page = Page::default();
            page.scope(&["openid", "email"], granted);
            uncoloured(&page.0)
        };
        assert!(scope(Some("email openid")).ends_with("granted  all of it\n"));
        assert!(scope(None).contains("all of it"));
        assert!(scope(Some("openid")).ends_with("not granted  email\n"));
        assert!(scope(Some("openid email more")).contains("openid email more"));
    }
}
