//! The settings that the core does not take, by the options that they come from.

use keyfob_core::error::Name;

use crate::advice::{Advice, Class};

/// What to say about a setting.
pub fn advice(name: Name) -> Advice {
    let (option, advice) = match name {
        Name::AcrValues => ("--acr-values", "Separate the values with spaces."),
        Name::Alg => ("--id-token-alg", "Name RS256, ES256 or both."),
        Name::AuthorizationDetails => {
            ("--authorization-details", "Write a JSON list with one object or more in it.")
        }
        Name::ClientId => ("--client-id", "Copy it from the application's page at the server."),
        Name::ClientSecret => {
            ("--client-secret-file", "The file must hold the secret alone: one line of plain ASCII.")
        }
        Name::Issuer => (
            "--issuer",
            "Write the address as the server does: https, a host, perhaps a path, no ? and no #. Plain http is for \
             issuers on this machine only.",
        ),
        Name::Parameter => (
            "--param",
            "Each name may be there once, and none that has an option of its own or that the protocol sets itself.",
        ),
        Name::Prompt => ("--prompt", "The values none and create stand alone."),
        Name::RedirectUri => (
            "--redirect-uri",
            "Use http://127.0.0.1:PORT/PATH, an https address, or a scheme with a dot such as com.example.app:/callback.",
        ),
        Name::Resource => ("--resource", "Write a whole URI, without #."),
        Name::Scope => {
            ("--scope", "Separate the values with spaces; quotes and backslashes are not allowed.")
        }
        Name::UiLocales => ("--ui-locales", "Write language tags, separated by spaces: de en."),
        Name::AuthorizationEndpoint => {
            return Advice::new(
                Class::Refused,
                "The server's authorization endpoint brings parameters along that only a client may set.",
                "This is a fault in the server's configuration; tell whoever runs it.",
            );
        }
        Name::RefreshToken => {
            return Advice::new(
                Class::Refused,
                "The server gave a refresh token that cannot be sent back.",
                "This is a fault of the server; tell whoever runs it.",
            );
        }
        _ => {
            return Advice::new(
                Class::Usage,
                format!("The setting `{name}` is not allowed."),
                "Check the options.",
            );
        }
    };
    Advice::new(Class::Usage, format!("The value of {option} is not allowed."), advice)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::advice::tests::assert_readable;

    #[test]
    fn every_setting_that_the_core_refuses_names_its_option() {
        let source = include_str!("../../../../core/src/client/check.rs");
        let rest = source.split("config(").skip(1).filter(|rest| !rest.starts_with("holds"));
        let named = rest.filter_map(|rest| rest.split("Name::").nth(1)?.split([')', ',']).next());
        let mut named: HashSet<_> = named.collect();
        assert!(named.contains("Scope") && named.contains("Parameter"), "{named:?}");
        // No option sets these.
        for name in ["Aud", "AuthorizationEndpoint", "Claims", "ClockSkew"] {
            named.remove(name);
        }
        for (name, value) in [
            ("AcrValues", Name::AcrValues),
            ("Alg", Name::Alg),
            ("AuthorizationDetails", Name::AuthorizationDetails),
            ("ClientId", Name::ClientId),
            ("ClientSecret", Name::ClientSecret),
            ("Issuer", Name::Issuer),
            ("Parameter", Name::Parameter),
            ("Prompt", Name::Prompt),
            ("RedirectUri", Name::RedirectUri),
            ("Resource", Name::Resource),
            ("Scope", Name::Scope),
            ("UiLocales", Name::UiLocales),
        ] {
            let advice = advice(value);
            named.remove(name);
            assert_readable(&advice, name);
            assert!(
                advice.class == Class::Usage && advice.message.contains("--"),
                "{name}: {}",
                advice.message
            );
        }
        assert!(named.is_empty(), "the core refuses these too: {named:?}");
    }
}
