//! The names of the requirement catalogue for what the core reports.

use keyfob_core::error::{Check, Error, Name};
use keyfob_core::flow::Refusal;
use serde_json::{Map, Value};

/// What was going on. It tells apart what has one name in the core and two in the catalogue: a server's refusal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step {
    /// A client or a flow was made, or a metadata document read.
    Setup,
    /// An authorization response came.
    Redirect,
    /// A token response came.
    Token,
}

/// What went wrong, as the case files write it: `err`, `arg` where there is one, and what the server wrote beside
/// its refusal.
pub fn of(error: Error, step: Step, refusal: Option<Refusal<'_>>) -> Value {
    let (name, argument) = named(error, step);
    let mut outcome = Map::new();
    outcome.insert("err".into(), name.into());
    if let Some(argument) = argument {
        outcome.insert("arg".into(), argument.into());
    }
    if let Some(refusal) = refusal {
        outcome.insert("arg".into(), refusal.code().into());
        for (name, text) in [("description", refusal.description()), ("uri", refusal.uri())] {
            if !text.is_empty() {
                outcome.insert(name.into(), text.into());
            }
        }
    }
    outcome.into()
}

/// The catalogue's name and argument, in the order of the core's own list.
fn named(error: Error, step: Step) -> (&'static str, Option<String>) {
    let name = match error {
        Error::AlreadyCompleted => "AlreadyCompleted",
        Error::AnswerLost => return ("Transport", Some("maybe_sent".into())),
        Error::BufferTooSmall { .. } => "BufferTooSmall",
        Error::Check(check) => return checked(check),
        Error::Config(name) => return ("Config", Some(setting(name).into())),
        Error::Entropy => "Entropy",
        Error::Expired => "FlowExpired",
        Error::InputTooLarge(name) => return ("InputTooLarge", Some(name.to_string())),
        // No outcome but a question: the core fetches keys only when a token asks for them.
        Error::KeysNeeded => "KeysNeeded",
        Error::Misuse => "UnexpectedEvent",
        Error::Refused(code) => {
            let name = if step == Step::Redirect { "AuthorizationError" } else { "OAuthError" };
            return (name, Some(code.to_string()));
        }
        Error::RelayUnavailable => return ("Transport", Some("relay".into())),
        // The client's own key: nothing of it is the server's.
        Error::SignatureFailed => "SignatureFailed",
        Error::SignaturePending => "SignaturePending",
        Error::Snapshot => "NoSession",
        _ => panic!("{error:?} has no name"),
    };
    (name, None)
}

fn checked(check: Check) -> (&'static str, Option<String>) {
    let (name, argument) = match check {
        Check::BadEncoding(name) => ("BadEncoding", name),
        Check::BadHeader => return ("BadHeader", None),
        Check::BadMember(name) => ("BadMember", name),
        Check::BadParameter(name) => ("BadParam", name),
        Check::DuplicateMember(name) => ("DuplicateMember", name),
        Check::JsonDepth => return ("JsonDepth", None),
        Check::JsonEof => return ("JsonEof", None),
        Check::JsonNotObject => return ("JsonNotObject", None),
        Check::JsonSyntax => return ("JsonSyntax", None),
        Check::JsonTrailing => return ("JsonTrailing", None),
        Check::JsonUtf8 => return ("JsonUtf8", None),
        Check::MissingMember(name) => ("MissingMember", name),
        Check::WrongType(name) => ("WrongType", name),
        Check::ContentType => return ("ContentType", None),
        Check::HttpRedirect => return ("HttpRedirect", None),
        Check::HttpStatus(status) => return ("HttpStatus", Some(status.to_string())),
        Check::InsecureUrl(name) => ("InsecureUrl", name),
        Check::ConflictingResponse => return ("ConflictingResponse", None),
        Check::DuplicateParameter(name) => ("DuplicateParam", name),
        Check::IssuerMismatch => return ("IssuerMismatch", None),
        Check::IssuerMissing => return ("IssuerMissing", None),
        Check::MissingParameter(name) => ("MissingParam", name),
        Check::RedirectUriMismatch => return ("RedirectUriMismatch", None),
        Check::SealBroken => return ("SealBroken", None),
        Check::StateMismatch => return ("StateMismatch", None),
        Check::UnexpectedParameter(name) => ("UnexpectedParam", name),
        Check::WrongMethod => return ("WrongMethod", None),
        Check::AlgorithmUnsupported => return ("AlgUnsupported", None),
        Check::AuthenticationMethodUnsupported => return ("AuthMethodUnsupported", None),
        Check::DpopDowngrade => return ("DpopDowngrade", None),
        Check::DpopKeyChanged => return ("DpopKeyChanged", None),
        Check::DpopNonceLoop => return ("DpopNonceLoop", None),
        Check::PkceUnsupported => return ("PkceUnsupported", None),
        Check::ResponseTypeUnsupported => return ("ResponseTypeUnsupported", None),
        Check::TokenType => return ("TokenType", None),
        Check::AlgorithmNone => return ("AlgNone", None),
        Check::AlgorithmNotAllowed => return ("AlgNotAllowed", None),
        Check::AmbiguousKey => return ("AmbiguousKey", None),
        Check::BadSignature => return ("BadSignature", None),
        Check::CriticalUnsupported => return ("CritUnsupported", None),
        Check::Encrypted => return ("Encrypted", None),
        Check::JwtFormat => return ("JwtFormat", None),
        Check::KeyInvalid => return ("KeyInvalid", None),
        Check::KeyMismatch => return ("KeyMismatch", None),
        Check::KeyTooWeak => return ("KeyTooWeak", None),
        Check::TypeMismatch => return ("TypMismatch", None),
        Check::UnknownKey => return ("UnknownKey", None),
        Check::AcrMismatch => return ("AcrMismatch", None),
        Check::AudienceMismatch => return ("AudMismatch", None),
        Check::AuthenticationTooOld => return ("AuthTooOld", None),
        Check::AzpMismatch => return ("AzpMismatch", None),
        Check::ClaimChanged(name) => ("ClaimChanged", name),
        Check::ClaimMissing(name) => ("ClaimMissing", name),
        Check::ClaimRange(name) => ("ClaimRange", name),
        Check::ClaimType(name) => ("ClaimType", name),
        Check::ClockNotSet => return ("ClockNotSet", None),
        Check::Expired => return ("Expired", None),
        Check::HashMismatch(name) => ("HashMismatch", name),
        Check::IssMismatch => return ("IssMismatch", None),
        Check::IssuedInFuture => return ("IssuedInFuture", None),
        Check::IssuedTooLongAgo => return ("IssuedTooLongAgo", None),
        Check::NonceMismatch => return ("NonceMismatch", None),
        Check::NotYetValid => return ("NotYetValid", None),
        Check::Replayed => return ("Replayed", None),
        Check::SubjectMismatch => return ("SubMismatch", None),
        Check::UnexpectedClaim(name) => ("UnexpectedClaim", name),
        Check::UntrustedAudience => return ("UntrustedAudience", None),
        Check::VendorClaimMismatch(name) => ("VendorClaimMismatch", name),
        _ => panic!("{check:?} has no name"),
    };
    (name, Some(argument.to_string()))
}

/// What the catalogue calls a setting.
fn setting(name: Name) -> &'static str {
    match name {
        // The endpoint has a parameter in its query that would be sent a second time.
        Name::AuthorizationEndpoint => "DuplicateParam",
        Name::ClockSkew => "skew",
        Name::CodeVerifier => "verifier",
        Name::Parameter => "extra",
        name => name.as_str(),
    }
}

/// Both enumerations may grow, so a `match` here cannot be exhaustive. This stops the build instead, when a
/// variant of the core has no name above, or stands there in another order.
const _: () = assert!(
    all_are_named(include_bytes!("../../core/src/error.rs"), include_bytes!("outcome.rs")),
    "a variant of the core's errors has no name in tests/tables/outcome.rs"
);

/// Looks for each variant that `source` defines in `names`, in one pass.
const fn all_are_named(source: &[u8], mut names: &[u8]) -> bool {
    let mut rest = source;
    let mut kind: Option<&[u8]> = None;
    let mut found = 0;
    while let Some((line, behind)) = split_line(rest) {
        rest = behind;
        if starts_with(line, b"pub enum Error {") {
            kind = Some(b"Error::");
        } else if starts_with(line, b"pub enum Check {") {
            kind = Some(b"Check::");
        } else if starts_with(line, b"}") {
            kind = None;
        }
        let (Some(kind), true, b'A'..=b'Z') = (kind, starts_with(line, b"    "), octet(line, 4)) else {
            continue;
        };
        let (_, variant) = line.split_at(4);
        match behind_name(names, kind, variant) {
            Some(behind) => names = behind,
            None => return false,
        }
        found += 1;
    }
    found > 60
}

/// What stands behind `kind` and the identifier that `variant` begins with.
const fn behind_name<'n>(mut names: &'n [u8], kind: &[u8], variant: &[u8]) -> Option<&'n [u8]> {
    let length = identifier(variant);
    let (variant, _) = variant.split_at(length);
    while !names.is_empty() {
        if starts_with(names, kind) {
            let (_, behind) = names.split_at(kind.len());
            if identifier(behind) == length && starts_with(behind, variant) {
                return Some(behind);
            }
        }
        (_, names) = names.split_at(1);
    }
    None
}

const fn split_line(text: &[u8]) -> Option<(&[u8], &[u8])> {
    if text.is_empty() {
        return None;
    }
    let mut length = 0;
    while length < text.len() && text[length] != b'\n' {
        length += 1;
    }
    let (line, behind) = text.split_at(length);
    let (_, behind) = behind.split_at(if behind.is_empty() { 0 } else { 1 });
    Some((line, behind))
}

const fn identifier(text: &[u8]) -> usize {
    let mut length = 0;
    while octet(text, length).is_ascii_alphanumeric() {
        length += 1;
    }
    length
}

const fn starts_with(text: &[u8], start: &[u8]) -> bool {
    let mut place = 0;
    while place < start.len() {
        if octet(text, place) != start[place] {
            return false;
        }
        place += 1;
    }
    true
}

const fn octet(text: &[u8], place: usize) -> u8 {
    if place < text.len() { text[place] } else { 0 }
}
