//! The plan of refresh tokens.

use keyfob_core::error::Check;
use keyfob_tests::{form, id_token::Draft};

use crate::{
    basic::append,
    party::{DISCOVERY, KEYS, TOKEN, USERINFO, every},
};

/// A sign-in where all goes well, then a refresh whose ID token has this fault: refused, and no UserInfo.
fn refuses(forge: fn(&mut Draft), check: Check) {
    every(
        |_| {},
        |party| {
            party.scope = &["openid", "offline_access"];
            // Only what comes without a nonce comes from a refresh.
            FORGE.set(Some(forge));
            party.server(|server| {
                server.forge = Some(|draft| {
                    if draft.claims.get("nonce").is_none() {
                        FORGE.get().expect("a forgery")(draft);
                    }
                });
            });
            assert_eq!(party.sign_in_and_refresh().err(), Some(check.into()));
            assert_eq!(party.requests(), [DISCOVERY, TOKEN, KEYS, TOKEN, KEYS]);
        },
    );
}

thread_local! {
    static FORGE: std::cell::Cell<Option<fn(&mut Draft)>> = const { std::cell::Cell::new(None) };
}

/// The provider gives a new refresh token and an ID token. No more scope is asked for than before.
// REQ: REFRESH-01, REFRESH-03, REFRESH-06
#[test]
fn oidcc_client_test_refresh_token() {
    every(
        |_| {},
        |party| {
            party.scope = &["openid", "offline_access"];
            let [first, second] = party.sign_in_and_refresh().expect("all goes well");
            assert_ne!(first.access_token, second.access_token);
            assert_ne!(first.refresh_token, second.refresh_token);
            assert_eq!((first.subject, second.id_token.is_some()), (second.subject, true));
            assert_eq!(party.requests(), [DISCOVERY, TOKEN, KEYS, TOKEN, KEYS, USERINFO]);
            assert_eq!(party.access_token(), second.access_token);
            party.server(|server| {
                let pairs = form::pairs(&server.received[3].body);
                assert_eq!(form::value(&pairs, "grant_type").as_deref(), Some("refresh_token"));
                assert_eq!(form::value(&pairs, "refresh_token"), first.refresh_token);
                assert_eq!(form::value(&pairs, "scope"), None, "what was granted");
            });
        },
    );
}

/// `iss` is the right one and more.
// REQ: REFRESH-06, REFRESH-07
#[test]
fn oidcc_client_test_refresh_token_invalid_issuer() {
    refuses(|draft| append(draft, "iss", "1"), Check::IssMismatch);
}

/// `sub` is the right one and more.
// REQ: REFRESH-06, REFRESH-07
#[test]
fn oidcc_client_test_refresh_token_invalid_sub() {
    refuses(|draft| append(draft, "sub", "1"), Check::SubjectMismatch);
}

/// `aud` is the right one and more.
// REQ: REFRESH-06
#[test]
fn oidcc_client_test_refresh_token_invalid_aud() {
    refuses(|draft| append(draft, "aud", "1"), Check::AudienceMismatch);
}

/// There is an `azp`, and it is of somebody else.
// REQ: IDT-06
#[test]
fn oidcc_client_test_refresh_token_invalid_azp() {
    refuses(|draft| draft.claims["azp"] = "somebody else".into(), Check::AzpMismatch);
}
