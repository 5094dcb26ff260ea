//! Authorities and what they issue, good and bad.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SignatureAlgorithm, date_time_ymd,
};

/// Who signs certificates.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// Keys, and what they sign with.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    P256,
    P384,
    Ed25519,
    Rsa2048,
    Rsa3072,
    Rsa4096,
    Rsa4096Sha384,
    Rsa4096Sha512,
}

impl Kind {
    pub fn key(self) -> KeyPair {
        let of_file = |pem, algorithm: &'static SignatureAlgorithm| {
            KeyPair::from_pem_and_sign_algo(pem, algorithm).expect("a key of the folder")
        };
        let new = |algorithm| KeyPair::generate_for(algorithm).expect("a key can be made");
        match self {
            Self::P256 => new(&rcgen::PKCS_ECDSA_P256_SHA256),
            Self::P384 => new(&rcgen::PKCS_ECDSA_P384_SHA384),
            Self::Ed25519 => new(&rcgen::PKCS_ED25519),
            Self::Rsa2048 => of_file(include_str!("keys/rsa-2048.pem"), &rcgen::PKCS_RSA_SHA256),
            Self::Rsa3072 => of_file(include_str!("keys/rsa-3072.pem"), &rcgen::PKCS_RSA_SHA256),
            Self::Rsa4096 => of_file(include_str!("keys/rsa-4096.pem"), &rcgen::PKCS_RSA_SHA256),
            Self::Rsa4096Sha384 => of_file(include_str!("keys/rsa-4096.pem"), &rcgen::PKCS_RSA_SHA384),
            Self::Rsa4096Sha512 => of_file(include_str!("keys/rsa-4096.pem"), &rcgen::PKCS_RSA_SHA512),
        }
    }
}

/// What a server shows, its own certificate first, and the key it has.
#[derive(Clone)]
pub struct Identity {
    pub chain: Vec<Vec<u8>>,
    pub key: Vec<u8>,
}

impl Authority {
    /// An anchor.
    pub fn new(name: &str, kind: Kind) -> Self {
        Self::with(name, kind, |_| {})
    }

    pub fn with(name: &str, kind: Kind, adjust: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = authority(name);
        adjust(&mut params);
        Self(CertifiedIssuer::self_signed(params, kind.key()).expect("an authority"))
    }

    /// An authority under this one.
    pub fn intermediate(&self, name: &str, kind: Kind, adjust: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = authority(name);
        adjust(&mut params);
        Self(CertifiedIssuer::signed_by(params, kind.key(), &self.0).expect("an intermediate authority"))
    }

    pub fn der(&self) -> Vec<u8> {
        self.0.der().to_vec()
    }

    /// A certificate of a server, for these names.
    pub fn issue(&self, names: &[&str], kind: Kind, adjust: impl FnOnce(&mut CertificateParams)) -> Identity {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("the names are names");
        params.distinguished_name.push(DnType::CommonName, "server");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2027, 1, 1));
        adjust(&mut params);
        let key = kind.key();
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        Identity { chain: vec![certificate.der().to_vec()], key: key.serialize_der() }
    }
}

impl Identity {
    /// The same with this authority's certificate behind.
    pub fn behind(mut self, authority: &Authority) -> Self {
        self.chain.push(authority.der());
        self
    }
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.distinguished_name.push(DnType::CommonName, name);
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2040, 1, 1));
    params
}
