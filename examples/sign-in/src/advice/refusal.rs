//! The server's error codes: what each one means to a person.

use keyfob_core::error::ErrorCode;

use crate::{
    advice::{Advice, Class},
    problem::{ServerText, Stage},
};

/// What to say about a refusal.
pub fn advice(code: ErrorCode, stage: Stage, refusal: Option<&ServerText>) -> Advice {
    let text = refusal.map_or(code.as_str(), |refusal| refusal.code.as_str());
    let (class, what, advice) = words(code, stage);
    Advice {
        code: Some(text.to_owned()),
        description: refusal.map(|refusal| refusal.description.clone()).filter(|words| !words.is_empty()),
        ..Advice::new(class, format!("{what} ({text})."), advice)
    }
}

fn words(code: ErrorCode, stage: Stage) -> (Class, &'static str, &'static str) {
    match code {
        ErrorCode::AccessDenied => (
            Class::Denied,
            "The sign-in was denied",
            "If it was you who pressed Deny or Cancel, run it again. If not, the server decided so, and its log says why.",
        ),
        ErrorCode::AccountSelectionRequired
        | ErrorCode::ConsentRequired
        | ErrorCode::InteractionRequired
        | ErrorCode::LoginRequired => (
            Class::Denied,
            "The server would have to ask the user something, and may not",
            "Leave out --prompt none, so that the user can answer.",
        ),
        ErrorCode::InsufficientUserAuthentication | ErrorCode::UnmetAuthenticationRequirements => (
            Class::Denied,
            "The user cannot sign in the way that --acr-values asks for",
            "Set up that way of signing in for the user, or ask for another one.",
        ),
        ErrorCode::AuthorizationPending | ErrorCode::SlowDown => {
            (Class::Network, "The server asks for patience", "Wait a minute, then run it again.")
        }
        ErrorCode::ServerError | ErrorCode::TemporarilyUnavailable => (
            Class::Network,
            "The server is in trouble",
            "Run it again in a few minutes. If it stays so, tell whoever runs the server.",
        ),
        ErrorCode::ExpiredToken => {
            (Class::Expired, "The time that the server gives ran out", "Run it again.")
        }
        ErrorCode::InvalidClient => (
            Class::Refused,
            "The server does not know this application, or does not believe that this is it",
            "Check --client-id. With a secret, check --client-secret-file and try --client-auth post. Without one, the \
             application has to be a public one at the server (Auth0: type Native, authentication method None).",
        ),
        ErrorCode::InvalidDpopProof | ErrorCode::UseDpopNonce => (
            Class::Refused,
            "The server does not take the proof that binds its tokens to a key (DPoP)",
            "Check the date of this machine. If it is right, --bearer does without such proofs.",
        ),
        ErrorCode::InvalidGrant if stage == Stage::Refresh => (
            Class::Refused,
            "The server does not take its refresh token back",
            "Sign in again. If it stays so, check how long refresh tokens live at the server.",
        ),
        ErrorCode::InvalidGrant => (
            Class::Refused,
            "The server does not take the code that it gave",
            "Sign in again, without pausing before the last step. If it stays so, check that --client-id and \
             --redirect-uri are those that are registered at the server.",
        ),
        ErrorCode::InvalidRequest => (
            Class::Refused,
            "The server finds something wrong with the request",
            "Its own words say what. Check the options that go with it: --param, --audience, --organization, --prompt.",
        ),
        ErrorCode::InvalidScope => (
            Class::Refused,
            "The server does not grant what --scope asks for",
            "Ask for less with --scope, or allow it for this application at the server.",
        ),
        ErrorCode::InvalidTarget => (
            Class::Refused,
            "The server does not know what the access token shall be for",
            "Check --resource and --audience.",
        ),
        ErrorCode::InsufficientScope => {
            (Class::Refused, "The access token does not allow this", "Ask for more with --scope.")
        }
        ErrorCode::InvalidToken => (
            Class::Refused,
            "The server does not take its own access token",
            "Sign in again. Check --audience.",
        ),
        ErrorCode::UnauthorizedClient => (
            Class::Refused,
            "This application may not sign users in this way",
            "Allow the grant for it at the server: authorization code, with the redirect address that it uses, or device \
             code for --device. See with --ways what else there is.",
        ),
        ErrorCode::UnsupportedGrantType => (
            Class::Refused,
            "The server does not do this for this application",
            "Allow the grant for it at the server: authorization code, and refresh token for --then refresh.",
        ),
        ErrorCode::UnsupportedTokenType => (
            Class::Refused,
            "The server does not revoke tokens of this kind",
            "Nothing is left to do: the tokens are forgotten here, and end by themselves at the server.",
        ),
        ErrorCode::UnsupportedResponseType => (
            Class::Refused,
            "The server does not give codes to this application",
            "Allow the authorization code grant for it at the server.",
        ),
        _ => (
            Class::Refused,
            "The server refused, for a reason of its own",
            "Its code and its own words say why; whoever runs the server can explain them.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advice::tests::{STAGES, assert_readable};

    #[test]
    fn every_error_code_has_words() {
        let source = include_str!("../../../../core/src/error_code.rs");
        let (_, table) = source.split_once("error_codes! {\n").expect("the table is there");
        let mut seen = 0;
        for row in table.lines().take_while(|line| *line != "}") {
            let code = row.split('"').nth(1).expect("the code as it is sent");
            let server = ServerText { code: code.to_owned(), description: "its words".to_owned() };
            for stage in STAGES {
                let value = CODES.into_iter().find(|value| value.as_str() == code).expect(code);
                let advice = advice(value, stage, Some(&server));
                assert_readable(&advice, code);
                assert!(!advice.message.contains("reason of its own"), "{code} has words of its own");
                assert!(advice.message.contains(code) && advice.description.is_some());
            }
            seen += 1;
        }
        assert_eq!(seen, CODES.len());
        let other = ServerText { code: "org_locked".to_owned(), description: String::new() };
        let advice = advice(ErrorCode::Other, Stage::SignIn, Some(&other));
        assert_eq!((advice.code.as_deref(), advice.description), (Some("org_locked"), None));
    }

    const CODES: [ErrorCode; 25] = [
        ErrorCode::AccessDenied,
        ErrorCode::AccountSelectionRequired,
        ErrorCode::AuthorizationPending,
        ErrorCode::ConsentRequired,
        ErrorCode::ExpiredToken,
        ErrorCode::InsufficientScope,
        ErrorCode::InsufficientUserAuthentication,
        ErrorCode::InteractionRequired,
        ErrorCode::InvalidClient,
        ErrorCode::InvalidDpopProof,
        ErrorCode::InvalidGrant,
        ErrorCode::InvalidRequest,
        ErrorCode::InvalidScope,
        ErrorCode::InvalidTarget,
        ErrorCode::InvalidToken,
        ErrorCode::LoginRequired,
        ErrorCode::ServerError,
        ErrorCode::SlowDown,
        ErrorCode::TemporarilyUnavailable,
        ErrorCode::UnauthorizedClient,
        ErrorCode::UnmetAuthenticationRequirements,
        ErrorCode::UnsupportedGrantType,
        ErrorCode::UnsupportedResponseType,
        ErrorCode::UseDpopNonce,
        ErrorCode::UnsupportedTokenType,
    ];
}
