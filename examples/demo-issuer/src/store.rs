//! Everything that the issuer remembers, in bounded memory: where there is no room the oldest goes.

use std::collections::VecDeque;

use subtle::ConstantTimeEq;

use crate::client::Client;
use crate::device::Device;
use crate::http::Refusal;
use crate::keys;
use crate::push::Pushed;
use crate::record::{AccessToken, Code, Grant, Pending, RefreshToken, Scopes, Session};
use crate::shelf::Shelf;

/// All that the issuer remembers.
pub struct Store {
    /// Access tokens.
    pub access_tokens: Shelf<AccessToken>,
    /// Authorization codes.
    pub codes: Shelf<Code>,
    /// Device authorizations, under their device code.
    pub devices: Shelf<Device>,
    /// When wrong user codes were entered lately.
    pub misses: VecDeque<u64>,
    /// Pages that wait for their answer, under the one-time identifier of their form.
    pub pending: Shelf<Pending>,
    /// Requests that were pushed, under their request URI.
    pub pushed: Shelf<Pushed>,
    /// Refresh tokens.
    pub refresh_tokens: Shelf<RefreshToken>,
    /// Browsers, under their session cookie.
    pub sessions: Shelf<Session>,
    grants: VecDeque<(u64, Grant)>,
    granted: u64,
}

impl Store {
    /// Remembers nothing yet.
    pub fn new() -> Self {
        Self {
            access_tokens: Shelf::new(1024),
            codes: Shelf::new(256),
            devices: Shelf::new(64),
            misses: VecDeque::new(),
            pending: Shelf::new(128),
            pushed: Shelf::new(128),
            refresh_tokens: Shelf::new(1024),
            sessions: Shelf::new(128),
            grants: VecDeque::new(),
            granted: 0,
        }
    }

    /// Keeps what a user allowed; its number is what codes and tokens carry.
    pub fn allow(&mut self, grant: Grant) -> u64 {
        if self.grants.len() == MOST_GRANTS {
            self.grants.pop_front();
        }
        self.granted += 1;
        self.grants.push_back((self.granted, grant));
        self.granted
    }

    /// What a user allowed, unless it was revoked.
    pub fn grant(&self, number: u64) -> Option<&Grant> {
        self.grants.iter().find(|(other, _)| *other == number).map(|(_, grant)| grant)
    }

    /// Ends a grant and with it all its codes and tokens.
    pub fn revoke(&mut self, number: u64) {
        self.grants.retain(|(other, _)| *other != number);
    }

    /// Takes a code to exchange it (RFC 6749 §4.1.3); only the client and the verifier it is for may have it.
    ///
    /// A code that comes a second time revokes its grant. A failed attempt leaves the code to its owner.
    pub fn redeem(&mut self, redemption: &Redemption<'_>, now: u64) -> Result<u64, Refusal> {
        let code = self.codes.find(redemption.code).ok_or(Refusal::invalid_grant("there is no such code"))?;
        if code.value.client != redemption.client {
            return Err(Refusal::invalid_grant("the code was issued to another client"));
        }
        //= https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2
        //# If an authorization code is used more than
        //# once, the authorization server MUST deny the request and SHOULD
        //# revoke (when possible) all tokens previously issued based on
        //# that authorization code.
        if code.value.used {
            let grant = code.value.grant;
            self.revoke(grant);
            return Err(Refusal::invalid_grant("the code was used before; its tokens are revoked"));
        }
        if code.until <= now {
            return Err(Refusal::invalid_grant("the code is too old"));
        }
        if code.value.redirect_uri != redemption.redirect_uri {
            return Err(Refusal::invalid_grant("redirect_uri is not that of the authorization request"));
        }
        let challenge = keys::s256(redemption.verifier);
        if !bool::from(code.value.challenge.as_bytes().ct_eq(challenge.as_bytes())) {
            return Err(Refusal::invalid_grant("code_verifier does not match the challenge"));
        }
        code.value.used = true;
        Ok(code.value.grant)
    }

    /// Takes a refresh token out of use to replace it, for all the scopes of its grant or some of them.
    ///
    /// A token that comes a second time revokes its grant (RFC 9700 §4.14.2).
    pub fn rotate(
        &mut self,
        token: &str,
        client: &Client,
        scopes: Option<&str>,
        now: u64,
    ) -> Result<(u64, Scopes), Refusal> {
        let token =
            self.refresh_tokens.find(token).ok_or(Refusal::invalid_grant("there is no such token"))?;
        let (number, used) = (token.value.grant, token.value.used);
        let grant = self.grants.iter().find(|(other, _)| *other == number).map(|(_, grant)| grant);
        let Some(grant) = grant.filter(|grant| grant.client == client) else {
            return Err(Refusal::invalid_grant("the token was revoked or issued to another client"));
        };
        if used {
            self.revoke(number);
            return Err(Refusal::invalid_grant("the token was used before; its grant is revoked"));
        }
        if token.until <= now {
            return Err(Refusal::invalid_grant("the token is too old"));
        }
        //= https://www.rfc-editor.org/rfc/rfc6749#section-6
        //# The requested scope MUST NOT include any scope
        //# not originally granted by the resource owner
        let scopes = match scopes {
            None => Some(grant.scopes.clone()),
            Some(text) => grant.scopes.narrowed(text),
        };
        let scopes =
            scopes.ok_or(Refusal::new("invalid_scope", "scope asks for what the user did not allow"))?;
        token.value.used = true;
        Ok((number, scopes))
    }
}

/// What a token request says about a code.
pub struct Redemption<'r> {
    /// Who asks.
    pub client: &'static Client,
    /// The value of `code`.
    pub code: &'r str,
    /// The value of `redirect_uri`.
    pub redirect_uri: &'r str,
    /// The value of `code_verifier`.
    pub verifier: &'r str,
}

const MOST_GRANTS: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::User;

    const REDIRECT_URI: &str = "http://127.0.0.1:1/";
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    fn client() -> &'static Client {
        Client::find("demo").unwrap()
    }

    fn granted(store: &mut Store) -> u64 {
        let user = User { email: String::new(), name: String::new(), sub: String::new() };
        let scopes = Scopes::parse("openid");
        store.allow(Grant { auth_time: 0, client: client(), nonce: None, organization: None, scopes, user })
    }

    fn with_code() -> (Store, u64, String) {
        let mut store = Store::new();
        let grant = granted(&mut store);
        let redirect_uri = REDIRECT_URI.to_owned();
        let code =
            Code { client: client(), challenge: keys::s256(VERIFIER), grant, redirect_uri, used: false };
        let code = store.codes.put(code, 60);
        (store, grant, code)
    }

    fn redemption(code: &str) -> Redemption<'_> {
        Redemption { client: client(), code, redirect_uri: REDIRECT_URI, verifier: VERIFIER }
    }

    #[test]
    fn a_code_lives_sixty_seconds() {
        let (mut store, grant, code) = with_code();
        assert!(store.redeem(&redemption(&code), 60).is_err());
        assert_eq!(store.redeem(&redemption(&code), 59), Ok(grant));
    }

    #[test]
    fn a_code_is_for_its_client_redirect_uri_and_verifier() {
        let (mut store, grant, code) = with_code();
        let other = Client::find("demo-confidential").unwrap();
        assert!(store.redeem(&Redemption { client: other, ..redemption(&code) }, 1).is_err());
        assert!(
            store
                .redeem(&Redemption { redirect_uri: "http://127.0.0.1:2/", ..redemption(&code) }, 1)
                .is_err()
        );
        assert!(store.redeem(&Redemption { verifier: "x", ..redemption(&code) }, 1).is_err());
        assert!(store.redeem(&redemption("x"), 1).is_err());
        assert_eq!(store.redeem(&redemption(&code), 1), Ok(grant));
    }

    #[test]
    fn a_second_use_of_a_code_revokes_even_after_its_time() {
        let (mut store, grant, code) = with_code();
        store.redeem(&redemption(&code), 1).unwrap();
        assert!(store.grant(grant).is_some());
        assert!(store.redeem(&redemption(&code), 600).is_err());
        assert!(store.grant(grant).is_none());
    }

    #[test]
    fn a_second_use_of_a_refresh_token_revokes() {
        let mut store = Store::new();
        let grant = granted(&mut store);
        let token = store.refresh_tokens.put(RefreshToken { grant, used: false }, 10);
        let mut rotate =
            |client, scopes, now| store.rotate(&token, client, scopes, now).map(|(number, _)| number);
        assert!(rotate(client(), None, 10).is_err());
        assert!(rotate(Client::find("demo-confidential").unwrap(), None, 9).is_err());
        assert!(rotate(client(), Some("openid other"), 9).is_err());
        assert_eq!(rotate(client(), Some("openid"), 9), Ok(grant));
        assert!(rotate(client(), None, 9).is_err());
        assert!(store.grant(grant).is_none());
    }

    #[test]
    fn the_oldest_grant_goes() {
        let mut store = Store::new();
        let first = granted(&mut store);
        for _ in 1..MOST_GRANTS {
            granted(&mut store);
        }
        assert!(store.grant(first).is_some());
        granted(&mut store);
        assert!(store.grant(first).is_none());
        assert_eq!(store.grants.len(), MOST_GRANTS);
    }
}
