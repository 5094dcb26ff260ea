//! Why there is no stream, or no more of it.

use core::{error, fmt};

use embedded_io_async::ErrorKind;

/// What is wrong with a stream. Where it comes from `connect`, no octet of the application has left the device.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TlsError {
    /// A read or a write was dropped half-way, so where the stream stands is not known. Drop it.
    Abandoned,
    /// A certificate is not one that RFC 5280 allows, or holds what cannot be judged.
    BadCertificate,
    /// A signature is not of the key that it should be of: of a certificate, or the server's own.
    BadSignature,
    /// The server sends larger records than the memory for them; 16,640 octets hold every one.
    BufferTooSmall,
    /// There is a stream already; it has to be dropped first.
    Busy,
    /// The server has ended the stream in order (RFC 8446 §6.1): nothing can be written any more.
    Closed,
    /// The date is not known, not even a floor of it, so no certificate can be judged.
    DateUnknown,
    /// The generator failed its own checks.
    Entropy,
    /// A certificate's time was over before the date that it surely is.
    Expired,
    /// The URL is `http`: this connector opens nothing that is not secure.
    Insecure,
    /// The host is neither a DNS name nor an address.
    InvalidName,
    /// The session is not the one of this memory.
    Misuse,
    /// The certificate is for another host.
    NameMismatch,
    /// The network below.
    Network(ErrorKind),
    /// The server has shown no certificate, or not that it holds its key.
    NotAuthenticated,
    /// A certificate's time has not come yet.
    NotYetValid,
    /// What came is not TLS 1.3 as RFC 8446 has it, or not what was asked for.
    Protocol,
    /// The server sent a fatal alert (RFC 8446 §6.2): this one, if it could be read.
    Refused(Option<u8>),
    /// The stream below ended without the server's word that this is the end (RFC 8446 §6.1).
    Truncated,
    /// No trust anchor leads to the certificate.
    UnknownIssuer,
    /// A key or a signature is of a kind that was not built in: see the features `tls-p384` and `tls-rsa`.
    UnsupportedAlgorithm,
    /// A certificate was used for what it is not for: one of a client, one that may not sign others, or one outside of
    /// its issuer's constraints.
    WrongUse,
}

impl TlsError {
    /// Whether the server did not prove to be the one that was asked for.
    pub const fn is_authentication(self) -> bool {
        matches!(
            self,
            Self::BadCertificate
                | Self::BadSignature
                | Self::DateUnknown
                | Self::Expired
                | Self::NameMismatch
                | Self::NotAuthenticated
                | Self::NotYetValid
                | Self::UnknownIssuer
                | Self::UnsupportedAlgorithm
                | Self::WrongUse
        )
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Abandoned => "the connection was left half-way",
            Self::BadCertificate => "the server's certificate is malformed",
            Self::BadSignature => "a signature of the server or of its certificates is wrong",
            Self::BufferTooSmall => "the server sends larger records than there is room for",
            Self::Busy => "there is another connection",
            Self::Closed => "the server has closed the connection",
            Self::DateUnknown => "the date is not known, so no certificate can be judged",
            Self::Entropy => "the random generator failed",
            Self::Expired => "a certificate of the server has expired",
            Self::Insecure => "this connection would not be secure",
            Self::InvalidName => "the server's name is neither a DNS name nor an address",
            Self::Misuse => "the TLS session belongs elsewhere",
            Self::NameMismatch => "the server's certificate is for another host",
            Self::Network(_) => "the network failed",
            Self::NotAuthenticated => "the server did not prove who it is",
            Self::NotYetValid => "a certificate of the server is not valid yet",
            Self::Protocol => "the server does not speak TLS 1.3 as it should",
            Self::Refused(_) => "the server refused the connection",
            Self::Truncated => "the connection was cut off",
            Self::UnknownIssuer => "the server's certificate is of an issuer that is not trusted",
            Self::UnsupportedAlgorithm => "the server's certificate is of a kind that is not supported",
            Self::WrongUse => "a certificate of the server is not for this use",
        })
    }
}

impl error::Error for TlsError {}

impl embedded_io_async::Error for TlsError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::BufferTooSmall => ErrorKind::OutOfMemory,
            Self::Closed => ErrorKind::NotConnected,
            Self::Insecure | Self::InvalidName => ErrorKind::InvalidInput,
            Self::Network(kind) => *kind,
            Self::Protocol => ErrorKind::InvalidData,
            Self::Refused(_) => ErrorKind::ConnectionAborted,
            Self::Truncated => ErrorKind::ConnectionReset,
            error if error.is_authentication() => ErrorKind::PermissionDenied,
            _ => ErrorKind::Other,
        }
    }
}
