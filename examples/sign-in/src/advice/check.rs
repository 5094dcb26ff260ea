//! The checks: what each one's failure means to a person.

use keyfob_core::error::{Check, Name};

use crate::{
    advice::{Advice, Class},
    arguments::Arguments,
    problem::Stage,
};

/// What to say about a check that failed.
pub fn advice(check: Check, stage: Stage, arguments: &Arguments) -> Advice {
    let Row { name, message, remedy } = row(check, stage, arguments);
    let (class, advice) = remedy.words(stage);
    Advice { check: Some(name), ..Advice::new(class, message, advice) }
}

/// What is known of a check.
struct Row {
    /// Its name for scripts.
    name: &'static str,
    message: String,
    remedy: Remedy,
}

/// What can be done about it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Remedy {
    /// The server does not find its own address, or another one is meant.
    Address,
    /// Another kind of signature.
    Algorithm,
    /// Another way to authenticate.
    Authentication,
    /// The clock of this machine.
    Clock,
    /// The network gave an answer of its own.
    Portal,
    /// The user signs in once more, more strongly.
    Reauthenticate,
    /// The server speaks the protocol wrongly.
    ServerFault,
    /// The server lacks what is needed, or has it switched off.
    ServerSettings,
    /// Somebody may be in between.
    Tampering,
    /// Later.
    TryLater,
}

impl Remedy {
    fn words(self, stage: Stage) -> (Class, &'static str) {
        match self {
            Self::Address if stage == Stage::Discovery => (
                Class::Usage,
                "Check --issuer: it must be the server's issuer address to the letter. Auth0: https://TENANT.auth0.com/ \
                 with the slash. Keycloak: https://HOST/realms/REALM. Google: https://accounts.google.com",
            ),
            Self::Address | Self::ServerSettings => {
                (Class::Refused, "This is a matter of the server's configuration; tell whoever runs it.")
            }
            Self::Algorithm => (
                Class::Refused,
                "Accept more with --id-token-alg, or let the server sign this application's ID tokens with RS256 or ES256 \
                 (Auth0: RS256 in the advanced settings of the application).",
            ),
            Self::Authentication => {
                (Class::Usage, "Choose another one with --client-auth: post, basic or basic-raw.")
            }
            Self::Clock => (
                Class::Check,
                "Check the date and the time of this machine, then sign in again. If they are right, the server's clock \
                 is wrong.",
            ),
            Self::Portal => (
                Class::Network,
                "If this network has a page of its own to log in at first, as in hotels and trains, do that and run it \
                 again. If not, check --issuer.",
            ),
            Self::Reauthenticate => (
                Class::Check,
                "Sign in again, in the way that the options ask for: --max-age, --acr-values, --organization.",
            ),
            Self::ServerFault => (
                Class::Check,
                "Nothing of it was used. Run it again; if it stays so, it is a fault of the server, or of a proxy before \
                 it: tell whoever runs it.",
            ),
            Self::Tampering => (
                Class::Check,
                "Nothing of it was accepted. Run it again; if it stays so, do not try to get around it, but tell whoever \
                 runs the server.",
            ),
            Self::TryLater => (
                Class::Network,
                "Run it again in a few minutes. If it stays so, tell whoever runs the server.",
            ),
        }
    }
}

/// One line for each check, in the order of the catalogue.
fn row(check: Check, stage: Stage, arguments: &Arguments) -> Row {
    use Remedy::*;
    let server = arguments.issuer.as_deref().unwrap_or("the demo issuer");
    let answer = match stage {
        Stage::Discovery => "The description that the server gives of itself",
        Stage::Refresh => "The server's answer to the refresh",
        Stage::SignIn => "The server's answer",
        Stage::Logout => "The answer of the revocation endpoint",
        Stage::UserInfo => "The answer of the UserInfo endpoint",
    };
    let (name, message, remedy) = match check {
        // Decoding.
        Check::BadEncoding(n) => {
            ("bad_encoding", format!("{answer} has a wrongly encoded `{n}`."), ServerFault)
        }
        Check::BadHeader => ("bad_header", format!("{answer} states its media type twice."), ServerFault),
        Check::BadMember(n) => {
            ("bad_member", format!("{answer} has a `{n}` that cannot be one."), ServerFault)
        }
        Check::BadParameter(n) => {
            ("bad_parameter", format!("The browser brought back a `{n}` that cannot be one."), ServerFault)
        }
        Check::DuplicateMember(n) => {
            ("duplicate_member", format!("{answer} states `{n}` twice."), ServerFault)
        }
        Check::JsonDepth => {
            ("json_depth", format!("{answer} is nested deeper than anything useful."), ServerFault)
        }
        Check::JsonEof => ("json_eof", format!("{answer} broke off in the middle."), Portal),
        Check::JsonNotObject => ("json_not_object", format!("{answer} is not a JSON object."), ServerFault),
        Check::JsonSyntax => ("json_syntax", format!("{answer} is not valid JSON."), ServerFault),
        Check::JsonTrailing => ("json_trailing", format!("{answer} goes on after its end."), ServerFault),
        Check::JsonUtf8 => ("json_utf8", format!("{answer} is not valid UTF-8."), ServerFault),
        Check::MissingMember(n) => missing(n, answer),
        Check::WrongType(n) => {
            ("wrong_type", format!("{answer} has a `{n}` of the wrong kind."), ServerFault)
        }
        // Transport.
        Check::ContentType => (
            "content_type",
            format!("{answer} is not JSON: something else answered, perhaps a web page."),
            Portal,
        ),
        Check::HttpRedirect => (
            "http_redirect",
            format!("{answer} points to another address, and such hints are not followed."),
            Address,
        ),
        Check::HttpStatus(status) => http_status(status, stage, server),
        Check::InsecureUrl(n) => (
            "insecure_url",
            format!("The server names an address that is not https: its `{n}`. Nothing is sent there."),
            ServerFault,
        ),
        // Authorization response.
        Check::ConflictingResponse => {
            ("conflicting_response", format!("{answer} says yes and no at the same time."), Tampering)
        }
        Check::DuplicateParameter(n) => {
            ("duplicate_parameter", format!("The browser brought back `{n}` twice."), Tampering)
        }
        Check::IssuerMismatch if stage == Stage::Discovery => (
            "issuer_mismatch",
            format!(
                "The server at {server} calls itself by another name, so it is not the one that was meant."
            ),
            Address,
        ),
        Check::IssuerMismatch => (
            "issuer_mismatch",
            format!("The browser brought back the answer of another issuer than {server}."),
            Tampering,
        ),
        Check::IssuerMissing => (
            "issuer_missing",
            "The answer does not say which server it comes from, though the server promises that.".to_owned(),
            Tampering,
        ),
        Check::MissingParameter(n) => {
            ("missing_parameter", format!("The browser came back without `{n}`."), ServerFault)
        }
        Check::RedirectUriMismatch => (
            "redirect_uri_mismatch",
            "The browser came back to another address than it was sent to.".to_owned(),
            Tampering,
        ),
        Check::SealBroken => {
            ("seal_broken", "What the relay gave was not sealed for this sign-in.".to_owned(), Tampering)
        }
        Check::StateMismatch => (
            "state_mismatch",
            "The browser brought back the answer to another sign-in than this one.".to_owned(),
            Tampering,
        ),
        Check::UnexpectedParameter(n) => (
            "unexpected_parameter",
            format!("The browser brought back `{n}`, which was not asked for."),
            Tampering,
        ),
        Check::WrongMethod => (
            "wrong_method",
            "The browser came back in another way than was asked for.".to_owned(),
            ServerFault,
        ),
        // Token response and metadata.
        Check::AlgorithmUnsupported => (
            "algorithm_unsupported",
            "The server signs ID tokens only in ways that are not accepted here.".to_owned(),
            Algorithm,
        ),
        Check::AuthenticationMethodUnsupported => (
            "authentication_method_unsupported",
            "The server does not offer this way of authenticating the application.".to_owned(),
            Authentication,
        ),
        Check::DpopDowngrade => (
            "dpop_downgrade",
            "The server gave a bearer token, though tokens were to be bound to a key.".to_owned(),
            ServerSettings,
        ),
        Check::DpopKeyChanged => (
            "dpop_key_changed",
            "The tokens are bound to another key than this device has now.".to_owned(),
            Reauthenticate,
        ),
        Check::DpopNonceLoop => (
            "dpop_nonce_loop",
            "The server asked again for a nonce that it had just been shown.".to_owned(),
            ServerFault,
        ),
        Check::PkceUnsupported => (
            "pkce_unsupported",
            "The server does not support PKCE with S256, which keeps codes from being stolen.".to_owned(),
            ServerSettings,
        ),
        Check::ResponseTypeUnsupported => (
            "response_type_unsupported",
            "The server does not offer the authorization code flow.".to_owned(),
            ServerSettings,
        ),
        Check::TokenType => (
            "token_type",
            "The server gave an access token of another type than Bearer.".to_owned(),
            ServerSettings,
        ),
        // Signed token.
        Check::AlgorithmNone => ("algorithm_none", "The ID token is not signed.".to_owned(), Tampering),
        Check::AlgorithmNotAllowed => (
            "algorithm_not_allowed",
            "The ID token is signed in a way that is not accepted here.".to_owned(),
            Algorithm,
        ),
        Check::AmbiguousKey => (
            "ambiguous_key",
            "The ID token does not say which of the server's keys signed it, and there are too many."
                .to_owned(),
            ServerFault,
        ),
        Check::BadSignature => ("bad_signature", "The ID token's signature is wrong.".to_owned(), Tampering),
        Check::CriticalUnsupported => (
            "critical_unsupported",
            "The ID token demands an extension that this program does not know.".to_owned(),
            ServerSettings,
        ),
        Check::Encrypted => (
            "encrypted",
            "The ID token is encrypted, which this program does not read.".to_owned(),
            ServerSettings,
        ),
        Check::JwtFormat => {
            ("jwt_format", "The ID token is not one: its form is wrong.".to_owned(), ServerFault)
        }
        Check::KeyInvalid => ("key_invalid", "The server's key cannot be a key.".to_owned(), Tampering),
        Check::KeyMismatch => (
            "key_mismatch",
            "The key that the ID token names does not fit its signature.".to_owned(),
            Tampering,
        ),
        Check::KeyTooWeak => {
            ("key_too_weak", "The server's key is too short to be relied on.".to_owned(), ServerSettings)
        }
        Check::TypeMismatch => {
            ("type_mismatch", "What came as an ID token is a token of another kind.".to_owned(), Tampering)
        }
        Check::UnknownKey => {
            ("unknown_key", "The ID token is signed by a key that is not the server's.".to_owned(), Tampering)
        }
        // Claims.
        Check::AcrMismatch => {
            ("acr_mismatch", "The login was not as strong as was asked for.".to_owned(), Reauthenticate)
        }
        Check::AudienceMismatch => {
            ("audience_mismatch", "The ID token is meant for another application.".to_owned(), Tampering)
        }
        Check::AuthenticationTooOld => (
            "authentication_too_old",
            "The user's last login is longer ago than --max-age allows.".to_owned(),
            Reauthenticate,
        ),
        Check::AzpMismatch => {
            ("azp_mismatch", "The ID token was issued to another application.".to_owned(), Tampering)
        }
        Check::ClaimChanged(n) => (
            "claim_changed",
            format!("The new ID token says something else than the first one: its `{n}` has changed."),
            Tampering,
        ),
        Check::ClaimMissing(n) => ("claim_missing", format!("The ID token has no `{n}`."), ServerFault),
        Check::ClaimRange(n) => {
            ("claim_range", format!("The ID token has an impossible `{n}`."), ServerFault)
        }
        Check::ClaimType(n) => {
            ("claim_type", format!("The ID token has a `{n}` of the wrong kind."), ServerFault)
        }
        Check::ClockNotSet => {
            ("clock_not_set", "This machine does not know what day it is.".to_owned(), Clock)
        }
        Check::Expired => ("expired", "The ID token has expired already.".to_owned(), Clock),
        Check::HashMismatch(n) => (
            "hash_mismatch",
            format!("The ID token does not belong to what came with it: its `{n}` is wrong."),
            Tampering,
        ),
        Check::IssMismatch => {
            ("iss_mismatch", format!("The ID token is of another issuer than {server}."), Tampering)
        }
        Check::IssuedInFuture => {
            ("issued_in_future", "The ID token comes from the future.".to_owned(), Clock)
        }
        Check::IssuedTooLongAgo => ("issued_too_long_ago", "The ID token is an old one.".to_owned(), Clock),
        Check::NonceMismatch => {
            ("nonce_mismatch", "The ID token answers another sign-in than this one.".to_owned(), Tampering)
        }
        Check::NotYetValid => ("not_yet_valid", "The ID token is not valid yet.".to_owned(), Clock),
        Check::Replayed => ("replayed", "The token came before.".to_owned(), Tampering),
        Check::SubjectMismatch => (
            "subject_mismatch",
            format!("{answer} is about another user than the one who signed in."),
            Tampering,
        ),
        Check::UnexpectedClaim(claim) => (
            "unexpected_claim",
            format!("The token holds `{claim}`, which has no place in its kind."),
            Tampering,
        ),
        Check::UntrustedAudience => (
            "untrusted_audience",
            "The ID token is meant for others beside this application.".to_owned(),
            Tampering,
        ),
        Check::VendorClaimMismatch(n) => (
            "vendor_claim_mismatch",
            format!("The user did not sign in to the organization that was asked for (`{n}`)."),
            Reauthenticate,
        ),
        _ => (UNKNOWN, format!("{answer} did not pass a check."), ServerFault),
    };
    Row { name, message, remedy }
}

type Cells = (&'static str, String, Remedy);

/// What is missing may be an endpoint, the ID token, or a piece of an answer.
fn missing(name: Name, answer: &str) -> Cells {
    let (message, remedy) = match name {
        Name::AuthorizationEndpoint
        | Name::DeviceAuthorizationEndpoint
        | Name::EndSessionEndpoint
        | Name::JwksUri
        | Name::PushedAuthorizationRequestEndpoint
        | Name::RevocationEndpoint
        | Name::TokenEndpoint
        | Name::UserinfoEndpoint => (
            format!("The server does not offer what this needs: it names no `{name}`."),
            Remedy::ServerSettings,
        ),
        Name::IdToken => {
            ("The server sent no ID token, though the scope has openid.".to_owned(), Remedy::ServerSettings)
        }
        name => (format!("{answer} has no `{name}`."), Remedy::ServerFault),
    };
    ("missing_member", message, remedy)
}

fn http_status(status: u16, stage: Stage, server: &str) -> Cells {
    let (message, remedy) = match (status, stage) {
        (429, _) => ("The server has had too many requests".to_owned(), Remedy::TryLater),
        (500..=599, _) => ("The server is in trouble".to_owned(), Remedy::TryLater),
        (_, Stage::Discovery) => (format!("There is no OpenID Connect issuer at {server}"), Remedy::Address),
        (401 | 403, Stage::UserInfo) => {
            ("The UserInfo endpoint does not take the access token".to_owned(), Remedy::ServerSettings)
        }
        _ => (
            "The server did not do what it was asked to, and gave no reason".to_owned(),
            Remedy::ServerSettings,
        ),
    };
    ("http_status", format!("{message} (HTTP status {status})."), remedy)
}

const UNKNOWN: &str = "unknown";

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::advice::tests::{STAGES, assert_readable, variants};

    #[test]
    fn every_check_has_words() {
        let n = Name::Nonce;
        let checks = [
            Check::BadEncoding(n),
            Check::BadHeader,
            Check::BadMember(n),
            Check::BadParameter(n),
            Check::DuplicateMember(n),
            Check::JsonDepth,
            Check::JsonEof,
            Check::JsonNotObject,
            Check::JsonSyntax,
            Check::JsonTrailing,
            Check::JsonUtf8,
            Check::MissingMember(n),
            Check::WrongType(n),
            Check::ContentType,
            Check::HttpRedirect,
            Check::HttpStatus(404),
            Check::InsecureUrl(n),
            Check::ConflictingResponse,
            Check::DuplicateParameter(n),
            Check::IssuerMismatch,
            Check::IssuerMissing,
            Check::MissingParameter(n),
            Check::RedirectUriMismatch,
            Check::SealBroken,
            Check::StateMismatch,
            Check::UnexpectedParameter(n),
            Check::WrongMethod,
            Check::AlgorithmUnsupported,
            Check::AuthenticationMethodUnsupported,
            Check::DpopDowngrade,
            Check::DpopKeyChanged,
            Check::DpopNonceLoop,
            Check::PkceUnsupported,
            Check::ResponseTypeUnsupported,
            Check::TokenType,
            Check::AlgorithmNone,
            Check::AlgorithmNotAllowed,
            Check::AmbiguousKey,
            Check::BadSignature,
            Check::CriticalUnsupported,
            Check::Encrypted,
            Check::JwtFormat,
            Check::KeyInvalid,
            Check::KeyMismatch,
            Check::KeyTooWeak,
            Check::TypeMismatch,
            Check::UnknownKey,
            Check::AcrMismatch,
            Check::AudienceMismatch,
            Check::AuthenticationTooOld,
            Check::AzpMismatch,
            Check::ClaimChanged(n),
            Check::ClaimMissing(n),
            Check::ClaimRange(n),
            Check::ClaimType(n),
            Check::ClockNotSet,
            Check::Expired,
            Check::HashMismatch(n),
            Check::IssMismatch,
            Check::IssuedInFuture,
            Check::IssuedTooLongAgo,
            Check::NonceMismatch,
            Check::NotYetValid,
            Check::Replayed,
            Check::SubjectMismatch,
            Check::UnexpectedClaim(n),
            Check::UntrustedAudience,
            Check::VendorClaimMismatch(n),
        ];
        let arguments = Arguments::try_parse_from(["sign-in"]).expect("is right");
        let names = variants(include_str!("../../../../core/src/error.rs"), "Check");
        let mut listed: Vec<_> = checks.iter().map(|check| variant(*check)).collect();
        let mut declared = names;
        listed.sort();
        declared.sort();
        assert_eq!(listed, declared);
        for check in checks {
            for stage in STAGES {
                let advice = advice(check, stage, &arguments);
                assert_readable(&advice, &variant(check));
                assert_eq!(advice.check.map(str::to_owned), Some(snake(&variant(check))));
            }
        }
    }

    #[test]
    fn trouble_of_the_server_is_no_attack() {
        let arguments = Arguments::try_parse_from(["sign-in"]).expect("is right");
        let class = |check, stage| advice(check, stage, &arguments).class;
        assert_eq!(class(Check::HttpStatus(503), Stage::SignIn), Class::Network);
        assert_eq!(class(Check::HttpStatus(429), Stage::Discovery), Class::Network);
        assert_eq!(class(Check::HttpStatus(404), Stage::Discovery), Class::Usage);
        assert_eq!(class(Check::HttpStatus(400), Stage::SignIn), Class::Refused);
        assert_eq!(class(Check::BadSignature, Stage::SignIn), Class::Check);
        assert_eq!(class(Check::MissingMember(Name::UserinfoEndpoint), Stage::UserInfo), Class::Refused);
    }

    fn variant(check: Check) -> String {
        format!("{check:?}").split('(').next().unwrap_or_default().to_owned()
    }

    fn snake(camel: &str) -> String {
        let mut snake = String::new();
        for character in camel.chars() {
            if character.is_uppercase() && !snake.is_empty() {
                snake.push('_');
            }
            snake.push(character.to_ascii_lowercase());
        }
        snake
    }
}
