//! What can go wrong, grouped by who can act.
//!
//! Errors carry no text of anybody: at most a [`Name`], a number or a known code. What a server wrote beside
//! its error code is read from the flow ([`Flow::refusal`](crate::flow::Flow::refusal)).

use core::fmt;

pub use crate::error_code::ErrorCode;
pub use crate::name::Name;

/// Why a call did not do what it was asked to.
///
/// An error leaves the flow as it was, so the caller may try again. Only [`Error::Refused`],
/// [`Error::AnswerLost`] and [`Error::Expired`] end it, and an answer of the token endpoint that reports success
/// and does not pass: what was sent for it is used up, and is not sent again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// The response was taken already: browsers reload and prefetch. The flow goes on.
    AlreadyCompleted,
    /// The server has, or may have, used up what was sent, and its answer is lost or no good; start a new flow.
    AnswerLost,
    /// The caller's slice is too small; `needed` octets would do. The slice was wiped.
    BufferTooSmall {
        /// The exact length that works.
        needed: usize,
    },
    /// The response or the redirect failed this check; the flow is as it was.
    Check(Check),
    /// The configuration breaks a rule for this item; no user has been sent anywhere yet.
    Config(Name),
    /// The random source failed, or gave what no random source gives.
    Entropy,
    /// The time for this flow has run out; start a new one.
    Expired,
    /// What the server or the user agent sent is longer than the room there is for it. It was not cut.
    InputTooLarge(Name),
    /// The ID token is signed with a key that is not at hand: fetch
    /// [`Flow::keys`](crate::flow::Flow::keys) and hand in the same response
    /// [with them](crate::http::Response::with_keys).
    KeysNeeded,
    /// The event does not answer the last action, or the client lacks what this flow needs.
    Misuse,
    /// The server refused and the flow is over (RFC 6749 §4.1.2.1, §5.2).
    Refused(ErrorCode),
    /// The snapshot is damaged, or belongs to another client, kind of flow or version.
    Snapshot,
}

/// The check that a response, a redirect or a token failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names are those of the requirement catalogue, grouped as there")]
pub enum Check {
    // Decoding.
    BadEncoding(Name),
    BadHeader,
    BadMember(Name),
    BadParameter(Name),
    DuplicateMember(Name),
    JsonDepth,
    JsonEof,
    JsonNotObject,
    JsonSyntax,
    JsonTrailing,
    JsonUtf8,
    MissingMember(Name),
    WrongType(Name),
    // Transport.
    ContentType,
    HttpRedirect,
    HttpStatus(u16),
    InsecureUrl(Name),
    // Authorization response.
    ConflictingResponse,
    DuplicateParameter(Name),
    IssuerMismatch,
    IssuerMissing,
    MissingParameter(Name),
    RedirectUriMismatch,
    StateMismatch,
    UnexpectedParameter(Name),
    WrongMethod,
    // Token response and metadata.
    AlgorithmUnsupported,
    AuthenticationMethodUnsupported,
    PkceUnsupported,
    ResponseTypeUnsupported,
    TokenType,
    // Signed token.
    AlgorithmNone,
    AlgorithmNotAllowed,
    AmbiguousKey,
    BadSignature,
    CriticalUnsupported,
    Encrypted,
    JwtFormat,
    KeyInvalid,
    KeyMismatch,
    KeyTooWeak,
    TypeMismatch,
    UnknownKey,
    // Claims.
    AcrMismatch,
    AudienceMismatch,
    AuthenticationTooOld,
    AzpMismatch,
    ClaimChanged(Name),
    ClaimMissing(Name),
    ClaimRange(Name),
    ClaimType(Name),
    ClockNotSet,
    Expired,
    HashMismatch(Name),
    IssMismatch,
    IssuedInFuture,
    IssuedTooLongAgo,
    NonceMismatch,
    NotYetValid,
    SubjectMismatch,
    UntrustedAudience,
    VendorClaimMismatch(Name),
}

/// What the caller can do about an error.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Remedy {
    /// A fault of the program: a buffer, a call out of order.
    Bug,
    /// The client's settings, here or at the server, need a correction. Do not retry.
    Configuration,
    /// Start a new flow.
    Restart,
    /// Try again later.
    RetryLater,
    /// Do what the error says, then the same call again.
    RetryNow,
    /// Somebody may be tampering. Report it and start over.
    SecurityAlert,
    /// The user said no, or has to do something.
    UserDenied,
}

impl Error {
    /// What can be done about it.
    pub const fn remedy(self) -> Remedy {
        match self {
            Self::AlreadyCompleted | Self::BufferTooSmall { .. } | Self::InputTooLarge(_) | Self::Misuse => {
                Remedy::Bug
            }
            Self::Check(check) => check.remedy(),
            Self::Config(_) => Remedy::Configuration,
            Self::Entropy | Self::KeysNeeded => Remedy::RetryNow,
            Self::AnswerLost | Self::Expired | Self::Snapshot => Remedy::Restart,
            Self::Refused(code) => code.remedy(),
        }
    }
}

impl Error {
    /// Whether a redirect with this fault may come from anybody: its `state` was not seen to be ours. Go on
    /// waiting for the right one.
    pub const fn is_stray_redirect(self) -> bool {
        matches!(
            self,
            Self::AlreadyCompleted
                | Self::InputTooLarge(Name::Url)
                | Self::Check(
                    Check::BadEncoding(_)
                        | Check::DuplicateParameter(_)
                        | Check::RedirectUriMismatch
                        | Check::StateMismatch
                        | Check::WrongMethod
                )
        )
    }
}

impl Check {
    const fn remedy(self) -> Remedy {
        match self {
            Self::HttpStatus(429 | 500..=599) => Remedy::RetryLater,
            // A hotel's page in place of the answer.
            Self::ContentType | Self::JsonEof => Remedy::RetryLater,
            Self::AlgorithmUnsupported
            | Self::AuthenticationMethodUnsupported
            | Self::ClockNotSet
            | Self::InsecureUrl(_)
            | Self::PkceUnsupported
            | Self::ResponseTypeUnsupported => Remedy::Configuration,
            Self::AmbiguousKey
            | Self::AlgorithmNone
            | Self::AlgorithmNotAllowed
            | Self::AudienceMismatch
            | Self::AzpMismatch
            | Self::BadSignature
            | Self::ClaimChanged(_)
            | Self::HashMismatch(_)
            | Self::IssMismatch
            | Self::IssuerMismatch
            | Self::IssuerMissing
            | Self::KeyInvalid
            | Self::KeyMismatch
            | Self::KeyTooWeak
            | Self::NonceMismatch
            | Self::StateMismatch
            | Self::SubjectMismatch
            | Self::TypeMismatch
            | Self::UnexpectedParameter(_)
            | Self::UnknownKey
            | Self::UntrustedAudience
            | Self::VendorClaimMismatch(_) => Remedy::SecurityAlert,
            _ => Remedy::Restart,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyCompleted => f.write_str("the response was taken already"),
            Self::AnswerLost => f.write_str("the server's answer is lost"),
            Self::BufferTooSmall { needed } => write!(f, "the buffer is too small: {needed} octets would do"),
            Self::Check(check) => write!(f, "a check failed: {check:?}"),
            Self::Config(name) => write!(f, "the configuration of {name} is not allowed"),
            Self::Entropy => f.write_str("the random source failed"),
            Self::Expired => f.write_str("the time for this sign-in has run out"),
            Self::InputTooLarge(name) => write!(f, "{name} is longer than the room for it"),
            Self::KeysNeeded => f.write_str("the server's keys are needed"),
            Self::Misuse => f.write_str("the event does not answer the last action"),
            Self::Refused(code) => write!(f, "the server refused: {code}"),
            Self::Snapshot => f.write_str("the snapshot does not belong to this flow"),
        }
    }
}

impl core::error::Error for Error {}

impl From<Check> for Error {
    fn from(check: Check) -> Self {
        Self::Check(check)
    }
}

// Two registers on a chip: errors travel in every return value.
const _: () = assert!(size_of::<Error>() <= 2 * size_of::<usize>());
