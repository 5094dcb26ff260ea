//! Certificates, and servers that show them.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::{Arc, mpsc::Sender},
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion,
    crypto::ring,
    pki_types::{CertificateDer, PrivatePkcs8KeyDer},
    version::{TLS12, TLS13},
};

use crate::support::server::{Server, read_request};

/// An authority made for one test.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// The years in which a certificate is good.
pub const GOOD: (i32, i32) = (2024, 2099);

pub type Stream = StreamOwned<ServerConnection, TcpStream>;

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        (params.not_before, params.not_after) = (date_time_ymd(2024, 1, 1), date_time_ymd(2099, 1, 1));
        Self(CertifiedIssuer::self_signed(params, key()).expect("the parameters are right"))
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// How a server for `name` shows itself, with TLS 1.2 and 1.3.
    pub fn config(&self, name: &str, years: (i32, i32)) -> Arc<ServerConfig> {
        self.config_of(name, years, &[&TLS12, &TLS13])
    }

    pub fn config_of(
        &self,
        name: &str,
        years: (i32, i32),
        versions: &[&'static SupportedProtocolVersion],
    ) -> Arc<ServerConfig> {
        let mut params = CertificateParams::new([name.to_owned()]).expect("the name is right");
        (params.not_before, params.not_after) = (date_time_ymd(years.0, 1, 1), date_time_ymd(years.1, 1, 1));
        let key = key();
        let certificate = params.signed_by(&key, &self.0).expect("the parameters are right");
        config(certificate.der().clone(), &key, versions)
    }
}

/// A server whose certificate nobody has signed but itself.
pub fn self_signed(name: &str) -> Arc<ServerConfig> {
    let key = key();
    let params = CertificateParams::new([name.to_owned()]).expect("the name is right");
    let certificate = params.self_signed(&key).expect("the parameters are right");
    config(certificate.der().clone(), &key, &[&TLS13])
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key is made")
}

fn config(
    certificate: CertificateDer<'static>,
    key: &KeyPair,
    versions: &[&'static SupportedProtocolVersion],
) -> Arc<ServerConfig> {
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let config = ServerConfig::builder_with_provider(ring::default_provider().into())
        .with_protocol_versions(versions)
        .expect("the versions are supported")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key.into())
        .expect("key and certificate belong together");
    Arc::new(config)
}

/// Shakes hands; `None` if the client does not want to, and then `heard` gets what it said in clear: nothing.
pub fn accept(stream: TcpStream, config: &Arc<ServerConfig>, heard: &Sender<String>) -> Option<Stream> {
    let connection = ServerConnection::new(config.clone()).expect("the settings are right");
    let mut stream = StreamOwned::new(connection, stream);
    let mut first = [0; 1];
    match stream.read(&mut first) {
        Ok(read) => {
            // Puts the octet back by reading the request around it.
            let mut rest = (&first[..read]).chain(&mut stream);
            let request = read_request(&mut rest)?;
            let _ = heard.send(request);
            Some(stream)
        }
        Err(error) => {
            let _ = heard.send(format!("refused: {error}"));
            None
        }
    }
}

/// A server with TLS that answers one request of each connection, and says good-bye.
pub fn serve(config: Arc<ServerConfig>, answer: Vec<u8>) -> Server {
    Server::start(move |stream, _, heard| {
        if let Some(mut stream) = accept(stream, &config, heard) {
            let _ = stream.write_all(&answer);
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    })
}
