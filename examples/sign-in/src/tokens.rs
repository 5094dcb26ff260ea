//! What a sign-in brought, copied out of the buffer that the next request needs.

use keyfob_core::{
    error::Error,
    id_token::{Checked, IdToken, Previous},
    secret::Buffer,
    time::UnixTime,
    token::{TokenResponse, TokenType},
};
use serde_json::Value;
use zeroize::Zeroizing;

/// The tokens, wiped when they are dropped.
pub struct Tokens {
    pub access_token: Zeroizing<String>,
    /// Seconds from now.
    pub expires_in: Option<u32>,
    pub refresh_token: Option<Zeroizing<String>>,
    /// As the server stated it.
    pub scope: Option<String>,
    pub identity: Option<Identity>,
    token_type: TokenType,
}

/// What a checked ID token said.
pub struct Identity {
    pub id_token: Zeroizing<String>,
    pub subject: String,
    pub claims: Value,
    pub checked: Checked,
    auth_time: Option<UnixTime>,
    nonce: Option<String>,
}

impl Tokens {
    pub fn copy(tokens: TokenResponse<'_>) -> Result<Self, Error> {
        Ok(Self {
            access_token: secret(tokens.access_token()),
            expires_in: tokens.expires_in(),
            refresh_token: tokens.refresh_token().map(secret),
            scope: tokens.scope().map(str::to_owned),
            identity: tokens.id_token().as_ref().map(Identity::copy).transpose()?,
            token_type: tokens.token_type(),
        })
    }

    /// How the access token is shown to an API, as standards spell it.
    pub fn token_type(&self) -> &'static str {
        match self.token_type {
            TokenType::Dpop => "DPoP",
            _ => "Bearer",
        }
    }
}

impl Identity {
    fn copy(id_token: &IdToken<'_>) -> Result<Self, Error> {
        let claims = id_token.claims();
        let mut buffer = Buffer::<4096>::new();
        Ok(Self {
            id_token: secret(id_token.as_str()),
            subject: id_token.subject(&mut buffer)?.to_owned(),
            claims: parsed(claims.json(&mut buffer)?),
            checked: id_token.checked(),
            auth_time: claims.number("auth_time").map(UnixTime::from_seconds),
            nonce: claims.text("nonce", &mut buffer)?.map(str::to_owned),
        })
    }

    /// What an ID token that comes with a refresh must repeat.
    pub fn previous(&self) -> Previous<'_> {
        Previous {
            subject: &self.subject,
            audiences: self.checked.audiences,
            auth_time: self.auth_time,
            nonce: self.nonce.as_deref(),
        }
    }

    /// A number among the claims.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.claims.get(name)?.as_u64()
    }

    /// What to call the user: a name that the server vouches for, or the subject.
    pub fn name(&self) -> &str {
        let text =
            |name| self.claims.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
        let names = ["name", "preferred_username", "nickname", "email"];
        names.into_iter().find_map(text).unwrap_or(&self.subject)
    }
}

/// Claims as values. What is valid JSON and still too much for the parser, such as 1e999, stays a text.
pub fn parsed(claims: &str) -> Value {
    serde_json::from_str(claims).unwrap_or_else(|_| Value::String(claims.to_owned()))
}

fn secret(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.to_owned())
}
