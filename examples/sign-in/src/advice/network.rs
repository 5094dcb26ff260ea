//! What the network and the browser do not do.

use std::error::Error as _;

use keyfob_std::{
    http::{HttpError, HttpErrorKind},
    user_agent::UserAgentError,
};

use crate::{
    advice::{Advice, Class},
    arguments::Arguments,
    problem::Stage,
    settings::DEFAULT_REDIRECT_URI,
};

/// What to say about a failure of the network.
pub fn advice(error: &HttpError, stage: Stage, arguments: &Arguments) -> Advice {
    let server = arguments.issuer.as_deref().unwrap_or("the demo issuer's address");
    let detail = cause(error);
    let (class, message, advice) = match error.kind() {
        HttpErrorKind::Resolve => (
            Class::Network,
            format!("The machine named in {server} cannot be found."),
            "Check --issuer for typing errors, and the connection to the network.",
        ),
        HttpErrorKind::Connect => (
            Class::Network,
            format!("The server at {server} cannot be reached."),
            "Check --issuer and the connection to the network; a firewall or a proxy may be in the way.",
        ),
        HttpErrorKind::Timeout => (
            Class::Network,
            format!("The server at {server} did not answer in time."),
            "Run it again in a few minutes. If it stays so, check the connection to the network.",
        ),
        HttpErrorKind::Protocol => (
            Class::Network,
            format!("The answer of the server at {server} was broken off, or is no HTTP."),
            "Run it again. If it stays so, check the port in --issuer, and whether a proxy is in the way.",
        ),
        HttpErrorKind::Tls => {
            let (reason, advice) = tls(detail.as_deref().unwrap_or_default());
            let message = format!(
                "The server at {server} could not prove who it is: {reason}. Nothing was sent to it."
            );
            (Class::Check, message, advice)
        }
        _ => (Class::Network, format!("The connection to {server} failed."), "Run it again."),
    };
    let message = match stage {
        Stage::Discovery | Stage::SignIn => message,
        Stage::Refresh => format!("The user is signed in, but refreshing failed. {message}"),
        Stage::Logout => format!("The tokens are forgotten here, but revoking them failed. {message}"),
        Stage::UserInfo => format!("The user is signed in, but asking for more failed. {message}"),
    };
    Advice {
        check: (class == Class::Check).then_some("tls"),
        ..Advice::new(class, message, advice).because(detail)
    }
}

/// Why a certificate was not accepted, from the names that the TLS library has for it.
fn tls(detail: &str) -> (&'static str, &'static str) {
    let reasons = [
        (
            &["Expired"][..],
            "its certificate has expired",
            "Check the date of this machine. If it is right, tell whoever runs the server.",
        ),
        (
            &["NotValidYet"],
            "its certificate is not valid yet",
            "Check the date of this machine. If it is right, tell whoever runs the server.",
        ),
        (
            &["NotValidForName"],
            "its certificate is for another name",
            "Check --issuer for typing errors. If it is right, do not go on from this network.",
        ),
        (
            &["InvalidContentType", "corrupt message"],
            "it does not speak TLS there",
            "Check the port in --issuer, and whether a proxy is in the way.",
        ),
        (
            &["UnknownIssuer", "CaUsedAsEndEntity"],
            "its certificate is of no authority that is trusted here",
            "If it is of your organization's own authority, name that with --ca-file. If not, somebody may be in between: do not go on from this network.",
        ),
    ];
    let found = reasons.into_iter().find(|(names, ..)| names.iter().any(|name| detail.contains(name)));
    found.map_or(
        ("its certificate was not accepted", "Do not go on from this network; tell whoever runs the server."),
        |(_, reason, advice)| (reason, advice),
    )
}

/// What the library below says, from the outside in.
fn cause(error: &HttpError) -> Option<String> {
    let mut words = Vec::new();
    let mut next = error.source();
    while let Some(source) = next {
        words.push(source.to_string());
        next = source.source();
    }
    words.dedup();
    (!words.is_empty()).then(|| words.join(": "))
}

/// What to say about a browser that cannot be used.
pub fn of_browser(error: &UserAgentError, arguments: &Arguments) -> Advice {
    match error {
        UserAgentError::Cancelled => Advice::new(
            Class::Denied,
            "The input ended before the browser's final address came.",
            "Run it again, and paste the address that the browser ends at.",
        ),
        UserAgentError::Listen(error) => {
            let redirect_uri = arguments.redirect_uri.as_deref().unwrap_or(DEFAULT_REDIRECT_URI);
            Advice::new(
                Class::Usage,
                format!("This program cannot listen at {redirect_uri}, where the browser shall come back to."),
                "Perhaps another run is still waiting there: end it. Or choose another port with --redirect-uri, which \
                 the server has to allow too.",
            )
            .because(error.to_string())
        }
        UserAgentError::NoBrowser => Advice::new(
            Class::Other,
            "There is no browser that this program can open.",
            "Run it again with --no-browser, and open the address that it prints.",
        ),
        _ => Advice::new(Class::Other, "The browser cannot be used.", "Run it again with --no-browser."),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::advice::tests::{STAGES, arguments, assert_readable};

    #[test]
    fn every_failure_of_network_and_browser_has_words() {
        for kind in [
            HttpErrorKind::Connect,
            HttpErrorKind::Protocol,
            HttpErrorKind::Resolve,
            HttpErrorKind::Timeout,
            HttpErrorKind::Tls,
        ] {
            let error = HttpError::new(kind, false).because("the cause");
            for stage in STAGES {
                let advice = advice(&error, stage, &arguments());
                assert_readable(&advice, &format!("{kind:?}"));
                assert_eq!(advice.detail.as_deref(), Some("the cause"));
                assert_eq!(advice.class == Class::Check, kind == HttpErrorKind::Tls);
            }
        }
        for error in [
            UserAgentError::Cancelled,
            UserAgentError::Listen(io::ErrorKind::AddrInUse.into()),
            UserAgentError::NoBrowser,
        ] {
            assert_readable(&of_browser(&error, &arguments()), &format!("{error:?}"));
        }
    }
}
