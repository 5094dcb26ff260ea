//! What can go wrong, grouped by who can act.
//!
//! Errors carry no text of anybody: at most a [`Name`], a number or a known code. What a server wrote beside
//! its error code is read from the flow ([`Flow::refusal`](crate::flow::Flow::refusal)).

use core::fmt;

use crate::jws::SignError;

pub use crate::error_code::ErrorCode;
pub use crate::name::Name;

/// Why a call did not do what it was asked to.
///
/// An error leaves the flow as it was, so the caller may try again. Only [`Error::Refused`],
/// [`Error::AnswerLost`], [`Error::Expired`] and [`Error::RelayUnavailable`] end it, and an answer of the token endpoint
/// that reports success and does not pass: what was sent for it is used up, and is not sent again.
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
    /// The response or the redirect failed this check.
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
    /// The relay does not answer, or cannot serve now; the flow is over, and nobody was sent to the server. Another way
    /// may do ([`Plan::fall_back`](crate::plan::Plan::fall_back)).
    RelayUnavailable,
    /// The client's [`Signer`](crate::jws::Signer) failed.
    SignatureFailed,
    /// The client's [`Signer`](crate::jws::Signer) is at work: call again, a little later, with the same
    /// [`Now`](crate::time::Now).
    SignaturePending,
    /// The snapshot is damaged, or belongs to another client, kind of flow or version.
    Snapshot,
}

/// The check that a response, a redirect or a token failed. What to do then is its [`Remedy`]; whether the flow
/// goes on, [`Error`] says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Check {
    // Decoding.
    /// A parameter has a malformed escape, or is not UTF-8 (RFC 6749 Appendix B).
    BadEncoding(Name),
    /// A header came twice where one may stand (RFC 9110 §5.3).
    BadHeader,
    /// A token has characters that no token has (RFC 6749 Appendix A).
    BadMember(Name),
    /// A code or an error code has characters that none has (RFC 6749 Appendix A).
    BadParameter(Name),
    /// A member that matters came twice (RFC 7515 §4, RFC 7519 §4).
    DuplicateMember(Name),
    /// The document is nested deeper than 16 levels.
    JsonDepth,
    /// The document ends too early.
    JsonEof,
    /// The document is no object.
    JsonNotObject,
    /// The document is no JSON (RFC 8259).
    JsonSyntax,
    /// Something follows the document.
    JsonTrailing,
    /// The document is not UTF-8 (RFC 8259 §8.1).
    JsonUtf8,
    /// A member, or an endpoint, is missing.
    MissingMember(Name),
    /// A member has another type.
    WrongType(Name),
    // Transport.
    /// The answer is of another media type, or compressed. A web page in its place may be a hotel's.
    ContentType,
    /// The server sent us elsewhere; requests with secrets do not go there (RFC 9700 §4.12).
    HttpRedirect,
    /// The server answered with this status and no error that we know.
    HttpStatus(u16),
    /// An endpoint is no `https` URL, or has userinfo or a fragment.
    InsecureUrl(Name),
    // Authorization response.
    /// A response is success and refusal at once.
    ConflictingResponse,
    /// A parameter came twice (RFC 6749 §3.1).
    DuplicateParameter(Name),
    /// The response or the metadata are of another issuer (RFC 9207 §2.4, RFC 8414 §3.3).
    IssuerMismatch,
    /// The response names no issuer, though the server said that it would (RFC 9207 §2.4).
    IssuerMissing,
    /// A parameter is missing.
    MissingParameter(Name),
    /// The response came to another redirect URI (RFC 9700 §4.4.2).
    RedirectUriMismatch,
    /// What the relay gave was not sealed for this flow (RFC 9180 §5).
    SealBroken,
    /// The response answers another request, or none (RFC 6749 §10.12).
    StateMismatch,
    /// The response holds a token, which has no place there (RFC 9700 §2.1.2).
    UnexpectedParameter(Name),
    /// The response came as a form, or as a query, and the other was asked for.
    WrongMethod,
    // Token response and metadata.
    /// The server signs with no algorithm that the client takes.
    AlgorithmUnsupported,
    /// The server does not take the client's way to authenticate.
    AuthenticationMethodUnsupported,
    /// The server gave a bearer token, though tokens were to be bound to a key (RFC 9449 §5).
    DpopDowngrade,
    /// The tokens are bound to another key than the client has now (RFC 9449 §5).
    DpopKeyChanged,
    /// The server asked for a nonce again, though it had just got the one it gave (RFC 9449 §8).
    DpopNonceLoop,
    /// The server does not do PKCE with S256 (RFC 9700 §2.1.1).
    PkceUnsupported,
    /// The server gives no codes.
    ResponseTypeUnsupported,
    /// The access token is of a type that we cannot use (RFC 6749 §7.1).
    TokenType,
    // Signed token.
    /// The token is not signed.
    AlgorithmNone,
    /// The token is signed with an algorithm that the client does not take (RFC 8725 §3.1).
    AlgorithmNotAllowed,
    /// More keys could have signed it than are tried.
    AmbiguousKey,
    /// The signature is not of the server's key.
    BadSignature,
    /// The token says that something must be understood (`crit`), and we understand nothing of that kind.
    CriticalUnsupported,
    /// The token is encrypted.
    Encrypted,
    /// The token has not the compact form of a JWT (RFC 7515 §7.1).
    JwtFormat,
    /// The key is broken, or holds its private part.
    KeyInvalid,
    /// The key that the token names is for something else.
    KeyMismatch,
    /// The key, or the secret, is too short (RFC 7518 §3.2, §3.3).
    KeyTooWeak,
    /// The token is of another kind (`typ`), such as an access token (RFC 8725 §3.11).
    TypeMismatch,
    /// The server has no key of that name.
    UnknownKey,
    // Claims.
    /// The user was not authenticated in a way that was demanded (`acr`).
    AcrMismatch,
    /// The token is not for this client (`aud`).
    AudienceMismatch,
    /// The user logged in longer ago than `max_age` allows.
    AuthenticationTooOld,
    /// The token was issued to another client (`azp`).
    AzpMismatch,
    /// A claim differs from the one before the refresh (OIDC Core §12.2).
    ClaimChanged(Name),
    /// A claim is missing.
    ClaimMissing(Name),
    /// A claim is out of range, such as a date in milliseconds.
    ClaimRange(Name),
    /// A claim has another type.
    ClaimType(Name),
    /// The date is not known, so nothing that expires can be judged.
    ClockNotSet,
    /// The token has expired (`exp`).
    Expired,
    /// The token belongs to another access token or code (`at_hash`, `c_hash`).
    HashMismatch(Name),
    /// The token is of another issuer (`iss`).
    IssMismatch,
    /// The token was issued later than now (`iat`).
    IssuedInFuture,
    /// The token was issued longer ago than the client allows (`iat`).
    IssuedTooLongAgo,
    /// The token answers another request (`nonce`).
    NonceMismatch,
    /// The token is not valid yet (`nbf`).
    NotYetValid,
    /// The token came before (`jti`).
    Replayed,
    /// It is about another user (`sub`).
    SubjectMismatch,
    /// The token holds a claim that has no place in its kind: it is of another.
    UnexpectedClaim(Name),
    /// The token is also for somebody whom the client does not trust (`aud`).
    UntrustedAudience,
    /// The organization is not the one that was asked for.
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
            Self::Entropy | Self::KeysNeeded | Self::SignaturePending => Remedy::RetryNow,
            Self::AnswerLost | Self::Expired | Self::Snapshot => Remedy::Restart,
            Self::Refused(code) => code.remedy(),
            Self::RelayUnavailable => Remedy::RetryLater,
            Self::SignatureFailed => Remedy::Configuration,
        }
    }

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
            Self::DpopNonceLoop | Self::HttpStatus(429 | 500..=599) => Remedy::RetryLater,
            // A hotel's page in place of the answer.
            Self::ContentType | Self::JsonEof => Remedy::RetryLater,
            Self::AlgorithmUnsupported
            | Self::AuthenticationMethodUnsupported
            | Self::ClockNotSet
            | Self::DpopDowngrade
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
            | Self::Replayed
            | Self::SealBroken
            | Self::StateMismatch
            | Self::SubjectMismatch
            | Self::TypeMismatch
            | Self::UnexpectedClaim(_)
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
            Self::RelayUnavailable => f.write_str("the relay does not answer"),
            Self::SignatureFailed => f.write_str("the client's key could not sign"),
            Self::SignaturePending => f.write_str("the client's key has not signed yet"),
            Self::Snapshot => f.write_str("the snapshot does not belong to this flow"),
        }
    }
}

impl core::error::Error for Error {}

impl From<SignError> for Error {
    fn from(error: SignError) -> Self {
        match error {
            SignError::Failed => Self::SignatureFailed,
            SignError::Pending => Self::SignaturePending,
        }
    }
}

impl From<Check> for Error {
    fn from(check: Check) -> Self {
        Self::Check(check)
    }
}

// Two registers on a chip: errors travel in every return value.
const _: () = assert!(size_of::<Error>() <= 2 * size_of::<usize>());
