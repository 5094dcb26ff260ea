//! The error codes that servers answer with.

use core::fmt;

use crate::error::Remedy;

macro_rules! error_codes {
    ($($variant:ident = $text:literal, $remedy:ident, $source:literal;)*) => {
        /// An error code of a server. An unknown one is [`ErrorCode::Other`]; its text is in the
        /// [`Refusal`](crate::flow::Refusal).
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $(#[doc = concat!("`", $text, "`: ", $source, ".")] $variant,)*
            /// A code that none of the standards names.
            Other,
        }

        impl ErrorCode {
            /// The code as the server writes it; `other` for an unknown one.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Other => "other",
                }
            }

            pub(crate) fn from_text(text: &[u8]) -> Self {
                const ALL: &[ErrorCode] = &[$(ErrorCode::$variant),*];
                let known = ALL.iter().find(|code| code.as_str().as_bytes() == text);
                known.copied().unwrap_or(Self::Other)
            }

            pub(crate) const fn remedy(self) -> Remedy {
                match self {
                    $(Self::$variant => Remedy::$remedy,)*
                    Self::Other => Remedy::Restart,
                }
            }
        }
    };
}

error_codes! {
    AccessDenied = "access_denied", UserDenied, "RFC 6749 §4.1.2.1";
    AccountSelectionRequired = "account_selection_required", UserDenied, "OIDC Core §3.1.2.6";
    AuthorizationPending = "authorization_pending", RetryLater, "RFC 8628 §3.5";
    ConsentRequired = "consent_required", UserDenied, "OIDC Core §3.1.2.6";
    ExpiredToken = "expired_token", Restart, "RFC 8628 §3.5";
    InsufficientScope = "insufficient_scope", Configuration, "RFC 6750 §3.1";
    InsufficientUserAuthentication = "insufficient_user_authentication", UserDenied, "RFC 9470 §3";
    InteractionRequired = "interaction_required", UserDenied, "OIDC Core §3.1.2.6";
    InvalidClient = "invalid_client", Configuration, "RFC 6749 §5.2";
    InvalidDpopProof = "invalid_dpop_proof", Configuration, "RFC 9449 §5";
    InvalidGrant = "invalid_grant", Restart, "RFC 6749 §5.2";
    InvalidRequest = "invalid_request", Configuration, "RFC 6749 §4.1.2.1";
    InvalidScope = "invalid_scope", Configuration, "RFC 6749 §4.1.2.1";
    InvalidTarget = "invalid_target", Configuration, "RFC 8707 §2";
    InvalidToken = "invalid_token", RetryNow, "RFC 6750 §3.1";
    LoginRequired = "login_required", UserDenied, "OIDC Core §3.1.2.6";
    ServerError = "server_error", RetryLater, "RFC 6749 §4.1.2.1";
    SlowDown = "slow_down", RetryLater, "RFC 8628 §3.5";
    TemporarilyUnavailable = "temporarily_unavailable", RetryLater, "RFC 6749 §4.1.2.1";
    UnauthorizedClient = "unauthorized_client", Configuration, "RFC 6749 §4.1.2.1";
    UnmetAuthenticationRequirements = "unmet_authentication_requirements", UserDenied, "OpenID Connect Core Error Code unmet_authentication_requirements 1.0";
    UnsupportedGrantType = "unsupported_grant_type", Configuration, "RFC 6749 §5.2";
    UnsupportedTokenType = "unsupported_token_type", Configuration, "RFC 7009 §2.2.1";
    UnsupportedResponseType = "unsupported_response_type", Configuration, "RFC 6749 §4.1.2.1";
    UseDpopNonce = "use_dpop_nonce", RetryNow, "RFC 9449 §8";
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
