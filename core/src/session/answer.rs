//! What a session makes of the server's answers.

use crate::{
    error::{Error, ErrorCode, Name, Remedy},
    http::Response,
    id_token::{Audiences, Previous},
    secret::equal,
    session::{
        Session, SignInReason, Step,
        fields::{Field, Fields},
        record::Facts,
    },
    sieve::Value,
    time::{Date, Now, UnixTime},
    token::TokenResponse,
};

/// Seconds until a server is asked again whose tokens are too long.
const LONG: u32 = 3600;

impl<const N: usize> Session<'_, N> {
    pub(super) fn response(&mut self, now: Now, response: Response<'_>) -> Result<(), Error> {
        let previous = previous(&self.fields, &self.facts);
        let outcome = self.refresh.response(now, response, previous.as_ref());
        if outcome.is_err_and(|error| error == Error::KeysNeeded) {
            return Err(Error::KeysNeeded);
        }
        let last_word = self.refresh.start_again();
        match outcome {
            // The server wants to see a nonce: the same request goes out again (RFC 9449 §8).
            Ok(None) => {}
            Ok(Some(tokens)) => self.take(now, &tokens),
            Err(error) => {
                self.fail(now, &response, error, last_word);
                if let Error::BufferTooSmall { .. } = error {
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn fail(&mut self, now: Now, response: &Response<'_>, error: Error, last_word: bool) {
        match error {
            Error::Refused(code) if ends(code) => self.end(self.reason(now, code)),
            Error::Check(check) if last_word && text(response, Name::IdToken).is_some() => {
                self.end(SignInReason::SecurityAlert(check));
                // It serves to be revoked; one that is too long is left to expire.
                let new = text(response, Name::RefreshToken).unwrap_or_default();
                let _ = self.fields.set(Field::RefreshToken, new);
                self.step = Step::Alarm(check);
            }
            // A refusal, a busy server or another place than the server's: the token was not taken.
            _ if !last_word && !matches!(response.status(), 200 | 500 | 502 | 504) => {
                self.pace.fail(now.uptime, response.retry_after());
            }
            Error::Refused(_) => self.pace.fail(now.uptime, response.retry_after()),
            _ => {
                self.unsure = true;
                self.pace.fail(now.uptime, response.retry_after());
            }
        }
        self.trouble = Some(error);
    }

    /// Why the server does not take the token.
    fn reason(&self, now: Now, code: ErrorCode) -> SignInReason {
        let idle = date(now).saturating_sub(self.used);
        let limit = u64::from(self.schedule.idle_expiry);
        match code {
            ErrorCode::InvalidGrant if self.unsure => SignInReason::AnswerLost,
            ErrorCode::InvalidGrant if limit > 0 && self.used > 0 && idle >= limit => SignInReason::Inactive,
            code => SignInReason::Refused(code),
        }
    }

    /// Takes what a refresh has brought.
    fn take(&mut self, now: Now, tokens: &TokenResponse<'_>) {
        self.pace.reset();
        self.trouble = None;
        self.unsure = false;
        self.used = date(now);
        self.slots.unannounced = false;
        self.schedule.renewed(now.uptime, tokens.expires_in());
        let mut outcome = self.fields.set(Field::AccessToken, "");
        let before = self.fields.get(Field::RefreshToken).as_bytes();
        let new = tokens.refresh_token().filter(|new| !equal(new.as_bytes(), before));
        self.rotates = new.is_some();
        if let Some(new) = new {
            self.slots.dirty = true;
            self.facts.date = self.used;
            if self.fields.set(Field::RefreshToken, new).is_err() {
                // The hint is worth less than the session.
                outcome = outcome.and(self.fields.set(Field::Hint, ""));
                if let Err(error) = self.fields.set(Field::RefreshToken, new) {
                    self.end(SignInReason::TooLarge);
                    self.trouble = Some(error);
                    return;
                }
            }
        }
        if let Some(scope) = tokens.scope().filter(|scope| *scope != self.fields.get(Field::Scope)) {
            // With less asked for, less comes, and the grant is what it was.
            if !self.refresh.is_narrow() {
                outcome = outcome.and(self.fields.set(Field::Scope, scope));
                self.slots.dirty = true;
            }
        }
        self.token_type = tokens.token_type();
        self.access_tokens = self.access_tokens.wrapping_add(1);
        outcome = outcome.and(self.fields.set(Field::AccessToken, tokens.access_token()));
        if let Err(error) = outcome {
            self.trouble = Some(error);
            self.pace.fail(now.uptime, Some(LONG));
        }
    }

    /// Keeps what a sign-in has brought.
    pub(super) fn keep(&mut self, tokens: &TokenResponse<'_>) -> Result<(), Error> {
        self.facts = Facts::NONE;
        if let Some(id_token) = tokens.id_token() {
            self.facts.audiences = id_token.audiences().bits();
            self.facts.auth_time = id_token.claims().number("auth_time");
            self.fields.fill(Field::Subject, |room| id_token.subject(room).map(str::len))?;
            self.fields.fill(Field::Nonce, |room| {
                Ok(id_token.claims().text("nonce", room)?.unwrap_or_default().len())
            })?;
        }
        self.fields.set(Field::RefreshToken, tokens.refresh_token().unwrap_or_default())?;
        self.fields.set(Field::Scope, tokens.scope().unwrap_or_default())?;
        self.token_type = tokens.token_type();
        self.access_tokens = self.access_tokens.wrapping_add(1);
        self.fields.set(Field::AccessToken, tokens.access_token())?;
        if let Some(id_token) = tokens.id_token().filter(|_| self.keeps_id_token) {
            // If there is room.
            let _ = self.fields.set(Field::Hint, id_token.as_str());
        }
        Ok(())
    }
}

/// What a new ID token must repeat.
fn previous<'p, const N: usize>(fields: &'p Fields<N>, facts: &Facts) -> Option<Previous<'p>> {
    let nonce = fields.get(Field::Nonce);
    (!fields.is_empty(Field::Subject)).then(|| Previous {
        subject: fields.get(Field::Subject),
        audiences: Audiences::from_bits(facts.audiences),
        auth_time: facts.auth_time.map(UnixTime::from_seconds),
        nonce: (!nonce.is_empty()).then_some(nonce),
    })
}

/// Whether the refresh token will never be taken again: it is invalid (RFC 6749 §5.2), or the user has to do something.
fn ends(code: ErrorCode) -> bool {
    code == ErrorCode::InvalidGrant || code.remedy() == Remedy::UserDenied
}

/// A text of a success.
fn text<'b>(response: &Response<'b>, name: Name) -> Option<&'b str> {
    match response.kept().ok()?.get(name) {
        Some(Value::Text(text)) if !text.is_empty() => Some(text),
        _ => None,
    }
}

/// Unix seconds; 0 if nobody knows.
pub(super) fn date(now: Now) -> u64 {
    match now.date {
        Date::Known(date) => date.seconds(),
        _ => 0,
    }
}
