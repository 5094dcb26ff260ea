//! ID tokens (OIDC Core §2, §3.1.3.7): no claim is readable before signature and every rule have passed.
//!
//! The order of checks is fixed: format, header, `crit`, `alg`, `typ`, key, signature, JSON, `iss`, `aud`,
//! `azp`, `sub`, `exp`, `nbf`, `iat`, `nonce`, hashes, `auth_time`, `acr`, `org_id`. The first fault is told.

mod facts;
mod half_hash;
mod header;
mod subject;

use core::fmt;

use crate::{
    claims::Claims,
    client::Client,
    encoding::{base64url, json::Source, text},
    error::{Check, Error, Name},
    jwk::{self, KeySet},
    jws::{Algorithm, Key, KeyType, MAX_SIGNATURE, Verifier},
    sieve::{Keep, KeyRecord},
    time::{Now, Today, UnixTime},
};

pub(crate) use self::facts::MAX_TEXT;

use self::{
    facts::Facts,
    half_hash::HalfHash,
    header::{Header, Kid},
    subject::Subject,
};

/// The longest ID token, in octets.
pub(crate) const MAX_ID_TOKEN: usize = 8192;
const MAX_HEADER: usize = 512;
const MAX_PAYLOAD: usize = 4096;

/// What may stand in `typ`.
const KINDS: &[&str] = &["JWT"];
/// The same for a logout token (Back-Channel Logout 1.0 §2.4).
const LOGOUT_KINDS: &[&str] = &["JWT", "logout+jwt"];

/// What an ID token must fit to.
#[derive(Clone, Copy)]
pub(crate) struct Expected<'e> {
    pub(crate) client: &'e Client<'e>,
    pub(crate) grant: Grant<'e>,
}

/// What brought the token.
#[derive(Clone, Copy)]
pub(crate) enum Grant<'e> {
    /// A code, and the nonce that was sent for it.
    Code { code: &'e str, nonce: &'e str },
    /// A device code, for which no nonce is sent.
    Device,
    /// A refresh token, and what the ID token of the sign-in said.
    Refresh(Option<&'e Previous<'e>>),
}

/// What later ID tokens of the same session must repeat (OIDC Core §12.2). Keep it with the refresh token.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Previous<'p> {
    /// `sub`.
    pub subject: &'p str,
    /// The audiences, from [`IdToken::audiences`].
    pub audiences: Audiences,
    /// `auth_time`, if there was one.
    pub auth_time: Option<UnixTime>,
    /// `nonce`, if it is known still.
    pub nonce: Option<&'p str>,
}

/// A set of audiences: this client and those it trusts.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Audiences(pub(crate) u32);

impl Audiences {
    /// This client alone.
    pub const CLIENT: Self = Self(1);

    /// The set as bits, to store: the client first, then the trusted audiences in their order.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// The set of such bits.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }
}

/// The way to the code in this module. A client without it does not link it.
pub(crate) struct IdTokens {
    pub(crate) verify: Verify,
    pub(crate) keep_keys: fn(&str, &Client<'_>) -> Result<Keep, Error>,
}

type Verify =
    for<'b> fn(&'b str, &str, Option<KeySet<'_>>, Today, &Expected<'_>) -> Result<IdToken<'b>, Error>;

impl IdTokens {
    pub(crate) const CHECK: Self = Self { verify, keep_keys };
}

/// An ID token that passed every check. There is no other.
#[derive(Clone, Copy)]
pub struct IdToken<'b> {
    token: &'b str,
    claims: Claims<'b>,
    checked: Checked,
}

/// What was checked, beyond what always is: signature, `iss`, `aud`, `azp`, `sub`, `exp`, `iat`, `nbf`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Checked {
    /// The algorithm of the signature.
    pub algorithm: Algorithm,
    /// The access token belongs to it (`at_hash`).
    pub access_token: bool,
    /// The code belongs to it (`c_hash`).
    pub code: bool,
    /// It answers this very request.
    pub nonce: bool,
    /// When the user logged in was as asked for with `max_age`.
    pub auth_time: bool,
    /// The way of authentication is one that was demanded.
    pub acr: bool,
    /// The organization is the one that was asked for.
    pub organization: bool,
    /// The audiences.
    pub audiences: Audiences,
    /// What the checks of time rest on.
    pub time: Times,
}

/// What the checks of time rest on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Times {
    /// It has not expired (`exp`).
    pub expires: Proof,
    /// It is valid by now (`nbf`).
    pub not_before: Proof,
    /// It was not issued in the future, nor too long ago (`iat`).
    pub issued: Proof,
    /// The user did not log in longer ago than `max_age` (`auth_time`).
    pub auth_time: Proof,
}

/// What a check rests on. One that failed is never here: then there is no token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Proof {
    /// The server's own clock, as the `Date` of the answer that brought the token: the device has none that is set.
    /// It cannot be earlier; that it is not much later is taken on trust.
    Assumed,
    /// There was nothing to check.
    NotAsked,
    /// A clock that is set, or a date that it surely is by now.
    Proven,
}

impl<'b> IdToken<'b> {
    /// What the server says about the user.
    pub const fn claims(&self) -> Claims<'b> {
        self.claims
    }

    /// Which checks it passed.
    pub const fn checked(&self) -> Checked {
        self.checked
    }

    /// The audiences, for [`Previous`].
    pub const fn audiences(&self) -> Audiences {
        self.checked.audiences
    }

    /// `sub`, unescaped into `out`: with the issuer the only name of a user that never changes.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`] with the length that would do; 1,020 octets always do.
    pub fn subject<'o>(&self, out: &'o mut [u8]) -> Result<&'o str, Error> {
        self.claims.text("sub", out)?.ok_or(Error::Check(Check::ClaimMissing(Name::Sub)))
    }

    /// The token itself, for `id_token_hint`.
    pub const fn as_str(&self) -> &'b str {
        self.token
    }
}

impl fmt::Debug for Previous<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Previous(…)")
    }
}

impl fmt::Debug for IdToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdToken({:?})", self.checked)
    }
}

/// Checks an ID token whole.
///
/// # Errors
/// [`Error::KeysNeeded`] if no key at hand verifies it and none was fetched for it yet.
fn verify<'b>(
    token: &'b str,
    access_token: &str,
    fetched: Option<KeySet<'_>>,
    today: Today,
    expected: &Expected<'_>,
) -> Result<IdToken<'b>, Error> {
    let opened = open(token, fetched, expected.client, KINDS)?;
    let checked = judge(&opened, access_token, today, expected)?;
    Ok(IdToken { token, claims: Claims::new(opened.payload).tolerating(expected.client.quirks), checked })
}

/// Checks what the claims say.
#[inline(never)]
fn judge(
    opened: &Opened<'_, '_>,
    access_token: &str,
    today: Today,
    expected: &Expected<'_>,
) -> Result<Checked, Error> {
    let mut facts = Facts::new();
    facts.collect(opened.payload, expected)?;
    facts.judge(access_token, opened.verifier, today, expected)
}

/// Checks what a logout token has in common with an ID token, and gives its payload (Back-Channel Logout 1.0 §2.6).
pub(crate) fn verify_logout<'b>(
    token: &'b str,
    fetched: Option<KeySet<'_>>,
    now: Now,
    client: &Client<'_>,
) -> Result<Source<'b>, Error> {
    let opened = open(token, fetched, client, LOGOUT_KINDS)?;
    let expected = Expected { client, grant: Grant::Refresh(None) };
    let mut facts = Facts::new();
    facts.collect(opened.payload, &expected)?;
    facts.judge_logout(now.today(None), client)?;
    Ok(opened.payload)
}

/// A token whose signature is right.
struct Opened<'c, 'b> {
    payload: Source<'b>,
    verifier: &'c dyn Verifier,
}

/// Checks everything up to the signature.
///
/// # Errors
/// [`Error::KeysNeeded`] if no key at hand verifies it and none was fetched for it yet.
#[inline(never)]
fn open<'c, 'b>(
    token: &'b str,
    fetched: Option<KeySet<'_>>,
    client: &'c Client<'_>,
    kinds: &[&str],
) -> Result<Opened<'c, 'b>, Error> {
    let parts = Parts::split(token)?;
    let mut kid = Kid::new();
    let header = Header::read(parts.header, client, kinds, &mut kid)?;
    let verifier = client.verifiers.iter().find(|verifier| verifier.algorithm() == header.algorithm);
    let verifier = *verifier.ok_or(Check::AlgorithmNotAllowed)?;
    check_signature(verifier, header, &parts, fetched, client)?;
    Ok(Opened { payload: Source::Base64url(parts.payload), verifier })
}

/// The signature lies on the stack here, and nowhere else.
#[inline(never)]
fn check_signature(
    verifier: &dyn Verifier,
    header: Header<'_>,
    parts: &Parts<'_>,
    fetched: Option<KeySet<'_>>,
    client: &Client<'_>,
) -> Result<(), Error> {
    let mut signature = [0; MAX_SIGNATURE];
    let signed = Signed {
        verifier,
        header,
        message: parts.signed.as_bytes(),
        signature: base64url::decode(parts.signature.as_bytes(), &mut signature)
            .ok_or(Check::BadSignature)?,
        trials: client.max_key_trials,
    };
    match fetched {
        _ if header.algorithm.key_type() == KeyType::Secret => signed.check_mac(client)?,
        Some(keys) => signed.check(keys)?,
        None if client.keys.is_empty() => return Err(Error::KeysNeeded),
        // A key may have been replaced, even under its old name: ask once.
        None => signed.check(client.keys).or(Err(Error::KeysNeeded))?,
    }
    Ok(())
}

/// What to keep of a key set for this token.
fn keep_keys(token: &str, client: &Client<'_>) -> Result<Keep, Error> {
    keep_keys_of(token, client, KINDS)
}

/// The same for a logout token.
pub(crate) fn keep_keys_for_logout(token: &str, client: &Client<'_>) -> Result<Keep, Error> {
    keep_keys_of(token, client, LOGOUT_KINDS)
}

fn keep_keys_of(token: &str, client: &Client<'_>, kinds: &[&str]) -> Result<Keep, Error> {
    let mut kid = Kid::new();
    let header = Header::read(Parts::split(token)?.header, client, kinds, &mut kid)?;
    Ok(jwk::keep_for(header.algorithm, header.kid))
}

/// The compact form, taken apart (RFC 7515 §7.1).
struct Parts<'b> {
    header: &'b str,
    payload: &'b str,
    signature: &'b str,
    /// Header, dot and payload as received (RFC 7515 §5.2).
    signed: &'b str,
}

impl<'b> Parts<'b> {
    fn split(token: &'b str) -> Result<Self, Error> {
        if token.len() > MAX_ID_TOKEN {
            return Err(Error::InputTooLarge(Name::IdToken));
        }
        let mut dots = 0u8;
        for octet in token.bytes() {
            match octet {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => {}
                b'.' => dots = dots.saturating_add(1),
                _ => return Err(Check::JwtFormat.into()),
            }
        }
        match dots {
            2 => {}
            4 => return Err(Check::Encrypted.into()),
            _ => return Err(Check::JwtFormat.into()),
        }
        let (signed, signature) = text::rsplit_once(token, b'.').unwrap_or_default();
        let (header, payload) = text::split_once(signed, b'.').unwrap_or_default();
        let canonical =
            [header, payload, signature].iter().all(|part| base64url::is_canonical(part.as_bytes()));
        if header.is_empty() || payload.is_empty() || !canonical {
            return Err(Check::JwtFormat.into());
        }
        if base64url::decoded_length(header) > MAX_HEADER || base64url::decoded_length(payload) > MAX_PAYLOAD
        {
            return Err(Error::InputTooLarge(Name::IdToken));
        }
        Ok(Self { header, payload, signature, signed })
    }
}

/// A signature to check.
struct Signed<'s> {
    verifier: &'s dyn Verifier,
    header: Header<'s>,
    message: &'s [u8],
    signature: &'s [u8],
    trials: u8,
}

impl Signed<'_> {
    /// Tries the keys that fit, a few at the most (OIDC Core §10.1).
    fn check(&self, keys: KeySet<'_>) -> Result<(), Check> {
        let kid = self.header.kid;
        let named = keys.named(kid);
        if named.clone().next().is_none() {
            return Err(Check::UnknownKey);
        }
        let fitting = named.filter(|record| self.fits(*record));
        let candidates = text::count(fitting.clone());
        if candidates > usize::from(self.trials) {
            return Err(Check::AmbiguousKey);
        }
        let mut outcome = if kid.is_some() { Check::KeyMismatch } else { Check::UnknownKey };
        for record in fitting {
            match record.key().and_then(|(_, key)| self.verify(key)) {
                Ok(()) => return Ok(()),
                Err(check) => outcome = if candidates == 1 { check } else { Check::BadSignature },
            }
        }
        Err(outcome)
    }

    /// A MAC is checked under the client's own secret, and never under a key that came from elsewhere, however it is
    /// named (OIDC Core §10.1, RFC 8725 §2.1).
    fn check_mac(&self, client: &Client<'_>) -> Result<(), Check> {
        let secret = client.authentication.secret().ok_or(Check::KeyMismatch)?;
        self.verify(Key::Secret(secret.as_bytes()))
    }

    fn fits(&self, record: KeyRecord<'_>) -> bool {
        let algorithm = self.header.algorithm;
        record.allows(algorithm)
            && match record.key() {
                Ok((key_type, _)) => key_type == algorithm.key_type(),
                Err(check) => check == Check::KeyInvalid,
            }
    }

    fn verify(&self, key: Key<'_>) -> Result<(), Check> {
        self.verifier.verify(key, self.message, self.signature)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use serde_json::Value;

    use super::*;

    // REQ: JOSE-01
    #[test]
    fn what_is_no_compact_token() {
        let table = include_str!("../../tests/spec/cases-idtoken.json");
        let table: Value = serde_json::from_str(table).expect("a table is JSON");
        for id in ["idt-146", "idt-150"] {
            let case = table["cases"].as_array().into_iter().flatten().find(|case| case["id"] == id);
            let token = case.and_then(|case| case["token"].as_str()).expect("there is such a case");
            assert_eq!(Parts::split(token).err(), Some(Check::JwtFormat.into()), "{id}");
        }
    }
}
