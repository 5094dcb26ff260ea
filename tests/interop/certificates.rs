//! A certificate authority for tests, and the certificates it issues: good ones and hostile ones.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use tempfile::TempDir;

use crate::provider::NAMED_HOST;

/// An authority with a P-256 key, made anew for each test; its files go when it is dropped.
pub struct TestAuthority {
    directory: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl TestAuthority {
    /// Makes a key and a self-signed certificate.
    #[allow(clippy::new_without_default)] // a new key each time is no default value
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, "Keyfob test authority");
        (params.not_before, params.not_after) = (date_time_ymd(2024, 1, 1), date_time_ymd(2099, 1, 1));
        let issuer = CertifiedIssuer::self_signed(params, p256_key()).expect("the CA parameters are valid");
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        write(&directory.path().join("ca.pem"), &issuer.pem());
        Self { directory, issuer }
    }

    /// The authority's certificate, as a PEM file.
    pub fn ca_file(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// The authority's certificate, in DER.
    pub fn ca_der(&self) -> Vec<u8> {
        self.issuer.der().to_vec()
    }

    /// Issues a server certificate with a P-256 key.
    pub fn issue(&self, leaf: Leaf) -> Issued {
        let names = match leaf {
            Leaf::WrongHost => vec!["elsewhere.test".to_owned()],
            _ => ["localhost", NAMED_HOST, "127.0.0.1", "::1"].map(str::to_owned).to_vec(),
        };
        let mut params = CertificateParams::new(names).expect("the names are valid");
        params.distinguished_name.push(DnType::CommonName, "Keyfob test server");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![match leaf {
            Leaf::WrongPurpose => ExtendedKeyUsagePurpose::ClientAuth,
            _ => ExtendedKeyUsagePurpose::ServerAuth,
        }];
        params.use_authority_key_identifier_extension = true;
        let (not_before, not_after) = match leaf {
            Leaf::Expired => (2024, 2025),
            Leaf::NotYetValid => (2098, 2099),
            _ => (2024, 2099),
        };
        (params.not_before, params.not_after) =
            (date_time_ymd(not_before, 1, 1), date_time_ymd(not_after, 1, 1));

        let key = p256_key();
        let certificate = params.signed_by(&key, &self.issuer).expect("the leaf parameters are valid");
        let file = |kind| self.directory.path().join(format!("{leaf:?}.{kind}.pem"));
        let issued = Issued {
            certificate_der: certificate.der().to_vec(),
            certificate_file: file("certificate"),
            key_der: key.serialize_der(),
            key_file: file("key"),
        };
        write(&issued.certificate_file, &certificate.pem());
        write(&issued.key_file, &key.serialize_pem());
        issued
    }
}

/// A server certificate and its private key, in files that the authority keeps while it lives.
///
/// Issuing the same kind again replaces the files.
pub struct Issued {
    /// The certificate, in DER.
    pub certificate_der: Vec<u8>,
    /// The certificate, as a PEM file.
    pub certificate_file: PathBuf,
    /// The private key, PKCS #8 in DER.
    pub key_der: Vec<u8>,
    /// The private key, PKCS #8 in a PEM file.
    pub key_file: PathBuf,
}

/// What a server certificate is like; a client accepts only `Valid`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Leaf {
    /// Good for this host, but its time is over since 2025.
    Expired,
    /// Good for this host, from the year 2098.
    NotYetValid,
    /// For `localhost`, [`NAMED_HOST`], `127.0.0.1` and `::1`, until 2099.
    #[default]
    Valid,
    /// For `elsewhere.test` only.
    WrongHost,
    /// For clients only: its extended key usage lacks serverAuth (RFC 5280 §4.2.1.12).
    WrongPurpose,
}

fn p256_key() -> KeyPair {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("a P-256 key can be made")
}

fn write(file: &Path, text: &str) {
    fs::write(file, text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
}
