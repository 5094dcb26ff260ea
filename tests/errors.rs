//! Every error, and what can be done about it.

use std::collections::BTreeSet;

use keyfob_core::error::{Check, Error, ErrorCode, Name, Remedy};

/// What can be done about each error that is no failed check.
const ERRORS: &[(Remedy, &[Error])] = &[
    (
        Remedy::Bug,
        &[
            Error::AlreadyCompleted,
            Error::BufferTooSmall { needed: 1 },
            Error::InputTooLarge(Name::Code),
            Error::Misuse,
        ],
    ),
    (Remedy::Configuration, &[Error::Config(Name::Scope), Error::SignatureFailed]),
    (Remedy::Restart, &[Error::AnswerLost, Error::Expired, Error::Snapshot]),
    (Remedy::RetryLater, &[Error::RelayUnavailable]),
    (Remedy::RetryNow, &[Error::Entropy, Error::KeysNeeded, Error::SignaturePending]),
];

/// What can be done about each failed check.
const CHECKS: &[(Remedy, &[Check])] = &[
    (
        Remedy::Configuration,
        &[
            Check::AlgorithmUnsupported,
            Check::AuthenticationMethodUnsupported,
            Check::ClockNotSet,
            Check::DpopDowngrade,
            Check::InsecureUrl(Name::TokenEndpoint),
            Check::PkceUnsupported,
            Check::ResponseTypeUnsupported,
        ],
    ),
    (
        Remedy::RetryLater,
        &[
            Check::ContentType,
            Check::DpopNonceLoop,
            Check::HttpStatus(429),
            Check::HttpStatus(500),
            Check::HttpStatus(503),
            Check::HttpStatus(599),
            Check::JsonEof,
        ],
    ),
    (
        Remedy::SecurityAlert,
        &[
            Check::AlgorithmNone,
            Check::AlgorithmNotAllowed,
            Check::AmbiguousKey,
            Check::AudienceMismatch,
            Check::AzpMismatch,
            Check::BadSignature,
            Check::ClaimChanged(Name::Aud),
            Check::HashMismatch(Name::AtHash),
            Check::IssMismatch,
            Check::IssuerMismatch,
            Check::IssuerMissing,
            Check::KeyInvalid,
            Check::KeyMismatch,
            Check::KeyTooWeak,
            Check::NonceMismatch,
            Check::Replayed,
            Check::SealBroken,
            Check::StateMismatch,
            Check::SubjectMismatch,
            Check::TypeMismatch,
            Check::UnexpectedClaim(Name::Nonce),
            Check::UnexpectedParameter(Name::AccessToken),
            Check::UnknownKey,
            Check::UntrustedAudience,
            Check::VendorClaimMismatch(Name::OrgId),
        ],
    ),
    (
        Remedy::Restart,
        &[
            Check::AcrMismatch,
            Check::AuthenticationTooOld,
            Check::BadEncoding(Name::Code),
            Check::BadHeader,
            Check::BadMember(Name::AccessToken),
            Check::BadParameter(Name::Code),
            Check::ClaimMissing(Name::Nonce),
            Check::ClaimRange(Name::Exp),
            Check::ClaimType(Name::Aud),
            Check::ConflictingResponse,
            Check::CriticalUnsupported,
            Check::DpopKeyChanged,
            Check::DuplicateMember(Name::Sub),
            Check::DuplicateParameter(Name::State),
            Check::Encrypted,
            Check::Expired,
            Check::HttpRedirect,
            Check::HttpStatus(400),
            Check::HttpStatus(428),
            Check::HttpStatus(430),
            Check::HttpStatus(499),
            Check::HttpStatus(600),
            Check::IssuedInFuture,
            Check::IssuedTooLongAgo,
            Check::JsonDepth,
            Check::JsonNotObject,
            Check::JsonSyntax,
            Check::JsonTrailing,
            Check::JsonUtf8,
            Check::JwtFormat,
            Check::MissingMember(Name::AccessToken),
            Check::MissingParameter(Name::Code),
            Check::NotYetValid,
            Check::RedirectUriMismatch,
            Check::TokenType,
            Check::WrongMethod,
            Check::WrongType(Name::Scope),
        ],
    ),
];

/// What can be done about each code that a server may answer with.
const CODES: &[(Remedy, &[ErrorCode])] = &[
    (
        Remedy::Configuration,
        &[
            ErrorCode::InsufficientScope,
            ErrorCode::InvalidClient,
            ErrorCode::InvalidDpopProof,
            ErrorCode::InvalidRequest,
            ErrorCode::InvalidScope,
            ErrorCode::InvalidTarget,
            ErrorCode::UnauthorizedClient,
            ErrorCode::UnsupportedGrantType,
            ErrorCode::UnsupportedResponseType,
            ErrorCode::UnsupportedTokenType,
        ],
    ),
    (Remedy::Restart, &[ErrorCode::ExpiredToken, ErrorCode::InvalidGrant, ErrorCode::Other]),
    (
        Remedy::RetryLater,
        &[
            ErrorCode::AuthorizationPending,
            ErrorCode::ServerError,
            ErrorCode::SlowDown,
            ErrorCode::TemporarilyUnavailable,
        ],
    ),
    (Remedy::RetryNow, &[ErrorCode::InvalidToken, ErrorCode::UseDpopNonce]),
    (
        Remedy::UserDenied,
        &[
            ErrorCode::AccessDenied,
            ErrorCode::AccountSelectionRequired,
            ErrorCode::ConsentRequired,
            ErrorCode::InsufficientUserAuthentication,
            ErrorCode::InteractionRequired,
            ErrorCode::LoginRequired,
            ErrorCode::UnmetAuthenticationRequirements,
        ],
    ),
];

const SOURCE: &str = include_str!("../core/src/error.rs");
const SOURCE_OF_CODES: &str = include_str!("../core/src/error_code.rs");

/// The lines of an enumeration in the source.
fn lines_of(name: &str) -> impl Iterator<Item = &'static str> {
    let start = format!("pub enum {name} {{");
    SOURCE.lines().skip_while(move |line| *line != start).skip(1).take_while(|line| *line != "}")
}

/// The identifier that a line begins with, if it is a variant of an enumeration.
fn variant(line: &str) -> Option<String> {
    let text = line.strip_prefix("    ")?;
    let name: String = text.chars().take_while(char::is_ascii_alphanumeric).collect();
    name.starts_with(|first: char| first.is_ascii_uppercase()).then_some(name)
}

/// The variants that an enumeration has in the source.
fn variants(name: &str) -> BTreeSet<String> {
    lines_of(name).filter_map(variant).collect()
}

fn names<'v, T: std::fmt::Debug + 'v>(values: impl Iterator<Item = &'v T>) -> BTreeSet<String> {
    values
        .map(|value| format!("{value:?}").chars().take_while(char::is_ascii_alphanumeric).collect())
        .collect()
}

fn all<T>(table: &'static [(Remedy, &'static [T])]) -> impl Iterator<Item = &'static T> {
    table.iter().flat_map(|(_, values)| *values)
}

// REQ: ERR-02
#[test]
fn every_error_has_one_remedy() {
    for (remedy, errors) in ERRORS {
        for error in *errors {
            assert_eq!(error.remedy(), *remedy, "{error:?}");
        }
    }
    for (remedy, checks) in CHECKS {
        for check in *checks {
            assert_eq!(Error::Check(*check).remedy(), *remedy, "{check:?}");
        }
    }
    for (remedy, codes) in CODES {
        for code in *codes {
            assert_eq!(Error::Refused(*code).remedy(), *remedy, "{code:?}");
        }
    }
    // The tables are whole.
    let mut errors = names(all(ERRORS));
    errors.extend(["Check".into(), "Refused".into()]);
    assert_eq!(errors, variants("Error"));
    assert_eq!(names(all(CHECKS)), variants("Check"));
    let (_, rows) = SOURCE_OF_CODES.split_once("\nerror_codes! {\n").expect("the list of codes");
    let mut codes: BTreeSet<_> = rows.lines().take_while(|line| *line != "}").filter_map(variant).collect();
    codes.insert("Other".into());
    assert_eq!(names(all(CODES)), codes);
}

// REQ: ERR-08
#[test]
fn what_may_be_an_attack_is_an_alert() {
    for check in [
        Check::StateMismatch,
        Check::IssuerMismatch,
        Check::IssMismatch,
        Check::BadSignature,
        Check::NonceMismatch,
        Check::SubjectMismatch,
    ] {
        assert_eq!(Error::from(check).remedy(), Remedy::SecurityAlert, "{check:?}");
    }
}

// REQ: ERR-01
#[test]
fn every_error_is_documented() {
    for enumeration in ["Error", "Check"] {
        let mut before = "";
        for line in lines_of(enumeration) {
            if variant(line).is_some() {
                assert!(before.trim_start().starts_with("///"), "{line} is not documented");
            }
            before = line;
        }
    }
    for error in all(ERRORS) {
        assert!(error.to_string().contains(' '), "{error:?} is no sentence");
    }
}
