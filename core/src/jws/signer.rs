//! Who makes signatures: DPoP proofs, client assertions, request objects.

use super::{Algorithm, Key, MAX_SIGNATURE};

/// Makes signatures with a private key that nobody else sees: in memory, or in a secure element.
///
/// The core asks for one while it writes a request. A signer that takes its time answers [`SignError::Pending`],
/// which comes back from `poll` as [`Error::SignaturePending`](crate::error::Error::SignaturePending): ask again with
/// the same [`Now`](crate::time::Now), which asks for a signature over the same octets. A request may need two, an
/// assertion's and a proof's; both are asked for each time, so a signer that makes both keeps the last two.
pub trait Signer: Sync {
    /// The algorithm of its signatures.
    fn algorithm(&self) -> Algorithm;

    /// The public half of its key.
    fn public_key(&self) -> Key<'_>;

    /// The name under which the server knows the key (`kid`), if it has one.
    fn key_id(&self) -> Option<&str> {
        None
    }

    /// Signs `message`, writes the signature in the form of RFC 7518 §3 to the start of `signature`, and gives its
    /// length.
    ///
    /// ECDSA needs a nonce that never repeats: derive it (RFC 6979), or hedge it.
    ///
    /// # Errors
    /// [`SignError`]; then `signature` means nothing.
    fn sign(&self, message: &[u8], signature: &mut [u8; MAX_SIGNATURE]) -> Result<usize, SignError>;
}

/// Why there is no signature.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum SignError {
    /// The key cannot be used.
    Failed,
    /// The signature is in the making.
    Pending,
}
