//! Events for scripts: one JSON object a line.

use std::{
    io::{self, Write},
    sync::atomic::{AtomicBool, Ordering},
};

use keyfob_core::{
    flow::UserCode,
    plan::{Reason, Way},
    portal::Invitation,
};
use serde_json::{Map, Value, json};

use crate::{
    advice::{Advice, way::Rejection},
    report::{CONNECTED, Report, Step, Trip, Visit, passed, text::is_harmful},
    tokens::Tokens,
    ways,
};

/// Writes events to standard output, each as soon as it happens.
pub struct Json {
    show_tokens: bool,
    broken: AtomicBool,
}

impl Json {
    pub fn new(show_tokens: bool) -> Self {
        Self { show_tokens, broken: AtomicBool::new(false) }
    }

    fn event(&self, kind: &str, members: &Value) {
        let mut out = io::stdout().lock();
        if writeln!(out, "{}", line(kind, members)).and_then(|()| out.flush()).is_err() {
            self.broken.store(true, Ordering::Relaxed);
        }
    }

    /// What every answer with tokens has to tell.
    fn tokens(&self, tokens: &Tokens) -> Map<String, Value> {
        let mut members = Map::new();
        let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
        put("expires_in", tokens.expires_in.into());
        put("token_type", tokens.token_type().into());
        if let Some(identity) = &tokens.identity {
            let checks = passed(&identity.checked).into_iter().map(|check| check.name.into());
            put("subject", identity.subject.as_str().into());
            put("claims", identity.claims.clone());
            put("algorithm", identity.checked.algorithm.name().into());
            put("checks", checks.collect::<Vec<Value>>().into());
        }
        if self.show_tokens {
            let texts = json!({
                "access_token": tokens.access_token.as_str(),
                "id_token": tokens.identity.as_ref().map(|identity| identity.id_token.as_str()),
                "refresh_token": tokens.refresh_token.as_ref().map(|token| token.as_str()),
            });
            put("tokens", texts);
        }
        members
    }
}

impl Report for Json {
    fn demo(&self, issuer: &str) {
        self.event("demo", &json!({ "issuer": issuer }));
    }

    fn progress(&self, step: Step) {
        self.event("progress", &json!({ "step": step.name(), "message": step.words() }));
    }

    fn ways(&self, ways: &[(Way, Option<Reason>)]) {
        let row = |(way, reason): &(Way, Option<Reason>)| {
            let mut row = reason.map_or_else(|| json!({}), |reason| rejection(*way, reason));
            row["way"] = ways::name(*way).into();
            row["usable"] = reason.is_none().into();
            row
        };
        self.event("ways", &json!({ "ways": ways.iter().map(row).collect::<Vec<_>>() }));
    }

    fn way(&self, way: Way) {
        self.event("way", &json!({ "way": ways::name(way) }));
    }

    fn fall_back(&self, from: Way, reason: Reason, to: Way) {
        let mut members = rejection(from, reason);
        members["from"] = ways::name(from).into();
        members["to"] = ways::name(to).into();
        self.event("fall_back", &members);
    }

    fn authorize(&self, visit: &Visit<'_>) {
        let members = json!({
            "url": visit.url,
            "redirect_uri": visit.redirect_uri,
            "expires_in": visit.seconds,
            "paste": visit.trip == Trip::Paste,
        });
        self.event("authorize", &members);
    }

    fn user_code(&self, code: &UserCode<'_>, _qr: bool) {
        let members = json!({
            "user_code": code.user_code(),
            "verification_uri": code.verification_uri(),
            "verification_uri_complete": code.verification_uri_complete(),
            "expires_in": code.seconds_left(),
        });
        self.event("user_code", &members);
    }

    fn invitation(&self, invitation: &Invitation<'_>, _qr: bool) {
        let members = json!({
            "address": invitation.address(),
            "code": invitation.code(),
            "link": invitation.link(),
            "expires_in": invitation.seconds_left(),
        });
        self.event("portal", &members);
    }

    fn connected(&self) {
        self.event("connected", &json!({ "message": CONNECTED }));
    }

    fn warn(&self, wrong_codes: u16, strangers: u16) {
        self.event("warning", &json!({ "wrong_codes": wrong_codes, "strangers": strangers }));
    }

    fn time_left(&self, _seconds: u64) {}

    fn user_code_over(&self) {}

    fn signed_in(&self, issuer: &str, asked: &[&str], way: Way, tokens: &Tokens) {
        let mut members = self.tokens(tokens);
        members.insert("way".to_owned(), ways::name(way).into());
        let asked = asked.join(" ");
        members.insert("issuer".to_owned(), issuer.into());
        // What the server does not state is what was asked for (RFC 6749 §5.1).
        members.insert("scope".to_owned(), tokens.scope.as_deref().unwrap_or(&asked).into());
        members.insert("refreshable".to_owned(), tokens.refresh_token.is_some().into());
        self.event("result", &members.into());
    }

    fn user_info(&self, claims: &Value) {
        self.event("userinfo", &json!({ "claims": claims }));
    }

    fn refreshed(&self, tokens: &Tokens, rotated: bool) {
        let mut members = self.tokens(tokens);
        members.insert("scope".to_owned(), tokens.scope.as_deref().into());
        members.insert("rotated".to_owned(), rotated.into());
        self.event("refresh", &members.into());
    }

    fn signed_out(&self, revoked: bool, url: Option<&str>) {
        self.event("logout", &json!({ "revoked": revoked, "url": url }));
    }

    fn error(&self, advice: &Advice) {
        let mut members = json!({
            "class": advice.class.name(),
            "exit_code": advice.class.exit_code(),
            "message": advice.message,
            "advice": advice.advice,
        });
        for (name, value) in [
            ("check", advice.check),
            ("code", advice.code.as_deref()),
            ("description", advice.description.as_deref()),
            ("detail", advice.detail.as_deref()),
        ] {
            if let Some(value) = value {
                members[name] = value.into();
            }
        }
        self.event("error", &members);
    }

    fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }
}

/// Why a way cannot be used.
fn rejection(way: Way, reason: Reason) -> Value {
    let Rejection { name, code, message, advice } = Rejection::of(way, reason);
    let mut members = json!({ "reason": name, "message": message, "advice": advice });
    if let Some(code) = code {
        members["code"] = code.into();
    }
    members
}

/// One line, its kind at the front. What a terminal would obey is escaped, for lines end up on terminals too.
fn line(kind: &str, members: &Value) -> String {
    let mut line = format!("{{\"event\":\"{kind}\",");
    for character in members.to_string().chars().skip(1) {
        if is_harmful(character) {
            // Such characters stand inside texts only, and there JSON allows this form of any.
            for unit in character.encode_utf16(&mut [0; 2]) {
                line.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            line.push(character);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_means_the_same_and_moves_no_cursor() {
        let mut members = json!({ "a\u{9b}": "x\u{1b}[2J\n\u{7f}\u{202e}\u{e0041} 愛 \" \\ \u{1F600}" });
        let line = line("progress", &members);
        assert!(line.starts_with("{\"event\":\"progress\",") && !line.chars().any(is_harmful), "{line}");
        members["event"] = "progress".into();
        assert_eq!(serde_json::from_str::<Value>(&line).expect("is JSON"), members);
    }
}
