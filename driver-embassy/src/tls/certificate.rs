//! Whether a chain of certificates is the host's (RFC 5280 §6, RFC 9525).

use core::{sync::atomic::AtomicU8, time::Duration};

use keyfob_core::time::Date;
use rustls_pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, Error, KeyUsage};

use super::{TlsError, algorithm::Algorithms};

/// Reads a trust anchor from the certificate of an authority, in DER.
///
/// Of the certificate counts what RFC 5280 §6.1.1 names: subject, key and name constraints. Neither its own signature
/// nor its time is judged.
///
/// # Errors
/// [`TlsError::BadCertificate`]
pub fn trust_anchor<'a>(der: &'a CertificateDer<'a>) -> Result<TrustAnchor<'a>, TlsError> {
    webpki::anchor_from_trusted_cert(der).or(Err(TlsError::BadCertificate))
}

/// Judges a chain, the server's own certificate first; the order of the others counts for nothing.
pub(super) fn check(
    chain: &[CertificateDer<'_>],
    anchors: &[TrustAnchor<'_>],
    host: &ServerName<'_>,
    date: Date,
) -> Result<(), TlsError> {
    let (first, others) = chain.split_first().ok_or(TlsError::NotAuthenticated)?;
    let certificate = EndEntityCert::try_from(first).map_err(|error| named(&error))?;
    certificate.verify_is_valid_for_subject_name(host).map_err(|error| named(&error))?;
    let (mut time, floor) = match date {
        Date::AtLeast(date) => (date.seconds(), true),
        Date::Known(date) => (date.seconds(), false),
        _ => return Err(TlsError::DateUnknown),
    };
    let count = AtomicU8::new(0);
    let algorithms = Algorithms::new(&count);
    // Where only a floor is known, that a certificate's time has come cannot be judged. But it says itself that it is
    // later than its beginning: a chain passes if at one moment, not before the floor, all of it is valid at once.
    for _ in 0..=chain.len() {
        match certificate.verify_for_usage(
            &algorithms.all(),
            anchors,
            others,
            UnixTime::since_unix_epoch(Duration::from_secs(time)),
            KeyUsage::server_auth(),
            None,
            None,
        ) {
            Ok(_) => return Ok(()),
            Err(Error::CertNotValidYet { not_before, .. }) if floor && not_before.as_secs() > time => {
                time = not_before.as_secs();
            }
            Err(error) => return Err(named(&error)),
        }
    }
    Err(TlsError::NotYetValid)
}

/// The key of a certificate that has passed: the contents of its `SubjectPublicKeyInfo`.
pub(super) fn public_key<'a>(der: &'a CertificateDer<'a>) -> Option<rustls_pki_types::Der<'a>> {
    Some(webpki::anchor_from_trusted_cert(der).ok()?.subject_public_key_info)
}

fn named(error: &Error) -> TlsError {
    match error {
        Error::CertExpired { .. } => TlsError::Expired,
        Error::CertNotValidForName(_) => TlsError::NameMismatch,
        Error::CertNotValidYet { .. } => TlsError::NotYetValid,
        Error::InvalidSignatureForPublicKey | Error::SignatureAlgorithmMismatch => TlsError::BadSignature,
        Error::CertDistrusted | Error::UnknownIssuer => TlsError::UnknownIssuer,
        Error::CaUsedAsEndEntity
        | Error::EmptyEkuExtension
        | Error::EndEntityUsedAsCa
        | Error::NameConstraintViolation
        | Error::PathLenConstraintViolated
        | Error::RequiredEkuNotFoundContext(_) => TlsError::WrongUse,
        Error::UnsupportedSignatureAlgorithmContext(_)
        | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => TlsError::UnsupportedAlgorithm,
        _ => TlsError::BadCertificate,
    }
}
