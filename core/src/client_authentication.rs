//! How a client proves to the server that it is itself (RFC 6749 §2.3, OIDC Core §9).

mod apple;

use base64ct::{Base64, Encoding};

use crate::{
    client::Client,
    client_assertion,
    encoding::{
        form::{self, Pairs},
        writer::Writer,
    },
    error::{Check, Error, Name},
    exchange::Fresh,
    jws::Signer,
    jwt::Unsigned,
    metadata::Metadata,
    secret::Secret,
    sieve::bit,
};

pub use self::apple::AppleClientSecret;
pub use crate::client_assertion::ClientAssertion;

/// How the client authenticates: the same way at every endpoint, and never another way after a failure.
///
/// A secret in firmware is readable to who owns the device: a device is a public client unless each one has a
/// secret of its own (RFC 8252 §8.5).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum ClientAuthentication<'c> {
    /// `private_key_jwt` or `client_secret_jwt`: a signed token in each request (RFC 7523 §2.2).
    Assertion(ClientAssertion<'c>),
    /// `client_secret_basic`: id and secret form-encoded in an `Authorization` header (RFC 6749 §2.3.1).
    ClientSecretBasic(Secret<'c>),
    /// The same without form-encoding, for servers that do not decode.
    ClientSecretBasicRaw(Secret<'c>),
    /// `client_secret_post`: id and secret in the body.
    ClientSecretPost(Secret<'c>),
    /// `none`: a public client.
    None,
}

impl<'c> ClientAuthentication<'c> {
    /// [`ClientAssertion::private_key`].
    pub const fn private_key_jwt(signer: &'c dyn Signer) -> Self {
        Self::Assertion(ClientAssertion::private_key(signer))
    }

    /// [`ClientAssertion::client_secret`].
    pub const fn client_secret_jwt(secret: Secret<'c>) -> Self {
        Self::Assertion(ClientAssertion::client_secret(secret))
    }

    pub(crate) fn check(&self, metadata: &Metadata<'_>) -> Result<(), Error> {
        if self.secret().is_some_and(|secret| !is_visible(secret)) {
            return Err(Error::Config(Name::ClientSecret));
        }
        let words = Name::TokenEndpointAuthMethodsSupported.words().unwrap_or_default();
        let place = words.iter().position(|&word| word == self.name());
        let offered = match (metadata.authentication_methods, place) {
            // Whether the server has to list `none` is for the client to say: `Quirks::PUBLIC_CLIENT_NOT_ANNOUNCED`.
            _ if matches!(self, Self::None) => true,
            (Some(offered), Some(place)) => offered & bit(place) != 0,
            // Metadata that was written down by hand says only what it says.
            (None, _) => true,
            (Some(_), None) => false,
        };
        match self {
            _ if !offered => Err(Check::AuthenticationMethodUnsupported.into()),
            Self::Assertion(assertion) => assertion.check(metadata),
            _ => Ok(()),
        }
    }

    /// The secret that client and server share, if they do.
    pub(crate) const fn secret(&self) -> Option<&'c str> {
        match self {
            Self::ClientSecretBasic(secret)
            | Self::ClientSecretBasicRaw(secret)
            | Self::ClientSecretPost(secret) => Some(secret.expose()),
            Self::Assertion(assertion) => match assertion.secret() {
                Some(secret) => Some(secret.expose()),
                None => None,
            },
            Self::None => None,
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Assertion(assertion) => assertion.method(),
            Self::ClientSecretBasic(_) | Self::ClientSecretBasicRaw(_) => "client_secret_basic",
            Self::ClientSecretPost(_) => "client_secret_post",
            Self::None => "none",
        }
    }

    /// Whether anybody could pass for this client.
    pub(crate) const fn is_public(&self) -> bool {
        matches!(self, Self::None)
    }

    /// Whether `client_id` is in the body already.
    pub(crate) const fn names_client(&self) -> bool {
        match self {
            Self::ClientSecretBasic(_) | Self::ClientSecretBasicRaw(_) => false,
            Self::Assertion(_) | Self::ClientSecretPost(_) | Self::None => true,
        }
    }

    /// Writes what goes into the body of a request to `url`; gives what is still to be signed of it.
    pub(crate) fn write_body(
        &self,
        client: &Client<'_>,
        url: &str,
        fresh: Fresh<'_>,
        pairs: &mut Pairs<'_, '_>,
    ) -> Result<Option<(ClientAssertion<'c>, Unsigned)>, Error> {
        match self {
            Self::Assertion(assertion) => {
                pairs.pair("client_id", client.id);
                pairs.pair("client_assertion_type", client_assertion::TYPE);
                pairs.name("client_assertion");
                let write = assertion.assertions.write;
                return Ok(Some((*assertion, write(assertion, client, url, fresh, pairs.writer())?)));
            }
            Self::ClientSecretBasic(_) | Self::ClientSecretBasicRaw(_) => {}
            Self::ClientSecretPost(secret) => {
                pairs.pair("client_id", client.id);
                pairs.pair("client_secret", secret.expose());
            }
            Self::None => pairs.pair("client_id", client.id),
        }
        Ok(None)
    }

    /// Writes what goes into the `Authorization` header, if anything.
    pub(crate) fn write_header(&self, client_id: &str, writer: &mut Writer<'_>) {
        let (secret, raw) = match self {
            Self::ClientSecretBasic(secret) => (secret, false),
            Self::ClientSecretBasicRaw(secret) => (secret, true),
            Self::Assertion(_) | Self::ClientSecretPost(_) | Self::None => return,
        };
        writer.text(b"Basic ");
        let mut base64 = Base64Writer { writer, group: [0; 3], used: 0 };
        for (place, text) in [client_id, secret.expose()].into_iter().enumerate() {
            if place > 0 {
                base64.octet(b':');
            }
            if raw {
                text.bytes().for_each(|octet| base64.octet(octet));
            } else {
                form::encode_credential(text, &mut |octet| base64.octet(octet));
            }
        }
        base64.flush();
    }
}

/// VSCHAR, and something (RFC 6749 Appendix A.1, A.2).
pub(crate) fn is_visible(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|octet| matches!(octet, 0x20..=0x7E))
}

/// Standard base64 with padding, octet by octet (RFC 7617 §2).
struct Base64Writer<'w, 'b> {
    writer: &'w mut Writer<'b>,
    group: [u8; 3],
    used: usize,
}

impl Base64Writer<'_, '_> {
    fn octet(&mut self, octet: u8) {
        if let Some(place) = self.group.get_mut(self.used) {
            *place = octet;
        }
        self.used = self.used.saturating_add(1);
        if self.used == self.group.len() {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let group = self.group.get(..self.used).unwrap_or_default();
        if let Ok(text) = Base64::encode(group, &mut [0; 4]) {
            self.writer.text(text.as_bytes());
        }
        self.used = 0;
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use serde_json::Value;

    use super::*;

    // REQ: AUTHC-02, ENC-12
    #[test]
    fn known_answers() {
        let vectors: Value =
            serde_json::from_str(include_str!("../../tests/spec/vectors.json")).expect("vectors are JSON");
        for row in vectors["client_secret_basic"]["cases"].as_array().expect("there are such rows") {
            let text = |name: &str| row[name].as_str().expect("a text");
            let mut out = [0; 256];
            let mut writer = Writer::new(&mut out);
            let basic = ClientAuthentication::ClientSecretBasic(Secret::new(text("client_secret")));
            basic.write_header(text("client_id"), &mut writer);
            let (written, _) = writer.finish().expect("it fits");
            assert_eq!(core::str::from_utf8(written), Ok(text("header")));
        }
    }
}
