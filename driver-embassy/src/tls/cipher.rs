//! TLS_AES_128_GCM_SHA256, with a look into each record before embedded-tls sees it.
//!
//! embedded-tls 0.19 panics at an empty plaintext, and at every message of a handshake but NewSessionTicket once the
//! handshake is over. Here such records count as forged.

use aes_gcm::{
    AeadCore, AeadInPlace, Aes128Gcm, Error, Key, KeyInit, KeySizeUser, Nonce, Tag,
    aead::consts::{U0, U12, U16, U54},
};
use embedded_tls::{Sha256, TlsCipherSuite};

/// The one suite that every server of TLS 1.3 must have (RFC 8446 §9.1).
pub(super) struct Suite;

impl TlsCipherSuite for Suite {
    const CODE_POINT: u16 = 0x1301;
    type Cipher = Inspected;
    type KeyLen = U16;
    type IvLen = U12;
    type Hash = Sha256;
    type LabelBufferSize = U54;
}

/// AES-128-GCM that opens only what may stand in a record at this time.
pub(super) struct Inspected(Aes128Gcm);

/// The second octet of the version that the filter tells by whether the handshake is over. It is authenticated as
/// [`VERSION`], which is what was sent.
pub(super) const HANDSHAKE_IS_OVER: u8 = 0x83;

/// The version in the header of each encrypted record (RFC 8446 §5.2).
pub(super) const VERSION: [u8; 2] = [3, 3];

impl KeySizeUser for Inspected {
    type KeySize = U16;
}

impl KeyInit for Inspected {
    fn new(key: &Key<Aes128Gcm>) -> Self {
        Self(Aes128Gcm::new(key))
    }
}

impl AeadCore for Inspected {
    type NonceSize = U12;
    type TagSize = U16;
    type CiphertextOverhead = U0;
}

impl AeadInPlace for Inspected {
    fn encrypt_in_place_detached(
        &self,
        counter: &Nonce<U12>,
        header: &[u8],
        record: &mut [u8],
    ) -> Result<Tag, Error> {
        self.0.encrypt_in_place_detached(counter, header, record)
    }

    fn decrypt_in_place_detached(
        &self,
        counter: &Nonce<U12>,
        header: &[u8],
        record: &mut [u8],
        tag: &Tag,
    ) -> Result<(), Error> {
        let [kind, _, told, high, low] = *header else { return Err(Error) };
        let header = [kind, VERSION[0], VERSION[1], high, low];
        self.0.decrypt_in_place_detached(counter, &header, record, tag)?;
        if is_allowed(record, told == HANDSHAKE_IS_OVER) { Ok(()) } else { Err(Error) }
    }
}

/// Whether this may be in a record (RFC 8446 §5.1, §5.2): contents, their kind, and zeros.
fn is_allowed(plaintext: &[u8], handshake_is_over: bool) -> bool {
    let last = plaintext.iter().rposition(|octet| *octet != 0);
    let Some((kind, contents)) =
        last.and_then(|last| plaintext.get(..=last)).and_then(|plaintext| plaintext.split_last())
    else {
        return false;
    };
    match *kind {
        ALERT => contents.len() == 2,
        APPLICATION_DATA => handshake_is_over,
        HANDSHAKE if handshake_is_over => are_messages(contents, &[NEW_SESSION_TICKET]),
        HANDSHAKE => are_messages(contents, FROM_SERVER),
        _ => false,
    }
}

/// Whether these are whole messages of these kinds, at least one.
fn are_messages(mut contents: &[u8], kinds: &[u8]) -> bool {
    loop {
        let [kind, high, middle, low, rest @ ..] = contents else { return false };
        let length = usize::try_from(u32::from_be_bytes([0, *high, *middle, *low]));
        let Some((_, next)) = length.ok().and_then(|length| rest.split_at_checked(length)) else {
            return false;
        };
        if !kinds.contains(kind) {
            return false;
        }
        if next.is_empty() {
            return true;
        }
        contents = next;
    }
}

/// What a record holds (RFC 8446 §5.1).
pub(super) const CHANGE_CIPHER_SPEC: u8 = 20;
pub(super) const ALERT: u8 = 21;
pub(super) const HANDSHAKE: u8 = 22;
pub(super) const APPLICATION_DATA: u8 = 23;

/// RFC 8446 §4.
const NEW_SESSION_TICKET: u8 = 4;

/// EncryptedExtensions, Certificate, CertificateRequest, CertificateVerify, Finished (RFC 8446 §4).
const FROM_SERVER: &[u8] = &[8, 11, 13, 15, 20];

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(plaintext: &[u8]) -> (bool, bool) {
        (is_allowed(plaintext, false), is_allowed(plaintext, true))
    }

    #[test]
    fn before_and_after() {
        // Application data, also none, also padded.
        for data in [&[1, 2, APPLICATION_DATA][..], &[APPLICATION_DATA], &[0, APPLICATION_DATA, 0, 0]] {
            assert_eq!(allowed(data), (false, true), "{data:?}");
        }
        assert_eq!(allowed(&[1, 0, ALERT]), (true, true));
        for kind in FROM_SERVER {
            assert_eq!(allowed(&[*kind, 0, 0, 1, 9, HANDSHAKE]), (true, false), "{kind}");
            assert_eq!(allowed(&[8, 0, 0, 0, *kind, 0, 0, 1, 9, HANDSHAKE, 0]), (true, false), "{kind}");
        }
        assert_eq!(allowed(&[4, 0, 0, 1, 9, HANDSHAKE]), (false, true), "NewSessionTicket");
        assert_eq!(allowed(&[4, 0, 0, 1, 9, 8, 0, 0, 0, HANDSHAKE]), (false, false));
    }

    #[test]
    fn never() {
        for never in [
            // Nothing at all, or nothing but zeros.
            &[][..],
            &[0],
            &[0; 40],
            // Kinds that are not encrypted, or that nobody knows.
            &[1, CHANGE_CIPHER_SPEC],
            &[1, 2, 24],
            &[1, 2, 1],
            // Alerts of another length.
            &[ALERT],
            &[1, ALERT],
            &[1, 0, 1, 0, ALERT],
            // No message, parts of one, one and a part.
            &[HANDSHAKE],
            &[8, 0, 0, HANDSHAKE],
            &[8, 0, 0, 2, 9, HANDSHAKE],
            &[8, 0, 0, 0, 8, HANDSHAKE],
            &[4, 0, 0, 2, 9, HANDSHAKE],
            &[8, 0xFF, 0xFF, 0xFF, 9, HANDSHAKE],
            // ClientHello, ServerHello, EndOfEarlyData, KeyUpdate, message_hash.
            &[1, 0, 0, 1, 9, HANDSHAKE],
            &[2, 0, 0, 1, 9, HANDSHAKE],
            &[5, 0, 0, 1, 9, HANDSHAKE],
            &[24, 0, 0, 1, 9, HANDSHAKE],
            &[254, 0, 0, 1, 9, HANDSHAKE],
        ] {
            assert_eq!(allowed(never), (false, false), "{never:?}");
        }
    }
}
