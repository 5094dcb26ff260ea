//! How the browser ends its own session at the server (OpenID Connect RP-Initiated Logout 1.0).

use std::sync::{Mutex, MutexGuard, PoisonError};

use keyfob_core::{
    client::Client,
    end_session::{EndSession, LogoutState},
    secret::{Buffer, Seed},
};
use keyfob_std::entropy::SystemEntropy;
use zeroize::Zeroizing;

/// The one sign-out under way.
pub struct Farewell {
    /// Where the server sends the browser afterwards, if that is registered there.
    back: Option<String>,
    state: Mutex<Option<LogoutState>>,
}

impl Farewell {
    pub fn new(back: Option<String>) -> Self {
        Self { back, state: Mutex::new(None) }
    }

    /// Where to send the browser. `None`: the server has no such page, or would keep the browser, which nobody fetches
    /// back unless it is `ours`.
    pub fn url(&self, client: &Client<'_>, id_token: &str, ours: bool) -> Option<Zeroizing<String>> {
        client.metadata().end_session()?;
        if self.back.is_none() && !ours {
            return None;
        }
        let state = LogoutState::new(&Seed::draw(&mut SystemEntropy).ok()?);
        let mut request = EndSession::new(client).id_token_hint(id_token);
        if let Some(back) = &self.back {
            request = request.post_logout_redirect_uri(back, state.as_str());
        }
        let mut room = Buffer::<16_384>::new();
        let url = Zeroizing::new(request.url(&mut room).ok()?.to_owned());
        *self.state() = Some(state);
        Some(url)
    }

    /// Whether a browser that came back with this query was sent by [`url`](Self::url). Once.
    pub fn is_back(&self, query: &str) -> bool {
        let mut state = self.state();
        let is_back = state.as_ref().is_some_and(|state| state.check(&format!("/?{query}")).is_ok());
        if is_back {
            *state = None;
        }
        is_back
    }

    fn state(&self) -> MutexGuard<'_, Option<LogoutState>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
