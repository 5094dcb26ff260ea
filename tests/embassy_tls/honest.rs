//! A server by rustls.

use std::{cell::RefCell, io::Read, rc::Rc, sync::Arc};

use rustls::{
    ServerConfig, ServerConnection, SupportedProtocolVersion,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer},
    version::TLS13,
};

use crate::{certificates::Identity, network::Peer};

/// Answers each request with [`RESPONSE`], and ends.
pub struct Honest {
    connection: ServerConnection,
    heard: Rc<RefCell<Vec<u8>>>,
    failed: bool,
    done: bool,
}

pub const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

impl Honest {
    pub fn new(identity: &Identity, heard: &Rc<RefCell<Vec<u8>>>) -> Self {
        Self::with(identity, heard, &[&TLS13], ring::default_provider(), |_| {})
    }

    pub fn with(
        identity: &Identity,
        heard: &Rc<RefCell<Vec<u8>>>,
        versions: &[&'static SupportedProtocolVersion],
        provider: rustls::crypto::CryptoProvider,
        adjust: impl FnOnce(&mut ServerConfig),
    ) -> Self {
        let chain = identity.chain.iter().map(|der| CertificateDer::from(der.clone())).collect();
        let key = PrivateKeyDer::try_from(identity.key.clone()).expect("a key");
        let mut config = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(versions)
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("a certificate with its key");
        adjust(&mut config);
        let connection = ServerConnection::new(Arc::new(config)).expect("a server");
        Self { connection, heard: heard.clone(), failed: false, done: false }
    }
}

impl Peer for Honest {
    fn hear(&mut self, mut octets: &[u8]) {
        while !octets.is_empty() && !self.failed {
            self.connection.read_tls(&mut octets).expect("memory");
            self.failed = self.connection.process_new_packets().is_err();
            let mut request = Vec::new();
            let _ = self.connection.reader().read_to_end(&mut request);
            let mut heard = self.heard.borrow_mut();
            heard.extend(request);
            if heard.ends_with(b"\r\n\r\n") && !self.done {
                std::io::Write::write_all(&mut self.connection.writer(), RESPONSE).expect("memory");
                self.connection.send_close_notify();
                self.done = true;
            }
        }
    }

    fn say(&mut self, out: &mut Vec<u8>) {
        while self.connection.wants_write() {
            self.connection.write_tls(out).expect("memory");
        }
    }

    fn has_closed(&self) -> bool {
        self.failed || self.done
    }
}
