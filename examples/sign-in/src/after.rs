//! What can be done once the user is signed in.

use keyfob_core::{
    client::Client,
    end_session::EndSession,
    exchange::{Revocation, UserInfo},
    flow::{Flow, Redirect, RefreshToken},
    secret::Buffer,
};
use keyfob_std::{
    SystemClock, fetch,
    http::HttpsClient,
    run,
    user_agent::{Progress, UserAgent, UserAgentError},
};

use crate::{
    arguments::Then,
    problem::{Problem, Stage},
    report::{Report, Step},
    tokens::{self, Tokens},
};

/// A user who is signed in, and what it takes to go on.
pub struct Session<'s> {
    pub client: &'s Client<'s>,
    pub http: &'s mut HttpsClient,
    pub clock: &'s mut SystemClock,
    pub buffer: &'s mut [u8],
    pub report: &'s dyn Report,
    pub tokens: Tokens,
    /// The issuer is the one in this process.
    pub demo: bool,
}

impl Session<'_> {
    /// Does what is asked for, in order.
    pub fn go_on(mut self, actions: &[Then]) -> Result<(), Problem> {
        for action in actions {
            match action {
                Then::Logout => return self.log_out(),
                Then::Refresh => self.refresh()?,
                Then::Userinfo => self.user_info()?,
            }
        }
        Ok(())
    }

    fn user_info(&mut self) -> Result<(), Problem> {
        self.report.progress(Step::UserInfo);
        let failed = |error| Problem::of(Stage::UserInfo, error, None);
        let subject =
            self.tokens.identity.as_ref().map(|identity| identity.subject.as_str()).unwrap_or_default();
        let exchange = UserInfo::new(self.client, &self.tokens.access_token, subject);
        let claims = fetch(&exchange, self.http, self.clock, self.buffer)
            .map_err(|failure| Problem::of(Stage::UserInfo, failure, None))?;
        let mut room = Buffer::<32768>::new();
        self.report.user_info(&tokens::parsed(claims.json(&mut room).map_err(failed)?));
        Ok(())
    }

    /// The refresh token first: with it the server drops the access tokens too (RFC 7009 §2.1). The tokens are
    /// wiped at the end, whatever the server says.
    fn log_out(self) -> Result<(), Problem> {
        self.report.progress(Step::SigningOut);
        let metadata = self.client.metadata();
        if metadata.revocation().is_some() {
            let revocation = match &self.tokens.refresh_token {
                Some(token) => Revocation::refresh_token(self.client, token),
                None => Revocation::access_token(self.client, &self.tokens.access_token),
            };
            fetch(&revocation, self.http, self.clock, self.buffer)
                .map_err(|failure| Problem::of(Stage::Logout, failure, None))?;
        }
        let mut room = Buffer::<8192>::new();
        // Without the ID token as a hint: what is printed here holds no token. The server asks the user instead.
        let end = EndSession::new(self.client);
        // The demo issuer ends with this program.
        let url = if self.demo || metadata.end_session().is_none() {
            None
        } else {
            Some(end.url(&mut room).map_err(|error| Problem::of(Stage::Logout, error, None))?)
        };
        self.report.signed_out(metadata.revocation().is_some(), url);
        Ok(())
    }

    /// From here on the new tokens count; what did not come anew stays as it was (RFC 6749 §6).
    fn refresh(&mut self) -> Result<(), Problem> {
        let failed = |error| Problem::of(Stage::Refresh, error, None);
        let old = self.tokens.refresh_token.clone().ok_or(Problem::NoRefreshToken)?;
        let previous = self.tokens.identity.as_ref().map(|identity| identity.previous());
        let mut flow = RefreshToken::<4096>::new(self.client, &old, previous).map_err(failed)?;
        let mut nobody = Nobody { report: self.report };
        let outcome = run(&mut flow, self.http, &mut nobody, self.clock, self.buffer, Tokens::copy);
        let fresh = outcome
            .map_err(|failure| Problem::of(Stage::Refresh, failure, flow.refusal()))?
            .map_err(failed)?;
        let rotated = fresh.refresh_token.as_ref().is_some_and(|new| *new != old);
        self.report.refreshed(&fresh, rotated);
        let Tokens { access_token, expires_in, refresh_token, scope, identity, .. } = fresh;
        self.tokens.access_token = access_token;
        self.tokens.expires_in = expires_in;
        self.tokens.refresh_token = refresh_token.or(Some(old));
        self.tokens.scope = scope.or(self.tokens.scope.take());
        self.tokens.identity = identity.or(self.tokens.identity.take());
        Ok(())
    }
}

/// The user agent of a flow that needs none.
struct Nobody<'r> {
    report: &'r dyn Report,
}

impl UserAgent for Nobody<'_> {
    fn open(&mut self, _url: &str) -> Result<(), UserAgentError> {
        Err(UserAgentError::NoBrowser)
    }

    fn redirect<'b>(&mut self, _buffer: &'b mut [u8]) -> Result<Option<Redirect<'b>>, UserAgentError> {
        Err(UserAgentError::NoBrowser)
    }

    fn progress(&mut self, progress: Progress) {
        self.report.progress(match progress {
            Progress::Exchanging => Step::Refreshing,
            other => Step::of(other, true),
        });
    }
}
