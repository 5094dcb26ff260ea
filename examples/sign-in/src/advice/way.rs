//! Why a way to sign in cannot be used, and what would change that.

use keyfob_core::{
    error::{Check, Error, Name},
    plan::{Ability, Reason, Way},
};

use crate::{
    problem::{Problem, Stage},
    ways,
};

/// What is wrong with a way.
pub struct Rejection {
    /// The name for scripts.
    pub name: &'static str,
    /// The server's error code.
    pub code: Option<&'static str>,
    /// A sentence.
    pub message: String,
    /// What to do about it, as a sentence; empty if nothing can be done here.
    pub advice: &'static str,
}

impl Rejection {
    pub fn of(way: Way, reason: Reason) -> Self {
        let reason = match reason {
            // A page for a phone would do too, but keys are what one misses in a terminal.
            Reason::Lacks(Ability::Network) if way == Way::Paste => Reason::Lacks(Ability::Keys),
            reason => reason,
        };
        let (name, message, advice) = match reason {
            Reason::Blocked(code) => {
                let message =
                    format!("The server does not let this application go this way ({}).", code.as_str());
                (
                    "blocked",
                    message,
                    "Allow it for this application at the server, or leave it to another way.",
                )
            }
            Reason::Config(error) => ("config", settings(error), ""),
            Reason::Failed(error) => ("failed", tried(error), ""),
            Reason::Lacks(ability) => lacks(ability),
            Reason::Insecure => (
                "insecure",
                "The response would cross the network unencrypted.".to_owned(),
                "Name a relay with --relay; or allow it with --insecure-lan-redirect.",
            ),
            Reason::NoEndpoint(endpoint) => {
                ("no_endpoint", format!("The server has no {}.", endpoint.as_str()), "")
            }
            Reason::Unreachable => {
                let words = match way {
                    Way::Relay => "The relay does not answer.",
                    _ => "This machine cannot listen there.",
                };
                ("unreachable", words.to_owned(), "")
            }
            _ => ("other", "It cannot be used here.".to_owned(), ""),
        };
        let code = if let Reason::Blocked(code) = reason { Some(code.as_str()) } else { None };
        Self { name, code, message, advice }
    }
}

fn settings(error: Error) -> String {
    let words = match error {
        Error::Check(Check::PkceUnsupported) => {
            "The server does not do PKCE, which this way needs to be safe."
        }
        Error::Check(Check::ResponseTypeUnsupported) => "The server gives no codes.",
        Error::Config(Name::RedirectUri) => "The address that it would come back to is not allowed.",
        Error::Config(Name::AuthorizationEndpoint) => "The relay sends nobody to this server.",
        Error::Config(Name::DeviceId | Name::DeviceSecret) => {
            "The relay does not take this machine's account."
        }
        Error::Config(Name::Relay) => "The address of the relay is not allowed.",
        _ => "The settings do not allow it.",
    };
    words.to_owned()
}

fn tried(error: Error) -> String {
    match error {
        Error::Check(Check::HttpStatus(status)) => {
            format!("It was tried, and the server answered with the status {status}.")
        }
        _ => "It was tried, and did not work.".to_owned(),
    }
}

fn lacks(ability: Ability) -> (&'static str, String, &'static str) {
    let (name, message, advice) = match ability {
        Ability::Browser => (
            "no_browser",
            "There is no browser on this machine that its user sees.",
            "If there is one, --way loopback takes it, or --no-browser prints the address.",
        ),
        Ability::Keys => (
            "no_keys",
            "Nobody can paste an address here, for the input is no terminal.",
            "If a program writes to it, say so with --way paste. Or show a phone a page, with --portal.",
        ),
        Ability::Network => (
            "no_network",
            "No address is given at which a phone could reach this machine.",
            "Give one with --portal.",
        ),
        Ability::Relay => {
            ("no_relay", "No relay is given.", "Give one with --relay and --relay-device-file.")
        }
        Ability::Screen => ("no_screen", "There is nothing to show a code on.", ""),
        _ => ("lacks", "This machine lacks what it takes.", ""),
    };
    (name, message.to_owned(), advice)
}

/// What to say where no way can be used.
pub fn none(way: Way, reason: Reason) -> Problem {
    match reason {
        Reason::NoEndpoint(endpoint) => {
            Problem::of(Stage::SignIn, Error::Check(Check::MissingMember(endpoint)), None)
        }
        Reason::Config(error) | Reason::Failed(error) => Problem::of(Stage::SignIn, error, None),
        reason => {
            let Rejection { message, advice, .. } = Rejection::of(way, reason);
            let advice = if advice.is_empty() { "See what there is with --ways." } else { advice };
            Problem::setting(format!("The way {} cannot be used. {message}", ways::name(way)), advice)
        }
    }
}

#[cfg(test)]
mod tests {
    use keyfob_core::error::ErrorCode;

    use super::*;
    use crate::advice::{
        Advice, Class, on,
        tests::{arguments, assert_readable, variants},
    };

    const ABILITIES: [Ability; 7] = [
        Ability::Browser,
        Ability::InsecureLanRedirect,
        Ability::Keys,
        Ability::Network,
        Ability::PortalCertificate,
        Ability::Relay,
        Ability::Screen,
    ];

    const REASONS: [Reason; 7] = [
        Reason::Blocked(ErrorCode::UnauthorizedClient),
        Reason::Config(Error::Config(Name::RedirectUri)),
        Reason::Failed(Error::Check(Check::HttpStatus(404))),
        Reason::Lacks(Ability::Browser),
        Reason::Insecure,
        Reason::NoEndpoint(Name::DeviceAuthorizationEndpoint),
        Reason::Unreachable,
    ];

    // REQ: PORTAL-01
    #[test]
    fn every_reason_has_words() {
        let source = include_str!("../../../../core/src/plan.rs");
        assert_eq!(variants(source, "Ability").len(), ABILITIES.len());
        assert_eq!(variants(source, "Reason").len(), REASONS.len());
        let lacking = ABILITIES.map(Reason::Lacks);
        for reason in REASONS.into_iter().chain(lacking) {
            let Rejection { name, message, advice, .. } = Rejection::of(Way::Portal, reason);
            assert_ne!(name, "other");
            let whole =
                Advice::new(Class::Usage, message, if advice.is_empty() { "None there is." } else { advice });
            assert_readable(&whole, &format!("{reason:?}"));
            let problem = none(Way::Portal, reason);
            assert_readable(&on(&problem, &arguments()), &format!("{reason:?}"));
        }
    }
}
