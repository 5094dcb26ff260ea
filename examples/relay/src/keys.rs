//! What is derived from the relay's own key, so that its store holds nothing that serves a reader.
//!
//! For each sign-in there is one secret, the token. It goes out in the QR code; the code that a user types opens it too;
//! the browser that was let in holds what comes of it as a cookie. The store has keyed hashes of all of these, and the
//! authorization URL encrypted under the cookie. The key itself is in no store.

use base64ct::{Base64UrlUnpadded, Encoding};
use chacha20poly1305::{
    ChaCha20Poly1305,
    aead::{Aead, KeyInit, Payload},
};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::store::{Name, Tag};

/// The relay's own key. Every instance of one relay has the same.
pub struct Keys(Zeroizing<[u8; 32]>);

impl Keys {
    /// From 32 random octets.
    pub fn new(key: [u8; 32]) -> Self {
        Self(Zeroizing::new(key))
    }

    /// From a key in base64url, 43 characters, as `new-key` prints it.
    pub fn read(text: &str) -> Option<Self> {
        decode(text.trim()).map(Self::new)
    }

    /// A new key, as a file holds it.
    pub fn generate() -> Result<Zeroizing<String>, String> {
        let key = random::<32>()
            .map(Zeroizing::new)
            .map_err(|why| format!("The system gives no random octets: {why}."))?;
        Ok(Zeroizing::new(Base64UrlUnpadded::encode_string(&key[..])))
    }

    /// Where the store finds the sign-in that a code is for.
    pub fn code(&self, code: &str) -> Tag {
        self.tag("code", &[code.as_bytes()])
    }

    /// Where the store finds the sign-in that a token is for.
    pub fn token(&self, token: &Tag) -> Tag {
        self.tag("token", &[token])
    }

    /// The token, hidden behind the code; and back.
    pub fn wrap(&self, code: &str, mailbox: &Name, token: &Tag) -> Tag {
        let pad = self.tag("wrap", &[code.as_bytes(), mailbox]);
        std::array::from_fn(|place| pad[place] ^ token[place])
    }

    /// The cookie of the browser that shows this token.
    pub fn browser(&self, token: &Tag, mailbox: &Name) -> Browser {
        Browser { mailbox: *mailbox, secret: self.derive("browser", &[token, mailbox]) }
    }

    /// What the store keeps of a browser.
    pub fn check(&self, browser: &Browser) -> Tag {
        self.tag("check", &[&browser.secret[..], &browser.mailbox])
    }

    /// What a form on a page for this browser brings back.
    pub fn page(&self, browser: &Browser) -> String {
        Base64UrlUnpadded::encode_string(&self.tag("page", &[&browser.secret[..], &browser.mailbox]))
    }

    /// What the store keeps of a name or an address.
    pub fn hide(&self, kind: &str, text: &[u8]) -> Tag {
        self.tag(kind, &[text])
    }

    /// Encrypts what only a request with this browser's cookie may bring to light.
    pub fn encrypt(&self, browser: &Browser, plain: &[u8]) -> Vec<u8> {
        let payload = Payload { msg: plain, aad: &browser.mailbox };
        // Each token is new, so each key encrypts once, and the nonce may stand still.
        self.cipher(browser).encrypt(&NONCE.into(), payload).expect("a text shorter than 256 GiB")
    }

    /// Back again; none if somebody changed it.
    pub fn decrypt(&self, browser: &Browser, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let payload = Payload { msg: sealed, aad: &browser.mailbox };
        self.cipher(browser).decrypt(&NONCE.into(), payload).ok().map(Zeroizing::new)
    }

    fn cipher(&self, browser: &Browser) -> ChaCha20Poly1305 {
        let key = self.derive("encrypt", &[&browser.secret[..], &browser.mailbox]);
        ChaCha20Poly1305::new((&*key).into())
    }

    fn tag(&self, label: &str, parts: &[&[u8]]) -> Tag {
        let derived = self.derive(label, parts);
        std::array::from_fn(|place| derived[place])
    }

    /// A pseudorandom function of the parts; each label has lengths of its own, or one part.
    fn derive(&self, label: &str, parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.0[..]).expect("a key of any length");
        mac.update(b"keyfob relay 1 ");
        mac.update(label.as_bytes());
        mac.update(&[0]);
        parts.iter().for_each(|part| mac.update(part));
        Zeroizing::new(mac.finalize().into_bytes().into())
    }
}

/// A browser that was let in: what its cookie says.
pub struct Browser {
    /// The mailbox of the sign-in.
    pub mailbox: Name,
    secret: Zeroizing<[u8; 32]>,
}

impl Browser {
    /// The value of the cookie: 86 characters.
    pub fn cookie(&self) -> Zeroizing<String> {
        let mut both = Zeroizing::new([0; 64]);
        both[..32].copy_from_slice(&self.mailbox);
        both[32..].copy_from_slice(&self.secret[..]);
        Zeroizing::new(Base64UrlUnpadded::encode_string(&both[..]))
    }

    /// From the value of a cookie.
    pub fn read(cookie: &str) -> Option<Self> {
        let both: Zeroizing<[u8; 64]> = Zeroizing::new(decode(cookie)?);
        let mut browser = Self { mailbox: [0; 32], secret: Zeroizing::new([0; 32]) };
        browser.mailbox.copy_from_slice(&both[..32]);
        browser.secret.copy_from_slice(&both[32..]);
        Some(browser)
    }
}

/// Exactly this many octets, in base64url without padding, in the one way in which they can be written.
pub fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut octets = [0; N];
    let length = Base64UrlUnpadded::decode(text, &mut octets).ok()?.len();
    (length == N).then_some(octets)
}

/// Octets from the system.
pub fn random<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut octets = [0; N];
    getrandom::fill(&mut octets)?;
    Ok(octets)
}

const NONCE: [u8; 12] = [0; 12];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_and_token_lead_to_the_same_browser() {
        let (keys, mailbox, token) = (Keys::new([7; 32]), [1; 32], [2; 16]);
        let wrapped = keys.wrap("BCDFGHJK", &mailbox, &token);
        assert_ne!(wrapped, token);
        assert_eq!(keys.wrap("BCDFGHJK", &mailbox, &wrapped), token);
        assert_ne!(keys.wrap("BCDFGHJL", &mailbox, &wrapped), token);
        assert_ne!(Keys::new([8; 32]).wrap("BCDFGHJK", &mailbox, &wrapped), token);
        let browser = keys.browser(&token, &mailbox);
        let again = Browser::read(&browser.cookie()).unwrap();
        assert_eq!((keys.check(&browser), keys.page(&browser)), (keys.check(&again), keys.page(&again)));
        let sealed = keys.encrypt(&browser, b"https://op.example/authorize");
        assert_eq!(keys.decrypt(&again, &sealed).unwrap().as_slice(), b"https://op.example/authorize");
    }

    #[test]
    fn another_browser_key_or_mailbox_opens_nothing() {
        let (keys, mailbox, token) = (Keys::new([7; 32]), [1; 32], [2; 16]);
        let browser = keys.browser(&token, &mailbox);
        let sealed = keys.encrypt(&browser, b"text");
        assert!(keys.decrypt(&keys.browser(&[3; 16], &mailbox), &sealed).is_none());
        assert!(Keys::new([8; 32]).decrypt(&browser, &sealed).is_none());
        let mut moved = Browser::read(&browser.cookie()).unwrap();
        moved.mailbox[0] ^= 1;
        assert!(keys.decrypt(&moved, &sealed).is_none());
        assert_ne!(keys.check(&moved), keys.check(&browser));
        let mut changed = sealed.clone();
        changed[0] ^= 1;
        assert!(keys.decrypt(&browser, &changed).is_none());
        assert!(Browser::read("short").is_none());
        assert!(Browser::read(&"A".repeat(87)).is_none());
    }
}
