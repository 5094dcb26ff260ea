//! From what went wrong to what a person reads and can do, and to the exit code.

mod check;
mod network;
mod refusal;
mod setting;

use keyfob_core::error::{Error, Name};
use keyfob_std::Failure;

use crate::{
    arguments::Arguments,
    problem::{Problem, ServerText, Stage},
    report::duration,
    settings::DEFAULT_REDIRECT_URI,
};

/// What happened, in plain words, and what to do next.
#[derive(Clone, Debug)]
pub struct Advice {
    pub class: Class,
    pub message: String,
    pub advice: String,
    /// The check that failed, for scripts.
    pub check: Option<&'static str>,
    /// The server's error code.
    pub code: Option<String>,
    /// The server's own words.
    pub description: Option<String>,
    /// What a library said about the cause.
    pub detail: Option<String>,
}

/// Kinds of failure; each has its exit code.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Class {
    Check,
    Denied,
    Expired,
    Network,
    Other,
    Refused,
    Usage,
}

impl Class {
    pub fn name(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Network => "network",
            Self::Other => "other",
            Self::Refused => "refused",
            Self::Usage => "usage",
        }
    }

    pub fn exit_code(self) -> u8 {
        match self {
            Self::Other => 1,
            Self::Usage => 2,
            Self::Denied => 3,
            Self::Network => 4,
            Self::Refused => 5,
            Self::Check => 6,
            Self::Expired => 7,
        }
    }
}

impl Advice {
    pub fn new(class: Class, message: impl Into<String>, advice: impl Into<String>) -> Self {
        let (message, advice) = (message.into(), advice.into());
        Self { class, message, advice, check: None, code: None, description: None, detail: None }
    }

    fn because(mut self, detail: impl Into<Option<String>>) -> Self {
        self.detail = detail.into();
        self
    }
}

/// What to say about a problem.
pub fn on(problem: &Problem, arguments: &Arguments) -> Advice {
    match problem {
        Problem::Demo(error) => Advice::new(
            Class::Other,
            "The demo issuer could not be started on this machine.",
            "Try again; or sign in at a real server with --issuer and --client-id.",
        )
        .because(error.to_string()),
        Problem::Failed { stage, failure: Failure::Flow(error), refusal } => {
            flow(*error, *stage, refusal.as_ref(), arguments)
        }
        Problem::Failed { stage, failure: Failure::Http(error), .. } => {
            network::advice(error, *stage, arguments)
        }
        Problem::Failed { failure: Failure::UserAgent(error), .. } => network::of_browser(error, arguments),
        Problem::Failed { failure, .. } => {
            Advice::new(Class::Other, "The sign-in failed.", BUG).because(failure.to_string())
        }
        Problem::File { option, path, fault } => Advice::new(
            Class::Usage,
            format!("The file of {option}, {}, {fault}.", path.display()),
            format!("Name another file with {option}."),
        ),
        Problem::Interrupted => {
            Advice::new(Class::Denied, "You ended it before it was done.", "Run it again to start over.")
        }
        Problem::IssuerSlash { named } => Advice::new(
            Class::Usage,
            format!("The server calls itself {named}, and --issuer must say the same, to the last slash."),
            format!("Write --issuer {named}"),
        ),
        Problem::NoRefreshToken => Advice::new(
            Class::Refused,
            "The user is signed in, but the server gave no refresh token.",
            "Allow refresh tokens for this application at the server. Auth0: switch on the grant Refresh Token for \
             the application, and Allow Offline Access for the API if there is an --audience.",
        ),
        Problem::Output => Advice::new(
            Class::Other,
            "Not everything could be written: the output was closed.",
            "Keep the reader of the output open until this program ends.",
        ),
        Problem::Setting { message, advice } => Advice::new(Class::Usage, message, advice),
    }
}

fn flow(error: Error, stage: Stage, refusal: Option<&ServerText>, arguments: &Arguments) -> Advice {
    match error {
        Error::Check(check) => check::advice(check, stage, arguments),
        Error::Refused(code) => refusal::advice(code, stage, refusal),
        Error::Config(name) => setting::advice(name),
        Error::Expired => Advice::new(Class::Expired, nobody(arguments), expired(arguments)),
        Error::AnswerLost => {
            let used = if stage == Stage::Refresh { "refresh token" } else { "code" };
            Advice::new(
                Class::Network,
                format!(
                    "The connection broke before the tokens came, and the server may have used up the {used}."
                ),
                "Sign in again.",
            )
        }
        Error::InputTooLarge(Name::Url) => Advice::new(
            Class::Usage,
            "The address for the browser would be longer than 2048 characters, and browsers cut such addresses.",
            "Ask for less: shorten --scope, --resource or --param.",
        ),
        Error::InputTooLarge(name) => Advice::new(
            Class::Refused,
            format!("The server sent more than this program takes in: its `{name}` is too long."),
            "Let the server put less into its answers: fewer claims in the tokens, shorter codes.",
        ),
        Error::BufferTooSmall { needed } => Advice::new(
            Class::Refused,
            format!("The server sent more than this program takes in: {needed} bytes."),
            "Let the server put less into its answers: fewer claims, smaller tokens.",
        ),
        Error::Entropy => Advice::new(
            Class::Other,
            "This machine's random source failed, and nothing can be kept secret without it.",
            "Try again. If it stays so, something is wrong with the operating system.",
        ),
        Error::AlreadyCompleted | Error::KeysNeeded | Error::Misuse | Error::Snapshot => {
            Advice::new(Class::Other, format!("Something happened that should not: {error}."), BUG)
        }
        Error::RelayUnavailable => Advice::new(
            Class::Network,
            "The relay does not answer, or cannot serve now.",
            "Try again later, or sign in another way.",
        ),
        Error::SignatureFailed | Error::SignaturePending => Advice::new(
            Class::Other,
            "The key of this program could not sign the request.",
            "Look at the key: is it there, and of a kind that the server takes?",
        ),
        _ => Advice::new(Class::Other, format!("The sign-in failed: {error}."), BUG),
    }
}

fn nobody(arguments: &Arguments) -> String {
    let time = duration(arguments.timeout.into());
    if arguments.device {
        return format!("Nobody entered the code within {time}, or while the server took it.");
    }
    format!("Nobody came back from the browser within {time}.")
}

fn expired(arguments: &Arguments) -> String {
    let again = "Run it again, with a longer --timeout if needed.";
    if arguments.issuer.is_none() || arguments.device {
        return again.to_owned();
    }
    let redirect_uri = arguments.redirect_uri.as_deref().unwrap_or(DEFAULT_REDIRECT_URI);
    format!(
        "{again} If the server's page spoke of a wrong callback or redirect address, add {redirect_uri} to those that \
         the application may use (Auth0: Allowed Callback URLs)."
    )
}

const BUG: &str = "This is a fault of this program. Please report it, with the options that you used.";

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, io};

    use clap::Parser;
    use keyfob_core::error::{Check, ErrorCode};

    use super::*;

    pub(super) const STAGES: [Stage; 5] =
        [Stage::Discovery, Stage::Logout, Stage::Refresh, Stage::SignIn, Stage::UserInfo];

    /// The variants of an enum of the core, read from its source: it may grow behind this program's back.
    pub(super) fn variants(source: &str, name: &str) -> Vec<String> {
        let start = format!("pub enum {name} {{");
        let (_, body) = source.split_once(&start).expect("the enum is there");
        let body = body.split("\n}").next().expect("it ends");
        let lines = body.lines().filter_map(|line| line.strip_prefix("    "));
        let names =
            lines.map(|line| line.chars().take_while(char::is_ascii_alphanumeric).collect::<String>());
        names.filter(|name| !name.is_empty()).collect()
    }

    /// Advice has to be sentences, and no name of a Rust type or variant.
    pub(super) fn assert_readable(advice: &Advice, of: &str) {
        for text in [&advice.message, &advice.advice] {
            assert!(text.len() > 8 && text.starts_with(|first: char| !first.is_lowercase()), "{of}: {text}");
            assert!(
                !text.contains("::") && !text.contains("  ") && !text.contains(['{', '\n']),
                "{of}: {text}"
            );
            let camel = |word: &str| {
                let word = word.trim_matches(|c: char| !c.is_alphanumeric());
                let inner = word.chars().skip(1);
                word.starts_with(char::is_uppercase)
                    && word.chars().any(char::is_lowercase)
                    && inner.clone().any(char::is_uppercase)
                    && !["OAuth", "OpenID", "UserInfo", "DPoP", "URLs"].contains(&word)
            };
            assert!(!text.split_whitespace().any(camel), "{of}: {text}");
        }
        assert!(advice.message.ends_with('.'), "{of}: {}", advice.message);
    }

    pub(super) fn arguments() -> Arguments {
        let line = ["sign-in", "--issuer", "https://t.example/", "--client-id", "a"];
        Arguments::try_parse_from(line).expect("is right")
    }

    const ERRORS: [Error; 15] = [
        Error::AlreadyCompleted,
        Error::AnswerLost,
        Error::BufferTooSmall { needed: 9 },
        Error::Check(Check::BadSignature),
        Error::Config(Name::Scope),
        Error::Entropy,
        Error::Expired,
        Error::InputTooLarge(Name::Code),
        Error::KeysNeeded,
        Error::Misuse,
        Error::Refused(ErrorCode::InvalidGrant),
        Error::RelayUnavailable,
        Error::SignatureFailed,
        Error::SignaturePending,
        Error::Snapshot,
    ];

    #[test]
    fn every_error_has_words() {
        let names: Vec<_> = ERRORS.iter().map(|error| format!("{error:?}")).collect();
        let variants = variants(include_str!("../../../core/src/error.rs"), "Error");
        assert_eq!(variants.len(), ERRORS.len());
        assert!(variants.iter().zip(&names).all(|(variant, name)| name.starts_with(variant)), "{names:?}");
        for (error, name) in ERRORS.into_iter().zip(&names) {
            for stage in STAGES {
                let advice = flow(error, stage, None, &arguments());
                assert_readable(&advice, name);
                assert!(!advice.message.starts_with("The sign-in failed"), "{name} has words of its own");
            }
        }
    }

    #[test]
    fn every_problem_of_this_program_has_words() {
        for problem in [
            Problem::Demo(io::ErrorKind::AddrInUse.into()),
            Problem::File {
                option: "--ca-file",
                path: "/nowhere".into(),
                fault: "does not exist".to_owned(),
            },
            Problem::Interrupted,
            Problem::IssuerSlash { named: "https://t.example/".to_owned() },
            Problem::NoRefreshToken,
            Problem::Output,
            Problem::setting("It makes no sense.", "Write something else."),
        ] {
            assert_readable(&on(&problem, &arguments()), &format!("{problem:?}"));
        }
    }

    #[test]
    fn each_class_has_an_exit_code_of_its_own() {
        let classes = [
            Class::Other,
            Class::Usage,
            Class::Denied,
            Class::Network,
            Class::Refused,
            Class::Check,
            Class::Expired,
        ];
        let codes: Vec<_> = classes.iter().map(|class| class.exit_code()).collect();
        assert_eq!(codes, [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(classes.iter().map(|class| class.name()).collect::<HashSet<_>>().len(), classes.len());
    }

    #[test]
    fn who_runs_out_of_time_hears_of_the_callback() {
        let advice = flow(Error::Expired, Stage::SignIn, None, &arguments());
        assert_eq!(advice.class, Class::Expired);
        assert!(advice.advice.contains(DEFAULT_REDIRECT_URI));
    }
}
