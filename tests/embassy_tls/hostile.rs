//! A server of TLS 1.3 that does as the test says: messages and records by hand (RFC 8446 §4, §5, §7).

use std::{cell::RefCell, rc::Rc};

use ring::{
    aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    agreement::{self, ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, X25519},
    digest::{self, SHA256},
    hmac,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair},
};

use crate::{certificates::Identity, network::Peer};

/// A step of a server.
pub type Act = Rc<dyn Fn(&mut Wire)>;

/// Acts when the ClientHello has come, when the client's Finished has, and at each of its later records.
pub struct Hostile {
    wire: Wire,
    hello: Act,
    finished: Act,
    data: Act,
    heard: Rc<RefCell<Vec<u8>>>,
    input: Vec<u8>,
    step: usize,
}

/// What a server has in its hands.
pub struct Wire {
    pub out: Vec<u8>,
    pub closed: bool,
    pub client_hello: Vec<u8>,
    transcript: Vec<u8>,
    secret: Vec<u8>,
    client: Keys,
    server: Keys,
    /// Those of application data, for as long as the handshake lasts.
    later: Option<(Keys, Keys)>,
    finished_key: Vec<u8>,
}

pub const ALERT: u8 = 21;
pub const HANDSHAKE: u8 = 22;
pub const DATA: u8 = 23;

pub fn act(act: impl Fn(&mut Wire) + 'static) -> Act {
    Rc::new(act)
}

pub fn nothing() -> Act {
    act(|_| {})
}

impl Hostile {
    pub fn new(hello: &Act, finished: &Act, data: &Act, heard: &Rc<RefCell<Vec<u8>>>) -> Self {
        Self {
            wire: Wire {
                out: Vec::new(),
                closed: false,
                client_hello: Vec::new(),
                transcript: Vec::new(),
                secret: Vec::new(),
                client: Keys::none(),
                server: Keys::none(),
                later: None,
                finished_key: Vec::new(),
            },
            hello: hello.clone(),
            finished: finished.clone(),
            data: data.clone(),
            heard: heard.clone(),
            input: Vec::new(),
            step: 0,
        }
    }
}

impl Peer for Hostile {
    fn hear(&mut self, octets: &[u8]) {
        self.input.extend(octets);
        while let Some((header, rest)) = self.input.split_first_chunk::<5>() {
            let (header, length) = (*header, usize::from(u16::from_be_bytes([header[3], header[4]])));
            if rest.len() < length {
                return;
            }
            let mut body = rest[..length].to_vec();
            self.input.drain(..5 + length);
            if self.step == 0 {
                assert_eq!((header[0], body[0]), (HANDSHAKE, 1), "a ClientHello");
                self.wire.client_hello.clone_from(&body);
                self.wire.transcript.extend(body);
                self.step = 1;
                (self.hello.clone())(&mut self.wire);
                continue;
            }
            if header[0] != DATA || self.wire.secret.is_empty() {
                continue;
            }
            let Some((kind, body)) = self.wire.client.open(&header, &mut body) else {
                panic!("the device sends what cannot be opened");
            };
            match kind {
                // Finished, perhaps after an empty Certificate.
                HANDSHAKE => {
                    self.wire.transcript.extend(&body);
                    if body[0] == 20 {
                        if let Some((client, _)) = self.wire.later.take() {
                            self.wire.client = client;
                        }
                        (self.finished.clone())(&mut self.wire);
                    }
                }
                DATA => {
                    self.heard.borrow_mut().extend(body);
                    (self.data.clone())(&mut self.wire);
                }
                _ => {}
            }
        }
    }

    fn say(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.wire.out);
    }

    fn has_closed(&self) -> bool {
        self.wire.closed
    }
}

impl Wire {
    /// Octets as they are.
    pub fn raw(&mut self, octets: &[u8]) {
        self.out.extend(octets);
    }

    /// A record in plaintext.
    pub fn plain(&mut self, kind: u8, body: &[u8]) {
        let length = u16::try_from(body.len()).expect("a record");
        self.out.extend([kind, 3, 3]);
        self.out.extend(length.to_be_bytes());
        self.out.extend(body);
    }

    /// An encrypted record of this kind, padded with so many zeros.
    pub fn encrypted(&mut self, kind: u8, body: &[u8], padding: usize) {
        let inner = [body, &[kind], &vec![0; padding]].concat();
        self.sealed(&inner);
    }

    /// An encrypted record that holds just this.
    pub fn sealed(&mut self, inner: &[u8]) {
        let record = self.server.seal(inner);
        self.out.extend(record);
    }

    /// Messages of the handshake in one encrypted record.
    pub fn messages(&mut self, messages: &[Vec<u8>]) {
        let body = messages.concat();
        self.transcript.extend(&body);
        self.encrypted(HANDSHAKE, &body, 0);
    }

    /// ServerHello with these extensions, in plaintext; from here on there are keys.
    pub fn server_hello(&mut self, extensions: &[Vec<u8>]) {
        let (share, secret) = self.agree();
        let key_share = extension(51, &share);
        let all = [&[extension(43, &[3, 4]), key_share], extensions].concat();
        // The session's identifier is given back (RFC 8446 §4.1.3).
        let session = &self.client_hello[38..][..1 + usize::from(self.client_hello[38])];
        let hello = server_hello_of(&[7; 32], session, &all.concat());
        self.transcript.extend(&hello);
        self.plain(HANDSHAKE, &hello);
        self.derive(&secret);
    }

    /// A share of the key, as its extension has it, and what comes of it.
    fn agree(&self) -> (Vec<u8>, Vec<u8>) {
        let share = |start: &[u8], length| {
            let place = self.client_hello.windows(start.len()).position(|octets| octets == start)?;
            self.client_hello.get(place + 4..)?.get(..length)
        };
        let (algorithm, start, theirs): (_, [u8; 4], _) = match share(&[0, 23, 0, 65, 4], 65) {
            Some(theirs) => (&ECDH_P256, [0, 23, 0, 65], theirs),
            None => (&X25519, [0, 29, 0, 32], share(&[0, 29, 0, 32], 32).expect("a share")),
        };
        let mine = EphemeralPrivateKey::generate(algorithm, &SystemRandom::new()).expect("a key");
        let public = mine.compute_public_key().expect("its public part");
        let theirs = UnparsedPublicKey::new(algorithm, theirs);
        let secret =
            agreement::agree_ephemeral(mine, &theirs, <[u8]>::to_vec).expect("the device's share is good");
        ([&start[..], public.as_ref()].concat(), secret)
    }

    fn derive(&mut self, shared: &[u8]) {
        let early = extract(&[0; 32], &[0; 32]);
        let secret = extract(&expand(&early, "derived", &hash(b""), 32), shared);
        let transcript = hash(&self.transcript);
        let client = expand(&secret, "c hs traffic", &transcript, 32);
        let server = expand(&secret, "s hs traffic", &transcript, 32);
        self.finished_key = expand(&server, "finished", &[], 32);
        self.client = Keys::of(&client);
        self.server = Keys::of(&server);
        self.secret = secret;
    }

    pub fn encrypted_extensions(&self) -> Vec<u8> {
        message(8, &[0, 0])
    }

    /// CertificateVerify by this key, with this text before the transcript.
    pub fn certificate_verify(&self, key: &[u8], messages: &[Vec<u8>], text: &str) -> Vec<u8> {
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key, &random).expect("a key");
        let transcript = hash(&[&self.transcript[..], &messages.concat()].concat());
        let signed = [&[b' '; 64][..], text.as_bytes(), &[0], &transcript].concat();
        let signature = key.sign(&random, &signed).expect("a signature");
        certificate_verify(0x0403, signature.as_ref())
    }

    /// Finished after these messages; then the keys of application data hold.
    pub fn finished(&mut self, messages: &[Vec<u8>]) -> Vec<u8> {
        let transcript = [&self.transcript[..], &messages.concat()].concat();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.finished_key);
        message(20, hmac::sign(&key, &hash(&transcript)).as_ref())
    }

    /// Sends with the keys of application data from now on.
    pub fn change_keys(&mut self) {
        let secret = extract(&expand(&self.secret, "derived", &hash(b""), 32), &[0; 32]);
        let transcript = hash(&self.transcript);
        let client = Keys::of(&expand(&secret, "c ap traffic", &transcript, 32));
        self.server = Keys::of(&expand(&secret, "s ap traffic", &transcript, 32));
        self.later = Some((client, Keys::none()));
    }

    /// A whole honest flight.
    pub fn honest(&mut self, identity: &Identity) {
        self.server_hello(&[]);
        self.flight(identity, &[]);
    }

    /// All after ServerHello, with these messages after EncryptedExtensions.
    pub fn flight(&mut self, identity: &Identity, more: &[Vec<u8>]) {
        let mut messages = vec![self.encrypted_extensions()];
        messages.extend(more.iter().cloned());
        messages.push(certificate(&identity.chain));
        messages.push(self.certificate_verify(&identity.key, &messages, SERVER));
        messages.push(self.finished(&messages));
        self.messages(&messages);
        self.change_keys();
    }

    /// A response, and the orderly end.
    pub fn respond(&mut self, response: &[u8]) {
        self.encrypted(DATA, response, 0);
        self.end();
    }

    pub fn end(&mut self) {
        self.encrypted(ALERT, &[1, 0], 0);
        self.closed = true;
    }
}

pub const SERVER: &str = "TLS 1.3, server CertificateVerify";

/// A message of the handshake.
pub fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("a message").to_be_bytes();
    [&[kind], &length[1..], body].concat()
}

pub fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).expect("an extension");
    [&kind.to_be_bytes()[..], &length.to_be_bytes(), body].concat()
}

pub fn server_hello(random: &[u8; 32], extensions: &[u8]) -> Vec<u8> {
    server_hello_of(random, &[0], extensions)
}

fn server_hello_of(random: &[u8; 32], session: &[u8], extensions: &[u8]) -> Vec<u8> {
    let length = u16::try_from(extensions.len()).expect("extensions").to_be_bytes();
    message(2, &[&[3, 3][..], random, session, &[0x13, 1], &[0], &length, extensions].concat())
}

pub fn certificate(chain: &[Vec<u8>]) -> Vec<u8> {
    let length = |length: usize| u32::try_from(length).expect("a length").to_be_bytes();
    let entries: Vec<u8> =
        chain.iter().flat_map(|der| [&length(der.len())[1..], der, &[0, 0]].concat()).collect();
    message(11, &[&[0], &length(entries.len())[1..], &entries].concat())
}

pub fn certificate_verify(scheme: u16, signature: &[u8]) -> Vec<u8> {
    let length = u16::try_from(signature.len()).expect("a signature").to_be_bytes();
    message(15, &[&scheme.to_be_bytes()[..], &length, signature].concat())
}

struct Keys {
    key: Option<LessSafeKey>,
    start: [u8; 12],
    count: u64,
}

impl Keys {
    fn none() -> Self {
        Self { key: None, start: [0; 12], count: 0 }
    }

    fn of(secret: &[u8]) -> Self {
        let key = UnboundKey::new(&AES_128_GCM, &expand(secret, "key", &[], 16)).expect("a key");
        let start = expand(secret, "iv", &[], 12).try_into().expect("12 octets");
        Self { key: Some(LessSafeKey::new(key)), start, count: 0 }
    }

    fn next(&mut self) -> Nonce {
        let mut nonce = self.start;
        nonce.iter_mut().skip(4).zip(self.count.to_be_bytes()).for_each(|(octet, count)| *octet ^= count);
        self.count += 1;
        Nonce::assume_unique_for_key(nonce)
    }

    fn seal(&mut self, inner: &[u8]) -> Vec<u8> {
        let length = u16::try_from(inner.len() + 16).expect("a record").to_be_bytes();
        let header = [DATA, 3, 3, length[0], length[1]];
        let mut body = inner.to_vec();
        let nonce = self.next();
        let key = self.key.as_ref().expect("a key");
        key.seal_in_place_append_tag(nonce, Aad::from(header), &mut body).expect("sealed");
        [&header[..], &body].concat()
    }

    fn open(&mut self, header: &[u8; 5], body: &mut [u8]) -> Option<(u8, Vec<u8>)> {
        let nonce = self.next();
        let inner = self.key.as_ref()?.open_in_place(nonce, Aad::from(*header), body).ok()?;
        let last = inner.iter().rposition(|octet| *octet != 0)?;
        Some((inner[last], inner[..last].to_vec()))
    }
}

fn hash(octets: &[u8]) -> Vec<u8> {
    digest::digest(&SHA256, octets).as_ref().to_vec()
}

fn extract(salt: &[u8], secret: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, salt), secret).as_ref().to_vec()
}

/// HKDF-Expand-Label of no more than one block (RFC 8446 §7.1).
fn expand(secret: &[u8], label: &str, context: &[u8], length: u8) -> Vec<u8> {
    let label = [b"tls13 ", label.as_bytes()].concat();
    let count = |octets: &[u8]| u8::try_from(octets.len()).expect("short");
    let info = [&[0, length, count(&label)], &label[..], &[count(context)], context, &[1]].concat();
    let mut out = extract(secret, &info);
    out.truncate(usize::from(length));
    out
}
