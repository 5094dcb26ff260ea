//! Where servers differ from RFC 8628. Each difference has its one place here:
//!
//! | server | what it does | here |
//! | --- | --- | --- |
//! | Google | `verification_url`; 428 while it waits | [`verification_uri`]; statuses are not looked at |
//! | Auth0 | 403 while it waits, 429 with `slow_down` | statuses are not looked at |
//! | GitHub | 200 with `error`; `interval` beside `slow_down` | statuses are not looked at; [`interval`] |
//! | Entra | `authorization_declined` for `access_denied` | [`error_code`] |
//! | Amazon | code pairs | [`CodePairs`] |

use crate::{
    encoding::form::Pairs,
    error::{Check, Error, ErrorCode, Name},
    flow::device_authorization::codes::seconds,
    http::Response,
    quirks::Quirks,
    sieve::{Kept, Value},
};

/// The address for the user, and the name that it stands under.
pub(super) fn verification_uri(kept: Kept<'_>, tolerated: Quirks) -> (Name, Option<Value<'_>>, Quirks) {
    match (kept.get(Name::VerificationUri), kept.get(Name::VerificationUrl)) {
        (None, url @ Some(_)) if tolerated.contains(Quirks::VERIFICATION_URL) => {
            (Name::VerificationUrl, url, Quirks::VERIFICATION_URL)
        }
        (uri, _) => (Name::VerificationUri, uri, Quirks::NONE),
    }
}

/// What a refusal means.
pub(super) fn error_code(code: &str, tolerated: Quirks) -> ErrorCode {
    match code {
        "authorization_declined" if tolerated.contains(Quirks::AUTHORIZATION_DECLINED) => {
            ErrorCode::AccessDenied
        }
        code => ErrorCode::from_text(code.as_bytes()),
    }
}

/// The interval beside `slow_down`, in seconds.
pub(super) fn interval(response: &Response<'_>, tolerated: Quirks) -> Option<u32> {
    let interval =
        response.beside_error(Name::Interval).filter(|_| tolerated.contains(Quirks::INTERVAL_WITH_SLOW_DOWN));
    seconds(interval, Name::Interval, tolerated).ok()?.0
}

/// Whether the server, or what stands before it, is in trouble: its answer says nothing of the codes.
pub(super) fn is_trouble(error: Error) -> bool {
    matches!(error, Error::Check(Check::HttpStatus(429 | 500..=599)))
}

/// Amazon's way to write the requests, from before RFC 8628: a code pair is asked for with a response type, and
/// exchanged with both of its codes.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) struct CodePairs(pub(super) bool);

impl CodePairs {
    pub(super) fn write_start(self, pairs: &mut Pairs<'_, '_>) {
        if self.0 {
            pairs.pair("response_type", "device_code");
        }
    }

    pub(super) fn write_poll(self, user_code: &str, pairs: &mut Pairs<'_, '_>) {
        if self.0 {
            pairs.pair("user_code", user_code);
        }
    }

    pub(super) fn grant_type(self) -> &'static str {
        if self.0 { "device_code" } else { "urn:ietf:params:oauth:grant-type:device_code" }
    }
}
