//! Signatures by ES256 with a key in memory (RFC 7518 §3.4, RFC 6979).

use p256::{
    ecdsa::{Signature, SigningKey, signature::hazmat::PrehashSigner},
    elliptic_curve::point::AffineCoordinates,
};

use super::{Algorithm, Key, MAX_SIGNATURE, SignError, Signer};
use crate::{
    entropy::Entropy,
    error::{Check, Error},
    hash::Sha256,
    secret::Seed,
};

/// Signs with ES256 and a key in memory, which is wiped on drop and cannot be read, printed or copied.
///
/// The nonce of a signature is derived from key and message (RFC 6979 §3.2), so that a broken generator cannot give
/// the key away: the same message gets the same signature. Making a signer costs as much as a signature, so keep it.
pub struct Es256Signer<'s> {
    key: SigningKey,
    x: [u8; 32],
    y: [u8; 32],
    key_id: Option<&'s str>,
}

impl<'s> Es256Signer<'s> {
    /// Takes a private key: a number from 1 to the order of the group less one, big-endian (`d` of RFC 7518 §6.2.2).
    ///
    /// A key that shall outlive a restart is drawn once and kept where the device keeps its secrets.
    ///
    /// # Errors
    /// [`Check::KeyInvalid`] if the number is not in that range.
    pub fn new(secret: &[u8; 32]) -> Result<Self, Error> {
        let key = SigningKey::from_slice(secret).or(Err(Check::KeyInvalid))?;
        let point = key.verifying_key().as_affine();
        let (x, y) = (point.x().into(), point.y().into());
        Ok(Self { key, x, y, key_id: None })
    }

    /// Makes a new key, which ends with this value.
    ///
    /// # Errors
    /// [`Error::Entropy`] as for [`Seed::draw`].
    pub fn draw(source: &mut impl Entropy) -> Result<Self, Error> {
        // One in 2^32 is above the order; a source that gives three such in a row is broken.
        for _ in 0..3 {
            let signer = Self::new(Seed::draw(source)?.octets());
            if signer.is_ok() {
                return signer;
            }
        }
        Err(Error::Entropy)
    }

    /// The name under which the server knows the key.
    #[must_use]
    pub fn named(mut self, key_id: &'s str) -> Self {
        self.key_id = Some(key_id);
        self
    }
}

impl Signer for Es256Signer<'_> {
    fn algorithm(&self) -> Algorithm {
        Algorithm::Es256
    }

    fn public_key(&self) -> Key<'_> {
        Key::P256 { x: &self.x, y: &self.y }
    }

    fn key_id(&self) -> Option<&str> {
        self.key_id
    }

    fn sign(&self, message: &[u8], signature: &mut [u8; MAX_SIGNATURE]) -> Result<usize, SignError> {
        let made: Signature = self.key.sign_prehash(&Sha256::digest(message)).or(Err(SignError::Failed))?;
        super::put(&made.to_bytes(), signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jws::{Es256, Verifier};

    fn octets<const N: usize>(hex: &str) -> [u8; N] {
        let mut octets = [0; N];
        for (place, octet) in octets.iter_mut().enumerate() {
            *octet = u8::from_str_radix(&hex[2 * place..2 * place + 2], 16).unwrap();
        }
        octets
    }

    // RFC 6979 Appendix A.2.5.
    const SECRET: &str = "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721";
    const X: &str = "60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6";
    const Y: &str = "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299";
    const SIGNATURES: [(&[u8], &str, &str); 2] = [
        (
            b"sample",
            "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716",
            "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8",
        ),
        (
            b"test",
            "F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367",
            "019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083",
        ),
    ];

    // REQ: RNG-07, DPOP-18
    #[test]
    fn rfc6979_a2_5() {
        let signer = Es256Signer::new(&octets(SECRET)).unwrap();
        let Key::P256 { x, y } = signer.public_key() else { panic!("another type") };
        assert_eq!((x, y), (&octets::<32>(X)[..], &octets::<32>(Y)[..]));
        for (message, r, s) in SIGNATURES {
            let mut out = [0; MAX_SIGNATURE];
            assert_eq!(signer.sign(message, &mut out), Ok(64));
            assert_eq!((&out[..32], &out[32..64]), (&octets::<32>(r)[..], &octets::<32>(s)[..]));
            assert_eq!(Es256.verify(signer.public_key(), message, &out[..64]), Ok(()));
        }
    }

    // REQ: RNG-07
    #[test]
    fn what_is_no_private_key() {
        // The order of the group, which is one more than the largest.
        let order = "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551";
        let largest = "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632550";
        for bad in [[0; 32], octets(order), [0xFF; 32]] {
            assert_eq!(Es256Signer::new(&bad).err(), Some(Check::KeyInvalid.into()));
        }
        assert!(Es256Signer::new(&octets(largest)).is_ok());
    }

    struct Given<I>(I);

    impl<I: Iterator<Item = Result<u8, Error>>> Entropy for Given<I> {
        fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
            for octet in out {
                *octet = self.0.next().unwrap_or(Err(Error::Entropy))?;
            }
            Ok(())
        }
    }

    // REQ: DPOP-16
    #[test]
    fn a_new_key_needs_a_source_that_works() {
        let counting = || (0..).map(|number: u32| Ok(number as u8));
        // Twice the same 32 octets.
        assert_eq!(
            Es256Signer::draw(&mut Given(counting().map(|octet| octet.map(|octet| octet % 32)))).err(),
            Some(Error::Entropy)
        );
        assert_eq!(Es256Signer::draw(&mut Given(core::iter::repeat(Ok(7)))).err(), Some(Error::Entropy));
        assert_eq!(Es256Signer::draw(&mut Given(counting().take(63))).err(), Some(Error::Entropy));
        let signer = Es256Signer::draw(&mut Given(counting())).unwrap().named("k");
        assert_eq!(signer.key_id(), Some("k"));
        let mut out = [0; MAX_SIGNATURE];
        assert_eq!(signer.sign(b"m", &mut out), Ok(64));
        assert_eq!(Es256.verify(signer.public_key(), b"m", &out[..64]), Ok(()));
        // The first number is too large, the second will do.
        let mut high = [0xFF; 64];
        high[0] = 0xFE;
        high[31] = 0xFE;
        high[32..36].fill(0xFF);
        high[63] = 0xFE;
        let mut source = Given(high.into_iter().map(Ok).chain(counting()));
        assert!(Es256Signer::draw(&mut source).is_ok());
        assert_eq!(
            Es256Signer::draw(&mut Given(high.into_iter().cycle().map(Ok))).err(),
            Some(Error::Entropy)
        );
    }
}
