//! Asking for claims about the user (OIDC Core §5.3).

use core::fmt;

use crate::{
    claims::Claims,
    client::Client,
    dpop::Claims as ProofClaims,
    encoding::{
        form::{Pairs, Place},
        json::Source,
        writer::Writer,
    },
    error::{Check, Error, Name},
    exchange::{Exchange, Fresh},
    http::{Demand, Method, Refusals, Request, Response},
    metadata::Metadata,
    secret::Secret,
    sieve::{Keep, Wanted},
    time::Now,
    token::TokenType,
};

/// Fetches the claims about a user who has signed in.
///
/// The answer must be about the same user as the ID token; otherwise nothing of it is used (OIDC Core §5.3.2).
/// The claims are text of the user's own: show them, and decide nothing by them but by `sub`.
#[derive(Clone, Copy)]
pub struct UserInfo<'u> {
    client: &'u Client<'u>,
    access_token: Secret<'u>,
    subject: &'u str,
    in_body: bool,
    token_type: TokenType,
    dpop_nonce: &'u str,
}

impl<'u> UserInfo<'u> {
    /// Asks `client`'s server with `access_token` about `subject`, the `sub` of the ID token.
    ///
    /// The token is one of the type that the client asks for: a client with [DPoP](Client::dpop) proves that it has
    /// the key.
    pub const fn new(client: &'u Client<'u>, access_token: &'u str, subject: &'u str) -> Self {
        let token_type = if client.dpop.is_some() { TokenType::Dpop } else { TokenType::Bearer };
        let access_token = Secret::new(access_token);
        Self { client, access_token, subject, in_body: false, token_type, dpop_nonce: "" }
    }

    /// Sends the access token as a form instead, for what stands between and takes the `Authorization` header away
    /// (RFC 6750 §2.2). A token that is bound to a key cannot be sent so (RFC 9449 §7.1).
    #[must_use]
    pub const fn in_body(mut self) -> Self {
        self.in_body = true;
        self
    }

    /// The type of the token, for a client that [prefers](crate::dpop::Dpop::prefer) DPoP and may have got another.
    #[must_use]
    pub const fn token_type(mut self, token_type: TokenType) -> Self {
        self.token_type = token_type;
        self
    }

    /// The nonce that this server has given last ([`Nonces`](crate::dpop::Nonces)); empty for none.
    #[must_use]
    pub const fn dpop_nonce(mut self, nonce: &'u str) -> Self {
        self.dpop_nonce = nonce;
        self
    }
}

impl Exchange for UserInfo<'_> {
    type Output<'b> = Claims<'b>;

    fn request<'b>(&'b self, now: Now, out: &'b mut [u8]) -> Result<Request<'b>, Error> {
        self.request_again(now, Demand { nonce: self.dpop_nonce }, out)
    }

    fn request_again<'b>(
        &'b self,
        now: Now,
        demand: Demand<'b>,
        out: &'b mut [u8],
    ) -> Result<Request<'b>, Error> {
        let url = Metadata::need(self.client.metadata.userinfo_endpoint, Name::UserinfoEndpoint)?;
        self.client.metadata.check()?;
        if !is_token68(self.access_token.expose()) {
            return Err(Check::BadMember(Name::AccessToken).into());
        }
        let token = self.access_token.expose();
        let keep = Keep(Wanted::Document(Refusals::read));
        let mut writer = Writer::new(out);
        if self.in_body && self.token_type == TokenType::Bearer {
            Pairs::new(&mut writer, Place::Body, false).pair("access_token", token);
            let (body, _) = writer.finish()?;
            let body = core::str::from_utf8(body).unwrap_or_default();
            return Ok(Request { method: Method::Post, url, authorization: None, dpop: None, body, keep });
        }
        writer.text(self.token_type.as_str().as_bytes());
        writer.octet(b' ');
        writer.text(token.as_bytes());
        let length = writer.length();
        let dpop = match self.token_type {
            TokenType::Bearer => None,
            TokenType::Dpop => Some(self.client.dpop.ok_or(Error::Misuse)?),
        };
        let proof = match dpop {
            Some(dpop) => {
                let claims =
                    ProofClaims { method: Method::Get.as_str(), url, access_token: Some(token), number: 0 };
                let fresh = Fresh { now, secret: token.as_bytes(), nonce: Some(demand.nonce) };
                Some((dpop, (dpop.proofs.write)(&dpop, &claims, fresh, &mut writer)?))
            }
            None => None,
        };
        let (written, _) = writer.finish()?;
        if let Some((dpop, proof)) = proof {
            (dpop.proofs.sign)(&dpop, proof, written)?;
        }
        let (authorization, proof) = written.split_at_checked(length).unwrap_or_default();
        Ok(Request {
            method: Method::Get,
            url,
            authorization: core::str::from_utf8(authorization).ok(),
            dpop: core::str::from_utf8(proof).ok().filter(|proof| !proof.is_empty()),
            body: "",
            keep,
        })
    }

    /// A refusal in `WWW-Authenticate` is [`Error::Refused`]: `invalid_token` asks for a fresh token,
    /// `insufficient_scope` for another sign-in (RFC 6750 §3.1).
    fn response<'b>(&self, response: Response<'b>) -> Result<Claims<'b>, Error> {
        response.check_challenges(self.token_type)?;
        let claims = Claims::new(Source::Plain(response.document()?)).tolerating(self.client.quirks);
        claims.check_subject(self.subject)?;
        Ok(claims)
    }
}

/// What may stand behind `Bearer` (RFC 6750 §2.1).
fn is_token68(token: &str) -> bool {
    let body = token.trim_end_matches('=');
    !body.is_empty()
        && body.bytes().all(|octet| {
            octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_' | b'~' | b'+' | b'/')
        })
}

impl fmt::Debug for UserInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserInfo")
    }
}
