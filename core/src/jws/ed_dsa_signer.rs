//! Signatures by EdDSA on Ed25519 with a key in memory (RFC 8037 §3.1, RFC 8032 §5.1.6).

use ed25519_compact::{KeyPair, Seed as SecretOctets};

use super::{Algorithm, Key, MAX_SIGNATURE, SignError, Signer};
use crate::{
    entropy::Entropy,
    error::{Check, Error},
    secret::Seed,
};

/// Signs with EdDSA on Ed25519 and a key in memory, which is wiped on drop and cannot be read, printed or copied.
///
/// Nothing in a signature is random: the same message gets the same signature (RFC 8032 §5.1.6).
pub struct EdDsaSigner<'s> {
    pair: KeyPair,
    algorithm: Algorithm,
    key_id: Option<&'s str>,
}

impl<'s> EdDsaSigner<'s> {
    /// Takes a private key: any 32 octets but zeros (`d` of RFC 8037 §2).
    ///
    /// A key that shall outlive a restart is drawn once and kept where the device keeps its secrets.
    ///
    /// # Errors
    /// [`Check::KeyInvalid`] if all octets are zero.
    pub fn new(secret: &[u8; 32]) -> Result<Self, Error> {
        let pair = KeyPair::try_from_seed(SecretOctets::new(*secret)).or(Err(Check::KeyInvalid))?;
        Ok(Self { pair, algorithm: Algorithm::EdDsa, key_id: None })
    }

    /// Makes a new key, which ends with this value.
    ///
    /// # Errors
    /// [`Error::Entropy`] as for [`Seed::draw`].
    pub fn draw(source: &mut impl Entropy) -> Result<Self, Error> {
        Self::new(Seed::draw(source)?.octets())
    }

    /// Calls the algorithm `Ed25519`, for servers that take only the name of RFC 9864 §2.2.
    #[must_use]
    pub fn fully_specified(mut self) -> Self {
        self.algorithm = Algorithm::Ed25519;
        self
    }

    /// The name under which the server knows the key.
    #[must_use]
    pub fn named(mut self, key_id: &'s str) -> Self {
        self.key_id = Some(key_id);
        self
    }
}

impl Signer for EdDsaSigner<'_> {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    fn public_key(&self) -> Key<'_> {
        Key::Ed25519 { x: &*self.pair.pk }
    }

    fn key_id(&self) -> Option<&str> {
        self.key_id
    }

    fn sign(&self, message: &[u8], signature: &mut [u8; MAX_SIGNATURE]) -> Result<usize, SignError> {
        super::put(&*self.pair.sk.sign(message, None), signature)
    }
}

#[cfg(test)]
mod tests {
    use base64ct::{Base64UrlUnpadded, Encoding};

    use super::*;

    fn decode<const N: usize>(text: &str) -> [u8; N] {
        let mut octets = [0; N];
        assert_eq!(Base64UrlUnpadded::decode(text, &mut octets).map(<[u8]>::len), Ok(N));
        octets
    }

    // REQ: RNG-07
    #[test]
    fn rfc8037_a4() {
        let signer = EdDsaSigner::new(&decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")).unwrap();
        let Key::Ed25519 { x } = signer.public_key() else { panic!("another type") };
        assert_eq!(x, decode::<32>("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"));
        let mut out = [0; MAX_SIGNATURE];
        let length = signer.sign(b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc", &mut out);
        assert_eq!(length, Ok(64));
        let expected: [u8; 64] =
            decode("hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg");
        assert_eq!(out[..64], expected);
        assert_eq!(signer.algorithm(), Algorithm::EdDsa);
        let signer = signer.fully_specified().named("k");
        assert_eq!((signer.algorithm(), signer.key_id()), (Algorithm::Ed25519, Some("k")));
        assert_eq!(EdDsaSigner::new(&[0; 32]).err(), Some(Check::KeyInvalid.into()));
    }
}
