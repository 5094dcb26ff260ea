//! Tokens that serve only who holds a key: Demonstrating Proof of Possession (RFC 9449).
//!
//! A client [with a key](crate::client::Client::dpop) proves with every token request that it holds it, answers the
//! server's demand for a nonce by itself, and gets tokens that are of no use to a thief. With every call of an API goes
//! a [`Proof`] of the application's own; [`Nonces`] keeps what each server wants to see in it.

mod nonces;

use core::fmt;

use crate::{
    encoding::{base64url, text, url, writer::Writer},
    error::{Check, Error, Name},
    exchange::Fresh,
    hash::Sha256,
    http::Response,
    jwk::THUMBPRINT_LENGTH,
    jws::{Algorithms, Signer},
    jwt::Unsigned,
    memory::challenge,
    metadata::Metadata,
    secret::Secret,
    time::Now,
};

pub use self::nonces::Nonces;

/// The longest nonce that is taken, in octets.
pub const MAX_NONCE: usize = 256;

/// The client's key for DPoP, and how it is used.
///
/// The key must last as long as the refresh token that is bound to it: without it the user has to sign in again
/// (RFC 9449 §5). Any [`Signer`] with a key pair will do; servers know ES256 best.
#[derive(Clone, Copy)]
pub struct Dpop<'c> {
    signer: &'c dyn Signer,
    pub(crate) proofs: &'static Proofs,
    pub(crate) required: bool,
    pub(crate) code_bound: bool,
}

/// The way to the code in this module. A client without DPoP does not link it.
pub(crate) struct Proofs {
    pub(crate) write: fn(&Dpop<'_>, &Claims<'_>, Fresh<'_>, &mut Writer<'_>) -> Result<Unsigned, Error>,
    pub(crate) sign: fn(&Dpop<'_>, Unsigned, &mut [u8]) -> Result<(), Error>,
    pub(crate) challenge: fn(&Response<'_>, &mut bool, &mut usize, &mut [u8]) -> Result<bool, Error>,
    pub(crate) thumbprint: fn(&Dpop<'_>, &mut [u8; THUMBPRINT_LENGTH]) -> Result<(), Error>,
}

/// What a proof is for.
pub(crate) struct Claims<'p> {
    pub(crate) method: &'p str,
    pub(crate) url: &'p str,
    pub(crate) access_token: Option<&'p str>,
    pub(crate) number: u32,
}

impl<'c> Dpop<'c> {
    /// Uses this key. A server that answers with a bearer token all the same is refused.
    pub const fn new(signer: &'c dyn Signer) -> Self {
        const PROOFS: Proofs = Proofs { write, sign, challenge, thumbprint };
        Self { signer, proofs: &PROOFS, required: true, code_bound: false }
    }

    /// Takes a bearer token from a server that does not do DPoP;
    /// [`TokenResponse::token_type`](crate::token::TokenResponse::token_type) tells.
    #[must_use]
    pub const fn prefer(mut self) -> Self {
        self.required = false;
        self
    }

    /// Binds the code to the key as well, by `dpop_jkt` in the authorization request (RFC 9449 §10).
    #[must_use]
    pub const fn bind_code(mut self) -> Self {
        self.code_bound = true;
        self
    }

    /// The thumbprint of the key (RFC 7638), to be kept with the tokens that are bound to it.
    ///
    /// # Errors
    /// [`Check::KeyInvalid`] if the signer's key is none.
    pub fn thumbprint<'o>(&self, out: &'o mut [u8; THUMBPRINT_LENGTH]) -> Result<&'o str, Error> {
        (self.proofs.thumbprint)(self, out)?;
        Ok(core::str::from_utf8(out).unwrap_or_default())
    }

    /// The algorithm is one that the server takes (RFC 9449 §5.1).
    pub(crate) fn check(&self, metadata: &Metadata<'_>) -> Result<(), Error> {
        let own = Algorithms::one(self.signer.algorithm());
        let offered = metadata.dpop_algorithms.unwrap_or(own);
        if offered.0 & own.0 == 0 {
            return Err(Check::AlgorithmUnsupported.into());
        }
        // Only a key pair has one.
        self.thumbprint(&mut [0; THUMBPRINT_LENGTH]).map(|_| ())
    }
}

/// A proof for a request of the application's own (RFC 9449 §7.1).
///
/// ```
/// # use keyfob_core::{dpop::{Dpop, Nonces, Proof}, error::Error, time::Now};
/// # fn call(dpop: &Dpop, nonces: &Nonces<2>, access_token: &str, now: Now, out: &mut [u8]) -> Result<(), Error> {
/// let url = "https://api.example/things?page=2";
/// let proof = Proof::new(dpop, "GET", url, access_token).nonce(nonces.get(url)).write(now, out)?;
/// // Authorization: DPoP <access_token>
/// // DPoP: <proof>
/// # let _ = proof;
/// # Ok(())
/// # }
/// ```
///
/// Each request needs its own. An answer may bring a nonce in its header `DPoP-Nonce`, which goes into
/// [`Nonces::put`]. One with status 401 whose `WWW-Authenticate` says `use_dpop_nonce`
/// ([`Challenges`](crate::http::Challenges)) asks for the same request once more, with a new proof.
#[derive(Clone, Copy)]
pub struct Proof<'p> {
    dpop: &'p Dpop<'p>,
    method: &'p str,
    url: &'p str,
    access_token: Secret<'p>,
    nonce: &'p str,
    number: u32,
}

impl<'p> Proof<'p> {
    /// A proof for a request with this method and URL, to which the access token goes along.
    pub const fn new(dpop: &'p Dpop<'p>, method: &'p str, url: &'p str, access_token: &'p str) -> Self {
        Self { dpop, method, url, access_token: Secret::new(access_token), nonce: "", number: 0 }
    }

    /// The nonce that the server has given last; empty for none.
    #[must_use]
    pub const fn nonce(mut self, nonce: &'p str) -> Self {
        self.nonce = nonce;
        self
    }

    /// Tells apart requests with the same method and URL in the same millisecond, which otherwise would have the same
    /// proof; servers take each once.
    #[must_use]
    pub const fn number(mut self, number: u32) -> Self {
        self.number = number;
        self
    }

    /// The value of the header `DPoP`. The same `now` gives the same proof, but for signatures that differ each time.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`] with the length that would do, before anything is signed; [`Error::Config`] for a
    /// URL or a method that is none; [`Check::ClockNotSet`] if the date is not known at all;
    /// [`Error::SignaturePending`]: again, with the same `now`.
    pub fn write<'o>(&self, now: Now, out: &'o mut [u8]) -> Result<&'o str, Error> {
        if url::parse(self.url).is_none() {
            return Err(Error::Config(Name::Url));
        }
        if self.method.is_empty() || !self.method.bytes().all(|octet| octet.is_ascii_alphabetic()) {
            return Err(Error::Config(Name::Request));
        }
        let secret = self.access_token.expose();
        let claims =
            Claims { method: self.method, url: self.url, access_token: Some(secret), number: self.number };
        let fresh = Fresh { now, secret: secret.as_bytes(), nonce: Some(self.nonce) };
        let mut writer = Writer::new(out);
        let proof = (self.dpop.proofs.write)(self.dpop, &claims, fresh, &mut writer)?;
        let (written, _) = writer.finish()?;
        (self.dpop.proofs.sign)(self.dpop, proof, written)?;
        Ok(proof.text(written))
    }
}

/// Whether a nonce has the characters of one (RFC 9449 §8.1).
pub(crate) fn is_nonce(nonce: &[u8]) -> bool {
    !nonce.is_empty() && nonce.iter().all(|octet| matches!(octet, 0x21 | 0x23..=0x5B | 0x5D..=0x7E))
}

/// RFC 9449 §4.2.
fn write(
    dpop: &Dpop<'_>,
    claims: &Claims<'_>,
    fresh: Fresh<'_>,
    writer: &mut Writer<'_>,
) -> Result<Unsigned, Error> {
    let issued = fresh.issued()?;
    let mut fault = Ok(());
    let header = |header: &mut crate::jwt::Object<'_, '_>| {
        header.text("typ", "dpop+jwt");
        header.name("jwk");
        fault = dpop.signer.public_key().jwk(&mut |piece| header.json(piece));
    };
    let token = Unsigned::of_signer(writer, dpop.signer, header, |object| {
        object.text("jti", fresh.unique(claims.method, claims.url, claims.number).as_str());
        object.name("htm");
        object.json(b"\"");
        claims.method.bytes().for_each(|octet| object.json(&[octet.to_ascii_uppercase()]));
        object.json(b"\"");
        object.text("htu", text::before(text::before(claims.url, b'#'), b'?'));
        object.number("iat", issued);
        if let Some(token) = claims.access_token {
            let mut digest = [0; base64url::LENGTH_OF_32];
            object.text("ath", base64url::encode_32(&Sha256::digest(token.as_bytes()), &mut digest));
        }
        if let Some(nonce) = fresh.nonce.filter(|nonce| is_nonce(nonce.as_bytes())) {
            object.text("nonce", nonce);
        }
    });
    fault.map(|()| token)
}

fn sign(dpop: &Dpop<'_>, token: Unsigned, written: &mut [u8]) -> Result<(), Error> {
    token.sign(dpop.signer, written)
}

fn thumbprint(dpop: &Dpop<'_>, out: &mut [u8; THUMBPRINT_LENGTH]) -> Result<(), Error> {
    dpop.signer.public_key().thumbprint(out).map(|_| ())
}

impl fmt::Debug for Dpop<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dpop")
    }
}

impl fmt::Debug for Proof<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proof(…)")
    }
}
