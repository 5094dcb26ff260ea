//! Who the server is: its certificate, and that it holds the key (RFC 8446 §4.4.2, §4.4.3).

use core::cell::Cell;

use embedded_tls::{
    CertificateEntryRef, CertificateRef, CertificateVerifyRef, CryptoProvider, CryptoRngCore, Sha256,
    TlsVerifier,
};
use keyfob_core::time::Date;
use rustls_pki_types::{CertificateDer, ServerName, TrustAnchor};
use sha2_0_10::Digest;

use super::{TlsError, algorithm, certificate, cipher::Suite, der, random::Random};

/// What a handshake takes from the device, and what it has shown.
pub(super) struct Provider<'h> {
    pub(super) random: Random,
    pub(super) verifier: Verifier<'h>,
}

impl CryptoProvider for Provider<'_> {
    type CipherSuite = Suite;
    /// There is none: the device has no certificate.
    type Signature = [u8; 0];

    fn rng(&mut self) -> impl CryptoRngCore {
        &mut self.random
    }

    fn verifier(&mut self) -> Result<&mut impl TlsVerifier<Suite>, embedded_tls::TlsError> {
        Ok(&mut self.verifier)
    }
}

/// Judges the server of one handshake.
pub(super) struct Verifier<'h> {
    anchors: &'h [TrustAnchor<'h>],
    host: ServerName<'h>,
    date: Date,
    fault: &'h Cell<Option<TlsError>>,
    step: Step,
    /// What the server has to sign, once its chain is good: the transcript up to there.
    transcript: [u8; 32],
    /// What it has to sign it with.
    key: PublicKey,
}

/// How far the server has come. Each step is taken once.
#[derive(Clone, Copy)]
enum Step {
    Nothing,
    Certificate,
    Authenticated,
    Failed,
}

impl<'h> Verifier<'h> {
    pub(super) fn new(
        anchors: &'h [TrustAnchor<'h>],
        host: ServerName<'h>,
        date: Date,
        fault: &'h Cell<Option<TlsError>>,
    ) -> Self {
        let key = PublicKey { octets: [0; MAX_KEY], length: 0 };
        Self { anchors, host, date, fault, step: Step::Nothing, transcript: [0; 32], key }
    }

    /// Whether the server has shown a good certificate, and that it holds its key. A handshake may come to its end
    /// without.
    pub(super) fn is_authenticated(&self) -> bool {
        matches!(self.step, Step::Authenticated)
    }

    fn judge_chain(&mut self, transcript: &Sha256, chain: &CertificateRef<'_>) -> Result<Step, TlsError> {
        if !matches!(self.step, Step::Nothing) {
            return Err(TlsError::Protocol);
        }
        let mut certificates = [const { CertificateDer::from_slice(&[]) }; MAX_CHAIN];
        let sent = certificates.get_mut(..chain.entries.len()).ok_or(TlsError::BadCertificate)?;
        for (certificate, entry) in sent.iter_mut().zip(&chain.entries) {
            let CertificateEntryRef::X509(der) = entry else { return Err(TlsError::BadCertificate) };
            *certificate = CertificateDer::from_slice(der);
        }
        certificate::check(sent, self.anchors, &self.host, self.date)?;
        let first = sent.first().ok_or(TlsError::NotAuthenticated)?;
        let key = certificate::public_key(first).and_then(|key| PublicKey::new(&key));
        self.key = key.ok_or(TlsError::UnsupportedAlgorithm)?;
        self.transcript = transcript.clone().finalize().into();
        Ok(Step::Certificate)
    }

    fn judge_signature(&self, verify: &CertificateVerifyRef<'_>) -> Result<Step, TlsError> {
        if !matches!(self.step, Step::Certificate) {
            return Err(TlsError::Protocol);
        }
        let algorithm = algorithm::of_handshake(verify.signature_scheme)?;
        let (identifier, rest) =
            der::value(der::SEQUENCE, self.key.octets()).ok_or(TlsError::BadCertificate)?;
        if identifier != &*algorithm.public_key_alg_id() {
            return Err(TlsError::BadSignature);
        }
        let Some(([0, public_key @ ..], [])) = der::value(der::BIT_STRING, rest) else {
            return Err(TlsError::BadCertificate);
        };
        //= https://www.rfc-editor.org/rfc/rfc8446#section-4.4.3
        let mut message = [b' '; 64 + CONTEXT.len() + 32];
        let signed = CONTEXT.iter().chain(&self.transcript);
        message.iter_mut().skip(64).zip(signed).for_each(|(to, from)| *to = *from);
        match algorithm.verify_signature(public_key, &message, verify.signature) {
            Ok(()) => Ok(Step::Authenticated),
            Err(_) => Err(TlsError::BadSignature),
        }
    }

    /// Takes the step, or none ever again.
    fn take(&mut self, step: Result<Step, TlsError>) -> Result<(), embedded_tls::TlsError> {
        match step {
            Ok(step) => {
                self.step = step;
                Ok(())
            }
            Err(error) => {
                self.step = Step::Failed;
                self.fault.set(Some(error));
                Err(embedded_tls::TlsError::InvalidCertificate)
            }
        }
    }
}

impl TlsVerifier<Suite> for Verifier<'_> {
    fn set_hostname_verification(&mut self, _host: &str) -> Result<(), embedded_tls::TlsError> {
        // It is known since `new`, also where it is an address, for which this is not called.
        Ok(())
    }

    fn verify_certificate(
        &mut self,
        transcript: &Sha256,
        chain: CertificateRef<'_>,
    ) -> Result<(), embedded_tls::TlsError> {
        let step = self.judge_chain(transcript, &chain);
        self.take(step)
    }

    fn verify_signature(&mut self, verify: CertificateVerifyRef<'_>) -> Result<(), embedded_tls::TlsError> {
        let step = self.judge_signature(&verify);
        self.take(step)
    }
}

/// The contents of a `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7).
struct PublicKey {
    octets: [u8; MAX_KEY],
    length: usize,
}

impl PublicKey {
    fn new(key: &[u8]) -> Option<Self> {
        let mut octets = [0; MAX_KEY];
        octets.get_mut(..key.len())?.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
        Some(Self { octets, length: key.len() })
    }

    fn octets(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }
}

/// The server's own certificate and six more. Each one more makes several times as many ways to look for an anchor, and
/// a small chip does nothing else meanwhile.
const MAX_CHAIN: usize = 7;

/// The longest key: RSA with 4096 bits, or P-384.
const MAX_KEY: usize = if cfg!(feature = "tls-rsa") { 560 } else { 128 };

/// What comes before the transcript (RFC 8446 §4.4.3).
const CONTEXT: &[u8; 34] = b"TLS 1.3, server CertificateVerify\0";
