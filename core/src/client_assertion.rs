//! Client authentication by a signed token (RFC 7523 §2.2, §3; OIDC Core §9).

use core::fmt;

use crate::{
    client::Client,
    encoding::writer::Writer,
    error::{Check, Error, Name},
    exchange::Fresh,
    jws::{Algorithms, MIN_SECRET, Signer},
    jwt::Unsigned,
    metadata::Metadata,
    secret::{Secret, authenticate},
};

/// Seconds that an assertion is good for.
const LIFETIME: u64 = 60;

/// The value of `client_assertion_type`.
pub(crate) const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How a client signs for itself: with each request goes a token of its own, good for 60 seconds and used once.
#[derive(Clone, Copy)]
pub struct ClientAssertion<'c> {
    key: Key<'c>,
    pub(crate) assertions: &'static Assertions,
    token_endpoint: bool,
}

#[derive(Clone, Copy)]
enum Key<'c> {
    Pair(&'c dyn Signer),
    Secret(Secret<'c>),
}

/// The way to the code in this module. A client that authenticates otherwise does not link it.
pub(crate) struct Assertions {
    pub(crate) write:
        fn(&ClientAssertion<'_>, &Client<'_>, &str, Fresh<'_>, &mut Writer<'_>) -> Result<Unsigned, Error>,
    pub(crate) sign: fn(&ClientAssertion<'_>, Unsigned, &mut [u8]) -> Result<(), Error>,
    check: fn(&ClientAssertion<'_>, &Metadata<'_>) -> Result<(), Error>,
}

impl<'c> ClientAssertion<'c> {
    /// `private_key_jwt`: signed with a key whose public half the server knows.
    pub const fn private_key(signer: &'c dyn Signer) -> Self {
        const ASSERTIONS: Assertions = Assertions { write, sign: sign_with_pair, check: check_pair };
        Self { key: Key::Pair(signer), assertions: &ASSERTIONS, token_endpoint: false }
    }

    /// `client_secret_jwt`: HS256 with a secret of at least 32 octets, which itself is never sent.
    pub const fn client_secret(secret: Secret<'c>) -> Self {
        const ASSERTIONS: Assertions = Assertions { write, sign: sign_with_secret, check: check_secret };
        Self { key: Key::Secret(secret), assertions: &ASSERTIONS, token_endpoint: false }
    }

    /// Names the token endpoint as the audience in place of the issuer, for servers that take nothing else. The issuer
    /// is safer: an endpoint that a bad server names could be another server's.
    #[must_use]
    pub const fn for_token_endpoint(mut self) -> Self {
        self.token_endpoint = true;
        self
    }

    pub(crate) const fn method(&self) -> &'static str {
        match self.key {
            Key::Pair(_) => "private_key_jwt",
            Key::Secret(_) => "client_secret_jwt",
        }
    }

    /// The secret that signs, if none but the server knows it too.
    pub(crate) const fn secret(&self) -> Option<Secret<'c>> {
        match self.key {
            Key::Pair(_) => None,
            Key::Secret(secret) => Some(secret),
        }
    }

    pub(crate) fn check(&self, metadata: &Metadata<'_>) -> Result<(), Error> {
        (self.assertions.check)(self, metadata)
    }

    fn algorithm(&self) -> &'static str {
        match self.key {
            Key::Pair(signer) => signer.algorithm().name(),
            Key::Secret(_) => HS256,
        }
    }
}

const HS256: &str = "HS256";

fn check_pair(assertion: &ClientAssertion<'_>, metadata: &Metadata<'_>) -> Result<(), Error> {
    let Key::Pair(signer) = assertion.key else { return Ok(()) };
    let own = Algorithms::one(signer.algorithm());
    offered(metadata.authentication_algorithms.is_none_or(|offered| offered.0 & own.0 != 0))?;
    // Only a key pair has a public half.
    signer.public_key().jwk(&mut |_| {})
}

fn check_secret(assertion: &ClientAssertion<'_>, _metadata: &Metadata<'_>) -> Result<(), Error> {
    match assertion.key {
        Key::Secret(secret) if secret.expose().len() < MIN_SECRET => Err(Error::Config(Name::ClientSecret)),
        _ => Ok(()),
    }
}

fn offered(offered: bool) -> Result<(), Error> {
    if offered { Ok(()) } else { Err(Check::AlgorithmUnsupported.into()) }
}

/// OIDC Core §9.
fn write(
    assertion: &ClientAssertion<'_>,
    client: &Client<'_>,
    url: &str,
    fresh: Fresh<'_>,
    writer: &mut Writer<'_>,
) -> Result<Unsigned, Error> {
    let issued = fresh.issued()?;
    let endpoint = client.metadata.token_endpoint.filter(|_| assertion.token_endpoint);
    let (kid, length) = match assertion.key {
        Key::Pair(signer) => (signer.key_id(), crate::jwt::signature_length(signer.public_key())),
        Key::Secret(_) => (None, 32),
    };
    let header = |header: &mut crate::jwt::Object<'_, '_>| {
        header.text("typ", "JWT");
        if let Some(kid) = kid {
            header.text("kid", kid);
        }
    };
    Ok(Unsigned::write(writer, assertion.algorithm(), length, header, |object| {
        object.text("iss", client.id);
        object.text("sub", client.id);
        object.text("aud", endpoint.unwrap_or(client.metadata.issuer));
        object.text("jti", fresh.unique("client_assertion", url, 0).as_str());
        object.number("iat", issued);
        object.number("exp", issued.saturating_add(LIFETIME));
    }))
}

fn sign_with_pair(assertion: &ClientAssertion<'_>, token: Unsigned, written: &mut [u8]) -> Result<(), Error> {
    match assertion.key {
        Key::Pair(signer) => token.sign(signer, written),
        Key::Secret(_) => Err(Error::SignatureFailed),
    }
}

fn sign_with_secret(
    assertion: &ClientAssertion<'_>,
    token: Unsigned,
    written: &mut [u8],
) -> Result<(), Error> {
    let Key::Secret(secret) = assertion.key else { return Err(Error::SignatureFailed) };
    token.seal(written, &mut |message, signature| {
        let code = authenticate(secret.expose().as_bytes(), &[message]);
        crate::encoding::text::put(signature, 0, code.as_ref());
        Ok(code.len())
    })
}

impl fmt::Debug for ClientAssertion<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientAssertion")
    }
}
