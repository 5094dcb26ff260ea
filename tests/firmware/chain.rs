//! A chain of certificates as public authorities have it: RSA with 4096 bits signs P-384, which signs P-256.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};

/// The chain and its key as files in this folder, and the certificate of the authority at its top, in DER.
pub fn long(folder: &Path) -> (PathBuf, PathBuf, Vec<u8>) {
    let key = KeyPair::from_pem_and_sign_algo(ROOT_KEY, &rcgen::PKCS_RSA_SHA256).expect("it is a key");
    let root = CertifiedIssuer::self_signed(authority("root"), key).expect("an authority");
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).expect("a key can be made");
    let between = CertifiedIssuer::signed_by(authority("between"), key, &root).expect("an authority");
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("it is a name");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("a key can be made");
    let leaf = params.signed_by(&key, &between).expect("a certificate");
    let (chain_file, key_file) = (folder.join("chain.pem"), folder.join("key.pem"));
    fs::write(&chain_file, leaf.pem() + &between.pem()).expect("it can be written");
    fs::write(&key_file, key.serialize_pem()).expect("it can be written");
    (chain_file, key_file, root.der().to_vec())
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

/// A key that protects nothing.
const ROOT_KEY: &str = include_str!("../embassy_tls/keys/rsa-4096.pem");
